//! A shard: the keys of a database that one part of the hash space holds.
//!
//! This is the only folder that knows what a shard is made of. It is not an `AHashMap` from keys to
//! values: such a map cannot be walked by a cursor while it changes, gives no random entry in
//! constant time, grows in one piece, and needs an allocation a key. What it is made of instead:
//!
//! - an [`index`], a hash table in the order of hashes, from 32 bits of hash to a block, which
//!   grows and shrinks in steps;
//! - blocks in the database's slab: key, expiry, clock and short value packed together ([`block`]);
//! - objects in the database's arena: large strings and collections ([`heap`]);
//! - a dense list of the keys that have an expiry, linked both ways ([`volatile`]).
//!
//! A lookup costs two misses of the cache: a bucket of the index and the block. Measured against a
//! SwissTable of numbers into a dense store of records (four misses, 8 bytes a key more), which
//! is what [`crate::store::dict`] still is for collections.
//!
//! Every change to a key that was there before passes through [`Heap::change`] first, which is
//! where a snapshot learns of it; every new key through `insert_stored`.

mod arena;
mod block;
mod heap;
mod index;
mod stored;
mod table;
mod volatile;

use std::collections::BTreeSet;

use bytes::BytesMut;

use crate::random::Rng;
use crate::resp::LARGE_BULK;
use crate::store::slab::{Handle, INLINE_MAX};
use crate::store::value::{EMBEDDED_MAX, Kind, NewValue, Value, ValueMut, ValueRef, into_mutable};

pub(super) use arena::ObjectId;
use block::Expiry;
pub(super) use block::MARK;
pub(super) use heap::Heap;
use index::Position;
use stored::{FORM, INT, LARGE_FORM, RAW, STR, kind, object_id, read_int, store};
pub(super) use table::Probe;
use volatile::Volatiles;

/// A key that was found: its hash in the shard, where the index has it, and its block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub hash: u32,
    /// A hint: right until the index is resized.
    position: Position,
    /// Right until the block moves.
    pub handle: Handle,
}

/// What a key's block tells about its use: read when the key is found, as the block is at hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    pub expire_at: Option<i64>,
    pub clock: u32,
}

/// A value on its way from one key to another: its object stays where it is.
#[derive(Debug)]
pub(super) struct Moved {
    kind: u32,
    bytes: Vec<u8>,
    clock: u32,
    expire_at: Option<i64>,
}

/// Keys of a part of the hash space. See the module's text.
#[derive(Debug, Default)]
pub(super) struct Shard {
    index: index::Index,
    volatile: Volatiles,
}

/// What a block tells by itself, without its shard.
impl Heap {
    #[inline]
    pub fn key(&self, handle: Handle) -> &[u8] {
        block::key(self.slab.bytes(handle))
    }

    #[inline]
    pub fn kind(&self, handle: Handle) -> Kind {
        kind(block::flags(self.slab.bytes(handle)))
    }

    #[inline]
    pub fn value(&self, handle: Handle) -> ValueRef<'_> {
        let block = self.slab.bytes(handle);
        let bytes = block::value(block);
        match block::flags(block) & FORM {
            STR => ValueRef::Str(bytes),
            INT => ValueRef::Int(read_int(bytes)),
            _ => match object_id(block) {
                Some(id) => self.arena.view(id),
                None => ValueRef::Str(bytes),
            },
        }
    }

    /// The name of the object a key holds, if it holds one: it stays while the key holds it.
    #[inline]
    pub fn object(&self, handle: Handle) -> Option<ObjectId> {
        object_id(self.slab.bytes(handle))
    }

    /// The name of a string's encoding; `None` for a collection.
    pub fn string_encoding(&self, handle: Handle) -> Option<&'static str> {
        let flags = block::flags(self.slab.bytes(handle));
        match self.value(handle) {
            ValueRef::Int(_) => Some("int"),
            ValueRef::Str(s) if s.len() <= EMBEDDED_MAX && flags & RAW == 0 => Some("embstr"),
            ValueRef::Str(_) | ValueRef::Large(_) => Some("raw"),
            _ => None,
        }
    }

    #[inline]
    pub fn expire_at(&self, handle: Handle) -> Option<i64> {
        block::expire_at(self.slab.bytes(handle))
    }

    #[inline]
    pub fn clock(&self, handle: Handle) -> u32 {
        block::clock(self.slab.bytes(handle))
    }

    #[inline]
    pub fn set_clock(&mut self, handle: Handle, clock: u32) {
        block::set_clock(self.slab.bytes_mut(handle), clock);
    }

    /// Every change to a key that was there before comes by here first: a snapshot that has not
    /// seen the key yet keeps it as it is.
    #[inline]
    fn change(&mut self, handle: Handle) {
        if self.snapshot.is_some() && self.is_frozen(handle) {
            self.preserve(handle);
        }
    }

    /// Whether the snapshot under way has still to see this key.
    #[inline]
    pub fn is_frozen(&self, handle: Handle) -> bool {
        self.snapshot.is_some() && self.mark_of(handle) != self.mark
    }

    /// The snapshot has seen the key.
    pub fn set_seen(&mut self, handle: Handle) {
        block::set_flags(self.slab.bytes_mut(handle), block::MARK, self.mark);
    }

    #[inline]
    fn mark_of(&self, handle: Handle) -> u32 {
        block::flags(self.slab.bytes(handle)) & block::MARK
    }

    /// Takes the object of a key that is removed or overwritten. A snapshot that has not seen the
    /// key takes it over; else it is returned.
    fn take_object(&mut self, handle: Handle) -> Option<Value> {
        let Some(object) = self.object(handle) else {
            self.change(handle);
            return None;
        };
        let value = self.arena.remove(object);
        if !self.is_frozen(handle) {
            return Some(value);
        }
        self.set_seen(handle);
        let Some(mut snapshot) = self.snapshot.take() else {
            return Some(value);
        };
        let about = (self.key(handle), self.expire_at(handle), self.clock(handle));
        let value = snapshot.keep_taken(value, about, object);
        self.snapshot = Some(snapshot);
        value
    }
}

impl Shard {
    #[inline]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    #[inline]
    pub fn volatile_len(&self) -> usize {
        self.volatile.len()
    }

    #[inline]
    pub fn find(&self, heap: &Heap, key: &[u8], hash: u32) -> Option<(Entry, Usage)> {
        let mut block: &[u8] = &[];
        let is_wanted = |handle| {
            block = heap.slab.bytes(handle);
            block::has_key(block, key)
        };
        let (position, handle) = self.index.find(hash, is_wanted)?;
        let entry = Entry {
            hash,
            position,
            handle,
        };
        let usage = Usage {
            expire_at: block::expire_at(block),
            clock: block::clock(block),
        };
        Some((entry, usage))
    }

    /// The entry of a key with this hash whose value is wanted.
    pub fn find_value(
        &self,
        heap: &Heap,
        hash: u32,
        is_wanted: impl Fn(ValueRef<'_>) -> bool,
    ) -> Option<Entry> {
        let (position, handle) = self
            .index
            .find(hash, |handle| is_wanted(heap.value(handle)))?;
        Some(Entry {
            hash,
            position,
            handle,
        })
    }

    /// The entry of a block that is known to be there.
    pub fn find_block(&self, hash: u32, wanted: Handle) -> Option<Entry> {
        let (position, handle) = self.index.find(hash, |handle| handle == wanted)?;
        Some(Entry {
            hash,
            position,
            handle,
        })
    }

    /// An entry as it is now, after blocks moved. It is still where it was, or (when the index
    /// was resized) in its old block elsewhere, or else the only one with its hash.
    #[cold]
    pub fn resolve(&self, entry: Entry) -> Entry {
        if let Some((hash, handle)) = self.index.get(entry.position)
            && hash == entry.hash
        {
            return Entry { handle, ..entry };
        }
        let by_hash = || {
            let (position, handle) = self.index.find(entry.hash, |_| true)?;
            Some(Entry {
                position,
                handle,
                ..entry
            })
        };
        self.find_block(entry.hash, entry.handle)
            .or_else(by_hash)
            .unwrap_or(entry)
    }

    /// Where a search for this hash begins: a search in pieces touches the index only.
    #[inline]
    pub fn probe(&self, hash: u32) -> Option<Probe<'_>> {
        self.index.probe(hash)
    }

    /// A value, to be changed in place if it is a collection.
    pub fn value_mut<'a>(&mut self, heap: &'a mut Heap, entry: Entry) -> ValueMut<'a> {
        heap.change(entry.handle);
        match heap.object(entry.handle) {
            Some(id) => heap.arena.view_mut(id),
            None => ValueMut::String,
        }
    }

    /// Makes room for so many keys, if there is none yet.
    pub fn reserve(&mut self, keys: usize) {
        self.index.reserve(keys);
    }

    /// Adds a key that is not present.
    pub fn insert(
        &mut self,
        heap: &mut Heap,
        key: &[u8],
        hash: u32,
        new: NewValue<'_>,
        expire_at: Option<i64>,
    ) -> Entry {
        let stored = store(&mut heap.arena, new);
        let meta = (0, stored.flags);
        self.insert_stored(heap, key, hash, meta, expire_at, &stored.bytes)
    }

    /// Puts another value under a key; its expiry and clock stay. An old object is returned.
    pub fn replace(&mut self, heap: &mut Heap, entry: Entry, new: NewValue<'_>) -> Option<Value> {
        let old = heap.take_object(entry.handle);
        let stored = store(&mut heap.arena, new);
        self.write_value(heap, entry, stored.flags, &stored.bytes);
        old
    }

    /// Changes a string in place: makes it at least `len` bytes long, with zeros, and hands its
    /// bytes to `edit`. The string is "raw" afterwards. Does nothing to a collection.
    pub fn edit<T>(
        &mut self,
        heap: &mut Heap,
        mut entry: Entry,
        len: usize,
        edit: impl FnOnce(&mut [u8]) -> T,
    ) -> Option<T> {
        heap.change(entry.handle);
        let block = heap.slab.bytes(entry.handle);
        let bytes = block::value(block);
        match block::flags(block) & FORM {
            STR => {}
            INT => {
                let mut buffer = itoa::Buffer::new();
                let text = buffer.format(read_int(bytes)).as_bytes();
                entry = self.write_value(heap, entry, STR, text);
            }
            LARGE_FORM => {
                let bytes = heap.arena.string_mut(object_id(block)?.number);
                let mut owned = into_mutable(std::mem::take(bytes));
                if owned.len() < len {
                    owned.resize(len, 0);
                }
                let result = edit(&mut owned);
                *bytes = owned.freeze();
                return Some(result);
            }
            _ => return None,
        }
        match self.make_longer(heap, entry, len) {
            Longer::Block(handle) => {
                let block = heap.slab.bytes_mut(handle);
                block::set_flags(block, 0, RAW);
                Some(edit(block::value_mut(block)))
            }
            Longer::Large(mut owned) => {
                let result = edit(&mut owned);
                let id = heap.arena.insert(Value::Large(Box::new(owned.freeze())));
                self.write_value(heap, entry, LARGE_FORM, &id.number.to_le_bytes());
                Some(result)
            }
        }
    }

    /// Takes a key out. An object it held is returned; a short string is gone.
    pub fn remove(&mut self, heap: &mut Heap, entry: Entry) -> Option<Value> {
        let object = heap.take_object(entry.handle);
        self.forget(heap, entry);
        object
    }

    /// Takes a key out and returns what it held, whatever it was.
    pub fn take(&mut self, heap: &mut Heap, entry: Entry) -> Value {
        // A snapshot gets a copy: the value itself is wanted elsewhere.
        heap.change(entry.handle);
        let copy = match heap.value(entry.handle) {
            ValueRef::Int(n) => Some(Value::Int(n)),
            ValueRef::Str(s) => Some(Value::Str(s.into())),
            _ => None,
        };
        let object = self.remove(heap, entry);
        copy.or(object).unwrap_or(Value::Int(0))
    }

    /// Takes a key out, to be put under another name by [`Shard::implant`].
    pub fn extract(&mut self, heap: &mut Heap, entry: Entry) -> Moved {
        heap.change(entry.handle);
        let block = heap.slab.bytes(entry.handle);
        let moved = Moved {
            kind: block::flags(block) & (FORM | RAW),
            bytes: block::value(block).to_vec(),
            clock: block::clock(block),
            expire_at: block::expire_at(block),
        };
        self.forget(heap, entry);
        moved
    }

    /// Puts an extracted value under a key that is not present.
    pub fn implant(&mut self, heap: &mut Heap, key: &[u8], hash: u32, moved: Moved) -> Entry {
        let Moved {
            kind,
            bytes,
            clock,
            expire_at,
        } = moved;
        self.insert_stored(heap, key, hash, (clock, kind), expire_at, &bytes)
    }

    /// Gives a key an expiry, another one, or none.
    pub fn set_expire(&mut self, heap: &mut Heap, entry: Entry, expire_at: Option<i64>) {
        let old = block::expiry(heap.slab.bytes(entry.handle));
        if expire_at.is_none() && old.is_none() {
            return;
        }
        heap.change(entry.handle);
        match (old, expire_at) {
            (Some(Expiry { place, .. }), Some(at)) => {
                let expiry = Expiry { place, at };
                if block::set_expiry(heap.slab.bytes_mut(entry.handle), expiry) {
                    self.volatile.set(place, entry.handle, at);
                } else {
                    self.rebuild(heap, entry, Some(expiry), None, 0);
                }
            }
            (None, Some(at)) => {
                let place = self.volatile.next_place();
                self.volatile.push(entry.handle, at);
                self.rebuild(heap, entry, Some(Expiry { place, at }), None, 0);
            }
            (Some(Expiry { place, .. }), None) => {
                self.leave_volatile(heap, place);
                self.rebuild(heap, entry, None, None, 0);
            }
            (None, None) => {}
        }
    }

    pub fn random(&self, rng: &mut Rng) -> Option<Entry> {
        let (hash, handle, position) = self.index.random(rng)?;
        Some(Entry {
            hash,
            position,
            handle,
        })
    }

    /// Appends the blocks of entries that lie behind the home of a hash, until there are `wanted`
    /// or no more come.
    pub fn blocks_near(&self, hash: u32, wanted: usize, blocks: &mut Vec<Handle>) {
        self.index.handles_near(hash, wanted, blocks);
    }

    pub fn random_volatile(&self, rng: &mut Rng) -> Option<Handle> {
        let len = self.volatile.len();
        (len > 0).then(|| self.volatile.handle(rng.below(len) as u32))
    }

    /// Visits about `count` keys in the order of their hashes, from the hash `cursor` on. Returns
    /// where to go on, 0 at the end.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(Entry)) -> u64 {
        self.index.scan(cursor, count, |hash, handle, position| {
            visit(Entry {
                hash,
                position,
                handle,
            });
        })
    }

    #[inline]
    pub fn wants_growth(&self) -> bool {
        self.index.wants_step()
    }

    pub fn grow_step(&mut self, steps: usize) -> bool {
        self.index.step(steps)
    }

    #[inline]
    pub fn wants_sweep(&self, now_ms: i64) -> bool {
        self.volatile.wants_sweep(now_ms)
    }

    pub fn begin_sweep(&mut self) {
        self.volatile.begin_sweep();
    }

    pub fn next_due(&mut self, now_ms: i64, budget: &mut usize) -> Option<Handle> {
        self.volatile.next_due(now_ms, budget)
    }

    pub fn end_sweep(&mut self, now_ms: i64, database: usize) {
        self.volatile.end_sweep(now_ms, database);
    }

    pub fn expiry_samples(&self, count: usize) -> impl Iterator<Item = i64> {
        self.volatile.samples(count)
    }

    /// Moves blocks out of sparse pages: about `count` keys from `cursor` on, as a scan.
    pub fn compact(&mut self, heap: &mut Heap, cursor: u64, count: usize) -> u64 {
        let mut sparse = Vec::new();
        let next = self.index.scan(cursor, count, |_, handle, position| {
            if heap.slab.is_sparse(handle) {
                sparse.push((handle, position));
            }
        });
        for (handle, position) in sparse {
            let moved = heap.slab.relocate(handle);
            self.index.set_handle(position, moved);
            if let Some(Expiry { place, at }) = block::expiry(heap.slab.bytes(moved)) {
                self.volatile.set(place, moved, at);
            }
        }
        heap.blocks_moved();
        next
    }

    /// Drops some of a shard that is to be dropped; whether there was anything. Blocks and objects
    /// are the database's to drop.
    pub fn discard(&mut self) -> bool {
        self.volatile = Volatiles::default();
        self.index.discard(16)
    }

    /// Bytes of the index, and of the list of volatile keys.
    pub fn heap_bytes(&self) -> (usize, usize) {
        (self.index.heap_bytes(), self.volatile.heap_bytes())
    }

    /// Checks index, links and blocks; counts keys and objects. For tests.
    pub fn check_invariants(&self, heap: &Heap, hash_of: &dyn Fn(&[u8]) -> u32) -> (usize, usize) {
        self.index.check_invariants();
        let (mut keys, mut volatile, mut objects) = (0, 0, BTreeSet::new());
        self.index.scan(0, usize::MAX, |hash, handle, _| {
            keys += 1;
            assert_eq!(hash_of(heap.key(handle)), hash, "hash of a key");
            if let Some(Expiry { place, .. }) = block::expiry(heap.slab.bytes(handle)) {
                volatile += 1;
                assert_eq!(
                    self.volatile.handle(place),
                    handle,
                    "link of a volatile key"
                );
            }
            if let Some(ObjectId { kind, number }) = heap.object(handle) {
                let is_first = objects.insert((kind as u8, number));
                assert!(is_first, "two keys name one object");
            }
        });
        assert_eq!(keys, self.len(), "keys");
        assert_eq!(volatile, self.volatile.len(), "volatile keys");
        (keys, objects.len())
    }

    fn insert_stored(
        &mut self,
        heap: &mut Heap,
        key: &[u8],
        hash: u32,
        (clock, kind): (u32, u32),
        expire_at: Option<i64>,
        value: &[u8],
    ) -> Entry {
        let expiry = expire_at.map(|at| Expiry {
            place: self.volatile.next_place(),
            at,
        });
        let handle = heap.slab.alloc(block::size(key.len(), expiry, value.len()));
        let kind = kind | heap.mark;
        block::write(heap.slab.bytes_mut(handle), clock, kind, key, expiry, value);
        if let Some(at) = expire_at {
            self.volatile.push(handle, at);
        }
        let position = self.index.insert(hash, handle);
        Entry {
            hash,
            position,
            handle,
        }
    }

    /// Writes a value's bytes, in place where the block is of the right size.
    #[inline]
    fn write_value(&mut self, heap: &mut Heap, entry: Entry, kind: u32, value: &[u8]) -> Entry {
        let block = heap.slab.bytes(entry.handle);
        let start = block::value_start(block);
        if heap.slab.fits(entry.handle, start + value.len()) {
            block::set_value(heap.slab.bytes_mut(entry.handle), kind, value);
            return entry;
        }
        let expiry = block::expiry(block);
        let handle = self.rebuild(heap, entry, expiry, Some((kind, value)), 0);
        Entry { handle, ..entry }
    }

    /// Moves a key to a new block: with another expiry, another value, or `reserve` more bytes.
    fn rebuild(
        &mut self,
        heap: &mut Heap,
        entry: Entry,
        expiry: Option<Expiry>,
        value: Option<(u32, &[u8])>,
        reserve: usize,
    ) -> Handle {
        let Heap { slab, scratch, .. } = heap;
        let block = slab.bytes(entry.handle);
        let (clock, mark) = (block::clock(block), block::flags(block) & block::MARK);
        let old_kind = block::flags(block) & (FORM | RAW);
        scratch.clear();
        scratch.extend_from_slice(block::key(block));
        let key_len = scratch.len();
        if value.is_none() {
            scratch.extend_from_slice(block::value(block));
        }
        let (key, kept) = scratch.split_at(key_len);
        let (kind, value) = value.unwrap_or((old_kind, kept));
        slab.free(entry.handle);
        let handle = slab.alloc(block::size(key_len, expiry, value.len()) + reserve);
        block::write(
            slab.bytes_mut(handle),
            clock,
            kind | mark,
            key,
            expiry,
            value,
        );
        scratch.shrink_to(LARGE_BULK);
        heap.blocks_moved();
        if let Some(Expiry { place, at }) = expiry {
            self.volatile.set(place, handle, at);
        }
        self.index.set_handle(self.locate(entry), handle);
        handle
    }

    /// Makes a string that lies in its block at least `len` bytes long. One that becomes large is
    /// returned instead, to be stored as an object.
    fn make_longer(&mut self, heap: &mut Heap, entry: Entry, len: usize) -> Longer {
        let block = heap.slab.bytes(entry.handle);
        let old = block::value(block);
        if len <= old.len() {
            return Longer::Block(entry.handle);
        }
        if len >= LARGE_BULK {
            let mut owned = BytesMut::with_capacity(len + len / 2);
            owned.extend_from_slice(old);
            owned.resize(len, 0);
            return Longer::Large(owned);
        }
        let needed = block::value_start(block) + len;
        let mut handle = entry.handle;
        if needed > block.len() {
            // Size classes give room by themselves; above them, appending must not copy each time.
            let reserve = if needed > INLINE_MAX {
                needed / 2
            } else {
                needed / 16
            };
            let (expiry, more) = (block::expiry(block), len - old.len());
            handle = self.rebuild(heap, entry, expiry, None, more + reserve);
        }
        block::lengthen(heap.slab.bytes_mut(handle), len);
        Longer::Block(handle)
    }

    /// Removes a key, its block and its link; its object, if any, is elsewhere by now.
    fn forget(&mut self, heap: &mut Heap, entry: Entry) {
        if let Some(Expiry { place, .. }) = block::expiry(heap.slab.bytes(entry.handle)) {
            self.leave_volatile(heap, place);
        }
        self.index.remove(self.locate(entry));
        heap.slab.free(entry.handle);
        heap.blocks_moved();
    }

    fn leave_volatile(&mut self, heap: &mut Heap, place: u32) {
        if let Some(moved) = self.volatile.remove(place) {
            let block = heap.slab.bytes_mut(moved);
            if let Some(at) = block::expire_at(block) {
                block::set_expiry(block, Expiry { place, at });
            }
        }
    }

    /// Where the index has an entry whose block is known.
    #[inline]
    fn locate(&self, entry: Entry) -> Position {
        if self.index.get(entry.position) == Some((entry.hash, entry.handle)) {
            return entry.position;
        }
        self.find_block(entry.hash, entry.handle)
            .map_or(entry.position, |found| found.position)
    }
}

/// A string that was made longer.
enum Longer {
    /// In this block.
    Block(Handle),
    /// Too long for a block.
    Large(BytesMut),
}
