//! BITOP: byte strings combined bit by bit, as long as the longest of them.
//!
//! Works block by block, so that what is being combined stays in the cache however many strings
//! there are; the inner loops are plain byte loops, which the compiler turns into vector code.

/// Bytes combined at a time.
const BLOCK_BYTES: usize = 4096;

/// How strings are combined. For the last four, the first string is X and the others are Y.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitOp {
    /// Set in all.
    And,
    /// Set in any.
    Or,
    /// Set in an odd number.
    Xor,
    /// Not set in the only string.
    Not,
    /// Set in X and in no Y.
    Diff,
    /// Not set in X, but in a Y.
    Diff1,
    /// Set in X and in a Y.
    AndOr,
    /// Set in exactly one string.
    One,
}

impl BitOp {
    /// The operation of a name, in either case.
    pub fn from_name(name: &[u8]) -> Option<BitOp> {
        const NAMES: [(&[u8], BitOp); 8] = [
            (b"and", BitOp::And),
            (b"or", BitOp::Or),
            (b"xor", BitOp::Xor),
            (b"not", BitOp::Not),
            (b"diff", BitOp::Diff),
            (b"diff1", BitOp::Diff1),
            (b"andor", BitOp::AndOr),
            (b"one", BitOp::One),
        ];
        NAMES
            .iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known))
            .map(|(_, op)| *op)
    }

    /// Whether the operation makes sense only with at least two strings.
    pub fn needs_two(self) -> bool {
        matches!(self, BitOp::Diff | BitOp::Diff1 | BitOp::AndOr)
    }
}

/// The combination of `inputs`, as long as the longest of them; NOT takes the first only.
pub fn combine(op: BitOp, inputs: &[&[u8]]) -> Vec<u8> {
    let len = inputs.iter().map(|input| input.len()).max().unwrap_or(0);
    let mut out = vec![0; len];
    for (n, block) in out.chunks_mut(BLOCK_BYTES).enumerate() {
        combine_block(op, inputs, n * BLOCK_BYTES, block);
    }
    out
}

/// One block of the combination, from `at` on; `out` holds zeros.
fn combine_block(op: BitOp, inputs: &[&[u8]], at: usize, out: &mut [u8]) {
    let Some((first, others)) = inputs.split_first() else {
        return;
    };
    let first = part(first, at, out.len());
    match op {
        BitOp::And => {
            out[..first.len()].copy_from_slice(first);
            for other in others {
                let other = part(other, at, out.len());
                each(out, other, |a, b| a & b);
                out[other.len()..].fill(0);
            }
        }
        BitOp::Or | BitOp::Xor => {
            out[..first.len()].copy_from_slice(first);
            for other in others {
                let other = part(other, at, out.len());
                match op {
                    BitOp::Or => each(out, other, |a, b| a | b),
                    _ => each(out, other, |a, b| a ^ b),
                }
            }
        }
        BitOp::Not => {
            out.fill(0xff);
            each(out, first, |_, b| !b);
        }
        BitOp::Diff | BitOp::Diff1 | BitOp::AndOr => {
            for other in others {
                each(out, part(other, at, out.len()), |a, b| a | b);
            }
            match op {
                BitOp::Diff => each(out, first, |any, x| x & !any),
                BitOp::Diff1 => return each(out, first, |any, x| any & !x),
                _ => each(out, first, |any, x| x & any),
            }
            out[first.len()..].fill(0);
        }
        BitOp::One => exactly_one(inputs, at, out),
    }
}

fn exactly_one(inputs: &[&[u8]], at: usize, any: &mut [u8]) {
    let mut twice = [0; BLOCK_BYTES];
    for input in inputs {
        let input = part(input, at, any.len());
        for ((any, twice), byte) in any.iter_mut().zip(&mut twice).zip(input) {
            *twice |= *any & byte;
            *any |= byte;
        }
    }
    each(any, &twice, |any, twice| any & !twice);
}

/// As much of `len` bytes from `at` on as the string has.
fn part(bytes: &[u8], at: usize, len: usize) -> &[u8] {
    let rest = bytes.get(at..).unwrap_or(&[]);
    &rest[..rest.len().min(len)]
}

#[inline(always)]
fn each(out: &mut [u8], other: &[u8], op: impl Fn(u8, u8) -> u8) {
    for (out, other) in out.iter_mut().zip(other) {
        *out = op(*out, *other);
    }
}
