//! The data structures values are made of. Plain data: no protocol, no clock, no configuration.

pub mod bits;
pub mod geo;
pub mod hash;
pub mod hyperloglog;
pub mod intset;
pub mod list;
pub mod listpack;
pub mod set;
pub mod stream;
pub mod zset;

mod sample;
mod table;

#[cfg(test)]
pub(crate) mod sequence;
