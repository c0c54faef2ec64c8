//! kvd: a Redis-compatible key-value server on one thread.
//!
//! # The way of the data
//!
//! ```text
//! client socket -> event loop (readable) -> parser -> dispatcher -> handler
//!   -> keyspace: hash(key) % N -> shard -> encoder -> outbox -> event loop (writable) -> client
//! ```
//!
//! The modules stand in this order below; each says in its own text what it owns and what it must
//! not do.
//!
//! - [`net`]: the event loop, whose `turn` is the server's; listeners, connections, signals.
//! - [`client`]: a connection without its socket: what was read, and what of it runs now.
//! - [`resp`]: bytes to arguments, values to bytes; what numbers and patterns are.
//! - [`dispatch`]: `execute`: look up, ask the gates, call, settle; what a row of the table says.
//! - `commands`: a file or folder for each family: its rows, its handlers, its documentation.
//! - `script`: Lua, and the scripts and functions the server knows.
//! - `acl`: users and what they may do.
//! - [`engine`]: what clients share: who waits, watches, subscribes; what a command has changed.
//! - [`store`]: keyspace, databases, shards; the types, which know no protocol and no clock.
//! - [`persist`]: snapshot and append-only file, written and loaded.
//! - [`observe`]: INFO, the logs of commands, latencies, hot keys, metrics, the audit log.
//! - [`config`]: the one table of options, redis.conf, CONFIG.
//! - [`host`]: clock, randomness, disk, log and machine: traits, and the operating system's.
//! - [`text`], [`time`], [`random`]: leaves: values, never a clock.
//!
//! [`net`], [`host`] and `main.rs` are the shell. Everything else is the core, to which bytes and
//! a [`time::Now`] come in and which hands bytes and effects out: the simulator of the tests
//! drives the same server without a socket, a disk or a clock.
//!
//! # What holds everywhere
//!
//! - Only `net` writes to sockets, and only the shell names sockets, files, clocks and threads.
//! - Nothing but the event loop's thread touches data. The threads of [`host`] sync, remove and
//!   append to files, and see bytes.
//! - No byte of a reply leaves before the append-only file has its command; under `appendfsync
//!   always`, before it is durable.
//! - What a script or a transaction does, and whom it wakes, is settled before the next command.
//! - One hash of a key chooses the shard and finds the entry in it.
//! - Work that nobody asked for (growth, freeing, expiry, eviction, snapshots) is done in slices.
//!   Nothing forks.
//! - Every queue, every buffer and every loop that a client feeds has a limit, a named constant or
//!   an option.
//! - The store and the protocol import nothing from above them; the rows of the command table are
//!   data that everybody may read. `tests/it/tidy.rs` holds this, and more that the compiler does
//!   not.
//! - No `unsafe`: it is forbidden here, and lives in dependencies.

// One by one, so that they are not sorted.
pub mod net;

pub mod client;

pub mod resp;

pub mod dispatch;

pub(crate) mod commands;

pub(crate) mod script;

pub(crate) mod acl;

pub mod engine;

pub mod store;

pub mod persist;

pub mod observe;

pub mod config;

pub mod host;

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
