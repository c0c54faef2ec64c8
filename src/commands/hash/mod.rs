//! Hashes.
//!
//! A field whose time has come is hidden from reads at once. Whoever writes to its hash removes
//! it first ([`write`]), and so does housekeeping.

mod expire;
mod extended;
mod read;
mod sample;
mod write;

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};
use crate::engine::context::KeyCtx;
use crate::engine::error::CommandError;
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::resp::reply::Reply;
use crate::store::db::{Key, Slot};
use crate::store::expire::ExpirePolicy;
use crate::store::types::hash::{Hash, HashContext, HashLimits};
use crate::store::value::{Kind, NewValue, Value, ValueMut, ValueRef};

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    key("hdel", -3, WRITE.or(FAST), HASH, RW_DELETE_1, write::hdel, &docs::hash::HDEL),
    key("hexists", 3, READ.or(FAST), HASH, RO_1, read::hexists, &docs::hash::HEXISTS),
    key("hexpire", -6, WRITE.or(FAST), HASH, RW_UPDATE_1, expire::hexpire, &docs::hash::HEXPIRE),
    key("hexpireat", -6, WRITE.or(FAST), HASH, RW_UPDATE_1,
        expire::hexpireat, &docs::hash::HEXPIREAT),
    key("hexpiretime", -5, READ.or(FAST), HASH, RO_ACCESS_1,
        expire::hexpiretime, &docs::hash::HEXPIRETIME),
    key("hget", 3, READ.or(FAST), HASH, RO_ACCESS_1, read::hget, &docs::hash::HGET),
    key("hgetall", 2, READ, HASH, RO_ACCESS_1, read::hgetall, &docs::hash::HGETALL),
    key("hgetdel", -5, WRITE.or(FAST), HASH, RW_ACCESS_DELETE_1,
        extended::hgetdel, &docs::hash::HGETDEL),
    key("hgetex", -5, WRITE.or(FAST), HASH, RW_ACCESS_UPDATE_1,
        extended::hgetex, &docs::hash::HGETEX),
    key("hincrby", 4, WRITE.or(DENYOOM).or(FAST), HASH, RW_ACCESS_UPDATE_1,
        write::hincrby, &docs::hash::HINCRBY),
    key("hincrbyfloat", 4, WRITE.or(DENYOOM).or(FAST), HASH, RW_ACCESS_UPDATE_1,
        write::hincrbyfloat, &docs::hash::HINCRBYFLOAT),
    key("hkeys", 2, READ, HASH, RO_ACCESS_1, read::hkeys, &docs::hash::HKEYS),
    key("hlen", 2, READ.or(FAST), HASH, RO_1, read::hlen, &docs::hash::HLEN),
    key("hmget", -3, READ.or(FAST), HASH, RO_ACCESS_1, read::hmget, &docs::hash::HMGET),
    key("hmset", -4, WRITE.or(DENYOOM).or(FAST), HASH, RW_UPDATE_1,
        write::hmset, &docs::hash::HMSET),
    key("hpersist", -5, WRITE.or(FAST), HASH, RW_UPDATE_1,
        expire::hpersist, &docs::hash::HPERSIST),
    key("hpexpire", -6, WRITE.or(FAST), HASH, RW_UPDATE_1,
        expire::hpexpire, &docs::hash::HPEXPIRE),
    key("hpexpireat", -6, WRITE.or(FAST), HASH, RW_UPDATE_1,
        expire::hpexpireat, &docs::hash::HPEXPIREAT),
    key("hpexpiretime", -5, READ.or(FAST), HASH, RO_ACCESS_1,
        expire::hpexpiretime, &docs::hash::HPEXPIRETIME),
    key("hpttl", -5, READ.or(FAST), HASH, RO_ACCESS_1, expire::hpttl, &docs::hash::HPTTL),
    key("hrandfield", -2, READ, HASH, RO_ACCESS_1, sample::hrandfield, &docs::hash::HRANDFIELD),
    key("hscan", -3, READ, HASH, RO_ACCESS_1, sample::hscan, &docs::hash::HSCAN),
    key("hset", -4, WRITE.or(DENYOOM).or(FAST), HASH, RW_UPDATE_1, write::hset, &docs::hash::HSET),
    key("hsetex", -6, WRITE.or(DENYOOM).or(FAST), HASH, RW_INSERT_1,
        extended::hsetex, &docs::hash::HSETEX),
    key("hsetnx", 4, WRITE.or(DENYOOM).or(FAST), HASH, RW_INSERT_1,
        write::hsetnx, &docs::hash::HSETNX),
    key("hstrlen", 3, READ.or(FAST), HASH, RO_1, read::hstrlen, &docs::hash::HSTRLEN),
    key("httl", -5, READ.or(FAST), HASH, RO_ACCESS_1, expire::httl, &docs::hash::HTTL),
    key("hvals", 2, READ, HASH, RO_ACCESS_1, read::hvals, &docs::hash::HVALS),
];

/// Fields whose time has come that a write removes from its hash; others stay hidden.
const DROPPED_MAX: usize = 64;
/// Numbers of fields that do not fit what follows them.
const NUM_FIELDS: CommandError = CommandError::fixed(
    "ERR numfields should be greater than 0 and match the provided number of fields",
);

/// What operations on hashes need to know.
#[inline]
fn context<'a>(ctx: &KeyCtx<'a>) -> HashContext<'a> {
    HashContext {
        state: ctx.hasher,
        limits: HashLimits {
            max_listpack_entries: ctx.config.hash_max_listpack_entries as usize,
            max_listpack_value: ctx.config.hash_max_listpack_value as usize,
        },
        now_ms: ctx.fields_now_ms(),
    }
}

/// A hash to be read, if there is one, and where the reply goes.
#[inline]
#[allow(clippy::type_complexity)]
fn read<'c, 'a>(
    ctx: &'c mut KeyCtx<'a>,
    key: &[u8],
) -> Result<(Option<&'c Hash>, HashContext<'a>, &'c mut Reply<'a>), CommandError> {
    let key = ctx.key(key);
    let found = ctx.read_kind(&key, Kind::Hash)?;
    let cx = context(ctx);
    let KeyCtx { db, reply, .. } = ctx;
    let hash = match found.map(|slot| db.value(slot)) {
        Some(ValueRef::Hash(hash)) => Some(hash),
        _ => None,
    };
    Ok((hash, cx, reply))
}

/// A hash to be changed, if there is one, without the fields whose time has come.
#[inline]
fn write(ctx: &mut KeyCtx<'_>, key: &Key<'_>) -> Result<Option<Slot>, CommandError> {
    let Some(slot) = ctx.write_kind(key, Kind::Hash)? else {
        return Ok(None);
    };
    if !is_due(ctx, slot) {
        return Ok(Some(slot));
    }
    Ok(drop_expired(ctx, slot))
}

/// Whether fields lie there whose time has come, and that may be removed. That is so after
/// [`write`] too when there were many: the log goes by what lies there, so a command that finds
/// one of them absent has to be logged as what it did.
#[inline]
fn is_due(ctx: &KeyCtx<'_>, slot: Slot) -> bool {
    let ValueRef::Hash(hash) = ctx.db.value(slot) else {
        return false;
    };
    let due = |at| at <= ctx.fields_now_ms();
    hash.next_expire_at_ms().is_some_and(due) && ctx.caller.expiry == ExpirePolicy::Allowed
}

/// Removes all fields whose time has come, however many there are; what is left of the value.
pub(super) fn drop_all_expired(ctx: &mut KeyCtx<'_>, slot: Slot) -> Option<Slot> {
    let mut left = Some(slot);
    while let Some(slot) = left.filter(|slot| is_due(ctx, *slot)) {
        left = drop_expired(ctx, slot);
    }
    left
}

#[cold]
fn drop_expired(ctx: &mut KeyCtx<'_>, slot: Slot) -> Option<Slot> {
    let mut is_gone = false;
    let (effects, db) = (&mut *ctx.effects, ctx.db_index);
    ctx.db
        .drop_expired_fields(slot, ctx.now.unix_ms, DROPPED_MAX, &mut |dropped| {
            effects.fields_expired(db, &dropped);
            is_gone = dropped.is_empty;
        });
    (!is_gone).then_some(slot)
}

/// As [`write`], made if the key is absent.
#[inline]
fn make(ctx: &mut KeyCtx<'_>, key: &Key<'_>) -> Result<Slot, CommandError> {
    match write(ctx, key)? {
        Some(slot) => Ok(slot),
        None => Ok(ctx.insert(key, NewValue::Value(Value::Hash(Hash::new())))),
    }
}

/// Changes a hash. The database learns when its next field expires.
#[inline]
fn edit<T>(
    ctx: &mut KeyCtx<'_>,
    slot: Slot,
    change: impl FnOnce(&mut Hash, HashContext<'_>, &mut Reply<'_>) -> T,
) -> Result<T, CommandError> {
    let cx = context(ctx);
    let KeyCtx { db, reply, .. } = ctx;
    let ValueMut::Hash(hash) = db.value_mut(slot) else {
        return Err(CommandError::WRONG_TYPE);
    };
    let before = hash.next_expire_at_ms();
    let result = change(hash, cx, reply);
    let after = hash.next_expire_at_ms();
    if before != after {
        db.field_expiry_moved(slot, before, after);
    }
    Ok(result)
}

/// Counts the changes of a hash and tells of them.
#[inline]
fn changed(ctx: &mut KeyCtx<'_>, key: &[u8], changes: usize, event: &'static str) {
    ctx.effects.dirty += changes as u64 - 1;
    ctx.modified(key);
    ctx.notify(EventClass::HASH, event, key);
}

/// Removes the key if its hash has no field.
#[inline]
fn remove_if_empty(ctx: &mut KeyCtx<'_>, key: &Key<'_>, slot: Slot) {
    if let ValueRef::Hash(hash) = ctx.db.value(slot)
        && hash.is_empty()
    {
        ctx.delete_empty(key, slot);
    }
}

/// Fields whose number is given before them.
#[derive(Clone, Copy, Debug)]
struct FieldList {
    /// The index of the first field.
    start: usize,
    /// How many there are.
    count: usize,
}

impl FieldList {
    /// Where `FIELDS` is, at `from` or behind. What is before it are options, which are judged
    /// before the list is.
    fn place(args: Args<'_>, from: usize) -> Result<usize, CommandError> {
        (from..args.len().saturating_sub(1))
            .find(|at| args.at(*at).eq_ignore_ascii_case(b"fields"))
            .ok_or(NUM_FIELDS)
    }

    /// Reads `FIELDS numfields field [value] ...` at `place`; each field takes `stride` arguments.
    fn at(args: Args<'_>, place: usize, stride: usize) -> Result<FieldList, CommandError> {
        FieldList::read(args, place, stride)?.ok_or(NUM_FIELDS)
    }

    /// Reads `FIELDS numfields field ...`, which has to begin at argument 2.
    fn fixed(args: Args<'_>, mismatch: CommandError) -> Result<FieldList, CommandError> {
        if !args.at(2).eq_ignore_ascii_case(b"fields") {
            return Err(CommandError::SYNTAX);
        }
        FieldList::read(args, 2, 1)?.ok_or(mismatch)
    }

    fn read(
        args: Args<'_>,
        place: usize,
        stride: usize,
    ) -> Result<Option<FieldList>, CommandError> {
        let given = parse_i64(args.at(place + 1)).ok_or(CommandError::NOT_INTEGER)?;
        let start = place + 2;
        let words = args.len().saturating_sub(start);
        let count = words / stride;
        let fits = words.is_multiple_of(stride) && count > 0 && given == count as i64;
        Ok(fits.then_some(FieldList { start, count }))
    }

    /// Propagates a command made of `head`, `FIELDS`, the number of `words` by `stride`, and them.
    fn propagate(ctx: &mut KeyCtx<'_>, head: &[&[u8]], words: &[&[u8]], stride: usize) {
        let count = (words.len() / stride).to_string();
        let tail = [&b"FIELDS"[..], count.as_bytes()];
        ctx.propagate_as(&[head, &tail, words].concat());
    }
}
