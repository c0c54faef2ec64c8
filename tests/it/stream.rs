//! Streams.

use crate::harness::{Client, Kvd, Value};

/// `[id, [field, value, ...]]` entries as text.
fn show(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(show).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Map(pairs) => {
            let pairs: Vec<String> = pairs
                .iter()
                .map(|(key, value)| format!("{}: {}", show(key), show(value)))
                .collect();
            format!("{{{}}}", pairs.join(" "))
        }
        Value::Bulk(_) | Value::Simple(_) | Value::Int(_) => value.text(),
        Value::Error(line) => format!("-{line}"),
        other => format!("{other:?}"),
    }
}

/// Runs each line and compares its reply.
#[track_caller]
fn script(client: &Client, lines: &[(&str, &str)]) {
    for (line, wanted) in lines {
        assert_eq!(show(&client.cmd(line)), *wanted, "{line}");
    }
}

#[test]
fn entries_are_added_and_read_back() {
    let kvd = Kvd::new();
    let client = kvd.client();
    let now = kvd.unix_ms();
    script(
        &client,
        &[
            ("XADD s NOMKSTREAM * a 1", "$-1"),
            ("XADD s 1-1 a 1", "1-1"),
            ("XADD s 1-* b 2", "1-2"),
            ("XADD s 7 c 3 d 4", "7-0"),
            ("XLEN s", "3"),
            ("XRANGE s - +", "[[1-1 [a 1]] [1-2 [b 2]] [7-0 [c 3 d 4]]]"),
            ("XRANGE s (1-1 + COUNT 1", "[[1-2 [b 2]]]"),
            ("XREVRANGE s + - COUNT 2", "[[7-0 [c 3 d 4]] [1-2 [b 2]]]"),
            ("XRANGE s - + COUNT 0", "*-1"),
            ("XRANGE none - + COUNT 0", "[]"),
            (
                "XRANGE s ( +",
                "-ERR Invalid stream ID specified as stream command argument",
            ),
            (
                "XADD s 7 a 1",
                "-ERR The ID specified in XADD is equal or smaller than the target stream top \
                 item",
            ),
            (
                "XADD fresh 0-0 a 1",
                "-ERR The ID specified in XADD must be greater than 0-0",
            ),
            ("EXISTS fresh", "0"),
            (
                "XADD s * a",
                "-ERR wrong number of arguments for 'xadd' command",
            ),
            ("XDEL s 1-2 1-2 9-9", "1"),
            ("XLEN s", "2"),
            ("XDEL none 1-1", "0"),
        ],
    );
    assert_eq!(client.text("XADD s * e 5"), format!("{now}-0"));
    assert_eq!(client.text("XADD s * e 6"), format!("{now}-1"));
    client.cmd("SET text v");
    assert!(client.err("XADD text * a 1").starts_with("WRONGTYPE"));
}

#[test]
fn trimming() {
    let client = Kvd::new().client();
    for n in 1..=250 {
        client.cmd(&format!("XADD s {n}-0 f {n}"));
    }
    script(
        &client,
        &[
            ("XTRIM s MAXLEN ~ 120", "100"),
            ("XTRIM s MAXLEN = 120", "30"),
            ("XTRIM s MINID 200-0", "69"),
            ("XADD s MAXLEN 3 300-0 f v", "300-0"),
            (
                "XRANGE s - +",
                "[[249-0 [f 249]] [250-0 [f 250]] [300-0 [f v]]]",
            ),
            (
                "XTRIM s LIMIT 5",
                "-ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
            ),
            ("XTRIM s KEEPREF ACKED", "-ERR syntax error"),
            (
                "XTRIM s MAXLEN 1 LIMIT 5",
                "-ERR syntax error, LIMIT cannot be used without the special ~ option",
            ),
            (
                "XTRIM s MAXLEN 1 MINID 5",
                "-ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
            ),
            (
                "XTRIM s MAXLEN -1",
                "-ERR The MAXLEN argument must be >= 0.",
            ),
            (
                "XTRIM s MAXLEN ~",
                "-ERR value is not an integer or out of range",
            ),
            ("XGROUP CREATE s g 0", "OK"),
            ("XTRIM s MAXLEN 0 ACKED", "0"),
            (
                "XREADGROUP GROUP g c COUNT 1 STREAMS s >",
                "[[s [[249-0 [f 249]]]]]",
            ),
            ("XTRIM s MAXLEN 0 DELREF", "3"),
            ("XPENDING s g", "[0 $-1 $-1 *-1]"),
            ("XLEN s", "0"),
            ("EXISTS s", "1"),
        ],
    );
}

#[test]
fn a_message_sent_twice_is_added_once() {
    let kvd = Kvd::new();
    let client = kvd.client();
    let first = client.text("XADD s IDMP p i * f v");
    assert_eq!(client.text("XADD s IDMP p i * f other"), first);
    let auto = client.text("XADD s IDMPAUTO p * a 1 b 2");
    assert_eq!(client.text("XADD s IDMPAUTO p * b 2 a 1"), auto);
    assert_eq!(client.int("XLEN s"), 2);
    kvd.advance_ms(100_000);
    assert_ne!(client.text("XADD s IDMP p i * f v"), first);
    let info = client.cmd("XINFO STREAM s");
    assert_eq!(info.field("iids-added").int(), 3);
    assert_eq!(info.field("iids-duplicates").int(), 2);
    script(
        &client,
        &[
            ("XCFGSET s IDMP-DURATION 300 IDMP-MAXSIZE 2", "OK"),
            ("XCFGSET s", "-ERR At least one parameter must be specified"),
            ("XCFGSET s IDMP-MAXSIZE", "-ERR syntax error"),
            ("XCFGSET none IDMP-DURATION 300", "-ERR no such key"),
            (
                "XCFGSET s IDMP-DURATION 0",
                "-ERR IDMP-DURATION must be between 1 and 86400 seconds",
            ),
            (
                "XADD s IDMP p i 1-1 f v",
                "-ERR IDMP/IDMPAUTO can be used only with auto-generated IDs",
            ),
            (
                "XADD s IDMP p i IDMPAUTO p * f v",
                "-ERR IDMP/IDMPAUTO specified multiple times",
            ),
        ],
    );
    assert_eq!(client.text(&format!("XIDMPRECORD s q j {first}")), "OK");
    assert_eq!(client.text("XADD s IDMP q j * f v"), first);
    assert!(
        client
            .err(&format!("XIDMPRECORD s q j {auto}"))
            .contains("different")
    );
}

#[test]
fn reading_several_streams() {
    let client = Kvd::new().client();
    for line in [
        "XADD a 1 f v",
        "XADD a 2 f v",
        "XADD b 1 f v",
        "XADD b 2 f v",
    ] {
        client.cmd(line);
    }
    script(
        &client,
        &[
            (
                "XREAD COUNT 1 STREAMS a none b 0 0 1",
                "[[a [[1-0 [f v]]]] [b [[2-0 [f v]]]]]",
            ),
            ("XREAD STREAMS a $", "*-1"),
            ("XREAD STREAMS a +", "[[a [[2-0 [f v]]]]]"),
            (
                "XREAD MAXCOUNT 3 STREAMS a b 0 0",
                "[[a [[1-0 [f v]] [2-0 [f v]]]] [b [[1-0 [f v]]]]]",
            ),
            ("XREAD MAXSIZE 1 STREAMS a b 0 0", "[[a [[1-0 [f v]]]]]"),
            (
                "XREAD STREAMS a b 0",
                "-ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must \
                 be specified.",
            ),
            ("XREAD COUNT 1 BLOCK 1", "-ERR syntax error"),
            (
                "XREAD NOACK STREAMS a 0",
                "-ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
            ),
            ("XREAD BLOCK -1 STREAMS a 0", "-ERR timeout is negative"),
        ],
    );
    client.cmd("HELLO 3");
    script(
        &client,
        &[
            ("XREAD STREAMS a 1", "{a: [[2-0 [f v]]]}"),
            ("XREAD STREAMS a 2", "_"),
        ],
    );
}

#[test]
fn xread_waits_for_what_is_new() {
    let kvd = Kvd::new();
    let (one, two) = (kvd.client(), kvd.client());
    two.cmd("XADD s 1-0 f old");
    one.send("XREAD BLOCK 0 STREAMS s other $ $");
    assert!(one.is_silent());
    two.cmd("XDEL s 1-0");
    assert!(one.is_silent());
    two.cmd("MULTI");
    two.cmd("XADD s 2-0 f new");
    two.cmd("XADD s 3-0 f newer");
    two.cmd("EXEC");
    assert_eq!(
        show(&one.take_one()),
        "[[s [[2-0 [f new]] [3-0 [f newer]]]]]"
    );
    one.send("XREAD BLOCK 100 STREAMS s $");
    kvd.advance_ms(100);
    assert_eq!(one.take_one(), Value::NullArray);
    one.send("XREAD BLOCK 0 STREAMS late $");
    two.cmd("XADD late 1-1 f v");
    assert_eq!(show(&one.take_one()), "[[late [[1-1 [f v]]]]]");
    one.cmd("MULTI");
    one.cmd("XREAD BLOCK 0 STREAMS s $");
    assert_eq!(show(&one.cmd("EXEC")), "[*-1]");
}

#[test]
fn a_group_shares_entries_among_its_consumers() {
    let kvd = Kvd::new();
    let client = kvd.client();
    for n in 1..=4 {
        client.cmd(&format!("XADD s {n}-0 f {n}"));
    }
    script(
        &client,
        &[
            ("XGROUP CREATE s g 0", "OK"),
            (
                "XGROUP CREATE s g 0",
                "-BUSYGROUP Consumer Group name already exists",
            ),
            (
                "XREADGROUP GROUP g one COUNT 2 STREAMS s >",
                "[[s [[1-0 [f 1]] [2-0 [f 2]]]]]",
            ),
            (
                "XREADGROUP GROUP g two STREAMS s >",
                "[[s [[3-0 [f 3]] [4-0 [f 4]]]]]",
            ),
            ("XREADGROUP GROUP g two STREAMS s >", "*-1"),
            ("XREADGROUP GROUP g two STREAMS s 3", "[[s [[4-0 [f 4]]]]]"),
            ("XPENDING s g", "[4 1-0 4-0 [[one 2] [two 2]]]"),
            ("XPENDING s g - + 10 two", "[[3-0 two 0 1] [4-0 two 0 2]]"),
            ("XACK s g 1-0 1-0 9-9", "1"),
            ("XDEL s 2-0", "1"),
            ("XREADGROUP GROUP g one STREAMS s 0", "[[s [[2-0 *-1]]]]"),
            ("XGROUP DELCONSUMER s g two", "2"),
            ("XPENDING s g", "[1 2-0 2-0 [[one 1]]]"),
            ("XGROUP CREATECONSUMER s g two", "1"),
            ("XGROUP CREATECONSUMER s g two", "0"),
            ("XGROUP SETID s g 3-0", "OK"),
            (
                "XREADGROUP GROUP g two NOACK STREAMS s >",
                "[[s [[4-0 [f 4]]]]]",
            ),
            ("XPENDING s g - + 10 two", "[]"),
            (
                "XPENDING s none",
                "-NOGROUP No such key 's' or consumer group 'none'",
            ),
            (
                "XREADGROUP GROUP none c STREAMS s >",
                "-NOGROUP No such key 's' or consumer group 'none' in XREADGROUP with GROUP \
                 option",
            ),
            (
                "XREADGROUP COUNT 1 COUNT 1 STREAMS s >",
                "-ERR Missing GROUP option for XREADGROUP",
            ),
            (
                "XGROUP CREATE none g $",
                "-ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you \
                 may want to use the MKSTREAM option to create an empty stream automatically.",
            ),
            ("XGROUP CREATE none g $ MKSTREAM", "OK"),
            ("XLEN none", "0"),
            (
                "XGROUP CREATE s h 0 WHAT",
                "-ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP \
                 HELP.",
            ),
            ("XGROUP DESTROY s g", "1"),
            ("XGROUP DESTROY s g", "0"),
        ],
    );
}

#[test]
fn a_waiting_consumer_learns_of_everything() {
    let kvd = Kvd::new();
    let (one, two, other) = (kvd.client(), kvd.client(), kvd.client());
    other.cmd("XGROUP CREATE s g $ MKSTREAM");
    one.send("XREADGROUP GROUP g a BLOCK 0 STREAMS s >");
    two.send("XREADGROUP GROUP g b BLOCK 0 STREAMS s >");
    other.cmd("XADD s 1-0 f v");
    assert_eq!(show(&one.take_one()), "[[s [[1-0 [f v]]]]]");
    assert!(two.is_silent());
    other.cmd("XADD s 2-0 f v");
    assert_eq!(show(&two.take_one()), "[[s [[2-0 [f v]]]]]");
    let gone = "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option";
    one.send("XREADGROUP GROUP g a BLOCK 0 STREAMS s >");
    other.cmd("XGROUP DESTROY s g");
    assert_eq!(show(&one.take_one()), gone);
    other.cmd("XGROUP CREATE s g $");
    one.send("XREADGROUP GROUP g a BLOCK 0 STREAMS s >");
    other.cmd("DEL s");
    assert_eq!(show(&one.take_one()), gone);
    other.cmd("XGROUP CREATE s g $ MKSTREAM");
    one.send("XREADGROUP GROUP g a BLOCK 0 STREAMS s >");
    other.cmd("SET s text");
    assert!(show(&one.take_one()).starts_with("-WRONGTYPE"));
}

#[test]
fn claiming() {
    let kvd = Kvd::new();
    let client = kvd.client();
    for n in 1..=3 {
        client.cmd(&format!("XADD s {n}-0 f {n}"));
    }
    client.cmd("XGROUP CREATE s g 0");
    client.cmd("XREADGROUP GROUP g one STREAMS s >");
    kvd.advance_ms(50);
    script(
        &client,
        &[
            ("XCLAIM s g two 100 1-0", "[]"),
            ("XCLAIM s g two 50 1-0", "[[1-0 [f 1]]]"),
            ("XCLAIM s g two 0 1-0 JUSTID", "[1-0]"),
            ("XPENDING s g - + 1", "[[1-0 two 0 2]]"),
            ("XCLAIM s g two 0 9-9 FORCE", "[]"),
            ("XCLAIM s g two 0 1-0 RETRYCOUNT 7 IDLE 20", "[[1-0 [f 1]]]"),
            ("XPENDING s g - + 1", "[[1-0 two 20 7]]"),
            (
                "XCLAIM s g two 0 1-0 WHAT",
                "-ERR Unrecognized XCLAIM option 'WHAT'",
            ),
            (
                "XCLAIM s g two x 1-0",
                "-ERR Invalid min-idle-time argument for XCLAIM",
            ),
            ("XDEL s 2-0", "1"),
            (
                "XAUTOCLAIM s g two 10 - COUNT 2",
                "[3-0 [[1-0 [f 1]]] [2-0]]",
            ),
            ("XAUTOCLAIM s g two 10 3-0 JUSTID", "[0-0 [3-0] []]"),
            ("XAUTOCLAIM s g two 10 - COUNT 0", "-ERR COUNT must be > 0"),
            ("XNACK s g FAIL IDS 1 3-0", "1"),
            ("XPENDING s g - + 9", "[[1-0 two 0 8] [3-0  -1 1]]"),
            (
                "XREADGROUP GROUP g three CLAIM 1000 STREAMS s >",
                "[[s [[3-0 [f 3] 1700000000050 1]]]]",
            ),
            ("XADD s 4-0 f 4", "4-0"),
            (
                "XREADGROUP GROUP g three CLAIM 1000 STREAMS s >",
                "[[s [[4-0 [f 4] 0 0]]]]",
            ),
            (
                "XNACK s g WHAT IDS 1 3-0",
                "-ERR mode must be SILENT, FAIL, or FATAL",
            ),
            ("XACKDEL s g IDS 2 3-0 9-0", "[1 -1]"),
            ("XDELEX s ACKED IDS 3 1-0 3-0 4-0", "[2 -1 2]"),
            ("XDELEX s DELREF IDS 2 1-0 4-0", "[1 1]"),
            (
                "XDELEX s IDS 0 1-0",
                "-ERR Number of IDs must be a positive integer",
            ),
            ("XPENDING s g", "[0 $-1 $-1 *-1]"),
            ("XDELEX none IDS 2 x y", "[-1 -1]"),
        ],
    );
}

#[test]
fn xinfo() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd("HELLO 3");
    client.cmd("XADD s 1-0 f 1");
    client.cmd("XADD s 2-0 f 2");
    client.cmd("XGROUP CREATE s g 0");
    client.cmd("XREADGROUP GROUP g c COUNT 1 STREAMS s >");
    kvd.advance_ms(5);
    script(
        &client,
        &[
            (
                "XINFO STREAM s",
                "{length: 2 radix-tree-keys: 1 radix-tree-nodes: 2 last-generated-id: 2-0 \
                 max-deleted-entry-id: 0-0 entries-added: 2 recorded-first-entry-id: 1-0 \
                 groups: 1 first-entry: [1-0 [f 1]] last-entry: [2-0 [f 2]]}",
            ),
            (
                "XINFO GROUPS s",
                "[{name: g consumers: 1 pending: 1 last-delivered-id: 1-0 entries-read: 1 lag: 1}]",
            ),
            (
                "XINFO CONSUMERS s g",
                "[{name: c pending: 1 idle: 5 inactive: 5}]",
            ),
            (
                "XINFO STREAM s FULL COUNT 1",
                "{length: 2 radix-tree-keys: 1 radix-tree-nodes: 2 last-generated-id: 2-0 \
                 max-deleted-entry-id: 0-0 entries-added: 2 recorded-first-entry-id: 1-0 \
                 entries: [[1-0 [f 1]]] groups: [{name: g last-delivered-id: 1-0 entries-read: 1 \
                 lag: 1 pel-count: 1 pending: [[1-0 c 1700000000000 1]] consumers: [{name: c \
                 seen-time: 1700000000000 active-time: 1700000000000 pel-count: 1 pending: [[1-0 \
                 1700000000000 1]]}]}]}",
            ),
            ("XINFO STREAM none", "-ERR no such key"),
            (
                "XINFO STREAM s WHAT",
                "-ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO \
                 HELP.",
            ),
            (
                "XINFO CONSUMERS s none",
                "-NOGROUP No such consumer group 'none' for key name 's'",
            ),
            (
                "XSETID s 1-0",
                "-ERR The ID specified in XSETID is smaller than the target stream \
              top item",
            ),
            ("XSETID s 9-0 ENTRIESADDED 20 MAXDELETEDID 3-0", "OK"),
        ],
    );
    assert_eq!(
        client.cmd("XINFO STREAM s").field("entries-added").int(),
        20
    );
    assert_eq!(client.cmd("XINFO HELP").items().len(), 9);
    assert_eq!(client.cmd("XGROUP HELP").items().len(), 17);
}

/// Nothing before the stream is left to read, whatever a group is said to have read.
#[test]
fn a_group_before_the_stream_lags_by_all_of_it() {
    let kvd = Kvd::new();
    let client = kvd.client();
    for id in ["1-0", "2-0", "3-0"] {
        client.cmd(&format!("XADD s {id} f v"));
    }
    client.cmd("XGROUP CREATE s g 0 ENTRIESREAD 7");
    let lag = || {
        let groups = client.cmd("XINFO GROUPS s");
        let told = show(&groups);
        told[told.find("entries-read").unwrap()..].to_owned()
    };
    assert_eq!(lag(), "entries-read 3 lag 3]]");
    client.cmd("XGROUP SETID s g 1-0 ENTRIESREAD 1");
    assert_eq!(lag(), "entries-read 1 lag 2]]");
    client.cmd("XTRIM s MAXLEN 1");
    assert_eq!(lag(), "entries-read 1 lag 1]]");
    client.cmd("XTRIM s MAXLEN 0");
    assert_eq!(lag(), "entries-read 1 lag 0]]");
}

#[test]
fn a_claiming_reader_wakes_when_an_entry_is_old_enough() {
    let kvd = Kvd::new();
    let (client, waits) = (kvd.client(), kvd.client());
    client.cmd("XADD s 1-1 f 1");
    client.cmd("XADD s 1-2 f 2");
    client.cmd("XGROUP CREATE s g 0");
    client.cmd("XREADGROUP GROUP g one COUNT 1 STREAMS s >");
    kvd.advance_ms(20);
    client.cmd("XREADGROUP GROUP g one COUNT 1 STREAMS s >");
    // What is gone from the stream never becomes old enough.
    client.cmd("XDEL s 1-1");
    waits.send("XREADGROUP GROUP g two BLOCK 0 CLAIM 50 STREAMS s >");
    kvd.advance_ms(49);
    assert!(waits.is_silent());
    // Somebody else takes it first: it is young again.
    client.cmd("XCLAIM s g one 0 1-2");
    kvd.advance_ms(49);
    assert!(waits.is_silent());
    kvd.advance_ms(1);
    assert_eq!(show(&waits.take_one()), "[[s [[1-2 [f 2] 50 2]]]]");
    // The time of the wait comes first.
    waits.send("XREADGROUP GROUP g one BLOCK 30 CLAIM 50 STREAMS s >");
    kvd.advance_ms(30);
    assert_eq!(waits.take_one(), Value::NullArray);
}

#[test]
fn a_group_reader_hears_at_once_that_its_group_is_gone() {
    let kvd = Kvd::new();
    let (client, waits) = (kvd.client(), kvd.client());
    let no_group = "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option";
    let wrong_type = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    for (line, wanted) in [
        ("DEL s", no_group),
        ("RENAME s t", no_group),
        ("SET s v", wrong_type),
        ("XGROUP DESTROY s g", no_group),
        ("FLUSHALL", no_group),
        ("SWAPDB 0 1", no_group),
        ("PEXPIRE s 5", no_group),
    ] {
        client.cmd("FLUSHALL");
        client.cmd("XGROUP CREATE s g $ MKSTREAM");
        waits.send("XREADGROUP GROUP g c BLOCK 0 STREAMS s >");
        client.cmd(line);
        // Nobody sends a command when the time of a key has come.
        kvd.advance_ms(200);
        assert_eq!(show(&waits.take_one()), wanted, "{line}");
    }
}

/// Where a group stands is no part of what is watched or cached, as in Valkey.
#[test]
fn a_group_that_moves_or_goes_fails_no_transaction() {
    let kvd = Kvd::new();
    let (client, reader) = (kvd.client(), kvd.client());
    reader.cmd("HELLO 3");
    client.cmd("XADD s 1-0 f v");
    client.cmd("XGROUP CREATE s g 0");
    for line in ["XGROUP SETID s g 1-0", "XGROUP DESTROY s g"] {
        reader.cmd("CLIENT TRACKING ON");
        reader.cmd("XLEN s");
        client.cmd("WATCH s");
        client.cmd(line);
        assert!(reader.take().is_empty(), "{line}");
        client.cmd("MULTI");
        client.cmd("PING");
        assert_eq!(show(&client.cmd("EXEC")), "[PONG]", "{line}");
    }
}

#[test]
fn no_group_has_read_more_than_was_added() {
    let client = Kvd::new().client();
    client.cmd("XGROUP CREATE s g $ MKSTREAM ENTRIESREAD 5");
    let group = |field: &str| {
        let groups = client.cmd("XINFO GROUPS s");
        groups.items()[0].field(field).int()
    };
    assert_eq!((group("entries-read"), group("lag")), (0, 0));
    client.cmd("XADD s 1-0 f v");
    client.cmd("XADD s 2-0 f v");
    assert_eq!((group("entries-read"), group("lag")), (0, 2));
    client.cmd("XGROUP SETID s g 2-0 ENTRIESREAD 100");
    assert_eq!((group("entries-read"), group("lag")), (2, 0));
    client.cmd("XDEL s 1-0");
    client.cmd("XSETID s 2-0 ENTRIESADDED 1");
    assert_eq!((group("entries-read"), group("lag")), (1, 0));
}

#[test]
fn xnack_takes_its_options_before_the_ids_too() {
    let client = Kvd::new().client();
    client.cmd("XADD s 1-0 f v");
    client.cmd("XADD s 2-0 f v");
    client.cmd("XGROUP CREATE s g 0");
    let no_ids = "-ERR syntax error, expected IDS keyword";
    script(
        &client,
        &[
            ("XNACK s g FAIL FORCE IDS 1 1-0", "1"),
            ("XPENDING s g - + 9", "[[1-0  -1 0]]"),
            ("XNACK s g FATAL RETRYCOUNT 5 IDS 2 1-0 2-0 FORCE", "2"),
            ("XPENDING s g - + 9", "[[1-0  -1 5] [2-0  -1 5]]"),
            ("XNACK s g FAIL FORCE IDS 1 1-0 RETRYCOUNT 3", "1"),
            ("XPENDING s g - + 1", "[[1-0  -1 3]]"),
            ("XNACK s g FAIL FORCE RETRYCOUNT 5", no_ids),
        ],
    );
    for line in [
        "FAIL WHAT IDS 1 1-0",
        "FAIL FORCE IDS 1 1-0 WHAT",
        "FAIL RETRYCOUNT 5 FORCE WHAT IDS",
    ] {
        let wanted = "ERR Unrecognized XNACK option 'WHAT'";
        assert_eq!(client.err(&format!("XNACK s g {line}")), wanted, "{line}");
    }
    let second_mode = client.err("XNACK s g FAIL FATAL IDS 1 1-0");
    assert_eq!(second_mode, "ERR Unrecognized XNACK option 'FATAL'");
}
