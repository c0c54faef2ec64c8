//! HyperLogLog.

use crate::harness::{Kvd, Value};

#[test]
fn elements_are_counted_once() {
    let client = Kvd::new().client();
    assert_eq!(client.int("PFADD h a b c"), 1);
    assert_eq!(client.int("PFADD h a b"), 0);
    assert_eq!(client.int("PFCOUNT h"), 3);
    assert_eq!(client.int("PFADD h d"), 1);
    assert_eq!(client.int("PFCOUNT h"), 4);
    assert_eq!(client.int("PFADD empty"), 1);
    assert_eq!(client.int("PFADD empty"), 0);
    assert_eq!(client.int("PFCOUNT empty nokey h"), 4);
    assert_eq!(client.int("PFCOUNT nokey"), 0);
}

#[test]
fn unions() {
    let client = Kvd::new().client();
    client.cmd("PFADD a 1 2 3");
    client.cmd("PFADD b 3 4");
    assert_eq!(client.int("PFCOUNT a b"), 4);
    assert_eq!(client.text("PFMERGE c a b"), "OK");
    assert_eq!(client.int("PFCOUNT c"), 4);
    client.cmd("EXPIRE c 100");
    client.cmd("PFADD c 5");
    client.cmd("PFMERGE c b");
    assert_eq!(client.int("TTL c"), 100);
    assert_eq!(client.text("PFMERGE d"), "OK");
    assert_eq!(client.int("PFCOUNT d"), 0);
}

#[test]
fn a_count_that_is_remembered_is_a_change_of_the_string() {
    let kvd = Kvd::new();
    let (watcher, counter) = (kvd.client(), kvd.client());
    let is_watch_kept = |count: &str| {
        watcher.cmd("WATCH h");
        counter.cmd(count);
        watcher.cmd("MULTI");
        watcher.cmd("PING");
        watcher.cmd("EXEC") != Value::NullArray
    };
    for change in ["PFADD h a", "PFADD h b", "PFMERGE h"] {
        watcher.cmd(change);
        assert!(is_watch_kept("PFCOUNT h other"), "of a union: {change}");
        assert!(!is_watch_kept("PFCOUNT h"), "the first: {change}");
        assert!(is_watch_kept("PFCOUNT h"), "the second: {change}");
        assert!(is_watch_kept("PFADD h a"), "nothing new: {change}");
    }
}

#[test]
fn many_elements_make_it_dense() {
    let client = Kvd::new().client();
    client.cmd("PFADD h a");
    assert_eq!(client.text("PFDEBUG ENCODING h"), "sparse");
    assert_eq!(client.text("PFDEBUG DECODE h"), "Z:12711 v:2,1 Z:3672");
    for n in 0..3_000 {
        client.send(&format!("PFADD h element-{n}"));
    }
    client.take();
    assert_eq!(client.text("PFDEBUG ENCODING h"), "dense");
    let count = client.int("PFCOUNT h");
    assert!((2_900..3_100).contains(&count), "{count}");
    assert_eq!(client.int("PFADD h element-1"), 0);
    assert_eq!(client.int("PFDEBUG TODENSE h"), 0);
    assert_eq!(client.cmd("PFDEBUG GETREG h").items().len(), 16_384);
    assert_eq!(
        client.err("PFDEBUG DECODE h"),
        "ERR HLL encoding is not sparse"
    );
}

#[test]
fn what_is_no_hyperloglog() {
    let client = Kvd::new().client();
    client.cmd("SET s foobar");
    client.cmd("RPUSH l a");
    client.cmd("SET n 5");
    client.cmd("PFADD h a");
    let invalid = "WRONGTYPE Key is not a valid HyperLogLog string value.";
    for line in [
        "PFADD s a",
        "PFADD n a",
        "PFCOUNT s",
        "PFMERGE h s",
        "PFDEBUG ENCODING s",
    ] {
        assert_eq!(client.err(line), invalid, "{line}");
    }
    let other_type = "WRONGTYPE Operation against a key holding the wrong kind of value";
    for line in ["PFADD l a", "PFCOUNT h l", "PFMERGE l h"] {
        assert_eq!(client.err(line), other_type, "{line}");
    }
    client.cmd_words(&[&b"SETRANGE"[..], b"h", b"16", b"\xff\xff\xff"]);
    let corrupted = "INVALIDOBJ Corrupted HLL object detected";
    for line in [
        "PFADD h b",
        "PFCOUNT h",
        "PFMERGE other h",
        "PFDEBUG TODENSE h",
    ] {
        assert_eq!(client.err(line), corrupted, "{line}");
    }
    assert_eq!(client.cmd("GET other"), Value::NullBulk);
    assert_eq!(
        client.err("PFDEBUG FOO nokey"),
        "ERR The specified key does not exist"
    );
}
