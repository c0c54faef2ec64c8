//! The libraries that Redis adds to Lua: `bit`, `cjson`, `cmsgpack`, `struct`, and the parts of
//! `os` and `math` that scripts have. Redis's are C that reads and writes buffers by hand; these
//! follow them in what they answer, not in how.

mod bit;
mod cjson;
mod cjson_decode;
mod cmsgpack;
mod cmsgpack_decode;
pub mod number;
mod packing;
pub mod random;

use std::rc::Rc;

use mlua::{Lua, Table, Value};

use super::api::with_desk;
use super::convert::truncated;
use super::{Answer, Desk, Order};

/// Makes the tables of the libraries.
pub fn install(lua: &Lua, desk: &Rc<Desk>, native: &Table) -> mlua::Result<()> {
    let os = lua.create_table()?;
    let clock = with_desk(lua, desk, |_, desk, ()| {
        desk.carry_out(Order::Clock);
        Ok(match desk.take_answer() {
            Answer::Clock(us) => us as f64 / 1e6,
            _ => 0.0,
        })
    })?;
    os.raw_set("clock", clock)?;
    native.raw_set("os", os)?;
    native.raw_set("math", random::table(lua, desk)?)?;
    native.raw_set("bit", bit::table(lua)?)?;
    native.raw_set("cjson", cjson::table(lua, desk)?)?;
    native.raw_set("cmsgpack", cmsgpack::table(lua, desk)?)?;
    native.raw_set("struct", packing::table(lua)?)
}

/// A number of a script, if the value is one (strings are not).
pub fn plain_number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Number(number) => Some(*number),
        _ => None,
    }
}

/// What C's `int` arguments make of a double: the low half of a 64-bit integer, whose lowest value
/// stands for all that it cannot hold.
fn to_int(number: f64) -> i32 {
    truncated(number) as i32
}
