//! HOTKEYS BIG.

use kvd::host::memory::MemoryDisk;

use super::{exact, info, names, repeat};
use crate::harness::Kvd;

#[test]
fn big_keys_are_found_when_they_are_written() {
    let kvd = exact();
    let client = kvd.client();
    for n in 1..=20 {
        client.cmd_words(&[
            &b"SET"[..],
            format!("s:{n:02}").as_bytes(),
            &vec![b'x'; 300 * n * n],
        ]);
        repeat(&client, n, &format!("RPUSH l:{n:02} some thing"));
    }
    client.cmd("SADD set a b c");
    client.cmd("ZADD zset 1 a 2 b");
    client.cmd("HSET hash f v");
    client.cmd("XADD stream * f v");
    let strings = client.cmd("HOTKEYS BIG TYPE string");
    let wanted: Vec<String> = (11..=20).rev().map(|n| format!("s:{n}")).collect();
    assert_eq!(names(&strings), wanted);
    let first = &strings.items()[0];
    assert_eq!(first.field("type").text(), "string");
    assert_eq!(first.field("elements").int(), 120_000);
    assert_eq!(first.field("bytes").int(), client.int("MEMORY USAGE s:20"));
    let list = client.cmd("HOTKEYS BIG TYPE list COUNT 1");
    assert_eq!(names(&list), ["l:20"]);
    assert_eq!(list.items()[0].field("elements").int(), 40);
    let all = client.cmd("HOTKEYS BIG COUNT 1");
    assert_eq!(
        names(&all),
        ["s:20", "l:20", "set", "zset", "hash", "stream"]
    );
    let elements: Vec<i64> = all
        .items()
        .iter()
        .map(|key| key.field("elements").int())
        .collect();
    assert_eq!(elements, [120_000, 40, 3, 2, 1, 1]);

    // What is gone, has become something else or has expired is not told.
    client.cmd("DEL s:20");
    client.cmd("RENAME s:19 moved");
    client.cmd("PEXPIRE s:18 100");
    client.cmd("DEL s:17");
    client.cmd("RPUSH s:17 v");
    client.cmd("SETRANGE s:11 200000 x");
    assert_eq!(
        names(&client.cmd("HOTKEYS BIG TYPE string COUNT 2"))[0],
        "s:11"
    );
    kvd.advance_ms(101);
    let strings = names(&client.cmd("HOTKEYS BIG TYPE string COUNT 4"));
    assert_eq!(
        strings,
        ["s:11", "moved", "s:16", "s:15"],
        "one was found again by the walk"
    );
    assert_eq!(
        client.err("HOTKEYS BIG TYPE nosuch"),
        "ERR unknown type name 'nosuch'"
    );
    assert_eq!(client.err("HOTKEYS BIG SIZE 1"), "ERR syntax error");
    assert_eq!(client.err("HOTKEYS BIG TYPE"), "ERR syntax error");
}

#[test]
fn big_keys_that_nobody_writes_are_found_by_a_walk() {
    let kvd = Kvd::with(&[("bigkeys-top-k", "0")]);
    let client = kvd.client();
    for n in 0..50_000 {
        client.cmd(&format!("SET k:{n} {n}"));
    }
    client.cmd_words(&[&b"SET"[..], b"big", &[b'x'; 1_000]]);
    client.cmd("SELECT 5");
    client.cmd_words(&[&b"SET"[..], b"bigger", &[b'x'; 2_000]]);
    kvd.advance_ms(1_000);
    assert_eq!(names(&client.cmd("HOTKEYS BIG")), [""; 0]);
    client.cmd("CONFIG SET bigkeys-top-k 2");
    let passes = || info(&client, "bigkeys_passes");
    for _ in 0..100 {
        kvd.advance_ms(100);
        if passes() == "1" {
            break;
        }
    }
    assert_eq!(names(&client.cmd("HOTKEYS BIG")), ["bigger", "big"]);
    // It rests while nothing changes.
    for _ in 0..100 {
        kvd.advance_ms(100);
    }
    assert_eq!(passes(), "1");
    client.cmd("DEL bigger");
    for _ in 0..100 {
        kvd.advance_ms(100);
    }
    assert_eq!(passes(), "2");
    assert_eq!(names(&client.cmd("HOTKEYS BIG COUNT 1")), ["big"]);
}

#[test]
fn big_keys_that_were_loaded_are_found() {
    let disk = MemoryDisk::default();
    let kvd = Kvd::on(disk.clone(), 1, &[]);
    let client = kvd.client();
    client.cmd("RPUSH list a b c");
    client.cmd("SET string value");
    client.cmd("SAVE");
    let kvd = Kvd::on(disk, 2, &[]);
    let client = kvd.client();
    for _ in 0..100 {
        if names(&client.cmd("HOTKEYS BIG")).len() == 2 {
            break;
        }
        kvd.advance_ms(100);
    }
    assert_eq!(names(&client.cmd("HOTKEYS BIG")), ["string", "list"]);
}

#[test]
fn a_flush_makes_room_at_once() {
    let kvd = exact();
    let client = kvd.client();
    client.cmd("CONFIG SET bigkeys-top-k 2");
    for n in 0..2 {
        client.cmd_words(&[&b"SET"[..], format!("big:{n}").as_bytes(), &[b'x'; 5_000]]);
    }
    client.cmd("SET small v");
    assert_eq!(names(&client.cmd("HOTKEYS BIG")), ["big:0", "big:1"]);
    client.cmd("FLUSHALL");
    client.cmd("SET small v");
    assert_eq!(names(&client.cmd("HOTKEYS BIG")), ["small"]);
}

#[test]
fn big_keys_are_looked_for_where_hot_ones_are_not() {
    let kvd = Kvd::with(&[("hotkeys-top-k", "0"), ("bigkeys-top-k", "0")]);
    let client = kvd.client();
    client.cmd("SET a v");
    client.cmd("CONFIG SET bigkeys-top-k 2 hotkeys-sampling-percentage 100");
    client.cmd("SET b v");
    assert_eq!(names(&client.cmd("HOTKEYS BIG")), ["b"]);
}
