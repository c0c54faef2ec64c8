//! Consumer groups: how far a group has read, its consumers, and what is pending for whom.
//!
//! Owns the accounting: every pending entry is in the group's list once, and in the list of ids of
//! the consumer that owns it, if one does. What needs the entries too (reading, claiming) is in
//! `deliver`.

use std::collections::BTreeMap;

use super::id::StreamId;
use super::pending::{Pel, Pending};
use super::sorted::Sorted;

/// The active time of a consumer that never read or claimed anything.
pub const NEVER_ACTIVE: i64 = -1;

/// What a piece that is freed at once, a block or a chunk, counts for when slices are measured.
pub(super) const PIECE_LEN: usize = 64;

/// Which consumer of its group; valid until that consumer is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerIndex(u32);

/// One consumer of a group.
#[derive(Clone, Debug)]
pub struct Consumer {
    name: Box<[u8]>,
    /// When it last tried to read or claim, in Unix milliseconds.
    pub seen_time: i64,
    /// When it last read or claimed something, in Unix milliseconds, or [`NEVER_ACTIVE`].
    pub active_time: i64,
    pub(super) ids: Sorted<StreamId>,
}

impl Consumer {
    /// The name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The number of entries pending for it.
    pub fn pending_len(&self) -> usize {
        self.ids.len()
    }
}

/// A consumer group.
#[derive(Clone, Debug, Default)]
pub struct Group {
    last_id: StreamId,
    entries_read: Option<u64>,
    pub(super) pel: Pel,
    consumers: Vec<Option<Consumer>>,
    /// The consumers by name.
    by_name: Vec<u32>,
}

impl Group {
    /// The last id delivered.
    #[inline]
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// How many entries the group has read, as far as that can be known.
    #[inline]
    pub fn entries_read(&self) -> Option<u64> {
        self.entries_read
    }

    /// Sets how far the group has read.
    #[inline]
    pub fn set_position(&mut self, last_id: StreamId, entries_read: Option<u64>) {
        self.last_id = last_id;
        self.entries_read = entries_read;
    }

    /// The number of pending entries.
    pub fn pending_len(&self) -> usize {
        self.pel.len()
    }

    /// The number of pending entries that XNACK released and nobody claimed since.
    pub fn released_len(&self) -> usize {
        self.pel.released_len()
    }

    /// The first and the last pending entry.
    pub fn pending_edges(&self) -> Option<(StreamId, StreamId)> {
        Some((self.pel.first()?.id, self.pel.last()?.id))
    }

    /// The pending entry `id`.
    pub fn pending(&self, id: StreamId) -> Option<&Pending> {
        self.pel.get(id)
    }

    /// The pending entries from `start` to `end`, both included, ascending.
    pub fn pending_range(&self, start: StreamId, end: StreamId) -> impl Iterator<Item = &Pending> {
        self.pel
            .from(start)
            .take_while(move |pending| pending.id <= end)
    }

    /// The same for one consumer.
    pub fn consumer_pending_range(
        &self,
        consumer: ConsumerIndex,
        start: StreamId,
        end: StreamId,
    ) -> impl Iterator<Item = &Pending> {
        let ids = self
            .consumer(consumer)
            .into_iter()
            .flat_map(move |c| c.ids.from(start));
        ids.take_while(move |id| **id <= end)
            .filter_map(|id| self.pel.get(*id))
    }

    /// The pending entries nobody owns, in the order in which they were released.
    pub fn released(&self) -> impl Iterator<Item = &Pending> {
        self.pel.released()
    }

    /// The consumers by name.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.by_name.iter().map(|slot| {
            self.consumers[*slot as usize]
                .as_ref()
                .expect("by_name lists consumers that exist")
        })
    }

    /// The consumer at a place in the order of names.
    pub fn consumer_at(&self, place: usize) -> Option<(ConsumerIndex, &Consumer)> {
        let index = ConsumerIndex(*self.by_name.get(place)?);
        Some((index, self.consumer(index)?))
    }

    /// The consumer called `name`.
    pub fn find_consumer(&self, name: &[u8]) -> Option<ConsumerIndex> {
        self.place_of(name)
            .ok()
            .map(|place| ConsumerIndex(self.by_name[place]))
    }

    /// The consumer at `index`; none when it was deleted.
    #[inline]
    pub fn consumer(&self, index: ConsumerIndex) -> Option<&Consumer> {
        self.consumers.get(index.0 as usize)?.as_ref()
    }

    /// The same, to change its times.
    #[inline]
    pub fn consumer_mut(&mut self, index: ConsumerIndex) -> Option<&mut Consumer> {
        self.consumers.get_mut(index.0 as usize)?.as_mut()
    }

    /// The name of the owner of a pending entry: empty when nobody owns it.
    pub fn owner_name(&self, pending: &Pending) -> &[u8] {
        let owner = pending.consumer().and_then(|index| self.consumer(index));
        owner.map_or(&[], |consumer| &consumer.name)
    }

    /// Adds a consumer, seen now; none when there is one of that name.
    pub fn create_consumer(&mut self, name: &[u8], now_ms: i64) -> Option<ConsumerIndex> {
        let place = self.place_of(name).err()?;
        let consumer = Consumer {
            name: name.into(),
            seen_time: now_ms,
            active_time: NEVER_ACTIVE,
            ids: Sorted::default(),
        };
        // Slots are reused; only when as many are taken as there are is the list extended.
        let slot = if self.by_name.len() < self.consumers.len() {
            self.consumers.iter().position(Option::is_none)?
        } else {
            self.consumers.push(None);
            self.consumers.len() - 1
        };
        self.consumers[slot] = Some(consumer);
        self.by_name.insert(place, slot as u32);
        Some(ConsumerIndex(slot as u32))
    }

    /// The consumer called `name`, seen now, and whether it had to be created.
    pub fn touch_consumer(&mut self, name: &[u8], now_ms: i64) -> (ConsumerIndex, bool) {
        if let Some(index) = self.find_consumer(name) {
            if let Some(consumer) = self.consumer_mut(index) {
                consumer.seen_time = now_ms;
            }
            return (index, false);
        }
        let index = self
            .create_consumer(name, now_ms)
            .expect("no consumer has that name");
        (index, true)
    }

    /// Deletes a consumer with what is pending for it, and says how much that was.
    pub fn delete_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let place = self.place_of(name).ok()?;
        let slot = self.by_name.remove(place);
        let consumer = self.consumers[slot as usize].take()?;
        for id in consumer.ids.iter() {
            self.pel.remove(*id);
        }
        if self.by_name.is_empty() {
            self.consumers = Vec::new();
        }
        Some(consumer.ids.len())
    }

    /// Removes a pending entry; false when it is not pending.
    pub fn ack(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pel.remove(id) else {
            return false;
        };
        self.disown(&pending);
        true
    }

    /// Gives an entry to a consumer, whether it was pending or not.
    #[inline]
    pub(super) fn give(
        &mut self,
        id: StreamId,
        to: ConsumerIndex,
        delivery_time: i64,
        delivery_count: i64,
    ) {
        match self.pel.give(id, to, delivery_time, delivery_count) {
            Some(before) if before.consumer() == Some(to) => return,
            Some(before) => self.disown(&before),
            None => {}
        }
        if let Some(consumer) = self.consumer_mut(to) {
            consumer.ids.insert(id);
        }
    }

    /// Takes an entry from its owner, whether it was pending or not.
    pub(super) fn release(&mut self, id: StreamId, delivery_count: i64) {
        if let Some(before) = self.pel.release(id, delivery_count) {
            self.disown(&before);
        }
    }

    /// An estimate of the heap bytes held.
    pub(super) fn heap_bytes(&self) -> usize {
        let consumers = self
            .consumers()
            .map(|consumer| consumer.name.len() + consumer.ids.heap_bytes());
        consumers.sum::<usize>()
            + self.pel.heap_bytes()
            + self.consumers.capacity() * size_of::<Option<Consumer>>()
            + self.by_name.capacity() * size_of::<u32>()
    }

    /// Frees up to `n` pieces and says how many; fewer than `n` means nothing is left.
    fn drain_pieces(&mut self, n: usize) -> usize {
        let mut drained = self.pel.drain_pieces(n);
        self.by_name.clear();
        while drained < n {
            match self.consumers.last_mut() {
                None => break,
                Some(Some(consumer)) if consumer.ids.len() > 0 => {
                    drained += consumer.ids.drain_pieces(n - drained);
                }
                Some(_) => {
                    self.consumers.pop();
                    drained += 1;
                }
            }
        }
        drained
    }

    pub(super) fn check_invariants(&self) {
        self.pel.check_invariants();
        assert!(self.by_name.is_sorted_by_key(|slot| {
            self.consumers[*slot as usize]
                .as_ref()
                .map(|consumer| &consumer.name)
        }));
        assert_eq!(self.by_name.len(), self.consumers.iter().flatten().count());
        let mut owned = 0;
        for (slot, consumer) in self.consumers.iter().enumerate() {
            let Some(consumer) = consumer else {
                continue;
            };
            consumer.ids.check_invariants();
            owned += consumer.ids.len();
            for id in consumer.ids.iter() {
                let owner = self.pel.get(*id).and_then(Pending::consumer);
                assert_eq!(owner, Some(ConsumerIndex(slot as u32)));
            }
        }
        assert_eq!(owned + self.pel.released_len(), self.pel.len());
    }

    /// Where in the order of names `name` is, or would be.
    fn place_of(&self, name: &[u8]) -> Result<usize, usize> {
        self.by_name
            .binary_search_by(|slot| match &self.consumers[*slot as usize] {
                Some(consumer) => (*consumer.name).cmp(name),
                None => std::cmp::Ordering::Less,
            })
    }

    #[inline]
    fn disown(&mut self, pending: &Pending) {
        if let Some(consumer) = pending
            .consumer()
            .and_then(|index| self.consumer_mut(index))
        {
            consumer.ids.remove(pending.id);
        }
    }
}

/// The groups of a stream by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups(pub BTreeMap<Box<[u8]>, Group>);

impl Groups {
    /// Whether a group has not read the entry yet, or has it pending.
    pub fn refer_to(&self, id: StreamId) -> bool {
        self.0
            .values()
            .any(|group| group.last_id < id || group.pel.get(id).is_some())
    }

    /// Removes the entry from all pending lists.
    pub fn forget(&mut self, id: StreamId) -> bool {
        self.0
            .values_mut()
            .fold(false, |forgot, group| group.ack(id) | forgot)
    }

    /// The work of freeing them, in elements.
    pub fn free_effort(&self) -> usize {
        let effort = |group: &Group| 1 + group.pel.len() + group.by_name.len();
        self.0.values().map(effort).sum()
    }

    pub fn heap_bytes(&self) -> usize {
        let groups = self
            .0
            .iter()
            .map(|(name, group)| name.len() + size_of::<(Box<[u8]>, Group)>() + group.heap_bytes());
        groups.sum()
    }

    /// Frees up to `n` pieces and says how many; fewer than `n` means nothing is left.
    pub fn drain_pieces(&mut self, n: usize) -> usize {
        let mut drained = 0;
        while drained < n {
            let Some(mut first) = self.0.first_entry() else {
                break;
            };
            drained += first.get_mut().drain_pieces(n - drained);
            if drained < n {
                first.remove();
                drained += 1;
            }
        }
        drained
    }
}
