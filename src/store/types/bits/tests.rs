use super::*;
use crate::store::types::sequence::{Digest, Sequence};

/// Runs of zeros, ones and anything.
fn string(numbers: &mut Sequence) -> Vec<u8> {
    let len = numbers.below(40) as usize;
    let mut bytes = Vec::new();
    while bytes.len() < len {
        let kind = numbers.below(3);
        for _ in 0..1 + numbers.below(12) {
            bytes.push(match kind {
                0 => 0,
                1 => 255,
                _ => numbers.below(256) as u8,
            });
        }
    }
    bytes.truncate(len);
    bytes
}

/// The digest is that of Valkey 9.1.2's and Redis 7.0.15's answers to the same commands.
#[test]
fn counts_and_positions_are_those_of_a_real_server() {
    let mut numbers = Sequence::new(1);
    let mut digest = Digest::new();
    let mut first = Vec::new();
    for _ in 0..6000 {
        let bytes = string(&mut numbers);
        numbers.next();
        let in_bits = numbers.below(2) == 1;
        let op = numbers.below(3);
        let width = if in_bits { 400 } else { 50 };
        let start = numbers.below(2 * width) as i64 - width as i64;
        let end = numbers.below(2 * width) as i64 - width as i64;
        let form = numbers.below(3);
        let unit = if in_bits { Unit::Bit } else { Unit::Byte };
        let answer = match (op, form) {
            (0, 0) => count(&bytes) as i64,
            (0, _) => count_range(&bytes, start, Some(end), unit) as i64,
            (_, 0) => position(&bytes, op == 1, 0, None, Unit::Byte),
            (_, 1) => position(&bytes, op == 1, start, None, Unit::Byte),
            (_, _) => position(&bytes, op == 1, start, Some(end), unit),
        };
        digest.add(&answer.to_le_bytes());
        first.push(answer);
    }
    assert_eq!(
        first[..20],
        [
            0, 0, 72, 3, 1, 8, 0, 0, 0, 131, 0, 0, -1, -1, 0, -1, -1, 0, 61, 152
        ]
    );
    assert_eq!(digest, Digest(0x0b1d_7eaf_d135_1739));
}

/// The digests are those of Valkey 9.1.2's and Redis 7.0.15's answers and final string.
#[test]
fn fields_are_those_of_a_real_server() {
    let mut numbers = Sequence::new(2);
    let mut digest = Digest::new();
    let mut bytes = Vec::new();
    for _ in 0..8000 {
        let signed = numbers.below(2) == 1;
        let bits = 1 + numbers.below(if signed { 64 } else { 63 });
        let offset = numbers.below(300);
        let op = numbers.below(3);
        let overflow = [Overflow::Wrap, Overflow::Sat, Overflow::Fail][numbers.below(3) as usize];
        let kind = numbers.below(6);
        let any = (numbers.next() << 33 ^ numbers.next() << 11 ^ numbers.next()) as i64;
        let value = match kind {
            0 => numbers.below(20) as i64 - 10,
            1 => any,
            2 => any >> (64 - bits),
            3 => i64::MAX - numbers.below(3) as i64,
            4 => i64::MIN + numbers.below(3) as i64,
            _ => numbers.below(2000) as i64 - 1000,
        };
        let name = format!("{}{bits}", if signed { "i" } else { "u" });
        let field = FieldType::parse(name.as_bytes()).expect("a valid type");
        if op > 0 {
            bytes.resize(bytes.len().max(bytes_for(offset + field.bits() - 1)), 0);
        }
        let old = field.read(&bytes, offset);
        let new = match op {
            0 => Some(old),
            1 => field.fit(value, overflow),
            _ => field.add(old, value, overflow),
        };
        if let (1.., Some(new)) = (op, new) {
            field.write(&mut bytes, offset, new);
        }
        match new {
            None => digest.add(b"n"),
            Some(new) => digest.add(&if op == 1 { old } else { new }.to_le_bytes()),
        }
    }
    assert_eq!(digest, Digest(0xc179_2378_833f_926d));
    let mut string = Digest::new();
    string.add(&bytes);
    assert_eq!((string, bytes.len()), (Digest(0xe277_e8e0_8794_fed8), 45));
}

#[test]
fn field_types_have_names() {
    for name in ["i1", "i64", "u1", "u63", "u9", "i10"] {
        assert!(FieldType::parse(name.as_bytes()).is_some(), "{name}");
    }
    for name in [
        "", "i", "u", "i0", "u64", "i65", "u-1", "u+8", "u08", "i8 ", "x8", "u100", "I8",
    ] {
        assert!(FieldType::parse(name.as_bytes()).is_none(), "{name}");
    }
}

#[test]
fn combinations_are_those_of_a_real_server() {
    let a = [[0xff; 40].as_slice(), &[0x0f]].concat();
    let (b, c) = ([0xf0; 33], [0xaa, 0x55].repeat(30));
    let digest = |op, inputs: &[&[u8]]| {
        let mut digest = Digest::new();
        digest.add(&combine(op, inputs));
        digest.0
    };
    assert_eq!(digest(BitOp::And, &[&a, &b, &c]), 0xdb5b_f6a9_6b99_57b5);
    assert_eq!(digest(BitOp::Or, &[&a, &b, &c]), 0x413d_73c4_4fab_dc04);
    assert_eq!(digest(BitOp::Xor, &[&a, &b, &c]), 0x0dbd_9e90_2705_3c46);
    assert_eq!(digest(BitOp::Not, &[&c]), 0x9e91_4b00_419d_b619);
    assert_eq!(combine(BitOp::Or, &[]), b"");
    assert_eq!(combine(BitOp::And, &[&[], &[]]), b"");
}

#[test]
fn every_combination_is_right_bit_by_bit() {
    let mut numbers = Sequence::new(3);
    let mut any = |len: usize| -> Vec<u8> { (0..len).map(|_| numbers.next() as u8).collect() };
    let strings = [any(5000), any(9000), any(0), any(4096), any(8191)];
    for op in [
        BitOp::And,
        BitOp::Or,
        BitOp::Xor,
        BitOp::Not,
        BitOp::Diff,
        BitOp::Diff1,
        BitOp::AndOr,
        BitOp::One,
    ] {
        for n in 1..=strings.len() {
            for turn in 0..n {
                let mut inputs: Vec<&[u8]> = strings[..n].iter().map(|s| s.as_slice()).collect();
                inputs.rotate_left(turn);
                if op == BitOp::Not {
                    inputs.truncate(1);
                }
                let out = combine(op, &inputs);
                assert_eq!(out.len(), inputs.iter().map(|i| i.len()).max().unwrap_or(0));
                for at in (0..out.len() as u64 * 8).step_by(7) {
                    let x = bit(inputs[0], at);
                    let ys = inputs[1..].iter().filter(|y| bit(y, at)).count();
                    let want = match op {
                        BitOp::And => x && ys == inputs.len() - 1,
                        BitOp::Or => x || ys > 0,
                        BitOp::Xor => (ys + usize::from(x)) % 2 == 1,
                        BitOp::Not => !x,
                        BitOp::Diff => x && ys == 0,
                        BitOp::Diff1 => !x && ys > 0,
                        BitOp::AndOr => x && ys > 0,
                        BitOp::One => ys + usize::from(x) == 1,
                    };
                    assert_eq!(bit(&out, at), want, "{op:?} of {n}, bit {at}");
                }
            }
        }
    }
}

#[test]
fn single_bits() {
    let mut bytes = vec![0; bytes_for(9)];
    assert_eq!(bytes.len(), 2);
    assert!(!set_bit(&mut bytes, 9, true));
    assert!(set_bit(&mut bytes, 9, true));
    assert_eq!(bytes, [0, 0x40]);
    assert!(bit(&bytes, 9) && !bit(&bytes, 8) && !bit(&bytes, 1 << 40) && !bit(&bytes, u64::MAX));
    assert!(set_bit(&mut bytes, 9, false));
    assert_eq!(bytes, [0, 0]);
    assert_eq!(count_range(b"foobar", 1, None, Unit::Byte), 22);
    assert_eq!(
        count_range(b"foobar", i64::MIN, Some(i64::MAX), Unit::Bit),
        26
    );
    assert_eq!(BitOp::from_name(b"AndOr"), Some(BitOp::AndOr));
    assert_eq!(BitOp::from_name(b"nand"), None);
    assert!(BitOp::Diff.needs_two() && !BitOp::One.needs_two());
}
