//! A database: shards over one slab and one arena, and the only routing of keys to shards.
//!
//! Finding a key gives a [`Slot`]; everything else takes one. A slot is valid until the next
//! removal from the database (`remove`, `take`, `rename`, an expiry, an eviction): insertions,
//! replacements and expiries set on other keys leave it valid. Nothing here knows a clock or
//! whether a key has expired: that is decided by [`crate::store::expire`] and its caller.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::store::evict::Eviction;
use crate::store::field_expiry::{FieldExpiries, next_of};
use crate::store::hash::{HashState, hash_bytes};
use crate::store::shard::{Heap, Shard};
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

/// Where a key lies, until the next removal from its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    pub(super) shard: u32,
    pub(super) record: u32,
}

/// The keys of one database. See the module's text.
#[derive(Debug)]
pub struct Db {
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
    pub fn new(shards: usize) -> Db {
        Db {
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
        let record = self.shards[shard].find(&self.heap, key.bytes, key.low())?;
        Some(Slot {
            shard: shard as u32,
            record,
        })
    }

    /// The key at a slot.
    #[inline]
    pub fn key(&self, slot: Slot) -> &[u8] {
        self.shard(slot).key(&self.heap, slot.record)
    }

    /// The type of the value.
    #[inline]
    pub fn kind(&self, slot: Slot) -> Kind {
        self.shard(slot).kind(slot.record)
    }

    /// The value.
    #[inline]
    pub fn value(&self, slot: Slot) -> ValueRef<'_> {
        self.shard(slot).value(&self.heap, slot.record)
    }

    /// A collection, to be changed in place. Strings are changed by [`Db::edit`] and
    /// [`Db::replace`].
    #[inline]
    pub fn value_mut(&mut self, slot: Slot) -> ValueMut<'_> {
        self.shards[slot.shard as usize].value_mut(&mut self.heap, slot.record)
    }

    /// The name of a string's encoding; `None` for a collection.
    pub fn string_encoding(&self, slot: Slot) -> Option<&'static str> {
        self.shard(slot).string_encoding(&self.heap, slot.record)
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
        let record = shard.insert(&mut self.heap, key.bytes, key.low(), new, expire_at);
        self.len += 1;
        self.added(index);
        self.volatile_len += usize::from(expire_at.is_some());
        let slot = Slot {
            shard: index as u32,
            record,
        };
        self.field_expiry_moved(slot, None, field_expiry);
        slot
    }

    /// Puts another value under a key. Its expiry, its clock and its slot stay. An old collection
    /// or large string is returned: see [`Db::free_later`].
    #[inline]
    pub fn replace(&mut self, slot: Slot, new: NewValue<'_>) -> Option<Value> {
        let (before, after) = (self.next_field_expiry(slot), next_of(&new));
        self.field_expiry_moved(slot, before, after);
        self.shards[slot.shard as usize].replace(&mut self.heap, slot.record, new)
    }

    /// Puts an integer under a key that holds a string.
    #[inline]
    pub fn set_int(&mut self, slot: Slot, value: i64) {
        self.replace(slot, NewValue::Int(value));
    }

    /// Changes a string in place: makes it at least `len` bytes long, with zeros, and hands all its
    /// bytes to `edit`. OBJECT ENCODING says raw afterwards. `None` for a collection.
    pub fn edit<T>(
        &mut self,
        slot: Slot,
        len: usize,
        edit: impl FnOnce(&mut [u8]) -> T,
    ) -> Option<T> {
        self.shards[slot.shard as usize].edit(&mut self.heap, slot.record, len, edit)
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
        self.shards[slot.shard as usize].remove(&mut self.heap, slot.record)
    }

    /// Removes a key and returns what it held, whatever it was.
    pub fn take(&mut self, slot: Slot) -> Value {
        self.forget_count(slot);
        self.shards[slot.shard as usize].take(&mut self.heap, slot.record)
    }

    /// Gives what lies under a key another name, which must not be present. Expiry and clock stay.
    pub fn rename(&mut self, slot: Slot, to: &Key<'_>) -> Slot {
        let field_expiry = self.next_field_expiry(slot);
        self.field_expiry_moved(slot, field_expiry, None);
        let moved = self.shards[slot.shard as usize].extract(&mut self.heap, slot.record);
        let index = self.shard_of(to);
        let shard = &mut self.shards[index];
        let record = shard.implant(&mut self.heap, to.bytes, to.low(), moved);
        self.added(index);
        let slot = Slot {
            shard: index as u32,
            record,
        };
        self.field_expiry_moved(slot, None, field_expiry);
        slot
    }

    /// When a key expires, in Unix milliseconds.
    #[inline]
    pub fn expire_at(&self, slot: Slot) -> Option<i64> {
        self.shard(slot).expire_at(&self.heap, slot.record)
    }

    /// Gives a key an expiry, another one, or none. Its slot stays.
    pub fn set_expire(&mut self, slot: Slot, expire_at: Option<i64>) {
        let shard = &mut self.shards[slot.shard as usize];
        let before = shard.volatile_len();
        shard.set_expire(&mut self.heap, slot.record, expire_at);
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
        self.shard(slot).clock(slot.record)
    }

    /// Sets the 24 bits of [`Db::clock`].
    #[inline]
    pub fn set_clock(&mut self, slot: Slot, clock: u32) {
        self.shards[slot.shard as usize].set_clock(slot.record, clock);
    }

    /// An owned copy of a large string, without copying its bytes; `None` for anything else.
    pub fn shared_string(&self, slot: Slot) -> Option<Bytes> {
        match self.value(slot) {
            ValueRef::Large(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }

    /// Memory of a key and its value, its share of the tables included.
    pub fn memory_bytes(&self, slot: Slot, samples: usize) -> usize {
        let shard = self.shard(slot);
        let (records, index, _) = shard.heap_bytes();
        let share = (records + index) / shard.len().max(1);
        let block = shard.block_bytes(&self.heap, slot.record);
        block + share.min(RECORD_SHARE_MAX) + self.value(slot).heap_bytes(samples)
    }

    /// Memory that is neither a key nor a value: tables, lists of volatile keys, and what the slab
    /// keeps for later.
    pub fn overhead_bytes(&self) -> usize {
        let tables: usize = self
            .shards
            .iter()
            .map(|shard| {
                let (records, index, volatile) = shard.heap_bytes();
                records + index + volatile
            })
            .sum();
        tables + self.heap.slab.hole_bytes() + self.shards.len() * size_of::<Shard>()
    }

    /// Checks shards, links, slab and counts. For tests.
    pub fn check_invariants(&self, hasher: &HashState) {
        let hash_of = |key: &[u8]| hash_bytes(hasher, key) as u32;
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
    pub(super) fn shard(&self, slot: Slot) -> &Shard {
        &self.shards[slot.shard as usize]
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

/// What a key may be charged for the tables: in a nearly empty shard they are not its doing.
const RECORD_SHARE_MAX: usize = 48;
/// Shard numbers fit into the upper bits of a cursor.
const SHARDS_MAX: usize = 1 << 16;

#[cfg(test)]
mod tests;
