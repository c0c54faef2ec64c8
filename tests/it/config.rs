//! CONFIG: options while the server runs.

use crate::harness::{Kvd, Value};

#[test]
fn options_are_read_by_name_and_pattern() {
    let client = Kvd::new().client();
    assert_eq!(
        client.cmd("CONFIG GET maxmemory").texts(),
        ["maxmemory", "0"]
    );
    let both = client.cmd("CONFIG GET maxmemory MAXMEMORY-p*");
    assert_eq!(
        both.texts(),
        ["maxmemory", "0", "maxmemory-policy", "noeviction"]
    );
    assert_eq!(client.cmd("CONFIG GET nosuch").items().len(), 0);
    client.cmd("HELLO 3");
    assert!(matches!(client.cmd("CONFIG GET maxm*"), Value::Map(_)));
}

#[test]
fn all_options_of_a_set_change_or_none() {
    let client = Kvd::new().client();
    assert_eq!(
        client.text("CONFIG SET maxmemory 1mb maxmemory-policy allkeys-lru"),
        "OK"
    );
    assert_eq!(client.cmd("CONFIG GET maxmemory").texts()[1], "1048576");
    assert_eq!(
        client.err("CONFIG SET maxmemory 2mb maxmemory-policy nosuch"),
        "ERR CONFIG SET failed (possibly related to argument 'maxmemory-policy') - argument(s) \
         must be one of the following: volatile-lru, volatile-lfu, volatile-random, volatile-ttl, \
         allkeys-lru, allkeys-lfu, allkeys-random, noeviction, volatile-lrm, allkeys-lrm"
    );
    assert_eq!(client.cmd("CONFIG GET maxmemory").texts()[1], "1048576");
    assert_eq!(
        client.err("CONFIG SET maxmemory"),
        "ERR wrong number of arguments for 'config|set' command"
    );
    assert_eq!(
        client.err("CONFIG SET nosuch 1"),
        "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'"
    );
    assert!(
        client
            .err("CONFIG SET databases 8")
            .ends_with("can't set immutable config")
    );
    assert_eq!(client.text("CONFIG SET shards 64"), "OK");
    assert!(
        client
            .err("CONFIG SET shards 8")
            .ends_with("immutable config")
    );
    assert!(
        client
            .err("CONFIG SET dir /")
            .ends_with("can't set protected config")
    );
}

#[test]
fn what_cannot_take_effect_is_taken_back() {
    let kvd = Kvd::new();
    let client = kvd.client();
    kvd.machine.refuses.set(Some("maxclients"));
    assert_eq!(
        client.err("CONFIG SET timeout 7 maxclients 50000"),
        "ERR CONFIG SET failed (possibly related to argument 'maxclients') - not on this machine"
    );
    assert_eq!(client.cmd("CONFIG GET timeout").texts()[1], "0");
    assert_eq!(client.cmd("CONFIG GET maxclients").texts()[1], "10000");
}

#[test]
fn a_rewrite_keeps_comments() {
    let kvd = Kvd::new();
    let client = kvd.client();
    assert_eq!(
        client.err("CONFIG REWRITE"),
        "ERR The server is running without a config file"
    );
    kvd.engine().config.config_file = Some("/etc/kvd.conf".to_owned());
    *kvd.machine.config_file.borrow_mut() = b"# mine\nmaxmemory 1gb\n".to_vec();
    client.cmd("CONFIG SET maxmemory 2gb timeout 5");
    assert_eq!(client.text("CONFIG REWRITE"), "OK");
    let text = String::from_utf8(kvd.machine.config_file.borrow().clone()).unwrap();
    assert!(text.starts_with("# mine\nmaxmemory 2gb\n"), "{text}");
    assert!(text.contains("\ntimeout 5\n"), "{text}");
}

#[test]
fn events_follow_the_option() {
    let kvd = Kvd::new();
    let (client, listener) = (kvd.client(), kvd.client());
    listener.cmd("SUBSCRIBE __keyevent@0__:set");
    client.cmd("SET k v");
    assert!(listener.is_silent());
    client.cmd("CONFIG SET notify-keyspace-events E$");
    client.cmd("SET k v");
    assert_eq!(listener.take_one().texts()[2], "k");
}

#[test]
fn resetstat_begins_the_counters_again() {
    let client = Kvd::new().client();
    client.cmd("GET k");
    client.cmd("NOSUCH");
    assert_eq!(client.text("CONFIG RESETSTAT"), "OK");
    let info = client.text("INFO everything");
    assert!(info.contains("keyspace_misses:0\r\n"), "{info}");
    assert!(info.contains("total_error_replies:0\r\n"), "{info}");
    assert!(!info.contains("cmdstat_get:"), "{info}");
}

#[test]
fn debug_is_gated() {
    let client = Kvd::new().client();
    assert!(
        client
            .err("DEBUG SLEEP 0")
            .starts_with("ERR DEBUG command not allowed.")
    );
    let kvd = Kvd::with(&[("enable-debug-command", "yes")]);
    let client = kvd.client();
    let before = kvd.unix_ms();
    assert_eq!(client.text("DEBUG SLEEP 0.25"), "OK");
    assert_eq!(kvd.unix_ms() - before, 250);
    assert_eq!(
        client.err("DEBUG ERROR \"MINE is a code\""),
        "MINE is a code"
    );
    client.cmd("SET k v");
    assert!(client.text("DEBUG OBJECT k").contains("encoding:embstr"));
    client.cmd("DEBUG POPULATE 10 p 3");
    assert_eq!(client.int("STRLEN p:9"), 3);
    assert_eq!(client.int("DBSIZE"), 11);
}
