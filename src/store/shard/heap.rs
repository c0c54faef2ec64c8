//! What the shards of a database share: the slab their blocks lie in, and the arena of objects.

use crate::store::dict::Dense;
use crate::store::slab::{Handle, Slab};
use crate::store::snapshot::Snapshot;
use crate::store::value::Value;

/// Bytes and objects of one database.
#[derive(Debug, Default)]
pub(in crate::store) struct Heap {
    pub slab: Slab,
    pub arena: Arena,
    /// Holds a block while it moves to another size class.
    pub scratch: Vec<u8>,
    /// Changes whenever some block moves or is freed: what was found before must be looked at anew.
    pub epoch: u32,
    /// The mark of keys that the snapshot, under way or last, does not have to look at any more.
    pub mark: u32,
    pub snapshot: Option<Box<Snapshot>>,
    /// Reused from step to step of a snapshot's walk.
    pub blocks: Vec<Handle>,
}

impl Heap {
    #[inline]
    pub fn blocks_moved(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
    }
}

/// Objects by number: large strings and collections.
#[derive(Debug, Default)]
pub(in crate::store) struct Arena {
    entries: Dense<Entry>,
    /// The first free number; each names the next.
    free: Option<u32>,
    live: usize,
}

#[derive(Debug)]
enum Entry {
    Live(Value),
    Free(Option<u32>),
}

impl Arena {
    /// Takes a value in and gives its number.
    pub fn insert(&mut self, value: Value) -> u32 {
        self.live += 1;
        if let Some(id) = self.free {
            let entry = std::mem::replace(self.entries.get_mut(id), Entry::Live(value));
            self.free = match entry {
                Entry::Free(next) => next,
                Entry::Live(_) => unreachable!("the free list names free entries"),
            };
            return id;
        }
        self.entries.push(Entry::Live(value));
        self.entries.len() as u32 - 1
    }

    /// The value with this number. Panics when there is none.
    #[inline]
    pub fn get(&self, id: u32) -> &Value {
        match self.entries.get(id) {
            Entry::Live(value) => value,
            Entry::Free(_) => unreachable!("object {id} was freed"),
        }
    }

    /// The value with this number, to be changed. Panics when there is none.
    #[inline]
    pub fn get_mut(&mut self, id: u32) -> &mut Value {
        match self.entries.get_mut(id) {
            Entry::Live(value) => value,
            Entry::Free(_) => unreachable!("object {id} was freed"),
        }
    }

    /// Takes the value with this number out. Panics when there is none.
    pub fn remove(&mut self, id: u32) -> Value {
        let entry = std::mem::replace(self.entries.get_mut(id), Entry::Free(self.free));
        let Entry::Live(value) = entry else {
            unreachable!("object {id} was freed")
        };
        self.live -= 1;
        self.free = Some(id);
        if self.live == 0 {
            *self = Arena::default();
        }
        value
    }

    /// Takes some value out, for an arena that is to be dropped.
    pub fn pop(&mut self) -> Option<Value> {
        loop {
            if let Entry::Live(value) = self.entries.pop()? {
                self.live -= 1;
                return Some(value);
            }
        }
    }

    pub fn len(&self) -> usize {
        self.live
    }

    pub fn heap_bytes(&self) -> usize {
        self.entries.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_again_and_an_empty_arena_owns_nothing() {
        let mut arena = Arena::default();
        let ids: Vec<u32> = (0..100).map(|n| arena.insert(Value::Int(n))).collect();
        for &id in &ids[20..30] {
            assert!(matches!(arena.remove(id), Value::Int(n) if n == i64::from(id)));
        }
        let again: Vec<u32> = (0..10).map(|n| arena.insert(Value::Int(n))).collect();
        assert!(again.iter().all(|id| (20..30).contains(id)));
        assert_eq!(arena.len(), 100);
        for id in ids {
            arena.remove(id);
        }
        assert_eq!((arena.len(), arena.heap_bytes()), (0, 0));
    }
}
