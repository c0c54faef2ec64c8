//! How fast clients come, and how long the server may look away.
//!
//! A server that is faster than its clients catches up with them again and again, and each time
//! goes to sleep until the next command wakes it. Waking another processor costs the sender: on a
//! virtual machine more than the command costs the server. Network adapters have the same trouble
//! with interrupts, and the same way out: to look away for a moment and then find several arrivals
//! at once (interrupt moderation).
//!
//! The moment is short beside the pace of each client, so that none notices it, and it is used only
//! where several commands are to come in it: for two of them, at least 32 clients are at work.

use std::time::Duration;

/// The part of a client's own pace that it may have to wait.
const OWN_PART: u64 = 16;
/// Arrivals without which looking away saves nothing.
const ARRIVALS_MIN: u64 = 2;
/// The longest moment.
const AWAY_US_MAX: u64 = 50;
/// Means are kept in parts of a microsecond.
const UNIT: u64 = 1 << 8;
/// The weight of the last interval in a mean is one in so many.
const WEIGHT: u64 = 64;
/// Longer intervals count as this long, or one client that comes back after an hour would hide the
/// pace of the others.
const INTERVAL_US_MAX: u64 = 1_000;

/// Mean intervals between reads.
#[derive(Debug)]
pub struct Pace {
    last_us: u64,
    /// Between two reads of any clients.
    any: u64,
    /// Between two reads of the same client.
    own: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            last_us: 0,
            any: INTERVAL_US_MAX * UNIT,
            own: 0,
        }
    }
}

impl Pace {
    /// Something came at `now_us` from a client from which something had come at `before_us`.
    #[inline]
    pub fn note(&mut self, now_us: u64, before_us: u64) {
        mix(&mut self.any, now_us.saturating_sub(self.last_us));
        mix(&mut self.own, now_us.saturating_sub(before_us));
        self.last_us = now_us;
    }

    /// How long the server may look away when it has caught up, if that is of use.
    #[inline]
    pub fn away(&self) -> Option<Duration> {
        let away = (self.own / OWN_PART).min(AWAY_US_MAX * UNIT);
        let is_useful = away >= self.any * ARRIVALS_MIN && away >= UNIT;
        is_useful.then(|| Duration::from_micros(away / UNIT))
    }
}

/// Lets a mean follow an interval.
#[inline]
fn mix(mean: &mut u64, interval_us: u64) {
    let interval = interval_us.min(INTERVAL_US_MAX) * UNIT;
    *mean = *mean - *mean / WEIGHT + interval / WEIGHT;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `clients` that come one after the other, each `interval_us` after the one before; some bring
    /// the next along, as the reads of one turn do.
    fn busy(pace: &mut Pace, clients: usize, interval_us: u64, rounds: usize) -> u64 {
        let mut last = vec![0; clients];
        let mut now_us = 1_000_000;
        for _ in 0..rounds {
            for (at, before_us) in last.iter_mut().enumerate() {
                now_us += if at % 2 == 0 { 2 * interval_us } else { 0 };
                pace.note(now_us, *before_us);
                *before_us = now_us;
            }
        }
        pace.away().map_or(0, |away| away.as_micros() as u64)
    }

    #[test]
    fn many_busy_clients_wait_a_small_part_of_their_own_pace() {
        let away = |clients, interval_us| busy(&mut Pace::default(), clients, interval_us, 200);
        assert_eq!(Pace::default().away(), None);
        assert!((22..=26).contains(&away(50, 8)), "{}", away(50, 8));
        assert!(away(1_000, 8) == AWAY_US_MAX, "{}", away(1_000, 8));
        // Too few, each of which waits for its reply.
        assert_eq!((away(1, 10), away(8, 10), away(24, 8)), (0, 0, 0));
        // Many, but not at work.
        assert_eq!(away(1_000, 100), 0);
    }

    #[test]
    fn a_pace_that_changes_is_followed() {
        let mut pace = Pace::default();
        assert!(busy(&mut pace, 50, 8, 20) > 0);
        // One alone is left, after an hour without anybody.
        pace.note(1 << 40, 0);
        assert_eq!(busy(&mut pace, 1, 10, 100), 0);
        assert!(busy(&mut pace, 50, 8, 20) > 0);
    }
}
