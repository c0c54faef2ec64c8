//! The incremental parser of requests: RESP multibulk and inline commands, chopped anywhere.
//!
//! [`RequestParser::parse_batch`] reads as many complete commands of a buffer as it may into a
//! [`Batch`] of spans, copying nothing. The parser itself keeps only how far it got in the one
//! incomplete command at the end, so that no byte is scanned twice, however the input is chopped.
//! Memory grows with bytes that arrived, never with lengths that were announced.
//!
//! Errors are those of Valkey 9.1, in words and in order. A command that breaks a rule is judged
//! only when it is the first of its batch: what ran before it may have changed the limits.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use memchr::{memchr, memchr2};

use super::number::parse_i64;
use super::{Args, LARGE_BULK, Span};

mod inline;
mod large;

pub use large::LargeBulk;

/// The arguments that a client may send before it has authenticated.
const UNAUTHENTICATED_ARGS_MAX: i64 = 10;
/// The bytes of a bulk that a client may send before it has authenticated.
const UNAUTHENTICATED_BULK_BYTES_MAX: usize = 16 * 1024;
/// An announced count or length, or an inline command, is given up on when it is longer than this.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// A batch gives its spans back when it has grown beyond this many (256 KiB).
const SPANS_KEPT_MAX: usize = 32 * 1024;
/// A parser goes on with the spans of the last command when there is room for at most this many.
const SPANS_REUSED_MAX: usize = 64;

/// What a client may send.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `proto-max-bulk-len`.
    pub bulk_bytes_max: usize,
    /// Whether the client has authenticated; until then it gets 10 arguments and 16 KiB a bulk.
    pub authenticated: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bulk_bytes_max: 512 * 1024 * 1024,
            authenticated: true,
        }
    }
}

/// Why a request cannot be parsed: the client gets the text and the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// `*` is not followed by a number of arguments.
    InvalidMultibulkLength,
    /// `$` is not followed by an allowed number of bytes.
    InvalidBulkLength,
    /// An argument does not begin with `$`, but with this byte.
    ExpectedDollar(u8),
    /// A line feed is missing after a carriage return, or both after an argument.
    InvalidCrlf,
    /// The line that counts the arguments does not end.
    TooBigMultibulkCount,
    /// The line that counts an argument's bytes does not end.
    TooBigBulkCount,
    /// The inline command does not end.
    TooBigInline,
    /// An inline command leaves a quote open.
    UnbalancedQuotes,
    /// Too many arguments from a client that has not authenticated.
    UnauthenticatedMultibulkLength,
    /// Too long an argument from a client that has not authenticated.
    UnauthenticatedBulkLength,
    /// The command as a whole is larger than 4 GiB.
    TooBigRequest,
}

impl ProtocolError {
    /// The text for the client, to be put behind `-ERR `.
    #[cold]
    pub fn message(self) -> Cow<'static, [u8]> {
        let text = match self {
            Self::InvalidMultibulkLength => "Protocol error: invalid multibulk length",
            Self::InvalidBulkLength => "Protocol error: invalid bulk length",
            Self::ExpectedDollar(byte) => {
                let mut text = b"Protocol error: expected '$', got '".to_vec();
                text.push(if matches!(byte, b'\r' | b'\n') {
                    b' '
                } else {
                    byte
                });
                text.push(b'\'');
                return Cow::Owned(text);
            }
            Self::InvalidCrlf => "Protocol error: invalid CRLF in request",
            Self::TooBigMultibulkCount => "Protocol error: too big mbulk count string",
            Self::TooBigBulkCount => "Protocol error: too big bulk count string",
            Self::TooBigInline => "Protocol error: too big inline request",
            Self::UnbalancedQuotes => "Protocol error: unbalanced quotes in request",
            Self::UnauthenticatedMultibulkLength => {
                "Protocol error: unauthenticated multibulk length"
            }
            Self::UnauthenticatedBulkLength => "Protocol error: unauthenticated bulk length",
            Self::TooBigRequest => "Protocol error: too big request",
        };
        Cow::Borrowed(text.as_bytes())
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message().escape_ascii())
    }
}

impl std::error::Error for ProtocolError {}

/// How far [`RequestParser::parse_batch`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The bytes of the input that are done with once the batch has run. What follows them must be
    /// at the beginning of the next call's input.
    pub consumed: usize,
    /// What to do next.
    pub state: State,
}

/// Why [`RequestParser::parse_batch`] stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// All input is consumed.
    Drained,
    /// There is unconsumed input which has not been looked at, because the batch is full or because
    /// it must be judged after the batch has run: run the batch and call again.
    More,
    /// The unconsumed input is the beginning of a command: call again when there is more.
    Partial,
    /// The unconsumed input is the beginning of a command which only lacks the rest of its large
    /// last argument. Keep the first `head` bytes of it, put what follows them into
    /// `LargeBulk::new(wanted)`, read into that, and call [`RequestParser::finish_large`].
    NeedLarge {
        /// The bytes before the argument.
        head: usize,
        /// The bytes of the argument.
        wanted: usize,
    },
    /// The unconsumed input breaks the protocol. The batch is empty.
    Failed(ProtocolError),
}

/// The complete commands of one read buffer. Shared by all connections, reused for every read.
#[derive(Debug, Default)]
pub struct Batch {
    spans: Vec<Span>,
    commands: Vec<ParsedCommand>,
    /// The arguments of inline commands that had to be unquoted.
    unquoted: Vec<u8>,
    /// The last argument of the only command there is.
    large: Option<Bytes>,
}

#[derive(Clone, Copy, Debug)]
struct ParsedCommand {
    start: usize,
    end: usize,
    first_span: usize,
    count: u32,
    /// The spans lie in `unquoted` instead of in the input.
    unquoted: bool,
}

impl Batch {
    /// An empty batch.
    pub const fn new() -> Self {
        Self {
            spans: Vec::new(),
            commands: Vec::new(),
            unquoted: Vec::new(),
            large: None,
        }
    }

    /// The number of commands.
    #[inline]
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// The number of arguments of all commands.
    #[inline]
    pub fn words(&self) -> usize {
        self.spans.len()
    }

    /// The arguments of command `index`. `input` must be what the batch was parsed from.
    #[inline]
    pub fn args<'a>(&'a self, index: usize, input: &'a [u8]) -> Args<'a> {
        let Some(command) = self.commands.get(index) else {
            return Args::default();
        };
        let bytes = match command.unquoted {
            false => input.get(command.start..command.end),
            true => Some(&self.unquoted[..]),
        };
        let spans = command.first_span..command.first_span + command.count as usize;
        Args::new(
            bytes.unwrap_or_default(),
            self.spans.get(spans).unwrap_or_default(),
            self.large.as_ref(),
        )
    }

    /// Where command `index` begins in the input.
    #[inline]
    pub fn start(&self, index: usize) -> usize {
        self.commands.get(index).map_or(0, |command| command.start)
    }

    /// Where command `index` ends in the input: whoever stops after it keeps the input from there,
    /// and calls [`RequestParser::reset`].
    #[inline]
    pub fn end(&self, index: usize) -> usize {
        self.commands.get(index).map_or(0, |command| command.end)
    }

    /// Forgets the commands; gives back memory that an unusual command needed.
    #[inline]
    pub fn clear(&mut self) {
        self.spans.clear();
        self.commands.clear();
        self.unquoted.clear();
        self.large = None;
        if self.spans.capacity().max(self.unquoted.capacity()) > SPANS_KEPT_MAX {
            self.spans = Vec::new();
            self.unquoted = Vec::new();
        }
    }
}

/// How far the parser got in the one command that is not complete yet.
#[derive(Debug, Default)]
pub struct RequestParser {
    /// The arguments that are complete, relative to the command's first byte.
    spans: Vec<Span>,
    /// Where the next count, length or argument begins.
    position: usize,
    /// Up to where its line was searched for an end.
    scanned: usize,
    /// The arguments still to come; 0 before the command's first line is complete.
    missing: u32,
    /// The length of the argument at `position`, once it is known.
    bulk: Option<usize>,
    /// The inline command holds a NUL. Its line never ends, as in Redis, which searches C strings.
    nul: bool,
}

/// The second word of the usual command that `input` begins with, which is its key mostly. What is
/// unusual has none. For guesses only: nothing is checked that a parser would check.
pub fn second_word(input: &[u8]) -> Option<&[u8]> {
    let (_, rest) = short_length(input, b'*')?;
    let (name, rest) = short_length(rest, b'$')?;
    let (length, rest) = short_length(rest.get(name + 2..)?, b'$')?;
    rest.get(..length)
}

/// What became of one command.
enum Step {
    Complete { end: usize, unquoted: bool },
    Blank { end: usize },
    Partial,
    NeedLarge { wanted: usize },
    Failed(ProtocolError),
}

impl RequestParser {
    /// A parser at the beginning of a command.
    pub const fn new() -> Self {
        Self {
            spans: Vec::new(),
            position: 0,
            scanned: 0,
            missing: 0,
            bulk: None,
            nul: false,
        }
    }

    /// Parses at most `commands_max` commands of `input` into `batch`, which it clears first. The
    /// input begins where the last call's consumed bytes ended: with the incomplete command, if
    /// there is one. A client that has not authenticated gets a `commands_max` of 1.
    // Within its caller there are not enough registers for it.
    #[inline(never)]
    pub fn parse_batch(
        &mut self,
        input: &[u8],
        limits: &Limits,
        batch: &mut Batch,
        commands_max: usize,
    ) -> Parsed {
        batch.clear();
        let fast = limits.authenticated
            && limits.bulk_bytes_max >= SHORT_LENGTH_MAX
            && u32::try_from(input.len()).is_ok();
        let mut start = 0;
        let state = loop {
            let rest = input.get(start..).unwrap_or_default();
            if rest.is_empty() {
                break State::Drained;
            }
            if batch.commands.len() >= commands_max {
                break State::More;
            }
            if fast
                && self.is_idle()
                && let Some(length) = self.parse_fast(rest, batch, start)
            {
                start += length;
                continue;
            }
            match self.parse_one(rest, limits, &mut batch.unquoted) {
                Step::Complete { end, unquoted } => {
                    self.hand_over(batch, start, start + end, unquoted);
                    start += end;
                }
                Step::Blank { end } => {
                    self.reset();
                    start += end;
                }
                Step::Partial => break State::Partial,
                Step::NeedLarge { wanted } => {
                    let head = self.position;
                    break State::NeedLarge { head, wanted };
                }
                Step::Failed(error) => {
                    self.reset();
                    break match batch.is_empty() {
                        true => State::Failed(error),
                        false => State::More,
                    };
                }
            }
        };
        self.shrink();
        Parsed {
            consumed: start,
            state,
        }
    }

    /// Completes the command that lacked its large last argument. The batch holds that command
    /// alone, and its input is the `head` bytes that were kept.
    pub fn finish_large(&mut self, large: Bytes, batch: &mut Batch) {
        batch.clear();
        let head = self.position;
        self.hand_over(batch, 0, head, false);
        batch.large = Some(large);
        self.shrink();
    }

    /// Whether no command is incomplete.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.missing == 0 && self.scanned == 0
    }

    /// Forgets the incomplete command: the next input is parsed from its beginning.
    #[inline]
    pub fn reset(&mut self) {
        self.spans.clear();
        self.position = 0;
        self.scanned = 0;
        self.missing = 0;
        self.bulk = None;
        self.nul = false;
    }

    /// The bytes of heap memory behind it.
    pub fn heap_bytes(&self) -> usize {
        self.spans.capacity() * size_of::<Span>()
    }

    /// A connection without a complete argument owns no memory.
    fn shrink(&mut self) {
        if self.spans.is_empty() && self.spans.capacity() > 0 {
            self.spans = Vec::new();
        }
    }

    fn hand_over(&mut self, batch: &mut Batch, start: usize, end: usize, unquoted: bool) {
        batch.commands.push(ParsedCommand {
            start,
            end,
            first_span: batch.spans.len(),
            count: self.spans.len() as u32,
            unquoted,
        });
        batch.spans.extend_from_slice(&self.spans);
        if self.spans.capacity() > SPANS_REUSED_MAX {
            self.spans = Vec::new();
        }
        self.reset();
    }

    /// Parses a usual command: complete, short lengths, nothing odd. Answers its length. Otherwise
    /// what was understood of it becomes the parser's state, and `parse_one` goes on from there.
    #[inline]
    fn parse_fast(&mut self, input: &[u8], batch: &mut Batch, start: usize) -> Option<usize> {
        let (count, mut rest) = short_length(input, b'*')?;
        if count == 0 {
            return None;
        }
        let first_span = batch.spans.len();
        for done in 0..count {
            let argument = short_length(rest, b'$')
                .and_then(|(length, body)| body.split_at_checked(length))
                .and_then(|(argument, rest)| Some((argument, rest.split_first_chunk::<2>()?)));
            let Some((argument, (b"\r\n", after))) = argument else {
                self.position = input.len() - rest.len();
                self.scanned = self.position;
                self.missing = (count - done) as u32;
                self.spans.extend(batch.spans.drain(first_span..));
                return None;
            };
            let end = (input.len() - after.len() - 2) as u32;
            batch.spans.push(Span {
                start: end - argument.len() as u32,
                end,
            });
            rest = after;
        }
        let length = input.len() - rest.len();
        batch.commands.push(ParsedCommand {
            start,
            end: start + length,
            first_span,
            count: count as u32,
            unquoted: false,
        });
        Some(length)
    }

    /// Goes on with the command that begins at `input`.
    fn parse_one(&mut self, input: &[u8], limits: &Limits, unquoted: &mut Vec<u8>) -> Step {
        if self.missing == 0 {
            if input.first() != Some(&b'*') {
                return self.parse_inline(input, unquoted);
            }
            match self.parse_count(input, limits) {
                Ok(true) if self.missing > 0 => {}
                Ok(true) => return Step::Blank { end: self.position },
                Ok(false) => return Step::Partial,
                Err(error) => return Step::Failed(error),
            }
        }
        loop {
            match self.parse_argument(input, limits) {
                Ok(true) => self.missing -= 1,
                Ok(false) => return self.waiting_for(input),
                Err(error) => return Step::Failed(error),
            }
            if self.missing == 0 {
                return Step::Complete {
                    end: self.position,
                    unquoted: false,
                };
            }
        }
    }

    fn waiting_for(&self, input: &[u8]) -> Step {
        match self.bulk {
            Some(wanted) if self.missing == 1 && wanted >= LARGE_BULK => {
                debug_assert!(input.len() < self.position + wanted + 2);
                Step::NeedLarge { wanted }
            }
            _ => Step::Partial,
        }
    }

    /// Reads `*<count>\r\n`. A count of 0 or less is a command without arguments: it is skipped.
    fn parse_count(&mut self, input: &[u8], limits: &Limits) -> Result<bool, ProtocolError> {
        let Some(line) = self.line(input, ProtocolError::TooBigMultibulkCount)? else {
            return Ok(false);
        };
        self.check_line_feed(input, line)?;
        let count = line.get(1..).and_then(parse_i64);
        let count = match count {
            Some(count) if count <= i64::from(i32::MAX) => count,
            _ => return Err(ProtocolError::InvalidMultibulkLength),
        };
        if count > UNAUTHENTICATED_ARGS_MAX && !limits.authenticated {
            return Err(ProtocolError::UnauthenticatedMultibulkLength);
        }
        self.next_position(line.len() + 2);
        self.missing = count.max(0) as u32;
        Ok(true)
    }

    /// Reads `$<length>\r\n<bytes>\r\n`. Answers whether all of it was there.
    fn parse_argument(&mut self, input: &[u8], limits: &Limits) -> Result<bool, ProtocolError> {
        let length = match self.bulk {
            Some(length) => length,
            None => {
                let Some(line) = self.line(input, ProtocolError::TooBigBulkCount)? else {
                    return Ok(false);
                };
                let length = self.bulk_length(input, line, limits)?;
                self.next_position(line.len() + 2);
                self.bulk = Some(length);
                length
            }
        };
        let end = self.position.saturating_add(length);
        let Some(line_end) = input.get(end..).and_then(|rest| rest.get(..2)) else {
            // A last argument of any size goes to a buffer of its own.
            let fits = u32::try_from(end).is_ok() || (self.missing == 1 && length >= LARGE_BULK);
            return if fits {
                Ok(false)
            } else {
                Err(ProtocolError::TooBigRequest)
            };
        };
        if line_end != b"\r\n" {
            return Err(ProtocolError::InvalidCrlf);
        }
        let (Ok(start), Ok(span_end)) = (u32::try_from(self.position), u32::try_from(end)) else {
            return Err(ProtocolError::TooBigRequest);
        };
        self.spans.push(Span {
            start,
            end: span_end,
        });
        self.next_position(length + 2);
        self.bulk = None;
        Ok(true)
    }

    fn bulk_length(
        &self,
        input: &[u8],
        line: &[u8],
        limits: &Limits,
    ) -> Result<usize, ProtocolError> {
        // The carriage return itself is what was got when the line is empty.
        let first = input.get(self.position).copied().unwrap_or_default();
        if first != b'$' {
            return Err(ProtocolError::ExpectedDollar(first));
        }
        self.check_line_feed(input, line)?;
        let length = line.get(1..).and_then(parse_i64);
        match length.and_then(|length| usize::try_from(length).ok()) {
            Some(length) if length <= limits.bulk_bytes_max => {
                if length > UNAUTHENTICATED_BULK_BYTES_MAX && !limits.authenticated {
                    return Err(ProtocolError::UnauthenticatedBulkLength);
                }
                Ok(length)
            }
            _ => Err(ProtocolError::InvalidBulkLength),
        }
    }

    /// The line at `position`, once its carriage return and the byte behind that are there.
    fn line<'a>(
        &mut self,
        input: &'a [u8],
        too_big: ProtocolError,
    ) -> Result<Option<&'a [u8]>, ProtocolError> {
        let from = self.scanned.max(self.position);
        let found = memchr(b'\r', input.get(from..).unwrap_or_default());
        let end = found.map_or(input.len(), |offset| from + offset);
        self.scanned = end;
        if end - self.position > LINE_BYTES_MAX {
            return Err(too_big);
        }
        Ok(match found {
            Some(_) if end + 1 < input.len() => input.get(self.position..end),
            _ => None,
        })
    }

    fn check_line_feed(&self, input: &[u8], line: &[u8]) -> Result<(), ProtocolError> {
        match input.get(self.position + line.len() + 1) {
            Some(b'\n') => Ok(()),
            _ => Err(ProtocolError::InvalidCrlf),
        }
    }

    fn next_position(&mut self, length: usize) {
        self.position += length;
        self.scanned = self.position;
    }

    fn parse_inline(&mut self, input: &[u8], unquoted: &mut Vec<u8>) -> Step {
        let found = match self.nul {
            true => None,
            false => {
                let new = input.get(self.scanned..).unwrap_or_default();
                memchr2(b'\n', 0, new).map(|offset| self.scanned + offset)
            }
        };
        let end = found.unwrap_or(input.len());
        self.scanned = end;
        self.nul |= input.get(end) == Some(&0);
        if self.nul {
            self.scanned = input.len();
        }
        if self.scanned > LINE_BYTES_MAX {
            return Step::Failed(ProtocolError::TooBigInline);
        }
        if self.nul || found.is_none() {
            return Step::Partial;
        }
        let line = input.get(..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let end = end + 1;
        match inline::split(line, &mut self.spans, unquoted) {
            Err(error) => Step::Failed(error),
            Ok(_) if self.spans.is_empty() => Step::Blank { end },
            Ok(unquoted) => Step::Complete { end, unquoted },
        }
    }
}

/// Reads `<kind><digits>\r\n` where the number is at most [`SHORT_LENGTH_MAX`] and has no odd form.
#[inline(always)]
fn short_length(input: &[u8], kind: u8) -> Option<(usize, &[u8])> {
    let (first, after) = input.split_first_chunk::<4>()?;
    let word = u32::from_le_bytes(*first);
    // Where the bytes are as expected, what is left of them is the digit.
    let one = word ^ u32::from_le_bytes([kind, b'0', b'\r', b'\n']);
    if one & !0xff00 == 0 && one <= 9 << 8 {
        return Some(((one >> 8) as usize, after));
    }
    let two = word ^ u32::from_le_bytes([kind, b'0', b'0', b'\r']);
    let (tens, ones) = (two >> 8 & 0xff, two >> 16);
    if two & 0xff == 0
        && (1..=9).contains(&tens)
        && ones <= 9
        && let [b'\n', after @ ..] = after
    {
        return Some(((tens * 10 + ones) as usize, after));
    }
    match input {
        [first, rest @ ..] if *first == kind => medium_length(rest),
        _ => None,
    }
}

/// The most that six digits say.
const SHORT_LENGTH_MAX: usize = 999_999;

/// The same for three to six digits.
#[inline(never)]
fn medium_length(input: &[u8]) -> Option<(usize, &[u8])> {
    let mut length = 0;
    for (index, byte) in input.iter().enumerate().take(7) {
        match byte {
            b'1'..=b'9' => length = length * 10 + digit(*byte),
            b'0' if index > 0 => length *= 10,
            b'\r' if index > 2 => {
                let rest = input.get(index..)?.strip_prefix(b"\r\n")?;
                return Some((length, rest));
            }
            _ => return None,
        }
    }
    None
}

#[inline(always)]
fn digit(byte: u8) -> usize {
    usize::from(byte - b'0')
}

#[cfg(test)]
mod tests;
