//! The host: clock, entropy, disk and the facts of the machine, as traits and values, so that the
//! same server runs on an operating system ([`os`]) and in a simulator.
//!
//! The traits own the seam; [`os`], [`disk`], [`log`], [`supervise`], [`system`] and [`files`] are
//! the only places that name `Instant`, `getrandom`, `std::fs` and threads. Nothing here knows a
//! key, a client or a command.
//!
//! Limits: [`disk::QUEUE_LEN`] jobs wait for the disk thread; beyond it the asking thread waits.

use std::io;

pub mod audit;
pub mod check;
pub mod disk;
pub mod files;
pub mod limits;
pub mod log;
pub mod machine;
pub mod memory;
pub mod os;
pub mod supervise;
pub mod system;

pub use crate::config::load::error_text;
pub use crate::time::Clock;

/// Where randomness comes from. What is drawn here may be a secret.
pub trait Entropy {
    /// Fills the buffer with bytes that nobody can predict.
    fn fill(&mut self, buffer: &mut [u8]);

    /// A seed.
    fn seed(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_ne_bytes(bytes)
    }
}

/// An open file of a [`Disk`]. It is not reused while the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u64);

/// A request for a sync; later requests have greater numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SyncTicket(pub u64);

/// A sync that ended.
#[derive(Debug)]
pub struct SyncDone {
    /// Which one.
    pub ticket: SyncTicket,
    /// Whether everything appended before the request is durable now. After an error nobody can
    /// know what is: asking again proves nothing, the kernel may have dropped the dirty pages.
    pub result: io::Result<()>,
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// It has to exist; it is only read.
    Read,
    /// It is made if it does not exist; what is appended goes to its end.
    Append,
    /// It is made, or emptied if it exists.
    Create,
}

/// Where the data lies: files by name, relative to the data directory, with `/` between the parts.
///
/// Writing reaches the kernel before the call returns, so that it survives the death of the
/// process; only a sync makes it survive a power cut. A rename, a removal and a creation survive
/// one after [`Disk::sync_dir`] of the directory.
pub trait Disk {
    /// Makes the data directory this server's own while it lives, or until it is another one.
    /// `WouldBlock`: another server has it. A disk that only one server sees has nothing to do.
    fn lock(&mut self) -> io::Result<()> {
        Ok(())
    }
    /// Opens a file.
    fn open(&mut self, name: &str, mode: OpenMode) -> io::Result<FileId>;
    /// Closes a file. What was not synced is not lost, only not durable.
    fn close(&mut self, file: FileId);
    /// Appends bytes; returns how many were written, which may be fewer. The caller goes on, or
    /// truncates to where it began.
    fn append(&mut self, file: FileId, bytes: &[u8]) -> io::Result<usize>;
    /// Reads at an offset; returns how many bytes were read, 0 at the end.
    fn read_at(&mut self, file: FileId, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
    /// The length of an open file.
    fn len(&mut self, file: FileId) -> io::Result<u64>;
    /// Cuts a file to this length.
    fn truncate(&mut self, file: FileId, len: u64) -> io::Result<()>;
    /// Makes what was appended durable, and waits for it: for start and end, not for a turn.
    fn sync(&mut self, file: FileId) -> io::Result<()>;
    /// Writes what a file holds from `offset` on once more, and makes it durable: after a sync that
    /// failed, of which the process that asked may not have told anybody, the kernel may take
    /// pages for written that are not. Waits for it.
    fn refresh(&mut self, name: &str, offset: u64) -> io::Result<()>;
    /// [`Disk::sync`] without waiting: [`Disk::finished_syncs`] tells when it is done.
    fn request_sync(&mut self, file: FileId) -> io::Result<SyncTicket>;
    /// Moves the syncs that ended, oldest first, to the end of `done`.
    fn finished_syncs(&mut self, done: &mut Vec<SyncDone>);
    /// Renames a file; one of the new name is replaced.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file. Its blocks may be freed later.
    fn remove(&mut self, name: &str) -> io::Result<()>;
    /// Makes a directory; that it exists already is no error.
    fn create_dir(&mut self, name: &str) -> io::Result<()>;
    /// The names in a directory (`""` is the data directory), sorted.
    fn list(&mut self, dir: &str) -> io::Result<Vec<String>>;
    /// The length of a file by name; `None` if there is none.
    fn stat(&mut self, name: &str) -> io::Result<Option<u64>>;
    /// Makes the names in a directory durable, and waits for it.
    fn sync_dir(&mut self, dir: &str) -> io::Result<()>;
    /// The same without waiting.
    fn request_sync_dir(&mut self, dir: &str) -> io::Result<SyncTicket>;

    /// Appends all of the bytes.
    fn append_all(&mut self, file: FileId, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.append(file, bytes)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => bytes = bytes.get(written..).unwrap_or_default(),
            }
        }
        Ok(())
    }
}
