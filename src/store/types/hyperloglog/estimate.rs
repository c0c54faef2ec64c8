//! From registers to a count: the estimator of Otmar Ertl, "New cardinality estimation algorithms
//! for HyperLogLog sketches" (arXiv:1702.01284), in the order of operations that Redis uses.

use super::{RANK_BITS, REGISTERS};

/// 1 / (2 ln 2).
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// How many registers have each value.
pub(super) struct Histogram([u32; 64]);

impl Histogram {
    pub(super) fn new() -> Histogram {
        Histogram([0; 64])
    }

    /// Counts `n` registers of a value.
    #[inline]
    pub(super) fn add(&mut self, value: u8, n: usize) {
        self.0[usize::from(value & 63)] += n as u32;
    }

    /// Counts all registers: in four tables, because equal neighbours are the rule, and a counter
    /// that was just written is slow to read.
    pub(super) fn add_all(&mut self, registers: &[u8; REGISTERS]) {
        let mut tables = [[0u32; 64]; 4];
        let (fours, _) = registers.as_chunks::<4>();
        for four in fours {
            for (table, value) in tables.iter_mut().zip(four) {
                table[usize::from(value & 63)] += 1;
            }
        }
        for table in tables {
            for (sum, n) in self.0.iter_mut().zip(table) {
                *sum += n;
            }
        }
    }

    /// The estimated number of different elements.
    pub(super) fn estimate(&self) -> u64 {
        let m = REGISTERS as f64;
        let top = self.0[RANK_BITS as usize + 1];
        let mut z = m * tau((m - f64::from(top)) / m);
        for &n in self.0[1..=RANK_BITS as usize].iter().rev() {
            z += f64::from(n);
            z *= 0.5;
        }
        z += m * sigma(f64::from(self.0[0]) / m);
        (ALPHA * m * m / z).round() as u64
    }
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if before == z {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if before == z {
            return z / 3.0;
        }
    }
}
