//! The append-only file at run time and when it is read again: who may do what does not matter
//! then, transactions are whole, and switching, rewriting and reloading lose nothing.

use kvd::host::Disk;
use kvd::host::memory::MemoryDisk;
use kvd::persist::aof::frame::SEED_LINE_LEN;
use kvd::persist::check::{Checker, Console, Task};

use super::info;
use crate::harness::{Client, Kvd, Process, request};

const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";
const INCR: &str = "appendonlydir/appendonly.aof.1.incr.aof";
const ON: &[(&str, &str)] = &[
    ("appendonly", "yes"),
    ("save", ""),
    ("enable-debug-command", "yes"),
];

fn on(disk: &MemoryDisk, options: &[(&str, &str)]) -> Kvd {
    Kvd::on(disk.clone(), 1, &[ON, options].concat())
}

/// Lets time pass until no rewrite is under way or scheduled.
fn wait_for_rewrite(kvd: &Kvd, client: &Client) {
    for _ in 0..10_000 {
        kvd.advance_ms(10);
        let is_idle = |field| info(client, field) == "0";
        if is_idle("aof_rewrite_in_progress") && is_idle("aof_rewrite_scheduled") {
            return;
        }
    }
    panic!("the rewrite does not end");
}

/// The server writes commands down that clients have not sent: renaming is for clients.
#[test]
fn what_the_server_writes_is_read_whatever_commands_are_called() {
    let options = [
        "--appendonly",
        "yes",
        "--save",
        "",
        "--rename-command",
        "UNLINK",
        "",
    ];
    let options = [&options[..], &["--rename-command", "SET", "put"]].concat();
    let server = Process::kvd(&options);
    let mut client = server.connect();
    for (line, reply) in [
        ("PUT a 1", "OK"),
        ("PUT b 2", "OK"),
        ("GETDEL a", "1"),
        (
            "UNLINK b",
            "ERR unknown command 'UNLINK', with args beginning with: 'b' ",
        ),
    ] {
        assert_eq!(client.cmd(line).text(), reply);
    }
    let server = Process::kvd_in(server.into_dir(), &options);
    let mut client = server.connect();
    while client.cmd("PING").is_error() {}
    assert_eq!(client.cmd("MGET a b").items()[1].text(), "2");
    assert_eq!(client.cmd("EXISTS a b").int(), 1);
}

/// A name that one command has lost and another has got means the first one in the file.
#[test]
fn the_log_is_read_right_where_commands_have_names_of_others() {
    let mut options = vec!["--appendonly", "yes", "--save", ""];
    for (old, new) in [
        ("UNLINK", ""),
        ("GET", "unlink"),
        ("DEL", ""),
        ("SET", "del"),
    ] {
        options.extend(["--rename-command", old, new]);
    }
    let server = Process::kvd(&options);
    let mut client = server.connect();
    for (line, reply) in [
        ("DEL a 1", "OK"),
        ("DEL b 2", "OK"),
        ("UNLINK a", "1"),
        ("GETDEL a", "1"),
    ] {
        assert_eq!(client.cmd(line).text(), reply);
    }
    let server = Process::kvd_in(server.into_dir(), &options);
    let mut client = server.connect();
    while client.cmd("PING").is_error() {}
    assert_eq!(client.cmd("EXISTS a").int(), 0);
    assert_eq!(client.cmd("UNLINK b").text(), "2");
}

/// In the file commands are nobody's: whoever wrote them may not be there any more.
#[test]
fn replay_asks_nobody_for_permission() {
    let on = ["--appendonly", "yes", "--save", ""];
    let server = Process::kvd(&on);
    let (mut writer, mut admin) = (server.connect(), server.connect());
    admin.cmd("ACL SETUSER writer on >secret ~a* +set +incr");
    for line in ["AUTH writer secret", "SET a1 1", "INCR a1"] {
        assert!(!writer.cmd(line).is_error(), "{line}");
    }
    for line in ["MULTI", "SET b 1", "RPUSH l x", "EXEC"] {
        assert!(!admin.cmd(line).is_error(), "{line}");
    }
    let users = "--user default off resetpass -@all \
                 --user writer off -@all \
                 --user admin on >secret ~* +@all";
    let users: Vec<&str> = users.split_whitespace().collect();
    let server = Process::kvd_in(server.into_dir(), &[&on[..], &users].concat());
    let mut client = server.connect();
    assert!(client.cmd("GET a1").text().starts_with("NOAUTH"));
    assert_eq!(client.cmd("AUTH admin secret").text(), "OK");
    while client.cmd("PING").is_error() {}
    assert_eq!(client.cmd("GET a1").text(), "2");
    assert_eq!(client.cmd("EXISTS b l").int(), 2);
    let options = [&on[..], &["--requirepass", "secret"]].concat();
    let server = Process::kvd_in(server.into_dir(), &options);
    let mut client = server.connect();
    assert!(client.cmd("GET a1").text().starts_with("NOAUTH"));
    assert_eq!(client.cmd("AUTH secret").text(), "OK");
    while client.cmd("PING").is_error() {}
    assert_eq!(client.cmd("DBSIZE").int(), 3);
}

#[test]
fn a_base_is_written_and_read_as_either_format() {
    for (first, then) in [("yes", "no"), ("no", "yes"), ("no", "no"), ("yes", "yes")] {
        let disk = MemoryDisk::default();
        let kvd = on(&disk, &[("aof-use-rdb-preamble", first)]);
        let client = kvd.client();
        client.cmd("SET a 1 EX 1000");
        client.cmd("RPUSH l x y z");
        client.cmd("BGREWRITEAOF");
        wait_for_rewrite(&kvd, &client);
        client.cmd("RPUSH l more");
        let before = client.digest();
        let kvd = on(&disk, &[("aof-use-rdb-preamble", then)]);
        let client = kvd.client();
        assert_eq!(client.digest(), before, "{first}, {then}");
        client.cmd("BGREWRITEAOF");
        wait_for_rewrite(&kvd, &client);
        let manifest = disk.content(MANIFEST).expect("a manifest");
        let manifest = String::from_utf8(manifest).expect("text");
        let is_rdb = manifest.contains(".base.rdb");
        assert_eq!(is_rdb, then == "yes", "{manifest}");
        let kvd = on(&disk, &[("aof-use-rdb-preamble", first)]);
        assert_eq!(kvd.client().digest(), before, "{first}, {then}");
    }
}

#[test]
fn it_is_switched_off_and_on_under_load() {
    let disk = MemoryDisk::default();
    let kvd = on(&disk, &[]);
    let (admin, writer) = (kvd.client(), kvd.client());
    for round in 0..6 {
        let state = if round % 2 == 0 { "no" } else { "yes" };
        for n in 0..50 {
            writer.cmd(&format!("INCR counter{}", n % 7));
            writer.cmd(&format!("RPUSH list {round}-{n}"));
            if n == 20 {
                assert_eq!(admin.text(&format!("CONFIG SET appendonly {state}")), "OK");
            }
            kvd.one_turn();
        }
        if state == "yes" {
            wait_for_rewrite(&kvd, &admin);
            writer.cmd("SET later 1");
            let again = on(&disk, &[]);
            let digest = again.client().digest();
            assert_eq!(digest, admin.digest(), "round {round}");
        }
    }
}

/// Switched off, the files hold what was there then.
#[test]
fn what_was_written_before_it_was_switched_off_is_there() {
    let disk = MemoryDisk::default();
    let kvd = on(&disk, &[]);
    let client = kvd.client();
    client.cmd("SET a 1");
    // In one turn with what came before it.
    client.send("SET b 2");
    client.send("CONFIG SET appendonly no");
    client.send("SET c 3");
    client.take();
    let again = on(&disk, &[]);
    assert_eq!(again.client().int("EXISTS a b c"), 2);
}

#[test]
fn it_rewrites_itself_when_it_has_grown_and_gives_room_back() {
    let disk = MemoryDisk::default();
    let options = [
        ("auto-aof-rewrite-percentage", "100"),
        ("auto-aof-rewrite-min-size", "20000"),
    ];
    let kvd = on(&disk, &options);
    let client = kvd.client();
    let size = || -> u64 { info(&client, "aof_current_size").parse().expect("a number") };
    let mut largest = 0;
    for n in 0..3_000 {
        client.cmd(&format!("SET key {n}"));
        if n % 10 == 0 {
            largest = largest.max(size());
            kvd.advance_ms(100);
        }
    }
    wait_for_rewrite(&kvd, &client);
    let rewrites: u64 = info(&client, "aof_rewrites").parse().expect("a number");
    assert!(rewrites >= 5, "{rewrites}");
    assert!(largest < 30_000, "{largest}");
    let files = disk.clone().list("appendonlydir").expect("a directory");
    assert_eq!(
        files.len(),
        3,
        "a base, a file behind it, the manifest: {files:?}"
    );
    let again = on(&disk, &[]);
    assert_eq!(again.client().text("GET key"), "2999");
    // Off, it only grows.
    client.cmd("CONFIG SET auto-aof-rewrite-percentage 0");
    let before = info(&client, "aof_rewrites");
    for n in 0..500 {
        client.cmd(&format!("SET key {n}"));
    }
    kvd.advance_ms(1_000);
    assert!(size() > 20_000);
    assert_eq!(info(&client, "aof_rewrites"), before);
}

#[test]
fn waitaof_answers_when_what_was_written_is_durable() {
    for policy in ["always", "everysec", "no"] {
        let kvd = on(&MemoryDisk::default(), &[("appendfsync", policy)]);
        let client = kvd.client();
        client.cmd("SET k v");
        client.send("WAITAOF 1 0 0");
        kvd.advance_ms(1_100);
        kvd.advance_ms(1_100);
        match policy {
            // Nobody asks the disk then.
            "no" => assert!(client.is_silent()),
            _ => assert_eq!(client.take_one().items()[0].int(), 1, "{policy}"),
        }
    }
    let kvd = on(&MemoryDisk::default(), &[]);
    let client = kvd.client();
    let local = |line| client.cmd(line).items()[0].int();
    assert_eq!(local("WAITAOF 0 0 0"), 1);
    client.send("WAITAOF 1 1 50");
    kvd.advance_ms(60);
    assert_eq!(format!("{:?}", client.take_one()), "[:1, :0]");
    for line in ["MULTI", "SET k w", "WAITAOF 1 0 0"] {
        client.cmd(line);
    }
    // In a transaction nothing waits: it answers for what its client wrote before.
    assert_eq!(format!("{:?}", client.cmd("EXEC").items()[1]), "[:1, :0]");
}

#[test]
fn debug_commands_that_load_again_keep_everything() {
    let disk = MemoryDisk::default();
    let kvd = on(&disk, &[]);
    let client = kvd.client();
    for line in [
        "SET a 1 EX 1000",
        "HSET h f v g w",
        "HEXPIRE h 100 FIELDS 1 f",
        "XADD s 1-1 f v",
        "XGROUP CREATE s g 0",
        "XREADGROUP GROUP g c STREAMS s >",
        "SELECT 3",
        "ZADD z 1 a 2 b",
        "SELECT 0",
    ] {
        client.cmd(line);
    }
    client.cmd_words(&[
        "FUNCTION",
        "LOAD",
        "#!lua name=l\nredis.register_function('f', function() return 7 end)",
    ]);
    let state = || {
        [
            "DEBUG DIGEST",
            "FUNCTION LIST WITHCODE",
            "HTTL h FIELDS 1 f",
            "XPENDING s g",
            "TTL a",
        ]
        .map(|line| client.cmd(line))
    };
    let before = state();
    for line in ["DEBUG LOADAOF", "DEBUG RELOAD", "DEBUG LOADAOF"] {
        assert_eq!(client.text(line), "OK");
        assert_eq!(state(), before, "{line}");
        assert_eq!(client.int("FCALL f 0"), 7);
        // The file goes on where it was.
        client.cmd("SET more 1");
        client.cmd("DEL more");
        let again = on(&disk, &[]);
        assert_eq!(again.client().digest(), before[0].text(), "{line}");
    }
}

#[test]
fn a_torn_transaction_is_there_whole_or_not_at_all() {
    let disk = MemoryDisk::default();
    let kvd = on(&disk, &[]);
    let client = kvd.client();
    client.cmd("SET before 1");
    for line in [
        "MULTI",
        "SET a 1",
        "SELECT 2",
        "SET b 2",
        "RPUSH l x",
        "EXEC",
    ] {
        client.cmd(line);
    }
    client.cmd_words(&[
        "EVAL",
        "redis.call('SET','c',1) redis.call('SET','d',1)",
        "0",
    ]);
    let whole = disk.content(INCR).expect("a file");
    let mut seen = [false; 3];
    for len in 0..=whole.len() {
        let torn = MemoryDisk::default();
        for name in disk.clone().list("appendonlydir").expect("a directory") {
            let name = format!("appendonlydir/{name}");
            torn.put(&name, &disk.content(&name).expect("a file"));
        }
        torn.put(INCR, &whole[..len]);
        let kvd = on(&torn, &[]);
        let client = kvd.client();
        let first = client.int("EXISTS before");
        client.cmd("SELECT 2");
        let (third, script) = (client.int("EXISTS b l"), client.int("EXISTS c d"));
        client.cmd("SELECT 0");
        let second = client.int("EXISTS a");
        assert!(
            third == 2 * second && (script == 0 || script == 2),
            "cut at {len}"
        );
        assert!(script / 2 <= second && second <= first, "cut at {len}");
        seen[(first + second) as usize] = true;
    }
    assert_eq!(seen, [true; 3]);
}

/// A file of another server has no frames: it is cut where the transaction began.
#[test]
fn a_torn_transaction_without_checksums_does_not_run() {
    let lines = ["SET before 1", "MULTI", "SET a 1", "SET b 2", "EXEC"];
    let words = lines.map(|line| request(&line.split(' ').collect::<Vec<_>>()));
    let whole = words.concat();
    for len in 0..=whole.len() {
        let disk = MemoryDisk::default();
        disk.put(INCR, &whole[..len]);
        disk.put(MANIFEST, b"file appendonly.aof.1.incr.aof seq 1 type i\n");
        let kvd = on(&disk, &[]);
        let pair = kvd.client().int("EXISTS a b");
        assert_eq!(pair, if len == whole.len() { 2 } else { 0 }, "cut at {len}");
        // A line with a seed stands behind what is left.
        let left = disk.content(INCR).expect("a file").len() - SEED_LINE_LEN;
        assert!(
            left == 0 || left == words[0].len() || left == whole.len(),
            "{left}"
        );
    }
}

struct Silent;

impl Console for Silent {
    fn say(&mut self, _text: &str) {}

    fn confirm(&mut self, _question: &str) -> bool {
        false
    }
}

/// Each second of a file with timestamps can be gone back to, whatever lies in it.
#[test]
fn the_file_can_be_cut_at_every_second() {
    let start_s = 1_700_000_000;
    for at in 0..8 {
        let disk = MemoryDisk::default();
        let kvd = on(&disk, &[("aof-timestamp-enabled", "yes")]);
        let client = kvd.client();
        for n in 0..8 {
            for line in ["MULTI", "INCR a", "INCR b", "EXEC"] {
                client.cmd(line);
            }
            client.cmd(&format!("SET key{n} 1"));
            kvd.advance_ms(1_000);
        }
        let mut files = disk.clone();
        let mut console = Silent;
        let task = Task::CutAfter(start_s + at);
        assert!(Checker::new(&mut files, &mut console, task, 0).run(MANIFEST));
        let again = on(&disk, &[("aof-timestamp-enabled", "yes")]);
        let client = again.client();
        for key in ["a", "b"] {
            assert_eq!(client.text(&format!("GET {key}")), (at + 1).to_string());
        }
        assert_eq!(client.int("DBSIZE"), at + 3);
    }
}
