//! What a connection has yet to send: one byte buffer, cut where a large value leaves uncopied.
//!
//! `net` asks it for slices and says how much was sent. Offsets stay valid while a command runs:
//! only [`Outbox::advance`] moves bytes, and it is called between turns.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::resp::LARGE_BULK;

/// The room that is left for a length which is not known yet: a kind, ten digits, a line end, and
/// a margin for longer numbers.
const HEADER_BYTES: usize = 24;
/// Up to this size a reply is moved over the unused part of that room; beyond it, the unused part
/// stays and is skipped when sending.
const MOVE_BYTES_MAX: usize = 16 * 1024;
/// Sent bytes at the front of the buffer are dropped once there are this many.
const SENT_BYTES_MAX: usize = 64 * 1024;

/// The bytes that wait to be sent to one client.
#[derive(Debug, Default)]
pub struct Outbox {
    buffer: Vec<u8>,
    /// How much of the buffer has been sent or skipped.
    sent: usize,
    /// Most replies have none: then they cost a word.
    cuts: Option<Box<Cuts>>,
}

/// Where the buffer is not sent as it lies.
#[derive(Debug, Default)]
struct Cuts {
    /// In the order of `at`, one or more.
    list: VecDeque<Cut>,
    /// The bytes of the large values that are pending.
    large: usize,
    /// The bytes of the buffer that are to be skipped yet.
    skipped: usize,
}

/// A place in the buffer where `large` is to be sent and `skip` bytes are not.
#[derive(Debug)]
struct Cut {
    at: usize,
    large: Bytes,
    skip: usize,
}

/// A place where a length will be filled in. Marks end in the reverse order of their beginning.
#[derive(Debug)]
#[must_use]
pub struct Mark {
    at: usize,
}

/// A place to which an outbox can be cut back.
#[derive(Clone, Copy, Debug)]
pub struct Checkpoint {
    buffer: usize,
    cuts: usize,
    large: usize,
    skipped: usize,
}

impl Outbox {
    /// An empty outbox without memory.
    pub const fn new() -> Self {
        Self {
            buffer: Vec::new(),
            sent: 0,
            cuts: None,
        }
    }

    /// The bytes that are pending, large values included.
    #[inline]
    pub fn len(&self) -> usize {
        let sliced = self.buffer.len() - self.sent;
        match &self.cuts {
            None => sliced,
            Some(cuts) => sliced - cuts.skipped + cuts.large,
        }
    }

    /// Whether nothing is pending.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops what is pending and keeps the buffer.
    #[inline]
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.cuts = None;
        self.sent = 0;
    }

    /// The bytes of heap memory behind it; a large value counts as if it were not shared.
    pub fn heap_bytes(&self) -> usize {
        self.buffer.capacity() + self.cuts.as_ref().map_or(0, |cuts| cuts.heap_bytes())
    }

    /// Whether it has memory to write into.
    #[inline]
    pub fn has_buffer(&self) -> bool {
        self.buffer.capacity() > 0
    }

    /// The pending bytes as one slice, if no large value cuts them.
    #[inline]
    pub fn as_slice(&self) -> Option<&[u8]> {
        match self.cuts {
            None => self.buffer.get(self.sent..),
            Some(_) => None,
        }
    }

    /// A copy of the pending bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        self.for_each_piece(|piece| {
            bytes.extend_from_slice(piece);
            true
        });
        bytes
    }

    /// Fills `slices` with the first pending pieces and answers how many there are.
    pub fn io_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut free = slices.iter_mut();
        let mut count = 0;
        self.for_each_piece(|piece| match free.next() {
            Some(slice) => {
                *slice = IoSlice::new(piece);
                count += 1;
                true
            }
            None => false,
        });
        count
    }

    /// Says that the first `count` pending bytes were sent.
    pub fn advance(&mut self, count: usize) {
        let mut count = count;
        if count >= self.len() {
            self.clear();
            return;
        }
        if let Some(cuts) = &mut self.cuts {
            cuts.advance(&mut self.sent, &mut count);
            if cuts.list.is_empty() {
                self.cuts = None;
            }
        }
        self.sent += count;
        self.drop_sent();
    }

    /// Moves what is pending in `other` behind what is pending here, without copying large values.
    pub fn append(&mut self, other: &mut Outbox) {
        if self.is_empty() && other.buffer.len() > self.buffer.capacity() {
            self.clear();
            std::mem::swap(self, other);
            return;
        }
        let shift = self.buffer.len();
        self.buffer
            .extend_from_slice(other.buffer.get(other.sent..).unwrap_or_default());
        if let Some(theirs) = other.cuts.take() {
            let cuts = self.cuts.get_or_insert_default();
            cuts.large += theirs.large;
            cuts.skipped += theirs.skipped;
            cuts.list.extend(theirs.list.into_iter().map(|cut| Cut {
                at: cut.at - other.sent + shift,
                ..cut
            }));
        }
        other.clear();
    }

    /// Takes the buffer away, so that an idle client owns none. Pending bytes are dropped.
    #[inline]
    pub fn take_buffer(&mut self) -> Vec<u8> {
        self.clear();
        std::mem::take(&mut self.buffer)
    }

    /// Gives an empty outbox the buffer of another one to write into.
    pub fn recycle(&mut self, mut buffer: Vec<u8>) {
        if self.buffer.is_empty() && self.buffer.capacity() < buffer.capacity() {
            buffer.clear();
            self.buffer = buffer;
        }
    }

    /// Remembers the end, to cut back to it.
    #[inline]
    pub fn checkpoint(&self) -> Checkpoint {
        let cut = |cuts: &Cuts| (cuts.list.len(), cuts.large, cuts.skipped);
        let (cuts, large, skipped) = self.cuts.as_deref().map_or((0, 0, 0), cut);
        Checkpoint {
            buffer: self.buffer.len(),
            cuts,
            large,
            skipped,
        }
    }

    /// The pending bytes that were added since a checkpoint.
    #[inline]
    pub fn len_since(&self, checkpoint: Checkpoint) -> usize {
        let buffer = self.buffer.len().saturating_sub(checkpoint.buffer);
        match &self.cuts {
            None => buffer,
            Some(cuts) => {
                let large = cuts.large.saturating_sub(checkpoint.large);
                let skipped = cuts.skipped.saturating_sub(checkpoint.skipped);
                (buffer + large).saturating_sub(skipped)
            }
        }
    }

    /// Drops what was written since `checkpoint`. Nothing may have been sent since then.
    pub fn truncate(&mut self, checkpoint: Checkpoint) {
        self.buffer.truncate(checkpoint.buffer);
        if checkpoint.cuts == 0 {
            self.cuts = None;
        } else if let Some(cuts) = &mut self.cuts {
            cuts.list.truncate(checkpoint.cuts);
            cuts.large = checkpoint.large;
            cuts.skipped = checkpoint.skipped;
        }
    }

    /// Appends bytes that are protocol already.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    #[inline]
    pub(super) fn line(&mut self, kind: u8, text: &[u8]) {
        self.buffer.reserve(text.len() + 3);
        self.raw(&[kind]);
        self.raw(text);
        self.raw(b"\r\n");
    }

    #[inline]
    pub(super) fn number(&mut self, kind: u8, value: i64) {
        match value {
            0..=9 => self.raw(&[kind, b'0' + value as u8, b'\r', b'\n']),
            10..=99 => {
                let (tens, ones) = (value as u8 / 10, value as u8 % 10);
                self.raw(&[kind, b'0' + tens, b'0' + ones, b'\r', b'\n']);
            }
            _ => self.line(kind, itoa::Buffer::new().format(value).as_bytes()),
        }
    }

    #[inline]
    pub(super) fn bulk(&mut self, value: &[u8]) {
        self.buffer.reserve(value.len() + HEADER_BYTES);
        self.number(b'$', value.len() as i64);
        self.raw(value);
        self.raw(b"\r\n");
    }

    #[cold]
    pub(super) fn bulk_large(&mut self, value: Bytes) {
        debug_assert!(value.len() >= LARGE_BULK);
        self.number(b'$', value.len() as i64);
        let cuts = self.cuts.get_or_insert_default();
        cuts.large += value.len();
        cuts.list.push_back(Cut {
            at: self.buffer.len(),
            large: value,
            skip: 0,
        });
        self.raw(b"\r\n");
    }

    #[inline]
    pub(super) fn begin(&mut self) -> Mark {
        let at = self.buffer.len();
        self.raw(&[0; HEADER_BYTES]);
        Mark { at }
    }

    pub(super) fn end(&mut self, mark: Mark, kind: u8, count: usize) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(count).as_bytes();
        let header = digits.len() + 3;
        let skip = HEADER_BYTES - header;
        let body = mark.at + HEADER_BYTES;
        let Some(room) = self.buffer.get_mut(mark.at + skip..body) else {
            return;
        };
        let text = [&[kind], digits, b"\r\n"];
        for (to, from) in room.iter_mut().zip(text.into_iter().flatten()) {
            *to = *from;
        }
        if self.buffer.len() - body > MOVE_BYTES_MAX {
            let cuts = self.cuts.get_or_insert_default();
            let behind = cuts.behind(mark.at);
            let (at, large) = (mark.at, Bytes::new());
            cuts.list.insert(behind, Cut { at, large, skip });
            cuts.skipped += skip;
            return;
        }
        self.buffer.copy_within(mark.at + skip.., mark.at);
        self.buffer.truncate(self.buffer.len() - skip);
        if let Some(cuts) = &mut self.cuts {
            let behind = cuts.behind(mark.at);
            for cut in cuts.list.iter_mut().skip(behind) {
                cut.at -= skip;
            }
        }
    }

    /// Calls `visit` with each pending piece that is not empty, until it answers false.
    fn for_each_piece<'a>(&'a self, mut visit: impl FnMut(&'a [u8]) -> bool) {
        let mut from = self.sent;
        let mut visit = |piece: &'a [u8]| piece.is_empty() || visit(piece);
        for cut in self.cuts.iter().flat_map(|cuts| &cuts.list) {
            let before = self.buffer.get(from..cut.at).unwrap_or_default();
            if !visit(before) || !visit(&cut.large) {
                return;
            }
            from = cut.at + cut.skip;
        }
        visit(self.buffer.get(from..).unwrap_or_default());
    }

    fn drop_sent(&mut self) {
        if self.sent < SENT_BYTES_MAX || self.sent < self.buffer.len() / 2 {
            return;
        }
        self.buffer.drain(..self.sent);
        if let Some(cuts) = &mut self.cuts {
            for cut in &mut cuts.list {
                cut.at -= self.sent;
            }
        }
        self.sent = 0;
    }
}

impl Cuts {
    /// The bytes of heap memory behind it, and itself.
    fn heap_bytes(&self) -> usize {
        size_of::<Cuts>() + self.list.capacity() * size_of::<Cut>() + self.large
    }

    /// The first cut behind a mark. Cuts at the mark itself were there before it began.
    fn behind(&self, mark: usize) -> usize {
        self.list.partition_point(|cut| cut.at <= mark)
    }

    /// Drops what the first `count` pending bytes reach of the cuts, and of the buffer before
    /// them: takes that from `count` and moves `sent` on.
    fn advance(&mut self, sent: &mut usize, count: &mut usize) {
        while let Some(cut) = self.list.front_mut() {
            let before = (*count).min(cut.at - *sent);
            *sent += before;
            *count -= before;
            let large = (*count).min(cut.large.len());
            cut.large.advance(large);
            self.large -= large;
            *count -= large;
            if *sent < cut.at || !cut.large.is_empty() {
                return;
            }
            *sent += cut.skip;
            self.skipped -= cut.skip;
            self.list.pop_front();
        }
    }
}
