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
