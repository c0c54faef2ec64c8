//! The command line and the environment as lines of redis.conf.
//!
//! `kvd [file] [-] [--option value ...]` follows Redis: the words of an option become one line, so
//! that they are read by the same rules. Beyond Redis `--option=value` is understood too.

use super::load::ENVIRONMENT_PREFIX;
use super::syntax::split_words;
use super::{find, kind};
use crate::text::quote;

/// The command line, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// The configuration file.
    pub file: Option<String>,
    /// Whether standard input holds (more) configuration.
    pub reads_stdin: bool,
    /// A line for each option.
    pub lines: Vec<Vec<u8>>,
}

/// Takes the arguments (without the program's name) apart.
pub fn parse(arguments: &[Vec<u8>]) -> Arguments {
    let mut parsed = Arguments::default();
    let mut arguments = arguments.iter().peekable();
    if let Some(path) = arguments.next_if(|first| !first.starts_with(b"-")) {
        parsed.file = kind::text(path)
            .ok()
            .or_else(|| Some("\u{fffd}".to_owned()));
    }
    let mut line: Option<Vec<u8>> = None;
    // An option that has no value yet takes the next word whatever it looks like.
    let mut is_complete = true;
    let mut is_first = parsed.file.is_none();
    while let Some(argument) = arguments.next() {
        let is_edge = std::mem::take(&mut is_first) || arguments.peek().is_none();
        if argument == b"-" && is_edge && is_complete {
            parsed.reads_stdin = true;
        } else if let Some(option) = argument.strip_prefix(b"--").filter(|_| is_complete) {
            parsed.lines.extend(line.take());
            let (mut text, has_value) = option_line(option);
            is_complete = has_value;
            let next_is_option = arguments.peek().is_none_or(|next| next.starts_with(b"--"));
            if option.eq_ignore_ascii_case(b"save") && next_is_option {
                // What a script makes of an empty list.
                text.extend(b" \"\"");
                is_complete = true;
            }
            line = Some(text);
        } else {
            let line = line.get_or_insert_default();
            line.push(b' ');
            quote(argument, line);
            is_complete = true;
        }
    }
    parsed.lines.extend(line);
    for line in &mut parsed.lines {
        *line = super::syntax::trim(line).to_vec();
    }
    parsed
}

/// The line that an option begins, and whether it holds a value already: `port=1` or `port 1`.
fn option_line(option: &[u8]) -> (Vec<u8>, bool) {
    if let Some(equals) = option.iter().position(|byte| *byte == b'=') {
        let (name, value) = (&option[..equals], &option[equals + 1..]);
        if find(name).is_some() {
            let mut line = name.to_vec();
            line.push(b' ');
            quote(value, &mut line);
            return (line, true);
        }
    }
    let has_value = split_words(option).is_none_or(|words| words.len() != 1);
    (option.to_vec(), has_value)
}

/// The option that an environment variable sets: `KVD_MAXMEMORY_POLICY` is `maxmemory-policy`.
pub fn environment_name(variable: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    let name = variable.strip_prefix(ENVIRONMENT_PREFIX.as_bytes())?;
    // Kubernetes sets these for a service called kvd; a seed replays a test.
    let is_foreign = name.starts_with(b"SERVICE_")
        || name.starts_with(b"PORT_")
        || (name == b"PORT" && value.starts_with(b"tcp://"))
        || name == b"SEED";
    if is_foreign {
        return None;
    }
    let name = name.to_ascii_lowercase();
    Some(
        name.iter()
            .map(|byte| if *byte == b'_' { b'-' } else { *byte })
            .collect(),
    )
}
