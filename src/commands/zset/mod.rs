//! Sorted sets.

mod algebra;
mod edit;
mod pop;
mod range;
mod read;

use std::borrow::Cow;

use crate::commands::docs;
use crate::commands::member::reply_entry;
use crate::dispatch::{keys::*, table::*};
use crate::engine::context::KeyCtx;
use crate::engine::error::CommandError;
use crate::engine::notify::EventClass;
use crate::resp::number::parse_f64;
use crate::resp::reply::{Protocol, Reply};
use crate::store::db::{Db, Key, Slot};
use crate::store::types::listpack::Entry;
use crate::store::types::zset::{ZSet, ZSetLimits};
use crate::store::value::{NewValue, Value, ValueMut, ValueRef};

pub use edit::{AddOptions, add_members};

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    key("bzmpop", -5, WRITE.or(BLOCKING), SORTEDSET, RW_ACCESS_DELETE_NUM_2,
        pop::bzmpop, &docs::sorted_set::BZMPOP),
    key("bzpopmax", -3, WRITE.or(BLOCKING).or(FAST), SORTEDSET, RW_ACCESS_DELETE_BUT_LAST,
        pop::bzpopmax, &docs::sorted_set::BZPOPMAX),
    key("bzpopmin", -3, WRITE.or(BLOCKING).or(FAST), SORTEDSET, RW_ACCESS_DELETE_BUT_LAST,
        pop::bzpopmin, &docs::sorted_set::BZPOPMIN),
    key("zadd", -4, WRITE.or(DENYOOM).or(FAST), SORTEDSET, RW_UPDATE_1,
        edit::zadd, &docs::sorted_set::ZADD),
    key("zcard", 2, READ.or(FAST), SORTEDSET, RO_1, read::zcard, &docs::sorted_set::ZCARD),
    key("zcount", 4, READ.or(FAST), SORTEDSET, RO_ACCESS_1,
        read::zcount, &docs::sorted_set::ZCOUNT),
    key("zdiff", -3, READ, SORTEDSET, RO_ACCESS_NUM_1, algebra::zdiff, &docs::sorted_set::ZDIFF),
    key("zdiffstore", -4, WRITE.or(DENYOOM), SORTEDSET, OW_1_FROM_NUM,
        algebra::zdiffstore, &docs::sorted_set::ZDIFFSTORE),
    key("zincrby", 4, WRITE.or(DENYOOM).or(FAST), SORTEDSET, RW_ACCESS_UPDATE_1,
        edit::zincrby, &docs::sorted_set::ZINCRBY),
    key("zinter", -3, READ, SORTEDSET, RO_ACCESS_NUM_1, algebra::zinter, &docs::sorted_set::ZINTER),
    key("zintercard", -3, READ, SORTEDSET, RO_ACCESS_NUM_1,
        algebra::zintercard, &docs::sorted_set::ZINTERCARD),
    key("zinterstore", -4, WRITE.or(DENYOOM), SORTEDSET, OW_1_FROM_NUM,
        algebra::zinterstore, &docs::sorted_set::ZINTERSTORE),
    key("zlexcount", 4, READ.or(FAST), SORTEDSET, RO_ACCESS_1,
        read::zlexcount, &docs::sorted_set::ZLEXCOUNT),
    key("zmpop", -4, WRITE, SORTEDSET, RW_ACCESS_DELETE_NUM_1,
        pop::zmpop, &docs::sorted_set::ZMPOP),
    key("zmscore", -3, READ.or(FAST), SORTEDSET, RO_ACCESS_1,
        read::zmscore, &docs::sorted_set::ZMSCORE),
    key("zpopmax", -2, WRITE.or(FAST), SORTEDSET, RW_ACCESS_DELETE_1,
        pop::zpopmax, &docs::sorted_set::ZPOPMAX),
    key("zpopmin", -2, WRITE.or(FAST), SORTEDSET, RW_ACCESS_DELETE_1,
        pop::zpopmin, &docs::sorted_set::ZPOPMIN),
    key("zrandmember", -2, READ, SORTEDSET, RO_ACCESS_1,
        read::zrandmember, &docs::sorted_set::ZRANDMEMBER),
    key("zrange", -4, READ, SORTEDSET, RO_ACCESS_1, range::zrange, &docs::sorted_set::ZRANGE),
    key("zrangebylex", -4, READ, SORTEDSET, RO_ACCESS_1,
        range::zrangebylex, &docs::sorted_set::ZRANGEBYLEX),
    key("zrangebyscore", -4, READ, SORTEDSET, RO_ACCESS_1,
        range::zrangebyscore, &docs::sorted_set::ZRANGEBYSCORE),
    key("zrangestore", -5, WRITE.or(DENYOOM), SORTEDSET, OW_1_FROM_2,
        range::zrangestore, &docs::sorted_set::ZRANGESTORE),
    key("zrank", -3, READ.or(FAST), SORTEDSET, RO_ACCESS_1, read::zrank, &docs::sorted_set::ZRANK),
    key("zrem", -3, WRITE.or(FAST), SORTEDSET, RW_DELETE_1, edit::zrem, &docs::sorted_set::ZREM),
    key("zremrangebylex", 4, WRITE, SORTEDSET, RW_DELETE_1,
        edit::zremrangebylex, &docs::sorted_set::ZREMRANGEBYLEX),
    key("zremrangebyrank", 4, WRITE, SORTEDSET, RW_DELETE_1,
        edit::zremrangebyrank, &docs::sorted_set::ZREMRANGEBYRANK),
    key("zremrangebyscore", 4, WRITE, SORTEDSET, RW_DELETE_1,
        edit::zremrangebyscore, &docs::sorted_set::ZREMRANGEBYSCORE),
    key("zrevrange", -4, READ, SORTEDSET, RO_ACCESS_1,
        range::zrevrange, &docs::sorted_set::ZREVRANGE),
    key("zrevrangebylex", -4, READ, SORTEDSET, RO_ACCESS_1,
        range::zrevrangebylex, &docs::sorted_set::ZREVRANGEBYLEX),
    key("zrevrangebyscore", -4, READ, SORTEDSET, RO_ACCESS_1,
        range::zrevrangebyscore, &docs::sorted_set::ZREVRANGEBYSCORE),
    key("zrevrank", -3, READ.or(FAST), SORTEDSET, RO_ACCESS_1,
        read::zrevrank, &docs::sorted_set::ZREVRANK),
    key("zscan", -3, READ, SORTEDSET, RO_ACCESS_1, read::zscan, &docs::sorted_set::ZSCAN),
    key("zscore", 3, READ.or(FAST), SORTEDSET, RO_ACCESS_1,
        read::zscore, &docs::sorted_set::ZSCORE),
    key("zunion", -3, READ, SORTEDSET, RO_ACCESS_NUM_1, algebra::zunion, &docs::sorted_set::ZUNION),
    key("zunionstore", -4, WRITE.or(DENYOOM), SORTEDSET, OW_1_FROM_NUM,
        algebra::zunionstore, &docs::sorted_set::ZUNIONSTORE),
];

/// When a sorted set is no longer small.
pub(super) fn limits(ctx: &KeyCtx<'_>) -> ZSetLimits {
    ZSetLimits {
        max_listpack_entries: ctx.config.zset_max_listpack_entries as usize,
        max_listpack_value: ctx.config.zset_max_listpack_value as usize,
    }
}

/// The sorted set under a key that holds one.
#[inline]
pub(super) fn zset(db: &Db, slot: Slot) -> Result<&ZSet, CommandError> {
    match db.value(slot) {
        ValueRef::ZSet(set) => Ok(set),
        _ => Err(CommandError::WRONG_TYPE),
    }
}

/// As [`zset`], to change.
#[inline]
fn zset_mut(db: &mut Db, slot: Slot) -> Result<&mut ZSet, CommandError> {
    match db.value_mut(slot) {
        ValueMut::ZSet(set) => Ok(set),
        _ => Err(CommandError::WRONG_TYPE),
    }
}

/// A score as commands give it.
#[inline]
fn parse_score(text: &[u8]) -> Result<f64, CommandError> {
    parse_f64(text).ok_or(CommandError::NOT_FLOAT)
}

/// A member's text: only an integer's is made.
#[inline]
pub(super) fn member_text(member: Entry<'_>) -> Cow<'_, [u8]> {
    match member {
        Entry::Str(bytes) => Cow::Borrowed(bytes),
        Entry::Int(_) => Cow::Owned(member.to_vec()),
    }
}

/// Announces `count` members: with scores, RESP3 has an array of pairs where RESP2 has one flat
/// array.
#[inline]
fn reply_members_head(reply: &mut Reply<'_>, count: usize, with_scores: bool) {
    match (with_scores, reply.protocol()) {
        (true, Protocol::Resp2) => reply.array(count * 2),
        _ => reply.array(count),
    }
}

/// Writes one of the members that [`reply_members_head`] announced.
#[inline]
fn reply_scored(reply: &mut Reply<'_>, member: Entry<'_>, score: f64, with_scores: bool) {
    if with_scores && reply.protocol() == Protocol::Resp3 {
        reply.array(2);
    }
    reply_entry(reply, member);
    if with_scores {
        reply.double(score);
    }
}

/// Puts a computed set under a key and replies how many members it has; an empty one removes
/// the key.
pub(super) fn store(ctx: &mut KeyCtx<'_>, key: &Key<'_>, set: ZSet, event: &'static str) {
    let found = ctx.write(key);
    let len = set.len();
    if len > 0 {
        let value = NewValue::Value(Value::ZSet(set));
        ctx.set(key, found, value, false);
        ctx.modified(key.bytes);
        ctx.notify(EventClass::ZSET, event, key.bytes);
    } else if let Some(slot) = found {
        ctx.modified(key.bytes);
        ctx.delete_empty(key, slot);
    }
    ctx.reply.int(len as i64);
}
