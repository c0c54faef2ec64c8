//! Finds the keys among the arguments of a request.

use std::ops::Range;

use crate::dispatch::keys::patterns::{FULL, POP, READ_KEY, STORE};
use crate::dispatch::keys::{
    Begin, Find, KeyFlags, KeyRef, KeyRefs, KeySpec, Keys, NOT_KEY, Search,
};
use crate::resp::args::Args;

/// Appends every key among `args` to `found`; none when the arguments make no sense.
pub(super) fn extract(keys: &Keys, args: Args<'_>, found: &mut KeyRefs) {
    let before = found.len();
    let understood = match keys.search {
        Search::Specs => by_specs(keys.specs, args, found),
        Search::Set => of_set(args, found),
        Search::BitField => of_bitfield(args, found),
        Search::Sort => of_sort(args, found),
        Search::SortRo => push(found, 1, READ_KEY),
        Search::Migrate => of_migrate(args, found),
        Search::GeoRadius => of_georadius(args, found),
        Search::XRead => of_xread(keys.specs, args, found),
    };
    if understood.is_none() {
        found.truncate(before);
    }
}

/// Appends one key. Always `Some`, to end a search with.
fn push(found: &mut KeyRefs, index: usize, flags: KeyFlags) -> Option<()> {
    push_all(found, index..index + 1, flags)
}

fn push_all(found: &mut KeyRefs, indices: Range<usize>, flags: KeyFlags) -> Option<()> {
    found.extend(indices.map(|index| KeyRef {
        index: index as u32,
        flags,
    }));
    Some(())
}

/// `None` when the arguments contradict a spec: then nothing found counts.
fn by_specs(specs: &[KeySpec], args: Args<'_>, found: &mut KeyRefs) -> Option<()> {
    let argc = args.len() as i64;
    for spec in specs.iter().filter(|spec| !spec.flags.contains(NOT_KEY)) {
        let Some(begin) = begin(spec, args)? else {
            continue;
        };
        let (first, last, step) = match spec.find {
            Find::Range {
                last_key,
                step,
                limit,
            } => {
                let last = match (i64::from(last_key), i64::from(limit)) {
                    (last, _) if last >= 0 => begin + last,
                    (last, 0) => argc + last,
                    (last, limit) => begin + (argc - begin) / limit + last,
                };
                (begin, last, step)
            }
            Find::Keynum {
                keynum_index,
                first_key,
                step,
            } => {
                let count = count(args.get((begin + i64::from(keynum_index)) as usize)?)?;
                let first = begin + i64::from(first_key);
                (first, first + (count - 1) * i64::from(step), step)
            }
            Find::Unknown => return None,
        };
        if first < 1 || last < first || last >= argc {
            return None;
        }
        for index in (first..=last).step_by(step.max(1) as usize) {
            push(found, index as usize, spec.flags);
        }
    }
    Some(())
}

/// Where the keys of a spec begin. `Some(None)`: its keyword is absent, and so are its keys.
fn begin(spec: &KeySpec, args: Args<'_>) -> Option<Option<i64>> {
    let (word, start_from) = match spec.begin {
        Begin::Index(at) => return Some(Some(i64::from(at))),
        Begin::Keyword { word, start_from } => (word.as_bytes(), start_from),
        Begin::Unknown => return None,
    };
    let named = |at: &usize| is(args, *at, word);
    let at = if start_from > 0 {
        (start_from as usize..args.len()).find(named)
    } else {
        let from = args
            .len()
            .saturating_sub(start_from.unsigned_abs() as usize);
        (1..=from).rev().find(named)
    };
    Some(at.map(|at| at as i64 + 1))
}

/// A count of keys, from 1 to what 32 bits hold.
fn count(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 9 || digits[0] == b'0' {
        return None;
    }
    digits.iter().try_fold(0, |sum: i64, &digit| {
        digit
            .is_ascii_digit()
            .then(|| sum * 10 + i64::from(digit - b'0'))
    })
}

fn is(args: Args<'_>, at: usize, word: &[u8]) -> bool {
    args.get(at)
        .is_some_and(|arg| arg.eq_ignore_ascii_case(word))
}

fn of_set(args: Args<'_>, found: &mut KeyRefs) -> Option<()> {
    let reads = (3..args.len()).any(|at| is(args, at, b"get"));
    push(found, 1, if reads { FULL } else { STORE })
}

fn of_bitfield(args: Args<'_>, found: &mut KeyRefs) -> Option<()> {
    let mut at = 2;
    while at < args.len() {
        let left = args.len() - at - 1;
        if is(args, at, b"get") && left >= 2 {
            at += 3;
        } else if is(args, at, b"overflow") && left >= 1 {
            at += 2;
        } else {
            // A write, or what the handler will refuse.
            return push(found, 1, FULL);
        }
    }
    push(found, 1, READ_KEY)
}

fn of_sort(args: Args<'_>, found: &mut KeyRefs) -> Option<()> {
    push(found, 1, READ_KEY);
    let mut store = None;
    let mut at = 2;
    while at < args.len() {
        if is(args, at, b"limit") {
            at += 2;
        } else if is(args, at, b"get") || is(args, at, b"by") {
            at += 1;
        } else if is(args, at, b"store") && at + 1 < args.len() {
            // STORE given twice: the last one counts, as in the handler.
            at += 1;
            store = Some(at);
        }
        at += 1;
    }
    store.map_or(Some(()), |store| push(found, store, STORE))
}

fn of_migrate(args: Args<'_>, found: &mut KeyRefs) -> Option<()> {
    let mut at = 6;
    while at < args.len() {
        if is(args, at, b"keys") && at + 1 < args.len() {
            // A key before KEYS is a syntax error: the handler will say so.
            if args.get(3).is_some_and(|key| !key.is_empty()) {
                return None;
            }
            return push_all(found, at + 1..args.len(), POP);
        }
        at += match () {
            () if is(args, at, b"auth") => 2,
            () if is(args, at, b"auth2") => 3,
            () => 1,
        };
    }
    push(found, 3, POP)
}

fn of_georadius(args: Args<'_>, found: &mut KeyRefs) -> Option<()> {
    push(found, 1, READ_KEY);
    let mut store = None;
    let mut at = 5;
    while at + 1 < args.len() {
        if is(args, at, b"store") || is(args, at, b"storedist") {
            at += 1;
            store = Some(at);
        }
        at += 1;
    }
    store.map_or(Some(()), |store| push(found, store, STORE))
}

fn of_xread(specs: &[KeySpec], args: Args<'_>, found: &mut KeyRefs) -> Option<()> {
    const WITH_ONE: &[&[u8]] = &[b"block", b"count", b"claim", b"maxcount", b"maxsize"];
    let flags = specs.first()?.flags;
    let mut at = 1;
    while !is(args, at, b"streams") {
        at += match () {
            () if WITH_ONE.iter().any(|word| is(args, at, word)) => 2,
            () if is(args, at, b"group") => 3,
            () if is(args, at, b"noack") => 1,
            () => return None,
        };
    }
    // An odd rest is for the handler to refuse.
    let half = (args.len() - at - 1) / 2;
    push_all(found, at + 1..at + 1 + half, flags)
}
