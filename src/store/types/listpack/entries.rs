//! Entries one after another, borrowed: what a listpack and a list's node have in common.
//!
//! Positions are byte offsets of entries from the start of the sequence; the offset behind the
//! last entry is the end.

use super::entry::{Encoded, Entry, decode, last_size, size};

/// A borrowed sequence of entries, without header and terminator.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entries<'a>(&'a [u8]);

impl<'a> Entries<'a> {
    /// Reads `bytes` as entries. They must come from a pack of this process.
    #[inline]
    pub(in crate::store::types) fn new(bytes: &'a [u8]) -> Entries<'a> {
        Entries(bytes)
    }

    /// The encoded bytes.
    #[inline]
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The position behind the last entry.
    #[inline]
    pub fn end(self) -> usize {
        self.0.len()
    }

    /// Whether there is no entry.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The entry at `pos`, which is not the end.
    #[inline]
    pub fn at(self, pos: usize) -> Entry<'a> {
        decode(&self.0[pos..]).0
    }

    /// The position behind the entry at `pos`, which is not the end.
    #[inline]
    pub fn next(self, pos: usize) -> usize {
        pos + size(&self.0[pos..])
    }

    /// The position of the entry before `pos`.
    #[inline]
    pub fn prev(self, pos: usize) -> Option<usize> {
        if pos == 0 {
            None
        } else {
            Some(pos - last_size(&self.0[..pos]))
        }
    }

    /// The position of the last entry.
    #[inline]
    pub fn last(self) -> Option<usize> {
        self.prev(self.end())
    }

    /// The position of entry `index`, counted from the first; the end, where there are fewer.
    #[inline]
    pub fn nth(self, index: usize) -> usize {
        self.skip(0, index)
    }

    /// The position `count` entries behind `pos`; the end, where there are fewer.
    #[inline]
    pub fn skip(self, mut pos: usize, mut count: usize) -> usize {
        while count > 0 && pos < self.0.len() {
            pos = self.next(pos);
            count -= 1;
        }
        pos
    }

    /// The position of entry `index`, counted from the last; 0, where there are fewer.
    #[inline]
    pub fn nth_back(self, index: usize) -> usize {
        let mut pos = self.end();
        for _ in 0..=index {
            match self.prev(pos) {
                Some(before) => pos = before,
                None => return 0,
            }
        }
        pos
    }

    /// The position of entry `index` of `count`, sought from the nearer end; the end, where
    /// `index` is `count` or more.
    #[inline]
    pub fn seek(self, index: usize, count: usize) -> usize {
        if index >= count {
            self.end()
        } else if index <= count / 2 {
            self.nth(index)
        } else {
            self.nth_back(count - 1 - index)
        }
    }

    /// Number of entries, by walking over them.
    pub fn count(self) -> usize {
        let (mut count, mut pos) = (0, 0);
        while pos < self.0.len() {
            pos = self.next(pos);
            count += 1;
        }
        count
    }

    /// The position of the first entry equal to `needle` among those whose index is a multiple
    /// of `stride`: 1 searches all, 2 the fields of field-value pairs.
    #[inline]
    pub fn find(self, needle: &Encoded<'_>, stride: usize) -> Option<usize> {
        let mut rest = self.0;
        while !rest.is_empty() {
            if needle.matches(rest) {
                return Some(self.0.len() - rest.len());
            }
            for _ in 0..stride {
                if rest.is_empty() {
                    return None;
                }
                rest = &rest[size(rest)..];
            }
        }
        None
    }

    /// The entries from first to last, or backwards with `rev`.
    #[inline]
    pub fn iter(self) -> Iter<'a> {
        Iter { rest: self.0 }
    }

    /// The entries two by two: field and value, member and score.
    #[inline]
    pub fn pairs(self) -> impl Iterator<Item = (Entry<'a>, Entry<'a>)> + Clone {
        let mut iter = self.iter();
        std::iter::from_fn(move || Some((iter.next()?, iter.next()?)))
    }
}

impl<'a> IntoIterator for Entries<'a> {
    type Item = Entry<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Iterator over entries, from both ends.
#[derive(Clone, Debug, Default)]
pub struct Iter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (entry, size) = decode(self.rest);
        self.rest = &self.rest[size..];
        Some(entry)
    }
}

impl<'a> DoubleEndedIterator for Iter<'a> {
    #[inline]
    fn next_back(&mut self) -> Option<Entry<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (rest, last) = self.rest.split_at(self.rest.len() - last_size(self.rest));
        self.rest = rest;
        Some(decode(last).0)
    }
}
