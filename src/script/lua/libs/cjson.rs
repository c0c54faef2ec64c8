//! `cjson`: JSON, written. Reading is next door.

use std::cell::RefCell;
use std::rc::Rc;

use mlua::{Lua, LuaString, MultiValue, Table, Value};

use super::super::api::with_desk;
use super::super::errors;
use super::super::strings::number;
use super::super::{Desk, VALUE_WORK};
use super::cjson_decode::decode;
use super::number::push_g;
use super::{plain_number, to_int};

/// Tables inside of each other, whatever a script configures: each is one level of recursion.
pub const DEPTH_MAX: usize = 1_000;

/// The longest text.
const BYTES_MAX: usize = 512 << 20;

/// What is done with numbers that JSON does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Invalid {
    Refused,
    Written,
    Null,
}

/// What a script can configure; each `cjson.new()` has its own.
#[derive(Clone, Debug)]
pub struct Settings {
    sparse_convert: bool,
    sparse_ratio: i32,
    sparse_safe: i32,
    encode_depth: i32,
    /// Nested values that are read.
    pub decode_depth: i32,
    encode_invalid: Invalid,
    /// Whether numbers that JSON does not have are read.
    pub decode_invalid: bool,
    keep_buffer: bool,
    precision: i32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            sparse_convert: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_depth: DEPTH_MAX as i32,
            decode_depth: DEPTH_MAX as i32,
            encode_invalid: Invalid::Refused,
            decode_invalid: true,
            keep_buffer: true,
            precision: 14,
        }
    }
}

type Shared = Rc<RefCell<Settings>>;

/// The functions, with settings of their own.
pub fn table(lua: &Lua, desk: &Rc<Desk>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let settings = Shared::default();
    table.raw_set("_NAME", "cjson")?;
    table.raw_set("_VERSION", "2.1.0")?;
    table.raw_set("null", Value::NULL)?;
    let shared = Rc::clone(&settings);
    let encode = with_desk(lua, desk, move |lua, desk, args: MultiValue| {
        let (Some(value), 1) = (args.front(), args.len()) else {
            return Err(errors::argument(lua, 1, "encode", "expected 1 argument"));
        };
        encode(lua, desk, &shared.borrow(), value)
    })?;
    table.raw_set("encode", encode)?;
    let shared = Rc::clone(&settings);
    let decode = with_desk(lua, desk, move |lua, desk, args: MultiValue| {
        decode(lua, desk, &shared.borrow(), &args)
    })?;
    table.raw_set("decode", decode)?;
    let new = with_desk(lua, desk, |lua, desk, ()| table_again(lua, desk))?;
    table.raw_set("new", new)?;
    configuration(lua, &settings, &table)?;
    Ok(table)
}

fn table_again(lua: &Lua, desk: &Rc<Desk>) -> mlua::Result<Table> {
    table(lua, desk)
}

fn configuration(lua: &Lua, settings: &Shared, table: &Table) -> mlua::Result<()> {
    type Field = fn(&mut Settings) -> &mut i32;
    let integers: [(&'static str, Field, i32); 3] = [
        ("encode_max_depth", |s| &mut s.encode_depth, i32::MAX),
        ("decode_max_depth", |s| &mut s.decode_depth, i32::MAX),
        ("encode_number_precision", |s| &mut s.precision, 14),
    ];
    for (name, field, max) in integers {
        let shared = Rc::clone(settings);
        let set = lua.create_function(move |lua, args: MultiValue| {
            check_count(lua, name, &args, 1)?;
            integer(
                lua,
                name,
                &args,
                0,
                (1, max),
                field(&mut shared.borrow_mut()),
            )
        })?;
        table.raw_set(name, set)?;
    }
    let name = "encode_sparse_array";
    let shared = Rc::clone(settings);
    let sparse = lua.create_function(move |lua, args: MultiValue| {
        check_count(lua, name, &args, 3)?;
        let settings = &mut *shared.borrow_mut();
        let range = (0, i32::MAX);
        Ok((
            switch(lua, name, &args, &mut settings.sparse_convert)?,
            integer(lua, name, &args, 1, range, &mut settings.sparse_ratio)?,
            integer(lua, name, &args, 2, range, &mut settings.sparse_safe)?,
        ))
    })?;
    table.raw_set(name, sparse)?;
    type Flag = fn(&mut Settings) -> &mut bool;
    let switches: [(&'static str, Flag); 2] = [
        ("encode_keep_buffer", |s| &mut s.keep_buffer),
        ("decode_invalid_numbers", |s| &mut s.decode_invalid),
    ];
    for (name, field) in switches {
        let shared = Rc::clone(settings);
        let set = lua.create_function(move |lua, args: MultiValue| {
            check_count(lua, name, &args, 1)?;
            switch(lua, name, &args, field(&mut shared.borrow_mut()))
        })?;
        table.raw_set(name, set)?;
    }
    let shared = Rc::clone(settings);
    let invalid = lua.create_function(move |lua, args: MultiValue| {
        encode_invalid_numbers(lua, &args, &mut shared.borrow_mut())
    })?;
    table.raw_set("encode_invalid_numbers", invalid)
}

fn check_count(lua: &Lua, name: &str, args: &MultiValue, max: usize) -> mlua::Result<()> {
    match args.len() <= max {
        true => Ok(()),
        false => {
            let line = "found too many arguments";
            Err(errors::argument(lua, max + 1, name, line))
        }
    }
}

fn integer(
    lua: &Lua,
    name: &str,
    args: &MultiValue,
    at: usize,
    (min, max): (i32, i32),
    field: &mut i32,
) -> mlua::Result<i32> {
    if args.get(at).is_some_and(|value| !value.is_nil()) {
        let value = to_int(number(lua, args, at, at, name)?);
        if !(min..=max).contains(&value) {
            let line = format!("expected integer between {min} and {max}");
            return Err(errors::argument(lua, 1, name, &line));
        }
        *field = value;
    }
    Ok(*field)
}

fn switch(lua: &Lua, name: &str, args: &MultiValue, field: &mut bool) -> mlua::Result<bool> {
    match args.front() {
        None | Some(Value::Nil) => {}
        Some(Value::Boolean(value)) => *field = *value,
        Some(_) => *field = option(lua, name, args, &["off", "on"])? == 1,
    }
    Ok(*field)
}

/// Which of the words the first argument is.
fn option(lua: &Lua, name: &str, args: &MultiValue, words: &[&str]) -> mlua::Result<usize> {
    let word = super::super::strings::text(lua, args, 0, name)?;
    let word = word.to_string_lossy();
    match words.iter().position(|known| *known == word) {
        Some(at) => Ok(at),
        None => {
            let line = format!("invalid option '{word}'");
            Err(errors::argument(lua, 1, name, &line))
        }
    }
}

fn encode_invalid_numbers(
    lua: &Lua,
    args: &MultiValue,
    settings: &mut Settings,
) -> mlua::Result<Value> {
    let name = "encode_invalid_numbers";
    check_count(lua, name, args, 1)?;
    match args.front() {
        None | Some(Value::Nil) => {}
        Some(Value::Boolean(true)) => settings.encode_invalid = Invalid::Written,
        Some(Value::Boolean(false)) => settings.encode_invalid = Invalid::Refused,
        Some(_) => {
            settings.encode_invalid = match option(lua, name, args, &["off", "on", "null"])? {
                0 => Invalid::Refused,
                1 => Invalid::Written,
                _ => Invalid::Null,
            };
        }
    }
    Ok(match settings.encode_invalid {
        Invalid::Refused => Value::Boolean(false),
        Invalid::Written => Value::Boolean(true),
        Invalid::Null => Value::String(lua.create_string("null")?),
    })
}

/// A value as JSON.
fn encode(
    lua: &Lua,
    desk: &Rc<Desk>,
    settings: &Settings,
    value: &Value,
) -> mlua::Result<LuaString> {
    let mut encoder = Encoder {
        lua,
        desk,
        settings,
        out: Vec::new(),
    };
    encoder.value(value, 0)?;
    lua.create_string(&encoder.out)
}

struct Encoder<'a> {
    lua: &'a Lua,
    desk: &'a Rc<Desk>,
    settings: &'a Settings,
    out: Vec<u8>,
}

impl Encoder<'_> {
    #[cold]
    fn refuse(&self, value: &Value, reason: &str) -> mlua::Error {
        let kind = match value {
            Value::LightUserData(_) => "userdata",
            value => errors::type_name(value),
        };
        errors::text(self.lua, format!("Cannot serialise {kind}: {reason}"))
    }

    fn value(&mut self, value: &Value, depth: usize) -> mlua::Result<()> {
        self.desk.spend(self.lua, VALUE_WORK)?;
        match value {
            Value::String(text) => self.string(&text.as_bytes()),
            Value::Integer(_) | Value::Number(_) => self.number(value)?,
            Value::Boolean(true) => self.out.extend_from_slice(b"true"),
            Value::Boolean(false) => self.out.extend_from_slice(b"false"),
            Value::Table(table) => self.table(value, table, depth + 1)?,
            Value::Nil => self.out.extend_from_slice(b"null"),
            value if *value == Value::NULL => self.out.extend_from_slice(b"null"),
            value => return Err(self.refuse(value, "type not supported")),
        }
        match self.out.len() <= BYTES_MAX {
            true => Ok(()),
            false => Err(errors::bare("not enough memory")),
        }
    }

    fn table(&mut self, value: &Value, table: &Table, depth: usize) -> mlua::Result<()> {
        let allowed = (self.settings.encode_depth as usize).min(DEPTH_MAX);
        if depth > allowed {
            let line = format!("Cannot serialise, excessive nesting ({depth})");
            return Err(errors::text(self.lua, line));
        }
        match self.array_len(value, table)? {
            Some(len) if len > 0 => self.array(table, len, depth),
            _ => self.object(table, depth),
        }
    }

    /// The length of a table that is an array.
    fn array_len(&self, value: &Value, table: &Table) -> mlua::Result<Option<usize>> {
        let (mut max, mut items) = (0_i64, 0_i64);
        for pair in table.pairs::<Value, Value>() {
            let (key, _) = pair?;
            match plain_number(&key) {
                Some(index) if index.floor() == index && index >= 1.0 => {
                    max = max.max((index as i64).min(i64::from(i32::MAX)));
                    items += 1;
                }
                _ => return Ok(None),
            }
        }
        let ratio = i64::from(self.settings.sparse_ratio);
        let is_sparse = ratio > 0 && max > items * ratio;
        if is_sparse && max > i64::from(self.settings.sparse_safe) {
            return match self.settings.sparse_convert {
                true => Ok(None),
                false => Err(self.refuse(value, "excessively sparse array")),
            };
        }
        Ok(Some(max as usize))
    }

    fn array(&mut self, table: &Table, len: usize, depth: usize) -> mlua::Result<()> {
        self.out.push(b'[');
        for at in 1..=len {
            if at > 1 {
                self.out.push(b',');
            }
            let item: Value = table.raw_get(at)?;
            self.value(&item, depth)?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, table: &Table, depth: usize) -> mlua::Result<()> {
        self.out.push(b'{');
        let mut is_first = true;
        for pair in table.pairs::<Value, Value>() {
            let (key, value) = pair?;
            if !std::mem::take(&mut is_first) {
                self.out.push(b',');
            }
            match &key {
                Value::String(text) => self.string(&text.as_bytes()),
                Value::Integer(_) | Value::Number(_) => {
                    self.out.push(b'"');
                    self.number(&key)?;
                    self.out.push(b'"');
                }
                key => {
                    return Err(self.refuse(key, "table key must be a number or string"));
                }
            }
            self.out.push(b':');
            self.value(&value, depth)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn number(&mut self, value: &Value) -> mlua::Result<()> {
        let number = plain_number(value).unwrap_or_default();
        if !number.is_finite() {
            match self.settings.encode_invalid {
                Invalid::Refused => return Err(self.refuse(value, "must not be NaN or Inf")),
                Invalid::Null => {
                    self.out.extend_from_slice(b"null");
                    return Ok(());
                }
                Invalid::Written if number.is_nan() => {
                    self.out.extend_from_slice(b"nan");
                    return Ok(());
                }
                Invalid::Written => {}
            }
        }
        push_g(&mut self.out, number, self.settings.precision as usize);
        Ok(())
    }

    fn string(&mut self, text: &[u8]) {
        self.out.push(b'"');
        for byte in text {
            let escaped: &[u8] = match byte {
                b'"' => b"\\\"",
                b'\\' => b"\\\\",
                b'/' => b"\\/",
                0x08 => b"\\b",
                b'\t' => b"\\t",
                b'\n' => b"\\n",
                0x0c => b"\\f",
                b'\r' => b"\\r",
                0..=0x1f | 0x7f => {
                    let escaped = format!("\\u{byte:04x}");
                    self.out.extend_from_slice(escaped.as_bytes());
                    continue;
                }
                _ => {
                    self.out.push(*byte);
                    continue;
                }
            };
            self.out.extend_from_slice(escaped);
        }
        self.out.push(b'"');
    }
}
