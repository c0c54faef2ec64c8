//! The form of small hashes: one listpack of names and values, and where some field expires, of
//! times as well.
//!
//! The pack's mark says what the hash calls itself and whether times are in it. A pack with times
//! is as small as one that is a "hashtable" in name only, so its fields are few enough to be looked
//! through for the earliest time. A field without a time has an empty text in its place.

use super::{Field, FieldTtl, HashLimits};
use crate::store::types::listpack::{self, Encoded, Entry, Listpack};
use crate::store::types::set::AS_TABLE_ENTRIES_MAX;

/// Marks: a listpack in Redis's eyes too.
const LISTPACK: u8 = 0;
/// Names and values, called "hashtable".
const AS_TABLE: u8 = 1;
/// Names, values and times, called "hashtable".
const VOLATILE: u8 = 2;

/// A pack under the name "hashtable" has at most so many fields,
const AS_TABLE_FIELDS_MAX: usize = AS_TABLE_ENTRIES_MAX;
/// and so many bytes: then a search costs no more than it would in a table.
const AS_TABLE_BYTES_MAX: usize = 4096;
/// Bytes that a time takes at most.
const TIME_BYTES: usize = 10;
/// In a time's place: the field stays.
const NEVER: Entry<'static> = Entry::Str(b"");

/// A packed hash.
#[derive(Clone, Debug, Default)]
pub(super) struct Packed(pub Listpack);

impl Packed {
    /// Entries a field takes.
    #[inline]
    pub fn stride(&self) -> usize {
        if self.0.mark() == VOLATILE { 3 } else { 2 }
    }

    /// Number of fields.
    #[inline]
    pub fn len(&self) -> usize {
        self.0.len() / self.stride()
    }

    /// Whether it is a listpack in Redis's eyes too.
    #[inline]
    pub fn is_listpack(&self) -> bool {
        self.0.mark() == LISTPACK
    }

    /// The field of this name, unless it is hidden, and its position.
    #[inline]
    pub fn find_live(&self, name: &[u8], now_ms: i64) -> Option<(usize, Field<'_>)> {
        let pos = self.0.find(name, self.stride())?;
        let field = self.at(pos);
        (!is_expired(&field, now_ms)).then_some((pos, field))
    }

    /// The field at `pos`.
    #[inline]
    pub fn at(&self, pos: usize) -> Field<'_> {
        let entries = self.0.entries();
        let value_pos = entries.next(pos);
        let expire_at_ms = match self.0.mark() {
            VOLATILE => time(entries.at(entries.next(value_pos))),
            _ => None,
        };
        Field {
            name: entries.at(pos),
            value: entries.at(value_pos),
            expire_at_ms,
        }
    }

    /// All fields, hidden ones too.
    #[inline]
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            entries: self.0.iter(),
            has_times: self.0.mark() == VOLATILE,
        }
    }

    /// Sets a field; whether it is new, or nothing if there is no room for it here.
    pub fn set(
        &mut self,
        name: &[u8],
        value: &[u8],
        ttl: FieldTtl,
        now_ms: i64,
        limits: HashLimits,
    ) -> Option<bool> {
        let (name, value) = (Text::new(name), Text::new(value));
        let found = self.0.entries().find(&name.encoded, self.stride());
        if !self.has_room(name.len, value.len, found.is_none(), limits) {
            return None;
        }
        let Some(pos) = found else {
            let never = Encoded::of(NEVER);
            let field = [name.encoded, value.encoded, never];
            let stride = self.stride();
            self.0
                .insert_encoded(self.0.entries().end(), &field[..stride]);
            return Some(true);
        };
        let is_hidden = is_expired(&self.at(pos), now_ms);
        self.0
            .replace_encoded(self.0.entries().next(pos), &value.encoded);
        if is_hidden || ttl == FieldTtl::Clear {
            self.set_time(pos, None);
        }
        Some(is_hidden)
    }

    /// Removes the field at `pos`.
    pub fn remove(&mut self, pos: usize) {
        self.0.remove(pos, self.stride());
    }

    /// Lets the field at `pos` expire, or stay. There is room for times, or none to be written.
    pub fn set_time(&mut self, pos: usize, at_ms: Option<i64>) {
        if self.0.mark() == VOLATILE {
            let entries = self.0.entries();
            let pos = entries.next(entries.next(pos));
            self.0
                .replace_encoded(pos, &Encoded::of(at_ms.map_or(NEVER, Entry::Int)));
        }
    }

    /// Makes room for times; whether there is.
    pub fn make_volatile(&mut self) -> bool {
        if self.0.mark() == VOLATILE {
            return true;
        }
        let (count, bytes) = (self.len(), self.0.byte_len());
        if count > AS_TABLE_FIELDS_MAX || bytes + count * TIME_BYTES >= AS_TABLE_BYTES_MAX {
            return false;
        }
        let mut pack = Listpack::with_room(bytes + 2 * count);
        for (name, value) in self.0.entries().pairs() {
            let end = pack.entries().end();
            let field = [Encoded::of(name), Encoded::of(value), Encoded::of(NEVER)];
            pack.insert_encoded(end, &field);
        }
        pack.set_mark(VOLATILE);
        self.0 = pack;
        true
    }

    /// Becomes what is called "hashtable", if it is small enough; whether it did.
    pub fn rename(&mut self, added: usize) -> bool {
        let is_tiny =
            self.len() < AS_TABLE_FIELDS_MAX && self.0.byte_len() + added < AS_TABLE_BYTES_MAX;
        let may = self.is_listpack() && is_tiny;
        if may {
            self.0.set_mark(AS_TABLE);
        }
        may
    }

    /// The earliest time and the position of its field.
    pub fn earliest(&self) -> Option<(i64, usize)> {
        if self.0.mark() != VOLATILE {
            return None;
        }
        let entries = self.0.entries();
        let (mut earliest, mut pos) = (None, 0);
        while pos < entries.end() {
            if let Some(at_ms) = self.at(pos).expire_at_ms
                && earliest.is_none_or(|(first, _)| at_ms < first)
            {
                earliest = Some((at_ms, pos));
            }
            pos = entries.skip(pos, 3);
        }
        earliest
    }

    fn has_room(&self, name: usize, value: usize, is_new: bool, limits: HashLimits) -> bool {
        let count = self.len() + usize::from(is_new);
        let added = name + value + TIME_BYTES;
        let is_within = if self.is_listpack() {
            count <= limits.max_listpack_entries && name.max(value) <= limits.max_listpack_value
        } else {
            count <= AS_TABLE_FIELDS_MAX && self.0.byte_len() + added < AS_TABLE_BYTES_MAX
        };
        is_within && self.0.fits(added)
    }
}

/// A text and its encoding.
struct Text<'a> {
    encoded: Encoded<'a>,
    len: usize,
}

impl<'a> Text<'a> {
    #[inline]
    fn new(text: &'a [u8]) -> Text<'a> {
        Text {
            encoded: Encoded::new(text),
            len: text.len(),
        }
    }
}

#[inline]
fn time(entry: Entry<'_>) -> Option<i64> {
    match entry {
        Entry::Int(at_ms) => Some(at_ms),
        Entry::Str(_) => None,
    }
}

#[inline]
pub(super) fn is_expired(field: &Field<'_>, now_ms: i64) -> bool {
    field.expire_at_ms.is_some_and(|at_ms| at_ms <= now_ms)
}

/// Iterator over the fields of a packed hash.
#[derive(Clone)]
pub(super) struct Iter<'a> {
    entries: listpack::Iter<'a>,
    has_times: bool,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        let (name, value) = (self.entries.next()?, self.entries.next()?);
        let expire_at_ms = if self.has_times {
            time(self.entries.next()?)
        } else {
            None
        };
        Some(Field {
            name,
            value,
            expire_at_ms,
        })
    }
}
