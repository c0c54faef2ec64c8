//! DIGEST: the XXH3 hash of a string, as 16 hexadecimal digits.

use xxhash_rust::xxh3::xxh3_64;

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::store::value::{Kind, ValueRef};

/// Length of a digest.
const DIGITS: usize = 16;

/// DIGEST key
pub fn digest(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    match ctx.read_kind(&key, Kind::String)? {
        None => ctx.reply.null(),
        Some(slot) => {
            let digest = of(ctx.db.value(slot))?;
            ctx.reply.bulk(format!("{digest:016x}").as_bytes());
        }
    }
    Ok(())
}

/// The digest of a string value.
fn of(value: ValueRef<'_>) -> Result<u64, CommandError> {
    match value {
        ValueRef::Int(n) => Ok(xxh3_64(itoa::Buffer::new().format(n).as_bytes())),
        ValueRef::Str(bytes) => Ok(xxh3_64(bytes)),
        ValueRef::Large(bytes) => Ok(xxh3_64(bytes)),
        _ => Err(CommandError::WRONG_TYPE),
    }
}

/// Whether a string value has the digest that an argument spells: 16 hexadecimal digits, either
/// case. Only the length is checked: what is no digest is that of no value.
///
/// # Errors
/// The length; or the value is no string.
pub fn matches(value: ValueRef<'_>, want: &[u8]) -> Result<bool, CommandError> {
    let digest = of(value)?;
    if want.len() != DIGITS {
        return Err(CommandError::fixed(
            "ERR must be exactly 16 hexadecimal characters",
        ));
    }
    Ok(want.eq_ignore_ascii_case(format!("{digest:016x}").as_bytes()))
}
