//! What the server knows about itself: counters, slow commands, latencies, and INFO.
//!
//! Everything here is of fixed size and always on. It looks at the engine and its commands; what
//! it learns changes nothing about them.

pub mod audit;
pub mod commandlog;
pub mod histogram;
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

use commandlog::Ran;
use latency::event;

/// A command took longer than one of the thresholds, or asked or answered more than them.
#[cold]
pub fn notable_command(
    engine: &mut Engine,
    key: ClientKey,
    found: Found,
    args: Args<'_>,
    took_ns: u64,
    reply_bytes: usize,
) {
    let flags = found.command.flags;
    let name = match flags.contains(FAST) {
        true => event::FAST_COMMAND,
        false => event::COMMAND,
    };
    let unix_ms = engine.now.unix_ms;
    engine.latency.note(&engine.config, name, took_ns, unix_ms);
    // A command that waits now is logged when it has been served.
    if flags.contains(SKIP_SLOWLOG) || engine.effects.block.is_some() {
        return;
    }
    let Some(client) = engine.clients.find(key) else {
        return;
    };
    let ran = Ran {
        command: found.command,
        args,
        us: took_ns / 1_000,
        reply_bytes: reply_bytes as u64,
        unix_s: unix_ms / 1_000,
    };
    engine.command_log.add(&engine.config, client, &ran);
}
