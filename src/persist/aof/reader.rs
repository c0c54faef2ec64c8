//! Reads an append-only file from front to back, and says what stands there and whether it is
//! sound: for the server that runs it again (`replay`), and for those who only look (`check`).
//!
//! A frame is checked whole. Nothing here runs a command.
//!
//! Limits: memory grows with bytes that are in the file, never with lengths that it announces.

use std::io;

use crate::host::{Disk, FileId};
use crate::resp::args::Span;
use crate::resp::number::parse_i64;

use super::frame::{COMMON_MARK, HEADER_LEN, Header, MARK, SEED_LINE_LEN, SEED_MARK, Seed};

/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;
/// The longest line of a length or an annotation.
const LINE_LEN_MAX: usize = 128;
/// The most words of a command: Redis's limit of a request.
const WORDS_MAX: i64 = 1024 * 1024 * 1024;

/// What stands at a place of the file.
#[derive(Debug, PartialEq, Eq)]
pub enum Item {
    /// Commands whose checksum is right: their length in bytes, behind a header.
    Frame(Header),
    /// One command of another server, of this many bytes.
    Command(usize),
    /// A line to be skipped, of this many bytes.
    Annotation(usize),
    /// The end.
    End,
}

/// What is wrong at a place of the file.
#[derive(Debug)]
pub enum Fault {
    /// The disk failed.
    Io(io::Error),
    /// The file ends too early.
    Short,
    /// A frame is damaged.
    Frame,
    /// No command, no annotation.
    Format,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What damage means for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// At or past what any valid frame says was durable: what a crash may leave of writes that were
    /// never synced. The file is to be cut at this offset; what it ends in.
    Torn(u64, &'static str),
    /// Before what was durable: no crash does this.
    Corrupt(u64),
    /// No command stands here, in a file without checksums.
    Format(u64),
}

/// What a file ends in that ends within a transaction.
pub const NO_EXEC: &str = "a transaction without its end";

/// A window that moves over a file.
#[derive(Debug)]
pub struct Reader {
    file: FileId,
    len: u64,
    /// Where in the file the buffer begins.
    start: u64,
    buffer: Vec<u8>,
    /// How much of the buffer is done with.
    at: usize,
    /// What the checksums begin with; `None` in what another server wrote.
    seed: Option<Seed>,
    /// Where its line stands.
    seed_at: u64,
}

impl Reader {
    /// Reads an open file from an offset.
    ///
    /// # Errors
    /// What the disk says.
    pub fn new(disk: &mut dyn Disk, file: FileId, offset: u64) -> io::Result<Reader> {
        Ok(Reader {
            file,
            len: disk.len(file)?,
            start: offset,
            buffer: Vec::new(),
            at: 0,
            seed: None,
            seed_at: 0,
        })
    }

    /// Bytes of the file.
    pub fn bytes_total(&self) -> u64 {
        self.len
    }

    /// The file.
    pub fn file(&self) -> FileId {
        self.file
    }

    /// What the checksums begin with in the file's first `end` bytes, as far as it was read; `None`
    /// if there are none.
    pub fn seed_before(&self, end: u64) -> Option<Seed> {
        self.seed.filter(|_| self.seed_at < end)
    }

    /// Where the next item stands.
    pub fn offset(&self) -> u64 {
        self.start + self.at as u64
    }

    /// The bytes of an item that begins here.
    pub fn bytes(&self, from: usize, len: usize) -> &[u8] {
        let from = self.at + from;
        self.buffer.get(from..from + len).unwrap_or_default()
    }

    /// Goes on behind `len` bytes.
    pub fn advance(&mut self, len: usize) {
        self.at += len;
    }

    /// Has at least `len` bytes at hand, if the file has them.
    fn ensure(&mut self, disk: &mut dyn Disk, len: usize) -> io::Result<bool> {
        if self.buffer.len() - self.at >= len {
            return Ok(true);
        }
        if len as u64 > self.len.saturating_sub(self.offset()) {
            return Ok(false);
        }
        self.start += self.at as u64;
        self.buffer.drain(..self.at);
        self.at = 0;
        while self.buffer.len() < len {
            let filled = self.buffer.len();
            let rest = self.len - self.start - filled as u64;
            let wanted = READ_BYTES.max(len - filled).min(rest as usize);
            self.buffer.resize(filled + wanted, 0);
            let room = &mut self.buffer[filled..];
            let read = disk.read_at(self.file, self.start + filled as u64, room)?;
            self.buffer.truncate(filled + read);
            if read == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The line that begins `from` bytes behind the place, without its end.
    fn line(&mut self, disk: &mut dyn Disk, from: usize) -> Result<&[u8], Fault> {
        let rest = usize::try_from(self.len - self.offset()).unwrap_or(usize::MAX);
        let window = LINE_LEN_MAX.min(rest.saturating_sub(from));
        if !self.ensure(disk, from + window)? {
            return Err(Fault::Short);
        }
        let at = self.at + from;
        let line = &self.buffer[at..at + window];
        match memchr::memchr(b'\n', line) {
            Some(end) => Ok(&self.buffer[at..at + end]),
            None if window < LINE_LEN_MAX => Err(Fault::Short),
            None => Err(Fault::Format),
        }
    }

    /// Looks at what stands here, and checks it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn peek(&mut self, disk: &mut dyn Disk) -> Result<Item, Fault> {
        if !self.ensure(disk, 1)? {
            return Ok(Item::End);
        }
        let first = self.bytes(0, 1).first().copied();
        match first {
            _ if self.is_at(disk, MARK)? => self.peek_frame(disk).map(Item::Frame),
            _ if self.seed.is_none() && self.is_at(disk, SEED_MARK)? => {
                self.peek_seed(disk).map(Item::Annotation)
            }
            Some(b'#') => self.peek_annotation(disk).map(Item::Annotation),
            Some(b'*') => self.peek_command(disk).map(Item::Command),
            // Sectors that were never written are zeros.
            Some(0) => Err(Fault::Frame),
            _ if self.seed.is_some() => Err(Fault::Frame),
            _ => Err(Fault::Format),
        }
    }

    fn is_at(&mut self, disk: &mut dyn Disk, mark: &[u8]) -> io::Result<bool> {
        Ok(self.ensure(disk, mark.len())? && self.bytes(0, mark.len()) == mark)
    }

    /// The bytes of the line of the seed.
    fn peek_seed(&mut self, disk: &mut dyn Disk) -> Result<usize, Fault> {
        self.ensure(disk, SEED_LINE_LEN)?;
        let seed = Seed::parse(self.bytes(0, SEED_LINE_LEN));
        self.seed = Some(seed.ok_or(Fault::Frame)?);
        self.seed_at = self.offset();
        Ok(SEED_LINE_LEN)
    }

    fn peek_frame(&mut self, disk: &mut dyn Disk) -> Result<Header, Fault> {
        self.ensure(disk, HEADER_LEN)?;
        let header = Header::parse(self.bytes(0, HEADER_LEN));
        let (Some(header), Some(seed)) = (header, self.seed) else {
            return Err(Fault::Frame);
        };
        // Room is made for what the header says only if the file has as much.
        let len = usize::try_from(header.len).map_err(|_| Fault::Frame)?;
        let is_whole = self.ensure(disk, HEADER_LEN + len)?;
        match is_whole && header.is_of(self.bytes(HEADER_LEN, len), seed) {
            true => Ok(header),
            false => Err(Fault::Frame),
        }
    }

    /// The bytes of the line that begins here. What may be a damaged header is none.
    fn peek_annotation(&mut self, disk: &mut dyn Disk) -> Result<usize, Fault> {
        let may_be_header = self.seed.is_some();
        let line = match self.line(disk, 0) {
            Err(Fault::Format) => return Err(Fault::Frame),
            line => line?,
        };
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        let is_time = text.starts_with(b"#TS:");
        let is_text = text.iter().all(|byte| matches!(byte, b' '..=b'~'));
        match is_text && (is_time || !may_be_header) {
            true => Ok(line.len() + 1),
            false => Err(Fault::Frame),
        }
    }

    /// The bytes of the command that begins here.
    fn peek_command(&mut self, disk: &mut dyn Disk) -> Result<usize, Fault> {
        let line = self.line(disk, 0)?;
        let count = length(line, b'*', WORDS_MAX).ok_or(Fault::Format)?;
        let mut len = line.len() + 1;
        for _ in 0..count {
            let line = self.line(disk, len)?;
            let word = length(line, b'$', i64::from(u32::MAX)).ok_or(Fault::Format)?;
            len += line.len() + 1 + word;
            if !self.ensure(disk, len + 2)? {
                return Err(Fault::Short);
            }
            if self.bytes(len, 2) != b"\r\n" {
                return Err(Fault::Format);
            }
            len += 2;
        }
        Ok(len)
    }

    /// What the fault that stands here means for the file; the reader is of no use then. `began`
    /// is where the transaction began that is open.
    ///
    /// # Errors
    /// What the disk says.
    pub fn judge(
        &mut self,
        disk: &mut dyn Disk,
        fault: Fault,
        began: Option<u64>,
    ) -> io::Result<Damage> {
        let at = self.offset();
        let what = match fault {
            Fault::Io(error) => return Err(error),
            Fault::Format if self.seed.is_none() => return Ok(Damage::Format(at)),
            _ if self.is_durable_here(disk)? => return Ok(Damage::Corrupt(at)),
            Fault::Short => "a command without its end",
            Fault::Frame | Fault::Format => "a torn write",
        };
        Ok(Damage::Torn(began.unwrap_or(at), what))
    }

    /// Whether something from here on says that this place was durable. A header is believed for
    /// its own checksum: that of its commands is not needed, and to sum the commands of all would
    /// take time that grows with the square of the file.
    fn is_durable_here(&mut self, disk: &mut dyn Disk) -> io::Result<bool> {
        let (place, seed) = (self.offset(), self.seed);
        // It may be the line of the seed that is damaged.
        let hides_seed = place == 0 || self.is_at(disk, COMMON_MARK)?;
        let says_durable = |line: &[u8], found: u64| match (seed, Header::parse(line)) {
            // No frame knows more than what stands before it.
            (Some(seed), Some(header)) => {
                let covers = header.synced > place && header.synced <= found;
                covers && header.is_sound(seed)
            }
            (Some(_), None) => false,
            // The line of the seed was durable before the first frame was written.
            (None, Some(_)) => hides_seed,
            // What another server wrote was durable before that line was.
            (None, None) => Seed::parse(line).is_some(),
        };
        let mut from = 0;
        while self.ensure(disk, from + SEED_LINE_LEN)? {
            let known = &self.buffer[self.at + from..];
            match memchr::memmem::find(known, COMMON_MARK) {
                None => from += known.len() - (COMMON_MARK.len() - 1),
                Some(at) => {
                    from += at;
                    // Fewer bytes at the end of the file may be the line of a seed.
                    self.ensure(disk, from + HEADER_LEN)?;
                    let found = self.offset() + from as u64;
                    let known = &self.buffer[self.at + from..];
                    if says_durable(known, found) {
                        return Ok(true);
                    }
                    from += 1;
                }
            }
            // The window moves on; the place stays known.
            if from >= READ_BYTES {
                self.advance(from);
                from = 0;
            }
        }
        Ok(false)
    }
}

/// The number of a `*` or `$` line; `None` if it is none.
fn length(line: &[u8], mark: u8, max: i64) -> Option<usize> {
    let digits = line.strip_prefix(&[mark])?.strip_suffix(b"\r")?;
    let number = parse_i64(digits).filter(|number| (0..=max).contains(number))?;
    usize::try_from(number).ok()
}

/// What stands at the beginning of valid bytes, and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A command, whose words are found in the spans.
    Command(usize),
    /// An annotation, or a command without words.
    Empty(usize),
}

/// Takes the next piece of valid bytes; `None` if they are not.
pub fn piece(bytes: &[u8], spans: &mut Vec<Span>) -> Option<Piece> {
    if bytes.first() == Some(&b'#') {
        return memchr::memchr(b'\n', bytes).map(|end| Piece::Empty(end + 1));
    }
    let len = split(bytes, spans)?;
    Some(match spans.is_empty() {
        true => Piece::Empty(len),
        false => Piece::Command(len),
    })
}

/// Cuts the words of the command at the beginning of valid bytes; returns the command's length.
fn split(bytes: &[u8], spans: &mut Vec<Span>) -> Option<usize> {
    spans.clear();
    let line_at = |at: usize, mark, max| {
        let rest = bytes.get(at..)?;
        let end = memchr::memchr(b'\n', rest)?;
        Some((length(&rest[..end], mark, max)?, at + end + 1))
    };
    let (count, mut at) = line_at(0, b'*', WORDS_MAX)?;
    for _ in 0..count {
        let (len, start) = line_at(at, b'$', i64::from(u32::MAX))?;
        let end = start.checked_add(len)?;
        if bytes.get(end..end + 2)? != b"\r\n" {
            return None;
        }
        spans.push(Span {
            start: u32::try_from(start).ok()?,
            end: u32::try_from(end).ok()?,
        });
        at = end + 2;
    }
    Some(at)
}
