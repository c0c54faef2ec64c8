//! Sorted sets.

use crate::harness::{Client, Kvd, Value};

fn texts(client: &Client, line: &str) -> Vec<String> {
    client.cmd(line).texts()
}

/// A client of a server with the members a, b, c, d and scores 1 to 4 under `z`.
fn four() -> Client {
    let client = Kvd::new().client();
    assert_eq!(client.int("ZADD z 1 a 2 b 3 c 4 d"), 4);
    client
}

#[test]
fn members_are_added_and_updated_as_the_options_say() {
    let client = Kvd::new().client();
    assert_eq!(client.int("ZADD z 1 a 2 b 1 a"), 2);
    assert_eq!(client.int("ZADD z CH 5 a 2 b 3 c"), 2);
    assert_eq!(client.int("ZADD z NX 9 a 9 d"), 1);
    assert_eq!(client.int("ZADD z XX CH 7 a 7 e"), 1);
    assert_eq!(client.int("ZADD z GT CH 6 a 4 b"), 1);
    assert_eq!(client.int("ZADD z LT CH 6 a 5 b"), 1);
    assert_eq!(
        texts(&client, "ZRANGE z 0 -1 WITHSCORES"),
        ["c", "3", "b", "4", "a", "6", "d", "9"]
    );
    assert_eq!(client.text("ZADD z INCR 1.5 a"), "7.5");
    assert_eq!(client.cmd("ZADD z NX INCR 1 a"), Value::NullBulk);
    assert_eq!(client.cmd("ZADD z GT INCR -1 a"), Value::NullBulk);
    assert_eq!(client.text("ZINCRBY z -7.5 a"), "0");
    assert_eq!(client.int("ZADD other XX 1 a"), 0);
    assert_eq!(client.int("EXISTS other"), 0);
}

#[test]
fn wrong_arguments_of_zadd_are_refused_before_anything_changes() {
    let client = Kvd::new().client();
    assert_eq!(
        client.err("ZADD z 1 a x b"),
        "ERR value is not a valid float"
    );
    assert_eq!(client.err("ZADD z 1 a 2"), "ERR syntax error");
    assert_eq!(client.err("ZADD z NX 1"), "ERR syntax error");
    assert_eq!(
        client.err("ZADD z NX XX 1 a"),
        "ERR XX and NX options at the same time are not compatible"
    );
    assert_eq!(
        client.err("ZADD z GT LT 1 a"),
        "ERR GT, LT, and/or NX options at the same time are not compatible"
    );
    assert_eq!(
        client.err("ZADD z INCR 1 a 2 b"),
        "ERR INCR option supports a single increment-element pair"
    );
    assert_eq!(client.int("EXISTS z"), 0);
    client.cmd("ZADD z inf a");
    assert_eq!(
        client.err("ZINCRBY z -inf a"),
        "ERR resulting score is not a number (NaN)"
    );
    assert_eq!(client.text("ZSCORE z a"), "inf");
    client.cmd("SET s x");
    assert!(client.err("ZADD s 1 a").starts_with("WRONGTYPE"));
}

#[test]
fn single_members_are_looked_up() {
    let client = four();
    assert_eq!(client.text("ZSCORE z b"), "2");
    assert_eq!(client.cmd("ZSCORE z x"), Value::NullBulk);
    let scores = client.cmd("ZMSCORE z a x d");
    assert_eq!(scores.items()[1], Value::NullBulk);
    assert_eq!(client.cmd("ZMSCORE none a").items(), [Value::NullBulk]);
    assert_eq!(client.int("ZRANK z c"), 2);
    assert_eq!(client.int("ZREVRANK z c"), 1);
    assert_eq!(texts(&client, "ZREVRANK z a WITHSCORE"), ["3", "1"]);
    assert_eq!(client.cmd("ZRANK z x"), Value::NullBulk);
    assert_eq!(client.cmd("ZRANK z x WITHSCORE"), Value::NullArray);
    assert_eq!(client.err("ZRANK z x SCORE"), "ERR syntax error");
    assert_eq!(client.int("ZCARD z"), 4);
    assert_eq!(client.int("ZCOUNT z (1 3"), 2);
    assert_eq!(client.int("ZCOUNT z -inf +inf"), 4);
    assert_eq!(client.err("ZCOUNT z a 1"), "ERR min or max is not a float");
    assert_eq!(client.int("ZLEXCOUNT z - +"), 4);
    assert_eq!(
        client.err("ZLEXCOUNT z a +"),
        "ERR min or max not valid string range item"
    );
}

#[test]
fn the_newer_protocol_has_doubles_and_pairs() {
    let client = four();
    client.cmd("HELLO 3");
    assert_eq!(client.cmd("ZSCORE z a"), Value::Double("1".into()));
    assert_eq!(client.cmd("ZSCORE z x"), Value::Null);
    let pairs = client.cmd("ZRANGE z 0 0 WITHSCORES");
    assert_eq!(pairs.items()[0].texts(), ["a", "1"]);
    assert_eq!(texts(&client, "ZPOPMIN z"), ["a", "1"]);
    let popped = client.cmd("ZPOPMAX z 1");
    assert_eq!(popped.items()[0].texts(), ["d", "4"]);
    let random = client.cmd("ZRANDMEMBER z 5 WITHSCORES");
    assert_eq!(random.items().len(), 2);
    assert_eq!(random.items()[0].items().len(), 2);
}

#[test]
fn ranges_go_by_rank_score_or_member() {
    let client = four();
    assert_eq!(texts(&client, "ZRANGE z -2 -1"), ["c", "d"]);
    assert_eq!(texts(&client, "ZRANGE z 0 1 REV"), ["d", "c"]);
    assert_eq!(texts(&client, "ZREVRANGE z 1 1 WITHSCORES"), ["c", "3"]);
    assert_eq!(texts(&client, "ZRANGE z (1 3 BYSCORE"), ["b", "c"]);
    assert_eq!(
        texts(&client, "ZRANGE z 4 (1 BYSCORE REV LIMIT 1 2"),
        ["c", "b"]
    );
    assert_eq!(
        texts(&client, "ZRANGEBYSCORE z -inf +inf LIMIT 1 -1").len(),
        3
    );
    assert_eq!(texts(&client, "ZREVRANGEBYSCORE z 3 2"), ["c", "b"]);
    assert!(texts(&client, "ZRANGEBYSCORE z 3 2").is_empty());
    assert!(texts(&client, "ZRANGEBYSCORE z 0 9 LIMIT 9 1").is_empty());
    client.cmd("ZADD lex 0 a 0 b 0 c 0 d");
    assert_eq!(texts(&client, "ZRANGEBYLEX lex [b (d"), ["b", "c"]);
    assert_eq!(texts(&client, "ZREVRANGEBYLEX lex + (b LIMIT 0 1"), ["d"]);
    assert_eq!(texts(&client, "ZRANGE lex - [b BYLEX"), ["a", "b"]);
    assert_eq!(
        client.err("ZRANGE z 0 1 LIMIT 0 1"),
        "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
    );
    assert_eq!(
        client.err("ZRANGE z - + BYLEX WITHSCORES"),
        "ERR syntax error, WITHSCORES not supported in combination with BYLEX"
    );
    assert_eq!(
        client.err("ZRANGE z a b"),
        "ERR value is not an integer or out of range"
    );
}

#[test]
fn a_set_that_is_absent_can_be_told_from_an_empty_range() {
    let client = four();
    for range in [
        "ZRANGE {} 7 9",
        "ZRANGE {} 70 90 BYSCORE LIMIT 0 5 WITHSCORES",
        "ZREVRANGE {} 7 9",
        "ZRANGEBYSCORE {} 70 90",
        "ZREVRANGEBYSCORE {} 90 70",
        "ZRANGEBYLEX {} [x [y",
        "ZREVRANGEBYLEX {} [y [x",
    ] {
        let ask = |key| client.cmd(&format!("{} XX", range.replace("{}", key)));
        assert_eq!(ask("z"), Value::Array(Vec::new()), "{range}");
        assert_eq!(ask("none"), Value::NullArray, "{range}");
        let old = client.cmd(&range.replace("{}", "none"));
        assert_eq!(old, Value::Array(Vec::new()), "{range}");
    }
    assert_eq!(client.err("ZRANGESTORE d z 0 -1 XX"), "ERR syntax error");
    client.cmd("HELLO 3");
    assert_eq!(client.cmd("ZRANGE none 0 -1 XX"), Value::Null);
}

#[test]
fn a_range_is_stored_or_removes_its_destination() {
    let client = four();
    assert_eq!(client.int("ZRANGESTORE to z 1 2"), 2);
    assert_eq!(
        texts(&client, "ZRANGE to 0 -1 WITHSCORES"),
        ["b", "2", "c", "3"]
    );
    assert_eq!(client.int("ZRANGESTORE z z 4 2 BYSCORE REV LIMIT 0 1"), 1);
    assert_eq!(texts(&client, "ZRANGE z 0 -1"), ["d"]);
    assert_eq!(client.int("ZRANGESTORE to none 0 -1"), 0);
    assert_eq!(client.int("EXISTS to"), 0);
}

#[test]
fn what_is_empty_is_gone() {
    let client = four();
    assert_eq!(client.int("ZREM z a x b"), 2);
    assert_eq!(client.int("ZREMRANGEBYSCORE z 3 (4"), 1);
    assert_eq!(client.int("ZREMRANGEBYLEX z - +"), 1);
    assert_eq!(client.int("EXISTS z"), 0);
    client.cmd("ZADD z 1 a 2 b 3 c");
    assert_eq!(client.int("ZREMRANGEBYRANK z -1 9"), 1);
    assert_eq!(client.int("ZREMRANGEBYRANK z 5 9"), 0);
    assert_eq!(texts(&client, "ZPOPMAX z 9"), ["b", "2", "a", "1"]);
    assert_eq!(client.int("EXISTS z"), 0);
    assert!(client.cmd("ZPOPMIN z").items().is_empty());
}

#[test]
fn the_first_set_that_has_any_is_popped() {
    let client = four();
    let reply = client.cmd("ZMPOP 2 none z MAX COUNT 2");
    assert_eq!(reply.items()[0].text(), "z");
    assert_eq!(reply.items()[1].items()[0].texts(), ["d", "4"]);
    assert_eq!(reply.items()[1].items()[1].texts(), ["c", "3"]);
    assert_eq!(client.cmd("ZMPOP 1 none MIN"), Value::NullArray);
    assert_eq!(
        client.err("ZMPOP 0 z MIN"),
        "ERR numkeys should be greater than 0"
    );
    assert_eq!(
        client.err("ZMPOP 1 z MIN COUNT 0"),
        "ERR count should be greater than 0"
    );
    assert_eq!(client.err("ZMPOP 1 z MIDDLE"), "ERR syntax error");
    assert_eq!(
        client.err("ZPOPMIN z -1"),
        "ERR value is out of range, must be positive"
    );
}

#[test]
fn who_waits_for_a_member_gets_the_next_one() {
    let kvd = Kvd::new();
    let (one, two, adder) = (kvd.client(), kvd.client(), kvd.client());
    one.send("BZPOPMIN none z 0");
    two.send("BZMPOP 0 1 z MAX COUNT 5");
    assert!(one.is_silent() && two.is_silent());
    assert_eq!(adder.int("ZADD z 1 a 2 b 3 c"), 3);
    assert_eq!(one.take_one().texts(), ["z", "a", "1"]);
    let reply = two.take_one();
    assert_eq!(reply.items()[1].items()[0].texts(), ["c", "3"]);
    assert_eq!(adder.int("EXISTS z"), 0);
    one.send("BZPOPMAX z 0.1");
    kvd.advance_ms(200);
    assert_eq!(one.take_one(), Value::NullArray);
    assert_eq!(one.err("BZPOPMAX z -1"), "ERR timeout is negative");
    one.cmd("MULTI");
    one.cmd("BZPOPMAX z 0");
    assert_eq!(one.cmd("EXEC").items(), [Value::NullArray]);
}

#[test]
fn sets_are_joined() {
    let client = Kvd::new().client();
    client.cmd("ZADD x 1 a 2 b 3 7");
    client.cmd("ZADD y 10 b 20 c 30 7");
    assert_eq!(
        texts(&client, "ZUNION 2 x y WITHSCORES"),
        ["a", "1", "b", "12", "c", "20", "7", "33"]
    );
    assert_eq!(
        texts(&client, "ZINTER 2 x y WEIGHTS 2 1 AGGREGATE MAX WITHSCORES"),
        ["b", "10", "7", "30"]
    );
    assert_eq!(
        texts(
            &client,
            "ZUNION 2 x y AGGREGATE COUNT WEIGHTS 5 1 WITHSCORES"
        ),
        ["c", "1", "a", "5", "7", "6", "b", "6"]
    );
    assert_eq!(texts(&client, "ZDIFF 2 x y WITHSCORES"), ["a", "1"]);
    assert_eq!(client.int("ZINTERCARD 2 x y"), 2);
    assert_eq!(client.int("ZINTERCARD 2 x y LIMIT 1"), 1);
    assert_eq!(client.int("ZUNIONSTORE to 2 x none"), 3);
    assert_eq!(client.int("ZINTERSTORE to 2 to y AGGREGATE MIN"), 2);
    assert_eq!(
        texts(&client, "ZRANGE to 0 -1 WITHSCORES"),
        ["b", "2", "7", "3"]
    );
    assert_eq!(client.int("ZDIFFSTORE to 2 x x"), 0);
    assert_eq!(client.int("EXISTS to"), 0);
}

#[test]
fn wrong_arguments_of_set_algebra_are_refused() {
    let client = four();
    assert_eq!(
        client.err("ZUNIONSTORE to 0 z"),
        "ERR at least 1 input key is needed for 'zunionstore' command"
    );
    assert_eq!(client.err("ZUNION 3 z z"), "ERR syntax error");
    assert_eq!(client.err("ZDIFF 1 z WEIGHTS 1"), "ERR syntax error");
    assert_eq!(
        client.err("ZUNIONSTORE to 1 z WITHSCORES"),
        "ERR syntax error"
    );
    assert_eq!(
        client.err("ZINTER 1 z WEIGHTS x"),
        "ERR weight value is not a float"
    );
    assert_eq!(
        client.err("ZINTERCARD 1 z LIMIT -1"),
        "ERR LIMIT can't be negative"
    );
}

#[test]
fn a_large_set_is_walked_and_drawn_from() {
    let client = Kvd::with(&[("zset-max-listpack-entries", "4")]).client();
    for n in 0..100 {
        client.cmd(&format!("ZADD z {n} member:{n}"));
    }
    assert_eq!(client.walk("ZSCAN z", "COUNT 7 NOSCORES").len(), 100);
    let reply = client.cmd("ZSCAN z 0 COUNT 1000 MATCH member:4");
    assert_eq!(reply.items()[1].texts(), ["member:4", "4"]);
    let mut drawn = texts(&client, "ZRANDMEMBER z 60");
    drawn.sort();
    drawn.dedup();
    assert_eq!(drawn.len(), 60);
    assert_eq!(texts(&client, "ZRANDMEMBER z -300").len(), 300);
    assert_eq!(client.cmd("ZRANDMEMBER none"), Value::NullBulk);
    assert_eq!(texts(&client, "ZRANGE z 50 51"), ["member:50", "member:51"]);
    assert_eq!(client.err("ZSCAN z x"), "ERR invalid cursor");
}

#[test]
fn a_set_named_many_times_counts_many_times() {
    let client = Kvd::new().client();
    client.cmd("ZADD z 1 a 2 b 3 c");
    client.cmd("SADD s b 7");
    let many = |command: &str, tail: &str| {
        client
            .cmd(&format!("{command} 51{} s {tail}", " z".repeat(50)))
            .texts()
    };
    assert_eq!(
        many("ZUNION", "WITHSCORES"),
        ["7", "1", "a", "50", "b", "101", "c", "150"]
    );
    assert_eq!(
        many("ZUNION", "AGGREGATE MAX WITHSCORES"),
        ["7", "1", "a", "1", "b", "2", "c", "3"]
    );
    assert_eq!(many("ZINTER", "WITHSCORES"), ["b", "101"]);
}
