//! The list: elements in order, quick at both ends, compact throughout.
//!
//! A short list is one listpack. A longer one is a deque of packed nodes with room at both ends;
//! an element too large for a node is a node of its own. What OBJECT ENCODING calls a list
//! ("listpack" or "quicklist") follows Redis's limits and is independent of the form: the deque
//! begins at [`PACKED_BYTES_MAX`], because from there on moving bytes costs more than it does.
//!
//! Limits (`list-max-listpack-size`) are passed in by each call that may need them. Indexes are
//! counted from the head and checked here; negative ones are the caller's to resolve.

mod deque;
mod iter;
mod node;
mod nodes;

#[cfg(test)]
mod tests;

use std::mem::take;

use self::deque::Deque;
use self::node::Node;
use super::listpack::{
    Encoded, Entries, Entry, LISTPACK_OVERHEAD_BYTES, Listpack, Malformed, Needle,
};

pub use self::iter::{Range, RangeRev};

/// A larger list is a deque.
const PACKED_BYTES_MAX: usize = 2048;
/// A node limited by number of elements is limited to these bytes too.
const NODE_BYTES_SAFE: usize = 8192;

/// One end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Where index 0 is.
    Head,
    /// Where the last index is.
    Tail,
}

/// When a list's node is full, and when a list is no longer short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListLimits {
    /// `list-max-listpack-size`: elements, or (-1 to -5) 4, 8, 16, 32 or 64 KiB.
    pub max_listpack_size: i32,
    /// An element of so many bytes is a node of its own; 0 leaves that to the size above. Only
    /// DEBUG QUICKLIST-PACKED-THRESHOLD sets it.
    pub packed_threshold: u32,
}

impl Default for ListLimits {
    fn default() -> ListLimits {
        ListLimits {
            max_listpack_size: -2,
            packed_threshold: 0,
        }
    }
}

impl ListLimits {
    /// Bytes a node may grow to.
    #[inline]
    fn node_bytes(self) -> usize {
        match self.max_listpack_size {
            0.. => NODE_BYTES_SAFE,
            size => 4096 << (size.max(-5).unsigned_abs() - 1),
        }
    }

    /// Elements a node may hold, if they are what is limited.
    #[inline]
    fn entries_max(self) -> Option<usize> {
        (self.max_listpack_size >= 0).then_some(self.max_listpack_size.max(1) as usize)
    }

    #[inline]
    fn exceeds(self, bytes: usize, count: usize) -> bool {
        bytes > self.node_bytes() || self.entries_max().is_some_and(|max| count > max)
    }

    #[inline]
    fn is_large(self, len: usize) -> bool {
        match self.packed_threshold {
            0 => len > self.node_bytes(),
            threshold => len > 0 && len >= threshold as usize,
        }
    }
}

/// A list. See the module's text.
#[derive(Clone, Debug)]
pub struct List(Repr);

#[derive(Clone, Debug)]
enum Repr {
    Packed(Listpack),
    Deque(Box<Deque>),
}

const _: () = assert!(size_of::<List>() == 16);

impl Default for List {
    fn default() -> List {
        List::new()
    }
}

impl List {
    /// An empty list; owns no memory.
    pub fn new() -> List {
        List(Repr::Packed(Listpack::new()))
    }

    /// Number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Packed(pack) => pack.len(),
            Repr::Deque(deque) => deque.nodes.len(),
        }
    }

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Repr::Packed(pack) => pack.is_empty(),
            Repr::Deque(deque) => deque.nodes.len() == 0,
        }
    }

    /// What OBJECT ENCODING says.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Repr::Deque(deque) if deque.is_quicklist => "quicklist",
            _ => "listpack",
        }
    }

    /// Adds an element at an end.
    #[inline]
    pub fn push(&mut self, end: End, value: &[u8], limits: ListLimits) {
        self.make_room(value.len(), limits);
        match &mut self.0 {
            Repr::Deque(deque) => deque.push(end, value, limits),
            Repr::Packed(pack) => match end {
                End::Head => pack.insert(0, value),
                End::Tail => pack.push(value),
            },
        }
    }

    /// The first or last element.
    #[inline]
    pub fn peek(&self, end: End) -> Option<Entry<'_>> {
        match &self.0 {
            Repr::Deque(deque) => deque.peek(end),
            Repr::Packed(pack) => {
                let mut iter = pack.iter();
                if end == End::Head {
                    iter.next()
                } else {
                    iter.next_back()
                }
            }
        }
    }

    /// Removes the first or last element and appends its bytes to `out`; whether there was one.
    pub fn pop_into(&mut self, end: End, out: &mut Vec<u8>, limits: ListLimits) -> bool {
        let Some(entry) = self.peek(end) else {
            return false;
        };
        entry.append_to(out);
        self.remove_end(end, 1, limits);
        true
    }

    /// Removes up to `count` elements at an end; returns how many.
    #[inline]
    pub fn remove_end(&mut self, end: End, count: usize, limits: ListLimits) -> usize {
        let count = count.min(self.len());
        if let Repr::Deque(deque) = &mut self.0
            && count == 1
        {
            deque.pop(end);
            self.shrink(limits);
            return 1;
        }
        let index = if end == End::Head {
            0
        } else {
            self.len() - count
        };
        self.remove_range(index, count, limits)
    }

    /// Element `index`.
    #[inline]
    pub fn get(&self, index: usize) -> Option<Entry<'_>> {
        match &self.0 {
            Repr::Packed(pack) => pack.get(index),
            Repr::Deque(deque) if index < deque.nodes.len() => {
                let (at, index) = deque.nodes.seek(index);
                Some(deque.nodes.node(at).get(index))
            }
            Repr::Deque(_) => None,
        }
    }

    /// All elements from head to tail.
    pub fn iter(&self) -> Range<'_> {
        self.range(0, usize::MAX)
    }

    /// Up to `count` elements from element `index` on, towards the tail.
    #[inline]
    pub fn range(&self, index: usize, count: usize) -> Range<'_> {
        let len = self.len();
        let count = count.min(len.saturating_sub(index));
        match &self.0 {
            Repr::Deque(deque) => deque.range(index, count),
            Repr::Packed(pack) => {
                let entries = pack.entries();
                let rest = &entries.as_bytes()[entries.seek(index, len)..];
                Range {
                    entries: Entries::new(rest).iter(),
                    left: count,
                    ..Range::default()
                }
            }
        }
    }

    /// Up to `count` elements from element `index` on (or from the last), towards the head.
    #[inline]
    pub fn range_rev(&self, index: usize, count: usize) -> RangeRev<'_> {
        let len = self.len();
        let index = index.min(len.wrapping_sub(1));
        let count = if len == 0 { 0 } else { count.min(index + 1) };
        match &self.0 {
            Repr::Deque(deque) => deque.range_rev(index, count),
            Repr::Packed(_) if count == 0 => RangeRev::default(),
            Repr::Packed(pack) => {
                let entries = pack.entries();
                let rest = &entries.as_bytes()[..entries.seek(index + 1, len)];
                RangeRev {
                    entries: Entries::new(rest).iter(),
                    left: count,
                    ..RangeRev::default()
                }
            }
        }
    }

    /// Puts an element in the place of element `index`; whether there was one.
    pub fn set(&mut self, index: usize, value: &[u8], limits: ListLimits) -> bool {
        if index >= self.len() {
            return false;
        }
        self.make_room(value.len(), limits);
        match &mut self.0 {
            Repr::Packed(pack) => pack.replace(pack.entries().seek(index, pack.len()), value),
            Repr::Deque(deque) => deque.set(index, value, limits),
        }
        self.shrink(limits);
        true
    }

    /// Inserts an element beside the first one equal to `pivot`: before it, or behind. Whether
    /// there was such a one.
    pub fn insert(
        &mut self,
        pivot: &[u8],
        is_before: bool,
        value: &[u8],
        limits: ListLimits,
    ) -> bool {
        self.make_room(value.len(), limits);
        match &mut self.0 {
            Repr::Packed(pack) => {
                let Some(pos) = pack.find(pivot, 1) else {
                    return false;
                };
                let pos = if is_before {
                    pos
                } else {
                    pack.entries().next(pos)
                };
                pack.insert(pos, value);
            }
            Repr::Deque(deque) => {
                let Some((at, pos, behind)) = deque.find(pivot) else {
                    return false;
                };
                deque.insert(at, if is_before { pos } else { behind }, value, limits);
            }
        }
        true
    }

    /// Removes elements equal to `value`: all for a `count` of 0, else up to so many, counted
    /// from the head, or from the tail where it is negative. Returns how many.
    pub fn remove(&mut self, value: &[u8], count: i64, limits: ListLimits) -> usize {
        let end = if count < 0 { End::Tail } else { End::Head };
        let budget = match count.unsigned_abs() as usize {
            0 => usize::MAX,
            count => count,
        };
        let removed = match &mut self.0 {
            Repr::Packed(pack) => remove_equal(pack, end, value, budget),
            Repr::Deque(deque) => deque.remove_equal(end, value, budget, limits),
        };
        self.shrink(limits);
        removed
    }

    /// Removes up to `count` elements from element `index` on; returns how many.
    #[inline]
    pub fn remove_range(&mut self, index: usize, count: usize, limits: ListLimits) -> usize {
        let count = count.min(self.len().saturating_sub(index));
        match &mut self.0 {
            Repr::Packed(pack) => pack.remove_range(index, count),
            Repr::Deque(deque) => deque.remove_range(index, count, limits),
        }
        self.shrink(limits);
        count
    }

    /// Keeps `count` elements from element `index` on, and removes the others.
    pub fn trim(&mut self, index: usize, count: usize, limits: ListLimits) {
        self.remove_range(index.saturating_add(count), usize::MAX, limits);
        self.remove_range(0, index, limits);
    }

    /// The indexes of elements equal to `value`, as LPOS asks for them: `rank` 1 begins with the
    /// first match from the head, -1 with the first from the tail, 2 and -2 with the second, and
    /// so on (0 counts as 1); at most `len_max` elements are compared (0: all). Ends when `found`
    /// returns false.
    pub fn positions(
        &self,
        value: &[u8],
        rank: i64,
        len_max: usize,
        mut found: impl FnMut(usize) -> bool,
    ) {
        let needle = Needle::new(value);
        let mut skipped = rank.unsigned_abs().saturating_sub(1);
        let mut goes_on = |index: usize, entry: Entry<'_>| {
            if !needle.matches(entry) {
                return true;
            }
            if skipped > 0 {
                skipped -= 1;
                return true;
            }
            found(index)
        };
        let len = self.len();
        let count = if len_max == 0 { len } else { len_max.min(len) };
        if rank >= 0 {
            let _ = self
                .range(0, count)
                .enumerate()
                .all(|(at, entry)| goes_on(at, entry));
        } else {
            let mut range = self.range_rev(usize::MAX, count).enumerate();
            let _ = range.all(|(at, entry)| goes_on(len - 1 - at, entry));
        }
    }

    /// Number of nodes, for saving; an empty list has one.
    pub fn node_count(&self) -> usize {
        match &self.0 {
            Repr::Packed(_) => 1,
            Repr::Deque(deque) => deque.nodes.node_count(),
        }
    }

    /// The nodes behind the first `skipped`, for saving.
    pub fn nodes_from(&self, skipped: usize) -> impl Iterator<Item = NodeView<'_>> {
        let (pack, mut walk) = match &self.0 {
            Repr::Packed(pack) => {
                let entries = pack.entries().as_bytes();
                let view = NodeView::Packed {
                    entries,
                    count: pack.len(),
                };
                ((skipped == 0).then_some(view), Default::default())
            }
            Repr::Deque(deque) => (None, deque.nodes.iter_from(skipped)),
        };
        pack.into_iter().chain(std::iter::from_fn(move || {
            let node = walk.forward()?;
            Some(match node.is_plain() {
                true => NodeView::Plain(node.bytes()),
                false => NodeView::Packed {
                    entries: node.bytes(),
                    count: node.count(),
                },
            })
        }))
    }

    /// Appends a node of a saved list: a serialised listpack, all of which is checked. Call
    /// [`List::settle`] after the last one.
    pub fn append_listpack(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let pack = Listpack::from_bytes(bytes)?;
        if !pack.is_empty() {
            self.deque(true)
                .nodes
                .push(End::Tail, Node::from_listpack(&pack));
        }
        Ok(())
    }

    /// Appends a saved node that is one element. Call [`List::settle`] after the last one.
    pub fn append_plain(&mut self, value: &[u8]) {
        let node = match value {
            [] => Node::packed(&Encoded::new(value), 0),
            _ => Node::plain(value),
        };
        self.deque(true).nodes.push(End::Tail, node);
    }

    /// Chooses the encoding of a list that was put together from saved nodes.
    pub fn settle(&mut self, limits: ListLimits) {
        self.shrink_to(limits, 1);
    }

    /// Memory owned, without `size_of::<List>()`. Of a long list, `samples` nodes (0: all) are
    /// looked at.
    pub fn heap_bytes(&self, samples: usize) -> usize {
        let deque = match &self.0 {
            Repr::Packed(pack) => return pack.heap_bytes(),
            Repr::Deque(deque) => deque,
        };
        let count = deque.nodes.node_count();
        let samples = if samples == 0 {
            count
        } else {
            samples.min(count)
        };
        let mut walk = deque.nodes.iter();
        let seen: usize = (0..samples)
            .filter_map(|_| walk.forward())
            .map(Node::heap_bytes)
            .sum();
        let nodes = seen * count / samples.max(1);
        size_of::<Deque>() + deque.nodes.heap_bytes() + nodes
    }

    /// Frees elements of a list that is to be dropped, about `count` of them; returns how many,
    /// 0 when none is left.
    pub fn drain_slice(&mut self, count: usize) -> usize {
        let deque = match &mut self.0 {
            Repr::Packed(pack) => {
                let len = pack.len();
                pack.clear();
                return len;
            }
            Repr::Deque(deque) => deque,
        };
        let mut freed = 0;
        while freed < count.max(1)
            && let Some(at) = deque.nodes.outermost(End::Tail)
            && let Some(node) = deque.nodes.remove(at)
        {
            freed += node.count();
        }
        if deque.nodes.len() == 0 {
            *self = List::new();
        }
        freed
    }

    /// Panics if the list is not what this module promises.
    pub fn check_invariants(&self) {
        match &self.0 {
            Repr::Packed(pack) => pack.check_invariants(),
            Repr::Deque(deque) => deque.check_invariants(),
        }
    }

    /// Goes over to the deque, if an element of `len` bytes asks for it.
    #[inline]
    fn make_room(&mut self, len: usize, limits: ListLimits) {
        if let Repr::Packed(pack) = &self.0 {
            let bytes = pack.byte_len() + len;
            let is_quicklist = limits.exceeds(bytes, pack.len() + 1);
            if is_quicklist || bytes > PACKED_BYTES_MAX {
                self.deque(is_quicklist);
            }
        }
    }

    #[cold]
    fn deque(&mut self, is_quicklist: bool) -> &mut Deque {
        if let Repr::Packed(pack) = &mut self.0 {
            let deque = Deque::new(&take(pack), is_quicklist);
            self.0 = Repr::Deque(Box::new(deque));
        }
        match &mut self.0 {
            Repr::Deque(deque) => deque,
            Repr::Packed(_) => unreachable!("the list has just become a deque"),
        }
    }

    /// After a removal: short lists are packed again. Half the limits decide, so that a list
    /// which grows and shrinks by one does not change its form each time.
    #[inline]
    fn shrink(&mut self, limits: ListLimits) {
        if let Repr::Deque(_) = &self.0 {
            self.shrink_to(limits, 2);
        }
    }

    fn shrink_to(&mut self, limits: ListLimits, divisor: usize) {
        let Repr::Deque(deque) = &mut self.0 else {
            return;
        };
        if deque.is_quicklist && deque.is_within(limits, divisor) {
            deque.is_quicklist = false;
        }
        if deque.is_quicklist {
            return;
        }
        match deque.nodes.single() {
            None => *self = List::new(),
            Some(node) if node.listpack_bytes() <= PACKED_BYTES_MAX / 2 => {
                self.0 = Repr::Packed(node.to_listpack());
            }
            Some(_) => {}
        }
    }
}

/// A node as it is saved.
#[derive(Clone, Copy, Debug)]
pub enum NodeView<'a> {
    /// Entries of a listpack.
    Packed {
        /// The encoded entries, without header and terminator.
        entries: &'a [u8],
        /// How many there are.
        count: usize,
    },
    /// One large element.
    Plain(&'a [u8]),
}

impl NodeView<'_> {
    /// Appends the node as Redis serialises it: a listpack, or the element's bytes.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        match self {
            NodeView::Plain(value) => out.extend_from_slice(value),
            NodeView::Packed { entries, count } => {
                let len = (entries.len() + LISTPACK_OVERHEAD_BYTES) as u32;
                out.extend_from_slice(&len.to_le_bytes());
                out.extend_from_slice(&((*count).min(0xffff) as u16).to_le_bytes());
                out.extend_from_slice(entries);
                out.push(0xff);
            }
        }
    }
}

fn remove_equal(pack: &mut Listpack, end: End, value: &[u8], budget: usize) -> usize {
    let needle = Needle::new(value);
    let (mut removed, mut pos) = (
        0,
        if end == End::Head {
            0
        } else {
            pack.entries().end()
        },
    );
    while removed < budget {
        let entries = pack.entries();
        match end {
            End::Tail => match entries.prev(pos) {
                Some(before) => pos = before,
                None => break,
            },
            End::Head if pos == entries.end() => break,
            End::Head => {}
        }
        if needle.matches(entries.at(pos)) {
            pack.remove(pos, 1);
            removed += 1;
        } else if end == End::Head {
            pos = entries.next(pos);
        }
    }
    removed
}
