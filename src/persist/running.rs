//! The snapshot under way as a part of the turn: when a slice of it runs and how long, who waits
//! for it, and who is told when it is done.
//!
//! An idle server gives it a whole slice of housekeeping, one after the other. A busy one gives it
//! a tenth of its time, in shorter slices, so that a save under load takes longer instead of
//! taking half of the throughput.

use std::io;

use crate::engine::Engine;
use crate::engine::gates::ServerGates;
use crate::observe::latency::event;
use crate::store::keyspace::Keyspace;
use crate::time::Now;

use super::aof::rewrite::CommandFile;
use super::snapshot::{Format, KEPT_BYTES_MAX, Snapshot, Step};

/// A busy server gives the snapshot one part of time for so many that it keeps.
const BUSY_PARTS: u64 = 9;
/// The shortest slice of a busy server: less would be all overhead.
const SLICE_NS_MIN: u64 = 100_000;
/// Whether the server is busy is found out anew after so long, and by so many commands.
const PERIOD_US: u64 = 5_000;
const BUSY_COMMANDS: u64 = 10;
/// How often the log tells how far it is.
const LOG_EVERY_US: u64 = 5_000_000;

/// What a snapshot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The snapshot file.
    Save,
    /// The base of the append-only file.
    Rewrite,
}

/// A snapshot under way.
#[derive(Debug)]
pub struct Running {
    /// What it is for.
    pub purpose: Purpose,
    /// It.
    pub snapshot: Snapshot,
    /// When it was begun.
    pub started: Now,
    /// `Effects::dirty` then.
    pub dirty: u64,
    /// When the last slice ended, monotonic nanoseconds.
    slice_ended_ns: u64,
    /// Whether many commands run, as of the last period; when this one began, in monotonic
    /// microseconds, and the commands until then.
    is_busy: bool,
    period_us: u64,
    commands_then: u64,
    /// There is nothing to do before the disk is done.
    waits_for_disk: bool,
    /// Writers wait for what is kept to be written.
    pub(super) is_behind: bool,
    logged_us: u64,
}

impl Running {
    /// Bytes that were kept because their keys were about to change.
    pub fn kept_bytes(&self, keyspace: &Keyspace) -> u64 {
        self.snapshot.kept_bytes(keyspace)
    }

    /// When the next slice of a busy server may begin, in monotonic microseconds.
    fn next_slice_us(&self) -> Option<u64> {
        let rest_ns = SLICE_NS_MIN * BUSY_PARTS;
        self.is_busy
            .then_some((self.slice_ended_ns + rest_ns) / 1_000)
    }

    fn look_at_load(&mut self, mono_us: u64, commands: u64) {
        if mono_us >= self.period_us + PERIOD_US {
            self.is_busy = commands > self.commands_then + BUSY_COMMANDS;
            (self.period_us, self.commands_then) = (mono_us, commands);
        }
    }
}

impl Engine {
    /// Begins a snapshot in the background.
    pub(super) fn begin_running(&mut self, purpose: Purpose, syncs_along: bool) -> io::Result<()> {
        self.disk.lock()?;
        let format = self.format(purpose);
        let temp_name = self.temp_name(purpose);
        let (keyspace, disk) = (&mut self.keyspace, &mut *self.disk);
        let snapshot = Snapshot::begin(format, temp_name, syncs_along, keyspace, disk)?;
        self.persist.running = Some(Box::new(Running {
            purpose,
            snapshot,
            started: self.now,
            dirty: self.effects.dirty,
            slice_ended_ns: self.clock.mono_ns(),
            is_busy: true,
            period_us: self.now.mono_us,
            commands_then: self.stats.total_commands,
            waits_for_disk: false,
            is_behind: false,
            logged_us: self.now.mono_us,
        }));
        self.gates.set(ServerGates::SNAPSHOT, true);
        Ok(())
    }

    /// Takes the snapshot under way; nobody waits for it any more.
    pub(super) fn take_running(&mut self) -> Option<Running> {
        let running = self.persist.running.take()?;
        self.gates.set(ServerGates::SNAPSHOT, false);
        self.release_waiting();
        Some(*running)
    }

    /// The name under which a snapshot is written.
    pub(super) fn temp_name(&self, purpose: Purpose) -> String {
        let pid = self.machine.facts().pid;
        match purpose {
            Purpose::Save => format!("temp-{pid}.rdb"),
            Purpose::Rewrite => format!("temp-rewriteaof-bg-{pid}.aof"),
        }
    }

    /// What a snapshot for that purpose is written as.
    pub(super) fn format(&self, purpose: Purpose) -> Box<dyn Format> {
        match purpose {
            Purpose::Rewrite if !self.config.aof_use_rdb_preamble => {
                Box::new(CommandFile::new(self))
            }
            _ => super::format::rdb(self, purpose == Purpose::Rewrite),
        }
    }

    /// One slice of the snapshot under way, until `end_ns` at most. Whether another is wanted at
    /// once.
    pub fn snapshot_slice(&mut self, end_ns: u64) -> bool {
        let Some(mut running) = self.persist.running.take() else {
            return false;
        };
        let began_ns = self.clock.mono_ns();
        running.look_at_load(self.now.mono_us, self.stats.total_commands);
        let mut end_ns = end_ns;
        if running.is_busy {
            let part = began_ns.saturating_sub(running.slice_ended_ns) / BUSY_PARTS;
            if part < SLICE_NS_MIN {
                self.persist.running = Some(running);
                return false;
            }
            end_ns = end_ns.min(began_ns + part);
        }
        let worked = self.work_until(&mut running, end_ns);
        let ended_ns = self.clock.mono_ns();
        running.slice_ended_ns = ended_ns;
        let needs_databases = running.snapshot.needs_databases();
        running.is_behind = needs_databases && self.keyspace.kept_bytes() > KEPT_BYTES_MAX;
        self.log_progress(&mut running);
        let (is_behind, is_busy) = (running.is_behind, running.is_busy);
        running.waits_for_disk = matches!(worked, Ok(Step::Waiting));
        self.persist.running = Some(running);
        self.gates.set(ServerGates::SNAPSHOT, needs_databases);
        if !is_behind {
            self.release_waiting();
        }
        let (config, unix_ms) = (&self.config, self.now.unix_ms);
        self.latency
            .note(config, event::SNAPSHOT_SLICE, ended_ns - began_ns, unix_ms);
        match worked {
            Ok(Step::More) => !is_busy,
            Ok(Step::Waiting) => false,
            Ok(Step::Done) => {
                self.running_done();
                false
            }
            Err(error) => {
                self.running_broke(&error);
                false
            }
        }
    }

    /// When the snapshot under way wants its next slice, in monotonic microseconds; an idle server
    /// is asked for one at once.
    pub(crate) fn next_slice_us(&self) -> Option<u64> {
        let running = self.persist.running.as_ref()?;
        running.next_slice_us().filter(|_| !running.waits_for_disk)
    }

    fn work_until(&mut self, running: &mut Running, end_ns: u64) -> io::Result<Step> {
        let delay_us = u64::try_from(self.config.rdb_key_save_delay).unwrap_or(0);
        loop {
            if delay_us > 0 && running.snapshot.needs_databases() {
                let passed_us = self.now.mono_us.saturating_sub(running.started.mono_us);
                let keys = running.snapshot.keys_done(&self.keyspace);
                if keys.saturating_mul(delay_us) >= passed_us {
                    return Ok(Step::Waiting);
                }
            }
            let step = running.snapshot.work(&mut self.keyspace, &mut *self.disk)?;
            if step != Step::More || self.clock.mono_ns() >= end_ns {
                return Ok(step);
            }
        }
    }

    fn log_progress(&mut self, running: &mut Running) {
        if self.now.mono_us < running.logged_us + LOG_EVERY_US {
            return;
        }
        running.logged_us = self.now.mono_us;
        let done = running.snapshot.keys_done(&self.keyspace);
        let (total, mb) = (
            running.snapshot.keys_total(),
            running.snapshot.written_bytes() >> 20,
        );
        tracing::info!("Background saving: {done} of {total} keys, {mb} MB written");
    }

    fn running_done(&mut self) {
        let Some(running) = self.take_running() else {
            return;
        };
        match running.purpose {
            Purpose::Save => self.name_saved(running),
            Purpose::Rewrite => self.name_base(running),
        }
    }

    fn running_broke(&mut self, error: &io::Error) {
        let Some(running) = self.take_running() else {
            return;
        };
        match running.purpose {
            Purpose::Save => self.save_broke(running, error),
            Purpose::Rewrite => self.rewrite_broke(running, error),
        }
    }

    /// Takes in the syncs that have ended.
    pub(crate) fn collect_syncs(&mut self) {
        if !self.persist.awaits_disk() {
            return;
        }
        let mut done = std::mem::take(&mut self.persist.syncs);
        self.disk.finished_syncs(&mut done);
        for sync in done.drain(..) {
            self.directory_synced(sync.ticket, &sync.result);
            self.log_sync_ended(sync.ticket, &sync.result);
            let Some(running) = &mut self.persist.running else {
                continue;
            };
            if let Err(error) = running.snapshot.sync_ended(sync.ticket, sync.result) {
                self.running_broke(&error);
            }
        }
        self.persist.syncs = done;
    }
}
