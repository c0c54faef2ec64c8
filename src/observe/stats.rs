//! Counters of commands, errors, connections and bytes: fixed size, always on.

use crate::config::Config;
use crate::engine::tick::TurnStats;
use crate::random::Rng;
use crate::store::hash::{self, Map};
use crate::time::Now;

use super::histogram::Histogram;
use super::hot::{HEAVY_BYTES, HEAVY_NS};

/// Kinds of error codes counted apart; the rest is counted together. Bounds what a script that
/// makes up error codes can cost.
const ERROR_KINDS_MAX: usize = 128;
/// The name under which the rest is counted.
const OVERFLOW: &str = "ERRORSTATS_OVERFLOW";
/// The codes of the server's own errors, which scripts cannot crowd out.
const OWN_CODES: &[&str] = &[
    "ERR",
    "WRONGTYPE",
    "NOAUTH",
    "NOPERM",
    "WRONGPASS",
    "NOPROTO",
    "OOM",
    "LOADING",
    "BUSY",
    "BUSYGROUP",
    "BUSYKEY",
    "EXECABORT",
    "MISCONF",
    "NOGROUP",
    "NOREPLICAS",
    "NOSCRIPT",
    "NOTBUSY",
    "READONLY",
    "UNBLOCKED",
    "UNKILLABLE",
];
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
    /// How long calls took.
    pub latency: Option<Box<Histogram>>,
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
    /// Connections accepted.
    pub connections: u64,
    /// Keys removed to stay within `maxmemory`.
    pub evicted_keys: u64,
    /// Connections refused.
    pub rejected_connections: u64,
    /// Reads from connections.
    pub reads: u64,
    /// Writes to connections.
    pub writes: u64,
    /// Bytes received.
    pub input_bytes: u64,
    /// Bytes sent.
    pub output_bytes: u64,
    /// Clients closed because of their output.
    pub output_limit_disconnections: u64,
    /// Clients closed because of their input.
    pub query_limit_disconnections: u64,
    /// Turns of the event loop.
    pub turns: u64,
    /// Times that the event loop looked away before it waited for a turn.
    pub pauses: u64,
    /// Time in turns, waiting apart, microseconds.
    pub turns_us: u64,
    /// Time in the commands of turns, microseconds.
    pub commands_us: u64,
    /// Time in the ticks of turns, microseconds.
    pub housekeeping_us: u64,
    /// The longest turn, microseconds.
    pub turn_us_max: u64,
    /// The most commands of a turn.
    pub turn_commands_max: u64,
    /// Clients closed because of the memory of all of them.
    pub evicted_clients: u64,
    /// When the server started.
    pub started: Now,
    /// Memory in use when the server had started.
    pub startup_bytes: u64,
    /// The most memory in use that was seen.
    pub peak_bytes: u64,
    /// A command that takes at least this long is looked at closely, nanoseconds.
    pub slow_ns: u64,
    /// So is one whose request or reply has at least so many bytes.
    pub large_bytes: usize,
    /// 40 hexadecimal digits that tell this run of the server from others.
    pub run_id: String,
    /// 40 more, which name the history of the data.
    pub replication_id: String,
    /// Commands, bytes in, bytes out, turns: a second.
    pub rates: [Rate; 5],
    /// Commands run when the last turn ended.
    commands_before: u64,
    /// `latency-tracking`.
    tracks_latency: bool,
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
            let events = count.saturating_sub(self.last_count);
            self.samples[self.next] = events.saturating_mul(1_000_000) / us;
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
        Stats {
            commands: Vec::new(),
            errors: Map::with_hasher(hash::seeded(rng.clone().next_u64())),
            error_replies: 0,
            total_commands: 0,
            connections: 0,
            evicted_keys: 0,
            rejected_connections: 0,
            reads: 0,
            writes: 0,
            input_bytes: 0,
            output_bytes: 0,
            output_limit_disconnections: 0,
            query_limit_disconnections: 0,
            turns: 0,
            pauses: 0,
            turns_us: 0,
            commands_us: 0,
            housekeeping_us: 0,
            turn_us_max: 0,
            turn_commands_max: 0,
            evicted_clients: 0,
            started,
            startup_bytes: 0,
            peak_bytes: 0,
            slow_ns: u64::MAX,
            large_bytes: usize::MAX,
            run_id: hex_id(rng),
            replication_id: hex_id(rng),
            rates: Default::default(),
            tracks_latency: true,
            commands_before: 0,
        }
    }

    /// CONFIG RESETSTAT: what counts from the start or the last reset begins again.
    pub fn reset(&mut self) {
        for command in &mut self.commands {
            *command = CommandStats::default();
        }
        self.errors.clear();
        for counter in [
            &mut self.error_replies,
            &mut self.total_commands,
            &mut self.connections,
            &mut self.rejected_connections,
            &mut self.reads,
            &mut self.writes,
            &mut self.input_bytes,
            &mut self.output_bytes,
            &mut self.output_limit_disconnections,
            &mut self.query_limit_disconnections,
            &mut self.turns,
            &mut self.turns_us,
            &mut self.commands_us,
            &mut self.housekeeping_us,
            &mut self.turn_us_max,
            &mut self.turn_commands_max,
            &mut self.evicted_keys,
            &mut self.evicted_clients,
        ] {
            *counter = 0;
        }
        self.rates = Default::default();
    }

    /// Recomputes what depends on configuration values.
    pub fn configure(&mut self, config: &Config) {
        self.tracks_latency = config.latency_tracking;
        if !self.tracks_latency {
            for command in &mut self.commands {
                command.latency = None;
            }
        }
        let slow_us = u64::try_from(config.slowlog_log_slower_than).ok();
        let latency_ms = Some(config.latency_monitor_threshold).filter(|ms| *ms > 0);
        self.slow_ns = [
            slow_us.map(|us| us.saturating_mul(1_000)),
            latency_ms.map(|ms| ms.saturating_mul(1_000_000)),
        ]
        .into_iter()
        .flatten()
        .fold(HEAVY_NS, u64::min);
        let larger_than = [
            config.commandlog_request_larger_than,
            config.commandlog_reply_larger_than,
        ];
        self.large_bytes = larger_than
            .into_iter()
            .filter_map(|bytes| usize::try_from(bytes).ok())
            .fold(HEAVY_BYTES, usize::min);
    }

    /// Counts a call.
    #[inline]
    pub fn record(&mut self, id: usize, took_ns: u64, ok: bool) {
        self.total_commands += 1;
        let tracks_latency = self.tracks_latency;
        let stats = self.command(id);
        stats.calls += 1;
        stats.ns += took_ns;
        stats.failed += u64::from(!ok);
        if tracks_latency {
            stats.latency.get_or_insert_default().record(took_ns);
        }
    }

    /// Counts a command that was refused.
    pub fn count_rejected(&mut self, id: usize) {
        self.command(id).rejected += 1;
    }

    #[inline]
    fn command(&mut self, id: usize) -> &mut CommandStats {
        if id >= self.commands.len() {
            self.commands.resize(id + 1, CommandStats::default());
        }
        &mut self.commands[id]
    }

    /// Counts an error reply by its code.
    #[cold]
    pub fn count_error(&mut self, code: &str) {
        self.error_replies += 1;
        if let Some(count) = self.errors.get_mut(code) {
            *count += 1;
        } else if self.errors.len() < ERROR_KINDS_MAX || OWN_CODES.contains(&code) {
            self.errors.insert(code.into(), 1);
        } else {
            *self.errors.entry(OVERFLOW.into()).or_default() += 1;
        }
    }

    /// Counts a turn.
    pub fn count_turn(&mut self, turn: &TurnStats) {
        let us = turn.commands_us + turn.housekeeping_us;
        let commands = self.total_commands.saturating_sub(self.commands_before);
        self.commands_before = self.total_commands;
        self.turns += 1;
        self.turns_us += us;
        self.commands_us += turn.commands_us;
        self.housekeeping_us += turn.housekeeping_us;
        self.turn_us_max = self.turn_us_max.max(us);
        self.turn_commands_max = self.turn_commands_max.max(commands);
    }

    /// Takes the samples of the instantaneous rates, and of the memory in use.
    pub fn sample(&mut self, now: Now, used_bytes: u64) {
        let counts = [
            self.total_commands,
            self.input_bytes,
            self.output_bytes,
            self.turns,
            self.turns_us,
        ];
        for (rate, count) in self.rates.iter_mut().zip(counts) {
            rate.sample(count, now.mono_us);
        }
        self.peak_bytes = self.peak_bytes.max(used_bytes);
    }
}

/// 40 random hexadecimal digits.
pub fn hex_id(rng: &mut Rng) -> String {
    (0..40)
        .map(|_| char::from(b"0123456789abcdef"[rng.below(16)]))
        .collect()
}
