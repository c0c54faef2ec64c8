//! DEBUG: what test suites use to look inside and to bend time. Gated by `enable-debug-command`.

mod digest;

use std::time::Duration;

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};

use crate::engine::context::ServerCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::observe::stats::hex_id;
use crate::persist::load::LoadOptions;
use crate::persist::rdb::{WriteOptions, saved_len};
use crate::persist::save::disk_error_text;
use crate::resp::args::Args;
use crate::resp::number::{parse_f64, parse_i64};
use crate::resp::reply::Protocol;
use crate::store::value::NewValue;

use digest::Fingerprint;

use super::config::{is_local, rewrite_file};
use super::object::encoding_of;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    srv("debug", -2, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE).or(PROTECTED), NO_ACL, NO_KEYS,
        debug, &docs::server::DEBUG),
];

/// Keys that DEBUG POPULATE may make: more would not fit into anybody's memory.
const POPULATE_MAX: i64 = 100_000_000;

/// DEBUG subcommand [arg [arg ...]]
pub fn debug(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let is_local = is_local(ctx.client());
    if !ctx.engine.config.enable_debug_command.allows(is_local) {
        return Err(CommandError::fixed(
            "ERR DEBUG command not allowed. If the enable-debug-command option is set to \
             \"local\", you can run it from a local connection, otherwise you need to set this \
             option in the configuration file, and then restart the server.",
        ));
    }
    let name = args.at(1).to_ascii_lowercase();
    match (name.as_slice(), args.len()) {
        (b"sleep", 3) => sleep(ctx, args),
        (b"set-active-expire", 3) => {
            ctx.engine.housekeeping.expires = args.at(2) != b"0";
            done(ctx)
        }
        (b"set-skip-checksum-validation", 3) => {
            ctx.engine.skips_dump_checksum = args.at(2) != b"0";
            done(ctx)
        }
        (b"set-disable-deny-scripts", 3) => free_scripts(ctx, args),
        (b"object", 3 | 4) => object(ctx, args),
        (b"error", 3) => {
            let line = String::from_utf8_lossy(args.at(2)).into_owned();
            Err(CommandError::new(line))
        }
        (b"log", 3) => {
            tracing::warn!("DEBUG LOG: {}", String::from_utf8_lossy(args.at(2)));
            done(ctx)
        }
        (b"protocol", 3) => protocol(ctx, args),
        (b"change-repl-id", 2) => {
            ctx.engine.stats.replication_id = hex_id(&mut ctx.engine.rng);
            done(ctx)
        }
        (b"config-rewrite-force-all", 2) => {
            rewrite_file(ctx.engine, true)?;
            done(ctx)
        }
        (b"digest", 2) => {
            let digest = Fingerprint::of_engine(ctx.engine).hex();
            ctx.reply.simple(&digest);
            Ok(())
        }
        (b"digest-value", 3..) => digest_value(ctx, args),
        (b"populate", 3..=5) => populate(ctx, args),
        (b"stringmatch-len", 4) => stringmatch(ctx, args),
        (b"htstats", 3 | 4) => htstats(ctx, args),
        (b"reload", _) => reload(ctx, args),
        (b"loadaof", 2) => load_aof(ctx),
        (b"help", 2) => {
            super::help(&mut ctx.reply, "DEBUG", HELP);
            Ok(())
        }
        (name, len) if has_no_effect(name, len) => done(ctx),
        _ => Err(CommandError::subcommand_syntax("DEBUG", args.at(1))),
    }
}

fn has_no_effect(name: &[u8], len: usize) -> bool {
    let mut switches = NO_EFFECT.iter();
    switches.any(|(switch, args)| switch.as_bytes() == name && *args == len)
}

/// Switches for parts that kvd does not have, each with its number of arguments.
const NO_EFFECT: &[(&str, usize)] = &[
    ("quicklist-packed-threshold", 3),
    ("pause-cron", 3),
    ("dict-resizing", 3),
    ("replybuffer", 4),
    ("replicate", 3),
    ("aof-flush-sleep", 3),
    ("client-enforce-reply-list", 3),
    ("hashtable-can-abort-shrink", 3),
];

const HELP: &[&str] = &[
    "DIGEST",
    "    Return a number for all data, the same in every server that holds the same.",
    "DIGEST-VALUE <key> [<key> ...]",
    "    Return such a number for each value.",
    "CHANGE-REPL-ID",
    "    Give the history of the data another name.",
    "CONFIG-REWRITE-FORCE-ALL",
    "    CONFIG REWRITE with every option, default or not.",
    "ERROR <string>",
    "    Answer with this error line.",
    "HTSTATS <dbid>",
    "    Say how large the tables of a database are.",
    "LOG <message>",
    "    Write a line to the log.",
    "OBJECT <key> [fast]",
    "    Say how a value is stored.",
    "POPULATE <count> [<prefix>] [<size>]",
    "    Make keys named <prefix>:<number>.",
    "PROTOCOL <type>",
    "    Answer with a value of that type of the protocol.",
    "RELOAD [<option> ...]",
    "    Save the data, forget it, and load it again. Options: MERGE (keys of the file replace",
    "    those that are there), NOFLUSH (forget nothing), NOSAVE (load the file that is there).",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    Leave expired keys where they are until somebody asks for them, or do not.",
    "SLEEP <seconds>",
    "    Stop the server for that long.",
    "STRINGMATCH-LEN <length> <pattern>",
    "    Match a text of that many letters against a pattern.",
];

fn done(ctx: &mut ServerCtx<'_>) -> CommandResult {
    ctx.reply.ok();
    Ok(())
}

/// DEBUG LOADAOF
fn load_aof(ctx: &mut ServerCtx<'_>) -> CommandResult {
    if ctx.engine.is_loading() {
        return Err(CommandError::LOADING);
    }
    let loaded = ctx.engine.load_aof_and_wait(ctx.busy);
    ctx.engine.effects.propagate_nothing();
    if let Err(failed) = loaded {
        tracing::error!("{failed}");
        return Err(CommandError::fixed(
            "ERR Error trying to load the AOF files, check server logs.",
        ));
    }
    ctx.reply.ok();
    Ok(())
}

/// DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE]
fn reload(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    if ctx.engine.is_loading() {
        return Err(CommandError::LOADING);
    }
    let (mut flushes, mut saves, mut options) = (true, true, LoadOptions::default());
    for word in args.iter_from(2) {
        match word.to_ascii_lowercase().as_slice() {
            b"merge" => options.replaces = true,
            b"noflush" => flushes = false,
            b"nosave" => saves = false,
            _ => {
                return Err(CommandError::fixed(
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                ));
            }
        }
    }
    let engine = &mut *ctx.engine;
    engine.cancel_snapshots();
    if saves {
        let saved = engine.save_and_wait();
        saved.map_err(|error| CommandError::new(format!("ERR {}", disk_error_text(&error))))?;
    }
    let loaded = engine.load_and_wait(flushes, options, ctx.busy);
    engine.effects.propagate_nothing();
    if let Err(failed) = loaded {
        tracing::warn!("DEBUG RELOAD: {failed}");
        return Err(CommandError::fixed(
            "ERR Error trying to load the RDB dump, check server logs.",
        ));
    }
    tracing::warn!("DB reloaded by DEBUG RELOAD");
    done(ctx)
}

fn sleep(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let seconds = parse_f64(args.at(2)).unwrap_or(0.0).max(0.0);
    if let Ok(time) = Duration::try_from_secs_f64(seconds) {
        ctx.engine.machine.sleep(time);
    }
    done(ctx)
}

fn digest_value(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let mut keys = ctx.keys();
    keys.reply.array(args.len() - 2);
    for name in args.iter_from(2) {
        let key = keys.key(name);
        let digest = match keys.peek(&key) {
            Some(slot) => Fingerprint::of_value(keys.db, slot, keys.now.unix_ms),
            None => Fingerprint::default(),
        };
        keys.reply.simple(&digest.hex());
    }
    Ok(())
}

/// DEBUG SET-DISABLE-DENY-SCRIPTS: scripts may call what they otherwise may not.
fn free_scripts(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    ctx.engine.scripts.allows_all = args.at(2) != b"0";
    done(ctx)
}

fn object(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let mut keys = ctx.keys();
    let key = keys.key(args.at(2));
    // A key whose time has come is shown as long as it is there.
    let slot = keys.db.find(&key).ok_or(CommandError::NO_SUCH_KEY)?;
    let encoding = encoding_of(keys.db, slot);
    let clock = keys.db.clock(slot);
    let is_fast = args.get(3).is_some_and(|w| w.eq_ignore_ascii_case(b"fast"));
    let length = match is_fast {
        true => String::new(),
        false => {
            let options = WriteOptions::new(keys.config);
            let len = saved_len(keys.db.value(slot), options);
            format!(" serializedlength:{len}")
        }
    };
    let idle_s = super::object::idle_ms(&keys, slot) / 1_000;
    let text = format!(
        "Value at:0x{:x} refcount:1 encoding:{encoding}{length} lru:{clock} \
         lru_seconds_idle:{idle_s}",
        key.hash
    );
    keys.reply.simple(&text);
    Ok(())
}

fn protocol(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let reply = &mut ctx.reply;
    match args.at(2).to_ascii_lowercase().as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.int(12_345),
        #[allow(clippy::approx_constant, reason = "the number that Redis answers here")]
        b"double" => reply.double(3.141),
        b"null" => reply.null(),
        b"array" | b"set" => {
            if args.at(2).eq_ignore_ascii_case(b"array") {
                reply.array(3);
            } else {
                reply.set(3);
            }
            (0..3).for_each(|n| reply.int(n));
        }
        b"map" => {
            reply.map(3);
            for n in 0..3 {
                reply.int(n);
                reply.boolean(n == 1);
            }
        }
        b"attrib" => {
            if reply.attribute(1) {
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.int(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" if reply.protocol() == Protocol::Resp2 => {
            return Err(CommandError::fixed(
                "ERR RESP2 is not supported by this command",
            ));
        }
        b"push" => {
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.int(42);
        }
        b"bignum" => reply.big_number(b"1234567999999999999999999999999999999"),
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        b"verbatim" => reply.verbatim(b"txt", b"This is a verbatim\nstring"),
        _ => {
            return Err(CommandError::fixed(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}

fn populate(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let count = parse_i64(args.at(2)).ok_or(CommandError::NOT_INTEGER)?;
    if !(0..=POPULATE_MAX).contains(&count) {
        return Err(CommandError::OUT_OF_RANGE);
    }
    let prefix = args.get(3).unwrap_or(b"key");
    let size = match args.get(4) {
        None => 0,
        Some(size) => parse_i64(size)
            .and_then(|size| usize::try_from(size).ok())
            .filter(|size| *size as u64 <= ctx.engine.config.proto_max_bulk_len)
            .ok_or(CommandError::OUT_OF_RANGE)?,
    };
    let mut keys = ctx.keys();
    for n in 0..count {
        let mut name = prefix.to_vec();
        name.extend_from_slice(format!(":{n}").as_bytes());
        let key = keys.key(&name);
        if keys.peek(&key).is_some() {
            continue;
        }
        let mut value = format!("value:{n}").into_bytes();
        if size > 0 {
            value.resize(size, 0);
        }
        keys.insert(&key, NewValue::Str(&value));
        keys.modified(&name);
    }
    keys.effects.propagate_nothing();
    keys.reply.ok();
    Ok(())
}

fn stringmatch(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let length = parse_i64(args.at(2)).and_then(|length| usize::try_from(length).ok());
    let length = length.filter(|length| *length <= 1 << 20);
    let text = vec![b'a'; length.ok_or(CommandError::OUT_OF_RANGE)?];
    let matches = crate::resp::glob::matches(args.at(3), &text, false);
    ctx.reply.int(i64::from(matches));
    Ok(())
}

fn htstats(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let number = parse_i64(args.at(2)).and_then(|number| usize::try_from(number).ok());
    let databases = ctx.engine.keyspace.databases();
    let number = number.filter(|number| *number < databases);
    let number = number.ok_or(CommandError::fixed("ERR Out of range database"))?;
    let (keys, expires, bytes) = match ctx.engine.keyspace.db(number) {
        Some(db) => (db.len(), db.volatile_len(), db.overhead_bytes()),
        None => (0, 0, 0),
    };
    let text = format!(
        "[Dictionary HT]\nnumber of entries: {keys}\nbytes of tables: {bytes}\n[Expires HT]\n\
         number of entries: {expires}\n"
    );
    ctx.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}
