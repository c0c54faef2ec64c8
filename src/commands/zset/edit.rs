//! Adding and removing members: ZADD ZINCRBY ZREM ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREMRANGEBYLEX.

use smallvec::SmallVec;

use crate::commands::parse;
use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::store::db::Key;
use crate::store::types::zset::{LexRange, ScoreRange, ZSet};
use crate::store::value::{Kind, NewValue, Value};

use super::{limits, parse_score, zset_mut};

/// Scores of one command: most have one.
type Scores = SmallVec<[f64; 4]>;

/// The options of ZADD.
#[derive(Clone, Copy, Debug, Default)]
pub struct AddOptions {
    /// Only members that are absent.
    pub only_new: bool,
    /// Only members that are there.
    pub only_present: bool,
    /// Only to larger scores.
    pub only_greater: bool,
    /// Only to smaller scores.
    pub only_less: bool,
    /// Reply with what changed, not only what is new.
    pub reply_changed: bool,
    /// The score is added to the present one, which is the reply.
    pub increment: bool,
}

/// What became of the members of one command.
#[derive(Debug, Default)]
struct Outcome {
    added: u64,
    updated: u64,
    /// The new score of the last member that was not refused by an option.
    score: Option<f64>,
    is_nan: bool,
}

/// ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]
pub fn zadd(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    add(ctx, args, AddOptions::default())
}

/// ZINCRBY key increment member
pub fn zincrby(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let options = AddOptions {
        increment: true,
        ..AddOptions::default()
    };
    add(ctx, args, options)
}

/// ZREM key member [member ...]
pub fn zrem(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let Some(slot) = ctx.write_kind(&key, Kind::ZSet)? else {
        ctx.reply.int(0);
        return Ok(());
    };
    let set = zset_mut(ctx.db, slot)?;
    let mut removed = 0;
    for member in args.iter_from(2) {
        if set.remove(member).is_some() {
            removed += 1;
            if set.is_empty() {
                break;
            }
        }
    }
    let is_empty = set.is_empty();
    if removed > 0 {
        ctx.effects.dirty += removed - 1;
        ctx.modified(key.bytes);
        ctx.notify(EventClass::ZSET, "zrem", key.bytes);
        if is_empty {
            ctx.delete_empty(&key, slot);
        }
    }
    ctx.reply.int(removed as i64);
    Ok(())
}

/// ZREMRANGEBYRANK key start stop
pub fn zremrangebyrank(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let start = parse_i64(args.at(2)).ok_or(CommandError::NOT_INTEGER)?;
    let stop = parse_i64(args.at(3)).ok_or(CommandError::NOT_INTEGER)?;
    remove_range(ctx, args, "zremrangebyrank", |set| {
        parse::index_range(start, stop, set.len())
    })
}

/// ZREMRANGEBYSCORE key min max
pub fn zremrangebyscore(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let range = ScoreRange::parse(args.at(2), args.at(3));
    let range = range.ok_or(CommandError::MIN_MAX_NOT_FLOAT)?;
    remove_range(ctx, args, "zremrangebyscore", |set| set.score_range(&range))
}

/// ZREMRANGEBYLEX key min max
pub fn zremrangebylex(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let range = LexRange::parse(args.at(2), args.at(3));
    let range = range.ok_or(CommandError::MIN_MAX_NOT_STRING)?;
    remove_range(ctx, args, "zremrangebylex", |set| set.lex_range(&range))
}

/// Adds `members`, each with the score at its place, under `key`, and replies as `options` say.
/// `key` is looked up here.
pub fn add_members<'a>(
    ctx: &mut KeyCtx<'_>,
    key: &Key<'_>,
    options: AddOptions,
    scores: &[f64],
    members: impl Iterator<Item = &'a [u8]> + Clone,
) -> CommandResult {
    let (limits, hasher) = (limits(ctx), ctx.hasher);
    let mut outcome = Outcome::default();
    let pairs = scores.iter().zip(members.clone());
    match ctx.write_kind(key, Kind::ZSet)? {
        Some(slot) => {
            let set = zset_mut(ctx.db, slot)?;
            for (score, member) in pairs {
                set.upsert(member, limits, hasher, |old| {
                    outcome.decide(options, old, *score)
                });
            }
        }
        None if options.only_present => {}
        None => {
            let value_bytes = members.map(<[u8]>::len).max().unwrap_or(0);
            let mut set = ZSet::sized(scores.len(), value_bytes, limits, hasher);
            for (score, member) in pairs {
                set.upsert(member, limits, hasher, |old| {
                    outcome.decide(options, old, *score)
                });
            }
            ctx.insert(key, NewValue::Value(Value::ZSet(set)));
        }
    }
    if outcome.is_nan {
        return Err(CommandError::SCORE_NAN);
    }
    let changes = outcome.added + outcome.updated;
    if changes > 0 {
        ctx.effects.dirty += changes - 1;
        ctx.modified(key.bytes);
        let event = if options.increment { "zincr" } else { "zadd" };
        ctx.notify(EventClass::ZSET, event, key.bytes);
    }
    match (options.increment, outcome.score) {
        (true, Some(score)) => ctx.reply.double(score),
        (true, None) => ctx.reply.null(),
        (false, _) if options.reply_changed => ctx.reply.int(changes as i64),
        (false, _) => ctx.reply.int(outcome.added as i64),
    }
    Ok(())
}

impl AddOptions {
    /// Takes one word in, if it is an option.
    fn take(&mut self, word: &[u8]) -> bool {
        let option = match word.len() {
            2 if word.eq_ignore_ascii_case(b"nx") => &mut self.only_new,
            2 if word.eq_ignore_ascii_case(b"xx") => &mut self.only_present,
            2 if word.eq_ignore_ascii_case(b"gt") => &mut self.only_greater,
            2 if word.eq_ignore_ascii_case(b"lt") => &mut self.only_less,
            2 if word.eq_ignore_ascii_case(b"ch") => &mut self.reply_changed,
            4 if word.eq_ignore_ascii_case(b"incr") => &mut self.increment,
            _ => return false,
        };
        *option = true;
        true
    }

    /// Refuses options that do not go together.
    fn check(self, pairs: usize) -> Result<(), CommandError> {
        if self.only_new && self.only_present {
            return Err(CommandError::fixed(
                "ERR XX and NX options at the same time are not compatible",
            ));
        }
        let comparing = self.only_greater || self.only_less;
        if (comparing && self.only_new) || (self.only_greater && self.only_less) {
            return Err(CommandError::fixed(
                "ERR GT, LT, and/or NX options at the same time are not compatible",
            ));
        }
        if self.increment && pairs > 1 {
            return Err(CommandError::fixed(
                "ERR INCR option supports a single increment-element pair",
            ));
        }
        Ok(())
    }
}

impl Outcome {
    /// What a member's score becomes, counted.
    #[inline]
    fn decide(&mut self, options: AddOptions, old: Option<f64>, score: f64) -> Option<f64> {
        let Some(old) = old else {
            if options.only_present {
                return None;
            }
            self.added += 1;
            self.score = Some(score);
            return Some(score);
        };
        if options.only_new {
            return None;
        }
        let score = if options.increment {
            old + score
        } else {
            score
        };
        if score.is_nan() {
            self.is_nan = true;
            return None;
        }
        if (options.only_less && score >= old) || (options.only_greater && score <= old) {
            return None;
        }
        self.score = Some(score);
        if score == old {
            return None;
        }
        self.updated += 1;
        Some(score)
    }
}

fn add(ctx: &mut KeyCtx<'_>, args: Args<'_>, mut options: AddOptions) -> CommandResult {
    let mut at = 2;
    while args.get(at).is_some_and(|word| options.take(word)) {
        at += 1;
    }
    let words = args.len() - at;
    if words == 0 || !words.is_multiple_of(2) {
        return Err(CommandError::SYNTAX);
    }
    options.check(words / 2)?;
    let mut scores = Scores::with_capacity(words / 2);
    for score in args.iter_from(at).step_by(2) {
        scores.push(parse_score(score)?);
    }
    let key = ctx.key(args.at(1));
    let members = args.iter_from(at + 1).step_by(2);
    add_members(ctx, &key, options, &scores, members)
}

fn remove_range(
    ctx: &mut KeyCtx<'_>,
    args: Args<'_>,
    event: &'static str,
    ranks: impl FnOnce(&ZSet) -> std::ops::Range<usize>,
) -> CommandResult {
    let key = ctx.key(args.at(1));
    let Some(slot) = ctx.write_kind(&key, Kind::ZSet)? else {
        ctx.reply.int(0);
        return Ok(());
    };
    let set = zset_mut(ctx.db, slot)?;
    let ranks = ranks(set);
    let removed = ranks.len();
    let is_all = removed == set.len();
    if removed > 0 {
        if !is_all {
            set.remove_range(ranks, |_, _| {});
        }
        ctx.effects.dirty += removed as u64 - 1;
        ctx.modified(key.bytes);
        ctx.notify(EventClass::ZSET, event, key.bytes);
        if is_all {
            ctx.delete_empty(&key, slot);
        }
    }
    ctx.reply.int(removed as i64);
    Ok(())
}
