//! The nodes of a long list in order: a deque of short deques.
//!
//! A single deque of millions of nodes would be copied whole when it grows, and shifted when a
//! node is inserted in its middle. Here both are bounded by [`CHUNK_NODES_MAX`] nodes (and by the
//! number of chunks, which is that much smaller). Each chunk knows how many elements it holds, so
//! seeking an index skips whole chunks.

use std::collections::{VecDeque, vec_deque};

use super::End;
use super::node::Node;

/// Nodes in a chunk: 16 KiB of them.
const CHUNK_NODES_MAX: usize = 512;

/// Nodes in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes {
    chunks: VecDeque<Chunk>,
    len: usize,
}

#[derive(Clone, Debug, Default)]
struct Chunk {
    nodes: VecDeque<Node>,
    len: usize,
}

/// Where a node is. Valid until nodes are inserted or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub chunk: usize,
    node: usize,
}

impl Nodes {
    /// Number of elements in all nodes.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Number of nodes.
    pub fn node_count(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.nodes.len()).sum()
    }

    /// The only node, if there is exactly one.
    #[inline]
    pub fn single(&self) -> Option<&Node> {
        match self.chunks.front() {
            Some(chunk) if self.chunks.len() == 1 && chunk.nodes.len() == 1 => chunk.nodes.front(),
            _ => None,
        }
    }

    /// The place of the first or last node.
    #[inline]
    pub fn outermost(&self, end: End) -> Option<At> {
        match end {
            End::Head => self.chunks.front().map(|_| At { chunk: 0, node: 0 }),
            End::Tail => {
                let chunk = self.chunks.back()?;
                Some(At {
                    chunk: self.chunks.len() - 1,
                    node: chunk.nodes.len() - 1,
                })
            }
        }
    }

    #[inline]
    pub fn node(&self, at: At) -> &Node {
        &self.chunks[at.chunk].nodes[at.node]
    }

    #[inline]
    pub fn next(&self, at: At) -> Option<At> {
        if at.node + 1 < self.chunks[at.chunk].nodes.len() {
            return Some(At {
                chunk: at.chunk,
                node: at.node + 1,
            });
        }
        (at.chunk + 1 < self.chunks.len()).then_some(At {
            chunk: at.chunk + 1,
            node: 0,
        })
    }

    #[inline]
    pub fn prev(&self, at: At) -> Option<At> {
        if at.node > 0 {
            return Some(At {
                chunk: at.chunk,
                node: at.node - 1,
            });
        }
        let chunk = at.chunk.checked_sub(1)?;
        Some(At {
            chunk,
            node: self.chunks[chunk].nodes.len() - 1,
        })
    }

    /// The next node in the direction away from `end`.
    #[inline]
    pub fn away_from(&self, end: End, at: At) -> Option<At> {
        match end {
            End::Head => self.next(at),
            End::Tail => self.prev(at),
        }
    }

    /// The node that holds element `index`, and the element's index in it. There is such a one.
    pub fn seek(&self, index: usize) -> (At, usize) {
        debug_assert!(index < self.len);
        let (chunk, index) = locate(&self.chunks, |chunk| chunk.len, index, self.len);
        let Chunk { nodes, len } = &self.chunks[chunk];
        let (node, index) = locate(nodes, Node::count, index, *len);
        (At { chunk, node }, index)
    }

    /// Changes a node; the sums follow its number of elements, which may become 0 until
    /// [`Nodes::sweep`].
    #[inline]
    pub fn edit<T>(&mut self, at: At, change: impl FnOnce(&mut Node) -> T) -> T {
        let chunk = &mut self.chunks[at.chunk];
        let node = &mut chunk.nodes[at.node];
        let before = node.count();
        let result = change(node);
        let after = node.count();
        chunk.len = chunk.len + after - before;
        self.len = self.len + after - before;
        result
    }

    /// Adds a node at an end.
    pub fn push(&mut self, end: End, node: Node) {
        let place = match end {
            End::Head => self.chunks.front_mut(),
            End::Tail => self.chunks.back_mut(),
        };
        self.len += node.count();
        if let Some(chunk) = place.filter(|chunk| chunk.nodes.len() < CHUNK_NODES_MAX) {
            return chunk.push(end, node);
        }
        // The first chunk of a list is often its only one, and of one node.
        let nodes = VecDeque::with_capacity(if self.chunks.is_empty() { 1 } else { 8 });
        let mut chunk = Chunk { nodes, len: 0 };
        chunk.push(end, node);
        if self.chunks.is_empty() {
            self.chunks = VecDeque::with_capacity(1);
        }
        match end {
            End::Head => self.chunks.push_front(chunk),
            End::Tail => self.chunks.push_back(chunk),
        }
    }

    /// Inserts a node before the one at `at`; returns its place.
    pub fn insert_before(&mut self, mut at: At, node: Node) -> At {
        if self.chunks[at.chunk].nodes.len() >= CHUNK_NODES_MAX {
            let half = CHUNK_NODES_MAX / 2;
            let nodes = self.chunks[at.chunk].nodes.split_off(half);
            let len = nodes.iter().map(Node::count).sum();
            self.chunks[at.chunk].len -= len;
            self.chunks.insert(at.chunk + 1, Chunk { nodes, len });
            if at.node > half {
                at = At {
                    chunk: at.chunk + 1,
                    node: at.node - half,
                };
            }
        }
        let chunk = &mut self.chunks[at.chunk];
        chunk.len += node.count();
        self.len += node.count();
        chunk.nodes.insert(at.node, node);
        at
    }

    /// Inserts a node behind the one at `at`; returns its place.
    pub fn insert_after(&mut self, at: At, node: Node) -> At {
        self.insert_before(
            At {
                chunk: at.chunk,
                node: at.node + 1,
            },
            node,
        )
    }

    /// Removes a node.
    pub fn remove(&mut self, at: At) -> Option<Node> {
        let chunk = &mut self.chunks[at.chunk];
        let node = chunk.nodes.remove(at.node)?;
        chunk.len -= node.count();
        self.len -= node.count();
        self.settle_chunk(at.chunk);
        Some(node)
    }

    /// Removes the nodes that edits left empty, in the chunks from `first` to `last`.
    pub fn sweep(&mut self, first: usize, last: usize) {
        for chunk in (first..=last).rev() {
            self.chunks[chunk].nodes.retain(|node| node.count() > 0);
            self.settle_chunk(chunk);
        }
    }

    /// Joins neighbours in the chunks from `first` to `last` where `may_join` agrees.
    pub fn join(&mut self, first: usize, last: usize, may_join: impl Fn(&Node, &Node) -> bool) {
        for chunk in self
            .chunks
            .range_mut(first..self.chunks.len().min(last + 1))
        {
            let mut at = 0;
            while at + 1 < chunk.nodes.len() {
                if may_join(&chunk.nodes[at], &chunk.nodes[at + 1]) {
                    let Some(right) = chunk.nodes.remove(at + 1) else {
                        break;
                    };
                    chunk.nodes[at].append(&right);
                } else {
                    at += 1;
                }
            }
        }
    }

    /// The nodes from the one at `at` on in the direction away from `end`.
    #[inline]
    pub fn walk(&self, end: End, at: At) -> Walk<'_> {
        let nodes = &self.chunks[at.chunk].nodes;
        match end {
            End::Head => Walk {
                nodes: nodes.range(at.node..),
                chunks: self.chunks.range(at.chunk + 1..),
            },
            End::Tail => Walk {
                nodes: nodes.range(..=at.node),
                chunks: self.chunks.range(..at.chunk),
            },
        }
    }

    /// All nodes from first to last.
    pub fn iter(&self) -> Walk<'_> {
        Walk {
            nodes: vec_deque::Iter::default(),
            chunks: self.chunks.iter(),
        }
    }

    /// The nodes behind the first `skipped`, to the last.
    pub fn iter_from(&self, mut skipped: usize) -> Walk<'_> {
        for (number, chunk) in self.chunks.iter().enumerate() {
            if skipped < chunk.nodes.len() {
                return Walk {
                    nodes: chunk.nodes.range(skipped..),
                    chunks: self.chunks.range(number + 1..),
                };
            }
            skipped -= chunk.nodes.len();
        }
        Walk::default()
    }

    /// Memory of the directory, without that of the nodes.
    pub fn heap_bytes(&self) -> usize {
        let nodes: usize = self.chunks.iter().map(|chunk| chunk.nodes.capacity()).sum();
        nodes * size_of::<Node>() + self.chunks.capacity() * size_of::<Chunk>()
    }

    /// Panics if the sums are wrong or a chunk is empty.
    pub fn check_invariants(&self) {
        for chunk in &self.chunks {
            assert!(
                (1..=CHUNK_NODES_MAX).contains(&chunk.nodes.len()),
                "nodes in a chunk"
            );
            assert_eq!(
                chunk.nodes.iter().map(Node::count).sum::<usize>(),
                chunk.len
            );
            chunk.nodes.iter().for_each(Node::check_invariants);
        }
        assert_eq!(
            self.chunks.iter().map(|chunk| chunk.len).sum::<usize>(),
            self.len
        );
    }

    /// Removes a chunk that has become empty, or joins one that has become small with the next.
    fn settle_chunk(&mut self, at: usize) {
        let count = self.chunks[at].nodes.len();
        if count == 0 {
            self.chunks.remove(at);
        } else if let Some(next) = self.chunks.get(at + 1)
            && count + next.nodes.len() <= CHUNK_NODES_MAX / 4
            && let Some(mut next) = self.chunks.remove(at + 1)
        {
            self.chunks[at].nodes.append(&mut next.nodes);
            self.chunks[at].len += next.len;
        }
    }
}

impl Chunk {
    fn push(&mut self, end: End, node: Node) {
        self.len += node.count();
        match end {
            End::Head => self.nodes.push_front(node),
            End::Tail => self.nodes.push_back(node),
        }
    }
}

/// Steps over nodes, forwards or backwards, as it was begun.
#[derive(Clone, Debug, Default)]
pub(super) struct Walk<'a> {
    nodes: vec_deque::Iter<'a, Node>,
    chunks: vec_deque::Iter<'a, Chunk>,
}

impl<'a> Walk<'a> {
    /// The next node of a walk away from the head.
    #[inline]
    pub fn forward(&mut self) -> Option<&'a Node> {
        loop {
            if let Some(node) = self.nodes.next() {
                return Some(node);
            }
            self.nodes = self.chunks.next()?.nodes.iter();
        }
    }

    /// The next node of a walk away from the tail.
    #[inline]
    pub fn backward(&mut self) -> Option<&'a Node> {
        loop {
            if let Some(node) = self.nodes.next_back() {
                return Some(node);
            }
            self.nodes = self.chunks.next_back()?.nodes.iter();
        }
    }
}

/// The part that holds element `index` of `total`, sought from the nearer end, and the index
/// within that part.
fn locate<T>(
    parts: &VecDeque<T>,
    len: impl Fn(&T) -> usize,
    mut index: usize,
    total: usize,
) -> (usize, usize) {
    if index < total / 2 {
        for (number, part) in parts.iter().enumerate() {
            if index < len(part) {
                return (number, index);
            }
            index -= len(part);
        }
    }
    let mut behind = total - index;
    for (number, part) in parts.iter().enumerate().rev() {
        if behind <= len(part) {
            return (number, len(part) - behind);
        }
        behind -= len(part);
    }
    (0, 0)
}
