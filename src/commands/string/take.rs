//! Reading and changing in one: GETDEL GETEX, and deleting on a condition: DELEX DELIFEQ.

use crate::commands::expiry::{Expiry, Unit};
use crate::engine::context::{KeyCtx, reply_string};
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::store::db::{Key, Slot};
use crate::store::value::Kind;

use super::{digest, equals};

/// GETDEL key
pub fn getdel(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let Some(slot) = ctx.read_kind(&key, Kind::String)? else {
        ctx.reply.null();
        return Ok(());
    };
    reply_string(&mut ctx.reply, ctx.db.value(slot))?;
    remove(ctx, &key, slot);
    Ok(())
}

/// GETEX key [EX s|PX ms|EXAT s|PXAT ms|PERSIST]
pub fn getex(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let expiry = parse_getex(ctx, args)?;
    let key = ctx.key(args.at(1));
    let Some(slot) = ctx.read_kind(&key, Kind::String)? else {
        ctx.reply.null();
        return Ok(());
    };
    reply_string(&mut ctx.reply, ctx.db.value(slot))?;
    match expiry {
        Expiry::At(at) if at <= ctx.now.unix_ms => remove(ctx, &key, slot),
        Expiry::At(at) => {
            ctx.db.set_expire(slot, Some(at));
            ctx.modified(key.bytes);
            if ctx.effects.listeners.propagation {
                ctx.propagate_as(&[b"PEXPIREAT", key.bytes, at.to_string().as_bytes()]);
            }
            ctx.notify(EventClass::GENERIC, "expire", key.bytes);
        }
        Expiry::Persist if ctx.db.expire_at(slot).is_some() => {
            ctx.db.set_expire(slot, None);
            ctx.modified(key.bytes);
            ctx.propagate_as(&[b"PERSIST", key.bytes]);
            ctx.notify(EventClass::GENERIC, "persist", key.bytes);
        }
        _ => {}
    }
    Ok(())
}

/// DELIFEQ key value
pub fn delifeq(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let found = ctx.write(&key);
    let matches = match found {
        Some(slot) => equals(ctx.db.value(slot), args.at(2))?,
        None => false,
    };
    reply_removal(ctx, &key, found.filter(|_| matches));
    Ok(())
}

/// DELEX key [IFEQ v|IFNE v|IFDEQ d|IFDNE d]
pub fn delex(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    if args.len() != 2 && args.len() != 4 {
        return Err(CommandError::wrong_arity("delex"));
    }
    let key = ctx.key(args.at(1));
    let found = ctx.write(&key);
    let matches = match (found, args.get(2)) {
        (_, None) => true,
        (Some(slot), Some(word)) => condition_met(ctx, slot, word, args.at(3))?,
        (None, Some(word)) => {
            check_condition(word)?;
            false
        }
    };
    reply_removal(ctx, &key, found.filter(|_| matches));
    Ok(())
}

fn check_condition(word: &[u8]) -> Result<(), CommandError> {
    let known = [&b"ifeq"[..], b"ifne", b"ifdeq", b"ifdne"];
    if known.iter().any(|name| word.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    Err(CommandError::fixed("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE"))
}

fn condition_met(
    ctx: &KeyCtx<'_>,
    slot: Slot,
    word: &[u8],
    want: &[u8],
) -> Result<bool, CommandError> {
    check_condition(word)?;
    let value = ctx.db.value(slot);
    let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    if is("ifeq") || is("ifne") {
        return Ok(equals(value, want)? == is("ifeq"));
    }
    Ok((digest::of(value)? == digest::parse(want)?) == is("ifdeq"))
}

fn reply_removal(ctx: &mut KeyCtx<'_>, key: &Key<'_>, slot: Option<Slot>) {
    if let Some(slot) = slot {
        remove(ctx, key, slot);
    }
    ctx.reply.int(slot.is_some().into());
}

/// Removes a key; the change replays as a plain removal.
fn remove(ctx: &mut KeyCtx<'_>, key: &Key<'_>, slot: Slot) {
    ctx.delete(slot);
    ctx.modified(key.bytes);
    ctx.propagate_as(&[b"UNLINK", key.bytes]);
    ctx.notify(EventClass::GENERIC, "del", key.bytes);
}

fn parse_getex(ctx: &KeyCtx<'_>, args: Args<'_>) -> Result<Expiry, CommandError> {
    let mut expiry = Expiry::Unsaid;
    let mut i = 2;
    while i < args.len() {
        let word = args.at(i);
        if expiry != Expiry::Unsaid {
            return Err(CommandError::SYNTAX);
        }
        if word.eq_ignore_ascii_case(b"persist") {
            expiry = Expiry::Persist;
        } else if let (Some(unit), Some(value)) = (Unit::parse(word), args.get(i + 1)) {
            expiry = Expiry::At(unit.absolute_ms(value, ctx.now.unix_ms, "getex")?);
            i += 1;
        } else {
            return Err(CommandError::SYNTAX);
        }
        i += 1;
    }
    Ok(expiry)
}
