//! KEYS and SCAN.

use crate::commands::member::{Room, drawn};
use crate::commands::{docs, member};
use crate::dispatch::{keys::*, table::*};

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::glob::Pattern;
use crate::resp::number::{parse_i64, parse_u64};
use crate::store::db::{Db, Slot};
use crate::store::value::Kind;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    key("keys", 2, READ, DANGEROUS.or(KEYSPACE), NO_KEYS, keys, &docs::generic::KEYS),
    key("scan", -2, READ.or(TOUCHES_ARBITRARY_KEYS), KEYSPACE, NO_KEYS,
        scan, &docs::generic::SCAN),
];

/// COUNT where none is given.
const COUNT_DEFAULT: usize = 10;
/// Keys that KEYS looks at before it asks whether the reply is too long already.
const KEYS_AT_ONCE: usize = 4096;

/// What SCAN filters by.
#[derive(Debug)]
struct Filter<'a> {
    pattern: Pattern<'a>,
    kind: Option<Kind>,
    count: usize,
}

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
    let filter = parse_filter(args)?;
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

fn parse_filter(args: Args<'_>) -> Result<Filter<'_>, CommandError> {
    let mut filter = Filter {
        pattern: Pattern::new(b"*"),
        kind: None,
        count: COUNT_DEFAULT,
    };
    let mut i = 2;
    while i < args.len() {
        let option = args.at(i);
        if let Some(refusal) = member::not_of_scan(option) {
            return Err(refusal);
        }
        let Some(value) = args.get(i + 1) else {
            return Err(CommandError::SYNTAX);
        };
        if option.eq_ignore_ascii_case(b"count") {
            let count = parse_i64(value).ok_or(CommandError::NOT_INTEGER)?;
            filter.count = usize::try_from(count)
                .ok()
                .filter(|n| *n > 0)
                .ok_or(CommandError::SYNTAX)?;
        } else if option.eq_ignore_ascii_case(b"match") {
            filter.pattern = Pattern::new(value);
        } else if option.eq_ignore_ascii_case(b"type") {
            filter.kind = Some(Kind::parse(value).ok_or_else(|| unknown_type(value))?);
        } else {
            return Err(CommandError::SYNTAX);
        }
        i += 2;
    }
    Ok(filter)
}

#[cold]
pub(super) fn unknown_type(name: &[u8]) -> CommandError {
    let name = String::from_utf8_lossy(name);
    CommandError::new(format!("ERR unknown type name '{name}'"))
}
