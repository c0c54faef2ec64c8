//! The commands: one file or folder a family, one row a command.

pub mod acl;
pub mod bitmap;
pub mod client;
pub mod cluster;
pub mod config;
pub mod connection;
pub mod debug;
pub mod docs;
pub mod expire;
pub mod expiry;
pub mod generic;
pub mod geo;
pub mod hash;
pub mod hotkeys;
pub mod hyperloglog;
pub mod introspect;
pub mod latency;
pub mod list;
pub mod member;
pub mod memory;
pub mod object;
pub mod parse;
pub mod pubsub;
pub mod replication;
pub mod scan;
pub mod script;
pub mod server;
pub mod set;
pub mod slowlog;
pub mod sort;
pub mod stream;
pub mod string;
pub mod transaction;
pub mod zset;

use crate::dispatch::table::Command;
use crate::resp::reply::Reply;

/// The rows of every family.
pub static FAMILIES: &[&[Command]] = &[
    acl::TABLE,
    string::TABLE,
    bitmap::TABLE,
    hyperloglog::TABLE,
    list::TABLE,
    hash::TABLE,
    set::TABLE,
    zset::TABLE,
    geo::TABLE,
    stream::TABLE,
    transaction::TABLE,
    script::TABLE,
    generic::TABLE,
    sort::TABLE,
    expire::TABLE,
    scan::TABLE,
    pubsub::TABLE,
    connection::TABLE,
    server::TABLE,
    client::TABLE,
    config::TABLE,
    introspect::TABLE,
    object::TABLE,
    memory::TABLE,
    slowlog::TABLE,
    hotkeys::TABLE,
    latency::TABLE,
    replication::TABLE,
    cluster::TABLE,
    debug::TABLE,
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
