//! `kvd --check FILE` and `--repair FILE`: the files of the operating system, and the person in
//! front of the terminal, for [`crate::persist::check`].

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Disk;
use super::disk::OsDisk;
use crate::persist::check::{Checker, Console, Task};

/// Looks at a file or a directory, or repairs it. Whether all is sound, at the end.
pub fn check(path: &Path, task: Task, now_ms: i64) -> bool {
    let (dir, name) = match path.is_dir() {
        true => (path.to_owned(), String::new()),
        false => {
            let name = path.file_name().unwrap_or_default();
            (parent(path), name.to_string_lossy().into_owned())
        }
    };
    let mut terminal = Terminal;
    let mut disk = OsDisk::new(&dir);
    let mut above = OsDisk::new(dir.join(".."));
    // The data directory is the one of the file, or the one above that of the manifest.
    if task != Task::Check && (is_taken(&mut disk) || is_taken(&mut above)) {
        terminal.say("A server keeps its data here and is running: end it first.\n");
        return false;
    }
    Checker::new(&mut disk, &mut terminal, task, now_ms).run(&name)
}

fn is_taken(disk: &mut OsDisk) -> bool {
    disk.lock()
        .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Standard output and input.
struct Terminal;

impl Console for Terminal {
    fn say(&mut self, text: &str) {
        // A closed pipe (`| head`) is no error.
        let _ = io::stdout().write_all(text.as_bytes());
    }

    fn confirm(&mut self, question: &str) -> bool {
        self.say(question);
        let _ = io::stdout().flush();
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer);
        read.is_ok() && answer.trim_start().starts_with(['y', 'Y'])
    }
}
