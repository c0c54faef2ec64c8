//! Reads one append-only file and runs its commands again.
//!
//! A frame is checked whole (`reader`) before a command of it runs. A torn tail is cut off, any
//! other damage refused. Complete commands outside of any frame are another server's: they run
//! unchecked, and the log says so.
//!
//! MULTI and EXEC are this module's: what lies between them runs when EXEC is there, or not at
//! all. Nothing here knows of users, permissions or blocked clients.

use std::fmt;
use std::io;

use crate::dispatch::execute::call;
use crate::dispatch::lookup;
use crate::engine::Engine;
use crate::engine::busy::WhileBusy;
use crate::engine::clients::ClientKey;
use crate::engine::context::Caller;
use crate::host::{Disk, OpenMode};
use crate::resp::args::{Args, OwnedArgs, Span};
use crate::resp::reply::Outbox;
use crate::store::expire::ExpirePolicy;

use super::frame::{HEADER_LEN, Seed};
use super::reader::{Damage, Fault, Item, NO_EXEC, Piece, Reader, piece};

/// Commands that fail are named in the log until there are this many.
const FAILURES_TOLD_MAX: u64 = 5;

/// Why a file was not loaded.
#[derive(Debug)]
pub enum ReplayError {
    /// The disk failed.
    Io(io::Error),
    /// The file ends in the middle of something, and is not to be cut by itself.
    Truncated(u64),
    /// The same, of a file that others follow.
    TruncatedWithin(u64),
    /// What stands there is no command.
    BadFormat(u64),
    /// A checked part is damaged, though it was durable.
    Corrupt(u64),
    /// A command that this server does not have.
    UnknownCommand(u64, String),
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reading = "reading the append only file";
        match self {
            Self::Io(error) => write!(f, "Unrecoverable error {reading}: {error}"),
            Self::Truncated(at) | Self::TruncatedWithin(at) => {
                write!(f, "Unexpected end of file {reading}, at offset {at}")
            }
            Self::BadFormat(at) => write!(f, "Bad file format {reading}, at offset {at}"),
            Self::Corrupt(at) => write!(
                f,
                "The append only file is damaged at offset {at}, before what was known to be \
                 durable: this is no torn tail"
            ),
            Self::UnknownCommand(at, name) => {
                write!(f, "Unknown command '{name}' {reading}, at offset {at}")
            }
        }
    }
}

impl ReplayError {
    /// What to do about it; `manifest` is the path that `kvd --check` and `--repair` take.
    pub fn advice(&self, manifest: &str) -> String {
        let check = format!("'kvd --check {manifest}' tells more");
        match self {
            Self::Io(_) => "See that the disk can be read, then start again".to_owned(),
            Self::Truncated(_) => format!(
                "Run 'kvd --repair {manifest}', which cuts off what is not whole and keeps it in \
                 another file, or set aof-load-truncated to yes, and start again"
            ),
            Self::TruncatedWithin(_) => format!(
                "Other files follow this one, so that cutting it would tear a hole: restore a \
                 backup. {check}"
            ),
            Self::BadFormat(_) => format!(
                "{check}; 'kvd --repair {manifest}' offers to cut off all that follows, and keeps \
                 it in another file"
            ),
            Self::Corrupt(_) => format!(
                "Restore a backup: cutting the file here would lose all that follows. {check}"
            ),
            Self::UnknownCommand(..) => format!(
                "The file is of another server or another configuration (rename-command). {check}"
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
        self.seed(Tail::Whole).map(|_| self.synced)
    }

    /// What the checksums begin with in what is left of the file; `None` if it has none.
    pub fn seed(&self, tail: Tail) -> Option<Seed> {
        let end = match tail {
            Tail::Whole => self.reader.bytes_total(),
            Tail::CutAt(at) => at,
        };
        self.reader.seed_before(end)
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
    pub fn step(
        &mut self,
        engine: &mut Engine,
        end_ns: u64,
        busy: &mut dyn WhileBusy,
    ) -> Result<Option<Tail>, ReplayError> {
        loop {
            match self.reader.peek(engine.disk.as_mut()) {
                Ok(Item::End) => return self.end(engine).map(Some),
                Ok(Item::Annotation(len)) => self.reader.advance(len),
                Ok(Item::Command(len)) => {
                    self.unchecked += 1;
                    self.run(engine, 0, len, busy)?;
                    self.reader.advance(len);
                }
                Ok(Item::Frame(header)) => {
                    let len = header.len as usize;
                    self.synced = self.synced.max(header.synced);
                    self.run(engine, HEADER_LEN, len, busy)?;
                    self.reader.advance(HEADER_LEN + len);
                }
                Err(fault) => return self.damaged(engine, fault).map(Some),
            }
            if engine.clock.mono_ns() >= end_ns {
                return Ok(None);
            }
        }
    }

    /// Closes the file.
    pub fn close(&self, disk: &mut dyn Disk) {
        disk.close(self.reader.file());
    }

    fn end(&mut self, engine: &mut Engine) -> Result<Tail, ReplayError> {
        if self.seed(Tail::Whole).is_some() && self.unchecked > 0 {
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
                self.cut(engine, at, NO_EXEC)
            }
        }
    }

    fn damaged(&mut self, engine: &mut Engine, fault: Fault) -> Result<Tail, ReplayError> {
        let began = self.multi.as_ref().map(|(began, _)| *began);
        match self.reader.judge(engine.disk.as_mut(), fault, began)? {
            Damage::Torn(at, what) => self.cut(engine, at, what),
            Damage::Format(at) => Err(ReplayError::BadFormat(at)),
            Damage::Corrupt(at) => Err(ReplayError::Corrupt(at)),
        }
    }

    fn cut(&mut self, engine: &mut Engine, at: u64, what: &str) -> Result<Tail, ReplayError> {
        if !self.may_cut {
            return Err(ReplayError::TruncatedWithin(at));
        }
        if !engine.config.aof_load_truncated {
            return Err(ReplayError::Truncated(at));
        }
        tracing::warn!(
            "The append only file ends in {what}: {} bytes from offset {at} are cut off",
            self.reader.bytes_total() - at
        );
        Ok(Tail::CutAt(at))
    }

    /// Runs the commands in `len` bytes, which are valid.
    fn run(
        &mut self,
        engine: &mut Engine,
        from: usize,
        len: usize,
        busy: &mut dyn WhileBusy,
    ) -> Result<(), ReplayError> {
        let mut spans = std::mem::take(&mut self.spans);
        let (mut at, end) = (from, from + len);
        while at < end {
            let offset = self.reader.offset() + at as u64;
            let bytes = self.reader.bytes(at, end - at);
            let len = match piece(bytes, &mut spans) {
                Some(Piece::Command(len)) => len,
                Some(Piece::Empty(len)) => {
                    at += len;
                    continue;
                }
                None => return Err(ReplayError::Corrupt(offset)),
            };
            let args = Args::new(bytes, &spans, None);
            let name = args.at(0);
            if name.eq_ignore_ascii_case(b"multi") {
                self.multi = Some((offset, Vec::new()));
            } else if name.eq_ignore_ascii_case(b"exec") {
                let (_, queued) = self.multi.take().unwrap_or_default();
                for args in queued {
                    let (client, out) = (self.client, &mut self.out);
                    let ok = Self::apply(engine, client, args.as_args(), out, offset, busy)?;
                    self.failures += u64::from(!ok);
                    self.commands += 1;
                }
            } else if let Some((_, queued)) = &mut self.multi {
                queued.push(OwnedArgs::from(args));
            } else {
                let (client, out) = (self.client, &mut self.out);
                let ok = Self::apply(engine, client, args, out, offset, busy)?;
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
        busy: &mut dyn WhileBusy,
    ) -> Result<bool, ReplayError> {
        let Some(found) = lookup::find_written(&engine.registry, args) else {
            let name = String::from_utf8_lossy(args.at(0)).into_owned();
            return Err(ReplayError::UnknownCommand(offset, name));
        };
        let before = out.checkpoint();
        let caller = Caller {
            deny_blocking: true,
            expiry: ExpirePolicy::Off,
            ..Caller::default()
        };
        let ok = call(engine, client, found, args, out, caller, busy);
        out.truncate(before);
        Ok(ok)
    }
}
