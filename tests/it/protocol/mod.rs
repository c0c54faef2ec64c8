//! The protocol at the client's end: whatever is sent means the same however it is chopped, and
//! everything that breaks a rule gets Redis's words and is closed.

pub mod exchanges;

use exchanges::{BROKEN, EXCHANGES};

use crate::harness::{Client, Kvd, Value, decode, request};

/// Up to this length an exchange is cut at every pair of places.
const PAIRS_LEN_MAX: usize = 48;

type Options<'a> = &'a [(&'a str, &'a str)];

/// What a new client gets that sends `pieces`, and whether it is closed then. Some pieces are
/// received in a turn in which they do not run.
fn converse<'a>(
    options: Options<'_>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, bool) {
    let client = Kvd::with(options).client();
    for (at, piece) in pieces.into_iter().enumerate() {
        match (at + piece.len()) % 2 {
            0 => client.send_raw(piece),
            _ => client.send_late(piece),
        };
    }
    (client.take_bytes(), client.is_closing())
}

/// Sends `input` in pieces that begin at `cuts`.
#[track_caller]
fn check_cut(options: Options<'_>, input: &[u8], cuts: &[usize], reply: &[u8], closes: bool) {
    let mut pieces = Vec::new();
    let mut start = 0;
    for &cut in cuts.iter().chain(&[input.len()]) {
        pieces.push(&input[start..cut]);
        start = cut;
    }
    let (got, closed) = converse(options, pieces);
    let show = |bytes: &[u8]| bytes[..bytes.len().min(300)].escape_ascii().to_string();
    assert!(
        got == reply && closed == closes,
        "{} cut at {cuts:?}\n  got {} (closed: {closed})\n want {} (closed: {closes})",
        show(input),
        show(&got),
        show(reply),
    );
}

/// Sends `input` whole, cut at every byte, at every pair of bytes if it is short, and in pieces
/// of some sizes.
#[track_caller]
fn check_chopped(options: Options<'_>, input: &[u8], reply: &[u8], closes: bool) {
    check_cut(options, input, &[], reply, closes);
    for first in 1..input.len() {
        check_cut(options, input, &[first], reply, closes);
        if input.len() <= PAIRS_LEN_MAX {
            for second in first + 1..input.len() {
                check_cut(options, input, &[first, second], reply, closes);
            }
        }
    }
    for size in [1, 2, 3, 7] {
        let cuts: Vec<usize> = (size..input.len()).step_by(size).collect();
        check_cut(options, input, &cuts, reply, closes);
    }
}

fn error_line(text: &[u8]) -> Vec<u8> {
    [b"-ERR Protocol error: ", text, b"\r\n"].concat()
}

#[test]
fn every_exchange_however_it_is_chopped() {
    for exchange in EXCHANGES {
        check_chopped(&[], exchange.send, exchange.reply, exchange.closes);
    }
}

#[test]
fn everything_in_one_go() {
    // Each on a connection of its own first, then all of them together on one.
    let kvd = Kvd::new();
    let client = kvd.client();
    let (mut input, mut wanted) = (Vec::new(), Vec::new());
    for exchange in EXCHANGES.iter().filter(|exchange| !exchange.closes) {
        input.extend_from_slice(exchange.send);
        input.extend_from_slice(b"FLUSHALL\r\n");
        wanted.extend_from_slice(exchange.reply);
        wanted.extend_from_slice(b"+OK\r\n");
    }
    client.send_raw(&input);
    assert_eq!(
        client.take_bytes().escape_ascii().to_string(),
        wanted.escape_ascii().to_string()
    );
}

#[test]
fn what_breaks_the_protocol_is_named_and_closed() {
    for (broken, text) in BROKEN {
        let line = error_line(text);
        check_chopped(&[], broken, &line, true);
        // What came before is answered, what comes after is not even read.
        let input = [b"SET a 1\r\n", *broken, b"\r\n\r\nSET a 2\r\nPING\r\n"].concat();
        let reply = [b"+OK\r\n", &line[..]].concat();
        check_cut(&[], &input, &[], &reply, true);
        check_cut(&[], &input, &[9], &reply, true);
        let bytes: Vec<usize> = (1..input.len()).collect();
        check_cut(&[], &input, &bytes, &reply, true);
    }
}

#[test]
fn a_protocol_error_ends_its_own_connection_alone() {
    let kvd = Kvd::new();
    let (good, bad) = (kvd.client(), kvd.client());
    good.send_raw(b"*2\r\n$3\r\nGE");
    bad.send_raw(b"*1\r\nx\r\n");
    assert!(bad.is_closing());
    good.send_raw(b"T\r\n$1\r\na\r\n");
    assert_eq!(good.take_bytes(), b"$-1\r\n");
    bad.disconnect();
    assert_eq!(good.text("PING"), "PONG");
}

#[test]
fn lines_that_never_end_are_given_up() {
    let digits = vec![b'1'; 70_000];
    let cases: [(&[u8], &[u8]); 3] = [
        (b"*", b"too big mbulk count string"),
        (b"*1\r\n$", b"too big bulk count string"),
        (b"PING ", b"too big inline request"),
    ];
    for (head, text) in cases {
        let input = [head, &digits[..]].concat();
        for size in [1_000, 16_384, 65_536, 65_537, 100_000] {
            let (got, closed) = converse(&[], input.chunks(size));
            let got = got.escape_ascii().to_string();
            assert_eq!(got, error_line(text).escape_ascii().to_string(), "{size}");
            assert!(closed);
        }
    }
}

/// A value in which no piece looks like another, and line ends lie about.
fn pattern(len: usize) -> Vec<u8> {
    let mut value: Vec<u8> = (0..len)
        .map(|i| (i % 251) as u8 ^ (i / 251) as u8)
        .collect();
    for at in (0..len.saturating_sub(2)).step_by(997) {
        value[at..at + 2].copy_from_slice(b"\r\n");
    }
    value
}

fn bulk(bytes: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// The first and last places of `input`, and those about each of `middles`.
fn places(input: &[u8], middles: &[usize]) -> Vec<usize> {
    let end = input.len();
    let mut cuts: Vec<usize> = (1..50).chain(end - 50..end).collect();
    for middle in middles {
        cuts.extend(middle.saturating_sub(3)..middle + 4);
    }
    cuts.retain(|cut| (1..end).contains(cut));
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

#[test]
fn large_values_however_they_are_chopped() {
    for len in [16_383, 16_384, 16_385, 40_000, 100_000] {
        let value = pattern(len);
        let set = request(&[&b"SET"[..], b"k", &value]);
        let input = [&set[..], b"GET k\r\nPING\r\n"].concat();
        let reply = [b"+OK\r\n", &bulk(&value)[..], b"+PONG\r\n"].concat();
        check_cut(&[], &input, &[], &reply, false);
        for cut in places(&input, &[16_384, 32_768, 65_536, set.len()]) {
            check_cut(&[], &input, &[cut], &reply, false);
            check_cut(
                &[],
                &input,
                &[cut, (cut + 20_000).min(input.len())],
                &reply,
                false,
            );
        }
        for size in [100, 4_096, 16_384, 65_536] {
            let cuts: Vec<usize> = (size..input.len()).step_by(size).collect();
            check_cut(&[], &input, &cuts, &reply, false);
        }
    }
    let value = pattern(16_384);
    let input = request(&[&b"ECHO"[..], &value]);
    let bytes: Vec<usize> = (1..input.len()).collect();
    check_cut(&[], &input, &bytes, &bulk(&value), false);
}

#[test]
fn large_arguments_in_the_middle() {
    let value = pattern(50_000);
    let mset = request(&[
        &b"MSET"[..],
        b"a",
        &value,
        b"b",
        &value[..40_000],
        b"c",
        b"small",
    ]);
    let input = [&mset[..], &request(&["MGET", "c", "b", "a"])].concat();
    let reply = [
        b"+OK\r\n*3\r\n$5\r\nsmall\r\n",
        &bulk(&value[..40_000])[..],
        &bulk(&value),
    ]
    .concat();
    for cut in places(&input, &[16_384, 50_030, 90_050, mset.len()]) {
        check_cut(&[], &input, &[cut], &reply, false);
    }
    // Options behind the value.
    let set = request(&[&b"SET"[..], b"k", &value, b"EX", b"100", b"GET"]);
    let input = [&set[..], b"TTL k\r\n"].concat();
    for cut in places(&input, &[50_020, set.len()]) {
        check_cut(&[], &input, &[cut], b"$-1\r\n:100\r\n", false);
    }
}

#[test]
fn a_large_value_without_its_line_end() {
    let value = pattern(30_000);
    for tail in [&b"x"[..], b"\rx", b"\n\r"] {
        let mut input = request(&[&b"SET"[..], b"k", &value]);
        input.truncate(input.len() - 2);
        input.extend_from_slice(tail);
        input.extend_from_slice(b"PING\r\n");
        let reply = error_line(b"invalid CRLF in request");
        for cut in places(&input, &[16_384]) {
            check_cut(&[], &input, &[cut], &reply, true);
        }
    }
}

#[test]
fn large_and_small_replies_keep_their_order() {
    let value = pattern(70_000);
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd_words(&[b"SET", b"big", &value[..]]);
    client.send_raw(&b"GET big\r\nPING\r\nMGET big none big\r\nGET big\r\n".repeat(5));
    let once = [
        &bulk(&value)[..],
        b"+PONG\r\n*3\r\n",
        &bulk(&value),
        b"$-1\r\n",
        &bulk(&value),
        &bulk(&value),
    ]
    .concat();
    assert!(client.take_bytes() == once.repeat(5));
}

#[test]
fn proto_max_bulk_len_holds_from_the_next_command_on() {
    let options = &[("proto-max-bulk-len", "1mb")];
    let error = error_line(b"invalid bulk length");
    check_cut(
        options,
        b"*2\r\n$4\r\nECHO\r\n$1048577\r\n",
        &[],
        &error,
        true,
    );
    let value = pattern(1_048_576);
    let input = request(&[&b"ECHO"[..], &value]);
    check_cut(options, &input, &[20, 1_000_000], &bulk(&value), false);
}

#[test]
fn a_client_that_keeps_too_many_unparsed_bytes_is_closed() {
    let kvd = Kvd::with(&[("client-query-buffer-limit", "1mb")]);
    let (greedy, other) = (kvd.client(), kvd.client());
    greedy.send_raw(b"*1000\r\n$4\r\nMSET\r\n");
    let argument = bulk(&pattern(10_000));
    for sent in 1..=200 {
        greedy.send_raw(&argument);
        if greedy.is_closing() {
            assert!(sent > 100, "closed after {sent} arguments");
            break;
        }
    }
    assert!(greedy.is_closing());
    assert!(greedy.is_silent());
    assert_eq!(other.text("PING"), "PONG");
}

const STRANGE: Options<'_> = &[("requirepass", "secret")];

#[test]
fn strangers_may_send_little() {
    let no_auth = b"-NOAUTH Authentication required.\r\n";
    check_chopped(STRANGE, b"GET a\r\n", no_auth, false);
    check_chopped(
        STRANGE,
        b"PING\r\nFOO\r\n",
        &strangers_ping_and_foo(),
        false,
    );
    let ten = request(&["MGET", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    check_cut(STRANGE, &ten, &[], no_auth, false);
    let length = error_line(b"unauthenticated multibulk length");
    check_chopped(STRANGE, b"*11\r\n", &length, true);
    check_chopped(STRANGE, b"*1000000000\r\n", &length, true);
    let length = error_line(b"unauthenticated bulk length");
    check_chopped(STRANGE, b"*2\r\n$4\r\nECHO\r\n$16385\r\n", &length, true);
    check_chopped(STRANGE, b"*1\r\n$500000000\r\n", &length, true);
    let echo = request(&[&b"ECHO"[..], &pattern(16_384)]);
    for cut in places(&echo, &[]) {
        check_cut(STRANGE, &echo, &[cut], no_auth, false);
    }
}

/// PING needs no more permission than any other command; an unknown command is named as such.
fn strangers_ping_and_foo() -> Vec<u8> {
    [
        &b"-NOAUTH Authentication required.\r\n"[..],
        b"-ERR unknown command 'FOO', with args beginning with: \r\n",
    ]
    .concat()
}

#[test]
fn who_authenticates_is_free_at_once() {
    let eleven = request(&["MGET", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    let value = pattern(20_000);
    let set = request(&[&b"SET"[..], b"k", &value]);
    let input = [b"AUTH secret\r\n", &eleven[..], &set].concat();
    let reply = [b"+OK\r\n*10\r\n", &b"$-1\r\n".repeat(10)[..], b"+OK\r\n"].concat();
    for cut in places(&input, &[16_384]) {
        check_cut(STRANGE, &input, &[cut], &reply, false);
    }
    let wrong = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    let input = [b"AUTH wrong\r\n", &eleven[..]].concat();
    let reply = [&wrong[..], &error_line(b"unauthenticated multibulk length")].concat();
    check_cut(STRANGE, &input, &[], &reply, true);
    check_cut(STRANGE, &input, &[12], &reply, true);
}

#[test]
fn strangers_cost_what_they_sent() {
    let kvd = Kvd::with(STRANGE);
    let client = kvd.client();
    client.send_raw(b"*10\r\n$4\r\nMGET\r\n");
    for _ in 0..8 {
        client.send_raw(&bulk(&pattern(16_384)));
    }
    client.send_raw(b"$16384\r\nabc");
    let engine = kvd.engine();
    let kept = engine.clients.find(client.key()).map(|c| c.traffic_bytes());
    assert!(kept.is_some_and(|bytes| bytes < 512 * 1024), "{kept:?}");
}

#[test]
fn a_promise_costs_nothing() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000000\r\nabc");
    let engine = kvd.engine();
    let heap = engine.clients.find(client.key()).map(|c| c.traffic_bytes());
    assert!(heap.is_some_and(|bytes| bytes < 64 * 1024), "{heap:?}");
}

/// What a command answers in RESP2 and in RESP3.
const SHAPES: &[(&str, &str, &str)] = &[
    ("GET none", "$-1\r\n", "_\r\n"),
    ("SET k v XX", "$-1\r\n", "_\r\n"),
    ("SET k v", "+OK\r\n", "+OK\r\n"),
    ("SET k w NX GET", "$1\r\nv\r\n", "$1\r\nv\r\n"),
    (
        "MGET none k",
        "*2\r\n$-1\r\n$1\r\nv\r\n",
        "*2\r\n_\r\n$1\r\nv\r\n",
    ),
    ("DEL k", ":1\r\n", ":1\r\n"),
    ("RANDOMKEY", "$-1\r\n", "_\r\n"),
    ("WATCH w", "+OK\r\n", "+OK\r\n"),
    ("SET w 1", "+OK\r\n", "+OK\r\n"),
    ("MULTI", "+OK\r\n", "+OK\r\n"),
    ("GET w", "+QUEUED\r\n", "+QUEUED\r\n"),
    ("EXEC", "*-1\r\n", "_\r\n"),
    (
        "SCAN 0 MATCH x",
        "*2\r\n$1\r\n0\r\n*0\r\n",
        "*2\r\n$1\r\n0\r\n*0\r\n",
    ),
    (
        "SUBSCRIBE c",
        "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n",
        ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n",
    ),
];

#[test]
fn replies_have_the_shape_of_the_protocol() {
    let kvd = Kvd::with(&[("shards", "1")]);
    for version in [2, 3] {
        let client = kvd.client();
        client.cmd("FLUSHALL");
        client.cmd(&format!("HELLO {version}"));
        for (line, resp2, resp3) in SHAPES {
            client.send(line);
            let got = String::from_utf8(client.take_bytes()).expect("text");
            assert_eq!(got, *if version == 2 { resp2 } else { resp3 }, "{line}");
        }
    }
}

fn hello(client: &Client, line: &str) -> (u8, Value) {
    client.send(line);
    let bytes = client.take_bytes();
    let (value, len) = decode(&bytes).expect("a reply");
    assert_eq!(len, bytes.len());
    (bytes[0], value)
}

#[test]
fn hello_switches_the_protocol() {
    let kvd = Kvd::new();
    let client = kvd.client();
    for (line, kind, proto) in [
        ("HELLO", b'*', 2),
        ("HELLO 3", b'%', 3),
        ("HELLO", b'%', 3),
        ("HELLO 2", b'*', 2),
    ] {
        let (got, reply) = hello(&client, line);
        assert_eq!(got, kind, "{line}");
        assert_eq!(reply.field("proto").int(), proto, "{line}");
        assert_eq!(reply.field("server").text(), "redis");
        assert_eq!(reply.field("mode").text(), "standalone");
        assert_eq!(reply.field("role").text(), "master");
        assert_eq!(reply.field("id").int(), 1);
        assert!(reply.field("modules").items().is_empty());
        assert!(!reply.field("version").text().is_empty());
    }
}

#[test]
fn hello_refuses_what_it_does_not_know() {
    let client = Kvd::new().client();
    let unsupported = "NOPROTO unsupported protocol version";
    assert_eq!(client.err("HELLO 4"), unsupported);
    assert_eq!(client.err("HELLO 1"), unsupported);
    assert_eq!(
        client.err("HELLO three"),
        "ERR Protocol version is not an integer or out of range"
    );
    assert_eq!(
        client.err("HELLO 3 foo"),
        "ERR Syntax error in HELLO option 'foo'"
    );
    assert_eq!(
        client.err("HELLO 3 AUTH default"),
        "ERR Syntax error in HELLO option 'AUTH'"
    );
    assert_eq!(
        client.cmd("GET none"),
        Value::NullBulk,
        "still the old protocol"
    );
}

#[test]
fn hello_authenticates() {
    let kvd = Kvd::with(STRANGE);
    let client = kvd.client();
    assert!(client.err("HELLO 3").starts_with("NOAUTH HELLO must be"));
    assert!(
        client
            .err("HELLO 3 AUTH default wrong SETNAME x")
            .starts_with("WRONGPASS")
    );
    assert_eq!(client.err("GET a"), "NOAUTH Authentication required.");
    let (kind, reply) = hello(&client, "HELLO 3 AUTH default secret SETNAME me");
    assert_eq!((kind, reply.field("proto").int()), (b'%', 3));
    assert_eq!(client.cmd("GET a"), Value::Null);
}

#[test]
fn hello_however_it_is_chopped() {
    let input = b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\nGET a\r\n";
    let (reply, closed) = converse(&[], [&input[..]]);
    assert!(!closed && reply.ends_with(b"_\r\n"));
    check_chopped(&[], input, &reply, false);
}
