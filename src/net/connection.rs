//! One connection without its client: the socket, and what is known about its two directions.
//!
//! Reads into a buffer that all connections share and writes what an outbox holds; it neither
//! parses nor keeps bytes. [`Connections`] is the slab: a connection lies at the index of its
//! client's key, and an idle one costs its place there and nothing else.
//!
//! The poll is edge-triggered, so what is left unread or unwritten has to be remembered: no second
//! event will tell. A read shorter than the buffer proves that the socket is drained, a write
//! shorter than what was offered that it is full.

use std::io::{self, ErrorKind, IoSlice, Write};
use std::os::fd::{AsFd, BorrowedFd};

use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use rustix::net::{self, RecvFlags, SendFlags};

use crate::engine::clients::ClientKey;
use crate::resp::reply::Outbox;

/// Slices handed to one vectored write. Replies below the large-value threshold share one buffer,
/// so only a run of large values needs more than a few.
const SLICES_MAX: usize = 64;

/// Bytes written to one connection in one turn before the others get theirs: about 50 us of
/// copying into the kernel.
const FLUSH_BYTES_MAX: usize = 256 * 1024;

/// A connected socket.
pub enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a unix socket.
    Unix(UnixStream),
}

impl Stream {
    /// Lets the poll report what comes in, and for TCP also room for output: once for the life of
    /// the connection.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => {
                registry.register(stream, token, Interest::READABLE | Interest::WRITABLE)
            }
            Stream::Unix(stream) => registry.register(stream, token, Interest::READABLE),
        }
    }

    /// Output waits for room, or does so no longer. A TCP socket reports room only to who waits for
    /// it; a unix socket reports it whenever the client reads, which would wake the loop a second
    /// time for each command, so there it is asked for only while it is needed.
    fn watch_output(&mut self, waits: bool, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Stream::Tcp(_) => Ok(()),
            Stream::Unix(stream) if waits => {
                registry.reregister(stream, token, Interest::READABLE | Interest::WRITABLE)
            }
            Stream::Unix(stream) => registry.reregister(stream, token, Interest::READABLE),
        }
    }

    /// Says a last word and closes, without waiting for anything.
    pub fn refuse(mut self, words: &[u8], scratch: &mut [u8]) {
        // Whether it fits or not: the connection is not kept for it.
        let _ = self.write(words);
        self.close(scratch);
    }

    /// Closes. Unread bytes would make the kernel send a reset, which can overtake and destroy
    /// the last reply: what has already arrived is thrown away first.
    fn close(mut self, scratch: &mut [u8]) {
        let _ = self.read(scratch);
    }

    #[inline]
    fn descriptor(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Tcp(stream) => stream.as_fd(),
            Stream::Unix(stream) => stream.as_fd(),
        }
    }

    /// Straight to the kernel: in a process with threads the C library makes every read and write a
    /// point of cancellation, which is two atomic operations around each.
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (read, _) = net::recv(self.descriptor(), buffer, RecvFlags::empty())?;
        Ok(read)
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(net::send(self.descriptor(), bytes, SendFlags::NOSIGNAL)?)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write_vectored(slices),
            Stream::Unix(stream) => stream.write_vectored(slices),
        }
    }
}

/// The direction from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    /// Nothing to read until the next event.
    Drained,
    /// There may be bytes to read.
    Unread,
    /// The client closed its side: there are bytes to read, and behind them the end.
    UnreadToEnd,
    /// The end was read.
    Ended,
    /// Nobody listens any more: the client is being closed.
    Ignored,
}

/// What the engine owes the client before the next read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// Nothing.
    None,
    /// Commands that were read but not run.
    Resume,
    /// One of its commands is running, now: it may be visited again from inside of it.
    Running,
}

/// What a read gave.
#[derive(Debug)]
pub enum Filled {
    /// So many bytes lie in the buffer.
    Bytes(usize),
    /// Nothing is there.
    Nothing,
    /// The client sends no more.
    Ended,
    /// The connection is gone.
    Broken,
}

/// How a flush ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// Nothing is left.
    All,
    /// The socket is full: [`Connection::wait_for_room`].
    Blocked,
    /// The connection had its share of this turn.
    Budget,
    /// The connection is gone.
    Broken,
}

/// One connection.
pub struct Connection {
    stream: Stream,
    generation: u32,
    input: Input,
    work: Work,
    /// The socket took less than it was offered.
    output_blocked: bool,
    /// It stands in the queue of those to be served.
    pub in_ready_queue: bool,
    /// It stands in the queue of those to be flushed.
    pub in_flush_queue: bool,
}

// In debug builds mio's sockets carry the identity of their poll.
const _: () = assert!(
    cfg!(debug_assertions) || size_of::<Option<Connection>>() <= 20,
    "ten thousand idle connections pay for every byte"
);

impl Connection {
    /// An event came in. True when the connection has to be served.
    #[inline]
    pub fn on_readable(&mut self, read_closed: bool) -> bool {
        match (self.input, read_closed) {
            (Input::Drained | Input::Unread, false) => self.input = Input::Unread,
            (Input::Drained | Input::Unread | Input::UnreadToEnd, _) => {
                self.input = Input::UnreadToEnd;
            }
            (Input::Ended | Input::Ignored, _) => return false,
        }
        true
    }

    /// There is room in the socket. True when output waits for it.
    #[inline]
    pub fn on_writable(&mut self, registry: &Registry, token: Token) -> bool {
        if !self.output_blocked {
            return false;
        }
        self.output_blocked = false;
        // If it fails, the loop is woken more often than needed: nothing is lost.
        let _ = self.stream.watch_output(false, registry, token);
        true
    }

    /// The flush found the socket full. An error means that no event would ever tell of room.
    pub fn wait_for_room(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.output_blocked = true;
        self.stream.watch_output(true, registry, token)
    }

    /// Reads once.
    #[inline]
    pub fn fill(&mut self, buffer: &mut [u8]) -> Filled {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => {
                    self.input = Input::Ended;
                    return Filled::Ended;
                }
                Ok(read) => {
                    if read < buffer.len() && self.input == Input::Unread {
                        self.input = Input::Drained;
                    }
                    return Filled::Bytes(read);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.input = Input::Drained;
                    return Filled::Nothing;
                }
                Err(_) => return Filled::Broken,
            }
        }
    }

    /// Writes what the outbox holds, up to this turn's share. Returns the bytes written too.
    #[inline]
    pub fn flush(&mut self, outbox: &mut Outbox) -> (usize, Flushed) {
        let mut written = 0;
        loop {
            if outbox.is_empty() {
                return (written, Flushed::All);
            }
            if written >= FLUSH_BYTES_MAX {
                return (written, Flushed::Budget);
            }
            match write_once(&mut self.stream, outbox) {
                Ok((bytes, offered)) => {
                    outbox.advance(bytes);
                    written += bytes;
                    if bytes < offered {
                        return (written, Flushed::Blocked);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return (written, Flushed::Blocked);
                }
                Err(_) => return (written, Flushed::Broken),
            }
        }
    }

    /// Whether a read may give something.
    #[inline]
    pub fn has_unread(&self) -> bool {
        matches!(self.input, Input::Unread | Input::UnreadToEnd)
    }

    /// Whether the client sends no more: the connection ends when its replies are out.
    #[inline]
    pub fn has_ended(&self) -> bool {
        self.input == Input::Ended
    }

    /// Reads no more: the client is being closed.
    pub fn ignore_input(&mut self) {
        self.input = Input::Ignored;
    }

    /// Whether the socket is full.
    #[inline]
    pub fn is_output_blocked(&self) -> bool {
        self.output_blocked
    }

    /// The engine has commands of this client that it did not get to.
    pub fn set_resume(&mut self) {
        self.work = Work::Resume;
    }

    /// Whether the engine has commands of this client that it did not get to.
    #[inline]
    pub fn has_resume(&self) -> bool {
        self.work == Work::Resume
    }

    /// A command of this client is about to run.
    #[inline]
    pub fn begin_work(&mut self) {
        self.work = Work::Running;
    }

    /// No command of this client is running any more.
    #[inline]
    pub fn end_work(&mut self) {
        self.work = Work::None;
    }

    /// Whether one of its commands is running now, further up on the stack.
    #[inline]
    pub fn is_running(&self) -> bool {
        self.work == Work::Running
    }

    /// Closes the socket.
    pub fn close(self, scratch: &mut [u8]) {
        match self.input {
            // The other side is gone or has nothing unread here.
            Input::Ended => {}
            _ => self.stream.close(scratch),
        }
    }
}

/// One system call: the plain write where one slice is all, which is the usual case. Returns the
/// bytes written and those offered.
#[inline]
fn write_once(stream: &mut Stream, outbox: &Outbox) -> io::Result<(usize, usize)> {
    if let Some(bytes) = outbox.as_slice() {
        let bytes = &bytes[..bytes.len().min(FLUSH_BYTES_MAX)];
        return Ok((stream.write(bytes)?, bytes.len()));
    }
    let mut slices = [IoSlice::new(&[]); SLICES_MAX];
    let count = outbox.io_slices(&mut slices);
    let offered = slices[..count].iter().map(|slice| slice.len()).sum();
    Ok((stream.write_vectored(&slices[..count])?, offered))
}

/// The slab of connections, each at the index of its client's key.
#[derive(Default)]
pub struct Connections {
    places: Vec<Option<Connection>>,
}

impl Connections {
    /// Adds the connection of `key`.
    pub fn insert(&mut self, key: ClientKey, stream: Stream) {
        let place = key.index as usize;
        if place >= self.places.len() {
            self.places.resize_with(place + 1, || None);
        }
        debug_assert!(
            self.places[place].is_none(),
            "the place of {key:?} is taken"
        );
        self.places[place] = Some(Connection {
            stream,
            generation: key.generation,
            input: Input::Drained,
            work: Work::None,
            output_blocked: false,
            in_ready_queue: false,
            in_flush_queue: false,
        });
    }

    /// The connection of `key`, unless it is closed.
    #[inline]
    pub fn find(&mut self, key: ClientKey) -> Option<&mut Connection> {
        match self.places.get_mut(key.index as usize) {
            Some(Some(connection)) if connection.generation == key.generation => Some(connection),
            _ => None,
        }
    }

    /// Takes the connection of `key` out.
    pub fn remove(&mut self, key: ClientKey) -> Option<Connection> {
        self.find(key)?;
        self.places[key.index as usize].take()
    }
}
