//! Building a stream from saved parts, which may be hostile: everything is checked, and nothing
//! is allocated beyond a small multiple of what was given.
//!
//! The order is that of RDB files: nodes, then [`StreamLoader::set_counters`], then groups, then
//! what idempotent producers sent.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry::{Occupied, Vacant};

use super::Stream;
use super::block::Block;
use super::counters::Counters;
use super::group::{ConsumerIndex, Group, Groups};
use super::id::StreamId;
use super::idmp::{Idmp, IdmpLimits};
use super::node::{self, CorruptNode};

/// What is wrong with a saved stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// A node is no listpack of stream entries.
    Node,
    /// Nodes are not in ascending order, or overlap.
    NodeOrder,
    /// The number of entries or the last id contradict the entries.
    Counters,
    /// Two groups, consumers, pending entries or producers of the same name.
    Duplicate,
    /// A pending entry has no owner, two owners, or is not there.
    Pending,
}

impl From<CorruptNode> for LoadError {
    fn from(_: CorruptNode) -> LoadError {
        LoadError::Node
    }
}

/// A stream in the making.
#[derive(Debug, Default)]
pub struct StreamLoader {
    stream: Stream,
}

impl StreamLoader {
    /// An empty stream.
    pub fn new() -> StreamLoader {
        StreamLoader::default()
    }

    /// Adds a node in Redis's encoding, above all others.
    pub fn add_node(&mut self, id: StreamId, listpack: &[u8]) -> Result<(), LoadError> {
        let log = &mut self.stream.log;
        if log.last_id().is_some_and(|last| id <= last) {
            return Err(LoadError::NodeOrder);
        }
        if let Some(block) = node::read(id, listpack)? {
            log.append_block(id, block);
        }
        Ok(())
    }

    /// Sets the counters. What the entries tell themselves is not believed, but compared: their
    /// number must be the same, the first id is the first entry's. Files older than Redis 7 do not
    /// have `entries_added`: it is the number of entries then.
    pub fn set_counters(
        &mut self,
        length: u64,
        last_id: StreamId,
        max_deleted_id: StreamId,
        entries_added: Option<u64>,
    ) -> Result<(), LoadError> {
        let stream = &mut self.stream;
        let too_low = stream.log.last_id().is_some_and(|last| last > last_id);
        if length != stream.log.length() || too_low {
            return Err(LoadError::Counters);
        }
        stream.last_id = last_id;
        stream.first_id = stream.log.first_id().unwrap_or_default();
        stream.max_deleted_id = max_deleted_id;
        stream.entries_added = entries_added.unwrap_or(length).max(length);
        Ok(())
    }

    /// The counters set, from which files older than Redis 7 have a group's `entries_read` told:
    /// [`Counters::entries_up_to`].
    pub fn counters(&self) -> Counters {
        self.stream.counters()
    }

    /// Begins a group; [`GroupLoader::finish`] ends it.
    pub fn group(&mut self, last_id: StreamId, entries_read: Option<u64>) -> GroupLoader {
        let mut group = Group::default();
        group.set_position(last_id, entries_read);
        GroupLoader {
            group,
            pending: BTreeMap::new(),
            released: Vec::new(),
        }
    }

    /// Adds a finished group.
    pub fn add_group(&mut self, name: &[u8], group: Group) -> Result<(), LoadError> {
        let groups = self
            .stream
            .groups
            .get_or_insert_with(Box::<Groups>::default);
        match groups.0.entry(name.into()) {
            Occupied(_) => Err(LoadError::Duplicate),
            Vacant(place) => {
                place.insert(group);
                Ok(())
            }
        }
    }

    /// Begins the memory of idempotent producers.
    pub fn set_idmp(&mut self, limits: IdmpLimits) {
        self.stream.idmp = Some(Box::new(Idmp::new(limits)));
    }

    /// Sets how many messages of producers were ever added, and how many recognised.
    pub fn set_idmp_counters(&mut self, added: u64, duplicates: u64) {
        if let Some(idmp) = &mut self.stream.idmp {
            idmp.restore_counters(added, duplicates);
        }
    }

    /// Adds a message of a producer; messages come in the order of their arrival. Only ids are
    /// saved: time counts from the entry's id, or from now when that lies in the future.
    pub fn add_message(&mut self, pid: &[u8], iid: &[u8], id: StreamId, now_ms: u64) {
        if let Some(idmp) = &mut self.stream.idmp {
            let (added, duplicates) = (idmp.added(), idmp.duplicates());
            idmp.record(pid, iid, id, now_ms);
            idmp.restore_counters(added, duplicates);
        }
    }

    /// The stream.
    pub fn finish(self) -> Stream {
        self.stream
    }
}

/// A pending entry that waits for its owner.
#[derive(Debug)]
struct Unowned {
    delivery_time: i64,
    delivery_count: i64,
    owner: Option<ConsumerIndex>,
}

/// A group in the making: its pending entries first, then its consumers with what they own, then
/// the entries nobody owns.
#[derive(Debug)]
pub struct GroupLoader {
    group: Group,
    pending: BTreeMap<StreamId, Unowned>,
    released: Vec<StreamId>,
}

impl GroupLoader {
    /// Adds a pending entry.
    pub fn add_pending(
        &mut self,
        id: StreamId,
        delivery_time: i64,
        delivery_count: i64,
    ) -> Result<(), LoadError> {
        let unowned = Unowned {
            delivery_time,
            delivery_count,
            owner: None,
        };
        match self.pending.entry(id) {
            Occupied(_) => Err(LoadError::Duplicate),
            Vacant(place) => {
                place.insert(unowned);
                Ok(())
            }
        }
    }

    /// Adds a consumer.
    pub fn add_consumer(
        &mut self,
        name: &[u8],
        seen_time: i64,
        active_time: i64,
    ) -> Result<ConsumerIndex, LoadError> {
        let index = self
            .group
            .create_consumer(name, seen_time)
            .ok_or(LoadError::Duplicate)?;
        if let Some(consumer) = self.group.consumer_mut(index) {
            consumer.active_time = active_time;
        }
        Ok(index)
    }

    /// Says that a pending entry is a consumer's.
    pub fn set_owner(&mut self, id: StreamId, owner: ConsumerIndex) -> Result<(), LoadError> {
        let pending = self.pending.get_mut(&id).ok_or(LoadError::Pending)?;
        if pending.owner.is_some() {
            return Err(LoadError::Pending);
        }
        pending.owner = Some(owner);
        Ok(())
    }

    /// Says that a pending entry was released, after those for which that was said before.
    pub fn set_released(&mut self, id: StreamId) {
        self.released.push(id);
    }

    /// The group, once each pending entry has its owner or was released.
    pub fn finish(mut self) -> Result<Group, LoadError> {
        for id in self.released {
            let pending = self.pending.remove(&id).ok_or(LoadError::Pending)?;
            if pending.owner.is_some() {
                return Err(LoadError::Pending);
            }
            self.group.release(id, pending.delivery_count);
        }
        for (id, pending) in self.pending {
            let owner = pending.owner.ok_or(LoadError::Pending)?;
            self.group
                .give(id, owner, pending.delivery_time, pending.delivery_count);
        }
        Ok(self.group)
    }
}

/// A block of a stream, to be saved.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    id: StreamId,
    pub(super) block: &'a Block,
}

impl Node<'_> {
    /// The id its entries are counted from: the key of the node.
    pub fn id(&self) -> StreamId {
        self.id
    }

    /// Appends it to `out` in Redis's encoding, a listpack. Tombstones are left out.
    pub fn write_listpack(&self, out: &mut Vec<u8>) {
        node::write(self.id, self.block, out);
    }
}

impl Stream {
    /// The blocks from the one that may hold `id` on.
    pub fn nodes_from(&self, id: StreamId) -> impl Iterator<Item = Node<'_>> {
        let blocks = self.log.blocks_from(id);
        blocks.map(|(id, block)| Node { id: *id, block })
    }
}
