//! Parts of strings: APPEND SETRANGE GETRANGE SUBSTR.

use crate::engine::context::{KeyCtx, built_value};
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::store::value::{Kind, NewValue, ValueRef};

/// APPEND key value
pub fn append(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let (key, suffix) = (ctx.key(args.at(1)), args.at(2));
    let len = match ctx.write_kind(&key, Kind::String)? {
        None => {
            ctx.insert(&key, NewValue::Str(suffix));
            suffix.len()
        }
        Some(slot) => {
            let len = ctx.db.value(slot).string_len().unwrap_or(0);
            check_length(ctx, len, suffix.len())?;
            ctx.db.touch_modified(slot, ctx.now);
            ctx.db.append(slot, suffix).unwrap_or(len)
        }
    };
    ctx.modified(key.bytes);
    ctx.notify(EventClass::STRING, "append", key.bytes);
    ctx.reply.int(len as i64);
    Ok(())
}

/// SETRANGE key offset value
pub fn setrange(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let offset = parse_i64(args.at(2)).ok_or(CommandError::NOT_INTEGER)?;
    let offset = usize::try_from(offset).map_err(|_| CommandError::OFFSET_RANGE)?;
    let (key, part) = (ctx.key(args.at(1)), args.at(3));
    let found = ctx.write_kind(&key, Kind::String)?;
    let len = found
        .and_then(|slot| ctx.db.value(slot).string_len())
        .unwrap_or(0);
    if part.is_empty() {
        ctx.reply.int(len as i64);
        return Ok(());
    }
    check_length(ctx, offset, part.len())?;
    let end = offset + part.len();
    match found {
        Some(slot) => {
            ctx.edit(slot, end, |string| {
                string[offset..end].copy_from_slice(part)
            });
        }
        None => {
            let mut string = vec![0; end];
            string[offset..].copy_from_slice(part);
            ctx.insert(&key, built_value(&mut string));
        }
    }
    ctx.modified(key.bytes);
    ctx.notify(EventClass::STRING, "setrange", key.bytes);
    ctx.reply.int(len.max(end) as i64);
    Ok(())
}

/// GETRANGE key start end; SUBSTR is its old name.
pub fn getrange(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let start = parse_i64(args.at(2)).ok_or(CommandError::NOT_INTEGER)?;
    let end = parse_i64(args.at(3)).ok_or(CommandError::NOT_INTEGER)?;
    let key = ctx.key(args.at(1));
    let mut buffer = itoa::Buffer::new();
    let found = ctx.read_kind(&key, Kind::String)?;
    let string = match found.map(|slot| ctx.db.value(slot)) {
        Some(ValueRef::Large(bytes)) => {
            let part = clip(start, end, bytes.len()).unwrap_or_default();
            ctx.reply.bulk_large(bytes.slice(part));
            return Ok(());
        }
        Some(value) => value.string(&mut buffer).unwrap_or_default(),
        None => &[],
    };
    let part = clip(start, end, string.len()).and_then(|range| string.get(range));
    ctx.reply.bulk(part.unwrap_or_default());
    Ok(())
}

/// The bytes from `start` to `end`, both included and counted from the end when negative.
fn clip(start: i64, end: i64, len: usize) -> Option<std::ops::Range<usize>> {
    let len = len as i64;
    if start < 0 && end < 0 && start > end {
        return None;
    }
    let from_end = |at: i64| {
        if at < 0 {
            at.saturating_add(len).max(0)
        } else {
            at
        }
    };
    let (start, end) = (from_end(start), from_end(end).min(len - 1));
    (start <= end && len > 0).then(|| start as usize..end as usize + 1)
}

/// A string of `len` bytes and `more` behind them must not be longer than a request may carry.
fn check_length(ctx: &KeyCtx<'_>, len: usize, more: usize) -> Result<(), CommandError> {
    let limit = ctx.config.proto_max_bulk_len as usize;
    match len.checked_add(more) {
        Some(total) if total <= limit => Ok(()),
        _ => Err(CommandError::STRING_TOO_LONG),
    }
}
