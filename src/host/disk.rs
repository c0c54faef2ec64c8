//! The disk of the operating system: files below one directory, and the one thread that syncs.
//!
//! Writes happen on the calling thread, as nothing may be answered before them. Syncs, and the
//! closing of files whose blocks the kernel then frees, happen on the disk thread, which is started
//! when first needed. Messages to it are values in a fixed ring: neither side allocates, so the
//! allocator's per-thread counts stay exact.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::{Disk, FileId, OpenMode, SyncDone, SyncTicket};

/// How many jobs may wait for the disk thread, and how many ends of them to be fetched. Syncs are
/// at most one a turn and file, so a full queue means that the disk stands still.
pub const QUEUE_LEN: usize = 1024;

/// How much of a file is written again at a time.
const REFRESH_BYTES: usize = 256 * 1024;

/// The disk thread needs little stack.
const STACK_LEN: usize = 128 * 1024;

/// Called on the disk thread after each sync that ended; it wakes the event loop.
pub type Waker = Box<dyn Fn() + Send + Sync>;

/// Files below a directory.
#[derive(Debug)]
pub struct OsDisk {
    dir: PathBuf,
    files: BTreeMap<FileId, Arc<File>>,
    next_file: u64,
    next_ticket: u64,
    worker: Option<Worker>,
    /// The locked directory, by device and number: it may have been left by CONFIG SET dir.
    lock: Option<(File, (u64, u64))>,
    waker: Arc<OnceLock<WakerCell>>,
}

struct WakerCell(Waker);

impl std::fmt::Debug for WakerCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Waker")
    }
}

#[derive(Debug)]
struct Worker {
    jobs: SyncSender<Job>,
    done: Receiver<SyncDone>,
}

enum Job {
    /// fdatasync: content and length.
    Sync(SyncTicket, Arc<File>),
    /// fsync of a directory.
    SyncDir(SyncTicket, File),
    /// Let go of the file, which may free its blocks.
    Close(Arc<File>),
}

impl OsDisk {
    /// The files below `dir`, which has to exist. A relative one follows the working directory.
    pub fn new(dir: impl Into<PathBuf>) -> OsDisk {
        OsDisk {
            dir: dir.into(),
            files: BTreeMap::new(),
            next_file: 0,
            next_ticket: 0,
            worker: None,
            lock: None,
            waker: Arc::new(OnceLock::new()),
        }
    }

    /// Names who is woken when a sync ended. Only the first call counts.
    pub fn set_waker(&mut self, waker: Waker) {
        let _ = self.waker.set(WakerCell(waker));
    }

    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() && self.dir.as_os_str().is_empty() {
            PathBuf::from(".")
        } else if name.is_empty() {
            self.dir.clone()
        } else {
            self.dir.join(name)
        }
    }

    fn file(&self, id: FileId) -> io::Result<&Arc<File>> {
        self.files
            .get(&id)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn worker(&mut self) -> io::Result<&Worker> {
        if self.worker.is_none() {
            self.worker = Some(Worker::start(Arc::clone(&self.waker))?);
        }
        self.worker
            .as_ref()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn submit(&mut self, job: impl FnOnce(SyncTicket) -> Job) -> io::Result<SyncTicket> {
        self.next_ticket += 1;
        let ticket = SyncTicket(self.next_ticket);
        let jobs = &self.worker()?.jobs;
        jobs.send(job(ticket))
            .map_err(|_| io::Error::other("the disk thread has ended"))?;
        Ok(ticket)
    }

    /// Lets go of a file on the disk thread if there is one.
    fn release(&mut self, file: Arc<File>) {
        if let Ok(worker) = self.worker() {
            // Without the thread it is closed here, by the drop of what could not be sent.
            let _ = worker.jobs.send(Job::Close(file));
        }
    }
}

impl Disk for OsDisk {
    /// A lock of the directory itself: no file is left behind, and the kernel ends it with the
    /// process, however that ends.
    fn lock(&mut self) -> io::Result<()> {
        let dir = File::open(self.path(""))?;
        let metadata = dir.metadata()?;
        let identity = (metadata.dev(), metadata.ino());
        if self
            .lock
            .as_ref()
            .is_some_and(|(_, held)| *held == identity)
        {
            return Ok(());
        }
        match flock(&dir, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => self.lock = Some((dir, identity)),
            Err(Errno::WOULDBLOCK) => return Err(io::ErrorKind::WouldBlock.into()),
            // File systems that have no such locks keep data all the same.
            Err(error) => tracing::debug!("the data directory cannot be locked: {error}"),
        }
        Ok(())
    }

    fn open(&mut self, name: &str, mode: OpenMode) -> io::Result<FileId> {
        let mut options = OpenOptions::new();
        match mode {
            OpenMode::Read => options.read(true),
            OpenMode::Append => options.read(true).append(true).create(true),
            OpenMode::Create => {
                // Emptying a large file takes long: its blocks are freed by the disk thread.
                match File::open(self.path(name)) {
                    Ok(old) => {
                        fs::remove_file(self.path(name))?;
                        self.release(Arc::new(old));
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
                options.read(true).append(true).create(true)
            }
        };
        let file = options.open(self.path(name))?;
        if mode == OpenMode::Read && file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        self.next_file += 1;
        let id = FileId(self.next_file);
        self.files.insert(id, Arc::new(file));
        Ok(id)
    }

    fn close(&mut self, file: FileId) {
        if let Some(file) = self.files.remove(&file) {
            self.release(file);
        }
    }

    fn append(&mut self, file: FileId, bytes: &[u8]) -> io::Result<usize> {
        let mut file: &File = self.file(file)?;
        loop {
            match file.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn read_at(&mut self, file: FileId, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file(file)?.read_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn len(&mut self, file: FileId) -> io::Result<u64> {
        Ok(self.file(file)?.metadata()?.len())
    }

    fn truncate(&mut self, file: FileId, len: u64) -> io::Result<()> {
        self.file(file)?.set_len(len)
    }

    fn sync(&mut self, file: FileId) -> io::Result<()> {
        self.file(file)?.sync_data()
    }

    fn refresh(&mut self, name: &str, mut offset: u64) -> io::Result<()> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(self.path(name))?;
        let mut buffer = vec![0; REFRESH_BYTES];
        loop {
            match file.read_at(&mut buffer, offset) {
                Ok(0) => return file.sync_data(),
                Ok(read) => {
                    file.write_all_at(buffer.get(..read).unwrap_or_default(), offset)?;
                    offset += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn request_sync(&mut self, file: FileId) -> io::Result<SyncTicket> {
        let file = Arc::clone(self.file(file)?);
        self.submit(|ticket| Job::Sync(ticket, file))
    }

    fn finished_syncs(&mut self, done: &mut Vec<SyncDone>) {
        if let Some(worker) = &self.worker {
            done.extend(worker.done.try_iter());
        }
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        // The file that is replaced would be freed by the rename itself, in this thread.
        let replaced = File::open(self.path(to));
        fs::rename(self.path(from), self.path(to))?;
        if let Ok(replaced) = replaced {
            self.release(Arc::new(replaced));
        }
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let file = File::open(self.path(name));
        fs::remove_file(self.path(name))?;
        if let Ok(file) = file {
            self.release(Arc::new(file));
        }
        Ok(())
    }

    fn create_dir(&mut self, name: &str) -> io::Result<()> {
        match fs::create_dir(self.path(name)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            result => result,
        }
    }

    fn list(&mut self, dir: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path(dir))? {
            // A name that is no text is none of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn stat(&mut self, name: &str) -> io::Result<Option<u64>> {
        match fs::metadata(self.path(name)) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn sync_dir(&mut self, dir: &str) -> io::Result<()> {
        File::open(self.path(dir))?.sync_all()
    }

    fn request_sync_dir(&mut self, dir: &str) -> io::Result<SyncTicket> {
        let dir = File::open(self.path(dir))?;
        self.submit(|ticket| Job::SyncDir(ticket, dir))
    }
}

impl Worker {
    fn start(waker: Arc<OnceLock<WakerCell>>) -> io::Result<Worker> {
        let (jobs, waiting) = sync_channel(QUEUE_LEN);
        let (finished, done) = sync_channel(QUEUE_LEN);
        thread::Builder::new()
            .name("kvd-disk".to_owned())
            .stack_size(STACK_LEN)
            .spawn(move || work(&waiting, &finished, &waker))?;
        Ok(Worker { jobs, done })
    }
}

/// The life of the disk thread; it ends when the disk is dropped.
fn work(jobs: &Receiver<Job>, finished: &SyncSender<SyncDone>, waker: &OnceLock<WakerCell>) {
    while let Ok(job) = jobs.recv() {
        let (ticket, result) = match job {
            Job::Sync(ticket, file) => (ticket, file.sync_data()),
            Job::SyncDir(ticket, dir) => (ticket, dir.sync_all()),
            Job::Close(file) => {
                drop(file);
                continue;
            }
        };
        if finished.send(SyncDone { ticket, result }).is_err() {
            return;
        }
        if let Some(waker) = waker.get() {
            (waker.0)();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn disk() -> (tempfile::TempDir, OsDisk) {
        let dir = tempfile::tempdir().expect("a directory");
        let disk = OsDisk::new(dir.path());
        (dir, disk)
    }

    #[test]
    fn files_are_written_read_cut_and_renamed() -> io::Result<()> {
        let (_dir, mut disk) = disk();
        let file = disk.open("a", OpenMode::Append)?;
        disk.append_all(file, b"hello world")?;
        let mut buffer = [0; 32];
        assert_eq!(disk.read_at(file, 6, &mut buffer)?, 5);
        assert_eq!(&buffer[..5], b"world");
        disk.truncate(file, 5)?;
        disk.append_all(file, b"!")?;
        disk.refresh("a", 2)?;
        assert_eq!(disk.len(file)?, 6);
        assert_eq!(disk.read_at(file, 0, &mut buffer)?, 6);
        assert_eq!(&buffer[..6], b"hello!");
        disk.sync(file)?;
        disk.create_dir("sub")?;
        disk.create_dir("sub")?;
        disk.rename("a", "sub/b")?;
        disk.sync_dir("")?;
        disk.sync_dir("sub")?;
        assert_eq!(disk.list("")?, ["sub"]);
        assert_eq!(disk.list("sub")?, ["b"]);
        assert_eq!((disk.stat("a")?, disk.stat("sub/b")?), (None, Some(6)));
        disk.close(file);
        assert!(disk.append(file, b"x").is_err());

        let again = disk.open("sub/b", OpenMode::Create)?;
        assert_eq!(disk.len(again)?, 0);
        disk.remove("sub/b")?;
        assert!(disk.open("sub/b", OpenMode::Read).is_err());
        assert!(disk.open("sub", OpenMode::Read).is_err());
        Ok(())
    }

    #[test]
    fn a_directory_belongs_to_one_server() -> io::Result<()> {
        let (dir, mut disk) = disk();
        disk.lock()?;
        disk.lock()?;
        let mut other = OsDisk::new(dir.path());
        let refused = other.lock().expect_err("it is taken");
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        drop(disk);
        other.lock()
    }

    #[test]
    fn syncs_end_in_order_and_wake() -> io::Result<()> {
        let (_dir, mut disk) = disk();
        let (sender, woken) = mpsc::channel();
        disk.set_waker(Box::new(move || {
            let _ = sender.send(());
        }));
        let file = disk.open("a", OpenMode::Create)?;
        let mut tickets = Vec::new();
        for _ in 0..10 {
            disk.append_all(file, b"x")?;
            tickets.push(disk.request_sync(file)?);
        }
        tickets.push(disk.request_sync_dir("")?);
        let mut done = Vec::new();
        for _ in &tickets {
            woken.recv().expect("the disk thread lives");
        }
        disk.finished_syncs(&mut done);
        let ended: Vec<_> = done.iter().map(|d| d.ticket).collect();
        assert_eq!(ended, tickets);
        assert!(done.iter().all(|d| d.result.is_ok()));
        Ok(())
    }
}
