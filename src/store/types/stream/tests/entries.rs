//! Adding, ranges, deleting, trimming.

use std::collections::BTreeMap;

use super::*;
use crate::random::Rng;

/// A field or value: short texts, numbers, long ones, nothing.
fn random_text(rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0 => (rng.next_u64() as i64).to_string().into(),
        1 => rng.below(5000).to_string().into(),
        2 => vec![b'x'; rng.below(200)],
        3 => vec![0xff; rng.below(5000)],
        4 => Vec::new(),
        _ => format!("text {}", rng.below(9)).into(),
    }
}

fn random_pairs(rng: &mut Rng) -> Pairs {
    let count = 1 + rng.below(4);
    let name = |rng: &mut Rng, n: usize| match rng.below(6) {
        0 => random_text(rng),
        _ => format!("field{n}").into(),
    };
    (0..count)
        .map(|n| (name(rng, n), random_text(rng)))
        .collect()
}

#[test]
fn follows_a_map() {
    for seed in 0..12 {
        let mut rng = Rng::new(seed);
        let max_bytes = [300, 4096, 0][seed as usize % 3];
        let max_entries = [5, 100, 7, 0][seed as usize % 4];
        let limits = NodeLimits {
            max_bytes,
            max_entries,
        };
        let (mut stream, mut model) = (Stream::new(), BTreeMap::new());
        let (mut last_id, mut max_deleted_id, mut added) = (StreamId::MIN, StreamId::MIN, 0);
        for step in 0..600 {
            let some_id = match model.len() {
                0 => ID(3, 0),
                n if rng.below(4) > 0 => *model.keys().nth(rng.below(n)).unwrap(),
                _ => ID(last_id.ms / 2 + rng.below(9) as u64, rng.below(3) as u64),
            };
            match rng.below(12) {
                0 | 1 => {
                    let there = model.remove(&some_id).is_some();
                    assert_eq!(stream.delete(some_id), there);
                    if there {
                        max_deleted_id = max_deleted_id.max(some_id);
                    }
                }
                2 if step % 3 == 0 => trim_both(&mut stream, &mut model, some_id, &mut rng),
                3 => {
                    let id = ID(last_id.ms + rng.below(3) as u64, u64::MAX >> rng.below(64));
                    let top = model.keys().next_back().copied().unwrap_or_default();
                    let fine = id >= top && id >= max_deleted_id;
                    assert_eq!(stream.set_id(id, None, None).is_ok(), fine);
                    last_id = if fine { id } else { last_id };
                }
                _ => {
                    let now = last_id.ms + rng.below(300) as u64;
                    let pairs = random_pairs(&mut rng);
                    let spec = [NewId::Auto, NewId::AutoSeq(now)][rng.below(2)];
                    let id = stream.add(spec, now, lent(&pairs), limits).unwrap();
                    assert!(id > last_id);
                    (last_id, added) = (id, added + 1);
                    model.insert(id, pairs);
                }
            }
            let counters = stream.counters();
            assert_eq!(counters.length, model.len() as u64);
            assert_eq!(counters.last_id, last_id);
            assert_eq!(counters.max_deleted_id, max_deleted_id);
            assert_eq!(counters.entries_added, added);
            assert_eq!(
                counters.first_id,
                model.keys().next().copied().unwrap_or_default()
            );
            compare(&stream, &model, some_id, &mut rng);
        }
        stream.check_invariants();
        assert!(stream.heap_bytes(0) > 0);
        while stream.drain_slice(3) > 0 {}
        assert_eq!(stream.free_effort(), 0);
        assert_eq!((stream.len(), stream.node_count()), (0, 0));
    }
}

fn trim_both(
    stream: &mut Stream,
    model: &mut BTreeMap<StreamId, Pairs>,
    id: StreamId,
    rng: &mut Rng,
) {
    let before = model.len();
    let (to, kept) = match rng.below(2) {
        0 => {
            let n = rng.below(before + 2);
            let first = model.keys().nth(before.saturating_sub(n)).copied();
            (TrimTo::MaxLen(n as u64), first)
        }
        _ => (TrimTo::MinId(id), Some(id)),
    };
    *model = kept.map_or_else(BTreeMap::new, |kept| model.split_off(&kept));
    assert_eq!(trimmed(stream, to, false, 0) as usize, before - model.len());
}

fn compare(stream: &Stream, model: &BTreeMap<StreamId, Pairs>, id: StreamId, rng: &mut Rng) {
    let as_pair = |(id, pairs): (&StreamId, &Pairs)| (*id, pairs.clone());
    assert_eq!(
        stream.entry(id).map(owned).map(|entry| entry.1),
        model.get(&id).cloned()
    );
    assert_eq!(
        stream.first_entry().map(owned),
        model.first_key_value().map(as_pair)
    );
    assert_eq!(
        stream.last_entry().map(owned),
        model.last_key_value().map(as_pair)
    );
    assert_eq!(stream.last_entry_id(), model.keys().next_back().copied());
    let span = [0, 5, 5000, u64::MAX][rng.below(4)];
    let end = ID(id.ms.saturating_add(span), rng.below(3) as u64);
    if id > end {
        assert!(
            stream.range(id, end).next().is_none() && stream.range_rev(id, end).next().is_none()
        );
        return;
    }
    let limit = [1, 10, usize::MAX][rng.below(3)];
    let found = stream.range(id, end).take(limit).map(owned);
    assert!(found.eq(model.range(id..=end).take(limit).map(as_pair)));
    let found = stream.range_rev(id, end).take(limit).map(owned);
    assert!(found.eq(model.range(id..=end).rev().take(limit).map(as_pair)));
    if rng.below(20) == 0 {
        stream.check_invariants();
    }
}

#[test]
fn errors_change_nothing() {
    let mut stream = counted(3);
    let before = stream.counters();
    let field = [(&b"f"[..], &b"v"[..])].into_iter();
    let limits = NodeLimits::default();
    let old = stream.add(NewId::Explicit(ID(3, 0)), 0, field.clone(), limits);
    assert_eq!(old, Err(AddError::NotGreater));
    stream.set_id(StreamId::MAX, None, None).unwrap();
    assert_eq!(
        stream.add(NewId::Auto, 9, field, limits),
        Err(AddError::Exhausted)
    );
    assert_eq!(
        stream.counters(),
        Counters {
            last_id: StreamId::MAX,
            ..before
        }
    );
    assert_eq!(
        stream.set_id(ID(2, 9), None, None),
        Err(SetIdError::BelowTopItem)
    );
    assert_eq!(
        stream.set_id(ID(9, 0), Some(2), None),
        Err(SetIdError::AddedBelowLength)
    );
    let deleted = stream.set_id(ID(9, 0), None, Some(ID(9, 1)));
    assert_eq!(deleted, Err(SetIdError::BelowMaxDeleted));
    stream.set_id(ID(9, 0), Some(7), Some(ID(9, 0))).unwrap();
    assert_eq!(
        stream.set_id(ID(8, 0), None, None),
        Err(SetIdError::BelowMaxDeleted)
    );
    assert_eq!(stream.counters().entries_added, 7);
}

fn trimmed(stream: &mut Stream, to: TrimTo, approximate: bool, limit: u64) -> u64 {
    stream.trim(&Trim {
        to,
        approximate,
        limit,
        references: RefPolicy::Keep,
    })
}

/// Blocks are of three entries. What Valkey 9.1.2 answers.
#[test]
fn approximate_trimming_takes_whole_blocks() {
    let mut stream = counted(10);
    assert_eq!(trimmed(&mut stream, TrimTo::MaxLen(8), true, 0), 0);
    assert_eq!(trimmed(&mut stream, TrimTo::MaxLen(7), true, 0), 3);
    assert_eq!(trimmed(&mut stream, TrimTo::MaxLen(1), true, 5), 3);
    assert_eq!(trimmed(&mut stream, TrimTo::MinId(ID(9, 0)), true, 0), 0);
    assert_eq!(trimmed(&mut stream, TrimTo::MinId(ID(10, 0)), true, 0), 3);
    assert_eq!(
        (ids(&stream), stream.counters().first_id),
        (vec![10], ID(10, 0))
    );
    assert_eq!(stream.counters().max_deleted_id, StreamId::MIN);
    assert_eq!(trimmed(&mut stream, TrimTo::MaxLen(0), true, 0), 1);
    assert_eq!(stream.counters().first_id, StreamId::MIN);
    stream.check_invariants();
}

#[test]
fn trimming_regards_references() {
    let trim = |stream: &mut Stream, to, approximate, references| {
        let removed = stream.trim(&Trim {
            to,
            approximate,
            limit: 0,
            references,
        });
        stream.check_invariants();
        removed
    };
    let mut stream = counted(9);
    stream.create_group(b"g", StreamId::MIN, None);
    read(&mut stream, "g", "c", 1, 6);
    for acked in [1, 2, 4, 5, 6] {
        assert!(stream.group_mut(b"g").unwrap().ack(ID(acked, 0)));
    }
    let mut other = stream.clone();
    // 3 is pending, 7 and up are not read yet.
    assert_eq!(
        trim(&mut stream, TrimTo::MaxLen(1), true, RefPolicy::Acked),
        0
    );
    assert_eq!(
        trim(&mut stream, TrimTo::MaxLen(6), false, RefPolicy::Acked),
        3
    );
    assert_eq!(ids(&stream), [3, 5, 6, 7, 8, 9]);
    assert_eq!(
        trim(
            &mut stream,
            TrimTo::MinId(ID(9, 0)),
            false,
            RefPolicy::Acked
        ),
        2
    );
    assert_eq!(ids(&stream), [3, 7, 8, 9]);
    assert_eq!(
        trim(&mut other, TrimTo::MaxLen(2), true, RefPolicy::Delete),
        6
    );
    assert_eq!(
        (ids(&other), other.group(b"g").unwrap().pending_len()),
        (vec![7, 8, 9], 0)
    );
    assert_eq!(
        trim(&mut stream, TrimTo::MaxLen(0), false, RefPolicy::Keep),
        4
    );
    assert_eq!(stream.group(b"g").unwrap().pending_len(), 1);
}

/// Trimming what was acknowledged leaves tombstones above the top entry; ids may then go back.
#[test]
fn ids_may_come_again_after_set_id() {
    let mut stream = counted(3);
    stream.create_group(b"g", StreamId::MIN, None);
    read(&mut stream, "g", "c", 1, 3);
    stream.group_mut(b"g").unwrap().ack(ID(2, 0));
    stream.group_mut(b"g").unwrap().ack(ID(3, 0));
    let to = TrimTo::MaxLen(1);
    let trim = Trim {
        to,
        approximate: false,
        limit: 0,
        references: RefPolicy::Acked,
    };
    assert_eq!(stream.trim(&trim), 2);
    stream.set_id(ID(1, 0), None, None).unwrap();
    add(&mut stream, "2-0");
    assert!(stream.entry(ID(2, 0)).is_some());
    stream.check_invariants();
}

#[test]
fn tombstones_do_not_pile_up() {
    let mut stream = Stream::new();
    let field = [(&b"f"[..], &b"value"[..])];
    for ms in 1..=1000 {
        let id = NewId::Explicit(ID(ms, 0));
        stream
            .add(id, 0, field.into_iter(), NodeLimits::default())
            .unwrap();
    }
    let before = stream.heap_bytes(0);
    for ms in (1..=1000).filter(|ms| ms % 100 != 7) {
        assert!(stream.delete(ID(ms, 0)));
    }
    stream.check_invariants();
    assert_eq!((stream.len(), stream.node_count()), (10, 10));
    assert!(
        stream.heap_bytes(0) * 2 < before,
        "{} of {before}",
        stream.heap_bytes(0)
    );
}

#[test]
fn deleting_with_references() {
    let mut stream = counted(4);
    assert_eq!(
        stream.delete_with(ID(9, 9), RefPolicy::Keep),
        Deletion::NotFound
    );
    assert_eq!(
        stream.delete_with(ID(1, 0), RefPolicy::Acked),
        Deletion::Deleted
    );
    for group in [&b"one"[..], b"two"] {
        stream.create_group(group, StreamId::MIN, None);
    }
    read(&mut stream, "one", "c", 1, 9);
    assert_eq!(
        stream.delete_with(ID(2, 0), RefPolicy::Acked),
        Deletion::Referenced
    );
    read(&mut stream, "two", "c", 1, 9);
    let ack = |stream: &mut Stream, references| stream.ack_and_delete(b"one", ID(2, 0), references);
    assert_eq!(ack(&mut stream, RefPolicy::Acked), Deletion::Referenced);
    assert_eq!(ack(&mut stream, RefPolicy::Acked), Deletion::NotFound);
    assert_eq!(
        stream.ack_and_delete(b"two", ID(2, 0), RefPolicy::Acked),
        Deletion::Deleted
    );
    assert_eq!(
        stream.ack_and_delete(b"none", ID(3, 0), RefPolicy::Keep),
        Deletion::NotFound
    );
    assert_eq!(
        stream.ack_and_delete(b"one", ID(3, 0), RefPolicy::Keep),
        Deletion::Deleted
    );
    assert!(stream.is_referenced(ID(3, 0)));
    // Gone from the stream, pending for one group still.
    assert_eq!(
        stream.ack_and_delete(b"two", ID(3, 0), RefPolicy::Keep),
        Deletion::Deleted
    );
    assert!(!stream.is_referenced(ID(3, 0)));
    stream.delete(ID(4, 0));
    assert_eq!(
        stream.delete_with(ID(4, 0), RefPolicy::Delete),
        Deletion::NotFound
    );
    assert!(stream.groups().all(|(_, group)| group.pending_len() == 0));
    stream.check_invariants();
}
