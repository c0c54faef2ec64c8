//! MEMORY: where the memory goes.

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};

use crate::engine::Engine;
use crate::engine::context::{KeyCtx, ServerCtx};
use crate::engine::error::{CommandError, CommandResult};
use crate::observe::info::{Account, ratio};
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::resp::reply::Reply;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    container("memory", -2, NO_FLAGS, NO_ACL, &docs::server::MEMORY),
    srv("memory|doctor", 2, NO_FLAGS, NO_ACL, NO_KEYS,
        doctor, &docs::server::MEMORY_DOCTOR),
    srv("memory|help", 2, LOADING.or(STALE), NO_ACL, NO_KEYS,
        help, &docs::server::MEMORY_HELP),
    srv("memory|malloc-stats", 2, LOADING, NO_ACL, NO_KEYS,
        malloc_stats, &docs::server::MEMORY_MALLOC_STATS),
    srv("memory|purge", 2, LOADING, NO_ACL, NO_KEYS,
        purge, &docs::server::MEMORY_PURGE),
    srv("memory|stats", 2, NO_FLAGS, NO_ACL, NO_KEYS,
        stats, &docs::server::MEMORY_STATS),
    key("memory|usage", -3, READ, NO_ACL, RO_2, usage, &docs::server::MEMORY_USAGE),
];

/// Elements of a collection that MEMORY USAGE looks at if nobody says how many.
const SAMPLES_DEFAULT: usize = 5;
/// Below this, figures say nothing about a server.
const DIAGNOSABLE_BYTES_MIN: u64 = 5 << 20;

/// MEMORY USAGE key [SAMPLES count]
pub fn usage(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let mut samples = SAMPLES_DEFAULT;
    for at in (3..args.len()).step_by(2) {
        let Some(count) = args.get(at + 1) else {
            return Err(CommandError::SYNTAX);
        };
        if !args.at(at).eq_ignore_ascii_case(b"samples") {
            return Err(CommandError::SYNTAX);
        }
        let count = parse_i64(count).ok_or(CommandError::NOT_INTEGER)?;
        samples = usize::try_from(count).map_err(|_| CommandError::SYNTAX)?;
    }
    let key = ctx.key(args.at(2));
    match ctx.peek(&key) {
        None => ctx.reply.null(),
        Some(slot) => ctx.reply.int(ctx.db.memory_bytes(slot, samples) as i64),
    }
    Ok(())
}

/// MEMORY STATS
pub fn stats(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let account = Account::of(ctx.engine);
    let mark = ctx.reply.begin_map();
    let reply = &mut ctx.reply;
    let mut count = ints(
        reply,
        &[
            ("peak.allocated", account.peak as i64),
            ("total.allocated", account.used as i64),
            ("startup.allocated", account.startup as i64),
            ("replication.backlog", 0),
            ("replicas.repl.buffer", 0),
            ("clients.slaves", 0),
            ("clients.normal", account.clients as i64),
            ("cluster.links", 0),
            ("aof.buffer", 0),
            ("lua.caches", 0),
            ("functions.caches", 0),
        ],
    );
    count += databases(reply, ctx.engine);
    let since_start = account.used.saturating_sub(account.startup);
    count += ints(
        reply,
        &[
            ("overhead.db.hashtable.lut", account.tables as i64),
            ("overhead.db.hashtable.rehashing", 0),
            ("overhead.total", account.overhead as i64),
            ("db.dict.rehashing.count", 0),
            ("keys.count", account.keys as i64),
            (
                "keys.bytes-per-key",
                since_start.checked_div(account.keys).unwrap_or(0) as i64,
            ),
            ("dataset.bytes", account.dataset as i64),
        ],
    );
    count += doubles(
        reply,
        &[
            ("dataset.percentage", account.dataset_percent()),
            ("peak.percentage", ratio(account.used * 100, account.peak)),
        ],
    );
    count += allocator(reply, &account);
    ctx.reply.end_map(mark, count);
    Ok(())
}

/// MEMORY DOCTOR
pub fn doctor(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let account = Account::of(ctx.engine);
    let text = diagnosis(&account);
    ctx.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

/// MEMORY PURGE
pub fn purge(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    ctx.engine.machine.purge();
    ctx.reply.ok();
    Ok(())
}

/// MEMORY MALLOC-STATS
pub fn malloc_stats(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let text = ctx.engine.machine.malloc_stats();
    ctx.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

/// MEMORY HELP
pub fn help(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply,
        "MEMORY",
        &[
            "DOCTOR",
            "    Return what seems wrong about the memory.",
            "MALLOC-STATS",
            "    Return the allocator's report.",
            "PURGE",
            "    Give unused memory back to the operating system.",
            "STATS",
            "    Return where the memory goes.",
            "USAGE <key> [SAMPLES <count>]",
            "    Return the memory of a key and its value. Of some collections <count> elements",
            "    are looked at (5 unless said otherwise, 0: all).",
        ],
    );
    Ok(())
}

fn databases(reply: &mut Reply<'_>, engine: &Engine) -> usize {
    let mut count = 0;
    for (number, db) in engine.keyspace.iter().filter(|(_, db)| !db.is_empty()) {
        reply.bulk(format!("db.{number}").as_bytes());
        reply.map(2);
        ints(
            reply,
            &[
                ("overhead.hashtable.main", db.overhead_bytes() as i64),
                ("overhead.hashtable.expires", 0),
            ],
        );
        count += 1;
    }
    count
}

fn allocator(reply: &mut Reply<'_>, account: &Account) -> usize {
    let allocator = &account.allocator;
    let mut count = ints(
        reply,
        &[
            ("allocator.allocated", allocator.allocated as i64),
            ("allocator.active", allocator.active as i64),
            ("allocator.resident", allocator.resident as i64),
            ("allocator.muzzy", 0),
        ],
    );
    let pairs = [
        (
            "allocator-fragmentation",
            allocator.active,
            allocator.allocated,
        ),
        ("allocator-rss", allocator.resident, allocator.active),
        ("rss-overhead", account.rss, allocator.resident),
        ("fragmentation", account.rss, account.used),
    ];
    for (name, a, b) in pairs {
        let (ratio_name, bytes_name) = match name {
            "fragmentation" => (name.to_owned(), "fragmentation.bytes".to_owned()),
            _ => (format!("{name}.ratio"), format!("{name}.bytes")),
        };
        count += doubles(reply, &[(&ratio_name, ratio(a, b))]);
        count += ints(reply, &[(&bytes_name, a as i64 - b as i64)]);
    }
    count
}

fn ints(reply: &mut Reply<'_>, fields: &[(&str, i64)]) -> usize {
    for (name, value) in fields {
        reply.bulk(name.as_bytes());
        reply.int(*value);
    }
    fields.len()
}

fn doubles(reply: &mut Reply<'_>, fields: &[(&str, f64)]) -> usize {
    for (name, value) in fields {
        reply.bulk(name.as_bytes());
        reply.double(*value);
    }
    fields.len()
}

fn diagnosis(account: &Account) -> String {
    if account.used < DIAGNOSABLE_BYTES_MIN {
        return "This server is empty or holds very little: its memory tells nothing yet.\n"
            .to_owned();
    }
    let allocator = &account.allocator;
    let findings = [
        (
            ratio(account.peak, account.used) > 1.5,
            "Peak: more than one and a half times as much memory was in use before. What the \
             allocator keeps from then makes the process look larger than its data; MEMORY PURGE \
             gives it back.",
        ),
        (
            ratio(allocator.active, allocator.allocated) > 1.4,
            "Fragmentation: pages are held by a few small allocations each. It lessens as keys \
             come and go.",
        ),
        (
            ratio(account.rss, allocator.resident.max(1)) > 1.1,
            "Process: much of its memory is not the allocator's. Look at other libraries and at \
             huge pages.",
        ),
        (
            account.clients > account.used / 2,
            "Clients: their buffers take more than half of the memory. CLIENT LIST shows whose; \
             maxmemory-clients limits them.",
        ),
    ];
    let found: Vec<&str> = findings
        .iter()
        .filter(|(is_so, _)| *is_so)
        .map(|(_, text)| *text)
        .collect();
    if found.is_empty() {
        return "Nothing seems wrong about the memory of this server.\n".to_owned();
    }
    found.iter().map(|text| format!("* {text}\n")).collect()
}
