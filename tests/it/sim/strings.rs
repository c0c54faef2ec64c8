//! Strings.

use super::generate::Gen;
use super::model::{Ctx, Data, Row, Words};
use super::want::{Want, bulk, error, int, maybe, null, ok, wrong_type};
use crate::harness::Value;
use crate::words;

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row { name: "get", weight: 12, make: one_key, run: get },
    Row { name: "set", weight: 20, make: make_set, run: set },
    Row { name: "mget", weight: 5, make: |g| g.some(6, |g| g.key('s')), run: mget },
    Row { name: "mset", weight: 5, make: make_mset, run: mset },
    Row { name: "msetnx", weight: 2, make: make_mset, run: msetnx },
    Row { name: "setnx", weight: 3, make: key_and_value, run: setnx },
    Row { name: "setex", weight: 2, make: |g| make_setex(g, 1_000), run: |c, a| setex(c, a, 1_000) },
    Row { name: "psetex", weight: 3, make: |g| make_setex(g, 1), run: |c, a| setex(c, a, 1) },
    Row { name: "getset", weight: 3, make: key_and_value, run: getset },
    Row { name: "getdel", weight: 3, make: one_key, run: getdel },
    Row { name: "getex", weight: 4, make: make_getex, run: getex },
    Row { name: "strlen", weight: 3, make: one_key, run: strlen },
    Row { name: "append", weight: 6, make: key_and_value, run: append },
    Row { name: "setrange", weight: 4, make: make_setrange, run: setrange },
    Row { name: "getrange", weight: 4, make: make_getrange, run: getrange },
    Row { name: "incr", weight: 6, make: one_key, run: |c, a| add(c, &a[0], 1) },
    Row { name: "decr", weight: 3, make: one_key, run: |c, a| add(c, &a[0], -1) },
    Row { name: "incrby", weight: 4, make: key_and_number, run: incrby },
    Row { name: "decrby", weight: 3, make: key_and_number, run: decrby },
];

const NOT_INTEGER: &str = "ERR value is not an integer or out of range";

fn one_key(g: &mut Gen) -> Words {
    words![g.key('s')]
}

fn key_and_value(g: &mut Gen) -> Words {
    words![g.key('s'), g.value()]
}

fn key_and_number(g: &mut Gen) -> Words {
    let number = if g.once_in(10) {
        g.value()
    } else {
        g.integer()
    };
    words![g.key('s'), number]
}

/// The value of a key, or what to answer if it is no string.
pub fn text(ctx: &Ctx<'_>, key: &[u8]) -> Result<Option<Vec<u8>>, Want> {
    match ctx.get(key).map(|entry| &entry.data) {
        None => Ok(None),
        Some(Data::String(bytes)) => Ok(Some(bytes.clone())),
        Some(_) => Err(wrong_type()),
    }
}

/// Redis's integers: no sign but `-`, no leading zero.
pub fn number(bytes: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.parse().ok().filter(|n: &i64| n.to_string() == text)
}

fn expire_at(ctx: &Ctx<'_>, key: &[u8]) -> Option<i64> {
    ctx.get(key).and_then(|entry| entry.expire_at)
}

/// The time an expiry option names.
pub fn option_ms(ctx: &Ctx<'_>, name: &[u8], value: &[u8]) -> Option<i64> {
    let value = number(value)?;
    Some(match name.to_ascii_lowercase().as_slice() {
        b"ex" => ctx.model.now_ms + value * 1_000,
        b"px" => ctx.model.now_ms + value,
        b"exat" => value * 1_000,
        b"pxat" => value,
        _ => return None,
    })
}

fn get(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    text(ctx, &args[0]).map_or_else(|wrong| wrong, |value| Want::Is(maybe(value.as_deref())))
}

fn mget(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let value = |key: &Vec<u8>| maybe(text(ctx, key).ok().flatten().as_deref());
    Want::Is(Value::Array(args.iter().map(value).collect()))
}

fn make_set(g: &mut Gen) -> Words {
    let mut words = key_and_value(g);
    if g.once_in(3) {
        words.extend(g.expiry());
    } else if g.once_in(5) {
        words.push(b"KeepTTL".to_vec());
    }
    match g.rng.u32(..12) {
        0 => words.push(b"nx".to_vec()),
        1 | 2 => words.push(b"XX".to_vec()),
        3 => words.extend([b"IFEQ".to_vec(), g.integer()]),
        _ => {}
    }
    if g.once_in(5) {
        words.push(b"get".to_vec());
    }
    if g.once_in(60) {
        words.extend(
            words![g.one(&["foo", "NX XX"])]
                .concat()
                .split(|b| *b == b' ')
                .map(Vec::from),
        );
    }
    words
}

/// The options of SET as they are found.
#[derive(Default)]
struct SetOptions {
    condition: Option<Vec<u8>>,
    if_equal: Option<Vec<u8>>,
    expire_at: Option<i64>,
    keep: bool,
    get: bool,
}

/// `None` for a syntax error.
fn set_options(ctx: &Ctx<'_>, words: &[Vec<u8>]) -> Option<SetOptions> {
    let mut options = SetOptions::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let name = word.to_ascii_lowercase();
        match name.as_slice() {
            b"get" => options.get = true,
            b"nx" | b"xx" | b"ifeq" if options.condition.is_some() => return None,
            b"ifeq" => {
                options.if_equal = Some(words.next()?.clone());
                options.condition = Some(name);
            }
            b"nx" | b"xx" => options.condition = Some(name),
            // KEEPTTL may be said again; a time may not.
            b"keepttl" if options.expire_at.is_none() => options.keep = true,
            _ if options.keep || options.expire_at.is_some() => return None,
            _ => options.expire_at = Some(option_ms(ctx, &name, words.next()?)?),
        }
    }
    Some(options)
}

pub fn set(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let (key, value) = (&args[0], &args[1]);
    let Some(options) = set_options(ctx, &args[2..]) else {
        return error("ERR syntax error");
    };
    let old = text(ctx, key);
    if (options.get || options.if_equal.is_some())
        && let Err(wrong) = old
    {
        return wrong;
    }
    let met = match options.condition.as_deref() {
        Some(b"nx") => ctx.get(key).is_none(),
        Some(b"xx") => ctx.get(key).is_some(),
        Some(_) => old.clone().ok().flatten() == options.if_equal,
        None => true,
    };
    if met {
        let kept = if options.keep {
            expire_at(ctx, key)
        } else {
            options.expire_at
        };
        // A time that has passed removes the key, and changes nothing where there was none.
        if options.expire_at.is_some_and(|at| at <= ctx.model.now_ms) {
            ctx.remove(key);
        } else {
            ctx.put(key, Data::String(value.clone()), kept);
        }
    }
    match (options.get, met) {
        (true, _) => Want::Is(maybe(old.ok().flatten().as_deref())),
        (false, true) => ok(),
        (false, false) => null(),
    }
}

fn make_mset(g: &mut Gen) -> Words {
    let most = if g.pool > 100 { 60 } else { 5 };
    g.some(most, key_and_value).concat()
}

fn mset(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    for pair in args.chunks(2) {
        ctx.put(&pair[0], Data::String(pair[1].clone()), None);
    }
    ok()
}

fn msetnx(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    if args.chunks(2).any(|pair| ctx.get(&pair[0]).is_some()) {
        return int(0);
    }
    mset(ctx, args);
    int(1)
}

fn setnx(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    if ctx.get(&args[0]).is_some() {
        return int(0);
    }
    ctx.put(&args[0], Data::String(args[1].clone()), None);
    int(1)
}

fn make_setex(g: &mut Gen, unit: i64) -> Words {
    let span = (g.span_ms() / unit + 1).to_string();
    words![g.key('s'), span, g.value()]
}

fn setex(ctx: &mut Ctx<'_>, args: &[Vec<u8>], unit: i64) -> Want {
    let span = number(&args[1]).expect("a number");
    let at = ctx.model.now_ms + span * unit;
    ctx.put(&args[0], Data::String(args[2].clone()), Some(at));
    ok()
}

fn getset(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    match text(ctx, &args[0]) {
        Err(wrong) => wrong,
        Ok(old) => {
            ctx.put(&args[0], Data::String(args[1].clone()), None);
            Want::Is(maybe(old.as_deref()))
        }
    }
}

fn getdel(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    match text(ctx, &args[0]) {
        Err(wrong) => wrong,
        Ok(old) => {
            ctx.remove(&args[0]);
            Want::Is(maybe(old.as_deref()))
        }
    }
}

fn make_getex(g: &mut Gen) -> Words {
    let mut words = one_key(g);
    match g.rng.u32(..4) {
        0 => {}
        1 => words.push(b"persist".to_vec()),
        _ => words.extend(g.expiry()),
    }
    words
}

fn getex(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let key = &args[0];
    let value = match text(ctx, key) {
        Err(wrong) => return wrong,
        Ok(None) => return null(),
        Ok(Some(value)) => value,
    };
    match &args[1..] {
        [] => {}
        [_] => {
            if expire_at(ctx, key).is_some() {
                ctx.put(key, Data::String(value.clone()), None);
            }
        }
        [name, span, ..] => {
            let at = option_ms(ctx, name, span).expect("an expiry");
            if at <= ctx.model.now_ms {
                ctx.remove(key);
            } else {
                ctx.put(key, Data::String(value.clone()), Some(at));
            }
        }
    }
    bulk(&value)
}

fn strlen(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    text(ctx, &args[0]).map_or_else(|wrong| wrong, |value| int(value.map_or(0, |v| v.len())))
}

fn append(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    match text(ctx, &args[0]) {
        Err(wrong) => wrong,
        Ok(old) => {
            let value = [old.unwrap_or_default(), args[1].clone()].concat();
            let len = value.len();
            let at = expire_at(ctx, &args[0]);
            ctx.put(&args[0], Data::String(value), at);
            int(len)
        }
    }
}

fn make_setrange(g: &mut Gen) -> Words {
    let offset = match g.rng.u32(..20) {
        0 => -1,
        1 => g.rng.i64(..20_000),
        _ => g.rng.i64(..60),
    };
    words![g.key('s'), offset.to_string(), g.value()]
}

fn setrange(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let (key, patch) = (&args[0], &args[2]);
    let Ok(offset) = usize::try_from(number(&args[1]).expect("a number")) else {
        return error("ERR offset is out of range");
    };
    let old = match text(ctx, key) {
        Err(wrong) => return wrong,
        Ok(old) => old,
    };
    let mut value = old.unwrap_or_default();
    if patch.is_empty() {
        return int(value.len());
    }
    let end = offset + patch.len();
    if value.len() < end {
        value.resize(end, 0);
    }
    value[offset..end].copy_from_slice(patch);
    let len = value.len();
    let at = expire_at(ctx, key);
    ctx.put(key, Data::String(value), at);
    int(len)
}

fn make_getrange(g: &mut Gen) -> Words {
    let bound = |g: &mut Gen| match g.rng.u32(..10) {
        0 => i64::MIN,
        1 => i64::MAX,
        2 => g.rng.i64(-20_000..20_000),
        _ => g.rng.i64(-30..30),
    };
    let (start, end) = (bound(g).to_string(), bound(g).to_string());
    words![g.key('s'), start, end]
}

fn getrange(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let value = match text(ctx, &args[0]) {
        Err(wrong) => return wrong,
        Ok(value) => value.unwrap_or_default(),
    };
    let len = value.len() as i128;
    let place = |word: &[u8]| {
        let n = i128::from(number(word).expect("a number"));
        if n < 0 { n + len } else { n }
    };
    let (start, end) = (place(&args[1]), place(&args[2]));
    // Two places before the beginning of which the second is the first one are nothing.
    let (start, end) = (start.max(0), end.clamp(0, (len - 1).max(0)));
    let both_negative = number(&args[1]) < Some(0) && number(&args[2]) < Some(0);
    if both_negative && number(&args[1]) > number(&args[2]) || start > end || len == 0 {
        return bulk(b"");
    }
    bulk(&value[start as usize..=end as usize])
}

fn add(ctx: &mut Ctx<'_>, key: &[u8], by: i64) -> Want {
    let old = match text(ctx, key) {
        Err(wrong) => return wrong,
        Ok(old) => old.unwrap_or_else(|| b"0".to_vec()),
    };
    let Some(old) = number(&old) else {
        return error(NOT_INTEGER);
    };
    let Some(sum) = old.checked_add(by) else {
        return error("ERR increment or decrement would overflow");
    };
    let at = expire_at(ctx, key);
    ctx.put(key, Data::String(sum.to_string().into_bytes()), at);
    Want::Is(Value::Int(sum))
}

fn incrby(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    match number(&args[1]) {
        Some(by) => add(ctx, &args[0], by),
        None => error(NOT_INTEGER),
    }
}

fn decrby(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    match number(&args[1]) {
        Some(i64::MIN) => error("ERR decrement would overflow"),
        Some(by) => add(ctx, &args[0], -by),
        None => error(NOT_INTEGER),
    }
}
