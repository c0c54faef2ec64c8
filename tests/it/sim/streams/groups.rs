//! Consumer groups, and what they read.

use super::entries::{parse_reads, streams};
use super::{
    Group, Id, Pending, Stream, by_stream, consumer, entry_value, find, id, id_value, is, key,
    name, parse_id, parse_number, shown, stream, stream_mut,
};
use crate::harness::Value;
use crate::sim::generate::Gen;
use crate::sim::model::{Ctx, Data, Words};
use crate::sim::want::{Want, error, int, ok};
use crate::words;

pub fn make_xgroup(g: &mut Gen) -> Words {
    let (key, name) = (key(g), name(g));
    let position = |g: &mut Gen| match g.rng.u32(..6) {
        0 => b"$".to_vec(),
        1..4 => b"0".to_vec(),
        _ => id(g, &key),
    };
    let mut words = match g.rng.u32(..20) {
        0..10 => {
            let mut words = words!["CREATE", key, name, position(g)];
            if !g.once_in(3) {
                words.push(b"mkstream".to_vec());
            }
            words
        }
        10..13 => words!["setid", key, name, position(g)],
        13 => return words!["DESTROY", key, name],
        14..18 => return words!["createconsumer", key, name, consumer(g)],
        _ => return words!["DELCONSUMER", key, name, consumer(g)],
    };
    if g.once_in(3) {
        words.extend(words!["entriesread", g.rng.i32(-2..12).to_string()]);
    }
    if g.once_in(60) {
        words.push(b"what".to_vec());
    }
    words
}

/// The options of XGROUP CREATE and SETID.
fn parse_xgroup(args: &[Vec<u8>]) -> Result<(bool, Option<u64>), Want> {
    let (mut mkstream, mut read) = (false, None);
    let mut at = 4;
    while let Some(word) = args.get(at) {
        if is(word, "mkstream") && is(&args[0], "create") {
            mkstream = true;
            at += 1;
        } else if is(word, "entriesread") {
            let number = parse_number(&args[at + 1])?;
            if number < -1 {
                return Err(error("ERR value for ENTRIESREAD must be positive or -1"));
            }
            read = u64::try_from(number).ok();
            at += 2;
        } else {
            return Err(error(&format!(
                "ERR unknown subcommand or wrong number of arguments for '{}'. Try XGROUP HELP.",
                shown(&args[0])
            )));
        }
    }
    Ok((mkstream, read))
}

pub fn xgroup(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Result<Want, Want> {
    let (what, key, name) = (args[0].to_ascii_lowercase(), &args[1], &args[2]);
    let has_options = what == b"create" || what == b"setid";
    let (mkstream, read) = if has_options {
        parse_xgroup(args)?
    } else {
        (false, None)
    };
    if stream(ctx, key)?.is_none() {
        if mkstream {
            if args[3] != b"$" {
                parse_id(&args[3], 0)?;
            }
            ctx.put(key, Data::Stream(Stream::default()), None);
        } else {
            return Err(error(
                "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you \
                 may want to use the MKSTREAM option to create an empty stream automatically.",
            ));
        }
    }
    let stream = stream_mut(ctx, key)?.expect("it is there");
    if what == b"create" {
        return create(stream, name, &args[3], read);
    }
    if what == b"destroy" {
        return Ok(int(i64::from(stream.groups.remove(name).is_some())));
    }
    let (last, added) = (stream.last, stream.added);
    let Some(group) = stream.groups.get_mut(name) else {
        let (key, name) = (shown(key), shown(name));
        return Err(error(&format!(
            "NOGROUP No such consumer group '{name}' for key name '{key}'"
        )));
    };
    match &what[..] {
        b"setid" => {
            group.last = match &args[3][..] {
                b"$" => last,
                // This one takes the ends of a range too.
                b"-" => (0, 0),
                id => parse_id(id, 0)?,
            };
            group.read = read.map(|read| read.min(added));
            Ok(ok())
        }
        b"createconsumer" => {
            let created = group.consumers.insert(args[3].clone());
            Ok(int(i64::from(created)))
        }
        _ => {
            let len = group.pending.len();
            group
                .pending
                .retain(|_, pending| pending.consumer != args[3]);
            group.consumers.remove(&args[3]);
            Ok(int(len - group.pending.len()))
        }
    }
}

/// A group cannot have read more than was added, whatever ENTRIESREAD says.
fn create(stream: &mut Stream, name: &[u8], id: &[u8], read: Option<u64>) -> Result<Want, Want> {
    let last = match id {
        b"$" => stream.last,
        id => parse_id(id, 0)?,
    };
    if stream.groups.contains_key(name) {
        return Err(error("BUSYGROUP Consumer Group name already exists"));
    }
    let group = Group {
        last,
        read: read.map(|read| read.min(stream.added)),
        ..Group::default()
    };
    stream.groups.insert(name.to_vec(), group);
    Ok(ok())
}

/// What is known of how much was read and of what is left.
impl Stream {
    /// Whether XDEL left a hole at `id` or later. What was trimmed from the front leaves none.
    fn has_hole_from(&self, id: Id) -> bool {
        !self.entries.is_empty() && self.max_deleted != (0, 0) && self.max_deleted >= id
    }

    /// How many entries were ever added up to `id`, where that can be told.
    fn added_up_to(&self, id: Id) -> Option<u64> {
        let (len, first) = (self.entries.len() as u64, self.first());
        if self.added == 0 {
            Some(0)
        } else if len == 0 && id <= self.last || id == self.last {
            Some(self.added)
        } else if id > first || self.has_hole_from(first) {
            None
        } else {
            let gone = self.added.saturating_sub(len);
            Some(gone + u64::from(id == first))
        }
    }

    /// What the group has read once it has `id`, its next entry.
    fn read_with(&self, group: &Group, id: Id) -> Option<u64> {
        match group.read {
            Some(read) if group.last >= self.first() && !self.has_hole_from(group.last) => {
                Some((read + 1).min(self.added))
            }
            _ => self.added_up_to(id),
        }
    }

    /// How many entries the group has to read, where that can be told.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        let first = self.first();
        if self.entries.is_empty() {
            return Some(0);
        }
        if group.last < first && !self.has_hole_from(first) {
            return Some(self.entries.len() as i64);
        }
        let read = group.read.filter(|_| !self.has_hole_from(group.last));
        let read = read.or_else(|| self.added_up_to(group.last))?;
        Some(self.added as i64 - read as i64)
    }

    pub fn fields_of(&self, id: Id) -> Value {
        entry_value(id, &self.entries[&id])
    }
}

pub fn make_xreadgroup(g: &mut Gen) -> Words {
    let mut words = words!["GROUP", name(g), consumer(g)];
    if g.once_in(2) {
        words.extend(words!["COUNT", g.rng.i32(-1..5).to_string()]);
    }
    if g.once_in(6) {
        words.push(b"noack".to_vec());
    }
    let is_new = !g.once_in(4);
    words.extend(streams(g, |g, key| match g.rng.u32(..60) {
        0 => b"$".to_vec(),
        1 => b"+".to_vec(),
        2..12 => b"0".to_vec(),
        12..22 => id(g, key),
        _ if is_new => b">".to_vec(),
        _ => b"0".to_vec(),
    }));
    words
}

pub fn xreadgroup(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Result<Want, Want> {
    let (name, consumer, now_ms) = (&args[1], &args[2], ctx.model.now_ms);
    let noack = args.iter().any(|word| word == b"noack");
    let (count, reads) = parse_reads(args);
    let mut after = Vec::new();
    for (key, id) in &reads {
        find(ctx, key, name, " in XREADGROUP with GROUP option")?;
        after.push(match &id[..] {
            b">" => None,
            b"$" | b"+" => {
                let id = shown(id);
                return Err(error(&format!(
                    "ERR The {id} ID is meaningless in the context of XREADGROUP: you want to \
                     read the history of this consumer by specifying a proper ID, or use the > ID \
                     to get new messages. The {id} ID would just return an empty result set."
                )));
            }
            id => Some(parse_id(id, 0)?),
        });
    }
    let mut found = Vec::new();
    for ((key, _), after) in reads.iter().zip(after) {
        let stream = stream_mut(ctx, key)?.expect("it is there");
        let mut group = stream.groups.remove(name).expect("it is there");
        group.consumers.insert(consumer.clone());
        match after {
            Some(after) => {
                let again = stream.read_again(&mut group, consumer, after, count, now_ms);
                found.push((key.clone(), again));
            }
            None => {
                let pending = (!noack).then(|| Pending {
                    consumer: consumer.clone(),
                    time: now_ms,
                    count: 1,
                    is_orphan: false,
                });
                let news = stream.read_new(&mut group, pending.as_ref(), count);
                if !news.is_empty() {
                    found.push((key.clone(), news));
                }
            }
        }
        stream.groups.insert(name.clone(), group);
    }
    Ok(by_stream(found, ctx.session.resp3))
}

impl Stream {
    fn read_new(&self, group: &mut Group, pending: Option<&Pending>, count: usize) -> Vec<Value> {
        let ids = self.entries.keys().copied();
        let ids: Vec<Id> = ids.filter(|id| *id > group.last).take(count).collect();
        for id in &ids {
            group.read = self.read_with(group, *id);
            group.last = *id;
            if let Some(pending) = pending {
                group.pending.insert(*id, pending.clone());
            }
        }
        ids.into_iter().map(|id| self.fields_of(id)).collect()
    }

    fn read_again(
        &self,
        group: &mut Group,
        consumer: &[u8],
        after: Id,
        count: usize,
        now_ms: i64,
    ) -> Vec<Value> {
        let own = group
            .pending
            .iter_mut()
            .filter(|(id, pending)| **id > after && pending.consumer == consumer);
        let read = |(id, pending): (&Id, &mut Pending)| {
            if !self.entries.contains_key(id) {
                return Value::Array(vec![id_value(*id), Value::NullArray]);
            }
            pending.time = now_ms;
            pending.count += 1;
            pending.is_orphan = false;
            self.fields_of(*id)
        };
        own.take(count).map(read).collect()
    }
}

pub fn maybe_int(number: Option<i64>) -> Value {
    number.map_or(Value::NullBulk, Value::Int)
}

fn named(fields: Vec<(&str, Value)>) -> Value {
    let fields = fields.into_iter();
    Value::Map(
        fields
            .map(|(name, value)| (Value::Bulk(name.into()), value))
            .collect(),
    )
}

pub fn xinfo(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Result<Want, Want> {
    let Some(stream) = stream(ctx, &args[1])? else {
        return Err(error("ERR no such key"));
    };
    let groups = stream.groups.iter().map(|(name, group)| {
        named(vec![
            ("name", Value::Bulk(name.clone())),
            ("consumers", Value::Int(group.consumers.len() as i64)),
            ("pending", Value::Int(group.pending.len() as i64)),
            ("last-delivered-id", id_value(group.last)),
            (
                "entries-read",
                maybe_int(group.read.map(|read| read as i64)),
            ),
            ("lag", maybe_int(stream.lag(group))),
        ])
    });
    Ok(Want::Is(Value::Array(groups.collect())))
}
