//! A sorted sequence of small copyable items in chunks: what pending entries lists are made of.
//!
//! Owns order and chunking, nothing else. Ids are handed out in ascending order, so an insert is
//! nearly always an append, which fills chunks completely; a tree fed that way is half empty.
//! A removal moves at most one chunk's items and the shorter half of the chunk list.

use std::collections::VecDeque;

/// An item that carries the key it is sorted by.
pub(super) trait Keyed: Copy {
    type Key: Ord + Copy;

    fn key(&self) -> Self::Key;
}

/// Items of a chunk at most. 64 items of 40 bytes move in about 40 ns.
const CHUNK_LEN_MAX: usize = 64;
/// A chunk that has shrunk to this joins its successor when both fit well.
const CHUNK_LEN_SMALL: usize = CHUNK_LEN_MAX / 4;

/// Items in ascending order of their keys, each key once. No chunk is empty.
#[derive(Clone, Debug)]
pub(super) struct Sorted<T: Keyed> {
    chunks: VecDeque<Vec<T>>,
    len: usize,
}

impl<T: Keyed> Default for Sorted<T> {
    fn default() -> Self {
        Sorted {
            chunks: VecDeque::new(),
            len: 0,
        }
    }
}

impl<T: Keyed> Sorted<T> {
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn first(&self) -> Option<&T> {
        self.chunks.front()?.first()
    }

    #[inline]
    pub fn last(&self) -> Option<&T> {
        self.chunks.back()?.last()
    }

    pub fn get(&self, key: T::Key) -> Option<&T> {
        let chunk = self.chunks.get(self.chunk_of(key))?;
        chunk
            .binary_search_by_key(&key, T::key)
            .ok()
            .map(|at| &chunk[at])
    }

    /// The item may be changed, but not its key.
    pub fn get_mut(&mut self, key: T::Key) -> Option<&mut T> {
        let index = self.chunk_of(key);
        let chunk = self.chunks.get_mut(index)?;
        chunk
            .binary_search_by_key(&key, T::key)
            .ok()
            .map(|at| &mut chunk[at])
    }

    /// Adds `item`; false, and nothing changes, when its key is there already.
    #[inline]
    pub fn insert(&mut self, item: T) -> bool {
        match self.last() {
            Some(last) if last.key() >= item.key() => self.insert_inside(item),
            _ => {
                self.append(item);
                true
            }
        }
    }

    pub fn remove(&mut self, key: T::Key) -> Option<T> {
        let index = self.chunk_of(key);
        let chunk = self.chunks.get_mut(index)?;
        let at = chunk.binary_search_by_key(&key, T::key).ok()?;
        let item = chunk.remove(at);
        self.len -= 1;
        if chunk.is_empty() {
            self.chunks.remove(index);
        } else if chunk.len() <= CHUNK_LEN_SMALL {
            self.join_with_next(index);
        }
        Some(item)
    }

    /// The items from `key` on, ascending.
    pub fn from(&self, key: T::Key) -> impl Iterator<Item = &T> {
        let index = self.chunk_of(key);
        let (first, rest) = match self.chunks.get(index) {
            None => (&[][..], self.chunks.range(0..0)),
            Some(chunk) => {
                let at = chunk.partition_point(|item| item.key() < key);
                (&chunk[at..], self.chunks.range(index + 1..))
            }
        };
        first.iter().chain(rest.flatten())
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten()
    }

    /// Frees up to `n` chunks and says how many; fewer than `n` means nothing is left.
    pub fn drain_pieces(&mut self, n: usize) -> usize {
        let drained = n.min(self.chunks.len());
        for chunk in self.chunks.drain(..drained) {
            self.len -= chunk.len();
        }
        if self.chunks.is_empty() {
            self.chunks = VecDeque::new();
        }
        drained
    }

    /// An estimate of the heap bytes held, which looks at the last chunk only.
    pub fn heap_bytes(&self) -> usize {
        let tail = self.chunks.back().map_or(0, Vec::capacity);
        let items = self.chunks.len().saturating_sub(1) * CHUNK_LEN_MAX + tail;
        self.chunks.capacity() * size_of::<Vec<T>>() + items * size_of::<T>()
    }

    pub fn check_invariants(&self) {
        assert_eq!(self.len, self.chunks.iter().map(Vec::len).sum::<usize>());
        assert!(
            self.chunks
                .iter()
                .all(|c| !c.is_empty() && c.len() <= CHUNK_LEN_MAX)
        );
        assert!(
            self.iter()
                .zip(self.iter().skip(1))
                .all(|(a, b)| a.key() < b.key())
        );
    }

    /// The first chunk whose last key is not below `key`. Acknowledgements come for the first
    /// chunk mostly.
    #[inline]
    fn chunk_of(&self, key: T::Key) -> usize {
        let below = |chunk: &Vec<T>| chunk.last().is_some_and(|last| last.key() < key);
        match self.chunks.front() {
            Some(first) if below(first) => self.chunks.partition_point(below),
            _ => 0,
        }
    }

    fn append(&mut self, item: T) {
        self.len += 1;
        match self.chunks.back_mut() {
            Some(chunk) if chunk.len() < CHUNK_LEN_MAX => chunk.push(item),
            Some(_) => {
                let mut chunk = Vec::with_capacity(CHUNK_LEN_MAX);
                chunk.push(item);
                self.chunks.push_back(chunk);
            }
            None => self.chunks.push_back(vec![item]),
        }
    }

    #[cold]
    fn insert_inside(&mut self, item: T) -> bool {
        let mut index = self.chunk_of(item.key());
        let Err(mut at) = self.chunks[index].binary_search_by_key(&item.key(), T::key) else {
            return false;
        };
        if self.chunks[index].len() >= CHUNK_LEN_MAX {
            let upper = self.chunks[index].split_off(CHUNK_LEN_MAX / 2);
            self.chunks.insert(index + 1, upper);
            if at > CHUNK_LEN_MAX / 2 {
                index += 1;
                at -= CHUNK_LEN_MAX / 2;
            }
        }
        self.chunks[index].insert(at, item);
        self.len += 1;
        true
    }

    fn join_with_next(&mut self, index: usize) {
        let fits = match self.chunks.get(index + 1) {
            None => false,
            Some(next) => self.chunks[index].len() + next.len() <= CHUNK_LEN_MAX * 3 / 4,
        };
        if fits && let Some(next) = self.chunks.remove(index + 1) {
            self.chunks[index].extend_from_slice(&next);
        }
    }
}

impl<T: Keyed> FromIterator<T> for Sorted<T> {
    /// Collects items that come in ascending order at best; others are put in their place, and of
    /// equal keys the first stays.
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut sorted = Sorted::default();
        for item in items {
            sorted.insert(item);
        }
        sorted
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::random::Rng;

    impl Keyed for u32 {
        type Key = u32;

        fn key(&self) -> u32 {
            *self
        }
    }

    #[test]
    fn follows_a_set() {
        for seed in 0..20 {
            let mut rng = Rng::new(seed);
            let (mut sorted, mut model) = (Sorted::default(), BTreeSet::new());
            let span = [10, 300, 5000][seed as usize % 3];
            for step in 0..3000u32 {
                let key = rng.below(span) as u32;
                match rng.below(5) {
                    0 => assert_eq!(sorted.insert(step + 5000), model.insert(step + 5000)),
                    1 | 2 => assert_eq!(sorted.insert(key), model.insert(key)),
                    _ => assert_eq!(sorted.remove(key), model.take(&key)),
                }
                assert_eq!(sorted.get(key), model.get(&key));
                assert_eq!(sorted.len(), model.len());
                assert_eq!(sorted.first(), model.first());
                assert_eq!(sorted.last(), model.last());
                if step % 64 == 0 {
                    sorted.check_invariants();
                    assert!(sorted.iter().eq(model.iter()));
                    assert!(sorted.from(key).eq(model.range(key..)));
                }
            }
            for key in model {
                assert_eq!(sorted.remove(key), Some(key));
            }
            assert!(sorted.chunks.is_empty());
        }
    }

    #[test]
    fn appends_fill_chunks_and_drain_frees_them() {
        let mut sorted: Sorted<u32> = (0..1000).collect();
        assert_eq!(sorted.chunks.len(), 1000usize.div_ceil(CHUNK_LEN_MAX));
        assert_eq!(sorted.drain_pieces(10), 10);
        sorted.check_invariants();
        assert_eq!(sorted.drain_pieces(10), 6);
        assert_eq!((sorted.len(), sorted.heap_bytes()), (0, 0));
    }
}
