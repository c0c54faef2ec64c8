//! Rewriting: a new base, while commands go on into a new incremental file.
//!
//! In one turn the old incremental file is made durable, the manifest names a new one, and a
//! snapshot begins: what changed before is in the base, what changes afterwards in the new file.
//! When the base is durable the manifest names it in place of everything older, and the old files
//! are removed. Whatever fails or is cut off on the way, the manifest names a whole set of files.
//! Switching the file on is the same, except that the manifest names nothing before the base is
//! there; and so it is after a sync has failed, when it is not known what the old file holds.
//!
//! The manifest is small; it is written and synced within the turn, at the beginning and at the
//! end of a rewrite.

use std::io;
use std::rc::Rc;

use crate::engine::Engine;
use crate::engine::error::CommandError;
use crate::persist::running::{Purpose, Running};
use crate::persist::save::disk_error_text;
use crate::persist::snapshot::{Format, Holds};
use crate::store::keyspace::Keyspace;
use crate::store::snapshot::Encoder;
use crate::time::Now;

use super::encode;
use super::files::{Names, begin_directory, find_manifest, remove_history, write_manifest};
use super::frame::Seed;
use super::log::Log;
use super::manifest::{FileType, Manifest};
use super::values::CommandEncoder;

/// After a rewrite failed the next one by itself waits this long, doubled with every failure.
const RETRY_US: u64 = 1_000_000;
/// It never waits longer than this.
const RETRY_US_MAX: u64 = 3_600_000_000;

/// What is known about rewrites.
#[derive(Debug, Default)]
pub struct Rewrites {
    /// One is to begin as soon as it can.
    pub is_scheduled: bool,
    /// Since when one is under way.
    pub started: Option<Now>,
    /// How long the last one took; `None` if there was none.
    pub last_s: Option<u64>,
    /// The last one failed.
    pub failed: bool,
    /// Rewrites that were begun.
    pub count: u64,
    /// Failures since the last success.
    pub failures: u32,
    /// What is written counts once there is a new base: the append-only file is being switched on,
    /// or a sync failed. The manifest does not name new files before.
    pub is_unnamed: bool,
    /// The base that is written is a snapshot, not commands.
    is_rdb: bool,
    /// The number of the last base that was begun.
    base_seq: u64,
    retry_us: u64,
    /// Bytes of all files after the last rewrite, or at the start.
    pub base_bytes: u64,
    /// Bytes of all files but the one that is written.
    pub other_bytes: u64,
}

impl Engine {
    /// Bytes of the append-only file.
    pub fn aof_bytes(&self) -> u64 {
        let log = self.persist.aof.log.as_ref();
        self.persist.aof.rewrites.other_bytes + log.map_or(0, Log::bytes)
    }

    /// BGREWRITEAOF: begins a rewrite, or schedules it until the save under way is done. Whether
    /// it has begun.
    ///
    /// # Errors
    /// A rewrite is under way already, or the disk's error.
    pub fn request_rewrite(&mut self) -> Result<bool, CommandError> {
        if self.persist.aof.rewrites.started.is_some() {
            return Err(CommandError::fixed(
                "ERR Background append only file rewriting already in progress",
            ));
        }
        self.postpone_unasked_save();
        // In the middle of a transaction the base would hold a part of it.
        let in_unit = self.group_depth > 0;
        if self.persist.is_busy() || self.keyspace.has_given_up() || in_unit {
            self.persist.aof.rewrites.is_scheduled = true;
            return Ok(false);
        }
        self.begin_rewrite().map(|()| true).map_err(|_| {
            CommandError::fixed(
                "ERR Can't execute an AOF background rewriting. Please check the server logs for \
                 more information.",
            )
        })
    }

    /// Whether a base is written before which nothing of the append-only file counts.
    pub fn writes_first_base(&self) -> bool {
        let rewrites = &self.persist.aof.rewrites;
        rewrites.is_unnamed && rewrites.started.is_some()
    }

    /// Begins what is scheduled or due.
    pub(in crate::persist) fn rewrite_if_due(&mut self) {
        let rewrites = &self.persist.aof.rewrites;
        let is_free = !self.persist.is_busy() && !self.keyspace.has_given_up();
        if !is_free || self.now.mono_us < rewrites.retry_us {
            return;
        }
        let is_open = self.persist.aof.log.is_some();
        let percentage = u64::from(self.config.auto_aof_rewrite_percentage);
        let bytes = self.aof_bytes();
        let base_bytes = rewrites.base_bytes.max(1);
        let has_grown = is_open
            && percentage > 0
            && bytes > self.config.auto_aof_rewrite_min_size
            && bytes.saturating_sub(base_bytes) * 100 / base_bytes >= percentage;
        if has_grown {
            tracing::info!("Starting automatic rewriting of AOF on {bytes} bytes");
        }
        if rewrites.is_scheduled || has_grown || rewrites.is_unnamed {
            // Its failure is logged, and seen in INFO.
            let _ = self.begin_rewrite();
        }
    }

    /// Switches the append-only file on: it counts once its base is there.
    ///
    /// # Errors
    /// What the disk says; it stays off then.
    pub fn switch_aof_on(&mut self) -> io::Result<()> {
        if self.persist.aof.log.is_some() {
            return Ok(());
        }
        self.prepare_directory()?;
        self.persist.aof.rewrites.is_unnamed = true;
        self.persist.aof.rewrites.retry_us = 0;
        self.request_rewrite().map(drop).map_err(|error| {
            self.persist.aof.rewrites.is_unnamed = false;
            io::Error::other(error.line().to_owned())
        })
    }

    /// Switches the append-only file off. Its files stay, and hold everything until now.
    pub fn switch_aof_off(&mut self) {
        // What of a transaction has run so far.
        self.end_unit();
        let flushed = self.flush_log();
        if let Err(error) = flushed {
            tracing::warn!("The end of the append only file could not be written: {error}");
        }
        self.give_up_base();
        self.persist.aof.rewrites.started = None;
        self.persist.aof.rewrites.is_scheduled = false;
        self.persist.aof.rewrites.is_unnamed = false;
        self.effects.listeners.propagation = false;
        if let Some(log) = self.persist.aof.close() {
            self.disk.close(log.file());
        }
        self.refresh_refusal();
    }

    fn begin_rewrite(&mut self) -> io::Result<()> {
        self.persist.aof.rewrites.is_scheduled = false;
        self.persist.aof.rewrites.count += 1;
        let begun = self.switch_files();
        match &begun {
            Ok(()) => {
                self.persist.aof.rewrites.started = Some(self.now);
                tracing::info!("Background append only file rewriting started");
            }
            Err(error) => {
                tracing::warn!(
                    "Cannot rewrite the append only file: {}",
                    disk_error_text(error)
                );
                self.rewrite_failed();
            }
        }
        begun
    }

    /// The one turn in which the old file ends, the snapshot begins and the new file begins.
    fn switch_files(&mut self) -> io::Result<()> {
        let is_unnamed = self.persist.aof.rewrites.is_unnamed;
        if self.persist.aof.log.is_none() && !is_unnamed {
            return self.begin_base_alone();
        }
        if !is_unnamed {
            self.flush_log()?;
        } else if !self.write_batch() {
            return Err(io::Error::other("the old file cannot be written"));
        }
        let names = Names::of(&self.config);
        let mut manifest = self.persist.aof.manifest.clone();
        let entry = names.incr(manifest.next_incr());
        let log = self.begin_log(&names.path(&entry.name))?;
        manifest.incr.push(entry);
        if let Err(error) = self.begin_base().and_then(|()| match is_unnamed {
            true => Ok(()),
            false => write_manifest(self.disk.as_mut(), &names, &manifest),
        }) {
            self.give_up_base();
            self.disk.close(log.file());
            return Err(error);
        }
        if is_unnamed {
            self.persist.aof.await_base();
        }
        self.persist.aof.manifest = manifest;
        self.effects.listeners.propagation = true;
        let old = self.persist.aof.begin_file(log);
        if let Some(old) = old {
            self.persist.aof.rewrites.other_bytes += old.bytes();
            self.disk.close(old.file());
        }
        Ok(())
    }

    /// Begins an incremental file with a seed of its own.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn begin_log(&mut self, path: &str) -> io::Result<Log> {
        let seed = self.new_seed();
        Log::create(self.disk.as_mut(), path, seed)
    }

    /// Goes on in the incremental file that was loaded last.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn resume_log(&mut self, path: &str) -> io::Result<Log> {
        let loaded = self.persist.aof.loaded_seed;
        let seed = loaded.unwrap_or_else(|| self.new_seed());
        Log::resume(self.disk.as_mut(), path, seed, loaded.is_some())
    }

    fn new_seed(&mut self) -> Seed {
        let mut seed = [0; 8];
        self.machine.secret(&mut seed);
        Seed(u64::from_le_bytes(seed))
    }

    /// A rewrite while the append-only file is off: a base that nothing follows.
    fn begin_base_alone(&mut self) -> io::Result<()> {
        self.prepare_directory()?;
        self.begin_base()
    }

    fn begin_base(&mut self) -> io::Result<()> {
        self.persist.aof.rewrites.is_rdb = self.config.aof_use_rdb_preamble;
        self.begin_running(Purpose::Rewrite, self.config.aof_rewrite_incremental_fsync)
    }

    fn give_up_base(&mut self) -> bool {
        let is_rewrite = |running: &Running| running.purpose == Purpose::Rewrite;
        if self.persist.running.as_deref().is_some_and(is_rewrite)
            && let Some(running) = self.take_running()
        {
            self.discard(running.snapshot);
            return true;
        }
        false
    }

    /// Gives up the rewrite under way, if there is one, to begin it anew later.
    pub(in crate::persist) fn postpone_rewrite(&mut self) -> bool {
        let is_postponed = self.give_up_base();
        if is_postponed {
            self.persist.aof.rewrites.started = None;
            self.persist.aof.rewrites.is_scheduled = true;
        }
        is_postponed
    }

    fn prepare_directory(&mut self) -> io::Result<()> {
        self.disk.lock()?;
        let names = Names::of(&self.config);
        let disk = self.disk.as_mut();
        let manifest = find_manifest(disk, &names)?;
        begin_directory(disk, &names, manifest.is_none())?;
        self.persist.aof.manifest = manifest.unwrap_or_default();
        Ok(())
    }

    /// The base is on disk under its temporary name: the manifest names it.
    pub(in crate::persist) fn name_base(&mut self, running: Running) {
        let bytes = running.snapshot.written_bytes();
        let temp_name = running.snapshot.close(&mut self.keyspace, &mut *self.disk);
        match self.install_base(&temp_name, bytes) {
            Ok(()) => {
                let rewrites = &mut self.persist.aof.rewrites;
                let started = rewrites.started.take().unwrap_or(self.now);
                let took_us = self.now.mono_us.saturating_sub(started.mono_us);
                rewrites.last_s = Some(took_us / 1_000_000);
                rewrites.failed = false;
                rewrites.failures = 0;
                tracing::info!("Background AOF rewrite finished successfully");
                self.everything_is_based();
            }
            Err(error) => {
                tracing::warn!("Cannot name the new AOF base: {}", disk_error_text(&error));
                // It may have its name already.
                let _ = self.disk.remove(&temp_name);
                self.rewrite_failed();
            }
        }
    }

    /// All data is in the new base and the file behind it, unless that has failed too.
    fn everything_is_based(&mut self) {
        let aof = &mut self.persist.aof;
        if aof.is_doubtful() {
            return;
        }
        aof.rewrites.is_unnamed = false;
        if aof.failure.as_ref().is_some_and(|failure| failure.is_sync) {
            aof.failure = None;
        }
        self.wake_synced();
        self.refresh_refusal();
    }

    fn install_base(&mut self, temp_name: &str, bytes: u64) -> io::Result<()> {
        let names = Names::of(&self.config);
        let old = &self.persist.aof.manifest;
        let rewrites = &mut self.persist.aof.rewrites;
        // A manifest that names the last one may be there, although writing it failed.
        let seq = old.next_base().max(rewrites.base_seq + 1);
        rewrites.base_seq = seq;
        let base = names.base(seq, rewrites.is_rdb);
        // Only the file that is written goes on.
        let is_open = self.persist.aof.log.is_some();
        let kept = old.incr.len().saturating_sub(usize::from(is_open));
        let mut manifest = Manifest {
            base: Some(base.clone()),
            incr: old.incr[kept..].to_vec(),
            history: old.history.clone(),
        };
        let replaced = old.base.iter().chain(&old.incr[..kept]);
        manifest.history.extend(replaced.cloned().map(|mut entry| {
            entry.kind = FileType::History;
            entry
        }));
        let disk = self.disk.as_mut();
        disk.rename(temp_name, &names.path(&base.name))?;
        write_manifest(disk, &names, &manifest)?;
        remove_history(disk, &names, &mut manifest);
        if let Err(error) = write_manifest(disk, &names, &manifest) {
            // The one before says the same, and names files that are gone.
            tracing::warn!("Cannot write the AOF manifest: {}", disk_error_text(&error));
        }
        let aof = &mut self.persist.aof;
        aof.manifest = manifest;
        aof.rewrites.other_bytes = bytes;
        aof.rewrites.base_bytes = bytes + aof.log.as_ref().map_or(0, Log::bytes);
        Ok(())
    }

    /// The base could not be written; the files there were go on.
    pub(in crate::persist) fn rewrite_broke(&mut self, running: Running, error: &io::Error) {
        tracing::warn!("Background AOF rewrite failed: {}", disk_error_text(error));
        self.discard(running.snapshot);
        self.rewrite_failed();
    }

    fn rewrite_failed(&mut self) {
        let now_us = self.now.mono_us;
        let rewrites = &mut self.persist.aof.rewrites;
        rewrites.started = None;
        rewrites.failed = true;
        rewrites.failures += 1;
        let wait_us = RETRY_US << rewrites.failures.min(30);
        rewrites.retry_us = now_us + wait_us.min(RETRY_US_MAX);
    }

    /// Writes a base of what is in memory and waits for it: at the start, when the data came from
    /// a snapshot file.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn write_first_base(&mut self, path: &str) -> io::Result<()> {
        use crate::persist::snapshot::Snapshot;
        let format = self.format(Purpose::Rewrite);
        let temp_name = self.temp_name(Purpose::Rewrite);
        let (keyspace, disk) = (&mut self.keyspace, &mut *self.disk);
        let mut snapshot = Snapshot::begin(format, temp_name, false, keyspace, disk)?;
        let written = snapshot.finish(keyspace, disk);
        let bytes = snapshot.written_bytes();
        let temp_name = snapshot.close(keyspace, disk);
        written?;
        disk.rename(&temp_name, path)?;
        self.persist.aof.rewrites.other_bytes = bytes;
        Ok(())
    }
}

/// A base of commands.
#[derive(Debug)]
pub struct CommandFile {
    head: Vec<u8>,
}

impl CommandFile {
    /// One that begins with the libraries of functions, as they are now.
    pub(in crate::persist) fn new(engine: &Engine) -> CommandFile {
        let mut head = Vec::new();
        for library in engine.scripts.libraries.iter() {
            encode::words(&[b"FUNCTION", b"LOAD", &library.code], &mut head);
        }
        CommandFile { head }
    }
}

impl Format for CommandFile {
    fn encoder(&self) -> Rc<dyn Encoder> {
        Rc::new(CommandEncoder)
    }

    fn head(&mut self, _keyspace: &Keyspace, out: &mut Vec<u8>) {
        out.append(&mut self.head);
    }

    fn database(&mut self, number: u32, _holds: Option<Holds>, out: &mut Vec<u8>) {
        let number = number.to_string();
        encode::words(&[b"SELECT", number.as_bytes()], out);
    }

    fn end(&mut self, _out: &mut Vec<u8>) {}

    fn checksum(&mut self, _sum: u64, _out: &mut Vec<u8>) {}
}
