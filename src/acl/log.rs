//! What was refused, and to whom: ACL LOG.

use std::collections::VecDeque;

/// The same refusal within this time is counted, not listed again.
const MERGED_MS: i64 = 60_000;
/// Entries looked at for the same refusal.
const LOOKED_AT: usize = 10;

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A command.
    Command,
    /// A key.
    Key,
    /// A channel.
    Channel,
    /// A database.
    Database,
    /// A wrong name or password.
    Auth,
}

impl Reason {
    /// As ACL LOG has it.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Command => "command",
            Reason::Key => "key",
            Reason::Channel => "channel",
            Reason::Database => "database",
            Reason::Auth => "auth",
        }
    }
}

/// Where the command was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// Sent by a client.
    TopLevel,
    /// In a transaction.
    Multi,
    /// In a script.
    Lua,
}

impl Context {
    /// As ACL LOG has it.
    pub fn name(self) -> &'static str {
        match self {
            Context::TopLevel => "toplevel",
            Context::Multi => "multi",
            Context::Lua => "lua",
        }
    }
}

/// One refusal, or several of a kind.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its number.
    pub id: u64,
    /// How often.
    pub count: u64,
    /// Why.
    pub reason: Reason,
    /// Where.
    pub context: Context,
    /// The command, key or channel.
    pub object: Vec<u8>,
    /// The user.
    pub user: Vec<u8>,
    /// The client as CLIENT LIST shows it, at the last one.
    pub client: Vec<u8>,
    /// When the first was, Unix milliseconds.
    pub created_ms: i64,
    /// When the last was.
    pub updated_ms: i64,
}

/// The refusals, newest first.
#[derive(Debug, Default)]
pub struct AclLog {
    entries: VecDeque<Entry>,
    next_id: u64,
}

impl AclLog {
    /// Adds a refusal, or counts it. At most `max` are kept.
    pub fn add(&mut self, mut entry: Entry, max: usize) {
        let same = |known: &Entry| {
            known.reason == entry.reason
                && known.context == entry.context
                && known.object == entry.object
                && known.user == entry.user
                && entry.updated_ms - known.updated_ms <= MERGED_MS
        };
        let known = self.entries.iter().take(LOOKED_AT).position(same);
        if let Some(mut known) = known.and_then(|at| self.entries.remove(at)) {
            known.count += 1;
            known.updated_ms = entry.updated_ms;
            known.client = entry.client;
            entry = known;
        } else {
            entry.id = self.next_id;
            self.next_id += 1;
        }
        self.entries.push_front(entry);
        self.entries.truncate(max);
    }

    /// The entries, newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}
