//! When fields end: HEXPIRE HPEXPIRE HEXPIREAT HPEXPIREAT HTTL HPTTL HEXPIRETIME HPEXPIRETIME
//! HPERSIST.

use crate::commands::expire::Condition;
use crate::commands::expiry::Unit;
use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::resp::reply::Reply;
use crate::store::types::hash::{Hash, HashContext};

use super::{FieldList, NUM_FIELDS, changed, edit, read, remove_if_empty, write};

/// There is no such field.
const ABSENT: i64 = -2;
/// The field does not expire.
const NO_EXPIRY: i64 = -1;

/// HEXPIRE key seconds [NX|XX|GT|LT] FIELDS numfields field [field ...]
pub fn hexpire(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    set_expiry(ctx, args, Unit::Seconds, "hexpire")
}

/// HPEXPIRE key milliseconds [NX|XX|GT|LT] FIELDS numfields field [field ...]
pub fn hpexpire(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    set_expiry(ctx, args, Unit::Milliseconds, "hpexpire")
}

/// HEXPIREAT key unix-seconds [NX|XX|GT|LT] FIELDS numfields field [field ...]
pub fn hexpireat(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    set_expiry(ctx, args, Unit::UnixSeconds, "hexpireat")
}

/// HPEXPIREAT key unix-milliseconds [NX|XX|GT|LT] FIELDS numfields field [field ...]
pub fn hpexpireat(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    set_expiry(ctx, args, Unit::UnixMilliseconds, "hpexpireat")
}

/// HTTL key FIELDS numfields field [field ...]
pub fn httl(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    reply_expiry(ctx, args, |at, now| rounded_seconds(at.saturating_sub(now)))
}

/// HPTTL key FIELDS numfields field [field ...]
pub fn hpttl(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    reply_expiry(ctx, args, |at, now| at.saturating_sub(now))
}

/// HEXPIRETIME key FIELDS numfields field [field ...]
pub fn hexpiretime(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    reply_expiry(ctx, args, |at, _| rounded_seconds(at))
}

/// HPEXPIRETIME key FIELDS numfields field [field ...]
pub fn hpexpiretime(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    reply_expiry(ctx, args, |at, _| at)
}

/// HPERSIST key FIELDS numfields field [field ...]
pub fn hpersist(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let fields = FieldList::fixed(args, NUM_FIELDS)?;
    let key = ctx.key(args.at(1));
    let names = args.iter_from(fields.start);
    let Some(slot) = write(ctx, &key)? else {
        reply_absent(&mut ctx.reply, fields.count);
        return Ok(());
    };
    let persisted = edit(ctx, slot, |hash, cx, reply| {
        reply.array(fields.count);
        let mut persisted = 0;
        for name in names {
            if hash.persist_field(name, cx) {
                reply.int(1);
                persisted += 1;
            } else {
                reply.int(if hash.contains(name, cx) {
                    NO_EXPIRY
                } else {
                    ABSENT
                });
            }
        }
        persisted
    })?;
    if persisted > 0 {
        changed(ctx, key.bytes, persisted, "hpersist");
    }
    Ok(())
}

/// What became of a field that was to expire, as it is replied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Absent = ABSENT as isize,
    Refused = 0,
    Set = 1,
    Removed = 2,
}

fn set_expiry(ctx: &mut KeyCtx<'_>, args: Args<'_>, unit: Unit, name: &str) -> CommandResult {
    let place = FieldList::place(args, 3)?;
    let condition = Condition::parse(args.iter().take(place).skip(3))?;
    let fields = FieldList::at(args, place, 1)?;
    let value = parse_i64(args.at(2)).ok_or(CommandError::NOT_INTEGER)?;
    let at_ms = unit
        .to_unix_ms(value, ctx.now.unix_ms)
        .filter(|_| value >= 0)
        .ok_or_else(|| CommandError::invalid_expire(name))?;
    let key = ctx.key(args.at(1));
    let Some(slot) = write(ctx, &key)? else {
        reply_absent(&mut ctx.reply, fields.count);
        return Ok(());
    };
    let is_past = ctx.is_past(at_ms);
    let names = args.iter_from(fields.start);
    let propagates = ctx.effects.listeners.propagation;
    let (changes, changed_names) = edit(ctx, slot, |hash, cx, reply| {
        reply.array(fields.count);
        let (mut changes, mut changed_names) = (0, Vec::new());
        for name in names {
            let outcome = expire_field(hash, name, at_ms, condition, is_past, cx);
            if matches!(outcome, Outcome::Set | Outcome::Removed) {
                changes += 1;
                if propagates {
                    changed_names.push(name);
                }
            }
            reply.int(outcome as i64);
        }
        (changes, changed_names)
    })?;
    if changes == 0 {
        return Ok(());
    }
    changed(
        ctx,
        key.bytes,
        changes,
        if is_past { "hexpired" } else { "hexpire" },
    );
    propagate_expiry(ctx, key.bytes, &changed_names, (!is_past).then_some(at_ms));
    remove_if_empty(ctx, &key, slot);
    Ok(())
}

/// Propagates that fields expire at a time, or that they have expired.
pub fn propagate_expiry(ctx: &mut KeyCtx<'_>, key: &[u8], names: &[&[u8]], at_ms: Option<i64>) {
    if !ctx.effects.listeners.propagation {
        return;
    }
    match at_ms {
        None => ctx.propagate_as(&[&[&b"HDEL"[..], key], names].concat()),
        Some(at_ms) => {
            let at_ms = at_ms.to_string();
            FieldList::propagate(ctx, &[b"HPEXPIREAT", key, at_ms.as_bytes()], names, 1);
        }
    }
}

fn expire_field(
    hash: &mut Hash,
    name: &[u8],
    at_ms: i64,
    condition: Condition,
    is_past: bool,
    cx: HashContext<'_>,
) -> Outcome {
    let Some(field) = hash.field(name, cx) else {
        return Outcome::Absent;
    };
    if !condition.allows(field.expire_at_ms, at_ms) {
        Outcome::Refused
    } else if is_past {
        hash.remove(name, cx);
        Outcome::Removed
    } else {
        hash.expire_field(name, at_ms, cx);
        Outcome::Set
    }
}

fn reply_expiry(
    ctx: &mut KeyCtx<'_>,
    args: Args<'_>,
    of: impl Fn(i64, i64) -> i64,
) -> CommandResult {
    let fields = FieldList::fixed(args, CommandError::SYNTAX)?;
    let (hash, cx, reply) = read(ctx, args.at(1))?;
    reply.array(fields.count);
    for name in args.iter_from(fields.start) {
        let field = hash.and_then(|hash| hash.field(name, cx));
        reply.int(match field.map(|field| field.expire_at_ms) {
            None => ABSENT,
            Some(None) => NO_EXPIRY,
            Some(Some(at_ms)) => of(at_ms, cx.now_ms),
        });
    }
    Ok(())
}

fn reply_absent(reply: &mut Reply<'_>, count: usize) {
    reply.array(count);
    (0..count).for_each(|_| reply.int(ABSENT));
}

fn rounded_seconds(ms: i64) -> i64 {
    ms.saturating_add(500) / 1_000
}
