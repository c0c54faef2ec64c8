//! Strings.

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};

pub mod counter;
pub mod digest;
pub mod get;
pub mod set;

use crate::engine::error::CommandError;
use crate::store::value::ValueRef;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    key("decr", 2, WRITE.or(DENYOOM).or(FAST), STRING, RW_ACCESS_UPDATE_1,
        counter::decr, &docs::string::DECR),
    key("decrby", 3, WRITE.or(DENYOOM).or(FAST), STRING, RW_ACCESS_UPDATE_1,
        counter::decrby, &docs::string::DECRBY),
    key("digest", 2, READ.or(FAST), STRING, RO_ACCESS_1, digest::digest, &docs::string::DIGEST),
    key("get", 2, READ.or(FAST), STRING, RO_ACCESS_1, get::get, &docs::string::GET),
    key("getset", 3, WRITE.or(DENYOOM).or(FAST), STRING, RW_ACCESS_UPDATE_1,
        set::getset, &docs::string::GETSET),
    key("incr", 2, WRITE.or(DENYOOM).or(FAST), STRING, RW_ACCESS_UPDATE_1,
        counter::incr, &docs::string::INCR),
    key("incrby", 3, WRITE.or(DENYOOM).or(FAST), STRING, RW_ACCESS_UPDATE_1,
        counter::incrby, &docs::string::INCRBY),
    key("mget", -2, READ.or(FAST), STRING, RO_ACCESS_ALL, get::mget, &docs::string::MGET),
    key("mset", -3, WRITE.or(DENYOOM), STRING, OW_UPDATE_PAIRS, get::mset, &docs::string::MSET),
    key("psetex", 4, WRITE.or(DENYOOM), STRING, OW_UPDATE_1, set::psetex, &docs::string::PSETEX),
    key("set", -3, WRITE.or(DENYOOM), STRING, SET_KEYS, set::set, &docs::string::SET),
    key("setex", 4, WRITE.or(DENYOOM), STRING, OW_UPDATE_1, set::setex, &docs::string::SETEX),
    key("setnx", 3, WRITE.or(DENYOOM).or(FAST), STRING, OW_INSERT_1,
        set::setnx, &docs::string::SETNX),
    key("strlen", 2, READ.or(FAST), STRING, RO_1, get::strlen, &docs::string::STRLEN),
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
