//! The audit log: what is in it, what never is, and what becomes of it when its file is slow, full
//! or moved away.

use std::cell::{Cell, RefCell};
use std::fs::OpenOptions;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use kvd::observe::audit::AuditSink;

use crate::harness::{Connection, Kvd, Process, Value, request};

/// A file in memory that writes at once, or not at all.
#[derive(Clone, Default)]
struct Sink {
    text: Rc<RefCell<Vec<u8>>>,
    is_stuck: Rc<Cell<bool>>,
}

impl AuditSink for Sink {
    fn hand_over(&mut self, lines: Vec<u8>) -> Result<Vec<u8>, Vec<u8>> {
        if self.is_stuck.get() {
            return Err(lines);
        }
        self.text.borrow_mut().extend(lines);
        Ok(Vec::new())
    }

    fn is_idle(&mut self) -> bool {
        !self.is_stuck.get()
    }

    fn write_errors(&self) -> u64 {
        0
    }
}

impl Sink {
    /// The lines since the last call.
    fn take(&self, kvd: &Kvd) -> Vec<String> {
        kvd.turn();
        let text = String::from_utf8(self.text.take()).expect("UTF-8");
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(str::to_owned).collect()
    }

    /// The one line since the last call.
    fn one(&self, kvd: &Kvd) -> String {
        let mut lines = self.take(kvd);
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.remove(0)
    }
}

fn audited(options: &[(&str, &str)]) -> (Kvd, Sink) {
    let kvd = Kvd::with(options);
    let sink = Sink::default();
    let opened = kvd.engine().open_audit_log(Box::new(sink.clone()));
    opened.expect("a valid selection");
    (kvd, sink)
}

/// Whether a line says all of this.
#[track_caller]
fn assert_says(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "no {part} in {line}");
    }
}

fn info(client: &mut Connection, field: &str) -> u64 {
    let text = client.cmd("INFO stats").text();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let value = line.and_then(|line| line.strip_prefix(':'));
    value.expect("a field").parse().expect("a number")
}

#[test]
fn logins_and_refusals_are_always_lines() {
    let (kvd, sink) = audited(&[("audit-log-commands", "")]);
    let (admin, client) = (kvd.client(), kvd.client());
    admin.text("ACL SETUSER alice on >hunter2 ~a:* +get +eval +multi +exec +@connection");
    assert!(sink.take(&kvd).is_empty(), "nothing else is selected");

    client.err("AUTH alice wrong-secret");
    let line = sink.one(&kvd);
    assert_says(
        &line,
        &[
            "{\"time\":\"2023-11-14T22:13:20.000Z\",\"user\":\"default\",\"address\":\"\"",
            "\"command\":\"auth\",\"login\":\"alice\",\"context\":\"toplevel\"",
            "\"result\":\"failed-login\",\"error\":\"WRONGPASS\"}",
        ],
    );
    // A name that is nobody's may be a password in the wrong place.
    client.err("AUTH my-secret x");
    assert_says(&sink.one(&kvd), &["\"login\":null", "failed-login"]);
    client.err("HELLO 3 AUTH nobody x SETNAME n AUTH alice wrong-secret");
    assert_says(
        &sink.one(&kvd),
        &["\"command\":\"hello\",\"login\":\"alice\"", "failed-login"],
    );
    client.cmd("HELLO 2 SETNAME n AUTH alice hunter2");
    assert_says(
        &sink.one(&kvd),
        &[
            "\"user\":\"alice\"",
            "\"login\":\"alice\"",
            "\"result\":\"ok\"",
        ],
    );
    client.cmd("HELLO 2");
    client.cmd("HELLO 2 SETNAME auth");
    client.cmd("GET a:1");
    assert!(sink.take(&kvd).is_empty(), "neither a login nor refused");

    client.err("SET a:1 value");
    assert_says(
        &sink.one(&kvd),
        &[
            "\"user\":\"alice\"",
            "\"command\":\"set\",\"keys\":[\"a:1\"]",
            "\"result\":\"denied\",\"error\":\"NOPERM\"",
        ],
    );
    client.cmd("MULTI");
    client.err("GET b");
    assert_says(
        &sink.one(&kvd),
        &[
            "\"keys\":[\"b\"],\"context\":\"multi\"",
            "\"result\":\"denied\"",
        ],
    );
    client.err("EXEC");
    client.err("EVAL \"return redis.call('set', 'a:1', 'v')\" 0");
    assert_says(
        &sink.one(&kvd),
        &[
            "\"user\":\"alice\"",
            "\"command\":\"set\",\"keys\":[\"a:1\"],\"context\":\"lua\"",
            "\"result\":\"denied\"",
        ],
    );
}

/// SORT BY and GET are refused with a code of their own, EXEC with a text of its own.
#[test]
fn a_denial_is_a_line_wherever_and_however_it_is_told() {
    let (kvd, sink) = audited(&[("audit-log-commands", "")]);
    let (admin, client) = (kvd.client(), kvd.client());
    admin.text("ACL SETUSER alice on nopass ~a:* +get +sort +eval +multi +exec");
    client.text("AUTH alice x");
    sink.take(&kvd);
    for (command, context) in [
        ("SORT a:1 BY w:*", "toplevel"),
        ("SORT a:1 GET w:*", "toplevel"),
        (
            "EVAL \"return redis.call('sort', KEYS[1], 'BY', 'w:*')\" 1 a:1",
            "lua",
        ),
    ] {
        client.err(command);
        let context = format!("\"context\":\"{context}\",\"result\":\"denied\"");
        assert_says(&sink.one(&kvd), &["\"command\":\"sort\"", &context]);
    }
    client.text("MULTI");
    client.text("GET a:1");
    admin.text("ACL SETUSER alice -get");
    client.cmd("EXEC");
    let denied = "\"context\":\"multi\",\"result\":\"denied\",\"error\":\"NOPERM\"";
    assert_says(&sink.one(&kvd), &["\"command\":\"get\"", denied]);
}

#[test]
fn who_has_not_logged_in_is_denied_in_the_log_too() {
    let (kvd, sink) = audited(&[("requirepass", "secret")]);
    let client = kvd.client();
    client.err("GET a");
    assert_says(
        &sink.one(&kvd),
        &[
            "\"command\":\"get\",\"keys\":[\"a\"]",
            "\"result\":\"denied\",\"error\":\"NOAUTH\"",
        ],
    );
    // Once a connection: strangers cannot fill the log.
    client.err("GET b");
    client.cmd("RESET");
    client.err("GET c");
    assert!(sink.take(&kvd).is_empty());
    kvd.client().err("GET d");
    assert_says(&sink.one(&kvd), &["\"keys\":[\"d\"]"]);
}

#[test]
fn what_an_administrator_does_is_a_line_without_arguments() {
    let (kvd, sink) = audited(&[]);
    let client = kvd.client();
    client.cmd("SET key value");
    client.cmd("GET key");
    assert!(sink.take(&kvd).is_empty(), "not selected");
    client.cmd("FLUSHALL");
    assert_says(
        &sink.one(&kvd),
        &[
            "\"db\":0,\"command\":\"flushall\",\"context\"",
            "\"result\":\"ok\"}",
        ],
    );
    client.cmd("CONFIG SET requirepass top-secret MAXMEMORY 1gb");
    assert_says(
        &sink.one(&kvd),
        &[
            "\"command\":\"config|set\",\"options\":[\"requirepass\",\"maxmemory\"]",
            "\"result\":\"ok\"",
        ],
    );
    client.err("CONFIG SET no-such-option top-secret");
    client.cmd("ACL SETUSER bob on >top-secret #nothing");
    client.cmd("ACL SETUSER bob on >top-secret");
    client.cmd("ACL DELUSER top-secret");
    client.err("DEBUG OBJECT key top-secret");
    client.err("SORT key BY top-secret-* GET top-secret-# LIMIT x y");
    client.err("RESTORE key 0 top-secret");
    let lines = sink.take(&kvd);
    assert_eq!(lines.len(), 7, "{lines:?}");
    for line in &lines {
        assert!(!line.contains("secret"), "{line}");
        assert!(!line.contains("bob"), "{line}");
    }
    assert_says(
        &lines[6],
        &["\"restore\",\"keys\":[\"key\"]", "\"error\":\"ERR\""],
    );
}

#[test]
fn commands_of_transactions_and_scripts_are_lines_of_their_user() {
    let (kvd, sink) = audited(&[("audit-log-commands", "+@all -@connection -info")]);
    let client = kvd.client();
    client.text("ACL SETUSER alice on >p allcommands allkeys");
    client.cmd("AUTH alice p");
    sink.take(&kvd);
    client.cmd("MULTI");
    client.cmd("SET a 1");
    client.cmd("LPUSH a x");
    client.cmd("PING");
    client.cmd("EXEC");
    let lines = sink.take(&kvd);
    assert_eq!(lines.len(), 4, "{lines:#?}");
    assert_says(&lines[0], &["\"command\":\"multi\"", "toplevel"]);
    assert_says(
        &lines[1],
        &[
            "\"set\",\"keys\":[\"a\"],\"context\":\"multi\"",
            "\"result\":\"ok\"}",
        ],
    );
    assert_says(
        &lines[2],
        &["\"lpush\"", "\"result\":\"error\",\"error\":\"WRONGTYPE\"}"],
    );
    assert_says(
        &lines[3],
        &["\"command\":\"exec\",\"context\":\"toplevel\""],
    );

    client.cmd("EVAL \"return redis.call('get', KEYS[1])\" 1 a argument");
    let lines = sink.take(&kvd);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert_says(&lines[0], &["\"get\",\"keys\":[\"a\"],\"context\":\"lua\""]);
    assert_says(&lines[1], &["\"eval\",\"keys\":[\"a\"],\"context\":\"top"]);
    assert!(lines.iter().all(|line| line.contains("\"user\":\"alice\"")));
    assert!(!lines[1].contains("argument"), "{lines:?}");
}

#[test]
fn a_command_that_waits_is_two_lines() {
    let (kvd, sink) = audited(&[("audit-log-commands", "+@all")]);
    let (waiting, other) = (kvd.client(), kvd.client());
    waiting.send("BLPOP list 0");
    assert_says(
        &sink.one(&kvd),
        &["\"blpop\",\"keys\":[\"list\"]", "\"result\":\"waits\""],
    );
    other.cmd("RPUSH list a");
    let lines = sink.take(&kvd);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_says(&lines[0], &["\"rpush\""]);
    assert_says(&lines[1], &["\"blpop\"", "\"result\":\"ok\""]);
}

#[test]
fn users_can_be_left_out_but_not_what_they_may_not_do() {
    let (kvd, sink) = audited(&[
        ("audit-log-exclude-users", "exporter backup"),
        ("audit-log-commands", "+@all"),
    ]);
    let client = kvd.client();
    client.text("ACL SETUSER exporter on >p +info");
    sink.take(&kvd);
    client.cmd("AUTH exporter p");
    assert_says(&sink.one(&kvd), &["\"command\":\"auth\""]);
    client.cmd("INFO");
    assert!(sink.take(&kvd).is_empty());
    client.err("GET a");
    assert_says(&sink.one(&kvd), &["\"exporter\"", "\"denied\""]);
}

#[test]
fn hostile_keys_are_valid_json_and_bounded() {
    let (kvd, sink) = audited(&[("audit-log-commands", "+@all -eval")]);
    let client = kvd.client();
    let hostile: Vec<Vec<u8>> = vec![
        b"MGET".to_vec(),
        b"\"}\n{\"user\":\"admin".to_vec(),
        (0..=255).collect(),
        b"\\xff".to_vec(),
        "\u{2028}\u{202e}\u{feff}".into(),
    ];
    client.cmd_words(&hostile);
    let line = sink.one(&kvd);
    let script =
        "local line = cjson.decode(ARGV[1]) return {line.command, #line.keys, line.keys[1]}";
    let read = client.cmd_words(&["EVAL", script, "0", &line]);
    let items = read.items();
    assert_eq!(items[0].text(), "mget");
    assert_eq!(items[1].int(), 4);
    assert_eq!(items[2].text(), "\"}\n{\"user\":\"admin");

    let mut many = vec![b"DEL".to_vec()];
    many.resize(10_001, vec![0; 10_000]);
    client.cmd_words(&many);
    let line = sink.one(&kvd);
    assert!(line.len() < 32 << 10, "{}", line.len());
    assert_says(&line, &["(9872 more bytes)\"", "\"more_keys\":9984"]);
    let script = "return #cjson.decode(ARGV[1]).keys";
    assert_eq!(
        client.cmd_words(&["EVAL", script, "0", &line]),
        Value::Int(16)
    );
}

#[test]
fn what_is_lost_is_counted_and_told() {
    let (kvd, sink) = audited(&[("audit-log-commands", "+@all -@connection -info")]);
    let client = kvd.client();
    sink.is_stuck.set(true);
    let lost = || {
        let text = client.text("INFO stats");
        let field = "audit_log_lost_lines:";
        let line = text.lines().find_map(|line| line.strip_prefix(field));
        line.expect("a field").parse::<u64>().expect("a number")
    };
    let (mut sent, key) = (0, "k".repeat(100));
    while lost() == 0 {
        client.cmd(&format!("GET {key}"));
        sent += 1;
        assert!(sent < 100_000, "the buffer has an end");
    }
    client.cmd("GET other");
    sent += 1;
    let lost = lost();
    sink.is_stuck.set(false);
    // Nothing else needs to happen for it to be told.
    kvd.advance_ms(200);
    kvd.advance_ms(200);
    let lines = sink.take(&kvd);
    assert_eq!(lines.len() as u64, sent - lost + 1);
    let told = lines.last().expect("lines");
    assert_says(told, &[&format!("\"result\":\"lost\",\"lines\":{lost}}}")]);
    client.cmd("GET after");
    assert_says(&sink.one(&kvd), &["\"after\""]);
}

#[test]
fn a_selection_that_names_nothing_is_refused() {
    let (kvd, sink) = audited(&[("enable-protected-configs", "yes")]);
    let client = kvd.client();
    let failed = "ERR CONFIG SET failed (possibly related to argument 'audit-log-commands') - ";
    for (value, reason) in [
        ("+@nothing", "'+@nothing': Unknown command or category name"),
        ("get", "'get' does not select a command or category"),
        ("+select|0", "'+select|0' does not select"),
        ("~*", "'~*' does not select"),
    ] {
        let error = client.err(&format!("CONFIG SET audit-log-commands \"+get {value}\""));
        assert!(error.starts_with(failed), "{error}");
        assert!(error.contains(reason), "{error}");
    }
    let get = client.cmd("CONFIG GET audit-log-commands").items()[1].text();
    assert_eq!(get, "+@admin +@dangerous");
    client.text("CONFIG SET audit-log-commands +get");
    sink.take(&kvd);
    client.cmd("FLUSHALL");
    client.cmd("GET a");
    assert_says(&sink.one(&kvd), &["\"get\""]);
    // The file itself is chosen at the start.
    let error = client.err("CONFIG SET audit-log /tmp/other");
    assert!(error.ends_with("can't set immutable config"), "{error}");
}

#[test]
fn who_may_change_options_may_not_blind_the_log() {
    let kvd = Kvd::new();
    for name in ["audit-log-commands", "audit-log-exclude-users"] {
        let error = kvd.client().err(&format!("CONFIG SET {name} +get"));
        assert!(error.ends_with("can't set protected config"), "{error}");
    }
    // Tools set every option to what it is.
    let same = "CONFIG SET audit-log-commands \"+@admin +@dangerous\" audit-log \"\"";
    assert_eq!(kvd.client().text(same), "OK");
}

/// What a file holds once it holds this.
fn wait_for(path: &Path, text: &str) -> String {
    let start = Instant::now();
    loop {
        let read = std::fs::read_to_string(path).unwrap_or_default();
        if read.contains(text) {
            return read;
        }
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "no {text}: {read}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_file_may_be_moved_away_at_any_time() {
    let mut server = Process::kvd(&["--audit-log", "audit.json"]);
    let (path, old) = (server.file("audit.json"), server.file("audit.json.1"));
    let mut client = server.connect();
    client.cmd("CONFIG SET maxmemory 1gb");
    let port = client.stream().local_addr().expect("an address").port();
    let line = wait_for(&path, "config|set");
    assert_says(&line, &[&format!("\"address\":\"127.0.0.1:{port}\"")]);
    std::fs::rename(&path, &old).expect("moved");
    client.cmd("FLUSHALL");
    let line = wait_for(&path, "flushall");
    assert!(!line.contains("config|set"), "{line}");
    assert!(!wait_for(&old, "config|set").contains("flushall"));
    // What was done last is written before the server ends.
    client.cmd("CONFIG SET maxmemory 2gb");
    client.send("SHUTDOWN NOSAVE");
    assert_eq!(server.wait(), Some(0));
    let text = std::fs::read_to_string(&path).expect("read");
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.contains("shutdown"), "{text}");
}

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("audit.json");
    std::os::unix::fs::symlink("/dev/full", &path).expect("a link");
    let server = Process::kvd(&["--audit-log", path.to_str().expect("text")]);
    let mut client = server.connect();
    client.cmd("FLUSHALL");
    let log = server.wait_for_log("cannot be written, trying again");
    client.cmd("FLUSHDB");
    while info(&mut client, "audit_log_write_errors") < 3 {
        assert_eq!(client.cmd("PING").text(), "PONG");
    }
    let told = server.log().matches("cannot be written").count();
    assert_eq!(told, 1, "once: {log}");
    std::fs::remove_file(&path).expect("removed");
    let text = wait_for(&path, "flushdb");
    assert!(text.contains("flushall"), "{text}");
    assert_eq!(info(&mut client, "audit_log_lost_lines"), 0);
    server.wait_for_log("is written again");
}

#[test]
fn a_file_that_takes_nothing_does_not_hold_the_server_up() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("pipe");
    let made = Command::new("mkfifo").arg(&path).status();
    assert!(made.expect("mkfifo runs").success());
    // Open for both, so that nobody waits for the other end.
    let mut reader = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .expect("a pipe");
    let path = path.to_str().expect("text");
    let server = Process::kvd(&["--audit-log", path, "--audit-log-commands", "+@all"]);
    let mut client = server.connect();
    let keys: Vec<String> = (0..16).map(|n| format!("{n}{}", "k".repeat(120))).collect();
    let words: Vec<&str> = std::iter::once("MGET")
        .chain(keys.iter().map(String::as_str))
        .collect();
    let batch = request(&words).repeat(100);
    let mut batches = 0;
    while info(&mut client, "audit_log_lost_lines") == 0 {
        client.send_raw(&batch);
        (0..100).for_each(|_| drop(client.take()));
        batches += 1;
        assert!(batches < 1_000, "the queue has an end");
    }
    // Once somebody reads, the lines come, and then how many did not.
    let mut text = Vec::new();
    let is_told = |text: &[u8]| memchr::memmem::find(text, b"\"result\":\"lost\"").is_some();
    while !is_told(&text[text.len().saturating_sub(200_000)..]) {
        let mut chunk = vec![0; 65_536];
        let read = reader.read(&mut chunk).expect("read");
        text.extend(&chunk[..read]);
    }
}
