//! Hashes.

use std::collections::BTreeMap;

use super::generate::Gen;
use super::hash_times::name;
use super::model::{Ctx, Row, Words};
use super::strings::number;
use super::want::{Want, error, int, maybe, ok};
use crate::harness::Value;
use crate::words;

/// The fields of a hash.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    pub live: BTreeMap<Vec<u8>, Field>,
    /// Those whose time has come: the server may or may not have removed them, which shows only
    /// when the clock is set back.
    pub ended: BTreeMap<Vec<u8>, Field>,
}

/// A value and its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub value: Vec<u8>,
    pub expire_at: Option<i64>,
}

impl Fields {
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    pub fn get(&self, name: &[u8]) -> Option<&Vec<u8>> {
        self.live.get(name).map(|field| &field.value)
    }

    pub fn expire_at(&self, name: &[u8]) -> Option<i64> {
        self.live.get(name).and_then(|field| field.expire_at)
    }

    /// Sets a field, whether it is there or not.
    pub fn set(&mut self, name: &[u8], value: Vec<u8>, expire_at: Option<i64>) {
        self.ended.remove(name);
        self.live.insert(name.to_vec(), Field { value, expire_at });
    }

    pub fn remove(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        self.live.remove(name).map(|field| field.value)
    }

    /// Ends the fields whose time has come. Whether there were any.
    pub fn end(&mut self, now_ms: i64) -> bool {
        let all = std::mem::take(&mut self.live).into_iter();
        let is_over = |(_, field): &(_, Field)| field.expire_at.is_some_and(|at| at <= now_ms);
        let (over, live): (BTreeMap<_, _>, _) = all.partition(is_over);
        self.live = live;
        let any = !over.is_empty();
        self.ended.extend(over);
        any
    }
}

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row { name: "hset", weight: 10, make: make_hset, run: |c, a| hset(c, a, false) },
    Row { name: "hmset", weight: 2, make: make_hset, run: |c, a| hset(c, a, true) },
    Row { name: "hsetnx", weight: 2, make: |g| words![g.key('h'), name(g), g.value()], run: hsetnx },
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
    Row { name: "hincrby", weight: 4, make: |g| words![g.key('h'), name(g), g.integer()], run: hincrby },
];

/// All fields as HGETALL answers them.
pub fn all(fields: &Fields) -> Want {
    let text = |bytes: &Vec<u8>| Value::Bulk(bytes.clone());
    let pair = |(name, field): (&Vec<u8>, &Field)| (text(name), text(&field.value));
    Want::AnyMap(fields.live.iter().map(pair).collect())
}

fn one_key(g: &mut Gen) -> Words {
    words![g.key('h')]
}

fn key_and_field(g: &mut Gen) -> Words {
    words![g.key('h'), name(g)]
}

fn key_and_fields(g: &mut Gen) -> Words {
    let mut words = one_key(g);
    words.extend(g.some(4, name));
    words
}

fn make_hset(g: &mut Gen) -> Words {
    let mut words = one_key(g);
    words.extend(g.some(6, |g| [name(g), g.value()]).concat());
    words
}

fn hset(ctx: &mut Ctx<'_>, args: &[Vec<u8>], says_ok: bool) -> Want {
    ctx.edit(&args[0], |fields: &mut Fields| {
        let before = fields.live.len();
        for pair in args[1..].chunks(2) {
            fields.set(&pair[0], pair[1].clone(), None);
        }
        let want = if says_ok {
            ok()
        } else {
            int(fields.live.len() - before)
        };
        (want, true)
    })
}

fn hsetnx(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ctx.edit(&args[0], |fields: &mut Fields| {
        let absent = fields.get(&args[1]).is_none();
        if absent {
            fields.set(&args[1], args[2].clone(), None);
        }
        (int(i64::from(absent)), absent)
    })
}

/// Answers a question about a hash.
pub fn ask(ctx: &Ctx<'_>, key: &[u8], answer: impl FnOnce(Fields) -> Want) -> Want {
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
            .filter(|field| fields.remove(field).is_some())
            .count();
        (int(removed), removed > 0)
    })
}

fn hexists(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |fields| {
        int(i64::from(fields.get(&args[1]).is_some()))
    })
}

fn hstrlen(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |fields| {
        int(fields.get(&args[1]).map_or(0, Vec::len))
    })
}

fn hlen(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |fields| int(fields.live.len()))
}

fn hkeys(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |fields| {
        Want::AnyOrder(fields.live.into_keys().map(Value::Bulk).collect())
    })
}

fn hvals(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |fields| {
        let values = fields.live.into_values().map(|field| field.value);
        Want::AnyOrder(values.map(Value::Bulk).collect())
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
        Want::OneOf(fields.live.into_keys().map(Value::Bulk).collect())
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
        let at = fields.expire_at(&args[1]);
        fields.set(&args[1], sum.to_string().into_bytes(), at);
        (int(sum), true)
    })
}
