//! Clock and entropy of the operating system.

use std::cell::Cell;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::rand::{GetRandomFlags, getrandom};
use rustix::time::{ClockId, clock_gettime};

use super::{Clock, Entropy};
use crate::time::Now;

/// How old the offset between the two clocks may become. A jump of the wall clock is noticed
/// within this time.
const OFFSET_AGE_MAX_US: u64 = 50_000;

/// The clocks of the operating system. Only the monotonic one is read each time; the wall clock is
/// that plus an offset, which is looked at again when it is older than [`OFFSET_AGE_MAX_US`].
#[derive(Debug)]
pub struct OsClock {
    /// What the monotonic clock showed at the start, nanoseconds.
    start_ns: u64,
    /// Wall clock minus monotonic clock, in microseconds.
    offset_us: Cell<i64>,
    offset_at_us: Cell<u64>,
}

impl OsClock {
    /// A clock whose monotonic part begins now. It begins at a second, not at 0, so that a time
    /// "long ago" can be said.
    pub fn new() -> OsClock {
        let clock = OsClock {
            start_ns: monotonic_ns(),
            offset_us: Cell::new(0),
            offset_at_us: Cell::new(0),
        };
        clock.refresh(MONO_START_US);
        clock
    }

    fn refresh(&self, mono_us: u64) {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        // A wall clock before 1970 is not worth more than this.
        let wall_us = wall.map_or(0, |wall| wall.as_micros() as i64);
        self.offset_us.set(wall_us - mono_us as i64);
        self.offset_at_us.set(mono_us);
    }
}

/// The monotonic clock. Without `Instant`, whose checked arithmetic costs as much again as the
/// clock: it is read after every command.
#[inline]
fn monotonic_ns() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

const MONO_START_US: u64 = 1_000_000;

impl Default for OsClock {
    fn default() -> OsClock {
        OsClock::new()
    }
}

impl Clock for OsClock {
    #[inline]
    fn at(&self, mono_ns: u64) -> Now {
        let mono_us = mono_ns / 1_000;
        if mono_us - self.offset_at_us.get() > OFFSET_AGE_MAX_US {
            self.refresh(mono_us);
        }
        Now::new(mono_us as i64 + self.offset_us.get(), mono_us)
    }

    #[inline]
    fn mono_ns(&self) -> u64 {
        MONO_START_US * 1_000 + (monotonic_ns() - self.start_ns)
    }

    fn thread_cpu_us(&self) -> u64 {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
    }
}

/// The kernel's random numbers.
#[derive(Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&mut self, buffer: &mut [u8]) {
        let mut rest = buffer;
        while !rest.is_empty() {
            match getrandom(&mut *rest, GetRandomFlags::empty()) {
                Ok(filled) => rest = &mut rest[filled..],
                Err(error) => {
                    let error = io::Error::from(error);
                    // Kernels older than 3.17 and signals: nothing better can be done than wait.
                    assert_eq!(
                        error.kind(),
                        io::ErrorKind::Interrupted,
                        "getrandom: {error}"
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_follows_both_clocks() {
        let clock = OsClock::new();
        let first = clock.now();
        let wall_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_millis();
        assert!((first.unix_ms - wall_ms as i64).abs() < 1000);
        let mut last = first;
        for _ in 0..1000 {
            let now = clock.now();
            assert!(now.mono_us >= last.mono_us);
            last = now;
        }
        // A jump of the wall clock is noticed when the offset is old.
        clock.offset_us.set(0);
        clock.offset_at_us.set(0);
        assert!((clock.now().unix_ms - first.unix_ms).abs() < 60_000);
    }

    #[test]
    fn thread_time_runs_only_with_the_thread() {
        let clock = OsClock::new();
        let before = clock.thread_cpu_us();
        let mut sum = 0u64;
        while clock.thread_cpu_us() == before {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(clock.thread_cpu_us() > before);
    }

    #[test]
    fn entropy_fills_all_of_any_buffer() {
        let mut entropy = OsEntropy;
        let mut buffer = [0; 1000];
        entropy.fill(&mut buffer);
        assert!(buffer[992..].iter().any(|byte| *byte != 0));
        assert_ne!(entropy.seed(), entropy.seed());
        entropy.fill(&mut []);
    }
}
