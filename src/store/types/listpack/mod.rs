//! The listpack: strings and integers packed into one block of memory.
//!
//! Small lists, sets, hashes and sorted sets are one listpack each. In memory it has Redis's
//! serialised form (header, entries, terminator), so saving and loading copy bytes. Every entry
//! has the one shortest encoding of its value (what is loaded is brought into that form), so
//! equal values are equal bytes.
//!
//! The block is as long as the allocator would make it anyway; how much of it is used stands in
//! the header, and its very last byte is a mark at the owner's disposal: a collection remembers
//! there what it calls itself. An empty listpack owns no memory and bears the mark 0. It knows no
//! thresholds: its owner decides when it has become too large, and asks [`Listpack::fits`] where
//! sizes are not bounded otherwise.

mod entries;
mod entry;
mod validate;

#[cfg(test)]
mod tests;

use std::mem::take;

pub use entries::{Entries, Iter};
pub use entry::{Encoded, Entry, IntBuf, Needle, decimal_len};
pub use validate::{Checked, Malformed, validate};

/// Total length and number of entries.
const HEADER_LEN: usize = 6;
/// The byte behind the last entry.
const END: u8 = 0xff;
/// In the header's place for the number of entries: too many to say, count them.
const COUNT_UNKNOWN: u16 = u16::MAX;
/// No listpack grows beyond this, as in Redis, so that its 32-bit length cannot overflow.
pub const LISTPACK_BYTES_MAX: usize = 1 << 30;
/// Bytes around the entries: header and terminator.
pub const LISTPACK_OVERHEAD_BYTES: usize = HEADER_LEN + 1;

const EMPTY: &[u8] = &[7, 0, 0, 0, 0, 0, END];

/// An owned listpack.
#[derive(Clone, Debug, Default)]
pub struct Listpack {
    /// Nothing, or a whole listpack, unused bytes, and the mark.
    block: Box<[u8]>,
}

impl Listpack {
    /// An empty listpack, which owns no memory.
    #[inline]
    pub fn new() -> Listpack {
        Listpack::default()
    }

    /// An empty listpack with room for `bytes` of entries.
    pub fn with_room(bytes: usize) -> Listpack {
        let mut block = vec![0; block_len(bytes + LISTPACK_OVERHEAD_BYTES)].into_boxed_slice();
        block[..EMPTY.len()].copy_from_slice(EMPTY);
        Listpack { block }
    }

    /// Takes in a serialised listpack, all of which is checked.
    pub fn from_bytes(bytes: &[u8]) -> Result<Listpack, Malformed> {
        let checked = validate(bytes)?;
        if checked.count == 0 {
            return Ok(Listpack::new());
        }
        let entries = &bytes[HEADER_LEN..bytes.len() - 1];
        if checked.canonical {
            return Ok(Listpack::from_entries(entries, checked.count));
        }
        let mut pack = Listpack::with_room(entries.len());
        for entry in Entries::new(entries) {
            match entry {
                Entry::Int(value) => pack.push_int(value),
                Entry::Str(bytes) => pack.push(bytes),
            }
        }
        Ok(pack)
    }

    /// A listpack of already encoded entries of this process, `count` of them.
    pub(in crate::store::types) fn from_entries(entries: &[u8], count: usize) -> Listpack {
        let mut pack = Listpack::with_room(entries.len());
        pack.splice(0, 0, entries.len(), count as isize)
            .copy_from_slice(entries);
        pack
    }

    /// The serialised form: header, entries, terminator.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        if self.block.is_empty() {
            EMPTY
        } else {
            &self.block[..self.byte_len()]
        }
    }

    /// The entries.
    #[inline]
    pub fn entries(&self) -> Entries<'_> {
        Entries::new(&self.as_bytes()[HEADER_LEN..self.byte_len() - 1])
    }

    /// Length of the serialised form in bytes.
    #[inline]
    pub fn byte_len(&self) -> usize {
        match self.block.first_chunk() {
            Some(len) => u32::from_le_bytes(*len) as usize,
            None => EMPTY.len(),
        }
    }

    /// Number of entries. A pack of 65535 or more counts them each time.
    #[inline]
    pub fn len(&self) -> usize {
        match self.header_count() {
            COUNT_UNKNOWN => self.entries().count(),
            count => usize::from(count),
        }
    }

    /// Whether there is no entry.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.byte_len() == EMPTY.len()
    }

    /// Whether `bytes` more, with their overhead, stay within the largest size.
    #[inline]
    pub fn fits(&self, bytes: usize) -> bool {
        bytes < LISTPACK_BYTES_MAX && self.byte_len() + bytes + 32 <= LISTPACK_BYTES_MAX
    }

    /// Bytes of memory owned.
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        self.block.len()
    }

    /// The entries from first to last.
    #[inline]
    pub fn iter(&self) -> Iter<'_> {
        self.entries().iter()
    }

    /// Entry `index`.
    #[inline]
    pub fn get(&self, index: usize) -> Option<Entry<'_>> {
        let (entries, count) = (self.entries(), self.len());
        (index < count).then(|| entries.at(entries.seek(index, count)))
    }

    /// The position of the first entry with this text, as [`Entries::find`].
    #[inline]
    pub fn find(&self, bytes: &[u8], stride: usize) -> Option<usize> {
        self.entries().find(&Encoded::new(bytes), stride)
    }

    /// Appends an entry.
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) {
        self.insert_encoded(self.entries().end(), &[Encoded::new(bytes)]);
    }

    /// Appends an integer.
    #[inline]
    pub fn push_int(&mut self, value: i64) {
        self.insert_encoded(self.entries().end(), &[Encoded::int(value)]);
    }

    /// Inserts an entry before the one at `pos`, or at the end.
    #[inline]
    pub fn insert(&mut self, pos: usize, bytes: &[u8]) {
        self.insert_encoded(pos, &[Encoded::new(bytes)]);
    }

    /// Inserts encoded entries before the one at `pos`, or at the end.
    pub fn insert_encoded(&mut self, pos: usize, encoded: &[Encoded<'_>]) {
        let size = encoded.iter().map(Encoded::size).sum();
        let mut gap = self.splice(pos, pos, size, encoded.len() as isize);
        for entry in encoded {
            let (out, rest) = gap.split_at_mut(entry.size());
            entry.write(out);
            gap = rest;
        }
    }

    /// Puts an entry in the place of the one at `pos`.
    #[inline]
    pub fn replace(&mut self, pos: usize, bytes: &[u8]) {
        self.replace_encoded(pos, &Encoded::new(bytes));
    }

    /// Puts an encoded entry in the place of the one at `pos`.
    pub fn replace_encoded(&mut self, pos: usize, encoded: &Encoded<'_>) {
        let end = self.entries().next(pos);
        encoded.write(self.splice(pos, end, encoded.size(), 0));
    }

    /// Removes `count` entries, or those there are, beginning with the one at `pos`. The next
    /// entry is then at `pos`.
    pub fn remove(&mut self, pos: usize, count: usize) {
        let entries = self.entries();
        let (mut end, mut removed) = (pos, 0);
        while removed < count && end < entries.end() {
            end = entries.next(end);
            removed += 1;
        }
        self.splice(pos, end, 0, -(removed as isize));
    }

    /// Removes `count` entries, or those there are, from entry `index` on.
    pub fn remove_range(&mut self, index: usize, count: usize) {
        let len = self.len();
        let (index, count) = (index.min(len), count.min(len.saturating_sub(index)));
        let pos = self.entries().seek(index, len);
        self.remove(pos, count);
    }

    /// Removes everything, memory too.
    pub fn clear(&mut self) {
        self.block = Box::default();
    }

    /// The owner's mark.
    #[inline]
    pub fn mark(&self) -> u8 {
        self.block.last().copied().unwrap_or(0)
    }

    /// Sets the owner's mark, which lasts until the pack is cleared.
    pub fn set_mark(&mut self, mark: u8) {
        if self.block.is_empty() {
            self.grow(EMPTY.len());
        }
        if let Some(last) = self.block.last_mut() {
            *last = mark;
        }
    }

    /// The block as it is, for an owner that keeps blocks of several kinds in one place.
    #[inline]
    pub(in crate::store::types) fn into_block(self) -> Box<[u8]> {
        self.block
    }

    /// The block as it is, borrowed.
    #[inline]
    pub(in crate::store::types) fn block(&self) -> &[u8] {
        &self.block
    }

    /// A block that [`Listpack::into_block`] gave.
    #[inline]
    pub(in crate::store::types) fn from_block(block: Box<[u8]>) -> Listpack {
        Listpack { block }
    }

    /// Panics if the pack is not what this module promises.
    pub fn check_invariants(&self) {
        let checked = validate(self.as_bytes()).expect("a valid listpack");
        assert!(checked.canonical, "an entry is not in its shortest form");
        assert!(self.block.is_empty() || self.block.len() > self.byte_len());
    }

    #[inline]
    fn header_count(&self) -> u16 {
        match self.block.get(4..6) {
            Some(&[low, high]) => u16::from_le_bytes([low, high]),
            _ => 0,
        }
    }

    /// Replaces the entry bytes from `start` to `end` by `size` bytes, which it returns for the
    /// caller to fill, and counts `delta` more entries.
    fn splice(&mut self, start: usize, end: usize, size: usize, delta: isize) -> &mut [u8] {
        let (start, end) = (start + HEADER_LEN, end + HEADER_LEN);
        let used = self.byte_len();
        let new_used = used - (end - start) + size;
        if new_used >= self.block.len() {
            self.grow(new_used);
        }
        if end != start + size {
            self.block.copy_within(end..used, start + size);
        }
        self.block[..4].copy_from_slice(&(new_used as u32).to_le_bytes());
        let count = match self.header_count() {
            // Entries may have become few enough to say their number again.
            COUNT_UNKNOWN if size == 0 && delta < 0 => {
                let entries = Entries::new(&self.block[HEADER_LEN..new_used - 1]);
                entries.count().min(COUNT_UNKNOWN as usize) as u16
            }
            COUNT_UNKNOWN => COUNT_UNKNOWN,
            count => (count as isize + delta).clamp(0, COUNT_UNKNOWN as isize) as u16,
        };
        self.block[4..6].copy_from_slice(&count.to_le_bytes());
        if new_used < used {
            self.shrink(new_used);
        }
        &mut self.block[start..start + size]
    }

    #[cold]
    fn grow(&mut self, used: usize) {
        let fresh = self.block.is_empty();
        self.resize(block_len(used));
        if fresh {
            self.block[..EMPTY.len()].copy_from_slice(EMPTY);
        }
    }

    /// Gives memory back after a removal, unless so little that the next insertion would want it.
    #[inline]
    fn shrink(&mut self, used: usize) {
        if block_len(used + used / 16 + 16) < self.block.len() {
            self.resize(block_len(used));
        }
    }

    #[cold]
    fn resize(&mut self, len: usize) {
        let mark = self.mark();
        let mut block = take(&mut self.block).into_vec();
        block.reserve_exact(len.saturating_sub(block.len()));
        block.resize(len, 0);
        block[len - 1] = mark;
        self.block = block.into_boxed_slice();
    }
}

/// Length of the block for a pack of `used` bytes: the mark wants one more.
#[inline]
fn block_len(used: usize) -> usize {
    size_class(used + 1)
}

/// The size the allocator (jemalloc) would round `bytes` up to: four classes for each doubling.
/// A block of exactly that size wastes nothing and grows in place while its class lasts.
#[inline]
pub(in crate::store::types) fn size_class(bytes: usize) -> usize {
    match bytes {
        0..=8 => 8,
        9..=128 => bytes.next_multiple_of(16),
        _ => bytes.next_multiple_of(bytes.next_power_of_two() / 8),
    }
}
