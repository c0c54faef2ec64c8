//! A snapshot of a database while it changes: what every key held when it began, each exactly once.
//!
//! Nothing is copied at the start. A walk in the order of the hashes, in slices, shows each key
//! that was not seen yet and marks it; new keys are marked from the start. Before an unseen key
//! changes, it is kept: a string is copied (a large one shared), a removed or overwritten
//! collection is moved, and a collection about to be changed in place is encoded there and then by
//! a function of the snapshot's owner. Owners that will not have a large collection encoded in one
//! piece ask [`Db::is_frozen`] before they change it.
//!
//! The mark is a bit in the key's block. Its meaning alternates from snapshot to snapshot, so that
//! none has to be cleared; therefore a snapshot that is given up is walked to its end all the same.
//! The snapshot belongs to the database, whatever its number: one that was flushed is walked on by
//! whoever took it.

use std::collections::VecDeque;

use crate::store::db::Db;
use crate::store::db::Slot;
use crate::store::shard::Heap;
use crate::store::value::{Value, ValueRef};

/// Encodes a collection that is about to change.
pub type Encode = fn(ValueRef<'_>, &mut Vec<u8>);

/// A key as it was when the snapshot began.
#[derive(Debug)]
pub struct Kept {
    /// The key.
    pub key: Box<[u8]>,
    /// When it was to expire, in Unix milliseconds.
    pub expire_at: Option<i64>,
    /// What it held.
    pub value: KeptValue,
}

/// What a key held that has changed since.
#[derive(Debug)]
pub enum KeptValue {
    /// The value itself.
    Value(Value),
    /// A collection, encoded before it changed.
    Encoded(Vec<u8>),
}

/// A snapshot under way.
#[derive(Debug)]
pub(super) struct Snapshot {
    encode: Encode,
    kept: VecDeque<Kept>,
    kept_bytes: usize,
    /// The cursor of the walk; `None` when it has come to the end.
    cursor: Option<u64>,
    /// The snapshot was given up: the walk only sets marks.
    is_given_up: bool,
}

impl Snapshot {
    /// Keeps a key that is about to change.
    pub fn keep(&mut self, key: &[u8], value: ValueRef<'_>, expire_at: Option<i64>) {
        if self.is_given_up {
            return;
        }
        let value = match value.string_copy() {
            Some(string) => KeptValue::Value(string),
            None => {
                let mut encoded = Vec::new();
                (self.encode)(value, &mut encoded);
                KeptValue::Encoded(encoded)
            }
        };
        self.push(Kept {
            key: key.into(),
            expire_at,
            value,
        });
    }

    /// Keeps the value of a key that is removed or overwritten.
    pub fn keep_value(&mut self, key: Box<[u8]>, value: Value, expire_at: Option<i64>) {
        if !self.is_given_up {
            self.push(Kept {
                key,
                expire_at,
                value: KeptValue::Value(value),
            });
        }
    }

    fn push(&mut self, kept: Kept) {
        self.kept_bytes += kept.bytes();
        self.kept.push_back(kept);
    }
}

impl Kept {
    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        size_of::<Kept>()
            + self.key.len()
            + match &self.value {
                KeptValue::Value(value) => value.heap_bytes(SAMPLES),
                KeptValue::Encoded(bytes) => bytes.len(),
            }
    }
}

/// Elements looked at for the size of a kept collection.
const SAMPLES: usize = 8;

impl Db {
    /// Begins a snapshot of the keys as they are now. `encode` is called for collections that
    /// change before the walk comes to them. `false` while another snapshot is under way or still
    /// to be walked to its end.
    pub fn begin_snapshot(&mut self, encode: Encode) -> bool {
        if self.heap.snapshot.is_some() {
            return false;
        }
        self.heap.flip_mark();
        self.heap.snapshot = Some(Box::new(Snapshot {
            encode,
            kept: VecDeque::new(),
            kept_bytes: 0,
            cursor: Some(0),
            is_given_up: false,
        }));
        true
    }

    /// Whether a snapshot is under way.
    pub fn has_snapshot(&self) -> bool {
        self.heap.snapshot.is_some()
    }

    /// Whether the snapshot under way has still to see this key: changing it costs a copy.
    #[inline]
    pub fn is_frozen(&self, slot: Slot) -> bool {
        self.heap.is_frozen(self.handle(slot))
    }

    /// Shows about `count` keys that were not seen yet. Whether the walk is to go on; at its end
    /// what was kept is still to be taken, and then [`Db::end_snapshot`] to be called.
    pub fn snapshot_slice(
        &mut self,
        count: usize,
        mut visit: impl FnMut(&[u8], ValueRef<'_>, Option<i64>),
    ) -> bool {
        let Some(snapshot) = &self.heap.snapshot else {
            return false;
        };
        let (Some(cursor), is_given_up) = (snapshot.cursor, snapshot.is_given_up) else {
            return false;
        };
        let mut seen = Vec::new();
        let next = self.scan(cursor, count, |key, slot| {
            let handle = self.handle(slot);
            if self.heap.is_frozen(handle) {
                seen.push(handle);
                if !is_given_up {
                    visit(key, self.heap.value(handle), self.heap.expire_at(handle));
                }
            }
        });
        for handle in seen {
            self.heap.set_seen(handle);
        }
        if let Some(snapshot) = &mut self.heap.snapshot {
            snapshot.cursor = (next > 0).then_some(next);
            if next == 0 && is_given_up {
                self.heap.snapshot = None;
            }
        }
        next > 0
    }

    /// The next key that changed before the walk came to it.
    pub fn take_kept(&mut self) -> Option<Kept> {
        let snapshot = self.heap.snapshot.as_mut()?;
        let kept = snapshot.kept.pop_front()?;
        snapshot.kept_bytes -= kept.bytes();
        Some(kept)
    }

    /// Memory of what was kept and not yet taken.
    pub fn kept_bytes(&self) -> usize {
        self.heap
            .snapshot
            .as_ref()
            .map_or(0, |snapshot| snapshot.kept_bytes)
    }

    /// Ends the snapshot. One whose walk is not at its end is given up: housekeeping walks on.
    pub fn end_snapshot(&mut self) {
        let Some(snapshot) = &mut self.heap.snapshot else {
            return;
        };
        if snapshot.cursor.is_none() {
            self.heap.snapshot = None;
            return;
        }
        snapshot.is_given_up = true;
        snapshot.kept = VecDeque::new();
        snapshot.kept_bytes = 0;
    }

    /// Walks a snapshot that was given up; whether more is to be done.
    pub(super) fn give_up_slice(&mut self) -> bool {
        let is_given_up = self.heap.snapshot.as_ref().is_some_and(|s| s.is_given_up);
        is_given_up && self.snapshot_slice(GIVE_UP_KEYS, |_, _, _| {})
    }
}

/// Keys of a snapshot that was given up, marked in a slice.
const GIVE_UP_KEYS: usize = 512;

impl Heap {
    /// What was seen becomes unseen.
    fn flip_mark(&mut self) {
        self.mark ^= crate::store::shard::MARK;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::random::Rng;
    use crate::store::db::Key;
    use crate::store::hash::seeded;
    use crate::store::types::list::List;
    use crate::store::value::NewValue;

    type Seen = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

    fn encode(value: ValueRef<'_>, to: &mut Vec<u8>) {
        to.extend_from_slice(value.kind().name().as_bytes());
    }

    fn text(value: ValueRef<'_>) -> Vec<u8> {
        match value.string(&mut itoa::Buffer::new()) {
            Some(string) => string.to_vec(),
            None => value.kind().name().into(),
        }
    }

    fn all(db: &Db) -> Seen {
        let mut all = Seen::new();
        db.scan(0, usize::MAX, |key, slot| {
            all.insert(key.to_vec(), (text(db.value(slot)), db.expire_at(slot)));
        });
        all
    }

    fn change(db: &mut Db, rng: &mut Rng) {
        let name = (rng.below(3000) as u32).to_le_bytes();
        let key = Key::new(&seeded(1), &name);
        let expire_at = (rng.below(3) == 0).then(|| rng.below(1000) as i64);
        let string = vec![b'v'; rng.below(100)];
        let Some(slot) = db.find(&key) else {
            let new = if rng.below(4) == 0 {
                NewValue::Value(Value::List(List::default()))
            } else {
                NewValue::Str(&string)
            };
            db.insert_expiring(&key, new, expire_at);
            return;
        };
        match rng.below(7) {
            0 => drop(db.remove(slot)),
            1 => drop(db.replace(slot, NewValue::Str(&string))),
            2 => db.set_expire(slot, expire_at),
            3 => drop(db.append(slot, b"more")),
            4 => drop(db.value_mut(slot)),
            5 => {
                let kind = db.kind(slot);
                assert_eq!(db.take(slot).kind(), kind);
            }
            _ => {
                let name = [0xff, name[0], name[1], rng.below(200) as u8];
                let to = Key::new(&seeded(1), &name);
                if db.find(&to).is_none() {
                    db.rename(slot, &to);
                }
            }
        }
    }

    fn note(seen: &mut Seen, key: &[u8], value: Vec<u8>, expire_at: Option<i64>) {
        let twice = seen.insert(key.to_vec(), (value, expire_at));
        assert!(twice.is_none(), "a key is in the snapshot twice");
    }

    #[test]
    fn a_snapshot_is_the_database_as_it_was() {
        for seed in 0..12 {
            let mut rng = Rng::new(seed);
            let mut db = Db::new(1 + seed as usize, seeded(1));
            for _ in 0..6000 {
                change(&mut db, &mut rng);
            }
            for _ in 0..3 {
                let (before, mut seen) = (all(&db), Seen::new());
                assert!(db.begin_snapshot(encode) && !db.begin_snapshot(encode));
                let mut go_on = true;
                while go_on {
                    for _ in 0..rng.below(100) {
                        change(&mut db, &mut rng);
                        db.grow_slice();
                        db.compact_slice();
                    }
                    go_on = db.snapshot_slice(1 + rng.below(60), |key, value, expire_at| {
                        note(&mut seen, key, text(value), expire_at);
                    });
                }
                while let Some(Kept {
                    key,
                    expire_at,
                    value,
                }) = db.take_kept()
                {
                    let value = match value {
                        KeptValue::Value(value) => text(value.view()),
                        KeptValue::Encoded(bytes) => bytes,
                    };
                    note(&mut seen, &key, value, expire_at);
                }
                assert_eq!(db.kept_bytes(), 0);
                db.end_snapshot();
                assert!(seen == before, "seed {seed}");
                db.check_invariants();
            }
        }
    }

    #[test]
    fn a_snapshot_that_is_given_up_is_walked_to_its_end() {
        let mut rng = Rng::new(5);
        let mut db = Db::new(4, seeded(1));
        for _ in 0..6000 {
            change(&mut db, &mut rng);
        }
        assert!(db.begin_snapshot(encode));
        db.snapshot_slice(100, |_, _, _| {});
        db.end_snapshot();
        assert!(!db.begin_snapshot(encode));
        while db.give_up_slice() {
            change(&mut db, &mut rng);
        }
        assert!(!db.has_snapshot());
        let before = all(&db).len();
        assert!(db.begin_snapshot(encode));
        let mut seen = 0;
        while db.snapshot_slice(100, |_, _, _| seen += 1) {}
        assert_eq!(seen, before);
    }
}
