//! The biggest keys of each type.
//!
//! They are found in two ways. A key that a sampled or heavy command wrote is measured at once,
//! which finds what grows. And a walk goes over all keys in slices of the cron, which finds what
//! was loaded or is not touched: it takes a thousandth of the processor, sees about twenty thousand
//! keys a second, and rests when nothing has changed since its last pass began. A size is what
//! MEMORY USAGE says.
//!
//! A table holds names and what they measured last. Whoever asks is told what the keys measure now;
//! those that are gone, have expired or changed their type are left out, and each pass of the walk
//! begins by dropping them.
//!
//! Limits: `bigkeys-top-k` keys a type, [`NAME_BYTES_MAX`] bytes a name.

use std::cmp::Reverse;

use crate::store::db::{Db, Key, Slot};
use crate::store::keyspace::Keyspace;
use crate::store::value::Kind;
use crate::time::Clock;

use super::NAME_BYTES_MAX;

/// Keys that a slice of the walk looks at, and how long it may take.
const SLICE_KEYS_MAX: usize = 2_000;
const SLICE_NS: u64 = 100_000;
/// Keys between two looks at the clock.
const STEP_KEYS: usize = 64;
/// Elements of a collection that are looked at, as by MEMORY USAGE.
const SAMPLES: usize = 5;

/// A big key as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BigKey {
    /// Its name.
    pub name: Vec<u8>,
    /// Its database.
    pub db: u32,
    /// Its type.
    pub kind: Kind,
    /// What MEMORY USAGE says of it.
    pub bytes: u64,
    /// Its elements; of a string, its bytes.
    pub elements: u64,
}

/// A key in a table.
#[derive(Debug)]
struct Seen {
    name: Box<[u8]>,
    db: u32,
    bytes: u64,
}

/// The tables, and where the walk stands.
#[derive(Debug, Default)]
pub struct BigKeys {
    /// Keys a type; 0 looks at none.
    top: usize,
    /// By type.
    tables: [Table; Kind::ALL.len()],
    walk: Walk,
    /// Passes of the walk over all keys.
    pub passes: u64,
}

#[derive(Debug, Default)]
struct Table {
    keys: Vec<Seen>,
    /// What is not larger does not get in.
    floor: u64,
}

#[derive(Debug, Default)]
struct Walk {
    db: usize,
    cursor: u64,
    /// What had been changed when the pass began; `None`: none is under way.
    changes: Option<u64>,
    /// And when the last whole one began.
    last_changes: Option<u64>,
}

impl Table {
    fn add(&mut self, name: &[u8], db: u32, bytes: u64, top: usize) {
        let known = |seen: &&mut Seen| seen.db == db && *seen.name == *name;
        if let Some(seen) = self.keys.iter_mut().find(known) {
            seen.bytes = bytes;
        } else {
            if self.keys.len() >= top {
                let smallest = (0..self.keys.len()).min_by_key(|&at| self.keys[at].bytes);
                if let Some(at) = smallest {
                    self.keys.swap_remove(at);
                }
            }
            self.keys.push(Seen {
                name: name.into(),
                db,
                bytes,
            });
        }
        self.set_floor(top);
    }

    fn set_floor(&mut self, top: usize) {
        self.floor = match self.keys.len() < top {
            true => 0,
            false => self.keys.iter().map(|seen| seen.bytes).min().unwrap_or(0),
        };
    }
}

impl BigKeys {
    /// How many keys a type are kept.
    pub fn resize(&mut self, top: usize) {
        self.top = top;
        for table in &mut self.tables {
            table.keys.sort_by_key(|seen| Reverse(seen.bytes));
            table.keys.truncate(top);
            table.set_floor(top);
        }
    }

    /// Whether none are looked at.
    pub fn is_off(&self) -> bool {
        self.top == 0
    }

    /// A database was emptied: its keys make room at once.
    pub fn forget_database(&mut self, db: u32) {
        for table in &mut self.tables {
            table.keys.retain(|seen| seen.db != db);
            table.set_floor(self.top);
        }
    }

    /// The data is another now, though nothing was changed.
    pub fn walk_again(&mut self) {
        self.walk = Walk::default();
    }

    /// Measures a key.
    #[inline]
    pub fn see(&mut self, keys: &Db, db: u32, slot: Slot) {
        let bytes = keys.memory_bytes(slot, SAMPLES) as u64;
        let table = &mut self.tables[keys.kind(slot) as usize];
        if bytes > table.floor && self.top > 0 {
            let name = keys.key(slot);
            if name.len() <= NAME_BYTES_MAX {
                table.add(name, db, bytes, self.top);
            }
        }
    }

    /// The big keys of a type as they are now, the biggest first.
    pub fn list(&self, kind: Kind, keyspace: &Keyspace, unix_ms: i64) -> Vec<BigKey> {
        let table = &self.tables[kind as usize];
        let mut found: Vec<_> = table
            .keys
            .iter()
            .filter_map(|seen| measure(seen, kind, keyspace, unix_ms))
            .collect();
        let size = |key: &BigKey| Reverse((key.bytes, key.elements));
        found.sort_by(|a, b| size(a).cmp(&size(b)).then_with(|| a.name.cmp(&b.name)));
        found
    }

    /// A slice of the walk. `changes` counts the changes of all data.
    pub fn walk(&mut self, keyspace: &Keyspace, clock: &dyn Clock, unix_ms: i64, changes: u64) {
        if self.is_off() {
            return;
        }
        if self.walk.changes.is_none() {
            if self.walk.last_changes == Some(changes) {
                return;
            }
            self.walk.changes = Some(changes);
            self.drop_gone(keyspace, unix_ms);
        }
        let end_ns = clock.mono_ns() + SLICE_NS;
        let mut left = SLICE_KEYS_MAX;
        while left > 0 && clock.mono_ns() < end_ns {
            let Some(db) = keyspace.db(self.walk.db) else {
                if !self.next_database(keyspace) {
                    return;
                }
                continue;
            };
            let number = self.walk.db as u32;
            self.walk.cursor = db.scan(self.walk.cursor, STEP_KEYS, |_, slot| {
                self.see(db, number, slot);
            });
            left = left.saturating_sub(STEP_KEYS);
            if self.walk.cursor == 0 && !self.next_database(keyspace) {
                return;
            }
        }
    }

    /// Whether there is one; else the pass is over.
    fn next_database(&mut self, keyspace: &Keyspace) -> bool {
        self.walk.db += 1;
        if self.walk.db < keyspace.databases() {
            return true;
        }
        self.walk.db = 0;
        self.walk.last_changes = self.walk.changes.take();
        self.passes += 1;
        false
    }

    fn drop_gone(&mut self, keyspace: &Keyspace, unix_ms: i64) {
        for kind in Kind::ALL {
            let table = &mut self.tables[kind as usize];
            table.keys.retain_mut(|seen| {
                let now = measure(seen, kind, keyspace, unix_ms);
                seen.bytes = now.as_ref().map_or(0, |key| key.bytes);
                now.is_some()
            });
            table.set_floor(self.top);
        }
    }
}

/// What a key measures now, unless it is gone or of another type.
fn measure(seen: &Seen, kind: Kind, keyspace: &Keyspace, unix_ms: i64) -> Option<BigKey> {
    let db = keyspace.db(seen.db as usize)?;
    let slot = db.find(&Key::new(keyspace.hasher(), &seen.name))?;
    let is_there = db.expire_at(slot).is_none_or(|at| at > unix_ms);
    (is_there && db.kind(slot) == kind).then(|| BigKey {
        name: seen.name.to_vec(),
        db: seen.db,
        kind,
        bytes: db.memory_bytes(slot, SAMPLES) as u64,
        elements: db.value(slot).elements() as u64,
    })
}
