//! What an option's value may look like: the grammar of numbers, memory sizes and yes/no, with
//! Valkey's error texts to the letter.
//!
//! Pure functions from bytes to values and back; nothing here knows an option by name.

use std::borrow::Cow;

/// Why a value was refused: the text that follows ` - ` in the reply of CONFIG SET.
pub type Reason = Cow<'static, str>;

/// The grammar of a value. What a type of its own can say (a [`super::values`] type) is said there.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `yes` or `no`.
    YesNo,
    /// A whole number.
    Number {
        /// The smallest that is accepted.
        min: i64,
        /// The largest that is accepted.
        max: i64,
    },
    /// A number of bytes, with a unit or without.
    Memory {
        /// The smallest that is accepted. Below zero, negative numbers are accepted too.
        min: i64,
        /// The largest that is accepted.
        max: u64,
    },
    /// A number in base eight.
    Octal {
        /// The largest that is accepted.
        max: u32,
    },
    /// One of these names.
    Choice(&'static [&'static str]),
    /// Any text that the check accepts.
    Text(fn(&[u8]) -> Result<(), &'static str>),
    /// A type with a grammar of its own.
    Special,
}

impl Kind {
    /// One or two words for a list of options.
    pub fn describe(&self) -> String {
        match self {
            Kind::YesNo => "yes|no".to_owned(),
            Kind::Number { .. } => "number".to_owned(),
            Kind::Memory { .. } => "bytes".to_owned(),
            Kind::Octal { .. } => "octal".to_owned(),
            Kind::Choice(names) => names.join("|"),
            Kind::Text(_) | Kind::Special => "text".to_owned(),
        }
    }
}

/// The type of an option: how it is read from words and printed.
pub trait Field: Sized + PartialEq {
    /// The value that `args` say. `self` is the present value, for types that change in part.
    fn parse(&self, kind: &Kind, args: &[&[u8]]) -> Result<Self, Reason>;
    /// The text that CONFIG GET prints, which `parse` reads back.
    fn print(&self, kind: &Kind) -> Vec<u8>;
}

impl Field for bool {
    fn parse(&self, _: &Kind, args: &[&[u8]]) -> Result<Self, Reason> {
        match args {
            [arg] if arg.eq_ignore_ascii_case(b"yes") => Ok(true),
            [arg] if arg.eq_ignore_ascii_case(b"no") => Ok(false),
            _ => Err("argument must be 'yes' or 'no'".into()),
        }
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        if *self {
            b"yes".to_vec()
        } else {
            b"no".to_vec()
        }
    }
}

macro_rules! numeric_fields {
    ($($type:ty)+) => {$(
        impl Field for $type {
            fn parse(&self, kind: &Kind, args: &[&[u8]]) -> Result<Self, Reason> {
                let [arg] = args else { return Err("wrong number of arguments".into()) };
                let value = kind.number(arg)?;
                Self::try_from(value).map_err(|_| between(Self::MIN, Self::MAX))
            }

            fn print(&self, kind: &Kind) -> Vec<u8> {
                match kind {
                    Kind::Octal { .. } => format!("{self:o}").into_bytes(),
                    _ => self.to_string().into_bytes(),
                }
            }
        }
    )+};
}
numeric_fields!(u16 u32 u64 i32 i64);

impl Field for String {
    fn parse(&self, kind: &Kind, args: &[&[u8]]) -> Result<Self, Reason> {
        let [arg] = args else {
            return Err("wrong number of arguments".into());
        };
        if let Kind::Text(check) = kind {
            check(arg)?;
        }
        text(arg)
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

/// Bytes, not text: passwords.
impl Field for Vec<u8> {
    fn parse(&self, _: &Kind, args: &[&[u8]]) -> Result<Self, Reason> {
        let [arg] = args else {
            return Err("wrong number of arguments".into());
        };
        Ok(arg.to_vec())
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        self.clone()
    }
}

impl Kind {
    fn number(&self, arg: &[u8]) -> Result<i128, Reason> {
        match *self {
            Kind::Memory { min, max } => {
                let value = match memory(arg) {
                    Some(bytes) => i128::from(bytes),
                    None if min < 0 => i128::from(number(arg).ok_or(NOT_MEMORY)?),
                    None => return Err(NOT_MEMORY.into()),
                };
                within(value, i128::from(min), i128::from(max))
            }
            Kind::Octal { max } => {
                let value = std::str::from_utf8(arg).ok();
                let value = value.and_then(|text| i64::from_str_radix(text, 8).ok());
                let value = value.ok_or("argument couldn't be parsed as an octal number")?;
                if (0..=i64::from(max)).contains(&value) {
                    Ok(i128::from(value))
                } else {
                    Err(format!("argument must be between 0 and {max:o} inclusive").into())
                }
            }
            Kind::Number { min, max } => {
                let value = number(arg).ok_or("argument couldn't be parsed into an integer")?;
                within(i128::from(value), i128::from(min), i128::from(max))
            }
            _ => Err("argument couldn't be parsed into an integer".into()),
        }
    }
}

const NOT_MEMORY: &str = "argument must be a memory value";

fn within(value: i128, min: i128, max: i128) -> Result<i128, Reason> {
    if (min..=max).contains(&value) {
        Ok(value)
    } else {
        Err(between(min, max))
    }
}

fn between(min: impl std::fmt::Display, max: impl std::fmt::Display) -> Reason {
    format!("argument must be between {min} and {max} inclusive").into()
}

/// A number as Redis reads it everywhere: no plus sign, no leading zero, no blank.
pub fn number(arg: &[u8]) -> Option<i64> {
    let digits = arg.strip_prefix(b"-").unwrap_or(arg);
    let canonical = match digits {
        b"0" => digits.len() == arg.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !canonical {
        return None;
    }
    std::str::from_utf8(arg).ok()?.parse().ok()
}

/// A number of bytes: digits and one of the units b, k, kb, m, mb, g, gb, in any case. As in
/// Valkey no digits at all are zero; unlike it, what does not fit into 64 bits is refused.
pub fn memory(arg: &[u8]) -> Option<u64> {
    let unit_at = arg
        .iter()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(arg.len());
    let (digits, unit) = arg.split_at(unit_at);
    let factor: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1000 * 1000,
        b"mb" => 1 << 20,
        b"g" => 1000 * 1000 * 1000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let mut value: u64 = 0;
    for digit in digits {
        value = value
            .checked_mul(10)?
            .checked_add(u64::from(digit - b'0'))?;
    }
    value.checked_mul(factor)
}

/// The value as CONFIG REWRITE writes it: the largest binary unit that divides it.
pub fn format_memory(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")];
    for (size, unit) in UNITS {
        if bytes > 0 && bytes.is_multiple_of(size) {
            return format!("{}{unit}", bytes / size);
        }
    }
    bytes.to_string()
}

/// Names of files and the like have to be UTF-8 and free of NUL, which no path may hold.
pub fn text(arg: &[u8]) -> Result<String, Reason> {
    match std::str::from_utf8(arg) {
        Ok(text) if !text.contains('\0') => Ok(text.to_owned()),
        _ => Err("argument must be UTF-8 text without NUL".into()),
    }
}
