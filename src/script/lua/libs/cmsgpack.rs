//! `cmsgpack`: MessagePack, written. Reading is next door.

use std::rc::Rc;

use mlua::{Lua, LuaString, MultiValue, Table, Value};

use super::super::api::with_desk;
use super::super::errors;
use super::super::{Desk, VALUE_WORK};
use super::cmsgpack_decode;
use super::plain_number;

/// Tables inside of each other; those below are written as nil.
const NESTING_MAX: usize = 16;

/// The longest result.
const BYTES_MAX: usize = 512 << 20;

/// The functions.
pub fn table(lua: &Lua, desk: &Rc<Desk>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("_NAME", "cmsgpack")?;
    table.raw_set("_VERSION", "lua-cmsgpack 0.4.0")?;
    table.raw_set("_COPYRIGHT", "kvd")?;
    table.raw_set("_DESCRIPTION", "MessagePack for Lua")?;
    let pack = with_desk(lua, desk, |lua, desk, args| pack(lua, desk, &args))?;
    table.raw_set("pack", pack)?;
    cmsgpack_decode::install(lua, desk, &table)?;
    Ok(table)
}

fn pack(lua: &Lua, desk: &Rc<Desk>, args: &MultiValue) -> mlua::Result<LuaString> {
    if args.is_empty() {
        let line = "MessagePack pack needs input.";
        return Err(errors::argument(lua, 0, "pack", line));
    }
    let mut packer = Packer {
        lua,
        desk,
        out: Vec::new(),
    };
    for value in args {
        packer.value(value, 0)?;
    }
    lua.create_string(&packer.out)
}

struct Packer<'a> {
    lua: &'a Lua,
    desk: &'a Rc<Desk>,
    out: Vec<u8>,
}

impl Packer<'_> {
    fn value(&mut self, value: &Value, level: usize) -> mlua::Result<()> {
        self.desk.spend(self.lua, VALUE_WORK)?;
        let out = &mut self.out;
        match value {
            Value::String(text) => push_bytes(out, &text.as_bytes()),
            Value::Boolean(value) => out.push(if *value { 0xc3 } else { 0xc2 }),
            Value::Integer(_) | Value::Number(_) => {
                push_number(out, plain_number(value).unwrap_or_default());
            }
            Value::Table(table) if level < NESTING_MAX => self.table(table, level)?,
            _ => out.push(0xc0),
        }
        match self.out.len() <= BYTES_MAX {
            true => Ok(()),
            false => Err(errors::bare("not enough memory")),
        }
    }

    fn table(&mut self, table: &Table, level: usize) -> mlua::Result<()> {
        let (count, is_array) = shape(table)?;
        if is_array {
            push_len(&mut self.out, count, (0x90, 16), (None, 0xdc, 0xdd));
            for at in 1..=count {
                let item: Value = table.raw_get(at)?;
                self.value(&item, level + 1)?;
            }
            return Ok(());
        }
        push_len(&mut self.out, count, (0x80, 16), (None, 0xde, 0xdf));
        for pair in table.pairs::<Value, Value>() {
            let (key, value) = pair?;
            self.value(&key, level + 1)?;
            self.value(&value, level + 1)?;
        }
        Ok(())
    }
}

/// How many values a table has, and whether it is an array.
fn shape(table: &Table) -> mlua::Result<(usize, bool)> {
    let (mut count, mut max, mut is_array) = (0_usize, 0.0_f64, true);
    for pair in table.pairs::<Value, Value>() {
        let (key, _) = pair?;
        count += 1;
        match plain_number(&key) {
            Some(index) if index > 0.0 && f64::from(index as i32) == index => {
                max = max.max(index);
            }
            _ => is_array = false,
        }
    }
    Ok((count, is_array && max == count as f64))
}

/// A length behind its mark, in as few bytes as hold it: the mark of those below 2^4 or 2^5, of 8
/// bits where there are such, of 16 and of 32.
fn push_len(out: &mut Vec<u8>, len: usize, fix: (u8, usize), marks: (Option<u8>, u8, u8)) {
    if len < fix.1 {
        out.push(fix.0 | len as u8);
    } else if let (Some(mark), true) = (marks.0, len <= 0xff) {
        out.extend_from_slice(&[mark, len as u8]);
    } else if len <= 0xffff {
        out.push(marks.1);
        out.extend_from_slice(&(len as u16).to_be_bytes());
    } else {
        out.push(marks.2);
        out.extend_from_slice(&(len as u32).to_be_bytes());
    }
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_len(out, bytes.len(), (0xa0, 32), (Some(0xd9), 0xda, 0xdb));
    out.extend_from_slice(bytes);
}

/// An integer wherever the number is one, else the shorter floating-point number that holds it.
fn push_number(out: &mut Vec<u8>, number: f64) {
    let whole = number as i64;
    if whole as f64 == number && whole != i64::MAX {
        return push_integer(out, whole);
    }
    let short = number as f32;
    if f64::from(short) == number {
        out.push(0xca);
        out.extend_from_slice(&short.to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

fn push_integer(out: &mut Vec<u8>, number: i64) {
    let bytes = number.to_be_bytes();
    let (mark, len) = match number {
        -32..=0x7f => return out.push(number as u8),
        0x80..=0xff => (0xcc, 1),
        0x100..=0xffff => (0xcd, 2),
        0x1_0000..=0xffff_ffff => (0xce, 4),
        0x1_0000_0000.. => (0xcf, 8),
        -0x80.. => (0xd0, 1),
        -0x8000.. => (0xd1, 2),
        -0x8000_0000.. => (0xd2, 4),
        _ => (0xd3, 8),
    };
    out.push(mark);
    out.extend_from_slice(&bytes[8 - len..]);
}
