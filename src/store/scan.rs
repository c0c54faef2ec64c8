//! Walking a database by cursor, choosing from it at random, and touching keys ahead of their use.

use std::hint::black_box;

use crate::random::Rng;
use crate::store::db::{Db, Key, Slot};
use crate::store::shard::Shard;
use crate::store::slab::Handle;

/// Cursors hold a shard's number above the first hash that is to be visited: 48 bits at most.
const POSITION_BITS: u32 = 32;
/// Keys that are warmed in one pass: their misses overlap, and what they touched stays in cache.
const WARM_AT_ONCE: usize = 64;
/// Random choices of a shard that may be rejected before the shards are counted.
const REJECTIONS: usize = 8;

impl Db {
    /// Visits about `count` keys and returns the next cursor: 0 when the walk is over. It begins
    /// with cursor 0. Whatever is present from the beginning to the end is visited at least once,
    /// whatever is inserted and removed between the calls. A cursor that was never given out is
    /// harmless.
    pub fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(&'a [u8], Slot),
    ) -> u64 {
        let mut shard = (cursor >> POSITION_BITS) as usize;
        let mut position = cursor & ((1 << POSITION_BITS) - 1);
        let mut left = count.max(1);
        while let Some(keys) = self.shards.get(shard) {
            if keys.len() > 0 {
                if left == 0 {
                    return (shard as u64) << POSITION_BITS | position;
                }
                let mut visited = 0;
                position = keys.scan(position, left, |entry| {
                    visited += 1;
                    visit(self.heap.key(entry.handle), self.slot(shard, entry));
                });
                left = left.saturating_sub(visited);
                if position > 0 {
                    return (shard as u64) << POSITION_BITS | position;
                }
            }
            position = 0;
            shard += 1;
        }
        0
    }

    /// As [`Db::scan`], but nothing of the keys themselves is looked at: their blocks are handed
    /// over. Touching them in a loop of its own lets the misses overlap.
    pub(super) fn scan_blocks(&self, cursor: u64, count: usize, blocks: &mut Vec<Handle>) -> u64 {
        let mut shard = (cursor >> POSITION_BITS) as usize;
        let mut position = cursor & ((1 << POSITION_BITS) - 1);
        while let Some(keys) = self.shards.get(shard) {
            if blocks.len() >= count {
                return (shard as u64) << POSITION_BITS | position;
            }
            position = keys.scan(position, count - blocks.len(), |entry| {
                blocks.push(entry.handle);
            });
            shard += usize::from(position == 0);
        }
        0
    }

    /// A uniformly chosen key.
    pub fn random(&self, rng: &mut Rng) -> Option<Slot> {
        let shard = self.random_shard(rng, self.len, self.largest.keys, Shard::len)?;
        let entry = self.shards[shard].random(rng)?;
        Some(self.slot(shard, entry))
    }

    /// A uniformly chosen key among those with an expiry.
    pub fn random_volatile(&self, rng: &mut Rng) -> Option<Slot> {
        let (len, bound) = (self.volatile_len, self.largest.volatile);
        let shard = self.random_shard(rng, len, bound, Shard::volatile_len)?;
        self.slot_of_block(self.shards[shard].random_volatile(rng)?)
    }

    /// Hands over the blocks of some keys that lie together, from a random place on, in the order of
    /// hashes: their order tells nothing of how they are used. At least `count`, where there are so
    /// many; in a small database some come twice.
    pub(super) fn sample_blocks(&self, rng: &mut Rng, count: usize, blocks: &mut Vec<Handle>) {
        let largest = self.largest.keys;
        if let Some(shard) = self.random_shard(rng, self.len, largest, Shard::len) {
            let position = rng.next_u64() >> POSITION_BITS;
            self.scan_blocks((shard as u64) << POSITION_BITS | position, count, blocks);
            self.scan_blocks(0, count, blocks);
        }
    }

    /// Hands over the blocks of uniformly chosen keys among those with an expiry. Their list is in
    /// the order of insertion, so that neighbours would not do.
    pub(super) fn sample_volatile_blocks(
        &self,
        rng: &mut Rng,
        count: usize,
        blocks: &mut Vec<Handle>,
    ) {
        let (len, bound) = (self.volatile_len, self.largest.volatile);
        for _ in 0..count {
            let shard = self.random_shard(rng, len, bound, Shard::volatile_len);
            blocks.extend(shard.and_then(|at| self.shards[at].random_volatile(rng)));
        }
    }

    /// Touches what the commands on these keys will need, one kind of memory after the other, so
    /// that the misses of different keys overlap. Changes nothing.
    ///
    /// The loops that miss do nothing but touch: the processor looks only some hundred instructions
    /// ahead, so the shorter they are, the more misses it has under way.
    pub fn warm(&self, keys: &[Key<'_>]) {
        for keys in keys.chunks(WARM_AT_ONCE) {
            let mut probes = [None; WARM_AT_ONCE];
            for (key, probe) in keys.iter().zip(&mut probes) {
                *probe = self.shards[self.shard_of(key)].probe(key.low());
            }
            let probes = &probes[..keys.len()];
            let touched = probes.iter().flatten().fold(0, |sum, p| sum ^ p.touch());
            black_box(touched);
            let mut blocks: [&[u8]; WARM_AT_ONCE] = [&[]; WARM_AT_ONCE];
            for (probe, block) in probes.iter().zip(&mut blocks) {
                if let Some(handle) = probe.and_then(|probe| probe.candidate()) {
                    *block = self.heap.slab.bytes(handle);
                }
            }
            let touched = blocks[..keys.len()]
                .iter()
                .fold(0, |sum, block| match *block {
                    [first, .., last] => sum ^ first ^ last,
                    _ => sum,
                });
            black_box(touched);
        }
    }

    /// A shard, chosen with a probability in proportion to `len`; the sum of all is `total`, none
    /// is above `bound`. Shards are nearly equal, so the first choice is nearly always accepted;
    /// where they are not (few keys, or a bound from before many removals), they are counted.
    fn random_shard(
        &self,
        rng: &mut Rng,
        total: usize,
        bound: usize,
        len: impl Fn(&Shard) -> usize,
    ) -> Option<usize> {
        if total == 0 {
            return None;
        }
        for _ in 0..REJECTIONS {
            let shard = rng.below(self.shards.len());
            if rng.below(bound) < len(&self.shards[shard]) {
                return Some(shard);
            }
        }
        let mut at = rng.below(total);
        for (shard, keys) in self.shards.iter().enumerate() {
            match at.checked_sub(len(keys)) {
                Some(rest) => at = rest,
                None => return Some(shard),
            }
        }
        None
    }
}
