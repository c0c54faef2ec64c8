//! The snapshot as an RDB file: ties `rdb`, which knows the format, to the snapshot, which knows
//! what is to be written and when.

use std::cell::RefCell;
use std::rc::Rc;

use crate::engine::Engine;
use crate::engine::evict::eviction_of;
use crate::store::evict::{Eviction, Measure, frequency, idle_ms};
use crate::store::keyspace::Keyspace;
use crate::store::snapshot::{Encoder, SavedEntry, Steps};
use crate::store::value::ValueRef;
use crate::time::Now;

use super::rdb::{KeyMeta, RdbWriter, Usage, ValueWriter, WriteOptions, header};
use super::snapshot::{Format, Holds};

/// Bytes of a step that count as one element.
const BYTES_PER_ELEMENT: usize = 64;

/// An RDB file, with the libraries of functions as they are now; `is_aof_base`: the append-only
/// file begins with it.
pub(super) fn rdb(engine: &Engine, is_aof_base: bool) -> Box<dyn Format> {
    let config = &engine.config;
    let options = WriteOptions::new(config);
    let mut writer = RdbWriter::of_parts(options);
    writer.origin(engine.now.unix_ms, engine.used_bytes(), is_aof_base);
    for library in engine.scripts.libraries.iter() {
        writer.library(&library.code);
    }
    Box::new(RdbFile {
        writer,
        has_checksum: config.rdbchecksum,
        keys: Rc::new(RdbKeys {
            writer: RefCell::new(RdbWriter::of_parts(options)),
            options,
            eviction: eviction_of(config),
            now: engine.now,
        }),
    })
}

/// What surrounds the keys.
#[derive(Debug)]
struct RdbFile {
    writer: RdbWriter,
    has_checksum: bool,
    keys: Rc<RdbKeys>,
}

impl Format for RdbFile {
    fn encoder(&self) -> Rc<dyn Encoder> {
        Rc::clone(&self.keys) as Rc<dyn Encoder>
    }

    fn head(&mut self, keyspace: &Keyspace, out: &mut Vec<u8>) {
        let has_field_expiries = keyspace.iter().any(|(_, db)| db.has_field_expiries());
        let header = header(self.keys.options.family, has_field_expiries);
        out.extend_from_slice(header.as_bytes());
        self.writer.take_into(out);
    }

    fn database(&mut self, number: u32, holds: Option<Holds>, out: &mut Vec<u8>) {
        match holds {
            Some(holds) => self
                .writer
                .database(number.into(), holds.keys, holds.volatile),
            None => self.writer.select(number.into()),
        }
        self.writer.take_into(out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.writer.end();
        self.writer.take_into(out);
    }

    fn checksum(&mut self, sum: u64, out: &mut Vec<u8>) {
        let sum = if self.has_checksum { sum } else { 0 };
        out.extend(sum.to_le_bytes());
    }
}

/// Writes keys.
#[derive(Debug)]
struct RdbKeys {
    writer: RefCell<RdbWriter>,
    options: WriteOptions,
    eviction: Eviction,
    /// When the snapshot was begun: how long a key was not used is counted until then.
    now: Now,
}

impl RdbKeys {
    fn meta(&self, entry: &SavedEntry<'_>) -> KeyMeta {
        let usage = match self.eviction.measure {
            Measure::Recency => Some(Usage::IdleSeconds(idle_ms(entry.clock, self.now) / 1_000)),
            Measure::Frequency => {
                let frequency = frequency(entry.clock, self.now, &self.eviction);
                Some(Usage::Frequency(u8::try_from(frequency).unwrap_or(u8::MAX)))
            }
            _ => None,
        };
        KeyMeta {
            expire_at: entry.expire_at,
            usage,
        }
    }
}

impl Encoder for RdbKeys {
    fn write(&self, entry: &SavedEntry<'_>, out: &mut Vec<u8>) {
        let mut writer = self.writer.borrow_mut();
        writer.swap_output(out);
        writer.whole_key(entry.key, self.meta(entry), entry.value);
        writer.swap_output(out);
    }

    fn begin(&self, entry: &SavedEntry<'_>, out: &mut Vec<u8>) -> Box<dyn Steps> {
        // One of its own: it may compress a string while others are written.
        let mut writer = RdbWriter::of_parts(self.options);
        writer.swap_output(out);
        let value = writer.key(entry.key, self.meta(entry), entry.value);
        writer.swap_output(out);
        Box::new(RdbSteps { writer, value })
    }
}

/// Writes a large value.
#[derive(Debug)]
struct RdbSteps {
    writer: RdbWriter,
    value: ValueWriter,
}

impl Steps for RdbSteps {
    fn step(&mut self, value: ValueRef<'_>, bytes: usize, out: &mut Vec<u8>) -> bool {
        let elements = (bytes / BYTES_PER_ELEMENT).max(1);
        self.writer.swap_output(out);
        let is_done = self.writer.value(&mut self.value, value, elements);
        self.writer.swap_output(out);
        !is_done
    }
}
