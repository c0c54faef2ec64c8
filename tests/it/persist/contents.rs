//! All that a server holds, read key by key with plain commands: what two servers are compared by
//! that need not trust each other's digests.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::harness::{Connection, Value, request};

/// Databases that are looked at.
const DATABASES: usize = 16;

/// What a server holds: a line for each key and each library of functions, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents(Vec<String>);

impl Contents {
    /// Reads everything. Times of expiry are dates, so that they can be compared.
    pub fn of(client: &mut Connection) -> Contents {
        let mut lines = Vec::new();
        let has_field_expiry = !ask(client, &[b"HPTTL", b"none", b"FIELDS", b"1", b"f"]).is_error();
        for db in 0..DATABASES {
            let selected = ask(client, &[b"SELECT", db.to_string().as_bytes()]);
            assert!(!selected.is_error(), "{selected:?}");
            for key in sorted(ask(client, &[b"KEYS", b"*"]).items()) {
                lines.push(describe(client, db, &key, has_field_expiry));
            }
        }
        let libraries = ask(client, &[b"FUNCTION", b"LIST", b"WITHCODE"]);
        let names = libraries.items().iter().map(|library| {
            let code = library.field("library_code").text();
            format!("library {}: {code}", library.field("library_name").text())
        });
        lines.extend(names.collect::<BTreeSet<_>>());
        ask(client, &[b"SELECT", b"0"]);
        Contents(lines)
    }

    /// Asserts that another server holds the same, and names what differs.
    #[track_caller]
    pub fn assert_same(&self, other: &Contents, what: &str) {
        let differing = |from: &Contents, without: &Contents| {
            let other: BTreeSet<_> = without.0.iter().collect();
            let lines = from.0.iter().filter(|line| !other.contains(line));
            lines.map(|line| shortened(line)).collect::<String>()
        };
        let (lost, new) = (differing(self, other), differing(other, self));
        assert!(
            self == other,
            "{what}: not there any more:\n{lost}not there before:\n{new}"
        );
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

fn shortened(line: &str) -> String {
    let head: String = line.chars().take(2_000).collect();
    format!("  {head}\n")
}

/// One word a time, bytes as they are.
pub fn ask(client: &mut Connection, words: &[&[u8]]) -> Value {
    client.send_raw(&request(words));
    client.take()
}

fn sorted(items: &[Value]) -> Vec<Vec<u8>> {
    let mut items: Vec<Vec<u8>> = items.iter().map(Value::bytes).collect();
    items.sort();
    items
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn describe(client: &mut Connection, db: usize, key: &[u8], has_field_expiry: bool) -> String {
    let kind = ask(client, &[b"TYPE", key]).text();
    let mut line = format!("db {db} {kind} '{}':", shown(key));
    let items = match kind.as_str() {
        "string" => vec![ask(client, &[b"GET", key]).bytes()],
        "list" => all(&ask(client, &[b"LRANGE", key, b"0", b"-1"])),
        "set" => sorted(ask(client, &[b"SMEMBERS", key]).items()),
        "zset" => scores(client, key),
        "hash" => fields(client, key, has_field_expiry),
        "stream" => stream(client, key),
        other => panic!("a type {other}"),
    };
    for item in items {
        let _ = write!(line, " {}", shown(&item));
    }
    let expiry = ask(client, &[b"PEXPIRETIME", key]).int();
    let _ = write!(line, " until {expiry}");
    line
}

fn all(reply: &Value) -> Vec<Vec<u8>> {
    reply.items().iter().map(Value::bytes).collect()
}

/// Members and scores; some servers write 1.1 as 1.1000000000000001.
fn scores(client: &mut Connection, key: &[u8]) -> Vec<Vec<u8>> {
    let flat = all(&ask(client, &[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"]));
    let pair = |pair: &[Vec<u8>]| {
        let score = String::from_utf8_lossy(&pair[1]);
        let score: f64 = score.parse().expect("a number");
        [&pair[0], format!("={score}").as_bytes()].concat()
    };
    flat.chunks(2).map(pair).collect()
}

/// Fields, values and when the fields expire.
fn fields(client: &mut Connection, key: &[u8], has_expiry: bool) -> Vec<Vec<u8>> {
    let flat = all(&ask(client, &[b"HGETALL", key]));
    let names: Vec<&[u8]> = flat.iter().step_by(2).map(Vec::as_slice).collect();
    let until: Vec<i64> = if has_expiry {
        let count = names.len().to_string();
        let mut words = vec![&b"HPEXPIRETIME"[..], key, b"FIELDS", count.as_bytes()];
        words.extend(&names);
        let reply = ask(client, &words);
        reply.items().iter().map(Value::int).collect()
    } else {
        vec![-1; names.len()]
    };
    let mut fields: Vec<Vec<u8>> = flat
        .chunks(2)
        .zip(until)
        .map(|(pair, until)| {
            [
                &pair[0],
                &b"="[..],
                &pair[1],
                format!("@{until}").as_bytes(),
            ]
            .concat()
        })
        .collect();
    fields.sort();
    fields
}

/// Entries, and what else a stream knows, but for times that say when somebody asked.
fn stream(client: &mut Connection, key: &[u8]) -> Vec<Vec<u8>> {
    let entries = ask(client, &[b"XRANGE", key, b"-", b"+"]);
    let mut lines = vec![format!("{entries:?}")];
    let line = |of: &Value, name: &str| format!("{name} {:?}", of.field(name));
    let info = ask(client, &[b"XINFO", b"STREAM", key, b"FULL", b"COUNT", b"0"]);
    for name in [
        "length",
        "last-generated-id",
        "max-deleted-entry-id",
        "entries-added",
        "recorded-first-entry-id",
    ] {
        lines.push(line(&info, name));
    }
    for group in info.field("groups").items() {
        for name in [
            "name",
            "last-delivered-id",
            "entries-read",
            "lag",
            "pending",
        ] {
            lines.push(line(group, name));
        }
        for consumer in group.field("consumers").items() {
            for name in ["name", "pending"] {
                lines.push(line(consumer, name));
            }
        }
    }
    lines.into_iter().map(String::into_bytes).collect()
}
