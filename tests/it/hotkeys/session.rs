//! The sessions of HOTKEYS, as Redis has them.

use super::{end_window, exact, info, names, repeat};
use crate::harness::{Kvd, Value};

#[test]
fn a_session_is_as_in_redis() {
    let kvd = exact();
    let client = kvd.client();
    client.cmd("HELLO 3");
    assert_eq!(client.cmd("HOTKEYS STOP"), Value::Null);
    assert_eq!(client.text("HOTKEYS START METRICS 2 CPU NET COUNT 2"), "OK");
    let began_ms = kvd.unix_ms();
    repeat(&client, 3, "SET a v");
    repeat(&client, 2, "SET b v");
    client.cmd("SET c v");
    client.cmd("PING");
    kvd.advance_ms(100);
    let fields = |report: &Value| match report.items() {
        [Value::Map(fields)] => fields.iter().map(|(name, _)| name.text()).collect(),
        _ => Vec::new(),
    };
    let report = client.cmd("HOTKEYS GET");
    assert_eq!(
        fields(&report),
        [
            "tracking-active",
            "sample-ratio",
            "selected-slots",
            "all-commands-all-slots-us",
            "net-bytes-all-commands-all-slots",
            "collection-start-time-unix-ms",
            "collection-duration-ms",
            "total-cpu-time-user-ms",
            "total-cpu-time-sys-ms",
            "total-net-bytes",
            "by-cpu-time-us",
            "by-net-bytes",
        ]
    );
    let report = &report.items()[0];
    assert_eq!(report.field("tracking-active").int(), 1);
    assert_eq!(report.field("sample-ratio").int(), 1);
    let slots = report.field("selected-slots").items();
    assert_eq!(
        slots,
        [Value::Array(vec![Value::Int(0), Value::Int(16_383)])]
    );
    // *3 $3 SET $1 k $1 v and +OK
    assert_eq!(
        report.field("net-bytes-all-commands-all-slots").int(),
        6 * 32
    );
    assert_eq!(report.field("total-net-bytes").int(), 6 * 32);
    assert_eq!(
        report.field("collection-start-time-unix-ms").int(),
        began_ms
    );
    assert_eq!(report.field("collection-duration-ms").int(), 100);
    assert_eq!(report.field("by-net-bytes").texts(), ["a", "96", "b", "64"]);
}

#[test]
fn a_session_that_was_stopped_keeps_its_result() {
    let kvd = exact();
    let client = kvd.client();
    client.cmd("HOTKEYS START METRICS 2 CPU NET COUNT 2");
    repeat(&client, 3, "SET a v");
    repeat(&client, 2, "SET b v");
    client.cmd("SET c v");
    kvd.advance_ms(100);
    assert_eq!(
        client.err("HOTKEYS START METRICS 1 NET"),
        "ERR hotkey tracking session already in progress"
    );
    assert_eq!(
        client.err("HOTKEYS RESET"),
        "ERR hotkey tracking session in progress, stop tracking first"
    );
    assert_eq!(client.text("HOTKEYS STOP"), "OK");
    assert_eq!(client.cmd("HOTKEYS STOP"), Value::NullBulk);
    repeat(&client, 9, "SET c v");
    kvd.advance_ms(100);
    let report = client.cmd("HOTKEYS GET");
    let report = &report.items()[0];
    assert_eq!(report.field("tracking-active").int(), 0);
    assert_eq!(report.field("collection-duration-ms").int(), 100);
    assert_eq!(report.field("by-net-bytes").texts(), ["a", "96", "b", "64"]);

    // Another session takes its place.
    assert_eq!(client.text("HOTKEYS START METRICS 1 NET"), "OK");
    let report = client.cmd("HOTKEYS GET");
    let report = report.items()[0].items();
    assert_eq!(report.len(), 18);
    assert_eq!(report[14].text(), "total-net-bytes");
    assert_eq!(report[16].text(), "by-net-bytes");
    assert_eq!(report[17], Value::Array(vec![]));
    client.cmd("HOTKEYS STOP");
    assert_eq!(client.text("HOTKEYS START METRICS 1 CPU"), "OK");
    let report = client.cmd("HOTKEYS GET");
    assert_eq!(report.items()[0].items().len(), 20);
    client.cmd("HOTKEYS STOP");

    // Without a session the keys are told that were counted all the time.
    assert_eq!(client.text("HOTKEYS RESET"), "OK");
    end_window(&kvd);
    assert_eq!(names(&client.cmd("HOTKEYS GET")), ["c", "a", "b"]);
}

#[test]
fn a_session_is_over_when_its_time_is() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd("HOTKEYS START METRICS 1 NET DURATION 2");
    assert_eq!(info(&client, "hotkeys-tracking-active"), "1");
    client.cmd("SET a v");
    kvd.advance_ms(1_900);
    client.cmd("SET a v");
    kvd.advance_ms(5_000);
    client.cmd("SET b v");
    let report = client.cmd("HOTKEYS GET");
    let report = &report.items()[0];
    assert_eq!(report.field("tracking-active").int(), 0);
    assert_eq!(info(&client, "hotkeys-tracking-active"), "0");
    assert_eq!(report.field("collection-duration-ms").int(), 2_000);
    assert_eq!(report.field("by-net-bytes").texts(), ["a", "64"]);
    assert_eq!(client.text("HOTKEYS RESET"), "OK");
}

#[test]
fn a_session_looks_at_one_of_so_many() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd("HOTKEYS START METRICS 1 NET SAMPLE 10");
    let batch = crate::harness::request(&["SET", "a", "v"]).repeat(10_000);
    client.send_raw(&batch);
    client.take_bytes();
    let report = client.cmd("HOTKEYS GET");
    let report = &report.items()[0];
    assert_eq!(report.field("sample-ratio").int(), 10);
    assert_eq!(
        report.field("net-bytes-all-commands-all-slots").int(),
        320_000
    );
    let sampled = report.field("total-net-bytes").int();
    assert!((25_600..38_400).contains(&sampled), "{sampled}");
    let found = report.field("by-net-bytes").texts();
    assert_eq!(found, ["a".to_owned(), sampled.to_string()]);
}

#[test]
fn transactions_count_by_their_commands_and_scripts_by_the_keys_they_declare() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd("HOTKEYS START METRICS 1 NET");
    for line in ["MULTI", "SET a v", "GET a", "EXEC"] {
        client.cmd(line);
    }
    client.cmd("EVAL \"return redis.call('SET',KEYS[1],redis.call('GET','hidden'))\" 1 b");
    // Who waits is counted when it is served.
    let other = kvd.client();
    other.send("BLPOP list 0");
    assert!(other.is_silent());
    let report = client.cmd("HOTKEYS GET");
    let found = report.items()[0].field("by-net-bytes").texts();
    let mut keys: Vec<_> = found.iter().step_by(2).collect();
    keys.sort();
    assert_eq!(keys, ["a", "b"]);
    client.cmd("RPUSH other v");
    client.cmd("RPUSH list v");
    assert_eq!(other.take_one().texts(), ["list", "v"]);
    let report = client.cmd("HOTKEYS GET");
    let found = report.items()[0].field("by-net-bytes").texts();
    let bytes = |key: &str| {
        let at = found
            .iter()
            .position(|name| name == key)
            .expect("it is told");
        found[at + 1].parse::<i64>().expect("a number")
    };
    assert!(bytes("list") > bytes("other") + 20, "{found:?}");
}

#[test]
fn keys_share_the_cost_of_their_command() {
    let kvd = exact();
    let client = kvd.client();
    client.cmd("HOTKEYS START METRICS 1 NET COUNT 64");
    client.cmd("MSET a 1234567890 b 1234567890");
    let report = client.cmd("HOTKEYS GET");
    let found = report.items()[0].field("by-net-bytes").texts();
    assert_eq!(found, ["a", "33", "b", "33"]);
    // Of very many keys some stand for all.
    let many: Vec<String> = (0..160).map(|n| format!("key:{n:03}")).collect();
    client.cmd(&format!("DEL {}", many.join(" ")));
    let report = client.cmd("HOTKEYS GET");
    let found = report.items()[0].field("by-net-bytes").texts();
    assert_eq!(found.len(), 2 * (16 + 2));
    let total = report.items()[0].field("total-net-bytes").int();
    let told: i64 = found
        .iter()
        .skip(1)
        .step_by(2)
        .map(|n| n.parse::<i64>().expect("a number"))
        .sum();
    assert!((total - 160..=total).contains(&told), "{told} of {total}");
}

#[test]
fn what_start_refuses() {
    let client = Kvd::new().client();
    let many = "METRICS count does not match number of metric types provided";
    let none = "METRICS no valid metrics passed. Supported: CPU|NET";
    let count = "METRICS count must be > 0 and <= 2";
    for (words, refusal) in [
        ("", "METRICS parameter is required"),
        ("METRICS", "METRICS parameter is required"),
        ("COUNT 1 METRICS 1 CPU", "METRICS parameter is required"),
        ("METRICS 0", count),
        ("METRICS -1", count),
        ("METRICS x CPU", count),
        ("METRICS 3 CPU NET", count),
        ("METRICS 2 CPU", many),
        ("METRICS 1 CPU NET", "syntax error"),
        ("METRICS 1 GPU", none),
        ("METRICS 2 GPU NYET", none),
        ("METRICS 2 CPU cpu", "METRICS CPU defined more than once!"),
        ("METRICS 2 NET NET", "METRICS NET defined more than once!"),
        ("METRICS 1 CPU COUNT 0", "COUNT must be between 1 and 64"),
        ("METRICS 1 CPU COUNT 65", "COUNT must be between 1 and 64"),
        ("METRICS 1 CPU COUNT", "syntax error"),
        (
            "METRICS 1 CPU DURATION 0",
            "DURATION must be between 1 and 1000000",
        ),
        (
            "METRICS 1 CPU DURATION 1000001",
            "DURATION must be between 1 and 1000000",
        ),
        ("METRICS 1 CPU SAMPLE 0", "SAMPLE ratio must be positive"),
        (
            "METRICS 1 CPU SAMPLE 2147483648",
            "SAMPLE ratio must be positive",
        ),
        (
            "METRICS 1 CPU SLOTS 2 0 5",
            "SLOTS parameter cannot be used in non-cluster mode",
        ),
        ("METRICS 1 CPU FAST yes", "syntax error"),
    ] {
        let line = format!("HOTKEYS START {words}");
        assert_eq!(client.err(&line), format!("ERR {refusal}"), "{line}");
    }
    // Metrics of later versions are let pass.
    assert_eq!(client.text("HOTKEYS START METRICS 2 GPU CPU"), "OK");
    assert_eq!(
        client.err("HOTKEYS"),
        "ERR wrong number of arguments for 'hotkeys' command"
    );
    assert_eq!(
        client.err("HOTKEYS GET 5"),
        "ERR wrong number of arguments for 'hotkeys|get' command"
    );
    assert_eq!(
        client.err("HOTKEYS NOSUCH"),
        "ERR unknown subcommand 'NOSUCH'. Try HOTKEYS HELP."
    );
    assert!(client.cmd("HOTKEYS HELP").texts()[0].starts_with("HOTKEYS <subcommand>"));
}
