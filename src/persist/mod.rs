//! What is on disk, and on its way there: the snapshot file and the append-only file.
//!
//! Owns the formats (`rdb`, `aof`), the snapshot that is written in slices while commands run
//! (`snapshot`: what is written; `running`: when; `save`: what the file becomes), loading at the
//! start (`load`) and once more (`reload`). All of it is driven by
//! [`crate::engine::Engine::tick`] and by the event loop; files are reached through
//! [`crate::host::Disk`] alone.
//!
//! A turn: commands run and what they change is recorded; the tick takes in the syncs that ended
//! and writes a slice of the snapshot; [`crate::engine::Engine::write_log`] writes the turn's
//! commands to the append-only file; only then replies leave.
//!
//! It must not reply to a client, and must not decide what a command propagates: that is in
//! `engine::settle`.

pub mod aof;
pub mod check;
mod format;
pub mod load;
pub mod rdb;
mod reload;
pub mod running;
pub mod save;
pub mod snapshot;

use crate::engine::Engine;
use crate::engine::error::CommandError;
use crate::host::SyncDone;
use crate::time::Now;

use aof::Aof;
use aof::load::AofLoad;
use load::{LoadStats, Loading};
use running::Running;
use save::Saves;

/// What INFO tells, and what the next slice works on.
#[derive(Debug)]
pub struct Persistence {
    /// The snapshot file.
    pub saves: Saves,
    /// The snapshot under way.
    pub running: Option<Box<Running>>,
    /// The file that is being loaded.
    pub loading: Option<Box<Loading>>,
    /// What the last one held.
    pub load: LoadStats,
    /// The append-only file.
    pub aof: Aof,
    /// The append-only file that is being loaded.
    pub aof_load: Option<Box<AofLoad>>,
    /// Reused from turn to turn.
    syncs: Vec<SyncDone>,
}

impl Persistence {
    /// Nothing was saved or loaded yet.
    pub fn new(now: Now) -> Persistence {
        Persistence {
            saves: Saves::new(now),
            running: None,
            loading: None,
            load: LoadStats::default(),
            aof: Aof::default(),
            aof_load: None,
            syncs: Vec::new(),
        }
    }

    /// Whether a snapshot is under way, so that no other can begin.
    pub fn is_busy(&self) -> bool {
        self.running.is_some() || self.saves.naming_since().is_some()
    }

    /// Since when the save under way is, if there is one.
    pub fn saving_since(&self) -> Option<Now> {
        let running = self.running.as_ref();
        let running = running.filter(|r| r.purpose == running::Purpose::Save);
        running.map(|r| r.started).or(self.saves.naming_since())
    }

    /// Whether writers have to wait for the snapshot.
    pub fn is_behind(&self) -> bool {
        self.running
            .as_ref()
            .is_some_and(|running| running.is_behind)
    }

    /// Whether the disk was asked for a sync.
    fn awaits_disk(&self) -> bool {
        self.is_busy() || self.aof.log.as_ref().is_some_and(|log| log.is_syncing())
    }
}

impl Engine {
    /// What is due in every tick; `is_cron` every tenth of a second.
    pub(crate) fn persist_tick(&mut self, is_cron: bool) {
        if is_cron || self.persist.saves.is_scheduled {
            self.save_if_due();
        }
        if is_cron {
            self.rewrite_if_due();
        }
    }

    /// Why writes are refused because of the disk, if they are.
    pub fn disk_refusal(&self) -> Option<CommandError> {
        if let Some(reason) = self.persist.aof.failure() {
            return Some(CommandError::new(format!(
                "MISCONF Errors writing to the AOF file: {reason}"
            )));
        }
        self.persist.saves.refusal(&self.config)
    }
}
