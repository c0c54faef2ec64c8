//! The keys of a shard that have an expiry: a dense list, linked both ways with their blocks.
//!
//! The list is not sorted. It knows a lower bound of its earliest expiry, so that a shard in which
//! nothing is due is not looked at, and is otherwise swept from its end downwards in slices.

use crate::store::dict::Dense;
use crate::store::slab::Handle;

/// A key with an expiry: 10 bytes.
#[derive(Clone, Copy, Debug)]
struct Entry {
    handle: [u16; 2],
    /// Unix milliseconds, from 0 to what fits.
    at: [u16; 3],
}

const _: () = assert!(size_of::<Entry>() == 10);

impl Entry {
    #[inline]
    fn new(handle: Handle, at: i64) -> Entry {
        let (raw, at) = (handle.raw(), at.clamp(0, (1 << 48) - 1));
        Entry {
            handle: [raw as u16, (raw >> 16) as u16],
            at: [at as u16, (at >> 16) as u16, (at >> 32) as u16],
        }
    }

    #[inline]
    fn at(self) -> i64 {
        i64::from(self.at[0]) | i64::from(self.at[1]) << 16 | i64::from(self.at[2]) << 32
    }

    #[inline]
    fn handle(self) -> Handle {
        Handle::from_raw(u32::from(self.handle[0]) | u32::from(self.handle[1]) << 16)
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

    /// The place that the next entry gets.
    pub fn next_place(&self) -> u32 {
        self.entries.len() as u32
    }

    /// Adds an entry.
    pub fn push(&mut self, handle: Handle, at: i64) {
        self.note(at);
        self.entries.push(Entry::new(handle, at));
    }

    /// Takes an entry out. The block of the entry that takes its place is returned: its link must
    /// be set to `place`.
    pub fn remove(&mut self, place: u32) -> Option<Handle> {
        self.entries.swap_remove(place);
        self.sweep_left = self.sweep_left.min(self.entries.len() as u32);
        if self.entries.is_empty() {
            *self = Volatiles::default();
        }
        ((place as usize) < self.entries.len()).then(|| self.handle(place))
    }

    /// The key at a place has another block, or another expiry.
    pub fn set(&mut self, place: u32, handle: Handle, at: i64) {
        self.note(at);
        *self.entries.get_mut(place) = Entry::new(handle, at);
    }

    #[inline]
    pub fn handle(&self, place: u32) -> Handle {
        self.entries.get(place).handle()
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

    /// The block of the next key that is due in this sweep, looking at up to `budget` entries, of
    /// which as many are taken as were looked at. The key is then to be removed.
    pub fn next_due(&mut self, now_ms: i64, budget: &mut usize) -> Option<Handle> {
        while self.sweep_left > 0 && *budget > 0 {
            *budget -= 1;
            self.sweep_left -= 1;
            self.swept += 1;
            let entry = self.entries.get(self.sweep_left);
            if entry.at() <= now_ms {
                self.found += 1;
                return Some(entry.handle());
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
        self.entries.iter().step_by(step).map(|entry| entry.at())
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
