//! Reading and changing in one: GETDEL GETEX, and deleting on a condition: DELEX DELIFEQ.

use crate::commands::expiry::{Expiry, ExpiryOption};
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
        Expiry::At(at) if ctx.is_past(at) => ctx.expire_at_once(&key, slot),
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

/// DELEX key [IFEQ v|IFNE v|IFDEQ d|IFDNE d]. Without a condition the key may be of any type.
pub fn delex(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    if args.len() != 2 && args.len() != 4 {
        return Err(CommandError::wrong_arity("delex"));
    }
    let key = ctx.key(args.at(1));
    let found = ctx.write(&key);
    let matches = match (found, args.get(2)) {
        (Some(slot), Some(word)) => is_met(ctx, slot, word, args.at(3))?,
        _ => true,
    };
    reply_removal(ctx, &key, found.filter(|_| matches));
    Ok(())
}

fn is_met(ctx: &KeyCtx<'_>, slot: Slot, word: &[u8], want: &[u8]) -> Result<bool, CommandError> {
    if ctx.db.kind(slot) != Kind::String {
        return Err(CommandError::fixed(
            "ERR Key should be of string type if conditions are specified",
        ));
    }
    let value = ctx.db.value(slot);
    match word.to_ascii_lowercase().as_slice() {
        b"ifeq" => equals(value, want),
        b"ifne" => Ok(!equals(value, want)?),
        b"ifdeq" => digest::matches(value, want),
        b"ifdne" => Ok(!digest::matches(value, want)?),
        _ => Err(CommandError::fixed(
            "ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE",
        )),
    }
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
    let (mut expiry, mut i) = (ExpiryOption::Unsaid, 2);
    while i < args.len() {
        let taken = expiry.accept(args.at(i), args.get(i + 1), ExpiryOption::Persist);
        i += taken.ok_or(CommandError::SYNTAX)?;
    }
    expiry.resolve(ctx.now.unix_ms, "getex")
}
