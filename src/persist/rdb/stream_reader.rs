//! Reading a stream of any version, element by element.

use super::input::Input;
use super::{Read, Stop, kind};
use crate::store::types::listpack::IntBuf;
use crate::store::types::stream::{
    ConsumerIndex, GroupLoader, IDMP_DURATION_S_MAX, IDMP_MAX_SIZE_MAX, IdmpLimits, LoadError,
    Stream, StreamId, StreamLoader,
};

/// What a stream remembers of its producers when nobody said otherwise.
pub(super) const IDMP_DEFAULTS: IdmpLimits = IdmpLimits {
    duration_s: 100,
    max_size: 100,
};

/// A stream in the making.
#[derive(Debug)]
pub(super) struct StreamReader {
    kind: u8,
    loader: StreamLoader,
    stage: Stage,
    /// How many are still to come: of nodes, of entries of a list, of messages.
    left: u64,
    groups: u64,
    consumers: u64,
    producers: u64,
    group: Option<(Vec<u8>, GroupLoader)>,
    owner: Option<ConsumerIndex>,
    producer: Vec<u8>,
    /// How much of producers is remembered, while nothing is.
    limits: Option<IdmpLimits>,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    NodeCount,
    Nodes,
    Counters,
    Group,
    Pending,
    Consumer,
    Owned,
    ReleasedCount,
    Released,
    Idmp,
    Producer,
    Messages,
    IdmpCounters,
}

impl From<LoadError> for Stop {
    fn from(error: LoadError) -> Stop {
        Stop::bad(match error {
            LoadError::Node => "Stream listpack integrity check failed",
            LoadError::NodeOrder => "Stream listpacks are not in order",
            LoadError::Counters => "Stream length or last id inconsistent with its entries",
            LoadError::Duplicate => "Duplicate in a stream's consumer group",
            LoadError::Pending => "A pending entry of a stream has no owner, two, or is not there",
        })
    }
}

impl StreamReader {
    pub fn new(kind: u8) -> StreamReader {
        StreamReader {
            kind,
            loader: StreamLoader::new(),
            stage: Stage::NodeCount,
            left: 0,
            groups: 0,
            consumers: 0,
            producers: 0,
            group: None,
            owner: None,
            producer: Vec::new(),
            limits: None,
        }
    }

    /// Takes in one part; the stream when it was the last.
    pub fn part(&mut self, input: &mut Input<'_>, now_ms: i64) -> Read<Option<Stream>> {
        match self.stage {
            Stage::NodeCount => {
                self.left = input.length()?;
                self.stage = Stage::Nodes;
            }
            Stage::Nodes if self.left == 0 => self.stage = Stage::Counters,
            Stage::Nodes => self.node(input)?,
            Stage::Counters => self.counters(input)?,
            Stage::Group if self.groups > 0 => self.group_head(input)?,
            Stage::Group if self.kind >= kind::REDIS_STREAM_4 => self.stage = Stage::Idmp,
            Stage::Group => return Ok(Some(std::mem::take(&mut self.loader).finish())),
            Stage::Idmp => self.idmp(input)?,
            Stage::Producer if self.producers == 0 => self.stage = Stage::IdmpCounters,
            Stage::Producer => {
                self.producer = input.string()?.to_vec();
                self.left = input.length()?;
                self.producers -= 1;
                self.stage = Stage::Messages;
            }
            Stage::Messages if self.left == 0 => self.stage = Stage::Producer,
            Stage::Messages => {
                let (message, id) = (input.string()?.to_vec(), input.id()?);
                self.begin_idmp();
                let now_ms = now_ms.max(0) as u64;
                self.loader
                    .add_message(&self.producer, &message, id, now_ms);
                self.left -= 1;
            }
            Stage::IdmpCounters => {
                let (added, duplicates) = (input.length()?, input.length()?);
                if added > 0 || duplicates > 0 {
                    self.begin_idmp();
                }
                self.loader.set_idmp_counters(added, duplicates);
                return Ok(Some(std::mem::take(&mut self.loader).finish()));
            }
            _ => self.group_part(input)?,
        }
        Ok(None)
    }

    fn node(&mut self, input: &mut Input<'_>) -> Read<()> {
        let key = input.string()?;
        let mut buffer = IntBuf::new();
        let mut key = Input::new(key.bytes(&mut buffer));
        let id = key.raw_id().ok().filter(|_| key.is_at_end());
        let id = id.ok_or(Stop::bad("Stream node key is not the size of a stream ID"))?;
        let node = input.string()?;
        self.loader.add_node(id, node.bytes(&mut IntBuf::new()))?;
        self.left -= 1;
        Ok(())
    }

    fn counters(&mut self, input: &mut Input<'_>) -> Read<()> {
        let length = input.length()?;
        let last_id = input.id()?;
        let (mut max_deleted_id, mut entries_added) = (StreamId::MIN, None);
        if self.kind != kind::STREAM {
            // The first id is known from the entries.
            input.id()?;
            max_deleted_id = input.id()?;
            entries_added = Some(input.length()?);
        }
        let groups = input.length()?;
        self.loader
            .set_counters(length, last_id, max_deleted_id, entries_added)?;
        self.groups = groups;
        self.stage = Stage::Group;
        Ok(())
    }

    fn group_head(&mut self, input: &mut Input<'_>) -> Read<()> {
        let name = input.string()?.to_vec();
        let last_id = input.id()?;
        let entries_read = if self.kind == kind::STREAM {
            self.loader.counters().entries_up_to(last_id)
        } else {
            // -1 when it is not known.
            Some(input.length()?).filter(|read| *read <= i64::MAX as u64)
        };
        self.left = input.length()?;
        self.group = Some((name, self.loader.group(last_id, entries_read)));
        self.groups -= 1;
        self.stage = Stage::Pending;
        Ok(())
    }

    fn group_part(&mut self, input: &mut Input<'_>) -> Read<()> {
        let Some((_, group)) = &mut self.group else {
            return Err(Stop::bad("A stream's consumer group is missing"));
        };
        match self.stage {
            Stage::Pending if self.left == 0 => {
                self.consumers = input.length()?;
                self.stage = Stage::Consumer;
            }
            Stage::Pending => {
                let (id, time) = (input.raw_id()?, input.fixed()?);
                group.add_pending(id, time, input.length()? as i64)?;
                self.left -= 1;
            }
            Stage::Consumer if self.consumers == 0 => {
                self.stage = Stage::ReleasedCount;
            }
            Stage::Consumer => {
                let (name, seen) = (input.string()?.to_vec(), input.fixed()?);
                let has_active = !matches!(self.kind, kind::STREAM | kind::STREAM_2);
                let active = if has_active { input.fixed()? } else { seen };
                self.left = input.length()?;
                self.owner = Some(group.add_consumer(&name, seen, active)?);
                self.consumers -= 1;
                self.stage = Stage::Owned;
            }
            Stage::Owned if self.left == 0 => self.stage = Stage::Consumer,
            Stage::Owned => {
                let id = input.raw_id()?;
                if let Some(owner) = self.owner {
                    group.set_owner(id, owner)?;
                }
                self.left -= 1;
            }
            Stage::ReleasedCount => {
                self.left = 0;
                if self.kind == kind::REDIS_STREAM_5 {
                    self.left = input.length()?;
                }
                self.stage = Stage::Released;
            }
            _ if self.left > 0 => {
                group.set_released(input.raw_id()?);
                self.left -= 1;
            }
            _ => self.end_group()?,
        }
        Ok(())
    }

    fn end_group(&mut self) -> Read<()> {
        if let Some((name, group)) = self.group.take() {
            self.loader.add_group(&name, group.finish()?)?;
        }
        self.stage = Stage::Group;
        Ok(())
    }

    /// From now on the stream has a memory of producers.
    fn begin_idmp(&mut self) {
        if let Some(limits) = self.limits.take() {
            self.loader.set_idmp(limits);
        }
    }

    fn idmp(&mut self, input: &mut Input<'_>) -> Read<()> {
        let (duration_s, max_size) = (input.length()?, input.length()?);
        self.producers = input.length()?;
        let is_known = (1..=IDMP_DURATION_S_MAX).contains(&duration_s)
            && (1..=IDMP_MAX_SIZE_MAX).contains(&max_size);
        if !is_known {
            return Err(Stop::bad("Stream IDMP limits out of range"));
        }
        let limits = IdmpLimits {
            duration_s,
            max_size: max_size as usize,
        };
        self.limits = Some(limits);
        // Redis writes its defaults for streams that never had a producer.
        if limits != IDMP_DEFAULTS {
            self.begin_idmp();
        }
        self.stage = Stage::Producer;
        Ok(())
    }
}
