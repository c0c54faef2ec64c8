//! Memory of requests and replies. Most of it is handed from client to client, so that an idle one
//! owns none.

use std::ops::Deref;

use crate::dispatch::table::Found;
use crate::resp::request::Batch;

/// Buffers kept. More clients than this rarely have output in the same turn.
const BUFFERS_MAX: usize = 128;
/// A buffer that grew beyond this is given back to the allocator.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Empty buffers, the last used first: it is still in the cache.
#[derive(Debug, Default)]
pub struct BufferPool(Vec<Vec<u8>>);

impl BufferPool {
    /// An empty buffer.
    #[inline]
    pub fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    /// Keeps a buffer for the next client.
    #[inline]
    pub fn give(&mut self, mut buffer: Vec<u8>) {
        let worth = buffer.capacity() > 0 && buffer.capacity() <= BUFFER_BYTES_MAX;
        if worth && self.0.len() < BUFFERS_MAX {
            buffer.clear();
            self.0.push(buffer);
        }
    }
}

/// The commands of one read, looked at ahead of their turn.
#[derive(Debug, Default)]
pub struct Ahead {
    /// The commands.
    pub batch: Batch,
    /// The row of the table that each of them names.
    pub rows: Vec<Option<Found>>,
}

/// The bytes of a client that have not run. What has run is left in front for a while, so that a
/// long pipeline is not moved forward once a turn.
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    done: usize,
}

impl Inbox {
    /// Puts bytes behind those that are there.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The first `count` bytes have run.
    pub fn consume(&mut self, count: usize) {
        self.done = (self.done + count).min(self.bytes.len());
        if self.done * 2 >= self.bytes.len() {
            self.bytes.drain(..self.done);
            self.done = 0;
        }
    }

    /// Bytes of memory behind it.
    pub fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }
}

impl Deref for Inbox {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.bytes.get(self.done..).unwrap_or_default()
    }
}
