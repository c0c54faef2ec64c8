//! Optimistic locking: which client watches which key, and whose transaction must fail.
//!
//! While nobody watches, a write pays one branch (`Listeners::watch`). A key that had expired
//! already when it was watched, but was not yet removed, does not fail the transaction when it is
//! removed; it does when it is written.

use crate::store::hash::{HashState, Map};

use super::clients::ClientKey;

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

type WatchKey = (u32, Box<[u8]>);

/// Watched keys and their watchers.
#[derive(Debug)]
pub struct Watch {
    watchers: Map<WatchKey, Vec<ClientKey>>,
}

impl Watch {
    /// Nothing is watched.
    pub fn new(hasher: HashState) -> Watch {
        Watch {
            watchers: Map::with_hasher(hasher),
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

    /// Adds a watcher; the caller makes sure that it does not watch the key yet.
    pub fn add(&mut self, client: ClientKey, key: &WatchedKey) {
        self.watchers
            .entry((key.db, key.key.clone()))
            .or_default()
            .push(client);
    }

    /// Takes a watcher away.
    pub fn remove(&mut self, client: ClientKey, key: &WatchedKey) {
        let entry = (key.db, key.key.clone());
        if let Some(clients) = self.watchers.get_mut(&entry) {
            clients.retain(|c| *c != client);
            if clients.is_empty() {
                self.watchers.remove(&entry);
            }
        }
    }

    /// Who watches a key.
    pub fn watchers(&self, db: u32, key: &[u8]) -> &[ClientKey] {
        self.watchers
            .get(&(db, Box::from(key)))
            .map_or(&[], Vec::as_slice)
    }

    /// The watched keys of a database, each with its watchers.
    pub fn of_database(&self, db: u32) -> impl Iterator<Item = (&[u8], &[ClientKey])> {
        self.watchers
            .iter()
            .filter(move |((in_db, _), _)| *in_db == db)
            .map(|((_, key), clients)| (&**key, clients.as_slice()))
    }
}
