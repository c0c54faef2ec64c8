//! Keys of any type: ends, names, databases, walks.

use super::generate::Gen;
use super::model::{Ctx, Entry, Row, Words};
use super::want::{Page, Want, error, int, ok, simple};
use crate::harness::Value;
use crate::words;

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row { name: "del", weight: 8, make: some_keys, run: del },
    Row { name: "unlink", weight: 3, make: some_keys, run: del },
    Row { name: "exists", weight: 4, make: some_keys, run: exists },
    Row { name: "touch", weight: 2, make: some_keys, run: exists },
    Row { name: "type", weight: 3, make: one_key, run: kind },
    Row { name: "expire", weight: 5, make: |g| make_expire(g, 1_000, false), run: |c, a| expire(c, a, 1_000, false) },
    Row { name: "pexpire", weight: 8, make: |g| make_expire(g, 1, false), run: |c, a| expire(c, a, 1, false) },
    Row { name: "expireat", weight: 2, make: |g| make_expire(g, 1_000, true), run: |c, a| expire(c, a, 1_000, true) },
    Row { name: "pexpireat", weight: 3, make: |g| make_expire(g, 1, true), run: |c, a| expire(c, a, 1, true) },
    Row { name: "persist", weight: 3, make: one_key, run: persist },
    Row { name: "ttl", weight: 3, make: one_key, run: |c, a| left(c, a, |at, now| (at - now + 500) / 1_000) },
    Row { name: "pttl", weight: 5, make: one_key, run: |c, a| left(c, a, |at, now| at - now) },
    Row { name: "expiretime", weight: 1, make: one_key, run: |c, a| left(c, a, |at, _| (at + 500) / 1_000) },
    Row { name: "pexpiretime", weight: 2, make: one_key, run: |c, a| left(c, a, |at, _| at) },
    Row { name: "randomkey", weight: 3, make: nothing, run: randomkey },
    Row { name: "dbsize", weight: 3, make: nothing, run: dbsize },
    Row { name: "keys", weight: 2, make: |g| words![pattern(g)], run: keys },
    Row { name: "scan", weight: 12, make: make_scan, run: scan },
    Row { name: "flushdb", weight: 1, make: |g| flush_mode(g), run: flushdb },
    Row { name: "flushall", weight: 1, make: |g| flush_mode(g), run: flushall },
    Row { name: "select", weight: 5, make: make_select, run: select },
    Row { name: "swapdb", weight: 1, make: make_swapdb, run: swapdb },
    Row { name: "rename", weight: 3, make: Gen::two_keys, run: |c, a| rename(c, a, false) },
    Row { name: "renamenx", weight: 2, make: Gen::two_keys, run: |c, a| rename(c, a, true) },
    Row { name: "copy", weight: 4, make: make_copy, run: copy },
    Row { name: "move", weight: 3, make: make_move, run: move_ },
];

fn nothing(_: &mut Gen) -> Words {
    Words::new()
}

fn one_key(g: &mut Gen) -> Words {
    words![g.any_key()]
}

fn some_keys(g: &mut Gen) -> Words {
    g.some(3, Gen::any_key)
}

fn database(g: &mut Gen) -> String {
    g.rng.usize(..g.databases).to_string()
}

fn del(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    int(args.iter().filter(|key| ctx.remove(key)).count())
}

fn exists(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    int(args.iter().filter(|key| ctx.get(key).is_some()).count())
}

fn kind(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    simple(ctx.get(&args[0]).map_or("none", |entry| entry.data.kind()))
}

fn make_expire(g: &mut Gen, unit: i64, absolute: bool) -> Words {
    let mut span = g.span_ms();
    if g.once_in(8) {
        span = -span;
    }
    let value = if absolute { g.now_ms + span } else { span };
    let mut words = words![g.any_key(), (value / unit).to_string()];
    if g.once_in(3) {
        words.extend(words![g.one(&["NX", "xx", "GT", "lt"])]);
    }
    words
}

fn expire(ctx: &mut Ctx<'_>, args: &[Vec<u8>], unit: i64, absolute: bool) -> Want {
    let value: i64 = String::from_utf8_lossy(&args[1]).parse().expect("a number");
    let at = value * unit + if absolute { 0 } else { ctx.model.now_ms };
    let Some(entry) = ctx.get(&args[0]) else {
        return int(0);
    };
    let present = entry.expire_at;
    let condition = args.get(2).map(|word| word.to_ascii_lowercase());
    let allowed = match condition.as_deref() {
        Some(b"nx") => present.is_none(),
        Some(b"xx") => present.is_some(),
        Some(b"gt") => present.is_some_and(|present| at > present),
        Some(b"lt") => present.is_none_or(|present| at < present),
        _ => true,
    };
    if !allowed {
        return int(0);
    }
    if at <= ctx.model.now_ms {
        ctx.remove(&args[0]);
    } else {
        ctx.change(&args[0]).expect("it is there").expire_at = Some(at);
    }
    int(1)
}

fn persist(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    if ctx
        .get(&args[0])
        .is_none_or(|entry| entry.expire_at.is_none())
    {
        return int(0);
    }
    ctx.change(&args[0]).expect("it is there").expire_at = None;
    int(1)
}

fn left(ctx: &mut Ctx<'_>, args: &[Vec<u8>], of: fn(i64, i64) -> i64) -> Want {
    let now_ms = ctx.model.now_ms;
    int(match ctx.get(&args[0]) {
        None => -2,
        Some(entry) => entry.expire_at.map_or(-1, |at| of(at, now_ms)),
    })
}

fn randomkey(ctx: &mut Ctx<'_>, _: &[Vec<u8>]) -> Want {
    let db = ctx.session.db;
    let mut any: Vec<Value> = ctx.model.dbs[db].keys().cloned().map(Value::Bulk).collect();
    // Among many keys that have ended it may not find one that has not.
    if any.is_empty() || ctx.model.limbo[db].len() > 20 {
        any.push(Value::NullBulk);
    }
    Want::OneOf(any)
}

fn dbsize(ctx: &mut Ctx<'_>, _: &[Vec<u8>]) -> Want {
    let live = ctx.model.dbs[ctx.session.db].len();
    Want::IntIn(
        live as i64,
        (live + ctx.model.limbo[ctx.session.db].len()) as i64,
    )
}

/// Patterns of which the model needs no more than a first byte.
fn pattern(g: &mut Gen) -> &'static str {
    g.one(&["*", "*", "s*", "[h-l]*", "?", "z*"])
}

fn matches(pattern: &[u8], key: &[u8]) -> bool {
    match pattern {
        b"*" => true,
        b"?" => key.len() == 1,
        b"[h-l]*" => key.first().is_some_and(|byte| (b'h'..=b'l').contains(byte)),
        _ => key.first() == pattern.first(),
    }
}

fn keys(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let live = ctx.model.dbs[ctx.session.db].keys();
    Want::AnyOrder(
        live.filter(|key| matches(&args[0], key))
            .cloned()
            .map(Value::Bulk)
            .collect(),
    )
}

/// The cursor, and since which birth it walks, are put in front by who sends it.
fn make_scan(g: &mut Gen) -> Words {
    let mut words = Words::new();
    if g.once_in(4) {
        words.extend(words!["MATCH", pattern(g)]);
    }
    if !g.once_in(3) {
        let most = if g.once_in(5) { 1_000 } else { 20 };
        let count = 1 + g.rng.usize(..most);
        words.extend(words!["count", count.to_string()]);
    }
    words
}

fn scan(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let at = args.iter().position(|word| word == b"MATCH");
    let pattern = at.map_or(&b"*"[..], |at| &args[at + 1]);
    let live = || {
        let db = &ctx.model.dbs[ctx.session.db];
        db.iter().filter(|(key, _)| matches(pattern, key))
    };
    let since = ctx.session.scan_since.unwrap_or(ctx.model.births);
    let allowed = live().map(|(key, _)| key.clone()).collect();
    let old = live().filter(|(_, entry)| entry.birth <= since);
    let must = old.map(|(key, _)| key.clone()).collect();
    ctx.session.scan_since = Some(since);
    Want::Page(Page { allowed, must })
}

fn flush_mode(g: &mut Gen) -> Words {
    match g.rng.u32(..3) {
        0 => words!["async"],
        1 => words!["SYNC"],
        _ => words![],
    }
}

fn flushdb(ctx: &mut Ctx<'_>, _: &[Vec<u8>]) -> Want {
    ctx.model.flush(ctx.session.db);
    ok()
}

fn flushall(ctx: &mut Ctx<'_>, _: &[Vec<u8>]) -> Want {
    for db in 0..ctx.model.dbs.len() {
        ctx.model.flush(db);
    }
    ok()
}

fn make_select(g: &mut Gen) -> Words {
    // Mostly back to the first, where there is most to see.
    if g.once_in(2) {
        words!["0"]
    } else {
        words![database(g)]
    }
}

fn select(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ctx.session.db = number(&args[0]);
    ok()
}

fn number(word: &[u8]) -> usize {
    String::from_utf8_lossy(word).parse().expect("a number")
}

fn make_swapdb(g: &mut Gen) -> Words {
    words![database(g), database(g)]
}

fn swapdb(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ctx.model.swap(number(&args[0]), number(&args[1]));
    ok()
}

fn rename(ctx: &mut Ctx<'_>, args: &[Vec<u8>], only_new: bool) -> Want {
    let (from, to) = (&args[0], &args[1]);
    if ctx.get(from).is_none() {
        return error("ERR no such key");
    }
    if from == to || only_new && ctx.get(to).is_some() {
        return if only_new { int(0) } else { ok() };
    }
    let db = ctx.session.db;
    let Entry {
        data, expire_at, ..
    } = ctx.model.remove(db, from).expect("it is there");
    ctx.remove(to);
    ctx.put(to, data, expire_at);
    if only_new { int(1) } else { ok() }
}

fn make_copy(g: &mut Gen) -> Words {
    let mut words = g.two_keys();
    if g.once_in(3) {
        words.extend(words!["DB", database(g)]);
    }
    if g.once_in(2) {
        words.push(b"replace".to_vec());
    }
    words
}

fn copy(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let (from, to) = (&args[0], &args[1]);
    let db = match args.get(2).filter(|word| *word == b"DB") {
        Some(_) => number(&args[3]),
        None => ctx.session.db,
    };
    if db == ctx.session.db && from == to {
        return error("ERR source and destination objects are the same");
    }
    let Some(Entry {
        data, expire_at, ..
    }) = ctx.get(from).cloned()
    else {
        return int(0);
    };
    if ctx.model.dbs[db].contains_key(to) {
        if args.last().is_none_or(|word| word != b"replace") {
            return int(0);
        }
        ctx.model.remove(db, to);
    }
    ctx.model.put(db, to, data, expire_at);
    int(1)
}

fn make_move(g: &mut Gen) -> Words {
    words![g.any_key(), database(g)]
}

fn move_(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let (from, to) = (ctx.session.db, number(&args[1]));
    if from == to {
        return error("ERR source and destination objects are the same");
    }
    if ctx.get(&args[0]).is_none() || ctx.model.dbs[to].contains_key(&args[0]) {
        return int(0);
    }
    let Entry {
        data, expire_at, ..
    } = ctx.model.remove(from, &args[0]).expect("it is there");
    ctx.model.put(to, &args[0], data, expire_at);
    int(1)
}
