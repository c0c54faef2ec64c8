//! What kvd adds to a file of commands: a line with a seed, and a header before the commands of
//! each write. Other servers skip lines that begin with `#`, so the file stays theirs to load.
//!
//! The line of the seed, `#KVDFILE <version> <seed> <sum>`, is the first of a file, or follows what
//! another server wrote. It is durable before the first header is written. All numbers are
//! hexadecimal and have a fixed width:
//!
//! - `seed`: 16 digits that nobody can predict. Every checksum behind it begins with it, so that no
//!   value that a client stores can pass for a frame;
//! - `sum`: CRC-32 (IEEE) of the seed, 8 digits.
//!
//! A header, `#KVD <length> <synced> <sum> <body>`:
//!
//! - `length`: bytes of the commands that follow, 12 digits: more than a process can address;
//! - `synced`: how many bytes of the file, from its start, were known to be durable when the frame
//!   was written, 12 digits; the largest number that fits if it has more;
//! - `sum`: CRC-32 of the two numbers, 8 digits: what a header says of other parts of the file
//!   holds although its own commands are damaged;
//! - `body`: CRC-32 of the two numbers and the commands, 8 digits.

use crc32fast::Hasher;

/// How a header begins.
pub const MARK: &[u8] = b"#KVD ";
/// Bytes of a header with its line end.
pub const HEADER_LEN: usize = 50;
/// How the line of the seed begins.
pub const SEED_MARK: &[u8] = b"#KVDFILE ";
/// Bytes of the line of the seed with its end.
pub const SEED_LINE_LEN: usize = 38;
/// How both begin.
pub const COMMON_MARK: &[u8] = b"#KVD";

const VERSION: &[u8] = b"1";
/// The largest number that a header has digits for.
const NUMBER_MAX: u64 = (1 << 48) - 1;

/// What checksums begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// The line that says it.
    pub fn line(self) -> String {
        let sum = self.sum().finalize();
        format!("#KVDFILE 1 {:016x} {sum:08x}\r\n", self.0)
    }

    /// Reads the first [`SEED_LINE_LEN`] bytes; `None` if they are no line of a seed, or a damaged
    /// one.
    pub fn parse(bytes: &[u8]) -> Option<Seed> {
        let line = bytes.get(..SEED_LINE_LEN)?.strip_prefix(SEED_MARK)?;
        let [version, seed, sum] = fields(line)?;
        let seed = Seed(number(seed, 16)?);
        let is_sound = version == VERSION && number(sum, 8)? == u64::from(seed.sum().finalize());
        is_sound.then_some(seed)
    }

    fn sum(self) -> Hasher {
        let mut sum = Hasher::new();
        sum.update(&self.0.to_le_bytes());
        sum
    }
}

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the commands.
    pub len: u64,
    /// Bytes of the file that were durable.
    pub synced: u64,
    /// The checksum of the numbers.
    sum: u32,
    /// The checksum of the numbers and the commands.
    body: u32,
}

impl Header {
    /// The header of these commands.
    pub fn of(commands: &[u8], synced: u64, seed: Seed) -> Header {
        let len = commands.len() as u64;
        // That less is durable is true as well.
        let synced = synced.min(NUMBER_MAX);
        let sum = sum_of(len, synced, seed);
        let mut body = sum.clone();
        body.update(commands);
        Header {
            len,
            synced,
            sum: sum.finalize(),
            body: body.finalize(),
        }
    }

    /// Its text.
    pub fn text(&self) -> String {
        let Header { len, synced, .. } = self;
        let (sum, body) = (self.sum, self.body);
        format!("#KVD {len:012x} {synced:012x} {sum:08x} {body:08x}\r\n")
    }

    /// Reads the first [`HEADER_LEN`] bytes; `None` if they do not have the shape of a header.
    pub fn parse(bytes: &[u8]) -> Option<Header> {
        let line = bytes.get(..HEADER_LEN)?.strip_prefix(MARK)?;
        let [len, synced, sum, body] = fields(line)?;
        Some(Header {
            len: number(len, 12)?,
            synced: number(synced, 12)?,
            sum: u32::try_from(number(sum, 8)?).ok()?,
            body: u32::try_from(number(body, 8)?).ok()?,
        })
    }

    /// Whether its numbers are those that were written.
    pub fn is_sound(&self, seed: Seed) -> bool {
        sum_of(self.len, self.synced, seed).finalize() == self.sum
    }

    /// Whether the commands are those that were written, too.
    pub fn is_of(&self, commands: &[u8], seed: Seed) -> bool {
        let mut body = sum_of(self.len, self.synced, seed);
        let sum = body.clone().finalize();
        body.update(commands);
        sum == self.sum && body.finalize() == self.body
    }
}

fn sum_of(len: u64, synced: u64, seed: Seed) -> Hasher {
    let mut sum = seed.sum();
    sum.update(&len.to_le_bytes());
    sum.update(&synced.to_le_bytes());
    sum
}

/// The fields of a line behind its mark, with one space between two.
fn fields<const N: usize>(line: &[u8]) -> Option<[&[u8]; N]> {
    let mut fields = line.strip_suffix(b"\r\n")?.split(|byte| *byte == b' ');
    let mut found = [&[][..]; N];
    for field in &mut found {
        *field = fields.next()?;
    }
    fields.next().is_none().then_some(found)
}

/// A number of exactly this many digits, as they are written.
fn number(digits: &[u8], count: usize) -> Option<u64> {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_number = digits.len() == count && digits.iter().all(is_digit);
    let text = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    u64::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
    const SEED: Seed = Seed(0x0123_4567_89ab_cdef);

    #[test]
    fn lines_are_read_back() {
        let line = SEED.line();
        assert_eq!(line.len(), SEED_LINE_LEN);
        assert_eq!(Seed::parse(line.as_bytes()), Some(SEED));
        for (synced, said) in [(0, 0), (4711, 4711), (u64::MAX, NUMBER_MAX)] {
            let header = Header::of(PING, synced, SEED);
            let text = header.text();
            assert_eq!(text.len(), HEADER_LEN, "{text}");
            assert_eq!(Header::parse(text.as_bytes()), Some(header), "{text}");
            assert_eq!(header.synced, said);
            assert!(header.is_of(PING, SEED));
        }
    }

    #[test]
    fn without_the_seed_nothing_is_a_frame() {
        let header = Header::of(PING, 4711, SEED);
        let other = Seed(SEED.0 + 1);
        assert!(!header.is_sound(other));
        assert!(!header.is_of(PING, other));
        assert!(header.is_sound(SEED) && !header.is_of(b"*1\r\n$4\r\nPONG\r\n", SEED));
    }

    /// Whatever happens to a byte of a line, it is none any more, or not sound.
    #[test]
    fn what_is_damaged_is_refused() {
        let (line, text) = (SEED.line(), Header::of(b"x", 1, SEED).text());
        for byte in 0..=u8::MAX {
            for at in 0..SEED_LINE_LEN {
                let mut damaged = line.clone().into_bytes();
                let before = std::mem::replace(&mut damaged[at], byte);
                assert!(
                    before == byte || Seed::parse(&damaged).is_none(),
                    "{byte} at {at}"
                );
            }
            for at in 0..HEADER_LEN {
                let mut damaged = text.clone().into_bytes();
                let before = std::mem::replace(&mut damaged[at], byte);
                let header = Header::parse(&damaged);
                let is_taken = header.is_some_and(|header| header.is_of(b"x", SEED));
                assert!(before == byte || !is_taken, "{byte} at {at}");
            }
        }
        for len in 0..SEED_LINE_LEN {
            assert_eq!(Seed::parse(&line.as_bytes()[..len]), None);
        }
        for len in 0..HEADER_LEN {
            assert_eq!(Header::parse(&text.as_bytes()[..len]), None);
        }
    }
}
