//! When two replies are the same, although not byte for byte.

use crate::harness::Value;

/// Commands whose replies have no order.
const UNORDERED: [&str; 14] = [
    "smembers",
    "sunion",
    "sinter",
    "sdiff",
    "sscan",
    "hgetall",
    "hkeys",
    "hvals",
    "hscan",
    "zscan",
    "keys",
    "spop",
    "srandmember",
    "hrandfield",
];

/// Commands whose replies tell times, which pass between the two.
const TIMED: [&str; 14] = [
    "ttl",
    "pttl",
    "expiretime",
    "pexpiretime",
    "httl",
    "hpttl",
    "hexpiretime",
    "hpexpiretime",
    "xpending",
    "xinfo",
    "xclaim",
    "xautoclaim",
    "exec",
    "client",
];

/// How far apart two times may be, in either of their units.
const DRIFT: u64 = 20_000;

/// Whether the replies to a command say the same.
pub fn same(words: &[Vec<u8>], got: &Value, wanted: &Value) -> bool {
    if got == wanted {
        return true;
    }
    let name = words.first().map(|word| word.to_ascii_lowercase());
    let name = String::from_utf8(name.unwrap_or_default()).unwrap_or_default();
    if UNORDERED.contains(&name.as_str()) {
        return leaves(got) == leaves(wanted);
    }
    let is_echo = words.iter().any(|word| word.contains(&0));
    match (got, wanted) {
        // Valkey allocates for as many as were asked for, whatever there is.
        (_, Value::Error(wanted)) if wanted.starts_with("ERR Insufficient memory") => true,
        // Redis's line, which clients compare as a whole, is longer than Valkey's.
        (Value::Error(got), Value::Error(wanted)) if wanted == "NOSCRIPT No matching script." => {
            *got == format!("{wanted} Please use EVAL.")
        }
        // What C echoes of a word ends at its first zero.
        (Value::Error(got), Value::Error(wanted)) if is_echo => code(got) == code(wanted),
        _ => TIMED.contains(&name.as_str()) && is_near(got, wanted),
    }
}

fn code(line: &str) -> &str {
    line.split(' ').next().unwrap_or(line)
}

fn leaves(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(value, &mut found);
    found.sort();
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) | Value::Set(items) | Value::Push(items) => {
            items.iter().for_each(|item| collect(item, found));
        }
        Value::Map(pairs) => {
            for (key, value) in pairs {
                collect(key, found);
                collect(value, found);
            }
        }
        leaf => found.push(format!("{leaf:?}")),
    }
}

/// The same but for numbers that are times.
fn is_near(got: &Value, wanted: &Value) -> bool {
    match (got, wanted) {
        (Value::Int(got), Value::Int(wanted)) => {
            got == wanted || *got >= 0 && *wanted >= 0 && got.abs_diff(*wanted) < DRIFT
        }
        (Value::Array(got), Value::Array(wanted)) => {
            got.len() == wanted.len() && got.iter().zip(wanted).all(|(a, b)| is_near(a, b))
        }
        (Value::Map(got), Value::Map(wanted)) => {
            let pairs = got.iter().zip(wanted);
            got.len() == wanted.len() && { pairs }
                .all(|(a, b)| is_near(&a.0, &b.0) && is_near(&a.1, &b.1))
        }
        _ => got == wanted,
    }
}
