//! Compiling.
//!
//! Lua's compiler is C that trusts its input in three ways, each closed here. It runs bytecode
//! unchecked: only text is compiled. It counts brackets and lengths in `int`: texts are limited.
//! It keeps the name of the chunk where the collector does not see it, so a collection at the wrong
//! moment frees it under its hands (CVE-2025-49844): the collector stands still while it compiles,
//! and as the whole text is there before, no code of a script, which could start it, runs then.

use mlua::chunk::ChunkMode;
use mlua::{Error, Function, Lua, LuaString, MultiValue, Table, Value};

use super::errors;

/// The longest text that is compiled.
pub const SOURCE_BYTES_MAX: usize = 64 << 20;

/// How many bytes of a text name its chunk: Lua shows fewer.
const NAME_BYTES_MAX: usize = 120;

/// Compiles a text. Its globals are those of `environment`.
///
/// # Errors
/// What the compiler says.
pub fn compile(
    lua: &Lua,
    code: &[u8],
    name: &str,
    environment: Option<&Table>,
) -> Result<Function, Vec<u8>> {
    if code.len() > SOURCE_BYTES_MAX {
        return Err(b"chunk is too long".to_vec());
    }
    // What begins like bytecode is a text with a strange first letter.
    let refused = [&b" "[..], code].concat();
    let code = if code.first() == Some(&0x1b) {
        &refused
    } else {
        code
    };
    lua.gc_stop();
    let mut chunk = lua.load(code).set_name(name).set_mode(ChunkMode::Text);
    if let Some(environment) = environment {
        chunk = chunk.set_environment(environment.clone());
    }
    let function = chunk.into_function();
    lua.gc_restart();
    function.map_err(|error| match error {
        Error::SyntaxError { message, .. } => message.into_bytes(),
        other => other.to_string().into_bytes(),
    })
}

/// `loadstring`, and the end of `load`.
pub fn install(lua: &Lua, native: &Table) -> mlua::Result<()> {
    let load = lua.create_function(
        |lua, (text, name, environment, caller): (Value, Value, Table, LuaString)| {
            let Some(text) = as_text(lua, &text)? else {
                let expected = errors::expected("string", Some(&text));
                return Err(errors::argument(
                    lua,
                    1,
                    &caller.to_string_lossy(),
                    &expected,
                ));
            };
            let code = text.as_bytes().to_vec();
            let name = match as_text(lua, &name)? {
                Some(name) => name.to_string_lossy(),
                None => String::from_utf8_lossy(chunk_name(&code)).into_owned(),
            };
            match compile(lua, &code, &name, Some(&environment)) {
                Ok(function) => Ok(MultiValue::from_iter([Value::Function(function)])),
                Err(message) => {
                    let message = lua.create_string(message)?;
                    Ok(MultiValue::from_iter([Value::Nil, Value::String(message)]))
                }
            }
        },
    )?;
    native.raw_set("load", load)?;
    native.raw_set("source_bytes_max", SOURCE_BYTES_MAX)?;
    Ok(())
}

/// The text itself names a chunk: its first line does.
fn chunk_name(code: &[u8]) -> &[u8] {
    let end = code.len().min(NAME_BYTES_MAX);
    let clipped = code.get(..end).unwrap_or(code);
    // An abbreviated name shows that it is.
    let zero = clipped.iter().position(|byte| *byte == 0);
    clipped.get(..zero.unwrap_or(end)).unwrap_or(clipped)
}

/// A string, or a number as Lua writes it.
pub fn as_text(lua: &Lua, value: &Value) -> mlua::Result<Option<LuaString>> {
    match value {
        Value::String(text) => Ok(Some(text.clone())),
        Value::Integer(_) | Value::Number(_) => lua.coerce_string(value.clone()),
        _ => Ok(None),
    }
}
