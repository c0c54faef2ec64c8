//! Hashes.

use std::collections::BTreeMap;

use super::generate::Gen;
use super::model::{Ctx, Row, Words};
use super::strings::number;
use super::want::{Want, error, int, maybe, ok};
use crate::harness::Value;
use crate::words;

type Fields = BTreeMap<Vec<u8>, Vec<u8>>;

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row { name: "hset", weight: 10, make: make_hset, run: |c, a| hset(c, a, false) },
    Row { name: "hmset", weight: 2, make: make_hset, run: |c, a| hset(c, a, true) },
    Row { name: "hsetnx", weight: 2, make: |g| words![g.key('h'), g.member(), g.value()], run: hsetnx },
    Row { name: "hget", weight: 4, make: key_and_field, run: hget },
    Row { name: "hmget", weight: 3, make: key_and_fields, run: hmget },
    Row { name: "hdel", weight: 5, make: key_and_fields, run: hdel },
    Row { name: "hexists", weight: 2, make: key_and_field, run: hexists },
    Row { name: "hstrlen", weight: 2, make: key_and_field, run: hstrlen },
    Row { name: "hlen", weight: 2, make: one_key, run: hlen },
    Row { name: "hkeys", weight: 2, make: one_key, run: hkeys },
    Row { name: "hvals", weight: 2, make: one_key, run: hvals },
    Row { name: "hgetall", weight: 4, make: one_key, run: hgetall },
    Row { name: "hrandfield", weight: 2, make: one_key, run: hrandfield },
    Row { name: "hincrby", weight: 4, make: |g| words![g.key('h'), g.member(), g.integer()], run: hincrby },
];

/// All fields as HGETALL answers them.
pub fn all(fields: &Fields) -> Want {
    let pair = |(f, v): (&Vec<u8>, &Vec<u8>)| (Value::Bulk(f.clone()), Value::Bulk(v.clone()));
    Want::AnyMap(fields.iter().map(pair).collect())
}

fn one_key(g: &mut Gen) -> Words {
    words![g.key('h')]
}

fn key_and_field(g: &mut Gen) -> Words {
    words![g.key('h'), g.member()]
}

fn key_and_fields(g: &mut Gen) -> Words {
    let mut words = one_key(g);
    words.extend(g.some(4, Gen::member));
    words
}

fn make_hset(g: &mut Gen) -> Words {
    let mut words = one_key(g);
    words.extend(g.some(6, |g| [g.member(), g.value()]).concat());
    words
}

fn hset(ctx: &mut Ctx<'_>, args: &[Vec<u8>], says_ok: bool) -> Want {
    ctx.edit(&args[0], |fields: &mut Fields| {
        let before = fields.len();
        for pair in args[1..].chunks(2) {
            fields.insert(pair[0].clone(), pair[1].clone());
        }
        let want = if says_ok {
            ok()
        } else {
            int(fields.len() - before)
        };
        (want, true)
    })
}

fn hsetnx(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ctx.edit(&args[0], |fields: &mut Fields| {
        let absent = !fields.contains_key(&args[1]);
        if absent {
            fields.insert(args[1].clone(), args[2].clone());
        }
        (int(i64::from(absent)), absent)
    })
}

/// Answers a question about a hash.
fn ask(ctx: &Ctx<'_>, key: &[u8], answer: impl FnOnce(Fields) -> Want) -> Want {
    ctx.read::<Fields>(key).map_or_else(|wrong| wrong, answer)
}

fn hget(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |fields| {
        Want::Is(maybe(fields.get(&args[1]).map(Vec::as_slice)))
    })
}

fn hmget(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |fields| {
        let value = |field: &Vec<u8>| maybe(fields.get(field).map(Vec::as_slice));
        Want::Is(Value::Array(args[1..].iter().map(value).collect()))
    })
}

fn hdel(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ctx.edit(&args[0], |fields: &mut Fields| {
        let removed = args[1..]
            .iter()
            .filter(|field| fields.remove(*field).is_some())
            .count();
        (int(removed), removed > 0)
    })
}

fn hexists(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |fields| {
        int(i64::from(fields.contains_key(&args[1])))
    })
}

fn hstrlen(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |fields| {
        int(fields.get(&args[1]).map_or(0, Vec::len))
    })
}

fn hlen(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |fields| int(fields.len()))
}

fn hkeys(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |fields| {
        Want::AnyOrder(fields.into_keys().map(Value::Bulk).collect())
    })
}

fn hvals(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |fields| {
        Want::AnyOrder(fields.into_values().map(Value::Bulk).collect())
    })
}

fn hgetall(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |fields| all(&fields))
}

fn hrandfield(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |fields| {
        if fields.is_empty() {
            return Want::Is(Value::NullBulk);
        }
        Want::OneOf(fields.into_keys().map(Value::Bulk).collect())
    })
}

fn hincrby(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let by = number(&args[2]).expect("a number");
    ctx.edit(&args[0], |fields: &mut Fields| {
        let old = fields.get(&args[1]).map_or(Some(0), |value| number(value));
        let Some(old) = old else {
            return (error("ERR hash value is not an integer"), false);
        };
        let Some(sum) = old.checked_add(by) else {
            return (error("ERR increment or decrement would overflow"), false);
        };
        fields.insert(args[1].clone(), sum.to_string().into_bytes());
        (int(sum), true)
    })
}
