//! Reading and setting with more said: HGETEX HSETEX HGETDEL.

use crate::commands::expiry::{Expiry, ExpiryOption};
use crate::commands::member::reply_entry;
use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::resp::reply::Reply;
use crate::store::db::{Key, Slot};
use crate::store::types::hash::{FieldTtl, Hash, HashContext};

use super::expire::propagate_expiry;
use super::{FieldList, NUM_FIELDS, changed, edit, is_due, make, remove_if_empty, write};

/// HGETDEL key FIELDS numfields field [field ...]
pub fn hgetdel(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let fields = FieldList::fixed(args, NUM_FIELDS)?;
    let key = ctx.key(args.at(1));
    let Some(slot) = write(ctx, &key)? else {
        reply_nulls(&mut ctx.reply, fields.count);
        return Ok(());
    };
    let removed = edit(ctx, slot, |hash, cx, reply| {
        reply.array(fields.count);
        let names = args.iter_from(fields.start);
        let taken = names.filter(|name| {
            reply_value(hash, name, cx, reply);
            hash.remove(name, cx)
        });
        taken.count()
    })?;
    if removed > 0 {
        changed(ctx, key.bytes, removed, "hdel");
        remove_if_empty(ctx, &key, slot);
    }
    Ok(())
}

/// HGETEX key [EX s|PX ms|EXAT unix-s|PXAT unix-ms|PERSIST] FIELDS numfields field [field ...]
pub fn hgetex(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let place = FieldList::place(args, 2)?;
    let mut option = ExpiryOption::Unsaid;
    let mut at = 2;
    while at < place {
        at += accept_time(&mut option, args, at, place, ExpiryOption::Persist)?;
    }
    let fields = FieldList::at(args, place, 1)?;
    let key = ctx.key(args.at(1));
    let found = write(ctx, &key)?;
    let expiry = resolve(option, ctx.now.unix_ms, "hgetex")?;
    let Some(slot) = found else {
        reply_nulls(&mut ctx.reply, fields.count);
        return Ok(());
    };
    let past = past(ctx, expiry);
    let names = args.iter_from(fields.start);
    let touched: Vec<&[u8]> = edit(ctx, slot, |hash, cx, reply| {
        reply.array(fields.count);
        let touched = names.filter(|name| {
            reply_value(hash, name, cx, reply);
            match expiry {
                _ if past => hash.remove(name, cx),
                Expiry::At(at_ms) => hash.expire_field(name, at_ms, cx),
                Expiry::Persist => hash.persist_field(name, cx),
                Expiry::Unsaid | Expiry::Keep => false,
            }
        });
        touched.collect()
    })?;
    if !touched.is_empty() {
        settle_hgetex(ctx, &key, slot, expiry, &touched);
    }
    Ok(())
}

/// HSETEX key [NX|XX] [FNX|FXX] [EX s|PX ms|EXAT unix-s|PXAT unix-ms|KEEPTTL]
/// FIELDS numfields field value [field value ...]
pub fn hsetex(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let request = SetEx::parse(args)?;
    let key = ctx.key(args.at(1));
    let found = write(ctx, &key)?;
    if request
        .of_key
        .is_some_and(|wanted| wanted != found.is_some())
    {
        ctx.reply.int(0);
        return Ok(());
    }
    let expiry = resolve(request.expiry, ctx.now.unix_ms, "hsetex")?;
    if !request.fields_allow(ctx, found)? {
        ctx.reply.int(0);
        return Ok(());
    }
    if past(ctx, expiry) {
        request.expire_at_once(ctx, &key, found)?;
    } else {
        request.set(ctx, &key, expiry)?;
    }
    ctx.reply.int(1);
    Ok(())
}

/// What HSETEX asks for.
struct SetEx<'a> {
    args: Args<'a>,
    fields: FieldList,
    /// NX: false, XX: true.
    of_key: Option<bool>,
    /// FNX: false, FXX: true.
    of_fields: Option<bool>,
    expiry: ExpiryOption<'a>,
}

impl<'a> SetEx<'a> {
    fn parse(args: Args<'a>) -> Result<SetEx<'a>, CommandError> {
        let place = FieldList::place(args, 2)?;
        let (mut of_key, mut of_fields) = (None, None);
        let mut expiry = ExpiryOption::Unsaid;
        let mut at = 2;
        while at < place {
            let word = args.at(at);
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            if is("nx") || is("xx") {
                say(&mut of_key, is("xx"))?;
                at += 1;
            } else if is("fnx") || is("fxx") {
                say(&mut of_fields, is("fxx"))?;
                at += 1;
            } else {
                at += accept_time(&mut expiry, args, at, place, ExpiryOption::Keep)?;
            }
        }
        Ok(SetEx {
            args,
            fields: FieldList::at(args, place, 2)?,
            of_key,
            of_fields,
            expiry,
        })
    }

    fn pairs(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let args = self.args;
        let places = (self.fields.start..args.len()).step_by(2);
        places.map(move |at| (args.at(at), args.at(at + 1)))
    }

    fn fields_allow(
        &self,
        ctx: &mut KeyCtx<'_>,
        found: Option<Slot>,
    ) -> Result<bool, CommandError> {
        let Some(wanted) = self.of_fields else {
            return Ok(true);
        };
        let Some(slot) = found else {
            return Ok(!wanted);
        };
        edit(ctx, slot, |hash, cx, _| {
            self.pairs()
                .all(|(name, _)| hash.contains(name, cx) == wanted)
        })
    }

    fn set(&self, ctx: &mut KeyCtx<'_>, key: &Key<'_>, expiry: Expiry) -> CommandResult {
        let slot = make(ctx, key)?;
        let ttl = match expiry {
            Expiry::Keep => FieldTtl::Keep,
            _ => FieldTtl::Clear,
        };
        let fresh = match ttl {
            FieldTtl::Keep if is_due(ctx, slot) => self.absent(ctx, slot)?,
            _ => Vec::new(),
        };
        edit(ctx, slot, |hash, cx, _| {
            for (name, value) in self.pairs() {
                hash.set(name, value, ttl, cx);
                if let Expiry::At(at_ms) = expiry {
                    hash.expire_field(name, at_ms, cx);
                }
            }
        })?;
        changed(ctx, key.bytes, self.fields.count, "hset");
        if let Expiry::At(_) = expiry {
            ctx.notify(EventClass::HASH, "hexpire", key.bytes);
        }
        self.propagate(ctx, expiry, &fresh);
        Ok(())
    }

    /// The fields that are not there.
    fn absent(&self, ctx: &mut KeyCtx<'_>, slot: Slot) -> Result<Vec<&'a [u8]>, CommandError> {
        edit(ctx, slot, |hash, cx, _| {
            let names = self.pairs().map(|(name, _)| name);
            names.filter(|name| !hash.contains(name, cx)).collect()
        })
    }

    /// The time given is past: the fields are as if they had been set and had expired.
    fn expire_at_once(
        &self,
        ctx: &mut KeyCtx<'_>,
        key: &Key<'_>,
        found: Option<Slot>,
    ) -> CommandResult {
        if found.is_none() {
            ctx.notify(EventClass::NEW, "new", key.bytes);
        }
        for event in ["hset", "hexpire", "hexpired"] {
            ctx.notify(EventClass::HASH, event, key.bytes);
        }
        let Some(slot) = found else {
            ctx.notify(EventClass::GENERIC, "del", key.bytes);
            return Ok(());
        };
        let removed: Vec<&[u8]> = edit(ctx, slot, |hash, cx, _| {
            let names = self.pairs().map(|(name, _)| name);
            names.filter(|name| hash.remove(name, cx)).collect()
        })?;
        if !removed.is_empty() {
            ctx.effects.dirty += removed.len() as u64 - 1;
            ctx.modified(key.bytes);
            propagate_expiry(ctx, key.bytes, &removed, None);
            remove_if_empty(ctx, key, slot);
        }
        Ok(())
    }

    /// With an absolute time and without conditions it replays to the same. Fields that had no
    /// time to keep, but would find one that has come, are told apart.
    fn propagate(&self, ctx: &mut KeyCtx<'_>, expiry: Expiry, fresh: &[&[u8]]) {
        if !ctx.effects.listeners.propagation {
            return;
        }
        // They are in the order of the pairs.
        let mut fresh = fresh.iter().peekable();
        let is_fresh = |(name, _): &(&[u8], &[u8])| fresh.next_if(|next| *next == name).is_some();
        let (new, kept): (Vec<_>, Vec<_>) = self.pairs().partition(is_fresh);
        let words = |pairs: Vec<(&'a [u8], &'a [u8])>| -> Vec<&'a [u8]> {
            pairs.into_iter().flat_map(<[&[u8]; 2]>::from).collect()
        };
        if !new.is_empty() {
            ctx.propagate_as(&[&[&b"HSET"[..], self.args.at(1)], &*words(new)].concat());
        }
        if kept.is_empty() {
            return;
        }
        let mut at_text = String::new();
        let mut head = vec![&b"HSETEX"[..], self.args.at(1)];
        match expiry {
            Expiry::At(at_ms) => {
                at_text = at_ms.to_string();
                head.push(b"PXAT");
            }
            Expiry::Keep => head.push(b"KEEPTTL"),
            Expiry::Unsaid | Expiry::Persist => {}
        }
        if !at_text.is_empty() {
            head.push(at_text.as_bytes());
        }
        FieldList::propagate(ctx, &head, &words(kept), 2);
    }
}

fn settle_hgetex(
    ctx: &mut KeyCtx<'_>,
    key: &Key<'_>,
    slot: Slot,
    expiry: Expiry,
    touched: &[&[u8]],
) {
    let at_ms = match expiry {
        Expiry::At(at_ms) => Some(at_ms).filter(|_| !past(ctx, expiry)),
        _ => {
            changed(ctx, key.bytes, touched.len(), "hpersist");
            if ctx.effects.listeners.propagation {
                FieldList::propagate(ctx, &[b"HPERSIST", key.bytes], touched, 1);
            }
            return;
        }
    };
    let event = if at_ms.is_some() {
        "hexpire"
    } else {
        "hexpired"
    };
    changed(ctx, key.bytes, touched.len(), event);
    propagate_expiry(ctx, key.bytes, touched, at_ms);
    remove_if_empty(ctx, key, slot);
}

/// Takes `EX seconds` and its like, or `keyword`, at argument `at`; how many arguments it took.
fn accept_time<'a>(
    option: &mut ExpiryOption<'a>,
    args: Args<'a>,
    at: usize,
    end: usize,
    keyword: ExpiryOption<'a>,
) -> Result<usize, CommandError> {
    let next = args.get(at + 1).filter(|_| at + 1 < end);
    let took = option.accept(args.at(at), next, keyword);
    took.ok_or(CommandError::SYNTAX)
}

/// What an option comes to. Unlike keys, fields may be given a time to live of zero.
fn resolve(option: ExpiryOption<'_>, now_ms: i64, name: &str) -> Result<Expiry, CommandError> {
    let ExpiryOption::In(unit, argument) = option else {
        return option.resolve(now_ms, name);
    };
    let value = parse_i64(argument).ok_or(CommandError::NOT_INTEGER)?;
    let at_ms = unit.to_unix_ms(value, now_ms).filter(|_| value >= 0);
    at_ms
        .map(Expiry::At)
        .ok_or_else(|| CommandError::invalid_expire(name))
}

/// Notes a condition, which may be said twice but not contradicted.
fn say(said: &mut Option<bool>, value: bool) -> Result<(), CommandError> {
    match said.replace(value) {
        Some(before) if before != value => Err(CommandError::SYNTAX),
        _ => Ok(()),
    }
}

/// Whether a time given has come already. While data is loaded it is kept all the same: what is
/// loaded says itself what became of it.
fn past(ctx: &KeyCtx<'_>, expiry: Expiry) -> bool {
    matches!(expiry, Expiry::At(at_ms) if ctx.is_past(at_ms))
}

fn reply_value(hash: &Hash, name: &[u8], cx: HashContext<'_>, reply: &mut Reply<'_>) {
    match hash.get(name, cx) {
        Some(value) => reply_entry(reply, value),
        None => reply.null(),
    }
}

fn reply_nulls(reply: &mut Reply<'_>, count: usize) {
    reply.array(count);
    (0..count).for_each(|_| reply.null());
}
