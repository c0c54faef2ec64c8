//! Sets.

use crate::harness::{Client, Kvd, Value};

fn sorted(client: &Client, line: &str) -> Vec<String> {
    let mut texts = client.cmd(line).texts();
    texts.sort();
    texts
}

#[test]
fn members_are_added_asked_for_and_removed() {
    let client = Kvd::new().client();
    assert_eq!(client.int("SADD s a b a"), 2);
    assert_eq!(client.int("SADD s a"), 0);
    assert_eq!(client.int("SCARD s"), 2);
    assert_eq!(client.int("SISMEMBER s a"), 1);
    let known: Vec<i64> = client
        .cmd("SMISMEMBER s a z")
        .items()
        .iter()
        .map(Value::int)
        .collect();
    assert_eq!(known, [1, 0]);
    assert_eq!(sorted(&client, "SMEMBERS s"), ["a", "b"]);
    assert_eq!(client.int("SREM s a z"), 1);
    assert_eq!(client.int("SREM s b"), 1);
    assert_eq!(client.int("EXISTS s"), 0);
    assert_eq!(client.cmd("SMEMBERS s").items().len(), 0);
    client.cmd("SET str x");
    for line in ["SADD str a", "SREM str a", "SCARD str", "SINTER none str"] {
        assert!(client.err(line).starts_with("WRONGTYPE"), "{line}");
    }
}

#[test]
fn a_set_that_is_absent_can_be_told_from_one_without_the_member() {
    let client = Kvd::new().client();
    client.cmd("SADD s x");
    client.cmd("SET str v");
    let answers = ["s x", "s x XX", "s y XX", "none x", "none x xx"];
    let answers = answers.map(|asked| client.int(&format!("SISMEMBER {asked}")));
    assert_eq!(answers, [1, 1, 0, 0, -1]);
    for wrong in ["s x NX", "s x XX XX"] {
        assert_eq!(
            client.err(&format!("SISMEMBER {wrong}")),
            "ERR syntax error"
        );
    }
    assert!(client.err("SISMEMBER str x XX").starts_with("WRONGTYPE"));
}

#[test]
fn a_member_moves() {
    let client = Kvd::new().client();
    client.cmd("SADD a x y");
    client.cmd("SET str 1");
    assert_eq!(client.int("SMOVE a b x"), 1);
    assert_eq!(client.int("SMOVE a b x"), 0);
    assert_eq!(client.int("SMOVE a a y"), 1);
    assert_eq!(client.int("SMOVE none str y"), 0);
    assert!(client.err("SMOVE a str y").starts_with("WRONGTYPE"));
    assert_eq!(client.int("SMOVE a b y"), 1);
    assert_eq!(client.int("EXISTS a"), 0);
    assert_eq!(sorted(&client, "SMEMBERS b"), ["x", "y"]);
}

#[test]
fn members_are_popped_once() {
    let client = Kvd::new().client();
    for form in [
        "",
        "x",
        "member-that-is-too-long-to-be-packed-into-a-listpack-of-redis-",
    ] {
        for n in 0..200 {
            client.cmd(&format!("SADD s {form}{n}"));
        }
        let mut popped = vec![client.text("SPOP s")];
        popped.extend(client.cmd("SPOP s 99").texts());
        assert_eq!(client.int("SCARD s"), 100);
        assert_eq!(client.cmd("SPOP s 0").items().len(), 0);
        popped.extend(client.cmd("SPOP s 1000").texts());
        popped.sort();
        popped.dedup();
        assert_eq!(popped.len(), 200);
        assert_eq!(client.int("EXISTS s"), 0);
    }
    assert!(client.cmd("SPOP s").is_null());
    let line = client.err("SPOP s -1");
    assert_eq!(line, "ERR value is out of range, must be positive");
}

#[test]
fn random_members_are_different_unless_they_may_repeat() {
    let client = Kvd::new().client();
    for n in 0..300 {
        client.cmd(&format!("SADD s m{n}"));
    }
    let mut drawn = client.cmd("SRANDMEMBER s 250").texts();
    drawn.sort();
    drawn.dedup();
    assert_eq!(drawn.len(), 250);
    assert_eq!(client.cmd("SRANDMEMBER s -500").items().len(), 500);
    assert_eq!(client.cmd("SRANDMEMBER s 500").items().len(), 300);
    assert_eq!(client.cmd("SRANDMEMBER none 5").items().len(), 0);
    assert!(client.cmd("SRANDMEMBER none").is_null());
    assert_eq!(client.err("SRANDMEMBER s 1 2"), "ERR syntax error");
}

#[test]
fn sets_are_intersected_united_and_subtracted() {
    let client = Kvd::new().client();
    client.cmd("SADD a 1 2 3 x");
    client.cmd("SADD b 2 3 4 x");
    client.cmd("SADD c 3 x y");
    assert_eq!(sorted(&client, "SINTER a b c"), ["3", "x"]);
    assert_eq!(sorted(&client, "SINTER a a"), ["1", "2", "3", "x"]);
    assert_eq!(client.cmd("SINTER a none").items().len(), 0);
    assert_eq!(
        sorted(&client, "SUNION a b c none a"),
        ["1", "2", "3", "4", "x", "y"]
    );
    assert_eq!(sorted(&client, "SDIFF a b"), ["1"]);
    assert_eq!(client.cmd("SDIFF a none a").items().len(), 0);
    assert_eq!(client.cmd("SDIFF none a").items().len(), 0);
    assert_eq!(client.int("SINTERSTORE d a b c"), 2);
    assert_eq!(sorted(&client, "SMEMBERS d"), ["3", "x"]);
    assert_eq!(client.int("SUNIONSTORE d a d"), 4);
    assert_eq!(client.int("SDIFFSTORE d a a"), 0);
    assert_eq!(client.int("EXISTS d"), 0);
    client.cmd("SET d string");
    assert_eq!(client.int("SDIFFSTORE d a b"), 1);
    assert_eq!(client.text("TYPE d"), "set");
}

#[test]
fn many_sets_give_what_few_would() {
    let client = Kvd::new().client();
    for set in 0..8 {
        for n in 0..100 {
            client.cmd(&format!("SADD s{set} {}", set * 50 + n));
        }
    }
    let all = "s0 s1 s2 s3 s4 s5 s6 s7";
    assert_eq!(client.cmd(&format!("SUNION {all}")).items().len(), 450);
    assert_eq!(client.int(&format!("SUNIONCARD 8 {all}")), 450);
    client.cmd(&format!("SUNIONSTORE u {all}"));
    assert_eq!(client.int("SCARD u"), 450);
    assert_eq!(sorted(&client, "SDIFF u s0 s2 s3 s4 s5 s6 s7").len(), 0);
    assert_eq!(client.int("SDIFFCARD 7 u s0 s3 s4 s5 s6 s7"), 50);
    assert_eq!(client.int("SDIFFCARD 6 u s3 s4 s5 s6 s7"), 150);
}

#[test]
fn results_are_counted_up_to_a_limit() {
    let client = Kvd::new().client();
    client.cmd("SADD a 1 2 3");
    client.cmd("SADD b 2 3 4");
    assert_eq!(client.int("SINTERCARD 2 a b"), 2);
    assert_eq!(client.int("SINTERCARD 2 a b LIMIT 1"), 1);
    assert_eq!(client.int("SINTERCARD 2 a b LIMIT 0"), 2);
    assert_eq!(client.int("SUNIONCARD 2 a b"), 4);
    assert_eq!(client.int("SUNIONCARD 2 a b APPROX LIMIT 3"), 3);
    assert_eq!(client.int("SDIFFCARD 2 a b"), 1);
    assert_eq!(client.int("SDIFFCARD 2 none b"), 0);
    for (line, error) in [
        ("SINTERCARD 0 a", "ERR numkeys should be greater than 0"),
        (
            "SINTERCARD 3 a b",
            "ERR Number of keys can't be greater than number of args",
        ),
        ("SINTERCARD 1 a LIMIT -1", "ERR LIMIT can't be negative"),
        ("SINTERCARD 1 a LIMIT", "ERR syntax error"),
        ("SDIFFCARD 1 a APPROX", "ERR syntax error"),
    ] {
        assert_eq!(client.err(line), error, "{line}");
    }
}

#[test]
fn an_operand_that_has_expired_is_empty() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd("SADD a 1 2 3");
    client.cmd("SADD b 2 3");
    client.cmd("SADD c 9");
    client.cmd("PEXPIRE b 10");
    kvd.jump_wall_ms(10);
    assert_eq!(sorted(&client, "SDIFF a b c"), ["1", "2", "3"]);
    assert_eq!(client.int("EXISTS b"), 0);
}

#[test]
fn sets_are_sets_in_resp3() {
    let client = Kvd::new().client();
    client.cmd("SADD s 1 2 3");
    client.cmd("HELLO 3");
    for line in [
        "SMEMBERS s",
        "SUNION s none",
        "SMEMBERS none",
        "SPOP none 1",
        "SPOP s 1",
    ] {
        assert!(matches!(client.cmd(line), Value::Set(_)), "{line}");
    }
    assert!(matches!(client.cmd("SRANDMEMBER s 1"), Value::Array(_)));
}

#[test]
fn a_scan_visits_every_member() {
    let client = Kvd::new().client();
    for n in 0..1000 {
        client.cmd(&format!("SADD s m{n}"));
    }
    assert_eq!(client.walk("SSCAN s", "COUNT 50 MATCH m*").len(), 1000);
    assert_eq!(
        client.err("SSCAN s 0 NOVALUES"),
        "ERR NOVALUES option can only be used in HSCAN"
    );
}
