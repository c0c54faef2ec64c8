//! Who is subscribed to what, and the delivery of messages.
//!
//! A message is encoded at most once per protocol and copied into each subscriber's outbox; a
//! large payload is shared instead. A client that publishes to its own channel gets the message
//! after the reply of its command, whole.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::resp::LARGE_BULK;
use crate::resp::glob;
use crate::resp::reply::{Outbox, Protocol, Reply};
use crate::store::hash::{HashState, Map};

use super::Engine;
use super::clients::{ClientKey, SessionGates};
use super::effects::Event;
use super::notify::EventClass;

/// The three kinds of subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// SUBSCRIBE.
    Channel,
    /// PSUBSCRIBE.
    Pattern,
    /// SSUBSCRIBE.
    Shard,
}

/// The subscriptions of one client.
#[derive(Debug, Default)]
pub struct Subscriptions {
    channels: BTreeSet<Box<[u8]>>,
    patterns: BTreeSet<Box<[u8]>>,
    shard_channels: BTreeSet<Box<[u8]>>,
}

impl Subscriptions {
    /// The subscriptions of a kind.
    pub fn of(&self, scope: Scope) -> &BTreeSet<Box<[u8]>> {
        match scope {
            Scope::Channel => &self.channels,
            Scope::Pattern => &self.patterns,
            Scope::Shard => &self.shard_channels,
        }
    }

    fn of_mut(&mut self, scope: Scope) -> &mut BTreeSet<Box<[u8]>> {
        match scope {
            Scope::Channel => &mut self.channels,
            Scope::Pattern => &mut self.patterns,
            Scope::Shard => &mut self.shard_channels,
        }
    }

    /// What a confirmation counts: channels and patterns together, shard channels apart.
    pub fn count(&self, scope: Scope) -> usize {
        match scope {
            Scope::Shard => self.shard_channels.len(),
            Scope::Channel | Scope::Pattern => self.channels.len() + self.patterns.len(),
        }
    }

    /// Memory of the names, and roughly that of the sets.
    pub fn heap_bytes(&self) -> usize {
        let scopes = [Scope::Channel, Scope::Pattern, Scope::Shard];
        let names = scopes.into_iter().flat_map(|scope| self.of(scope));
        names.map(|name| size_of::<Box<[u8]>>() + name.len()).sum()
    }

    fn is_empty(&self) -> bool {
        self.count(Scope::Channel) + self.count(Scope::Shard) == 0
    }
}

type Subscribers = Map<Box<[u8]>, BTreeSet<ClientKey>>;

/// All subscriptions of all clients.
#[derive(Debug)]
pub struct PubSub {
    channels: Subscribers,
    patterns: Subscribers,
    shard_channels: Subscribers,
}

impl PubSub {
    /// Nobody is subscribed.
    pub fn new(hasher: HashState) -> PubSub {
        PubSub {
            channels: Map::with_hasher(hasher.clone()),
            patterns: Map::with_hasher(hasher.clone()),
            shard_channels: Map::with_hasher(hasher),
        }
    }

    /// The subscribers of a kind, by channel or pattern.
    pub fn of(&self, scope: Scope) -> &Subscribers {
        match scope {
            Scope::Channel => &self.channels,
            Scope::Pattern => &self.patterns,
            Scope::Shard => &self.shard_channels,
        }
    }

    fn of_mut(&mut self, scope: Scope) -> &mut Subscribers {
        match scope {
            Scope::Channel => &mut self.channels,
            Scope::Pattern => &mut self.patterns,
            Scope::Shard => &mut self.shard_channels,
        }
    }
}

/// A message for many, encoded when the first subscriber of a protocol is met.
struct Message<'a> {
    kind: &'static [u8],
    pattern: Option<&'a [u8]>,
    channel: &'a [u8],
    payload: &'a [u8],
    /// The payload, shared, if it is large.
    shared: Option<Bytes>,
    encoded: [Option<Vec<u8>>; 2],
}

impl Message<'_> {
    fn write(&mut self, out: &mut Outbox, protocol: Protocol) {
        let place = usize::from(protocol == Protocol::Resp3);
        if self.encoded[place].is_none() {
            self.encoded[place] = Some(self.encode(protocol));
        }
        out.raw(self.encoded[place].as_deref().unwrap_or_default());
        if let Some(payload) = &self.shared {
            Reply::new(out, protocol).bulk_large(payload.clone());
        }
    }

    fn encode(&self, protocol: Protocol) -> Vec<u8> {
        let mut out = Outbox::new();
        let mut reply = Reply::new(&mut out, protocol);
        reply.push(3 + usize::from(self.pattern.is_some()));
        reply.bulk(self.kind);
        if let Some(pattern) = self.pattern {
            reply.bulk(pattern);
        }
        reply.bulk(self.channel);
        if self.shared.is_none() {
            reply.bulk(self.payload);
        }
        out.to_vec()
    }
}

impl Engine {
    /// Subscribes a client; whether it was not yet.
    pub fn subscribe(&mut self, key: ClientKey, scope: Scope, name: &[u8]) -> bool {
        let Some(client) = self.clients.find_mut(key) else {
            return false;
        };
        let state = client.subscriptions.get_or_insert_default();
        if !state.of_mut(scope).insert(name.into()) {
            return false;
        }
        client.gates.set(SessionGates::SUBSCRIBER, true);
        self.pubsub
            .of_mut(scope)
            .entry(name.into())
            .or_default()
            .insert(key);
        true
    }

    /// Ends a subscription; whether there was one.
    pub fn unsubscribe(&mut self, key: ClientKey, scope: Scope, name: &[u8]) -> bool {
        let Some(client) = self.clients.find_mut(key) else {
            return false;
        };
        let Some(state) = client.subscriptions.as_mut() else {
            return false;
        };
        if !state.of_mut(scope).remove(name) {
            return false;
        }
        if state.is_empty() {
            client.subscriptions = None;
            client.gates.set(SessionGates::SUBSCRIBER, false);
        }
        let subscribers = self.pubsub.of_mut(scope);
        if let Some(clients) = subscribers.get_mut(name) {
            clients.remove(&key);
            if clients.is_empty() {
                subscribers.remove(name);
            }
        }
        true
    }

    /// Ends every subscription of a client.
    pub fn unsubscribe_all(&mut self, key: ClientKey) {
        for scope in [Scope::Channel, Scope::Pattern, Scope::Shard] {
            for name in self.subscriptions_of(key, scope) {
                self.unsubscribe(key, scope, &name);
            }
        }
    }

    /// What a client is subscribed to.
    pub fn subscriptions_of(&self, key: ClientKey, scope: Scope) -> Vec<Box<[u8]>> {
        let state = self
            .clients
            .find(key)
            .and_then(|client| client.subscriptions.as_ref());
        state.map_or_else(Vec::new, |state| state.of(scope).iter().cloned().collect())
    }

    /// Delivers a message to a channel and to the patterns that match it; how many got it.
    pub fn publish(&mut self, channel: &[u8], payload: &[u8]) -> usize {
        let mut receivers = self.deliver(Scope::Channel, b"message", None, channel, payload);
        if !self.pubsub.patterns.is_empty() {
            let matching: Vec<Box<[u8]>> = self
                .pubsub
                .patterns
                .keys()
                .filter(|pattern| glob::matches(pattern, channel, false))
                .cloned()
                .collect();
            for pattern in matching {
                receivers += self.deliver(
                    Scope::Pattern,
                    b"pmessage",
                    Some(&pattern),
                    channel,
                    payload,
                );
            }
        }
        receivers
    }

    /// Delivers a message to a shard channel; how many got it.
    pub fn publish_shard(&mut self, channel: &[u8], payload: &[u8]) -> usize {
        self.deliver(Scope::Shard, b"smessage", None, channel, payload)
    }

    fn deliver(
        &mut self,
        scope: Scope,
        kind: &'static [u8],
        pattern: Option<&[u8]>,
        channel: &[u8],
        payload: &[u8],
    ) -> usize {
        let Some(subscribers) = self.pubsub.of(scope).get(pattern.unwrap_or(channel)) else {
            return 0;
        };
        let subscribers: Vec<ClientKey> = subscribers.iter().copied().collect();
        let shared = (payload.len() >= LARGE_BULK).then(|| Bytes::copy_from_slice(payload));
        let mut message = Message {
            kind,
            pattern,
            channel,
            payload,
            shared,
            encoded: [None, None],
        };
        for key in &subscribers {
            self.push_to(*key, |out, protocol| message.write(out, protocol));
        }
        subscribers.len()
    }

    /// Writes to a client that did not ask for it now.
    pub fn push_to(&mut self, key: ClientKey, write: impl FnOnce(&mut Outbox, Protocol)) {
        let Some(client) = self.clients.find_mut(key) else {
            return;
        };
        if !client.outbox.has_buffer() {
            client.outbox.recycle(self.buffers.take());
        }
        write(&mut client.outbox, client.protocol);
        self.pushed_to_running |= self.running == Some(key);
        self.mark_dirty(key);
        self.check_output_limit(key);
    }

    /// Publishes the keyspace events of the last command.
    pub(super) fn publish_events(&mut self) {
        let events = std::mem::take(&mut self.effects.events);
        for event in &events {
            self.publish_event(event);
        }
    }

    fn publish_event(&mut self, event: &Event) {
        let wanted = self.effects.listeners.events;
        if wanted.contains(EventClass::KEYSPACE) {
            let mut channel = format!("__keyspace@{}__:", event.db).into_bytes();
            channel.extend_from_slice(&event.key);
            self.publish(&channel, event.name.as_bytes());
        }
        if wanted.contains(EventClass::KEYEVENT) {
            let channel = format!("__keyevent@{}__:{}", event.db, event.name);
            self.publish(channel.as_bytes(), &event.key);
        }
    }
}
