//! Eviction: how a key's use is kept in 24 bits, and which key is to go when memory is short.
//!
//! As in Redis, nothing is sorted: some keys are sampled, the best candidates ever seen are kept in
//! a small pool, and the best of the pool that still exists is the victim. Whoever asks deletes it.
//!
//! The 24 bits are a clock of seconds (recency), or 16 bits of minutes and an 8-bit counter that
//! grows ever more slowly and decays with time (frequency). The two do not mix: a change of policy
//! lets old keys seem of any age until they are used again, as in Redis.

use crate::random::Rng;
use crate::store::db::{Db, Key, Slot};
use crate::store::keyspace::Keyspace;
use crate::store::slab::Handle;
use crate::time::Now;

/// What makes a key a better victim than another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    /// Nothing: no key is ever evicted. Recency is kept, for OBJECT IDLETIME.
    #[default]
    None,
    /// Not used for longer (LRU).
    Recency,
    /// Used less often (LFU).
    Frequency,
    /// Not changed for longer (LRM): reads do not count as use.
    Modification,
    /// Nothing but chance.
    Random,
    /// Nearer to its expiry.
    Ttl,
}

/// How keys are chosen: a policy of `maxmemory-policy` and what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Eviction {
    /// What makes a key a victim.
    pub measure: Measure,
    /// Only keys with an expiry are victims.
    pub volatile_only: bool,
    /// `maxmemory-samples`.
    pub samples: u32,
    /// `lfu-log-factor`.
    pub lfu_log_factor: u32,
    /// `lfu-decay-time`, in minutes; 0 means that counters do not decay.
    pub lfu_decay_minutes: u32,
}

impl Default for Eviction {
    fn default() -> Eviction {
        Eviction {
            measure: Measure::None,
            volatile_only: false,
            samples: 5,
            lfu_log_factor: 10,
            lfu_decay_minutes: 1,
        }
    }
}

/// The clock of a key: 24 bits.
const CLOCK_MAX: u32 = (1 << 24) - 1;
/// The clock of recency counts seconds.
const RECENCY_RESOLUTION_MS: i64 = 1000;
/// A clock of recency that is ahead of the present one by up to this many seconds is of a later
/// moment: the system's time was set back, or a snapshot tells how idle a key was when it began.
const AHEAD_S_MAX: u32 = 1 << 20;
/// Likewise for a clock of frequency.
const AHEAD_MINUTES_MAX: u32 = 1 << 12;
/// How idle a key can be, in seconds: 182 days.
const IDLE_S_MAX: u32 = CLOCK_MAX - AHEAD_S_MAX;
/// The clock of frequency counts minutes in 16 bits.
const MINUTES_MAX: u32 = (1 << 16) - 1;
/// The counter a new key begins with, so that it is not the first to go.
const LFU_INITIAL: u32 = 5;
const LFU_MAX: u32 = 255;
/// Candidates that are remembered.
const POOL_SIZE: usize = 16;
/// Victims for which `samples` keys each are looked at together.
const SAMPLED_AT_ONCE: usize = 8;

/// The clock of recency, in seconds, as far as 24 bits hold it: it wraps after 194 days.
#[inline]
pub fn recency_clock(now: Now) -> u32 {
    (now.unix_ms / RECENCY_RESOLUTION_MS) as u32 & CLOCK_MAX
}

/// How long ago a key with this clock was used, in milliseconds; 0 if it was used after `now`.
pub fn idle_ms(clock: u32, now: Now) -> u64 {
    let idle_s = recency_clock(now).wrapping_sub(clock) & CLOCK_MAX;
    match idle_s {
        ..=IDLE_S_MAX => u64::from(idle_s) * RECENCY_RESOLUTION_MS as u64,
        _ => 0,
    }
}

/// How often a key with this clock is used, on a logarithmic scale to 255, as of now.
pub fn frequency(clock: u32, now: Now, eviction: &Eviction) -> u32 {
    let elapsed = minutes(now).wrapping_sub(clock >> 8) & MINUTES_MAX;
    let is_ahead = elapsed > MINUTES_MAX - AHEAD_MINUTES_MAX;
    let elapsed = if is_ahead { 0 } else { elapsed };
    let periods = elapsed.checked_div(eviction.lfu_decay_minutes).unwrap_or(0);
    (clock & LFU_MAX).saturating_sub(periods)
}

/// The clock of a key that was last used so many seconds ago. More than 170 days are told as so
/// many: the clock must not wrap soon afterwards.
fn clock_of_idle(idle_s: u64, now: Now) -> u32 {
    let idle_s = idle_s.min(u64::from(IDLE_S_MAX - AHEAD_S_MAX));
    let clocks = idle_s * 1000 / RECENCY_RESOLUTION_MS as u64;
    recency_clock(now).wrapping_sub(clocks as u32) & CLOCK_MAX
}

/// The clock of a key of which is known for how many seconds it was not used, or how often it was;
/// none if that is not what the eviction policy asks.
pub fn clock_of_usage(
    idle_s: Option<u64>,
    frequency: Option<u8>,
    now: Now,
    eviction: &Eviction,
) -> Option<u32> {
    match eviction.measure {
        Measure::Frequency => frequency.map(|count| minutes(now) << 8 | u32::from(count)),
        _ => idle_s.map(|idle_s| clock_of_idle(idle_s, now)),
    }
}

/// The clock of a key that is used now.
#[inline]
pub fn used(clock: u32, now: Now, rng: &mut Rng, eviction: &Eviction) -> u32 {
    match eviction.measure {
        Measure::Frequency => {
            let counter = frequency(clock, now, eviction);
            minutes(now) << 8 | count_use(counter, rng.unit(), eviction.lfu_log_factor)
        }
        Measure::Modification => clock,
        _ => recency_clock(now),
    }
}

/// The clock of a key that is new, or was changed under a policy to which only that matters.
#[inline]
pub fn created(now: Now, eviction: &Eviction) -> u32 {
    match eviction.measure {
        Measure::Frequency => minutes(now) << 8 | LFU_INITIAL,
        _ => recency_clock(now),
    }
}

/// The counter after one more use: the larger it is, the less likely it grows.
fn count_use(counter: u32, chance: f64, log_factor: u32) -> u32 {
    let above = f64::from(counter.saturating_sub(LFU_INITIAL));
    let grows = chance < 1.0 / (above * f64::from(log_factor) + 1.0);
    if counter < LFU_MAX && grows {
        counter + 1
    } else {
        counter
    }
}

#[inline]
fn minutes(now: Now) -> u32 {
    (now.unix_ms / 60_000) as u32 & MINUTES_MAX
}

impl Db {
    /// A key, whose clock is given, was used now.
    #[inline]
    pub fn touch(&mut self, slot: Slot, clock: u32, now: Now, rng: &mut Rng) {
        let next = used(clock, now, rng, &self.eviction);
        if next != clock {
            self.set_clock(slot, next);
        }
    }

    /// A key was made, or got another value, now.
    #[inline]
    pub fn touch_created(&mut self, slot: Slot, now: Now) {
        let clock = created(now, &self.eviction);
        self.set_clock(slot, clock);
    }

    /// A key was changed in place now: its clock stays, unless the policy is about changes.
    #[inline]
    pub fn touch_modified(&mut self, slot: Slot, now: Now) {
        if self.eviction.measure == Measure::Modification {
            self.set_clock(slot, recency_clock(now));
        }
    }

    /// How good a victim the key of a block is: the larger, the better.
    fn score(&self, block: Handle, now: Now) -> u64 {
        let clock = || self.heap.clock(block);
        match self.eviction.measure {
            Measure::Frequency => u64::from(LFU_MAX - frequency(clock(), now, &self.eviction)),
            Measure::Ttl => {
                let expire_at = self.heap.expire_at(block).unwrap_or(i64::MAX);
                u64::MAX - expire_at.max(0) as u64
            }
            _ => idle_ms(clock(), now),
        }
    }
}

/// A key that was sampled and found to be a good victim.
#[derive(Debug)]
struct Candidate {
    score: u64,
    db: usize,
    /// Where it was; it may have moved since.
    block: Handle,
    key: Box<[u8]>,
}

impl Candidate {
    /// Where it is, if it is still there and as good a victim as it was: it may have been used, or
    /// have lost its expiry.
    fn find(&self, keyspace: &Keyspace, now: Now) -> Option<Slot> {
        let keys = keyspace.db(self.db)?;
        let slot = keys.find(&Key::new(keyspace.hasher(), &self.key))?;
        let is_spared = keys.eviction.volatile_only && keys.expire_at(slot).is_none();
        let score = keys.score(keys.handle(slot), now);
        (!is_spared && score >= self.score).then_some(slot)
    }
}

/// The best candidates seen so far, the best last.
#[derive(Debug, Default)]
pub struct Pool {
    candidates: Vec<Candidate>,
    /// The blocks looked at last and their scores: kept for their room.
    blocks: Vec<Handle>,
    scores: Vec<u64>,
    next_db: usize,
}

impl Pool {
    /// An empty pool.
    pub fn new() -> Pool {
        Pool::default()
    }

    /// Forgets the candidates: their scores mean nothing under another policy.
    pub fn clear(&mut self) {
        self.candidates.clear();
    }

    /// The key that is to go next; `None` when the policy spares all there are.
    pub fn pick(&mut self, keyspace: &Keyspace, now: Now, rng: &mut Rng) -> Option<(usize, Slot)> {
        let eviction = *keyspace.eviction();
        match eviction.measure {
            Measure::None => return None,
            Measure::Random => return self.pick_random(keyspace, &eviction, rng),
            _ => {}
        }
        loop {
            // Looking at many keys at once lets the misses of the cache overlap.
            let mut found_any = false;
            if self.candidates.len() <= POOL_SIZE - SAMPLED_AT_ONCE {
                for (number, db) in keyspace.iter() {
                    found_any |= self.sample(number, db, &eviction, now, rng);
                }
            }
            let Some(candidate) = self.candidates.pop() else {
                if found_any {
                    continue;
                }
                return None;
            };
            if let Some(slot) = candidate.find(keyspace, now) {
                return Some((candidate.db, slot));
            }
        }
    }

    /// Looks at some keys of a database; whether it has any.
    fn sample(
        &mut self,
        number: usize,
        db: &Db,
        eviction: &Eviction,
        now: Now,
        rng: &mut Rng,
    ) -> bool {
        let count = eviction.samples.max(1) as usize;
        let (blocks, scores) = (&mut self.blocks, &mut self.scores);
        blocks.clear();
        if eviction.volatile_only {
            db.sample_volatile_blocks(rng, SAMPLED_AT_ONCE * count, blocks);
        } else {
            db.sample_blocks(rng, SAMPLED_AT_ONCE, count, blocks);
        }
        db.heap.touch(blocks);
        scores.clear();
        scores.extend(blocks.iter().map(|block| db.score(*block, now)));
        for at in 0..self.blocks.len() {
            self.offer(number, db, self.blocks[at], self.scores[at]);
        }
        !self.blocks.is_empty()
    }

    /// Takes a candidate in, if it is better than the worst of a full pool and not there yet.
    fn offer(&mut self, number: usize, db: &Db, block: Handle, score: u64) {
        let is_full = self.candidates.len() >= POOL_SIZE;
        let worst = self.candidates.first().filter(|_| is_full);
        let is_it = |c: &Candidate| c.db == number && c.block == block;
        if worst.is_some_and(|worst| score <= worst.score) || self.candidates.iter().any(is_it) {
            return;
        }
        if is_full {
            self.candidates.remove(0);
        }
        // Of equals the one seen last goes first: it is still in the processor's cache.
        let at = self.candidates.partition_point(|c| c.score <= score);
        let candidate = Candidate {
            score,
            db: number,
            block,
            key: db.heap.key(block).into(),
        };
        self.candidates.insert(at, candidate);
    }

    /// Any key, from one database after the other.
    fn pick_random(
        &mut self,
        keyspace: &Keyspace,
        eviction: &Eviction,
        rng: &mut Rng,
    ) -> Option<(usize, Slot)> {
        for _ in 0..keyspace.databases() {
            let number = self.next_db % keyspace.databases();
            self.next_db = number + 1;
            let slot = keyspace
                .db(number)
                .and_then(|db| random_key(db, eviction, rng));
            if let Some(slot) = slot {
                return Some((number, slot));
            }
        }
        None
    }
}

fn random_key(db: &Db, eviction: &Eviction, rng: &mut Rng) -> Option<Slot> {
    if eviction.volatile_only {
        db.random_volatile(rng)
    } else {
        db.random(rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::hash::seeded;
    use crate::store::value::NewValue;

    fn at(unix_ms: i64) -> Now {
        Now::new(unix_ms * 1_000, 0)
    }

    fn policy(measure: Measure, volatile_only: bool) -> Eviction {
        Eviction {
            measure,
            volatile_only,
            ..Eviction::default()
        }
    }

    /// A thousand keys, of which key `n` was used at second `n` and every second one has an expiry.
    fn keyspace(eviction: Eviction) -> Keyspace {
        let mut keyspace = Keyspace::new(2, 4, seeded(1));
        keyspace.set_eviction(eviction);
        for n in 0..1000u32 {
            let name = n.to_le_bytes();
            let key = keyspace.key(&name);
            let expire_at = (n % 2 == 0).then_some(1_000_000 - i64::from(n));
            let db = keyspace.db_mut(n as usize / 500);
            let slot = db.insert_expiring(&key, NewValue::Int(1), expire_at);
            db.touch_created(slot, at(i64::from(n) * 1000));
        }
        keyspace
    }

    fn evict(keyspace: &mut Keyspace, count: usize) -> Vec<u32> {
        let (mut pool, mut rng, mut gone) = (Pool::new(), Rng::new(5), Vec::new());
        for _ in 0..count {
            let Some((db, slot)) = pool.pick(keyspace, at(1_000_000), &mut rng) else {
                break;
            };
            let db = keyspace.db_mut(db);
            gone.push(u32::from_le_bytes(
                db.key(slot).try_into().expect("four bytes"),
            ));
            db.remove(slot);
        }
        keyspace.check_invariants();
        gone
    }

    #[test]
    fn the_clock_of_recency_wraps() {
        let seconds = (1i64 << 24) + 5;
        assert_eq!(recency_clock(at(seconds * 1000)), 5);
        assert_eq!(idle_ms(CLOCK_MAX, at(seconds * 1000)), 6000);
        assert_eq!(idle_ms(5, at(seconds * 1000 + 999)), 0);
    }

    #[test]
    fn frequency_grows_slowly_and_decays() {
        let eviction = policy(Measure::Frequency, false);
        let mut rng = Rng::new(1);
        let mut clock = created(at(0), &eviction);
        assert_eq!(frequency(clock, at(0), &eviction), 5);
        for _ in 0..1000 {
            clock = used(clock, at(0), &mut rng, &eviction);
        }
        let counter = frequency(clock, at(0), &eviction);
        assert!(
            (12..=30).contains(&counter),
            "{counter}, Redis's text says 18"
        );
        assert_eq!(frequency(clock, at(3 * 60_000), &eviction), counter - 3);
        assert_eq!(frequency(clock, at(500 * 60_000), &eviction), 0);
        let forever = Eviction {
            lfu_decay_minutes: 0,
            ..eviction
        };
        assert_eq!(frequency(clock, at(500 * 60_000), &forever), counter);
        assert_eq!(count_use(255, 0.0, 0), 255);
    }

    #[test]
    fn only_changes_count_for_modification() {
        let mut db = Db::new(1, seeded(1));
        db.eviction = policy(Measure::Modification, false);
        let slot = db.insert(&Key::new(&seeded(1), b"k"), NewValue::Int(1));
        db.touch_created(slot, at(5000));
        db.touch(slot, db.clock(slot), at(9000), &mut Rng::new(1));
        assert_eq!(db.clock(slot), 5);
        db.touch_modified(slot, at(9000));
        assert_eq!(db.clock(slot), 9);
    }

    #[test]
    fn old_keys_go_first() {
        let gone = evict(&mut keyspace(policy(Measure::Recency, false)), 200);
        assert_eq!(gone.len(), 200);
        let old = gone.iter().filter(|&&n| n < 400).count();
        assert!(old > 180, "{old} of 200 from the older two fifths");
    }

    #[test]
    fn a_candidate_that_was_used_since_is_spared() {
        let mut keyspace = keyspace(policy(Measure::Recency, false));
        let (mut pool, mut rng, now) = (Pool::new(), Rng::new(5), at(1_000_000));
        let picked = pool.pick(&keyspace, now, &mut rng);
        assert!(picked.is_some() && pool.candidates.len() > 1, "{pool:?}");
        let next = pool.candidates.last().expect("one is left");
        let (number, name) = (next.db, next.key.clone());
        let key = Key::new(&seeded(1), &name);
        let db = keyspace.db_mut(number);
        let slot = db.find(&key).expect("it is there");
        db.touch(slot, db.clock(slot), now, &mut rng);
        let (number, slot) = pool.pick(&keyspace, now, &mut rng).expect("others");
        assert_ne!(keyspace.db(number).map(|db| db.key(slot)), Some(&*name));
    }

    #[test]
    fn volatile_policies_spare_the_others_and_end() {
        for measure in [
            Measure::Recency,
            Measure::Frequency,
            Measure::Ttl,
            Measure::Random,
        ] {
            let gone = evict(&mut keyspace(policy(measure, true)), 2000);
            assert_eq!(gone.len(), 500, "{measure:?}");
            assert!(gone.iter().all(|n| n % 2 == 0));
        }
    }

    #[test]
    fn the_nearest_expiry_goes_first() {
        let gone = evict(&mut keyspace(policy(Measure::Ttl, true)), 50);
        let near = gone.iter().filter(|&&n| n > 700).count();
        assert!(near > 45, "{near} of 50 from the nearest third");
    }

    #[test]
    fn all_keys_can_go_and_none_without_a_policy() {
        assert_eq!(
            evict(&mut keyspace(policy(Measure::Random, false)), 2000).len(),
            1000
        );
        assert_eq!(
            evict(&mut keyspace(policy(Measure::None, false)), 2000).len(),
            0
        );
    }
}
