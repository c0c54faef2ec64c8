//! Idempotent producers: XCFGSET XIDMPRECORD.

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::store::types::stream::{IDMP_DURATION_S_MAX, IDMP_MAX_SIZE_MAX, IdmpLimits};
use crate::store::value::Kind;

use super::{parse_id, stream, stream_mut};

/// The limits of streams that XCFGSET has not given any.
pub fn default_limits(ctx: &KeyCtx<'_>) -> IdmpLimits {
    IdmpLimits {
        duration_s: u64::from(ctx.config.stream_idmp_duration),
        max_size: ctx.config.stream_idmp_maxsize as usize,
    }
}

/// XCFGSET key [IDMP-DURATION seconds] [IDMP-MAXSIZE count]
pub fn xcfgset(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let (mut duration_s, mut max_size) = (None, None);
    let mut at = 2;
    while at < args.len() {
        let (word, value) = (args.at(at), args.get(at + 1).ok_or(CommandError::SYNTAX)?);
        let number = || parse_i64(value).ok_or(CommandError::NOT_INTEGER);
        if word.eq_ignore_ascii_case(b"idmp-duration") {
            let seconds = number()?;
            if !(1..=IDMP_DURATION_S_MAX as i64).contains(&seconds) {
                return Err(CommandError::fixed(
                    "ERR IDMP-DURATION must be between 1 and 86400 seconds",
                ));
            }
            duration_s = Some(seconds as u64);
        } else if word.eq_ignore_ascii_case(b"idmp-maxsize") {
            let size = number()?;
            if !(1..=IDMP_MAX_SIZE_MAX as i64).contains(&size) {
                return Err(CommandError::fixed(
                    "ERR IDMP-MAXSIZE must be between 1 and 10000 entries",
                ));
            }
            max_size = Some(size as usize);
        } else {
            return Err(CommandError::SYNTAX);
        }
        at += 2;
    }
    if duration_s.is_none() && max_size.is_none() {
        return Err(CommandError::fixed(
            "ERR At least one parameter must be specified",
        ));
    }
    let key = ctx.key(args.at(1));
    let slot = ctx.write_kind(&key, Kind::Stream)?;
    let slot = slot.ok_or(CommandError::NO_SUCH_KEY)?;
    let default = default_limits(ctx);
    let idmp = stream_mut(ctx, slot)?.idmp_or_new(default);
    let limits = IdmpLimits {
        duration_s: duration_s.unwrap_or(idmp.limits().duration_s),
        max_size: max_size.unwrap_or(idmp.limits().max_size),
    };
    idmp.configure(limits);
    ctx.modified(key.bytes);
    if ctx.effects.listeners.propagation {
        let (seconds, size) = (limits.duration_s.to_string(), limits.max_size.to_string());
        ctx.propagate_as(&[
            b"XCFGSET",
            key.bytes,
            b"IDMP-DURATION",
            seconds.as_bytes(),
            b"IDMP-MAXSIZE",
            size.as_bytes(),
        ]);
    }
    ctx.reply.ok();
    Ok(())
}

/// XIDMPRECORD key pid iid id
pub fn xidmprecord(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let (pid, iid) = (args.at(2), args.at(3));
    if pid.is_empty() || iid.is_empty() {
        let line = "ERR XIDMPRECORD requires a non-empty producer ID and idempotent ID";
        return Err(CommandError::fixed(line));
    }
    let id = parse_id(args.at(4))?;
    let key = ctx.key(args.at(1));
    let slot = ctx.write_kind(&key, Kind::Stream)?;
    let slot = slot.ok_or(CommandError::NO_SUCH_KEY)?;
    // The log tells of a message also when its entry is gone: it was trimmed in the same moment, or
    // deleted before a rewrite.
    if !ctx.caller.is_log() && stream(ctx, slot)?.entry(id).is_none() {
        let line = "ERR The specified stream ID was deleted or doesn't exist";
        return Err(CommandError::fixed(line));
    }
    let (default, now_ms) = (
        default_limits(ctx),
        u64::try_from(ctx.now.unix_ms).unwrap_or(0),
    );
    let idmp = stream_mut(ctx, slot)?.idmp_or_new(default);
    match idmp.find(pid, iid, now_ms) {
        Some(known) if known != id => {
            return Err(CommandError::fixed(
                "ERR The pid/iid pair already maps to a different stream ID",
            ));
        }
        Some(_) => {}
        None => {
            idmp.record(pid, iid, id, now_ms);
            ctx.modified(key.bytes);
        }
    }
    ctx.reply.ok();
    Ok(())
}
