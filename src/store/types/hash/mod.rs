//! The hash: fields with values, packed while they are few, and with times of their own to expire.
//!
//! A small hash is one listpack of names and values; a large one a table. What OBJECT ENCODING
//! calls a hash follows Redis's limits, and as in Valkey a hash is a "hashtable" from the first
//! time that is given to one of its fields. As with sets, a tiny hash that Redis would keep as a
//! "hashtable" stays packed here under that name, because a table's fixed cost exceeds its contents.
//!
//! The time is passed in: a field whose time has come is hidden from every read, but it is there
//! and counted by [`Hash::len`] until [`Hash::drop_expired`] takes it. Whether a server may hide
//! and drop is its caller's decision: with [`NEVER_EXPIRED`] as the time nothing is hidden.

mod expiries;
mod fields;
mod iter;
mod packed;

#[cfg(test)]
mod tests;

use std::mem::take;
use std::ops::ControlFlow;

use self::fields::{Fields, Stored};
use self::iter::Form;
use self::packed::Packed;
use super::listpack::{Entry, IntBuf, Listpack, Malformed};
use super::sample;
use super::set::has_duplicates;
use super::table::hash_of;
use crate::random::Rng;
use crate::store::hash::HashState;

pub use self::iter::Iter;

/// As the time: no field is expired.
pub const NEVER_EXPIRED: i64 = i64::MIN;

/// When a hash is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashLimits {
    /// `hash-max-listpack-entries`: fields.
    pub max_listpack_entries: usize,
    /// `hash-max-listpack-value`: bytes of a name or a value.
    pub max_listpack_value: usize,
}

impl Default for HashLimits {
    fn default() -> HashLimits {
        HashLimits {
            max_listpack_entries: 512,
            max_listpack_value: 64,
        }
    }
}

/// What operations on a hash need to know.
#[derive(Clone, Copy, Debug)]
pub struct HashContext<'a> {
    /// The process's hasher.
    pub state: &'a HashState,
    /// When a hash is packed.
    pub limits: HashLimits,
    /// The wall clock: fields whose time has come are hidden.
    pub now_ms: i64,
}

/// What setting a field does to the time at which it would have expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldTtl {
    /// The field stays: HSET.
    Clear,
    /// As before: HINCRBY, and HSETEX with KEEPTTL.
    Keep,
}

/// A field as it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name.
    pub name: Entry<'a>,
    /// Its value.
    pub value: Entry<'a>,
    /// When it expires, in milliseconds of the wall clock.
    pub expire_at_ms: Option<i64>,
}

impl<'a> Field<'a> {
    #[inline]
    fn stored(fields: &Fields, field: Stored<'a>) -> Field<'a> {
        let expire_at_ms = fields.expire_at_ms(&field);
        Field {
            name: Entry::Str(field.name),
            value: Entry::Str(field.value),
            expire_at_ms,
        }
    }
}

/// A hash. See the module's text.
#[derive(Debug)]
pub struct Hash(Repr);

#[derive(Debug)]
enum Repr {
    Packed(Packed),
    Table(Box<Fields>),
}

const _: () = assert!(size_of::<Hash>() == 16);

impl Default for Hash {
    fn default() -> Hash {
        Hash::new()
    }
}

impl Hash {
    /// An empty hash; owns no memory.
    pub fn new() -> Hash {
        Hash(Repr::Packed(Packed::default()))
    }

    /// Number of fields, those that are hidden included.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Packed(pack) => pack.len(),
            Repr::Table(fields) => fields.len(),
        }
    }

    /// Number of fields that are not hidden. Takes time in proportion to those that are.
    pub fn live_len(&self, now_ms: i64) -> usize {
        match &self.0 {
            Repr::Packed(pack) if pack.stride() == 2 => pack.len(),
            Repr::Packed(_) => self.iter(now_ms).count(),
            Repr::Table(fields) => fields.len() - fields.expired_len(now_ms),
        }
    }

    /// Whether there is no field, not even a hidden one.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same hash once more, in the same encoding.
    pub fn copy(&self) -> Hash {
        Hash(match &self.0 {
            Repr::Packed(pack) => Repr::Packed(pack.clone()),
            Repr::Table(fields) => Repr::Table(Box::new(fields.copy())),
        })
    }

    /// What OBJECT ENCODING says.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Repr::Packed(pack) if pack.is_listpack() => "listpack",
            _ => "hashtable",
        }
    }

    /// The value of a field.
    #[inline]
    pub fn get(&self, name: &[u8], cx: HashContext<'_>) -> Option<Entry<'_>> {
        match &self.0 {
            Repr::Packed(pack) => pack
                .find_live(name, cx.now_ms)
                .map(|(_, field)| field.value),
            Repr::Table(fields) => {
                let field = fields.at(find_live(fields, name, cx)?);
                Some(Entry::Str(field.value))
            }
        }
    }

    /// A field with its value and time.
    pub fn field(&self, name: &[u8], cx: HashContext<'_>) -> Option<Field<'_>> {
        match &self.0 {
            Repr::Packed(pack) => pack.find_live(name, cx.now_ms).map(|(_, field)| field),
            Repr::Table(fields) => {
                let field = fields.at(find_live(fields, name, cx)?);
                Some(Field::stored(fields, field))
            }
        }
    }

    /// Whether there is such a field.
    #[inline]
    pub fn contains(&self, name: &[u8], cx: HashContext<'_>) -> bool {
        self.get(name, cx).is_some()
    }

    /// Sets a field; whether it is new. A hidden field counts as absent.
    pub fn set(&mut self, name: &[u8], value: &[u8], ttl: FieldTtl, cx: HashContext<'_>) -> bool {
        match &mut self.0 {
            Repr::Table(fields) => set_in(fields, name, value, ttl, cx),
            Repr::Packed(pack) => match pack.set(name, value, ttl, cx.now_ms, cx.limits) {
                Some(is_new) => is_new,
                None => {
                    self.outgrow(name.len() + value.len(), cx.state);
                    self.set(name, value, ttl, cx)
                }
            },
        }
    }

    /// Sets a field unless it is there; whether it was set.
    pub fn set_new(&mut self, name: &[u8], value: &[u8], cx: HashContext<'_>) -> bool {
        !self.contains(name, cx) && self.set(name, value, FieldTtl::Clear, cx)
    }

    /// Removes a field; whether it was there. A hidden one is left to [`Hash::drop_expired`].
    pub fn remove(&mut self, name: &[u8], cx: HashContext<'_>) -> bool {
        match &mut self.0 {
            Repr::Packed(pack) => match pack.find_live(name, cx.now_ms) {
                Some((pos, _)) => {
                    pack.remove(pos);
                    true
                }
                None => false,
            },
            Repr::Table(fields) => match find_live(fields, name, cx) {
                Some(number) => {
                    fields.remove(number);
                    true
                }
                None => false,
            },
        }
    }

    /// The fields, in no particular order.
    #[inline]
    pub fn iter(&self, now_ms: i64) -> Iter<'_> {
        let form = match &self.0 {
            Repr::Packed(pack) => Form::Packed(pack.iter()),
            Repr::Table(fields) => Form::Table(fields, fields.len() as u32),
        };
        Iter { form, now_ms }
    }

    /// Visits fields from `cursor` on, at least `count` (hidden ones counted) if there are as
    /// many, and returns the next cursor: 0 to begin with, and when the walk is over. What is a
    /// field all the while is visited.
    pub fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        now_ms: i64,
        mut visit: impl FnMut(Field<'a>),
    ) -> u64 {
        match &self.0 {
            Repr::Packed(_) => {
                self.iter(now_ms).for_each(visit);
                0
            }
            Repr::Table(fields) => fields.scan(cursor, count, |field| {
                if !fields.is_expired(&field, now_ms) {
                    visit(Field::stored(fields, field));
                }
            }),
        }
    }

    /// A uniformly chosen field.
    pub fn random(&self, rng: &mut Rng, now_ms: i64) -> Option<Field<'_>> {
        if let Repr::Table(fields) = &self.0 {
            // Fields are hidden for a short while only, so most draws hit one that is not.
            for _ in 0..64 {
                let field = fields.at(fields.random(rng)?);
                if !fields.is_expired(&field, now_ms) {
                    return Some(Field::stored(fields, field));
                }
            }
        }
        self.iter(now_ms).nth(rng.below(self.live_len(now_ms)))
    }

    /// Visits `count` different fields, or all there are, every choice being as likely.
    pub fn sample(
        &self,
        rng: &mut Rng,
        count: usize,
        now_ms: i64,
        mut visit: impl FnMut(Field<'_>),
    ) {
        let live = self.live_len(now_ms);
        if count >= live {
            return self.iter(now_ms).for_each(visit);
        }
        let chosen = sample::distinct(rng, live, count);
        match &self.0 {
            Repr::Table(fields) if live == fields.len() => chosen
                .into_iter()
                .for_each(|number| visit(Field::stored(fields, fields.at(number)))),
            _ => {
                let mut chosen = chosen.into_iter().peekable();
                for (index, field) in self.iter(now_ms).enumerate() {
                    if chosen.next_if_eq(&(index as u32)).is_some() {
                        visit(field);
                    }
                }
            }
        }
    }

    /// Visits `count` fields, each chosen anew among all, unless `visit` breaks off; none if there
    /// is none.
    pub fn sample_repeated(
        &self,
        rng: &mut Rng,
        count: usize,
        now_ms: i64,
        mut visit: impl FnMut(Field<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if let Repr::Packed(_) = &self.0
            && count > 2
        {
            let all: Vec<_> = self.iter(now_ms).collect();
            let count = if all.is_empty() { 0 } else { count };
            return (0..count).try_for_each(|_| visit(all[rng.below(all.len())]));
        }
        for _ in 0..count {
            let Some(field) = self.random(rng, now_ms) else {
                break;
            };
            visit(field)?;
        }
        ControlFlow::Continue(())
    }

    /// Lets a field expire at `at_ms`; whether there is such a field.
    pub fn expire_field(&mut self, name: &[u8], at_ms: i64, cx: HashContext<'_>) -> bool {
        if !self.contains(name, cx) {
            return false;
        }
        if let Repr::Packed(pack) = &mut self.0
            && pack.make_volatile()
        {
            if let Some((pos, _)) = pack.find_live(name, cx.now_ms) {
                pack.set_time(pos, Some(at_ms));
            }
            return true;
        }
        let fields = self.table(cx.state);
        let Some(number) = find_live(fields, name, cx) else {
            return false;
        };
        fields.expire(number, at_ms);
        true
    }

    /// Lets a field stay; whether it is there and would have expired.
    pub fn persist_field(&mut self, name: &[u8], cx: HashContext<'_>) -> bool {
        match &mut self.0 {
            Repr::Packed(pack) => match pack.find_live(name, cx.now_ms) {
                Some((pos, field)) if field.expire_at_ms.is_some() => {
                    pack.set_time(pos, None);
                    true
                }
                _ => false,
            },
            Repr::Table(fields) => {
                find_live(fields, name, cx).is_some_and(|number| fields.persist(number))
            }
        }
    }

    /// When the next field expires. Exact: a hash with none has no time.
    #[inline]
    pub fn next_expire_at_ms(&self) -> Option<i64> {
        match &self.0 {
            Repr::Packed(pack) => pack.earliest().map(|(at_ms, _)| at_ms),
            Repr::Table(fields) => fields.earliest().map(|(at_ms, _)| at_ms),
        }
    }

    /// Removes up to `max` fields whose time has come at `now_ms`, earliest first, after showing
    /// each to `visit`; returns how many.
    pub fn drop_expired(
        &mut self,
        now_ms: i64,
        max: usize,
        mut visit: impl FnMut(Field<'_>),
    ) -> usize {
        let mut dropped = 0;
        while dropped < max
            && self
                .next_expire_at_ms()
                .is_some_and(|at_ms| at_ms <= now_ms)
        {
            match &mut self.0 {
                Repr::Packed(pack) => {
                    let Some((_, pos)) = pack.earliest() else {
                        break;
                    };
                    visit(pack.at(pos));
                    pack.remove(pos);
                }
                Repr::Table(fields) => {
                    let Some((_, number)) = fields.earliest() else {
                        break;
                    };
                    visit(Field::stored(fields, fields.at(number)));
                    fields.remove(number);
                }
            }
            dropped += 1;
        }
        dropped
    }

    /// A hash from a saved listpack, all of which is checked; a field must not occur twice.
    pub fn from_listpack(bytes: &[u8], cx: HashContext<'_>) -> Result<Hash, Malformed> {
        let pack = Listpack::from_bytes(bytes)?;
        let count = pack.len();
        if count % 2 != 0 || has_duplicates(&pack, 2, cx.state) {
            return Err(Malformed);
        }
        let mut hash = Hash(Repr::Packed(Packed(pack)));
        if count / 2 > cx.limits.max_listpack_entries {
            hash.outgrow(0, cx.state);
        }
        Ok(hash)
    }

    /// The serialised listpack, if that is how the hash is saved; else field by field.
    pub fn as_listpack(&self) -> Option<&[u8]> {
        match &self.0 {
            Repr::Packed(pack) if pack.is_listpack() => Some(pack.0.as_bytes()),
            _ => None,
        }
    }

    /// Memory owned, without `size_of::<Hash>()`. Exact, so `samples` is not needed.
    pub fn heap_bytes(&self, _samples: usize) -> usize {
        match &self.0 {
            Repr::Packed(pack) => pack.0.heap_bytes(),
            Repr::Table(fields) => size_of::<Fields>() + fields.heap_bytes(),
        }
    }

    /// Frees fields of a hash that is to be dropped and must not be used otherwise, about `count`
    /// of them; returns how many, 0 when nothing is left.
    pub fn drain_slice(&mut self, count: usize) -> usize {
        let freed = match &mut self.0 {
            Repr::Table(fields) => fields.drain_slice(count),
            Repr::Packed(pack) => pack.len(),
        };
        if freed == 0 || matches!(self.0, Repr::Packed(_)) {
            *self = Hash::new();
        }
        freed
    }

    /// Panics if the hash is not what this module promises.
    pub fn check_invariants(&self, state: &HashState) {
        match &self.0 {
            Repr::Table(fields) => fields.check_invariants(|name| hash_of(state, name)),
            Repr::Packed(packed) => {
                let (pack, stride) = (&packed.0, packed.stride());
                pack.check_invariants();
                assert_eq!(pack.len() % stride, 0, "a name without a value");
                assert!(!has_duplicates(pack, stride, state), "a field occurs twice");
            }
        }
    }

    /// Becomes what is called "hashtable", with room for `added` bytes of a new field: packed
    /// still, if it is tiny, else a table.
    #[cold]
    fn outgrow(&mut self, added: usize, state: &HashState) {
        let Repr::Packed(pack) = &mut self.0 else {
            return;
        };
        if !pack.rename(added) {
            self.table(state);
        }
    }

    /// The hash as a table, which it becomes.
    fn table(&mut self, state: &HashState) -> &mut Fields {
        if let Repr::Packed(pack) = &mut self.0 {
            let pack = take(pack);
            let mut fields = Box::<Fields>::default();
            let (mut name_buf, mut value_buf) = (IntBuf::new(), IntBuf::new());
            for field in pack.iter() {
                let name = field.name.bytes(&mut name_buf);
                fields.insert(
                    hash_of(state, name),
                    name,
                    field.value.bytes(&mut value_buf),
                );
                if let Some(at_ms) = field.expire_at_ms {
                    fields.expire(fields.len() as u32 - 1, at_ms);
                }
            }
            self.0 = Repr::Table(fields);
        }
        match &mut self.0 {
            Repr::Table(fields) => fields,
            Repr::Packed(_) => unreachable!("the hash has just become a table"),
        }
    }
}

/// The number of the field of this name, unless it is hidden.
#[inline]
fn find_live(fields: &Fields, name: &[u8], cx: HashContext<'_>) -> Option<u32> {
    let number = fields.find(hash_of(cx.state, name), name)?;
    (!fields.is_expired(&fields.at(number), cx.now_ms)).then_some(number)
}

fn set_in(
    fields: &mut Fields,
    name: &[u8],
    value: &[u8],
    ttl: FieldTtl,
    cx: HashContext<'_>,
) -> bool {
    let hash = hash_of(cx.state, name);
    let Some(number) = fields.find(hash, name) else {
        fields.insert(hash, name, value);
        return true;
    };
    let is_expired = fields.is_expired(&fields.at(number), cx.now_ms);
    if is_expired || ttl == FieldTtl::Clear {
        fields.persist(number);
    }
    fields.set_value(number, name, value);
    is_expired
}
