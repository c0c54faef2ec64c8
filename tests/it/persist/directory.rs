//! What may be wrong with a data directory when the server starts: it says what, with the name of
//! the file, ends, and leaves every file as it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::harness::{Process, request};

use super::process::refuses;

const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";
const BASE: &str = "appendonlydir/appendonly.aof.1.base.rdb";
const INCR: &str = "appendonlydir/appendonly.aof.1.incr.aof";
const AOF: &[&str] = &["--appendonly", "yes", "--save", ""];

/// The folder of a server that has ended, with a key in its append-only file.
fn folder() -> tempfile::TempDir {
    let server = Process::kvd(AOF);
    assert_eq!(server.connect().cmd("SET k v").text(), "OK");
    server.into_dir()
}

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for folder in [dir.to_owned(), dir.join("appendonlydir")] {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            let content = fs::read(&path).unwrap_or_default();
            files.insert(path.display().to_string(), content);
        }
    }
    files
}

/// Starts a server where it must not: it says all of this, and changes nothing.
#[track_caller]
fn assert_refused(dir: &Path, options: &[&str], wanted: &[&str]) {
    let before = files(dir);
    let said = refuses(dir, options);
    for text in wanted {
        assert!(said.contains(text), "no '{text}' in:\n{said}");
    }
    assert!(files(dir) == before, "files have changed:\n{said}");
}

fn write(dir: &Path, name: &str, content: &[u8]) {
    fs::write(dir.join(name), content).expect("written");
}

#[test]
fn a_wrong_manifest_is_named_and_nothing_is_changed() {
    let dir = folder();
    let dir = dir.path();
    let good = fs::read_to_string(dir.join(MANIFEST)).expect("a manifest");
    let long = "x".repeat(2_000);
    for (text, wanted) in [
        (String::new(), "Found an empty AOF manifest"),
        (
            format!("{good}nonsense\n"),
            "at line 3: Invalid AOF manifest file format",
        ),
        (
            format!("{good}file b seq 2 type b\n"),
            "Found duplicate base file information",
        ),
        (
            format!("{good}file appendonly.aof.1.incr.aof seq 2 type i\n"),
            "at line 3: Found the same file twice",
        ),
        // It would be removed.
        (
            format!("{good}file appendonly.aof.1.base.rdb seq 1 type h\n"),
            "at line 3: Found the same file twice",
        ),
        (
            format!("{good}file a seq 1 type i\n"),
            "Found a non-monotonic sequence number",
        ),
        (
            format!("{good}file ../a seq 2 type i\n"),
            "File can't be a path, just a filename",
        ),
        (
            format!("{good}file .. seq 2 type i\n"),
            "File can't be a path, just a filename",
        ),
        (
            format!("{good}file {long} seq 2 type i\n"),
            "contains too long line",
        ),
        (
            good.trim_end().to_owned(),
            "Invalid AOF manifest file format",
        ),
    ] {
        write(dir, MANIFEST, text.as_bytes());
        assert_refused(dir, AOF, &[MANIFEST, wanted]);
    }
    let huge = format!("#{}\n", "x".repeat(1_000)).repeat(17_000);
    write(dir, MANIFEST, huge.as_bytes());
    assert_refused(dir, AOF, &[MANIFEST, "too long"]);
    write(
        dir,
        MANIFEST,
        format!("{good}file gone seq 2 type i\n").as_bytes(),
    );
    assert_refused(dir, AOF, &["appendonlydir/gone : No such file", MANIFEST]);
}

#[test]
fn files_without_their_manifest_are_not_overwritten() {
    let dir = folder();
    let text = fs::read(dir.path().join(MANIFEST)).expect("a manifest");
    fs::remove_file(dir.path().join(MANIFEST)).expect("removed");
    let wanted = ["is there, but not the manifest", MANIFEST];
    assert_refused(dir.path(), AOF, &wanted);
    // Nor by a server that is there already.
    let server = Process::kvd_in(dir, &["--save", ""]);
    let mut client = server.connect();
    for line in ["CONFIG SET appendonly yes", "BGREWRITEAOF"] {
        let refused = client.cmd(line);
        assert!(refused.is_error(), "{line}: {refused:?}");
    }
    let log = server.log();
    assert!(log.contains(wanted[0]), "{log}");
    let dir = server.into_dir();
    assert_refused(dir.path(), AOF, &wanted);
    // Also not where an old file would be moved in.
    write(dir.path(), "appendonly.aof", &request(&["SET", "old", "1"]));
    assert_refused(dir.path(), AOF, &wanted);
    fs::remove_file(dir.path().join("appendonly.aof")).expect("removed");
    write(dir.path(), MANIFEST, &text);
    let server = Process::kvd_in(dir, AOF);
    assert_eq!(server.connect().cmd("GET k").text(), "v");
}

/// Whoever kills a server that has no manifest yet has lost nothing, and must not be refused.
#[test]
fn a_server_that_was_killed_before_its_first_manifest_starts_again() {
    let server = Process::kvd(&["--save", "", "--rdb-key-save-delay", "10000000"]);
    let mut client = server.connect();
    client.cmd("MSET a 1 b 2");
    assert_eq!(client.cmd("CONFIG SET appendonly yes").text(), "OK");
    client.cmd("SET c 3");
    assert!(server.file(INCR).exists() && !server.file(MANIFEST).exists());
    let server = Process::kvd_in(server.into_dir(), AOF);
    assert_eq!(server.connect().cmd("SET d 4").text(), "OK");
    assert!(server.file(MANIFEST).exists());
    let server = Process::kvd_in(server.into_dir(), AOF);
    assert_eq!(server.connect().cmd("DBSIZE").int(), 1);
}

#[test]
fn what_is_no_file_or_no_directory_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    write(dir.path(), "appendonlydir", b"a file");
    assert_refused(dir.path(), AOF, &["appendonlydir", "Not a directory"]);
    let dir = folder();
    for name in [INCR, BASE, MANIFEST] {
        let path = dir.path().join(name);
        let content = fs::read(&path).expect("a file");
        fs::remove_file(&path).expect("removed");
        fs::create_dir(&path).expect("made");
        assert_refused(dir.path(), AOF, &[name, "s a directory"]);
        fs::remove_dir(&path).expect("removed");
        fs::write(&path, content).expect("written");
    }
    let server = Process::kvd_in(dir, AOF);
    assert_eq!(server.connect().cmd("GET k").text(), "v");
    let dir = tempfile::tempdir().expect("a folder");
    fs::create_dir(dir.path().join("dump.rdb")).expect("made");
    assert_refused(dir.path(), &[], &["dump.rdb", "s a directory"]);
}

/// Not even root may write there.
#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let dir = Path::new("/sys");
    if !dir.is_dir() {
        eprintln!("skipped: no /sys here");
        return;
    }
    let socket = tempfile::tempdir().expect("a folder");
    let socket = socket.path().join("s").display().to_string();
    let options = [AOF, &["--unixsocket", &socket]].concat();
    let said = refuses(dir, &options);
    assert!(
        said.contains("the append only file cannot be written"),
        "{said}"
    );
    assert!(said.contains("appendonlydir"), "{said}");
}

#[test]
fn two_servers_do_not_append_to_one_file() {
    let server = Process::kvd(AOF);
    let said = refuses(server.dir(), AOF);
    assert!(said.contains("another server keeps its data in"), "{said}");
    let dir = server.dir().display().to_string();
    let guest = Process::kvd(&["--save", "", "--enable-protected-configs", "yes"]);
    let mut client = guest.connect();
    assert_eq!(client.cmd(&format!("CONFIG SET dir {dir}")).text(), "OK");
    let refused = client.cmd("CONFIG SET appendonly yes").text();
    assert!(refused.contains("Unable to turn on AOF"), "{refused}");
    guest.wait_for_log("another server keeps its data");
    let refused = client.cmd("BGREWRITEAOF").text();
    assert!(
        refused.ends_with("Please check the server logs for more information."),
        "{refused}"
    );
    guest.wait_for_log("Cannot rewrite the append only file: another server keeps its data");
    assert_eq!(server.connect().cmd("SET k v").text(), "OK");
}
