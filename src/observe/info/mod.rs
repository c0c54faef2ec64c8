//! INFO: what the server knows about itself as lines of text, by section.
//!
//! Fields have Redis's names, so that clients, exporters and dashboards find them; what kvd does
//! not have (a fork, other threads) is said as Redis says it of an idle one. Reading changes
//! nothing but the peak of memory.

mod commands;
mod keys;
mod memory;
mod persistence;
mod server;
mod stats;

pub use memory::Account;

use std::fmt::{self, Write};

use crate::engine::Engine;
use crate::resp::args::{Args, OwnedArgs};

/// When a section is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    /// INFO, `default`.
    Default,
    /// `all`.
    All,
    /// `everything`.
    Everything,
    /// By its name alone.
    Named,
}

type Section = (&'static str, Shown, fn(&Engine, &mut Text));

/// The sections in the order of the reply.
#[rustfmt::skip]
static SECTIONS: &[Section] = &[
    ("server",       Shown::Default, server::server),
    ("clients",      Shown::Default, server::clients),
    ("memory",       Shown::Default, memory::memory),
    ("persistence",  Shown::Default, persistence::persistence),
    ("stats",        Shown::Default, stats::stats),
    ("replication",  Shown::Default, server::replication),
    ("cpu",          Shown::Default, server::cpu),
    ("modules",      Shown::Default, server::modules),
    ("commandstats", Shown::All,     commands::commandstats),
    ("errorstats",   Shown::Default, commands::errorstats),
    ("latencystats", Shown::All,     commands::latencystats),
    ("cluster",      Shown::Default, server::cluster),
    ("keyspace",     Shown::Default, server::keyspace),
    ("hotkeys",      Shown::All,     keys::hotkeys),
    ("bigkeys",      Shown::All,     keys::bigkeys),
    ("overhead",     Shown::Everything, server::overhead),
    ("debug",        Shown::Named,   stats::debug),
];

/// The sections that the words of a request name (none: the default ones), each once.
pub fn report(engine: &Engine, names: Args<'_>) -> String {
    let mut text = Text {
        // Before the text takes memory itself.
        used_bytes: engine.used_bytes(),
        out: String::with_capacity(8 * 1024),
    };
    for (name, shown, write) in SECTIONS {
        let is_named = |word: &[u8]| match word.to_ascii_lowercase().as_slice() {
            b"default" => *shown == Shown::Default,
            b"all" => *shown <= Shown::All,
            b"everything" => *shown <= Shown::Everything,
            word => word == name.as_bytes(),
        };
        let wanted = match names.is_empty() {
            true => *shown == Shown::Default,
            false => names.iter().any(is_named),
        };
        if wanted {
            if !text.out.is_empty() {
                text.out.push_str("\r\n");
            }
            write(engine, &mut text);
        }
    }
    text.out
}

/// Every section but those that are shown by their name alone.
pub fn everything(engine: &Engine) -> String {
    let mut word = OwnedArgs::with_capacity(1, 0);
    word.push(b"everything");
    report(engine, word.as_args())
}

/// The text while it is written.
struct Text {
    out: String,
    /// The memory in use before the text was begun: the report does not count itself.
    used_bytes: u64,
}

impl Text {
    fn title(&mut self, title: &str) {
        self.line(format_args!("# {title}"));
    }

    fn field(&mut self, name: &str, value: impl fmt::Display) {
        self.line(format_args!("{name}:{value}"));
    }

    fn fields(&mut self, fields: &[(&str, u64)]) {
        for (name, value) in fields {
            self.field(name, value);
        }
    }

    /// A number of bytes, plain and for people.
    fn bytes(&mut self, name: &str, bytes: u64) {
        self.field(name, bytes);
        self.line(format_args!("{name}_human:{}", human(bytes)));
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = write!(self.out, "{line}\r\n");
    }
}

/// A number of bytes as Redis writes it for people: `994.96K`.
pub fn human(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["K", "M", "G", "T", "P", "E"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let power = (bytes.ilog2() / 10) as usize;
    let unit = UNITS.get(power - 1).copied().unwrap_or("E");
    format!("{:.2}{unit}", bytes as f64 / (1u64 << (10 * power)) as f64)
}

/// A quotient, 0 if there is nothing to divide by.
pub fn ratio(a: u64, b: u64) -> f64 {
    if b == 0 { 0.0 } else { a as f64 / b as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_for_people() {
        assert_eq!(human(0), "0B");
        assert_eq!(human(1023), "1023B");
        assert_eq!(human(1_018_840), "994.96K");
        assert_eq!(human(25_276_063_744), "23.54G");
        assert_eq!(human(u64::MAX), "16.00E");
    }
}
