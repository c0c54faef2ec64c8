//! Errors on their way through Lua.
//!
//! A native function that fails raises a [`ScriptError`] inside of mlua's own error; the prelude
//! shows it to scripts as what they expect: a string with the place of the call in front of it, or
//! a table with `err`. The place is found when the error is made, while the caller is on the stack.

use std::fmt;

use mlua::{Error, Lua, Table, Value};

/// The name of the prelude's chunk: its frames are no place of a script.
pub const PRELUDE: &str = "=[kvd]";

/// An error of the server inside of a script.
#[derive(Clone, Debug)]
pub enum ScriptError {
    /// A string, as the functions of Lua's own libraries raise.
    Text(Vec<u8>),
    /// A table with `err`: an error line of the server, and whether it was counted before.
    Reply(Vec<u8>, bool),
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ScriptError::Text(text) | ScriptError::Reply(text, _)) = self;
        f.write_str(&String::from_utf8_lossy(text))
    }
}

impl std::error::Error for ScriptError {}

/// Raises a string, with the place of the call in front of it.
#[cold]
pub fn text(lua: &Lua, message: impl AsRef<[u8]>) -> Error {
    let mut line = position(lua).into_bytes();
    line.extend_from_slice(message.as_ref());
    Error::external(ScriptError::Text(line))
}

/// Raises a string as it is.
#[cold]
pub fn bare(message: impl AsRef<[u8]>) -> Error {
    Error::external(ScriptError::Text(message.as_ref().to_vec()))
}

/// Raises a table with an error line.
#[cold]
pub fn reply(line: impl AsRef<[u8]>, is_counted: bool) -> Error {
    Error::external(ScriptError::Reply(line.as_ref().to_vec(), is_counted))
}

/// `bad argument #n to 'name' (explanation)`
#[cold]
pub fn argument(lua: &Lua, index: usize, name: &str, explanation: &str) -> Error {
    text(
        lua,
        format!("bad argument #{index} to '{name}' ({explanation})"),
    )
}

/// The explanation of an argument of the wrong type; no value at all is `None`.
#[cold]
pub fn expected(wanted: &str, found: Option<&Value>) -> String {
    let found = found.map_or("no value", type_name);
    format!("{wanted} expected, got {found}")
}

/// The name of a value's type, as Lua's `type` says it.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Nil => "nil",
        Value::Boolean(_) => "boolean",
        Value::Integer(_) | Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Table(_) => "table",
        Value::Function(_) => "function",
        Value::Thread(_) => "thread",
        _ => "userdata",
    }
}

/// Where the running native function was called: `user_script:1: `, or nothing if no line of a
/// script called it.
pub fn position(lua: &Lua) -> String {
    for level in 1.. {
        let place = lua.inspect_stack(level, |frame| {
            let source = frame.source();
            if source.source.as_deref() == Some(PRELUDE) {
                return None;
            }
            let line = frame.current_line();
            Some(match (source.short_src, line) {
                (Some(source), Some(line)) => format!("{source}:{line}: "),
                _ => String::new(),
            })
        });
        match place {
            None => break,
            Some(None) => {}
            Some(Some(place)) => return place,
        }
    }
    String::new()
}

/// The source and line that an error is reported for: of the function that failed, or of its caller
/// if that was none of Lua's. Called by an error handler: below it lies the call that raised.
pub fn failed_at(lua: &Lua) -> Option<(String, i64)> {
    let mut is_native_skipped = false;
    for level in 2.. {
        let found = lua.inspect_stack(level, |frame| {
            let source = frame.source();
            let is_ours = source.source.as_deref() == Some(PRELUDE);
            if is_ours || (source.what == "C" && !is_native_skipped) {
                return Err(is_ours);
            }
            let line = frame.current_line();
            let name = source.source.map(|name| name.into_owned());
            // A call at the end of a function replaces it: where that was is forgotten.
            Ok(name.zip(line.map(|line| line as i64)))
        })?;
        match found {
            Ok(place) => return place,
            Err(is_ours) => is_native_skipped |= !is_ours,
        }
    }
    None
}

/// What is inside of an error that mlua carried through Lua.
pub fn inside(error: &Error) -> ScriptError {
    match error {
        Error::CallbackError { cause, .. } => inside(cause),
        Error::WithContext { cause, .. } => inside(cause),
        Error::MemoryError(_) => ScriptError::Text(b"not enough memory".to_vec()),
        Error::ExternalError(error) => match error.downcast_ref::<ScriptError>() {
            Some(error) => error.clone(),
            None => ScriptError::Text(error.to_string().into_bytes()),
        },
        Error::StackError => ScriptError::Text(b"stack overflow".to_vec()),
        other => ScriptError::Text(other.to_string().into_bytes()),
    }
}

/// An error as scripts see it.
///
/// # Errors
/// Lua is out of memory.
pub fn to_value(lua: &Lua, error: &ScriptError) -> mlua::Result<Value> {
    match error {
        ScriptError::Text(text) => Ok(Value::String(lua.create_string(text)?)),
        ScriptError::Reply(line, is_counted) => {
            Ok(Value::Table(error_table(lua, line, *is_counted)?))
        }
    }
}

/// The table that stands for an error reply.
///
/// # Errors
/// Lua is out of memory.
pub fn error_table(lua: &Lua, line: &[u8], is_counted: bool) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("err", lua.create_string(line)?)?;
    if is_counted {
        table.raw_set("ignore_error_stats_update", true)?;
    }
    Ok(table)
}
