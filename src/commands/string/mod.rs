//! Strings.

use crate::dispatch::table::Command;

/// The rows of this family.
pub static TABLE: &[Command] = &[];

pub mod counter;
pub mod digest;
pub mod get;
pub mod set;

use crate::engine::error::CommandError;
use crate::store::value::ValueRef;

/// Whether a string value equals `want`.
///
/// # Errors
/// The value is no string.
pub fn equals(value: ValueRef<'_>, want: &[u8]) -> Result<bool, CommandError> {
    match value {
        ValueRef::Int(n) => Ok(itoa::Buffer::new().format(n).as_bytes() == want),
        ValueRef::Str(bytes) => Ok(bytes == want),
        ValueRef::Large(bytes) => Ok(bytes == want),
        _ => Err(CommandError::WRONG_TYPE),
    }
}
