//! Reading what follows an id: XREAD, and what it shares with XREADGROUP.

use std::ops::ControlFlow;

use crate::engine::blocked::{BlockRequest, TimeoutReply, distinct};
use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::{Args, OwnedArgs};
use crate::resp::number::parse_i64;
use crate::resp::reply::{Mark, Protocol, Reply};
use crate::store::types::stream::{Stream, StreamId};
use crate::store::value::{Kind, ValueRef};

use super::{parse_id, reply_entry, stream};

/// XREAD [COUNT count] [MAXCOUNT maxcount] [MAXSIZE maxsize] [BLOCK milliseconds]
/// STREAMS key [key ...] id [id ...]
pub fn xread(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let request = ReadArgs::parse(ctx, args, false)?;
    let mut after = Vec::with_capacity(request.streams);
    for index in 0..request.streams {
        let key = ctx.key(request.key(index));
        let found = ctx.read_kind(&key, Kind::Stream)?;
        let found = found.map(|slot| stream(ctx, slot)).transpose()?;
        after.push(resolve(found, request.id(index))?);
    }
    let mut budget = request.budget;
    let mut served = Served::default();
    for (index, after) in after.iter().enumerate() {
        if budget.is_spent() {
            break;
        }
        let key = ctx.key(request.key(index));
        let Some(slot) = ctx.peek(&key) else {
            continue;
        };
        let KeyCtx { db, reply, .. } = ctx;
        let ValueRef::Stream(stream) = db.value(slot) else {
            continue;
        };
        let has_news = stream.last_entry_id().is_some_and(|last| last > *after);
        let (true, Some(start)) = (has_news, after.next()) else {
            continue;
        };
        served.begin_stream(reply, key.bytes);
        let mark = reply.begin_array();
        let mut count = 0;
        for entry in stream.range(start, StreamId::MAX).take(budget.limit()) {
            let before = reply.outbox().len();
            reply_entry(reply, &entry);
            count += 1;
            if budget.spend(reply.outbox().len() - before).is_break() {
                break;
            }
        }
        reply.end_array(mark, count);
    }
    if served.end(&mut ctx.reply) {
        return Ok(());
    }
    request.block_or_give_up(ctx, None, |index| {
        (request.id(index) == b"$").then(|| after[index])
    });
    Ok(())
}

/// The entry after which XREAD reads.
fn resolve(stream: Option<&Stream>, id: &[u8]) -> Result<StreamId, CommandError> {
    match id {
        b"$" => Ok(stream.map_or(StreamId::MIN, Stream::last_id)),
        b"+" => match stream.map(Stream::last_id) {
            None => Ok(StreamId::MIN),
            Some(last) => last
                .previous()
                .ok_or(CommandError::fixed("ERR the stream last element ID is 0-0")),
        },
        b">" => Err(CommandError::fixed(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
             <consumer> option.",
        )),
        id => parse_id(id),
    }
}

/// How much may be replied.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// COUNT: entries of one stream.
    per_stream: usize,
    /// MAXCOUNT: entries of all streams that are left.
    entries: usize,
    /// MAXSIZE: bytes of all entries that are left.
    bytes: usize,
}

impl Budget {
    /// How many entries the next stream may reply with.
    #[inline]
    pub fn limit(&self) -> usize {
        self.per_stream.min(self.entries)
    }

    /// As [`Budget::limit`], for a stream that so many entries are replied of already.
    #[inline]
    pub fn limit_after(&self, replied: usize) -> usize {
        self.per_stream.saturating_sub(replied).min(self.entries)
    }

    /// Counts an entry; breaks when it was the last there is room for. An entry that exceeds
    /// MAXSIZE has been written by then, as the first one must be in any case.
    #[inline]
    pub fn spend(&mut self, bytes: usize) -> ControlFlow<()> {
        self.entries -= 1;
        self.bytes = self.bytes.saturating_sub(bytes);
        if self.is_spent() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Whether nothing more may be replied.
    #[inline]
    pub fn is_spent(&self) -> bool {
        self.entries == 0 || self.bytes == 0
    }
}

/// The streams replied with so far; nothing is written before the first.
#[derive(Debug, Default)]
pub struct Served {
    mark: Option<Mark>,
    count: usize,
}

impl Served {
    /// Writes what comes before the entries of a stream.
    pub fn begin_stream(&mut self, reply: &mut Reply<'_>, key: &[u8]) {
        if self.mark.is_none() {
            self.mark = Some(reply.begin_map());
        }
        self.count += 1;
        if reply.protocol() == Protocol::Resp2 {
            reply.array(2);
        }
        reply.bulk(key);
    }

    /// Ends the reply; false if there was nothing.
    pub fn end(self, reply: &mut Reply<'_>) -> bool {
        let Some(mark) = self.mark else {
            return false;
        };
        match reply.protocol() {
            Protocol::Resp2 => reply.end_array(mark, self.count),
            Protocol::Resp3 => reply.end_map(mark, self.count),
        }
        true
    }
}

/// The arguments of XREAD and XREADGROUP.
#[derive(Debug)]
pub struct ReadArgs<'a> {
    args: Args<'a>,
    block_ms: Option<u64>,
    /// How much may be replied.
    pub budget: Budget,
    /// GROUP: the group and the consumer.
    pub group: Option<(&'a [u8], &'a [u8])>,
    /// NOACK.
    pub noack: bool,
    /// CLAIM: the idle time in milliseconds from which pending entries are taken over.
    pub claim_ms: Option<i64>,
    /// How many streams there are.
    pub streams: usize,
    streams_at: usize,
}

impl<'a> ReadArgs<'a> {
    /// Reads the arguments.
    pub fn parse(
        ctx: &KeyCtx<'_>,
        args: Args<'a>,
        is_group: bool,
    ) -> Result<ReadArgs<'a>, CommandError> {
        let mut request = ReadArgs {
            args,
            block_ms: None,
            budget: Budget {
                per_stream: usize::MAX,
                entries: usize::MAX,
                bytes: usize::MAX,
            },
            group: None,
            noack: false,
            claim_ms: None,
            streams: 0,
            streams_at: 0,
        };
        let mut at = 1;
        while request.streams_at == 0 {
            if at >= args.len() {
                return Err(CommandError::SYNTAX);
            }
            at += request.parse_option(ctx, at, is_group)?;
        }
        let budget = &request.budget;
        if budget.per_stream != usize::MAX && budget.entries < budget.per_stream {
            return Err(CommandError::fixed(
                "ERR MAXCOUNT must be greater than or equal to COUNT",
            ));
        }
        if is_group && request.group.is_none() {
            return Err(CommandError::fixed(
                "ERR Missing GROUP option for XREADGROUP",
            ));
        }
        Ok(request)
    }

    /// The key of a stream.
    pub fn key(&self, index: usize) -> &'a [u8] {
        self.args.at(self.streams_at + index)
    }

    /// The id of a stream, as the client wrote it.
    pub fn id(&self, index: usize) -> &'a [u8] {
        self.args.at(self.streams_at + self.streams + index)
    }

    /// Ends a read that found nothing. A client that waits runs the command again with the ids
    /// that `instead` gives in place of its own; at `retry_at_ms`, Unix milliseconds, whether or
    /// not anything has changed.
    pub fn block_or_give_up(
        &self,
        ctx: &mut KeyCtx<'_>,
        retry_at_ms: Option<i64>,
        instead: impl Fn(usize) -> Option<StreamId>,
    ) {
        let Some(timeout_ms) = self.block_ms.filter(|_| !ctx.caller.deny_blocking) else {
            ctx.reply.null_array();
            return;
        };
        let keys = distinct(ctx.hasher, (0..self.streams).map(|index| self.key(index)));
        // In the order of their places.
        let mut ids = Vec::new();
        for index in 0..self.streams {
            if let Some(id) = instead(index) {
                ids.push((self.streams_at + self.streams + index, id.text()));
            }
        }
        let retry_as = (!ids.is_empty()).then(|| {
            let words = self.args.iter().enumerate().map(|(at, word)| {
                let id = ids.binary_search_by_key(&at, |(place, _)| *place);
                id.map_or(word, |found| &ids[found].1)
            });
            words.collect::<OwnedArgs>()
        });
        let now_ms = ctx.now.unix_ms;
        ctx.block(BlockRequest {
            keys,
            kind: Some(Kind::Stream),
            wakes_on_delete: self.group.is_some(),
            timeout_ms,
            on_timeout: TimeoutReply::NullArray,
            retry_after_ms: retry_at_ms.map(|at| at.saturating_sub(now_ms).max(1).unsigned_abs()),
            retry_as,
        });
    }

    /// Reads the option at `at` and says how many arguments it took.
    fn parse_option(
        &mut self,
        ctx: &KeyCtx<'_>,
        at: usize,
        is_group: bool,
    ) -> Result<usize, CommandError> {
        let args = self.args;
        let (word, value) = (args.at(at), args.at(at + 1));
        let more = args.len() - at - 1;
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        if is(b"block") && more >= 1 {
            self.block_ms = Some(parse_block(ctx, value)?);
        } else if is(b"count") && more >= 1 {
            let count = parse_i64(value).ok_or(CommandError::NOT_INTEGER)?;
            let count = usize::try_from(count).unwrap_or(0);
            self.budget.per_stream = if count == 0 { usize::MAX } else { count };
        } else if is(b"maxcount") && more >= 1 {
            self.budget.entries = positive(value, "ERR MAXCOUNT must be a positive integer")?;
        } else if is(b"maxsize") && more >= 1 {
            self.budget.bytes = positive(value, "ERR MAXSIZE must be a positive integer")?;
        } else if is(b"streams") && more >= 1 {
            self.streams_at = at + 1;
            self.streams = more / 2;
            if more % 2 == 1 {
                let (name, id) = if is_group {
                    ("xreadgroup", '>')
                } else {
                    ("xread", '$')
                };
                return Err(CommandError::new(format!(
                    "ERR Unbalanced '{name}' list of streams: for each stream key an ID or '{id}' \
                     must be specified."
                )));
            }
        } else if is(b"group") && more >= 2 {
            only_in_group(
                is_group,
                "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
            )?;
            self.group = Some((value, args.at(at + 2)));
            return Ok(3);
        } else if is(b"noack") {
            only_in_group(
                is_group,
                "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
            )?;
            self.noack = true;
            return Ok(1);
        } else if is(b"claim") && more >= 1 {
            only_in_group(
                is_group,
                "ERR The CLAIM option is only supported by XREADGROUP. You called XREAD instead.",
            )?;
            self.claim_ms = Some(parse_claim(value)?);
        } else {
            return Err(CommandError::SYNTAX);
        }
        Ok(2)
    }
}

fn only_in_group(is_group: bool, line: &'static str) -> Result<(), CommandError> {
    if is_group {
        Ok(())
    } else {
        Err(CommandError::fixed(line))
    }
}

fn positive(value: &[u8], line: &'static str) -> Result<usize, CommandError> {
    let number = parse_i64(value).filter(|number| *number > 0);
    let number = number.ok_or(CommandError::fixed(line))?;
    Ok(usize::try_from(number).unwrap_or(usize::MAX))
}

fn parse_claim(value: &[u8]) -> Result<i64, CommandError> {
    let idle_ms = parse_i64(value).ok_or(CommandError::fixed(
        "ERR min-idle-time is not an integer or out of range",
    ))?;
    if idle_ms < 0 {
        let line = "ERR min-idle-time must be a positive integer";
        return Err(CommandError::fixed(line));
    }
    Ok(idle_ms)
}

/// The timeout in milliseconds; 0 is for ever.
fn parse_block(ctx: &KeyCtx<'_>, value: &[u8]) -> Result<u64, CommandError> {
    let ms = parse_i64(value).ok_or(CommandError::fixed(
        "ERR timeout is not an integer or out of range",
    ))?;
    let ms = u64::try_from(ms).map_err(|_| CommandError::TIMEOUT_NEGATIVE)?;
    if ctx.now.unix_ms.checked_add_unsigned(ms).is_none() {
        return Err(CommandError::TIMEOUT_RANGE);
    }
    Ok(ms)
}
