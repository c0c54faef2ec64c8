//! Commands about the server: TIME, SHUTDOWN.

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};

use crate::engine::context::{KeyCtx, ServerCtx};
use crate::engine::error::CommandResult;
use crate::resp::args::Args;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    srv("shutdown", -1, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE).or(NO_MULTI).or(ALLOW_BUSY),
        NO_ACL, NO_KEYS, shutdown, &docs::server::SHUTDOWN),
    key("time", 1, LOADING.or(STALE).or(FAST), NO_ACL, NO_KEYS, time, &docs::server::TIME),
];

/// TIME
pub fn time(ctx: &mut KeyCtx<'_>, _args: Args<'_>) -> CommandResult {
    let ms = ctx.now.unix_ms;
    let us = (ms % 1_000) * 1_000 + (ctx.now.mono_us % 1_000) as i64;
    ctx.reply.array(2);
    ctx.reply.bulk_int(ms / 1_000);
    ctx.reply.bulk_int(us);
    Ok(())
}

/// SHUTDOWN
pub fn shutdown(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    ctx.engine.request_exit(0);
    Ok(())
}
