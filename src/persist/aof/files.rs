//! The files of the append-only directory: their names, the manifest on disk, and what is done
//! with them when the server starts.

use std::io;

use crate::config::Config;
use crate::engine::Engine;
use crate::host::{Disk, OpenMode, error_text};

use super::frame::{SEED_LINE_LEN, Seed};
use super::manifest::{Entry, FileType, Manifest};

/// The manifest is read whole; a longer one is none.
const MANIFEST_BYTES_MAX: u64 = 16 << 20;

/// How the files are called: `appenddirname` and `appendfilename`.
#[derive(Clone, Debug)]
pub struct Names {
    dir: String,
    file: String,
}

impl Names {
    /// The names that the configuration gives.
    pub fn of(config: &Config) -> Names {
        Names {
            dir: config.appenddirname.clone(),
            file: config.appendfilename.clone(),
        }
    }

    /// The directory.
    pub fn dir(&self) -> &str {
        &self.dir
    }

    /// A file of the directory, by its name.
    pub fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.dir)
    }

    /// The manifest, which says what belongs to the append-only file.
    pub fn manifest(&self) -> String {
        self.path(&format!("{}.manifest", self.file))
    }

    fn new_manifest(&self) -> String {
        self.path(&format!("temp-{}.manifest", self.file))
    }

    /// Lies there from before the first file until the first manifest is there: what has no
    /// manifest then was never promised to anybody.
    fn begun(&self) -> String {
        self.path(&format!("temp-{}.begun", self.file))
    }

    /// Whether a file of the directory is a base or an incremental file.
    fn is_part(&self, name: &str) -> bool {
        let rest = name.strip_prefix(&self.file);
        rest.is_some_and(|rest| rest.contains(".base.") || rest.contains(".incr."))
    }

    /// A base.
    pub fn base(&self, seq: u64, is_rdb: bool) -> Entry {
        let suffix = if is_rdb { "rdb" } else { "aof" };
        Entry {
            name: format!("{}.{seq}.base.{suffix}", self.file),
            seq,
            kind: FileType::Base,
        }
    }

    /// An incremental file.
    pub fn incr(&self, seq: u64) -> Entry {
        Entry {
            name: format!("{}.{seq}.incr.aof", self.file),
            seq,
            kind: FileType::Incr,
        }
    }
}

/// Reads a manifest, if there is one.
///
/// # Errors
/// What the disk says, or what is wrong with the manifest.
pub fn read_manifest(disk: &mut dyn Disk, path: &str) -> io::Result<Option<Manifest>> {
    read_manifest_there(disk, path).map_err(|error| named(&error, path))
}

fn read_manifest_there(disk: &mut dyn Disk, path: &str) -> io::Result<Option<Manifest>> {
    let Some(len) = disk.stat(path)? else {
        return Ok(None);
    };
    if len > MANIFEST_BYTES_MAX {
        return Err(io::Error::other("The AOF manifest file is too long"));
    }
    let file = disk.open(path, OpenMode::Read)?;
    let mut text = vec![0; len as usize];
    let mut filled = 0;
    while filled < text.len() {
        match disk.read_at(file, filled as u64, &mut text[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    disk.close(file);
    text.truncate(filled);
    Manifest::parse(&text).map(Some).map_err(io::Error::other)
}

/// Replaces the manifest, so that a crash leaves the old or the new one, and waits until it is
/// durable. What it names is made durable before: changes of names may survive in any order.
///
/// # Errors
/// What the disk says; the old manifest stays then.
pub fn write_manifest(disk: &mut dyn Disk, names: &Names, manifest: &Manifest) -> io::Result<()> {
    let new = names.new_manifest();
    let file = disk.open(&new, OpenMode::Create)?;
    let written = disk
        .append_all(file, &manifest.text())
        .and_then(|()| disk.sync(file));
    disk.close(file);
    written?;
    disk.sync_dir(names.dir())?;
    disk.rename(&new, &names.manifest())?;
    disk.sync_dir(names.dir())?;
    // With a manifest it says nothing any more.
    let _ = disk.remove(&names.begun());
    Ok(())
}

/// Makes the directory, in which the first files are to be written. Where it has no manifest, what
/// is written before there is one does not count.
///
/// # Errors
/// What the disk says.
pub fn begin_directory(disk: &mut dyn Disk, names: &Names, is_new: bool) -> io::Result<()> {
    let fails = |error: io::Error| named(&error, names.dir());
    disk.create_dir(names.dir()).map_err(fails)?;
    disk.sync_dir("")?;
    if is_new {
        let file = disk.open(&names.begun(), OpenMode::Append);
        disk.close(file.map_err(fails)?);
    }
    // What is read is to stay: a server before may have died without making it durable.
    disk.sync_dir(names.dir()).map_err(fails)
}

/// Reads the manifest, if there is one. Files that no manifest names are refused, unless there
/// never was one: to begin anew would be to lose them.
///
/// # Errors
/// What the disk says, what is wrong with the manifest, or that it is gone.
pub fn find_manifest(disk: &mut dyn Disk, names: &Names) -> io::Result<Option<Manifest>> {
    let manifest = read_manifest(disk, &names.manifest())?;
    if manifest.is_some() || disk.stat(&names.begun())?.is_some() {
        return Ok(manifest);
    }
    let found = match disk.list(names.dir()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.map_err(|error| named(&error, names.dir()))?,
    };
    match found.iter().find(|name| names.is_part(name)) {
        None => Ok(None),
        Some(part) => Err(io::Error::other(format!(
            "{} is there, but not the manifest {}: restore it (a line 'file NAME seq NUMBER type \
             b' for the base, type i for each incremental file, in their order), or move the files \
             away to begin without them",
            names.path(part),
            names.manifest()
        ))),
    }
}

/// An error with the file that it is about.
fn named(error: &io::Error, path: &str) -> io::Error {
    io::Error::new(error.kind(), format!("{path}: {}", error_text(error)))
}

/// A file to be loaded.
#[derive(Clone, Debug)]
pub struct LoadFile {
    /// Where it lies.
    pub path: String,
    /// Bytes of it.
    pub len: u64,
    /// No command is in it.
    is_empty: bool,
    /// It may end too early: nothing was written behind it.
    pub may_be_torn: bool,
}

impl LoadFile {
    /// Looks for a file; `None` if it is not there.
    ///
    /// # Errors
    /// What the disk says.
    pub fn find(disk: &mut dyn Disk, path: String) -> io::Result<Option<LoadFile>> {
        let Some(len) = disk.stat(&path)? else {
            return Ok(None);
        };
        let has_begun = len == SEED_LINE_LEN as u64 && begins_with_seed(disk, &path)?;
        Ok(Some(LoadFile {
            path,
            len,
            is_empty: len == 0 || has_begun,
            may_be_torn: false,
        }))
    }
}

impl Engine {
    /// Finds the files to be loaded; none if there is no append-only file yet. A file of a server
    /// before Redis 7 becomes the base of a new directory.
    ///
    /// # Errors
    /// The manifest cannot be read or is wrong, or a file is missing.
    pub fn find_aof(&mut self) -> io::Result<Vec<LoadFile>> {
        let names = Names::of(&self.config);
        let disk = self.disk.as_mut();
        let manifest = match find_manifest(disk, &names)? {
            Some(manifest) => manifest,
            None if disk.stat(&names.file)?.is_some() => upgrade(disk, &names)?,
            None => return Ok(Vec::new()),
        };
        finish_upgrade(disk, &names, &manifest)?;
        let mut files = Vec::new();
        for entry in manifest.to_load() {
            let path = names.path(&entry.name);
            let Some(file) = LoadFile::find(disk, path.clone())? else {
                return Err(io::Error::new(
                    io::ErrorKind::NotFound,
                    format!(
                        "The AOF file {path} : No such file or directory, but the manifest {} names it",
                        names.manifest()
                    ),
                ));
            };
            files.push(file);
        }
        mark_torn(&mut files, manifest.base.is_some());
        self.persist.aof.manifest = manifest;
        let others = files.split_last().map_or(&[][..], |(_, others)| others);
        self.persist.aof.rewrites.other_bytes = others.iter().map(|file| file.len).sum();
        Ok(files)
    }

    /// Goes on writing where the files end, or begins them: with the data that is there, if a
    /// snapshot was loaded.
    ///
    /// # Errors
    /// What the disk says.
    pub fn open_aof(&mut self) -> io::Result<()> {
        let names = Names::of(&self.config);
        let mut manifest = std::mem::take(&mut self.persist.aof.manifest);
        let is_new = manifest == Manifest::default();
        begin_directory(self.disk.as_mut(), &names, is_new)?;
        if is_new {
            let base = names.base(1, self.config.aof_use_rdb_preamble);
            self.write_first_base(&names.path(&base.name))?;
            manifest.base = Some(base);
        }
        let log = match manifest.incr.last() {
            Some(last) => self.resume_log(&names.path(&last.name))?,
            None => {
                // One that is there was begun by a server that did not come to naming it.
                let entry = names.incr(manifest.next_incr());
                let log = self.begin_log(&names.path(&entry.name))?;
                manifest.incr.push(entry);
                log
            }
        };
        let disk = self.disk.as_mut();
        remove_history(disk, &names, &mut manifest);
        write_manifest(disk, &names, &manifest)?;
        let aof = &mut self.persist.aof;
        aof.manifest = manifest;
        aof.rewrites.base_bytes = aof.rewrites.other_bytes + log.bytes();
        aof.begin_file(log);
        self.effects.listeners.propagation = true;
        Ok(())
    }
}

fn begins_with_seed(disk: &mut dyn Disk, path: &str) -> io::Result<bool> {
    let file = disk.open(path, OpenMode::Read)?;
    let mut line = [0; SEED_LINE_LEN];
    let read = disk.read_at(file, 0, &mut line);
    disk.close(file);
    read.map(|_| Seed::parse(&line).is_some())
}

/// The last file may be torn, and one that only empty files follow: they were named for a rewrite
/// that did not begin. A base was durable before any other file was named.
pub fn mark_torn(files: &mut [LoadFile], has_base: bool) {
    let is_alone = files.len() == 1;
    let incr = if has_base && !is_alone { 1 } else { 0 };
    for file in files.iter_mut().skip(incr).rev() {
        file.may_be_torn = true;
        if !file.is_empty {
            break;
        }
    }
}

/// Makes the one file of an old server the base.
fn upgrade(disk: &mut dyn Disk, names: &Names) -> io::Result<Manifest> {
    tracing::info!("Migrating the old-style append only file {}", names.file);
    begin_directory(disk, names, true)?;
    let manifest = Manifest {
        base: Some(Entry {
            name: names.file.clone(),
            seq: 1,
            kind: FileType::Base,
        }),
        ..Manifest::default()
    };
    write_manifest(disk, names, &manifest)?;
    Ok(manifest)
}

/// Moves the old file into the directory; the manifest names it already.
fn finish_upgrade(disk: &mut dyn Disk, names: &Names, manifest: &Manifest) -> io::Result<()> {
    let is_base = |entry: &Entry| entry.name == names.file;
    let path = names.path(&names.file);
    if manifest.base.as_ref().is_some_and(is_base)
        && disk.stat(&path)?.is_none()
        && disk.stat(&names.file)?.is_some()
    {
        disk.rename(&names.file, &path)?;
        disk.sync_dir(names.dir())?;
        disk.sync_dir("")?;
    }
    Ok(())
}

/// Removes files that are not needed any more, and forgets them.
pub fn remove_history(disk: &mut dyn Disk, names: &Names, manifest: &mut Manifest) {
    for entry in manifest.history.drain(..) {
        if let Err(error) = disk.remove(&names.path(&entry.name))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(
                "Cannot remove the old append only file {}: {error}",
                entry.name
            );
        }
    }
}
