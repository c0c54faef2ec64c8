//! FUNCTION.

use bytes::Bytes;
use crc::{CRC_64_REDIS, Crc};

use crate::engine::context::ServerCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::persist::rdb;
use crate::resp::args::Args;
use crate::resp::glob;
use crate::resp::reply::Reply;
use crate::script::LOAD_MS_MAX;
use crate::script::library::{Function, Library};
use crate::script::lua::Purpose;

use super::manage::kill_running;
use super::{check_enabled, check_flush_mode, error};

/// What comes before each library in a dump: an RDB opcode.
const FUNCTION2: u8 = 245;
/// The same before the format was settled.
const FUNCTION_PRE_GA: u8 = 246;
/// The version of RDB that a dump of libraries needs, and those that are read.
const DUMP_VERSION: u16 = 10;
const VERSIONS_READ: [std::ops::RangeInclusive<u16>; 2] = [1..=14, 80..=80];
/// A version and a checksum end a dump.
const FOOTER_BYTES: usize = 10;

static CRC: Crc<u64> = Crc::<u64>::new(&CRC_64_REDIS);

/// FUNCTION DELETE library-name
pub fn delete(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    if !ctx.engine.scripts.libraries.remove(args.at(2)) {
        return Err(CommandError::fixed("ERR Library not found"));
    }
    ctx.engine.effects.dirty += 1;
    ctx.reply.ok();
    Ok(())
}

/// FUNCTION DUMP
pub fn dump(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let mut out = Vec::new();
    for library in ctx.engine.scripts.libraries.iter() {
        out.push(FUNCTION2);
        push_len(&mut out, library.code.len());
        out.extend_from_slice(&library.code);
    }
    out.extend_from_slice(&DUMP_VERSION.to_le_bytes());
    let checksum = CRC.checksum(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    ctx.reply.bulk_large(Bytes::from(out));
    Ok(())
}

/// A length as RDB writes it.
fn push_len(out: &mut Vec<u8>, len: usize) {
    match len {
        0..=0x3f => out.push(len as u8),
        0x40..=0x3fff => out.extend_from_slice(&(len as u16 | 0x4000).to_be_bytes()),
        _ => {
            out.push(0x80);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

/// FUNCTION RESTORE payload [FLUSH|APPEND|REPLACE]
pub fn restore(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    check_enabled(ctx)?;
    if args.len() > 4 {
        return Err(CommandError::subcommand_syntax("FUNCTION", args.at(1)));
    }
    let policy = args.get(3).unwrap_or(b"append").to_ascii_lowercase();
    if !matches!(policy.as_slice(), b"append" | b"replace" | b"flush") {
        return Err(CommandError::fixed(
            "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
        ));
    }
    let codes = read_dump(args.at(2))?;
    let engine = &mut *ctx.engine;
    let mut libraries: Vec<Library> = Vec::with_capacity(codes.len());
    for code in codes {
        let code = Bytes::from(code);
        let library = engine
            .compile_library(code, Some(LOAD_MS_MAX))
            .map_err(error)?;
        if libraries.iter().any(|known| known.name == library.name) {
            let name = String::from_utf8_lossy(&library.name);
            return Err(error(format!("Library '{name}' already exists")));
        }
        libraries.push(library);
    }
    let kept = &mut engine.scripts.libraries;
    match policy.as_slice() {
        b"flush" => kept.replace_all(libraries).map_err(error)?,
        policy => kept.add(libraries, policy == b"replace").map_err(error)?,
    }
    engine.effects.dirty += 1;
    ctx.reply.ok();
    Ok(())
}

/// The texts of the libraries in a dump.
fn read_dump(dump: &[u8]) -> Result<Vec<Vec<u8>>, CommandError> {
    const WRONG: CommandError =
        CommandError::fixed("ERR DUMP payload version or checksum are wrong");
    let body_len = dump.len().checked_sub(FOOTER_BYTES).ok_or(WRONG)?;
    let (mut rest, footer) = dump.split_at(body_len);
    let version = u16::from_le_bytes([footer[0], footer[1]]);
    let checksum = CRC.checksum(&dump[..body_len + 2]).to_le_bytes();
    if !VERSIONS_READ.iter().any(|range| range.contains(&version)) || footer[2..] != checksum {
        return Err(WRONG);
    }
    let fails = |text: &str| error(text.to_owned());
    let mut codes = Vec::new();
    while let [opcode, after @ ..] = rest {
        match *opcode {
            FUNCTION2 => {}
            FUNCTION_PRE_GA => return Err(fails("Pre-GA function format not supported")),
            _ => return Err(fails("given type is not a function")),
        }
        let read = rdb::read_string(after);
        let (code, behind) = read.ok_or_else(|| fails("Failed loading library code"))?;
        codes.push(code);
        rest = behind;
    }
    Ok(codes)
}

/// FUNCTION FLUSH [ASYNC|SYNC]
pub fn flush(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    if args.len() > 3 {
        return Err(CommandError::subcommand_syntax("FUNCTION", args.at(1)));
    }
    check_flush_mode(args, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option")?;
    ctx.engine.scripts.flush_functions();
    ctx.engine.effects.dirty += 1;
    ctx.reply.ok();
    Ok(())
}

/// FUNCTION KILL
pub fn kill(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    kill_running(ctx, Purpose::Functions)
}

/// FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE]
pub fn list(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let (mut pattern, mut with_code, mut at) = (None, false, 2);
    while at < args.len() {
        let word = args.at(at);
        if !with_code && word.eq_ignore_ascii_case(b"withcode") {
            with_code = true;
        } else if pattern.is_none() && word.eq_ignore_ascii_case(b"libraryname") {
            at += 1;
            pattern = Some(args.get(at).ok_or(CommandError::fixed(
                "ERR library name argument was not given",
            ))?);
        } else {
            let word = String::from_utf8_lossy(word);
            return Err(error(format!("Unknown argument {word}")));
        }
        at += 1;
    }
    let libraries = ctx.engine.scripts.libraries.iter().filter(|library| {
        pattern.is_none_or(|pattern| glob::matches(pattern, &library.name, true))
    });
    let reply = &mut ctx.reply;
    let mark = reply.begin_array();
    let mut count = 0;
    for library in libraries {
        describe(reply, library, with_code);
        count += 1;
    }
    reply.end_array(mark, count);
    Ok(())
}

fn describe(reply: &mut Reply<'_>, library: &Library, with_code: bool) {
    reply.map(if with_code { 4 } else { 3 });
    reply.bulk(b"library_name");
    reply.bulk(&library.name);
    reply.bulk(b"engine");
    reply.bulk(b"LUA");
    reply.bulk(b"functions");
    reply.array(library.functions.len());
    for function in &library.functions {
        describe_function(reply, function);
    }
    if with_code {
        reply.bulk(b"library_code");
        reply.bulk(&library.code);
    }
}

fn describe_function(reply: &mut Reply<'_>, function: &Function) {
    reply.map(3);
    reply.bulk(b"name");
    reply.bulk(&function.name);
    reply.bulk(b"description");
    match &function.description {
        Some(text) => reply.bulk(text),
        None => reply.null(),
    }
    reply.bulk(b"flags");
    reply.set(function.flags.names().count());
    for name in function.flags.names() {
        reply.simple(name);
    }
}

/// FUNCTION LOAD [REPLACE] code
pub fn load(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    check_enabled(ctx)?;
    let code_at = args.len() - 1;
    let mut replace = false;
    for word in args.first(code_at).iter_from(2) {
        if !word.eq_ignore_ascii_case(b"replace") {
            let word = String::from_utf8_lossy(word);
            return Err(error(format!("Unknown option given: {word}")));
        }
        replace = true;
    }
    let code = args.take(code_at).into_bytes();
    let engine = &mut *ctx.engine;
    let name = engine
        .load_library(code, replace, Some(LOAD_MS_MAX))
        .map_err(error)?;
    engine.effects.dirty += 1;
    ctx.reply.bulk(&name);
    Ok(())
}

/// FUNCTION STATS
pub fn stats(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let engine = &mut *ctx.engine;
    let busy = engine.scripts.busy.as_ref();
    if busy.is_some_and(|busy| busy.purpose == Purpose::Eval) {
        return Err(CommandError::BUSY);
    }
    let reply = &mut ctx.reply;
    reply.map(2);
    reply.bulk(b"running_script");
    match busy {
        None => reply.null(),
        Some(busy) => {
            reply.map(3);
            reply.bulk(b"name");
            reply.bulk(&busy.name);
            reply.bulk(b"command");
            let args = busy.args.as_args();
            reply.array(args.len());
            args.iter().for_each(|arg| reply.bulk(arg));
            reply.bulk(b"duration_ms");
            let took_ns = engine.clock.mono_ns().saturating_sub(busy.started_ns);
            reply.int((took_ns / 1_000_000) as i64);
        }
    }
    reply.bulk(b"engines");
    reply.map(1);
    reply.bulk(b"LUA");
    reply.map(2);
    reply.bulk(b"libraries_count");
    reply.int(engine.scripts.libraries.len() as i64);
    reply.bulk(b"functions_count");
    reply.int(engine.scripts.libraries.functions() as i64);
    Ok(())
}

/// FUNCTION HELP
pub fn help(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    crate::commands::help(&mut ctx.reply, "FUNCTION", HELP);
    Ok(())
}

const HELP: &[&str] = &[
    "LOAD [REPLACE] <code>",
    "    Create a library; its first line names it: #!lua name=<name>",
    "DELETE <name>",
    "    Delete a library.",
    "LIST [LIBRARYNAME <pattern>] [WITHCODE]",
    "    Describe the libraries.",
    "STATS",
    "    Tell which function is running, and how many there are.",
    "KILL",
    "    End the function that is running, unless it has written.",
    "FLUSH [ASYNC|SYNC]",
    "    Delete all libraries.",
    "DUMP",
    "    Return all libraries as RESTORE takes them.",
    "RESTORE <payload> [FLUSH|APPEND|REPLACE]",
    "    Restore libraries: instead of those there are, beside them (the default: none may have a",
    "    name that is there), or in place of those of the same name.",
];
