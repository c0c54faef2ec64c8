//! A database: shards over one slab and one arena, and the only routing of keys to shards.
//!
//! Finding a key gives a [`Slot`]; everything else takes one. A slot is valid as long as its key
//! is there, within one command: insertions, replacements, expiries and the removal of other keys
//! leave it valid. Nothing here knows a clock or whether a key has expired: that is decided by
//! [`crate::store::expire`] and its caller.

use std::collections::VecDeque;

use crate::store::evict::Eviction;
use crate::store::field_expiry::{FieldExpiries, next_of};
use crate::store::hash::{HashState, hash_bytes};
use crate::store::shard::{Entry, Heap, Shard};
use crate::store::slab::Handle;
use crate::store::value::{FREE_AT_ONCE, Kind, NewValue, Value, ValueMut, ValueRef};

/// A key and its hash, computed once per command.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The key.
    pub bytes: &'a [u8],
    /// Its hash: the high half chooses the shard, the low half is what the shard knows.
    pub hash: u64,
}

impl<'a> Key<'a> {
    /// Hashes a key.
    #[inline]
    pub fn new(hasher: &HashState, bytes: &'a [u8]) -> Key<'a> {
        Key {
            bytes,
            hash: hash_bytes(hasher, bytes),
        }
    }

    #[inline]
    pub(super) fn low(&self) -> u32 {
        self.hash as u32
    }
}

/// Where a key lies, while it is there and the command that found it runs.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    pub(super) shard: u32,
    /// When the slot was made: blocks may have moved since.
    epoch: u32,
    entry: Entry,
}

/// The keys of one database. See the module's text.
#[derive(Debug)]
pub struct Db {
    /// Tells it from every other database, whatever its number: see [`Db::id`].
    pub(super) id: u64,
    pub(super) hasher: HashState,
    pub(super) shards: Box<[Shard]>,
    pub(super) heap: Heap,
    pub(super) len: usize,
    pub(super) volatile_len: usize,
    /// Bounds for the largest shard; removals leave them too high until housekeeping comes by.
    pub(super) largest: Largest,
    pub(super) eviction: Eviction,
    /// What is to be freed in slices.
    pub(super) doomed: VecDeque<Value>,
    pub(super) chores: Chores,
    /// Which hashes have fields that expire.
    pub(super) field_expiries: FieldExpiries,
}

/// No shard has more keys, or more volatile keys, than these.
#[derive(Debug, Default)]
pub(super) struct Largest {
    pub keys: usize,
    pub volatile: usize,
}

/// Where housekeeping of a database stands.
#[derive(Debug, Default)]
pub(super) struct Chores {
    /// Whether some shard's index is being rebuilt.
    pub growing: bool,
    /// The shards whose turn it is to grow, and to be swept.
    pub grow_shard: usize,
    pub sweep_shard: usize,
    /// Where compaction stands, while it is under way.
    pub compacting: Option<Compaction>,
    /// Compaction begins again when the holes have grown beyond this.
    pub compact_above_bytes: usize,
    /// Memory is short: smaller holes are worth closing.
    pub is_pressed: bool,
    /// Values that were freed in slices.
    pub freed: u64,
}

/// A walk over all records, moving blocks out of sparse pages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compaction {
    pub shard: usize,
    pub cursor: u64,
    pub holes_before: usize,
}

impl Db {
    /// An empty database of `shards` shards (at least one, at most 65 536).
    pub fn new(shards: usize, hasher: HashState) -> Db {
        Db {
            id: 0,
            hasher,
            shards: (0..shards.clamp(1, SHARDS_MAX))
                .map(|_| Shard::default())
                .collect(),
            heap: Heap::default(),
            len: 0,
            volatile_len: 0,
            largest: Largest::default(),
            eviction: Eviction::default(),
            doomed: VecDeque::new(),
            chores: Chores::default(),
            field_expiries: FieldExpiries::new(),
        }
    }

    /// Tells this database from every other of its keyspace: SWAPDB changes numbers, and FLUSHDB
    /// takes a database away.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// How many keys there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no key.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many keys have an expiry.
    #[inline]
    pub fn volatile_len(&self) -> usize {
        self.volatile_len
    }

    /// Where a key lies.
    #[inline]
    pub fn find(&self, key: &Key<'_>) -> Option<Slot> {
        let shard = self.shard_of(key);
        let (entry, _) = self.shards[shard].find(&self.heap, key.bytes, key.low())?;
        Some(self.slot(shard, entry))
    }

    /// Where a key lies, when it expires, and its clock.
    #[inline]
    pub fn find_usage(&self, key: &Key<'_>) -> Option<(Slot, Option<i64>, u32)> {
        let shard = self.shard_of(key);
        let (entry, usage) = self.shards[shard].find(&self.heap, key.bytes, key.low())?;
        Some((self.slot(shard, entry), usage.expire_at, usage.clock))
    }

    /// The key at a slot.
    #[inline]
    pub fn key(&self, slot: Slot) -> &[u8] {
        self.heap.key(self.handle(slot))
    }

    /// The type of the value.
    #[inline]
    pub fn kind(&self, slot: Slot) -> Kind {
        self.heap.kind(self.handle(slot))
    }

    /// The value.
    #[inline]
    pub fn value(&self, slot: Slot) -> ValueRef<'_> {
        self.heap.value(self.handle(slot))
    }

    /// A collection, to be changed in place. Strings are changed by [`Db::edit`] and
    /// [`Db::replace`].
    #[inline]
    pub fn value_mut(&mut self, slot: Slot) -> ValueMut<'_> {
        let entry = self.entry(slot);
        self.shards[slot.shard as usize].value_mut(&mut self.heap, entry)
    }

    /// The name of a string's encoding; `None` for a collection.
    pub fn string_encoding(&self, slot: Slot) -> Option<&'static str> {
        self.heap.string_encoding(self.handle(slot))
    }

    /// Makes an empty database ready for so many keys, which spares its growth.
    pub fn reserve(&mut self, keys: usize) {
        let a_shard = keys / self.shards.len();
        for shard in &mut self.shards {
            shard.reserve(a_shard);
        }
    }

    /// Adds a key that is not present.
    #[inline]
    pub fn insert(&mut self, key: &Key<'_>, new: NewValue<'_>) -> Slot {
        self.insert_expiring(key, new, None)
    }

    /// Adds a key that is not present, with an expiry from the start.
    pub fn insert_expiring(
        &mut self,
        key: &Key<'_>,
        new: NewValue<'_>,
        expire_at: Option<i64>,
    ) -> Slot {
        let index = self.shard_of(key);
        let field_expiry = next_of(&new);
        let shard = &mut self.shards[index];
        let entry = shard.insert(&mut self.heap, key.bytes, key.low(), new, expire_at);
        self.len += 1;
        self.added(index);
        self.volatile_len += usize::from(expire_at.is_some());
        let slot = self.slot(index, entry);
        self.field_expiry_moved(slot, None, field_expiry);
        slot
    }

    /// Puts another value under a key. Its expiry and its clock stay. An old collection or large
    /// string is returned: see [`Db::free_later`].
    #[inline]
    pub fn replace(&mut self, slot: Slot, new: NewValue<'_>) -> Option<Value> {
        let (before, after) = (self.next_field_expiry(slot), next_of(&new));
        self.field_expiry_moved(slot, before, after);
        let entry = self.entry(slot);
        self.shards[slot.shard as usize].replace(&mut self.heap, entry, new)
    }

    /// Changes a string in place: makes it at least `len` bytes long, with zeros, and hands all its
    /// bytes to `edit`. OBJECT ENCODING says raw afterwards. `None` for a collection.
    pub fn edit<T>(
        &mut self,
        slot: Slot,
        len: usize,
        edit: impl FnOnce(&mut [u8]) -> T,
    ) -> Option<T> {
        let entry = self.entry(slot);
        self.shards[slot.shard as usize].edit(&mut self.heap, entry, len, edit)
    }

    /// Appends to a string and returns its new length; `None` for a collection.
    pub fn append(&mut self, slot: Slot, bytes: &[u8]) -> Option<usize> {
        let from = self.value(slot).string_len()?;
        let to = from + bytes.len();
        self.edit(slot, to, |string| string[from..].copy_from_slice(bytes))?;
        Some(to)
    }

    /// Removes a key. An old collection or large string is returned, see [`Db::free_later`];
    /// a short string is gone.
    pub fn remove(&mut self, slot: Slot) -> Option<Value> {
        self.forget_count(slot);
        let entry = self.entry(slot);
        self.shards[slot.shard as usize].remove(&mut self.heap, entry)
    }

    /// Removes a key and returns what it held, whatever it was.
    pub fn take(&mut self, slot: Slot) -> Value {
        self.forget_count(slot);
        let entry = self.entry(slot);
        self.shards[slot.shard as usize].take(&mut self.heap, entry)
    }

    /// Gives what lies under a key another name, which must not be present. Expiry and clock stay.
    pub fn rename(&mut self, slot: Slot, to: &Key<'_>) -> Slot {
        let field_expiry = self.next_field_expiry(slot);
        self.field_expiry_moved(slot, field_expiry, None);
        let entry = self.entry(slot);
        let moved = self.shards[slot.shard as usize].extract(&mut self.heap, entry);
        let index = self.shard_of(to);
        let shard = &mut self.shards[index];
        let entry = shard.implant(&mut self.heap, to.bytes, to.low(), moved);
        self.added(index);
        let slot = self.slot(index, entry);
        self.field_expiry_moved(slot, None, field_expiry);
        slot
    }

    /// When a key expires, in Unix milliseconds.
    #[inline]
    pub fn expire_at(&self, slot: Slot) -> Option<i64> {
        self.heap.expire_at(self.handle(slot))
    }

    /// Gives a key an expiry, another one, or none.
    #[inline]
    pub fn set_expire(&mut self, slot: Slot, expire_at: Option<i64>) {
        // Every plain SET comes by here.
        if expire_at.is_some() || self.expire_at(slot).is_some() {
            self.change_expire(slot, expire_at);
        }
    }

    fn change_expire(&mut self, slot: Slot, expire_at: Option<i64>) {
        let entry = self.entry(slot);
        let shard = &mut self.shards[slot.shard as usize];
        let before = shard.volatile_len();
        shard.set_expire(&mut self.heap, entry, expire_at);
        let now = shard.volatile_len();
        self.volatile_len = self.volatile_len + now - before;
        self.largest.volatile = self.largest.volatile.max(now);
    }

    /// Frees a value: at once when it is small, else in slices of housekeeping.
    pub fn free_later(&mut self, value: Value) {
        if value.free_effort() > FREE_AT_ONCE {
            self.doomed.push_back(value);
        }
    }

    /// The 24 bits in which [`crate::store::evict`] keeps when, or how often, a key was used.
    #[inline]
    pub fn clock(&self, slot: Slot) -> u32 {
        self.heap.clock(self.handle(slot))
    }

    /// Sets the 24 bits of [`Db::clock`].
    #[inline]
    pub fn set_clock(&mut self, slot: Slot, clock: u32) {
        self.heap.set_clock(self.handle(slot), clock);
    }

    /// Checks shards, links, slab and counts. For tests.
    pub fn check_invariants(&self) {
        let hash_of = |key: &[u8]| hash_bytes(&self.hasher, key) as u32;
        let counted = self
            .shards
            .iter()
            .map(|s| s.check_invariants(&self.heap, &hash_of));
        let (keys, objects) = counted.fold((0, 0), |(k, o), (k1, o1)| (k + k1, o + o1));
        assert_eq!(keys, self.len, "keys");
        assert_eq!(objects, self.heap.arena.len(), "objects");
        assert_eq!(keys, self.heap.slab.len(), "blocks");
        let volatile = self.shards.iter().map(Shard::volatile_len).sum::<usize>();
        assert_eq!(volatile, self.volatile_len, "volatile keys");
        for shard in &self.shards {
            assert!(shard.len() <= self.largest.keys, "bound of shards");
            assert!(
                shard.volatile_len() <= self.largest.volatile,
                "bound of volatile keys"
            );
        }
        self.heap.slab.check_invariants();
    }

    /// The only routing: by the high half of the hash, because the index uses the low half.
    #[inline]
    pub(super) fn shard_of(&self, key: &Key<'_>) -> usize {
        (((key.hash >> 32) * self.shards.len() as u64) >> 32) as usize
    }

    #[inline]
    pub(super) fn slot(&self, shard: usize, entry: Entry) -> Slot {
        Slot {
            shard: shard as u32,
            epoch: self.heap.epoch,
            entry,
        }
    }

    /// The low half of the hash of a slot's key.
    #[inline]
    pub(super) fn low_hash(slot: Slot) -> u32 {
        slot.entry.hash
    }

    /// The slot of a key whose block is known.
    pub(super) fn slot_of_block(&self, handle: Handle) -> Option<Slot> {
        let key = Key::new(&self.hasher, self.heap.key(handle));
        let shard = self.shard_of(&key);
        let entry = self.shards[shard].find_block(key.low(), handle)?;
        Some(self.slot(shard, entry))
    }

    /// The block of a key: known, unless some block moved since the key was found.
    #[inline]
    pub(super) fn handle(&self, slot: Slot) -> Handle {
        self.entry(slot).handle
    }

    #[inline]
    fn entry(&self, slot: Slot) -> Entry {
        if slot.epoch == self.heap.epoch {
            slot.entry
        } else {
            self.shards[slot.shard as usize].resolve(slot.entry)
        }
    }

    /// A key was added to a shard.
    #[inline]
    fn added(&mut self, shard: usize) {
        let shard = &self.shards[shard];
        self.chores.growing |= shard.wants_growth();
        self.largest.keys = self.largest.keys.max(shard.len());
        self.largest.volatile = self.largest.volatile.max(shard.volatile_len());
    }

    fn forget_count(&mut self, slot: Slot) {
        self.len -= 1;
        self.volatile_len -= usize::from(self.expire_at(slot).is_some());
        let field_expiry = self.next_field_expiry(slot);
        self.field_expiry_moved(slot, field_expiry, None);
    }
}

/// Shard numbers fit into the upper bits of a cursor.
const SHARDS_MAX: usize = 1 << 16;

#[cfg(test)]
mod tests;
