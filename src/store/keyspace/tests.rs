use bytes::Bytes;

use super::*;
use crate::store::hash::seeded;
use crate::store::value::NewValue;

fn keyspace() -> Keyspace {
    Keyspace::new(4, 8, seeded(1))
}

fn set(keyspace: &mut Keyspace, db: usize, n: u32, expire_at: Option<i64>) {
    let name = n.to_le_bytes();
    let key = keyspace.key(&name);
    keyspace
        .db_mut(db)
        .insert_expiring(&key, NewValue::Raw(b"value"), expire_at);
}

fn all_chores(keyspace: &mut Keyspace, now_ms: i64) -> Vec<usize> {
    let mut expired = Vec::new();
    let mut slices = 0;
    while keyspace.chore(now_ms, ExpirePolicy::Allowed, &mut |db, _| expired.push(db)) {
        slices += 1;
        assert!(slices < 1_000_000);
    }
    expired
}

#[test]
fn databases_are_made_when_used_and_can_be_swapped() {
    let mut keyspace = keyspace();
    assert!(keyspace.db(2).is_none() && keyspace.db(99).is_none());
    set(&mut keyspace, 2, 1, None);
    keyspace.swap(2, 0);
    assert_eq!(keyspace.db(0).map(Db::len), Some(1));
    assert!(keyspace.db(2).is_none());
    assert_eq!((keyspace.len(), keyspace.databases()), (1, 4));
}

#[test]
fn keys_of_every_database_expire_and_are_reported() {
    let mut keyspace = keyspace();
    for n in 0..3000 {
        set(&mut keyspace, n as usize % 4, n, (n % 2 == 0).then_some(10));
    }
    assert_eq!(all_chores(&mut keyspace, 9).len(), 0);
    assert!(!keyspace.chore(11, ExpirePolicy::ReportOnly, &mut |_, _| panic!()));
    let expired = all_chores(&mut keyspace, 10);
    assert_eq!(expired.iter().filter(|&&db| db == 0).count(), 750);
    assert_eq!((expired.len(), keyspace.len()), (1500, 1500));
    keyspace.check_invariants();
}

#[test]
fn a_flushed_database_is_freed_in_slices() {
    let mut keyspace = keyspace();
    for n in 0..20_000 {
        set(&mut keyspace, 1, n, (n % 3 == 0).then_some(i64::MAX));
    }
    for n in 0..600u32 {
        let name = format!("object:{n}");
        let key = keyspace.key(name.as_bytes());
        let bytes = Bytes::from(vec![1; if n == 7 { 8 << 20 } else { 20_000 }]);
        keyspace.db_mut(1).insert(&key, NewValue::Large(bytes));
    }
    let old = keyspace.flush(1).expect("it was used");
    assert_eq!(old.len(), 20_600);
    keyspace.free_db(old);
    assert!(keyspace.is_empty() && keyspace.has_work());
    let mut slices = 0;
    while keyspace.chore(0, ExpirePolicy::Allowed, &mut |_, _| {}) {
        slices += 1;
        assert!(slices < 10_000);
    }
    assert!(slices > 8, "{slices} slices");
    assert!(!keyspace.has_work());
}

#[test]
fn a_replaced_giant_is_freed_in_slices() {
    let mut keyspace = keyspace();
    let key = keyspace.key(b"giant");
    let db = keyspace.db_mut(0);
    let slot = db.insert(&key, NewValue::Large(Bytes::from(vec![1; 32 << 20])));
    let old = db.replace(slot, NewValue::Int(1));
    db.free_later(old.expect("it was large"));
    let mut slices = 0;
    while keyspace.chore(0, ExpirePolicy::Allowed, &mut |_, _| {}) {
        slices += 1;
    }
    assert!((4..100).contains(&slices), "{slices} slices");
}
