//! Values out and in again, in one go and in pieces.

use super::lzf::{Compressor, Progress, decompress};
use super::*;

#[test]
fn what_is_written_is_read() {
    let hasher = hasher();
    let cx = context(&hasher);
    let mut values = samples(&hasher);
    values.extend([3, 90].map(|n| Value::Stream(Box::new(newer_stream(n)))));
    for value in &values {
        for options in OPTIONS {
            let bytes = whole(value.view(), options);
            let again = decoded(&bytes, options.family, &cx).expect("readable");
            let again = again.expect("not empty");
            check(&again, &hasher);
            assert_eq!(contents(&again), contents(value));
            if !matches!(value, Value::Set(_) | Value::Hash(_)) {
                assert!(whole(again.view(), options) == bytes, "written otherwise");
            }
        }
    }
}

#[test]
fn slices_make_the_same_bytes() {
    let hasher = hasher();
    for value in samples(&hasher) {
        for options in OPTIONS {
            let bytes = whole(value.view(), options);
            for elements in [1, 7, 100] {
                let mut writer = ValueWriter::new(value.view(), options);
                let mut encoder = Encoder::new(options.compresses);
                encoder.byte(writer.kind());
                let mut slices = 1;
                while !writer.write(value.view(), elements, &mut encoder) {
                    slices += 1;
                }
                assert!(
                    encoder.out == bytes,
                    "{} in {elements}",
                    value.kind().name()
                );
                let is_long = value.len() > 600 && value.kind() != Kind::String;
                let is_sliced = slices > 2 || elements > 1;
                assert!(is_sliced || !is_long, "a long value was written at once");
            }
        }
    }
}

#[test]
fn input_may_end_anywhere() {
    let hasher = hasher();
    let cx = context(&hasher);
    for count in [3, 40] {
        let mut values = collections(count, &hasher);
        values.push(Value::Stream(Box::new(newer_stream(count))));
        for value in values {
            for options in [OPTIONS[0], OPTIONS[2]] {
                let again = read_byte_by_byte(&value, options, &cx);
                assert_eq!(contents(&again), contents(&value));
            }
        }
    }
}

fn read_byte_by_byte(value: &Value, options: WriteOptions, cx: &LoadContext<'_>) -> Value {
    let bytes = whole(value.view(), options);
    let mut reader = ValueReader::new(bytes[0], options.family).expect("a known type");
    let (mut at, mut end) = (1, 1);
    loop {
        let mut input = input::Input::new(&bytes[at..end]);
        let read = reader.read(&mut input, cx);
        at += input.at;
        match read {
            Ok(()) => break,
            Err(Stop::More) => end += 1,
            Err(Stop::Bad(reason)) => panic!("{reason}"),
        }
    }
    assert_eq!((at, end), (bytes.len(), bytes.len()));
    reader.finish().expect("not empty")
}

#[test]
fn fields_whose_time_has_come_are_left_out_on_demand() {
    let hasher = hasher();
    let mut hash = Hash::new();
    for (name, at) in [("past", -1), ("now", 0), ("later", 1)] {
        hash.set(name.as_bytes(), b"v", FieldTtl::Clear, fields(&hasher));
        hash.expire_field(name.as_bytes(), NOW_MS + at, fields(&hasher));
    }
    let value = Value::Hash(hash);
    for options in [OPTIONS[0], OPTIONS[2]] {
        let bytes = whole(value.view(), options);
        for (drops_expired, count, now_ms) in [(false, 3, NOW_MS), (true, 1, NOW_MS)] {
            let cx = LoadContext {
                drops_expired,
                now_ms,
                ..context(&hasher)
            };
            let read = decoded(&bytes, options.family, &cx).expect("readable");
            assert_eq!(read.map(|hash| hash.len()), Some(count));
        }
        let cx = LoadContext {
            drops_expired: true,
            now_ms: NOW_MS + 1,
            ..context(&hasher)
        };
        assert!(
            decoded(&bytes, options.family, &cx)
                .expect("readable")
                .is_none()
        );
    }
}

#[test]
fn payloads_name_the_lowest_version_that_knows_them() {
    let hasher = hasher();
    let version = |value: &Value, options| {
        let payload = dump(value.view(), options);
        let footer = payload.last_chunk::<10>().expect("a footer");
        u16::from_le_bytes([footer[0], footer[1]])
    };
    let collections = collections(5, &hasher);
    for options in OPTIONS {
        assert_eq!(version(&collections[0], options), 11);
        assert_eq!(version(&collections[4], options), 11);
        let of_times = version(&collections[5], options);
        assert_eq!(
            of_times,
            if options.family == Family::Valkey {
                80
            } else {
                12
            }
        );
        assert_eq!(
            version(&Value::Stream(Box::new(newer_stream(9))), options),
            14
        );
    }
}

#[test]
fn footers_are_checked() {
    let hasher = hasher();
    let cx = context(&hasher);
    let payload = dump(ValueRef::Str(b"value"), OPTIONS[0]);
    let strict = FooterCheck::default();
    assert!(restore(&payload, strict, &cx).is_ok());
    for at in 0..payload.len() {
        let mut changed = payload.clone();
        changed[at] ^= 4;
        let refused = restore(&changed, strict, &cx).expect_err("a changed byte");
        assert_eq!(refused.fault, DumpFault::Footer);
    }
    assert!(restore(&payload[..9], strict, &cx).is_err());
    let lax = FooterCheck {
        skips_checksum: true,
        ..strict
    };
    let mut changed = payload.clone();
    changed[payload.len() - 1] ^= 1;
    assert!(restore(&changed, lax, &cx).is_ok());
    for version in [15, 79, 81, 999u16] {
        changed[payload.len() - 10..][..2].copy_from_slice(&version.to_le_bytes());
        assert_eq!(
            restore(&changed, lax, &cx).expect_err("unknown").fault,
            DumpFault::Footer
        );
        let any = FooterCheck {
            takes_any_version: true,
            ..lax
        };
        assert!(restore(&changed, any, &cx).is_ok());
    }
}

#[test]
fn compressed_is_decompressed() {
    let mut compressor = Compressor::default();
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let alphabet = 1 + rng.below(40);
        let len = rng.below(if seed % 20 == 0 { 100_000 } else { 900 });
        let mut plain: Vec<u8> = (0..len).map(|_| rng.below(alphabet) as u8).collect();
        if len > 0 {
            let from = rng.below(len);
            plain.extend_from_within(from..);
        }
        let packed = compressor.compress(&plain).map(<[u8]>::to_vec);
        if let Some(packed) = &packed {
            assert!(packed.len() + 4 <= plain.len());
            assert!(decompress(packed, plain.len()).as_ref() == Some(&plain));
            assert!(decompress(packed, plain.len() + 1).is_none());
            assert!(decompress(packed, plain.len() - 1).is_none());
        }
        compressor.begin(plain.len());
        let mut progress = Progress::Working;
        while progress == Progress::Working {
            progress = compressor.step(&plain, 1 + rng.below(500));
        }
        assert_eq!(progress == Progress::Done, packed.is_some());
        assert!(packed.is_none_or(|packed| packed == compressor.output()));
    }
    assert!(
        decompress(&[0xe0, 0xff, 0x00], 264).is_none(),
        "a copy of nothing"
    );
    assert!(
        decompress(&[0, b'a'], 1 << 40).is_none(),
        "a length that cannot be"
    );
    assert!(decompress(&[0, b'a', 0xe0, 0xff, 0x00], 265) == Some(b"a".repeat(265)));
}
