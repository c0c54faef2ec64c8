//! The bytes of one key in the slab: the key, its place among the volatile keys, and its value.
//!
//! ```text
//! key length (1 byte, or 255 and 4 bytes) | key | place u32, if volatile | value | slack
//! ```
//!
//! A block is as long as its size class. What the value leaves free is slack; its length is written
//! into its own last byte (or, from 255 on, into the four bytes before a last byte of 255), and a
//! flag of the record says whether there is any: so a length costs no byte.

/// Flag of a record: the block names a place in the list of volatile keys.
pub(super) const VOLATILE: u32 = 1 << 3;
/// Flag of a record: the value ends before the block does.
pub(super) const SLACK: u32 = 1 << 5;

/// Marks a key length in four more bytes, and a slack length in the four bytes before.
const LONG: u8 = 255;

/// How long a block must be.
#[inline]
pub(super) fn size(key: usize, value: usize, is_volatile: bool) -> usize {
    (if key < LONG as usize { 1 } else { 5 }) + key + if is_volatile { 4 } else { 0 } + value
}

/// Whether the block is that of `key`.
#[inline]
pub(super) fn has_key(block: &[u8], key: &[u8]) -> bool {
    if key.len() < LONG as usize {
        block.first() == Some(&(key.len() as u8)) && block.get(1..1 + key.len()) == Some(key)
    } else {
        self::key(block) == key
    }
}

#[inline]
pub(super) fn key(block: &[u8]) -> &[u8] {
    let (from, to) = key_span(block);
    &block[from..to]
}

#[inline]
fn key_span(block: &[u8]) -> (usize, usize) {
    match block[0] {
        LONG => (5, 5 + read_u32(block, 1) as usize),
        short => (1, 1 + short as usize),
    }
}

/// The place in the list of volatile keys, of a block that has one.
#[inline]
pub(super) fn place(block: &[u8]) -> u32 {
    read_u32(block, key_span(block).1)
}

pub(super) fn set_place(block: &mut [u8], place: u32) {
    let at = key_span(block).1;
    block[at..at + 4].copy_from_slice(&place.to_le_bytes());
}

/// Where the value begins.
#[inline]
pub(super) fn value_start(block: &[u8], flags: u32) -> usize {
    key_span(block).1 + if flags & VOLATILE != 0 { 4 } else { 0 }
}

/// The value's bytes.
#[inline]
pub(super) fn value(block: &[u8], flags: u32) -> &[u8] {
    &block[value_start(block, flags)..value_end(block, flags)]
}

#[inline]
pub(super) fn value_mut(block: &mut [u8], flags: u32) -> &mut [u8] {
    let (from, to) = (value_start(block, flags), value_end(block, flags));
    &mut block[from..to]
}

#[inline]
fn value_end(block: &[u8], flags: u32) -> usize {
    let len = block.len();
    if flags & SLACK == 0 {
        return len;
    }
    match block[len - 1] {
        LONG => len - read_u32(block, len - 5) as usize,
        short => len - short as usize,
    }
}

/// Writes a whole block. Returns the flags [`VOLATILE`] and [`SLACK`] as they are now.
pub(super) fn write(block: &mut [u8], key: &[u8], place: Option<u32>, value: &[u8]) -> u32 {
    let mut at = if key.len() < LONG as usize {
        block[0] = key.len() as u8;
        1
    } else {
        block[0] = LONG;
        block[1..5].copy_from_slice(&(key.len() as u32).to_le_bytes());
        5
    };
    block[at..at + key.len()].copy_from_slice(key);
    at += key.len();
    let mut flags = 0;
    if let Some(place) = place {
        block[at..at + 4].copy_from_slice(&place.to_le_bytes());
        at += 4;
        flags = VOLATILE;
    }
    block[at..at + value.len()].copy_from_slice(value);
    flags | end_value(block, at + value.len())
}

/// Writes a value of any length that fits. Returns the flag [`SLACK`] as it is now.
#[inline]
pub(super) fn set_value(block: &mut [u8], flags: u32, value: &[u8]) -> u32 {
    let at = value_start(block, flags);
    block[at..at + value.len()].copy_from_slice(value);
    end_value(block, at + value.len())
}

/// Makes a value longer that has room, with zeros. Returns the flag [`SLACK`] as it is now.
pub(super) fn lengthen(block: &mut [u8], flags: u32, to: usize) -> u32 {
    let (start, end) = (value_start(block, flags), value_end(block, flags));
    block[end..start + to].fill(0);
    end_value(block, start + to)
}

#[inline]
fn end_value(block: &mut [u8], end: usize) -> u32 {
    let (len, slack) = (block.len(), block.len() - end);
    if slack == 0 {
        return 0;
    }
    if slack < LONG as usize {
        block[len - 1] = slack as u8;
    } else {
        block[len - 5..len - 1].copy_from_slice(&(slack as u32).to_le_bytes());
        block[len - 1] = LONG;
    }
    SLACK
}

#[inline]
fn read_u32(block: &[u8], at: usize) -> u32 {
    match block[at..].first_chunk() {
        Some(bytes) => u32::from_le_bytes(*bytes),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_read_as_they_were_written() {
        for key_len in [0, 1, 16, 254, 255, 256, 1000] {
            for value_len in [0usize, 1, 32, 253, 300, 5000] {
                for slack in [0usize, 1, 2, 254, 255, 256, 300] {
                    for place in [None, Some(0xfedc_ba98)] {
                        let (key_bytes, bytes) = (vec![b'k'; key_len], vec![b'v'; value_len]);
                        let needed = size(key_len, value_len, place.is_some());
                        let mut block = vec![0xaa; needed + slack];
                        let flags = write(&mut block, &key_bytes, place, &bytes);
                        assert_eq!(flags & SLACK != 0, slack > 0);
                        assert!(has_key(&block, &key_bytes));
                        assert!(!has_key(&block, b"other"));
                        assert_eq!(key(&block), key_bytes);
                        assert_eq!(value(&block, flags), bytes);
                        if place.is_some() {
                            assert_eq!(Some(super::place(&block)), place);
                        }
                        let longer = lengthen(&mut block, flags, value_len + slack / 2);
                        let now = flags & !SLACK | longer;
                        let mut wanted = bytes.clone();
                        wanted.resize(value_len + slack / 2, 0);
                        assert_eq!(value(&block, now), wanted);
                    }
                }
            }
        }
    }
}
