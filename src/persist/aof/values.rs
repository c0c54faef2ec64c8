//! Keys as the commands that make them: the base of an append-only file with
//! `aof-use-rdb-preamble no`.
//!
//! A command holds at most [`ITEMS`] elements, so that no server refuses it and loading can stop
//! between two. All of it is written in steps; a writer keeps a place in the value, never the
//! value.

use crate::resp::number::format_f64;
use crate::store::snapshot::{Encoder, SavedEntry, Steps};
use crate::store::types::hash::{Hash, NEVER_EXPIRED};
use crate::store::types::listpack::IntBuf;
use crate::store::types::stream::{Group, Idmp, Stream, StreamId};
use crate::store::value::ValueRef;

use super::encode;

/// Elements of one command.
const ITEMS: usize = 64;

/// Writes keys as commands.
#[derive(Debug)]
pub struct CommandEncoder;

impl Encoder for CommandEncoder {
    fn write(&self, entry: &SavedEntry<'_>, out: &mut Vec<u8>) {
        let mut steps = CommandSteps::new(entry);
        while steps.step(entry.value, usize::MAX, out) {}
    }

    fn begin(&self, entry: &SavedEntry<'_>, _out: &mut Vec<u8>) -> Box<dyn Steps> {
        Box::new(CommandSteps::new(entry))
    }
}

/// Writes one key.
#[derive(Debug)]
struct CommandSteps {
    key: Box<[u8]>,
    expire_at: Option<i64>,
    place: Place,
}

/// Where in the value it goes on.
#[derive(Debug)]
enum Place {
    Start,
    /// Behind this many bytes or elements.
    At(usize),
    /// A walk over a table.
    Cursor(u64),
    /// From this entry on.
    Entry(StreamId),
    /// A group: how many were written.
    Group(usize),
    /// The rest of a stream.
    Messages,
    /// When the key expires.
    Expiry,
    Done,
}

impl CommandSteps {
    fn new(entry: &SavedEntry<'_>) -> CommandSteps {
        CommandSteps {
            key: entry.key.into(),
            expire_at: entry.expire_at,
            place: Place::Start,
        }
    }
}

impl Steps for CommandSteps {
    fn step(&mut self, value: ValueRef<'_>, bytes: usize, out: &mut Vec<u8>) -> bool {
        let end = out.len().saturating_add(bytes);
        loop {
            self.place = match (&self.place, value) {
                (Place::Done, _) => return false,
                (Place::Expiry, _) => self.expiry(out),
                (_, ValueRef::Int(number)) => {
                    encode::begin(3, out);
                    encode::bulk(b"SET", out);
                    encode::bulk(&self.key, out);
                    encode::int(number, out);
                    Place::Expiry
                }
                (_, ValueRef::Str(text)) => self.string(text, end, out),
                (_, ValueRef::Large(text)) => self.string(text, end, out),
                (_, ValueRef::List(_) | ValueRef::ZSet(_)) => self.ordered(value, out),
                (_, ValueRef::Set(set)) => {
                    let cursor = self.cursor();
                    let mut members = Words::new(&[b"SADD", &self.key]);
                    let mut buffer = IntBuf::new();
                    let next = set.scan(cursor, ITEMS, |member| {
                        members.add(member.bytes(&mut buffer));
                    });
                    members.write(out);
                    next_place(next)
                }
                (_, ValueRef::Hash(hash)) => self.hash(hash, out),
                (_, ValueRef::Stream(stream)) => self.stream(stream, out),
            };
            if out.len() >= end {
                return !matches!(self.place, Place::Done);
            }
        }
    }
}

fn next_place(cursor: u64) -> Place {
    match cursor {
        0 => Place::Expiry,
        cursor => Place::Cursor(cursor),
    }
}

/// A command whose length shows only when all its words are there.
struct Words {
    fixed: usize,
    count: usize,
    bytes: Vec<u8>,
}

impl Words {
    fn new(first: &[&[u8]]) -> Words {
        let mut words = Words {
            fixed: first.len(),
            count: 0,
            bytes: Vec::new(),
        };
        first.iter().for_each(|word| words.add(word));
        words
    }

    fn add(&mut self, word: &[u8]) {
        self.count += 1;
        encode::bulk(word, &mut self.bytes);
    }

    /// Appends it, unless it has nothing but its first words.
    fn write(self, out: &mut Vec<u8>) {
        if self.count > self.fixed {
            encode::begin(self.count, out);
            out.extend_from_slice(&self.bytes);
        }
    }
}

impl CommandSteps {
    fn cursor(&self) -> u64 {
        match self.place {
            Place::Cursor(cursor) => cursor,
            _ => 0,
        }
    }

    fn expiry(&self, out: &mut Vec<u8>) -> Place {
        if let Some(at) = self.expire_at {
            let at = at.to_string();
            encode::words(&[b"PEXPIREAT", &self.key, at.as_bytes()], out);
        }
        Place::Done
    }

    fn string(&self, text: &[u8], end: usize, out: &mut Vec<u8>) -> Place {
        let at = match self.place {
            Place::At(at) => at,
            _ => {
                encode::begin(3, out);
                encode::bulk(b"SET", out);
                encode::bulk(&self.key, out);
                let head = format!("${}\r\n", text.len());
                out.extend_from_slice(head.as_bytes());
                0
            }
        };
        let rest = &text[at..];
        let count = rest.len().min(end.saturating_sub(out.len()).max(1));
        out.extend_from_slice(&rest[..count]);
        if count < rest.len() {
            return Place::At(at + count);
        }
        out.extend_from_slice(b"\r\n");
        Place::Expiry
    }

    fn ordered(&self, value: ValueRef<'_>, out: &mut Vec<u8>) -> Place {
        let at = match self.place {
            Place::At(at) => at,
            _ => 0,
        };
        let mut buffer = IntBuf::new();
        let (words, len) = match value {
            ValueRef::List(list) => {
                let mut words = Words::new(&[b"RPUSH", &self.key]);
                for element in list.range(at, ITEMS) {
                    words.add(element.bytes(&mut buffer));
                }
                (words, list.len())
            }
            ValueRef::ZSet(zset) => {
                let mut words = Words::new(&[b"ZADD", &self.key]);
                for (member, score) in zset.range(at..zset.len().min(at + ITEMS)) {
                    words.add(&format_f64(score));
                    words.add(member.bytes(&mut buffer));
                }
                (words, zset.len())
            }
            _ => return Place::Done,
        };
        words.write(out);
        match at + ITEMS < len {
            true => Place::At(at + ITEMS),
            false => Place::Expiry,
        }
    }

    fn hash(&self, hash: &Hash, out: &mut Vec<u8>) -> Place {
        let mut words = Words::new(&[b"HMSET", &self.key]);
        let mut expiries = Vec::new();
        let (mut name, mut value) = (IntBuf::new(), IntBuf::new());
        let next = hash.scan(self.cursor(), ITEMS, NEVER_EXPIRED, |field| {
            let field_name = field.name.bytes(&mut name);
            words.add(field_name);
            words.add(field.value.bytes(&mut value));
            if let Some(at) = field.expire_at_ms {
                let at = at.to_string();
                let command: [&[u8]; 6] = [
                    b"HPEXPIREAT",
                    &self.key,
                    at.as_bytes(),
                    b"FIELDS",
                    b"1",
                    field_name,
                ];
                encode::words(&command, &mut expiries);
            }
        });
        words.write(out);
        out.extend_from_slice(&expiries);
        next_place(next)
    }
}

/// Streams: entries, then the counters, then the groups, then the messages of producers.
impl CommandSteps {
    fn stream(&self, stream: &Stream, out: &mut Vec<u8>) -> Place {
        match self.place {
            Place::Group(index) => match stream.groups().nth(index) {
                Some((name, group)) => {
                    self.group(name, group, out);
                    Place::Group(index + 1)
                }
                None => Place::Messages,
            },
            Place::Messages => {
                if let Some(idmp) = stream.idmp() {
                    self.messages(idmp, out);
                }
                Place::Expiry
            }
            Place::Entry(from) => self.entries(stream, from, out),
            _ => self.entries(stream, StreamId::MIN, out),
        }
    }

    fn entries(&self, stream: &Stream, from: StreamId, out: &mut Vec<u8>) -> Place {
        let mut last = None;
        for entry in stream.range(from, StreamId::MAX).take(ITEMS) {
            let mut words = Words::new(&[b"XADD", &self.key, &entry.id().text()]);
            for (field, content) in entry.fields() {
                words.add(field);
                words.add(content);
            }
            words.write(out);
            last = Some(entry.id());
        }
        let more = last.and_then(StreamId::next);
        match more.filter(|next| stream.range(*next, StreamId::MAX).next().is_some()) {
            Some(next) => Place::Entry(next),
            None => {
                self.counters(stream, out);
                Place::Group(0)
            }
        }
    }

    fn counters(&self, stream: &Stream, out: &mut Vec<u8>) {
        let counters = stream.counters();
        let last_id = counters.last_id.text();
        if stream.is_empty() {
            // An entry that is added and trimmed away leaves a stream that is empty.
            let first = StreamId { ms: 0, seq: 1 };
            let id = counters.last_id.max(first).text();
            encode::words(&[b"XADD", &self.key, b"MAXLEN", b"0", &id, b"x", b"y"], out);
        }
        let added = counters.entries_added.to_string();
        let deleted = counters.max_deleted_id.text();
        encode::words(
            &[
                b"XSETID",
                &self.key,
                &last_id,
                b"ENTRIESADDED",
                added.as_bytes(),
                b"MAXDELETEDID",
                &deleted,
            ],
            out,
        );
    }

    fn group(&self, name: &[u8], group: &Group, out: &mut Vec<u8>) {
        let last_id = group.last_id().text();
        let read = group.entries_read().map_or(-1, |read| read as i64);
        let read = read.to_string();
        let key = &self.key;
        let create: [&[u8]; 7] = [
            b"XGROUP",
            b"CREATE",
            key,
            name,
            &last_id,
            b"ENTRIESREAD",
            read.as_bytes(),
        ];
        encode::words(&create, out);
        for consumer in group.consumers() {
            let create: [&[u8]; 5] = [b"XGROUP", b"CREATECONSUMER", key, name, consumer.name()];
            encode::words(&create, out);
        }
        for entry in group.pending_range(StreamId::MIN, StreamId::MAX) {
            if entry.consumer().is_none() {
                continue;
            }
            let (time, count) = (
                entry.delivery_time().to_string(),
                entry.delivery_count.to_string(),
            );
            let claim: [&[u8]; 12] = [
                b"XCLAIM",
                key,
                name,
                group.owner_name(entry),
                b"0",
                &entry.id.text(),
                b"TIME",
                time.as_bytes(),
                b"RETRYCOUNT",
                count.as_bytes(),
                b"JUSTID",
                b"FORCE",
            ];
            encode::words(&claim, out);
        }
        for entry in group.released() {
            let (id, count) = (entry.id.text(), entry.delivery_count.to_string());
            let nack: [&[u8]; 10] = [
                b"XNACK",
                key,
                name,
                b"SILENT",
                b"IDS",
                b"1",
                &id,
                b"RETRYCOUNT",
                count.as_bytes(),
                b"FORCE",
            ];
            encode::words(&nack, out);
        }
    }

    fn messages(&self, idmp: &Idmp, out: &mut Vec<u8>) {
        let limits = idmp.limits();
        let (duration, size) = (limits.duration_s.to_string(), limits.max_size.to_string());
        let limits: [&[u8]; 6] = [
            b"XCFGSET",
            &self.key,
            b"IDMP-DURATION",
            duration.as_bytes(),
            b"IDMP-MAXSIZE",
            size.as_bytes(),
        ];
        encode::words(&limits, out);
        for (producer, messages) in idmp.producers() {
            for message in messages {
                let id = message.id.text();
                let record: [&[u8]; 5] = [b"XIDMPRECORD", &self.key, producer, &message.iid, &id];
                encode::words(&record, out);
            }
        }
    }
}
