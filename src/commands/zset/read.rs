//! Looking at single members and counting: ZSCORE ZMSCORE ZCARD ZCOUNT ZLEXCOUNT ZRANK ZREVRANK
//! ZRANDMEMBER ZSCAN.

use smallvec::SmallVec;

use crate::commands::member::{self, Draw, Filter, Room, drawn, reply_entry};
use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::number::format_f64_17;
use crate::store::types::listpack::Entry;
use crate::store::types::zset::{LexRange, ScoreRange};
use crate::store::value::Kind;

use super::{reply_members_head, reply_scored, zset};

/// ZSCORE key member
pub fn zscore(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let slot = ctx.read_kind(&key, Kind::ZSet)?;
    let score = match slot {
        Some(slot) => zset(ctx.db, slot)?.score(args.at(2)),
        None => None,
    };
    match score {
        Some(score) => ctx.reply.double(score),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// ZMSCORE key member [member ...]
pub fn zmscore(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let set = match ctx.read_kind(&key, Kind::ZSet)? {
        Some(slot) => Some(zset(ctx.db, slot)?),
        None => None,
    };
    ctx.reply.array(args.len() - 2);
    for member in args.iter_from(2) {
        match set.and_then(|set| set.score(member)) {
            Some(score) => ctx.reply.double(score),
            None => ctx.reply.null(),
        }
    }
    Ok(())
}

/// ZCARD key
pub fn zcard(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let len = match ctx.read_kind(&key, Kind::ZSet)? {
        Some(slot) => zset(ctx.db, slot)?.len(),
        None => 0,
    };
    ctx.reply.int(len as i64);
    Ok(())
}

/// ZCOUNT key min max
pub fn zcount(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let range = ScoreRange::parse(args.at(2), args.at(3));
    let range = range.ok_or(CommandError::MIN_MAX_NOT_FLOAT)?;
    let key = ctx.key(args.at(1));
    let count = match ctx.read_kind(&key, Kind::ZSet)? {
        Some(slot) => zset(ctx.db, slot)?.score_range(&range).len(),
        None => 0,
    };
    ctx.reply.int(count as i64);
    Ok(())
}

/// ZLEXCOUNT key min max
pub fn zlexcount(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let range = LexRange::parse(args.at(2), args.at(3));
    let range = range.ok_or(CommandError::MIN_MAX_NOT_STRING)?;
    let key = ctx.key(args.at(1));
    let count = match ctx.read_kind(&key, Kind::ZSet)? {
        Some(slot) => zset(ctx.db, slot)?.lex_range(&range).len(),
        None => 0,
    };
    ctx.reply.int(count as i64);
    Ok(())
}

/// ZRANK key member [WITHSCORE]
pub fn zrank(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    rank(ctx, args, "zrank", false)
}

/// ZREVRANK key member [WITHSCORE]
pub fn zrevrank(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    rank(ctx, args, "zrevrank", true)
}

/// ZRANDMEMBER key [count [WITHSCORES]]
pub fn zrandmember(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let Some(count) = args.get(2) else {
        return random_one(ctx, args);
    };
    let draw = Draw::parse(count)?;
    let with_scores = match args.get(3) {
        None => false,
        Some(word) if args.len() == 4 && word.eq_ignore_ascii_case(b"withscores") => true,
        Some(_) => return Err(CommandError::SYNTAX),
    };
    let (Draw::Distinct(wanted) | Draw::Repeated(wanted)) = draw;
    if with_scores && wanted > i64::MAX as usize / 2 {
        return Err(CommandError::OUT_OF_RANGE);
    }
    let key = ctx.key(args.at(1));
    let Some(slot) = ctx.read_kind(&key, Kind::ZSet)? else {
        ctx.reply.array(0);
        return Ok(());
    };
    let room = Room::of(ctx);
    let set = zset(ctx.db, slot)?;
    let count = draw.count(set.len(), room)?;
    let (reply, rng) = (&mut ctx.reply, &mut *ctx.rng);
    reply_members_head(reply, count, with_scores);
    if let Draw::Distinct(_) = draw {
        set.sample(rng, count, |member, score| {
            reply_scored(reply, member, score, with_scores);
        });
        return Ok(());
    }
    drawn((0..count).try_for_each(|_| {
        if let Some((member, score)) = set.random(rng) {
            reply_scored(reply, member, score, with_scores);
        }
        room.after(reply)
    }))
}

/// ZSCAN key cursor [MATCH pattern] [COUNT count] [NOSCORES]
pub fn zscan(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let cursor = member::cursor(args)?;
    let key = ctx.key(args.at(1));
    let Some(slot) = ctx.read_kind(&key, Kind::ZSet)? else {
        ctx.reply.array(2);
        ctx.reply.bulk(b"0");
        ctx.reply.array(0);
        return Ok(());
    };
    let filter = Filter::parse(args, Some(Kind::ZSet))?;
    let set = zset(ctx.db, slot)?;
    let is_small = set.as_listpack().is_some();
    // The cursor comes first in the reply but is known last.
    let mut found: SmallVec<[(Entry<'_>, f64); 16]> = SmallVec::new();
    let next = set.scan(cursor, filter.count, |member, score| {
        if filter.admits(member) {
            found.push((member, score));
        }
    });
    ctx.reply.array(2);
    ctx.reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    let words = if filter.no_values { 1 } else { 2 };
    ctx.reply.array(found.len() * words);
    for (member, score) in found {
        reply_entry(&mut ctx.reply, member);
        if filter.no_values {
            continue;
        }
        // As Redis writes them here: a large set's with all digits.
        match is_small {
            true => ctx.reply.double_bulk(score),
            false => ctx.reply.bulk(&format_f64_17(score)),
        }
    }
    Ok(())
}

fn rank(
    ctx: &mut KeyCtx<'_>,
    args: Args<'_>,
    name: &str,
    from_the_end: bool,
) -> Result<(), CommandError> {
    let with_score = match args.get(3) {
        _ if args.len() > 4 => return Err(CommandError::wrong_arity(name)),
        None => false,
        Some(word) if word.eq_ignore_ascii_case(b"withscore") => true,
        Some(_) => return Err(CommandError::SYNTAX),
    };
    let key = ctx.key(args.at(1));
    let found = match ctx.read_kind(&key, Kind::ZSet)? {
        Some(slot) => {
            let set = zset(ctx.db, slot)?;
            let last = set.len().saturating_sub(1);
            set.rank(args.at(2))
                .map(|(rank, score)| match from_the_end {
                    true => (last - rank, score),
                    false => (rank, score),
                })
        }
        None => None,
    };
    match found {
        Some((rank, score)) if with_score => {
            ctx.reply.array(2);
            ctx.reply.int(rank as i64);
            ctx.reply.double(score);
        }
        Some((rank, _)) => ctx.reply.int(rank as i64),
        None if with_score => ctx.reply.null_array(),
        None => ctx.reply.null(),
    }
    Ok(())
}

fn random_one(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let found = match ctx.read_kind(&key, Kind::ZSet)? {
        Some(slot) => zset(ctx.db, slot)?.random(ctx.rng),
        None => None,
    };
    match found {
        Some((member, _)) => reply_entry(&mut ctx.reply, member),
        None => ctx.reply.null(),
    }
    Ok(())
}
