//! Members of one set, by name: SADD SREM SISMEMBER SMISMEMBER SMEMBERS SCARD SMOVE.

use crate::commands::member::reply_entry;
use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::store::value::Kind;

use super::{changed, limits, make, read, set, set_mut};

/// SADD key member [member ...]
pub fn sadd(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let slot = make(ctx, &key)?;
    let (limits, state) = (limits(ctx), ctx.hasher);
    let set = set_mut(ctx, slot)?;
    let mut added = 0;
    for member in args.iter_from(2) {
        added += usize::from(set.insert(member, state, limits));
    }
    if added > 0 {
        changed(ctx, key.bytes, added, "sadd");
    }
    ctx.reply.int(added as i64);
    Ok(())
}

/// SREM key member [member ...]
pub fn srem(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let Some(slot) = ctx.write_kind(&key, Kind::Set)? else {
        ctx.reply.int(0);
        return Ok(());
    };
    let state = ctx.hasher;
    let set = set_mut(ctx, slot)?;
    let members = args.iter_from(2);
    let removed = members.filter(|member| set.remove(member, state)).count();
    let is_empty = set.is_empty();
    if removed > 0 {
        changed(ctx, key.bytes, removed, "srem");
    }
    if is_empty {
        ctx.delete_empty(&key, slot);
    }
    ctx.reply.int(removed as i64);
    Ok(())
}

/// SISMEMBER key member [XX]: with XX the answer is -1 if there is no such key.
pub fn sismember(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let absent = match args.get(3) {
        None => 0,
        Some(word) if word.eq_ignore_ascii_case(b"xx") && args.len() == 4 => -1,
        Some(_) => return Err(CommandError::SYNTAX),
    };
    let state = ctx.hasher;
    let (set, reply) = read(ctx, args.at(1))?;
    reply.int(set.map_or(absent, |set| set.contains(args.at(2), state).into()));
    Ok(())
}

/// SMISMEMBER key member [member ...]
pub fn smismember(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let state = ctx.hasher;
    let (set, reply) = read(ctx, args.at(1))?;
    reply.array(args.len() - 2);
    for member in args.iter_from(2) {
        reply.int(set.is_some_and(|set| set.contains(member, state)).into());
    }
    Ok(())
}

/// SMEMBERS key
pub fn smembers(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let (set, reply) = read(ctx, args.at(1))?;
    let Some(set) = set else {
        reply.set(0);
        return Ok(());
    };
    reply.set(set.len());
    set.iter().for_each(|member| reply_entry(reply, member));
    Ok(())
}

/// SCARD key
pub fn scard(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let (set, reply) = read(ctx, args.at(1))?;
    reply.int(set.map_or(0, |set| set.len()) as i64);
    Ok(())
}

/// SMOVE source destination member
pub fn smove(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let (from, to, member) = (ctx.key(args.at(1)), ctx.key(args.at(2)), args.at(3));
    if ctx.write(&from).is_none() {
        ctx.reply.int(0);
        return Ok(());
    }
    // The look at the destination may remove it and so move what was found.
    ctx.write_kind(&from, Kind::Set)?;
    ctx.write_kind(&to, Kind::Set)?;
    let Some(source) = ctx.peek(&from) else {
        ctx.reply.int(0);
        return Ok(());
    };
    let state = ctx.hasher;
    if from.bytes == to.bytes {
        let is_member = set(ctx, source)?.contains(member, state);
        ctx.reply.int(is_member.into());
        return Ok(());
    }
    let from_set = set_mut(ctx, source)?;
    if !from_set.remove(member, state) {
        ctx.reply.int(0);
        return Ok(());
    }
    let is_empty = from_set.is_empty();
    changed(ctx, from.bytes, 1, "srem");
    if is_empty {
        ctx.delete_empty(&from, source);
    }
    let target = make(ctx, &to)?;
    let limits = limits(ctx);
    if set_mut(ctx, target)?.insert(member, state, limits) {
        changed(ctx, to.bytes, 1, "sadd");
    }
    ctx.reply.int(1);
    Ok(())
}
