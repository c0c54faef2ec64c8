//! One node of a long list: packed entries with spare room at both ends, or one large element.
//!
//! The entries lie in the block from `start` to `end`, without a listpack's header and terminator.
//! Because there may be room before them, pushing and popping at either end moves no bytes.

use crate::store::types::listpack::{
    Encoded, Entries, Entry, LISTPACK_OVERHEAD_BYTES, Listpack, size_class,
};

/// A node. It is never empty while it is in a list.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    block: Box<[u8]>,
    start: u32,
    end: u32,
    count: u32,
    is_plain: bool,
}

const _: () = assert!(size_of::<Node>() == 32);

impl Node {
    /// A node of one packed element, in a block of at least `capacity` bytes.
    pub fn packed(encoded: &Encoded<'_>, capacity: usize) -> Node {
        let size = encoded.size();
        let mut block = vec![0; size_class(size.max(capacity))].into_boxed_slice();
        encoded.write(&mut block[..size]);
        Node {
            block,
            start: 0,
            end: size as u32,
            count: 1,
            is_plain: false,
        }
    }

    /// A node that is one element, too large to be packed with others.
    pub fn plain(value: &[u8]) -> Node {
        let end = value.len() as u32;
        Node {
            block: value.into(),
            start: 0,
            end,
            count: 1,
            is_plain: true,
        }
    }

    /// A node of what a listpack holds.
    pub fn from_listpack(pack: &Listpack) -> Node {
        Node::from_entries(pack.entries().as_bytes(), pack.len())
    }

    fn from_entries(entries: &[u8], count: usize) -> Node {
        let mut block = Vec::with_capacity(size_class(entries.len()));
        block.extend_from_slice(entries);
        block.resize(size_class(entries.len()), 0);
        let end = entries.len() as u32;
        Node {
            block: block.into(),
            start: 0,
            end,
            count: count as u32,
            is_plain: false,
        }
    }

    /// The node's entries as a listpack.
    pub fn to_listpack(&self) -> Listpack {
        Listpack::from_entries(self.bytes(), self.count())
    }

    #[inline]
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Number of elements.
    #[inline]
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// The packed entries, or the one large element.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.block[self.start as usize..self.end as usize]
    }

    /// The entries of a packed node.
    #[inline]
    pub fn entries(&self) -> Entries<'_> {
        debug_assert!(!self.is_plain);
        Entries::new(self.bytes())
    }

    /// Element `index`, counted from the node's first.
    #[inline]
    pub fn get(&self, index: usize) -> Entry<'_> {
        if self.is_plain {
            return Entry::Str(self.bytes());
        }
        let entries = self.entries();
        entries.at(entries.seek(index, self.count()))
    }

    /// The size by which Redis judges a node: that of the listpack, or of the element.
    #[inline]
    pub fn listpack_bytes(&self) -> usize {
        self.bytes().len()
            + if self.is_plain {
                0
            } else {
                LISTPACK_OVERHEAD_BYTES
            }
    }

    /// Memory owned.
    pub fn heap_bytes(&self) -> usize {
        self.block.len()
    }

    /// The position for an insertion at the end.
    #[inline]
    pub fn end(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Inserts an entry before the one at `pos`. The block grows ahead of need up to `room` bytes.
    #[inline]
    pub fn insert(&mut self, pos: usize, encoded: &Encoded<'_>, room: usize) {
        encoded.write(self.splice(pos, pos, encoded.size(), room));
        self.count += 1;
    }

    /// Puts an entry in the place of the one at `pos`.
    pub fn replace(&mut self, pos: usize, encoded: &Encoded<'_>) {
        let end = self.entries().next(pos);
        encoded.write(self.splice(pos, end, encoded.size(), 0));
    }

    /// Removes `count` entries, beginning with the one at `pos`.
    #[inline]
    pub fn remove(&mut self, pos: usize, count: usize) {
        let end = self.entries().skip(pos, count);
        self.splice(pos, end, 0, 0);
        self.count -= count as u32;
        self.give_back();
    }

    /// Removes up to `budget` entries equal to `needle` at or behind `pos`; returns how many.
    pub fn remove_matching(&mut self, needle: &Encoded<'_>, pos: usize, budget: usize) -> usize {
        let bytes = &mut self.block[self.start as usize..self.end as usize];
        let (mut read, mut write, mut removed) = (pos, pos, 0);
        while read < bytes.len() && removed < budget {
            let next = Entries::new(bytes).next(read);
            if needle.matches(&bytes[read..]) {
                removed += 1;
            } else {
                if removed > 0 {
                    bytes.copy_within(read..next, write);
                }
                write += next - read;
            }
            read = next;
        }
        if removed > 0 {
            let rest = bytes.len() - read;
            bytes.copy_within(read.., write);
            self.end = self.start + (write + rest) as u32;
            self.count -= removed as u32;
            self.give_back();
        }
        removed
    }

    /// Cuts the node before the entry at `pos` and returns the second part.
    pub fn split_off(&mut self, pos: usize) -> Node {
        let entries = self.entries();
        let tail = Entries::new(&entries.as_bytes()[pos..]);
        let tail = Node::from_entries(tail.as_bytes(), tail.count());
        self.count -= tail.count;
        self.end = self.start + pos as u32;
        self.fit();
        tail
    }

    /// Appends what another packed node holds.
    pub fn append(&mut self, other: &Node) {
        let end = self.end();
        self.splice(end, end, other.end(), 0)
            .copy_from_slice(other.bytes());
        self.count += other.count;
    }

    /// Gives spare room back: the node is not expected to grow.
    pub fn fit(&mut self) {
        if !self.is_plain && size_class(self.end()) < self.block.len() {
            *self = Node::from_entries(self.bytes(), self.count());
        }
    }

    /// Panics if the node is not what this module promises.
    pub fn check_invariants(&self) {
        assert!(
            self.count > 0 && self.start < self.end,
            "an empty node is in a list"
        );
        if self.is_plain {
            assert_eq!(
                (self.count, self.start, self.end as usize),
                (1, 0, self.block.len())
            );
        } else {
            self.to_listpack().check_invariants();
            assert_eq!(self.entries().count(), self.count());
        }
    }

    #[inline]
    fn give_back(&mut self) {
        if self.block.len() >= 512 && self.end() < self.block.len() / 4 {
            self.fit();
        }
    }

    /// Replaces the bytes from `from` to `to` by `size` bytes, which it returns for the caller to
    /// fill. Moves the shorter side, towards room that is there.
    #[inline]
    fn splice(&mut self, from: usize, to: usize, size: usize, room: usize) -> &mut [u8] {
        let (start, end) = (self.start as usize, self.end as usize);
        let tail = end - start - to;
        let is_front = from < tail || (from == 0 && to == 0);
        let grown = size as isize - (to - from) as isize;
        let (room_front, room_back) = (start as isize, (self.block.len() - end) as isize);
        let inside = from != 0 && tail != 0;
        let front_fits = grown <= room_front && (is_front || (inside && grown > room_back));
        if front_fits {
            let moved = start.wrapping_add_signed(-grown);
            self.block.copy_within(start..start + from, moved);
            self.start = moved as u32;
        } else if grown <= room_back && (!is_front || inside || grown <= 0) {
            let moved = (start + to).wrapping_add_signed(grown);
            self.block.copy_within(start + to..end, moved);
            self.end = end.wrapping_add_signed(grown) as u32;
        } else {
            self.lay_out(from, to, size, room);
        }
        let at = self.start as usize + from;
        &mut self.block[at..at + size]
    }

    /// Finds a new place for everything: the other end of the block, where enough is free that
    /// this will not happen again soon, or a larger block.
    #[cold]
    fn lay_out(&mut self, from: usize, to: usize, size: usize, room: usize) {
        let (start, end) = (self.start as usize, self.end as usize);
        let len = end - start;
        let tail = len - to;
        let (head, need) = (from, from + size + tail);
        let at_front = from == 0 && tail > 0;
        let capacity = self.block.len();
        if capacity >= need + len / 4 {
            let target = if at_front { capacity - need } else { 0 };
            // Whichever side goes first must not overwrite the other before that has moved.
            if target <= start {
                self.block.copy_within(start..start + head, target);
                self.block
                    .copy_within(start + to..end, target + from + size);
            } else {
                self.block
                    .copy_within(start + to..end, target + from + size);
                self.block.copy_within(start..start + head, target);
            }
            (self.start, self.end) = (target as u32, (target + need) as u32);
            return;
        }
        let ahead = (need + need / 2).min(room).max(need);
        let mut block = vec![0; size_class(ahead)].into_boxed_slice();
        let target = if at_front { block.len() - need } else { 0 };
        block[target..target + head].copy_from_slice(&self.block[start..start + head]);
        block[target + from + size..target + need].copy_from_slice(&self.block[start + to..end]);
        self.block = block;
        (self.start, self.end) = (target as u32, (target + need) as u32);
    }
}
