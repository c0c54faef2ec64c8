//! The index of a dictionary: from 32 bits of hash to record numbers, in SwissTables.
//!
//! A large index is many tables of one size, each for a part of the hashes, so that nothing in
//! proportion to the size of the dictionary is ever allocated, cleared or freed in one piece, and
//! so that the next size up is a quarter more and not twice as much. Tables never grow by
//! themselves: whoever inserts has asked for room before. Removal may leave a tombstone, which
//! takes room until the next build; the tables count them.

use hashbrown::HashTable;

/// The largest capacity of a table: 80 KiB.
const TABLE_CAPACITY: usize = (1 << 14) / 8 * 7;
/// A new index is to be this full, in hundredths; above one table it can be more exact.
const FILL_PERCENT: usize = 75;

/// Numbers by hash.
#[derive(Debug, Default)]
pub(super) struct Index {
    tables: Vec<HashTable<u32>>,
    /// How many tables there are to be, of this capacity.
    planned: usize,
    capacity: usize,
    /// Tables of a former index, freed one by one.
    retired: Vec<HashTable<u32>>,
    len: usize,
}

impl Index {
    /// An index for `len` records with room for about a third as many more. Its tables are still to
    /// be allocated.
    pub fn planned(len: usize) -> Index {
        let wanted = (len * 100 / FILL_PERCENT).max(3);
        let planned = wanted.div_ceil(TABLE_CAPACITY);
        Index {
            tables: Vec::with_capacity(planned),
            planned,
            capacity: wanted.min(TABLE_CAPACITY),
            ..Index::default()
        }
    }

    /// Allocates the next table; whether there are all of them now.
    pub fn allocate(&mut self) -> bool {
        if self.tables.len() < self.planned {
            self.tables.push(HashTable::with_capacity(self.capacity));
        }
        self.tables.len() == self.planned
    }

    /// How many tables are still to be allocated.
    pub fn missing(&self) -> usize {
        self.planned - self.tables.len()
    }

    /// Takes over from a former index, whose tables are freed bit by bit.
    pub fn retire(&mut self, former: Index) {
        self.retired = former.tables;
        self.free_retired();
    }

    /// Frees a table of a former index, if there is one.
    #[inline]
    pub fn free_retired(&mut self) {
        if !self.retired.is_empty() {
            self.retired.pop();
            if self.retired.is_empty() {
                self.retired = Vec::new();
            }
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// How many entries with this hash can still be inserted for certain, and about how many with
    /// any hash.
    #[inline]
    pub fn room(&self, hash: u32) -> (usize, usize) {
        match self.tables.get(self.table_of(spread(hash))) {
            Some(table) => {
                let room = table.capacity() - table.len();
                (room, room * self.tables.len())
            }
            None => (0, 0),
        }
    }

    /// Whether a larger index should be in the making: then a sixteenth is left as room to build
    /// it in.
    #[inline]
    pub fn is_tight(&self, hash: u32) -> bool {
        self.tables
            .get(self.table_of(spread(hash)))
            .is_none_or(|table| table.capacity() - table.len() <= table.capacity() / 16)
    }

    /// Whether a much smaller index would do.
    #[inline]
    pub fn is_sparse(&self, len: usize) -> bool {
        let capacity = self.capacity * self.planned;
        capacity > 56 && len < capacity / 8
    }

    #[inline]
    pub fn find(&self, hash: u32, mut is_wanted: impl FnMut(u32) -> bool) -> Option<u32> {
        let hash = spread(hash);
        let table = self.tables.get(self.table_of(hash))?;
        table.find(hash, |&n| is_wanted(n)).copied()
    }

    /// Adds an entry, for which there is room.
    #[inline]
    pub fn insert(&mut self, hash: u32, number: u32, hash_at: impl Fn(u32) -> u32) {
        debug_assert!(self.room(hash).0 > 0);
        let hash = spread(hash);
        let table = self.table_of(hash);
        if let Some(table) = self.tables.get_mut(table) {
            table.insert_unique(hash, number, |&n| spread(hash_at(n)));
            self.len += 1;
        }
    }

    pub fn remove(&mut self, hash: u32, number: u32) {
        let hash = spread(hash);
        let table = self.table_of(hash);
        if let Some(table) = self.tables.get_mut(table)
            && let Ok(entry) = table.find_entry(hash, |&n| n == number)
        {
            entry.remove();
            self.len -= 1;
        }
    }

    pub fn renumber(&mut self, hash: u32, from: u32, to: u32) {
        let hash = spread(hash);
        let table = self.table_of(hash);
        if let Some(table) = self.tables.get_mut(table)
            && let Some(number) = table.find_mut(hash, |&n| n == from)
        {
            *number = to;
        }
    }

    pub fn heap_bytes(&self) -> usize {
        let tables = self.tables.iter().chain(&self.retired);
        (self.tables.capacity() + self.retired.capacity()) * size_of::<HashTable<u32>>()
            + tables.map(HashTable::allocation_size).sum::<usize>()
    }

    /// The table for a hash: by bits between those that choose the bucket and those of the tag.
    #[inline]
    fn table_of(&self, hash: u64) -> usize {
        if self.planned <= 1 {
            return 0;
        }
        let middle = hash >> 25 & 0xffff_ffff;
        ((middle * self.planned as u64) >> 32) as usize
    }
}

/// The 64 bits hashbrown wants: the low ones choose the bucket, the top seven are the tag.
#[inline]
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
