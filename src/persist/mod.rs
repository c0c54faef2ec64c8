//! What outlives the process: the formats of files, as bytes in and bytes out.
//!
//! Nothing here opens a file or knows a clock.

pub mod rdb;
