//! Entries: adding, reading, deleting.

use super::{
    Id, Stream, after, before, bound, by_stream, entry_value, id, id_text, is, key, met_id,
    parse_bound, parse_id, parse_ids, parse_number, stream, stream_mut, touch,
};
use crate::harness::Value;
use crate::sim::generate::Gen;
use crate::sim::model::{Ctx, Data, Words};
use crate::sim::strings::number;
use crate::sim::want::{Want, bulk, error, int, null, ok};
use crate::words;

fn id_of_addition(g: &mut Gen, key: &[u8]) -> Vec<u8> {
    let (now, newest) = (g.now_ms as u64, g.newest(key));
    let next = (newest.0, newest.1 + 1);
    match g.rng.u32(..60) {
        0..30 => {
            g.remember(key, next.max((now, 0)));
            b"*".to_vec()
        }
        30..40 => {
            let ms = now.max(newest.0) + u64::from(g.once_in(4));
            g.remember(key, next.max((ms, 0)));
            format!("{ms}-*").into_bytes()
        }
        40..54 => {
            let ahead = g.rng.u64(..3);
            let id = (newest.0.max(now) + ahead / 2, newest.1 + ahead);
            g.remember(key, id);
            id_text(id)
        }
        54 => id_text(met_id(g, key)),
        55 => format!("{}-5", now + (1 << g.rng.u32(..12))).into_bytes(),
        56 => words![g.one(&["0-0", "0", "x", "+", "1-1-1", "0-*", "3"])].remove(0),
        57 => words![g.one(&["18446744073709551615-*", "5-18446744073709551615"])].remove(0),
        _ => b"5-*".to_vec(),
    }
}

fn fields(g: &mut Gen) -> Words {
    // Mostly the names of the entry before, which are kept once.
    let mut words = Words::new();
    for at in 0..1 + g.rng.usize(..3) {
        words.push(match g.rng.u32(..8) {
            0 => g.member(),
            _ => format!("f{at}").into_bytes(),
        });
        words.push(if g.once_in(20) { g.value() } else { g.member() });
    }
    words
}

/// What to trim. `~` is asked for only where there is nothing to trim: what it leaves depends on
/// how entries are kept.
fn trimming(g: &mut Gen, key: &[u8]) -> Words {
    let mut words = match g.rng.u32(..24) {
        0 => words!["MAXLEN", "~", "1000000"],
        1 => words!["minid", "~", "0-1", "LIMIT", "10"],
        2 => words!["maxlen", "=", g.one(&["-1", "a"])],
        3 => words!["MAXLEN", "3", "limit", "2"],
        4 => words!["MINID", "1-1", "maxlen", "2"],
        5..12 => words!["MINID", id(g, key)],
        _ => words!["maxlen", g.rng.u32(..12).to_string()],
    };
    if words.len() == 2 && g.once_in(2) {
        words.insert(1, b"=".to_vec());
    }
    match g.rng.u32(..8) {
        0 => words.push(b"KEEPREF".to_vec()),
        1 => words.push(b"delref".to_vec()),
        _ => {}
    }
    words
}

pub fn make_xadd(g: &mut Gen) -> Words {
    let key = key(g);
    let mut words = words![key];
    if g.once_in(12) {
        words.push(b"nomkstream".to_vec());
    }
    if g.once_in(6) {
        words.extend(trimming(g, &key));
    }
    words.push(id_of_addition(g, &key));
    words.extend(fields(g));
    if words.len() > 5 && g.once_in(60) {
        words.pop();
    }
    words
}

/// The id that an addition asks for.
enum NewId {
    Auto,
    Ms(u64),
    Exact(Id),
}

fn parse_new_id(word: &[u8]) -> Result<NewId, Want> {
    if word == b"*" {
        return Ok(NewId::Auto);
    }
    match word.strip_suffix(b"-*") {
        Some(ms) => parse_id(ms, 0).map(|(ms, _)| NewId::Ms(ms)),
        None => parse_id(word, 0).map(NewId::Exact),
    }
}

/// What is to be kept.
#[derive(Default)]
struct Trim {
    max_len: Option<usize>,
    min_id: Option<Id>,
    approximate: bool,
    limited: bool,
    delref: bool,
    nomkstream: bool,
}

impl Trim {
    /// Reads options; answers how many words they are.
    fn parse(words: &[Vec<u8>]) -> Result<(Trim, usize), Want> {
        let mut trim = Trim::default();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            at += 1;
            if is(word, "maxlen") || is(word, "minid") {
                if trim.max_len.is_some() || trim.min_id.is_some() {
                    return Err(error(
                        "ERR syntax error, MAXLEN and MINID options at the same time are not \
                         compatible",
                    ));
                }
                trim.approximate = words[at] == b"~";
                at += usize::from(words[at] == b"=" || trim.approximate);
                trim.threshold(is(word, "maxlen"), &words[at])?;
                at += 1;
            } else if is(word, "limit") {
                trim.limited = true;
                at += 1;
            } else if is(word, "keepref") || is(word, "delref") {
                trim.delref = is(word, "delref");
            } else if is(word, "nomkstream") {
                trim.nomkstream = true;
            } else {
                at -= 1;
                break;
            }
        }
        Ok((trim, at))
    }

    fn threshold(&mut self, is_len: bool, word: &[u8]) -> Result<(), Want> {
        if is_len {
            let len = usize::try_from(parse_number(word)?);
            let len = len.map_err(|_| error("ERR The MAXLEN argument must be >= 0."))?;
            self.max_len = Some(len);
        } else {
            self.min_id = Some(parse_id(word, 0)?);
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Want> {
        if self.limited && !self.approximate {
            let line = "ERR syntax error, LIMIT cannot be used without the special ~ option";
            return Err(error(line));
        }
        Ok(())
    }
}

impl Stream {
    /// The first entry's id.
    pub fn first(&self) -> Id {
        self.entries.keys().next().copied().unwrap_or_default()
    }

    fn next_id(&self, new: &NewId, now_ms: u64) -> Result<Id, Want> {
        let smaller = "ERR The ID specified in XADD is equal or smaller than the target stream \
                       top item";
        let Some(next) = after(self.last) else {
            let line =
                "ERR The stream has exhausted the last possible ID, unable to add more items";
            return Err(error(line));
        };
        let id = match *new {
            NewId::Auto => next.max((now_ms, 0)),
            NewId::Ms(ms) if ms == next.0 => next,
            NewId::Ms(ms) => (ms, 0),
            NewId::Exact(id) => id,
        };
        if id > self.last {
            Ok(id)
        } else {
            Err(error(smaller))
        }
    }

    fn trim(&mut self, trim: &Trim) -> usize {
        let mut removed = 0;
        while let Some(id) = self.entries.keys().next().copied() {
            let too_many = trim.max_len.is_some_and(|max| self.entries.len() > max);
            if !too_many && trim.min_id.is_none_or(|min| id >= min) {
                break;
            }
            assert!(!trim.approximate, "nothing to trim");
            self.remove(id);
            removed += 1;
            if trim.delref {
                self.forget(id);
            }
        }
        removed
    }

    fn remove(&mut self, id: Id) -> bool {
        let found = self.entries.remove(&id).is_some();
        for group in self.groups.values_mut() {
            if let Some(pending) = group.pending.get_mut(&id) {
                pending.is_orphan = true;
            }
        }
        found
    }

    pub fn delete(&mut self, id: Id) -> bool {
        let found = self.remove(id);
        if found {
            self.max_deleted = self.max_deleted.max(id);
        }
        found
    }

    /// Nobody has it pending.
    pub fn forget(&mut self, id: Id) {
        for group in self.groups.values_mut() {
            group.pending.remove(&id);
        }
    }

    /// Whether a group has it pending or has not come to it.
    pub fn is_referenced(&self, id: Id) -> bool {
        self.groups
            .values()
            .any(|group| group.last < id || group.pending.contains_key(&id))
    }
}

pub fn xadd(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Result<Want, Want> {
    let key = &args[0];
    let (trim, options) = Trim::parse(&args[1..])?;
    let new = parse_new_id(&args[1 + options])?;
    trim.check()?;
    let fields = &args[2 + options..];
    if fields.is_empty() || fields.len() % 2 == 1 {
        return Err(error("ERR wrong number of arguments for 'xadd' command"));
    }
    if matches!(new, NewId::Exact((0, 0))) {
        let line = "ERR The ID specified in XADD must be greater than 0-0";
        return Err(error(line));
    }
    let now_ms = ctx.model.now_ms as u64;
    let found = stream(ctx, key)?.cloned();
    if found.is_none() && trim.nomkstream {
        return Ok(null());
    }
    let mut stream = found.unwrap_or_default();
    let id = stream.next_id(&new, now_ms)?;
    stream.entries.insert(id, fields.to_vec());
    stream.last = id;
    stream.added += 1;
    stream.trim(&trim);
    let at = ctx.get(key).and_then(|entry| entry.expire_at);
    ctx.put(key, Data::Stream(stream), at);
    Ok(bulk(&id_text(id)))
}

pub fn xlen(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Result<Want, Want> {
    let found = stream(ctx, &args[0])?;
    Ok(int(found.map_or(0, |stream| stream.entries.len())))
}

pub fn make_range(g: &mut Gen, reversed: bool) -> Words {
    let key = key(g);
    let (start, end) = (bound(g, &key, true), bound(g, &key, false));
    let mut words = if reversed {
        words![key, end, start]
    } else {
        words![key, start, end]
    };
    if g.once_in(3) {
        words.extend(words!["count", g.rng.i32(-1..6).to_string()]);
    }
    words
}

pub fn range(ctx: &mut Ctx<'_>, args: &[Vec<u8>], reversed: bool) -> Result<Want, Want> {
    let (start, end) = if reversed { (2, 1) } else { (1, 2) };
    let start = parse_bound(&args[start], true)?;
    let end = parse_bound(&args[end], false)?;
    let count = args.get(4).map(|word| parse_number(word)).transpose()?;
    let Some(stream) = stream(ctx, &args[0])? else {
        return Ok(Want::Is(Value::Array(Vec::new())));
    };
    if count.is_some_and(|count| count <= 0) {
        return Ok(Want::Is(Value::NullArray));
    }
    let inside = |(id, _): &(&Id, &Vec<Vec<u8>>)| (start..=end).contains(*id);
    let entries = stream.entries.iter().filter(inside);
    let mut entries: Vec<Value> = entries.map(|(id, f)| entry_value(*id, f)).collect();
    if reversed {
        entries.reverse();
    }
    entries.truncate(count.map_or(usize::MAX, |count| count as usize));
    Ok(Want::Is(Value::Array(entries)))
}

/// The words from STREAMS on.
pub fn streams(g: &mut Gen, mut id: impl FnMut(&mut Gen, &[u8]) -> Vec<u8>) -> Words {
    let most = if g.once_in(4) { 3 } else { 1 };
    let keys = g.some(most, key);
    let ids: Words = keys.iter().map(|key| id(g, key)).collect();
    [words!["STREAMS"], keys, ids].concat()
}

pub fn make_xread(g: &mut Gen) -> Words {
    let mut words = Words::new();
    if g.once_in(2) {
        words.extend(words!["COUNT", g.rng.i32(-1..4).to_string()]);
    }
    words.extend(streams(g, |g, key| match g.rng.u32(..20) {
        0 => b"$".to_vec(),
        1 => b"+".to_vec(),
        2 => b">".to_vec(),
        3..10 => b"0".to_vec(),
        _ => id(g, key),
    }));
    words
}

/// COUNT, which is no limit if it is not positive, and keys with ids.
pub type Reads = (usize, Vec<(Vec<u8>, Vec<u8>)>);

pub fn parse_reads(args: &[Vec<u8>]) -> Reads {
    let at = args.iter().position(|word| word == b"STREAMS");
    let (options, rest) = args.split_at(at.expect("STREAMS"));
    let count = options.iter().position(|word| word == b"COUNT");
    let count = count.and_then(|at| number(&options[at + 1]));
    let count = count.filter(|count| *count > 0);
    let (keys, ids) = rest[1..].split_at(rest.len() / 2);
    let pairs = keys.iter().cloned().zip(ids.iter().cloned());
    (count.map_or(usize::MAX, |n| n as usize), pairs.collect())
}

pub fn xread(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Result<Want, Want> {
    let (count, reads) = parse_reads(args);
    let mut after = Vec::new();
    for (key, id) in &reads {
        let last = stream(ctx, key)?.map(|stream| stream.last);
        after.push(match &id[..] {
            b"$" => last.unwrap_or_default(),
            b"+" => match last {
                None => (0, 0),
                Some(last) => {
                    before(last).ok_or_else(|| error("ERR the stream last element ID is 0-0"))?
                }
            },
            b">" => {
                return Err(error(
                    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP \
                     <group> <consumer> option.",
                ));
            }
            id => parse_id(id, 0)?,
        });
    }
    let mut found = Vec::new();
    for ((key, _), after) in reads.iter().zip(after) {
        let Some(stream) = stream(ctx, key)? else {
            continue;
        };
        let news = stream.entries.iter().filter(|(id, _)| **id > after);
        let news = news.take(count).map(|(id, f)| entry_value(*id, f));
        let news: Vec<Value> = news.collect();
        if !news.is_empty() {
            found.push((key.clone(), news));
        }
    }
    Ok(by_stream(found, ctx.session.resp3))
}

pub fn make_xdel(g: &mut Gen) -> Words {
    let key = key(g);
    let ids = g.some(4, |g| id(g, &key));
    [words![key], ids].concat()
}

/// The options of XDELEX and XACKDEL.
pub fn policy_and_ids(g: &mut Gen, key: &[u8]) -> Words {
    let mut words = words![g.one(&["KEEPREF", "delref", "ACKED", "acked"])];
    if g.once_in(4) {
        words.clear();
    }
    let ids = g.some(4, |g| id(g, key));
    let count = ids.len() + usize::from(g.once_in(40));
    words.extend(words!["IDS", count.to_string()]);
    words.extend(ids);
    words
}

pub fn make_xdelex(g: &mut Gen) -> Words {
    let key = key(g);
    let rest = policy_and_ids(g, &key);
    [words![key], rest].concat()
}

pub fn xdel(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Result<Want, Want> {
    let Some(stream) = stream_mut(ctx, &args[0])? else {
        return Ok(int(0));
    };
    let ids = parse_ids(&args[1..])?;
    let deleted = ids.into_iter().filter(|id| stream.delete(*id)).count();
    if deleted > 0 {
        touch(ctx, &args[0]);
    }
    Ok(int(deleted))
}

/// The policy in lower case, and the words of the ids.
pub fn parse_policy(args: &[Vec<u8>]) -> Result<(Vec<u8>, &[Vec<u8>]), Want> {
    let at = args.iter().position(|word| word == b"IDS").expect("IDS");
    let policy = args[..at].first().map(|word| word.to_ascii_lowercase());
    let count = number(&args[at + 1]).expect("a number") as usize;
    let ids = &args[at + 2..];
    if count > ids.len() {
        let line = "ERR The `numids` parameter must match the number of arguments";
        return Err(error(line));
    }
    Ok((policy.unwrap_or_else(|| b"keepref".to_vec()), ids))
}

/// A number for each id: -1 was not found, 1 is gone, 2 is still referred to.
pub fn fates(fates: Vec<i64>) -> Want {
    Want::Is(Value::Array(fates.into_iter().map(Value::Int).collect()))
}

pub fn xdelex(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Result<Want, Want> {
    stream(ctx, &args[0])?;
    let (policy, words) = parse_policy(&args[1..])?;
    let Some(stream) = stream_mut(ctx, &args[0])? else {
        return Ok(fates(vec![-1; words.len()]));
    };
    let ids = parse_ids(words)?;
    let len = stream.entries.len();
    let mut all = Vec::new();
    for id in ids {
        let kept = policy == b"acked" && stream.is_referenced(id);
        all.push(match stream.entries.contains_key(&id) {
            false => -1,
            true if kept => 2,
            true => 1,
        });
        if policy == b"delref" {
            stream.forget(id);
        }
        if !kept {
            stream.delete(id);
        }
    }
    if stream.entries.len() < len {
        touch(ctx, &args[0]);
    }
    Ok(fates(all))
}

pub fn make_xtrim(g: &mut Gen) -> Words {
    let key = key(g);
    let mut words = words![key];
    words.extend(trimming(g, &key));
    words
}

pub fn xtrim(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Result<Want, Want> {
    let (trim, _) = Trim::parse(&args[1..])?;
    trim.check()?;
    let Some(stream) = stream_mut(ctx, &args[0])? else {
        return Ok(int(0));
    };
    let removed = stream.trim(&trim);
    if removed > 0 {
        touch(ctx, &args[0]);
    }
    Ok(int(removed))
}

pub fn make_xsetid(g: &mut Gen) -> Words {
    let key = key(g);
    let (now, ahead) = (g.now_ms as u64, g.rng.u64(..3));
    let mut words = match g.rng.u32(..3) {
        0 => words![key, id(g, &key)],
        _ => words![key, id_text((now + ahead, g.rng.u64(..3)))],
    };
    if g.once_in(3) {
        let added = (g.rng.i32(-1..9) * g.rng.i32(1..4)).to_string();
        words.extend(words!["entriesadded", added]);
    }
    if g.once_in(3) {
        words.extend(words!["MAXDELETEDID", id(g, &key)]);
    }
    words
}

pub fn xsetid(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Result<Want, Want> {
    let last = parse_id(&args[1], 0)?;
    let (mut added, mut max_deleted) = (None, (0, 0));
    for pair in args[2..].chunks(2) {
        if is(&pair[0], "entriesadded") {
            let number = u64::try_from(parse_number(&pair[1])?);
            added = Some(number.map_err(|_| error("ERR entries_added must be positive"))?);
        } else {
            max_deleted = parse_id(&pair[1], 0)?;
            if last < max_deleted {
                return Err(error(
                    "ERR The ID specified in XSETID is smaller than the provided \
                     max_deleted_entry_id",
                ));
            }
        }
    }
    let Some(stream) = stream_mut(ctx, &args[0])? else {
        return Err(error("ERR no such key"));
    };
    if last < stream.max_deleted {
        let line = "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id";
        return Err(error(line));
    }
    let top = stream.entries.keys().next_back();
    if top.is_some_and(|top| last < *top) {
        let line = "ERR The ID specified in XSETID is smaller than the target stream top item";
        return Err(error(line));
    }
    if top.is_some() && added.is_some_and(|added| added < stream.entries.len() as u64) {
        return Err(error(
            "ERR The entries_added specified in XSETID is smaller than the target stream length",
        ));
    }
    stream.last = last;
    if let Some(added) = added {
        stream.added = added;
        for group in stream.groups.values_mut() {
            group.read = group.read.map(|read| read.min(added));
        }
    }
    if max_deleted != (0, 0) {
        stream.max_deleted = max_deleted;
    }
    Ok(ok())
}
