//! Reading: HGET HMGET HGETALL HKEYS HVALS HLEN HSTRLEN HEXISTS.

use crate::commands::member::{Room, drawn, reply_entry};
use crate::engine::context::KeyCtx;
use crate::engine::error::CommandResult;
use crate::resp::args::Args;

use super::read;

/// HGET key field
pub fn hget(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let (hash, cx, reply) = read(ctx, args.at(1))?;
    match hash.and_then(|hash| hash.get(args.at(2), cx)) {
        Some(value) => reply_entry(reply, value),
        None => reply.null(),
    }
    Ok(())
}

/// HMGET key field [field ...]
pub fn hmget(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let room = Room::of(ctx);
    let (hash, cx, reply) = read(ctx, args.at(1))?;
    reply.array(args.len() - 2);
    for name in args.iter_from(2) {
        // A short request may name a long value many times.
        drawn(room.after(reply))?;
        match hash.and_then(|hash| hash.get(name, cx)) {
            Some(value) => reply_entry(reply, value),
            None => reply.null(),
        }
    }
    Ok(())
}

/// HGETALL key
pub fn hgetall(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let (hash, cx, reply) = read(ctx, args.at(1))?;
    let Some(hash) = hash else {
        reply.map(0);
        return Ok(());
    };
    reply.map(hash.live_len(cx.now_ms));
    for field in hash.iter(cx.now_ms) {
        reply_entry(reply, field.name);
        reply_entry(reply, field.value);
    }
    Ok(())
}

/// HKEYS key
pub fn hkeys(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let (hash, cx, reply) = read(ctx, args.at(1))?;
    reply.array(hash.map_or(0, |hash| hash.live_len(cx.now_ms)));
    for field in hash.into_iter().flat_map(|hash| hash.iter(cx.now_ms)) {
        reply_entry(reply, field.name);
    }
    Ok(())
}

/// HVALS key
pub fn hvals(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let (hash, cx, reply) = read(ctx, args.at(1))?;
    reply.array(hash.map_or(0, |hash| hash.live_len(cx.now_ms)));
    for field in hash.into_iter().flat_map(|hash| hash.iter(cx.now_ms)) {
        reply_entry(reply, field.value);
    }
    Ok(())
}

/// HLEN key
pub fn hlen(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let (hash, cx, reply) = read(ctx, args.at(1))?;
    reply.int(hash.map_or(0, |hash| hash.live_len(cx.now_ms)) as i64);
    Ok(())
}

/// HSTRLEN key field
pub fn hstrlen(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let (hash, cx, reply) = read(ctx, args.at(1))?;
    let value = hash.and_then(|hash| hash.get(args.at(2), cx));
    reply.int(value.map_or(0, |value| value.text_len()) as i64);
    Ok(())
}

/// HEXISTS key field
pub fn hexists(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let (hash, cx, reply) = read(ctx, args.at(1))?;
    reply.int(
        hash.is_some_and(|hash| hash.contains(args.at(2), cx))
            .into(),
    );
    Ok(())
}
