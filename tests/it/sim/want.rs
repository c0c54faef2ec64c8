//! What a reply must be.

use std::collections::BTreeSet;

use super::model::Data;
use super::streams::Stream;
use crate::harness::Value;

/// A reply, or what is known of it. Nulls are RESP2's, collections RESP3's; the comparison gives
/// them the shape of the protocol.
#[derive(Clone, Debug)]
pub enum Want {
    Is(Value),
    OneOf(Vec<Value>),
    /// An array of these in any order.
    AnyOrder(Vec<Value>),
    /// A set of these in any order.
    AnySet(Vec<Value>),
    /// A map of these in any order.
    AnyMap(Vec<(Value, Value)>),
    /// Members with scores: flat in RESP2, pairs in RESP3.
    Scored(Vec<(Vec<u8>, f64)>),
    IntIn(i64, i64),
    /// Bytes that stand for this, which may do so in several ways; and who reads them.
    Reads(Data, fn(&[u8]) -> Option<Data>),
    /// A map with this field.
    Field(&'static str, Value),
    /// A number this near to one, as a double.
    Near(f64, f64),
    /// A number this near to one, as a text.
    NearText(f64, f64),
    /// An array of what each of these wants.
    List(Vec<Want>),
    /// Such an array in any order; each wants another item.
    AnyList(Vec<Want>),
    /// An array of so many items.
    Len(usize),
    /// The replies of a transaction, and whether each is RESP3.
    Each(Vec<(Want, bool)>),
    Page(Page),
    /// All of a stream, as XINFO tells it.
    Stream(Box<Stream>),
}

/// A reply of SCAN.
#[derive(Clone, Debug)]
pub struct Page {
    /// The keys that may be in it.
    pub allowed: BTreeSet<Vec<u8>>,
    /// The keys that must have been seen if the walk ends with it.
    pub must: BTreeSet<Vec<u8>>,
}

pub fn ok() -> Want {
    Want::Is(Value::Simple("OK".into()))
}

pub fn simple(text: &str) -> Want {
    Want::Is(Value::Simple(text.into()))
}

pub fn int(n: impl TryInto<i64>) -> Want {
    Want::Is(Value::Int(n.try_into().ok().expect("a small number")))
}

pub fn bulk(bytes: &[u8]) -> Want {
    Want::Is(Value::Bulk(bytes.to_vec()))
}

pub fn null() -> Want {
    Want::Is(Value::NullBulk)
}

pub fn error(line: &str) -> Want {
    Want::Is(Value::Error(line.into()))
}

pub fn wrong_type() -> Want {
    error("WRONGTYPE Operation against a key holding the wrong kind of value")
}

/// A score.
pub fn double(score: f64) -> Value {
    Value::Double(score.to_string())
}

/// A string or null.
pub fn maybe(value: Option<&[u8]>) -> Value {
    value.map_or(Value::NullBulk, |bytes| Value::Bulk(bytes.to_vec()))
}

impl Want {
    /// Whether `got` is what is wanted.
    pub fn is_met(&self, got: &Value, resp3: bool) -> bool {
        match self {
            Want::Is(value) => shaped(value, resp3) == *got,
            Want::OneOf(values) => values.iter().any(|value| shaped(value, resp3) == *got),
            Want::AnyOrder(values) => match got {
                Value::Array(items) => same(values, items, resp3),
                _ => false,
            },
            Want::AnySet(values) => match got {
                Value::Set(items) if resp3 => same(values, items, resp3),
                Value::Array(items) if !resp3 => same(values, items, resp3),
                _ => false,
            },
            Want::AnyMap(pairs) => match got {
                Value::Map(items) if resp3 => same_pairs(pairs, items.clone(), resp3),
                Value::Array(items) if !resp3 => same_pairs(pairs, paired(items), resp3),
                _ => false,
            },
            Want::Scored(pairs) => scored(pairs, resp3) == *got,
            Want::IntIn(low, high) => match got {
                Value::Int(n) => (low..=high).contains(&n),
                _ => false,
            },
            Want::Reads(data, read) => match got {
                Value::Bulk(bytes) => read(bytes).as_ref() == Some(data),
                _ => false,
            },
            Want::Field(name, value) => match got {
                Value::Map(_) | Value::Array(_) => got.field(name) == value,
                _ => false,
            },
            Want::Each(wants) => match got {
                Value::Array(items) if items.len() == wants.len() => {
                    let mut pairs = wants.iter().zip(items);
                    pairs.all(|((want, resp3), got)| want.is_met(got, *resp3))
                }
                _ => false,
            },
            Want::Near(n, within) => match got {
                Value::Double(text) if resp3 => is_near(text, *n, *within),
                Value::Bulk(text) if !resp3 => is_near(text.as_slice(), *n, *within),
                _ => false,
            },
            Want::NearText(n, within) => match got {
                Value::Bulk(text) => is_near(text, *n, *within),
                _ => false,
            },
            Want::List(wants) => match got {
                Value::Array(items) if items.len() == wants.len() => {
                    let mut pairs = wants.iter().zip(items);
                    pairs.all(|(want, got)| want.is_met(got, resp3))
                }
                _ => false,
            },
            Want::AnyList(wants) => match got {
                Value::Array(items) if items.len() == wants.len() => {
                    let meets = |want: &Want| items.iter().any(|got| want.is_met(got, resp3));
                    wants.iter().all(meets)
                }
                _ => false,
            },
            Want::Len(len) => matches!(got, Value::Array(items) if items.len() == *len),
            Want::Page(page) => page_of(got)
                .is_some_and(|(_, keys)| keys.iter().all(|key| page.allowed.contains(key))),
            Want::Stream(stream) => stream.is_told_by(got),
        }
    }
}

fn is_near(text: impl AsRef<[u8]>, n: f64, within: f64) -> bool {
    let text = std::str::from_utf8(text.as_ref());
    let got = text.ok().and_then(|text| text.parse::<f64>().ok());
    got.is_some_and(|got| (got - n).abs() <= within)
}

/// Cursor and keys of a reply of SCAN.
pub fn page_of(got: &Value) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let Value::Array(items) = got else {
        return None;
    };
    let [Value::Bulk(cursor), Value::Array(keys)] = &items[..] else {
        return None;
    };
    let keys = keys.iter().map(|key| match key {
        Value::Bulk(bytes) => Some(bytes.clone()),
        _ => None,
    });
    Some((cursor.clone(), keys.collect::<Option<_>>()?))
}

/// `value` as the protocol shows it.
fn shaped(value: &Value, resp3: bool) -> Value {
    let all = |items: &[Value]| items.iter().map(|item| shaped(item, resp3)).collect();
    match value {
        Value::NullBulk | Value::NullArray if resp3 => Value::Null,
        Value::Array(items) => Value::Array(all(items)),
        Value::Set(items) if resp3 => Value::Set(all(items)),
        Value::Set(items) => Value::Array(all(items)),
        Value::Map(pairs) if resp3 => {
            let pair = |(k, v): &(Value, Value)| (shaped(k, resp3), shaped(v, resp3));
            Value::Map(pairs.iter().map(pair).collect())
        }
        Value::Map(pairs) => {
            let flat = pairs
                .iter()
                .flat_map(|(k, v)| [shaped(k, resp3), shaped(v, resp3)]);
            Value::Array(flat.collect())
        }
        Value::Double(text) if !resp3 => Value::Bulk(text.clone().into_bytes()),
        other => other.clone(),
    }
}

fn scored(pairs: &[(Vec<u8>, f64)], resp3: bool) -> Value {
    let pair = |(member, score): &(Vec<u8>, f64)| {
        let pair = vec![Value::Bulk(member.clone()), shaped(&double(*score), resp3)];
        if resp3 {
            vec![Value::Array(pair)]
        } else {
            pair
        }
    };
    Value::Array(pairs.iter().flat_map(pair).collect())
}

fn same(wanted: &[Value], got: &[Value], resp3: bool) -> bool {
    let mut wanted: Vec<String> = wanted
        .iter()
        .map(|value| format!("{:?}", shaped(value, resp3)))
        .collect();
    let mut got: Vec<String> = got.iter().map(|value| format!("{value:?}")).collect();
    wanted.sort();
    got.sort();
    wanted == got
}

fn paired(items: &[Value]) -> Vec<(Value, Value)> {
    items
        .chunks_exact(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect()
}

fn same_pairs(wanted: &[(Value, Value)], got: Vec<(Value, Value)>, resp3: bool) -> bool {
    let text = |(k, v): &(Value, Value)| format!("{:?} {:?}", shaped(k, resp3), shaped(v, resp3));
    let mut wanted: Vec<String> = wanted.iter().map(text).collect();
    let mut got: Vec<String> = got.iter().map(text).collect();
    wanted.sort();
    got.sort();
    wanted == got
}
