//! From a request to the handler of its command.

pub mod docs;
pub mod keys;
pub mod table;
