//! DUMP and RESTORE: a value as bytes that this server, Redis and Valkey take back.

use crate::config::RdbVersionCheck;
use crate::engine::Engine;
use crate::engine::context::{KeyCtx, ServerCtx};
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::evict::eviction_of;
use crate::engine::notify::EventClass;
use crate::persist::rdb::{self, DumpError, DumpFault, FooterCheck, LoadContext, WriteOptions};
use crate::resp::args::Args;
use crate::resp::number::{format_i64, parse_i64};
use crate::store::db::Slot;
use crate::store::evict::clock_of_usage;

/// What RESTORE was told besides key, time and payload.
#[derive(Default)]
struct Options {
    replace: bool,
    is_absolute: bool,
    idle_s: Option<u64>,
    frequency: Option<u8>,
}

/// DUMP key
pub fn dump(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(1));
    let Some(slot) = ctx.read(&key) else {
        ctx.reply.null();
        return Ok(());
    };
    let payload = rdb::dump(ctx.db.value(slot), WriteOptions::new(ctx.config));
    ctx.reply.bulk(&payload);
    Ok(())
}

/// RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]
pub fn restore(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let options = Options::parse(args)?;
    let check = footer_check(ctx.engine);
    match restore_key(ctx.keys(), args, &options, check) {
        Ok(()) => Ok(()),
        Err(Refused::Otherwise(error)) => Err(error),
        Err(Refused::Payload(error)) => {
            note_refused(ctx, args, &error);
            Err(CommandError::fixed(match error.fault {
                DumpFault::Format => "ERR Bad data format",
                DumpFault::Footer => "ERR DUMP payload version or checksum are wrong",
            }))
        }
    }
}

/// How payloads are checked, by what the operator allows.
pub fn footer_check(engine: &Engine) -> FooterCheck {
    FooterCheck {
        takes_any_version: engine.config.rdb_version_check == RdbVersionCheck::Relaxed,
        skips_checksum: engine.skips_dump_checksum,
    }
}

/// Why a RESTORE was refused.
enum Refused {
    /// For its payload.
    Payload(DumpError),
    /// For something else.
    Otherwise(CommandError),
}

impl From<CommandError> for Refused {
    fn from(error: CommandError) -> Refused {
        Refused::Otherwise(error)
    }
}

/// Tells the log what is wrong with a payload: the client is told too little to find out.
#[cold]
fn note_refused(ctx: &mut ServerCtx<'_>, args: Args<'_>, error: &DumpError) {
    let mono_us = ctx.engine.mono_us();
    let Some(untold) = ctx.engine.refused_payloads.admit(mono_us) else {
        return;
    };
    let key = match ctx.engine.config.hide_user_data_from_log {
        true => String::new(),
        false => format!(" for the key '{}'", args.at(1).escape_ascii()),
    };
    let others = match untold {
        0 => String::new(),
        untold => format!(" ({untold} more since the last such line)"),
    };
    let peer = ctx.client().about.endpoint.peer();
    let (reason, len) = (&error.reason, args.at(3).len());
    tracing::info!(
        "RESTORE{key} from {peer}: the payload of {len} bytes is refused: {reason}{others}"
    );
}

fn restore_key(
    mut ctx: KeyCtx<'_>,
    args: Args<'_>,
    options: &Options,
    check: FooterCheck,
) -> Result<(), Refused> {
    let key = ctx.key(args.at(1));
    let there = ctx.write(&key);
    if there.is_some() && !options.replace {
        return Err(CommandError::BUSY_KEY.into());
    }
    let ttl = parse_i64(args.at(2)).ok_or(CommandError::NOT_INTEGER)?;
    if ttl < 0 {
        return Err(CommandError::fixed("ERR Invalid TTL value, must be >= 0").into());
    }
    // Fields whose time has come are kept until housekeeping, which tells replicas, removes them.
    let context = LoadContext::new(ctx.config, ctx.hasher, ctx.now.unix_ms, false);
    let value = rdb::restore(args.at(3), check, &context).map_err(Refused::Payload)?;
    let expire_at = match ttl {
        0 => None,
        ttl if options.is_absolute => Some(ttl),
        ttl => Some(ttl.saturating_add(ctx.now.unix_ms)),
    };
    if let Some(there) = there {
        ctx.delete(there);
    }
    if expire_at.is_some_and(|at| ctx.is_past(at)) {
        if there.is_some() {
            ctx.modified(key.bytes);
            ctx.propagate_as(&[b"UNLINK", key.bytes]);
            ctx.notify(EventClass::GENERIC, "del", key.bytes);
        }
        ctx.reply.ok();
        return Ok(());
    }
    let slot = ctx.insert(&key, value.into());
    ctx.db.set_expire(slot, expire_at);
    set_clock(&mut ctx, slot, options);
    if let Some(at) = expire_at.filter(|_| !options.is_absolute) {
        let at = format_i64(at);
        let mut words: Vec<&[u8]> = vec![b"RESTORE", key.bytes, &at];
        words.extend(args.iter_from(3));
        words.push(b"ABSTTL");
        ctx.propagate_as(&words);
    }
    ctx.modified(key.bytes);
    ctx.notify(EventClass::GENERIC, "restore", key.bytes);
    ctx.reply.ok();
    Ok(())
}

/// What does not belong to the policy in force is ignored.
fn set_clock(ctx: &mut KeyCtx<'_>, slot: Slot, options: &Options) {
    let (idle_s, frequency) = (options.idle_s, options.frequency);
    let eviction = eviction_of(ctx.config);
    if let Some(clock) = clock_of_usage(idle_s, frequency, ctx.now, &eviction) {
        ctx.db.set_clock(slot, clock);
    }
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Options, CommandError> {
        let mut options = Options::default();
        let mut i = 4;
        while i < args.len() {
            let word = args.at(i);
            let number = args.get(i + 1);
            match (word.to_ascii_lowercase().as_slice(), number) {
                (b"replace", _) => options.replace = true,
                (b"absttl", _) => options.is_absolute = true,
                (b"idletime", Some(number)) if options.frequency.is_none() => {
                    let idle = parse_i64(number).ok_or(CommandError::NOT_INTEGER)?;
                    options.idle_s = Some(u64::try_from(idle).map_err(|_| {
                        CommandError::fixed("ERR Invalid IDLETIME value, must be >= 0")
                    })?);
                    i += 1;
                }
                (b"freq", Some(number)) if options.idle_s.is_none() => {
                    let frequency = parse_i64(number).ok_or(CommandError::NOT_INTEGER)?;
                    options.frequency = Some(u8::try_from(frequency).map_err(|_| {
                        CommandError::fixed("ERR Invalid FREQ value, must be >= 0 and <= 255")
                    })?);
                    i += 1;
                }
                _ => return Err(CommandError::SYNTAX),
            }
            i += 1;
        }
        Ok(options)
    }
}
