//! SIGTERM and SIGINT as events of the loop, so that the server ends between two commands.
//!
//! Owns the signal handlers of the process. A second SIGTERM or SIGINT ends the process inside the
//! handler, without the loop: whoever insists is heard even while one command runs for minutes.
//! SIGHUP is ignored, as Redis does, so that a closed terminal does not take the server along, and
//! SIGXFSZ, so that a file that reaches a limit is an error of one write and not the end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use mio::{Interest, Registry};
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook_mio::v1_0::Signals;

use crate::engine::shutdown::ShutdownSignal;

use super::token::Source;

/// Exit code when a second signal cuts the shutdown short.
const INSISTED_EXIT_CODE: i32 = 1;

/// The signals the event loop listens to.
pub struct SignalSource {
    signals: Signals,
}

impl SignalSource {
    /// Takes over the process's handlers. Once per process.
    pub fn install() -> io::Result<SignalSource> {
        let once = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            // The order matters: handlers run in it, so the first signal finds the flag unset.
            flag::register_conditional_shutdown(signal, INSISTED_EXIT_CODE, Arc::clone(&once))?;
            flag::register(signal, Arc::clone(&once))?;
        }
        Ok(SignalSource {
            signals: Signals::new([SIGTERM, SIGINT, SIGHUP, SIGXFSZ])?,
        })
    }

    /// Lets the poll report signals.
    pub fn register(&mut self, registry: &Registry) -> io::Result<()> {
        registry.register(
            &mut self.signals,
            Source::Signals.token(),
            Interest::READABLE,
        )
    }

    /// Takes what arrived: the last signal that asked the server to end.
    pub fn take_shutdown(&mut self) -> Option<ShutdownSignal> {
        let mut asked = None;
        for signal in self.signals.pending() {
            match signal {
                SIGTERM => asked = Some(ShutdownSignal::Term),
                SIGINT => asked = Some(ShutdownSignal::Int),
                _ => {}
            }
        }
        asked
    }
}
