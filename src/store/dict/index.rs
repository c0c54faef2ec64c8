//! The index of a dictionary: from 32 bits of hash to record numbers, in a SwissTable.
//!
//! It never grows by itself: whoever inserts has asked for room before. Removal may leave a
//! tombstone, which takes room until the next build; the table counts them.

use hashbrown::HashTable;

/// Numbers by hash.
#[derive(Debug, Default)]
pub(super) struct Index {
    table: HashTable<u32>,
}

impl Index {
    /// An index for `len` records with room for about half as many more.
    pub fn with_room(len: usize) -> Index {
        let wanted = if len < 3 { 3 } else { len + len / 4 + 1 };
        Index {
            table: HashTable::with_capacity(wanted),
        }
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// How many entries can still be inserted.
    #[inline]
    pub fn room(&self) -> usize {
        self.table.capacity() - self.table.len()
    }

    /// Whether a larger index should be in the making: then a sixteenth of the records is left as
    /// room to build it in.
    #[inline]
    pub fn is_tight(&self, len: usize) -> bool {
        self.room() <= len / 16
    }

    /// Whether a much smaller index would do.
    #[inline]
    pub fn is_sparse(&self, len: usize) -> bool {
        let buckets = self.table.num_buckets();
        buckets > 64 && len < buckets / 8
    }

    #[inline]
    pub fn find(&self, hash: u32, mut is_wanted: impl FnMut(u32) -> bool) -> Option<u32> {
        self.table.find(spread(hash), |&n| is_wanted(n)).copied()
    }

    /// The first number whose tag fits.
    #[inline]
    pub fn candidate(&self, hash: u32) -> Option<u32> {
        self.table.iter_hash(spread(hash)).next().copied()
    }

    #[inline]
    pub fn insert(&mut self, hash: u32, number: u32, hash_at: impl Fn(u32) -> u32) {
        debug_assert!(self.room() > 0);
        self.table
            .insert_unique(spread(hash), number, |&n| spread(hash_at(n)));
    }

    pub fn remove(&mut self, hash: u32, number: u32) {
        if let Ok(entry) = self.table.find_entry(spread(hash), |&n| n == number) {
            entry.remove();
        }
    }

    pub fn renumber(&mut self, hash: u32, from: u32, to: u32) {
        if let Some(number) = self.table.find_mut(spread(hash), |&n| n == from) {
            *number = to;
        }
    }

    pub fn heap_bytes(&self) -> usize {
        self.table.allocation_size()
    }
}

/// The 64 bits hashbrown wants: the low ones choose the bucket, the top seven are the tag.
#[inline]
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
