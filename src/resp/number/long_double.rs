//! C's `long double` on x86: 80 bits, 64 of them significand. INCRBYFLOAT and HINCRBYFLOAT read,
//! add and write in it, so that 0.1 + 0.2 is 0.3. Its text form is `%.17Lf` without trailing zeros.

use rustc_apfloat::ieee::{Double, X87DoubleExtended};
use rustc_apfloat::{Float, FloatConvert, Round};

use super::{Spelling, classify, in_range, parse_hexadecimal};

/// Texts of this length and more are refused, as Redis does.
const TEXT_BYTES_MAX: usize = 5 * 1024;
/// 10^17: the decimals that are written.
const DECIMALS_SCALE: u128 = 100_000_000_000_000_000;
/// The base of the digit groups in which large integers are written.
const GROUP: u64 = 1_000_000_000;

/// An x87 extended double, infinities included.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct LongDouble(X87DoubleExtended);

/// A sum is infinite or not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotFinite;

impl LongDouble {
    /// Reads a number as `strtold` does, by the same rules as [`super::parse_f64`].
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() >= TEXT_BYTES_MAX {
            return None;
        }
        let value = match classify(text)? {
            Spelling::Infinity { negative: false } => X87DoubleExtended::INFINITY,
            Spelling::Infinity { negative: true } => -X87DoubleExtended::INFINITY,
            Spelling::Hexadecimal => parse_hexadecimal(text)?,
            Spelling::Decimal { .. } => {
                let text = std::str::from_utf8(text).ok()?;
                in_range(X87DoubleExtended::from_str_r(
                    text,
                    Round::NearestTiesToEven,
                ))?
            }
        };
        Some(Self(value))
    }

    /// An integer, exactly.
    pub fn from_i64(value: i64) -> Self {
        Self(X87DoubleExtended::from_i128(i128::from(value)).value)
    }

    /// A double, exactly.
    pub fn from_f64(value: f64) -> Self {
        let double = Double::from_bits(u128::from(value.to_bits()));
        Self(double.convert(&mut false).value)
    }

    /// The nearest double; an infinity beyond them.
    pub fn to_f64(self) -> f64 {
        let double: Double = self.0.convert(&mut false).value;
        f64::from_bits(double.to_bits() as u64)
    }

    /// Whether it is neither infinite nor NaN.
    pub fn is_finite(self) -> bool {
        self.0.is_finite()
    }

    /// The sum, which must be finite.
    pub fn checked_add(self, other: Self) -> Result<Self, NotFinite> {
        let sum = (self.0 + other.0).value;
        match sum.is_finite() {
            true => Ok(Self(sum)),
            false => Err(NotFinite),
        }
    }

    /// The difference, which must be finite.
    pub fn checked_sub(self, other: Self) -> Result<Self, NotFinite> {
        self.checked_add(Self(-other.0))
    }

    /// The largest finite number.
    pub fn largest() -> Self {
        Self(X87DoubleExtended::largest())
    }

    /// The smallest finite number.
    pub fn smallest() -> Self {
        Self(-X87DoubleExtended::largest())
    }

    /// Whether it is below zero.
    pub fn is_negative(self) -> bool {
        self.0.is_negative()
    }

    /// At most 17 decimals, without trailing zeros, never with an exponent.
    pub fn to_human(self) -> Vec<u8> {
        if self.0.is_nan() {
            return b"nan".to_vec();
        }
        let negative = self.0.is_negative();
        let mut text = match self.0.is_infinite() {
            true => b"inf".to_vec(),
            false => self.magnitude_text(),
        };
        if negative && text != b"0" {
            text.insert(0, b'-');
        }
        text
    }

    fn magnitude_text(self) -> Vec<u8> {
        let bits = self.0.to_bits();
        let significand = bits as u64;
        let biased_exponent = (bits >> 64) as i32 & 0x7fff;
        // The value is significand * 2^exponent.
        let exponent = biased_exponent.max(1) - 16383 - 63;
        match u32::try_from(exponent) {
            Ok(exponent) => integer_text(significand, exponent),
            Err(_) => fraction_text(significand, exponent.unsigned_abs()),
        }
    }
}

/// The digits of `significand * 2^exponent`.
fn integer_text(significand: u64, exponent: u32) -> Vec<u8> {
    // Groups of nine digits, the lowest first.
    let mut groups = vec![significand % GROUP, significand / GROUP % GROUP];
    groups.push(significand / GROUP / GROUP);
    let mut left = exponent;
    while left > 0 {
        let shift = left.min(32);
        let mut carry = 0;
        for group in &mut groups {
            let value = (*group << shift) + carry;
            *group = value % GROUP;
            carry = value / GROUP;
        }
        while carry > 0 {
            groups.push(carry % GROUP);
            carry /= GROUP;
        }
        left -= shift;
    }
    while groups.len() > 1 && groups.last() == Some(&0) {
        groups.pop();
    }
    let mut text = String::new();
    for (index, group) in groups.iter().rev().enumerate() {
        match index {
            0 => text.push_str(&group.to_string()),
            _ => text.push_str(&format!("{group:09}")),
        }
    }
    text.into_bytes()
}

/// `significand / 2^shift`, rounded to 17 decimals, ties to even.
fn fraction_text(significand: u64, shift: u32) -> Vec<u8> {
    let scaled = u128::from(significand) * DECIMALS_SCALE;
    // Beyond 127 bits what is left is less than half a unit of the last decimal.
    let quotient = scaled.checked_shr(shift).unwrap_or(0);
    let rest = scaled - quotient.checked_shl(shift).unwrap_or(0);
    let half = 1u128.checked_shl(shift - 1).unwrap_or(u128::MAX);
    let round_up = rest > half || (rest == half && quotient % 2 == 1);
    let quotient = quotient + u128::from(round_up);
    let (whole, decimals) = (quotient / DECIMALS_SCALE, quotient % DECIMALS_SCALE);
    let text = match decimals {
        0 => whole.to_string(),
        _ => format!("{whole}.{decimals:017}"),
    };
    match decimals {
        0 => text.into_bytes(),
        _ => text.trim_end_matches('0').as_bytes().to_vec(),
    }
}
