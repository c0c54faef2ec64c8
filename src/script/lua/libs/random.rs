//! `math.random`: Redis's own generator, so that a script draws the same numbers everywhere.
//!
//! It is `drand48`'s: x = x * 0x5DEECE66D + 11 modulo 2^48, of which the upper 31 bits are used.

use std::rc::Rc;

use mlua::{Lua, MultiValue, Table};

use super::super::Desk;
use super::super::api::with_desk;
use super::super::errors;
use super::super::strings::number;
use super::to_int;

/// The state before anybody seeded it.
pub const FIRST: u64 = 0x1234_abcd_330e;

const MASK: u64 = (1 << 48) - 1;
const DRAWS: u64 = (1 << 31) - 1;

/// `random` and `randomseed`.
pub fn table(lua: &Lua, desk: &Rc<Desk>) -> mlua::Result<Table> {
    let math = lua.create_table()?;
    let random = with_desk(lua, desk, |lua, desk, args: MultiValue| {
        let state = desk.random.get();
        let state = state.wrapping_mul(0x5_deec_e66d).wrapping_add(11) & MASK;
        desk.random.set(state);
        draw(lua, ((state >> 17) % DRAWS) as f64 / DRAWS as f64, &args)
    })?;
    math.raw_set("random", random)?;
    let seed = with_desk(lua, desk, |lua, desk, args: MultiValue| {
        let seed = to_int(number(lua, &args, 0, 0, "randomseed")?);
        desk.random
            .set(((u64::from(seed as u32) << 16) | 0x330e) & MASK);
        Ok(())
    })?;
    math.raw_set("randomseed", seed)?;
    Ok(math)
}

fn draw(lua: &Lua, unit: f64, args: &MultiValue) -> mlua::Result<f64> {
    let empty = |index| errors::argument(lua, index, "random", "interval is empty");
    match args.len() {
        0 => Ok(unit),
        1 => {
            let upper = to_int(number(lua, args, 0, 0, "random")?);
            match upper >= 1 {
                true => Ok((unit * f64::from(upper)).floor() + 1.0),
                false => Err(empty(1)),
            }
        }
        2 => {
            let lower = to_int(number(lua, args, 0, 0, "random")?);
            let upper = to_int(number(lua, args, 1, 1, "random")?);
            let width = f64::from(upper) - f64::from(lower) + 1.0;
            match lower <= upper {
                true => Ok((unit * width).floor() + f64::from(lower)),
                false => Err(empty(2)),
            }
        }
        _ => Err(errors::text(lua, "wrong number of arguments")),
    }
}
