//! Walking a database by cursor, choosing from it at random, and touching keys ahead of their use.

use std::hint::black_box;

use smallvec::SmallVec;

use crate::random::Rng;
use crate::store::db::{Db, Key, Slot};
use crate::store::shard::{Entry, Probe, Shard};
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
        let mut entries: SmallVec<[Entry; WARM_AT_ONCE]> = SmallVec::new();
        while let Some(keys) = self.shards.get(shard) {
            if keys.len() > 0 {
                if left == 0 {
                    return (shard as u64) << POSITION_BITS | position;
                }
                let wanted = left.min(WARM_AT_ONCE);
                entries.clear();
                position = keys.scan(position, wanted, |entry| entries.push(entry));
                let blocks = entries.iter().map(|e| self.heap.slab.bytes(e.handle));
                black_box(blocks.fold(0, |sum, block| sum ^ ends(block)));
                for entry in &entries {
                    visit(self.heap.key(entry.handle), self.slot(shard, *entry));
                }
                left = left.saturating_sub(entries.len());
                if position > 0 {
                    if left == 0 || entries.len() < wanted {
                        return (shard as u64) << POSITION_BITS | position;
                    }
                    continue;
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

    /// Hands over the blocks of `groups` times `count` keys, where there are so many; in a small
    /// database some come twice. Those of a group lie together in the index, by their hashes, which
    /// tell nothing of how they are used.
    pub(super) fn sample_blocks(
        &self,
        rng: &mut Rng,
        groups: usize,
        count: usize,
        blocks: &mut Vec<Handle>,
    ) {
        let mut places: SmallVec<[(usize, u32); 16]> = SmallVec::new();
        for _ in 0..groups {
            let shard = self.random_shard(rng, self.len, self.largest.keys, Shard::len);
            places.extend(shard.map(|shard| (shard, rng.next_u64() as u32)));
        }
        let touched = places.iter().fold(0, |sum, &(shard, hash)| {
            let probe = self.shards[shard].probe(hash);
            sum ^ probe.map_or(0, |probe| probe.touch())
        });
        black_box(touched);
        for (first, hash) in places {
            let wanted = blocks.len() + count;
            self.shards[first].blocks_near(hash, wanted, blocks);
            // Of this shard what is before the hash, too.
            let others = (first + 1..self.shards.len()).chain(0..=first);
            for shard in others {
                if blocks.len() >= wanted {
                    break;
                }
                self.shards[shard].blocks_near(0, wanted, blocks);
            }
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
            // Those whose search does not end at the first bucket.
            let mut longer: SmallVec<[(usize, &Probe<'_>); WARM_AT_ONCE]> = SmallVec::new();
            for (at, probe) in probes.iter().enumerate() {
                let Some(probe) = probe else {
                    continue;
                };
                match probe.at_home() {
                    Some(handle) => blocks[at] = self.heap.slab.bytes(handle),
                    None if probe.goes_on() => longer.push((at, probe)),
                    None => {}
                }
            }
            let touched = longer.iter().fold(0, |sum, (_, p)| sum ^ p.touch_behind());
            black_box(touched);
            for (at, probe) in longer {
                if let Some(handle) = probe.behind() {
                    blocks[at] = self.heap.slab.bytes(handle);
                }
            }
            let touched = blocks[..keys.len()].iter();
            black_box(touched.fold(0, |sum, block| sum ^ ends(block)));
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

/// Touches a block: a small one lies in two cache lines at most.
#[inline]
fn ends(block: &[u8]) -> u8 {
    match block {
        [first, .., last] => first ^ last,
        _ => 0,
    }
}
