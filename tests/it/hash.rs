//! Hashes, and fields that end before their hash does.

use crate::harness::{Client, Kvd, Value};

const NUM_FIELDS: &str =
    "ERR numfields should be greater than 0 and match the provided number of fields";

/// The integers of an array.
fn ints(client: &Client, line: &str) -> Vec<i64> {
    client.cmd(line).items().iter().map(Value::int).collect()
}

fn sorted(client: &Client, line: &str) -> Vec<String> {
    let mut texts = client.cmd(line).texts();
    texts.sort();
    texts
}

#[test]
fn fields_are_set_read_and_removed() {
    let client = Kvd::new().client();
    assert_eq!(client.int("HSET h a 1 b two"), 2);
    assert_eq!(client.int("HSET h a 3 c 4"), 1);
    assert_eq!(client.text("HMSET h d 5"), "OK");
    assert_eq!(client.text("HGET h a"), "3");
    assert!(client.cmd("HGET h none").is_null());
    assert_eq!(
        client.cmd("HMGET h a none b").items(),
        [
            Value::Bulk(b"3".to_vec()),
            Value::NullBulk,
            Value::Bulk(b"two".to_vec())
        ]
    );
    assert_eq!(client.int("HLEN h"), 4);
    assert_eq!(client.int("HSTRLEN h b"), 3);
    assert_eq!(client.int("HEXISTS h b"), 1);
    assert_eq!(sorted(&client, "HKEYS h"), ["a", "b", "c", "d"]);
    assert_eq!(sorted(&client, "HVALS h"), ["3", "4", "5", "two"]);
    assert_eq!(client.cmd("HGETALL h").field("b").text(), "two");
    assert_eq!(client.int("HSETNX h a 9"), 0);
    assert_eq!(client.int("HSETNX h e 9"), 1);
    assert_eq!(client.int("HDEL h a b none"), 2);
    assert_eq!(client.int("HDEL h c d e"), 3);
    assert_eq!(client.int("EXISTS h"), 0);
}

#[test]
fn pairs_must_be_whole_and_keys_hashes() {
    let client = Kvd::new().client();
    let arity = "ERR wrong number of arguments for 'hset' command";
    assert_eq!(client.err("HSET h a 1 b"), arity);
    client.cmd("SET s x");
    for line in ["HSET s a 1", "HGET s a", "HDEL s a", "HTTL s FIELDS 1 a"] {
        assert!(client.err(line).starts_with("WRONGTYPE"), "{line}");
    }
    assert_eq!(client.int("EXISTS h"), 0);
}

#[test]
fn fields_count_up() {
    let client = Kvd::new().client();
    assert_eq!(client.int("HINCRBY h n 5"), 5);
    assert_eq!(client.int("HINCRBY h n -7"), -2);
    assert_eq!(client.text("HINCRBYFLOAT h n 0.5"), "-1.5");
    assert_eq!(
        client.err("HINCRBY h n 1"),
        "ERR hash value is not an integer"
    );
    client.cmd("HSET h n 9223372036854775807 t text");
    assert_eq!(
        client.err("HINCRBY h n 1"),
        "ERR increment or decrement would overflow"
    );
    assert_eq!(
        client.err("HINCRBYFLOAT h t 1"),
        "ERR hash value is not a float"
    );
    assert_eq!(
        client.err("HINCRBYFLOAT h n inf"),
        "ERR value is NaN or Infinity"
    );
    assert_eq!(
        client.err("HINCRBY none n x"),
        "ERR value is not an integer or out of range"
    );
    assert_eq!(client.int("EXISTS none"), 0);
}

#[test]
fn maps_and_pairs_have_the_shape_of_the_protocol() {
    let client = Kvd::new().client();
    client.cmd("HSET h a 1");
    assert_eq!(
        client.cmd("HRANDFIELD h 2 WITHVALUES").texts(),
        ["a".to_string(), "1".into()]
    );
    client.cmd("HELLO 3");
    assert!(matches!(client.cmd("HGETALL h"), Value::Map(pairs) if pairs.len() == 1));
    assert!(matches!(client.cmd("HGETALL none"), Value::Map(pairs) if pairs.is_empty()));
    let pairs = client.cmd("HRANDFIELD h -2 WITHVALUES");
    assert_eq!(pairs.items()[1].texts(), ["a".to_string(), "1".into()]);
    assert_eq!(client.cmd("HGET h none"), Value::Null);
}

#[test]
fn random_fields_are_different_unless_they_may_repeat() {
    let client = Kvd::new().client();
    for n in 0..600 {
        client.cmd(&format!("HSET h f{n} {n}"));
    }
    let mut drawn = client.cmd("HRANDFIELD h 500").texts();
    drawn.sort();
    drawn.dedup();
    assert_eq!(drawn.len(), 500);
    assert_eq!(client.cmd("HRANDFIELD h -1000").items().len(), 1000);
    assert_eq!(client.cmd("HRANDFIELD h 9999").items().len(), 600);
    assert_eq!(client.cmd("HRANDFIELD h 0").items().len(), 0);
    assert!(client.cmd("HRANDFIELD none").is_null());
    assert!(
        client
            .err("HRANDFIELD h -9223372036854775808")
            .starts_with("ERR value is out of range, value must between")
    );
    assert_eq!(
        client.err("HRANDFIELD h -9223372036854775807 WITHVALUES"),
        "ERR value is out of range"
    );
}

#[test]
fn a_scan_visits_every_field() {
    let client = Kvd::new().client();
    for n in 0..1000 {
        client.cmd(&format!("HSET h f{n} {n}"));
    }
    assert_eq!(client.walk("HSCAN h", "COUNT 50 NOVALUES").len(), 1000);
    client.cmd("HSET small a 1 b 2");
    let reply = client.cmd("HSCAN small 0 MATCH a*");
    assert_eq!(reply.items()[1].texts(), ["a".to_string(), "1".into()]);
    assert_eq!(client.err("HSCAN small x"), "ERR invalid cursor");
    assert_eq!(client.err("HSCAN small 0 COUNT 0"), "ERR syntax error");
    assert_eq!(client.cmd("HSCAN none 0 FOO").items()[0].text(), "0");
}

#[test]
fn a_field_ends_when_its_time_has_come() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd("HSET h a 1 b 2");
    assert_eq!(ints(&client, "HEXPIRE h 100 FIELDS 2 a x"), [1, -2]);
    assert_eq!(ints(&client, "HTTL h FIELDS 3 a b x"), [100, -1, -2]);
    assert_eq!(ints(&client, "HPTTL h FIELDS 1 a"), [100_000]);
    let end_ms = kvd.unix_ms() + 100_000;
    assert_eq!(ints(&client, "HPEXPIRETIME h FIELDS 1 a"), [end_ms]);
    assert_eq!(ints(&client, "HEXPIRETIME h FIELDS 1 a"), [end_ms / 1000]);
    assert_eq!(ints(&client, "HTTL none FIELDS 2 a b"), [-2, -2]);
    kvd.advance_ms(99_999);
    assert_eq!(client.text("HGET h a"), "1");
    kvd.jump_wall_ms(1);
    assert!(client.cmd("HGET h a").is_null());
    assert_eq!(client.int("HLEN h"), 1);
    assert_eq!(client.cmd("HGETALL h").items().len(), 2);
    assert_eq!(sorted(&client, "HKEYS h"), ["b"]);
}

#[test]
fn a_hash_goes_with_its_last_field_unasked() {
    let kvd = Kvd::new();
    let client = kvd.client();
    for n in 0..300 {
        client.cmd(&format!("HSETEX h{n} PX 50 FIELDS 2 a 1 b 2"));
        client.cmd(&format!("HSET h{n} c 3"));
        client.cmd(&format!("HPEXPIRE h{n} 500 FIELDS 1 c"));
    }
    client.cmd("RENAME h0 renamed");
    kvd.advance_ms(200);
    assert_eq!(client.int("HLEN h7"), 1);
    assert_eq!(client.int("DBSIZE"), 300);
    kvd.advance_ms(400);
    assert_eq!(client.int("DBSIZE"), 0);
    kvd.engine().keyspace.check_invariants();
}

#[test]
fn expiries_have_conditions() {
    let client = Kvd::new().client();
    client.cmd("HSET h a 1 b 2");
    client.cmd("HEXPIRE h 100 FIELDS 1 a");
    assert_eq!(ints(&client, "HEXPIRE h 200 NX FIELDS 2 a b"), [0, 1]);
    assert_eq!(ints(&client, "HEXPIRE h 150 GT FIELDS 2 a b"), [1, 0]);
    assert_eq!(ints(&client, "HEXPIRE h 160 LT FIELDS 2 a b"), [0, 1]);
    assert_eq!(ints(&client, "HPERSIST h FIELDS 3 a a x"), [1, -1, -2]);
    assert_eq!(ints(&client, "HEXPIRE h 100 XX FIELDS 1 a"), [0]);
    assert_eq!(
        client.err("HEXPIRE h 1 NX XX FIELDS 1 a"),
        "ERR NX and XX, GT or LT options at the same time are not compatible"
    );
    assert_eq!(
        client.err("HEXPIRE h 1 FOO FIELDS 1 a"),
        "ERR Unsupported option FOO"
    );
}

#[test]
fn numbers_of_fields_must_fit() {
    let client = Kvd::new().client();
    client.cmd("HSET h a 1");
    for line in [
        "HEXPIRE h 1 FIELDS 0 a",
        "HEXPIRE h 1 FIELDS 2 a",
        "HEXPIRE h 1 FIELDS 1 a NX",
        "HEXPIRE h 1 1 a b c",
        "HGETEX h FIELDS 2 a",
        "HGETEX h EX abc FIELDS 2 a",
        "HSETEX h FIELDS 2 a 1",
        "HSETEX h FIELDS 1 a 1 b 2",
        "HGETDEL h FIELDS 0 a",
        "HPERSIST h FIELDS 2 a",
    ] {
        assert_eq!(client.err(line), NUM_FIELDS, "{line}");
    }
    for line in [
        "HTTL h FIELDS 2 a",
        "HTTL h FOO 1 a",
        "HGETDEL h FOO 1 a",
        "HGETEX h KEEPTTL FIELDS 1 a",
        "HGETEX h EX 1 PX 1 FIELDS 1 a",
        "HSETEX h NX XX FIELDS 1 a 1",
        "HSETEX h PERSIST FIELDS 1 a 1",
    ] {
        assert_eq!(client.err(line), "ERR syntax error", "{line}");
    }
    for line in [
        "HEXPIRE h -1 FIELDS 1 a",
        "HEXPIRE h 99999999999999999 FIELDS 1 a",
        "HPEXPIRE h 9223372036854775807 FIELDS 1 a",
    ] {
        let line = client.err(line);
        assert!(line.starts_with("ERR invalid expire time in 'h"), "{line}");
    }
    let never = "HPEXPIREAT h 9223372036854775807 FIELDS 1 a";
    assert_eq!(ints(&client, never), [1]);
    assert_eq!(
        ints(&client, "HPEXPIRETIME h FIELDS 1 a"),
        [9_223_372_036_854_775_807]
    );
}

#[test]
fn a_time_in_the_past_removes_at_once() {
    let client = Kvd::new().client();
    client.cmd("HSET h a 1 b 2 c 3");
    assert_eq!(ints(&client, "HPEXPIREAT h 1 FIELDS 2 a x"), [2, -2]);
    assert_eq!(client.cmd("HGETEX h PXAT 1 FIELDS 1 b").texts(), ["2"]);
    assert_eq!(client.int("HSETEX h EX 0 FIELDS 1 c 9"), 1);
    assert_eq!(client.int("EXISTS h"), 0);
    assert_eq!(client.int("HSETEX new PXAT 1 FIELDS 1 c 9"), 1);
    assert_eq!(client.int("EXISTS new"), 0);
}

#[test]
fn fields_are_read_and_given_a_time_in_one() {
    let client = Kvd::new().client();
    client.cmd("HSET h a 1 b 2");
    let reply = client.cmd("HGETEX h EX 10 FIELDS 2 a x");
    assert_eq!(reply.items(), [Value::Bulk(b"1".to_vec()), Value::NullBulk]);
    assert_eq!(ints(&client, "HTTL h FIELDS 2 a b"), [10, -1]);
    client.cmd("HGETEX h PERSIST FIELDS 1 a");
    assert_eq!(ints(&client, "HTTL h FIELDS 1 a"), [-1]);
    assert_eq!(client.cmd("HGETDEL h FIELDS 1 a").texts(), ["1"]);
    assert_eq!(client.cmd("HGETDEL h FIELDS 1 b").texts(), ["2"]);
    assert_eq!(client.int("EXISTS h"), 0);
    assert!(client.cmd("HGETDEL h FIELDS 1 b").items()[0].is_null());
}

#[test]
fn fields_are_set_with_a_time_and_under_conditions() {
    let client = Kvd::new().client();
    assert_eq!(client.int("HSETEX h XX FIELDS 1 a 1"), 0);
    assert_eq!(client.int("HSETEX h NX EX 10 FIELDS 2 a 1 b 2"), 1);
    assert_eq!(client.int("HSETEX h NX FIELDS 1 a 1"), 0);
    assert_eq!(client.int("HSETEX h FNX FIELDS 2 c 1 a 1"), 0);
    assert_eq!(client.int("HSETEX h FXX FIELDS 2 c 1 a 1"), 0);
    assert_eq!(client.int("HSETEX h FXX KEEPTTL FIELDS 1 a 5"), 1);
    assert_eq!(ints(&client, "HTTL h FIELDS 2 a b"), [10, 10]);
    assert_eq!(client.int("HINCRBY h a 1"), 6);
    assert_eq!(ints(&client, "HTTL h FIELDS 1 a"), [10]);
    client.cmd("HSET h a 7");
    assert_eq!(ints(&client, "HTTL h FIELDS 1 a"), [-1]);
}

#[test]
fn events_tell_of_fields() {
    let kvd = Kvd::with(&[("notify-keyspace-events", "Ehgx")]);
    let (client, listener) = (kvd.client(), kvd.client());
    listener.cmd("PSUBSCRIBE *");
    client.cmd("HSETEX h PX 50 FIELDS 1 a 1");
    client.cmd("HINCRBY h a 1");
    client.cmd("HGETEX h EX 100 FIELDS 1 a");
    client.cmd("HPERSIST h FIELDS 1 a");
    client.cmd("HPEXPIRE h 50 FIELDS 1 a");
    kvd.advance_ms(200);
    let events: Vec<String> = listener
        .take()
        .iter()
        .map(|message| message.items()[2].text())
        .map(|channel| channel.rsplit(':').next().unwrap_or_default().to_string())
        .collect();
    assert_eq!(
        events,
        [
            "hset", "hexpire", "hincrby", "hexpire", "hpersist", "hexpire", "hexpired", "del"
        ]
    );
}

/// A key whose only field was given a time that has passed was there for a moment.
#[test]
fn a_hash_that_is_gone_at_once_is_told_of_from_its_beginning() {
    let kvd = Kvd::with(&[("notify-keyspace-events", "KAn")]);
    let (client, listener) = (kvd.client(), kvd.client());
    listener.cmd("PSUBSCRIBE *");
    assert_eq!(client.int("HSETEX h EXAT 1 FIELDS 1 f v"), 1);
    let messages = listener.take();
    let events = messages.iter().map(|message| message.items()[3].text());
    let events: Vec<String> = events.collect();
    assert_eq!(events, ["new", "hset", "hexpire", "hexpired", "del"]);
    assert_eq!(client.int("EXISTS h"), 0);
}
