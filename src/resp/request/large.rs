//! The buffer of one large argument that is read from the connection straight into it.
//!
//! It grows by doubling as bytes arrive, never on the announced length, and in the end it is
//! exactly as long as the value, which the store keeps without a copy.

use bytes::Bytes;

use super::ProtocolError;
use crate::resp::LARGE_BULK;

/// A large argument of which a part has arrived.
#[derive(Debug)]
pub struct LargeBulk {
    /// Bytes that arrived, and zeroes behind them that are room for more.
    buffer: Vec<u8>,
    filled: usize,
    wanted: usize,
    /// How much of the line end behind the argument has arrived.
    line_end: usize,
}

impl LargeBulk {
    /// An empty buffer for an argument of `wanted` bytes. It holds no memory yet.
    pub fn new(wanted: usize) -> Self {
        Self {
            buffer: Vec::new(),
            filled: 0,
            wanted,
            line_end: 0,
        }
    }

    /// The bytes that still lack, the line end included.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.wanted - self.filled + 2 - self.line_end
    }

    /// Takes what belongs to the argument and its line end from the front of `input`, and answers
    /// how many bytes that was.
    pub fn put(&mut self, input: &[u8]) -> Result<usize, ProtocolError> {
        let data = input.len().min(self.wanted - self.filled);
        if self.filled + data > self.buffer.len() {
            self.grow(data);
        }
        let (data, rest) = input.split_at_checked(data).unwrap_or((input, &[]));
        if let Some(room) = self.buffer.get_mut(self.filled..self.filled + data.len()) {
            room.copy_from_slice(data);
            self.filled += data.len();
        }
        let mut taken = data.len();
        if self.filled == self.wanted {
            for byte in rest.iter().take(2 - self.line_end) {
                if b"\r\n".get(self.line_end) != Some(byte) {
                    return Err(ProtocolError::InvalidCrlf);
                }
                self.line_end += 1;
                taken += 1;
            }
        }
        Ok(taken)
    }

    /// Whether the argument and its line end have arrived.
    #[inline]
    pub fn is_complete(&self) -> bool {
        self.remaining() == 0
    }

    /// The argument. To be called when it is complete.
    pub fn complete(self) -> Bytes {
        debug_assert!(self.is_complete());
        let mut buffer = self.buffer;
        buffer.truncate(self.filled);
        Bytes::from(buffer)
    }

    /// The bytes of heap memory behind it.
    pub fn heap_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// Makes room for `more` bytes: at least as many as there are, never more than are wanted. The
    /// last step is exact, so that the value carries no slack.
    fn grow(&mut self, more: usize) {
        let length = (self.filled + more)
            .max(self.filled * 2)
            .max(LARGE_BULK * 2)
            .min(self.wanted);
        let additional = length.saturating_sub(self.buffer.len());
        self.buffer.reserve_exact(additional);
        self.buffer.resize(length.max(self.buffer.len()), 0);
    }
}
