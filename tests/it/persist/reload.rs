//! Loading once more while the server runs: who waits, and what the others are told.

use std::fs;
use std::time::{Duration, Instant};

use crate::harness::{Connection, Process, Value};

const QUIET: &[&str] = &["--enable-debug-command", "yes", "--save", ""];
const LOGGED: &[&str] = &[
    "--enable-debug-command",
    "yes",
    "--save",
    "",
    "--appendonly",
    "yes",
];

/// Waits until another client is told that data is loaded.
fn wait_until_loading(client: &mut Connection) {
    let start = Instant::now();
    loop {
        if matches!(client.cmd("GET key:1"), Value::Error(line) if line.starts_with("LOADING ")) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "nothing loads");
    }
}

#[track_caller]
fn assert_loading(client: &mut Connection, what: &str) {
    let info = client.cmd("INFO persistence").text();
    for field in [
        "loading:1\r\n",
        "loading_total_bytes:",
        "loading_loaded_perc:",
    ] {
        assert!(info.contains(field), "{what}: no {field} in {info}");
    }
}

#[test]
fn others_are_told_loading_while_debug_reloads() {
    for (options, command) in [(QUIET, "DEBUG RELOAD"), (LOGGED, "DEBUG LOADAOF")] {
        let server = Process::kvd(options);
        let (mut client, mut other) = (server.connect(), server.connect());
        for n in 0..100 {
            client.cmd(&format!("SET key:{n} value:{n}"));
        }
        let before = client.cmd("DEBUG DIGEST");
        // Queued before the load, it must not run in the middle of it.
        let mut queueing = server.connect();
        queueing.cmd("MULTI");
        queueing.cmd("SET key:1 other");
        client.cmd("CONFIG SET key-load-delay 100000");
        client.send(command);
        wait_until_loading(&mut other);
        assert_loading(&mut other, command);
        let refused = queueing.cmd("EXEC");
        let wanted = "EXECABORT Transaction discarded because of: LOADING ";
        assert!(refused.text().starts_with(wanted), "{refused:?}");
        let refused = other.cmd(command);
        assert!(refused.text().starts_with("LOADING "), "{refused:?}");
        assert_eq!(other.cmd("CONFIG SET key-load-delay 0").text(), "OK");
        assert_eq!(client.take().text(), "OK", "{command}");
        assert_eq!(other.cmd("GET key:1").text(), "value:1");
        assert_eq!(client.cmd("DEBUG DIGEST"), before);
        let info = client.cmd("INFO persistence").text();
        assert!(info.contains("loading:0\r\n"), "{info}");
        // What is changed from now on is logged as before.
        assert_eq!(client.cmd("SET key:1 later").text(), "OK");
        if command == "DEBUG LOADAOF" {
            assert_eq!(client.cmd(command).text(), "OK");
            assert_eq!(client.cmd("GET key:1").text(), "later");
        }
    }
}

#[test]
fn a_slow_script_in_the_file_does_not_silence_the_server() {
    let server = Process::kvd(&[LOGGED, &["--busy-reply-threshold", "1"]].concat());
    let mut client = server.connect();
    // From now on the file is there.
    client.cmd("SET first 1");
    let incr = server.file("appendonlydir/appendonly.aof.1.incr.aof");
    let script = "redis.call('set', KEYS[1], 'y') for i = 1, 100000000 do local x = i % 7 end";
    let mut text = fs::read(&incr).expect("a file");
    text.extend(crate::harness::request(&["EVAL", script, "1", "x", "y"]));
    fs::write(&incr, text).expect("written");
    let mut other = server.connect();
    client.send("DEBUG LOADAOF");
    wait_until_loading(&mut other);
    assert_eq!(client.take().text(), "OK");
    server.wait_for_log("Slow script detected");
    assert_eq!(other.cmd("GET x").text(), "y");
}

#[test]
fn a_server_that_ends_while_it_reloads_keeps_its_files() {
    let mut server = Process::kvd(&[
        "--enable-debug-command",
        "yes",
        "--save",
        "3600 1",
        "--key-load-delay",
        "100000",
    ]);
    let (mut client, mut other) = (server.connect(), server.connect());
    client.cmd("DEBUG POPULATE 100");
    client.cmd("SAVE");
    let file = fs::read(server.file("dump.rdb")).expect("a file");
    client.send("DEBUG RELOAD NOSAVE");
    wait_until_loading(&mut other);
    other.send("SHUTDOWN");
    assert_eq!(server.wait(), Some(0), "{}", server.log());
    assert!(fs::read(server.file("dump.rdb")).expect("a file") == file);
    let answer = client.try_take();
    assert!(
        answer.is_none() || matches!(answer, Some(Value::Error(_))),
        "{answer:?}"
    );
}

#[test]
fn the_delay_of_keys_holds_for_the_append_only_file_at_the_start_too() {
    let server = Process::kvd(LOGGED);
    let mut client = server.connect();
    for n in 0..100 {
        client.cmd(&format!("SET key:{n} {n}"));
    }
    let slow = [LOGGED, &["--key-load-delay", "100000"]].concat();
    let server = Process::kvd_in(server.into_dir(), &slow);
    let mut client = server.connect();
    wait_until_loading(&mut client);
    assert_loading(&mut client, "start");
    assert_eq!(client.cmd("CONFIG SET key-load-delay 0").text(), "OK");
    server.wait_for_log("Ready to accept");
    assert_eq!(client.cmd("DBSIZE").int(), 100);
}
