//! Staying within `maxmemory`.
//!
//! A command that may need memory first makes room: it evicts until memory is below the limit or
//! its slice of time is used up; then it runs all the same, and the ticks go on evicting. A slice
//! removes far more than one command adds, so memory does not run away under a burst, and no turn
//! is held up.

use crate::config::Config;
use crate::config::values::MaxmemoryPolicy;
use crate::store::db::Slot;
use crate::store::evict::{Eviction, Measure};

use super::Engine;
use super::notify::EventClass;

/// How long one command may evict: a few hundred keys.
const COMMAND_SLICE_NS: u64 = 300_000;
/// Keys evicted between two looks at the clock.
const KEYS_PER_LOOK: usize = 16;

impl Engine {
    /// Makes room for a command that may need memory. Whether it may run.
    #[inline]
    pub fn make_room(&mut self) -> bool {
        !self.is_over_limit() || self.evict_slice(self.boundary_ns + COMMAND_SLICE_NS)
    }

    /// Whether memory is above `maxmemory`.
    #[inline]
    pub fn is_over_limit(&self) -> bool {
        self.config.maxmemory > 0
            && self.machine.used_bytes() > self.config.maxmemory
            && self.is_over_limit_without_snapshot()
    }

    /// Memory in use. The room that removed keys left between others is not: the next keys take
    /// it, and evicting until compaction has given it back would evict far too much.
    pub fn used_bytes(&self) -> u64 {
        let holes = self.keyspace.hole_bytes() as u64;
        self.machine.used_bytes().saturating_sub(holes)
    }

    /// What only a snapshot needs is gone soon: evicting for it would evict far too much, because
    /// what is evicted may be kept too.
    fn is_over_limit_without_snapshot(&self) -> bool {
        let snapshot_bytes = match self.persist.running {
            Some(_) => self.keyspace.snapshot_bytes() as u64,
            None => 0,
        };
        self.used_bytes() > self.config.maxmemory.saturating_add(snapshot_bytes)
    }

    /// Near `maxmemory` holes are closed that are not worth it otherwise.
    pub(super) fn tell_pressure(&mut self) {
        let limit = self.config.maxmemory;
        let is_pressed = limit > 0 && self.machine.used_bytes() > limit;
        self.keyspace.set_pressed(is_pressed);
    }

    /// Frees and evicts, as memory is above the limit, until it is below or the time is up. Whether
    /// that helped.
    pub fn evict_slice(&mut self, end_ns: u64) -> bool {
        let mut is_first = true;
        loop {
            for _ in 0..KEYS_PER_LOOK {
                // What is removed already counts until it is freed.
                if !self.keyspace.free_some() && !self.evict_one() {
                    return !is_first;
                }
                if !self.is_over_limit() {
                    return true;
                }
                is_first = false;
            }
            if self.clock.mono_ns() >= end_ns {
                return true;
            }
        }
    }

    fn evict_one(&mut self) -> bool {
        let picked = self
            .eviction_pool
            .pick(&self.keyspace, self.now, &mut self.rng);
        let Some((db, slot)) = picked else {
            return false;
        };
        self.evict_key(db, slot);
        true
    }

    fn evict_key(&mut self, number: usize, slot: Slot) {
        let db = self.keyspace.db_mut(number);
        let key = db.key(slot).to_vec();
        if let Some(value) = db.remove(slot) {
            db.free_later(value);
        }
        self.stats.evicted_keys += 1;
        let number = number as u32;
        self.effects.touch(number, &key);
        self.effects.also_propagate(number, &[b"UNLINK", &key]);
        self.effects
            .notify(EventClass::EVICTED, "evicted", number, &key);
        if !self.effects.is_quiet() {
            self.settle_background();
        }
    }
}

/// What the store has to know of the configuration.
pub fn eviction_of(config: &Config) -> Eviction {
    use MaxmemoryPolicy::*;
    Eviction {
        measure: match config.maxmemory_policy {
            Noeviction => Measure::None,
            AllkeysLru | VolatileLru => Measure::Recency,
            AllkeysLfu | VolatileLfu => Measure::Frequency,
            AllkeysLrm | VolatileLrm => Measure::Modification,
            AllkeysRandom | VolatileRandom => Measure::Random,
            VolatileTtl => Measure::Ttl,
        },
        volatile_only: config.maxmemory_policy.volatile_only(),
        samples: config.maxmemory_samples,
        lfu_log_factor: config.lfu_log_factor,
        lfu_decay_minutes: config.lfu_decay_time,
    }
}
