//! The index of a shard: a table, and while it is being resized the one it replaces.
//!
//! Both tables are in the order of hashes, so a resize is a walk: everything below a boundary has
//! moved to the new table, everything else is still in the old one, and a lookup looks at exactly
//! one. The walk reads and writes memory in sequence, and frees the old table as it goes. It is
//! done in steps, by housekeeping, or by insertions when housekeeping lags. The order of hashes is
//! also what cursors are: a scan goes on from a hash, whatever was resized in between.

use super::table::{LANES, Place, Probe, Table};
use crate::random::Rng;
use crate::store::slab::Handle;

/// Handles by hash, growing and shrinking in steps. See the module's text.
#[derive(Debug, Default)]
pub(super) struct Index {
    live: Table,
    resize: Option<Box<Resize>>,
}

/// A resize under way.
#[derive(Debug)]
struct Resize {
    old: Table,
    /// The next home to move, and the first hash that is at home there.
    next: u32,
    boundary: u64,
}

/// Where an entry lies. It is a hint once the index was resized: what lies there is checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position(u32);

/// Marks a position in the old table.
const OLD: u32 = 1 << 31;
/// A resize begins when so many hundredths of the lanes are in use; it makes half as many more.
const FULL_PERCENT: usize = 85;
/// From here on insertions take part in the resize.
const URGENT_PERCENT: usize = 90;
/// What is in use when all entries have come for which room was reserved: below
/// [`FULL_PERCENT`], as the entries of a database are not shared out evenly among its shards.
const RESERVED_PERCENT: usize = 80;
/// What is left in use by a resize that shrinks, which begins at a seventh.
const ROOMY_PERCENT: usize = 50;
/// Up to so many homes a table is resized in one go.
const AT_ONCE: u32 = 64;
/// Homes moved by an insertion that takes part.
const STEP: usize = 4;
/// Random lanes looked at before some lane in use is searched for instead.
const TRIES: usize = 512;

impl Index {
    #[inline]
    pub fn len(&self) -> usize {
        self.live.len() + self.resize.as_ref().map_or(0, |r| r.old.len())
    }

    /// The entry with this hash for which `is_wanted` holds.
    #[inline]
    pub fn find(
        &self,
        hash: u32,
        mut is_wanted: impl FnMut(Handle) -> bool,
    ) -> Option<(Position, Handle)> {
        let (table, mark) = self.table_of(hash);
        let mut found = Handle::NONE;
        let place = table.find(hash, |handle| {
            found = handle;
            is_wanted(handle)
        })?;
        Some((Position(place.raw() | mark), found))
    }

    /// Where a search for this hash begins.
    #[inline]
    pub fn probe(&self, hash: u32) -> Option<Probe<'_>> {
        self.table_of(hash).0.probe(hash)
    }

    /// The entry at a position.
    #[inline]
    pub fn get(&self, position: Position) -> Option<(u32, Handle)> {
        let place = Place::from_raw(position.0 & !OLD);
        if position.0 & OLD == 0 {
            self.live.get(place)
        } else {
            self.resize.as_ref()?.old.get(place)
        }
    }

    pub fn set_handle(&mut self, position: Position, handle: Handle) {
        let place = Place::from_raw(position.0 & !OLD);
        if let Some(table) = self.table_at(position) {
            table.set_handle(place, handle);
        }
    }

    /// Makes an empty index large enough for so many entries.
    pub fn reserve(&mut self, entries: usize) {
        if self.len() == 0 && self.resize.is_none() {
            let lanes = entries * 100 / RESERVED_PERCENT;
            self.live = Table::planned((lanes / LANES + 1) as u32);
        }
    }

    /// Adds an entry.
    #[inline]
    pub fn insert(&mut self, hash: u32, handle: Handle) -> Position {
        if self.is_above(FULL_PERCENT) {
            self.make_room();
        }
        let (table, mark) = match &mut self.resize {
            Some(r) if u64::from(hash) >= r.boundary => (&mut r.old, OLD),
            _ => (&mut self.live, 0),
        };
        Position(table.insert(hash, handle).raw() | mark)
    }

    pub fn remove(&mut self, position: Position) {
        let place = Place::from_raw(position.0 & !OLD);
        if let Some(table) = self.table_at(position) {
            table.remove(place);
        }
        let homes = self.live.homes();
        if self.resize.is_none() && homes > 8 && self.live.len() < homes as usize {
            let lanes = self.live.len() * 100 / ROOMY_PERCENT;
            self.start((lanes / LANES + 1) as u32);
        }
    }

    /// Visits about `count` entries in the order of their hashes, from the hash `cursor` on.
    /// Returns where to go on, 0 at the end.
    pub fn scan(
        &self,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(u32, Handle, Position),
    ) -> u64 {
        let (mut at, mut seen, mut homes_left) = (cursor, 0, count.saturating_mul(8).max(1));
        let all = 1 << 32;
        while at < all {
            if seen >= count || homes_left == 0 {
                return at;
            }
            let (table, mark) = self.table_of(at as u32);
            if table.homes() == 0 {
                return 0;
            }
            let home = table.home(at as u32);
            table.visit_home(home, |hash, handle, place| {
                if u64::from(hash) >= at {
                    seen += 1;
                    visit(hash, handle, Position(place.raw() | mark));
                }
            });
            // A new table knows what is below the boundary only.
            let end = match &self.resize {
                Some(r) if mark == 0 => r.boundary,
                _ => all,
            };
            at = table.first_hash(home + 1).min(end);
            homes_left -= 1;
        }
        0
    }

    /// Appends the handles that lie behind the home of a hash, until there are `wanted`; during a
    /// resize only those of one table.
    pub fn handles_near(&self, hash: u32, wanted: usize, handles: &mut Vec<Handle>) {
        self.table_of(hash).0.handles_near(hash, wanted, handles);
    }

    /// A uniformly chosen entry.
    pub fn random(&self, rng: &mut Rng) -> Option<(u32, Handle, Position)> {
        if self.len() == 0 {
            return None;
        }
        let live = self.live.bucket_count() * LANES;
        let old = self.resize.as_ref().map(|r| &r.old);
        let lanes = live + old.map_or(0, |table| table.bucket_count() * LANES);
        let entry = |number: usize| {
            let (place, mark) = match number.checked_sub(live) {
                None => (self.live.at(number)?, 0),
                Some(number) => (old?.at(number)?, OLD),
            };
            let position = Position(place.raw() | mark);
            self.get(position)
                .map(|(hash, handle)| (hash, handle, position))
        };
        let chosen = (0..TRIES).find_map(|_| entry(rng.below(lanes)));
        // So sparse only until housekeeping has shrunk it.
        chosen.or_else(|| {
            let from = rng.below(lanes);
            (from..lanes).chain(0..from).find_map(entry)
        })
    }

    /// Whether a resize is under way.
    #[inline]
    pub fn wants_step(&self) -> bool {
        self.resize.is_some()
    }

    /// Moves the entries of so many homes to the new table; whether there is more to do.
    pub fn step(&mut self, steps: usize) -> bool {
        for _ in 0..steps {
            let Some(resize) = &mut self.resize else {
                return false;
            };
            let old = &mut resize.old;
            if resize.next < old.homes() {
                old.move_home(resize.next, &mut self.live);
                resize.next += 1;
                resize.boundary = old.first_hash(resize.next);
                old.free_before(resize.next);
            }
            if resize.next >= old.homes() {
                self.resize = None;
            }
        }
        self.resize.is_some()
    }

    /// Frees some of an index that is to be dropped; whether there was anything.
    pub fn discard(&mut self, segments: usize) -> bool {
        let old = self
            .resize
            .as_mut()
            .is_some_and(|r| r.old.discard(segments));
        old || self.live.discard(segments)
    }

    pub fn heap_bytes(&self) -> usize {
        let resize = self.resize.as_ref();
        self.live.heap_bytes() + resize.map_or(0, |r| size_of::<Resize>() + r.old.heap_bytes())
    }

    /// Checks both tables and the boundary between them. For tests.
    pub fn check_invariants(&self) {
        self.live.check_invariants();
        let Some(resize) = &self.resize else { return };
        resize.old.check_invariants();
        let boundary = resize.boundary;
        for number in 0..self.live.bucket_count() * LANES {
            let entry = self.live.at(number).and_then(|place| self.live.get(place));
            assert!(
                entry.is_none_or(|(hash, _)| u64::from(hash) < boundary),
                "moved too early"
            );
        }
        for number in 0..resize.old.bucket_count() * LANES {
            let entry = resize
                .old
                .at(number)
                .and_then(|place| resize.old.get(place));
            assert!(
                entry.is_none_or(|(hash, _)| u64::from(hash) >= boundary),
                "left behind"
            );
        }
    }

    /// The only table an entry with this hash can be in.
    #[inline]
    fn table_of(&self, hash: u32) -> (&Table, u32) {
        match &self.resize {
            Some(r) if u64::from(hash) >= r.boundary => (&r.old, OLD),
            _ => (&self.live, 0),
        }
    }

    fn table_at(&mut self, position: Position) -> Option<&mut Table> {
        if position.0 & OLD == 0 {
            Some(&mut self.live)
        } else {
            self.resize.as_mut().map(|r| &mut r.old)
        }
    }

    /// Whether the smaller table would be fuller than this with all entries.
    #[inline]
    fn is_above(&self, percent: usize) -> bool {
        let homes = match &self.resize {
            Some(r) => self.live.homes().min(r.old.homes()),
            _ => self.live.homes(),
        };
        self.len() * 100 >= homes as usize * LANES * percent
    }

    #[cold]
    fn make_room(&mut self) {
        if self.resize.is_none() {
            let homes = self.live.homes();
            self.start((homes + homes / 2).max(homes + 1));
        }
        let (old, new) = (
            self.resize.as_ref().map_or(0, |r| r.old.homes()),
            self.live.homes(),
        );
        if old <= AT_ONCE {
            while self.step(AT_ONCE as usize) {}
        } else if self.is_above(URGENT_PERCENT) {
            self.step(STEP * (1 + old as usize / new as usize));
        }
    }

    fn start(&mut self, homes: u32) {
        let old = std::mem::replace(&mut self.live, Table::planned(homes));
        self.resize = Some(Box::new(Resize {
            old,
            next: 0,
            boundary: 0,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(n: u32) -> u32 {
        n.wrapping_mul(0x9e37_79b1) ^ n.rotate_left(9).wrapping_mul(0x85eb_ca77)
    }

    fn find(index: &Index, n: u32) -> Option<Position> {
        index
            .find(hash_of(n), |h| h.raw() == n)
            .map(|(position, _)| position)
    }

    #[test]
    fn everything_is_found_at_every_step_of_growth_and_shrinking() {
        let mut rng = Rng::new(1);
        let mut index = Index::default();
        let mut n = 0;
        while n < 8000 {
            index.insert(hash_of(n), Handle::from_raw(n));
            n += 1;
            if index.wants_step() {
                index.step(rng.below(3));
                for known in (0..n).step_by(1 + n as usize / 40) {
                    assert!(find(&index, known).is_some(), "{known} of {n}");
                }
            }
            if n % 1000 == 0 {
                index.check_invariants();
            }
        }
        while n > 0 {
            n -= 1;
            let position = find(&index, n).expect("it is there");
            index.remove(position);
            assert!(find(&index, n).is_none());
            index.step(rng.below(3));
            if n % 500 == 0 {
                index.check_invariants();
                assert_eq!(index.len(), n as usize);
            }
        }
        while index.step(100) {}
        assert!(index.heap_bytes() < 2000, "{}", index.heap_bytes());
    }

    #[test]
    fn without_housekeeping_insertions_keep_up() {
        let mut index = Index::default();
        for n in 0..200_000 {
            index.insert(hash_of(n), Handle::from_raw(n));
            let homes = index.live.homes() as usize;
            assert!(index.live.len() <= homes * LANES * 95 / 100 + 7, "{n}");
        }
        index.check_invariants();
        // Shrinking that has just begun when it grows again.
        for n in 1000..200_000 {
            let position = find(&index, n).expect("it is there");
            index.remove(position);
        }
        for n in 1000..200_000 {
            index.insert(hash_of(n), Handle::from_raw(n));
        }
        index.check_invariants();
        assert!((0..200_000).all(|n| find(&index, n).is_some()));
    }

    #[test]
    fn lanes_are_used_well() {
        let mut index = Index::default();
        let mut worst = 0.0f64;
        for n in 0..300_000u32 {
            index.insert(hash_of(n), Handle::from_raw(n));
            index.step(1);
            if n > 50_000 {
                worst = worst.max(index.heap_bytes() as f64 / f64::from(n));
            }
        }
        assert!(worst < 17.0, "{worst} bytes an entry");
    }

    #[test]
    fn a_scan_in_pieces_sees_what_stays_through_resizes() {
        for seed in 0..6 {
            let mut rng = Rng::new(seed);
            let mut index = Index::default();
            for n in 0..6000 {
                index.insert(hash_of(n), Handle::from_raw(n));
            }
            let (mut seen, mut cursor, mut fresh) = (vec![false; 6000], 0, 6000);
            loop {
                cursor = index.scan(cursor, 1 + rng.below(60), |_, handle, _| {
                    if handle.raw() < 6000 {
                        seen[handle.raw() as usize] = true;
                    }
                });
                if cursor == 0 {
                    break;
                }
                for _ in 0..rng.below(200) {
                    // Growth with some seeds, shrinking with others.
                    if rng.below(10) < seed as usize * 2 {
                        index.insert(hash_of(fresh), Handle::from_raw(fresh));
                        fresh += 1;
                    } else if let Some((_, handle, position)) = index.random(&mut rng)
                        && (handle.raw() >= 6000 || handle.raw() % 5 > 0)
                    {
                        index.remove(position);
                    }
                    index.step(rng.below(4));
                }
            }
            assert!((0..6000).step_by(5).all(|n| seen[n]), "seed {seed}");
            index.check_invariants();
        }
    }

    #[test]
    fn random_entries_are_chosen_without_bias() {
        let mut rng = Rng::new(3);
        let mut index = Index::default();
        let mut n = 0;
        while n < 600 || !index.wants_step() {
            index.insert(hash_of(n), Handle::from_raw(n));
            n += 1;
        }
        index.step(30);
        assert!(index.wants_step(), "in the middle of a resize");
        let mut counts = vec![0u32; n as usize];
        for _ in 0..n * 200 {
            let (_, handle, _) = index.random(&mut rng).expect("it is not empty");
            counts[handle.raw() as usize] += 1;
        }
        assert!(counts.iter().all(|c| (110..310).contains(c)), "{counts:?}");
    }
}
