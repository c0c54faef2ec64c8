//! Numbers as C's `%.<precision>g` writes them.

/// Appends a number with so many significant digits.
pub fn push_g(out: &mut Vec<u8>, number: f64, precision: usize) {
    if !number.is_finite() {
        let text = match (number.is_nan(), number.is_sign_negative()) {
            (true, false) => "nan",
            (true, true) => "-nan",
            (false, false) => "inf",
            (false, true) => "-inf",
        };
        out.extend_from_slice(text.as_bytes());
        return;
    }
    let precision = precision.max(1);
    let text = format!("{number:.*e}", precision - 1);
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent >= -4 && exponent < precision as i32 {
        let decimals = (precision as i32 - 1 - exponent).max(0) as usize;
        out.extend_from_slice(without_zeros(&format!("{number:.decimals$}")).as_bytes());
        return;
    }
    out.extend_from_slice(without_zeros(digits).as_bytes());
    let sign = if exponent < 0 { '-' } else { '+' };
    out.extend_from_slice(format!("e{sign}{:02}", exponent.abs()).as_bytes());
}

/// A number without the zeros at the end of its decimals.
fn without_zeros(text: &str) -> &str {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_c_writes_them() {
        for (number, text) in [
            (0.1, "0.1"),
            (1.0 / 3.0, "0.33333333333333"),
            (1e14, "1e+14"),
            (123456789012345.0, "1.2345678901234e+14"),
            (-0.0, "-0"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (1e300, "1e+300"),
            (99999999999999.9, "1e+14"),
            (12345.0, "12345"),
        ] {
            let mut out = Vec::new();
            push_g(&mut out, number, 14);
            assert_eq!(out, text.as_bytes(), "{number}");
        }
    }
}
