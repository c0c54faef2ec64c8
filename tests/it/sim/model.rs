//! What the keyspace should hold: a map a database, and nothing clever.

use std::collections::{BTreeMap, BTreeSet};

use super::generate::Gen;
use super::hashes::Fields;
use super::hyperloglogs::Hll;
use super::streams::Stream;
use super::want::{Want, wrong_type};

/// The arguments of a command, its name left out.
pub type Words = Vec<Vec<u8>>;

/// One command: how it is made up, and what it does to the model.
pub struct Row {
    pub name: &'static str,
    /// How often it is chosen, compared with the others.
    pub weight: u32,
    pub make: fn(&mut Gen) -> Words,
    pub run: fn(&mut Ctx<'_>, &[Vec<u8>]) -> Want,
}

/// A command that a client sends.
#[derive(Clone)]
pub struct Command {
    pub row: &'static Row,
    pub words: Words,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    String(Vec<u8>),
    Hash(Fields),
    List(Vec<Vec<u8>>),
    Set(BTreeSet<Vec<u8>>),
    ZSet(BTreeMap<Vec<u8>, f64>),
    Stream(Stream),
    Hll(Hll),
}

impl Data {
    /// What TYPE says.
    pub fn kind(&self) -> &'static str {
        match self {
            Data::String(_) | Data::Hll(_) => "string",
            Data::Hash(_) => "hash",
            Data::List(_) => "list",
            Data::Set(_) => "set",
            Data::ZSet(_) => "zset",
            Data::Stream(_) => "stream",
        }
    }
}

/// What a variant of [`Data`] holds, for commands on one type.
pub trait Collection: Clone + Default {
    fn of(data: &Data) -> Option<&Self>;
    fn data(self) -> Data;
    fn is_empty(&self) -> bool;
}

macro_rules! collection {
    ($variant:ident, $type:ty) => {
        impl Collection for $type {
            fn of(data: &Data) -> Option<&Self> {
                match data {
                    Data::$variant(value) => Some(value),
                    _ => None,
                }
            }

            fn data(self) -> Data {
                Data::$variant(self)
            }

            fn is_empty(&self) -> bool {
                <$type>::is_empty(self)
            }
        }
    };
}

collection!(Hash, Fields);
collection!(List, Vec<Vec<u8>>);
collection!(Set, BTreeSet<Vec<u8>>);
collection!(ZSet, BTreeMap<Vec<u8>, f64>);

/// A key's value and its end.
#[derive(Clone, Debug)]
pub struct Entry {
    pub data: Data,
    pub expire_at: Option<i64>,
    /// When the key came to be: another number for each time it was absent before.
    pub birth: u64,
}

/// A watched key as it was when it was watched.
#[derive(Clone, Debug)]
pub struct Watched {
    pub db: usize,
    pub key: Vec<u8>,
    version: u64,
    was_live: bool,
}

/// What the server knows of a client.
#[derive(Default)]
pub struct Session {
    pub db: usize,
    pub resp3: bool,
    pub multi: Option<Vec<Command>>,
    pub aborted: bool,
    pub watched: Vec<Watched>,
    /// The youngest birth that its walk with SCAN promised to return, while it walks.
    pub scan_since: Option<u64>,
}

/// What a command works with.
pub struct Ctx<'a> {
    pub model: &'a mut Model,
    pub session: &'a mut Session,
}

impl Ctx<'_> {
    pub fn get(&self, key: &[u8]) -> Option<&Entry> {
        self.model.dbs[self.session.db].get(key)
    }

    /// The data of a key, for a change of it that keeps the key.
    pub fn change(&mut self, key: &[u8]) -> Option<&mut Entry> {
        self.model.touch(self.session.db, key);
        self.model.dbs[self.session.db].get_mut(key)
    }

    pub fn put(&mut self, key: &[u8], data: Data, expire_at: Option<i64>) {
        self.model.put(self.session.db, key, data, expire_at);
    }

    /// A collection, empty if there is none; `Err` if the key holds something else.
    pub fn read<T: Collection>(&self, key: &[u8]) -> Result<T, Want> {
        match self.get(key) {
            None => Ok(T::default()),
            Some(entry) => T::of(&entry.data).cloned().ok_or_else(wrong_type),
        }
    }

    /// Changes a collection, which comes and goes with its first and last element. `change`
    /// answers what to reply, and whether it counts as a change.
    pub fn edit<T: Collection>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut T) -> (Want, bool),
    ) -> Want {
        let mut value = match self.read::<T>(key) {
            Err(wrong) => return wrong,
            Ok(value) => value,
        };
        let (want, changed) = change(&mut value);
        if changed {
            self.store(key, value, true);
        }
        want
    }

    /// Stores a collection under a key, or removes the key if it is empty.
    pub fn store<T: Collection>(&mut self, key: &[u8], value: T, keep_ttl: bool) {
        if value.is_empty() {
            self.remove(key);
            return;
        }
        let at = self.get(key).and_then(|entry| entry.expire_at);
        self.put(key, value.data(), at.filter(|_| keep_ttl));
    }

    pub fn remove(&mut self, key: &[u8]) -> bool {
        self.model.remove(self.session.db, key).is_some()
    }
}

/// The data of all databases.
#[derive(Clone)]
pub struct Model {
    pub now_ms: i64,
    /// The keys that are there.
    pub dbs: Vec<BTreeMap<Vec<u8>, Entry>>,
    /// The keys whose time has come: the server may or may not have removed them, which shows only
    /// when the clock is set back.
    pub limbo: Vec<BTreeMap<Vec<u8>, Entry>>,
    /// Hashes that the server may have yet, though the time of their last field has come.
    pub hollow: BTreeSet<(usize, Vec<u8>)>,
    versions: BTreeMap<(usize, Vec<u8>), u64>,
    pub births: u64,
}

impl Model {
    pub fn new(databases: usize, now_ms: i64) -> Model {
        Model {
            now_ms,
            dbs: vec![BTreeMap::new(); databases],
            limbo: vec![BTreeMap::new(); databases],
            hollow: BTreeSet::new(),
            versions: BTreeMap::new(),
            births: 0,
        }
    }

    /// The clock moved: ends the keys whose time has come.
    pub fn set_now(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        for (db, limbo) in self.dbs.iter_mut().zip(&mut self.limbo) {
            let ended: Vec<Vec<u8>> = db
                .iter()
                .filter(|(_, entry)| entry.expire_at.is_some_and(|at| at <= now_ms))
                .map(|(key, _)| key.clone())
                .collect();
            for key in ended {
                let entry = db.remove(&key).expect("it was there");
                limbo.insert(key, entry);
            }
        }
        self.end_fields();
    }

    /// Ends the fields whose time has come, and the hashes that have no others.
    pub fn end_fields(&mut self) {
        for number in 0..self.dbs.len() {
            let mut changed = Vec::new();
            for (key, entry) in &mut self.dbs[number] {
                if let Data::Hash(fields) = &mut entry.data
                    && fields.end(self.now_ms)
                {
                    changed.push((key.clone(), fields.is_empty()));
                }
            }
            for (key, is_empty) in changed {
                self.touch(number, &key);
                if is_empty {
                    self.dbs[number].remove(&key);
                    self.hollow.insert((number, key));
                }
            }
        }
    }

    /// The hashes with fields that have ended.
    pub fn with_ended_fields(&mut self) -> Vec<(usize, &Vec<u8>, &mut Fields)> {
        let mut all = Vec::new();
        for (number, db) in self.dbs.iter_mut().enumerate() {
            for (key, entry) in db {
                match &mut entry.data {
                    Data::Hash(fields) if !fields.ended.is_empty() => {
                        all.push((number, key, fields))
                    }
                    _ => {}
                }
            }
        }
        all
    }

    /// A key changed: who watches it fails.
    pub fn touch(&mut self, db: usize, key: &[u8]) {
        *self.versions.entry((db, key.to_vec())).or_default() += 1;
    }

    /// Sets a key, whether it is there or not.
    pub fn put(&mut self, db: usize, key: &[u8], data: Data, expire_at: Option<i64>) {
        self.touch(db, key);
        self.limbo[db].remove(key);
        let before = self.dbs[db].remove(key);
        let birth = before.map_or_else(|| self.next_birth(), |entry| entry.birth);
        let entry = Entry {
            data,
            expire_at,
            birth,
        };
        let ended = expire_at.is_some_and(|at| at <= self.now_ms);
        let place = if ended {
            &mut self.limbo
        } else {
            &mut self.dbs
        };
        place[db].insert(key.to_vec(), entry);
    }

    pub fn remove(&mut self, db: usize, key: &[u8]) -> Option<Entry> {
        let entry = self.dbs[db].remove(key)?;
        self.touch(db, key);
        Some(entry)
    }

    pub fn flush(&mut self, db: usize) {
        for key in std::mem::take(&mut self.dbs[db]).into_keys() {
            self.touch(db, &key);
        }
        self.limbo[db].clear();
    }

    pub fn swap(&mut self, a: usize, b: usize) {
        if a == b {
            return;
        }
        let keys: BTreeSet<Vec<u8>> = self.dbs[a]
            .keys()
            .chain(self.dbs[b].keys())
            .cloned()
            .collect();
        for key in keys {
            self.touch(a, &key);
            self.touch(b, &key);
        }
        self.dbs.swap(a, b);
        self.limbo.swap(a, b);
        // A walk that began before has not begun in this one.
        let birth = self.next_birth();
        for db in [a, b] {
            self.dbs[db]
                .values_mut()
                .for_each(|entry| entry.birth = birth);
        }
    }

    /// A key that had ended is there again, because the clock was set back.
    pub fn revive(&mut self, db: usize, key: &[u8]) {
        let mut entry = self.limbo[db].remove(key).expect("in limbo");
        entry.birth = self.next_birth();
        self.dbs[db].insert(key.to_vec(), entry);
    }

    pub fn watch(&self, db: usize, key: &[u8]) -> Watched {
        Watched {
            db,
            key: key.to_vec(),
            version: self.version(db, key),
            was_live: self.dbs[db].contains_key(key),
        }
    }

    /// Whether a watched key is not what it was. One that had expired when it was watched does not
    /// count as changed when the wall clock goes back and it lives again, as in Redis.
    pub fn has_changed(&self, watched: &Watched) -> bool {
        let has_ended = !self.dbs[watched.db].contains_key(&watched.key);
        watched.version != self.version(watched.db, &watched.key) || watched.was_live && has_ended
    }

    fn version(&self, db: usize, key: &[u8]) -> u64 {
        let entry = (db, key.to_vec());
        self.versions.get(&entry).copied().unwrap_or_default()
    }

    fn next_birth(&mut self) -> u64 {
        self.births += 1;
        self.births
    }
}
