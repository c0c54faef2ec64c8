//! stub
use super::value::*;
use crate::random::Rng;
use crate::time::Now;
#[derive(Clone, Copy)]
pub struct Key<'a> {
    pub bytes: &'a [u8],
    pub hash: u64,
}
#[derive(Clone, Copy)]
pub struct Slot {
    pub shard: u32,
    pub index: u32,
}
pub enum NewValue<'a> {
    Int(i64),
    Str(&'a [u8]),
    Large(bytes::Bytes),
    Value(Value),
}
pub struct Db;
#[allow(unused)]
impl Db {
    pub fn find(&self, k: &Key<'_>) -> Option<Slot> {
        panic!()
    }
    pub fn kind(&self, s: Slot) -> Kind {
        panic!()
    }
    pub fn value(&self, s: Slot) -> ValueRef<'_> {
        panic!()
    }
    pub fn key(&self, s: Slot) -> &[u8] {
        panic!()
    }
    pub fn insert(&mut self, k: &Key<'_>, v: NewValue<'_>) -> Slot {
        panic!()
    }
    pub fn replace(&mut self, s: Slot, v: NewValue<'_>) -> (Slot, Option<Value>) {
        panic!()
    }
    pub fn remove(&mut self, s: Slot) -> Option<Value> {
        panic!()
    }
    pub fn free_later(&mut self, v: Value) {
        panic!()
    }
    pub fn expire_at(&self, s: Slot) -> Option<i64> {
        panic!()
    }
    pub fn set_expire(&mut self, s: Slot, at: Option<i64>) -> Slot {
        panic!()
    }
    pub fn scan<'a>(&'a self, c: u64, n: usize, f: impl FnMut(&'a [u8], Slot)) -> u64 {
        panic!()
    }
    pub fn random(&self, r: &mut Rng) -> Option<Slot> {
        panic!()
    }
    pub fn len(&self) -> usize {
        panic!()
    }
    pub fn warm(&self, k: &[Key<'_>]) {
        panic!()
    }
    pub fn touch(&mut self, s: Slot, n: Now, r: &mut Rng) {
        panic!()
    }
    pub fn touch_created(&mut self, s: Slot, n: Now) {
        panic!()
    }
}
