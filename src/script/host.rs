//! What scripts want of the server, as Lua's side of it sees the server.

use crate::resp::args::Args;
use crate::resp::reply::{Outbox, Protocol};

/// A command that a script called and that did not run.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The error line, its code first.
    pub line: String,
}

/// Where what a script writes goes: `redis.REPL_AOF` and its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sinks(pub u8);

impl Sinks {
    /// Nowhere.
    pub const NONE: Sinks = Sinks(0);
    /// The append-only file.
    pub const AOF: Sinks = Sinks(1);
    /// The replicas.
    pub const REPLICAS: Sinks = Sinks(2);
    /// Both.
    pub const ALL: Sinks = Sinks(3);

    /// Whether it is one of these.
    pub const fn has(self, sink: Sinks) -> bool {
        self.0 & sink.0 == sink.0
    }
}

impl Default for Sinks {
    fn default() -> Sinks {
        Sinks::ALL
    }
}

/// What becomes of a script that has run for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// It goes on.
    GoOn,
    /// The others are to be served first; then it is to be asked whether the script has to end.
    ServeOthers,
    /// It ends, for this reason.
    End(&'static str),
}

/// The server behind a running script.
pub trait Host {
    /// Runs a command; its reply goes to `out`.
    ///
    /// # Errors
    /// It was refused.
    fn call(&mut self, args: Args<'_>, out: &mut Outbox) -> Result<(), Refused>;

    /// Whether the user may run a command; `None` if there is no such command.
    fn may_run(&mut self, args: Args<'_>) -> Option<bool>;

    /// `redis.setresp`.
    fn set_protocol(&mut self, protocol: Protocol);

    /// `redis.set_repl`.
    fn set_sinks(&mut self, sinks: Sinks);

    /// Writes a line to the log, unless its level (0 debug to 3 warning) is too low.
    fn log(&mut self, level: u8, text: &[u8]);

    /// The processor time used so far, in microseconds.
    fn cpu_us(&mut self) -> u64;

    /// Asked every so many instructions. `served`: the others were served just now.
    fn interrupt(&mut self, served: bool) -> Interrupt;
}
