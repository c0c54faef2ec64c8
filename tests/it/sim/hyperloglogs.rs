//! HyperLogLogs: estimates of how many different elements were added. To the model they are their
//! registers; their bytes, which depend on how they came to be, are only read. No other command on
//! strings meets one: their keys have a kind of their own.

use std::collections::BTreeMap;

use super::generate::Gen;
use super::model::{Ctx, Data, Row, Words};
use super::strings;
use super::want::{Want, error, int, ok, wrong_type};
use crate::words;

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    Row { name: "pfadd", weight: 8, make: make_pfadd, run: pfadd },
    Row { name: "pfcount", weight: 4, make: make_pfcount, run: pfcount },
    Row { name: "pfmerge", weight: 3, make: make_pfmerge, run: pfmerge },
    // A string that is none.
    Row { name: "set", weight: 1, make: |g| words![key(g), g.value()], run: strings::set },
];

const REGISTERS: usize = 16_384;
/// The bytes before the registers.
const HEADER_LEN: usize = 16;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hll {
    /// The ranks of the registers that have one.
    registers: BTreeMap<usize, u8>,
    /// It knows its count: nothing was added since it was asked for.
    is_counted: bool,
}

impl Hll {
    /// Raises a register; whether it was lower.
    fn raise(&mut self, register: usize, rank: u8) -> bool {
        let old = self.registers.get(&register).copied().unwrap_or(0);
        if old < rank {
            self.registers.insert(register, rank);
        }
        old < rank
    }

    fn merge(&mut self, other: &Hll) {
        for (register, rank) in &other.registers {
            self.raise(*register, *rank);
        }
    }

    /// The count that the empty registers tell, and some more or less.
    fn count(&self) -> Want {
        let zeros = REGISTERS - self.registers.len();
        let all = REGISTERS as f64;
        let count = all * (all / zeros as f64).ln();
        let off = count / 50.0 + 1.0;
        Want::IntIn((count - off).ceil() as i64, (count + off) as i64)
    }
}

/// MurmurHash64A, by Austin Appleby.
fn hash(element: &[u8]) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    const SEED: u64 = 0xadc8_3b19;
    let number = |bytes: &[u8]| {
        let digits = bytes.iter().rev();
        digits.fold(0, |n: u64, byte| n << 8 | u64::from(*byte))
    };
    let fold = |n: u64| n ^ n >> 47;
    let mut h = SEED ^ (element.len() as u64).wrapping_mul(M);
    let chunks = element.chunks_exact(8);
    let tail = chunks.remainder();
    for chunk in chunks {
        let k = fold(number(chunk).wrapping_mul(M)).wrapping_mul(M);
        h = (h ^ k).wrapping_mul(M);
    }
    if !tail.is_empty() {
        h = (h ^ number(tail)).wrapping_mul(M);
    }
    fold(fold(h).wrapping_mul(M))
}

/// The register of an element, and its rank there: where the first one is among the other bits.
fn place(element: &[u8]) -> (usize, u8) {
    let hash = hash(element);
    let others = hash >> 14;
    let rank = others.trailing_zeros().min(50) + 1;
    (hash as usize % REGISTERS, rank as u8)
}

/// What the bytes of a string stand for; `None` if that is no HyperLogLog.
pub fn read(bytes: &[u8]) -> Option<Data> {
    let (header, body) = bytes.split_at_checked(HEADER_LEN)?;
    let ranks = match (&header[..4], header[4]) {
        (b"HYLL", 0) => dense(body)?,
        (b"HYLL", 1) => sparse(body)?,
        _ => return None,
    };
    let with_rank = ranks.into_iter().enumerate().filter(|(_, rank)| *rank > 0);
    Some(Data::Hll(Hll {
        registers: with_rank.collect(),
        is_counted: header[15] & 0x80 == 0,
    }))
}

/// Six bits a register, from the lowest on.
fn dense(body: &[u8]) -> Option<Vec<u8>> {
    if body.len() != REGISTERS * 6 / 8 {
        return None;
    }
    let bit = |at: usize| body[at / 8] >> (at % 8) & 1;
    let rank = |register: usize| (0..6).map(|n| bit(register * 6 + n) << n).sum();
    Some((0..REGISTERS).map(rank).collect())
}

/// Runs of registers that have one rank.
fn sparse(body: &[u8]) -> Option<Vec<u8>> {
    let mut ranks = Vec::new();
    let mut bytes = body.iter().map(|byte| usize::from(*byte));
    while let Some(first) = bytes.next() {
        let (rank, len) = match first >> 6 {
            0 => (0, first % 64),
            1 => (0, (first % 64) << 8 | bytes.next()?),
            _ => (first >> 2 & 31, first % 4),
        };
        let rank = if first < 128 { 0 } else { rank as u8 + 1 };
        ranks.extend(std::iter::repeat_n(rank, len + 1));
    }
    Some(ranks).filter(|ranks| ranks.len() == REGISTERS)
}

/// The HyperLogLog of a key, or what to answer if it holds something else.
fn get(ctx: &Ctx<'_>, key: &[u8]) -> Result<Option<Hll>, Want> {
    match ctx.get(key).map(|entry| &entry.data) {
        None => Ok(None),
        Some(Data::Hll(hll)) => Ok(Some(hll.clone())),
        Some(Data::String(_)) => Err(error(
            "WRONGTYPE Key is not a valid HyperLogLog string value.",
        )),
        Some(_) => Err(wrong_type()),
    }
}

/// Stores a HyperLogLog, which keeps its end.
fn keep(ctx: &mut Ctx<'_>, key: &[u8], hll: Hll) {
    let at = ctx.get(key).and_then(|entry| entry.expire_at);
    ctx.put(key, Data::Hll(hll), at);
}

/// A key, mostly of few, so that much is added to one.
fn key(g: &mut Gen) -> Vec<u8> {
    if g.once_in(2) {
        return g.key('p');
    }
    format!("p{}", g.rng.u32(..2)).into_bytes()
}

/// A key to read.
fn source(g: &mut Gen) -> Vec<u8> {
    if g.once_in(20) { g.any_key() } else { key(g) }
}

fn make_pfadd(g: &mut Gen) -> Words {
    let mut words = words![key(g)];
    if g.once_in(12) {
        return words;
    }
    let most = if g.once_in(5) { 60 } else { 4 };
    words.extend(g.some(most, |g| if g.once_in(4) { g.value() } else { g.member() }));
    words
}

fn pfadd(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let old = match get(ctx, &args[0]) {
        Err(wrong) => return wrong,
        Ok(old) => old,
    };
    let mut changed = old.is_none();
    let mut hll = old.unwrap_or_default();
    for element in &args[1..] {
        let (register, rank) = place(element);
        changed |= hll.raise(register, rank);
    }
    if changed {
        hll.is_counted = false;
        keep(ctx, &args[0], hll);
    }
    int(i64::from(changed))
}

fn make_pfcount(g: &mut Gen) -> Words {
    if g.once_in(2) {
        words![source(g)]
    } else {
        g.some(4, source)
    }
}

fn pfcount(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    let union = match union(ctx, args) {
        Err(wrong) => return wrong,
        Ok(union) => union,
    };
    // One that did not know its count does now: a change, to who watches it.
    if let [key] = args
        && ctx.get(key).is_some()
        && !union.is_counted
    {
        let mut counted = union.clone();
        counted.is_counted = true;
        keep(ctx, key, counted);
    }
    union.count()
}

/// All that was added to some; with `is_counted` if it is one that knows its count.
fn union(ctx: &Ctx<'_>, keys: &[Vec<u8>]) -> Result<Hll, Want> {
    let mut union = Hll::default();
    for key in keys {
        if let Some(hll) = get(ctx, key)? {
            union.merge(&hll);
            union.is_counted = hll.is_counted;
        }
    }
    Ok(union)
}

fn make_pfmerge(g: &mut Gen) -> Words {
    let mut words = words![key(g)];
    for _ in 0..g.rng.usize(..4) {
        words.push(source(g));
    }
    words
}

fn pfmerge(ctx: &mut Ctx<'_>, args: &[Vec<u8>]) -> Want {
    match union(ctx, args) {
        Err(wrong) => wrong,
        Ok(union) => {
            let is_counted = false;
            keep(
                ctx,
                &args[0],
                Hll {
                    is_counted,
                    ..union
                },
            );
            ok()
        }
    }
}
