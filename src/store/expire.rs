//! Expiry: who may expire a key, and the sweep that finds the keys that are due.
//!
//! The one decision is [`fate`]. The sweep walks the dense lists of volatile keys shard by shard,
//! in slices; a shard that knows it holds nothing due is passed over, so that a database of keys
//! with distant expiries costs nothing.

use crate::store::db::Db;

/// What may be done with a key whose time has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpirePolicy {
    /// It is removed, and its removal propagated.
    #[default]
    Allowed,
    /// It reads as absent but stays: a replica waits for its primary, and CLIENT PAUSE WRITE for
    /// its end.
    ReportOnly,
    /// It reads as present: while loading, and for whoever applies another server's commands.
    Off,
}

/// What a key is to the command that looks it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is there.
    Present,
    /// It is to be treated as absent, and left alone.
    Absent,
    /// It is to be removed now.
    Expire,
}

/// The only decision about expiry there is.
#[inline]
pub fn fate(expire_at: Option<i64>, now_ms: i64, policy: ExpirePolicy) -> Fate {
    match expire_at {
        Some(at) if at <= now_ms => match policy {
            ExpirePolicy::Allowed => Fate::Expire,
            ExpirePolicy::ReportOnly => Fate::Absent,
            ExpirePolicy::Off => Fate::Present,
        },
        _ => Fate::Present,
    }
}

/// Expiries looked at for the estimate of their mean.
const AVERAGE_SAMPLES: usize = 64;
/// Removing a key costs as much as looking at so many entries of the list.
const REMOVAL_COST: usize = 64;

impl Db {
    /// One slice of the sweep: looks at up to `budget` entries, where a removal counts as
    /// several, and removes what is due. Each key is given to `on_expired` before it is removed.
    /// Returns whether there is more to do now.
    pub fn sweep_slice(
        &mut self,
        now_ms: i64,
        mut budget: usize,
        on_expired: &mut dyn FnMut(&[u8]),
    ) -> bool {
        let shards = self.shards.len();
        for _ in 0..shards {
            let at = self.chores.sweep_shard % shards;
            self.chores.sweep_shard = at;
            if self.shards[at].wants_sweep(now_ms) {
                self.sweep_shard(at, now_ms, &mut budget, on_expired);
                if budget == 0 {
                    return true;
                }
            }
            self.chores.sweep_shard += 1;
        }
        false
    }

    /// The mean time to live of the volatile keys, in milliseconds, from a sample.
    pub fn average_ttl_ms(&self, now_ms: i64) -> i64 {
        let (mut sum, mut count) = (0i64, 0);
        for shard in &self.shards {
            for at in shard.expiry_samples(AVERAGE_SAMPLES / self.shards.len() + 1) {
                sum = sum.saturating_add(at.saturating_sub(now_ms).max(0));
                count += 1;
            }
            if count >= AVERAGE_SAMPLES as i64 {
                break;
            }
        }
        if count == 0 { 0 } else { sum / count }
    }

    fn sweep_shard(
        &mut self,
        index: usize,
        now_ms: i64,
        budget: &mut usize,
        on_expired: &mut dyn FnMut(&[u8]),
    ) {
        self.shards[index].begin_sweep();
        while let Some(handle) = self.shards[index].next_due(now_ms, budget) {
            *budget = budget.saturating_sub(REMOVAL_COST);
            let Some(slot) = self.slot_of_block(handle) else {
                continue;
            };
            on_expired(self.key(slot));
            if let Some(value) = self.remove(slot) {
                self.free_later(value);
            }
        }
        self.shards[index].end_sweep(now_ms, self.volatile_len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::db::Key;
    use crate::store::hash::{HashState, seeded};
    use crate::store::value::NewValue;

    fn with_keys(hasher: &HashState, keys: u32, expire_at: impl Fn(u32) -> Option<i64>) -> Db {
        let mut db = Db::new(8, hasher.clone());
        for n in 0..keys {
            let bytes = n.to_le_bytes();
            db.insert_expiring(&Key::new(hasher, &bytes), NewValue::Raw(b"v"), expire_at(n));
        }
        db
    }

    fn sweep(db: &mut Db, now_ms: i64, budget: usize) -> (u32, u32) {
        let (mut expired, mut slices) = (0, 0);
        while db.sweep_slice(now_ms, budget, &mut |_| expired += 1) {
            slices += 1;
            assert!(slices < 1_000_000);
        }
        (expired, slices)
    }

    #[test]
    fn the_policy_decides() {
        assert_eq!(fate(None, 10, ExpirePolicy::Allowed), Fate::Present);
        assert_eq!(fate(Some(11), 10, ExpirePolicy::Allowed), Fate::Present);
        assert_eq!(fate(Some(10), 10, ExpirePolicy::Allowed), Fate::Expire);
        assert_eq!(fate(Some(10), 10, ExpirePolicy::ReportOnly), Fate::Absent);
        assert_eq!(fate(Some(10), 10, ExpirePolicy::Off), Fate::Present);
    }

    #[test]
    fn everything_due_goes_in_slices_and_nothing_else() {
        let hasher = seeded(1);
        let mut db = with_keys(&hasher, 10_000, |n| {
            (n % 3 != 0).then_some(if n % 3 == 1 { 100 } else { 200 })
        });
        assert_eq!(sweep(&mut db, 99, 1000), (0, 0));
        let (expired, slices) = sweep(&mut db, 100, 1000);
        assert_eq!(expired, 3333);
        assert!(slices > 100, "{slices} slices");
        db.check_invariants();
        assert_eq!(sweep(&mut db, 199, 1000), (0, 0));
        assert_eq!(sweep(&mut db, 1_000_000, 1000).0, 3333);
        db.check_invariants();
        assert_eq!((db.len(), db.volatile_len()), (3334, 0));
    }

    #[test]
    fn a_sweep_in_progress_survives_changes() {
        let hasher = seeded(2);
        let mut db = with_keys(&hasher, 4000, |n| Some(i64::from(n) % 50 + 1));
        let (mut expired, mut n) = (0u32, 4000u32);
        for now_ms in 1..=60 {
            while db.sweep_slice(now_ms, 200, &mut |_| expired += 1) {
                let bytes = n.to_le_bytes();
                if n < 8000 {
                    db.insert_expiring(&Key::new(&hasher, &bytes), NewValue::Int(1), Some(55));
                    n += 1;
                }
                let gone = (n - 3990).to_le_bytes();
                if let Some(slot) = db.find(&Key::new(&hasher, &gone)) {
                    db.set_expire(slot, if n % 2 == 0 { None } else { Some(40) });
                }
            }
        }
        let left = db.volatile_len();
        assert_eq!(left, 0, "{left} volatile keys outlived their time");
        assert_eq!(db.len() + expired as usize, n as usize);
        db.check_invariants();
    }

    #[test]
    fn the_average_is_about_right() {
        let hasher = seeded(3);
        let db = with_keys(&hasher, 1000, |_| Some(5000));
        assert_eq!(db.average_ttl_ms(1000), 4000);
        assert_eq!(Db::new(4, seeded(1)).average_ttl_ms(0), 0);
    }
}
