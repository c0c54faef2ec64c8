//! The decoder of replies, RESP2 and RESP3, into a tree that borrows from its bytes.
//!
//! Scripts read the replies of the commands they call through it, and so do tests. It takes any
//! bytes: nesting is limited, and memory grows with the input, not with announced lengths.
//! It knows complete replies only; streamed strings and aggregates, which no server sends, are
//! errors.

use std::borrow::Cow;
use std::fmt;

use super::number::{parse_f64, parse_i64};

/// The deepest nesting that is decoded: as deep as a reply of a script can be.
const DEPTH_MAX: usize = 128;

/// A decoded reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// `+`: a status.
    Simple(Cow<'a, [u8]>),
    /// `-` or `!`: an error.
    Error(Cow<'a, [u8]>),
    /// `:`: an integer.
    Int(i64),
    /// `$`: a string.
    Bulk(Cow<'a, [u8]>),
    /// `$-1` or `_`: no value.
    Null,
    /// `*-1`: no array.
    NullArray,
    /// `*`: an array.
    Array(Vec<Value<'a>>),
    /// `%`: a map, in the order it was sent.
    Map(Vec<(Value<'a>, Value<'a>)>),
    /// `~`: a set, in the order it was sent.
    Set(Vec<Value<'a>>),
    /// `>`: a push.
    Push(Vec<Value<'a>>),
    /// `,`: a double.
    Double(f64),
    /// `#`: a boolean.
    Boolean(bool),
    /// `(`: an integer of any size, by its digits.
    BigNumber(Cow<'a, [u8]>),
    /// `=`: a text with its format.
    Verbatim {
        /// `txt` or `mkd`.
        format: [u8; 3],
        /// The text without its format.
        text: Cow<'a, [u8]>,
    },
    /// `|`: an attribute, and the reply that it belongs to.
    Attribute {
        /// The pairs of the attribute.
        pairs: Vec<(Value<'a>, Value<'a>)>,
        /// The reply itself.
        value: Box<Value<'a>>,
    },
}

/// The bytes are no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError;

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("malformed reply")
    }
}

impl std::error::Error for DecodeError {}

/// Decodes the reply at the beginning of `input`: the value and its length in bytes, or `None` if
/// it is not complete.
pub fn decode(input: &[u8]) -> Result<Option<(Value<'_>, usize)>, DecodeError> {
    let mut decoder = Decoder { rest: input };
    match decoder.value(0) {
        Ok(value) => Ok(Some((value, input.len() - decoder.rest.len()))),
        Err(Stop::Incomplete) => Ok(None),
        Err(Stop::Malformed) => Err(DecodeError),
    }
}

impl Value<'_> {
    /// The same value with bytes of its own.
    pub fn into_owned(self) -> Value<'static> {
        let own = |text: Cow<'_, [u8]>| Cow::Owned(text.into_owned());
        let list = |list: Vec<Value<'_>>| list.into_iter().map(Value::into_owned).collect();
        let pairs = |pairs: Vec<(Value<'_>, Value<'_>)>| {
            let pairs = pairs.into_iter();
            pairs
                .map(|(key, value)| (key.into_owned(), value.into_owned()))
                .collect()
        };
        match self {
            Value::Simple(text) => Value::Simple(own(text)),
            Value::Error(text) => Value::Error(own(text)),
            Value::Int(value) => Value::Int(value),
            Value::Bulk(text) => Value::Bulk(own(text)),
            Value::Null => Value::Null,
            Value::NullArray => Value::NullArray,
            Value::Array(items) => Value::Array(list(items)),
            Value::Map(items) => Value::Map(pairs(items)),
            Value::Set(items) => Value::Set(list(items)),
            Value::Push(items) => Value::Push(list(items)),
            Value::Double(value) => Value::Double(value),
            Value::Boolean(value) => Value::Boolean(value),
            Value::BigNumber(text) => Value::BigNumber(own(text)),
            Value::Verbatim { format, text } => Value::Verbatim {
                format,
                text: own(text),
            },
            Value::Attribute {
                pairs: items,
                value,
            } => Value::Attribute {
                pairs: pairs(items),
                value: Box::new(value.into_owned()),
            },
        }
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        matches!(self, Value::Error(_))
    }

    /// The text of a status, error, string, big number or verbatim string.
    pub fn as_text(&self) -> Option<&[u8]> {
        match self {
            Value::Simple(text)
            | Value::Error(text)
            | Value::Bulk(text)
            | Value::BigNumber(text)
            | Value::Verbatim { text, .. } => Some(text),
            _ => None,
        }
    }
}

enum Stop {
    Incomplete,
    Malformed,
}

struct Decoder<'a> {
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    fn value(&mut self, depth: usize) -> Result<Value<'a>, Stop> {
        if depth > DEPTH_MAX {
            return Err(Stop::Malformed);
        }
        let line = self.line()?;
        let (kind, text) = line.split_first().ok_or(Stop::Malformed)?;
        Ok(match kind {
            b'+' => Value::Simple(text.into()),
            b'-' => Value::Error(text.into()),
            b':' => Value::Int(parse_i64(text).ok_or(Stop::Malformed)?),
            b'$' if text == b"-1" => Value::Null,
            b'$' => Value::Bulk(self.bulk(text)?.into()),
            b'!' => Value::Error(self.bulk(text)?.into()),
            b'=' => verbatim(self.bulk(text)?)?,
            b'*' if text == b"-1" => Value::NullArray,
            b'*' => Value::Array(self.list(text, depth)?),
            b'~' => Value::Set(self.list(text, depth)?),
            b'>' => Value::Push(self.list(text, depth)?),
            b'%' => Value::Map(self.pairs(text, depth)?),
            b'|' => Value::Attribute {
                pairs: self.pairs(text, depth)?,
                value: Box::new(self.value(depth + 1)?),
            },
            b'_' if text.is_empty() => Value::Null,
            b'#' if text == b"t" => Value::Boolean(true),
            b'#' if text == b"f" => Value::Boolean(false),
            b',' => Value::Double(double(text)?),
            b'(' => Value::BigNumber(text.into()),
            _ => return Err(Stop::Malformed),
        })
    }

    fn line(&mut self) -> Result<&'a [u8], Stop> {
        let end = memchr::memchr(b'\r', self.rest).ok_or(Stop::Incomplete)?;
        let (line, rest) = self.rest.split_at_checked(end).ok_or(Stop::Incomplete)?;
        self.rest = line_end(rest)?;
        Ok(line)
    }

    fn length(&self, text: &[u8]) -> Result<usize, Stop> {
        let length = parse_i64(text).ok_or(Stop::Malformed)?;
        usize::try_from(length).map_err(|_| Stop::Malformed)
    }

    fn bulk(&mut self, length: &[u8]) -> Result<&'a [u8], Stop> {
        let length = self.length(length)?;
        let (text, rest) = self.rest.split_at_checked(length).ok_or(Stop::Incomplete)?;
        self.rest = line_end(rest)?;
        Ok(text)
    }

    fn list(&mut self, count: &[u8], depth: usize) -> Result<Vec<Value<'a>>, Stop> {
        let mut items = Vec::new();
        for _ in 0..self.length(count)? {
            items.push(self.value(depth + 1)?);
        }
        Ok(items)
    }

    fn pairs(&mut self, count: &[u8], depth: usize) -> Result<Vec<(Value<'a>, Value<'a>)>, Stop> {
        let mut pairs = Vec::new();
        for _ in 0..self.length(count)? {
            pairs.push((self.value(depth + 1)?, self.value(depth + 1)?));
        }
        Ok(pairs)
    }
}

/// What follows the line end at the front of `rest`.
fn line_end(rest: &[u8]) -> Result<&[u8], Stop> {
    match rest {
        [b'\r', b'\n', rest @ ..] => Ok(rest),
        [] | [b'\r'] => Err(Stop::Incomplete),
        _ => Err(Stop::Malformed),
    }
}

fn double(text: &[u8]) -> Result<f64, Stop> {
    match text {
        b"nan" => Ok(f64::NAN),
        text => parse_f64(text).ok_or(Stop::Malformed),
    }
}

fn verbatim(text: &[u8]) -> Result<Value<'_>, Stop> {
    match text {
        [a, b, c, b':', text @ ..] => Ok(Value::Verbatim {
            format: [*a, *b, *c],
            text: text.into(),
        }),
        _ => Err(Stop::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value<'static> {
        Value::Bulk(text.as_bytes().to_vec().into())
    }

    #[test]
    fn every_kind() {
        let input = b"*12\r\n+OK\r\n-ERR x\r\n:-5\r\n$2\r\na\r\r\n_\r\n#t\r\n,1.5\r\n(123\r\n\
            =7\r\ntxt:abc\r\n~1\r\n$-1\r\n%1\r\n+k\r\n*-1\r\n|1\r\n+a\r\n:1\r\n!3\r\nE x\r\n";
        let (value, length) = decode(input).unwrap().unwrap();
        assert_eq!(length, input.len());
        let expected = vec![
            Value::Simple(b"OK"[..].into()),
            Value::Error(b"ERR x"[..].into()),
            Value::Int(-5),
            bulk("a\r"),
            Value::Null,
            Value::Boolean(true),
            Value::Double(1.5),
            Value::BigNumber(b"123"[..].into()),
            Value::Verbatim {
                format: *b"txt",
                text: b"abc"[..].into(),
            },
            Value::Set(vec![Value::Null]),
            Value::Map(vec![(Value::Simple(b"k"[..].into()), Value::NullArray)]),
            Value::Attribute {
                pairs: vec![(Value::Simple(b"a"[..].into()), Value::Int(1))],
                value: Box::new(Value::Error(b"E x"[..].into())),
            },
        ];
        assert_eq!(value, Value::Array(expected));
        assert_eq!(value.clone().into_owned(), value);
        for cut in 0..input.len() {
            assert_eq!(decode(&input[..cut]), Ok(None), "cut at {cut}");
        }
    }

    #[test]
    fn malformed_replies_are_errors() {
        for input in [
            "?\r\n",
            "\r\n",
            ":1x\r\n",
            ":\r\n",
            "$-2\r\n",
            "$x\r\n",
            "$1\r\nabc",
            "+a\rb\r\n",
            "*-2\r\n",
            "#x\r\n",
            "_x\r\n",
            ",x\r\n",
            "=3\r\nabc\r\n",
            "$?\r\n",
        ] {
            assert_eq!(decode(input.as_bytes()), Err(DecodeError), "{input:?}");
        }
    }

    #[test]
    fn nesting_is_limited_and_promises_cost_nothing() {
        assert_eq!(decode(&b"*1\r\n".repeat(100_000)), Err(DecodeError));
        let mut deep = b"*1\r\n".repeat(DEPTH_MAX);
        deep.extend_from_slice(b":1\r\n");
        assert!(decode(&deep).unwrap().is_some());
        assert_eq!(decode(b"*9223372036854775807\r\n"), Ok(None));
        assert_eq!(decode(b"$9223372036854775807\r\n"), Ok(None));
        assert!(matches!(decode(b",nan\r\n"), Ok(Some((Value::Double(nan), 6))) if nan.is_nan()));
    }
}
