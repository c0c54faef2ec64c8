//! Idempotent production: what producers added lately, so that the same message sent again is
//! recognised (XADD IDMP, IDMPAUTO).
//!
//! Owns the ids of messages (iid) per producer (pid), in the order of their arrival. A producer
//! keeps a limited number for a limited time. Knows neither clock nor configuration.

use std::collections::{BTreeMap, VecDeque};

use xxhash_rust::xxh3::Xxh3;

use super::id::StreamId;

/// The longest that messages are remembered, seconds: a day.
pub const IDMP_DURATION_S_MAX: u64 = 86_400;
/// The most messages that are remembered for each producer.
pub const IDMP_MAX_SIZE_MAX: u64 = 10_000;

/// How long and how many message ids are kept for each producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdmpLimits {
    /// Seconds: `stream-idmp-duration`, IDMP-DURATION.
    pub duration_s: u64,
    /// Message ids: `stream-idmp-maxsize`, IDMP-MAXSIZE.
    pub max_size: usize,
}

/// A message id and the entry it became.
#[derive(Clone, Debug)]
pub struct IdmpRecord {
    /// The message id.
    pub iid: Box<[u8]>,
    /// The entry, which may be gone from the stream.
    pub id: StreamId,
    /// When it was added, in Unix milliseconds.
    added_ms: u64,
}

/// The messages of one producer.
#[derive(Clone, Debug, Default)]
pub struct Producer {
    /// In the order of arrival; the first has the number `first`, the next one more.
    records: VecDeque<IdmpRecord>,
    first: u32,
    /// The numbers of the records, sorted by message id.
    by_iid: Vec<u32>,
}

/// The producers of a stream and their messages.
#[derive(Clone, Debug)]
pub struct Idmp {
    limits: IdmpLimits,
    producers: BTreeMap<Box<[u8]>, Producer>,
    added: u64,
    duplicates: u64,
    /// When [`Idmp::expire_when_due`] looks again, in Unix milliseconds.
    next_expiry_ms: u64,
}

/// How often messages past their time are looked for.
const EXPIRY_PERIOD_MS: u64 = 1_000;
/// How many of them go at once.
const EXPIRY_COUNT: usize = 100;

/// The message id IDMPAUTO makes from the fields, whatever their order is.
///
/// Lengths are hashed too, or `ab c` would be `a bc`; pairs are added up rather than xor-ed, or a
/// pair given twice would vanish.
pub fn message_id<'f>(pairs: impl Iterator<Item = (&'f [u8], &'f [u8])>) -> [u8; 16] {
    let mut hasher = Xxh3::new();
    let mut sum = 0u128;
    for (name, value) in pairs {
        hasher.reset();
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name);
        hasher.update(value);
        sum = sum.wrapping_add(hasher.digest128());
    }
    sum.to_le_bytes()
}

impl Idmp {
    /// No producers yet.
    pub fn new(limits: IdmpLimits) -> Idmp {
        Idmp {
            limits,
            producers: BTreeMap::new(),
            added: 0,
            duplicates: 0,
            next_expiry_ms: 0,
        }
    }

    /// How long and how many message ids are kept.
    pub fn limits(&self) -> IdmpLimits {
        self.limits
    }

    /// Producers with messages that are remembered.
    pub fn producer_count(&self) -> usize {
        self.producers.len()
    }

    /// Messages that are remembered.
    pub fn record_count(&self) -> usize {
        self.producers
            .values()
            .map(|producer| producer.records.len())
            .sum()
    }

    /// Messages ever added.
    pub fn added(&self) -> u64 {
        self.added
    }

    /// Messages ever recognised.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Producers by name, each with its messages in the order of their arrival.
    pub fn producers(
        &self,
    ) -> impl ExactSizeIterator<Item = (&[u8], impl ExactSizeIterator<Item = &IdmpRecord>)> {
        self.producers
            .iter()
            .map(|(pid, producer)| (&**pid, producer.records.iter()))
    }

    /// Changes the limits and, if they were others, forgets all messages: XCFGSET.
    pub fn configure(&mut self, limits: IdmpLimits) -> bool {
        let changed = self.limits != limits;
        if changed {
            self.limits = limits;
            self.producers.clear();
        }
        changed
    }

    /// The entry a message became, and counts it as a duplicate.
    pub fn recognise(&mut self, pid: &[u8], iid: &[u8], now_ms: u64) -> Option<StreamId> {
        let id = self.find(pid, iid, now_ms)?;
        self.duplicates += 1;
        Some(id)
    }

    /// The entry a message became.
    pub fn find(&self, pid: &[u8], iid: &[u8], now_ms: u64) -> Option<StreamId> {
        let producer = self.producers.get(pid)?;
        let record = producer.record(producer.place_of(iid).ok()?);
        (!self.is_expired(record, now_ms)).then_some(record.id)
    }

    /// Remembers the entry a message became, unless the message is known; then it counts as that.
    pub fn record(&mut self, pid: &[u8], iid: &[u8], id: StreamId, now_ms: u64) {
        let limits = self.limits;
        self.expire_producer(pid, now_ms);
        // Ids may lie in the future; time counts from now then, or they would never expire.
        let record = IdmpRecord {
            iid: iid.into(),
            id,
            added_ms: id.ms.min(now_ms),
        };
        let producer = match self.producers.get_mut(pid) {
            Some(producer) => producer,
            None => self.producers.entry(pid.into()).or_default(),
        };
        if producer.push(record) {
            self.added += 1;
            while producer.records.len() > limits.max_size.max(1) {
                producer.pop();
            }
        }
    }

    /// Forgets messages past their time, at most `limit`, and says how many. Producers without
    /// messages go. Fewer than `limit` means that all were looked at.
    pub fn expire(&mut self, now_ms: u64, limit: usize) -> usize {
        let mut expired = 0;
        let duration_ms = self.limits.duration_s.saturating_mul(1000);
        self.producers.retain(|_, producer| {
            while expired < limit && producer.first_is_expired(now_ms, duration_ms) {
                producer.pop();
                expired += 1;
            }
            !producer.records.is_empty()
        });
        expired
    }

    /// Forgets some messages past their time, unless that was done within the last second.
    pub fn expire_when_due(&mut self, now_ms: u64) {
        if now_ms < self.next_expiry_ms && self.next_expiry_ms - now_ms <= EXPIRY_PERIOD_MS {
            return;
        }
        if self.expire(now_ms, EXPIRY_COUNT) < EXPIRY_COUNT {
            self.next_expiry_ms = now_ms.saturating_add(EXPIRY_PERIOD_MS);
        }
    }

    /// An estimate of the heap bytes held.
    pub(super) fn heap_bytes(&self) -> usize {
        let producers = self.producers.iter().map(|(pid, producer)| {
            pid.len()
                + size_of::<(Box<[u8]>, Producer)>()
                + producer.by_iid.capacity() * size_of::<u32>()
                + producer.records.capacity() * size_of::<IdmpRecord>()
                + producer.records.front().map_or(0, |r| r.iid.len()) * producer.records.len()
        });
        producers.sum()
    }

    /// Frees up to `n` producers and says how many; fewer than `n` means nothing is left.
    pub(super) fn drain_pieces(&mut self, n: usize) -> usize {
        (0..n)
            .take_while(|_| self.producers.pop_first().is_some())
            .count()
    }

    /// Puts back what was saved: the counters of the past.
    pub(super) fn restore_counters(&mut self, added: u64, duplicates: u64) {
        (self.added, self.duplicates) = (added, duplicates);
    }

    pub(super) fn check_invariants(&self) {
        for producer in self.producers.values() {
            assert!(!producer.records.is_empty());
            assert!(producer.records.len() <= self.limits.max_size.max(1));
            assert_eq!(producer.records.len(), producer.by_iid.len());
            let numbers = 0..producer.by_iid.len();
            assert!(numbers.clone().all(|at| {
                producer.by_iid[at].wrapping_sub(producer.first) < producer.records.len() as u32
            }));
            assert!(numbers.is_sorted_by(|a, b| producer.record(*a).iid < producer.record(*b).iid));
        }
    }

    fn is_expired(&self, record: &IdmpRecord, now_ms: u64) -> bool {
        record.is_expired(now_ms, self.limits.duration_s.saturating_mul(1000))
    }

    fn expire_producer(&mut self, pid: &[u8], now_ms: u64) {
        let duration_ms = self.limits.duration_s.saturating_mul(1000);
        if let Some(producer) = self.producers.get_mut(pid) {
            while producer.first_is_expired(now_ms, duration_ms) {
                producer.pop();
            }
        }
    }
}

impl IdmpRecord {
    fn is_expired(&self, now_ms: u64, duration_ms: u64) -> bool {
        self.added_ms.saturating_add(duration_ms) <= now_ms
    }
}

impl Producer {
    /// The record at a place in the order of message ids.
    fn record(&self, place: usize) -> &IdmpRecord {
        &self.records[self.by_iid[place].wrapping_sub(self.first) as usize]
    }

    /// Where in the order of message ids `iid` is, or would be.
    fn place_of(&self, iid: &[u8]) -> Result<usize, usize> {
        self.by_iid.binary_search_by(|number| {
            let record = &self.records[number.wrapping_sub(self.first) as usize];
            (*record.iid).cmp(iid)
        })
    }

    fn first_is_expired(&self, now_ms: u64, duration_ms: u64) -> bool {
        self.records
            .front()
            .is_some_and(|record| record.is_expired(now_ms, duration_ms))
    }

    fn push(&mut self, record: IdmpRecord) -> bool {
        let Err(place) = self.place_of(&record.iid) else {
            return false;
        };
        self.by_iid
            .insert(place, self.first.wrapping_add(self.records.len() as u32));
        self.records.push_back(record);
        true
    }

    /// Forgets the oldest message.
    fn pop(&mut self) {
        let place = self
            .records
            .front()
            .and_then(|record| self.place_of(&record.iid).ok());
        if let Some(place) = place {
            self.by_iid.remove(place);
            self.records.pop_front();
            self.first = self.first.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: IdmpLimits = IdmpLimits {
        duration_s: 10,
        max_size: 3,
    };

    fn id(ms: u64) -> StreamId {
        StreamId::new(ms, 0)
    }

    #[test]
    fn remembers_for_a_time() {
        let mut idmp = Idmp::new(LIMITS);
        idmp.record(b"p", b"i", id(5000), 5000);
        assert_eq!(idmp.recognise(b"p", b"i", 14_999), Some(id(5000)));
        assert_eq!(idmp.recognise(b"q", b"i", 14_999), None);
        assert_eq!(idmp.recognise(b"p", b"i", 15_000), None);
        assert_eq!(
            (idmp.added(), idmp.duplicates(), idmp.record_count()),
            (1, 1, 1)
        );
        idmp.record(b"p", b"i", id(15_000), 15_000);
        assert_eq!(idmp.find(b"p", b"i", 15_001), Some(id(15_000)));
        idmp.check_invariants();
        assert_eq!(idmp.expire(24_999, 10), 0);
        assert_eq!(idmp.expire(25_000, 10), 1);
        assert_eq!((idmp.producer_count(), idmp.record_count()), (0, 0));
    }

    #[test]
    fn ids_from_the_future_expire() {
        let mut idmp = Idmp::new(LIMITS);
        idmp.record(b"p", b"i", id(u64::MAX), 5000);
        assert_eq!(idmp.expire(15_000, 10), 1);
    }

    #[test]
    fn the_oldest_goes_when_full() {
        let mut idmp = Idmp::new(LIMITS);
        for (n, iid) in [&b"c"[..], b"a", b"b"].into_iter().enumerate() {
            idmp.record(b"p", iid, id(n as u64), 9);
        }
        idmp.record(b"p", b"d", id(3), 9);
        idmp.check_invariants();
        assert_eq!(idmp.find(b"p", b"c", 9), None);
        idmp.record(b"p", b"c", id(4), 9);
        assert_eq!(idmp.find(b"p", b"a", 9), None);
        assert_eq!(idmp.find(b"p", b"b", 9), Some(id(2)));
        let saved: Vec<_> = idmp
            .producers()
            .map(|(p, records)| (p, records.len()))
            .collect();
        assert_eq!(saved, [(&b"p"[..], 3)]);
        assert!(!idmp.configure(LIMITS));
        assert_eq!(idmp.record_count(), 3);
        assert!(idmp.configure(IdmpLimits {
            max_size: 1,
            ..LIMITS
        }));
        assert_eq!(idmp.record_count(), 0);
        assert_eq!(idmp.added(), 5);
    }

    #[test]
    fn many_messages() {
        let mut idmp = Idmp::new(IdmpLimits {
            duration_s: 10,
            max_size: 50,
        });
        for n in 0..5000u64 {
            let iid = (n.wrapping_mul(0x9e37_79b9) % 1000).to_string();
            let known = idmp.find(b"p", iid.as_bytes(), n);
            if known.is_none() {
                idmp.record(b"p", iid.as_bytes(), id(n), n);
            }
            assert!(idmp.find(b"p", iid.as_bytes(), n).is_some());
        }
        idmp.check_invariants();
        assert_eq!(idmp.record_count(), 50);
    }

    #[test]
    fn message_ids() {
        let of = |pairs: &[(&str, &str)]| {
            message_id(
                pairs
                    .iter()
                    .map(|(name, value)| (name.as_bytes(), value.as_bytes())),
            )
        };
        assert_eq!(of(&[("a", "1"), ("b", "2")]), of(&[("b", "2"), ("a", "1")]));
        assert_ne!(of(&[("a", "bc")]), of(&[("ab", "c")]));
        assert_ne!(of(&[("a", "1"), ("a", "1")]), of(&[("b", "2"), ("b", "2")]));
        assert_ne!(of(&[("a", "1"), ("b", "2")]), of(&[("a", "2"), ("b", "1")]));
    }
}
