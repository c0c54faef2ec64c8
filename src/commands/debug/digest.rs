//! DEBUG DIGEST and DIGEST-VALUE: a number for the data that does not depend on the order in which
//! keys, members and fields lie in memory. The same data has the same number in Valkey 9.1.
//!
//! It walks everything in one go: for tests.

use sha1::{Digest, Sha1};

use crate::engine::Engine;
use crate::resp::number::format_f64_shortest;
use crate::store::db::{Db, Slot};
use crate::store::types::listpack::IntBuf;
use crate::store::types::stream::StreamId;
use crate::store::value::{Kind, ValueRef};

/// Keys visited at once.
const KEYS_A_STEP: usize = 1024;

/// The digest of a piece of data.
#[derive(Clone, Copy, Default)]
pub(super) struct Fingerprint([u8; 20]);

impl Fingerprint {
    /// Of everything.
    pub fn of_engine(engine: &Engine) -> Fingerprint {
        let mut all = Fingerprint::default();
        for (number, db) in engine.keyspace.iter().filter(|(_, db)| !db.is_empty()) {
            all.mix(&(number as u32).to_be_bytes());
            let mut cursor = 0;
            loop {
                cursor = db.scan(cursor, KEYS_A_STEP, |key, slot| {
                    let mut one = Fingerprint::default();
                    one.mix(key);
                    one.mix_value(db, slot, engine.now.unix_ms);
                    all.add(&one.0);
                });
                if cursor == 0 {
                    break;
                }
            }
        }
        all
    }

    /// Of a value and whether it expires.
    pub fn of_value(db: &Db, slot: Slot, now_ms: i64) -> Fingerprint {
        let mut one = Fingerprint::default();
        one.mix_value(db, slot, now_ms);
        one
    }

    /// As text.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn mix_value(&mut self, db: &Db, slot: Slot, now_ms: i64) {
        self.mix(&type_number(db.kind(slot)).to_be_bytes());
        let mut buffer = itoa::Buffer::new();
        let (mut one, mut two) = (IntBuf::new(), IntBuf::new());
        match db.value(slot) {
            value @ (ValueRef::Int(_) | ValueRef::Str(_) | ValueRef::Large(_)) => {
                self.mix(value.string(&mut buffer).unwrap_or_default());
            }
            ValueRef::List(list) => list.iter().for_each(|e| self.mix(e.bytes(&mut one))),
            ValueRef::Set(set) => set.iter().for_each(|e| self.add(e.bytes(&mut one))),
            ValueRef::ZSet(zset) => {
                for (member, score) in zset.iter() {
                    self.add_pair(member.bytes(&mut one), &format_f64_shortest(score));
                }
            }
            ValueRef::Hash(hash) => {
                for field in hash.iter(now_ms) {
                    self.add_pair(field.name.bytes(&mut one), field.value.bytes(&mut two));
                }
            }
            ValueRef::Stream(stream) => {
                for entry in stream.range(StreamId::MIN, StreamId::MAX) {
                    let id = entry.id();
                    self.mix(format!("{}.{}", id.ms, id.seq).as_bytes());
                    for (name, value) in entry.fields() {
                        self.mix(name);
                        self.mix(value);
                    }
                }
            }
        }
        if db.expire_at(slot).is_some() {
            self.add(b"!!expire!!");
        }
    }

    /// Adds a piece whose place does not matter.
    fn add(&mut self, bytes: &[u8]) {
        self.xor(Sha1::digest(bytes).into());
    }

    /// Adds two pieces that belong together, wherever they stand.
    fn add_pair(&mut self, one: &[u8], two: &[u8]) {
        let mut pair = Fingerprint::default();
        pair.mix(one);
        pair.mix(two);
        self.add(&pair.0);
    }

    /// Adds a piece whose place matters.
    fn mix(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    fn xor(&mut self, other: [u8; 20]) {
        for (byte, other) in self.0.iter_mut().zip(other) {
            *byte ^= other;
        }
    }
}

/// Redis's numbers of its types.
fn type_number(kind: Kind) -> u32 {
    match kind {
        Kind::String => 0,
        Kind::List => 1,
        Kind::Set => 2,
        Kind::ZSet => 3,
        Kind::Hash => 4,
        Kind::Stream => 6,
    }
}
