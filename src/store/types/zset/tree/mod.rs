//! A counted B+tree: items ordered by (score, member), each with its rank, in O(log n).
//!
//! It holds scores and handles only; members' bytes belong to the caller, who lends them as
//! [`Members`]. Inner nodes hold the exact smallest item of every child, so each handle in the
//! tree names a living member. A caller frees a member's bytes after its item was removed.
//!
//! Limits: fewer than 2^32 items; scores are not NaN.

mod build;
mod check;
mod node;
mod order;
mod remove;

#[cfg(test)]
mod tests;

use node::{Arena, FANOUT, Inner, LEAF_ITEMS, Leaf, NONE, Node};

use order::{Behind, Boundary};

pub(super) use build::TreeBuilder;
pub(super) use node::Item;
pub(super) use order::{Before, Key, LexCut, Members, ScoreCut};

/// Levels of inner nodes: with 16 of 64 children at the least, 8 are enough for 2^32 items.
const HEIGHT_MAX: usize = 12;
/// A sibling with at most this many items takes some over before a full leaf is split.
const ROOMY: usize = LEAF_ITEMS * 3 / 4;
/// Entries that an inner node splits off at its growing end: the other part stays nearly full.
const EDGE_ENTRIES: usize = 4;

/// Items in order.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    leaves: Arena<Leaf>,
    inners: Arena<Inner>,
    root: u32,
    /// Levels of inner nodes above the leaves.
    height: u32,
    len: u32,
}

/// Where an item lies; of use until the tree changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    leaf: u32,
    at: u32,
}

/// The inner nodes from the root to a leaf, each with the child taken.
struct Path {
    steps: [(u32, u32); HEIGHT_MAX],
    leaf: u32,
}

/// Where an item lies and what lies above it; of use until the tree changes.
pub(super) struct Spot {
    path: Path,
    at: usize,
}

impl Tree {
    /// A tree without items.
    pub(super) fn new() -> Tree {
        let mut leaves = Arena::default();
        let root = leaves.push(Leaf::default());
        Tree {
            leaves,
            inners: Arena::default(),
            root,
            height: 0,
            len: 0,
        }
    }

    /// Number of items.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    /// Adds an item, which must not be there yet, and whose member can already be read.
    pub(super) fn insert<M: Members>(&mut self, item: Item, members: &M) {
        let member = members.member(item.handle);
        let key = Behind(Key {
            score: item.score,
            member,
            members,
        });
        self.raise_root();
        let mut path = Path {
            steps: [(NONE, 0); HEIGHT_MAX],
            leaf: NONE,
        };
        let mut node = self.root;
        for level in 0..self.height as usize {
            let mut child = self.child_for(node, &key);
            let inner_below = level + 1 < self.height as usize;
            if inner_below && self.inners[self.inners[node].child(child)].len() == FANOUT {
                self.split_inner(node, child, &key);
                child = self.child_for(node, &key);
            }
            path.steps[level] = (node, child as u32);
            node = self.inners[node].child(child);
        }
        path.leaf = node;
        let leaf = &self.leaves[node];
        let mut at = key.before(leaf.scores(), leaf.handles());
        if leaf.len() == LEAF_ITEMS {
            at = self.make_room(&mut path, at);
        }
        self.leaves[path.leaf].insert(at, item);
        self.len += 1;
        for &(node, child) in &path.steps[..self.height as usize] {
            self.inners[node].grow(child as usize, 1);
        }
        if at == 0 {
            self.refresh_mins(&path);
        }
    }

    /// How many items lie before a boundary.
    pub(super) fn rank(&self, boundary: &impl Boundary) -> usize {
        let mut node = self.root;
        let mut rank = 0;
        for _ in 0..self.height {
            let inner = &self.inners[node];
            let child = boundary.before(&inner.scores()[1..], &inner.handles()[1..]);
            rank += inner.counts()[..child].iter().sum::<u32>();
            node = inner.child(child);
        }
        let leaf = &self.leaves[node];
        rank as usize + boundary.before(leaf.scores(), leaf.handles())
    }

    /// The item of a rank, which must be below `len`.
    pub(super) fn place(&self, rank: usize) -> Place {
        let mut node = self.root;
        let mut left = rank as u32;
        for _ in 0..self.height {
            let (child, before) = find_count(self.inners[node].counts(), left);
            left -= before;
            node = self.inners[node].child(child);
        }
        Place {
            leaf: node,
            at: left,
        }
    }

    /// The items from `place` to the end of its leaf: scores, handles.
    #[inline]
    pub(super) fn run(&self, place: Place) -> (&[f64], &[u32]) {
        let leaf = &self.leaves[place.leaf];
        (
            &leaf.scores()[place.at as usize..],
            &leaf.handles()[place.at as usize..],
        )
    }

    /// The items from the beginning of the leaf of `place` to `place` itself: scores, handles.
    #[inline]
    pub(super) fn run_back(&self, place: Place) -> (&[f64], &[u32]) {
        let leaf = &self.leaves[place.leaf];
        (
            &leaf.scores()[..=place.at as usize],
            &leaf.handles()[..=place.at as usize],
        )
    }

    /// The first item of the leaf behind that of `place`.
    #[inline]
    pub(super) fn next_leaf(&self, place: Place) -> Option<Place> {
        let next = self.leaves[place.leaf].next;
        (next != NONE).then_some(Place { leaf: next, at: 0 })
    }

    /// The last item of the leaf before that of `place`.
    #[inline]
    pub(super) fn prev_leaf(&self, place: Place) -> Option<Place> {
        let prev = self.leaves[place.leaf].prev;
        (prev != NONE).then(|| Place {
            leaf: prev,
            at: self.leaves[prev].len() as u32 - 1,
        })
    }

    /// The item at `place`.
    #[inline]
    pub(super) fn item(&self, place: Place) -> Item {
        self.leaves[place.leaf].item(place.at as usize)
    }

    /// Gives an item another score. Where its neighbours allow it, only the score is written.
    pub(super) fn update<M: Members>(&mut self, item: Item, score: f64, members: &M) {
        let Some((path, at)) = self.find(item, members) else {
            return;
        };
        let moved = Item {
            score,
            handle: item.handle,
        };
        if self.stays(path.leaf, at, moved, members) {
            self.leaves[path.leaf].set(at, moved);
            if at == 0 {
                self.refresh_mins(&path);
            }
        } else {
            self.remove_at(path, at, 1, members);
            self.insert(moved, members);
        }
    }

    /// Where an item lies, to give it another handle once its member has moved.
    pub(super) fn spot<M: Members>(&self, item: Item, members: &M) -> Option<Spot> {
        self.find(item, members).map(|(path, at)| Spot { path, at })
    }

    /// Notes that the member of the item at a spot is now found under another handle.
    pub(super) fn set_handle(&mut self, spot: Spot, handle: u32) {
        let Spot { path, at } = spot;
        let score = self.leaves[path.leaf].item(at).score;
        self.leaves[path.leaf].set(at, Item { score, handle });
        if at == 0 {
            self.refresh_mins(&path);
        }
    }

    /// Bytes allocated.
    pub(super) fn heap_bytes(&self) -> usize {
        self.leaves.heap_bytes() + self.inners.heap_bytes()
    }

    /// Frees at least `nodes` nodes, in no order, while there are any; for a tree given up.
    /// Returns how many it freed: 0 when nothing is left.
    pub(super) fn drain_slice(&mut self, nodes: usize) -> usize {
        let mut freed = 0;
        while freed < nodes {
            let some = match self.leaves.pop_chunk() {
                0 => self.inners.pop_chunk(),
                some => some,
            };
            if some == 0 {
                break;
            }
            freed += some;
        }
        freed
    }

    /// The path to an item and its position in the leaf.
    fn find<M: Members>(&self, item: Item, members: &M) -> Option<(Path, usize)> {
        let key = Behind(Key {
            score: item.score,
            member: members.member(item.handle),
            members,
        });
        let mut path = Path {
            steps: [(NONE, 0); HEIGHT_MAX],
            leaf: self.root,
        };
        for step in &mut path.steps[..self.height as usize] {
            let child = self.child_for(path.leaf, &key);
            *step = (path.leaf, child as u32);
            path.leaf = self.inners[path.leaf].child(child);
        }
        let leaf = &self.leaves[path.leaf];
        let from = order::count_less(leaf.scores(), item.score);
        let at = leaf.handles()[from..]
            .iter()
            .position(|&handle| handle == item.handle);
        debug_assert!(at.is_some(), "an item lies where its key leads");
        Some((path, from + at?))
    }

    /// The child of an inner node in which a boundary lies.
    #[inline]
    fn child_for(&self, node: u32, boundary: &impl Boundary) -> usize {
        let inner = &self.inners[node];
        boundary.before(&inner.scores()[1..], &inner.handles()[1..])
    }

    /// Whether an item put at a place would stand in order with its neighbours.
    fn stays<M: Members>(&self, leaf: u32, at: usize, item: Item, members: &M) -> bool {
        let node = &self.leaves[leaf];
        let place = Place {
            leaf,
            at: at as u32,
        };
        let before = match at {
            0 => self.prev_leaf(place).map(|place| self.item(place)),
            _ => Some(node.item(at - 1)),
        };
        let behind = match at + 1 < node.len() {
            true => Some(node.item(at + 1)),
            false => self.next_leaf(place).map(|place| self.item(place)),
        };
        let key = Key {
            score: item.score,
            member: members.member(item.handle),
            members,
        };
        before.is_none_or(|other| key.compare(other.score, other.handle).is_gt())
            && behind.is_none_or(|other| key.compare(other.score, other.handle).is_lt())
    }

    /// Writes the smallest items of the nodes on a path into their parents.
    fn refresh_mins(&mut self, path: &Path) {
        if self.leaves[path.leaf].len() == 0 {
            return;
        }
        let mut min = self.leaves[path.leaf].first();
        for &(node, child) in path.steps[..self.height as usize].iter().rev() {
            self.inners[node].set_min(child as usize, min);
            min = self.inners[node].first();
        }
    }

    /// Puts a root above a full root, so that its only child can be split.
    fn raise_root(&mut self) {
        let full = match self.height {
            0 => self.leaves[self.root].len() == LEAF_ITEMS,
            _ => self.inners[self.root].len() == FANOUT,
        };
        if full {
            let first = match self.height {
                0 => self.leaves[self.root].first(),
                _ => self.inners[self.root].first(),
            };
            let mut root = Inner::default();
            root.insert(0, self.root, first, self.len);
            self.root = self.inners.push(root);
            self.height += 1;
        }
    }

    /// Splits a full inner child. The parent must not be full.
    fn split_inner(&mut self, parent: u32, child: usize, key: &impl Boundary) {
        let left = self.inners[parent].child(child);
        let right_entries = match self.child_for(left, key) {
            0 => FANOUT - EDGE_ENTRIES,
            last if last == FANOUT - 1 => EDGE_ENTRIES,
            _ => FANOUT / 2,
        };
        let right = self.inners.push(Inner::default());
        let (l, r) = self.inners.pair(left, right);
        l.give_right(r, right_entries);
        let (left_items, right_items, right_min) = (l.items(), r.items(), r.first());
        let parent = &mut self.inners[parent];
        let left_min = parent.min(child);
        parent.describe(child, left_min, left_items);
        parent.insert(child + 1, right, right_min, right_items);
    }

    /// Makes room in the full leaf of a path for an item at `at`; the new position. What is
    /// appended or prepended to the whole set starts a new leaf, so that such sets stay dense.
    fn make_room(&mut self, path: &mut Path, at: usize) -> usize {
        let step = &mut path.steps[self.height as usize - 1];
        let (parent, child) = (step.0, step.1 as usize);
        let leaf = &self.leaves[path.leaf];
        let first = leaf.first();
        if at == LEAF_ITEMS && leaf.next == NONE {
            path.leaf = self.link_leaf(path.leaf);
            self.inners[parent].insert(child + 1, path.leaf, first, 0);
            step.1 += 1;
            return 0;
        }
        if at == 0 && leaf.prev == NONE {
            let right = self.link_leaf(path.leaf);
            let (left, new) = self.leaves.pair(path.leaf, right);
            left.give_right(new, LEAF_ITEMS);
            self.inners[parent].describe(child, first, 0);
            self.inners[parent].insert(child + 1, right, first, LEAF_ITEMS as u32);
            return 0;
        }
        let (left, at) = self.share_or_split(parent, child, at);
        let left_len = self.inners[parent].counts()[left] as usize;
        let (child, at) = if at <= left_len {
            (left, at)
        } else {
            (left + 1, at - left_len)
        };
        step.1 = child as u32;
        path.leaf = self.inners[parent].child(child);
        at
    }

    /// Spreads a full leaf over itself and a roomy sibling, or a new one. Returns the left of
    /// the two, and `at` counted from its beginning.
    fn share_or_split(&mut self, parent: u32, child: usize, at: usize) -> (usize, usize) {
        let node = &self.inners[parent];
        if child + 1 < node.len() && node.counts()[child + 1] as usize <= ROOMY {
            self.level_leaves(parent, child);
            return (child, at);
        }
        if child > 0 && node.counts()[child - 1] as usize <= ROOMY {
            let at = at + node.counts()[child - 1] as usize;
            self.level_leaves(parent, child - 1);
            return (child - 1, at);
        }
        let leaf = node.child(child);
        let first = node.min(child);
        let right = self.link_leaf(leaf);
        self.inners[parent].insert(child + 1, right, first, 0);
        self.level_leaves(parent, child);
        (child, at)
    }

    /// A new, empty leaf behind `leaf`.
    fn link_leaf(&mut self, leaf: u32) -> u32 {
        let next = self.leaves[leaf].next;
        let new = self.leaves.push(Leaf::linked(leaf, next));
        self.leaves[leaf].next = new;
        if next != NONE {
            self.leaves[next].prev = new;
        }
        new
    }

    /// Spreads the items of the leaves `left` and `left + 1` of a parent evenly.
    fn level_leaves(&mut self, parent: u32, left: usize) {
        let parent = &mut self.inners[parent];
        let (l, r) = self.leaves.pair(parent.child(left), parent.child(left + 1));
        level(l, r);
        parent.describe(left, l.first(), l.items());
        parent.describe(left + 1, r.first(), r.items());
    }
}

/// The child that holds the item of rank `left`, and the number of items before that child.
#[inline]
fn find_count(counts: &[u32], left: u32) -> (usize, u32) {
    let mut before = 0;
    for (child, &count) in counts.iter().enumerate() {
        if left - before < count {
            return (child, before);
        }
        before += count;
    }
    unreachable!("a rank is below the number of items")
}

/// Moves entries between siblings so that both hold the same number.
fn level<N: Node>(left: &mut N, right: &mut N) {
    let half = (left.len() + right.len()).div_ceil(2);
    if left.len() > half {
        left.give_right(right, left.len() - half);
    } else {
        let n = half - left.len();
        left.take_right(right, n);
    }
}
