//! The dictionary: a dense store of records and an index that grows in steps.
//!
//! A [`Dict`] owns records and knows 32 bits of each one's hash; what a record means, where its key
//! lies and when two keys are equal is the caller's business. Records lie in fixed chunks, numbered
//! from 0 without gaps, so that a random one and a cursor are plain numbers; the index maps a hash
//! to such numbers.
//!
//! No operation takes time in proportion to the size. Before the index is full, a second one is
//! built from the dense store, some records a step: lookups use the old one; changes to records
//! below the builder's position go to both; then they swap. Every [`Dict::push`] advances the
//! build far enough for it to be done in time.
//! Removal swaps the last record into the gap; [`Dict::scan`] walks from the end downwards, so it
//! only ever moves records that were already seen.
//!
//! Limit: 2^32 - 1 records.

mod dense;
mod index;

pub use dense::Dense;
use index::Index;

use crate::random::Rng;

/// What a dictionary holds: anything that knows 32 good bits of its key's hash.
pub trait Record {
    /// The 32 bits by which the record is found. They must not change while it is in a dictionary.
    fn hash(&self) -> u32;
}

/// Up to so many records a new index is built in one go.
const AT_ONCE: usize = 1024;
/// Records an insert or a removal adds to a new index at least, while one is being built.
const STEP: usize = 8;
/// Allocating a table of a new index takes as long as adding so many records.
const TABLE_COST: usize = 256;

/// Records by hash and by number. See the module's text.
#[derive(Debug)]
pub struct Dict<R> {
    records: Dense<R>,
    index: Index,
    build: Option<Box<Build>>,
}

/// An index in the making: it knows the records below `done`.
#[derive(Debug)]
struct Build {
    index: Index,
    done: usize,
    /// Records that an insertion adds.
    pace: usize,
}

impl<R> Default for Dict<R> {
    fn default() -> Dict<R> {
        Dict {
            records: Dense::new(),
            index: Index::default(),
            build: None,
        }
    }
}

impl<R: Record> Dict<R> {
    /// An empty dictionary; owns no memory.
    pub fn new() -> Dict<R> {
        Dict::default()
    }

    /// How many records there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The number of the record with this hash for which `is_wanted` holds. Valid until the next
    /// insertion or removal.
    #[inline]
    pub fn find(&self, hash: u32, mut is_wanted: impl FnMut(&R) -> bool) -> Option<u32> {
        self.index.find(hash, |number| {
            let record = self.get(number);
            record.hash() == hash && is_wanted(record)
        })
    }

    /// The record with this number. Panics when there is none.
    #[inline]
    pub fn get(&self, number: u32) -> &R {
        self.records.get(number)
    }

    /// The record with this number; its hash must not be changed. Panics when there is none.
    #[inline]
    pub fn get_mut(&mut self, number: u32) -> &mut R {
        self.records.get_mut(number)
    }

    /// Adds a record whose key is not present and returns its number, which is the old length.
    #[inline]
    pub fn push(&mut self, record: R) -> u32 {
        let number = self.len() as u32;
        let hash = record.hash();
        if self.build.is_some() || self.index.is_tight(hash) {
            self.make_room(hash);
        }
        self.index.free_retired();
        self.records.push(record);
        self.index
            .insert(hash, number, |n| self.records.get(n).hash());
        number
    }

    /// Removes a record. The last one, whose number was the length less one, takes its number:
    /// unless the removed record was the last, whoever holds that number must be told.
    pub fn swap_remove(&mut self, number: u32) -> R {
        let last = self.len() as u32 - 1;
        let (hash, last_hash) = (self.get(number).hash(), self.get(last).hash());
        self.index.remove(hash, number);
        if last != number {
            self.index.renumber(last_hash, last, number);
        }
        if let Some(build) = &mut self.build {
            let records = &self.records;
            build.removed(number, hash, last, last_hash, |n| records.get(n).hash());
        }
        let removed = self.records.swap_remove(number);
        self.index.free_retired();
        if self.build.is_some() || self.index.is_sparse(self.len()) {
            self.make_smaller();
        }
        removed
    }

    /// The number of a uniformly chosen record.
    #[inline]
    pub fn random(&self, rng: &mut Rng) -> Option<u32> {
        (!self.is_empty()).then(|| rng.below(self.len()) as u32)
    }

    /// Visits up to `count` records, from the end downwards, and returns the next cursor: 0 when
    /// the walk is over. It begins with cursor 0. Whatever is present from the beginning to the end
    /// is visited at least once, whatever is inserted and removed between the calls.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(u32, &R)) -> u64 {
        let from = if cursor == 0 {
            self.len()
        } else {
            self.len().min(cursor as usize)
        };
        let to = from.saturating_sub(count.max(1));
        for number in (to..from).rev() {
            visit(number as u32, self.get(number as u32));
        }
        to as u64
    }

    /// All records, by number.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &R> {
        self.records.iter()
    }

    /// Whether an index is being built, or should be soon.
    #[inline]
    pub fn wants_step(&self) -> bool {
        self.build.is_some()
    }

    /// Adds up to `count` records to the index in the making, if there is one; whether there is
    /// more to do.
    pub fn grow_step(&mut self, mut count: usize) -> bool {
        let Some(build) = &mut self.build else {
            return false;
        };
        while build.index.missing() > 0 && count > 0 {
            build.index.allocate();
            count = count.saturating_sub(TABLE_COST);
        }
        let records = &self.records;
        let to = records.len().min(build.done + count);
        for number in build.done as u32..to as u32 {
            let hash = records.get(number).hash();
            if build.index.room(hash).0 == 0 {
                // Hashes so uneven that one part is full: an index with more room.
                **build = Build::new(build.index.len() * 2);
                return true;
            }
            build.index.insert(hash, number, |n| records.get(n).hash());
        }
        build.done = to;
        if to < records.len() || build.index.missing() > 0 {
            return true;
        }
        if let Some(build) = self.build.take() {
            let former = std::mem::replace(&mut self.index, build.index);
            self.index.retire(former);
        }
        false
    }

    /// Takes up to `count` records out, from the end, without keeping the index: for a dictionary
    /// that is to be dropped. Returns how many there were.
    pub fn drain(&mut self, count: usize, mut each: impl FnMut(R)) -> usize {
        self.build = None;
        self.index = Index::default();
        let count = count.min(self.len());
        for _ in 0..count {
            let Some(record) = self.records.pop() else {
                break;
            };
            each(record);
        }
        if self.is_empty() {
            self.records = Dense::new();
        }
        count
    }

    /// Memory the dictionary owns; what records own is the caller's to add.
    pub fn heap_bytes(&self) -> usize {
        self.records.heap_bytes() + self.index_bytes()
    }

    /// The part of [`Dict::heap_bytes`] that the index (and the one in the making) takes.
    pub fn index_bytes(&self) -> usize {
        let build = self.build.as_ref();
        self.index.heap_bytes() + build.map_or(0, |b| b.index.heap_bytes() + size_of::<Build>())
    }

    /// Compares the index with the dense store. For tests.
    pub fn check_invariants(&self) {
        assert_eq!(self.iter().count(), self.len(), "length");
        let done = self.build.as_ref().map(|b| (&b.index, b.done));
        for (index, known) in [Some((&self.index, self.len())), done]
            .into_iter()
            .flatten()
        {
            assert_eq!(index.len(), known, "entries of an index");
            for number in 0..known as u32 {
                let hash = self.get(number).hash();
                assert_eq!(
                    index.find(hash, |n| n == number),
                    Some(number),
                    "record {number}"
                );
            }
        }
    }

    /// Sees to it that the index can take one more entry with this hash.
    #[cold]
    fn make_room(&mut self, hash: u32) {
        let (room, room_of_all) = self.index.room(hash);
        if self.len() < AT_ONCE {
            if room == 0 {
                self.start_build();
                while self.grow_step(usize::MAX) {}
            }
            return;
        }
        if self.build.is_none() {
            self.start_build();
            if let Some(build) = &mut self.build {
                let work = self.records.len() + build.index.missing() * TABLE_COST;
                build.pace = STEP.max(2 * work / room_of_all.max(1));
            }
        }
        let Some(build) = &self.build else { return };
        // The old index must hold out until the new one is complete. The pace is set at the start,
        // at twice what would be needed, because hashes are not quite even; a pace set anew each
        // time would come to its end only when there is no room left.
        let left = self.len() - build.done + build.index.missing() * TABLE_COST;
        let needed = left / room_of_all.max(1) + 1;
        let pace = build.pace.max(needed);
        self.grow_step(pace);
        if room == 0 {
            while self.grow_step(usize::MAX) {}
        }
    }

    #[cold]
    fn make_smaller(&mut self) {
        if self.build.is_none() {
            self.start_build();
        }
        if self.len() < AT_ONCE {
            while self.grow_step(usize::MAX) {}
        } else {
            self.grow_step(STEP);
        }
    }

    fn start_build(&mut self) {
        self.build = Some(Box::new(Build::new(self.len())));
    }
}

impl Build {
    fn new(len: usize) -> Build {
        Build {
            index: Index::planned(len),
            done: 0,
            pace: STEP,
        }
    }

    /// What a swap removal means for the index in the making.
    fn removed(
        &mut self,
        number: u32,
        hash: u32,
        last: u32,
        last_hash: u32,
        hash_at: impl Fn(u32) -> u32,
    ) {
        let done = self.done as u32;
        if number < done {
            self.index.remove(hash, number);
            if last < done {
                if last != number {
                    self.index.renumber(last_hash, last, number);
                }
            } else {
                self.index.insert(last_hash, number, hash_at);
            }
        }
        self.done = self.done.min(last as usize);
    }
}

#[cfg(test)]
mod tests;
