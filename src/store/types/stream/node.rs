//! Redis's own form of a block of entries: one listpack, as RDB files and DUMP payloads carry it.
//!
//! ```text
//! count | deleted | field count | field .. | 0            the master entry
//! flags | ms delta | seq delta | value .. | elements      an entry with the master's fields
//! flags | ms delta | seq delta | field count | field value .. | elements
//! ```
//!
//! Owns the sizes, the writing and the strict reading of that form; what it reads may be hostile.
//! Nothing is kept in this form: see `block`.

use super::block::{Block, Entry};
use super::id::StreamId;
use crate::resp::number::parse_i64;

/// The entry is a tombstone.
const FLAG_DELETED: i64 = 1;
/// The entry has the fields of the master entry, and carries values only.
const FLAG_SAME_FIELDS: i64 = 2;

/// Total bytes and number of elements, before the elements.
const HEADER_LEN: usize = 6;
/// What the element counter says when there are too many to count.
const ELEMENTS_UNKNOWN: u16 = u16::MAX;
const END: u8 = 0xff;

/// The bytes of a listpack around its elements.
pub(super) const FRAME_LEN: usize = HEADER_LEN + 1;

/// Why a node was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CorruptNode;

/// The bytes `text` takes in a listpack.
#[inline]
pub(super) fn packed_len(text: &[u8]) -> usize {
    if let Some(number) = parse_i64(text) {
        return packed_integer_len(number);
    }
    let prefix = match text.len() {
        ..64 => 1,
        64..4096 => 2,
        _ => 5,
    };
    with_back_len(prefix + text.len())
}

/// The bytes `number` takes in a listpack.
#[inline]
pub(super) fn packed_integer_len(number: i64) -> usize {
    let len = match number {
        0..=127 => 1,
        -4096..=4095 => 2,
        -32_768..=32_767 => 3,
        -8_388_608..=8_388_607 => 4,
        -2_147_483_648..=2_147_483_647 => 5,
        _ => 9,
    };
    len + 1
}

/// The bytes an entry takes in a node, given what its ids, names and values take.
#[inline]
pub(super) fn packed_entry_len(
    base: StreamId,
    id: StreamId,
    fields: usize,
    same: bool,
    names_len: usize,
    values_len: usize,
) -> usize {
    let mut len = packed_integer_len(FLAG_SAME_FIELDS) + values_len;
    let mut elements = fields + 3;
    len += packed_integer_len(id.ms.wrapping_sub(base.ms) as i64);
    len += packed_integer_len(id.seq.wrapping_sub(base.seq) as i64);
    if !same {
        elements += fields + 1;
        len += packed_integer_len(fields as i64) + names_len;
    }
    len + packed_integer_len(elements as i64)
}

/// Appends the node that holds the live entries of a block to `out`.
pub(super) fn write(base: StreamId, block: &Block, out: &mut Vec<u8>) {
    let mut listpack = Writer::new(out);
    let view = block.view(base);
    listpack.integer(i64::from(block.live()));
    listpack.integer(0);
    listpack.integer(view.names().count() as i64);
    view.names().for_each(|name| listpack.text(name));
    listpack.integer(0);
    for entry in block.live_entries(base) {
        let same = entry.has_block_fields();
        let mut elements = entry.len() + 3;
        listpack.integer(if same { FLAG_SAME_FIELDS } else { 0 });
        listpack.integer(entry.id().ms.wrapping_sub(base.ms) as i64);
        listpack.integer(entry.id().seq.wrapping_sub(base.seq) as i64);
        if !same {
            elements += entry.len() + 1;
            listpack.integer(entry.len() as i64);
        }
        for (name, value) in entry.fields() {
            if !same {
                listpack.text(name);
            }
            listpack.text(value);
        }
        listpack.integer(elements as i64);
    }
    listpack.finish();
}

/// Reads a node whose key is `base`; none when all of its entries are tombstones. Nothing is
/// allocated beyond a small multiple of the node's bytes.
///
/// Live ids must ascend and not be below `base`. Tombstones are dropped: streams written by old
/// servers may have them out of order (XSETID could go back behind them).
pub(super) fn read(base: StreamId, node: &[u8]) -> Result<Option<Block>, CorruptNode> {
    let mut reader = Reader::new(node)?;
    let live = reader.count()?;
    let deleted = reader.count()?;
    let master: Vec<Text> = (0..reader.elements()?)
        .map(|_| reader.text())
        .collect::<Result<_, _>>()?;
    if reader.integer()? != 0 {
        return Err(CorruptNode);
    }
    let mut block = Block::new(master.iter().map(Text::bytes));
    let mut last = None;
    let mut texts = Vec::new();
    for _ in 0..live.checked_add(deleted).ok_or(CorruptNode)? {
        let Some(id) = read_entry(&mut reader, base, &master, &mut texts)? else {
            continue;
        };
        if id < base || id.is_zero() || texts.is_empty() || last.is_some_and(|last| id <= last) {
            return Err(CorruptNode);
        }
        last = Some(id);
        let pairs = texts
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[name, value]| (name.bytes(), value.bytes()));
        block.push(base, id, pairs).map_err(|_| CorruptNode)?;
    }
    if !reader.is_at_end() || u64::from(block.live()) != live {
        return Err(CorruptNode);
    }
    block.shrink_to_fit();
    Ok((live > 0).then_some(block))
}

/// Reads one entry; its names and values, alternating, come into `texts`. No id for a tombstone.
fn read_entry<'a>(
    reader: &mut Reader<'a>,
    base: StreamId,
    master: &[Text<'a>],
    texts: &mut Vec<Text<'a>>,
) -> Result<Option<StreamId>, CorruptNode> {
    texts.clear();
    let flags = reader.integer()?;
    let ms = base.ms.wrapping_add(reader.integer()? as u64);
    let seq = base.seq.wrapping_add(reader.integer()? as u64);
    let mut elements = 3;
    if flags & FLAG_SAME_FIELDS != 0 {
        for name in master {
            texts.push(*name);
            texts.push(reader.text()?);
        }
        elements += master.len();
    } else {
        let fields = reader.elements()?;
        for _ in 0..fields.checked_mul(2).ok_or(CorruptNode)? {
            texts.push(reader.text()?);
        }
        elements += 2 * fields + 1;
    }
    if reader.integer()? != elements as i64 || flags & !(FLAG_DELETED | FLAG_SAME_FIELDS) != 0 {
        return Err(CorruptNode);
    }
    Ok((flags & FLAG_DELETED == 0).then_some(StreamId { ms, seq }))
}

impl Entry<'_> {
    /// The bytes of this entry in a node whose key is `base`.
    pub(super) fn packed_len(&self, base: StreamId) -> usize {
        let same = self.has_block_fields();
        let (mut names, mut values) = (0, 0);
        for (name, value) in self.fields() {
            values += packed_len(value);
            if !same {
                names += packed_len(name);
            }
        }
        packed_entry_len(base, self.id(), self.len(), same, names, values)
    }
}

/// An element of `len` bytes, with the length that follows it for reading backwards.
#[inline]
fn with_back_len(len: usize) -> usize {
    len + back_len(len)
}

#[inline]
fn back_len(len: usize) -> usize {
    match len {
        ..128 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    elements: usize,
}

impl<'a> Writer<'a> {
    fn new(out: &'a mut Vec<u8>) -> Writer<'a> {
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_LEN]);
        Writer {
            out,
            start,
            elements: 0,
        }
    }

    fn text(&mut self, text: &[u8]) {
        if let Some(number) = parse_i64(text) {
            return self.integer(number);
        }
        let at = self.out.len();
        let len = text.len();
        match len {
            ..64 => self.out.push(0x80 | len as u8),
            64..4096 => self
                .out
                .extend_from_slice(&[0xe0 | (len >> 8) as u8, len as u8]),
            _ => {
                self.out.push(0xf0);
                self.out.extend_from_slice(&(len as u32).to_le_bytes());
            }
        }
        self.out.extend_from_slice(text);
        self.back_len(at);
    }

    fn integer(&mut self, number: i64) {
        let at = self.out.len();
        let bytes = number.to_le_bytes();
        match packed_integer_len(number) - 1 {
            1 => self.out.push(number as u8),
            2 => self
                .out
                .extend_from_slice(&[0xc0 | (bytes[1] & 0x1f), bytes[0]]),
            len => {
                self.out.push(match len {
                    3 => 0xf1,
                    4 => 0xf2,
                    5 => 0xf3,
                    _ => 0xf4,
                });
                self.out.extend_from_slice(&bytes[..len - 1]);
            }
        }
        self.back_len(at);
    }

    fn back_len(&mut self, at: usize) {
        self.elements += 1;
        let len = self.out.len() - at;
        for place in (0..back_len(len)).rev() {
            let bits = (len >> (7 * place)) as u8 & 127;
            let first = place + 1 == back_len(len);
            self.out.push(if first { bits } else { bits | 128 });
        }
    }

    fn finish(self) {
        self.out.push(END);
        let total = (self.out.len() - self.start) as u32;
        let elements = u16::try_from(self.elements).unwrap_or(ELEMENTS_UNKNOWN);
        self.out[self.start..self.start + 4].copy_from_slice(&total.to_le_bytes());
        self.out[self.start + 4..self.start + 6].copy_from_slice(&elements.to_le_bytes());
    }
}

/// An element: a string, or the digits of an integer.
#[derive(Clone, Copy)]
enum Text<'a> {
    Bytes(&'a [u8]),
    Digits([u8; 20], u8),
}

impl Text<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Text::Bytes(bytes) => bytes,
            Text::Digits(digits, len) => &digits[..*len as usize],
        }
    }
}

enum Element<'a> {
    Integer(i64),
    Bytes(&'a [u8]),
}

/// Walks a listpack and believes nothing it says.
struct Reader<'a> {
    /// The elements not yet read.
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn new(node: &'a [u8]) -> Result<Reader<'a>, CorruptNode> {
        let (header, rest) = node.split_first_chunk::<HEADER_LEN>().ok_or(CorruptNode)?;
        let total = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        match rest {
            [rest @ .., END] if total as usize == node.len() => Ok(Reader { rest }),
            _ => Err(CorruptNode),
        }
    }

    fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn integer(&mut self) -> Result<i64, CorruptNode> {
        match self.element()? {
            Element::Integer(number) => Ok(number),
            Element::Bytes(bytes) => parse_i64(bytes).ok_or(CorruptNode),
        }
    }

    fn count(&mut self) -> Result<u64, CorruptNode> {
        u64::try_from(self.integer()?).map_err(|_| CorruptNode)
    }

    /// A number of elements that are said to follow: there cannot be more than half of the bytes.
    fn elements(&mut self) -> Result<usize, CorruptNode> {
        let count = usize::try_from(self.integer()?).map_err(|_| CorruptNode)?;
        if count > self.rest.len() / 2 {
            Err(CorruptNode)
        } else {
            Ok(count)
        }
    }

    fn text(&mut self) -> Result<Text<'a>, CorruptNode> {
        Ok(match self.element()? {
            Element::Bytes(bytes) => Text::Bytes(bytes),
            Element::Integer(number) => {
                let mut buffer = itoa::Buffer::new();
                let text = buffer.format(number).as_bytes();
                let mut digits = [0; 20];
                digits[..text.len()].copy_from_slice(text);
                Text::Digits(digits, text.len() as u8)
            }
        })
    }

    fn element(&mut self) -> Result<Element<'a>, CorruptNode> {
        let first = *self.rest.first().ok_or(CorruptNode)?;
        let (element, len) = match first {
            0..=0x7f => (Element::Integer(i64::from(first)), 1),
            0x80..=0xbf => self.bytes(1, usize::from(first & 0x3f))?,
            0xc0..=0xdf => {
                let number = (i64::from(first & 0x1f) << 8) | i64::from(self.byte(1)?);
                (
                    Element::Integer(if number >= 4096 {
                        number - 8192
                    } else {
                        number
                    }),
                    2,
                )
            }
            0xe0..=0xef => {
                let len = (usize::from(first & 0x0f) << 8) | usize::from(self.byte(1)?);
                self.bytes(2, len)?
            }
            0xf0 => {
                let len = self.rest.get(1..5).and_then(|len| len.try_into().ok());
                self.bytes(5, u32::from_le_bytes(len.ok_or(CorruptNode)?) as usize)?
            }
            0xf1..=0xf4 => {
                let len = [2, 3, 4, 8][usize::from(first - 0xf1)];
                let bytes = self.rest.get(1..1 + len).ok_or(CorruptNode)?;
                let mut number = if bytes[len - 1] < 128 {
                    [0; 8]
                } else {
                    [0xff; 8]
                };
                number[..len].copy_from_slice(bytes);
                (Element::Integer(i64::from_le_bytes(number)), 1 + len)
            }
            _ => return Err(CorruptNode),
        };
        self.skip(len)?;
        Ok(element)
    }

    fn byte(&self, at: usize) -> Result<u8, CorruptNode> {
        self.rest.get(at).copied().ok_or(CorruptNode)
    }

    fn bytes(&self, at: usize, len: usize) -> Result<(Element<'a>, usize), CorruptNode> {
        let bytes = self.rest.get(at..at + len).ok_or(CorruptNode)?;
        Ok((Element::Bytes(bytes), at + len))
    }

    /// Steps over an element of `len` bytes and the length that must follow it.
    fn skip(&mut self, len: usize) -> Result<(), CorruptNode> {
        let size = back_len(len);
        let back = self.rest.get(len..len + size).ok_or(CorruptNode)?;
        let said = back
            .iter()
            .fold(0usize, |sum, byte| (sum << 7) | usize::from(byte & 127));
        if said != len {
            return Err(CorruptNode);
        }
        self.rest = &self.rest[len + size..];
        Ok(())
    }
}
