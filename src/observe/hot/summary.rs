//! The keys that weigh most in a stream of uses, in fixed memory: Space-Saving.
//!
//! A summary tracks so many keys. One more takes the place of the lightest and inherits its weight,
//! so that the weights always add up to that of the whole stream, and a key heavier than the
//! stream's weight divided by the number of tracked keys is certain to be there (Metwally, Agrawal,
//! El Abbadi: "Efficient Computation of Frequent and Top-k Elements in Data Streams", 2005). The
//! costs beside the weight are not inherited: they are what the key itself was seen to do.
//!
//! The lightest is at the root of a binary heap; a hash table finds an entry by its key. The heap
//! knows what entries weighed when they were last moved in it: weights only grow, so that this is a
//! lower bound, and it is put right where it comes to the root. A use of a tracked key is O(1), of
//! another one O(log n); nothing is allocated once every entry has held a long name.

use hashbrown::HashTable;

use crate::store::db::Key;

use super::NAME_BYTES_MAX;

/// Fewer are never tracked: what decides how small a share is certain to be seen.
pub const TRACKED_MIN: usize = 128;
/// Nor more. Bounds the memory: an entry takes at most 600 bytes.
pub const TRACKED_MAX: usize = 8 * 1024;
/// Keys tracked for one that is shown, so that those that are shown are the right ones.
const TRACKED_FOR_ONE: usize = 8;

/// How many keys to track so that so many can be shown.
pub fn tracked_for(shown: usize) -> usize {
    match shown {
        0 => 0,
        shown => (shown * TRACKED_FOR_ONE).clamp(TRACKED_MIN, TRACKED_MAX),
    }
}

/// What uses of a key cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Commands that named it.
    pub calls: u64,
    /// Bytes of requests and replies.
    pub bytes: u64,
    /// Time, nanoseconds.
    pub ns: u64,
}

impl Cost {
    /// Adds `other`.
    pub fn add(&mut self, other: &Cost) {
        self.calls = self.calls.saturating_add(other.calls);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.ns = self.ns.saturating_add(other.ns);
    }

    /// So many of it.
    pub fn times(&self, count: u64) -> Cost {
        Cost {
            calls: self.calls.saturating_mul(count),
            bytes: self.bytes.saturating_mul(count),
            ns: self.ns.saturating_mul(count),
        }
    }

    /// The figure that an order goes by.
    pub fn by(&self, order: Order) -> u64 {
        match order {
            Order::Calls => self.calls,
            Order::Net => self.bytes,
            Order::Cpu => self.ns,
        }
    }
}

/// What keys are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Commands.
    Calls,
    /// Bytes of requests and replies.
    Net,
    /// Time.
    Cpu,
}

impl Order {
    /// Every order.
    pub const ALL: [Order; 3] = [Order::Calls, Order::Net, Order::Cpu];
}

/// How much a cost weighs: a multiple of each of its parts, in 2^-16.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    calls: u64,
    bytes: u64,
    ns: u64,
}

/// The weight of a mean call.
const MEAN_WEIGHT: u64 = 256;
const ONE: u64 = 1 << 16;

impl Scale {
    /// The parts weigh alike, in a stream whose uses cost as those of `total` did. Without any, as
    /// commands of 64 bytes in a microsecond.
    pub fn all(total: &Cost) -> Scale {
        let mean = match total.calls {
            0 => [64, 1_000],
            calls => [total.bytes / calls, total.ns / calls],
        };
        let of = |mean: u64| MEAN_WEIGHT * ONE / mean.max(1);
        Scale {
            calls: MEAN_WEIGHT * ONE,
            bytes: of(mean[0]),
            ns: of(mean[1]),
        }
    }

    /// One part alone.
    pub fn only(order: Order) -> Scale {
        let of = |part| if order == part { ONE } else { 0 };
        Scale {
            calls: of(Order::Calls),
            bytes: of(Order::Net),
            ns: of(Order::Cpu),
        }
    }

    fn weight(&self, cost: &Cost) -> u64 {
        let part = |cost: u64, scale: u64| cost.saturating_mul(scale) / ONE;
        part(cost.calls, self.calls)
            .saturating_add(part(cost.bytes, self.bytes))
            .saturating_add(part(cost.ns, self.ns))
    }
}

/// A key and what is known of it.
#[derive(Debug)]
pub struct Tracked {
    /// Its name.
    pub name: Vec<u8>,
    /// Its database.
    pub db: u32,
    /// What it was seen to cost.
    pub cost: Cost,
    hash: u64,
    weight: u64,
}

/// A summary. See the module's text.
#[derive(Debug)]
pub struct Summary {
    capacity: usize,
    entries: Vec<Tracked>,
    /// Entries with a lower bound of their weight, which is nowhere below that at half the place.
    heap: Vec<(u64, u16)>,
    /// Entries by the hash of their key.
    index: HashTable<u16>,
}

impl Summary {
    /// Tracks up to `capacity` keys. Memory for them is taken at once, but for their names: it does
    /// not grow into what `maxmemory` has given to data.
    pub fn new(capacity: usize) -> Summary {
        let capacity = capacity.min(TRACKED_MAX);
        Summary {
            capacity,
            entries: Vec::with_capacity(capacity),
            heap: Vec::with_capacity(capacity),
            index: HashTable::with_capacity(capacity),
        }
    }

    /// How many keys it tracks at most.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Forgets every key.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.heap.clear();
        self.index.clear();
    }

    /// Forgets the keys of a database. Takes time in proportion to what is tracked.
    pub fn forget_database(&mut self, db: u32) {
        if self.entries.iter().all(|entry| entry.db != db) {
            return;
        }
        let room = Vec::with_capacity(self.capacity);
        let kept = std::mem::replace(&mut self.entries, room);
        self.clear();
        for entry in kept.into_iter().filter(|entry| entry.db != db) {
            self.admit(entry);
        }
    }

    /// The first `count` keys in an order, the costliest first.
    pub fn ranked(&self, order: Order, count: usize) -> Vec<&Tracked> {
        let mut found: Vec<_> = self.entries.iter().collect();
        // Names decide between equals, so that the order is always the same.
        let key = |entry: &&Tracked| std::cmp::Reverse(entry.cost.by(order));
        found.sort_unstable_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name)));
        found.retain(|entry| entry.cost.by(order) > 0);
        found.truncate(count);
        found
    }

    /// Counts a use of a key.
    pub fn count(&mut self, key: &Key<'_>, db: u32, cost: &Cost, scale: &Scale) {
        debug_assert!(key.bytes.len() <= NAME_BYTES_MAX);
        let hash = key.hash ^ u64::from(db).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let weight = scale.weight(cost);
        let is_it = |id: &u16| {
            let entry = &self.entries[*id as usize];
            entry.hash == hash && entry.db == db && entry.name == key.bytes
        };
        if let Some(id) = self.index.find(hash, is_it) {
            let entry = &mut self.entries[*id as usize];
            entry.weight = entry.weight.saturating_add(weight);
            entry.cost.add(cost);
        } else if self.entries.len() < self.capacity {
            self.admit(Tracked {
                name: key.bytes.to_vec(),
                db,
                cost: *cost,
                hash,
                weight,
            });
        } else if self.capacity > 0 {
            let id = self.lightest();
            let entry = &mut self.entries[id as usize];
            if let Ok(found) = self.index.find_entry(entry.hash, |other| *other == id) {
                found.remove();
            }
            entry.name.clear();
            entry.name.extend_from_slice(key.bytes);
            entry.hash = hash;
            entry.db = db;
            entry.cost = *cost;
            entry.weight = entry.weight.saturating_add(weight);
            let weight = entry.weight;
            self.sink(weight);
            self.enter(hash, id);
        }
    }

    fn admit(&mut self, entry: Tracked) {
        let id = self.entries.len() as u16;
        let (hash, weight) = (entry.hash, entry.weight);
        self.entries.push(entry);
        self.enter(hash, id);
        self.heap.push((weight, id));
        let mut place = self.heap.len() - 1;
        while place > 0 && self.heap[(place - 1) / 2].0 > weight {
            self.heap.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
    }

    fn enter(&mut self, hash: u64, id: u16) {
        let entries = &self.entries;
        self.index
            .insert_unique(hash, id, |id| entries[*id as usize].hash);
    }

    /// The entry at the root, once that is the lightest.
    fn lightest(&mut self) -> u16 {
        loop {
            let (bound, id) = self.heap[0];
            let weight = self.entries[id as usize].weight;
            if weight == bound {
                return id;
            }
            self.sink(weight);
        }
    }

    /// The entry at the root weighs so much now: it goes down until none below it is lighter.
    fn sink(&mut self, weight: u64) {
        let heap = self.heap.as_mut_slice();
        let id = heap[0].1;
        let mut place = 0;
        while let Some(&left) = heap.get(2 * place + 1) {
            let (mut child, mut lighter) = (2 * place + 1, left);
            if let Some(&right) = heap.get(child + 1)
                && right.0 < left.0
            {
                (child, lighter) = (child + 1, right);
            }
            if lighter.0 >= weight {
                break;
            }
            heap[place] = lighter;
            place = child;
        }
        heap[place] = (weight, id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Rng;

    fn name(n: usize) -> Vec<u8> {
        format!("key:{n}").into_bytes()
    }

    fn count(summary: &mut Summary, n: usize, db: u32, cost: Cost, scale: &Scale) {
        let (bytes, hash) = (&*name(n), (n as u64).wrapping_mul(0x2545_f491_4f6c_dd1d));
        summary.count(&Key { bytes, hash }, db, &cost, scale);
    }

    fn check(summary: &Summary) {
        assert_eq!(summary.heap.len(), summary.entries.len());
        assert_eq!(summary.index.len(), summary.entries.len());
        let mut ids: Vec<u16> = summary.heap.iter().map(|(_, id)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), summary.entries.len());
        for (place, (bound, id)) in summary.heap.iter().enumerate() {
            assert!(*bound <= summary.entries[*id as usize].weight);
            assert!(summary.heap[place.saturating_sub(1) / 2].0 <= *bound);
        }
    }

    #[test]
    fn heavy_keys_stay_among_many_light_ones() {
        let scale = Scale::all(&Cost::default());
        let mut summary = Summary::new(tracked_for(16));
        let mut rng = Rng::new(1);
        let light = Cost {
            calls: 1,
            bytes: 64,
            ns: 1_000,
        };
        let large = Cost {
            bytes: 128_000,
            ..light
        };
        let slow = Cost {
            ns: 2_000_000,
            ..light
        };
        let mut calls = 0;
        for round in 0..100_000 {
            count(&mut summary, 100 + rng.below(100_000), 0, light, &scale);
            // One key with a twentieth of the calls, one of the bytes, one of the time.
            if round % 20 == 0 {
                count(&mut summary, 1, 0, light, &scale);
                calls += 1;
            }
            if round % 20_000 == 10 {
                count(&mut summary, 2, 0, large, &scale);
                count(&mut summary, 3, 0, slow, &scale);
            }
        }
        check(&summary);
        let first = |order| &summary.ranked(order, 1)[0].name;
        assert_eq!(*first(Order::Calls), name(1));
        assert_eq!(*first(Order::Net), name(2));
        assert_eq!(*first(Order::Cpu), name(3));
        let told = summary.ranked(Order::Calls, 1)[0].cost.calls;
        assert!(told <= calls && told >= calls * 9 / 10, "{told} of {calls}");
        assert_eq!(summary.ranked(Order::Calls, 16).len(), 16);
    }

    #[test]
    fn nothing_is_lost_while_there_is_room() {
        let scale = Scale::only(Order::Net);
        let mut summary = Summary::new(tracked_for(1));
        for n in 0..TRACKED_MIN {
            for _ in 0..=n {
                let cost = Cost {
                    calls: 1,
                    bytes: 10,
                    ns: 0,
                };
                count(&mut summary, n, (n % 2) as u32, cost, &scale);
            }
        }
        check(&summary);
        let ranked = summary.ranked(Order::Net, 2);
        assert_eq!(ranked[0].name, name(127));
        assert_eq!(ranked[0].cost.bytes, 1_280);
        assert_eq!(ranked[1].cost.bytes, 1_270);
        assert!(summary.ranked(Order::Cpu, 10).is_empty());
        summary.forget_database(1);
        check(&summary);
        assert_eq!(summary.ranked(Order::Net, 1)[0].name, name(126));
        assert_eq!(summary.entries.len(), 64);
        summary.clear();
        check(&summary);
        assert!(summary.ranked(Order::Net, 1).is_empty());
    }

    #[test]
    fn the_same_name_in_two_databases_is_two_keys() {
        let scale = Scale::all(&Cost::default());
        let mut summary = Summary::new(4);
        let cost = Cost {
            calls: 1,
            ..Cost::default()
        };
        count(&mut summary, 7, 0, cost, &scale);
        count(&mut summary, 7, 3, cost, &scale);
        count(&mut summary, 7, 3, cost, &scale);
        let ranked = summary.ranked(Order::Calls, 4);
        assert_eq!((ranked[0].db, ranked[0].cost.calls), (3, 2));
        assert_eq!((ranked[1].db, ranked[1].cost.calls), (0, 1));
    }

    #[test]
    fn without_room_nothing_is_tracked() {
        let mut summary = Summary::new(tracked_for(0));
        let scale = Scale::all(&Cost::default());
        count(&mut summary, 1, 0, Cost::default(), &scale);
        check(&summary);
        assert!(summary.ranked(Order::Calls, 1).is_empty());
    }
}
