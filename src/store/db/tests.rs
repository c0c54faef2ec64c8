use std::collections::BTreeMap;

use bytes::Bytes;

use super::*;
use crate::random::Rng;
use crate::resp::LARGE_BULK;
use crate::store::hash::seeded;
use crate::store::types::list::List;

/// What the model knows of a key: its string (or nothing, for a list), and its expiry.
type Model = BTreeMap<Vec<u8>, (Option<Vec<u8>>, Option<i64>)>;

fn string_at(db: &Db, slot: Slot) -> Option<Vec<u8>> {
    db.value(slot)
        .string(&mut itoa::Buffer::new())
        .map(<[u8]>::to_vec)
}

fn assert_same(db: &Db, hasher: &HashState, model: &Model) {
    db.check_invariants();
    assert_eq!(db.len(), model.len());
    for (key, (string, expire_at)) in model {
        let slot = db.find(&Key::new(hasher, key)).expect("key is present");
        assert_eq!(db.key(slot), key);
        assert_eq!(&string_at(db, slot), string);
        assert_eq!(db.expire_at(slot), *expire_at);
    }
}

fn random_string(rng: &mut Rng) -> Vec<u8> {
    match rng.below(20) {
        0 => vec![b'L'; LARGE_BULK + rng.below(100)],
        1 => vec![b'm'; 500 + rng.below(5000)],
        2..6 => (rng.next_u64() as i64 >> rng.below(64))
            .to_string()
            .into_bytes(),
        _ => vec![b'a' + rng.below(26) as u8; rng.below(100)],
    }
}

fn random_key(rng: &mut Rng, keys: usize) -> Vec<u8> {
    let n = rng.below(keys);
    let mut key = format!("key:{n}").into_bytes();
    if n.is_multiple_of(50) {
        key.resize(200 + n % 200, b'x');
    }
    key
}

fn add(db: &mut Db, key: Key<'_>, expire_at: Option<i64>, model: &mut Model, rng: &mut Rng) {
    let string = (rng.below(10) > 0).then(|| random_string(rng));
    let new = match &string {
        Some(string) => NewValue::Str(string),
        None => NewValue::Value(Value::List(List::default())),
    };
    db.insert_expiring(&key, new, expire_at);
    model.insert(key.bytes.to_vec(), (string, expire_at));
}

fn one_step(db: &mut Db, hasher: &HashState, model: &mut Model, rng: &mut Rng, keys: usize) {
    let name = random_key(rng, keys);
    let key = Key::new(hasher, &name);
    let expire_at = (rng.below(3) == 0).then(|| rng.next_u64() as i64 >> 20);
    let Some(slot) = db.find(&key) else {
        assert!(!model.contains_key(&name));
        return add(db, key, expire_at, model, rng);
    };
    let entry = model.get_mut(&name).expect("key is present");
    match rng.below(8) {
        0 | 1 => {
            let string = random_string(rng);
            let new = if rng.below(2) == 0 {
                NewValue::Str(&string)
            } else {
                NewValue::Large(Bytes::copy_from_slice(&string))
            };
            assert_eq!(db.replace(slot, new).is_none(), {
                entry.0.as_ref().is_some_and(|s| s.len() < LARGE_BULK)
            });
            entry.0 = Some(string);
        }
        2 => {
            let more = random_string(rng);
            let len = db.append(slot, &more);
            assert_eq!(len.is_some(), entry.0.is_some());
            if let Some(string) = &mut entry.0 {
                string.extend_from_slice(&more);
                assert_eq!(len, Some(string.len()));
            }
        }
        3 => {
            db.set_expire(slot, expire_at);
            entry.1 = expire_at;
        }
        4 => {
            let value = db.take(slot);
            let copy = value
                .view()
                .string(&mut itoa::Buffer::new())
                .map(<[u8]>::to_vec);
            assert_eq!(model.remove(&name).map(|(string, _)| string), Some(copy));
        }
        5 => {
            db.remove(slot);
            model.remove(&name);
        }
        6 => {
            let other = random_key(rng, keys);
            if !model.contains_key(&other) {
                let to = db.rename(slot, &Key::new(hasher, &other));
                assert_eq!(db.key(to), other);
                if let Some(moved) = model.remove(&name) {
                    model.insert(other, moved);
                }
            }
        }
        _ => {
            db.set_clock(slot, 0xab_cdef);
            assert_eq!(db.clock(slot), 0xab_cdef);
        }
    }
}

#[test]
fn random_operations_agree_with_a_model() {
    for seed in 0..5 {
        let hasher = seeded(seed);
        let mut rng = Rng::new(seed);
        let mut db = Db::new([1, 3, 64, 8, 16][seed as usize], hasher.clone());
        let mut model = Model::new();
        for round in 0..30_000 {
            one_step(&mut db, &hasher, &mut model, &mut rng, 2000);
            if rng.below(20) == 0 {
                db.grow_slice();
                db.compact_slice();
            }
            if round % 5000 == 0 {
                assert_same(&db, &hasher, &model);
            }
        }
        assert_same(&db, &hasher, &model);
        let names: Vec<_> = model.keys().cloned().collect();
        for name in names {
            let slot = db.find(&Key::new(&hasher, &name)).expect("key is present");
            db.remove(slot);
        }
        assert_same(&db, &hasher, &Model::new());
    }
}

#[test]
fn integers_are_stored_as_such_and_read_as_text() {
    let hasher = seeded(1);
    let mut db = Db::new(4, hasher.clone());
    for n in [
        0,
        5,
        -5,
        127,
        128,
        -129,
        40_000,
        i64::MAX,
        i64::MIN,
        1 << 31,
    ] {
        let name = format!("n{n}");
        let key = Key::new(&hasher, name.as_bytes());
        let slot = db.insert(&key, NewValue::Str(n.to_string().as_bytes()));
        assert!(matches!(db.value(slot), ValueRef::Int(m) if m == n));
        assert_eq!(db.string_encoding(slot), Some("int"));
        db.replace(slot, NewValue::Int(n ^ 0x55));
        assert!(matches!(db.value(slot), ValueRef::Int(m) if m == n ^ 0x55));
        let text = (n ^ 0x55).to_string();
        assert_eq!(db.append(slot, b"9"), Some(text.len() + 1));
        assert_eq!(string_at(&db, slot), Some(format!("{text}9").into_bytes()));
        assert_eq!(db.string_encoding(slot), Some("raw"));
    }
    db.check_invariants();
}

#[test]
fn encodings_of_strings_are_those_of_redis() {
    let hasher = seeded(1);
    let mut db = Db::new(4, hasher.clone());
    let slot = db.insert(&Key::new(&hasher, b"k"), NewValue::Str(&[b'a'; 44]));
    assert_eq!(db.string_encoding(slot), Some("embstr"));
    db.replace(slot, NewValue::Str(&[b'a'; 45]));
    assert_eq!(db.string_encoding(slot), Some("raw"));
    db.replace(slot, NewValue::Str(b"abc"));
    assert_eq!(db.string_encoding(slot), Some("embstr"));
    db.edit(slot, 3, |s| s[0] = b'z');
    assert_eq!(db.string_encoding(slot), Some("raw"));
    assert_eq!(string_at(&db, slot), Some(b"zbc".to_vec()));
    db.replace(slot, NewValue::Raw(b"12"));
    assert_eq!(db.string_encoding(slot), Some("raw"));
}

#[test]
fn a_string_that_grows_moves_through_every_form() {
    let hasher = seeded(1);
    let mut db = Db::new(4, hasher.clone());
    let key = Key::new(&hasher, b"growing");
    let slot = db.insert_expiring(&key, NewValue::Str(b"1"), Some(77));
    let mut model = b"1".to_vec();
    while model.len() < 3 * LARGE_BULK {
        let more = vec![b'a' + (model.len() % 26) as u8; 1 + model.len() / 8];
        model.extend_from_slice(&more);
        assert_eq!(db.append(slot, &more), Some(model.len()));
        assert_eq!(string_at(&db, slot).as_ref(), Some(&model));
        assert_eq!(db.expire_at(slot), Some(77));
        db.check_invariants();
    }
    let ValueRef::Large(shared) = db.value(slot) else {
        panic!("the string is large");
    };
    let shared = shared.clone();
    db.edit(slot, 0, |s| s[0] = b'X');
    assert_eq!(
        (shared[0], string_at(&db, slot).map(|s| s[0])),
        (b'1', Some(b'X'))
    );
}

#[test]
fn a_scan_returns_whatever_stays() {
    for seed in 0..8 {
        let hasher = seeded(seed);
        let mut rng = Rng::new(seed);
        let mut db = Db::new(1 + seed as usize * 5, hasher.clone());
        for n in 0..2000u32 {
            db.insert(&Key::new(&hasher, &n.to_le_bytes()), NewValue::Int(1));
        }
        let (mut seen, mut cursor, mut fresh) = ([0u32; 2000], 0, 2000u32);
        loop {
            cursor = db.scan(cursor, 1 + rng.below(30), |key, _| {
                let n = u32::from_le_bytes(key.try_into().expect("four bytes"));
                if n < 2000 {
                    seen[n as usize] += 1;
                }
            });
            assert!(cursor < 1 << 53);
            if cursor == 0 {
                break;
            }
            for _ in 0..rng.below(80) {
                let slot = db.random(&mut rng).expect("keys are left");
                let n = u32::from_le_bytes(db.key(slot).try_into().expect("four bytes"));
                if rng.below(3) == 0 {
                    db.insert(&Key::new(&hasher, &fresh.to_le_bytes()), NewValue::Int(1));
                    fresh += 1;
                } else if n >= 2000 || n % 3 > 0 {
                    db.remove(slot);
                }
            }
        }
        assert!((0..2000).step_by(3).all(|n| seen[n] >= 1));
        db.check_invariants();
    }
}

#[test]
fn foreign_cursors_are_harmless() {
    let hasher = seeded(9);
    let mut db = Db::new(4, hasher.clone());
    db.insert(&Key::new(&hasher, b"k"), NewValue::Int(1));
    for cursor in [
        1,
        7,
        1 << 32,
        3 << 32 | 9,
        4 << 32,
        1 << 52,
        u64::MAX,
        u64::MAX >> 20,
    ] {
        let mut at = cursor;
        for _ in 0..10 {
            at = db.scan(at, 10, |_, _| {});
        }
        assert_eq!(at, 0);
    }
}

#[test]
fn random_keys_are_chosen_without_bias() {
    let hasher = seeded(4);
    let mut rng = Rng::new(4);
    let mut db = Db::new(7, hasher.clone());
    for n in 0..40u8 {
        let expire_at = (n % 4 == 0).then_some(1);
        db.insert_expiring(&Key::new(&hasher, &[n]), NewValue::Int(0), expire_at);
    }
    let (mut keys, mut volatile) = ([0; 40], [0; 40]);
    for _ in 0..40_000 {
        keys[db.key(db.random(&mut rng).expect("keys"))[0] as usize] += 1;
        volatile[db.key(db.random_volatile(&mut rng).expect("keys"))[0] as usize] += 1;
    }
    assert!(keys.iter().all(|&n| (850..1150).contains(&n)), "{keys:?}");
    let (some, none): (Vec<_>, Vec<_>) = volatile.iter().enumerate().partition(|(n, _)| n % 4 == 0);
    assert!(
        some.iter().all(|&(_, n)| (3600..4400).contains(n)),
        "{volatile:?}"
    );
    assert!(none.iter().all(|&(_, n)| *n == 0));
}

#[test]
fn warming_changes_nothing() {
    let hasher = seeded(4);
    let mut db = Db::new(8, hasher.clone());
    let names: Vec<_> = (0..200u32).map(u32::to_le_bytes).collect();
    let keys: Vec<_> = names.iter().map(|n| Key::new(&hasher, n)).collect();
    db.warm(&keys);
    for key in &keys[..150] {
        db.insert(key, NewValue::Int(3));
    }
    db.warm(&keys);
    db.warm(&[]);
    assert_eq!(db.len(), 150);
}

#[test]
fn compaction_follows_mass_removal() {
    let hasher = seeded(6);
    let mut db = Db::new(8, hasher.clone());
    for n in 0..60_000u32 {
        db.insert(
            &Key::new(&hasher, &n.to_le_bytes()),
            NewValue::Raw(&[7; 40]),
        );
    }
    for n in (0..60_000u32).filter(|n| n % 10 != 0) {
        let slot = db
            .find(&Key::new(&hasher, &n.to_le_bytes()))
            .expect("present");
        db.remove(slot);
    }
    let before = db.heap.slab.heap_bytes();
    while db.compact_slice() {}
    while db.grow_slice() {}
    assert!(db.heap.slab.heap_bytes() < before / 3);
    assert!(db.largest.keys < 2000);
    db.check_invariants();
}
