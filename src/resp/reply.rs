//! The encoder of replies: [`Reply`] writes RESP2 or RESP3 into an [`Outbox`].
//!
//! It knows no sockets and no commands. Nothing here checks that a reply is well-formed: a handler
//! that announces three elements must write three.

use bytes::Bytes;

use super::LARGE_BULK;
use super::number::{format_f64, format_human_f64};

mod outbox;

pub use outbox::{Checkpoint, Mark, Outbox};

/// The version of the protocol that a client speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// What every client speaks until it says HELLO 3.
    #[default]
    Resp2,
    /// With maps, sets, doubles, booleans and pushes.
    Resp3,
}

/// Writes replies for one client.
#[derive(Debug)]
pub struct Reply<'a> {
    out: &'a mut Outbox,
    protocol: Protocol,
}

impl<'a> Reply<'a> {
    /// An encoder for a client that speaks `protocol`.
    #[inline]
    pub fn new(out: &'a mut Outbox, protocol: Protocol) -> Self {
        Self { out, protocol }
    }

    /// The protocol that is written.
    #[inline]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Goes on in another protocol, after HELLO.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// Where it is written to.
    #[inline]
    pub fn outbox(&mut self) -> &mut Outbox {
        self.out
    }

    /// The same encoder for a shorter time.
    #[inline]
    pub fn reborrow(&mut self) -> Reply<'_> {
        Reply {
            out: self.out,
            protocol: self.protocol,
        }
    }

    /// `+OK`
    #[inline]
    pub fn ok(&mut self) {
        self.raw(b"+OK\r\n");
    }

    /// A status line. It must not hold a line end.
    #[inline]
    pub fn simple(&mut self, text: &str) {
        debug_assert!(!text.contains(['\r', '\n']));
        self.out.line(b'+', text.as_bytes());
    }

    /// An error line: the code, a space, the text. Line ends in it become spaces.
    #[cold]
    pub fn error(&mut self, text: &str) {
        self.error_bytes(text.as_bytes());
    }

    /// An error line that may echo any bytes of the client.
    #[cold]
    pub fn error_bytes(&mut self, text: &[u8]) {
        let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let end = text.iter().rposition(|byte| !is_line_end(byte));
        let text = text.get(..end.map_or(0, |last| last + 1)).unwrap_or(text);
        let text = text
            .iter()
            .map(|byte| if is_line_end(byte) { b' ' } else { *byte });
        let line: Vec<u8> = text.collect();
        self.out.line(b'-', &line);
    }

    /// An integer.
    #[inline]
    pub fn int(&mut self, value: i64) {
        self.out.number(b':', value);
    }

    /// A string.
    #[inline]
    pub fn bulk(&mut self, value: &[u8]) {
        self.out.bulk(value);
    }

    /// A string that leaves uncopied if it is large.
    #[inline]
    pub fn bulk_large(&mut self, value: Bytes) {
        match value.len() {
            LARGE_BULK.. => self.out.bulk_large(value),
            _ => self.out.bulk(&value),
        }
    }

    /// An integer as a string.
    #[inline]
    pub fn bulk_int(&mut self, value: i64) {
        self.out.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// No value.
    #[inline]
    pub fn null(&mut self) {
        self.raw(match self.protocol {
            Protocol::Resp2 => b"$-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// No value where an array was to be.
    #[inline]
    pub fn null_array(&mut self) {
        self.raw(match self.protocol {
            Protocol::Resp2 => b"*-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// Announces an array of `count` elements.
    #[inline]
    pub fn array(&mut self, count: usize) {
        self.out.number(b'*', count as i64);
    }

    /// Announces a map of `count` pairs; in RESP2 an array of twice as many.
    #[inline]
    pub fn map(&mut self, count: usize) {
        match self.protocol {
            Protocol::Resp2 => self.array(count * 2),
            Protocol::Resp3 => self.out.number(b'%', count as i64),
        }
    }

    /// Announces a set of `count` elements; in RESP2 an array.
    #[inline]
    pub fn set(&mut self, count: usize) {
        match self.protocol {
            Protocol::Resp2 => self.array(count),
            Protocol::Resp3 => self.out.number(b'~', count as i64),
        }
    }

    /// Announces a push of `count` elements; in RESP2 an array.
    #[inline]
    pub fn push(&mut self, count: usize) {
        match self.protocol {
            Protocol::Resp2 => self.array(count),
            Protocol::Resp3 => self.out.number(b'>', count as i64),
        }
    }

    /// Announces an attribute of `count` pairs. RESP2 has none: if the answer is false, nothing
    /// was written and nothing may be.
    #[must_use]
    pub fn attribute(&mut self, count: usize) -> bool {
        let known = self.protocol == Protocol::Resp3;
        if known {
            self.out.number(b'|', count as i64);
        }
        known
    }

    /// Begins an array whose length is known only after its elements are written.
    #[inline]
    pub fn begin_array(&mut self) -> Mark {
        self.out.begin()
    }

    /// Gives the array that began at `mark` its length.
    #[inline]
    pub fn end_array(&mut self, mark: Mark, count: usize) {
        self.out.end(mark, b'*', count);
    }

    /// Begins a map of unknown length.
    #[inline]
    pub fn begin_map(&mut self) -> Mark {
        self.out.begin()
    }

    /// Gives the map that began at `mark` its number of pairs.
    pub fn end_map(&mut self, mark: Mark, count: usize) {
        match self.protocol {
            Protocol::Resp2 => self.out.end(mark, b'*', count * 2),
            Protocol::Resp3 => self.out.end(mark, b'%', count),
        }
    }

    /// Begins a set of unknown length.
    #[inline]
    pub fn begin_set(&mut self) -> Mark {
        self.out.begin()
    }

    /// Gives the set that began at `mark` its length.
    pub fn end_set(&mut self, mark: Mark, count: usize) {
        match self.protocol {
            Protocol::Resp2 => self.out.end(mark, b'*', count),
            Protocol::Resp3 => self.out.end(mark, b'~', count),
        }
    }

    /// A double in its shortest form; in RESP2 a string.
    #[inline]
    pub fn double(&mut self, value: f64) {
        match self.protocol {
            Protocol::Resp2 => self.double_bulk(value),
            Protocol::Resp3 => self.out.line(b',', &format_f64(value)),
        }
    }

    /// A double as a string in both protocols.
    #[inline]
    pub fn double_bulk(&mut self, value: f64) {
        self.out.bulk(&format_f64(value));
    }

    /// A double with at most 17 decimals and never an exponent, as coordinates are written.
    pub fn human_double(&mut self, value: f64) {
        let text = format_human_f64(value);
        match self.protocol {
            Protocol::Resp2 => self.out.bulk(&text),
            Protocol::Resp3 => self.out.line(b',', &text),
        }
    }

    /// A number by its text, of more digits than a double has; in RESP2 a string.
    pub fn number_text(&mut self, text: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.out.bulk(text),
            Protocol::Resp3 => self.out.line(b',', text),
        }
    }

    /// A boolean; in RESP2 the integer 1 or 0.
    #[inline]
    pub fn boolean(&mut self, value: bool) {
        self.raw(match (self.protocol, value) {
            (Protocol::Resp2, true) => b":1\r\n",
            (Protocol::Resp2, false) => b":0\r\n",
            (Protocol::Resp3, true) => b"#t\r\n",
            (Protocol::Resp3, false) => b"#f\r\n",
        });
    }

    /// An integer of any size, by its digits; in RESP2 a string.
    pub fn big_number(&mut self, digits: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.out.bulk(digits),
            Protocol::Resp3 => self.out.line(b'(', digits),
        }
    }

    /// A text with its format, `txt` or `mkd`; in RESP2 a string.
    pub fn verbatim(&mut self, format: &[u8; 3], text: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.out.bulk(text),
            Protocol::Resp3 => {
                self.out.number(b'=', text.len() as i64 + 4);
                self.raw(format);
                self.raw(b":");
                self.raw(text);
                self.raw(b"\r\n");
            }
        }
    }

    /// Bytes that are protocol already.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.raw(bytes);
    }
}

#[cfg(test)]
mod tests;
