//! Replies as values, with a decoder of its own: the server's is under test too.

use std::fmt;

/// One reply of RESP2 or RESP3.
#[derive(Clone, PartialEq)]
pub enum Value {
    Simple(String),
    Error(String),
    Int(i64),
    Bulk(Vec<u8>),
    /// `$-1`
    NullBulk,
    /// `*-1`
    NullArray,
    /// `_`
    Null,
    Array(Vec<Value>),
    Set(Vec<Value>),
    Push(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Double(String),
    Boolean(bool),
    BigNumber(String),
    Verbatim(String, Vec<u8>),
}

impl Value {
    /// The text of a string or error, for assertions.
    pub fn text(&self) -> String {
        match self {
            Value::Simple(s) | Value::Error(s) | Value::Double(s) | Value::BigNumber(s) => {
                s.clone()
            }
            Value::Bulk(b) | Value::Verbatim(_, b) => String::from_utf8_lossy(b).into_owned(),
            Value::Int(n) => n.to_string(),
            other => panic!("not a text: {other:?}"),
        }
    }

    /// The bytes of a string.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Value::Bulk(bytes) => bytes.clone(),
            other => panic!("not a string: {other:?}"),
        }
    }

    /// The number of an integer reply.
    pub fn int(&self) -> i64 {
        match self {
            Value::Int(n) => *n,
            other => panic!("not an integer: {other:?}"),
        }
    }

    /// The elements of an array, set or push.
    pub fn items(&self) -> &[Value] {
        match self {
            Value::Array(items) | Value::Set(items) | Value::Push(items) => items,
            other => panic!("not an array: {other:?}"),
        }
    }

    /// The texts of the elements.
    pub fn texts(&self) -> Vec<String> {
        self.items().iter().map(Value::text).collect()
    }

    /// Whether it is a null of any kind.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::NullBulk | Value::NullArray | Value::Null)
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        matches!(self, Value::Error(_))
    }

    /// The value of a key, in a map or an array of pairs.
    pub fn field(&self, name: &str) -> &Value {
        match self {
            Value::Map(pairs) => pairs.iter().find(|(k, _)| k.text() == name).map(|(_, v)| v),
            Value::Array(items) => items
                .chunks(2)
                .find(|pair| pair[0].text() == name)
                .map(|pair| &pair[1]),
            _ => None,
        }
        .unwrap_or_else(|| panic!("no field {name} in {self:?}"))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Simple(s) => write!(f, "+{s}"),
            Value::Error(s) => write!(f, "-{s}"),
            Value::Int(n) => write!(f, ":{n}"),
            Value::Bulk(b) => write!(f, "{:?}", String::from_utf8_lossy(b)),
            Value::NullBulk => write!(f, "$-1"),
            Value::NullArray => write!(f, "*-1"),
            Value::Null => write!(f, "_"),
            Value::Array(items) => f.debug_list().entries(items).finish(),
            Value::Set(items) => write!(f, "~").and(f.debug_list().entries(items).finish()),
            Value::Push(items) => write!(f, ">").and(f.debug_list().entries(items).finish()),
            Value::Map(pairs) => f
                .debug_map()
                .entries(pairs.iter().map(|(k, v)| (k, v)))
                .finish(),
            Value::Double(s) => write!(f, ",{s}"),
            Value::Boolean(b) => write!(f, "#{b}"),
            Value::BigNumber(s) => write!(f, "({s}"),
            Value::Verbatim(kind, b) => write!(f, "={kind}:{:?}", String::from_utf8_lossy(b)),
        }
    }
}

/// The first whole reply in `input` and how many bytes it takes; `None` if it is incomplete.
pub fn decode(input: &[u8]) -> Option<(Value, usize)> {
    let mut cursor = Cursor { input, at: 0 };
    let value = cursor.value()?;
    Some((value, cursor.at))
}

/// Every reply in `input`, which must hold nothing else.
pub fn decode_all(mut input: &[u8]) -> Vec<Value> {
    let mut values = Vec::new();
    while !input.is_empty() {
        let (value, len) = decode(input)
            .unwrap_or_else(|| panic!("incomplete: {:?}", String::from_utf8_lossy(input)));
        values.push(value);
        input = &input[len..];
    }
    values
}

struct Cursor<'a> {
    input: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn line(&mut self) -> Option<String> {
        let rest = &self.input[self.at..];
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        self.at += end + 2;
        Some(String::from_utf8_lossy(&rest[..end]).into_owned())
    }

    fn bytes(&mut self, len: usize) -> Option<Vec<u8>> {
        let bytes = self.input.get(self.at..self.at + len)?.to_vec();
        let end = self.input.get(self.at + len..self.at + len + 2)?;
        assert_eq!(end, b"\r\n", "a string ends with a line end");
        self.at += len + 2;
        Some(bytes)
    }

    fn values(&mut self, count: i64) -> Option<Vec<Value>> {
        (0..count).map(|_| self.value()).collect()
    }

    fn value(&mut self) -> Option<Value> {
        let kind = *self.input.get(self.at)?;
        self.at += 1;
        let line = self.line()?;
        let count = || {
            line.parse::<i64>()
                .unwrap_or_else(|_| panic!("a length: {line:?}"))
        };
        Some(match kind {
            b'+' => Value::Simple(line),
            b'-' => Value::Error(line),
            b':' => Value::Int(count()),
            b'$' if count() < 0 => Value::NullBulk,
            b'$' => Value::Bulk(self.bytes(count() as usize)?),
            b'*' if count() < 0 => Value::NullArray,
            b'*' => Value::Array(self.values(count())?),
            b'~' => Value::Set(self.values(count())?),
            b'>' => Value::Push(self.values(count())?),
            b'%' => {
                let flat = self.values(count() * 2)?;
                let pair = |two: &[Value]| (two[0].clone(), two[1].clone());
                Value::Map(flat.chunks(2).map(pair).collect())
            }
            b'|' => {
                self.values(count() * 2)?;
                self.value()?
            }
            b'_' => Value::Null,
            b',' => Value::Double(line),
            b'#' => Value::Boolean(line == "t"),
            b'(' => Value::BigNumber(line),
            b'=' => {
                let bytes = self.bytes(count() as usize)?;
                let kind = String::from_utf8_lossy(&bytes[..3]).into_owned();
                Value::Verbatim(kind, bytes[4..].to_vec())
            }
            other => panic!("not a reply: {:?} {line:?}", char::from(other)),
        })
    }
}
