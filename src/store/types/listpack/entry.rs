//! One entry of a listpack: how it is encoded, decoded, compared and stepped over.
//!
//! The encoding is Redis's documented one: a head that says kind and length, the string's bytes,
//! and the entry's length once more in reverse (the backlen), so that a pack can be walked from
//! its end. The functions here read memory that this process wrote or that `validate` accepted:
//! they are not a parser for bytes from outside.

use itoa::Buffer;

use crate::resp::number::parse_i64;

/// What an entry holds: text that is a canonical 64-bit integer is kept as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// An integer, which reads as its decimal text.
    Int(i64),
    /// Any other bytes.
    Str(&'a [u8]),
}

/// Room for the decimal text of one integer, so that [`Entry::bytes`] need not allocate.
pub struct IntBuf(Buffer);

impl IntBuf {
    /// An unused buffer.
    #[inline]
    pub fn new() -> IntBuf {
        IntBuf(Buffer::new())
    }

    /// The decimal text of `value`.
    #[inline]
    pub fn format(&mut self, value: i64) -> &[u8] {
        self.0.format(value).as_bytes()
    }
}

impl Default for IntBuf {
    fn default() -> IntBuf {
        IntBuf::new()
    }
}

impl<'a> Entry<'a> {
    /// The entry's text; an integer is written into `buf`.
    #[inline]
    pub fn bytes<'b>(self, buf: &'b mut IntBuf) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Entry::Int(value) => buf.format(value),
            Entry::Str(bytes) => bytes,
        }
    }

    /// Length of the entry's text in bytes.
    #[inline]
    pub fn text_len(self) -> usize {
        match self {
            Entry::Int(value) => decimal_len(value),
            Entry::Str(bytes) => bytes.len(),
        }
    }

    /// The entry as an integer, if its text is exactly one.
    #[inline]
    pub fn int(self) -> Option<i64> {
        match self {
            Entry::Int(value) => Some(value),
            Entry::Str(bytes) => parse_i64(bytes),
        }
    }

    /// Appends the entry's text to `out`.
    #[inline]
    pub fn append_to(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.bytes(&mut IntBuf::new()));
    }

    /// The entry's text as an owned vector.
    pub fn to_vec(self) -> Vec<u8> {
        self.bytes(&mut IntBuf::new()).to_vec()
    }
}

/// A text to look for, parsed once.
#[derive(Clone, Copy, Debug)]
pub struct Needle<'a> {
    bytes: &'a [u8],
    int: Option<i64>,
}

impl<'a> Needle<'a> {
    /// Prepares `bytes` for comparisons.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Needle<'a> {
        Needle {
            bytes,
            int: parse_i64(bytes),
        }
    }

    /// Whether `entry` has the same text.
    #[inline]
    pub fn matches(&self, entry: Entry<'_>) -> bool {
        match entry {
            Entry::Int(value) => self.int == Some(value),
            Entry::Str(bytes) => bytes == self.bytes,
        }
    }
}

/// Number of bytes in the decimal text of `value`.
#[inline]
pub fn decimal_len(value: i64) -> usize {
    let digits = value
        .unsigned_abs()
        .checked_ilog10()
        .map_or(1, |log| log as usize + 1);
    digits + usize::from(value < 0)
}

/// Longest head: one tag byte and eight bytes of integer.
const HEAD_LEN_MAX: usize = 9;
/// Longest backlen.
const BACKLEN_LEN_MAX: usize = 5;

/// An entry ready to be copied into a pack. One value has one encoding, so an encoded entry also
/// finds its equal by comparing bytes.
#[derive(Clone, Copy, Debug)]
pub struct Encoded<'a> {
    head: [u8; HEAD_LEN_MAX],
    head_len: u8,
    body: &'a [u8],
}

impl<'a> Encoded<'a> {
    /// The shortest encoding of `bytes`: as an integer where it is one.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Encoded<'a> {
        match parse_i64(bytes) {
            Some(value) => Encoded::int(value),
            None => Encoded::string(bytes),
        }
    }

    /// The encoding of an entry that was read elsewhere.
    #[inline]
    pub fn of(entry: Entry<'a>) -> Encoded<'a> {
        match entry {
            Entry::Int(value) => Encoded::int(value),
            Entry::Str(bytes) => Encoded::string(bytes),
        }
    }

    /// The shortest encoding of an integer.
    #[inline]
    pub fn int(value: i64) -> Encoded<'static> {
        let mut head = [0; HEAD_LEN_MAX];
        let head_len = match value {
            0..=127 => {
                head[0] = value as u8;
                1
            }
            -4096..=4095 => {
                head[0] = 0xc0 | ((value >> 8) & 0x1f) as u8;
                head[1] = value as u8;
                2
            }
            _ => {
                let (tag, len) = match value {
                    -32_768..=32_767 => (0xf1, 2),
                    -8_388_608..=8_388_607 => (0xf2, 3),
                    -2_147_483_648..=2_147_483_647 => (0xf3, 4),
                    _ => (0xf4, 8),
                };
                head[0] = tag;
                head[1..].copy_from_slice(&value.to_le_bytes());
                1 + len
            }
        };
        head[head_len..].fill(0);
        Encoded {
            head,
            head_len: head_len as u8,
            body: &[],
        }
    }

    /// The shortest encoding as a string, whatever `bytes` spell.
    #[inline]
    fn string(bytes: &'a [u8]) -> Encoded<'a> {
        let mut head = [0; HEAD_LEN_MAX];
        let len = bytes.len();
        let head_len = match len {
            0..64 => {
                head[0] = 0x80 | len as u8;
                1
            }
            64..4096 => {
                head[0] = 0xe0 | (len >> 8) as u8;
                head[1] = len as u8;
                2
            }
            _ => {
                head[0] = 0xf0;
                head[1..5].copy_from_slice(&(len as u32).to_le_bytes());
                5
            }
        };
        Encoded {
            head,
            head_len,
            body: bytes,
        }
    }

    /// Bytes the entry takes in a pack, its backlen included.
    #[inline]
    pub fn size(&self) -> usize {
        let len = self.head_len as usize + self.body.len();
        len + backlen_len(len)
    }

    /// Writes the entry into `out`, which is exactly [`Encoded::size`] bytes long.
    #[inline]
    pub fn write(&self, out: &mut [u8]) {
        let head_len = self.head_len as usize;
        let len = head_len + self.body.len();
        out[..head_len].copy_from_slice(&self.head[..head_len]);
        out[head_len..len].copy_from_slice(self.body);
        write_backlen(&mut out[len..], len);
    }

    /// Whether the entry at the start of `rest` is this one.
    #[inline]
    pub fn matches(&self, rest: &[u8]) -> bool {
        let (head_len, body_len) = (self.head_len as usize, self.body.len());
        let last = match self.body {
            [.., last] => *last,
            [] => self.head[head_len - 1],
        };
        // Texts that are alike differ most often in their last byte.
        if rest[0] != self.head[0] || rest.get(head_len + body_len - 1) != Some(&last) {
            return false;
        }
        // The head holds the length, so equal heads mean equally long bodies.
        (head_len == 1 || rest[..head_len] == self.head[..head_len])
            && rest[head_len..head_len + body_len] == *self.body
    }
}

/// Number of bytes the backlen of an entry of `len` bytes takes. The odd limits are the format's.
#[inline]
pub(super) fn backlen_len(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => BACKLEN_LEN_MAX,
    }
}

#[inline]
pub(super) fn write_backlen(out: &mut [u8], len: usize) {
    if len <= 127 {
        out[0] = len as u8;
        return;
    }
    let count = backlen_len(len);
    for (at, byte) in out[..count].iter_mut().enumerate() {
        let group = (len >> (7 * (count - 1 - at))) as u8 & 0x7f;
        *byte = if at == 0 { group } else { group | 0x80 };
    }
}

/// The entry at the start of `rest` and the bytes it takes, its backlen included.
#[inline]
pub(super) fn decode(rest: &[u8]) -> (Entry<'_>, usize) {
    match rest[0] {
        tag @ 0..0x80 => (Entry::Int(i64::from(tag)), 2),
        tag @ 0x80..0xc0 => {
            let len = (tag & 0x3f) as usize;
            (Entry::Str(&rest[1..1 + len]), len + 2)
        }
        tag => decode_long(rest, tag),
    }
}

fn decode_long(rest: &[u8], tag: u8) -> (Entry<'_>, usize) {
    let (entry, len) = match tag {
        0..0xe0 => {
            let raw = (i64::from(tag & 0x1f) << 8) | i64::from(rest[1]);
            (Entry::Int((raw << 51) >> 51), 2)
        }
        0xe0..0xf0 => {
            let len = (((tag & 0x0f) as usize) << 8) | rest[1] as usize;
            (Entry::Str(&rest[2..2 + len]), 2 + len)
        }
        0xf0 => {
            let len = u32::from_le_bytes([rest[1], rest[2], rest[3], rest[4]]) as usize;
            (Entry::Str(&rest[5..5 + len]), 5 + len)
        }
        _ => {
            let len = int_len(tag);
            let mut raw = [0; 8];
            raw[8 - len..].copy_from_slice(&rest[1..1 + len]);
            // The bytes sit at the top, so the shift carries the sign down.
            (
                Entry::Int(i64::from_le_bytes(raw) >> (64 - 8 * len)),
                1 + len,
            )
        }
    };
    (entry, len + backlen_len(len))
}

/// Bytes of integer that follow a tag of 0xf1 to 0xf4.
#[inline]
pub(super) fn int_len(tag: u8) -> usize {
    match tag {
        0xf1 => 2,
        0xf2 => 3,
        0xf3 => 4,
        _ => 8,
    }
}

/// Bytes that the entry at the start of `rest` takes, its backlen included.
#[inline]
pub(super) fn size(rest: &[u8]) -> usize {
    match rest[0] {
        0..0x80 => 2,
        tag @ 0x80..0xc0 => (tag & 0x3f) as usize + 2,
        0xc0..0xe0 => 3,
        tag => size_long(rest, tag),
    }
}

fn size_long(rest: &[u8], tag: u8) -> usize {
    let len = match tag {
        0..0xf0 => 2 + ((((tag & 0x0f) as usize) << 8) | rest[1] as usize),
        0xf0 => 5 + u32::from_le_bytes([rest[1], rest[2], rest[3], rest[4]]) as usize,
        _ => 1 + int_len(tag),
    };
    len + backlen_len(len)
}

/// Bytes that the last entry of `bytes` takes, its backlen included.
#[inline]
pub(super) fn last_size(bytes: &[u8]) -> usize {
    let last = bytes[bytes.len() - 1];
    if last < 0x80 {
        return last as usize + 1;
    }
    let mut len = 0;
    for (at, byte) in bytes.iter().rev().take(BACKLEN_LEN_MAX).enumerate() {
        len |= ((byte & 0x7f) as usize) << (7 * at);
        if byte & 0x80 == 0 {
            return len + at + 1;
        }
    }
    // Only bytes that nobody validated end here; stepping over all of them stops every walk.
    bytes.len()
}
