//! The form of long lists: nodes in order, and the rules by which they split and join.
//!
//! The deque is used before a list is long enough to be called "quicklist": until then it has
//! exactly one packed node, whatever that node's size.

use super::iter::{Range, RangeRev};
use super::node::Node;
use super::nodes::{At, Nodes};
use super::{End, ListLimits};
use crate::store::types::listpack::{
    Encoded, Entries, Entry, LISTPACK_OVERHEAD_BYTES, Listpack, Needle,
};

/// What Redis adds to an element's length when it asks whether a node has room for it.
const ENTRY_OVERHEAD_ESTIMATE: usize = 8;
/// The first block of a node that is expected to be filled.
const NODE_BYTES_FIRST: usize = 512;

#[derive(Clone, Debug, Default)]
pub(super) struct Deque {
    pub nodes: Nodes,
    /// Whether the list has outgrown the limits and is called "quicklist".
    pub is_quicklist: bool,
}

impl Deque {
    /// A deque of what a listpack holds.
    pub fn new(pack: &Listpack, is_quicklist: bool) -> Deque {
        let mut deque = Deque {
            nodes: Nodes::default(),
            is_quicklist,
        };
        if !pack.is_empty() {
            deque.nodes.push(End::Tail, Node::from_listpack(pack));
        }
        deque
    }

    /// Adds an element at an end.
    pub fn push(&mut self, end: End, value: &[u8], limits: ListLimits) {
        self.outgrow(value.len(), limits);
        let at = self.nodes.outermost(end);
        if let Some(at) = at
            && self.has_room(self.nodes.node(at), value.len(), limits)
        {
            let (encoded, room) = (Encoded::new(value), limits.node_bytes());
            return self.nodes.edit(at, |node| match end {
                End::Head => node.insert(0, &encoded, room),
                End::Tail => node.insert(node.end(), &encoded, room),
            });
        }
        if let Some(at) = at {
            self.nodes.edit(at, Node::fit);
        }
        self.nodes.push(end, self.fresh(value, limits));
    }

    /// The first or last element.
    #[inline]
    pub fn peek(&self, end: End) -> Option<Entry<'_>> {
        let node = self.nodes.node(self.nodes.outermost(end)?);
        if node.is_plain() {
            return Some(Entry::Str(node.bytes()));
        }
        let entries = node.entries();
        Some(entries.at(match end {
            End::Head => 0,
            End::Tail => entries.last()?,
        }))
    }

    /// Removes the first or last element; there is one.
    #[inline]
    pub fn pop(&mut self, end: End) {
        let Some(at) = self.nodes.outermost(end) else {
            return;
        };
        if self.nodes.node(at).count() == 1 {
            self.nodes.remove(at);
            return;
        }
        self.nodes.edit(at, |node| {
            let pos = if end == End::Head {
                Some(0)
            } else {
                node.entries().last()
            };
            node.remove(pos.unwrap_or(0), 1);
        });
    }

    /// Inserts an element in node `at` before the entry at `pos`, or at the node's end.
    pub fn insert(&mut self, at: At, pos: usize, value: &[u8], limits: ListLimits) {
        self.outgrow(value.len(), limits);
        let (encoded, room) = (Encoded::new(value), limits.node_bytes());
        let node = self.nodes.node(at);
        let end = node.end();
        if self.has_room(node, value.len(), limits) {
            return self.nodes.edit(at, |node| node.insert(pos, &encoded, room));
        }
        let beside = match pos {
            0 => self.nodes.prev(at),
            _ if pos == end => self.nodes.next(at),
            _ => None,
        };
        if let Some(beside) = beside
            && self.has_room(self.nodes.node(beside), value.len(), limits)
        {
            return self.nodes.edit(beside, |node| {
                let pos = if pos == 0 { node.end() } else { 0 };
                node.insert(pos, &encoded, room);
            });
        }
        let fresh = self.fresh(value, limits);
        if pos == 0 {
            self.nodes.insert_before(at, fresh);
        } else if pos == end {
            self.nodes.insert_after(at, fresh);
        } else {
            let tail = self.nodes.edit(at, |node| node.split_off(pos));
            let at = self.nodes.insert_after(at, tail);
            let at = self.nodes.insert_before(at, fresh);
            self.join_around(at, limits);
        }
    }

    /// Puts an element in the place of element `index`.
    pub fn set(&mut self, index: usize, value: &[u8], limits: ListLimits) {
        self.outgrow(value.len(), limits);
        let (at, index) = self.nodes.seek(index);
        let node = self.nodes.node(at);
        if node.count() == 1 && self.is_quicklist {
            let fresh = self.fresh(value, limits);
            let is_plain = fresh.is_plain();
            self.nodes.edit(at, |node| *node = fresh);
            if !is_plain {
                self.join_around(at, limits);
            }
            return;
        }
        let entries = node.entries();
        let pos = entries.seek(index, node.count());
        let bytes = node.listpack_bytes() - (entries.next(pos) - pos);
        let is_large = self.is_quicklist && limits.is_large(value.len());
        let bytes = bytes + value.len() + ENTRY_OVERHEAD_ESTIMATE;
        if !is_large && (!self.is_quicklist || !limits.exceeds(bytes, node.count())) {
            self.nodes
                .edit(at, |node| node.replace(pos, &Encoded::new(value)));
        } else {
            self.nodes.edit(at, |node| node.remove(pos, 1));
            self.insert(at, pos, value, limits);
        }
    }

    /// Removes `count` elements from element `index` on; there are as many.
    pub fn remove_range(&mut self, index: usize, count: usize, limits: ListLimits) {
        if count == 0 {
            return;
        }
        let (mut at, mut offset) = self.nodes.seek(index);
        let (first, mut left, mut is_emptied) = (at.chunk, count, false);
        loop {
            let taken = self.nodes.edit(at, |node| take_from(node, offset, left));
            is_emptied |= self.nodes.node(at).count() == 0;
            left -= taken;
            match self.nodes.next(at) {
                Some(next) if left > 0 => (at, offset) = (next, 0),
                _ => break,
            }
        }
        if is_emptied {
            self.nodes.sweep(first, at.chunk);
        }
        if index > 0 && index < self.nodes.len() {
            let at = self.nodes.seek(index).0;
            if self.nodes.node(at).listpack_bytes() < limits.node_bytes() / 4 {
                self.join_around(at, limits);
            }
        }
    }

    /// Removes up to `budget` elements equal to `value`, those nearest to `end`; returns how many.
    pub fn remove_equal(
        &mut self,
        end: End,
        value: &[u8],
        budget: usize,
        limits: ListLimits,
    ) -> usize {
        let Some(first) = self.nodes.outermost(end) else {
            return 0;
        };
        let encoded = Encoded::new(value);
        let (mut at, mut left) = (first, budget);
        loop {
            left -= self
                .nodes
                .edit(at, |node| remove_equal_in(node, end, value, &encoded, left));
            match self.nodes.away_from(end, at) {
                Some(next) if left > 0 => at = next,
                _ => break,
            }
        }
        if left < budget {
            let (low, high) = (first.chunk.min(at.chunk), first.chunk.max(at.chunk));
            self.nodes.sweep(low, high);
            let room = limits.node_bytes() / 2;
            self.nodes
                .join(low, high, |left, right| can_join(left, right, limits, room));
        }
        budget - left
    }

    /// The place of the first element equal to `value`: its node, its position there, and the
    /// position behind it.
    pub fn find(&self, value: &[u8]) -> Option<(At, usize, usize)> {
        let encoded = Encoded::new(value);
        let mut at = self.nodes.outermost(End::Head);
        while let Some(here) = at {
            let node = self.nodes.node(here);
            if node.is_plain() {
                if node.bytes() == value {
                    return Some((here, 0, node.end()));
                }
            } else if let Some(pos) = node.entries().find(&encoded, 1) {
                return Some((here, pos, node.entries().next(pos)));
            }
            at = self.nodes.next(here);
        }
        None
    }

    /// `count` elements from element `index` on; there are as many.
    pub fn range(&self, index: usize, count: usize) -> Range<'_> {
        if count == 0 {
            return Range::default();
        }
        let (at, offset) = self.nodes.seek(index);
        let mut walk = self.nodes.walk(End::Head, at);
        let node = walk.forward();
        let mut range = Range {
            walk,
            left: count,
            ..Range::default()
        };
        match node {
            Some(node) if node.is_plain() => range.plain = Some(node.bytes()),
            Some(node) => {
                let entries = node.entries();
                let pos = entries.seek(offset, node.count());
                range.entries = Entries::new(&entries.as_bytes()[pos..]).iter();
            }
            None => {}
        }
        range
    }

    /// `count` elements from element `index` on towards the head; there are as many.
    pub fn range_rev(&self, index: usize, count: usize) -> RangeRev<'_> {
        if count == 0 {
            return RangeRev::default();
        }
        let (at, offset) = self.nodes.seek(index);
        let mut walk = self.nodes.walk(End::Tail, at);
        let node = walk.backward();
        let mut range = RangeRev {
            walk,
            left: count,
            ..RangeRev::default()
        };
        match node {
            Some(node) if node.is_plain() => range.plain = Some(node.bytes()),
            Some(node) => {
                let entries = node.entries();
                let end = entries.seek(offset + 1, node.count());
                range.entries = Entries::new(&entries.as_bytes()[..end]).iter();
            }
            None => {}
        }
        range
    }

    /// Whether the list is so short again that it is to be called "listpack": within the limits
    /// divided by `divisor`.
    pub fn is_within(&self, limits: ListLimits, divisor: usize) -> bool {
        let Some(node) = self.nodes.single().filter(|node| !node.is_plain()) else {
            return self.nodes.len() == 0;
        };
        match limits.entries_max() {
            Some(count) => node.count() <= count / divisor,
            None => node.listpack_bytes() <= limits.node_bytes() / divisor,
        }
    }

    /// Panics if the deque is not what this module promises.
    pub fn check_invariants(&self) {
        self.nodes.check_invariants();
        if !self.is_quicklist {
            let node = self
                .nodes
                .single()
                .expect("a list within the limits has one node");
            assert!(!node.is_plain());
        }
    }

    /// Notes that an element of `len` bytes will take the list beyond the limits.
    #[inline]
    fn outgrow(&mut self, len: usize, limits: ListLimits) {
        if !self.is_quicklist {
            let bytes = self
                .nodes
                .single()
                .map_or(LISTPACK_OVERHEAD_BYTES, Node::listpack_bytes);
            self.is_quicklist = limits.exceeds(bytes + len, self.nodes.len() + 1);
        }
    }

    #[inline]
    fn has_room(&self, node: &Node, len: usize, limits: ListLimits) -> bool {
        if !self.is_quicklist {
            return true;
        }
        let bytes = node.listpack_bytes() + len + ENTRY_OVERHEAD_ESTIMATE;
        !node.is_plain() && !limits.is_large(len) && !limits.exceeds(bytes, node.count() + 1)
    }

    fn fresh(&self, value: &[u8], limits: ListLimits) -> Node {
        if self.is_quicklist && limits.is_large(value.len()) {
            return Node::plain(value);
        }
        let is_filled = limits.entries_max().is_none() && self.nodes.len() > 0;
        Node::packed(
            &Encoded::new(value),
            if is_filled { NODE_BYTES_FIRST } else { 0 },
        )
    }

    /// Joins the node at `at` with its neighbours where they fit into one.
    fn join_around(&mut self, at: At, limits: ListLimits) {
        let room = limits.node_bytes();
        if let Some(next) = self.nodes.next(at)
            && can_join(self.nodes.node(at), self.nodes.node(next), limits, room)
        {
            self.absorb(at, next);
        }
        if let Some(before) = self.nodes.prev(at)
            && can_join(self.nodes.node(before), self.nodes.node(at), limits, room)
        {
            self.absorb(before, at);
        }
    }

    fn absorb(&mut self, left: At, right: At) {
        // Removed second, because a removal may renumber chunks.
        let moved = self.nodes.edit(right, std::mem::take);
        self.nodes.edit(left, |node| node.append(&moved));
        self.nodes.remove(right);
    }
}

fn can_join(left: &Node, right: &Node, limits: ListLimits, room: usize) -> bool {
    let bytes = left.listpack_bytes() + right.listpack_bytes() - LISTPACK_OVERHEAD_BYTES;
    let count = left.count() + right.count();
    !left.is_plain() && !right.is_plain() && bytes <= room && !limits.exceeds(bytes, count)
}

/// Removes up to `count` elements of a node from its element `offset` on; returns how many.
#[inline]
fn take_from(node: &mut Node, offset: usize, count: usize) -> usize {
    let taken = count.min(node.count() - offset);
    if taken == node.count() {
        *node = Node::default();
    } else {
        let pos = node.entries().seek(offset, node.count());
        node.remove(pos, taken);
    }
    taken
}

fn remove_equal_in(
    node: &mut Node,
    end: End,
    value: &[u8],
    encoded: &Encoded<'_>,
    budget: usize,
) -> usize {
    if node.is_plain() {
        let is_equal = node.bytes() == value;
        if is_equal {
            *node = Node::default();
        }
        return usize::from(is_equal);
    }
    let pos = match end {
        End::Head => 0,
        End::Tail => position_of_last(node.entries(), value, budget),
    };
    node.remove_matching(encoded, pos, budget)
}

/// The position of the `count`th element equal to `value` from the end; 0, where there are fewer.
fn position_of_last(entries: Entries<'_>, value: &[u8], mut count: usize) -> usize {
    let needle = Needle::new(value);
    let mut pos = entries.end();
    while let Some(before) = entries.prev(pos) {
        pos = before;
        if needle.matches(entries.at(pos)) {
            count -= 1;
            if count == 0 {
                return pos;
            }
        }
    }
    0
}
