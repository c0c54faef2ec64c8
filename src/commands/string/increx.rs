//! INCREX: adds to a number within bounds and sets its expiry. The rate limiter in one command.
//!
//! A sum out of bounds changes nothing, and the reply says that nothing was added; with SATURATE
//! the bound is stored instead. It replays as the SET of what came out.

use crate::commands::expiry::{Expiry, ExpiryOption};
use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::{LongDouble, parse_i64};
use crate::store::db::{Key, Slot};
use crate::store::value::NewValue;

use super::counter::{float_at, int_at};

/// By how much, as the client wrote it.
#[derive(Clone, Copy, Debug, Default)]
enum Increment<'a> {
    #[default]
    One,
    Int(&'a [u8]),
    Float(&'a [u8]),
}

#[derive(Clone, Copy, Debug, Default)]
struct Options<'a> {
    increment: Increment<'a>,
    lower: Option<&'a [u8]>,
    upper: Option<&'a [u8]>,
    saturate: bool,
    expiry: ExpiryOption<'a>,
    only_if_persistent: bool,
}

/// What a sum came to: the new value and what was added to the old one.
#[derive(Clone, Copy, Debug)]
struct Outcome<T> {
    value: T,
    added: T,
}

/// INCREX key [BYFLOAT x|BYINT n] [LBOUND l] [UBOUND u] [SATURATE]
/// [EX s|PX ms|EXAT s|PXAT ms|PERSIST] [ENX]
pub fn increx(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let options = parse(args)?;
    let expiry = options.expiry.resolve(ctx.now.unix_ms, "increx")?;
    match options.increment {
        Increment::Float(by) => add_float(ctx, args.at(1), by, &options, expiry),
        Increment::Int(by) => {
            let by = parse_i64(by).ok_or(CommandError::fixed(
                "ERR Increment is not an integer or out of range",
            ))?;
            add_int(ctx, args.at(1), by, &options, expiry)
        }
        Increment::One => add_int(ctx, args.at(1), 1, &options, expiry),
    }
}

/// Every option at most once.
fn parse(args: Args<'_>) -> Result<Options<'_>, CommandError> {
    let mut options = Options::default();
    let mut i = 2;
    while i < args.len() {
        let (word, next) = (args.at(i), args.get(i + 1));
        let taken = match word.to_ascii_lowercase().as_slice() {
            b"saturate" => set_flag(&mut options.saturate),
            b"enx" => set_flag(&mut options.only_if_persistent),
            b"lbound" => set_value(&mut options.lower, next),
            b"ubound" => set_value(&mut options.upper, next),
            b"byint" | b"byfloat" => match (options.increment, next) {
                (Increment::One, Some(by)) => {
                    let is_int = word.eq_ignore_ascii_case(b"byint");
                    options.increment = if is_int {
                        Increment::Int(by)
                    } else {
                        Increment::Float(by)
                    };
                    Some(2)
                }
                _ => None,
            },
            _ if options.expiry != ExpiryOption::Unsaid => None,
            _ => options.expiry.accept(word, next, ExpiryOption::Persist),
        };
        i += taken.ok_or(CommandError::SYNTAX)?;
    }
    match options.expiry {
        ExpiryOption::Persist if options.only_if_persistent => Err(CommandError::SYNTAX),
        ExpiryOption::Unsaid if options.only_if_persistent => {
            Err(CommandError::fixed("ERR ENX flag requires an expiration"))
        }
        _ => Ok(options),
    }
}

fn set_flag(flag: &mut bool) -> Option<usize> {
    (!std::mem::replace(flag, true)).then_some(1)
}

fn set_value<'a>(place: &mut Option<&'a [u8]>, next: Option<&'a [u8]>) -> Option<usize> {
    let is_first = place.is_none();
    *place = Some(next?);
    is_first.then_some(2)
}

/// The bounds as numbers, those not given as far away as the type goes.
fn bounds<T: PartialOrd>(
    options: &Options<'_>,
    (lowest, highest): (T, T),
    parse: impl Fn(&[u8]) -> Option<T>,
    invalid: [&'static str; 2],
) -> Result<(T, T), CommandError> {
    let read = |text: Option<&[u8]>, default: T, error: &'static str| match text {
        None => Ok(default),
        Some(text) => parse(text).ok_or(CommandError::fixed(error)),
    };
    let lower = read(options.lower, lowest, invalid[0])?;
    let upper = read(options.upper, highest, invalid[1])?;
    if lower > upper {
        return Err(CommandError::fixed(
            "ERR LBOUND can't be greater than UBOUND",
        ));
    }
    Ok((lower, upper))
}

fn add_int(
    ctx: &mut KeyCtx<'_>,
    key: &[u8],
    by: i64,
    options: &Options<'_>,
    expiry: Expiry,
) -> CommandResult {
    let invalid = [
        "ERR LBOUND is not an integer or out of range",
        "ERR UBOUND is not an integer or out of range",
    ];
    let (lower, upper) = bounds(options, (i64::MIN, i64::MAX), parse_i64, invalid)?;
    let key = ctx.key(key);
    let found = ctx.write(&key);
    let old = int_at(ctx, found)?;
    let sum = old.checked_add(by);
    let value = match sum {
        Some(sum) if lower <= sum && sum <= upper => sum,
        _ if !options.saturate => {
            reply_int(
                ctx,
                Outcome {
                    value: old,
                    added: 0,
                },
            );
            return Ok(());
        }
        Some(sum) => sum.clamp(lower, upper),
        None if by < 0 => lower,
        None => upper,
    };
    let added = value
        .checked_sub(old)
        .ok_or(CommandError::fixed("ERR applied increment would overflow"))?;
    store(
        ctx,
        &key,
        found,
        "incrby",
        NewValue::Int(value),
        options,
        expiry,
    );
    let text = itoa::Buffer::new().format(value).to_owned();
    propagate(ctx, &key, text.as_bytes());
    reply_int(ctx, Outcome { value, added });
    Ok(())
}

fn reply_int(ctx: &mut KeyCtx<'_>, outcome: Outcome<i64>) {
    ctx.reply.array(2);
    ctx.reply.int(outcome.value);
    ctx.reply.int(outcome.added);
}

fn add_float(
    ctx: &mut KeyCtx<'_>,
    key: &[u8],
    by: &[u8],
    options: &Options<'_>,
    expiry: Expiry,
) -> CommandResult {
    let by =
        LongDouble::parse(by).ok_or(CommandError::fixed("ERR Increment is not a valid float"))?;
    if !by.is_finite() {
        return Err(CommandError::fixed(
            "ERR BYFLOAT increment cannot be Infinity",
        ));
    }
    let invalid = [
        "ERR LBOUND is not a valid float",
        "ERR UBOUND is not a valid float",
    ];
    let range = (LongDouble::smallest(), LongDouble::largest());
    let (lower, upper) = bounds(options, range, LongDouble::parse, invalid)?;
    let key = ctx.key(key);
    let found = ctx.write(&key);
    let old = float_at(ctx, found)?;
    if !old.is_finite() {
        return Err(CommandError::fixed("ERR value cannot be Infinity"));
    }
    let value = match old.checked_add(by) {
        Ok(sum) if lower <= sum && sum <= upper => sum,
        _ if !options.saturate => {
            let added = LongDouble::from_i64(0);
            reply_float(ctx, Outcome { value: old, added });
            return Ok(());
        }
        Ok(sum) if sum < lower => lower,
        Err(_) if by.is_negative() => lower,
        _ => upper,
    };
    let added = value
        .checked_sub(old)
        .map_err(|_| CommandError::fixed("ERR applied increment would produce NaN or Infinity"))?;
    let text = value.to_human();
    store(
        ctx,
        &key,
        found,
        "incrbyfloat",
        NewValue::Str(&text),
        options,
        expiry,
    );
    propagate(ctx, &key, &text);
    reply_float(ctx, Outcome { value, added });
    Ok(())
}

fn reply_float(ctx: &mut KeyCtx<'_>, outcome: Outcome<LongDouble>) {
    ctx.reply.array(2);
    ctx.reply.number_text(&outcome.value.to_human());
    ctx.reply.number_text(&outcome.added.to_human());
}

/// Stores the sum and settles the expiry; a key whose expiry has passed goes at once.
fn store(
    ctx: &mut KeyCtx<'_>,
    key: &Key<'_>,
    found: Option<Slot>,
    event: &'static str,
    value: NewValue<'_>,
    options: &Options<'_>,
    expiry: Expiry,
) {
    let present = found.and_then(|slot| ctx.db.expire_at(slot));
    let expire_at = match expiry {
        Expiry::At(at) if present.is_none() || !options.only_if_persistent => Some(at),
        _ => None,
    };
    if expire_at.is_some_and(|at| ctx.is_past(at)) {
        if let Some(slot) = found {
            ctx.expire_at_once(key, slot);
        }
        return;
    }
    let slot = ctx.set(key, found, value, true);
    ctx.modified(key.bytes);
    ctx.notify(EventClass::STRING, event, key.bytes);
    if expire_at.is_some() {
        ctx.db.set_expire(slot, expire_at);
        ctx.notify(EventClass::GENERIC, "expire", key.bytes);
    } else if expiry == Expiry::Persist && present.is_some() {
        ctx.db.set_expire(slot, None);
        ctx.notify(EventClass::GENERIC, "persist", key.bytes);
    }
}

/// The change as a SET of what is there now, unless the key is gone.
fn propagate(ctx: &mut KeyCtx<'_>, key: &Key<'_>, text: &[u8]) {
    if !ctx.effects.listeners.propagation {
        return;
    }
    let Some(slot) = ctx.db.find(key) else { return };
    match ctx.db.expire_at(slot) {
        None => ctx.propagate_as(&[b"SET", key.bytes, text]),
        Some(at) => {
            let at = at.to_string();
            ctx.propagate_as(&[b"SET", key.bytes, text, b"PXAT", at.as_bytes()]);
        }
    }
}
