//! The frame around the commands of one write: `#KVD <length> <crc> <synced>` and a line end.
//!
//! Other servers skip lines that begin with `#`, so the file stays theirs to load. The header has a
//! fixed width, so that it can be filled in where room was left for it:
//!
//! - `length`: bytes of the commands that follow, 10 digits. A longer number, which one transaction
//!   or script can reach, takes the digits that it needs from `synced`;
//! - `crc`: CRC-32 (IEEE) of the two other fields and the commands, 8 hexadecimal digits;
//! - `synced`: how many bytes of the file, from its start, were known to be durable when the frame
//!   was written, 16 digits; the largest number that fits if it has more.

/// How a header begins.
pub const MARK: &[u8] = b"#KVD ";
/// Bytes of a header with its line end.
pub const HEADER_LEN: usize = MARK.len() + LENGTH_DIGITS + 1 + CRC_DIGITS + 1 + SYNCED_DIGITS + 2;

const LENGTH_DIGITS: usize = 10;
const CRC_DIGITS: usize = 8;
const SYNCED_DIGITS: usize = 16;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the commands.
    pub len: u64,
    /// The checksum.
    pub crc: u32,
    /// Bytes of the file that were durable.
    pub synced: u64,
}

impl Header {
    /// The header of these commands.
    pub fn of(commands: &[u8], synced: u64) -> Header {
        let len = commands.len() as u64;
        let synced = sayable(len, synced);
        let mut crc = checksum_of(len, synced);
        crc.update(commands);
        Header {
            len,
            crc: crc.finalize(),
            synced,
        }
    }

    /// Its text.
    pub fn text(&self) -> String {
        format!(
            "#KVD {:010} {:08x} {:0width$}\r\n",
            self.len,
            self.crc,
            self.synced,
            width = synced_digits(self.len),
        )
    }

    /// Reads a header from the first [`HEADER_LEN`] bytes; `None` if they are none.
    pub fn parse(bytes: &[u8]) -> Option<Header> {
        let rest = bytes.get(..HEADER_LEN)?.strip_prefix(MARK)?;
        let rest = rest.strip_suffix(b"\r\n")?;
        let text = std::str::from_utf8(rest).ok()?;
        let mut fields = text.split(' ');
        let (len, crc, synced) = (fields.next()?, fields.next()?, fields.next()?);
        let is_plain = |field: &str| field.bytes().all(|byte| byte.is_ascii_digit());
        // The widths add up; a length that is wider than it need be is nobody's.
        let is_short = len.len() == LENGTH_DIGITS;
        let is_long = len.len() > LENGTH_DIGITS && !len.starts_with('0') && !synced.is_empty();
        let fits = (is_short || is_long)
            && crc.len() == CRC_DIGITS
            && fields.next().is_none()
            && is_plain(len)
            && crc.bytes().all(|byte| byte.is_ascii_hexdigit())
            && is_plain(synced);
        if !fits {
            return None;
        }
        Some(Header {
            len: len.parse().ok()?,
            crc: u32::from_str_radix(crc, 16).ok()?,
            synced: synced.parse().ok()?,
        })
    }

    /// The checksum of the frame, to be fed with its commands.
    pub fn checksum(&self) -> crc32fast::Hasher {
        checksum_of(self.len, self.synced)
    }
}

/// The digits that a frame of this length has for `synced`.
fn synced_digits(len: u64) -> usize {
    let len_digits = len.checked_ilog10().map_or(1, |log| log as usize + 1);
    SYNCED_DIGITS - len_digits.saturating_sub(LENGTH_DIGITS)
}

/// As much of `synced` as there are digits for: that less is durable is true as well.
fn sayable(len: u64, synced: u64) -> u64 {
    let max = 10_u64.pow(synced_digits(len) as u32) - 1;
    synced.min(max)
}

fn checksum_of(len: u64, synced: u64) -> crc32fast::Hasher {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&len.to_le_bytes());
    crc.update(&synced.to_le_bytes());
    crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_back() {
        let header = Header::of(b"*1\r\n$4\r\nPING\r\n", 4711);
        let text = header.text();
        assert_eq!(text.len(), HEADER_LEN);
        assert_eq!(Header::parse(text.as_bytes()), Some(header));
        let mut crc = header.checksum();
        crc.update(b"*1\r\n$4\r\nPING\r\n");
        assert_eq!(crc.finalize(), header.crc);
    }

    /// One transaction can be this long; the header is written where there is room for it only.
    #[test]
    fn a_header_of_any_length_has_the_same_width() {
        for len in [0, 9_999_999_999, 10_000_000_000, 123_456_789_012, u64::MAX] {
            for synced in [0, 4711, u64::MAX] {
                let header = Header {
                    len,
                    crc: 0xab,
                    synced: sayable(len, synced),
                };
                let text = header.text();
                assert_eq!(text.len(), HEADER_LEN, "{text}");
                assert_eq!(Header::parse(text.as_bytes()), Some(header), "{text}");
                assert!(synced != 4711 || header.synced == synced, "{text}");
            }
        }
        let padded = b"#KVD 00000000001 000000ab 000000000004711\r\n";
        assert_eq!(padded.len(), HEADER_LEN);
        assert_eq!(Header::parse(padded), None);
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let text = Header::of(b"x", 1).text();
        for at in 0..text.len() {
            let mut damaged = text.clone().into_bytes();
            damaged[at] = b'+';
            assert_eq!(Header::parse(&damaged), None, "at {at}");
            assert_eq!(Header::parse(&text.as_bytes()[..at]), None);
        }
    }
}
