//! The file of the audit log: a thread that writes buffers of lines, and what lies between it and
//! the server.
//!
//! The file is opened for each buffer, so that it may be moved away at any time, as the server log
//! may. What cannot be written is tried again until it can: a full disk loses nothing before
//! [`BUFFERS_MAX`] buffers wait. Buffers go round and are freed by the server's thread, which
//! allocated them: the allocator's per-thread counts stay exact.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use crate::observe::audit::{AuditSink, BUFFER_BYTES};

/// How many buffers may wait to be written: 8 MiB of lines.
pub const BUFFERS_MAX: usize = (8 << 20) / BUFFER_BYTES;

/// Empty buffers that are kept for later.
const FREE_MAX: usize = 2;

/// After how long writing is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// How long the end of the server waits for the last lines.
const END_WAIT: Duration = Duration::from_secs(2);

/// The thread needs little stack.
const STACK_LEN: usize = 128 * 1024;

/// Owner and group may read: keys tell about data.
const MODE: u32 = 0o640;

/// The file. See the module's text.
#[derive(Debug)]
pub struct AuditFile {
    jobs: Option<SyncSender<Vec<u8>>>,
    written: Receiver<Vec<u8>>,
    thread: thread::Thread,
    state: Arc<State>,
    free: Vec<Vec<u8>>,
    in_flight: usize,
}

/// What both threads know.
#[derive(Debug, Default)]
struct State {
    errors: AtomicU64,
    is_ending: AtomicBool,
}

impl AuditFile {
    /// Opens the file, which should be an absolute path, and starts its thread.
    ///
    /// # Errors
    /// The file cannot be written, or there is no thread to be had.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<AuditFile> {
        let path = path.into();
        open(&path)?;
        let (jobs, waiting) = sync_channel(BUFFERS_MAX);
        let (done, written) = sync_channel(BUFFERS_MAX);
        let state = Arc::new(State::default());
        let writer = Writer {
            path,
            state: Arc::clone(&state),
            file: None,
            identity: (0, 0),
        };
        let thread = thread::Builder::new()
            .name("kvd-audit".to_owned())
            .stack_size(STACK_LEN)
            .spawn(move || writer.work(&waiting, &done))?;
        Ok(AuditFile {
            jobs: Some(jobs),
            written,
            thread: thread.thread().clone(),
            state,
            free: Vec::new(),
            in_flight: 0,
        })
    }

    /// Takes back the buffers that were written.
    fn collect(&mut self) {
        for buffer in self.written.try_iter() {
            self.in_flight -= 1;
            if self.free.len() < FREE_MAX {
                self.free.push(buffer);
            }
        }
    }
}

impl AuditSink for AuditFile {
    fn hand_over(&mut self, lines: Vec<u8>) -> Result<Vec<u8>, Vec<u8>> {
        self.collect();
        let Some(jobs) = self.jobs.as_ref().filter(|_| self.in_flight < BUFFERS_MAX) else {
            return Err(lines);
        };
        if !lines.is_empty() {
            jobs.try_send(lines).map_err(|refused| match refused {
                std::sync::mpsc::TrySendError::Full(lines)
                | std::sync::mpsc::TrySendError::Disconnected(lines) => lines,
            })?;
            self.in_flight += 1;
        }
        let empty = self.free.pop();
        Ok(empty.unwrap_or_else(|| Vec::with_capacity(BUFFER_BYTES)))
    }

    fn is_idle(&mut self) -> bool {
        self.collect();
        self.in_flight == 0
    }

    fn write_errors(&self) -> u64 {
        self.state.errors.load(Ordering::Relaxed)
    }
}

impl Drop for AuditFile {
    /// Waits until the lines are written, but not for ever: the file may be a pipe that nobody
    /// reads.
    fn drop(&mut self) {
        self.state.is_ending.store(true, Ordering::Release);
        self.jobs = None;
        self.thread.unpark();
        while self.in_flight > 0 && self.written.recv_timeout(END_WAIT).is_ok() {
            self.in_flight -= 1;
        }
        if self.in_flight > 0 {
            tracing::warn!("The end of the audit log could not be written in time");
        }
    }
}

/// The thread's side.
struct Writer {
    path: PathBuf,
    state: Arc<State>,
    file: Option<File>,
    /// Device and number of the file that was open last.
    identity: (u64, u64),
}

impl Writer {
    fn work(mut self, jobs: &Receiver<Vec<u8>>, done: &SyncSender<Vec<u8>>) {
        while let Ok(mut buffer) = jobs.recv() {
            self.write_all(&buffer);
            buffer.clear();
            if done.send(buffer).is_err() {
                return;
            }
        }
    }

    /// Writes a buffer, however often it takes.
    fn write_all(&mut self, lines: &[u8]) {
        let (mut at, mut failed) = (0, false);
        while at < lines.len() {
            let Err(error) = self.write_once(lines, &mut at) else {
                continue;
            };
            self.file = None;
            self.state.errors.fetch_add(1, Ordering::Relaxed);
            if !failed {
                let path = self.path.display();
                tracing::warn!("The audit log {path} cannot be written, trying again: {error}");
            }
            failed = true;
            if self.state.is_ending.load(Ordering::Acquire) {
                let left = lines.len() - at;
                tracing::warn!("{left} bytes of the audit log are lost: the server ends");
                return;
            }
            thread::park_timeout(RETRY);
        }
        if failed {
            tracing::warn!("The audit log is written again");
        }
        self.file = None;
    }

    /// Writes once from `at` on, after opening the file if it is not open. In a file that took the
    /// place of another one the first line is whole.
    fn write_once(&mut self, lines: &[u8], at: &mut usize) -> io::Result<()> {
        if self.file.is_none() {
            let file = open(&self.path)?;
            let metadata = file.metadata()?;
            let identity = (metadata.dev(), metadata.ino());
            if identity != self.identity {
                let before = lines.get(..*at).unwrap_or_default();
                *at = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
            }
            self.identity = identity;
            self.file = Some(file);
        }
        let rest = lines.get(*at..).unwrap_or_default();
        match self.file.as_mut().map_or(Ok(0), |file| file.write(rest)) {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                *at += written;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Whether the file can be written, asked before the server starts.
///
/// # Errors
/// It cannot.
pub fn check_file(path: &str) -> io::Result<()> {
    open(Path::new(path)).map(|_| ())
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(MODE).open(path)
}
