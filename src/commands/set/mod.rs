//! Sets.

mod algebra;
mod basic;
mod sample;

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};
use crate::engine::context::KeyCtx;
use crate::engine::error::CommandError;
use crate::engine::notify::EventClass;
use crate::resp::reply::Reply;
use crate::store::db::{Key, Slot};
use crate::store::types::set::{Set, SetLimits};
use crate::store::value::{Kind, NewValue, Value, ValueMut, ValueRef};

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    key("sadd", -3, WRITE.or(DENYOOM).or(FAST), SET, RW_INSERT_1, basic::sadd, &docs::set::SADD),
    key("scard", 2, READ.or(FAST), SET, RO_1, basic::scard, &docs::set::SCARD),
    key("sdiff", -2, READ, SET, RO_ACCESS_ALL, algebra::sdiff, &docs::set::SDIFF),
    key("sdiffcard", -3, READ, SET, RO_ACCESS_NUM_1, algebra::sdiffcard, &docs::set::SDIFFCARD),
    key("sdiffstore", -3, WRITE.or(DENYOOM), SET, OW_1_FROM_REST,
        algebra::sdiffstore, &docs::set::SDIFFSTORE),
    key("sinter", -2, READ, SET, RO_ACCESS_ALL, algebra::sinter, &docs::set::SINTER),
    key("sintercard", -3, READ, SET, RO_ACCESS_NUM_1, algebra::sintercard, &docs::set::SINTERCARD),
    key("sinterstore", -3, WRITE.or(DENYOOM), SET, OW_1_FROM_REST,
        algebra::sinterstore, &docs::set::SINTERSTORE),
    key("sismember", -3, READ.or(FAST), SET, RO_1, basic::sismember, &docs::set::SISMEMBER),
    key("smembers", 2, READ, SET, RO_ACCESS_1, basic::smembers, &docs::set::SMEMBERS),
    key("smismember", -3, READ.or(FAST), SET, RO_ACCESS_1,
        basic::smismember, &docs::set::SMISMEMBER),
    key("smove", 4, WRITE.or(FAST), SET, RW_POP_1_INSERT_2, basic::smove, &docs::set::SMOVE),
    key("spop", -2, WRITE.or(FAST), SET, RW_ACCESS_DELETE_1, sample::spop, &docs::set::SPOP),
    key("srandmember", -2, READ, SET, RO_ACCESS_1, sample::srandmember, &docs::set::SRANDMEMBER),
    key("srem", -3, WRITE.or(FAST), SET, RW_DELETE_1, basic::srem, &docs::set::SREM),
    key("sscan", -3, READ, SET, RO_ACCESS_1, sample::sscan, &docs::set::SSCAN),
    key("sunion", -2, READ, SET, RO_ACCESS_ALL, algebra::sunion, &docs::set::SUNION),
    key("sunioncard", -3, READ, SET, RO_ACCESS_NUM_1, algebra::sunioncard, &docs::set::SUNIONCARD),
    key("sunionstore", -3, WRITE.or(DENYOOM), SET, OW_1_FROM_REST,
        algebra::sunionstore, &docs::set::SUNIONSTORE),
];

/// When a set is packed.
#[inline]
fn limits(ctx: &KeyCtx<'_>) -> SetLimits {
    SetLimits {
        max_intset_entries: ctx.config.set_max_intset_entries as usize,
        max_listpack_entries: ctx.config.set_max_listpack_entries as usize,
        max_listpack_value: ctx.config.set_max_listpack_value as usize,
    }
}

/// A set to be read, if there is one, and where the reply goes.
#[inline]
fn read<'c, 'a>(
    ctx: &'c mut KeyCtx<'a>,
    key: &[u8],
) -> Result<(Option<&'c Set>, &'c mut Reply<'a>), CommandError> {
    let key = ctx.key(key);
    let found = ctx.read_kind(&key, Kind::Set)?;
    let KeyCtx { db, reply, .. } = ctx;
    let set = match found.map(|slot| db.value(slot)) {
        Some(ValueRef::Set(set)) => Some(set),
        _ => None,
    };
    Ok((set, reply))
}

/// The set under a key that holds one.
#[inline]
fn set<'a>(ctx: &'a KeyCtx<'_>, slot: Slot) -> Result<&'a Set, CommandError> {
    match ctx.db.value(slot) {
        ValueRef::Set(set) => Ok(set),
        _ => Err(CommandError::WRONG_TYPE),
    }
}

/// As [`set`], to change.
#[inline]
fn set_mut<'a>(ctx: &'a mut KeyCtx<'_>, slot: Slot) -> Result<&'a mut Set, CommandError> {
    match ctx.db.value_mut(slot) {
        ValueMut::Set(set) => Ok(set),
        _ => Err(CommandError::WRONG_TYPE),
    }
}

/// The set under a key, made if the key is absent.
#[inline]
fn make(ctx: &mut KeyCtx<'_>, key: &Key<'_>) -> Result<Slot, CommandError> {
    match ctx.write_kind(key, Kind::Set)? {
        Some(slot) => Ok(slot),
        None => Ok(ctx.insert(key, NewValue::Value(Value::Set(Set::new())))),
    }
}

/// Counts members that came or went and tells of them.
#[inline]
fn changed(ctx: &mut KeyCtx<'_>, key: &[u8], changes: usize, event: &'static str) {
    ctx.effects.dirty += changes as u64 - 1;
    ctx.modified(key);
    ctx.notify(EventClass::SET, event, key);
}
