//! A snapshot of a database while it changes: what every key held when it began, each exactly once.
//!
//! Nothing is copied at the start. A walk in the order of the hashes, in slices, writes each key
//! that was not seen yet and marks it; new keys are marked from the start. Before an unseen key
//! changes, it is written to a buffer of its own: what is small at once, a large string as a share
//! of its bytes, a large collection that is removed or overwritten by moving it here. Large values
//! are written in steps; the walk does not pass one that is half written.
//!
//! A large collection that is about to be changed in place cannot be kept without writing all of
//! it at once. Who can wait asks [`Db::must_wait`] first, which also brings that key forward; who
//! cannot (a transaction, a script) pays for it, and it is counted.
//!
//! The mark is a bit in the key's block. Its meaning alternates from snapshot to snapshot, so that
//! none has to be cleared; therefore a snapshot that is given up is walked to its end all the same.
//! The snapshot belongs to the database, whatever its number: one that was flushed is walked on by
//! whoever took it. How anything is written down is the [`Encoder`]'s to know.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::rc::Rc;

use crate::store::db::{Db, Key, Slot};
use crate::store::shard::{Heap, ObjectId};
use crate::store::slab::Handle;
use crate::store::value::{Value, ValueRef};

/// A collection of more elements is written in steps.
const ELEMENTS_AT_ONCE: usize = 512;
/// So is a value of more bytes.
const BYTES_AT_ONCE: usize = 64 << 10;
/// Keys that were about to change are kept in pieces of so many bytes,
const PIECE_BYTES: usize = 64 << 10;
/// each of which is closed when it is so full: most keys fit into the rest, and a piece that has to
/// grow takes twice its bytes.
const PIECE_FULL_BYTES: usize = PIECE_BYTES - (8 << 10);
/// Elements looked at to estimate the bytes of a collection.
const SAMPLES: usize = 8;
/// Keys of a step of the walk: some ten microseconds.
const KEYS_AT_ONCE: usize = 64;
/// Bytes of a step of a large value.
const STEP_BYTES: usize = 32 << 10;
/// Keys of a snapshot that was given up, marked in a slice.
const GIVE_UP_KEYS: usize = 512;

/// A key as it was when the snapshot began.
#[derive(Clone, Copy, Debug)]
pub struct SavedEntry<'a> {
    /// The key.
    pub key: &'a [u8],
    /// What it held.
    pub value: ValueRef<'a>,
    /// When it was to expire, in Unix milliseconds.
    pub expire_at: Option<i64>,
    /// Its clock: see [`Db::clock`].
    pub clock: u32,
}

/// Writes keys down.
pub trait Encoder: Debug {
    /// Writes a key and its value.
    fn write(&self, entry: &SavedEntry<'_>, out: &mut Vec<u8>);
    /// Begins a key whose value is written in steps.
    fn begin(&self, entry: &SavedEntry<'_>, out: &mut Vec<u8>) -> Box<dyn Steps>;
}

/// Writes one large value down.
pub trait Steps: Debug {
    /// Writes about `bytes` more bytes of the value, which is what it was at the last step.
    /// Whether more is to come.
    fn step(&mut self, value: ValueRef<'_>, bytes: usize, out: &mut Vec<u8>) -> bool;
}

/// A snapshot under way.
#[derive(Debug)]
pub(super) struct Snapshot {
    encoder: Rc<dyn Encoder>,
    /// Keys that were about to change, written: in pieces, so that they are never moved as a whole.
    kept: VecDeque<Vec<u8>>,
    /// Memory of the pieces.
    kept_bytes: usize,
    /// Large values whose keys have changed.
    moved: VecDeque<Moved>,
    moved_bytes: usize,
    /// Keys of large values that the walk has come by.
    large: VecDeque<Box<[u8]>>,
    /// Those for which somebody waits: they go before all others.
    awaited: VecDeque<Box<[u8]>>,
    current: Option<Current>,
    /// The cursor of the walk; `None` when it has come to the end.
    cursor: Option<u64>,
    /// The snapshot was given up: the walk only sets marks.
    is_given_up: bool,
    progress: SnapshotProgress,
}

/// How far a snapshot has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct SnapshotProgress {
    /// Keys written or kept.
    pub keys: u64,
    /// Bytes that were kept because their keys were about to change, written since or not.
    pub kept_bytes: u64,
    /// Large collections that were written in one go, as who changed them could not wait.
    pub inline_large: u64,
}

/// A large value on its own.
#[derive(Debug)]
struct Moved {
    key: Box<[u8]>,
    value: Value,
    /// Memory of the value, as estimated when it came.
    bytes: usize,
    expire_at: Option<i64>,
    clock: u32,
}

/// The large value that is half written.
#[derive(Debug)]
struct Current {
    steps: Box<dyn Steps>,
    at: At,
}

/// Where it lies.
#[derive(Debug)]
enum At {
    /// Under its key.
    Place(Box<[u8]>, ObjectId),
    /// Here, with its memory.
    Own(Value, usize),
    /// It was about to change: the rest of it, written, from this byte on.
    Written(Vec<u8>, usize),
}

/// Whether a value is written in steps.
fn is_large(value: ValueRef<'_>) -> bool {
    let elements = match value {
        ValueRef::Int(_) | ValueRef::Str(_) => return false,
        ValueRef::Large(bytes) => return bytes.len() > BYTES_AT_ONCE,
        ValueRef::List(list) => list.len(),
        ValueRef::Set(set) => set.len(),
        ValueRef::ZSet(zset) => zset.len(),
        ValueRef::Hash(hash) => hash.len(),
        ValueRef::Stream(stream) => stream.free_effort(),
    };
    elements > ELEMENTS_AT_ONCE || value.heap_bytes(SAMPLES) > BYTES_AT_ONCE
}

impl Snapshot {
    /// Keeps a key that is about to change; `object` is the number of its object, if it has one.
    pub fn keep(&mut self, entry: &SavedEntry<'_>, object: Option<ObjectId>) {
        if self.is_given_up {
            return;
        }
        self.progress.keys += 1;
        if let Some(Current { steps, at }) = &mut self.current
            && let At::Place(_, id) = at
            && Some(*id) == object
        {
            self.progress.inline_large += 1;
            let mut rest = Vec::new();
            while steps.step(entry.value, STEP_BYTES, &mut rest) {}
            *at = At::Written(rest, 0);
            return;
        }
        match entry.value {
            ValueRef::Large(bytes) if is_large(entry.value) => {
                let share = Value::Large(Box::new(bytes.clone()));
                self.push(share, (entry.key, entry.expire_at, entry.clock));
            }
            value => {
                self.progress.inline_large += u64::from(is_large(value));
                self.keep_written(entry);
            }
        }
    }

    /// Keeps a collection that is taken from its key. One that is small is written and returned.
    pub fn keep_taken(
        &mut self,
        value: Value,
        (key, expire_at, clock): (&[u8], Option<i64>, u32),
        object: ObjectId,
    ) -> Option<Value> {
        if self.is_given_up {
            return Some(value);
        }
        self.progress.keys += 1;
        if let Some(current) = &mut self.current
            && matches!(current.at, At::Place(_, id) if id == object)
        {
            let bytes = value.heap_bytes(SAMPLES);
            self.moved_bytes += bytes;
            current.at = At::Own(value, bytes);
            return None;
        }
        let entry = SavedEntry {
            key,
            value: value.view(),
            expire_at,
            clock,
        };
        if is_large(entry.value) {
            self.push(value, (key, expire_at, clock));
            return None;
        }
        self.keep_written(&entry);
        Some(value)
    }

    fn keep_written(&mut self, entry: &SavedEntry<'_>) {
        let last = self.kept.back();
        if last.is_none_or(|piece| piece.len() >= PIECE_FULL_BYTES) {
            let piece = Vec::with_capacity(PIECE_BYTES);
            self.kept_bytes += piece.capacity();
            self.kept.push_back(piece);
        }
        let Some(piece) = self.kept.back_mut() else {
            return;
        };
        let (len, capacity) = (piece.len(), piece.capacity());
        self.encoder.write(entry, piece);
        self.kept_bytes += piece.capacity() - capacity;
        self.progress.kept_bytes += (piece.len() - len) as u64;
    }

    fn push(&mut self, value: Value, (key, expire_at, clock): (&[u8], Option<i64>, u32)) {
        let bytes = value.heap_bytes(SAMPLES);
        self.moved_bytes += bytes;
        self.progress.kept_bytes += bytes as u64;
        self.moved.push_back(Moved {
            key: key.into(),
            value,
            bytes,
            expire_at,
            clock,
        });
    }

    /// Memory of what was kept and not yet written.
    fn kept_bytes(&self) -> usize {
        let rest = match &self.current {
            Some(Current {
                at: At::Written(rest, _),
                ..
            }) => rest.capacity(),
            _ => 0,
        };
        self.kept_bytes + self.moved_bytes + rest
    }

    fn is_done(&self) -> bool {
        self.cursor.is_none()
            && self.current.is_none()
            && self.kept.is_empty()
            && self.moved.is_empty()
            && self.large.is_empty()
            && self.awaited.is_empty()
    }
}

impl Db {
    /// Begins a snapshot of the keys as they are now. `false` while another snapshot is under way
    /// or still to be walked to its end.
    pub fn begin_snapshot(&mut self, encoder: Rc<dyn Encoder>) -> bool {
        if self.heap.snapshot.is_some() {
            return false;
        }
        self.heap.flip_mark();
        self.heap.snapshot = Some(Box::new(Snapshot {
            encoder,
            kept: VecDeque::new(),
            kept_bytes: 0,
            moved: VecDeque::new(),
            moved_bytes: 0,
            large: VecDeque::new(),
            awaited: VecDeque::new(),
            current: None,
            cursor: Some(0),
            is_given_up: false,
            progress: SnapshotProgress::default(),
        }));
        true
    }

    /// Whether a snapshot is under way.
    pub fn has_snapshot(&self) -> bool {
        self.heap.snapshot.is_some()
    }

    /// Whether a snapshot is under way that somebody still wants.
    pub fn is_snapshot_wanted(&self) -> bool {
        self.heap.snapshot.as_ref().is_some_and(|s| !s.is_given_up)
    }

    /// Whether any key holds a collection or a large string.
    pub fn has_objects(&self) -> bool {
        self.heap.arena.len() > 0
    }

    /// Whether changing this key now would write a large collection in one go. If so it is
    /// written next.
    pub fn must_wait(&mut self, slot: Slot) -> bool {
        let handle = self.handle(slot);
        if !self.is_snapshot_wanted() || !self.heap.is_frozen(handle) {
            return false;
        }
        let value = self.heap.value(handle);
        if matches!(value, ValueRef::Large(_)) || !is_large(value) {
            return false;
        }
        let key: Box<[u8]> = self.heap.key(handle).into();
        let object = self.heap.object(handle);
        if let Some(snapshot) = &mut self.heap.snapshot {
            let is_current = matches!(&snapshot.current,
                Some(Current { at: At::Place(_, id), .. }) if Some(*id) == object);
            // Who waits asks again each time something was written.
            if !is_current && !snapshot.awaited.contains(&key) {
                snapshot.awaited.push_back(key);
            }
        }
        true
    }

    /// Writes a little more of the snapshot: some keys, or a part of a large value. Whether more
    /// is to come; if not, [`Db::end_snapshot`] is to be called.
    pub fn write_snapshot(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(snapshot) = &mut self.heap.snapshot else {
            return false;
        };
        if snapshot.is_given_up {
            return false;
        }
        if snapshot.current.is_some() {
            self.write_current(out);
        } else if let Some(key) = snapshot.awaited.pop_front() {
            self.begin_large(&key, out);
        } else if let Some(mut piece) = snapshot.kept.pop_front() {
            snapshot.kept_bytes -= piece.capacity();
            out.append(&mut piece);
        } else if let Some(moved) = snapshot.moved.pop_front() {
            let entry = SavedEntry {
                key: &moved.key,
                value: moved.value.view(),
                expire_at: moved.expire_at,
                clock: moved.clock,
            };
            let steps = snapshot.encoder.begin(&entry, out);
            let at = At::Own(moved.value, moved.bytes);
            snapshot.current = Some(Current { steps, at });
        } else if let Some(key) = snapshot.large.pop_front() {
            self.begin_large(&key, out);
        } else {
            self.walk_snapshot(out);
        }
        self.heap.snapshot.as_ref().is_some_and(|s| !s.is_done())
    }

    /// Whether a large value is half written: no other database may be written to the same place
    /// before it is whole.
    pub fn is_between_keys(&self) -> bool {
        self.heap
            .snapshot
            .as_ref()
            .is_none_or(|s| s.current.is_none())
    }

    /// Whether somebody waits for a key to be written.
    pub fn is_awaited(&self) -> bool {
        let snapshot = self.heap.snapshot.as_ref();
        snapshot.is_some_and(|s| !s.awaited.is_empty())
    }

    /// Memory of what was kept and not yet written.
    pub fn kept_bytes(&self) -> usize {
        self.heap.snapshot.as_ref().map_or(0, |s| s.kept_bytes())
    }

    /// How far the snapshot has come.
    pub fn snapshot_progress(&self) -> SnapshotProgress {
        self.heap
            .snapshot
            .as_ref()
            .map_or_else(SnapshotProgress::default, |s| s.progress)
    }

    /// Ends the snapshot. One whose walk is not at its end is given up: housekeeping walks on.
    pub fn end_snapshot(&mut self) {
        let Some(snapshot) = &mut self.heap.snapshot else {
            return;
        };
        snapshot.kept = VecDeque::new();
        snapshot.is_given_up = true;
        let is_walked = snapshot.cursor.is_none();
        let moved = std::mem::take(&mut snapshot.moved);
        snapshot.awaited = VecDeque::new();
        // The walk has passed these without a mark.
        let passed = std::mem::take(&mut snapshot.large);
        match snapshot.current.take().map(|current| current.at) {
            Some(At::Place(key, _)) => self.mark_seen(&key),
            Some(At::Own(value, _)) => self.free_later(value),
            Some(At::Written(..)) | None => {}
        }
        for key in passed {
            self.mark_seen(&key);
        }
        if is_walked {
            self.heap.snapshot = None;
        }
        for moved in moved {
            self.free_later(moved.value);
        }
    }

    /// Walks a snapshot that was given up; whether more is to be done.
    pub fn give_up_slice(&mut self) -> bool {
        let Some(snapshot) = &self.heap.snapshot else {
            return false;
        };
        let (Some(cursor), true) = (snapshot.cursor, snapshot.is_given_up) else {
            return false;
        };
        let mut seen = Vec::new();
        let next = self.scan(cursor, GIVE_UP_KEYS, |_, slot| {
            seen.push(self.handle(slot));
        });
        for handle in seen {
            self.heap.set_seen(handle);
        }
        if next == 0 {
            self.heap.snapshot = None;
        } else if let Some(snapshot) = &mut self.heap.snapshot {
            snapshot.cursor = Some(next);
        }
        next > 0
    }

    /// One step of the large value that is half written.
    fn write_current(&mut self, out: &mut Vec<u8>) {
        let Some(snapshot) = &mut self.heap.snapshot else {
            return;
        };
        let Some(mut current) = snapshot.current.take() else {
            return;
        };
        let is_more = match &mut current.at {
            At::Place(_, id) => {
                let value = self.heap.arena.view(*id);
                current.steps.step(value, STEP_BYTES, out)
            }
            At::Own(value, _) => current.steps.step(value.view(), STEP_BYTES, out),
            At::Written(rest, from) => {
                let to = rest.len().min(*from + PIECE_BYTES);
                out.extend_from_slice(&rest[*from..to]);
                *from = to;
                to < rest.len()
            }
        };
        if is_more {
            snapshot.current = Some(current);
            return;
        }
        match current.at {
            At::Place(key, _) => {
                snapshot.progress.keys += 1;
                self.mark_seen(&key);
            }
            At::Own(value, bytes) => {
                snapshot.moved_bytes -= bytes;
                self.free_later(value);
            }
            At::Written(..) => {}
        }
    }

    fn mark_seen(&mut self, key: &[u8]) {
        if let Some(slot) = self.find(&Key::new(&self.hasher, key)) {
            let handle = self.handle(slot);
            self.heap.set_seen(handle);
        }
    }

    /// Begins a large value, unless its key has changed meanwhile.
    fn begin_large(&mut self, key: &[u8], out: &mut Vec<u8>) {
        let Some(slot) = self.find(&Key::new(&self.hasher, key)) else {
            return;
        };
        let handle = self.handle(slot);
        if !self.heap.is_frozen(handle) {
            return;
        }
        let (entry, object) = (self.heap.entry(handle), self.heap.object(handle));
        let Some(encoder) = self.heap.snapshot.as_ref().map(|s| Rc::clone(&s.encoder)) else {
            return;
        };
        let Some(object) = object.filter(|_| is_large(entry.value)) else {
            // It was looked up when it was large, and has been given up and begun anew since.
            encoder.write(&entry, out);
            self.heap.set_seen(handle);
            self.count_key();
            return;
        };
        let steps = encoder.begin(&entry, out);
        let at = match entry.value {
            ValueRef::Large(bytes) => {
                let share = Value::Large(Box::new(bytes.clone()));
                self.heap.set_seen(handle);
                self.count_key();
                At::Own(share, 0)
            }
            _ => At::Place(key.into(), object),
        };
        if let Some(snapshot) = &mut self.heap.snapshot {
            snapshot.current = Some(Current { steps, at });
        }
    }

    fn count_key(&mut self) {
        if let Some(snapshot) = &mut self.heap.snapshot {
            snapshot.progress.keys += 1;
        }
    }

    /// Writes some keys that were not seen yet.
    fn walk_snapshot(&mut self, out: &mut Vec<u8>) {
        let Some(snapshot) = &self.heap.snapshot else {
            return;
        };
        let Some(cursor) = snapshot.cursor else {
            return;
        };
        let encoder = Rc::clone(&snapshot.encoder);
        let mut blocks = std::mem::take(&mut self.heap.blocks);
        let next = self.scan_blocks(cursor, KEYS_AT_ONCE, &mut blocks);
        self.heap.touch(&blocks);
        let (mut written, mut large) = (0, VecDeque::new());
        for handle in blocks.drain(..) {
            if !self.heap.is_frozen(handle) {
                continue;
            }
            let entry = self.heap.entry(handle);
            if is_large(entry.value) {
                large.push_back(entry.key.into());
            } else {
                encoder.write(&entry, out);
                self.heap.set_seen(handle);
                written += 1;
            }
        }
        self.heap.blocks = blocks;
        if let Some(snapshot) = &mut self.heap.snapshot {
            snapshot.progress.keys += written;
            snapshot.large.append(&mut large);
            snapshot.cursor = (next > 0).then_some(next);
        }
    }
}

impl Heap {
    /// What was seen becomes unseen.
    fn flip_mark(&mut self) {
        self.mark ^= crate::store::shard::MARK;
    }

    /// Looks at blocks, so that they are in the cache.
    pub(super) fn touch(&self, blocks: &[Handle]) {
        let first = |handle: &Handle| self.slab.bytes(*handle).first().copied();
        let sum = blocks
            .iter()
            .filter_map(first)
            .fold(0, |sum, byte| sum ^ byte);
        std::hint::black_box(sum);
    }

    fn entry(&self, handle: Handle) -> SavedEntry<'_> {
        SavedEntry {
            key: self.key(handle),
            value: self.value(handle),
            expire_at: self.expire_at(handle),
            clock: self.clock(handle),
        }
    }

    /// Keeps a key that is about to change.
    #[cold]
    pub(super) fn preserve(&mut self, handle: Handle) {
        self.set_seen(handle);
        let Some(mut snapshot) = self.snapshot.take() else {
            return;
        };
        snapshot.keep(&self.entry(handle), self.object(handle));
        self.snapshot = Some(snapshot);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::random::Rng;
    use crate::store::db::Key;
    use crate::store::hash::seeded;
    use crate::store::types::list::{End, List, ListLimits};
    use crate::store::value::{NewValue, ValueMut};

    type Seen = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

    /// Writes lengths and bytes; a list as all of its elements, some a step.
    #[derive(Debug)]
    struct Plain;

    #[derive(Debug)]
    struct InParts(usize);

    const ELEMENTS_A_STEP: usize = 100;

    fn put(bytes: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        out.extend_from_slice(bytes);
    }

    fn head(entry: &SavedEntry<'_>, out: &mut Vec<u8>) {
        put(entry.key, out);
        out.extend_from_slice(&entry.expire_at.unwrap_or(-1).to_le_bytes());
    }

    impl Encoder for Plain {
        fn write(&self, entry: &SavedEntry<'_>, out: &mut Vec<u8>) {
            let mut steps = self.begin(entry, out);
            while steps.step(entry.value, 1, out) {}
        }

        fn begin(&self, entry: &SavedEntry<'_>, out: &mut Vec<u8>) -> Box<dyn Steps> {
            head(entry, out);
            let len = match entry.value {
                ValueRef::List(list) => list.len() * 5,
                value => text(value).len(),
            };
            out.extend_from_slice(&(len as u32).to_le_bytes());
            Box::new(InParts(0))
        }
    }

    impl Steps for InParts {
        fn step(&mut self, value: ValueRef<'_>, _: usize, out: &mut Vec<u8>) -> bool {
            let ValueRef::List(list) = value else {
                out.extend_from_slice(&text(value));
                return false;
            };
            let part = list.iter().skip(self.0).take(ELEMENTS_A_STEP);
            part.for_each(|element| out.extend_from_slice(&element.to_vec()));
            self.0 += ELEMENTS_A_STEP;
            self.0 < list.len()
        }
    }

    /// What [`Plain`] wrote.
    fn read(mut bytes: &[u8]) -> Seen {
        fn take<'a>(bytes: &mut &'a [u8], len: usize) -> &'a [u8] {
            let (taken, rest) = bytes.split_at(len);
            *bytes = rest;
            taken
        }
        fn len(bytes: &mut &[u8]) -> usize {
            u32::from_le_bytes(take(bytes, 4).try_into().expect("four bytes")) as usize
        }
        let mut seen = Seen::new();
        while !bytes.is_empty() {
            let key_len = len(&mut bytes);
            let key = take(&mut bytes, key_len).to_vec();
            let at = i64::from_le_bytes(take(&mut bytes, 8).try_into().expect("eight bytes"));
            let value_len = len(&mut bytes);
            let value = take(&mut bytes, value_len).to_vec();
            let twice = seen.insert(key, (value, (at >= 0).then_some(at)));
            assert!(twice.is_none(), "a key is in the snapshot twice");
        }
        seen
    }

    fn text(value: ValueRef<'_>) -> Vec<u8> {
        match value {
            ValueRef::List(list) => list.iter().flat_map(|element| element.to_vec()).collect(),
            value => value
                .string(&mut itoa::Buffer::new())
                .expect("a string")
                .to_vec(),
        }
    }

    /// A list of `len` elements of five bytes.
    fn list(len: usize) -> Value {
        let mut list = List::default();
        for n in 0..len {
            list.push(
                End::Tail,
                format!("e{n:04}").as_bytes(),
                ListLimits::default(),
            );
        }
        Value::List(list)
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
            let new = match rng.below(40) {
                0 => NewValue::Value(list(1 + rng.below(1_500))),
                1..10 => NewValue::Value(list(1 + rng.below(10))),
                _ => NewValue::Str(&string),
            };
            db.insert_expiring(&key, new, expire_at);
            return;
        };
        match rng.below(7) {
            0 => drop(db.remove(slot)),
            1 => drop(db.replace(slot, NewValue::Str(&string))),
            2 => db.set_expire(slot, expire_at),
            3 => drop(db.append(slot, b"more")),
            4 => {
                if let ValueMut::List(list) = db.value_mut(slot) {
                    list.push(End::Tail, b"later", ListLimits::default());
                }
            }
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

    /// Writes the snapshot to its end while the database changes.
    fn write_all(db: &mut Db, rng: &mut Rng) -> Seen {
        let (mut out, mut is_more) = (Vec::new(), true);
        while is_more {
            for _ in 0..rng.below(40) {
                change(db, rng);
                db.grow_slice();
                db.compact_slice();
            }
            if let (0, Some(slot)) = (rng.below(20), db.random(rng)) {
                db.must_wait(slot);
            }
            is_more = db.write_snapshot(&mut out);
        }
        read(&out)
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
                let before = all(&db);
                assert!(db.begin_snapshot(Rc::new(Plain)));
                assert!(!db.begin_snapshot(Rc::new(Plain)));
                let seen = write_all(&mut db, &mut rng);
                assert_eq!((db.kept_bytes(), db.is_between_keys()), (0, true));
                assert_eq!(db.snapshot_progress().keys, before.len() as u64);
                db.end_snapshot();
                assert!(seen == before, "seed {seed}");
                db.check_invariants();
            }
        }
    }

    #[test]
    fn a_large_value_is_written_in_steps_wherever_it_goes() {
        let key = Key::new(&seeded(1), b"big");
        for fate in 0..4 {
            let mut db = Db::new(4, seeded(1));
            let slot = db.insert(&key, NewValue::Value(list(5_000)));
            let (before, mut out) = (all(&db), Vec::new());
            assert!(!db.must_wait(slot), "no snapshot is under way");
            db.begin_snapshot(Rc::new(Plain));
            assert!(db.must_wait(slot), "it would be written in one go");
            assert!(db.write_snapshot(&mut out) && db.write_snapshot(&mut out));
            assert!(db.must_wait(slot) && !db.is_between_keys());
            match fate {
                0 => {}
                1 => drop(db.remove(slot)),
                2 => {
                    let ValueMut::List(list) = db.value_mut(slot) else {
                        unreachable!()
                    };
                    list.push(End::Head, b"later", ListLimits::default());
                    assert_eq!(db.snapshot_progress().inline_large, 1);
                }
                _ => drop(db.replace(slot, NewValue::Int(1))),
            }
            let mut steps = 2;
            while db.write_snapshot(&mut out) {
                steps += 1;
            }
            assert!(steps > 10 || fate == 2, "{steps} steps, fate {fate}");
            assert_eq!(
                (read(&out) == before, db.kept_bytes()),
                (true, 0),
                "fate {fate}"
            );
            db.end_snapshot();
            db.check_invariants();
        }
    }

    #[test]
    fn a_snapshot_that_is_given_up_is_walked_to_its_end() {
        let mut rng = Rng::new(5);
        let mut db = Db::new(4, seeded(1));
        for _ in 0..6000 {
            change(&mut db, &mut rng);
        }
        assert!(db.begin_snapshot(Rc::new(Plain)));
        let mut out = Vec::new();
        for _ in 0..5 {
            db.write_snapshot(&mut out);
        }
        db.end_snapshot();
        assert!(!db.begin_snapshot(Rc::new(Plain)));
        assert!(!db.write_snapshot(&mut out));
        while db.give_up_slice() {
            change(&mut db, &mut rng);
        }
        assert!(!db.has_snapshot());
        let before = all(&db);
        assert!(db.begin_snapshot(Rc::new(Plain)));
        out.clear();
        while db.write_snapshot(&mut out) {}
        assert!(read(&out) == before);
    }
}
