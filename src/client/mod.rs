//! From the bytes of a connection to executed commands: inbox, parser state, fairness.
//!
//! A client's bytes are parsed where they were read. Only what cannot run yet is copied into its
//! inbox: an incomplete command, or commands behind one that made the client wait. Nothing here
//! knows a socket. Clients of the metrics port speak HTTP and have a way of their own ([`web`]).

mod ahead;
mod feed;
mod web;

pub use crate::engine::clients::{Client, ClientKey, Closing, Endpoint};

/// What became of the bytes of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// All ran, or only an incomplete command is left.
    Idle,
    /// The time of this turn is used up: the rest runs in the next.
    More,
    /// The client waits; the engine lists it when it may go on.
    Parked,
    /// The connection ends.
    Closing,
}
