//! Limits on the memory of clients: requests that do not run, output that nobody reads, and all
//! clients together (`maxmemory-clients`).

use crate::resp::LARGE_BULK;

use super::Engine;
use super::clients::{Client, ClientKey, Closing, SessionGates};

/// Pending output below this is not limited, as Redis does not limit what fits into a client's own
/// buffer. A client that has not authenticated may leave no more than this unread.
pub(super) const OUTPUT_BYTES_FREE: usize = LARGE_BULK;

/// A client that has not authenticated may keep this many unparsed bytes.
const UNAUTHENTICATED_INBOX_BYTES_MAX: usize = 1024 * 1024;

/// The part of `maxmemory-clients` that clients may grow by before they are counted once more.
const RECOUNT_PART: u64 = 64;

/// What the clients that may be ended take together. All are counted in the cron only: meanwhile
/// the sum follows what is received and sent in large pieces, and is never too low by those.
#[derive(Debug, Default)]
pub struct ClientMemory {
    total: u64,
    /// When the sum says more than this, all are counted. `u64::MAX` without a limit.
    recount_above: u64,
}

impl ClientMemory {
    /// The limit may be another one: they are counted before long.
    pub fn limit_changed(&mut self) {
        self.recount_above = 0;
    }
}

impl Engine {
    /// Ends a client that keeps more of its requests than it may: bytes that are not parsed yet and
    /// commands of a transaction. How much that is, if it may go on.
    pub fn check_query_limit(&mut self, key: ClientKey) -> Option<usize> {
        let client = self.clients.find(key)?;
        let configured = self.config.client_query_buffer_limit as usize;
        let limit = match client.gates.has(SessionGates::UNAUTHENTICATED) {
            true => configured.min(UNAUTHENTICATED_INBOX_BYTES_MAX),
            false => configured,
        };
        let queued = client.transaction.as_ref().map_or(0, |t| t.queued_bytes);
        let large = client.large.as_ref().map_or(0, |large| large.heap_bytes());
        let bytes = client.inbox.len() + large + queued;
        if bytes <= limit {
            return Some(bytes);
        }
        tracing::warn!(id = client.id, "client closed: query buffer limit reached");
        self.stats.query_limit_disconnections += 1;
        self.close(key, Closing::Now);
        None
    }

    /// Ends a client whose unread output is beyond the limit of its class.
    pub fn check_output_limit(&mut self, key: ClientKey) {
        let Some(client) = self.clients.find_mut(key) else {
            return;
        };
        let limits = &self.config.client_output_buffer_limit;
        let limit = match client.gates.has(SessionGates::SUBSCRIBER) {
            true => limits.pubsub,
            false => limits.normal,
        };
        let pending = match client.outbox.len() {
            ..OUTPUT_BYTES_FREE => 0,
            pending => pending as u64,
        };
        let over_soft = limit.soft_bytes > 0 && pending > limit.soft_bytes;
        if !over_soft {
            client.soft_limit_since_us = None;
        }
        let now_us = self.now.mono_us;
        let since = over_soft.then(|| *client.soft_limit_since_us.get_or_insert(now_us));
        let soft_us = limit.soft_seconds.saturating_mul(1_000_000);
        let too_long = since.is_some_and(|since| now_us - since > soft_us);
        // Who has not said who it is gets errors only, and is to read them.
        let is_strange = client.gates.has(SessionGates::UNAUTHENTICATED);
        let hard_bytes = match is_strange {
            true => OUTPUT_BYTES_FREE as u64,
            false => limit.hard_bytes,
        };
        if pending > 0 {
            self.note_traffic(key);
        }
        let over_hard = hard_bytes > 0 && pending > hard_bytes;
        if over_hard || too_long {
            self.end_for_output(key, pending);
        }
    }

    /// Ends a client that has, or would have, more output waiting than its limit.
    #[cold]
    pub fn end_for_output(&mut self, key: ClientKey, pending: u64) {
        let is_open = |client: &&Client| client.closing != Closing::Now;
        let Some(client) = self.clients.find(key).filter(is_open) else {
            return;
        };
        tracing::warn!(
            id = client.id,
            pending,
            "client closed: output buffer limit reached"
        );
        self.stats.output_limit_disconnections += 1;
        self.kill(key);
    }

    /// Looks at a client's output if it is large enough to be limited.
    #[inline]
    pub fn check_large_output(&mut self, key: ClientKey, bytes: usize) {
        if bytes >= OUTPUT_BYTES_FREE {
            self.check_output_limit(key);
        }
    }

    /// Takes into account that a client keeps much of what it has sent, or of what is sent to it.
    pub fn note_traffic(&mut self, key: ClientKey) {
        let sum = &mut self.client_memory;
        if sum.recount_above == u64::MAX {
            return;
        }
        if let Some(client) = self.clients.find_mut(key).filter(|c| is_evictable(c)) {
            let bytes = client.traffic_bytes();
            let before = std::mem::replace(&mut client.counted_bytes, bytes);
            sum.total = (sum.total + bytes as u64).saturating_sub(before as u64);
        }
    }

    /// What clients have sent and were left with may be too much for all together.
    #[inline]
    pub fn evict_grown_clients(&mut self) {
        if self.client_memory.total > self.client_memory.recount_above {
            self.evict_clients();
        }
    }

    /// Ends the clients that take most until all together are within `maxmemory-clients`. Runs in
    /// the cron, and where they have grown as much as matters.
    pub fn evict_clients(&mut self) {
        let config = &self.config;
        let limit = config.maxmemory_clients.limit_bytes(config.maxmemory);
        self.client_memory.recount_above = u64::MAX;
        if limit == 0 {
            return;
        }
        let mut total = 0;
        let mut sizes = Vec::new();
        for client in self.clients.iter_mut().filter(|c| is_evictable(c)) {
            let bytes = client.memory_bytes() as u64;
            client.counted_bytes = client.traffic_bytes();
            total += bytes;
            sizes.push((bytes, client.key));
        }
        if total > limit {
            sizes.sort_unstable_by(|a, b| b.cmp(a));
            total = self.evict_largest(&sizes, total, limit);
        }
        self.client_memory.total = total;
        self.client_memory.recount_above = limit.max(total + limit / RECOUNT_PART);
    }

    /// Ends the first of these until the rest is within the limit; what that takes.
    #[cold]
    fn evict_largest(&mut self, sizes: &[(u64, ClientKey)], total: u64, limit: u64) -> u64 {
        let mut total = total;
        for &(bytes, key) in sizes {
            if total <= limit {
                break;
            }
            tracing::info!(bytes, "client evicted: maxmemory-clients reached");
            self.stats.evicted_clients += 1;
            self.kill(key);
            total -= bytes;
        }
        total
    }
}

fn is_evictable(client: &Client) -> bool {
    !client.no_evict && client.closing != Closing::Now
}
