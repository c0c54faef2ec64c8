//! Lists.

mod blocking;
mod edit;
mod ends;
mod moving;
mod read;

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};
use crate::engine::context::KeyCtx;
use crate::engine::error::CommandError;
use crate::resp::reply::Reply;
use crate::store::db::{Key, Slot};
use crate::store::types::list::{End, List, ListLimits};
use crate::store::types::listpack::Entry;
use crate::store::value::{Kind, NewValue, Value, ValueMut, ValueRef};

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    key("blmove", 6, WRITE.or(DENYOOM).or(BLOCKING), LIST, RW_POP_1_INSERT_2,
        blocking::blmove, &docs::list::BLMOVE),
    key("blmovem", -6, WRITE.or(DENYOOM).or(BLOCKING), LIST, RW_POP_1_INSERT_2,
        blocking::blmovem, &docs::list::BLMOVEM),
    key("blmpop", -5, WRITE.or(BLOCKING), LIST, RW_ACCESS_DELETE_NUM_2,
        blocking::blmpop, &docs::list::BLMPOP),
    key("blpop", -3, WRITE.or(BLOCKING), LIST, RW_ACCESS_DELETE_BUT_LAST,
        blocking::blpop, &docs::list::BLPOP),
    key("brpop", -3, WRITE.or(BLOCKING), LIST, RW_ACCESS_DELETE_BUT_LAST,
        blocking::brpop, &docs::list::BRPOP),
    key("brpoplpush", 4, WRITE.or(DENYOOM).or(BLOCKING), LIST, RW_POP_1_INSERT_2,
        blocking::brpoplpush, &docs::list::BRPOPLPUSH),
    key("lindex", 3, READ, LIST, RO_ACCESS_1, read::lindex, &docs::list::LINDEX),
    key("linsert", 5, WRITE.or(DENYOOM), LIST, RW_INSERT_1, edit::linsert, &docs::list::LINSERT),
    key("llen", 2, READ.or(FAST), LIST, RO_1, read::llen, &docs::list::LLEN),
    key("lmove", 5, WRITE.or(DENYOOM), LIST, RW_POP_1_INSERT_2, moving::lmove, &docs::list::LMOVE),
    key("lmovem", -5, WRITE.or(DENYOOM), LIST, RW_POP_1_INSERT_2,
        moving::lmovem, &docs::list::LMOVEM),
    key("lmpop", -4, WRITE, LIST, RW_ACCESS_DELETE_NUM_1, ends::lmpop, &docs::list::LMPOP),
    key("lpop", -2, WRITE.or(FAST), LIST, RW_ACCESS_DELETE_1, ends::lpop, &docs::list::LPOP),
    key("lpos", -3, READ, LIST, RO_ACCESS_1, read::lpos, &docs::list::LPOS),
    key("lpush", -3, WRITE.or(DENYOOM).or(FAST), LIST, RW_INSERT_1,
        ends::lpush, &docs::list::LPUSH),
    key("lpushx", -3, WRITE.or(DENYOOM).or(FAST), LIST, RW_INSERT_1,
        ends::lpushx, &docs::list::LPUSHX),
    key("lrange", 4, READ, LIST, RO_ACCESS_1, read::lrange, &docs::list::LRANGE),
    key("lrem", 4, WRITE, LIST, RW_DELETE_1, edit::lrem, &docs::list::LREM),
    key("lset", 4, WRITE.or(DENYOOM), LIST, RW_UPDATE_1, edit::lset, &docs::list::LSET),
    key("ltrim", 4, WRITE, LIST, RW_DELETE_1, edit::ltrim, &docs::list::LTRIM),
    key("rpop", -2, WRITE.or(FAST), LIST, RW_ACCESS_DELETE_1, ends::rpop, &docs::list::RPOP),
    key("rpoplpush", 3, WRITE.or(DENYOOM), LIST, RW_POP_1_INSERT_2,
        moving::rpoplpush, &docs::list::RPOPLPUSH),
    key("rpush", -3, WRITE.or(DENYOOM).or(FAST), LIST, RW_INSERT_1,
        ends::rpush, &docs::list::RPUSH),
    key("rpushx", -3, WRITE.or(DENYOOM).or(FAST), LIST, RW_INSERT_1,
        ends::rpushx, &docs::list::RPUSHX),
];

/// How long a node of a list may be.
pub fn limits(ctx: &KeyCtx<'_>) -> ListLimits {
    ListLimits {
        max_listpack_size: ctx.config.list_max_listpack_size,
        ..ListLimits::default()
    }
}

/// The list under a key that holds one.
fn list<'a>(ctx: &'a KeyCtx<'_>, slot: Slot) -> Result<&'a List, CommandError> {
    match ctx.db.value(slot) {
        ValueRef::List(list) => Ok(list),
        _ => Err(CommandError::WRONG_TYPE),
    }
}

/// As [`list`], to change.
fn list_mut<'a>(ctx: &'a mut KeyCtx<'_>, slot: Slot) -> Result<&'a mut List, CommandError> {
    match ctx.db.value_mut(slot) {
        ValueMut::List(list) => Ok(list),
        _ => Err(CommandError::WRONG_TYPE),
    }
}

/// The list under a key, made if the key is absent.
fn make(ctx: &mut KeyCtx<'_>, key: &Key<'_>) -> Result<Slot, CommandError> {
    match ctx.write_kind(key, Kind::List)? {
        Some(slot) => Ok(slot),
        None => Ok(ctx.insert(key, NewValue::Value(Value::List(List::new())))),
    }
}

/// Writes an element.
#[inline]
fn reply_entry(reply: &mut Reply<'_>, entry: Entry<'_>) {
    match entry {
        Entry::Int(n) => reply.bulk_int(n),
        Entry::Str(bytes) => reply.bulk(bytes),
    }
}

/// LEFT or RIGHT.
fn parse_end(word: &[u8]) -> Result<End, CommandError> {
    if word.eq_ignore_ascii_case(b"left") {
        Ok(End::Head)
    } else if word.eq_ignore_ascii_case(b"right") {
        Ok(End::Tail)
    } else {
        Err(CommandError::SYNTAX)
    }
}

/// The word for an end.
fn end_word(end: End) -> &'static [u8] {
    match end {
        End::Head => b"LEFT",
        End::Tail => b"RIGHT",
    }
}
