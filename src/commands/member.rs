//! What the families of collections share: writing members, the options of SCAN, HSCAN, SSCAN and
//! ZSCAN, and how long a reply may become.

use std::ops::ControlFlow;

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::glob::Pattern;
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

/// What SCAN, HSCAN and their like filter by.
#[derive(Debug)]
pub struct Filter<'a> {
    /// MATCH.
    pub pattern: Pattern<'a>,
    /// COUNT.
    pub count: usize,
    /// TYPE, of a database.
    pub kind: Option<Kind>,
    /// NOVALUES of a hash, NOSCORES of a sorted set.
    pub no_values: bool,
}

impl<'a> Filter<'a> {
    /// Reads the options behind the cursor: `[MATCH pattern] [COUNT count]`, `[NOVALUES]` of a
    /// hash, `[NOSCORES]` of a sorted set, `[TYPE type]` of a database, which is no `of`.
    ///
    /// # Errors
    /// Redis's.
    pub fn parse(args: Args<'a>, of: Option<Kind>) -> Result<Filter<'a>, CommandError> {
        let mut filter = Filter {
            pattern: Pattern::new(b"*"),
            count: COUNT_DEFAULT,
            kind: None,
            no_values: false,
        };
        let mut at = if of.is_some() { 3 } else { 2 };
        while at < args.len() {
            let (option, value) = (args.at(at), args.get(at + 1));
            let is = |word: &str| option.eq_ignore_ascii_case(word.as_bytes());
            at += 2;
            match value {
                Some(value) if is("count") => {
                    let count = parse_i64(value).ok_or(CommandError::NOT_INTEGER)?;
                    let count = usize::try_from(count).ok().filter(|count| *count > 0);
                    filter.count = count.ok_or(CommandError::SYNTAX)?;
                }
                Some(value) if is("match") => filter.pattern = Pattern::new(value),
                Some(value) if of.is_none() && is("type") => {
                    filter.kind = Some(Kind::parse(value).ok_or_else(|| unknown_type(value))?);
                }
                _ if (of == Some(Kind::Hash) && is("novalues"))
                    || (of == Some(Kind::ZSet) && is("noscores")) =>
                {
                    filter.no_values = true;
                    at -= 1;
                }
                _ if is("novalues") => {
                    let line = "ERR NOVALUES option can only be used in HSCAN";
                    return Err(CommandError::fixed(line));
                }
                _ if is("noscores") => {
                    let line = "ERR NOSCORES option can only be used in ZSCAN";
                    return Err(CommandError::fixed(line));
                }
                _ => return Err(CommandError::SYNTAX),
            }
        }
        Ok(filter)
    }

    /// Whether a member is to be shown.
    #[inline]
    pub fn admits(&self, member: Entry<'_>) -> bool {
        self.pattern.matches(member.bytes(&mut IntBuf::new()))
    }
}

/// How a type is refused that there is not.
#[cold]
pub fn unknown_type(name: &[u8]) -> CommandError {
    let name = String::from_utf8_lossy(name);
    CommandError::new(format!("ERR unknown type name '{name}'"))
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
