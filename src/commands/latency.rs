//! LATENCY: what took longer than it should, and how long commands take.

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};

use crate::engine::context::ServerCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::observe::histogram::Histogram;
use crate::observe::latency::{graph as draw, report};
use crate::resp::args::Args;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    container("latency", -2, NO_FLAGS, NO_ACL, &docs::server::LATENCY),
    srv("latency|doctor", 2, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        doctor, &docs::server::LATENCY_DOCTOR),
    srv("latency|graph", 3, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        graph, &docs::server::LATENCY_GRAPH),
    srv("latency|help", 2, LOADING.or(STALE), NO_ACL, NO_KEYS,
        help, &docs::server::LATENCY_HELP),
    srv("latency|histogram", -2, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        histogram, &docs::server::LATENCY_HISTOGRAM),
    srv("latency|history", 3, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        history, &docs::server::LATENCY_HISTORY),
    srv("latency|latest", 2, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        latest, &docs::server::LATENCY_LATEST),
    srv("latency|reset", -2, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        reset, &docs::server::LATENCY_RESET),
];

/// LATENCY LATEST
pub fn latest(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let events = ctx.engine.latency.events();
    ctx.reply.array(events.len());
    for (event, series) in events {
        let (unix_s, ms) = series.last().map_or((0, 0), |last| (last.unix_s, last.ms));
        ctx.reply.array(6);
        ctx.reply.bulk(event.as_bytes());
        ctx.reply.int(unix_s);
        for figure in [ms, series.ms_max, series.ms_sum, series.count] {
            ctx.reply.int(figure as i64);
        }
    }
    Ok(())
}

/// LATENCY HISTORY event
pub fn history(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let Some((_, series)) = ctx.engine.latency.find(args.at(2)) else {
        ctx.reply.array(0);
        return Ok(());
    };
    ctx.reply.array(series.samples().len());
    for sample in series.samples() {
        ctx.reply.array(2);
        ctx.reply.int(sample.unix_s);
        ctx.reply.int(sample.ms as i64);
    }
    Ok(())
}

/// LATENCY GRAPH event
pub fn graph(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let unix_s = ctx.engine.now.unix_ms / 1_000;
    let Some((event, series)) = ctx.engine.latency.find(args.at(2)) else {
        let event = String::from_utf8_lossy(args.at(2));
        return Err(CommandError::new(format!(
            "ERR No samples available for event '{event}'"
        )));
    };
    ctx.reply
        .verbatim(b"txt", draw(event, series, unix_s).as_bytes());
    Ok(())
}

/// LATENCY DOCTOR
pub fn doctor(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let engine = &*ctx.engine;
    let text = report(&engine.latency, &engine.config, engine.now.unix_ms / 1_000);
    ctx.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

/// LATENCY RESET [event [event ...]]
pub fn reset(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let latency = &mut ctx.engine.latency;
    let forgotten = match args.len() {
        2 => latency.reset_all(),
        _ => args
            .iter_from(2)
            .filter(|event| latency.reset(event))
            .count(),
    };
    ctx.reply.int(forgotten as i64);
    Ok(())
}

/// LATENCY HISTOGRAM [command [command ...]]
pub fn histogram(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let registry = &ctx.engine.registry;
    let ids: Vec<CommandId> = match args.len() {
        2 => registry.all().map(|(id, _)| id).collect(),
        _ => {
            let named = args.iter_from(2);
            let found = named.filter_map(|name| Some(registry.by_full_name(name)?.0));
            found
                .flat_map(|id| [id].into_iter().chain(registry.subcommands(id).to_vec()))
                .collect()
        }
    };
    let seen: Vec<(&str, &Histogram)> = ids
        .into_iter()
        .filter_map(|id| {
            let stats = ctx.engine.stats.commands.get(id.index())?;
            let latency = stats.latency.as_deref().filter(|l| !l.is_empty())?;
            Some((registry.command(id)?.name, latency))
        })
        .collect();
    ctx.reply.map(seen.len());
    for (name, latency) in seen {
        let steps = latency.cumulative();
        ctx.reply.bulk(name.as_bytes());
        ctx.reply.map(2);
        ctx.reply.bulk(b"calls");
        ctx.reply.int(latency.total() as i64);
        ctx.reply.bulk(b"histogram_usec");
        ctx.reply.map(steps.len());
        for (us, count) in steps {
            ctx.reply.int(us as i64);
            ctx.reply.int(count as i64);
        }
    }
    Ok(())
}

/// LATENCY HELP
pub fn help(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply,
        "LATENCY",
        &[
            "DOCTOR",
            "    Return what the samples mean.",
            "GRAPH <event>",
            "    Return the samples of an event as a graph.",
            "HISTORY <event>",
            "    Return the samples of an event.",
            "LATEST",
            "    Return the last sample of each event, the worst, their sum and number.",
            "RESET [<event> ...]",
            "    Forget the samples of these events, or all.",
            "HISTOGRAM [COMMAND ...]",
            "    Return how many calls took how long, of these commands or of all.",
        ],
    );
    Ok(())
}
