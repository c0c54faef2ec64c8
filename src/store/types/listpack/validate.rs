//! The check of a listpack that came from outside: a file, a DUMP payload, a replica link.
//!
//! Everything the rest of the module relies on is proved here, so nothing there can be led
//! astray by a hostile payload.

use super::entry::{Encoded, Entry, backlen_len, decode, int_len, write_backlen};
use super::{COUNT_UNKNOWN, END, HEADER_LEN, LISTPACK_BYTES_MAX};
use crate::resp::number::parse_i64;

/// Why bytes are not a listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("malformed packed encoding")
    }
}

impl std::error::Error for Malformed {}

/// What a valid listpack was found to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Number of entries.
    pub count: usize,
    /// Whether every entry has its one shortest encoding and the header the exact count.
    pub canonical: bool,
}

/// Checks every byte of `bytes`, which must be one whole listpack and nothing else.
pub fn validate(bytes: &[u8]) -> Result<Checked, Malformed> {
    let [a, b, c, d, low, high, ref rest @ ..] = *bytes else {
        return Err(Malformed);
    };
    let [ref entries @ .., END] = *rest else {
        return Err(Malformed);
    };
    if u32::from_le_bytes([a, b, c, d]) as usize != bytes.len() || bytes.len() > LISTPACK_BYTES_MAX
    {
        return Err(Malformed);
    }
    debug_assert!(entries.len() + HEADER_LEN + 1 == bytes.len());
    let (mut rest, mut count, mut canonical) = (entries, 0, true);
    while !rest.is_empty() {
        let len = checked_len(rest).ok_or(Malformed)?;
        count += 1;
        // Nearly all entries are short.
        if len < 128 {
            if rest.get(len) != Some(&(len as u8)) {
                return Err(Malformed);
            }
            canonical &= is_canonical(rest);
            rest = &rest[len + 1..];
            continue;
        }
        let mut expected = [0; 5];
        let expected = &mut expected[..backlen_len(len)];
        write_backlen(expected, len);
        let behind = rest.get(len..).ok_or(Malformed)?;
        rest = behind
            .strip_prefix(&*expected)
            .ok_or(Malformed)
            .inspect(|_| {
                canonical &= is_canonical(rest);
            })?;
    }
    let header = u16::from_le_bytes([low, high]);
    let stated = count.min(COUNT_UNKNOWN as usize) as u16;
    if header != COUNT_UNKNOWN && usize::from(header) != count {
        return Err(Malformed);
    }
    Ok(Checked {
        count,
        canonical: canonical && header == stated,
    })
}

/// Length of the entry at the start of `rest` without its backlen, if its head is valid and its
/// bytes are there.
fn checked_len(rest: &[u8]) -> Option<usize> {
    let tag = *rest.first()?;
    let len = match tag {
        0..0x80 => 1,
        0x80..0xc0 => 1 + (tag & 0x3f) as usize,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 2 + ((((tag & 0x0f) as usize) << 8) | *rest.get(1)? as usize),
        0xf0 => 5 + u32::from_le_bytes(rest.get(1..5)?.try_into().ok()?) as usize,
        0xf1..=0xf4 => 1 + int_len(tag),
        _ => return None,
    };
    (len <= rest.len()).then_some(len)
}

/// Whether the entry at the start of `rest`, already known to be whole, is the one encoding of
/// its value.
fn is_canonical(rest: &[u8]) -> bool {
    let (entry, _) = decode(rest);
    match (rest[0], entry) {
        (0..0x80, _) => return true,
        (0x80..0xc0, Entry::Str(text)) => return parse_i64(text).is_none(),
        (0xc0..0xe0, Entry::Int(value)) => return !(0..128).contains(&value),
        _ => {}
    }
    match entry {
        Entry::Str(bytes) if parse_i64(bytes).is_some() => false,
        _ => Encoded::of(entry).matches(rest),
    }
}
