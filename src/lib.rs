//! kvd: a Redis-compatible key-value server on one thread.
//!
//! The modules stand in the order in which data passes through them:
//!
//! ```text
//! client socket -> net (event loop) -> client (inbox) -> resp (parser) -> dispatch -> commands
//!   -> engine -> store (keyspace: hash(key) % N -> shard) -> resp (encoder) -> client (outbox)
//!   -> net
//! ```

pub mod net;

pub(crate) mod acl;
pub mod client;
pub(crate) mod commands;
pub mod dispatch;
pub mod engine;

pub mod resp;
pub(crate) mod script;
pub mod store;

pub mod persist;

pub mod config;
pub mod host;
pub mod observe;

pub mod random;
pub mod text;
pub mod time;

/// The version of kvd.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The version of Redis whose commands and replies clients may expect.
pub const REDIS_VERSION: &str = "7.4.0";

/// The command table as every server starts with it.
///
/// # Panics
/// If two rows have the same name: a defect that the first test of a build shows.
pub fn registry() -> dispatch::table::Registry {
    dispatch::table::Registry::new(commands::FAMILIES).expect("a valid command table")
}
