//! One line of the audit log.
//!
//! Keys and names are bytes that clients chose. In JSON they are text: what is not UTF-8 is
//! written `\xNN`, a backslash is doubled, and JSON's own escapes come on top, so that the bytes
//! can be told again from the text and no key can forge a line.
//!
//! Limits: [`KEYS_MAX`] keys a line and [`KEY_BYTES_MAX`] bytes of each; what is left out is
//! counted.

use std::io::Write;

use crate::acl::{Context, Users};
use crate::config::{self, OPTIONS};
use crate::dispatch::keys::{KeyRefs, NOT_KEY};
use crate::dispatch::table::{Command, Secrets};
use crate::engine::clients::Client;
use crate::observe::commandlog::is_secret;
use crate::resp::args::Args;
use crate::time::Utc;

/// How many keys of a command are named, and options of a CONFIG SET.
pub(super) const KEYS_MAX: usize = 16;
/// How many bytes of a key or name are shown.
pub(super) const KEY_BYTES_MAX: usize = 128;

/// What happened.
pub(super) struct Event<'a> {
    /// The command's row.
    pub command: &'static Command,
    /// Its arguments, of which only keys are written.
    pub args: Args<'a>,
    /// Where it was.
    pub context: Context,
    /// `ok`, `waits`, `error`, `denied` or `failed-login`.
    pub result: &'static str,
    /// The code of the error.
    pub error: Option<&'a str>,
    /// The user that somebody wants to be.
    pub login: Option<&'a [u8]>,
}

impl Event<'_> {
    /// Adds the line, with its end.
    pub fn write(&self, unix_ms: i64, client: &Client, users: &Users, line: &mut Vec<u8>) {
        let about = &client.about;
        put(line, format_args!("{{\"time\":\"{}\"", Utc::of(unix_ms)));
        line.extend_from_slice(b",\"user\":");
        quote(&about.user, line);
        line.extend_from_slice(b",\"address\":");
        quote(about.endpoint.peer().as_bytes(), line);
        put(
            line,
            format_args!(",\"client\":{},\"db\":{}", client.id, client.db),
        );
        put(line, format_args!(",\"command\":\"{}\"", self.command.name));
        self.write_keys(line);
        if self.command.secrets == Secrets::OptionValues {
            self.write_options(line);
        }
        if let Some(name) = self.login {
            // A name that is nobody's may be a password in the wrong place.
            line.extend_from_slice(b",\"login\":");
            match users.find(name) {
                Some(user) => quote(user.name(), line),
                None => line.extend_from_slice(b"null"),
            }
        }
        put(
            line,
            format_args!(",\"context\":\"{}\"", self.context.name()),
        );
        put(line, format_args!(",\"result\":\"{}\"", self.result));
        if let Some(code) = self.error {
            line.extend_from_slice(b",\"error\":");
            quote(code.as_bytes(), line);
        }
        line.extend_from_slice(b"}\n");
    }

    fn write_keys(&self, line: &mut Vec<u8>) {
        let mut found = KeyRefs::new();
        self.command.keys.extract(self.args, &mut found);
        let is_key = |at: &usize| !is_secret(self.command, self.args, *at);
        let keys = found.iter().filter(|key| !key.flags.contains(NOT_KEY));
        let keys = keys.map(|key| key.index as usize).filter(is_key);
        write_list(line, "keys", keys.map(|at| self.args.at(at)));
    }

    /// The options that a CONFIG SET names: as the table spells them, and only those it has.
    fn write_options(&self, line: &mut Vec<u8>) {
        let names = (2..self.args.len()).step_by(2);
        let known = names.filter_map(|at| config::find(self.args.at(at)));
        let names = known.map(|(option, _)| option.name.as_bytes());
        // More than there are is a request that says the same over and over.
        write_list(line, "options", names.take(OPTIONS.len()));
    }
}

/// Adds the line that tells how many lines are missing.
pub(super) fn write_lost(unix_ms: i64, lost: u64, line: &mut Vec<u8>) {
    let time = Utc::of(unix_ms);
    put(
        line,
        format_args!("{{\"time\":\"{time}\",\"result\":\"lost\",\"lines\":{lost}}}\n"),
    );
}

fn write_list<'a>(line: &mut Vec<u8>, name: &str, items: impl Iterator<Item = &'a [u8]>) {
    let mut count = 0usize;
    for item in items {
        count += 1;
        match count {
            1 => put(line, format_args!(",\"{name}\":[")),
            2..=KEYS_MAX => line.push(b','),
            _ => continue,
        }
        quote(item, line);
    }
    if count > 0 {
        line.push(b']');
    }
    if let Some(more) = count.checked_sub(KEYS_MAX).filter(|more| *more > 0) {
        put(line, format_args!(",\"more_{name}\":{more}"));
    }
}

fn put(line: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing into memory does not fail.
    let _ = line.write_fmt(text);
}

/// Writes bytes as a JSON string, with no more than [`KEY_BYTES_MAX`] of them. Of those that are
/// cut it says how many, behind a backslash that no text of a client can bring about.
fn quote(bytes: &[u8], line: &mut Vec<u8>) {
    let shown = bytes.get(..KEY_BYTES_MAX).unwrap_or(bytes);
    line.push(b'"');
    for chunk in shown.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' => line.extend_from_slice(b"\\\""),
                '\\' => line.extend_from_slice(b"\\\\\\\\"),
                c if c.is_control() => put(line, format_args!("\\u{:04x}", c as u32)),
                c => line.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        for byte in chunk.invalid() {
            put(line, format_args!("\\\\x{byte:02x}"));
        }
    }
    if shown.len() < bytes.len() {
        let more = bytes.len() - shown.len();
        put(line, format_args!("\\\\... ({more} more bytes)"));
    }
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(bytes: &[u8]) -> String {
        let mut line = Vec::new();
        quote(bytes, &mut line);
        String::from_utf8(line).expect("JSON is UTF-8")
    }

    #[test]
    fn hostile_bytes_stay_inside_their_string() {
        assert_eq!(quoted(b"plain \xc3\xa9"), "\"plain \u{e9}\"");
        assert_eq!(quoted(b"a\"}\n{\"b"), "\"a\\\"}\\u000a{\\\"b\"");
        assert_eq!(quoted(b"\xff\x00\xc3"), "\"\\\\xff\\u0000\\\\xc3\"");
        // What looks like an escape is not taken for one.
        assert_eq!(quoted(b"\\xff"), "\"\\\\\\\\xff\"");
        assert_eq!(quoted("\u{85}\u{7f}".as_bytes()), "\"\\u0085\\u007f\"");
    }

    #[test]
    fn long_keys_are_cut_and_say_so() {
        assert_eq!(quoted(&[b'k'; KEY_BYTES_MAX]).len(), KEY_BYTES_MAX + 2);
        let cut = quoted(&[b'k'; KEY_BYTES_MAX + 7]);
        assert!(cut.ends_with("kkk\\\\... (7 more bytes)\""), "{cut}");
        // Cut in the middle of a character.
        let mut key = vec![b'k'; KEY_BYTES_MAX - 1];
        key.extend("\u{e9}".bytes());
        let cut = quoted(&key);
        assert!(cut.ends_with("k\\\\xc3\\\\... (1 more bytes)\""), "{cut}");
    }

    #[test]
    fn lists_are_cut_and_say_so() {
        let mut line = Vec::new();
        write_list(&mut line, "keys", [&b"a"[..]; KEYS_MAX + 5].into_iter());
        let line = String::from_utf8(line).expect("text");
        assert_eq!(line.matches("\"a\"").count(), KEYS_MAX);
        assert!(line.ends_with("],\"more_keys\":5"), "{line}");
        let mut none = Vec::new();
        write_list(&mut none, "keys", std::iter::empty());
        assert!(none.is_empty());
    }
}
