//! Removing entries: XDEL, XDELEX, XACKDEL, XTRIM, and what that means for groups that refer to
//! them.

use super::Stream;
use super::group::Groups;
use super::id::StreamId;

/// What happens to references from pending lists when an entry is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefPolicy {
    /// They stay: KEEPREF.
    #[default]
    Keep,
    /// They go too: DELREF.
    Delete,
    /// The entry stays while there are any, or while a group has not read it yet: ACKED.
    Acked,
}

/// What became of an entry that was to be deleted. The numbers are what XDELEX and XACKDEL reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum Deletion {
    /// It is not there; to XACKDEL, it is not pending.
    NotFound = -1,
    /// It is gone.
    Deleted = 1,
    /// It stays, because groups still refer to it.
    Referenced = 2,
}

/// What is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrimTo {
    /// At most so many entries.
    MaxLen(u64),
    /// Entries from this id on.
    MinId(StreamId),
}

/// How a stream is to be trimmed.
#[derive(Clone, Copy, Debug)]
pub struct Trim {
    /// What is to be kept.
    pub to: TrimTo,
    /// Remove whole blocks only, which costs next to nothing.
    pub approximate: bool,
    /// Remove no more than this many entries; 0 is no limit.
    pub limit: u64,
    /// What happens to references from pending lists.
    pub references: RefPolicy,
}

impl Stream {
    /// Deletes the entry `id`; false when it is not there.
    pub fn delete(&mut self, id: StreamId) -> bool {
        if !self.log.delete(id) {
            return false;
        }
        self.max_deleted_id = self.max_deleted_id.max(id);
        self.refresh_first_id();
        true
    }

    /// Deletes the entry `id` with regard to references: one id of XDELEX.
    pub fn delete_with(&mut self, id: StreamId, references: RefPolicy) -> Deletion {
        match references {
            RefPolicy::Keep => {}
            // Dangling references go also when the entry is gone already.
            RefPolicy::Delete => {
                forget(&mut self.groups, id);
            }
            RefPolicy::Acked => {
                if !self.log.contains(id) {
                    return Deletion::NotFound;
                }
                if self.is_referenced(id) {
                    return Deletion::Referenced;
                }
            }
        }
        if self.delete(id) {
            Deletion::Deleted
        } else {
            Deletion::NotFound
        }
    }

    /// Acknowledges the entry `id` and deletes it: one id of XACKDEL. An entry that is pending but
    /// not in the stream any more counts as deleted.
    pub fn ack_and_delete(
        &mut self,
        group: &[u8],
        id: StreamId,
        references: RefPolicy,
    ) -> Deletion {
        let group = self
            .groups
            .as_mut()
            .and_then(|groups| groups.0.get_mut(group));
        if !group.is_some_and(|group| group.ack(id)) {
            return Deletion::NotFound;
        }
        match references {
            RefPolicy::Acked if self.is_referenced(id) => return Deletion::Referenced,
            RefPolicy::Delete => {
                forget(&mut self.groups, id);
            }
            _ => {}
        }
        self.delete(id);
        Deletion::Deleted
    }

    /// Whether a group has not read the entry `id` yet, or has it pending.
    pub fn is_referenced(&self, id: StreamId) -> bool {
        refer_to(&self.groups, id)
    }

    /// Removes entries from the front, and says how many.
    pub fn trim(&mut self, trim: &Trim) -> u64 {
        let (mut removed, mut block) = (0, None);
        loop {
            let max_len = match trim.to {
                TrimTo::MaxLen(max_len) if self.log.length() <= max_len => break,
                TrimTo::MaxLen(max_len) => max_len,
                TrimTo::MinId(_) => 0,
            };
            let Some((base, entries)) = self.log.block_after(block) else {
                break;
            };
            let live = u64::from(entries.live());
            if trim.limit > 0 && removed + live > trim.limit {
                break;
            }
            let whole = match trim.to {
                TrimTo::MaxLen(_) => self.log.length() - live >= max_len,
                TrimTo::MinId(id) => entries.last_slot_id(base) < id,
            };
            if whole && self.release_block(base, trim) {
                removed += self.log.remove_block(base);
                continue;
            }
            if trim.approximate {
                break;
            }
            removed += self.trim_block(base, trim);
            if !whole {
                break;
            }
            block = Some(base);
        }
        if removed > 0 {
            self.refresh_first_id();
        }
        removed
    }

    /// Deals with the references to a whole block; false when some forbid to remove it.
    fn release_block(&mut self, base: StreamId, trim: &Trim) -> bool {
        if self.groups.is_none() || trim.references == RefPolicy::Keep {
            return true;
        }
        let (log, groups) = (&self.log, &mut self.groups);
        let Some((_, block)) = log.block_at(base) else {
            return false;
        };
        let mut ids = block.live_entries(base).map(|entry| entry.id());
        if trim.references == RefPolicy::Acked {
            return !ids.any(|id| refer_to(groups, id));
        }
        ids.for_each(|id| forget(groups, id));
        true
    }

    /// Removes entries from the front of a block.
    fn trim_block(&mut self, base: StreamId, trim: &Trim) -> u64 {
        let (length, groups) = (self.log.length(), &mut self.groups);
        let wanted = |id, removed| match trim.to {
            TrimTo::MaxLen(max_len) => length - removed > max_len,
            TrimTo::MinId(min_id) => id < min_id,
        };
        let may_delete = |id| match trim.references {
            RefPolicy::Keep => true,
            RefPolicy::Delete => {
                forget(groups, id);
                true
            }
            RefPolicy::Acked => !refer_to(groups, id),
        };
        self.log.delete_prefix(base, wanted, may_delete)
    }

    fn refresh_first_id(&mut self) {
        self.first_id = self.log.first_id().unwrap_or_default();
    }
}

fn refer_to(groups: &Option<Box<Groups>>, id: StreamId) -> bool {
    groups.as_ref().is_some_and(|groups| groups.refer_to(id))
}

fn forget(groups: &mut Option<Box<Groups>>, id: StreamId) {
    if let Some(groups) = groups {
        groups.forget(id);
    }
}
