//! KEYS of many keys: it takes a millisecond of each turn, and others are served between.

use std::collections::BTreeSet;

use kvd::client::Served;

use crate::harness::{Client, Kvd, Value, decode_all, request, words};

/// So many keys that KEYS takes several turns, with a clock that lets a slice look at three
/// thousand.
fn filled() -> Kvd {
    let kvd = Kvd::with(&[("enable-debug-command", "yes")]);
    kvd.client().cmd("DEBUG POPULATE 20000 key 8");
    kvd.turn();
    kvd.tick_by_ns(400_000);
    kvd
}

fn begin(client: &Client, line: &str) {
    let sent = client.send_for_a_turn(&request(&words(line)));
    assert_eq!(sent, Served::More, "{line} takes more than a turn");
    assert!(client.take_bytes_now().is_empty());
}

fn finish(client: &Client) -> Vec<Value> {
    let mut turns = 1;
    while client.go_on() == Served::More {
        turns += 1;
    }
    assert!(turns > 3, "{turns} turns");
    decode_all(&client.take_bytes_now())
}

fn names(reply: &Value) -> BTreeSet<String> {
    let Value::Array(names) = reply else {
        panic!("{reply:?}");
    };
    let set: BTreeSet<String> = names.iter().map(Value::text).collect();
    assert_eq!(set.len(), names.len(), "each key once");
    set
}

#[test]
fn others_are_served_between_and_what_stays_is_found() {
    let kvd = filled();
    let (lister, other) = (kvd.client(), kvd.client());
    begin(&lister, "KEYS *");
    assert_eq!(other.text("GET key:7"), "value:7\0");
    for i in 0..2_000 {
        other.cmd(&format!("DEL key:{i}"));
        other.cmd(&format!("SET new:{i} x"));
    }
    assert_eq!(lister.go_on(), Served::More);
    assert_eq!(other.text("PING"), "PONG");
    let replies = finish(&lister);
    assert_eq!(replies.len(), 1);
    let found = names(&replies[0]);
    assert!((2_000..20_000).all(|i| found.contains(&format!("key:{i}"))));
    let counts = other.text("INFO commandstats");
    assert!(counts.contains("cmdstat_keys:calls=1,"), "{counts}");
    let about = lister.text("CLIENT INFO");
    assert!(about.contains(" tot-cmds=2\n"), "{about}");
}

#[test]
fn what_was_sent_behind_it_comes_after_it() {
    let kvd = filled();
    let client = kvd.client();
    let bytes = [request(&["KEYS", "key:1?"]), request(&["PING"])].concat();
    assert_eq!(client.send_for_a_turn(&bytes), Served::More);
    assert_eq!(
        client.send_for_a_turn(&request(&["ECHO", "x"])),
        Served::More
    );
    let replies = finish(&client);
    assert_eq!(names(&replies[0]).len(), 10);
    let behind: Vec<String> = replies[1..].iter().map(Value::text).collect();
    assert_eq!(behind, ["PONG", "x"]);
}

#[test]
fn a_transaction_and_a_script_look_at_all_in_one_go() {
    let kvd = filled();
    let client = kvd.client();
    for line in ["MULTI", "KEYS *"] {
        client.cmd(line);
    }
    assert_eq!(client.send_for_a_turn(&request(&["EXEC"])), Served::Idle);
    let replies = decode_all(&client.take_bytes_now());
    let Value::Array(inner) = &replies[0] else {
        panic!("{replies:?}");
    };
    assert_eq!(names(&inner[0]).len(), 20_000);
    let script = request(&["EVAL", "return #redis.call('KEYS', '*')", "0"]);
    assert_eq!(client.send_for_a_turn(&script), Served::Idle);
    assert_eq!(decode_all(&client.take_bytes_now()), [Value::Int(20_000)]);
}

#[test]
fn a_long_pattern_goes_on_too() {
    let kvd = filled();
    let client = kvd.client();
    let pattern = "*".repeat(20_000) + "y:199?";
    let sent = client.send_for_a_turn(&request(&["KEYS", &pattern]));
    assert_eq!(sent, Served::More);
    let replies = finish(&client);
    assert_eq!(names(&replies[0]).len(), 10);
}

#[test]
fn a_refusal_ends_it_and_the_next_begins_anew() {
    let kvd = filled();
    let (lister, admin) = (kvd.client(), kvd.client());
    begin(&lister, "KEYS *");
    admin.cmd("ACL SETUSER default -keys");
    assert_eq!(lister.go_on(), Served::Idle);
    let refused = decode_all(&lister.take_bytes_now());
    assert!(refused[0].text().starts_with("NOPERM "), "{refused:?}");
    admin.cmd("ACL SETUSER default +keys");
    admin.cmd("SET another x");
    begin(&lister, "KEYS *");
    let found = names(&finish(&lister)[0]);
    assert_eq!(found.len(), 20_001);
}

#[test]
fn a_pause_holds_it_and_a_kill_ends_it() {
    let kvd = filled();
    let (lister, admin) = (kvd.client(), kvd.client());
    begin(&lister, "KEYS *");
    admin.cmd("CLIENT PAUSE 1000 ALL");
    assert_eq!(lister.go_on(), Served::Parked);
    kvd.tick_by_ns(0);
    kvd.advance_ms(1_000);
    let replies = decode_all(&lister.take_bytes_now());
    assert_eq!(names(&replies[0]).len(), 20_000);
    kvd.tick_by_ns(400_000);
    let id = lister.int("CLIENT ID");
    begin(&lister, "KEYS *");
    assert_eq!(admin.int(&format!("CLIENT KILL ID {id}")), 1);
    assert_eq!(lister.go_on(), Served::Closing);
    assert!(lister.take_bytes_now().is_empty());
}

#[test]
fn who_is_told_too_much_is_closed() {
    let kvd = filled();
    let (lister, admin) = (kvd.client(), kvd.client());
    let limit = [
        "CONFIG",
        "SET",
        "client-output-buffer-limit",
        "normal 100000 0 0",
    ];
    assert_eq!(admin.cmd_words(&limit).text(), "OK");
    begin(&lister, "KEYS *");
    while lister.go_on() == Served::More {}
    assert!(lister.is_closing(), "KEYS has more to say than may wait");
}
