//! Taking over what others have pending: XCLAIM XAUTOCLAIM.

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::resp::reply::Reply;
use crate::store::types::stream::{Claim, ClaimOptions, Entry, StreamId, parse_interval_start};
use crate::store::value::{Kind, ValueMut};

use super::propagate::Changes;
use super::{interval_error, no_key_or_group, parse_id, reply_entry, reply_id, stream};

/// How many entries XAUTOCLAIM claims when it is not told.
const AUTOCLAIM_COUNT: usize = 100;
/// The largest count XAUTOCLAIM takes, as Redis has it.
const AUTOCLAIM_COUNT_MAX: i64 = i64::MAX / 16;

/// XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-ms]
/// [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]
pub fn xclaim(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let (bytes, name, consumer) = (args.at(1), args.at(2), args.at(3));
    let key = ctx.key(bytes);
    let found = ctx.read_kind(&key, Kind::Stream)?;
    let has_group = match found {
        Some(slot) => stream(ctx, slot)?.group(name).is_some(),
        None => false,
    };
    let (Some(slot), true) = (found, has_group) else {
        return Err(no_key_or_group(bytes, name));
    };
    let now_ms = ctx.now.unix_ms;
    let mut request = Request::parse(args, now_ms)?;
    request.check_delivery_time(ctx.caller.is_log());
    let mut changes = Changes::new(ctx, bytes, name, consumer);
    let KeyCtx { db, reply, .. } = ctx;
    let ValueMut::Stream(stream) = db.value_mut(slot) else {
        return Err(CommandError::WRONG_TYPE);
    };
    let Some(mut group) = stream.group_mut(name) else {
        return Err(no_key_or_group(bytes, name));
    };
    let raised = request.last_id.is_some_and(|id| group.raise_last_id(id));
    let (to, created) = group.touch_consumer(consumer, now_ms);
    changes.consumer_created = created;
    let mark = reply.begin_array();
    let mut count = 0;
    for id in request.ids {
        match group.claim(id, to, &request.options) {
            Claim::Skipped | Claim::Deleted(None) => {}
            Claim::Deleted(Some(_)) => {
                changes.dirty += 1;
                changes.record(id);
            }
            Claim::Claimed(entry) => {
                reply_claimed(reply, &entry, request.options.just_id);
                count += 1;
                changes.dirty += 1;
                changes.record(id);
            }
        }
    }
    reply.end_array(mark, count);
    if raised && changes.dirty == 0 {
        changes.position_moved = true;
        changes.dirty += 1;
    }
    changes.note_group(&group);
    changes.settle(ctx);
    if created {
        ctx.notify(EventClass::STREAM, "xgroup-createconsumer", bytes);
    }
    Ok(())
}

/// XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]
pub fn xautoclaim(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let (bytes, name, consumer) = (args.at(1), args.at(2), args.at(3));
    let now_ms = ctx.now.unix_ms;
    let min_idle_ms = parse_idle(
        args.at(4),
        "ERR Invalid min-idle-time argument for XAUTOCLAIM",
    )?;
    let start = parse_interval_start(args.at(5)).map_err(interval_error)?;
    let (limit, just_id) = parse_autoclaim(args)?;
    let key = ctx.key(bytes);
    let found = ctx.read_kind(&key, Kind::Stream)?;
    let mut changes = Changes::new(ctx, bytes, name, consumer);
    let KeyCtx { db, reply, .. } = ctx;
    let Some(ValueMut::Stream(stream)) = found.map(|slot| db.value_mut(slot)) else {
        return Err(no_key_or_group(bytes, name));
    };
    let Some(mut group) = stream.group_mut(name) else {
        return Err(no_key_or_group(bytes, name));
    };
    let (to, created) = group.touch_consumer(consumer, now_ms);
    changes.consumer_created = created;
    let options = ClaimOptions {
        now_ms,
        min_idle_ms,
        delivery_time: now_ms,
        retry_count: None,
        force: false,
        just_id,
    };
    let mut claimed: Vec<Entry<'_>> = Vec::new();
    let mut deleted: Vec<StreamId> = Vec::new();
    let next = group.autoclaim(to, start, limit, &options, |id, claim| match claim {
        Claim::Skipped => {}
        Claim::Deleted(_) => {
            deleted.push(id);
            changes.record(id);
        }
        Claim::Claimed(entry) => {
            claimed.push(entry);
            changes.record(id);
        }
    });
    changes.dirty += (claimed.len() + deleted.len()) as u64;
    reply.array(3);
    reply_id(reply, next);
    reply.array(claimed.len());
    for entry in &claimed {
        reply_claimed(reply, entry, just_id);
    }
    reply.array(deleted.len());
    for id in deleted {
        reply_id(reply, id);
    }
    changes.note_group(&group);
    changes.settle(ctx);
    if created {
        ctx.notify(EventClass::STREAM, "xgroup-createconsumer", bytes);
    }
    Ok(())
}

fn reply_claimed(reply: &mut Reply<'_>, entry: &Entry<'_>, just_id: bool) {
    if just_id {
        reply_id(reply, entry.id());
    } else {
        reply_entry(reply, entry);
    }
}

/// What XCLAIM asks for.
struct Request {
    ids: Vec<StreamId>,
    options: ClaimOptions,
    last_id: Option<StreamId>,
}

impl Request {
    fn parse(args: Args<'_>, now_ms: i64) -> Result<Request, CommandError> {
        let min_idle_ms = parse_idle(args.at(4), "ERR Invalid min-idle-time argument for XCLAIM")?;
        // What is no id begins the options.
        let ids: Vec<StreamId> = args
            .iter_from(5)
            .map_while(|text| StreamId::parse_strict(text, 0))
            .collect();
        let mut at = 5 + ids.len();
        let mut request = Request {
            ids,
            options: ClaimOptions {
                now_ms,
                min_idle_ms,
                delivery_time: now_ms,
                retry_count: None,
                force: false,
                just_id: false,
            },
            last_id: None,
        };
        while at < args.len() {
            at += request.parse_option(args, at)?;
        }
        Ok(request)
    }

    /// Negative times count as now, and so do times to come, unless the log tells them: the clock
    /// may have been set back since.
    fn check_delivery_time(&mut self, is_log: bool) {
        let ClaimOptions {
            now_ms,
            delivery_time,
            ..
        } = &mut self.options;
        let latest = if is_log { i64::MAX } else { *now_ms };
        if !(0..=latest).contains(delivery_time) {
            *delivery_time = *now_ms;
        }
    }

    /// Reads the option at `at` and says how many arguments it took.
    fn parse_option(&mut self, args: Args<'_>, at: usize) -> Result<usize, CommandError> {
        let (word, value) = (args.at(at), args.get(at + 1));
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        let number = |value: &[u8], line| parse_i64(value).ok_or(CommandError::fixed(line));
        let options = &mut self.options;
        match value {
            _ if is(b"force") => {
                options.force = true;
                return Ok(1);
            }
            _ if is(b"justid") => {
                options.just_id = true;
                return Ok(1);
            }
            Some(value) if is(b"idle") => {
                let idle = number(value, "ERR Invalid IDLE option argument for XCLAIM")?;
                options.delivery_time = options.now_ms.saturating_sub(idle);
            }
            Some(value) if is(b"time") => {
                options.delivery_time =
                    number(value, "ERR Invalid TIME option argument for XCLAIM")?;
            }
            Some(value) if is(b"retrycount") => {
                let count = number(value, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
                options.retry_count = Some(count).filter(|count| *count >= 0);
            }
            Some(value) if is(b"lastid") => self.last_id = Some(parse_id(value)?),
            _ => {
                let word = String::from_utf8_lossy(word);
                return Err(CommandError::new(format!(
                    "ERR Unrecognized XCLAIM option '{word}'"
                )));
            }
        }
        Ok(2)
    }
}

fn parse_idle(text: &[u8], line: &'static str) -> Result<i64, CommandError> {
    Ok(parse_i64(text).ok_or(CommandError::fixed(line))?.max(0))
}

fn parse_autoclaim(args: Args<'_>) -> Result<(usize, bool), CommandError> {
    let (mut limit, mut just_id) = (AUTOCLAIM_COUNT, false);
    let mut at = 6;
    while at < args.len() {
        if args.at(at).eq_ignore_ascii_case(b"count") && at + 1 < args.len() {
            let count = parse_i64(args.at(at + 1))
                .filter(|count| (1..=AUTOCLAIM_COUNT_MAX).contains(count))
                .ok_or(CommandError::fixed("ERR COUNT must be > 0"))?;
            limit = usize::try_from(count).unwrap_or(usize::MAX);
            at += 2;
        } else if args.at(at).eq_ignore_ascii_case(b"justid") {
            just_id = true;
            at += 1;
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    Ok((limit, just_id))
}
