//! Whether the server is well, and what the page for people shows.

use std::fmt::Write;

use crate::engine::Engine;
use crate::observe::commandlog::LogType;
use crate::observe::hot::big_keys;
use crate::observe::hot::summary::{Order, Tracked};
use crate::observe::info;
use crate::store::value::Kind;
use crate::text::Json;

use super::metrics::fields;

/// The log of slow commands.
pub(super) const SLOW: LogType = LogType::Slow;

/// Slow commands shown: the page is for a glance, SLOWLOG GET for the rest.
const SLOW_SHOWN: usize = 20;
/// Keys shown of each order, and of each type: for the rest there is HOTKEYS.
const HOT_SHOWN: usize = 8;
const BIG_SHOWN: usize = 3;

/// Why the server does not serve as it should, if so.
pub(super) fn ailment(engine: &Engine) -> Option<String> {
    if engine.is_loading() {
        return Some("loading the dataset in memory".to_owned());
    }
    engine.write_refusal().map(|error| error.line().to_owned())
}

/// All of INFO, the latest slow commands, and the hottest and biggest keys.
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
    out.push_str("],\"hot\":[");
    push_hot(engine, &mut out);
    out.push_str("],\"big\":[");
    push_big(engine, &mut out);
    out.push_str("]}");
    out
}

/// The keys that come first in any order.
fn push_hot(engine: &Engine, out: &mut String) {
    let window = engine.hot.window();
    let mut shown: Vec<&Tracked> = Vec::new();
    for order in Order::ALL {
        for key in engine.hot.ranked(order, HOT_SHOWN) {
            if !shown.iter().any(|known| std::ptr::eq(*known, key)) {
                shown.push(key);
            }
        }
    }
    for (i, key) in shown.iter().enumerate() {
        push_key(i, &key.name, key.db, out);
        let _ = write!(
            out,
            ",\"qps\":{},\"bytes_per_second\":{},\"cpu_us_per_second\":{}}}",
            window.per_second(key.cost.calls),
            window.per_second(key.cost.bytes),
            window.per_second(key.cost.ns) / 1_000
        );
    }
}

/// The biggest keys of each type.
fn push_big(engine: &Engine, out: &mut String) {
    let of_kind = |kind| big_keys(engine, kind).into_iter().take(BIG_SHOWN);
    for (i, key) in Kind::ALL.into_iter().flat_map(of_kind).enumerate() {
        push_key(i, &key.name, key.db, out);
        let _ = write!(
            out,
            ",\"type\":\"{}\",\"bytes\":{},\"elements\":{}}}",
            key.kind.name(),
            key.bytes,
            key.elements
        );
    }
}

/// The beginning of an object about a key, the `i`th of a list.
fn push_key(i: usize, name: &[u8], db: u32, out: &mut String) {
    out.push_str(if i > 0 { ",{\"key\":" } else { "{\"key\":" });
    push_string(&String::from_utf8_lossy(name), out);
    let _ = write!(out, ",\"db\":{db}");
}

fn push_string(value: &str, out: &mut String) {
    let _ = write!(out, "{}", Json(value));
}
