//! A snapshot: all of it is read, and dropped.

use std::io;

use crate::config::Config;
use crate::host::OpenMode;
use crate::persist::rdb::{Item, LoadContext, RdbReader, ReaderOptions, Summary};
use crate::store::hash::seeded;

use super::{Checker, Task};

/// Bytes read at once.
const PIECE_LEN: usize = 256 << 10;
const OPTIONS: ReaderOptions = ReaderOptions {
    checks_checksum: true,
    takes_any_version: false,
};

impl Checker<'_> {
    /// A file that begins with a snapshot, which an old append-only file may do as well.
    pub(super) fn snapshot(&mut self, name: &str) -> io::Result<bool> {
        let Some(end) = self.read_snapshot(name)? else {
            return Ok(false);
        };
        let rest = self.size(name)?.saturating_sub(end);
        if rest > 0 && self.commands_begin(name, end)? {
            self.say(format_args!("Start checking Old-Style AOF"));
            return self.preamble(name, end, "AOF", true);
        }
        if rest > 0 {
            self.say(format_args!(
                "{name}: {rest} bytes follow the end at offset {end}"
            ));
            return Ok(false);
        }
        self.say(format_args!("{name}: The file is sound."));
        if self.task != Task::Check {
            self.say(format_args!("There is nothing to cut off from a snapshot."));
        }
        Ok(true)
    }

    /// Reads a snapshot and says what it holds: where it ends, if nothing is wrong.
    pub(super) fn read_snapshot(&mut self, name: &str) -> io::Result<Option<u64>> {
        let (config, hasher) = (Config::default(), seeded(0));
        let context = LoadContext::new(&config, &hasher, self.now_ms, true);
        let mut reader = RdbReader::new(OPTIONS);
        let mut summary = Summary::default();
        let mut piece = vec![0; PIECE_LEN];
        let file = self.disk.open(name, OpenMode::Read)?;
        let mut read_bytes = 0;
        let wrong = loop {
            match reader.next(&context) {
                Ok(Some(Item::End)) => break None,
                Ok(Some(item)) => summary.add(&item),
                Ok(None) => match self.disk.read_at(file, read_bytes, &mut piece)? {
                    0 => break Some(reader.truncated()),
                    len => {
                        read_bytes += len as u64;
                        reader.feed(piece.get(..len).unwrap_or_default());
                    }
                },
                Err(error) => break Some(error),
            }
        };
        self.disk.close(file);
        self.console.say(&format!("{name}: {summary}"));
        if let Some(wrong) = wrong {
            self.say(format_args!("{name}: {wrong}"));
            return Ok(None);
        }
        Ok(Some(reader.offset()))
    }

    /// Whether commands of an append-only file, or annotations, stand at an offset.
    fn commands_begin(&mut self, name: &str, offset: u64) -> io::Result<bool> {
        let file = self.disk.open(name, OpenMode::Read)?;
        let mut first = [0];
        let read = self.disk.read_at(file, offset, &mut first);
        self.disk.close(file);
        Ok(read? == 1 && matches!(first, [b'*' | b'#']))
    }

    pub(super) fn size(&mut self, name: &str) -> io::Result<u64> {
        let len = self.disk.stat(name)?;
        len.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
