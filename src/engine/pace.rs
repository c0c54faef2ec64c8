//! How fast clients come, and how long the server may look away.
//!
//! A server that is faster than its clients catches up with them again and again, and each time
//! goes to sleep until the next command wakes it. Waking another processor costs the sender: on a
//! virtual machine more than the command costs the server. Network adapters have the same trouble
//! with interrupts, and the same way out: to look away for a moment and then find several arrivals
//! at once (interrupt moderation).
//!
//! The moment is short beside the pace of each client that counts, so that it costs them little;
//! and it is used only where several commands are to come in it: for two of them, about 32 clients
//! are at work. `poll-pause-us` is the longest that it may be.

use std::time::Duration;

/// The part of a client's own pace that it may have to wait.
const OWN_PART: u64 = 16;
/// Arrivals without which looking away saves nothing.
const ARRIVALS_MIN: u64 = 2;
/// Intervals are kept in parts of a microsecond.
const UNIT: u64 = 1 << 8;
/// The weight of the last interval in the mean is one in so many.
const WEIGHT: u64 = 64;
/// Longer intervals count as this long, or an hour without anybody would hide what comes then.
const INTERVAL_US_MAX: u64 = 1_000;
/// A shorter interval takes this part of the quantile, any other adds the second: they balance
/// where one in nine is shorter. So a client that has a ninth of all commands is not slowed down
/// because the others are slow.
const QUANTILE_DOWN: u64 = 32;
const QUANTILE_UP: u64 = 256;

/// Intervals between reads.
#[derive(Debug)]
pub struct Pace {
    last_us: u64,
    /// Between two reads of any clients: the mean.
    any: u64,
    /// Between two reads of the same client, or from its late reply to its read: shorter ones are
    /// rare.
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
    /// Something came at `now_us` from a client that last sent or got something at `before_us`.
    #[inline]
    pub fn note(&mut self, now_us: u64, before_us: u64) {
        let any = now_us.saturating_sub(self.last_us).min(INTERVAL_US_MAX) * UNIT;
        self.any = self.any - self.any / WEIGHT + any / WEIGHT;
        self.last_us = now_us;
        let own = now_us.saturating_sub(before_us).min(INTERVAL_US_MAX) * UNIT;
        match own < self.own {
            true => self.own -= self.own / QUANTILE_DOWN,
            false => self.own += self.own / QUANTILE_UP + 1,
        }
    }

    /// How long the server may look away when it has caught up, at most `us_max`, if that is of
    /// use.
    #[inline]
    pub fn away(&self, us_max: u32) -> Option<Duration> {
        let away = (self.own / OWN_PART).min(u64::from(us_max) * UNIT);
        let is_useful = away >= self.any * ARRIVALS_MIN && away >= UNIT;
        is_useful.then(|| Duration::from_micros(away / UNIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clients of which each comes again after so many microseconds, for `us`; what comes within
    /// a turn of ten microseconds is noted together. Returns how long the server may look away.
    fn away(pace: &mut Pace, every_us: &[u64], us: u64) -> u64 {
        let start_us = 1 << 40;
        let count = every_us.len() as u64;
        let first = |(i, every): (u64, &u64)| (i * every / count, 0);
        let mut clients: Vec<(u64, u64)> = (0..).zip(every_us).map(first).collect();
        for now_us in (0..us).step_by(10) {
            for ((due_us, before_us), every_us) in clients.iter_mut().zip(every_us) {
                if *due_us <= now_us {
                    pace.note(start_us + now_us, start_us + *before_us);
                    *before_us = now_us;
                    *due_us = (*due_us + every_us).max(now_us + 1);
                }
            }
        }
        pace.away(30).map_or(0, |away| away.as_micros() as u64)
    }

    fn alike(clients: usize, every_us: u64) -> u64 {
        away(&mut Pace::default(), &vec![every_us; clients], 1_000_000)
    }

    #[test]
    fn many_busy_clients_wait_a_small_part_of_their_own_pace() {
        assert_eq!(Pace::default().away(30), None);
        assert!((20..=25).contains(&alike(50, 400)), "{}", alike(50, 400));
        assert_eq!(alike(1_000, 8_000), 30);
        assert!(alike(36, 300) > 0);
        // Too few, each of which waits for its reply.
        assert_eq!((alike(1, 20), alike(8, 60), alike(24, 300)), (0, 0, 0));
        // Many, but not at work.
        assert_eq!(alike(1_000, 100_000), 0);
        // It is to be switched off.
        let mut pace = Pace::default();
        away(&mut pace, &[400; 50], 1_000_000);
        assert_eq!(pace.away(0), None);
    }

    #[test]
    fn a_fast_client_does_not_wait_for_the_slow() {
        let mut clients = vec![5_000; 200];
        clients.push(20);
        assert_eq!(away(&mut Pace::default(), &clients, 1_000_000), 0);
    }

    #[test]
    fn a_pace_that_changes_is_followed() {
        let mut pace = Pace::default();
        assert!(away(&mut pace, &[400; 50], 200_000) > 0);
        // One alone is left.
        assert_eq!(away(&mut pace, &[20], 5_000), 0);
        assert!(away(&mut pace, &[400; 50], 200_000) > 0);
    }
}
