//! Client-side caching: who read what, and who is told when it changes.
//!
//! A tracking client's reads are remembered by key, whatever the database, until the key changes
//! and the client is told; or, with BCAST, a client names prefixes and is told of every change
//! below them, collected over a turn. What is told goes to the client itself (RESP3) or to the
//! one it redirects to. The running client hears of its own changes after its reply.
//!
//! Limits: `tracking-table-max-keys` keys are remembered; beyond, clients are told that keys have
//! changed which have not. Clients that are gone leave the table when their keys change.

use std::collections::{BTreeMap, BTreeSet};

use crate::resp::reply::{Outbox, Protocol, Reply};
use crate::store::hash::{HashState, Map};

use super::Engine;
use super::clients::{Client, ClientKey, SessionGates};

/// Where clients of RESP2 hear of changes.
const CHANNEL: &[u8] = b"__redis__:invalidate";
/// Keys dropped in a turn when there are too many, beside as many as it has added.
const DROPPED_MAX: usize = 1_000;

/// How a client tracks.
#[derive(Clone, Debug, Default)]
pub struct Tracked {
    /// The client that is told instead: its id, and its address.
    pub redirect: Option<(u64, ClientKey)>,
    /// It is told of every change below its prefixes.
    pub broadcast: bool,
    /// Only after CLIENT CACHING YES.
    pub opt_in: bool,
    /// Not after CLIENT CACHING NO.
    pub opt_out: bool,
    /// Not of its own changes.
    pub no_loop: bool,
    /// CLIENT CACHING was said for the next command.
    pub caching: bool,
    /// The client it redirects to is gone.
    pub is_broken: bool,
    /// Of BCAST.
    pub prefixes: BTreeSet<Box<[u8]>>,
}

/// Who listens to a prefix, and what changed below it in this turn, by whom.
#[derive(Debug, Default)]
struct Prefix {
    clients: BTreeSet<ClientKey>,
    changed: BTreeMap<Box<[u8]>, Option<ClientKey>>,
}

/// Everybody who tracks.
#[derive(Debug)]
pub struct Tracking {
    readers: Map<Box<[u8]>, BTreeSet<ClientKey>>,
    items: usize,
    /// Keys that were added in this turn.
    added: usize,
    prefixes: BTreeMap<Box<[u8]>, Prefix>,
    clients: BTreeSet<ClientKey>,
    /// Something changed below a prefix.
    has_changes: bool,
}

impl Tracking {
    /// Nobody tracks.
    pub fn new(hasher: HashState) -> Tracking {
        Tracking {
            readers: Map::with_hasher(hasher),
            items: 0,
            added: 0,
            prefixes: BTreeMap::new(),
            clients: BTreeSet::new(),
            has_changes: false,
        }
    }

    /// Keys that are remembered.
    pub fn keys(&self) -> usize {
        self.readers.len()
    }

    /// Keys that are remembered, each counted once for every client that read it.
    pub fn items(&self) -> usize {
        self.items
    }

    /// Prefixes somebody listens to.
    pub fn prefixes(&self) -> usize {
        self.prefixes.len()
    }

    fn forget(&mut self, key: &[u8]) -> BTreeSet<ClientKey> {
        let readers = self.readers.remove(key).unwrap_or_default();
        self.items -= readers.len();
        readers
    }
}

/// What a client is told.
enum Told<'a> {
    Keys(&'a [&'a [u8]]),
    /// Everything may have changed.
    All,
}

impl Engine {
    /// Has a client track, or track otherwise.
    pub fn track(&mut self, key: ClientKey, tracked: Tracked) {
        for prefix in &tracked.prefixes {
            let entry = self.tracking.prefixes.entry(prefix.clone()).or_default();
            entry.clients.insert(key);
        }
        if let Some(client) = self.clients.find_mut(key) {
            client.tracking = Some(Box::new(tracked));
            client.gates.set(SessionGates::TRACKING, true);
            self.tracking.clients.insert(key);
            self.effects.listeners.tracking = true;
        }
    }

    /// Ends it.
    pub fn untrack(&mut self, key: ClientKey) {
        if !self.tracking.clients.remove(&key) {
            return;
        }
        self.effects.listeners.tracking = !self.tracking.clients.is_empty();
        if !self.effects.listeners.tracking {
            self.tracking.readers.clear();
            self.tracking.items = 0;
        }
        let Some(client) = self.clients.find_mut(key) else {
            return;
        };
        client.gates.set(SessionGates::TRACKING, false);
        let Some(tracked) = client.tracking.take() else {
            return;
        };
        for prefix in &tracked.prefixes {
            if let Some(entry) = self.tracking.prefixes.get_mut(prefix) {
                entry.clients.remove(&key);
                if entry.clients.is_empty() {
                    self.tracking.prefixes.remove(prefix);
                }
            }
        }
    }

    /// Remembers what a tracking client has read.
    pub fn remember_reads<'k>(&mut self, key: ClientKey, keys: impl Iterator<Item = &'k [u8]>) {
        let tracked = self.clients.find(key).and_then(|c| c.tracking.as_ref());
        let wants = tracked.is_some_and(|tracked| {
            let is_left_out = tracked.opt_in && !tracked.caching;
            let is_declined = tracked.opt_out && tracked.caching;
            !tracked.broadcast && !is_left_out && !is_declined
        });
        if !wants {
            return;
        }
        let tracking = &mut self.tracking;
        for name in keys {
            let readers = match tracking.readers.get_mut(name) {
                Some(readers) => readers,
                None => {
                    tracking.added += 1;
                    tracking.readers.entry(name.into()).or_default()
                }
            };
            tracking.items += usize::from(readers.insert(key));
        }
    }

    /// The command behind CLIENT CACHING is over.
    pub fn end_caching(&mut self, key: ClientKey) {
        let client = self.clients.find_mut(key);
        if let Some(client) = client.filter(|client| client.transaction.is_none())
            && let Some(tracked) = &mut client.tracking
        {
            tracked.caching = false;
        }
    }

    /// Tells whoever has read a key that it changed.
    pub(super) fn invalidate(&mut self, by: Option<ClientKey>, name: &[u8]) {
        for (prefix, entry) in &mut self.tracking.prefixes {
            if name.starts_with(prefix) {
                entry.changed.insert(name.into(), by);
                self.tracking.has_changes = true;
            }
        }
        if self.tracking.readers.contains_key(name) {
            for reader in self.tracking.forget(name) {
                let tracked = self.clients.find(reader).and_then(|c| c.tracking.as_ref());
                let is_own = by == Some(reader);
                let wants = tracked
                    .is_some_and(|tracked| !tracked.broadcast && (!is_own || !tracked.no_loop));
                if wants {
                    self.tell(reader, &Told::Keys(&[name]));
                }
            }
        }
    }

    /// Tells every tracking client that all keys may have changed.
    pub fn invalidate_all(&mut self) {
        if self.tracking.clients.is_empty() {
            return;
        }
        self.tracking.readers.clear();
        self.tracking.items = 0;
        for key in self.tracking.clients.clone() {
            self.tell(key, &Told::All);
        }
    }

    /// Tells what changed below prefixes in this turn, and keeps the table within its limit.
    pub(super) fn tell_changes(&mut self) {
        if self.tracking.has_changes {
            self.tracking.has_changes = false;
            self.broadcast();
        }
        let added = std::mem::take(&mut self.tracking.added);
        let over = self.tracked_beyond_limit().min(added + DROPPED_MAX);
        if over == 0 {
            return;
        }
        let dropped: Vec<Box<[u8]>> = self.tracking.readers.keys().take(over).cloned().collect();
        for name in dropped {
            for reader in self.tracking.forget(&name) {
                self.tell(reader, &Told::Keys(&[&name]));
            }
        }
    }

    /// How many keys are remembered beyond the limit.
    pub(super) fn tracked_beyond_limit(&self) -> usize {
        match self.config.tracking_table_max_keys as usize {
            0 => 0,
            max => self.tracking.keys().saturating_sub(max),
        }
    }

    fn broadcast(&mut self) {
        let entries = self.tracking.prefixes.values_mut();
        let changed: Vec<_> = entries
            .filter(|entry| !entry.changed.is_empty())
            .map(|entry| (entry.clients.clone(), std::mem::take(&mut entry.changed)))
            .collect();
        for (clients, changed) in changed {
            for key in clients {
                let tracked = self.clients.find(key).and_then(|c| c.tracking.as_ref());
                let no_loop = tracked.is_some_and(|tracked| tracked.no_loop);
                let names: Vec<&[u8]> = changed
                    .iter()
                    .filter(|(_, by)| !no_loop || **by != Some(key))
                    .map(|(name, _)| &**name)
                    .collect();
                if !names.is_empty() {
                    self.tell(key, &Told::Keys(&names));
                }
            }
        }
    }

    fn tell(&mut self, key: ClientKey, told: &Told<'_>) {
        let Some(client) = self.clients.find_mut(key) else {
            return;
        };
        let Some(tracked) = &mut client.tracking else {
            return;
        };
        let Some(redirect) = tracked.redirect else {
            if client.protocol == Protocol::Resp3 {
                self.push_to(key, |out, _| write_push(out, told));
            }
            return;
        };
        let (redirect, target) = redirect;
        let target = self.clients.find(target);
        let target = target.map(|client| (client.key, client.protocol, listens(client)));
        match target {
            Some((target, Protocol::Resp3, _)) => {
                self.push_to(target, |out, _| write_push(out, told));
            }
            Some((target, Protocol::Resp2, true)) => {
                self.push_to(target, |out, _| write_message(out, told));
            }
            Some(_) => {}
            None => self.redirect_broke(key, redirect),
        }
    }

    fn redirect_broke(&mut self, key: ClientKey, redirect: u64) {
        let Some(client) = self.clients.find_mut(key) else {
            return;
        };
        if let Some(tracked) = &mut client.tracking {
            tracked.is_broken = true;
        }
        if client.protocol == Protocol::Resp3 {
            self.push_to(key, |out, protocol| {
                let mut reply = Reply::new(out, protocol);
                reply.push(2);
                reply.bulk(b"tracking-redir-broken");
                reply.int(redirect as i64);
            });
        }
    }
}

/// Whether a client of RESP2 takes messages.
fn listens(client: &Client) -> bool {
    client.gates.has(SessionGates::SUBSCRIBER)
}

fn write_push(out: &mut Outbox, told: &Told<'_>) {
    let mut reply = Reply::new(out, Protocol::Resp3);
    reply.push(2);
    reply.bulk(b"invalidate");
    write_keys(&mut reply, told);
}

fn write_message(out: &mut Outbox, told: &Told<'_>) {
    let mut reply = Reply::new(out, Protocol::Resp2);
    reply.array(3);
    reply.bulk(b"message");
    reply.bulk(CHANNEL);
    write_keys(&mut reply, told);
}

fn write_keys(reply: &mut Reply<'_>, told: &Told<'_>) {
    match told {
        Told::Keys(names) => {
            reply.array(names.len());
            names.iter().for_each(|name| reply.bulk(name));
        }
        Told::All => reply.null(),
    }
}
