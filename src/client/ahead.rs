//! Looks ahead at commands before they run: which they are, and the memory they will need.
//!
//! A key that was not used lately costs two cache misses, one for its place in the index and one
//! for its block, which is most of what a small command costs. They are touched in tight loops for
//! many commands at once ([`Db::warm`]), so that the processor overlaps the misses: the commands of
//! one read together, and the first commands of several connections that are read together.
//!
//! Looking ahead decides nothing: limits and permissions are those of a command's own turn.

use smallvec::SmallVec;

use crate::dispatch::lookup::{self, Finder};
use crate::dispatch::table::Found;
use crate::engine::Engine;
use crate::engine::buffers::Ahead;
use crate::engine::clients::ClientKey;
use crate::resp::request::second_word;
use crate::store::db::{Db, Key};

/// Below this many words of commands warming costs more than it saves.
const WARM_WORDS_MIN: usize = 8;
/// Keys touched together: about as many as the processor has misses under way, and some.
const WARM_KEYS_MAX: usize = 64;

/// Keys to be touched together.
struct Warming<'a> {
    db: Option<&'a Db>,
    keys: SmallVec<[Key<'a>; WARM_KEYS_MAX]>,
}

impl<'a> Warming<'a> {
    fn of(db: Option<&'a Db>) -> Self {
        Warming {
            db,
            keys: SmallVec::new(),
        }
    }

    #[inline]
    fn add(&mut self, key: Key<'a>) {
        if self.keys.len() == WARM_KEYS_MAX {
            self.touch();
        }
        self.keys.push(key);
    }

    fn touch(&mut self) {
        // One alone has nothing to overlap with.
        if let Some(db) = self.db.filter(|_| self.keys.len() > 1) {
            db.warm(&self.keys);
        }
        self.keys.clear();
    }
}

impl Engine {
    /// Looks up the commands of a batch and touches their keys.
    pub(super) fn look_ahead(&self, db: u32, ahead: &mut Ahead, input: &[u8]) {
        match self.keyspace.db(db as usize) {
            Some(db) if ahead.batch.words() >= WARM_WORDS_MIN => self.warm_batch(db, ahead, input),
            _ => self.look_up(ahead, input),
        }
    }

    /// Looks up the commands of a batch.
    pub(super) fn look_up(&self, Ahead { batch, rows }: &mut Ahead, input: &[u8]) {
        let find = |i| lookup::find(&self.registry, batch.args(i, input));
        rows.clear();
        rows.extend((0..batch.len()).map(find));
    }

    #[inline(never)]
    fn warm_batch(&self, db: &Db, Ahead { batch, rows }: &mut Ahead, input: &[u8]) {
        let mut warming = Warming::of(Some(db));
        let mut finder = Finder::new(&self.registry);
        rows.clear();
        for i in 0..batch.len() {
            let args = batch.args(i, input);
            let found = finder.find(args);
            rows.push(found);
            let Some(Found { command, .. }) = found else {
                continue;
            };
            let (mut at, end, step) = command.keys.first_range(args);
            while at < end {
                warming.add(Key::new(&self.hasher, args.at(at)));
                at += step;
            }
        }
        warming.touch();
    }

    /// Touches the key of the first command in each of these reads of different clients, if it is
    /// a usual one: what comes first behind the name is mostly a key.
    pub fn foresee<'a>(&'a self, reads: impl Iterator<Item = (ClientKey, &'a [u8])>) {
        let mut warming = Warming::of(None);
        let mut of = None;
        for (client, bytes) in reads {
            let db = self.clients.find(client).map(|client| client.db);
            if db != of {
                warming.touch();
                warming.db = db.and_then(|db| self.keyspace.db(db as usize));
                of = db;
            }
            if let Some(word) = second_word(bytes) {
                warming.add(Key::new(&self.hasher, word));
            }
        }
        warming.touch();
    }
}
