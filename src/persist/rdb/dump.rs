//! The payload of DUMP and RESTORE: a value, the version it needs, and a checksum.
//!
//! ```text
//! type: u8 | value | version: u16 | CRC-64 of all before: u64
//! ```

use super::input::Input;
use super::{Crc64, Encoder, Family, LoadContext, Read, Stop, ValueReader};
use super::{WriteOptions, encode_value};
use crate::store::value::{Value, ValueRef};

/// The version and the checksum.
const FOOTER_LEN: usize = 10;

/// Why a payload was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DumpError {
    /// Another version, or bytes were changed.
    Footer,
    /// The value is none.
    Format,
}

/// The payload of a value. Its version is the lowest that knows the value's type.
pub fn dump(value: ValueRef<'_>, options: WriteOptions) -> Vec<u8> {
    let mut encoder = Encoder::new(options.compresses);
    let version = encode_value(value, options, &mut encoder);
    let mut payload = encoder.out;
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

/// The value of a payload; none if it has no elements (any more).
///
/// # Errors
/// See [`DumpError`].
pub fn restore(
    payload: &[u8],
    check: FooterCheck,
    cx: &LoadContext<'_>,
) -> Result<Option<Value>, DumpError> {
    let (value, version) = split(payload, check).ok_or(DumpError::Footer)?;
    let family = match Family::of_version(version) {
        Some(family) => family,
        None if !check.takes_any_version => return Err(DumpError::Footer),
        None if version > super::VERSION_VALKEY => Family::Valkey,
        None => Family::Redis,
    };
    read(value, family, cx).map_err(|_| DumpError::Format)
}

fn split(payload: &[u8], check: FooterCheck) -> Option<(&[u8], u16)> {
    let (value, footer) = payload.split_at_checked(payload.len().checked_sub(FOOTER_LEN)?)?;
    let (version, checksum) = footer.split_first_chunk()?;
    let found = Crc64::of(&payload[..value.len() + version.len()]).to_le_bytes();
    (check.skips_checksum || *checksum == found).then_some((value, u16::from_le_bytes(*version)))
}

fn read(value: &[u8], family: Family, cx: &LoadContext<'_>) -> Read<Option<Value>> {
    let mut input = Input::new(value);
    let mut reader = ValueReader::new(input.byte()?, family)?;
    reader.read(&mut input, cx)?;
    if !input.is_at_end() {
        return Err(Stop::bad("Bytes are left behind the value"));
    }
    Ok(reader.finish())
}
