//! Access control: users, what they may do, and what was refused.
//!
//! A [`User`] has a password and [`Rules`]: its root permissions and any number of selectors, each
//! a whole set of permissions; a command runs if one set allows all of it. Permissions are
//! checked on the command, on every key it touches with what it does to it, on channels, and on
//! databases. Nothing here talks to a client or reads a file; who checks is `dispatch::gates`.
//!
//! Passwords are kept as SHA-256 and compared in constant time. A user that may do everything
//! costs nothing: its clients never come here.

mod log;
mod rules;
mod user;

use std::collections::BTreeMap;

pub use log::{AclLog, Context, Entry, Reason};
pub use rules::{Denied, Request, Rules};
pub use user::{RuleError, User};

use crate::dispatch::table::Registry;

/// The user of whoever has not said who it is.
pub const DEFAULT: &[u8] = b"default";

/// All users.
#[derive(Debug, Default)]
pub struct Users(BTreeMap<Box<[u8]>, User>);

/// What follows all that is wrong with a file of users.
const NOTHING_CHANGED: &str = "WARNING: ACL errors detected, no change to the previously active ACL \
rules was performed";

/// What is wrong with a line of users.
pub type LineError = String;

impl Users {
    /// The default user alone, which may do everything.
    pub fn new(registry: &Registry) -> Users {
        let mut users = Users::default();
        users.insert(User::unrestricted(DEFAULT, registry));
        users
    }

    /// The user of that name.
    pub fn find(&self, name: &[u8]) -> Option<&User> {
        self.0.get(name)
    }

    /// Adds or replaces a user.
    pub fn insert(&mut self, user: User) {
        self.0.insert(user.name().into(), user);
    }

    /// Removes a user; whether there was one.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        self.0.remove(name).is_some()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &User> {
        self.0.values()
    }

    /// Reads the lines of a file: `user NAME RULE ...`, blank lines and comments.
    ///
    /// # Errors
    /// Every line that is wrong, with its number.
    pub fn parse(
        text: &[u8],
        file: &str,
        registry: &Registry,
        all_channels: bool,
    ) -> Result<Users, LineError> {
        let mut users = Users::new(registry);
        let (mut errors, mut seen) = (String::new(), Vec::new());
        for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let mut words = line
                .split(|byte| *byte == b' ')
                .filter(|word| !word.is_empty());
            let line = at + 1;
            let is_user = words.next() == Some(b"user");
            let Some(name) = words.next().filter(|_| is_user) else {
                errors += &format!(
                    "{file}:{line} should start with user keyword followed by the username. "
                );
                continue;
            };
            if seen.contains(&name) {
                let name = String::from_utf8_lossy(name);
                errors += &format!("WARNING: Duplicate user '{name}' found on line {line}. ");
                continue;
            }
            seen.push(name);
            let rules: Vec<&[u8]> = words.collect();
            match user_of(name, &rules, registry, all_channels) {
                Ok(user) => users.insert(user),
                Err(error) => errors += &format!("{file}:{line}: {error}. "),
            }
        }
        match errors.is_empty() {
            true => Ok(users),
            false => Err(errors + NOTHING_CHANGED),
        }
    }
}

/// A user made of the rules of a line.
///
/// # Errors
/// The rule that is wrong.
pub fn user_of(
    name: &[u8],
    rules: &[&[u8]],
    registry: &Registry,
    all_channels: bool,
) -> Result<User, String> {
    let mut user = User::new(name, registry, all_channels);
    let merged = merge_selectors(rules).map_err(|error| error.to_string())?;
    for rule in &merged {
        user.apply(rule, registry, all_channels).map_err(|error| {
            format!(
                "Error in applying operation '{}': {error}",
                String::from_utf8_lossy(rule)
            )
        })?;
    }
    Ok(user)
}

/// Joins the words of a selector, which stands in parentheses, to one rule.
///
/// # Errors
/// A parenthesis that is not closed.
pub fn merge_selectors(words: &[&[u8]]) -> Result<Vec<Vec<u8>>, RuleError> {
    let mut merged: Vec<Vec<u8>> = Vec::new();
    let mut open: Option<Vec<u8>> = None;
    for word in words {
        match &mut open {
            Some(selector) => {
                selector.push(b' ');
                selector.extend_from_slice(word);
            }
            None if word.starts_with(b"(") => open = Some(word.to_vec()),
            None => {
                merged.push(word.to_vec());
                continue;
            }
        }
        if word.ends_with(b")") {
            merged.extend(open.take());
        }
    }
    match open {
        Some(selector) => Err(RuleError::Unmatched(selector)),
        None => Ok(merged),
    }
}
