//! Limits on the memory of clients: requests that do not run, output that nobody reads, and all
//! clients together (`maxmemory-clients`).

use crate::resp::LARGE_BULK;

use super::Engine;
use super::clients::{Client, ClientKey, Closing, SessionGates};

/// Pending output below this is not limited, as Redis does not limit what fits into a client's own
/// buffer. A client that has not authenticated may leave no more than this unread.
pub(super) const OUTPUT_BYTES_FREE: usize = LARGE_BULK;

/// Clients remembered whose output grew: of more it is taken for granted that they were left with
/// it.
const GROWN_MAX: usize = 64;

/// A client that has not authenticated may keep this many unparsed bytes.
const UNAUTHENTICATED_INBOX_BYTES_MAX: usize = 1024 * 1024;

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
        if pending > 0 && self.outputs_grew.len() < GROWN_MAX {
            self.outputs_grew.push(key);
        }
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

    /// What slow readers were left with in the last turn may be too much for all together.
    #[inline]
    pub(super) fn evict_grown_clients(&mut self) {
        if !self.outputs_grew.is_empty() {
            self.look_at_grown_clients();
        }
    }

    #[cold]
    fn look_at_grown_clients(&mut self) {
        let mut grown = std::mem::take(&mut self.outputs_grew);
        let is_left = |key: &ClientKey| {
            let client = self.clients.find(*key);
            client.is_some_and(|client| client.outbox.len() >= OUTPUT_BYTES_FREE)
        };
        if grown.len() == GROWN_MAX || grown.iter().any(is_left) {
            self.evict_clients();
        }
        grown.clear();
        self.outputs_grew = grown;
    }

    /// Ends the clients that take most until all together are within `maxmemory-clients`. Runs in
    /// the cron, where one client's input grows, and in the turn after outputs grew.
    pub fn evict_clients(&mut self) {
        let config = &self.config;
        let limit = config.maxmemory_clients.limit_bytes(config.maxmemory);
        if limit == 0 {
            return;
        }
        let mut sizes: Vec<(u64, ClientKey)> = self
            .clients
            .iter()
            .filter(|client| is_evictable(client))
            .map(|client| (client.memory_bytes() as u64, client.key))
            .collect();
        let mut total: u64 = sizes.iter().map(|(bytes, _)| bytes).sum();
        if total <= limit {
            return;
        }
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        for (bytes, key) in sizes {
            if total <= limit {
                return;
            }
            tracing::info!(bytes, "client evicted: maxmemory-clients reached");
            self.stats.evicted_clients += 1;
            self.kill(key);
            total -= bytes;
        }
    }
}

fn is_evictable(client: &Client) -> bool {
    !client.no_evict && client.closing != Closing::Now
}
