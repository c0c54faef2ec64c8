//! Strings.

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};

pub mod counter;
pub mod digest;
pub mod get;
pub mod increx;
pub mod lcs;
pub mod many;
pub mod range;
pub mod set;
pub mod take;

use crate::engine::error::CommandError;
use crate::store::value::ValueRef;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    key("append", 3, WRITE.or(DENYOOM).or(FAST), STRING, RW_INSERT_1,
        range::append, &docs::string::APPEND),
    key("decr", 2, WRITE.or(DENYOOM).or(FAST), STRING, RW_ACCESS_UPDATE_1,
        counter::decr, &docs::string::DECR),
    key("decrby", 3, WRITE.or(DENYOOM).or(FAST), STRING, RW_ACCESS_UPDATE_1,
        counter::decrby, &docs::string::DECRBY),
    key("delex", -2, WRITE.or(FAST), STRING, RW_DELETE_1, take::delex, &docs::string::DELEX),
    key("delifeq", 3, WRITE.or(FAST), STRING, RM_DELETE_1, take::delifeq, &docs::string::DELIFEQ),
    key("digest", 2, READ.or(FAST), STRING, RO_ACCESS_1, digest::digest, &docs::string::DIGEST),
    key("get", 2, READ.or(FAST), STRING, RO_ACCESS_1, get::get, &docs::string::GET),
    key("getdel", 2, WRITE.or(FAST), STRING, RW_ACCESS_DELETE_1,
        take::getdel, &docs::string::GETDEL),
    key("getex", -2, WRITE.or(FAST), STRING, GETEX_KEYS, take::getex, &docs::string::GETEX),
    key("getrange", 4, READ, STRING, RO_ACCESS_1, range::getrange, &docs::string::GETRANGE),
    key("getset", 3, WRITE.or(DENYOOM).or(FAST), STRING, RW_ACCESS_UPDATE_1,
        set::getset, &docs::string::GETSET),
    key("incr", 2, WRITE.or(DENYOOM).or(FAST), STRING, RW_ACCESS_UPDATE_1,
        counter::incr, &docs::string::INCR),
    key("incrby", 3, WRITE.or(DENYOOM).or(FAST), STRING, RW_ACCESS_UPDATE_1,
        counter::incrby, &docs::string::INCRBY),
    key("incrbyfloat", 3, WRITE.or(DENYOOM).or(FAST), STRING, RW_ACCESS_UPDATE_1,
        counter::incrbyfloat, &docs::string::INCRBYFLOAT),
    key("increx", -2, WRITE.or(DENYOOM).or(FAST), STRING, RW_ACCESS_UPDATE_1,
        increx::increx, &docs::string::INCREX),
    key("lcs", -3, READ, STRING, RO_ACCESS_1_2, lcs::lcs, &docs::string::LCS),
    key("mget", -2, READ.or(FAST), STRING, RO_ACCESS_ALL, get::mget, &docs::string::MGET),
    key("mset", -3, WRITE.or(DENYOOM), STRING, OW_UPDATE_PAIRS, get::mset, &docs::string::MSET),
    key("msetex", -4, WRITE.or(DENYOOM), STRING, OW_UPDATE_NUM_PAIRS,
        many::msetex, &docs::string::MSETEX),
    key("msetnx", -3, WRITE.or(DENYOOM), STRING, OW_INSERT_PAIRS,
        many::msetnx, &docs::string::MSETNX),
    key("psetex", 4, WRITE.or(DENYOOM), STRING, OW_UPDATE_1, set::psetex, &docs::string::PSETEX),
    key("set", -3, WRITE.or(DENYOOM), STRING, SET_KEYS, set::set, &docs::string::SET),
    key("setex", 4, WRITE.or(DENYOOM), STRING, OW_UPDATE_1, set::setex, &docs::string::SETEX),
    key("setnx", 3, WRITE.or(DENYOOM).or(FAST), STRING, OW_INSERT_1,
        set::setnx, &docs::string::SETNX),
    key("setrange", 4, WRITE.or(DENYOOM), STRING, RW_UPDATE_1,
        range::setrange, &docs::string::SETRANGE),
    key("strlen", 2, READ.or(FAST), STRING, RO_1, get::strlen, &docs::string::STRLEN),
    key("substr", 4, READ, STRING, RO_ACCESS_1, range::getrange, &docs::string::SUBSTR),
];

/// Whether a string value equals `want`.
///
/// # Errors
/// The value is no string.
pub fn equals(value: ValueRef<'_>, want: &[u8]) -> Result<bool, CommandError> {
    match value {
        ValueRef::Int(n) => Ok(itoa::Buffer::new().format(n).as_bytes() == want),
        ValueRef::Str(bytes) => Ok(bytes == want),
        ValueRef::Large(bytes) => Ok(bytes == want),
        _ => Err(CommandError::WRONG_TYPE),
    }
}
