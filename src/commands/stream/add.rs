//! XADD.

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::{Args, Iter};
use crate::store::types::stream::{
    AddError, IdmpLimits, NodeLimits, Stream, StreamId, TrimTo, message_id,
};
use crate::store::value::{Kind, NewValue, Value};

use super::trim::{Message, Options, told_policy};
use super::{idmp, limits, reply_id, stream_mut};

/// XADD key [NOMKSTREAM] [KEEPREF|DELREF|ACKED] [IDMPAUTO pid|IDMP pid iid]
/// [MAXLEN|MINID [=|~] threshold [LIMIT count]] *|id field value [field value ...]
pub fn xadd(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let options = Options::parse(ctx, args, true)?;
    let fields_at = options.id_at + 1;
    let words = args.len().saturating_sub(fields_at);
    if words < 2 || words % 2 == 1 {
        return Err(CommandError::wrong_arity("xadd"));
    }
    if options.id.is_zero() {
        return Err(CommandError::fixed(
            "ERR The ID specified in XADD must be greater than 0-0",
        ));
    }
    let key = ctx.key(args.at(1));
    let found = ctx.write_kind(&key, Kind::Stream)?;
    if found.is_none() && options.no_mkstream {
        ctx.reply.null();
        return Ok(());
    }
    let fields = Pairs(args.iter_from(fields_at));
    let made;
    let message = match options.message {
        Some(Message { pid, iid: None }) => {
            made = message_id(fields.clone());
            Some((pid, &made[..]))
        }
        Some(Message {
            pid,
            iid: Some(iid),
        }) => Some((pid, iid)),
        None => None,
    };
    let add = Add {
        options: &options,
        fields,
        message,
        now_ms: u64::try_from(ctx.now.unix_ms).unwrap_or(0),
        limits: limits(ctx),
        idmp_limits: idmp::default_limits(ctx),
    };
    let added = match found {
        Some(slot) => add.run(stream_mut(ctx, slot)?)?,
        None => {
            let mut stream = Stream::new();
            let added = add.run(&mut stream)?;
            ctx.insert(&key, NewValue::Value(Value::Stream(Box::new(stream))));
            added
        }
    };
    reply_id(&mut ctx.reply, added.id);
    if added.is_duplicate {
        return Ok(());
    }
    ctx.modified(key.bytes);
    ctx.notify(EventClass::STREAM, "xadd", key.bytes);
    if added.trimmed > 0 {
        ctx.notify(EventClass::STREAM, "xtrim", key.bytes);
    }
    if ctx.effects.listeners.propagation {
        propagate(ctx, args, &add, &added);
    }
    Ok(())
}

/// The fields of an entry.
#[derive(Clone)]
struct Pairs<'a>(Iter<'a>);

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }
}

/// What is to be added.
struct Add<'a> {
    options: &'a Options<'a>,
    fields: Pairs<'a>,
    message: Option<(&'a [u8], &'a [u8])>,
    now_ms: u64,
    limits: NodeLimits,
    idmp_limits: IdmpLimits,
}

/// What came of it.
struct Added {
    id: StreamId,
    is_duplicate: bool,
    trimmed: u64,
    /// The length afterwards.
    len: usize,
}

impl Add<'_> {
    #[inline]
    fn run(&self, stream: &mut Stream) -> Result<Added, CommandError> {
        if let Some(id) = self.recognise(stream) {
            return Ok(Added {
                id,
                is_duplicate: true,
                trimmed: 0,
                len: stream.len(),
            });
        }
        let id = stream
            .add(
                self.options.id,
                self.now_ms,
                self.fields.clone(),
                self.limits,
            )
            .map_err(add_error)?;
        if let Some((pid, iid)) = self.message {
            let idmp = stream.idmp_or_new(self.idmp_limits);
            idmp.record(pid, iid, id, self.now_ms);
        }
        let trimmed = self.options.trim.map_or(0, |trim| stream.trim(&trim));
        Ok(Added {
            id,
            is_duplicate: false,
            trimmed,
            len: stream.len(),
        })
    }

    /// The entry that the message became when it was sent before.
    #[inline]
    fn recognise(&self, stream: &mut Stream) -> Option<StreamId> {
        let idmp = stream.idmp_mut()?;
        idmp.expire_when_due(self.now_ms);
        let (pid, iid) = self.message?;
        idmp.recognise(pid, iid, self.now_ms)
    }
}

/// Propagates an addition with the id that was generated and with the length that an approximate
/// trim left.
#[cold]
fn propagate(ctx: &mut KeyCtx<'_>, args: Args<'_>, add: &Add<'_>, added: &Added) {
    let key = args.at(1);
    let (id, len) = (added.id.text(), added.len.to_string());
    let mut words: Vec<&[u8]> = vec![b"XADD", key];
    let threshold;
    if let Some(trim) = add.options.trim {
        let (strategy, text): (&[u8], &[u8]) = match trim.to {
            _ if trim.approximate => (b"MAXLEN", len.as_bytes()),
            TrimTo::MaxLen(max_len) => {
                threshold = max_len.to_string().into_bytes();
                (b"MAXLEN", &threshold)
            }
            TrimTo::MinId(min_id) => {
                threshold = min_id.text().to_vec();
                (b"MINID", &threshold)
            }
        };
        words.extend(told_policy(trim.references));
        words.extend([strategy, b"=", text]);
    }
    words.push(&id);
    words.extend(args.iter_from(add.options.id_at + 1));
    ctx.propagate_as(&words);
    if let Some((pid, iid)) = add.message {
        ctx.propagate_as(&[b"XIDMPRECORD", key, pid, iid, &id]);
    }
}

#[cold]
fn add_error(error: AddError) -> CommandError {
    CommandError::fixed(match error {
        AddError::Exhausted => {
            "ERR The stream has exhausted the last possible ID, unable to add more items"
        }
        AddError::NotGreater => {
            "ERR The ID specified in XADD is equal or smaller than the target stream top item"
        }
        AddError::TooLarge => "ERR Elements are too large to be stored",
    })
}
