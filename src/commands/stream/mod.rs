//! Streams.
//!
//! Handlers read arguments, call [`crate::store::types::stream`] and write the reply. What a
//! consumer group did is propagated as the XCLAIM and XGROUP SETID that lead to the same state;
//! generated ids and approximate trimming are propagated as what came of them.

mod add;
mod claim;
mod delete;
mod group;
mod idmp;
mod info;
mod pending;
mod propagate;
mod range;
mod read;
mod readgroup;
mod trim;

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};
use crate::engine::context::KeyCtx;
use crate::engine::error::CommandError;
use crate::resp::reply::Reply;
use crate::store::db::Slot;
use crate::store::types::stream::{Entry, IntervalError, NodeLimits, Stream, StreamId};
use crate::store::value::{ValueMut, ValueRef};

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    key("xack", -4, WRITE.or(FAST), STREAM, RW_UPDATE_1, pending::xack, &docs::stream::XACK),
    key("xackdel", -6, WRITE.or(FAST), STREAM, RW_UPDATE_DELETE_1,
        delete::xackdel, &docs::stream::XACKDEL),
    key("xadd", -5, WRITE.or(DENYOOM).or(FAST), STREAM, XADD_KEYS,
        add::xadd, &docs::stream::XADD),
    key("xautoclaim", -6, WRITE.or(FAST), STREAM, RW_DELETE_1,
        claim::xautoclaim, &docs::stream::XAUTOCLAIM),
    key("xcfgset", -2, WRITE.or(FAST), STREAM, RW_UPDATE_1,
        idmp::xcfgset, &docs::stream::XCFGSET),
    key("xclaim", -6, WRITE.or(FAST), STREAM, RW_UPDATE_1, claim::xclaim, &docs::stream::XCLAIM),
    key("xdel", -3, WRITE.or(FAST), STREAM, RW_DELETE_1, delete::xdel, &docs::stream::XDEL),
    key("xdelex", -5, WRITE.or(FAST), STREAM, RW_DELETE_1, delete::xdelex, &docs::stream::XDELEX),
    container("xgroup", -2, NO_FLAGS, NO_ACL, &docs::stream::XGROUP),
    key("xgroup|create", -5, WRITE.or(DENYOOM), STREAM, RW_INSERT_2,
        group::create, &docs::stream::XGROUP_CREATE),
    key("xgroup|createconsumer", 5, WRITE.or(DENYOOM), STREAM, RW_INSERT_2,
        group::createconsumer, &docs::stream::XGROUP_CREATECONSUMER),
    key("xgroup|delconsumer", 5, WRITE, STREAM, RW_DELETE_2,
        group::delconsumer, &docs::stream::XGROUP_DELCONSUMER),
    key("xgroup|destroy", 4, WRITE, STREAM, RW_DELETE_2,
        group::destroy, &docs::stream::XGROUP_DESTROY),
    key("xgroup|help", 2, LOADING.or(STALE), STREAM, NO_KEYS,
        group::help, &docs::stream::XGROUP_HELP),
    key("xgroup|setid", -5, WRITE, STREAM, RW_UPDATE_2,
        group::setid, &docs::stream::XGROUP_SETID),
    key("xidmprecord", 5, WRITE.or(DENYOOM).or(FAST), STREAM, RW_UPDATE_1,
        idmp::xidmprecord, &docs::stream::XIDMPRECORD),
    container("xinfo", -2, NO_FLAGS, NO_ACL, &docs::stream::XINFO),
    key("xinfo|consumers", 4, READ, STREAM, RO_ACCESS_2,
        info::consumers, &docs::stream::XINFO_CONSUMERS),
    key("xinfo|groups", 3, READ, STREAM, RO_ACCESS_2,
        info::groups, &docs::stream::XINFO_GROUPS),
    key("xinfo|help", 2, LOADING.or(STALE), STREAM, NO_KEYS,
        info::help, &docs::stream::XINFO_HELP),
    key("xinfo|stream", -3, READ, STREAM, RO_ACCESS_2,
        info::stream, &docs::stream::XINFO_STREAM),
    key("xlen", 2, READ.or(FAST), STREAM, RO_1, range::xlen, &docs::stream::XLEN),
    key("xnack", -7, WRITE.or(FAST), STREAM, RW_UPDATE_1, pending::xnack, &docs::stream::XNACK),
    key("xpending", -3, READ, STREAM, RO_ACCESS_1, pending::xpending, &docs::stream::XPENDING),
    key("xrange", -4, READ, STREAM, RO_ACCESS_1, range::xrange, &docs::stream::XRANGE),
    key("xread", -4, READ.or(BLOCKING), STREAM, XREAD_KEYS, read::xread, &docs::stream::XREAD),
    key("xreadgroup", -7, WRITE.or(BLOCKING), STREAM, XREADGROUP_KEYS,
        readgroup::xreadgroup, &docs::stream::XREADGROUP),
    key("xrevrange", -4, READ, STREAM, RO_ACCESS_1, range::xrevrange, &docs::stream::XREVRANGE),
    key("xsetid", -3, WRITE.or(DENYOOM).or(FAST), STREAM, RW_UPDATE_1,
        delete::xsetid, &docs::stream::XSETID),
    key("xtrim", -4, WRITE, STREAM, RW_DELETE_1, trim::xtrim, &docs::stream::XTRIM),
];

/// When a node of a stream is full.
fn limits(ctx: &KeyCtx<'_>) -> NodeLimits {
    NodeLimits {
        max_bytes: usize::try_from(ctx.config.stream_node_max_bytes).unwrap_or(usize::MAX),
        max_entries: usize::try_from(ctx.config.stream_node_max_entries).unwrap_or(usize::MAX),
    }
}

/// The stream under a key that holds one.
fn stream<'a>(ctx: &'a KeyCtx<'_>, slot: Slot) -> Result<&'a Stream, CommandError> {
    match ctx.db.value(slot) {
        ValueRef::Stream(stream) => Ok(stream),
        _ => Err(CommandError::WRONG_TYPE),
    }
}

/// As [`stream`], to change.
fn stream_mut<'a>(ctx: &'a mut KeyCtx<'_>, slot: Slot) -> Result<&'a mut Stream, CommandError> {
    match ctx.db.value_mut(slot) {
        ValueMut::Stream(stream) => Ok(stream),
        _ => Err(CommandError::WRONG_TYPE),
    }
}

/// Writes an id.
#[inline]
fn reply_id(reply: &mut Reply<'_>, id: StreamId) {
    reply.bulk(&id.text());
}

/// Writes an entry: its id, then its fields.
#[inline]
fn reply_entry(reply: &mut Reply<'_>, entry: &Entry<'_>) {
    reply.array(2);
    reply_id_and_fields(reply, entry);
}

/// As [`reply_entry`], without the array around it.
#[inline]
fn reply_id_and_fields(reply: &mut Reply<'_>, entry: &Entry<'_>) {
    reply_id(reply, entry.id());
    reply.array(entry.len() * 2);
    for (name, value) in entry.fields() {
        reply.bulk(name);
        reply.bulk(value);
    }
}

/// A complete id, or one whose sequence number is 0 for want of one.
#[inline]
fn parse_id(text: &[u8]) -> Result<StreamId, CommandError> {
    StreamId::parse_strict(text, 0).ok_or(CommandError::STREAM_ID)
}

/// The error line of one end of an interval.
fn interval_error(error: IntervalError) -> CommandError {
    match error {
        IntervalError::Invalid => CommandError::STREAM_ID,
        IntervalError::Start => CommandError::fixed("ERR invalid start ID for the interval"),
        IntervalError::End => CommandError::fixed("ERR invalid end ID for the interval"),
    }
}

/// `NOGROUP` where either the key or the group may be missing.
#[cold]
fn no_key_or_group(key: &[u8], group: &[u8]) -> CommandError {
    let (key, group) = (String::from_utf8_lossy(key), String::from_utf8_lossy(group));
    CommandError::new(format!(
        "NOGROUP No such key '{key}' or consumer group '{group}'"
    ))
}

/// `NOGROUP` where the key is there.
#[cold]
fn no_group(key: &[u8], group: &[u8]) -> CommandError {
    let (key, group) = (String::from_utf8_lossy(key), String::from_utf8_lossy(group));
    CommandError::new(format!(
        "NOGROUP No such consumer group '{group}' for key name '{key}'"
    ))
}
