//! One command from lookup to settled effects.
//!
//! `execute` is the only way a command of a client runs: lookup, gates, call, settle, then the
//! clients it woke. `call` is the nested form, for EXEC and scripts: it drains no other client.

use crate::engine::Engine;
use crate::engine::blocked::{BlockRequest, BlockedOn};
use crate::engine::busy::{Alone, WhileBusy};
use crate::engine::clients::{Client, ClientKey, Closing, ReplyMode, SessionGates};
use crate::engine::context::{Caller, KeyCtx, ServerCtx};
use crate::engine::effects::Wait;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::gates::ServerGates;
use crate::observe::Ran;
use crate::observe::audit;
use crate::resp::args::{Args, OwnedArgs};
use crate::resp::reply::{Checkpoint, Outbox, Protocol, Reply};
use crate::store::expire::ExpirePolicy;

use super::gates::{self, Verdict};
use super::keys::KeyRefs;
use super::lookup;
use super::table::{Command, Flags, Found, Handler, KEEPS_CACHING, READ, RUNS_SCRIPT};

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It ran, was queued or was refused: the next one may come.
    Done,
    /// Its client waits now: nothing more of it runs.
    Parked,
    /// It did not run and must be tried again later (CLIENT PAUSE).
    Postponed,
    /// It is to be run again in the next turn, where it goes on.
    GoesOn,
    /// The connection ends.
    Closing,
}

/// Commands that may run longer than this make the turn's time stale.
const STALE_NOW_NS: u64 = 500_000;

/// Runs one command of a client; the reply goes to `out`. `found` is what [`lookup::find`] says of
/// its arguments: whoever runs a batch has looked its commands up ahead.
///
/// A script that takes long has `busy` serve the others meanwhile: then this function is inside of
/// itself, for another client.
pub fn execute(
    engine: &mut Engine,
    key: ClientKey,
    found: Option<Found>,
    args: Args<'_>,
    out: &mut Outbox,
    busy: &mut dyn WhileBusy,
) -> Flow {
    let outer = engine.running.replace(key);
    let outer_pushed = std::mem::take(&mut engine.pushed_to_running);
    let flow = execute_one(engine, key, found, args, out, busy);
    engine.running = outer;
    if std::mem::replace(&mut engine.pushed_to_running, outer_pushed)
        && let Some(client) = engine.clients.find_mut(key)
    {
        out.append(&mut client.outbox);
    }
    // What a script has written so far wakes nobody before it ends.
    if outer.is_none() && !engine.blocked.is_empty() {
        serve_woken(engine);
    }
    flow
}

#[inline]
fn execute_one(
    engine: &mut Engine,
    key: ClientKey,
    found: Option<Found>,
    args: Args<'_>,
    out: &mut Outbox,
    busy: &mut dyn WhileBusy,
) -> Flow {
    let Some(client) = engine.clients.find_mut(key) else {
        return Flow::Closing;
    };
    let open = client.gates.is_open() && engine.gates.is_open();
    let before = out.checkpoint();
    let Some(found) = found else {
        let error = lookup::explain(&engine.registry, args);
        let named = lookup::named(&engine.registry, args);
        gates::refuse(engine, key, (named, args), &error, out);
        apply_reply_mode(engine, key, out, before);
        return Flow::Done;
    };
    client.last_command = Some(found.id);
    let mut caller = Caller::default();
    if !open {
        match gates::check(engine, key, found, args, out) {
            Verdict::Run => {}
            Verdict::Settled => {
                apply_reply_mode(engine, key, out, before);
                if let Some(client) = engine.clients.find_mut(key) {
                    client.walk = None;
                }
                // A transaction may have become too long.
                return match engine.closing(key) {
                    Closing::No => Flow::Done,
                    _ => Flow::Closing,
                };
            }
            Verdict::Postpone => {
                engine.wait_at_gate(key);
                return Flow::Postponed;
            }
        }
        if engine.gates.has(ServerGates::PAUSED) {
            caller.expiry = ExpirePolicy::ReportOnly;
        }
    }
    let ok = call(engine, key, found, args, out, caller, busy);
    if let Some(wait) = engine.effects.wait.take() {
        return put_off(engine, key, wait, args);
    }
    // Only a command that sees the server can end its own connection or ask for silence.
    let sees_server = matches!(found.command.handler, Handler::Server(_));
    if !open || sees_server {
        apply_reply_mode(engine, key, out, before);
        let keeps_caching = found.command.flags.contains(KEEPS_CACHING);
        if engine.effects.listeners.tracking && !keeps_caching {
            engine.end_caching(key);
        }
    }
    // Or one that answers more than may wait for its client.
    if (sees_server || !ok) && engine.closing(key) != Closing::No {
        return Flow::Closing;
    }
    Flow::Done
}

/// Runs a command that has passed the gates: calls its handler, writes its error if it has one,
/// counts it and settles its effects. Returns whether it succeeded.
#[inline]
pub fn call(
    engine: &mut Engine,
    key: ClientKey,
    found: Found,
    args: Args<'_>,
    out: &mut Outbox,
    mut caller: Caller,
    busy: &mut dyn WhileBusy,
) -> bool {
    let Some(client) = engine.clients.find_mut(key) else {
        return false;
    };
    client.commands += 1;
    caller.no_touch |= client.no_touch;
    caller.is_subscriber = client.gates.has(SessionGates::SUBSCRIBER);
    let (db, protocol) = (client.db, caller.protocol.unwrap_or(client.protocol));
    let started = engine.boundary_ns;
    let before = out.checkpoint();
    engine.effects.begin();
    let place = Place {
        db,
        protocol,
        caller,
    };
    let result = run_handler(engine, key, found, args, out, place, busy);
    let ended = engine.clock.mono_ns();
    engine.boundary_ns = ended;
    let spent_ns = std::mem::take(&mut engine.effects.spent_ns);
    let took_ns = ended.saturating_sub(started) + spent_ns;
    // Within a transaction or a script time stands still.
    if took_ns > STALE_NOW_NS && !caller.in_script && !caller.in_exec {
        engine.read_clock();
    }
    let ok = result.is_ok();
    if engine
        .gates
        .has(ServerGates::MONITOR.or(ServerGates::AUDIT))
    {
        observe_call(engine, key, found, args, caller, result.as_ref().err());
    }
    if let Err(error) = result {
        answer_error(engine, key, error, protocol, out, before);
    }
    // One that waits now counts when it has been served.
    if engine.effects.wait.is_none() {
        engine.stats.record(found.id.index(), took_ns, ok);
    }
    let reply_bytes = out.len_since(before);
    if engine.effects.listeners.tracking && reads_itself(found.command.flags) {
        remember_reads(engine, key, found, args);
    }
    // A little more often than it needs to be: whoever looks closely knows better.
    let is_large = reply_bytes + args.wire_bytes_at_most() >= engine.stats.large_bytes;
    if took_ns >= engine.stats.slow_ns || is_large || engine.hot.count_down() {
        let ran = Ran {
            found,
            args,
            db,
            took_ns,
            reply_bytes,
            in_script: caller.in_script,
        };
        crate::observe::look_closely(engine, key, &ran);
    }
    if !engine.effects.is_quiet() {
        settle(engine, key, found.command, db, args);
    }
    ok
}

/// Answers with an error instead of what the command has answered so far, and counts it.
#[cold]
fn answer_error(
    engine: &mut Engine,
    key: ClientKey,
    error: CommandError,
    protocol: Protocol,
    out: &mut Outbox,
    before: Checkpoint,
) {
    // Nothing waits for a client that has asked for silence.
    let is_heard = |client: &Client| client.reply_mode == ReplyMode::On;
    if error == CommandError::OUTPUT_LIMIT && engine.clients.find(key).is_some_and(is_heard) {
        engine.end_for_output(key, out.len() as u64);
    }
    out.truncate(before);
    engine.effects.wait = None;
    if !error.is_counted() {
        engine.stats.count_error(error.code());
    }
    Reply::new(out, protocol).error(error.line());
}

/// Tells those who want to know of every command.
#[cold]
fn observe_call(
    engine: &mut Engine,
    key: ClientKey,
    found: Found,
    args: Args<'_>,
    caller: Caller,
    error: Option<&CommandError>,
) {
    if engine.gates.has(ServerGates::AUDIT) {
        audit::command_ran(engine, key, found, args, caller, error);
    }
    if engine.gates.has(ServerGates::MONITOR) {
        engine.show_command(key, found.command, args, caller);
    }
}

/// Whether a command reads the keys it names: of a script, the commands in it do.
fn reads_itself(flags: Flags) -> bool {
    flags.contains(READ) && !flags.intersects(RUNS_SCRIPT)
}

/// A tracking client is told when what it read changes.
#[cold]
fn remember_reads(engine: &mut Engine, key: ClientKey, found: Found, args: Args<'_>) {
    let tracks = |client: &Client| client.tracking.is_some();
    if !engine.clients.find(key).is_some_and(tracks) {
        return;
    }
    let mut keys = KeyRefs::new();
    found.command.keys.extract(args, &mut keys);
    engine.remember_reads(key, keys.iter().map(|found| args.at(found.index as usize)));
}

/// Where and how a handler runs.
struct Place {
    db: u32,
    protocol: Protocol,
    caller: Caller,
}

#[inline]
fn run_handler(
    engine: &mut Engine,
    key: ClientKey,
    found: Found,
    args: Args<'_>,
    out: &mut Outbox,
    place: Place,
    busy: &mut dyn WhileBusy,
) -> CommandResult {
    let Place {
        db,
        protocol,
        caller,
    } = place;
    match found.command.handler {
        Handler::Key(handler) => {
            let mut ctx = KeyCtx {
                db: engine.keyspace.db_mut(db as usize),
                db_index: db,
                reply: Reply::new(out, protocol),
                effects: &mut engine.effects,
                rng: &mut engine.rng,
                now: engine.now,
                config: &engine.config,
                hasher: &engine.hasher,
                caller,
            };
            handler(&mut ctx, args)
        }
        Handler::Server(handler) => {
            let reply = Reply::new(out, protocol);
            handler(
                &mut ServerCtx {
                    engine,
                    client: key,
                    reply,
                    caller,
                    busy,
                },
                args,
            )
        }
        Handler::Container => Err(CommandError::SYNTAX),
    }
}

#[cold]
fn settle(engine: &mut Engine, key: ClientKey, command: &Command, db: u32, args: Args<'_>) {
    if engine.effects.listeners.propagation && engine.effects.propagates_verbatim() {
        if lookup::is_own_name(command, args.at(0)) {
            engine.propagate_verbatim(db, args);
        } else {
            // What is written does not depend on how clients call it.
            let name = std::iter::once(lookup::first_word(command).as_bytes());
            let own: OwnedArgs = name.chain(args.iter().skip(1)).collect();
            engine.propagate_verbatim(db, own.as_args());
        }
    }
    engine.settle(Some(key));
}

/// Has the client of a command that is not done wait.
#[cold]
fn put_off(engine: &mut Engine, key: ClientKey, wait: Wait, args: Args<'_>) -> Flow {
    match wait {
        Wait::Block(request) => {
            park(engine, key, *request, args);
            Flow::Parked
        }
        Wait::Turn => {
            // It counts when it is done.
            if let Some(client) = engine.clients.find_mut(key) {
                client.commands -= 1;
            }
            Flow::GoesOn
        }
    }
}

/// Puts a client to wait.
fn park(engine: &mut Engine, key: ClientKey, mut request: BlockRequest, args: Args<'_>) {
    let deadline_us = (request.timeout_ms > 0).then(|| {
        engine
            .now
            .mono_us
            .saturating_add(request.timeout_ms.saturating_mul(1_000))
    });
    let retry_us = retry_us(engine, &request);
    let ticket = engine.blocked.ticket();
    let Some(client) = engine.clients.find_mut(key) else {
        return;
    };
    let retry_as = request.retry_as.take();
    let on = BlockedOn {
        request,
        db: client.db,
        args: retry_as.unwrap_or_else(|| OwnedArgs::from(args)),
        deadline_us,
        retry_us,
        ticket,
    };
    engine.blocked.enqueue(key, &on);
    client.blocked = Some(Box::new(on));
    // It counts when it has been served.
    client.commands -= 1;
    engine.refresh_listeners();
}

/// When time alone may serve a command that waits, on the monotonic clock in microseconds.
fn retry_us(engine: &Engine, request: &BlockRequest) -> Option<u64> {
    let after_us = request.retry_after_ms?.saturating_mul(1_000);
    Some(engine.now.mono_us.saturating_add(after_us))
}

/// Serves the clients that time or background work made ready, after a tick. Not while a script
/// runs, or writes are paused: it is tried again when they are over.
pub fn serve_waiting(engine: &mut Engine) {
    let must_wait = engine.running.is_some() || engine.gates.has(ServerGates::PAUSED);
    if engine.blocked.is_empty() || must_wait {
        return;
    }
    while let Some(client) = engine.blocked.take_retry(engine.now.mono_us) {
        retry(engine, client);
    }
    serve_woken(engine);
}

/// Serves the clients that the last command made ready, in the order of their arrival, until none
/// is left. What they change may wake others.
pub fn serve_woken(engine: &mut Engine) {
    while let Some((db, key, clients)) = engine.blocked.next_ready() {
        for client in clients {
            if may_serve(engine, db, &key, client) {
                retry(engine, client);
            }
        }
    }
}

/// Whether a changed key can serve a client: it holds the type waited for.
fn may_serve(engine: &mut Engine, db: u32, key: &[u8], client: ClientKey) -> bool {
    let Some(on) = engine.clients.find(client).and_then(|c| c.blocked.as_ref()) else {
        return false;
    };
    let (kind, wakes_on_delete) = (on.request.kind, on.request.wakes_on_delete);
    let hash = crate::store::hash::hash_bytes(&engine.hasher, key);
    let key = crate::store::db::Key { bytes: key, hash };
    let found = engine
        .keyspace
        .db(db as usize)
        .and_then(|db| db.find(&key).map(|slot| db.kind(slot)));
    match (found, kind) {
        (Some(found), Some(kind)) => found == kind || wakes_on_delete,
        (Some(_), None) => true,
        (None, _) => wakes_on_delete,
    }
}

/// Runs the command of a blocked client again. If it still cannot be served it keeps its place.
fn retry(engine: &mut Engine, key: ClientKey) {
    let Some(client) = engine.clients.find_mut(key) else {
        return;
    };
    let Some(mut on) = client.blocked.take() else {
        return;
    };
    let selected = std::mem::replace(&mut client.db, on.db);
    let mut out = std::mem::take(&mut client.outbox);
    let args = on.args.as_args();
    let before = out.checkpoint();
    engine.boundary_ns = engine.clock.mono_ns();
    if let Some(found) = lookup::find(&engine.registry, args)
        && gates::is_still_permitted(engine, key, found, args, &mut out)
    {
        let caller = Caller {
            reprocessing: true,
            ..Caller::default()
        };
        call(engine, key, found, args, &mut out, caller, &mut Alone);
    }
    let still_blocked = match engine.effects.wait.take() {
        Some(Wait::Block(request)) => Some(request),
        _ => None,
    };
    let retry_us = still_blocked.as_deref().and_then(|r| retry_us(engine, r));
    let Some(client) = engine.clients.find_mut(key) else {
        return;
    };
    client.db = selected;
    // What others pushed to this client while its command ran comes after its reply.
    out.append(&mut client.outbox);
    client.outbox = out;
    if still_blocked.is_some() {
        client.commands -= 1;
        engine.blocked.retry_later(key, &mut on, retry_us);
        client.blocked = Some(on);
        return;
    }
    if !client.takes_reply() {
        client.outbox.truncate(before);
    }
    engine.blocked.dequeue(&on);
    engine.refresh_listeners();
    engine.mark_dirty(key);
    engine.mark_ready(key);
}

/// CLIENT REPLY OFF and SKIP: takes the reply back.
fn apply_reply_mode(
    engine: &mut Engine,
    key: ClientKey,
    out: &mut Outbox,
    before: crate::resp::reply::Checkpoint,
) {
    let Some(client) = engine.clients.find_mut(key) else {
        return;
    };
    if !client.takes_reply() {
        out.truncate(before);
    }
}
