//! The metrics port: figures for Prometheus, a health answer, a page for people.

use std::io::{Read, Write};
use std::net::TcpStream;

use kvd::client::Served;

use crate::harness::{Client, Kvd, Process, free_port};

/// Sends a request and takes the answer apart: head and body.
fn get(browser: &Client, path: &str) -> (String, String) {
    browser.send_raw(format!("GET {path} HTTP/1.1\r\nHost: kvd\r\n\r\n").as_bytes());
    take(browser)
}

fn take(browser: &Client) -> (String, String) {
    let text = String::from_utf8(browser.take_bytes()).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let length = format!("Content-Length: {}\r\n", body.len());
    assert!(head.contains(&length), "{head}");
    (head.to_owned(), body.to_owned())
}

#[test]
fn figures_are_those_of_info() {
    let kvd = Kvd::with(&[("latency-tracking-info-percentiles", "50")]);
    let (client, browser) = (kvd.client(), kvd.browser().expect("a connection"));
    client.cmd("SET k v EX 100");
    client.cmd("GET k");
    client.cmd("GET nothing");
    client.cmd("INCR k");
    let (head, body) = get(&browser, "/metrics");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    for line in [
        "redis_up 1",
        "redis_connected_clients 1",
        "redis_commands_total{cmd=\"get\"} 2",
        "redis_commands_failed_calls_total{cmd=\"incr\"} 1",
        "redis_errors_total{err=\"ERR\"} 1",
        "redis_keyspace_hits_total 1",
        "redis_keyspace_misses_total 1",
        "redis_db_keys{db=\"db0\"} 1",
        "redis_db_keys_expiring{db=\"db0\"} 1",
        "redis_db_avg_ttl_seconds{db=\"db0\"} 100",
        "redis_rdb_last_bgsave_status 1",
        "# TYPE kvd_housekeeping_us_max gauge",
    ] {
        assert!(body.lines().any(|found| found == line), "{line}\n{body}");
    }
    assert!(body.contains("\nredis_latency_percentiles_usec{cmd=\"get\",quantile=\"0.5\"} "));
    // Whoever reads the format refuses a family that comes in two pieces, and a value that is none.
    let mut families = Vec::new();
    for line in body.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            families.push(family.split(' ').next().expect("a name"));
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').expect("a value");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert_eq!(sample.split('{').next(), families.last().copied());
    }
    let count = families.len();
    families.sort();
    families.dedup();
    assert_eq!(families.len(), count);
}

#[test]
fn what_clients_named_is_escaped() {
    let kvd = Kvd::with(&[("slowlog-log-slower-than", "0")]);
    let (client, browser) = (kvd.client(), kvd.browser().expect("a connection"));
    client.cmd("SET <b>\\\u{1} v");
    client.cmd("EVAL \"return {err='A\\34B x'}\" 0");
    let (head, body) = get(&browser, "/status.json");
    assert!(head.contains("application/json"), "{head}");
    assert!(body.contains("SET <b>\\\\\\u0001 v"), "{body}");
    assert!(body.contains("\"health\":\"ok\""), "{body}");
    let (_, body) = get(&browser, "/metrics");
    assert!(
        body.contains("redis_errors_total{err=\"A\\\"B\"} 1"),
        "{body}"
    );
}

#[test]
fn health_says_why_it_is_bad() {
    let kvd = Kvd::new();
    let (client, browser) = (kvd.client(), kvd.browser().expect("a connection"));
    assert_eq!(get(&browser, "/health").1, "ok\n");
    client.cmd("CONFIG SET min-replicas-to-write 1");
    let (head, body) = get(&browser, "/health");
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert_eq!(body, "NOREPLICAS Not enough good replicas to write.\n");
}

#[test]
fn pages_for_people_need_nothing_from_elsewhere() {
    let kvd = Kvd::new();
    let browser = kvd.browser().expect("a connection");
    for (path, kind) in [
        ("/", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js?x=1", "text/javascript"),
    ] {
        let (head, body) = get(&browser, path);
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(head.contains(&format!("Content-Type: {kind}")), "{head}");
        assert!(
            head.contains("default-src 'none'; script-src 'self'"),
            "{head}"
        );
        assert!(!body.contains("http://") && !body.contains("https://"));
        assert!(!body.contains("innerHTML"));
    }
    assert!(get(&browser, "/passwd").0.starts_with("HTTP/1.1 404 "));
}

#[test]
fn requests_come_in_pieces_and_in_bunches() {
    let kvd = Kvd::new();
    let browser = kvd.browser().expect("a connection");
    let request = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n";
    for byte in &request[..request.len() - 1] {
        assert_eq!(browser.send_raw(&[*byte]), Served::Idle);
        assert!(browser.take_bytes().is_empty());
    }
    browser.send_raw(b"\n");
    assert_eq!(take(&browser).1, "ok\n");
    browser.send_raw(&request.repeat(3));
    let text = String::from_utf8(browser.take_bytes()).expect("text");
    assert_eq!(text.matches("HTTP/1.1 200 OK\r\n").count(), 3);
    browser.send_raw(b"HEAD /metrics HTTP/1.1\r\n\r\n");
    let text = String::from_utf8(browser.take_bytes()).expect("text");
    assert!(text.ends_with("\r\n\r\n"), "{text}");
    assert_eq!(
        browser.send_raw(b"GET /health HTTP/1.0\r\n\r\n"),
        Served::Closing
    );
    assert_eq!(take(&browser).1, "ok\n");
    assert!(browser.is_closing());
}

#[test]
fn hostile_requests_end_the_connection() {
    let kvd = Kvd::new();
    for (bytes, status) in [
        (&b"POST / HTTP/1.1\r\n\r\n"[..], "405"),
        (b"*1\r\n$4\r\nPING\r\n\r\n", "400"),
        (b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "400"),
        (&[b'a'; 10_000], "431"),
    ] {
        let browser = kvd.browser().expect("a connection");
        assert_eq!(browser.send_raw(bytes), Served::Closing);
        let (head, _) = take(&browser);
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
    }
    // Who asks for more than it reads is closed too.
    let browser = kvd.browser().expect("a connection");
    let many = b"GET /page.js HTTP/1.1\r\n\r\n".repeat(1_000);
    assert_eq!(browser.send_raw(&many), Served::Closing);
    assert!(browser.take_bytes().len() < 2_000_000);
}

#[test]
fn browsers_are_no_clients_of_the_database() {
    let kvd = Kvd::with(&[("maxclients", "1"), ("requirepass", "secret")]);
    let client = kvd.client();
    client.cmd("AUTH secret");
    let browsers: Vec<Client> = (0..64).map(|_| kvd.browser().expect("room")).collect();
    let refused = kvd.browser().map(|_| ()).expect_err("no room");
    assert!(refused.starts_with(b"HTTP/1.1 503 "));
    assert_eq!(get(&browsers[0], "/health").1, "ok\n");
    assert_eq!(client.text("CLIENT LIST").lines().count(), 1);
    client.cmd("CLIENT KILL TYPE normal SKIPME yes");
    assert!(!browsers[0].is_closing());
    // One that says nothing for long makes room.
    kvd.advance_ms(121_000);
    assert!(browsers[0].is_closing());
}

#[test]
fn the_real_server_listens_for_browsers() {
    let port = free_port();
    let server = Process::kvd(&["--metrics-port", &port.to_string()]);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream
        .write_all(b"GET /metrics HTTP/1.0\r\n\r\n")
        .expect("sent");
    let mut text = String::new();
    stream
        .read_to_string(&mut text)
        .expect("an answer and an end");
    assert!(text.contains("\nredis_up 1\n"), "{text}");
    assert_eq!(server.connect().cmd("PING").text(), "PONG");
}
