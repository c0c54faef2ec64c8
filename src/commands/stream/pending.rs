//! What is pending: XACK XNACK XPENDING.

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::resp::reply::Reply;
use crate::store::types::stream::{
    Group, NackMode, Pending, StreamId, parse_interval_end, parse_interval_start,
};
use crate::store::value::{Kind, ValueRef};

use super::delete::parse_ids;
use super::{interval_error, no_key_or_group, reply_id, stream_mut};

/// XACK key group id [id ...]
pub fn xack(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let found = ctx.read_kind(&key, Kind::Stream)?;
    let mut acked = 0;
    if let Some(slot) = found
        && let Some(mut group) = stream_mut(ctx, slot)?.group_mut(args.at(2))
    {
        let ids = parse_ids(args, 3, args.len())?;
        acked = ids.into_iter().filter(|id| group.ack(*id)).count();
    }
    ctx.effects.dirty += acked as u64;
    ctx.reply.int(acked as i64);
    Ok(())
}

/// XNACK key group SILENT|FAIL|FATAL IDS numids id [id ...] [RETRYCOUNT count] [FORCE],
/// where the options may come before the ids too.
pub fn xnack(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let slot = ctx.write_kind(&key, Kind::Stream)?;
    let slot = slot.ok_or_else(|| no_key_or_group(key.bytes, args.at(2)))?;
    let Some(mut group) = stream_mut(ctx, slot)?.group_mut(args.at(2)) else {
        return Err(no_key_or_group(key.bytes, args.at(2)));
    };
    let request = Nack::parse(args)?;
    let mut released = 0;
    for id in request.ids {
        let done = group.nack(id, request.mode, request.retry_count, request.force);
        released += u64::from(done);
    }
    if released > 0 {
        ctx.effects.dirty += released - 1;
        ctx.modified(key.bytes);
    }
    ctx.reply.int(released as i64);
    Ok(())
}

/// XPENDING key group [[IDLE min-idle-time] start end count [consumer]]
pub fn xpending(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    if args.len() != 3 && !(6..=9).contains(&args.len()) {
        return Err(CommandError::SYNTAX);
    }
    let filter = if args.len() == 3 {
        None
    } else {
        Some(Filter::parse(args)?)
    };
    let key = ctx.key(args.at(1));
    let found = ctx.read_kind(&key, Kind::Stream)?;
    let now_ms = ctx.now.unix_ms;
    let KeyCtx { db, reply, .. } = ctx;
    let group = match found.map(|slot| db.value(slot)) {
        Some(ValueRef::Stream(stream)) => stream.group(args.at(2)),
        _ => None,
    };
    let group = group.ok_or_else(|| no_key_or_group(key.bytes, args.at(2)))?;
    match filter {
        None => reply_summary(reply, group),
        Some(filter) => filter.reply(reply, group, now_ms),
    }
    Ok(())
}

struct Nack {
    mode: NackMode,
    ids: Vec<StreamId>,
    retry_count: Option<i64>,
    force: bool,
}

impl Nack {
    fn parse(args: Args<'_>) -> Result<Nack, CommandError> {
        let mode = match args.at(3) {
            word if word.eq_ignore_ascii_case(b"silent") => NackMode::Silent,
            word if word.eq_ignore_ascii_case(b"fail") => NackMode::Fail,
            word if word.eq_ignore_ascii_case(b"fatal") => NackMode::Fatal,
            _ => {
                let line = "ERR mode must be SILENT, FAIL, or FATAL";
                return Err(CommandError::fixed(line));
            }
        };
        let mut nack = Nack {
            mode,
            ids: Vec::new(),
            retry_count: None,
            force: false,
        };
        nack.parse_options(args)?;
        if nack.ids.is_empty() {
            let line = "ERR syntax error, expected IDS keyword";
            return Err(CommandError::fixed(line));
        }
        Ok(nack)
    }

    /// The ids and the options, in any order.
    fn parse_options(&mut self, args: Args<'_>) -> Result<(), CommandError> {
        let mut at = 4;
        while at < args.len() {
            let word = args.at(at);
            let has_value = at + 1 < args.len();
            if word.eq_ignore_ascii_case(b"force") {
                self.force = true;
                at += 1;
            } else if word.eq_ignore_ascii_case(b"ids") && has_value && self.ids.is_empty() {
                at = self.parse_ids(args, at + 1)?;
            } else if word.eq_ignore_ascii_case(b"retrycount") && has_value {
                let count = parse_i64(args.at(at + 1)).ok_or(CommandError::NOT_INTEGER)?;
                if count < 0 {
                    let line = "ERR Invalid RETRYCOUNT value, must be >= 0";
                    return Err(CommandError::fixed(line));
                }
                self.retry_count = Some(count);
                at += 2;
            } else {
                let word = String::from_utf8_lossy(word);
                return Err(CommandError::new(format!(
                    "ERR Unrecognized XNACK option '{word}'"
                )));
            }
        }
        Ok(())
    }

    /// `numids id [id ...]`, which begin at `at`; answers where they end.
    fn parse_ids(&mut self, args: Args<'_>, at: usize) -> Result<usize, CommandError> {
        let count = parse_i64(args.at(at)).filter(|count| *count > 0);
        let count = count.ok_or(CommandError::fixed("ERR numids must be a positive integer"))?;
        let first = at + 1;
        let end = usize::try_from(count).map_or(usize::MAX, |count| count.saturating_add(first));
        if end > args.len() {
            let line = "ERR number of IDs doesn't match numids";
            return Err(CommandError::fixed(line));
        }
        self.ids = parse_ids(args, first, end)?;
        Ok(end)
    }
}

/// Which pending entries are asked for.
struct Filter<'a> {
    idle_ms: i64,
    start: StreamId,
    end: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    fn parse(args: Args<'a>) -> Result<Filter<'a>, CommandError> {
        let (mut at, mut idle_ms) = (3, 0);
        if args.at(3).eq_ignore_ascii_case(b"idle") {
            idle_ms = parse_i64(args.at(4)).ok_or(CommandError::NOT_INTEGER)?;
            if args.len() < 8 {
                return Err(CommandError::SYNTAX);
            }
            at = 5;
        }
        let count = parse_i64(args.at(at + 2)).ok_or(CommandError::NOT_INTEGER)?;
        Ok(Filter {
            idle_ms,
            start: parse_interval_start(args.at(at)).map_err(interval_error)?,
            end: parse_interval_end(args.at(at + 1)).map_err(interval_error)?,
            count: usize::try_from(count).unwrap_or(0),
            consumer: args.get(at + 3),
        })
    }

    fn reply(&self, reply: &mut Reply<'_>, group: &Group, now_ms: i64) {
        let mark = reply.begin_array();
        let mut count = 0;
        let mut write = |pending: &Pending| {
            count += 1;
            reply.array(4);
            reply_id(reply, pending.id);
            reply.bulk(group.owner_name(pending));
            reply.int(pending.idle_ms(now_ms));
            reply.int(pending.delivery_count);
        };
        let is_idle = |pending: &&Pending| pending.is_idle(now_ms, self.idle_ms);
        match self.consumer {
            None => group
                .pending_range(self.start, self.end)
                .filter(is_idle)
                .take(self.count)
                .for_each(&mut write),
            Some(name) => {
                if let Some(consumer) = group.find_consumer(name) {
                    group
                        .consumer_pending_range(consumer, self.start, self.end)
                        .filter(is_idle)
                        .take(self.count)
                        .for_each(&mut write);
                }
            }
        }
        reply.end_array(mark, count);
    }
}

fn reply_summary(reply: &mut Reply<'_>, group: &Group) {
    reply.array(4);
    reply.int(group.pending_len() as i64);
    let Some((first, last)) = group.pending_edges() else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    reply_id(reply, first);
    reply_id(reply, last);
    let mark = reply.begin_array();
    let mut count = 0;
    for consumer in group
        .consumers()
        .filter(|consumer| consumer.pending_len() > 0)
    {
        reply.array(2);
        reply.bulk(consumer.name());
        reply.bulk_int(consumer.pending_len() as i64);
        count += 1;
    }
    reply.end_array(mark, count);
}
