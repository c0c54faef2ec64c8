//! Values between Lua and the protocol, by Redis's rules.
//!
//! Neither direction recurses on what a script made: a table that holds itself ends at
//! [`DEPTH_MAX`].

use mlua::{Either, Function, IntoLua, Lua, LuaString, Table, Value};

use crate::resp::decode::Value as Decoded;
use crate::resp::number::{format_f64, push_i64};
use crate::resp::reply::{Mark, Protocol, Reply};

use super::errors::{self, error_table};

/// Nested tables in a reply. Each is held by up to three handles, of which mlua has 8000.
const DEPTH_MAX: usize = 1_000;

/// The longest reply: the memory of a script holds no more, unless tables hold one another many
/// times.
const BYTES_MAX: usize = super::MEMORY_BYTES_MAX;

/// The words that make a table something else than an array.
pub struct Words {
    err: LuaString,
    ok: LuaString,
    double: LuaString,
    big_number: LuaString,
    verbatim: LuaString,
    map: LuaString,
    set: LuaString,
    next: Function,
}

impl Words {
    /// The words as strings of a state.
    ///
    /// # Errors
    /// Lua is out of memory.
    pub fn new(lua: &Lua) -> mlua::Result<Words> {
        Ok(Words {
            err: lua.create_string("err")?,
            ok: lua.create_string("ok")?,
            double: lua.create_string("double")?,
            big_number: lua.create_string("big_number")?,
            verbatim: lua.create_string("verbatim_string")?,
            map: lua.create_string("map")?,
            set: lua.create_string("set")?,
            next: lua.globals().raw_get("next")?,
        })
    }
}

/// A reply of a command as a value of Lua.
///
/// # Errors
/// Lua is out of memory.
pub fn to_lua(lua: &Lua, reply: &Decoded<'_>, protocol: Protocol) -> mlua::Result<Value> {
    Ok(match reply {
        // Lua 5.1 has doubles only; so has Redis's Lua.
        Decoded::Int(number) => Value::Number(*number as f64),
        Decoded::Bulk(text) => Value::String(lua.create_string(text)?),
        Decoded::Simple(text) => named(lua, "ok", bytes(text))?,
        Decoded::Error(line) => Value::Table(error_table(lua, &with_code(line), true)?),
        Decoded::Null | Decoded::NullArray => match protocol {
            Protocol::Resp2 => Value::Boolean(false),
            Protocol::Resp3 => Value::Nil,
        },
        Decoded::Array(items) | Decoded::Push(items) => {
            let table = lua.create_table_with_capacity(items.len(), 0)?;
            for (at, item) in items.iter().enumerate() {
                match item {
                    Decoded::Bulk(text) => table.raw_seti(at + 1, bytes(text))?,
                    item => table.raw_seti(at + 1, to_lua(lua, item, protocol)?)?,
                }
            }
            Value::Table(table)
        }
        Decoded::Map(pairs) => {
            let table = lua.create_table_with_capacity(0, pairs.len())?;
            for (key, value) in pairs {
                let key = to_lua(lua, key, protocol)?;
                table.raw_set(key, to_lua(lua, value, protocol)?)?;
            }
            named(lua, "map", Value::Table(table))?
        }
        Decoded::Set(items) => {
            let table = lua.create_table_with_capacity(0, items.len())?;
            for item in items {
                table.raw_set(to_lua(lua, item, protocol)?, true)?;
            }
            named(lua, "set", Value::Table(table))?
        }
        Decoded::Double(number) => named(lua, "double", Value::Number(*number))?,
        Decoded::Boolean(value) => Value::Boolean(*value),
        Decoded::BigNumber(digits) => named(lua, "big_number", bytes(digits))?,
        Decoded::Verbatim { format, text } => {
            let table = lua.create_table_with_capacity(0, 2)?;
            table.raw_set("format", bytes(format))?;
            table.raw_set("string", bytes(text))?;
            named(lua, "verbatim_string", Value::Table(table))?
        }
        Decoded::Attribute { value, .. } => to_lua(lua, value, protocol)?,
    })
}

/// Bytes on their way into Lua, which costs UTF-8 no handle.
pub fn bytes(bytes: &[u8]) -> impl IntoLua {
    match str::from_utf8(bytes) {
        Ok(text) => Either::Left(text),
        Err(_) => Either::Right(LuaString::wrap(bytes)),
    }
}

fn named(lua: &Lua, name: &str, value: impl IntoLua) -> mlua::Result<Value> {
    let table = lua.create_table_with_capacity(0, 1)?;
    table.raw_set(name, value)?;
    Ok(Value::Table(table))
}

/// An error line always has a code.
fn with_code(line: &[u8]) -> Vec<u8> {
    match line.contains(&b' ') {
        true => line.to_vec(),
        false => [b"ERR ", line].concat(),
    }
}

/// A number as an argument of a command: an integer wherever it is one, as the text may be used
/// where exponents are not understood.
pub fn push_number(out: &mut Vec<u8>, number: f64) {
    let whole = number as i64;
    // Doubles beyond 2^63 saturate, and are printed as what they are.
    if whole as f64 == number && number.abs() < 9.2e18 {
        push_i64(out, whole);
    } else if number.is_nan() {
        out.extend_from_slice(match number.is_sign_negative() {
            true => b"-nan",
            false => b"nan",
        });
    } else {
        out.extend_from_slice(&format_f64(number));
    }
}

/// A table that is being written.
struct Level {
    kind: Kind,
    mark: Mark,
    count: usize,
}

enum Kind {
    Array(Table),
    /// Its last key, and the value of that key until it is written.
    Map(Table, Value, Option<Value>),
    Set(Table, Value),
}

/// Writes what a script returned, which is no error. `protocol` is the script's own; `spends` is
/// called for each value. Ends early when more than `bytes_max` wait to be sent: a small table may
/// hold the same thing many times.
///
/// # Errors
/// Lua is out of memory, the reply is too long, or `spends` has failed.
pub fn to_reply(
    words: &Words,
    value: Value,
    protocol: Protocol,
    bytes_max: usize,
    reply: &mut Reply<'_>,
    spends: &mut dyn FnMut() -> mlua::Result<()>,
) -> mlua::Result<()> {
    let before = reply.outbox().checkpoint();
    let mut levels: Vec<Level> = Vec::new();
    let mut next = Some(value);
    loop {
        if let Some(value) = next.take() {
            spends()?;
            if reply.outbox().len_since(before) > BYTES_MAX {
                return Err(errors::bare("the reply is too long"));
            }
            match value {
                Value::Table(_) if levels.len() >= DEPTH_MAX => {
                    reply.error("ERR reached lua stack limit");
                }
                Value::Table(table) => levels.extend(open(words, table, reply)?),
                value => scalar(&value, protocol, reply),
            }
        }
        if reply.outbox().len() > bytes_max {
            return Ok(());
        }
        let Some(level) = levels.last_mut() else {
            return Ok(());
        };
        next = step(words, &mut level.kind, level.count)?;
        match next {
            Some(_) => level.count += 1,
            None => {
                if let Some(level) = levels.pop() {
                    close(level, reply);
                }
            }
        }
    }
}

/// The next value of a table that is being written.
fn step(words: &Words, kind: &mut Kind, count: usize) -> mlua::Result<Option<Value>> {
    let item = match kind {
        Kind::Array(table) => table.raw_get(count + 1)?,
        Kind::Map(_, _, value @ Some(_)) => return Ok(value.take()),
        Kind::Map(table, last, value) => {
            let (key, found): (Value, Value) = words.next.call((&*table, &*last))?;
            *last = key.clone();
            *value = Some(found);
            key
        }
        Kind::Set(table, last) => {
            *last = words.next.call((&*table, &*last))?;
            last.clone()
        }
    };
    Ok((!item.is_nil()).then_some(item))
}

fn close(level: Level, reply: &mut Reply<'_>) {
    match level.kind {
        Kind::Array(_) => reply.end_array(level.mark, level.count),
        Kind::Map(..) => reply.end_map(level.mark, level.count / 2),
        Kind::Set(..) => reply.end_set(level.mark, level.count),
    }
}

/// Writes a table that stands for one value, or begins a collection.
fn open(words: &Words, table: Table, reply: &mut Reply<'_>) -> mlua::Result<Option<Level>> {
    if let Some(line) = error_of(words, &table)? {
        reply.error_bytes(&line);
        return Ok(None);
    }
    if let Value::String(text) = table.raw_get(&words.ok)? {
        reply.raw(b"+");
        reply.raw(&one_line(&text));
        reply.raw(b"\r\n");
        return Ok(None);
    }
    match table.raw_get(&words.double)? {
        Value::Number(number) => {
            reply.double(number);
            return Ok(None);
        }
        Value::Integer(number) => {
            reply.double(number as f64);
            return Ok(None);
        }
        _ => {}
    }
    if let Value::String(digits) = table.raw_get(&words.big_number)? {
        reply.big_number(&one_line(&digits));
        return Ok(None);
    }
    if let Value::Table(verbatim) = table.raw_get(&words.verbatim)?
        && let Value::String(format) = verbatim.raw_get("format")?
        && let Value::String(text) = verbatim.raw_get("string")?
    {
        let mut short = *b"   ";
        for (to, from) in short.iter_mut().zip(format.as_bytes().iter()) {
            *to = *from;
        }
        reply.verbatim(&short, &text.as_bytes());
        return Ok(None);
    }
    if let Value::Table(map) = table.raw_get(&words.map)? {
        return Ok(Some(Level {
            kind: Kind::Map(map, Value::Nil, None),
            mark: reply.begin_map(),
            count: 0,
        }));
    }
    if let Value::Table(set) = table.raw_get(&words.set)? {
        return Ok(Some(Level {
            kind: Kind::Set(set, Value::Nil),
            mark: reply.begin_set(),
            count: 0,
        }));
    }
    Ok(Some(Level {
        kind: Kind::Array(table),
        mark: reply.begin_array(),
        count: 0,
    }))
}

/// The error line of a table that stands for an error.
///
/// # Errors
/// Lua is out of memory.
pub fn error_of(words: &Words, table: &Table) -> mlua::Result<Option<Vec<u8>>> {
    match table.raw_get(&words.err)? {
        Value::String(line) => Ok(Some(line.as_bytes().to_vec())),
        _ => Ok(None),
    }
}

/// The text up to its first zero byte, without line ends.
fn one_line(text: &LuaString) -> Vec<u8> {
    let text = text.as_bytes();
    let text = text.iter().take_while(|byte| **byte != 0);
    let is_line_end = |byte: u8| matches!(byte, b'\r' | b'\n');
    text.map(|byte| if is_line_end(*byte) { b' ' } else { *byte })
        .collect()
}

fn scalar(value: &Value, protocol: Protocol, reply: &mut Reply<'_>) {
    match value {
        Value::String(text) => reply.bulk(&text.as_bytes()),
        Value::Integer(number) => reply.int(*number),
        Value::Number(number) => reply.int(truncated(*number)),
        Value::Boolean(value) if protocol == Protocol::Resp3 => reply.boolean(*value),
        Value::Boolean(true) => reply.int(1),
        _ => reply.null(),
    }
}

/// A double as C's conversion to a 64-bit integer gives it on common processors.
pub fn truncated(number: f64) -> i64 {
    match (-9.223_372_036_854_776e18..9.223_372_036_854_776e18).contains(&number) {
        true => number as i64,
        false => i64::MIN,
    }
}
