//! What a handler gets to work with.
//!
//! [`KeyCtx`] is a database, a reply, effects, randomness and a time: no socket, no other client,
//! no engine. [`ServerCtx`] is the whole engine, for the families that administer it, talk to
//! other clients, or run commands themselves.

use bytes::Bytes;

use crate::config::Config;
use crate::random::Rng;
use crate::resp::LARGE_BULK;
use crate::resp::args::Taken;
use crate::resp::reply::{Protocol, Reply};
use crate::store::db::{Db, Key, Slot};
use crate::store::expire::{ExpirePolicy, Fate, fate};
use crate::store::hash::HashState;
use crate::store::types::hash::NEVER_EXPIRED;
use crate::store::value::{Kind, NewValue, ValueRef};
use crate::time::Now;

use super::Engine;
use super::blocked::{BlockRequest, TimeoutReply, distinct};
use super::busy::WhileBusy;
use super::clients::{Client, ClientKey};
use super::effects::Effects;
use super::error::CommandError;
use super::limits::OUTPUT_BYTES_FREE;
use super::notify::EventClass;

/// On whose behalf a command runs: what it may do beyond its own keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caller {
    /// The command must not block: it runs inside EXEC or a script.
    pub deny_blocking: bool,
    /// The command runs inside a script or function.
    pub in_script: bool,
    /// The command runs inside EXEC.
    pub in_exec: bool,
    /// The command is run again for a client that was blocked.
    pub reprocessing: bool,
    /// The client is subscribed to something: the limit of its output is another one.
    pub is_subscriber: bool,
    /// Reads leave the recency of keys alone (CLIENT NO-TOUCH).
    pub no_touch: bool,
    /// What becomes of keys and fields whose time has come.
    pub expiry: ExpirePolicy,
    /// What a script wants its commands to answer in, whatever its client speaks.
    pub protocol: Option<Protocol>,
}

impl Caller {
    /// Whether the command is read from the log: it has happened before, and nothing expires that
    /// the log does not say so of.
    pub fn is_log(&self) -> bool {
        self.expiry == ExpirePolicy::Off
    }
}

/// What a key command works with.
pub struct KeyCtx<'a> {
    /// The selected database.
    pub db: &'a mut Db,
    /// Its number.
    pub db_index: u32,
    /// Where the reply goes.
    pub reply: Reply<'a>,
    /// What the command did besides replying.
    pub effects: &'a mut Effects,
    /// Seeded randomness.
    pub rng: &'a mut Rng,
    /// The time of the turn.
    pub now: Now,
    /// The configuration, to read.
    pub config: &'a Config,
    /// The hasher of keys and members.
    pub hasher: &'a HashState,
    /// On whose behalf the command runs.
    pub caller: Caller,
}

impl<'a> KeyCtx<'a> {
    /// A key with its hash: computed once per command and key.
    #[inline]
    pub fn key<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        Key::new(self.hasher, bytes)
    }

    /// Finds a key for reading: removes it if its time has come, counts the hit or miss, marks it
    /// as used.
    #[inline]
    pub fn read(&mut self, key: &Key<'_>) -> Option<Slot> {
        match self.find_present(key) {
            Some((slot, clock)) => {
                self.effects.lookups.hits += 1;
                self.mark_used(slot, clock);
                Some(slot)
            }
            None => {
                self.effects.lookups.misses += 1;
                self.effects
                    .notify(EventClass::KEY_MISS, "keymiss", self.db_index, key.bytes);
                None
            }
        }
    }

    /// As [`KeyCtx::read`], without marking the key as used: for what asks about a key, not for it.
    pub fn look(&mut self, key: &Key<'_>) -> Option<Slot> {
        let no_touch = std::mem::replace(&mut self.caller.no_touch, true);
        let found = self.read(key);
        self.caller.no_touch = no_touch;
        found
    }

    /// Finds a key for writing: as [`KeyCtx::read`], without counting hits and misses.
    #[inline]
    pub fn write(&mut self, key: &Key<'_>) -> Option<Slot> {
        let (slot, clock) = self.find_present(key)?;
        self.mark_used(slot, clock);
        Some(slot)
    }

    /// Finds a key without a trace in statistics or recency; an expired key is still removed.
    #[inline]
    pub fn peek(&mut self, key: &Key<'_>) -> Option<Slot> {
        self.find_present(key).map(|(slot, _)| slot)
    }

    /// A key that is there, and its clock. One whose time has come is removed.
    #[inline]
    fn find_present(&mut self, key: &Key<'_>) -> Option<(Slot, u32)> {
        let (slot, expire_at, clock) = self.db.find_usage(key)?;
        match fate(expire_at, self.now.unix_ms, self.caller.expiry) {
            Fate::Present => Some((slot, clock)),
            Fate::Absent => None,
            Fate::Expire => {
                self.expire(key, slot);
                None
            }
        }
    }

    /// As [`KeyCtx::read`]; `Err` if the key holds another type.
    #[inline]
    pub fn read_kind(&mut self, key: &Key<'_>, kind: Kind) -> Result<Option<Slot>, CommandError> {
        let slot = self.read(key);
        self.check_kind(slot, kind)
    }

    /// As [`KeyCtx::write`]; `Err` if the key holds another type.
    #[inline]
    pub fn write_kind(&mut self, key: &Key<'_>, kind: Kind) -> Result<Option<Slot>, CommandError> {
        let slot = self.write(key);
        self.check_kind(slot, kind)
    }

    /// Adds a key that is absent.
    #[inline]
    pub fn insert(&mut self, key: &Key<'_>, value: NewValue<'_>) -> Slot {
        let slot = self.db.insert(key, value);
        self.db.touch_created(slot, self.now);
        self.effects
            .notify(EventClass::NEW, "new", self.db_index, key.bytes);
        slot
    }

    /// Sets the value of a key, absent or not. An expiry is kept only if `keep_ttl`.
    pub fn set(
        &mut self,
        key: &Key<'_>,
        found: Option<Slot>,
        value: NewValue<'_>,
        keep_ttl: bool,
    ) -> Slot {
        let Some(slot) = found else {
            return self.insert(key, value);
        };
        if !keep_ttl {
            self.db.set_expire(slot, None);
        }
        if let Some(old) = self.db.replace(slot, value) {
            self.db.free_later(old);
        }
        self.db.touch_modified(slot, self.now);
        slot
    }

    /// Changes a string in place: see [`Db::edit`].
    #[inline]
    pub fn edit<T>(
        &mut self,
        slot: Slot,
        len: usize,
        edit: impl FnOnce(&mut [u8]) -> T,
    ) -> Option<T> {
        let result = self.db.edit(slot, len, edit);
        self.db.touch_modified(slot, self.now);
        result
    }

    /// Removes a key; its value is freed in slices if it is large.
    pub fn delete(&mut self, slot: Slot) {
        if let Some(old) = self.db.remove(slot) {
            self.db.free_later(old);
        }
    }

    /// Whether an expiry that is to be set has passed already, so that the key must go at once.
    #[inline]
    pub fn is_past(&self, at_ms: i64) -> bool {
        at_ms <= self.now.unix_ms && self.caller.expiry == ExpirePolicy::Allowed
    }

    /// Removes a key because it was given an expiry that has passed: see [`KeyCtx::is_past`].
    #[cold]
    pub fn expire_at_once(&mut self, key: &Key<'_>, slot: Slot) {
        self.delete(slot);
        self.effects.lookups.expired += 1;
        self.modified(key.bytes);
        self.propagate_as(&[b"UNLINK", key.bytes]);
        self.notify(EventClass::EXPIRED, "expired", key.bytes);
    }

    /// Removes a collection that has become empty, with its event.
    pub fn delete_empty(&mut self, key: &Key<'_>, slot: Slot) {
        self.delete(slot);
        self.notify(EventClass::GENERIC, "del", key.bytes);
    }

    /// Counts a change of `key` and tells whoever watches, tracks or waits for it.
    #[inline]
    pub fn modified(&mut self, key: &[u8]) {
        self.effects.modified(self.db_index, key);
    }

    /// Records a keyspace event.
    #[inline]
    pub fn notify(&mut self, class: EventClass, name: &'static str, key: &[u8]) {
        self.effects.notify(class, name, self.db_index, key);
    }

    /// Propagates `words` in place of what the client sent.
    pub fn propagate_as(&mut self, words: &[&[u8]]) {
        self.effects.propagate_as(self.db_index, words);
    }

    /// Asks to block the client. The handler returns without a reply; the command is run again
    /// when one of the keys may serve it.
    pub fn block(&mut self, request: BlockRequest) {
        self.effects.block(request);
    }

    /// Blocks the client until one of `keys` holds a value of that kind. Where it must not wait it
    /// is answered as if it had waited in vain.
    pub fn wait_for(
        &mut self,
        keys: &[&[u8]],
        kind: Kind,
        timeout_ms: u64,
        on_timeout: TimeoutReply,
    ) {
        if self.caller.deny_blocking {
            on_timeout.write(&mut self.reply);
            return;
        }
        self.block(BlockRequest {
            keys: distinct(self.hasher, keys.iter().copied()),
            kind: Some(kind),
            wakes_on_delete: false,
            timeout_ms,
            on_timeout,
            retry_after_ms: None,
            retry_as: None,
        });
    }

    /// How much output may wait for the client before it is closed; `None` is no limit. What a
    /// script calls is no output yet.
    pub fn output_bytes_max(&self) -> Option<usize> {
        let limits = &self.config.client_output_buffer_limit;
        let limit = match self.caller.is_subscriber {
            true => limits.pubsub,
            false => limits.normal,
        };
        let bytes = usize::try_from(limit.hard_bytes).unwrap_or(usize::MAX);
        (bytes > 0 && !self.caller.in_script).then_some(bytes.max(OUTPUT_BYTES_FREE))
    }

    /// Marks a key as used now, for eviction by recency or frequency.
    #[inline]
    fn mark_used(&mut self, slot: Slot, clock: u32) {
        if !self.caller.no_touch {
            self.db.touch(slot, clock, self.now, self.rng);
        }
    }

    /// The time at which it is decided whether fields of a hash are still there: while loading
    /// all are.
    #[inline]
    pub fn fields_now_ms(&self) -> i64 {
        match self.caller.expiry {
            ExpirePolicy::Off => NEVER_EXPIRED,
            _ => self.now.unix_ms,
        }
    }

    #[inline]
    fn check_kind(&self, slot: Option<Slot>, kind: Kind) -> Result<Option<Slot>, CommandError> {
        match slot {
            Some(slot) if self.db.kind(slot) != kind => Err(CommandError::WRONG_TYPE),
            slot => Ok(slot),
        }
    }

    #[cold]
    fn expire(&mut self, key: &Key<'_>, slot: Slot) {
        self.delete(slot);
        self.effects.lookups.expired += 1;
        self.effects.touch(self.db_index, key.bytes);
        self.effects
            .also_propagate(self.db_index, &[b"UNLINK", key.bytes]);
        self.effects
            .notify(EventClass::EXPIRED, "expired", self.db_index, key.bytes);
    }
}

/// Writes a string value, whatever it is stored as.
#[inline]
pub fn reply_string(reply: &mut Reply<'_>, value: ValueRef<'_>) -> Result<(), CommandError> {
    match value {
        ValueRef::Int(n) => reply.bulk_int(n),
        ValueRef::Str(bytes) => reply.bulk(bytes),
        ValueRef::Large(bytes) => reply.bulk_large(bytes.clone()),
        _ => return Err(CommandError::WRONG_TYPE),
    }
    Ok(())
}

/// An argument as a new value: moved when it is owned, else copied into the store.
#[inline]
pub fn new_value(taken: Taken<'_>) -> NewValue<'_> {
    match taken {
        Taken::Slice(bytes) => NewValue::Str(bytes),
        Taken::Large(bytes) => NewValue::Large(bytes),
    }
}

/// A string that was built by a handler: taken where it is large. OBJECT ENCODING says raw.
pub fn built_value(bytes: &mut Vec<u8>) -> NewValue<'_> {
    if bytes.len() >= LARGE_BULK {
        NewValue::Large(Bytes::from(std::mem::take(bytes)))
    } else {
        NewValue::Raw(bytes)
    }
}

/// What the server, connection, pub/sub, transaction and script families work with.
pub struct ServerCtx<'a> {
    /// Everything.
    pub engine: &'a mut Engine,
    /// The client that sent the command.
    pub client: ClientKey,
    /// Where the reply goes.
    pub reply: Reply<'a>,
    /// On whose behalf the command runs.
    pub caller: Caller,
    /// Serves the other clients while the command takes long.
    pub busy: &'a mut dyn WhileBusy,
}

impl ServerCtx<'_> {
    /// The client that sent the command.
    ///
    /// # Panics
    /// If it is gone: a client is only removed between commands.
    pub fn client(&self) -> &Client {
        self.engine
            .clients
            .find(self.client)
            .expect("the client of a running command")
    }

    /// As [`ServerCtx::client`], to change.
    ///
    /// # Panics
    /// As [`ServerCtx::client`].
    pub fn client_mut(&mut self) -> &mut Client {
        self.engine
            .clients
            .find_mut(self.client)
            .expect("the client of a running command")
    }

    /// The selected database's view of this command, for families that need keys and more.
    pub fn keys(&mut self) -> KeyCtx<'_> {
        let db_index = self.client().db;
        self.keys_in(db_index)
    }

    /// As [`ServerCtx::keys`], for another database.
    pub fn keys_in(&mut self, db_index: u32) -> KeyCtx<'_> {
        let engine = &mut *self.engine;
        KeyCtx {
            db: engine.keyspace.db_mut(db_index as usize),
            db_index,
            reply: self.reply.reborrow(),
            effects: &mut engine.effects,
            rng: &mut engine.rng,
            now: engine.now,
            config: &engine.config,
            hasher: &engine.hasher,
            caller: self.caller,
        }
    }
}
