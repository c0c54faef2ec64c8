//! A map by the keys of all databases that is looked at without an allocation: many commands ask
//! whether somebody waits for their key, few find somebody.

use std::collections::BTreeMap;

use crate::store::hash::{HashState, Map};

/// Something for some keys.
#[derive(Debug)]
pub struct KeyMap<T> {
    /// None of them is empty.
    databases: BTreeMap<u32, Map<Box<[u8]>, T>>,
    hasher: HashState,
}

impl<T: Default> KeyMap<T> {
    /// Nothing for any key.
    pub fn new(hasher: HashState) -> KeyMap<T> {
        KeyMap {
            databases: BTreeMap::new(),
            hasher,
        }
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.databases.values().map(Map::len).sum()
    }

    /// Whether there is nothing for any key.
    pub fn is_empty(&self) -> bool {
        self.databases.is_empty()
    }

    /// What there is for a key.
    pub fn get(&self, db: u32, key: &[u8]) -> Option<&T> {
        self.databases.get(&db)?.get(key)
    }

    /// As [`KeyMap::get`], to change.
    pub fn get_mut(&mut self, db: u32, key: &[u8]) -> Option<&mut T> {
        self.databases.get_mut(&db)?.get_mut(key)
    }

    /// What there is for a key, from now on.
    pub fn get_or_default(&mut self, db: u32, key: &[u8]) -> &mut T {
        let hasher = &self.hasher;
        let keys = self.databases.entry(db);
        let keys = keys.or_insert_with(|| Map::with_hasher(hasher.clone()));
        keys.entry(key.into()).or_default()
    }

    /// Forgets a key.
    pub fn remove(&mut self, db: u32, key: &[u8]) {
        if let Some(keys) = self.databases.get_mut(&db) {
            keys.remove(key);
            if keys.is_empty() {
                self.databases.remove(&db);
            }
        }
    }

    /// The keys of a database, in no particular order.
    pub fn of_database(&self, db: u32) -> impl Iterator<Item = (&[u8], &T)> {
        let keys = self.databases.get(&db).into_iter().flatten();
        keys.map(|(key, value)| (&**key, value))
    }

    /// What there is, in no particular order.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.databases.values().flat_map(Map::values)
    }
}
