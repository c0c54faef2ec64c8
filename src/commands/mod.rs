//! The commands: one file or folder a family, one row a command.

pub mod connection;
pub mod docs;
pub mod expire;
pub mod expiry;
pub mod generic;
pub mod scan;
pub mod server;
pub mod string;
pub mod transaction;

use crate::dispatch::table::Command;

/// The rows of every family.
pub static FAMILIES: &[&[Command]] = &[
    string::TABLE,
    transaction::TABLE,
    generic::TABLE,
    expire::TABLE,
    scan::TABLE,
    connection::TABLE,
    server::TABLE,
];
