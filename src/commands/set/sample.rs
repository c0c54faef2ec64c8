//! Some of the members: SPOP SRANDMEMBER SSCAN.

use crate::commands::member::{Draw, Filter, Room, cursor, drawn, reply_entry};
use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::store::db::{Key, Slot};
use crate::store::value::{Kind, ValueMut, ValueRef};

use super::{changed, read, set};

/// Members removed by SPOP that are propagated in one command.
const PROPAGATED_MAX: usize = 1_024;

/// SPOP key [count]
pub fn spop(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    if args.len() > 3 {
        return Err(CommandError::SYNTAX);
    }
    let count = match args.get(2) {
        None => None,
        Some(word) => {
            let count = parse_i64(word).and_then(|count| usize::try_from(count).ok());
            Some(count.ok_or(CommandError::MUST_BE_POSITIVE)?)
        }
    };
    let key = ctx.key(args.at(1));
    let found = ctx.write_kind(&key, Kind::Set)?;
    match (found, count) {
        (None, None) => ctx.reply.null(),
        (None, Some(_)) | (Some(_), Some(0)) => ctx.reply.set(0),
        (Some(slot), None) => pop(ctx, &key, slot, 1)?,
        (Some(slot), Some(count)) if count >= set(ctx, slot)?.len() => pop_all(ctx, &key, slot)?,
        (Some(slot), Some(count)) => {
            ctx.reply.set(count);
            pop(ctx, &key, slot, count)?;
        }
    }
    Ok(())
}

/// SRANDMEMBER key [count]
pub fn srandmember(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    if args.len() > 3 {
        return Err(CommandError::SYNTAX);
    }
    let draw = args.get(2).map(Draw::parse).transpose()?;
    let key = ctx.key(args.at(1));
    let found = ctx.read_kind(&key, Kind::Set)?;
    let room = Room::of(ctx);
    let KeyCtx { db, reply, rng, .. } = ctx;
    let set = match found.map(|slot| db.value(slot)) {
        Some(ValueRef::Set(set)) => Some(set),
        _ => None,
    };
    let Some(draw) = draw else {
        match set.and_then(|set| set.random(rng)) {
            Some(member) => reply_entry(reply, member),
            None => reply.null(),
        }
        return Ok(());
    };
    let Some(set) = set else {
        reply.array(0);
        return Ok(());
    };
    let count = draw.count(set.len(), room)?;
    reply.array(count);
    match draw {
        Draw::Distinct(_) => {
            set.sample(rng, count, |member| reply_entry(reply, member));
            Ok(())
        }
        Draw::Repeated(_) => drawn(set.sample_repeated(rng, count, |member| {
            reply_entry(reply, member);
            room.after(reply)
        })),
    }
}

/// SSCAN key cursor [MATCH pattern] [COUNT count]
pub fn sscan(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let cursor = cursor(args)?;
    let (set, reply) = read(ctx, args.at(1))?;
    let Some(set) = set else {
        reply.array(2);
        reply.bulk(b"0");
        reply.array(0);
        return Ok(());
    };
    let filter = Filter::parse(args, Some(Kind::Set))?;
    // The cursor comes first in the reply but is known last.
    let mut members = Vec::new();
    let next = set.scan(cursor, filter.count, |member| {
        if filter.admits(member) {
            members.push(member);
        }
    });
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    reply.array(members.len());
    members
        .into_iter()
        .for_each(|member| reply_entry(reply, member));
    Ok(())
}

/// Removes so many members at random, of at least as many, and replies with them.
fn pop(ctx: &mut KeyCtx<'_>, key: &Key<'_>, slot: Slot, count: usize) -> CommandResult {
    let propagates = ctx.effects.listeners.propagation;
    let mut popped: Vec<Vec<u8>> = Vec::new();
    let KeyCtx { db, reply, rng, .. } = ctx;
    let ValueMut::Set(set) = db.value_mut(slot) else {
        return Err(CommandError::WRONG_TYPE);
    };
    for _ in 0..count {
        set.pop_random(rng, |member| {
            reply_entry(reply, member);
            if propagates {
                popped.push(member.to_vec());
            }
        });
    }
    let is_empty = set.is_empty();
    changed(ctx, key.bytes, count, "spop");
    for part in popped.chunks(PROPAGATED_MAX) {
        let head = [&b"SREM"[..], key.bytes].into_iter();
        let words: Vec<&[u8]> = head.chain(part.iter().map(Vec::as_slice)).collect();
        ctx.propagate_as(&words);
    }
    if is_empty {
        ctx.delete_empty(key, slot);
    }
    Ok(())
}

/// Removes the key and replies with what it held.
fn pop_all(ctx: &mut KeyCtx<'_>, key: &Key<'_>, slot: Slot) -> CommandResult {
    let KeyCtx { db, reply, .. } = ctx;
    let ValueRef::Set(set) = db.value(slot) else {
        return Err(CommandError::WRONG_TYPE);
    };
    let count = set.len();
    reply.set(count);
    set.iter().for_each(|member| reply_entry(reply, member));
    changed(ctx, key.bytes, count, "spop");
    ctx.propagate_as(&[b"UNLINK", key.bytes]);
    ctx.delete_empty(key, slot);
    Ok(())
}
