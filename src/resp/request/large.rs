//! The buffer of one large argument, which what is read from the connection is appended to.
//!
//! It grows by doubling as bytes arrive, never on the announced length, and in the end it is
//! exactly as long as the value, which the store keeps without another copy.

use bytes::Bytes;

use super::ProtocolError;
use crate::resp::LARGE_BULK;

/// A large argument of which a part has arrived.
#[derive(Debug)]
pub struct LargeBulk {
    /// The bytes that arrived.
    buffer: Vec<u8>,
    wanted: usize,
    /// How much of the line end behind the argument has arrived.
    line_end: usize,
}

impl LargeBulk {
    /// An empty buffer for an argument of `wanted` bytes. It holds no memory yet.
    pub fn new(wanted: usize) -> Self {
        Self {
            buffer: Vec::new(),
            wanted,
            line_end: 0,
        }
    }

    /// The bytes that still lack, the line end included.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.wanted - self.buffer.len() + 2 - self.line_end
    }

    /// Takes what belongs to the argument and its line end from the front of `input`, and answers
    /// how many bytes that was.
    pub fn put(&mut self, input: &[u8]) -> Result<usize, ProtocolError> {
        let data = input.len().min(self.wanted - self.buffer.len());
        let (data, rest) = input.split_at_checked(data).unwrap_or((input, &[]));
        self.make_room(data.len());
        self.buffer.extend_from_slice(data);
        let mut taken = data.len();
        if self.buffer.len() == self.wanted {
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
        Bytes::from(self.buffer)
    }

    /// The bytes of heap memory behind it.
    pub fn heap_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// Makes room for `more` bytes, by doubling, but never beyond what is wanted: the last step is
    /// exact, so that the value carries no slack.
    fn make_room(&mut self, more: usize) {
        let length = self.buffer.len() + more;
        if length <= self.buffer.capacity() {
            return;
        }
        let capacity = length
            .max(self.buffer.len() * 2)
            .max(LARGE_BULK * 2)
            .min(self.wanted);
        self.buffer.reserve_exact(capacity - self.buffer.len());
    }
}
