//! Bitmaps and bit fields.

use crate::harness::{Kvd, Value};

#[test]
fn single_bits() {
    let client = Kvd::new().client();
    assert_eq!(client.int("SETBIT k 7 1"), 0);
    assert_eq!(client.int("SETBIT k 7 0"), 1);
    assert_eq!(client.int("GETBIT k 7"), 0);
    assert_eq!(client.int("GETBIT k 1000"), 0);
    client.cmd("SET n 12345");
    assert_eq!(client.int("SETBIT n 3 0"), 1);
    assert_eq!(client.text("GET n"), "!2345");
    let offset = "ERR bit offset is not an integer or out of range";
    assert_eq!(client.err("SETBIT k -1 1"), offset);
    assert_eq!(client.err("SETBIT k 4294967296 2"), offset);
    assert_eq!(client.err("GETBIT nokey 4294967296"), offset);
    assert_eq!(
        client.err("SETBIT k 1 2"),
        "ERR bit is not an integer or out of range"
    );
    client.cmd("RPUSH l a");
    assert!(client.err("SETBIT l 1 1").starts_with("WRONGTYPE"));
}

#[test]
fn counting_and_finding() {
    let client = Kvd::new().client();
    client.cmd("SET k foobar");
    for (line, expected) in [
        ("BITCOUNT k", 26),
        ("BITCOUNT k 0", 26),
        ("BITCOUNT k 1 -2", 18),
        ("BITCOUNT k 5 30 BIT", 17),
        ("BITCOUNT k -2 -10", 0),
        ("BITCOUNT nokey 0 0", 0),
        ("BITPOS k 1", 1),
        ("BITPOS k 1 -1", 41),
        ("BITPOS k 1 5 3", -1),
        ("BITPOS nokey 0", 0),
        ("BITPOS nokey 1", -1),
    ] {
        assert_eq!(client.int(line), expected, "{line}");
    }
    client.cmd_words(&[&b"SET"[..], b"ones", b"\xff\xff"]);
    assert_eq!(client.int("BITPOS ones 0"), 16);
    assert_eq!(client.int("BITPOS ones 0 0 -1"), -1);
    assert_eq!(client.err("BITCOUNT k 0 0 BIT x"), "ERR syntax error");
    assert_eq!(client.err("BITPOS k 0 1 x FOO"), "ERR syntax error");
    assert_eq!(
        client.err("BITPOS nokey 2"),
        "ERR The bit argument must be 1 or 0."
    );
    assert!(
        client
            .err("BITCOUNT nokey x")
            .starts_with("ERR value is not an integer")
    );
}

#[test]
fn combining() {
    let client = Kvd::new().client();
    for (key, value) in [("a", &b"\xf0\xff"[..]), ("b", b"\x3c"), ("c", b"\x18\x0f")] {
        client.cmd_words(&[b"SET", key.as_bytes(), value]);
    }
    let cases: [(&str, &[u8]); 8] = [
        ("AND d a b c", b"\x10\0"),
        ("OR d a b c", b"\xfc\xff"),
        ("XOR d a b c", b"\xd4\xf0"),
        ("NOT d a", b"\x0f\0"),
        ("DIFF d a b c", b"\xc0\xf0"),
        ("DIFF1 d a b c", b"\x0c\0"),
        ("ANDOR d a b c", b"\x30\x0f"),
        ("ONE d a b c", b"\xc4\xf0"),
    ];
    for (line, expected) in cases {
        assert_eq!(client.int(&format!("BITOP {line}")), 2, "{line}");
        assert_eq!(
            client.cmd("GET d"),
            Value::Bulk(expected.to_vec()),
            "{line}"
        );
    }
    assert_eq!(client.int("BITOP AND d nokey nokey2"), 0);
    assert_eq!(client.int("EXISTS d"), 0);
    client.cmd("SET n 7");
    assert_eq!(client.int("BITOP OR n n n"), 1);
    assert_eq!(client.text("GET n"), "7");
    assert_eq!(
        client.err("BITOP NOT d a b"),
        "ERR BITOP NOT must be called with a single source key."
    );
    assert_eq!(
        client.err("BITOP diff d a"),
        "ERR BITOP DIFF must be called with at least two source keys."
    );
    assert_eq!(client.err("BITOP FOO d a"), "ERR syntax error");
    client.cmd("RPUSH l a");
    assert!(client.err("BITOP AND d a l").starts_with("WRONGTYPE"));
}

#[test]
fn fields() {
    let client = Kvd::new().client();
    let check = |line: &str, expected: &str| {
        assert_eq!(format!("{:?}", client.cmd(line)), expected, "{line}");
    };
    check("BITFIELD k", "[]");
    check(
        "BITFIELD k SET u8 #1 255 GET u8 8 GET u4 12",
        "[:0, :255, :15]",
    );
    check("BITFIELD k INCRBY u8 8 10", "[:9]");
    check("BITFIELD k OVERFLOW SAT INCRBY u8 8 255", "[:255]");
    check(
        "BITFIELD k OVERFLOW FAIL INCRBY u8 8 1 GET u8 8",
        "[$-1, :255]",
    );
    check("BITFIELD k SET i8 0 -100 GET i8 0", "[:0, :-100]");
    check("BITFIELD_RO k GET i8 0", "[:-100]");
    check("BITFIELD_RO nokey GET u8 100", "[:0]");
    assert_eq!(client.int("STRLEN k"), 2);
    for (line, error) in [
        ("BITFIELD k GET u64 0", "Invalid bitfield type."),
        ("BITFIELD k GET u8 -1", "bit offset is not an integer"),
        ("BITFIELD k GET u8 #-1", "bit offset is not an integer"),
        ("BITFIELD k SET u8 0", "syntax error"),
        ("BITFIELD k SET u8 0 x", "value is not an integer"),
        ("BITFIELD k OVERFLOW x", "Invalid OVERFLOW type specified"),
        (
            "BITFIELD_RO k SET u8 0 1",
            "BITFIELD_RO only supports the GET",
        ),
    ] {
        assert!(
            client.err(line).starts_with(&format!("ERR {error}")),
            "{line}"
        );
    }
}

#[test]
fn a_bit_that_stays_is_no_change() {
    let kvd = Kvd::new();
    let (one, two) = (kvd.client(), kvd.client());
    one.cmd("SETBIT k 9 1");
    one.cmd("WATCH k");
    two.cmd("SETBIT k 9 1");
    two.cmd("BITFIELD k SET u1 9 1");
    one.cmd("MULTI");
    one.cmd("PING");
    assert_eq!(one.cmd("EXEC").items().len(), 1);
}
