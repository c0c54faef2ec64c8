//! zset

mod tree;
