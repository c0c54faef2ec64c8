//! SLOWLOG, COMMANDLOG and LATENCY: what took long, what was large.

use crate::harness::{Kvd, Value};

fn debuggable() -> Kvd {
    Kvd::with(&[("enable-debug-command", "yes")])
}

#[test]
fn slow_commands_are_logged() {
    let kvd = debuggable();
    let client = kvd.client();
    client.cmd("CLIENT SETNAME tester");
    client.cmd("CONFIG SET slowlog-log-slower-than 100000");
    client.cmd("PING");
    assert_eq!(client.int("SLOWLOG LEN"), 0);
    client.cmd("DEBUG SLEEP 0.2");
    let log = client.cmd("SLOWLOG GET");
    let [entry] = log.items() else {
        panic!("{log:?}")
    };
    let entry = entry.items();
    assert_eq!(entry[0].int(), 0);
    assert_eq!(entry[1].int(), kvd.unix_ms() / 1_000);
    assert_eq!(entry[2].int(), 200_000);
    assert_eq!(entry[3].texts(), ["DEBUG", "SLEEP", "0.2"]);
    assert_eq!(entry[5].text(), "tester");
    assert_eq!(client.text("SLOWLOG RESET"), "OK");
    assert_eq!(client.int("SLOWLOG LEN"), 0);
    client.cmd("DEBUG SLEEP 0.2");
    assert_eq!(client.cmd("SLOWLOG GET").items()[0].items()[0].int(), 1);
}

#[test]
fn the_log_keeps_so_many_entries() {
    let client = Kvd::new().client();
    client.cmd("CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 10");
    for _ in 0..20 {
        client.cmd("PING");
    }
    assert_eq!(client.int("SLOWLOG LEN"), 10);
    assert_eq!(client.cmd("SLOWLOG GET 5").items().len(), 5);
    assert_eq!(client.cmd("SLOWLOG GET 0").items().len(), 0);
    assert_eq!(client.cmd("SLOWLOG GET -1").items().len(), 10);
    for wrong in ["-2", "x"] {
        assert_eq!(
            client.err(&format!("SLOWLOG GET {wrong}")),
            "ERR count should be greater than or equal to -1"
        );
    }
    client.cmd("CONFIG SET slowlog-max-len 0");
    client.cmd("SLOWLOG RESET");
    client.cmd("PING");
    assert_eq!(client.int("SLOWLOG LEN"), 0);
}

#[test]
fn what_is_long_or_secret_is_not_kept() {
    let client = Kvd::new().client();
    client.cmd("CONFIG SET slowlog-log-slower-than 0");
    client.cmd("SLOWLOG RESET");
    let members: Vec<String> = (3..34).map(|n| n.to_string()).collect();
    client.cmd(&format!("DEL set {}", members.join(" ")));
    client.cmd(&format!("SET k {}", "A".repeat(129)));
    client.cmd("CONFIG SET primaryauth secret");
    let log = client.cmd("SLOWLOG GET");
    let args = |at: usize| log.items()[at].items()[3].texts();
    assert_eq!(args(0), ["CONFIG", "SET", "primaryauth", "(redacted)"]);
    assert_eq!(args(1)[2], format!("{}... (1 more bytes)", "A".repeat(128)));
    assert_eq!(args(2).len(), 32);
    assert_eq!(args(2)[31], "... (2 more arguments)");
}

#[test]
fn a_transaction_is_logged_by_its_commands() {
    let kvd = debuggable();
    let client = kvd.client();
    client.cmd("CONFIG SET slowlog-log-slower-than 100000");
    client.cmd("MULTI");
    client.cmd("DEBUG SLEEP 0.2");
    client.cmd("EXEC");
    let log = client.cmd("SLOWLOG GET");
    assert_eq!(log.items().len(), 1);
    assert_eq!(log.items()[0].items()[3].texts()[0], "DEBUG");
}

#[test]
fn a_blocked_command_is_logged_when_it_was_served() {
    let kvd = Kvd::new();
    let (client, waiter) = (kvd.client(), kvd.client());
    client.cmd("CONFIG SET slowlog-log-slower-than 0");
    waiter.send("BLPOP l 0");
    let logged = |text: &str| {
        client
            .cmd("SLOWLOG GET -1")
            .items()
            .iter()
            .any(|entry| entry.items()[3].texts()[0] == text)
    };
    assert!(!logged("BLPOP"));
    client.cmd("RPUSH l a");
    assert!(logged("BLPOP"));
}

#[test]
fn large_requests_and_replies_are_logged() {
    let client = Kvd::new().client();
    client.cmd("CONFIG SET commandlog-request-larger-than 1000 commandlog-reply-larger-than 1000");
    client.cmd(&format!("SET k {}", "v".repeat(1_000)));
    client.cmd("GET k");
    let request = client.cmd("COMMANDLOG GET -1 large-request");
    assert_eq!(request.items().len(), 1);
    let wire = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000\r\n\r\n".len() as i64 + 1_000;
    assert_eq!(request.items()[0].items()[2].int(), wire);
    let reply = client.cmd("COMMANDLOG GET -1 large-reply");
    assert_eq!(reply.items()[0].items()[2].int(), 1_000 + 9);
    assert_eq!(reply.items()[0].items()[3].texts(), ["GET", "k"]);
    assert_eq!(client.int("COMMANDLOG LEN large-reply"), 1);
    assert_eq!(client.text("COMMANDLOG RESET large-reply"), "OK");
    assert_eq!(client.int("COMMANDLOG LEN LARGE-REPLY"), 0);
    assert_eq!(
        client.err("COMMANDLOG LEN foo"),
        "ERR type should be one of the following: slow, large-request, large-reply"
    );
}

#[test]
fn latency_events_are_remembered() {
    let kvd = debuggable();
    let client = kvd.client();
    assert!(client.text("LATENCY DOCTOR").contains("is off"));
    client.cmd("CONFIG SET latency-monitor-threshold 200");
    for seconds in ["0.3", "0.4", "0.5"] {
        client.cmd(&format!("DEBUG SLEEP {seconds}"));
        kvd.advance_ms(1_100);
    }
    let history = client.cmd("LATENCY HISTORY command");
    let latencies: Vec<i64> = history.items().iter().map(|s| s.items()[1].int()).collect();
    assert_eq!(latencies, [300, 400, 500]);
    let latest = client.cmd("LATENCY LATEST");
    let event = latest.items()[0].items();
    assert_eq!(event[0].text(), "command");
    let figures: Vec<i64> = event[2..].iter().map(Value::int).collect();
    assert_eq!(figures, [500, 500, 1_200, 3]);
    assert!(
        client
            .text("LATENCY GRAPH command")
            .starts_with("command - high 500 ms, low 300 ms (all time high 500 ms)\n")
    );
    assert!(client.text("LATENCY DOCTOR").contains("3 latency spikes"));
    assert_eq!(client.int("LATENCY RESET nosuch"), 0);
    assert_eq!(client.int("LATENCY RESET"), 1);
    assert_eq!(client.cmd("LATENCY HISTORY command").items().len(), 0);
    assert_eq!(
        client.err("LATENCY GRAPH command"),
        "ERR No samples available for event 'command'"
    );
}

#[test]
fn histograms_of_commands() {
    let client = Kvd::new().client();
    client.cmd("CONFIG RESETSTAT");
    client.cmd("SET a 1");
    client.cmd("SET b 1");
    client.cmd("CLIENT ID");
    let all = client.cmd("LATENCY HISTOGRAM");
    assert_eq!(all.field("set").field("calls").int(), 2);
    assert_eq!(all.items().len(), 2 * 3);
    let some = client.cmd("LATENCY HISTOGRAM client nosuch get");
    assert_eq!(some.items()[0].text(), "client|id");
    assert_eq!(some.items().len(), 2);
}
