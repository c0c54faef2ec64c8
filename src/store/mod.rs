//! The keyspace: databases, shards, values, and the data structures values are made of.

pub mod dict;
pub mod hash;
pub mod slab;
pub mod types;
