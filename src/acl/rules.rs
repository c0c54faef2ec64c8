//! One set of permissions.

use std::collections::BTreeMap;

use crate::dispatch::keys::{ChannelAccess, KeyRefs, NOT_KEY};
use crate::dispatch::table::{
    Acl, Command, CommandId, Databases, NO_AUTH, READ, RUNS_SCRIPT, Registry, WRITE,
};
use crate::resp::args::Args;
use crate::resp::glob;
use crate::resp::number::parse_i64;

use super::user::RuleError;

/// Keys of a pattern, and what may be done with them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct KeyPattern {
    pattern: Box<[u8]>,
    read: bool,
    write: bool,
}

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denied {
    /// The command itself.
    Command,
    /// A key.
    Key(Vec<u8>),
    /// A channel.
    Channel(Vec<u8>),
    /// A database: its number, or the command that acts on the selected one.
    Database(Vec<u8>),
}

/// A command that somebody wants to run.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Its number.
    pub id: CommandId,
    /// Its row.
    pub command: &'static Command,
    /// Its arguments.
    pub args: Args<'a>,
    /// The selected database.
    pub db: u32,
}

/// A set of permissions.
#[derive(Clone, Debug)]
pub struct Rules {
    /// A bit for each command; those that no command has are set when everything is allowed.
    allowed: Vec<u64>,
    /// Commands that may run with these first arguments only.
    first_args: BTreeMap<usize, Vec<Box<[u8]>>>,
    /// What came before `text`: everything is allowed, or nothing.
    allows_all: bool,
    /// Rules of commands since then, in order.
    text: Vec<String>,
    all_keys: bool,
    keys: Vec<KeyPattern>,
    all_channels: bool,
    channels: Vec<Box<[u8]>>,
    databases: Option<Vec<u32>>,
}

impl Rules {
    /// Nothing is allowed, but channels as told, and every database.
    pub fn none(registry: &Registry, all_channels: bool) -> Rules {
        Rules {
            allowed: vec![0; registry.len().div_ceil(64)],
            first_args: BTreeMap::new(),
            allows_all: false,
            text: Vec::new(),
            all_keys: false,
            keys: Vec::new(),
            all_channels,
            channels: Vec::new(),
            databases: None,
        }
    }

    /// Whether everything is allowed.
    pub fn is_unrestricted(&self) -> bool {
        let all_commands = self.allowed.iter().all(|word| *word == u64::MAX);
        all_commands && self.all_keys && self.all_channels && self.databases.is_none()
    }

    /// Whether every key may be read.
    pub fn reads_all_keys(&self) -> bool {
        let reads = |key: &KeyPattern| key.read && *key.pattern == *b"*";
        self.all_keys || self.keys.iter().any(reads)
    }

    /// Whether the rules about commands name this one, whatever it is called with.
    pub fn lists_command(&self, id: CommandId) -> bool {
        let index = id.index();
        let word = self.allowed.get(index / 64).copied().unwrap_or(0);
        word >> (index % 64) & 1 == 1
    }

    /// Whether some commands may run with certain first arguments only.
    pub fn has_first_args(&self) -> bool {
        !self.first_args.is_empty()
    }

    /// Applies one rule.
    ///
    /// # Errors
    /// What is wrong with it; nothing is changed then.
    pub fn apply(&mut self, rule: &[u8], registry: &Registry) -> Result<(), RuleError> {
        let is = |name: &[u8]| rule.eq_ignore_ascii_case(name);
        match rule {
            _ if is(b"allkeys") || is(b"~*") => self.allow_all_keys(),
            _ if is(b"resetkeys") => {
                self.all_keys = false;
                self.keys.clear();
            }
            _ if is(b"allchannels") || is(b"&*") => {
                self.all_channels = true;
                self.channels.clear();
            }
            _ if is(b"resetchannels") => {
                self.all_channels = false;
                self.channels.clear();
            }
            _ if is(b"allcommands") || is(b"+@all") => self.set_all(true, registry),
            _ if is(b"nocommands") || is(b"-@all") => self.set_all(false, registry),
            _ if is(b"alldbs") => self.databases = None,
            _ if is(b"resetdbs") => self.databases = Some(Vec::new()),
            [b'~', pattern @ ..] => return self.add_key(pattern, true, true),
            [b'%', rest @ ..] => return self.add_key_with_flags(rest),
            [b'&', pattern @ ..] => return self.add_channel(pattern),
            [b'+', b'@', name @ ..] => return self.set_category(name, true, registry),
            [b'-', b'@', name @ ..] => return self.set_category(name, false, registry),
            [b'+', name @ ..] => return self.set_command(name, true, registry),
            [b'-', name @ ..] => return self.set_command(name, false, registry),
            _ if rule.len() > 3 && rule[..3].eq_ignore_ascii_case(b"db=") => {
                return self.set_databases(&rule[3..]);
            }
            _ => return Err(RuleError::Syntax),
        }
        Ok(())
    }

    fn allow_all_keys(&mut self) {
        self.all_keys = true;
        self.keys.clear();
    }

    fn add_key_with_flags(&mut self, rest: &[u8]) -> Result<(), RuleError> {
        let at = rest.iter().position(|byte| *byte == b'~');
        let (flags, pattern) = rest.split_at(at.ok_or(RuleError::Syntax)?);
        let (mut read, mut write) = (false, false);
        for flag in flags {
            match flag.to_ascii_uppercase() {
                b'R' if !read => read = true,
                b'W' if !write => write = true,
                _ => return Err(RuleError::Syntax),
            }
        }
        if !read && !write {
            return Err(RuleError::Syntax);
        }
        self.add_key(&pattern[1..], read, write)
    }

    fn add_key(&mut self, pattern: &[u8], read: bool, write: bool) -> Result<(), RuleError> {
        if self.all_keys {
            return Err(RuleError::AllKeys);
        }
        if pattern.iter().any(|byte| matches!(byte, b' ' | 0)) {
            return Err(RuleError::Syntax);
        }
        if read && write && pattern == b"*" {
            self.allow_all_keys();
            return Ok(());
        }
        match self.keys.iter_mut().find(|key| *key.pattern == *pattern) {
            Some(known) => {
                known.read |= read;
                known.write |= write;
            }
            None => self.keys.push(KeyPattern {
                pattern: pattern.into(),
                read,
                write,
            }),
        }
        Ok(())
    }

    fn add_channel(&mut self, pattern: &[u8]) -> Result<(), RuleError> {
        if self.all_channels {
            return Err(RuleError::AllChannels);
        }
        if pattern.iter().any(|byte| matches!(byte, b' ' | 0)) {
            return Err(RuleError::Syntax);
        }
        if !self.channels.iter().any(|known| **known == *pattern) {
            self.channels.push(pattern.into());
        }
        Ok(())
    }

    fn set_databases(&mut self, list: &[u8]) -> Result<(), RuleError> {
        let mut databases = Vec::new();
        for number in list.split(|byte| *byte == b',') {
            let number = parse_i64(number).and_then(|number| u32::try_from(number).ok());
            databases.push(number.ok_or(RuleError::Syntax)?);
        }
        databases.sort_unstable();
        databases.dedup();
        self.databases = Some(databases);
        Ok(())
    }

    fn set_all(&mut self, on: bool, registry: &Registry) {
        self.allowed = vec![if on { u64::MAX } else { 0 }; registry.len().div_ceil(64)];
        self.first_args.clear();
        self.allows_all = on;
        self.text.clear();
    }

    fn set_category(
        &mut self,
        name: &[u8],
        on: bool,
        registry: &Registry,
    ) -> Result<(), RuleError> {
        let category = Acl::named(name).ok_or(RuleError::Unknown)?;
        for (id, command) in registry.all() {
            if command.categories().contains(category) {
                self.set(id, on);
            }
        }
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        self.note(&format!("@{name}"), on);
        Ok(())
    }

    fn set_command(&mut self, name: &[u8], on: bool, registry: &Registry) -> Result<(), RuleError> {
        let lower = String::from_utf8_lossy(name).to_ascii_lowercase();
        if let Some((id, _)) = registry.by_full_name(name) {
            self.set(id, on);
            for child in registry.subcommands(id) {
                self.set(*child, on);
            }
            self.note(&lower, on);
            return Ok(());
        }
        let mut parts = name.splitn(2, |byte| *byte == b'|');
        let (container, first) = (parts.next().unwrap_or_default(), parts.next());
        let found = registry.lookup(container).ok_or(RuleError::Unknown)?;
        let first = first.filter(|_| on).ok_or(RuleError::Unknown)?;
        let has_subcommands = !registry.subcommands(found.0).is_empty();
        if first.contains(&b'|') {
            return Err(match has_subcommands {
                true => RuleError::FirstArgOfSubcommand,
                false => RuleError::Unknown,
            });
        }
        if first.is_empty() {
            return Err(RuleError::Syntax);
        }
        if has_subcommands {
            return Err(RuleError::Unknown);
        }
        let known = self.first_args.entry(found.0.index()).or_default();
        known.push(first.to_ascii_lowercase().into());
        self.note(&lower, on);
        Ok(())
    }

    fn set(&mut self, id: CommandId, on: bool) {
        let (word, bit) = (id.index() / 64, 1 << (id.index() % 64));
        if let Some(word) = self.allowed.get_mut(word) {
            if on {
                *word |= bit;
            } else {
                *word &= !bit;
            }
        }
        self.first_args.remove(&id.index());
    }

    /// Remembers a rule; earlier ones about the same, or about parts of it, say nothing any more.
    fn note(&mut self, subject: &str, on: bool) {
        let part = format!("{subject}|");
        self.text
            .retain(|rule| rule[1..] != *subject && !rule[1..].starts_with(&part));
        self.text
            .push(format!("{}{subject}", if on { '+' } else { '-' }));
    }

    /// The rules about commands.
    pub fn commands_text(&self) -> String {
        let mut text = if self.allows_all { "+@all" } else { "-@all" }.to_owned();
        for rule in &self.text {
            text.push(' ');
            text += rule;
        }
        text
    }

    /// The patterns of keys.
    pub fn keys_text(&self) -> Vec<u8> {
        if self.all_keys {
            return b"~*".to_vec();
        }
        let pattern = |key: &KeyPattern| {
            let mark: &[u8] = match (key.read, key.write) {
                (true, true) => b"~",
                (true, false) => b"%R~",
                _ => b"%W~",
            };
            [mark, &key.pattern].concat()
        };
        let patterns: Vec<_> = self.keys.iter().map(pattern).collect();
        patterns.join(&b' ')
    }

    /// The patterns of channels.
    pub fn channels_text(&self) -> Vec<u8> {
        if self.all_channels {
            return b"&*".to_vec();
        }
        let patterns: Vec<_> = self
            .channels
            .iter()
            .map(|c| [b"&", &**c].concat())
            .collect();
        patterns.join(&b' ')
    }

    /// The databases; nothing where there are none.
    pub fn databases_text(&self) -> String {
        match &self.databases {
            None => "alldbs".to_owned(),
            Some(numbers) if numbers.is_empty() => String::new(),
            Some(numbers) => {
                let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
                format!("db={}", numbers.join(","))
            }
        }
    }

    /// All of it, as rules that make it again.
    pub fn describe(&self) -> Vec<u8> {
        let mut words: Vec<Vec<u8>> = Vec::new();
        words.push(self.keys_text());
        if !self.all_channels {
            words.push(b"resetchannels".to_vec());
        }
        words.push(self.channels_text());
        if let Some(numbers) = &self.databases {
            words.push(match numbers.is_empty() {
                true => b"resetdbs".to_vec(),
                false => self.databases_text().into_bytes(),
            });
        }
        words.push(self.commands_text().into_bytes());
        words.retain(|word| !word.is_empty());
        words.join(&b' ')
    }

    /// Whether a command may run.
    ///
    /// # Errors
    /// What may not be.
    pub fn check(&self, request: &Request<'_>) -> Result<(), Denied> {
        if !self.allows_command(request) {
            return Err(Denied::Command);
        }
        self.check_database(request)?;
        self.check_keys(request)?;
        self.check_channels(request)
    }

    fn allows_command(&self, request: &Request<'_>) -> bool {
        if request.command.flags.contains(NO_AUTH) {
            return true;
        }
        if self.lists_command(request.id) {
            return true;
        }
        let first = request.args.at(1);
        let known = self.first_args.get(&request.id.index());
        known.is_some_and(|known| known.iter().any(|arg| first.eq_ignore_ascii_case(arg)))
    }

    fn check_database(&self, request: &Request<'_>) -> Result<(), Denied> {
        let Some(allowed) = &self.databases else {
            return Ok(());
        };
        let (command, args) = (request.command, request.args);
        let refused = |object: &[u8]| Err(Denied::Database(object.to_vec()));
        let named = match command.databases {
            Databases::Selected => Vec::new(),
            Databases::Named(at) => at.to_vec(),
            Databases::SelectedAnd(at) => vec![at],
            Databases::SelectedAndOption => {
                let is_db = |at: &usize| args.at(*at).eq_ignore_ascii_case(b"db");
                (3..args.len()).filter(is_db).map(|at| at + 1).collect()
            }
            Databases::All => return refused(command.name.as_bytes()),
        };
        for at in &named {
            let number = parse_i64(args.at(*at)).and_then(|number| u32::try_from(number).ok());
            if number.is_some_and(|number| !allowed.contains(&number)) {
                return refused(args.at(*at));
            }
        }
        // A script, whatever it does; and WATCH, which only has keys, tells of changes.
        let acts = command.flags.intersects(READ.or(WRITE).or(RUNS_SCRIPT)) || command.keys.any();
        let selected = !matches!(command.databases, Databases::Named(_));
        match acts && selected && !allowed.contains(&request.db) {
            true => refused(command.name.as_bytes()),
            false => Ok(()),
        }
    }

    fn check_keys(&self, request: &Request<'_>) -> Result<(), Denied> {
        if self.all_keys || !request.command.keys.any() {
            return Ok(());
        }
        let mut keys = KeyRefs::new();
        request.command.keys.extract(request.args, &mut keys);
        for found in keys.iter().filter(|found| !found.flags.contains(NOT_KEY)) {
            let key = request.args.at(found.index as usize);
            let (reads, writes) = (found.flags.reads(), found.flags.writes());
            let allows = |pattern: &KeyPattern| {
                (pattern.read || !reads)
                    && (pattern.write || !writes)
                    && glob::matches(&pattern.pattern, key, false)
            };
            if !self.keys.iter().any(allows) {
                return Err(Denied::Key(key.to_vec()));
            }
        }
        Ok(())
    }

    fn check_channels(&self, request: &Request<'_>) -> Result<(), Denied> {
        let Some(channels) = request.command.keys.channels else {
            return Ok(());
        };
        if self.all_channels || channels.access == ChannelAccess::Unsubscribe {
            return Ok(());
        }
        let first = usize::from(channels.first);
        let count = match channels.count {
            0 => usize::MAX,
            count => usize::from(count),
        };
        for name in request.args.iter_from(first).take(count) {
            if !self.allows_channel(name, channels.pattern) {
                return Err(Denied::Channel(name.to_vec()));
            }
        }
        Ok(())
    }

    /// Whether a channel may be used; a pattern must be one of those allowed, to the letter.
    pub fn allows_channel(&self, name: &[u8], is_pattern: bool) -> bool {
        let allows = |pattern: &[u8]| match is_pattern {
            true => pattern == name,
            false => glob::matches(pattern, name, false),
        };
        self.all_channels || self.channels.iter().any(|pattern| allows(pattern))
    }
}
