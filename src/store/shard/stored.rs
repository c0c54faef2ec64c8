//! The form in which a value is stored: as text, as an integer, or as the number of an object.

use bytes::Bytes;

use super::block;
use crate::resp::LARGE_BULK;
use crate::resp::number::parse_i64;
use crate::store::shard::arena::{Arena, ObjectId};
use crate::store::value::{Kind, NewValue, Value};

/// What a record's value is: the low three bits of its flags. Forms from `LARGE_FORM` on are
/// objects, whose number is what the block holds.
pub(super) const FORM: u32 = 7;
pub(super) const STR: u32 = 0;
pub(super) const INT: u32 = 1;
pub(super) const LARGE_FORM: u32 = 2;
pub(super) const LIST: u32 = 3;
pub(super) const SET: u32 = 4;
pub(super) const ZSET: u32 = 5;
pub(super) const HASH: u32 = 6;
pub(super) const STREAM: u32 = 7;
/// Flag of a string that was built or changed in place, by APPEND, SETRANGE, SETBIT, PFADD, ...
pub(super) const RAW: u32 = 1 << 4;
/// A value in the form in which a block holds it.
pub(super) struct Stored<'a> {
    /// Form and `RAW`.
    pub flags: u32,
    pub bytes: Inline<'a>,
}

pub(super) enum Inline<'a> {
    Slice(&'a [u8]),
    Number([u8; 8], u8),
    Bytes(Bytes),
    Box(Box<[u8]>),
}

impl std::ops::Deref for Inline<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Inline::Slice(slice) => slice,
            Inline::Number(bytes, len) => &bytes[..*len as usize],
            Inline::Bytes(bytes) => bytes,
            Inline::Box(bytes) => bytes,
        }
    }
}

/// Chooses the form of a value; what does not belong into a block goes into the arena.
#[inline]
pub(super) fn store<'a>(arena: &mut Arena, new: NewValue<'a>) -> Stored<'a> {
    match new {
        NewValue::Int(n) => int(n),
        NewValue::Str(s) | NewValue::Raw(s) if s.len() >= LARGE_BULK => {
            object(arena, Value::Large(Box::new(Bytes::copy_from_slice(s))))
        }
        NewValue::Raw(s) => Stored {
            flags: STR | RAW,
            bytes: Inline::Slice(s),
        },
        NewValue::Str(s) => match parse_i64(s) {
            Some(n) => int(n),
            None => Stored {
                flags: STR,
                bytes: Inline::Slice(s),
            },
        },
        NewValue::Large(s) if s.len() >= LARGE_BULK => object(arena, Value::Large(Box::new(s))),
        NewValue::Large(s) => match parse_i64(&s) {
            Some(n) => int(n),
            None => Stored {
                flags: STR,
                bytes: Inline::Bytes(s),
            },
        },
        NewValue::Value(Value::Int(n)) => int(n),
        NewValue::Value(Value::Str(s)) if s.len() < LARGE_BULK => match parse_i64(&s) {
            // An integer that was kept as text had been made by APPEND.
            Some(_) => Stored {
                flags: STR | RAW,
                bytes: Inline::Box(s),
            },
            None => Stored {
                flags: STR,
                bytes: Inline::Box(s),
            },
        },
        NewValue::Value(Value::Str(s)) => object(arena, Value::Large(Box::new(Bytes::from(s)))),
        NewValue::Value(Value::Large(s)) if s.len() < LARGE_BULK => Stored {
            flags: STR,
            bytes: Inline::Bytes(*s),
        },
        NewValue::Value(value) => object(arena, value),
    }
}

fn object<'a>(arena: &mut Arena, value: Value) -> Stored<'a> {
    let id = arena.insert(value);
    let flags = match id.kind {
        Kind::String => LARGE_FORM,
        Kind::List => LIST,
        Kind::Set => SET,
        Kind::ZSet => ZSET,
        Kind::Hash => HASH,
        Kind::Stream => STREAM,
    };
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&id.number.to_le_bytes());
    Stored {
        flags,
        bytes: Inline::Number(bytes, 4),
    }
}

/// An integer in as few of 1, 2, 4 or 8 bytes as hold it.
#[inline]
fn int<'a>(n: i64) -> Stored<'a> {
    let len = match n {
        -0x80..=0x7f => 1,
        -0x8000..=0x7fff => 2,
        -0x8000_0000..=0x7fff_ffff => 4,
        _ => 8,
    };
    Stored {
        flags: INT,
        bytes: Inline::Number(n.to_le_bytes(), len),
    }
}

#[inline]
pub(super) fn read_int(bytes: &[u8]) -> i64 {
    match *bytes {
        [a] => i64::from(a as i8),
        [a, b] => i64::from(i16::from_le_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => 0,
    }
}

/// The kind of value that a block with these flags holds.
#[inline]
pub(super) fn kind(flags: u32) -> Kind {
    match flags & FORM {
        LIST => Kind::List,
        SET => Kind::Set,
        ZSET => Kind::ZSet,
        HASH => Kind::Hash,
        STREAM => Kind::Stream,
        _ => Kind::String,
    }
}

/// The object that a block names, if it does.
#[inline]
pub(super) fn object_id(block: &[u8]) -> Option<ObjectId> {
    let flags = block::flags(block);
    if flags & FORM < LARGE_FORM {
        return None;
    }
    let number = u32::from_le_bytes(*block::value(block).first_chunk()?);
    let kind = kind(flags);
    Some(ObjectId { kind, number })
}
