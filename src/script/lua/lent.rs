//! The server that runs a script, lent to native functions for as long as the script runs.
//!
//! It hangs on the thread, because a native function outlives every script and cannot hold what one
//! was lent: mlua's way for that, a scope, makes two objects of Lua for each script and finalises
//! them, a seventh of what a short script costs. It is out of reach while it works.

use scoped_tls_hkt::scoped_thread_local;

use crate::script::host::Host;

/// A server, and what has it serve its other clients.
pub struct Loan<'a, S> {
    pub server: &'a mut S,
    pub serve_others: &'a mut dyn FnMut(&mut S),
}

/// What can be lent.
pub trait Lent {
    /// The server.
    fn host(&mut self) -> &mut dyn Host;

    /// Has the server serve its other clients.
    fn serve_others(&mut self);
}

impl<S: Host> Lent for Loan<'_, S> {
    fn host(&mut self) -> &mut dyn Host {
        self.server
    }

    fn serve_others(&mut self) {
        (self.serve_others)(self.server);
    }
}

scoped_thread_local!(static mut LENT: for<'a> &'a mut (dyn Lent + 'a));

/// Lends the server while `body` runs.
pub fn lend<T>(lent: &mut dyn Lent, body: impl FnOnce() -> T) -> T {
    LENT.set(lent, body)
}

/// Does something with the server that was lent; `None` if there is none.
pub fn borrow<T>(work: impl FnOnce(&mut dyn Lent) -> T) -> Option<T> {
    LENT.is_set().then(|| LENT.with(|lent| work(lent)))
}
