//! DUMP and RESTORE: by themselves, and with the payloads of real peers both ways.

use kvd::persist::rdb::{
    Family, Item, KeyMeta, LoadContext, RdbReader, RdbWriter, ReaderOptions, WriteOptions,
};

use crate::harness::{Client, Connection, Kvd, Process, Value, peer, request};

fn dump(client: &Client, key: &str) -> Vec<u8> {
    match client.cmd_words(&["DUMP", key]) {
        Value::Bulk(payload) => payload,
        other => panic!("no payload: {other:?}"),
    }
}

fn restore(client: &Client, key: &str, ttl: &str, payload: &[u8], options: &[&str]) -> Value {
    let mut words = vec![&b"RESTORE"[..], key.as_bytes(), ttl.as_bytes(), payload];
    words.extend(options.iter().map(|option| option.as_bytes()));
    client.cmd_words(&words)
}

#[test]
fn a_value_goes_out_and_in() {
    let kvd = Kvd::new();
    let client = kvd.client();
    assert!(client.cmd("DUMP nothing").is_null());
    client.cmd("SET k hello");
    let payload = dump(&client, "k");
    assert_eq!(payload[..6], *b"\x00\x05hell");
    assert_eq!(payload[7..9], 11u16.to_le_bytes());
    assert_eq!(restore(&client, "k2", "0", &payload, &[]).text(), "OK");
    assert_eq!(client.text("GET k2"), "hello");
    assert_eq!(client.int("TTL k2"), -1);
    assert_eq!(
        restore(&client, "k2", "0", &payload, &[]).text(),
        "BUSYKEY Target key name already exists."
    );
    client.cmd("RPUSH list a b");
    let list = dump(&client, "list");
    assert_eq!(
        restore(&client, "k2", "5000", &list, &["replace"]).text(),
        "OK"
    );
    assert_eq!(client.cmd("LRANGE k2 0 -1").texts(), ["a", "b"]);
    assert_eq!(client.int("PTTL k2"), 5000);
}

#[test]
fn restoring_sets_expiry_and_use() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd("SET k v");
    let payload = dump(&client, "k");
    let at = (kvd.unix_ms() + 7000).to_string();
    restore(&client, "a", &at, &payload, &["ABSTTL"]);
    assert_eq!(client.int("PTTL a"), 7000);
    restore(&client, "b", "0", &payload, &["IDLETIME", "1000"]);
    assert_eq!(client.int("OBJECT IDLETIME b"), 1000);
    // Longer than its clock can tell: it must not begin anew a moment later.
    let forever = u32::MAX.to_string();
    restore(&client, "f", "0", &payload, &["IDLETIME", &forever]);
    kvd.advance_ms(60_000);
    assert!(client.int("OBJECT IDLETIME f") > 14_000_000);
    restore(&client, "c", "0", &payload, &["FREQ", "100"]);
    client.cmd("CONFIG SET maxmemory-policy allkeys-lfu");
    restore(&client, "d", "0", &payload, &["freq", "100", "REPLACE"]);
    assert_eq!(client.int("OBJECT FREQ d"), 100);
    // An expiry that has passed: the key is not made, and one in the way is gone.
    assert_eq!(
        restore(&client, "e", "1", &payload, &["ABSTTL"]).text(),
        "OK"
    );
    assert_eq!(
        restore(&client, "k", "1", &payload, &["ABSTTL", "REPLACE"]).text(),
        "OK"
    );
    assert_eq!(client.int("EXISTS e k"), 0);
}

#[test]
fn restoring_refuses() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd("SET k v");
    let payload = dump(&client, "k");
    let cases: [(&str, &[&str], &str); 12] = [
        ("-1", &[], "ERR Invalid TTL value, must be >= 0"),
        ("x", &[], "ERR value is not an integer or out of range"),
        ("0", &["nonsense"], "ERR syntax error"),
        ("0", &["IDLETIME"], "ERR syntax error"),
        ("0", &["FREQ"], "ERR syntax error"),
        ("0", &["FREQ", "1", "IDLETIME", "1"], "ERR syntax error"),
        ("0", &["IDLETIME", "1", "FREQ", "1"], "ERR syntax error"),
        (
            "0",
            &["IDLETIME", "x"],
            "ERR value is not an integer or out of range",
        ),
        (
            "0",
            &["IDLETIME", "-1"],
            "ERR Invalid IDLETIME value, must be >= 0",
        ),
        (
            "0",
            &["FREQ", "x"],
            "ERR value is not an integer or out of range",
        ),
        (
            "0",
            &["FREQ", "-1"],
            "ERR Invalid FREQ value, must be >= 0 and <= 255",
        ),
        (
            "0",
            &["FREQ", "256"],
            "ERR Invalid FREQ value, must be >= 0 and <= 255",
        ),
    ];
    for (ttl, options, error) in cases {
        assert_eq!(
            restore(&client, "new", ttl, &payload, options).text(),
            error
        );
    }
    let footer = "ERR DUMP payload version or checksum are wrong";
    assert_eq!(restore(&client, "new", "0", b"", &[]).text(), footer);
    assert_eq!(
        restore(&client, "new", "0", &payload[..8], &[]).text(),
        footer
    );
    // A type that is none, with everything else right.
    let mut bad = payload.clone();
    bad[0] = 99;
    let kvd = Kvd::with(&[("enable-debug-command", "yes")]);
    let client = kvd.client();
    assert_eq!(restore(&client, "new", "0", &bad, &[]).text(), footer);
    client.cmd("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1");
    assert_eq!(
        restore(&client, "new", "0", &bad, &[]).text(),
        "ERR Bad data format"
    );
    assert_eq!(client.int("EXISTS new"), 0);
}

#[test]
fn restoring_is_told() {
    let kvd = Kvd::with(&[("notify-keyspace-events", "KEA")]);
    let (client, listener, waiting) = (kvd.client(), kvd.client(), kvd.client());
    client.cmd("RPUSH list a b");
    let payload = dump(&client, "list");
    listener.cmd("PSUBSCRIBE __keyspace@0__:*");
    waiting.send("BLPOP new 0");
    restore(&client, "new", "0", &payload, &[]);
    assert_eq!(waiting.take_one().texts(), ["new", "a"]);
    restore(&client, "list", "1", &payload, &["ABSTTL", "REPLACE"]);
    let events: Vec<String> = listener
        .take()
        .iter()
        .map(|push| push.texts()[3].clone())
        .collect();
    assert_eq!(events, ["restore", "lpop", "del"]);
    client.cmd("HSET h f v");
    client.cmd("HPEXPIRE h 1 FIELDS 1 f");
    let payload = dump(&client, "h");
    kvd.advance_ms(200);
    kvd.turn();
    assert_eq!(client.int("EXISTS h"), 0);
    assert_eq!(restore(&client, "h", "0", &payload, &[]).text(), "OK");
    assert!(client.cmd("HGETALL h").items().is_empty());
    kvd.advance_ms(200);
    kvd.turn();
    assert_eq!(client.int("EXISTS h"), 0, "housekeeping removes the fields");
}

#[test]
fn field_expiries_are_written_as_asked() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd("HSET h f v g w");
    client.cmd("HEXPIRE h 100 FIELDS 1 f");
    for (format, kind, version) in [("valkey", 22, 80u16), ("redis", 24, 12)] {
        client.cmd(&format!("CONFIG SET rdb-format {format}"));
        let payload = dump(&client, "h");
        assert_eq!(payload[0], kind);
        assert_eq!(payload[payload.len() - 10..][..2], version.to_le_bytes());
        restore(&client, "copy", "0", &payload, &["REPLACE"]);
        let ttls = client.cmd("HTTL copy FIELDS 2 f g");
        assert_eq!(ttls.texts(), ["100", "-1"]);
    }
}

#[test]
fn what_redis_8_8_added_to_streams_survives() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd("XADD s IDMP producer message * f v");
    let id = client.cmd("XADD s * f v").text();
    client.cmd("XGROUP CREATE s g 0");
    client.cmd("XREADGROUP GROUP g me STREAMS s >");
    client.cmd(&format!("XNACK s g FAIL IDS 1 {id}"));
    let payload = dump(&client, "s");
    assert_eq!(payload[0], 27);
    restore(&client, "t", "0", &payload, &[]);
    for question in ["XINFO STREAM # FULL", "XPENDING # g - + 10", "XRANGE # - +"] {
        let [ours, copy] = ["s", "t"].map(|key| client.cmd(&question.replace('#', key)));
        assert_eq!(ours, copy, "{question}");
    }
    let again = client.text("XADD t IDMP producer message * f other");
    assert!(client.cmd("XRANGE t - + COUNT 1").items()[0].items()[0].text() == again);
    // Without producers there is nothing to tell of them.
    client.cmd("XADD u 1-1 f v");
    client.cmd("XGROUP CREATE u g 0");
    client.cmd("XREADGROUP GROUP g me STREAMS u >");
    client.cmd("XNACK u g FAIL IDS 1 1-1");
    let payload = dump(&client, "u");
    restore(&client, "w", "0", &payload, &[]);
    assert_eq!(
        client.cmd("XINFO STREAM u FULL"),
        client.cmd("XINFO STREAM w FULL")
    );
}

/// Someone who takes commands.
trait Server {
    fn words(&mut self, words: &[&[u8]]) -> Value;

    fn line(&mut self, line: &str) -> Value {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.words(&words)
    }
}

impl Server for Client {
    fn words(&mut self, words: &[&[u8]]) -> Value {
        self.cmd_words(words)
    }
}

impl Server for Connection {
    fn words(&mut self, words: &[&[u8]]) -> Value {
        self.send_raw(&request(words));
        self.take()
    }
}

/// Makes keys of every type and encoding, and says their names.
fn fill(server: &mut dyn Server, has_field_expiry: bool) -> Vec<String> {
    let mut keys = Vec::new();
    let strings = [
        String::new(),
        "12".into(),
        "-70000".into(),
        "99999999999".into(),
    ];
    let long = [
        "ab".repeat(500),
        "Z".repeat(20_000),
        "3.14".into(),
        "x".repeat(40),
    ];
    for (n, text) in strings.iter().chain(&long).enumerate() {
        server.line(&format!("SET string{n} {text}"));
        keys.push(format!("string{n}"));
    }
    for (kind, text) in [("int", ""), ("word", "word"), ("long", &"l".repeat(70))] {
        for count in [1, 30, 600] {
            let all: Vec<String> = (0..count).map(|n| format!("{text}{}", n * n)).collect();
            let fields: Vec<String> = all.iter().map(|t| format!("{t} {t}v")).collect();
            let score = |n: usize| (n as f64 - 3.0) / 8.0;
            let scores = all.iter().enumerate();
            let scores: Vec<String> = scores.map(|(n, t)| format!("{} {t}", score(n))).collect();
            let suffix = format!("{kind}{count}");
            for (command, words) in [
                ("RPUSH list", &all),
                ("SADD set", &all),
                ("HSET hash", &fields),
                ("ZADD zset", &scores),
            ] {
                server.line(&format!("{command}{suffix} {}", words.join(" ")));
                keys.extend(
                    command
                        .split(' ')
                        .nth(1)
                        .map(|key| format!("{key}{suffix}")),
                );
            }
            fill_stream(
                server,
                &format!("stream{suffix}"),
                &all[..all.len().min(250)],
            );
            keys.push(format!("stream{suffix}"));
        }
    }
    server.line(&format!(
        "RPUSH plain {} b {}",
        "a".repeat(9000),
        "c".repeat(20_000)
    ));
    server.line("ZADD edges inf a -inf b 4503599627370496.5 c 0.125 d");
    server.line("PFADD hll a b c d e");
    keys.extend(["plain", "edges", "hll"].map(str::to_owned));
    if has_field_expiry {
        server.line("HSET times f 1 g 2 h 3");
        server.line("HEXPIREAT times 33177117420 FIELDS 2 f g");
        keys.push("times".to_owned());
    }
    keys
}

fn fill_stream(server: &mut dyn Server, key: &str, texts: &[String]) {
    for (n, text) in texts.iter().enumerate() {
        let more = if n % 4 == 0 { " g h" } else { "" };
        let (ms, seq) = (n / 3 + 1, n % 3 + 1);
        server.line(&format!("XADD {key} {ms}-{seq} f {text}{more}"));
    }
    server.line(&format!("XDEL {key} 1-2"));
    server.line(&format!("XGROUP CREATE {key} group 0"));
    server.line(&format!("XGROUP CREATE {key} late $"));
    let count = texts.len() / 3 + 1;
    server.line(&format!(
        "XREADGROUP GROUP group ann COUNT {count} STREAMS {key} >"
    ));
    server.line(&format!("XGROUP CREATECONSUMER {key} group bob"));
}

/// What a key holds, as commands tell it.
fn contents(server: &mut dyn Server, key: &str) -> Vec<String> {
    let kind = server.line(&format!("TYPE {key}")).text();
    let mut texts = vec![kind.clone()];
    let ask = match kind.as_str() {
        "string" => format!("GET {key}"),
        "list" => format!("LRANGE {key} 0 -1"),
        "set" => format!("SORT {key} ALPHA"),
        "hash" => format!("HGETALL {key}"),
        "zset" => format!("ZRANGE {key} 0 -1 WITHSCORES"),
        _ => format!("XRANGE {key} - +"),
    };
    let reply = server.line(&ask);
    if kind == "hash" {
        let mut pairs: Vec<String> = reply.items().chunks(2).map(|p| format!("{p:?}")).collect();
        pairs.sort();
        texts.extend(pairs);
        return texts;
    }
    texts.push(format!("{reply:?}"));
    if kind == "stream" {
        for ask in [
            format!("XINFO STREAM {key}"),
            format!("XINFO GROUPS {key}"),
            format!("XPENDING {key} group"),
        ] {
            let text = format!("{:?}", server.line(&ask));
            // How many nodes a radix tree has is nobody's business.
            texts.push(match text.split_once("last-generated-id") {
                Some((_, rest)) => rest.split("idmp").next().unwrap_or(rest).to_owned(),
                None => text,
            });
        }
    }
    texts
}

fn carry(from: &mut dyn Server, to: &mut dyn Server, keys: &[String]) {
    for key in keys {
        let Value::Bulk(payload) = from.line(&format!("DUMP {key}")) else {
            panic!("{key} is not there");
        };
        let reply = to.words(&[b"RESTORE", key.as_bytes(), b"0", &payload]);
        assert_eq!(reply.text(), "OK", "{key}");
        assert_eq!(contents(from, key), contents(to, key), "{key}");
    }
}

/// The encodings agree too: the limits of both servers are the same, but for strings.
fn same_encodings(one: &mut dyn Server, other: &mut dyn Server, keys: &[String]) {
    let is_string = |key: &&String| key.starts_with("string") || *key == "hll";
    for key in keys.iter().filter(|key| !is_string(key)) {
        let ask = format!("OBJECT ENCODING {key}");
        assert_eq!(one.line(&ask), other.line(&ask), "{key}");
    }
}

#[test]
fn payloads_go_both_ways_with_valkey() {
    let Some(valkey) = peer("valkey-server") else {
        return;
    };
    let mut theirs = valkey.connect();
    let kvd = Kvd::new();
    let mut ours = kvd.client();
    let keys = fill(&mut theirs, true);
    carry(&mut theirs, &mut ours, &keys);
    same_encodings(&mut ours, &mut theirs, &keys);
    assert_eq!(
        ours.cmd("HEXPIRETIME times FIELDS 1 f").texts(),
        ["33177117420"]
    );
    for compression in ["yes", "no"] {
        theirs.line("FLUSHALL");
        ours.cmd("FLUSHALL");
        ours.cmd(&format!("CONFIG SET rdbcompression {compression}"));
        let keys = fill(&mut ours, true);
        carry(&mut ours, &mut theirs, &keys);
        same_encodings(&mut ours, &mut theirs, &keys);
    }
    let times = theirs.line("HEXPIRETIME times FIELDS 3 f g h");
    assert_eq!(times.texts(), ["33177117420", "33177117420", "-1"]);
}

#[test]
fn payloads_of_redis_7_0_are_taken() {
    let Some(redis) = peer("redis-server") else {
        return;
    };
    let mut theirs = redis.connect();
    let keys = fill(&mut theirs, false);
    let kvd = Kvd::new();
    let mut ours = kvd.client();
    for key in &keys {
        let Value::Bulk(payload) = theirs.line(&format!("DUMP {key}")) else {
            panic!("{key} is not there");
        };
        let reply = ours.words(&[b"RESTORE", key.as_bytes(), b"0", &payload]);
        assert_eq!(reply.text(), "OK", "{key}");
        // Redis 7.0 says less about streams.
        if !key.starts_with("stream") {
            assert_eq!(
                contents(&mut theirs, key),
                contents(&mut ours, key),
                "{key}"
            );
        }
        let ask = format!("XRANGE {key} - +");
        assert_eq!(theirs.line(&ask), ours.cmd(&ask), "{key}");
    }
}

/// What `kvd --check` prints, and whether it found nothing wrong.
fn check(path: &std::path::Path) -> (bool, String) {
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_kvd"))
        .arg("--check")
        .arg(path)
        .output()
        .expect("kvd runs");
    let text = [out.stdout, out.stderr].concat();
    (
        out.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[test]
fn files_of_peers_are_read() {
    for name in ["valkey-server", "redis-server"] {
        let Some(server) = peer(name) else { continue };
        let mut theirs = server.connect();
        let keys = fill(&mut theirs, name == "valkey-server");
        theirs.line("SET expiring v EX 1000");
        theirs.line("SELECT 3");
        theirs.line("SET elsewhere v");
        theirs.line("SELECT 0");
        theirs.line("SAVE");
        let path = server.file("dump.rdb");
        let (is_sound, text) = check(&path);
        assert!(is_sound, "{text}");
        let count = keys.len() + 1;
        let line = format!("database 0: {count} keys, 1 of them expire");
        assert!(
            text.contains(&line) && text.contains("database 3: 1 keys"),
            "{text}"
        );
        read_file(&std::fs::read(&path).expect("a file"), &mut theirs);
    }
}

/// Restores each key of a file in a server of its own, and compares.
fn read_file(file: &[u8], theirs: &mut Connection) {
    let (hasher, config) = (kvd::store::hash::seeded(3), kvd::config::Config::default());
    let context = LoadContext::new(&config, &hasher, 0, false);
    let mut reader = RdbReader::new(ReaderOptions::default());
    reader.feed(file);
    let options = WriteOptions {
        compresses: false,
        family: Family::Valkey,
    };
    let server = Kvd::new();
    let mut ours = server.client();
    while let Some(item) = reader.next(&context).expect("a sound file") {
        match item {
            Item::End => return,
            Item::Database(number) => {
                let select = format!("SELECT {number}");
                ours.cmd(&select);
                theirs.line(&select);
            }
            Item::Key(loaded) => {
                let name = String::from_utf8_lossy(&loaded.key).into_owned();
                let payload = kvd::persist::rdb::dump(loaded.value.view(), options);
                let at = loaded.expire_at.unwrap_or(0).to_string();
                let reply = restore(&ours, &name, &at, &payload, &["ABSTTL"]);
                assert_eq!(reply.text(), "OK", "{name}");
                let ask = format!("PEXPIRETIME {name}");
                assert_eq!(ours.cmd(&ask), theirs.line(&ask), "{name}");
                // Redis 7.0 says less about streams.
                if !name.starts_with("stream") {
                    assert_eq!(
                        contents(&mut ours, &name),
                        contents(theirs, &name),
                        "{name}"
                    );
                }
            }
            _ => {}
        }
    }
    panic!("the file has no end");
}

#[test]
fn damaged_files_are_found() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = RdbWriter::new(
        WriteOptions {
            compresses: true,
            family: Family::Redis,
        },
        false,
        true,
    );
    writer.database(0, 1, 0);
    let value = kvd::store::value::ValueRef::Str(b"a value of some length");
    writer.whole_key(b"key", KeyMeta::default(), value);
    writer.finish();
    let mut file = Vec::new();
    writer.take_into(&mut file);
    let path = dir.path().join("some.rdb");
    let verdict = |bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("written");
        check(&path)
    };
    let (is_sound, text) = verdict(&file);
    assert!(
        is_sound && text.contains("string  1 keys, 22 bytes"),
        "{text}"
    );
    let mut changed = file.clone();
    changed[25] ^= 1;
    for (bytes, wrong) in [
        (&changed[..], "CRC error".to_owned()),
        (
            &file[..20],
            "Unexpected end of the file at offset 15".to_owned(),
        ),
        (b"nonsense!", "no command stands at offset 0".to_owned()),
        (
            &[&file[..], b"more"].concat(),
            "4 bytes follow the end".to_owned(),
        ),
    ] {
        let (is_sound, text) = verdict(bytes);
        assert!(
            !is_sound && text.contains(&wrong),
            "{wrong} is not in {text}"
        );
    }
    let (is_sound, text) = check(&dir.path().join("absent"));
    assert!(!is_sound && text.contains("No such file"), "{text}");
}

#[test]
fn the_log_says_why_a_payload_was_refused() {
    let server = Process::kvd(&["--hide-user-data-from-log", "no"]);
    let mut client = server.connect();
    let mut restore = |payload: &[u8]| {
        client.send_raw(&request(&[b"RESTORE", &b"a\nkey"[..], b"0", payload]));
        client.take().text()
    };
    // A list of one entry that is no list: right to the checksum.
    let mut payload = vec![18, 1, 2, 3, 1, 2, 3, 11, 0];
    payload.extend(kvd::persist::rdb::Crc64::of(&payload).to_le_bytes());
    assert_eq!(restore(&payload), "ERR Bad data format");
    let log = server.wait_for_log("the payload of 17 bytes is refused: ");
    let line = log
        .lines()
        .find(|line| line.contains("RESTORE"))
        .expect("a line");
    assert!(
        line.contains("RESTORE for the key 'a\\nkey' from 127.0.0.1:"),
        "{line}"
    );
    assert!(line.contains("(type 18, version 11)"), "{line}");
    // Whoever sends thousands fills no disk.
    for _ in 0..1_000 {
        assert_eq!(
            restore(b"nothing"),
            "ERR DUMP payload version or checksum are wrong"
        );
    }
    let lines = server.log().matches("RESTORE").count();
    assert!(lines < 100, "{lines} lines");
    let start = std::time::Instant::now();
    while !server.log().contains("more since the last such line)") {
        restore(b"nothing");
        assert!(start.elapsed().as_secs() < 20, "{}", server.log());
    }
    let log = server.log();
    assert!(log.contains("It is shorter than its footer ("), "{log}");
}

#[test]
fn the_log_names_no_key_unless_told_to() {
    let server = Process::kvd(&[]);
    let mut client = server.connect();
    client.cmd("RESTORE secret 0 nothing");
    let log = server.wait_for_log("RESTORE from 127.0.0.1:");
    assert!(!log.contains("secret"), "{log}");
}
