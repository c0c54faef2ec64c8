use std::collections::BTreeMap;

use super::*;
use crate::store::hash::seeded;

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

fn context(state: &HashState, now_ms: i64) -> HashContext<'_> {
    HashContext {
        state,
        limits: HashLimits::default(),
        now_ms,
    }
}

fn owned(field: Field<'_>) -> (Vec<u8>, (Vec<u8>, Option<i64>)) {
    (
        field.name.to_vec(),
        (field.value.to_vec(), field.expire_at_ms),
    )
}

fn live(model: &Model, now_ms: i64) -> Model {
    let is_live = |(_, (_, at_ms)): &(&Vec<u8>, &(Vec<u8>, Option<i64>))| {
        at_ms.is_none_or(|at_ms| at_ms > now_ms)
    };
    model
        .iter()
        .filter(is_live)
        .map(|(name, rest)| (name.clone(), rest.clone()))
        .collect()
}

fn compare(hash: &Hash, model: &Model, cx: HashContext<'_>) {
    hash.check_invariants(cx.state);
    assert_eq!(hash.len(), model.len());
    let live = live(model, cx.now_ms);
    assert_eq!(hash.live_len(cx.now_ms), live.len());
    assert_eq!(hash.iter(cx.now_ms).map(owned).collect::<Model>(), live);
    assert_eq!(
        hash.iter(NEVER_EXPIRED).map(owned).collect::<Model>(),
        *model
    );
    let next = model.values().filter_map(|(_, at_ms)| *at_ms).min();
    assert_eq!(hash.next_expire_at_ms(), next);
    let (mut scanned, mut cursor) = (Model::new(), 0);
    loop {
        cursor = hash.scan(cursor, 7, cx.now_ms, |field| {
            scanned.extend([owned(field)]);
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(scanned, live);
}

fn any_value(rng: &mut Rng) -> Vec<u8> {
    match rng.below(20) {
        0 => vec![b'v'; rng.below(3_000)],
        1..=9 => rng.below(1_000_000).to_string().into_bytes(),
        _ => vec![b'w'; rng.below(40)],
    }
}

/// A write to both, and what it answers.
fn write(rng: &mut Rng, hash: &mut Hash, model: &mut Model, name: &[u8], cx: HashContext<'_>) {
    let there = live(model, cx.now_ms).contains_key(name);
    let value = any_value(rng);
    let kept = model.get(name).filter(|_| there).and_then(|field| field.1);
    match rng.below(6) {
        0..=1 => {
            assert_eq!(hash.set(name, &value, FieldTtl::Clear, cx), !there);
            model.insert(name.to_vec(), (value, None));
        }
        2 => {
            assert_eq!(hash.set(name, &value, FieldTtl::Keep, cx), !there);
            model.insert(name.to_vec(), (value, kept));
        }
        3 => {
            assert_eq!(hash.set_new(name, &value, cx), !there);
            if !there {
                model.insert(name.to_vec(), (value, None));
            }
        }
        _ => {
            assert_eq!(hash.remove(name, cx), there);
            if there {
                model.remove(name);
            }
        }
    }
}

/// A change of times in both, and what it answers.
fn retime(rng: &mut Rng, hash: &mut Hash, model: &mut Model, name: &[u8], cx: HashContext<'_>) {
    let live = live(model, cx.now_ms);
    let field = live.get(name);
    match rng.below(5) {
        0..=2 => {
            let at_ms = cx.now_ms + rng.below(300) as i64;
            assert_eq!(hash.expire_field(name, at_ms, cx), field.is_some());
            if let Some((value, _)) = field {
                model.insert(name.to_vec(), (value.clone(), Some(at_ms)));
            }
        }
        3 => {
            let expires = field.is_some_and(|field| field.1.is_some());
            assert_eq!(hash.persist_field(name, cx), expires);
            if let Some((value, _)) = field {
                model.insert(name.to_vec(), (value.clone(), None));
            }
        }
        _ => {
            let mut last = i64::MIN;
            hash.drop_expired(cx.now_ms, rng.below(4), |field| {
                assert!(field.expire_at_ms >= Some(last));
                last = field.expire_at_ms.unwrap();
                assert!(model.remove(&field.name.to_vec()).is_some() && last <= cx.now_ms);
            });
        }
    }
}

#[test]
fn random_edits_follow_a_btree() {
    let state = seeded(1);
    for seed in 0..16 {
        let mut rng = Rng::new(seed);
        let (mut hash, mut model) = (Hash::new(), Model::new());
        let spread = [5, 12, 30, 600][rng.below(4)];
        let mut now_ms = 1_000;
        for round in 0..1_500 {
            let name = format!("f{}", rng.below(spread)).into_bytes();
            let cx = context(&state, now_ms);
            if seed % 3 == 0 || rng.below(2) == 0 {
                write(&mut rng, &mut hash, &mut model, &name, cx);
            } else {
                retime(&mut rng, &mut hash, &mut model, &name, cx);
                now_ms += rng.below(20) as i64;
            }
            let cx = context(&state, now_ms);
            let expected = live(&model, now_ms).remove(&name);
            assert_eq!(hash.field(&name, cx).map(|field| owned(field).1), expected);
            let value = expected.map(|field| field.0);
            assert_eq!(hash.get(&name, cx).map(Entry::to_vec), value);
            if round % 50 == 0 {
                compare(&hash, &model, cx);
            }
        }
    }
}

#[test]
fn encodings_change_where_valkey_changes_them() {
    let state = seeded(1);
    let cx = context(&state, 0);
    let mut hash = Hash::new();
    for index in 0..512 {
        hash.set(format!("f{index}").as_bytes(), b"v", FieldTtl::Clear, cx);
        assert_eq!(hash.encoding(), "listpack");
    }
    hash.set(b"f0", b"other", FieldTtl::Clear, cx);
    assert_eq!(hash.encoding(), "listpack");
    hash.set(b"one more", b"v", FieldTtl::Clear, cx);
    assert_eq!((hash.len(), hash.encoding()), (513, "hashtable"));

    let mut hash = Hash::new();
    hash.set(b"f", &[b'x'; 64], FieldTtl::Clear, cx);
    assert_eq!(hash.encoding(), "listpack");
    hash.set(b"f", &[b'x'; 65], FieldTtl::Clear, cx);
    assert_eq!(hash.encoding(), "hashtable");
    assert!(
        hash.heap_bytes(0) < 128,
        "tiny hashes stay packed whatever they are called"
    );
    hash.set(b"f", b"short again", FieldTtl::Clear, cx);
    assert_eq!(hash.encoding(), "hashtable");
    assert_eq!(hash.as_listpack(), None);

    let mut hash = Hash::new();
    hash.set(b"f", b"v", FieldTtl::Clear, cx);
    assert!(!hash.expire_field(b"other", 5, cx));
    assert_eq!(hash.encoding(), "listpack");
    assert!(hash.expire_field(b"f", 5, cx));
    assert!(hash.persist_field(b"f", cx));
    assert_eq!(
        (hash.encoding(), hash.next_expire_at_ms()),
        ("hashtable", None)
    );
}

#[test]
fn hidden_fields_are_there_until_dropped() {
    let state = seeded(2);
    let mut hash = Hash::new();
    for index in 0..100 {
        let name = format!("f{index}");
        hash.set(name.as_bytes(), b"v", FieldTtl::Clear, context(&state, 0));
        if index >= 5 {
            hash.expire_field(name.as_bytes(), index, context(&state, 0));
        }
    }
    let mut rng = Rng::new(1);
    assert_eq!(
        (hash.len(), hash.live_len(59), hash.live_len(1_000)),
        (100, 45, 5)
    );
    for _ in 0..1_000 {
        let name = hash.random(&mut rng, 1_000).unwrap().name.to_vec();
        assert!(name.len() == 2 && name < b"f5".to_vec());
    }
    let mut seen = 0;
    hash.sample(&mut rng, 50, 59, |_| seen += 1);
    hash.sample(&mut rng, 10, 59, |field| {
        assert!(field.expire_at_ms.is_none_or(|at_ms| at_ms >= 60));
        seen += 1;
    });
    let flow = hash.sample_repeated(&mut rng, 20, 1_000, |_| {
        seen += 1;
        ControlFlow::Continue(())
    });
    assert!(flow.is_continue());
    assert_eq!(seen, 45 + 10 + 20);
    let mut drawn = 0;
    let flow = hash.sample_repeated(&mut rng, usize::MAX, 1_000, |_| {
        drawn += 1;
        match drawn {
            7 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    });
    assert_eq!((drawn, flow.is_break()), (7, true));
    assert_eq!(hash.drop_expired(59, 30, |_| {}), 30);
    assert_eq!(hash.drop_expired(59, 300, |_| {}), 25);
    assert_eq!(hash.drop_expired(59, 300, |_| {}), 0);
    assert_eq!(hash.len(), 45);
    assert_eq!(hash.drop_expired(i64::MAX, 300, |_| {}), 40);
    assert_eq!((hash.len(), hash.next_expire_at_ms()), (5, None));
    hash.check_invariants(&state);
    let mut gone = Hash::new();
    gone.set(b"a", b"b", FieldTtl::Clear, context(&state, 0));
    gone.expire_field(b"a", 1, context(&state, 0));
    assert_eq!(gone.random(&mut rng, 5), None);
    let flow = gone.sample_repeated(&mut rng, 5, 5, |_| panic!("there is no field"));
    assert!(flow.is_continue());
}

#[test]
fn choices_are_fair_in_every_form() {
    let state = seeded(3);
    let cx = context(&state, 0);
    let mut rng = Rng::new(3);
    for count in [10, 100, 1_000] {
        let mut hash = Hash::new();
        for value in 0..count {
            hash.set(format!("f{value}").as_bytes(), b"v", FieldTtl::Clear, cx);
        }
        let mut hits = vec![0u32; count];
        let mut hit = |field: Field<'_>| {
            let name = String::from_utf8(field.name.to_vec()).unwrap();
            hits[name[1..].parse::<usize>().unwrap()] += 1;
        };
        for _ in 0..300 {
            (0..count / 10).for_each(|_| hit(hash.random(&mut rng, 0).unwrap()));
            let flow = hash.sample_repeated(&mut rng, count / 10, 0, |field| {
                hit(field);
                ControlFlow::Continue(())
            });
            assert!(flow.is_continue());
            hash.sample(&mut rng, count / 10, 0, &mut hit);
        }
        for hit in hits {
            assert!((f64::from(hit) - 90.0).abs() < 57.0, "{hit} of 90");
        }
    }
}

#[test]
fn saved_hashes_load_again_and_hostile_ones_do_not() {
    let state = seeded(4);
    let cx = context(&state, 0);
    let mut hash = Hash::new();
    hash.set(b"a", b"1", FieldTtl::Clear, cx);
    hash.set(b"2", b"b", FieldTtl::Clear, cx);
    let bytes = hash.as_listpack().unwrap();
    let loaded = Hash::from_listpack(bytes, cx).unwrap();
    assert_eq!(loaded.as_listpack(), Some(bytes));
    let limits = HashLimits {
        max_listpack_entries: 1,
        max_listpack_value: 64,
    };
    let loaded = Hash::from_listpack(bytes, HashContext { limits, ..cx }).unwrap();
    assert_eq!((loaded.len(), loaded.encoding()), (2, "hashtable"));
    let mut pack = Listpack::new();
    pack.push(b"a");
    pack.push(b"b");
    pack.push(b"a");
    assert!(Hash::from_listpack(pack.as_bytes(), cx).is_err());
    pack.push(b"b");
    assert!(Hash::from_listpack(pack.as_bytes(), cx).is_err());
}

#[test]
fn drained_in_slices() {
    let state = seeded(6);
    for count in [3, 100_000] {
        let mut hash = Hash::new();
        for value in 0..count {
            let name = format!("field-{value}");
            hash.set(
                name.as_bytes(),
                b"value",
                FieldTtl::Clear,
                context(&state, 0),
            );
            if value % 3 == 0 {
                hash.expire_field(name.as_bytes(), 5, context(&state, 0));
            }
        }
        let mut slices = 0;
        while hash.drain_slice(1_000) > 0 {
            slices += 1;
        }
        assert!(slices >= count / 1_000);
        assert_eq!((hash.len(), hash.heap_bytes(0)), (0, 0));
    }
}

/// Prints memory: `cargo test --lib hash::tests::figures -- --ignored --nocapture`.
#[test]
#[ignore = "prints figures"]
fn figures() {
    let state = seeded(7);
    let cx = context(&state, 0);
    let print = |what: &str, count: usize, value_len: usize, expires: bool| {
        let mut hash = Hash::new();
        for index in 0..count {
            let (name, value) = (format!("field:{index:07}"), vec![b'v'; value_len]);
            hash.set(name.as_bytes(), &value, FieldTtl::Clear, cx);
            if expires {
                hash.expire_field(name.as_bytes(), index as i64, cx);
            }
        }
        let bytes = hash.heap_bytes(0) + size_of::<Hash>();
        println!(
            "{count} x {value_len} {what}: {bytes} B, {:.1} each",
            bytes as f64 / count as f64
        );
    };
    print("plain", 5, 10, false);
    print("plain", 5, 100, false);
    print("plain", 1, 10, false);
    print("volatile", 1, 10, true);
    print("volatile", 5, 10, true);
    print("plain", 513, 10, false);
    print("plain", 20, 100, false);
    print("plain", 1_000_000, 10, false);
    print("volatile", 1_000_000, 10, true);
}
