//! Strings.

use crate::harness::{Kvd, Value};

#[test]
fn a_value_that_was_set_is_read_back() {
    let client = Kvd::new().client();
    assert_eq!(client.text("SET greeting hello"), "OK");
    assert_eq!(client.text("GET greeting"), "hello");
    assert_eq!(client.cmd("GET nothing"), Value::NullBulk);
    assert_eq!(client.int("STRLEN greeting"), 5);
}

#[test]
fn counters_count() {
    let client = Kvd::new().client();
    assert_eq!(client.int("INCR n"), 1);
    assert_eq!(client.int("INCRBY n 41"), 42);
    assert_eq!(client.int("DECRBY n 2"), 40);
    client.cmd("SET text abc");
    assert_eq!(
        client.err("INCR text"),
        "ERR value is not an integer or out of range"
    );
}

#[test]
fn a_key_ends_when_its_time_has_come() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd("SET k v PX 100");
    assert_eq!(client.int("PTTL k"), 100);
    kvd.advance_ms(99);
    assert_eq!(client.text("GET k"), "v");
    kvd.advance_ms(1);
    assert_eq!(client.cmd("GET k"), Value::NullBulk);
}

#[test]
fn a_transaction_runs_as_one() {
    let kvd = Kvd::new();
    let (one, two) = (kvd.client(), kvd.client());
    one.cmd("WATCH k");
    one.cmd("MULTI");
    assert_eq!(one.text("SET k 1"), "QUEUED");
    assert_eq!(one.text("INCR k"), "QUEUED");
    assert_eq!(one.cmd("EXEC").items().len(), 2);
    assert_eq!(two.text("GET k"), "2");
    one.cmd("WATCH k");
    two.cmd("SET k other");
    one.cmd("MULTI");
    one.cmd("GET k");
    assert_eq!(one.cmd("EXEC"), Value::NullArray);
}

#[test]
fn set_checks_its_options_before_their_values() {
    let client = Kvd::new().client();
    for line in [
        "SET k v NX XX",
        "SET k v EX abc NX XX",
        "SET k v EX 10 PX 10",
        "SET k v EX 10 KEEPTTL",
        "SET k v IFEQ a NX",
        "SET k v IFEQ a IFEQ a",
        "SET k v IFEQ",
        "SET k v PERSIST",
        "SET k v EX",
    ] {
        assert_eq!(client.err(line), "ERR syntax error", "{line}");
    }
    let invalid = "ERR invalid expire time in 'set' command";
    assert_eq!(client.err("SET k v EX 0"), invalid);
    assert_eq!(client.err("SET k v PX 9223372036854775807"), invalid);
    assert_eq!(
        client.err("SET k v EX abc"),
        "ERR value is not an integer or out of range"
    );
    assert_eq!(client.text("SET k v NX NX EX 10 EX 20"), "OK");
    assert_eq!(client.int("TTL k"), 20);
    assert_eq!(client.text("SET k w KEEPTTL KEEPTTL XX XX GET GET"), "v");
    assert_eq!(client.int("TTL k"), 20);
}

#[test]
fn set_with_a_condition_on_the_old_value() {
    let client = Kvd::new().client();
    assert_eq!(client.cmd("SET k v IFEQ a"), Value::NullBulk);
    assert_eq!(client.text("SET k v IFNE a"), "OK");
    assert_eq!(client.text("SET k w IFEQ v"), "OK");
    assert_eq!(client.text("SET k x IFEQ v GET"), "w");
    assert_eq!(client.text("GET k"), "w");
    client.cmd("SET k \"Hello world\"");
    assert_eq!(client.text("DIGEST k"), "b6acb9d84a38ff74");
    assert_eq!(client.text("SET k x IFDEQ B6ACB9D84A38FF74"), "OK");
    assert_eq!(
        client.cmd("SET k y IFDEQ b6acb9d84a38ff74"),
        Value::NullBulk
    );
    assert_eq!(client.text("SET k y IFDNE b6acb9d84a38ff74"), "OK");
    client.cmd("RPUSH l a");
    assert!(client.err("SET l x IFEQ a").starts_with("WRONGTYPE"));
    assert!(client.err("SET l x GET").starts_with("WRONGTYPE"));
}

#[test]
fn what_has_expired_already_is_not_stored() {
    let kvd = Kvd::with(&[("notify-keyspace-events", "Exg$")]);
    let (client, listener) = (kvd.client(), kvd.client());
    client.cmd("SET k v");
    client.cmd("MSET a 1 c 3 d 4");
    listener.cmd("PSUBSCRIBE __keyevent@0__:*");
    listener.take();
    assert_eq!(client.text("SET k v EXAT 1"), "OK");
    assert_eq!(client.text("SET k v PXAT 1"), "OK");
    assert_eq!(client.text("GETEX a EXAT 1"), "1");
    assert_eq!(client.int("EXPIRE c -1"), 1);
    assert_eq!(client.cmd("INCREX d EXAT 1").items()[0], Value::Int(5));
    assert_eq!(client.int("DBSIZE"), 0);
    let events: Vec<String> = listener
        .take()
        .iter()
        .map(|push| push.texts()[2..].join(" ").replace("__keyevent@0__:", ""))
        .collect();
    assert_eq!(events, ["expired k", "expired a", "expired c", "expired d"]);
}

#[test]
fn getex_and_getdel_read_and_change() {
    let client = Kvd::new().client();
    client.cmd("SET k v");
    assert_eq!(client.text("GETEX k EX 10"), "v");
    assert_eq!(client.int("TTL k"), 10);
    assert_eq!(client.text("GETEX k PERSIST PERSIST"), "v");
    assert_eq!(client.int("TTL k"), -1);
    assert_eq!(client.err("GETEX k KEEPTTL"), "ERR syntax error");
    assert_eq!(client.err("GETEX k EX 10 PERSIST"), "ERR syntax error");
    assert_eq!(
        client.err("GETEX nokey EX 0"),
        "ERR invalid expire time in 'getex' command"
    );
    assert_eq!(client.text("GETDEL k"), "v");
    assert_eq!(client.cmd("GETDEL k"), Value::NullBulk);
}

#[test]
fn deletes_on_a_condition() {
    let client = Kvd::new().client();
    client.cmd("SET k v");
    assert_eq!(client.int("DELIFEQ k w"), 0);
    assert_eq!(client.int("DELIFEQ k v"), 1);
    assert_eq!(client.int("DELIFEQ k v"), 0);
    client.cmd("SET k v");
    assert_eq!(client.int("DELEX k IFNE v"), 0);
    assert_eq!(client.int("DELEX k IFDEQ 0000000000000000"), 0);
    assert_eq!(
        client.err("DELEX k IFDEQ 123"),
        "ERR must be exactly 16 hexadecimal characters"
    );
    assert!(
        client
            .err("DELEX k FOO v")
            .starts_with("ERR Invalid condition")
    );
    assert_eq!(client.int("DELEX k IFEQ v"), 1);
    assert_eq!(client.int("DELEX k FOO v"), 0);
    client.cmd("RPUSH l a");
    assert!(
        client
            .err("DELEX l IFEQ a")
            .starts_with("ERR Key should be of string type")
    );
    assert!(client.err("DELIFEQ l a").starts_with("WRONGTYPE"));
    assert_eq!(client.int("DELEX l"), 1);
}

#[test]
fn several_keys_at_once() {
    let client = Kvd::new().client();
    assert_eq!(client.int("MSETNX a 1 b 2"), 1);
    assert_eq!(client.int("MSETNX b 3 c 4"), 0);
    assert_eq!(client.cmd("MGET a b c").items()[2], Value::NullBulk);
    assert_eq!(client.int("MSETEX 2 a x b y XX EX 100"), 1);
    assert_eq!(client.int("MSETEX 1 a z KEEPTTL"), 1);
    assert_eq!(client.int("TTL a"), 100);
    assert_eq!(client.int("MSETEX 2 a 1 q 2 NX"), 0);
    assert_eq!(
        client.err("MSETEX 0 a b"),
        "ERR invalid numkeys value or out of range"
    );
    assert_eq!(client.err("MSETEX 2 a b"), "ERR syntax error");
    assert_eq!(client.err("MSETEX 1 a b NX XX"), "ERR syntax error");
    assert_eq!(client.int("MSETEX 1 a z EXAT 1"), 1);
    assert_eq!(client.int("EXISTS a"), 0);
}

#[test]
fn parts_of_strings() {
    let client = Kvd::new().client();
    assert_eq!(client.int("APPEND k Hello"), 5);
    assert_eq!(client.int("APPEND k \" World\""), 11);
    for (range, part) in [
        ("0 -1", "Hello World"),
        ("-3 -1", "rld"),
        ("5 3", ""),
        ("-100 3", "Hell"),
        ("-100 -90", "H"),
        ("-1 -3", ""),
    ] {
        assert_eq!(client.text(&format!("GETRANGE k {range}")), part, "{range}");
        assert_eq!(client.text(&format!("SUBSTR k {range}")), part, "{range}");
    }
    assert_eq!(client.int("SETRANGE k 6 Redis"), 11);
    assert_eq!(client.text("GET k"), "Hello Redis");
    assert_eq!(client.int("SETRANGE nokey 1 \"\""), 0);
    assert_eq!(client.int("EXISTS nokey"), 0);
    assert_eq!(client.int("SETRANGE padded 2 x"), 3);
    assert_eq!(client.cmd("GET padded"), Value::Bulk(b"\0\0x".to_vec()));
    assert_eq!(client.err("SETRANGE k -1 x"), "ERR offset is out of range");
    assert_eq!(
        client.err("SETRANGE k 536870912 x"),
        "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
    );
    let large = "x".repeat(20_000);
    client.cmd_words(&["SET", "large", &large]);
    assert_eq!(client.text("GETRANGE large 1 -1").len(), 19_999);
    assert_eq!(client.text("GETRANGE large -3 -1"), "xxx");
}

#[test]
fn floats_are_added_as_long_doubles() {
    let client = Kvd::new().client();
    assert_eq!(client.text("INCRBYFLOAT f 0.1"), "0.1");
    assert_eq!(client.text("INCRBYFLOAT f 0.2"), "0.3");
    client.cmd("SET f 3.0e3");
    assert_eq!(client.text("INCRBYFLOAT f 200"), "3200");
    assert_eq!(
        client.err("INCRBYFLOAT f abc"),
        "ERR value is not a valid float"
    );
    assert_eq!(
        client.err("INCRBYFLOAT f inf"),
        "ERR increment would produce NaN or Infinity"
    );
    client.cmd("SET f \" 1\"");
    assert_eq!(
        client.err("INCRBYFLOAT f 1"),
        "ERR value is not a valid float"
    );
    client.cmd("SET f 1 EX 100");
    client.cmd("INCRBYFLOAT f 1.5");
    assert_eq!(client.int("TTL f"), 100);
}

/// The two numbers of INCREX's reply.
fn increx(client: &crate::harness::Client, line: &str) -> (String, String) {
    let texts = client.cmd(&format!("INCREX {line}")).texts();
    (texts[0].clone(), texts[1].clone())
}

fn pair(value: &str, added: &str) -> (String, String) {
    (value.into(), added.into())
}

#[test]
fn increx_stays_within_its_bounds() {
    let client = Kvd::new().client();
    assert_eq!(increx(&client, "k"), pair("1", "1"));
    assert_eq!(increx(&client, "k BYINT 10 UBOUND 5"), pair("1", "0"));
    assert_eq!(
        increx(&client, "k BYINT 10 UBOUND 5 SATURATE"),
        pair("5", "4")
    );
    assert_eq!(
        increx(&client, "k BYINT -9 LBOUND 0 SATURATE"),
        pair("0", "-5")
    );
    assert_eq!(increx(&client, "new BYINT 15 UBOUND 10"), pair("0", "0"));
    assert_eq!(client.int("EXISTS new"), 0);
    client.cmd("SET k 9223372036854775800");
    let beyond = "k BYINT 9223372036854775800";
    assert_eq!(increx(&client, beyond), pair("9223372036854775800", "0"));
    let saturated = increx(&client, &format!("{beyond} SATURATE"));
    assert_eq!(saturated, pair("9223372036854775807", "7"));
    assert_eq!(
        client.err("INCREX k SATURATE UBOUND -9223372036854775808"),
        "ERR applied increment would overflow"
    );
    client.cmd("SET f 10");
    assert_eq!(
        increx(&client, "f BYFLOAT 100 UBOUND 42.5 SATURATE"),
        pair("42.5", "32.5")
    );
    assert_eq!(increx(&client, "f BYFLOAT 0.25"), pair("42.75", "0.25"));
    assert_eq!(increx(&client, "f BYFLOAT 1 UBOUND 30"), pair("42.75", "0"));
    client.cmd("HELLO 3");
    let reply = client.cmd("INCREX f BYFLOAT 1");
    assert_eq!(reply.items()[0], Value::Double("43.75".into()));
}

#[test]
fn increx_sets_an_expiry_once_per_window() {
    let client = Kvd::new().client();
    increx(&client, "k EX 60 ENX");
    assert_eq!(client.int("TTL k"), 60);
    increx(&client, "k EX 10 ENX");
    assert_eq!(client.int("TTL k"), 60);
    increx(&client, "k EX 10");
    assert_eq!(client.int("TTL k"), 10);
    increx(&client, "k");
    assert_eq!(client.int("TTL k"), 10);
    increx(&client, "k UBOUND 1 EX 99");
    assert_eq!(client.int("TTL k"), 10);
    increx(&client, "k PERSIST");
    assert_eq!(client.int("TTL k"), -1);
}

#[test]
fn increx_refuses_what_does_not_fit_together() {
    let client = Kvd::new().client();
    for line in [
        "FOO",
        "BYINT 1 BYFLOAT 1",
        "BYINT 1 BYINT 1",
        "BYINT",
        "LBOUND 0 LBOUND 1",
        "SATURATE SATURATE",
        "EX 10 EX 10",
        "EX 10 PERSIST",
        "PERSIST PERSIST",
        "ENX PERSIST",
        "ENX ENX EX 10",
    ] {
        assert_eq!(
            client.err(&format!("INCREX k {line}")),
            "ERR syntax error",
            "{line}"
        );
    }
    let errors = [
        ("ENX", "ENX flag requires an expiration"),
        ("BYINT 1.5", "Increment is not an integer or out of range"),
        ("BYFLOAT x", "Increment is not a valid float"),
        ("BYFLOAT inf", "BYFLOAT increment cannot be Infinity"),
        ("LBOUND 2 UBOUND 1", "LBOUND can't be greater than UBOUND"),
        ("EX 0", "invalid expire time in 'increx' command"),
    ];
    for (line, error) in errors {
        assert_eq!(
            client.err(&format!("INCREX k {line}")),
            format!("ERR {error}")
        );
    }
    client.cmd("SET text hello");
    assert!(
        client
            .err("INCREX text")
            .starts_with("ERR value is not an integer")
    );
    assert!(
        client
            .err("INCREX text BYFLOAT 1")
            .starts_with("ERR value is not a valid")
    );
    client.cmd("RPUSH l a");
    assert!(client.err("INCREX l").starts_with("WRONGTYPE"));
}

#[test]
fn the_longest_common_subsequence() {
    let client = Kvd::new().client();
    client.cmd("MSET a ohmytext b mynewtext");
    assert_eq!(client.text("LCS a b"), "mytext");
    assert_eq!(client.int("LCS a b LEN"), 6);
    assert_eq!(client.int("LCS a nokey LEN"), 0);
    let reply = client.cmd("LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN");
    assert_eq!(
        format!("{reply:?}"),
        "[\"matches\", [[[:4, :7], [:5, :8], :4]], \"len\", :6]"
    );
    let reply = client.cmd("LCS a b IDX");
    assert_eq!(reply.field("matches").items().len(), 2);
    assert!(
        client
            .err("LCS a b IDX LEN")
            .starts_with("ERR If you want both")
    );
    client.cmd("RPUSH l a");
    assert_eq!(
        client.err("LCS a l FOO"),
        "ERR The specified keys must contain string values"
    );
    client.cmd_words(&["SET", "large", &"x".repeat(20_000)]);
    assert!(
        client
            .err("LCS large large")
            .starts_with("ERR Insufficient memory")
    );
}
