//! Walking over a sorted set in either direction, without copying a member.

use super::super::listpack::{self, Entry};
use super::packed::score_of;
use super::tree::{Members, Place, Tree};
use crate::store::slab::Slab;

/// How many members ahead are touched: their blocks lie anywhere, and a processor that asks for
/// several at once waits for them together. Halves the time of a range of a set of a million.
const AHEAD: usize = 16;

/// Members and scores of a range of ranks, ascending or descending.
#[derive(Clone, Debug)]
pub struct Iter<'a>(Repr<'a>);

#[derive(Clone, Debug)]
enum Repr<'a> {
    Packed(listpack::Iter<'a>),
    PackedBack(listpack::Iter<'a>),
    Tree(Walk<'a>),
    TreeBack(Walk<'a>),
}

/// What is left of a walk over the tree, of which the leaf's part is at hand.
#[derive(Clone, Debug)]
struct Walk<'a> {
    tree: &'a Tree,
    slab: &'a Slab,
    /// Any place in the leaf that is being walked over.
    place: Option<Place>,
    scores: &'a [f64],
    handles: &'a [u32],
    /// How many of the handles were touched ahead.
    touched: usize,
    left: usize,
}

impl<'a> Iter<'a> {
    pub(super) fn packed(entries: listpack::Entries<'a>, back: bool) -> Iter<'a> {
        let entries = entries.iter();
        Iter(if back {
            Repr::PackedBack(entries)
        } else {
            Repr::Packed(entries)
        })
    }

    /// How many members are still to come.
    pub fn remaining(&self) -> usize {
        match &self.0 {
            Repr::Packed(entries) | Repr::PackedBack(entries) => entries.clone().count() / 2,
            Repr::Tree(walk) | Repr::TreeBack(walk) => walk.left,
        }
    }

    /// From the item of rank `from` on, `left` items, all of which there are.
    pub(super) fn tree(
        (tree, slab): (&'a Tree, &'a Slab),
        from: usize,
        left: usize,
        back: bool,
    ) -> Iter<'a> {
        let mut walk = Walk {
            tree,
            slab,
            place: None,
            scores: &[],
            handles: &[],
            touched: 0,
            left,
        };
        if left > 0 {
            let place = tree.place(from);
            walk.enter(Some(place), back);
        }
        Iter(if back {
            Repr::TreeBack(walk)
        } else {
            Repr::Tree(walk)
        })
    }
}

impl<'a> Walk<'a> {
    /// Goes on with the leaf of `place`, from there on.
    #[inline]
    fn enter(&mut self, place: Option<Place>, back: bool) {
        self.place = place;
        let Some(place) = place else { return };
        let (scores, handles) = match back {
            false => self.tree.run(place),
            true => self.tree.run_back(place),
        };
        (self.scores, self.handles, self.touched) = (scores, handles, 0);
    }

    #[inline]
    fn next(&mut self) -> Option<(Entry<'a>, f64)> {
        if self.left == 0 {
            return None;
        }
        if self.handles.is_empty() {
            self.enter(
                self.place.and_then(|place| self.tree.next_leaf(place)),
                false,
            );
        }
        if self.touched == 0 {
            self.touched = AHEAD.min(self.handles.len()).min(self.left);
            touch(self.slab, &self.handles[..self.touched]);
        }
        let (&score, scores) = self.scores.split_first()?;
        let (&handle, handles) = self.handles.split_first()?;
        (self.scores, self.handles) = (scores, handles);
        self.touched -= 1;
        self.left -= 1;
        Some((Entry::Str(self.slab.member(handle)), score))
    }

    #[inline]
    fn next_back(&mut self) -> Option<(Entry<'a>, f64)> {
        if self.left == 0 {
            return None;
        }
        if self.handles.is_empty() {
            self.enter(
                self.place.and_then(|place| self.tree.prev_leaf(place)),
                true,
            );
        }
        if self.touched == 0 {
            self.touched = AHEAD.min(self.handles.len()).min(self.left);
            touch(
                self.slab,
                &self.handles[self.handles.len() - self.touched..],
            );
        }
        let (&score, scores) = self.scores.split_last()?;
        let (&handle, handles) = self.handles.split_last()?;
        (self.scores, self.handles) = (scores, handles);
        self.touched -= 1;
        self.left -= 1;
        Some((Entry::Str(self.slab.member(handle)), score))
    }
}

/// Reads a byte of each block, in a loop that does not wait for any of them.
#[inline]
fn touch(slab: &Slab, handles: &[u32]) {
    let bytes = handles.iter().map(|&handle| slab.member(handle).len());
    std::hint::black_box(bytes.sum::<usize>());
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Entry<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<(Entry<'a>, f64)> {
        match &mut self.0 {
            Repr::Packed(entries) => {
                let member = entries.next()?;
                Some((member, score_of(entries.next()?)))
            }
            Repr::PackedBack(entries) => {
                let score = score_of(entries.next_back()?);
                Some((entries.next_back()?, score))
            }
            Repr::Tree(walk) => walk.next(),
            Repr::TreeBack(walk) => walk.next_back(),
        }
    }
}
