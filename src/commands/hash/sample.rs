//! Some of the fields: HRANDFIELD HSCAN.

use crate::commands::member::{Draw, Filter, Room, cursor, drawn, reply_entry};
use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::resp::reply::{Protocol, Reply};
use crate::store::types::hash::Field;
use crate::store::value::{Kind, ValueRef};

use super::read;

/// HRANDFIELD key [count [WITHVALUES]]
pub fn hrandfield(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let draw = args.get(2).map(Draw::parse).transpose()?;
    let with_values = args.len() == 4 && args.at(3).eq_ignore_ascii_case(b"withvalues");
    if args.len() > 4 || args.len() == 4 && !with_values {
        return Err(CommandError::SYNTAX);
    }
    // Twice as many strings are to be counted.
    let half = i64::MAX / 2;
    if with_values && parse_i64(args.at(2)).is_some_and(|n| !(-half..=half).contains(&n)) {
        return Err(CommandError::OUT_OF_RANGE);
    }
    let key = ctx.key(args.at(1));
    let found = ctx.read_kind(&key, Kind::Hash)?;
    let now_ms = ctx.fields_now_ms();
    let room = Room::of(ctx);
    let KeyCtx { db, reply, rng, .. } = ctx;
    let hash = match found.map(|slot| db.value(slot)) {
        Some(ValueRef::Hash(hash)) => Some(hash),
        _ => None,
    };
    let Some(draw) = draw else {
        match hash.and_then(|hash| hash.random(rng, now_ms)) {
            Some(field) => reply_entry(reply, field.name),
            None => reply.null(),
        }
        return Ok(());
    };
    let Some(hash) = hash else {
        reply.array(0);
        return Ok(());
    };
    let count = draw.count(hash.live_len(now_ms), room)?;
    let is_nested = with_values && reply.protocol() == Protocol::Resp3;
    reply.array(if with_values && !is_nested {
        count * 2
    } else {
        count
    });
    let mut show = |field: Field<'_>| {
        reply_field(reply, field, with_values, is_nested);
        room.after(reply)
    };
    match draw {
        Draw::Distinct(_) => {
            hash.sample(rng, count, now_ms, |field| _ = show(field));
            Ok(())
        }
        Draw::Repeated(_) => drawn(hash.sample_repeated(rng, count, now_ms, show)),
    }
}

/// HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]
pub fn hscan(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let cursor = cursor(args)?;
    let (hash, cx, reply) = read(ctx, args.at(1))?;
    let Some(hash) = hash else {
        reply.array(2);
        reply.bulk(b"0");
        reply.array(0);
        return Ok(());
    };
    let filter = Filter::parse(args, Some(Kind::Hash))?;
    // The cursor comes first in the reply but is known last.
    let mut fields = Vec::new();
    let next = hash.scan(cursor, filter.count, cx.now_ms, |field| {
        if filter.admits(field.name) {
            fields.push((field.name, field.value));
        }
    });
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    reply.array(if filter.no_values {
        fields.len()
    } else {
        fields.len() * 2
    });
    for (name, value) in fields {
        reply_entry(reply, name);
        if !filter.no_values {
            reply_entry(reply, value);
        }
    }
    Ok(())
}

#[inline]
fn reply_field(reply: &mut Reply<'_>, field: Field<'_>, with_values: bool, is_nested: bool) {
    if is_nested {
        reply.array(2);
    }
    reply_entry(reply, field.name);
    if with_values {
        reply_entry(reply, field.value);
    }
}
