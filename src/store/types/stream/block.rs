//! A block of consecutive entries in one allocation: what Redis calls a node, in our own encoding.
//!
//! ```text
//! block: names length | field count | name ..            the fields most entries share
//!        entry ..
//! entry: tag (length of body * 4 + same fields * 2 + deleted) | body | length of tag and body
//! body:  ms delta | seq | [field count] | string ..       each string with its length before it
//! ```
//!
//! Numbers are little-endian base-128; an entry's last number is written backwards, so that blocks
//! are walked both ways. `seq` is a difference to the block's id while `ms delta` is 0, and the
//! plain number otherwise. An entry whose fields are the block's has values only. Deleting sets a
//! bit; [`Block::compact`] takes tombstones out. Every string is stored as it came, so that it can
//! be lent out; Redis turns numbers into binary and back.
//!
//! Bytes in here are ours: they were written by `push` and need no checks.

use super::codec::{
    number, number_len, push_number, push_number_backwards, push_string, string_len, take_string,
};
use super::id::{AddError, StreamId};
use super::node;

/// The bytes of strings a block may take, and so an entry: a listpack counts in 32 bits, and
/// Redis keeps a distance.
pub(super) const STRING_BYTES_MAX: usize = 1 << 30;

/// Room for the first entry of a block; doubling goes on from there.
const FIRST_ENTRY_ROOM: usize = 32;

/// The bit of an entry's tag that marks a tombstone.
const TAG_DELETED: u8 = 1;
/// The bit of an entry's tag that says that the fields are the block's.
const TAG_SAME_FIELDS: u64 = 2;
const TAG_BITS: u32 = 2;

/// Consecutive entries. A block in a stream holds a live entry at least.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    bytes: Vec<u8>,
    live: u32,
    deleted: u32,
    /// Where the first live entry is; whatever entries come before it are tombstones.
    head: u32,
    /// What fields and entries would take in Redis's encoding, without frame and counters.
    packed: u32,
}

/// One entry, borrowed from its block.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    id: StreamId,
    fields: usize,
    /// The block's names when the entry has those, else nothing.
    names: &'a [u8],
    strings: &'a [u8],
}

impl<'a> Entry<'a> {
    /// The id.
    #[inline]
    pub fn id(&self) -> StreamId {
        self.id
    }

    /// The number of fields.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.fields
    }

    /// Names and values in the order in which they were given.
    #[inline]
    pub fn fields(&self) -> Fields<'a> {
        Fields {
            left: self.fields,
            names: self.names,
            strings: self.strings,
        }
    }

    pub(super) fn has_block_fields(&self) -> bool {
        !self.names.is_empty()
    }
}

/// Iterates the fields of an entry.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    left: usize,
    names: &'a [u8],
    strings: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let from = if self.names.is_empty() {
            &mut self.strings
        } else {
            &mut self.names
        };
        let name = take_string(from);
        Some((name, take_string(&mut self.strings)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}

impl Block {
    /// A block without entries whose shared fields are `names`.
    pub fn new<'f>(names: impl Iterator<Item = &'f [u8]> + Clone) -> Block {
        let mut packed = 2 * node::packed_integer_len(0);
        let (mut count, mut len) = (0, 0);
        for name in names.clone() {
            count += 1;
            len += string_len(name);
            packed += node::packed_len(name);
        }
        packed += node::packed_integer_len(count) - node::packed_integer_len(0);
        let mut bytes = Vec::with_capacity(len + FIRST_ENTRY_ROOM);
        push_number(&mut bytes, len as u64);
        push_number(&mut bytes, count as u64);
        names.for_each(|name| push_string(&mut bytes, name));
        let head = bytes.len() as u32;
        Block {
            bytes,
            live: 0,
            deleted: 0,
            head,
            packed: packed as u32,
        }
    }

    /// Appends an entry, which must have a field; its id must be above all others and not below
    /// `base`.
    pub fn push<'f>(
        &mut self,
        base: StreamId,
        id: StreamId,
        pairs: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
    ) -> Result<(), AddError> {
        let view = self.view(base);
        let same = view.has_names(pairs.clone().map(|(name, _)| name));
        let (mut fields, mut len) = (0usize, 0);
        let (mut names_packed, mut values_packed) = (0, 0);
        for (name, value) in pairs.clone() {
            fields += 1;
            len += string_len(value);
            values_packed += node::packed_len(value);
            if !same {
                len += string_len(name);
                names_packed += node::packed_len(name);
            }
        }
        let ms = id.ms - base.ms;
        let seq = if ms == 0 { id.seq - base.seq } else { id.seq };
        len += number_len(ms) + number_len(seq);
        len += if same { 0 } else { number_len(fields as u64) };
        if self.bytes.len() + len > 2 * STRING_BYTES_MAX {
            return Err(AddError::TooLarge);
        }
        let tag = ((len as u64) << TAG_BITS) | if same { TAG_SAME_FIELDS } else { 0 };
        let whole = number_len(tag) + len;
        self.bytes.reserve(whole + number_len(whole as u64));
        push_number(&mut self.bytes, tag);
        push_number(&mut self.bytes, ms);
        push_number(&mut self.bytes, seq);
        if !same {
            push_number(&mut self.bytes, fields as u64);
        }
        for (name, value) in pairs {
            if !same {
                push_string(&mut self.bytes, name);
            }
            push_string(&mut self.bytes, value);
        }
        push_number_backwards(&mut self.bytes, whole as u64);
        self.live += 1;
        self.packed +=
            node::packed_entry_len(base, id, fields, same, names_packed, values_packed) as u32;
        Ok(())
    }

    /// Entries that are there.
    #[inline]
    pub fn live(&self) -> u32 {
        self.live
    }

    /// Entries, and tombstones that still take their place.
    #[inline]
    pub fn slots(&self) -> usize {
        self.live as usize + self.deleted as usize
    }

    /// Whether this is the block of a stream that has none.
    #[inline]
    pub fn is_vacant(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes that Redis's encoding of this block takes.
    #[inline]
    pub fn packed_len(&self) -> usize {
        node::FRAME_LEN
            + node::packed_integer_len(i64::from(self.live))
            + node::packed_integer_len(i64::from(self.deleted))
            + self.packed as usize
    }

    /// Heap bytes held.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    pub fn shrink_to_fit(&mut self) {
        self.bytes.shrink_to_fit();
    }

    #[inline]
    pub fn view(&self, base: StreamId) -> View<'_> {
        View::new(base, &self.bytes, self.head as usize)
    }

    /// The entries that are there, ascending.
    pub fn live_entries(&self, base: StreamId) -> impl Iterator<Item = Entry<'_>> {
        let view = self.view(base);
        let mut at = view.head;
        std::iter::from_fn(move || {
            while at < view.bytes.len() {
                let slot = view.slot(at);
                at = slot.next;
                if !slot.deleted {
                    return Some(view.entry(&slot));
                }
            }
            None
        })
    }

    /// The id of the last entry or tombstone.
    pub fn last_slot_id(&self, base: StreamId) -> StreamId {
        let view = self.view(base);
        if self.bytes.len() <= view.first {
            base
        } else {
            view.slot(view.before(self.bytes.len())).id
        }
    }

    /// The first entry that is there.
    pub fn first_live_id(&self, base: StreamId) -> StreamId {
        let view = self.view(base);
        view.slot(view.head).id
    }

    /// The last entry that is there.
    pub fn last_live_id(&self, base: StreamId) -> StreamId {
        let view = self.view(base);
        let mut at = self.bytes.len();
        loop {
            at = view.before(at);
            let slot = view.slot(at);
            if !slot.deleted || at <= view.head {
                return slot.id;
            }
        }
    }

    /// Makes a tombstone of the entry `id`; false when it is not there.
    pub fn delete(&mut self, base: StreamId, id: StreamId, from_end: bool) -> bool {
        let view = self.view(base);
        let at = view.lower_bound(id, from_end);
        if at >= self.bytes.len() {
            return false;
        }
        let slot = view.slot(at);
        if slot.id != id || slot.deleted {
            return false;
        }
        self.bury(at);
        self.advance_head(base);
        true
    }

    /// Walks the live entries in order while `wanted` says so, and makes tombstones of those that
    /// `may_delete` lets go. Both are given the id; the former also how many went. Returns how
    /// many went.
    pub fn delete_prefix(
        &mut self,
        base: StreamId,
        mut wanted: impl FnMut(StreamId, u64) -> bool,
        mut may_delete: impl FnMut(StreamId) -> bool,
    ) -> u64 {
        let (mut at, mut gone) = (self.head as usize, 0);
        while at < self.bytes.len() {
            let slot = self.view(base).slot(at);
            if !wanted(slot.id, gone) {
                break;
            }
            if !slot.deleted && may_delete(slot.id) {
                self.bury(at);
                gone += 1;
            }
            at = slot.next;
        }
        self.advance_head(base);
        gone
    }

    /// Takes the tombstones out once they are more than the entries.
    pub fn compact(&mut self, base: StreamId) {
        if self.deleted > self.live && self.deleted >= TOMBSTONES_KEPT {
            self.remove_tombstones(base);
        }
    }

    /// Takes the tombstones out.
    pub fn remove_tombstones(&mut self, base: StreamId) {
        let view = self.view(base);
        let mut bytes = Vec::with_capacity(self.bytes.len() / 2);
        bytes.extend_from_slice(&self.bytes[..view.first]);
        let mut packed_gone = 0;
        let mut at = view.first;
        while at < self.bytes.len() {
            let slot = view.slot(at);
            if slot.deleted {
                packed_gone += view.entry(&slot).packed_len(base);
            } else {
                bytes.extend_from_slice(&self.bytes[at..slot.next]);
            }
            at = slot.next;
        }
        self.head = view.first as u32;
        self.packed -= packed_gone as u32;
        self.deleted = 0;
        self.bytes = bytes;
    }

    pub fn check_invariants(&self, base: StreamId) {
        let view = self.view(base);
        let (mut at, mut live, mut deleted, mut previous) = (view.first, 0, 0, None);
        let names_packed: usize = view.names().map(node::packed_len).sum();
        let names = view.names().count() as i64;
        let mut packed =
            names_packed + node::packed_integer_len(names) + node::packed_integer_len(0);
        let mut starts = Vec::new();
        while at < self.bytes.len() {
            let slot = view.slot(at);
            assert!(slot.id >= base && previous.is_none_or(|previous| previous < slot.id));
            assert!(
                slot.deleted || at >= view.head,
                "a live entry before the head"
            );
            previous = Some(slot.id);
            packed += view.entry(&slot).packed_len(base);
            starts.push(at);
            *(if slot.deleted {
                &mut deleted
            } else {
                &mut live
            }) += 1;
            at = slot.next;
        }
        assert_eq!(
            (self.live, self.deleted, at),
            (live, deleted, self.bytes.len())
        );
        assert_eq!(self.packed as usize, packed);
        for start in starts.into_iter().rev() {
            at = view.before(at);
            assert_eq!(at, start);
        }
        assert!(
            live == 0 || !view.slot(view.head).deleted,
            "the head is a tombstone"
        );
    }

    fn bury(&mut self, at: usize) {
        self.bytes[at] |= TAG_DELETED;
        self.live -= 1;
        self.deleted += 1;
    }

    fn advance_head(&mut self, base: StreamId) {
        let mut head = self.head as usize;
        while head < self.bytes.len() {
            let slot = self.view(base).slot(head);
            if !slot.deleted {
                break;
            }
            head = slot.next;
        }
        self.head = head as u32;
    }
}

/// Fewer tombstones than this are not worth a compaction.
const TOMBSTONES_KEPT: u32 = 16;

/// A block as it is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    base: StreamId,
    bytes: &'a [u8],
    names: &'a [u8],
    fields: usize,
    /// Where entries begin.
    first: usize,
    /// Where the first live entry is.
    head: usize,
}

/// Where an entry is, and its id.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub id: StreamId,
    pub next: usize,
    pub deleted: bool,
    same: bool,
    /// What follows the id.
    rest: (usize, usize),
}

impl<'a> View<'a> {
    #[inline]
    fn new(base: StreamId, bytes: &'a [u8], head: usize) -> View<'a> {
        if bytes.is_empty() {
            return View::empty();
        }
        let mut at = 0;
        let len = number(bytes, &mut at) as usize;
        let fields = number(bytes, &mut at) as usize;
        View {
            base,
            bytes,
            names: &bytes[at..at + len],
            fields,
            first: at + len,
            head,
        }
    }

    /// A block without entries.
    #[inline]
    pub fn empty() -> View<'a> {
        View {
            base: StreamId::MIN,
            bytes: &[],
            names: &[],
            fields: 0,
            first: 0,
            head: 0,
        }
    }

    #[inline]
    pub fn head(&self) -> usize {
        self.head
    }

    #[inline]
    pub fn end(&self) -> usize {
        self.bytes.len()
    }

    /// The fields most entries share.
    pub fn names(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut names = self.names;
        (0..self.fields).map(move |_| take_string(&mut names))
    }

    /// The entry at an offset that [`Slot::next`], [`View::before`] or [`View::head`] gave.
    #[inline]
    pub fn slot(&self, at: usize) -> Slot {
        let mut cursor = at;
        let tag = number(self.bytes, &mut cursor);
        let end = cursor + (tag >> TAG_BITS) as usize;
        let ms = number(self.bytes, &mut cursor);
        let seq = number(self.bytes, &mut cursor);
        let id = if ms == 0 {
            StreamId::new(self.base.ms, self.base.seq + seq)
        } else {
            StreamId::new(self.base.ms + ms, seq)
        };
        Slot {
            id,
            next: end + number_len((end - at) as u64),
            deleted: tag & u64::from(TAG_DELETED) != 0,
            same: tag & TAG_SAME_FIELDS != 0,
            rest: (cursor, end),
        }
    }

    #[inline]
    pub fn entry(&self, slot: &Slot) -> Entry<'a> {
        let (mut at, end) = slot.rest;
        if slot.same {
            let strings = &self.bytes[at..end];
            return Entry {
                id: slot.id,
                fields: self.fields,
                names: self.names,
                strings,
            };
        }
        let fields = number(self.bytes, &mut at) as usize;
        Entry {
            id: slot.id,
            fields,
            names: &[],
            strings: &self.bytes[at..end],
        }
    }

    /// Where the entry before the one at `at` begins; `at` may be the end.
    #[inline]
    pub fn before(&self, at: usize) -> usize {
        let (mut from, mut len, mut shift) = (at, 0, 0);
        loop {
            from -= 1;
            let byte = self.bytes[from];
            len |= usize::from(byte & 127) << shift;
            if byte < 128 {
                return from - len;
            }
            shift += 7;
        }
    }

    /// The offset of the first entry or tombstone, from the head on, that is not below `id`.
    /// Searching from the end pays where readers wait for news.
    pub fn lower_bound(&self, id: StreamId, from_end: bool) -> usize {
        if from_end {
            let mut at = self.bytes.len();
            while at > self.head {
                let before = self.before(at);
                if self.slot(before).id < id {
                    break;
                }
                at = before;
            }
            return at;
        }
        let mut at = self.head;
        while at < self.bytes.len() {
            let slot = self.slot(at);
            if slot.id >= id {
                break;
            }
            at = slot.next;
        }
        at
    }

    /// Whether the shared fields are exactly `names`.
    fn has_names<'f>(&self, names: impl Iterator<Item = &'f [u8]>) -> bool {
        let (mut rest, mut left) = (self.names, self.fields);
        for name in names {
            if left == 0 || take_string(&mut rest) != name {
                return false;
            }
            left -= 1;
        }
        left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_fields_cost_nothing() {
        let base = StreamId::new(1000, 5);
        let mut block = Block::new([&b"name"[..], b"age"].into_iter());
        let pairs = [(&b"name"[..], &b"x"[..]), (b"age", b"12")];
        block.push(base, base, pairs.into_iter()).unwrap();
        let one = block.bytes.len();
        block
            .push(base, StreamId::new(1000, 6), pairs.into_iter())
            .unwrap();
        assert_eq!(block.bytes.len() - one, 1 + 2 + 2 + 3 + 1);
        block
            .push(base, StreamId::new(1001, 0), pairs.into_iter().rev())
            .unwrap();
        block.check_invariants(base);
        let ids: Vec<_> = block
            .live_entries(base)
            .map(|entry| entry.id().to_string())
            .collect();
        assert_eq!(ids, ["1000-5", "1000-6", "1001-0"]);
        let last = block.live_entries(base).last().unwrap();
        assert!(last.fields().eq(pairs.into_iter().rev()));
        assert_eq!(block.last_slot_id(base), StreamId::new(1001, 0));
    }
}
