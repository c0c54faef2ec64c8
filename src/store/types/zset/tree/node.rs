//! The nodes of the counted B+tree of a sorted set, and the arenas they lie in.
//!
//! Owns the layout: each node is a struct of arrays, so that a search reads scores and nothing
//! else, and each arena is dense, in chunks, so that growing never moves more than one chunk and
//! shrinking gives memory back. Knows nothing of order: that is the tree's.

use std::ops::{Index, IndexMut};

/// No node.
pub(super) const NONE: u32 = u32::MAX;
/// Items in a leaf: 768 bytes of items, of which a search reads the 512 bytes of scores.
pub(super) const LEAF_ITEMS: usize = 64;
/// Children of an inner node.
pub(super) const FANOUT: usize = 64;
/// Nodes in a chunk of an arena: 49 KiB of leaves, the most that growing ever moves at once.
const CHUNK_NODES: usize = 64;

/// What the tree orders: a score, and the handle by which its owner finds the member's bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) struct Item {
    pub(in super::super) score: f64,
    pub(in super::super) handle: u32,
}

/// What leaves and inner nodes have in common, so that balancing is written once.
pub(super) trait Node: Default {
    /// The most entries a node holds.
    const CAPACITY: usize;
    /// Below this many entries a node is merged with a sibling or filled up from it.
    const ENTRIES_MIN: usize = Self::CAPACITY / 4;

    /// Number of entries.
    fn len(&self) -> usize;
    /// The smallest item below this node, which must not be empty.
    fn first(&self) -> Item;
    /// Number of items below this node.
    fn items(&self) -> u32;
    /// Moves the last `n` entries to the front of the right sibling.
    fn give_right(&mut self, right: &mut Self, n: usize);
    /// Moves the first `n` entries of the right sibling to the end of this node.
    fn take_right(&mut self, right: &mut Self, n: usize);
}

/// Sorted items, linked to the leaves on both sides.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    scores: [f64; LEAF_ITEMS],
    handles: [u32; LEAF_ITEMS],
    pub(super) prev: u32,
    pub(super) next: u32,
    len: u32,
}

/// Children, each with its exact smallest item and the number of items below it.
#[derive(Clone, Debug)]
pub(super) struct Inner {
    scores: [f64; FANOUT],
    handles: [u32; FANOUT],
    children: [u32; FANOUT],
    counts: [u32; FANOUT],
    len: u32,
}

const _: () = assert!(size_of::<Leaf>() == 784);
const _: () = assert!(size_of::<Inner>() == 1288);

impl Default for Leaf {
    fn default() -> Leaf {
        Leaf {
            scores: [0.0; LEAF_ITEMS],
            handles: [0; LEAF_ITEMS],
            prev: NONE,
            next: NONE,
            len: 0,
        }
    }
}

impl Leaf {
    /// An empty leaf between two others.
    pub(super) fn linked(prev: u32, next: u32) -> Leaf {
        Leaf {
            prev,
            next,
            ..Leaf::default()
        }
    }

    /// The scores, ascending.
    #[inline]
    pub(super) fn scores(&self) -> &[f64] {
        &self.scores[..self.len as usize]
    }

    /// The handles, in the order of the scores.
    #[inline]
    pub(super) fn handles(&self) -> &[u32] {
        &self.handles[..self.len as usize]
    }

    /// The item at `at`.
    #[inline]
    pub(super) fn item(&self, at: usize) -> Item {
        Item {
            score: self.scores[at],
            handle: self.handles[at],
        }
    }

    /// Overwrites the item at `at`.
    #[inline]
    pub(super) fn set(&mut self, at: usize, item: Item) {
        self.scores[at] = item.score;
        self.handles[at] = item.handle;
    }

    /// Puts an item before position `at`. The leaf must not be full.
    #[inline]
    pub(super) fn insert(&mut self, at: usize, item: Item) {
        let len = self.len as usize;
        self.scores.copy_within(at..len, at + 1);
        self.handles.copy_within(at..len, at + 1);
        self.set(at, item);
        self.len += 1;
    }

    /// Adds an item at the end. The leaf must not be full.
    #[inline]
    pub(super) fn push(&mut self, item: Item) {
        self.set(self.len as usize, item);
        self.len += 1;
    }

    /// Removes `n` items from position `at` on.
    #[inline]
    pub(super) fn remove(&mut self, at: usize, n: usize) {
        let len = self.len as usize;
        self.scores.copy_within(at + n..len, at);
        self.handles.copy_within(at + n..len, at);
        self.len -= n as u32;
    }
}

impl Inner {
    /// The smallest scores of the children.
    #[inline]
    pub(super) fn scores(&self) -> &[f64] {
        &self.scores[..self.len as usize]
    }

    /// The handles that belong to the smallest scores.
    #[inline]
    pub(super) fn handles(&self) -> &[u32] {
        &self.handles[..self.len as usize]
    }

    /// The number of items below each child.
    #[inline]
    pub(super) fn counts(&self) -> &[u32] {
        &self.counts[..self.len as usize]
    }

    /// The child at `at`.
    #[inline]
    pub(super) fn child(&self, at: usize) -> u32 {
        self.children[at]
    }

    /// The children in order.
    pub(super) fn children(&self) -> &[u32] {
        &self.children[..self.len as usize]
    }

    /// Notes that child `at` now lies elsewhere in its arena.
    pub(super) fn set_child(&mut self, at: usize, child: u32) {
        self.children[at] = child;
    }

    /// The smallest item below child `at`.
    #[inline]
    pub(super) fn min(&self, at: usize) -> Item {
        Item {
            score: self.scores[at],
            handle: self.handles[at],
        }
    }

    /// Notes the smallest item below child `at`.
    #[inline]
    pub(super) fn set_min(&mut self, at: usize, min: Item) {
        self.scores[at] = min.score;
        self.handles[at] = min.handle;
    }

    /// Notes that child `at` gained `n` items.
    #[inline]
    pub(super) fn grow(&mut self, at: usize, n: u32) {
        self.counts[at] += n;
    }

    /// Notes that child `at` lost `n` items.
    #[inline]
    pub(super) fn shrink(&mut self, at: usize, n: u32) {
        self.counts[at] -= n;
    }

    /// Notes the smallest item and the number of items below child `at`.
    pub(super) fn describe(&mut self, at: usize, min: Item, items: u32) {
        self.set_min(at, min);
        self.counts[at] = items;
    }

    /// Puts a child before position `at`. The node must not be full.
    pub(super) fn insert(&mut self, at: usize, child: u32, min: Item, items: u32) {
        let len = self.len as usize;
        self.scores.copy_within(at..len, at + 1);
        self.handles.copy_within(at..len, at + 1);
        self.children.copy_within(at..len, at + 1);
        self.counts.copy_within(at..len, at + 1);
        self.children[at] = child;
        self.len += 1;
        self.describe(at, min, items);
    }

    /// Forgets the child at `at`.
    pub(super) fn remove(&mut self, at: usize) {
        let len = self.len as usize;
        self.scores.copy_within(at + 1..len, at);
        self.handles.copy_within(at + 1..len, at);
        self.children.copy_within(at + 1..len, at);
        self.counts.copy_within(at + 1..len, at);
        self.len -= 1;
    }
}

impl Default for Inner {
    fn default() -> Inner {
        Inner {
            scores: [0.0; FANOUT],
            handles: [0; FANOUT],
            children: [NONE; FANOUT],
            counts: [0; FANOUT],
            len: 0,
        }
    }
}

impl Node for Leaf {
    const CAPACITY: usize = LEAF_ITEMS;

    #[inline]
    fn len(&self) -> usize {
        self.len as usize
    }

    #[inline]
    fn first(&self) -> Item {
        self.item(0)
    }

    fn items(&self) -> u32 {
        self.len
    }

    fn give_right(&mut self, right: &mut Leaf, n: usize) {
        let (l, r) = (self.len(), right.len());
        shift_right(&mut self.scores, l, &mut right.scores, r, n);
        shift_right(&mut self.handles, l, &mut right.handles, r, n);
        self.len -= n as u32;
        right.len += n as u32;
    }

    fn take_right(&mut self, right: &mut Leaf, n: usize) {
        let (l, r) = (self.len(), right.len());
        shift_left(&mut self.scores, l, &mut right.scores, r, n);
        shift_left(&mut self.handles, l, &mut right.handles, r, n);
        self.len += n as u32;
        right.len -= n as u32;
    }
}

impl Node for Inner {
    const CAPACITY: usize = FANOUT;

    #[inline]
    fn len(&self) -> usize {
        self.len as usize
    }

    #[inline]
    fn first(&self) -> Item {
        self.min(0)
    }

    fn items(&self) -> u32 {
        self.counts().iter().sum()
    }

    fn give_right(&mut self, right: &mut Inner, n: usize) {
        let (l, r) = (self.len(), right.len());
        shift_right(&mut self.scores, l, &mut right.scores, r, n);
        shift_right(&mut self.handles, l, &mut right.handles, r, n);
        shift_right(&mut self.children, l, &mut right.children, r, n);
        shift_right(&mut self.counts, l, &mut right.counts, r, n);
        self.len -= n as u32;
        right.len += n as u32;
    }

    fn take_right(&mut self, right: &mut Inner, n: usize) {
        let (l, r) = (self.len(), right.len());
        shift_left(&mut self.scores, l, &mut right.scores, r, n);
        shift_left(&mut self.handles, l, &mut right.handles, r, n);
        shift_left(&mut self.children, l, &mut right.children, r, n);
        shift_left(&mut self.counts, l, &mut right.counts, r, n);
        self.len += n as u32;
        right.len -= n as u32;
    }
}

/// Moves the last `n` of `left` before the first of `right`.
fn shift_right<T: Copy>(left: &mut [T], l: usize, right: &mut [T], r: usize, n: usize) {
    right.copy_within(..r, n);
    right[..n].copy_from_slice(&left[l - n..l]);
}

/// Moves the first `n` of `right` behind the last of `left`.
fn shift_left<T: Copy>(left: &mut [T], l: usize, right: &mut [T], r: usize, n: usize) {
    left[l..l + n].copy_from_slice(&right[..n]);
    right.copy_within(n..r, 0);
}

/// Nodes of one kind, dense: a freed node's place is taken by the last one.
#[derive(Clone, Debug)]
pub(super) struct Arena<T> {
    chunks: Vec<Vec<T>>,
}

impl<T> Default for Arena<T> {
    fn default() -> Arena<T> {
        Arena { chunks: Vec::new() }
    }
}

impl<T: Node> Arena<T> {
    /// Number of nodes.
    pub(super) fn len(&self) -> usize {
        match self.chunks.last() {
            Some(last) => (self.chunks.len() - 1) * CHUNK_NODES + last.len(),
            None => 0,
        }
    }

    /// Adds a node and returns its number.
    pub(super) fn push(&mut self, node: T) -> u32 {
        let id = self.len() as u32;
        if self
            .chunks
            .last()
            .is_none_or(|chunk| chunk.len() == CHUNK_NODES)
        {
            self.chunks.push(Vec::new());
        }
        if let Some(chunk) = self.chunks.last_mut() {
            if chunk.len() == chunk.capacity() {
                chunk.reserve_exact(chunk.len().clamp(1, CHUNK_NODES - chunk.len()));
            }
            chunk.push(node);
        }
        id
    }

    /// Drops the last node.
    pub(super) fn pop(&mut self) {
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.pop();
            if chunk.is_empty() {
                self.chunks.pop();
            }
        }
    }

    /// Drops the last chunk and returns how many nodes it held.
    pub(super) fn pop_chunk(&mut self) -> usize {
        self.chunks.pop().map_or(0, |chunk| chunk.len())
    }

    /// Both nodes, to move entries between them. They must differ.
    pub(super) fn pair(&mut self, a: u32, b: u32) -> (&mut T, &mut T) {
        let (ca, ia) = split(a);
        let (cb, ib) = split(b);
        let pair = if ca == cb {
            self.chunks[ca]
                .get_disjoint_mut([ia, ib])
                .map(|[a, b]| (a, b))
        } else {
            let chunks = self.chunks.get_disjoint_mut([ca, cb]);
            chunks.map(|[a, b]| (&mut a[ia], &mut b[ib]))
        };
        pair.expect("siblings are two nodes of this arena")
    }

    /// Moves the last node to `id`, and drops the one that was there.
    pub(super) fn swap_remove(&mut self, id: u32) {
        let last = self.len() as u32 - 1;
        if id != last {
            let (to, from) = self.pair(id, last);
            std::mem::swap(to, from);
        }
        self.pop();
    }

    /// Bytes allocated.
    pub(super) fn heap_bytes(&self) -> usize {
        let nodes: usize = match self.chunks.last() {
            Some(last) => (self.chunks.len() - 1) * CHUNK_NODES + last.capacity(),
            None => 0,
        };
        nodes * size_of::<T>() + self.chunks.capacity() * size_of::<Vec<T>>()
    }
}

impl<T> Index<u32> for Arena<T> {
    type Output = T;

    #[inline]
    fn index(&self, id: u32) -> &T {
        let (chunk, at) = split(id);
        &self.chunks[chunk][at]
    }
}

impl<T> IndexMut<u32> for Arena<T> {
    #[inline]
    fn index_mut(&mut self, id: u32) -> &mut T {
        let (chunk, at) = split(id);
        &mut self.chunks[chunk][at]
    }
}

#[inline]
fn split(id: u32) -> (usize, usize) {
    (id as usize / CHUNK_NODES, id as usize % CHUNK_NODES)
}
