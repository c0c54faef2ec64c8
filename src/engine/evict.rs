//! Staying within `maxmemory`.

use crate::config::Config;
use crate::config::values::MaxmemoryPolicy;
use crate::store::evict::{Eviction, Measure};

use super::Engine;

impl Engine {
    /// Makes room for a command that may need memory. Whether there is room.
    pub fn make_room(&mut self) -> bool {
        true
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
