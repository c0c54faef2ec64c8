//! KEYS and SCAN.

use crate::commands::docs;
use crate::commands::member::{Filter, Room, drawn};
use crate::dispatch::{keys::*, table::*};

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::glob::Pattern;
use crate::resp::number::parse_u64;
use crate::store::db::{Db, Slot};

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    key("keys", 2, READ, DANGEROUS.or(KEYSPACE), NO_KEYS, keys, &docs::generic::KEYS),
    key("scan", -2, READ.or(TOUCHES_ARBITRARY_KEYS), KEYSPACE, NO_KEYS,
        scan, &docs::generic::SCAN),
];

/// Keys that KEYS looks at before it asks whether the reply is too long already.
const KEYS_AT_ONCE: usize = 4096;

/// KEYS pattern
pub fn keys(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let room = Room::of(ctx);
    let pattern = Pattern::new(args.at(1));
    let now_ms = ctx.now.unix_ms;
    let lives = |db: &Db, slot| db.expire_at(slot).is_none_or(|at| at > now_ms);
    if let Some(name) = pattern.only() {
        let key = ctx.key(name);
        let found = ctx.db.find(&key).is_some_and(|slot| lives(ctx.db, slot));
        ctx.reply.array(found.into());
        if found {
            ctx.reply.bulk(name);
        }
        return Ok(());
    }
    let mark = ctx.reply.begin_array();
    let mut found = 0;
    let mut cursor = 0;
    loop {
        let (db, reply) = (&*ctx.db, &mut ctx.reply);
        cursor = db.scan(cursor, KEYS_AT_ONCE, |key, slot| {
            if pattern.matches(key) && lives(db, slot) {
                reply.bulk(key);
                found += 1;
            }
        });
        // Whoever is closed for its output is told no more.
        drawn(room.after(&mut ctx.reply))?;
        if cursor == 0 {
            break;
        }
    }
    ctx.reply.end_array(mark, found);
    Ok(())
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
