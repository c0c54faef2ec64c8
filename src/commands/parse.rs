//! Arguments that many families have: timeouts, index ranges, counts of keys.

use std::ops::Range;

use crate::engine::error::CommandError;
use crate::resp::args::Args;
use crate::resp::number::{LongDouble, parse_i64};

/// A timeout in seconds, as milliseconds; 0 is for ever.
///
/// # Errors
/// Redis's three: no number, negative, too large.
pub fn timeout_ms(argument: &[u8], now_ms: i64) -> Result<u64, CommandError> {
    // Beyond a double's range but within C's long double is a number still.
    let seconds = LongDouble::parse(argument).ok_or(CommandError::TIMEOUT_NOT_FLOAT)?;
    let ms = seconds.to_f64() * 1_000.0;
    let ms = ms.ceil();
    if ms < 0.0 {
        return Err(CommandError::TIMEOUT_NEGATIVE);
    }
    // The conversion saturates, and the end would lie beyond all time.
    if ms > i64::MAX as f64 || now_ms.checked_add(ms as i64).is_none() {
        return Err(CommandError::TIMEOUT_RANGE);
    }
    Ok(ms as u64)
}

/// The number of a database, of which there are so many.
///
/// # Errors
/// No integer; none of 32 bits; no such database.
pub fn database(argument: &[u8], databases: u32) -> Result<u32, CommandError> {
    let number = parse_i64(argument).ok_or(CommandError::NOT_INTEGER)?;
    let number = i32::try_from(number).map_err(|_| CommandError::NOT_32_BITS)?;
    in_databases(number, databases)
}

/// A number as that of a database, of which there are so many.
///
/// # Errors
/// There is no such database.
pub fn in_databases(number: i32, databases: u32) -> Result<u32, CommandError> {
    let number = u32::try_from(number).ok();
    number
        .filter(|number| *number < databases)
        .ok_or(CommandError::DB_RANGE)
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

/// What LMPOP, ZMPOP and the blocking forms ask for, with the ends of the type.
#[derive(Debug)]
pub struct MultiPop<'a, End> {
    /// Tried in this order.
    pub keys: Vec<&'a [u8]>,
    /// Where is popped.
    pub end: End,
    /// At most so many.
    pub count: usize,
}

impl<'a, End> MultiPop<'a, End> {
    /// Reads `numkeys key [key ...] end [COUNT count]` from argument `place` on.
    ///
    /// # Errors
    /// Redis's.
    pub fn parse(
        args: Args<'a>,
        place: usize,
        parse_end: impl Fn(&[u8]) -> Result<End, CommandError>,
    ) -> Result<MultiPop<'a, End>, CommandError> {
        let (keys, at) = numkeys(args, place, "ERR numkeys should be greater than 0")?;
        let end = parse_end(args.at(at))?;
        let mut options = args.iter_from(at + 1);
        let mut count = None;
        while let Some(word) = options.next() {
            let (None, true, Some(value)) =
                (count, word.eq_ignore_ascii_case(b"count"), options.next())
            else {
                return Err(CommandError::SYNTAX);
            };
            let wanted = parse_i64(value).filter(|count| *count > 0);
            count = Some(wanted.ok_or(CommandError::fixed("ERR count should be greater than 0"))?);
        }
        Ok(MultiPop {
            keys,
            end,
            count: count.unwrap_or(1) as usize,
        })
    }
}
