//! Hands what a command did to those who listen: watchers, waiters, subscribers, the log.

use crate::store::db::Key;

use super::Engine;
use super::clients::ClientKey;
use super::effects::Touched;

impl Engine {
    /// Settles the effects of the command that has just run; `by` is the client that sent it.
    pub fn settle(&mut self, by: Option<ClientKey>) {
        if !self.effects.touched.is_empty() {
            let mut touched = std::mem::take(&mut self.effects.touched);
            for key in touched.drain(..) {
                self.key_touched(by, &key);
            }
            self.effects.touched = touched;
        }
        if !self.effects.propagated.is_empty() {
            match by {
                Some(_) => self.propagate_unit(),
                None => self.propagate_each(),
            }
        }
        if !self.effects.events.is_empty() {
            self.publish_events();
        }
    }

    /// Settles what background work did: no command, no client.
    pub fn settle_background(&mut self) {
        self.effects.begin();
        self.settle(None);
    }

    fn key_touched(&mut self, by: Option<ClientKey>, touched: &Touched) {
        if self.effects.listeners.tracking && touched.is_change {
            self.invalidate(by, &touched.key);
        }
        if self.effects.listeners.watch && touched.is_change {
            self.fail_watchers(touched.db, &touched.key);
        }
        if self.effects.listeners.blocked {
            self.blocked.key_changed(touched.db, &touched.key);
        }
    }

    /// Fails the transactions of those who watch a key that changed.
    pub fn fail_watchers(&mut self, db: u32, key: &[u8]) {
        let watchers = self.watch.watchers(db, key).to_vec();
        if watchers.is_empty() {
            return;
        }
        let exists = self.key_exists(db, key);
        for client in watchers {
            let Some(client) = self.clients.find_mut(client) else {
                continue;
            };
            let Some(state) = client.watch.as_mut().filter(|state| !state.dirty) else {
                continue;
            };
            let watched = state.keys.iter_mut().find(|w| w.db == db && *w.key == *key);
            match watched {
                // It had expired before it was watched and is only now removed.
                Some(watched) if watched.was_expired && !exists => watched.was_expired = false,
                _ => state.dirty = true,
            }
        }
    }

    /// Fails the transactions of those who watch a key of a database that is flushed or swapped
    /// with `other`: of the keys that exist before, and of those that exist after.
    pub fn fail_watchers_of(&mut self, db: u32, other: Option<u32>) {
        let keys: Vec<Box<[u8]>> = self.watch.of_database(db).map(Box::from).collect();
        for key in keys {
            let before = self.key_exists(db, &key);
            let after = other.is_some_and(|other| self.key_exists(other, &key));
            if !before && !after {
                continue;
            }
            let after_expired = other.is_some_and(|other| self.key_is_due(other, &key));
            for client in self.watch.watchers(db, &key).to_vec() {
                let client = self.clients.find_mut(client);
                let Some(state) = client.and_then(|client| client.watch.as_mut()) else {
                    continue;
                };
                let watched = state.keys.iter_mut().find(|w| w.db == db && w.key == key);
                match watched {
                    // What had expired is gone, or is replaced by what has expired as well.
                    Some(watched) if watched.was_expired && (!after || after_expired) => {
                        watched.was_expired = after;
                    }
                    // There was nothing, and what has expired is as good as nothing.
                    Some(watched) if !before && after_expired => watched.was_expired = true,
                    _ => state.dirty = true,
                }
            }
        }
    }

    /// What follows until [`Engine::end_group`] is one transaction for the log and the replicas.
    pub fn begin_group(&mut self) {
        self.group_depth += 1;
    }

    /// Ends what [`Engine::begin_group`] began.
    pub fn end_group(&mut self) {
        self.group_depth -= 1;
        if self.group_depth == 0 {
            self.end_unit();
        }
    }

    /// Whether a key is there, expired or not.
    pub fn key_exists(&self, db: u32, bytes: &[u8]) -> bool {
        let key = Key::new(&self.hasher, bytes);
        let db = self.keyspace.db(db as usize);
        db.is_some_and(|db| db.find(&key).is_some())
    }

    /// Whether a key is there whose time has come.
    pub fn key_is_due(&self, db: u32, bytes: &[u8]) -> bool {
        let key = Key::new(&self.hasher, bytes);
        let db = self.keyspace.db(db as usize);
        let at = db.and_then(|db| db.find(&key).and_then(|slot| db.expire_at(slot)));
        at.is_some_and(|at| at <= self.now.unix_ms)
    }
}
