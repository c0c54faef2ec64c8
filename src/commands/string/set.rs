//! SET and the commands that are one of its options: SETNX, SETEX, PSETEX, GETSET.

use crate::commands::expiry::{Expiry, ExpiryOption, Unit};
use crate::engine::context::{KeyCtx, new_value, reply_string};
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::store::db::{Key, Slot};
use crate::store::value::{Kind, ValueRef};

/// Under which condition SET writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Condition<'a> {
    #[default]
    Always,
    /// NX.
    IfAbsent,
    /// XX.
    IfPresent,
    /// IFEQ.
    IfEqual(&'a [u8]),
    /// IFNE.
    IfNotEqual(&'a [u8]),
    /// IFDEQ.
    IfDigest(&'a [u8]),
    /// IFDNE.
    IfNotDigest(&'a [u8]),
}

#[derive(Clone, Copy, Debug, Default)]
struct Options<'a> {
    condition: Condition<'a>,
    expiry: Expiry,
    reply_old: bool,
}

/// SET key value [NX|XX|IFEQ v|IFNE v|IFDEQ d|IFDNE d] [GET] [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL]
pub fn set(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    if args.len() == 3 {
        // The plain form is most of the traffic of most servers.
        let found = ctx.write(&key);
        store(ctx, &key, found, (args, 2), Expiry::Unsaid);
        ctx.reply.ok();
        return Ok(());
    }
    let options = parse(ctx, args)?;
    set_with(ctx, &key, args, options)
}

/// SETNX key value
pub fn setnx(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let absent = ctx.write(&key).is_none();
    if absent {
        store(ctx, &key, None, (args, 2), Expiry::Unsaid);
    }
    ctx.reply.int(absent.into());
    Ok(())
}

/// SETEX key seconds value
pub fn setex(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    set_expiring(ctx, args, Unit::Seconds, "setex")
}

/// PSETEX key milliseconds value
pub fn psetex(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    set_expiring(ctx, args, Unit::Milliseconds, "psetex")
}

/// GETSET key value
pub fn getset(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let found = ctx.read_kind(&key, Kind::String)?;
    reply_old(ctx, found)?;
    store(ctx, &key, found, (args, 2), Expiry::Unsaid);
    ctx.propagate_as(&[b"SET", key.bytes, args.at(2)]);
    Ok(())
}

fn set_expiring(ctx: &mut KeyCtx<'_>, args: Args<'_>, unit: Unit, name: &str) -> CommandResult {
    let at = unit.absolute_ms(args.at(2), ctx.now.unix_ms, name)?;
    let key = ctx.key(args.at(1));
    let found = ctx.write(&key);
    store(ctx, &key, found, (args, 3), Expiry::At(at));
    ctx.reply.ok();
    Ok(())
}

fn parse<'a>(ctx: &KeyCtx<'_>, args: Args<'a>) -> Result<Options<'a>, CommandError> {
    let (mut options, mut expiry) = (Options::default(), ExpiryOption::Unsaid);
    let mut i = 3;
    while i < args.len() {
        let (word, next) = (args.at(i), args.get(i + 1));
        if word.eq_ignore_ascii_case(b"get") {
            options.reply_old = true;
            i += 1;
        } else if let Some((condition, taken)) = condition(word, next) {
            // NX and XX may be said again; what they compare with may not.
            let same = taken == 1 && options.condition == condition;
            if options.condition != Condition::Always && !same {
                return Err(CommandError::SYNTAX);
            }
            options.condition = condition;
            i += taken;
        } else {
            let taken = expiry.accept(word, next, ExpiryOption::Keep);
            i += taken.ok_or(CommandError::SYNTAX)?;
        }
    }
    options.expiry = expiry.resolve(ctx.now.unix_ms, "set")?;
    Ok(options)
}

/// The condition an option names, and how many arguments it takes.
fn condition<'a>(word: &[u8], next: Option<&'a [u8]>) -> Option<(Condition<'a>, usize)> {
    let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    if is("nx") {
        return Some((Condition::IfAbsent, 1));
    }
    if is("xx") {
        return Some((Condition::IfPresent, 1));
    }
    let value = next?;
    let condition = if is("ifeq") {
        Condition::IfEqual(value)
    } else if is("ifne") {
        Condition::IfNotEqual(value)
    } else if is("ifdeq") {
        Condition::IfDigest(value)
    } else if is("ifdne") {
        Condition::IfNotDigest(value)
    } else {
        return None;
    };
    Some((condition, 2))
}

fn set_with(
    ctx: &mut KeyCtx<'_>,
    key: &Key<'_>,
    args: Args<'_>,
    options: Options<'_>,
) -> CommandResult {
    let found = ctx.write(key);
    let met = is_met(ctx, found, options.condition)?;
    if options.reply_old {
        if let Some(slot) = found
            && ctx.db.kind(slot) != Kind::String
        {
            return Err(CommandError::WRONG_TYPE);
        }
        reply_old(ctx, found)?;
    }
    if met {
        store(ctx, key, found, (args, 2), options.expiry);
    }
    match (options.reply_old, met) {
        (true, _) => {}
        (false, true) => ctx.reply.ok(),
        (false, false) => ctx.reply.null(),
    }
    Ok(())
}

fn is_met(
    ctx: &KeyCtx<'_>,
    found: Option<Slot>,
    condition: Condition<'_>,
) -> Result<bool, CommandError> {
    let value = found.map(|slot| ctx.db.value(slot));
    Ok(match (condition, value) {
        (Condition::Always, _) => true,
        (Condition::IfAbsent, value) => value.is_none(),
        (Condition::IfPresent, value) => value.is_some(),
        (Condition::IfEqual(_) | Condition::IfDigest(_), None) => false,
        (Condition::IfNotEqual(_) | Condition::IfNotDigest(_), None) => true,
        (Condition::IfEqual(want), Some(value)) => super::equals(value, want)?,
        (Condition::IfNotEqual(want), Some(value)) => !super::equals(value, want)?,
        (Condition::IfDigest(want), Some(value)) => super::digest::matches(value, want)?,
        (Condition::IfNotDigest(want), Some(value)) => !super::digest::matches(value, want)?,
    })
}

fn reply_old(ctx: &mut KeyCtx<'_>, found: Option<Slot>) -> CommandResult {
    match found.map(|slot| ctx.db.value(slot)) {
        None => ctx.reply.null(),
        Some(value @ (ValueRef::Int(_) | ValueRef::Str(_) | ValueRef::Large(_))) => {
            reply_string(&mut ctx.reply, value)?;
        }
        Some(_) => return Err(CommandError::WRONG_TYPE),
    }
    Ok(())
}

/// Stores argument `at_index` with its events and its propagation. What has expired already is not
/// stored, and its key is removed.
#[inline]
fn store(
    ctx: &mut KeyCtx<'_>,
    key: &Key<'_>,
    found: Option<Slot>,
    (args, at_index): (Args<'_>, usize),
    expiry: Expiry,
) {
    if let Expiry::At(at) = expiry
        && ctx.is_past(at)
    {
        if let Some(slot) = found {
            ctx.expire_at_once(key, slot);
        }
        return;
    }
    let value = new_value(args.take(at_index));
    let slot = ctx.set(key, found, value, expiry == Expiry::Keep);
    ctx.modified(key.bytes);
    ctx.notify(EventClass::STRING, "set", key.bytes);
    if let Expiry::At(at) = expiry {
        ctx.db.set_expire(slot, Some(at));
        ctx.notify(EventClass::GENERIC, "expire", key.bytes);
        if ctx.effects.listeners.propagation {
            let at = at.to_string();
            ctx.propagate_as(&[b"SET", key.bytes, args.at(at_index), b"PXAT", at.as_bytes()]);
        }
    }
}
