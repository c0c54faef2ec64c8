//! Reading a file that comes in pieces: items as they are complete, or what is wrong and where.
//!
//! The reader is fed bytes and asked for items until it wants more bytes. It holds no more than the
//! element that is incomplete, and collections grow as their elements come.

use std::mem::take;

use super::input::Input;
use super::value_reader::string_value;
use super::{Crc64, Family, LoadContext, RdbError, Read, Stop, ValueReader, kind, opcode};
use crate::store::types::listpack::IntBuf;
use crate::store::value::Value;

/// How files are checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReaderOptions {
    /// The checksum must be right, or absent: `rdbchecksum`.
    pub checks_checksum: bool,
    /// Versions that are not known are tried: `rdb-version-check relaxed`.
    pub takes_any_version: bool,
}

/// What a file holds.
#[derive(Debug)]
pub enum Item {
    /// The header: whose file it is, and its version.
    Header(Family, u16),
    /// A field about the whole file.
    Aux(Vec<u8>, Vec<u8>),
    /// The code of a library of functions.
    Library(Vec<u8>),
    /// What follows is in the database of this number, which nobody checked.
    Database(u64),
    /// How many keys it has, and how many of them expire, as the file says.
    Sizes(u64, u64),
    /// A key. Whether it is there twice is for the caller to see.
    Key(LoadedKey),
    /// A key that is left out.
    Skipped(Vec<u8>, SkipReason),
    /// Data of a module that belongs to no key was left out: the module's name.
    ModuleAux(String),
    /// The end. Behind it may follow an append-only file.
    End,
}

/// A key with what it holds.
#[derive(Debug)]
pub struct LoadedKey {
    /// Its name.
    pub key: Vec<u8>,
    /// What it holds.
    pub value: Value,
    /// When it expires, in Unix milliseconds.
    pub expire_at: Option<i64>,
    /// For how many seconds it was not used.
    pub idle_s: Option<u64>,
    /// How often it was used.
    pub frequency: Option<u8>,
}

/// Why a key was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// Its time has come.
    Expired,
    /// It is a collection without elements, which some old servers wrote; or all its fields have
    /// expired.
    Empty,
}

/// Reads a file. See the module's text.
#[derive(Debug)]
pub struct RdbReader {
    options: ReaderOptions,
    buffer: Vec<u8>,
    /// How much of the buffer is done with.
    at: usize,
    /// Where in the file the buffer begins.
    base: u64,
    checksum: Crc64,
    version: u16,
    family: Family,
    stage: Stage,
    meta: Meta,
}

/// What was said about the key to come.
#[derive(Debug, Default)]
struct Meta {
    expire_at: Option<i64>,
    idle_s: Option<u64>,
    frequency: Option<u8>,
}

#[derive(Debug)]
enum Stage {
    Header,
    Opcode,
    Key(u8),
    Value(Vec<u8>, ValueReader),
    Module(String),
    Checksum,
    Done,
}

/// Sub-opcodes of modules' data.
const MODULE_EOF: u64 = 0;
const MODULE_SINT: u64 = 1;
const MODULE_UINT: u64 = 2;
const MODULE_FLOAT: u64 = 3;
const MODULE_DOUBLE: u64 = 4;
const MODULE_STRING: u64 = 5;
/// The first version with a checksum at the end.
const CHECKSUM_VERSION: u16 = 5;

impl RdbReader {
    /// A reader of a file of which nothing was seen yet.
    pub fn new(options: ReaderOptions) -> RdbReader {
        RdbReader {
            options,
            buffer: Vec::new(),
            at: 0,
            base: 0,
            checksum: Crc64::default(),
            version: 0,
            family: Family::Redis,
            stage: Stage::Header,
            meta: Meta::default(),
        }
    }

    /// Adds the next bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.options.checks_checksum {
            self.checksum.update(&self.buffer[..self.at]);
        }
        self.buffer.drain(..self.at);
        self.base += self.at as u64;
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// How many bytes of the file are done with.
    pub fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// The bytes that were fed and not used: behind [`Item::End`], what follows the file.
    pub fn into_rest(mut self) -> Vec<u8> {
        self.buffer.split_off(self.at)
    }

    /// That the file ends here, and should not.
    pub fn truncated(&self) -> RdbError {
        RdbError {
            offset: self.offset(),
            reason: "Unexpected end of the file".into(),
        }
    }

    /// The next item; none when more bytes are wanted first.
    ///
    /// # Errors
    /// What is wrong. The reader is of no use then.
    pub fn next(&mut self, cx: &LoadContext<'_>) -> Result<Option<Item>, RdbError> {
        let buffer = take(&mut self.buffer);
        let result = loop {
            let mut input = Input::new(&buffer);
            input.at = self.at;
            let step = self.step(&mut input, &buffer, cx);
            // A value that is incomplete has taken in what it could.
            if step.is_ok() || matches!(self.stage, Stage::Value(..)) {
                self.at = input.at;
            }
            match step {
                Ok(None) => {}
                Ok(item) => break Ok(item),
                Err(Stop::More) => break Ok(None),
                Err(Stop::Bad(reason)) => {
                    break Err(RdbError {
                        offset: self.offset(),
                        reason,
                    });
                }
            }
        };
        self.buffer = buffer;
        result
    }

    fn step(
        &mut self,
        input: &mut Input<'_>,
        all: &[u8],
        cx: &LoadContext<'_>,
    ) -> Read<Option<Item>> {
        match &mut self.stage {
            Stage::Header => {
                let item = self.header(input)?;
                self.stage = Stage::Opcode;
                Ok(Some(item))
            }
            Stage::Opcode => self.opcode(input),
            Stage::Key(number) => {
                let number = *number;
                let key = input.string()?;
                if number == kind::STRING {
                    // Most keys of most files: in one step, without a state for the value.
                    let value = string_value(input.string()?);
                    self.stage = Stage::Opcode;
                    return Ok(Some(self.item(key.to_vec(), Some(value), cx)));
                }
                let key = key.to_vec();
                if number == kind::MODULE_2 {
                    let name = module_name(input.length()?);
                    let key = String::from_utf8_lossy(&key);
                    return Err(Stop::Bad(
                        format!("The value of key '{key}' is of module type '{name}'").into(),
                    ));
                }
                let reader = ValueReader::new(number, self.family)?;
                self.stage = Stage::Value(key, reader);
                Ok(None)
            }
            Stage::Value(_, reader) => {
                reader.read(input, cx)?;
                Ok(Some(self.loaded(cx)))
            }
            Stage::Module(name) => {
                if !module_part(input)? {
                    return Ok(None);
                }
                let name = take(name);
                self.stage = Stage::Opcode;
                Ok(Some(Item::ModuleAux(name)))
            }
            Stage::Checksum => {
                self.check(input, all)?;
                self.stage = Stage::Done;
                Ok(Some(Item::End))
            }
            Stage::Done => Ok(Some(Item::End)),
        }
    }

    fn header(&mut self, input: &mut Input<'_>) -> Read<Item> {
        let header: [u8; 9] = input.array()?;
        let (family, digits) = match &header {
            [b'R', b'E', b'D', b'I', b'S', digits @ ..] => (Family::Redis, &digits[..]),
            [b'V', b'A', b'L', b'K', b'E', b'Y', digits @ ..] => (Family::Valkey, &digits[..]),
            _ => return Err(Stop::bad("This is no RDB file: wrong signature")),
        };
        let digits = str::from_utf8(digits).ok().filter(|d| !d.starts_with('+'));
        let version = digits.and_then(|digits| digits.parse().ok());
        let version: u16 = version.ok_or(Stop::bad("This is no RDB file: wrong version"))?;
        let is_known = Family::of_version(version) == Some(family);
        if !is_known && !self.options.takes_any_version {
            return Err(Stop::Bad(
                format!("Can't handle RDB format version {version} of {family:?}").into(),
            ));
        }
        (self.family, self.version) = (family, version);
        Ok(Item::Header(family, version))
    }

    fn opcode(&mut self, input: &mut Input<'_>) -> Read<Option<Item>> {
        let item = match input.byte()? {
            opcode::EXPIRE_TIME => {
                let at = input.array().map(i32::from_le_bytes)?;
                self.meta.expire_at = Some(i64::from(at) * 1000);
                return Ok(None);
            }
            opcode::EXPIRE_TIME_MS => {
                self.meta.expire_at = Some(input.fixed()?);
                return Ok(None);
            }
            opcode::IDLE => {
                self.meta.idle_s = Some(input.length()?);
                return Ok(None);
            }
            opcode::FREQ => {
                self.meta.frequency = Some(input.byte()?);
                return Ok(None);
            }
            opcode::AUX => Item::Aux(input.string()?.to_vec(), input.string()?.to_vec()),
            opcode::FUNCTION2 => Item::Library(input.string()?.to_vec()),
            opcode::FUNCTION_PRE_GA => {
                return Err(Stop::bad("Functions of a release candidate of Redis 7.0"));
            }
            opcode::SELECT_DB => Item::Database(input.length()?),
            opcode::RESIZE_DB => Item::Sizes(input.length()?, input.length()?),
            opcode::SLOT_INFO => {
                // A hint for clusters: a slot, its keys, and those that expire.
                for _ in 0..3 {
                    input.length()?;
                }
                return Ok(None);
            }
            opcode::FOREIGN => {
                return Err(Stop::bad(match self.family {
                    Family::Redis => "A module's metadata of a key cannot be loaded",
                    Family::Valkey => "The state of a slot's import cannot be loaded",
                }));
            }
            opcode::MODULE_AUX => {
                let name = module_name(input.length()?);
                if input.length()? != MODULE_UINT {
                    return Err(Stop::bad("Malformed data of a module"));
                }
                input.length()?;
                self.stage = Stage::Module(name);
                return Ok(None);
            }
            opcode::EOF => {
                self.stage = Stage::Checksum;
                return Ok(None);
            }
            number => {
                self.stage = Stage::Key(number);
                return Ok(None);
            }
        };
        Ok(Some(item))
    }

    /// The key whose value is complete.
    fn loaded(&mut self, cx: &LoadContext<'_>) -> Item {
        match std::mem::replace(&mut self.stage, Stage::Opcode) {
            Stage::Value(key, reader) => self.item(key, reader.finish(), cx),
            _ => Item::End,
        }
    }

    /// A key with its value and what was said about it.
    fn item(&mut self, key: Vec<u8>, value: Option<Value>, cx: &LoadContext<'_>) -> Item {
        let meta = take(&mut self.meta);
        let is_expired = meta.expire_at.is_some_and(|at| at < cx.now_ms);
        match value {
            None => Item::Skipped(key, SkipReason::Empty),
            Some(_) if is_expired && cx.drops_expired => Item::Skipped(key, SkipReason::Expired),
            Some(value) => Item::Key(LoadedKey {
                key,
                value,
                expire_at: meta.expire_at,
                idle_s: meta.idle_s,
                frequency: meta.frequency,
            }),
        }
    }

    /// `all` is done with up to the checksum.
    fn check(&mut self, input: &mut Input<'_>, all: &[u8]) -> Read<()> {
        if self.version < CHECKSUM_VERSION {
            return Ok(());
        }
        let end = input.at;
        let stated = input.array().map(u64::from_le_bytes)?;
        if !self.options.checks_checksum || stated == 0 {
            return Ok(());
        }
        let mut checksum = self.checksum.clone();
        checksum.update(&all[..end]);
        let found = checksum.value();
        if found != stated {
            return Err(Stop::Bad(
                format!("Wrong checksum: {stated:016x} in the file, {found:016x} of it").into(),
            ));
        }
        Ok(())
    }
}

/// Skips one part of a module's data; whether it was the end.
fn module_part(input: &mut Input<'_>) -> Read<bool> {
    match input.length()? {
        MODULE_EOF => return Ok(true),
        MODULE_SINT | MODULE_UINT => {
            input.length()?;
        }
        MODULE_FLOAT => {
            input.take(4)?;
        }
        MODULE_DOUBLE => {
            input.take(8)?;
        }
        MODULE_STRING => {
            input.string()?.bytes(&mut IntBuf::new());
        }
        _ => return Err(Stop::bad("Malformed data of a module")),
    }
    Ok(false)
}

/// The name in the id of a module's type: nine letters of 6 bits, above 10 bits of a version.
fn module_name(id: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..9)
        .rev()
        .map(|place| char::from(LETTERS[(id >> (10 + 6 * place)) as usize & 63]))
        .collect()
}
