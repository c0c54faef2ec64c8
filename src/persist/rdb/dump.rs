//! The payloads of DUMP and FUNCTION DUMP: a value or all libraries of functions, the version they
//! need, and a checksum.
//!
//! ```text
//! type: u8 | value | version: u16 | CRC-64 of all before: u64
//! ```

use std::borrow::Cow;

use super::input::Input;
use super::{Crc64, Encoder, Family, LoadContext, Read, Stop, ValueReader, opcode};
use super::{WriteOptions, encode_value};
use crate::store::value::{Value, ValueRef};

/// The version and the checksum.
const FOOTER_LEN: usize = 10;
/// The first version with libraries of functions, Redis 7.0.
const VERSION_LIBRARIES: u16 = 10;

/// What of a payload was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DumpFault {
    /// Another version, or bytes were changed.
    Footer,
    /// The value is none.
    Format,
}

/// Why a payload was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpError {
    /// What clients are told.
    pub fault: DumpFault,
    /// What operators are told.
    pub reason: Cow<'static, str>,
}

impl DumpError {
    fn footer(reason: impl Into<Cow<'static, str>>) -> DumpError {
        DumpError {
            fault: DumpFault::Footer,
            reason: reason.into(),
        }
    }

    fn format(reason: impl Into<Cow<'static, str>>) -> DumpError {
        DumpError {
            fault: DumpFault::Format,
            reason: reason.into(),
        }
    }
}

/// The payload of a value. Its version is the lowest that knows the value's type.
pub fn dump(value: ValueRef<'_>, options: WriteOptions) -> Vec<u8> {
    let mut encoder = Encoder::new(options.compresses);
    let version = encode_value(value, options, &mut encoder);
    with_footer(encoder.out, version)
}

/// The payload of libraries of functions, by their codes.
pub fn dump_libraries<'a>(codes: impl Iterator<Item = &'a [u8]>, compresses: bool) -> Vec<u8> {
    let mut encoder = Encoder::new(compresses);
    for code in codes {
        encoder.byte(opcode::FUNCTION2);
        encoder.string(code);
    }
    with_footer(encoder.out, VERSION_LIBRARIES)
}

fn with_footer(mut payload: Vec<u8>, version: u16) -> Vec<u8> {
    payload.extend(version.to_le_bytes());
    let checksum = Crc64::of(&payload);
    payload.extend(checksum.to_le_bytes());
    payload
}

/// How a payload is checked before it is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FooterCheck {
    /// Versions that are not known are tried: `rdb-version-check relaxed`.
    pub takes_any_version: bool,
    /// The checksum is not looked at: DEBUG SET-SKIP-CHECKSUM-VALIDATION.
    pub skips_checksum: bool,
}

/// The value of a payload.
///
/// # Errors
/// See [`DumpError`]. A value that has no elements (any more) is none.
pub fn restore(
    payload: &[u8],
    check: FooterCheck,
    cx: &LoadContext<'_>,
) -> Result<Value, DumpError> {
    let (value, version) = split(payload, check)?;
    let family = match Family::of_version(version) {
        Some(family) => family,
        None if version > super::VERSION_VALKEY => Family::Valkey,
        None => Family::Redis,
    };
    let mut input = Input::new(value);
    match read(&mut input, family, cx) {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(DumpError::format("The value has no elements")),
        Err(stop) => {
            let reason = match stop {
                Stop::More => Cow::Borrowed("The value ends too early"),
                Stop::Bad(reason) => reason,
            };
            let (at, kind) = (input.at, value.first().copied().unwrap_or(0));
            let what = format!("{reason}, near byte {at} (type {kind}, version {version})");
            Err(DumpError::format(what))
        }
    }
}

/// The codes of the libraries in a payload, one at a time: compressed ones are far longer.
///
/// # Errors
/// See [`DumpError`]: of the footer here, of the format where a library comes.
pub fn restore_libraries(
    payload: &[u8],
    check: FooterCheck,
) -> Result<impl Iterator<Item = Result<Vec<u8>, DumpError>>, DumpError> {
    let (libraries, _) = split(payload, check)?;
    let mut input = Input::new(libraries);
    Ok(std::iter::from_fn(move || {
        (!input.is_at_end()).then(|| read_library(&mut input))
    }))
}

fn read_library(input: &mut Input<'_>) -> Result<Vec<u8>, DumpError> {
    match input.byte() {
        Ok(opcode::FUNCTION2) => {}
        Ok(opcode::FUNCTION_PRE_GA) => {
            return Err(DumpError::format("Pre-GA function format not supported"));
        }
        _ => return Err(DumpError::format("given type is not a function")),
    }
    let code = input.string();
    let code = code.map_err(|_| DumpError::format("Failed loading library payload"))?;
    Ok(code.to_vec())
}

fn split(payload: &[u8], check: FooterCheck) -> Result<(&[u8], u16), DumpError> {
    let too_short = || DumpError::footer("It is shorter than its footer");
    let end = payload.len().checked_sub(FOOTER_LEN);
    let parts = end.and_then(|end| payload.split_at_checked(end));
    let (value, footer) = parts.ok_or_else(too_short)?;
    let (version, checksum) = footer.split_first_chunk().ok_or_else(too_short)?;
    let found = Crc64::of(&payload[..value.len() + version.len()]).to_le_bytes();
    if *checksum != found && !check.skips_checksum {
        return Err(DumpError::footer("Its checksum is wrong"));
    }
    let version = u16::from_le_bytes(*version);
    if Family::of_version(version).is_none() && !check.takes_any_version {
        return Err(DumpError::footer(format!("version {version} is not known")));
    }
    Ok((value, version))
}

fn read(input: &mut Input<'_>, family: Family, cx: &LoadContext<'_>) -> Read<Option<Value>> {
    let mut reader = ValueReader::new(input.byte()?, family)?;
    reader.read(input, cx)?;
    if !input.is_at_end() {
        return Err(Stop::bad("Bytes are left behind the value"));
    }
    Ok(reader.finish())
}
