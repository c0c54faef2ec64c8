//! Groups, consumers, pending entries.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow::{Break, Continue};

use super::*;
use crate::random::Rng;

const NOW: i64 = 1000;

fn claim_options(now_ms: i64, min_idle_ms: i64) -> ClaimOptions {
    ClaimOptions {
        now_ms,
        min_idle_ms,
        delivery_time: now_ms,
        retry_count: None,
        force: false,
        just_id: false,
    }
}

fn grouped(n: u64) -> Stream {
    let mut stream = counted(n);
    assert!(stream.create_group(b"g", StreamId::MIN, None));
    assert!(!stream.create_group(b"g", StreamId::MIN, None));
    stream
}

/// Each pending entry as `id owner count`.
fn pending(stream: &Stream) -> Vec<String> {
    let group = stream.group(b"g").unwrap();
    let show = |p: &Pending| {
        let owner = String::from_utf8_lossy(group.owner_name(p)).into_owned();
        format!("{} {owner} {}", p.id, p.delivery_count)
    };
    group
        .pending_range(StreamId::MIN, StreamId::MAX)
        .map(show)
        .collect()
}

fn idle(
    stream: &mut Stream,
    consumer: &str,
    now_ms: i64,
    min_idle_ms: i64,
) -> Vec<(u64, i64, i64)> {
    let mut group = stream.group_mut(b"g").unwrap();
    let (to, _) = group.touch_consumer(consumer.as_bytes(), now_ms);
    let mut found = Vec::new();
    group.claim_idle(to, now_ms, min_idle_ms, usize::MAX, |idle| {
        found.push((idle.entry.id().ms, idle.idle_ms, idle.delivery_count));
        Continue(())
    });
    stream.check_invariants();
    found
}

#[derive(Clone, Debug, PartialEq)]
struct ModelPending {
    owner: Option<u64>,
    time: i64,
    count: i64,
}

/// A group as a map. Entries are `1-0` to `300-0`; consumers are called `c` and a number.
#[derive(Default)]
struct Model {
    pending: BTreeMap<u64, ModelPending>,
    released: Vec<u64>,
    gone: BTreeSet<u64>,
    read_up_to: u64,
}

impl Model {
    fn give(&mut self, ms: u64, consumer: u64, time: i64, count: i64) {
        self.pending.insert(
            ms,
            ModelPending {
                owner: Some(consumer),
                time,
                count,
            },
        );
        self.released.retain(|released| *released != ms);
    }

    fn ack(&mut self, ms: u64) -> bool {
        self.released.retain(|released| *released != ms);
        self.pending.remove(&ms).is_some()
    }

    fn nack(&mut self, ms: u64, mode: NackMode) -> bool {
        let Some(count) = self.pending.get(&ms).map(|p| p.count) else {
            return false;
        };
        let count = if mode == NackMode::Silent {
            (count - 1).max(0)
        } else {
            count
        };
        self.pending.insert(
            ms,
            ModelPending {
                owner: None,
                time: 0,
                count,
            },
        );
        self.released.retain(|released| *released != ms);
        self.released.push(ms);
        true
    }

    fn idle(&self, newest: i64, limit: usize) -> Vec<u64> {
        let mut order: Vec<(i64, u64)> = (self.pending.iter())
            .filter(|(_, p)| p.owner.is_some() && p.time <= newest)
            .map(|(ms, p)| (p.time, *ms))
            .collect();
        order.sort_unstable();
        let all = self
            .released
            .iter()
            .copied()
            .chain(order.into_iter().map(|(_, ms)| ms));
        all.filter(|ms| !self.gone.contains(ms))
            .take(limit)
            .collect()
    }

    /// An id that is pending more often than not.
    fn pick(&self, rng: &mut Rng) -> u64 {
        match self.pending.len() {
            n if n > 0 && rng.below(5) > 0 => *self.pending.keys().nth(rng.below(n)).unwrap(),
            _ => rng.below(300) as u64,
        }
    }

    fn claim(&mut self, group: &mut GroupMut<'_>, ms: u64, to: ConsumerIndex, n: u64, now: i64) {
        let options = ClaimOptions {
            force: n < 2,
            ..claim_options(now, 0)
        };
        let there = ms > 0 && !self.gone.contains(&ms);
        let count = self.pending.get(&ms).map(|p| p.count);
        match group.claim(ID(ms, 0), to, &options) {
            Claim::Deleted(before) => {
                assert!(!there);
                assert_eq!(self.ack(ms), before.is_some());
            }
            Claim::Skipped => assert!(there && count.is_none() && !options.force),
            Claim::Claimed(entry) => {
                assert!(there && entry.id() == ID(ms, 0));
                assert!(count.is_some() || options.force);
                self.give(ms, n, now, count.unwrap_or(1) + 1);
            }
        }
    }

    fn step(&mut self, stream: &mut Stream, rng: &mut Rng, now: i64) {
        let (n, some) = (rng.below(4) as u64, self.pick(rng));
        let (id, name) = (ID(some, 0), format!("c{n}"));
        let mut group = stream.group_mut(b"g").unwrap();
        let (to, _) = group.touch_consumer(name.as_bytes(), now);
        match rng.below(9) {
            0 | 1 => {
                group.deliver_new(to, now, rng.below(5), false, |entry| {
                    self.read_up_to = entry.id().ms;
                    self.give(self.read_up_to, n, now, 1);
                    Continue(())
                });
            }
            2 | 3 => assert_eq!(group.ack(id), self.ack(some)),
            4 => self.claim(&mut group, some, to, n, now),
            5 => {
                let mode = [NackMode::Silent, NackMode::Fail][rng.below(2)];
                assert_eq!(group.nack(id, mode, None, false), self.nack(some, mode));
            }
            6 => {
                let limit = 1 + rng.below(4);
                let mut expected = self.idle(now - 5, limit).into_iter();
                group.claim_idle(to, now, 5, limit, |idle| {
                    assert_eq!(Some(idle.entry.id().ms), expected.next());
                    self.give(idle.entry.id().ms, n, now, idle.delivery_count + 1);
                    Continue(())
                });
                assert_eq!(expected.next(), None);
            }
            7 if some % 5 == 0 => {
                let before = self.pending.len();
                self.pending.retain(|_, p| p.owner != Some(n));
                let owned = before - self.pending.len();
                assert_eq!(group.delete_consumer(name.as_bytes()), Some(owned));
            }
            _ => {
                if stream.delete(id) {
                    self.gone.insert(some);
                }
            }
        }
    }

    fn compare(&self, stream: &Stream) {
        let group = stream.group(b"g").unwrap();
        assert_eq!(group.last_id().ms, self.read_up_to);
        assert_eq!(group.pending_len(), self.pending.len());
        assert!(
            group
                .released()
                .map(|p| p.id.ms)
                .eq(self.released.iter().copied())
        );
        assert_eq!(group.released_len(), self.released.len());
        let pending = group.pending_range(StreamId::MIN, StreamId::MAX);
        for (p, (ms, expected)) in pending.zip(&self.pending) {
            assert_eq!(p.id.ms, *ms);
            let owner = expected
                .owner
                .map_or(String::new(), |consumer| format!("c{consumer}"));
            assert_eq!(group.owner_name(p), owner.as_bytes());
            assert_eq!(
                (p.delivery_time(), p.delivery_count),
                (expected.time, expected.count)
            );
        }
        for consumer in group.consumers() {
            let index = group.find_consumer(consumer.name()).unwrap();
            let number = u64::from(consumer.name()[1] - b'0');
            let owned = self.pending.iter().filter(|(_, p)| p.owner == Some(number));
            let found = group.consumer_pending_range(index, StreamId::MIN, StreamId::MAX);
            assert!(found.map(|p| p.id.ms).eq(owned.clone().map(|(ms, _)| *ms)));
            assert_eq!(consumer.pending_len(), owned.count());
        }
        stream.check_invariants();
    }
}

/// Random operations on one group against a map.
#[test]
fn follows_a_map() {
    for seed in 0..10 {
        let mut rng = Rng::new(seed);
        let (mut stream, mut model) = (grouped(300), Model::default());
        for step in 0..800 {
            model.step(&mut stream, &mut rng, NOW + step / 3);
            model.compare(&stream);
        }
    }
}

#[test]
fn reading_new_entries() {
    let mut stream = grouped(5);
    assert!(stream.group_mut(b"g").unwrap().has_news());
    assert_eq!(read(&mut stream, "g", "alice", NOW, 2), 2);
    assert_eq!(read(&mut stream, "g", "bob", NOW, 9), 3);
    assert_eq!(read(&mut stream, "g", "bob", NOW + 1, 9), 0);
    assert!(!stream.group_mut(b"g").unwrap().has_news());
    assert_eq!(pending(&stream)[1..3], ["2-0 alice 1", "3-0 bob 1"]);
    let group = stream.group(b"g").unwrap();
    let bob = group
        .consumer(group.find_consumer(b"bob").unwrap())
        .unwrap();
    assert_eq!(
        (bob.seen_time, bob.active_time, bob.pending_len()),
        (NOW + 1, NOW, 3)
    );
    assert_eq!(group.pending_edges(), Some((ID(1, 0), ID(5, 0))));
    // A group that is set back delivers again, whoever had it.
    stream.group_mut(b"g").unwrap().set_id(ID(1, 0), None);
    assert_eq!(read(&mut stream, "g", "bob", NOW + 5, 2), 2);
    assert_eq!(pending(&stream)[..2], ["1-0 alice 1", "2-0 bob 1"]);
    // Without acknowledgement nothing becomes pending, and nobody active.
    let mut group = stream.group_mut(b"g").unwrap();
    let (eve, created) = group.touch_consumer(b"eve", NOW);
    assert!(created);
    assert_eq!(group.deliver_new(eve, NOW, 1, true, |_| Continue(())), 1);
    assert_eq!(group.consumer(eve).unwrap().active_time, NEVER_ACTIVE);
    assert_eq!(group.last_id(), ID(4, 0));
    // A sink may stop.
    group.set_id(StreamId::MIN, None);
    assert_eq!(group.deliver_new(eve, NOW, 9, false, |_| Break(())), 1);
    assert_eq!(group.last_id(), ID(1, 0));
    group.set_id(StreamId::MAX, None);
    assert_eq!(group.deliver_new(eve, 0, 9, false, |_| Continue(())), 0);
    stream.check_invariants();
}

#[test]
fn reading_history() {
    let mut stream = grouped(4);
    read(&mut stream, "g", "alice", NOW, 3);
    stream.delete(ID(2, 0));
    let mut group = stream.group_mut(b"g").unwrap();
    let alice = group.find_consumer(b"alice").unwrap();
    let mut found = Vec::new();
    let mut history = |group: &mut GroupMut<'_>, start, limit| {
        group.deliver_history(alice, start, NOW + 9, limit, |id, entry| {
            found.push((id.ms, entry.is_some()));
            Continue(())
        })
    };
    assert_eq!(history(&mut group, ID(0, 1), 2), 2);
    assert_eq!(history(&mut group, ID(3, 0), 9), 1);
    assert_eq!(history(&mut group, ID(3, 1), 9), 0);
    assert_eq!(found, [(1, true), (2, false), (3, true)]);
    // What is gone was not delivered again.
    assert_eq!(
        pending(&stream),
        ["1-0 alice 2", "2-0 alice 1", "3-0 alice 2"]
    );
    let group = stream.group(b"g").unwrap();
    assert_eq!(group.pending(ID(1, 0)).unwrap().idle_ms(NOW + 10), 1);
    assert_eq!(group.pending(ID(2, 0)).unwrap().idle_ms(NOW - 10), 0);
}

#[test]
fn claiming() {
    let mut stream = grouped(4);
    read(&mut stream, "g", "alice", NOW, 3);
    stream.delete(ID(2, 0));
    let mut group = stream.group_mut(b"g").unwrap();
    let (bob, _) = group.touch_consumer(b"bob", NOW);
    let options = claim_options(NOW + 10, 11);
    assert!(matches!(
        group.claim(ID(1, 0), bob, &options),
        Claim::Skipped
    ));
    let options = claim_options(NOW + 11, 11);
    assert!(matches!(
        group.claim(ID(1, 0), bob, &options),
        Claim::Claimed(_)
    ));
    assert!(matches!(
        group.claim(ID(2, 0), bob, &options),
        Claim::Deleted(Some(_))
    ));
    assert!(matches!(
        group.claim(ID(2, 0), bob, &options),
        Claim::Deleted(None)
    ));
    assert!(matches!(
        group.claim(ID(4, 0), bob, &options),
        Claim::Skipped
    ));
    let forced = ClaimOptions {
        force: true,
        just_id: true,
        ..options
    };
    assert!(matches!(
        group.claim(ID(4, 0), bob, &forced),
        Claim::Claimed(_)
    ));
    let told = ClaimOptions {
        delivery_time: NOW + 4,
        retry_count: Some(7),
        ..options
    };
    assert!(matches!(
        group.claim(ID(3, 0), bob, &told),
        Claim::Claimed(_)
    ));
    assert_eq!(group.pending(ID(3, 0)).unwrap().delivery_time(), NOW + 4);
    assert!(group.raise_last_id(ID(9, 0)) && !group.raise_last_id(ID(9, 0)));
    assert_eq!(pending(&stream), ["1-0 bob 2", "3-0 bob 7", "4-0 bob 1"]);
    stream.check_invariants();
}

/// What Valkey 9.1.2 answers.
#[test]
fn claiming_automatically() {
    let mut stream = grouped(6);
    read(&mut stream, "g", "alice", NOW, 9);
    stream.delete(ID(2, 0));
    let mut group = stream.group_mut(b"g").unwrap();
    let (bob, _) = group.touch_consumer(b"bob", NOW);
    let claim = |group: &mut GroupMut<'_>, start, count, min_idle_ms| {
        let mut seen = Vec::new();
        let options = claim_options(NOW + 5, min_idle_ms);
        let next = group.autoclaim(bob, start, count, &options, |id, claim| {
            seen.push((id.ms, matches!(claim, Claim::Claimed(_))));
        });
        (next, seen)
    };
    // What is gone counts, and goes.
    let first = claim(&mut group, StreamId::MIN, 2, 1);
    assert_eq!(first, (ID(3, 0), vec![(1, true), (2, false)]));
    assert_eq!(
        claim(&mut group, ID(3, 0), 2, 1),
        (ID(5, 0), vec![(3, true), (4, true)])
    );
    assert_eq!(
        claim(&mut group, ID(5, 0), 2, 1),
        (StreamId::MIN, vec![(5, true), (6, true)])
    );
    assert_eq!(
        claim(&mut group, StreamId::MIN, 2, 1),
        (StreamId::MIN, vec![])
    );
    assert_eq!(
        claim(&mut group, StreamId::MAX, 2, 1),
        (StreamId::MIN, vec![])
    );
    stream.check_invariants();
    // It looks at ten times as many entries at most.
    let mut stream = grouped(30);
    read(&mut stream, "g", "bob", NOW, 30);
    let mut group = stream.group_mut(b"g").unwrap();
    assert_eq!(claim(&mut group, StreamId::MIN, 1, 99), (ID(11, 0), vec![]));
}

#[test]
fn releasing_and_claiming_what_is_idle() {
    let mut stream = grouped(5);
    read(&mut stream, "g", "alice", NOW, 2);
    read(&mut stream, "g", "alice", NOW + 10, 2);
    let mut group = stream.group_mut(b"g").unwrap();
    assert_eq!(group.next_idle_at(50), Some(NOW + 50));
    assert!(!group.has_idle(NOW + 9, 10) && group.has_idle(NOW + 10, 10));
    assert!(group.nack(ID(3, 0), NackMode::Silent, None, false));
    assert!(group.nack(ID(1, 0), NackMode::Fatal, None, false));
    assert!(!group.nack(ID(5, 0), NackMode::Fail, None, false));
    assert!(group.nack(ID(5, 0), NackMode::Fail, None, true));
    assert!(!group.nack(ID(6, 0), NackMode::Fail, Some(3), true));
    assert_eq!(
        (group.next_idle_at(50), group.released_len()),
        (Some(50), 3)
    );
    assert!(group.has_idle(NOW, i64::MAX));
    let max = i64::MAX;
    let shown = [
        "1-0  9223372036854775807",
        "2-0 alice 1",
        "3-0  0",
        "4-0 alice 1",
        "5-0  0",
    ];
    assert_eq!(pending(&stream), shown);
    assert_eq!(
        stream
            .group(b"g")
            .unwrap()
            .pending(ID(1, 0))
            .unwrap()
            .idle_ms(NOW),
        -1
    );
    let now = NOW + 15;
    let found = idle(&mut stream, "bob", now, 15);
    assert_eq!(found, [(3, now, 0), (1, now, max), (5, now, 0), (2, 15, 1)]);
    let shown = [
        "1-0 bob 9223372036854775807",
        "2-0 bob 2",
        "3-0 bob 1",
        "4-0 alice 1",
        "5-0 bob 1",
    ];
    assert_eq!(pending(&stream), shown);
    // 4 was delivered at 1010, the others at 1015.
    let mut order: Vec<u64> = idle(&mut stream, "eve", NOW + 20, 0)
        .iter()
        .map(|f| f.0)
        .collect();
    assert_eq!(order, [4, 1, 2, 3, 5]);
    stream.delete(ID(4, 0));
    order = idle(&mut stream, "bob", NOW + 90, 1)
        .iter()
        .map(|f| f.0)
        .collect();
    assert_eq!(order, [1, 2, 3, 5]);
}

#[test]
fn consumers() {
    let mut stream = grouped(3);
    let mut group = stream.group_mut(b"g").unwrap();
    for name in ["bob", "alice", "eve"] {
        assert!(group.create_consumer(name.as_bytes(), NOW).is_some());
        assert!(group.create_consumer(name.as_bytes(), NOW).is_none());
    }
    assert_eq!(group.delete_consumer(b"bob"), Some(0));
    assert_eq!(group.delete_consumer(b"bob"), None);
    assert!(group.create_consumer(b"zoe", NOW).is_some());
    let names: Vec<_> = group
        .consumers()
        .map(|consumer| consumer.name().to_vec())
        .collect();
    assert_eq!(names, [&b"alice"[..], b"eve", b"zoe"]);
    read(&mut stream, "g", "zoe", NOW, 2);
    read(&mut stream, "g", "eve", NOW, 2);
    assert_eq!(
        stream.group_mut(b"g").unwrap().delete_consumer(b"zoe"),
        Some(2)
    );
    assert_eq!(pending(&stream), ["3-0 eve 1"]);
    stream.check_invariants();
    assert!(stream.destroy_group(b"h").is_none() && stream.destroy_group(b"g").is_some());
    assert_eq!(stream.groups().len(), 0);
}

/// Counted and lagging entries, as Valkey 9.1.2 tells them, but where a group stands before all of
/// the stream: there as Redis 7.4 and Valkey 9.1.4.
#[test]
fn entries_read_and_lag() {
    let told = |stream: &Stream| {
        let group = stream.group(b"g").unwrap();
        (group.entries_read(), stream.counters().lag(group))
    };
    let mut stream = Stream::new();
    stream.create_group(b"g", StreamId::MIN, None);
    assert_eq!(told(&stream), (None, Some(0)));
    for ms in 1..=5 {
        add(&mut stream, &ms.to_string());
    }
    assert_eq!(told(&stream), (None, Some(5)));
    read(&mut stream, "g", "c", NOW, 1);
    assert_eq!(told(&stream), (Some(1), Some(4)));
    // A hole ahead: nobody knows.
    stream.delete(ID(4, 0));
    assert_eq!(told(&stream), (Some(1), None));
    read(&mut stream, "g", "c", NOW, 1);
    assert_eq!(told(&stream), (None, None));
    read(&mut stream, "g", "c", NOW, 9);
    assert_eq!(told(&stream), (Some(5), Some(0)));
    // The hole is behind the group, then behind the stream.
    add(&mut stream, "6");
    assert_eq!(told(&stream), (Some(5), Some(1)));
    stream.group_mut(b"g").unwrap().set_id(ID(1, 0), Some(99));
    assert_eq!(told(&stream), (Some(6), None));
    let to = TrimTo::MinId(ID(5, 0));
    stream.trim(&Trim {
        to,
        approximate: false,
        limit: 0,
        references: RefPolicy::Keep,
    });
    assert_eq!(told(&stream), (Some(6), Some(2)));
    stream.group_mut(b"g").unwrap().set_id(ID(4, 0), Some(1));
    assert_eq!(told(&stream), (Some(1), Some(2)));
    stream.group_mut(b"g").unwrap().set_id(ID(4, 5), Some(1));
    assert_eq!(told(&stream), (Some(1), Some(2)));
    read(&mut stream, "g", "c", NOW, 1);
    assert_eq!(told(&stream), (Some(5), Some(1)));
    stream.group_mut(b"g").unwrap().set_id(ID(99, 0), None);
    assert_eq!(told(&stream), (None, None));
    stream.delete(ID(5, 0));
    stream.delete(ID(6, 0));
    stream.group_mut(b"g").unwrap().set_id(ID(5, 0), None);
    assert_eq!(told(&stream), (None, Some(0)));
}
