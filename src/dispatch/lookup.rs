//! From the words of a request to the row of the table, and the errors on that way.

use crate::engine::error::CommandError;
use crate::resp::args::Args;

use super::table::{Command, Found, Handler, Registry};

/// How much of the arguments an error about an unknown command repeats.
const ECHO_BYTES_MAX: usize = 128;

/// The row a request names, if there is one that takes so many arguments: [`explain`] says why not.
#[inline]
pub fn find(registry: &Registry, args: Args<'_>) -> Option<Found> {
    runnable(registry.resolve(args)?, args)
}

/// As [`find`], for commands that the server has written down: it knows them by their own names,
/// whatever clients call them. Older files, and those of other servers, also have what clients
/// sent.
#[inline]
pub fn find_written(registry: &Registry, args: Args<'_>) -> Option<Found> {
    let called = registry.resolve(args);
    if let Some(found) = called
        && is_own_name(found.command, args.at(0))
    {
        return runnable(found, args);
    }
    let own = registry.resolve_own(args);
    let own = own.and_then(|found| runnable(found, args));
    own.or_else(|| runnable(called?, args))
}

/// Whether this first word of a request is the command's own name, not one it was renamed to.
#[inline]
pub fn is_own_name(command: &Command, word: &[u8]) -> bool {
    first_word(command).as_bytes().eq_ignore_ascii_case(word)
}

/// The first word of a request by the command's own name.
#[inline]
pub fn first_word(command: &Command) -> &str {
    command.container_name().unwrap_or(command.own_name())
}

#[inline]
fn runnable(found: Found, args: Args<'_>) -> Option<Found> {
    (found.command.takes(args.len()) && !is_container(found.command)).then_some(found)
}

/// [`find`] for the commands of a pipeline, most of which repeat the one before.
pub struct Finder<'a> {
    registry: &'a Registry,
    name: &'a [u8],
    /// The row of that name, if it is a command without subcommands.
    last: Option<Found>,
}

impl<'a> Finder<'a> {
    /// A finder that has found nothing yet.
    #[inline]
    pub fn new(registry: &'a Registry) -> Finder<'a> {
        Finder {
            registry,
            name: &[],
            last: None,
        }
    }

    /// As [`find`].
    #[inline]
    pub fn find(&mut self, args: Args<'a>) -> Option<Found> {
        let name = args.at(0);
        if let Some(last) = self.last
            && name == self.name
        {
            return last.command.takes(args.len()).then_some(last);
        }
        let found = find(self.registry, args);
        let is_plain = |found: &Found| self.registry.is_plain(found.id);
        (self.name, self.last) = (name, found.filter(is_plain));
        found
    }
}

/// Why [`find`] finds nothing: an unknown command or subcommand, or a number of arguments it does
/// not take.
#[cold]
pub fn explain(registry: &Registry, args: Args<'_>) -> CommandError {
    match named(registry, args) {
        Some(found) => CommandError::wrong_arity(found.command.name),
        None if registry.lookup(args.at(0)).is_some() => unknown_subcommand(registry, args),
        None => unknown_command(args),
    }
}

/// The row a request names, whatever its arguments: for what is refused.
#[cold]
pub fn named(registry: &Registry, args: Args<'_>) -> Option<Found> {
    registry.resolve(args)
}

#[inline]
fn is_container(command: &Command) -> bool {
    matches!(command.handler, Handler::Container)
}

fn unknown_subcommand(registry: &Registry, args: Args<'_>) -> CommandError {
    let container = registry
        .lookup(args.at(0))
        .map_or("", |(_, command)| command.name);
    let sub = clipped(args.at(1));
    CommandError::new(format!(
        "ERR unknown subcommand '{sub}'. Try {} HELP.",
        container.to_ascii_uppercase()
    ))
}

fn unknown_command(args: Args<'_>) -> CommandError {
    let mut echoed = String::new();
    for word in args.iter_from(1) {
        if echoed.len() >= ECHO_BYTES_MAX {
            break;
        }
        let room = ECHO_BYTES_MAX - echoed.len();
        let word = word.get(..room.min(word.len())).unwrap_or(word);
        echoed.push_str(&format!("'{}' ", String::from_utf8_lossy(word)));
    }
    CommandError::new(format!(
        "ERR unknown command '{}', with args beginning with: {echoed}",
        clipped(args.at(0))
    ))
}

fn clipped(word: &[u8]) -> String {
    let word = word.get(..ECHO_BYTES_MAX.min(word.len())).unwrap_or(word);
    String::from_utf8_lossy(word).into_owned()
}
