use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::*;
use crate::random::Rng;

struct Pool(Vec<Vec<u8>>);

impl Members for Pool {
    fn member(&self, handle: u32) -> &[u8] {
        &self.0[handle as usize]
    }
}

/// What the tree should hold, ordered by the standard library.
#[derive(Clone, Debug, PartialEq)]
struct Entry(f64, Vec<u8>, u32);

impl Eq for Entry {}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> Ordering {
        self.0
            .total_cmp(&other.0)
            .then_with(|| self.1.cmp(&other.1))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

struct Pair {
    tree: Tree,
    model: BTreeSet<Entry>,
    pool: Pool,
    scores: Vec<Option<f64>>,
    rng: Rng,
    scores_max: usize,
}

impl Pair {
    fn new(seed: u64, members: usize, scores_max: usize) -> Pair {
        let pool = (0..members).map(|n| format!("{:x}", n * 7919 % 1_000_003).into_bytes());
        Pair {
            tree: Tree::new(),
            model: BTreeSet::new(),
            pool: Pool(pool.collect()),
            scores: vec![None; members],
            rng: Rng::new(seed),
            scores_max,
        }
    }

    fn score(&mut self) -> f64 {
        match self.rng.below(64) {
            0 => f64::INFINITY,
            1 => f64::NEG_INFINITY,
            _ => self.rng.below(self.scores_max) as f64 - (self.scores_max / 2) as f64,
        }
    }

    fn entry(&self, handle: usize, score: f64) -> Entry {
        Entry(score, self.pool.0[handle].clone(), handle as u32)
    }

    fn put(&mut self, handle: usize, score: f64) {
        let item = Item {
            score,
            handle: handle as u32,
        };
        match self.scores[handle].replace(score) {
            None => self.tree.insert(item, &self.pool),
            Some(old) => {
                let entry = self.entry(handle, old);
                assert!(self.model.remove(&entry));
                self.tree
                    .update(Item { score: old, ..item }, score, &self.pool);
            }
        }
        assert!(self.model.insert(self.entry(handle, score)));
    }

    fn remove(&mut self, handle: usize) {
        if let Some(score) = self.scores[handle].take() {
            self.tree.remove(
                Item {
                    score,
                    handle: handle as u32,
                },
                &self.pool,
            );
            assert!(self.model.remove(&self.entry(handle, score)));
        }
    }

    /// The ranks themselves are compared elsewhere: here the model starts where the tree does.
    fn remove_ranks(&mut self, start: usize, end: usize) {
        let len = self.tree.len();
        let first = (start < len).then(|| self.tree.item(self.tree.place(start)));
        let mut gone = Vec::new();
        self.tree
            .remove_ranks(start, end, &self.pool, |item| gone.push(item));
        assert_eq!(gone.len(), end.min(len).saturating_sub(start));
        let Some(first) = first else { return };
        let first = self.entry(first.handle as usize, first.score);
        let want: Vec<Entry> = self
            .model
            .range(first..)
            .take(gone.len())
            .cloned()
            .collect();
        assert_eq!(gone.len(), want.len());
        for (item, entry) in gone.iter().zip(&want) {
            assert_eq!((item.score, item.handle), (entry.0, entry.2));
            self.model.remove(entry);
            self.scores[entry.2 as usize] = None;
        }
    }

    fn compare(&self) {
        self.tree.check(&self.pool);
        assert_eq!(self.tree.len(), self.model.len());
        let mut model = self.model.iter();
        let mut place = (self.tree.len() > 0).then(|| self.tree.place(0));
        while let Some(at) = place {
            let (scores, handles) = self.tree.run(at);
            for (score, handle) in scores.iter().zip(handles) {
                let entry = model.next().expect("as many as in the model");
                assert_eq!((*score, *handle), (entry.0, entry.2));
            }
            place = self.tree.next_leaf(at);
        }
        assert!(model.next().is_none());
        let mut back = self.model.iter().rev();
        let mut place = (self.tree.len() > 0).then(|| self.tree.place(self.tree.len() - 1));
        while let Some(at) = place {
            let (_, handles) = self.tree.run_back(at);
            for handle in handles.iter().rev() {
                assert_eq!(*handle, back.next().expect("as many as in the model").2);
            }
            place = self.tree.prev_leaf(at);
        }
        assert!(back.next().is_none());
    }

    fn compare_ranks(&mut self) {
        let sorted: Vec<&Entry> = self.model.iter().collect();
        for _ in 0..50 {
            let score = self.rng.below(self.scores_max + 2) as f64 - (self.scores_max / 2) as f64;
            let before = sorted.partition_point(|entry| entry.0 < score);
            assert_eq!(
                self.tree.rank(&ScoreCut {
                    score,
                    behind: false
                }),
                before
            );
            let behind = sorted.partition_point(|entry| entry.0 <= score);
            assert_eq!(
                self.tree.rank(&ScoreCut {
                    score,
                    behind: true
                }),
                behind
            );
            if sorted.is_empty() {
                continue;
            }
            let rank = self.rng.below(sorted.len());
            let entry = sorted[rank];
            let key = Key {
                score: entry.0,
                member: &entry.1,
                members: &self.pool,
            };
            assert_eq!(self.tree.rank(&Before(key)), rank);
            let key = Key {
                score: entry.0,
                member: &entry.1,
                members: &self.pool,
            };
            assert_eq!(self.tree.rank(&Behind(key)), rank + 1);
            assert_eq!(self.tree.item(self.tree.place(rank)).handle, entry.2);
        }
    }
}

fn random_ops(seed: u64, members: usize, scores_max: usize, ops: usize) {
    let mut pair = Pair::new(seed, members, scores_max);
    for op in 0..ops {
        let handle = pair.rng.below(members);
        // Growing and shrinking by turns, so that nodes split and merge at every size.
        let grow = (op / (members * 3)).is_multiple_of(2);
        match pair.rng.below(100) {
            0 => {
                let start = pair.rng.below(pair.tree.len() + 1);
                let end = start + pair.rng.below(if grow { 5 } else { 300 });
                pair.remove_ranks(start, end);
            }
            n if n < if grow { 70 } else { 30 } => {
                let score = pair.score();
                pair.put(handle, score);
            }
            n if n < if grow { 80 } else { 40 } => {
                if let Some(old) = pair.scores[handle] {
                    pair.put(handle, old + 0.25);
                }
            }
            _ => pair.remove(handle),
        }
        if op % (ops / 20) == 0 {
            pair.compare();
            pair.compare_ranks();
        }
    }
    pair.compare();
    let len = pair.tree.len();
    pair.remove_ranks(len / 3, len - len / 3);
    pair.compare();
    pair.remove_ranks(0, len);
    pair.compare();
    assert_eq!(pair.tree.leaves.len(), 1);
    assert_eq!(pair.tree.inners.len(), 0);
}

#[test]
fn random_operations_match_an_ordered_set() {
    random_ops(1, 30_000, 1_000_000, 200_000);
}

#[test]
fn many_equal_scores_match_an_ordered_set() {
    random_ops(2, 12_000, 20, 100_000);
    random_ops(3, 3_000, 1, 40_000);
}

#[test]
fn ends_and_single_removals_keep_every_node_whole() {
    let mut pair = Pair::new(4, 60_000, 10);
    for handle in 0..30_000 {
        pair.put(handle, handle as f64);
    }
    pair.compare();
    assert!(
        pair.tree.leaves.len() <= 30_000 / LEAF_ITEMS + 1,
        "appending leaves full leaves"
    );
    for handle in 30_000..60_000 {
        pair.put(handle, -(handle as f64));
    }
    pair.compare();
    assert!(
        pair.tree.leaves.len() <= 60_000 / LEAF_ITEMS + 2,
        "prepending too"
    );
    assert_eq!(pair.tree.height, 2);
    for step in 0..60_000 {
        let rank = if step % 2 == 0 {
            0
        } else {
            pair.tree.len() - 1
        };
        pair.remove_ranks(rank, rank + 1);
        if step % 10_000 == 0 {
            pair.compare();
        }
    }
    pair.compare();
}

#[test]
fn a_tree_built_in_one_go_is_like_one_that_grew() {
    for len in [0, 1, 63, 64, 65, 4096, 4097, 70_000] {
        let pool = Pool((0..len).map(|n| format!("{n:06}").into_bytes()).collect());
        let items = (0..len as u32).map(|n| Item {
            score: f64::from(n / 3),
            handle: n,
        });
        let mut builder = TreeBuilder::new();
        items.for_each(|item| builder.push(item));
        let mut tree = builder.finish();
        tree.check(&pool);
        assert_eq!(tree.len(), len);
        for rank in (0..len).step_by(997) {
            assert_eq!(tree.item(tree.place(rank)).handle, rank as u32);
        }
        let cut = LexCut {
            member: b"000100",
            behind: true,
            members: &pool,
        };
        assert_eq!(tree.rank(&cut), len.min(101));
        while tree.drain_slice(100) > 0 {}
        assert_eq!(
            tree.heap_bytes(),
            tree.leaves.heap_bytes() + tree.inners.heap_bytes()
        );
    }
}

#[test]
fn a_member_can_move() {
    let mut pair = Pair::new(5, 5_000, 3);
    for handle in 0..4_000 {
        let score = pair.score();
        pair.put(handle, score);
    }
    for handle in 0..1_000 {
        let score = pair.scores[handle].take().expect("was put");
        let moved = handle + 4_000;
        let old = pair.entry(handle, score);
        pair.pool.0[moved] = old.1.clone();
        let item = Item {
            score,
            handle: handle as u32,
        };
        let spot = pair.tree.spot(item, &pair.pool).expect("is there");
        pair.model.remove(&old);
        pair.model.insert(Entry(score, old.1, moved as u32));
        pair.scores[moved] = Some(score);
        pair.pool.0[handle] = b"overwritten".to_vec();
        pair.tree.set_handle(spot, moved as u32);
    }
    pair.compare();
}

#[test]
fn random_inserts_fill_leaves_well() {
    let mut pair = Pair::new(6, 100_000, 1 << 40);
    for handle in 0..100_000 {
        let score = pair.rng.unit();
        pair.put(handle, score);
    }
    let bytes = pair.tree.heap_bytes() as f64 / 100_000.0;
    let fill = 100_000.0 / (pair.tree.leaves.len() * LEAF_ITEMS) as f64;
    assert!(fill > 0.75, "fill {fill}, {bytes} bytes an item");
}
