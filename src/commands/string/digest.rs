//! DIGEST: the XXH3 hash of a string, as 16 hexadecimal digits.

use xxhash_rust::xxh3::xxh3_64;

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::store::value::{Kind, ValueRef};

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
pub fn of(value: ValueRef<'_>) -> Result<u64, CommandError> {
    match value {
        ValueRef::Int(n) => Ok(xxh3_64(itoa::Buffer::new().format(n).as_bytes())),
        ValueRef::Str(bytes) => Ok(xxh3_64(bytes)),
        ValueRef::Large(bytes) => Ok(xxh3_64(bytes)),
        _ => Err(CommandError::WRONG_TYPE),
    }
}

/// Reads a digest argument: exactly 16 hexadecimal digits, either case.
pub fn parse(argument: &[u8]) -> Result<u64, CommandError> {
    let text = std::str::from_utf8(argument).ok();
    text.filter(|text| text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit()))
        .and_then(|text| u64::from_str_radix(text, 16).ok())
        .ok_or_else(|| CommandError::fixed("ERR IFDEQ/IFDNE digest must be 16 hexadecimal digits"))
}
