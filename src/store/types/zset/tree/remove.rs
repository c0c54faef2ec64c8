//! Taking items out of the tree: one, or a whole range of ranks in bulk.
//!
//! A node that falls below a quarter is merged with a sibling or filled from it. Nodes that become
//! free are taken out of the arenas at the end, when the tree is whole again, because moving the
//! last node into the gap means finding its parent by key.

use smallvec::SmallVec;

use super::node::{Inner, Leaf, NONE, Node};
use super::{Behind, HEIGHT_MAX, Item, Key, Members, Path, Place, Tree, level};

/// Inner nodes that one removal can free: one a level.
type Freed = SmallVec<[u32; HEIGHT_MAX]>;

impl Tree {
    /// Removes an item, whose member can still be read.
    pub(in super::super) fn remove<M: Members>(&mut self, item: Item, members: &M) {
        if let Some((path, at)) = self.find(item, members) {
            self.remove_at(path, at, 1, members);
        }
    }

    /// Removes the items of the ranks `start..end`, leaf by leaf, and shows each handle before:
    /// its member must stay readable until this returns.
    pub(in super::super) fn remove_ranks<M: Members>(
        &mut self,
        start: usize,
        end: usize,
        members: &M,
        mut removed: impl FnMut(Item),
    ) {
        let mut left = end.min(self.len()).saturating_sub(start);
        while left > 0 {
            let (path, place) = self.path_to(start);
            let (scores, handles) = self.run(place);
            let n = left.min(scores.len());
            for (&score, &handle) in scores[..n].iter().zip(handles) {
                removed(Item { score, handle });
            }
            self.remove_at(path, place.at as usize, n, members);
            left -= n;
        }
    }

    /// Removes `n` items of the leaf of a path, from position `at` on.
    pub(super) fn remove_at<M: Members>(&mut self, path: Path, at: usize, n: usize, members: &M) {
        self.leaves[path.leaf].remove(at, n);
        self.len -= n as u32;
        for &(node, child) in &path.steps[..self.height as usize] {
            self.inners[node].shrink(child as usize, n as u32);
        }
        let len = self.leaves[path.leaf].len();
        if at == 0 && len > 0 {
            self.refresh_mins(&path);
        }
        if self.height > 0 && len < Leaf::ENTRIES_MIN {
            self.mend(path, members);
        }
    }

    /// The path to the item of a rank.
    fn path_to(&self, rank: usize) -> (Path, Place) {
        let mut path = Path {
            steps: [(NONE, 0); HEIGHT_MAX],
            leaf: self.root,
        };
        let mut left = rank as u32;
        for step in &mut path.steps[..self.height as usize] {
            let inner = &self.inners[path.leaf];
            let (child, before) = super::find_count(inner.counts(), left);
            *step = (path.leaf, child as u32);
            left -= before;
            path.leaf = inner.child(child);
        }
        let place = Place {
            leaf: path.leaf,
            at: left,
        };
        (path, place)
    }

    /// Restores the filling of the nodes on a path, from the leaf upwards.
    fn mend<M: Members>(&mut self, path: Path, members: &M) {
        let mut freed_leaf = None;
        let mut freed = Freed::new();
        for at in (0..self.height as usize).rev() {
            let (parent, child) = (path.steps[at].0, path.steps[at].1 as usize);
            let id = self.inners[parent].child(child);
            let leaf = at + 1 == self.height as usize;
            let gone = match leaf {
                true => mend_child(&mut self.leaves, &mut self.inners[parent], child),
                false => self.mend_inner(parent, child),
            };
            match gone {
                Mended::Fine => break,
                Mended::Small => continue,
                Mended::Levelled => {}
                Mended::Emptied => self.set_freed(leaf, id, &mut freed_leaf, &mut freed),
                Mended::Merged(right) => {
                    self.set_freed(leaf, right, &mut freed_leaf, &mut freed);
                }
            }
            self.refresh_above(&path, at);
        }
        self.lower_root(&mut freed);
        self.release(freed_leaf, freed, members);
    }

    /// Notes a node that is no longer part of the tree.
    fn set_freed(&mut self, leaf: bool, id: u32, leaves: &mut Option<u32>, inners: &mut Freed) {
        if leaf {
            self.unlink_leaf(id);
            *leaves = Some(id);
        } else {
            inners.push(id);
        }
    }

    fn unlink_leaf(&mut self, id: u32) {
        let (prev, next) = (self.leaves[id].prev, self.leaves[id].next);
        if prev != NONE {
            self.leaves[prev].next = next;
        }
        if next != NONE {
            self.leaves[next].prev = prev;
        }
    }

    fn mend_inner(&mut self, parent: u32, child: usize) -> Mended {
        // The parent is taken out of the arena for a moment: its children lie in the same one.
        let mut node = std::mem::take(&mut self.inners[parent]);
        let mended = mend_child(&mut self.inners, &mut node, child);
        self.inners[parent] = node;
        mended
    }

    /// Writes the smallest item of the node at a level of the path into the nodes above it.
    fn refresh_above(&mut self, path: &Path, at: usize) {
        if self.inners[path.steps[at].0].len() == 0 {
            return;
        }
        let mut min = self.inners[path.steps[at].0].first();
        for &(node, child) in path.steps[..at].iter().rev() {
            self.inners[node].set_min(child as usize, min);
            min = self.inners[node].first();
        }
    }

    /// Takes away roots with a single child.
    fn lower_root(&mut self, freed: &mut Freed) {
        while self.height > 0 && self.inners[self.root].len() == 1 {
            freed.push(self.root);
            self.root = self.inners[self.root].child(0);
            self.height -= 1;
        }
    }

    /// Takes freed nodes out of the arenas: the last node moves into each gap.
    fn release<M: Members>(&mut self, leaf: Option<u32>, mut inners: Freed, members: &M) {
        inners.sort_unstable_by(|a, b| b.cmp(a));
        for id in inners {
            let last = self.inners.len() as u32 - 1;
            if id != last {
                self.move_inner(last, id, members);
            }
            self.inners.swap_remove(id);
        }
        if let Some(id) = leaf {
            let last = self.leaves.len() as u32 - 1;
            if id != last {
                self.move_leaf(last, id, members);
            }
            self.leaves.swap_remove(id);
        }
    }

    /// Makes everything that names the leaf `from` name `to` instead.
    fn move_leaf<M: Members>(&mut self, from: u32, to: u32, members: &M) {
        let (prev, next) = (self.leaves[from].prev, self.leaves[from].next);
        if prev != NONE {
            self.leaves[prev].next = to;
        }
        if next != NONE {
            self.leaves[next].prev = to;
        }
        match self.height {
            0 => self.root = to,
            height => self.rename_child(self.leaves[from].first(), height - 1, to, members),
        }
    }

    /// Makes everything that names the inner node `from` name `to` instead.
    fn move_inner<M: Members>(&mut self, from: u32, to: u32, members: &M) {
        if self.root == from {
            self.root = to;
            return;
        }
        let min = self.inners[from].first();
        let (mut node, mut level) = (self.root, 0);
        let key = Key {
            score: min.score,
            member: members.member(min.handle),
            members,
        };
        let key = Behind(key);
        while level < self.height {
            let child = self.child_for(node, &key);
            if self.inners[node].child(child) == from && level + 1 < self.height {
                self.inners[node].set_child(child, to);
                return;
            }
            node = self.inners[node].child(child);
            level += 1;
        }
        debug_assert!(false, "every inner node but the root has a parent");
    }

    /// Names a child anew: the one that begins with `min`, of a node on `level`.
    fn rename_child<M: Members>(&mut self, min: Item, level: u32, to: u32, members: &M) {
        let key = Behind(Key {
            score: min.score,
            member: members.member(min.handle),
            members,
        });
        let mut node = self.root;
        for _ in 0..level {
            node = self.inners[node].child(self.child_for(node, &key));
        }
        let child = self.child_for(node, &key);
        self.inners[node].set_child(child, to);
    }
}

/// What became of a child that may hold too few entries.
enum Mended {
    /// It holds enough.
    Fine,
    /// It has no sibling: its parent holds too few.
    Small,
    /// It or a sibling gave entries to the other.
    Levelled,
    /// It held nothing and had no sibling: the parent is empty now.
    Emptied,
    /// The right one of two siblings, this, moved into the left one.
    Merged(u32),
}

/// Merges a child with a sibling, or fills it from one, if it holds too few entries.
fn mend_child<N: Node>(
    nodes: &mut super::node::Arena<N>,
    parent: &mut Inner,
    child: usize,
) -> Mended {
    let len = nodes[parent.child(child)].len();
    if len >= N::ENTRIES_MIN {
        return Mended::Fine;
    }
    if parent.len() == 1 {
        if len == 0 {
            parent.remove(0);
            return Mended::Emptied;
        }
        return Mended::Small;
    }
    let left = if child + 1 < parent.len() {
        child
    } else {
        child - 1
    };
    let right_id = parent.child(left + 1);
    let (l, r) = nodes.pair(parent.child(left), right_id);
    if l.len() + r.len() > N::CAPACITY {
        level(l, r);
        parent.describe(left, l.first(), l.items());
        parent.describe(left + 1, r.first(), r.items());
        return Mended::Levelled;
    }
    let n = r.len();
    l.take_right(r, n);
    parent.describe(left, l.first(), l.items());
    parent.remove(left + 1);
    Mended::Merged(right_id)
}
