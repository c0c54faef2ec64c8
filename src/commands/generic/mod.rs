//! Commands on keys of any type: DEL UNLINK EXISTS TOUCH TYPE RANDOMKEY DBSIZE FLUSHDB FLUSHALL;
//! those that give a key another name or place are in `place`, DUMP and RESTORE in `dump`.

pub mod dump;
mod place;

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};

use crate::engine::context::{KeyCtx, ServerCtx};
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    srv("copy", -3, WRITE.or(DENYOOM), KEYSPACE, COPY_KEYS, place::copy, &docs::generic::COPY)
        .about(Databases::SelectedAndOption),
    key("del", -2, WRITE, KEYSPACE, RM_DELETE_ALL, del, &docs::generic::DEL),
    key("dump", 2, READ, KEYSPACE, RO_ACCESS_1, dump::dump, &docs::generic::DUMP),
    srv("restore", -4, WRITE.or(DENYOOM), DANGEROUS.or(KEYSPACE), OW_UPDATE_1,
        dump::restore, &docs::generic::RESTORE),
    srv("restore-asking", -4, WRITE.or(DENYOOM).or(ASKING), DANGEROUS.or(KEYSPACE), OW_UPDATE_1,
        dump::restore, &docs::server::RESTORE_ASKING),
    key("exists", -2, READ.or(FAST), KEYSPACE, RO_ALL, exists, &docs::generic::EXISTS),
    srv("move", -3, WRITE.or(FAST), KEYSPACE, RW_ACCESS_UPDATE_1,
        place::move_, &docs::generic::MOVE).about(Databases::SelectedAnd(2)),
    key("rename", 3, WRITE, KEYSPACE, RENAME_KEYS, place::rename, &docs::generic::RENAME),
    key("renamenx", 3, WRITE.or(FAST), KEYSPACE, RENAMENX_KEYS,
        place::renamenx, &docs::generic::RENAMENX),
    srv("swapdb", 3, WRITE.or(FAST), DANGEROUS.or(KEYSPACE), NO_KEYS,
        place::swapdb, &docs::server::SWAPDB).about(Databases::Named(&[1, 2])),
    key("type", 2, READ.or(FAST), KEYSPACE, RO_1, type_, &docs::generic::TYPE),
    key("unlink", -2, WRITE.or(FAST), KEYSPACE, RM_DELETE_ALL,
        del, &docs::generic::UNLINK),
    key("touch", -2, READ.or(FAST), KEYSPACE, RO_ALL, touch, &docs::generic::TOUCH),
    key("randomkey", 1, READ.or(TOUCHES_ARBITRARY_KEYS), KEYSPACE, NO_KEYS,
        randomkey, &docs::generic::RANDOMKEY),
    key("dbsize", 1, READ.or(FAST), KEYSPACE, NO_KEYS, dbsize, &docs::server::DBSIZE),
    srv("flushall", -1, WRITE, DANGEROUS.or(KEYSPACE), NO_KEYS,
        flushall, &docs::server::FLUSHALL).about(Databases::All),
    srv("flushdb", -1, WRITE, DANGEROUS.or(KEYSPACE), NO_KEYS,
        flushdb, &docs::server::FLUSHDB),
];

/// How often RANDOMKEY draws again when it meets a key whose time has come.
const RANDOMKEY_TRIES_MAX: usize = 100;

/// DEL key [key ...]. Large values are freed in slices whatever `lazyfree-lazy-user-del` says.
pub fn del(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let mut removed = 0;
    for bytes in args.iter_from(1) {
        let key = ctx.key(bytes);
        let Some(slot) = ctx.peek(&key) else { continue };
        ctx.delete(slot);
        ctx.modified(bytes);
        ctx.notify(EventClass::GENERIC, "del", bytes);
        removed += 1;
    }
    ctx.reply.int(removed);
    Ok(())
}

/// EXISTS key [key ...]: counts a key as often as it is named, and does not mark it as used.
pub fn exists(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let mut found = 0;
    for bytes in args.iter_from(1) {
        let key = ctx.key(bytes);
        found += i64::from(ctx.look(&key).is_some());
    }
    ctx.reply.int(found);
    Ok(())
}

/// TOUCH key [key ...]: marks keys as used, whatever CLIENT NO-TOUCH says.
pub fn touch(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    ctx.caller.no_touch = false;
    let mut found = 0;
    for bytes in args.iter_from(1) {
        let key = ctx.key(bytes);
        found += i64::from(ctx.read(&key).is_some());
    }
    ctx.reply.int(found);
    Ok(())
}

/// TYPE key
pub fn type_(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let name = match ctx.look(&key) {
        None => "none",
        Some(slot) => ctx.db.kind(slot).name(),
    };
    ctx.reply.simple(name);
    Ok(())
}

/// RANDOMKEY
pub fn randomkey(ctx: &mut KeyCtx<'_>, _args: Args<'_>) -> CommandResult {
    for _ in 0..RANDOMKEY_TRIES_MAX {
        let Some(slot) = ctx.db.random(ctx.rng) else {
            break;
        };
        let expired = ctx
            .db
            .expire_at(slot)
            .is_some_and(|at| at <= ctx.now.unix_ms);
        if !expired {
            ctx.reply.bulk(ctx.db.key(slot));
            return Ok(());
        }
        let name = ctx.db.key(slot).to_vec();
        let key = ctx.key(&name);
        ctx.peek(&key);
    }
    ctx.reply.null();
    Ok(())
}

/// DBSIZE
pub fn dbsize(ctx: &mut KeyCtx<'_>, _args: Args<'_>) -> CommandResult {
    ctx.reply.int(ctx.db.len() as i64);
    Ok(())
}

/// FLUSHDB [ASYNC|SYNC]. Either way the old data is freed in slices: nothing waits for it.
pub fn flushdb(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    check_flush_mode(args)?;
    let db = ctx.client().db;
    flush(ctx, db);
    ctx.engine.invalidate_all();
    ctx.engine.effects.propagate_always();
    ctx.reply.ok();
    Ok(())
}

/// FLUSHALL [ASYNC|SYNC]
pub fn flushall(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    check_flush_mode(args)?;
    for db in 0..ctx.engine.config.databases {
        flush(ctx, db);
    }
    ctx.engine.save_after_flushall();
    ctx.engine.invalidate_all();
    ctx.engine.effects.propagate_always();
    ctx.reply.ok();
    Ok(())
}

fn check_flush_mode(args: Args<'_>) -> Result<(), CommandError> {
    match args.get(1) {
        None => Ok(()),
        Some(_) if args.len() > 2 => Err(CommandError::SYNTAX),
        Some(mode) if mode.eq_ignore_ascii_case(b"sync") => Ok(()),
        Some(mode) if mode.eq_ignore_ascii_case(b"async") => Ok(()),
        Some(_) => Err(CommandError::SYNTAX),
    }
}

fn flush(ctx: &mut ServerCtx<'_>, db: u32) {
    let engine = &mut *ctx.engine;
    if engine.effects.listeners.watch {
        engine.fail_watchers_of(db, None);
    }
    if let Some(old) = engine.keyspace.flush(db as usize) {
        engine.effects.dirty += old.len() as u64;
        engine.keyspace.free_db(old);
    }
    engine.hot.forget_database(db);
    if engine.effects.listeners.blocked {
        engine.blocked.database_changed(db);
    }
}
