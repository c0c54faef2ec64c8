//! The append-only file: every change, as the command that makes it again.
//!
//! The files are Redis 7's: a directory with a base, incremental files and a manifest that names
//! them. What a turn changed becomes one frame (`frame`), written with one write before any reply
//! leaves; commands of one transaction or script lie between MULTI and EXEC in one frame. Commands
//! have their own names, whatever clients call them. How soon a frame is synced is `appendfsync`'s
//! to say; syncs happen on the disk thread:
//!
//! - `always`: nothing leaves and no command runs until the turn's sync has ended, and a sync that
//!   fails ends the server, since nobody can know what is durable then;
//! - `everysec`: a sync begins at most a second after the write; if one fails, nothing more counts
//!   as durable and writes are refused until the file has been rewritten;
//! - `no`: the kernel decides.
//!
//! A write that fails is cut off again and repeated every tenth of a second. Until it succeeds
//! writes are refused with MISCONF, and the clients that waited for it are disconnected: they must
//! not be told that it was done.
//!
//! Limits: the batch of a turn has no limit of its own: it is what the commands of a turn changed.

use std::io;

use crate::config::AppendFsync;
use crate::engine::Engine;
use crate::engine::clients::ClientKey;
use crate::engine::effects::Propagated;
use crate::host::SyncTicket;
use crate::resp::args::Args;

pub mod encode;
pub mod files;
pub mod frame;
pub mod load;
pub mod log;
pub mod manifest;
pub mod reader;
pub mod replay;
pub mod rewrite;
pub mod values;

use frame::{HEADER_LEN, Seed};
use log::Log;
use manifest::Manifest;
use rewrite::Rewrites;

/// A write that failed is tried again after this time.
const RETRY_US: u64 = 100_000;
/// `everysec`: a sync begins this long after the last one.
const SYNC_PERIOD_US: u64 = 1_000_000;
/// A sync that takes longer than this delays the next, and is counted.
const SYNC_DELAYED_US: u64 = 2_000_000;
/// A batch gives memory beyond this back when it has been written.
const BATCH_KEPT_BYTES: usize = 1 << 20;

/// Whether what the turn changed is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogState {
    /// It is: replies may leave.
    Written,
    /// Not durably yet: nothing may leave and no command may run until the disk thread wakes the
    /// event loop.
    Held,
    /// It could not be written: whoever waits for a reply must not get it.
    Failed,
}

/// Why writes are refused.
#[derive(Clone, Debug)]
struct Failure {
    text: String,
    /// When to try again, monotonic microseconds.
    retry_us: u64,
    /// A sync failed: what is durable is not known until the file has been rewritten.
    is_sync: bool,
}

/// A client that waits until the file is durable up to a length.
#[derive(Clone, Copy, Debug)]
struct SyncWait {
    client: ClientKey,
    end: u64,
    /// It waits for nothing else.
    ends: bool,
}

/// The append-only file.
#[derive(Debug, Default)]
pub struct Aof {
    /// The file that changes are written to; `None` while the append-only file is off.
    pub log: Option<Log>,
    /// The files on disk.
    pub manifest: Manifest,
    /// What the checksums of the file begin with that was loaded last; `None` if it has none.
    pub loaded_seed: Option<Seed>,
    /// Rewrites.
    pub rewrites: Rewrites,
    /// Syncs that could not begin in time since the last one took too long.
    pub delayed_syncs: u64,
    /// Commands of this turn behind room for a header; empty if there are none.
    batch: Vec<u8>,
    /// The database selected in the file.
    db: Option<u32>,
    /// The second of the last timestamp in the file.
    timestamp_s: i64,
    /// Commands of the transaction or script that is running.
    unit: Vec<Propagated>,
    /// A client's command is in the log, or in the batch, that the client was not answered yet.
    is_awaited: bool,
    /// Who waits until the file is durable up to a length.
    waiting: Vec<SyncWait>,
    last_sync_us: u64,
    failure: Option<Failure>,
}

impl Aof {
    /// Bytes waiting to be written.
    pub fn batch_len(&self) -> usize {
        self.batch.len().saturating_sub(HEADER_LEN)
    }

    /// The last error of a write or sync that has not been made good.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_ref().map(|failure| failure.text.as_str())
    }

    /// Goes on in a new file: the database is to be selected again.
    pub fn begin_file(&mut self, log: Log) -> Option<Log> {
        self.db = None;
        self.timestamp_s = 0;
        self.log.replace(log)
    }

    /// Ends writing: what was written stays.
    pub fn close(&mut self) -> Option<Log> {
        self.batch = Vec::new();
        self.failure = None;
        self.log.take()
    }

    /// Whether a sync of the file that is written failed.
    fn is_doubtful(&self) -> bool {
        self.log.as_ref().is_some_and(Log::is_doubtful)
    }

    /// What clients wait for is in the base that begins now.
    fn await_base(&mut self) {
        for wait in &mut self.waiting {
            wait.end = 0;
        }
    }

    fn room(&mut self) -> &mut Vec<u8> {
        if self.batch.is_empty() {
            self.batch.resize(HEADER_LEN, 0);
        }
        &mut self.batch
    }

    #[inline]
    fn select(&mut self, db: u32) {
        if self.db != Some(db) {
            let number = db.to_string();
            encode::words(&[b"SELECT", number.as_bytes()], self.room());
            self.db = Some(db);
        }
    }

    fn add(&mut self, db: u32, args: Args<'_>) {
        self.select(db);
        encode::command(args, self.room());
    }

    /// A frame has one time at most, before its first command: so it can be cut off at a time.
    fn note_time(&mut self, unix_s: i64) {
        if self.timestamp_s != unix_s && self.batch.is_empty() {
            self.timestamp_s = unix_s;
            let line = format!("#TS:{unix_s}\r\n");
            self.room().extend_from_slice(line.as_bytes());
        }
    }
}

/// Propagation.
impl Engine {
    /// Propagates the running command as the client sent it.
    pub fn propagate_verbatim(&mut self, db: u32, args: Args<'_>) {
        if self.group_depth == 0 && self.effects.propagated.is_empty() {
            self.stamp();
            self.persist.aof.is_awaited = true;
            self.persist.aof.add(db, args);
        } else {
            self.effects.propagate_verbatim(db, args);
        }
    }

    /// Hands over what a command, a transaction or a script propagates: all of it or nothing of it
    /// is to be seen after a crash.
    pub(crate) fn propagate_unit(&mut self) {
        if self.group_depth > 0 {
            self.persist.aof.unit.append(&mut self.effects.propagated);
            return;
        }
        let mut unit = std::mem::take(&mut self.effects.propagated);
        self.persist.aof.is_awaited = true;
        self.write_unit(&unit);
        unit.clear();
        self.effects.propagated = unit;
    }

    /// Hands over what background work propagates, each command on its own.
    pub(crate) fn propagate_each(&mut self) {
        if self.group_depth > 0 {
            return self.propagate_unit();
        }
        let mut commands = std::mem::take(&mut self.effects.propagated);
        self.stamp();
        for command in commands.drain(..) {
            self.persist.aof.add(command.db, command.args.as_args());
        }
        self.effects.propagated = commands;
    }

    /// The transaction or script has ended.
    pub(crate) fn end_unit(&mut self) {
        let mut unit = std::mem::take(&mut self.persist.aof.unit);
        if !unit.is_empty() {
            self.persist.aof.is_awaited = true;
            self.write_unit(&unit);
            unit.clear();
            self.persist.aof.unit = unit;
        }
    }

    fn write_unit(&mut self, unit: &[Propagated]) {
        let Some(first) = unit.first() else {
            return;
        };
        self.stamp();
        let aof = &mut self.persist.aof;
        aof.select(first.db);
        let is_many = unit.len() > 1;
        if is_many {
            encode::words(&[b"MULTI"], aof.room());
        }
        for command in unit {
            aof.add(command.db, command.args.as_args());
        }
        if is_many {
            encode::words(&[b"EXEC"], aof.room());
        }
    }

    #[inline]
    fn stamp(&mut self) {
        if self.config.aof_timestamp_enabled {
            self.persist.aof.note_time(self.now.unix_ms / 1_000);
        }
    }
}

/// Writing and syncing.
impl Engine {
    /// Writes what was changed since the last call to the append-only file. Called once a turn,
    /// before anything is sent.
    #[inline]
    pub fn write_log(&mut self) -> LogState {
        match self.persist.aof.log {
            None => LogState::Written,
            Some(_) => self.write_open_log(),
        }
    }

    fn write_open_log(&mut self) -> LogState {
        self.collect_syncs();
        if !self.write_batch() {
            return self.unwritten();
        }
        let state = match self.config.appendfsync {
            // It failed now, or under another policy before.
            AppendFsync::Always if self.persist.aof.is_doubtful() => return self.unwritten(),
            AppendFsync::Always => {
                self.request_sync();
                let log = self.persist.aof.log.as_ref();
                match log.is_none_or(Log::is_synced) {
                    true => LogState::Written,
                    false => LogState::Held,
                }
            }
            AppendFsync::Everysec => {
                self.sync_in_time();
                LogState::Written
            }
            AppendFsync::No => LogState::Written,
        };
        self.persist.aof.is_awaited &= state == LogState::Held;
        state
    }

    /// The log is not as it is to be: who waits for it is told nothing, everybody else goes on.
    fn unwritten(&mut self) -> LogState {
        match std::mem::take(&mut self.persist.aof.is_awaited) {
            true => LogState::Failed,
            false => LogState::Written,
        }
    }

    /// Writes and syncs everything, and waits for it: at the end of the server, and before the
    /// file is closed.
    ///
    /// # Errors
    /// What the disk says.
    pub fn flush_log(&mut self) -> io::Result<()> {
        if let Some(failure) = &mut self.persist.aof.failure {
            failure.retry_us = 0;
        }
        if self.persist.aof.log.is_some() && !self.write_batch() {
            let text = self.persist.aof.failure().unwrap_or_default().to_owned();
            return Err(io::Error::other(text));
        }
        let log = self.persist.aof.log.as_mut();
        let synced = log.map_or(Ok(()), |log| log.sync(self.disk.as_mut()));
        match &synced {
            Ok(()) => self.wake_synced(),
            Err(error) => self.sync_failed(error),
        }
        synced
    }

    /// Writes the batch as one frame. Whether everything is written now.
    fn write_batch(&mut self) -> bool {
        let aof = &mut self.persist.aof;
        let Some(log) = &mut aof.log else {
            return true;
        };
        if aof.batch.is_empty() {
            return true;
        }
        let now_us = self.now.mono_us;
        if aof.failure.as_ref().is_some_and(|f| now_us < f.retry_us) {
            return false;
        }
        let (room, commands) = aof.batch.split_at_mut(HEADER_LEN);
        let header = log.header(commands).text();
        room.copy_from_slice(header.as_bytes());
        match log.write(self.disk.as_mut(), &aof.batch) {
            Ok(()) => {
                aof.batch.clear();
                aof.batch.shrink_to(BATCH_KEPT_BYTES);
                if aof.failure.as_ref().is_some_and(|f| !f.is_sync) {
                    tracing::warn!("AOF write error looks solved. The server can write again.");
                    aof.failure = None;
                    self.refresh_refusal();
                }
                true
            }
            Err(error) => {
                self.log_failed("write", &error, false);
                false
            }
        }
    }

    /// From now on writes are refused.
    fn log_failed(&mut self, what: &str, error: &io::Error, is_sync: bool) {
        let aof = &mut self.persist.aof;
        if aof.failure.is_none() {
            tracing::error!("AOF {what} error: {error}. Writes are refused until it is solved.");
        }
        let was_sync = aof.failure.as_ref().is_some_and(|f| f.is_sync);
        aof.failure = Some(Failure {
            text: error.to_string(),
            retry_us: self.now.mono_us + RETRY_US,
            is_sync: is_sync || was_sync,
        });
        self.refresh_refusal();
    }

    /// Takes in the result of a sync.
    pub(super) fn log_sync_ended(&mut self, ticket: SyncTicket, result: &io::Result<()>) {
        let Some(log) = &mut self.persist.aof.log else {
            return;
        };
        if log.ticket() != Some(ticket) {
            return;
        }
        log.sync_ended(result.is_ok());
        match result {
            Ok(()) => self.wake_synced(),
            Err(error) => self.sync_failed(error),
        }
    }

    fn sync_failed(&mut self, error: &io::Error) {
        if self.config.appendfsync == AppendFsync::Always {
            tracing::error!(
                "Can't persist AOF for fsync error when the AOF fsync policy is 'always': {error}. \
                 Exiting..."
            );
            self.request_exit(1);
        } else {
            self.log_failed("fsync", error, true);
            // What is written from now on counts when it is in a new base.
            self.persist.aof.rewrites.is_unnamed = true;
        }
    }

    fn request_sync(&mut self) {
        self.persist.aof.last_sync_us = self.now.mono_us;
        let Some(log) = &mut self.persist.aof.log else {
            return;
        };
        if let Err(error) = log.request_sync(self.disk.as_mut()) {
            self.sync_failed(&error);
        }
    }

    /// `everysec`: begins a sync if one is due.
    fn sync_in_time(&mut self) {
        let aof = &mut self.persist.aof;
        let Some(log) = &aof.log else {
            return;
        };
        let since_us = self.now.mono_us.saturating_sub(aof.last_sync_us);
        let rests = self.config.no_appendfsync_on_rewrite && self.persist.running.is_some();
        let is_done = log.is_synced() || log.is_doubtful();
        if is_done || since_us < SYNC_PERIOD_US || rests {
            return;
        }
        if !log.is_syncing() {
            self.request_sync();
        } else if since_us > SYNC_DELAYED_US {
            aof.delayed_syncs += 1;
            aof.last_sync_us = self.now.mono_us;
        }
    }
}

/// WAITAOF.
impl Engine {
    /// Whether something that was changed is not durable yet.
    pub fn is_sync_due(&self) -> bool {
        let aof = &self.persist.aof;
        let is_synced = aof.log.as_ref().is_none_or(Log::is_synced);
        !aof.batch.is_empty() || !is_synced || aof.rewrites.is_unnamed
    }

    /// Has a client wait until what was changed so far is durable.
    pub fn await_sync(&mut self, client: ClientKey, ends: bool) {
        let aof = &mut self.persist.aof;
        let len = aof.log.as_ref().map_or(0, Log::bytes);
        // The batch is written in this turn, with its header.
        let end = len + aof.batch.len() as u64;
        aof.waiting.push(SyncWait { client, end, ends });
        // It need not wait for the next sync that is due anyway.
        aof.last_sync_us = 0;
    }

    /// Answers the clients that waited for what is durable now.
    fn wake_synced(&mut self) {
        let aof = &mut self.persist.aof;
        let Some(synced) = aof.log.as_ref().map(Log::synced) else {
            return;
        };
        if aof.rewrites.is_unnamed {
            // The base that makes it durable is not there yet.
            return;
        }
        let mut waiting = std::mem::take(&mut aof.waiting);
        for wait in waiting.extract_if(.., |wait| wait.end <= synced) {
            self.unblock_synced(wait.client, wait.ends);
        }
        self.persist.aof.waiting = waiting;
    }
}
