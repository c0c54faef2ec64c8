//! Conditions of the whole server under which commands take the long way through the gates.

/// A set of such conditions. Empty on an ordinary day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerGates(u16);

impl ServerGates {
    /// `maxmemory` is set.
    pub const MEMORY: ServerGates = ServerGates(1);
    /// Data is being loaded.
    pub const LOADING: ServerGates = ServerGates(1 << 1);
    /// A script runs for too long.
    pub const BUSY: ServerGates = ServerGates(1 << 2);
    /// CLIENT PAUSE.
    pub const PAUSED: ServerGates = ServerGates(1 << 3);
    /// Somebody monitors.
    pub const MONITOR: ServerGates = ServerGates(1 << 4);
    /// Writes are refused: the disk failed, or too few replicas would get them.
    pub const REFUSES_WRITES: ServerGates = ServerGates(1 << 5);
    /// The audit log is on.
    pub const AUDIT: ServerGates = ServerGates(1 << 6);
    /// A snapshot wants what the databases hold: some writers have to wait.
    pub const SNAPSHOT: ServerGates = ServerGates(1 << 7);

    /// The gates of both.
    pub const fn or(self, other: ServerGates) -> ServerGates {
        ServerGates(self.0 | other.0)
    }

    /// Whether the ordinary, short way is open.
    #[inline]
    pub fn is_open(self) -> bool {
        self.0 == 0
    }

    /// Whether any bit of `gate` is set.
    #[inline]
    pub fn has(self, gate: ServerGates) -> bool {
        self.0 & gate.0 != 0
    }

    /// Sets or clears `gate`.
    pub fn set(&mut self, gate: ServerGates, on: bool) {
        if on {
            self.0 |= gate.0;
        } else {
            self.0 &= !gate.0;
        }
    }
}
