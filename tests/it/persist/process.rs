//! Snapshots of real servers: restarts, peers, full disks, and servers that must not start.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::harness::{Connection, Process, peer};

use super::fill::fill;

const DEBUG: &[&str] = &["--enable-debug-command", "yes"];
const QUIET: &[&str] = &["--enable-debug-command", "yes", "--save", ""];

fn digest(client: &mut Connection) -> String {
    client.cmd("DEBUG DIGEST").text()
}

/// Another kvd in the folder of one that has ended, and what it holds.
fn restarted(server: Process, options: &[&str]) -> (Process, String) {
    let server = Process::kvd_in(server.into_dir(), options);
    let mut client = server.connect();
    while client.cmd("PING").is_error() {}
    let digest = digest(&mut client);
    (server, digest)
}

#[test]
fn what_was_there_at_the_end_is_there_at_the_start() {
    let mut server = Process::kvd(DEBUG);
    let mut client = server.connect();
    fill(&mut client);
    let before = digest(&mut client);
    server.signal("-TERM");
    assert_eq!(server.wait(), Some(0));
    let (mut server, after) = restarted(server, DEBUG);
    assert_eq!(after, before);
    let mut client = server.connect();
    let ttls = client.cmd("HPTTL bighash FIELDS 2 field-1 field-3").texts();
    assert!(ttls[0] != "-1" && ttls[1] == "-1", "{ttls:?}");
    // Without compression and checksum, and saved by the command.
    client.cmd("CONFIG SET rdbcompression no");
    client.send("SHUTDOWN SAVE");
    assert_eq!(server.wait(), Some(0));
    let (mut server, after) = restarted(server, &[DEBUG, &["--rdbchecksum", "no"]].concat());
    assert_eq!(after, before);
    let mut client = server.connect();
    client.cmd("SET lost x");
    client.send("SHUTDOWN NOSAVE");
    assert_eq!(server.wait(), Some(0));
    assert_eq!(restarted(server, DEBUG).1, before);
}

#[test]
fn a_save_in_the_background_can_be_killed_at_any_time() {
    let server = Process::kvd(QUIET);
    let mut client = server.connect();
    fill(&mut client);
    let before = digest(&mut client);
    assert_eq!(client.cmd("SAVE").text(), "OK");
    client.cmd("SET later x");
    client.cmd("CONFIG SET rdb-key-save-delay 1000000");
    let started = client.cmd("BGSAVE").text();
    assert_eq!(started, "Background saving started");
    server.signal("-KILL");
    let left_over = format!("temp-{}.rdb", server.pid());
    assert!(server.dir().join(&left_over).exists());
    let (server, after) = restarted(server, &["--enable-debug-command", "yes"]);
    assert_eq!(after, before);
    assert!(!server.dir().join(left_over).exists(), "it is removed");
}

#[test]
fn valkey_finds_the_same_digest() {
    let Some(running) = peer("valkey-server") else {
        return;
    };
    let server = Process::kvd(QUIET);
    let mut client = server.connect();
    fill(&mut client);
    let before = digest(&mut client);
    client.cmd("SAVE");
    fs::copy(
        server.dir().join("dump.rdb"),
        running.dir().join("dump.rdb"),
    )
    .expect("copied");
    let mut valkey = running.connect();
    assert_eq!(valkey.cmd("DEBUG RELOAD NOSAVE").text(), "OK");
    assert_eq!(digest(&mut valkey), before);
}

#[test]
fn clients_are_told_while_data_is_loaded() {
    let server = Process::kvd(QUIET);
    let mut client = server.connect();
    client.cmd("DEBUG POPULATE 100");
    client.cmd("SAVE");
    let slow = [QUIET, &["--key-load-delay", "100000"]].concat();
    let mut server = Process::kvd_in(server.into_dir(), &slow);
    let mut client = server.connect();
    let refused = client.cmd("GET key:1");
    assert_eq!(
        refused.text(),
        "LOADING Redis is loading the dataset in memory"
    );
    let info = client.cmd("INFO persistence").text();
    assert!(
        info.contains("loading:1\r\n") && info.contains("loading_total_bytes:"),
        "{info}"
    );
    assert!(!server.log().contains("Ready to accept"));
    // What is half loaded does not replace the file.
    let file = fs::read(server.dir().join("dump.rdb")).expect("a file");
    client.send("SHUTDOWN SAVE");
    assert_eq!(server.wait(), Some(0));
    assert!(fs::read(server.dir().join("dump.rdb")).expect("a file") == file);
    let server = Process::kvd_in(server.into_dir(), QUIET);
    assert_eq!(server.connect().cmd("DBSIZE").int(), 100);
    assert!(server.log().contains("Ready to accept"));
}

/// Runs kvd in a folder where it cannot start: what it says.
pub fn refuses(dir: &std::path::Path, options: &[&str]) -> String {
    let out = Command::new(env!("CARGO_BIN_EXE_kvd"))
        .args(["--port", "0", "--unixsocket", "s", "--dir"])
        .arg(dir)
        .args(options)
        .stdin(Stdio::null())
        .output()
        .expect("kvd runs");
    assert_eq!(out.status.code(), Some(1));
    String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned()
}

#[test]
fn a_damaged_file_is_not_half_loaded() {
    let server = Process::kvd(QUIET);
    let mut client = server.connect();
    fill(&mut client);
    client.cmd("SAVE");
    let dir = server.into_dir();
    let path = dir.path().join("dump.rdb");
    let whole = fs::read(&path).expect("a file");
    fs::write(&path, &whole[..whole.len() / 2]).expect("written");
    let said = refuses(dir.path(), QUIET);
    assert!(
        said.contains("dump.rdb: Unexpected end of the file, at offset"),
        "{said}"
    );
    let mut damaged = whole.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    fs::write(&path, &damaged).expect("written");
    let said = refuses(dir.path(), QUIET);
    assert!(said.contains("CRC error"), "{said}");
    assert!(said.contains("Fatal error loading the DB"), "{said}");
    fs::write(&path, b"").expect("written");
    let said = refuses(dir.path(), QUIET);
    assert!(said.contains("at offset 0"), "{said}");
}

#[test]
fn two_servers_do_not_keep_their_data_in_one_folder() {
    let server = Process::kvd(&["--save", "60 1"]);
    let said = refuses(server.dir(), &[]);
    assert!(said.contains("another server keeps its data in"), "{said}");
    // One that keeps nothing may be there.
    let other = server.dir().join("other");
    fs::create_dir(&other).expect("a folder");
    let guest = Process::kvd(&["--save", "", "--enable-protected-configs", "yes"]);
    let mut client = guest.connect();
    let dir = server.dir().display().to_string();
    assert_eq!(client.cmd(&format!("CONFIG SET dir {dir}")).text(), "OK");
    for save in ["SAVE", "BGSAVE"] {
        let refused = client.cmd(save).text();
        assert!(
            refused.contains("another server keeps its data"),
            "{refused}"
        );
    }
    client.cmd(&format!("CONFIG SET dir {}", other.display()));
    assert_eq!(client.cmd("SAVE").text(), "OK");
    assert!(other.join("dump.rdb").exists());
}

/// kvd with a limit on the size of its files: a full disk.
pub fn limited(blocks: u32, options: &[&str]) -> Process {
    let dir = tempfile::tempdir().expect("a folder");
    let script = dir.path().join("limited");
    let kvd = env!("CARGO_BIN_EXE_kvd");
    let text = format!("#!/bin/sh\nulimit -f {blocks}\nexec {kvd} \"$@\"\n");
    fs::write(&script, text).expect("written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("executable");
    Process::start_in(script.to_str().expect("a path"), dir, options).expect("kvd starts")
}

#[test]
fn a_full_disk_is_told_and_the_old_file_stays() {
    let mut server = limited(
        256,
        &["--enable-debug-command", "yes", "--save", "3600 100000"],
    );
    let mut client = server.connect();
    client.cmd("SET small 1");
    assert_eq!(client.cmd("SAVE").text(), "OK");
    let old = fs::read(server.dir().join("dump.rdb")).expect("a file");
    client.cmd("CONFIG SET rdbcompression no");
    client.cmd("DEBUG POPULATE 1000 key 1000");
    let refused = client.cmd("SAVE").text();
    assert!(refused.contains("File too large"), "{refused}");
    // Who asked for it knows; in the background nobody does, and writes are refused.
    assert_eq!(client.cmd("SET k v").text(), "OK");
    client.cmd("BGSAVE");
    while client
        .cmd("INFO persistence")
        .text()
        .contains("rdb_bgsave_in_progress:1")
    {}
    let told = client.cmd("SET k v").text();
    assert!(
        told.starts_with("MISCONF Redis is configured to save RDB snapshots"),
        "{told}"
    );
    assert_eq!(client.cmd("GET small").text(), "1");
    // A server that cannot save does not end, unless it must.
    let refused = client.cmd("SHUTDOWN").text();
    assert!(
        refused.starts_with("ERR Errors trying to SHUTDOWN"),
        "{refused}"
    );
    assert!(fs::read(server.dir().join("dump.rdb")).expect("a file") == old);
    let mut names = fs::read_dir(server.dir()).expect("a folder");
    assert!(names.all(|entry| {
        let name = entry.expect("an entry").file_name();
        !name.to_string_lossy().starts_with("temp-")
    }));
    client.cmd("CONFIG SET stop-writes-on-bgsave-error no");
    assert_eq!(client.cmd("FLUSHALL").text(), "OK");
    client.cmd("CONFIG SET stop-writes-on-bgsave-error yes");
    while client.cmd("SET k v").is_error() {}
    let saved = client.cmd("INFO persistence").text();
    assert!(saved.contains("rdb_last_bgsave_status:ok"), "{saved}");
    client.cmd("DEBUG POPULATE 1000 key 1000");
    client.send("SHUTDOWN SAVE FORCE");
    assert_eq!(server.wait(), Some(0));
}

/// A field of INFO, a number.
fn number(client: &mut Connection, field: &str) -> u64 {
    let text = client.cmd("INFO all").text();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let value = line.and_then(|rest| rest.strip_prefix(':'));
    let value = value.unwrap_or_else(|| panic!("no {field} in {text}"));
    value.parse().expect("a number")
}

/// A server that holds about what it may, and saves it slowly.
fn full_and_saving() -> (Process, Connection) {
    let options = [QUIET, &["--rdbcompression", "no"]].concat();
    let server = Process::kvd(&options);
    let mut client = server.connect();
    client.cmd("DEBUG POPULATE 20000 old 1000");
    client.cmd("SELECT 1");
    client.cmd("DEBUG POPULATE 4000 old 1000");
    client.cmd("SELECT 0");
    client.cmd("CONFIG SET maxmemory-policy allkeys-lru rdb-key-save-delay 100000");
    // The snapshot has buffers, too.
    let max_bytes = number(&mut client, "used_memory") + (512 << 10);
    client.cmd(&format!("CONFIG SET maxmemory {max_bytes}"));
    client.cmd("BGSAVE");
    (server, client)
}

#[test]
fn while_a_snapshot_is_written_no_more_is_evicted_than_otherwise() {
    let (_server, mut client) = full_and_saving();
    let value = "x".repeat(1000);
    for n in 0..4_000 {
        assert_eq!(client.cmd(&format!("SET new:{n} {value}")).text(), "OK");
    }
    assert_eq!(number(&mut client, "rdb_bgsave_in_progress"), 1);
    let evicted = number(&mut client, "evicted_keys");
    assert!((2_000..5_000).contains(&evicted), "{evicted} keys evicted");
}

#[test]
fn nothing_is_evicted_for_a_database_that_was_flushed_while_it_is_saved() {
    let (_server, mut client) = full_and_saving();
    for line in ["SELECT 1", "FLUSHDB", "SELECT 0"] {
        assert_eq!(client.cmd(line).text(), "OK");
    }
    let value = "x".repeat(1000);
    for n in 0..2_000 {
        assert_eq!(client.cmd(&format!("SET new:{n} {value}")).text(), "OK");
    }
    assert_eq!(number(&mut client, "rdb_bgsave_in_progress"), 1);
    assert_eq!(number(&mut client, "evicted_keys"), 0);
}
