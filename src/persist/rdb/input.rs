//! Reading lengths, strings and numbers from bytes of which more may come.
//!
//! Every method either takes a whole item or says [`Stop::More`]; after that the place is
//! undefined, and the caller goes back to where the item began.

use super::lzf::decompress;
use super::{Read, Stop};
use crate::store::types::listpack::IntBuf;
use crate::store::types::stream::StreamId;

/// A string must be shorter: the store keeps lengths in 32 bits.
const STRING_LEN_MAX: u64 = u32::MAX as u64;

/// Bytes and a place in them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    /// The place.
    pub at: usize,
}

/// A string as it was found.
#[derive(Debug)]
pub(super) enum Text<'a> {
    Slice(&'a [u8]),
    Int(i64),
    Owned(Vec<u8>),
}

impl Text<'_> {
    /// The bytes; an integer's are written into `buffer`.
    #[inline]
    pub fn bytes<'b>(&'b self, buffer: &'b mut IntBuf) -> &'b [u8] {
        match self {
            Text::Slice(bytes) => bytes,
            Text::Owned(bytes) => bytes,
            Text::Int(number) => buffer.format(*number),
        }
    }

    pub fn to_vec(&self) -> Vec<u8> {
        self.bytes(&mut IntBuf::new()).to_vec()
    }
}

/// What a length may be instead.
enum Length {
    Plain(u64),
    Encoded(u8),
}

/// The string that `bytes` begin with, whatever its encoding, and what is behind it; none if there
/// is no whole one.
pub fn read_string(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut input = Input::new(bytes);
    let text = input.string().ok()?.to_vec();
    Some((text, bytes.get(input.at..)?))
}

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Input<'a> {
        Input { bytes, at: 0 }
    }

    pub fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    #[inline]
    pub fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let end = self.at.checked_add(count).ok_or(Stop::More)?;
        let taken = self.bytes.get(self.at..end).ok_or(Stop::More)?;
        self.at = end;
        Ok(taken)
    }

    #[inline]
    pub fn byte(&mut self) -> Read<u8> {
        let byte = *self.bytes.get(self.at).ok_or(Stop::More)?;
        self.at += 1;
        Ok(byte)
    }

    pub fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// Eight bytes, the low one first.
    pub fn fixed(&mut self) -> Read<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub fn double(&mut self) -> Read<f64> {
        self.array().map(f64::from_le_bytes)
    }

    /// A length that is one.
    #[inline]
    pub fn length(&mut self) -> Read<u64> {
        match self.any_length()? {
            Length::Plain(len) => Ok(len),
            Length::Encoded(_) => Err(Stop::bad("A string where a length should be")),
        }
    }

    pub fn id(&mut self) -> Read<StreamId> {
        Ok(StreamId::new(self.length()?, self.length()?))
    }

    pub fn raw_id(&mut self) -> Read<StreamId> {
        let ms = self.array().map(u64::from_be_bytes)?;
        let seq = self.array().map(u64::from_be_bytes)?;
        Ok(StreamId::new(ms, seq))
    }

    /// A string in any form.
    #[inline]
    pub fn string(&mut self) -> Read<Text<'a>> {
        match self.any_length()? {
            Length::Plain(len) => Ok(Text::Slice(self.take(string_len(len)?)?)),
            Length::Encoded(0) => Ok(Text::Int(i64::from(self.byte()? as i8))),
            Length::Encoded(1) => Ok(Text::Int(self.array().map(i16::from_le_bytes)?.into())),
            Length::Encoded(2) => Ok(Text::Int(self.array().map(i32::from_le_bytes)?.into())),
            Length::Encoded(3) => {
                let packed = string_len(self.length()?)?;
                let len = string_len(self.length()?)?;
                let plain = decompress(self.take(packed)?, len);
                plain
                    .map(Text::Owned)
                    .ok_or(Stop::bad("Invalid LZF compressed string"))
            }
            Length::Encoded(_) => Err(Stop::bad("Unknown RDB string encoding")),
        }
    }

    #[inline]
    fn any_length(&mut self) -> Read<Length> {
        let first = self.byte()?;
        let low = u64::from(first & 0x3f);
        Ok(match first >> 6 {
            0 => Length::Plain(low),
            1 => Length::Plain(low << 8 | u64::from(self.byte()?)),
            2 if first == 0x80 => Length::Plain(u32::from_be_bytes(self.array()?).into()),
            2 if first == 0x81 => Length::Plain(u64::from_be_bytes(self.array()?)),
            2 => return Err(Stop::bad("Unknown length encoding")),
            _ => Length::Encoded(first & 0x3f),
        })
    }
}

fn string_len(len: u64) -> Read<usize> {
    if len >= STRING_LEN_MAX {
        return Err(Stop::bad("A string is too long"));
    }
    Ok(len as usize)
}
