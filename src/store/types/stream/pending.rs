//! The pending entries list (PEL) of a group: entries delivered and not yet acknowledged.
//!
//! Owns each pending entry once, by id, and the orders it is looked for in: released entries
//! first come first served, and, once somebody claims by idle time, the others by the time of
//! their delivery. The lists of the consumers are kept by `group`.

use super::group::ConsumerIndex;
use super::id::StreamId;
use super::sorted::{Keyed, Sorted};

/// A delivered and unacknowledged entry, in 40 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The entry, which may be gone from the stream.
    pub id: StreamId,
    /// How often it was delivered.
    pub delivery_count: i64,
    pub(super) owner: Owner,
}

const _: () = assert!(size_of::<Pending>() == 40);

/// Whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A consumer got it last.
    Consumer {
        index: ConsumerIndex,
        delivery_time: i64,
    },
    /// XNACK gave it back to the group, as the `turn`-th.
    Nobody { turn: i64 },
}

impl Pending {
    /// The consumer that got it last; none after XNACK.
    #[inline]
    pub fn consumer(&self) -> Option<ConsumerIndex> {
        match self.owner {
            Owner::Consumer { index, .. } => Some(index),
            Owner::Nobody { .. } => None,
        }
    }

    /// When it was delivered last, in Unix milliseconds; 0 after XNACK.
    #[inline]
    pub fn delivery_time(&self) -> i64 {
        match self.owner {
            Owner::Consumer { delivery_time, .. } => delivery_time,
            Owner::Nobody { .. } => 0,
        }
    }

    /// Milliseconds since its last delivery, not below 0; -1 after XNACK, as XPENDING shows it.
    pub fn idle_ms(&self, now_ms: i64) -> i64 {
        match self.owner {
            Owner::Consumer { delivery_time, .. } => now_ms.saturating_sub(delivery_time).max(0),
            Owner::Nobody { .. } => -1,
        }
    }

    /// Whether it has been idle for `min_idle_ms`; released entries always have.
    #[inline]
    pub fn is_idle(&self, now_ms: i64, min_idle_ms: i64) -> bool {
        match self.owner {
            Owner::Consumer { delivery_time, .. } => {
                min_idle_ms <= 0 || now_ms.saturating_sub(delivery_time) >= min_idle_ms
            }
            Owner::Nobody { .. } => true,
        }
    }
}

impl Keyed for Pending {
    type Key = StreamId;

    #[inline]
    fn key(&self) -> StreamId {
        self.id
    }
}

impl Keyed for StreamId {
    type Key = StreamId;

    #[inline]
    fn key(&self) -> StreamId {
        *self
    }
}

/// A pending entry's place in an order other than that of ids.
#[derive(Clone, Copy, Debug)]
struct Place {
    order: i64,
    id: StreamId,
}

impl Keyed for Place {
    type Key = (i64, StreamId);

    #[inline]
    fn key(&self) -> (i64, StreamId) {
        (self.order, self.id)
    }
}

/// The pending entries of a group.
#[derive(Clone, Debug, Default)]
pub(super) struct Pel {
    entries: Sorted<Pending>,
    /// The entries nobody owns, by turn.
    released: Sorted<Place>,
    /// The others by delivery time; made when somebody claims by idle time, and kept from then on.
    by_time: Option<Box<Sorted<Place>>>,
    next_turn: i64,
}

impl Pel {
    #[inline]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Entries that nobody owns.
    pub fn released_len(&self) -> usize {
        self.released.len()
    }

    pub fn first(&self) -> Option<&Pending> {
        self.entries.first()
    }

    pub fn last(&self) -> Option<&Pending> {
        self.entries.last()
    }

    pub fn get(&self, id: StreamId) -> Option<&Pending> {
        self.entries.get(id)
    }

    /// The entries from `id` on, ascending.
    pub fn from(&self, id: StreamId) -> impl Iterator<Item = &Pending> {
        self.entries.from(id)
    }

    /// The entries nobody owns, in the order in which they were released.
    pub fn released(&self) -> impl Iterator<Item = &Pending> {
        self.released
            .iter()
            .filter_map(|place| self.entries.get(place.id))
    }

    /// Gives the entry to a consumer, whether it was pending or not, and returns what it was.
    #[inline]
    pub fn give(
        &mut self,
        id: StreamId,
        index: ConsumerIndex,
        delivery_time: i64,
        delivery_count: i64,
    ) -> Option<Pending> {
        self.put(Pending {
            id,
            delivery_count,
            owner: Owner::Consumer {
                index,
                delivery_time,
            },
        })
    }

    /// Takes the entry from its owner, whether it was pending or not, and returns what it was. It
    /// comes after all that were released before, also when it was one of them.
    pub fn release(&mut self, id: StreamId, delivery_count: i64) -> Option<Pending> {
        self.next_turn += 1;
        let owner = Owner::Nobody {
            turn: self.next_turn,
        };
        self.put(Pending {
            id,
            delivery_count,
            owner,
        })
    }

    pub fn remove(&mut self, id: StreamId) -> Option<Pending> {
        let pending = self.entries.remove(id)?;
        self.unplace(&pending);
        Some(pending)
    }

    /// The ids of what has been idle for `min_idle_ms`, released ones first, then the longest idle
    /// ones; `limit` of those that are `wanted`.
    pub fn idle(
        &mut self,
        now_ms: i64,
        min_idle_ms: i64,
        limit: usize,
        wanted: impl Fn(StreamId) -> bool,
    ) -> Vec<StreamId> {
        let newest = if min_idle_ms > 0 {
            now_ms.saturating_sub(min_idle_ms)
        } else {
            i64::MAX
        };
        self.make_by_time();
        let by_time = self.by_time.iter().flat_map(|by_time| by_time.iter());
        let idle = by_time.take_while(|place| place.order <= newest);
        let places = self.released.iter().chain(idle);
        places
            .map(|place| place.id)
            .filter(|id| wanted(*id))
            .take(limit)
            .collect()
    }

    /// The delivery time of that of the `wanted` entries which is next to become idle; 0 when one
    /// of them was released.
    pub fn oldest_delivery_time(&mut self, wanted: impl Fn(StreamId) -> bool) -> Option<i64> {
        if self.released.iter().any(|place| wanted(place.id)) {
            return Some(0);
        }
        let mut by_time = self.make_by_time().iter();
        let oldest = by_time.find(|place| wanted(place.id))?;
        Some(oldest.order)
    }

    /// Frees up to `n` chunks and says how many; fewer than `n` means nothing is left.
    pub fn drain_pieces(&mut self, n: usize) -> usize {
        let mut drained = self.entries.drain_pieces(n);
        drained += self.released.drain_pieces(n - drained);
        if let Some(by_time) = &mut self.by_time {
            drained += by_time.drain_pieces(n - drained);
        }
        drained
    }

    pub fn heap_bytes(&self) -> usize {
        let by_time = self
            .by_time
            .as_ref()
            .map_or(0, |b| b.heap_bytes() + size_of_val(&**b));
        self.entries.heap_bytes() + self.released.heap_bytes() + by_time
    }

    pub fn check_invariants(&self) {
        self.entries.check_invariants();
        self.released.check_invariants();
        let mut owned = 0;
        for pending in self.entries.iter() {
            match pending.owner {
                Owner::Nobody { turn } => {
                    assert!(
                        turn <= self.next_turn && self.released.get((turn, pending.id)).is_some()
                    )
                }
                Owner::Consumer { delivery_time, .. } => {
                    owned += 1;
                    let place = (delivery_time, pending.id);
                    assert!(
                        self.by_time
                            .as_ref()
                            .is_none_or(|by_time| by_time.get(place).is_some())
                    );
                }
            }
        }
        assert_eq!(self.released.len(), self.entries.len() - owned);
        if let Some(by_time) = &self.by_time {
            by_time.check_invariants();
            assert_eq!(by_time.len(), owned);
        }
    }

    #[inline]
    fn put(&mut self, pending: Pending) -> Option<Pending> {
        if self.entries.insert(pending) {
            self.place(&pending);
            return None;
        }
        let slot = self.entries.get_mut(pending.id)?;
        let before = std::mem::replace(slot, pending);
        self.unplace(&before);
        self.place(&pending);
        Some(before)
    }

    #[inline]
    fn place(&mut self, pending: &Pending) {
        match pending.owner {
            Owner::Nobody { turn } => {
                self.released.insert(Place {
                    order: turn,
                    id: pending.id,
                });
            }
            Owner::Consumer { delivery_time, .. } => {
                if let Some(by_time) = &mut self.by_time {
                    by_time.insert(Place {
                        order: delivery_time,
                        id: pending.id,
                    });
                }
            }
        }
    }

    #[inline]
    fn unplace(&mut self, pending: &Pending) {
        match pending.owner {
            Owner::Nobody { turn } => {
                self.released.remove((turn, pending.id));
            }
            Owner::Consumer { delivery_time, .. } => {
                if let Some(by_time) = &mut self.by_time {
                    by_time.remove((delivery_time, pending.id));
                }
            }
        }
    }

    fn make_by_time(&mut self) -> &Sorted<Place> {
        self.by_time.get_or_insert_with(|| {
            let owned = self
                .entries
                .iter()
                .filter(|pending| pending.consumer().is_some());
            let mut places: Vec<Place> = owned
                .map(|p| Place {
                    order: p.delivery_time(),
                    id: p.id,
                })
                .collect();
            places.sort_unstable_by_key(Keyed::key);
            Box::new(places.into_iter().collect())
        })
    }
}
