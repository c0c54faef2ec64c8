//! `bit`: operations on 32 bits.

use mlua::{Lua, MultiValue, Table};

use super::super::strings::number;

type Unary = fn(u32) -> u32;
type Binary = fn(u32, u32) -> u32;

/// Adding it to a double leaves the low 32 bits of its integer in the low bits of the sum: how the
/// library rounds numbers that are no integers, or wider than 32 bits.
const ROUNDING: f64 = 6_755_399_441_055_744.0;

/// The functions.
pub fn table(lua: &Lua) -> mlua::Result<Table> {
    let bit = lua.create_table()?;
    let unary: [(&'static str, Unary); 3] = [
        ("tobit", |bits| bits),
        ("bnot", |bits| !bits),
        ("bswap", u32::swap_bytes),
    ];
    for (name, operation) in unary {
        let function = lua.create_function(move |lua, args: MultiValue| {
            Ok(signed(operation(bits(lua, &args, 0, name)?)))
        })?;
        bit.raw_set(name, function)?;
    }
    let folds: [(&'static str, Binary); 3] = [
        ("band", |a, b| a & b),
        ("bor", |a, b| a | b),
        ("bxor", |a, b| a ^ b),
    ];
    for (name, operation) in folds {
        let function = lua.create_function(move |lua, args: MultiValue| {
            let mut folded = bits(lua, &args, 0, name)?;
            for at in 1..args.len() {
                folded = operation(folded, bits(lua, &args, at, name)?);
            }
            Ok(signed(folded))
        })?;
        bit.raw_set(name, function)?;
    }
    let shifts: [(&'static str, Binary); 5] = [
        ("lshift", |bits, by| bits << by),
        ("rshift", |bits, by| bits >> by),
        ("arshift", |bits, by| ((bits as i32) >> by) as u32),
        ("rol", u32::rotate_left),
        ("ror", u32::rotate_right),
    ];
    for (name, operation) in shifts {
        let function = lua.create_function(move |lua, args: MultiValue| {
            let shifted = bits(lua, &args, 0, name)?;
            let by = bits(lua, &args, 1, name)? & 31;
            Ok(signed(operation(shifted, by)))
        })?;
        bit.raw_set(name, function)?;
    }
    bit.raw_set("tohex", lua.create_function(|lua, args| tohex(lua, &args))?)?;
    Ok(bit)
}

fn signed(bits: u32) -> f64 {
    f64::from(bits as i32)
}

fn bits(lua: &Lua, args: &MultiValue, at: usize, name: &str) -> mlua::Result<u32> {
    let number = number(lua, args, at, at, name)?;
    Ok((number + ROUNDING).to_bits() as u32)
}

/// The last digits, as many as asked for; of a negative number of them in upper case.
fn tohex(lua: &Lua, args: &MultiValue) -> mlua::Result<String> {
    let bits_of = bits(lua, args, 0, "tohex")?;
    let count = match args.get(1) {
        None => 8,
        Some(_) => bits(lua, args, 1, "tohex")? as i32,
    };
    let text = match count < 0 {
        true => format!("{bits_of:08X}"),
        false => format!("{bits_of:08x}"),
    };
    let shown = count.unsigned_abs().min(8) as usize;
    Ok(text.get(8 - shown..).unwrap_or_default().to_owned())
}
