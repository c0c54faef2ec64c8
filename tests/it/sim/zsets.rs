//! Sorted sets. Scores are quarters, whose text is the same for everybody.

use std::collections::BTreeMap;

use super::generate::Gen;
use super::model::{Ctx, Row, Words};
use super::strings::number;
use super::want::{Want, double, int, null};
use crate::harness::Value;
use crate::words;

type Members = BTreeMap<Vec<u8>, f64>;

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row { name: "zadd", weight: 10, make: make_zadd, run: zadd },
    Row { name: "zincrby", weight: 3, make: |g| words![g.key('z'), score(g), g.member()], run: zincrby },
    Row { name: "zrem", weight: 4, make: key_and_members, run: zrem },
    Row { name: "zscore", weight: 2, make: key_and_member, run: zscore },
    Row { name: "zmscore", weight: 2, make: key_and_members, run: zmscore },
    Row { name: "zcard", weight: 2, make: |g| words![g.key('z')], run: zcard },
    Row { name: "zcount", weight: 2, make: make_bounds, run: zcount },
    Row { name: "zrank", weight: 2, make: key_and_member, run: |c, a| zrank(c, a, false) },
    Row { name: "zrevrank", weight: 2, make: key_and_member, run: |c, a| zrank(c, a, true) },
    Row { name: "zrange", weight: 4, make: make_zrange, run: |c, a| zrange(c, a, false) },
    Row { name: "zrevrange", weight: 2, make: make_zrange, run: |c, a| zrange(c, a, true) },
    Row { name: "zrangebyscore", weight: 3, make: make_by_score, run: zrangebyscore },
    Row { name: "zpopmin", weight: 2, make: make_pop, run: |c, a| pop(c, a, false) },
    Row { name: "zpopmax", weight: 2, make: make_pop, run: |c, a| pop(c, a, true) },
    Row { name: "zremrangebyrank", weight: 2, make: make_ranks, run: zremrangebyrank },
    Row { name: "zremrangebyscore", weight: 2, make: make_bounds, run: zremrangebyscore },
    Row { name: "zunionstore", weight: 2, make: make_store, run: |c, a| store(c, a, true) },
    Row { name: "zinterstore", weight: 2, make: make_store, run: |c, a| store(c, a, false) },
];

/// The members in order.
pub fn ordered(members: &Members) -> Vec<(Vec<u8>, f64)> {
    let mut list: Vec<(Vec<u8>, f64)> = members.iter().map(|(m, s)| (m.clone(), *s)).collect();
    list.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
    list
}

fn score(g: &mut Gen) -> String {
    match g.rng.u32(..20) {
        0 => "inf".into(),
        1 => "-inf".into(),
        2 => (g.rng.i64(-1_000_000..1_000_000)).to_string(),
        _ => (g.rng.i32(-20..40) as f64 / 4.0).to_string(),
    }
}

fn parse(word: &[u8]) -> f64 {
    let text = std::str::from_utf8(word).expect("text");
    let score: f64 = text.parse().expect("a score");
    // Zero has one sign here.
    if score == 0.0 { 0.0 } else { score }
}

fn key_and_member(g: &mut Gen) -> Words {
    words![g.key('z'), g.member()]
}

fn key_and_members(g: &mut Gen) -> Words {
    let mut words = words![g.key('z')];
    words.extend(g.some(5, Gen::member));
    words
}

fn make_zadd(g: &mut Gen) -> Words {
    let mut words = words![g.key('z')];
    match g.rng.u32(..12) {
        0 => words.push(b"NX".to_vec()),
        1 => words.push(b"xx".to_vec()),
        2 => words.push(b"GT".to_vec()),
        3 => words.push(b"lt".to_vec()),
        4 => words.extend(words!["XX", "gt"]),
        _ => {}
    }
    if g.once_in(3) {
        words.push(b"ch".to_vec());
    }
    words.extend(g.some(5, |g| [score(g).into_bytes(), g.member()]).concat());
    words
}

pub fn zadd(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let options = ["nx", "xx", "gt", "lt", "ch"];
    let is_option = |word: &&Vec<u8>| {
        options
            .iter()
            .any(|option| word.eq_ignore_ascii_case(option.as_bytes()))
    };
    let count = args[1..].iter().take_while(is_option).count();
    let (said, pairs) = args[1..].split_at(count);
    let has = |option: &str| {
        said.iter()
            .any(|word| word.eq_ignore_ascii_case(option.as_bytes()))
    };
    ctx.edit(&args[0], |members: &mut Members| {
        let (mut added, mut updated) = (0, 0);
        for pair in pairs.chunks(2) {
            let new = parse(&pair[0]);
            let old = members.get(&pair[1]).copied();
            let refused = match old {
                None => has("xx"),
                Some(old) => has("nx") || has("gt") && new <= old || has("lt") && new >= old,
            };
            if refused {
                continue;
            }
            added += usize::from(old.is_none());
            updated += usize::from(old.is_some_and(|old| old != new));
            members.insert(pair[1].clone(), new);
        }
        let want = if has("ch") { added + updated } else { added };
        (int(want), added + updated > 0)
    })
}

fn zincrby(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ctx.edit(&args[0], |members: &mut Members| {
        let old = members.get(&args[2]).copied();
        let new = old.unwrap_or(0.0) + parse(&args[1]);
        if new.is_nan() {
            let line = "ERR resulting score is not a number (NaN)";
            return (super::want::error(line), false);
        }
        members.insert(args[2].clone(), new);
        (Want::Is(double(new)), old != Some(new))
    })
}

pub fn zrem(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ctx.edit(&args[0], |members: &mut Members| {
        let removed = args[1..]
            .iter()
            .filter(|member| members.remove(*member).is_some())
            .count();
        (int(removed), removed > 0)
    })
}

fn ask(ctx: &Ctx<'_>, key: &[u8], answer: impl FnOnce(Members) -> Want) -> Want {
    ctx.read::<Members>(key).map_or_else(|wrong| wrong, answer)
}

fn score_of(members: &Members, member: &[u8]) -> Value {
    members
        .get(member)
        .map_or(Value::NullBulk, |score| double(*score))
}

pub fn zscore(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |members| {
        Want::Is(score_of(&members, &args[1]))
    })
}

fn zmscore(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |members| {
        let scores = args[1..].iter().map(|member| score_of(&members, member));
        Want::Is(Value::Array(scores.collect()))
    })
}

fn zcard(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |members| int(members.len()))
}

fn bound(g: &mut Gen) -> String {
    let open = if g.once_in(3) { "(" } else { "" };
    format!("{open}{}", score(g))
}

fn make_bounds(g: &mut Gen) -> Words {
    words![g.key('z'), bound(g), bound(g)]
}

/// Whether a score is between two bounds.
fn within(score: f64, low: &[u8], high: &[u8]) -> bool {
    let above = match low.strip_prefix(b"(") {
        Some(low) => score > parse(low),
        None => score >= parse(low),
    };
    let below = match high.strip_prefix(b"(") {
        Some(high) => score < parse(high),
        None => score <= parse(high),
    };
    above && below
}

fn zcount(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |members| {
        int(members
            .values()
            .filter(|score| within(**score, &args[1], &args[2]))
            .count())
    })
}

fn zrank(ctx: &mut Ctx<'_>, args: &[Vec<u8>], reversed: bool) -> Want {
    ask(ctx, &args[0], |members| {
        let mut list = ordered(&members);
        if reversed {
            list.reverse();
        }
        list.iter()
            .position(|(member, _)| *member == args[1])
            .map_or_else(null, int)
    })
}

fn make_ranks(g: &mut Gen) -> Words {
    let (start, end) = (g.rng.i64(-9..9).to_string(), g.rng.i64(-9..9).to_string());
    words![g.key('z'), start, end]
}

fn make_zrange(g: &mut Gen) -> Words {
    let mut words = make_ranks(g);
    if g.once_in(2) {
        words.push(b"withscores".to_vec());
    }
    words
}

/// The ranks that two indices name.
fn ranks(args: &[Vec<u8>], len: usize) -> std::ops::Range<usize> {
    let len = len as i64;
    let place = |word: &[u8]| {
        let n = number(word).expect("a number");
        if n < 0 { n + len } else { n }
    };
    let (start, end) = (place(&args[0]).max(0), place(&args[1]).min(len - 1) + 1);
    if start >= end {
        0..0
    } else {
        start as usize..end as usize
    }
}

fn listed(list: Vec<(Vec<u8>, f64)>, with_scores: bool) -> Want {
    if with_scores {
        return Want::Scored(list);
    }
    Want::Is(Value::Array(
        list.into_iter()
            .map(|(member, _)| Value::Bulk(member))
            .collect(),
    ))
}

fn zrange(ctx: &mut Ctx<'_>, args: &[Vec<u8>], reversed: bool) -> Want {
    ask(ctx, &args[0], |members| {
        let mut list = ordered(&members);
        if reversed {
            list.reverse();
        }
        let part = list[ranks(&args[1..3], list.len())].to_vec();
        listed(part, args.len() > 3)
    })
}

fn make_by_score(g: &mut Gen) -> Words {
    let mut words = make_bounds(g);
    if g.once_in(2) {
        words.push(b"WITHSCORES".to_vec());
    }
    if g.once_in(2) {
        let (offset, count) = (g.rng.u32(..4), g.rng.i32(-1..5));
        words.extend(words!["limit", offset.to_string(), count.to_string()]);
    }
    words
}

fn zrangebyscore(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let with_scores = args.iter().any(|word| word == b"WITHSCORES");
    let limit = args.iter().position(|word| word == b"limit");
    ask(ctx, &args[0], |members| {
        let mut list = ordered(&members);
        list.retain(|(_, score)| within(*score, &args[1], &args[2]));
        if let Some(limit) = limit {
            let number = |word: &[u8]| number(word).expect("a number");
            let (offset, count) = (number(&args[limit + 1]), number(&args[limit + 2]));
            list.drain(..list.len().min(offset as usize));
            list.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        }
        listed(list, with_scores)
    })
}

fn make_pop(g: &mut Gen) -> Words {
    let mut words = words![g.key('z')];
    if g.once_in(2) {
        words.push(g.rng.u32(..5).to_string().into_bytes());
    }
    words
}

fn pop(ctx: &mut Ctx<'_>, args: &[Vec<u8>], highest: bool) -> Want {
    let count = args
        .get(1)
        .map(|word| number(word).expect("a number") as usize);
    ctx.edit(&args[0], |members: &mut Members| {
        let mut list = ordered(members);
        if highest {
            list.reverse();
        }
        list.truncate(count.unwrap_or(1));
        for (member, _) in &list {
            members.remove(member);
        }
        let changed = !list.is_empty();
        let want = match (count, list.pop()) {
            // One alone is flat in both protocols.
            (None, Some((member, score))) => {
                Want::Is(Value::Array(vec![Value::Bulk(member), double(score)]))
            }
            (_, last) => {
                list.extend(last);
                Want::Scored(list)
            }
        };
        (want, changed)
    })
}

fn remove(members: &mut Members, gone: Vec<(Vec<u8>, f64)>) -> (Want, bool) {
    for (member, _) in &gone {
        members.remove(member);
    }
    (int(gone.len()), !gone.is_empty())
}

fn zremrangebyrank(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ctx.edit(&args[0], |members: &mut Members| {
        let list = ordered(members);
        let gone = list[ranks(&args[1..], list.len())].to_vec();
        remove(members, gone)
    })
}

fn zremrangebyscore(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ctx.edit(&args[0], |members: &mut Members| {
        let mut gone = ordered(members);
        gone.retain(|(_, score)| within(*score, &args[1], &args[2]));
        remove(members, gone)
    })
}

fn make_store(g: &mut Gen) -> Words {
    let sources = g.some(3, |g| g.key('z'));
    let mut words = words![g.key('z'), sources.len().to_string()];
    words.extend(sources);
    if g.once_in(3) {
        words.extend(words!["aggregate", g.one(&["MIN", "MAX"])]);
    }
    words
}

fn store(ctx: &mut Ctx<'_>, args: &[Vec<u8>], union: bool) -> Want {
    let count = number(&args[1]).expect("a number") as usize;
    let how = args
        .last()
        .map(Vec::as_slice)
        .filter(|_| args.len() > count + 2);
    let mut sources = Vec::new();
    for key in &args[2..count + 2] {
        match ctx.read::<Members>(key) {
            Ok(members) => sources.push(members),
            // A set counts as a sorted set of which each score is 1.
            Err(wrong) => match ctx.read::<std::collections::BTreeSet<Vec<u8>>>(key) {
                Ok(set) => sources.push(set.into_iter().map(|member| (member, 1.0)).collect()),
                Err(_) => return wrong,
            },
        }
    }
    // From the smallest on, as in Redis: with infinities of both signs the order shows.
    sources.sort_by_key(BTreeMap::len);
    let mut result = sources[0].clone();
    for source in &sources[1..] {
        if !union {
            result.retain(|member, _| source.contains_key(member));
        }
        for (member, score) in source {
            if let Some(old) = result.get_mut(member) {
                *old = aggregate(how, *old, *score);
            } else if union {
                result.insert(member.clone(), *score);
            }
        }
    }
    let count = result.len();
    ctx.store(&args[0], result, false);
    int(count)
}

fn aggregate(how: Option<&[u8]>, a: f64, b: f64) -> f64 {
    match how {
        Some(b"MIN") => a.min(b),
        Some(b"MAX") => a.max(b),
        // Infinity less infinity is nothing.
        _ => Some(a + b).filter(|sum| !sum.is_nan()).unwrap_or(0.0),
    }
}
