//! One line of CLIENT LIST.

use std::io::Write;

use crate::engine::Engine;
use crate::engine::clients::{Client, Closing, SessionGates};
use crate::engine::pubsub::Scope;
use crate::resp::LARGE_BULK;
use crate::resp::reply::Protocol;

/// What CLIENT LIST says of a client, without a line end.
pub(crate) fn of(engine: &Engine, client: &Client) -> Vec<u8> {
    let about = &client.about;
    let count = |scope| {
        let subscriptions = client.subscriptions.as_ref();
        subscriptions.map_or(0, |state| state.of(scope).len())
    };
    let transaction = client.transaction.as_ref();
    let queued = transaction.map_or(-1, |t| t.commands.len() as i64);
    let age_s = (engine.now.unix_ms - client.created_ms).max(0) / 1_000;
    let mut line = Vec::with_capacity(400);
    let mut put = |name: &str, value: &[u8]| {
        if !line.is_empty() {
            line.push(b' ');
        }
        line.extend_from_slice(name.as_bytes());
        line.push(b'=');
        line.extend_from_slice(value);
    };
    put("id", client.id.to_string().as_bytes());
    put("addr", about.endpoint.peer().as_bytes());
    put("laddr", about.endpoint.local().as_bytes());
    put(
        "fd",
        (client.key.index + FIRST_CLIENT_FD).to_string().as_bytes(),
    );
    put("name", &about.name);
    put("age", age_s.to_string().as_bytes());
    put("idle", idle_s(engine, client).to_string().as_bytes());
    put("flags", flags(client).as_bytes());
    put("capa", if about.redirect { b"r" } else { b"" });
    put("db", client.db.to_string().as_bytes());
    put("sub", count(Scope::Channel).to_string().as_bytes());
    put("psub", count(Scope::Pattern).to_string().as_bytes());
    put("ssub", count(Scope::Shard).to_string().as_bytes());
    put("multi", queued.to_string().as_bytes());
    put_buffers(engine, client, &mut line);
    for (name, value) in [("lib-name", &about.lib_name), ("lib-ver", &about.lib_ver)] {
        line.extend_from_slice(format!(" {name}=").as_bytes());
        line.extend_from_slice(value);
    }
    let _ = write!(
        line,
        " tot-net-in={} tot-net-out={} tot-cmds={}",
        client.input_bytes, client.output_bytes, client.commands
    );
    line
}

/// `obl`, `oll` and `omem`: small replies lie in the client's own buffer, as in Redis; larger ones
/// in a list.
fn output_sizes(client: &Client) -> (usize, usize, usize) {
    match client.outbox.len() {
        pending if pending < LARGE_BULK => (pending, 0, 0),
        pending => (0, pending.div_ceil(LARGE_BULK), client.outbox.heap_bytes()),
    }
}

/// The fields about buffers and the last command: figures, which need no escaping.
fn put_buffers(engine: &Engine, client: &Client, line: &mut Vec<u8>) {
    let about = &client.about;
    let transaction = client.transaction.as_ref();
    let pending = client.outbox.len();
    let (obl, oll, omem) = output_sizes(client);
    let resp = if client.protocol == Protocol::Resp3 {
        3
    } else {
        2
    };
    let command = client
        .last_command
        .and_then(|id| engine.registry.command(id));
    let large = client.large.as_ref().map_or(0, |large| large.heap_bytes());
    let watched = client.watch.as_ref().map_or(0, |watch| watch.keys.len());
    // Writing into memory does not fail.
    let _ = write!(
        line,
        " watch={watched} qbuf={} qbuf-free={} argv-mem={} multi-mem={} rbs={} rbp={} obl={obl} \
         oll={oll} omem={omem} tot-mem={} events={} cmd={} user={} redir={} resp={resp}",
        client.inbox.len() + large,
        client.inbox.heap_bytes() - client.inbox.len(),
        client.waiting_bytes(),
        transaction.map_or(0, |t| t.queued_bytes),
        client.outbox.heap_bytes().min(LARGE_BULK),
        client.outbox.heap_bytes().min(LARGE_BULK),
        client.memory_bytes(),
        if pending == 0 { "r" } else { "rw" },
        command.map_or("NULL", |command| command.name),
        String::from_utf8_lossy(&about.user),
        super::tracking::redirect(client.tracking.as_deref()),
    );
}

/// Descriptors below this are the process's own. The core knows no descriptors: the figure tells
/// connections apart, no more.
const FIRST_CLIENT_FD: u32 = 8;

/// How long a client has sent nothing.
pub(super) fn idle_s(engine: &Engine, client: &Client) -> u64 {
    engine.now.mono_us.saturating_sub(client.active_us) / 1_000_000
}

/// The letters of a client's state.
pub(super) fn flags(client: &Client) -> String {
    let is_dirty = client.watch.as_ref().is_some_and(|watch| watch.dirty);
    let tracked = client.tracking.as_deref();
    let letters = [
        ('O', client.gates.has(SessionGates::MONITOR)),
        ('P', client.gates.has(SessionGates::SUBSCRIBER)),
        ('x', client.transaction.is_some()),
        ('b', client.is_blocked() || client.is_paused),
        ('t', client.gates.has(SessionGates::TRACKING)),
        ('R', tracked.is_some_and(|tracked| tracked.is_broken)),
        ('B', tracked.is_some_and(|tracked| tracked.broadcast)),
        ('d', is_dirty),
        ('c', client.closing == Closing::AfterFlush),
        ('A', client.closing == Closing::Now),
        ('U', client.about.endpoint.is_unix()),
        ('r', client.about.read_only),
        ('e', client.no_evict),
        ('T', client.no_touch),
        ('I', client.about.import_source),
    ];
    let set: String = letters
        .into_iter()
        .filter(|(_, on)| *on)
        .map(|(letter, _)| letter)
        .collect();
    if set.is_empty() { "N".to_owned() } else { set }
}
