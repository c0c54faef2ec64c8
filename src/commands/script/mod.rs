//! EVAL, SCRIPT, FCALL and FUNCTION.
//!
//! What a script may do, and what becomes of what it does, is decided here (`host`); the scripts
//! themselves and the Lua they run in are in `crate::script`.

mod eval;
mod function;
mod host;
mod manage;

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};
use crate::engine::context::ServerCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;

const RUNS: Flags = NOSCRIPT
    .or(SKIP_MONITOR)
    .or(NO_MANDATORY_KEYS)
    .or(STALE)
    .or(MAY_REPLICATE);
const RUNS_READ_ONLY: Flags = NOSCRIPT
    .or(SKIP_MONITOR)
    .or(NO_MANDATORY_KEYS)
    .or(STALE)
    .or(READ);

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    srv("eval", -3, RUNS.or(BY_SCRIPT), SCRIPTING, SCRIPT_KEYS,
        eval::eval, &docs::scripting::EVAL),
    srv("eval_ro", -3, RUNS_READ_ONLY.or(BY_SCRIPT), SCRIPTING, SCRIPT_RO_KEYS,
        eval::eval_ro, &docs::scripting::EVAL_RO),
    srv("evalsha", -3, RUNS.or(BY_SHA), SCRIPTING, SCRIPT_KEYS,
        eval::evalsha, &docs::scripting::EVALSHA),
    srv("evalsha_ro", -3, RUNS_READ_ONLY.or(BY_SHA), SCRIPTING, SCRIPT_RO_KEYS,
        eval::evalsha_ro, &docs::scripting::EVALSHA_RO),
    srv("fcall", -3, RUNS.or(BY_FUNCTION), SCRIPTING, SCRIPT_KEYS,
        eval::fcall, &docs::scripting::FCALL),
    srv("fcall_ro", -3, RUNS_READ_ONLY.or(BY_FUNCTION), SCRIPTING, SCRIPT_RO_KEYS,
        eval::fcall_ro, &docs::scripting::FCALL_RO),
    container("function", -2, NO_FLAGS, NO_ACL, &docs::scripting::FUNCTION),
    srv("function|delete", 3, NOSCRIPT.or(WRITE), SCRIPTING, NO_KEYS,
        function::delete, &docs::scripting::FUNCTION_DELETE),
    srv("function|dump", 2, NOSCRIPT, SCRIPTING, NO_KEYS,
        function::dump, &docs::scripting::FUNCTION_DUMP),
    srv("function|flush", -2, NOSCRIPT.or(WRITE), SCRIPTING, NO_KEYS,
        function::flush, &docs::scripting::FUNCTION_FLUSH),
    srv("function|help", 2, LOADING.or(STALE), SCRIPTING, NO_KEYS,
        function::help, &docs::scripting::FUNCTION_HELP),
    srv("function|kill", 2, NOSCRIPT.or(ALLOW_BUSY), SCRIPTING, NO_KEYS,
        function::kill, &docs::scripting::FUNCTION_KILL),
    srv("function|list", -2, NOSCRIPT, SCRIPTING, NO_KEYS,
        function::list, &docs::scripting::FUNCTION_LIST),
    srv("function|load", -3, NOSCRIPT.or(WRITE).or(DENYOOM), SCRIPTING, NO_KEYS,
        function::load, &docs::scripting::FUNCTION_LOAD),
    srv("function|restore", -3, NOSCRIPT.or(WRITE).or(DENYOOM), SCRIPTING, NO_KEYS,
        function::restore, &docs::scripting::FUNCTION_RESTORE),
    srv("function|stats", 2, NOSCRIPT.or(ALLOW_BUSY), SCRIPTING, NO_KEYS,
        function::stats, &docs::scripting::FUNCTION_STATS),
    container("script", -2, NO_FLAGS, NO_ACL, &docs::scripting::SCRIPT),
    srv("script|debug", -3, NOSCRIPT, SCRIPTING, NO_KEYS,
        manage::debug, &docs::scripting::SCRIPT_DEBUG),
    srv("script|exists", -3, NOSCRIPT.or(STALE), SCRIPTING, NO_KEYS,
        manage::exists, &docs::scripting::SCRIPT_EXISTS),
    srv("script|flush", -2, NOSCRIPT.or(STALE), SCRIPTING, NO_KEYS,
        manage::flush, &docs::scripting::SCRIPT_FLUSH),
    srv("script|help", 2, LOADING.or(STALE), SCRIPTING, NO_KEYS,
        manage::help, &docs::scripting::SCRIPT_HELP),
    srv("script|kill", 2, NOSCRIPT.or(ALLOW_BUSY), SCRIPTING, NO_KEYS,
        manage::kill, &docs::scripting::SCRIPT_KILL),
    srv("script|load", 3, NOSCRIPT.or(STALE), SCRIPTING, NO_KEYS,
        manage::load, &docs::scripting::SCRIPT_LOAD),
    srv("script|show", 3, NOSCRIPT.or(STALE), SCRIPTING, NO_KEYS,
        manage::show, &docs::scripting::SCRIPT_SHOW),
];

/// No script of this SHA1.
const NO_SCRIPT: CommandError =
    CommandError::fixed("NOSCRIPT No matching script. Please use EVAL.");

/// `scripting no` takes Lua away at run time, and a build without it for good.
fn check_enabled(ctx: &ServerCtx<'_>) -> CommandResult {
    match (cfg!(feature = "lua"), ctx.engine.config.scripting) {
        (true, true) => Ok(()),
        (true, false) => Err(CommandError::fixed(
            "ERR scripts are switched off on this server (scripting no)",
        )),
        (false, _) => Err(CommandError::fixed(
            "ERR this server was built without scripts",
        )),
    }
}

/// The mode of SCRIPT FLUSH and FUNCTION FLUSH: it makes no difference here.
fn check_flush_mode(args: Args<'_>, line: &'static str) -> CommandResult {
    match (args.get(2), args.len()) {
        (None, _) => Ok(()),
        (Some(mode), 3) if mode.eq_ignore_ascii_case(b"async") => Ok(()),
        (Some(mode), 3) if mode.eq_ignore_ascii_case(b"sync") => Ok(()),
        _ => Err(CommandError::fixed(line)),
    }
}

/// `ERR` and what is wrong.
fn error(text: String) -> CommandError {
    CommandError::new(format!("ERR {text}"))
}
