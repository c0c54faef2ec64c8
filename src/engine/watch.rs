//! Optimistic locking: which client watches which key, and whose transaction must fail.
//!
//! While nobody watches, a write pays one branch (`Listeners::watch`). A key that had expired
//! already when it was watched, but was not yet removed, does not fail the transaction when it is
//! removed; it does when it is written.

use crate::store::hash::HashState;

use super::clients::ClientKey;
use super::key_map::KeyMap;

/// One watched key of a client.
#[derive(Clone, Debug)]
pub struct WatchedKey {
    /// The database of the key.
    pub db: u32,
    /// The key.
    pub key: Box<[u8]>,
    /// The key's time had come already when it was watched.
    pub was_expired: bool,
}

/// Watched keys and their watchers.
#[derive(Debug)]
pub struct Watch {
    watchers: KeyMap<Vec<ClientKey>>,
}

impl Watch {
    /// Nothing is watched.
    pub fn new(hasher: HashState) -> Watch {
        Watch {
            watchers: KeyMap::new(hasher),
        }
    }

    /// Whether nothing is watched.
    pub fn is_empty(&self) -> bool {
        self.watchers.is_empty()
    }

    /// Number of watched keys.
    pub fn len(&self) -> usize {
        self.watchers.len()
    }

    /// Adds a watcher; `false` if it watches the key already.
    pub fn add(&mut self, client: ClientKey, db: u32, key: &[u8]) -> bool {
        let watchers = self.watchers.get_or_default(db, key);
        let is_new = !watchers.contains(&client);
        if is_new {
            watchers.push(client);
        }
        is_new
    }

    /// Takes a watcher away.
    pub fn remove(&mut self, client: ClientKey, key: &WatchedKey) {
        if let Some(clients) = self.watchers.get_mut(key.db, &key.key) {
            clients.retain(|c| *c != client);
            if clients.is_empty() {
                self.watchers.remove(key.db, &key.key);
            }
        }
    }

    /// Who watches a key.
    pub fn watchers(&self, db: u32, key: &[u8]) -> &[ClientKey] {
        self.watchers.get(db, key).map_or(&[], Vec::as_slice)
    }

    /// The watched keys of a database.
    pub fn of_database(&self, db: u32) -> impl Iterator<Item = &[u8]> {
        self.watchers.of_database(db).map(|(key, _)| key)
    }
}
