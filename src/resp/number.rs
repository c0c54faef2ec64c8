//! Numbers as text, by Redis's rules: what a client may write, and what it is answered.
//!
//! Integers are strict (`string2ll`): one spelling for each value. Doubles are read as C's `strtod`
//! reads them, but no hexadecimal ones, which Redis 8 and Valkey 9.1 refuse, and written in the
//! shortest form that reads back as the same double, laid out as Redis 7.2 and Valkey do. (They
//! generate digits with Grisu2, which in about one of a thousand cases finds a longer form of the
//! same double.) [`LongDouble`] is the x87 type in which INCRBYFLOAT adds. Error texts belong to
//! the callers.

use std::fmt;
use std::ops::Deref;

use rustc_apfloat::{Float, Round, Status};

mod long_double;

pub use long_double::{LongDouble, NotFinite};

/// The digits of the longest integer: 64 bits without a sign hold any so many.
const INTEGER_DIGITS_MAX: usize = 19;
/// An exponent of a hexadecimal float beyond this is far outside every type.
const EXPONENT_MAX: i64 = 100_000;

/// Reads an integer in its only spelling: no plus, no leading zero, no blank, no `-0`. The store
/// keeps such a text as a number.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    // Asked of every value that is stored, most of which are longer.
    if text.len() > INTEGER_DIGITS_MAX + 1 {
        return None;
    }
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] if digits.len() <= INTEGER_DIGITS_MAX => {}
        _ => return None,
    }
    let mut value: u64 = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    match negative {
        true => 0i64.checked_sub_unsigned(value),
        false => i64::try_from(value).ok(),
    }
}

/// Reads an unsigned integer as Redis reads cursors and stream ids: blanks before it, a plus and
/// leading zeros are allowed. What [`parse_i64`] takes for negative is not; other spellings wrap
/// around, as those of C's `strtoull` do.
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    let blanks = text.iter().take_while(|byte| is_blank(**byte)).count();
    let number = text.get(blanks..).unwrap_or_default();
    if let Some(digits @ [b'0'..=b'9', ..]) = number.strip_prefix(b"-") {
        let is_strict = parse_i64(text).is_some();
        let magnitude = parse_u64(digits).filter(|_| !is_strict)?;
        return Some(magnitude.wrapping_neg());
    }
    let digits = number.strip_prefix(b"+").unwrap_or(number);
    let mut value: u64 = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    (!digits.is_empty()).then_some(value)
}

/// Reads a double as `strtod` does, infinities included; `None` for NaN, for blanks or anything
/// else around the number, and for what overflows or vanishes.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    match classify(text)? {
        Spelling::Infinity { negative: true } => Some(f64::NEG_INFINITY),
        Spelling::Infinity { negative: false } => Some(f64::INFINITY),
        Spelling::Hexadecimal => None,
        Spelling::Decimal { zero } => {
            let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
            (value.is_finite() && (value != 0.0 || zero)).then_some(value)
        }
    }
}

/// Appends an integer.
#[inline]
pub fn push_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// A number's text, without an allocation.
#[derive(Clone, Copy)]
pub struct NumberText {
    bytes: [u8; NumberText::BYTES_MAX],
    length: u8,
}

/// An integer as text.
#[inline]
pub fn format_i64(value: i64) -> NumberText {
    NumberText::from_bytes(itoa::Buffer::new().format(value).as_bytes())
}

/// A double as Redis 7.2 and Valkey write it, in replies and in stored values.
pub fn format_f64(value: f64) -> NumberText {
    // What is integral and not large is written in full, however many digits that takes.
    let integer = value as i64;
    let is_integral = integer as f64 == value && value.abs() <= (i64::MAX / 2) as f64;
    if is_integral && value != 0.0 {
        return format_i64(integer);
    }
    format_f64_shortest(value)
}

/// A double in the fewest digits that read back as the same, integral ones too.
pub fn format_f64_shortest(value: f64) -> NumberText {
    if let Some(text) = special(value) {
        return NumberText::from_bytes(text);
    }
    let mut buffer = zmij::Buffer::new();
    let decimal = Decimal::from_text(buffer.format_finite(value.abs()).as_bytes());
    let mut text = NumberText::new();
    if value < 0.0 {
        text.push(b"-");
    }
    decimal.layout_shortest(&mut text);
    text
}

/// A double with 17 significant digits, C's `%.17g`.
pub fn format_f64_17(value: f64) -> NumberText {
    if let Some(text) = special(value) {
        return NumberText::from_bytes(text);
    }
    let decimal = Decimal::from_text(format!("{:.16e}", value.abs()).as_bytes());
    let mut text = NumberText::new();
    if value < 0.0 {
        text.push(b"-");
    }
    decimal.layout_general(&mut text);
    text
}

/// A double with a fixed number of decimals, from 1 to 17, as distances are written: scaled and
/// rounded to the nearest integer, ties to even. `None` if the scaled value is no `i64`.
pub fn format_fixed(value: f64, decimals: u32) -> Option<NumberText> {
    let scale = 10u64
        .checked_pow(decimals)
        .filter(|_| (1..=17).contains(&decimals))?;
    let scaled = (value * scale as f64).round_ties_even();
    if scaled.is_nan() || scaled.abs() >= i64::MAX as f64 {
        return None;
    }
    let scaled = scaled as i64;
    let mut text = NumberText::new();
    if scaled < 0 {
        text.push(b"-");
    }
    text.push(
        itoa::Buffer::new()
            .format(scaled.unsigned_abs() / scale)
            .as_bytes(),
    );
    let fraction = itoa::Buffer::new()
        .format(scaled.unsigned_abs() % scale)
        .to_owned();
    text.push(b".");
    text.push_zeros(decimals as usize - fraction.len());
    text.push(fraction.as_bytes());
    Some(text)
}

/// A double with at most 17 decimals and never an exponent, as coordinates are written.
pub fn format_human_f64(value: f64) -> Vec<u8> {
    LongDouble::from_f64(value).to_human()
}

impl NumberText {
    const BYTES_MAX: usize = 47;

    fn new() -> Self {
        Self {
            bytes: [0; Self::BYTES_MAX],
            length: 0,
        }
    }

    #[inline]
    fn from_bytes(bytes: &[u8]) -> Self {
        let mut text = Self::new();
        text.push(bytes);
        text
    }

    /// Everything written here fits; what would not is left out.
    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        let start = usize::from(self.length);
        if let Some(room) = self.bytes.get_mut(start..start + bytes.len()) {
            room.copy_from_slice(bytes);
            self.length += bytes.len() as u8;
        }
    }

    fn push_zeros(&mut self, count: usize) {
        self.push([b'0'; Self::BYTES_MAX].get(..count).unwrap_or_default());
    }
}

impl Deref for NumberText {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }
}

impl AsRef<[u8]> for NumberText {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for NumberText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.escape_ascii())
    }
}

fn special(value: f64) -> Option<&'static [u8]> {
    if value.is_nan() {
        return Some(b"nan");
    }
    if value.is_infinite() {
        return Some(if value > 0.0 { b"inf" } else { b"-inf" });
    }
    if value == 0.0 {
        return Some(if value.is_sign_negative() {
            b"-0"
        } else {
            b"0"
        });
    }
    None
}

/// Digits without zeros at either end, and the power of ten that the last of them counts.
struct Decimal {
    digits: [u8; 24],
    length: usize,
    exponent: i32,
}

impl Decimal {
    /// Takes the text of a positive number apart: digits, perhaps a point, perhaps an exponent.
    fn from_text(text: &[u8]) -> Self {
        let mark = text
            .iter()
            .position(|byte| *byte == b'e')
            .unwrap_or(text.len());
        let (mantissa, exponent) = text.split_at_checked(mark).unwrap_or((text, &[]));
        let point = mantissa
            .iter()
            .position(|byte| *byte == b'.')
            .unwrap_or(mark);
        let (whole, fraction) = mantissa.split_at_checked(point).unwrap_or((mantissa, &[]));
        let fraction = trim_zeros_end(fraction.strip_prefix(b".").unwrap_or(fraction));
        let whole = trim_zeros_start(whole);
        let exponent = exponent.strip_prefix(b"e").unwrap_or_default();
        let exponent = parse_i64(exponent.strip_prefix(b"+").unwrap_or(exponent));
        let mut decimal = Self {
            digits: [0; 24],
            length: 0,
            exponent: exponent.unwrap_or(0) as i32 - fraction.len() as i32,
        };
        if fraction.is_empty() {
            let digits = trim_zeros_end(whole);
            decimal.exponent += (whole.len() - digits.len()) as i32;
            decimal.push(digits);
        } else if whole.is_empty() {
            decimal.push(trim_zeros_start(fraction));
        } else {
            decimal.push(whole);
            decimal.push(fraction);
        }
        decimal
    }

    fn push(&mut self, digits: &[u8]) {
        let end = self.length + digits.len();
        if let Some(room) = self.digits.get_mut(self.length..end) {
            room.copy_from_slice(digits);
            self.length = end;
        }
    }

    fn digits(&self) -> &[u8] {
        self.digits.get(..self.length).unwrap_or_default()
    }

    /// The exponent of the first digit.
    fn scientific_exponent(&self) -> i32 {
        self.exponent + self.length as i32 - 1
    }

    /// Redis's layout of shortest digits: plain for moderate numbers, else with an exponent.
    fn layout_shortest(&self, text: &mut NumberText) {
        let scientific = self.scientific_exponent();
        let magnitude = scientific.abs();
        if self.exponent >= 0 && magnitude < self.length as i32 + 7 {
            text.push(self.digits());
            text.push_zeros(self.exponent as usize);
        } else if self.exponent < 0 && (self.exponent > -7 || magnitude < 4) {
            self.layout_plain(text);
        } else {
            self.layout_scientific(text, 1);
        }
    }

    /// The layout of C's `%.17g`.
    fn layout_general(&self, text: &mut NumberText) {
        match self.scientific_exponent() {
            -4..17 if self.exponent < 0 => self.layout_plain(text),
            -4..17 => {
                text.push(self.digits());
                text.push_zeros(self.exponent as usize);
            }
            _ => self.layout_scientific(text, 2),
        }
    }

    /// With a point and without an exponent.
    fn layout_plain(&self, text: &mut NumberText) {
        let point = self.length as i32 + self.exponent;
        match self.digits().split_at_checked(point.max(0) as usize) {
            Some((whole @ [_, ..], fraction)) => {
                text.push(whole);
                text.push(b".");
                text.push(fraction);
            }
            _ => {
                text.push(b"0.");
                text.push_zeros(point.unsigned_abs() as usize);
                text.push(self.digits());
            }
        }
    }

    fn layout_scientific(&self, text: &mut NumberText, exponent_digits_min: usize) {
        let (first, rest) = self.digits().split_at_checked(1).unwrap_or_default();
        text.push(first);
        if !rest.is_empty() {
            text.push(b".");
            text.push(rest);
        }
        let exponent = self.scientific_exponent();
        text.push(if exponent < 0 { b"e-" } else { b"e+" });
        let mut buffer = itoa::Buffer::new();
        let digits = buffer.format(exponent.unsigned_abs()).as_bytes();
        text.push_zeros(exponent_digits_min.saturating_sub(digits.len()));
        text.push(digits);
    }
}

fn trim_zeros_start(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|byte| **byte == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

fn trim_zeros_end(digits: &[u8]) -> &[u8] {
    let zeros = digits
        .iter()
        .rev()
        .take_while(|byte| **byte == b'0')
        .count();
    digits.get(..digits.len() - zeros).unwrap_or_default()
}

/// How a float is spelled, when all of the text is one.
enum Spelling {
    Infinity { negative: bool },
    Hexadecimal,
    Decimal { zero: bool },
}

/// Checks that the whole text is a float of C, and not NaN.
fn classify(text: &[u8]) -> Option<Spelling> {
    let (sign, body) = match text {
        [sign @ (b'+' | b'-'), body @ ..] => (Some(*sign), body),
        body => (None, body),
    };
    if body.eq_ignore_ascii_case(b"inf") || body.eq_ignore_ascii_case(b"infinity") {
        let negative = sign == Some(b'-');
        return Some(Spelling::Infinity { negative });
    }
    if let [b'0', b'x' | b'X', body @ ..] = body {
        scan_float(body, u8::is_ascii_hexdigit, b'p')?;
        return Some(Spelling::Hexadecimal);
    }
    let zero = scan_float(body, u8::is_ascii_digit, b'e')?;
    Some(Spelling::Decimal { zero })
}

/// Checks digits, a point among them, and an exponent. Answers whether all digits are zero.
fn scan_float(body: &[u8], is_digit: fn(&u8) -> bool, exponent_mark: u8) -> Option<bool> {
    let is_mark = |byte: &u8| byte.to_ascii_lowercase() == exponent_mark;
    let mark = body.iter().position(is_mark).unwrap_or(body.len());
    let (mantissa, exponent) = body.split_at_checked(mark)?;
    let (mut digits, mut points, mut zero) = (0, 0, true);
    for byte in mantissa {
        match byte {
            b'.' => points += 1,
            byte if is_digit(byte) => {
                digits += 1;
                zero &= *byte == b'0';
            }
            _ => return None,
        }
    }
    let exponent_fits = match exponent {
        [] => true,
        [_, b'+' | b'-', digits @ ..] | [_, digits @ ..] => {
            !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
        }
    };
    (digits > 0 && points <= 1 && exponent_fits).then_some(zero)
}

/// Reads a hexadecimal float that [`classify`] let pass; `None` if it overflows or vanishes.
fn parse_hexadecimal<F: Float>(text: &[u8]) -> Option<F> {
    let text = std::str::from_utf8(text).ok()?;
    let (mantissa, exponent) = text.split_once(['p', 'P']).unwrap_or((text, "0"));
    let digits = exponent
        .trim_start_matches(['+', '-'])
        .trim_start_matches('0');
    let exponent = match (digits.len(), exponent.starts_with('-')) {
        (0, _) => 0,
        (1..=6, false) => digits.parse().unwrap_or(EXPONENT_MAX),
        (1..=6, true) => -digits.parse().unwrap_or(EXPONENT_MAX),
        (_, false) => EXPONENT_MAX,
        (_, true) => -EXPONENT_MAX,
    };
    in_range(F::from_str_r(
        &format!("{mantissa}p{exponent}"),
        Round::NearestTiesToEven,
    ))
}

/// The value, unless it overflowed or vanished.
fn in_range<F: Float, E>(parsed: Result<rustc_apfloat::StatusAnd<F>, E>) -> Option<F> {
    let parsed = parsed.ok()?;
    let vanished = parsed.value.is_zero() && parsed.status.contains(Status::UNDERFLOW);
    let overflowed = parsed.status.contains(Status::OVERFLOW);
    (parsed.value.is_finite() && !vanished && !overflowed).then_some(parsed.value)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests;
