//! What is on disk, and on its way there: the snapshot file and the append-only file.
//!
//! Owns the formats (`rdb`, `aof`), the snapshot that is written in slices while commands run, and
//! loading at the start. All of it is driven by [`crate::engine::Engine::tick`] and by the event
//! loop; files are reached through [`crate::host::Disk`] alone.
//!
//! A turn: commands run and what they change is recorded; the tick writes a slice of the snapshot
//! and takes in the syncs that ended; [`crate::engine::Engine::write_log`] writes the turn's
//! commands to the append-only file; only then replies leave.
//!
//! It must not reply to a client, and must not decide what a command propagates: that is in
//! `engine::settle`.

use std::io;

use crate::engine::Engine;
use crate::host::{SyncDone, SyncTicket};
use crate::time::Now;

pub mod aof;

use aof::Aof;
use aof::load::AofLoad;

/// What INFO tells, and what the next slice works on.
#[derive(Debug)]
pub struct Persistence {
    /// The last snapshot that was written whole, or the start: Unix seconds.
    pub last_save_s: i64,
    /// `Effects::dirty` when the last snapshot was taken.
    pub dirty_at_save: u64,
    /// The append-only file.
    pub aof: Aof,
    /// Syncs that ended and whose asker has not looked yet.
    finished_syncs: Vec<SyncDone>,
}

impl Persistence {
    /// Nothing was saved or loaded yet.
    pub fn new(now: Now) -> Persistence {
        Persistence {
            last_save_s: now.unix_ms / 1_000,
            dirty_at_save: 0,
            aof: Aof::default(),
            finished_syncs: Vec::new(),
        }
    }
}

impl Engine {
    /// Loads what is on disk, and begins to write the append-only file if it is on. Returns when
    /// all of it is done.
    ///
    /// # Errors
    /// Which file cannot be loaded, and why.
    pub fn load_all(&mut self) -> Result<(), String> {
        if !self.config.appendonly {
            return Ok(());
        }
        let files = self.find_aof().map_err(|error| error.to_string())?;
        let mut load = AofLoad::begin(self, files);
        while load.step(self, u64::MAX)? {}
        self.effects.dirty = 0;
        self.open_aof().map_err(|error| error.to_string())
    }

    /// The result of a sync that was asked for, once, when it has ended.
    pub fn sync_result(&mut self, ticket: SyncTicket) -> Option<io::Result<()>> {
        let done = &mut self.persist.finished_syncs;
        self.disk.finished_syncs(done);
        let at = done.iter().position(|sync| sync.ticket == ticket)?;
        Some(done.swap_remove(at).result)
    }
}
