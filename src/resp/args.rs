//! The arguments of one command: a view ([`Args`]) and its owner ([`OwnedArgs`]).
//!
//! One type serves every source of commands: the wire, the MULTI queue, scripts, the append-only
//! file and the replication link. A view is one byte slice, the spans of the arguments in it, and
//! at most one large value of its own, which is always the last argument.
//! Looking an argument up never panics: what is not there reads as empty, because the arity check
//! that comes first is what makes it be there.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;

/// Where one argument lies in the bytes of its command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The offset of its first byte.
    pub start: u32,
    /// The offset behind its last byte.
    pub end: u32,
}

impl Span {
    #[inline]
    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// An argument as [`Args::take`] hands it over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken<'a> {
    /// Borrowed from the command: whoever keeps it copies it.
    Slice(&'a [u8]),
    /// A large value with a buffer of its own: kept without a copy.
    Large(Bytes),
}

impl Taken<'_> {
    /// The bytes as a shared buffer: copied unless they have one already.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Taken::Slice(bytes) => Bytes::copy_from_slice(bytes),
            Taken::Large(bytes) => bytes,
        }
    }
}

/// The most that a request's own header, its first argument's and its large one's can take.
const FRAME_BYTES_MAX: usize = 64;

/// A view of the arguments of one command; the command's name is argument 0.
#[derive(Clone, Copy, Default)]
pub struct Args<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
    large: Option<&'a Bytes>,
}

impl<'a> Args<'a> {
    /// A view of `bytes` with one argument for each span, and `large` behind them.
    #[inline]
    pub fn new(bytes: &'a [u8], spans: &'a [Span], large: Option<&'a Bytes>) -> Self {
        Self {
            bytes,
            spans,
            large,
        }
    }

    /// The number of arguments.
    #[inline]
    pub fn len(self) -> usize {
        self.spans.len() + usize::from(self.large.is_some())
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.spans.is_empty() && self.large.is_none()
    }

    /// Argument `index`, if there is one.
    #[inline]
    pub fn get(self, index: usize) -> Option<&'a [u8]> {
        match self.spans.get(index) {
            Some(span) => self.bytes.get(span.range()),
            None if index == self.spans.len() => self.large.map(|large| &large[..]),
            None => None,
        }
    }

    /// Argument `index`; empty where there is none.
    #[inline]
    pub fn at(self, index: usize) -> &'a [u8] {
        self.get(index).unwrap_or_default()
    }

    /// Argument `index` to be kept: a large one of its own comes as a shared buffer.
    #[inline]
    pub fn take(self, index: usize) -> Taken<'a> {
        match self.large {
            Some(large) if index == self.spans.len() => Taken::Large(large.clone()),
            _ => Taken::Slice(self.at(index)),
        }
    }

    /// All arguments, the name first.
    #[inline]
    pub fn iter(self) -> Iter<'a> {
        Iter {
            args: self,
            next: 0,
        }
    }

    /// The arguments from `index` on.
    #[inline]
    pub fn iter_from(self, index: usize) -> Iter<'a> {
        self.rest(index).iter()
    }

    /// A view of the arguments from `index` on.
    #[inline]
    pub fn rest(self, index: usize) -> Args<'a> {
        Args {
            bytes: self.bytes,
            spans: self.spans.get(index..).unwrap_or_default(),
            large: self.large.filter(|_| index <= self.spans.len()),
        }
    }

    /// A view of the first `count` arguments.
    #[inline]
    pub fn first(self, count: usize) -> Args<'a> {
        Args {
            bytes: self.bytes,
            spans: self.spans.get(..count).unwrap_or(self.spans),
            large: self.large.filter(|_| count > self.spans.len()),
        }
    }

    /// The bytes of the request as clients write it.
    pub fn wire_bytes(self) -> usize {
        let header = |number: usize| digits(number) + 3;
        let args: usize = self
            .iter()
            .map(|arg| header(arg.len()) + arg.len() + 2)
            .sum();
        header(self.len()) + args
    }

    /// A number that is at most a little above [`Args::wire_bytes`] and never below it, if these
    /// are the arguments of a request; found without a look at each.
    #[inline]
    pub fn wire_bytes_at_most(self) -> usize {
        let small = match (self.spans.first(), self.spans.last()) {
            (Some(first), Some(last)) => last.end.saturating_sub(first.start) as usize,
            _ => 0,
        };
        let large = self.large.map_or(0, |large| large.len());
        small + large + FRAME_BYTES_MAX
    }

    /// The bytes of all arguments together, without the protocol around them.
    pub fn bytes_len(self) -> usize {
        self.iter().map(<[u8]>::len).sum()
    }
}

/// How many decimal digits a number has.
#[inline]
fn digits(number: usize) -> usize {
    match number {
        0..10 => 1,
        10..100 => 2,
        100..1_000 => 3,
        _ => number.ilog10() as usize + 1,
    }
}

impl<'a> IntoIterator for Args<'a> {
    type Item = &'a [u8];
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl fmt::Debug for Args<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|arg| arg.escape_ascii().to_string()))
            .finish()
    }
}

impl PartialEq for Args<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Args<'_> {}

/// The iterator over [`Args`].
#[derive(Clone)]
pub struct Iter<'a> {
    args: Args<'a>,
    next: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let arg = self.args.get(self.next)?;
        self.next += 1;
        Some(arg)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.args.len().saturating_sub(self.next);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// Arguments that own their bytes, without protocol between them.
#[derive(Clone, Debug, Default)]
pub struct OwnedArgs {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    large: Option<Bytes>,
}

impl OwnedArgs {
    /// No arguments, no memory.
    pub const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            spans: Vec::new(),
            large: None,
        }
    }

    /// No arguments, with room for `args` of them and `bytes` bytes.
    pub fn with_capacity(args: usize, bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            spans: Vec::with_capacity(args),
            large: None,
        }
    }

    /// Appends a copy of `arg`. Together the arguments must stay below 4 GiB.
    pub fn push(&mut self, arg: &[u8]) {
        if let Some(large) = self.large.take() {
            self.push_copy(&large);
        }
        self.push_copy(arg);
    }

    /// The number of arguments.
    pub fn len(&self) -> usize {
        self.as_args().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.as_args().is_empty()
    }

    /// Forgets the arguments and keeps the memory for the next ones.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
        self.large = None;
    }

    /// The view that commands are called with.
    #[inline]
    pub fn as_args(&self) -> Args<'_> {
        Args::new(&self.bytes, &self.spans, self.large.as_ref())
    }

    /// The bytes of heap memory behind it; a large value counts as if it were not shared.
    pub fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
            + self.spans.capacity() * size_of::<Span>()
            + self.large.as_ref().map_or(0, Bytes::len)
    }

    fn push_copy(&mut self, arg: &[u8]) {
        let (start, end) = (self.bytes.len(), self.bytes.len() + arg.len());
        assert!(u32::try_from(end).is_ok(), "arguments of more than 4 GiB");
        self.bytes.extend_from_slice(arg);
        self.spans.push(Span {
            start: start as u32,
            end: end as u32,
        });
    }
}

impl From<Args<'_>> for OwnedArgs {
    fn from(args: Args<'_>) -> Self {
        let large_bytes = args.large.map_or(0, Bytes::len);
        let mut owned = Self::with_capacity(args.spans.len(), args.bytes_len() - large_bytes);
        for (index, arg) in args.iter().enumerate() {
            if index < args.spans.len() {
                owned.push_copy(arg);
            }
        }
        owned.large = args.large.cloned();
        owned
    }
}

impl<T: AsRef<[u8]>> FromIterator<T> for OwnedArgs {
    fn from_iter<I: IntoIterator<Item = T>>(args: I) -> Self {
        let mut owned = Self::new();
        for arg in args {
            owned.push(arg.as_ref());
        }
        owned
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::LARGE_BULK;

    #[test]
    fn views_and_subviews() {
        let mut owned = OwnedArgs::from_iter(["SET", "key"]);
        owned.large = Some(Bytes::from(vec![b'v'; LARGE_BULK]));
        let args = owned.as_args();
        assert_eq!(
            (args.len(), args.at(0), args.at(3)),
            (3, &b"SET"[..], &b""[..])
        );
        assert_eq!(args.get(3), None);
        assert!(matches!(args.take(2), Taken::Large(_)));
        assert_eq!(args.take(1), Taken::Slice(b"key"));
        assert_eq!(args.rest(1).at(0), b"key");
        assert!(matches!(args.rest(2).take(0), Taken::Large(_)));
        assert!(args.rest(3).is_empty() && args.rest(9).is_empty());
        assert_eq!((args.first(2).len(), args.first(9).len()), (2, 3));
        assert!(args.first(2).large.is_none());
        assert_eq!(args.iter_from(1).len(), 2);
        assert_eq!(args.bytes_len(), 6 + LARGE_BULK);
        assert_eq!(OwnedArgs::from(args).as_args(), args);
        assert_eq!(OwnedArgs::from(args.rest(1)).as_args(), args.rest(1));
    }

    #[test]
    fn a_large_value_that_is_no_longer_last_is_copied() {
        let mut owned = OwnedArgs::new();
        owned.large = Some(Bytes::from(vec![b'a'; LARGE_BULK]));
        owned.push(b"b");
        let args = owned.as_args();
        assert_eq!(
            (args.len(), args.at(0).len(), args.at(1)),
            (2, LARGE_BULK, &b"b"[..])
        );
        assert!(args.large.is_none());
        owned.clear();
        assert!(owned.is_empty() && owned.heap_bytes() > 0);
    }

    #[test]
    fn a_span_outside_its_bytes_reads_as_empty() {
        let spans = [Span { start: 2, end: 9 }, Span { start: 3, end: 1 }];
        let args = Args::new(b"abc", &spans, None);
        assert_eq!((args.at(0), args.at(1)), (&b""[..], &b""[..]));
    }
}
