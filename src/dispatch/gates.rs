//! What stands between a command and its handler, in Redis's order.
//!
//! Ordinary clients on an ordinary day do not come here: [`check`] runs only when the client or
//! the server has a gate set (`SessionGates`, `ServerGates`).

use crate::acl::Context;
use crate::commands::acl;
use crate::engine::Engine;
use crate::engine::clients::{ClientKey, SessionGates, Transaction};
use crate::engine::error::CommandError;
use crate::engine::gates::ServerGates;
use crate::engine::pause::PauseMode;
use crate::observe::audit;
use crate::resp::args::{Args, OwnedArgs};
use crate::resp::reply::{Outbox, Protocol, Reply};
use crate::script::flags::ScriptFlags;
use crate::store::db::{Db, Key};

use super::keys::KeyRefs;
use super::table::{
    ALLOW_BUSY, BY_FUNCTION, BY_SCRIPT, BY_SHA, DENYOOM, ENDS_MULTI, Flags, Found, LOADING,
    MAY_REPLICATE, NO_AUTH, NO_MULTI, READ, RUNS_IN_MULTI, STALE, SUBSCRIBER_MAY, TELLS_OF_DISK,
    WRITE,
};

/// What the gates say of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may run.
    Run,
    /// It was refused or queued; its reply is written.
    Settled,
    /// It must be tried again later.
    Postpone,
}

/// Checks a command against everything that may stand in its way.
pub fn check(
    engine: &mut Engine,
    key: ClientKey,
    found: Found,
    args: Args<'_>,
    out: &mut Outbox,
) -> Verdict {
    let flags = flags_of(engine, found, args);
    if let Err(error) = permitted(engine, key, found, args, flags) {
        refuse(engine, key, (Some(found), args), &error, out);
        return Verdict::Settled;
    }
    if is_paused(engine, key, found, flags) {
        return Verdict::Postpone;
    }
    let in_multi = engine
        .clients
        .find(key)
        .is_some_and(|c| c.gates.has(SessionGates::IN_MULTI));
    if in_multi && !found.command.flags.contains(RUNS_IN_MULTI) {
        queue(engine, key, (found, flags), args, out);
        return Verdict::Settled;
    }
    if engine.gates.has(ServerGates::SNAPSHOT) && must_wait(engine, key, (found, flags), args) {
        return Verdict::Postpone;
    }
    Verdict::Run
}

/// Whether a command has to wait for the snapshot: it may change keys while too much is kept, or
/// a collection so large that it must not be kept in one go.
fn must_wait(
    engine: &mut Engine,
    key: ClientKey,
    (found, flags): (Found, Flags),
    args: Args<'_>,
) -> bool {
    if !flags.intersects(WRITE.or(MAY_REPLICATE)) {
        return engine.persist.is_behind() && executes_writes(engine, key, found);
    }
    if engine.persist.is_behind() {
        return true;
    }
    let Some(db) = engine.clients.find(key).map(|client| client.db as usize) else {
        return false;
    };
    let has_collections = |db: &Db| db.is_snapshot_wanted() && db.has_objects();
    if !engine.keyspace.db(db).is_some_and(has_collections) {
        return false;
    }
    let mut keys = KeyRefs::new();
    found.command.keys.extract(args, &mut keys);
    let db = engine.keyspace.db_mut(db);
    keys.iter().any(|found| {
        let key = Key::new(&engine.hasher, args.at(found.index as usize));
        db.find(&key).is_some_and(|slot| db.must_wait(slot))
    })
}

/// Whether it is the end of a transaction that changes something.
fn executes_writes(engine: &Engine, key: ClientKey, found: Found) -> bool {
    executes(engine, key, found, |transaction| transaction.has_writes)
}

/// Whether it is the end of such a transaction.
fn executes(
    engine: &Engine,
    key: ClientKey,
    found: Found,
    is_such: impl Fn(&Transaction) -> bool,
) -> bool {
    if !found.command.flags.contains(ENDS_MULTI) {
        return false;
    }
    let client = engine.clients.find(key);
    let transaction = client.and_then(|client| client.transaction.as_deref());
    transaction.is_some_and(is_such)
}

/// The flags of a command; those of a script are what its first line says, where it says anything.
fn flags_of(engine: &Engine, found: Found, args: Args<'_>) -> Flags {
    let flags = found.command.flags;
    let (scripts, what) = (&engine.scripts, args.at(1));
    let declared = if flags.contains(BY_SCRIPT) {
        scripts.script_flags(what)
    } else if flags.contains(BY_SHA) {
        scripts.sha_flags(what)
    } else if flags.contains(BY_FUNCTION) {
        scripts.function_flags(what)
    } else {
        return flags;
    };
    let Some(declared) = declared.filter(|flags| !flags.has(ScriptFlags::UNDECLARED)) else {
        return flags;
    };
    let writes = !declared.has(ScriptFlags::NO_WRITES);
    let mut flags = flags.without(STALE.or(DENYOOM).or(WRITE).or(MAY_REPLICATE));
    if writes {
        flags = flags.or(WRITE);
    }
    if writes && !declared.has(ScriptFlags::ALLOW_OOM) {
        flags = flags.or(DENYOOM);
    }
    if declared.has(ScriptFlags::ALLOW_STALE) {
        flags = flags.or(STALE);
    }
    flags
}

/// Whether a command that has waited may run: what stands in its way may have come meanwhile. If
/// not it is refused.
pub fn is_still_permitted(
    engine: &mut Engine,
    key: ClientKey,
    found: Found,
    args: Args<'_>,
    out: &mut Outbox,
) -> bool {
    let Err(error) = permitted(engine, key, found, args, found.command.flags) else {
        return true;
    };
    refuse(engine, key, (Some(found), args), &error, out);
    false
}

fn permitted(
    engine: &mut Engine,
    key: ClientKey,
    found: Found,
    args: Args<'_>,
    flags: Flags,
) -> Result<(), CommandError> {
    let Some(client) = engine.clients.find(key) else {
        return Err(CommandError::NO_AUTH);
    };
    let session = client.gates;
    let server = engine.gates;
    if session.has(SessionGates::UNAUTHENTICATED) && !flags.contains(NO_AUTH) {
        return Err(CommandError::NO_AUTH);
    }
    let protocol = client.protocol;
    if session.has(SessionGates::IN_MULTI) && flags.contains(NO_MULTI) {
        return Err(CommandError::new(format!(
            "ERR Command '{}' not allowed inside a transaction",
            found.command.name
        )));
    }
    if session.has(SessionGates::RESTRICTED) {
        acl::check(engine, key, found, args, context_of(engine, key))?;
    }
    if session.has(SessionGates::MONITOR) && flags.intersects(WRITE.or(READ).or(MAY_REPLICATE)) {
        return Err(CommandError::fixed(
            "ERR Replica can't interact with the keyspace",
        ));
    }
    if server.has(ServerGates::MEMORY) {
        let needs = flags.contains(DENYOOM) || executes(engine, key, found, |t| t.has_deny_oom);
        if needs && !engine.make_room() {
            return Err(CommandError::OOM);
        }
    }
    if server.has(ServerGates::REFUSES_WRITES) {
        let writes = flags.contains(WRITE) || executes_writes(engine, key, found);
        let refusal = match writes {
            true => engine.write_refusal(),
            false if flags.contains(TELLS_OF_DISK) => engine.disk_refusal(),
            false => None,
        };
        refusal.map_or(Ok(()), Err)?;
    }
    if session.has(SessionGates::SUBSCRIBER)
        && protocol == Protocol::Resp2
        && !flags.contains(SUBSCRIBER_MAY)
    {
        return Err(subscriber_only(found.command.name));
    }
    if server.has(ServerGates::LOADING)
        && (!flags.contains(LOADING) || executes(engine, key, found, |t| t.needs_data))
    {
        return Err(CommandError::LOADING);
    }
    if server.has(ServerGates::BUSY) && !flags.contains(ALLOW_BUSY) {
        return Err(engine.busy_error());
    }
    Ok(())
}

/// Where a command is that a client has sent.
fn context_of(engine: &Engine, key: ClientKey) -> Context {
    let client = engine.clients.find(key);
    match client.is_some_and(|client| client.gates.has(SessionGates::IN_MULTI)) {
        true => Context::Multi,
        false => Context::TopLevel,
    }
}

#[cold]
fn subscriber_only(name: &str) -> CommandError {
    CommandError::new(format!(
        "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET \
         are allowed in this context"
    ))
}

fn is_paused(engine: &Engine, key: ClientKey, found: Found, flags: Flags) -> bool {
    let Some((mode, _)) = engine.pause.active() else {
        return false;
    };
    mode == PauseMode::All
        || flags.intersects(WRITE.or(MAY_REPLICATE))
        || executes_writes(engine, key, found)
}

/// Puts a command into the transaction of its client.
fn queue(
    engine: &mut Engine,
    key: ClientKey,
    (found, flags): (Found, Flags),
    args: Args<'_>,
    out: &mut Outbox,
) {
    let Some(client) = engine.clients.find_mut(key) else {
        return;
    };
    let transaction = client.transaction.get_or_insert_default();
    let owned = OwnedArgs::from(args);
    transaction.queued_bytes += owned.heap_bytes();
    transaction.has_writes |= flags.intersects(WRITE.or(MAY_REPLICATE));
    transaction.has_deny_oom |= flags.contains(DENYOOM);
    transaction.needs_data |= !flags.contains(LOADING);
    transaction.commands.push((found.id, owned));
    Reply::new(out, client.protocol).simple("QUEUED");
    engine.check_query_limit(key);
}

/// Writes the error of a command that never ran, and fails the transaction it was meant for.
#[cold]
pub fn refuse(
    engine: &mut Engine,
    key: ClientKey,
    (found, args): (Option<Found>, Args<'_>),
    error: &CommandError,
    out: &mut Outbox,
) {
    if let Some(found) = found {
        if engine.gates.has(ServerGates::AUDIT) {
            audit::command_refused(engine, key, found, args, context_of(engine, key), error);
        }
        engine.stats.count_rejected(found.id.index());
        if found.command.flags.contains(ENDS_MULTI) {
            return abort(engine, key, error, out);
        }
    }
    engine.stats.count_error(error.code());
    let Some(client) = engine.clients.find_mut(key) else {
        return;
    };
    if let Some(transaction) = client.transaction.as_mut() {
        transaction.aborted = true;
    }
    Reply::new(out, client.protocol).error(error.line());
}

/// An EXEC that may not run ends its transaction: the client would not know what is left of it.
fn abort(engine: &mut Engine, key: ClientKey, error: &CommandError, out: &mut Outbox) {
    engine.stats.count_error("EXECABORT");
    engine.take_transaction(key);
    if let Some(client) = engine.clients.find(key) {
        let line = error.line();
        let line = line.strip_prefix("ERR ").unwrap_or(line);
        let line = format!("EXECABORT Transaction discarded because of: {line}");
        Reply::new(out, client.protocol).error(&line);
    }
}
