//! Changing fields: HSET HMSET HSETNX HDEL HINCRBY HINCRBYFLOAT.

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::number::{LongDouble, parse_i64};
use crate::store::types::hash::FieldTtl;
use crate::store::types::listpack::{Entry, IntBuf};

use super::{FieldList, changed, edit, is_due, make, remove_if_empty, write};

/// HSET key field value [field value ...]
pub fn hset(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let added = set(ctx, args, "hset")?;
    ctx.reply.int(added);
    Ok(())
}

/// HMSET key field value [field value ...]
pub fn hmset(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    set(ctx, args, "hmset")?;
    ctx.reply.ok();
    Ok(())
}

/// HSETNX key field value
pub fn hsetnx(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let slot = make(ctx, &key)?;
    let hides_expired = is_due(ctx, slot);
    let is_set = edit(ctx, slot, |hash, cx, _| {
        hash.set_new(args.at(2), args.at(3), cx)
    })?;
    if is_set {
        changed(ctx, key.bytes, 1, "hset");
        if hides_expired {
            propagate_value(ctx, args, args.at(3), None);
        }
    }
    ctx.reply.int(is_set.into());
    Ok(())
}

/// HDEL key field [field ...]
pub fn hdel(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let Some(slot) = write(ctx, &key)? else {
        ctx.reply.int(0);
        return Ok(());
    };
    let removed = edit(ctx, slot, |hash, cx, _| {
        let names = args.iter_from(2);
        names.filter(|name| hash.remove(name, cx)).count()
    })?;
    if removed > 0 {
        changed(ctx, key.bytes, removed, "hdel");
        remove_if_empty(ctx, &key, slot);
    }
    ctx.reply.int(removed as i64);
    Ok(())
}

/// HINCRBY key field increment
pub fn hincrby(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let by = parse_i64(args.at(3)).ok_or(CommandError::NOT_INTEGER)?;
    let key = ctx.key(args.at(1));
    let found = write(ctx, &key)?;
    let (old, expire_at_ms) = present(ctx, found, args.at(2))?;
    let hides_expired = old.is_none() && found.is_some_and(|slot| is_due(ctx, slot));
    let old = match old {
        None => 0,
        Some(Value::Int(n)) => n,
        Some(Value::Text(text)) => {
            parse_i64(&text).ok_or(CommandError::fixed("ERR hash value is not an integer"))?
        }
    };
    let new = old.checked_add(by).ok_or(CommandError::INCR_OVERFLOW)?;
    let mut text = IntBuf::new();
    let text = text.format(new);
    let slot = make(ctx, &key)?;
    edit(ctx, slot, |hash, cx, _| {
        hash.set(args.at(2), text, FieldTtl::Keep, cx)
    })?;
    changed(ctx, key.bytes, 1, "hincrby");
    if expire_at_ms.is_some() || hides_expired {
        propagate_value(ctx, args, text, expire_at_ms);
    }
    ctx.reply.int(new);
    Ok(())
}

/// HINCRBYFLOAT key field increment
pub fn hincrbyfloat(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let by = LongDouble::parse(args.at(3)).ok_or(CommandError::NOT_FLOAT)?;
    if !by.is_finite() {
        return Err(CommandError::fixed("ERR value is NaN or Infinity"));
    }
    let key = ctx.key(args.at(1));
    let found = write(ctx, &key)?;
    let (old, expire_at_ms) = present(ctx, found, args.at(2))?;
    let old = match old {
        None => LongDouble::from_i64(0),
        Some(Value::Int(n)) => LongDouble::from_i64(n),
        Some(Value::Text(text)) => {
            LongDouble::parse(&text).ok_or(CommandError::fixed("ERR hash value is not a float"))?
        }
    };
    let new = old.checked_add(by).map_err(|_| CommandError::INCR_NAN)?;
    let text = new.to_human();
    let slot = make(ctx, &key)?;
    edit(ctx, slot, |hash, cx, _| {
        hash.set(args.at(2), &text, FieldTtl::Keep, cx)
    })?;
    changed(ctx, key.bytes, 1, "hincrbyfloat");
    propagate_value(ctx, args, &text, expire_at_ms);
    ctx.reply.bulk(&text);
    Ok(())
}

/// Sets the pairs behind the key; how many fields are new.
fn set(ctx: &mut KeyCtx<'_>, args: Args<'_>, name: &str) -> Result<i64, CommandError> {
    if args.len() % 2 == 1 {
        return Err(CommandError::wrong_arity(name));
    }
    let key = ctx.key(args.at(1));
    let slot = make(ctx, &key)?;
    let added = edit(ctx, slot, |hash, cx, _| {
        let mut added = 0;
        for at in (2..args.len()).step_by(2) {
            let is_new = hash.set(args.at(at), args.at(at + 1), FieldTtl::Clear, cx);
            added += i64::from(is_new);
        }
        added
    })?;
    changed(ctx, key.bytes, args.len() / 2 - 1, "hset");
    Ok(added)
}

/// A number or what may be one.
enum Value {
    Int(i64),
    Text(Box<[u8]>),
}

/// The value of a field and when it expires.
fn present(
    ctx: &KeyCtx<'_>,
    found: Option<crate::store::db::Slot>,
    name: &[u8],
) -> Result<(Option<Value>, Option<i64>), CommandError> {
    let Some(slot) = found else {
        return Ok((None, None));
    };
    let crate::store::value::ValueRef::Hash(hash) = ctx.db.value(slot) else {
        return Err(CommandError::WRONG_TYPE);
    };
    let Some(field) = hash.field(name, super::context(ctx)) else {
        return Ok((None, None));
    };
    let value = match field.value {
        Entry::Int(n) => Value::Int(n),
        Entry::Str(text) => Value::Text(text.into()),
    };
    Ok((Some(value), field.expire_at_ms))
}

/// The value a field has now is propagated, with its time: when an increment is replayed, that
/// time may have come.
fn propagate_value(ctx: &mut KeyCtx<'_>, args: Args<'_>, value: &[u8], expire_at_ms: Option<i64>) {
    if !ctx.effects.listeners.propagation {
        return;
    }
    let (key, name) = (args.at(1), args.at(2));
    match expire_at_ms {
        None => ctx.propagate_as(&[b"HSET", key, name, value]),
        Some(at_ms) => {
            let at_ms = at_ms.to_string();
            let head = [&b"HSETEX"[..], key, b"PXAT", at_ms.as_bytes()];
            FieldList::propagate(ctx, &head, &[name, value], 2);
        }
    }
}
