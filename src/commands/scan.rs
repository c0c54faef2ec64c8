//! KEYS and SCAN.

use crate::commands::docs;
use crate::commands::member::{Filter, Room};
use crate::dispatch::{keys::*, table::*};

use crate::engine::context::{KeyCtx, ServerCtx};
use crate::engine::effects::Wait;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::walk::Walk;
use crate::resp::args::Args;
use crate::resp::glob::Pattern;
use crate::resp::number::parse_u64;
use crate::resp::reply::Reply;
use crate::store::db::{Db, Slot};

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    srv("keys", 2, READ, DANGEROUS.or(KEYSPACE), NO_KEYS, keys, &docs::generic::KEYS),
    key("scan", -2, READ.or(TOUCHES_ARBITRARY_KEYS), KEYSPACE, NO_KEYS,
        scan, &docs::generic::SCAN),
];

/// Keys that KEYS looks at before it asks whether its time is up or the reply is too long already.
const KEYS_AT_ONCE: usize = 1024;
/// How long KEYS looks at keys in a turn.
const SLICE_NS: u64 = 1_000_000;

/// KEYS pattern
///
/// It looks at every key, for a millisecond a turn, and so gives SCAN's guarantee: a key that comes
/// or goes meanwhile may be named or not. Inside of EXEC or a script it looks at all in one go.
pub fn keys(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let pattern = Pattern::new(args.at(1));
    if let Some(name) = pattern.only() {
        only_key(&mut ctx.keys(), name);
        return Ok(());
    }
    let (started_ns, may_wait) = (ctx.engine.boundary_ns, !ctx.caller.deny_blocking);
    let bytes_max = Room::of(&ctx.keys()).bytes_max();
    let mut walk = ctx.client_mut().walk.take().unwrap_or_default();
    loop {
        look_on(&mut walk, &ctx.keys(), &pattern);
        // Whoever is closed for its output is told no more.
        if ctx.reply.outbox().len() + walk.reply.len() > bytes_max {
            return Err(CommandError::OUTPUT_LIMIT);
        }
        if walk.cursor == 0 {
            break;
        }
        let now_ns = ctx.engine.clock.mono_ns();
        if may_wait && now_ns >= started_ns + SLICE_NS {
            walk.spent_ns += now_ns - started_ns;
            ctx.client_mut().walk = Some(walk);
            ctx.engine.effects.wait = Some(Wait::Turn);
            return Ok(());
        }
    }
    let mut reply = Reply::new(&mut walk.reply, ctx.reply.protocol());
    if let Some(head) = walk.head {
        reply.end_array(head, walk.found);
    }
    ctx.reply.outbox().append(&mut walk.reply);
    ctx.engine.effects.spent_ns = walk.spent_ns;
    Ok(())
}

/// Looks at some more keys.
fn look_on(walk: &mut Walk, ctx: &KeyCtx<'_>, pattern: &Pattern<'_>) {
    let mut reply = Reply::new(&mut walk.reply, ctx.reply.protocol());
    walk.head.get_or_insert_with(|| reply.begin_array());
    walk.cursor = ctx.db.scan(walk.cursor, KEYS_AT_ONCE, |key, slot| {
        if pattern.matches(key) && lives(ctx.db, slot, ctx.now.unix_ms) {
            reply.bulk(key);
            walk.found += 1;
        }
    });
}

/// Whether a key's time has not come.
fn lives(db: &Db, slot: Slot, now_ms: i64) -> bool {
    db.expire_at(slot).is_none_or(|at| at > now_ms)
}

/// A pattern that is a plain name.
fn only_key(ctx: &mut KeyCtx<'_>, name: &[u8]) {
    let key = ctx.key(name);
    let found = ctx.db.find(&key);
    let found = found.is_some_and(|slot| lives(ctx.db, slot, ctx.now.unix_ms));
    ctx.reply.array(found.into());
    if found {
        ctx.reply.bulk(name);
    }
}

/// SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]
pub fn scan(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let cursor = parse_u64(args.at(1)).ok_or(CommandError::INVALID_CURSOR)?;
    let filter = Filter::parse(args, None)?;
    ctx.reply.array(2);
    let mut due: Vec<Box<[u8]>> = Vec::new();
    let next = {
        // The cursor comes first in the reply but is known last: keys are collected beside it.
        let db = &*ctx.db;
        let now_ms = ctx.now.unix_ms;
        let mut found: Vec<Slot> = Vec::with_capacity(filter.count.min(1_024));
        let next = db.scan(cursor, filter.count, |key, slot| {
            let typed = filter.kind.is_none_or(|kind| kind == db.kind(slot));
            if !typed || !filter.pattern.matches(key) {
                return;
            }
            if db.expire_at(slot).is_none_or(|at| at > now_ms) {
                found.push(slot);
            } else {
                due.push(key.into());
            }
        });
        ctx.reply.bulk(itoa::Buffer::new().format(next).as_bytes());
        ctx.reply.array(found.len());
        for slot in found {
            ctx.reply.bulk(db.key(slot));
        }
        next
    };
    debug_assert!(next < 1 << 53, "cursors fit in a double");
    for name in due {
        // Looking at it removes it.
        let key = ctx.key(&name);
        ctx.peek(&key);
    }
    Ok(())
}
