//! How much memory keys and databases take, for MEMORY USAGE, MEMORY STATS and INFO.

use crate::store::db::{Db, Slot};
use crate::store::shard::Shard;

/// A key's share of the index: a seventh of 64 bytes, at a mean load of three quarters.
const INDEX_BYTES: usize = 12;
/// An entry in the list of volatile keys; its link is part of the block.
const VOLATILE_BYTES: usize = 10;

/// Where the memory of a database is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DbMemory {
    /// The indexes, with those that are being replaced.
    pub index_bytes: usize,
    /// The lists of volatile keys.
    pub volatile_bytes: usize,
    /// The slab: pages and boxes, used or not.
    pub slab_bytes: usize,
    /// Freed blocks in the slab, which new keys of their size or compaction will use.
    pub slab_hole_bytes: usize,
    /// How many freed blocks these are.
    pub slab_free_slots: usize,
    /// The table of objects, without what they own.
    pub arena_bytes: usize,
    /// Large strings and collections.
    pub objects: usize,
}

impl DbMemory {
    /// What is not keys, values and the room for them.
    pub fn overhead_bytes(&self) -> usize {
        self.index_bytes + self.volatile_bytes + self.arena_bytes
    }
}

impl Db {
    /// Bytes a key and its value take. Of a collection so many elements are looked at, 0 for all.
    pub fn memory_bytes(&self, slot: Slot, samples: usize) -> usize {
        let handle = self.handle(slot);
        let block = self.heap.slab.capacity(handle);
        let volatile = if self.expire_at(slot).is_some() {
            VOLATILE_BYTES
        } else {
            0
        };
        INDEX_BYTES + block + volatile + self.heap.value(handle).heap_bytes(samples)
    }

    /// Memory that is neither a key nor a value: tables, lists of volatile keys, and what the slab
    /// keeps for later.
    pub fn overhead_bytes(&self) -> usize {
        let memory = self.memory();
        let shards = self.shards.len() * size_of::<Shard>();
        memory.overhead_bytes() + memory.slab_hole_bytes + shards
    }

    /// Where the memory of the database is. Takes time in proportion to the number of shards.
    pub fn memory(&self) -> DbMemory {
        let slab = &self.heap.slab;
        let mut memory = DbMemory {
            slab_bytes: slab.heap_bytes(),
            slab_hole_bytes: slab.hole_bytes(),
            slab_free_slots: slab.free_slots(),
            arena_bytes: self.heap.arena.heap_bytes(),
            objects: self.heap.arena.len(),
            ..DbMemory::default()
        };
        for shard in &self.shards {
            let (index, volatile) = shard.heap_bytes();
            memory.index_bytes += index;
            memory.volatile_bytes += volatile;
        }
        memory
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::store::db::Key;
    use crate::store::hash::seeded;
    use crate::store::value::NewValue;

    #[test]
    fn a_key_of_16_with_a_value_of_32_takes_little() {
        let hasher = seeded(1);
        let mut db = Db::new(8, hasher.clone());
        for n in 0..50_000 {
            let name = format!("key:{n:012}");
            db.insert(
                &Key::new(&hasher, name.as_bytes()),
                NewValue::Str(&[b'x'; 32]),
            );
        }
        let memory = db.memory();
        let each = (memory.overhead_bytes() + memory.slab_bytes) / db.len();
        assert!(each <= 82, "{each} bytes a key: {memory:?}");
        let slot = db
            .find(&Key::new(&hasher, b"key:000000000001"))
            .expect("present");
        assert!((60..80).contains(&db.memory_bytes(slot, 5)));
        db.set_expire(slot, Some(5));
        assert!((74..100).contains(&db.memory_bytes(slot, 5)));
        db.replace(slot, NewValue::Large(Bytes::from(vec![1; 100_000])));
        assert!((100_000..100_300).contains(&db.memory_bytes(slot, 5)));
    }
}
