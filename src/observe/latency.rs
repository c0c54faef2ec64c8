//! The latency monitor: events that took at least `latency-monitor-threshold`, the worst of each
//! second, and what can be said about them (LATENCY).
//!
//! It keeps [`SAMPLES_MAX`] samples an event; the events are a fixed few.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;

use crate::config::Config;

/// Samples kept of an event.
const SAMPLES_MAX: usize = 160;
/// Width of a graph.
const GRAPH_COLUMNS: usize = 80;
/// Height of a graph, and how many heights a row tells apart.
const GRAPH_ROWS: u64 = 4;
const ROW_STEPS: u64 = 3;

/// The events there are.
pub mod event {
    /// A command that is not O(1) or O(log n).
    pub const COMMAND: &str = "command";
    /// One that is.
    pub const FAST_COMMAND: &str = "fast-command";
    /// Removing expired keys.
    pub const EXPIRE_CYCLE: &str = "expire-cycle";
    /// Evicting keys.
    pub const EVICTION_CYCLE: &str = "eviction-cycle";
    /// A slice of a snapshot, and of what is written of it to its file.
    pub const SNAPSHOT_SLICE: &str = "snapshot-slice";
}

/// The worst of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub unix_s: i64,
    /// How long it took.
    pub ms: u64,
}

/// What is known about an event.
#[derive(Clone, Debug, Default)]
pub struct Series {
    samples: VecDeque<Sample>,
    /// The worst ever.
    pub ms_max: u64,
    /// All together.
    pub ms_sum: u64,
    /// How many there were.
    pub count: u64,
}

impl Series {
    /// The samples, oldest first.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = &Sample> {
        self.samples.iter()
    }

    /// The last sample.
    pub fn last(&self) -> Option<&Sample> {
        self.samples.back()
    }

    fn add(&mut self, sample: Sample) {
        self.ms_max = self.ms_max.max(sample.ms);
        self.ms_sum += sample.ms;
        self.count += 1;
        match self.samples.back_mut() {
            Some(last) if last.unix_s == sample.unix_s => last.ms = last.ms.max(sample.ms),
            _ => {
                self.samples.push_back(sample);
                if self.samples.len() > SAMPLES_MAX {
                    self.samples.pop_front();
                }
            }
        }
    }
}

/// See the module's text.
#[derive(Debug, Default)]
pub struct LatencyMonitor {
    events: BTreeMap<&'static str, Series>,
}

impl LatencyMonitor {
    /// Notes that something happened, if it took long enough.
    #[inline]
    pub fn note(&mut self, config: &Config, event: &'static str, ns: u64, unix_ms: i64) {
        let threshold_ms = config.latency_monitor_threshold;
        if threshold_ms > 0 && ns >= threshold_ms.saturating_mul(1_000_000) {
            self.add(event, ns / 1_000_000, unix_ms / 1_000);
        }
    }

    #[cold]
    fn add(&mut self, event: &'static str, ms: u64, unix_s: i64) {
        let sample = Sample { unix_s, ms };
        self.events.entry(event).or_default().add(sample);
    }

    /// The events that were seen.
    pub fn events(&self) -> impl ExactSizeIterator<Item = (&'static str, &Series)> {
        self.events.iter().map(|(event, series)| (*event, series))
    }

    /// What is known about an event, in any case.
    pub fn find(&self, name: &[u8]) -> Option<(&'static str, &Series)> {
        self.events()
            .find(|(event, _)| event.as_bytes().eq_ignore_ascii_case(name))
    }

    /// Forgets an event; whether there was anything to forget.
    pub fn reset(&mut self, name: &[u8]) -> bool {
        let before = self.events.len();
        self.events
            .retain(|event, _| !event.as_bytes().eq_ignore_ascii_case(name));
        self.events.len() < before
    }

    /// Forgets everything; how many events that were.
    pub fn reset_all(&mut self) -> usize {
        std::mem::take(&mut self.events).len()
    }
}

/// A graph of an event's last samples, each labelled from above with how long ago it was.
pub fn graph(event: &str, series: &Series, unix_s: i64) -> String {
    let ms = || series.samples().map(|sample| sample.ms);
    let (high, low) = (ms().max().unwrap_or(0), ms().min().unwrap_or(0));
    let mut text = format!(
        "{event} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n",
        series.ms_max,
        "-".repeat(GRAPH_COLUMNS)
    );
    let samples: Vec<&Sample> = series.samples().collect();
    for part in samples.chunks(GRAPH_COLUMNS) {
        for row in (0..GRAPH_ROWS).rev() {
            let line = part.iter().map(|sample| bar(sample.ms, low, high, row));
            text.extend(line);
            text.push('\n');
        }
        text.push('\n');
        let labels: Vec<String> = part.iter().map(|s| ago(unix_s - s.unix_s)).collect();
        let height = labels.iter().map(String::len).max().unwrap_or(0);
        for row in 0..height {
            let line = labels
                .iter()
                .map(|label| label.as_bytes().get(row).map_or(' ', |byte| (*byte).into()));
            text.extend(line);
            text.push('\n');
        }
    }
    text
}

/// What a row of a graph shows of a sample: rows are counted from below.
fn bar(ms: u64, low: u64, high: u64, row: u64) -> char {
    let steps = GRAPH_ROWS * ROW_STEPS;
    let step = ((ms - low) * steps / (high - low).max(1)).min(steps - 1);
    match step.checked_sub(row * ROW_STEPS) {
        None => ' ',
        Some(0) => '_',
        Some(1) => 'o',
        Some(2) => '#',
        Some(_) => '|',
    }
}

fn ago(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{}s", seconds.max(0)),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// What LATENCY DOCTOR says.
pub fn report(monitor: &LatencyMonitor, config: &Config, unix_s: i64) -> String {
    if monitor.events.is_empty() {
        return match config.latency_monitor_threshold {
            0 => "Latency monitoring is off. CONFIG SET latency-monitor-threshold <milliseconds> \
                  switches it on.\n"
                .to_owned(),
            _ => "No event took that long so far.\n".to_owned(),
        };
    }
    let mut text = "Latency spikes were seen.\n\n".to_owned();
    for (number, (event, series)) in monitor.events().enumerate() {
        let samples = series.samples.len().max(1) as u64;
        let mean = series.samples().map(|s| s.ms).sum::<u64>() / samples;
        let deviation = series.samples().map(|s| s.ms.abs_diff(mean)).sum::<u64>() / samples;
        let first = series.samples.front().map_or(unix_s, |s| s.unix_s);
        let period = (unix_s - first).max(1) as f64 / samples as f64;
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{}. {event}: {samples} latency spikes (average {mean}ms, mean deviation \
             {deviation}ms, period {period:.2} sec). Worst all time event {}ms.",
            number + 1,
            series.ms_max
        );
    }
    text.push_str("\nAdvice:\n\n");
    for (event, advice) in ADVICE {
        if monitor.events.contains_key(event) {
            let _ = writeln!(text, "- {advice}");
        }
    }
    text
}

const ADVICE: &[(&str, &str)] = &[
    (
        event::COMMAND,
        "SLOWLOG GET tells which commands took long, and how many elements they touched is mostly \
         why. Large values are freed in slices and do not count here.",
    ),
    (
        event::FAST_COMMAND,
        "A fast command that takes long was interrupted: other programs want the same processor, \
         or memory was swapped out.",
    ),
    (
        event::EXPIRE_CYCLE,
        "Expired keys are removed in slices shorter than a millisecond: if one took longer, the \
         process was interrupted.",
    ),
    (
        event::EVICTION_CYCLE,
        "Writes come faster than keys are evicted: give maxmemory more room or the data less.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_keeps_its_worst_and_the_oldest_goes() {
        let mut monitor = LatencyMonitor::default();
        let mut config = Config::default();
        monitor.note(&config, event::COMMAND, u64::MAX, 0);
        assert_eq!(monitor.events().len(), 0, "it is off");
        config.latency_monitor_threshold = 10;
        for (second, ms) in [(1, 9), (1, 10), (1, 30), (1, 20), (2, 15)] {
            monitor.note(&config, event::COMMAND, ms * 1_000_000, second * 1_000);
        }
        let (_, series) = monitor.find(b"COMMAND").expect("seen");
        let samples: Vec<(i64, u64)> = series.samples().map(|s| (s.unix_s, s.ms)).collect();
        assert_eq!(samples, [(1, 30), (2, 15)]);
        assert_eq!((series.ms_max, series.ms_sum, series.count), (30, 75, 4));
        for second in 0..1_000 {
            monitor.note(&config, event::COMMAND, 11_000_000, second * 1_000);
        }
        let (_, series) = monitor.find(b"command").expect("seen");
        assert_eq!(series.samples().len(), SAMPLES_MAX);
        assert!(monitor.reset(b"command") && !monitor.reset(b"command"));
    }

    #[test]
    fn a_graph_stands_on_its_labels() {
        let mut series = Series::default();
        for (unix_s, ms) in [(0, 50), (100, 174)] {
            series.add(Sample { unix_s, ms });
        }
        let text = graph("command", &series, 120);
        assert!(text.starts_with("command - high 174 ms, low 50 ms (all time high 174 ms)\n"));
        assert!(text.ends_with(" #\n |\n |\n_|\n\n22\nm0\n s\n"), "{text}");
    }
}
