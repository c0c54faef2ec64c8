//! Commands about the server: TIME, SHUTDOWN.

use crate::dispatch::table::Command;

/// The rows of this family.
pub static TABLE: &[Command] = &[];

use crate::engine::context::{KeyCtx, ServerCtx};
use crate::engine::error::CommandResult;
use crate::resp::args::Args;

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
