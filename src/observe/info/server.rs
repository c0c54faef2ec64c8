//! INFO server, clients, replication, cpu, modules, cluster, keyspace, overhead.

use crate::engine::Engine;
use crate::engine::clients::{ClientKey, SessionGates};
use crate::engine::pause::PauseMode;
use crate::{REDIS_VERSION, VERSION};

use super::Text;

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

pub(super) fn server(engine: &Engine, text: &mut Text) {
    let facts = engine.machine.facts();
    let config = &engine.config;
    let up_s = engine
        .now
        .mono_us
        .saturating_sub(engine.stats.started.mono_us)
        / 1_000_000;
    text.title("Server");
    text.field("redis_version", REDIS_VERSION);
    text.field("server_name", "kvd");
    text.field("kvd_version", VERSION);
    text.field("redis_git_sha1", "00000000");
    text.field("redis_git_dirty", 0);
    text.field("redis_build_id", 0);
    text.field("redis_mode", "standalone");
    text.field("server_mode", "standalone");
    text.field("os", &facts.os);
    text.field("arch_bits", facts.arch_bits);
    text.field("monotonic_clock", "POSIX clock_gettime");
    text.field("multiplexing_api", "epoll");
    text.field("process_id", facts.pid);
    text.field("process_supervised", config.supervised.name());
    text.field("run_id", &engine.stats.run_id);
    text.field("tcp_port", config.port);
    text.field("server_time_usec", engine.now.unix_ms * 1_000);
    text.field("uptime_in_seconds", up_s);
    text.field("uptime_in_days", up_s / SECONDS_A_DAY);
    text.field("hz", config.hz);
    text.field("configured_hz", config.hz);
    text.field(
        "lru_clock",
        (engine.now.unix_ms / 1_000) as u32 & 0x00ff_ffff,
    );
    text.field("executable", &facts.executable);
    text.field("config_file", config.config_file.as_deref().unwrap_or(""));
    text.field("io_threads_active", 0);
    text.field("availability_zone", &config.availability_zone);
    text.field("shards", config.shards);
    // A kind of listener has its number in Valkey, whether there are others or not.
    if config.port != 0 {
        let binds = config.bind.iter();
        let binds: String = binds.map(|address| format!("bind={address},")).collect();
        let port = config.port;
        text.field("listener0", format_args!("name=tcp,{binds}port={port}"));
    }
    if !config.unixsocket.is_empty() {
        let path = &config.unixsocket;
        text.field("listener1", format_args!("name=unix,bind={path}"));
    }
}

pub(super) fn clients(engine: &Engine, text: &mut Text) {
    let all = || engine.clients.iter();
    let count = |gate| all().filter(|client| client.gates.has(gate)).count();
    let largest_input = all().map(|client| client.inbox.heap_bytes()).max();
    let largest_output = all().map(|client| client.outbox.heap_bytes()).max();
    text.title("Clients");
    text.field("connected_clients", engine.clients.len());
    text.field("cluster_connections", 0);
    text.field("maxclients", engine.config.maxclients);
    text.field("client_recent_max_input_buffer", largest_input.unwrap_or(0));
    text.field(
        "client_recent_max_output_buffer",
        largest_output.unwrap_or(0),
    );
    text.field(
        "blocked_clients",
        engine.blocked.len() + engine.pause.waiting(),
    );
    text.field("tracking_clients", count(SessionGates::TRACKING));
    text.field("pubsub_clients", count(SessionGates::SUBSCRIBER));
    text.field(
        "watching_clients",
        all().filter(|client| client.watch.is_some()).count(),
    );
    text.field("clients_in_timeout_table", engine.blocked.timeouts());
    text.field("total_watched_keys", engine.watch.len());
    text.field("total_blocking_keys", engine.blocked.keys());
    text.field("total_blocking_keys_on_nokey", keys_on_nokey(engine));
    let (reason, actions, left_us) = match engine.pause.active() {
        None => ("none", "none", 0),
        Some((PauseMode::Write, until)) => ("client_pause", "write", until),
        Some((PauseMode::All, until)) => ("client_pause", "all", until),
    };
    text.field("paused_reason", reason);
    text.field("paused_actions", actions);
    let left_ms = left_us.saturating_sub(engine.now.mono_us).div_ceil(1_000);
    text.field("paused_timeout_milliseconds", left_ms);
}

/// Keys whose end wakes somebody too: those of consumer groups.
fn keys_on_nokey(engine: &Engine) -> usize {
    let wakes = |key: &ClientKey| {
        let on = engine.clients.find(*key).and_then(|c| c.blocked.as_ref());
        on.is_some_and(|on| on.request.wakes_on_delete)
    };
    let queues = engine.blocked.queues();
    queues.filter(|queue| queue.values().any(wakes)).count()
}

pub(super) fn replication(engine: &Engine, text: &mut Text) {
    text.title("Replication");
    text.field("role", "master");
    text.field("connected_slaves", 0);
    if engine.config.min_replicas_to_write > 0 && engine.config.min_replicas_max_lag > 0 {
        text.field("min_slaves_good_slaves", 0);
    }
    text.field("replicas_waiting_psync", 0);
    text.field("master_failover_state", "no-failover");
    text.field("master_replid", &engine.stats.replication_id);
    text.field("master_replid2", "0".repeat(40));
    text.field("master_repl_offset", 0);
    text.field("second_repl_offset", -1);
    text.fields(&[
        ("repl_backlog_active", 0),
        ("repl_backlog_size", engine.config.repl_backlog_size),
        ("repl_backlog_first_byte_offset", 0),
        ("repl_backlog_histlen", 0),
    ]);
}

pub(super) fn cpu(engine: &Engine, text: &mut Text) {
    let usage = engine.machine.usage();
    let seconds = |us: u64| us as f64 / 1e6;
    let (sys, user) = (usage.cpu_system_us, usage.cpu_user_us);
    text.title("CPU");
    text.field("used_cpu_sys", format_args!("{:.6}", seconds(sys)));
    text.field("used_cpu_user", format_args!("{:.6}", seconds(user)));
    text.field("used_cpu_sys_children", "0.000000");
    text.field("used_cpu_user_children", "0.000000");
    let main_us = engine.clock.thread_cpu_us();
    text.field(
        "used_cpu_sys_main_thread",
        format_args!("{:.6}", seconds(sys.min(main_us))),
    );
    text.field(
        "used_cpu_user_main_thread",
        format_args!("{:.6}", seconds(main_us.saturating_sub(sys))),
    );
}

pub(super) fn modules(_engine: &Engine, text: &mut Text) {
    text.title("Modules");
}

pub(super) fn cluster(_engine: &Engine, text: &mut Text) {
    text.title("Cluster");
    text.field("cluster_enabled", 0);
}

pub(super) fn keyspace(engine: &Engine, text: &mut Text) {
    text.title("Keyspace");
    for (number, db) in engine.keyspace.iter().filter(|(_, db)| !db.is_empty()) {
        let (keys, expires) = (db.len(), db.volatile_len());
        let avg_ttl = db.average_ttl_ms(engine.now.unix_ms);
        let expiring = db.hashes_with_expiring_fields();
        text.line(format_args!(
            "db{number}:keys={keys},expires={expires},avg_ttl={avg_ttl},\
             keys_with_volatile_items={expiring}"
        ));
    }
}

/// What each database costs beside keys and values, which Redis has no section for.
pub(super) fn overhead(engine: &Engine, text: &mut Text) {
    text.title("Overhead");
    for (number, db) in engine.keyspace.iter().filter(|(_, db)| !db.is_empty()) {
        let overhead = db.overhead_bytes();
        text.line(format_args!("db{number}_overhead_bytes:{overhead}"));
    }
}
