//! Reading by id: XLEN XRANGE XREVRANGE.

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::store::types::stream::{parse_interval_end, parse_interval_start};
use crate::store::value::{Kind, ValueRef};

use super::{interval_error, reply_entry, stream};

/// XLEN key
pub fn xlen(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let len = match ctx.read_kind(&key, Kind::Stream)? {
        None => 0,
        Some(slot) => stream(ctx, slot)?.len(),
    };
    ctx.reply.int(len as i64);
    Ok(())
}

/// XRANGE key start end [COUNT count]
pub fn xrange(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    range(ctx, args, false)
}

/// XREVRANGE key end start [COUNT count]
pub fn xrevrange(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    range(ctx, args, true)
}

fn range(ctx: &mut KeyCtx<'_>, args: Args<'_>, backwards: bool) -> CommandResult {
    let (from, to) = if backwards { (3, 2) } else { (2, 3) };
    let start = parse_interval_start(args.at(from)).map_err(interval_error)?;
    let end = parse_interval_end(args.at(to)).map_err(interval_error)?;
    let limit = parse_count(args)?;
    let key = ctx.key(args.at(1));
    let found = ctx.read_kind(&key, Kind::Stream)?;
    let KeyCtx { db, reply, .. } = ctx;
    let Some(ValueRef::Stream(stream)) = found.map(|slot| db.value(slot)) else {
        reply.array(0);
        return Ok(());
    };
    if limit == 0 {
        reply.null_array();
        return Ok(());
    }
    let mark = reply.begin_array();
    let mut count = 0;
    if backwards {
        for entry in stream.range_rev(start, end).take(limit) {
            reply_entry(reply, &entry);
            count += 1;
        }
    } else {
        for entry in stream.range(start, end).take(limit) {
            reply_entry(reply, &entry);
            count += 1;
        }
    }
    reply.end_array(mark, count);
    Ok(())
}

/// `[COUNT count]`, which may be given again: the last one holds. Nothing is below 0.
fn parse_count(args: Args<'_>) -> Result<usize, CommandError> {
    let mut limit = usize::MAX;
    let mut at = 4;
    while at < args.len() {
        if !args.at(at).eq_ignore_ascii_case(b"count") || at + 1 >= args.len() {
            return Err(CommandError::SYNTAX);
        }
        let count = parse_i64(args.at(at + 1)).ok_or(CommandError::NOT_INTEGER)?;
        limit = usize::try_from(count).unwrap_or(0);
        at += 2;
    }
    Ok(limit)
}
