//! The entries of a stream: blocks in the order of their ids.
//!
//! Owns which block an entry is in, and searching. Appending touches the last block only, which
//! lies apart from the ordered map of the others. Knows nothing of groups or counters.

use std::collections::{BTreeMap, btree_map};
use std::iter::{Chain, Rev};
use std::option;

use super::block::{Block, Entry, STRING_BYTES_MAX, View};
use super::id::{AddError, StreamId};

/// When a block is full: `stream-node-max-bytes` and `stream-node-max-entries`; 0 is no limit.
#[derive(Clone, Copy, Debug)]
pub struct NodeLimits {
    /// Bytes, counted as Redis's encoding has them.
    pub max_bytes: usize,
    /// Entries, deleted ones too.
    pub max_entries: usize,
}

impl Default for NodeLimits {
    fn default() -> Self {
        NodeLimits {
            max_bytes: 4096,
            max_entries: 100,
        }
    }
}

/// Entries in blocks.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    /// All blocks but the last, by the id deltas count from.
    sealed: BTreeMap<StreamId, Block>,
    /// The last block, and what its deltas count from; vacant when there are no entries.
    tail: Block,
    tail_base: StreamId,
    length: u64,
}

impl Log {
    #[inline]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Adds an entry. Its id must be above all others.
    pub fn append<'f>(
        &mut self,
        id: StreamId,
        pairs: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
        limits: NodeLimits,
    ) -> Result<(), AddError> {
        let bytes = pairs
            .clone()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if bytes > STRING_BYTES_MAX {
            return Err(AddError::TooLarge);
        }
        if self.tail.is_vacant() {
            self.tail = Block::new(pairs.clone().map(|(name, _)| name));
            self.tail_base = id;
        } else if is_full(&self.tail, bytes, limits) {
            let fresh = Block::new(pairs.clone().map(|(name, _)| name));
            self.append_block(id, fresh);
        }
        self.tail.push(self.tail_base, id, pairs)?;
        self.length += 1;
        Ok(())
    }

    /// Adds a whole block, above all others.
    pub fn append_block(&mut self, base: StreamId, block: Block) {
        self.length += u64::from(block.live());
        let mut previous = std::mem::replace(&mut self.tail, block);
        if !previous.is_vacant() {
            previous.shrink_to_fit();
            self.sealed.insert(self.tail_base, previous);
        }
        self.tail_base = base;
    }

    /// The entry `id`.
    pub fn entry(&self, id: StreamId) -> Option<Entry<'_>> {
        let (base, block) = self.block_of(id)?;
        let view = block.view(base);
        let at = view.lower_bound(id, self.is_tail(base));
        if at >= view.end() {
            return None;
        }
        let slot = view.slot(at);
        (slot.id == id && !slot.deleted).then(|| view.entry(&slot))
    }

    #[inline]
    pub fn contains(&self, id: StreamId) -> bool {
        self.entry(id).is_some()
    }

    pub fn first_id(&self) -> Option<StreamId> {
        self.block_after(None)
            .map(|(base, block)| block.first_live_id(base))
    }

    pub fn last_id(&self) -> Option<StreamId> {
        (!self.tail.is_vacant()).then(|| self.tail.last_live_id(self.tail_base))
    }

    /// The entries from `start` to `end`, both included, ascending.
    pub fn range(&self, start: StreamId, end: StreamId) -> Range<'_> {
        let mut blocks = self.blocks_from(start);
        let mut range = Range {
            blocks: None,
            view: View::empty(),
            at: 0,
            start,
            end,
        };
        if let Some((base, block)) = blocks.next() {
            range.view = block.view(*base);
            range.at = range.view.lower_bound(start, self.is_tail(*base));
            range.blocks = Some(blocks);
        }
        range
    }

    /// The entries from `end` down to `start`, both included, descending.
    pub fn range_rev(&self, start: StreamId, end: StreamId) -> RangeRev<'_> {
        let tail = Some((&self.tail_base, &self.tail)).filter(|_| self.tail_reaches(end));
        let blocks = tail.into_iter().chain(self.sealed.range(..=end).rev());
        RangeRev {
            blocks,
            view: View::empty(),
            at: 0,
            start,
            end,
        }
    }

    /// Deletes the entry `id`; false when it is not there.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let in_tail = self.tail_reaches(id);
        let found = if in_tail {
            Some((self.tail_base, &mut self.tail))
        } else {
            self.sealed
                .range_mut(..=id)
                .next_back()
                .map(|(base, block)| (*base, block))
        };
        let Some((base, block)) = found else {
            return false;
        };
        if !block.delete(base, id, in_tail) {
            return false;
        }
        if block.live() > 0 {
            block.compact(base);
        }
        self.length -= 1;
        self.drop_if_dead(base);
        true
    }

    /// The block after the one at `base`; the first without one.
    pub fn block_after(&self, base: Option<StreamId>) -> Option<(StreamId, &Block)> {
        let next = match base {
            None => self.sealed.first_key_value(),
            Some(base) => {
                use std::ops::Bound::{Excluded, Unbounded};
                self.sealed.range((Excluded(base), Unbounded)).next()
            }
        };
        match next {
            Some((base, block)) => Some((*base, block)),
            None if self.tail.is_vacant() => None,
            None if base.is_some_and(|base| base >= self.tail_base) => None,
            None => Some((self.tail_base, &self.tail)),
        }
    }

    /// The block whose key is `base`.
    pub fn block_at(&self, base: StreamId) -> Option<(StreamId, &Block)> {
        self.block_of(base).filter(|(found, _)| *found == base)
    }

    /// Removes the block at `base` and says how many entries went with it.
    pub fn remove_block(&mut self, base: StreamId) -> u64 {
        let block = if self.is_tail(base) {
            let (base, block) = self.sealed.pop_last().unwrap_or_default();
            self.tail_base = base;
            std::mem::replace(&mut self.tail, block)
        } else {
            self.sealed.remove(&base).unwrap_or_default()
        };
        self.length -= u64::from(block.live());
        u64::from(block.live())
    }

    /// [`Block::delete_prefix`] on the block at `base`, which goes when nothing is left in it.
    pub fn delete_prefix(
        &mut self,
        base: StreamId,
        wanted: impl FnMut(StreamId, u64) -> bool,
        may_delete: impl FnMut(StreamId) -> bool,
    ) -> u64 {
        let block = if self.is_tail(base) {
            Some(&mut self.tail)
        } else {
            self.sealed.get_mut(&base)
        };
        let gone = block.map_or(0, |block| block.delete_prefix(base, wanted, may_delete));
        self.length -= gone;
        self.drop_if_dead(base);
        gone
    }

    /// Takes out tombstones above `id`, which is not below any entry: ids up from there may come
    /// again.
    pub fn forget_tombstones_above(&mut self, id: StreamId) {
        if !self.tail.is_vacant() && self.tail.last_slot_id(self.tail_base) > id {
            self.tail.remove_tombstones(self.tail_base);
        }
    }

    pub fn block_count(&self) -> usize {
        self.sealed.len() + usize::from(!self.tail.is_vacant())
    }

    /// An estimate of the heap bytes held, from `samples` of the blocks; 0 looks at all.
    pub fn heap_bytes(&self, samples: usize) -> usize {
        let blocks = self.sealed.len();
        let looked_at = if samples == 0 {
            blocks
        } else {
            samples.min(blocks)
        };
        let sum: usize = self
            .sealed
            .values()
            .take(looked_at)
            .map(Block::capacity)
            .sum();
        // A node of the map has room for 11 and, filled in order, holds 6.
        let index = blocks * (size_of::<(StreamId, Block)>() * 11 / 6 + 8);
        let sealed = (sum * blocks).checked_div(looked_at).unwrap_or(0);
        sealed + index + self.tail.capacity()
    }

    /// Frees up to `n` blocks and says how many; fewer than `n` means nothing is left.
    pub fn drain_pieces(&mut self, n: usize) -> usize {
        let mut drained = 0;
        while drained < n {
            let Some((base, _)) = self.block_after(None) else {
                break;
            };
            self.remove_block(base);
            drained += 1;
        }
        drained
    }

    pub fn check_invariants(&self) {
        let (mut length, mut previous) = (0, None);
        for (&base, block) in self.blocks_from(StreamId::MIN) {
            assert!(
                previous.is_none_or(|previous| previous < base),
                "blocks overlap"
            );
            assert!(block.live() > 0, "a block without entries");
            block.check_invariants(base);
            length += u64::from(block.live());
            previous = Some(block.last_slot_id(base));
        }
        assert_eq!(self.length, length);
        assert!(self.sealed.is_empty() || !self.tail.is_vacant());
    }

    #[inline]
    fn is_tail(&self, base: StreamId) -> bool {
        base == self.tail_base && !self.tail.is_vacant()
    }

    /// Whether `id` belongs into the last block.
    #[inline]
    fn tail_reaches(&self, id: StreamId) -> bool {
        self.tail_base <= id && !self.tail.is_vacant()
    }

    fn block_of(&self, id: StreamId) -> Option<(StreamId, &Block)> {
        if self.tail_reaches(id) {
            return Some((self.tail_base, &self.tail));
        }
        self.sealed
            .range(..=id)
            .next_back()
            .map(|(base, block)| (*base, block))
    }

    /// The blocks that may hold `id` or what comes after it.
    pub fn blocks_from(&self, id: StreamId) -> Blocks<'_> {
        let tail = Some((&self.tail_base, &self.tail)).filter(|_| !self.tail.is_vacant());
        let sealed = if self.tail_reaches(id) {
            btree_map::Range::default()
        } else {
            let base = self
                .sealed
                .range(..=id)
                .next_back()
                .map_or(id, |(base, _)| *base);
            self.sealed.range(base..)
        };
        sealed.chain(tail)
    }

    fn drop_if_dead(&mut self, base: StreamId) {
        let dead = match self.is_tail(base) {
            true => self.tail.live() == 0,
            false => self
                .sealed
                .get(&base)
                .is_some_and(|block| block.live() == 0),
        };
        if dead {
            self.remove_block(base);
        }
    }
}

/// Whether a block takes no further entry with strings of `bytes`; as Redis decides it.
fn is_full(block: &Block, bytes: usize, limits: NodeLimits) -> bool {
    let max_bytes = match limits.max_bytes {
        0 => STRING_BYTES_MAX,
        max_bytes => max_bytes.min(STRING_BYTES_MAX),
    };
    let max_entries = limits.max_entries;
    block.packed_len() + bytes >= max_bytes || (max_entries > 0 && block.slots() >= max_entries)
}

type Indexed<'a> = (&'a StreamId, &'a Block);
type Blocks<'a> = Chain<btree_map::Range<'a, StreamId, Block>, option::IntoIter<Indexed<'a>>>;
type BlocksRev<'a> =
    Chain<option::IntoIter<Indexed<'a>>, Rev<btree_map::Range<'a, StreamId, Block>>>;

/// Entries in ascending order.
#[derive(Clone, Debug)]
pub struct Range<'a> {
    blocks: Option<Blocks<'a>>,
    view: View<'a>,
    at: usize,
    start: StreamId,
    end: StreamId,
}

impl<'a> Iterator for Range<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            while self.at < self.view.end() {
                let slot = self.view.slot(self.at);
                if slot.id > self.end {
                    self.blocks = None;
                    self.view = View::empty();
                    return None;
                }
                self.at = slot.next;
                if !slot.deleted && slot.id >= self.start {
                    return Some(self.view.entry(&slot));
                }
            }
            let (base, block) = self.blocks.as_mut()?.next()?;
            self.view = block.view(*base);
            self.at = self.view.head();
        }
    }
}

/// Entries in descending order.
#[derive(Clone, Debug)]
pub struct RangeRev<'a> {
    blocks: BlocksRev<'a>,
    view: View<'a>,
    at: usize,
    start: StreamId,
    end: StreamId,
}

impl<'a> Iterator for RangeRev<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            while self.at > self.view.head() {
                self.at = self.view.before(self.at);
                let slot = self.view.slot(self.at);
                if slot.id < self.start {
                    self.at = 0;
                    self.end = StreamId::MIN;
                    self.start = StreamId::MAX;
                    return None;
                }
                if !slot.deleted && slot.id <= self.end {
                    return Some(self.view.entry(&slot));
                }
            }
            if self.start > self.end {
                return None;
            }
            let (base, block) = self.blocks.next()?;
            self.view = block.view(*base);
            self.at = self.view.end();
        }
    }
}
