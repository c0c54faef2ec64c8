//! MULTI EXEC DISCARD WATCH UNWATCH.

use std::ops::ControlFlow;

use crate::acl::Context;
use crate::commands::acl;
use crate::commands::docs;
use crate::commands::member::{Room, drawn};
use crate::dispatch::{keys::*, table::*};

use crate::dispatch::execute::call;
use crate::engine::clients::{SessionGates, Transaction};
use crate::engine::context::{Caller, ServerCtx};
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::gates::ServerGates;
use crate::engine::watch::WatchedKey;
use crate::observe::audit;
use crate::resp::args::Args;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    srv("discard", 1, NOSCRIPT.or(LOADING).or(STALE).or(FAST).or(ALLOW_BUSY).or(RUNS_IN_MULTI), TRANSACTION, NO_KEYS,
        discard, &docs::transactions::DISCARD),
    srv("exec", 1, NOSCRIPT.or(LOADING).or(STALE).or(SKIP_SLOWLOG).or(RUNS_IN_MULTI)
        .or(ENDS_MULTI), TRANSACTION, NO_KEYS, exec, &docs::transactions::EXEC),
    srv("multi", 1, NOSCRIPT.or(LOADING).or(STALE).or(FAST).or(NO_MULTI).or(ALLOW_BUSY),
        TRANSACTION, NO_KEYS, multi, &docs::transactions::MULTI),
    srv("unwatch", 1, NOSCRIPT.or(LOADING).or(STALE).or(FAST).or(ALLOW_BUSY), TRANSACTION, NO_KEYS,
        unwatch, &docs::transactions::UNWATCH),
    srv("watch", -2, NOSCRIPT.or(LOADING).or(STALE).or(FAST).or(NO_MULTI).or(ALLOW_BUSY),
        TRANSACTION, RO_ALL, watch, &docs::transactions::WATCH),
];

/// MULTI
pub fn multi(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let client = ctx.client_mut();
    if client.transaction.is_some() {
        return Err(CommandError::fixed("ERR MULTI calls can not be nested"));
    }
    client.transaction = Some(Box::default());
    client.gates.set(SessionGates::IN_MULTI, true);
    ctx.reply.ok();
    Ok(())
}

/// DISCARD
pub fn discard(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    if take_transaction(ctx).is_none() {
        return Err(CommandError::fixed("ERR DISCARD without MULTI"));
    }
    ctx.reply.ok();
    Ok(())
}

/// EXEC
pub fn exec(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let doomed = is_doomed(ctx);
    let Some(transaction) = take_transaction(ctx) else {
        return Err(CommandError::fixed("ERR EXEC without MULTI"));
    };
    if transaction.aborted {
        return Err(CommandError::EXEC_ABORT);
    }
    if doomed {
        ctx.reply.null_array();
        return Ok(());
    }
    run(ctx, &transaction)
}

/// WATCH key [key ...]
pub fn watch(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    if ctx.client().transaction.is_some() {
        return Err(CommandError::fixed("ERR WATCH inside MULTI is not allowed"));
    }
    // Watching more cannot save a transaction that has failed already.
    let failed = ctx.client().watch.as_ref().is_some_and(|state| state.dirty);
    for bytes in args.iter_from(1).filter(|_| !failed) {
        watch_key(ctx, bytes);
    }
    ctx.engine.refresh_listeners();
    ctx.reply.ok();
    Ok(())
}

/// UNWATCH
pub fn unwatch(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    ctx.engine.unwatch(ctx.client);
    ctx.reply.ok();
    Ok(())
}

fn watch_key(ctx: &mut ServerCtx<'_>, bytes: &[u8]) {
    let db = ctx.client().db;
    if !ctx.engine.watch.add(ctx.client, db, bytes) {
        return;
    }
    let watched = WatchedKey {
        db,
        key: bytes.into(),
        was_expired: ctx.engine.key_is_due(db, bytes),
    };
    ctx.client_mut()
        .watch
        .get_or_insert_default()
        .keys
        .push(watched);
}

/// Whether a watched key changed, or has ended since, though nobody has removed it yet.
fn is_doomed(ctx: &mut ServerCtx<'_>) -> bool {
    let Some(state) = ctx.client().watch.as_ref() else {
        return false;
    };
    if state.dirty {
        return true;
    }
    let keys: Vec<WatchedKey> = state
        .keys
        .iter()
        .filter(|w| !w.was_expired)
        .cloned()
        .collect();
    keys.iter()
        .any(|watched| ctx.engine.key_is_due(watched.db, &watched.key))
}

/// Ends the transaction of the client, whatever becomes of its commands.
fn take_transaction(ctx: &mut ServerCtx<'_>) -> Option<Box<Transaction>> {
    ctx.engine.take_transaction(ctx.client)
}

/// Runs all commands, however much they answer: when that is more than may wait for the client,
/// which is closed then, it is given up.
fn run(ctx: &mut ServerCtx<'_>, transaction: &Transaction) -> CommandResult {
    let room = Room::of(&ctx.keys());
    let mut fits = ControlFlow::Continue(());
    let before = ctx.reply.outbox().checkpoint();
    ctx.reply.array(transaction.commands.len());
    ctx.engine.begin_group();
    let caller = Caller {
        deny_blocking: true,
        in_exec: true,
        ..ctx.caller
    };
    for (id, args) in &transaction.commands {
        let Some(command) = ctx.engine.registry.command(*id) else {
            continue;
        };
        let found = Found { id: *id, command };
        let args = args.as_args();
        let checked = acl::check(ctx.engine, ctx.client, found, args, Context::Multi);
        if let Err(denied) = checked {
            if ctx.engine.gates.has(ServerGates::AUDIT) {
                let context = Context::Multi;
                audit::command_refused(ctx.engine, ctx.client, found, args, context, &denied);
            }
            ctx.reply.error(&format!(
                "NOPERM ACLs rules changed between the moment the transaction was accumulated and \
                 the EXEC call. This command is no longer allowed for the following reason: {}",
                denied.line().trim_start_matches("NOPERM ")
            ));
            continue;
        }
        call(
            ctx.engine,
            ctx.client,
            found,
            args,
            ctx.reply.outbox(),
            caller,
            ctx.busy,
        );
        let protocol = ctx.client().protocol;
        ctx.reply.set_protocol(protocol);
        if room.after(&mut ctx.reply).is_break() {
            ctx.reply.outbox().truncate(before);
            fits = ControlFlow::Break(());
        }
    }
    ctx.engine.end_group();
    ctx.engine.effects.propagate_nothing();
    drawn(fits)
}
