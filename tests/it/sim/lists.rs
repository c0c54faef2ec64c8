//! Lists.

use super::generate::Gen;
use super::model::{Ctx, Row, Words};
use super::strings::number;
use super::want::{Want, error, int, maybe, null, ok};
use crate::harness::Value;
use crate::words;

type Items = Vec<Vec<u8>>;

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row { name: "lpush", weight: 7, make: key_and_items, run: |c, a| push(c, a, true, false) },
    Row { name: "rpush", weight: 8, make: key_and_items, run: |c, a| push(c, a, false, false) },
    Row { name: "lpushx", weight: 2, make: key_and_items, run: |c, a| push(c, a, true, true) },
    Row { name: "rpushx", weight: 2, make: key_and_items, run: |c, a| push(c, a, false, true) },
    Row { name: "lpop", weight: 4, make: make_pop, run: |c, a| pop(c, a, true) },
    Row { name: "rpop", weight: 4, make: make_pop, run: |c, a| pop(c, a, false) },
    Row { name: "llen", weight: 2, make: |g| words![g.key('l')], run: llen },
    Row { name: "lrange", weight: 5, make: key_and_range, run: lrange },
    Row { name: "ltrim", weight: 3, make: key_and_range, run: ltrim },
    Row { name: "lindex", weight: 3, make: |g| words![g.key('l'), index(g)], run: lindex },
    Row { name: "lset", weight: 3, make: |g| words![g.key('l'), index(g), g.value()], run: lset },
    Row { name: "linsert", weight: 3, make: make_linsert, run: linsert },
    Row { name: "lrem", weight: 3, make: make_lrem, run: lrem },
    Row { name: "lpos", weight: 2, make: |g| words![g.key('l'), g.member()], run: lpos },
    Row { name: "lmove", weight: 4, make: make_lmove, run: lmove },
    Row { name: "rpoplpush", weight: 2, make: |g| words![g.key('l'), g.key('l')],
        run: |c, a| move_end(c, &a[0], &a[1], false, true) },
];

/// All items as LRANGE answers them.
pub fn all(items: &[Vec<u8>]) -> Want {
    Want::Is(Value::Array(
        items.iter().cloned().map(Value::Bulk).collect(),
    ))
}

fn item(g: &mut Gen) -> Vec<u8> {
    if g.once_in(4) { g.value() } else { g.member() }
}

fn key_and_items(g: &mut Gen) -> Words {
    let mut words = words![g.key('l')];
    words.extend(g.some(8, item));
    words
}

fn index(g: &mut Gen) -> String {
    g.rng.i64(-12..12).to_string()
}

fn key_and_range(g: &mut Gen) -> Words {
    // Mostly all or nearly all of it, or trimming would leave nothing to see.
    if g.once_in(3) {
        return words![g.key('l'), index(g), index(g)];
    }
    let (start, end) = (g.rng.i64(..2), g.rng.i64(-2..0));
    words![g.key('l'), start.to_string(), end.to_string()]
}

fn push(ctx: &mut Ctx<'_>, args: &[Vec<u8>], left: bool, only_present: bool) -> Want {
    ctx.edit(&args[0], |items: &mut Items| {
        if only_present && items.is_empty() {
            return (int(0), false);
        }
        for item in &args[1..] {
            let at = if left { 0 } else { items.len() };
            items.insert(at, item.clone());
        }
        (int(items.len()), true)
    })
}

fn make_pop(g: &mut Gen) -> Words {
    let mut words = words![g.key('l')];
    if g.once_in(2) {
        words.push(g.rng.u32(..6).to_string().into_bytes());
    }
    words
}

fn pop(ctx: &mut Ctx<'_>, args: &[Vec<u8>], left: bool) -> Want {
    let count = args
        .get(1)
        .map(|word| number(word).expect("a number") as usize);
    ctx.edit(&args[0], |items: &mut Items| {
        if items.is_empty() {
            let null = if count.is_some() {
                Value::NullArray
            } else {
                Value::NullBulk
            };
            return (Want::Is(null), false);
        }
        let mut taken = Vec::new();
        for _ in 0..count.unwrap_or(1).min(items.len()) {
            let at = if left { 0 } else { items.len() - 1 };
            taken.push(Value::Bulk(items.remove(at)));
        }
        let changed = !taken.is_empty();
        let want = match count {
            None => taken.remove(0),
            Some(_) => Value::Array(taken),
        };
        (Want::Is(want), changed)
    })
}

fn ask(ctx: &Ctx<'_>, key: &[u8], answer: impl FnOnce(Items) -> Want) -> Want {
    ctx.read::<Items>(key).map_or_else(|wrong| wrong, answer)
}

fn llen(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |items| int(items.len()))
}

/// The places that two indices of a range name, as a Rust range.
fn places(args: &[Vec<u8>], len: usize) -> std::ops::Range<usize> {
    let len = len as i64;
    let place = |word: &[u8]| {
        let n = number(word).expect("a number");
        if n < 0 { n + len } else { n }
    };
    let start = place(&args[0]).max(0);
    let end = place(&args[1]).min(len - 1) + 1;
    if start >= end {
        0..0
    } else {
        start as usize..end as usize
    }
}

fn lrange(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |items| {
        all(&items[places(&args[1..], items.len())])
    })
}

fn ltrim(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ctx.edit(&args[0], |items: &mut Items| {
        let there = !items.is_empty();
        *items = items[places(&args[1..], items.len())].to_vec();
        (ok(), there)
    })
}

/// The place an index names, if there is one.
fn place(word: &[u8], len: usize) -> Option<usize> {
    let n = number(word).expect("a number");
    let n = if n < 0 { n + len as i64 } else { n };
    usize::try_from(n).ok().filter(|place| *place < len)
}

fn lindex(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |items| {
        let place = place(&args[1], items.len());
        Want::Is(maybe(place.map(|place| items[place].as_slice())))
    })
}

fn lset(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ctx.edit(&args[0], |items: &mut Items| {
        if items.is_empty() {
            return (error("ERR no such key"), false);
        }
        let Some(place) = place(&args[1], items.len()) else {
            return (error("ERR index out of range"), false);
        };
        items[place] = args[2].clone();
        (ok(), true)
    })
}

fn make_linsert(g: &mut Gen) -> Words {
    words![g.key('l'), g.one(&["before", "AFTER"]), g.member(), item(g)]
}

fn linsert(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ctx.edit(&args[0], |items: &mut Items| {
        if items.is_empty() {
            return (int(0), false);
        }
        let Some(pivot) = items.iter().position(|item| *item == args[2]) else {
            return (int(-1), false);
        };
        items.insert(pivot + usize::from(args[1] == b"AFTER"), args[3].clone());
        (int(items.len()), true)
    })
}

fn make_lrem(g: &mut Gen) -> Words {
    let count = g.rng.i64(-3..4).to_string();
    words![g.key('l'), count, g.member()]
}

fn lrem(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let count = number(&args[1]).expect("a number");
    ctx.edit(&args[0], |items: &mut Items| {
        let mut places: Vec<usize> = (0..items.len())
            .filter(|place| items[*place] == args[2])
            .collect();
        if count < 0 {
            places.reverse();
        }
        if count != 0 {
            places.truncate(count.unsigned_abs() as usize);
        }
        places.sort_unstable();
        for place in places.iter().rev() {
            items.remove(*place);
        }
        (int(places.len()), !places.is_empty())
    })
}

fn lpos(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |items| {
        items
            .iter()
            .position(|item| *item == args[1])
            .map_or_else(null, int)
    })
}

fn make_lmove(g: &mut Gen) -> Words {
    let (from, to) = (g.one(&["LEFT", "RIGHT"]), g.one(&["LEFT", "RIGHT"]));
    words![g.key('l'), g.key('l'), from, to]
}

fn lmove(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    move_end(
        ctx,
        &args[0],
        &args[1],
        args[2] == b"LEFT",
        args[3] == b"LEFT",
    )
}

fn move_end(ctx: &mut Ctx<'_>, from: &[u8], to: &[u8], from_left: bool, to_left: bool) -> Want {
    let mut source = match ctx.read::<Items>(from) {
        Err(wrong) => return wrong,
        Ok(items) => items,
    };
    if source.is_empty() {
        return null();
    }
    if let Err(wrong) = ctx.read::<Items>(to) {
        return wrong;
    }
    let at = if from_left { 0 } else { source.len() - 1 };
    let item = source.remove(at);
    if from == to {
        let at = if to_left { 0 } else { source.len() };
        source.insert(at, item.clone());
        ctx.store(from, source, true);
        return Want::Is(Value::Bulk(item));
    }
    ctx.store(from, source, true);
    let mut target = ctx.read::<Items>(to).expect("a list");
    let at = if to_left { 0 } else { target.len() };
    target.insert(at, item.clone());
    ctx.store(to, target, true);
    Want::Is(Value::Bulk(item))
}
