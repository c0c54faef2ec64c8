//! What the server knows about itself: counters, slow commands, latencies.

pub mod histogram;
pub mod info;
pub mod machine;
pub mod stats;

use crate::dispatch::lookup::Found;
use crate::engine::Engine;
use crate::engine::clients::ClientKey;
use crate::resp::args::Args;

/// A command took longer than one of the thresholds.
#[cold]
pub fn slow_command(
    _engine: &mut Engine,
    _key: ClientKey,
    _found: Found,
    _args: Args<'_>,
    _took_ns: u64,
) {
}
