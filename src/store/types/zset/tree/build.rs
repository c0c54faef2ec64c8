//! A tree made in one go from items that are already in order: full leaves, then level by level.

use std::ops::Range;

use super::node::{Arena, FANOUT, Inner, LEAF_ITEMS, Leaf, NONE, Node};
use super::{Item, Tree};

/// A tree in the making.
pub(in super::super) struct TreeBuilder {
    leaves: Arena<Leaf>,
    last: u32,
    len: u32,
}

impl TreeBuilder {
    pub(in super::super) fn new() -> TreeBuilder {
        let mut leaves = Arena::default();
        let last = leaves.push(Leaf::default());
        TreeBuilder {
            leaves,
            last,
            len: 0,
        }
    }

    /// Adds the next item.
    pub(in super::super) fn push(&mut self, item: Item) {
        if self.leaves[self.last].len() == LEAF_ITEMS {
            let next = self.leaves.push(Leaf::linked(self.last, NONE));
            self.leaves[self.last].next = next;
            self.last = next;
        }
        self.leaves[self.last].push(item);
        self.len += 1;
    }

    /// Builds what stands above the leaves.
    pub(in super::super) fn finish(self) -> Tree {
        let TreeBuilder { leaves, len, .. } = self;
        let mut below = 0..leaves.len() as u32;
        let mut tree = Tree {
            leaves,
            inners: Arena::default(),
            root: 0,
            height: 0,
            len,
        };
        while below.len() > 1 {
            below = tree.add_level(below);
            tree.height += 1;
            tree.root = below.start;
        }
        tree
    }
}

impl Tree {
    /// Builds the inner nodes above the nodes `below`, evenly filled; returns them.
    fn add_level(&mut self, below: Range<u32>) -> Range<u32> {
        let start = self.inners.len() as u32;
        let nodes = below.len().div_ceil(FANOUT);
        for n in 0..nodes {
            let from = below.start as usize + below.len() * n / nodes;
            let to = below.start as usize + below.len() * (n + 1) / nodes;
            let mut inner = Inner::default();
            for (at, child) in (from as u32..to as u32).enumerate() {
                let (min, items) = match self.height {
                    0 => (self.leaves[child].first(), self.leaves[child].items()),
                    _ => (self.inners[child].first(), self.inners[child].items()),
                };
                inner.insert(at, child, min, items);
            }
            self.inners.push(inner);
        }
        start..self.inners.len() as u32
    }
}
