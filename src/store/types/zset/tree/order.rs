//! The order of a sorted set, and the boundaries that cut it in two.
//!
//! A boundary answers, for a run of sorted items, how many of them lie before it. Every search of
//! the tree is a descent by one boundary. Scores are never NaN, and -0 equals 0.

use std::cmp::Ordering;

/// Finds the bytes of a member by the handle that the tree holds.
pub(in super::super) trait Members {
    /// The bytes of the member that `handle` names.
    fn member(&self, handle: u32) -> &[u8];
}

/// Cuts a sorted run of items in two.
pub(in super::super) trait Boundary {
    /// How many of these items lie before the boundary.
    fn before(&self, scores: &[f64], handles: &[u32]) -> usize;
}

/// The place of one item in the order: by score, then by the bytes of the member.
pub(in super::super) struct Key<'a, M> {
    pub(in super::super) score: f64,
    pub(in super::super) member: &'a [u8],
    pub(in super::super) members: &'a M,
}

impl<M: Members> Key<'_, M> {
    /// How this key stands to an item.
    pub(super) fn compare(&self, score: f64, handle: u32) -> Ordering {
        if self.score < score {
            Ordering::Less
        } else if self.score > score {
            Ordering::Greater
        } else {
            self.member.cmp(self.members.member(handle))
        }
    }

    /// Number of items before this key; those equal to it count where `equal_too`.
    #[inline]
    fn count(&self, scores: &[f64], handles: &[u32], equal_too: bool) -> usize {
        let less = count_less(scores, self.score);
        if scores.get(less) != Some(&self.score) {
            return less;
        }
        self.count_ties(&scores[less..], &handles[less..], equal_too) + less
    }

    /// The same among items of which the first has this key's score.
    #[inline(never)]
    fn count_ties(&self, scores: &[f64], handles: &[u32], equal_too: bool) -> usize {
        let ties = count_not_more(scores, self.score);
        handles[..ties].partition_point(|&handle| {
            match self.members.member(handle).cmp(self.member) {
                Ordering::Less => true,
                Ordering::Equal => equal_too,
                Ordering::Greater => false,
            }
        })
    }
}

/// Just before the item that a key names.
pub(in super::super) struct Before<'a, M>(pub(in super::super) Key<'a, M>);

/// Just behind the item that a key names.
pub(super) struct Behind<'a, M>(pub(super) Key<'a, M>);

impl<M: Members> Boundary for Before<'_, M> {
    #[inline]
    fn before(&self, scores: &[f64], handles: &[u32]) -> usize {
        self.0.count(scores, handles, false)
    }
}

impl<M: Members> Boundary for Behind<'_, M> {
    #[inline]
    fn before(&self, scores: &[f64], handles: &[u32]) -> usize {
        self.0.count(scores, handles, true)
    }
}

/// Before, or behind, all items of a score.
pub(in super::super) struct ScoreCut {
    pub(in super::super) score: f64,
    pub(in super::super) behind: bool,
}

impl Boundary for ScoreCut {
    #[inline]
    fn before(&self, scores: &[f64], _handles: &[u32]) -> usize {
        if self.behind {
            count_not_more(scores, self.score)
        } else {
            count_less(scores, self.score)
        }
    }
}

/// Before, or behind, a member, in a set whose scores are all the same.
pub(in super::super) struct LexCut<'a, M> {
    pub(in super::super) member: &'a [u8],
    pub(in super::super) behind: bool,
    pub(in super::super) members: &'a M,
}

impl<M: Members> Boundary for LexCut<'_, M> {
    fn before(&self, _scores: &[f64], handles: &[u32]) -> usize {
        handles.partition_point(
            |&handle| match self.members.member(handle).cmp(self.member) {
                Ordering::Less => true,
                Ordering::Equal => self.behind,
                Ordering::Greater => false,
            },
        )
    }
}

/// Counts without a branch: the loads do not wait for each other, unlike a binary search's.
#[inline]
pub(super) fn count_less(scores: &[f64], score: f64) -> usize {
    scores.iter().map(|&s| u64::from(s < score)).sum::<u64>() as usize
}

#[inline]
fn count_not_more(scores: &[f64], score: f64) -> usize {
    scores.iter().map(|&s| u64::from(s <= score)).sum::<u64>() as usize
}
