use super::*;
use crate::random::Rng;

const LIMITS: ListLimits = ListLimits {
    max_listpack_size: -2,
    packed_threshold: 0,
};

fn limits(size: i32) -> ListLimits {
    ListLimits {
        max_listpack_size: size,
        packed_threshold: 0,
    }
}

fn texts(list: &List) -> Vec<Vec<u8>> {
    list.iter().map(Entry::to_vec).collect()
}

fn text(rng: &mut Rng) -> Vec<u8> {
    match rng.below(40) {
        0 => vec![b'L'; 4000 + rng.below(6000)],
        1..=10 => rng.below(20).to_string().into_bytes(),
        11..=15 => vec![b'm'; rng.below(300)],
        _ => format!("v{}", rng.below(30)).into_bytes(),
    }
}

/// A model's LREM.
fn remove(model: &mut Vec<Vec<u8>>, value: &[u8], count: i64) -> usize {
    let mut left = if count == 0 {
        u64::MAX
    } else {
        count.unsigned_abs()
    };
    let before = model.len();
    let mut keep = |element: &Vec<u8>| {
        let is_removed = left > 0 && element == value;
        left -= u64::from(is_removed);
        !is_removed
    };
    if count < 0 {
        model.reverse();
        model.retain(&mut keep);
        model.reverse();
    } else {
        model.retain(keep);
    }
    before - model.len()
}

fn step(rng: &mut Rng, list: &mut List, model: &mut Vec<Vec<u8>>, limits: ListLimits) {
    let (value, at) = (text(rng), rng.below(model.len() + 1));
    match rng.below(if model.len() > 600 { 11 } else { 9 }) {
        0..=1 => {
            list.push(End::Head, &value, limits);
            model.insert(0, value);
        }
        2..=3 => {
            list.push(End::Tail, &value, limits);
            model.push(value);
        }
        4 => {
            assert_eq!(list.set(at, &value, limits), at < model.len());
            if let Some(element) = model.get_mut(at) {
                *element = value;
            }
        }
        5 => {
            let (pivot, is_before) = (text(rng), rng.below(2) == 0);
            let found = model.iter().position(|element| *element == pivot);
            assert_eq!(
                list.insert(&pivot, is_before, &value, limits),
                found.is_some()
            );
            if let Some(found) = found {
                model.insert(found + usize::from(!is_before), value);
            }
        }
        6 => {
            let end = if rng.below(2) == 0 {
                End::Head
            } else {
                End::Tail
            };
            let mut out = Vec::new();
            assert_eq!(list.pop_into(end, &mut out, limits), !model.is_empty());
            let index = if end == End::Head {
                0
            } else {
                model.len().saturating_sub(1)
            };
            if !model.is_empty() {
                assert_eq!(model.remove(index), out);
            }
        }
        7 => {
            let count = rng.below(7) as i64 - 3;
            assert_eq!(
                list.remove(&value, count, limits),
                remove(model, &value, count)
            );
        }
        8 => {
            let count = rng.below(5);
            let end = (at + count).min(model.len());
            assert_eq!(list.remove_range(at, count, limits), end - at);
            model.drain(at..end);
        }
        9 => {
            let count = rng.below(model.len() + 1);
            list.trim(at, count, limits);
            *model = model.iter().skip(at).take(count).cloned().collect();
        }
        _ => {
            let count = rng.below(400);
            let end = (at + count).min(model.len());
            assert_eq!(list.remove_range(at, count, limits), end - at);
            model.drain(at..end);
        }
    }
}

fn compare(rng: &mut Rng, list: &List, model: &[Vec<u8>]) {
    list.check_invariants();
    assert_eq!(list.len(), model.len());
    assert_eq!(list.is_empty(), model.is_empty());
    assert_eq!(texts(list), model);
    let (at, count) = (rng.below(model.len() + 2), rng.below(model.len() + 2));
    assert_eq!(list.get(at).map(Entry::to_vec), model.get(at).cloned());
    let part: Vec<_> = list.range(at, count).map(Entry::to_vec).collect();
    assert!(part.iter().eq(model.iter().skip(at).take(count)));
    let part: Vec<_> = list.range_rev(at, count).map(Entry::to_vec).collect();
    let last = at.min(model.len().saturating_sub(1));
    assert!(
        part.iter()
            .eq(model.iter().take(last + 1).rev().take(count))
    );
    assert_eq!(
        list.peek(End::Head).map(Entry::to_vec),
        model.first().cloned()
    );
    assert_eq!(
        list.peek(End::Tail).map(Entry::to_vec),
        model.last().cloned()
    );
}

#[test]
fn random_edits_follow_a_vector() {
    for (seed, size) in [-2, -1, -5, 128, 3, 1, 0, -2, -1].into_iter().enumerate() {
        for packed_threshold in [0, 200] {
            let limits = ListLimits {
                max_listpack_size: size,
                packed_threshold,
            };
            let mut rng = Rng::new(seed as u64);
            let (mut list, mut model) = (List::new(), Vec::new());
            for round in 0..3_000 {
                step(&mut rng, &mut list, &mut model, limits);
                if round % 20 == 0 {
                    compare(&mut rng, &list, &model);
                }
            }
        }
    }
}

#[test]
fn positions_are_those_of_lpos() {
    let mut list = List::new();
    for round in 0..300 {
        for value in [&b"a"[..], b"b", b"c", b"1", b"2", b"3", b"c", b"c"] {
            list.push(End::Tail, value, limits(40));
        }
        assert_eq!(list.len(), 8 * (round + 1));
    }
    let ask = |rank, len_max, count: usize| {
        let mut found = Vec::new();
        list.positions(b"c", rank, len_max, |index| {
            found.push(index);
            found.len() < count
        });
        found
    };
    assert_eq!(ask(1, 0, 1), [2]);
    assert_eq!(ask(2, 0, 2), [6, 7]);
    assert_eq!(ask(-1, 0, 3), [2399, 2398, 2394]);
    assert_eq!(ask(-2, 0, 1), [2398]);
    assert_eq!(ask(1, 3, 5), [2]);
    assert!(ask(1, 2, 5).is_empty());
    assert_eq!(ask(1, 0, usize::MAX).len(), 900);
    assert!(ask(901, 0, 1).is_empty());
}

#[test]
fn encodings_change_where_redis_changes_them() {
    let mut list = List::new();
    for _ in 0..128 {
        list.push(End::Tail, b"x", limits(128));
    }
    assert_eq!(list.encoding(), "listpack");
    list.push(End::Tail, b"x", limits(128));
    assert_eq!(list.encoding(), "quicklist");
    list.remove_end(End::Tail, 1, limits(128));
    assert_eq!(list.encoding(), "quicklist");
    list.remove_end(End::Tail, 64, limits(128));
    assert_eq!((list.len(), list.encoding()), (64, "listpack"));

    let mut list = List::new();
    list.push(End::Head, &[b'y'; 8185], LIMITS);
    assert_eq!(list.encoding(), "listpack");
    list.set(0, &[b'y'; 8186], LIMITS);
    assert_eq!(list.encoding(), "quicklist");
    list.set(0, b"small", LIMITS);
    assert_eq!(list.encoding(), "listpack");
    list.push(End::Head, &[b'z'; 20_000], LIMITS);
    assert_eq!(list.nodes_from(0).count(), 2);
    list.check_invariants();
}

#[test]
fn saved_nodes_load_again() {
    let mut rng = Rng::new(5);
    for size in [-2, 5, 100] {
        let limits = limits(size);
        let mut list = List::new();
        for _ in 0..2_000 {
            list.push(End::Tail, &text(&mut rng), limits);
        }
        let mut loaded = List::new();
        for node in list.nodes_from(0) {
            let mut bytes = Vec::new();
            node.write_to(&mut bytes);
            match node {
                NodeView::Plain(_) => loaded.append_plain(&bytes),
                NodeView::Packed { .. } => loaded.append_listpack(&bytes).unwrap(),
            }
        }
        loaded.settle(limits);
        loaded.check_invariants();
        assert_eq!(texts(&loaded), texts(&list));
        assert_eq!(loaded.encoding(), list.encoding());
    }
    let mut list = List::new();
    assert_eq!(list.append_listpack(b"nonsense"), Err(Malformed));
    list.append_plain(b"");
    list.settle(LIMITS);
    assert_eq!((list.len(), list.encoding()), (1, "listpack"));
    list.check_invariants();
}

#[test]
fn queues_do_not_grow_their_block() {
    for (from, to) in [(End::Head, End::Tail), (End::Tail, End::Head)] {
        let mut list = List::new();
        for index in 0..100 {
            list.push(to, format!("element-number-{index:012}").as_bytes(), LIMITS);
        }
        for index in 0..20_000 {
            list.push(to, format!("element-number-{index:012}").as_bytes(), LIMITS);
            list.remove_end(from, 1, LIMITS);
        }
        assert!(list.heap_bytes(0) < 6000, "{}", list.heap_bytes(0));
        list.check_invariants();
    }
}

#[test]
fn drained_in_slices() {
    let mut list = List::new();
    for index in 0..100_000 {
        list.push(End::Tail, index.to_string().as_bytes(), LIMITS);
    }
    let (mut freed, mut slices) = (0, 0);
    loop {
        match list.drain_slice(2_000) {
            0 => break,
            count => freed += count,
        }
        slices += 1;
    }
    assert_eq!(freed, 100_000);
    assert!((20..60).contains(&slices), "{slices}");
    assert!(list.is_empty() && list.heap_bytes(0) == 0);
}

fn is_send<T: Send>() {}

#[test]
fn lists_can_be_freed_elsewhere() {
    is_send::<List>();
}

/// Prints memory: `cargo test --lib list::tests::figures -- --ignored --nocapture`.
#[test]
#[ignore = "prints figures"]
fn figures() {
    for count in [20, 200, 1_000, 100_000] {
        let mut list = List::new();
        for index in 0..count {
            list.push(End::Tail, format!("element:{index:06}").as_bytes(), LIMITS);
        }
        let bytes = list.heap_bytes(0) + size_of::<List>();
        println!(
            "{count} of 14 bytes: {bytes} B, {:.1} each",
            bytes as f64 / count as f64
        );
    }
}
