//! TIME SHUTDOWN LASTSAVE SAVE BGSAVE BGREWRITEAOF MODULE.

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};

use crate::engine::clients::Closing;
use crate::engine::context::{KeyCtx, ServerCtx};
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::gates::ServerGates;
use crate::resp::args::Args;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    srv("bgrewriteaof", 1, ADMIN.or(NOSCRIPT).or(NO_ASYNC_LOADING), NO_ACL, NO_KEYS,
        bgrewriteaof, &docs::server::BGREWRITEAOF),
    srv("bgsave", -1, ADMIN.or(NOSCRIPT).or(NO_ASYNC_LOADING), NO_ACL, NO_KEYS,
        bgsave, &docs::server::BGSAVE),
    srv("lastsave", 1, LOADING.or(STALE).or(FAST), ADMIN_DANGEROUS, NO_KEYS,
        lastsave, &docs::server::LASTSAVE),
    container("module", -2, NO_FLAGS, NO_ACL, &docs::server::MODULE),
    srv("module|help", 2, LOADING.or(STALE), NO_ACL, NO_KEYS,
        module_help, &docs::server::MODULE_HELP),
    srv("module|list", 2, ADMIN.or(NOSCRIPT), NO_ACL, NO_KEYS,
        module_list, &docs::server::MODULE_LIST),
    srv("module|load", -3, ADMIN.or(NOSCRIPT).or(NO_ASYNC_LOADING).or(PROTECTED), NO_ACL, NO_KEYS,
        module_load, &docs::server::MODULE_LOAD),
    srv("module|loadex", -3, ADMIN.or(NOSCRIPT).or(NO_ASYNC_LOADING).or(PROTECTED), NO_ACL, NO_KEYS,
        module_load, &docs::server::MODULE_LOADEX),
    srv("module|unload", 3, ADMIN.or(NOSCRIPT).or(NO_ASYNC_LOADING).or(PROTECTED), NO_ACL, NO_KEYS,
        module_load, &docs::server::MODULE_UNLOAD),
    srv("save", 1, ADMIN.or(NOSCRIPT).or(NO_ASYNC_LOADING).or(NO_MULTI), NO_ACL, NO_KEYS,
        save, &docs::server::SAVE),
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

/// SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT]: answers only if it does not happen.
pub fn shutdown(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let (mut save, mut nosave, mut force, mut abort) = (false, false, false, false);
    for word in args.iter_from(1) {
        match word.to_ascii_lowercase().as_slice() {
            b"save" => save = true,
            b"nosave" => nosave = true,
            b"force" => force = true,
            b"abort" => abort = true,
            b"now" | b"safe" | b"failover" => {}
            _ => return Err(CommandError::SYNTAX),
        }
    }
    if (save && nosave) || (abort && args.len() > 2) {
        return Err(CommandError::SYNTAX);
    }
    if abort {
        return Err(CommandError::fixed("ERR No shutdown in progress."));
    }
    if ctx.engine.gates.has(ServerGates::BUSY) && !nosave {
        return Err(ctx.engine.busy_error());
    }
    if save && !force {
        tracing::warn!("SHUTDOWN SAVE refused: kvd cannot write a snapshot yet");
        return Err(CommandError::fixed(
            "ERR Errors trying to SHUTDOWN. Check logs.",
        ));
    }
    tracing::warn!("User requested shutdown...");
    let client = ctx.client;
    ctx.engine.close(client, Closing::AfterFlush);
    ctx.engine.request_exit(0);
    Ok(())
}

/// LASTSAVE: nothing was saved since the start.
pub fn lastsave(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    ctx.reply.int(ctx.engine.stats.started.unix_ms / 1_000);
    Ok(())
}

/// SAVE
pub fn save(_ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    Err(NO_SNAPSHOT)
}

/// BGSAVE [SCHEDULE|CANCEL]
pub fn bgsave(_ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let is_known = |word: &[u8]| {
        let words: [&[u8]; 2] = [b"schedule", b"cancel"];
        words.iter().any(|known| word.eq_ignore_ascii_case(known))
    };
    if args.len() > 2 || args.get(1).is_some_and(|word| !is_known(word)) {
        return Err(CommandError::SYNTAX);
    }
    Err(NO_SNAPSHOT)
}

/// BGREWRITEAOF
pub fn bgrewriteaof(_ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    Err(CommandError::fixed(
        "ERR kvd does not write an append-only file yet",
    ))
}

/// MODULE LIST
pub fn module_list(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    ctx.reply.array(0);
    Ok(())
}

/// MODULE LOAD, LOADEX and UNLOAD
pub fn module_load(_ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    Err(CommandError::fixed(
        "ERR kvd has no modules: they would be foreign code in the server's memory",
    ))
}

/// MODULE HELP
pub fn module_help(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply,
        "MODULE",
        &["LIST", "    Return the loaded modules: always none."],
    );
    Ok(())
}

const NO_SNAPSHOT: CommandError = CommandError::fixed("ERR kvd cannot write a snapshot yet");
