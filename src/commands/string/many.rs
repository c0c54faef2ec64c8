//! Several keys at once: MSETNX MSETEX.

use crate::commands::expiry::{Expiry, ExpiryOption};
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
    let count = parse_i64(args.at(1)).and_then(|count| i32::try_from(count).ok());
    let count = count.filter(|count| *count > 0).ok_or(CommandError::fixed(
        "ERR invalid numkeys value or out of range",
    ))?;
    let end = 2 + 2 * count as usize;
    if args.len() < end {
        return Err(CommandError::SYNTAX);
    }
    let (condition, expiry) = parse_options(ctx, args, end)?;
    let pairs = Pairs {
        args,
        start: 2,
        end,
    };
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
        (self.start..self.end)
            .step_by(2)
            .map(move |i| self.args.at(i))
    }
}

fn parse_options(
    ctx: &KeyCtx<'_>,
    args: Args<'_>,
    from: usize,
) -> Result<(Condition, Expiry), CommandError> {
    let (mut condition, mut expiry) = (Condition::Always, ExpiryOption::Unsaid);
    let mut i = from;
    while i < args.len() {
        let word = args.at(i);
        let named = if word.eq_ignore_ascii_case(b"nx") {
            Condition::AllAbsent
        } else if word.eq_ignore_ascii_case(b"xx") {
            Condition::AllPresent
        } else {
            let taken = expiry.accept(word, args.get(i + 1), ExpiryOption::Keep);
            i += taken.ok_or(CommandError::SYNTAX)?;
            continue;
        };
        if condition != Condition::Always && condition != named {
            return Err(CommandError::SYNTAX);
        }
        condition = named;
        i += 1;
    }
    Ok((condition, expiry.resolve(ctx.now.unix_ms, "msetex")?))
}

fn is_met(ctx: &mut KeyCtx<'_>, pairs: Args<'_>, condition: Condition) -> bool {
    (0..pairs.len())
        .step_by(2)
        .all(|i| is_allowed(ctx, pairs.at(i), condition))
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
        let slot = ctx.set(
            &key,
            found,
            new_value(args.take(i + 1)),
            expiry == Expiry::Keep,
        );
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
