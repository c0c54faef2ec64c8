//! Set algebra: ZUNION ZINTER ZDIFF, their STORE forms, ZINTERCARD.
//!
//! Plain sets take part as if every score were 1. What is computed are slices of the members
//! where they lie; nothing is copied but the text of integers.

use std::borrow::Cow;

use hashbrown::HashTable;

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::number::{parse_f64, parse_i64};
use crate::resp::reply::Protocol;
use crate::store::db::{Db, Slot};
use crate::store::hash::{HashState, hash_bytes};
use crate::store::types::listpack::{Entry, IntBuf};
use crate::store::types::set::{self, Set};
use crate::store::types::zset::{self, ZSet};
use crate::store::value::ValueRef;

use super::{limits, member_text, store};

/// How the scores of one member become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
    /// The weights of the sets in which the member is, whatever its scores.
    Count,
}

/// Which operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Union,
    Inter,
    Diff,
}

/// What a command asks for, beside its keys.
struct Request {
    operation: Operation,
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    /// ZINTERCARD: stop there; 0: no limit.
    limit: usize,
}

/// Which options a command has.
#[derive(Clone, Copy, Debug)]
enum Form {
    Read,
    Store,
    Cardinality,
}

/// One of the sets.
#[derive(Clone, Copy)]
enum Operand<'a> {
    Missing,
    Set(&'a Set),
    ZSet(&'a ZSet),
}

/// One of the sets, weighted.
#[derive(Clone, Copy)]
struct Input<'a> {
    operand: Operand<'a>,
    weight: f64,
}

/// Members and their scores; integers as text.
type Found<'a> = Vec<(Cow<'a, [u8]>, f64)>;

/// ZUNION numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM|MIN|MAX|COUNT] [WITHSCORES]
pub fn zunion(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    read(ctx, args, Operation::Union, "zunion")
}

/// ZINTER numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM|MIN|MAX|COUNT] [WITHSCORES]
pub fn zinter(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    read(ctx, args, Operation::Inter, "zinter")
}

/// ZDIFF numkeys key [key ...] [WITHSCORES]
pub fn zdiff(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    read(ctx, args, Operation::Diff, "zdiff")
}

/// ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight ...]
/// [AGGREGATE SUM|MIN|MAX|COUNT]
pub fn zunionstore(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    compute_and_store(ctx, args, Operation::Union, "zunionstore")
}

/// ZINTERSTORE destination numkeys key [key ...] [WEIGHTS weight ...]
/// [AGGREGATE SUM|MIN|MAX|COUNT]
pub fn zinterstore(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    compute_and_store(ctx, args, Operation::Inter, "zinterstore")
}

/// ZDIFFSTORE destination numkeys key [key ...]
pub fn zdiffstore(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    compute_and_store(ctx, args, Operation::Diff, "zdiffstore")
}

/// ZINTERCARD numkeys key [key ...] [LIMIT limit]
pub fn zintercard(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let (slots, options) = look_up(ctx, args, 1, "zintercard")?;
    let operation = Operation::Inter;
    let request = Request::parse(options, slots.len(), operation, Form::Cardinality)?;
    let inputs = inputs(ctx.db, &slots, &request);
    let most = match request.limit {
        0 => usize::MAX,
        limit => limit,
    };
    let found = intersection(&inputs, request.aggregate, ctx.hasher);
    let count = found.take(most).count();
    ctx.reply.int(count as i64);
    Ok(())
}

fn read(
    ctx: &mut KeyCtx<'_>,
    args: Args<'_>,
    operation: Operation,
    name: &str,
) -> Result<(), CommandError> {
    let (slots, options) = look_up(ctx, args, 1, name)?;
    let request = Request::parse(options, slots.len(), operation, Form::Read)?;
    let inputs = inputs(ctx.db, &slots, &request);
    let mut found = compute(&inputs, &request, ctx.hasher);
    found.sort_unstable_by(|a, b| {
        let scores = a.1.partial_cmp(&b.1).unwrap_or(std::cmp::Ordering::Equal);
        scores.then_with(|| a.0.cmp(&b.0))
    });
    let reply = &mut ctx.reply;
    super::reply_members_head(reply, found.len(), request.with_scores);
    let in_pairs = request.with_scores && reply.protocol() == Protocol::Resp3;
    for (member, score) in &found {
        if in_pairs {
            reply.array(2);
        }
        reply.bulk(member);
        if request.with_scores {
            reply.double(*score);
        }
    }
    Ok(())
}

fn compute_and_store(
    ctx: &mut KeyCtx<'_>,
    args: Args<'_>,
    operation: Operation,
    name: &'static str,
) -> Result<(), CommandError> {
    let (slots, options) = look_up(ctx, args, 2, name)?;
    let request = Request::parse(options, slots.len(), operation, Form::Store)?;
    let inputs = inputs(ctx.db, &slots, &request);
    let found = compute(&inputs, &request, ctx.hasher);
    let members = found.iter().map(|(member, score)| (&member[..], *score));
    let set = ZSet::from_unique(members.collect(), limits(ctx), ctx.hasher);
    let destination = ctx.key(args.at(1));
    store(ctx, &destination, set, name);
    Ok(())
}

/// Finds the sets whose number is at `place`; what follows them are the options.
fn look_up<'a>(
    ctx: &mut KeyCtx<'_>,
    args: Args<'a>,
    place: usize,
    name: &str,
) -> Result<(Vec<Option<Slot>>, Args<'a>), CommandError> {
    let count = parse_i64(args.at(place)).ok_or(CommandError::NOT_INTEGER)?;
    if count < 1 {
        return Err(CommandError::new(format!(
            "ERR at least 1 input key is needed for '{name}' command"
        )));
    }
    let keys = args.rest(place + 1);
    let count = usize::try_from(count)
        .ok()
        .filter(|count| *count <= keys.len())
        .ok_or(CommandError::SYNTAX)?;
    let mut slots = Vec::with_capacity(count);
    for bytes in keys.iter().take(count) {
        let slot = ctx.read(&ctx.key(bytes));
        let fits = |slot: Slot| {
            let value = ctx.db.value(slot);
            matches!(value, ValueRef::Set(_) | ValueRef::ZSet(_))
        };
        if !slot.is_none_or(fits) {
            return Err(CommandError::WRONG_TYPE);
        }
        slots.push(slot);
    }
    Ok((slots, keys.rest(count)))
}

impl Request {
    fn parse(
        options: Args<'_>,
        keys: usize,
        operation: Operation,
        form: Form,
    ) -> Result<Request, CommandError> {
        let mut request = Request {
            operation,
            weights: Vec::new(),
            aggregate: Aggregate::Sum,
            with_scores: false,
            limit: 0,
        };
        let counts_only = matches!(form, Form::Cardinality);
        let has_scores = operation != Operation::Diff && !counts_only;
        let mut at = 0;
        while let Some(word) = options.get(at) {
            let left = options.len() - at - 1;
            if has_scores && left >= keys && word.eq_ignore_ascii_case(b"weights") {
                let weights = options.iter_from(at + 1).take(keys).map(|weight| {
                    let what = "ERR weight value is not a float";
                    parse_f64(weight).ok_or(CommandError::fixed(what))
                });
                request.weights = weights.collect::<Result<_, _>>()?;
                at += keys;
            } else if has_scores && left > 0 && word.eq_ignore_ascii_case(b"aggregate") {
                request.aggregate = Aggregate::parse(options.at(at + 1))?;
                at += 1;
            } else if matches!(form, Form::Read) && word.eq_ignore_ascii_case(b"withscores") {
                request.with_scores = true;
            } else if counts_only && left > 0 && word.eq_ignore_ascii_case(b"limit") {
                request.limit = parse_i64(options.at(at + 1))
                    .and_then(|limit| usize::try_from(limit).ok())
                    .ok_or(CommandError::fixed("ERR LIMIT can't be negative"))?;
                at += 1;
            } else {
                return Err(CommandError::SYNTAX);
            }
            at += 1;
        }
        Ok(request)
    }
}

impl Aggregate {
    fn parse(word: &[u8]) -> Result<Aggregate, CommandError> {
        const WORDS: [(&[u8], Aggregate); 4] = [
            (b"sum", Aggregate::Sum),
            (b"min", Aggregate::Min),
            (b"max", Aggregate::Max),
            (b"count", Aggregate::Count),
        ];
        let known = WORDS
            .iter()
            .find(|(known, _)| word.eq_ignore_ascii_case(known));
        known
            .map(|(_, aggregate)| *aggregate)
            .ok_or(CommandError::SYNTAX)
    }

    /// What a score counts for in a set of that weight. It may be NaN: zero times infinity.
    #[inline]
    fn weigh(self, score: f64, weight: f64) -> f64 {
        match self {
            Aggregate::Count => weight,
            _ => score * weight,
        }
    }

    #[inline]
    fn join(self, one: f64, other: f64) -> f64 {
        match self {
            // Opposite infinities cancel out.
            Aggregate::Sum | Aggregate::Count => or_zero(one + other),
            Aggregate::Min if other < one => other,
            Aggregate::Max if other > one => other,
            Aggregate::Min | Aggregate::Max => one,
        }
    }
}

#[inline]
fn or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// The sets in the order of the command; only a difference depends on it, the others go from the
/// smallest to the largest.
fn inputs<'a>(db: &'a Db, slots: &[Option<Slot>], request: &Request) -> Vec<Input<'a>> {
    let operand = |slot: &Option<Slot>| match slot.map(|slot| db.value(slot)) {
        Some(ValueRef::Set(set)) => Operand::Set(set),
        Some(ValueRef::ZSet(set)) => Operand::ZSet(set),
        _ => Operand::Missing,
    };
    let weight = |index: usize| request.weights.get(index).copied().unwrap_or(1.0);
    let mut inputs: Vec<Input<'a>> = slots
        .iter()
        .enumerate()
        .map(|(index, slot)| Input {
            operand: operand(slot),
            weight: weight(index),
        })
        .collect();
    if request.operation != Operation::Diff {
        inputs.sort_by_key(|input| input.operand.len());
    }
    inputs
}

fn compute<'a>(inputs: &[Input<'a>], request: &Request, hasher: &HashState) -> Found<'a> {
    match request.operation {
        Operation::Union => union(inputs, request.aggregate, hasher),
        Operation::Inter => intersection(inputs, request.aggregate, hasher)
            .map(|(member, score)| (member_text(member), score))
            .collect(),
        Operation::Diff => difference(inputs, hasher),
    }
}

/// What is kept is a record for each member of the result, however often a set is named.
fn union<'a>(inputs: &[Input<'a>], aggregate: Aggregate, hasher: &HashState) -> Found<'a> {
    let Some((largest, others)) = inputs.split_last() else {
        return Vec::new();
    };
    let weighed = |input: &Input<'_>, score| or_zero(aggregate.weigh(score, input.weight));
    if others.iter().all(|other| other.operand.len() == 0) {
        let members = largest.operand.members();
        return members
            .map(|(member, score)| (member_text(member), weighed(largest, score)))
            .collect();
    }
    let mut found: Found<'a> = Vec::with_capacity(largest.operand.len());
    let mut places: HashTable<usize> = HashTable::with_capacity(largest.operand.len());
    for input in inputs {
        for (member, score) in input.operand.members() {
            let score = weighed(input, score);
            let buffer = &mut IntBuf::new();
            let bytes = member.bytes(buffer);
            let hash = hash_bytes(hasher, bytes);
            match places.find(hash, |place| *found[*place].0 == *bytes) {
                Some(place) => {
                    let joined = &mut found[*place].1;
                    *joined = aggregate.join(*joined, score);
                }
                None => {
                    found.push((member_text(member), score));
                    let hash_of = |place: &usize| hash_bytes(hasher, &found[*place].0);
                    places.insert_unique(hash, found.len() - 1, hash_of);
                }
            }
        }
    }
    found
}

/// The members that all sets have, in the order of the first one.
fn intersection<'a>(
    inputs: &[Input<'a>],
    aggregate: Aggregate,
    hasher: &HashState,
) -> impl Iterator<Item = (Entry<'a>, f64)> {
    let (first, others) = match inputs {
        [first, others @ ..] => (*first, others),
        [] => (Input::MISSING, inputs),
    };
    first.operand.members().filter_map(move |(member, score)| {
        let buffer = &mut IntBuf::new();
        let bytes = member.bytes(buffer);
        let mut joined = or_zero(aggregate.weigh(score, first.weight));
        for other in others {
            let score = other.operand.score(bytes, hasher)?;
            joined = aggregate.join(joined, aggregate.weigh(score, other.weight));
        }
        Some((member, joined))
    })
}

fn difference<'a>(inputs: &[Input<'a>], hasher: &HashState) -> Found<'a> {
    let Some((first, others)) = inputs.split_first() else {
        return Vec::new();
    };
    let kept = first.operand.members().filter(|(member, _)| {
        let buffer = &mut IntBuf::new();
        let bytes = member.bytes(buffer);
        let is_in = |other: &Input<'_>| other.operand.score(bytes, hasher).is_some();
        !others.iter().any(is_in)
    });
    kept.map(|(member, score)| (member_text(member), score))
        .collect()
}

impl Input<'_> {
    const MISSING: Input<'static> = Input {
        operand: Operand::Missing,
        weight: 1.0,
    };
}

impl<'a> Operand<'a> {
    fn len(self) -> usize {
        match self {
            Operand::Missing => 0,
            Operand::Set(set) => set.len(),
            Operand::ZSet(set) => set.len(),
        }
    }

    #[inline]
    fn score(self, member: &[u8], hasher: &HashState) -> Option<f64> {
        match self {
            Operand::Missing => None,
            Operand::Set(set) => set.contains(member, hasher).then_some(1.0),
            Operand::ZSet(set) => set.score(member),
        }
    }

    fn members(self) -> Members<'a> {
        match self {
            Operand::Missing => Members::None,
            Operand::Set(set) => Members::Set(set.members()),
            Operand::ZSet(set) => Members::ZSet(set.iter()),
        }
    }
}

/// The members of one of the sets.
enum Members<'a> {
    None,
    Set(set::Iter<'a>),
    ZSet(zset::Iter<'a>),
}

impl<'a> Iterator for Members<'a> {
    type Item = (Entry<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<(Entry<'a>, f64)> {
        match self {
            Members::None => None,
            Members::Set(members) => members.next().map(|member| (member.entry(), 1.0)),
            Members::ZSet(members) => members.next(),
        }
    }
}
