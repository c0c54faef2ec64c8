//! The objects of a database by number: large strings and collections.
//!
//! Each kind has a pool of its own: the kind is known from the block that names the object, so it
//! takes no room here. A small collection is two words, a large string or a stream one.

use bytes::Bytes;

use crate::store::dict::Dense;
use crate::store::types::hash::Hash;
use crate::store::types::list::List;
use crate::store::types::set::Set;
use crate::store::types::stream::Stream;
use crate::store::types::zset::ZSet;
use crate::store::value::{Kind, Value, ValueMut, ValueRef};

/// An object's name: its kind ([`Kind::String`] is a large string), and its number in that kind's
/// pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct ObjectId {
    pub kind: Kind,
    pub number: u32,
}

/// Objects of every kind. See the module's text.
#[derive(Debug, Default)]
pub(in crate::store) struct Arena {
    strings: Pool<Option<Box<Bytes>>>,
    lists: Pool<List>,
    sets: Pool<Set>,
    zsets: Pool<ZSet>,
    hashes: Pool<Hash>,
    streams: Pool<Option<Box<Stream>>>,
}

impl Arena {
    /// Takes a value in and gives its name. A short string is kept as a large one.
    pub fn insert(&mut self, value: Value) -> ObjectId {
        let kind = value.kind();
        let number = match value {
            Value::Int(n) => {
                let text = itoa::Buffer::new().format(n).as_bytes().to_vec();
                self.strings.insert(Some(Box::new(Bytes::from(text))))
            }
            Value::Str(bytes) => self.strings.insert(Some(Box::new(Bytes::from(bytes)))),
            Value::Large(bytes) => self.strings.insert(Some(bytes)),
            Value::List(list) => self.lists.insert(list),
            Value::Set(set) => self.sets.insert(set),
            Value::ZSet(zset) => self.zsets.insert(zset),
            Value::Hash(hash) => self.hashes.insert(hash),
            Value::Stream(stream) => self.streams.insert(Some(stream)),
        };
        ObjectId { kind, number }
    }

    /// The object of this name. Panics when there never was one.
    #[inline]
    pub fn view(&self, ObjectId { kind, number }: ObjectId) -> ValueRef<'_> {
        match kind {
            Kind::String => ValueRef::Large(live(self.strings.get(number).as_deref())),
            Kind::List => ValueRef::List(self.lists.get(number)),
            Kind::Set => ValueRef::Set(self.sets.get(number)),
            Kind::ZSet => ValueRef::ZSet(self.zsets.get(number)),
            Kind::Hash => ValueRef::Hash(self.hashes.get(number)),
            Kind::Stream => ValueRef::Stream(live(self.streams.get(number).as_deref())),
        }
    }

    /// The collection of this name, to be changed. Panics when there never was one.
    #[inline]
    pub fn view_mut(&mut self, ObjectId { kind, number }: ObjectId) -> ValueMut<'_> {
        match kind {
            Kind::String => ValueMut::String,
            Kind::List => ValueMut::List(self.lists.get_mut(number)),
            Kind::Set => ValueMut::Set(self.sets.get_mut(number)),
            Kind::ZSet => ValueMut::ZSet(self.zsets.get_mut(number)),
            Kind::Hash => ValueMut::Hash(self.hashes.get_mut(number)),
            Kind::Stream => ValueMut::Stream(live(self.streams.get_mut(number).as_deref_mut())),
        }
    }

    /// The large string with this number, to be changed.
    pub fn string_mut(&mut self, number: u32) -> &mut Bytes {
        live(self.strings.get_mut(number).as_deref_mut())
    }

    /// Takes the object of this name out. Panics when there is none.
    pub fn remove(&mut self, ObjectId { kind, number }: ObjectId) -> Value {
        match kind {
            Kind::String => Value::Large(live(self.strings.remove(number))),
            Kind::List => Value::List(self.lists.remove(number)),
            Kind::Set => Value::Set(self.sets.remove(number)),
            Kind::ZSet => Value::ZSet(self.zsets.remove(number)),
            Kind::Hash => Value::Hash(self.hashes.remove(number)),
            Kind::Stream => Value::Stream(live(self.streams.remove(number))),
        }
    }

    /// Takes some object out, for an arena that is to be dropped: nothing can be put into it any
    /// more, and what was freed before may come out as an empty value.
    pub fn drain(&mut self) -> Option<Value> {
        if let Some(string) = self.strings.drain() {
            return Some(string.map_or(Value::Int(0), Value::Large));
        }
        if let Some(stream) = self.streams.drain() {
            return Some(stream.map_or(Value::Int(0), Value::Stream));
        }
        let list = self.lists.drain().map(Value::List);
        list.or_else(|| self.sets.drain().map(Value::Set))
            .or_else(|| self.zsets.drain().map(Value::ZSet))
            .or_else(|| self.hashes.drain().map(Value::Hash))
    }

    pub fn len(&self) -> usize {
        self.strings.len()
            + self.lists.len()
            + self.sets.len()
            + self.zsets.len()
            + self.hashes.len()
            + self.streams.len()
    }

    /// Memory of the pools, without what the objects own.
    pub fn heap_bytes(&self) -> usize {
        self.strings.heap_bytes()
            + self.lists.heap_bytes()
            + self.sets.heap_bytes()
            + self.zsets.heap_bytes()
            + self.hashes.heap_bytes()
            + self.streams.heap_bytes()
    }
}

fn live<T>(object: Option<T>) -> T {
    match object {
        Some(object) => object,
        None => unreachable!("a block names an object that was freed"),
    }
}

/// Objects of one kind. What was freed is an empty object, which owns no memory.
#[derive(Debug)]
struct Pool<T> {
    objects: Dense<T>,
    /// Numbers to be given out again.
    free: Dense<u32>,
}

impl<T> Default for Pool<T> {
    fn default() -> Pool<T> {
        Pool {
            objects: Dense::new(),
            free: Dense::new(),
        }
    }
}

impl<T: Default> Pool<T> {
    fn insert(&mut self, object: T) -> u32 {
        if let Some(number) = self.free.pop() {
            *self.objects.get_mut(number) = object;
            return number;
        }
        self.objects.push(object);
        self.objects.len() as u32 - 1
    }

    #[inline]
    fn get(&self, number: u32) -> &T {
        self.objects.get(number)
    }

    #[inline]
    fn get_mut(&mut self, number: u32) -> &mut T {
        self.objects.get_mut(number)
    }

    fn remove(&mut self, number: u32) -> T {
        let object = std::mem::take(self.objects.get_mut(number));
        self.free.push(number);
        if self.len() == 0 {
            *self = Pool::default();
        }
        object
    }

    fn drain(&mut self) -> Option<T> {
        self.free = Dense::new();
        self.objects.pop()
    }

    fn len(&self) -> usize {
        self.objects.len() - self.free.len()
    }

    fn heap_bytes(&self) -> usize {
        self.objects.heap_bytes() + self.free.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_again_and_an_empty_arena_owns_nothing() {
        let mut arena = Arena::default();
        let string = |n: u32| Value::Large(Box::new(Bytes::from(vec![b'x'; n as usize])));
        let ids: Vec<ObjectId> = (0..100).map(|n| arena.insert(string(n))).collect();
        for &id in &ids[20..30] {
            assert!(matches!(arena.remove(id), Value::Large(s) if s.len() == id.number as usize));
        }
        let again: Vec<ObjectId> = (0..10).map(|n| arena.insert(string(n))).collect();
        assert!(again.iter().all(|id| (20..30).contains(&id.number)));
        assert_eq!(arena.len(), 100);
        for id in ids {
            arena.remove(id);
        }
        assert_eq!((arena.len(), arena.heap_bytes()), (0, 0));
    }

    #[test]
    fn an_arena_is_drained_whatever_was_freed_before() {
        let mut arena = Arena::default();
        let ids: Vec<ObjectId> = (0..1000)
            .map(|n| match n % 2 {
                0 => arena.insert(Value::List(List::new())),
                _ => arena.insert(Value::Stream(Box::default())),
            })
            .collect();
        for id in &ids[..900] {
            arena.remove(*id);
        }
        let mut streams = 0;
        while let Some(value) = arena.drain() {
            streams += usize::from(matches!(value, Value::Stream(_)));
        }
        assert_eq!((streams, arena.len()), (50, 0));
    }
}
