//! Memory handed from client to client, so that an idle one owns none: of replies, and of the
//! commands of one read.

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
