//! Streams: what they hold, ids, and the commands of the files below.

mod entries;
mod groups;
mod pending;
mod whole;

use std::collections::{BTreeMap, BTreeSet};

use super::generate::Gen;
use super::model::{Ctx, Data, Row};
use super::strings::number;
use super::want::{Want, error, wrong_type};
use crate::harness::Value;
use crate::words;

pub use whole::settle;

/// Milliseconds and a sequence number.
pub type Id = (u64, u64);

/// A stream. One without entries stays a key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stream {
    /// Fields and values, one after the other.
    pub entries: BTreeMap<Id, Vec<Vec<u8>>>,
    pub last: Id,
    pub max_deleted: Id,
    pub added: u64,
    pub groups: BTreeMap<Vec<u8>, Group>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    pub last: Id,
    /// How many entries it has read, as far as that is known.
    pub read: Option<u64>,
    pub consumers: BTreeSet<Vec<u8>>,
    pub pending: BTreeMap<Id, Pending>,
}

/// A message that was delivered and not acknowledged.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    pub consumer: Vec<u8>,
    pub time: i64,
    pub count: i64,
    /// Its entry went since. There may be another: XSETID can set ids back.
    pub is_orphan: bool,
}

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row { name: "xadd", weight: 20, make: entries::make_xadd, run: |c, a| flat(entries::xadd(c, a)) },
    Row { name: "xlen", weight: 2, make: |g| words![key(g)], run: |c, a| flat(entries::xlen(c, a)) },
    Row { name: "xrange", weight: 3, make: |g| entries::make_range(g, false), run: |c, a| flat(entries::range(c, a, false)) },
    Row { name: "xrevrange", weight: 3, make: |g| entries::make_range(g, true), run: |c, a| flat(entries::range(c, a, true)) },
    Row { name: "xread", weight: 4, make: entries::make_xread, run: |c, a| flat(entries::xread(c, a)) },
    Row { name: "xdel", weight: 4, make: entries::make_xdel, run: |c, a| flat(entries::xdel(c, a)) },
    Row { name: "xdelex", weight: 3, make: entries::make_xdelex, run: |c, a| flat(entries::xdelex(c, a)) },
    Row { name: "xtrim", weight: 2, make: entries::make_xtrim, run: |c, a| flat(entries::xtrim(c, a)) },
    Row { name: "xsetid", weight: 3, make: entries::make_xsetid, run: |c, a| flat(entries::xsetid(c, a)) },
    Row { name: "xgroup", weight: 18, make: groups::make_xgroup, run: |c, a| flat(groups::xgroup(c, a)) },
    Row { name: "xreadgroup", weight: 24, make: groups::make_xreadgroup, run: |c, a| flat(groups::xreadgroup(c, a)) },
    Row { name: "xack", weight: 5, make: pending::make_xack, run: |c, a| flat(pending::xack(c, a)) },
    Row { name: "xackdel", weight: 4, make: pending::make_xackdel, run: |c, a| flat(pending::xackdel(c, a)) },
    Row { name: "xpending", weight: 4, make: pending::make_xpending, run: |c, a| flat(pending::xpending(c, a)) },
    Row { name: "xclaim", weight: 8, make: pending::make_xclaim, run: |c, a| flat(pending::xclaim(c, a)) },
    Row { name: "xautoclaim", weight: 5, make: pending::make_xautoclaim, run: |c, a| flat(pending::xautoclaim(c, a)) },
    Row { name: "xinfo", weight: 2, make: |g| words!["GROUPS", key(g)], run: |c, a| flat(groups::xinfo(c, a)) },
];

pub const ID_MAX: Id = (u64::MAX, u64::MAX);
pub const BAD_ID: &str = "ERR Invalid stream ID specified as stream command argument";
pub const SYNTAX: &str = "ERR syntax error";
const NOT_INTEGER: &str = "ERR value is not an integer or out of range";

/// A reply, whether all went well or not.
pub fn flat(result: Result<Want, Want>) -> Want {
    result.unwrap_or_else(|want| want)
}

/// The stream at a key, if there is one; `Err` if there is something else.
pub fn stream<'c>(ctx: &'c Ctx<'_>, key: &[u8]) -> Result<Option<&'c Stream>, Want> {
    match ctx.get(key).map(|entry| &entry.data) {
        None => Ok(None),
        Some(Data::Stream(stream)) => Ok(Some(stream)),
        Some(_) => Err(wrong_type()),
    }
}

/// The same, to be changed without that who watches the key learns of it.
pub fn stream_mut<'c>(ctx: &'c mut Ctx<'_>, key: &[u8]) -> Result<Option<&'c mut Stream>, Want> {
    let db = &mut ctx.model.dbs[ctx.session.db];
    match db.get_mut(key).map(|entry| &mut entry.data) {
        None => Ok(None),
        Some(Data::Stream(stream)) => Ok(Some(stream)),
        Some(_) => Err(wrong_type()),
    }
}

/// Who watches the key fails.
pub fn touch(ctx: &mut Ctx<'_>, key: &[u8]) {
    ctx.model.touch(ctx.session.db, key);
}

/// Whether a word is this option.
pub fn is(word: &[u8], option: &str) -> bool {
    word.eq_ignore_ascii_case(option.as_bytes())
}

fn part(text: &str) -> Option<u64> {
    text.parse().ok().filter(|n: &u64| n.to_string() == text)
}

/// `ms` or `ms-seq`.
pub fn parse_id(word: &[u8], missing: u64) -> Result<Id, Want> {
    let parse = || {
        let text = std::str::from_utf8(word).ok()?;
        match text.split_once('-') {
            None => Some((part(text)?, missing)),
            Some((ms, seq)) => Some((part(ms)?, part(seq)?)),
        }
    };
    parse().ok_or_else(|| error(BAD_ID))
}

pub fn parse_ids(words: &[Vec<u8>]) -> Result<Vec<Id>, Want> {
    words.iter().map(|word| parse_id(word, 0)).collect()
}

pub fn parse_number(word: &[u8]) -> Result<i64, Want> {
    number(word).ok_or_else(|| error(NOT_INTEGER))
}

pub fn after(id: Id) -> Option<Id> {
    match id {
        ID_MAX => None,
        (ms, u64::MAX) => Some((ms + 1, 0)),
        (ms, seq) => Some((ms, seq + 1)),
    }
}

fn before(id: Id) -> Option<Id> {
    match id {
        (0, 0) => None,
        (ms, 0) => Some((ms - 1, u64::MAX)),
        (ms, seq) => Some((ms, seq - 1)),
    }
}

/// A bound of a range, as the first or last id that is in it.
pub fn parse_bound(word: &[u8], is_start: bool) -> Result<Id, Want> {
    let missing = if is_start { 0 } else { u64::MAX };
    match word {
        b"-" => Ok((0, 0)),
        b"+" => Ok(ID_MAX),
        [b'(', id @ ..] if !id.is_empty() => {
            let id = parse_id(id, missing)?;
            if is_start {
                after(id).ok_or_else(|| error("ERR invalid start ID for the interval"))
            } else {
                before(id).ok_or_else(|| error("ERR invalid end ID for the interval"))
            }
        }
        id => parse_id(id, missing),
    }
}

pub fn id_text(id: Id) -> Vec<u8> {
    format!("{}-{}", id.0, id.1).into_bytes()
}

pub fn id_value(id: Id) -> Value {
    Value::Bulk(id_text(id))
}

pub fn entry_value(id: Id, fields: &[Vec<u8>]) -> Value {
    let fields = fields.iter().cloned().map(Value::Bulk).collect();
    Value::Array(vec![id_value(id), Value::Array(fields)])
}

/// Entries by stream, as XREAD and XREADGROUP answer.
pub fn by_stream(streams: Vec<(Vec<u8>, Vec<Value>)>, resp3: bool) -> Want {
    if streams.is_empty() {
        return Want::Is(Value::NullArray);
    }
    let pairs = streams
        .into_iter()
        .map(|(key, entries)| (Value::Bulk(key), Value::Array(entries)));
    Want::Is(if resp3 {
        Value::Map(pairs.collect())
    } else {
        Value::Array(pairs.map(|(k, v)| Value::Array(vec![k, v])).collect())
    })
}

fn key(g: &mut Gen) -> Vec<u8> {
    g.key('x')
}

/// An id that an entry of the key may have, or one beside it.
pub fn met_id(g: &mut Gen, key: &[u8]) -> Id {
    let met: Vec<Id> = g
        .ids
        .iter()
        .filter(|(of, _)| of == key)
        .map(|(_, id)| *id)
        .collect();
    if met.is_empty() {
        return (g.now_ms as u64, 0);
    }
    // Mostly one of the newest.
    let newest = met.len() - met.len().min(6);
    let (ms, seq) = if g.once_in(2) {
        g.one(&met)
    } else {
        g.one(&met[newest..])
    };
    (ms, seq + u64::from(g.once_in(8)))
}

/// The text of an id, seldom of none.
pub fn id(g: &mut Gen, key: &[u8]) -> Vec<u8> {
    match g.rng.u32(..60) {
        0 => words![g.one(&["abc", "1-2-3", "-", "1-*", "", "1-", "-1-1"])].remove(0),
        1 => b"0-1".to_vec(),
        2 => b"7".to_vec(),
        3 => b"18446744073709551615-0".to_vec(),
        _ => id_text(met_id(g, key)),
    }
}

pub fn bound(g: &mut Gen, key: &[u8], is_start: bool) -> Vec<u8> {
    if g.once_in(4) {
        return words![if is_start { "-" } else { "+" }].remove(0);
    }
    let id = match g.rng.u32(..30) {
        0 => b"18446744073709551615-18446744073709551615".to_vec(),
        1 => b"0-0".to_vec(),
        2 => b"+".to_vec(),
        3..8 => met_id(g, key).0.to_string().into_bytes(),
        _ => id(g, key),
    };
    if g.once_in(4) {
        [&b"("[..], &id].concat()
    } else {
        id
    }
}

pub fn name(g: &mut Gen) -> Vec<u8> {
    match g.rng.u32(..60) {
        0 => Vec::new(),
        1 => g.member(),
        2..50 => b"g".to_vec(),
        _ => b"h".to_vec(),
    }
}

pub fn consumer(g: &mut Gen) -> Vec<u8> {
    match g.rng.u32(..30) {
        0 => Vec::new(),
        1 => g.member(),
        2..12 => b"a".to_vec(),
        12..22 => b"b".to_vec(),
        _ => b"c".to_vec(),
    }
}

/// What a client sent, as an error line shows it.
pub fn shown(word: &[u8]) -> String {
    String::from_utf8_lossy(word).replace(['\r', '\n'], " ")
}

pub fn no_key_or_group(key: &[u8], group: &[u8], end: &str) -> Want {
    let (key, group) = (shown(key), shown(group));
    error(&format!(
        "NOGROUP No such key '{key}' or consumer group '{group}'{end}"
    ))
}

/// The stream and its group, of which commands say that one of them is missing.
pub fn find<'c>(
    ctx: &'c mut Ctx<'_>,
    key: &[u8],
    group: &[u8],
    end: &str,
) -> Result<&'c mut Stream, Want> {
    let found = stream_mut(ctx, key)?.filter(|stream| stream.groups.contains_key(group));
    found.ok_or_else(|| no_key_or_group(key, group, end))
}
