//! What is on disk, and on its way there: the snapshot file and the append-only file.
//!
//! Owns the formats (`rdb`, `aof`), the snapshot that is written in slices while commands run, and
//! loading at the start. All of it is driven by [`crate::engine::Engine::tick`] and by the event
//! loop; files are reached through [`crate::host::Disk`] alone.
//!
//! It must not reply to a client, and must not decide what a command propagates: that is in
//! `engine::settle`.

pub mod rdb;

use crate::time::Now;

/// What INFO tells, and what the next slice works on.
#[derive(Debug)]
pub struct Persistence {
    /// The last snapshot that was written whole, or the start: Unix seconds.
    pub last_save_s: i64,
    /// `Effects::dirty` when the last snapshot was taken.
    pub dirty_at_save: u64,
}

impl Persistence {
    /// Nothing was saved or loaded yet.
    pub fn new(now: Now) -> Persistence {
        Persistence {
            last_save_s: now.unix_ms / 1_000,
            dirty_at_save: 0,
        }
    }
}
