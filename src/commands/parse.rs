//! Arguments that many families have: timeouts, index ranges, counts of keys.

use std::ops::Range;

use crate::engine::error::CommandError;
use crate::resp::args::Args;
use crate::resp::number::{parse_f64, parse_i64};

/// A timeout in seconds, as milliseconds; 0 is for ever.
///
/// # Errors
/// Redis's three: no number, negative, too large.
pub fn timeout_ms(argument: &[u8]) -> Result<u64, CommandError> {
    let seconds = parse_f64(argument).filter(|seconds| seconds.is_finite());
    let ms = (seconds.ok_or(CommandError::TIMEOUT_NOT_FLOAT)? * 1_000.0).ceil();
    if ms > i64::MAX as f64 {
        return Err(CommandError::TIMEOUT_RANGE);
    }
    if ms < 0.0 {
        return Err(CommandError::TIMEOUT_NEGATIVE);
    }
    Ok(ms as u64)
}

/// The places from `start` to `end`, both included and counted from the end when negative, of
/// something `len` long.
pub fn index_range(start: i64, end: i64, len: usize) -> Range<usize> {
    let len = len as i64;
    let from_end = |at: i64| if at < 0 { at.saturating_add(len) } else { at };
    let (start, end) = (from_end(start).max(0), from_end(end).min(len - 1));
    if start > end {
        0..0
    } else {
        start as usize..end as usize + 1
    }
}

/// The place an index names, counted from the end when negative; `None` if there is none.
pub fn index(at: i64, len: usize) -> Option<usize> {
    let at = if at < 0 {
        at.checked_add(i64::try_from(len).ok()?)?
    } else {
        at
    };
    usize::try_from(at).ok().filter(|at| *at < len)
}

/// `numkeys` at `place` and the keys behind it; what follows them begins at the place returned.
///
/// # Errors
/// `what` if it is not a number above zero; a syntax error if there are fewer keys.
pub fn numkeys<'a>(
    args: Args<'a>,
    place: usize,
    what: &'static str,
) -> Result<(Vec<&'a [u8]>, usize), CommandError> {
    let count = parse_i64(args.at(place)).filter(|count| *count > 0);
    let count = count.ok_or(CommandError::fixed(what))? as usize;
    let end = place.saturating_add(1).saturating_add(count);
    if end > args.len() {
        return Err(CommandError::SYNTAX);
    }
    Ok((args.iter_from(place + 1).take(count).collect(), end))
}
