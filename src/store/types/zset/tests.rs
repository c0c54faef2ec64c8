use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::store::hash::seeded;
use crate::store::types::sequence::{Digest, Sequence};

/// A member in the order of a sorted set.
#[derive(Clone, Debug, PartialEq)]
struct Placed(f64, Vec<u8>);

impl Eq for Placed {}

impl Ord for Placed {
    fn cmp(&self, other: &Placed) -> Ordering {
        self.0
            .total_cmp(&other.0)
            .then_with(|| self.1.cmp(&other.1))
    }
}

impl PartialOrd for Placed {
    fn partial_cmp(&self, other: &Placed) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A set and what it should hold.
struct Pair {
    set: ZSet,
    scores: BTreeMap<Vec<u8>, f64>,
    order: BTreeSet<Placed>,
    rng: Rng,
    limits: ZSetLimits,
    hash: HashState,
}

impl Pair {
    fn new(seed: u64, limits: ZSetLimits) -> Pair {
        Pair {
            set: ZSet::new(),
            scores: BTreeMap::new(),
            order: BTreeSet::new(),
            rng: Rng::new(seed),
            limits,
            hash: seeded(seed),
        }
    }

    fn put(&mut self, member: &[u8], score: f64) {
        let old = self.scores.insert(member.to_vec(), score);
        assert_eq!(self.set.insert(member, score, self.limits, &self.hash), old);
        if let Some(old) = old {
            self.order.remove(&Placed(old, member.to_vec()));
        }
        self.order.insert(Placed(score, member.to_vec()));
    }

    fn take(&mut self, member: &[u8]) {
        let old = self.scores.remove(member);
        assert_eq!(self.set.remove(member), old);
        if let Some(old) = old {
            self.order.remove(&Placed(old, member.to_vec()));
        }
    }

    fn take_range(&mut self, ranks: Range<usize>) {
        let mut gone = Vec::new();
        self.set.remove_range(ranks.clone(), |member, score| {
            gone.push(Placed(score, member.to_vec()));
        });
        let want: Vec<Placed> = self
            .order
            .iter()
            .skip(ranks.start)
            .take(ranks.len())
            .cloned()
            .collect();
        assert_eq!(gone, want);
        for placed in want {
            self.order.remove(&placed);
            self.scores.remove(&placed.1);
        }
    }

    fn random_op(&mut self, members: usize, scores: usize) {
        let n = self.rng.below(members);
        // Integers, negative ones, text, and texts longer than most.
        let member = match n % 4 {
            0 => format!("{n}"),
            1 => format!("-{n}"),
            2 => format!("member:{n}"),
            _ => format!("{n:x}{}", "m".repeat(n % 200)),
        };
        let score = match self.rng.below(20) {
            0 => f64::INFINITY,
            1 => f64::NEG_INFINITY,
            2 => 0.1 * self.rng.below(scores) as f64,
            3 => self.rng.below(scores) as f64 * 1e17 + 0.5,
            _ => self.rng.below(scores) as f64,
        };
        match self.rng.below(10) {
            0..6 => self.put(member.as_bytes(), score),
            6 if self.rng.below(20) == 0 => {
                let start = self.rng.below(self.set.len() + 1);
                let len = self.rng.below(self.set.len() / 4 + 2);
                self.take_range(start..(start + len).min(self.set.len()));
            }
            _ => self.take(member.as_bytes()),
        }
    }

    fn compare(&mut self) {
        self.set.check_invariants();
        assert_eq!(self.set.len(), self.order.len());
        let all: Vec<Placed> = self.order.iter().cloned().collect();
        let listed = |iter: Iter<'_>| -> Vec<Placed> {
            iter.map(|(member, score)| Placed(score, member.to_vec()))
                .collect()
        };
        assert_eq!(listed(self.set.iter()), all);
        for _ in 0..20 {
            let start = self.rng.below(all.len() + 2);
            let end = start + self.rng.below(all.len() + 2);
            let cut = start.min(all.len())..end.min(all.len());
            assert_eq!(listed(self.set.range(start..end)), all[cut.clone()]);
            let mut back = listed(self.set.range_rev(start..end));
            back.reverse();
            assert_eq!(back, all[cut]);
            self.compare_scores(&all);
            if all.is_empty() {
                continue;
            }
            let rank = self.rng.below(all.len());
            let placed = &all[rank];
            assert_eq!(self.set.rank(&placed.1), Some((rank, placed.0)));
            assert_eq!(self.set.score(&placed.1), Some(placed.0));
            let (member, score) = self.set.get(rank).expect("there is one");
            assert_eq!(Placed(score, member.to_vec()), *placed);
            let (member, score) = self.set.random(&mut self.rng).expect("there is one");
            assert_eq!(self.scores.get(&member.to_vec()), Some(&score));
        }
        assert_eq!(self.set.score(b"nobody"), None);
        assert_eq!(self.set.rank(b"nobody"), None);
        assert!(self.set.get(all.len()).is_none());
        let mut drawn = Vec::new();
        self.set.sample(&mut self.rng, all.len(), |member, score| {
            drawn.push(Placed(score, member.to_vec()));
        });
        drawn.sort();
        assert_eq!(drawn, all);
    }

    fn compare_scores(&mut self, all: &[Placed]) {
        let mut bound = || match self.rng.below(6) {
            0 => f64::INFINITY,
            1 => f64::NEG_INFINITY,
            _ if all.is_empty() => 0.0,
            _ => all[self.rng.below(all.len())].0,
        };
        let (min, max) = (bound(), bound());
        let range = ScoreRange {
            min,
            min_excluded: self.rng.below(2) == 0,
            max,
            max_excluded: self.rng.below(2) == 0,
        };
        let inside = all
            .iter()
            .filter(|placed| range.is_from(placed.0) && range.is_to(placed.0));
        let inside: Vec<&Placed> = inside.collect();
        let ranks = self.set.score_range(&range);
        assert_eq!(ranks.len(), inside.len(), "{range:?}");
        if let Some(first) = inside.first() {
            assert_eq!(all[ranks.start], **first);
        }
    }
}

const SMALL: ZSetLimits = ZSetLimits {
    max_listpack_entries: 128,
    max_listpack_value: 64,
};
const NEVER: ZSetLimits = ZSetLimits {
    max_listpack_entries: 0,
    max_listpack_value: 64,
};
const ALWAYS: ZSetLimits = ZSetLimits {
    max_listpack_entries: 10_000,
    max_listpack_value: 10_000,
};

#[test]
fn a_large_set_matches_a_model() {
    let mut pair = Pair::new(1, NEVER);
    for op in 0..60_000 {
        pair.random_op(6_000, 3_000);
        if op % 6_000 == 0 {
            pair.compare();
        }
    }
    assert_eq!(pair.set.encoding(), "skiplist");
    pair.compare();
}

#[test]
fn a_small_set_matches_a_model() {
    let mut pair = Pair::new(2, ALWAYS);
    for op in 0..20_000 {
        pair.random_op(120, 20);
        if op % 500 == 0 {
            pair.compare();
            assert!(pair.set.is_empty() || pair.set.encoding() == "listpack");
        }
    }
    pair.compare();
}

#[test]
fn a_set_that_grows_out_of_its_encoding_matches_a_model() {
    for seed in 3..30 {
        let mut pair = Pair::new(seed, SMALL);
        for op in 0..600 {
            pair.random_op(2 << (seed % 10), 20);
            if op % 100 == 0 {
                pair.compare();
            }
        }
        pair.compare();
    }
}

#[test]
fn encodings_change_where_redis_changes_them() {
    let hash = seeded(1);
    let mut set = ZSet::new();
    for n in 0..128 {
        set.insert(format!("{n:064}").as_bytes(), 1.0, SMALL, &hash);
    }
    assert_eq!((set.len(), set.encoding()), (128, "listpack"));
    set.insert(format!("{:064}", 5).as_bytes(), 2.0, SMALL, &hash);
    assert_eq!(set.encoding(), "listpack");
    set.insert(b"one more", 1.0, SMALL, &hash);
    assert_eq!((set.len(), set.encoding()), (129, "skiplist"));
    let mut set = ZSet::new();
    set.insert(&[b'x'; 65], 1.0, SMALL, &hash);
    assert_eq!(set.encoding(), "skiplist");
    assert_eq!(ZSet::sized(129, 1, SMALL, &hash).encoding(), "skiplist");
    assert_eq!(ZSet::sized(128, 64, SMALL, &hash).encoding(), "listpack");
}

/// The digest is that of the listpacks in Valkey 9.1.2's DUMP payloads after the same commands.
#[test]
fn a_small_set_has_the_bytes_of_a_real_server() {
    let (mut numbers, hash) = (Sequence::new(21), seeded(1));
    let (mut set, mut digest) = (ZSet::new(), Digest::new());
    for _ in 0..3000 {
        let m = numbers.below(60);
        let name = match m % 3 {
            0 => format!("{}", m * m * 37),
            1 => format!("-{m}"),
            _ => format!("member:{m}"),
        };
        let score = match numbers.below(6) {
            0 => numbers.below(100) as f64 - 50.0,
            1 => (numbers.below(2_000_001) as f64 - 1e6) / 4.0,
            2 => numbers.below(1000) as f64 / 1000.0,
            3 => {
                let product = numbers.below(1 << 31) * numbers.below(1 << 31);
                (product as i64 - (1 << 60)) as f64
            }
            4 => {
                let odd = [f64::INFINITY, f64::NEG_INFINITY, 1e100, -1.5e-7, -0.0, 0.1];
                odd[numbers.below(6) as usize]
            }
            _ => 3.0,
        };
        if numbers.below(5) == 0 {
            set.remove(name.as_bytes());
        } else {
            set.insert(name.as_bytes(), score, SMALL, &hash);
        }
        if numbers.below(10) == 0 && !set.is_empty() {
            digest.add(set.as_listpack().expect("a small set"));
        }
    }
    assert_eq!(set.len(), 50);
    assert_eq!(digest, Digest(0xf35f_8ce2_db4b_f9ad));
}

#[test]
fn listpacks_from_outside_are_checked() {
    let hash = seeded(1);
    let load = |bytes: &[u8], limits| ZSet::from_listpack(bytes, limits, &hash);
    let real = b"2\0\0\0\x0c\0\x81c\x02\x84-inf\x05\x81z\x02\0\x01\x81a\x02\x01\x01\x81b\x02\
        \x831.5\x04\x0c\x01\x03\x01\x83big\x04\x851e+20\x06\xff";
    let set = load(real, SMALL).expect("valid");
    assert_eq!(set.as_listpack(), Some(&real[..]));
    assert_eq!(set.rank(b"12"), Some((4, 3.0)));
    assert_eq!(set.score(b"big"), Some(1e20));
    let set = load(real, NEVER).expect("valid");
    assert_eq!((set.len(), set.encoding()), (6, "skiplist"));
    set.check_invariants();
    let pack = |entries: &[&str]| {
        let mut pack = Listpack::new();
        entries.iter().for_each(|entry| pack.push(entry.as_bytes()));
        pack.as_bytes().to_vec()
    };
    assert!(load(&pack(&["a", "1", "b"]), SMALL).is_err(), "no score");
    assert!(
        load(&pack(&["a", "1", "b", "x"]), SMALL).is_err(),
        "no number"
    );
    assert!(
        load(&pack(&["a", "1", "b", "nan"]), SMALL).is_err(),
        "not a number"
    );
    assert!(load(&pack(&["a", "1", "a", "2"]), SMALL).is_err(), "twice");
    assert!(load(&real[..20], SMALL).is_err(), "cut off");
    let set = load(&pack(&["b", "2", "a", "1", "7", "1"]), SMALL).expect("only unsorted");
    let order: Vec<Vec<u8>> = set.iter().map(|(member, _)| member.to_vec()).collect();
    assert_eq!(order, [b"7", b"a", b"b"]);
    set.check_invariants();
}

#[test]
fn lexical_ranges() {
    let words = ["", "a", "aa", "ab", "b", "c", "cc", "d", "12", "-3"];
    for limits in [SMALL, NEVER] {
        let mut pair = Pair::new(1, limits);
        for word in words {
            pair.put(word.as_bytes(), 7.0);
        }
        for n in 0..300 * usize::from(limits == NEVER) {
            pair.put(format!("x{n:03}").as_bytes(), 7.0);
        }
        let all: Vec<Vec<u8>> = pair.order.iter().map(|placed| placed.1.clone()).collect();
        let bounds = [
            "-", "+", "[a", "(a", "[ab", "(abc", "[", "(", "[x150", "(x150", "[zz",
        ];
        for min in bounds {
            for max in bounds {
                let range = LexRange::parse(min.as_bytes(), max.as_bytes()).expect("valid");
                let inside = all.iter().filter(|m| range.is_from(m) && range.is_to(m));
                let inside: Vec<&Vec<u8>> = inside.collect();
                let ranks = pair.set.lex_range(&range);
                assert_eq!(ranks.len(), inside.len(), "{min} {max}");
                if let Some(first) = inside.first() {
                    assert_eq!(all[ranks.start], **first);
                }
            }
        }
    }
    for bad in ["", "a", "--", "+a", "-a"] {
        assert_eq!(LexBound::parse(bad.as_bytes()), None, "{bad}");
    }
}

#[test]
fn lexical_ranges_of_mixed_scores_do_no_harm() {
    let mut pair = Pair::new(1, NEVER);
    for n in 0..3000 {
        let score = pair.rng.below(50) as f64;
        pair.put(format!("{}", n * 7919 % 3001).as_bytes(), score);
    }
    for n in 0..300 {
        let (min, max) = (format!("[{n}"), format!("({}", 300 - n));
        let range = LexRange::parse(min.as_bytes(), max.as_bytes()).expect("valid");
        let ranks = pair.set.lex_range(&range);
        assert!(ranks.start <= ranks.end && ranks.end <= 3000);
        assert_eq!(pair.set.range(ranks.clone()).count(), ranks.len());
    }
}

/// As Valkey 9.1.2 reads them.
#[test]
fn bounds_of_scores_are_read_loosely() {
    let good: [(&str, f64, bool); 17] = [
        ("", 0.0, false),
        ("(", 0.0, true),
        ("+1", 1.0, false),
        ("(+1", 1.0, true),
        (".5", 0.5, false),
        ("5.", 5.0, false),
        ("+inf", f64::INFINITY, false),
        ("Inf", f64::INFINITY, false),
        ("INFINITY", f64::INFINITY, false),
        ("1e+1", 10.0, false),
        ("1.e1", 10.0, false),
        ("(-inf", f64::NEG_INFINITY, true),
        ("1e5000", f64::INFINITY, false),
        ("-1e5000", f64::NEG_INFINITY, false),
        ("1e-400", 0.0, false),
        ("0e9999", 0.0, false),
        ("-0", 0.0, false),
    ];
    for (text, score, excluded) in good {
        let range = ScoreRange::parse(text.as_bytes(), b"7").expect(text);
        assert_eq!((range.min, range.min_excluded), (score, excluded), "{text}");
    }
    for text in [
        "1e", "-nan", "nan", "(nan", "0x10", "1_0", "+-1", "infinit", "1 ", " 1", "\t1", ".", "-",
        "1d", "((1",
    ] {
        assert!(ScoreRange::parse(b"7", text.as_bytes()).is_none(), "{text}");
    }
}

#[test]
fn upsert_decides_once() {
    let hash = seeded(1);
    for limits in [SMALL, NEVER] {
        let mut set = ZSet::new();
        let seen = set.upsert(b"a", limits, &hash, |old| old.map(|score| score + 1.0));
        assert_eq!(
            (seen, set.len()),
            (None, 0),
            "nothing there, nothing wanted"
        );
        set.upsert(b"a", limits, &hash, |_| Some(f64::NAN));
        assert_eq!(set.len(), 0, "no NaN");
        assert_eq!(
            set.upsert(b"a", limits, &hash, |old| old.or(Some(1.0))),
            None
        );
        assert_eq!(
            set.upsert(b"a", limits, &hash, |old| old.map(|s| s + 1.0)),
            Some(1.0)
        );
        assert_eq!(set.score(b"a"), Some(2.0));
        assert_eq!(set.upsert(b"a", limits, &hash, |_| None), Some(2.0));
        assert_eq!(set.score(b"a"), Some(2.0));
    }
}

#[test]
fn scanning_finds_what_stays() {
    let hash = seeded(1);
    let mut set = ZSet::new();
    for n in 0..10_000 {
        set.insert(format!("stays{n}").as_bytes(), f64::from(n), SMALL, &hash);
        set.insert(format!("goes{n}").as_bytes(), f64::from(n), SMALL, &hash);
    }
    let (mut seen, mut cursor, mut gone) = (BTreeSet::new(), 0, 0);
    loop {
        cursor = set.scan(cursor, 100, |member, _| {
            seen.insert(member.to_vec());
        });
        if cursor == 0 {
            break;
        }
        for _ in 0..50 {
            set.remove(format!("goes{gone}").as_bytes());
            set.insert(format!("comes{gone}").as_bytes(), 1.0, SMALL, &hash);
            gone += 1;
        }
    }
    assert!((0..10_000).all(|n| seen.contains(format!("stays{n}").as_bytes())));
}

#[test]
fn sets_are_built_in_one_go() {
    let hash = seeded(1);
    let names: Vec<String> = (0..5000).map(|n| format!("m{}", n * 7919 % 5003)).collect();
    for len in [0, 1, 128, 129, 5000] {
        let members = names[..len].iter().enumerate();
        let members = members
            .map(|(n, name)| (name.as_bytes(), (n % 10) as f64))
            .collect();
        let set = ZSet::from_unique(members, SMALL, &hash);
        set.check_invariants();
        assert_eq!(set.len(), len);
        assert_eq!(
            set.encoding(),
            if len > 128 { "skiplist" } else { "listpack" }
        );
        let listed: Vec<Placed> = set
            .iter()
            .map(|(member, score)| Placed(score, member.to_vec()))
            .collect();
        assert!(listed.is_sorted());
    }
}

#[test]
fn ranges_and_sets_are_copied() {
    let mut pair = Pair::new(8, SMALL);
    for _ in 0..2000 {
        pair.random_op(1000, 30);
    }
    let all: Vec<(Vec<u8>, f64)> = pair.set.iter().map(|(m, s)| (m.to_vec(), s)).collect();
    for (ranks, encoding) in [
        (0..0, "listpack"),
        (3..200, "skiplist"),
        (10..12, "listpack"),
    ] {
        let limits = ZSetLimits {
            max_listpack_value: 1000,
            ..SMALL
        };
        let copy = pair.set.copy_range(ranks.clone(), limits, &pair.hash);
        copy.check_invariants();
        assert_eq!(copy.encoding(), encoding);
        let members: Vec<_> = copy.iter().map(|(m, s)| (m.to_vec(), s)).collect();
        assert_eq!(members, all[ranks]);
        let twice = copy.copy(&pair.hash);
        twice.check_invariants();
        assert_eq!((twice.encoding(), twice.len()), (encoding, copy.len()));
    }
    assert_eq!(pair.set.range(5..10).remaining(), 5);
}

#[test]
fn a_set_that_shrinks_gives_its_memory_back() {
    let name = |n: usize| format!("member:{n:05}");
    let mut pair = Pair::new(9, NEVER);
    for n in 0..30_000 {
        pair.put(name(n).as_bytes(), (n % 100) as f64);
    }
    let before = pair.set.heap_bytes(0);
    for n in (0..30_000).filter(|n| n % 16 > 0) {
        pair.take(name(n).as_bytes());
    }
    let after = pair.set.heap_bytes(0);
    assert!(after * 4 < before, "{before} to {after}");
    pair.compare();
}

#[test]
fn long_members_lie_in_boxes() {
    let mut pair = Pair::new(10, SMALL);
    for len in [
        0, 1, 63, 64, 65, 127, 128, 129, 1000, 1024, 5000, 16_383, 16_384, 100_000,
    ] {
        pair.put(&vec![b'x'; len], len as f64);
        pair.put(&vec![b'y'; len], 3.0);
    }
    pair.compare();
    for len in [0, 128, 16_384] {
        pair.take(&vec![b'x'; len]);
    }
    pair.compare();
}

#[test]
fn a_set_is_given_up_in_slices() {
    let hash = seeded(1);
    let mut set = ZSet::new();
    for n in 0..20_000 {
        set.insert(format!("member:{n}").as_bytes(), f64::from(n), SMALL, &hash);
    }
    let mut slices = 0;
    while set.drain_slice(500) > 0 {
        slices += 1;
        assert!(slices < 1000, "it comes to an end");
    }
    assert!(slices > 10);
    assert_eq!((set.len(), set.heap_bytes(0)), (0, 0));
}

#[test]
fn a_large_set_is_small_in_memory_and_can_be_sent() {
    fn is_send<T: Send>() {}
    is_send::<ZSet>();
    let (hash, mut rng) = (seeded(1), Rng::new(1));
    let mut set = ZSet::new();
    for n in 0..100_000 {
        let member = format!("member:{n:013}");
        set.insert(member.as_bytes(), rng.unit(), SMALL, &hash);
    }
    let bytes = set.heap_bytes(0) / 100_000;
    assert!(bytes <= 70, "{bytes} bytes for a member of 20");
}
