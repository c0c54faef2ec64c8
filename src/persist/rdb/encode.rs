//! Writing lengths, strings and numbers.
//!
//! A length is 6, 14, 32 or 64 bits, the larger ones with the high byte first. Strings that are
//! integers of up to 32 bits are written as such, longer ones are compressed where that pays.

use super::lzf::Compressor;
use crate::resp::number::parse_i64;
use crate::store::types::listpack::Entry;
use crate::store::types::stream::StreamId;

/// In the place of a length: the string is written otherwise.
const ENCODED: u8 = 0b1100_0000;
const INT8: u8 = ENCODED;
const INT16: u8 = ENCODED | 1;
const INT32: u8 = ENCODED | 2;
const LZF: u8 = ENCODED | 3;
/// Strings up to this length are not compressed.
const UNCOMPRESSED_MAX: usize = 20;
/// Strings up to this length may be integers.
const INTEGER_LEN_MAX: usize = 11;
/// Longer elements are not compressed: one is written in one go, and that must be short. Strings
/// that are values of their own are compressed in steps.
const ELEMENT_COMPRESSED_MAX: usize = 256 << 10;

/// Bytes to be written, and what is needed to make them.
#[derive(Debug, Default)]
pub struct Encoder {
    /// What was written and not yet taken.
    pub out: Vec<u8>,
    pub(super) compressor: Compressor,
    compresses: bool,
    scratch: Vec<u8>,
}

impl Encoder {
    /// An encoder that compresses strings, or does not.
    pub fn new(compresses: bool) -> Encoder {
        Encoder {
            compresses,
            ..Encoder::default()
        }
    }

    /// Whether a string of `len` bytes is to be compressed.
    pub(super) fn compresses(&self, len: usize) -> bool {
        self.compresses && len > UNCOMPRESSED_MAX
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    pub(super) fn length(&mut self, len: u64) {
        match len {
            ..0x40 => self.out.push(len as u8),
            0x40..0x4000 => self.out.extend([0x40 | (len >> 8) as u8, len as u8]),
            0x4000..=0xffff_ffff => {
                self.out.push(0x80);
                self.out.extend((len as u32).to_be_bytes());
            }
            _ => {
                self.out.push(0x81);
                self.out.extend(len.to_be_bytes());
            }
        }
    }

    /// A count or a time, eight bytes with the low one first.
    pub(super) fn fixed(&mut self, number: i64) {
        self.out.extend(number.to_le_bytes());
    }

    pub(super) fn double(&mut self, number: f64) {
        self.out.extend(number.to_le_bytes());
    }

    /// An id in two lengths.
    pub(super) fn id(&mut self, id: StreamId) {
        self.length(id.ms);
        self.length(id.seq);
    }

    /// An id in sixteen bytes, the high ones first.
    pub(super) fn raw_id(&mut self, id: StreamId) {
        self.out.extend(id.ms.to_be_bytes());
        self.out.extend(id.seq.to_be_bytes());
    }

    /// An integer as a string.
    pub(super) fn integer(&mut self, number: i64) {
        if let Ok(number) = i8::try_from(number) {
            self.out.extend([INT8, number as u8]);
        } else if let Ok(number) = i16::try_from(number) {
            self.out.push(INT16);
            self.out.extend(number.to_le_bytes());
        } else if let Ok(number) = i32::try_from(number) {
            self.out.push(INT32);
            self.out.extend(number.to_le_bytes());
        } else {
            self.verbatim(itoa::Buffer::new().format(number).as_bytes());
        }
    }

    pub(super) fn entry(&mut self, entry: Entry<'_>) {
        match entry {
            Entry::Int(number) => self.integer(number),
            Entry::Str(text) => self.string(text),
        }
    }

    /// A string in its shortest form.
    pub(super) fn string(&mut self, text: &[u8]) {
        if text.len() <= INTEGER_LEN_MAX
            && let Some(number) = parse_i64(text)
            && i32::try_from(number).is_ok()
        {
            return self.integer(number);
        }
        if !self.compresses(text.len()) || text.len() > ELEMENT_COMPRESSED_MAX {
            return self.verbatim(text);
        }
        let mut compressor = std::mem::take(&mut self.compressor);
        match compressor.compress(text) {
            Some(packed) => {
                self.compressed_header(packed.len(), text.len());
                self.out.extend_from_slice(packed);
            }
            None => self.verbatim(text),
        }
        self.compressor = compressor;
    }

    /// A string whose bytes `write` makes.
    pub(super) fn string_of(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        write(&mut scratch);
        self.string(&scratch);
        self.scratch = scratch;
    }

    /// A string as it is.
    pub(super) fn verbatim(&mut self, text: &[u8]) {
        self.length(text.len() as u64);
        self.out.extend_from_slice(text);
    }

    /// What comes before the bytes of a compressed string.
    pub(super) fn compressed_header(&mut self, packed_len: usize, len: usize) {
        self.out.push(LZF);
        self.length(packed_len as u64);
        self.length(len as u64);
    }
}

/// What an element costs of a budget: itself, and more if it is long.
pub(super) fn cost(entry: Entry<'_>) -> usize {
    1 + entry.text_len() / 64
}
