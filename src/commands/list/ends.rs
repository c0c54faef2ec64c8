//! Both ends: LPUSH RPUSH LPUSHX RPUSHX LPOP RPOP LMPOP.

use crate::commands::parse::MultiPop;
use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::store::db::{Key, Slot};
use crate::store::types::list::End;
use crate::store::value::Kind;

use super::{end_word, limits, list, list_mut, make, parse_end, reply_entry};

/// LPUSH key element [element ...]
pub fn lpush(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    push(ctx, args, End::Head, false)
}

/// RPUSH key element [element ...]
pub fn rpush(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    push(ctx, args, End::Tail, false)
}

/// LPUSHX key element [element ...]
pub fn lpushx(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    push(ctx, args, End::Head, true)
}

/// RPUSHX key element [element ...]
pub fn rpushx(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    push(ctx, args, End::Tail, true)
}

/// LPOP key [count]
pub fn lpop(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    pop(ctx, args, End::Head, "lpop")
}

/// RPOP key [count]
pub fn rpop(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    pop(ctx, args, End::Tail, "rpop")
}

/// LMPOP numkeys key [key ...] LEFT|RIGHT [COUNT count]
pub fn lmpop(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let request = MultiPop::parse(args, 1, parse_end)?;
    if !serve_mpop(ctx, &request)? {
        ctx.reply.null_array();
    }
    Ok(())
}

/// Pops from the first list that has any; whether there was one.
pub fn serve_mpop(ctx: &mut KeyCtx<'_>, request: &MultiPop<'_, End>) -> Result<bool, CommandError> {
    for bytes in &request.keys {
        let key = ctx.key(bytes);
        let Some(slot) = ctx.write_kind(&key, Kind::List)? else {
            continue;
        };
        let count = request.count.min(list(ctx, slot)?.len());
        ctx.reply.array(2);
        ctx.reply.bulk(bytes);
        ctx.reply.array(count);
        reply_and_remove(ctx, &key, slot, request.end, count)?;
        if ctx.effects.listeners.propagation {
            let verb: &[u8] = if request.end == End::Head {
                b"LPOP"
            } else {
                b"RPOP"
            };
            ctx.propagate_as(&[verb, bytes, count.to_string().as_bytes()]);
        }
        return Ok(true);
    }
    Ok(false)
}

/// Removes one element at an end, writing it as the reply.
pub fn pop_one(
    ctx: &mut KeyCtx<'_>,
    key: &Key<'_>,
    slot: Slot,
    end: End,
) -> Result<(), CommandError> {
    reply_and_remove(ctx, key, slot, end, 1)
}

/// The event of a removal at an end.
pub fn pop_event(end: End) -> &'static str {
    match end {
        End::Head => "lpop",
        End::Tail => "rpop",
    }
}

/// The event of an addition at an end.
pub fn push_event(end: End) -> &'static str {
    match end {
        End::Head => "lpush",
        End::Tail => "rpush",
    }
}

fn push(ctx: &mut KeyCtx<'_>, args: Args<'_>, end: End, only_if_there: bool) -> CommandResult {
    let key = ctx.key(args.at(1));
    let slot = if only_if_there {
        match ctx.write_kind(&key, Kind::List)? {
            Some(slot) => slot,
            None => {
                ctx.reply.int(0);
                return Ok(());
            }
        }
    } else {
        make(ctx, &key)?
    };
    let limits = limits(ctx);
    let list = list_mut(ctx, slot)?;
    for element in args.iter_from(2) {
        list.push(end, element, limits);
    }
    let len = list.len();
    ctx.effects.dirty += args.len() as u64 - 3;
    ctx.modified(key.bytes);
    ctx.notify(EventClass::LIST, push_event(end), key.bytes);
    ctx.reply.int(len as i64);
    Ok(())
}

fn pop(ctx: &mut KeyCtx<'_>, args: Args<'_>, end: End, name: &str) -> CommandResult {
    if args.len() > 3 {
        return Err(CommandError::wrong_arity(name));
    }
    let count = match args.get(2) {
        None => None,
        Some(word) => {
            let count = parse_i64(word).ok_or(CommandError::MUST_BE_POSITIVE)?;
            Some(usize::try_from(count).map_err(|_| CommandError::MUST_BE_POSITIVE)?)
        }
    };
    let key = ctx.key(args.at(1));
    let found = ctx.write_kind(&key, Kind::List)?;
    match (found, count) {
        (None, None) => ctx.reply.null(),
        (None, Some(_)) => ctx.reply.null_array(),
        (Some(_), Some(0)) => ctx.reply.array(0),
        (Some(slot), None) => reply_and_remove(ctx, &key, slot, end, 1)?,
        (Some(slot), Some(count)) => {
            let count = count.min(list(ctx, slot)?.len());
            ctx.reply.array(count);
            reply_and_remove(ctx, &key, slot, end, count)?;
        }
    }
    Ok(())
}

/// Writes `count` elements from an end on and removes them, with their events.
fn reply_and_remove(
    ctx: &mut KeyCtx<'_>,
    key: &Key<'_>,
    slot: Slot,
    end: End,
    count: usize,
) -> Result<(), CommandError> {
    let limits = limits(ctx);
    let KeyCtx { db, reply, .. } = ctx;
    let crate::store::value::ValueMut::List(list) = db.value_mut(slot) else {
        return Err(CommandError::WRONG_TYPE);
    };
    if count == 1 {
        if let Some(entry) = list.peek(end) {
            reply_entry(reply, entry);
        }
    } else if end == End::Head {
        list.range(0, count)
            .for_each(|entry| reply_entry(reply, entry));
    } else {
        list.range_rev(list.len() - 1, count)
            .for_each(|entry| reply_entry(reply, entry));
    }
    list.remove_end(end, count, limits);
    let is_empty = list.is_empty();
    removed(ctx, key, slot, end, count, is_empty);
    Ok(())
}

/// The events and counts of a removal at an end.
pub fn removed(
    ctx: &mut KeyCtx<'_>,
    key: &Key<'_>,
    slot: Slot,
    end: End,
    count: usize,
    is_empty: bool,
) {
    ctx.effects.dirty += count as u64 - 1;
    ctx.modified(key.bytes);
    ctx.notify(EventClass::LIST, pop_event(end), key.bytes);
    if is_empty {
        ctx.delete_empty(key, slot);
    }
}

/// How a move between two lists is propagated.
pub fn move_words<'a>(from: &'a [u8], to: &'a [u8], ends: (End, End)) -> [&'a [u8]; 5] {
    [b"LMOVE", from, to, end_word(ends.0), end_word(ends.1)]
}
