//! The end of the server, in the middle of things: killed, or without power. What is there
//! afterwards must be what the policy allows.

use fastrand::Rng;
use kvd::host::FileId;

use super::disk::SimDisk;
use super::model::Model;
use crate::harness::Kvd;

/// A server that keeps its data, and what may be left of it.
pub struct Durable {
    disk: SimDisk,
    options: Vec<(&'static str, &'static str)>,
    is_always: bool,
    /// What the data was when the log had a length, oldest first; what must have been lost or
    /// overwritten since is left out.
    history: Vec<(u64, Model)>,
    /// The file that is written, its length, and that of all files before it: those are durable.
    file: Option<FileId>,
    len: u64,
    before: u64,
    restarts: u64,
    seed: u64,
}

impl Durable {
    /// A server on an empty disk.
    pub fn start(
        seed: u64,
        rng: &mut Rng,
        mut options: Vec<(&'static str, &'static str)>,
    ) -> (Durable, Kvd) {
        let policy = ["always", "everysec", "everysec", "no"][rng.usize(..4)];
        options.extend([
            ("appendonly", "yes"),
            ("appendfsync", policy),
            ("aof-use-rdb-preamble", ["yes", "no"][rng.usize(..2)]),
            ("aof-timestamp-enabled", ["yes", "no"][rng.usize(..2)]),
        ]);
        let disk = SimDisk::new(rng.u64(..));
        let kvd = Kvd::on(disk.clone(), seed, &options);
        let durable = Durable {
            disk,
            options,
            is_always: policy == "always",
            history: Vec::new(),
            file: None,
            len: 0,
            before: 0,
            restarts: 0,
            seed,
        };
        (durable, kvd)
    }

    /// Whether a rewritten log begins with commands, not with a snapshot.
    pub fn is_base_of_commands(&self) -> bool {
        self.options.contains(&("aof-use-rdb-preamble", "no"))
    }

    /// The data is this now, and in the log.
    pub fn note(&mut self, kvd: &Kvd, model: &Model) {
        let engine = kvd.engine();
        let log = engine.persist.aof.log.as_ref().expect("a log");
        if self.file.replace(log.file()) != Some(log.file()) {
            self.before += self.len;
        }
        self.len = log.bytes();
        let synced = self.before + log.synced();
        self.history.push((self.before + self.len, model.clone()));
        // Of what is durable only the last state counts.
        let durable = self.history.iter().rposition(|(len, _)| *len <= synced);
        self.history.drain(..durable.unwrap_or(0));
    }

    /// Ends the server and starts another on what is left: with the models that its data may be,
    /// youngest first.
    pub fn restart(&mut self, kvd: &Kvd, rng: &mut Rng) -> (Kvd, Vec<Model>, &'static str) {
        self.restarts += 1;
        let (unix_ms, is_kill) = (kvd.unix_ms(), rng.bool());
        self.disk = if is_kill {
            self.disk.after_kill()
        } else {
            self.disk.after_power_cut()
        };
        let seed = self.seed + self.restarts * 1_000_003;
        let new = Kvd::at(self.disk.clone(), seed, &self.options, unix_ms);
        let new = new.unwrap_or_else(|error| {
            panic!(
                "what a crash leaves is not loaded: {error}; {:?}",
                self.disk.files()
            )
        });
        let mut models: Vec<Model> = self.history.drain(..).map(|(_, model)| model).collect();
        models.reverse();
        if is_kill || self.is_always {
            models.truncate(1);
        }
        (new, models, if is_kill { "kill" } else { "power cut" })
    }
}

/// The power goes at every call to the disk, one after the other: when the server starts, writes,
/// syncs, and rewrites its file.
#[test]
fn power_cuts_at_every_call() {
    for preamble in ["yes", "no"] {
        let options = [
            ("appendonly", "yes"),
            ("appendfsync", "always"),
            ("aof-use-rdb-preamble", preamble),
        ];
        let mut calls = 0;
        loop {
            let disk = SimDisk::new(calls);
            disk.fail_after(calls);
            let acknowledged = run_until_the_disk_is_gone(&disk, &options);
            for _ in 0..3 {
                let left = disk.after_power_cut();
                let kvd = Kvd::on(left, 1, &options);
                let keys = kvd.client().int("DBSIZE");
                let sums = kvd.client().int("EXISTS a0 a1 a2 a3 a4 a5 a6 a7 a8 a9");
                assert_eq!(keys, sums, "cut at call {calls}");
                assert!(
                    keys >= acknowledged,
                    "cut at call {calls}: {keys} of {acknowledged}"
                );
            }
            if disk.calls() < calls {
                break;
            }
            calls += 1;
        }
        assert!(calls > 40, "the disk was used: {calls} calls");
    }
}

/// Sets ten keys, rewriting after half of them. How many were acknowledged.
fn run_until_the_disk_is_gone(disk: &SimDisk, options: &[(&str, &str)]) -> i64 {
    let Ok(kvd) = Kvd::try_on(disk.clone(), 1, options) else {
        return 0;
    };
    let client = kvd.client();
    for i in 0..10 {
        client.send(&format!("SET a{i} {i}"));
        if i == 5 {
            client.send("BGREWRITEAOF");
        }
        kvd.turn();
        kvd.advance_ms(100);
        let mut engine = kvd.engine();
        let aof = &engine.persist.aof;
        let is_durable = aof.log.as_ref().is_some_and(|log| log.is_synced());
        let failed = aof.failure().is_some() || !is_durable;
        if failed || engine.take_exit().is_some() {
            return i;
        }
    }
    10
}
