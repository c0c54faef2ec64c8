//! GET, MGET, MSET, STRLEN.

use crate::commands::member::{Room, drawn};
use crate::engine::context::{KeyCtx, new_value, reply_string};
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::store::value::{Kind, ValueRef};

/// GET key
pub fn get(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    match ctx.read(&key) {
        None => ctx.reply.null(),
        Some(slot) => reply_string(&mut ctx.reply, ctx.db.value(slot))?,
    }
    Ok(())
}

/// MGET key [key ...]
pub fn mget(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let room = Room::of(ctx);
    ctx.reply.array(args.len() - 1);
    for bytes in args.iter_from(1) {
        // A short request may name a long value many times.
        drawn(room.after(&mut ctx.reply))?;
        let key = ctx.key(bytes);
        let found = ctx
            .read(&key)
            .filter(|slot| ctx.db.kind(*slot) == Kind::String);
        match found {
            None => ctx.reply.null(),
            Some(slot) => reply_string(&mut ctx.reply, ctx.db.value(slot))?,
        }
    }
    Ok(())
}

/// MSET key value [key value ...]
pub fn mset(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    if args.len().is_multiple_of(2) {
        return Err(CommandError::wrong_arity("mset"));
    }
    for i in (1..args.len()).step_by(2) {
        let key = ctx.key(args.at(i));
        let found = ctx.write(&key);
        ctx.set(&key, found, new_value(args.take(i + 1)), false);
        ctx.modified(key.bytes);
        ctx.notify(EventClass::STRING, "set", key.bytes);
    }
    ctx.reply.ok();
    Ok(())
}

/// STRLEN key
pub fn strlen(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let len = match ctx
        .read_kind(&key, Kind::String)?
        .map(|slot| ctx.db.value(slot))
    {
        None => 0,
        Some(ValueRef::Int(n)) => itoa::Buffer::new().format(n).len(),
        Some(ValueRef::Str(bytes)) => bytes.len(),
        Some(ValueRef::Large(bytes)) => bytes.len(),
        Some(_) => return Err(CommandError::WRONG_TYPE),
    };
    ctx.reply.int(len as i64);
    Ok(())
}
