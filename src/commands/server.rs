//! TIME SHUTDOWN LASTSAVE SAVE BGSAVE BGREWRITEAOF MODULE.

use crate::commands::docs;
use crate::config::ShutdownFlags;
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
    let us = ctx.now.unix_us();
    ctx.reply.array(2);
    ctx.reply.bulk_int(us.div_euclid(1_000_000));
    ctx.reply.bulk_int(us.rem_euclid(1_000_000));
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
    tracing::warn!("User requested shutdown...");
    let flags = ShutdownFlags {
        save,
        nosave,
        force,
        ..ShutdownFlags::default()
    };
    let client = ctx.client;
    if ctx.engine.shut_down(flags).is_err() {
        return Err(CommandError::fixed(
            "ERR Errors trying to SHUTDOWN. Check logs.",
        ));
    }
    ctx.engine.close(client, Closing::AfterFlush);
    Ok(())
}

/// LASTSAVE
pub fn lastsave(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    ctx.reply.int(ctx.engine.persist.saves.last_save_s);
    Ok(())
}

/// SAVE
pub fn save(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    ctx.engine.replace_unasked_save();
    if ctx.engine.is_saving() {
        return Err(SAVING);
    }
    if ctx.engine.persist.is_busy() {
        return Err(CommandError::fixed(
            "ERR Another snapshot is under way (AOF?): can't SAVE right now.",
        ));
    }
    ctx.engine
        .save_and_wait()
        .map_err(|error| save_error(&error))?;
    ctx.reply.ok();
    Ok(())
}

/// BGSAVE [SCHEDULE|CANCEL]
pub fn bgsave(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let is = |word: &[u8]| args.len() == 2 && args.at(1).eq_ignore_ascii_case(word);
    if is(b"cancel") {
        return cancel_save(ctx);
    }
    let may_wait = is(b"schedule");
    if args.len() > 1 && !may_wait {
        return Err(CommandError::SYNTAX);
    }
    ctx.engine.replace_unasked_save();
    if ctx.engine.is_saving() {
        return Err(SAVING);
    }
    // In the middle of a transaction a snapshot would hold a part of it.
    let in_exec = ctx.caller.in_exec;
    if !ctx.engine.persist.is_busy() && !in_exec {
        ctx.engine
            .begin_save()
            .map_err(|error| save_error(&error))?;
        ctx.reply.simple("Background saving started");
        return Ok(());
    }
    if !may_wait && !in_exec {
        return Err(CommandError::fixed(
            "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE \
             SCHEDULE in order to schedule a BGSAVE whenever possible.",
        ));
    }
    ctx.engine.persist.saves.is_scheduled = true;
    ctx.reply.simple("Background saving scheduled");
    Ok(())
}

fn cancel_save(ctx: &mut ServerCtx<'_>) -> CommandResult {
    if ctx.engine.cancel_save() {
        tracing::info!("Background saving cancelled by a client");
        ctx.reply.simple("Background saving cancelled");
    } else if ctx.engine.cancel_scheduled_save() {
        ctx.reply.simple("Scheduled background saving cancelled");
    } else {
        return Err(CommandError::fixed(
            "ERR Background saving is currently not in progress or scheduled",
        ));
    }
    Ok(())
}

fn save_error(error: &std::io::Error) -> CommandError {
    CommandError::new(format!(
        "ERR {}",
        crate::persist::save::disk_error_text(error)
    ))
}

const SAVING: CommandError = CommandError::fixed("ERR Background save already in progress");

/// BGREWRITEAOF
pub fn bgrewriteaof(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let text = match ctx.engine.request_rewrite()? {
        true => "Background append only file rewriting started",
        false => "Background append only file rewriting scheduled",
    };
    ctx.reply.simple(text);
    Ok(())
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
