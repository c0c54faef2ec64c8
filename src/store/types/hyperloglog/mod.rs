//! HyperLogLog in Redis's strings: a 16-byte header, then 16384 registers, sparse or dense.
//!
//! The header is `HYLL`, the encoding (0 dense, 1 sparse), three unused bytes, and the cached
//! count, little endian, whose highest bit says that it is out of date. The same additions give
//! the same bytes as in Redis and Valkey. Strings come from clients: every one may be hostile, and
//! a run of registers that leads out of bounds is an error, never a write.
//!
//! Callers run [`check`] once on a string before they hand it to the other functions.

mod dense;
mod estimate;
mod self_test;
mod sparse;

#[cfg(test)]
mod tests;

pub use self_test::self_test;

use estimate::Histogram;
use sparse::Cursor;

/// Number of registers.
pub const REGISTERS: usize = 1 << INDEX_BITS;

/// Bits of an element's hash that choose its register.
const INDEX_BITS: u32 = 14;
/// Bits of an element's hash that are searched for the first one: a register is at most one more.
const RANK_BITS: u32 = 64 - INDEX_BITS;
const HEADER_BYTES: usize = 16;
const ENCODING_AT: usize = 4;
const COUNT_AT: usize = 8;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
const DENSE_BYTES: usize = HEADER_BYTES + dense::BYTES;
const HASH_SEED: u64 = 0xadc8_3b19;

/// Why a string cannot be used as a HyperLogLog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HllError {
    /// It is no HyperLogLog at all: `WRONGTYPE Key is not a valid HyperLogLog string value.`
    NotHll,
    /// Its registers are not what they should be: `INVALIDOBJ Corrupted HLL object detected`.
    Corrupted,
}

/// An empty HyperLogLog, its cached count out of date, as PFADD and PFMERGE leave it.
pub fn create() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + sparse::EMPTY.len());
    bytes.extend_from_slice(b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80");
    bytes.extend_from_slice(&sparse::EMPTY);
    bytes
}

/// Whether a string is a HyperLogLog by its header and length.
pub fn check(bytes: &[u8]) -> Result<(), HllError> {
    if bytes.len() < HEADER_BYTES || !bytes.starts_with(b"HYLL") {
        return Err(HllError::NotHll);
    }
    match bytes[ENCODING_AT] {
        DENSE if bytes.len() == DENSE_BYTES => Ok(()),
        SPARSE => Ok(()),
        _ => Err(HllError::NotHll),
    }
}

/// Whether the registers are run-length encoded.
pub fn is_sparse(bytes: &[u8]) -> bool {
    bytes.get(ENCODING_AT) == Some(&SPARSE)
}

/// Adds an element; whether a register changed. A sparse string that would grow beyond
/// `sparse_bytes_max` becomes a dense one.
pub fn add(bytes: &mut Vec<u8>, element: &[u8], sparse_bytes_max: usize) -> Result<bool, HllError> {
    let (index, value) = register_of(element);
    raise(bytes, index, value, sparse_bytes_max, &mut Cursor::start())
}

/// As [`add`] for a dense string, whose length never changes; a sparse one is left as it is.
pub fn add_dense(bytes: &mut [u8], element: &[u8]) -> bool {
    let (index, value) = register_of(element);
    let raised = !is_sparse(bytes)
        && bytes
            .get_mut(HEADER_BYTES..)
            .is_some_and(|registers| dense::raise(registers, index, value));
    if raised {
        invalidate(bytes);
    }
    raised
}

/// The count as of its last computation, unless registers changed since.
pub fn cached_count(bytes: &[u8]) -> Option<u64> {
    let field = bytes.get(COUNT_AT..)?.first_chunk::<8>()?;
    let count = u64::from_le_bytes(*field);
    (count >> 63 == 0).then_some(count)
}

/// Computes the count.
pub fn count(bytes: &[u8]) -> Result<u64, HllError> {
    let registers = bytes.get(HEADER_BYTES..).ok_or(HllError::NotHll)?;
    let mut histogram = Histogram::new();
    if is_sparse(bytes) {
        for run in sparse::runs(registers) {
            let run = run?;
            histogram.add(run.value, run.len);
        }
    } else {
        let mut unpacked = [0; REGISTERS];
        dense::unpack(registers, &mut unpacked);
        histogram.add_all(&unpacked);
    }
    Ok(histogram.estimate())
}

/// Stores a count that was computed.
pub fn cache_count(bytes: &mut [u8], count: u64) {
    if let Some(field) = bytes.get_mut(COUNT_AT..HEADER_BYTES) {
        field.copy_from_slice(&(count & u64::MAX >> 1).to_le_bytes());
    }
}

/// Marks the cached count as out of date.
pub fn invalidate(bytes: &mut [u8]) {
    if let Some(byte) = bytes.get_mut(HEADER_BYTES - 1) {
        *byte |= 0x80;
    }
}

/// Makes a sparse string dense; whether it was sparse.
pub fn to_dense(bytes: &mut Vec<u8>) -> Result<bool, HllError> {
    if !is_sparse(bytes) {
        return Ok(false);
    }
    let mut registers = Registers::new();
    registers.merge(bytes)?;
    bytes.resize(DENSE_BYTES, 0);
    bytes[ENCODING_AT] = DENSE;
    dense::pack(&registers.0, &mut bytes[HEADER_BYTES..]);
    Ok(true)
}

/// The runs of a sparse string as PFDEBUG DECODE shows them: `z:` and `Z:` zeros, `v:value,length`.
/// Shows what is there, valid or not, but not more runs than a valid string can have.
pub fn decode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for run in sparse::raw_runs(bytes.get(HEADER_BYTES..).unwrap_or_default()).take(REGISTERS) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&match (run.value, run.bytes) {
            (0, 1) => format!("z:{}", run.len),
            (0, _) => format!("Z:{}", run.len),
            (value, _) => format!("v:{value},{}", run.len),
        });
    }
    text
}

/// All registers, a byte each: the union of the strings merged into it.
#[derive(Clone, Debug)]
pub struct Registers(Box<[u8; REGISTERS]>);

impl Default for Registers {
    fn default() -> Registers {
        Registers::new()
    }
}

impl Registers {
    /// Registers that are all zero.
    pub fn new() -> Registers {
        Registers(Box::new([0; REGISTERS]))
    }

    /// Raises every register to that of a checked string.
    pub fn merge(&mut self, bytes: &[u8]) -> Result<(), HllError> {
        let packed = bytes.get(HEADER_BYTES..).ok_or(HllError::NotHll)?;
        if !is_sparse(bytes) {
            let mut unpacked = [0; REGISTERS];
            dense::unpack(packed, &mut unpacked);
            for (register, &value) in self.0.iter_mut().zip(&unpacked) {
                *register = (*register).max(value);
            }
            return Ok(());
        }
        let mut at = 0;
        for run in sparse::runs(packed) {
            let run = run?;
            if run.value > 0 {
                for register in &mut self.0[at..at + run.len] {
                    *register = (*register).max(run.value);
                }
            }
            at += run.len;
        }
        Ok(())
    }

    /// The count of the union.
    pub fn count(&self) -> u64 {
        let mut histogram = Histogram::new();
        histogram.add_all(&self.0);
        histogram.estimate()
    }

    /// Writes the registers into a checked string that was merged into them: as PFMERGE does,
    /// which makes it dense only if `dense` (a source was) or if it grows too large.
    pub fn store(
        &self,
        bytes: &mut Vec<u8>,
        dense: bool,
        sparse_bytes_max: usize,
    ) -> Result<(), HllError> {
        if dense {
            to_dense(bytes)?;
        }
        if is_sparse(bytes) {
            let mut cursor = Cursor::start();
            for (index, &value) in self.0.iter().enumerate().filter(|(_, value)| **value > 0) {
                raise(bytes, index, value, sparse_bytes_max, &mut cursor)?;
            }
        } else {
            dense::pack(
                &self.0,
                bytes.get_mut(HEADER_BYTES..).ok_or(HllError::NotHll)?,
            );
        }
        invalidate(bytes);
        Ok(())
    }

    /// The values, by number.
    pub fn values(&self) -> &[u8] {
        &self.0[..]
    }
}

/// Raises one register to `value`; whether it was lower.
fn raise(
    bytes: &mut Vec<u8>,
    index: usize,
    value: u8,
    sparse_bytes_max: usize,
    cursor: &mut Cursor,
) -> Result<bool, HllError> {
    if is_sparse(bytes) {
        match sparse::raise(bytes, index, value, sparse_bytes_max, cursor)? {
            sparse::Raised::No => return Ok(false),
            sparse::Raised::Yes => {
                invalidate(bytes);
                return Ok(true);
            }
            sparse::Raised::TooLarge => to_dense(bytes)?,
        };
    }
    let registers = bytes.get_mut(HEADER_BYTES..).ok_or(HllError::NotHll)?;
    let raised = dense::raise(registers, index, value);
    if raised {
        invalidate(bytes);
    }
    Ok(raised)
}

/// The register an element belongs to, and the value it raises it to.
fn register_of(element: &[u8]) -> (usize, u8) {
    let hash = murmur64a(element, HASH_SEED);
    let index = hash as usize & (REGISTERS - 1);
    let rest = hash >> INDEX_BITS | 1 << RANK_BITS;
    (index, rest.trailing_zeros() as u8 + 1)
}

/// MurmurHash2, its 64-bit variant.
fn murmur64a(bytes: &[u8], seed: u64) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(M);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let mut word = u64::from_le_bytes(*word).wrapping_mul(M);
        word ^= word >> 47;
        hash = (hash ^ word.wrapping_mul(M)).wrapping_mul(M);
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(M);
    }
    hash ^= hash >> 47;
    hash = hash.wrapping_mul(M);
    hash ^ hash >> 47
}
