//! The end of the server: what is saved before it, and what prevents it.

use crate::config::ShutdownFlags;

use super::Engine;

/// A signal that asks the server to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutdownSignal {
    /// SIGTERM.
    Term,
    /// SIGINT, as of Ctrl-C.
    Int,
}

impl ShutdownSignal {
    fn name(self) -> &'static str {
        match self {
            ShutdownSignal::Term => "SIGTERM",
            ShutdownSignal::Int => "SIGINT",
        }
    }
}

/// What is needed for the end could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutdownFailed;

impl Engine {
    /// Ends the server after this turn, once everything that is to be saved is on disk.
    ///
    /// # Errors
    /// The last snapshot cannot be written, or the append-only file that is being switched on has
    /// no base yet, and `force` was not given: the server goes on.
    pub fn shut_down(&mut self, flags: ShutdownFlags) -> Result<(), ShutdownFailed> {
        // What is half loaded must not replace what is on disk.
        let saves = !self.is_loading() && !flags.nosave;
        if self.writes_first_base() {
            if !flags.force {
                tracing::warn!("Writing initial AOF, can't exit");
                return Err(ShutdownFailed);
            }
            tracing::warn!("Writing initial AOF. Exit anyway.");
        }
        if self.cancel_snapshots() {
            tracing::warn!("The snapshot under way was given up");
        }
        if saves && (flags.save || !self.config.save.is_empty()) {
            tracing::info!("Saving the final RDB snapshot before exiting.");
            if self.save_and_wait().is_err() {
                if !flags.force {
                    tracing::warn!("Error trying to save the DB, can't exit.");
                    return Err(ShutdownFailed);
                }
                tracing::warn!("Error trying to save the DB, exiting all the same.");
            }
        }
        if let Err(error) = self.flush_log() {
            tracing::warn!("Error writing the append only file: {error}");
            if !flags.force && !flags.nosave {
                return Err(ShutdownFailed);
            }
        }
        self.request_exit(0);
        Ok(())
    }

    /// SIGTERM or SIGINT arrived. A script that is running has changed half of what it is to
    /// change: it ends first.
    pub fn signal_shutdown(&mut self, signal: ShutdownSignal) {
        self.shutdown_signal = Some(signal);
        match self.script_run {
            None => self.end_if_asked(),
            Some(_) => tracing::warn!("Received {}, a script has to end first", signal.name()),
        }
    }

    /// Ends the server if a signal has asked for it.
    pub(super) fn end_if_asked(&mut self) {
        let Some(signal) = self.shutdown_signal.take() else {
            return;
        };
        let name = signal.name();
        let flags = match signal {
            ShutdownSignal::Term => self.config.shutdown_on_sigterm,
            ShutdownSignal::Int => self.config.shutdown_on_sigint,
        };
        tracing::warn!("Received {name}, shutting down");
        if self.shut_down(flags).is_err() {
            tracing::warn!("{name} received but errors trying to shut down the server");
        }
    }
}
