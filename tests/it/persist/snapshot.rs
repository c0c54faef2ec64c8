//! Snapshots in this process: what they hold, who waits for them, and how they end.

use fastrand::Rng;
use kvd::host::memory::MemoryDisk;

use super::{info, wait_for_save};
use crate::harness::{Client, Kvd, Value, request};

const OPTIONS: &[(&str, &str)] = &[("save", ""), ("enable-debug-command", "yes")];

/// Keys of several steps of a snapshot.
const KEYS: usize = 400;

/// Elements that make a collection one that is written in steps.
const LARGE: usize = 1_500;

/// A line that makes or replaces a key.
fn make(rng: &mut Rng) -> String {
    let key = format!("k{}", rng.usize(..400));
    let count = if rng.usize(..60) == 0 {
        LARGE
    } else {
        1 + rng.usize(..12)
    };
    let words = |prefix: &str| {
        let words = (0..count).map(|n| format!(" {prefix}{n}"));
        words.collect::<String>()
    };
    let pairs = |first: fn(usize) -> String| {
        let words = (0..count).map(|n| format!(" {} m{n}", first(n)));
        words.collect::<String>()
    };
    let type_and = match rng.usize(..8) {
        0 => format!("RPUSH {key}{}", words("a-long-element-")),
        1 => format!("SADD {key}{}", words("s")),
        2 => format!("HSET {key}{}", pairs(|n| format!("f{n}"))),
        3 => format!("ZADD {key}{}", pairs(|n| format!("{n}.5"))),
        4 => format!("XADD {key} *{}", pairs(|n| format!("f{n}"))),
        5 => format!("SET {key} {}", "large".repeat(5_000)),
        _ => format!("SET {key} value{}", rng.u32(..)),
    };
    if rng.bool() {
        return type_and;
    }
    format!("DEL {key}\r\n{type_and}")
}

/// A line that changes something, as clients do while a snapshot is under way.
fn change(rng: &mut Rng) -> String {
    let [key, other] = [0; 2].map(|_| format!("k{}", rng.usize(..400)));
    match rng.usize(..24) {
        0 => format!("DEL {key}"),
        1 => format!("RPUSH {key} more"),
        2 => format!("LPOP {key} 3"),
        3 => format!("HSET {key} f1 changed new field"),
        4 => format!("HDEL {key} f0 f1"),
        5 => format!("SADD {key} more"),
        6 => format!("SPOP {key} 2"),
        7 => format!("ZINCRBY {key} 5 m3"),
        8 => format!("ZREMRANGEBYRANK {key} 0 1"),
        9 => format!("XADD {key} * changed yes"),
        10 => format!("XTRIM {key} MAXLEN 0"),
        11 => format!("APPEND {key} more"),
        12 => format!("SETRANGE {key} 3 xyz"),
        13 => format!("INCR {key}"),
        14 => format!("RENAME {key} {other}"),
        15 => format!("COPY {key} {other} REPLACE"),
        16 => format!("EXPIRE {key} {}", 1_000 + rng.usize(..1_000)),
        17 => format!("PERSIST {key}"),
        18 => format!("MOVE {key} {}", rng.usize(..3)),
        19 => format!("MULTI\r\nRPUSH {key} in exec\r\nDEL {other}\r\nSET {other} x\r\nEXEC"),
        20 => format!("HEXPIRE {key} 5000 FIELDS 1 f0"),
        21 if rng.usize(..10) == 0 => format!("SWAPDB {} {}", rng.usize(..3), rng.usize(..3)),
        22 if rng.usize(..20) == 0 => "FLUSHDB".to_owned(),
        23 => format!("SELECT {}", rng.usize(..3)),
        _ => make(rng),
    }
}

fn send(client: &Client, line: &str) {
    client.send_raw(line.as_bytes());
    client.send_raw(b"\r\n");
}

fn fill(client: &Client, rng: &mut Rng) {
    for db in 0..3 {
        client.cmd(&format!("SELECT {db}"));
        for _ in 0..200 {
            send(client, &make(rng));
        }
        client.take();
    }
}

fn digest(client: &Client) -> String {
    client.digest()
}

fn seeds() -> std::ops::Range<u64> {
    let count = std::env::var("KVD_SEEDS").ok().and_then(|n| n.parse().ok());
    match std::env::var("KVD_SEED").ok().and_then(|n| n.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..count.unwrap_or(8),
    }
}

#[test]
fn a_snapshot_under_writes_is_what_was_there_when_it_began() {
    for seed in seeds() {
        let mut rng = Rng::with_seed(seed);
        let disk = MemoryDisk::default();
        let kvd = Kvd::on(disk.clone(), seed, OPTIONS);
        let (admin, writers) = (kvd.client(), [kvd.client(), kvd.client(), kvd.client()]);
        fill(&admin, &mut rng);
        // Three in a row: the second begins where the marks of the first mean the opposite, and
        // the third while one that was given up is still walked to its end.
        for round in 0..3 {
            let before = digest(&admin);
            kvd.tick_by_ns(1 + rng.u64(..40_000));
            if round == 2 {
                admin.send("BGSAVE");
                kvd.one_turn();
                admin.send("BGSAVE CANCEL");
            }
            admin.send("BGSAVE");
            let mut turns = 0;
            while kvd.engine().is_saving() {
                for writer in &writers {
                    for _ in 0..rng.usize(..6) {
                        // One that was given up has to be walked to its end first.
                        if round < 2 {
                            send(writer, &change(&mut rng));
                        }
                    }
                    writer.take_bytes_now();
                }
                kvd.one_turn();
                turns += 1;
                assert!(turns < 100_000, "seed {seed}: the save does not end");
            }
            kvd.tick_by_ns(0);
            admin.take();
            assert_eq!(info(&admin, "rdb_last_bgsave_status"), "ok");
            kvd.engine().keyspace.check_invariants();
            let again = Kvd::on(disk.clone(), seed + 1, OPTIONS);
            assert!(
                digest(&again.client()) == before,
                "seed {seed}, round {round}"
            );
            for writer in &writers {
                send(writer, "PING");
                assert!(
                    writer.take_bytes().ends_with(b"+PONG\r\n"),
                    "seed {seed}: parked"
                );
            }
        }
    }
}

/// A server whose one key is a list that takes many slices, and whose save has begun.
fn saving_a_large_list() -> (Kvd, Client, MemoryDisk) {
    let disk = MemoryDisk::default();
    let kvd = Kvd::on(disk.clone(), 1, OPTIONS);
    let client = kvd.client();
    for n in 0..200 {
        client.cmd(&format!("RPUSH list{}", format!(" element{n}").repeat(100)));
    }
    kvd.tick_by_ns(300_000);
    client.send("BGSAVE");
    assert_eq!(client.take_bytes_now(), b"+Background saving started\r\n");
    (kvd, client, disk)
}

#[test]
fn who_would_change_a_large_collection_waits_and_others_do_not() {
    let (kvd, client, disk) = saving_a_large_list();
    let other = kvd.client();
    client.send_raw(b"RPUSH list late\r\nLLEN list\r\n");
    other.send_raw(b"SET k v\r\nLLEN list\r\nGET k\r\n");
    assert_eq!(other.take_bytes_now(), b"+OK\r\n:20000\r\n$1\r\nv\r\n");
    assert_eq!(client.take_bytes_now(), b"", "it waits for the snapshot");
    // A transaction cannot wait.
    other.send_raw(b"MULTI\r\nLPUSH list early\r\nEXEC\r\n");
    assert_eq!(
        other.take_bytes_now(),
        b"+OK\r\n+QUEUED\r\n*1\r\n:20001\r\n"
    );
    kvd.turn();
    assert_eq!(client.take_bytes(), b":20002\r\n:20002\r\n");
    assert_eq!(info(&client, "rdb_last_inline_collections"), "1");
    let again = Kvd::on(disk, 1, OPTIONS).client();
    assert_eq!((again.int("LLEN list"), again.int("DBSIZE")), (20_000, 1));
}

#[test]
fn who_waits_for_a_large_collection_does_not_wait_for_all_other_databases() {
    let kvd = Kvd::on(MemoryDisk::default(), 1, OPTIONS);
    let client = kvd.client();
    client.cmd("DEBUG POPULATE 100000");
    client.cmd("SELECT 1");
    client.cmd(&format!("RPUSH list{}", " element".repeat(LARGE)));
    kvd.tick_by_ns(20_000);
    for line in ["BGSAVE", "RPUSH list late"] {
        client.send(line);
    }
    while !client.take_bytes_now().ends_with(b":1501\r\n") {
        kvd.one_turn();
    }
    let engine = kvd.engine();
    let running = engine.persist.running.as_ref();
    let done = running.map(|running| running.snapshot.keys_done(&engine.keyspace));
    assert!(
        done.is_some_and(|keys| keys < 50_000),
        "{done:?} keys went before"
    );
}

#[test]
fn a_client_that_waits_for_a_snapshot_goes_on_when_it_is_cancelled() {
    let (kvd, client, disk) = saving_a_large_list();
    client.send("DEL list");
    assert_eq!(client.take_bytes_now(), b"");
    let admin = kvd.client();
    assert_eq!(admin.text("BGSAVE CANCEL"), "Background saving cancelled");
    assert_eq!(client.take_one().int(), 1);
    assert_eq!(disk.content("dump.rdb"), None);
    assert_eq!(disk.content("temp-1.rdb"), None);
    let error = admin.err("BGSAVE CANCEL");
    assert!(error.contains("not in progress or scheduled"), "{error}");
}

#[test]
fn flushall_gives_up_a_save_and_saves_emptiness_where_there_are_save_points() {
    let (kvd, client, disk) = saving_a_large_list();
    client.cmd("FLUSHALL");
    assert_eq!(info(&client, "rdb_bgsave_in_progress"), "0");
    assert_ne!(info(&client, "rdb_changes_since_last_save"), "0");
    assert_eq!(disk.content("dump.rdb"), None);
    kvd.tick_by_ns(0);
    client.cmd_words(&["CONFIG", "SET", "save", "3600 1"]);
    client.cmd("SET k v");
    client.cmd("FLUSHALL");
    assert_eq!(info(&client, "rdb_changes_since_last_save"), "0");
    wait_for_save(&kvd);
    assert_eq!(info(&client, "rdb_saves"), "1");
    assert_eq!(Kvd::on(disk, 1, OPTIONS).client().int("DBSIZE"), 0);
}

#[test]
fn save_points_save() {
    let disk = MemoryDisk::default();
    let kvd = Kvd::on(disk.clone(), 1, &[("save", "60 2")]);
    let client = kvd.client();
    client.cmd("SET a 1");
    kvd.advance_ms(100_000);
    assert_eq!(disk.content("dump.rdb"), None, "one change is not enough");
    client.cmd("SET b 1");
    kvd.advance_ms(200);
    wait_for_save(&kvd);
    assert_eq!(info(&client, "rdb_changes_since_last_save"), "0");
    assert_eq!(client.int("LASTSAVE"), kvd.unix_ms() / 1_000);
    let first = disk.content("dump.rdb");
    assert!(first.is_some());
    client.cmd("MSET c 1 d 1");
    client.cmd("DEL a");
    kvd.advance_ms(50_000);
    assert_eq!(disk.content("dump.rdb"), first, "a minute has not passed");
    kvd.advance_ms(11_000);
    wait_for_save(&kvd);
    assert_ne!(disk.content("dump.rdb"), first);
}

#[test]
fn in_a_transaction_a_save_waits_for_its_end() {
    let disk = MemoryDisk::default();
    let kvd = Kvd::on(disk.clone(), 1, OPTIONS);
    let client = kvd.client();
    client.send_raw(b"MULTI\r\nSET a 1\r\nBGSAVE\r\nSET b 2\r\nEXEC\r\n");
    assert!(
        client.take()[4]
            .texts()
            .contains(&"Background saving scheduled".to_owned())
    );
    wait_for_save(&kvd);
    assert_eq!(Kvd::on(disk, 1, OPTIONS).client().int("DBSIZE"), 2);
}

#[test]
fn expired_keys_are_left_out_when_they_are_loaded() {
    let disk = MemoryDisk::default();
    let kvd = Kvd::on(disk.clone(), 1, OPTIONS);
    let client = kvd.client();
    client.cmd("DEBUG SET-ACTIVE-EXPIRE 0");
    client.cmd("SET soon 1 PX 5");
    client.cmd("SET later 1 PX 5000");
    client.cmd("SET never 1");
    // The other server's clock begins where this one's began.
    kvd.jump_wall_ms(-1_000);
    client.cmd("SET past 1 PX 5");
    client.cmd("SAVE");
    let again = Kvd::on(disk, 1, OPTIONS).client();
    assert_eq!(again.int("DBSIZE"), 3);
    assert_eq!(again.int("PTTL later"), 5_000);
    assert_eq!(info(&again, "rdb_last_load_keys_loaded"), "3");
    assert_eq!(info(&again, "rdb_last_load_keys_expired"), "1");
}

#[test]
fn debug_reload_saves_forgets_and_loads() {
    let kvd = Kvd::on(MemoryDisk::default(), 1, OPTIONS);
    let client = kvd.client();
    fill(&client, &mut Rng::with_seed(3));
    client.cmd("SET string v");
    let before = digest(&client);
    assert_eq!(client.text("DEBUG RELOAD"), "OK");
    assert_eq!(digest(&client), before);
    client.cmd("SET string changed");
    client.cmd("SET of-now 1");
    let error = client.err("DEBUG RELOAD NOSAVE NOFLUSH");
    assert!(error.starts_with("ERR Error trying to load"), "{error}");
    assert_eq!(client.text("DEBUG RELOAD NOSAVE NOFLUSH MERGE"), "OK");
    assert_eq!(client.int("EXISTS of-now"), 1);
    client.cmd("DEL of-now");
    assert_eq!(digest(&client), before);
}

#[test]
fn libraries_are_reloaded_with_the_data() {
    let options = [("save", ""), ("enable-debug-command", "yes")];
    let kvd = Kvd::on(MemoryDisk::default(), 1, &options);
    let client = kvd.client();
    let load = |answer: &str| {
        let code = format!("#!lua name=l\nredis.register_function('f', function() {answer} end)");
        client.cmd_words(&["FUNCTION", "LOAD", "REPLACE", &code])
    };
    assert_eq!(load("return 'old'").text(), "l");
    assert_eq!(client.text("DEBUG RELOAD"), "OK");
    assert_eq!(client.text("FCALL f 0"), "old");
    load("return 'new'");
    let error = client.err("DEBUG RELOAD NOSAVE NOFLUSH");
    assert!(error.starts_with("ERR Error trying to load"), "{error}");
    assert_eq!(client.text("FCALL f 0"), "new");
    assert_eq!(client.text("DEBUG RELOAD NOSAVE NOFLUSH MERGE"), "OK");
    assert_eq!(client.text("FCALL f 0"), "old");
}

#[test]
fn a_save_of_nothing_gives_way() {
    let options = [("save", "3600 1"), ("enable-debug-command", "yes")];
    for wanted in ["BGSAVE", "SAVE"] {
        let disk = MemoryDisk::default();
        let kvd = Kvd::on(disk.clone(), 1, &options);
        let client = kvd.client();
        client.send_raw(b"SET k v\r\nFLUSHALL\r\n");
        client.take();
        client.cmd("SET k again");
        let reply = client.text(wanted);
        assert!(reply == "OK" || reply == "Background saving started");
        wait_for_save(&kvd);
        assert_eq!(Kvd::on(disk, 1, &options).client().text("GET k"), "again");
    }
}

#[test]
fn use_and_frequency_are_saved_under_a_policy_that_asks() {
    for (policy, object) in [("allkeys-lru", "IDLETIME"), ("allkeys-lfu", "FREQ")] {
        let kvd = Kvd::on(MemoryDisk::default(), 1, OPTIONS);
        let client = kvd.client();
        client.cmd(&format!("CONFIG SET maxmemory-policy {policy}"));
        client.cmd("SET k v");
        kvd.advance_ms(600_000);
        let before = client.int(&format!("OBJECT {object} k"));
        client.cmd("DEBUG RELOAD");
        assert_eq!(
            client.int(&format!("OBJECT {object} k")),
            before,
            "{policy}"
        );
    }
}

#[test]
fn what_is_asked_for_goes_before_the_save_that_flushall_left() {
    let kvd = Kvd::with(&[("save", "3600 1")]);
    let client = kvd.client();
    for (line, wanted) in [
        ("SAVE", "OK"),
        ("BGSAVE", "Background saving started"),
        (
            "BGREWRITEAOF",
            "Background append only file rewriting started",
        ),
    ] {
        client.cmd("SET k v");
        client.send_raw(&[&request(&["FLUSHALL"])[..], &request(&[line])].concat());
        assert_eq!(client.take()[1].text(), wanted);
        wait_for_save(&kvd);
        assert_eq!(info(&client, "rdb_changes_since_last_save"), "0", "{line}");
    }
    // A save that was asked for stays.
    client.cmd("FLUSHALL");
    client.send_raw(&[&request(&["BGSAVE"])[..], &request(&["BGSAVE"])].concat());
    assert_eq!(
        client.take()[1],
        Value::Error("ERR Background save already in progress".to_owned())
    );
    wait_for_save(&kvd);
}

#[test]
fn a_field_that_expires_may_come_while_a_save_that_was_given_up_is_walked_to_its_end() {
    for format in ["valkey", "redis"] {
        let disk = MemoryDisk::default();
        let kvd = Kvd::on(
            disk.clone(),
            1,
            &[OPTIONS, &[("rdb-format", format)]].concat(),
        );
        let client = kvd.client();
        client.cmd("DEBUG POPULATE 20000");
        kvd.tick_by_ns(20_000);
        for line in ["BGSAVE", "BGSAVE CANCEL", "BGSAVE"] {
            client.send(line);
            assert!(!client.take_bytes_now().starts_with(b"-"));
        }
        client.send_raw(b"HSET h f v\r\nHEXPIRE h 1000 FIELDS 1 f\r\n");
        client.take_bytes_now();
        kvd.tick_by_ns(0);
        wait_for_save(&kvd);
        let again = Kvd::on(disk, 1, OPTIONS).client();
        assert_eq!(again.int("DBSIZE"), 20_001);
        assert_eq!(again.text("HGET h f"), "v");
    }
}

/// A server whose keys are used while the last of them are still to be saved, so that a use is
/// later than the snapshot; restarted.
fn used_while_saved(policy: &'static str) -> Client {
    let disk = MemoryDisk::default();
    let options = [OPTIONS, &[("maxmemory-policy", policy)]].concat();
    let kvd = Kvd::on(disk.clone(), 1, &options);
    let client = kvd.client();
    client.cmd(&format!("DEBUG POPULATE {KEYS} k"));
    let all: String = (0..KEYS).map(|n| format!(" k:{n}")).collect();
    let read_all = format!("MGET{all}");
    (0..20).for_each(|_| drop(client.cmd(&read_all)));
    client.cmd("CONFIG SET rdb-key-save-delay 1000000");
    client.send("BGSAVE");
    client.take_bytes_now();
    while kvd.engine().is_saving() {
        kvd.advance_ms(10_000);
        client.cmd(&read_all);
    }
    Kvd::on(disk, 1, &options).client()
}

#[test]
fn a_key_that_is_used_while_it_is_saved_is_not_the_first_to_be_evicted() {
    let client = used_while_saved("allkeys-lru");
    for n in 0..KEYS {
        let idle_s = client.int(&format!("OBJECT IDLETIME k:{n}"));
        assert!(idle_s < 400, "k:{n} was idle for {idle_s} s");
    }
    let client = used_while_saved("allkeys-lfu");
    for n in 0..KEYS {
        let frequency = client.int(&format!("OBJECT FREQ k:{n}"));
        assert!(frequency > 5, "k:{n} has a frequency of {frequency}");
    }
}

#[test]
fn what_another_policy_knew_of_keys_is_not_taken_for_what_this_one_asks() {
    let disk = MemoryDisk::default();
    let with = |policy: &'static str| {
        let options = [OPTIONS, &[("maxmemory-policy", policy)]].concat();
        Kvd::on(disk.clone(), 1, &options).client()
    };
    let client = with("allkeys-lfu");
    client.cmd("SET k v");
    client.cmd("SAVE");
    let client = with("allkeys-lru");
    assert_eq!(client.int("OBJECT IDLETIME k"), 0);
    client.cmd("SAVE");
    let client = with("allkeys-lfu");
    assert_eq!(client.int("OBJECT FREQ k"), 5, "as a new key");
}

#[test]
fn debug_reload_without_a_file_loses_nothing() {
    let kvd = Kvd::on(MemoryDisk::default(), 1, OPTIONS);
    let client = kvd.client();
    client.cmd("SET k v");
    let error = client.err("DEBUG RELOAD NOSAVE");
    assert!(error.starts_with("ERR Error trying to load"), "{error}");
    assert_eq!(client.text("GET k"), "v");
}

#[test]
fn debug_object_tells_the_length_of_the_saved_value() {
    let kvd = Kvd::on(MemoryDisk::default(), 1, OPTIONS);
    let client = kvd.client();
    for (line, key, len) in [
        ("SET s bar", "s", 4),
        ("SET n 1234", "n", 3),
        ("SET empty x", "empty", 2),
        ("RPUSH l a b c", "l", 19),
        ("SADD i 1 2 3", "i", 15),
        ("HSET h f v", "h", 14),
        ("ZADD z 1 a", "z", 13),
    ] {
        client.cmd(line);
        let text = client.text(&format!("DEBUG OBJECT {key}"));
        let wanted = format!(" serializedlength:{len} ");
        assert!(text.contains(&wanted), "{line}: {text}");
    }
    // With its header and its footer, DUMP is eleven bytes longer.
    client.cmd_words(&["SET", "large", &"text".repeat(100_000)]);
    let text = client.text("DEBUG OBJECT large");
    let dumped = client.cmd("DUMP large").bytes().len();
    assert!(
        text.contains(&format!(" serializedlength:{} ", dumped - 11)),
        "{text}"
    );
}
