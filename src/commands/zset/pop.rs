//! Taking from an end, at once or when there is something: ZPOPMIN ZPOPMAX ZMPOP BZPOPMIN BZPOPMAX
//! BZMPOP.

use crate::commands::member::reply_entry;
use crate::commands::parse::{self, MultiPop};
use crate::engine::blocked::TimeoutReply;
use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::resp::reply::Protocol;
use crate::store::db::{Key, Slot};
use crate::store::types::zset::ZSet;
use crate::store::value::Kind;

use super::{zset, zset_mut};

/// From which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    fn parse(word: &[u8]) -> Result<End, CommandError> {
        match word {
            word if word.eq_ignore_ascii_case(b"min") => Ok(End::Min),
            word if word.eq_ignore_ascii_case(b"max") => Ok(End::Max),
            _ => Err(CommandError::SYNTAX),
        }
    }

    fn verb(self) -> &'static [u8] {
        match self {
            End::Min => b"ZPOPMIN",
            End::Max => b"ZPOPMAX",
        }
    }

    fn event(self) -> &'static str {
        match self {
            End::Min => "zpopmin",
            End::Max => "zpopmax",
        }
    }
}

/// ZPOPMIN key [count]
pub fn zpopmin(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    pop(ctx, args, End::Min)
}

/// ZPOPMAX key [count]
pub fn zpopmax(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    pop(ctx, args, End::Max)
}

/// ZMPOP numkeys key [key ...] MIN|MAX [COUNT count]
pub fn zmpop(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let request = MultiPop::parse(args, 1, End::parse)?;
    if !serve_mpop(ctx, &request)? {
        ctx.reply.null_array();
    }
    Ok(())
}

/// BZPOPMIN key [key ...] timeout
pub fn bzpopmin(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    pop_or_wait(ctx, args, End::Min)
}

/// BZPOPMAX key [key ...] timeout
pub fn bzpopmax(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    pop_or_wait(ctx, args, End::Max)
}

/// BZMPOP timeout numkeys key [key ...] MIN|MAX [COUNT count]
pub fn bzmpop(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let request = MultiPop::parse(args, 2, End::parse)?;
    let timeout_ms = parse::timeout_ms(args.at(1), ctx.now.unix_ms)?;
    if !serve_mpop(ctx, &request)? {
        ctx.wait_for(
            &request.keys,
            Kind::ZSet,
            timeout_ms,
            TimeoutReply::NullArray,
        );
    }
    Ok(())
}

/// Pops from the first set that has any; whether there was one.
fn serve_mpop(ctx: &mut KeyCtx<'_>, request: &MultiPop<'_, End>) -> Result<bool, CommandError> {
    for bytes in &request.keys {
        let key = ctx.key(bytes);
        let Some(slot) = ctx.write_kind(&key, Kind::ZSet)? else {
            continue;
        };
        let count = request.count.min(zset(ctx.db, slot)?.len());
        ctx.reply.array(2);
        ctx.reply.bulk(bytes);
        ctx.reply.array(count);
        take(ctx, &key, slot, request.end, (count, true))?;
        if ctx.effects.listeners.propagation {
            let mut text = itoa::Buffer::new();
            ctx.propagate_as(&[request.end.verb(), bytes, text.format(count).as_bytes()]);
        }
        return Ok(true);
    }
    Ok(false)
}

fn pop(ctx: &mut KeyCtx<'_>, args: Args<'_>, end: End) -> CommandResult {
    if args.len() > 3 {
        return Err(CommandError::SYNTAX);
    }
    let count = match args.get(2) {
        None => None,
        Some(word) => Some(
            parse_i64(word)
                .and_then(|count| usize::try_from(count).ok())
                .ok_or(CommandError::MUST_BE_POSITIVE)?,
        ),
    };
    let key = ctx.key(args.at(1));
    let found = ctx.write_kind(&key, Kind::ZSet)?;
    let (Some(slot), true) = (found, count != Some(0)) else {
        ctx.reply.array(0);
        return Ok(());
    };
    // RESP3 has pairs where there may be several, but not for the one of a plain pop.
    let in_pairs = count.is_some() && ctx.reply.protocol() == Protocol::Resp3;
    let count = count.unwrap_or(1).min(zset(ctx.db, slot)?.len());
    ctx.reply.array(if in_pairs { count } else { count * 2 });
    take(ctx, &key, slot, end, (count, in_pairs))
}

fn pop_or_wait(ctx: &mut KeyCtx<'_>, args: Args<'_>, end: End) -> CommandResult {
    let last = args.len() - 1;
    let timeout_ms = parse::timeout_ms(args.at(last), ctx.now.unix_ms)?;
    for bytes in args.iter().take(last).skip(1) {
        let key = ctx.key(bytes);
        let Some(slot) = ctx.write_kind(&key, Kind::ZSet)? else {
            continue;
        };
        ctx.reply.array(3);
        ctx.reply.bulk(bytes);
        take(ctx, &key, slot, end, (1, false))?;
        ctx.propagate_as(&[end.verb(), bytes]);
        return Ok(());
    }
    let keys: Vec<&[u8]> = args.iter().take(last).skip(1).collect();
    ctx.wait_for(&keys, Kind::ZSet, timeout_ms, TimeoutReply::NullArray);
    Ok(())
}

/// Writes `count` members (there are as many) from an end on, each as a pair if `in_pairs`, and
/// removes them, with their events.
fn take(
    ctx: &mut KeyCtx<'_>,
    key: &Key<'_>,
    slot: Slot,
    end: End,
    (count, in_pairs): (usize, bool),
) -> CommandResult {
    let KeyCtx { db, reply, .. } = ctx;
    let set: &mut ZSet = zset_mut(db, slot)?;
    let len = set.len();
    let ranks = match end {
        End::Min => 0..count,
        End::Max => len - count..len,
    };
    let members = match end {
        End::Min => set.range(ranks.clone()),
        End::Max => set.range_rev(ranks.clone()),
    };
    for (member, score) in members {
        if in_pairs {
            reply.array(2);
        }
        reply_entry(reply, member);
        reply.double(score);
    }
    let is_all = count == len;
    if !is_all {
        set.remove_range(ranks, |_, _| {});
    }
    ctx.effects.dirty += count as u64 - 1;
    ctx.modified(key.bytes);
    ctx.notify(EventClass::ZSET, end.event(), key.bytes);
    if is_all {
        ctx.delete_empty(key, slot);
    }
    Ok(())
}
