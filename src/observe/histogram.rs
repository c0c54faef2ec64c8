//! A histogram of durations with two significant digits, as HdrHistogram lays it out, so that
//! percentiles and LATENCY HISTOGRAM name the same numbers as Redis.
//!
//! It grows to the slowest duration seen: 4 KiB for a command that stays below 16 microseconds,
//! at most 24 KiB.

/// Durations are brought into 1 to this: longer ones count as a second.
const NS_MAX: u64 = 1_000_000_000;
/// Half of the buckets between two powers of two below which every value has its own.
const HALF: u64 = 128;
/// Bits of a value that its bucket keeps.
const BITS: u32 = 8;
/// Where LATENCY HISTOGRAM's first step ends; each next one is twice as far.
const FIRST_STEP_NS: u64 = 1024;

/// Durations of one command.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    /// Counts a duration.
    #[inline]
    pub fn record(&mut self, ns: u64) {
        let index = index_of(ns.clamp(1, NS_MAX));
        if index >= self.counts.len() {
            self.grow(index);
        }
        self.counts[index] += 1;
        self.total += 1;
    }

    /// How many durations were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The duration that so many percent do not exceed.
    pub fn percentile_ns(&self, percent: f64) -> u64 {
        let wanted = (percent.clamp(0.0, 100.0) / 100.0 * self.total as f64 + 0.5) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted.max(1) {
                let (low, high) = range_of(index);
                return if percent == 0.0 { low } else { high };
            }
        }
        0
    }

    /// How many durations were at most so many microseconds, at steps that double; only steps at
    /// which the number grows.
    pub fn cumulative(&self) -> Vec<(u64, u64)> {
        let mut steps = Vec::new();
        let (mut step_ns, mut next, mut seen, mut before) = (FIRST_STEP_NS, 0, 0, 0);
        while seen < self.total {
            let last = index_of(step_ns);
            while next <= last {
                seen += self.counts.get(next).copied().unwrap_or(0);
                next += 1;
            }
            if seen > before {
                steps.push((range_of(last).1 / 1_000, seen));
            }
            before = seen;
            step_ns *= 2;
        }
        steps
    }

    #[cold]
    fn grow(&mut self, index: usize) {
        // Up to the next power of two of durations: few steps, little slack.
        let buckets = (index / HALF as usize + 1) * HALF as usize;
        self.counts.resize(buckets, 0);
    }
}

/// The bucket of a duration.
#[inline]
fn index_of(ns: u64) -> usize {
    let shift = u64::BITS - (ns | (2 * HALF - 1)).leading_zeros() - BITS;
    (u64::from(shift) * HALF + (ns >> shift)) as usize
}

/// The shortest and the longest duration of a bucket.
fn range_of(index: usize) -> (u64, u64) {
    let index = index as u64;
    let shift = (index / HALF).saturating_sub(1);
    let low = (index - shift * HALF) << shift;
    (low, low + (1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let mut next = 0;
        for index in 0..=index_of(NS_MAX) {
            let (low, high) = range_of(index);
            assert_eq!(low, next);
            assert_eq!((index_of(low), index_of(high)), (index, index));
            next = high + 1;
        }
    }

    #[test]
    fn percentiles_have_two_digits() {
        let mut histogram = Histogram::default();
        for us in 1..=100 {
            histogram.record(us * 1_000);
        }
        for (percent, us) in [(50.0, 50), (99.0, 99), (100.0, 100)] {
            let found = histogram.percentile_ns(percent);
            assert!(found.abs_diff(us * 1_000) * 100 <= us * 1_000, "{found}");
        }
        assert!(histogram.percentile_ns(0.0) <= 1_000);
        assert_eq!(Histogram::default().percentile_ns(50.0), 0);
    }

    #[test]
    fn steps_are_those_of_redis() {
        let mut histogram = Histogram::default();
        for ns in [10, 1_500, 3_000, 20_000, 5_000_000_000] {
            histogram.record(ns);
        }
        let steps = histogram.cumulative();
        let us: Vec<u64> = steps.iter().map(|step| step.0).collect();
        assert_eq!(&us[..4], [1, 2, 4, 33]);
        assert_eq!(steps.last().map(|step| step.1), Some(5));
    }
}
