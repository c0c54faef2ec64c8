//! INFO stats.

use crate::engine::Engine;
use crate::engine::pubsub::Scope;

use super::Text;

pub(super) fn stats(engine: &Engine, text: &mut Text) {
    let stats = &engine.stats;
    let lookups = &engine.effects.lookups;
    let kbps = |rate: usize| stats.rates[rate].per_second() as f64 / 1024.0;
    text.title("Stats");
    text.fields(&[
        ("total_connections_received", stats.connections),
        ("total_commands_processed", stats.total_commands),
        ("instantaneous_ops_per_sec", stats.rates[0].per_second()),
        ("total_net_input_bytes", stats.input_bytes),
        ("total_net_output_bytes", stats.output_bytes),
        ("total_net_repl_input_bytes", 0),
        ("total_net_repl_output_bytes", 0),
    ]);
    text.field("instantaneous_input_kbps", format_args!("{:.2}", kbps(1)));
    text.field("instantaneous_output_kbps", format_args!("{:.2}", kbps(2)));
    text.field("instantaneous_input_repl_kbps", "0.00");
    text.field("instantaneous_output_repl_kbps", "0.00");
    text.fields(&[
        ("rejected_connections", stats.rejected_connections),
        ("sync_full", 0),
        ("sync_partial_ok", 0),
        ("sync_partial_err", 0),
        ("expired_keys", lookups.expired),
        // Valkey's name for it, and Redis's.
        ("expired_fields", lookups.expired_fields),
        ("expired_subkeys", lookups.expired_fields),
    ]);
    text.field("expired_stale_perc", "0.00");
    text.fields(&[
        ("expired_time_cap_reached_count", 0),
        ("expire_cycle_cpu_milliseconds", 0),
        ("evicted_keys", stats.evicted_keys),
        ("evicted_clients", stats.evicted_clients),
        ("evicted_scripts", engine.scripts.cache.evicted),
        ("total_eviction_exceeded_time", 0),
        ("current_eviction_exceeded_time", 0),
        ("keyspace_hits", lookups.hits),
        ("keyspace_misses", lookups.misses),
        ("pubsub_channels", subscribed(engine, Scope::Channel)),
        ("pubsub_patterns", subscribed(engine, Scope::Pattern)),
        ("pubsubshard_channels", subscribed(engine, Scope::Shard)),
        ("latest_fork_usec", 0),
        ("total_forks", 0),
        ("migrate_cached_sockets", 0),
        ("slave_expires_tracked_keys", 0),
        ("active_defrag_hits", 0),
        ("active_defrag_misses", 0),
        ("active_defrag_key_hits", 0),
        ("active_defrag_key_misses", 0),
        ("total_active_defrag_time", 0),
        ("current_active_defrag_time", 0),
        ("tracking_total_keys", engine.tracking.keys() as u64),
        ("tracking_total_items", engine.tracking.items() as u64),
        ("tracking_total_prefixes", engine.tracking.prefixes() as u64),
        ("unexpected_error_replies", 0),
        ("total_error_replies", stats.error_replies),
        ("dump_payload_sanitizations", 0),
        ("total_reads_processed", stats.reads),
        ("total_writes_processed", stats.writes),
        ("io_threaded_reads_processed", 0),
        ("io_threaded_writes_processed", 0),
    ]);
    turns(engine, text);
}

fn turns(engine: &Engine, text: &mut Text) {
    let stats = &engine.stats;
    text.fields(&[
        (
            "client_query_buffer_limit_disconnections",
            stats.query_limit_disconnections,
        ),
        (
            "client_output_buffer_limit_disconnections",
            stats.output_limit_disconnections,
        ),
        ("reply_buffer_shrinks", 0),
        ("reply_buffer_expands", 0),
        ("eventloop_cycles", stats.turns),
        ("eventloop_pauses", stats.pauses),
        ("eventloop_duration_sum", stats.turns_us),
        ("eventloop_duration_cmd_sum", stats.commands_us),
        (
            "instantaneous_eventloop_cycles_per_sec",
            stats.rates[3].per_second(),
        ),
        (
            "instantaneous_eventloop_duration_usec",
            stats.rates[4].per_second() / stats.rates[3].per_second().max(1),
        ),
        (
            "housekeeping_us_max",
            engine.housekeeping.housekeeping_us_max,
        ),
        ("commands_us_max", engine.housekeeping.commands_us_max),
        ("acl_access_denied_auth", engine.refusals.auth),
        ("acl_access_denied_cmd", engine.refusals.command),
        ("acl_access_denied_key", engine.refusals.key),
        ("acl_access_denied_channel", engine.refusals.channel),
        ("acl_access_denied_db", engine.refusals.database),
        ("audit_log_lines", engine.audit.lines),
        ("audit_log_lost_lines", engine.audit.lost_lines),
        ("audit_log_write_errors", engine.audit.write_errors()),
    ]);
}

fn subscribed(engine: &Engine, scope: Scope) -> u64 {
    engine.pubsub.of(scope).len() as u64
}

/// Figures of turns that only tests of the server read.
pub(super) fn debug(engine: &Engine, text: &mut Text) {
    let stats = &engine.stats;
    text.title("Debug");
    text.fields(&[
        ("eventloop_duration_aof_sum", 0),
        ("eventloop_duration_cron_sum", stats.housekeeping_us),
        ("eventloop_duration_max", stats.turn_us_max),
        ("eventloop_cmd_per_cycle_max", stats.turn_commands_max),
    ]);
}
