//! Walking over a part of a list, in both directions.

use super::nodes::Walk;
use crate::store::types::listpack::{Entry, Iter};

/// Elements towards the tail.
#[derive(Clone, Debug, Default)]
pub struct Range<'a> {
    pub(super) entries: Iter<'a>,
    /// A large element that comes before `entries`.
    pub(super) plain: Option<&'a [u8]>,
    pub(super) walk: Walk<'a>,
    pub(super) left: usize,
}

impl<'a> Iterator for Range<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        self.entries.next().or_else(|| self.enter_node())
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Range<'_> {}

impl<'a> Range<'a> {
    fn enter_node(&mut self) -> Option<Entry<'a>> {
        if let Some(bytes) = self.plain.take() {
            return Some(Entry::Str(bytes));
        }
        let node = self.walk.forward()?;
        if node.is_plain() {
            return Some(Entry::Str(node.bytes()));
        }
        self.entries = node.entries().iter();
        self.entries.next()
    }
}

/// Elements towards the head.
#[derive(Clone, Debug, Default)]
pub struct RangeRev<'a> {
    pub(super) entries: Iter<'a>,
    /// A large element that comes before `entries`.
    pub(super) plain: Option<&'a [u8]>,
    pub(super) walk: Walk<'a>,
    pub(super) left: usize,
}

impl<'a> Iterator for RangeRev<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        self.entries.next_back().or_else(|| self.enter_node())
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for RangeRev<'_> {}

impl<'a> RangeRev<'a> {
    fn enter_node(&mut self) -> Option<Entry<'a>> {
        if let Some(bytes) = self.plain.take() {
            return Some(Entry::Str(bytes));
        }
        let node = self.walk.backward()?;
        if node.is_plain() {
            return Some(Entry::Str(node.bytes()));
        }
        self.entries = node.entries().iter();
        self.entries.next_back()
    }
}
