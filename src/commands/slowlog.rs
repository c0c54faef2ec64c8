//! SLOWLOG and COMMANDLOG: what took long or was large.

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};

use crate::engine::context::ServerCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::observe::commandlog::LogType;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    container("commandlog", -2, NO_FLAGS, NO_ACL, &docs::server::COMMANDLOG),
    srv("commandlog|get", 4, ADMIN.or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        commandlog_get, &docs::server::COMMANDLOG_GET),
    srv("commandlog|help", 2, LOADING.or(STALE), NO_ACL, NO_KEYS,
        commandlog_help, &docs::server::COMMANDLOG_HELP),
    srv("commandlog|len", 3, ADMIN.or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        commandlog_len, &docs::server::COMMANDLOG_LEN),
    srv("commandlog|reset", 3, ADMIN.or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        commandlog_reset, &docs::server::COMMANDLOG_RESET),
    container("slowlog", -2, NO_FLAGS, NO_ACL, &docs::server::SLOWLOG),
    srv("slowlog|get", -2, ADMIN.or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        slowlog_get, &docs::server::SLOWLOG_GET),
    srv("slowlog|help", 2, LOADING.or(STALE), NO_ACL, NO_KEYS,
        slowlog_help, &docs::server::SLOWLOG_HELP),
    srv("slowlog|len", 2, ADMIN.or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        slowlog_len, &docs::server::SLOWLOG_LEN),
    srv("slowlog|reset", 2, ADMIN.or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        slowlog_reset, &docs::server::SLOWLOG_RESET),
];

/// Entries that SLOWLOG GET returns if nobody says how many.
const COUNT_DEFAULT: usize = 10;

/// SLOWLOG GET [count]
pub fn slowlog_get(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    if args.len() > 3 {
        return Err(CommandError::subcommand_syntax("SLOWLOG", args.at(1)));
    }
    let count = args.get(2).map_or(Ok(COUNT_DEFAULT), count)?;
    list(ctx, LogType::Slow, count);
    Ok(())
}

/// SLOWLOG LEN
pub fn slowlog_len(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    len(ctx, LogType::Slow)
}

/// SLOWLOG RESET
pub fn slowlog_reset(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    reset(ctx, LogType::Slow)
}

/// COMMANDLOG GET count <SLOW|LARGE-REQUEST|LARGE-REPLY>
pub fn commandlog_get(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let kind = log_type(args.at(3))?;
    let count = count(args.at(2))?;
    list(ctx, kind, count);
    Ok(())
}

/// COMMANDLOG LEN <SLOW|LARGE-REQUEST|LARGE-REPLY>
pub fn commandlog_len(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    len(ctx, log_type(args.at(2))?)
}

/// COMMANDLOG RESET <SLOW|LARGE-REQUEST|LARGE-REPLY>
pub fn commandlog_reset(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    reset(ctx, log_type(args.at(2))?)
}

/// SLOWLOG HELP
pub fn slowlog_help(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply,
        "SLOWLOG",
        &[
            "GET [<count>]",
            "    Return the newest entries (10 unless said otherwise, -1: all), each of:",
            "    id, timestamp, microseconds, arguments, client address, client name",
            "LEN",
            "    Return how many entries there are.",
            "RESET",
            "    Empty the log.",
        ],
    );
    Ok(())
}

/// COMMANDLOG HELP
pub fn commandlog_help(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply,
        "COMMANDLOG",
        &[
            "GET <count> <type>",
            "    Return the newest entries of a log (-1: all), each of:",
            "    id, timestamp, microseconds (slow) or bytes (large-request, large-reply),",
            "    arguments, client address, client name",
            "LEN <type>",
            "    Return how many entries a log has.",
            "RESET <type>",
            "    Empty a log.",
        ],
    );
    Ok(())
}

fn log_type(word: &[u8]) -> Result<LogType, CommandError> {
    LogType::parse(word).ok_or(CommandError::fixed(
        "ERR type should be one of the following: slow, large-request, large-reply",
    ))
}

/// How many entries a word asks for.
fn count(word: &[u8]) -> Result<usize, CommandError> {
    match parse_i64(word) {
        Some(-1) => Ok(usize::MAX),
        Some(count @ 0..) => Ok(count as usize),
        _ => Err(CommandError::fixed(
            "ERR count should be greater than or equal to -1",
        )),
    }
}

fn list(ctx: &mut ServerCtx<'_>, kind: LogType, count: usize) {
    let entries = ctx.engine.command_log.entries(kind);
    let reply = &mut ctx.reply;
    reply.array(entries.len().min(count));
    for entry in entries.iter().take(count) {
        reply.array(6);
        reply.int(entry.id as i64);
        reply.int(entry.unix_s);
        reply.int(entry.figure as i64);
        reply.array(entry.args.len());
        for arg in &entry.args {
            reply.bulk(arg);
        }
        reply.bulk(entry.peer.as_bytes());
        reply.bulk(&entry.name);
    }
}

fn len(ctx: &mut ServerCtx<'_>, kind: LogType) -> CommandResult {
    ctx.reply
        .int(ctx.engine.command_log.entries(kind).len() as i64);
    Ok(())
}

fn reset(ctx: &mut ServerCtx<'_>, kind: LogType) -> CommandResult {
    ctx.engine.command_log.reset(kind);
    ctx.reply.ok();
    Ok(())
}
