//! Housekeeping of one database, in slices: growth of the indexes, compaction, and freeing.

use crate::store::db::{Compaction, Db, Largest};
use crate::store::shard::Shard;
use crate::store::value::FREE_AT_ONCE;

/// Buckets of a few keys moved to a new index in a slice.
const GROW_STEPS: usize = 256;
/// Records looked at by compaction in a slice.
const COMPACT_RECORDS: usize = 512;
/// Elements freed in a slice.
const FREE_ELEMENTS: usize = 256;
/// Pages of the slab freed in a slice.
const DRAIN_PAGES: usize = 1;
/// Where memory is short, holes are closed when they are more than this part of the slab.
const PRESSED_PART: usize = 16;
/// How far the bound of the largest shard may be off in a small database.
const LOOSE_BOUND: usize = 1 << 14;

impl Db {
    /// Advances the index of one shard that is being rebuilt; whether more is to be done.
    pub(super) fn grow_slice(&mut self) -> bool {
        if !self.chores.growing {
            return false;
        }
        let shards = self.shards.len();
        for _ in 0..shards {
            let at = self.chores.grow_shard % shards;
            if self.shards[at].wants_growth() {
                if !self.shards[at].grow_step(GROW_STEPS) {
                    self.chores.grow_shard = at + 1;
                }
                return true;
            }
            self.chores.grow_shard = at + 1;
        }
        self.chores.growing = false;
        false
    }

    /// Moves some blocks out of sparse pages, while that is worth it; whether more is to be done.
    pub(super) fn compact_slice(&mut self) -> bool {
        let Some(mut walk) = self.chores.compacting else {
            return self.begin_compaction();
        };
        let shard = &mut self.shards[walk.shard];
        walk.cursor = shard.compact(&mut self.heap, walk.cursor, COMPACT_RECORDS);
        if walk.cursor == 0 {
            walk.shard += 1;
        }
        if walk.shard < self.shards.len() {
            self.chores.compacting = Some(walk);
            return true;
        }
        self.chores.compacting = None;
        // What a walk could not close, the next one could not either.
        let holes = self.heap.slab.hole_bytes();
        let was_useful = holes < walk.holes_before - walk.holes_before / 4;
        self.chores.compact_above_bytes = if was_useful { 0 } else { holes / 4 * 5 };
        was_useful && self.begin_compaction()
    }

    /// Frees a part of what was given to [`Db::free_later`]; whether more is to be done.
    pub(super) fn free_slice(&mut self) -> bool {
        let Some(value) = self.doomed.front_mut() else {
            return false;
        };
        if value.drain_slice(FREE_ELEMENTS) {
            self.doomed.pop_front();
            self.chores.freed += 1;
        }
        !self.doomed.is_empty()
    }

    /// Frees a part of a database that is to be dropped; whether more is to be done.
    pub(super) fn drain_slice(&mut self) -> bool {
        if self.free_slice() || self.drain_field_expiries(FREE_ELEMENTS) {
            return true;
        }
        for _ in 0..FREE_ELEMENTS {
            let Some(value) = self.heap.arena.drain() else {
                break;
            };
            if value.free_effort() > FREE_AT_ONCE {
                self.doomed.push_back(value);
                return true;
            }
        }
        self.heap.arena.len() > 0
            || self.shards.iter_mut().any(Shard::discard)
            || self.heap.slab.drain(DRAIN_PAGES) > 0
    }

    fn begin_compaction(&mut self) -> bool {
        if self.largest.keys * self.shards.len() > 4 * self.len + LOOSE_BOUND {
            self.bound_shards();
        }
        let slab = &self.heap.slab;
        if slab.hole_bytes() <= self.chores.compact_above_bytes {
            // A pass that failed long ago is no reason not to try again after growth.
            self.chores.compact_above_bytes =
                self.chores.compact_above_bytes.min(slab.hole_bytes() * 2);
            return false;
        }
        let is_worth_it = match self.chores.is_pressed {
            true => slab.has_holes_above(PRESSED_PART),
            false => slab.is_fragmented(),
        };
        if is_worth_it {
            self.chores.compacting = Some(Compaction {
                shard: 0,
                cursor: 0,
                holes_before: slab.hole_bytes(),
            });
        }
        is_worth_it
    }

    /// Counts the shards anew, after removals.
    fn bound_shards(&mut self) {
        self.largest = Largest {
            keys: self.shards.iter().map(Shard::len).max().unwrap_or(0),
            volatile: self
                .shards
                .iter()
                .map(Shard::volatile_len)
                .max()
                .unwrap_or(0),
        };
    }
}
