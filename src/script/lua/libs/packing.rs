//! `struct`: numbers and strings as bytes, by a format.
//!
//! `>` `<` byte order, `!n` alignment, `x` padding, `b` `h` `l` `i`*n* signed and `B` `H` `L` `T`
//! `I`*n* unsigned integers, `f` `d` floating point, `c`*n* and `s` strings. Sizes of a format are
//! checked before anything of that size is touched.

use mlua::{Lua, LuaString, MultiValue, Table, Value};

use super::super::errors;
use super::super::strings::{number, text};
use super::plain_number;

/// The widest integer of a format.
const INTEGER_BYTES_MAX: usize = 32;
/// The alignment that `!` alone stands for.
const ALIGN: usize = 8;
/// The longest result.
const BYTES_MAX: usize = 512 << 20;

/// One item of a format.
struct Item {
    option: u8,
    size: usize,
    /// Bytes to skip before it.
    padding: usize,
}

/// A format that is being read.
struct Format<'a> {
    lua: &'a Lua,
    name: &'static str,
    rest: &'a [u8],
    is_little: bool,
    align: usize,
}

/// The functions.
pub fn table(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("pack", lua.create_function(|lua, args| pack(lua, &args))?)?;
    table.raw_set(
        "unpack",
        lua.create_function(|lua, args| unpack(lua, &args))?,
    )?;
    table.raw_set("size", lua.create_function(|lua, args| size(lua, &args))?)?;
    Ok(table)
}

impl<'a> Format<'a> {
    fn new(lua: &'a Lua, name: &'static str, format: &'a [u8]) -> Format<'a> {
        let end = memchr::memchr(0, format).unwrap_or(format.len());
        Format {
            lua,
            name,
            rest: &format[..end],
            is_little: true,
            align: 1,
        }
    }

    /// The next item, for something that lies at `at`. Controls are obeyed and skipped.
    fn next(&mut self, at: usize) -> mlua::Result<Option<Item>> {
        while let [option, rest @ ..] = self.rest {
            self.rest = rest;
            let size = match option {
                b'B' | b'b' | b'x' => 1,
                b'H' | b'h' => 2,
                b'L' | b'l' | b'T' | b'd' => 8,
                b'f' => 4,
                b'c' => self.number(1)?,
                b's' => 0,
                b'i' | b'I' => match self.number(4)? {
                    size if size > INTEGER_BYTES_MAX => {
                        let limit = INTEGER_BYTES_MAX;
                        let line = format!("integral size {size} is larger than limit of {limit}");
                        return Err(errors::text(self.lua, line));
                    }
                    size => size,
                },
                control => {
                    self.obey(*control)?;
                    continue;
                }
            };
            return Ok(Some(Item {
                option: *option,
                size,
                padding: self.padding(at, *option, size),
            }));
        }
        Ok(None)
    }

    fn padding(&self, at: usize, option: u8, size: usize) -> usize {
        if size == 0 || option == b'c' {
            return 0;
        }
        let size = size.min(self.align);
        size.wrapping_sub(at & (size - 1)) & (size - 1)
    }

    fn obey(&mut self, control: u8) -> mlua::Result<()> {
        match control {
            b' ' => {}
            b'>' => self.is_little = false,
            b'<' => self.is_little = true,
            b'!' => {
                let align = self.number(ALIGN)?;
                if !align.is_power_of_two() {
                    let line = format!("alignment {align} is not a power of 2");
                    return Err(errors::text(self.lua, line));
                }
                self.align = align;
            }
            other => {
                let line = format!("invalid format option '{}'", other as char);
                return Err(errors::argument(self.lua, 1, self.name, &line));
            }
        }
        Ok(())
    }

    /// The number that follows.
    fn number(&mut self, default: usize) -> mlua::Result<usize> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit());
        let count = digits.count();
        if count == 0 {
            return Ok(default);
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        let number = std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| digits.parse::<i32>().ok());
        match number {
            Some(number) => Ok(number as usize),
            None => Err(errors::text(self.lua, "integral size overflow")),
        }
    }

    fn put(&self, out: &mut Vec<u8>, little: &[u8]) {
        match self.is_little {
            true => out.extend_from_slice(little),
            false => out.extend(little.iter().rev()),
        }
    }
}

fn pack(lua: &Lua, args: &MultiValue) -> mlua::Result<LuaString> {
    let format = text(lua, args, 0, "pack")?;
    let format = format.as_bytes();
    let mut format = Format::new(lua, "pack", &format);
    let mut out: Vec<u8> = Vec::new();
    let mut arg = 1;
    while let Some(item) = format.next(out.len())? {
        out.resize(out.len() + item.padding, 0);
        match item.option {
            b'x' => out.push(0),
            b'f' => {
                let value = number(lua, args, arg, arg, "pack")? as f32;
                format.put(&mut out, &value.to_le_bytes());
            }
            b'd' => {
                let value = number(lua, args, arg, arg, "pack")?;
                format.put(&mut out, &value.to_le_bytes());
            }
            b'c' | b's' => {
                let value = text(lua, args, arg, "pack")?;
                let value = value.as_bytes();
                let size = if item.size == 0 {
                    value.len()
                } else {
                    item.size
                };
                let Some(value) = value.get(..size) else {
                    return Err(errors::argument(lua, arg + 2, "pack", "string too short"));
                };
                out.extend_from_slice(value);
                if item.option == b's' {
                    out.push(0);
                }
            }
            _ => {
                let value = integer_bits(number(lua, args, arg, arg, "pack")?);
                let mut wide = [0; INTEGER_BYTES_MAX];
                wide[..8].copy_from_slice(&value.to_le_bytes());
                format.put(&mut out, &wide[..item.size]);
            }
        }
        arg += usize::from(item.option != b'x');
        if out.len() > BYTES_MAX {
            return Err(errors::bare("not enough memory"));
        }
    }
    lua.create_string(&out)
}

/// The 64 bits that C makes of a double on common processors.
fn integer_bits(number: f64) -> u64 {
    const LIMIT: f64 = 18_446_744_073_709_551_616.0;
    if number.is_nan() {
        1 << 63
    } else if number < 0.0 {
        number as i64 as u64
    } else if number < LIMIT {
        number as u64
    } else {
        0
    }
}

fn unpack(lua: &Lua, args: &MultiValue) -> mlua::Result<MultiValue> {
    let format = text(lua, args, 0, "unpack")?;
    let format = format.as_bytes();
    let data = text(lua, args, 1, "unpack")?;
    let data = data.as_bytes();
    let start = match args.get(2) {
        None | Some(Value::Nil) => 1.0,
        Some(_) => number(lua, args, 2, 2, "unpack")?,
    };
    if (0.0..1.0).contains(&start) {
        let line = "offset must be 1 or greater";
        return Err(errors::argument(lua, 3, "unpack", line));
    }
    let mut at = match start < 0.0 {
        // It is an enormous one, for C.
        true => usize::MAX,
        false => start as usize - 1,
    };
    let mut format = Format::new(lua, "unpack", &format);
    let mut values = MultiValue::new();
    while let Some(item) = format.next(at)? {
        at = at.saturating_add(item.padding);
        let short = || errors::argument(lua, 2, "unpack", "data string too short");
        let take = |size: usize| {
            let end = at.checked_add(size)?;
            data.get(at..end)
        };
        let mut size = item.size;
        let bytes = take(size).ok_or_else(short)?;
        match item.option {
            b'x' => {}
            b'f' => {
                let number = f32::from_le_bytes(ordered(bytes, format.is_little));
                values.push_back(Value::Number(f64::from(number)));
            }
            b'd' => {
                let number = f64::from_le_bytes(ordered(bytes, format.is_little));
                values.push_back(Value::Number(number));
            }
            b'c' => {
                if size == 0 {
                    size = previous_size(lua, &mut values)?;
                }
                let bytes = take(size).ok_or_else(short)?;
                values.push_back(Value::String(lua.create_string(bytes)?));
            }
            b's' => {
                let rest = data.get(at..).unwrap_or_default();
                let Some(end) = memchr::memchr(0, rest) else {
                    return Err(errors::text(lua, "unfinished string in data"));
                };
                values.push_back(Value::String(lua.create_string(&rest[..end])?));
                size = end + 1;
            }
            option => {
                let is_signed = option.is_ascii_lowercase();
                let number = integer_of(bytes, format.is_little, is_signed);
                values.push_back(Value::Number(number));
            }
        }
        at += size;
    }
    values.push_back(Value::Number(at as f64 + 1.0));
    Ok(values)
}

/// The number read before, which tells how many bytes `c0` takes.
fn previous_size(lua: &Lua, values: &mut MultiValue) -> mlua::Result<usize> {
    let Some(wanted) = values.pop_back().as_ref().and_then(plain_number) else {
        return Err(errors::text(lua, "format 'c0' needs a previous size"));
    };
    Ok(match wanted >= 0.0 {
        true => wanted as usize,
        false => usize::MAX,
    })
}

/// The bytes of a floating-point number, the lowest first.
fn ordered<const N: usize>(bytes: &[u8], is_little: bool) -> [u8; N] {
    let mut array = [0; N];
    for (to, from) in array.iter_mut().zip(bytes) {
        *to = *from;
    }
    if !is_little {
        array.reverse();
    }
    array
}

fn integer_of(bytes: &[u8], is_little: bool, is_signed: bool) -> f64 {
    let mut bits: u64 = 0;
    let add = |bits: u64, byte: &u8| (bits << 8) | u64::from(*byte);
    bits = match is_little {
        true => bytes.iter().rev().fold(bits, add),
        false => bytes.iter().fold(bits, add),
    };
    if !is_signed {
        return bits as f64;
    }
    let unused = 64_u32.saturating_sub(8 * bytes.len() as u32).min(63);
    (((bits << unused) as i64) >> unused) as f64
}

fn size(lua: &Lua, args: &MultiValue) -> mlua::Result<f64> {
    let format = text(lua, args, 0, "size")?;
    let format = format.as_bytes();
    let mut format = Format::new(lua, "size", &format);
    let mut at: usize = 0;
    while let Some(item) = format.next(at)? {
        let fixed = match (item.option, item.size) {
            (b's', _) => Err("option 's' has no fixed size"),
            (b'c', 0) => Err("option 'c0' has no fixed size"),
            _ => Ok(item.padding + item.size),
        };
        let bytes = fixed.map_err(|line| errors::argument(lua, 1, "size", line))?;
        at = at.saturating_add(bytes);
    }
    Ok(at as f64)
}
