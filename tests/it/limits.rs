//! What clients may keep of their requests and replies.

use crate::harness::{Client, Kvd, Value, request, words};

#[test]
fn unread_output_is_limited() {
    let kvd = Kvd::new();
    let (me, reader) = (kvd.client(), kvd.client());
    me.cmd(&format!("SET k {}", "v".repeat(100_000)));
    me.cmd("CONFIG SET client-output-buffer-limit \"normal 20000 0 0\"");
    reader.send("GET k");
    assert!(reader.is_closing());
    let info = me.text("INFO stats");
    let wanted = "client_output_buffer_limit_disconnections:1\r\n";
    assert!(info.contains(wanted), "{info}");
    me.cmd("CONFIG SET client-output-buffer-limit \"normal 0 20000 1\"");
    let reader = kvd.client();
    reader.send("GET k");
    kvd.advance_ms(900);
    assert!(!reader.is_closing());
    kvd.advance_ms(200);
    assert!(reader.is_closing());
}

#[test]
fn all_clients_together_are_limited() {
    let kvd = Kvd::new();
    let (me, greedy, protected) = (kvd.client(), kvd.client(), kvd.client());
    protected.cmd("CLIENT NO-EVICT on");
    for client in [&greedy, &protected] {
        client.cmd("MULTI");
        client.cmd(&format!("SET k {}", "v".repeat(200_000)));
    }
    me.cmd("CONFIG SET maxmemory-clients 100kb");
    kvd.advance_ms(100);
    assert!(greedy.is_closing());
    assert!(!protected.is_closing() && !me.is_closing());
    assert!(me.text("INFO stats").contains("evicted_clients:1\r\n"));
}

/// Not only ten times a second: a slow reader may be left with a lot within one turn.
#[test]
fn a_reader_that_falls_behind_counts_at_once() {
    let kvd = Kvd::new();
    let (me, reader) = (kvd.client(), kvd.client());
    me.cmd("CONFIG SET maxmemory-clients 1mb");
    me.cmd(&format!("SET k {}", "v".repeat(400_000)));
    for _ in 0..3 {
        assert!(!reader.is_closing());
        reader.send("GET k");
        kvd.turn();
    }
    assert!(reader.is_closing());
    // What a client tracks is its own.
    let tracker = kvd.client();
    tracker.cmd("HELLO 3");
    for n in 0..20 {
        let name = format!("{n}{}", "p".repeat(60_000));
        tracker.send(&format!("CLIENT TRACKING ON BCAST PREFIX {name}"));
    }
    kvd.advance_ms(200);
    assert!(tracker.is_closing());
}

/// Without waiting for the next look at all clients.
#[test]
fn what_clients_send_counts_at_once() {
    let kvd = Kvd::new();
    let (me, first, second) = (kvd.client(), kvd.client(), kvd.client());
    me.cmd("CONFIG SET maxmemory-clients 1mb");
    let part = vec![b'v'; 60_000];
    for client in [&first, &second] {
        client.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$800000\r\n");
    }
    for _ in 0..10 {
        first.send_raw(&part);
    }
    assert!(!first.is_closing());
    for _ in 0..7 {
        second.send_raw(&part);
    }
    assert!(first.is_closing() && !second.is_closing());
    // Who has been served makes room for others.
    me.cmd("CONFIG SET maxmemory-clients 1500kb");
    let third = kvd.client();
    for _ in 0..20 {
        third.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$300000\r\n");
        for _ in 0..5 {
            third.send_raw(&part);
        }
        third.send_raw(b"\r\n");
    }
    assert!(!second.is_closing() && !third.is_closing());
}

#[test]
fn a_request_is_limited() {
    let kvd = Kvd::new();
    let (me, client) = (kvd.client(), kvd.client());
    me.cmd("CONFIG SET client-query-buffer-limit 1mb");
    let mut request = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2000000\r\n".to_vec();
    request.resize(1_500_000, b'v');
    for chunk in request.chunks(60_000) {
        client.send_raw(chunk);
    }
    assert!(client.is_closing());
    assert!(
        me.text("INFO stats")
            .contains("client_query_buffer_limit_disconnections:1\r\n")
    );
}

#[test]
fn the_command_of_a_client_that_waits_counts_as_its_memory() {
    let kvd = Kvd::new();
    let (me, waits) = (kvd.client(), kvd.client());
    let key = "k".repeat(100_000);
    waits.send(&format!("BLPOP {key} 0"));
    let line = me.text("CLIENT LIST FLAGS b");
    let memory = |field: &str| -> usize {
        let text = line.split(' ').find_map(|part| part.strip_prefix(field));
        text.and_then(|text| text.parse().ok()).expect("a number")
    };
    assert!(
        memory("argv-mem=") >= 200_000 && memory("tot-mem=") >= 200_000,
        "{line}"
    );
}

#[test]
fn what_waits_for_exec_or_the_end_of_a_pause_is_limited() {
    let kvd = Kvd::with(&[("client-query-buffer-limit", "1mb")]);
    let (queueing, paused) = (kvd.client(), kvd.client());
    let set = request(&["SET", "k", &"v".repeat(10_000)]);
    queueing.cmd("MULTI");
    let queued = (0..200).take_while(|_| {
        queueing.send_raw(&set);
        !queueing.is_closing()
    });
    assert!((100..110).contains(&queued.count()));

    queueing.disconnect();
    kvd.client().cmd("CLIENT PAUSE 100000 WRITE");
    let large = request(&["SET", "k", &"v".repeat(300_000)]);
    large.chunks(60_000).for_each(|chunk| {
        paused.send_raw(chunk);
    });
    let kept = (0..200).take_while(|_| {
        paused.send_raw(&set);
        !paused.is_closing()
    });
    assert!((60..110).contains(&kept.count()));
}

#[test]
fn who_reads_is_not_idle() {
    let kvd = Kvd::with(&[("timeout", "10")]);
    let (reads, waits) = (kvd.client(), kvd.client());
    for client in [&reads, &waits] {
        client.send("SET k v");
    }
    kvd.advance_ms(9_000);
    reads.take_bytes();
    kvd.advance_ms(9_000);
    assert!(!reads.is_closing() && waits.is_closing());
}

/// CVE-2025-21605: whoever could connect could fill the memory with errors that it did not read.
#[test]
fn unread_output_of_strangers_is_limited() {
    let kvd = Kvd::with(&[("requirepass", "secret")]);
    let (greedy, modest) = (kvd.client(), kvd.client());
    for _ in 0..100 {
        modest.send("GET a");
        greedy.send("GET a");
    }
    assert_eq!(modest.take().len(), 100);
    assert!(!modest.is_closing());
    for _ in 0..1_000 {
        greedy.send("GET a");
    }
    assert!(greedy.is_closing());
    assert_eq!(modest.text("AUTH secret"), "OK");
}

/// Draws with repetition from a collection of one element, far more than fit into memory.
const DRAWS: [&str; 6] = [
    "SRANDMEMBER set -999999999999",
    "HRANDFIELD hash -999999999999",
    "HRANDFIELD hash -999999999999 WITHVALUES",
    "ZRANDMEMBER zset -999999999999",
    "ZRANDMEMBER zset -999999999999 WITHSCORES",
    "HRANDFIELD bighash -999999999999",
];

fn fill_for_draws(client: &Client) {
    client.cmd("SADD set member");
    client.cmd("HSET hash field value");
    client.cmd("ZADD zset 1 member");
    for n in 0..1_000 {
        client.cmd(&format!("HSET bighash {n} {n}"));
    }
}

#[test]
fn draws_end_where_the_client_is_closed_for_its_output() {
    let kvd = Kvd::with(&[(
        "client-output-buffer-limit",
        "normal 1mb 0 0 pubsub 2mb 0 0",
    )]);
    let me = kvd.client();
    fill_for_draws(&me);
    let disconnections = || {
        let text = me.text("INFO stats");
        let field = "client_output_buffer_limit_disconnections:";
        let line = text.lines().find_map(|line| line.strip_prefix(field));
        line.expect("a field").parse::<usize>().expect("a number")
    };
    for (done, line) in DRAWS.iter().enumerate() {
        let other = kvd.client();
        // What follows in the same pipeline does not run any more.
        let pipeline = [request(&words(line)), request(&["SET", "later", "x"])].concat();
        other.send_raw(&pipeline);
        assert!(other.is_closing(), "{line}");
        assert_eq!(disconnections(), done + 1, "{line}");
        let unread = other.take_bytes_now();
        assert!(unread.len() < 1_000, "{line}: {} bytes kept", unread.len());
        other.disconnect();
    }
    assert_eq!(me.int("EXISTS later"), 0);
    // What fits is answered, whoever asks for it.
    assert_eq!(me.cmd("SRANDMEMBER set -50000").items().len(), 50_000);
}

#[test]
fn values_that_are_named_again_and_again_end_there_too() {
    let kvd = bounded();
    let me = kvd.client();
    me.cmd(&format!("MSET big {0} w_a {0}", "v".repeat(10_000)));
    me.cmd(&format!("HSET hash big {}", "v".repeat(10_000)));
    me.cmd("RPUSH list a");
    for line in [
        format!("MGET{}", " big".repeat(10_000)),
        format!("HMGET hash{}", " big".repeat(10_000)),
        format!("SORT list ALPHA{}", " GET w_*".repeat(10_000)),
    ] {
        let client = kvd.client();
        client.send(&line);
        assert!(client.is_closing(), "{}", &line[..10]);
        let kept = kept_bytes(&kvd, &client);
        assert!(kept < 4 << 20, "{kept} bytes");
    }
    assert_eq!(me.text("PING"), "PONG");
}

#[test]
fn draws_in_a_transaction_end_there_too_and_the_others_run() {
    let kvd = bounded();
    let (me, other) = (kvd.client(), kvd.client());
    fill_for_draws(&me);
    other.cmd("MULTI");
    for line in DRAWS.iter().chain(&["SET after x"]) {
        other.cmd(line);
    }
    other.send("EXEC");
    assert!(other.is_closing());
    assert_eq!(me.text("GET after"), "x");
}

#[test]
fn keys_end_there_too() {
    let kvd = bounded();
    let (me, other) = (kvd.client(), kvd.client());
    let name = "k".repeat(1_000);
    let names: String = (0..20_000).map(|n| format!(" {name}{n} v")).collect();
    me.send(&format!("MSET{names}"));
    other.send("KEYS *");
    assert!(other.is_closing());
    let kept = kept_bytes(&kvd, &other);
    assert!(kept < 12 << 20, "{kept} bytes");
}

/// A server that closes a client for which more than a megabyte waits.
fn bounded() -> Kvd {
    Kvd::with(&[("client-output-buffer-limit", "normal 1mb 0 0")])
}

/// Bytes of replies that are kept for a client.
fn kept_bytes(kvd: &Kvd, client: &Client) -> usize {
    let engine = kvd.engine();
    let found = engine.clients.find(client.key());
    found.map_or(0, |client| client.outbox.heap_bytes())
}

#[test]
fn a_transaction_of_many_large_replies_runs_whole_and_its_reply_is_given_up() {
    let kvd = Kvd::with(&[
        ("client-output-buffer-limit", "normal 1mb 0 0"),
        ("appendonly", "yes"),
        ("enable-debug-command", "yes"),
    ]);
    let (me, other) = (kvd.client(), kvd.client());
    me.cmd(&format!("SET big {}", "v".repeat(15_000)));
    other.cmd("MULTI");
    for _ in 0..1_000 {
        other.cmd("GET big");
        other.cmd("INCR reads");
    }
    other.send("EXEC");
    assert!(other.is_closing());
    assert!(kept_bytes(&kvd, &other) < 4 << 20);
    assert_eq!(me.text("GET reads"), "1000");
    assert_eq!(me.text("DEBUG LOADAOF"), "OK");
    assert_eq!(me.text("GET reads"), "1000");
    // One that fits is answered.
    me.cmd("MULTI");
    (0..60).for_each(|_| drop(me.cmd("GET big")));
    assert_eq!(me.cmd("EXEC").items().len(), 60);
}

#[test]
fn who_has_asked_for_silence_is_not_closed_for_its_output() {
    let kvd = bounded();
    let me = kvd.client();
    me.cmd(&format!("SET big {}", "v".repeat(15_000)));
    me.send("CLIENT REPLY OFF");
    me.send(&format!("MGET{}", " big".repeat(1_000)));
    me.send("MULTI");
    for _ in 0..200 {
        me.send("GET big");
    }
    me.send("INCR runs");
    me.send("EXEC");
    assert!(!me.is_closing());
    assert_eq!(me.text("CLIENT REPLY ON"), "OK");
    assert_eq!(me.text("GET runs"), "1");
}

#[test]
fn a_script_that_returns_the_same_text_many_times_has_run_and_its_reply_is_given_up() {
    let kvd = bounded();
    let me = kvd.client();
    for value in ["t", "{map = t}", "{{t, t}, t}"] {
        let client = kvd.client();
        let script = format!(
            "redis.call('INCR', 'runs') \
             local s, t = string.rep('v', 15000), {{}} \
             for i = 1, 20000 do t[i] = s end \
             return {value}"
        );
        client.send_raw(&request(&["EVAL", &script, "0"]));
        assert!(client.is_closing(), "{value}");
        assert!(kept_bytes(&kvd, &client) < 4 << 20, "{value}");
    }
    assert_eq!(me.text("GET runs"), "3");
}

#[test]
fn the_limit_of_subscribers_is_their_own() {
    let kvd = Kvd::with(&[(
        "client-output-buffer-limit",
        "normal 1mb 0 0 pubsub 64kb 0 0",
    )]);
    let me = kvd.client();
    me.cmd("SADD set member");
    me.cmd("HELLO 3");
    me.cmd("SUBSCRIBE channel");
    assert_eq!(me.cmd("SRANDMEMBER set -1000").items().len(), 1_000);
    me.send("SRANDMEMBER set -10000");
    assert!(me.is_closing());
}

#[test]
fn without_a_limit_draws_are_refused_beyond_what_fits() {
    let kvd = Kvd::new();
    let client = kvd.client();
    fill_for_draws(&client);
    for line in DRAWS {
        assert_eq!(client.err(line), "ERR value is out of range", "{line}");
    }
    // A script makes a table of them, and no limit on output counts it.
    client.cmd("CONFIG SET client-output-buffer-limit \"normal 20000 0 0\"");
    let script = "return #redis.call('SRANDMEMBER', 'set', ARGV[1])";
    let refused = client.cmd_words(&["EVAL", script, "0", "-16777217"]);
    assert!(
        refused.text().contains("value is out of range"),
        "{refused:?}"
    );
    let counted = client.cmd_words(&["EVAL", script, "0", "-100000"]);
    assert_eq!(counted, Value::Int(100_000));
}

#[test]
fn many_clients_are_idle_no_longer_than_few() {
    let kvd = Kvd::with(&[("timeout", "1")]);
    let clients: Vec<_> = (0..3_000).map(|_| kvd.client()).collect();
    (0..22).for_each(|_| kvd.advance_ms(100));
    let open = clients.iter().filter(|client| !client.is_closing()).count();
    assert_eq!(open, 0);
}
