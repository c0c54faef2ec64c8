//! The intset: integers in order, packed at the width the largest of them needs.
//!
//! In memory it has Redis's serialised form (width, length, little-endian integers), so saving and
//! loading copy bytes. Like a listpack's, the block is as long as the allocator would make it, its
//! last byte is the owner's mark, and an empty intset owns no memory. The width never shrinks.

use super::listpack::{Malformed, size_class};

/// Width and length, 32 bits each.
const HEADER_LEN: usize = 8;
/// An empty intset.
const EMPTY: &[u8] = &[2, 0, 0, 0, 0, 0, 0, 0];
/// No intset holds more, as in Redis, so that its sizes cannot overflow.
pub const INTSET_ENTRIES_MAX: usize = 1 << 30;

/// A sorted set of integers.
#[derive(Clone, Debug, Default)]
pub struct Intset {
    /// Nothing, or a whole intset, unused bytes, and the mark.
    block: Box<[u8]>,
}

impl Intset {
    /// An empty intset, which owns no memory.
    pub fn new() -> Intset {
        Intset::default()
    }

    /// Takes in a serialised intset, all of which is checked.
    pub fn from_bytes(bytes: &[u8]) -> Result<Intset, Malformed> {
        let view = Ints::new(bytes).ok_or(Malformed)?;
        let is_known = matches!(view.width(), 2 | 4 | 8);
        if !is_known || view.ints.len() != view.width() * view.len() {
            return Err(Malformed);
        }
        let mut iter = view.iter();
        let mut last = iter.next();
        for value in iter {
            if last >= Some(value) {
                return Err(Malformed);
            }
            last = Some(value);
        }
        let mut intset = Intset::new();
        if !view.is_empty() {
            intset.resize(size_class(bytes.len() + 1));
            intset.block[..bytes.len()].copy_from_slice(bytes);
        }
        Ok(intset)
    }

    /// The serialised form.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match self.block.len() {
            0 => EMPTY,
            _ => &self.block[..self.byte_len()],
        }
    }

    /// The integers, borrowed.
    #[inline]
    pub fn view(&self) -> Ints<'_> {
        Ints::of(if self.block.is_empty() {
            EMPTY
        } else {
            &self.block
        })
    }

    /// Number of integers.
    #[inline]
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Whether there is no integer.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `value` is among them.
    #[inline]
    pub fn contains(&self, value: i64) -> bool {
        self.view().contains(value)
    }

    /// Integer `index`, counted from the smallest.
    #[inline]
    pub fn get(&self, index: usize) -> Option<i64> {
        let view = self.view();
        (index < view.len()).then(|| view.at(index))
    }

    /// The integers from smallest to largest.
    #[inline]
    pub fn iter(&self) -> Iter<'_> {
        self.view().iter()
    }

    /// Adds an integer; whether it is new.
    pub fn insert(&mut self, value: i64) -> bool {
        if self.view().width() < width_of(value) {
            self.widen_with(value);
            return true;
        }
        let Err(index) = self.view().search(value) else {
            return false;
        };
        let (width, len, used) = (self.view().width(), self.len(), self.byte_len());
        if self.block.len() <= used + width {
            self.resize(size_class(used + width + 1));
        }
        let at = HEADER_LEN + index * width;
        self.block.copy_within(at..used, at + width);
        self.block[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        self.set_len(len + 1);
        true
    }

    /// Removes an integer; whether it was there.
    pub fn remove(&mut self, value: i64) -> bool {
        match self.view().search(value) {
            Ok(index) => {
                self.remove_at(index);
                true
            }
            Err(_) => false,
        }
    }

    /// Removes integer `index`, which is there.
    pub fn remove_at(&mut self, index: usize) {
        let (width, len, used) = (self.view().width(), self.len(), self.byte_len());
        let at = HEADER_LEN + index * width;
        self.block.copy_within(at + width..used, at);
        self.set_len(len - 1);
        let used = used - width;
        if size_class(used + used / 16 + 16) < self.block.len() {
            self.resize(size_class(used + 1));
        }
    }

    /// Memory owned.
    pub fn heap_bytes(&self) -> usize {
        self.block.len()
    }

    /// Removes everything, memory too.
    pub fn clear(&mut self) {
        self.block = Box::default();
    }

    /// The owner's mark.
    #[inline]
    pub fn mark(&self) -> u8 {
        self.block.last().copied().unwrap_or(0)
    }

    /// Sets the owner's mark, if there is memory for it: an empty intset bears the mark 0.
    pub fn set_mark(&mut self, mark: u8) {
        if let Some(last) = self.block.last_mut() {
            *last = mark;
        }
    }

    /// The block as it is, for an owner that keeps blocks of several kinds in one place.
    #[inline]
    pub(in crate::store::types) fn into_block(self) -> Box<[u8]> {
        self.block
    }

    /// A block that [`Intset::into_block`] gave.
    #[inline]
    pub(in crate::store::types) fn from_block(block: Box<[u8]>) -> Intset {
        Intset { block }
    }

    /// Panics if the intset is not what this module promises.
    pub fn check_invariants(&self) {
        let again = Intset::from_bytes(self.as_bytes()).expect("a valid intset");
        assert_eq!(again.len(), self.len());
        assert!(self.block.is_empty() || self.block.len() > self.byte_len());
    }

    #[inline]
    fn byte_len(&self) -> usize {
        self.view().byte_len()
    }

    fn set_len(&mut self, len: usize) {
        self.block[4..HEADER_LEN].copy_from_slice(&(len as u32).to_le_bytes());
    }

    /// Adds an integer that is outside the range of the present width, and so outside the range
    /// of all present integers: it becomes the first or the last.
    fn widen_with(&mut self, value: i64) {
        let (old, width) = (std::mem::take(&mut self.block), width_of(value));
        let old_bytes = if old.is_empty() { EMPTY } else { &old[..] };
        let view = Ints::of(old_bytes);
        let len = view.len() + 1;
        let mut block = Vec::with_capacity(size_class(HEADER_LEN + len * width + 1));
        block.extend_from_slice(&(width as u32).to_le_bytes());
        block.extend_from_slice(&(len as u32).to_le_bytes());
        let mut push = |value: i64| block.extend_from_slice(&value.to_le_bytes()[..width]);
        if value < 0 {
            push(value);
        }
        (0..len - 1).for_each(|index| push(view.at(index)));
        if value >= 0 {
            push(value);
        }
        let block_len = size_class(block.len() + 1);
        block.resize(block_len, 0);
        block[block_len - 1] = old.last().copied().unwrap_or(0);
        self.block = block.into_boxed_slice();
    }

    #[cold]
    fn resize(&mut self, len: usize) {
        let (fresh, mark) = (self.block.is_empty(), self.mark());
        let mut block = std::mem::take(&mut self.block).into_vec();
        block.reserve_exact(len.saturating_sub(block.len()));
        block.resize(len, 0);
        block[len - 1] = mark;
        self.block = block.into_boxed_slice();
        if fresh {
            self.block[..HEADER_LEN].copy_from_slice(EMPTY);
        }
    }
}

/// Bytes that `value` needs.
#[inline]
fn width_of(value: i64) -> usize {
    if i16::try_from(value).is_ok() {
        2
    } else if i32::try_from(value).is_ok() {
        4
    } else {
        8
    }
}

/// A borrowed intset.
#[derive(Clone, Copy)]
pub struct Ints<'a> {
    header: [u8; HEADER_LEN],
    ints: &'a [u8],
}

impl<'a> Ints<'a> {
    /// Reads a header and what is behind it, without a check.
    fn new(bytes: &'a [u8]) -> Option<Ints<'a>> {
        let (header, ints) = bytes.split_first_chunk()?;
        Some(Ints {
            header: *header,
            ints,
        })
    }

    /// The integers of a block that [`Intset::into_block`] gave; behind them are unused bytes.
    #[inline]
    pub(in crate::store::types) fn of(bytes: &'a [u8]) -> Ints<'a> {
        Ints::new(bytes).unwrap_or(Ints {
            header: [0; HEADER_LEN],
            ints: &[],
        })
    }

    #[inline]
    fn width(&self) -> usize {
        let [a, b, c, d, ..] = self.header;
        u32::from_le_bytes([a, b, c, d]) as usize
    }

    /// Number of integers.
    #[inline]
    pub fn len(&self) -> usize {
        let [.., a, b, c, d] = self.header;
        u32::from_le_bytes([a, b, c, d]) as usize
    }

    /// Whether there is no integer.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Length of the serialised form in bytes.
    #[inline]
    pub fn byte_len(&self) -> usize {
        HEADER_LEN + self.len() * self.width()
    }

    /// Integer `index`, counted from the smallest; there is such a one.
    #[inline]
    pub fn at(&self, index: usize) -> i64 {
        match self.width() {
            2 => i64::from(i16::from_le_bytes(int_at(self.ints, index))),
            4 => i64::from(i32::from_le_bytes(int_at(self.ints, index))),
            _ => i64::from_le_bytes(int_at(self.ints, index)),
        }
    }

    /// Whether `value` is among them.
    #[inline]
    pub fn contains(&self, value: i64) -> bool {
        self.search(value).is_ok()
    }

    /// Where `value` is, or would be.
    fn search(&self, value: i64) -> Result<usize, usize> {
        let (mut low, mut size) = (0, self.len());
        if size == 0 {
            return Err(0);
        }
        // Integers often come in order.
        let last = self.at(size - 1);
        if value > last {
            return Err(size);
        }
        while size > 1 {
            let half = size / 2;
            low = if self.at(low + half) <= value {
                low + half
            } else {
                low
            };
            size -= half;
        }
        match self.at(low).cmp(&value) {
            std::cmp::Ordering::Equal => Ok(low),
            std::cmp::Ordering::Less => Err(low + 1),
            std::cmp::Ordering::Greater => Err(low),
        }
    }

    /// The integers from smallest to largest.
    #[inline]
    pub fn iter(&self) -> Iter<'a> {
        Iter {
            view: *self,
            next: 0,
            end: self.len(),
        }
    }
}

#[inline]
fn int_at<const WIDTH: usize>(ints: &[u8], index: usize) -> [u8; WIDTH] {
    let mut bytes = [0; WIDTH];
    bytes.copy_from_slice(&ints[index * WIDTH..(index + 1) * WIDTH]);
    bytes
}

/// Iterator over the integers of an intset.
#[derive(Clone)]
pub struct Iter<'a> {
    view: Ints<'a>,
    next: usize,
    end: usize,
}

impl Iterator for Iter<'_> {
    type Item = i64;

    #[inline]
    fn next(&mut self) -> Option<i64> {
        if self.next == self.end {
            return None;
        }
        self.next += 1;
        Some(self.view.at(self.next - 1))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.end - self.next, Some(self.end - self.next))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<i64> {
        if self.next == self.end {
            return None;
        }
        self.end -= 1;
        Some(self.view.at(self.end))
    }
}

impl ExactSizeIterator for Iter<'_> {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::random::Rng;

    #[test]
    fn random_edits_follow_a_btree() {
        for seed in 0..60 {
            let mut rng = Rng::new(seed);
            let (mut set, mut model) = (Intset::new(), BTreeSet::new());
            for _ in 0..400 {
                let shift = [0, 32, 40, 52, 56][rng.below(1 + seed as usize % 5)] as u32;
                let shift = 63u32.saturating_sub(shift).max(4);
                let value = (rng.next_u64() as i64) >> shift;
                match rng.below(3) {
                    0 => assert_eq!(set.remove(value), model.remove(&value)),
                    _ => assert_eq!(set.insert(value), model.insert(value)),
                }
                set.check_invariants();
                assert_eq!(set.contains(value), model.contains(&value));
                assert!(set.iter().eq(model.iter().copied()));
                assert!(set.iter().rev().eq(model.iter().rev().copied()));
                let index = rng.below(model.len() + 1);
                assert_eq!(set.get(index), model.iter().nth(index).copied());
            }
        }
    }

    #[test]
    fn the_form_is_redis_own() {
        let mut set = Intset::new();
        assert_eq!(set.as_bytes(), EMPTY);
        set.insert(5);
        set.insert(-1);
        assert_eq!(set.as_bytes(), [2, 0, 0, 0, 2, 0, 0, 0, 0xff, 0xff, 5, 0]);
        set.insert(70_000);
        assert_eq!(set.as_bytes()[..8], [4, 0, 0, 0, 3, 0, 0, 0]);
        set.set_mark(9);
        set.insert(i64::MIN);
        assert_eq!((set.as_bytes().len(), set.mark()), (8 + 32, 9));
        set.check_invariants();
    }

    #[test]
    fn hostile_bytes_are_refused_or_consistent() {
        let mut rng = Rng::new(1);
        let mut refused = 0;
        for _ in 0..20_000 {
            let mut set = Intset::new();
            for _ in 0..rng.below(6) {
                set.insert(rng.next_u64() as i64 >> rng.below(64));
            }
            let mut bytes = set.as_bytes().to_vec();
            match rng.below(3) {
                0 => bytes.truncate(rng.below(bytes.len() + 1)),
                1 => bytes.insert(rng.below(bytes.len()), 1),
                _ => {
                    let at = rng.below(bytes.len());
                    bytes[at] = rng.next_u64() as u8;
                }
            }
            match Intset::from_bytes(&bytes) {
                Ok(set) => set.check_invariants(),
                Err(Malformed) => refused += 1,
            }
        }
        assert!(refused > 5_000);
        let huge = [8, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3];
        assert_eq!(Intset::from_bytes(&huge).map(|_| ()), Err(Malformed));
    }
}
