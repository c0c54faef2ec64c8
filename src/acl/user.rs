//! A user: its state, its passwords, and its permissions.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::dispatch::table::Registry;

use super::rules::{Denied, Request, Rules};

/// What is wrong with a rule: the words of Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleError {
    /// It is none.
    Syntax,
    /// There is no such command or category.
    Unknown,
    /// A pattern of keys where all are allowed.
    AllKeys,
    /// A pattern of channels where all are allowed.
    AllChannels,
    /// `+config|get|x`.
    FirstArgOfSubcommand,
    /// No hash.
    BadHash,
    /// A password that the user does not have.
    NoPassword,
    /// A selector whose parenthesis is not closed.
    Unmatched(Vec<u8>),
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "Syntax error",
            Self::Unknown => "Unknown command or category name in ACL",
            Self::AllKeys => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and \
                 does not have any effect. Try 'resetkeys' to start with an empty list of patterns"
            }
            Self::AllChannels => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid \
                 and does not have any effect. Try 'resetchannels' to start with an empty list of \
                 channels"
            }
            Self::FirstArgOfSubcommand => "Allowing first-arg of a subcommand is not supported",
            Self::BadHash => {
                "The provided password hash must be exactly 64 characters and contain only \
                 lowercase hexadecimal characters"
            }
            Self::NoPassword => {
                "The password you are trying to remove from the user does not exist"
            }
            Self::Unmatched(selector) => {
                let selector = String::from_utf8_lossy(selector);
                return write!(
                    f,
                    "Unmatched parenthesis in acl selector starting at '{selector}'."
                );
            }
        })
    }
}

/// A password's SHA-256, in hexadecimal digits.
type Hash = [u8; 64];

/// A user. See the module's text.
#[derive(Clone, Debug)]
pub struct User {
    name: Box<[u8]>,
    /// It may log in.
    pub is_on: bool,
    /// Any password is right.
    pub is_open: bool,
    passwords: Vec<Hash>,
    root: Rules,
    selectors: Vec<Rules>,
    skips_sanitizing: bool,
}

impl User {
    /// A user that may do nothing.
    pub fn new(name: &[u8], registry: &Registry, all_channels: bool) -> User {
        User {
            name: name.into(),
            is_on: false,
            is_open: false,
            passwords: Vec::new(),
            root: Rules::none(registry, all_channels),
            selectors: Vec::new(),
            skips_sanitizing: false,
        }
    }

    /// A user that may do everything, without a password.
    pub fn unrestricted(name: &[u8], registry: &Registry) -> User {
        let mut user = User::new(name, registry, true);
        (user.is_on, user.is_open) = (true, true);
        for rule in [&b"~*"[..], b"+@all"] {
            // Both are rules.
            let _ = user.root.apply(rule, registry);
        }
        user
    }

    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Its root permissions.
    pub fn root(&self) -> &Rules {
        &self.root
    }

    /// Its selectors.
    pub fn selectors(&self) -> &[Rules] {
        &self.selectors
    }

    /// The hashes of its passwords.
    pub fn passwords(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.passwords.iter().map(|hash| &hash[..])
    }

    /// Whether it may do everything.
    pub fn is_unrestricted(&self) -> bool {
        self.root.is_unrestricted()
    }

    /// The words of ACL GETUSER's flags.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> {
        let flags = [
            (if self.is_on { "on" } else { "off" }, true),
            ("nopass", self.is_open),
            ("skip-sanitize-payload", self.skips_sanitizing),
        ];
        flags
            .into_iter()
            .filter(|(_, on)| *on)
            .map(|(name, _)| name)
    }

    /// Whether this is its password, and it may log in.
    pub fn authenticates(&self, password: &[u8]) -> bool {
        let given = hash_of(password);
        // All are compared, so that time tells nothing.
        let mut is_right = subtle::Choice::from(u8::from(self.is_open));
        for hash in &self.passwords {
            is_right |= hash.ct_eq(&given);
        }
        self.is_on && bool::from(is_right)
    }

    /// Forgets the passwords; with a new one, only that is right, without one any is.
    pub fn set_password(&mut self, password: Option<&[u8]>) {
        self.passwords.clear();
        self.is_open = password.is_none();
        self.passwords.extend(password.map(hash_of));
    }

    /// Applies one rule.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn apply(
        &mut self,
        rule: &[u8],
        registry: &Registry,
        all_channels: bool,
    ) -> Result<(), RuleError> {
        let is = |name: &[u8]| rule.eq_ignore_ascii_case(name);
        match rule {
            _ if is(b"on") => self.is_on = true,
            _ if is(b"off") => self.is_on = false,
            _ if is(b"nopass") => self.set_password(None),
            _ if is(b"resetpass") => {
                self.is_open = false;
                self.passwords.clear();
            }
            _ if is(b"sanitize-payload") => self.skips_sanitizing = false,
            _ if is(b"skip-sanitize-payload") => self.skips_sanitizing = true,
            _ if is(b"clearselectors") => self.selectors.clear(),
            _ if is(b"reset") => *self = User::new(&self.name.clone(), registry, all_channels),
            [b'>', password @ ..] => self.add(hash_of(password)),
            [b'#', hash @ ..] => self.add(parse_hash(hash)?),
            [b'<', password @ ..] => return self.forget(&hash_of(password)),
            [b'!', hash @ ..] => return self.forget(&parse_hash(hash)?),
            [b'(', rules @ ..] => {
                let rules = rules.strip_suffix(b")");
                let rules = rules.ok_or_else(|| RuleError::Unmatched(rule.to_vec()))?;
                let mut selector = Rules::none(registry, false);
                let words = rules.split(|byte| *byte == b' ');
                for word in words.filter(|word| !word.is_empty()) {
                    selector.apply(word, registry)?;
                }
                self.selectors.push(selector);
            }
            rule => return self.root.apply(rule, registry),
        }
        Ok(())
    }

    fn add(&mut self, hash: Hash) {
        self.is_open = false;
        if !self.passwords.contains(&hash) {
            self.passwords.push(hash);
        }
    }

    fn forget(&mut self, hash: &Hash) -> Result<(), RuleError> {
        let at = self.passwords.iter().position(|known| known == hash);
        self.passwords.remove(at.ok_or(RuleError::NoPassword)?);
        Ok(())
    }

    /// All of it, as rules that make it again.
    pub fn describe(&self) -> Vec<u8> {
        let mut words: Vec<Vec<u8>> = self.flags().map(|flag| flag.into()).collect();
        words.extend(self.passwords.iter().map(|hash| [b"#", &hash[..]].concat()));
        words.push(self.root.describe());
        let selectors = self.selectors.iter();
        words.extend(selectors.map(|rules| [b"(", &rules.describe()[..], b")"].concat()));
        words.join(&b' ')
    }

    /// Whether a command may run: one of its sets of permissions allows all of it.
    ///
    /// # Errors
    /// What none of them allows: the reason of the one that came furthest.
    pub fn check(&self, request: &Request<'_>) -> Result<(), Denied> {
        let Err(mut denied) = self.root.check(request) else {
            return Ok(());
        };
        for rules in &self.selectors {
            match rules.check(request) {
                Ok(()) => return Ok(()),
                Err(other) if other > denied => denied = other,
                Err(_) => {}
            }
        }
        Err(denied)
    }

    /// Whether it may be subscribed to a channel.
    pub fn allows_channel(&self, name: &[u8], is_pattern: bool) -> bool {
        let mut rules = std::iter::once(&self.root).chain(&self.selectors);
        rules.any(|rules| rules.allows_channel(name, is_pattern))
    }

    /// Whether what allows a command allows to read every key with it: SORT follows patterns.
    pub fn may_read_beyond(&self, request: &Request<'_>) -> bool {
        let mut rules = std::iter::once(&self.root).chain(&self.selectors);
        rules.any(|rules| rules.reads_all_keys() && rules.check(request).is_ok())
    }
}

fn hash_of(password: &[u8]) -> Hash {
    let mut text = [0; 64];
    for (at, byte) in Sha256::digest(password).iter().enumerate() {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        text[at * 2] = DIGITS[usize::from(byte >> 4)];
        text[at * 2 + 1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

fn parse_hash(text: &[u8]) -> Result<Hash, RuleError> {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let hash = Hash::try_from(text).map_err(|_| RuleError::BadHash)?;
    match hash.iter().all(is_digit) {
        true => Ok(hash),
        false => Err(RuleError::BadHash),
    }
}
