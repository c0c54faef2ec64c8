//! Several sets: SINTER SUNION SDIFF, their STORE forms and their CARD forms.
//!
//! What is only read or counted is not copied: an intersection or a difference is one walk over
//! one set, a union one walk over each that leaves out what an earlier set has. Only where that
//! would compare with many sets is one set made of them first.

use crate::commands::member::reply_entry;
use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::store::db::Slot;
use crate::store::hash::HashState;
use crate::store::types::set::{Member, Set, SetLimits};
use crate::store::value::{Kind, NewValue, Value, ValueRef};

use super::limits;

/// Up to so many sets a member is looked for in each.
const COMPARED_MAX: usize = 4;

/// What is made of several sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Inter,
    Union,
    Diff,
}

/// SINTER key [key ...]
pub fn sinter(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    show(ctx, args, Op::Inter)
}

/// SUNION key [key ...]
pub fn sunion(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    show(ctx, args, Op::Union)
}

/// SDIFF key [key ...]
pub fn sdiff(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    show(ctx, args, Op::Diff)
}

/// SINTERSTORE destination key [key ...]
pub fn sinterstore(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    store(ctx, args, Op::Inter, "sinterstore")
}

/// SUNIONSTORE destination key [key ...]
pub fn sunionstore(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    store(ctx, args, Op::Union, "sunionstore")
}

/// SDIFFSTORE destination key [key ...]
pub fn sdiffstore(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    store(ctx, args, Op::Diff, "sdiffstore")
}

/// SINTERCARD numkeys key [key ...] [LIMIT limit]
pub fn sintercard(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    count(ctx, args, Op::Inter)
}

/// SUNIONCARD numkeys key [key ...] [APPROX] [LIMIT limit]
///
/// The count is exact with APPROX too: nothing is copied to obtain it.
pub fn sunioncard(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    count(ctx, args, Op::Union)
}

/// SDIFFCARD numkeys key [key ...] [LIMIT limit]
pub fn sdiffcard(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    count(ctx, args, Op::Diff)
}

fn show(ctx: &mut KeyCtx<'_>, args: Args<'_>, op: Op) -> CommandResult {
    let slots = find(ctx, args.rest(1))?;
    let (state, limits) = (ctx.hasher, limits(ctx));
    let KeyCtx { db, reply, .. } = ctx;
    let operands = operands(db, &slots);
    let mark = reply.begin_set();
    let mut count = 0;
    op.walk(operands, state, limits, &mut |member| {
        reply_entry(reply, member.entry());
        count += 1;
        true
    });
    reply.end_set(mark, count);
    Ok(())
}

fn store(ctx: &mut KeyCtx<'_>, args: Args<'_>, op: Op, event: &'static str) -> CommandResult {
    let slots = find(ctx, args.rest(2))?;
    let (state, limits) = (ctx.hasher, limits(ctx));
    let mut result = Set::new();
    op.walk(operands(ctx.db, &slots), state, limits, &mut |member| {
        result.insert_member(member, state, limits);
        true
    });
    let key = ctx.key(args.at(1));
    let found = ctx.write(&key);
    let len = result.len();
    if len > 0 {
        ctx.set(&key, found, NewValue::Value(Value::Set(result)), false);
        ctx.modified(key.bytes);
        ctx.notify(EventClass::SET, event, key.bytes);
    } else if let Some(slot) = found {
        ctx.modified(key.bytes);
        ctx.delete_empty(&key, slot);
    }
    ctx.reply.int(len as i64);
    Ok(())
}

fn count(ctx: &mut KeyCtx<'_>, args: Args<'_>, op: Op) -> CommandResult {
    let given = parse_i64(args.at(1)).filter(|given| *given > 0);
    let given = given.ok_or(CommandError::fixed("ERR numkeys should be greater than 0"))?;
    let keys = usize::try_from(given)
        .ok()
        .filter(|keys| *keys <= args.len() - 2);
    let keys = keys.ok_or(CommandError::fixed(
        "ERR Number of keys can't be greater than number of args",
    ))?;
    let mut limit = 0;
    let mut at = 2 + keys;
    while at < args.len() {
        let is = |word: &str| args.at(at).eq_ignore_ascii_case(word.as_bytes());
        if op == Op::Union && is("approx") {
            at += 1;
        } else if is("limit") && at + 1 < args.len() {
            let given = parse_i64(args.at(at + 1)).and_then(|given| usize::try_from(given).ok());
            limit = given.ok_or(CommandError::fixed("ERR LIMIT can't be negative"))?;
            at += 2;
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    let slots = find_keys(ctx, args.iter_from(2).take(keys))?;
    let (state, limits) = (ctx.hasher, limits(ctx));
    let mut count = 0;
    op.walk(operands(ctx.db, &slots), state, limits, &mut |_| {
        count += 1;
        count != limit
    });
    ctx.reply.int(count as i64);
    Ok(())
}

fn find(ctx: &mut KeyCtx<'_>, keys: Args<'_>) -> Result<Vec<Option<Slot>>, CommandError> {
    find_keys(ctx, keys.iter())
}

/// Where the sets are; every key is checked.
fn find_keys<'k>(
    ctx: &mut KeyCtx<'_>,
    keys: impl Iterator<Item = &'k [u8]> + Clone,
) -> Result<Vec<Option<Slot>>, CommandError> {
    let expired = ctx.effects.lookups.expired;
    let mut slots = Vec::with_capacity(keys.size_hint().0);
    for bytes in keys.clone() {
        let key = ctx.key(bytes);
        slots.push(ctx.read_kind(&key, Kind::Set)?);
    }
    if ctx.effects.lookups.expired != expired {
        // A key that was removed meanwhile may have moved what was found before.
        slots.clear();
        for bytes in keys {
            let key = ctx.key(bytes);
            slots.push(ctx.peek(&key));
        }
    }
    Ok(slots)
}

fn operands<'a>(db: &'a crate::store::db::Db, slots: &[Option<Slot>]) -> Vec<Option<&'a Set>> {
    let set = |slot: Slot| match db.value(slot) {
        ValueRef::Set(set) => Some(set),
        _ => None,
    };
    slots.iter().map(|slot| slot.and_then(set)).collect()
}

/// Is shown each member of a result, once; whether to go on.
type Visit<'v> = &'v mut dyn FnMut(Member<'_>) -> bool;

impl Op {
    fn walk(
        self,
        operands: Vec<Option<&Set>>,
        state: &HashState,
        limits: SetLimits,
        visit: Visit<'_>,
    ) {
        match self {
            Op::Inter => {
                if let Some(sets) = operands.into_iter().collect() {
                    walk_inter(sets, state, visit);
                }
            }
            Op::Union => walk_union(
                operands.into_iter().flatten().collect(),
                state,
                limits,
                visit,
            ),
            Op::Diff => {
                if let Some((Some(first), others)) = operands.split_first() {
                    let others = others.iter().flatten().copied().collect();
                    walk_diff(first, others, state, limits, visit);
                }
            }
        }
    }
}

/// The members of the smallest set that all others have.
fn walk_inter(mut sets: Vec<&Set>, state: &HashState, visit: Visit<'_>) {
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else {
        return;
    };
    for member in smallest.members() {
        let member = known(member, others.len(), state);
        let is_common = others
            .iter()
            .all(|other| std::ptr::eq(*other, *smallest) || other.contains_member(member, state));
        if is_common && !visit(member) {
            return;
        }
    }
}

/// The members of each set that no set before it has, the largest first.
fn walk_union(mut sets: Vec<&Set>, state: &HashState, limits: SetLimits, visit: Visit<'_>) {
    sets.sort_by_key(|set| std::cmp::Reverse(set.len()));
    sets.dedup_by(|a, b| std::ptr::eq(*a, *b));
    if sets.len() > COMPARED_MAX {
        let mut seen = Set::new();
        for member in sets.iter().flat_map(|set| set.members()) {
            if seen.insert_member(member, state, limits) && !visit(member) {
                return;
            }
        }
        return;
    }
    for (place, set) in sets.iter().enumerate() {
        let earlier = &sets[..place];
        for member in set.members() {
            let member = known(member, earlier.len(), state);
            let is_new = !earlier.iter().any(|set| set.contains_member(member, state));
            if is_new && !visit(member) {
                return;
            }
        }
    }
}

/// The members of the first set that none of the others has.
fn walk_diff(
    first: &Set,
    mut others: Vec<&Set>,
    state: &HashState,
    limits: SetLimits,
    visit: Visit<'_>,
) {
    if others.iter().any(|other| std::ptr::eq(*other, first)) {
        return;
    }
    // The larger a set, the sooner a member is found in it.
    others.sort_by_key(|set| std::cmp::Reverse(set.len()));
    let total = others.iter().map(|set| set.len()).sum::<usize>();
    let is_worth_merging =
        others.len() > COMPARED_MAX && total < first.len().saturating_mul(others.len()) / 2;
    let merged = is_worth_merging.then(|| {
        let mut all = Set::new();
        for member in others.iter().flat_map(|set| set.members()) {
            all.insert_member(member, state, limits);
        }
        all
    });
    let others: Vec<&Set> = merged.as_ref().map_or(others, |all| vec![all]);
    for member in first.members() {
        let member = known(member, others.len(), state);
        let is_alone = !others.iter().any(|set| set.contains_member(member, state));
        if is_alone && !visit(member) {
            return;
        }
    }
}

/// The member with its hash, if it is to be looked for in several sets.
#[inline]
fn known<'a>(member: Member<'a>, sets: usize, state: &HashState) -> Member<'a> {
    if sets > 1 {
        member.hashed(state)
    } else {
        member
    }
}
