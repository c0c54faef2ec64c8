//! SCRIPT and FUNCTION as far as they make sense without scripts: there are none, so there is
//! nothing to list, and flushing them leaves nothing behind. EVAL and FCALL are absent.

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};
use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    container("function", -2, NO_FLAGS, NO_ACL, &docs::scripting::FUNCTION),
    key("function|flush", -2, WRITE.or(NOSCRIPT), SCRIPTING, NO_KEYS,
        function_flush, &docs::scripting::FUNCTION_FLUSH),
    key("function|list", -2, NOSCRIPT, SCRIPTING, NO_KEYS,
        function_list, &docs::scripting::FUNCTION_LIST),
    container("script", -2, NO_FLAGS, NO_ACL, &docs::scripting::SCRIPT),
    key("script|exists", -3, NOSCRIPT.or(STALE), SCRIPTING, NO_KEYS,
        script_exists, &docs::scripting::SCRIPT_EXISTS),
    key("script|flush", -2, NOSCRIPT.or(STALE), SCRIPTING, NO_KEYS,
        script_flush, &docs::scripting::SCRIPT_FLUSH),
];

/// FUNCTION FLUSH [ASYNC|SYNC]
pub fn function_flush(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    check_mode(args, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option")?;
    ctx.reply.ok();
    Ok(())
}

/// FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE]
pub fn function_list(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let mut i = 2;
    while i < args.len() {
        let word = args.at(i);
        if word.eq_ignore_ascii_case(b"withcode") {
            i += 1;
        } else if word.eq_ignore_ascii_case(b"libraryname") && i + 1 < args.len() {
            i += 2;
        } else {
            let word = String::from_utf8_lossy(word);
            return Err(CommandError::new(format!("ERR Unknown argument {word}")));
        }
    }
    ctx.reply.array(0);
    Ok(())
}

/// SCRIPT EXISTS sha1 [sha1 ...]
pub fn script_exists(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    ctx.reply.array(args.len() - 2);
    for _ in args.iter_from(2) {
        ctx.reply.int(0);
    }
    Ok(())
}

/// SCRIPT FLUSH [ASYNC|SYNC]
pub fn script_flush(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    check_mode(args, "ERR SCRIPT FLUSH only support SYNC|ASYNC option")?;
    ctx.reply.ok();
    Ok(())
}

fn check_mode(args: Args<'_>, line: &'static str) -> CommandResult {
    match (args.get(2), args.len()) {
        (None, _) => Ok(()),
        (Some(mode), 3) if mode.eq_ignore_ascii_case(b"async") => Ok(()),
        (Some(mode), 3) if mode.eq_ignore_ascii_case(b"sync") => Ok(()),
        _ => Err(CommandError::fixed(line)),
    }
}
