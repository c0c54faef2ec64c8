//! XREADGROUP.
//!
//! Three reads in one: what nobody in the group has read yet (`>`), what is pending for too long
//! (CLAIM), and again what the consumer itself has pending (any other id). All of it is
//! propagated as the claims and positions that come of it.

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::reply::Reply;
use crate::store::types::stream::{ConsumerIndex, GroupMut, StreamId};
use crate::store::value::{Kind, ValueMut};

use super::propagate::Changes;
use super::read::{Budget, ReadArgs, Served};
use super::{parse_id, reply_entry, reply_id, reply_id_and_fields, stream};

/// XREADGROUP GROUP group consumer [COUNT count] [MAXCOUNT maxcount] [MAXSIZE maxsize]
/// [BLOCK milliseconds] [CLAIM min-idle-time] [NOACK] STREAMS key [key ...] id [id ...]
pub fn xreadgroup(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let request = ReadArgs::parse(ctx, args, true)?;
    let (group, consumer) = request.group.unwrap_or_default();
    let mut reads = Vec::with_capacity(request.streams);
    for index in 0..request.streams {
        let key = ctx.key(request.key(index));
        let found = ctx.read_kind(&key, Kind::Stream)?;
        let has_group = match found {
            Some(slot) => stream(ctx, slot)?.group(group).is_some(),
            None => false,
        };
        if !has_group {
            return Err(missing(key.bytes, group));
        }
        reads.push(From::parse(request.id(index))?);
    }
    ctx.effects.propagate_nothing();
    let mut budget = request.budget;
    let mut served = Served::default();
    let mut next_idle_at: Option<i64> = None;
    for (index, from) in reads.into_iter().enumerate() {
        let key = ctx.key(request.key(index));
        let Some(slot) = ctx.peek(&key) else {
            continue;
        };
        let now_ms = ctx.now.unix_ms;
        let mut changes = Changes::new(ctx, key.bytes, group, consumer);
        let KeyCtx { db, reply, .. } = ctx;
        let ValueMut::Stream(stream) = db.value_mut(slot) else {
            continue;
        };
        let Some(mut group) = stream.group_mut(group) else {
            continue;
        };
        let (to, created) = group.touch_consumer(consumer, now_ms);
        changes.consumer_created = created;
        let mut read = Read {
            group: &mut group,
            to,
            now_ms,
            noack: request.noack,
            claim_ms: request.claim_ms.filter(|_| matches!(from, From::New)),
        };
        if !budget.is_spent() && read.has_something(&from) {
            served.begin_stream(reply, key.bytes);
            read.serve(&from, reply, &mut budget, &mut changes);
            changes.dirty += 1;
        }
        let idle_at = read.next_idle_at();
        next_idle_at = next_idle_at.into_iter().chain(idle_at).min();
        if changes.is_recorded() {
            changes.note_group(&group);
        }
        changes.settle(ctx);
        if created {
            ctx.notify(EventClass::STREAM, "xgroup-createconsumer", key.bytes);
        }
    }
    if !served.end(&mut ctx.reply) {
        request.block_or_give_up(ctx, next_idle_at, |_| None);
    }
    Ok(())
}

/// Where a read begins.
enum From {
    /// `>`: after what the group has read.
    New,
    /// After that id, in what the consumer has pending.
    History(StreamId),
}

impl From {
    fn parse(id: &[u8]) -> Result<From, CommandError> {
        match id {
            b">" => Ok(From::New),
            b"$" => Err(CommandError::fixed(
                "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the \
                 history of this consumer by specifying a proper ID, or use the > ID to get new \
                 messages. The $ ID would just return an empty result set.",
            )),
            b"+" => Err(CommandError::fixed(
                "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the \
                 history of this consumer by specifying a proper ID, or use the > ID to get new \
                 messages. The + ID would just return an empty result set.",
            )),
            id => parse_id(id).map(From::History),
        }
    }
}

/// A read of one stream.
struct Read<'g, 's> {
    group: &'g mut GroupMut<'s>,
    to: ConsumerIndex,
    now_ms: i64,
    noack: bool,
    claim_ms: Option<i64>,
}

impl Read<'_, '_> {
    fn has_something(&mut self, from: &From) -> bool {
        matches!(from, From::History(_))
            || self.group.has_news()
            || self
                .claim_ms
                .is_some_and(|idle_ms| self.group.has_idle(self.now_ms, idle_ms))
    }

    /// When CLAIM will find something, if nothing happens.
    fn next_idle_at(&mut self) -> Option<i64> {
        self.group.next_idle_at(self.claim_ms?)
    }

    fn serve(
        &mut self,
        from: &From,
        reply: &mut Reply<'_>,
        budget: &mut Budget,
        changes: &mut Changes<'_>,
    ) {
        let mark = reply.begin_array();
        let count = match from {
            From::History(after) => self.serve_history(*after, reply, budget, changes),
            From::New => {
                let claimed = self.serve_idle(reply, budget, changes);
                claimed + self.serve_new(claimed, reply, budget, changes)
            }
        };
        reply.end_array(mark, count);
    }

    fn serve_history(
        &mut self,
        after: StreamId,
        reply: &mut Reply<'_>,
        budget: &mut Budget,
        changes: &mut Changes<'_>,
    ) -> usize {
        let Some(start) = after.next() else {
            return 0;
        };
        let limit = budget.limit();
        self.group
            .deliver_history(self.to, start, self.now_ms, limit, |id, entry| {
                let before = reply.outbox().len();
                match entry {
                    Some(entry) => {
                        reply_entry(reply, &entry);
                        changes.record(id);
                    }
                    None => {
                        reply.array(2);
                        reply_id(reply, id);
                        reply.null_array();
                    }
                }
                budget.spend(reply.outbox().len() - before)
            })
    }

    /// Takes over what is pending for too long, and says how much that was.
    fn serve_idle(
        &mut self,
        reply: &mut Reply<'_>,
        budget: &mut Budget,
        changes: &mut Changes<'_>,
    ) -> usize {
        let Some(idle_ms) = self.claim_ms else {
            return 0;
        };
        let limit = budget.limit();
        self.group
            .claim_idle(self.to, self.now_ms, idle_ms, limit, |idle| {
                let before = reply.outbox().len();
                reply.array(4);
                reply_id_and_fields(reply, &idle.entry);
                reply.int(idle.idle_ms);
                reply.int(idle.delivery_count);
                changes.record(idle.entry.id());
                budget.spend(reply.outbox().len() - before)
            })
    }

    /// Delivers what is new, `claimed` entries of this stream being replied with already.
    fn serve_new(
        &mut self,
        claimed: usize,
        reply: &mut Reply<'_>,
        budget: &mut Budget,
        changes: &mut Changes<'_>,
    ) -> usize {
        let limit = budget.limit_after(claimed);
        if limit == 0 || budget.is_spent() {
            return 0;
        }
        let (noack, with_idle) = (self.noack, self.claim_ms.is_some());
        let count = self
            .group
            .deliver_new(self.to, self.now_ms, limit, noack, |entry| {
                let before = reply.outbox().len();
                if with_idle {
                    reply.array(4);
                    reply_id_and_fields(reply, &entry);
                    reply.int(0);
                    reply.int(0);
                } else {
                    reply_entry(reply, &entry);
                }
                if !noack {
                    changes.record(entry.id());
                }
                budget.spend(reply.outbox().len() - before)
            });
        changes.position_moved |= count > 0;
        count
    }
}

#[cold]
fn missing(key: &[u8], group: &[u8]) -> CommandError {
    let (key, group) = (String::from_utf8_lossy(key), String::from_utf8_lossy(group));
    CommandError::new(format!(
        "NOGROUP No such key '{key}' or consumer group '{group}' in XREADGROUP with GROUP option"
    ))
}
