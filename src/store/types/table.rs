//! What large sets and hashes are made of: a dictionary of blocks in a slab.
//!
//! A [`Table`] finds, adds and removes blocks of bytes by 32 bits of hash. What lies in a block
//! and when two are equal is the business of the set or hash that owns the table. Record numbers
//! are dense, valid until the next insertion or removal.
//!
//! After many removals the slab's pages are left sparse; each further removal moves a few blocks
//! together, so memory comes back without a pass of its own.

use crate::random::Rng;
use crate::store::dict::{Dict, Record};
use crate::store::hash::{HashState, hash_bytes};
use crate::store::slab::{Handle, Slab};

/// Blocks that a removal looks at, while there is something to compact.
const COMPACT_STEP: usize = 4;

/// The hash bits by which tables find a text.
#[inline]
pub(super) fn hash_of(state: &HashState, text: &[u8]) -> u32 {
    let hash = hash_bytes(state, text);
    (hash ^ (hash >> 32)) as u32
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u32,
    handle: Handle,
}

impl Record for Slot {
    #[inline]
    fn hash(&self) -> u32 {
        self.hash
    }
}

/// Blocks by hash and by number. See the module's text.
#[derive(Debug, Default)]
pub(super) struct Table {
    dict: Dict<Slot>,
    slab: Slab,
    /// The record at which compaction goes on.
    compacted: u32,
}

impl Table {
    /// The same blocks under the same numbers.
    pub fn copy(&self) -> Table {
        let mut copy = Table::default();
        for number in 0..self.len() as u32 {
            copy.insert(self.hash_at(number), &[self.block(number)]);
        }
        copy
    }

    /// Number of blocks.
    #[inline]
    pub fn len(&self) -> usize {
        self.dict.len()
    }

    /// The number of the block with this hash for which `is_wanted` holds.
    #[inline]
    pub fn find(&self, hash: u32, is_wanted: impl Fn(&[u8]) -> bool) -> Option<u32> {
        self.dict
            .find(hash, |slot| is_wanted(self.slab.bytes(slot.handle)))
    }

    /// The block with this number, which there is.
    #[inline]
    pub fn block(&self, number: u32) -> &[u8] {
        self.slab.bytes(self.dict.get(number).handle)
    }

    /// The block with this number, to be written.
    #[inline]
    pub fn block_mut(&mut self, number: u32) -> &mut [u8] {
        self.slab.bytes_mut(self.dict.get(number).handle)
    }

    /// The hash of the block with this number.
    #[inline]
    pub fn hash_at(&self, number: u32) -> u32 {
        self.dict.get(number).hash
    }

    /// Adds a block that is not there; returns its number.
    #[inline]
    pub fn insert(&mut self, hash: u32, parts: &[&[u8]]) -> u32 {
        let handle = self.slab.alloc_with(parts);
        self.dict.push(Slot { hash, handle })
    }

    /// Puts other bytes, with the same hash, in the place of a block.
    pub fn rewrite(&mut self, number: u32, parts: &[&[u8]]) {
        let slot = self.dict.get_mut(number);
        if self
            .slab
            .fits(slot.handle, parts.iter().map(|part| part.len()).sum())
        {
            let mut rest = self.slab.bytes_mut(slot.handle);
            for part in parts {
                let (out, behind) = rest.split_at_mut(part.len());
                out.copy_from_slice(part);
                rest = behind;
            }
        } else {
            self.slab.free(slot.handle);
            slot.handle = self.slab.alloc_with(parts);
        }
    }

    /// Removes a block. Whether the last one has taken its number.
    pub fn remove(&mut self, number: u32) -> bool {
        let slot = self.dict.swap_remove(number);
        self.slab.free(slot.handle);
        if self.slab.is_fragmented() {
            self.compact();
        }
        (number as usize) < self.dict.len()
    }

    /// The number of a uniformly chosen block.
    #[inline]
    pub fn random(&self, rng: &mut Rng) -> Option<u32> {
        self.dict.random(rng)
    }

    /// Visits up to `count` blocks; see [`Dict::scan`].
    pub fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(u32, &'a [u8]),
    ) -> u64 {
        self.dict.scan(cursor, count, |number, slot| {
            visit(number, self.slab.bytes(slot.handle))
        })
    }

    /// Frees a part of a table that is to be dropped and must not be used otherwise: first a page
    /// of blocks a call, then about `count` records. Returns how many records were freed, at least
    /// 1 while anything is left.
    pub fn drain_slice(&mut self, count: usize) -> usize {
        if self.slab.drain(1) > 0 {
            return 1;
        }
        self.dict.drain(count.max(1), drop)
    }

    /// Memory owned.
    pub fn heap_bytes(&self) -> usize {
        self.dict.heap_bytes() + self.slab.heap_bytes()
    }

    /// Panics if the dictionary or the slab is not what its module promises.
    pub fn check_invariants(&self) {
        self.dict.check_invariants();
        self.slab.check_invariants();
        assert_eq!(
            self.dict.len(),
            self.slab.len(),
            "each record owns one block"
        );
    }

    #[cold]
    fn compact(&mut self) {
        for _ in 0..COMPACT_STEP.min(self.dict.len()) {
            self.compacted += 1;
            if self.compacted as usize >= self.dict.len() {
                self.compacted = 0;
            }
            let slot = self.dict.get_mut(self.compacted);
            if self.slab.is_sparse(slot.handle) {
                slot.handle = self.slab.relocate(slot.handle);
            }
        }
    }
}

/// Longest varint of 64 bits.
pub(super) const VARINT_LEN_MAX: usize = 10;

/// A number in as few bytes as it needs, seven bits each.
#[derive(Clone, Copy)]
pub(super) struct Varint {
    bytes: [u8; VARINT_LEN_MAX],
    len: u8,
}

impl Varint {
    #[inline]
    pub fn new(mut value: usize) -> Varint {
        let mut varint = Varint {
            bytes: [0; VARINT_LEN_MAX],
            len: 1,
        };
        while value >= 0x80 {
            varint.bytes[varint.len as usize - 1] = value as u8 | 0x80;
            varint.len += 1;
            value >>= 7;
        }
        varint.bytes[varint.len as usize - 1] = value as u8;
        varint
    }

    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }
}

/// The varint at the start of `bytes` and what is behind it.
#[inline]
pub(super) fn read_varint(bytes: &[u8]) -> (usize, &[u8]) {
    match bytes {
        [first @ 0..0x80, rest @ ..] => (*first as usize, rest),
        _ => read_long_varint(bytes),
    }
}

fn read_long_varint(bytes: &[u8]) -> (usize, &[u8]) {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(VARINT_LEN_MAX).enumerate() {
        value |= ((byte & 0x7f) as usize) << (7 * at);
        if byte & 0x80 == 0 {
            return (value, &bytes[at + 1..]);
        }
    }
    (0, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_read_back() {
        for value in [
            0,
            1,
            127,
            128,
            16_383,
            16_384,
            1 << 30,
            u32::MAX as usize,
            usize::MAX,
        ] {
            let varint = Varint::new(value);
            let mut bytes = varint.as_bytes().to_vec();
            bytes.push(7);
            assert_eq!(read_varint(&bytes), (value, &[7][..]));
        }
    }

    #[test]
    fn removals_give_memory_back() {
        let mut table = Table::default();
        for value in 0..200_000u32 {
            table.insert(
                value.wrapping_mul(0x9e37_79b9),
                &[&value.to_le_bytes(), &[0; 30]],
            );
        }
        let before = table.heap_bytes();
        let mut rng = Rng::new(1);
        while table.len() > 20_000 {
            let number = table.random(&mut rng).unwrap();
            table.remove(number);
        }
        table.check_invariants();
        assert!(
            table.heap_bytes() < before / 2,
            "{} of {before}",
            table.heap_bytes()
        );
        while table.drain_slice(3_000) > 0 {}
        assert_eq!(table.heap_bytes(), 0);
    }
}
