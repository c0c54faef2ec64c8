//! Work that nobody asked for: expiry, growth, freeing, timeouts, limits.
//!
//! Everything here runs in slices. [`Engine::tick`] takes at most [`HOUSEKEEPING_BUDGET_NS`] a
//! turn and asks for the next turn at once while work is left.

use crate::observe::hot;
use crate::observe::latency::event;
use crate::resp::reply::Reply;
use crate::store::expire::ExpirePolicy;

use super::blocked::TimeoutReply;
use super::clients::{ClientKey, Closing, SessionGates};
use super::gates::ServerGates;
use super::notify::EventClass;
use super::{CLIENTS_PER_TICK, Engine};

/// Commands of all clients together get this much of a turn, checked between commands.
pub const COMMANDS_BUDGET_NS: u64 = 2_000_000;
/// Housekeeping gets this much of a turn. Less than the promised millisecond: a slice that has
/// begun is finished.
pub const HOUSEKEEPING_BUDGET_NS: u64 = 600_000;
/// A snapshot under way gets this much even if something else took all of the time.
const SNAPSHOT_NS_MIN: u64 = 50_000;
/// How often periodic work runs, in microseconds: Redis's default `hz` of 10.
const CRON_PERIOD_US: u64 = 100_000;

/// How long a connection on the metrics port may say nothing: longer than between two scrapes.
const WEB_IDLE_US_MAX: u64 = 120_000_000;

/// How long the parts of a turn took, as the event loop measured them.
#[derive(Clone, Copy, Debug, Default)]
pub struct TurnStats {
    /// Reading, and the commands of all clients, microseconds.
    pub commands_us: u64,
    /// The tick, microseconds.
    pub housekeeping_us: u64,
}

/// Background work in progress.
#[derive(Debug)]
pub struct Housekeeping {
    /// When periodic work runs next, monotonic microseconds.
    next_cron_us: u64,
    /// Slices were left when the last tick ended.
    work_left: bool,
    /// The last tick loaded data, which no client waits behind: its time does not count.
    was_loading: bool,
    /// Where the walk over the clients goes on.
    client_cursor: u32,
    /// Expired keys that nobody asks for are removed (DEBUG SET-ACTIVE-EXPIRE).
    pub expires: bool,
    /// Longest tick so far, microseconds.
    pub housekeeping_us_max: u64,
    /// Longest time all commands of a turn took together, microseconds.
    pub commands_us_max: u64,
}

impl Default for Housekeeping {
    fn default() -> Housekeeping {
        Housekeeping {
            next_cron_us: 0,
            work_left: false,
            was_loading: false,
            client_cursor: 0,
            expires: true,
            housekeeping_us_max: 0,
            commands_us_max: 0,
        }
    }
}

impl Housekeeping {
    /// Forgets the longest turns.
    pub fn reset_longest(&mut self) {
        self.housekeeping_us_max = 0;
        self.commands_us_max = 0;
    }
}

impl Engine {
    /// One slice of background work.
    pub fn tick(&mut self) {
        self.end_if_asked();
        self.collect_syncs();
        self.tell_changes();
        self.unblock_timed_out();
        self.end_pause();
        if self.gates.has(ServerGates::AUDIT) {
            self.audit.end_turn(self.now.unix_ms);
        }
        let cron = self.now.mono_us >= self.housekeeping.next_cron_us;
        if cron {
            self.housekeeping.next_cron_us = self.now.mono_us + CRON_PERIOD_US;
            self.walk_clients();
            self.evict_clients();
            self.stats.sample(self.now, self.used_bytes());
            self.tell_pressure();
            hot::tick(self);
        }
        self.housekeeping.was_loading = self.is_loading();
        if self.is_loading() {
            self.load_slice();
            return;
        }
        self.persist_tick(cron);
        if cron || self.has_slices() {
            self.run_slices();
        }
    }

    /// Whether the next tick has more to do than to look at the time.
    pub fn has_slices(&self) -> bool {
        self.housekeeping.work_left
            || self.persist.running.is_some()
            || self.keyspace.has_work()
            || self.is_over_limit()
            || self.mono_us() >= self.housekeeping.next_cron_us
    }

    /// Remembers the longest turns.
    pub fn turn_stats(&mut self, turn: &TurnStats) {
        let longest = &mut self.housekeeping;
        longest.commands_us_max = longest.commands_us_max.max(turn.commands_us);
        if !longest.was_loading {
            longest.housekeeping_us_max = longest.housekeeping_us_max.max(turn.housekeeping_us);
        }
        self.stats.count_turn(turn);
    }

    /// When [`Engine::tick`] wants to run next, monotonic microseconds.
    pub fn next_deadline(&self) -> Option<u64> {
        let is_busy =
            self.housekeeping.work_left || self.wants_to_load() || self.tracked_beyond_limit() > 0;
        if is_busy || !self.ready.is_empty() {
            return Some(self.now.mono_us);
        }
        let mut cron = self.housekeeping.next_cron_us;
        if let Some((_, until_us)) = self.pause.active() {
            cron = cron.min(until_us);
        }
        if let Some(slice_us) = self.next_slice_us() {
            cron = cron.min(slice_us);
        }
        let is_paused = self.gates.has(ServerGates::PAUSED);
        let retry_us = self.blocked.next_retry().filter(|_| !is_paused);
        let waits = self.blocked.next_deadline().into_iter().chain(retry_us);
        Some(waits.fold(cron, u64::min))
    }

    fn run_slices(&mut self) {
        let started = self.clock.mono_ns();
        let end = started + HOUSEKEEPING_BUDGET_NS;
        let (expired, evicted) = (self.effects.lookups.expired, self.stats.evicted_keys);
        let mut left = true;
        let evicts = self.is_over_limit() && self.evict_slice(started + HOUSEKEEPING_BUDGET_NS / 2);
        // Other work leaves half of the time to a snapshot under way.
        let chores_end = match self.persist.running {
            Some(_) => started + HOUSEKEEPING_BUDGET_NS / 2,
            None => end,
        };
        while left && self.clock.mono_ns() < chores_end {
            left = self.keyspace_slice() | self.fields_slice();
        }
        // Where nothing may be evicted there is nothing to hurry for.
        left |= evicts && self.is_over_limit();
        if self.persist.running.is_some() {
            left |= self.snapshot_slice(end.max(self.clock.mono_ns() + SNAPSHOT_NS_MIN));
        }
        self.housekeeping.work_left = left;
        let took_ns = self.clock.mono_ns().saturating_sub(started);
        if self.effects.lookups.expired > expired {
            self.note_latency(event::EXPIRE_CYCLE, took_ns);
        }
        if self.stats.evicted_keys > evicted {
            self.note_latency(event::EVICTION_CYCLE, took_ns);
        }
    }

    fn note_latency(&mut self, event: &'static str, took_ns: u64) {
        self.latency
            .note(&self.config, event, took_ns, self.now.unix_ms);
    }

    /// One small piece of growth, freeing, compaction or expiry. Whether more is left.
    fn keyspace_slice(&mut self) -> bool {
        let may_expire = self.housekeeping.expires && !self.gates.has(ServerGates::PAUSED);
        let policy = match may_expire {
            true => ExpirePolicy::Allowed,
            false => ExpirePolicy::ReportOnly,
        };
        let effects = &mut self.effects;
        let left = self
            .keyspace
            .chore(self.now.unix_ms, policy, &mut |db, key| {
                let db = db as u32;
                effects.lookups.expired += 1;
                effects.touch(db, key);
                effects.also_propagate(db, &[b"UNLINK", key]);
                effects.notify(EventClass::EXPIRED, "expired", db, key);
            });
        if !self.effects.is_quiet() {
            self.settle_background();
        }
        left
    }

    /// One small piece of the removal of hash fields whose time has come. Whether more is left.
    fn fields_slice(&mut self) -> bool {
        let effects = &mut self.effects;
        let left = self
            .keyspace
            .expire_fields(self.now.unix_ms, &mut |db, dropped| {
                effects.fields_expired(db as u32, &dropped);
            });
        if !self.effects.is_quiet() {
            self.settle_background();
        }
        left
    }

    fn unblock_timed_out(&mut self) {
        while let Some(key) = self.blocked.next_timed_out(self.now.mono_us) {
            self.unblock(key, None);
        }
    }

    /// What a WAITAOF waits for is durable here; `ends` its wait, unless it waits for others too.
    pub(crate) fn unblock_synced(&mut self, key: ClientKey, ends: bool) {
        let client = self.clients.find_mut(key);
        if let Some(on) = client.and_then(|client| client.blocked.as_mut())
            && let TimeoutReply::Ints([local, _]) = &mut on.request.on_timeout
        {
            *local = 1;
            if ends {
                self.unblock(key, None);
            }
        }
    }

    /// Ends a client's wait with its timeout reply, or with an error line.
    pub fn unblock(&mut self, key: ClientKey, error: Option<&str>) {
        let Some(client) = self.clients.find_mut(key) else {
            return;
        };
        let Some(on) = client.blocked.take() else {
            return;
        };
        if client.takes_reply() {
            let mut reply = Reply::new(&mut client.outbox, client.protocol);
            match error {
                Some(line) => reply.error(line),
                None => on.request.on_timeout.write(&mut reply),
            }
        }
        client.commands += 1;
        if let Some(id) = client.last_command {
            self.stats.record(id.index(), 0, error.is_none());
        }
        if let Some(line) = error {
            let code = line.split(' ').next().unwrap_or(line);
            self.stats.count_error(code);
        }
        self.blocked.dequeue(&on);
        self.refresh_listeners();
        self.mark_dirty(key);
        self.mark_ready(key);
    }

    /// Looks at some clients: idle too long, or too much output for too long.
    fn walk_clients(&mut self) {
        for _ in 0..CLIENTS_PER_TICK.max(self.clients.len() / 10) {
            let Some(client) = self.clients.at_or_after(self.housekeeping.client_cursor) else {
                self.housekeeping.client_cursor = 0;
                return;
            };
            let key = client.key;
            self.housekeeping.client_cursor = key.index + 1;
            let idle_us = self.now.mono_us.saturating_sub(client.active_us);
            let timeout_us = match client.gates.has(SessionGates::WEB) {
                true => WEB_IDLE_US_MAX,
                false => u64::from(self.config.timeout) * 1_000_000,
            };
            let waits = client.is_blocked() || client.is_paused || client.walk.is_some();
            let listens = client.gates.has(SessionGates::SUBSCRIBER)
                || client.gates.has(SessionGates::MONITOR);
            if timeout_us > 0 && idle_us > timeout_us && !waits && !listens {
                self.close(key, Closing::Now);
                continue;
            }
            self.check_output_limit(key);
        }
    }
}
