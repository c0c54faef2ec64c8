//! The keyspace: the numbered databases, and the work on them that nobody asked for.
//!
//! Housekeeping comes in slices of some tens of microseconds: whoever owns the clock calls
//! [`Keyspace::chore`] until it says that nothing is left, or until its millisecond is used up.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::store::db::{Db, Key};
use crate::store::evict::Eviction;
use crate::store::expire::ExpirePolicy;
use crate::store::field_expiry::DroppedFields;
use crate::store::hash::HashState;
use crate::store::snapshot::{Encoder, SnapshotProgress};

/// Databases by number. See the module's text.
#[derive(Debug)]
pub struct Keyspace {
    dbs: Vec<Option<Box<Db>>>,
    hasher: HashState,
    shards: usize,
    /// Flushed databases, to be freed in slices.
    doomed: VecDeque<Box<Db>>,
    /// Keys of flushed databases, and values in them, that were freed in slices.
    freed: u64,
    /// Flushed databases that a snapshot has still to write.
    parted: VecDeque<Box<Db>>,
    next_id: u64,
    eviction: Eviction,
    /// Which chore is next, and on which database.
    turn: usize,
}

/// Entries of the list of volatile keys looked at in a slice; a removal counts as several.
const SWEEP_BUDGET: usize = 4096;
/// Hash fields removed in a slice.
const FIELDS_BUDGET: usize = 128;
/// The chores of a database.
const CHORES: usize = 4;

impl Keyspace {
    /// `databases` empty databases, of `shards` shards each once they are used.
    pub fn new(databases: usize, shards: usize, hasher: HashState) -> Keyspace {
        Keyspace {
            dbs: (0..databases.max(1)).map(|_| None).collect(),
            hasher,
            shards,
            doomed: VecDeque::new(),
            freed: 0,
            parted: VecDeque::new(),
            next_id: 1,
            eviction: Eviction::default(),
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

    /// A database, made when it is first used.
    ///
    /// # Panics
    /// If there is no such number: SELECT and its like have checked it.
    #[inline]
    pub fn db_mut(&mut self, number: usize) -> &mut Db {
        let next_id = &mut self.next_id;
        self.dbs[number]
            .get_or_insert_with(|| new_db(self.shards, &self.hasher, self.eviction, next_id))
    }

    /// A database by its identity, also one that was flushed while a snapshot wants it.
    pub fn db_by_id(&mut self, id: u64) -> Option<&mut Db> {
        let dbs = self.dbs.iter_mut().flatten().chain(&mut self.parted);
        dbs.map(|db| &mut **db).find(|db| db.id == id)
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
    ///
    /// # Panics
    /// If there is no such number.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.dbs.swap(a, b);
    }

    /// Empties a database. What it held is returned, to be given to [`Keyspace::free_db`] when
    /// nobody needs it any more.
    pub fn flush(&mut self, number: usize) -> Option<Box<Db>> {
        self.dbs.get_mut(number)?.take()
    }

    /// Frees a database in slices, once no snapshot wants it any more.
    pub fn free_db(&mut self, mut db: Box<Db>) {
        self.freed += std::mem::take(&mut db.chores.freed);
        if db.is_snapshot_wanted() {
            self.parted.push_back(db);
        } else {
            self.doomed.push_back(db);
        }
    }

    /// Begins a snapshot of every database that has keys, and says which those are. None may be
    /// left that was given up: see [`Keyspace::has_given_up`].
    pub fn begin_snapshot(
        &mut self,
        encoder: &Rc<dyn Encoder>,
    ) -> impl Iterator<Item = (usize, &Db)> {
        for db in self.dbs.iter_mut().flatten().filter(|db| !db.is_empty()) {
            db.begin_snapshot(Rc::clone(encoder));
        }
        self.iter().filter(|(_, db)| db.is_snapshot_wanted())
    }

    /// Whether a snapshot that was given up has still to be walked to its end.
    pub fn has_given_up(&self) -> bool {
        let mut dbs = self.dbs.iter().flatten();
        dbs.any(|db| db.has_snapshot() && !db.is_snapshot_wanted())
    }

    /// One slice of that walk.
    pub fn walk_given_up(&mut self) {
        self.dbs.iter_mut().flatten().any(|db| db.give_up_slice());
    }

    /// Ends the snapshot of a database, which is freed if it was flushed meanwhile.
    pub fn end_snapshot(&mut self, id: u64) {
        if let Some(db) = self.db_by_id(id) {
            db.end_snapshot();
        }
        if let Some(place) = self.parted.iter().position(|db| db.id == id) {
            self.doomed.extend(self.parted.remove(place));
        }
    }

    /// How far the snapshot of a database has come.
    pub fn snapshot_progress(&self, id: u64) -> SnapshotProgress {
        let mut dbs = self.dbs.iter().flatten().chain(&self.parted);
        dbs.find(|db| db.id == id)
            .map_or_else(SnapshotProgress::default, |db| db.snapshot_progress())
    }

    /// Memory of what snapshots keep and have not written yet.
    pub fn kept_bytes(&self) -> usize {
        let dbs = self.dbs.iter().flatten().chain(&self.parted);
        dbs.map(|db| db.kept_bytes()).sum()
    }

    /// Memory that only a snapshot needs: what it keeps, and keys and strings of databases that
    /// were flushed.
    pub fn snapshot_bytes(&self) -> usize {
        let flushed = self.parted.iter().map(|db| db.heap.slab.heap_bytes());
        self.kept_bytes() + flushed.sum::<usize>()
    }

    /// How victims are chosen.
    pub fn eviction(&self) -> &Eviction {
        &self.eviction
    }

    /// Another way to choose victims, and so another meaning of the keys' clocks.
    pub fn set_eviction(&mut self, eviction: Eviction) {
        self.eviction = eviction;
        for db in self.dbs.iter_mut().flatten() {
            db.eviction = eviction;
        }
    }

    /// Freed room between live keys.
    pub fn hole_bytes(&self) -> usize {
        let dbs = self.dbs.iter().flatten();
        dbs.map(|db| db.heap.slab.hole_bytes()).sum()
    }

    /// Whether memory is short: then smaller holes are worth closing.
    pub fn set_pressed(&mut self, is_pressed: bool) {
        for db in self.dbs.iter_mut().flatten() {
            db.chores.is_pressed = is_pressed;
        }
    }

    /// Values and keys of flushed databases that wait to be freed.
    pub fn pending_frees(&self) -> usize {
        let values: usize = self.dbs.iter().flatten().map(|db| db.doomed.len()).sum();
        let flushed: usize = self.doomed.iter().map(|db| db.len()).sum();
        values + flushed
    }

    /// Values and keys of flushed databases that were freed in slices since the last reset.
    pub fn freed_objects(&self) -> u64 {
        let values = self.dbs.iter().flatten().map(|db| db.chores.freed);
        self.freed + values.sum::<u64>()
    }

    /// Counts them from 0 again.
    pub fn reset_freed(&mut self) {
        self.freed = 0;
        for db in self.dbs.iter_mut().flatten() {
            db.chores.freed = 0;
        }
    }

    /// Whether growth or freeing is under way. Expiry and compaction are not counted: they are
    /// looked for whenever [`Keyspace::chore`] is called.
    pub fn has_work(&self) -> bool {
        let is_busy = |db: &Db| db.chores.growing || !db.doomed.is_empty();
        !self.doomed.is_empty() || self.dbs.iter().flatten().any(|db| is_busy(db))
    }

    /// Frees a part of what was removed and still takes memory; whether there was any.
    pub fn free_some(&mut self) -> bool {
        for db in self.dbs.iter_mut().flatten() {
            if !db.doomed.is_empty() {
                db.free_slice();
                return true;
            }
        }
        let is_waiting = !self.doomed.is_empty();
        self.free_slice();
        is_waiting
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
        let chores = self.dbs.len() * CHORES + 1;
        for _ in 0..chores {
            self.turn = (self.turn + 1) % chores;
            if self.slice(now_ms, policy, on_expired) {
                return true;
            }
        }
        false
    }

    /// One slice of the removal of hash fields whose time has come. What is removed is given to
    /// `on_dropped` with its database's number. Returns whether work is left.
    pub fn expire_fields(
        &mut self,
        now_ms: i64,
        on_dropped: &mut dyn FnMut(usize, DroppedFields<'_>),
    ) -> bool {
        let dbs = self.dbs.iter_mut().enumerate();
        dbs.filter_map(|(number, db)| Some((number, db.as_deref_mut()?)))
            .any(|(number, db)| {
                let mut note = |dropped: DroppedFields<'_>| on_dropped(number, dropped);
                db.field_expiry_slice(now_ms, FIELDS_BUDGET, &mut note)
            })
    }

    /// Checks every database. For tests.
    pub fn check_invariants(&self) {
        for (_, db) in self.iter() {
            db.check_invariants();
        }
    }

    fn slice(
        &mut self,
        now_ms: i64,
        policy: ExpirePolicy,
        on_expired: &mut dyn FnMut(usize, &[u8]),
    ) -> bool {
        let number = self.turn / CHORES;
        let Some(db) = self.dbs.get_mut(number) else {
            return self.free_slice();
        };
        let Some(db) = db else { return false };
        match self.turn % CHORES {
            0 => db.grow_slice(),
            1 => db.compact_slice(),
            2 => db.free_slice() | db.give_up_slice(),
            _ if policy != ExpirePolicy::Allowed || db.volatile_len() == 0 => false,
            _ => db.sweep_slice(now_ms, SWEEP_BUDGET, &mut |key| on_expired(number, key)),
        }
    }

    fn free_slice(&mut self) -> bool {
        let Some(db) = self.doomed.front_mut() else {
            return false;
        };
        if !db.drain_slice() {
            self.freed += db.len() as u64;
            self.doomed.pop_front();
        }
        !self.doomed.is_empty()
    }
}

fn new_db(shards: usize, hasher: &HashState, eviction: Eviction, next_id: &mut u64) -> Box<Db> {
    let mut db = Box::new(Db::new(shards, hasher.clone()));
    db.eviction = eviction;
    db.id = *next_id;
    *next_id += 1;
    db
}

#[cfg(test)]
mod tests;
