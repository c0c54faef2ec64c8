//! A shard: the keys of a database that one part of the hash space holds.
//!
//! This is the only file that knows what a shard is made of. It is not a hash map from keys to
//! values: such a map cannot be walked by a cursor while it changes, gives no random entry in
//! constant time, grows in one piece, and needs an allocation a key. What it is made of instead:
//!
//! - a [`Dict`]: dense records of 12 bytes (block, hash, clock and flags) and a SwissTable of
//!   their numbers, which grows in steps;
//! - blocks in the database's slab: key and short value packed together ([`block`]);
//! - objects in the database's arena: large strings and collections;
//! - a dense list of the keys that have an expiry ([`volatile`]), linked both ways.
//!
//! A record's number is valid until the next removal from the shard. Every change to a record that
//! was there before passes through `change` or `remove`, every new record through `insert_stored`.

mod block;
mod heap;
mod stored;
mod volatile;

use bytes::BytesMut;

use crate::random::Rng;
use crate::store::dict::Dict;
use crate::store::slab::{Handle, INLINE_MAX};
use crate::store::value::{
    EMBEDDED_MAX, Kind, LARGE, NewValue, Value, ValueMut, ValueRef, into_mutable,
};

pub(super) use heap::Heap;
use stored::{
    FORM, HASH, INT, LARGE_FORM, LIST, RAW, SET, STR, STREAM, ZSET, object_id, read_int, store,
};
use volatile::Volatiles;

/// The flags of a record; the other 24 bits are its clock.
const FLAGS: u32 = 0xff;
const CLOCK_SHIFT: u32 = 8;

/// A key in the dense store.
#[derive(Clone, Copy, Debug)]
struct Record {
    handle: Handle,
    hash: u32,
    meta: u32,
}

const _: () = assert!(size_of::<Record>() == 12);

impl crate::store::dict::Record for Record {
    #[inline]
    fn hash(&self) -> u32 {
        self.hash
    }
}

impl Record {
    #[inline]
    fn flags(self) -> u32 {
        self.meta & FLAGS
    }

    #[inline]
    fn set_flags(&mut self, flags: u32) {
        self.meta = self.meta & !FLAGS | flags;
    }

    #[inline]
    fn is_volatile(self) -> bool {
        self.meta & block::VOLATILE != 0
    }

    #[inline]
    fn is_object(self) -> bool {
        self.meta & FORM >= LARGE_FORM
    }
}

/// A value on its way from one key to another: its object stays where it is.
#[derive(Debug)]
pub(super) struct Moved {
    flags: u32,
    bytes: Vec<u8>,
    clock: u32,
    expire_at: Option<i64>,
}

/// Keys of a part of the hash space. See the module's text.
#[derive(Debug, Default)]
pub(super) struct Shard {
    dict: Dict<Record>,
    volatile: Volatiles,
}

impl Shard {
    #[inline]
    pub fn len(&self) -> usize {
        self.dict.len()
    }

    #[inline]
    pub fn volatile_len(&self) -> usize {
        self.volatile.len()
    }

    #[inline]
    pub fn find(&self, heap: &Heap, key: &[u8], hash: u32) -> Option<u32> {
        self.dict
            .find(hash, |r| block::has_key(heap.slab.bytes(r.handle), key))
    }

    /// The number of a record that may be the wanted one: touches the index only.
    #[inline]
    pub fn warm(&self, hash: u32) -> Option<u32> {
        self.dict.warm(hash)
    }

    /// The block of a record, by its raw handle: touches the record only.
    #[inline]
    pub fn warm_record(&self, number: u32) -> Handle {
        self.dict.get(number).handle
    }

    #[inline]
    pub fn key<'a>(&self, heap: &'a Heap, number: u32) -> &'a [u8] {
        block::key(heap.slab.bytes(self.dict.get(number).handle))
    }

    #[inline]
    pub fn kind(&self, number: u32) -> Kind {
        match self.dict.get(number).meta & FORM {
            LIST => Kind::List,
            SET => Kind::Set,
            ZSET => Kind::ZSet,
            HASH => Kind::Hash,
            STREAM => Kind::Stream,
            _ => Kind::String,
        }
    }

    #[inline]
    pub fn value<'a>(&self, heap: &'a Heap, number: u32) -> ValueRef<'a> {
        let record = *self.dict.get(number);
        let bytes = block::value(heap.slab.bytes(record.handle), record.flags());
        match record.meta & FORM {
            STR => ValueRef::Str(bytes),
            INT => ValueRef::Int(read_int(bytes)),
            _ => heap.arena.get(object_id(bytes)).view(),
        }
    }

    /// The hash of a record's key.
    #[inline]
    pub fn hash(&self, number: u32) -> u32 {
        self.dict.get(number).hash
    }

    /// A record whose key has this hash and whose object is wanted.
    pub fn find_object(
        &self,
        heap: &Heap,
        hash: u32,
        is_wanted: impl Fn(&Value) -> bool,
    ) -> Option<u32> {
        self.dict.find(hash, |record| {
            record.is_object() && {
                let bytes = block::value(heap.slab.bytes(record.handle), record.flags());
                is_wanted(heap.arena.get(object_id(bytes)))
            }
        })
    }

    /// The object of a collection, to be changed in place.
    pub fn value_mut<'a>(&mut self, heap: &'a mut Heap, number: u32) -> ValueMut<'a> {
        self.change(number);
        let record = *self.dict.get(number);
        if !record.is_object() {
            return ValueMut::String;
        }
        let id = object_id(block::value(heap.slab.bytes(record.handle), record.flags()));
        match heap.arena.get_mut(id) {
            Value::List(list) => ValueMut::List(list),
            Value::Set(set) => ValueMut::Set(set),
            Value::ZSet(zset) => ValueMut::ZSet(zset),
            Value::Hash(hash) => ValueMut::Hash(hash),
            Value::Stream(stream) => ValueMut::Stream(stream),
            Value::Int(_) | Value::Str(_) | Value::Large(_) => ValueMut::String,
        }
    }

    /// The object a record holds, if it holds one.
    pub fn object<'a>(&self, heap: &'a Heap, number: u32) -> Option<&'a Value> {
        let record = *self.dict.get(number);
        record.is_object().then(|| {
            let bytes = block::value(heap.slab.bytes(record.handle), record.flags());
            heap.arena.get(object_id(bytes))
        })
    }

    /// The name of a string's encoding; `None` for a collection.
    pub fn string_encoding(&self, heap: &Heap, number: u32) -> Option<&'static str> {
        let flags = self.dict.get(number).flags();
        match self.value(heap, number) {
            ValueRef::Int(_) => Some("int"),
            ValueRef::Str(s) if s.len() <= EMBEDDED_MAX && flags & RAW == 0 => Some("embstr"),
            ValueRef::Str(_) | ValueRef::Large(_) => Some("raw"),
            _ => None,
        }
    }

    /// Adds a key that is not present; its number is the old length.
    pub fn insert(
        &mut self,
        heap: &mut Heap,
        key: &[u8],
        hash: u32,
        new: NewValue<'_>,
        expire_at: Option<i64>,
    ) -> u32 {
        let stored = store(&mut heap.arena, new);
        self.insert_stored(heap, key, hash, stored.flags, &stored.bytes, expire_at, 0)
    }

    /// Puts another value under a key; its expiry stays. An old object is returned.
    pub fn replace(&mut self, heap: &mut Heap, number: u32, new: NewValue<'_>) -> Option<Value> {
        self.change(number);
        let old = self.take_object(heap, number);
        let stored = store(&mut heap.arena, new);
        self.write_value(heap, number, stored.flags, &stored.bytes);
        old
    }

    /// Changes a string in place: makes it at least `len` bytes long, with zeros, and hands its
    /// bytes to `edit`. The string is "raw" afterwards. Does nothing to a collection.
    pub fn edit<T>(
        &mut self,
        heap: &mut Heap,
        number: u32,
        len: usize,
        edit: impl FnOnce(&mut [u8]) -> T,
    ) -> Option<T> {
        self.change(number);
        let record = *self.dict.get(number);
        let bytes = block::value(heap.slab.bytes(record.handle), record.flags());
        match record.meta & FORM {
            STR => {}
            INT => {
                let mut buffer = itoa::Buffer::new();
                let text = buffer.format(read_int(bytes)).as_bytes();
                self.write_value(heap, number, STR, text);
            }
            LARGE_FORM => {
                let id = object_id(bytes);
                let Value::Large(bytes) = heap.arena.get_mut(id) else {
                    return None;
                };
                let mut owned = into_mutable(std::mem::take(&mut **bytes));
                if owned.len() < len {
                    owned.resize(len, 0);
                }
                let result = edit(&mut owned);
                **bytes = owned.freeze();
                return Some(result);
            }
            _ => return None,
        }
        if let Some(mut owned) = self.make_longer(heap, number, len) {
            let result = edit(&mut owned);
            let id = heap.arena.insert(Value::Large(Box::new(owned.freeze())));
            self.write_value(heap, number, LARGE_FORM, &id.to_le_bytes());
            return Some(result);
        }
        let record = self.dict.get_mut(number);
        record.set_flags(record.flags() | RAW);
        let block = heap.slab.bytes_mut(record.handle);
        Some(edit(block::value_mut(block, record.flags())))
    }

    /// Takes a key out. An object it held is returned; a short string is gone.
    pub fn remove(&mut self, heap: &mut Heap, number: u32) -> Option<Value> {
        let object = self.take_object(heap, number);
        self.forget(heap, number);
        object
    }

    /// Takes a key out and returns what it held, whatever it was.
    pub fn take(&mut self, heap: &mut Heap, number: u32) -> Value {
        let copy = match self.value(heap, number) {
            ValueRef::Int(n) => Some(Value::Int(n)),
            ValueRef::Str(s) => Some(Value::Str(s.into())),
            _ => None,
        };
        let object = self.remove(heap, number);
        copy.or(object).unwrap_or(Value::Int(0))
    }

    /// Takes a key out, to be put under another name by [`Shard::implant`].
    pub fn extract(&mut self, heap: &mut Heap, number: u32) -> Moved {
        let record = *self.dict.get(number);
        let bytes = block::value(heap.slab.bytes(record.handle), record.flags());
        let moved = Moved {
            flags: record.flags() & (FORM | RAW),
            bytes: bytes.to_vec(),
            clock: record.meta >> CLOCK_SHIFT,
            expire_at: self.expire_at(heap, number),
        };
        self.forget(heap, number);
        moved
    }

    /// Puts an extracted value under a key that is not present.
    pub fn implant(&mut self, heap: &mut Heap, key: &[u8], hash: u32, moved: Moved) -> u32 {
        let Moved {
            flags,
            bytes,
            clock,
            expire_at,
        } = moved;
        self.insert_stored(heap, key, hash, flags, &bytes, expire_at, clock)
    }

    #[inline]
    pub fn expire_at(&self, heap: &Heap, number: u32) -> Option<i64> {
        let record = *self.dict.get(number);
        record.is_volatile().then(|| {
            self.volatile
                .at(block::place(heap.slab.bytes(record.handle)))
        })
    }

    /// Gives a key an expiry, another one, or none.
    pub fn set_expire(&mut self, heap: &mut Heap, number: u32, expire_at: Option<i64>) {
        let record = *self.dict.get(number);
        if expire_at.is_none() && !record.is_volatile() {
            return;
        }
        self.change(number);
        let place = record
            .is_volatile()
            .then(|| block::place(heap.slab.bytes(record.handle)));
        match (place, expire_at) {
            (Some(place), Some(at)) => self.volatile.set_at(place, at),
            (None, Some(at)) => {
                let place = self.volatile.push(number, at);
                self.rebuild(heap, number, Some(place), None, 0);
            }
            (Some(place), None) => {
                self.rebuild(heap, number, None, None, 0);
                self.leave_volatile(heap, place);
            }
            (None, None) => {}
        }
    }

    /// The 24 bits of a record's clock.
    #[inline]
    pub fn clock(&self, number: u32) -> u32 {
        self.dict.get(number).meta >> CLOCK_SHIFT
    }

    #[inline]
    pub fn set_clock(&mut self, number: u32, clock: u32) {
        let record = self.dict.get_mut(number);
        record.meta = clock << CLOCK_SHIFT | record.meta & FLAGS;
    }

    pub fn random(&self, rng: &mut Rng) -> Option<u32> {
        self.dict.random(rng)
    }

    pub fn random_volatile(&self, rng: &mut Rng) -> Option<u32> {
        let len = self.volatile.len();
        (len > 0).then(|| self.volatile.record(rng.below(len) as u32))
    }

    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(u32)) -> u64 {
        self.dict.scan(cursor, count, |number, _| visit(number))
    }

    #[inline]
    pub fn wants_growth(&self) -> bool {
        self.dict.wants_step()
    }

    pub fn grow_step(&mut self, records: usize) -> bool {
        self.dict.grow_step(records)
    }

    #[inline]
    pub fn wants_sweep(&self, now_ms: i64) -> bool {
        self.volatile.wants_sweep(now_ms)
    }

    pub fn begin_sweep(&mut self) {
        self.volatile.begin_sweep();
    }

    pub fn next_due(&mut self, now_ms: i64, budget: &mut usize) -> Option<u32> {
        self.volatile.next_due(now_ms, budget)
    }

    pub fn end_sweep(&mut self, now_ms: i64, database: usize) {
        self.volatile.end_sweep(now_ms, database);
    }

    pub fn expiry_samples(&self, count: usize) -> impl Iterator<Item = i64> {
        self.volatile.samples(count)
    }

    /// Moves blocks out of sparse pages: `count` records downwards from `cursor`, as a scan.
    pub fn compact(&mut self, heap: &mut Heap, cursor: u64, count: usize) -> u64 {
        let len = self.dict.len() as u64;
        let from = if cursor == 0 { len } else { len.min(cursor) };
        let to = from.saturating_sub(count as u64);
        for number in to as u32..from as u32 {
            let handle = self.dict.get(number).handle;
            if heap.slab.is_sparse(handle) {
                self.dict.get_mut(number).handle = heap.slab.relocate(handle);
            }
        }
        to
    }

    /// Drops some records of a shard that is to be dropped; whether there were any. Blocks and
    /// objects are the database's to drop.
    pub fn discard(&mut self) -> bool {
        self.volatile = Volatiles::default();
        let were_any = !self.dict.is_empty();
        self.dict.discard(64);
        were_any
    }

    /// Bytes of records, index, and list of volatile keys.
    pub fn heap_bytes(&self) -> (usize, usize, usize) {
        let index = self.dict.index_bytes();
        (
            self.dict.heap_bytes() - index,
            index,
            self.volatile.heap_bytes(),
        )
    }

    /// Bytes of a key's block.
    pub fn block_bytes(&self, heap: &Heap, number: u32) -> usize {
        heap.slab.capacity(self.dict.get(number).handle)
    }

    /// Checks index, links and blocks. For tests.
    pub fn check_invariants(&self, heap: &Heap, hash_of: &dyn Fn(&[u8]) -> u32) -> (usize, usize) {
        self.dict.check_invariants();
        let (mut volatile, mut objects) = (0, 0);
        for (number, record) in self.dict.iter().enumerate() {
            let block = heap.slab.bytes(record.handle);
            assert_eq!(
                hash_of(block::key(block)),
                record.hash,
                "hash of record {number}"
            );
            if record.is_volatile() {
                volatile += 1;
                let place = block::place(block);
                assert_eq!(
                    self.volatile.record(place),
                    number as u32,
                    "link of record {number}"
                );
            }
            if record.is_object() {
                objects += 1;
                let value = heap
                    .arena
                    .get(object_id(block::value(block, record.flags())));
                assert_eq!(
                    value.kind(),
                    self.kind(number as u32),
                    "kind of record {number}"
                );
            }
        }
        assert_eq!(volatile, self.volatile.len(), "volatile keys");
        (self.dict.len(), objects)
    }

    /// Every change to a record that was there before comes by here first.
    #[inline]
    fn change(&mut self, _number: u32) {}

    #[allow(clippy::too_many_arguments)]
    fn insert_stored(
        &mut self,
        heap: &mut Heap,
        key: &[u8],
        hash: u32,
        flags: u32,
        value: &[u8],
        expire_at: Option<i64>,
        clock: u32,
    ) -> u32 {
        let number = self.dict.len() as u32;
        let place = expire_at.map(|at| self.volatile.push(number, at));
        let handle = heap
            .slab
            .alloc(block::size(key.len(), value.len(), place.is_some()));
        let written = block::write(heap.slab.bytes_mut(handle), key, place, value);
        let meta = clock << CLOCK_SHIFT | flags | written;
        self.dict.push(Record { handle, hash, meta })
    }

    /// Writes a value's bytes, in place where the block is of the right size.
    #[inline]
    fn write_value(&mut self, heap: &mut Heap, number: u32, flags: u32, value: &[u8]) {
        let record = *self.dict.get(number);
        let block = heap.slab.bytes(record.handle);
        let start = block::value_start(block, record.flags());
        if heap.slab.fits(record.handle, start + value.len()) {
            let block = heap.slab.bytes_mut(record.handle);
            let slack = block::set_value(block, record.flags(), value);
            let kept = record.flags() & block::VOLATILE;
            self.dict.get_mut(number).set_flags(flags | kept | slack);
            return;
        }
        let place = record.is_volatile().then(|| block::place(block));
        self.dict
            .get_mut(number)
            .set_flags(record.flags() & !(FORM | RAW) | flags);
        self.rebuild(heap, number, place, Some(value), 0);
    }

    /// Moves a record to a new block: with another place, another value, or `reserve` more bytes.
    fn rebuild(
        &mut self,
        heap: &mut Heap,
        number: u32,
        place: Option<u32>,
        value: Option<&[u8]>,
        reserve: usize,
    ) {
        let record = self.dict.get_mut(number);
        let Heap { slab, scratch, .. } = heap;
        let block = slab.bytes(record.handle);
        scratch.clear();
        scratch.extend_from_slice(block::key(block));
        let key_len = scratch.len();
        if value.is_none() {
            scratch.extend_from_slice(block::value(block, record.flags()));
        }
        let (key, kept) = scratch.split_at(key_len);
        let value = value.unwrap_or(kept);
        slab.free(record.handle);
        record.handle = slab.alloc(block::size(key_len, value.len(), place.is_some()) + reserve);
        let written = block::write(slab.bytes_mut(record.handle), key, place, value);
        record.set_flags(record.flags() & (FORM | RAW) | written);
        scratch.shrink_to(LARGE);
    }

    /// Makes a string that lies in its block at least `len` bytes long. One that becomes large is
    /// returned instead, to be stored as an object.
    fn make_longer(&mut self, heap: &mut Heap, number: u32, len: usize) -> Option<BytesMut> {
        let record = *self.dict.get(number);
        let block = heap.slab.bytes(record.handle);
        let old = block::value(block, record.flags());
        if len <= old.len() {
            return None;
        }
        if len >= LARGE {
            let mut owned = BytesMut::with_capacity(len + len / 2);
            owned.extend_from_slice(old);
            owned.resize(len, 0);
            return Some(owned);
        }
        let needed = block::value_start(block, record.flags()) + len;
        if needed > block.len() {
            // Size classes give room by themselves; above them, appending must not copy each time.
            let reserve = if needed > INLINE_MAX {
                needed / 2
            } else {
                needed / 16
            };
            let place = record.is_volatile().then(|| block::place(block));
            let more = len - old.len();
            self.rebuild(heap, number, place, None, more + reserve);
        }
        let record = self.dict.get_mut(number);
        let block = heap.slab.bytes_mut(record.handle);
        let slack = block::lengthen(block, record.flags(), len);
        record.set_flags(record.flags() & !block::SLACK | slack);
        None
    }

    fn take_object(&mut self, heap: &mut Heap, number: u32) -> Option<Value> {
        let record = *self.dict.get(number);
        record.is_object().then(|| {
            let bytes = block::value(heap.slab.bytes(record.handle), record.flags());
            heap.arena.remove(object_id(bytes))
        })
    }

    /// Removes a record, its block and its links; its object, if any, is elsewhere by now.
    fn forget(&mut self, heap: &mut Heap, number: u32) {
        let record = *self.dict.get(number);
        if record.is_volatile() {
            let place = block::place(heap.slab.bytes(record.handle));
            self.leave_volatile(heap, place);
        }
        heap.slab.free(record.handle);
        self.dict.swap_remove(number);
        if (number as usize) < self.dict.len() {
            let moved = *self.dict.get(number);
            if moved.is_volatile() {
                let place = block::place(heap.slab.bytes(moved.handle));
                self.volatile.set_record(place, number);
            }
        }
    }

    fn leave_volatile(&mut self, heap: &mut Heap, place: u32) {
        if let Some(moved) = self.volatile.remove(place) {
            let handle = self.dict.get(moved).handle;
            block::set_place(heap.slab.bytes_mut(handle), place);
        }
    }
}
