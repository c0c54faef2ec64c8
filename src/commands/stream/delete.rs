//! Deleting entries, and what a stream remembers of them: XDEL XDELEX XACKDEL XSETID.

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::store::types::stream::{Deletion, RefPolicy, SetIdError, StreamId};
use crate::store::value::Kind;

use super::trim::parse_policy;
use super::{parse_id, stream_mut};

/// XDEL key id [id ...]
pub fn xdel(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let Some(slot) = ctx.write_kind(&key, Kind::Stream)? else {
        ctx.reply.int(0);
        return Ok(());
    };
    let ids = parse_ids(args, 2, args.len())?;
    let stream = stream_mut(ctx, slot)?;
    let deleted = ids.into_iter().filter(|id| stream.delete(*id)).count();
    tell_deleted(ctx, key.bytes, deleted);
    ctx.reply.int(deleted as i64);
    Ok(())
}

/// XDELEX key [KEEPREF|DELREF|ACKED] IDS numids id [id ...]
pub fn xdelex(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let found = ctx.write_kind(&key, Kind::Stream)?;
    let request = Request::parse(args, 2)?;
    let Some(slot) = found else {
        request.reply_not_found(ctx);
        return Ok(());
    };
    let ids = parse_ids(args, request.from, request.to)?;
    ctx.reply.array(ids.len());
    let mut deleted = 0;
    for id in ids {
        let deletion = stream_mut(ctx, slot)?.delete_with(id, request.references);
        deleted += usize::from(deletion == Deletion::Deleted);
        ctx.reply.int(deletion as i64);
    }
    tell_deleted(ctx, key.bytes, deleted);
    if request.references == RefPolicy::Delete {
        // References may be gone though no entry is.
        ctx.effects.propagate_always();
    }
    Ok(())
}

/// XACKDEL key group [KEEPREF|DELREF|ACKED] IDS numids id [id ...]
pub fn xackdel(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let found = ctx.write_kind(&key, Kind::Stream)?;
    let request = Request::parse(args, 3)?;
    let Some(slot) = found else {
        request.reply_not_found(ctx);
        return Ok(());
    };
    let ids = parse_ids(args, request.from, request.to)?;
    ctx.reply.array(ids.len());
    let (mut deleted, mut acked) = (0, 0);
    for id in ids {
        let stream = stream_mut(ctx, slot)?;
        let before = stream.len();
        let deletion = stream.ack_and_delete(args.at(2), id, request.references);
        deleted += before - stream.len();
        acked += u64::from(deletion != Deletion::NotFound);
        ctx.reply.int(deletion as i64);
    }
    tell_deleted(ctx, key.bytes, deleted);
    ctx.effects.dirty += acked - deleted as u64;
    Ok(())
}

/// XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]
pub fn xsetid(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let id = parse_id(args.at(2))?;
    let (mut entries_added, mut max_deleted_id) = (None, None);
    let mut at = 3;
    while at < args.len() {
        let (word, value) = (args.at(at), args.get(at + 1).ok_or(CommandError::SYNTAX)?);
        if word.eq_ignore_ascii_case(b"entriesadded") {
            let added = parse_i64(value).ok_or(CommandError::NOT_INTEGER)?;
            let added = u64::try_from(added)
                .map_err(|_| CommandError::fixed("ERR entries_added must be positive"))?;
            entries_added = Some(added);
        } else if word.eq_ignore_ascii_case(b"maxdeletedid") {
            let max = parse_id(value)?;
            if id < max {
                return Err(CommandError::fixed(
                    "ERR The ID specified in XSETID is smaller than the provided \
                     max_deleted_entry_id",
                ));
            }
            max_deleted_id = Some(max);
        } else {
            return Err(CommandError::SYNTAX);
        }
        at += 2;
    }
    let key = ctx.key(args.at(1));
    let slot = ctx.write_kind(&key, Kind::Stream)?;
    let slot = slot.ok_or(CommandError::NO_SUCH_KEY)?;
    stream_mut(ctx, slot)?
        .set_id(id, entries_added, max_deleted_id)
        .map_err(set_id_error)?;
    ctx.effects.dirty += 1;
    ctx.notify(EventClass::STREAM, "xsetid", key.bytes);
    ctx.reply.ok();
    Ok(())
}

/// The ids from argument `from` up to `to`.
pub fn parse_ids(args: Args<'_>, from: usize, to: usize) -> Result<Vec<StreamId>, CommandError> {
    (from..to).map(|at| parse_id(args.at(at))).collect()
}

/// `[KEEPREF|DELREF|ACKED] IDS numids id [id ...]`
struct Request {
    references: RefPolicy,
    from: usize,
    to: usize,
}

impl Request {
    fn parse(args: Args<'_>, place: usize) -> Result<Request, CommandError> {
        let (mut references, mut ids) = (None, None);
        let mut at = place;
        while at < args.len() {
            let word = args.at(at);
            if let Some(policy) = parse_policy(word).filter(|_| references.is_none()) {
                references = Some(policy);
                at += 1;
            } else if word.eq_ignore_ascii_case(b"ids") && at + 1 < args.len() && ids.is_none() {
                let count = parse_i64(args.at(at + 1)).filter(|count| *count > 0);
                let count = count.ok_or(CommandError::fixed(
                    "ERR Number of IDs must be a positive integer",
                ))?;
                let from = at + 2;
                at = usize::try_from(count).map_or(usize::MAX, |n| n.saturating_add(from));
                if at > args.len() {
                    return Err(CommandError::fixed(
                        "ERR The `numids` parameter must match the number of arguments",
                    ));
                }
                ids = Some((from, at));
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        let (from, to) = ids.ok_or(CommandError::SYNTAX)?;
        Ok(Request {
            references: references.unwrap_or_default(),
            from,
            to,
        })
    }

    fn reply_not_found(&self, ctx: &mut KeyCtx<'_>) {
        ctx.reply.array(self.to - self.from);
        for _ in self.from..self.to {
            ctx.reply.int(Deletion::NotFound as i64);
        }
    }
}

fn tell_deleted(ctx: &mut KeyCtx<'_>, key: &[u8], deleted: usize) {
    if deleted > 0 {
        ctx.effects.dirty += deleted as u64 - 1;
        ctx.modified(key);
        ctx.notify(EventClass::STREAM, "xdel", key);
    }
}

#[cold]
fn set_id_error(error: SetIdError) -> CommandError {
    CommandError::fixed(match error {
        SetIdError::BelowMaxDeleted => {
            "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"
        }
        SetIdError::BelowTopItem => {
            "ERR The ID specified in XSETID is smaller than the target stream top item"
        }
        SetIdError::AddedBelowLength => {
            "ERR The entries_added specified in XSETID is smaller than the target stream length"
        }
    })
}
