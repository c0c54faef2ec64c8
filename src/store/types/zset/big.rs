//! A large sorted set: members in a slab, found by a dictionary and ordered by the tree.
//!
//! A member's bytes lie once, in a block of the slab: score, length, member. The dictionary holds
//! 32 bits of hash and the block's handle, the tree score and handle; the score in the block
//! answers ZSCORE without a descent. All three change together, here and nowhere else.

use std::ops::Range;

use crate::random::Rng;
use crate::store::dict::{Dict, Record};
use crate::store::hash::{HashState, hash_bytes};
use crate::store::slab::{Handle, Slab};

use super::bounds::{LexBound, LexRange, ScoreRange};
use super::tree::{Before, Item, Key, LexCut, Members, ScoreCut, Tree, TreeBuilder};

/// Bytes of the score at the beginning of a block.
const SCORE_BYTES: usize = 8;
/// The most bytes that a length takes.
const LENGTH_BYTES_MAX: usize = 5;
/// Members looked at for each that is removed while the slab is full of holes. Each costs a miss of
/// the cache.
const COMPACT_STEP: usize = 2;
/// Ranks removed at a time: so many handles are remembered meanwhile.
const REMOVED_AT_ONCE: usize = 4096;

/// What the dictionary holds of a member.
#[derive(Clone, Copy, Debug)]
struct Member {
    hash: u32,
    handle: Handle,
}

impl Record for Member {
    #[inline]
    fn hash(&self) -> u32 {
        self.hash
    }
}

/// A member found: its number in the dictionary, and its item in the tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    number: u32,
    item: Item,
}

impl Found {
    pub(super) fn score(self) -> f64 {
        self.item.score
    }
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct Big {
    dict: Dict<Member>,
    slab: Slab,
    tree: Tree,
    hash: HashState,
    /// The member that compaction looked at last.
    compacted: u32,
}

impl Members for Slab {
    #[inline]
    fn member(&self, handle: u32) -> &[u8] {
        member_of(self.bytes(Handle::from_raw(handle)))
    }
}

impl Big {
    /// An empty set whose members are hashed by `hash`.
    pub(super) fn new(hash: &HashState) -> Big {
        Big {
            dict: Dict::new(),
            slab: Slab::new(),
            tree: Tree::new(),
            hash: hash.clone(),
            compacted: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.tree.len()
    }

    /// Looks a member up.
    #[inline]
    pub(super) fn find(&self, member: &[u8]) -> Option<Found> {
        self.find_hashed(hash32(&self.hash, member), member)
    }

    #[inline]
    fn find_hashed(&self, hash: u32, member: &[u8]) -> Option<Found> {
        let slab = &self.slab;
        let same = |record: &Member| member_of(slab.bytes(record.handle)) == member;
        let number = self.dict.find(hash, same)?;
        let handle = self.dict.get(number).handle;
        let score = score_of(self.slab.bytes(handle));
        Some(Found {
            number,
            item: Item {
                score,
                handle: handle.raw(),
            },
        })
    }

    /// Looks a member up, lets `decide` turn its score into the wanted one, and writes that.
    /// Returns the score before.
    pub(super) fn upsert(
        &mut self,
        member: &[u8],
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Option<f64> {
        let hash = hash32(&self.hash, member);
        let found = self.find_hashed(hash, member);
        match (found, decide(found.map(Found::score))) {
            (None, Some(score)) => self.add(hash, member, score),
            (Some(found), Some(score)) if score != found.score() => self.update(found, score),
            _ => {}
        }
        found.map(Found::score)
    }

    /// Adds a member that is not there.
    fn add(&mut self, hash: u32, member: &[u8], score: f64) {
        let handle = store(&mut self.slab, score, member);
        self.dict.push(Member { hash, handle });
        self.tree.insert(
            Item {
                score,
                handle: handle.raw(),
            },
            &self.slab,
        );
    }

    fn update(&mut self, found: Found, score: f64) {
        self.tree.update(found.item, score, &self.slab);
        let block = self.slab.bytes_mut(Handle::from_raw(found.item.handle));
        if let Some(bytes) = block.first_chunk_mut() {
            *bytes = score.to_le_bytes();
        }
    }

    /// Removes a member.
    pub(super) fn remove(&mut self, found: Found) {
        self.tree.remove(found.item, &self.slab);
        self.dict.swap_remove(found.number);
        self.slab.free(Handle::from_raw(found.item.handle));
        self.compact(COMPACT_STEP);
    }

    /// Removes the members of a range of ranks, each shown before.
    pub(super) fn remove_ranks(&mut self, ranks: Range<usize>, mut each: impl FnMut(&[u8], f64)) {
        let mut handles = Vec::with_capacity(ranks.len().min(REMOVED_AT_ONCE));
        let mut left = ranks.len();
        while left > 0 {
            let n = left.min(REMOVED_AT_ONCE);
            let slab = &self.slab;
            self.tree
                .remove_ranks(ranks.start, ranks.start + n, slab, |item| {
                    each(slab.member(item.handle), item.score);
                    handles.push(Handle::from_raw(item.handle));
                });
            for handle in handles.drain(..) {
                let hash = hash32(&self.hash, member_of(self.slab.bytes(handle)));
                if let Some(number) = self.dict.find(hash, |record| record.handle == handle) {
                    self.dict.swap_remove(number);
                }
                self.slab.free(handle);
            }
            left -= n;
        }
        self.compact(COMPACT_STEP * ranks.len());
    }

    /// The rank of a member.
    pub(super) fn rank(&self, found: Found, member: &[u8]) -> usize {
        let key = Key {
            score: found.item.score,
            member,
            members: &self.slab,
        };
        self.tree.rank(&Before(key))
    }

    /// The member of a rank, which must be below the length, and its score.
    pub(super) fn at(&self, rank: usize) -> (&[u8], f64) {
        let item = self.tree.item(self.tree.place(rank));
        (self.slab.member(item.handle), item.score)
    }

    /// The ranks whose scores lie in a range.
    pub(super) fn score_range(&self, range: &ScoreRange) -> Range<usize> {
        let start = ScoreCut {
            score: range.min,
            behind: range.min_excluded,
        };
        let end = ScoreCut {
            score: range.max,
            behind: !range.max_excluded,
        };
        let start = self.tree.rank(&start);
        start..self.tree.rank(&end).max(start)
    }

    /// The ranks whose members lie in a range.
    pub(super) fn lex_range(&self, range: &LexRange<'_>) -> Range<usize> {
        let cut = |bound, behind| match bound {
            LexBound::Min => 0,
            LexBound::Max => self.len(),
            LexBound::Included(member) => self.tree.rank(&LexCut {
                member,
                behind,
                members: &self.slab,
            }),
            LexBound::Excluded(member) => self.tree.rank(&LexCut {
                member,
                behind: !behind,
                members: &self.slab,
            }),
        };
        let start = cut(range.min, false);
        start..cut(range.max, true).max(start)
    }

    /// The order, and where members' bytes lie.
    pub(super) fn parts(&self) -> (&Tree, &Slab) {
        (&self.tree, &self.slab)
    }

    /// A member and its score by number in the dictionary: dense, but in no order.
    pub(super) fn numbered(&self, number: usize) -> (&[u8], f64) {
        self.block(self.dict.get(number as u32))
    }

    /// A uniformly chosen member and its score.
    pub(super) fn random(&self, rng: &mut Rng) -> Option<(&[u8], f64)> {
        let number = self.dict.random(rng)?;
        Some(self.block(self.dict.get(number)))
    }

    /// Visits up to `count` members, as [`Dict::scan`] does.
    pub(super) fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(&'a [u8], f64),
    ) -> u64 {
        self.dict.scan(cursor, count, |_, record| {
            let (member, score) = self.block(record);
            visit(member, score);
        })
    }

    fn block(&self, record: &Member) -> (&[u8], f64) {
        let block = self.slab.bytes(record.handle);
        (member_of(block), score_of(block))
    }

    /// Where holes take most, moves some members out of sparse pages: a set that shrinks gives its
    /// memory back as it does. Not before: each member of a queue that is drained would pay for it.
    #[inline]
    fn compact(&mut self, steps: usize) {
        if self.slab.is_mostly_holes() {
            self.compact_some(steps);
        }
    }

    #[cold]
    fn compact_some(&mut self, steps: usize) {
        for _ in 0..steps.min(self.dict.len()) {
            self.compacted += 1;
            if self.compacted as usize >= self.dict.len() {
                self.compacted = 0;
            }
            let old = self.dict.get(self.compacted).handle;
            if !self.slab.is_sparse(old) {
                continue;
            }
            let item = Item {
                score: score_of(self.slab.bytes(old)),
                handle: old.raw(),
            };
            if let Some(spot) = self.tree.spot(item, &self.slab) {
                let new = self.slab.relocate(old);
                self.tree.set_handle(spot, new.raw());
                self.dict.get_mut(self.compacted).handle = new;
            }
        }
    }

    /// Bytes allocated.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Big>() + self.dict.heap_bytes() + self.slab.heap_bytes() + self.tree.heap_bytes()
    }

    /// Frees about `count` members of a set given up, and what orders them; how many it freed,
    /// 0 when nothing is left.
    pub(super) fn drain_slice(&mut self, count: usize) -> usize {
        let count = count.max(1);
        let freed = self.tree.drain_slice(count.div_ceil(32));
        if freed > 0 {
            return freed;
        }
        let freed = self.dict.drain(count, |_| {});
        if freed > 0 {
            return freed;
        }
        let left = self.slab.drain(1);
        usize::from(left > 0)
    }

    /// Panics if the parts do not agree.
    pub(super) fn check_invariants(&self) {
        self.dict.check_invariants();
        self.slab.check_invariants();
        self.tree.check(&self.slab);
        assert_eq!(self.dict.len(), self.tree.len());
        assert_eq!(self.slab.len(), self.tree.len());
        for record in self.dict.iter() {
            let (member, score) = self.block(record);
            assert_eq!(record.hash, hash32(&self.hash, member));
            let found = self.find(member).expect("a member is found");
            let item = self.tree.item(self.tree.place(self.rank(found, member)));
            assert_eq!((item.handle, item.score), (record.handle.raw(), score));
        }
    }
}

/// A set in the making, from members in order, each there once.
pub(super) struct Builder {
    big: Big,
    tree: TreeBuilder,
}

impl Builder {
    pub(super) fn new(hash: &HashState) -> Builder {
        Builder {
            big: Big::new(hash),
            tree: TreeBuilder::new(),
        }
    }

    /// Adds the next member.
    pub(super) fn push(&mut self, member: &[u8], score: f64) {
        let handle = store(&mut self.big.slab, score, member);
        self.big.dict.push(Member {
            hash: hash32(&self.big.hash, member),
            handle,
        });
        self.tree.push(Item {
            score,
            handle: handle.raw(),
        });
    }

    pub(super) fn finish(mut self) -> Big {
        self.big.tree = self.tree.finish();
        self.big
    }
}

/// The bits of a member's hash by which the dictionary finds it.
#[inline]
fn hash32(state: &HashState, member: &[u8]) -> u32 {
    (hash_bytes(state, member) >> 32) as u32
}

/// A new block for a member.
#[inline]
fn store(slab: &mut Slab, score: f64, member: &[u8]) -> Handle {
    let mut length = [0; LENGTH_BYTES_MAX];
    let mut n = 0;
    let mut left = member.len() as u32;
    while left >= 0x80 {
        length[n] = left as u8 | 0x80;
        left >>= 7;
        n += 1;
    }
    length[n] = left as u8;
    slab.alloc_with(&[&score.to_le_bytes(), &length[..=n], member])
}

/// The score in a block.
#[inline]
fn score_of(block: &[u8]) -> f64 {
    block
        .first_chunk::<SCORE_BYTES>()
        .map_or(0.0, |bytes| f64::from_le_bytes(*bytes))
}

/// The member in a block; empty for one that is none.
#[inline]
pub(super) fn member_of(block: &[u8]) -> &[u8] {
    match block.get(SCORE_BYTES..) {
        Some(&[len @ ..0x80, ref rest @ ..]) => rest.get(..len as usize).unwrap_or_default(),
        Some(rest) => long_member(rest),
        None => &[],
    }
}

#[cold]
fn long_member(block: &[u8]) -> &[u8] {
    let (mut len, mut at) = (0, 0);
    for &byte in block.iter().take(LENGTH_BYTES_MAX) {
        len |= ((byte & 0x7f) as usize) << (7 * at);
        at += 1;
        if byte < 0x80 {
            break;
        }
    }
    block.get(at..at + len).unwrap_or_default()
}
