//! The protocol: requests in, replies out.

pub mod args;

/// From this size on a bulk string has a buffer of its own.
pub const LARGE_BULK: usize = 16 * 1024;
