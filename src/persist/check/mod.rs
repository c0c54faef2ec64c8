//! Looks at data files without loading them: what they hold, or what is wrong with them and where;
//! and cuts off of an append-only file what no server takes for data, or what is after a time.
//!
//! What it says are the words of Redis's own tools, so that scripts which look for them still find
//! them, with more of what kvd knows. What is cut off is first copied into a file beside: nothing
//! that was there is ever gone.
//!
//! - `rdb`: a snapshot;
//! - `aof`: one file of commands, or all that a manifest names;
//! - `cut`: what is kept before anything is removed.

mod aof;
mod cut;
mod rdb;

use std::io;

use crate::dispatch::table::Registry;
use crate::host::{Disk, OpenMode, error_text};

/// Whom it talks to.
pub trait Console {
    /// Says something: a line or more, each with its end.
    fn say(&mut self, text: &str);
    /// Asks something that only a person can decide.
    fn confirm(&mut self, question: &str) -> bool;
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Say what is there.
    Check,
    /// Cut off what a crash left.
    Repair,
    /// Cut off what was written after this time, in Unix seconds.
    CutAfter(i64),
}

/// Looks at files of a directory.
pub struct Checker<'a> {
    disk: &'a mut dyn Disk,
    console: &'a mut dyn Console,
    task: Task,
    now_ms: i64,
    registry: Registry,
}

/// What the directory of the append-only file is called if nobody says otherwise.
const AOF_DIR: &str = "appendonlydir";
/// How much of a file tells what it is.
const HEAD_BYTES: usize = 4096;

impl<'a> Checker<'a> {
    /// Looks at files of a disk.
    pub fn new(
        disk: &'a mut dyn Disk,
        console: &'a mut dyn Console,
        task: Task,
        now_ms: i64,
    ) -> Checker<'a> {
        Checker {
            disk,
            console,
            task,
            now_ms,
            registry: crate::registry(),
        }
    }

    /// Looks at a file, or at the append-only file of a directory. Whether all is
    /// sound in the end.
    pub fn run(&mut self, name: &str) -> bool {
        self.look(name).unwrap_or_else(|error| {
            let name = if name.is_empty() { "." } else { name };
            self.say(format_args!("{name}: {}", error_text(&error)));
            false
        })
    }

    fn look(&mut self, name: &str) -> io::Result<bool> {
        if let Ok(names) = self.disk.list(name) {
            return self.directory(name, &names);
        }
        let head = self.head(name)?;
        if is_manifest(name, &head) {
            return self.multi_part(name);
        }
        if self.task != Task::Check
            && let Some(manifest) = self.named_by(name)?
        {
            self.say(format_args!(
                "{name} is a part of what {manifest} names: give that instead, so that nothing is \
                 cut in the middle"
            ));
            return Ok(false);
        }
        match is_rdb(&head) {
            true => self.snapshot(name),
            false => self.single(name),
        }
    }

    fn directory(&mut self, name: &str, names: &[String]) -> io::Result<bool> {
        let path = |file: &str| match name {
            "" => file.to_owned(),
            _ => format!("{name}/{file}"),
        };
        if let Some(manifest) = names.iter().find(|name| is_manifest_name(name)) {
            return self.multi_part(&path(manifest));
        }
        if names.iter().any(|name| name == AOF_DIR) {
            return self.look(&path(AOF_DIR));
        }
        self.say(format_args!(
            "There is no manifest of an append only file in this directory: give a file"
        ));
        Ok(false)
    }

    /// The manifest that names this file.
    fn named_by(&mut self, name: &str) -> io::Result<Option<String>> {
        let (dir, file) = split_path(name);
        for other in self.disk.list(dir)? {
            if is_manifest_name(&other) {
                let path = join(dir, &other);
                // One that cannot be read names nothing.
                let manifest = super::aof::files::read_manifest(self.disk, &path);
                let manifest = manifest.ok().flatten().unwrap_or_default();
                if manifest.to_load().any(|entry| entry.name == file) {
                    return Ok(Some(path));
                }
            }
        }
        Ok(None)
    }

    /// How a file begins.
    fn head(&mut self, name: &str) -> io::Result<Vec<u8>> {
        let file = self.disk.open(name, OpenMode::Read)?;
        let mut head = vec![0; HEAD_BYTES];
        let read = self.disk.read_at(file, 0, &mut head);
        self.disk.close(file);
        head.truncate(read?);
        Ok(head)
    }

    fn say(&mut self, line: std::fmt::Arguments<'_>) {
        self.console.say(&format!("{line}\n"));
    }
}

fn is_rdb(head: &[u8]) -> bool {
    head.starts_with(b"REDIS") || head.starts_with(b"VALKEY")
}

/// The manifest as such, not one that is being written.
fn is_manifest_name(name: &str) -> bool {
    name.ends_with(".manifest") && !name.starts_with("temp-")
}

/// Whether a file is a manifest: by its name, or by the first line that is no comment.
fn is_manifest(name: &str, head: &[u8]) -> bool {
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = lines.find(|line| !line.starts_with(b"#"));
    name.ends_with(".manifest") || first.is_some_and(|line| line.starts_with(b"file "))
}

/// The directory and the name.
fn split_path(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn join(dir: &str, name: &str) -> String {
    match dir {
        "" => name.to_owned(),
        _ => format!("{dir}/{name}"),
    }
}
