//! INCR, DECR, INCRBY, DECRBY.

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
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

fn add(ctx: &mut KeyCtx<'_>, args: Args<'_>, by: i64) -> CommandResult {
    let key = ctx.key(args.at(1));
    let found = ctx.write(&key);
    let old = match found.map(|slot| ctx.db.value(slot)) {
        None => 0,
        Some(ValueRef::Int(n)) => n,
        Some(ValueRef::Str(bytes)) => parse_i64(bytes).ok_or(CommandError::NOT_INTEGER)?,
        Some(ValueRef::Large(_)) => return Err(CommandError::NOT_INTEGER),
        Some(_) => return Err(CommandError::WRONG_TYPE),
    };
    let new = old.checked_add(by).ok_or(CommandError::INCR_OVERFLOW)?;
    ctx.set(&key, found, NewValue::Int(new), true);
    ctx.modified(key.bytes);
    ctx.notify(EventClass::STRING, "incrby", key.bytes);
    ctx.reply.int(new);
    Ok(())
}
