//! `cmsgpack.unpack` and its like: MessagePack, read.

use std::rc::Rc;

use mlua::{Lua, MultiValue, Table, Value};

use super::super::api::with_desk;
use super::super::errors;
use super::super::strings::{number, text};
use super::super::{Desk, VALUE_WORK};

/// Collections inside of each other: each is one level of recursion.
const NESTING_MAX: usize = 1_000;

/// Values that one call returns: what Lua takes from a function.
const RESULTS_MAX: usize = 7_000;

/// What is wrong with the bytes.
enum Wrong {
    Missing,
    Format,
    Nesting,
    Lua(mlua::Error),
}

impl From<mlua::Error> for Wrong {
    fn from(error: mlua::Error) -> Wrong {
        Wrong::Lua(error)
    }
}

/// Installs the functions that read.
pub fn install(lua: &Lua, desk: &Rc<Desk>, table: &Table) -> mlua::Result<()> {
    let all = with_desk(lua, desk, |lua, desk, args: MultiValue| {
        unpack(lua, desk, &args, "unpack", (None, 0.0))
    })?;
    table.raw_set("unpack", all)?;
    let one = with_desk(lua, desk, |lua, desk, args: MultiValue| {
        let offset = optional(lua, &args, 1, "unpack_one")?;
        unpack(lua, desk, &args, "unpack_one", (Some(1.0), offset))
    })?;
    table.raw_set("unpack_one", one)?;
    let limited = with_desk(lua, desk, |lua, desk, args: MultiValue| {
        let limit = number(lua, &args, 1, 1, "unpack_limit")?;
        let offset = optional(lua, &args, 2, "unpack_limit")?;
        unpack(lua, desk, &args, "unpack_limit", (Some(limit), offset))
    })?;
    table.raw_set("unpack_limit", limited)
}

fn optional(lua: &Lua, args: &MultiValue, at: usize, name: &str) -> mlua::Result<f64> {
    match args.get(at) {
        None | Some(Value::Nil) => Ok(0.0),
        Some(_) => number(lua, args, at, at, name),
    }
}

/// Reads values from an offset on; with a limit the offset behind them comes first, -1 at the end.
fn unpack(
    lua: &Lua,
    desk: &Rc<Desk>,
    args: &MultiValue,
    name: &str,
    (limit, offset): (Option<f64>, f64),
) -> mlua::Result<MultiValue> {
    let data = text(lua, args, 0, name)?;
    let data = data.as_bytes();
    let (limit, offset) = (limit.map(f64::trunc), offset.trunc());
    if offset < 0.0 || limit.is_some_and(|limit| limit < 0.0) {
        let len = data.len();
        let line = format!("Invalid request to unpack with offset of {offset} and limit of {len}.");
        return Err(errors::text(lua, line));
    }
    if offset > data.len() as f64 {
        let len = data.len();
        let line = format!("Start offset {offset} greater than input length {len}.");
        return Err(errors::text(lua, line));
    }
    // A limit and an offset of 0 are none.
    let limit = limit.filter(|limit| *limit > 0.0 || offset > 0.0);
    let count_max = limit.unwrap_or(f64::from(i32::MAX));
    let mut reader = Reader {
        lua,
        desk,
        rest: data.get(offset as usize..).unwrap_or_default(),
        depth: 0,
    };
    let mut values = MultiValue::new();
    while !reader.rest.is_empty() && (values.len() as f64) < count_max {
        if values.len() >= RESULTS_MAX {
            let line = "too many return values at once; use unpack_one or unpack_limit instead.";
            return Err(errors::text(lua, format!("stack overflow ({line})")));
        }
        values.push_back(reader.value().map_err(|wrong| match wrong {
            Wrong::Missing => errors::text(lua, "Missing bytes in input."),
            Wrong::Format => errors::text(lua, "Bad data format in input."),
            Wrong::Nesting => errors::text(lua, "Too many nested values in input."),
            Wrong::Lua(error) => error,
        })?);
    }
    if limit.is_some() {
        let next = match reader.rest.len() {
            0 => -1.0,
            left => (data.len() - left) as f64,
        };
        values.push_front(Value::Number(next));
    }
    Ok(values)
}

struct Reader<'a> {
    lua: &'a Lua,
    desk: &'a Rc<Desk>,
    rest: &'a [u8],
    depth: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Wrong> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Wrong::Missing)?;
        self.rest = rest;
        Ok(taken)
    }

    /// An unsigned number of so many bytes.
    fn unsigned(&mut self, count: usize) -> Result<u64, Wrong> {
        let bytes = self.take(count)?;
        Ok(bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)))
    }

    fn signed(&mut self, count: usize) -> Result<Value, Wrong> {
        let unused = 64 - 8 * count as u32;
        let bits = self.unsigned(count)? << unused;
        Ok(Value::Number(((bits as i64) >> unused) as f64))
    }

    fn value(&mut self) -> Result<Value, Wrong> {
        self.desk.spend(self.lua, VALUE_WORK)?;
        let mark = self.take(1)?[0];
        Ok(match mark {
            0xc0 => Value::Nil,
            0xc2 => Value::Boolean(false),
            0xc3 => Value::Boolean(true),
            0xca => Value::Number(f64::from(f32::from_bits(self.unsigned(4)? as u32))),
            0xcb => Value::Number(f64::from_bits(self.unsigned(8)?)),
            0xcc..=0xcf => Value::Number(self.unsigned(1 << (mark - 0xcc))? as f64),
            0xd0..=0xd3 => self.signed(1 << (mark - 0xd0))?,
            0xd9..=0xdb => {
                let len = self.unsigned(1 << (mark - 0xd9))?;
                self.string(len)?
            }
            0xdc | 0xdd => {
                let len = self.unsigned(2 << (mark - 0xdc))?;
                self.array(len)?
            }
            0xde | 0xdf => {
                let len = self.unsigned(2 << (mark - 0xde))?;
                self.map(len)?
            }
            0..=0x7f => Value::Number(f64::from(mark)),
            0xe0..=0xff => Value::Number(f64::from(mark as i8)),
            0xa0..=0xbf => self.string(u64::from(mark & 0x1f))?,
            0x90..=0x9f => self.array(u64::from(mark & 0xf))?,
            0x80..=0x8f => self.map(u64::from(mark & 0xf))?,
            _ => return Err(Wrong::Format),
        })
    }

    fn string(&mut self, len: u64) -> Result<Value, Wrong> {
        let bytes = self.take(usize::try_from(len).map_err(|_| Wrong::Missing)?)?;
        Ok(Value::String(self.lua.create_string(bytes)?))
    }

    fn descend(&mut self) -> Result<(), Wrong> {
        self.depth += 1;
        match self.depth <= NESTING_MAX {
            true => Ok(()),
            false => Err(Wrong::Nesting),
        }
    }

    /// Each element takes a byte at least, so an announced length costs nothing.
    fn array(&mut self, len: u64) -> Result<Value, Wrong> {
        self.descend()?;
        let table = self.lua.create_table()?;
        for at in 1..=len {
            let value = self.value()?;
            table.raw_set(at, value)?;
        }
        self.depth -= 1;
        Ok(Value::Table(table))
    }

    fn map(&mut self, len: u64) -> Result<Value, Wrong> {
        self.descend()?;
        let table = self.lua.create_table()?;
        for _ in 0..len {
            let key = self.value()?;
            let value = self.value()?;
            if key.is_nil() || matches!(&key, Value::Number(number) if number.is_nan()) {
                return Err(Wrong::Format);
            }
            table.raw_set(key, value)?;
        }
        self.depth -= 1;
        Ok(Value::Table(table))
    }
}
