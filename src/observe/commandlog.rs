//! The logs of slow commands, large requests and large replies (SLOWLOG, COMMANDLOG).
//!
//! Each keeps its last entries, and of a command so many arguments and so many bytes of each, so
//! that a log costs at most its length. Passwords are not kept.

use std::collections::VecDeque;

use super::Ran;
use crate::config::{self, Config, SECRET};
use crate::dispatch::table::{Command, Secrets};
use crate::engine::clients::Client;
use crate::resp::args::Args;

/// Bytes that an entry keeps of an argument.
const ARGUMENT_BYTES_MAX: usize = 128;
const REDACTED: &[u8] = b"(redacted)";

/// Which log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogType {
    /// Commands that took long, by microseconds.
    Slow,
    /// By the bytes of the request.
    LargeRequest,
    /// By the bytes of the reply.
    LargeReply,
}

impl LogType {
    /// All of them.
    pub const ALL: [LogType; 3] = [LogType::Slow, LogType::LargeRequest, LogType::LargeReply];

    /// The log of that name, in any case.
    pub fn parse(name: &[u8]) -> Option<LogType> {
        match name.to_ascii_lowercase().as_slice() {
            b"slow" => Some(LogType::Slow),
            b"large-request" => Some(LogType::LargeRequest),
            b"large-reply" => Some(LogType::LargeReply),
            _ => None,
        }
    }

    /// From which figure on a command is logged (negative: none is), and how many entries are kept.
    fn limits(self, config: &Config) -> (i64, u64) {
        match self {
            LogType::Slow => (config.slowlog_log_slower_than, config.slowlog_max_len),
            LogType::LargeRequest => (
                config.commandlog_request_larger_than,
                config.commandlog_large_request_max_len,
            ),
            LogType::LargeReply => (
                config.commandlog_reply_larger_than,
                config.commandlog_large_reply_max_len,
            ),
        }
    }
}

/// A command in a log.
#[derive(Debug)]
pub struct Entry {
    /// Its number in the log.
    pub id: u64,
    /// When it ended.
    pub unix_s: i64,
    /// Microseconds or bytes.
    pub figure: u64,
    /// The arguments, shortened.
    pub args: Vec<Vec<u8>>,
    /// The address of the client.
    pub peer: String,
    /// The name of the client.
    pub name: Box<[u8]>,
}

/// The three logs.
#[derive(Debug, Default)]
pub struct CommandLog {
    logs: [Log; 3],
}

#[derive(Debug, Default)]
struct Log {
    /// The newest comes first.
    entries: VecDeque<Entry>,
    next_id: u64,
}

impl CommandLog {
    /// Logs a command that ended at `unix_s` wherever its figures are large enough.
    pub fn add(&mut self, config: &Config, client: &Client, ran: &Ran<'_>, unix_s: i64) {
        for kind in LogType::ALL {
            let figure = match kind {
                LogType::Slow => ran.took_ns / 1_000,
                LogType::LargeRequest => ran.args.wire_bytes() as u64,
                LogType::LargeReply => ran.reply_bytes as u64,
            };
            let (threshold, max_len) = kind.limits(config);
            let max_len = usize::try_from(max_len).unwrap_or(usize::MAX);
            if threshold < 0 || figure < threshold as u64 || max_len == 0 {
                continue;
            }
            let log = &mut self.logs[kind as usize];
            log.entries.push_front(Entry {
                id: log.next_id,
                unix_s,
                figure,
                args: kept_args(ran, config.slowlog_entry_max_argc as usize),
                peer: client.about.endpoint.peer(),
                name: client.about.name.clone(),
            });
            log.next_id += 1;
            log.entries.truncate(max_len);
        }
    }

    /// The entries of a log, newest first.
    pub fn entries(&self, kind: LogType) -> &VecDeque<Entry> {
        &self.logs[kind as usize].entries
    }

    /// Empties a log.
    pub fn reset(&mut self, kind: LogType) {
        self.logs[kind as usize].entries.clear();
    }
}

/// The arguments as an entry keeps them: the last place tells how many are left out.
fn kept_args(ran: &Ran<'_>, argc_max: usize) -> Vec<Vec<u8>> {
    let argc = ran.args.len();
    let whole = if argc > argc_max { argc_max - 1 } else { argc };
    let mut kept: Vec<Vec<u8>> = (0..whole)
        .map(|at| match is_secret(ran.found.command, ran.args, at) {
            true => REDACTED.to_vec(),
            false => shortened(ran.args.at(at)),
        })
        .collect();
    if whole < argc {
        kept.push(format!("... ({} more arguments)", argc - whole).into_bytes());
    }
    kept
}

fn shortened(argument: &[u8]) -> Vec<u8> {
    let Some((head, tail)) = argument.split_at_checked(ARGUMENT_BYTES_MAX) else {
        return argument.to_vec();
    };
    if tail.is_empty() {
        return argument.to_vec();
    }
    let more = format!("... ({} more bytes)", tail.len());
    [head, more.as_bytes()].concat()
}

/// Whether an argument is a password, or says something about one.
pub fn is_secret(command: &Command, args: Args<'_>, at: usize) -> bool {
    let follows = |word: &[u8], count: usize| {
        (1..=count).any(|back| at >= back && args.at(at - back).eq_ignore_ascii_case(word))
    };
    match command.secrets {
        Secrets::None => false,
        Secrets::Login => at >= 1,
        Secrets::LoginOption => at >= 2 && follows(b"auth", 2),
        Secrets::LoginElsewhere => at >= 6 && (follows(b"auth", 1) || follows(b"auth2", 2)),
        Secrets::Users => at >= 2,
        Secrets::OptionValues => {
            let is_value = at >= 3 && !at.is_multiple_of(2);
            let option = || config::find(args.at(at - 1));
            is_value && option().is_some_and(|(option, _)| option.flags.has(SECRET))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::args::OwnedArgs;

    fn secrets(words: &[&[u8]]) -> Vec<usize> {
        let registry = crate::registry();
        let args: OwnedArgs = words.iter().copied().collect();
        let args = args.as_args();
        let found = registry.resolve(args).expect("a command");
        (0..args.len())
            .filter(|at| is_secret(found.command, args, *at))
            .collect()
    }

    #[test]
    fn passwords_are_known() {
        assert_eq!(secrets(&[b"AUTH", b"user", b"secret"]), [1, 2]);
        let hello: &[&[u8]] = &[b"HELLO", b"3", b"AUTH", b"u", b"p", b"SETNAME", b"n"];
        assert_eq!(secrets(hello), [3, 4]);
        let set: &[&[u8]] = &[b"CONFIG", b"SET", b"port", b"1", b"requirepass", b"x"];
        assert_eq!(secrets(set), [5]);
        assert!(secrets(&[b"SET", b"auth", b"x"]).is_empty());
    }

    #[test]
    fn long_arguments_are_shortened() {
        assert_eq!(shortened(&[b'a'; 128]).len(), 128);
        assert!(shortened(&[b'a'; 129]).ends_with(b"aaa... (1 more bytes)"));
    }
}
