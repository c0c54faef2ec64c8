//! CONFIG GET SET RESETSTAT REWRITE HELP.
//!
//! The configuration itself checks values and takes all of a SET or nothing; here its changes are
//! put into effect, and taken back if that fails.

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};

use crate::config::{self, Access, Changes, SetError};
use crate::engine::Engine;
use crate::engine::clients::{Client, Endpoint};
use crate::engine::context::ServerCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::gates::ServerGates;
use crate::persist::save::disk_error_text;
use crate::resp::args::Args;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    container("config", -2, NO_FLAGS, NO_ACL, &docs::server::CONFIG),
    srv("config|get", -3, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        get, &docs::server::CONFIG_GET),
    srv("config|help", 2, LOADING.or(STALE), NO_ACL, NO_KEYS,
        help, &docs::server::CONFIG_HELP),
    srv("config|resetstat", 2, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        resetstat, &docs::server::CONFIG_RESETSTAT),
    srv("config|rewrite", 2, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        rewrite, &docs::server::CONFIG_REWRITE),
    srv("config|set", -4, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        set, &docs::server::CONFIG_SET).hiding(Secrets::OptionValues),
];

/// CONFIG GET parameter [parameter ...]
pub fn get(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let patterns: Vec<&[u8]> = args.iter_from(2).collect();
    let found = ctx.engine.config.get(&patterns);
    ctx.reply.map(found.len());
    for (name, value) in &found {
        ctx.reply.bulk(name);
        ctx.reply.bulk(value);
    }
    Ok(())
}

/// CONFIG SET parameter value [parameter value ...]
pub fn set(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    if !args.len().is_multiple_of(2) {
        return Err(CommandError::SYNTAX);
    }
    let pairs: Vec<(&[u8], &[u8])> = (2..args.len())
        .step_by(2)
        .map(|at| (args.at(at), args.at(at + 1)))
        .collect();
    let access = Access {
        is_local: is_local(ctx.client()),
        is_loading: ctx.engine.gates.has(ServerGates::LOADING),
    };
    let result = ctx
        .engine
        .config
        .set(&pairs, access)
        .and_then(|changes| put_into_effect(ctx.engine, changes));
    match result {
        Ok(()) => ctx.reply.ok(),
        Err(SetError::Loading) => return Err(CommandError::LOADING),
        Err(error) => return Err(CommandError::new(format!("ERR {error}"))),
    }
    Ok(())
}

/// CONFIG RESETSTAT
pub fn resetstat(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let engine = &mut *ctx.engine;
    engine.stats.reset();
    engine.effects.lookups = Default::default();
    engine.refusals = Default::default();
    engine.scripts.cache.evicted = 0;
    engine.keyspace.reset_freed();
    engine.housekeeping.reset_longest();
    ctx.reply.ok();
    Ok(())
}

/// CONFIG REWRITE
pub fn rewrite(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    rewrite_file(ctx.engine, false)?;
    ctx.reply.ok();
    Ok(())
}

/// CONFIG HELP
pub fn help(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply,
        "CONFIG",
        &[
            "GET <pattern> [<pattern> ...]",
            "    Return the options that match, with their values.",
            "SET <option> <value> [<option> <value> ...]",
            "    Change options: all of them, or none if one cannot be.",
            "RESETSTAT",
            "    Begin the counters of INFO again.",
            "REWRITE",
            "    Write the options that changed into the configuration file.",
        ],
    );
    Ok(())
}

/// How a line of a user begins.
const USER: &[u8] = b"user ";

/// Whether a client runs on this machine.
pub fn is_local(client: &Client) -> bool {
    match &client.about.endpoint {
        Endpoint::Tcp { peer, .. } => peer.ip().to_canonical().is_loopback(),
        Endpoint::Unix { .. } | Endpoint::Internal => true,
        Endpoint::Metrics { .. } => false,
    }
}

/// Brings the configuration file up to date; with `force_all` every option is written.
///
/// # Errors
/// There is no file, or it cannot be written.
pub fn rewrite_file(engine: &mut Engine, force_all: bool) -> CommandResult {
    let Some(path) = engine.config.config_file.clone() else {
        return Err(CommandError::fixed(
            "ERR The server is running without a config file",
        ));
    };
    let users = super::acl::lines(engine);
    let users: Vec<Vec<u8>> = users
        .iter()
        .map(|line| line[USER.len()..].to_vec())
        .collect();
    let users = engine.config.aclfile.is_empty().then_some(users);
    // A file that is gone is written anew.
    let old = engine.machine.read_config(&path).unwrap_or_default();
    let text = config::rewrite(&old, &engine.config, users.as_deref(), force_all);
    match engine.machine.replace_config(&path, &text) {
        Ok(()) => {
            tracing::info!("CONFIG REWRITE executed with success.");
            Ok(())
        }
        Err(error) => {
            tracing::warn!("CONFIG REWRITE failed: {error}");
            Err(CommandError::new(format!(
                "ERR Rewriting config file: {error}"
            )))
        }
    }
}

/// Lets changed options take effect; takes them back if one cannot.
fn put_into_effect(engine: &mut Engine, changes: Changes) -> Result<(), SetError> {
    if changes.has("dir") && engine.cancel_save() {
        tracing::warn!("Background saving was given up: the data directory changes");
    }
    if let Err(reason) = engine.configure_audit_log() {
        changes.undo(&mut engine.config);
        return Err(SetError::failed("audit-log-commands", reason));
    }
    if let Err(failed) = engine.machine.apply(&mut engine.config, changes.names()) {
        let names = changes.names().to_vec();
        changes.undo(&mut engine.config);
        // What was in effect before can be again.
        let _ = engine.machine.apply(&mut engine.config, &names);
        let _ = engine.configure_audit_log();
        return Err(SetError::failed(failed.option, failed.reason));
    }
    if changes.has("appendonly") {
        if !engine.config.appendonly {
            engine.switch_aof_off();
        } else if let Err(error) = engine.switch_aof_on() {
            let error = disk_error_text(&error);
            tracing::warn!("The append only file cannot be switched on: {error}");
            changes.undo(&mut engine.config);
            return Err(SetError::failed(
                "appendonly",
                "Unable to turn on AOF. Check server logs.",
            ));
        }
    }
    if changes.has("requirepass") {
        engine.apply_requirepass();
    }
    engine.apply_config();
    if changes.has("maxmemory") && engine.config.maxmemory > 0 {
        warn_of_small_maxmemory(engine);
    }
    Ok(())
}

fn warn_of_small_maxmemory(engine: &Engine) {
    let used = engine.used_bytes();
    let maxmemory = engine.config.maxmemory;
    if used > maxmemory {
        tracing::warn!(
            "the new maxmemory value set via CONFIG SET ({maxmemory}) is smaller than the current \
             memory usage ({used}). This will result in key eviction and/or the inability to \
             accept new write commands depending on the maxmemory-policy."
        );
    }
}
