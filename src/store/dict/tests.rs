use std::collections::BTreeMap;

use super::*;

#[derive(Debug)]
struct Entry {
    key: u64,
    value: u64,
}

impl Record for Entry {
    fn hash(&self) -> u32 {
        hash_of(self.key)
    }
}

fn hash_of(key: u64) -> u32 {
    (key.wrapping_mul(0xd6e8_feb8_6659_fd93) >> 32) as u32
}

fn find(dict: &Dict<Entry>, key: u64) -> Option<u32> {
    dict.find(hash_of(key), |e| e.key == key)
}

fn fill(dict: &mut Dict<Entry>, keys: std::ops::Range<u64>) {
    for key in keys {
        dict.push(Entry { key, value: key });
    }
}

#[test]
fn an_empty_dictionary_owns_nothing() {
    let dict: Dict<Entry> = Dict::new();
    assert_eq!(dict.heap_bytes(), 0);
    assert_eq!(find(&dict, 1), None);
    assert_eq!(dict.random(&mut Rng::new(1)), None);
    assert_eq!(dict.scan(0, 10, |_, _| panic!()), 0);
}

#[test]
fn every_key_is_found_at_every_step_of_growth() {
    let mut dict = Dict::new();
    for key in 0..6000u64 {
        assert_eq!(dict.push(Entry { key, value: key }), key as u32);
        let wants = dict.wants_step();
        if wants || key % 97 == 0 {
            for known in (0..=key).step_by(1 + key as usize / 50) {
                assert_eq!(find(&dict, known), Some(known as u32));
            }
            assert_eq!(find(&dict, key + 1), None);
        }
    }
    dict.check_invariants();
}

#[test]
fn growth_is_spread_over_the_insertions() {
    let mut dict = Dict::new();
    let (mut largest, mut before) = (0, 0);
    for key in 0..300_000u64 {
        dict.push(Entry { key, value: 0 });
        let done = dict.build.as_ref().map_or(0, |b| b.done);
        largest = largest.max(done.saturating_sub(before));
        before = done;
    }
    assert!(largest <= 64, "{largest} records in one insertion");
}

#[test]
fn steps_ahead_finish_the_build_early() {
    let mut dict = Dict::new();
    let mut key = 0;
    while !dict.wants_step() {
        fill(&mut dict, key..key + 1);
        key += 1;
    }
    while dict.grow_step(100) {}
    assert!(!dict.wants_step());
    dict.check_invariants();
}

#[test]
fn random_operations_agree_with_a_map() {
    for seed in 0..6 {
        let mut rng = Rng::new(seed);
        let mut dict: Dict<Entry> = Dict::new();
        let mut model = BTreeMap::new();
        for round in 0..60_000u64 {
            let key = rng.below(20_000) as u64;
            // Waves of growth and shrinking.
            let inserts = if round / 15_000 % 2 == 0 { 8 } else { 2 };
            match (find(&dict, key), rng.below(10) < inserts) {
                (Some(number), true) => {
                    dict.get_mut(number).value = round;
                    assert!(model.insert(key, round).is_some());
                }
                (None, true) => {
                    dict.push(Entry { key, value: round });
                    assert!(model.insert(key, round).is_none());
                }
                (Some(number), false) => {
                    let removed = dict.swap_remove(number);
                    assert_eq!(Some(removed.value), model.remove(&key));
                }
                (None, false) => assert!(!model.contains_key(&key)),
            }
            if rng.below(100) == 0 {
                dict.grow_step(rng.below(500));
            }
            if round % 5000 == 0 {
                dict.check_invariants();
            }
        }
        dict.check_invariants();
        let found: BTreeMap<u64, u64> = dict.iter().map(|e| (e.key, e.value)).collect();
        assert_eq!(found, model);
    }
}

#[test]
fn turnover_at_a_steady_size_does_not_grow_the_index() {
    let mut dict = Dict::new();
    fill(&mut dict, 0..10_000);
    while dict.grow_step(1000) {}
    let before = dict.index_bytes();
    let mut largest = 0;
    for key in 10_000..400_000u64 {
        let number = find(&dict, key - 10_000).unwrap();
        dict.swap_remove(number);
        dict.push(Entry { key, value: 0 });
        largest = largest.max(dict.index_bytes());
    }
    dict.check_invariants();
    assert!(largest <= before * 4, "{largest} after {before}");
}

#[test]
fn deleting_nearly_everything_gives_memory_back() {
    let mut dict = Dict::new();
    fill(&mut dict, 0..200_000);
    let before = dict.heap_bytes();
    while dict.len() > 100 {
        dict.swap_remove(0);
    }
    dict.check_invariants();
    assert!(
        dict.heap_bytes() < before / 20,
        "{} of {before}",
        dict.heap_bytes()
    );
}

#[test]
fn a_scan_returns_whatever_stays() {
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let mut dict = Dict::new();
        fill(&mut dict, 0..3000);
        let stays = |key: u64| key.is_multiple_of(3) && key < 3000;
        let (mut seen, mut cursor, mut fresh) = (vec![0u32; 3000], 0, 3000u64);
        loop {
            cursor = dict.scan(cursor, 1 + rng.below(40), |_, e| {
                if stays(e.key) {
                    seen[e.key as usize] += 1;
                }
            });
            if cursor == 0 {
                break;
            }
            for _ in 0..rng.below(60) {
                let number = rng.below(dict.len()) as u32;
                if rng.below(3) == 0 {
                    fill(&mut dict, fresh..fresh + 1);
                    fresh += 1;
                } else if !stays(dict.get(number).key) {
                    dict.swap_remove(number);
                }
            }
        }
        assert!((0..3000).all(|k| !stays(k) || seen[k as usize] >= 1));
    }
}

#[test]
fn a_random_record_is_any_record() {
    let mut dict = Dict::new();
    fill(&mut dict, 0..10);
    let mut rng = Rng::new(5);
    let mut counts = [0; 10];
    for _ in 0..10_000 {
        counts[dict.random(&mut rng).unwrap() as usize] += 1;
    }
    assert!(counts.iter().all(|&c| c > 800 && c < 1200), "{counts:?}");
}

#[test]
fn draining_goes_in_slices() {
    let mut dict = Dict::new();
    fill(&mut dict, 0..10_000);
    let mut sum = 0;
    while dict.drain(999, |e| sum += e.key) > 0 {}
    assert_eq!(sum, 9_999 * 10_000 / 2);
    assert_eq!(dict.heap_bytes(), 0);
    fill(&mut dict, 0..10);
    dict.check_invariants();
}
