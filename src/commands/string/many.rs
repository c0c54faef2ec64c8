//! Several keys at once: MSETNX MSETEX.

use crate::commands::expiry::{Expiry, Unit};
use crate::engine::context::{KeyCtx, new_value};
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;

/// Which keys must be there, or must not, for any to be set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Condition {
    #[default]
    Always,
    AllAbsent,
    AllPresent,
}

/// MSETNX key value [key value ...]
pub fn msetnx(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    if args.len().is_multiple_of(2) {
        return Err(CommandError::wrong_arity("msetnx"));
    }
    let done = is_met(ctx, args.rest(1), Condition::AllAbsent);
    if done {
        store(ctx, args, 1, args.len(), Expiry::Unsaid);
    }
    ctx.reply.int(done.into());
    Ok(())
}

/// MSETEX numkeys key value [key value ...] [NX|XX] [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL]
pub fn msetex(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let count = parse_i64(args.at(1)).ok_or(CommandError::NOT_INTEGER)?;
    let invalid = || CommandError::fixed("ERR invalid numkeys value");
    let count = usize::try_from(count).ok().filter(|n| *n > 0).ok_or_else(invalid)?;
    let end = count.checked_mul(2).and_then(|words| words.checked_add(2)).ok_or_else(invalid)?;
    if args.len() < end {
        return Err(CommandError::fixed("ERR wrong number of key-value pairs"));
    }
    let (condition, expiry) = parse_options(ctx, args, end)?;
    let pairs = Pairs { args, start: 2, end };
    let done = pairs.keys().all(|bytes| is_allowed(ctx, bytes, condition));
    if done {
        store(ctx, args, 2, end, expiry);
        propagate(ctx, pairs, expiry);
    }
    ctx.reply.int(done.into());
    Ok(())
}

/// Keys and values in turn, from one argument to before another.
#[derive(Clone, Copy)]
struct Pairs<'a> {
    args: Args<'a>,
    start: usize,
    end: usize,
}

impl<'a> Pairs<'a> {
    fn keys(self) -> impl Iterator<Item = &'a [u8]> {
        (self.start..self.end).step_by(2).map(move |i| self.args.at(i))
    }
}

fn parse_options(
    ctx: &KeyCtx<'_>,
    args: Args<'_>,
    from: usize,
) -> Result<(Condition, Expiry), CommandError> {
    let (mut condition, mut expiry) = (Condition::Always, Expiry::Unsaid);
    let mut i = from;
    while i < args.len() {
        let word = args.at(i);
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if (is("nx") || is("xx")) && condition == Condition::Always {
            condition = if is("nx") { Condition::AllAbsent } else { Condition::AllPresent };
        } else if expiry != Expiry::Unsaid {
            return Err(CommandError::SYNTAX);
        } else if is("keepttl") {
            expiry = Expiry::Keep;
        } else if let (Some(unit), Some(value)) = (Unit::parse(word), args.get(i + 1)) {
            expiry = Expiry::At(unit.absolute_ms(value, ctx.now.unix_ms, "msetex")?);
            i += 1;
        } else {
            return Err(CommandError::SYNTAX);
        }
        i += 1;
    }
    Ok((condition, expiry))
}

fn is_met(ctx: &mut KeyCtx<'_>, pairs: Args<'_>, condition: Condition) -> bool {
    (0..pairs.len()).step_by(2).all(|i| is_allowed(ctx, pairs.at(i), condition))
}

fn is_allowed(ctx: &mut KeyCtx<'_>, bytes: &[u8], condition: Condition) -> bool {
    let key = ctx.key(bytes);
    match condition {
        Condition::Always => true,
        Condition::AllAbsent => ctx.write(&key).is_none(),
        Condition::AllPresent => ctx.write(&key).is_some(),
    }
}

fn store(ctx: &mut KeyCtx<'_>, args: Args<'_>, start: usize, end: usize, expiry: Expiry) {
    for i in (start..end).step_by(2) {
        let key = ctx.key(args.at(i));
        let found = ctx.write(&key);
        let slot = ctx.set(&key, found, new_value(args.take(i + 1)), expiry == Expiry::Keep);
        ctx.modified(key.bytes);
        ctx.notify(EventClass::STRING, "set", key.bytes);
        if let Expiry::At(at) = expiry {
            ctx.db.set_expire(slot, Some(at));
            ctx.notify(EventClass::GENERIC, "expire", key.bytes);
        }
    }
}

/// An absolute expiry replays the same whenever it is replayed.
fn propagate(ctx: &mut KeyCtx<'_>, pairs: Pairs<'_>, expiry: Expiry) {
    let Expiry::At(at) = expiry else { return };
    if !ctx.effects.listeners.propagation {
        return;
    }
    let (count, at) = (pairs.args.at(1), at.to_string());
    let mut words: Vec<&[u8]> = vec![b"MSETEX", count];
    words.extend((pairs.start..pairs.end).map(|i| pairs.args.at(i)));
    words.extend([&b"PXAT"[..], at.as_bytes()]);
    ctx.propagate_as(&words);
}
