//! Waiting for elements: BLPOP BRPOP BLMOVE BRPOPLPUSH BLMPOP BLMOVEM.
//!
//! A handler that finds nothing asks to block and replies nothing; it is run again when one of
//! its keys holds a list.

use crate::commands::parse::{self, MultiPop};
use crate::engine::blocked::TimeoutReply;
use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::store::types::list::End;
use crate::store::value::Kind;

use super::ends::{pop_one, serve_mpop};
use super::moving::{MoveMany, move_one};
use super::parse_end;

/// BLPOP key [key ...] timeout
pub fn blpop(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    pop(ctx, args, End::Head)
}

/// BRPOP key [key ...] timeout
pub fn brpop(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    pop(ctx, args, End::Tail)
}

/// BLMPOP timeout numkeys key [key ...] LEFT|RIGHT [COUNT count]
pub fn blmpop(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let request = MultiPop::parse(args, 2, parse_end)?;
    let timeout_ms = parse::timeout_ms(args.at(1), ctx.now.unix_ms)?;
    if !serve_mpop(ctx, &request)? {
        ctx.wait_for(
            &request.keys,
            Kind::List,
            timeout_ms,
            TimeoutReply::NullArray,
        );
    }
    Ok(())
}

/// BLMOVE source destination LEFT|RIGHT LEFT|RIGHT timeout
pub fn blmove(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let ends = (parse_end(args.at(3))?, parse_end(args.at(4))?);
    let timeout_ms = parse::timeout_ms(args.at(5), ctx.now.unix_ms)?;
    move_or_wait(ctx, args, ends, timeout_ms)
}

/// BRPOPLPUSH source destination timeout
pub fn brpoplpush(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let timeout_ms = parse::timeout_ms(args.at(3), ctx.now.unix_ms)?;
    move_or_wait(ctx, args, (End::Tail, End::Head), timeout_ms)
}

/// BLMOVEM source destination LEFT|RIGHT LEFT|RIGHT timeout [COUNT n|EXACTLY n OBO|BULK]
pub fn blmovem(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let timeout_ms = parse::timeout_ms(args.at(5), ctx.now.unix_ms)?;
    let request = MoveMany::parse(args, 6)?;
    if !request.serve(ctx)? {
        ctx.wait_for(
            &[request.from],
            Kind::List,
            timeout_ms,
            TimeoutReply::NullArray,
        );
    }
    Ok(())
}

fn pop(ctx: &mut KeyCtx<'_>, args: Args<'_>, end: End) -> CommandResult {
    let last = args.len() - 1;
    let timeout_ms = parse::timeout_ms(args.at(last), ctx.now.unix_ms)?;
    let keys: Vec<&[u8]> = args.iter().take(last).skip(1).collect();
    for bytes in &keys {
        let key = ctx.key(bytes);
        let Some(slot) = ctx.write_kind(&key, Kind::List)? else {
            continue;
        };
        ctx.reply.array(2);
        ctx.reply.bulk(bytes);
        pop_one(ctx, &key, slot, end)?;
        let verb: &[u8] = if end == End::Head { b"LPOP" } else { b"RPOP" };
        ctx.propagate_as(&[verb, bytes]);
        return Ok(());
    }
    ctx.wait_for(&keys, Kind::List, timeout_ms, TimeoutReply::NullArray);
    Ok(())
}

fn move_or_wait(
    ctx: &mut KeyCtx<'_>,
    args: Args<'_>,
    ends: (End, End),
    timeout_ms: u64,
) -> Result<(), CommandError> {
    if !move_one(ctx, args.at(1), args.at(2), ends)? {
        // Who waited in vain is answered otherwise than who must not wait.
        if ctx.caller.deny_blocking {
            ctx.reply.null();
            return Ok(());
        }
        ctx.wait_for(
            &[args.at(1)],
            Kind::List,
            timeout_ms,
            TimeoutReply::NullArray,
        );
    }
    Ok(())
}
