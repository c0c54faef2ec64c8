//! Time as a value. Nothing in the core reads a clock: whoever drives it passes a [`Now`].

/// One reading of both clocks, taken once per turn of the event loop and after each slow command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Wall clock: milliseconds since the Unix epoch. May jump.
    pub unix_ms: i64,
    /// Monotonic clock: microseconds since an arbitrary start. Never goes back.
    pub mono_us: u64,
}

/// Where times come from. The core holds one as a trait object: a real clock in the server, a
/// scripted one in tests.
pub trait Clock {
    /// Reads both clocks: one read of the hardware.
    fn now(&self) -> Now;

    /// Reads the monotonic clock in nanoseconds: the cheap read between two commands.
    fn mono_ns(&self) -> u64;

    /// The processor time that this thread has used, in microseconds. On a shared machine it tells
    /// a slice that was too long from one that was interrupted. Dearer than [`Clock::now`].
    fn thread_cpu_us(&self) -> u64;
}
