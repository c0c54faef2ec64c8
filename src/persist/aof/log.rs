//! The open incremental file: what was written to it, and how much of that is durable.

use std::io;

use crate::host::{Disk, FileId, OpenMode, SyncTicket};

use super::frame::{Header, Seed};

/// An open incremental file.
#[derive(Debug)]
pub struct Log {
    file: FileId,
    /// What its checksums begin with.
    seed: Seed,
    /// Bytes of the file.
    len: u64,
    /// How many of them are durable.
    synced: u64,
    /// The sync under way, and how many bytes it covers.
    sync: Option<(SyncTicket, u64)>,
    /// Behind `len` lie bytes of a write that failed.
    is_torn: bool,
    /// A sync failed: what was not durable before may never be, whatever a later one says.
    is_doubtful: bool,
}

impl Log {
    /// Begins a file.
    ///
    /// # Errors
    /// What the disk says.
    pub fn create(disk: &mut dyn Disk, name: &str, seed: Seed) -> io::Result<Log> {
        Log::open(disk, name, OpenMode::Create, seed, false)
    }

    /// Goes on in a file that is there, all of which becomes durable: what another process left may
    /// be in the kernel only. `has_seed`: its checksums begin with this seed; else it is another
    /// server's, which a line with the seed ends.
    ///
    /// # Errors
    /// What the disk says.
    pub fn resume(disk: &mut dyn Disk, name: &str, seed: Seed, has_seed: bool) -> io::Result<Log> {
        Log::open(disk, name, OpenMode::Append, seed, has_seed)
    }

    fn open(
        disk: &mut dyn Disk,
        name: &str,
        mode: OpenMode,
        seed: Seed,
        has_seed: bool,
    ) -> io::Result<Log> {
        let file = disk.open(name, mode)?;
        let written = match has_seed {
            true => Ok(()),
            false => disk.append_all(file, seed.line().as_bytes()),
        };
        // The seed is durable before the first frame is written.
        match written
            .and_then(|()| disk.sync(file))
            .and_then(|()| disk.len(file))
        {
            Ok(len) => Ok(Log {
                file,
                seed,
                len,
                synced: len,
                sync: None,
                is_torn: false,
                is_doubtful: false,
            }),
            Err(error) => {
                disk.close(file);
                Err(error)
            }
        }
    }

    /// The header of a batch that is written now.
    pub fn header(&self, commands: &[u8]) -> Header {
        Header::of(commands, self.synced, self.seed)
    }

    /// The file.
    pub fn file(&self) -> FileId {
        self.file
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.len
    }

    /// How many of its bytes are durable.
    pub fn synced(&self) -> u64 {
        self.synced
    }

    /// Whether all of it is durable.
    pub fn is_synced(&self) -> bool {
        self.synced == self.len
    }

    /// Whether a sync failed: what is durable now will not become more.
    pub fn is_doubtful(&self) -> bool {
        self.is_doubtful
    }

    /// Whether a sync is under way.
    pub fn is_syncing(&self) -> bool {
        self.sync.is_some()
    }

    /// Writes all of a batch or nothing: what could be written of it is cut off again.
    ///
    /// # Errors
    /// What the disk says. If not even the cut succeeds, the torn batch stays; the next write cuts
    /// it first.
    pub fn write(&mut self, disk: &mut dyn Disk, batch: &[u8]) -> io::Result<()> {
        if self.is_torn {
            disk.truncate(self.file, self.len)?;
            self.is_torn = false;
        }
        let result = disk.append_all(self.file, batch);
        match result {
            Ok(()) => self.len += batch.len() as u64,
            Err(_) => self.is_torn = disk.truncate(self.file, self.len).is_err(),
        }
        result
    }

    /// Asks for a sync of what was written, unless one is under way or nothing is to be synced.
    ///
    /// # Errors
    /// The disk takes no request.
    pub fn request_sync(&mut self, disk: &mut dyn Disk) -> io::Result<()> {
        if self.sync.is_none() && !self.is_synced() && !self.is_doubtful {
            let asked = disk.request_sync(self.file);
            self.is_doubtful = asked.is_err();
            self.sync = Some((asked?, self.len));
        }
        Ok(())
    }

    /// The ticket of the sync under way.
    pub fn ticket(&self) -> Option<SyncTicket> {
        self.sync.map(|(ticket, _)| ticket)
    }

    /// The sync under way has ended.
    pub fn sync_ended(&mut self, is_ok: bool) {
        let covered = self.sync.take();
        self.is_doubtful |= !is_ok;
        if let Some((_, covered)) = covered
            && !self.is_doubtful
        {
            self.synced = self.synced.max(covered);
        }
    }

    /// Syncs now, and waits for it.
    ///
    /// # Errors
    /// What the disk says: what is durable is not known then.
    pub fn sync(&mut self, disk: &mut dyn Disk) -> io::Result<()> {
        if self.is_doubtful {
            return Err(io::Error::other("a sync has failed before"));
        }
        if !self.is_synced() {
            let synced = disk.sync(self.file);
            self.is_doubtful = synced.is_err();
            synced?;
            self.synced = self.len;
        }
        Ok(())
    }
}
