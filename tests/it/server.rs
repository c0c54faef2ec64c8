//! MEMORY, OBJECT, CLUSTER, ROLE and the rest that is about the server alone.

use crate::harness::{Kvd, Value};

#[test]
fn objects_tell_how_they_are_stored() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd("SET n 5");
    client.cmd("SET short text");
    client.cmd(&format!("SET long {}", "v".repeat(45)));
    assert_eq!(client.text("OBJECT ENCODING n"), "int");
    assert_eq!(client.text("OBJECT ENCODING short"), "embstr");
    assert_eq!(client.text("OBJECT ENCODING long"), "raw");
    assert_eq!(client.cmd("OBJECT ENCODING nothing"), Value::NullBulk);
    assert_eq!(client.int("OBJECT REFCOUNT n"), 1);
    kvd.advance_ms(5_000);
    assert_eq!(client.int("OBJECT IDLETIME n"), 5);
    client.cmd("GET n");
    assert_eq!(client.int("OBJECT IDLETIME n"), 0);
    assert!(
        client
            .err("OBJECT FREQ n")
            .starts_with("ERR An LFU maxmemory policy is not")
    );
    client.cmd("CONFIG SET maxmemory-policy allkeys-lfu");
    client.cmd("SET hot 1");
    assert!(client.int("OBJECT FREQ hot") >= 5);
    assert!(
        client
            .err("OBJECT IDLETIME n")
            .starts_with("ERR An LFU maxmemory policy is sel")
    );
}

#[test]
fn a_string_that_a_command_built_is_raw() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd("SET text text");
    client.cmd("PFADD hll element");
    for line in [
        "SETRANGE key 0 text",
        "SETBIT key 7 1",
        "SETBIT key 7 0",
        "BITFIELD key SET u8 0 65",
        "BITOP NOT key text",
        "PFADD key element",
        "PFADD key",
        "PFMERGE key",
        "PFMERGE key hll",
    ] {
        client.cmd("DEL key");
        client.cmd(line);
        assert_eq!(client.text("OBJECT ENCODING key"), "raw", "{line}");
        client.cmd("COPY key other REPLACE");
        assert_eq!(client.text("OBJECT ENCODING other"), "raw", "{line}");
    }
    client.cmd("DEL key");
    client.cmd("APPEND key text");
    assert_eq!(client.text("OBJECT ENCODING key"), "embstr");
}

#[test]
fn memory_is_accounted_for() {
    let client = Kvd::new().client();
    client.cmd("SET small v");
    client.cmd(&format!("SET large {}", "v".repeat(100_000)));
    let small = client.int("MEMORY USAGE small");
    assert!((16..200).contains(&small), "{small}");
    let large = client.int("MEMORY USAGE large SAMPLES 0");
    assert!((100_000..101_000).contains(&large), "{large}");
    assert_eq!(client.cmd("MEMORY USAGE nothing"), Value::NullBulk);
    for wrong in ["SAMPLES", "SAMPLES -1", "FOO 1"] {
        assert_eq!(
            client.err(&format!("MEMORY USAGE small {wrong}")),
            "ERR syntax error"
        );
    }
    let stats = client.cmd("MEMORY STATS");
    assert_eq!(stats.field("keys.count").int(), 2);
    assert_eq!(stats.field("total.allocated").int(), 1 << 20);
    assert!(stats.field("db.0").field("overhead.hashtable.main").int() > 0);
    assert_eq!(stats.field("fragmentation").text(), "2");
    assert_eq!(client.text("MEMORY PURGE"), "OK");
    assert_eq!(client.text("MEMORY MALLOC-STATS"), "a report");
    assert!(client.text("MEMORY DOCTOR").contains("tells nothing yet"));
}

#[test]
fn a_primary_that_is_alone() {
    let kvd = Kvd::new();
    let client = kvd.client();
    let role = client.cmd("ROLE");
    assert_eq!(role.items()[0].text(), "master");
    assert_eq!(client.int("WAIT 0 0"), 0);
    assert_eq!(client.err("WAIT 0 -1"), "ERR timeout is negative");
    client.send("WAIT 1 50");
    assert!(client.is_silent());
    kvd.advance_ms(50);
    assert_eq!(client.take_one().int(), 0);
    client.send("WAITAOF 0 1 10");
    kvd.advance_ms(10);
    assert_eq!(
        client.take_one(),
        Value::Array(vec![Value::Int(0), Value::Int(0)])
    );
    assert_eq!(
        client.err("WAITAOF 1 0 0"),
        "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."
    );
    assert_eq!(client.text("REPLICAOF NO ONE"), "OK");
    assert_eq!(client.err("REPLICAOF host x"), "ERR Invalid master port");
    assert_eq!(
        client.err("FAILOVER"),
        "ERR FAILOVER requires connected replicas."
    );
    assert_eq!(client.err("FAILOVER ABORT"), "ERR No failover in progress.");
    client.cmd("MULTI");
    client.cmd("WAIT 1 0");
    assert_eq!(client.cmd("EXEC").items()[0].int(), 0);
}

#[test]
fn no_cluster_but_slots() {
    let client = Kvd::new().client();
    assert_eq!(client.int("CLUSTER KEYSLOT foo"), 12_182);
    assert_eq!(
        client.int("CLUSTER KEYSLOT {a}b"),
        client.int("CLUSTER KEYSLOT a")
    );
    for line in ["CLUSTER INFO", "CLUSTER SLOTS", "CLUSTER MYID", "ASKING"] {
        assert_eq!(
            client.err(line),
            "ERR This instance has cluster support disabled"
        );
    }
    assert_eq!(client.text("READONLY"), "OK");
    assert!(client.text("CLIENT INFO").contains(" flags=r "));
    assert_eq!(client.text("READWRITE"), "OK");
    assert_eq!(client.cmd("MODULE LIST").items().len(), 0);
    assert!(
        client
            .err("MODULE LOAD /x.so")
            .starts_with("ERR kvd has no modules")
    );
}

#[test]
fn shutdown_answers_only_if_it_does_not_happen() {
    let kvd = Kvd::new();
    let client = kvd.client();
    assert_eq!(client.err("SHUTDOWN foo"), "ERR syntax error");
    assert_eq!(client.err("SHUTDOWN SAVE NOSAVE"), "ERR syntax error");
    assert_eq!(client.err("SHUTDOWN ABORT NOW"), "ERR syntax error");
    assert_eq!(client.err("SHUTDOWN ABORT"), "ERR No shutdown in progress.");
    client.send("SHUTDOWN NOSAVE NOW");
    assert!(client.is_silent());
    assert_eq!(kvd.engine().take_exit(), Some(0));
}

#[test]
fn a_signature() {
    let client = Kvd::new().client();
    assert!(client.text("LOLWUT").contains("Redis ver."));
    assert!(client.int("LASTSAVE") > 0);
}

#[test]
fn digests_are_those_of_redis() {
    let client = Kvd::with(&[("enable-debug-command", "yes")]).client();
    client.cmd("SET a b");
    assert_eq!(
        client.cmd("DEBUG DIGEST-VALUE a nothing").texts(),
        [
            "b78559cd22bce6e6df712eb99ce7f3b08e8f8f1f",
            "0000000000000000000000000000000000000000"
        ]
    );
    assert_eq!(
        client.text("DEBUG DIGEST"),
        "479783d7290f02957dfbe3408a858ba13eea1709"
    );
    client.cmd("SADD s 1 2 x");
    let before = client.text("DEBUG DIGEST");
    client.cmd("DEL s");
    client.cmd("SADD s x 2 1");
    assert_eq!(client.text("DEBUG DIGEST"), before);
    client.cmd("EXPIRE s 100");
    assert_ne!(client.text("DEBUG DIGEST"), before);
}

#[test]
fn memory_that_nothing_can_free_keeps_nobody_awake() {
    let kvd = Kvd::with(&[("maxmemory", "1mb")]);
    let client = kvd.client();
    client.cmd("SET k v");
    kvd.machine.used_bytes.set(2 << 20);
    for policy in ["noeviction", "volatile-lru"] {
        client.cmd(&format!("CONFIG SET maxmemory-policy {policy}"));
        assert!(client.err("SET k w").starts_with("OOM"));
        kvd.turn();
        assert_eq!(client.text("GET k"), "v");
    }
    client.cmd("CONFIG SET maxmemory-policy allkeys-random");
    kvd.turn();
    assert_eq!(client.int("EXISTS k"), 0);
}

#[test]
fn replicas_that_are_asked_for_and_missing_stop_writes() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd("SET k v");
    client.cmd("CONFIG SET min-replicas-to-write 1");
    let refused = "NOREPLICAS Not enough good replicas to write.";
    assert_eq!(client.err("SET k w"), refused);
    assert_eq!(client.text("GET k"), "v");
    assert_eq!(client.text("PING"), "PONG");
    let eval = |script: &str| client.cmd_words(&["EVAL", script, "1", "k"]);
    assert_eq!(eval("return redis.call('get', KEYS[1])").text(), "v");
    let line = eval("return redis.call('set', KEYS[1], 'w')").text();
    assert!(line.starts_with(refused), "{line}");
    assert_eq!(
        eval("#!lua\nreturn redis.call('get', KEYS[1])").text(),
        refused
    );
    client.cmd("MULTI");
    assert_eq!(client.err("SET k w"), refused);
    assert!(client.err("EXEC").starts_with("EXECABORT"));
    let info = client.text("INFO replication");
    assert!(info.contains("min_slaves_good_slaves:0"), "{info}");
    client.cmd("CONFIG SET min-replicas-max-lag 0");
    assert_eq!(client.text("SET k w"), "OK");
}

#[test]
fn subcommands_with_wrong_options_are_named_as_they_were_sent() {
    let client = Kvd::with(&[("enable-debug-command", "yes")]).client();
    for (line, container) in [
        ("FUNCTION ReStore a b c", "FUNCTION"),
        ("FUNCTION flush sync x", "FUNCTION"),
        ("ACL genpass 1 2", "ACL"),
        ("ACL cat a b", "ACL"),
        ("PUBSUB channels a b", "PUBSUB"),
        ("SLOWLOG get 1 2", "SLOWLOG"),
        ("DEBUG foo", "DEBUG"),
        ("XGROUP create k", "XGROUP"),
    ] {
        let subcommand = line.split(' ').nth(1).expect("two words");
        let wanted = format!(
            "ERR unknown subcommand or wrong number of arguments for '{subcommand}'. \
             Try {container} HELP."
        );
        let line = line.replace("create k", "create k g $ x");
        assert_eq!(client.err(&line), wanted);
    }
    assert_eq!(client.err("CONFIG SET maxmemory 1 x"), "ERR syntax error");
    assert_eq!(client.int("CLIENT UNBLOCK 1 not looked-at"), 0);
}

/// The two clocks of a machine tick at different moments.
#[test]
fn times_of_day_never_run_backwards() {
    let kvd = Kvd::new();
    let (monitor, client) = (kvd.client(), kvd.client());
    monitor.cmd("MONITOR");
    kvd.tick_by_ns(300_000);
    let times: Vec<Vec<String>> = (0..10).map(|_| client.cmd("TIME").texts()).collect();
    assert!(times.is_sorted());
    let lines: Vec<String> = monitor.take().iter().map(|line| line.text()).collect();
    assert_eq!(lines.len(), 10);
    assert!(lines.is_sorted(), "{lines:?}");
}
