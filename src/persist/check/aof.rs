//! Files of commands: read as the server reads them at its start, but nothing runs.

use std::io;

use crate::dispatch::lookup;
use crate::dispatch::table::Registry;
use crate::host::{Disk, OpenMode, error_text};
use crate::persist::aof::files::{LoadFile, mark_torn, read_manifest};
use crate::persist::aof::frame::HEADER_LEN;
use crate::persist::aof::manifest::{FileType, Manifest};
use crate::persist::aof::reader::{Damage, Item, NO_EXEC, Piece, Reader, piece};
use crate::resp::args::{Args, Span};

use super::cut::cut;
use super::{Checker, Task, is_rdb, join, split_path};

/// What a file of commands holds, as far as it was read.
#[derive(Debug, Default)]
struct Scan {
    commands: u64,
    frames: u64,
    /// Commands outside of frames.
    unchecked: u64,
    /// Bytes that frames say were durable.
    synced: u64,
    /// Where the transaction began that is open.
    began: Option<u64>,
    /// Lines that Redis's tool counts: one a command, two a word, one an annotation.
    lines: u64,
    first_s: Option<i64>,
    last_s: Option<i64>,
    spans: Vec<Span>,
}

/// Why reading ended.
#[derive(Debug)]
enum End {
    Whole,
    Damaged(Damage),
    /// A command that kvd does not have.
    Unknown(u64, String),
    /// What follows was written after the time that was asked for.
    After(u64),
}

impl Checker<'_> {
    /// One file that no manifest names.
    pub(super) fn single(&mut self, name: &str) -> io::Result<bool> {
        self.say(format_args!("Start checking Old-Style AOF"));
        self.commands(name, 0, "AOF", true)
    }

    /// The commands behind a snapshot that is sound.
    pub(super) fn preamble(
        &mut self,
        name: &str,
        end: u64,
        label: &str,
        is_last: bool,
    ) -> io::Result<bool> {
        self.say(format_args!(
            "RDB preamble is OK, proceeding with AOF tail..."
        ));
        self.commands(name, end, label, is_last)
    }

    /// All files that a manifest names.
    pub(super) fn multi_part(&mut self, path: &str) -> io::Result<bool> {
        self.say(format_args!("Start checking Multi Part AOF"));
        let manifest = match read_manifest(self.disk, path) {
            Ok(manifest) => manifest.unwrap_or_default(),
            Err(error) => {
                self.say(format_args!("{path}: {}", error_text(&error)));
                return Ok(false);
            }
        };
        let (dir, _) = split_path(path);
        let Some(files) = self.find(dir, &manifest)? else {
            return Ok(false);
        };
        let mut is_sound = true;
        let mut has_incr = false;
        for (file, entry) in files.iter().zip(manifest.to_load()) {
            let is_rdb = entry.kind == FileType::Base && is_rdb(&self.head(&file.path)?);
            if entry.kind == FileType::Base {
                let format = if is_rdb { "RDB" } else { "RESP" };
                self.say(format_args!("Start to check BASE AOF ({format} format)."));
            } else if !has_incr {
                has_incr = true;
                self.say(format_args!("Start to check INCR files."));
            }
            is_sound &= match (is_rdb, entry.kind) {
                (true, _) => self.rdb_base(&file.path, file.may_be_torn)?,
                (_, FileType::Base) => {
                    self.commands(&file.path, 0, "BASE AOF", file.may_be_torn)?
                }
                _ => self.commands(&file.path, 0, "INCR AOF", file.may_be_torn)?,
            };
        }
        self.name_others(path, &manifest)?;
        if is_sound {
            self.say(format_args!("All AOF files and manifest are valid"));
        }
        Ok(is_sound)
    }

    /// The files that a manifest names, if all are there.
    fn find(&mut self, dir: &str, manifest: &Manifest) -> io::Result<Option<Vec<LoadFile>>> {
        let mut files = Vec::new();
        let mut are_there = true;
        for entry in manifest.to_load() {
            let path = join(dir, &entry.name);
            match LoadFile::find(self.disk, path.clone())? {
                Some(file) => files.push(file),
                None => {
                    are_there = false;
                    self.say(format_args!(
                        "Cannot open file {path}: No such file or directory. The manifest names it: \
                         restore it from a backup"
                    ));
                }
            }
        }
        mark_torn(&mut files, manifest.base.is_some());
        Ok(are_there.then_some(files))
    }

    fn rdb_base(&mut self, path: &str, is_last: bool) -> io::Result<bool> {
        match self.read_snapshot(path)? {
            Some(end) => self.preamble(path, end, "BASE AOF", is_last),
            None => {
                self.say(format_args!(
                    "RDB preamble of AOF file is not sane, aborting."
                ));
                Ok(false)
            }
        }
    }

    /// Files that lie beside and belong to nothing.
    fn name_others(&mut self, path: &str, manifest: &Manifest) -> io::Result<()> {
        let (dir, own_name) = split_path(path);
        for name in self.disk.list(dir)? {
            let mut known = manifest.to_load().chain(&manifest.history);
            if name != own_name && !known.any(|entry| entry.name == name) {
                self.say(format_args!(
                    "Note: {name} lies in the directory, but the manifest does not name it"
                ));
            }
        }
        Ok(())
    }

    /// The commands of one file from an offset on.
    fn commands(&mut self, name: &str, from: u64, label: &str, is_last: bool) -> io::Result<bool> {
        let size = self.size(name)?;
        if size == 0 {
            self.say(format_args!("{label} {name} is empty"));
            return Ok(true);
        }
        let file = self.disk.open(name, OpenMode::Read)?;
        let mut scan = Scan {
            lines: 1,
            ..Scan::default()
        };
        let until_s = match self.task {
            Task::CutAfter(until_s) => Some(until_s),
            _ => None,
        };
        let mut reader = Reader::new(self.disk, file, from)?;
        let end = scan.run(&mut reader, self.disk, &self.registry, until_s);
        self.disk.close(file);
        let end = end?;
        let ok_up_to = match &end {
            End::Whole => size,
            End::Unknown(at, _) | End::After(at) => *at,
            End::Damaged(Damage::Torn(at, _) | Damage::Corrupt(at) | Damage::Format(at)) => {
                scan.began.unwrap_or(*at)
            }
        };
        self.say(format_args!(
            "AOF analyzed: filename={name}, size={size}, ok_up_to={ok_up_to}, ok_up_to_line={}, \
             diff={}",
            scan.lines,
            size - ok_up_to
        ));
        self.say(format_args!("{}", scan.summary()));
        let place = Place {
            name,
            label,
            size,
            is_last,
        };
        match end {
            End::Whole => self.whole(&place),
            End::After(at) => self.cut_after(&place, at, &scan),
            End::Damaged(damage) => self.damaged(&place, damage, &scan),
            End::Unknown(at, command) => {
                self.say(format_args!(
                    "AOF {name} is not valid: Unknown command '{command}' at offset {at} (what \
                     rename-command names is not known here)"
                ));
                Ok(false)
            }
        }
    }

    fn whole(&mut self, place: &Place<'_>) -> io::Result<bool> {
        if let Task::CutAfter(until_s) = self.task {
            let name = place.name;
            self.say(format_args!(
                "Truncate nothing in AOF {name} to timestamp {until_s}"
            ));
        }
        self.say(format_args!("{} {} is valid", place.label, place.name));
        Ok(true)
    }

    fn cut_after(&mut self, place: &Place<'_>, at: u64, scan: &Scan) -> io::Result<bool> {
        let Task::CutAfter(until_s) = self.task else {
            return Ok(false);
        };
        let name = place.name;
        if scan.commands == 0 {
            self.say(format_args!(
                "AOF {name} has nothing before timestamp {until_s}, aborting..."
            ));
            return Ok(false);
        }
        if !place.is_last {
            self.say(format_args!(
                "Failed to truncate AOF {name} to timestamp {until_s} to offset {at} because it is \
                 not the last file."
            ));
            return Ok(false);
        }
        self.cut(place, at)?;
        self.say(format_args!(
            "Successfully truncated AOF {name} to timestamp {until_s}"
        ));
        Ok(true)
    }

    fn damaged(&mut self, place: &Place<'_>, damage: Damage, scan: &Scan) -> io::Result<bool> {
        let name = place.name;
        let at = match damage {
            Damage::Torn(at, what) => {
                self.say(format_args!(
                    "AOF {name} is not valid: it ends in {what}, from offset {at} on, as a crash \
                     leaves it"
                ));
                at
            }
            Damage::Format(at) => {
                self.say(format_args!(
                    "AOF {name} is not valid: format error, no command stands at offset {at}"
                ));
                scan.began.unwrap_or(at)
            }
            Damage::Corrupt(at) => {
                self.say(format_args!(
                    "AOF {name} is not valid: it is damaged at offset {at}, and later parts say \
                     that this was durable. No crash does this, and cutting it here would lose all \
                     that follows: it is left as it is. Restore a backup"
                ));
                return Ok(false);
            }
        };
        if self.task != Task::Repair {
            self.say(format_args!(
                "Use the --repair option to cut it off (it is kept in another file)."
            ));
            return Ok(false);
        }
        if !place.is_last {
            self.say(format_args!(
                "Failed to truncate AOF {name} because it is not the last file"
            ));
            return Ok(false);
        }
        // What follows may be more than a crash leaves.
        let asks = matches!(damage, Damage::Format(_));
        let (size, lost) = (place.size, place.size - at);
        self.say(format_args!(
            "This will shrink the AOF {name} from {size} bytes, with {lost} bytes, to {at} bytes"
        ));
        if asks && !self.console.confirm("Continue? [y/N]: ") {
            self.say(format_args!("Aborting..."));
            return Ok(false);
        }
        self.cut(place, at)?;
        self.say(format_args!("Successfully truncated AOF {name}"));
        Ok(true)
    }

    fn cut(&mut self, place: &Place<'_>, at: u64) -> io::Result<()> {
        let copy = cut(self.disk, place.name, at)?;
        let len = place.size - at;
        self.say(format_args!(
            "The {len} bytes that were cut off are kept in {copy}"
        ));
        Ok(())
    }
}

/// A file that was read.
struct Place<'a> {
    name: &'a str,
    label: &'a str,
    size: u64,
    /// Nothing was written behind it.
    is_last: bool,
}

impl Scan {
    fn run(
        &mut self,
        reader: &mut Reader,
        disk: &mut dyn Disk,
        registry: &Registry,
        until_s: Option<i64>,
    ) -> io::Result<End> {
        loop {
            let at = reader.offset();
            let (from, len) = match reader.peek(disk) {
                Ok(Item::End) => {
                    let torn = self.began.map(|began| Damage::Torn(began, NO_EXEC));
                    return Ok(torn.map_or(End::Whole, End::Damaged));
                }
                Ok(Item::Annotation(len)) => (0, len),
                Ok(Item::Command(len)) => {
                    self.unchecked += 1;
                    (0, len)
                }
                Ok(Item::Frame(header)) => {
                    self.frames += 1;
                    self.synced = self.synced.max(header.synced);
                    (HEADER_LEN, header.len as usize)
                }
                Err(fault) => return reader.judge(disk, fault, self.began).map(End::Damaged),
            };
            let ended = self.take(reader.bytes(from, len), at, from, registry, until_s);
            if let Some(end) = ended {
                return Ok(end);
            }
            reader.advance(from + len);
        }
    }

    /// Takes valid bytes, which stand `from` bytes behind the offset of what they belong to.
    fn take(
        &mut self,
        bytes: &[u8],
        offset: u64,
        from: usize,
        registry: &Registry,
        until_s: Option<i64>,
    ) -> Option<End> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = bytes.get(at..).unwrap_or_default();
            let place = offset + (from + at) as u64;
            match piece(rest, &mut self.spans) {
                None => return Some(End::Damaged(Damage::Corrupt(place))),
                Some(Piece::Empty(len)) => {
                    self.lines += 1;
                    let time_s = time_of(rest.get(..len).unwrap_or_default());
                    if time_s.is_some_and(|time_s| until_s.is_some_and(|until_s| time_s > until_s))
                    {
                        return Some(End::After(offset));
                    }
                    self.first_s = self.first_s.or(time_s);
                    self.last_s = time_s.or(self.last_s);
                    at += len;
                }
                Some(Piece::Command(len)) => {
                    let args = Args::new(rest, &self.spans, None);
                    let name = args.at(0);
                    self.commands += 1;
                    self.lines += 1 + 2 * args.len() as u64;
                    if name.eq_ignore_ascii_case(b"multi") {
                        self.began = Some(place);
                    } else if name.eq_ignore_ascii_case(b"exec") {
                        self.began = None;
                    } else if lookup::find(registry, args).is_none() {
                        let name = String::from_utf8_lossy(name).into_owned();
                        return Some(End::Unknown(place, name));
                    }
                    at += len;
                }
            }
        }
        None
    }

    fn summary(&self) -> String {
        let mut text = format!("  {} commands", self.commands);
        if self.frames > 0 {
            text += &format!(
                ", {} frames with checksums, {} bytes known to be durable",
                self.frames, self.synced
            );
        }
        if self.unchecked > 0 {
            text += &format!(", {} commands without checksums", self.unchecked);
        }
        if let (Some(first_s), Some(last_s)) = (self.first_s, self.last_s) {
            text += &format!(", timestamps from {first_s} to {last_s}");
        }
        text
    }
}

/// The time of an annotation that says one.
fn time_of(line: &[u8]) -> Option<i64> {
    let text = line.strip_prefix(b"#TS:")?.trim_ascii_end();
    std::str::from_utf8(text).ok()?.parse().ok()
}
