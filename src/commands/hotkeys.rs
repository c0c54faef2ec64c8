//! HOTKEYS: which keys are used most, and which are the biggest.
//!
//! Two servers have a command of this name. Redis 8.6 has sessions: START, GET, STOP, RESET. Valkey
//! 9.2 counts all the time: GET, RESET. As long as there is a session, GET and RESET are Redis's,
//! for whoever sent START waits for its answer; without one they are Valkey's. Where
//! `hotkeys-top-k` is 0 nothing is counted all the time, and GET without a session answers null as
//! Redis does. TOP and BIG are kvd's own.

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};

use crate::engine::context::ServerCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::observe::hot;
use crate::observe::hot::session::{COUNT_DEFAULT, COUNT_MAX, DURATION_S_MAX, Session, Settings};
use crate::observe::hot::summary::{Order, Tracked};
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::resp::reply::Reply;
use crate::store::value::Kind;

use super::member::unknown_type;

const RUN: Flags = ADMIN.or(NOSCRIPT);

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    container("hotkeys", -2, NO_FLAGS, NO_ACL, &docs::server::HOTKEYS),
    srv("hotkeys|big", -2, RUN, NO_ACL, NO_KEYS, big, &docs::server::HOTKEYS_BIG),
    srv("hotkeys|get", 2, RUN, NO_ACL, NO_KEYS, get, &docs::server::HOTKEYS_GET),
    srv("hotkeys|help", 2, LOADING.or(STALE), NO_ACL, NO_KEYS, help, &docs::server::HOTKEYS_HELP),
    srv("hotkeys|reset", 2, RUN, NO_ACL, NO_KEYS, reset, &docs::server::HOTKEYS_RESET),
    srv("hotkeys|start", -2, RUN, NO_ACL, NO_KEYS, start, &docs::server::HOTKEYS_START),
    srv("hotkeys|stop", 2, RUN, NO_ACL, NO_KEYS, stop, &docs::server::HOTKEYS_STOP),
    srv("hotkeys|top", -2, RUN, NO_ACL, NO_KEYS, top, &docs::server::HOTKEYS_TOP),
];

/// Metrics that a session can have.
const METRICS_MAX: i64 = 2;
/// The slots of a cluster, of which this server has all.
const LAST_SLOT: i64 = 16_383;
/// What SAMPLE goes up to.
const RATIO_MAX: i64 = i32::MAX as i64;

/// HOTKEYS START METRICS count [CPU] [NET] [COUNT k] [DURATION seconds] [SAMPLE ratio]
pub fn start(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    hot::end_session_in_time(ctx.engine);
    if session(ctx).is_some_and(Session::is_active) {
        return Err(CommandError::fixed(
            "ERR hotkey tracking session already in progress",
        ));
    }
    let settings = settings(args)?;
    let usage = ctx.engine.machine.usage();
    let began_ms = ctx.engine.now.unix_ms;
    let session = Session::new(settings, began_ms, usage);
    ctx.engine.hot.begin_session(session);
    ctx.reply.ok();
    Ok(())
}

/// HOTKEYS STOP
pub fn stop(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    hot::end_session_in_time(ctx.engine);
    let engine = &mut *ctx.engine;
    match engine.hot.session.as_deref_mut() {
        Some(session) if session.is_active() => {
            session.end(engine.now.unix_ms, engine.machine.usage());
            ctx.reply.ok();
        }
        _ => ctx.reply.null(),
    }
    Ok(())
}

/// HOTKEYS GET
pub fn get(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    hot::end_session_in_time(ctx.engine);
    let engine = &mut *ctx.engine;
    let reply = &mut ctx.reply;
    if let Some(session) = engine.hot.session.as_deref() {
        let usage = engine.machine.usage();
        let extent = session.extent(engine.now.unix_ms, usage);
        reply.array(1);
        report(reply, session, extent);
        return Ok(());
    }
    if engine.hot.top() == 0 {
        reply.null();
        return Ok(());
    }
    engine.hot.rotate(engine.now.mono_us);
    let window = engine.hot.window();
    let ranked = engine.hot.ranked(Order::Calls, engine.hot.top());
    reply.array(ranked.len());
    for key in ranked {
        reply.map(3);
        name(reply, key);
        field(reply, "qps", window.per_second(key.cost.calls));
    }
    Ok(())
}

/// HOTKEYS RESET
pub fn reset(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    hot::end_session_in_time(ctx.engine);
    match session(ctx) {
        Some(session) if session.is_active() => {
            return Err(CommandError::fixed(
                "ERR hotkey tracking session in progress, stop tracking first",
            ));
        }
        Some(_) => ctx.engine.hot.session = None,
        None => ctx.engine.hot.reset(ctx.engine.now.mono_us),
    }
    ctx.reply.ok();
    Ok(())
}

/// HOTKEYS TOP [CALLS|NET|CPU] [COUNT n]
pub fn top(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let mut order = Order::Calls;
    let mut count = usize::MAX;
    let mut words = args.iter_from(2).peekable();
    if let Some(named) = words.peek().and_then(|word| metric(word)) {
        order = named;
        words.next();
    }
    while let Some(word) = words.next() {
        let value = words.next().ok_or(CommandError::SYNTAX)?;
        if !word.eq_ignore_ascii_case(b"count") {
            return Err(CommandError::SYNTAX);
        }
        count = positive(value)?;
    }
    let engine = &mut *ctx.engine;
    engine.hot.rotate(engine.now.mono_us);
    let window = engine.hot.window();
    let ranked = engine.hot.ranked(order, count);
    let reply = &mut ctx.reply;
    reply.array(ranked.len());
    for key in ranked {
        reply.map(5);
        name(reply, key);
        field(reply, "qps", window.per_second(key.cost.calls));
        field(reply, "bytes_per_second", window.per_second(key.cost.bytes));
        let us = window.per_second(key.cost.ns) / 1_000;
        field(reply, "cpu_us_per_second", us);
    }
    Ok(())
}

/// HOTKEYS BIG [TYPE type] [COUNT n]
pub fn big(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let mut wanted = None;
    let mut count = usize::MAX;
    let mut words = args.iter_from(2);
    while let Some(word) = words.next() {
        let value = words.next().ok_or(CommandError::SYNTAX)?;
        if word.eq_ignore_ascii_case(b"count") {
            count = positive(value)?;
        } else if word.eq_ignore_ascii_case(b"type") {
            wanted = Some(Kind::parse(value).ok_or_else(|| unknown_type(value))?);
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    let engine = &*ctx.engine;
    let kinds = Kind::ALL.into_iter();
    let mut found = Vec::new();
    for kind in kinds.filter(|kind| wanted.is_none_or(|wanted| wanted == *kind)) {
        let mut keys = hot::big_keys(engine, kind);
        keys.truncate(count);
        found.append(&mut keys);
    }
    let reply = &mut ctx.reply;
    reply.array(found.len());
    for key in found {
        reply.map(5);
        reply.bulk(b"key");
        reply.bulk(&key.name);
        field(reply, "db", u64::from(key.db));
        reply.bulk(b"type");
        reply.bulk(key.kind.name().as_bytes());
        field(reply, "bytes", key.bytes);
        field(reply, "elements", key.elements);
    }
    Ok(())
}

/// HOTKEYS HELP
pub fn help(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply,
        "HOTKEYS",
        &[
            "BIG [TYPE <type>] [COUNT <n>]",
            "    Return the biggest keys of each type, with their bytes and elements.",
            "GET",
            "    Return the result of the session that START began. Without one: the keys used",
            "    most in the last window, with their uses a second.",
            "RESET",
            "    Forget the session that was stopped. Without one: what was counted of keys.",
            "START METRICS <count> [CPU] [NET] [COUNT <k>] [DURATION <seconds>] [SAMPLE <ratio>]",
            "    Begin a session, which looks at every command (or one of <ratio>).",
            "STOP",
            "    End the session. GET still returns its result.",
            "TOP [CALLS|NET|CPU] [COUNT <n>]",
            "    Return the keys used most in the last window, by commands, bytes or time.",
        ],
    );
    Ok(())
}

fn session<'a>(ctx: &'a ServerCtx<'_>) -> Option<&'a Session> {
    ctx.engine.hot.session.as_deref()
}

fn field(reply: &mut Reply<'_>, name: &str, value: u64) {
    reply.bulk(name.as_bytes());
    reply.int(i64::try_from(value).unwrap_or(i64::MAX));
}

fn name(reply: &mut Reply<'_>, key: &Tracked) {
    reply.bulk(b"key");
    reply.bulk(&key.name);
    field(reply, "db", u64::from(key.db));
}

/// The result of a session in Redis's fields. Without slots to choose from all are selected.
fn report(reply: &mut Reply<'_>, session: &Session, extent: (i64, [u64; 2])) {
    let (duration_ms, [user_ms, system_ms]) = extent;
    let Settings { cpu, net, .. } = session.settings;
    reply.map(7 + 3 * usize::from(cpu) + 2 * usize::from(net));
    field(reply, "tracking-active", u64::from(session.is_active()));
    field(reply, "sample-ratio", u64::from(session.settings.ratio));
    reply.bulk(b"selected-slots");
    reply.array(1);
    reply.array(2);
    reply.int(0);
    reply.int(LAST_SLOT);
    let total = session.total;
    field(reply, "all-commands-all-slots-us", total.ns / 1_000);
    field(reply, "net-bytes-all-commands-all-slots", total.bytes);
    reply.bulk(b"collection-start-time-unix-ms");
    reply.int(session.began_ms);
    reply.bulk(b"collection-duration-ms");
    reply.int(duration_ms);
    if cpu {
        field(reply, "total-cpu-time-user-ms", user_ms);
        field(reply, "total-cpu-time-sys-ms", system_ms);
    }
    if net {
        field(reply, "total-net-bytes", session.sampled.bytes);
    }
    if cpu {
        reply.bulk(b"by-cpu-time-us");
        // What took any time took a microsecond.
        pairs(reply, &session.ranked(Order::Cpu), |key| {
            key.cost.ns.div_ceil(1_000)
        });
    }
    if net {
        reply.bulk(b"by-net-bytes");
        pairs(reply, &session.ranked(Order::Net), |key| key.cost.bytes);
    }
}

fn pairs(reply: &mut Reply<'_>, keys: &[&Tracked], figure: impl Fn(&Tracked) -> u64) {
    reply.array(2 * keys.len());
    for key in keys {
        reply.bulk(&key.name);
        reply.int(i64::try_from(figure(key)).unwrap_or(i64::MAX));
    }
}

/// The words of START, judged in Redis's order.
fn settings(args: Args<'_>) -> Result<Settings, CommandError> {
    if args.len() < 4 || !args.at(2).eq_ignore_ascii_case(b"metrics") {
        return Err(CommandError::fixed("ERR METRICS parameter is required"));
    }
    let count = within(
        args.at(3),
        1,
        METRICS_MAX,
        "ERR METRICS count must be > 0 and <= 2",
    )?;
    let mut settings = Settings {
        cpu: false,
        net: false,
        count: COUNT_DEFAULT,
        duration_ms: 0,
        ratio: 1,
    };
    let metrics = args.rest(4).first(count as usize);
    for word in metrics.iter() {
        choose(&mut settings, word)?;
    }
    if metrics.len() != count as usize {
        return Err(CommandError::fixed(
            "ERR METRICS count does not match number of metric types provided",
        ));
    }
    if !settings.cpu && !settings.net {
        return Err(CommandError::fixed(
            "ERR METRICS no valid metrics passed. Supported: CPU|NET",
        ));
    }
    let mut words = args.iter_from(4 + metrics.len());
    while let Some(word) = words.next() {
        let value = words.next().ok_or(CommandError::SYNTAX)?;
        set(&mut settings, word, value)?;
    }
    Ok(settings)
}

/// One metric. Those of later versions are let pass.
fn choose(settings: &mut Settings, word: &[u8]) -> CommandResult {
    let (is_chosen, again) = match metric(word) {
        Some(Order::Cpu) => (&mut settings.cpu, "ERR METRICS CPU defined more than once!"),
        Some(Order::Net) => (&mut settings.net, "ERR METRICS NET defined more than once!"),
        Some(Order::Calls) | None => return Ok(()),
    };
    match std::mem::replace(is_chosen, true) {
        true => Err(CommandError::fixed(again)),
        false => Ok(()),
    }
}

fn set(settings: &mut Settings, word: &[u8], value: &[u8]) -> CommandResult {
    match word.to_ascii_lowercase().as_slice() {
        b"count" => {
            let refusal = "ERR COUNT must be between 1 and 64";
            settings.count = within(value, 1, i64::from(COUNT_MAX), refusal)? as u32;
        }
        b"duration" => {
            let refusal = "ERR DURATION must be between 1 and 1000000";
            settings.duration_ms = within(value, 1, i64::from(DURATION_S_MAX), refusal)? * 1_000;
        }
        b"sample" => {
            let refusal = "ERR SAMPLE ratio must be positive";
            settings.ratio = within(value, 1, RATIO_MAX, refusal)? as u32;
        }
        b"slots" => {
            return Err(CommandError::fixed(
                "ERR SLOTS parameter cannot be used in non-cluster mode",
            ));
        }
        _ => return Err(CommandError::SYNTAX),
    }
    Ok(())
}

fn within(word: &[u8], min: i64, max: i64, refusal: &'static str) -> Result<i64, CommandError> {
    parse_i64(word)
        .filter(|number| (min..=max).contains(number))
        .ok_or(CommandError::fixed(refusal))
}

fn metric(word: &[u8]) -> Option<Order> {
    match word.to_ascii_lowercase().as_slice() {
        b"calls" => Some(Order::Calls),
        b"net" => Some(Order::Net),
        b"cpu" => Some(Order::Cpu),
        _ => None,
    }
}

fn positive(word: &[u8]) -> Result<usize, CommandError> {
    let count = within(
        word,
        1,
        i64::from(u32::MAX),
        "ERR COUNT should be greater than 0",
    )?;
    Ok(count as usize)
}
