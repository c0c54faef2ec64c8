//! HOTKEYS: which keys are used most, which are the biggest; and the same in INFO and on the
//! metrics port.

mod big;
mod session;

use crate::harness::{Client, Kvd, Value};

/// A server that looks at every command.
fn exact() -> Kvd {
    Kvd::with(&[("hotkeys-sampling-percentage", "100")])
}

/// Lets the window end that was begun.
fn end_window(kvd: &Kvd) {
    kvd.advance_ms(10_000);
}

/// The names in a list of keys.
fn names(list: &Value) -> Vec<String> {
    let name = |key: &Value| key.field("key").text();
    list.items().iter().map(name).collect()
}

fn repeat(client: &Client, count: usize, line: &str) {
    for _ in 0..count {
        client.cmd(line);
    }
}

fn info(client: &Client, name: &str) -> String {
    let text = client.text("INFO all");
    let found = text.lines().find_map(|line| line.strip_prefix(name));
    let value = found.and_then(|rest| rest.strip_prefix(':'));
    value
        .unwrap_or_else(|| panic!("no {name} in {text}"))
        .to_owned()
}

#[test]
fn the_keys_used_most_are_told_without_being_asked_to_count() {
    let kvd = exact();
    let client = kvd.client();
    assert_eq!(client.cmd("HOTKEYS GET"), Value::Array(vec![]));
    repeat(&client, 50, "SET written v");
    repeat(&client, 100, "GET missing");
    client.cmd("SELECT 3");
    repeat(&client, 20, "GET missing");
    client.cmd("MGET a b");
    assert_eq!(client.cmd("HOTKEYS GET"), Value::Array(vec![]));
    end_window(&kvd);
    let entry = |key: &str, db, qps| {
        let text = |text: &str| Value::Bulk(text.into());
        let number = Value::Int;
        [
            (text("key"), text(key)),
            (text("db"), number(db)),
            (text("qps"), number(qps)),
        ]
    };
    let wanted = [
        entry("missing", 0, 10),
        entry("written", 0, 5),
        entry("missing", 3, 2),
        entry("a", 3, 0),
        entry("b", 3, 0),
    ];
    let flat = |entry: &[(Value, Value); 3]| {
        let words = entry.iter().flat_map(|(k, v)| [k.clone(), v.clone()]);
        Value::Array(words.collect())
    };
    let list = client.cmd("HOTKEYS GET");
    assert_eq!(list, Value::Array(wanted.iter().map(flat).collect()));
    client.cmd("HELLO 3");
    let maps = wanted.map(|entry| Value::Map(entry.to_vec()));
    assert_eq!(client.cmd("HOTKEYS GET"), Value::Array(maps.to_vec()));
}

#[test]
fn a_window_that_is_over_is_told_until_the_next_one_is() {
    let kvd = exact();
    let client = kvd.client();
    repeat(&client, 10, "GET a");
    end_window(&kvd);
    assert_eq!(names(&client.cmd("HOTKEYS GET")), ["a"]);
    repeat(&client, 10, "GET b");
    kvd.advance_ms(9_000);
    assert_eq!(names(&client.cmd("HOTKEYS GET")), ["a"]);
    kvd.advance_ms(2_000);
    let list = client.cmd("HOTKEYS GET");
    assert_eq!(names(&list), ["b"]);
    assert_eq!(
        list.items()[0].field("qps").int(),
        0,
        "ten in eleven seconds"
    );
    end_window(&kvd);
    assert_eq!(names(&client.cmd("HOTKEYS GET")), [""; 0]);
    // What took more than twice as long as it should is no news.
    repeat(&client, 10, "GET c");
    kvd.advance_ms(21_000);
    assert_eq!(names(&client.cmd("HOTKEYS GET")), [""; 0]);
}

#[test]
fn so_many_keys_are_told() {
    let kvd = exact();
    let client = kvd.client();
    for n in 0..40 {
        repeat(&client, n, &format!("GET key:{n}"));
    }
    end_window(&kvd);
    let list = names(&client.cmd("HOTKEYS GET"));
    assert_eq!(list.len(), 16);
    assert_eq!(list[..2], ["key:39", "key:38"]);
    client.cmd("CONFIG SET hotkeys-top-k 3");
    let list = names(&client.cmd("HOTKEYS GET"));
    assert_eq!(list, ["key:39", "key:38", "key:37"], "what is there stays");
    client.cmd("CONFIG SET hotkeys-top-k 0");
    assert_eq!(client.cmd("HOTKEYS GET"), Value::NullBulk);
    assert_eq!(client.text("HOTKEYS RESET"), "OK");
    client.cmd("HELLO 3");
    assert_eq!(client.cmd("HOTKEYS GET"), Value::Null);
    assert_eq!(client.cmd("HOTKEYS TOP"), Value::Array(vec![]));
}

#[test]
fn what_was_counted_can_be_forgotten() {
    let kvd = exact();
    let client = kvd.client();
    let fill = |client: &Client| {
        client.cmd("SELECT 0");
        repeat(client, 2, "GET a");
        end_window(&kvd);
        repeat(client, 2, "GET a");
        client.cmd("SELECT 1");
        repeat(client, 2, "GET b");
        end_window(&kvd);
        assert_eq!(names(&client.cmd("HOTKEYS GET")), ["a", "b"]);
        repeat(client, 2, "GET b");
    };
    fill(&client);
    client.cmd("CONFIG RESETSTAT");
    assert_eq!(names(&client.cmd("HOTKEYS GET")), ["a", "b"]);
    client.cmd("FLUSHDB");
    assert_eq!(names(&client.cmd("HOTKEYS GET")), ["a"]);
    end_window(&kvd);
    assert_eq!(names(&client.cmd("HOTKEYS GET")), [""; 0]);
    fill(&client);
    client.cmd("FLUSHALL");
    assert_eq!(names(&client.cmd("HOTKEYS GET")), [""; 0]);
    fill(&client);
    assert_eq!(client.text("HOTKEYS RESET"), "OK");
    assert_eq!(names(&client.cmd("HOTKEYS GET")), [""; 0]);
    end_window(&kvd);
    assert_eq!(names(&client.cmd("HOTKEYS GET")), [""; 0]);
}

#[test]
fn a_few_commands_stand_for_many() {
    let kvd = Kvd::new();
    let client = kvd.client();
    let mut batch = Vec::new();
    for n in 0..1_000 {
        for key in ["hot", "hot", "hot", "warm", &format!("cold:{n}")] {
            batch.extend(crate::harness::request(&["GET", key]));
        }
    }
    for _ in 0..200 {
        client.send_raw(&batch);
        client.take_bytes();
    }
    end_window(&kvd);
    let samples: u64 = info(&client, "hotkeys_last_window_samples")
        .parse()
        .expect("a number");
    assert!((5_000..30_000).contains(&samples), "{samples} of a million");
    let list = client.cmd("HOTKEYS GET");
    assert_eq!(names(&list)[..2], ["hot", "warm"]);
    let qps = |at: usize| list.items()[at].field("qps").int();
    assert!((54_000..66_000).contains(&qps(0)), "{}", qps(0));
    assert!((17_000..23_000).contains(&qps(1)), "{}", qps(1));
}

#[test]
fn a_heavy_command_is_never_missed() {
    let kvd = Kvd::new();
    let client = kvd.client();
    let light = crate::harness::request(&["GET", "light"]).repeat(1_000);
    for _ in 0..100 {
        client.send_raw(&light);
        client.take_bytes();
    }
    for n in 0..3 {
        client.cmd_words(&[
            &b"SET"[..],
            format!("large:{n}").as_bytes(),
            &[b'x'; 100_000],
        ]);
    }
    end_window(&kvd);
    let list = client.cmd("HOTKEYS TOP NET");
    for n in 0..3 {
        let found = list
            .items()
            .iter()
            .find(|key| key.field("key").text() == format!("large:{n}"));
        let bytes = found.expect("it is told").field("bytes_per_second").int();
        assert!((10_000..10_010).contains(&bytes), "{bytes}");
    }
}

#[test]
fn keys_are_ordered_by_what_is_asked_for() {
    let kvd = exact();
    let client = kvd.client();
    client.cmd_words(&[&b"SET"[..], b"large", &[b'x'; 3_000]]);
    repeat(&client, 100, "GET often");
    repeat(&client, 50, "GET large");
    kvd.tick_by_ns(1_000_000);
    repeat(&client, 19, "GET slow");
    kvd.tick_by_ns(0);
    end_window(&kvd);
    let first = |line: &str| names(&client.cmd(line))[0].clone();
    assert_eq!(first("HOTKEYS TOP"), "often");
    assert_eq!(first("HOTKEYS TOP CALLS"), "often");
    assert_eq!(first("hotkeys top net"), "large");
    assert_eq!(first("HOTKEYS TOP CPU"), "slow");
    let slow = client.cmd("HOTKEYS TOP CPU COUNT 1");
    let [slow] = slow.items() else {
        panic!("one key: {slow:?}")
    };
    assert_eq!(slow.field("db").int(), 0);
    assert_eq!(slow.field("qps").int(), 1);
    assert!(slow.field("cpu_us_per_second").int() >= 1_000);
    assert!(slow.field("bytes_per_second").int() > 10);
    assert_eq!(client.err("HOTKEYS TOP SIZE"), "ERR syntax error");
    assert_eq!(client.err("HOTKEYS TOP COUNT"), "ERR syntax error");
    assert_eq!(
        client.err("HOTKEYS TOP COUNT 0"),
        "ERR COUNT should be greater than 0"
    );
}

#[test]
fn names_are_for_administrators() {
    let kvd = exact();
    let admin = kvd.client();
    admin.cmd("ACL SETUSER u on nopass ~* +@all -@admin");
    repeat(&admin, 5, "SET secret v");
    end_window(&kvd);
    let user = kvd.client();
    user.cmd("AUTH u x");
    for line in ["GET", "TOP", "BIG", "START METRICS 1 CPU", "STOP", "RESET"] {
        let refusal = user.err(&format!("HOTKEYS {line}"));
        assert!(refusal.starts_with("NOPERM "), "{refusal}");
    }
    assert!(!user.text("INFO everything").contains("secret"));
    let script = admin.err("EVAL \"return redis.call('HOTKEYS','GET')\" 0");
    assert!(script.contains("not allowed from script"), "{script}");
}

#[test]
fn names_that_are_too_long_are_not_kept() {
    let kvd = exact();
    let client = kvd.client();
    let (long, longer) = ("x".repeat(512), "x".repeat(513));
    repeat(&client, 2, &format!("SET {long} v"));
    repeat(&client, 3, &format!("SET {longer} v"));
    end_window(&kvd);
    assert_eq!(names(&client.cmd("HOTKEYS GET")), [&*long]);
    assert_eq!(names(&client.cmd("HOTKEYS BIG")), [&*long]);
    assert_eq!(info(&client, "hotkeys_skipped_long_names"), "3");
}

#[test]
fn figures_are_in_info_and_on_the_metrics_port() {
    let kvd = exact();
    let (client, browser) = (kvd.client(), kvd.browser().expect("a connection"));
    client.cmd_words(&[&b"SET"[..], b"<large>", &[b'x'; 1_000]]);
    repeat(&client, 300, "GET <hot>");
    repeat(&client, 99, "GET <warm>");
    assert!(!client.text("INFO").contains("# Hotkeys"));
    end_window(&kvd);
    let text = client.text("INFO hotkeys");
    for line in [
        "# Hotkeys",
        "hotkeys_last_window_samples:400",
        "hotkeys_last_window_duration_ms:10000",
        "hotkeys_sampled_one_in:1",
        "hotkeys_top_calls:qps=30,percent=75.00",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    let bytes = client.int("MEMORY USAGE <large>");
    let wanted = format!("bytes={bytes},elements=1000");
    assert_eq!(info(&client, "bigkeys_string"), wanted);
    let get = |path: &str| {
        browser.send_raw(format!("GET {path} HTTP/1.1\r\nHost: kvd\r\n\r\n").as_bytes());
        String::from_utf8(browser.take_bytes()).expect("text")
    };
    let metrics = get("/metrics");
    for line in [
        "kvd_hot_key_samples 400",
        "kvd_hottest_key_calls_per_second{by=\"calls\"} 30",
        "kvd_hottest_key_percent{by=\"calls\"} 75.00",
        "kvd_biggest_key_elements{type=\"string\"} 1000",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}: {metrics}"
        );
    }
    assert!(!metrics.contains("<hot>"), "names are no labels");
    let status = get("/status.json");
    let hot = "\"hot\":[{\"key\":\"<hot>\",\"db\":0,\"qps\":30,\"bytes_per_second\":";
    assert!(status.contains(hot), "{status}");
    let big = "\"big\":[{\"key\":\"<large>\",\"db\":0,\"type\":\"string\",\"bytes\":";
    assert!(status.contains(big), "{status}");
    assert!(get("/").contains("Hot keys"));
}
