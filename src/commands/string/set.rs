//! SET and the commands that are one of its options: SETNX, SETEX, PSETEX, GETSET.

use crate::commands::expiry::{Expiry, Unit};
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
    let mut options = Options::default();
    let mut i = 3;
    while i < args.len() {
        let word = args.at(i);
        let next = args.get(i + 1);
        i += 1;
        if word.eq_ignore_ascii_case(b"get") {
            options.reply_old = true;
        } else if let Some((condition, takes)) = condition(word, next) {
            if options.condition != Condition::Always {
                return Err(CommandError::SYNTAX);
            }
            options.condition = condition;
            i += usize::from(takes);
        } else if options.expiry != Expiry::Unsaid {
            return Err(CommandError::SYNTAX);
        } else if word.eq_ignore_ascii_case(b"keepttl") {
            options.expiry = Expiry::Keep;
        } else if let (Some(unit), Some(value)) = (Unit::parse(word), next) {
            options.expiry = Expiry::At(unit.absolute_ms(value, ctx.now.unix_ms, "set")?);
            i += 1;
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    Ok(options)
}

/// The condition an option names, and whether it takes the next argument.
fn condition<'a>(word: &[u8], next: Option<&'a [u8]>) -> Option<(Condition<'a>, bool)> {
    let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    if is("nx") {
        return Some((Condition::IfAbsent, false));
    }
    if is("xx") {
        return Some((Condition::IfPresent, false));
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
    Some((condition, true))
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
    Ok(match condition {
        Condition::Always => true,
        Condition::IfAbsent => value.is_none(),
        Condition::IfPresent => value.is_some(),
        Condition::IfEqual(want) => match value {
            Some(value) => super::equals(value, want)?,
            None => false,
        },
        Condition::IfNotEqual(want) => match value {
            Some(value) => !super::equals(value, want)?,
            None => true,
        },
        Condition::IfDigest(want) => {
            let want = super::digest::parse(want)?;
            match value {
                Some(value) => super::digest::of(value)? == want,
                None => false,
            }
        }
        Condition::IfNotDigest(want) => {
            let want = super::digest::parse(want)?;
            match value {
                Some(value) => super::digest::of(value)? != want,
                None => true,
            }
        }
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

/// Stores argument `at_index` with its events and its propagation.
#[inline]
fn store(
    ctx: &mut KeyCtx<'_>,
    key: &Key<'_>,
    found: Option<Slot>,
    (args, at_index): (Args<'_>, usize),
    expiry: Expiry,
) {
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
