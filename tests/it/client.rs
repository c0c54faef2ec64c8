//! CLIENT: who is connected, and what others may do to them.

use crate::harness::{Client, Kvd, Value};

fn lines(client: &Client, filter: &str) -> Vec<String> {
    let text = client.text(&format!("CLIENT LIST {filter}"));
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_client_has_an_id_and_a_name() {
    let kvd = Kvd::new();
    let (one, two) = (kvd.client(), kvd.client());
    assert_eq!(one.int("CLIENT ID") + 1, two.int("CLIENT ID"));
    assert_eq!(one.cmd("CLIENT GETNAME"), Value::NullBulk);
    assert_eq!(one.text("CLIENT SETNAME worker-1"), "OK");
    assert_eq!(one.text("CLIENT GETNAME"), "worker-1");
    assert_eq!(
        one.err("CLIENT SETNAME \"two words\""),
        "ERR Client names cannot contain spaces, newlines or special characters."
    );
    assert_eq!(
        one.err("CLIENT SETINFO colour red"),
        "ERR Unrecognized option 'colour'"
    );
    assert_eq!(
        one.err("CLIENT SETINFO lib-name \"a b\""),
        "ERR lib-name cannot contain spaces, newlines or special characters."
    );
    assert_eq!(one.text("CLIENT SETINFO LIB-NAME redis-rs"), "OK");
    assert_eq!(one.text("CLIENT SETINFO LIB-VER 1.2"), "OK");
    let info = one.text("CLIENT INFO");
    for part in [
        " name=worker-1 ",
        " lib-name=redis-rs lib-ver=1.2 ",
        " resp=2 ",
    ] {
        assert!(info.contains(part), "{part} in {info}");
    }
    assert_eq!(one.text("CLIENT SETNAME \"\""), "OK");
    assert_eq!(one.cmd("CLIENT GETNAME"), Value::NullBulk);
}

#[test]
fn the_list_has_redis_fields_in_redis_order() {
    let client = Kvd::new().client();
    let line = client.text("CLIENT LIST");
    let names: Vec<&str> = line
        .split_whitespace()
        .map(|field| field.split('=').next().unwrap_or_default())
        .collect();
    let wanted = "id addr laddr fd name age idle flags capa db sub psub ssub multi watch qbuf \
                  qbuf-free argv-mem multi-mem rbs rbp obl oll omem tot-mem events cmd user redir \
                  resp lib-name lib-ver tot-net-in tot-net-out tot-cmds";
    assert_eq!(names, wanted.split_whitespace().collect::<Vec<_>>());
    assert!(line.contains(" cmd=client|list user=default "), "{line}");
    assert!(line.contains(" flags=N "), "{line}");
}

#[test]
fn filters_choose() {
    let kvd = Kvd::new();
    let (me, named, subscriber) = (kvd.client(), kvd.client(), kvd.client());
    named.cmd("CLIENT SETNAME box");
    named.cmd("SELECT 3");
    subscriber.send("SUBSCRIBE news");
    let id = named.int("CLIENT ID");
    assert_eq!(lines(&me, "").len(), 3);
    assert_eq!(lines(&me, "SKIPME yes").len(), 2);
    assert_eq!(lines(&me, "TYPE pubsub").len(), 1);
    assert_eq!(lines(&me, "NOT-TYPE pubsub").len(), 2);
    assert_eq!(lines(&me, "NAME box DB 3").len(), 1);
    assert_eq!(lines(&me, "NAME box DB 0").len(), 0);
    assert_eq!(lines(&me, "NOT-NAME box").len(), 2);
    assert_eq!(lines(&me, "FLAGS P").len(), 1);
    assert_eq!(lines(&me, &format!("ID {id} 999")).len(), 1);
    assert_eq!(lines(&me, &format!("NOT-ID {id} 999 SKIPME yes")).len(), 1);
    assert_eq!(lines(&me, "USER default").len(), 3);
    assert_eq!(lines(&me, "MAXAGE 10").len(), 0);
    kvd.advance_ms(10_000);
    assert_eq!(lines(&me, "MAXAGE 10 IDLE 10").len(), 2);
}

#[test]
fn filters_that_make_no_sense() {
    let client = Kvd::new().client();
    for (filter, line) in [
        ("foo", "ERR syntax error"),
        ("ID", "ERR syntax error"),
        ("ID x", "ERR syntax error"),
        ("ID 0", "ERR client-id should be greater than 0"),
        ("TYPE foo", "ERR Unknown client type 'foo'"),
        ("MAXAGE x", "ERR maxage is not an integer or out of range"),
        ("MAXAGE 0", "ERR maxage should be greater than 0"),
        ("NOT-MAXAGE 1", "ERR syntax error"),
        ("IDLE -1", "ERR idle should be greater than 0"),
        ("SKIPME x", "ERR syntax error"),
        (
            "FLAGS 9",
            "ERR Unknown flags found in the provided filter: 9",
        ),
        (
            "NOT-FLAGS 9",
            "ERR Unknown flags found in the NOT-FLAGS filter: 9",
        ),
        ("USER nobody", "ERR No such user 'nobody'"),
        ("DB 99", "ERR DB number should be between 0 and 15"),
        ("NOT-DB x", "ERR NOT-DB is not an integer or out of range"),
        ("CAPA x", "ERR Unknown capa found in the provided filter: x"),
    ] {
        assert_eq!(
            client.err(&format!("CLIENT LIST {filter}")),
            line,
            "{filter}"
        );
    }
}

#[test]
fn killing_ends_others_at_once_and_oneself_after_the_reply() {
    let kvd = Kvd::new();
    let (me, other) = (kvd.client(), kvd.client());
    let id = other.int("CLIENT ID");
    assert_eq!(me.err("CLIENT KILL 1.1.1.1:1"), "ERR No such client");
    assert_eq!(me.int("CLIENT KILL ID 99"), 0);
    assert_eq!(me.int(&format!("CLIENT KILL ID {id}")), 1);
    assert!(other.is_closing());
    assert_eq!(lines(&me, "").len(), 1, "what was killed is not listed");
    assert_eq!(me.int("CLIENT KILL TYPE normal SKIPME yes"), 0);
    assert!(!me.is_closing());
    assert_eq!(me.int("CLIENT KILL TYPE normal SKIPME no"), 1);
    assert!(me.is_closing());
}

#[test]
fn clients_are_found_by_their_user() {
    let kvd = Kvd::new();
    let (me, other) = (kvd.client(), kvd.client());
    me.cmd("ACL SETUSER dummy on nopass +ping");
    other.cmd("AUTH dummy any");
    assert_eq!(lines(&me, "USER dummy").len(), 1);
    assert_eq!(lines(&me, "NOT-USER dummy").len(), 1);
    assert_eq!(me.int("CLIENT KILL USER dummy MAXAGE 5"), 0);
    assert_eq!(me.int("CLIENT KILL USER dummy"), 1);
    assert!(other.is_closing());
    assert!(!me.is_closing());
    assert_eq!(lines(&me, "USER dummy").len(), 0);
}

#[test]
fn commands_of_scripts_are_counted() {
    let client = Kvd::new().client();
    let count = || {
        let line = client.text("CLIENT INFO");
        let count = line.trim().rsplit_once("tot-cmds=").expect("a count").1;
        count.parse::<u64>().expect("a number")
    };
    let before = count();
    client.cmd_words(&["EVAL", "redis.call('ping') redis.call('ping')", "0"]);
    assert_eq!(count(), before + 4);
}

#[test]
fn a_killed_waiter_takes_nothing() {
    let kvd = Kvd::new();
    let (me, waiter) = (kvd.client(), kvd.client());
    let id = waiter.int("CLIENT ID");
    waiter.send("BLPOP l 0");
    me.send_raw(format!("CLIENT KILL ID {id}\r\nRPUSH l a\r\nLLEN l\r\n").as_bytes());
    let replies: Vec<i64> = me.take().iter().map(Value::int).collect();
    assert_eq!(replies, [1, 1, 1]);
}

#[test]
fn silence_lasts_for_one_command_or_until_further_notice() {
    let client = Kvd::new().client();
    client.send("CLIENT REPLY SKIP");
    client.send("PING");
    assert!(client.is_silent());
    assert_eq!(client.text("PING"), "PONG");
    client.send("CLIENT REPLY OFF");
    client.send("PING");
    client.send("NOSUCHCOMMAND");
    client.send("CLIENT REPLY SKIP");
    client.send("PING");
    assert!(client.is_silent());
    assert_eq!(client.text("CLIENT REPLY ON"), "OK");
    assert_eq!(client.text("PING"), "PONG");
    assert_eq!(client.err("CLIENT REPLY maybe"), "ERR syntax error");
}

#[test]
fn silence_lasts_for_commands_that_wait() {
    let kvd = Kvd::new();
    let (client, other) = (kvd.client(), kvd.client());
    client.send("CLIENT REPLY OFF");
    client.send("BLPOP q 0");
    assert_eq!(other.int("RPUSH q a"), 1);
    client.send("BLPOP q 1");
    kvd.advance_ms(1_100);
    assert!(client.is_silent());
    assert_eq!(client.text("CLIENT REPLY ON"), "OK");
    client.send("CLIENT REPLY SKIP");
    client.send("BLPOP q 0");
    assert_eq!(other.int("RPUSH q a"), 1);
    assert!(client.is_silent());
    assert_eq!(client.text("PING"), "PONG");
}

#[test]
fn silence_does_not_hide_what_is_pushed() {
    for hello in ["HELLO 2", "HELLO 3"] {
        let kvd = Kvd::new();
        let (client, publisher) = (kvd.client(), kvd.client());
        client.cmd(hello);
        client.send("CLIENT REPLY OFF");
        client.send("SUBSCRIBE");
        client.send("SUBSCRIBE a b");
        let confirmed = client.take();
        assert_eq!(confirmed.len(), 2, "{confirmed:?}");
        assert_eq!(confirmed[1].items()[2].int(), 2);
        assert_eq!(publisher.int("PUBLISH a x"), 1);
        assert_eq!(client.take_one().texts(), ["message", "a", "x"]);
        client.send("UNSUBSCRIBE a b");
        assert_eq!(client.take().len(), 2);
        assert_eq!(client.text("CLIENT REPLY ON"), "OK");
        client.send("CLIENT REPLY SKIP");
        client.send("PSUBSCRIBE *");
        assert_eq!(client.take_one().items()[0].text(), "psubscribe");
    }
}

#[test]
fn a_pause_of_writes_lets_reads_pass() {
    let kvd = Kvd::new();
    let (me, writer) = (kvd.client(), kvd.client());
    assert_eq!(me.text("CLIENT PAUSE 1000 WRITE"), "OK");
    writer.send("SET k 1");
    writer.send("GET k");
    assert!(writer.is_silent());
    assert_eq!(me.cmd("GET k"), Value::NullBulk);
    let info = me.text("INFO clients");
    assert!(info.contains("blocked_clients:1\r\n"), "{info}");
    assert!(info.contains("paused_actions:write\r\n"), "{info}");
    kvd.advance_ms(999);
    assert!(writer.is_silent());
    kvd.advance_ms(1);
    let replies: Vec<String> = writer.take().iter().map(Value::text).collect();
    assert_eq!(replies, ["OK", "1"]);
}

#[test]
fn a_pause_is_never_shortened_and_can_be_ended() {
    let kvd = Kvd::new();
    let (me, other) = (kvd.client(), kvd.client());
    me.cmd("CLIENT PAUSE 1000 WRITE");
    me.cmd("CLIENT PAUSE 10 WRITE");
    other.send("INCR n");
    kvd.advance_ms(500);
    assert!(other.is_silent());
    assert_eq!(me.text("CLIENT UNPAUSE"), "OK");
    assert_eq!(other.take_one().int(), 1);
    me.cmd("CLIENT PAUSE 100 ALL");
    other.send("PING");
    assert!(other.is_silent());
    kvd.advance_ms(100);
    assert_eq!(other.take_one().text(), "PONG");
    for (pause, line) in [
        ("x", "ERR timeout is not an integer or out of range"),
        ("-1", "ERR timeout is negative"),
        ("1 foo", "ERR CLIENT PAUSE mode must be WRITE or ALL"),
    ] {
        assert_eq!(me.err(&format!("CLIENT PAUSE {pause}")), line);
    }
}

#[test]
fn a_large_value_survives_a_pause() {
    let kvd = Kvd::new();
    let (me, writer) = (kvd.client(), kvd.client());
    me.cmd("CLIENT PAUSE 100 WRITE");
    let value = vec![b'v'; 100_000];
    let mut request = format!("*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n${}\r\n", value.len()).into_bytes();
    request.extend(&value);
    request.extend(b"\r\n*2\r\n$6\r\nSTRLEN\r\n$3\r\nbig\r\n");
    for chunk in request.chunks(30_000) {
        writer.send_raw(chunk);
    }
    assert!(writer.is_silent());
    kvd.advance_ms(100);
    let replies: Vec<String> = writer.take().iter().map(Value::text).collect();
    assert_eq!(replies, ["OK", "100000"]);
}

#[test]
fn keys_do_not_expire_during_a_pause() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd("SET k v PX 100");
    client.cmd("CLIENT PAUSE 1000 WRITE");
    kvd.advance_ms(200);
    assert_eq!(client.cmd("GET k"), Value::NullBulk, "it is not shown");
    assert_eq!(client.int("DBSIZE"), 1, "but it is there");
    client.cmd("CLIENT UNPAUSE");
    assert_eq!(client.cmd("GET k"), Value::NullBulk);
    assert_eq!(client.int("DBSIZE"), 0);
}

#[test]
fn a_transaction_that_writes_waits_at_its_end() {
    let kvd = Kvd::new();
    let (me, other) = (kvd.client(), kvd.client());
    other.cmd("MULTI");
    other.cmd("SET k 1");
    me.cmd("CLIENT PAUSE 100 WRITE");
    other.send("EXEC");
    assert!(other.is_silent());
    me.cmd("MULTI");
    me.cmd("GET k");
    assert_eq!(me.cmd("EXEC").items().len(), 1);
    kvd.advance_ms(100);
    assert_eq!(other.take_one().texts(), ["OK"]);
}

#[test]
fn a_waiter_can_be_woken() {
    let kvd = Kvd::new();
    let (me, waiter) = (kvd.client(), kvd.client());
    let id = waiter.int("CLIENT ID");
    assert_eq!(me.int(&format!("CLIENT UNBLOCK {id}")), 0);
    waiter.send("BLPOP l 0");
    assert_eq!(me.int(&format!("CLIENT UNBLOCK {id} TIMEOUT")), 1);
    assert_eq!(waiter.take_one(), Value::NullArray);
    waiter.send("BLPOP l 0");
    assert_eq!(me.int(&format!("CLIENT UNBLOCK {id} ERROR")), 1);
    assert_eq!(
        waiter.take_one(),
        Value::Error("UNBLOCKED client unblocked via CLIENT UNBLOCK".to_owned())
    );
    assert_eq!(
        me.err("CLIENT UNBLOCK 1 foo"),
        "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"
    );
}

#[test]
fn switches_and_what_is_not_there() {
    let client = Kvd::new().client();
    assert_eq!(client.text("CLIENT NO-EVICT on"), "OK");
    assert_eq!(client.text("CLIENT NO-TOUCH on"), "OK");
    assert!(client.text("CLIENT INFO").contains(" flags=eT "));
    assert_eq!(client.err("CLIENT NO-EVICT maybe"), "ERR syntax error");
    assert_eq!(client.text("CLIENT CAPA redirect foo"), "OK");
    assert!(client.text("CLIENT INFO").contains(" capa=r "));
    assert_eq!(client.int("CLIENT GETREDIR"), -1);
    assert_eq!(
        client.cmd("CLIENT TRACKINGINFO").field("flags").texts(),
        ["off"]
    );
    assert_eq!(
        client.err("CLIENT IMPORT-SOURCE on"),
        "ERR Server is not in import mode"
    );
    assert_eq!(
        client.err("CLIENT foo"),
        "ERR unknown subcommand 'foo'. Try CLIENT HELP."
    );
}

#[test]
fn monitors_see_what_others_do() {
    let kvd = Kvd::new();
    let (client, monitor, waiter) = (kvd.client(), kvd.client(), kvd.client());
    assert_eq!(monitor.text("MONITOR"), "OK");
    client.cmd("SET k \"a b\"");
    client.cmd("MULTI");
    client.cmd("GET k");
    client.cmd("EXEC");
    client.cmd("CONFIG GET port");
    client.cmd("AUTH default secret");
    waiter.send("BLPOP l 0");
    client.cmd("RPUSH l 1");
    let seen: Vec<String> = monitor
        .take()
        .iter()
        .map(|line| line.text().split_once("] ").unwrap().1.to_owned())
        .collect();
    assert_eq!(
        seen,
        [
            "\"SET\" \"k\" \"a b\"",
            "\"MULTI\"",
            "\"GET\" \"k\"",
            "\"EXEC\"",
            "\"AUTH\" \"(redacted)\" \"(redacted)\"",
            "\"BLPOP\" \"l\" \"0\"",
            "\"RPUSH\" \"l\" \"1\"",
        ]
    );
    assert_eq!(
        monitor.err("GET k"),
        "ERR Replica can't interact with the keyspace"
    );
    monitor.cmd("RESET");
    client.cmd("SET k v");
    assert!(monitor.is_silent());
}

#[test]
fn reset_begins_anew() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd("CLIENT SETNAME me");
    client.cmd("SELECT 2");
    client.cmd("READONLY");
    client.cmd("CLIENT NO-EVICT ON");
    client.cmd("CLIENT NO-TOUCH ON");
    client.cmd("WATCH key");
    client.cmd("MULTI");
    assert_eq!(client.text("RESET"), "RESET");
    let info = client.text("CLIENT INFO");
    for field in [" name= ", " db=0 ", " flags=N ", " multi=-1 ", " watch=0 "] {
        assert!(info.contains(field), "{field} {info}");
    }
}
