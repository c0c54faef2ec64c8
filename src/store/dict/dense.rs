//! A dense list in fixed chunks: numbered from 0 without gaps, and never moved as a whole.

/// Chunks are a power of two of entries and up to so many bytes: large enough for what the
/// allocator adds to each.
const CHUNK_BYTES: usize = 96 << 10;

/// A list that grows and shrinks at its end without copying more than a small first chunk.
#[derive(Debug)]
pub struct Dense<T> {
    chunks: Vec<Vec<T>>,
    len: usize,
}

impl<T> Default for Dense<T> {
    fn default() -> Dense<T> {
        Dense {
            chunks: Vec::new(),
            len: 0,
        }
    }
}

impl<T: Clone> Clone for Dense<T> {
    /// The same entries in chunks of the sizes that the list relies on.
    fn clone(&self) -> Dense<T> {
        let mut copy = Dense::new();
        self.iter().for_each(|entry| copy.push(entry.clone()));
        copy
    }
}

impl<T> Dense<T> {
    /// Entries in a chunk. A chunk is never moved once there are two.
    const CHUNK: usize = 1 << Self::BITS;
    const BITS: u32 = (CHUNK_BYTES
        / if size_of::<T>() > 1 {
            size_of::<T>()
        } else {
            1
        })
    .ilog2();

    /// An empty list; owns no memory.
    pub fn new() -> Dense<T> {
        Dense::default()
    }

    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry with this number. Panics when there is none.
    #[inline]
    pub fn get(&self, number: u32) -> &T {
        &self.chunks[number as usize >> Self::BITS][number as usize % Self::CHUNK]
    }

    /// The entry with this number. Panics when there is none.
    #[inline]
    pub fn get_mut(&mut self, number: u32) -> &mut T {
        &mut self.chunks[number as usize >> Self::BITS][number as usize % Self::CHUNK]
    }

    /// Adds an entry at the end; its number is the old length.
    #[inline]
    pub fn push(&mut self, entry: T) {
        let chunk = self.len >> Self::BITS;
        if let Some(chunk) = self.chunks.get_mut(chunk)
            && chunk.len() < chunk.capacity()
        {
            chunk.push(entry);
        } else {
            self.push_slow(entry);
        }
        self.len += 1;
    }

    /// Takes the last entry.
    pub fn pop(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        let chunk = self.len >> Self::BITS;
        let entry = self.chunks[chunk].pop();
        // One empty chunk is kept, so that a length that moves to and fro across a chunk's border
        // does not allocate.
        self.chunks.truncate(chunk + 2);
        if self.len < Self::CHUNK / 4 && self.chunks[0].capacity() > 4 * self.len.max(4) {
            self.chunks.truncate(1);
            self.chunks[0].shrink_to(2 * self.len);
        }
        entry
    }

    /// Takes an entry out; the last one takes its number. Panics when there is none.
    pub fn swap_remove(&mut self, number: u32) -> T {
        let Some(last) = self.pop() else {
            panic!("no entry {number} in an empty list")
        };
        if number as usize == self.len {
            return last;
        }
        std::mem::replace(self.get_mut(number), last)
    }

    /// All entries, by number.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.chunks.iter().flatten()
    }

    /// Drops up to `count` chunks from the end; whether entries are left.
    pub fn discard(&mut self, count: usize) -> bool {
        self.chunks
            .truncate(self.chunks.len().saturating_sub(count));
        self.len = self.len.min(self.chunks.len() * Self::CHUNK);
        if self.len == 0 {
            self.chunks = Vec::new();
        }
        self.len > 0
    }

    /// Memory the list owns; what entries own is the caller's to add.
    pub fn heap_bytes(&self) -> usize {
        // Every chunk but the first and the last has the same size.
        let chunks = match &self.chunks[..] {
            [] => 0,
            [first] => first.capacity(),
            [.., last] => (self.chunks.len() - 1) * Self::CHUNK + last.capacity(),
        };
        self.chunks.capacity() * size_of::<Vec<T>>() + chunks * size_of::<T>()
    }

    /// The first chunk grows by halves; every later one is made whole.
    #[cold]
    fn push_slow(&mut self, entry: T) {
        let chunk = self.len >> Self::BITS;
        if chunk == self.chunks.len() {
            let capacity = if chunk == 0 { 4 } else { Self::CHUNK };
            self.chunks.reserve_exact((chunk / 4).max(1));
            self.chunks.push(Vec::with_capacity(capacity));
        }
        let chunk = &mut self.chunks[chunk];
        if chunk.len() == chunk.capacity() {
            let more = (chunk.len() / 2).max(4).min(Self::CHUNK - chunk.len());
            chunk.reserve_exact(more);
        }
        chunk.push(entry);
    }
}
