//! Data directories that move between kvd and the servers it stands in for: what Redis 7.0 and
//! Valkey wrote is loaded, and Valkey loads what kvd wrote. Skipped, with a printed line, where a
//! server is missing.

use std::fs;
use std::path::Path;

use crate::harness::{Connection, Process, peer_in};

use super::contents::Contents;
use super::fill::fill;

/// Options of a server that keeps only its snapshot, when it is told to, and of one that also
/// keeps an append-only file.
const RDB: &[&str] = &["--save", ""];
const AOF: &[&str] = &["--save", "", "--appendonly", "yes"];
/// The same, with a base of commands.
const AOF_OF_COMMANDS: &[&str] = &[
    "--save",
    "",
    "--appendonly",
    "yes",
    "--aof-use-rdb-preamble",
    "no",
];

/// A server in a folder: kvd, or a peer; `None` and a printed line if there is none here.
fn start(name: &str, dir: tempfile::TempDir, options: &[&str]) -> Option<Process> {
    let server = match name {
        "kvd" => Process::kvd_in(dir, options),
        _ => peer_in(name, dir, options)?,
    };
    let mut client = server.connect();
    while client.cmd("PING").is_error() {}
    Some(server)
}

/// Waits until the append-only file has been rewritten.
fn rewrite(client: &mut Connection) {
    let asked = client.cmd("BGREWRITEAOF");
    assert!(!asked.is_error(), "{asked:?}");
    let is_over = |info: &str| {
        info.contains("aof_rewrite_in_progress:0\r\n")
            && info.contains("aof_rewrite_scheduled:0\r\n")
    };
    while !is_over(&client.cmd("INFO persistence").text()) {}
}

/// Fills a server that keeps an append-only file: what is in its base, and what follows it.
fn fill_base_and_more(server: &Process) {
    let mut client = server.connect();
    fill(&mut client);
    rewrite(&mut client);
    for db in ["5", "0"] {
        client.cmd(&format!("SELECT {db}"));
        for line in [
            "DEL volatile2 swapped",
            "SET after rewriting EX 8000",
            "RPUSH biglist more",
            "SADD bigset more",
            "ZADD bigzset 5 more",
            "HSET bighash more 1",
            "XADD bigstream * more 1",
            "XGROUP CREATE bigstream new 0",
            "XREADGROUP GROUP new c COUNT 3 STREAMS bigstream >",
            "PERSIST volatile",
        ] {
            let reply = client.cmd(line);
            assert!(!reply.is_error(), "{line}: {reply:?}");
        }
    }
}

/// A server with everything in files as `options` say.
fn filled(name: &str, options: &[&str]) -> Option<Process> {
    let server = start(name, tempfile::tempdir().expect("a folder"), options)?;
    if options.contains(&"--appendonly") {
        fill_base_and_more(&server);
    } else {
        let mut client = server.connect();
        fill(&mut client);
        assert_eq!(client.cmd("SAVE").text(), "OK");
    }
    match name {
        // Redis 7.0 forgets what it does not write to its file: how much a group has read.
        "redis-server" => start(name, server.into_dir(), options),
        _ => Some(server),
    }
}

/// Whether nothing waits to be written to the append-only file.
fn is_written(client: &mut Connection) -> bool {
    let info = client.cmd("INFO persistence");
    info.text().contains("\naof_buffer_length:0\r")
}

/// Adds a little, and ends the server: its folder, and what must be in it.
fn ended(server: Process, options: &[&str]) -> (tempfile::TempDir, Contents) {
    let mut client = server.connect();
    client.cmd("SELECT 2");
    for line in ["INCR later", "RPUSH list later", "HINCRBY hash later 1"] {
        assert!(!client.cmd(line).is_error(), "{line}");
    }
    match options.contains(&"--appendonly") {
        // Others keep what they are to write while a sync is under way.
        true => while !is_written(&mut client) {},
        false => assert_eq!(client.cmd("SAVE").text(), "OK"),
    }
    let contents = Contents::of(&mut client);
    assert!(contents.len() > 45, "{} keys", contents.len());
    (server.into_dir(), contents)
}

/// What one server wrote is loaded by each of `others` in turn, which all go on writing.
fn moves(from: &str, others: &[&str], options: &[&str]) {
    let Some(mut server) = filled(from, options) else {
        return;
    };
    for to in others {
        let (dir, before) = ended(server, options);
        let Some(next) = start(to, dir, options) else {
            return;
        };
        let what = format!("{from} and then {others:?} with {options:?}");
        before.assert_same(&Contents::of(&mut next.connect()), &what);
        server = next;
    }
}

/// The files of a directory, in one, as servers before Redis 7 wrote it.
fn as_one_file(dir: &Path) {
    let parts = dir.join("appendonlydir");
    let manifest = fs::read_to_string(parts.join("appendonly.aof.manifest")).expect("a manifest");
    let mut content = Vec::new();
    for line in manifest.lines() {
        let name = line.split(' ').nth(1).expect("a name");
        content.extend(fs::read(parts.join(name)).expect("a file"));
    }
    fs::remove_dir_all(parts).expect("removed");
    fs::write(dir.join("appendonly.aof"), content).expect("written");
}

#[test]
fn kvd_loads_the_snapshot_of_redis() {
    moves("redis-server", &["kvd", "kvd"], RDB);
}

#[test]
fn snapshots_move_between_kvd_and_valkey() {
    moves("valkey-server", &["kvd", "valkey-server"], RDB);
    moves("kvd", &["valkey-server", "kvd"], RDB);
}

#[test]
fn kvd_loads_the_append_only_file_of_redis() {
    for options in [AOF, AOF_OF_COMMANDS] {
        moves("redis-server", &["kvd", "redis-server", "kvd"], options);
    }
}

#[test]
fn append_only_files_move_between_kvd_and_valkey() {
    for options in [AOF, AOF_OF_COMMANDS] {
        moves("valkey-server", &["kvd", "valkey-server", "kvd"], options);
        moves("kvd", &["valkey-server", "kvd", "kvd"], options);
    }
}

#[test]
fn kvd_loads_the_single_file_of_older_servers() {
    for (peer, options) in [
        ("redis-server", AOF),
        ("redis-server", AOF_OF_COMMANDS),
        ("valkey-server", AOF),
        ("valkey-server", AOF_OF_COMMANDS),
    ] {
        let Some(server) = filled(peer, options) else {
            continue;
        };
        let (dir, before) = ended(server, options);
        as_one_file(dir.path());
        let server = start("kvd", dir, options).expect("it starts");
        before.assert_same(&Contents::of(&mut server.connect()), peer);
        assert!(!server.file("appendonly.aof").exists(), "it has moved");
        let (dir, before) = ended(server, options);
        let server = start("kvd", dir, options).expect("it starts");
        before.assert_same(&Contents::of(&mut server.connect()), peer);
    }
}
