//! The one snapshot under way: all databases as they were when it began, written to a temporary
//! file in slices while commands run.
//!
//! It owns the order of what is written and the pace at which bytes go to the file; what a key
//! looks like there is the [`Format`]'s to know, and what becomes of the finished file is up to
//! whoever began it (`save`, and the append-only file's rewrite).
//!
//! The databases are known by their identity: SWAPDB does not move them, and one that was flushed
//! is written from where the keyspace keeps it. A key may be written out of turn, when it is about
//! to change: then its database is selected once more.
//!
//! Limits: [`KEPT_BYTES_MAX`] of keys that were about to change wait for their turn; beyond,
//! writers wait. [`UNSYNCED_BYTES_MAX`] lie between the file and the disk; beyond, the snapshot
//! waits, because the kernel would make the next write wait.

use std::fmt::Debug;
use std::io;
use std::rc::Rc;

use crate::host::{Disk, FileId, OpenMode, SyncTicket};
use crate::store::keyspace::Keyspace;
use crate::store::snapshot::{Encoder, SnapshotProgress};

use super::rdb::Crc64;

/// Writers wait while more than this is kept for the snapshot.
pub const KEPT_BYTES_MAX: usize = 64 << 20;
/// Bytes written at once: some tens of microseconds.
const WRITE_BYTES: usize = 64 << 10;
/// The file is forced to disk in the background whenever it has grown by this much.
const SYNC_EVERY_BYTES: u64 = 4 << 20;
/// The snapshot waits while more than this is not on disk yet.
const UNSYNCED_BYTES_MAX: u64 = 32 << 20;
/// What another database keeps is written out of turn when it is more than this.
const OUT_OF_TURN_BYTES: usize = 1 << 20;

/// How a snapshot is written down.
pub trait Format: Debug {
    /// Writes keys.
    fn encoder(&self) -> Rc<dyn Encoder>;
    /// Writes what comes before the first database. The databases are as they will be written.
    fn head(&mut self, keyspace: &Keyspace, out: &mut Vec<u8>);
    /// Selects a database. What it holds is told when it is selected for the first time.
    fn database(&mut self, number: u32, holds: Option<Holds>, out: &mut Vec<u8>);
    /// Writes what comes after the last database.
    fn end(&mut self, out: &mut Vec<u8>);
    /// Writes what follows the end, given the checksum of everything before.
    fn checksum(&mut self, sum: u64, out: &mut Vec<u8>);
}

/// What a database holds.
#[derive(Clone, Copy, Debug)]
pub struct Holds {
    /// Its keys.
    pub keys: u64,
    /// Those of them that expire.
    pub volatile: u64,
}

/// What a slice came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is more to do.
    More,
    /// There is nothing to do before the disk is done with something.
    Waiting,
    /// Everything is on disk, under the temporary name.
    Done,
}

/// A snapshot on its way to a file.
#[derive(Debug)]
pub struct Snapshot {
    format: Box<dyn Format>,
    temp_name: String,
    file: FileId,
    parts: Vec<Part>,
    /// The part that is written, and the one whose database is selected.
    current: usize,
    selected: Option<usize>,
    /// What is to be written, from `sent` on; up to `summed` it is in the checksum.
    out: Vec<u8>,
    sent: usize,
    summed: usize,
    sum: Crc64,
    phase: Phase,
    written_bytes: u64,
    unsynced_bytes: u64,
    sync: Option<SyncTicket>,
    syncs_along: bool,
    keys_total: u64,
    /// Keys of the parts that are done.
    keys_before: u64,
    inline_large: u64,
    /// Bytes kept by the parts that are done.
    kept_before: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A snapshot that was given up is still walked to its end.
    Beginning,
    Writing,
    /// All is in `out`.
    Flushing,
    Syncing,
    Done,
}

/// A database of the snapshot.
#[derive(Debug)]
struct Part {
    /// Its number when the snapshot began.
    number: u32,
    id: u64,
    holds: Holds,
    was_selected: bool,
    is_done: bool,
}

impl Snapshot {
    /// Opens the temporary file. The snapshot begins with the first slice; if no other was given
    /// up shortly before, the databases are written as they are now.
    ///
    /// # Errors
    /// The disk's; nothing is left behind.
    pub fn begin(
        format: Box<dyn Format>,
        temp_name: String,
        syncs_along: bool,
        keyspace: &mut Keyspace,
        disk: &mut dyn Disk,
    ) -> io::Result<Snapshot> {
        let file = disk.open(&temp_name, OpenMode::Create)?;
        let mut snapshot = Snapshot {
            format,
            temp_name,
            file,
            parts: Vec::new(),
            current: 0,
            selected: None,
            out: Vec::new(),
            sent: 0,
            summed: 0,
            sum: Crc64::default(),
            phase: Phase::Beginning,
            written_bytes: 0,
            unsynced_bytes: 0,
            sync: None,
            syncs_along,
            keys_total: 0,
            keys_before: 0,
            inline_large: 0,
            kept_before: 0,
        };
        snapshot.freeze(keyspace);
        Ok(snapshot)
    }

    /// Writes a little more: some keys, or some bytes to the file.
    ///
    /// # Errors
    /// The disk's: the snapshot is to be given up.
    pub fn work(&mut self, keyspace: &mut Keyspace, disk: &mut dyn Disk) -> io::Result<Step> {
        match self.phase {
            Phase::Beginning => {
                keyspace.walk_given_up();
                self.freeze(keyspace);
                Ok(Step::More)
            }
            Phase::Writing if self.out.len() - self.sent >= WRITE_BYTES => {
                if self.syncs_along && self.unsynced_bytes > UNSYNCED_BYTES_MAX {
                    return Ok(Step::Waiting);
                }
                self.send(disk)?;
                if self.sync.is_none()
                    && self.syncs_along
                    && self.unsynced_bytes >= SYNC_EVERY_BYTES
                {
                    self.request_sync(disk)?;
                }
                self.choose_part(keyspace);
                Ok(Step::More)
            }
            Phase::Writing => {
                self.write_keys(keyspace);
                Ok(Step::More)
            }
            Phase::Flushing if self.sent < self.out.len() => {
                self.send(disk)?;
                Ok(Step::More)
            }
            Phase::Flushing if self.sync.is_some() => Ok(Step::Waiting),
            Phase::Flushing => {
                self.request_sync(disk)?;
                self.phase = Phase::Syncing;
                Ok(Step::Waiting)
            }
            Phase::Syncing => Ok(Step::Waiting),
            Phase::Done => Ok(Step::Done),
        }
    }

    /// Writes all of it and waits for the disk: for SAVE and the end of the server.
    ///
    /// # Errors
    /// The disk's: the snapshot is to be given up.
    pub fn finish(&mut self, keyspace: &mut Keyspace, disk: &mut dyn Disk) -> io::Result<()> {
        self.syncs_along = false;
        while self.phase != Phase::Flushing || self.sent < self.out.len() {
            self.work(keyspace, disk)?;
        }
        disk.sync(self.file)?;
        self.phase = Phase::Done;
        Ok(())
    }

    /// A sync that was asked for has ended. Whether it was one of this snapshot.
    ///
    /// # Errors
    /// That of the sync: the snapshot is to be given up.
    pub fn sync_ended(&mut self, ticket: SyncTicket, result: io::Result<()>) -> io::Result<bool> {
        if self.sync != Some(ticket) {
            return Ok(false);
        }
        self.sync = None;
        result?;
        if self.phase == Phase::Syncing {
            self.phase = Phase::Done;
        }
        Ok(true)
    }

    /// Lets go of the databases and closes the file; gives its temporary name.
    pub fn close(self, keyspace: &mut Keyspace, disk: &mut dyn Disk) -> String {
        for part in self.parts.iter().filter(|part| !part.is_done) {
            keyspace.end_snapshot(part.id);
        }
        disk.close(self.file);
        self.temp_name
    }

    /// Whether the databases have still to be written: their keys must be kept when they change.
    pub fn needs_databases(&self) -> bool {
        matches!(self.phase, Phase::Beginning | Phase::Writing)
    }

    /// Keys of all databases when it began.
    pub fn keys_total(&self) -> u64 {
        self.keys_total
    }

    /// Keys that were written or kept.
    pub fn keys_done(&self, keyspace: &Keyspace) -> u64 {
        let under_way = self.under_way(keyspace);
        self.keys_before + under_way.map(|progress| progress.keys).sum::<u64>()
    }

    /// Bytes that were kept because their keys were about to change.
    pub fn kept_bytes(&self, keyspace: &Keyspace) -> u64 {
        let under_way = self.under_way(keyspace);
        self.kept_before + under_way.map(|progress| progress.kept_bytes).sum::<u64>()
    }

    fn under_way(&self, keyspace: &Keyspace) -> impl Iterator<Item = SnapshotProgress> {
        let parts = self.parts.iter().filter(|part| !part.is_done);
        parts.map(|part| keyspace.snapshot_progress(part.id))
    }

    /// Bytes in the file.
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Large collections that had to be written in one go.
    pub fn inline_large(&self) -> u64 {
        self.inline_large
    }

    /// Begins with all databases at once, as soon as no other snapshot is left in any of them.
    fn freeze(&mut self, keyspace: &mut Keyspace) {
        if keyspace.has_given_up() {
            return;
        }
        let encoder = self.format.encoder();
        self.parts = keyspace
            .begin_snapshot(&encoder)
            .map(|(number, db)| Part {
                number: number as u32,
                id: db.id(),
                holds: Holds {
                    keys: db.len() as u64,
                    volatile: db.volatile_len() as u64,
                },
                was_selected: false,
                is_done: false,
            })
            .collect();
        self.keys_total = self.parts.iter().map(|part| part.holds.keys).sum();
        self.format.head(keyspace, &mut self.out);
        self.phase = Phase::Writing;
    }

    /// One step of the database that is written.
    fn write_keys(&mut self, keyspace: &mut Keyspace) {
        let Some(part) = self.parts.get_mut(self.current) else {
            self.end();
            return;
        };
        let Some(db) = keyspace.db_by_id(part.id) else {
            // Unreachable while the keyspace keeps what a snapshot wants.
            part.is_done = true;
            self.next_part();
            return;
        };
        if self.selected != Some(self.current) {
            let holds = (!part.was_selected).then_some(part.holds);
            self.format.database(part.number, holds, &mut self.out);
            part.was_selected = true;
            self.selected = Some(self.current);
        }
        if !db.write_snapshot(&mut self.out) {
            let progress = db.snapshot_progress();
            self.keys_before += progress.keys;
            self.inline_large += progress.inline_large;
            self.kept_before += progress.kept_bytes;
            part.is_done = true;
            keyspace.end_snapshot(part.id);
            self.next_part();
        }
    }

    /// The first part that is not done.
    fn next_part(&mut self) {
        let next = self.parts.iter().position(|part| !part.is_done);
        self.current = next.unwrap_or(self.parts.len());
    }

    /// Another database may keep so much that it has to be written first, or somebody may wait for
    /// one of its keys.
    fn choose_part(&mut self, keyspace: &mut Keyspace) {
        let current = self.parts.get(self.current);
        let is_free = current
            .and_then(|part| keyspace.db_by_id(part.id))
            .is_none_or(|db| db.is_between_keys());
        if !is_free {
            return;
        }
        let pressing = self.parts.iter().position(|part| {
            let db = (!part.is_done).then(|| keyspace.db_by_id(part.id));
            db.flatten()
                .is_some_and(|db| db.is_awaited() || db.kept_bytes() > OUT_OF_TURN_BYTES)
        });
        match pressing {
            Some(pressing) => self.current = pressing,
            None => self.next_part(),
        }
    }

    fn end(&mut self) {
        self.format.end(&mut self.out);
        self.sum_up_to(self.out.len());
        self.format.checksum(self.sum.value(), &mut self.out);
        self.summed = self.out.len();
        self.phase = Phase::Flushing;
    }

    fn sum_up_to(&mut self, end: usize) {
        if end > self.summed {
            self.sum.update(&self.out[self.summed..end]);
            self.summed = end;
        }
    }

    /// One write.
    fn send(&mut self, disk: &mut dyn Disk) -> io::Result<()> {
        let end = self.out.len().min(self.sent + 2 * WRITE_BYTES);
        self.sum_up_to(end);
        let written = disk.append(self.file, &self.out[self.sent..end])?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.sent += written;
        self.written_bytes += written as u64;
        self.unsynced_bytes += written as u64;
        if self.sent == self.out.len() {
            self.out.clear();
            self.out.shrink_to(4 * WRITE_BYTES);
            (self.sent, self.summed) = (0, 0);
        }
        Ok(())
    }

    fn request_sync(&mut self, disk: &mut dyn Disk) -> io::Result<()> {
        self.sync = Some(disk.request_sync(self.file)?);
        self.unsynced_bytes = 0;
        Ok(())
    }
}
