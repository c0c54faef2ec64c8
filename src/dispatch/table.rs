//! The command table: what a row is, the flags and ACL categories a row names, and the registry
//! that finds a row by the name a client sent.
//!
//! A row is data. What a command does besides its handler (arity check, gates, ACL categories, key
//! extraction, COMMAND INFO) derives from the row, never from the command's name. This module
//! must not call a handler, and knows no command.
//!
//! Limits: at most [`COMMANDS_MAX`] commands and subcommands together, and one level of
//! subcommands, as in Redis.

mod flags;
mod registry;

pub use self::flags::*;
pub use self::registry::{COMMANDS_MAX, CommandId, Found, Registry, TableError};

use crate::dispatch::docs::Doc;
use crate::dispatch::keys::Keys;
use crate::engine::context::{KeyCtx, ServerCtx};
use crate::engine::error::CommandResult;
use crate::resp::args::Args;

/// One command or subcommand.
#[derive(Debug)]
pub struct Command {
    /// In lower case; a subcommand is written `container|sub`.
    pub name: &'static str,
    /// How many arguments, the name included; negative: at least that many.
    pub arity: i16,
    /// What the command is and where it may run.
    pub flags: Flags,
    /// The ACL categories that do not follow from the flags: see [`Command::categories`].
    pub acl: Acl,
    /// Where its keys are.
    pub keys: Keys,
    /// Which databases it is about.
    pub databases: Databases,
    /// Which of its arguments are not to be shown.
    pub secrets: Secrets,
    /// The function that runs it.
    pub handler: Handler,
    /// What COMMAND DOCS says.
    pub doc: &'static Doc,
}

/// The function behind a command.
#[derive(Clone, Copy, Debug)]
pub enum Handler {
    /// Works on one database; sees no client and no engine.
    Key(fn(&mut KeyCtx<'_>, Args<'_>) -> CommandResult),
    /// Works on the server and its clients.
    Server(fn(&mut ServerCtx<'_>, Args<'_>) -> CommandResult),
    /// Has subcommands and cannot be called itself.
    Container,
}

/// Which databases a command is about: some users may use some of them only.
#[derive(Clone, Copy, Debug)]
pub enum Databases {
    /// The selected one, if it touches keys.
    Selected,
    /// Those that these arguments name.
    Named(&'static [usize]),
    /// The selected one and the one that this argument names.
    SelectedAnd(usize),
    /// The selected one and what follows the option DB.
    SelectedAndOption,
    /// All of them, whatever comes of it.
    All,
}

/// Which arguments of a command are passwords, or say something about one: no log shows them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Secrets {
    /// None.
    None,
    /// All, for it is a login.
    Login,
    /// The two after AUTH, which make it a login.
    LoginOption,
    /// One after AUTH, two after AUTH2: a login at another server.
    LoginElsewhere,
    /// All of a subcommand, which is about users.
    Users,
    /// The values of options that are secret.
    OptionValues,
}

/// A row whose handler works on keys.
pub const fn key(
    name: &'static str,
    arity: i16,
    flags: Flags,
    acl: Acl,
    keys: Keys,
    handler: fn(&mut KeyCtx<'_>, Args<'_>) -> CommandResult,
    doc: &'static Doc,
) -> Command {
    row(name, arity, flags, acl, keys, Handler::Key(handler), doc)
}

/// A row whose handler works on the server.
pub const fn srv(
    name: &'static str,
    arity: i16,
    flags: Flags,
    acl: Acl,
    keys: Keys,
    handler: fn(&mut ServerCtx<'_>, Args<'_>) -> CommandResult,
    doc: &'static Doc,
) -> Command {
    row(name, arity, flags, acl, keys, Handler::Server(handler), doc)
}

/// The row of a command that has only subcommands; their rows follow it in the same table.
pub const fn container(
    name: &'static str,
    arity: i16,
    flags: Flags,
    acl: Acl,
    doc: &'static Doc,
) -> Command {
    row(name, arity, flags, acl, Keys::NONE, Handler::Container, doc)
}

const fn row(
    name: &'static str,
    arity: i16,
    flags: Flags,
    acl: Acl,
    keys: Keys,
    handler: Handler,
    doc: &'static Doc,
) -> Command {
    Command {
        name,
        arity,
        flags,
        acl,
        keys,
        databases: Databases::Selected,
        secrets: Secrets::None,
        handler,
        doc,
    }
}

impl Command {
    /// The row, of a command that is about other databases than the selected one.
    pub const fn about(self, databases: Databases) -> Command {
        Command { databases, ..self }
    }

    /// The row, of a command that is given secrets.
    pub const fn hiding(self, secrets: Secrets) -> Command {
        Command { secrets, ..self }
    }

    /// Whether `argc` arguments, the name included, are a number this command takes.
    #[inline]
    pub const fn takes(&self, argc: usize) -> bool {
        let arity = self.arity as isize;
        let argc = argc as isize;
        if arity >= 0 {
            argc == arity
        } else {
            argc >= -arity
        }
    }

    /// All ACL categories: the explicit ones and those that follow from the flags.
    pub const fn categories(&self) -> Acl {
        let flags = self.flags;
        let mut acl = self.acl;
        if flags.contains(WRITE) {
            acl = acl.or(Acl::WRITE);
        }
        // A script that promises to read only is not a read: it may read anything.
        if flags.contains(READ) && !acl.contains(SCRIPTING) {
            acl = acl.or(Acl::READ);
        }
        if flags.contains(ADMIN) {
            acl = acl.or(Acl::ADMIN).or(DANGEROUS);
        }
        if flags.contains(PUBSUB) {
            acl = acl.or(Acl::PUBSUB);
        }
        if flags.contains(BLOCKING) {
            acl = acl.or(Acl::BLOCKING);
        }
        if flags.contains(FAST) {
            acl.or(Acl::FAST)
        } else {
            acl.or(Acl::SLOW)
        }
    }

    /// The flags with the derived one: whether the first/last/step triple misses keys.
    pub fn info_flags(&self) -> Flags {
        let movable = self.keys.legacy_range().movable;
        if movable {
            self.flags.or(MOVABLE_KEYS)
        } else {
            self.flags
        }
    }

    /// The subcommand's own name, or the name of a command.
    pub fn own_name(&self) -> &'static str {
        self.name.rsplit('|').next().unwrap_or(self.name)
    }

    /// The name of the command this is a subcommand of.
    pub fn container_name(&self) -> Option<&'static str> {
        self.name.split_once('|').map(|(container, _)| container)
    }
}

#[cfg(test)]
mod tests;
