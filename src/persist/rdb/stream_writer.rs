//! Writing a stream, in slices: its nodes, its counters, its groups with what is pending, and what
//! idempotent producers sent.

use super::encode::Encoder;
use super::kind;
use crate::store::types::stream::{Group, Idmp, Stream, StreamId};

/// What Redis writes for a count that is not known.
const UNKNOWN: u64 = u64::MAX;
/// Entries that a node counts for in a budget.
const NODE_COST: usize = 64;

/// The oldest type that holds all of a stream.
pub(super) fn stream_kind(stream: &Stream) -> u8 {
    if stream.groups().any(|(_, group)| group.released_len() > 0) {
        kind::REDIS_STREAM_5
    } else if stream.idmp().is_some() {
        kind::REDIS_STREAM_4
    } else {
        kind::STREAM_3
    }
}

/// A place in a stream that is being written.
#[derive(Debug)]
pub(super) struct StreamWriter {
    kind: u8,
    stage: Stage,
    /// The group that is being written, by its place in the order of names.
    group: usize,
    /// The consumer, likewise.
    consumer: usize,
    /// The first id that is still to come in the present list; none behind the last there can be.
    from: Option<StreamId>,
    /// How many of what has no order of its own are written.
    written: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    NodeCount,
    Nodes,
    Counters,
    GroupHead,
    Pending,
    ConsumerHead,
    Owned,
    Released,
    IdmpHead,
    Producers,
    Done,
}

impl StreamWriter {
    pub fn new(kind: u8) -> StreamWriter {
        StreamWriter {
            kind,
            stage: Stage::NodeCount,
            group: 0,
            consumer: 0,
            from: Some(StreamId::MIN),
            written: 0,
        }
    }

    /// Writes about `elements` more entries of lists; whether that was the last.
    pub fn write(&mut self, stream: &Stream, elements: usize, to: &mut Encoder) -> bool {
        let mut budget = elements;
        while budget > 0 && self.stage != Stage::Done {
            let spent = self.part(stream, budget, to);
            budget = budget.saturating_sub(spent.max(1));
        }
        self.stage == Stage::Done
    }

    fn part(&mut self, stream: &Stream, budget: usize, to: &mut Encoder) -> usize {
        match self.stage {
            Stage::NodeCount => {
                to.length(stream.node_count() as u64);
                self.enter(Stage::Nodes);
                1
            }
            Stage::Nodes => self.nodes(stream, budget, to),
            Stage::Counters => {
                write_counters(stream, to);
                self.enter(Stage::GroupHead);
                1
            }
            Stage::IdmpHead => {
                self.idmp_head(stream, to);
                1
            }
            Stage::Producers => self.producers(stream, budget, to),
            Stage::Done => 0,
            _ => match stream.groups().nth(self.group) {
                Some((name, group)) => self.group_part(name, group, budget, to),
                None => {
                    self.enter(Stage::IdmpHead);
                    1
                }
            },
        }
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        (self.from, self.written) = (Some(StreamId::MIN), 0);
    }

    fn nodes(&mut self, stream: &Stream, budget: usize, to: &mut Encoder) -> usize {
        let mut spent = 0;
        for node in stream.nodes_from(self.from.unwrap_or(StreamId::MAX)) {
            if spent >= budget {
                self.from = Some(node.id());
                return spent;
            }
            let id = node.id();
            to.length(16);
            to.raw_id(id);
            to.string_of(|out| node.write_listpack(out));
            spent += NODE_COST;
        }
        self.enter(Stage::Counters);
        spent
    }

    fn group_part(&mut self, name: &[u8], group: &Group, budget: usize, to: &mut Encoder) -> usize {
        match self.stage {
            Stage::GroupHead => {
                to.string(name);
                to.id(group.last_id());
                to.length(group.entries_read().unwrap_or(UNKNOWN));
                to.length(group.pending_len() as u64);
                self.enter(Stage::Pending);
                1
            }
            Stage::Pending => self.pending(group, budget, to),
            Stage::ConsumerHead => self.consumer_head(group, to),
            Stage::Owned => self.owned(group, budget, to),
            _ => self.released(group, budget, to),
        }
    }

    fn pending(&mut self, group: &Group, budget: usize, to: &mut Encoder) -> usize {
        let from = self.from.into_iter();
        let mut pending = from.flat_map(|from| group.pending_range(from, StreamId::MAX));
        for spent in 0..budget {
            let Some(entry) = pending.next() else {
                to.length(group.consumers().len() as u64);
                self.consumer = 0;
                self.enter(Stage::ConsumerHead);
                return spent;
            };
            to.raw_id(entry.id);
            to.fixed(entry.delivery_time());
            to.length(entry.delivery_count as u64);
            self.from = entry.id.next();
        }
        budget
    }

    fn consumer_head(&mut self, group: &Group, to: &mut Encoder) -> usize {
        let Some((_, consumer)) = group.consumer_at(self.consumer) else {
            self.enter(Stage::Released);
            return 1;
        };
        to.string(consumer.name());
        to.fixed(consumer.seen_time);
        to.fixed(consumer.active_time);
        to.length(consumer.pending_len() as u64);
        self.enter(Stage::Owned);
        1
    }

    fn owned(&mut self, group: &Group, budget: usize, to: &mut Encoder) -> usize {
        let from = self.from.zip(group.consumer_at(self.consumer));
        let mut ids = from.into_iter().flat_map(|(from, (index, _))| {
            group.consumer_pending_range(index, from, StreamId::MAX)
        });
        for spent in 0..budget {
            let Some(entry) = ids.next() else {
                self.consumer += 1;
                self.enter(Stage::ConsumerHead);
                return spent;
            };
            to.raw_id(entry.id);
            self.from = entry.id.next();
        }
        budget
    }

    fn released(&mut self, group: &Group, budget: usize, to: &mut Encoder) -> usize {
        if self.kind == kind::REDIS_STREAM_5 {
            if self.written == 0 {
                to.length(group.released_len() as u64);
            }
            let left = group.released().skip(self.written).take(budget);
            let count = left.map(|entry| to.raw_id(entry.id)).count();
            self.written += count;
            if self.written < group.released_len() {
                return budget;
            }
        }
        self.group += 1;
        self.enter(Stage::GroupHead);
        1
    }

    fn idmp_head(&mut self, stream: &Stream, to: &mut Encoder) {
        if self.kind < kind::REDIS_STREAM_4 {
            return self.enter(Stage::Done);
        }
        let (limits, count) = match stream.idmp() {
            Some(idmp) => (idmp.limits(), idmp.producer_count()),
            None => (super::stream_reader::IDMP_DEFAULTS, 0),
        };
        to.length(limits.duration_s);
        to.length(limits.max_size as u64);
        to.length(count as u64);
        self.enter(Stage::Producers);
    }

    fn producers(&mut self, stream: &Stream, budget: usize, to: &mut Encoder) -> usize {
        let mut spent = 0;
        let producers = stream.idmp().into_iter().flat_map(Idmp::producers);
        for (name, messages) in producers.skip(self.written) {
            if spent >= budget {
                return spent;
            }
            to.string(name);
            to.length(messages.len() as u64);
            spent += 1 + messages.len();
            for message in messages {
                to.string(&message.iid);
                to.id(message.id);
            }
            self.written += 1;
        }
        to.length(stream.idmp().map_or(0, Idmp::added));
        to.length(stream.idmp().map_or(0, Idmp::duplicates));
        self.enter(Stage::Done);
        spent
    }
}

fn write_counters(stream: &Stream, to: &mut Encoder) {
    let counters = stream.counters();
    to.length(counters.length);
    to.id(counters.last_id);
    to.id(counters.first_id);
    to.id(counters.max_deleted_id);
    to.length(counters.entries_added);
    to.length(stream.groups().len() as u64);
}
