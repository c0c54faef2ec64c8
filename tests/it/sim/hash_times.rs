//! Fields of hashes that end before their hash does.

use super::generate::Gen;
use super::hashes::{Fields, ask};
use super::model::{Ctx, Row, Words};
use super::strings::{number, option_ms};
use super::want::{Want, error, int, maybe};
use crate::harness::Value;
use crate::words;

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row { name: "hexpire", weight: 4, make: |g| make_expire(g, 1_000, false), run: |c, a| expire(c, a, 1_000, false, "hexpire") },
    Row { name: "hpexpire", weight: 10, make: |g| make_expire(g, 1, false), run: |c, a| expire(c, a, 1, false, "hpexpire") },
    Row { name: "hexpireat", weight: 2, make: |g| make_expire(g, 1_000, true), run: |c, a| expire(c, a, 1_000, true, "hexpireat") },
    Row { name: "hpexpireat", weight: 2, make: |g| make_expire(g, 1, true), run: |c, a| expire(c, a, 1, true, "hpexpireat") },
    Row { name: "httl", weight: 2, make: key_and_list, run: |c, a| left(c, a, |at, now| (at - now + 500) / 1_000) },
    Row { name: "hpttl", weight: 3, make: key_and_list, run: |c, a| left(c, a, |at, now| at - now) },
    Row { name: "hexpiretime", weight: 1, make: key_and_list, run: |c, a| left(c, a, |at, _| (at + 500) / 1_000) },
    Row { name: "hpexpiretime", weight: 1, make: key_and_list, run: |c, a| left(c, a, |at, _| at) },
    Row { name: "hpersist", weight: 2, make: key_and_list, run: hpersist },
    Row { name: "hgetex", weight: 4, make: make_hgetex, run: hgetex },
    Row { name: "hsetex", weight: 12, make: make_hsetex, run: hsetex },
    Row { name: "hgetdel", weight: 2, make: key_and_list, run: hgetdel },
];

const ABSENT: i64 = -2;
const ENDLESS: i64 = -1;

/// The command that asks when the fields of a hash end, and what it must answer.
pub fn read_ends(key: &[u8], fields: &Fields) -> (Words, Want) {
    let mut words = words!["HPEXPIRETIME", key, "FIELDS", fields.live.len().to_string()];
    words.extend(fields.live.keys().cloned());
    let at = |name: &Vec<u8>| fields.expire_at(name).unwrap_or(ENDLESS);
    let ends: Vec<i64> = fields.live.keys().map(at).collect();
    (words, ints(ends))
}

fn ints(numbers: Vec<i64>) -> Want {
    Want::Is(Value::Array(numbers.into_iter().map(Value::Int).collect()))
}

/// A key, mostly of few, so that times are given to what is there.
fn key(g: &mut Gen) -> Vec<u8> {
    if g.once_in(2) {
        return g.key('h');
    }
    format!("h{}", g.rng.u32(..2)).into_bytes()
}

/// A field: one of few, of many, or of those that are made in numbers.
pub fn name(g: &mut Gen) -> Vec<u8> {
    match g.rng.u32(..8) {
        0 => format!("f{}", g.rng.u32(..150)).into_bytes(),
        1..5 => format!("m{}", g.rng.u32(..6)).into_bytes(),
        _ => g.member(),
    }
}

/// The names of fields, their number before them.
fn add_list(g: &mut Gen, words: &mut Words) {
    let names = g.some(4, name);
    words.extend(words![
        g.one(&["FIELDS", "fields"]),
        names.len().to_string()
    ]);
    words.extend(names);
}

fn key_and_list(g: &mut Gen) -> Words {
    let mut words = words![key(g)];
    add_list(g, &mut words);
    words
}

/// What is said before the list, and the list.
fn parts(args: &[Vec<u8>]) -> (&[Vec<u8>], &[Vec<u8>]) {
    let is_list = |word: &Vec<u8>| word.eq_ignore_ascii_case(b"fields");
    let at = args.iter().position(is_list).expect("a list");
    (&args[..at], &args[at + 2..])
}

fn make_expire(g: &mut Gen, unit: i64, absolute: bool) -> Words {
    let mut span = g.span_ms();
    if g.once_in(8) {
        span = g.one(&[0, -1_000, -span]);
    }
    let value = if absolute { g.now_ms + span } else { span };
    let mut words = words![key(g), (value / unit).to_string()];
    if g.once_in(3) {
        words.extend(words![g.one(&["NX", "xx", "GT", "lt"])]);
    }
    add_list(g, &mut words);
    words
}

fn expire(ctx: &mut Ctx<'_>, args: &[Vec<u8>], unit: i64, absolute: bool, name: &str) -> Want {
    let now_ms = ctx.model.now_ms;
    let (head, names) = parts(args);
    let value = number(&head[1]).expect("a number");
    if value < 0 {
        return error(&format!("ERR invalid expire time in '{name}' command"));
    }
    let at = value * unit + if absolute { 0 } else { now_ms };
    let condition = head.get(2).map(|word| word.to_ascii_lowercase());
    let is_allowed = |present: Option<i64>| match condition.as_deref() {
        Some(b"nx") => present.is_none(),
        Some(b"xx") => present.is_some(),
        Some(b"gt") => present.is_some_and(|present| at > present),
        Some(b"lt") => present.is_none_or(|present| at < present),
        _ => true,
    };
    ctx.edit(&head[0], |fields: &mut Fields| {
        let one = |name: &Vec<u8>| match fields.live.get_mut(name) {
            None => ABSENT,
            Some(field) if !is_allowed(field.expire_at) => 0,
            Some(_) if at <= now_ms => {
                fields.remove(name);
                2
            }
            Some(field) => {
                field.expire_at = Some(at);
                1
            }
        };
        let outcomes: Vec<i64> = names.iter().map(one).collect();
        let changed = outcomes.iter().any(|outcome| *outcome > 0);
        (ints(outcomes), changed)
    })
}

fn left(ctx: &mut Ctx<'_>, args: &[Vec<u8>], of: fn(i64, i64) -> i64) -> Want {
    let now_ms = ctx.model.now_ms;
    ask(ctx, &args[0], |fields| {
        let one = |name: &Vec<u8>| match fields.live.get(name) {
            None => ABSENT,
            Some(field) => field.expire_at.map_or(ENDLESS, |at| of(at, now_ms)),
        };
        ints(parts(args).1.iter().map(one).collect())
    })
}

fn hpersist(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ctx.edit(&args[0], |fields: &mut Fields| {
        let one = |name: &Vec<u8>| match fields.live.get_mut(name) {
            None => ABSENT,
            Some(field) => field.expire_at.take().map_or(ENDLESS, |_| 1),
        };
        let outcomes: Vec<i64> = parts(args).1.iter().map(one).collect();
        let changed = outcomes.contains(&1);
        (ints(outcomes), changed)
    })
}

fn make_hgetex(g: &mut Gen) -> Words {
    let mut words = words![key(g)];
    match g.rng.u32(..4) {
        0 => {}
        1 => words.push(b"persist".to_vec()),
        _ => words.extend(g.expiry()),
    }
    add_list(g, &mut words);
    words
}

fn hgetex(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let now_ms = ctx.model.now_ms;
    let (head, names) = parts(args);
    let at = head
        .get(2)
        .map(|value| option_ms(ctx, &head[1], value).expect("an expiry"));
    let persists = head.len() == 2;
    ctx.edit(&head[0], |fields: &mut Fields| {
        let mut changed = false;
        let mut one = |name: &Vec<u8>| {
            let Some(field) = fields.live.get_mut(name) else {
                return Value::NullBulk;
            };
            let value = field.value.clone();
            match at {
                Some(at) if at <= now_ms => drop(fields.remove(name)),
                Some(at) => field.expire_at = Some(at),
                None if persists => changed |= field.expire_at.take().is_some(),
                None => {}
            }
            changed |= at.is_some();
            Value::Bulk(value)
        };
        let values = names.iter().map(&mut one).collect();
        (Want::Is(Value::Array(values)), changed)
    })
}

/// Sets fields for so long.
pub fn short_lived(g: &mut Gen, span_ms: u64) -> (&'static Row, Words) {
    let mut words = words![key(g), "PX", span_ms.to_string()];
    add_pairs(g, &mut words);
    let row = ROWS.iter().find(|row| row.name == "hsetex");
    (row.expect("a row"), words)
}

fn make_hsetex(g: &mut Gen) -> Words {
    let mut words = words![key(g)];
    match g.rng.u32(..10) {
        0 => words.push(b"NX".to_vec()),
        1 => words.push(b"xx".to_vec()),
        2 => words.push(b"FNX".to_vec()),
        3 => words.push(b"fxx".to_vec()),
        _ => {}
    }
    match g.rng.u32(..5) {
        0 => {}
        1 => words.push(b"KeepTTL".to_vec()),
        _ => words.extend(g.expiry()),
    }
    add_pairs(g, &mut words);
    words
}

/// Fields and their values, their number before them.
fn add_pairs(g: &mut Gen, words: &mut Words) {
    let pairs = if g.once_in(10) {
        // More than a write removes when they have ended.
        let count = g.rng.u32(60..150);
        let pair = |n: u32| [format!("f{n}").into_bytes(), n.to_string().into_bytes()];
        (0..count).map(pair).collect()
    } else {
        g.some(4, |g| [name(g), g.value()])
    };
    words.extend(words!["FIELDS", pairs.len().to_string()]);
    words.extend(pairs.concat());
}

fn hsetex(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let now_ms = ctx.model.now_ms;
    let (head, pairs) = parts(args);
    let has = |option: &str| {
        let is = |word: &Vec<u8>| word.eq_ignore_ascii_case(option.as_bytes());
        head[1..].iter().any(is)
    };
    let at = match &head[head.len().saturating_sub(2)..] {
        [name, value] => option_ms(ctx, name, value),
        _ => None,
    };
    ctx.edit(&head[0], |fields: &mut Fields| {
        let count = pairs
            .chunks(2)
            .filter(|pair| fields.get(&pair[0]).is_some())
            .count();
        let refused = has("nx") && !fields.is_empty()
            || has("xx") && fields.is_empty()
            || has("fnx") && count > 0
            || has("fxx") && count * 2 < pairs.len();
        if refused {
            return (int(0), false);
        }
        let is_past = at.is_some_and(|at| at <= now_ms);
        for pair in pairs.chunks(2) {
            let kept = fields.expire_at(&pair[0]).filter(|_| has("keepttl"));
            if is_past {
                fields.remove(&pair[0]);
            } else {
                fields.set(&pair[0], pair[1].clone(), at.or(kept));
            }
        }
        (int(1), !is_past || count > 0)
    })
}

fn hgetdel(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ctx.edit(&args[0], |fields: &mut Fields| {
        let before = fields.live.len();
        let one = |name: &Vec<u8>| maybe(fields.remove(name).as_deref());
        let values = parts(args).1.iter().map(one).collect();
        (Want::Is(Value::Array(values)), fields.live.len() < before)
    })
}
