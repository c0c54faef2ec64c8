//! SCRIPT.

use crate::engine::context::ServerCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::script::lua::Purpose;

use super::{NO_SCRIPT, check_enabled, check_flush_mode, error};

/// Nothing runs that could be ended.
const NOT_BUSY: CommandError = CommandError::fixed("NOTBUSY No scripts in execution right now.");

/// SCRIPT DEBUG YES|SYNC|NO [engine]: there is no debugger.
pub fn debug(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let mode = args.at(2);
    if mode.eq_ignore_ascii_case(b"no") {
        ctx.reply.ok();
        return Ok(());
    }
    if mode.eq_ignore_ascii_case(b"yes") || mode.eq_ignore_ascii_case(b"sync") {
        return Err(CommandError::fixed(
            "ERR scripts cannot be debugged on this server",
        ));
    }
    Err(CommandError::fixed("ERR Use SCRIPT DEBUG YES/SYNC/NO"))
}

/// SCRIPT EXISTS sha1 [sha1 ...]
pub fn exists(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    ctx.reply.array(args.len() - 2);
    for sha in args.iter_from(2) {
        let is_known = ctx.engine.scripts.cache.look(sha).is_some();
        ctx.reply.int(i64::from(is_known));
    }
    Ok(())
}

/// SCRIPT FLUSH [ASYNC|SYNC]
pub fn flush(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    check_flush_mode(args, "ERR SCRIPT FLUSH only support SYNC|ASYNC option")?;
    ctx.engine.scripts.flush_scripts();
    ctx.reply.ok();
    Ok(())
}

/// SCRIPT KILL
pub fn kill(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    kill_running(ctx, Purpose::Eval)
}

/// SCRIPT LOAD script
pub fn load(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    check_enabled(ctx)?;
    let body = args.take(2).into_bytes();
    let sha = ctx.engine.scripts.load_script(body).map_err(error)?;
    ctx.reply.bulk(&sha);
    Ok(())
}

/// SCRIPT SHOW sha1
pub fn show(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let script = ctx.engine.scripts.cache.look(args.at(2)).ok_or(NO_SCRIPT)?;
    ctx.reply.bulk_large(script.body.clone());
    Ok(())
}

/// SCRIPT HELP
pub fn help(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    crate::commands::help(&mut ctx.reply, "SCRIPT", HELP);
    Ok(())
}

/// Ends the script that keeps the server busy, if it may be ended.
pub fn kill_running(ctx: &mut ServerCtx<'_>, purpose: Purpose) -> CommandResult {
    let busy = ctx.engine.scripts.busy.as_mut().ok_or(NOT_BUSY)?;
    if busy.has_written {
        return Err(CommandError::fixed(
            "UNKILLABLE Sorry the script already executed write commands against the dataset. You \
             can either wait the script termination or kill the server in a hard way using the \
             SHUTDOWN NOSAVE command.",
        ));
    }
    match (busy.purpose, busy.purpose == purpose) {
        (Purpose::Eval, false) => Err(CommandError::BUSY),
        (Purpose::Functions, false) => Err(CommandError::BUSY_FUNCTION),
        (_, true) => {
            busy.is_killed = true;
            ctx.reply.ok();
            Ok(())
        }
    }
}

const HELP: &[&str] = &[
    "DEBUG NO",
    "    Scripts cannot be debugged here.",
    "EXISTS <sha1> [<sha1> ...]",
    "    Tell which scripts are known.",
    "FLUSH [ASYNC|SYNC]",
    "    Forget all scripts.",
    "KILL",
    "    End the script that is running, unless it has written.",
    "LOAD <script>",
    "    Remember a script without running it.",
    "SHOW <sha1>",
    "    Return the text of a script.",
];
