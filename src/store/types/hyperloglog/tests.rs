use std::collections::BTreeMap;

use super::*;
use crate::random::Rng;
use crate::store::types::sequence::{Digest, Sequence};

/// PFADD, PFCOUNT, PFMERGE as a server does them, over some keys.
#[derive(Default)]
struct Keys {
    keys: BTreeMap<String, Vec<u8>>,
    sparse_bytes_max: usize,
}

impl Keys {
    fn pfadd(&mut self, key: &str, elements: &[String]) -> bool {
        let mut changed = !self.keys.contains_key(key);
        let bytes = self.keys.entry(key.to_owned()).or_insert_with(create);
        check(bytes).expect("made by these functions");
        for element in elements {
            changed |= add(bytes, element.as_bytes(), self.sparse_bytes_max).expect("valid");
        }
        changed
    }

    fn pfcount(&mut self, key: &str) -> u64 {
        let Some(bytes) = self.keys.get_mut(key) else {
            return 0;
        };
        if let Some(count) = cached_count(bytes) {
            return count;
        }
        let counted = count(bytes).expect("valid");
        cache_count(bytes, counted);
        counted
    }

    fn pfmerge(&mut self, target: &str, sources: &[String]) -> u64 {
        let (mut registers, mut dense) = (Registers::new(), false);
        for key in std::iter::once(target).chain(sources.iter().map(String::as_str)) {
            if let Some(bytes) = self.keys.get(key) {
                dense |= !is_sparse(bytes);
                registers.merge(bytes).expect("valid");
            }
        }
        let bytes = self.keys.entry(target.to_owned()).or_insert_with(create);
        registers
            .store(bytes, dense, self.sparse_bytes_max)
            .expect("valid");
        registers.count()
    }
}

/// Plays thousands of commands and digests replies and strings.
fn play(sparse_bytes_max: usize, steps: usize) -> (Digest, Vec<u64>, Keys) {
    let mut numbers = Sequence::new(sparse_bytes_max as u64);
    let mut keys = Keys {
        sparse_bytes_max,
        ..Keys::default()
    };
    let (mut digest, mut counts) = (Digest::new(), Vec::new());
    for step in 0..steps {
        let key = format!("k{}", numbers.below(3));
        let n = if step > 0 { numbers.below(4) } else { 0 };
        let element = |_| {
            let bits = 4 + 2 * numbers.below(10);
            format!("e{}", numbers.below(1 << bits))
        };
        let elements: Vec<String> = (0..n).map(element).collect();
        digest.add(&[u8::from(keys.pfadd(&key, &elements))]);
        if numbers.below(20) == 0 {
            let count = keys.pfcount(&key);
            digest.add(&count.to_le_bytes());
            counts.push(count);
        }
        if numbers.below(40) == 0 {
            digest.add(&keys.keys[&key]);
        }
        if numbers.below(60) == 0 {
            let target = format!("d{}", numbers.below(4));
            let mut sources = Vec::new();
            for _ in 0..1 + numbers.below(2) {
                sources.push(format!("k{}", numbers.below(3)));
            }
            if numbers.below(3) == 0 {
                sources.push(format!("d{}", numbers.below(4)));
            }
            let count = keys.pfmerge(&target, &sources);
            digest.add(&keys.keys[&target]);
            digest.add(&count.to_le_bytes());
            counts.push(count);
        }
    }
    (digest, counts, keys)
}

/// The digests are those of Valkey 9.1.2's replies and strings for the same commands.
#[test]
fn strings_and_counts_are_those_of_a_real_server() {
    let (digest, counts, keys) = play(3000, 3000);
    assert_eq!(counts[..6], [1, 6, 1, 2, 10, 8]);
    assert_eq!(
        counts[counts.len() - 6..],
        [2582, 1109, 2985, 1111, 2988, 1131]
    );
    assert_eq!(keys.keys["k0"].len(), 2189);
    assert!(is_sparse(&keys.keys["k1"]) && !is_sparse(&keys.keys["d0"]));
    assert_eq!(digest, Digest(0xfd12_b7ef_dba6_7a9a));
    let (digest, counts, _) = play(500, 400);
    assert_eq!(counts[counts.len() - 6..], [131, 286, 313, 156, 159, 401]);
    assert_eq!(digest, Digest(0x6a82_badc_797e_bcd8));
    let (digest, counts, keys) = play(20_000, 9000);
    assert_eq!(
        counts[counts.len() - 6..],
        [7794, 3063, 3045, 7975, 3138, 8015]
    );
    assert_eq!(keys.keys["k0"].len(), 5033);
    assert_eq!(digest, Digest(0x5c1c_e69d_3397_69b6));
}

#[test]
fn a_few_elements_make_these_bytes() {
    let mut bytes = create();
    for element in ["foo", "bar", "zap", "a", "b"] {
        assert_eq!(add(&mut bytes, element.as_bytes(), 3000), Ok(true));
        assert_eq!(add(&mut bytes, element.as_bytes(), 3000), Ok(false));
    }
    let runs = b"\\\xb3\x90B\x07\x84HX\x80J\x8e\x84K\xfb\x80BZ";
    assert_eq!(bytes[..16], *b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80");
    assert_eq!(bytes[16..], *runs);
    assert_eq!(cached_count(&bytes), None);
    assert_eq!(count(&bytes), Ok(5));
    cache_count(&mut bytes, 5);
    assert_eq!(bytes[..16], *b"HYLL\x01\0\0\0\x05\0\0\0\0\0\0\0");
    assert_eq!(cached_count(&bytes), Some(5));
    assert_eq!(
        decode(&bytes),
        "Z:7348 v:5,1 Z:520 v:2,1 Z:2137 v:1,1 Z:2703 v:2,1 Z:3068 v:1,1 Z:603"
    );
    assert_eq!(to_dense(&mut bytes), Ok(true));
    assert_eq!(to_dense(&mut bytes), Ok(false));
    assert_eq!((check(&bytes), count(&bytes)), (Ok(()), Ok(5)));
    let mut registers = Registers::new();
    assert_eq!(registers.merge(&bytes), Ok(()));
    assert_eq!(registers.values()[7348..7350], [5, 0]);
    assert_eq!(registers.values().iter().filter(|v| **v > 0).count(), 5);
}

#[test]
fn strings_that_are_no_hyperloglog_are_refused() {
    let header = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80";
    assert_eq!(check(b""), Err(HllError::NotHll));
    assert_eq!(check(b"HYLL\x01"), Err(HllError::NotHll));
    assert_eq!(
        check(&[b"HYLX", &header[4..], b"\x7f\xff"].concat()),
        Err(HllError::NotHll)
    );
    assert_eq!(
        check(&[b"HYLL\x02", &header[5..], b"\x7f\xff"].concat()),
        Err(HllError::NotHll)
    );
    assert_eq!(
        check(&[b"HYLL\0", &header[5..], &[0; 100]].concat()),
        Err(HllError::NotHll)
    );
    assert_eq!(check(header), Ok(()));
}

/// Runs out of bounds, too few, too many, cut off: CVE-2025-32023 and its relatives.
#[test]
fn corrupted_runs_are_errors() {
    let header = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80";
    let many = b"\x7f\xff".repeat(200);
    let bad: [&[u8]; 8] = [
        b"",
        b"\x5f\xff",
        b"\x7f\xff\x00",
        b"\x7f",
        &many,
        b"\x7f\xfe\x83",
        b"\x5f\xff\x5f",
        b"\x83\x7f\xff",
    ];
    for runs in bad {
        let string = [header, runs].concat();
        assert_eq!(check(&string), Ok(()));
        assert_eq!(count(&string), Err(HllError::Corrupted), "{runs:?}");
        assert_eq!(Registers::new().merge(&string), Err(HllError::Corrupted));
        assert_eq!(to_dense(&mut string.clone()), Err(HllError::Corrupted));
        for element in 0..200u32 {
            let _ = add(&mut string.clone(), &element.to_le_bytes(), 3000);
            let _ = add(&mut string.clone(), &element.to_le_bytes(), 0);
        }
        decode(&string);
    }
    let good = [header, b"\x7f\xfb\x83".as_slice()].concat();
    assert_eq!(count(&good), Ok(4));
}

#[test]
fn mutated_strings_never_panic() {
    let mut rng = Rng::new(7);
    let mut string = create();
    for element in 0..300u32 {
        add(&mut string, &element.to_le_bytes(), 3000).expect("valid");
    }
    for _ in 0..2_000 {
        let mut bytes = string.clone();
        for _ in 0..1 + rng.below(4) {
            let at = 16 + rng.below(bytes.len() - 16);
            bytes[at] = rng.next_u64() as u8;
        }
        bytes.truncate(16 + rng.below(bytes.len() * 2));
        let _ = (check(&bytes), count(&bytes), Registers::new().merge(&bytes));
        let _ = add(&mut bytes, &rng.next_u64().to_le_bytes(), rng.below(4000));
        let _ = Registers::new().store(&mut bytes, rng.below(2) == 0, 3000);
    }
}

#[test]
fn hostile_dense_registers_still_count() {
    let mut bytes = create();
    to_dense(&mut bytes).expect("valid");
    for fill in [0xff, 0x55, 0x24, 0xcc] {
        bytes[16..].fill(fill);
        count(&bytes).expect("dense strings always count");
    }
}

#[test]
fn dense_registers_pack_and_unpack() {
    let mut rng = Rng::new(8);
    let mut registers = [0; REGISTERS];
    registers.fill_with(|| rng.below(64) as u8);
    let (mut packed, mut raised) = (vec![0; dense::BYTES], vec![0; dense::BYTES]);
    dense::pack(&registers, &mut packed);
    for (index, &value) in registers.iter().enumerate() {
        assert_eq!(dense::raise(&mut raised, index, value), value > 0);
        assert!(!dense::raise(&mut raised, index, value));
    }
    assert!(packed == raised);
    let mut unpacked = [0; REGISTERS];
    dense::unpack(&packed, &mut unpacked);
    assert!(unpacked == registers);
}

#[test]
fn the_self_test_passes() {
    let mut rng = Rng::new(9);
    assert_eq!(self_test::registers_keep_values(&mut rng, 3), Ok(()));
    assert_eq!(self_test::counts_are_near(&mut rng, 3000, 100_000), Ok(()));
}
