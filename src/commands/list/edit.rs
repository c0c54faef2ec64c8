//! Changing the middle: LSET LINSERT LREM LTRIM.

use crate::commands::parse;
use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::store::value::Kind;

use super::{limits, list_mut};

/// LSET key index element
pub fn lset(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let slot = ctx
        .write_kind(&key, Kind::List)?
        .ok_or(CommandError::NO_SUCH_KEY)?;
    let at = parse_i64(args.at(2)).ok_or(CommandError::NOT_INTEGER)?;
    let limits = limits(ctx);
    let list = list_mut(ctx, slot)?;
    let index = parse::index(at, list.len()).ok_or(CommandError::INDEX_RANGE)?;
    list.set(index, args.at(3), limits);
    ctx.modified(key.bytes);
    ctx.notify(EventClass::LIST, "lset", key.bytes);
    ctx.reply.ok();
    Ok(())
}

/// LINSERT key BEFORE|AFTER pivot element
pub fn linsert(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let is_before = match args.at(2) {
        word if word.eq_ignore_ascii_case(b"before") => true,
        word if word.eq_ignore_ascii_case(b"after") => false,
        _ => return Err(CommandError::SYNTAX),
    };
    let key = ctx.key(args.at(1));
    let Some(slot) = ctx.write_kind(&key, Kind::List)? else {
        ctx.reply.int(0);
        return Ok(());
    };
    let limits = limits(ctx);
    let list = list_mut(ctx, slot)?;
    if !list.insert(args.at(3), is_before, args.at(4), limits) {
        ctx.reply.int(-1);
        return Ok(());
    }
    let len = list.len();
    ctx.modified(key.bytes);
    ctx.notify(EventClass::LIST, "linsert", key.bytes);
    ctx.reply.int(len as i64);
    Ok(())
}

/// LREM key count element
pub fn lrem(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let count = parse_i64(args.at(2)).ok_or(CommandError::NOT_INTEGER)?;
    if count == i64::MIN {
        return Err(CommandError::NO_NEGATIVE);
    }
    let key = ctx.key(args.at(1));
    let Some(slot) = ctx.write_kind(&key, Kind::List)? else {
        ctx.reply.int(0);
        return Ok(());
    };
    let limits = limits(ctx);
    let list = list_mut(ctx, slot)?;
    let removed = list.remove(args.at(3), count, limits);
    let is_empty = list.is_empty();
    if removed > 0 {
        ctx.effects.dirty += removed as u64 - 1;
        ctx.modified(key.bytes);
        ctx.notify(EventClass::LIST, "lrem", key.bytes);
    }
    if is_empty {
        ctx.delete_empty(&key, slot);
    }
    ctx.reply.int(removed as i64);
    Ok(())
}

/// LTRIM key start stop
pub fn ltrim(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let start = parse_i64(args.at(2)).ok_or(CommandError::NOT_INTEGER)?;
    let stop = parse_i64(args.at(3)).ok_or(CommandError::NOT_INTEGER)?;
    let key = ctx.key(args.at(1));
    if let Some(slot) = ctx.write_kind(&key, Kind::List)? {
        let limits = limits(ctx);
        let list = list_mut(ctx, slot)?;
        let before = list.len();
        let kept = parse::index_range(start, stop, before);
        list.trim(kept.start, kept.len(), limits);
        let after = list.len();
        ctx.effects.dirty += (before - after) as u64;
        ctx.modified(key.bytes);
        ctx.notify(EventClass::LIST, "ltrim", key.bytes);
        if after == 0 {
            ctx.delete_empty(&key, slot);
        }
    }
    ctx.reply.ok();
    Ok(())
}
