//! Log lines that clients can bring about as often as they like.

/// At most one line in so many microseconds.
const PERIOD_US: u64 = 1_000_000;

/// Lets one line through a period, and counts the others.
#[derive(Debug, Default)]
pub struct Throttle {
    /// When the next line may come, monotonic microseconds.
    next_us: u64,
    untold: u64,
}

impl Throttle {
    /// Whether a line may be logged now; if so, how many were not since the last one.
    pub fn admit(&mut self, mono_us: u64) -> Option<u64> {
        if mono_us < self.next_us {
            self.untold += 1;
            return None;
        }
        self.next_us = mono_us + PERIOD_US;
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_period_and_the_others_counted() {
        let mut throttle = Throttle::default();
        assert_eq!(throttle.admit(5), Some(0));
        assert_eq!(throttle.admit(6), None);
        assert_eq!(throttle.admit(PERIOD_US + 4), None);
        assert_eq!(throttle.admit(PERIOD_US + 5), Some(2));
        assert_eq!(throttle.admit(3 * PERIOD_US), Some(0));
    }
}
