//! Streams: entries in the order of their ids, and groups of consumers that read them.
//!
//! Plain data: no protocol, no clock (times are passed in), no configuration (limits are passed
//! in). Entries are lent out as borrowed slices, so that replies are written straight from them.
//!
//! - `id`: ids and the forms clients write;
//! - `codec`, `block`, `log`: the entries, packed by the hundred, in an ordered map of blocks;
//! - `counters`: what is remembered of the past, and what groups make of it;
//! - `trim`: removing entries, and the references to them;
//! - `sorted`, `pending`, `group`, `deliver`: consumer groups;
//! - `idmp`: producers that may send a message twice;
//! - `node`, `load`: Redis's encoding of blocks, and building a stream from saved parts.
//!
//! Invariants: ids only ascend; no block is without a live entry; a pending entry is in its
//! group's list once, and in the list of the one consumer that owns it or in none.

mod block;
mod codec;
mod counters;
mod deliver;
mod group;
mod id;
mod idmp;
mod load;
mod log;
mod node;
mod pending;
mod sorted;
mod trim;

#[cfg(test)]
mod tests;

pub use block::{Entry, Fields};
pub use counters::Counters;
pub use deliver::{Claim, ClaimOptions, GroupMut, IdleEntry, NackMode};
pub use group::{Consumer, ConsumerIndex, Group, NEVER_ACTIVE};
pub use id::{
    AddError, IdText, IntervalError, NewId, StreamId, parse_interval_end, parse_interval_start,
};
pub use idmp::{IDMP_DURATION_S_MAX, IDMP_MAX_SIZE_MAX, Idmp, IdmpLimits, IdmpRecord, message_id};
pub use load::{GroupLoader, LoadError, Node, StreamLoader};
pub use log::{NodeLimits, Range, RangeRev};
pub use pending::Pending;
pub use trim::{Deletion, RefPolicy, Trim, TrimTo};

use std::collections::btree_map;

use group::{Groups, PIECE_LEN};
use log::Log;

/// A stream.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    log: Log,
    first_id: StreamId,
    last_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
    groups: Option<Box<Groups>>,
    idmp: Option<Box<Idmp>>,
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
    pub fn len(&self) -> usize {
        self.log.length() as usize
    }

    /// Whether there are no entries. The stream may have groups all the same.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The last id generated, whose entry may be gone.
    #[inline]
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// What the stream remembers of its past.
    #[inline]
    pub fn counters(&self) -> Counters {
        Counters {
            length: self.log.length(),
            first_id: self.first_id,
            last_id: self.last_id,
            max_deleted_id: self.max_deleted_id,
            entries_added: self.entries_added,
        }
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

    /// The number of blocks: what XINFO calls keys of the radix tree.
    pub fn node_count(&self) -> usize {
        self.log.block_count()
    }

    /// Sets the last id and, if given, the other counters: XSETID. No group has read more entries
    /// than are said to have been added.
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
            if entries_added.is_some_and(|added| added < self.log.length()) {
                return Err(SetIdError::AddedBelowLength);
            }
        }
        self.log.forget_tombstones_above(id);
        self.last_id = id;
        if let Some(added) = entries_added {
            self.entries_added = added;
            self.cap_entries_read();
        }
        self.max_deleted_id = max_deleted_id.unwrap_or(self.max_deleted_id);
        Ok(())
    }

    fn cap_entries_read(&mut self) {
        let groups = self
            .groups
            .iter_mut()
            .flat_map(|groups| groups.0.values_mut());
        for group in groups {
            let read = group
                .entries_read()
                .map(|read| read.min(self.entries_added));
            group.set_position(group.last_id(), read);
        }
    }

    /// The groups by name.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        static NONE: Groups = Groups(btree_map::BTreeMap::new());
        let groups = self.groups.as_deref().unwrap_or(&NONE);
        groups.0.iter().map(|(name, group)| (&**name, group))
    }

    /// The group called `name`.
    #[inline]
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.as_ref()?.0.get(name)
    }

    /// The group called `name`, with the entries it reads.
    #[inline]
    pub fn group_mut(&mut self, name: &[u8]) -> Option<GroupMut<'_>> {
        let counters = self.counters();
        let group = self.groups.as_mut()?.0.get_mut(name)?;
        Some(GroupMut {
            log: &self.log,
            counters,
            group,
        })
    }

    /// Adds a group that has read up to `last_id`; false when there is one of that name. It cannot
    /// have read more entries than were added.
    pub fn create_group(
        &mut self,
        name: &[u8],
        last_id: StreamId,
        entries_read: Option<u64>,
    ) -> bool {
        let groups = self.groups.get_or_insert_default();
        if groups.0.contains_key(name) {
            return false;
        }
        let mut group = Group::default();
        group.set_position(
            last_id,
            entries_read.map(|read| read.min(self.entries_added)),
        );
        groups.0.insert(name.into(), group);
        true
    }

    /// Removes a group and returns it, since freeing what is pending may take its time.
    pub fn destroy_group(&mut self, name: &[u8]) -> Option<Group> {
        let groups = self.groups.as_mut()?;
        let group = groups.0.remove(name)?;
        if groups.0.is_empty() {
            self.groups = None;
        }
        Some(group)
    }

    /// A stream that holds a destroyed group and is good for nothing but freeing it in slices.
    pub fn husk_of(group: Group) -> Stream {
        let mut groups = Groups::default();
        groups.0.insert(Box::default(), group);
        Stream {
            groups: Some(Box::new(groups)),
            ..Stream::default()
        }
    }

    /// What idempotent producers sent; none when there never were any.
    pub fn idmp(&self) -> Option<&Idmp> {
        self.idmp.as_deref()
    }

    /// The same, to be changed.
    pub fn idmp_mut(&mut self) -> Option<&mut Idmp> {
        self.idmp.as_deref_mut()
    }

    /// The same, made with `limits` when there never were any producers.
    pub fn idmp_or_new(&mut self, limits: IdmpLimits) -> &mut Idmp {
        self.idmp.get_or_insert_with(|| Box::new(Idmp::new(limits)))
    }

    /// An estimate of the heap bytes held, from `samples` of the blocks; 0 looks at all.
    pub fn heap_bytes(&self, samples: usize) -> usize {
        let groups = self
            .groups
            .as_ref()
            .map_or(0, |g| size_of::<Groups>() + g.heap_bytes());
        let idmp = self
            .idmp
            .as_ref()
            .map_or(0, |i| size_of::<Idmp>() + i.heap_bytes());
        self.log.heap_bytes(samples) + groups + idmp
    }

    /// The work of dropping the stream, in elements.
    pub fn free_effort(&self) -> usize {
        let groups = self
            .groups
            .as_ref()
            .map_or(0, |groups| groups.free_effort());
        self.len() + groups + self.idmp.as_ref().map_or(0, |idmp| idmp.producer_count())
    }

    /// Frees about `count` elements of a stream that is to be dropped, and says how many; 0 when
    /// nothing is left. The stream is good for nothing else afterwards.
    pub fn drain_slice(&mut self, count: usize) -> usize {
        let pieces = count.div_ceil(PIECE_LEN);
        let mut drained = self.log.drain_pieces(pieces);
        if let Some(groups) = &mut self.groups {
            drained += groups.drain_pieces(pieces - drained);
        }
        if let Some(idmp) = &mut self.idmp {
            drained += idmp.drain_pieces(pieces - drained);
        }
        drained * PIECE_LEN
    }

    /// Panics when something contradicts something else. For tests and the simulator.
    pub fn check_invariants(&self) {
        self.log.check_invariants();
        assert_eq!(self.first_id, self.log.first_id().unwrap_or_default());
        assert!(self.log.last_id().is_none_or(|last| last <= self.last_id));
        for (_, group) in self.groups() {
            group.check_invariants();
        }
        if let Some(idmp) = &self.idmp {
            idmp.check_invariants();
        }
    }
}

const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Stream>();
    assert!(size_of::<Stream>() <= 176);
};
