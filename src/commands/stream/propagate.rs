//! What a command did to a consumer group, told to the log and the replicas.
//!
//! Deliveries and claims depend on the time and on who asks, so they are propagated as XCLAIM
//! with everything given, and a group's position as XGROUP SETID. Nothing is kept while there is
//! nowhere to propagate to.

use crate::engine::context::KeyCtx;
use crate::store::types::stream::{Group, IdText, StreamId};

/// A pending entry as it came to be.
struct Pending {
    id: IdText,
    delivery_time: i64,
    delivery_count: i64,
}

/// What one command did to one group.
pub struct Changes<'a> {
    key: &'a [u8],
    group: &'a [u8],
    consumer: &'a [u8],
    /// Somebody listens.
    enabled: bool,
    /// The consumer is new.
    pub consumer_created: bool,
    /// The group has read further.
    pub position_moved: bool,
    /// Changes to count besides.
    pub dirty: u64,
    ids: Vec<StreamId>,
    pending: Vec<Pending>,
    last_id: StreamId,
    entries_read: Option<u64>,
}

impl<'a> Changes<'a> {
    /// Nothing yet.
    pub fn new(
        ctx: &KeyCtx<'_>,
        key: &'a [u8],
        group: &'a [u8],
        consumer: &'a [u8],
    ) -> Changes<'a> {
        Changes {
            key,
            group,
            consumer,
            enabled: ctx.effects.listeners.propagation,
            consumer_created: false,
            position_moved: false,
            dirty: 0,
            ids: Vec::new(),
            pending: Vec::new(),
            last_id: StreamId::MIN,
            entries_read: None,
        }
    }

    /// An entry came to the consumer, or is pending no more.
    #[inline]
    pub fn record(&mut self, id: StreamId) {
        if self.enabled {
            self.ids.push(id);
        }
    }

    /// Whether there is anything to be told.
    pub fn is_recorded(&self) -> bool {
        self.enabled && (self.position_moved || !self.ids.is_empty())
    }

    /// Takes down the state of the entries recorded, after all of them changed.
    pub fn note_group(&mut self, group: &Group) {
        self.last_id = group.last_id();
        self.entries_read = group.entries_read();
        self.pending = self
            .ids
            .iter()
            .map(|id| {
                let pending = group.pending(*id);
                Pending {
                    id: id.text(),
                    delivery_time: pending.map_or(0, |pending| pending.delivery_time()),
                    delivery_count: pending.map_or(0, |pending| pending.delivery_count),
                }
            })
            .collect();
    }

    /// Counts and propagates it all. The command itself is not propagated.
    pub fn settle(&self, ctx: &mut KeyCtx<'_>) {
        ctx.effects.dirty += self.dirty + u64::from(self.consumer_created);
        ctx.effects.propagate_nothing();
        if self.enabled {
            self.propagate(ctx);
        }
    }

    #[cold]
    fn propagate(&self, ctx: &mut KeyCtx<'_>) {
        if self.consumer_created {
            let (key, group) = (self.key, self.group);
            ctx.propagate_as(&[b"XGROUP", b"CREATECONSUMER", key, group, self.consumer]);
        }
        let alike = |a: &Pending, b: &Pending| {
            (a.delivery_time, a.delivery_count) == (b.delivery_time, b.delivery_count)
        };
        for run in self.pending.chunk_by(alike) {
            self.propagate_claim(ctx, run);
        }
        if self.position_moved {
            let entries_read = self.entries_read.map_or(-1, |read| read as i64).to_string();
            ctx.propagate_as(&[
                b"XGROUP",
                b"SETID",
                self.key,
                self.group,
                &self.last_id.text(),
                b"ENTRIESREAD",
                entries_read.as_bytes(),
            ]);
        }
    }

    fn propagate_claim(&self, ctx: &mut KeyCtx<'_>, run: &[Pending]) {
        let Some(first) = run.first() else {
            return;
        };
        let (time, count) = (
            first.delivery_time.to_string(),
            first.delivery_count.to_string(),
        );
        let last_id = self.last_id.text();
        let mut words: Vec<&[u8]> = vec![b"XCLAIM", self.key, self.group, self.consumer, b"0"];
        words.extend(run.iter().map(|pending| &*pending.id));
        words.extend([
            &b"TIME"[..],
            time.as_bytes(),
            b"RETRYCOUNT",
            count.as_bytes(),
            b"FORCE",
            b"JUSTID",
            b"LASTID",
            &*last_id,
        ]);
        ctx.propagate_as(&words);
    }
}
