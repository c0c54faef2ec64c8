//! Client-side caching: who is told of changed keys.

use crate::harness::{Client, Kvd, Value};

fn resp3(kvd: &Kvd) -> Client {
    let client = kvd.client();
    client.cmd("HELLO 3");
    client
}

/// What a client was told since it was last asked, as text.
fn told(client: &Client) -> String {
    String::from_utf8_lossy(&client.take_bytes()).replace("\r\n", " ")
}

const INVALIDATE: &str = ">2 $10 invalidate ";

#[test]
fn a_reader_is_told_once() {
    let kvd = Kvd::new();
    let (reader, writer) = (resp3(&kvd), kvd.client());
    writer.cmd("SET k 1");
    reader.cmd("CLIENT TRACKING ON");
    reader.cmd("GET k");
    writer.cmd("SET k 2");
    assert_eq!(told(&reader), format!("{INVALIDATE}*1 $1 k "));
    writer.cmd("SET k 3");
    assert_eq!(told(&reader), "", "it has not read it again");
    reader.cmd("MGET k other");
    writer.cmd("DEL k other");
    assert_eq!(told(&reader), format!("{INVALIDATE}*1 $1 k "));
    writer.cmd("SET other 1");
    assert_eq!(told(&reader), format!("{INVALIDATE}*1 $5 other "));
    reader.cmd("CLIENT TRACKING OFF");
    reader.cmd("GET k");
    writer.cmd("SET k 4");
    assert_eq!(told(&reader), "");
}

#[test]
fn own_changes_are_told_after_the_reply() {
    let kvd = Kvd::new();
    let client = resp3(&kvd);
    client.cmd("CLIENT TRACKING ON");
    client.cmd("GET k");
    client.send("SET k 1");
    assert_eq!(told(&client), format!("+OK {INVALIDATE}*1 $1 k "));
    client.cmd("CLIENT TRACKING OFF");
    client.cmd("CLIENT TRACKING ON NOLOOP");
    client.cmd("GET k");
    client.send("SET k 1");
    assert_eq!(told(&client), "+OK ");
}

#[test]
fn expired_and_flushed_keys_are_told() {
    let kvd = Kvd::new();
    let (reader, writer) = (resp3(&kvd), kvd.client());
    reader.cmd("CLIENT TRACKING ON");
    writer.cmd("SET k 1 PX 10");
    reader.cmd("GET k");
    kvd.advance_ms(200);
    assert_eq!(told(&reader), format!("{INVALIDATE}*1 $1 k "));
    writer.cmd("FLUSHALL");
    assert_eq!(told(&reader), format!("{INVALIDATE}_ "));
}

#[test]
fn consent_is_asked_for() {
    let kvd = Kvd::new();
    let (reader, writer) = (resp3(&kvd), kvd.client());
    reader.cmd("CLIENT TRACKING ON OPTIN");
    reader.cmd("GET a");
    reader.cmd("CLIENT CACHING YES");
    reader.cmd("GET b");
    reader.cmd("GET c");
    writer.cmd("MSET a 1 b 1 c 1");
    assert_eq!(told(&reader), format!("{INVALIDATE}*1 $1 b "));
    let error = reader.err("CLIENT CACHING NO");
    assert!(error.contains("only valid when tracking is enabled in OPTOUT mode"));
    reader.cmd("CLIENT TRACKING OFF");
    reader.cmd("CLIENT TRACKING ON OPTOUT");
    reader.cmd("CLIENT CACHING NO");
    reader.cmd("GET a");
    reader.cmd("GET b");
    writer.cmd("MSET a 1 b 1");
    assert_eq!(told(&reader), format!("{INVALIDATE}*1 $1 b "));
}

#[test]
fn prefixes_are_told_of_all_changes() {
    let kvd = Kvd::new();
    let (reader, writer) = (resp3(&kvd), kvd.client());
    reader.cmd("CLIENT TRACKING ON BCAST PREFIX user: PREFIX item:");
    writer.cmd("MSET user:1 a other b");
    assert_eq!(told(&reader), format!("{INVALIDATE}*1 $6 user:1 "));
    let error = reader.err("CLIENT TRACKING ON BCAST PREFIX user:1");
    assert!(
        error.contains("overlaps with an existing prefix 'user:'"),
        "{error}"
    );
    let error = kvd.client().err("CLIENT TRACKING ON PREFIX a");
    assert_eq!(error, "ERR PREFIX option requires BCAST mode to be enabled");
    assert!(
        writer
            .text("INFO stats")
            .contains("tracking_total_prefixes:2")
    );
}

#[test]
fn another_connection_may_be_told() {
    let kvd = Kvd::new();
    let (reader, listener, writer) = (kvd.client(), kvd.client(), kvd.client());
    let id = listener.int("CLIENT ID");
    listener.cmd("SUBSCRIBE __redis__:invalidate");
    reader.cmd(&format!("CLIENT TRACKING ON REDIRECT {id}"));
    assert_eq!(reader.int("CLIENT GETREDIR"), id);
    reader.cmd("GET k");
    writer.cmd("SET k 1");
    assert_eq!(
        told(&listener),
        "*3 $7 message $20 __redis__:invalidate *1 $1 k "
    );
    listener.disconnect();
    reader.cmd("GET k");
    writer.cmd("SET k 2");
    let info = format!("{:?}", reader.cmd("CLIENT TRACKINGINFO"));
    assert!(info.contains("broken_redirect"), "{info}");
    assert!(matches!(reader.cmd("RESET"), Value::Simple(_)));
    assert_eq!(reader.int("CLIENT GETREDIR"), -1);
}

#[test]
fn the_table_is_bounded() {
    let kvd = Kvd::with(&[("tracking-table-max-keys", "10")]);
    let (reader, writer) = (resp3(&kvd), kvd.client());
    reader.cmd("CLIENT TRACKING ON");
    for i in 0..50 {
        reader.send(&format!("GET key{i}"));
    }
    let text = told(&reader);
    assert_eq!(text.matches("invalidate").count(), 40, "{text}");
    assert!(writer.text("INFO stats").contains("tracking_total_keys:10"));
}

#[test]
fn the_table_is_bounded_however_much_is_read() {
    let kvd = Kvd::with(&[("tracking-table-max-keys", "10")]);
    let client = resp3(&kvd);
    client.cmd("CLIENT TRACKING ON");
    let names: Vec<String> = (0..20_000).map(|n| format!("key:{n}")).collect();
    client.send(&format!("MGET {}", names.join(" ")));
    client.take_bytes();
    let info = kvd.client().text("INFO stats");
    assert!(info.contains("tracking_total_keys:10\r\n"), "{info}");
    client.take_bytes();
    kvd.client()
        .cmd("CONFIG SET tracking-table-max-keys 100000");
    client.send(&format!("MGET {}", names.join(" ")));
    client.take_bytes();
    kvd.client().cmd("CONFIG SET tracking-table-max-keys 5");
    kvd.turn();
    let info = kvd.client().text("INFO stats");
    assert!(info.contains("tracking_total_keys:5\r\n"), "{info}");
}

#[test]
fn of_a_script_the_keys_it_read_are_remembered() {
    let kvd = Kvd::new();
    let (reader, writer) = (resp3(&kvd), kvd.client());
    reader.cmd("CLIENT TRACKING ON");
    for eval in ["EVAL", "EVAL_RO"] {
        reader.cmd_words(&[eval, "return redis.call('get', KEYS[2])", "2", "a", "b"]);
        writer.cmd("MSET a 1 b 1");
        assert_eq!(told(&reader), format!("{INVALIDATE}*1 $1 b "), "{eval}");
        reader.cmd_words(&[eval, "return redis.call('ping')", "2", "a", "b"]);
        writer.cmd("MSET a 1 b 1");
        assert_eq!(told(&reader), "", "{eval}");
    }
}

#[test]
fn evicted_keys_are_told_at_once() {
    let kvd = Kvd::with(&[
        ("maxmemory", "1mb"),
        ("maxmemory-policy", "volatile-random"),
    ]);
    let client = resp3(&kvd);
    kvd.machine.used_bytes.set(1 << 19);
    client.cmd("CLIENT TRACKING ON");
    client.cmd("SETEX k 100 v");
    client.cmd("GET k");
    kvd.machine.used_bytes.set(2 << 20);
    client.send("PING");
    assert_eq!(told(&client), format!("+PONG {INVALIDATE}*1 $1 k "));
}
