//! A disk that can lose power: what is in files and directories now, and what would be there
//! afterwards.
//!
//! A write is durable when a sync that was asked for after it has ended; a new name, a rename and
//! a removal when the directory has been synced. Of everything else a power cut keeps what chance
//! says: sectors in any order, a file's new or old length, the first few changes of names. Syncs
//! that were asked for end some time later.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use fastrand::Rng;
use kvd::host::{Disk, FileId, OpenMode, SyncDone, SyncTicket};

/// Written at once or not at all.
const SECTOR: usize = 64;

type Inode = u64;

#[derive(Clone, Debug, Default)]
struct File {
    live: Vec<u8>,
    durable: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Name {
    Dir(String),
    Link(String, Inode),
    Rename(String, String),
    Remove(String),
}

#[derive(Clone, Debug, Default)]
struct Names {
    files: BTreeMap<String, Inode>,
    dirs: Vec<String>,
}

impl Names {
    fn change(&mut self, change: &Name) {
        match change {
            Name::Dir(name) => self.dirs.push(name.clone()),
            Name::Link(name, inode) => {
                self.files.insert(name.clone(), *inode);
            }
            Name::Rename(from, to) => {
                if let Some(inode) = self.files.remove(from) {
                    self.files.insert(to.clone(), inode);
                }
            }
            Name::Remove(name) => {
                self.files.remove(name);
            }
        }
    }
}

#[derive(Debug)]
enum Target {
    /// A file, with what it held when the sync was asked for.
    File(Inode, Vec<u8>),
    /// A directory, with how many changes of names there were.
    Dir(usize),
}

#[derive(Debug)]
struct State {
    files: BTreeMap<Inode, File>,
    live: Names,
    durable: Names,
    /// Changes of names since the last sync of a directory. There is one journal for all.
    changes: Vec<Name>,
    open: BTreeMap<FileId, Inode>,
    syncs: Vec<(SyncTicket, Target)>,
    next: u64,
    rng: Rng,
    /// Calls that are still carried out; what comes after fails.
    calls_left: u64,
    calls: u64,
}

/// See the module's text. A clone is the same disk.
#[derive(Clone, Debug)]
pub struct SimDisk(Rc<RefCell<State>>);

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(dir, _)| dir)
}

impl SimDisk {
    /// An empty disk.
    pub fn new(seed: u64) -> SimDisk {
        SimDisk(Rc::new(RefCell::new(State {
            files: BTreeMap::new(),
            live: Names::default(),
            durable: Names::default(),
            changes: Vec::new(),
            open: BTreeMap::new(),
            syncs: Vec::new(),
            next: 1,
            rng: Rng::with_seed(seed),
            calls_left: u64::MAX,
            calls: 0,
        })))
    }

    /// Calls so far.
    pub fn calls(&self) -> u64 {
        self.0.borrow().calls
    }

    /// After this many more calls nothing works any more.
    pub fn fail_after(&self, calls: u64) {
        self.0.borrow_mut().calls_left = calls;
    }

    /// The disk as another process finds it after the death of this one.
    pub fn after_kill(&self) -> SimDisk {
        let state = self.0.borrow();
        let disk = SimDisk::new(state.rng.clone().u64(..));
        let mut new = disk.0.borrow_mut();
        new.next = state.next;
        new.files = state.files.clone();
        new.live = state.live.clone();
        new.durable = state.durable.clone();
        new.changes = state.changes.clone();
        drop(new);
        disk
    }

    /// The disk after a power cut.
    pub fn after_power_cut(&self) -> SimDisk {
        let mut state = self.0.borrow_mut();
        let seed = state.rng.u64(..);
        let mut names = state.durable.clone();
        let count = state.changes.len();
        let kept = state.rng.usize(..=count);
        let changes = state.changes[..kept].to_vec();
        changes.iter().for_each(|change| names.change(change));
        let disk = SimDisk::new(seed);
        let mut new = disk.0.borrow_mut();
        new.next = state.next;
        for inode in names.files.values() {
            let file = state.files[inode].clone();
            let content = survivors(&file, &mut state.rng);
            let file = File {
                live: content.clone(),
                durable: content,
            };
            new.files.insert(*inode, file);
        }
        new.live = names.clone();
        new.durable = names;
        drop(new);
        disk
    }

    fn call(&self) -> io::Result<std::cell::RefMut<'_, State>> {
        let mut state = self.0.borrow_mut();
        state.calls += 1;
        if state.calls_left == 0 {
            return Err(io::Error::other("the disk is gone"));
        }
        state.calls_left -= 1;
        Ok(state)
    }
}

/// What a power cut leaves of a file.
fn survivors(file: &File, rng: &mut Rng) -> Vec<u8> {
    let (old, new) = (&file.durable, &file.live);
    let (shorter, longer) = (old.len().min(new.len()), old.len().max(new.len()));
    let len = rng.usize(shorter..=longer);
    let mut content = vec![0; len];
    let favour = rng.u32(1..10);
    for start in (0..len).step_by(SECTOR) {
        let end = len.min(start + SECTOR);
        let pick = if rng.u32(..10) < favour { new } else { old };
        let have = pick.get(start..end.min(pick.len())).unwrap_or_default();
        content[start..start + have.len()].copy_from_slice(have);
    }
    content
}

impl State {
    fn file(&mut self, id: FileId) -> io::Result<&mut File> {
        let inode = self.open.get(&id).ok_or_else(missing)?;
        self.files.get_mut(inode).ok_or_else(missing)
    }

    fn change(&mut self, change: Name) {
        self.live.change(&change);
        self.changes.push(change);
    }

    fn sync(&mut self, target: Target) {
        match target {
            Target::File(inode, content) => {
                if let Some(file) = self.files.get_mut(&inode) {
                    file.durable = content;
                }
            }
            Target::Dir(count) => {
                let count = count.min(self.changes.len());
                for change in self.changes.drain(..count) {
                    self.durable.change(&change);
                }
            }
        }
    }

    fn ask(&mut self, target: Target) -> SyncTicket {
        self.next += 1;
        let ticket = SyncTicket(self.next);
        self.syncs.push((ticket, target));
        ticket
    }
}

impl Disk for SimDisk {
    fn open(&mut self, name: &str, mode: OpenMode) -> io::Result<FileId> {
        let mut state = self.call()?;
        let dir = parent(name);
        if !dir.is_empty() && !state.live.dirs.iter().any(|known| known == dir) {
            return Err(missing());
        }
        let found = state.live.files.get(name).copied();
        let inode = match (mode, found) {
            (OpenMode::Read, None) => return Err(missing()),
            (OpenMode::Read | OpenMode::Append, Some(inode)) => inode,
            (OpenMode::Append | OpenMode::Create, _) => {
                state.next += 1;
                let inode = state.next;
                state.files.insert(inode, File::default());
                state.change(Name::Link(name.to_owned(), inode));
                inode
            }
        };
        state.next += 1;
        let id = FileId(state.next);
        state.open.insert(id, inode);
        Ok(id)
    }

    fn close(&mut self, file: FileId) {
        self.0.borrow_mut().open.remove(&file);
    }

    fn append(&mut self, file: FileId, bytes: &[u8]) -> io::Result<usize> {
        let is_last = self.0.borrow().calls_left == 1;
        let mut state = self.call()?;
        // The last call is cut off in its middle.
        let len = if is_last {
            state.rng.usize(..=bytes.len())
        } else {
            bytes.len()
        };
        state.file(file)?.live.extend_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn read_at(&mut self, file: FileId, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.call()?;
        let content = &state.file(file)?.live;
        let rest = content.get(offset as usize..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn len(&mut self, file: FileId) -> io::Result<u64> {
        Ok(self.call()?.file(file)?.live.len() as u64)
    }

    fn truncate(&mut self, file: FileId, len: u64) -> io::Result<()> {
        self.call()?.file(file)?.live.truncate(len as usize);
        Ok(())
    }

    fn sync(&mut self, file: FileId) -> io::Result<()> {
        let mut state = self.call()?;
        let file = state.file(file)?;
        file.durable = file.live.clone();
        Ok(())
    }

    fn request_sync(&mut self, file: FileId) -> io::Result<SyncTicket> {
        let mut state = self.call()?;
        let content = state.file(file)?.live.clone();
        let inode = state.open[&file];
        Ok(state.ask(Target::File(inode, content)))
    }

    fn finished_syncs(&mut self, done: &mut Vec<SyncDone>) {
        let mut state = self.0.borrow_mut();
        while !state.syncs.is_empty() && state.calls_left > 0 && state.rng.bool() {
            let (ticket, target) = state.syncs.remove(0);
            state.sync(target);
            let result = Ok(());
            done.push(SyncDone { ticket, result });
        }
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.call()?;
        if !state.live.files.contains_key(from) {
            return Err(missing());
        }
        state.change(Name::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.call()?;
        if !state.live.files.contains_key(name) {
            return Err(missing());
        }
        state.change(Name::Remove(name.to_owned()));
        Ok(())
    }

    fn create_dir(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.call()?;
        if !state.live.dirs.iter().any(|dir| dir == name) {
            state.change(Name::Dir(name.to_owned()));
        }
        Ok(())
    }

    fn list(&mut self, dir: &str) -> io::Result<Vec<String>> {
        let state = self.call()?;
        let names = state.live.files.keys().filter(|name| parent(name) == dir);
        let last = |name: &String| name.rsplit('/').next().unwrap_or(name).to_owned();
        Ok(names.map(last).collect())
    }

    fn stat(&mut self, name: &str) -> io::Result<Option<u64>> {
        let state = self.call()?;
        let inode = state.live.files.get(name);
        Ok(inode.map(|inode| state.files[inode].live.len() as u64))
    }

    fn sync_dir(&mut self, _dir: &str) -> io::Result<()> {
        let mut state = self.call()?;
        let count = state.changes.len();
        state.sync(Target::Dir(count));
        Ok(())
    }

    fn request_sync_dir(&mut self, _dir: &str) -> io::Result<SyncTicket> {
        let mut state = self.call()?;
        let count = state.changes.len();
        Ok(state.ask(Target::Dir(count)))
    }
}
