//! The functions of `string` that C's version has without limits: repetition and patterns.

use std::rc::Rc;

use mlua::{Lua, LuaString, MultiValue, Table, Value};

use super::Desk;
use super::api::{as_number, with_desk};
use super::errors;
use super::load::as_text;
use super::pattern::{self, Capture, Matcher, PatternError};

/// The longest string that is built here: what Redis takes as one, by default.
const STRING_BYTES_MAX: usize = 512 << 20;

/// Bytes that are copied or skipped in the time of a unit of work.
const COPIED_PER_WORK: usize = 16;

/// Installs `string.rep` and the functions that the prelude builds the others from.
pub fn install(lua: &Lua, desk: &Rc<Desk>, native: &Table) -> mlua::Result<()> {
    let string = lua.create_table()?;
    let rep = with_desk(lua, desk, |lua, desk, args| rep(lua, desk, &args))?;
    string.raw_set("rep", rep)?;
    for (name, finds) in [("find", true), ("match", false)] {
        let find = with_desk(lua, desk, move |lua, desk, args: MultiValue| {
            find(lua, desk, name, finds, &args)
        })?;
        string.raw_set(name, find)?;
    }
    native.raw_set("string", string)?;
    let match_from = with_desk(lua, desk, match_from)?;
    native.raw_set("match_from", match_from)?;
    let gsub = with_desk(lua, desk, |lua, desk, args: MultiValue| {
        gsub(lua, desk, &args)
    })?;
    native.raw_set("gsub", gsub)?;
    // Checks the arguments as C does, and returns them as what they stand for.
    let check = lua.create_function(|lua, args: MultiValue| {
        let name = text(lua, &args, 0, "")?.to_string_lossy();
        let args: MultiValue = args.into_iter().skip(1).collect();
        let subject = text(lua, &args, 0, &name)?;
        let pattern = text(lua, &args, 1, &name)?;
        let limit = match args.get(2) {
            None | Some(Value::Nil) => f64::INFINITY,
            Some(_) => number(lua, &args, if name == "gsub" { 3 } else { 2 }, 2, &name)?.trunc(),
        };
        Ok((subject, pattern, limit))
    })?;
    native.raw_set("check_match", check)
}

/// Argument `at` (from 0) as a string.
pub fn text(lua: &Lua, args: &MultiValue, at: usize, name: &str) -> mlua::Result<LuaString> {
    let value = args.get(at);
    match value
        .map(|value| as_text(lua, value))
        .transpose()?
        .flatten()
    {
        Some(text) => Ok(text),
        None => {
            let expected = errors::expected("string", value);
            Err(errors::argument(lua, at + 1, name, &expected))
        }
    }
}

/// Argument `at` (from 0), which counts as the one of `index`, as a number.
pub fn number(
    lua: &Lua,
    args: &MultiValue,
    index: usize,
    at: usize,
    name: &str,
) -> mlua::Result<f64> {
    let value = args.get(at);
    match value.and_then(|value| as_number(lua, value)) {
        Some(number) => Ok(number),
        None => {
            let expected = errors::expected("number", value);
            Err(errors::argument(lua, index + 1, name, &expected))
        }
    }
}

fn rep(lua: &Lua, desk: &Rc<Desk>, args: &MultiValue) -> mlua::Result<LuaString> {
    let unit = text(lua, args, 0, "rep")?;
    let count = number(lua, args, 1, 1, "rep")?;
    let unit = unit.as_bytes();
    // A double beyond 32 bits is what C makes of it there: no sensible number.
    let count = if count > 0.0 { count as usize } else { 0 };
    match unit.len().checked_mul(count) {
        Some(bytes) if bytes <= STRING_BYTES_MAX => {
            desk.spend(lua, bytes / COPIED_PER_WORK)?;
            lua.create_string(unit.repeat(count))
        }
        _ => Err(errors::bare("not enough memory")),
    }
}

/// A pattern in the words of C's library, its errors placed.
fn raise(lua: &Lua, error: PatternError) -> mlua::Error {
    match error {
        PatternError::Ended(reason) => errors::reply(format!("ERR {reason}"), false),
        PatternError::Malformed(words) => errors::text(lua, words),
    }
}

/// Asks the server whether the script is to end, in the middle of a long search.
fn interrupt(lua: &Lua, desk: &Rc<Desk>) -> Option<&'static str> {
    // An error of Lua here is an error of memory: the script meets it again at once.
    desk.ask(lua).unwrap_or(None)
}

/// The index from 0 that a position of a script stands for: its end at most.
fn start_index(position: f64, len: usize) -> usize {
    let position = if position < 0.0 {
        (len as f64 + position + 1.0).max(1.0)
    } else {
        position.max(1.0)
    };
    (position as usize - 1).min(len)
}

fn find(
    lua: &Lua,
    desk: &Rc<Desk>,
    name: &str,
    finds: bool,
    args: &MultiValue,
) -> mlua::Result<MultiValue> {
    let subject = text(lua, args, 0, name)?;
    let pattern = text(lua, args, 1, name)?;
    let init = match args.get(2) {
        None | Some(Value::Nil) => 1.0,
        Some(_) => number(lua, args, 2, 2, name)?,
    };
    let (subject, pattern) = (subject.as_bytes(), pattern.as_bytes());
    let start = start_index(init.trunc(), subject.len());
    let is_plain = args
        .get(3)
        .is_some_and(|value| value.as_boolean() != Some(false))
        && !args.get(3).is_some_and(Value::is_nil);
    desk.spend(lua, subject.len() / COPIED_PER_WORK)?;
    if finds && (is_plain || !pattern::has_specials(&pattern)) {
        return match memchr::memmem::find(&subject[start..], &pattern) {
            Some(at) => {
                let from = start + at;
                numbers(&[from + 1, from + pattern.len()])
            }
            None => nothing(),
        };
    }
    let mut asks = || interrupt(lua, desk);
    let mut matcher = Matcher::new(&subject, &pattern, &mut asks);
    let found = matcher.search(start).map_err(|error| raise(lua, error))?;
    let Some((from, to)) = found else {
        return nothing();
    };
    let mut results = MultiValue::new();
    if finds {
        results.push_back(Value::Number((from + 1) as f64));
        results.push_back(Value::Number(to as f64));
    }
    let captures = matcher.captures(from, to, !finds);
    push_captures(lua, &subject, captures, &mut results)?;
    Ok(results)
}

fn nothing() -> mlua::Result<MultiValue> {
    Ok(MultiValue::from_iter([Value::Nil]))
}

fn numbers(numbers: &[usize]) -> mlua::Result<MultiValue> {
    let numbers = numbers.iter().map(|number| Value::Number(*number as f64));
    Ok(numbers.collect())
}

fn push_captures(
    lua: &Lua,
    subject: &[u8],
    captures: Result<Vec<Capture>, PatternError>,
    out: &mut MultiValue,
) -> mlua::Result<()> {
    for capture in captures.map_err(|error| raise(lua, error))? {
        out.push_back(match capture {
            Capture::Position(at) => Value::Number((at + 1) as f64),
            Capture::Text(from, to) => Value::String(lua.create_string(&subject[from..to])?),
        });
    }
    Ok(())
}

/// The first match at or after a position: its first and last byte, and its captures. `anchors`:
/// whether a leading `^` has its meaning.
fn match_from(
    lua: &Lua,
    desk: &Rc<Desk>,
    (subject, pattern, at, anchors): (LuaString, LuaString, usize, bool),
) -> mlua::Result<MultiValue> {
    let (subject, pattern) = (subject.as_bytes(), pattern.as_bytes());
    let start = at.saturating_sub(1);
    if start > subject.len() {
        return nothing();
    }
    let mut asks = || interrupt(lua, desk);
    let mut matcher = Matcher::new(&subject, &pattern, &mut asks);
    matcher.set_anchors(anchors);
    let found = matcher.search(start).map_err(|error| raise(lua, error))?;
    let Some((from, to)) = found else {
        return nothing();
    };
    let mut results = numbers(&[from + 1, to])?;
    let captures = matcher.captures(from, to, true);
    push_captures(lua, &subject, captures, &mut results)?;
    Ok(results)
}

/// `string.gsub` with a string as the replacement.
fn gsub(lua: &Lua, desk: &Rc<Desk>, args: &MultiValue) -> mlua::Result<(LuaString, usize)> {
    let subject = text(lua, args, 0, "gsub")?;
    let pattern = text(lua, args, 1, "gsub")?;
    let replacement = match args.get(2).map(|value| as_text(lua, value)).transpose()? {
        Some(Some(replacement)) => replacement,
        _ => {
            let explanation = "string/function/table expected";
            return Err(errors::argument(lua, 3, "gsub", explanation));
        }
    };
    let limit = match args.get(3) {
        None | Some(Value::Nil) => f64::INFINITY,
        Some(_) => number(lua, args, 3, 3, "gsub")?.trunc(),
    };
    let (subject, pattern) = (subject.as_bytes(), pattern.as_bytes());
    let replacement = replacement.as_bytes();
    let mut asks = || interrupt(lua, desk);
    let mut matcher = Matcher::new(&subject, &pattern, &mut asks);
    let (mut out, mut count, mut at) = (Vec::new(), 0, 0);
    while (count as f64) < limit {
        let found = matcher.search(at).map_err(|error| raise(lua, error))?;
        let Some((from, to)) = found else {
            break;
        };
        out.extend_from_slice(&subject[at..from]);
        count += 1;
        let captures = matcher.captures(from, to, true);
        let captures = captures.map_err(|error| raise(lua, error))?;
        replace(lua, &subject, (from, to), &captures, &replacement, &mut out)?;
        if out.len() > STRING_BYTES_MAX {
            return Err(errors::bare("not enough memory"));
        }
        at = to;
        if to == from {
            let Some(byte) = subject.get(from) else {
                break;
            };
            out.push(*byte);
            at = from + 1;
        }
        if matcher.is_anchored() {
            break;
        }
    }
    out.extend_from_slice(subject.get(at..).unwrap_or_default());
    Ok((lua.create_string(&out)?, count))
}

/// Appends the replacement of one match.
fn replace(
    lua: &Lua,
    subject: &[u8],
    (from, to): (usize, usize),
    captures: &[Capture],
    replacement: &[u8],
    out: &mut Vec<u8>,
) -> mlua::Result<()> {
    let mut bytes = replacement.iter();
    while let Some(byte) = bytes.next() {
        if *byte != b'%' {
            out.push(*byte);
            continue;
        }
        match bytes.next() {
            Some(b'0') => out.extend_from_slice(&subject[from..to]),
            Some(digit) if digit.is_ascii_digit() => {
                match captures.get(usize::from(digit - b'1')) {
                    Some(Capture::Text(from, to)) => out.extend_from_slice(&subject[*from..*to]),
                    Some(Capture::Position(at)) => {
                        out.extend_from_slice((at + 1).to_string().as_bytes());
                    }
                    None => return Err(errors::text(lua, "invalid capture index")),
                }
            }
            Some(other) => out.push(*other),
            // C reads the zero behind the string.
            None => out.push(0),
        }
    }
    Ok(())
}
