use std::collections::BTreeSet;

use super::*;
use crate::store::hash::seeded;

type Model = BTreeSet<Vec<u8>>;

const LIMITS: SetLimits = SetLimits {
    max_intset_entries: 512,
    max_listpack_entries: 128,
    max_listpack_value: 64,
};

fn texts(set: &Set) -> Model {
    set.iter().map(Entry::to_vec).collect()
}

fn any_text(rng: &mut Rng, kind: usize, spread: usize) -> Vec<u8> {
    let number = rng.below(spread);
    match kind {
        0 => number.to_string().into_bytes(),
        1 => format!("member:{number}").into_bytes(),
        2 => vec![b'a' + (number % 26) as u8; number % 100],
        _ => match rng.below(3) {
            0 => format!("-{}", number * 1_000_003).into_bytes(),
            1 => (number as u32).to_le_bytes().to_vec(),
            _ => vec![b'x'; number % 3000],
        },
    }
}

fn compare(set: &Set, model: &Model, state: &HashState) {
    set.check_invariants(state);
    assert_eq!(set.len(), model.len());
    assert_eq!(set.iter().len(), model.len());
    assert_eq!(texts(set), *model);
    let mut scanned = Model::new();
    let mut cursor = 0;
    loop {
        cursor = set.scan(cursor, 10, |entry| {
            scanned.insert(entry.to_vec());
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(scanned, *model);
}

#[test]
fn random_edits_follow_a_btree() {
    let state = seeded(1);
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let kind = seed as usize % 5;
        let spread = [5, 20, 200, 1_000][rng.below(4)];
        let (mut set, mut model) = (Set::new(), Model::new());
        for round in 0..2_500 {
            let kind = if kind == 4 { rng.below(4) } else { kind };
            let text = any_text(&mut rng, kind, spread);
            match rng.below(if round / 700 % 2 == 0 { 5 } else { 8 }) {
                0..=3 => {
                    assert_eq!(
                        set.insert(&text, &state, LIMITS),
                        model.insert(text.clone())
                    );
                }
                4..=5 => assert_eq!(set.remove(&text, &state), model.remove(&text)),
                _ => {
                    let mut popped = None;
                    let was = set.pop_random(&mut rng, |entry| popped = Some(entry.to_vec()));
                    assert_eq!(was, !model.is_empty());
                    assert!(popped.is_none_or(|text| model.remove(&text)));
                }
            }
            assert_eq!(set.contains(&text, &state), model.contains(&text));
            if round % 50 == 0 {
                compare(&set, &model, &state);
            }
        }
        compare(&set, &model, &state);
    }
}

fn set_of<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> Set {
    let (state, mut set) = (seeded(1), Set::new());
    texts.into_iter().for_each(|text| {
        set.insert(text, &state, LIMITS);
    });
    set
}

#[test]
fn encodings_change_where_redis_changes_them() {
    let state = seeded(1);
    let mut set = Set::new();
    for value in 0..512 {
        set.insert(value.to_string().as_bytes(), &state, LIMITS);
        assert_eq!(set.encoding(), "intset");
    }
    set.insert(b"512", &state, LIMITS);
    assert_eq!((set.len(), set.encoding()), (513, "hashtable"));

    let mut set = set_of([&b"1"[..], b"2", b"a"]);
    assert_eq!(set.encoding(), "listpack");
    for value in 0..125 {
        set.insert(format!("m{value}").as_bytes(), &state, LIMITS);
        assert_eq!(set.encoding(), "listpack");
    }
    set.insert(b"one more", &state, LIMITS);
    assert_eq!((set.len(), set.encoding()), (129, "hashtable"));

    let mut set = set_of([&b"1"[..], &[b'x'; 65]]);
    assert_eq!(set.encoding(), "hashtable");
    set.remove(&[b'x'; 65], &state);
    assert_eq!((set.len(), set.encoding()), (1, "hashtable"));
    assert!(
        set.heap_bytes(0) < 64,
        "tiny sets stay packed whatever they are called"
    );
    assert_eq!(set_of([&[b'x'; 64][..]]).encoding(), "listpack");

    let mut set = Set::new();
    let tight = SetLimits {
        max_intset_entries: 2,
        max_listpack_entries: 3,
        ..LIMITS
    };
    for (text, name) in [
        ("1", "intset"),
        ("2", "intset"),
        ("3", "hashtable"),
        ("4", "hashtable"),
    ] {
        set.insert(text.as_bytes(), &state, tight);
        assert_eq!(set.encoding(), name);
    }
    compare(
        &set,
        &["1", "2", "3", "4"].map(|t| t.as_bytes().to_vec()).into(),
        &state,
    );
}

#[test]
fn choices_are_fair_in_every_form() {
    let state = seeded(3);
    let mut rng = Rng::new(3);
    for count in [10, 100, 600] {
        for prefix in ["", "m"] {
            let mut set = Set::new();
            for value in 0..count {
                set.insert(format!("{prefix}{value}").as_bytes(), &state, LIMITS);
            }
            let mut hits = vec![0u32; count];
            let mut hit = |entry: Entry<'_>| {
                let text = String::from_utf8(entry.to_vec()).unwrap();
                hits[text[prefix.len()..].parse::<usize>().unwrap()] += 1;
            };
            let rounds = 300;
            for _ in 0..rounds {
                (0..count / 10).for_each(|_| hit(set.random(&mut rng).unwrap()));
                let flow = set.sample_repeated(&mut rng, count / 10, |entry| {
                    hit(entry);
                    ControlFlow::Continue(())
                });
                assert!(flow.is_continue());
                let broken = set.sample_repeated(&mut rng, usize::MAX, |_| ControlFlow::Break(()));
                assert!(broken.is_break());
                let mut seen = Model::new();
                set.sample(&mut rng, count / 10, |entry| {
                    assert!(seen.insert(entry.to_vec()));
                    hit(entry);
                });
                assert_eq!(seen.len(), count / 10);
            }
            let expected = f64::from(rounds) * 0.3;
            for hit in hits {
                let error = (f64::from(hit) - expected).abs();
                assert!(error < 6.0 * expected.sqrt(), "{hit} of {expected}");
            }
        }
    }
}

#[test]
fn members_are_found_in_other_sets_by_their_hash() {
    let state = seeded(9);
    let number = |range: std::ops::Range<u32>, prefix: &str| {
        let mut set = Set::new();
        for value in range {
            set.insert(format!("{prefix}{value}").as_bytes(), &state, LIMITS);
        }
        set
    };
    let sets = [
        number(0..1000, ""),
        number(0..100, ""),
        number(0..400, ""),
        number(0..100, "m"),
    ];
    for (a, set) in sets.iter().enumerate() {
        for (b, other) in sets.iter().enumerate() {
            let both = set
                .members()
                .filter(|m| other.contains_member(*m, &state))
                .count();
            let hashed = set.members().map(|m| m.hashed(&state));
            assert_eq!(
                both,
                hashed.filter(|m| other.contains_member(*m, &state)).count()
            );
            let expected = if (a == 3) == (b == 3) {
                set.len().min(other.len())
            } else {
                0
            };
            assert_eq!(both, expected);
        }
    }
}

#[test]
fn a_scan_sees_what_stays() {
    let state = seeded(4);
    let mut rng = Rng::new(4);
    let mut set = Set::new();
    for value in 0..3_000 {
        set.insert(format!("stays{value}").as_bytes(), &state, LIMITS);
    }
    for round in 0..6 {
        let (mut seen, mut cursor) = (Model::new(), 0);
        loop {
            cursor = set.scan(cursor, 20, |entry| {
                seen.insert(entry.to_vec());
            });
            for _ in 0..30 {
                let text = format!("other{}", rng.below(20_000));
                if rng.below(2) == round % 2 {
                    set.insert(text.as_bytes(), &state, LIMITS);
                } else {
                    set.remove(text.as_bytes(), &state);
                }
            }
            if cursor == 0 {
                break;
            }
        }
        let stayed = seen
            .iter()
            .filter(|text| text.starts_with(b"stays"))
            .count();
        assert_eq!(stayed, 3_000);
    }
}

#[test]
fn saved_sets_load_again_and_hostile_ones_do_not() {
    let state = seeded(5);
    let set = set_of([&b"3"[..], b"1", b"70000"]);
    let SavedSet::Intset(bytes) = set.saved_form() else {
        panic!("an intset")
    };
    let loaded = Set::from_intset(bytes, &state, LIMITS).unwrap();
    assert_eq!((texts(&loaded), loaded.encoding()), (texts(&set), "intset"));
    let tight = SetLimits {
        max_intset_entries: 2,
        max_listpack_entries: 2,
        ..LIMITS
    };
    let loaded = Set::from_intset(bytes, &state, tight).unwrap();
    assert_eq!(
        (texts(&loaded), loaded.encoding()),
        (texts(&set), "hashtable")
    );

    let set = set_of([&b"3"[..], b"a", b"b"]);
    let SavedSet::Listpack(bytes) = set.saved_form() else {
        panic!("a listpack")
    };
    let loaded = Set::from_listpack(bytes, &state, LIMITS).unwrap();
    assert_eq!(
        (texts(&loaded), loaded.encoding()),
        (texts(&set), "listpack")
    );
    let loaded = Set::from_listpack(bytes, &state, tight).unwrap();
    assert_eq!(
        (texts(&loaded), loaded.encoding()),
        (texts(&set), "hashtable")
    );
    assert_eq!(loaded.saved_form(), SavedSet::Members);

    let mut twice = Listpack::new();
    twice.push(b"a");
    twice.push(b"b");
    twice.push(b"a");
    assert!(Set::from_listpack(twice.as_bytes(), &state, LIMITS).is_err());
    assert!(Set::from_intset(twice.as_bytes(), &state, LIMITS).is_err());
}

#[test]
fn drained_in_slices() {
    let state = seeded(6);
    for count in [3, 100_000] {
        let mut set = Set::new();
        for value in 0..count {
            set.insert(format!("member-{value}").as_bytes(), &state, LIMITS);
        }
        let mut slices = 0;
        while set.drain_slice(1_000) > 0 {
            slices += 1;
        }
        assert!(slices >= count / 1_000);
        assert_eq!((set.len(), set.heap_bytes(0)), (0, 0));
    }
}

/// Prints memory: `cargo test --lib set::tests::figures -- --ignored --nocapture`.
#[test]
#[ignore = "prints figures"]
fn figures() {
    let state = seeded(7);
    for (count, prefix) in [
        (10, ""),
        (10, "m:"),
        (129, "m:"),
        (10_000, "m:"),
        (1_000_000, "m:"),
    ] {
        let mut set = Set::new();
        for value in 0..count {
            set.insert(format!("{prefix}{value:012}").as_bytes(), &state, LIMITS);
        }
        let bytes = set.heap_bytes(0) + size_of::<Set>();
        println!(
            "{count} {prefix}: {bytes} B, {:.1} each",
            bytes as f64 / f64::from(count)
        );
    }
}
