//! Writing a file: the header, what is said about all of it, and keys by database.
//!
//! ```text
//! REDIS0011 | auxiliary field .. | library .. | database .. | 255 | CRC-64: u64
//! database = 254, number | 251, keys, keys that expire | key ..
//! key = 252, expiry: i64 | 248, idle seconds, or 249, frequency: u8 | type | name | value
//! ```
//!
//! The bytes are gathered for whoever writes them somewhere to take. The version is in the header,
//! so it must be known there whether any hash has fields that expire; what a stream needs that is
//! newer than Redis 7.2 (idempotent producers, released entries) is written in Redis's newer types
//! whatever the header says, because no server rejects a type by the version of its file.

use super::{Crc64, Encoder, Family, ValueWriter, WriteOptions};
use super::{VERSION_COMMON, VERSION_REDIS_FIELDS, VERSION_VALKEY, opcode};
use crate::store::value::ValueRef;

/// Writes a file. See the module's text.
#[derive(Debug)]
pub struct RdbWriter {
    encoder: Encoder,
    options: WriteOptions,
    /// Of what was taken; none without checksums.
    checksum: Option<Crc64>,
}

/// What surrounds a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyMeta {
    /// When it expires, in Unix milliseconds.
    pub expire_at: Option<i64>,
    /// How it was used, if the eviction policy asks.
    pub usage: Option<Usage>,
}

/// How a key was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// It was not, for so many seconds.
    IdleSeconds(u64),
    /// So often, on a logarithmic scale.
    Frequency(u8),
}

/// How a file begins. `has_field_expiries`: some hash has fields that expire.
pub fn header(family: Family, has_field_expiries: bool) -> String {
    match (has_field_expiries, family) {
        (false, _) => format!("REDIS{VERSION_COMMON:04}"),
        (true, Family::Redis) => format!("REDIS{VERSION_REDIS_FIELDS:04}"),
        (true, Family::Valkey) => format!("VALKEY{VERSION_VALKEY:03}"),
    }
}

impl RdbWriter {
    /// Begins a file. `has_field_expiries`: some hash has fields that expire. `checksums`: whether
    /// one is made, `rdbchecksum`.
    pub fn new(options: WriteOptions, has_field_expiries: bool, checksums: bool) -> RdbWriter {
        let mut writer = RdbWriter::of_parts(options);
        let header = header(options.family, has_field_expiries);
        writer.encoder.out.extend(header.as_bytes());
        writer.checksum = checksums.then(Crc64::default);
        writer
    }

    /// A writer of parts of a file, without the [`header`].
    pub fn of_parts(options: WriteOptions) -> RdbWriter {
        RdbWriter {
            encoder: Encoder::new(options.compresses),
            options,
            checksum: None,
        }
    }

    /// Says where the file comes from, in the fields that all servers know.
    pub fn origin(&mut self, now_ms: i64, used_bytes: u64, is_aof_base: bool) {
        self.aux(b"redis-ver", crate::REDIS_VERSION.as_bytes());
        self.aux(b"kvd-ver", crate::VERSION.as_bytes());
        self.aux_int(b"redis-bits", 64);
        self.aux_int(b"ctime", now_ms / 1000);
        self.aux_int(b"used-mem", i64::try_from(used_bytes).unwrap_or(i64::MAX));
        self.aux_int(b"aof-base", is_aof_base.into());
    }

    /// A field about the whole file. Readers skip those that they do not know.
    pub fn aux(&mut self, name: &[u8], value: &[u8]) {
        self.encoder.byte(opcode::AUX);
        self.encoder.string(name);
        self.encoder.string(value);
    }

    fn aux_int(&mut self, name: &[u8], value: i64) {
        self.aux(name, itoa::Buffer::new().format(value).as_bytes());
    }

    /// A library of functions: its code.
    pub fn library(&mut self, code: &[u8]) {
        self.encoder.byte(opcode::FUNCTION2);
        self.encoder.string(code);
    }

    /// What follows is in database `number`, of which readers may expect so many keys.
    pub fn database(&mut self, number: u64, keys: u64, volatile_keys: u64) {
        self.encoder.byte(opcode::SELECT_DB);
        self.encoder.length(number);
        self.encoder.byte(opcode::RESIZE_DB);
        self.encoder.length(keys);
        self.encoder.length(volatile_keys);
    }

    /// Begins a key. [`RdbWriter::value`] must write its value to the end before anything else is
    /// written.
    pub fn key(&mut self, key: &[u8], meta: KeyMeta, value: ValueRef<'_>) -> ValueWriter {
        let writer = ValueWriter::new(value, self.options);
        self.key_head(key, meta, writer.kind());
        writer
    }

    /// Writes about `elements` elements more of the value whose key was begun; whether that was
    /// the last of it.
    pub fn value(
        &mut self,
        writer: &mut ValueWriter,
        value: ValueRef<'_>,
        elements: usize,
    ) -> bool {
        writer.write(value, elements, &mut self.encoder)
    }

    /// Writes a whole key.
    pub fn whole_key(&mut self, key: &[u8], meta: KeyMeta, value: ValueRef<'_>) {
        let mut writer = self.key(key, meta, value);
        while !self.value(&mut writer, value, usize::MAX) {}
    }

    /// Goes back to a database: keys may come in any order.
    pub fn select(&mut self, number: u64) {
        self.encoder.byte(opcode::SELECT_DB);
        self.encoder.length(number);
    }

    /// Says that no more keys come. Whoever gathers the bytes of several writers adds the checksum
    /// of all of them, eight bytes with the low one first; else [`RdbWriter::finish`] does both.
    pub fn end(&mut self) {
        self.encoder.byte(opcode::EOF);
    }

    /// Exchanges what was written and not yet taken for other bytes, behind which is written on:
    /// without a checksum, as of the bytes the writer knows nothing.
    pub fn swap_output(&mut self, with: &mut Vec<u8>) {
        std::mem::swap(&mut self.encoder.out, with);
    }

    /// Ends the file.
    pub fn finish(&mut self) {
        self.end();
        let checksum = match &self.checksum {
            None => 0,
            Some(checksum) => {
                let mut all = checksum.clone();
                all.update(&self.encoder.out);
                all.value()
            }
        };
        self.encoder.out.extend(checksum.to_le_bytes());
    }

    /// Appends what was written and not yet taken to `to`.
    pub fn take_into(&mut self, to: &mut Vec<u8>) {
        if let Some(checksum) = &mut self.checksum {
            checksum.update(&self.encoder.out);
        }
        to.append(&mut self.encoder.out);
    }

    fn key_head(&mut self, key: &[u8], meta: KeyMeta, kind: u8) {
        if let Some(at) = meta.expire_at {
            self.encoder.byte(opcode::EXPIRE_TIME_MS);
            self.encoder.fixed(at);
        }
        match meta.usage {
            None => {}
            Some(Usage::IdleSeconds(idle_s)) => {
                self.encoder.byte(opcode::IDLE);
                self.encoder.length(idle_s);
            }
            Some(Usage::Frequency(frequency)) => {
                self.encoder.byte(opcode::FREQ);
                self.encoder.byte(frequency);
            }
        }
        self.encoder.byte(kind);
        self.encoder.string(key);
    }
}
