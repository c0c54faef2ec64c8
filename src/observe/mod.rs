//! What the server knows about itself: counters, slow commands, latencies, and INFO.
//!
//! Everything here is of fixed size and always on. It looks at the engine and its commands; what
//! it learns changes nothing about them.

pub mod audit;
pub mod commandlog;
pub mod histogram;
pub mod hot;
pub mod info;
pub mod latency;
pub mod machine;
pub mod stats;
pub mod throttle;
pub mod web;

use crate::dispatch::table::Found;
use crate::dispatch::table::{FAST, SKIP_SLOWLOG};
use crate::engine::Engine;
use crate::engine::clients::ClientKey;
use crate::resp::args::Args;

use latency::event;

/// A command that ran, and what it took.
#[derive(Clone, Copy, Debug)]
pub struct Ran<'a> {
    /// Its row.
    pub found: Found,
    /// Its arguments.
    pub args: Args<'a>,
    /// The database it ran in.
    pub db: u32,
    /// How long, in nanoseconds.
    pub took_ns: u64,
    /// Bytes of its reply.
    pub reply_bytes: usize,
    /// A script called it.
    pub in_script: bool,
}

/// Looks at a command that is one of many, or took longer than one of the thresholds, or asked or
/// answered more than them.
#[cold]
pub fn look_closely(engine: &mut Engine, key: ClientKey, ran: &Ran<'_>) {
    hot::look(engine, ran);
    if ran.took_ns >= engine.stats.slow_ns || is_large(engine, ran) {
        notable_command(engine, key, ran);
    }
}

fn is_large(engine: &Engine, ran: &Ran<'_>) -> bool {
    let bytes = ran.reply_bytes.max(ran.args.wire_bytes_at_most());
    bytes >= engine.stats.large_bytes
}

fn notable_command(engine: &mut Engine, key: ClientKey, ran: &Ran<'_>) {
    let flags = ran.found.command.flags;
    let name = match flags.contains(FAST) {
        true => event::FAST_COMMAND,
        false => event::COMMAND,
    };
    let unix_ms = engine.now.unix_ms;
    engine
        .latency
        .note(&engine.config, name, ran.took_ns, unix_ms);
    // A command that waits now is logged when it has been served.
    if flags.contains(SKIP_SLOWLOG) || engine.effects.wait.is_some() {
        return;
    }
    let Some(client) = engine.clients.find(key) else {
        return;
    };
    let unix_s = unix_ms / 1_000;
    engine.command_log.add(&engine.config, client, ran, unix_s);
}
