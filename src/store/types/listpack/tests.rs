use super::entry::{backlen_len, last_size, size};
use super::*;
use crate::random::Rng;
use crate::resp::number::parse_i64;

fn texts(pack: &Listpack) -> Vec<Vec<u8>> {
    pack.iter().map(Entry::to_vec).collect()
}

/// A text of every encoding's kind, now and then at an encoding's limit.
fn any_text(rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0 => (rng.next_u64() as i64 >> rng.below(64))
            .to_string()
            .into_bytes(),
        1 => (rng.below(300) as i64 - 150).to_string().into_bytes(),
        2 => {
            let edges = [
                127i64,
                4095,
                -4096,
                32_767,
                -32_768,
                8_388_607,
                -8_388_608,
                1 << 31,
            ];
            (edges[rng.below(edges.len())] + rng.below(3) as i64 - 1)
                .to_string()
                .into_bytes()
        }
        3 => vec![b'x'; [0, 62, 63, 64, 126, 127, 128, 4095, 4096][rng.below(9)]],
        4 => vec![b'y'; 16_370 + rng.below(20)],
        _ => (0..rng.below(20)).map(|_| rng.next_u64() as u8).collect(),
    }
}

#[test]
fn integers_have_the_length_they_print_with() {
    for value in [
        0,
        1,
        -1,
        9,
        10,
        i64::MAX,
        i64::MIN,
        i64::MAX - 1,
        -4097,
        1 << 62,
    ] {
        assert_eq!(decimal_len(value), value.to_string().len());
    }
}

#[test]
fn every_encoding_reads_back() {
    let mut rng = Rng::new(1);
    for _ in 0..5_000 {
        let text = any_text(&mut rng);
        let encoded = Encoded::new(&text);
        let mut bytes = vec![0; encoded.size()];
        encoded.write(&mut bytes);
        assert_eq!(size(&bytes), bytes.len());
        assert_eq!(last_size(&bytes), bytes.len());
        assert!(encoded.matches(&bytes));
        let entry = Entries::new(&bytes).at(0);
        assert_eq!(entry.to_vec(), text);
        assert_eq!(entry.text_len(), text.len());
        assert!(Needle::new(&text).matches(entry));
        assert!(!Needle::new(b"something else").matches(entry));
        assert_eq!(entry.int(), parse_i64(&text));
    }
}

/// The bytes are those that redis-server 7.0.15 and Valkey 9.1.2 write.
#[test]
fn the_form_is_redis_own() {
    let mut pack = Listpack::new();
    for text in [&b"a"[..], b"1", b"-1", b"4095", b"70000", b"4294967296"] {
        pack.push(text);
    }
    let expected = [
        &[37, 0, 0, 0, 6, 0][..],
        &[0x81, b'a', 2],
        &[1, 1],
        &[0xdf, 0xff, 2],
        &[0xcf, 0xff, 2],
        &[0xf2, 0x70, 0x11, 0x01, 4],
        &[0xf4, 0, 0, 0, 0, 1, 0, 0, 0, 9],
        &[0xff],
    ];
    let mut expected = expected.concat();
    expected[0] = expected.len() as u8;
    assert_eq!(pack.as_bytes(), expected);
}

#[test]
fn backlens_change_length_where_the_format_says() {
    for (len, expected) in [(127, 1), (128, 2), (16_382, 2), (16_383, 3), (2_097_151, 4)] {
        assert_eq!(backlen_len(len), expected);
        let text = vec![b'z'; len - if len < 4096 { 2 } else { 5 }];
        let mut pack = Listpack::new();
        pack.push(&text);
        pack.push(b"tail");
        pack.check_invariants();
        assert_eq!(
            pack.iter().next_back().map(Entry::to_vec),
            Some(b"tail".to_vec())
        );
        assert_eq!(pack.get(0).map(Entry::to_vec), Some(text));
    }
}

#[test]
fn random_edits_follow_a_vector() {
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let (mut pack, mut model) = (Listpack::new(), Vec::<Vec<u8>>::new());
        for _ in 0..200 {
            let text = any_text(&mut rng);
            let index = rng.below(model.len() + 1);
            let pos = pack.entries().seek(index, model.len());
            match rng.below(7) {
                0..=1 => {
                    pack.insert(pos, &text);
                    model.insert(index, text);
                }
                2 => {
                    pack.push(&text);
                    model.push(text);
                }
                3 if index < model.len() => {
                    pack.replace(pos, &text);
                    model[index] = text;
                }
                4 => {
                    let count = rng.below(4);
                    pack.remove_range(index, count);
                    model.drain(index..(index + count).min(model.len()));
                }
                5 if index < model.len() => {
                    pack.remove(pos, 1);
                    model.remove(index);
                }
                _ => {
                    let found = pack
                        .find(&text, 1)
                        .map(|pos| pack.entries().at(pos).to_vec());
                    assert_eq!(found, model.contains(&text).then_some(text));
                }
            }
            pack.check_invariants();
            assert_eq!(pack.len(), model.len());
            assert_eq!(texts(&pack), model);
            let back: Vec<_> = pack.iter().rev().map(Entry::to_vec).collect();
            assert!(back.iter().rev().eq(model.iter()));
            let index = rng.below(model.len() + 2);
            assert_eq!(
                pack.get(index).map(Entry::to_vec),
                model.get(index).cloned()
            );
        }
    }
}

#[test]
fn fields_are_not_found_among_values() {
    let mut pack = Listpack::new();
    for text in [b"a", b"b", b"b", b"c"] {
        pack.push(text);
    }
    assert_eq!(pack.find(b"c", 2), None);
    let pos = pack.find(b"b", 2).unwrap();
    assert_eq!(pos, pack.entries().nth(2));
    assert_eq!(pack.entries().pairs().count(), 2);
}

#[test]
fn more_than_65534_entries_are_counted() {
    let mut pack = Listpack::new();
    for value in 0..65_536 {
        pack.push_int(value % 100);
    }
    assert_eq!(pack.len(), 65_536);
    pack.check_invariants();
    pack.remove_range(0, 2);
    assert_eq!(pack.len(), 65_534);
    pack.check_invariants();
}

#[test]
fn other_encodings_of_a_value_are_brought_into_one() {
    // The text "5" as a string, the integer 5 in 16 bits, "a" with a 12-bit length.
    let entries = [&[0x81, b'5', 2][..], &[0xf1, 5, 0, 3], &[0xe0, 1, b'a', 3]].concat();
    let mut bytes = vec![0, 0, 0, 0, 3, 0];
    bytes.extend(&entries);
    bytes.push(END);
    bytes[0] = bytes.len() as u8;
    assert_eq!(
        validate(&bytes),
        Ok(Checked {
            count: 3,
            canonical: false
        })
    );
    let pack = Listpack::from_bytes(&bytes).unwrap();
    pack.check_invariants();
    assert_eq!(texts(&pack), [b"5", b"5", b"a"]);
}

#[test]
fn hostile_bytes_are_refused_or_consistent() {
    let mut rng = Rng::new(7);
    let mut refused = 0;
    for round in 0..30_000 {
        let mut pack = Listpack::new();
        for _ in 0..rng.below(8) {
            pack.push(any_text(&mut rng).chunks(200).next().unwrap_or(b""));
        }
        let mut bytes = pack.as_bytes().to_vec();
        assert!(validate(&bytes).is_ok());
        for _ in 0..1 + rng.below(3) {
            match rng.below(4) {
                0 if !bytes.is_empty() => {
                    let at = rng.below(bytes.len());
                    bytes.truncate(at);
                }
                1 => bytes.insert(rng.below(bytes.len() + 1), rng.next_u64() as u8),
                _ if !bytes.is_empty() => {
                    let at = rng.below(bytes.len());
                    bytes[at] = rng.next_u64() as u8;
                }
                _ => {}
            }
            // Half of the mutants have a right length, so that the entries are looked at.
            if round % 2 == 0 && bytes.len() >= 4 {
                let len = bytes.len() as u32;
                bytes[..4].copy_from_slice(&len.to_le_bytes());
            }
        }
        match Listpack::from_bytes(&bytes) {
            Ok(loaded) => {
                loaded.check_invariants();
                assert_eq!(loaded.iter().count(), loaded.iter().rev().count());
            }
            Err(Malformed) => refused += 1,
        }
    }
    assert!(refused > 10_000);
}

#[test]
fn memory_is_what_the_allocator_would_give() {
    assert_eq!(Listpack::new().heap_bytes(), 0);
    let classes = [
        (9, 16),
        (17, 32),
        (129, 160),
        (256, 256),
        (257, 320),
        (8193, 10_240),
    ];
    for (bytes, class) in classes {
        assert_eq!(size_class(bytes), class);
    }
    let mut pack = Listpack::new();
    pack.set_mark(7);
    for index in 0..500 {
        pack.push(format!("element-{index}").as_bytes());
        assert_eq!(pack.heap_bytes(), size_class(pack.byte_len() + 1));
    }
    pack.remove_range(3, 497);
    assert_eq!(pack.mark(), 7);
    assert_eq!(pack.heap_bytes(), size_class(pack.byte_len() + 1));
}
