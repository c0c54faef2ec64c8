//! What the families of collections share: writing members, and the options of HSCAN, SSCAN and
//! ZSCAN.

use std::ops::ControlFlow;

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::glob;
use crate::resp::number::{parse_i64, parse_u64};
use crate::resp::reply::Reply;
use crate::store::types::listpack::{Entry, IntBuf};
use crate::store::value::Kind;

/// COUNT where none is given.
const COUNT_DEFAULT: usize = 10;
/// Draws with repetition are at most so many where nothing limits the output of the client: more
/// would not fit into memory, and Redis would try.
const DRAWS_MAX: usize = 1 << 28;
/// In a script, whose replies no limit on output counts, and which makes a table of them.
const DRAWS_IN_SCRIPT_MAX: usize = 1 << 24;

/// Writes a member or value as a string.
#[inline]
pub fn reply_entry(reply: &mut Reply<'_>, entry: Entry<'_>) {
    match entry {
        Entry::Int(n) => reply.bulk_int(n),
        Entry::Str(bytes) => reply.bulk(bytes),
    }
}

/// The cursor of HSCAN and its like, which is checked before the key.
///
/// # Errors
/// It is no number.
pub fn cursor(args: Args<'_>) -> Result<u64, CommandError> {
    parse_u64(args.at(2)).ok_or(CommandError::INVALID_CURSOR)
}

/// How an option is refused that belongs to another command of the kind.
pub fn not_of_scan(option: &[u8]) -> Option<CommandError> {
    if option.eq_ignore_ascii_case(b"novalues") {
        let line = "ERR NOVALUES option can only be used in HSCAN";
        return Some(CommandError::fixed(line));
    }
    let line = "ERR NOSCORES option can only be used in ZSCAN";
    let is_noscores = option.eq_ignore_ascii_case(b"noscores");
    is_noscores.then_some(CommandError::fixed(line))
}

/// What HSCAN and its like filter by.
#[derive(Debug)]
pub struct Filter<'a> {
    pattern: Option<&'a [u8]>,
    /// COUNT.
    pub count: usize,
    /// NOVALUES of a hash, NOSCORES of a sorted set.
    pub no_values: bool,
}

impl<'a> Filter<'a> {
    /// Reads `[MATCH pattern] [COUNT count]`, `[NOVALUES]` of a hash, `[NOSCORES]` of a sorted set.
    ///
    /// # Errors
    /// Redis's.
    pub fn parse(args: Args<'a>, kind: Kind) -> Result<Filter<'a>, CommandError> {
        let mut filter = Filter {
            pattern: None,
            count: COUNT_DEFAULT,
            no_values: false,
        };
        let mut at = 3;
        while at < args.len() {
            let (option, value) = (args.at(at), args.get(at + 1));
            let is = |word: &str| option.eq_ignore_ascii_case(word.as_bytes());
            match value {
                Some(value) if is("count") => {
                    let count = parse_i64(value).ok_or(CommandError::NOT_INTEGER)?;
                    let count = usize::try_from(count).ok().filter(|count| *count > 0);
                    filter.count = count.ok_or(CommandError::SYNTAX)?;
                    at += 2;
                }
                Some(value) if is("match") => {
                    filter.pattern = Some(value).filter(|pattern| *pattern != b"*");
                    at += 2;
                }
                _ if (kind == Kind::Hash && is("novalues"))
                    || (kind == Kind::ZSet && is("noscores")) =>
                {
                    filter.no_values = true;
                    at += 1;
                }
                _ => return Err(not_of_scan(option).unwrap_or(CommandError::SYNTAX)),
            }
        }
        Ok(filter)
    }

    /// Whether a member is to be shown.
    #[inline]
    pub fn admits(&self, member: Entry<'_>) -> bool {
        self.pattern
            .is_none_or(|pattern| glob::matches(pattern, member.bytes(&mut IntBuf::new()), false))
    }
}

/// How many members HRANDFIELD and its like are to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// So many different ones.
    Distinct(usize),
    /// So many, each drawn anew.
    Repeated(usize),
}

impl Draw {
    /// Reads a count, negative for draws with repetition.
    ///
    /// # Errors
    /// No number, or one whose negative does not exist.
    pub fn parse(argument: &[u8]) -> Result<Draw, CommandError> {
        let count = parse_i64(argument).ok_or(CommandError::NOT_INTEGER)?;
        if count == i64::MIN {
            return Err(CommandError::NO_NEGATIVE);
        }
        let size = count.unsigned_abs();
        if count >= 0 {
            Ok(Draw::Distinct(usize::try_from(size).unwrap_or(usize::MAX)))
        } else {
            Ok(Draw::Repeated(usize::try_from(size).unwrap_or(usize::MAX)))
        }
    }

    /// How many members are shown of `len`.
    ///
    /// # Errors
    /// More than fit into a reply.
    pub fn count(self, len: usize, room: Room) -> Result<usize, CommandError> {
        match self {
            Draw::Distinct(count) => Ok(count.min(len)),
            Draw::Repeated(_) if len == 0 => Ok(0),
            Draw::Repeated(count) if count > room.draws_max => Err(CommandError::OUT_OF_RANGE),
            Draw::Repeated(count) => Ok(count),
        }
    }
}

/// How large a reply may become that shows the same more than once: draws with repetition, values
/// that are named again, the replies of a transaction.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    draws_max: usize,
    output_bytes_max: usize,
}

impl Room {
    /// For the client of a command.
    pub fn of(ctx: &KeyCtx<'_>) -> Room {
        let limit = ctx.output_bytes_max();
        let draws_max = match limit {
            _ if ctx.caller.in_script => DRAWS_IN_SCRIPT_MAX,
            // The client is closed long before.
            Some(_) => usize::MAX,
            None => DRAWS_MAX,
        };
        Room {
            draws_max,
            output_bytes_max: limit.unwrap_or(usize::MAX),
        }
    }

    /// How many bytes may wait for the client.
    pub fn bytes_max(self) -> usize {
        self.output_bytes_max
    }

    /// Whether there is room for more after what was written.
    #[inline]
    pub fn after(self, reply: &mut Reply<'_>) -> ControlFlow<()> {
        match reply.outbox().len() > self.output_bytes_max {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// The end of such a reply: whoever has no room for it is closed.
///
/// # Errors
/// It was broken off.
pub fn drawn(flow: ControlFlow<()>) -> CommandResult {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(CommandError::OUTPUT_LIMIT),
    }
}
