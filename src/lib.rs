//! kvd: a Redis-compatible key-value server on one thread.
//!
//! The modules stand in the order in which data passes through them:
//!
//! ```text
//! client socket -> net (event loop) -> client (inbox) -> resp (parser) -> dispatch -> commands
//!   -> engine -> store (keyspace: hash(key) % N -> shard) -> resp (encoder) -> client (outbox) -> net
//! ```

pub mod config;
pub mod host;
pub mod resp;
pub mod store;

pub mod random;
pub mod time;
