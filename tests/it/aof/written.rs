//! What commands are written as.

use super::Logged;

/// Asserts what a script is written as: lines separated by `;`.
#[track_caller]
fn assert_written(script: &str, wanted: &str) {
    let wanted: Vec<&str> = wanted.split(';').map(str::trim).collect();
    let written = Logged::written(script);
    assert_eq!(written, wanted, "{script}");
}

#[test]
fn times_are_written_as_dates() {
    // The clock of a test stands at 1700000000000.
    assert_written("SET k v EX 10", "SET k v PXAT 1700000010000");
    assert_written("SET k v PX 10 GET", "SET k v PXAT 1700000000010");
    assert_written("SETEX k 1 v", "SET k v PXAT 1700000001000");
    assert_written("SET k v; EXPIRE k 5", "SET k v; PEXPIREAT k 1700000005000");
    assert_written(
        "SET k v; PEXPIRE k 5 NX",
        "SET k v; PEXPIREAT k 1700000000005",
    );
    assert_written(
        "SET k v; GETEX k EX 1",
        "SET k v; PEXPIREAT k 1700000001000",
    );
    assert_written(
        "SET k v EX 1; GETEX k PERSIST",
        "SET k v PXAT 1700000001000; PERSIST k",
    );
    assert_written("SET k v; EXPIRE k -1", "SET k v; UNLINK k");
    assert_written(
        "HSET h f v; HPEXPIRE h 50 FIELDS 1 f",
        "HSET h f v; HPEXPIREAT h 1700000000050 FIELDS 1 f",
    );
    assert_written("SET k v; GETDEL k", "SET k v; UNLINK k");
}

#[test]
fn numbers_are_written_as_results() {
    assert_written("INCRBYFLOAT n 1.5", "SET n 1.5 KEEPTTL");
    assert_written("HINCRBYFLOAT h f 1.5", "HSET h f 1.5");
    assert_written("INCR n; INCRBY n 5", "INCR n; INCRBY n 5");
}

#[test]
fn chance_is_written_as_its_outcome() {
    assert_written("SADD s a; SPOP s", "SADD s a; SREM s a");
    assert_written("SADD s 1 2 3; SPOP s 3", "SADD s 1 2 3; UNLINK s");
}

#[test]
fn transactions_lie_between_multi_and_exec() {
    assert_written(
        "MULTI; SET a 1; SET b 2; EXEC",
        "MULTI; SET a 1; SET b 2; EXEC",
    );
    assert_written("MULTI; SET a 1; GET a; EXEC", "SET a 1");
    assert_written("MULTI; GET a; EXEC; SET b 1", "SET b 1");
    assert_written(
        "MULTI; SET a 1; SELECT 2; SET a 2; EXEC; SET c 3",
        "MULTI; SET a 1; SELECT 2; SET a 2; EXEC; SET c 3",
    );
}

/// Servers that do not know REPLACE read the log too.
#[test]
fn a_move_that_replaces_is_written_as_a_removal_and_a_move() {
    assert_written(
        "SET k v; SELECT 1; SET k w; SELECT 0; MOVE k 1 REPLACE",
        "SET k v; SELECT 1; SET k w; MULTI; DEL k; SELECT 0; MOVE k 1; EXEC",
    );
    assert_written("SET k v; MOVE k 1 REPLACE", "SET k v; MOVE k 1");
}

#[test]
fn blocked_clients_are_written_after_what_woke_them() {
    let logged = Logged::new();
    let (waiting, client) = (logged.kvd.client(), logged.kvd.client());
    waiting.send("BLPOP l 0");
    client.cmd("RPUSH l a b");
    assert_eq!(logged.commands(), ["SELECT 0", "RPUSH l a b", "LPOP l"]);
    waiting.take();
    waiting.send("BLMOVE l2 l3 LEFT RIGHT 0");
    client.cmd("RPUSH l2 x");
    assert_eq!(
        logged.commands()[3..],
        ["RPUSH l2 x", "LMOVE l2 l3 LEFT RIGHT"]
    );
}

#[test]
fn expired_keys_are_written_as_removed() {
    let logged = Logged::new();
    let client = logged.kvd.client();
    client.cmd("SET k v PX 10");
    logged.kvd.advance_ms(11);
    client.cmd("GET k");
    assert_eq!(logged.commands()[2..], ["UNLINK k"]);
    client.cmd("HSET h f v g w");
    client.cmd("HPEXPIRE h 10 FIELDS 1 f");
    logged.kvd.advance_ms(1000);
    client.cmd("HGETALL h");
    assert_eq!(
        logged.commands().last().map(String::as_str),
        Some("HDEL h f")
    );
}

/// Servers without policies for references read the log too.
#[test]
fn trimming_is_written_without_the_policy_that_is_meant_anyway() {
    assert_written("XADD s MAXLEN 1 1-1 f v", "XADD s MAXLEN = 1 1-1 f v");
    assert_written("XADD s MAXLEN ~ 0 1-1 f v", "XADD s MAXLEN = 0 1-1 f v");
    assert_written(
        "XADD s KEEPREF MINID 0-1 1-1 f v",
        "XADD s MINID = 0-1 1-1 f v",
    );
    assert_written(
        "XADD s ACKED MAXLEN 1 1-1 f v",
        "XADD s ACKED MAXLEN = 1 1-1 f v",
    );
    assert_written(
        "XADD s 1-1 f v; XTRIM s MAXLEN ~ 0",
        "XADD s 1-1 f v; XTRIM s MAXLEN = 0",
    );
    assert_written(
        "XADD s 1-1 f v; XTRIM s MAXLEN ~ 0 DELREF",
        "XADD s 1-1 f v; XTRIM s MAXLEN = 0 DELREF",
    );
}

#[test]
fn nothing_is_written_for_what_changed_nothing() {
    let script = "SET a 1; DEL b; SET a 2 NX; SREM s x; GET a; EXPIRE b 5; PERSIST a; LPOP l; \
                  LPUSHX l x; HDEL h f; ZREM z m; SETRANGE e 0 \"\"; RENAMENX a a";
    assert_written(script, "SET a 1");
}
