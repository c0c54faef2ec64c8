//! Looking inside: XINFO.
//!
//! What Redis calls keys of the radix tree are the blocks here; its nodes are counted as if each
//! block took one below the root.

use crate::commands;
use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::resp::reply::Reply;
use crate::store::db::Slot;
use crate::store::types::stream::{Consumer, Entry, Group, NEVER_ACTIVE, Stream, StreamId};
use crate::store::value::{Kind, ValueRef};

use super::{no_group, reply_entry, reply_id};

/// How many entries FULL shows when it is not told.
const FULL_COUNT: i64 = 10;

/// XINFO STREAM key [FULL [COUNT count]]
pub fn stream(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let slot = find(ctx, args)?;
    let full = parse_full(args)?;
    let KeyCtx { db, reply, .. } = ctx;
    let ValueRef::Stream(stream) = db.value(slot) else {
        return Err(CommandError::WRONG_TYPE);
    };
    let idmp_fields = if stream.idmp().is_some() { 6 } else { 0 };
    reply.map(idmp_fields + if full.is_some() { 9 } else { 10 });
    reply_counters(reply, stream);
    match full {
        None => {
            field_int(reply, "groups", stream.groups().len() as i64);
            field_entry(reply, "first-entry", stream.first_entry());
            field_entry(reply, "last-entry", stream.last_entry());
        }
        Some(limit) => {
            reply.bulk(b"entries");
            let entries = stream.range(StreamId::MIN, StreamId::MAX).take(limit);
            let mark = reply.begin_array();
            let mut count = 0;
            for entry in entries {
                reply_entry(reply, &entry);
                count += 1;
            }
            reply.end_array(mark, count);
            reply.bulk(b"groups");
            reply.array(stream.groups().len());
            for (name, group) in stream.groups() {
                reply_full_group(reply, stream, name, group, limit);
            }
        }
    }
    Ok(())
}

/// XINFO GROUPS key
pub fn groups(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let slot = find(ctx, args)?;
    let KeyCtx { db, reply, .. } = ctx;
    let ValueRef::Stream(stream) = db.value(slot) else {
        return Err(CommandError::WRONG_TYPE);
    };
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(6);
        reply.bulk(b"name");
        reply.bulk(name);
        field_int(reply, "consumers", group.consumers().len() as i64);
        field_int(reply, "pending", group.pending_len() as i64);
        reply_position(reply, stream, group);
    }
    Ok(())
}

/// XINFO CONSUMERS key group
pub fn consumers(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let slot = find(ctx, args)?;
    let now_ms = ctx.now.unix_ms;
    let KeyCtx { db, reply, .. } = ctx;
    let ValueRef::Stream(stream) = db.value(slot) else {
        return Err(CommandError::WRONG_TYPE);
    };
    let group = stream.group(args.at(3));
    let group = group.ok_or_else(|| no_group(args.at(2), args.at(3)))?;
    reply.array(group.consumers().len());
    for consumer in group.consumers() {
        let idle = now_ms.saturating_sub(consumer.seen_time).max(0);
        let inactive = match consumer.active_time {
            NEVER_ACTIVE => NEVER_ACTIVE,
            time => now_ms.saturating_sub(time),
        };
        reply.map(4);
        reply.bulk(b"name");
        reply.bulk(consumer.name());
        field_int(reply, "pending", consumer.pending_len() as i64);
        field_int(reply, "idle", idle);
        field_int(reply, "inactive", inactive);
    }
    Ok(())
}

/// XINFO HELP
pub fn help(ctx: &mut KeyCtx<'_>, _args: Args<'_>) -> CommandResult {
    let lines = [
        "CONSUMERS <key> <groupname>",
        "    Show consumers of <groupname>.",
        "GROUPS <key>",
        "    Show the stream consumer groups.",
        "STREAM <key> [FULL [COUNT <count>]",
        "    Show information about the stream.",
    ];
    commands::help(&mut ctx.reply, "XINFO", &lines);
    Ok(())
}

/// The stream, which must be there.
fn find(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> Result<Slot, CommandError> {
    let key = ctx.key(args.at(2));
    let found = ctx.read_kind(&key, Kind::Stream)?;
    found.ok_or(CommandError::NO_SUCH_KEY)
}

/// `[FULL [COUNT count]]`: how many entries to show, if FULL was given; a count of 0 is all.
fn parse_full(args: Args<'_>) -> Result<Option<usize>, CommandError> {
    let syntax = || CommandError::subcommand_syntax("XINFO", args.at(1));
    let is = |at: usize, word: &[u8]| args.at(at).eq_ignore_ascii_case(word);
    let count = match args.len() {
        3 => return Ok(None),
        4 if is(3, b"full") => FULL_COUNT,
        6 if is(3, b"full") && is(4, b"count") => {
            parse_i64(args.at(5)).ok_or(CommandError::NOT_INTEGER)?
        }
        _ => return Err(syntax()),
    };
    Ok(Some(match count {
        0 => usize::MAX,
        ..0 => FULL_COUNT as usize,
        count => usize::try_from(count).unwrap_or(usize::MAX),
    }))
}

fn reply_counters(reply: &mut Reply<'_>, stream: &Stream) {
    let (counters, nodes) = (stream.counters(), stream.node_count() as i64);
    field_int(reply, "length", stream.len() as i64);
    field_int(reply, "radix-tree-keys", nodes);
    field_int(reply, "radix-tree-nodes", nodes + 1);
    field_id(reply, "last-generated-id", counters.last_id);
    field_id(reply, "max-deleted-entry-id", counters.max_deleted_id);
    field_int(reply, "entries-added", counters.entries_added as i64);
    field_id(reply, "recorded-first-entry-id", counters.first_id);
    if let Some(idmp) = stream.idmp() {
        field_int(reply, "idmp-duration", idmp.limits().duration_s as i64);
        field_int(reply, "idmp-maxsize", idmp.limits().max_size as i64);
        field_int(reply, "pids-tracked", idmp.producer_count() as i64);
        field_int(reply, "iids-tracked", idmp.record_count() as i64);
        field_int(reply, "iids-added", idmp.added() as i64);
        field_int(reply, "iids-duplicates", idmp.duplicates() as i64);
    }
}

fn reply_position(reply: &mut Reply<'_>, stream: &Stream, group: &Group) {
    field_id(reply, "last-delivered-id", group.last_id());
    reply.bulk(b"entries-read");
    match group.entries_read() {
        Some(read) => reply.int(read as i64),
        None => reply.null(),
    }
    reply.bulk(b"lag");
    match stream.counters().lag(group) {
        Some(lag) => reply.int(lag),
        None => reply.null(),
    }
}

fn reply_full_group(
    reply: &mut Reply<'_>,
    stream: &Stream,
    name: &[u8],
    group: &Group,
    limit: usize,
) {
    let released = group.released_len();
    reply.map(7 + usize::from(released > 0));
    reply.bulk(b"name");
    reply.bulk(name);
    reply_position(reply, stream, group);
    field_int(reply, "pel-count", group.pending_len() as i64);
    if released > 0 {
        field_int(reply, "nacked-count", released as i64);
    }
    reply.bulk(b"pending");
    reply.array(group.pending_len().min(limit));
    let pending = group.pending_range(StreamId::MIN, StreamId::MAX);
    for pending in pending.take(limit) {
        reply.array(4);
        reply_id(reply, pending.id);
        reply.bulk(group.owner_name(pending));
        reply.int(pending.delivery_time());
        reply.int(pending.delivery_count);
    }
    reply.bulk(b"consumers");
    reply.array(group.consumers().len());
    for consumer in group.consumers() {
        reply_full_consumer(reply, group, consumer, limit);
    }
}

fn reply_full_consumer(reply: &mut Reply<'_>, group: &Group, consumer: &Consumer, limit: usize) {
    reply.map(5);
    reply.bulk(b"name");
    reply.bulk(consumer.name());
    field_int(reply, "seen-time", consumer.seen_time);
    field_int(reply, "active-time", consumer.active_time);
    field_int(reply, "pel-count", consumer.pending_len() as i64);
    reply.bulk(b"pending");
    reply.array(consumer.pending_len().min(limit));
    let Some(index) = group.find_consumer(consumer.name()) else {
        return;
    };
    let pending = group.consumer_pending_range(index, StreamId::MIN, StreamId::MAX);
    for pending in pending.take(limit) {
        reply.array(3);
        reply_id(reply, pending.id);
        reply.int(pending.delivery_time());
        reply.int(pending.delivery_count);
    }
}

fn field_int(reply: &mut Reply<'_>, name: &str, value: i64) {
    reply.bulk(name.as_bytes());
    reply.int(value);
}

fn field_id(reply: &mut Reply<'_>, name: &str, id: StreamId) {
    reply.bulk(name.as_bytes());
    reply_id(reply, id);
}

fn field_entry(reply: &mut Reply<'_>, name: &str, entry: Option<Entry<'_>>) {
    reply.bulk(name.as_bytes());
    match entry {
        Some(entry) => reply_entry(reply, &entry),
        None => reply.null(),
    }
}
