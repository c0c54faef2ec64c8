//! Writing a value, in slices: whoever writes a snapshot has a millisecond at a time.
//!
//! A writer keeps no reference to the value, only a place in it. It is handed the value anew for
//! each slice, and the value must be the same each time.

use super::encode::{Encoder, cost};
use super::lzf::Progress;
use super::stream_writer::{StreamWriter, stream_kind};
use super::{Family, VERSION_COMMON, VERSION_REDIS_FIELDS, VERSION_VALKEY, kind};
use super::{NO_EXPIRY, NODE_PACKED, NODE_PLAIN, VERSION_REDIS_IDMP, VERSION_REDIS_NACK};
use crate::config::Config;
use crate::store::types::hash::{Hash, NEVER_EXPIRED};
use crate::store::types::list::NodeView;
use crate::store::types::listpack::IntBuf;
use crate::store::types::set::SavedSet;
use crate::store::value::ValueRef;

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteOptions {
    /// Strings are compressed: `rdbcompression`.
    pub compresses: bool,
    /// Who is to read what Redis 7.2 cannot: `rdb-format`.
    pub family: Family,
}

impl WriteOptions {
    /// As the configuration has it.
    pub fn new(config: &Config) -> WriteOptions {
        WriteOptions {
            compresses: config.rdbcompression,
            family: config.rdb_format.into(),
        }
    }
}

/// Bytes of a large string that count as one element.
const BYTES_PER_ELEMENT: usize = 64;
/// Strings from this length on are written in slices.
const SLICED_STRING_MIN: usize = 64 << 10;
/// How many nodes of a list or members of a table are looked up at once.
const STEP: usize = 64;

/// Elements that are written at once where only their length is wanted.
const MEASURED_ELEMENTS: usize = 4096;

/// Writes one value. See the module's text.
#[derive(Debug)]
pub struct ValueWriter {
    kind: u8,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Start,
    /// A large string is being compressed.
    Compressing,
    /// This much of a compressed string is written.
    Compressed(usize),
    /// This much of a string, this many nodes, or the members above this rank are written.
    At(usize),
    /// The cursor of a walk over a table.
    Cursor(u64),
    Stream(Box<StreamWriter>),
    Done,
}

impl ValueWriter {
    /// A writer at the beginning of a value.
    pub fn new(value: ValueRef<'_>, options: WriteOptions) -> ValueWriter {
        ValueWriter {
            kind: kind_of(value, options.family),
            place: Place::Start,
        }
    }

    /// The number of the type in which the value is written: it comes before the key.
    pub fn kind(&self) -> u8 {
        self.kind
    }

    /// The lowest version in which that type is known.
    pub fn version(&self) -> u16 {
        match self.kind {
            ..kind::VALKEY_HASH_2 => VERSION_COMMON,
            kind::VALKEY_HASH_2 => VERSION_VALKEY,
            kind::REDIS_HASH_TIMES => VERSION_REDIS_FIELDS,
            kind::REDIS_STREAM_4 => VERSION_REDIS_IDMP,
            _ => VERSION_REDIS_NACK,
        }
    }

    /// Whether everything is written.
    pub fn is_done(&self) -> bool {
        matches!(self.place, Place::Done)
    }

    /// Writes about `elements` elements more of the value; whether that was the last of it.
    pub fn write(&mut self, value: ValueRef<'_>, elements: usize, to: &mut Encoder) -> bool {
        let elements = elements.max(1);
        match value {
            ValueRef::Int(number) => self.whole(|| to.integer(number)),
            ValueRef::Str(text) => self.string(text, elements, to),
            ValueRef::Large(text) => self.string(text, elements, to),
            ValueRef::List(_) => self.list(value, elements, to),
            ValueRef::Set(_) => self.set(value, elements, to),
            ValueRef::ZSet(_) => self.zset(value, elements, to),
            ValueRef::Hash(hash) => self.hash(hash, elements, to),
            ValueRef::Stream(stream) => {
                if let Place::Start = self.place {
                    self.place = Place::Stream(Box::new(StreamWriter::new(self.kind)));
                }
                if let Place::Stream(writer) = &mut self.place
                    && writer.write(stream, elements, to)
                {
                    self.place = Place::Done;
                }
            }
        }
        self.is_done()
    }

    fn whole(&mut self, write: impl FnOnce()) {
        write();
        self.place = Place::Done;
    }

    fn string(&mut self, text: &[u8], elements: usize, to: &mut Encoder) {
        let budget = elements.saturating_mul(BYTES_PER_ELEMENT);
        if let Place::Start = self.place {
            if text.len() < SLICED_STRING_MIN {
                return self.whole(|| to.string(text));
            }
            if to.compresses(text.len()) {
                to.compressor.begin(text.len());
                self.place = Place::Compressing;
            } else {
                to.length(text.len() as u64);
                self.place = Place::At(0);
            }
        }
        if let Place::Compressing = self.place {
            self.place = match to.compressor.step(text, budget) {
                Progress::Working => return,
                Progress::Useless => {
                    to.compressor.forget();
                    to.length(text.len() as u64);
                    Place::At(0)
                }
                Progress::Done => {
                    to.compressed_header(to.compressor.output().len(), text.len());
                    Place::Compressed(0)
                }
            };
        }
        // Copying costs much less than compressing.
        let budget = budget.saturating_mul(16);
        let (part, at, rest) = match self.place {
            Place::At(at) => (Place::At as fn(usize) -> Place, at, &text[at..]),
            Place::Compressed(at) => (Place::Compressed as fn(usize) -> Place, at, {
                &to.compressor.output()[at..]
            }),
            _ => return,
        };
        let count = rest.len().min(budget);
        to.out.extend_from_slice(&rest[..count]);
        if count < rest.len() {
            self.place = part(at + count);
            return;
        }
        to.compressor.forget();
        self.place = Place::Done;
    }

    fn list(&mut self, value: ValueRef<'_>, elements: usize, to: &mut Encoder) {
        let ValueRef::List(list) = value else { return };
        let written = match self.place {
            Place::At(at) => at,
            _ => {
                to.length(list.node_count() as u64);
                0
            }
        };
        let mut budget = elements;
        for (at, node) in (written..).zip(list.nodes_from(written)) {
            if budget == 0 {
                self.place = Place::At(at);
                return;
            }
            let (container, count) = match node {
                NodeView::Plain(text) => (NODE_PLAIN, 1 + text.len() / BYTES_PER_ELEMENT),
                NodeView::Packed { count, .. } => (NODE_PACKED, count),
            };
            to.length(container);
            match node {
                // It is not to become an integer, as a node never is one.
                NodeView::Plain(text) => to.string(text),
                NodeView::Packed { .. } => to.string_of(|out| node.write_to(out)),
            }
            budget = budget.saturating_sub(count);
        }
        self.place = Place::Done;
    }

    fn set(&mut self, value: ValueRef<'_>, elements: usize, to: &mut Encoder) {
        let ValueRef::Set(set) = value else { return };
        match set.saved_form() {
            SavedSet::Intset(bytes) | SavedSet::Listpack(bytes) => {
                return self.whole(|| to.string(bytes));
            }
            SavedSet::Members => {}
        }
        self.table(elements, to, set.len(), |cursor, to| {
            let mut spent = 0;
            let next = set.scan(cursor, STEP, |member| {
                spent += cost(member);
                to.entry(member);
            });
            (next, spent)
        });
    }

    fn hash(&mut self, hash: &Hash, elements: usize, to: &mut Encoder) {
        if self.kind == kind::HASH_LISTPACK
            && let Some(bytes) = hash.as_listpack()
        {
            return self.whole(|| to.string(bytes));
        }
        let earliest = hash.next_expire_at_ms().unwrap_or(0);
        if let (Place::Start, kind::REDIS_HASH_TIMES) = (&self.place, self.kind) {
            to.fixed(earliest);
        }
        let kind = self.kind;
        self.table(elements, to, hash.len(), |cursor, to| {
            let mut spent = 0;
            let next = hash.scan(cursor, STEP, NEVER_EXPIRED, |field| {
                spent += cost(field.name) + cost(field.value);
                if kind == kind::REDIS_HASH_TIMES {
                    // One more than the distance from the earliest, because 0 is none.
                    let after = field
                        .expire_at_ms
                        .map(|at| at.wrapping_sub(earliest) as u64);
                    to.length(after.map_or(0, |after| after + 1));
                }
                to.entry(field.name);
                to.entry(field.value);
                if kind == kind::VALKEY_HASH_2 {
                    to.fixed(field.expire_at_ms.unwrap_or(NO_EXPIRY));
                }
            });
            (next, spent)
        });
    }

    /// Writes parts of a table: `step` writes some from a cursor on, and says where to go on and
    /// what it spent.
    fn table(
        &mut self,
        elements: usize,
        to: &mut Encoder,
        len: usize,
        mut step: impl FnMut(u64, &mut Encoder) -> (u64, usize),
    ) {
        let mut cursor = match self.place {
            Place::Cursor(cursor) => cursor,
            _ => {
                to.length(len as u64);
                0
            }
        };
        let mut spent = 0;
        while spent < elements {
            let (next, more) = step(cursor, to);
            cursor = next;
            spent += more;
            if next == 0 {
                self.place = Place::Done;
                return;
            }
        }
        self.place = Place::Cursor(cursor);
    }

    /// From the greatest to the smallest, as Redis does.
    fn zset(&mut self, value: ValueRef<'_>, elements: usize, to: &mut Encoder) {
        let ValueRef::ZSet(zset) = value else { return };
        if let Some(bytes) = zset.as_listpack() {
            return self.whole(|| to.string(bytes));
        }
        let mut left = match self.place {
            Place::At(left) => left,
            _ => {
                to.length(zset.len() as u64);
                zset.len()
            }
        };
        let mut spent = 0;
        let mut buffer = IntBuf::new();
        for (member, score) in zset.range_rev(0..left) {
            if spent >= elements {
                break;
            }
            spent += cost(member);
            to.string(member.bytes(&mut buffer));
            to.double(score);
            left -= 1;
        }
        self.place = if left == 0 {
            Place::Done
        } else {
            Place::At(left)
        };
    }
}

/// Appends a whole value with its type in front, and says which version knows the type.
pub fn encode_value(value: ValueRef<'_>, options: WriteOptions, to: &mut Encoder) -> u16 {
    let mut writer = ValueWriter::new(value, options);
    to.byte(writer.kind());
    while !writer.write(value, usize::MAX, to) {}
    writer.version()
}

/// How many bytes a value takes in a file, without its type and its key.
pub fn saved_len(value: ValueRef<'_>, options: WriteOptions) -> u64 {
    let mut writer = ValueWriter::new(value, options);
    let mut encoder = Encoder::new(options.compresses);
    let mut len = 0;
    loop {
        let is_done = writer.write(value, MEASURED_ELEMENTS, &mut encoder);
        len += encoder.out.len() as u64;
        encoder.out.clear();
        if is_done {
            return len;
        }
    }
}

fn kind_of(value: ValueRef<'_>, family: Family) -> u8 {
    match value {
        ValueRef::Int(_) | ValueRef::Str(_) | ValueRef::Large(_) => kind::STRING,
        ValueRef::List(_) => kind::LIST_QUICKLIST_2,
        ValueRef::Set(set) => match set.saved_form() {
            SavedSet::Intset(_) => kind::SET_INTSET,
            SavedSet::Listpack(_) => kind::SET_LISTPACK,
            SavedSet::Members => kind::SET,
        },
        ValueRef::ZSet(zset) if zset.as_listpack().is_some() => kind::ZSET_LISTPACK,
        ValueRef::ZSet(_) => kind::ZSET_2,
        ValueRef::Hash(hash) => match (hash.next_expire_at_ms(), family) {
            (None, _) if hash.as_listpack().is_some() => kind::HASH_LISTPACK,
            (None, _) => kind::HASH,
            (Some(_), Family::Valkey) => kind::VALKEY_HASH_2,
            (Some(_), Family::Redis) => kind::REDIS_HASH_TIMES,
        },
        ValueRef::Stream(stream) => stream_kind(stream),
    }
}
