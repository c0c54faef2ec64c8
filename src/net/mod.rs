//! The network: the only place that knows mio and sockets.
//!
//! Owns the event loop, the listening sockets, the connections and the signals. It moves bytes
//! between sockets and the engine and does nothing with them: it does not parse, and it touches no
//! client but through the engine. What it asks of the engine stands in [`event_loop`].

pub mod connection;
pub mod event_loop;
pub mod listener;
mod reads;
mod rebind;
pub mod signal;
pub mod token;

pub use event_loop::{EventLoop, Poller, Sockets};
pub use listener::{Bound, Class, ListenOptions, Listeners, TcpAddress, UnixAddress};
pub use rebind::{Rebinder, SharedListeners};
pub use signal::SignalSource;

#[cfg(test)]
mod tests;
