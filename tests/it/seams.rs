//! The places where later parts join: a parked client, a nested execution, growth in steps, a
//! cursor over a store that moves its entries.

use std::collections::BTreeSet;

use fastrand::Rng;
use kvd::engine::blocked::{BlockRequest, BlockedOn, TimeoutReply};
use kvd::store::value::Kind;

use crate::harness::{Client, Kvd, Value, decode_all, request};

/// Lets a client wait for `key` as a blocking command would: `line` runs when the key changes.
fn park(kvd: &Kvd, client: &Client, key: &str, line: &str, timeout_ms: u64) {
    let mut engine = kvd.engine();
    let on = BlockedOn {
        request: BlockRequest {
            keys: vec![key.as_bytes().into()],
            kind: Some(Kind::String),
            wakes_on_delete: false,
            timeout_ms,
            on_timeout: TimeoutReply::NullArray,
            retry_after_ms: None,
            retry_as: None,
        },
        db: 0,
        args: line.split(' ').collect(),
        deadline_us: (timeout_ms > 0).then(|| engine.mono_us() + timeout_ms * 1_000),
        retry_us: None,
        ticket: engine.blocked.ticket(),
    };
    engine.blocked.enqueue(client.key(), &on);
    let parked = engine.clients.find_mut(client.key()).expect("connected");
    parked.blocked = Some(Box::new(on));
    engine.refresh_listeners();
}

#[test]
fn a_parked_client_goes_on_when_its_key_comes() {
    let kvd = Kvd::new();
    let (waits, writes) = (kvd.client(), kvd.client());
    park(&kvd, &waits, "k", "GET k", 0);
    waits.send_raw(b"PING\r\nGET k\r\nPIN");
    writes.cmd("SET other x");
    assert!(waits.is_silent());
    writes.cmd("SET k v");
    waits.send_raw(b"G\r\n");
    assert_eq!(
        waits.take_bytes(),
        b"$1\r\nv\r\n+PONG\r\n$1\r\nv\r\n+PONG\r\n"
    );
    assert!(kvd.engine().blocked.is_empty());
    assert_eq!(kvd.engine().blocked.keys(), 0);
}

#[test]
fn who_waited_longest_is_served_first() {
    let kvd = Kvd::new();
    let clients: Vec<Client> = (0..4).map(|_| kvd.client()).collect();
    for i in [2, 0, 3, 1] {
        park(&kvd, &clients[i], "n", "INCR n", 0);
    }
    kvd.client().cmd("SET n 0");
    let order: Vec<i64> = clients
        .iter()
        .map(|client| client.take_one().int())
        .collect();
    assert_eq!(order, [2, 4, 1, 3]);
}

#[test]
fn a_served_client_wakes_others() {
    let kvd = Kvd::new();
    let (first, second, third) = (kvd.client(), kvd.client(), kvd.client());
    park(&kvd, &third, "c", "GET c", 0);
    park(&kvd, &second, "b", "SET c 3", 0);
    park(&kvd, &first, "a", "SET b 2", 0);
    let writes = kvd.client();
    // All of it happens before the next command of anybody.
    writes.send_raw(b"SET a 1\r\nMGET a b c\r\n");
    assert_eq!(writes.take()[1].texts(), ["1", "2", "3"]);
    assert_eq!(third.take_one().text(), "3");
}

#[test]
fn a_transaction_serves_nobody_before_its_end() {
    let kvd = Kvd::new();
    let (waits, writes) = (kvd.client(), kvd.client());
    park(&kvd, &waits, "k", "GET k", 0);
    writes.cmd("MULTI");
    for line in ["SET k 1", "GET k", "SET k 2"] {
        writes.cmd(line);
    }
    assert!(waits.is_silent());
    assert_eq!(writes.cmd("EXEC").texts(), ["OK", "1", "OK"]);
    assert_eq!(waits.take_one().text(), "2");
}

#[test]
fn another_database_another_type_or_no_key_wakes_nobody() {
    let kvd = Kvd::new();
    let (waits, writes) = (kvd.client(), kvd.client());
    writes.cmd("SET k old");
    park(&kvd, &waits, "k", "GET k", 0);
    writes.cmd("DEL k");
    writes.cmd("SELECT 1");
    writes.cmd("SET k v");
    writes.cmd("FLUSHALL");
    assert!(waits.is_silent());
    writes.cmd("SELECT 0");
    writes.cmd("SET k new");
    assert_eq!(waits.take_one().text(), "new");
}

#[test]
fn waiting_ends_with_time_or_with_the_connection() {
    let kvd = Kvd::new();
    let (waits, leaves, writes) = (kvd.client(), kvd.client(), kvd.client());
    park(&kvd, &waits, "k", "GET k", 500);
    park(&kvd, &leaves, "k", "GET k", 500);
    waits.send("PING");
    kvd.advance_ms(499);
    assert!(waits.is_silent());
    leaves.disconnect();
    kvd.advance_ms(1);
    assert_eq!(waits.take_bytes(), b"*-1\r\n+PONG\r\n");
    assert!(kvd.engine().blocked.is_empty());
    writes.cmd("SET k v");
    assert!(waits.is_silent());
}

#[test]
fn a_move_in_vain_is_a_null_array_after_waiting_and_a_null_in_a_transaction() {
    let kvd = Kvd::new();
    let client = kvd.client();
    for line in ["BLMOVE a b LEFT LEFT 1", "BRPOPLPUSH a b 1"] {
        client.send(line);
        kvd.advance_ms(1000);
        assert_eq!(client.take_one(), Value::NullArray, "{line}");
        client.cmd("MULTI");
        client.cmd(line);
        assert_eq!(client.cmd("EXEC").items(), [Value::NullBulk], "{line}");
    }
}

#[test]
fn a_nested_command_replies_in_its_place() {
    let client = Kvd::new().client();
    client.cmd("SET text abc");
    client.cmd("MULTI");
    for line in [
        "GET text",
        "INCR text",
        "SELECT 3",
        "SET n 1",
        "HELLO 3",
        "GET none",
    ] {
        assert_eq!(client.text(line), "QUEUED");
    }
    let replies = client.cmd("EXEC");
    let replies = replies.items();
    assert_eq!(replies.len(), 6);
    assert_eq!(replies[0].text(), "abc");
    assert!(replies[1].is_error(), "the transaction goes on");
    assert_eq!(replies[4].field("proto").int(), 3);
    assert_eq!(replies[5], Value::Null);
    assert_eq!(client.text("GET n"), "1", "SELECT holds on");
}

#[test]
fn what_is_pushed_to_the_running_client_follows_its_reply() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd("HELLO 3");
    client.cmd("SUBSCRIBE c");
    client.send_raw(b"MULTI\r\nPUBLISH c x\r\nPING\r\nEXEC\r\nPING\r\n");
    let got = client.take();
    assert_eq!(got[3].items().len(), 2, "{got:?}");
    assert_eq!(got[4].texts(), ["message", "c", "x"]);
    assert_eq!(got[5].text(), "PONG");
}

/// Fills a server in batches, with little time for housekeeping between them, and answers how
/// often it was growing.
fn fill(kvd: &Kvd, keys: usize, batch: usize, check: impl Fn(&Client, usize)) -> usize {
    let client = kvd.client();
    let (mut next, mut growing) = (0, 0);
    while next < keys {
        let mut input = Vec::new();
        for i in next..(next + batch).min(keys) {
            let (key, value) = (format!("key:{i}"), i.to_string());
            input.extend(request(&["SET", &key, &value]));
        }
        next = (next + batch).min(keys);
        client.send_raw(&input);
        assert_eq!(client.take_bytes_now().len(), 5 * input_commands(&input));
        growing += usize::from(kvd.one_turn());
        check(&client, next);
    }
    growing
}

fn input_commands(input: &[u8]) -> usize {
    input.windows(3).filter(|three| three == b"SET").count()
}

#[track_caller]
fn check_keys(client: &Client, keys: impl Iterator<Item = usize>) {
    let keys: Vec<usize> = keys.collect();
    for some in keys.chunks(500) {
        let names = some.iter().map(|i| format!("key:{i}"));
        let words: Vec<String> = std::iter::once("MGET".to_owned()).chain(names).collect();
        client.send_raw(&request(&words));
        let wanted: String = some
            .iter()
            .map(|i| format!("${}\r\n{i}\r\n", i.to_string().len()))
            .collect();
        let got = String::from_utf8(client.take_bytes_now()).expect("text");
        let got = got.split_once("\r\n").expect("an array").1;
        assert!(got == wanted, "keys {}..: {got}", some[0]);
    }
}

#[test]
fn every_key_is_found_while_the_store_grows() {
    let kvd = Kvd::with(&[("shards", "4")]);
    kvd.tick_by_ns(100_000);
    let growing = fill(&kvd, 60_000, 250, |client, keys| {
        let step = (keys / 200).max(1);
        check_keys(client, (0..keys).step_by(step));
        if keys % 10_000 == 0 {
            check_keys(client, 0..keys);
            client.cmd("DBSIZE");
        }
    });
    assert!(growing > 10, "seen growing {growing} times");
    kvd.turn();
    let client = kvd.client();
    check_keys(&client, 0..60_000);
    assert_eq!(client.int("DBSIZE"), 60_000);
    kvd.engine().keyspace.check_invariants();
}

#[test]
fn what_changes_while_the_store_grows_stays_changed() {
    let kvd = Kvd::with(&[("shards", "1")]);
    kvd.tick_by_ns(300_000);
    let mut rng = Rng::with_seed(7);
    let client = kvd.client();
    let mut there = BTreeSet::new();
    for round in 0..120 {
        let mut input = Vec::new();
        for _ in 0..200 {
            let i = rng.usize(..round * 200 + 200);
            let key = format!("key:{i}");
            if rng.u8(..4) == 0 {
                input.extend(request(&["DEL", &key]));
                there.remove(&i);
            } else {
                input.extend(request(&["SET", &key, &i.to_string()]));
                there.insert(i);
            }
        }
        client.send_raw(&input);
        client.take_bytes_now();
        kvd.one_turn();
        if round % 20 == 0 {
            check_keys(&client, there.iter().copied());
            kvd.engine().keyspace.check_invariants();
        }
    }
    check_keys(&client, there.iter().copied());
    assert_eq!(client.int("DBSIZE"), there.len() as i64);
}

#[test]
fn emptying_gives_the_store_back_in_steps() {
    let kvd = Kvd::with(&[("shards", "2")]);
    fill(&kvd, 20_000, 1_000, |_, _| {});
    kvd.tick_by_ns(300_000);
    let client = kvd.client();
    client.cmd("FLUSHALL");
    assert_eq!(client.int("DBSIZE"), 0);
    check_keys_are_gone(&client);
    fill(&kvd, 5_000, 500, |client, keys| check_keys(client, 0..keys));
    kvd.turn();
    assert!(!kvd.engine().keyspace.has_work());
    check_keys(&client, 0..5_000);
}

fn check_keys_are_gone(client: &Client) {
    for i in (0..20_000).step_by(777) {
        assert_eq!(client.cmd(&format!("GET key:{i}")), Value::NullBulk);
    }
}

/// Walks with SCAN; `between` runs between two calls. Answers what was seen, in order.
fn walk(client: &Client, count: usize, mut between: impl FnMut()) -> Vec<String> {
    let mut seen = Vec::new();
    let mut cursor = "0".to_owned();
    loop {
        client.send(&format!("SCAN {cursor} COUNT {count}"));
        // No turn in between: what grows is seen half grown.
        let page = decode_all(&client.take_bytes_now()).remove(0);
        seen.extend(page.items()[1].texts());
        cursor = page.items()[0].text();
        if cursor == "0" {
            return seen;
        }
        between();
    }
}

#[test]
fn a_cursor_survives_what_swap_removal_moves() {
    for (shards, seed) in [("1", 1), ("1", 2), ("3", 3), ("64", 4), ("64", 5)] {
        let kvd = Kvd::seeded(seed, &[("shards", shards)]);
        let (walks, writes) = (kvd.client(), kvd.client());
        fill(&kvd, 600, 600, |_, _| {});
        let mut rng = Rng::with_seed(seed);
        let mut stays: BTreeSet<usize> = (0..600).collect();
        let seen = walk(&walks, 1 + rng.usize(..20), || {
            for _ in 0..rng.usize(..5) {
                let i = rng.usize(..600);
                stays.remove(&i);
                writes.cmd(&format!("DEL key:{i}"));
            }
        });
        let seen: BTreeSet<String> = seen.into_iter().collect();
        for i in &stays {
            assert!(seen.contains(&format!("key:{i}")), "seed {seed}: key:{i}");
        }
        assert!(stays.len() > 100, "enough stayed: {}", stays.len());
    }
}

#[test]
fn a_cursor_survives_growth() {
    let kvd = Kvd::with(&[("shards", "2")]);
    kvd.tick_by_ns(300_000);
    let (walks, writes) = (kvd.client(), kvd.client());
    fill(&kvd, 300, 300, |_, _| {});
    let mut next = 1_000;
    let seen = walk(&walks, 5, || {
        // A walk ends only once growth is slower than it.
        let end = (next + 200).min(8_000);
        for i in next..end {
            writes.send(&format!("SET key:{i} {i}"));
        }
        writes.take_bytes_now();
        next = end;
        kvd.one_turn();
    });
    assert!(next > 4_000, "it grew: {next}");
    let seen: BTreeSet<String> = seen.into_iter().collect();
    for i in 0..300 {
        assert!(seen.contains(&format!("key:{i}")), "key:{i}");
    }
}

#[test]
fn a_quiet_walk_sees_each_key_once() {
    for shards in ["1", "16", "256"] {
        let kvd = Kvd::with(&[("shards", shards)]);
        fill(&kvd, 1_000, 1_000, |_, _| {});
        kvd.turn();
        for count in [1, 10, 5_000] {
            let mut seen = walk(&kvd.client(), count, || {});
            assert_eq!(seen.len(), 1_000);
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), 1_000);
        }
    }
}

#[test]
fn any_cursor_is_answered() {
    let kvd = Kvd::with(&[("shards", "8")]);
    fill(&kvd, 500, 500, |_, _| {});
    let client = kvd.client();
    let mut rng = Rng::with_seed(1);
    for _ in 0..500 {
        let cursor = rng.u64(..) >> rng.u32(..64);
        let page = client.cmd(&format!("SCAN {cursor} COUNT {}", 1 + rng.u32(..100)));
        assert_eq!(page.items().len(), 2);
        assert!(
            page.items()[0]
                .text()
                .parse::<u64>()
                .is_ok_and(|next| next < 1 << 53)
        );
    }
    assert_eq!(client.err("SCAN -1"), "ERR invalid cursor");
    assert_eq!(client.err("SCAN x"), "ERR invalid cursor");
    assert_eq!(
        client.err("SCAN 18446744073709551616"),
        "ERR invalid cursor"
    );
}
