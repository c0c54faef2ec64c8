//! Encodings that servers of the past wrote, made by hand.

use super::*;

fn string(text: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(false);
    encoder.verbatim(text);
    encoder.out
}

fn load(kind: u8, body: &[u8]) -> Read<Option<Value>> {
    let hasher = hasher();
    let bytes = [&[kind], body].concat();
    let value = decoded(&bytes, Family::Redis, &context(&hasher))?;
    value.iter().for_each(|value| check(value, &hasher));
    Ok(value)
}

fn loaded(kind: u8, body: &[u8]) -> Vec<String> {
    contents(&load(kind, body).expect("readable").expect("not empty"))
}

fn refused(kind: u8, body: &[u8]) {
    assert!(matches!(load(kind, body), Err(Stop::Bad(_))), "{body:?}");
}

/// A ziplist of entries that are encoded, without the length of the one before.
fn ziplist(entries: &[&[u8]]) -> Vec<u8> {
    let (mut body, mut before, mut last) = (Vec::new(), 0usize, 0);
    for entry in entries {
        last = body.len();
        if before < 254 {
            body.push(before as u8);
        } else {
            body.push(254);
            body.extend((before as u32).to_le_bytes());
        }
        body.extend_from_slice(entry);
        before = body.len() - last;
    }
    let mut list = (body.len() as u32 + 11).to_le_bytes().to_vec();
    list.extend((10 + last as u32).to_le_bytes());
    list.extend((entries.len() as u16).to_le_bytes());
    list.extend(body);
    list.push(255);
    list
}

fn long_entry() -> Vec<u8> {
    let mut entry = vec![0x41, 0x2c];
    entry.extend(b"l".repeat(300));
    entry
}

#[test]
fn ziplists_of_all_entries() {
    let mut huge = vec![0x80, 0, 0, 0x50, 0];
    huge.extend(b"h".repeat(0x5000));
    let entries: [&[u8]; 12] = [
        b"\x03abc",
        &long_entry(),
        &huge,
        b"\xc0\xfe\xff",
        b"\xd0\x00\x00\x00\x80",
        b"\xe0\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\xf0\xff\xff\xff",
        b"\xf0\x00\x00\x80",
        b"\xfe\x80",
        b"\xf1",
        b"\xfd",
        b"\x00",
    ];
    let expected = [
        "abc".to_owned(),
        "l".repeat(300),
        "h".repeat(0x5000),
        "-2".to_owned(),
        i32::MIN.to_string(),
        i64::MAX.to_string(),
        "-1".to_owned(),
        "-8388608".to_owned(),
        "-128".to_owned(),
        "0".to_owned(),
        "12".to_owned(),
        String::new(),
    ];
    let expected: Vec<String> = expected
        .iter()
        .map(|text| format!("{:?}", text.as_bytes()))
        .collect();
    let list = string(&ziplist(&entries));
    assert_eq!(loaded(kind::LIST_ZIPLIST, &list), expected);
    let two = [&[2][..], &list, &list].concat();
    let twice = [&expected[..], &expected].concat();
    assert_eq!(loaded(kind::LIST_QUICKLIST, &two), twice);
}

#[test]
fn ziplists_that_are_none() {
    let good = ziplist(&[b"\x01a", b"\x02bc", b"\xf3"]);
    assert!(load(kind::LIST_ZIPLIST, &string(&good)).is_ok());
    for at in 0..good.len() {
        // The letters may be any.
        if matches!(good[at], b'a'..=b'c') {
            continue;
        }
        let mut bad = good.clone();
        bad[at] = bad[at].wrapping_add(3);
        if at == good.len() - 2 {
            continue;
        }
        refused(kind::LIST_ZIPLIST, &string(&bad));
    }
    refused(kind::LIST_ZIPLIST, &string(&good[..good.len() - 1]));
    refused(kind::LIST_ZIPLIST, &string(b""));
    assert!(
        load(kind::LIST_ZIPLIST, &string(&ziplist(&[])))
            .expect("readable")
            .is_none()
    );
}

#[test]
fn hashes_and_sorted_sets_of_ziplists() {
    let pairs = ziplist(&[b"\x01b", b"\xf2", b"\x01a", b"\x041.25"]);
    let zset = loaded(kind::ZSET_ZIPLIST, &string(&pairs));
    assert_eq!(zset, ["[98] 1", "[97] 1.25"]);
    assert_eq!(loaded(kind::HASH_ZIPLIST, &string(&pairs)).len(), 2);
    let odd = ziplist(&[b"\x01b", b"\xf2", b"\x01a"]);
    let twice = ziplist(&[b"\x01b", b"\xf2", b"\x01b", b"\xf3"]);
    let nan = ziplist(&[b"\x01b", b"\x03nan"]);
    for kind in [kind::ZSET_ZIPLIST, kind::HASH_ZIPLIST] {
        refused(kind, &string(&odd));
        refused(kind, &string(&twice));
    }
    refused(kind::ZSET_ZIPLIST, &string(&nan));
}

#[test]
fn zipmaps() {
    let map = b"\x02\x03foo\x03\x00bar\x01x\x05\x02hello..\xff";
    let hash = loaded(kind::HASH_ZIPMAP, &string(map));
    assert_eq!(hash.len(), 2);
    assert!(hash[0].contains("Str") && hash.iter().all(|field| field.contains("None")));
    let long = [
        &b"\x01\xfe\x2c\x01\x00\x00"[..],
        &b"k".repeat(300),
        b"\x01\x00v\xff",
    ]
    .concat();
    assert_eq!(loaded(kind::HASH_ZIPMAP, &string(&long)).len(), 1);
    for bad in [
        &b"\x02\x03foo\x03\x00bar\xff"[..],
        b"\x01\x03foo\x03\x05bar\xff",
        b"\x01\x03foo\x03\x00bar",
        b"\x01\x03foo\x00",
        b"\x01\xff",
        b"\xff",
        b"\x02\x01x\x01\x00a\x01x\x01\x00b\xff",
        b"\x01\xfe\xff\xff\xff\x7fk\x01\x00v\xff",
    ] {
        refused(kind::HASH_ZIPMAP, &string(bad));
    }
}

#[test]
fn plain_elements() {
    let texts = loaded(kind::LIST, b"\x03\x01a\xc0\xff\xc1\x00\x10");
    assert_eq!(texts, ["[97]", "[45, 49]", "[52, 48, 57, 54]"]);
    assert_eq!(loaded(kind::SET, b"\x02\x01a\xc0\x05").len(), 2);
    refused(kind::SET, b"\x02\x01a\x01a");
    assert_eq!(loaded(kind::HASH, b"\x01\x01f\x01v").len(), 1);
    refused(kind::HASH, b"\x02\x01f\x01v\x01f\x01w");
    let scores = loaded(kind::ZSET, b"\x04\x01a\x031.5\x01b\xfe\x01c\xff\x01d\x02-2");
    assert_eq!(scores, ["[99] -inf", "[100] -2", "[97] 1.5", "[98] inf"]);
    refused(kind::ZSET, b"\x01\x01a\xfd");
    refused(kind::ZSET, b"\x01\x01a\x03abc");
    refused(kind::ZSET_2, b"\x01\x01a\x00\x00\x00\x00\x00\x00\xf8\x7f");
    for kind in [kind::LIST, kind::SET, kind::ZSET, kind::HASH] {
        assert!(
            load(kind, b"\x00").expect("readable").is_none(),
            "an empty key"
        );
    }
}

#[test]
fn counts_are_not_believed() {
    for kind in [
        kind::LIST,
        kind::SET,
        kind::ZSET_2,
        kind::HASH,
        kind::STREAM_3,
    ] {
        let body = b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\x01a\x01b";
        assert!(load(kind, body).is_err());
    }
    assert!(matches!(
        load(kind::STRING, b"\x80\xf0\x00\x00\x00abc"),
        Err(Stop::More)
    ));
    refused(kind::STRING, b"\x81\x00\x00\x00\x01\x00\x00\x00\x00abc");
    refused(kind::STRING, b"\xc3\x03\x80\x40\x00\x00\x00\x00aa");
    refused(kind::STRING, b"\xc4");
    refused(kind::STRING, b"\x82");
}

#[test]
fn fields_with_times_of_redis() {
    let at = |ms: i64| ms.to_le_bytes();
    let body = [&at(NOW_MS)[..], b"\x02\x00\x01f\x01v\x0b\x01g\x01w"].concat();
    let fields = loaded(kind::REDIS_HASH_TIMES, &body);
    assert!(fields[0].ends_with("expire_at_ms: None }"));
    assert!(fields[1].ends_with(&format!("Some({}) }}", NOW_MS + 10)));
    let mut pack = crate::store::types::listpack::Listpack::new();
    for text in ["f", "v", "0", "g", "w", "1700000000007"] {
        pack.push(text.as_bytes());
    }
    let body = [&at(1_700_000_000_007)[..], &string(pack.as_bytes())].concat();
    let fields = loaded(kind::REDIS_HASH_LISTPACK_TIMES, &body);
    assert!(fields[1].ends_with(&format!("Some({}) }}", NOW_MS + 7)));
    let pre_ga = string(pack.as_bytes());
    assert_eq!(
        loaded(kind::REDIS_HASH_LISTPACK_TIMES_PRE_GA, &pre_ga),
        fields
    );
    pack.push(b"odd");
    refused(
        kind::REDIS_HASH_LISTPACK_TIMES_PRE_GA,
        &string(pack.as_bytes()),
    );
    let far = [&at(i64::MAX)[..], b"\x01\x05\x01f\x01v"].concat();
    refused(kind::REDIS_HASH_TIMES, &far);
}

#[test]
fn streams_of_redis_5() {
    // One node with the entry 1-1, its counters, and a group that has read it for one consumer.
    let mut new = Stream::new();
    let limits = NodeLimits {
        max_bytes: 4096,
        max_entries: 100,
    };
    let pairs = [(&b"f"[..], &b"v"[..])];
    let id = StreamId::new(1, 1);
    new.add(NewId::Explicit(id), 0, pairs.into_iter(), limits)
        .expect("an entry");
    let mut encoder = Encoder::new(false);
    encoder.length(1);
    encoder.length(16);
    encoder.raw_id(id);
    for node in new.nodes_from(StreamId::MIN) {
        encoder.string_of(|out| node.write_listpack(out));
    }
    encoder.length(1);
    encoder.id(id);
    encoder.length(1);
    encoder.string(b"group");
    encoder.id(id);
    encoder.length(1);
    encoder.raw_id(id);
    encoder.fixed(NOW_MS);
    encoder.length(3);
    encoder.length(1);
    encoder.string(b"consumer");
    encoder.fixed(NOW_MS);
    encoder.length(1);
    encoder.raw_id(id);
    let Ok(Some(Value::Stream(stream))) = load(kind::STREAM, &encoder.out) else {
        panic!("no stream");
    };
    assert_eq!(stream.counters().entries_added, 1);
    let group = stream.group(b"group").expect("a group");
    assert_eq!(group.entries_read(), Some(1));
    let consumer = group.consumers().next().expect("a consumer");
    assert_eq!((consumer.seen_time, consumer.active_time), (NOW_MS, NOW_MS));
    assert_eq!(group.pending(id).map(|p| p.delivery_count), Some(3));
}

#[test]
fn what_is_not_served_is_refused_by_name() {
    let reason = |kind, family| match ValueReader::new(kind, family) {
        Err(Stop::Bad(reason)) => reason.into_owned(),
        _ => panic!("type {kind} is taken"),
    };
    assert!(reason(kind::MODULE_2, Family::Redis).contains("module"));
    assert!(reason(kind::REDIS_ARRAY, Family::Redis).contains("array"));
    assert!(reason(30, Family::Redis).contains("template"));
    assert!(reason(kind::REDIS_HASH_TIMES, Family::Valkey).contains("Unknown"));
    assert!(reason(23, Family::Valkey).contains("Unknown"));
    assert!(reason(8, Family::Redis).contains("Unknown"));
}
