//! Expiry of hash fields: which hashes have fields whose time will come, and the removal of
//! those whose time has.
//!
//! A database keeps one [`Hint`] a hash with such fields, ordered by the earliest of its times. A
//! hint names a key by its hash only: whatever is found there is looked at again, so that a hint
//! that is out of date costs a look and nothing else. The hash itself knows which of its fields
//! are due. Insertions, replacements, removals and renames of whole keys keep the hints by
//! themselves; whoever changes a hash in place tells [`Db::field_expiry_moved`].

use std::collections::BTreeSet;

use crate::store::db::{Db, Slot};
use crate::store::value::{Kind, NewValue, Value, ValueMut, ValueRef};

/// A hash whose earliest field is due at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hint {
    at_ms: i64,
    shard: u32,
    hash: u32,
}

/// The hints of a database.
pub(super) type FieldExpiries = BTreeSet<Hint>;

/// What was removed from one hash.
#[derive(Debug)]
pub struct DroppedFields<'a> {
    /// The key of the hash.
    pub key: &'a [u8],
    /// The names of the fields.
    pub names: &'a [Vec<u8>],
    /// The hash is empty and its key is removed.
    pub is_empty: bool,
}

impl Db {
    /// The earliest time of a field of the hash at a slot is another than before.
    pub fn field_expiry_moved(&mut self, slot: Slot, before: Option<i64>, after: Option<i64>) {
        if before == after {
            return;
        }
        let hint = |at_ms| self.hint(slot, at_ms);
        let (before, after) = (before.map(hint), after.map(hint));
        if let Some(hint) = before {
            self.field_expiries.remove(&hint);
        }
        self.field_expiries.extend(after);
    }

    /// Removes up to `max` fields whose time has come from the hash at a slot, and the key with
    /// the last one. Tells `on_dropped` before the key is removed; returns how many.
    pub fn drop_expired_fields(
        &mut self,
        slot: Slot,
        now_ms: i64,
        max: usize,
        on_dropped: &mut dyn FnMut(DroppedFields<'_>),
    ) -> usize {
        let ValueMut::Hash(hash) = self.value_mut(slot) else {
            return 0;
        };
        let before = hash.next_expire_at_ms();
        let mut names = Vec::new();
        let dropped = hash.drop_expired(now_ms, max, |field| names.push(field.name.to_vec()));
        let (after, is_empty) = (hash.next_expire_at_ms(), hash.is_empty());
        self.field_expiry_moved(slot, before, after);
        if dropped > 0 {
            on_dropped(DroppedFields {
                key: self.key(slot),
                names: &names,
                is_empty,
            });
            if is_empty {
                self.remove(slot);
            }
        }
        dropped
    }

    /// One slice of the removal of fields whose time has come: up to `budget` of them. Returns
    /// whether there is more to do now.
    pub fn field_expiry_slice(
        &mut self,
        now_ms: i64,
        mut budget: usize,
        on_dropped: &mut dyn FnMut(DroppedFields<'_>),
    ) -> bool {
        while let Some(hint) = self.field_expiries.first().copied() {
            if hint.at_ms > now_ms {
                return false;
            }
            if budget == 0 {
                return true;
            }
            match self.hinted(hint, now_ms) {
                // A snapshot writes it first; nobody sees such fields meanwhile.
                Some(slot) if self.must_wait(slot) => return false,
                Some(slot) => {
                    let dropped = self.drop_expired_fields(slot, now_ms, budget, on_dropped);
                    budget = budget.saturating_sub(dropped.max(1));
                }
                None => {
                    self.field_expiries.remove(&hint);
                    budget -= 1;
                }
            }
        }
        false
    }

    /// How many hashes have fields that expire.
    pub fn hashes_with_expiring_fields(&self) -> usize {
        self.field_expiries.len()
    }

    /// Whether some hash has fields that expire.
    pub fn has_field_expiries(&self) -> bool {
        !self.field_expiries.is_empty()
    }

    /// Forgets some hints of a database that is to be dropped; whether any are left.
    pub(super) fn drain_field_expiries(&mut self, count: usize) -> bool {
        for _ in 0..count {
            if self.field_expiries.pop_first().is_none() {
                return false;
            }
        }
        true
    }

    /// The key at a slot has just got a value, or is about to lose it.
    #[inline]
    pub(super) fn next_field_expiry(&self, slot: Slot) -> Option<i64> {
        if self.field_expiries.is_empty() || self.kind(slot) != Kind::Hash {
            return None;
        }
        match self.value(slot) {
            ValueRef::Hash(hash) => hash.next_expire_at_ms(),
            _ => None,
        }
    }

    #[inline]
    fn hint(&self, slot: Slot, at_ms: i64) -> Hint {
        Hint {
            at_ms,
            shard: slot.shard,
            hash: Db::low_hash(slot),
        }
    }

    /// The hash that a hint means, if it is still there and due.
    fn hinted(&self, hint: Hint, now_ms: i64) -> Option<Slot> {
        let shard = self.shards.get(hint.shard as usize)?;
        let entry = shard.find_value(&self.heap, hint.hash, |value| match value {
            // Equal times only: another key of the same hash has a hint of its own.
            ValueRef::Hash(hash) => hash
                .next_expire_at_ms()
                .is_some_and(|at_ms| at_ms <= now_ms && at_ms == hint.at_ms),
            _ => false,
        })?;
        Some(self.slot(hint.shard as usize, entry))
    }
}

/// When the first field of a value that is to be stored expires.
#[inline]
pub(super) fn next_of(new: &NewValue<'_>) -> Option<i64> {
    match new {
        NewValue::Value(Value::Hash(hash)) => hash.next_expire_at_ms(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::db::Key;
    use crate::store::hash::{HashState, seeded};
    use crate::store::types::hash::{FieldTtl, Hash, HashContext, HashLimits};

    fn hash_of(state: &HashState, times: &[i64]) -> Hash {
        let cx = HashContext {
            state,
            limits: HashLimits::default(),
            now_ms: 0,
        };
        let mut hash = Hash::new();
        for (n, at_ms) in times.iter().enumerate() {
            let name = n.to_string();
            hash.set(name.as_bytes(), b"v", FieldTtl::Clear, cx);
            hash.expire_field(name.as_bytes(), *at_ms, cx);
        }
        hash
    }

    fn sweep(db: &mut Db, now_ms: i64) -> Vec<(String, usize, bool)> {
        let mut seen = Vec::new();
        let mut note = |dropped: DroppedFields<'_>| {
            let key = String::from_utf8_lossy(dropped.key).into_owned();
            seen.push((key, dropped.names.len(), dropped.is_empty));
        };
        while db.field_expiry_slice(now_ms, 2, &mut note) {}
        seen
    }

    #[test]
    fn fields_go_when_due_wherever_their_hash_has_gone() {
        let state = seeded(1);
        let mut db = Db::new(4, state.clone());
        let key = |name: &'static str| Key::new(&state, name.as_bytes());
        let value = |times: &[i64]| NewValue::Value(Value::Hash(hash_of(&state, times)));
        db.insert(&key("a"), value(&[10, 20, 20]));
        let b = db.insert(&key("b"), value(&[10]));
        db.insert(&key("c"), value(&[15]));
        let d = db.insert(&key("d"), value(&[15]));
        db.replace(d, NewValue::Int(1));
        db.rename(b, &key("b2"));
        assert_eq!(sweep(&mut db, 9), []);
        let mut seen = sweep(&mut db, 10);
        seen.sort();
        assert_eq!(seen, [("a".into(), 1, false), ("b2".into(), 1, true)]);
        let c = db.find(&key("c")).expect("present");
        db.remove(c);
        assert_eq!(sweep(&mut db, 19), []);
        assert_eq!(sweep(&mut db, 20), [("a".into(), 2, true)]);
        assert!(db.field_expiries.is_empty());
        assert_eq!(db.len(), 1);
        db.check_invariants();
    }
}
