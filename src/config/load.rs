//! The configuration at the start: file, standard input, environment and command line, in this
//! order, each overruling what came before; `include`, `rename-command` and `user`.
//!
//! It reads lines and never a file: [`Files`] is given by whoever starts the server. Every error
//! names its place and has the shape of Redis's.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use super::arguments::{self, Arguments};
use super::options::{DEPRECATED, IDLE, MANY, OPTIONS, SECRET};
use super::syntax::{split_words, trim};
use super::{Config, Opt, Reason, find};

/// How deep files may include files: deeper is taken for a circle.
pub const INCLUDE_DEPTH_MAX: usize = 16;

/// The prefix of the environment variables that set options.
pub const ENVIRONMENT_PREFIX: &str = "KVD_";

/// Where the texts of files come from.
pub trait Files {
    /// The content of a file.
    fn read(&mut self, path: &str) -> io::Result<Vec<u8>>;
    /// The files that a pattern names, sorted; none is not an error.
    fn glob(&mut self, pattern: &str) -> io::Result<Vec<String>>;
}

/// Everything a configuration is made of.
#[derive(Debug, Default)]
pub struct Sources {
    /// The arguments of the process, without its own name.
    pub arguments: Vec<Vec<u8>>,
    /// The environment; only names that begin with [`ENVIRONMENT_PREFIX`] matter.
    pub environment: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A loaded configuration.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration itself.
    pub config: Config,
    /// What has no effect here, for the log.
    pub warnings: Vec<String>,
    /// Where each option that is not a default was set last, for errors that show later.
    pub origins: BTreeMap<&'static str, Origin>,
}

/// The kind of place a line came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The configuration file.
    File,
    /// A file that it includes.
    Included(String),
    /// Standard input.
    StandardInput,
    /// A variable of the environment.
    Environment,
    /// The command line.
    CommandLine,
}

/// Where a line came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// In which source.
    pub place: Place,
    /// Its number there, from 1.
    pub line: usize,
    /// Its text.
    pub text: Vec<u8>,
}

/// A line `rename-command from to`; an empty `to` removes the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenamedCommand {
    /// The command's own name.
    pub from: Vec<u8>,
    /// The name it shall have.
    pub to: Vec<u8>,
    /// Where this was said.
    pub origin: Origin,
}

/// A line `user ...`, for the ACL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserLine {
    /// The words after `user`: the name, then the rules.
    pub words: Vec<Vec<u8>>,
    /// Where this was said.
    pub origin: Origin,
}

/// Why the server cannot start with this configuration. Its text is what Redis prints.
#[derive(Debug)]
pub enum LoadError {
    /// A line is wrong.
    Line {
        /// Where.
        origin: Origin,
        /// Why.
        reason: Reason,
    },
    /// A file cannot be read.
    File {
        /// Its path.
        path: String,
        /// Why.
        error: io::Error,
    },
}

impl LoadError {
    /// An error in this line.
    pub fn at(origin: &Origin, reason: impl Into<Reason>) -> LoadError {
        LoadError::Line {
            origin: origin.clone(),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (origin, reason) = match self {
            Self::Line { origin, reason } => (origin, reason),
            Self::File { path, error } => {
                let error = error_text(error);
                return write!(f, "Fatal error, can't open config file '{path}': {error}");
            }
        };
        let version = env!("CARGO_PKG_VERSION");
        writeln!(f, "\n*** FATAL CONFIG FILE ERROR (Version {version}) ***")?;
        let line = origin.line;
        match &origin.place {
            Place::File => writeln!(f, "Reading the configuration file, at line {line}")?,
            Place::Included(path) => {
                writeln!(
                    f,
                    "Reading the configuration file, at line {line} of '{path}'"
                )?;
            }
            Place::StandardInput => writeln!(f, "Reading standard input, at line {line}")?,
            Place::Environment => writeln!(f, "Reading the environment")?,
            Place::CommandLine => writeln!(f, "Reading the command line")?,
        }
        writeln!(f, ">>> '{}'", String::from_utf8_lossy(&origin.text))?;
        f.write_str(reason)
    }
}

impl std::error::Error for LoadError {}

/// The message of an operating system error without the number that Rust adds to it.
pub fn error_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

/// Builds the configuration. `stdin` is read only if an argument is `-`.
pub fn load(
    sources: &Sources,
    files: &mut dyn Files,
    stdin: &mut dyn FnMut() -> io::Result<Vec<u8>>,
) -> Result<Loaded, LoadError> {
    let Arguments {
        file,
        reads_stdin,
        lines,
    } = arguments::parse(&sources.arguments);
    let mut loader = Loader {
        config: Config::default(),
        origins: BTreeMap::new(),
        save_was_set: false,
        depth: 0,
        files,
    };
    if let Some(path) = file {
        loader.file(&path, Place::File)?;
        loader.config.config_file = Some(path);
    }
    if reads_stdin {
        let text = stdin().map_err(|error| LoadError::File {
            path: "-".to_owned(),
            error,
        })?;
        loader.text(&text, &Place::StandardInput)?;
    }
    loader.environment(&sources.environment)?;
    for text in lines {
        loader.line(Origin {
            place: Place::CommandLine,
            line: 1,
            text,
        })?;
    }
    loader.config.clamp();
    let warnings = loader.warnings();
    Ok(Loaded {
        config: loader.config,
        warnings,
        origins: loader.origins,
    })
}

struct Loader<'a> {
    config: Config,
    origins: BTreeMap<&'static str, Origin>,
    /// The first line `save` replaces the default, the next ones add to it.
    save_was_set: bool,
    depth: usize,
    files: &'a mut dyn Files,
}

impl Loader<'_> {
    fn file(&mut self, path: &str, place: Place) -> Result<(), LoadError> {
        let text = self.files.read(path).map_err(|error| LoadError::File {
            path: path.to_owned(),
            error,
        })?;
        self.text(&text, &place)
    }

    fn text(&mut self, text: &[u8], place: &Place) -> Result<(), LoadError> {
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let text = trim(line).to_vec();
            self.line(Origin {
                place: place.clone(),
                line: index + 1,
                text,
            })?;
        }
        Ok(())
    }

    fn line(&mut self, origin: Origin) -> Result<(), LoadError> {
        if matches!(origin.text.first(), None | Some(b'#')) {
            return Ok(());
        }
        let words = split_words(&origin.text)
            .ok_or_else(|| LoadError::at(&origin, "Unbalanced quotes in configuration line"))?;
        let Some((name, args)) = words.split_first() else {
            return Ok(());
        };
        match find(name) {
            Some((opt, _)) => self.option(opt, args, origin),
            None => self.directive(name, args, origin),
        }
    }

    fn option(
        &mut self,
        opt: &'static Opt,
        args: &[Vec<u8>],
        origin: Origin,
    ) -> Result<(), LoadError> {
        let split;
        let args = match args {
            // Several words may come as one, quoted or from the command line.
            [one] if opt.flags.has(MANY) && !one.is_empty() => {
                split = split_words(one).ok_or_else(|| {
                    LoadError::at(&origin, "Unbalanced quotes in configuration line")
                })?;
                &split
            }
            [_] => args,
            _ if opt.flags.has(MANY) => args,
            _ => return Err(LoadError::at(&origin, "wrong number of arguments")),
        };
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        let save_before = self.config.save.clone();
        self.config
            .apply(opt, &args)
            .map_err(|reason| LoadError::at(&origin, reason))?;
        if opt.name == "save" {
            if self.save_was_set && !self.config.save.is_empty() {
                self.config.save.splice(0..0, save_before);
            }
            self.save_was_set = true;
        }
        self.origins.insert(opt.name, origin);
        Ok(())
    }

    /// What is a directive, but not an option.
    fn directive(
        &mut self,
        name: &[u8],
        args: &[Vec<u8>],
        origin: Origin,
    ) -> Result<(), LoadError> {
        let lower = String::from_utf8_lossy(name).to_ascii_lowercase();
        match (lower.as_str(), args) {
            ("include", [path]) => self.include(path, &origin),
            ("rename-command", [from, to]) => {
                let (from, to) = (from.clone(), to.clone());
                self.config
                    .renamed_commands
                    .push(RenamedCommand { from, to, origin });
                Ok(())
            }
            ("user", [user, ..]) => {
                let mut known = self.config.users.iter();
                if known.any(|line| line.words.first() == Some(user)) {
                    return Err(LoadError::at(
                        &origin,
                        format!(
                            "Error in user declaration '{}': Duplicate user found. A user can \
                             only be defined once in config files",
                            String::from_utf8_lossy(user)
                        ),
                    ));
                }
                self.config.users.push(UserLine {
                    words: args.to_vec(),
                    origin,
                });
                Ok(())
            }
            (name, [_]) if DEPRECATED.contains(&name) => Ok(()),
            ("loadmodule", _) => Err(LoadError::at(&origin, "kvd does not load modules")),
            ("sentinel", _) => Err(LoadError::at(
                &origin,
                "sentinel directive while not in sentinel mode",
            )),
            (name, _) if name.contains('.') => Err(LoadError::at(
                &origin,
                "kvd does not load modules, this configures one",
            )),
            (name, _) => Err(LoadError::at(&origin, unknown(name))),
        }
    }

    fn include(&mut self, path: &[u8], origin: &Origin) -> Result<(), LoadError> {
        let path = super::kind::text(path).map_err(|reason| LoadError::at(origin, reason))?;
        if self.depth == INCLUDE_DEPTH_MAX {
            return Err(LoadError::at(origin, "Files include each other too deeply"));
        }
        let paths = if path.contains(['*', '?', '[']) {
            let found = self.files.glob(&path);
            found.map_err(|error| LoadError::File {
                path: path.clone(),
                error,
            })?
        } else {
            vec![path]
        };
        self.depth += 1;
        for path in paths {
            self.file(&path, Place::Included(path.clone()))?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn environment(&mut self, variables: &[(Vec<u8>, Vec<u8>)]) -> Result<(), LoadError> {
        for (variable, value) in variables {
            let Some(name) = arguments::environment_name(variable, value) else {
                continue;
            };
            let text = [variable.as_slice(), b"=", value].concat();
            let origin = Origin {
                place: Place::Environment,
                line: 1,
                text,
            };
            let Some((opt, _)) = find(&name) else {
                let reason = unknown(&String::from_utf8_lossy(&name));
                return Err(LoadError::at(&origin, reason));
            };
            // Set but empty is how compose files say "not set"; only a text may be empty.
            let may_be_empty = matches!(opt.kind, super::Kind::Text(_) | super::Kind::Special);
            if value.is_empty() && !may_be_empty {
                continue;
            }
            // What the environment says replaces what files say, `save` included.
            self.save_was_set &= opt.name != "save";
            self.option(opt, std::slice::from_ref(value), origin)?;
        }
        Ok(())
    }

    fn warnings(&self) -> Vec<String> {
        let defaults = Config::default();
        let idle = OPTIONS.iter().filter(|opt| opt.flags.has(IDLE));
        let mut warnings = Vec::new();
        for opt in idle {
            let Some(origin) = self.origins.get(opt.name) else {
                continue;
            };
            let value = self.config.print(opt);
            if value == defaults.print(opt) {
                continue;
            }
            let value = if opt.flags.has(SECRET) {
                b"*".to_vec()
            } else {
                value
            };
            warnings.push(match opt.name {
                "daemonize" => {
                    "daemonize: kvd stays in the foreground, run it under a supervisor".to_owned()
                }
                "syslog-enabled" => {
                    "syslog-enabled: kvd logs to 'logfile' or standard output only".to_owned()
                }
                name => format!(
                    "'{name} {}'{} has no effect in kvd",
                    String::from_utf8_lossy(&value),
                    origin.place.suffix(origin.line)
                ),
            });
        }
        warnings
    }
}

impl Place {
    fn suffix(&self, line: usize) -> String {
        match self {
            Place::File => format!(" (line {line})"),
            Place::Included(path) => format!(" (line {line} of {path})"),
            Place::StandardInput => format!(" (line {line} of standard input)"),
            Place::Environment => " (environment)".to_owned(),
            Place::CommandLine => String::new(),
        }
    }
}

fn unknown(name: &str) -> Reason {
    let reason = "Bad directive or wrong number of arguments";
    match nearest(name) {
        Some(nearest) if nearest == name => reason.into(),
        Some(nearest) => format!("{reason}\nDid you mean '{nearest}'?").into(),
        None => reason.into(),
    }
}

/// The known name that is at most a few letters away.
fn nearest(name: &str) -> Option<&'static str> {
    /// No option is longer; a longer word is no slip of the finger.
    const LENGTH_MAX: usize = 64;
    if name.len() > LENGTH_MAX {
        return None;
    }
    let names = OPTIONS.iter().flat_map(|opt| [opt.name, opt.alias]);
    let names = names.chain(["include", "rename-command", "user"]);
    let candidates = names.filter(|known| !known.is_empty());
    candidates
        .map(|known| (distance(name.as_bytes(), known.as_bytes()), known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, known)| {
            *distance
                <= if known.len() < 4 {
                    1
                } else {
                    2 + known.len() / 10
                }
        })
        .map(|(_, known)| known)
}

/// Levenshtein's distance.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
