//! The commands: one file or folder a family, one row a command.

pub mod connection;
pub mod docs;
pub mod expire;
pub mod expiry;
pub mod generic;
pub mod list;
pub mod parse;
pub mod pubsub;
pub mod scan;
pub mod script;
pub mod server;
pub mod stream;
pub mod string;
pub mod transaction;

use crate::dispatch::table::Command;
use crate::resp::reply::Reply;

/// The rows of every family.
pub static FAMILIES: &[&[Command]] = &[
    string::TABLE,
    list::TABLE,
    stream::TABLE,
    transaction::TABLE,
    script::TABLE,
    generic::TABLE,
    expire::TABLE,
    scan::TABLE,
    pubsub::TABLE,
    connection::TABLE,
    server::TABLE,
];

/// What a container's HELP answers: how it is called, its subcommands, and HELP itself.
pub fn help(reply: &mut Reply<'_>, name: &str, lines: &[&str]) {
    reply.array(lines.len() + 3);
    let usage = "<subcommand> [<arg> [value] [opt] ...]. Subcommands are:";
    reply.simple(&format!("{name} {usage}"));
    for line in lines {
        reply.simple(line);
    }
    reply.simple("HELP");
    reply.simple("    Print this help.");
}
