//! A disk that can lose power and fail: what is in files and directories now, and what would be
//! there afterwards.
//!
//! A write is durable when a sync that was asked for after it has ended; a new name, a rename and
//! a removal when the directory has been synced. Of everything else a power cut keeps what chance
//! says: sectors in any order, a file's new or old length, changes of names in any order that their
//! names allow. Syncs that were asked for end some time later.
//!
//! A sync that fails leaves what kernels leave: pages that count as clean though the disk does not
//! have them. A later sync succeeds and does not write them; who reads the file may find either.

use std::cell::{RefCell, RefMut};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;
use kvd::host::{Disk, FileId, OpenMode, SyncDone, SyncTicket};

/// Written at once or not at all.
const SECTOR: usize = 64;

/// How often all disks of this process lost power, and their servers were killed.
pub static POWER_CUTS: AtomicU64 = AtomicU64::new(0);
pub static KILLS: AtomicU64 = AtomicU64::new(0);

type Inode = u64;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call fails, and has no effect.
    Error,
    /// There is no room: a write is cut off in its middle.
    Full,
    /// A sync fails, now or when it ends; another call has no effect.
    Sync,
}

#[derive(Clone, Debug, Default)]
struct File {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors of a failed sync that were not written since: no sync writes them.
    lost: BTreeSet<usize>,
    /// Syncs asked for, and the youngest of them that has succeeded.
    asked: u64,
    synced: u64,
}

impl File {
    fn append(&mut self, bytes: &[u8]) {
        let first = self.live.len() / SECTOR;
        self.live.extend_from_slice(bytes);
        self.lost.split_off(&first);
    }

    fn truncate(&mut self, len: usize) {
        self.live.truncate(len);
        self.lost.split_off(&(len / SECTOR));
    }

    /// What a sync that succeeds makes durable of what there was when it was asked for.
    fn synced(&mut self, asked: &Asked) {
        if asked.number < self.synced {
            // A younger one made more durable.
            return;
        }
        self.synced = asked.number;
        let mut content = asked.content.clone();
        for sector in &asked.lost {
            copy_sector(*sector, &self.durable, &mut content);
        }
        self.durable = content;
    }

    /// The sync fails: of what was to be written some is, and nothing of it will be later.
    fn sync_failed(&mut self, asked: &Asked, rng: &mut Rng) {
        let is_new = |s: &usize| sector(&self.durable, *s) != sector(&asked.content, *s);
        let new: Vec<usize> = sectors(asked.content.len()).filter(is_new).collect();
        for at in new {
            // What was appended since is dirty again, and with it the sector that it shares.
            let is_same = sector(&self.live, at) == sector(&asked.content, at);
            if is_same && rng.bool() {
                self.lost.insert(at);
            }
        }
    }
}

/// What a file was when a sync of it was asked for.
#[derive(Clone, Debug)]
struct Asked {
    number: u64,
    content: Vec<u8>,
    lost: BTreeSet<usize>,
}

fn sectors(len: usize) -> std::ops::Range<usize> {
    0..len.div_ceil(SECTOR)
}

fn sector(content: &[u8], at: usize) -> &[u8] {
    let end = content.len().min((at + 1) * SECTOR);
    content.get(at * SECTOR..end).unwrap_or_default()
}

/// Puts a sector of one content in place of another's; what it does not have is zeros.
fn copy_sector(at: usize, from: &[u8], to: &mut [u8]) {
    let end = to.len().min((at + 1) * SECTOR);
    let place = &mut to[at * SECTOR..end];
    let have = sector(from, at);
    let len = have.len().min(place.len());
    place[..len].copy_from_slice(&have[..len]);
    place[len..].fill(0);
}

#[derive(Clone, Debug)]
enum Name {
    Dir(String),
    Link(String, Inode),
    Rename(String, String),
    Remove(String),
}

impl Name {
    /// The names it is about.
    fn names(&self) -> Vec<&str> {
        match self {
            Name::Dir(name) | Name::Remove(name) => vec![name],
            Name::Link(name, _) => vec![name, parent(name)],
            Name::Rename(from, to) => vec![from, to],
        }
    }
}

/// Those changes of names that a power cut keeps: each may be lost, and with it all that build on
/// it.
fn kept_names(changes: &[Name], rng: &mut Rng) -> Vec<Name> {
    let (mut lost, mut kept) = (BTreeSet::new(), Vec::new());
    let favour = rng.u32(..=10);
    for change in changes {
        let names = change.names();
        let builds_on_lost = names.iter().any(|name| lost.contains(name));
        if builds_on_lost || rng.u32(..10) >= favour {
            lost.extend(names.into_iter().filter(|name| !name.is_empty()));
        } else {
            kept.push(change.clone());
        }
    }
    kept
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
    File(Inode, Asked),
    /// A directory, with how many changes of names there had been.
    Dir(u64),
}

#[derive(Debug)]
struct State {
    files: BTreeMap<Inode, File>,
    live: Names,
    durable: Names,
    /// Changes of names since the last sync of a directory, which makes those of all durable, and
    /// how many there were before.
    changes: Vec<Name>,
    changes_synced: u64,
    open: BTreeMap<FileId, Inode>,
    syncs: Vec<(SyncTicket, Target, io::Result<()>)>,
    next: u64,
    rng: Rng,
    /// Calls that are still carried out; what comes after fails.
    calls_left: u64,
    calls: u64,
    /// Of so many calls one fails; 0: none.
    fault_every: u64,
    /// Faults that came up.
    faults: u64,
    syncs_failed: u64,
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
            changes_synced: 0,
            open: BTreeMap::new(),
            syncs: Vec::new(),
            next: 1,
            rng: Rng::with_seed(seed),
            calls_left: u64::MAX,
            calls: 0,
            fault_every: 0,
            faults: 0,
            syncs_failed: 0,
        })))
    }

    /// One of so many calls goes wrong, as chance says; with 0 none does any more.
    pub fn fail_every(&self, calls: u64) {
        self.0.borrow_mut().fault_every = calls;
    }

    /// The files and their lengths.
    pub fn files(&self) -> Vec<(String, usize)> {
        let state = self.0.borrow();
        let len = |inode| state.files[inode].live.len();
        let files = state.live.files.iter();
        files
            .map(|(name, inode)| (name.clone(), len(inode)))
            .collect()
    }

    /// Faults that came up so far.
    pub fn faults(&self) -> u64 {
        self.0.borrow().faults
    }

    /// Syncs of files that failed so far.
    pub fn syncs_failed(&self) -> u64 {
        self.0.borrow().syncs_failed
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
        KILLS.fetch_add(1, Ordering::Relaxed);
        let mut state = self.0.borrow_mut();
        let disk = SimDisk::new(state.rng.u64(..));
        let mut new = disk.0.borrow_mut();
        new.next = state.next;
        new.files = state.files.clone();
        for file in new.files.values_mut() {
            // Pages that count as clean may have left the memory.
            for at in file.lost.clone() {
                if state.rng.bool() {
                    copy_sector(at, &file.durable, &mut file.live);
                }
            }
        }
        new.live = state.live.clone();
        new.durable = state.durable.clone();
        new.changes = state.changes.clone();
        drop(new);
        disk
    }

    /// The disk after a power cut.
    pub fn after_power_cut(&self) -> SimDisk {
        POWER_CUTS.fetch_add(1, Ordering::Relaxed);
        let mut state = self.0.borrow_mut();
        let seed = state.rng.u64(..);
        let mut names = state.durable.clone();
        let changes = std::mem::take(&mut state.changes);
        for change in kept_names(&changes, &mut state.rng) {
            names.change(&change);
        }
        state.changes = changes;
        let disk = SimDisk::new(seed);
        let mut new = disk.0.borrow_mut();
        new.next = state.next;
        for inode in names.files.values() {
            let file = state.files[inode].clone();
            let content = survivors(&file, &mut state.rng);
            let file = File {
                live: content.clone(),
                durable: content,
                ..File::default()
            };
            new.files.insert(*inode, file);
        }
        new.live = names.clone();
        new.durable = names;
        drop(new);
        disk
    }

    /// Counts a call; with the fault that comes up in it, unless all of it fails.
    fn begin(&self) -> io::Result<(RefMut<'_, State>, Option<Fault>)> {
        let mut state = self.0.borrow_mut();
        state.calls += 1;
        if state.calls_left == 0 {
            return Err(io::Error::other("the disk is gone"));
        }
        state.calls_left -= 1;
        let mut fault = None;
        let every = state.fault_every;
        if every > 0 && state.rng.u64(..every) == 0 {
            let kinds = [Fault::Error, Fault::Full, Fault::Sync];
            fault = Some(kinds[state.rng.usize(..3)]);
        }
        state.faults += u64::from(fault.is_some());
        match fault {
            Some(Fault::Error) => Err(io::Error::other("Input/output error")),
            other => Ok((state, other)),
        }
    }

    fn call(&self) -> io::Result<RefMut<'_, State>> {
        self.begin().map(|(state, _)| state)
    }

    /// A call that needs room.
    fn call_for_room(&self) -> io::Result<RefMut<'_, State>> {
        let (state, fault) = self.begin()?;
        match fault {
            Some(Fault::Full) => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(state),
        }
    }

    /// A sync, with whether it succeeds.
    fn call_for_sync(&self) -> io::Result<(RefMut<'_, State>, io::Result<()>)> {
        let (state, fault) = self.begin()?;
        let result = match fault {
            Some(Fault::Sync) => Err(io::Error::other("Input/output error")),
            _ => Ok(()),
        };
        Ok((state, result))
    }
}

/// What a power cut leaves of a file.
fn survivors(file: &File, rng: &mut Rng) -> Vec<u8> {
    let (old, new) = (&file.durable, &file.live);
    let (shorter, longer) = (old.len().min(new.len()), old.len().max(new.len()));
    let len = rng.usize(shorter..=longer);
    let mut content = vec![0; len];
    let favour = rng.u32(1..10);
    for at in sectors(len) {
        let is_written = rng.u32(..10) < favour && !file.lost.contains(&at);
        copy_sector(at, if is_written { new } else { old }, &mut content);
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

    fn asked(&mut self, inode: Inode) -> Asked {
        let file = self.files.entry(inode).or_default();
        file.asked += 1;
        Asked {
            number: file.asked,
            content: file.live.clone(),
            lost: file.lost.clone(),
        }
    }

    /// A sync ends.
    fn sync(&mut self, target: Target, result: &io::Result<()>) {
        match target {
            Target::File(inode, asked) => {
                let Some(file) = self.files.get_mut(&inode) else {
                    return;
                };
                if result.is_ok() {
                    file.synced(&asked);
                } else {
                    self.syncs_failed += 1;
                    file.sync_failed(&asked, &mut self.rng);
                }
            }
            Target::Dir(until) if result.is_ok() => {
                let count = until.saturating_sub(self.changes_synced);
                for change in self.changes.drain(..count as usize) {
                    self.durable.change(&change);
                }
                self.changes_synced += count;
            }
            Target::Dir(_) => {}
        }
    }

    fn ask(&mut self, target: Target, result: io::Result<()>) -> SyncTicket {
        self.next += 1;
        let ticket = SyncTicket(self.next);
        self.syncs.push((ticket, target, result));
        ticket
    }

    fn changes_made(&self) -> u64 {
        self.changes_synced + self.changes.len() as u64
    }
}

impl Disk for SimDisk {
    fn open(&mut self, name: &str, mode: OpenMode) -> io::Result<FileId> {
        let mut state = self.call_for_room()?;
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
        let (mut state, fault) = self.begin()?;
        // The last call is cut off in its middle, and so is one without room.
        let len = if is_last || fault == Some(Fault::Full) {
            state.rng.usize(..=bytes.len())
        } else {
            bytes.len()
        };
        state.file(file)?.append(&bytes[..len]);
        match len {
            0 if fault.is_some() => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(len),
        }
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
        self.call()?.file(file)?.truncate(len as usize);
        Ok(())
    }

    fn sync(&mut self, file: FileId) -> io::Result<()> {
        let (mut state, result) = self.call_for_sync()?;
        let inode = *state.open.get(&file).ok_or_else(missing)?;
        let asked = state.asked(inode);
        state.sync(Target::File(inode, asked), &result);
        result
    }

    fn refresh(&mut self, name: &str, offset: u64) -> io::Result<()> {
        let (mut state, result) = self.call_for_sync()?;
        let inode = *state.live.files.get(name).ok_or_else(missing)?;
        if let Some(file) = state.files.get_mut(&inode) {
            file.lost.split_off(&(offset as usize / SECTOR));
        }
        let asked = state.asked(inode);
        state.sync(Target::File(inode, asked), &result);
        result
    }

    fn request_sync(&mut self, file: FileId) -> io::Result<SyncTicket> {
        let (mut state, result) = self.call_for_sync()?;
        let inode = *state.open.get(&file).ok_or_else(missing)?;
        let asked = state.asked(inode);
        Ok(state.ask(Target::File(inode, asked), result))
    }

    fn finished_syncs(&mut self, done: &mut Vec<SyncDone>) {
        let mut state = self.0.borrow_mut();
        while !state.syncs.is_empty() && state.calls_left > 0 && state.rng.bool() {
            let (ticket, target, result) = state.syncs.remove(0);
            state.sync(target, &result);
            done.push(SyncDone { ticket, result });
        }
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.call_for_room()?;
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
        let mut state = self.call_for_room()?;
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
        let (mut state, result) = self.call_for_sync()?;
        let made = state.changes_made();
        state.sync(Target::Dir(made), &result);
        result
    }

    fn request_sync_dir(&mut self, _dir: &str) -> io::Result<SyncTicket> {
        let (mut state, result) = self.call_for_sync()?;
        let made = state.changes_made();
        Ok(state.ask(Target::Dir(made), result))
    }
}
