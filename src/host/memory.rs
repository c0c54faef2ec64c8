//! A disk in memory: for tests and benchmarks of the core, and for servers that keep nothing.
//!
//! Every write is durable at once and nothing fails, but for a missing file or directory. A clone
//! is the same disk, so that a test can look at what a server wrote, and start another on it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;

use super::{Disk, FileId, OpenMode, SyncDone, SyncTicket};

type Content = Rc<RefCell<Vec<u8>>>;

/// Files in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk(Rc<RefCell<Files>>);

#[derive(Debug, Default)]
struct Files {
    by_name: BTreeMap<String, Content>,
    dirs: BTreeSet<String>,
    open: BTreeMap<FileId, Content>,
    next_file: u64,
    next_ticket: u64,
    done: Vec<SyncDone>,
}

fn missing<T>() -> io::Result<T> {
    Err(io::ErrorKind::NotFound.into())
}

/// The directory part of a name; empty for the data directory.
fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(dir, _)| dir)
}

impl MemoryDisk {
    /// The content of a file.
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        let files = self.0.borrow();
        files.by_name.get(name).map(|file| file.borrow().clone())
    }

    /// Puts a file there, and the directory it lies in.
    pub fn put(&self, name: &str, content: &[u8]) {
        let mut files = self.0.borrow_mut();
        if !parent(name).is_empty() {
            files.dirs.insert(parent(name).to_owned());
        }
        let content = Rc::new(RefCell::new(content.to_vec()));
        files.by_name.insert(name.to_owned(), content);
    }

    fn file(&self, id: FileId) -> io::Result<Content> {
        let files = self.0.borrow();
        files
            .open
            .get(&id)
            .map_or_else(missing, |file| Ok(Rc::clone(file)))
    }

    fn finish(&self) -> SyncTicket {
        let mut files = self.0.borrow_mut();
        files.next_ticket += 1;
        let ticket = SyncTicket(files.next_ticket);
        let result = Ok(());
        files.done.push(SyncDone { ticket, result });
        ticket
    }
}

impl Disk for MemoryDisk {
    fn open(&mut self, name: &str, mode: OpenMode) -> io::Result<FileId> {
        let mut files = self.0.borrow_mut();
        let dir = parent(name);
        if !dir.is_empty() && !files.dirs.contains(dir) {
            return missing();
        }
        let found = files.by_name.get(name).map(Rc::clone);
        let content = match (mode, found) {
            (OpenMode::Read, None) => return missing(),
            (OpenMode::Read | OpenMode::Append, Some(content)) => content,
            // Who has the old file open keeps it, as on a real disk.
            (OpenMode::Append | OpenMode::Create, _) => Content::default(),
        };
        files.by_name.insert(name.to_owned(), Rc::clone(&content));
        files.next_file += 1;
        let id = FileId(files.next_file);
        files.open.insert(id, content);
        Ok(id)
    }

    fn close(&mut self, file: FileId) {
        self.0.borrow_mut().open.remove(&file);
    }

    fn append(&mut self, file: FileId, bytes: &[u8]) -> io::Result<usize> {
        self.file(file)?.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn read_at(&mut self, file: FileId, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let file = self.file(file)?;
        let content = file.borrow();
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|at| content.get(at..));
        let rest = rest.unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn len(&mut self, file: FileId) -> io::Result<u64> {
        Ok(self.file(file)?.borrow().len() as u64)
    }

    fn truncate(&mut self, file: FileId, len: u64) -> io::Result<()> {
        self.file(file)?.borrow_mut().truncate(len as usize);
        Ok(())
    }

    fn sync(&mut self, file: FileId) -> io::Result<()> {
        self.file(file).map(drop)
    }

    fn refresh(&mut self, name: &str, _offset: u64) -> io::Result<()> {
        self.stat(name)?
            .map(drop)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn request_sync(&mut self, file: FileId) -> io::Result<SyncTicket> {
        self.file(file)?;
        Ok(self.finish())
    }

    fn finished_syncs(&mut self, done: &mut Vec<SyncDone>) {
        done.append(&mut self.0.borrow_mut().done);
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut files = self.0.borrow_mut();
        let Some(content) = files.by_name.remove(from) else {
            return missing();
        };
        files.by_name.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let removed = self.0.borrow_mut().by_name.remove(name);
        removed.map_or_else(missing, |_| Ok(()))
    }

    fn create_dir(&mut self, name: &str) -> io::Result<()> {
        self.0.borrow_mut().dirs.insert(name.to_owned());
        Ok(())
    }

    fn list(&mut self, dir: &str) -> io::Result<Vec<String>> {
        let files = self.0.borrow();
        if !dir.is_empty() && !files.dirs.contains(dir) {
            return missing();
        }
        let names = files.by_name.keys().map(String::as_str);
        let files_in = names.chain(files.dirs.iter().map(String::as_str));
        let mut names: Vec<String> = files_in
            .filter(|name| parent(name) == dir)
            .map(|name| name.rsplit('/').next().unwrap_or(name).to_owned())
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    fn stat(&mut self, name: &str) -> io::Result<Option<u64>> {
        let files = self.0.borrow();
        Ok(files
            .by_name
            .get(name)
            .map(|file| file.borrow().len() as u64))
    }

    fn sync_dir(&mut self, _dir: &str) -> io::Result<()> {
        Ok(())
    }

    fn request_sync_dir(&mut self, _dir: &str) -> io::Result<SyncTicket> {
        Ok(self.finish())
    }
}
