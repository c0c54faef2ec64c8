//! How text is written for others to read: in quotes as Redis writes it, and as JSON.

use std::fmt;

/// Appends bytes in double quotes, with what cannot be printed escaped: as redis.conf is read, and
/// as MONITOR shows arguments.
pub fn quote(bytes: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend([b'\\', *byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0x07 => out.extend(b"\\a"),
            0x08 => out.extend(b"\\b"),
            b' '..=b'~' => out.push(*byte),
            _ => {
                let [high, low] = [byte >> 4, byte & 15].map(|digit| HEX[usize::from(digit)]);
                out.extend([b'\\', b'x', high, low]);
            }
        }
    }
    out.push(b'"');
}

/// A JSON string. No control character is in it as itself, not even one that JSON would allow.
#[derive(Clone, Copy, Debug)]
pub struct Json<'a>(pub &'a str);

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;

        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if c.is_control() => write!(f, "\\u{:04x}", c as u32)?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_printed_is_escaped() {
        let mut line = Vec::new();
        quote(b"a\"b\\c\n\x00\x07\xff", &mut line);
        assert_eq!(line, b"\"a\\\"b\\\\c\\n\\x00\\a\\xff\"");
        assert_eq!(
            Json("a\"}\n{\u{0}\u{7f}\u{85}\u{e9}\\").to_string(),
            "\"a\\\"}\\n{\\u0000\\u007f\\u0085\u{e9}\\\\\""
        );
    }
}
