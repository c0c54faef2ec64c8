//! INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT; what INCREX adds to them is in `increx`.

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::{LongDouble, parse_i64};
use crate::store::db::Slot;
use crate::store::value::{NewValue, ValueRef};

/// INCR key
pub fn incr(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    add(ctx, args, 1)
}

/// DECR key
pub fn decr(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    add(ctx, args, -1)
}

/// INCRBY key increment
pub fn incrby(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let by = parse_i64(args.at(2)).ok_or(CommandError::NOT_INTEGER)?;
    add(ctx, args, by)
}

/// DECRBY key decrement
pub fn decrby(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let by = parse_i64(args.at(2)).ok_or(CommandError::NOT_INTEGER)?;
    let by = by
        .checked_neg()
        .ok_or(CommandError::fixed("ERR decrement would overflow"))?;
    add(ctx, args, by)
}

/// INCRBYFLOAT key increment. Replays as a plain SET: another processor may round otherwise.
pub fn incrbyfloat(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let found = ctx.write(&key);
    let old = float_at(ctx, found)?;
    let by = LongDouble::parse(args.at(2)).ok_or(CommandError::NOT_FLOAT)?;
    let new = old.checked_add(by).map_err(|_| CommandError::INCR_NAN)?;
    let text = new.to_human();
    ctx.set(&key, found, NewValue::Str(&text), true);
    ctx.modified(key.bytes);
    ctx.propagate_as(&[b"SET", key.bytes, &text, b"KEEPTTL"]);
    ctx.notify(EventClass::STRING, "incrbyfloat", key.bytes);
    ctx.reply.bulk(&text);
    Ok(())
}

fn add(ctx: &mut KeyCtx<'_>, args: Args<'_>, by: i64) -> CommandResult {
    let key = ctx.key(args.at(1));
    let found = ctx.write(&key);
    let old = int_at(ctx, found)?;
    let new = old.checked_add(by).ok_or(CommandError::INCR_OVERFLOW)?;
    ctx.set(&key, found, NewValue::Int(new), true);
    ctx.modified(key.bytes);
    ctx.notify(EventClass::STRING, "incrby", key.bytes);
    ctx.reply.int(new);
    Ok(())
}

/// The integer a key holds; 0 if there is no key.
#[inline]
pub fn int_at(ctx: &KeyCtx<'_>, found: Option<Slot>) -> Result<i64, CommandError> {
    match found.map(|slot| ctx.db.value(slot)) {
        None => Ok(0),
        Some(ValueRef::Int(n)) => Ok(n),
        Some(ValueRef::Str(bytes)) => parse_i64(bytes).ok_or(CommandError::NOT_INTEGER),
        Some(ValueRef::Large(_)) => Err(CommandError::NOT_INTEGER),
        Some(_) => Err(CommandError::WRONG_TYPE),
    }
}

/// The number a key holds; 0 if there is no key.
pub fn float_at(ctx: &KeyCtx<'_>, found: Option<Slot>) -> Result<LongDouble, CommandError> {
    match found.map(|slot| ctx.db.value(slot)) {
        None => Ok(LongDouble::from_i64(0)),
        Some(ValueRef::Int(n)) => Ok(LongDouble::from_i64(n)),
        Some(ValueRef::Str(bytes)) => LongDouble::parse(bytes).ok_or(CommandError::NOT_FLOAT),
        Some(ValueRef::Large(_)) => Err(CommandError::NOT_FLOAT),
        Some(_) => Err(CommandError::WRONG_TYPE),
    }
}
