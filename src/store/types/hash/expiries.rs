//! When fields expire: a heap, earliest first, linked back from the fields it names.
//!
//! Each entry names a record of the hash's table; that record's block holds the entry's place.
//! Whoever calls is told of every entry that moves, and writes the new place into the block. The
//! heap costs 12 bytes a field that expires, its link 4; a hash without such fields has no heap.

use crate::store::dict::Dense;

/// Children of an entry. Four are one cache line's worth of times.
const ARITY: u32 = 4;

/// Times and records. The time is split so that an entry is 12 bytes.
#[derive(Clone, Copy, Debug)]
struct Expiry {
    low: u32,
    high: u32,
    record: u32,
}

impl Expiry {
    #[inline]
    fn new(at_ms: i64, record: u32) -> Expiry {
        Expiry {
            low: at_ms as u32,
            high: (at_ms >> 32) as u32,
            record,
        }
    }

    #[inline]
    fn at_ms(self) -> i64 {
        i64::from(self.high as i32) << 32 | i64::from(self.low)
    }
}

/// The heap. Places are numbers from 0.
#[derive(Clone, Debug, Default)]
pub(super) struct Expiries {
    heap: Dense<Expiry>,
}

impl Expiries {
    /// How many fields expire some time.
    #[inline]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// The time of the entry at `place`.
    #[inline]
    pub fn at_ms(&self, place: u32) -> i64 {
        self.heap.get(place).at_ms()
    }

    /// The earliest time and its record.
    #[inline]
    pub fn earliest(&self) -> Option<(i64, u32)> {
        (!self.heap.is_empty()).then(|| {
            let first = self.heap.get(0);
            (first.at_ms(), first.record)
        })
    }

    /// How many times have come at `now_ms`; takes time in proportion to that number.
    pub fn count_until(&self, now_ms: i64) -> usize {
        let (mut count, mut places) = (0, vec![0]);
        while let Some(place) = places.pop() {
            if (place as usize) < self.heap.len() && self.at_ms(place) <= now_ms {
                count += 1;
                places.extend((1..=ARITY).map(|child| place * ARITY + child));
            }
        }
        count
    }

    /// Adds an entry. `moved` is told the place of each record that changes place, the new one's
    /// too.
    pub fn push(&mut self, at_ms: i64, record: u32, moved: impl FnMut(u32, u32)) {
        self.heap.push(Expiry::new(at_ms, record));
        self.settle(self.heap.len() as u32 - 1, moved);
    }

    /// Changes the time of the entry at `place`.
    pub fn update(&mut self, place: u32, at_ms: i64, moved: impl FnMut(u32, u32)) {
        let record = self.heap.get(place).record;
        *self.heap.get_mut(place) = Expiry::new(at_ms, record);
        self.settle(place, moved);
    }

    /// Removes the entry at `place`.
    pub fn remove(&mut self, place: u32, moved: impl FnMut(u32, u32)) {
        self.heap.swap_remove(place);
        if (place as usize) < self.heap.len() {
            self.settle(place, moved);
        }
    }

    /// The record named at `place` has another number now.
    #[inline]
    pub fn rename(&mut self, place: u32, record: u32) {
        self.heap.get_mut(place).record = record;
    }

    /// Frees some entries of a heap that is to be dropped; whether entries are left.
    pub fn discard(&mut self) -> bool {
        self.heap.discard(1)
    }

    /// Memory owned.
    pub fn heap_bytes(&self) -> usize {
        self.heap.heap_bytes()
    }

    /// Panics unless times are in heap order and `place_of` names each record's place.
    pub fn check_invariants(&self, place_of: impl Fn(u32) -> Option<u32>) {
        for place in 0..self.heap.len() as u32 {
            let parent = place.saturating_sub(1) / ARITY;
            assert!(self.at_ms(parent) <= self.at_ms(place), "heap order");
            assert_eq!(
                place_of(self.heap.get(place).record),
                Some(place),
                "link back"
            );
        }
    }

    /// Moves the entry at `place` to where its time belongs.
    fn settle(&mut self, mut place: u32, mut moved: impl FnMut(u32, u32)) {
        let entry = *self.heap.get(place);
        while place > 0 {
            let parent = (place - 1) / ARITY;
            let above = *self.heap.get(parent);
            if above.at_ms() <= entry.at_ms() {
                break;
            }
            *self.heap.get_mut(place) = above;
            moved(above.record, place);
            place = parent;
        }
        while let Some(child) = self.earliest_child(place) {
            let below = *self.heap.get(child);
            if below.at_ms() >= entry.at_ms() {
                break;
            }
            *self.heap.get_mut(place) = below;
            moved(below.record, place);
            place = child;
        }
        *self.heap.get_mut(place) = entry;
        moved(entry.record, place);
    }

    fn earliest_child(&self, place: u32) -> Option<u32> {
        let first = place * ARITY + 1;
        let end = (first + ARITY).min(self.heap.len() as u32);
        (first..end).min_by_key(|&child| self.at_ms(child))
    }
}
