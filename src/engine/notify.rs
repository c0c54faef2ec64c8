//! The classes of keyspace events, under the letters of `notify-keyspace-events`.

use crate::config::values::KeyspaceEvents;

/// A set of event classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventClass(u16);

impl EventClass {
    /// `K`: publish on `__keyspace@<db>__:<key>`.
    pub const KEYSPACE: EventClass = EventClass(KeyspaceEvents::KEYSPACE);
    /// `E`: publish on `__keyevent@<db>__:<event>`.
    pub const KEYEVENT: EventClass = EventClass(KeyspaceEvents::KEYEVENT);
    /// `g`: DEL, EXPIRE, RENAME, ...
    pub const GENERIC: EventClass = EventClass(KeyspaceEvents::GENERIC);
    /// `$`.
    pub const STRING: EventClass = EventClass(KeyspaceEvents::STRING);
    /// `l`.
    pub const LIST: EventClass = EventClass(KeyspaceEvents::LIST);
    /// `s`.
    pub const SET: EventClass = EventClass(KeyspaceEvents::SET);
    /// `h`.
    pub const HASH: EventClass = EventClass(KeyspaceEvents::HASH);
    /// `z`.
    pub const ZSET: EventClass = EventClass(KeyspaceEvents::ZSET);
    /// `x`: a key whose time had come was removed.
    pub const EXPIRED: EventClass = EventClass(KeyspaceEvents::EXPIRED);
    /// `e`: a key was evicted.
    pub const EVICTED: EventClass = EventClass(KeyspaceEvents::EVICTED);
    /// `t`.
    pub const STREAM: EventClass = EventClass(KeyspaceEvents::STREAM);
    /// `m`: a read missed.
    pub const KEY_MISS: EventClass = EventClass(KeyspaceEvents::KEY_MISS);
    /// `n`: a key was created.
    pub const NEW: EventClass = EventClass(KeyspaceEvents::NEW);

    /// Whether all of `other` is in `self`.
    #[inline]
    pub const fn contains(self, other: EventClass) -> bool {
        self.0 & other.0 == other.0
    }
}

impl From<KeyspaceEvents> for EventClass {
    fn from(configured: KeyspaceEvents) -> EventClass {
        EventClass(configured.0)
    }
}
