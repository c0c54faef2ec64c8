//! What the server does for the other clients while one command takes long.
//!
//! A script may run for seconds. So that the others are answered meanwhile (mostly with BUSY), and
//! can end it, whoever runs commands hands in a [`WhileBusy`], and the script calls it from time to
//! time. Only the event loop has other connections; everybody else is [`Alone`].

use super::Engine;

/// Serves the other clients from inside of a command.
pub trait WhileBusy {
    /// Reads, runs and answers what the others sent. The client whose command runs is left alone.
    fn serve_others(&mut self, engine: &mut Engine);
}

/// There are no others: a test, a log that is replayed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl WhileBusy for Alone {
    fn serve_others(&mut self, _engine: &mut Engine) {}
}
