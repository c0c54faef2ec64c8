//! The snapshot file: when it is written, what becomes of a finished or failed one, and what is
//! told about it.
//!
//! The file is written under another name, forced to disk, renamed, and its directory is forced to
//! disk: whatever happens, there is one whole file. Only then a save counts. One that fails or is
//! cancelled leaves the old file as it was.

use std::io;

use crate::config::Config;
use crate::engine::Engine;
use crate::engine::error::CommandError;
use crate::host::{SyncTicket, error_text};
use crate::time::Now;

use super::running::{Purpose, Running};
use super::snapshot::Snapshot;

/// After a save failed the save points rest for this long, in microseconds.
const RETRY_US: u64 = 5_000_000;

/// What is known about saves.
#[derive(Debug)]
pub struct Saves {
    /// The last snapshot that was written whole, or the start: Unix seconds.
    pub last_save_s: i64,
    /// Whether the last attempt succeeded.
    pub last_ok: bool,
    /// How long the last snapshot in the background took; -1 if there was none.
    pub last_duration_s: i64,
    /// Bytes that were kept for the last snapshot because their keys changed.
    pub last_kept_bytes: u64,
    /// Large collections of the last snapshot that were written in one go, as a transaction or a
    /// script that changed them could not wait.
    pub last_inline_large: u64,
    /// Snapshots written since the start.
    pub count: u64,
    /// One is to begin as soon as it can.
    pub is_scheduled: bool,
    /// That one, or the one under way, is what FLUSHALL left to do: nobody asked for it.
    is_unasked: bool,
    /// `Effects::dirty` when the last whole snapshot was taken.
    dirty_at_save: u64,
    /// While what FLUSHALL left is being saved: changes before it count no more.
    counts_from: Option<u64>,
    last_try_us: u64,
    /// The file has its name, the directory is being forced to disk.
    naming: Option<Naming>,
}

#[derive(Debug)]
struct Naming {
    ticket: SyncTicket,
    started: Now,
    dirty: u64,
    kept_bytes: u64,
}

impl Saves {
    /// None yet.
    pub(super) fn new(now: Now) -> Saves {
        Saves {
            last_save_s: now.unix_ms / 1_000,
            last_ok: true,
            last_duration_s: -1,
            last_kept_bytes: 0,
            last_inline_large: 0,
            count: 0,
            is_scheduled: false,
            is_unasked: false,
            dirty_at_save: 0,
            counts_from: None,
            last_try_us: 0,
            naming: None,
        }
    }

    /// Changes since the last save, of all changes there were.
    pub fn changes(&self, dirty: u64) -> u64 {
        let since = self.counts_from.unwrap_or(self.dirty_at_save);
        dirty.saturating_sub(since)
    }

    /// Since when a save is under way whose file has been written.
    pub(super) fn naming_since(&self) -> Option<Now> {
        self.naming.as_ref().map(|naming| naming.started)
    }

    /// Why writes are refused, if they are.
    pub(super) fn refusal(&self, config: &Config) -> Option<CommandError> {
        let refuses = config.stop_writes_on_bgsave_error && !config.save.is_empty();
        (refuses && !self.last_ok).then_some(CommandError::MISCONF_SAVE)
    }
}

impl Engine {
    /// Whether a save is under way.
    pub fn is_saving(&self) -> bool {
        let running = self.persist.running.as_ref();
        self.persist.saves.naming.is_some() || running.is_some_and(|r| r.purpose == Purpose::Save)
    }

    /// Begins a save in the background.
    ///
    /// # Errors
    /// The disk's; it is logged and counts as a failed save.
    pub fn begin_save(&mut self) -> io::Result<()> {
        self.persist.saves.is_scheduled = false;
        let begun = self.begin_running(Purpose::Save, self.config.rdb_save_incremental_fsync);
        match begun {
            Ok(()) => {
                tracing::info!("Background saving started");
                Ok(())
            }
            Err(error) => {
                tracing::warn!(
                    "Failed opening the temporary file for saving: {}",
                    disk_error_text(&error)
                );
                self.save_failed();
                Err(error)
            }
        }
    }

    /// Writes the snapshot file and waits for it: SAVE, and the end of the server.
    ///
    /// # Errors
    /// The disk's; it is logged. Writes go on: whoever waited for the file knows that there is
    /// none, and the save points try again.
    pub fn save_and_wait(&mut self) -> io::Result<()> {
        self.persist.saves.is_scheduled = false;
        let saved = self.write_and_name();
        match &saved {
            Ok(()) => tracing::info!("DB saved on disk"),
            Err(error) => {
                tracing::warn!("Error trying to save the DB: {}", disk_error_text(error));
            }
        }
        saved
    }

    /// Gives up the save under way, if there is one; the old file stays.
    pub fn cancel_save(&mut self) -> bool {
        if !self.is_saving() {
            return false;
        }
        if self.persist.saves.naming.is_none()
            && let Some(running) = self.take_running()
        {
            self.discard(running.snapshot);
        }
        // A file that has its name already is whole; it does not count as a save.
        self.persist.saves.naming = None;
        self.persist.saves.counts_from = None;
        self.persist.saves.is_unasked = false;
        true
    }

    /// Gives up whatever snapshot is under way: the server ends, or is filled anew. If it goes on,
    /// a rewrite begins once more.
    pub fn cancel_snapshots(&mut self) -> bool {
        self.cancel_scheduled_save();
        self.cancel_save() || self.postpone_rewrite()
    }

    /// A snapshot that somebody asks for goes before the save that only FLUSHALL left, which is
    /// begun anew afterwards: there is hardly anything in it.
    pub(super) fn postpone_unasked_save(&mut self) {
        let counts_from = self.persist.saves.counts_from;
        if self.persist.saves.is_unasked && self.cancel_save() {
            self.persist.saves.is_scheduled = true;
            self.persist.saves.is_unasked = true;
            self.persist.saves.counts_from = counts_from;
        }
    }

    /// SAVE or BGSAVE: the save that only FLUSHALL left is not needed any more.
    pub fn replace_unasked_save(&mut self) {
        self.postpone_unasked_save();
        self.persist.saves.is_scheduled &= !self.persist.saves.is_unasked;
        self.persist.saves.is_unasked = false;
    }

    /// Gives up the save that was scheduled, if there is one.
    pub fn cancel_scheduled_save(&mut self) -> bool {
        self.persist.saves.counts_from = None;
        self.persist.saves.is_unasked = false;
        std::mem::take(&mut self.persist.saves.is_scheduled)
    }

    /// Everything was removed: what was being saved is not wanted any more, and with save points
    /// an empty file is to take the place of the old one soon.
    pub fn save_after_flushall(&mut self) {
        if self.cancel_save() {
            tracing::info!("FLUSHALL: background saving cancelled");
        }
        if !self.config.save.is_empty() {
            self.persist.saves.is_scheduled = true;
            self.persist.saves.is_unasked = true;
            self.persist.saves.counts_from = Some(self.effects.dirty);
        }
    }

    /// Begins a save if one was scheduled or is due.
    pub(super) fn save_if_due(&mut self) {
        if self.persist.is_busy() {
            return;
        }
        let saves = &self.persist.saves;
        if saves.is_scheduled {
            // Its failure is logged, and seen in INFO.
            let _ = self.begin_save();
            return;
        }
        let changes = saves.changes(self.effects.dirty);
        let now_s = self.now.unix_ms / 1_000;
        let may_try = saves.last_ok || self.now.mono_us >= saves.last_try_us + RETRY_US;
        if !may_try {
            return;
        }
        if saves.refusal(&self.config).is_some() {
            // Without a write nothing would ever be due.
            tracing::info!("The last save failed and writes are refused. Saving again...");
            let _ = self.begin_save();
            return;
        }
        let due = self.config.save.iter().find(|point| {
            changes >= point.changes && now_s - saves.last_save_s > point.seconds as i64
        });
        if let Some(point) = due {
            tracing::info!(
                "{} changes in {} seconds. Saving...",
                point.changes,
                point.seconds
            );
            let _ = self.begin_save();
        }
    }

    /// The snapshot is on disk under its temporary name: it becomes the file.
    pub(super) fn name_saved(&mut self, running: Running) {
        let kept_bytes = running.kept_bytes(&self.keyspace);
        self.persist.saves.last_inline_large = running.snapshot.inline_large();
        let (started, dirty) = (running.started, running.dirty);
        let temp_name = running.snapshot.close(&mut self.keyspace, &mut *self.disk);
        let named = self
            .disk
            .rename(&temp_name, &self.config.dbfilename)
            .and_then(|()| self.disk.request_sync_dir(""));
        match named {
            Ok(ticket) => {
                self.persist.saves.naming = Some(Naming {
                    ticket,
                    started,
                    dirty,
                    kept_bytes,
                });
            }
            Err(error) => {
                tracing::warn!(
                    "Error moving the temporary file to its place: {}",
                    disk_error_text(&error)
                );
                self.remove_temp(&temp_name);
                self.save_failed();
            }
        }
    }

    /// A sync has ended: that of the directory makes a save count.
    pub(super) fn directory_synced(&mut self, ticket: SyncTicket, result: &io::Result<()>) {
        let naming = self.persist.saves.naming.take_if(|n| n.ticket == ticket);
        let Some(naming) = naming else {
            return;
        };
        if let Err(error) = result {
            tracing::warn!(
                "Error forcing the data directory to disk: {}",
                disk_error_text(error)
            );
            self.save_failed();
            return;
        }
        let took_us = self.now.mono_us.saturating_sub(naming.started.mono_us);
        self.persist.saves.last_duration_s = (took_us / 1_000_000) as i64;
        self.persist.saves.last_kept_bytes = naming.kept_bytes;
        tracing::info!("Background saving terminated with success");
        self.save_succeeded(naming.dirty);
    }

    /// The snapshot could not be written.
    pub(super) fn save_broke(&mut self, running: Running, error: &io::Error) {
        tracing::warn!("Write error saving DB on disk: {}", disk_error_text(error));
        tracing::warn!("Background saving error");
        self.discard(running.snapshot);
        self.save_failed();
    }

    /// Closes and removes what was written of a snapshot.
    pub(super) fn discard(&mut self, snapshot: Snapshot) {
        let temp_name = snapshot.close(&mut self.keyspace, &mut *self.disk);
        self.remove_temp(&temp_name);
    }

    fn remove_temp(&mut self, name: &str) {
        if let Err(error) = self.disk.remove(name) {
            tracing::warn!("Error removing {name}: {}", disk_error_text(&error));
        }
    }

    fn write_and_name(&mut self) -> io::Result<()> {
        self.disk.lock()?;
        let dirty = self.effects.dirty;
        let format = self.format(Purpose::Save);
        let temp_name = self.temp_name(Purpose::Save);
        let (keyspace, disk) = (&mut self.keyspace, &mut *self.disk);
        let mut snapshot = Snapshot::begin(format, temp_name, false, keyspace, disk)?;
        let written = snapshot.finish(keyspace, disk);
        let temp_name = snapshot.close(keyspace, disk);
        let named = written
            .and_then(|()| disk.rename(&temp_name, &self.config.dbfilename))
            .and_then(|()| disk.sync_dir(""));
        if named.is_err() {
            // After the rename there is nothing to remove.
            let _ = disk.remove(&temp_name);
        }
        named?;
        self.save_succeeded(dirty);
        Ok(())
    }

    fn save_succeeded(&mut self, dirty: u64) {
        let saves = &mut self.persist.saves;
        saves.dirty_at_save = dirty;
        saves.counts_from = None;
        saves.is_unasked = false;
        saves.last_save_s = self.now.unix_ms / 1_000;
        saves.last_ok = true;
        saves.count += 1;
        self.refresh_refusal();
    }

    fn save_failed(&mut self) {
        self.persist.saves.last_ok = false;
        self.persist.saves.counts_from = None;
        self.persist.saves.is_unasked = false;
        self.persist.saves.last_try_us = self.now.mono_us;
        self.refresh_refusal();
    }
}

/// What log and replies say of an error of the disk.
pub fn disk_error_text(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock => "another server keeps its data in this directory".to_owned(),
        _ => error_text(error),
    }
}

/// Whether a file is what a snapshot left that was under way when its server was killed.
pub(super) fn is_left_over(name: &str) -> bool {
    let of_pid = |start: &str, end: &str| {
        let pid = name
            .strip_prefix(start)
            .and_then(|rest| rest.strip_suffix(end));
        pid.is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()))
    };
    of_pid("temp-", ".rdb") || of_pid("temp-rewriteaof-bg-", ".aof")
}
