//! Sorted sets: members with scores, in the order of scores and then of members' bytes.
//!
//! A small set is one listpack; a large one has its members in a slab, a dictionary that finds
//! them and a counted B+tree that orders them, so that every operation costs O(log n) at most,
//! bulk ones aside, and growing never pauses. Ranges are ranges of ranks: [`ZSet::score_range`]
//! and [`ZSet::lex_range`] turn what a client asked for into one, whose length is the count, and
//! [`ZSet::range`] and [`ZSet::remove_range`] take one.
//!
//! Scores are not NaN: callers refuse it, and what is NaN here is ignored. Limit: 2^32 - 2 members.

mod big;
mod bounds;
mod iter;
mod packed;
mod tree;

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::listpack::{Entry, IntBuf, Listpack, Malformed};
use super::sample;
use crate::random::Rng;
use crate::store::hash::HashState;

use big::Big;

pub use bounds::{LexBound, LexRange, ScoreRange};
pub use iter::Iter;

/// When a set is no longer small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZSetLimits {
    /// `zset-max-listpack-entries`: members.
    pub max_listpack_entries: usize,
    /// `zset-max-listpack-value`: bytes of a member.
    pub max_listpack_value: usize,
}

impl Default for ZSetLimits {
    fn default() -> ZSetLimits {
        ZSetLimits {
            max_listpack_entries: 128,
            max_listpack_value: 64,
        }
    }
}

/// A sorted set. See the module's text.
#[derive(Debug)]
pub struct ZSet(Repr);

#[derive(Debug)]
enum Repr {
    Packed(Listpack),
    Big(Box<Big>),
}

const _: () = assert!(size_of::<ZSet>() == 16);

impl Default for ZSet {
    fn default() -> ZSet {
        ZSet::new()
    }
}

impl ZSet {
    /// An empty set; owns no memory.
    pub fn new() -> ZSet {
        ZSet(Repr::Packed(Listpack::new()))
    }

    /// An empty set that will take `entries` members of at most `value_bytes` each: it begins
    /// in the encoding that these ask for.
    pub fn sized(entries: usize, value_bytes: usize, limits: ZSetLimits, hash: &HashState) -> ZSet {
        let small =
            entries <= limits.max_listpack_entries && value_bytes <= limits.max_listpack_value;
        if small {
            ZSet::new()
        } else {
            ZSet(Repr::Big(Box::new(Big::new(hash))))
        }
    }

    /// A set of members that are all different, in the encoding that their number and length
    /// allow. They are sorted first if they are not in order.
    pub fn from_unique(
        mut members: Vec<(&[u8], f64)>,
        limits: ZSetLimits,
        hash: &HashState,
    ) -> ZSet {
        members.retain(|(_, score)| !score.is_nan());
        let order = |a: &(&[u8], f64), b: &(&[u8], f64)| {
            a.1.partial_cmp(&b.1)
                .unwrap_or(std::cmp::Ordering::Equal)
                .then_with(|| a.0.cmp(b.0))
        };
        if !members.is_sorted_by(|a, b| order(a, b).is_lt()) {
            members.sort_unstable_by(order);
        }
        let value_bytes = members
            .iter()
            .map(|(member, _)| member.len())
            .max()
            .unwrap_or(0);
        let mut set = ZSet::sized(members.len(), value_bytes, limits, hash);
        match &mut set.0 {
            Repr::Packed(pack) => {
                for (member, score) in members {
                    packed::push(pack, member, score);
                }
            }
            Repr::Big(big) => {
                let mut builder = big::Builder::new(hash);
                for (member, score) in members {
                    builder.push(member, score);
                }
                **big = builder.finish();
            }
        }
        set
    }

    /// Takes in a listpack of members and scores from outside. It may be in no order, but a
    /// member must not be there twice.
    pub fn from_listpack(
        bytes: &[u8],
        limits: ZSetLimits,
        hash: &HashState,
    ) -> Result<ZSet, Malformed> {
        let pack = Listpack::from_bytes(bytes)?;
        let sorted = packed::check(&pack)?;
        let mut members: Vec<(Vec<u8>, f64)> = Vec::with_capacity(pack.len() / 2);
        for (member, score) in Iter::packed(pack.entries(), false) {
            members.push((member.to_vec(), score));
        }
        members.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        if members.windows(2).any(|two| two[0].0 == two[1].0) {
            return Err(Malformed);
        }
        let small = members.len() <= limits.max_listpack_entries
            && members
                .iter()
                .all(|(member, _)| member.len() <= limits.max_listpack_value);
        if sorted && small {
            return Ok(ZSet(Repr::Packed(pack)));
        }
        let members = members
            .iter()
            .map(|(member, score)| (&member[..], *score))
            .collect();
        Ok(ZSet::from_unique(members, limits, hash))
    }

    /// A set of its own with the members of a range of ranks, in the encoding that their number
    /// and length allow.
    pub fn copy_range(&self, ranks: Range<usize>, limits: ZSetLimits, hash: &HashState) -> ZSet {
        let members = self.range(ranks.clone());
        let value_bytes = members
            .map(|(member, _)| member.text_len())
            .max()
            .unwrap_or(0);
        let members = self.range(ranks);
        let mut copy = ZSet::sized(members.remaining(), value_bytes, limits, hash);
        match &mut copy.0 {
            Repr::Packed(pack) => {
                for (member, score) in members {
                    packed::push(pack, member.bytes(&mut IntBuf::new()), score);
                }
            }
            Repr::Big(big) => **big = copied(members, hash),
        }
        copy
    }

    /// The same set once more, in the same encoding.
    pub fn copy(&self, hash: &HashState) -> ZSet {
        ZSet(match &self.0 {
            Repr::Packed(pack) => Repr::Packed(pack.clone()),
            Repr::Big(_) => Repr::Big(Box::new(copied(self.iter(), hash))),
        })
    }

    /// The serialised listpack of a small set.
    pub fn as_listpack(&self) -> Option<&[u8]> {
        match &self.0 {
            Repr::Packed(pack) => Some(pack.as_bytes()),
            Repr::Big(_) => None,
        }
    }

    /// Number of members.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Packed(pack) => pack.len() / 2,
            Repr::Big(big) => big.len(),
        }
    }

    /// Whether there is no member.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING calls this.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Repr::Packed(_) => "listpack",
            Repr::Big(_) => "skiplist",
        }
    }

    /// The score of a member.
    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.0 {
            Repr::Packed(pack) => packed::find(pack, member).map(|found| found.score),
            Repr::Big(big) => big.find(member).map(big::Found::score),
        }
    }

    /// How many members stand before this one, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match &self.0 {
            Repr::Packed(pack) => packed::find(pack, member).map(|found| (found.rank, found.score)),
            Repr::Big(big) => {
                let found = big.find(member)?;
                Some((big.rank(found, member), found.score()))
            }
        }
    }

    /// Gives a member a score, whether it is there or not. Returns the score before.
    pub fn insert(
        &mut self,
        member: &[u8],
        score: f64,
        limits: ZSetLimits,
        hash: &HashState,
    ) -> Option<f64> {
        self.upsert(member, limits, hash, |_| Some(score))
    }

    /// Looks a member up once, and lets `decide` say what becomes of it: the score before, if
    /// it is there, goes in; the score to be written, if any, comes out. Returns the score before.
    pub fn upsert(
        &mut self,
        member: &[u8],
        limits: ZSetLimits,
        hash: &HashState,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Option<f64> {
        let decide = |old| decide(old).filter(|score| !score.is_nan());
        let pack = match &mut self.0 {
            Repr::Packed(pack) => pack,
            Repr::Big(big) => return big.upsert(member, decide),
        };
        let found = packed::find(pack, member);
        let old = found.map(|found| found.score);
        match (found, decide(old)) {
            (Some(found), Some(score)) if score != found.score => {
                packed::update(pack, found, member, score);
            }
            (None, Some(score)) => {
                let small = pack.len() / 2 < limits.max_listpack_entries
                    && member.len() <= limits.max_listpack_value
                    && pack.fits(member.len());
                if small {
                    packed::insert(pack, member, score);
                } else {
                    self.enlarge(hash).upsert(member, |_| Some(score));
                }
            }
            _ => {}
        }
        old
    }

    /// Removes a member and returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.0 {
            Repr::Packed(pack) => {
                let found = packed::find(pack, member)?;
                packed::remove(pack, found);
                Some(found.score)
            }
            Repr::Big(big) => {
                let found = big.find(member)?;
                big.remove(found);
                Some(found.score())
            }
        }
    }

    /// The member of a rank, and its score.
    pub fn get(&self, rank: usize) -> Option<(Entry<'_>, f64)> {
        if rank >= self.len() {
            return None;
        }
        Some(match &self.0 {
            Repr::Packed(pack) => packed::at(pack, rank),
            Repr::Big(big) => text(big.at(rank)),
        })
    }

    /// The ranks of the members whose scores lie in a range.
    pub fn score_range(&self, range: &ScoreRange) -> Range<usize> {
        match &self.0 {
            Repr::Packed(pack) => packed::score_range(pack, range),
            Repr::Big(big) => big.score_range(range),
        }
    }

    /// The ranks of the members that lie in a range, if all scores are the same; some ranks
    /// if they are not.
    pub fn lex_range(&self, range: &LexRange<'_>) -> Range<usize> {
        match &self.0 {
            Repr::Packed(pack) => packed::lex_range(pack, range),
            Repr::Big(big) => big.lex_range(range),
        }
    }

    /// All members and scores, ascending.
    pub fn iter(&self) -> Iter<'_> {
        self.range(0..self.len())
    }

    /// The members and scores of a range of ranks, ascending. What lies behind the last is cut off.
    pub fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        self.walk(ranks, false)
    }

    /// The members and scores of a range of ranks, descending: the range's last comes first.
    pub fn range_rev(&self, ranks: Range<usize>) -> Iter<'_> {
        self.walk(ranks, true)
    }

    fn walk(&self, ranks: Range<usize>, back: bool) -> Iter<'_> {
        let end = ranks.end.min(self.len());
        let ranks = ranks.start.min(end)..end;
        match &self.0 {
            Repr::Packed(pack) => Iter::packed(packed::slice(pack, ranks), back),
            Repr::Big(big) => {
                let from = if back {
                    ranks.end.saturating_sub(1)
                } else {
                    ranks.start
                };
                Iter::tree(big.parts(), from, ranks.len(), back)
            }
        }
    }

    /// Removes the members of a range of ranks, each shown before; how many there were. Where
    /// that is all of them, dropping the set costs less.
    pub fn remove_range(
        &mut self,
        ranks: Range<usize>,
        mut each: impl FnMut(Entry<'_>, f64),
    ) -> usize {
        let end = ranks.end.min(self.len());
        let ranks = ranks.start.min(end)..end;
        match &mut self.0 {
            Repr::Packed(pack) => {
                for (member, score) in Iter::packed(packed::slice(pack, ranks.clone()), false) {
                    each(member, score);
                }
                pack.remove_range(ranks.start * 2, ranks.len() * 2);
            }
            Repr::Big(big) => {
                big.remove_ranks(ranks.clone(), |member, score| {
                    each(Entry::Str(member), score)
                });
            }
        }
        ranks.len()
    }

    /// A uniformly chosen member and its score.
    pub fn random(&self, rng: &mut Rng) -> Option<(Entry<'_>, f64)> {
        match &self.0 {
            Repr::Packed(_) => self.get(rng.below(self.len())),
            Repr::Big(big) => big.random(rng).map(text),
        }
    }

    /// Visits `count` different members, or all there are, every choice being as likely.
    pub fn sample(&self, rng: &mut Rng, count: usize, mut visit: impl FnMut(Entry<'_>, f64)) {
        let mut chosen = sample::distinct(rng, self.len(), count)
            .into_iter()
            .peekable();
        match &self.0 {
            Repr::Packed(_) => {
                for (index, (member, score)) in self.iter().enumerate() {
                    if chosen.next_if_eq(&(index as u32)).is_some() {
                        visit(member, score);
                    }
                }
            }
            Repr::Big(big) => chosen.for_each(|number| {
                let (member, score) = text(big.numbered(number as usize));
                visit(member, score);
            }),
        }
    }

    /// Visits members, about `count` of them (all of a small set), and returns the next cursor,
    /// 0 at the end. It begins with cursor 0. A member that is there from the beginning to the
    /// end is visited, whatever happens meanwhile.
    pub fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(Entry<'a>, f64),
    ) -> u64 {
        match &self.0 {
            Repr::Packed(_) => {
                for (member, score) in self.iter() {
                    visit(member, score);
                }
                0
            }
            Repr::Big(big) => big.scan(cursor, count, |member, score| {
                visit(Entry::Str(member), score)
            }),
        }
    }

    /// Memory owned, without `size_of::<ZSet>()`. It is known exactly, whatever the samples.
    pub fn heap_bytes(&self, _samples: usize) -> usize {
        match &self.0 {
            Repr::Packed(pack) => pack.heap_bytes(),
            Repr::Big(big) => big.heap_bytes(),
        }
    }

    /// Frees parts of a set that is to be dropped, for about `count` members; how many, 0 when
    /// nothing is left.
    pub fn drain_slice(&mut self, count: usize) -> usize {
        let freed = match &mut self.0 {
            Repr::Packed(pack) => {
                let len = pack.len() / 2;
                pack.clear();
                return len;
            }
            Repr::Big(big) => big.drain_slice(count),
        };
        if freed == 0 {
            *self = ZSet::new();
        }
        freed
    }

    /// Makes the set a large one.
    #[cold]
    fn enlarge(&mut self, hash: &HashState) -> &mut Big {
        if let Repr::Packed(_) = &self.0 {
            self.0 = Repr::Big(Box::new(copied(self.iter(), hash)));
        }
        match &mut self.0 {
            Repr::Big(big) => big,
            Repr::Packed(_) => unreachable!("it was made large just now"),
        }
    }

    /// Panics if the set is not what this module promises.
    pub fn check_invariants(&self) {
        match &self.0 {
            Repr::Packed(pack) => {
                pack.check_invariants();
                assert_eq!(packed::check(pack), Ok(true));
            }
            Repr::Big(big) => big.check_invariants(),
        }
    }
}

/// A large set of members in order. Integers become text.
fn copied(members: Iter<'_>, hash: &HashState) -> Big {
    let mut builder = big::Builder::new(hash);
    for (member, score) in members {
        builder.push(member.bytes(&mut IntBuf::new()), score);
    }
    builder.finish()
}

#[inline]
fn text((member, score): (&[u8], f64)) -> (Entry<'_>, f64) {
    (Entry::Str(member), score)
}
