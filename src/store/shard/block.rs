//! The bytes of one key in the slab: its clock and flags, the key, its expiry, and its value.
//!
//! ```text
//! clock 24 bits, flags 8 bits | key length (1 byte, or 255 and 4 bytes) | key
//!   | place u32, expiry 6 or 8 bytes: if volatile | value | slack
//! ```
//!
//! A block is as long as its size class. What the value leaves free is slack; its length is written
//! into its own last byte (or, from 255 on, into the four bytes before a last byte of 255), and a
//! flag says whether there is any: so a length costs no byte. Everything a lookup needs lies in
//! the block: it costs the cache line of the index and those of the block, no others.

/// Flag: the key has an expiry, and a place in the list of volatile keys.
pub(super) const VOLATILE: u32 = 1 << 3;
/// Flag: the value ends before the block does.
const SLACK: u32 = 1 << 5;
/// Flag: the expiry takes eight bytes instead of six, which last for nine thousand years.
const FAR: u32 = 1 << 6;
/// Flag: which side of a snapshot the key is on; what it means alternates.
pub(in crate::store) const MARK: u32 = 1 << 7;
/// Flags that are about the layout of the block.
const LAYOUT: u32 = VOLATILE | SLACK | FAR;

const CLOCK_SHIFT: u32 = 8;
/// Bytes before the key's length.
const HEAD: usize = 4;
/// Marks a key length in four more bytes, and a slack length in the four bytes before.
const LONG: u8 = 255;
const NEAR_BYTES: usize = 6;
/// Expiries below are near.
const FAR_FROM: i64 = 1 << 48;

/// A key's place in the list of volatile keys, and when it expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expiry {
    pub place: u32,
    pub at: i64,
}

impl Expiry {
    fn is_far(self) -> bool {
        !(0..FAR_FROM).contains(&self.at)
    }

    fn bytes(self) -> usize {
        4 + if self.is_far() { 8 } else { NEAR_BYTES }
    }
}

/// How long a block must be.
#[inline]
pub(super) fn size(key: usize, expiry: Option<Expiry>, value: usize) -> usize {
    HEAD + key_length_bytes(key) + key + expiry.map_or(0, Expiry::bytes) + value
}

/// Whether the block is that of `key`.
#[inline]
pub(super) fn has_key(block: &[u8], key: &[u8]) -> bool {
    if key.len() < LONG as usize {
        let from = HEAD + 1;
        block.get(HEAD) == Some(&(key.len() as u8))
            && block.get(from..from + key.len()) == Some(key)
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
pub(super) fn flags(block: &[u8]) -> u32 {
    u32::from(block[0])
}

/// Sets flags that are not about the block's layout.
#[inline]
pub(super) fn set_flags(block: &mut [u8], clear: u32, set: u32) {
    block[0] = (flags(block) & !clear | set) as u8;
}

#[inline]
pub(super) fn clock(block: &[u8]) -> u32 {
    read_u32(block, 0) >> CLOCK_SHIFT
}

#[inline]
pub(super) fn set_clock(block: &mut [u8], clock: u32) {
    let head = clock << CLOCK_SHIFT | flags(block);
    block[..HEAD].copy_from_slice(&head.to_le_bytes());
}

/// The expiry of a volatile block.
#[inline]
pub(super) fn expire_at(block: &[u8]) -> Option<i64> {
    let flags = flags(block);
    (flags & VOLATILE != 0).then(|| read_expiry(block, key_span(block).1 + 4, flags))
}

/// Place and expiry of a volatile block.
pub(super) fn expiry(block: &[u8]) -> Option<Expiry> {
    let place = || read_u32(block, key_span(block).1);
    expire_at(block).map(|at| Expiry { place: place(), at })
}

/// Sets place and expiry of a volatile block, if the expiry takes as many bytes as before.
pub(super) fn set_expiry(block: &mut [u8], expiry: Expiry) -> bool {
    let flags = flags(block);
    if flags & VOLATILE == 0 || (flags & FAR != 0) != expiry.is_far() {
        return false;
    }
    let at = key_span(block).1;
    write_expiry(&mut block[at..], expiry);
    true
}

/// Where the value begins.
#[inline]
pub(super) fn value_start(block: &[u8]) -> usize {
    let (flags, key_end) = (flags(block), key_span(block).1);
    match flags & (VOLATILE | FAR) {
        0 => key_end,
        VOLATILE => key_end + 4 + NEAR_BYTES,
        _ => key_end + 4 + 8,
    }
}

/// The value's bytes.
#[inline]
pub(super) fn value(block: &[u8]) -> &[u8] {
    &block[value_start(block)..value_end(block)]
}

#[inline]
pub(super) fn value_mut(block: &mut [u8]) -> &mut [u8] {
    let (from, to) = (value_start(block), value_end(block));
    &mut block[from..to]
}

/// Writes a whole block. `kind` are the flags that are not about its layout.
pub(super) fn write(
    block: &mut [u8],
    clock: u32,
    kind: u32,
    key: &[u8],
    expiry: Option<Expiry>,
    value: &[u8],
) {
    let mut flags = kind & !LAYOUT;
    let mut at = HEAD + key_length_bytes(key.len());
    if key.len() < LONG as usize {
        block[HEAD] = key.len() as u8;
    } else {
        block[HEAD] = LONG;
        block[HEAD + 1..at].copy_from_slice(&(key.len() as u32).to_le_bytes());
    }
    block[at..at + key.len()].copy_from_slice(key);
    at += key.len();
    if let Some(expiry) = expiry {
        flags |= VOLATILE | if expiry.is_far() { FAR } else { 0 };
        write_expiry(&mut block[at..], expiry);
        at += expiry.bytes();
    }
    block[at..at + value.len()].copy_from_slice(value);
    let head = clock << CLOCK_SHIFT | flags;
    block[..HEAD].copy_from_slice(&head.to_le_bytes());
    end_value(block, at + value.len());
}

/// Writes a value of any length that fits. `kind` are the flags that are not about the layout, but
/// for the mark, which stays.
#[inline]
pub(super) fn set_value(block: &mut [u8], kind: u32, value: &[u8]) {
    let at = value_start(block);
    block[at..at + value.len()].copy_from_slice(value);
    set_flags(block, !(VOLATILE | FAR | MARK), kind);
    end_value(block, at + value.len());
}

/// Makes a value longer that has room, with zeros.
pub(super) fn lengthen(block: &mut [u8], to: usize) {
    let (start, end) = (value_start(block), value_end(block));
    block[end..start + to].fill(0);
    end_value(block, start + to);
}

#[inline]
fn value_end(block: &[u8]) -> usize {
    let len = block.len();
    if flags(block) & SLACK == 0 {
        return len;
    }
    match block[len - 1] {
        LONG => len - read_u32(block, len - 5) as usize,
        short => len - short as usize,
    }
}

#[inline]
fn end_value(block: &mut [u8], end: usize) {
    let (len, slack) = (block.len(), block.len() - end);
    if slack == 0 {
        block[0] &= !SLACK as u8;
        return;
    }
    if slack < LONG as usize {
        block[len - 1] = slack as u8;
    } else {
        block[len - 5..len - 1].copy_from_slice(&(slack as u32).to_le_bytes());
        block[len - 1] = LONG;
    }
    block[0] |= SLACK as u8;
}

#[inline]
fn key_length_bytes(key: usize) -> usize {
    if key < LONG as usize { 1 } else { 5 }
}

#[inline]
fn key_span(block: &[u8]) -> (usize, usize) {
    match block[HEAD] {
        LONG => (HEAD + 5, HEAD + 5 + read_u32(block, HEAD + 1) as usize),
        short => (HEAD + 1, HEAD + 1 + short as usize),
    }
}

#[inline]
fn read_u32(block: &[u8], at: usize) -> u32 {
    match block[at..].first_chunk() {
        Some(bytes) => u32::from_le_bytes(*bytes),
        None => 0,
    }
}

#[inline]
fn read_expiry(block: &[u8], at: usize, flags: u32) -> i64 {
    let mut bytes = [0; 8];
    let len = if flags & FAR == 0 { NEAR_BYTES } else { 8 };
    bytes[..len].copy_from_slice(&block[at..at + len]);
    i64::from_le_bytes(bytes)
}

fn write_expiry(block: &mut [u8], expiry: Expiry) {
    let len = expiry.bytes();
    block[..4].copy_from_slice(&expiry.place.to_le_bytes());
    block[4..len].copy_from_slice(&expiry.at.to_le_bytes()[..len - 4]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(key_len: usize, value_len: usize, slack: usize, at: Option<i64>) {
        let (key_bytes, bytes) = (vec![b'k'; key_len], vec![b'v'; value_len]);
        let given = at.map(|at| Expiry {
            place: 0xfedc_ba98,
            at,
        });
        let mut block = vec![0xaa; size(key_len, given, value_len) + slack];
        write(&mut block, 0xab_cdef, 5, &key_bytes, given, &bytes);
        assert_eq!(flags(&block) & SLACK != 0, slack > 0);
        assert!(has_key(&block, &key_bytes) && !has_key(&block, b"other"));
        assert_eq!((key(&block), value(&block)), (&key_bytes[..], &bytes[..]));
        assert_eq!((expiry(&block), expire_at(&block)), (given, at));
        assert_eq!((clock(&block), flags(&block) & 7), (0xab_cdef, 5));
        set_clock(&mut block, 7);
        lengthen(&mut block, value_len + slack / 2);
        let mut wanted = bytes.clone();
        wanted.resize(value_len + slack / 2, 0);
        assert_eq!(value(&block), wanted);
        set_value(&mut block, 2, &bytes[..value_len / 2]);
        assert_eq!((value(&block), clock(&block)), (&bytes[..value_len / 2], 7));
        assert_eq!((expiry(&block), flags(&block) & 7), (given, 2));
        assert_eq!(key(&block), key_bytes);
    }

    #[test]
    fn blocks_read_as_they_were_written() {
        for key_len in [0, 1, 16, 254, 255, 256, 1000] {
            for value_len in [0usize, 1, 32, 253, 300, 5000] {
                for slack in [0usize, 1, 2, 254, 255, 256, 300] {
                    for at in [None, Some(0), Some(FAR_FROM - 1), Some(FAR_FROM), Some(-1)] {
                        check(key_len, value_len, slack, at);
                    }
                }
            }
        }
    }

    #[test]
    fn an_expiry_of_another_width_is_refused() {
        let near = Expiry { place: 1, at: 5 };
        let mut block = vec![0; size(3, Some(near), 2)];
        write(&mut block, 0, 0, b"key", Some(near), b"va");
        assert!(set_expiry(&mut block, Expiry { place: 2, at: 6 }));
        assert!(!set_expiry(
            &mut block,
            Expiry {
                place: 2,
                at: i64::MAX
            }
        ));
        assert_eq!(expiry(&block), Some(Expiry { place: 2, at: 6 }));
        assert_eq!(value(&block), b"va");
    }
}
