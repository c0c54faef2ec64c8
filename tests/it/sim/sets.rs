//! Sets.

use std::collections::BTreeSet;

use super::generate::Gen;
use super::model::{Ctx, Row, Words};
use super::strings::number;
use super::want::{Want, int, null};
use crate::harness::Value;
use crate::words;

type Members = BTreeSet<Vec<u8>>;

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row { name: "sadd", weight: 10, make: key_and_members, run: sadd },
    Row { name: "srem", weight: 5, make: key_and_members, run: srem },
    Row { name: "sismember", weight: 2, make: |g| words![g.key('t'), g.member()], run: sismember },
    Row { name: "smismember", weight: 2, make: key_and_members, run: smismember },
    Row { name: "scard", weight: 2, make: |g| words![g.key('t')], run: scard },
    Row { name: "smembers", weight: 3, make: |g| words![g.key('t')], run: smembers },
    Row { name: "srandmember", weight: 2, make: |g| words![g.key('t')], run: srandmember },
    Row { name: "smove", weight: 3, make: |g| words![g.key('t'), g.key('t'), g.member()], run: smove },
    Row { name: "sinter", weight: 2, make: some_keys, run: |c, a| combine(c, a, inter) },
    Row { name: "sunion", weight: 2, make: some_keys, run: |c, a| combine(c, a, union) },
    Row { name: "sdiff", weight: 2, make: some_keys, run: |c, a| combine(c, a, diff) },
    Row { name: "sinterstore", weight: 2, make: some_more_keys, run: |c, a| store(c, a, inter) },
    Row { name: "sunionstore", weight: 3, make: some_more_keys, run: |c, a| store(c, a, union) },
    Row { name: "sdiffstore", weight: 2, make: some_more_keys, run: |c, a| store(c, a, diff) },
    Row { name: "sintercard", weight: 2, make: make_sintercard, run: sintercard },
];

/// All members as SMEMBERS answers them.
pub fn all(members: &Members) -> Want {
    Want::AnySet(members.iter().cloned().map(Value::Bulk).collect())
}

fn key_and_members(g: &mut Gen) -> Words {
    let mut words = words![g.key('t')];
    let numbers = g.once_in(2);
    words.extend(g.some(6, |g| if numbers { g.integer() } else { g.member() }));
    words
}

fn some_keys(g: &mut Gen) -> Words {
    g.some(3, |g| g.key('t'))
}

fn some_more_keys(g: &mut Gen) -> Words {
    let mut words = some_keys(g);
    words.push(g.key('t'));
    words
}

fn sadd(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ctx.edit(&args[0], |members: &mut Members| {
        let added = args[1..]
            .iter()
            .filter(|member| members.insert(member.to_vec()))
            .count();
        (int(added), added > 0)
    })
}

fn srem(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ctx.edit(&args[0], |members: &mut Members| {
        let removed = args[1..]
            .iter()
            .filter(|member| members.remove(*member))
            .count();
        (int(removed), removed > 0)
    })
}

fn ask(ctx: &Ctx<'_>, key: &[u8], answer: impl FnOnce(Members) -> Want) -> Want {
    ctx.read::<Members>(key).map_or_else(|wrong| wrong, answer)
}

fn sismember(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |members| {
        int(i64::from(members.contains(&args[1])))
    })
}

fn smismember(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |members| {
        let is = |member: &Vec<u8>| Value::Int(members.contains(member).into());
        Want::Is(Value::Array(args[1..].iter().map(is).collect()))
    })
}

fn scard(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |members| int(members.len()))
}

fn smembers(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |members| all(&members))
}

fn srandmember(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    ask(ctx, &args[0], |members| {
        if members.is_empty() {
            return null();
        }
        Want::OneOf(members.into_iter().map(Value::Bulk).collect())
    })
}

fn smove(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    if ctx.get(&args[0]).is_none() {
        return int(0);
    }
    let (source, target) = (ctx.read::<Members>(&args[0]), ctx.read::<Members>(&args[1]));
    let (mut source, mut target) = match (source, target) {
        (Ok(source), Ok(target)) => (source, target),
        (Err(wrong), _) | (_, Err(wrong)) => return wrong,
    };
    if args[0] == args[1] {
        return int(i64::from(source.contains(&args[2])));
    }
    if !source.remove(&args[2]) {
        return int(0);
    }
    ctx.store(&args[0], source, true);
    if target.insert(args[2].clone()) {
        ctx.store(&args[1], target, true);
    }
    int(1)
}

type Algebra = fn(&Members, &Members) -> Members;

fn inter(a: &Members, b: &Members) -> Members {
    a & b
}

fn union(a: &Members, b: &Members) -> Members {
    a | b
}

fn diff(a: &Members, b: &Members) -> Members {
    a - b
}

fn result(ctx: &Ctx<'_>, keys: &[Vec<u8>], with: Algebra) -> Result<Members, Want> {
    let sets: Vec<Members> = keys
        .iter()
        .map(|key| ctx.read(key))
        .collect::<Result<_, _>>()?;
    Ok(sets[1..]
        .iter()
        .fold(sets[0].clone(), |all, set| with(&all, set)))
}

fn combine(ctx: &mut Ctx<'_>, args: &[Vec<u8>], with: Algebra) -> Want {
    result(ctx, args, with).map_or_else(|wrong| wrong, |members| all(&members))
}

fn store(ctx: &mut Ctx<'_>, args: &[Vec<u8>], with: Algebra) -> Want {
    match result(ctx, &args[1..], with) {
        Err(wrong) => wrong,
        Ok(members) => {
            let count = members.len();
            ctx.store(&args[0], members, false);
            int(count)
        }
    }
}

fn make_sintercard(g: &mut Gen) -> Words {
    let keys = some_keys(g);
    let mut words = words![keys.len().to_string()];
    words.extend(keys);
    if g.once_in(2) {
        words.extend(words!["LIMIT", g.rng.u32(..4).to_string()]);
    }
    words
}

fn sintercard(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let keys = number(&args[0]).expect("a number") as usize;
    let limit = args
        .get(keys + 2)
        .map_or(0, |word| number(word).expect("a number"));
    match result(ctx, &args[1..=keys], inter) {
        Err(wrong) => wrong,
        Ok(members) if limit > 0 => int(members.len().min(limit as usize)),
        Ok(members) => int(members.len()),
    }
}
