//! A disk that fails, now and then or at one call, under a server that goes on, and a crash
//! afterwards: killed or without power. The data that is there then must be what the server once
//! had, no older than what it promised.
//!
//! What it had is known by its digest after each command; the promise is that of `appendfsync`:
//! what was answered survives a kill, and under `always` a power cut; under the other policies
//! what the server says is synced survives it.

use fastrand::Rng;

use super::disk::SimDisk;
use super::with_seeds;
use crate::harness::{Client, Kvd};

/// Seeds of a plain run.
const SEEDS: u64 = 150;
/// Commands of a seed.
const STEPS: u64 = 120;
/// A server may refuse writes for so long after the disk works again, doubled this many times.
const RECOVERY_MS: u64 = 1_000;
const RECOVERY_DOUBLED: u32 = 16;

type Options = Vec<(&'static str, &'static str)>;

/// A server on a disk that fails, and what it must not forget.
struct Server {
    disk: SimDisk,
    options: Options,
    is_always: bool,
    kvd: Kvd,
    client: Client,
    /// What the data was, in order, by its digest.
    states: Vec<String>,
    /// The state that a kill, or a power cut, must leave at least.
    answered: usize,
    durable: usize,
    /// Syncs that had failed when the log was whole the last time.
    syncs_failed: u64,
    /// Changes are logged: the append-only file is on, and has its base.
    is_logged: bool,
    trace: Vec<String>,
    seed: u64,
}

impl Server {
    /// Starts on a disk, which must hold one of the states; on an error of the disk again.
    fn start(seed: u64, disk: SimDisk, options: Options) -> Server {
        let is_always = options.contains(&("appendfsync", "always"));
        let (disk, kvd) = started(disk, seed, &options);
        let client = kvd.client();
        let mut server = Server {
            disk,
            options,
            is_always,
            kvd,
            client,
            states: Vec::new(),
            answered: 0,
            durable: 0,
            syncs_failed: 0,
            is_logged: true,
            trace: Vec::new(),
            seed,
        };
        server.note(true);
        server
    }

    fn digest(&self) -> String {
        self.client.digest()
    }

    /// Sends a command, or several in one piece. Whether they were answered, and not refused.
    fn cmd(&mut self, lines: &[String]) -> bool {
        self.kvd.take_log_failed();
        for line in lines {
            self.client.send(line);
        }
        let replies = self.client.take();
        let refused = replies.iter().find(|reply| reply.is_error());
        let failed = self.kvd.take_log_failed();
        let note = match (refused, failed) {
            (Some(reply), _) => format!(" -> {reply:?}"),
            (None, true) => " -> nobody told".to_owned(),
            (None, false) => String::new(),
        };
        self.trace(format!("{lines:?}{note}"));
        tracing::info!("{lines:?}{note}");
        let is_answered = refused.is_none() && !failed;
        self.note(is_answered);
        is_answered
    }

    fn trace(&mut self, line: String) {
        if self.trace.last() != Some(&line) {
            self.trace.push(line);
        }
    }

    /// Time passes.
    fn advance_ms(&mut self, ms: u64) {
        self.kvd.advance_ms(ms);
        self.kvd.take_log_failed();
        self.trace(format!("{ms} ms, {} faults", self.disk.faults()));
        self.note(false);
    }

    /// Takes down what the data is, and what of it has been promised.
    fn note(&mut self, is_answered: bool) {
        let digest = self.digest();
        if self.states.last() != Some(&digest) {
            self.states.push(digest);
        }
        let last = self.states.len() - 1;
        let engine = self.kvd.engine();
        let aof = &engine.persist.aof;
        let is_whole = aof.failure().is_none() && aof.batch_len() == 0;
        let is_synced = aof.log.as_ref().is_some_and(|log| log.is_synced());
        self.is_logged |= aof.log.is_some() && !aof.rewrites.is_unnamed;
        self.is_logged &= aof.log.is_some();
        if !self.is_logged {
            return;
        }
        if is_answered && is_whole {
            self.answered = last;
        }
        if is_whole && (is_synced || (self.is_always && is_answered)) {
            self.durable = last;
            self.syncs_failed = self.disk.syncs_failed();
        }
    }

    /// Ends it in the middle of things, and starts another on what is left.
    fn crash(mut self, is_kill: bool) -> Server {
        let pages_were_lost = self.syncs_failed != self.disk.syncs_failed();
        let wanted = match is_kill && !pages_were_lost {
            true => self.answered.max(self.durable),
            false => self.durable,
        };
        let left = match is_kill {
            true => self.disk.after_kill(),
            false => self.disk.after_power_cut(),
        };
        let (disk, kvd) = started(left, self.seed + 1, &self.options);
        let client = kvd.client();
        let found = client.digest();
        let at = self.states.iter().rposition(|state| *state == found);
        let last = self.states.len() - 1;
        let what = if is_kill { "kill" } else { "power cut" };
        if at.is_none_or(|at| at < wanted) {
            let trace = self.trace.join("\n");
            panic!(
                "{trace}\nseed {}: after a {what} the data is that of step {at:?}; it must be of \
                 {wanted} to {last}. Options {:?}, files {:?}",
                self.seed,
                self.options,
                disk.files()
            );
        }
        self.trace
            .push(format!("{what}: state {at:?}, {wanted} to {last}"));
        Server {
            kvd,
            client,
            disk,
            states: Vec::new(),
            answered: 0,
            durable: 0,
            syncs_failed: 0,
            is_logged: true,
            ..self
        }
    }

    /// The disk works again: so must the server, soon.
    fn recovers(&mut self) {
        self.disk.fail_every(0);
        for round in 0..RECOVERY_DOUBLED {
            if self.cmd(&["SET recovered 1".to_owned()]) {
                return;
            }
            self.advance_ms(RECOVERY_MS << round);
        }
        let trace = self.trace.join("\n");
        panic!("{trace}\nseed {}: writes are refused for ever", self.seed);
    }
}

/// A server on this disk. If it fails to start because of a fault it is started once more,
/// without.
fn started(disk: SimDisk, seed: u64, options: &Options) -> (SimDisk, Kvd) {
    let faults = disk.faults();
    match Kvd::try_on(disk.clone(), seed, options) {
        Ok(kvd) => (disk, kvd),
        Err(error) if disk.faults() == faults => {
            panic!(
                "seed {seed}: it does not start: {error}; options {options:?}, files {:?}",
                disk.files()
            )
        }
        Err(_) => {
            let disk = disk.after_kill();
            let kvd = Kvd::try_on(disk.clone(), seed, options);
            (disk, kvd.expect("a start without faults"))
        }
    }
}

/// Commands that change something, of every kind that is logged differently.
fn commands(rng: &mut Rng, step: u64) -> Vec<String> {
    let key = rng.u32(..4);
    let line = match rng.u32(..12) {
        0..3 => format!("SET k{key} {step}"),
        3 => format!(
            "SET k{key} {}",
            "long ".repeat(60).trim_end().replace(' ', "-")
        ),
        4 => format!("RPUSH l{key} {step} {step}"),
        5 => format!("HSET h{key} f{step} {step}"),
        6 => format!("SPOP l-none{key}"),
        7 => format!("DEL k{key} l{key}"),
        8 => format!("INCRBYFLOAT n{key} 0.5"),
        9 if step.is_multiple_of(40) => "FLUSHALL".to_owned(),
        9 => format!("SADD s{key} {step}"),
        10 => {
            return ["SELECT 1", "INCR other", "SELECT 0"]
                .map(String::from)
                .to_vec();
        }
        _ => {
            let pair = format!("MSET a {step} b {step}");
            return ["MULTI", &pair, "RPUSH c x", "EXEC"]
                .map(String::from)
                .to_vec();
        }
    };
    vec![line]
}

fn options(rng: &mut Rng) -> Options {
    vec![
        ("enable-debug-command", "yes"),
        ("appendonly", "yes"),
        ("appendfsync", ["always", "everysec", "no"][rng.usize(..3)]),
        ("aof-use-rdb-preamble", ["yes", "no"][rng.usize(..2)]),
        (
            "auto-aof-rewrite-min-size",
            ["64mb", "2000"][rng.usize(..2)],
        ),
        ("aof-timestamp-enabled", ["yes", "no"][rng.usize(..2)]),
    ]
}

fn run(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let disk = SimDisk::new(seed);
    let every = [5, 20, 60][rng.usize(..3)];
    let mut server = Server::start(seed, disk, options(&mut rng));
    for step in 0..STEPS {
        if step.is_multiple_of(20) {
            // A disk is sound most of the time.
            server.disk.fail_every(if rng.bool() { every } else { 0 });
        }
        match rng.u32(..40) {
            0 => drop(server.cmd(&["BGREWRITEAOF".to_owned()])),
            1 => drop(server.cmd(&["CONFIG SET appendonly no".to_owned()])),
            2 | 3 => drop(server.cmd(&["CONFIG SET appendonly yes".to_owned()])),
            4..10 => server.advance_ms(rng.u64(..2_500)),
            _ => drop(server.cmd(&commands(&mut rng, step))),
        }
        let must_end = server.kvd.engine().take_exit().is_some();
        if must_end || rng.u32(..50) == 0 {
            server.disk.fail_every(0);
            server = server.crash(rng.bool());
            server.note(true);
        }
    }
    server.cmd(&["CONFIG SET appendonly yes".to_owned()]);
    server.recovers();
    let is_kill = rng.bool();
    server.crash(is_kill);
}

#[test]
fn disks_that_fail_now_and_then() {
    with_seeds(SEEDS, run);
}
