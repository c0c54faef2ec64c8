//! PFSELFTEST: registers keep what is written, both encodings count alike, counts are near enough.

use super::{DENSE_BYTES, HEADER_BYTES, REGISTERS, add, count, create, dense, is_sparse, to_dense};
use crate::random::Rng;

/// How often all registers are written and read back.
const CYCLES: usize = 1000;
/// How many elements are counted.
const ELEMENTS: u64 = 10_000_000;

/// Runs the test; what failed, if anything. Takes seconds.
pub fn self_test(rng: &mut Rng, sparse_bytes_max: usize) -> Result<(), String> {
    registers_keep_values(rng, CYCLES)?;
    counts_are_near(rng, sparse_bytes_max, ELEMENTS)
}

/// Counts more and more elements in both encodings.
pub(super) fn counts_are_near(
    rng: &mut Rng,
    sparse_bytes_max: usize,
    elements: u64,
) -> Result<(), String> {
    let failed = |what: &str| Err(format!("TESTFAILED {what}"));
    let corrupted = |_| "TESTFAILED corrupted".to_owned();
    let (mut any, mut dense) = (create(), create());
    to_dense(&mut dense).map_err(corrupted)?;
    let relative_error = 1.04 / (REGISTERS as f64).sqrt();
    let (seed, mut checkpoint) = (rng.next_u64(), 1);
    for n in 1..=elements {
        let element = (n ^ seed).to_le_bytes();
        add(&mut dense, &element, sparse_bytes_max).map_err(corrupted)?;
        add(&mut any, &element, sparse_bytes_max).map_err(corrupted)?;
        if n != checkpoint {
            continue;
        }
        if n < sparse_bytes_max as u64 / 2 && !is_sparse(&any) {
            return failed("sparse encoding not used");
        }
        let counted = count(&dense).map_err(corrupted)?;
        if counted != count(&any).map_err(corrupted)? {
            return failed("dense/sparse disagree");
        }
        // Six times the standard error; with ten elements even a single collision is unlikely.
        let most = match n {
            10 => 1,
            _ => (relative_error * 6.0 * n as f64).ceil() as u64,
        };
        let error = n.abs_diff(counted);
        if error > most {
            return failed(&format!("Too big error. card:{n} abserr:{error}"));
        }
        checkpoint *= 10;
    }
    Ok(())
}

/// Writes all registers and reads them back.
pub(super) fn registers_keep_values(rng: &mut Rng, cycles: usize) -> Result<(), String> {
    let (mut packed, mut unpacked) = (vec![0; DENSE_BYTES - HEADER_BYTES], [0; REGISTERS]);
    for _ in 0..cycles {
        let values: Vec<u8> = (0..REGISTERS).map(|_| rng.below(64) as u8).collect();
        packed.fill(0);
        for (index, &value) in values.iter().enumerate() {
            dense::raise(&mut packed, index, value);
        }
        dense::unpack(&packed, &mut unpacked);
        if let Some(at) = (0..REGISTERS).find(|&at| values[at] != unpacked[at]) {
            let (want, is) = (values[at], unpacked[at]);
            return Err(format!(
                "TESTFAILED Register {at} should be {want} but is {is}"
            ));
        }
    }
    Ok(())
}
