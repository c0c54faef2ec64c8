//! Entry ids: 128-bit numbers written `<milliseconds>-<sequence>`, and the forms clients write.
//!
//! Owns parsing and printing. Knows no clock: whoever asks for a generated id passes the time.

use std::ops::Deref;

/// The longest text taken for an id; Redis copies ids into a buffer of this size.
const ID_TEXT_LEN_MAX: usize = 127;

/// The id of a stream entry. The order is that of the pair (time, sequence).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Unix time in milliseconds, or whatever number the client chose.
    pub ms: u64,
    /// Position among the entries of the same millisecond.
    pub seq: u64,
}

impl StreamId {
    /// `0-0`: before every entry; what `-` stands for.
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    /// The last id there can be; what `+` stands for.
    pub const MAX: StreamId = StreamId {
        ms: u64::MAX,
        seq: u64::MAX,
    };

    /// The id `ms-seq`.
    #[inline]
    pub const fn new(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    /// Whether this is `0-0`, which no entry can have.
    #[inline]
    pub fn is_zero(self) -> bool {
        self == StreamId::MIN
    }

    /// The id right after this one; none after the last.
    #[inline]
    pub fn next(self) -> Option<StreamId> {
        if self.seq < u64::MAX {
            return Some(StreamId {
                ms: self.ms,
                seq: self.seq + 1,
            });
        }
        self.ms.checked_add(1).map(|ms| StreamId { ms, seq: 0 })
    }

    /// The id right before this one; none before `0-0`.
    #[inline]
    pub fn previous(self) -> Option<StreamId> {
        if self.seq > 0 {
            return Some(StreamId {
                ms: self.ms,
                seq: self.seq - 1,
            });
        }
        self.ms
            .checked_sub(1)
            .map(|ms| StreamId { ms, seq: u64::MAX })
    }

    /// Reads `<ms>` or `<ms>-<seq>`; `missing_seq` completes the former. `-` and `+` are refused.
    pub fn parse_strict(text: &[u8], missing_seq: u64) -> Option<StreamId> {
        if text.len() > ID_TEXT_LEN_MAX {
            return None;
        }
        match memchr::memchr(b'-', text) {
            None => Some(StreamId {
                ms: parse_number(text)?,
                seq: missing_seq,
            }),
            Some(at) => {
                let (ms, seq) = (&text[..at], &text[at + 1..]);
                Some(StreamId {
                    ms: parse_number(ms)?,
                    seq: parse_number(seq)?,
                })
            }
        }
    }

    /// Like [`StreamId::parse_strict`], and takes `-` and `+` for the first and the last id.
    pub fn parse(text: &[u8], missing_seq: u64) -> Option<StreamId> {
        match text {
            b"-" => Some(StreamId::MIN),
            b"+" => Some(StreamId::MAX),
            _ => StreamId::parse_strict(text, missing_seq),
        }
    }

    /// The id as clients see it.
    #[inline]
    pub fn text(self) -> IdText {
        let mut buffer = itoa::Buffer::new();
        let mut text = IdText {
            bytes: [0; ID_TEXT_LEN],
            len: 0,
        };
        text.push(buffer.format(self.ms).as_bytes());
        text.push(b"-");
        text.push(buffer.format(self.seq).as_bytes());
        text
    }
}

impl std::fmt::Display for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// Two numbers of 20 digits and the dash.
const ID_TEXT_LEN: usize = 41;

/// The text of an id, on the stack.
#[derive(Clone, Copy, Debug)]
pub struct IdText {
    bytes: [u8; ID_TEXT_LEN],
    len: u8,
}

impl IdText {
    fn push(&mut self, part: &[u8]) {
        let at = self.len as usize;
        self.bytes[at..at + part.len()].copy_from_slice(part);
        self.len += part.len() as u8;
    }
}

impl Deref for IdText {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }
}

/// Why an entry was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddError {
    /// The stream holds, or once held, the last id there can be.
    Exhausted,
    /// The id is not greater than the last one generated.
    NotGreater,
    /// Fields and values are larger than a node may become.
    TooLarge,
}

/// The id argument of XADD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewId {
    /// `*`: the time of the command, or the successor of the last id.
    Auto,
    /// `<ms>-*`: the next free sequence number of that millisecond.
    AutoSeq(u64),
    /// A complete id.
    Explicit(StreamId),
}

impl NewId {
    /// Reads the id argument of XADD.
    pub fn parse(text: &[u8]) -> Option<NewId> {
        if text == b"*" {
            return Some(NewId::Auto);
        }
        if let Some(ms) = text.strip_suffix(b"-*") {
            if text.len() > ID_TEXT_LEN_MAX {
                return None;
            }
            return Some(NewId::AutoSeq(parse_number(ms)?));
        }
        StreamId::parse_strict(text, 0).map(NewId::Explicit)
    }

    /// Whether this is `0-0`, which XADD refuses before it looks at the key.
    pub fn is_zero(self) -> bool {
        self == NewId::Explicit(StreamId::MIN)
    }

    /// The id of the entry that follows `last`, added at `now_ms`.
    #[inline]
    pub(super) fn resolve(self, last: StreamId, now_ms: u64) -> Result<StreamId, AddError> {
        if last == StreamId::MAX {
            return Err(AddError::Exhausted);
        }
        let id = match self {
            NewId::Auto if now_ms > last.ms => StreamId::new(now_ms, 0),
            NewId::Auto => last.next().ok_or(AddError::Exhausted)?,
            NewId::AutoSeq(ms) if ms == last.ms => {
                StreamId::new(ms, last.seq.checked_add(1).ok_or(AddError::NotGreater)?)
            }
            NewId::AutoSeq(ms) => StreamId::new(ms, 0),
            NewId::Explicit(id) => id,
        };
        if id > last {
            Ok(id)
        } else {
            Err(AddError::NotGreater)
        }
    }
}

/// Why one end of an interval could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalError {
    /// Not an id.
    Invalid,
    /// The start excludes the last id there can be.
    Start,
    /// The end excludes the first id there can be.
    End,
}

/// Reads the start of an interval, `(` making it exclusive; the result is inclusive.
pub fn parse_interval_start(text: &[u8]) -> Result<StreamId, IntervalError> {
    let (id, exclusive) = parse_interval_end_point(text, 0)?;
    if !exclusive {
        return Ok(id);
    }
    id.next().ok_or(IntervalError::Start)
}

/// Reads the end of an interval, `(` making it exclusive; the result is inclusive.
pub fn parse_interval_end(text: &[u8]) -> Result<StreamId, IntervalError> {
    let (id, exclusive) = parse_interval_end_point(text, u64::MAX)?;
    if !exclusive {
        return Ok(id);
    }
    id.previous().ok_or(IntervalError::End)
}

fn parse_interval_end_point(
    text: &[u8],
    missing_seq: u64,
) -> Result<(StreamId, bool), IntervalError> {
    let (id, exclusive) = match text {
        [b'(', rest @ ..] if !rest.is_empty() => (StreamId::parse_strict(rest, missing_seq), true),
        _ => (StreamId::parse(text, missing_seq), false),
    };
    Ok((id.ok_or(IntervalError::Invalid)?, exclusive))
}

/// Reads an unsigned number as generously as Redis does, which falls back on `strtoull`: leading
/// blanks, a plus sign and leading zeros pass. (A minus sign with leading zeros would too, and
/// wrap around; that is refused here.)
fn parse_number(text: &[u8]) -> Option<u64> {
    let blanks = text
        .iter()
        .take_while(|byte| matches!(byte, b' ' | 9..=13))
        .count();
    let text = &text[blanks..];
    let digits = text.strip_prefix(b"+").unwrap_or(text);
    if digits.is_empty() {
        return None;
    }
    let mut number = 0u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: fn(u64, u64) -> StreamId = StreamId::new;

    #[test]
    fn neighbours() {
        assert_eq!(ID(1, 2).next(), Some(ID(1, 3)));
        assert_eq!(ID(1, u64::MAX).next(), Some(ID(2, 0)));
        assert_eq!(StreamId::MAX.next(), None);
        assert_eq!(ID(1, 2).previous(), Some(ID(1, 1)));
        assert_eq!(ID(2, 0).previous(), Some(ID(1, u64::MAX)));
        assert_eq!(StreamId::MIN.previous(), None);
        assert!(ID(1, u64::MAX) < ID(2, 0));
    }

    #[test]
    fn text_round_trip() {
        for id in [
            StreamId::MIN,
            ID(1, 0),
            ID(1526919030474, 55),
            StreamId::MAX,
        ] {
            assert_eq!(StreamId::parse_strict(&id.text(), 7), Some(id));
            assert_eq!(&*id.text(), id.to_string().as_bytes());
        }
    }

    /// What Valkey 9.1.2 answers.
    #[test]
    fn forms_of_ids() {
        let parse = |text: &[u8]| StreamId::parse(text, 9);
        assert_eq!(parse(b"-"), Some(StreamId::MIN));
        assert_eq!(parse(b"+"), Some(StreamId::MAX));
        assert_eq!(parse(b"5"), Some(ID(5, 9)));
        assert_eq!(parse(b"007-08"), Some(ID(7, 8)));
        assert_eq!(parse(b" 9-1"), Some(ID(9, 1)));
        assert_eq!(parse(b"10- 1"), Some(ID(10, 1)));
        assert_eq!(parse(b"+12-+1"), Some(ID(12, 1)));
        assert_eq!(
            parse(b"18446744073709551615-18446744073709551615"),
            Some(StreamId::MAX)
        );
        for bad in [
            &b""[..],
            b"(",
            b"*",
            b"5-",
            b"-5",
            b"5-5-5",
            b"5-*",
            b"a",
            b"5 -1",
            b"--",
            b"5--1",
        ] {
            assert_eq!(parse(bad), None, "{}", bad.escape_ascii());
        }
        assert_eq!(parse(b"18446744073709551616-1"), None);
        assert_eq!(parse(&[b'1'; 128]), None);
        assert_eq!(StreamId::parse_strict(b"-", 0), None);
        assert_eq!(StreamId::parse_strict(b"+", 0), None);
    }

    /// What Valkey 9.1.2 answers.
    #[test]
    fn intervals() {
        use IntervalError::*;
        assert_eq!(parse_interval_start(b"5"), Ok(ID(5, 0)));
        assert_eq!(parse_interval_end(b"5"), Ok(ID(5, u64::MAX)));
        assert_eq!(parse_interval_start(b"(5"), Ok(ID(5, 1)));
        assert_eq!(parse_interval_end(b"(5-0"), Ok(ID(4, u64::MAX)));
        assert_eq!(parse_interval_end(b"(5"), Ok(ID(5, u64::MAX - 1)));
        assert_eq!(parse_interval_start(b"-"), Ok(StreamId::MIN));
        assert_eq!(parse_interval_end(b"+"), Ok(StreamId::MAX));
        assert_eq!(parse_interval_start(b"("), Err(Invalid));
        assert_eq!(parse_interval_start(b"(-"), Err(Invalid));
        assert_eq!(parse_interval_end(b"(0-0"), Err(End));
        assert_eq!(
            parse_interval_start(b"(18446744073709551615-18446744073709551615"),
            Err(Start)
        );
        assert_eq!(parse_interval_end(b"(18446744073709551616"), Err(Invalid));
    }

    #[test]
    fn new_ids() {
        use AddError::*;
        let add = |text: &[u8], last, now| NewId::parse(text).unwrap().resolve(last, now);
        assert_eq!(add(b"*", ID(5, 3), 9), Ok(ID(9, 0)));
        assert_eq!(add(b"*", ID(5, 3), 5), Ok(ID(5, 4)));
        assert_eq!(add(b"*", ID(5, 3), 1), Ok(ID(5, 4)));
        assert_eq!(add(b"*", ID(5, u64::MAX), 1), Ok(ID(6, 0)));
        assert_eq!(add(b"*", StreamId::MAX, 1), Err(Exhausted));
        assert_eq!(add(b"5-*", ID(5, 3), 1), Ok(ID(5, 4)));
        assert_eq!(add(b"6-*", ID(5, 3), 1), Ok(ID(6, 0)));
        assert_eq!(add(b"4-*", ID(5, 3), 1), Err(NotGreater));
        assert_eq!(add(b"5-*", ID(5, u64::MAX), 1), Err(NotGreater));
        assert_eq!(add(b"0-*", StreamId::MIN, 1), Ok(ID(0, 1)));
        assert_eq!(add(b"5-3", ID(5, 3), 1), Err(NotGreater));
        assert_eq!(add(b"5-4", ID(5, 3), 1), Ok(ID(5, 4)));
        assert_eq!(add(b"6", ID(5, 3), 1), Ok(ID(6, 0)));
        assert_eq!(add(b"1-1", StreamId::MAX, 1), Err(Exhausted));
        assert_eq!(NewId::parse(b"-"), None);
        assert_eq!(NewId::parse(b"-*"), None);
        assert_eq!(NewId::parse(b"1-1-*"), None);
        assert!(NewId::parse(b"0").unwrap().is_zero());
        assert!(!NewId::parse(b"0-*").unwrap().is_zero());
    }
}
