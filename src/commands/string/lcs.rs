//! LCS: the longest common subsequence of two strings.
//!
//! The lengths of the longest subsequences of all pairs of prefixes are computed row by row. Of
//! each cell only one bit is kept, the direction of the way back, so memory is a 32nd of the table
//! for which Redis sets its limit; the limit is kept, because it bounds the time as well.

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::store::db::Slot;
use crate::store::value::Kind;

#[derive(Clone, Copy, Debug, Default)]
struct Options {
    only_length: bool,
    indexes: bool,
    with_match_length: bool,
    match_length_min: usize,
}

/// A run of bytes that both strings have, by the offsets of its first and behind its last byte.
#[derive(Clone, Copy, Debug)]
struct Match {
    a_start: usize,
    b_start: usize,
    len: usize,
}

/// LCS key1 key2 [LEN] [IDX] [MINMATCHLEN n] [WITHMATCHLEN]
pub fn lcs(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let (a, b) = (ctx.key(args.at(1)), ctx.key(args.at(2)));
    let found = ctx.read(&a);
    let b_slot = ctx.read(&b);
    // Finding the second key may have removed it, and so moved the first.
    let a_slot = found.and_then(|_| ctx.db.find(&a));
    let (mut a_buffer, mut b_buffer) = (itoa::Buffer::new(), itoa::Buffer::new());
    check_string(ctx, a_slot)?;
    check_string(ctx, b_slot)?;
    let options = parse(args)?;
    let db = &*ctx.db;
    let text_of = |slot: Option<Slot>| slot.map(|slot| db.value(slot));
    let (a, b) = (text_of(a_slot), text_of(b_slot));
    let a = a
        .as_ref()
        .and_then(|value| value.string(&mut a_buffer))
        .unwrap_or_default();
    let b = b
        .as_ref()
        .and_then(|value| value.string(&mut b_buffer))
        .unwrap_or_default();
    let cells = (a.len() as u128 + 1) * (b.len() as u128 + 1);
    if cells * size_of::<u32>() as u128 > u128::from(ctx.config.proto_max_bulk_len) {
        return Err(CommandError::fixed(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    let mut table = Table::new(b.len(), !options.only_length);
    for byte in a {
        table.add_row(*byte, b);
    }
    if options.only_length {
        ctx.reply.int(table.len() as i64);
        return Ok(());
    }
    let (matches, common) = table.walk_back(a, b);
    if options.indexes {
        reply_indexes(ctx, &matches, common.len(), options);
    } else {
        ctx.reply.bulk(&common);
    }
    Ok(())
}

fn check_string(ctx: &KeyCtx<'_>, slot: Option<Slot>) -> CommandResult {
    match slot {
        Some(slot) if ctx.db.kind(slot) != Kind::String => Err(CommandError::fixed(
            "ERR The specified keys must contain string values",
        )),
        _ => Ok(()),
    }
}

fn parse(args: Args<'_>) -> Result<Options, CommandError> {
    let mut options = Options::default();
    let mut i = 3;
    while i < args.len() {
        match (args.at(i).to_ascii_lowercase().as_slice(), args.get(i + 1)) {
            (b"idx", _) => options.indexes = true,
            (b"len", _) => options.only_length = true,
            (b"withmatchlen", _) => options.with_match_length = true,
            (b"minmatchlen", Some(len)) => {
                let len = parse_i64(len).ok_or(CommandError::NOT_INTEGER)?;
                options.match_length_min = usize::try_from(len).unwrap_or(0);
                i += 1;
            }
            _ => return Err(CommandError::SYNTAX),
        }
        i += 1;
    }
    if options.only_length && options.indexes {
        return Err(CommandError::fixed(
            "ERR If you want both the length and indexes, please just use IDX.",
        ));
    }
    Ok(options)
}

fn reply_indexes(ctx: &mut KeyCtx<'_>, matches: &[Match], len: usize, options: Options) {
    let reply = &mut ctx.reply;
    let wanted = |found: &&Match| found.len >= options.match_length_min;
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(matches.iter().filter(wanted).count());
    for found in matches.iter().filter(wanted) {
        reply.array(2 + usize::from(options.with_match_length));
        for start in [found.a_start, found.b_start] {
            reply.array(2);
            reply.int(start as i64);
            reply.int((start + found.len - 1) as i64);
        }
        if options.with_match_length {
            reply.int(found.len as i64);
        }
    }
    reply.bulk(b"len");
    reply.int(len as i64);
}

/// The last row of lengths, and the direction of every cell above it.
struct Table {
    lengths: Vec<u32>,
    /// A bit a cell: set if the way back goes up, to a shorter prefix of the first string.
    ups: Option<Vec<u64>>,
    words_per_row: usize,
}

impl Table {
    fn new(columns: usize, keep_directions: bool) -> Table {
        Table {
            lengths: vec![0; columns + 1],
            ups: keep_directions.then(Vec::new),
            words_per_row: columns.div_ceil(64),
        }
    }

    /// The length of the longest common subsequence so far.
    fn len(&self) -> usize {
        self.lengths.last().copied().unwrap_or(0) as usize
    }

    /// Goes on with one more byte of the first string.
    fn add_row(&mut self, byte: u8, b: &[u8]) {
        let row = self.ups.as_mut().map(|ups| {
            let start = ups.len();
            ups.resize(start + self.words_per_row, 0);
            &mut ups[start..]
        });
        let (mut diagonal, mut left) = (0, 0);
        let mut up_bits = row.into_iter().flatten();
        for (other, cells) in b.chunks(64).zip(self.lengths[1..].chunks_mut(64)) {
            let mut word = 0;
            for (column, (other, cell)) in other.iter().zip(cells).enumerate() {
                let up = *cell;
                let goes_up = up > left;
                *cell = if *other == byte {
                    diagonal + 1
                } else {
                    up.max(left)
                };
                word |= u64::from(goes_up) << column;
                (diagonal, left) = (up, *cell);
            }
            if let Some(bits) = up_bits.next() {
                *bits = word;
            }
        }
    }

    /// The runs that both strings have, the last one first, and the subsequence they make up.
    fn walk_back(&self, a: &[u8], b: &[u8]) -> (Vec<Match>, Vec<u8>) {
        let ups = self.ups.as_deref().unwrap_or_default();
        let (mut matches, mut common) = (Vec::new(), Vec::with_capacity(self.len()));
        let mut run: Option<Match> = None;
        let (mut i, mut j) = (a.len(), b.len());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                common.push(a[i]);
                run = Some(Match {
                    a_start: i,
                    b_start: j,
                    len: run.map_or(0, |run| run.len) + 1,
                });
                continue;
            }
            matches.extend(run.take());
            let word = ups[(i - 1) * self.words_per_row + (j - 1) / 64];
            if word >> ((j - 1) % 64) & 1 == 1 {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        matches.extend(run);
        common.reverse();
        (matches, common)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(a: &[u8], b: &[u8]) -> Vec<u8> {
        let mut table = Table::new(b.len(), true);
        a.iter().for_each(|byte| table.add_row(*byte, b));
        let (matches, common) = table.walk_back(a, b);
        assert_eq!(common.len(), table.len());
        assert_eq!(matches.iter().map(|m| m.len).sum::<usize>(), common.len());
        common
    }

    #[test]
    fn subsequences_longer_than_a_word_of_directions() {
        assert_eq!(common(b"ohmytext", b"mynewtext"), b"mytext");
        assert_eq!(common(b"", b"x"), b"");
        let long: Vec<u8> = (0..300u32).map(|n| (n * 7 % 251) as u8).collect();
        let mut other = long.clone();
        other.insert(100, 255);
        other.remove(200);
        assert_eq!(common(&long, &other).len(), 299);
        assert_eq!(common(&long, &long), long);
    }
}
