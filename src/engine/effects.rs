//! What a command did besides replying, collected while it runs and settled by the dispatcher.
//!
//! Handlers only record: which keys changed, which events happened, what is to be propagated,
//! whether the client blocks. Nothing here reaches another client by itself. Recording costs one
//! branch where nobody listens: the sets of listeners are summed up in [`Effects::listeners`].

use crate::resp::args::{Args, OwnedArgs};

use crate::store::field_expiry::DroppedFields;

use super::blocked::BlockRequest;
use super::notify::EventClass;

/// Who wants to hear of changed keys. While empty, a changed key is only counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listeners {
    /// Some client watches keys.
    pub watch: bool,
    /// Some client tracks keys.
    pub tracking: bool,
    /// Some client is blocked on keys.
    pub blocked: bool,
    /// The event classes that `notify-keyspace-events` switched on.
    pub events: EventClass,
    /// There is somewhere to propagate to.
    pub propagation: bool,
}

impl Listeners {
    /// Whether changed keys must be recorded by name.
    #[inline]
    fn wants_keys(&self) -> bool {
        self.watch | self.tracking | self.blocked
    }
}

/// One command to be written to the append-only file and sent to replicas.
#[derive(Debug)]
pub struct Propagated {
    /// The database it applies to.
    pub db: u32,
    /// The command.
    pub args: OwnedArgs,
}

/// A keyspace event.
#[derive(Debug)]
pub struct Event {
    /// Its name, as Redis's.
    pub name: &'static str,
    /// The key it happened to.
    pub key: Box<[u8]>,
    /// The database of the key.
    pub db: u32,
}

/// A key that changed.
#[derive(Debug)]
pub struct Touched {
    /// The database of the key.
    pub db: u32,
    /// The key.
    pub key: Box<[u8]>,
    /// Whether it counts as a change, or matters to those who wait for it only.
    pub is_change: bool,
}

/// How the running command is propagated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Verbatim {
    /// As the client sent it, if it changed anything.
    #[default]
    IfDirty,
    /// Not at all: the handler gave its own commands, or none are needed.
    Never,
    /// As the client sent it, whether or not it changed anything.
    Always,
}

/// What a command that is not done waits for.
#[derive(Debug)]
pub enum Wait {
    /// Keys, or time: its client blocks.
    Block(Box<BlockRequest>),
    /// The next turn, to go on then.
    Turn,
}

/// What one command did besides replying.
#[derive(Debug, Default)]
pub struct Effects {
    /// Who listens.
    pub listeners: Listeners,
    /// Number of changes since the last save (`rdb_changes_since_last_save`).
    pub dirty: u64,
    /// Keys changed by the running command, in order.
    pub touched: Vec<Touched>,
    /// Events of the running command, in order.
    pub events: Vec<Event>,
    /// Commands to propagate before the running command itself.
    pub propagated: Vec<Propagated>,
    /// The running command is not done: what it waits for.
    pub wait: Option<Wait>,
    /// What earlier turns of the running command have taken, nanoseconds.
    pub spent_ns: u64,
    /// Keyspace hits and misses, and keys removed because their time had come.
    pub lookups: Lookups,
    verbatim: Verbatim,
    dirty_at_start: u64,
}

/// Counters of key lookups.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lookups {
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Keys removed because they had expired.
    pub expired: u64,
    /// Hash fields removed because they had expired.
    pub expired_fields: u64,
}

impl Effects {
    /// Forgets the last command.
    #[inline]
    pub fn begin(&mut self) {
        self.dirty_at_start = self.dirty;
        self.verbatim = Verbatim::IfDirty;
    }

    /// The running command asks to block.
    pub fn block(&mut self, request: BlockRequest) {
        self.wait = Some(Wait::Block(Box::new(request)));
    }

    /// Whether the running command changed anything.
    #[inline]
    pub fn changed(&self) -> bool {
        self.dirty != self.dirty_at_start
    }

    /// Whether nothing but the reply remains of the command.
    #[inline]
    pub fn is_quiet(&self) -> bool {
        self.touched.is_empty()
            && self.events.is_empty()
            && self.propagated.is_empty()
            && self.wait.is_none()
            && !(self.listeners.propagation && self.propagates_verbatim())
    }

    /// Whether the command is to be propagated as the client sent it.
    #[inline]
    pub fn propagates_verbatim(&self) -> bool {
        match self.verbatim {
            Verbatim::IfDirty => self.changed(),
            Verbatim::Never => false,
            Verbatim::Always => true,
        }
    }

    /// Counts a change of `key` and tells whoever watches, tracks or waits for it.
    #[inline]
    pub fn modified(&mut self, db: u32, key: &[u8]) {
        self.dirty += 1;
        self.touch(db, key);
    }

    /// As [`Effects::modified`], without counting a change.
    #[inline]
    pub fn touch(&mut self, db: u32, key: &[u8]) {
        if self.listeners.wants_keys() {
            self.touched.push(Touched {
                db,
                key: key.into(),
                is_change: true,
            });
        }
    }

    /// Tells whoever waits for `key` to look again, though its value did not change.
    pub fn wake(&mut self, db: u32, key: &[u8]) {
        if self.listeners.blocked {
            self.touched.push(Touched {
                db,
                key: key.into(),
                is_change: false,
            });
        }
    }

    /// Records an event if somebody asked for its class.
    #[inline]
    pub fn notify(&mut self, class: EventClass, name: &'static str, db: u32, key: &[u8]) {
        if self.listeners.events.contains(class) {
            self.events.push(Event {
                name,
                key: key.into(),
                db,
            });
        }
    }

    /// Fields of a hash were removed because their time had come: told as if by HDEL.
    #[cold]
    pub fn fields_expired(&mut self, db: u32, dropped: &DroppedFields<'_>) {
        let key = dropped.key;
        self.lookups.expired_fields += dropped.names.len() as u64;
        self.touch(db, key);
        if self.listeners.propagation {
            let words = [&b"HDEL"[..], key].into_iter();
            let args = words
                .chain(dropped.names.iter().map(Vec::as_slice))
                .collect();
            self.propagated.push(Propagated { db, args });
        }
        self.notify(EventClass::HASH, "hexpired", db, key);
        if dropped.is_empty {
            self.notify(EventClass::GENERIC, "del", db, key);
        }
    }

    /// Propagates `words` in place of what the client sent; may be called several times.
    pub fn propagate_as(&mut self, db: u32, words: &[&[u8]]) {
        self.verbatim = Verbatim::Never;
        self.also_propagate(db, words);
    }

    /// Propagates `words` before what the client sent.
    pub fn also_propagate(&mut self, db: u32, words: &[&[u8]]) {
        if self.listeners.propagation {
            let args = words.iter().copied().collect();
            self.propagated.push(Propagated { db, args });
        }
    }

    /// Does not propagate the running command, though it changed something.
    pub fn propagate_nothing(&mut self) {
        self.verbatim = Verbatim::Never;
    }

    /// Propagates the running command though it changed nothing.
    pub fn propagate_always(&mut self) {
        self.verbatim = Verbatim::Always;
    }

    /// Adds the running command itself to what is propagated.
    pub fn propagate_verbatim(&mut self, db: u32, args: Args<'_>) {
        self.propagated.push(Propagated {
            db,
            args: OwnedArgs::from(args),
        });
    }
}
