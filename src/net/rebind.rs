//! Listening elsewhere while the server runs: CONFIG SET port, bind and tcp-keepalive.
//!
//! The sockets are opened while the command runs, so that its answer is true. The event loop and
//! [`Rebinder`] share the listeners; neither holds them while the other works.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use mio::Registry;

use crate::config::Config;

use super::listener::{ListenOptions, Listeners};

/// The listening sockets, of the event loop and of who opens others.
pub type SharedListeners = Rc<RefCell<Listeners>>;

/// Opens and closes listening sockets as the configuration asks for.
pub struct Rebinder {
    listeners: SharedListeners,
    registry: Registry,
}

impl Rebinder {
    pub(super) fn new(listeners: SharedListeners, registry: Registry) -> Rebinder {
        Rebinder {
            listeners,
            registry,
        }
    }

    /// Listens where the configuration says from now on; on failure where it did before.
    ///
    /// # Errors
    /// What the operating system says; it is in the log too.
    pub fn rebind(&self, config: &Config) -> io::Result<()> {
        let mut listeners = self.listeners.borrow_mut();
        let before: Vec<String> = listeners.bound().map(|bound| bound.to_string()).collect();
        let result = ListenOptions::from_config(config)
            .and_then(|options| listeners.rebind(options, &self.registry));
        match &result {
            Ok(()) => {
                let now = listeners.bound().map(|bound| bound.to_string());
                for bound in now.filter(|bound| !before.contains(bound)) {
                    tracing::info!("Listening on {bound}");
                }
            }
            Err(error) => tracing::warn!("{error}: listening where it did before"),
        }
        result
    }
}
