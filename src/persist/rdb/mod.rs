//! The RDB format, which files, DUMP payloads and replica links share.
//!
//! A pure codec: bytes in and values out, or the reverse. It opens no file, knows no clock and no
//! database. What it reads may be hostile: every byte is checked before it is believed, nothing is
//! allocated on the word of a length, and nothing recurses.
//!
//! - `lzf`, `crc64`, `encode`, `input`: strings, lengths and checksums, out and in;
//! - `value_writer`, `stream_writer`: a value, in slices;
//! - `value_reader`, `stream_reader`, `packed`: a value in any encoding since Redis 1, from input
//!   that may come in pieces;
//! - `dump`: a value or all libraries of functions, with the footer of DUMP;
//! - `file_writer`, `file_reader`: whole files, with what surrounds the keys;
//! - `summary`: what a file holds, or what is wrong with it and where.
//!
//! Redis and Valkey number types from 22 on differently: the magic of a file, or the version in
//! the footer of a payload, says whose numbers they are. See [`Family`].
//!
//! Limits: a string is shorter than 4 GiB. Modules' values are refused by name.

mod crc64;
mod dump;
mod encode;
mod file_reader;
mod file_writer;
mod input;
mod lzf;
mod packed;
mod stream_reader;
mod stream_writer;
mod summary;
mod value_reader;
mod value_writer;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use crate::config::RdbFormat;

pub use crc64::Crc64;
pub use dump::{DumpError, DumpFault, FooterCheck};
pub use dump::{dump, dump_libraries, restore, restore_libraries};
pub use encode::Encoder;
pub use file_reader::{Item, LoadedKey, RdbReader, ReaderOptions, SkipReason};
pub use file_writer::{KeyMeta, RdbWriter, Usage, header};
pub use summary::Summary;
pub use value_reader::{LoadContext, ValueReader};
pub use value_writer::{ValueWriter, WriteOptions, encode_value, saved_len};

/// The version that Redis 7.2 and later and Valkey 8 and later read.
pub const VERSION_COMMON: u16 = 11;
/// The first version of Redis with fields that expire, Redis 7.4.
pub const VERSION_REDIS_FIELDS: u16 = 12;
/// The first version of Redis with idempotent producers, Redis 8.6.
pub const VERSION_REDIS_IDMP: u16 = 13;
/// The first version of Redis with released pending entries, Redis 8.8.
pub const VERSION_REDIS_NACK: u16 = 14;
/// The version of Valkey 9.0 and 9.1.
pub const VERSION_VALKEY: u16 = 80;

/// Who gives types from 22 on their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Redis: versions 1 to 14.
    Redis,
    /// Valkey: version 80.
    Valkey,
}

impl Family {
    /// Whose version it is, if it is one that can be read.
    pub fn of_version(version: u16) -> Option<Family> {
        match version {
            1..=VERSION_REDIS_NACK => Some(Family::Redis),
            VERSION_VALKEY => Some(Family::Valkey),
            _ => None,
        }
    }
}

impl From<RdbFormat> for Family {
    fn from(format: RdbFormat) -> Family {
        match format {
            RdbFormat::Valkey => Family::Valkey,
            RdbFormat::Redis => Family::Redis,
        }
    }
}

/// Types of values.
mod kind {
    pub const STRING: u8 = 0;
    pub const LIST: u8 = 1;
    pub const SET: u8 = 2;
    pub const ZSET: u8 = 3;
    pub const HASH: u8 = 4;
    pub const ZSET_2: u8 = 5;
    pub const MODULE_PRE_GA: u8 = 6;
    pub const MODULE_2: u8 = 7;
    pub const HASH_ZIPMAP: u8 = 9;
    pub const LIST_ZIPLIST: u8 = 10;
    pub const SET_INTSET: u8 = 11;
    pub const ZSET_ZIPLIST: u8 = 12;
    pub const HASH_ZIPLIST: u8 = 13;
    pub const LIST_QUICKLIST: u8 = 14;
    pub const STREAM: u8 = 15;
    pub const HASH_LISTPACK: u8 = 16;
    pub const ZSET_LISTPACK: u8 = 17;
    pub const LIST_QUICKLIST_2: u8 = 18;
    pub const STREAM_2: u8 = 19;
    pub const SET_LISTPACK: u8 = 20;
    pub const STREAM_3: u8 = 21;
    /// Valkey: fields with the times at which they expire.
    pub const VALKEY_HASH_2: u8 = 22;
    /// Redis 7.4 before its release: fields with times, absolute.
    pub const REDIS_HASH_TIMES_PRE_GA: u8 = 22;
    /// As before, in a listpack.
    pub const REDIS_HASH_LISTPACK_TIMES_PRE_GA: u8 = 23;
    /// Redis: fields with times, counted from the earliest.
    pub const REDIS_HASH_TIMES: u8 = 24;
    /// Redis: fields with absolute times in a listpack.
    pub const REDIS_HASH_LISTPACK_TIMES: u8 = 25;
    /// Redis: with what idempotent producers sent.
    pub const REDIS_STREAM_4: u8 = 26;
    /// Redis: with released pending entries too.
    pub const REDIS_STREAM_5: u8 = 27;
    pub const REDIS_ARRAY: u8 = 28;
    pub const REDIS_HASH_TEMPLATE_FIRST: u8 = 29;
    pub const REDIS_HASH_TEMPLATE_LAST: u8 = 32;
    pub const REDIS_GCRA: u8 = 33;
}

/// Before a node of a list: it is one element.
const NODE_PLAIN: u64 = 1;
/// Before a node of a list: it is a listpack.
const NODE_PACKED: u64 = 2;
/// The expiry of a field that has none, as Valkey writes it.
const NO_EXPIRY: i64 = -1;

/// What stands where a type could.
mod opcode {
    /// Redis 8.6: a module's metadata of a key. Valkey 9: the state of a slot's import.
    pub const FOREIGN: u8 = 243;
    pub const SLOT_INFO: u8 = 244;
    pub const FUNCTION2: u8 = 245;
    pub const FUNCTION_PRE_GA: u8 = 246;
    pub const MODULE_AUX: u8 = 247;
    pub const IDLE: u8 = 248;
    pub const FREQ: u8 = 249;
    pub const AUX: u8 = 250;
    pub const RESIZE_DB: u8 = 251;
    pub const EXPIRE_TIME_MS: u8 = 252;
    pub const EXPIRE_TIME: u8 = 253;
    pub const SELECT_DB: u8 = 254;
    pub const EOF: u8 = 255;
}

/// What is wrong, and at which byte of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RdbError {
    /// Where: the first byte of what could not be read.
    pub offset: u64,
    /// What.
    pub reason: Cow<'static, str>,
}

impl fmt::Display for RdbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {}", self.reason, self.offset)
    }
}

impl std::error::Error for RdbError {}

/// Why reading stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stop {
    /// The input ends within what is read.
    More,
    /// The input is not what it should be.
    Bad(Cow<'static, str>),
}

impl Stop {
    const fn bad(reason: &'static str) -> Stop {
        Stop::Bad(Cow::Borrowed(reason))
    }
}

type Read<T> = Result<T, Stop>;
