//! The hash table of a shard: one cache line a lookup, and entries in the order of their hashes.
//!
//! A bucket is 64 bytes: seven entries of a 32-bit hash and the handle of a block, and what is
//! needed to find those that did not fit. The home of an entry is in proportion to its hash
//! (`hash * buckets >> 32`), so the order of buckets is the order of hashes in a table of any
//! size. An entry whose home is full lies in the first bucket behind with room; every full bucket
//! it passed counts it, so that a lookup knows when to stop and a removal leaves no tombstone. A
//! removal takes one that passed back to where it has made room: without that, a cache that always
//! holds as many keys would have lookups of absent keys walk ever further (60 buckets at 85 %
//! instead of two or three).
//!
//! Buckets lie in segments that are allocated and freed one by one. Behind the last home there may
//! be further buckets for what does not fit: insertion never fails and never moves an entry.

use smallvec::SmallVec;

use crate::store::slab::Handle;

/// Entries of a bucket.
pub(super) const LANES: usize = 7;
/// Buckets of a segment: 64 KiB, large enough for what the allocator adds to each.
const SEGMENT: usize = 1 << SEGMENT_BITS;
const SEGMENT_BITS: u32 = 10;
/// Segments that a table lists in itself: each shard's list would be one more miss of the cache.
/// Two million keys in 64 shards need no more.
const SEGMENTS_INLINE: usize = 4;
/// Buckets that are cleared at a time when a segment is reached: one page of memory.
const PIECE: usize = 64;
/// Room behind the last home that is there from the start.
const BEHIND: usize = 2;

#[derive(Clone, Debug)]
#[repr(C, align(64))]
struct Bucket {
    /// The last one is not an entry's: it makes eight, which the processor compares at once.
    hashes: [u32; LANES + 1],
    handles: [u32; LANES],
    /// Entries that passed this bucket, above a bit for each lane in use.
    passed_used: u32,
}

const _: () = assert!(size_of::<Bucket>() == 64);

const EMPTY: Bucket = Bucket {
    hashes: [0; LANES + 1],
    handles: [0; LANES],
    passed_used: 0,
};
const ALL_USED: u32 = (1 << LANES) - 1;
const ONE_PASSED: u32 = 1 << 8;

impl Bucket {
    /// Lanes in use, as bits.
    #[inline]
    fn used(&self) -> u32 {
        self.passed_used & ALL_USED
    }

    /// Whether some entry passed by, so that the next bucket must be looked at too.
    #[inline]
    fn is_passed(&self) -> bool {
        self.passed_used >= ONE_PASSED
    }

    /// Lanes in use with this hash, as bits.
    #[inline]
    fn matching(&self, hash: u32) -> u32 {
        let mut lanes = 0;
        for (lane, &other) in self.hashes.iter().enumerate() {
            lanes |= u32::from(other == hash) << lane;
        }
        lanes & self.used()
    }
}

/// Where an entry lies: bucket and lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    bucket: u32,
    lane: u32,
}

impl Place {
    /// As a number below 2^31.
    #[inline]
    pub fn raw(self) -> u32 {
        self.bucket << 3 | self.lane
    }

    #[inline]
    pub fn from_raw(raw: u32) -> Place {
        Place {
            bucket: raw >> 3,
            lane: raw & 7,
        }
    }
}

/// A search in pieces: for touching memory ahead of its use.
#[derive(Clone, Copy)]
pub(in crate::store) struct Probe<'a> {
    table: &'a Table,
    home: &'a Bucket,
    number: u32,
    hash: u32,
}

impl Probe<'_> {
    /// Touches the bucket where the search begins.
    #[inline]
    pub fn touch(&self) -> u32 {
        self.home.passed_used
    }

    /// The handle of some entry with this hash that is at home.
    #[inline]
    pub fn at_home(&self) -> Option<Handle> {
        let lane = self.home.matching(self.hash).trailing_zeros() as usize;
        self.home.handles.get(lane).copied().map(Handle::from_raw)
    }

    /// Whether one that is not at home may lie behind it: in a full table every tenth does.
    #[inline]
    pub fn goes_on(&self) -> bool {
        self.home.is_passed()
    }

    /// Touches the bucket where the search goes on.
    #[inline]
    pub fn touch_behind(&self) -> u32 {
        let next = self.table.bucket(self.number + 1);
        next.map_or(0, |bucket| bucket.passed_used)
    }

    /// The handle of some entry with this hash that found its home full.
    pub fn behind(&self) -> Option<Handle> {
        let mut number = self.number;
        loop {
            number += 1;
            let bucket = self.table.bucket(number)?;
            let lane = bucket.matching(self.hash).trailing_zeros() as usize;
            if let Some(&raw) = bucket.handles.get(lane) {
                return Some(Handle::from_raw(raw));
            }
            if !bucket.is_passed() {
                return None;
            }
        }
    }
}

/// Handles by hash. See the module's text.
#[derive(Debug, Default)]
pub(super) struct Table {
    segments: SmallVec<[Vec<Bucket>; SEGMENTS_INLINE]>,
    /// Homes; there may be some more buckets behind.
    homes: u32,
    len: usize,
}

impl Table {
    /// A table of so many homes, at least one. Its segments are allocated when they are reached,
    /// because a resize fills it from the front.
    pub fn planned(homes: u32) -> Table {
        let segments = SmallVec::with_capacity((homes as usize).div_ceil(SEGMENT));
        Table {
            segments,
            homes,
            len: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn homes(&self) -> u32 {
        self.homes
    }

    /// The home of a hash.
    #[inline]
    pub fn home(&self, hash: u32) -> u32 {
        ((u64::from(hash) * u64::from(self.homes)) >> 32) as u32
    }

    /// The smallest hash at home in this bucket or behind; 2^32 behind the last.
    pub fn first_hash(&self, bucket: u32) -> u64 {
        (u64::from(bucket) << 32).div_ceil(u64::from(self.homes.max(1)))
    }

    /// The entry with this hash for which `is_wanted` holds.
    #[inline]
    pub fn find(&self, hash: u32, mut is_wanted: impl FnMut(Handle) -> bool) -> Option<Place> {
        let mut number = self.home(hash);
        while let Some(bucket) = self.bucket(number) {
            let mut lanes = bucket.matching(hash);
            while lanes != 0 {
                let lane = lanes.trailing_zeros();
                if let Some(&raw) = bucket.handles.get(lane as usize)
                    && is_wanted(Handle::from_raw(raw))
                {
                    return Some(Place {
                        bucket: number,
                        lane,
                    });
                }
                lanes &= lanes - 1;
            }
            if !bucket.is_passed() {
                return None;
            }
            number += 1;
        }
        None
    }

    /// Where a search for this hash begins, without looking there.
    #[inline]
    pub fn probe(&self, hash: u32) -> Option<Probe<'_>> {
        let number = self.home(hash);
        let home = self.bucket(number)?;
        Some(Probe {
            table: self,
            home,
            number,
            hash,
        })
    }

    /// The entry at a place, if there is one.
    #[inline]
    pub fn get(&self, place: Place) -> Option<(u32, Handle)> {
        let bucket = self.bucket(place.bucket)?;
        let lane = place.lane as usize % (LANES + 1);
        let is_used = bucket.used() & 1 << lane != 0;
        is_used.then(|| (bucket.hashes[lane], Handle::from_raw(bucket.handles[lane])))
    }

    /// The block of the entry at a place moved.
    pub fn set_handle(&mut self, place: Place, handle: Handle) {
        if let Some(bucket) = self.bucket_mut(place.bucket)
            && let Some(old) = bucket.handles.get_mut(place.lane as usize)
        {
            *old = handle.raw();
        }
    }

    /// Adds an entry.
    pub fn insert(&mut self, hash: u32, handle: Handle) -> Place {
        self.len += 1;
        let mut number = self.home(hash);
        loop {
            let Some(bucket) = self.bucket_mut(number) else {
                self.lengthen();
                continue;
            };
            let lane = (!bucket.used()).trailing_zeros();
            if let Some(slot) = bucket.handles.get_mut(lane as usize) {
                *slot = handle.raw();
                bucket.hashes[lane as usize] = hash;
                bucket.passed_used |= 1 << lane;
                return Place {
                    bucket: number,
                    lane,
                };
            }
            bucket.passed_used += ONE_PASSED;
            number += 1;
        }
    }

    /// Takes the entry at a place out. There must be one. Others may move.
    pub fn remove(&mut self, place: Place) {
        let Some((hash, _)) = self.get(place) else {
            return;
        };
        self.len -= 1;
        self.no_longer_passed(self.home(hash), place.bucket);
        let mut hole = place;
        while let Some((from, hash, handle)) = self.passer(hole.bucket) {
            if let Some(bucket) = self.bucket_mut(hole.bucket) {
                bucket.hashes[hole.lane as usize] = hash;
                bucket.handles[hole.lane as usize] = handle;
            }
            self.no_longer_passed(hole.bucket, from.bucket);
            hole = from;
        }
        if let Some(bucket) = self.bucket_mut(hole.bucket) {
            bucket.passed_used &= !(1 << hole.lane);
        }
    }

    /// An entry that passed these buckets, up to the second, does so no longer.
    #[inline]
    fn no_longer_passed(&mut self, from: u32, to: u32) {
        for number in from..to {
            if let Some(bucket) = self.bucket_mut(number) {
                bucket.passed_used -= ONE_PASSED;
            }
        }
    }

    /// The first entry that passed this bucket, if there is one.
    #[inline]
    fn passer(&self, passed: u32) -> Option<(Place, u32, u32)> {
        if !self.bucket(passed)?.is_passed() {
            return None;
        }
        let mut number = passed + 1;
        loop {
            let bucket = self.bucket(number)?;
            for lane in 0..LANES {
                let (hash, handle) = (bucket.hashes[lane], bucket.handles[lane]);
                if bucket.used() & 1 << lane != 0 && self.home(hash) <= passed {
                    let (bucket, lane) = (number, lane as u32);
                    return Some((Place { bucket, lane }, hash, handle));
                }
            }
            number += 1;
        }
    }

    /// Appends the handles that lie in the home of a hash and behind it, until there are `wanted`.
    pub fn handles_near(&self, hash: u32, wanted: usize, handles: &mut Vec<Handle>) {
        let mut number = self.home(hash);
        while let Some(bucket) = self.bucket(number) {
            for (lane, &raw) in bucket.handles.iter().enumerate() {
                if handles.len() >= wanted {
                    return;
                }
                if bucket.used() & 1 << lane != 0 {
                    handles.push(Handle::from_raw(raw));
                }
            }
            number += 1;
        }
    }

    /// Visits the entries whose home is this bucket.
    pub fn visit_home(&self, home: u32, mut visit: impl FnMut(u32, Handle, Place)) {
        let mut number = home;
        while let Some(bucket) = self.bucket(number) {
            for lane in 0..LANES {
                let hash = bucket.hashes[lane];
                if bucket.used() & 1 << lane != 0 && self.home(hash) == home {
                    let place = Place {
                        bucket: number,
                        lane: lane as u32,
                    };
                    visit(hash, Handle::from_raw(bucket.handles[lane]), place);
                }
            }
            if !bucket.is_passed() {
                return;
            }
            number += 1;
        }
    }

    /// Moves the entries whose home is this bucket to another table. Everything at home before has
    /// been moved already, and nobody looks at homes that were moved.
    pub fn move_home(&mut self, home: u32, to: &mut Table) {
        let Some(bucket) = self.bucket_mut(home) else {
            return;
        };
        let first = bucket.clone();
        bucket.passed_used = 0;
        self.len -= first.used().count_ones() as usize;
        for (lane, (&hash, &handle)) in first.hashes.iter().zip(&first.handles).enumerate() {
            if first.used() & 1 << lane != 0 {
                to.insert(hash, Handle::from_raw(handle));
            }
        }
        if first.is_passed() {
            self.move_passed(home, to);
        }
    }

    /// Moves the entries that passed their home, where `home` has just been emptied.
    #[cold]
    fn move_passed(&mut self, home: u32, to: &mut Table) {
        let homes = self.homes;
        let home_of = |hash: u32| ((u64::from(hash) * u64::from(homes)) >> 32) as u32;
        let mut number = home + 1;
        while let Some(bucket) = self.bucket_mut(number) {
            let is_passed = bucket.is_passed();
            let mut moved = 0;
            for lane in 0..LANES {
                let (hash, handle) = (bucket.hashes[lane], bucket.handles[lane]);
                if bucket.used() & 1 << lane != 0 && home_of(hash) == home {
                    bucket.passed_used &= !(1 << lane);
                    to.insert(hash, Handle::from_raw(handle));
                    moved += 1;
                }
            }
            self.len -= moved;
            for number in home + 1..number {
                if let Some(bucket) = self.bucket_mut(number) {
                    bucket.passed_used -= ONE_PASSED * moved as u32;
                }
            }
            if !is_passed {
                return;
            }
            number += 1;
        }
    }

    /// Frees the segment that ends before this bucket: nothing is at home there any more.
    pub fn free_before(&mut self, bucket: u32) {
        if (bucket as usize).is_multiple_of(SEGMENT)
            && let Some(segment) = (bucket as usize >> SEGMENT_BITS).checked_sub(1)
            && let Some(segment) = self.segments.get_mut(segment)
        {
            *segment = Vec::new();
        }
    }

    /// Frees some segments of a table that is to be dropped; whether there were any.
    pub fn discard(&mut self, segments: usize) -> bool {
        let had_any = !self.segments.is_empty();
        self.segments
            .truncate(self.segments.len().saturating_sub(segments));
        had_any
    }

    /// Every bucket there is, homes and those behind.
    pub fn bucket_count(&self) -> usize {
        match self.segments.split_last() {
            Some((last, full)) => full.len() * SEGMENT + last.len(),
            None => 0,
        }
    }

    /// The entry in this lane of all lanes, if it is in use.
    #[inline]
    pub fn at(&self, number: usize) -> Option<Place> {
        let place = Place {
            bucket: (number / LANES) as u32,
            lane: (number % LANES) as u32,
        };
        self.get(place).map(|_| place)
    }

    pub fn heap_bytes(&self) -> usize {
        let buckets: usize = self.segments.iter().map(Vec::capacity).sum();
        let listed = match self.segments.spilled() {
            true => self.segments.capacity() * size_of::<Vec<Bucket>>(),
            false => 0,
        };
        listed + buckets * size_of::<Bucket>()
    }

    /// Checks that every entry can be found and is counted. For tests.
    pub fn check_invariants(&self) {
        let mut passed = vec![0u32; self.bucket_count()];
        let mut len = 0;
        for number in 0..passed.len() as u32 {
            for lane in 0..LANES as u32 {
                let place = Place {
                    bucket: number,
                    lane,
                };
                let Some((hash, handle)) = self.get(place) else {
                    continue;
                };
                len += 1;
                assert!(self.home(hash) <= number, "an entry lies before its home");
                assert_eq!(
                    self.find(hash, |h| h == handle),
                    Some(place),
                    "an entry is lost"
                );
                for number in self.home(hash)..number {
                    passed[number as usize] += 1;
                }
            }
        }
        for (number, passed) in passed.into_iter().enumerate() {
            if let Some(bucket) = self.bucket(number as u32) {
                assert_eq!(bucket.passed_used >> 8, passed, "passed bucket {number}");
            }
        }
        assert_eq!(len, self.len, "entries");
    }

    /// Makes further buckets: up to the last home a piece at a time, behind it one by one.
    #[cold]
    fn lengthen(&mut self) {
        let missing = (self.homes as usize).saturating_sub(self.bucket_count());
        let is_full = self
            .segments
            .last()
            .is_none_or(|last| last.len() == SEGMENT);
        if is_full && (missing > 0 || self.segments.is_empty()) {
            let capacity = if missing > SEGMENT {
                SEGMENT
            } else {
                missing + BEHIND
            };
            self.segments.push(Vec::with_capacity(capacity));
        }
        if let Some(last) = self.segments.last_mut() {
            // All segments but the last are full, whatever lies behind the last home.
            let piece = PIECE.min(SEGMENT - last.len() % SEGMENT);
            let more = missing.clamp(1, piece);
            last.reserve_exact(more);
            last.resize(last.len() + more, EMPTY);
        }
    }

    #[inline]
    fn bucket(&self, number: u32) -> Option<&Bucket> {
        let segment = self.segments.get(number as usize >> SEGMENT_BITS);
        match segment.and_then(|segment| segment.get(number as usize % SEGMENT)) {
            Some(bucket) => Some(bucket),
            None => self.bucket_behind(number),
        }
    }

    /// The last segment may be longer than the others: what does not fit lies behind it.
    #[cold]
    fn bucket_behind(&self, number: u32) -> Option<&Bucket> {
        let last = self.segments.len().checked_sub(1)?;
        self.segments[last].get((number as usize).checked_sub(last << SEGMENT_BITS)?)
    }

    #[inline]
    fn bucket_mut(&mut self, number: u32) -> Option<&mut Bucket> {
        let last = self.segments.len().checked_sub(1)?;
        let segment = (number as usize >> SEGMENT_BITS).min(last);
        self.segments[segment].get_mut(number as usize - (segment << SEGMENT_BITS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Rng;

    fn filled(homes: u32, len: usize, rng: &mut Rng) -> (Table, Vec<(u32, Handle)>) {
        let mut table = Table::planned(homes);
        let mut entries = Vec::new();
        for n in 0..len {
            let entry = (rng.next_u64() as u32, Handle::from_raw(n as u32));
            table.insert(entry.0, entry.1);
            entries.push(entry);
        }
        (table, entries)
    }

    #[test]
    fn even_an_overfull_table_finds_everything() {
        let mut rng = Rng::new(1);
        for (homes, len) in [
            (1, 1),
            (1, 30),
            (3, 40),
            (300, 1500),
            (300, 2100),
            (700, 4000),
        ] {
            let (mut table, mut entries) = filled(homes, len, &mut rng);
            table.check_invariants();
            assert_eq!(table.len(), len);
            while !entries.is_empty() {
                let (hash, handle) = entries.swap_remove(rng.below(entries.len()));
                let place = table.find(hash, |h| h == handle).expect("it is there");
                assert_eq!(Place::from_raw(place.raw()), place);
                table.remove(place);
                assert_eq!(table.find(hash, |h| h == handle), None);
                if entries.len() % 100 == 0 {
                    table.check_invariants();
                }
            }
        }
    }

    #[test]
    fn homes_are_in_the_order_of_hashes() {
        for homes in [1, 2, 3, 7, 256, 1000, 123_457] {
            let table = Table::planned(homes);
            for home in [0, 1, homes / 2, homes - 1] {
                let first = table.first_hash(home);
                if first <= u64::from(u32::MAX) {
                    assert_eq!(table.home(first as u32), home.min(homes - 1));
                    assert!(first == 0 || table.home(first as u32 - 1) < home);
                }
            }
            assert_eq!(table.first_hash(homes), 1 << 32);
        }
    }

    #[test]
    fn moving_home_by_home_moves_everything() {
        let mut rng = Rng::new(2);
        for (from, to) in [(300, 375), (300, 40), (1, 2), (700, 875)] {
            let (mut old, entries) = filled(from, from as usize * 6, &mut rng);
            let (mut new, _) = filled(to, 0, &mut rng);
            for home in 0..from {
                old.move_home(home, &mut new);
                old.free_before(home + 1);
            }
            assert_eq!((old.len(), new.len()), (0, entries.len()));
            new.check_invariants();
            for (hash, handle) in entries {
                assert!(new.find(hash, |h| h == handle).is_some());
            }
        }
    }

    /// As in a cache, where each new key costs an old one its place.
    #[test]
    fn searches_stay_short_however_much_comes_and_goes() {
        let mut rng = Rng::new(3);
        let (mut table, mut entries) = filled(1_000, 1_000 * LANES * 85 / 100, &mut rng);
        for round in 0..10 {
            let walked: u32 = (0..10_000)
                .map(|_| {
                    let home = table.home(rng.next_u64() as u32);
                    let is_passed =
                        |number: &u32| table.bucket(*number).is_some_and(Bucket::is_passed);
                    (home..).take_while(is_passed).count() as u32
                })
                .sum();
            assert!(walked < 50_000, "{walked} further buckets in round {round}");
            for _ in 0..entries.len() {
                let at = rng.below(entries.len());
                let (hash, handle) = entries[at];
                let place = table.find(hash, |h| h == handle).expect("it is there");
                table.remove(place);
                entries[at].0 = rng.next_u64() as u32;
                table.insert(entries[at].0, handle);
            }
            table.check_invariants();
        }
    }
}
