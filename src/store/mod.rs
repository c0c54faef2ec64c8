//! The keyspace: databases, shards, values, and the data structures values are made of.

pub mod db;
pub mod dict;
pub mod hash;
pub mod keyspace;
pub mod slab;
pub mod types;
pub mod value;
