//! What a stream remembers of its past, and what follows from it for groups: how many entries a
//! group has read, and how many are ahead of it.
//!
//! Entries are counted when they are added. While nothing was deleted in their middle, a group's
//! own count of what it read stays true; otherwise it can be told for few positions only, and for
//! the others the answer is that it is unknown.

use super::group::Group;
use super::id::StreamId;

/// What a stream remembers of its past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Entries there are.
    pub length: u64,
    /// The id of the first entry; `0-0` when there is none.
    pub first_id: StreamId,
    /// The last id generated.
    pub last_id: StreamId,
    /// The greatest id that XDEL and its kin deleted.
    pub max_deleted_id: StreamId,
    /// Entries ever added.
    pub entries_added: u64,
}

impl Counters {
    /// The number of entries that a group has not read; none when it cannot be known.
    ///
    /// A group that stands before the first entry has all of the stream to read, whatever was
    /// counted: entries may have been trimmed, and ENTRIESREAD may say anything.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        if self.length == 0 {
            return Some(0);
        }
        if group.last_id() < self.first_id && self.max_deleted_id < self.first_id {
            return Some(self.length as i64);
        }
        let read = match group.entries_read() {
            Some(read) if self.is_intact_after(group.last_id()) => Some(read),
            _ => self.entries_up_to(group.last_id()),
        };
        read.map(|read| self.entries_added.wrapping_sub(read) as i64)
    }

    /// How many entries were added up to and including `id`; none when it cannot be known, which
    /// is so inside of the stream, in the future, and before a deleted entry.
    pub fn entries_up_to(&self, id: StreamId) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        if self.length == 0 && id <= self.last_id {
            return Some(self.entries_added);
        }
        if !id.is_zero() && id < self.max_deleted_id {
            return None;
        }
        if id == self.last_id {
            return Some(self.entries_added);
        }
        let intact = self.max_deleted_id.is_zero() || self.max_deleted_id < self.first_id;
        if id > self.last_id || id > self.first_id || !intact {
            return None;
        }
        let before = self.entries_added.saturating_sub(self.length);
        Some(if id < self.first_id {
            before
        } else {
            before + 1
        })
    }

    /// What a group has read once it gets `id` as its next entry. It cannot have read more than was
    /// added, though XGROUP SETID may have said that it read up to the end already.
    #[inline]
    pub(super) fn entries_read_after(&self, group: &Group, id: StreamId) -> Option<u64> {
        match group.entries_read() {
            Some(read)
                if group.last_id() >= self.first_id && self.is_intact_after(group.last_id()) =>
            {
                Some((read + 1).min(self.entries_added))
            }
            _ => self.entries_up_to(id),
        }
    }

    /// Whether no entry was deleted from the middle of the stream after `id`. (Redis 8 also wants
    /// that no entry after `id` was trimmed; Valkey 9.1, which is followed here, does not.)
    #[inline]
    fn is_intact_after(&self, id: StreamId) -> bool {
        self.length == 0 || self.max_deleted_id.is_zero() || self.max_deleted_id < id
    }
}
