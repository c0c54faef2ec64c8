//! Streams: entries in the order of their ids, packed in blocks.
//!
//! Plain data: no protocol, no clock (times are passed in), no configuration (limits are passed
//! in). Entries are lent out as borrowed slices, so that replies are written straight from them.
//!
//! - `id`: ids and the forms clients write;
//! - `codec`, `block`, `log`: the entries, packed by the hundred, in an ordered map of blocks;
//! - `node`: Redis's encoding of blocks.
//!
//! Invariants: ids only ascend; no block is without a live entry.

mod block;
mod codec;
mod id;
mod log;
mod node;

pub use block::{Entry, Fields};
pub use id::{
    AddError, IdText, IntervalError, NewId, StreamId, parse_interval_end, parse_interval_start,
};
pub use log::{NodeLimits, Range, RangeRev};

use log::Log;

/// A stream.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    log: Log,
    first_id: StreamId,
    last_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
}

/// Why XSETID was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetIdError {
    /// The id is below one that was deleted.
    BelowMaxDeleted,
    /// The id is below an entry's.
    BelowTopItem,
    /// Fewer entries would have been added than there are.
    AddedBelowLength,
}

impl Stream {
    /// An empty stream.
    pub fn new() -> Stream {
        Stream::default()
    }

    /// The number of entries.
    #[inline]
    pub fn len(&self) -> u64 {
        self.log.length()
    }

    /// Whether there are no entries.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The last id generated, whose entry may be gone.
    #[inline]
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// Adds an entry with at least one field and returns its id: XADD. Nothing changes on errors.
    #[inline]
    pub fn add<'f>(
        &mut self,
        id: NewId,
        now_ms: u64,
        fields: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
        limits: NodeLimits,
    ) -> Result<StreamId, AddError> {
        let id = id.resolve(self.last_id, now_ms)?;
        self.log.append(id, fields, limits)?;
        if self.log.length() == 1 {
            self.first_id = id;
        }
        self.last_id = id;
        self.entries_added += 1;
        Ok(id)
    }

    /// The entry `id`.
    #[inline]
    pub fn entry(&self, id: StreamId) -> Option<Entry<'_>> {
        self.log.entry(id)
    }

    /// The first entry.
    pub fn first_entry(&self) -> Option<Entry<'_>> {
        self.range(StreamId::MIN, StreamId::MAX).next()
    }

    /// The last entry.
    pub fn last_entry(&self) -> Option<Entry<'_>> {
        self.range_rev(StreamId::MIN, StreamId::MAX).next()
    }

    /// The id of the last entry, which may be below [`Stream::last_id`].
    #[inline]
    pub fn last_entry_id(&self) -> Option<StreamId> {
        self.log.last_id()
    }

    /// The entries from `start` to `end`, both included, ascending: XRANGE.
    #[inline]
    pub fn range(&self, start: StreamId, end: StreamId) -> Range<'_> {
        self.log.range(start, end)
    }

    /// The entries from `end` down to `start`, both included, descending: XREVRANGE.
    #[inline]
    pub fn range_rev(&self, start: StreamId, end: StreamId) -> RangeRev<'_> {
        self.log.range_rev(start, end)
    }

    /// How many entries [`Stream::range`] gives, as far as `limit`. Whole blocks are not walked.
    pub fn count_range(&self, start: StreamId, end: StreamId, limit: usize) -> usize {
        self.log.count(start, end, limit)
    }

    /// Sets the last id and, if given, the other counters: XSETID.
    pub fn set_id(
        &mut self,
        id: StreamId,
        entries_added: Option<u64>,
        max_deleted_id: Option<StreamId>,
    ) -> Result<(), SetIdError> {
        let max_deleted_id = max_deleted_id.filter(|id| !id.is_zero());
        if id < self.max_deleted_id || max_deleted_id.is_some_and(|max_deleted| id < max_deleted) {
            return Err(SetIdError::BelowMaxDeleted);
        }
        if let Some(top) = self.log.last_id() {
            if id < top {
                return Err(SetIdError::BelowTopItem);
            }
            if entries_added.is_some_and(|added| added < self.len()) {
                return Err(SetIdError::AddedBelowLength);
            }
        }
        self.log.forget_tombstones_above(id);
        self.last_id = id;
        self.entries_added = entries_added.unwrap_or(self.entries_added);
        self.max_deleted_id = max_deleted_id.unwrap_or(self.max_deleted_id);
        Ok(())
    }

    /// An estimate of the heap bytes held, from `samples` of the blocks; 0 looks at all.
    pub fn heap_bytes(&self, samples: usize) -> usize {
        self.log.heap_bytes(samples)
    }

    /// Frees up to `n` blocks and says how many;
    /// fewer than `n` means nothing is left. The stream is good for nothing else afterwards.
    pub fn drain_slice(&mut self, n: usize) -> usize {
        self.log.drain_slice(n)
    }

    /// Panics when something contradicts something else. For tests and the simulator.
    pub fn check_invariants(&self) {
        self.log.check_invariants();
        assert_eq!(self.first_id, self.log.first_id().unwrap_or_default());
        assert!(self.log.last_id().is_none_or(|last| last <= self.last_id));
    }
}

const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Stream>();
    assert!(size_of::<Stream>() <= 176);
};
