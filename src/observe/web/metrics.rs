//! The figures of INFO in Prometheus' text format, version 0.0.4.
//!
//! Names are those of redis_exporter wherever it has one, so that its dashboards and alerts work;
//! what only kvd has begins with `kvd_`. Key names never become labels: their number has no bound.

use std::fmt::Write;

use crate::engine::Engine;
use crate::observe::info;

/// How a figure behaves: `counter` only grows, `gauge` does not.
type Kind = &'static str;
const COUNTER: Kind = "counter";
const GAUGE: Kind = "gauge";

/// Fields of INFO, the names of their metrics, and their kinds.
#[rustfmt::skip]
static FIELDS: &[(&str, &str, Kind)] = &[
    ("uptime_in_seconds",              "redis_uptime_in_seconds",               GAUGE),
    ("connected_clients",              "redis_connected_clients",               GAUGE),
    ("maxclients",                     "redis_config_maxclients",               GAUGE),
    ("blocked_clients",                "redis_blocked_clients",                 GAUGE),
    ("tracking_clients",               "redis_tracking_clients",                GAUGE),
    ("pubsub_clients",                 "redis_pubsub_clients",                  GAUGE),
    ("watching_clients",               "redis_watching_clients",                GAUGE),
    ("clients_in_timeout_table",       "redis_clients_in_timeout_table",        GAUGE),
    ("client_recent_max_input_buffer", "redis_client_recent_max_input_buffer_bytes", GAUGE),
    ("client_recent_max_output_buffer", "redis_client_recent_max_output_buffer_bytes", GAUGE),
    ("used_memory",                    "redis_memory_used_bytes",               GAUGE),
    ("used_memory_rss",                "redis_memory_used_rss_bytes",           GAUGE),
    ("used_memory_peak",               "redis_memory_used_peak_bytes",          GAUGE),
    ("used_memory_overhead",           "redis_memory_used_overhead_bytes",      GAUGE),
    ("used_memory_startup",            "redis_memory_used_startup_bytes",       GAUGE),
    ("used_memory_dataset",            "redis_memory_used_dataset_bytes",       GAUGE),
    ("used_memory_lua",                "redis_memory_used_lua_bytes",           GAUGE),
    ("maxmemory",                      "redis_memory_max_bytes",                GAUGE),
    ("mem_fragmentation_ratio",        "redis_mem_fragmentation_ratio",         GAUGE),
    ("allocator_active",               "redis_allocator_active_bytes",          GAUGE),
    ("allocator_allocated",            "redis_allocator_allocated_bytes",       GAUGE),
    ("allocator_resident",             "redis_allocator_resident_bytes",        GAUGE),
    ("loading",                        "redis_loading_dump_file",               GAUGE),
    ("rdb_changes_since_last_save",    "redis_rdb_changes_since_last_save",     GAUGE),
    ("rdb_bgsave_in_progress",         "redis_rdb_bgsave_in_progress",          GAUGE),
    ("rdb_last_save_time",             "redis_rdb_last_save_timestamp_seconds", GAUGE),
    ("rdb_last_bgsave_status",         "redis_rdb_last_bgsave_status",          GAUGE),
    ("rdb_last_bgsave_time_sec",       "redis_rdb_last_bgsave_duration_sec",    GAUGE),
    ("rdb_current_bgsave_time_sec",    "redis_rdb_current_bgsave_duration_sec", GAUGE),
    ("rdb_last_cow_size",              "redis_rdb_last_cow_size_bytes",         GAUGE),
    ("aof_enabled",                    "redis_aof_enabled",                     GAUGE),
    ("aof_rewrite_in_progress",        "redis_aof_rewrite_in_progress",         GAUGE),
    ("aof_rewrite_scheduled",          "redis_aof_rewrite_scheduled",           GAUGE),
    ("aof_last_rewrite_time_sec",      "redis_aof_last_rewrite_duration_sec",   GAUGE),
    ("aof_last_bgrewrite_status",      "redis_aof_last_bgrewrite_status",       GAUGE),
    ("aof_last_write_status",          "redis_aof_last_write_status",           GAUGE),
    ("aof_current_size",               "redis_aof_current_size_bytes",          GAUGE),
    ("aof_base_size",                  "redis_aof_base_size_bytes",             GAUGE),
    ("aof_delayed_fsync",              "redis_aof_delayed_fsync",               COUNTER),
    ("total_connections_received",     "redis_connections_received_total",      COUNTER),
    ("total_commands_processed",       "redis_commands_processed_total",        COUNTER),
    ("instantaneous_ops_per_sec",      "redis_instantaneous_ops_per_sec",       GAUGE),
    ("total_net_input_bytes",          "redis_net_input_bytes_total",           COUNTER),
    ("total_net_output_bytes",         "redis_net_output_bytes_total",          COUNTER),
    ("rejected_connections",           "redis_rejected_connections_total",      COUNTER),
    ("expired_keys",                   "redis_expired_keys_total",              COUNTER),
    ("evicted_keys",                   "redis_evicted_keys_total",              COUNTER),
    ("evicted_clients",                "redis_evicted_clients_total",           COUNTER),
    ("keyspace_hits",                  "redis_keyspace_hits_total",             COUNTER),
    ("keyspace_misses",                "redis_keyspace_misses_total",           COUNTER),
    ("pubsub_channels",                "redis_pubsub_channels",                 GAUGE),
    ("pubsub_patterns",                "redis_pubsub_patterns",                 GAUGE),
    ("pubsubshard_channels",           "redis_pubsubshard_channels",            GAUGE),
    ("tracking_total_keys",            "redis_tracking_total_keys",             GAUGE),
    ("tracking_total_items",           "redis_tracking_total_items",            GAUGE),
    ("tracking_total_prefixes",        "redis_tracking_total_prefixes",         GAUGE),
    ("total_error_replies",            "redis_total_error_replies",             COUNTER),
    ("total_reads_processed",          "redis_total_reads_processed",           COUNTER),
    ("total_writes_processed",         "redis_total_writes_processed",          COUNTER),
    ("acl_access_denied_auth",         "redis_acl_access_denied_auth_total",    COUNTER),
    ("acl_access_denied_cmd",          "redis_acl_access_denied_cmd_total",     COUNTER),
    ("acl_access_denied_key",          "redis_acl_access_denied_key_total",     COUNTER),
    ("acl_access_denied_channel",      "redis_acl_access_denied_channel_total", COUNTER),
    ("acl_access_denied_db",           "redis_acl_access_denied_db_total",      COUNTER),
    ("connected_slaves",               "redis_connected_slaves",                GAUGE),
    ("used_cpu_sys",                   "redis_cpu_sys_seconds_total",           COUNTER),
    ("used_cpu_user",                  "redis_cpu_user_seconds_total",          COUNTER),
    ("expired_fields",                 "kvd_expired_fields_total",              COUNTER),
    ("eventloop_cycles",               "kvd_turns_total",                       COUNTER),
    ("eventloop_pauses",               "kvd_turn_pauses_total",                 COUNTER),
    ("audit_log_lines",                "kvd_audit_log_lines_total",             COUNTER),
    ("audit_log_lost_lines",           "kvd_audit_log_lost_lines_total",        COUNTER),
    ("audit_log_write_errors",         "kvd_audit_log_write_errors_total",      COUNTER),
    ("housekeeping_us_max",            "kvd_housekeeping_us_max",               GAUGE),
    ("commands_us_max",                "kvd_commands_us_max",                   GAUGE),
    ("current_save_keys_processed",    "kvd_save_keys_processed",               GAUGE),
    ("current_save_keys_total",        "kvd_save_keys_total",                   GAUGE),
    ("hotkeys_last_window_samples",    "kvd_hot_key_samples",                   GAUGE),
    ("bigkeys_passes",                 "kvd_big_key_passes_total",              COUNTER),
];

/// Parts of a line that tells several things of one, and the names of their metrics.
type Parts = &'static [(&'static str, &'static str, Kind)];

#[rustfmt::skip]
static COMMAND: Parts = &[
    ("calls",          "redis_commands_total",                COUNTER),
    ("rejected_calls", "redis_commands_rejected_calls_total", COUNTER),
    ("failed_calls",   "redis_commands_failed_calls_total",   COUNTER),
    ("usec",           DURATION,                              COUNTER),
];
#[rustfmt::skip]
static DATABASE: Parts = &[
    ("keys",    "redis_db_keys",            GAUGE),
    ("expires", "redis_db_keys_expiring",   GAUGE),
    ("avg_ttl", TTL,                        GAUGE),
];
/// What the key that comes first in an order does.
#[rustfmt::skip]
static HOTTEST: Parts = &[
    ("qps",              "kvd_hottest_key_calls_per_second",  GAUGE),
    ("bytes_per_second", "kvd_hottest_key_bytes_per_second",  GAUGE),
    ("us_per_second",    "kvd_hottest_key_cpu_us_per_second", GAUGE),
    ("percent",          "kvd_hottest_key_percent",           GAUGE),
];
#[rustfmt::skip]
static BIGGEST: Parts = &[
    ("bytes",    "kvd_biggest_key_bytes",    GAUGE),
    ("elements", "kvd_biggest_key_elements", GAUGE),
];
static ERROR: Parts = &[("count", "redis_errors_total", COUNTER)];

/// These are in seconds, what INFO says in smaller units.
const DURATION: &str = "redis_commands_duration_seconds_total";
const TTL: &str = "redis_db_avg_ttl_seconds";

/// All metrics.
pub(super) fn text(engine: &Engine) -> String {
    let report = info::everything(engine);
    let mut families = Families::default();
    families.add("redis_up", GAUGE, &[], "1");
    families.add("redis_instance_info", GAUGE, &instance(&report), "1");
    let slow = engine.command_log.entries(super::status::SLOW).len();
    families.add("redis_slowlog_length", GAUGE, &[], &slow.to_string());
    for (field, value) in fields(&report) {
        if let Some((_, name, kind)) = FIELDS.iter().find(|(known, ..)| *known == field) {
            let value = match value {
                "ok" => "1",
                "err" => "0",
                value => value,
            };
            families.add(name, kind, &[], value);
        } else if let Some(command) = field.strip_prefix("cmdstat_") {
            families.add_parts(COMMAND, ("cmd", command), value);
        } else if let Some(code) = field.strip_prefix("errorstat_") {
            families.add_parts(ERROR, ("err", code), value);
        } else if let Some(order) = field.strip_prefix("hotkeys_top_") {
            families.add_parts(HOTTEST, ("by", order), value);
        } else if let Some(kind) = field.strip_prefix("bigkeys_") {
            families.add_parts(BIGGEST, ("type", kind), value);
        } else if let Some(command) = field.strip_prefix("latency_percentiles_usec_") {
            families.add_percentiles(command, value);
        } else if is_database(field) {
            families.add_parts(DATABASE, ("db", field), value);
        }
    }
    families.text()
}

/// The fields of a report, in its order.
pub(super) fn fields(report: &str) -> impl Iterator<Item = (&str, &str)> {
    report
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.trim_end().split_once(':'))
}

fn is_database(field: &str) -> bool {
    let number = field.strip_prefix("db");
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What does not change while the server runs, as labels.
fn instance(report: &str) -> Vec<(&'static str, &str)> {
    let value = |wanted: &str| {
        let found = fields(report).find(|(field, _)| *field == wanted);
        found.map_or("", |(_, value)| value)
    };
    [
        ("redis_version", "redis_version"),
        ("kvd_version", "kvd_version"),
        ("redis_mode", "redis_mode"),
        ("role", "role"),
        ("os", "os"),
        ("tcp_port", "tcp_port"),
        ("run_id", "run_id"),
        ("maxmemory_policy", "maxmemory_policy"),
    ]
    .map(|(label, field)| (label, value(field)))
    .to_vec()
}

/// Metrics by name: all samples of one must stand together.
#[derive(Default)]
struct Families(Vec<Family>);

struct Family {
    name: &'static str,
    kind: Kind,
    samples: String,
}

impl Families {
    fn add(&mut self, name: &'static str, kind: Kind, labels: &[(&str, &str)], value: &str) {
        let at = match self.0.iter().position(|family| family.name == name) {
            Some(at) => at,
            None => {
                self.0.push(Family {
                    name,
                    kind,
                    samples: String::new(),
                });
                self.0.len() - 1
            }
        };
        let samples = &mut self.0[at].samples;
        samples.push_str(name);
        for (i, (label, value)) in labels.iter().enumerate() {
            samples.push(if i == 0 { '{' } else { ',' });
            samples.push_str(label);
            samples.push_str("=\"");
            push_escaped(value, samples);
            samples.push('"');
        }
        if !labels.is_empty() {
            samples.push('}');
        }
        // Writing to a string does not fail.
        let _ = writeln!(samples, " {value}");
    }

    /// The parts of a line `a=1,b=2` that are known.
    fn add_parts(&mut self, parts: Parts, label: (&str, &str), line: &str) {
        for (part, value) in line.split(',').filter_map(|part| part.split_once('=')) {
            let Some((_, name, kind)) = parts.iter().find(|(known, ..)| *known == part) else {
                continue;
            };
            let per_second = match *name {
                DURATION => 1e6,
                TTL => 1e3,
                _ => {
                    self.add(name, kind, &[label], value);
                    continue;
                }
            };
            let seconds = value.parse::<f64>().unwrap_or(0.0) / per_second;
            self.add(name, kind, &[label], &seconds.to_string());
        }
    }

    fn add_percentiles(&mut self, command: &str, line: &str) {
        for (part, value) in line.split(',').filter_map(|part| part.split_once('=')) {
            let Some(percent) = part.strip_prefix('p').and_then(|p| p.parse::<f64>().ok()) else {
                continue;
            };
            let quantile = (percent / 100.0).to_string();
            let labels = [("cmd", command), ("quantile", quantile.as_str())];
            self.add("redis_latency_percentiles_usec", GAUGE, &labels, value);
        }
    }

    fn text(&self) -> String {
        let mut text = String::with_capacity(32 * 1024);
        for family in &self.0 {
            let _ = writeln!(text, "# TYPE {} {}", family.name, family.kind);
            text.push_str(&family.samples);
        }
        text
    }
}

/// The code of an error may be what a script made up.
fn push_escaped(value: &str, out: &mut String) {
    for char in value.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            char => out.push(char),
        }
    }
}
