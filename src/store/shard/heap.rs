//! What the shards of a database share: the slab their blocks lie in, and the arena of objects.

use super::arena::Arena;
use crate::store::slab::{Handle, Slab};
use crate::store::snapshot::Snapshot;

/// Bytes and objects of one database.
#[derive(Debug, Default)]
pub(in crate::store) struct Heap {
    pub slab: Slab,
    pub arena: Arena,
    /// Holds a block while it moves to another size class.
    pub scratch: Vec<u8>,
    /// Changes whenever some block moves or is freed: what was found before must be looked at anew.
    pub epoch: u32,
    /// The mark of keys that the snapshot, under way or last, does not have to look at any more.
    pub mark: u32,
    pub snapshot: Option<Box<Snapshot>>,
    /// Reused from step to step of a snapshot's walk.
    pub blocks: Vec<Handle>,
}

impl Heap {
    #[inline]
    pub fn blocks_moved(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
    }
}
