//! Whether the server is well, and what the page for people shows.

use std::fmt::Write;

use crate::engine::Engine;
use crate::observe::commandlog::LogType;
use crate::observe::info;

use super::metrics::fields;

/// The log of slow commands.
pub(super) const SLOW: LogType = LogType::Slow;

/// Slow commands shown: the page is for a glance, SLOWLOG GET for the rest.
const SLOW_SHOWN: usize = 20;

/// Why the server does not serve as it should, if so.
pub(super) fn ailment(engine: &Engine) -> Option<String> {
    if engine.is_loading() {
        return Some("loading the dataset in memory".to_owned());
    }
    engine.write_refusal().map(|error| error.line().to_owned())
}

/// All of INFO and the latest slow commands.
pub(super) fn json(engine: &Engine) -> String {
    let mut out = String::with_capacity(32 * 1024);
    out.push_str("{\"health\":");
    push_string(ailment(engine).as_deref().unwrap_or("ok"), &mut out);
    out.push_str(",\"info\":{");
    let report = info::everything(engine);
    for (i, (field, value)) in fields(&report).enumerate() {
        if i > 0 {
            out.push(',');
        }
        push_string(field, &mut out);
        out.push(':');
        push_string(value, &mut out);
    }
    out.push_str("},\"slow\":[");
    let slow = engine.command_log.entries(SLOW).iter().take(SLOW_SHOWN);
    for (i, entry) in slow.enumerate() {
        let words: Vec<_> = entry
            .args
            .iter()
            .map(|word| String::from_utf8_lossy(word))
            .collect();
        // Writing to a string does not fail.
        let _ = write!(
            out,
            "{}{{\"id\":{},\"unix_s\":{},\"us\":{},\"command\":",
            if i > 0 { "," } else { "" },
            entry.id,
            entry.unix_s,
            entry.figure
        );
        push_string(&words.join(" "), &mut out);
        out.push_str(",\"peer\":");
        push_string(&entry.peer, &mut out);
        out.push('}');
    }
    out.push_str("]}");
    out
}

fn push_string(value: &str, out: &mut String) {
    out.push('"');
    for char in value.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            char if u32::from(char) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(char));
            }
            char => out.push(char),
        }
    }
    out.push('"');
}
