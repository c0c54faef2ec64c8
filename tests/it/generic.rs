//! Keys of any type: their names, databases and expiries.

use crate::harness::{Client, Kvd, Value};

/// The events a listener has heard, as `name key`.
fn events(listener: &Client) -> Vec<String> {
    listener
        .take()
        .iter()
        .map(|push| {
            let texts = push.texts();
            let (event, key) = (&texts[texts.len() - 2], &texts[texts.len() - 1]);
            format!("{} {key}", event.rsplit(':').next().unwrap_or_default())
        })
        .collect()
}

fn listening() -> (Kvd, Client, Client) {
    let kvd = Kvd::with(&[("notify-keyspace-events", "EA")]);
    let (client, listener) = (kvd.client(), kvd.client());
    listener.cmd("PSUBSCRIBE __keyevent@*");
    (kvd, client, listener)
}

#[test]
fn a_key_gets_another_name() {
    let (_kvd, client, listener) = listening();
    client.cmd("SET a 1 EX 100");
    client.cmd("SET b 2");
    listener.take();
    assert_eq!(client.text("RENAME a b"), "OK");
    assert_eq!(events(&listener), ["rename_from a", "rename_to b"]);
    assert_eq!(client.int("TTL b"), 100);
    assert_eq!(client.text("GET b"), "1");
    assert_eq!(client.text("RENAME b b"), "OK");
    assert_eq!(client.int("RENAMENX b b"), 0);
    client.cmd("SET c 3");
    assert_eq!(client.int("RENAMENX b c"), 0);
    assert_eq!(client.int("RENAMENX b d"), 1);
    assert_eq!(client.err("RENAME nokey nokey"), "ERR no such key");
}

#[test]
fn renaming_onto_a_key_serves_those_who_wait_for_it() {
    let kvd = Kvd::new();
    let (waiting, client) = (kvd.client(), kvd.client());
    waiting.send("BLPOP target 0");
    client.cmd("RPUSH source x");
    client.cmd("RENAME source target");
    assert_eq!(waiting.take_one().texts(), ["target", "x"]);
    waiting.send("BLPOP target 0");
    client.cmd("SELECT 1");
    client.cmd("RPUSH target y");
    client.cmd("SWAPDB 0 1");
    assert_eq!(waiting.take_one().texts(), ["target", "y"]);
    waiting.send("BLPOP moved 0");
    client.cmd("RPUSH moved z");
    client.cmd("MOVE moved 0");
    assert_eq!(waiting.take_one().texts(), ["moved", "z"]);
    waiting.send("BLPOP copied 0");
    client.cmd("RPUSH here w");
    assert_eq!(client.int("COPY here copied DB 0"), 1);
    assert_eq!(waiting.take_one().texts(), ["copied", "w"]);
}

#[test]
fn a_copy_is_a_value_of_its_own() {
    let (_kvd, client, listener) = listening();
    client.cmd("SET a 1 EX 100");
    listener.take();
    assert_eq!(client.int("COPY a b"), 1);
    assert_eq!(events(&listener), ["copy_to b"]);
    assert_eq!(client.int("TTL b"), 100);
    client.cmd("INCR b");
    assert_eq!(client.text("GET a"), "1");
    assert_eq!(client.int("COPY b a"), 0);
    assert_eq!(client.int("COPY b a REPLACE"), 1);
    assert_eq!(client.text("GET a"), "2");
    assert_eq!(client.int("COPY a a DB 1"), 1);
    assert_eq!(client.int("COPY nokey a"), 0);
    let same = "ERR source and destination objects are the same";
    assert_eq!(client.err("COPY nokey nokey"), same);
    assert_eq!(client.err("COPY a b DB 99"), "ERR DB index is out of range");
    assert_eq!(client.err("COPY a b DB"), "ERR syntax error");
    assert_eq!(
        client.err("COPY a b DB x"),
        "ERR value is not an integer or out of range"
    );
}

#[test]
fn copies_of_lists_small_and_large() {
    let client = Kvd::new().client();
    for len in [5, 3_000] {
        client.cmd("DEL l copy");
        for n in 0..len {
            client.send(&format!("RPUSH l element-{n}"));
        }
        client.take();
        assert_eq!(client.int("COPY l copy"), 1);
        client.cmd("LPOP l");
        client.cmd("RPUSH copy more");
        assert_eq!(client.int("LLEN copy"), len + 1);
        assert_eq!(client.text("LINDEX copy 0"), "element-0");
        assert_eq!(client.int("LLEN l"), len - 1);
    }
    let large = "x".repeat(20_000);
    client.cmd_words(&["SET", "large", &large]);
    client.cmd("COPY large other");
    client.cmd("SETRANGE other 0 y");
    assert!(client.text("GET large").starts_with('x'));
}

#[test]
fn a_key_moves_to_another_database() {
    let (_kvd, client, listener) = listening();
    client.cmd("SET k v EX 100");
    listener.take();
    assert_eq!(client.int("MOVE k 1"), 1);
    assert_eq!(events(&listener), ["move_from k", "move_to k"]);
    assert_eq!(client.int("EXISTS k"), 0);
    assert_eq!(client.int("MOVE k 1"), 0);
    client.cmd("SET k other");
    assert_eq!(client.int("MOVE k 1"), 0);
    client.cmd("SELECT 1");
    assert_eq!(client.text("GET k"), "v");
    assert_eq!(client.int("TTL k"), 100);
    assert_eq!(
        client.err("MOVE nokey 1"),
        "ERR source and destination objects are the same"
    );
    assert_eq!(client.err("MOVE k 16"), "ERR DB index is out of range");
}

#[test]
fn a_key_takes_the_place_of_one_in_another_database() {
    let (_kvd, client, listener) = listening();
    client.cmd("SET k v EX 100");
    client.cmd("SELECT 1");
    client.cmd("RPUSH k old");
    client.cmd("SELECT 0");
    listener.take();
    for wrong in ["MOVE k 1 NX", "MOVE k 1 REPLACE REPLACE"] {
        assert_eq!(client.err(wrong), "ERR syntax error");
    }
    assert_eq!(client.int("MOVE none 1 REPLACE"), 0);
    assert_eq!(client.int("MOVE k 1"), 0);
    assert_eq!(client.int("MOVE k 1 replace"), 1);
    assert_eq!(events(&listener), ["move_from k", "move_to k"]);
    assert_eq!(client.int("MOVE k 1 REPLACE"), 0);
    client.cmd("SELECT 1");
    assert_eq!(client.text("GET k"), "v");
    assert_eq!(client.int("TTL k"), 100);
}

#[test]
fn databases_change_places() {
    let kvd = Kvd::new();
    let (client, other) = (kvd.client(), kvd.client());
    client.cmd("SET k zero");
    other.cmd("SELECT 1");
    other.cmd("SET k one");
    assert_eq!(client.text("SWAPDB 0 1"), "OK");
    assert_eq!(client.text("GET k"), "one");
    assert_eq!(other.text("GET k"), "zero");
    assert_eq!(client.text("SWAPDB 3 3"), "OK");
    assert_eq!(client.err("SWAPDB a b"), "ERR invalid first DB index");
    assert_eq!(client.err("SWAPDB 0 b"), "ERR invalid second DB index");
    assert_eq!(client.err("SWAPDB 0 16"), "ERR DB index is out of range");
}

#[test]
fn a_transaction_fails_when_its_watched_key_moves() {
    let kvd = Kvd::new();
    let (one, two) = (kvd.client(), kvd.client());
    let writes = [
        "RENAME k other",
        "RENAME source k",
        "MOVE k 1",
        "SWAPDB 0 2",
        "COPY source k REPLACE",
        "EXPIRE k -1",
    ];
    for write in writes {
        one.cmd("FLUSHALL");
        one.cmd("MSET k 1 source 2");
        one.cmd("WATCH k");
        two.cmd(write);
        one.cmd("MULTI");
        one.cmd("PING");
        assert_eq!(one.cmd("EXEC"), Value::NullArray, "{write}");
    }
    one.cmd("FLUSHALL");
    one.cmd("WATCH absent");
    two.cmd("SWAPDB 0 2");
    one.cmd("MULTI");
    one.cmd("PING");
    assert_eq!(one.cmd("EXEC").items().len(), 1);
}

#[test]
fn expiry_options_are_checked_first() {
    let client = Kvd::new().client();
    client.cmd("SET k v");
    assert_eq!(client.err("EXPIRE k abc FOO"), "ERR Unsupported option FOO");
    assert_eq!(
        client.err("EXPIRE k 1 NX GT"),
        "ERR NX and XX, GT or LT options at the same time are not compatible"
    );
    assert_eq!(
        client.err("EXPIRE nokey 9223372036854775807"),
        "ERR invalid expire time in 'expire' command"
    );
    assert_eq!(client.int("EXPIRE k 10 XX"), 0);
    assert_eq!(client.int("EXPIRE k 10 GT"), 0);
    assert_eq!(client.int("EXPIRE k 10 LT"), 1);
    assert_eq!(client.int("EXPIRE k 20 LT"), 0);
    assert_eq!(client.int("EXPIRE k 20 XX GT"), 1);
    assert_eq!(client.int("PEXPIREAT k 9223372036854775807"), 1);
    assert_eq!(client.int("EXPIRETIME k"), 9_223_372_036_854_776);
    assert_eq!(client.int("PEXPIRETIME k"), i64::MAX);
}

/// A key that ends at once, seen from every side of SWAPDB: nothing changes for who watches.
#[test]
fn swapped_databases_with_expired_keys_fail_no_transaction() {
    let kvd = Kvd::with(&[("enable-debug-command", "yes")]);
    let (one, two) = (kvd.client(), kvd.client());
    two.cmd("DEBUG SET-ACTIVE-EXPIRE 0");
    two.cmd("SELECT 1");
    // What is in the watched database before the exchange, and after it.
    let cases = [
        (None, "EXPIRED", true),
        (Some("EXPIRED"), "EXPIRED", true),
        (Some("EXPIRED"), "there", false),
        (Some("there"), "EXPIRED", false),
    ];
    for (before, after, succeeds) in cases {
        one.cmd("FLUSHALL");
        for (client, value) in [(&one, before), (&two, Some(after))] {
            match value {
                Some("EXPIRED") => client.cmd("SET k v PX 5"),
                Some(value) => client.cmd(&format!("SET k {value}")),
                None => continue,
            };
        }
        kvd.advance_ms(10);
        one.cmd("WATCH k");
        two.cmd("SWAPDB 0 1");
        one.cmd("MULTI");
        one.cmd("PING");
        let ran = one.cmd("EXEC") != Value::NullArray;
        assert_eq!(ran, succeeds, "{before:?} {after}");
    }
}

#[test]
fn an_exec_that_may_not_run_ends_its_transaction() {
    let kvd = Kvd::new();
    let (client, other) = (kvd.client(), kvd.client());
    client.cmd("WATCH k");
    client.cmd("MULTI");
    client.cmd("SET k v");
    assert_eq!(
        client.err("EXEC now"),
        "EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command"
    );
    assert_eq!(client.err("EXEC"), "ERR EXEC without MULTI");
    assert_eq!(client.int("EXISTS k"), 0);
    client.cmd("MULTI");
    client.cmd("SET k v");
    kvd.machine.used_bytes.set(100);
    other.cmd("CONFIG SET maxmemory 1");
    assert_eq!(
        client.err("EXEC"),
        "EXECABORT Transaction discarded because of: OOM command not allowed when used memory > \
         'maxmemory'."
    );
    assert_eq!(client.err("EXEC"), "ERR EXEC without MULTI");
    let counts = other.text("INFO errorstats");
    assert!(counts.contains("errorstat_EXECABORT:count=2"), "{counts}");
}

#[test]
fn of_a_transaction_the_client_list_shows_exec() {
    let client = Kvd::new().client();
    client.cmd("MULTI");
    client.cmd("CLIENT INFO");
    let shown = client.cmd("EXEC").items()[0].text();
    assert!(shown.contains(" cmd=exec "), "{shown}");
}

#[test]
fn scan_knows_types_and_removes_what_has_expired() {
    let kvd = Kvd::with(&[("enable-debug-command", "yes")]);
    let client = kvd.client();
    assert_eq!(client.err("SCAN 0 TYPE nix"), "ERR unknown type name 'nix'");
    client.cmd("DEBUG SET-ACTIVE-EXPIRE 0");
    client.cmd("MSET a 1 b 2 c 3");
    client.cmd("HSET hash f v");
    client.cmd("PEXPIRE hash 5");
    client.cmd("PEXPIRE a 5");
    kvd.advance_ms(10);
    let scanned = |line: &str| {
        let mut keys = client.cmd(line).items()[1].texts();
        keys.sort();
        keys.join(" ")
    };
    assert_eq!(scanned("SCAN 0 COUNT 100 TYPE string MATCH b*"), "b");
    assert_eq!(client.int("DBSIZE"), 4);
    assert_eq!(scanned("SCAN 0 COUNT 100 TYPE string"), "b c");
    assert_eq!(client.int("DBSIZE"), 3);
    assert_eq!(scanned("SCAN 0 COUNT 100"), "b c");
    assert_eq!(client.int("DBSIZE"), 2);
}

/// What is evicted leaves room between what stays: as long as that lasts nothing else has to go,
/// though the allocator has not got it back.
#[test]
fn eviction_ends_when_there_is_room() {
    let kvd = Kvd::with(&[("maxmemory-policy", "allkeys-random")]);
    let client = kvd.client();
    for n in 0..5_000 {
        client.send(&format!("SET key:{n} some-value-of-a-key"));
    }
    client.take();
    kvd.machine.used_bytes.set(2_000_000);
    client.cmd("CONFIG SET maxmemory 1990000");
    assert_eq!(client.text("SET one more"), "OK");
    let left = client.int("DBSIZE");
    assert!((4_000..4_950).contains(&left), "{left} keys are left");
    let used = client.text("INFO memory");
    let used = used
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    let used: u64 = used.expect("the field").parse().expect("a number");
    assert!((1_900_000..=1_990_000).contains(&used), "{used}");
    let evicted = |count: i64| {
        let text = client.text("INFO stats");
        assert!(
            text.contains(&format!("evicted_keys:{count}\r\n")),
            "{text}"
        );
    };
    evicted(5_001 - left);
    client.cmd("CONFIG RESETSTAT");
    evicted(0);
}

#[test]
fn arguments_are_judged_in_their_order() {
    let client = Kvd::new().client();
    client.cmd("SET s x");
    client.cmd("HSET h f v");
    client.cmd("RPUSH l a");
    let wrong_type = "WRONGTYPE Operation against a key holding the wrong kind of value";
    for (line, error) in [
        ("HGETEX s EX abc FIELDS 1 f", wrong_type),
        ("HGETEX s FOO FIELDS 2 f", "ERR syntax error"),
        ("HSETEX s EX abc FIELDS 1 f v", wrong_type),
        ("HEXPIRE h abc foo FIELDS 2 f", "ERR Unsupported option foo"),
        (
            "BLMPOP nan 1 l LEFT COUNT 0",
            "ERR count should be greater than 0",
        ),
        ("BLPOP l 1e400", "ERR timeout is out of range"),
        ("BLPOP l -inf", "ERR timeout is negative"),
        (
            "SCAN 0 TYPE nosuch COUNT a",
            "ERR unknown type name 'nosuch'",
        ),
        (
            "SCAN 0 NOVALUES",
            "ERR NOVALUES option can only be used in HSCAN",
        ),
        ("ZADD z 0x10 a", "ERR value is not a valid float"),
        (
            "MOVE s 3000000000",
            "ERR value is out of range, value must between -2147483648 and 2147483647",
        ),
        (
            "LREM l -9223372036854775808 a",
            "ERR value is out of range, value must between -9223372036854775807 and \
             9223372036854775807",
        ),
    ] {
        assert_eq!(client.err(line), error, "{line}");
    }
    assert_eq!(client.int("HSETEX h NX EX abc FIELDS 1 f v"), 0);
    assert!(client.cmd("LINDEX nothing abc").is_null());
    client.cmd("HGETEX h EX 100 EX 100 FIELDS 1 f");
    assert_eq!(client.int("EXISTS h"), 1);
}

#[test]
fn keys_of_every_kind_of_pattern() {
    let kvd = Kvd::with(&[("enable-debug-command", "yes")]);
    let client = kvd.client();
    client.cmd("MSET user:1 a user:2 b order:1 c us*r d");
    client.cmd_words(&["SET", "", "empty"]);
    client.cmd("PSETEX due 100 e");
    for (pattern, wanted) in [
        ("*", 6),
        ("user:1", 1),
        ("due", 1),
        ("none", 0),
        ("user:*", 2),
        ("*:1", 2),
        ("*s*", 3),
        ("u?er:1", 1),
        ("us\\*r", 1),
        ("", 1),
    ] {
        let found = client.cmd_words(&["KEYS", pattern]);
        assert_eq!(found.items().len(), wanted, "{pattern}");
    }
    // One whose time has come is not there, though nobody has removed it.
    client.cmd("DEBUG SET-ACTIVE-EXPIRE 0");
    kvd.advance_ms(200);
    assert_eq!(client.cmd("KEYS due").items().len(), 0);
    assert_eq!(client.cmd("KEYS d*").items().len(), 0);
}
