//! Data of every type and encoding, made with all kinds of commands.

use std::collections::BTreeSet;

use crate::harness::Connection;

use super::contents::ask;

/// Commands that every server knows.
const LINES: &str = "\
SET int 12345
SET embstr hello
SET \"a key\" \"a value\"
SET volatile v EX 5000
SETEX volatile2 5000 v
APPEND grown abc
APPEND grown def
SETRANGE holes 10 x
INCRBYFLOAT float 2.5
INCRBY int 5
GETEX embstr EX 7000
SETBIT bits 1000 1
BITFIELD fields SET u8 0 200
PFADD hll a b c d
GEOADD geo 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
RPUSH list a b 3 44444444444 -1
LPOP list
LINSERT list BEFORE 3 three
EXPIRE list 6000
SADD ints 1 2 -3
SADD ints32 1 300000
SADD ints64 1 9007199254740993
SADD set a b c 1
SPOP set
EXPIRE set 6000
ZADD zset 1 a 2.5 b inf c -7.25 d -inf e 1e300 f
ZINCRBY zset 0.1 a
EXPIRE zset 6000
HSET hash f v g 1
HINCRBYFLOAT hash g 0.25
EXPIRE hash 6000
XADD stream 5-1 a 1 b 2
XADD stream 6-1 a 3 b 4
XADD stream 7-1 c 5
XADD stream * now 1
XDEL stream 7-1
XGROUP CREATE stream group 0
XGROUP CREATE stream late $ ENTRIESREAD 3
XGROUP CREATECONSUMER stream late idle
XREADGROUP GROUP group one COUNT 1 STREAMS stream >
XREADGROUP GROUP group two COUNT 1 STREAMS stream >
XACK stream group 5-1
XCLAIM stream group one 0 6-1
EXPIRE stream 6000
XADD emptied 1-1 a b
XGROUP CREATE emptied group 0
XTRIM emptied MAXLEN 0
XGROUP CREATE made group $ MKSTREAM
XADD ids 1-1 a b
XSETID ids 9-9 ENTRIESADDED 7 MAXDELETEDID 5-5
SORT list STORE sorted ALPHA
COPY hash hash2
RENAME hash2 hash3
SET gone x
DEL gone
SET old x PX 1
EVAL \"redis.call('SET', KEYS[1], 'from a script') redis.call('INCR', 'scripted')\" 1 script
MULTI
SET inside 1
INCR inside
EXEC
SELECT 3
SET other database
MOVE other 4
SET swapped 3
SWAPDB 3 7
SELECT 9
SET flushed x
FLUSHDB
SELECT 15
SET last x EX 9000
SELECT 0";

/// Commands of servers whose hash fields expire.
const FIELD_EXPIRY: &str = "\
HSET fexp a 1 b 2 c 3
HPEXPIRE fexp 10000000 FIELDS 2 a b
HPERSIST fexp FIELDS 1 b
HPEXPIRE bighash 10000000 FIELDS 2 field-1 field-2
HSETEX fexp2 EX 9000 FIELDS 2 x 1 y 2
HSETEX fexp2 KEEPTTL FIELDS 1 x 2";

const LIBRARIES: [&str; 2] = [
    "#!lua name=one\nredis.register_function('one', function() return 1 end)",
    "#!lua name=two\nredis.register_function{function_name='two', \
     callback=function() return 2 end, flags={'no-writes'}, description='d'}",
];

/// Elements of a collection that is no small one.
const MANY: u64 = 700;

/// Every encoding that a small and a large value can have.
const ENCODINGS: [&str; 9] = [
    "embstr",
    "hashtable",
    "int",
    "intset",
    "listpack",
    "quicklist",
    "raw",
    "skiplist",
    "stream",
];

/// Makes keys of every type, small and large, through all kinds of commands, and libraries of
/// functions.
pub fn fill(client: &mut Connection) {
    run(client, LINES);
    for library in LIBRARIES {
        done(client, &[b"FUNCTION", b"LOAD", library.as_bytes()]);
    }
    fill_with_many(client);
    fill_with_large(client);
    if !client.cmd("HPTTL none FIELDS 1 f").is_error() {
        run(client, FIELD_EXPIRY);
    }
    // Its time has come by now; whoever asks for it removes it.
    assert!(client.cmd("GET old").is_null());
    let keys = client.cmd("KEYS *");
    let encodings: BTreeSet<String> = keys
        .items()
        .iter()
        .map(|key| ask(client, &[b"OBJECT", b"ENCODING", &key.bytes()]).text())
        .collect();
    let missing: Vec<_> = (ENCODINGS.iter())
        .filter(|name| !encodings.contains(**name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn run(client: &mut Connection, lines: &str) {
    for line in lines.lines() {
        let reply = client.cmd(line);
        assert!(!reply.is_error(), "{line}: {reply:?}");
    }
}

fn done(client: &mut Connection, words: &[&[u8]]) {
    let reply = ask(client, words);
    assert!(!reply.is_error(), "{reply:?}");
}

/// Collections of many elements.
fn fill_with_many(client: &mut Connection) {
    for n in 0..MANY {
        for line in [
            format!("RPUSH biglist element-{n}"),
            format!("SADD bigset member-{n}"),
            format!("SADD bigints {}", n * 3),
            format!("ZADD bigzset {n}.25 member-{n}"),
            format!("HSET bighash field-{n} value-{n}"),
            format!("XADD bigstream {n}-1 field {n}"),
            format!("PFADD bighll {n}"),
        ] {
            client.send(&line);
        }
    }
    (0..7 * MANY).for_each(|_| assert!(!client.take().is_error()));
}

/// Large elements, with and without repetition, and bytes that are no text.
fn fill_with_large(client: &mut Connection) {
    let compressible = "compressible".repeat(20_000);
    let compressible = compressible.as_bytes();
    let random: Vec<u8> = (0..70_000).map(|_| fastrand::u8(..)).collect();
    let some = &random[..100];
    let binary = b"\0\r\n*3\r\n\xff\xfe$-1\r\n";
    done(client, &[b"SET", b"large", compressible]);
    done(client, &[b"SET", b"random", &random]);
    done(client, &[b"SET", binary, binary]);
    done(client, &[b"SET", b"", b""]);
    done(
        client,
        &[b"RPUSH", b"largelist", &random, compressible, b"", b"7"],
    );
    done(client, &[b"SADD", b"largeset", some, b"", binary]);
    done(
        client,
        &[b"HSET", b"largehash", binary, &random, b"", binary],
    );
    done(client, &[b"ZADD", b"largezset", b"3", some, b"-0.5", b""]);
    done(client, &[b"XADD", b"largestream", b"*", binary, &random]);
}
