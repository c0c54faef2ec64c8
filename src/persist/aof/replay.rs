//! Reads one append-only file and runs its commands again.
//!
//! A frame is checked whole before a command of it runs. Damage at or past what any valid frame of
//! the file says was durable is a torn tail: what a power cut may leave of writes that were never
//! synced; the file is cut there. Damage before that is corruption, and refused. Complete commands
//! outside of any frame are another server's: they run unchecked, and the log says so.
//!
//! MULTI and EXEC are this module's: what lies between them runs when EXEC is there, or not at
//! all. Nothing here knows of users, permissions or blocked clients.
//!
//! Limits: memory grows with bytes that are in the file, never with lengths that it announces.

use std::fmt;
use std::io;

use crate::dispatch::execute::call;
use crate::dispatch::lookup;
use crate::engine::Engine;
use crate::engine::busy::Alone;
use crate::engine::clients::ClientKey;
use crate::engine::context::Caller;
use crate::host::{Disk, FileId, OpenMode};
use crate::resp::args::{Args, OwnedArgs, Span};
use crate::resp::number::parse_i64;
use crate::resp::reply::Outbox;
use crate::store::expire::ExpirePolicy;

use super::frame::{HEADER_LEN, Header, MARK};

/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;
/// The longest line of a length or an annotation.
const LINE_LEN_MAX: usize = 128;
/// The most words of a command: Redis's limit of a request.
const WORDS_MAX: i64 = 1024 * 1024 * 1024;
/// Commands that fail are named in the log until there are this many.
const FAILURES_TOLD_MAX: u64 = 5;

/// Why a file was not loaded.
#[derive(Debug)]
pub enum ReplayError {
    /// The disk failed.
    Io(io::Error),
    /// The file ends in the middle of something, and is not to be cut.
    Truncated(u64),
    /// What stands there is no command.
    BadFormat(u64),
    /// A checked part is damaged, though it was durable.
    Corrupt(u64),
    /// A command that this server does not have.
    UnknownCommand(u64, String),
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(
                f,
                "Unrecoverable error reading the append only file: {error}"
            ),
            Self::Truncated(at) => write!(
                f,
                "Unexpected end of file reading the append only file, at offset {at}. Make a \
                 backup of it, then cut it there or set aof-load-truncated to yes"
            ),
            Self::BadFormat(at) => write!(
                f,
                "Bad file format reading the append only file, at offset {at}. Make a backup of \
                 it before anything else"
            ),
            Self::Corrupt(at) => write!(
                f,
                "The append only file is damaged at offset {at}, before what was known to be \
                 durable: this is no torn tail. Restore a backup; cutting the file there loses all \
                 that follows"
            ),
            Self::UnknownCommand(at, name) => write!(
                f,
                "Unknown command '{name}' reading the append only file, at offset {at}"
            ),
        }
    }
}

impl std::error::Error for ReplayError {}

impl From<io::Error> for ReplayError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// How much of a file is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// All of it.
    Whole,
    /// It ends in the middle of a command or transaction, or torn: what follows this offset is to
    /// be cut.
    CutAt(u64),
}

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
    /// A frame has been seen.
    pub is_framed: bool,
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
            is_framed: false,
        })
    }

    /// Bytes of the file.
    pub fn bytes_total(&self) -> u64 {
        self.len
    }

    /// Where the next item stands.
    pub fn offset(&self) -> u64 {
        self.start + self.at as u64
    }

    /// The bytes of an item that begins here.
    fn bytes(&self, from: usize, len: usize) -> &[u8] {
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
        let is_frame = self.ensure(disk, MARK.len())? && self.bytes(0, MARK.len()) == MARK;
        match first {
            _ if is_frame => self.peek_frame(disk).map(Item::Frame),
            Some(b'#') => self.peek_annotation(disk).map(Item::Annotation),
            Some(b'*') => self.peek_command(disk).map(Item::Command),
            // Sectors that were never written are zeros.
            Some(0) => Err(Fault::Frame),
            _ if self.is_framed => Err(Fault::Frame),
            _ => Err(Fault::Format),
        }
    }

    fn peek_frame(&mut self, disk: &mut dyn Disk) -> Result<Header, Fault> {
        self.is_framed = true;
        if !self.ensure(disk, HEADER_LEN)? {
            return Err(Fault::Frame);
        }
        let header = Header::parse(self.bytes(0, HEADER_LEN)).ok_or(Fault::Frame)?;
        let len = usize::try_from(header.len).map_err(|_| Fault::Frame)?;
        if !self.ensure(disk, HEADER_LEN + len)? {
            return Err(Fault::Frame);
        }
        let mut crc = header.checksum();
        crc.update(self.bytes(HEADER_LEN, len));
        match crc.finalize() == header.crc {
            true => Ok(header),
            false => Err(Fault::Frame),
        }
    }

    /// The bytes of the line that begins here. What may be a damaged header is none.
    fn peek_annotation(&mut self, disk: &mut dyn Disk) -> Result<usize, Fault> {
        let is_framed = self.is_framed;
        let line = match self.line(disk, 0) {
            Err(Fault::Format) => return Err(Fault::Frame),
            line => line?,
        };
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        let is_known = text.starts_with(b"#TS:");
        let is_strange = is_framed || line.len() + 1 == HEADER_LEN;
        let is_text = text.iter().all(|byte| matches!(byte, b' '..=b'~'));
        match is_text && (is_known || !is_strange) {
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

    /// Whether a valid frame behind the damage here says that this place was durable.
    ///
    /// # Errors
    /// What the disk says.
    pub fn is_durable_here(&mut self, disk: &mut dyn Disk) -> io::Result<bool> {
        let place = self.offset();
        let mut from = 1;
        while self.ensure(disk, from + HEADER_LEN)? {
            let known = &self.buffer[self.at + from..];
            match memchr::memmem::find(known, MARK) {
                None => from += known.len() - (MARK.len() - 1),
                Some(at) => {
                    let found = self.offset() + (from + at) as u64;
                    // No frame knows more than what stands before it.
                    let says_durable = |h: Header| h.synced > place && h.synced <= found;
                    let mut other = Reader::new(disk, self.file, found)?;
                    if matches!(other.peek(disk), Ok(Item::Frame(h)) if says_durable(h)) {
                        return Ok(true);
                    }
                    from += at + 1;
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

/// One file on its way into the engine.
#[derive(Debug)]
pub struct Replay {
    reader: Reader,
    client: ClientKey,
    /// A file that others follow must be whole.
    may_cut: bool,
    /// The transaction that is open: where it began, and its commands.
    multi: Option<(u64, Vec<OwnedArgs>)>,
    spans: Vec<Span>,
    out: Outbox,
    /// Commands that ran.
    pub commands: u64,
    failures: u64,
    unchecked: u64,
    /// Bytes that the frames know to be durable.
    synced: u64,
}

impl Replay {
    /// Opens a file whose commands begin at `offset`. `client` is who they run as.
    ///
    /// # Errors
    /// What the disk says.
    pub fn open(
        disk: &mut dyn Disk,
        name: &str,
        offset: u64,
        client: ClientKey,
        may_cut: bool,
    ) -> io::Result<Replay> {
        let file = disk.open(name, OpenMode::Read)?;
        Ok(Replay {
            reader: Reader::new(disk, file, offset)?,
            client,
            may_cut,
            multi: None,
            spans: Vec::new(),
            out: Outbox::default(),
            commands: 0,
            failures: 0,
            unchecked: 0,
            synced: 0,
        })
    }

    /// From where on nobody has said that the file is durable; `None` if it is another server's.
    pub fn doubtful_from(&self) -> Option<u64> {
        self.reader.is_framed.then_some(self.synced)
    }

    /// How far it is: bytes done, and bytes of the file.
    pub fn progress(&self) -> (u64, u64) {
        (self.reader.offset(), self.reader.bytes_total())
    }

    /// Runs commands until the engine's clock says `end_ns`, or the file is at its end: then what
    /// is to be cut from it.
    ///
    /// # Errors
    /// Why the file cannot be loaded.
    pub fn step(&mut self, engine: &mut Engine, end_ns: u64) -> Result<Option<Tail>, ReplayError> {
        loop {
            let at = self.reader.offset();
            match self.reader.peek(engine.disk.as_mut()) {
                Ok(Item::End) => return self.end(engine).map(Some),
                Ok(Item::Annotation(len)) => self.reader.advance(len),
                Ok(Item::Command(len)) => {
                    self.unchecked += 1;
                    self.run(engine, 0, len)?;
                    self.reader.advance(len);
                }
                Ok(Item::Frame(header)) => {
                    let len = header.len as usize;
                    self.synced = self.synced.max(header.synced);
                    self.run(engine, HEADER_LEN, len)?;
                    self.reader.advance(HEADER_LEN + len);
                }
                Err(fault) => return self.damaged(engine, at, fault).map(Some),
            }
            if engine.clock.mono_ns() >= end_ns {
                return Ok(None);
            }
        }
    }

    /// Closes the file.
    pub fn close(&self, disk: &mut dyn Disk) {
        disk.close(self.reader.file);
    }

    fn end(&mut self, engine: &mut Engine) -> Result<Tail, ReplayError> {
        if self.reader.is_framed && self.unchecked > 0 {
            tracing::warn!(
                "{} commands in the append only file were written by another server: they have \
                 no checksums",
                self.unchecked
            );
        }
        match &self.multi {
            None => Ok(Tail::Whole),
            Some((at, _)) => {
                let at = *at;
                self.cut(engine, at, "a transaction without its end")
            }
        }
    }

    fn damaged(&mut self, engine: &mut Engine, at: u64, fault: Fault) -> Result<Tail, ReplayError> {
        let what = match fault {
            Fault::Io(error) => return Err(error.into()),
            Fault::Format if !self.reader.is_framed => return Err(ReplayError::BadFormat(at)),
            _ if self.reader.is_durable_here(engine.disk.as_mut())? => {
                return Err(ReplayError::Corrupt(at));
            }
            Fault::Short => "a command without its end",
            Fault::Frame | Fault::Format => "a torn write",
        };
        let at = self.multi.as_ref().map_or(at, |(began, _)| *began);
        self.cut(engine, at, what)
    }

    fn cut(&mut self, engine: &mut Engine, at: u64, what: &str) -> Result<Tail, ReplayError> {
        if !self.may_cut || !engine.config.aof_load_truncated {
            return Err(ReplayError::Truncated(at));
        }
        tracing::warn!(
            "The append only file ends in {what}: {} bytes from offset {at} are cut off",
            self.reader.bytes_total() - at
        );
        Ok(Tail::CutAt(at))
    }

    /// Runs the commands in `len` bytes, which are valid.
    fn run(&mut self, engine: &mut Engine, from: usize, len: usize) -> Result<(), ReplayError> {
        let mut spans = std::mem::take(&mut self.spans);
        let (mut at, end) = (from, from + len);
        while at < end {
            let offset = self.reader.offset() + at as u64;
            let bytes = self.reader.bytes(at, end - at);
            if bytes.starts_with(b"#") {
                let line = memchr::memchr(b'\n', bytes).ok_or(ReplayError::Corrupt(offset))?;
                at += line + 1;
                continue;
            }
            let len = split(bytes, &mut spans).ok_or(ReplayError::Corrupt(offset))?;
            if spans.is_empty() {
                at += len;
                continue;
            }
            let args = Args::new(bytes, &spans, None);
            let name = args.at(0);
            if name.eq_ignore_ascii_case(b"multi") {
                self.multi = Some((offset, Vec::new()));
            } else if name.eq_ignore_ascii_case(b"exec") {
                let (_, queued) = self.multi.take().unwrap_or_default();
                for args in queued {
                    Self::apply(engine, self.client, args.as_args(), &mut self.out, offset)
                        .map(|ok| self.failures += u64::from(!ok))?;
                    self.commands += 1;
                }
            } else if let Some((_, queued)) = &mut self.multi {
                queued.push(OwnedArgs::from(args));
            } else {
                let ok = Self::apply(engine, self.client, args, &mut self.out, offset)?;
                self.commands += 1;
                self.failures += u64::from(!ok);
                if !ok && self.failures <= FAILURES_TOLD_MAX {
                    tracing::warn!("The command at offset {offset} of the append only file failed");
                }
            }
            at += len;
        }
        self.spans = spans;
        Ok(())
    }

    /// Runs one command; whether it succeeded.
    fn apply(
        engine: &mut Engine,
        client: ClientKey,
        args: Args<'_>,
        out: &mut Outbox,
        offset: u64,
    ) -> Result<bool, ReplayError> {
        let Some(found) = lookup::find(&engine.registry, args) else {
            let name = String::from_utf8_lossy(args.at(0)).into_owned();
            return Err(ReplayError::UnknownCommand(offset, name));
        };
        let before = out.checkpoint();
        let caller = Caller {
            deny_blocking: true,
            expiry: ExpirePolicy::Off,
            ..Caller::default()
        };
        let ok = call(engine, client, found, args, out, caller, &mut Alone);
        out.truncate(before);
        Ok(ok)
    }
}
