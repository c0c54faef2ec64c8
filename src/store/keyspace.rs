//! The keyspace: the numbered databases, and the work on them that nobody asked for.
//!
//! Housekeeping comes in slices of some tens of microseconds: whoever owns the clock calls
//! [`Keyspace::chore`] until it says that nothing is left, or until its millisecond is used up.

use std::collections::VecDeque;

use crate::store::db::{Db, Key};
use crate::store::expire::ExpirePolicy;
use crate::store::hash::HashState;
use crate::store::value::{FREE_AT_ONCE, Value};

/// Databases by number. See the module's text.
#[derive(Debug)]
pub struct Keyspace {
    dbs: Vec<Option<Box<Db>>>,
    hasher: HashState,
    shards: usize,
    /// What is to be freed in slices.
    doomed: VecDeque<Doomed>,
    /// The 24 bits new keys begin with.
    clock: u32,
    /// Which chore is next, and on which database.
    turn: usize,
}

#[derive(Debug)]
enum Doomed {
    Value(Value),
    Db(Box<Db>),
}

/// Entries of the list of volatile keys looked at in a slice; a removal counts as several.
const SWEEP_BUDGET: usize = 4096;
/// Elements freed in a slice.
const FREE_BUDGET: usize = 256;

impl Keyspace {
    /// `databases` empty databases, of `shards` shards each once they are used.
    pub fn new(databases: usize, shards: usize, hasher: HashState) -> Keyspace {
        Keyspace {
            dbs: (0..databases).map(|_| None).collect(),
            hasher,
            shards,
            doomed: VecDeque::new(),
            clock: 0,
            turn: 0,
        }
    }

    /// How many databases there are.
    pub fn databases(&self) -> usize {
        self.dbs.len()
    }

    /// The hasher of all keys.
    #[inline]
    pub fn hasher(&self) -> &HashState {
        &self.hasher
    }

    /// Hashes a key, once per command.
    #[inline]
    pub fn key<'a>(&self, bytes: &'a [u8]) -> Key<'a> {
        Key::new(&self.hasher, bytes)
    }

    /// A database, if it was ever used.
    #[inline]
    pub fn db(&self, number: usize) -> Option<&Db> {
        self.dbs.get(number)?.as_deref()
    }

    /// A database, made when it is first used. Panics when there is no such number.
    #[inline]
    pub fn db_mut(&mut self, number: usize) -> &mut Db {
        self.dbs[number].get_or_insert_with(|| {
            let mut db = Box::new(Db::new(self.shards));
            db.clock = self.clock;
            db
        })
    }

    /// The databases that were used, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Db)> {
        self.dbs
            .iter()
            .enumerate()
            .filter_map(|(number, db)| Some((number, db.as_deref()?)))
    }

    /// How many keys all databases have.
    pub fn len(&self) -> usize {
        self.iter().map(|(_, db)| db.len()).sum()
    }

    /// Whether no database has a key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Exchanges two databases.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.dbs.swap(a, b);
    }

    /// Empties a database. What it held is returned, to be given to [`Keyspace::free_db`].
    pub fn flush(&mut self, number: usize) -> Option<Box<Db>> {
        self.dbs.get_mut(number)?.take()
    }

    /// Puts a database in the place of another, which is returned.
    pub fn install(&mut self, number: usize, db: Option<Box<Db>>) -> Option<Box<Db>> {
        std::mem::replace(self.dbs.get_mut(number)?, db)
    }

    /// Frees a value: at once when it is small, else in slices.
    #[inline]
    pub fn free(&mut self, value: Value) {
        if value.free_effort() > FREE_AT_ONCE {
            self.doomed.push_back(Doomed::Value(value));
        }
    }

    /// Frees a database in slices.
    pub fn free_db(&mut self, db: Box<Db>) {
        self.doomed.push_back(Doomed::Db(db));
    }

    /// How many values and databases wait to be freed.
    pub fn doomed_len(&self) -> usize {
        self.doomed.len()
    }

    /// The 24 bits with which new keys begin: see [`crate::store::evict`].
    pub fn set_clock(&mut self, clock: u32) {
        if self.clock != clock {
            self.clock = clock;
            for db in self.dbs.iter_mut().flatten() {
                db.clock = clock;
            }
        }
    }

    /// One slice of housekeeping: growth, expiry, freeing or compaction, in turn. Expired keys
    /// are given to `on_expired` with their database's number, before they are removed. Returns
    /// whether work is left.
    pub fn chore(
        &mut self,
        now_ms: i64,
        policy: ExpirePolicy,
        on_expired: &mut dyn FnMut(usize, &[u8]),
    ) -> bool {
        let kinds = self.dbs.len() * 3 + 1;
        let mut is_left = false;
        for _ in 0..kinds {
            self.turn = (self.turn + 1) % kinds;
            is_left |= match (self.turn / 3, self.turn % 3) {
                (db, _) if db == self.dbs.len() => self.free_slice(),
                (db, 0) => self.dbs[db].as_mut().is_some_and(|db| db.grow_slice()),
                (db, 1) if policy == ExpirePolicy::Allowed => self.sweep(db, now_ms, on_expired),
                (db, 2) => self.dbs[db].as_mut().is_some_and(|db| db.compact_slice()),
                _ => false,
            };
            if is_left {
                return true;
            }
        }
        false
    }

    /// Checks every database. For tests.
    pub fn check_invariants(&self) {
        for (_, db) in self.iter() {
            db.check_invariants(&self.hasher);
        }
    }

    fn sweep(
        &mut self,
        number: usize,
        now_ms: i64,
        on_expired: &mut dyn FnMut(usize, &[u8]),
    ) -> bool {
        let Some(db) = &mut self.dbs[number] else {
            return false;
        };
        if db.volatile_len() == 0 {
            return false;
        }
        let doomed = &mut self.doomed;
        db.sweep_slice(
            now_ms,
            SWEEP_BUDGET,
            &mut |key| on_expired(number, key),
            &mut |value| {
                if value.free_effort() > FREE_AT_ONCE {
                    doomed.push_back(Doomed::Value(value));
                }
            },
        )
    }

    fn free_slice(&mut self) -> bool {
        for db in self.dbs.iter_mut().flatten() {
            self.doomed.extend(db.doomed.drain(..).map(Doomed::Value));
        }
        let Some(first) = self.doomed.front_mut() else {
            return false;
        };
        let is_done = match first {
            Doomed::Value(value) => value.drain_slice(FREE_BUDGET),
            Doomed::Db(db) => match db.drain_slice(FREE_BUDGET) {
                Drained::Large(value) => {
                    self.doomed.push_front(Doomed::Value(value));
                    false
                }
                Drained::Some => false,
                Drained::All => true,
            },
        };
        if is_done {
            self.doomed.pop_front();
        }
        !self.doomed.is_empty()
    }
}

/// What a slice of freeing a database came upon.
pub(super) enum Drained {
    /// A value that is itself to be freed in slices.
    Large(Value),
    /// Some of the database.
    Some,
    /// The last of it.
    All,
}

#[cfg(test)]
mod tests;
