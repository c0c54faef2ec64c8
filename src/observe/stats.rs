//! Counters of commands, errors, connections and bytes: fixed size, always on.

use crate::random::Rng;
use crate::store::hash::{self, Map};
use crate::time::Now;

/// Kinds of error codes counted apart; the rest is counted together. Bounds what a script that
/// makes up error codes can cost.
const ERROR_KINDS_MAX: usize = 128;
/// Samples of an instantaneous rate.
const RATE_SAMPLES: usize = 16;

/// Counters of one command.
#[derive(Clone, Debug, Default)]
pub struct CommandStats {
    /// Calls that reached the handler.
    pub calls: u64,
    /// Time in the handler, nanoseconds.
    pub ns: u64,
    /// Refused before the handler ran.
    pub rejected: u64,
    /// The handler answered an error.
    pub failed: u64,
}

/// Counters of the server.
#[derive(Debug)]
pub struct Stats {
    /// One per registry entry.
    pub commands: Vec<CommandStats>,
    /// Error replies by code.
    pub errors: Map<Box<str>, u64>,
    /// Error replies.
    pub error_replies: u64,
    /// Commands run.
    pub total_commands: u64,
    /// Connections refused.
    pub rejected_connections: u64,
    /// Bytes received.
    pub input_bytes: u64,
    /// Bytes sent.
    pub output_bytes: u64,
    /// Clients closed because of their output.
    pub output_limit_disconnections: u64,
    /// Clients closed because of their input.
    pub query_limit_disconnections: u64,
    /// When the server started.
    pub started: Now,
    /// A command that takes at least this long is looked at closely, nanoseconds.
    pub slow_ns: u64,
    /// 40 hexadecimal digits that tell this run of the server from others.
    pub run_id: String,
    /// Commands a second, bytes in and out a second.
    pub rates: [Rate; 3],
}

/// An instantaneous rate: the mean of the last samples.
#[derive(Clone, Debug, Default)]
pub struct Rate {
    samples: [u64; RATE_SAMPLES],
    next: usize,
    last_count: u64,
    last_us: u64,
}

impl Rate {
    fn sample(&mut self, count: u64, mono_us: u64) {
        let us = mono_us.saturating_sub(self.last_us);
        if us > 0 && self.last_us > 0 {
            self.samples[self.next] = (count - self.last_count) * 1_000_000 / us;
            self.next = (self.next + 1) % RATE_SAMPLES;
        }
        self.last_count = count;
        self.last_us = mono_us;
    }

    /// Events a second.
    pub fn per_second(&self) -> u64 {
        self.samples.iter().sum::<u64>() / RATE_SAMPLES as u64
    }
}

impl Stats {
    /// All zero.
    pub fn new(started: Now, rng: &mut Rng) -> Stats {
        let run_id = (0..40)
            .map(|_| char::from(b"0123456789abcdef"[rng.below(16)]))
            .collect();
        Stats {
            commands: Vec::new(),
            errors: Map::with_hasher(hash::seeded(rng.clone().next_u64())),
            error_replies: 0,
            total_commands: 0,
            rejected_connections: 0,
            input_bytes: 0,
            output_bytes: 0,
            output_limit_disconnections: 0,
            query_limit_disconnections: 0,
            started,
            slow_ns: u64::MAX,
            run_id,
            rates: Default::default(),
        }
    }

    /// Counts a call.
    #[inline]
    pub fn record(&mut self, id: usize, took_ns: u64, ok: bool) {
        self.total_commands += 1;
        if self.commands.len() <= id {
            self.commands.resize(id + 1, CommandStats::default());
        }
        let stats = &mut self.commands[id];
        stats.calls += 1;
        stats.ns += took_ns;
        stats.failed += u64::from(!ok);
    }

    /// Counts a command that was refused.
    pub fn count_rejected(&mut self, id: usize) {
        if self.commands.len() <= id {
            self.commands.resize(id + 1, CommandStats::default());
        }
        self.commands[id].rejected += 1;
    }

    /// Counts an error reply by its code.
    #[cold]
    pub fn count_error(&mut self, code: &str) {
        self.error_replies += 1;
        if let Some(count) = self.errors.get_mut(code) {
            *count += 1;
        } else if self.errors.len() < ERROR_KINDS_MAX {
            self.errors.insert(code.into(), 1);
        }
    }

    /// Takes the samples of the instantaneous rates.
    pub fn sample(&mut self, now: Now) {
        let counts = [self.total_commands, self.input_bytes, self.output_bytes];
        for (rate, count) in self.rates.iter_mut().zip(counts) {
            rate.sample(count, now.mono_us);
        }
    }
}
