//! Configuration: the one table of options, the typed [`Config`] that handlers read, and what
//! CONFIG GET, SET and REWRITE and the start of the server do with it.
//!
//! It owns redis.conf syntax, the order of sources (file, standard input, environment, command
//! line), all values and their error texts. It must not touch files, the environment or the
//! network: whoever starts the server passes texts in ([`load::Sources`]), and whoever serves
//! CONFIG SET applies what [`Changes`] lists and calls [`Changes::undo`] when that fails.
//!
//! Limits: [`load::INCLUDE_DEPTH_MAX`] nested includes; [`BIND_ADDRESSES_MAX`] addresses.

use std::borrow::Cow;
use std::fmt;

use crate::resp::glob;

mod arguments;
mod checks;
mod compound;
mod kind;
pub mod load;
mod options;
mod rewrite;
pub mod syntax;
pub mod values;

pub use kind::{Kind, Reason, format_memory, memory as parse_memory};
pub use options::{
    ALWAYS, Config, FIXED, Flags, HIDDEN, IDLE, LIVE, MANY, NOT_LOADING, OPTIONS, OWN, Opt,
    PROTECTED, REFUSED, SECRET,
};
pub use rewrite::rewrite;
pub use values::*;

/// What the connection that asks for CONFIG SET may do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Access {
    /// It comes from this machine (a Unix socket or a loopback address).
    pub is_local: bool,
    /// A data set is being loaded.
    pub is_loading: bool,
}

/// What a CONFIG SET changed. Dropping it accepts the change.
#[must_use = "the side effects of the changed options are up to the caller"]
#[derive(Debug)]
pub struct Changes {
    names: Vec<&'static str>,
    before: Box<Config>,
}

impl Changes {
    /// The (primary) names of the options whose value is another now, in the order they were given.
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// Whether the option of this (primary) name changed.
    pub fn has(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    /// Takes the change back: for when its side effects failed. Answer [`SetError::Failed`] then.
    pub fn undo(self, config: &mut Config) {
        *config = *self.before;
    }
}

/// Why CONFIG SET failed. Nothing was changed. Its text is the error reply after `ERR `, but for
/// `Loading`, which is answered with the LOADING error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetError {
    /// There is no option of this name.
    Unknown(Vec<u8>),
    /// This option could not be set, for this reason (if one is known).
    Failed(Vec<u8>, Option<Reason>),
    /// One of them cannot be set while a data set is loaded.
    Loading,
}

impl SetError {
    /// The error for an option that was valid but could not be put into effect.
    pub fn failed(name: &str, reason: impl Into<Reason>) -> SetError {
        SetError::Failed(name.as_bytes().to_vec(), Some(reason.into()))
    }
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(
                f,
                "Unknown option or number of arguments for CONFIG SET - '{}'",
                String::from_utf8_lossy(name)
            ),
            Self::Failed(name, reason) => {
                let name = String::from_utf8_lossy(name);
                write!(
                    f,
                    "CONFIG SET failed (possibly related to argument '{name}')"
                )?;
                reason
                    .as_ref()
                    .map_or(Ok(()), |reason| write!(f, " - {reason}"))
            }
            Self::Loading => f.write_str("can't be set while the server is loading"),
        }
    }
}

/// Finds an option by its name or alias, whatever the case; the second part is true for an alias.
pub fn find(name: &[u8]) -> Option<(&'static Opt, bool)> {
    OPTIONS.iter().find_map(|opt| {
        if opt.name.as_bytes().eq_ignore_ascii_case(name) {
            Some((opt, false))
        } else if !opt.alias.is_empty() && opt.alias.as_bytes().eq_ignore_ascii_case(name) {
            Some((opt, true))
        } else {
            None
        }
    })
}

impl Default for Config {
    fn default() -> Config {
        let mut config = Config::blank();
        for opt in OPTIONS {
            let words = default_words(opt);
            let result = (opt.parse)(&mut config, opt, &words);
            debug_assert!(result.is_ok(), "default of {}: {result:?}", opt.name);
        }
        config
    }
}

impl Config {
    /// CONFIG GET: the options that any of `patterns` names, each once, with their values. A name
    /// without wildcards is answered in the very letters in which it was asked for.
    pub fn get<'a>(&self, patterns: &[&'a [u8]]) -> Vec<(Cow<'a, [u8]>, Vec<u8>)> {
        let mut found: Vec<(Cow<'a, [u8]>, Vec<u8>)> = Vec::new();
        let mut add = |name: Cow<'a, [u8]>, opt: &Opt| {
            if !found
                .iter()
                .any(|(present, _)| present.eq_ignore_ascii_case(&name))
            {
                found.push((name, self.print(opt)));
            }
        };
        for pattern in patterns {
            if !pattern.iter().any(|byte| b"[*?".contains(byte)) {
                if let Some((opt, _)) = find(pattern) {
                    add(Cow::Borrowed(pattern), opt);
                }
                continue;
            }
            for opt in OPTIONS.iter().filter(|opt| !opt.flags.has(HIDDEN)) {
                for name in [opt.name, opt.alias] {
                    if !name.is_empty() && glob::matches(pattern, name.as_bytes(), true) {
                        add(Cow::Borrowed(name.as_bytes()), opt);
                    }
                }
            }
        }
        found
    }

    /// CONFIG SET: all of `pairs` (name, value), or none of them.
    pub fn set(&mut self, pairs: &[(&[u8], &[u8])], access: Access) -> Result<Changes, SetError> {
        let options = self.settable(pairs, access)?;
        let before = Box::new(self.clone());
        let mut names = Vec::new();
        for ((opt, is_alias), (_, value)) in options.iter().zip(pairs) {
            match self.apply(opt, &words_of(opt, value)) {
                Ok(true) if !names.contains(&opt.name) => names.push(opt.name),
                Ok(_) => {}
                Err(reason) => {
                    *self = *before;
                    return Err(SetError::failed(
                        if *is_alias { opt.alias } else { opt.name },
                        reason,
                    ));
                }
            }
        }
        self.clamp();
        Ok(Changes { names, before })
    }

    /// The value of an option, as CONFIG GET prints it.
    pub fn print(&self, opt: &Opt) -> Vec<u8> {
        (opt.print)(self, opt)
    }

    /// Sets one option, without a look at who asks; returns whether its value changed.
    pub(crate) fn apply(&mut self, opt: &Opt, words: &[&[u8]]) -> Result<bool, Reason> {
        if !opt.flags.has(REFUSED) {
            return (opt.parse)(self, opt, words);
        }
        let before = self.kept.clone();
        let changed = (opt.parse)(self, opt, words)?;
        if changed {
            self.kept = before;
            return Err("kvd does not support this".into());
        }
        Ok(false)
    }

    /// The options that `pairs` name, if each may be set now, in the order of Valkey's checks.
    fn settable(
        &self,
        pairs: &[(&[u8], &[u8])],
        access: Access,
    ) -> Result<Vec<(&'static Opt, bool)>, SetError> {
        let mut options: Vec<(&'static Opt, bool)> = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            let (opt, is_alias) = find(name).ok_or_else(|| SetError::Unknown(name.to_vec()))?;
            let failed = |reason: &'static str| {
                Err(SetError::Failed(name.to_vec(), Some(Cow::Borrowed(reason))))
            };
            // Tools that set every option to what it is know a list of immutable and protected
            // ones, in which ours and the newest are not.
            let is_harmless = opt.flags.has(OWN) || opt.flags.has(IDLE);
            let is_no_change = is_harmless && self.print(opt) == *value;
            if !opt.flags.has(LIVE) && !is_no_change {
                return failed("can't set immutable config");
            }
            let is_allowed = self.enable_protected_configs.allows(access.is_local);
            if opt.flags.has(PROTECTED) && !is_allowed && !is_no_change {
                return failed("can't set protected config");
            }
            if opt.flags.has(NOT_LOADING) && access.is_loading {
                return Err(SetError::Loading);
            }
            // A name and its alias may both be given, as in Valkey: the last one counts.
            if options
                .iter()
                .any(|(o, alias)| std::ptr::eq(*o, opt) && *alias == is_alias)
            {
                return failed("duplicate parameter");
            }
            options.push((opt, is_alias));
        }
        Ok(options)
    }

    /// The value of an option that has no field.
    pub(super) fn kept(&self, opt: &Opt) -> Vec<u8> {
        self.kept.get(opt.name).cloned().unwrap_or_default()
    }

    /// Keeps the value of an option that has no field; returns whether it changed.
    pub(super) fn keep(&mut self, opt: &Opt, text: Vec<u8>) -> bool {
        let before = self.kept.insert(opt.name, text);
        before.as_ref() != self.kept.get(opt.name)
    }

    /// Brings into range what is accepted out of range.
    fn clamp(&mut self) {
        self.hz = self.hz.clamp(1, 500);
    }
}

fn default_words(opt: &Opt) -> Vec<&'static [u8]> {
    words_of(opt, opt.default.as_bytes())
}

/// The words of a value that came as one: cut at each single space, as CONFIG SET does.
fn words_of<'a>(opt: &Opt, value: &'a [u8]) -> Vec<&'a [u8]> {
    if opt.flags.has(MANY) {
        value.split(|byte| *byte == b' ').collect()
    } else {
        vec![value]
    }
}

#[cfg(test)]
mod tests;
