//! `kvd --check FILE`: says what a data file holds, or what is wrong with it and where.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::error_text;
use crate::config::Config;
use crate::persist::rdb::{Item, LoadContext, RdbReader, ReaderOptions, Summary};
use crate::store::hash::seeded;

/// Bytes read at once.
const PIECE_LEN: usize = 256 << 10;
const OPTIONS: ReaderOptions = ReaderOptions {
    checks_checksum: true,
    takes_any_version: false,
};

/// What the file holds, a line each.
///
/// # Errors
/// What could be read before it went wrong, and what is wrong at which offset.
pub fn check(path: &Path, now_ms: i64) -> Result<String, String> {
    let name = path.display();
    let fails = |error| format!("{name}: {}\n", error_text(&error));
    let mut file = File::open(path).map_err(fails)?;
    let (config, hasher) = (Config::default(), seeded(0));
    let context = LoadContext::new(&config, &hasher, now_ms, true);
    let mut reader = RdbReader::new(OPTIONS);
    let mut summary = Summary::default();
    let mut piece = vec![0; PIECE_LEN];
    let wrong = loop {
        match reader.next(&context) {
            Ok(Some(Item::End)) => match trailing(&mut file, &reader).map_err(fails)? {
                0 => return Ok(format!("{name}: {summary}The file is sound.\n")),
                len => break format!("{len} bytes follow the end at offset {}", reader.offset()),
            },
            Ok(Some(item)) => summary.add(&item),
            Ok(None) => match file.read(&mut piece).map_err(fails)? {
                0 => break reader.truncated().to_string(),
                len => reader.feed(&piece[..len]),
            },
            Err(error) => break error.to_string(),
        }
    };
    Err(format!("{name}: {summary}{name}: {wrong}\n"))
}

/// How many bytes the file goes on behind what was read.
fn trailing(file: &mut File, reader: &RdbReader) -> std::io::Result<u64> {
    Ok(file.metadata()?.len().saturating_sub(reader.offset()))
}
