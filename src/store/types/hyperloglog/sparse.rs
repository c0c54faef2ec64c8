//! Sparse registers: runs of equal ones, in order, that together are all registers.
//!
//! `00llllll` is a run of l+1 zeros, `01llllll llllllll` likewise with 14 bits of length, and
//! `1vvvvvll` a run of l+1 registers of value v+1. How runs are split and merged decides the bytes
//! a client sees, so it follows Redis step by step.

use super::{HEADER_BYTES, HllError, REGISTERS};

/// All registers zero: one run of 16384.
pub(super) const EMPTY: [u8; 2] = [0x7f, 0xff];

/// The largest value a run can have.
const VALUE_MAX: u8 = 32;
/// The longest run of a value, and of zeros in one byte.
const VALUES_MAX: usize = 4;
const ZEROS_MAX: usize = 64;
/// How many runs, from the one before the change on, are looked at to merge neighbours.
const MERGE_RUNS: usize = 5;

/// Registers of one value.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) value: u8,
    /// How many registers.
    pub(super) len: usize,
    /// How many bytes encode the run.
    pub(super) bytes: usize,
}

/// What became of a request to raise a register.
pub(super) enum Raised {
    /// It was as high already.
    No,
    /// It is.
    Yes,
    /// It cannot be in this encoding.
    TooLarge,
}

/// The run that begins at `at`; nothing at the end or if the run's second byte is missing.
#[inline]
fn run_at(runs: &[u8], at: usize) -> Option<Run> {
    let &byte = runs.get(at)?;
    Some(match byte >> 6 {
        0 => Run {
            value: 0,
            len: usize::from(byte) + 1,
            bytes: 1,
        },
        1 => {
            let low = usize::from(*runs.get(at + 1)?);
            Run {
                value: 0,
                len: (usize::from(byte & 0x3f) << 8 | low) + 1,
                bytes: 2,
            }
        }
        _ => Run {
            value: (byte >> 2 & 0x1f) + 1,
            len: usize::from(byte & 3) + 1,
            bytes: 1,
        },
    })
}

/// All runs; an error in place of one that leads beyond the last register, and at the end if
/// they are fewer registers than there must be.
pub(super) fn runs(runs: &[u8]) -> impl Iterator<Item = Result<Run, HllError>> {
    let (mut at, mut registers, mut done) = (0, 0, false);
    std::iter::from_fn(move || {
        if done {
            return None;
        }
        let run = run_at(runs, at).filter(|run| registers + run.len <= REGISTERS);
        if let Some(run) = run {
            at += run.bytes;
            registers += run.len;
            return Some(Ok(run));
        }
        done = true;
        (at < runs.len() || registers != REGISTERS).then_some(Err(HllError::Corrupted))
    })
}

/// All runs, whether or not they make sense together.
pub(super) fn raw_runs(runs: &[u8]) -> impl Iterator<Item = Run> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let run = run_at(runs, at)?;
        at += run.bytes;
        Some(run)
    })
}

/// Where a search begins: a run that lies before the register, with at least one between them
/// unless it is the first, because a raised register may merge with the run before it.
#[derive(Clone, Copy)]
pub(super) struct Cursor {
    at: usize,
    first: usize,
}

impl Cursor {
    /// The first run.
    pub(super) fn start() -> Cursor {
        Cursor {
            at: HEADER_BYTES,
            first: 0,
        }
    }
}

/// Raises the register `index` of a sparse string, header included, to `value`. The cursor is
/// moved on, so that the next register may be searched from there if it is a later one.
pub(super) fn raise(
    bytes: &mut Vec<u8>,
    index: usize,
    value: u8,
    bytes_max: usize,
    cursor: &mut Cursor,
) -> Result<Raised, HllError> {
    if value > VALUE_MAX {
        return Ok(Raised::TooLarge);
    }
    let (mut at, mut first) = (cursor.at, cursor.first);
    let mut previous = *cursor;
    let run = loop {
        let run = run_at(bytes, at).ok_or(HllError::Corrupted)?;
        if index < first + run.len {
            break run;
        }
        *cursor = previous;
        previous = Cursor { at, first };
        at += run.bytes;
        first += run.len;
    };
    if run.value >= value {
        return Ok(Raised::No);
    }
    if run.len == 1 && run.bytes == 1 {
        bytes[at] = value_run(value, 1);
    } else {
        let mut split = Split::default();
        split.push(run.value, index - first);
        split.push(value, 1);
        split.push(run.value, first + run.len - 1 - index);
        if split.len > run.bytes && bytes.len() + split.len - run.bytes > bytes_max {
            return Ok(Raised::TooLarge);
        }
        bytes.splice(at..at + run.bytes, split.bytes[..split.len].iter().copied());
    }
    merge(bytes, previous.at);
    Ok(Raised::Yes)
}

/// The up to three runs that a run becomes.
#[derive(Default)]
struct Split {
    bytes: [u8; 5],
    len: usize,
}

impl Split {
    fn push(&mut self, value: u8, len: usize) {
        let at = self.len;
        match (value, len) {
            (_, 0) => return,
            (0, ..=ZEROS_MAX) => self.bytes[at] = len as u8 - 1,
            (0, _) => {
                let [high, low] = (len as u16 - 1).to_be_bytes();
                self.bytes[at] = high | 0x40;
                self.bytes[at + 1] = low;
                self.len += 1;
            }
            (value, len) => self.bytes[at] = value_run(value, len),
        }
        self.len += 1;
    }
}

fn value_run(value: u8, len: usize) -> u8 {
    0x80 | (value - 1) << 2 | (len as u8 - 1)
}

/// Merges neighbours of the same value among the next runs from `at` on.
fn merge(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..MERGE_RUNS {
        let Some(run) = run_at(bytes, at) else { return };
        let next = run_at(bytes, at + run.bytes);
        match next {
            Some(next)
                if run.value > 0 && next.value == run.value && run.len + next.len <= VALUES_MAX =>
            {
                bytes[at] = value_run(run.value, run.len + next.len);
                bytes.remove(at + 1);
            }
            _ => at += run.bytes,
        }
    }
}
