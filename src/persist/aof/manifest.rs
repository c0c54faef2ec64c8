//! The manifest: which files make up the append-only file, in Redis 7's format.
//!
//! One line a file, `file NAME seq NUMBER type b|h|i`: at most one base, the incremental files in
//! the order of their numbers, and history files that are to be removed. Lines that begin with `#`
//! are skipped. Names are names, not paths.

use std::fmt;

use crate::config::syntax::split_words;
use crate::text::quote;

/// The longest line that is read, with its end: Redis's limit.
const LINE_LEN_MAX: usize = 1024;

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    /// The data as it was when the file was begun.
    Base,
    /// What changed since, one file after the other.
    Incr,
    /// Not needed any more.
    History,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the append-only directory.
    pub name: String,
    /// Its number among the files of its type.
    pub seq: u64,
    /// What it is for.
    pub kind: FileType,
}

/// All files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The base, if there is one.
    pub base: Option<Entry>,
    /// The incremental files, oldest first.
    pub incr: Vec<Entry>,
    /// Files to be removed.
    pub history: Vec<Entry>,
}

/// Why a manifest is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Fatal error, the AOF manifest is invalid at line {}: {}",
            self.line, self.reason
        )
    }
}

impl std::error::Error for ManifestError {}

const FORMAT: &str = "Invalid AOF manifest file format";

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// The first line that breaks a rule.
    pub fn parse(text: &[u8]) -> Result<Manifest, ManifestError> {
        let mut manifest = Manifest::default();
        let mut line_number = 0;
        let mut rest = text;
        while !rest.is_empty() {
            line_number += 1;
            let fail = |reason| ManifestError {
                line: line_number,
                reason,
            };
            let end = rest.iter().position(|byte| *byte == b'\n');
            let len = end.map_or(rest.len(), |end| end + 1);
            if len >= LINE_LEN_MAX {
                return Err(fail("The AOF manifest file contains too long line"));
            }
            if end.is_none() {
                // It was cut off.
                return Err(fail(FORMAT));
            }
            let (line, next) = rest.split_at(len);
            rest = next;
            if !line.starts_with(b"#") {
                manifest.add(line).map_err(fail)?;
            }
        }
        if manifest == Manifest::default() {
            return Err(ManifestError {
                line: line_number,
                reason: "Found an empty AOF manifest",
            });
        }
        Ok(manifest)
    }

    fn add(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let entry = Entry::parse(line)?;
        // One that is to be removed may be in use, and one in use would be loaded twice.
        if self.entries().any(|other| other.name == entry.name) {
            return Err("Found the same file twice");
        }
        match entry.kind {
            FileType::Base if self.base.is_some() => {
                return Err("Found duplicate base file information");
            }
            FileType::Base => self.base = Some(entry),
            FileType::Incr => {
                if self.incr.last().is_some_and(|last| last.seq >= entry.seq) {
                    return Err("Found a non-monotonic sequence number");
                }
                self.incr.push(entry);
            }
            FileType::History => self.history.push(entry),
        }
        Ok(())
    }

    /// Its text.
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for entry in self.entries() {
            entry.write(&mut text);
        }
        text
    }

    /// All files, in the order in which they are written down.
    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.base.iter().chain(&self.history).chain(&self.incr)
    }

    /// The number for the next incremental file.
    pub fn next_incr(&self) -> u64 {
        next(".incr.", &self.incr, &self.history)
    }

    /// The number for the next base.
    pub fn next_base(&self) -> u64 {
        next(".base.", self.base.as_slice(), &self.history)
    }

    /// The files that are loaded, in their order.
    pub fn to_load(&self) -> impl Iterator<Item = &Entry> {
        self.base.iter().chain(&self.incr)
    }
}

/// A number that neither a file in use has nor one that is to be removed.
fn next(part: &str, used: &[Entry], history: &[Entry]) -> u64 {
    let history = history.iter().filter(|entry| entry.name.contains(part));
    let seqs = used.iter().chain(history).map(|entry| entry.seq);
    seqs.max().unwrap_or(0) + 1
}

impl Entry {
    fn parse(line: &[u8]) -> Result<Entry, &'static str> {
        let words = split_words(line).ok_or(FORMAT)?;
        if words.len() < 6 || !words.len().is_multiple_of(2) {
            return Err(FORMAT);
        }
        let (mut name, mut seq, mut kind) = (None, None, None);
        for pair in words.chunks_exact(2) {
            let text = String::from_utf8(pair[1].clone()).map_err(|_| FORMAT)?;
            match pair[0].to_ascii_lowercase().as_slice() {
                b"file" if text.contains('/') || matches!(text.as_str(), "" | "." | "..") => {
                    return Err("File can't be a path, just a filename");
                }
                b"file" => name = Some(text),
                b"seq" => seq = text.parse().ok().filter(|seq| *seq > 0),
                b"type" => {
                    kind = Some(match text.as_str() {
                        "b" => FileType::Base,
                        "i" => FileType::Incr,
                        "h" => FileType::History,
                        _ => return Err("Unknown AOF file type"),
                    });
                }
                // What newer servers note there, such as where a stream of commands begins.
                _ => {}
            }
        }
        match (name, seq, kind) {
            (Some(name), Some(seq), Some(kind)) => Ok(Entry { name, seq, kind }),
            _ => Err(FORMAT),
        }
    }

    fn write(&self, text: &mut Vec<u8>) {
        let kind = match self.kind {
            FileType::Base => 'b',
            FileType::Incr => 'i',
            FileType::History => 'h',
        };
        text.extend_from_slice(b"file ");
        let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
        if self.name.as_bytes().iter().all(plain) {
            text.extend_from_slice(self.name.as_bytes());
        } else {
            quote(self.name.as_bytes(), text);
        }
        text.extend_from_slice(format!(" seq {} type {kind}\n", self.seq).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> &'static str {
        Manifest::parse(text.as_bytes()).unwrap_err().reason
    }

    #[test]
    fn a_manifest_is_read_back() {
        let text = "file \"a b.base.rdb\" seq 2 type b\nfile a.1.incr.aof seq 1 type h\n\
                    file a.2.incr.aof seq 2 type i\nfile a.3.incr.aof seq 3 type i\n";
        let manifest = Manifest::parse(text.as_bytes()).unwrap();
        assert_eq!(manifest.base.as_ref().unwrap().name, "a b.base.rdb");
        assert_eq!(manifest.next_incr(), 4);
        assert_eq!(manifest.next_base(), 3);
        assert_eq!(manifest.text(), text.as_bytes());
        assert_eq!(manifest.to_load().count(), 3);
    }

    #[test]
    fn lines_of_other_servers_are_read() {
        let text = "#comment\nfile a seq 1 type i startoffset 0 newkey newvalue\n";
        assert_eq!(Manifest::parse(text.as_bytes()).unwrap().incr.len(), 1);
    }

    #[test]
    fn what_breaks_a_rule_is_named() {
        assert_eq!(reason(""), "Found an empty AOF manifest");
        assert_eq!(reason("\n"), FORMAT);
        assert_eq!(reason("file a seq 1 type i"), FORMAT);
        assert_eq!(reason("file a seq 1\n"), FORMAT);
        assert_eq!(reason("file a seq x type i\n"), FORMAT);
        assert_eq!(reason("file a seq 1 type i filler\n"), FORMAT);
        assert_eq!(reason("file a seq 1 type k\n"), "Unknown AOF file type");
        assert_eq!(
            reason("file ../a seq 1 type i\n"),
            "File can't be a path, just a filename"
        );
        assert_eq!(
            reason("file a seq 1 type b\nfile c seq 2 type b\n"),
            "Found duplicate base file information"
        );
        for twice in ["file a seq 2 type i", "file a seq 1 type h"] {
            let text = format!("file a seq 1 type i\n{twice}\n");
            assert_eq!(reason(&text), "Found the same file twice");
        }
        assert_eq!(
            reason("file a seq 2 type i\nfile c seq 2 type i\n"),
            "Found a non-monotonic sequence number"
        );
        let long = format!("file {} seq 1 type i\n", "a".repeat(1100));
        assert_eq!(
            reason(&long),
            "The AOF manifest file contains too long line"
        );
    }
}
