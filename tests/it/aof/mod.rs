//! The append-only file: what is written, and that it makes the same data again.

mod written;

use kvd::host::memory::MemoryDisk;
use kvd::persist::aof::frame::{HEADER_LEN, Header, SEED_LINE_LEN, Seed};

use crate::harness::{Client, Kvd, request};

const ON: &[(&str, &str)] = &[
    ("appendonly", "yes"),
    ("aof-use-rdb-preamble", "no"),
    ("enable-debug-command", "yes"),
];
const INCR: &str = "appendonlydir/appendonly.aof.1.incr.aof";

/// A server with an append-only file, and its disk.
struct Logged {
    disk: MemoryDisk,
    kvd: Kvd,
}

impl Logged {
    fn new() -> Logged {
        let disk = MemoryDisk::default();
        let kvd = Kvd::on(disk.clone(), 1, ON);
        Logged { disk, kvd }
    }

    /// The commands in the file, one a line, without the frames.
    fn commands(&self) -> Vec<String> {
        self.kvd.turn();
        let content = self.disk.content(INCR).expect("an incremental file");
        commands_of(&content)
    }

    /// What the commands of a script are written as.
    fn written(script: &str) -> Vec<String> {
        let logged = Logged::new();
        let client = logged.kvd.client();
        for line in script.split(';') {
            client.cmd(line.trim());
        }
        let mut lines = logged.commands();
        assert_eq!(lines.remove(0), "SELECT 0");
        lines
    }
}

fn commands_of(mut content: &[u8]) -> Vec<String> {
    let mut commands = Vec::new();
    let line = |content: &mut &[u8]| {
        let end = content
            .windows(2)
            .position(|w| w == b"\r\n")
            .expect("a line");
        let line = String::from_utf8_lossy(&content[..end]).into_owned();
        *content = &content[end + 2..];
        line
    };
    while !content.is_empty() {
        let head = line(&mut content);
        if head.starts_with('#') {
            continue;
        }
        let count: usize = head[1..].parse().expect("a count");
        let mut words = Vec::new();
        for _ in 0..count {
            let len: usize = line(&mut content)[1..].parse().expect("a length");
            words.push(String::from_utf8_lossy(&content[..len]).into_owned());
            content = &content[len + 2..];
        }
        commands.push(words.join(" "));
    }
    commands
}

/// Every family once or more; a server that loads the file has the same data.
const EVERYTHING: &str = "\
    SET s v EX 100; APPEND s w; SETRANGE s 5 x; SETBIT bits 77 1; INCR n; INCRBYFLOAT n 0.5; \
    MSET a 1 b 2 c 3; RENAME a aa; COPY aa ab; MOVE b 3; GETDEL c; SETEX e 100 v; \
    GETEX e PERSIST; RPUSH l a b c d; LPOP l; LSET l 0 z; LINSERT l AFTER z y; LREM l 1 c; \
    LTRIM l 0 5; LMOVE l l2 LEFT RIGHT; RPOPLPUSH l l2; SADD set 1 2 3; SADD set x y; SPOP set; \
    SPOP set 2; SMOVE set set2 x; SADD t 1 2 x; SINTERSTORE d set t; SUNIONSTORE u set t; \
    HSET h f v g w; HINCRBY h n 3; HINCRBYFLOAT h n 1.5; HEXPIRE h 100 FIELDS 1 f; \
    HSETEX h EX 50 FIELDS 1 x y; HGETEX h PERSIST FIELDS 1 f; HGETDEL h FIELDS 1 g; \
    ZADD z 1 a 2 b 3 c; ZINCRBY z 2.5 a; ZPOPMAX z; ZADD z2 5 b; \
    ZUNIONSTORE zu 2 z z2 AGGREGATE MAX; ZRANGESTORE zr z 0 -1; ZREMRANGEBYRANK zu 0 0; \
    PFADD hll a b c; PFMERGE hll2 hll; GEOADD geo 13.361389 38.115556 Palermo; \
    GEOSEARCHSTORE geo2 geo FROMMEMBER Palermo BYRADIUS 10 km; XADD st * f v; XADD st * f w; \
    XADD st MAXLEN ~ 100 * f x; XGROUP CREATE st g 0; \
    XREADGROUP GROUP g c1 COUNT 2 STREAMS st >; XAUTOCLAIM st g c2 0 0 COUNT 1; \
    XTRIM st MAXLEN 2; XADD idmp IDMPAUTO p * f v; XADD idmp IDMP p i * f v; SELECT 5; \
    SET other 1; SWAPDB 5 6; SELECT 0; BITOP NOT notbits bits; BITFIELD bf INCRBY u8 0 300; \
    SORT l2 STORE sorted ALPHA; MULTI; SET tx 1; INCR tx; EXEC; DELEX tx IFEQ 2; \
    INCREX rate BYINT 1 EX 10; MSETEX 2 m1 1 m2 2 EX 100; SET p v; EXPIRE p 100; PERSIST p; \
    XNACK st g SILENT IDS 1 0-1 FORCE; FLUSHDB";

#[test]
fn loading_makes_the_same_data() {
    let logged = Logged::new();
    let client = logged.kvd.client();
    let script = EVERYTHING.trim_end_matches("; FLUSHDB");
    for line in script.split(';') {
        let reply = client.cmd(line.trim());
        assert!(
            !format!("{reply:?}").starts_with("Error") || line.contains("XNACK"),
            "{line}: {reply:?}"
        );
    }
    logged.kvd.turn();
    let again = Kvd::on(logged.disk.clone(), 2, ON);
    let other = again.client();
    assert_eq!(client.digest(), other.digest());
    for line in [
        "XINFO STREAM st FULL",
        "TTL s",
        "HTTL h FIELDS 2 f x",
        "DBSIZE",
        "XINFO STREAM idmp",
        "XPENDING st g",
        "TTL m1",
    ] {
        assert_eq!(client.cmd(line), other.cmd(line), "{line}");
    }
    client.cmd("FLUSHALL");
    logged.kvd.turn();
    let empty = Kvd::on(logged.disk.clone(), 3, ON);
    assert_eq!(empty.client().int("DBSIZE"), 0);
}

#[test]
fn a_new_base_holds_data_and_functions() {
    for preamble in ["yes", "no"] {
        let options = [ON, &[("aof-use-rdb-preamble", preamble)]].concat();
        let disk = MemoryDisk::default();
        let kvd = Kvd::on(disk.clone(), 1, &options);
        let client = kvd.client();
        for line in EVERYTHING.trim_end_matches("; FLUSHDB").split(';') {
            client.cmd(line.trim());
        }
        for name in ["a", "b"] {
            let code = format!(
                "#!lua name={name}\nredis.register_function('{name}', function() return 1 end)"
            );
            assert_eq!(client.cmd_words(&["FUNCTION", "LOAD", &code]).text(), name);
        }
        client.cmd("BGREWRITEAOF");
        let rewrites = || {
            client
                .text("INFO persistence")
                .contains("aof_rewrite_in_progress:1")
        };
        while rewrites() {
            kvd.advance_ms(10);
        }
        assert!(disk.content(INCR).is_none(), "it is replaced");
        let again = Kvd::on(disk, 2, &options);
        let other = again.client();
        assert_eq!(client.digest(), other.digest(), "preamble {preamble}");
        for line in ["FUNCTION LIST WITHCODE", "XRANGE st - +"] {
            assert_eq!(
                client.cmd(line),
                other.cmd(line),
                "{line}, preamble {preamble}"
            );
        }
    }
}

/// A producer that sends a message again after a restart is told of the entry it became, though
/// that is gone.
#[test]
fn messages_are_remembered_longer_than_their_entries() {
    let disk = MemoryDisk::default();
    let kvd = Kvd::on(disk.clone(), 1, ON);
    let client = kvd.client();
    let (trimmed, deleted) = ("XADD s IDMP p i MAXLEN 0 * f v", "XADD t IDMP p i * f v");
    let (trimmed_id, deleted_id) = (client.text(trimmed), client.text(deleted));
    client.cmd(&format!("XDEL t {deleted_id}"));
    let remember = |kvd: &Kvd| {
        let client = kvd.client();
        assert_eq!(client.text(trimmed), trimmed_id);
        assert_eq!(client.text(deleted), deleted_id);
    };
    kvd.turn();
    let again = Kvd::on(disk.clone(), 2, ON);
    remember(&again);
    again.client().cmd("BGREWRITEAOF");
    while disk.content(INCR).is_some() {
        again.advance_ms(10);
    }
    remember(&Kvd::on(disk, 3, ON));
}

#[test]
fn a_group_has_read_as_much_after_loading() {
    let logged = Logged::new();
    let client = logged.kvd.client();
    client.cmd("XADD s 1-1 f v");
    client.cmd("XADD s 2-1 f v");
    client.cmd("XGROUP CREATE s g 1-1 ENTRIESREAD 2");
    client.cmd("XREADGROUP GROUP g c STREAMS s >");
    client.cmd("XADD s 3-1 f v");
    logged.kvd.turn();
    let again = Kvd::on(logged.disk.clone(), 2, ON);
    let groups = |client: &Client| format!("{:?}", client.cmd("XINFO GROUPS s"));
    assert_eq!(groups(&client), groups(&again.client()));
    assert!(groups(&client).contains("\"entries-read\", :2, \"lag\", :1"));
    // A base of commands sets what was added before it creates the group.
    client.cmd("XDEL s 1-1");
    client.cmd("XACK s g 2-1");
    client.cmd("XDEL s 2-1");
    client.cmd("XSETID s 3-1 ENTRIESADDED 1");
    client.cmd("BGREWRITEAOF");
    while logged.disk.content(INCR).is_some() {
        logged.kvd.advance_ms(10);
    }
    let again = Kvd::on(logged.disk.clone(), 3, ON);
    assert_eq!(groups(&client), groups(&again.client()));
}

/// A message that was delivered before the clock was set back is as idle after a restart as
/// without one.
#[test]
fn a_delivery_keeps_its_time_when_the_clock_was_set_back() {
    let logged = Logged::new();
    let client = logged.kvd.client();
    client.cmd("XADD s 1-1 f v");
    client.cmd("XGROUP CREATE s g 0");
    client.cmd("XREADGROUP GROUP g c STREAMS s >");
    logged.kvd.turn();
    let delivered_at = logged.kvd.unix_ms();
    let again = Kvd::at(logged.disk.clone(), 2, ON, delivered_at - 1_000).expect("a log");
    let idle_ms = || again.client().cmd("XPENDING s g - + 1").items()[0].items()[2].int();
    assert_eq!(idle_ms(), 0);
    again.advance_ms(1_200);
    assert_eq!(idle_ms(), 200);
    let client = again.client();
    client.cmd(&format!(
        "XCLAIM s g c 0 1-1 TIME {}",
        again.unix_ms() + 999
    ));
    again.advance_ms(50);
    assert_eq!(idle_ms(), 50, "a client tells of no time to come");
}

/// Of very many fields whose time has come a command removes some. The others lie there still, and
/// are there when the log is read.
#[test]
fn fields_that_are_gone_but_lie_there_do_not_count_while_loading() {
    let logged = Logged::new();
    let client = logged.kvd.client();
    client.cmd("DEBUG SET-ACTIVE-EXPIRE 0");
    let names: Vec<String> = (0..3000).map(|n| format!("f{n}")).collect();
    let pairs: Vec<String> = names.iter().map(|name| format!("{name} 5")).collect();
    for key in ["h", "sor", "sed"] {
        client.cmd(&format!("HSET {key} {}", pairs.join(" ")));
        client.cmd(&format!("HPEXPIRE {key} 5 FIELDS 3000 {}", names.join(" ")));
    }
    client.cmd("RPUSH l ed or");
    logged.kvd.advance_ms(10);
    for (command, reply) in [
        ("HINCRBY h f2999 1", ":1"),
        ("HINCRBY h f1500 1", ":1"),
        ("HSETNX h f1400 x", ":1"),
        ("HSETNX h f2600 x", ":1"),
        ("HSETEX h KEEPTTL FIELDS 3 f1300 x f2700 y f2999 2", ":1"),
        ("HINCRBYFLOAT h f1200 0.5", "\"0.5\""),
        ("SORT l BY s*->f2999 GET s*->f1500 STORE d", ":2"),
    ] {
        assert_eq!(format!("{:?}", client.cmd(command)), reply, "{command}");
    }
    logged.kvd.turn();
    let again = Kvd::at(logged.disk.clone(), 2, ON, 1_700_000_001_000).expect("a server");
    let other = again.client();
    for line in [
        "HMGET h f2999 f1500 f1400 f2600 f1300 f2700 f1200",
        "HTTL h FIELDS 7 f2999 f1500 f1400 f2600 f1300 f2700 f1200",
        "LRANGE d 0 -1",
    ] {
        assert_eq!(client.cmd(line), other.cmd(line), "{line}");
    }
}

#[test]
fn sorting_again_while_loading_gives_the_same() {
    let logged = Logged::new();
    let client = logged.kvd.client();
    for line in [
        "HSET h1 w 2",
        "HSET h2 w 1",
        "HPEXPIRE h1 500 FIELDS 1 w",
        "RPUSH l 1 2",
        "SORT l BY h*->w STORE by-field",
        "SADD set c a b",
        "SORT set BY none-* ALPHA STORE by-nothing",
    ] {
        client.cmd(line);
    }
    logged.kvd.turn();
    // The field's time has come.
    let again = Kvd::at(logged.disk.clone(), 2, ON, 1_700_000_001_000).expect("a server");
    let other = again.client();
    assert_eq!(other.cmd("LRANGE by-field 0 -1").texts(), ["2", "1"]);
    assert_eq!(other.cmd("LRANGE by-nothing 0 -1").texts(), ["a", "b", "c"]);
    assert_eq!(
        client.cmd("LRANGE by-nothing 0 -1").texts(),
        ["a", "b", "c"]
    );
}

/// A file that was written by 20 single commands.
fn twenty() -> (MemoryDisk, Vec<u8>) {
    let logged = Logged::new();
    let client = logged.kvd.client();
    for i in 0..20 {
        client.cmd(&format!("SET key{i} {i}"));
        logged.kvd.turn();
    }
    let content = logged.disk.content(INCR).expect("a file");
    (logged.disk, content)
}

#[test]
fn a_torn_tail_is_cut_wherever_it_is() {
    let (disk, content) = twenty();
    for len in (SEED_LINE_LEN..content.len()).rev().step_by(7) {
        disk.put(INCR, &content[..len]);
        let kvd = Kvd::on(disk.clone(), 1, ON);
        let keys = kvd.client().int("DBSIZE") as usize;
        assert_eq!(keys, commands_of_whole_frames(&content[..len]));
        let left = disk.content(INCR).expect("a file");
        assert!(content.starts_with(&left), "only the tail is cut");
        // The server goes on behind the cut.
        let client = kvd.client();
        client.cmd("SET more 1");
        kvd.turn();
        let again = Kvd::on(disk.clone(), 1, ON);
        assert_eq!(again.client().int("DBSIZE") as usize, keys + 1);
    }
}

/// SETs in frames that are complete.
fn commands_of_whole_frames(content: &[u8]) -> usize {
    let mut rest = content.get(SEED_LINE_LEN..).unwrap_or_default();
    let mut count = 0;
    while let Some(header) = Header::parse(rest) {
        let len = header.len as usize;
        let Some(commands) = rest.get(HEADER_LEN..HEADER_LEN + len) else {
            break;
        };
        count += String::from_utf8_lossy(commands).matches("SET").count();
        rest = &rest[HEADER_LEN + len..];
    }
    count
}

#[test]
fn a_flipped_bit_never_loads_as_data() {
    let (disk, content) = twenty();
    for at in (0..content.len()).step_by(11) {
        let mut damaged = content.clone();
        damaged[at] ^= 4;
        disk.put(INCR, &damaged);
        // What a crash may leave is cut; here every frame after the first second says that the
        // ones before it were not synced yet, so all of it may be torn.
        let kvd = Kvd::try_on(disk.clone(), 1, ON);
        let Ok(kvd) = kvd else { continue };
        let client = kvd.client();
        for i in 0..20 {
            if client.int(&format!("EXISTS key{i}")) == 1 {
                assert_eq!(client.text(&format!("GET key{i}")), i.to_string(), "{at}");
            }
        }
    }
}

#[test]
fn damage_before_what_was_durable_is_refused() {
    let logged = Logged::new();
    let client = logged.kvd.client();
    for i in 0..20 {
        client.cmd(&format!("SET key{i} {i}"));
        logged.kvd.advance_ms(600);
    }
    let mut content = logged.disk.content(INCR).expect("a file");
    content[SEED_LINE_LEN + HEADER_LEN + 10] ^= 1;
    logged.disk.put(INCR, &content);
    assert!(Kvd::try_on(logged.disk.clone(), 1, ON).is_err());
    assert_eq!(logged.disk.content(INCR), Some(content), "nothing is cut");
}

/// The first line is durable before anything is written behind it.
#[test]
fn a_damaged_first_line_is_refused() {
    let (disk, content) = twenty();
    let bits = (0..SEED_LINE_LEN * 8).map(|bit| {
        let mut damaged = content.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        damaged
    });
    let mut zeros = content.clone();
    zeros[..512].fill(0);
    for damaged in bits.chain([zeros]) {
        disk.put(INCR, &damaged);
        assert!(Kvd::try_on(disk.clone(), 1, ON).is_err());
        assert_eq!(disk.content(INCR), Some(damaged), "nothing is cut");
    }
}

/// A client stores what looks like later writes, which say that everything was durable; then the
/// power fails within that very write.
#[test]
fn a_value_cannot_pass_for_what_follows_a_torn_write() {
    let (disk, content) = twenty();
    let kvd = Kvd::on(disk.clone(), 1, ON);
    let client = kvd.client();
    let len = content.len() as u64;
    let forged: String = (len..len + 20_000)
        .step_by(HEADER_LEN)
        .map(|synced| Header::of(b"", synced, Seed(0)).text())
        .collect();
    client.cmd_words(&["SET", "forged", &forged]);
    kvd.turn();
    let torn = disk.content(INCR).expect("a file");
    for len in [torn.len() - 1, content.len() + HEADER_LEN + 1000] {
        disk.put(INCR, &torn[..len]);
        let again = Kvd::on(disk.clone(), 1, ON);
        assert_eq!(again.client().int("DBSIZE"), 20);
        assert_eq!(disk.content(INCR), Some(content.clone()));
    }
}

#[test]
fn files_of_other_servers_are_loaded() {
    let disk = MemoryDisk::default();
    disk.put(
        "appendonly.aof",
        b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n",
    );
    let kvd = Kvd::on(disk.clone(), 1, ON);
    let client = kvd.client();
    assert_eq!(client.text("GET a"), "1");
    client.cmd("SET b 2");
    kvd.turn();
    assert!(disk.content("appendonly.aof").is_none(), "it has moved");
    let again = Kvd::on(disk.clone(), 1, ON);
    assert_eq!(again.client().int("DBSIZE"), 2);
}

/// They leave the LIMIT of a trimming that was approximate beside the exact one they log.
#[test]
fn what_other_servers_log_of_trimming_is_taken() {
    let disk = MemoryDisk::default();
    let mut content = Vec::new();
    for line in [
        "SELECT 0",
        "XADD s MAXLEN = 9 LIMIT 100 1-1 f v",
        "XADD s MINID = 2-1 LIMIT 1 2-1 f v",
        "XADD s 3-1 f v",
        "XTRIM s MINID = 3-1 LIMIT 1",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        content.extend(request(&words));
    }
    disk.put("appendonly.aof", &content);
    let kvd = Kvd::on(disk, 1, ON);
    let client = kvd.client();
    assert_eq!(client.int("XLEN s"), 1);
    assert_eq!(client.cmd("XINFO STREAM s").field("entries-added").int(), 3);
    assert!(
        client
            .err("XADD s MAXLEN = 9 LIMIT 1 * f v")
            .contains("LIMIT")
    );
}

/// What another server wrote has no checksums: a line ends it, behind which there are some.
#[test]
fn files_of_other_servers_are_written_on() {
    let disk = MemoryDisk::default();
    let set = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";
    let torn = [&set[..], &set[..10]].concat();
    let manifest = "file appendonly.aof.1.incr.aof seq 1 type i\n";
    disk.put(INCR, &torn);
    disk.put("appendonlydir/appendonly.aof.manifest", manifest.as_bytes());
    for keys in 1..4 {
        let kvd = Kvd::on(disk.clone(), 1, ON);
        let client = kvd.client();
        assert_eq!(client.int("DBSIZE"), keys);
        client.cmd(&format!("SET key{keys} 1"));
        kvd.turn();
    }
    let content = disk.content(INCR).expect("a file");
    let seed = &content[set.len()..set.len() + SEED_LINE_LEN];
    assert!(content.starts_with(set) && Seed::parse(seed).is_some());
    // All of it was durable before that line was there, and the line before any frame.
    let refused = |damage: &dyn Fn(&mut Vec<u8>)| {
        let mut damaged = content.clone();
        damage(&mut damaged);
        disk.put(INCR, &damaged);
        assert!(Kvd::try_on(disk.clone(), 1, ON).is_err());
        assert_eq!(disk.content(INCR), Some(damaged), "nothing is cut");
    };
    refused(&|content| content[5] = b'9');
    refused(&|content| content[20] = 0);
    for at in set.len()..set.len() + SEED_LINE_LEN {
        refused(&|content| content[at] ^= 1);
    }
    // While nothing follows that line, it may be torn itself.
    for len in set.len()..set.len() + SEED_LINE_LEN {
        disk.put(INCR, &content[..len]);
        let kvd = Kvd::on(disk.clone(), 1, ON);
        assert_eq!(kvd.client().int("DBSIZE"), 1);
        kvd.client().cmd("SET b 1");
        kvd.turn();
        assert_eq!(Kvd::on(disk.clone(), 1, ON).client().int("DBSIZE"), 2);
    }
}

/// A new file was named for a rewrite that did not begin: the one before may be torn.
#[test]
fn a_file_that_only_a_new_one_follows_may_be_torn() {
    let (disk, content) = twenty();
    disk.put(INCR, &content[..content.len() - 1]);
    let manifest = "appendonlydir/appendonly.aof.manifest";
    let mut text = disk.content(manifest).expect("a manifest");
    text.extend_from_slice(b"file appendonly.aof.2.incr.aof seq 2 type i\n");
    disk.put(manifest, &text);
    let next = "appendonlydir/appendonly.aof.2.incr.aof";
    disk.put(next, Seed(7).line().as_bytes());
    let kvd = Kvd::on(disk.clone(), 1, ON);
    assert_eq!(kvd.client().int("DBSIZE"), 19);
    kvd.client().cmd("SET more 1");
    kvd.turn();
    // Now something follows.
    disk.put(INCR, &content[..content.len() - 1]);
    assert!(Kvd::try_on(disk, 1, ON).is_err());
}

#[test]
fn a_transaction_without_its_end_does_not_run() {
    let disk = MemoryDisk::default();
    let whole = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";
    let mut content = whole.to_vec();
    content.extend_from_slice(b"*1\r\n$5\r\nMULTI\r\n");
    content.extend_from_slice(b"*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n1\r\n");
    disk.put(INCR, &content);
    let manifest = "file appendonly.aof.1.incr.aof seq 1 type i\n";
    disk.put("appendonlydir/appendonly.aof.manifest", manifest.as_bytes());
    let kvd = Kvd::on(disk.clone(), 1, ON);
    assert_eq!(kvd.client().int("DBSIZE"), 1);
    let left = disk.content(INCR).expect("a file");
    let (left, line) = left.split_at(whole.len());
    assert_eq!(left, whole);
    assert!(Seed::parse(line).is_some() && line.len() == SEED_LINE_LEN);
    let strict = [ON, &[("aof-load-truncated", "no")]].concat();
    disk.put(INCR, &content);
    assert!(Kvd::try_on(disk, 1, &strict).is_err());
}

#[test]
fn a_server_does_not_end_before_its_first_base_is_there() {
    let kvd = Kvd::with(&[("save", ""), ("rdb-key-save-delay", "10000000")]);
    let client = kvd.client();
    client.cmd("MSET a 1 b 2");
    assert_eq!(client.text("CONFIG SET appendonly yes"), "OK");
    for line in ["SHUTDOWN", "SHUTDOWN NOSAVE"] {
        let refused = "ERR Errors trying to SHUTDOWN. Check logs.";
        assert_eq!(client.err(line), refused, "{line}");
        assert!(!kvd.engine().is_exiting());
    }
    client.send("SHUTDOWN FORCE");
    assert!(kvd.engine().is_exiting());
}

#[test]
fn a_rewrite_that_gives_way_to_debug_reload_begins_anew() {
    let logged = Logged::new();
    let client = logged.kvd.client();
    client.cmd("SET k v");
    client.send_raw(b"BGREWRITEAOF\r\nDEBUG RELOAD\r\n");
    let replies: Vec<_> = client.take().iter().map(|reply| reply.text()).collect();
    assert_eq!(
        replies,
        ["Background append only file rewriting started", "OK"]
    );
    let state = |client: &Client| client.text("INFO persistence");
    for _ in 0..100 {
        logged.kvd.advance_ms(100);
    }
    let text = state(&client);
    assert!(text.contains("aof_rewrite_in_progress:0\r\n"), "{text}");
    assert!(
        text.contains("aof_rewrites_consecutive_failures:0\r\n"),
        "{text}"
    );
    let base = "appendonlydir/appendonly.aof.2.base.aof";
    assert!(logged.disk.content(base).is_some());
    assert_eq!(
        client.text("BGREWRITEAOF"),
        "Background append only file rewriting started"
    );
}
