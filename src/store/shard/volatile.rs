//! The keys of a shard that have an expiry: a dense list, linked both ways with their records.
//!
//! The list is not sorted. It knows a lower bound of its earliest expiry, so that a shard in which
//! nothing is due is not looked at, and is otherwise swept from its end downwards in slices.

use crate::store::dict::Dense;

/// A key with an expiry: 12 bytes.
#[derive(Clone, Copy, Debug)]
struct Entry {
    record: u32,
    /// Unix milliseconds, as two halves so that the entry needs no padding.
    at: [u32; 2],
}

const _: () = assert!(size_of::<Entry>() == 12);

impl Entry {
    #[inline]
    fn new(record: u32, at: i64) -> Entry {
        Entry {
            record,
            at: [at as u32, (at >> 32) as u32],
        }
    }

    #[inline]
    fn at(self) -> i64 {
        i64::from(self.at[0]) | i64::from(self.at[1]) << 32
    }
}

/// The volatile keys of one shard, by place.
#[derive(Debug)]
pub(super) struct Volatiles {
    entries: Dense<Entry>,
    /// No expiry is earlier.
    earliest: i64,
    /// Places below are still to be looked at in this sweep; 0 when none is under way.
    sweep_left: u32,
    /// The earliest expiry seen in this sweep.
    sweep_earliest: i64,
    /// Entries looked at in this sweep, and those found due.
    swept: u32,
    found: u32,
    /// When the next sweep may begin.
    rest_until: i64,
}

impl Default for Volatiles {
    fn default() -> Volatiles {
        Volatiles {
            entries: Dense::new(),
            earliest: i64::MAX,
            sweep_left: 0,
            sweep_earliest: i64::MAX,
            swept: 0,
            found: 0,
            rest_until: i64::MIN,
        }
    }
}

impl Volatiles {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds an entry and gives its place.
    pub fn push(&mut self, record: u32, at: i64) -> u32 {
        self.note(at);
        self.entries.push(Entry::new(record, at));
        self.entries.len() as u32 - 1
    }

    /// Takes an entry out. The entry that takes its place is returned as the number of its record:
    /// that record's link must be set to `place`.
    pub fn remove(&mut self, place: u32) -> Option<u32> {
        self.entries.swap_remove(place);
        self.sweep_left = self.sweep_left.min(self.entries.len() as u32);
        if self.entries.is_empty() {
            *self = Volatiles::default();
        }
        ((place as usize) < self.entries.len()).then(|| self.entries.get(place).record)
    }

    #[inline]
    pub fn at(&self, place: u32) -> i64 {
        self.entries.get(place).at()
    }

    pub fn set_at(&mut self, place: u32, at: i64) {
        self.note(at);
        let entry = self.entries.get_mut(place);
        *entry = Entry::new(entry.record, at);
    }

    #[inline]
    pub fn record(&self, place: u32) -> u32 {
        self.entries.get(place).record
    }

    /// The record with the entry at `place` has another number now.
    pub fn set_record(&mut self, place: u32, record: u32) {
        self.entries.get_mut(place).record = record;
    }

    /// Whether a sweep is under way or might find something.
    #[inline]
    pub fn wants_sweep(&self, now_ms: i64) -> bool {
        self.sweep_left > 0 || (self.earliest <= now_ms && self.rest_until <= now_ms)
    }

    /// Begins a sweep, unless one is under way.
    pub fn begin_sweep(&mut self) {
        if self.sweep_left == 0 {
            self.sweep_left = self.entries.len() as u32;
            self.sweep_earliest = i64::MAX;
            (self.swept, self.found) = (0, 0);
        }
    }

    /// The next record that is due in this sweep, looking at up to `budget` entries, of which as
    /// many are taken as were looked at. The record is then to be removed.
    pub fn next_due(&mut self, now_ms: i64, budget: &mut usize) -> Option<u32> {
        while self.sweep_left > 0 && *budget > 0 {
            *budget -= 1;
            self.sweep_left -= 1;
            self.swept += 1;
            let entry = self.entries.get(self.sweep_left);
            if entry.at() <= now_ms {
                self.found += 1;
                return Some(entry.record);
            }
            self.sweep_earliest = self.sweep_earliest.min(entry.at());
        }
        None
    }

    /// Ends the sweep, if it has come to the start of the list. When it found little, the next one
    /// begins after a rest in proportion to what a sweep of `database` entries costs.
    pub fn end_sweep(&mut self, now_ms: i64, database: usize) {
        if self.sweep_left > 0 || self.entries.is_empty() {
            return;
        }
        self.earliest = self.sweep_earliest;
        let is_fruitful = self.found >= self.swept / 16;
        let rest_ms = if is_fruitful {
            0
        } else {
            database as i64 / ENTRIES_PER_MS
        };
        self.rest_until = now_ms.saturating_add(rest_ms);
    }

    /// Sample expiries, for estimates: up to `count`, evenly spread.
    pub fn samples(&self, count: usize) -> impl Iterator<Item = i64> {
        let step = (self.entries.len() / count.max(1)).max(1);
        (0..self.entries.len() as u32)
            .step_by(step)
            .map(|place| self.at(place))
    }

    pub fn heap_bytes(&self) -> usize {
        self.entries.heap_bytes()
    }

    #[inline]
    fn note(&mut self, at: i64) {
        self.earliest = self.earliest.min(at);
        self.sweep_earliest = self.sweep_earliest.min(at);
    }
}

/// A sweep that finds little may look at so many entries a millisecond of real time: at about two
/// nanoseconds an entry, one or two percent of a processor.
const ENTRIES_PER_MS: i64 = 8192;
