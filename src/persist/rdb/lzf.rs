//! LZF: the compression of strings in RDB files.
//!
//! A control byte below 32 announces that many bytes plus one to be taken as they are. Any other
//! is a copy of what came before: its upper three bits are the length less 2 (7: the next byte is
//! added), the lower five and the byte after are how far back less 1.
//!
//! The compressor works in steps, because a string may be large and a turn is short.

/// A copy is at least so long,
const MATCH_MIN: usize = 3;
/// at most so long,
const MATCH_MAX: usize = 264;
/// and from at most so far back.
const DISTANCE_MAX: usize = 1 << 13;
/// The most bytes taken as they are after one control byte.
const LITERALS_MAX: usize = 32;
/// The most that can become of three bytes: what bounds the size that a hostile length may claim.
const EXPANSION_MAX: usize = MATCH_MAX / 3;
const TABLE_BITS: u32 = 14;
/// The more bytes went by without a match, the fewer places are looked at.
const SKIP_SHIFT: u32 = 6;

/// How far a compression has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More steps are needed.
    Working,
    /// The output is complete.
    Done,
    /// It saves too little: store the string as it is.
    Useless,
}

/// Compresses one string after the other. Its table is made once, when it is first needed.
#[derive(Clone, Debug, Default)]
pub(super) struct Compressor {
    /// Where three bytes with this hash were seen last, counted from `base`.
    table: Vec<u32>,
    /// What lies below was seen in strings before this one.
    base: u32,
    at: usize,
    /// From here on nothing was written yet.
    literals: usize,
    out: Vec<u8>,
}

impl Compressor {
    /// Compresses a whole string; `None` if that saves less than four bytes.
    pub fn compress(&mut self, input: &[u8]) -> Option<&[u8]> {
        self.begin(input.len());
        match self.step(input, usize::MAX) {
            Progress::Done => Some(&self.out),
            _ => None,
        }
    }

    /// Begins a string of `len` bytes.
    pub fn begin(&mut self, len: usize) {
        let used = u32::try_from(self.at + 1).unwrap_or(u32::MAX);
        let end = u32::try_from(len).unwrap_or(u32::MAX);
        self.base = self.base.saturating_add(used);
        if self.table.is_empty() || self.base.checked_add(end).is_none() {
            self.table.clear();
            self.table.resize(1 << TABLE_BITS, 0);
            self.base = 1;
        }
        (self.at, self.literals) = (0, 0);
        self.out.clear();
    }

    /// Gives back what a large string took.
    pub fn forget(&mut self) {
        self.out = Vec::new();
    }

    /// What was written so far.
    pub fn output(&self) -> &[u8] {
        &self.out
    }

    /// Goes on with the string that was begun, for about `budget` bytes of it.
    pub fn step(&mut self, input: &[u8], budget: usize) -> Progress {
        // Redis wants four bytes saved, and a position must fit into the table.
        let room = match input.len().checked_sub(4) {
            Some(room) if input.len() < u32::MAX as usize / 2 => room,
            _ => return Progress::Useless,
        };
        let last = input.len() + 1 - MATCH_MIN;
        let pause = self.at.saturating_add(budget).min(last);
        while self.at < pause {
            if self.out.len() + (self.at - self.literals) > room {
                return Progress::Useless;
            }
            match self.find(input) {
                Some(from) => self.copy(input, from),
                None => self.at += 1 + ((self.at - self.literals) >> SKIP_SHIFT),
            }
        }
        if self.at < last {
            return Progress::Working;
        }
        self.at = input.len();
        self.flush_literals(input, input.len());
        if self.out.len() > room {
            Progress::Useless
        } else {
            Progress::Done
        }
    }

    /// Where the three bytes at the present place were seen before, near enough.
    #[inline]
    fn find(&mut self, input: &[u8]) -> Option<usize> {
        let at = self.at;
        let here = input.get(at..at + MATCH_MIN)?;
        let word = u32::from_le_bytes([here[0], here[1], here[2], 0]);
        let slot = word.wrapping_mul(0x9e37_79b1) >> (32 - TABLE_BITS);
        let seen = std::mem::replace(&mut self.table[slot as usize], self.base + at as u32);
        let from = seen.checked_sub(self.base)? as usize;
        let is_near = from < at && at - from <= DISTANCE_MAX;
        (is_near && input[from..from + MATCH_MIN] == *here).then_some(from)
    }

    /// Writes a copy of what is at `from`, as long as it goes.
    #[inline]
    fn copy(&mut self, input: &[u8], from: usize) {
        self.flush_literals(input, self.at);
        let most = (input.len() - self.at).min(MATCH_MAX);
        let (before, here) = (&input[from..], &input[self.at..]);
        let len = (MATCH_MIN..most)
            .find(|&len| before[len] != here[len])
            .unwrap_or(most);
        let (distance, code) = (self.at - from - 1, len - 2);
        let high = (distance >> 8) as u8;
        if code < 7 {
            self.out.push((code as u8) << 5 | high);
        } else {
            self.out.push(7 << 5 | high);
            self.out.push((code - 7) as u8);
        }
        self.out.push(distance as u8);
        self.at += len;
        self.literals = self.at;
    }

    #[inline]
    fn flush_literals(&mut self, input: &[u8], end: usize) {
        for run in input[self.literals..end].chunks(LITERALS_MAX) {
            self.out.push((run.len() - 1) as u8);
            self.out.extend_from_slice(run);
        }
        self.literals = end;
    }
}

/// Runs and copies are made in pieces of these sizes where there is room, because most are short.
const RUN_PIECE: usize = LITERALS_MAX;
const COPY_PIECE: usize = 16;

/// What was compressed, which must be `len` bytes long. Allocates no more than could come of the
/// input at best.
pub(super) fn decompress(input: &[u8], len: usize) -> Option<Vec<u8>> {
    if len > input.len().saturating_mul(EXPANSION_MAX) {
        return None;
    }
    let mut out = vec![0; len];
    let (mut rest, mut at) = (input, 0);
    while let [control, behind @ ..] = rest {
        let control = usize::from(*control);
        rest = behind;
        let count;
        if control < LITERALS_MAX {
            count = control + 1;
            match (
                rest.first_chunk::<RUN_PIECE>(),
                out.get_mut(at..at + RUN_PIECE),
            ) {
                (Some(from), Some(to)) => to.copy_from_slice(from),
                _ => out
                    .get_mut(at..at + count)?
                    .copy_from_slice(rest.get(..count)?),
            }
            rest = &rest[count..];
        } else {
            let more = match control >> 5 {
                7 => usize::from(*rest.split_off_first()?),
                _ => 0,
            };
            count = (control >> 5) + 2 + more;
            let distance = ((control & 31) << 8 | usize::from(*rest.split_off_first()?)) + 1;
            let from = at.checked_sub(distance)?;
            if count > len - at {
                return None;
            }
            repeat(&mut out, from, at, count);
        }
        at += count;
    }
    (at == len).then_some(out)
}

/// Copies `count` bytes from `from` to `at`, in order: the source may reach into the target.
#[inline]
fn repeat(out: &mut [u8], from: usize, at: usize, count: usize) {
    let distance = at - from;
    if distance >= COPY_PIECE && at + count + COPY_PIECE <= out.len() {
        // Bytes behind the copy are overwritten by what comes next.
        for done in (0..count).step_by(COPY_PIECE) {
            let mut piece = [0; COPY_PIECE];
            piece.copy_from_slice(&out[from + done..from + done + COPY_PIECE]);
            out[at + done..at + done + COPY_PIECE].copy_from_slice(&piece);
        }
    } else if distance >= count {
        out.copy_within(from..from + count, at);
    } else {
        for done in 0..count {
            out[at + done] = out[from + done];
        }
    }
}
