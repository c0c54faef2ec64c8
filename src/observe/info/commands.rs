//! INFO commandstats, errorstats and latencystats.

use crate::dispatch::table::Command;
use crate::engine::Engine;
use crate::observe::stats::CommandStats;

use super::Text;

pub(super) fn commandstats(engine: &Engine, text: &mut Text) {
    text.title("Commandstats");
    for (command, stats) in counted(engine) {
        let CommandStats {
            calls,
            ns,
            rejected,
            failed,
            ..
        } = stats;
        if calls + rejected + failed == 0 {
            continue;
        }
        let usec = ns / 1_000;
        let mean = match calls {
            0 => 0.0,
            _ => *ns as f64 / 1_000.0 / *calls as f64,
        };
        text.line(format_args!(
            "cmdstat_{}:calls={calls},usec={usec},usec_per_call={mean:.2},\
             rejected_calls={rejected},failed_calls={failed}",
            command.name
        ));
    }
}

pub(super) fn errorstats(engine: &Engine, text: &mut Text) {
    text.title("Errorstats");
    let mut errors: Vec<_> = engine.stats.errors.iter().collect();
    errors.sort_unstable();
    for (code, count) in errors {
        text.line(format_args!("errorstat_{code}:count={count}"));
    }
}

pub(super) fn latencystats(engine: &Engine, text: &mut Text) {
    text.title("Latencystats");
    let percentiles = &engine.config.latency_tracking_info_percentiles.0;
    for (command, stats) in counted(engine) {
        let Some(latency) = &stats.latency else {
            continue;
        };
        if percentiles.is_empty() || latency.is_empty() {
            continue;
        }
        let values: Vec<String> = percentiles
            .iter()
            .map(|percent| {
                let us = latency.percentile_ns(*percent) as f64 / 1_000.0;
                format!("p{percent}={us:.3}")
            })
            .collect();
        text.line(format_args!(
            "latency_percentiles_usec_{}:{}",
            command.name,
            values.join(",")
        ));
    }
}

/// Every command with its counters, in the order of the tables.
fn counted(engine: &Engine) -> impl Iterator<Item = (&'static Command, &CommandStats)> {
    engine
        .registry
        .all()
        .filter_map(|(id, command)| Some((command, engine.stats.commands.get(id.index())?)))
}
