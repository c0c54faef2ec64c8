//! Reading: LLEN LINDEX LRANGE LPOS.

use crate::commands::parse;
use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::store::value::{Kind, ValueRef};

use super::{list, reply_entry};

/// LLEN key
pub fn llen(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let len = match ctx.read_kind(&key, Kind::List)? {
        None => 0,
        Some(slot) => list(ctx, slot)?.len(),
    };
    ctx.reply.int(len as i64);
    Ok(())
}

/// LINDEX key index
pub fn lindex(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let Some(slot) = ctx.read_kind(&key, Kind::List)? else {
        ctx.reply.null();
        return Ok(());
    };
    let at = parse_i64(args.at(2)).ok_or(CommandError::NOT_INTEGER)?;
    let KeyCtx { db, reply, .. } = ctx;
    let entry = match db.value(slot) {
        ValueRef::List(list) => parse::index(at, list.len()).and_then(|index| list.get(index)),
        _ => None,
    };
    match entry {
        None => reply.null(),
        Some(entry) => reply_entry(reply, entry),
    }
    Ok(())
}

/// LRANGE key start stop
pub fn lrange(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let start = parse_i64(args.at(2)).ok_or(CommandError::NOT_INTEGER)?;
    let stop = parse_i64(args.at(3)).ok_or(CommandError::NOT_INTEGER)?;
    let key = ctx.key(args.at(1));
    let found = ctx.read_kind(&key, Kind::List)?;
    let KeyCtx { db, reply, .. } = ctx;
    let Some(ValueRef::List(list)) = found.map(|slot| db.value(slot)) else {
        reply.array(0);
        return Ok(());
    };
    let places = parse::index_range(start, stop, list.len());
    reply.array(places.len());
    list.range(places.start, places.len())
        .for_each(|entry| reply_entry(reply, entry));
    Ok(())
}

/// LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]
pub fn lpos(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let options = parse_lpos(args)?;
    let key = ctx.key(args.at(1));
    let found = ctx.read_kind(&key, Kind::List)?;
    let KeyCtx { db, reply, .. } = ctx;
    let list = match found.map(|slot| db.value(slot)) {
        Some(ValueRef::List(list)) => Some(list),
        _ => None,
    };
    let Some(count) = options.count else {
        let mut place = None;
        if let Some(list) = list {
            list.positions(args.at(2), options.rank, options.len_max, |at| {
                place = Some(at);
                false
            });
        }
        match place {
            None => reply.null(),
            Some(at) => reply.int(at as i64),
        }
        return Ok(());
    };
    let mark = reply.begin_array();
    let mut matches = 0;
    if let Some(list) = list {
        list.positions(args.at(2), options.rank, options.len_max, |at| {
            reply.int(at as i64);
            matches += 1;
            matches != count
        });
    }
    reply.end_array(mark, matches);
    Ok(())
}

struct Positions {
    rank: i64,
    /// 0: all.
    count: Option<usize>,
    /// 0: all.
    len_max: usize,
}

fn parse_lpos(args: Args<'_>) -> Result<Positions, CommandError> {
    let mut options = Positions {
        rank: 1,
        count: None,
        len_max: 0,
    };
    let mut i = 3;
    while i < args.len() {
        let word = args.at(i);
        let Some(value) = args.get(i + 1) else {
            return Err(CommandError::SYNTAX);
        };
        let number = || parse_i64(value).ok_or(CommandError::NOT_INTEGER);
        let natural = |line: &'static str| {
            number()
                .ok()
                .and_then(|n| usize::try_from(n).ok())
                .ok_or(CommandError::fixed(line))
        };
        if word.eq_ignore_ascii_case(b"rank") {
            options.rank = parse_rank(number()?)?;
        } else if word.eq_ignore_ascii_case(b"count") {
            options.count = Some(natural("ERR COUNT can't be negative")?);
        } else if word.eq_ignore_ascii_case(b"maxlen") {
            options.len_max = natural("ERR MAXLEN can't be negative")?;
        } else {
            return Err(CommandError::SYNTAX);
        }
        i += 2;
    }
    Ok(options)
}

fn parse_rank(rank: i64) -> Result<i64, CommandError> {
    match rank {
        0 => Err(CommandError::fixed(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or \
             use negative to start from the end of the list",
        )),
        i64::MIN => Err(CommandError::NO_NEGATIVE),
        rank => Ok(rank),
    }
}
