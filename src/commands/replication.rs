//! ROLE REPLICAOF FAILOVER WAIT WAITAOF SYNC PSYNC REPLCONF MIGRATE, for a primary that is alone:
//! kvd has no replicas and is none. What would promise one answers an error.

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};

use crate::engine::blocked::{BlockRequest, TimeoutReply};
use crate::engine::context::ServerCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::number::parse_i64;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    srv("failover", -1, ADMIN.or(NOSCRIPT).or(STALE), NO_ACL, NO_KEYS,
        failover, &docs::server::FAILOVER),
    srv("migrate", -6, WRITE, DANGEROUS.or(KEYSPACE), MIGRATE_KEYS,
        migrate, &docs::generic::MIGRATE).hiding(Secrets::LoginElsewhere),
    srv("psync", -3, ADMIN.or(NOSCRIPT).or(NO_ASYNC_LOADING).or(NO_MULTI), NO_ACL, NO_KEYS,
        sync, &docs::server::PSYNC),
    srv("replconf", -1, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE).or(ALLOW_BUSY), NO_ACL, NO_KEYS,
        replconf, &docs::server::REPLCONF),
    srv("replicaof", 3, ADMIN.or(NOSCRIPT).or(STALE).or(NO_ASYNC_LOADING), NO_ACL, NO_KEYS,
        replicaof, &docs::server::REPLICAOF),
    srv("role", 1, NOSCRIPT.or(LOADING).or(STALE).or(FAST), ADMIN_DANGEROUS, NO_KEYS,
        role, &docs::server::ROLE),
    srv("slaveof", 3, ADMIN.or(NOSCRIPT).or(STALE).or(NO_ASYNC_LOADING), NO_ACL, NO_KEYS,
        replicaof, &docs::server::SLAVEOF),
    srv("sync", 1, ADMIN.or(NOSCRIPT).or(NO_ASYNC_LOADING).or(NO_MULTI), NO_ACL, NO_KEYS,
        sync, &docs::server::SYNC),
    srv("wait", 3, BLOCKING, CONNECTION, NO_KEYS, wait, &docs::generic::WAIT),
    srv("waitaof", 4, BLOCKING, CONNECTION, NO_KEYS, waitaof, &docs::generic::WAITAOF),
];

/// ROLE
pub fn role(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    ctx.reply.array(3);
    ctx.reply.bulk(b"master");
    ctx.reply.int(0);
    ctx.reply.array(0);
    Ok(())
}

/// REPLICAOF <host port | NO ONE>
pub fn replicaof(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let (host, port) = (args.at(1), args.at(2));
    if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
        ctx.reply.ok();
        return Ok(());
    }
    let port = parse_i64(port).filter(|port| (0..=65_535).contains(port));
    port.ok_or(CommandError::fixed("ERR Invalid master port"))?;
    Err(CommandError::fixed(
        "ERR kvd cannot be a replica of another server yet",
    ))
}

/// FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]
pub fn failover(_ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let mut at = 1;
    while at < args.len() {
        let left = args.len() - at - 1;
        match args.at(at).to_ascii_lowercase().as_slice() {
            b"timeout" if left >= 1 => {
                let ms = parse_i64(args.at(at + 1)).ok_or(CommandError::NOT_INTEGER)?;
                if ms <= 0 {
                    return Err(CommandError::fixed(
                        "ERR FAILOVER timeout must be greater than 0",
                    ));
                }
                at += 2;
            }
            b"to" if left >= 2 => {
                parse_i64(args.at(at + 2)).ok_or(CommandError::NOT_INTEGER)?;
                at += 3;
            }
            b"abort" if args.len() == 2 => {
                return Err(CommandError::fixed("ERR No failover in progress."));
            }
            b"force" => at += 1,
            _ => return Err(CommandError::SYNTAX),
        }
    }
    Err(CommandError::fixed(
        "ERR FAILOVER requires connected replicas.",
    ))
}

/// WAIT numreplicas timeout: nobody will ever confirm, so that it waits for the whole time.
pub fn wait(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let replicas = parse_i64(args.at(1)).ok_or(CommandError::NOT_INTEGER)?;
    let timeout_ms = timeout(args.at(2))?;
    if replicas <= 0 || ctx.caller.deny_blocking {
        ctx.reply.int(0);
    } else {
        block(ctx, timeout_ms, TimeoutReply::Int(0));
    }
    Ok(())
}

/// WAITAOF numlocal numreplicas timeout
pub fn waitaof(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let local = parse_i64(args.at(1)).ok_or(CommandError::NOT_INTEGER)?;
    if !(0..=1).contains(&local) {
        return Err(CommandError::fixed(
            "ERR value is out of range, value must between 0 and 1",
        ));
    }
    let replicas = parse_i64(args.at(2)).ok_or(CommandError::NOT_INTEGER)?;
    if replicas < 0 {
        return Err(CommandError::MUST_BE_POSITIVE);
    }
    let timeout_ms = timeout(args.at(3))?;
    let is_on = ctx.engine.persist.aof.log.is_some();
    if local > 0 && !is_on {
        return Err(CommandError::fixed(
            "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
        ));
    }
    let client = ctx.client;
    let may_wait = !ctx.caller.deny_blocking;
    let is_durable = is_on && !ctx.engine.is_sync_due();
    let waits_here = local > 0 && !is_durable;
    if may_wait && (waits_here || replicas > 0) {
        if is_on {
            ctx.engine.await_sync(client, replicas == 0);
        }
        let reached = TimeoutReply::Ints([i64::from(is_durable), 0]);
        block(ctx, timeout_ms, reached);
    } else {
        ctx.reply.array(2);
        ctx.reply.int(i64::from(is_durable));
        ctx.reply.int(0);
    }
    Ok(())
}

/// SYNC, and PSYNC replicationid offset
pub fn sync(_ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    Err(CommandError::fixed("ERR kvd does not serve replicas yet"))
}

/// REPLCONF [option value ...]: what a replica says of itself before it asks for the data.
pub fn replconf(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    if args.len().is_multiple_of(2) {
        return Err(CommandError::SYNTAX);
    }
    ctx.reply.ok();
    Ok(())
}

/// MIGRATE host port <key | ""> destination-db timeout [...]
pub fn migrate(_ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    Err(CommandError::fixed("ERR kvd cannot migrate keys yet"))
}

fn timeout(word: &[u8]) -> Result<u64, CommandError> {
    let ms = parse_i64(word).ok_or(CommandError::fixed(
        "ERR timeout is not an integer or out of range",
    ))?;
    u64::try_from(ms).map_err(|_| CommandError::TIMEOUT_NEGATIVE)
}

fn block(ctx: &mut ServerCtx<'_>, timeout_ms: u64, on_timeout: TimeoutReply) {
    ctx.engine.effects.block(BlockRequest {
        keys: Vec::new(),
        kind: None,
        wakes_on_delete: false,
        timeout_ms,
        on_timeout,
        retry_after_ms: None,
        retry_as: None,
    });
}
