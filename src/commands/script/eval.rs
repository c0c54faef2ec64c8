//! EVAL, EVALSHA, FCALL and their forms that only read.

use std::rc::Rc;

use crate::commands::member::{Room, drawn};
use crate::engine::Engine;
use crate::engine::context::ServerCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::gates::ServerGates;
use crate::engine::scripts::{ClientRun, ScriptRun};
use crate::resp::args::{Args, OwnedArgs};
use crate::resp::number::parse_i64;
use crate::script::Busy;
use crate::script::cache::{Sha, lower, sha1_hex};
use crate::script::flags::ScriptFlags;
use crate::script::lua::{Compiled, Purpose};

use super::{NO_SCRIPT, check_enabled, error};

/// EVAL script numkeys [key ...] [arg ...]
pub fn eval(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    eval_script(ctx, args, false)
}

/// EVAL_RO script numkeys [key ...] [arg ...]
pub fn eval_ro(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    eval_script(ctx, args, true)
}

/// EVALSHA sha1 numkeys [key ...] [arg ...]
pub fn evalsha(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    eval_sha(ctx, args, false)
}

/// EVALSHA_RO sha1 numkeys [key ...] [arg ...]
pub fn evalsha_ro(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    eval_sha(ctx, args, true)
}

/// FCALL function numkeys [key ...] [arg ...]
pub fn fcall(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    call_function(ctx, args, false)
}

/// FCALL_RO function numkeys [key ...] [arg ...]
pub fn fcall_ro(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    call_function(ctx, args, true)
}

fn eval_script(ctx: &mut ServerCtx<'_>, args: Args<'_>, read_only: bool) -> CommandResult {
    check_enabled(ctx)?;
    show(ctx, args);
    let keys = key_count(args, CommandError::NOT_INTEGER)?;
    let sha = sha1_hex(args.at(1));
    if ctx.engine.scripts.cache.find(&sha).is_none() {
        let body = args.take(1).into_bytes();
        let scripts = &mut ctx.engine.scripts;
        scripts.add_script(sha, body, false).map_err(error)?;
    }
    run_cached(ctx, args, &sha, keys, read_only)
}

fn eval_sha(ctx: &mut ServerCtx<'_>, args: Args<'_>, read_only: bool) -> CommandResult {
    check_enabled(ctx)?;
    show(ctx, args);
    let sha = lower(args.at(1)).ok_or(NO_SCRIPT)?;
    let keys = key_count(args, CommandError::NOT_INTEGER)?;
    run_cached(ctx, args, &sha, keys, read_only)
}

fn run_cached(
    ctx: &mut ServerCtx<'_>,
    args: Args<'_>,
    sha: &Sha,
    keys: usize,
    read_only: bool,
) -> CommandResult {
    let Some(script) = ctx.engine.scripts.cache.find(sha) else {
        return Err(NO_SCRIPT);
    };
    let (function, flags) = (Rc::clone(&script.function), script.flags);
    let what = What {
        purpose: Purpose::Eval,
        name: sha,
        function,
        flags,
        read_only,
    };
    run(ctx, args, keys, &what)
}

fn call_function(ctx: &mut ServerCtx<'_>, args: Args<'_>, read_only: bool) -> CommandResult {
    check_enabled(ctx)?;
    show(ctx, args);
    let Some(function) = ctx.engine.scripts.libraries.function(args.at(1)) else {
        return Err(CommandError::fixed("ERR Function not found"));
    };
    let function = Rc::clone(function);
    let keys = key_count(args, CommandError::fixed("ERR Bad number of keys provided"))?;
    let what = What {
        purpose: Purpose::Functions,
        name: args.at(1),
        function: Rc::clone(&function.callback),
        flags: function.flags,
        read_only,
    };
    run(ctx, args, keys, &what)
}

/// A script is shown before the commands it calls.
fn show(ctx: &mut ServerCtx<'_>, args: Args<'_>) {
    if !ctx.engine.gates.has(ServerGates::MONITOR) {
        return;
    }
    if let Some(found) = ctx.engine.registry.resolve(args) {
        ctx.engine.show(ctx.client, found.command, args, ctx.caller);
    }
}

fn key_count(args: Args<'_>, no_number: CommandError) -> Result<usize, CommandError> {
    let count = parse_i64(args.at(2)).ok_or(no_number)?;
    if count > args.len() as i64 - 3 {
        return Err(CommandError::fixed(
            "ERR Number of keys can't be greater than number of args",
        ));
    }
    usize::try_from(count).map_err(|_| CommandError::fixed("ERR Number of keys can't be negative"))
}

/// What is to run.
struct What<'a> {
    purpose: Purpose,
    name: &'a [u8],
    function: Rc<Compiled>,
    flags: ScriptFlags,
    read_only: bool,
}

fn run(ctx: &mut ServerCtx<'_>, args: Args<'_>, keys: usize, what: &What<'_>) -> CommandResult {
    let is_declared = !what.flags.has(ScriptFlags::UNDECLARED);
    let writes = is_declared && !what.flags.has(ScriptFlags::NO_WRITES);
    if writes && what.read_only {
        return Err(CommandError::fixed(
            "ERR Can not execute a script with write flag using *_ro command.",
        ));
    }
    let full = ctx.engine.gates.has(ServerGates::MEMORY) && !ctx.engine.make_room();
    if full && writes && !what.flags.has(ScriptFlags::ALLOW_OOM) {
        return Err(CommandError::fixed(
            "OOM allow-oom flag is not set on the script, can not run it when used memory > \
             'maxmemory'",
        ));
    }
    let vm = ctx.engine.scripts.vm(what.purpose).map_err(error)?;
    let db = ctx.client().db;
    let room = Room::of(&ctx.keys());
    let engine = &mut *ctx.engine;
    engine.begin_group();
    engine.script_run = Some(ScriptRun::Client(ClientRun {
        read_only: what.read_only || (is_declared && !writes),
        ignores_memory: !full || (is_declared && what.flags.has(ScriptFlags::ALLOW_OOM)),
        ..ClientRun::new(engine, what.purpose, ctx.client, ctx.caller)
    }));
    let keys_and_argv = (args.rest(3).first(keys), args.rest(3 + keys));
    let busy = &mut *ctx.busy;
    let mut serve_others = |engine: &mut Engine| {
        note_busy(engine, what, args);
        busy.serve_others(engine);
    };
    let result = vm.run(
        &what.function,
        keys_and_argv,
        engine,
        &mut serve_others,
        room.bytes_max(),
        &mut ctx.reply,
    );
    finish(ctx.engine);
    ctx.engine.effects.propagate_nothing();
    ctx.client_mut().db = db;
    result.map_err(|failure| {
        let line = String::from_utf8_lossy(&failure.line).into_owned();
        match failure.is_counted {
            true => CommandError::new(line).counted(),
            false => CommandError::new(line),
        }
    })?;
    drawn(room.after(&mut ctx.reply))
}

/// From now on the others are answered while the script runs; what it has done is kept up to date
/// for those who want to end it.
#[cold]
fn note_busy(engine: &mut Engine, what: &What<'_>, args: Args<'_>) {
    let Some(ScriptRun::Client(run)) = &engine.script_run else {
        return;
    };
    if let Some(busy) = engine.scripts.busy.as_mut() {
        busy.has_written = run.has_written;
        return;
    }
    let kill = match what.purpose {
        Purpose::Eval => "SCRIPT KILL",
        Purpose::Functions => "FUNCTION KILL",
    };
    let took_ns = engine.clock.mono_ns().saturating_sub(run.started_ns);
    tracing::warn!(
        "Slow script detected: still in execution after {} milliseconds. You can try killing the \
         script using the {kill} command. Script name is: {}.",
        took_ns / 1_000_000,
        String::from_utf8_lossy(what.name)
    );
    engine.gates.set(ServerGates::BUSY, true);
    engine.scripts.busy = Some(Box::new(Busy {
        purpose: what.purpose,
        name: what.name.to_vec(),
        args: OwnedArgs::from(args),
        started_ns: run.started_ns,
        has_written: run.has_written,
        is_killed: false,
    }));
}

/// The run is over.
fn finish(engine: &mut Engine) {
    engine.script_run = None;
    if engine.scripts.busy.take().is_some() {
        engine.gates.set(ServerGates::BUSY, false);
        engine.read_clock();
    }
    engine.end_group();
}
