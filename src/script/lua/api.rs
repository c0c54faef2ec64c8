//! `redis.*`, also called `server.*`, and what the prelude needs of the server.

use std::rc::Rc;

use mlua::{Function, IntoLuaMulti, Lua, MultiValue, Table, Value};

use crate::resp::decode::decode;
use crate::resp::reply::Protocol;
use crate::script::cache::sha1_hex;
use crate::script::flags::ScriptFlags;
use crate::script::host::Sinks;
use crate::script::library::Function as LibraryFunction;

use super::convert::{push_number, to_lua};
use super::errors::{self, ScriptError};
use super::load::as_text;
use super::{Answer, Desk, MEMORY_BYTES_MAX, Order, Purpose};

/// The version whose scripts run here, as Redis numbers it.
const REDIS_VERSION: &str = "7.2.4";
const REDIS_VERSION_NUM: u32 = 0x0007_0204;
/// The version of Valkey whose functions are there.
const VALKEY_VERSION: &str = "9.1.2";
const VALKEY_VERSION_NUM: u32 = 0x0009_0102;

const LEVELS: [(&str, u8); 4] = [
    ("LOG_DEBUG", 0),
    ("LOG_VERBOSE", 1),
    ("LOG_NOTICE", 2),
    ("LOG_WARNING", 3),
];

const SINKS: [(&str, Sinks); 5] = [
    ("REPL_NONE", Sinks::NONE),
    ("REPL_AOF", Sinks::AOF),
    ("REPL_SLAVE", Sinks::REPLICAS),
    ("REPL_REPLICA", Sinks::REPLICAS),
    ("REPL_ALL", Sinks::ALL),
];

/// Makes the tables of functions that the prelude shows to scripts.
pub fn install(lua: &Lua, desk: &Rc<Desk>, purpose: Purpose, native: &Table) -> mlua::Result<()> {
    let server = lua.create_table()?;
    let loading = lua.create_table()?;
    for table in [&server, &loading] {
        versions_and_log(lua, desk, table)?;
    }
    let register = with_desk(lua, desk, |lua, desk, args: MultiValue| {
        register_function(lua, desk, &args)
    })?;
    loading.raw_set("register_function", register)?;
    commands(lua, desk, &server)?;
    replies(lua, &server)?;
    settings(lua, desk, &server)?;
    if purpose == Purpose::Eval {
        server.raw_set("breakpoint", lua.create_function(|_, ()| Ok(false))?)?;
        server.raw_set("debug", lua.create_function(|_, ()| Ok(()))?)?;
        server.raw_set("replicate_commands", lua.create_function(|_, ()| Ok(true))?)?;
    }
    native.raw_set("server", server)?;
    native.raw_set("loading", loading)?;
    prelude_helpers(lua, desk, native)
}

/// A native function that reaches the desk.
pub fn with_desk<A, R>(
    lua: &Lua,
    desk: &Rc<Desk>,
    body: impl Fn(&Lua, &Rc<Desk>, A) -> mlua::Result<R> + 'static,
) -> mlua::Result<Function>
where
    A: mlua::FromLuaMulti,
    R: IntoLuaMulti,
{
    // The state owns the function, and the desk does not outlive it by more than its last handle.
    let desk = Rc::downgrade(desk);
    lua.create_function(move |lua, args: A| match desk.upgrade() {
        Some(desk) => body(lua, &desk, args),
        None => Err(errors::bare("the server is gone")),
    })
}

fn versions_and_log(lua: &Lua, desk: &Rc<Desk>, table: &Table) -> mlua::Result<()> {
    table.raw_set("REDIS_VERSION", REDIS_VERSION)?;
    table.raw_set("REDIS_VERSION_NUM", REDIS_VERSION_NUM)?;
    table.raw_set("VALKEY_VERSION", VALKEY_VERSION)?;
    table.raw_set("VALKEY_VERSION_NUM", VALKEY_VERSION_NUM)?;
    table.raw_set("SERVER_NAME", "kvd")?;
    for (name, level) in LEVELS {
        table.raw_set(name, level)?;
    }
    let log = with_desk(lua, desk, |lua, desk, args: MultiValue| {
        log(lua, desk, &args)
    })?;
    table.raw_set("log", log)
}

fn log(lua: &Lua, desk: &Desk, args: &MultiValue) -> mlua::Result<()> {
    if args.len() < 2 {
        return Err(errors::reply(
            "ERR server.log() requires two arguments or more.",
            false,
        ));
    }
    let Some(level) = args.front().and_then(|value| as_number(lua, value)) else {
        let line = "ERR First argument must be a number (log level).";
        return Err(errors::reply(line, false));
    };
    let Some((_, level)) = LEVELS.iter().find(|known| known.1 as i32 == level as i32) else {
        return Err(errors::reply("ERR Invalid log level.", false));
    };
    let mut text = Vec::new();
    for (at, value) in args.iter().enumerate().skip(1) {
        if let Some(word) = as_text(lua, value)? {
            if at > 1 {
                text.push(b' ');
            }
            text.extend_from_slice(&word.as_bytes());
        }
    }
    desk.text.replace(text);
    desk.carry_out(Order::Log(*level));
    Ok(())
}

fn commands(lua: &Lua, desk: &Rc<Desk>, server: &Table) -> mlua::Result<()> {
    let call = with_desk(lua, desk, |lua, desk, args: MultiValue| {
        match command(lua, desk, &args)? {
            Ok(value) => Ok(value),
            Err(error) => Err(mlua::Error::external(error)),
        }
    })?;
    server.raw_set("call", call)?;
    let pcall = with_desk(lua, desk, |lua, desk, args: MultiValue| {
        match command(lua, desk, &args)? {
            Ok(value) => Ok(value),
            Err(error) => errors::to_value(lua, &error),
        }
    })?;
    server.raw_set("pcall", pcall)?;
    let check = with_desk(lua, desk, |_, desk, args: MultiValue| {
        if let Err(error) = take_args(desk, &args) {
            return Err(mlua::Error::external(error));
        }
        desk.carry_out(Order::MayRun);
        match desk.take_answer() {
            Answer::May(Some(may)) => Ok(may),
            _ => Err(errors::reply(
                "ERR Invalid command passed to server.acl_check_cmd()",
                false,
            )),
        }
    })?;
    server.raw_set("acl_check_cmd", check)
}

/// Has the server run a command.
fn command(lua: &Lua, desk: &Desk, args: &MultiValue) -> mlua::Result<Result<Value, ScriptError>> {
    if let Err(error) = take_args(desk, args) {
        return Ok(Err(error));
    }
    // What mlua does without a limit it does without a guard against running out, which is dearer
    // than the work itself. The next allocation of the script meets the limit again.
    lua.set_memory_limit(0)?;
    let answered = answer(lua, desk);
    lua.set_memory_limit(MEMORY_BYTES_MAX)?;
    answered
}

fn answer(lua: &Lua, desk: &Desk) -> mlua::Result<Result<Value, ScriptError>> {
    if !desk.carry_out(Order::Call) {
        let line = "ERR there is no command to call here".into();
        return Ok(Err(ScriptError::Reply(line, false)));
    }
    if let Answer::Refused(refused) = desk.take_answer() {
        return Ok(Err(ScriptError::Reply(refused.line.into_bytes(), true)));
    }
    let reply = desk.reply.borrow();
    let copied;
    let bytes = match reply.as_slice() {
        Some(bytes) => bytes,
        None => {
            copied = reply.to_vec();
            &copied
        }
    };
    if let [b'-', line @ .., b'\r', b'\n'] = bytes {
        let line = match line.contains(&b' ') {
            true => line.to_vec(),
            false => [b"ERR ", line].concat(),
        };
        return Ok(Err(ScriptError::Reply(line, true)));
    }
    match decode(bytes) {
        Ok(Some((reply, _))) => Ok(Ok(to_lua(lua, &reply, desk.protocol.get())?)),
        _ => Ok(Err(ScriptError::Reply(
            b"ERR the reply cannot be read".to_vec(),
            false,
        ))),
    }
}

/// Writes the arguments of a command down.
fn take_args(desk: &Desk, values: &MultiValue) -> Result<(), ScriptError> {
    let fails = |line: &str| Err(ScriptError::Reply(line.as_bytes().to_vec(), false));
    if values.is_empty() {
        return fails("ERR Please specify at least one argument for this call");
    }
    let mut args = desk.args.borrow_mut();
    args.clear();
    let mut bytes = 0;
    for value in values {
        match value {
            Value::String(text) => {
                let text = text.as_bytes();
                bytes += text.len();
                if u32::try_from(bytes).is_err() {
                    return fails("ERR Command arguments are too long");
                }
                args.push(&text);
            }
            Value::Integer(number) => args.push(itoa::Buffer::new().format(*number).as_bytes()),
            Value::Number(number) => {
                let mut text = Vec::new();
                push_number(&mut text, *number);
                args.push(&text);
            }
            _ => return fails("ERR Command arguments must be strings or integers"),
        }
    }
    Ok(())
}

fn replies(lua: &Lua, server: &Table) -> mlua::Result<()> {
    let wrong = |lua: &Lua| {
        let line = b"ERR wrong number or type of arguments";
        Ok(Value::Table(errors::error_table(lua, line, false)?))
    };
    let error_reply = lua.create_function(move |lua, args: MultiValue| {
        let Some(text) = only_string(&args) else {
            return wrong(lua);
        };
        let text = text.strip_prefix(b"-").unwrap_or(&text);
        let end = text.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
        let text = &text[..end.map_or(0, |end| end + 1)];
        let line = match text.contains(&b' ') {
            true => text.to_vec(),
            false => [b"ERR ", text].concat(),
        };
        Ok(Value::Table(errors::error_table(lua, &line, false)?))
    })?;
    server.raw_set("error_reply", error_reply)?;
    let status_reply = lua.create_function(move |lua, args: MultiValue| {
        let Some(text) = only_string(&args) else {
            return wrong(lua);
        };
        let table = lua.create_table()?;
        table.raw_set("ok", lua.create_string(text)?)?;
        Ok(Value::Table(table))
    })?;
    server.raw_set("status_reply", status_reply)?;
    let sha1hex = lua.create_function(|lua, args: MultiValue| {
        if args.len() != 1 {
            return Err(errors::reply("ERR wrong number of arguments", false));
        }
        let text = args.front().map(|value| as_text(lua, value)).transpose()?;
        let text = text.flatten().map(|text| text.as_bytes().to_vec());
        lua.create_string(sha1_hex(&text.unwrap_or_default()))
    })?;
    server.raw_set("sha1hex", sha1hex)
}

fn only_string(args: &MultiValue) -> Option<Vec<u8>> {
    match (args.front(), args.len()) {
        (Some(Value::String(text)), 1) => Some(text.as_bytes().to_vec()),
        _ => None,
    }
}

fn settings(lua: &Lua, desk: &Rc<Desk>, server: &Table) -> mlua::Result<()> {
    for (name, sinks) in SINKS {
        server.raw_set(name, sinks.0)?;
    }
    let set_repl = with_desk(lua, desk, |lua, desk, args: MultiValue| {
        let Some(flags) = only_number(lua, &args) else {
            let line = "ERR server.set_repl() requires one argument.";
            return Err(errors::reply(line, false));
        };
        let Some((_, sinks)) = SINKS
            .iter()
            .find(|known| i32::from(known.1.0) == flags as i32)
        else {
            let line = "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or \
                        REPL_NONE.";
            return Err(errors::reply(line, false));
        };
        desk.carry_out(Order::Sinks(*sinks));
        Ok(())
    })?;
    server.raw_set("set_repl", set_repl)?;
    let setresp = with_desk(lua, desk, |lua, desk, args: MultiValue| {
        let Some(version) = only_number(lua, &args) else {
            let line = "ERR server.setresp() requires one argument.";
            return Err(errors::reply(line, false));
        };
        let protocol = match version as i64 {
            2 => Protocol::Resp2,
            3 => Protocol::Resp3,
            _ => return Err(errors::reply("ERR RESP version must be 2 or 3.", false)),
        };
        desk.protocol.set(protocol);
        desk.carry_out(Order::Protocol(protocol));
        Ok(())
    })?;
    server.raw_set("setresp", setresp)
}

/// The one argument as a number; what is none counts as 0.
fn only_number(lua: &Lua, args: &MultiValue) -> Option<f64> {
    match (args.front(), args.len()) {
        (Some(value), 1) => Some(as_number(lua, value).unwrap_or(0.0)),
        _ => None,
    }
}

/// A number, or a string that holds one.
pub fn as_number(lua: &Lua, value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Number(number) => Some(*number),
        Value::String(_) => lua.coerce_number(value.clone()).ok().flatten(),
        _ => None,
    }
}

fn register_function(lua: &Lua, desk: &Desk, args: &MultiValue) -> mlua::Result<()> {
    let fails = |line: &str| Err(errors::reply(format!("ERR {line}"), false));
    let mut functions = desk.registered.borrow_mut();
    let Some(functions) = functions.as_mut() else {
        return fails("server.register_function can only be called on FUNCTION LOAD command");
    };
    let named = match (args.front(), args.get(1), args.len()) {
        (Some(Value::Table(table)), _, 1) => named_arguments(lua, table),
        (Some(_), _, 1) => Err(
            "calling server.register_function with a single argument is only applicable to Lua \
             table (representing named arguments)."
                .into(),
        ),
        (Some(name), Some(callback), 2) => positional_arguments(lua, name, callback),
        _ => Err("wrong number of arguments to server.register_function".into()),
    };
    let named = match named {
        Ok(named) => named,
        Err(line) => return fails(&line),
    };
    let mut compiled = desk.compiled.borrow_mut();
    let Some(compiled) = compiled.as_mut() else {
        return fails("functions cannot be kept here");
    };
    functions.push(LibraryFunction {
        name: named.name.into(),
        description: named.description.map(Vec::into_boxed_slice),
        flags: named.flags,
        callback: Rc::new(compiled.add(named.callback)?),
    });
    Ok(())
}

struct Named {
    name: Vec<u8>,
    description: Option<Vec<u8>>,
    flags: ScriptFlags,
    callback: Function,
}

fn positional_arguments(lua: &Lua, name: &Value, callback: &Value) -> Result<Named, String> {
    let name =
        text_of(lua, name).ok_or("first argument to server.register_function must be a string")?;
    let Value::Function(callback) = callback else {
        return Err("second argument to server.register_function must be a function".into());
    };
    Ok(Named {
        name,
        description: None,
        flags: ScriptFlags::NONE,
        callback: callback.clone(),
    })
}

fn named_arguments(lua: &Lua, table: &Table) -> Result<Named, String> {
    let (mut name, mut description, mut callback) = (None, None, None);
    let mut flags = ScriptFlags::NONE;
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair.map_err(|error| error.to_string())?;
        let Some(mut key) = text_of(lua, &key) else {
            return Err(
                "named argument key given to server.register_function is not a string".into(),
            );
        };
        key.make_ascii_lowercase();
        let must_be = |what: &str| {
            let key = String::from_utf8_lossy(&key);
            format!("{key} argument given to server.register_function must be a {what}")
        };
        match (key.as_slice(), &value) {
            (b"function_name", value) => {
                name = Some(text_of(lua, value).ok_or_else(|| must_be("string"))?);
            }
            (b"description", value) => {
                description = Some(text_of(lua, value).ok_or_else(|| must_be("string"))?);
            }
            (b"callback", Value::Function(function)) => callback = Some(function.clone()),
            (b"callback", _) => return Err(must_be("function")),
            (b"flags", Value::Table(list)) => {
                flags = read_flags(lua, list).ok_or("unknown flag given")?;
            }
            (b"flags", _) => {
                return Err(
                    "flags argument to server.register_function must be a table representing \
                     function flags"
                        .into(),
                );
            }
            _ => return Err("unknown argument given to server.register_function".into()),
        }
    }
    Ok(Named {
        name: name.ok_or("server.register_function must get a function name argument")?,
        description,
        flags,
        callback: callback.ok_or("server.register_function must get a callback argument")?,
    })
}

fn read_flags(lua: &Lua, list: &Table) -> Option<ScriptFlags> {
    let mut flags = ScriptFlags::NONE;
    for at in 1.. {
        let value: Value = list.raw_get(at).ok()?;
        if value.is_nil() {
            break;
        }
        let mut name = text_of(lua, &value)?;
        name.make_ascii_lowercase();
        flags = flags.or(ScriptFlags::by_name(&name)?);
    }
    Some(flags)
}

fn text_of(lua: &Lua, value: &Value) -> Option<Vec<u8>> {
    let text = as_text(lua, value).ok().flatten()?;
    Some(text.as_bytes().to_vec())
}

fn prelude_helpers(lua: &Lua, desk: &Rc<Desk>, native: &Table) -> mlua::Result<()> {
    let argument_error = lua.create_function(|lua, args: MultiValue| -> mlua::Result<()> {
        let index = args.front().and_then(Value::as_usize).unwrap_or(1);
        let name = args.get(1).and_then(|name| text_of(lua, name));
        let wanted = args.get(2).and_then(|wanted| text_of(lua, wanted));
        let name = String::from_utf8(name.unwrap_or_default()).unwrap_or_default();
        let wanted = String::from_utf8(wanted.unwrap_or_default()).unwrap_or_default();
        let explanation = match args.get(3) {
            Some(value) => errors::expected(&wanted, Some(value)),
            None => format!("{wanted} expected"),
        };
        Err(errors::argument(lua, index, &name, &explanation))
    })?;
    native.raw_set("argument_error", argument_error)?;
    let wrong_insert = lua.create_function(|lua, ()| -> mlua::Result<()> {
        Err(errors::text(lua, "wrong number of arguments to 'insert'"))
    })?;
    native.raw_set("wrong_insert", wrong_insert)?;
    let bad_option = lua.create_function(|lua, option: Value| -> mlua::Result<()> {
        let explanation = match text_of(lua, &option) {
            Some(option) => format!("invalid option '{}'", String::from_utf8_lossy(&option)),
            None => errors::expected("string", Some(&option)),
        };
        Err(errors::argument(lua, 1, "collectgarbage", &explanation))
    })?;
    native.raw_set("bad_option", bad_option)?;
    let position = lua.create_function(|lua, ()| Ok(errors::position(lua)))?;
    native.raw_set("position", position)?;
    // An error as scripts see it; those that pcall catches are no tables but their lines.
    let plain = with_desk(
        lua,
        desk,
        |lua, desk, (reason, is_caught): (Value, bool)| {
            desk.note_caught(lua)?;
            let reason = match reason {
                Value::Error(error) => errors::to_value(lua, &errors::inside(&error))?,
                reason => reason,
            };
            match &reason {
                Value::Table(table) if is_caught => match table.get("err")? {
                    line @ (Value::String(_) | Value::Integer(_) | Value::Number(_)) => Ok(line),
                    _ => Ok(reason),
                },
                _ => Ok(reason),
            }
        },
    )?;
    native.raw_set("plain", plain)?;
    native.raw_set("failed", lua.create_function(failed)?)
}

/// The error handler of scripts: makes a table of what was raised and notes where.
fn failed(lua: &Lua, reason: Value) -> mlua::Result<Table> {
    let place = errors::failed_at(lua);
    let reason = match reason {
        Value::Error(error) => errors::to_value(lua, &errors::inside(&error))?,
        reason => reason,
    };
    let table = match reason {
        Value::Table(table) => table,
        other => {
            let text = match text_of(lua, &other) {
                Some(text) => text,
                None => other.to_string()?.into_bytes(),
            };
            errors::error_table(lua, &[b"ERR ", &text[..]].concat(), false)?
        }
    };
    if let Some((source, line)) = place {
        table.raw_set("source", source)?;
        table.raw_set("line", line)?;
    }
    Ok(table)
}
