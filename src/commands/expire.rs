//! EXPIRE and its like: when keys end.

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;

use super::expiry::Unit;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    key("expire", -3, WRITE.or(FAST), KEYSPACE, RW_UPDATE_1,
        expire, &docs::generic::EXPIRE),
    key("expireat", -3, WRITE.or(FAST), KEYSPACE, RW_UPDATE_1,
        expireat, &docs::generic::EXPIREAT),
    key("expiretime", 2, READ.or(FAST), KEYSPACE, RO_ACCESS_1,
        expiretime, &docs::generic::EXPIRETIME),
    key("persist", 2, WRITE.or(FAST), KEYSPACE, RW_UPDATE_1,
        persist, &docs::generic::PERSIST),
    key("pexpire", -3, WRITE.or(FAST), KEYSPACE, RW_UPDATE_1,
        pexpire, &docs::generic::PEXPIRE),
    key("pexpireat", -3, WRITE.or(FAST), KEYSPACE, RW_UPDATE_1,
        pexpireat, &docs::generic::PEXPIREAT),
    key("pexpiretime", 2, READ.or(FAST), KEYSPACE, RO_ACCESS_1,
        pexpiretime, &docs::generic::PEXPIRETIME),
    key("pttl", 2, READ.or(FAST), KEYSPACE, RO_ACCESS_1, pttl, &docs::generic::PTTL),
    key("ttl", 2, READ.or(FAST), KEYSPACE, RO_ACCESS_1, ttl, &docs::generic::TTL),
];

/// NX, XX, GT, LT.
#[derive(Clone, Copy, Debug, Default)]
pub struct Condition {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Condition {
    /// Reads the words, of which there may be none.
    ///
    /// # Errors
    /// Unknown words, and those that exclude each other.
    pub fn parse<'a>(words: impl Iterator<Item = &'a [u8]>) -> Result<Condition, CommandError> {
        let mut condition = Condition::default();
        for word in words {
            let flag = match word.to_ascii_lowercase().as_slice() {
                b"nx" => &mut condition.nx,
                b"xx" => &mut condition.xx,
                b"gt" => &mut condition.gt,
                b"lt" => &mut condition.lt,
                _ => {
                    let option = String::from_utf8_lossy(word);
                    return Err(CommandError::new(format!(
                        "ERR Unsupported option {option}"
                    )));
                }
            };
            *flag = true;
        }
        if condition.nx && (condition.xx || condition.gt || condition.lt) {
            return Err(CommandError::fixed(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if condition.gt && condition.lt {
            return Err(CommandError::fixed(
                "ERR GT and LT options at the same time are not compatible",
            ));
        }
        Ok(condition)
    }

    /// Whether `at` may take the place of the present expiry. No expiry counts as infinite.
    pub fn allows(self, present: Option<i64>, at: i64) -> bool {
        !(self.nx && present.is_some()
            || self.xx && present.is_none()
            || self.gt && present.is_none_or(|present| at <= present)
            || self.lt && present.is_some_and(|present| at >= present))
    }
}

/// EXPIRE key seconds [NX|XX|GT|LT]
pub fn expire(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    set_expiry(ctx, args, Unit::Seconds, "expire")
}

/// PEXPIRE key milliseconds [NX|XX|GT|LT]
pub fn pexpire(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    set_expiry(ctx, args, Unit::Milliseconds, "pexpire")
}

/// EXPIREAT key unix-seconds [NX|XX|GT|LT]
pub fn expireat(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    set_expiry(ctx, args, Unit::UnixSeconds, "expireat")
}

/// PEXPIREAT key unix-milliseconds [NX|XX|GT|LT]
pub fn pexpireat(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    set_expiry(ctx, args, Unit::UnixMilliseconds, "pexpireat")
}

/// TTL key
pub fn ttl(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    reply_expiry(ctx, args, |at, now| rounded_seconds(at.saturating_sub(now)))
}

/// PTTL key
pub fn pttl(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    reply_expiry(ctx, args, i64::saturating_sub)
}

/// EXPIRETIME key
pub fn expiretime(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    reply_expiry(ctx, args, |at, _| rounded_seconds(at))
}

/// PEXPIRETIME key
pub fn pexpiretime(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    reply_expiry(ctx, args, |at, _| at)
}

/// PERSIST key
pub fn persist(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let volatile = ctx
        .write(&key)
        .filter(|slot| ctx.db.expire_at(*slot).is_some());
    if let Some(slot) = volatile {
        ctx.db.set_expire(slot, None);
        ctx.modified(key.bytes);
        ctx.notify(EventClass::GENERIC, "persist", key.bytes);
    }
    ctx.reply.int(volatile.is_some().into());
    Ok(())
}

fn set_expiry(ctx: &mut KeyCtx<'_>, args: Args<'_>, unit: Unit, name: &str) -> CommandResult {
    let condition = Condition::parse(args.iter_from(3))?;
    let value = parse_i64(args.at(2)).ok_or(CommandError::NOT_INTEGER)?;
    let at = unit
        .to_unix_ms(value, ctx.now.unix_ms)
        .ok_or_else(|| CommandError::invalid_expire(name))?;
    let key = ctx.key(args.at(1));
    let Some(slot) = ctx.write(&key) else {
        ctx.reply.int(0);
        return Ok(());
    };
    if !condition.allows(ctx.db.expire_at(slot), at) {
        ctx.reply.int(0);
        return Ok(());
    }
    if ctx.is_past(at) {
        ctx.expire_at_once(&key, slot);
    } else {
        ctx.db.set_expire(slot, Some(at));
        ctx.modified(key.bytes);
        if ctx.effects.listeners.propagation {
            ctx.propagate_as(&[b"PEXPIREAT", key.bytes, at.to_string().as_bytes()]);
        }
        ctx.notify(EventClass::GENERIC, "expire", key.bytes);
    }
    ctx.reply.int(1);
    Ok(())
}

fn reply_expiry(
    ctx: &mut KeyCtx<'_>,
    args: Args<'_>,
    of: impl Fn(i64, i64) -> i64,
) -> CommandResult {
    let key = ctx.key(args.at(1));
    let reply = match ctx.look(&key) {
        None => -2,
        Some(slot) => match ctx.db.expire_at(slot) {
            None => -1,
            Some(at) => of(at, ctx.now.unix_ms).max(0),
        },
    };
    ctx.reply.int(reply);
    Ok(())
}

fn rounded_seconds(ms: i64) -> i64 {
    ms / 1_000 + (ms % 1_000 + 500) / 1_000
}
