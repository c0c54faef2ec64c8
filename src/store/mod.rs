//! The keyspace: databases, shards, values, and the data structures values are made of.

mod chores;
pub mod db;
pub mod dict;
pub mod evict;
pub mod expire;
pub mod field_expiry;
pub mod hash;
pub mod keyspace;
pub mod memory;
mod scan;
mod shard;
pub mod slab;
pub mod snapshot;
pub mod types;
pub mod value;
