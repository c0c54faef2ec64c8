//! A disk whose calls fail, or whose syncs take long, as a test says.

use std::cell::{Ref, RefCell};
use std::collections::BTreeSet;
use std::io;
use std::rc::Rc;

use kvd::host::memory::MemoryDisk;
use kvd::host::{Disk, FileId, OpenMode, SyncDone, SyncTicket};

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    Open,
    Append,
    Sync,
    Rename,
    CreateDir,
    SyncDir,
}

#[derive(Debug, Default)]
struct Trouble {
    failing: BTreeSet<Call>,
    is_slow: bool,
    /// Syncs that ended, and are not told yet.
    withheld: Vec<SyncDone>,
}

/// See the module's text. A clone is the same disk.
#[derive(Clone, Debug, Default)]
pub struct TroubledDisk {
    /// What is on it.
    pub files: MemoryDisk,
    trouble: Rc<RefCell<Trouble>>,
}

impl TroubledDisk {
    /// From now on these calls fail, and no others.
    pub fn fail(&self, calls: &[Call]) {
        self.trouble.borrow_mut().failing = calls.iter().copied().collect();
    }

    /// Whether syncs that are asked for do not end.
    pub fn slow_down(&self, is_slow: bool) {
        self.trouble.borrow_mut().is_slow = is_slow;
    }

    fn try_call(&self, call: Call) -> io::Result<()> {
        let fails = self.trouble().failing.contains(&call);
        let error = io::Error::other(format!("{call:?} fails"));
        if fails { Err(error) } else { Ok(()) }
    }

    fn trouble(&self) -> Ref<'_, Trouble> {
        self.trouble.borrow()
    }
}

impl Disk for TroubledDisk {
    fn open(&mut self, name: &str, mode: OpenMode) -> io::Result<FileId> {
        if mode != OpenMode::Read {
            self.try_call(Call::Open)?;
        }
        self.files.open(name, mode)
    }

    fn close(&mut self, file: FileId) {
        self.files.close(file);
    }

    fn append(&mut self, file: FileId, bytes: &[u8]) -> io::Result<usize> {
        self.try_call(Call::Append)?;
        self.files.append(file, bytes)
    }

    fn read_at(&mut self, file: FileId, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.files.read_at(file, offset, buffer)
    }

    fn len(&mut self, file: FileId) -> io::Result<u64> {
        self.files.len(file)
    }

    fn truncate(&mut self, file: FileId, len: u64) -> io::Result<()> {
        self.files.truncate(file, len)
    }

    fn sync(&mut self, file: FileId) -> io::Result<()> {
        self.try_call(Call::Sync)?;
        self.files.sync(file)
    }

    fn refresh(&mut self, name: &str, offset: u64) -> io::Result<()> {
        self.try_call(Call::Sync)?;
        self.files.refresh(name, offset)
    }

    /// The kernel takes the request, and tells later that it failed.
    fn request_sync(&mut self, file: FileId) -> io::Result<SyncTicket> {
        self.files.request_sync(file)
    }

    fn finished_syncs(&mut self, done: &mut Vec<SyncDone>) {
        let mut ended = std::mem::take(&mut self.trouble.borrow_mut().withheld);
        self.files.finished_syncs(&mut ended);
        if self.trouble().is_slow {
            self.trouble.borrow_mut().withheld = ended;
            return;
        }
        for sync in &mut ended {
            sync.result = self.try_call(Call::Sync);
        }
        done.append(&mut ended);
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.try_call(Call::Rename)?;
        self.files.rename(from, to)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.files.remove(name)
    }

    fn create_dir(&mut self, name: &str) -> io::Result<()> {
        self.try_call(Call::CreateDir)?;
        self.files.create_dir(name)
    }

    fn list(&mut self, dir: &str) -> io::Result<Vec<String>> {
        self.files.list(dir)
    }

    fn stat(&mut self, name: &str) -> io::Result<Option<u64>> {
        self.files.stat(name)
    }

    fn sync_dir(&mut self, dir: &str) -> io::Result<()> {
        self.try_call(Call::SyncDir)?;
        self.files.sync_dir(dir)
    }

    fn request_sync_dir(&mut self, dir: &str) -> io::Result<SyncTicket> {
        self.try_call(Call::SyncDir)?;
        self.files.request_sync_dir(dir)
    }
}
