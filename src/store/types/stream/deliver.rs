//! What consumers do with the entries of a stream: reading new ones, reading again what they have
//! pending, claiming what others have, giving back.
//!
//! Every operation hands the entries to a sink, borrowed from their block, while the group's
//! accounting goes along. A sink that breaks ends the operation after the entry it was given.

use std::ops::{ControlFlow, Deref, DerefMut};

use super::block::Entry;
use super::counters::Counters;
use super::group::{ConsumerIndex, Group};
use super::id::StreamId;
use super::log::Log;
use super::pending::Pending;

/// XAUTOCLAIM looks at this many times as many pending entries as it was asked for.
const AUTOCLAIM_ATTEMPTS_FACTOR: usize = 10;

/// A group together with the entries of its stream.
#[derive(Debug)]
pub struct GroupMut<'a> {
    pub(super) log: &'a Log,
    pub(super) counters: Counters,
    pub(super) group: &'a mut Group,
}

impl Deref for GroupMut<'_> {
    type Target = Group;

    fn deref(&self) -> &Group {
        self.group
    }
}

impl DerefMut for GroupMut<'_> {
    fn deref_mut(&mut self) -> &mut Group {
        self.group
    }
}

/// How entries are claimed.
#[derive(Clone, Copy, Debug)]
pub struct ClaimOptions {
    /// The time of the command, in Unix milliseconds.
    pub now_ms: i64,
    /// Entries that were delivered more recently stay with their owner.
    pub min_idle_ms: i64,
    /// What becomes the time of the last delivery.
    pub delivery_time: i64,
    /// What becomes the delivery count.
    pub retry_count: Option<i64>,
    /// Make entries pending that are not.
    pub force: bool,
    /// Leave the delivery count alone.
    pub just_id: bool,
}

/// What became of an entry that was to be claimed.
#[derive(Clone, Copy, Debug)]
pub enum Claim<'a> {
    /// Not pending, or not idle for long enough.
    Skipped,
    /// It is not in the stream any more; what was pending of it, if anything, is removed.
    Deleted(Option<Pending>),
    /// The consumer has it.
    Claimed(Entry<'a>),
}

/// An entry that XREADGROUP CLAIM took over.
#[derive(Clone, Copy, Debug)]
pub struct IdleEntry<'a> {
    /// The entry.
    pub entry: Entry<'a>,
    /// Milliseconds since its delivery before this one.
    pub idle_ms: i64,
    /// How often it was delivered before.
    pub delivery_count: i64,
}

/// What XNACK does to the delivery count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NackMode {
    /// Takes back the last delivery.
    Silent,
    /// Leaves it.
    Fail,
    /// Sets it to the greatest number.
    Fatal,
}

impl<'a> GroupMut<'a> {
    /// Sets how far the group has read: XGROUP SETID. It cannot have read more than was added.
    pub fn set_id(&mut self, id: StreamId, entries_read: Option<u64>) {
        let entries_read = entries_read.map(|read| read.min(self.counters.entries_added));
        self.group.set_position(id, entries_read);
    }

    /// Raises the last id delivered: XCLAIM LASTID. False when it is that high already.
    pub fn raise_last_id(&mut self, id: StreamId) -> bool {
        let raised = id > self.group.last_id();
        if raised {
            self.group.set_position(id, self.group.entries_read());
        }
        raised
    }

    /// Whether there is an entry the group has not read.
    pub fn has_news(&self) -> bool {
        self.log
            .last_id()
            .is_some_and(|last| last > self.group.last_id())
    }

    /// Delivers up to `limit` entries that the group has not read to a consumer. They become
    /// pending unless `noack`.
    pub fn deliver_new(
        &mut self,
        to: ConsumerIndex,
        now_ms: i64,
        limit: usize,
        noack: bool,
        mut sink: impl FnMut(Entry<'a>) -> ControlFlow<()>,
    ) -> usize {
        let Some(start) = self.group.last_id().next() else {
            return 0;
        };
        let mut delivered = 0;
        for entry in self.log.range(start, StreamId::MAX).take(limit) {
            let id = entry.id();
            let entries_read = self.counters.entries_read_after(self.group, id);
            self.group.set_position(id, entries_read);
            if !noack {
                self.group.give(id, to, now_ms, 1);
            }
            delivered += 1;
            if sink(entry).is_break() {
                break;
            }
        }
        if delivered > 0 && !noack {
            self.mark_active(to, now_ms);
        }
        delivered
    }

    /// Delivers up to `limit` entries again that are pending for a consumer, from `start` on. The
    /// sink gets no entry where that is gone from the stream.
    pub fn deliver_history(
        &mut self,
        to: ConsumerIndex,
        start: StreamId,
        now_ms: i64,
        limit: usize,
        mut sink: impl FnMut(StreamId, Option<Entry<'a>>) -> ControlFlow<()>,
    ) -> usize {
        let pending: Vec<Pending> = self
            .group
            .consumer_pending_range(to, start, StreamId::MAX)
            .take(limit)
            .copied()
            .collect();
        let mut delivered = 0;
        for Pending {
            id, delivery_count, ..
        } in pending
        {
            let entry = self.log.entry(id);
            if entry.is_some() {
                self.group
                    .give(id, to, now_ms, delivery_count.saturating_add(1));
            }
            delivered += 1;
            if sink(id, entry).is_break() {
                break;
            }
        }
        delivered
    }

    /// Delivers up to `limit` pending entries to a consumer that XNACK released or that have been
    /// idle for `min_idle_ms`: the released ones first, then the longest idle ones. Those gone from
    /// the stream are passed over.
    pub fn claim_idle(
        &mut self,
        to: ConsumerIndex,
        now_ms: i64,
        min_idle_ms: i64,
        limit: usize,
        mut sink: impl FnMut(IdleEntry<'a>) -> ControlFlow<()>,
    ) -> usize {
        let log = self.log;
        let ids = self
            .group
            .pel
            .idle(now_ms, min_idle_ms, limit, |id| log.contains(id));
        let mut delivered = 0;
        for id in ids {
            let (Some(entry), Some(pending)) = (log.entry(id), self.group.pending(id).copied())
            else {
                continue;
            };
            let count = pending.delivery_count;
            let idle_ms = now_ms.saturating_sub(pending.delivery_time());
            self.group.give(id, to, now_ms, count.saturating_add(1));
            delivered += 1;
            if sink(IdleEntry {
                entry,
                idle_ms,
                delivery_count: count,
            })
            .is_break()
            {
                break;
            }
        }
        if delivered > 0 {
            self.mark_active(to, now_ms);
        }
        delivered
    }

    /// Whether [`GroupMut::claim_idle`] would find something.
    pub fn has_idle(&mut self, now_ms: i64, min_idle_ms: i64) -> bool {
        let log = self.log;
        !self
            .group
            .pel
            .idle(now_ms, min_idle_ms, 1, |id| log.contains(id))
            .is_empty()
    }

    /// When the next pending entry will have been idle for `min_idle_ms`, in Unix milliseconds.
    pub fn next_idle_at(&mut self, min_idle_ms: i64) -> Option<i64> {
        let log = self.log;
        self.group
            .pel
            .oldest_delivery_time(|id| log.contains(id))
            .map(|time| time.saturating_add(min_idle_ms))
    }

    /// Gives a pending entry to a consumer: one id of XCLAIM.
    pub fn claim(&mut self, id: StreamId, to: ConsumerIndex, options: &ClaimOptions) -> Claim<'a> {
        let Some(entry) = self.log.entry(id) else {
            let pending = self.group.pending(id).copied();
            self.group.ack(id);
            return Claim::Deleted(pending);
        };
        let now_ms = options.now_ms;
        let count = match self.group.pending(id) {
            Some(pending) if !pending.is_idle(now_ms, options.min_idle_ms) => {
                return Claim::Skipped;
            }
            Some(pending) => pending.delivery_count,
            None if options.force => 1,
            None => return Claim::Skipped,
        };
        let count = match options.retry_count {
            Some(count) => count,
            None if options.just_id => count,
            None => count.saturating_add(1),
        };
        self.group.give(id, to, options.delivery_time, count);
        self.mark_active(to, now_ms);
        Claim::Claimed(entry)
    }

    /// Gives up to `count` pending entries from `start` on to a consumer, and removes from the
    /// pending list what is gone from the stream, which counts too. Returns where to go on, `0-0`
    /// at the end.
    pub fn autoclaim(
        &mut self,
        to: ConsumerIndex,
        start: StreamId,
        count: usize,
        options: &ClaimOptions,
        mut sink: impl FnMut(StreamId, Claim<'a>),
    ) -> StreamId {
        let mut attempts = count.saturating_mul(AUTOCLAIM_ATTEMPTS_FACTOR);
        let mut left = count;
        let mut next = self.pending_from(Some(start));
        while attempts > 0 && left > 0 {
            let Some(id) = next else {
                break;
            };
            attempts -= 1;
            match self.claim(id, to, options) {
                Claim::Skipped => {}
                done => {
                    left -= 1;
                    sink(id, done);
                }
            }
            next = self.pending_from(id.next());
        }
        next.unwrap_or_default()
    }

    /// Gives a pending entry back to the group: one id of XNACK. With `force` it need not be
    /// pending, but in the stream. `retry_count` becomes the delivery count whatever the mode is.
    /// False when nothing was released.
    pub fn nack(
        &mut self,
        id: StreamId,
        mode: NackMode,
        retry_count: Option<i64>,
        force: bool,
    ) -> bool {
        let count = match self.group.pending(id) {
            Some(pending) => pending.delivery_count,
            None if force && self.log.contains(id) => 0,
            None => return false,
        };
        let count = retry_count.unwrap_or(match mode {
            NackMode::Silent => (count - 1).max(0),
            NackMode::Fail => count,
            NackMode::Fatal => i64::MAX,
        });
        self.group.release(id, count);
        true
    }

    fn pending_from(&self, id: Option<StreamId>) -> Option<StreamId> {
        self.group.pel.from(id?).next().map(|pending| pending.id)
    }

    fn mark_active(&mut self, index: ConsumerIndex, now_ms: i64) {
        if let Some(consumer) = self.group.consumer_mut(index) {
            consumer.active_time = now_ms;
        }
    }
}
