//! What a key holds: owned values, and views of values that lie in a database.
//!
//! Short strings and integers lie beside their key in the database's slab and have no [`Value`];
//! large strings and collections are [`Value`]s in the database's arena. Commands see both through
//! [`ValueRef`]; what they store is a [`NewValue`].

use bytes::{Bytes, BytesMut};

use crate::store::hash::HashState;
use crate::store::types::hash::Hash;
use crate::store::types::list::List;
use crate::store::types::set::Set;
use crate::store::types::stream::Stream;
use crate::store::types::zset::ZSet;

/// Strings up to this length are "embstr" in OBJECT ENCODING, as in Redis.
pub const EMBEDDED_MAX: usize = 44;
/// Collections above so many elements are freed in slices.
pub const FREE_AT_ONCE: usize = 64;

/// The type of a value, as TYPE names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A string, or an integer that reads as one.
    String,
    /// A list.
    List,
    /// A set.
    Set,
    /// A sorted set.
    ZSet,
    /// A hash.
    Hash,
    /// A stream.
    Stream,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 6] = [
        Kind::String,
        Kind::List,
        Kind::Set,
        Kind::ZSet,
        Kind::Hash,
        Kind::Stream,
    ];

    /// The kind of that name, in any case.
    pub fn parse(name: &[u8]) -> Option<Kind> {
        Kind::ALL
            .into_iter()
            .find(|kind| name.eq_ignore_ascii_case(kind.name().as_bytes()))
    }

    /// Redis's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::List => "list",
            Kind::Set => "set",
            Kind::ZSet => "zset",
            Kind::Hash => "hash",
            Kind::Stream => "stream",
        }
    }
}

/// An owned value: what a database's arena holds, and what a removed key leaves behind.
#[derive(Debug)]
pub enum Value {
    /// A string that is a canonical integer.
    Int(i64),
    /// A string below [`crate::resp::LARGE_BULK`]. In a database such a string lies beside its key
    /// instead.
    Str(Box<[u8]>),
    /// A string of [`crate::resp::LARGE_BULK`] bytes or more.
    Large(Box<Bytes>),
    /// A list.
    List(List),
    /// A set.
    Set(Set),
    /// A sorted set.
    ZSet(ZSet),
    /// A hash.
    Hash(Hash),
    /// A stream.
    Stream(Box<Stream>),
}

impl Value {
    /// The type of the value.
    pub fn kind(&self) -> Kind {
        match self {
            Value::Int(_) | Value::Str(_) | Value::Large(_) => Kind::String,
            Value::List(_) => Kind::List,
            Value::Set(_) => Kind::Set,
            Value::ZSet(_) => Kind::ZSet,
            Value::Hash(_) => Kind::Hash,
            Value::Stream(_) => Kind::Stream,
        }
    }

    /// How many elements it has; of a string, how many bytes.
    pub fn len(&self) -> usize {
        match self {
            Value::List(list) => list.len(),
            Value::Set(set) => set.len(),
            Value::ZSet(zset) => zset.len(),
            Value::Hash(hash) => hash.len(),
            Value::Stream(stream) => stream.len(),
            Value::Int(_) | Value::Str(_) | Value::Large(_) => {
                self.view().string_len().unwrap_or(0)
            }
        }
    }

    /// Whether it has no element, or is the empty string.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A view of it.
    #[inline]
    pub fn view(&self) -> ValueRef<'_> {
        match self {
            Value::Int(n) => ValueRef::Int(*n),
            Value::Str(s) => ValueRef::Str(s),
            Value::Large(s) => ValueRef::Large(s),
            Value::List(list) => ValueRef::List(list),
            Value::Set(set) => ValueRef::Set(set),
            Value::ZSet(zset) => ValueRef::ZSet(zset),
            Value::Hash(hash) => ValueRef::Hash(hash),
            Value::Stream(stream) => ValueRef::Stream(stream),
        }
    }

    /// How much work it is to drop it, in elements; a large string counts its megabytes.
    pub fn free_effort(&self) -> usize {
        match self {
            Value::Int(_) | Value::Str(_) => 1,
            Value::Large(s) => s.len() >> 14,
            Value::List(list) => list.len(),
            Value::Set(set) => set.len(),
            Value::ZSet(zset) => zset.len(),
            Value::Hash(hash) => hash.len(),
            Value::Stream(stream) => stream.free_effort(),
        }
    }

    /// Frees up to about `elements` elements and says whether nothing worth a slice is left.
    pub fn drain_slice(&mut self, elements: usize) -> bool {
        let freed = match self {
            Value::Int(_) | Value::Str(_) => 0,
            Value::Large(bytes) => return shrink(bytes, elements << 14),
            Value::List(list) => list.drain_slice(elements),
            Value::Set(set) => set.drain_slice(elements),
            Value::ZSet(zset) => zset.drain_slice(elements),
            Value::Hash(hash) => hash.drain_slice(elements),
            Value::Stream(stream) => stream.drain_slice(elements),
        };
        freed == 0 || self.free_effort() == 0
    }

    /// Memory of the value, as [`ValueRef::heap_bytes`] counts it, and that of a short string.
    pub fn heap_bytes(&self, samples: usize) -> usize {
        match self {
            Value::Int(_) => 0,
            Value::Str(s) => s.len(),
            _ => self.view().heap_bytes(samples),
        }
    }
}

// Many are moved about: what would be larger is boxed.
const _: () = assert!(size_of::<Value>() <= 24);

/// A view of a value in a database.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// A string that is a canonical integer.
    Int(i64),
    /// A string below [`crate::resp::LARGE_BULK`].
    Str(&'a [u8]),
    /// A string of [`crate::resp::LARGE_BULK`] bytes or more, which can be shared.
    Large(&'a Bytes),
    /// A list.
    List(&'a List),
    /// A set.
    Set(&'a Set),
    /// A sorted set.
    ZSet(&'a ZSet),
    /// A hash.
    Hash(&'a Hash),
    /// A stream.
    Stream(&'a Stream),
}

impl<'a> ValueRef<'a> {
    /// Memory of the value outside of its key's block; of a collection that is not counted exactly,
    /// `samples` elements (0: all) are looked at.
    pub fn heap_bytes(&self, samples: usize) -> usize {
        match self {
            ValueRef::Int(_) | ValueRef::Str(_) => 0,
            ValueRef::Large(s) => size_of::<Box<Bytes>>() + size_of::<Bytes>() + s.len(),
            ValueRef::List(list) => size_of::<List>() + list.heap_bytes(samples),
            ValueRef::Set(set) => size_of::<Set>() + set.heap_bytes(samples),
            ValueRef::ZSet(zset) => size_of::<ZSet>() + zset.heap_bytes(samples),
            ValueRef::Hash(hash) => size_of::<Hash>() + hash.heap_bytes(samples),
            ValueRef::Stream(stream) => {
                size_of::<Box<Stream>>() + size_of::<Stream>() + stream.heap_bytes(samples)
            }
        }
    }

    /// The type of the value.
    #[inline]
    pub fn kind(&self) -> Kind {
        match self {
            ValueRef::Int(_) | ValueRef::Str(_) | ValueRef::Large(_) => Kind::String,
            ValueRef::List(_) => Kind::List,
            ValueRef::Set(_) => Kind::Set,
            ValueRef::ZSet(_) => Kind::ZSet,
            ValueRef::Hash(_) => Kind::Hash,
            ValueRef::Stream(_) => Kind::Stream,
        }
    }

    /// A string's bytes; an integer's are written into `buffer`. `None` for a collection.
    #[inline]
    pub fn string<'b>(&self, buffer: &'b mut itoa::Buffer) -> Option<&'b [u8]>
    where
        'a: 'b,
    {
        match *self {
            ValueRef::Int(n) => Some(buffer.format(n).as_bytes()),
            ValueRef::Str(s) => Some(s),
            ValueRef::Large(s) => Some(s),
            _ => None,
        }
    }

    /// A string's length; `None` for a collection.
    #[inline]
    pub fn string_len(&self) -> Option<usize> {
        match *self {
            ValueRef::Int(n) => Some(itoa::Buffer::new().format(n).len()),
            ValueRef::Str(s) => Some(s.len()),
            ValueRef::Large(s) => Some(s.len()),
            _ => None,
        }
    }

    /// How many elements it has; of a string, how many bytes.
    pub fn elements(&self) -> usize {
        match *self {
            ValueRef::List(list) => list.len(),
            ValueRef::Set(set) => set.len(),
            ValueRef::ZSet(zset) => zset.len(),
            ValueRef::Hash(hash) => hash.len(),
            ValueRef::Stream(stream) => stream.len(),
            ValueRef::Int(_) | ValueRef::Str(_) | ValueRef::Large(_) => {
                self.string_len().unwrap_or_default()
            }
        }
    }

    /// An owned copy. The bytes of a large string are shared, not copied.
    pub fn copy(&self, hasher: &HashState) -> Value {
        match *self {
            ValueRef::Int(n) => Value::Int(n),
            ValueRef::Str(s) => Value::Str(s.into()),
            ValueRef::Large(s) => Value::Large(Box::new(s.clone())),
            ValueRef::List(list) => Value::List(list.clone()),
            ValueRef::Set(set) => Value::Set(set.copy()),
            ValueRef::ZSet(zset) => Value::ZSet(zset.copy(hasher)),
            ValueRef::Hash(hash) => Value::Hash(hash.copy()),
            ValueRef::Stream(stream) => Value::Stream(Box::new(stream.clone())),
        }
    }
}

/// A collection in a database, to be changed in place.
#[derive(Debug)]
pub enum ValueMut<'a> {
    /// A string of any form: strings are changed through the database.
    String,
    /// A list.
    List(&'a mut List),
    /// A set.
    Set(&'a mut Set),
    /// A sorted set.
    ZSet(&'a mut ZSet),
    /// A hash.
    Hash(&'a mut Hash),
    /// A stream.
    Stream(&'a mut Stream),
}

/// What is to be stored under a key.
#[derive(Debug)]
pub enum NewValue<'a> {
    /// An integer.
    Int(i64),
    /// A string of any length. It becomes an integer when it is a canonical one.
    Str(&'a [u8]),
    /// A string of any length that is to stay one: OBJECT ENCODING says raw.
    Raw(&'a [u8]),
    /// A string that is owned already; worth it from [`crate::resp::LARGE_BULK`] bytes on.
    Large(Bytes),
    /// Anything that is owned already.
    Value(Value),
}

impl From<Value> for NewValue<'_> {
    fn from(value: Value) -> Self {
        NewValue::Value(value)
    }
}

/// A large string as its owner may change it: not copied while nobody else holds it.
pub(super) fn into_mutable(bytes: Bytes) -> BytesMut {
    bytes
        .try_into_mut()
        .unwrap_or_else(|shared| BytesMut::from(&shared[..]))
}

/// Gives the end of a large string back to the allocator; whether nothing is left.
fn shrink(bytes: &mut Bytes, by: usize) -> bool {
    let owned = std::mem::take(bytes);
    if !owned.is_unique() {
        // Whoever still sends it will free it.
        return true;
    }
    let mut vec = Vec::from(owned);
    vec.truncate(vec.len().saturating_sub(by));
    vec.shrink_to_fit();
    let done = vec.is_empty();
    *bytes = Bytes::from(vec);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_string_is_freed_in_slices() {
        let mut value = Value::Large(Box::new(Bytes::from(vec![7u8; 1 << 20])));
        assert_eq!(value.free_effort(), 64);
        let mut slices = 1;
        while !value.drain_slice(16) {
            slices += 1;
        }
        assert_eq!(slices, 4);
    }
}
