//! Encodings of small collections that servers before Redis 7 wrote, and nobody keeps any more:
//! the ziplist and the zipmap. Read once, whole and strictly.

use crate::store::types::listpack::{Entry, Malformed};

/// Bytes, offset of the last entry, number of entries.
const ZIPLIST_HEADER_LEN: usize = 10;
const END: u8 = 0xff;
/// From this on a length does not fit into its byte.
const LARGE: u8 = 0xfe;
/// In the header's place for the number of entries: too many to say.
const COUNT_UNKNOWN: u16 = u16::MAX;

/// A field and its value.
type Pair<'a> = (&'a [u8], &'a [u8]);

/// The entries of a ziplist, all of which is checked.
///
/// ```text
/// bytes: u32 | offset of the last entry: u32 | count: u16 | entry .. | 255
/// entry = length of the one before: u8, or 254 and u32 | encoding | content
/// ```
pub(super) fn ziplist(bytes: &[u8]) -> Result<Vec<Entry<'_>>, Malformed> {
    let [a, b, c, d, e, f, g, h, low, high, ref rest @ ..] = *bytes else {
        return Err(Malformed);
    };
    let [ref entries @ .., END] = *rest else {
        return Err(Malformed);
    };
    if u32::from_le_bytes([a, b, c, d]) as usize != bytes.len() {
        return Err(Malformed);
    }
    let (mut found, mut rest, mut before, mut last) = (Vec::new(), entries, 0, 0);
    while !rest.is_empty() {
        last = entries.len() - rest.len();
        let start = rest.len();
        if previous_len(&mut rest)? != before {
            return Err(Malformed);
        }
        found.push(ziplist_entry(&mut rest)?);
        before = start - rest.len();
    }
    let count = u16::from_le_bytes([low, high]);
    let tail = u32::from_le_bytes([e, f, g, h]) as usize;
    let is_count_right = count == COUNT_UNKNOWN || usize::from(count) == found.len();
    if !is_count_right || tail != ZIPLIST_HEADER_LEN + last {
        return Err(Malformed);
    }
    Ok(found)
}

fn previous_len(rest: &mut &[u8]) -> Result<usize, Malformed> {
    match take::<1>(rest)? {
        [END] => Err(Malformed),
        [LARGE] => Ok(u32::from_le_bytes(take(rest)?) as usize),
        [len] => Ok(usize::from(len)),
    }
}

fn ziplist_entry<'a>(rest: &mut &'a [u8]) -> Result<Entry<'a>, Malformed> {
    let [first] = take::<1>(rest)?;
    let len = match first {
        0..0x40 => usize::from(first),
        0x40..0x80 => usize::from(first & 0x3f) << 8 | usize::from(take::<1>(rest)?[0]),
        0x80 => u32::from_be_bytes(take(rest)?) as usize,
        0xc0 => return Ok(Entry::Int(i16::from_le_bytes(take(rest)?).into())),
        0xd0 => return Ok(Entry::Int(i32::from_le_bytes(take(rest)?).into())),
        0xe0 => return Ok(Entry::Int(i64::from_le_bytes(take(rest)?))),
        0xf0 => {
            let [a, b, c] = take(rest)?;
            return Ok(Entry::Int((i32::from_le_bytes([0, a, b, c]) >> 8).into()));
        }
        0xfe => return Ok(Entry::Int((take::<1>(rest)?[0] as i8).into())),
        0xf1..=0xfd => return Ok(Entry::Int(i64::from(first & 15) - 1)),
        _ => return Err(Malformed),
    };
    let (text, behind) = rest.split_at_checked(len).ok_or(Malformed)?;
    *rest = behind;
    Ok(Entry::Str(text))
}

/// The fields and values of a zipmap, all of which is checked.
///
/// ```text
/// count: u8 | length | field | length | free: u8 | value | free bytes .. | 255
/// length = u8, or 254 and u32
/// ```
pub(super) fn zipmap(bytes: &[u8]) -> Result<Vec<Pair<'_>>, Malformed> {
    let [count, ref rest @ ..] = *bytes else {
        return Err(Malformed);
    };
    let [ref rest @ .., END] = *rest else {
        return Err(Malformed);
    };
    let (mut found, mut rest) = (Vec::new(), rest);
    while !rest.is_empty() {
        let len = previous_len(&mut rest)?;
        let field = cut(&mut rest, len)?;
        let len = previous_len(&mut rest)?;
        let [free] = take::<1>(&mut rest)?;
        let value = cut(&mut rest, len)?;
        cut(&mut rest, usize::from(free))?;
        found.push((field, value));
    }
    if count < LARGE && usize::from(count) != found.len() {
        return Err(Malformed);
    }
    Ok(found)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (taken, behind) = rest.split_first_chunk().ok_or(Malformed)?;
    *rest = behind;
    Ok(*taken)
}

fn cut<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], Malformed> {
    let (taken, behind) = rest.split_at_checked(len).ok_or(Malformed)?;
    *rest = behind;
    Ok(taken)
}
