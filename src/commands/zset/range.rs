//! Ranges of members: ZRANGE, its older forms ZREVRANGE Z[REV]RANGEBYSCORE Z[REV]RANGEBYLEX, and
//! ZRANGESTORE.

use std::ops::Range;

use crate::commands::parse;
use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::store::types::zset::{Iter, LexRange, ScoreRange, ZSet};
use crate::store::value::Kind;

use super::{limits, reply_members_head, reply_scored, store, zset};

/// What a range is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// What the name of a command already says.
#[derive(Clone, Copy, Debug)]
struct Form {
    by: By,
    backwards: bool,
    /// BYSCORE, BYLEX and REV may say otherwise: ZRANGE and ZRANGESTORE.
    is_open: bool,
    /// WITHSCORES and XX may follow: all but ZRANGESTORE.
    is_read: bool,
}

impl Form {
    const fn fixed(by: By, backwards: bool) -> Form {
        Form {
            by,
            backwards,
            is_open: false,
            is_read: true,
        }
    }
}

/// The two ends.
#[derive(Clone, Copy, Debug)]
enum Bounds<'a> {
    Rank(i64, i64),
    Score(ScoreRange),
    Lex(LexRange<'a>),
}

/// What a command asks for.
#[derive(Clone, Copy, Debug)]
struct Request<'a> {
    bounds: Bounds<'a>,
    backwards: bool,
    with_scores: bool,
    /// An absent key is null, not a range without members.
    null_if_absent: bool,
    /// Members to leave out first; negative: all.
    offset: i64,
    /// Members at most; negative: no limit.
    count: i64,
}

/// ZRANGE key start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES] [XX]
pub fn zrange(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let form = Form {
        is_open: true,
        ..Form::fixed(By::Rank, false)
    };
    read(ctx, args, form)
}

/// ZREVRANGE key start stop [WITHSCORES] [XX]
pub fn zrevrange(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    read(ctx, args, Form::fixed(By::Rank, true))
}

/// ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count] [XX]
pub fn zrangebyscore(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    read(ctx, args, Form::fixed(By::Score, false))
}

/// ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count] [XX]
pub fn zrevrangebyscore(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    read(ctx, args, Form::fixed(By::Score, true))
}

/// ZRANGEBYLEX key min max [LIMIT offset count] [XX]
pub fn zrangebylex(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    read(ctx, args, Form::fixed(By::Lex, false))
}

/// ZREVRANGEBYLEX key max min [LIMIT offset count] [XX]
pub fn zrevrangebylex(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    read(ctx, args, Form::fixed(By::Lex, true))
}

/// ZRANGESTORE destination source start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count]
pub fn zrangestore(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let form = Form {
        by: By::Rank,
        backwards: false,
        is_open: true,
        is_read: false,
    };
    let request = Request::parse(args.rest(1), form)?;
    let source = ctx.key(args.at(2));
    let found = ctx.read_kind(&source, Kind::ZSet)?;
    let copy = match found {
        Some(slot) => {
            let set = zset(ctx.db, slot)?;
            set.copy_range(request.ranks(set), limits(ctx), ctx.hasher)
        }
        None => ZSet::new(),
    };
    let destination = ctx.key(args.at(1));
    store(ctx, &destination, copy, "zrangestore");
    Ok(())
}

fn read(ctx: &mut KeyCtx<'_>, args: Args<'_>, form: Form) -> CommandResult {
    let request = Request::parse(args, form)?;
    let key = ctx.key(args.at(1));
    let Some(slot) = ctx.read_kind(&key, Kind::ZSet)? else {
        match request.null_if_absent {
            true => ctx.reply.null_array(),
            false => ctx.reply.array(0),
        }
        return Ok(());
    };
    let set = zset(ctx.db, slot)?;
    let ranks = request.ranks(set);
    let with_scores = request.with_scores;
    let reply = &mut ctx.reply;
    reply_members_head(reply, ranks.len(), with_scores);
    for (member, score) in request.walk(set, ranks) {
        reply_scored(reply, member, score, with_scores);
    }
    Ok(())
}

impl<'a> Request<'a> {
    /// Reads `key start stop [options]`, the key being argument 1.
    fn parse(args: Args<'a>, mut form: Form) -> Result<Request<'a>, CommandError> {
        let (mut with_scores, mut null_if_absent) = (false, false);
        let (mut offset, mut count) = (0, -1);
        let mut at = 4;
        while let Some(word) = args.get(at) {
            if form.is_read && word.eq_ignore_ascii_case(b"withscores") {
                with_scores = true;
            } else if form.is_read && word.eq_ignore_ascii_case(b"xx") {
                null_if_absent = true;
            } else if word.eq_ignore_ascii_case(b"limit") && at + 2 < args.len() {
                offset = integer(args.at(at + 1))?;
                count = integer(args.at(at + 2))?;
                at += 2;
            } else if form.is_open && !form.backwards && word.eq_ignore_ascii_case(b"rev") {
                form.backwards = true;
            } else if form.is_open && form.by == By::Rank && word.eq_ignore_ascii_case(b"bylex") {
                form.by = By::Lex;
            } else if form.is_open && form.by == By::Rank && word.eq_ignore_ascii_case(b"byscore") {
                form.by = By::Score;
            } else {
                return Err(CommandError::SYNTAX);
            }
            at += 1;
        }
        if count != -1 && form.by == By::Rank {
            return Err(CommandError::fixed(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or \
                 BYLEX",
            ));
        }
        if with_scores && form.by == By::Lex {
            return Err(CommandError::fixed(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        Ok(Request {
            bounds: Bounds::parse(args.at(2), args.at(3), form)?,
            backwards: form.backwards,
            with_scores,
            null_if_absent,
            offset,
            count,
        })
    }

    /// The ranks asked for, always ascending.
    fn ranks(&self, set: &ZSet) -> Range<usize> {
        let ranks = match &self.bounds {
            Bounds::Rank(start, stop) => {
                let len = set.len();
                let ranks = parse::index_range(*start, *stop, len);
                return match self.backwards {
                    true => len - ranks.end..len - ranks.start,
                    false => ranks,
                };
            }
            Bounds::Score(range) => set.score_range(range),
            Bounds::Lex(range) => set.lex_range(range),
        };
        let left_out = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let left_out = left_out.min(ranks.len());
        let most = usize::try_from(self.count).unwrap_or(usize::MAX);
        if self.backwards {
            let end = ranks.end - left_out;
            ranks.start.max(end.saturating_sub(most))..end
        } else {
            let start = ranks.start + left_out;
            start..ranks.end.min(start.saturating_add(most))
        }
    }

    /// The members of those ranks, in the order of the reply.
    #[inline]
    fn walk<'s>(&self, set: &'s ZSet, ranks: Range<usize>) -> Iter<'s> {
        match self.backwards {
            true => set.range_rev(ranks),
            false => set.range(ranks),
        }
    }
}

impl<'a> Bounds<'a> {
    fn parse(first: &'a [u8], second: &'a [u8], form: Form) -> Result<Bounds<'a>, CommandError> {
        let (min, max) = match form.backwards {
            true => (second, first),
            false => (first, second),
        };
        match form.by {
            By::Rank => Ok(Bounds::Rank(integer(first)?, integer(second)?)),
            By::Score => ScoreRange::parse(min, max)
                .map(Bounds::Score)
                .ok_or(CommandError::MIN_MAX_NOT_FLOAT),
            By::Lex => LexRange::parse(min, max)
                .map(Bounds::Lex)
                .ok_or(CommandError::MIN_MAX_NOT_STRING),
        }
    }
}

#[inline]
fn integer(text: &[u8]) -> Result<i64, CommandError> {
    parse_i64(text).ok_or(CommandError::NOT_INTEGER)
}
