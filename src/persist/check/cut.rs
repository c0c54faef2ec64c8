//! Cutting a file without losing what is cut off: it is copied into a file beside and made durable
//! before the cut. `cat COPY >> FILE` undoes it.

use std::io;

use crate::host::{Disk, FileId, OpenMode};

use super::split_path;

/// Bytes copied at once.
const PIECE_LEN: usize = 256 << 10;

/// Cuts the end of a file off and keeps it: the name of the copy.
///
/// # Errors
/// What the disk says; the file is as it was, unless the very cut failed.
pub(super) fn cut(disk: &mut dyn Disk, name: &str, at: u64) -> io::Result<String> {
    let copy = free_name(disk, &format!("{name}.cut-{at}"))?;
    let file = disk.open(name, OpenMode::Append)?;
    let result = keep(disk, file, at, &copy).and_then(|()| {
        disk.truncate(file, at)?;
        disk.sync(file)
    });
    disk.close(file);
    result.map(|()| copy)
}

fn keep(disk: &mut dyn Disk, file: FileId, mut at: u64, copy: &str) -> io::Result<()> {
    let kept = disk.open(copy, OpenMode::Append)?;
    let mut piece = vec![0; PIECE_LEN];
    let mut copied = Ok(());
    while copied.is_ok() {
        copied = match disk.read_at(file, at, &mut piece) {
            Ok(0) => break,
            Ok(len) => {
                at += len as u64;
                disk.append_all(kept, piece.get(..len).unwrap_or_default())
            }
            Err(error) => Err(error),
        };
    }
    let copied = copied.and_then(|()| disk.sync(kept));
    disk.close(kept);
    copied?;
    disk.sync_dir(split_path(copy).0)
}

/// A name that no file has.
fn free_name(disk: &mut dyn Disk, wanted: &str) -> io::Result<String> {
    let mut name = wanted.to_owned();
    let mut number = 1;
    while disk.stat(&name)?.is_some() {
        number += 1;
        name = format!("{wanted}-{number}");
    }
    Ok(name)
}
