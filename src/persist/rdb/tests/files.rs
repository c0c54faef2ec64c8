//! Whole files, fed in pieces.

use super::*;

fn read_all(
    file: &[u8],
    piece: usize,
    cx: &LoadContext<'_>,
) -> Result<(Vec<Item>, Vec<u8>), RdbError> {
    let options = ReaderOptions {
        checks_checksum: true,
        takes_any_version: false,
    };
    let mut reader = RdbReader::new(options);
    let (mut items, mut rest) = (Vec::new(), file);
    loop {
        match reader.next(cx)? {
            Some(Item::End) => {
                let mut behind = reader.into_rest();
                behind.extend_from_slice(rest);
                return Ok((items, behind));
            }
            Some(item) => items.push(item),
            None if rest.is_empty() => return Err(reader.truncated()),
            None => {
                let (now, later) = rest.split_at(rest.len().min(piece));
                reader.feed(now);
                rest = later;
            }
        }
    }
}

fn file(hasher: &HashState, options: WriteOptions) -> Vec<u8> {
    let mut writer = RdbWriter::new(options, true, true);
    writer.origin(NOW_MS, 12_345, true);
    writer.library(b"code");
    writer.database(0, 2, 1);
    let mut file = Vec::new();
    let soon = KeyMeta {
        expire_at: Some(NOW_MS + 1),
        usage: None,
    };
    writer.whole_key(b"soon", soon, ValueRef::Str(b"v"));
    let past = KeyMeta {
        expire_at: Some(NOW_MS - 1),
        usage: Some(Usage::Frequency(9)),
    };
    writer.take_into(&mut file);
    writer.whole_key(b"past", past, ValueRef::Int(5));
    writer.database(3, 7, 0);
    for (n, value) in collections(30, hasher).into_iter().enumerate() {
        let key = format!("{n}").into_bytes();
        let meta = KeyMeta {
            expire_at: None,
            usage: Some(Usage::IdleSeconds(77)),
        };
        if n % 2 == 0 {
            writer.whole_key(&key, meta, value.view());
        } else {
            let mut value_writer = writer.key(&key, meta, value.view());
            while !writer.value(&mut value_writer, value.view(), 5) {
                writer.take_into(&mut file);
            }
        }
    }
    writer.finish();
    writer.take_into(&mut file);
    file
}

#[test]
fn a_file_is_read_in_pieces_of_any_size() {
    let hasher = hasher();
    for options in OPTIONS {
        let mut file = file(&hasher, options);
        file.extend(b"*1\r\n");
        for piece in [1, 10, 1000, usize::MAX] {
            let (items, rest) = read_all(&file, piece, &context(&hasher)).expect("readable");
            assert_eq!(rest, b"*1\r\n");
            let mut summary = Summary::default();
            items.iter().for_each(|item| summary.add(item));
            let text = summary.to_string();
            let family = format!("{:?}", options.family);
            assert!(text.contains(&family), "{text}");
            for line in [
                "aof-base: 1",
                "used-mem: 12345",
                "1 libraries",
                "database 0: 2 keys, 2 of them expire",
                "database 3: 6 keys, 0 of them expire",
                "set     2 keys, 60 elements",
                "hash    2 keys, 60 fields",
            ] {
                assert!(text.contains(line), "{line} is not in\n{text}");
            }
        }
    }
}

#[test]
fn expired_keys_are_left_out_on_demand() {
    let hasher = hasher();
    let cx = LoadContext {
        drops_expired: true,
        ..context(&hasher)
    };
    let (items, _) = read_all(&file(&hasher, OPTIONS[0]), 64, &cx).expect("readable");
    let skipped: Vec<_> = items
        .iter()
        .filter_map(|item| match item {
            Item::Skipped(key, reason) => Some((&key[..], *reason)),
            _ => None,
        })
        .collect();
    assert_eq!(skipped, [(&b"past"[..], SkipReason::Expired)]);
    let soon = items.iter().find_map(|item| match item {
        Item::Key(loaded) if loaded.key == b"soon" => Some(loaded),
        _ => None,
    });
    assert_eq!(soon.and_then(|loaded| loaded.expire_at), Some(NOW_MS + 1));
    let last = items.iter().rev().find_map(|item| match item {
        Item::Key(loaded) => Some((loaded.idle_s, loaded.frequency)),
        _ => None,
    });
    assert_eq!(last, Some((Some(77), None)));
}

#[test]
fn every_changed_byte_is_noticed() {
    let hasher = hasher();
    let mut writer = RdbWriter::new(OPTIONS[0], false, true);
    writer.database(0, 1, 0);
    writer.whole_key(b"key", KeyMeta::default(), ValueRef::Str(b"a value"));
    writer.finish();
    let mut file = Vec::new();
    writer.take_into(&mut file);
    assert!(file.starts_with(b"REDIS0011"));
    assert!(read_all(&file, 7, &context(&hasher)).is_ok());
    for at in 0..file.len() {
        let mut changed = file.clone();
        changed[at] ^= 0x10;
        assert!(
            read_all(&changed, 7, &context(&hasher)).is_err(),
            "byte {at}"
        );
        let cut = read_all(&file[..at], 7, &context(&hasher)).expect_err("it is cut");
        assert!(
            cut.offset <= at as u64 && cut.reason.contains("end"),
            "{cut}"
        );
    }
}

#[test]
fn versions() {
    let hasher = hasher();
    let read = |header: &str, rest: &[u8]| {
        let file = [header.as_bytes(), rest].concat();
        read_all(&file, 100, &context(&hasher)).map(|(items, _)| items.len())
    };
    let end = [&[255][..], &[0; 8]].concat();
    for header in ["REDIS0005", "REDIS0011", "REDIS0014", "VALKEY080"] {
        assert_eq!(read(header, &end), Ok(1), "{header}");
    }
    // Before version 5 nothing follows the end.
    assert_eq!(read("REDIS0001", &[255]), Ok(1));
    for header in [
        "REDIS0000",
        "REDIS0015",
        "REDIS0080",
        "VALKEY011",
        "VALKEY081",
        "REDIS+011",
    ] {
        assert!(read(header, &end).is_err(), "{header}");
    }
    let error = read("VALKEY081", &end).expect_err("newer");
    assert!(
        error.to_string().contains("version 81 of Valkey"),
        "{error}"
    );
    assert!(
        read("RUDIS0011", &end)
            .expect_err("not one")
            .reason
            .contains("signature")
    );
}

#[test]
fn what_belongs_to_modules() {
    let hasher = hasher();
    // The id of a module's type "ReJSON-RL", version 3.
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let name = "ReJSON-RL".chars();
    let id = name.fold(0u64, |id, c| {
        id << 6 | letters.find(c).expect("a letter") as u64
    });
    let id = [&[0x81][..], &(id << 10 | 3).to_be_bytes()].concat();
    let end = [&[255][..], &[0; 8]].concat();
    let aux = [
        b"REDIS0011\xf7",
        &id[..],
        b"\x02\x01\x05\x03abc\x01\x07\x04\0\0\0\0\0\0\0\0\x03\0\0\0\0\0",
    ];
    let file = [&aux.concat()[..], &end].concat();
    let (items, _) = read_all(&file, 3, &context(&hasher)).expect("readable");
    assert!(matches!(&items[1], Item::ModuleAux(name) if name == "ReJSON-RL"));
    let file = [b"REDIS0011\x07\x03key", &id[..], b"\x00", &end].concat();
    let error = read_all(&file, 3, &context(&hasher)).expect_err("a module's value");
    assert!(
        error
            .to_string()
            .contains("key 'key' is of module type 'ReJSON-RL' at offset 10")
    );
}
