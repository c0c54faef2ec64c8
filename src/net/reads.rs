//! What several connections sent, read before any of it runs.
//!
//! A command alone waits for memory most of its time: for its key's place in the index, then for
//! the key's block. Where several connections have one command each, all of them are read first and
//! their keys are touched together ([`Engine::foresee`]), so that the processor waits for them at
//! the same time. The bytes stay in the one read buffer, one read behind the other, until they run.
//!
//! [`Engine::foresee`]: crate::engine::Engine::foresee

use std::ops::Range;
use std::slice;

use crate::engine::clients::ClientKey;

/// One connection gets at most this much read in a turn.
const BUFFER_BYTES: usize = 64 * 1024;
/// Connections read together: more than the processor has misses under way.
const READS_MAX: usize = 32;
/// Who sends more than this has several commands, whose keys are touched together anyway, or a
/// value worth the cache it needs: nothing is read behind it.
const SMALL_READ_BYTES: usize = 512;

/// The one read buffer, and the reads in it. Empty, it owns no memory.
#[derive(Default)]
pub struct Reads {
    buffer: Vec<u8>,
    list: Vec<(ClientKey, Range<usize>)>,
}

impl Reads {
    /// Forgets the reads.
    #[inline]
    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// Whether another connection may be read from.
    #[inline]
    pub fn takes_more(&self) -> bool {
        let is_small = |(_, range): &(ClientKey, Range<usize>)| range.len() <= SMALL_READ_BYTES;
        self.list.len() < READS_MAX && self.list.last().is_none_or(is_small)
    }

    /// Where the next read goes to: behind the others.
    #[inline]
    pub fn room(&mut self) -> &mut [u8] {
        if self.buffer.is_empty() {
            self.buffer.resize(BUFFER_BYTES, 0);
        }
        let end = self.bytes();
        &mut self.buffer[end..]
    }

    /// Notes that so many bytes in [`Self::room`] came from a client.
    #[inline]
    pub fn add(&mut self, key: ClientKey, bytes: usize) {
        let start = self.bytes();
        self.list.push((key, start..start + bytes));
    }

    /// The bytes of all reads.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.list.last().map_or(0, |(_, range)| range.end)
    }

    /// The reads, none of which has run.
    #[inline]
    pub fn unrun(&self) -> Unrun<'_> {
        Unrun {
            reads: self.list.iter(),
            buffer: &self.buffer,
        }
    }
}

/// The reads that have not run yet, in their order.
#[derive(Clone)]
pub struct Unrun<'a> {
    reads: slice::Iter<'a, (ClientKey, Range<usize>)>,
    buffer: &'a [u8],
}

impl<'a> Iterator for Unrun<'a> {
    type Item = (ClientKey, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (key, range) = self.reads.next()?;
        Some((*key, &self.buffer[range.clone()]))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.reads.size_hint()
    }
}

impl ExactSizeIterator for Unrun<'_> {}

impl DoubleEndedIterator for Unrun<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let (key, range) = self.reads.next_back()?;
        Some((*key, &self.buffer[range.clone()]))
    }
}
