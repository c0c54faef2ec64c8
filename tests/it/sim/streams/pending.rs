//! What was delivered: acknowledging, claiming.

use super::entries::{fates, parse_policy, policy_and_ids};
use super::{
    Group, Id, Pending, SYNTAX, Stream, bound, consumer, find, id, id_text, id_value, is, key,
    met_id, name, parse_bound, parse_id, parse_ids, parse_number, shown, stream, stream_mut, touch,
};
use crate::harness::Value;
use crate::sim::generate::Gen;
use crate::sim::model::{Ctx, Words};
use crate::sim::want::{Want, error, int};
use crate::words;

pub fn make_xack(g: &mut Gen) -> Words {
    let key = key(g);
    let mut words = words![key, name(g)];
    words.extend(g.some(6, |g| id(g, &key)));
    words
}

pub fn xack(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Result<Want, Want> {
    let stream = stream_mut(ctx, &args[0])?;
    let Some(group) = stream.and_then(|stream| stream.groups.get_mut(&args[1])) else {
        return Ok(int(0));
    };
    let ids = parse_ids(&args[2..])?;
    let acked = ids.iter().filter(|id| group.pending.remove(id).is_some());
    Ok(int(acked.count()))
}

pub fn make_xackdel(g: &mut Gen) -> Words {
    let key = key(g);
    let mut words = words![key, name(g)];
    words.extend(policy_and_ids(g, &key));
    words
}

pub fn xackdel(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Result<Want, Want> {
    stream(ctx, &args[0])?;
    let (policy, words) = parse_policy(&args[2..])?;
    let Some(stream) = stream_mut(ctx, &args[0])? else {
        return Ok(fates(vec![-1; words.len()]));
    };
    let ids = parse_ids(words)?;
    let len = stream.entries.len();
    let mut all = Vec::new();
    for id in ids {
        let group = stream.groups.get_mut(&args[1]);
        if group.and_then(|group| group.pending.remove(&id)).is_none() {
            all.push(-1);
            continue;
        }
        if policy == b"delref" {
            stream.forget(id);
        }
        let kept = policy == b"acked" && stream.is_referenced(id);
        if !kept {
            stream.delete(id);
        }
        all.push(if kept { 2 } else { 1 });
    }
    if stream.entries.len() < len {
        touch(ctx, &args[0]);
    }
    Ok(fates(all))
}

pub fn make_xpending(g: &mut Gen) -> Words {
    let key = key(g);
    let mut words = words![key, name(g)];
    if g.once_in(3) {
        return words;
    }
    if g.once_in(4) {
        words.extend(words!["idle", g.rng.u32(..200).to_string()]);
    }
    let count = g.rng.i32(-1..8).to_string();
    words.extend(words![bound(g, &key, true), bound(g, &key, false), count]);
    if g.once_in(3) {
        words.push(consumer(g));
    }
    words
}

pub fn xpending(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Result<Want, Want> {
    let now_ms = ctx.model.now_ms;
    if args.len() == 2 {
        let stream = find(ctx, &args[0], &args[1], "")?;
        return Ok(summary(&stream.groups[&args[1]]));
    }
    let (idle, filter) = match &args[2..] {
        [word, idle, filter @ ..] if is(word, "idle") => (parse_number(idle)?, filter),
        filter => (0, filter),
    };
    let count = parse_number(&filter[2])?;
    let (start, end) = (
        parse_bound(&filter[0], true)?,
        parse_bound(&filter[1], false)?,
    );
    let stream = find(ctx, &args[0], &args[1], "")?;
    let of = |pending: &Pending| filter.get(3).is_none_or(|name| *name == pending.consumer);
    let pending = stream.groups[&args[1]].pending.iter();
    let pending = pending.filter(|(id, pending)| {
        let is_idle = idle == 0 || now_ms - pending.time >= idle;
        (start..=end).contains(*id) && of(pending) && is_idle
    });
    let rows = pending.map(|(id, pending)| {
        Value::Array(vec![
            id_value(*id),
            Value::Bulk(pending.consumer.clone()),
            Value::Int((now_ms - pending.time).max(0)),
            Value::Int(pending.count),
        ])
    });
    let count = usize::try_from(count).unwrap_or(0);
    Ok(Want::Is(Value::Array(rows.take(count).collect())))
}

fn summary(group: &Group) -> Want {
    let ids = || group.pending.keys().copied();
    let (Some(first), Some(last)) = (ids().next(), ids().next_back()) else {
        return Want::Is(Value::Array(vec![
            Value::Int(0),
            Value::NullBulk,
            Value::NullBulk,
            Value::NullArray,
        ]));
    };
    let owners = group.consumers.iter().filter_map(|name| {
        let count = group.of(name).count();
        let count = Value::Bulk(count.to_string().into_bytes());
        (count != Value::Bulk(b"0".to_vec()))
            .then(|| Value::Array(vec![Value::Bulk(name.clone()), count]))
    });
    Want::Is(Value::Array(vec![
        Value::Int(group.pending.len() as i64),
        id_value(first),
        id_value(last),
        Value::Array(owners.collect()),
    ]))
}

impl Group {
    /// What a consumer has pending.
    pub fn of(&self, consumer: &[u8]) -> impl Iterator<Item = (&Id, &Pending)> {
        self.pending
            .iter()
            .filter(move |(_, pending)| pending.consumer == consumer)
    }
}

fn min_idle(g: &mut Gen) -> String {
    match g.rng.u32(..12) {
        0 => "-5".into(),
        1..5 => g.rng.u32(..300).to_string(),
        _ => "0".into(),
    }
}

pub fn make_xclaim(g: &mut Gen) -> Words {
    let key = key(g);
    let mut words = words![key, name(g), consumer(g), min_idle(g)];
    words.extend(g.some(6, |g| id(g, &key)));
    if g.once_in(2) {
        words.push(b"force".to_vec());
    }
    match g.rng.u32(..8) {
        0 => words.extend(words!["idle", g.rng.i64(-9..500).to_string()]),
        1 => words.extend(words![
            "TIME",
            (g.now_ms - g.rng.i64(-100..500)).to_string()
        ]),
        2 => words.extend(words!["LASTID", id_text(met_id(g, &key))]),
        _ => {}
    }
    if g.once_in(4) {
        words.extend(words!["retrycount", g.rng.i32(-1..9).to_string()]);
    }
    if g.once_in(3) {
        words.push(b"JUSTID".to_vec());
    }
    words
}

/// What XCLAIM and XAUTOCLAIM do to one message.
struct Claim<'a> {
    consumer: &'a [u8],
    now_ms: i64,
    min_idle: i64,
    time: i64,
    retry_count: Option<i64>,
    force: bool,
    just_id: bool,
}

enum Claimed {
    Skipped,
    Gone,
    Taken,
}

impl Claim<'_> {
    fn take(&self, stream: &mut Stream, group: &[u8], id: Id) -> Claimed {
        let group = stream.groups.get_mut(group).expect("it is there");
        if !stream.entries.contains_key(&id) {
            return match group.pending.remove(&id) {
                Some(_) => Claimed::Gone,
                None => Claimed::Skipped,
            };
        }
        let count = match group.pending.get(&id) {
            Some(old) if self.min_idle > 0 && self.now_ms - old.time < self.min_idle => {
                return Claimed::Skipped;
            }
            Some(old) => old.count,
            None if self.force => 1,
            None => return Claimed::Skipped,
        };
        let more = count + i64::from(!self.just_id);
        let pending = Pending {
            consumer: self.consumer.to_vec(),
            time: self.time,
            count: self.retry_count.unwrap_or(more),
            is_orphan: false,
        };
        group.pending.insert(id, pending);
        Claimed::Taken
    }

    fn value(&self, stream: &Stream, id: Id) -> Value {
        if self.just_id {
            id_value(id)
        } else {
            stream.fields_of(id)
        }
    }
}

pub fn xclaim(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Result<Want, Want> {
    let now_ms = ctx.model.now_ms;
    let stream = find(ctx, &args[0], &args[1], "")?;
    let mut claim = Claim {
        consumer: &args[2],
        now_ms,
        min_idle: parse_number(&args[3])?,
        time: now_ms,
        retry_count: None,
        force: false,
        just_id: false,
    };
    // The first word that is no id begins the options.
    let ids = args[4..].iter().map_while(|word| parse_id(word, 0).ok());
    let ids: Vec<Id> = ids.collect();
    let mut last_id = (0, 0);
    let mut options = args[4 + ids.len()..].iter();
    while let Some(word) = options.next() {
        let lower = word.to_ascii_lowercase();
        let mut value = || &options.next().expect("a value")[..];
        match &lower[..] {
            b"force" => claim.force = true,
            b"justid" => claim.just_id = true,
            b"idle" => claim.time = now_ms - parse_number(value())?,
            b"time" => claim.time = parse_number(value())?,
            b"retrycount" => {
                let count = parse_number(value())?;
                claim.retry_count = Some(count).filter(|count| *count >= 0);
            }
            b"lastid" => last_id = parse_id(value(), 0)?,
            _ => {
                let word = shown(word);
                return Err(error(&format!("ERR Unrecognized XCLAIM option '{word}'")));
            }
        }
    }
    // Nothing was delivered in the future.
    claim.time = claim.time.min(now_ms);
    let group = stream.groups.get_mut(&args[1]).expect("it is there");
    group.last = group.last.max(last_id);
    group.consumers.insert(args[2].clone());
    let mut claimed = Vec::new();
    for id in ids {
        if let Claimed::Taken = claim.take(stream, &args[1], id) {
            claimed.push(claim.value(stream, id));
        }
    }
    Ok(Want::Is(Value::Array(claimed)))
}

pub fn make_xautoclaim(g: &mut Gen) -> Words {
    let key = key(g);
    let mut words = words![key, name(g), consumer(g), min_idle(g)];
    words.push(if g.once_in(2) {
        b"0".to_vec()
    } else {
        bound(g, &key, true)
    });
    if g.once_in(2) {
        words.extend(words!["count", g.rng.u32(..5).to_string()]);
    }
    match g.rng.u32(..30) {
        0 => words.push(b"FORCE".to_vec()),
        1..10 => words.push(b"justid".to_vec()),
        _ => {}
    }
    words
}

pub fn xautoclaim(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Result<Want, Want> {
    let now_ms = ctx.model.now_ms;
    let min_idle = parse_number(&args[3])?;
    let start = parse_bound(&args[4], true)?;
    let (mut count, mut just_id) = (100, false);
    let mut options = args[5..].iter();
    while let Some(word) = options.next() {
        if is(word, "count") {
            count = parse_number(options.next().expect("a count"))? as usize;
            if count == 0 {
                return Err(error("ERR COUNT must be > 0"));
            }
        } else if is(word, "justid") {
            just_id = true;
        } else {
            return Err(error(SYNTAX));
        }
    }
    let stream = find(ctx, &args[0], &args[1], "")?;
    let claim = Claim {
        consumer: &args[2],
        now_ms,
        min_idle,
        time: now_ms,
        retry_count: None,
        force: false,
        just_id,
    };
    let group = stream.groups.get_mut(&args[1]).expect("it is there");
    group.consumers.insert(args[2].clone());
    let mut pending = group.pending.range(start..).map(|(id, _)| *id);
    // It looks at ten times as many as it takes.
    let looked_at: Vec<Id> = pending.by_ref().take(count * 10).collect();
    let mut cursor = pending.next();
    let (mut claimed, mut gone) = (Vec::new(), Vec::new());
    for id in looked_at {
        if claimed.len() + gone.len() == count {
            cursor = Some(id);
            break;
        }
        match claim.take(stream, &args[1], id) {
            Claimed::Taken => claimed.push(claim.value(stream, id)),
            Claimed::Gone => gone.push(id_value(id)),
            Claimed::Skipped => {}
        }
    }
    Ok(Want::Is(Value::Array(vec![
        id_value(cursor.unwrap_or_default()),
        Value::Array(claimed),
        Value::Array(gone),
    ])))
}
