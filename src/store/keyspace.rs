//! stub
use super::db::Db;
use super::hash::HashState;
pub struct Keyspace;
#[allow(unused)]
impl Keyspace {
    pub fn new(dbs: u32, shards: u32, h: HashState) -> Keyspace {
        panic!()
    }
    pub fn db(&self, i: u32) -> Option<&Db> {
        panic!()
    }
    pub fn db_mut(&mut self, i: u32) -> &mut Db {
        panic!()
    }
    pub fn flush(&mut self, i: u32) -> usize {
        panic!()
    }
    pub fn set_eviction_policy(
        &mut self,
        p: crate::config::values::MaxmemoryPolicy,
        c: &crate::config::Config,
    ) {
    }
    pub fn begin_expiry_cycle(&mut self, ms: i64) {}
    pub fn has_work(&self) -> bool {
        panic!()
    }
    pub fn tick(&mut self, ms: i64, f: &mut dyn FnMut(u32, &[u8])) -> bool {
        panic!()
    }
}
