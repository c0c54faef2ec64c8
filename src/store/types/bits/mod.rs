//! Bit operations on byte strings: single bits, counts, searches, BITOP, and integer fields.
//!
//! Bit 0 is the highest bit of byte 0. What lies behind the end of a string reads as zero. Knows
//! neither keys nor replies; a range is given as the client gave it, with negative numbers counted
//! from the end.

mod combine;
mod field;

#[cfg(test)]
mod tests;

pub use combine::{BitOp, combine};
pub use field::{FieldType, Overflow};

/// What the numbers of a range count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Byte,
    /// Bits.
    Bit,
}

/// The bit at `offset`.
#[inline]
pub fn bit(bytes: &[u8], offset: u64) -> bool {
    let byte = usize::try_from(offset >> 3)
        .ok()
        .and_then(|at| bytes.get(at));
    byte.is_some_and(|byte| byte & mask(offset) != 0)
}

/// How long a string must be to hold the bit at `offset`.
#[inline]
pub fn bytes_for(offset: u64) -> usize {
    (offset >> 3) as usize + 1
}

/// Writes the bit at `offset`, which must lie within the string, and returns what it was.
#[inline]
pub fn set_bit(bytes: &mut [u8], offset: u64, on: bool) -> bool {
    let Some(byte) = bytes.get_mut((offset >> 3) as usize) else {
        return false;
    };
    let old = *byte & mask(offset) != 0;
    if on {
        *byte |= mask(offset);
    } else {
        *byte &= !mask(offset);
    }
    old
}

/// Number of bits that are set.
pub fn count(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut counts = [0u64; 4];
    let (quads, words) = words.as_chunks::<4>();
    for quad in quads {
        for (count, word) in counts.iter_mut().zip(quad) {
            *count += u64::from(u64::from_ne_bytes(*word).count_ones());
        }
    }
    let words = words
        .iter()
        .map(|word| u64::from_ne_bytes(*word).count_ones());
    let rest = rest.iter().map(|byte| byte.count_ones());
    counts.iter().sum::<u64>() + u64::from(words.sum::<u32>()) + u64::from(rest.sum::<u32>())
}

/// Number of bits that are set between `start` and `end`, both included; no `end` is the last.
pub fn count_range(bytes: &[u8], start: i64, end: Option<i64>, unit: Unit) -> u64 {
    if end.is_some_and(|end| start < 0 && end < 0 && start > end) {
        return 0;
    }
    let Some((first, last)) = bit_range(bytes.len(), start, end, unit) else {
        return 0;
    };
    let (from, to) = ((first >> 3) as usize, (last >> 3) as usize);
    let before = bytes[from] & !(0xff >> (first & 7));
    let behind = bytes[to] & (0x7f >> (last & 7));
    count(&bytes[from..=to]) - u64::from(before.count_ones()) - u64::from(behind.count_ones())
}

/// The position of the first bit equal to `wanted` between `start` and `end`, both included, or -1.
/// Without an `end`, zeros are taken to follow the string: the answer may be its length in bits.
pub fn position(bytes: &[u8], wanted: bool, start: i64, end: Option<i64>, unit: Unit) -> i64 {
    let Some((first, last)) = bit_range(bytes.len(), start, end, unit) else {
        return -1;
    };
    match find(bytes, wanted, first, last) {
        Some(at) => at as i64,
        None if !wanted && end.is_none() => bytes.len() as i64 * 8,
        None => -1,
    }
}

#[inline]
fn mask(offset: u64) -> u8 {
    0x80 >> (offset & 7)
}

/// The range as bits, both ends included and within the string; nothing if it is empty.
fn bit_range(len: usize, start: i64, end: Option<i64>, unit: Unit) -> Option<(u64, u64)> {
    let total = match unit {
        Unit::Byte => len as i64,
        Unit::Bit => len as i64 * 8,
    };
    let from_end = |at: i64| {
        if at < 0 {
            total.saturating_add(at).max(0)
        } else {
            at
        }
    };
    let start = from_end(start);
    let end = end.map_or(total - 1, from_end).min(total - 1);
    if start > end {
        return None;
    }
    Some(match unit {
        Unit::Byte => (start as u64 * 8, end as u64 * 8 + 7),
        Unit::Bit => (start as u64, end as u64),
    })
}

/// The first bit equal to `wanted` in `first..=last`, a range within the string.
fn find(bytes: &[u8], wanted: bool, first: u64, last: u64) -> Option<u64> {
    // What is looked for is a set bit, once this is applied.
    let flip = if wanted { 0 } else { 0xff };
    let (from, to) = ((first >> 3) as usize, (last >> 3) as usize);
    let head = (bytes[from] ^ flip) & (0xff >> (first & 7));
    let at = if head != 0 {
        first_set(from, head)
    } else {
        let at = from + 1 + first_other(&bytes[from + 1..=to], flip)?;
        first_set(at, bytes[at] ^ flip)
    };
    (at <= last).then_some(at)
}

fn first_set(byte: usize, bits: u8) -> u64 {
    byte as u64 * 8 + u64::from(bits.leading_zeros())
}

/// The first byte that differs from a filler, found by words.
fn first_other(bytes: &[u8], filler: u8) -> Option<usize> {
    let (words, _) = bytes.as_chunks::<8>();
    let skipped = words
        .iter()
        .take_while(|word| **word == [filler; 8])
        .count()
        * 8;
    let rest = bytes[skipped..].iter().position(|&byte| byte != filler)?;
    Some(skipped + rest)
}
