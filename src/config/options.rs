//! The one table of options, a row an option: name and alias, type of the field that holds it,
//! flags, grammar, default. The struct [`Config`] and the table [`OPTIONS`] are both made of it.
//!
//! Names, ranges and defaults are those of Valkey 9.1.2 (and of Redis 8 where only it has a name),
//! so that an existing redis.conf means what it meant. Data only.

use std::collections::BTreeMap;

use super::checks::*;
use super::kind::{Field, Kind, Reason};
use super::load::{RenamedCommand, UserLine};
use super::values::*;

/// The properties of an option beside its grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// Whether it has all of `other`.
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    const fn and(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

/// CONFIG SET may change it.
pub const LIVE: Flags = Flags(1 << 0);
/// Only a start may change it ("immutable").
pub const FIXED: Flags = Flags(0);
/// Patterns of CONFIG GET do not show it; its exact name does.
pub const HIDDEN: Flags = Flags(1 << 1);
/// Its value must not appear in logs.
pub const SECRET: Flags = Flags(1 << 2);
/// CONFIG SET needs `enable-protected-configs`.
pub const PROTECTED: Flags = Flags(1 << 3);
/// CONFIG SET fails while a data set is loaded.
pub const NOT_LOADING: Flags = Flags(1 << 4);
/// It takes several words.
pub const MANY: Flags = Flags(1 << 5);
/// Accepted, kept and shown, but nothing in kvd acts upon it: another value than the default is
/// warned about at the start.
pub const IDLE: Flags = Flags(1 << 6);
/// Another value than the default would promise what kvd does not do: it refuses to start.
pub const REFUSED: Flags = Flags(1 << 7);
/// Exists in kvd only.
pub const OWN: Flags = Flags(1 << 8);
/// CONFIG REWRITE writes it even if it is the default.
pub const ALWAYS: Flags = Flags(1 << 9);

const SECRET_LIVE: Flags = LIVE.and(SECRET);
const MANY_LIVE: Flags = LIVE.and(MANY);
const IDLE_LIVE: Flags = LIVE.and(IDLE);
const IDLE_FIXED: Flags = FIXED.and(IDLE);
const HIDDEN_LIVE: Flags = LIVE.and(HIDDEN);
const REFUSED_LIVE: Flags = LIVE.and(REFUSED);
const REFUSED_FIXED: Flags = FIXED.and(REFUSED);
const REFUSED_SECRET: Flags = LIVE.and(REFUSED).and(SECRET);
const OWN_FIXED: Flags = FIXED.and(OWN);
const OWN_GUARDED: Flags = LIVE.and(OWN).and(PROTECTED).and(MANY);
const OWN_LIVE: Flags = LIVE.and(OWN);
const PROTECTED_LIVE: Flags = LIVE.and(PROTECTED);
const DIR: Flags = LIVE.and(PROTECTED).and(NOT_LOADING).and(ALWAYS);

/// One row of [`OPTIONS`].
pub struct Opt {
    /// The name in redis.conf.
    pub name: &'static str,
    /// The other name it goes by, `""` if none.
    pub alias: &'static str,
    /// Its properties.
    pub flags: Flags,
    /// The grammar of its value.
    pub kind: Kind,
    /// The default, as one would write it.
    pub default: &'static str,
    /// What it does, in one sentence; `""` for what has no effect.
    pub help: &'static str,
    pub(super) print: fn(&Config, &Opt) -> Vec<u8>,
    /// Returns whether the value changed.
    pub(super) parse: Parse,
}

type Parse = fn(&mut Config, &Opt, &[&[u8]]) -> Result<bool, Reason>;

macro_rules! options {
    (fields { $(
        #[doc = $help:literal]
        $field:ident: $type:ty, $name:literal $(| $alias:literal)?,
            $flags:expr, $kind:expr, $default:literal;
    )+ }
    kept { $(
        $kname:literal $(| $kalias:literal)?: $ktype:ty,
            $kflags:expr, $kkind:expr, $kdefault:literal;
    )+ }) => {
        /// The whole configuration. Hot code reads plain fields; [`Config::set`] alone changes them
        /// while the server runs.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config {
            $(#[doc = $help] pub $field: $type,)+
            /// The configuration file, absolute; CONFIG REWRITE writes it.
            pub config_file: Option<String>,
            /// The lines `rename-command`, in order.
            pub renamed_commands: Vec<RenamedCommand>,
            /// The lines `user`, in order, for the ACL.
            pub users: Vec<UserLine>,
            /// The printed values of the options without a field.
            pub(super) kept: BTreeMap<&'static str, Vec<u8>>,
        }

        impl Config {
            /// Every field empty: a place to put the defaults.
            pub(super) fn blank() -> Config {
                Config {
                    $($field: <$type>::default(),)+
                    config_file: None,
                    renamed_commands: Vec::new(),
                    users: Vec::new(),
                    kept: BTreeMap::new(),
                }
            }
        }

        /// Every option, those with an effect first.
        #[rustfmt::skip]
        pub static OPTIONS: &[Opt] = &[
            $(Opt {
                name: $name,
                alias: concat!($($alias)?),
                flags: $flags,
                kind: $kind,
                default: $default,
                help: $help,
                print: |config, opt| config.$field.print(&opt.kind),
                parse: |config, opt, args| {
                    let value = config.$field.parse(&opt.kind, args)?;
                    let changed = value != config.$field;
                    config.$field = value;
                    Ok(changed)
                },
            },)+
            $(Opt {
                name: $kname,
                alias: concat!($($kalias)?),
                flags: $kflags,
                kind: $kkind,
                default: $kdefault,
                help: "",
                print: |config, opt| config.kept(opt),
                parse: |config, opt, args| {
                    let text = <$ktype>::default().parse(&opt.kind, args)?.print(&opt.kind);
                    Ok(config.keep(opt, text))
                },
            },)+
        ];
    };
}

const fn num(min: i64, max: i64) -> Kind {
    Kind::Number { min, max }
}

const fn mem(min: i64, max: u64) -> Kind {
    Kind::Memory { min, max }
}

const BOOL: Kind = Kind::YesNo;
const INT: Kind = num(0, I32_MAX);
const LONG: Kind = num(0, i64::MAX);
const PORT: Kind = num(0, 65535);
const BYTES: Kind = mem(0, i64::MAX as u64);
const TEXT: Kind = Kind::Text(|_| Ok(()));
const OWN_TYPE: Kind = Kind::Special;
const I32_MAX: i64 = i32::MAX as i64;
const I32_MIN: i64 = i32::MIN as i64;
const MIB: i64 = 1 << 20;

options! {
fields {
    // Network.
    /// Addresses to listen on; one that begins with `-` may be missing.
    bind: Vec<String>, "bind", MANY_LIVE, OWN_TYPE, "* -::*";
    /// TCP port; 0 does not listen on TCP.
    port: u16, "port", LIVE, PORT, "6379";
    /// Without a password, serve only clients of this machine.
    protected_mode: bool, "protected-mode", LIVE, BOOL, "yes";
    /// Length of the queue of connections that are not accepted yet.
    tcp_backlog: u32, "tcp-backlog", FIXED, INT, "511";
    /// Path of a Unix socket to listen on.
    unixsocket: String, "unixsocket", FIXED, TEXT, "";
    /// Group that the Unix socket is given to.
    unixsocketgroup: String, "unixsocketgroup", FIXED, TEXT, "";
    /// Permissions of the Unix socket, in octal; 0 leaves them to the umask.
    unixsocketperm: u32, "unixsocketperm", FIXED, Kind::Octal { max: 0o777 }, "0";
    /// Close a client that is idle for this many seconds; 0 never does.
    timeout: u32, "timeout", LIVE, INT, "0";
    /// Seconds between TCP keepalive probes; 0 sends none.
    tcp_keepalive: u32, "tcp-keepalive", LIVE, INT, "300";
    /// How many clients may be connected at once.
    maxclients: u32, "maxclients", LIVE, num(1, u32::MAX as i64), "10000";
    /// How many connections are accepted in one turn of the event loop.
    max_new_connections_per_cycle: u32, "max-new-connections-per-cycle", LIVE, num(1, 1000), "10";
    /// The longest string that a client may send.
    proto_max_bulk_len: u64, "proto-max-bulk-len", LIVE, mem(MIB, i64::MAX as u64), "512mb";
    /// How much of one client's input may wait to be executed.
    client_query_buffer_limit: u64, "client-query-buffer-limit", LIVE,
        mem(MIB, i64::MAX as u64), "1gb";
    /// How much output may wait for a client, by class: hard limit, soft limit, seconds.
    client_output_buffer_limit: OutputLimits, "client-output-buffer-limit", MANY_LIVE, OWN_TYPE,
        "normal 0 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60";

    // The process.
    /// Run in the background. kvd stays in front: use a supervisor.
    daemonize: bool, "daemonize", IDLE_FIXED, BOOL, "no";
    /// Who supervises the process and wants to be told that it is ready.
    supervised: Supervised, "supervised", FIXED, Kind::Choice(Supervised::NAMES), "no";
    /// File to write the process id into.
    pidfile: String, "pidfile", FIXED, TEXT, "";
    /// How much to log.
    loglevel: LogLevel, "loglevel", LIVE, Kind::Choice(LogLevel::NAMES), "notice";
    /// File to log to; empty is standard output.
    logfile: String, "logfile", FIXED, TEXT, "";
    /// Shape of a log line.
    log_format: LogFormat, "log-format", LIVE, Kind::Choice(LogFormat::NAMES), "legacy";
    /// Shape of the time in a log line.
    log_timestamp_format: LogTimestampFormat, "log-timestamp-format", LIVE,
        Kind::Choice(LogTimestampFormat::NAMES), "legacy";
    /// Keep keys and values out of the log.
    hide_user_data_from_log: bool, "hide-user-data-from-log", LIVE, BOOL, "yes";
    /// Number of databases for SELECT.
    databases: u32, "databases", FIXED, num(1, I32_MAX), "16";
    /// Number of shards of each database.
    shards: u32, "shards", OWN_FIXED, num(1, 4096), "64";
    /// Longest sleep between two looks at many busy clients, microseconds; 0 is never.
    poll_pause_us: u32, "poll-pause-us", OWN_LIVE, num(0, 1000), "30";
    /// How often a second timeouts are looked at.
    hz: u32, "hz", LIVE, INT, "10";
    /// Directory of the data files.
    dir: String, "dir", DIR, Kind::Text(not_empty_dir), ".";
    /// Adjust the kernel's out-of-memory score of the process.
    oom_score_adj: OomScoreAdj, "oom-score-adj", LIVE, Kind::Choice(OomScoreAdj::NAMES), "no";
    /// Scores of a primary, a replica and a background child.
    oom_score_adj_values: OomScoreAdjValues, "oom-score-adj-values", MANY_LIVE,
        OWN_TYPE, "0 200 800";
    /// Seconds that SHUTDOWN waits for lagging replicas.
    shutdown_timeout: u32, "shutdown-timeout", LIVE, INT, "10";
    /// What SIGINT does, in SHUTDOWN's words.
    shutdown_on_sigint: ShutdownFlags, "shutdown-on-sigint", MANY_LIVE, OWN_TYPE, "default";
    /// What SIGTERM does, in SHUTDOWN's words.
    shutdown_on_sigterm: ShutdownFlags, "shutdown-on-sigterm", MANY_LIVE, OWN_TYPE, "default";
    /// Name of the availability zone, shown to clients.
    availability_zone: String, "availability-zone", LIVE, TEXT, "";
    /// Call itself Redis where clients look.
    extended_redis_compatibility: bool, "extended-redis-compatibility", LIVE, BOOL, "no";
    /// From where DEBUG may be called.
    enable_debug_command: Protection, "enable-debug-command", FIXED,
        Kind::Choice(Protection::NAMES), "no";
    /// From where protected options may be set.
    enable_protected_configs: Protection, "enable-protected-configs", FIXED,
        Kind::Choice(Protection::NAMES), "no";

    // Security.
    /// Password of the default user; empty is none.
    requirepass: Vec<u8>, "requirepass", SECRET_LIVE, TEXT, "";
    /// File with ACL users.
    aclfile: String, "aclfile", FIXED, TEXT, "";
    /// Length of the log of what the ACL refused.
    acllog_max_len: u64, "acllog-max-len", LIVE, LONG, "128";
    /// Channels that a new user may use.
    acl_pubsub_default: AclPubsubDefault, "acl-pubsub-default", LIVE,
        Kind::Choice(AclPubsubDefault::NAMES), "resetchannels";
    /// File for one JSON line per login, refused access and selected command; empty is none.
    audit_log: String, "audit-log", OWN_FIXED, TEXT, "";
    /// Commands in the audit log: +NAME, -NAME, +@CATEGORY and -@CATEGORY, in order.
    audit_log_commands: Words, "audit-log-commands", OWN_GUARDED, OWN_TYPE, "+@admin +@dangerous";
    /// Users whose commands are not in the audit log; logins and refusals always are.
    audit_log_exclude_users: Words, "audit-log-exclude-users", OWN_GUARDED, OWN_TYPE, "";
    /// Allow EVAL, FUNCTION and their kin.
    scripting: bool, "scripting", OWN_FIXED, BOOL, "yes";

    // Memory.
    /// Bytes that the data may take; 0 is no limit.
    maxmemory: u64, "maxmemory", LIVE, mem(0, u64::MAX), "0";
    /// What happens when it takes more.
    maxmemory_policy: MaxmemoryPolicy, "maxmemory-policy", LIVE,
        Kind::Choice(MaxmemoryPolicy::NAMES), "noeviction";
    /// How many keys are looked at to evict one.
    maxmemory_samples: u32, "maxmemory-samples", LIVE, num(1, 64), "5";
    /// How hard eviction tries within one turn, 0 to 100.
    maxmemory_eviction_tenacity: u32, "maxmemory-eviction-tenacity", LIVE, num(0, 100), "10";
    /// Bytes, or percent of maxmemory, that all clients together may take.
    maxmemory_clients: ClientsMemory, "maxmemory-clients", LIVE, OWN_TYPE, "0";
    /// A larger factor lets the frequency counter of LFU grow more slowly.
    lfu_log_factor: u32, "lfu-log-factor", LIVE, INT, "10";
    /// Minutes after which the frequency counter of LFU is lowered by one.
    lfu_decay_time: u32, "lfu-decay-time", LIVE, INT, "1";
    /// How hard expired keys are looked for, 1 to 10.
    active_expire_effort: u32, "active-expire-effort", LIVE, num(1, 10), "1";
    /// Free what is evicted in slices.
    lazyfree_lazy_eviction: bool, "lazyfree-lazy-eviction", LIVE, BOOL, "yes";
    /// Free what expires in slices.
    lazyfree_lazy_expire: bool, "lazyfree-lazy-expire", LIVE, BOOL, "yes";
    /// Free what RENAME and the like replace in slices.
    lazyfree_lazy_server_del: bool, "lazyfree-lazy-server-del", LIVE, BOOL, "yes";
    /// Free what DEL deletes in slices.
    lazyfree_lazy_user_del: bool, "lazyfree-lazy-user-del", LIVE, BOOL, "yes";
    /// Free what FLUSHDB and FLUSHALL delete in slices.
    lazyfree_lazy_user_flush: bool, "lazyfree-lazy-user-flush", LIVE, BOOL, "yes";
    /// Keys that are remembered for client-side caching.
    tracking_table_max_keys: u64, "tracking-table-max-keys", LIVE, LONG, "1000000";
    /// Expired keys of an import are kept.
    import_mode: bool, "import-mode", LIVE, BOOL, "no";

    // Encodings.
    /// Entries up to which a hash is packed.
    hash_max_listpack_entries: u64, "hash-max-listpack-entries" | "hash-max-ziplist-entries", LIVE,
        LONG, "512";
    /// Bytes of a field or value up to which a hash is packed.
    hash_max_listpack_value: u64, "hash-max-listpack-value" | "hash-max-ziplist-value", LIVE,
        BYTES, "64";
    /// Size of a list node: entries, or -1 to -5 for 4, 8, 16, 32, 64 KiB.
    list_max_listpack_size: i32, "list-max-listpack-size" | "list-max-ziplist-size", LIVE,
        num(I32_MIN, I32_MAX), "-2";
    /// Nodes at each end of a list that are not compressed; 0 compresses none.
    list_compress_depth: u32, "list-compress-depth", LIVE, INT, "0";
    /// Members up to which a set of numbers is packed.
    set_max_intset_entries: u64, "set-max-intset-entries", LIVE, LONG, "512";
    /// Members up to which a set is packed.
    set_max_listpack_entries: u64, "set-max-listpack-entries", LIVE, LONG, "128";
    /// Bytes of a member up to which a set is packed.
    set_max_listpack_value: u64, "set-max-listpack-value", LIVE, LONG, "64";
    /// Members up to which a sorted set is packed.
    zset_max_listpack_entries: u64, "zset-max-listpack-entries" | "zset-max-ziplist-entries", LIVE,
        LONG, "128";
    /// Bytes of a member up to which a sorted set is packed.
    zset_max_listpack_value: u64, "zset-max-listpack-value" | "zset-max-ziplist-value", LIVE,
        BYTES, "64";
    /// Bytes up to which a HyperLogLog is sparse.
    hll_sparse_max_bytes: u64, "hll-sparse-max-bytes", LIVE, BYTES, "3000";
    /// Bytes of a stream node.
    stream_node_max_bytes: u64, "stream-node-max-bytes", LIVE, BYTES, "4096";
    /// Entries of a stream node.
    stream_node_max_entries: u64, "stream-node-max-entries", LIVE, LONG, "100";
    /// Seconds for which a stream remembers the ids of its producers' messages.
    stream_idmp_duration: u32, "stream-idmp-duration", LIVE, num(1, 300), "100";
    /// Ids of messages that a stream remembers per producer.
    stream_idmp_maxsize: u32, "stream-idmp-maxsize", LIVE, num(1, 10_000), "100";

    // Snapshots.
    /// Write a snapshot after so many seconds if there were so many changes; `""` never does.
    save: Vec<SavePoint>, "save", MANY_LIVE, OWN_TYPE, "3600 1 300 100 60 10000";
    /// Refuse writes after a snapshot failed.
    stop_writes_on_bgsave_error: bool, "stop-writes-on-bgsave-error", LIVE, BOOL, "yes";
    /// Compress strings in snapshots.
    rdbcompression: bool, "rdbcompression", LIVE, BOOL, "yes";
    /// End snapshots with a checksum, and check it.
    rdbchecksum: bool, "rdbchecksum", FIXED, BOOL, "yes";
    /// Name of the snapshot file.
    dbfilename: String, "dbfilename", PROTECTED_LIVE, Kind::Text(base_name_db), "dump.rdb";
    /// Whether to try files of unknown versions.
    rdb_version_check: RdbVersionCheck, "rdb-version-check", LIVE,
        Kind::Choice(RdbVersionCheck::NAMES), "strict";
    /// Who reads the snapshot when hash fields have a TTL.
    rdb_format: RdbFormat, "rdb-format", OWN_LIVE, Kind::Choice(RdbFormat::NAMES), "valkey";
    /// Force a growing snapshot to disk in steps.
    rdb_save_incremental_fsync: bool, "rdb-save-incremental-fsync", LIVE, BOOL, "yes";
    /// Microseconds that each key of a snapshot is to take at least; for tests.
    rdb_key_save_delay: i32, "rdb-key-save-delay", HIDDEN_LIVE, num(I32_MIN, I32_MAX), "0";
    /// Microseconds that each key takes at least while it is loaded; for tests.
    key_load_delay: i32, "key-load-delay", HIDDEN_LIVE, num(I32_MIN, I32_MAX), "0";

    // Append-only file.
    /// Log every write to an append-only file.
    appendonly: bool, "appendonly", LIVE.and(NOT_LOADING), BOOL, "no";
    /// When it is forced to disk.
    appendfsync: AppendFsync, "appendfsync", LIVE, Kind::Choice(AppendFsync::NAMES), "everysec";
    /// First part of the names of its files.
    appendfilename: String, "appendfilename", FIXED, Kind::Text(base_name_aof), "appendonly.aof";
    /// Directory, below `dir`, of its files.
    appenddirname: String, "appenddirname", FIXED, Kind::Text(base_name_aof_dir), "appendonlydir";
    /// Do not force it to disk while it is rewritten.
    no_appendfsync_on_rewrite: bool, "no-appendfsync-on-rewrite", LIVE, BOOL, "no";
    /// Rewrite it when it has grown by this many percent; 0 never does.
    auto_aof_rewrite_percentage: u32, "auto-aof-rewrite-percentage", LIVE, INT, "100";
    /// Do not rewrite it while it is smaller than this.
    auto_aof_rewrite_min_size: u64, "auto-aof-rewrite-min-size", LIVE, BYTES, "64mb";
    /// Load it even if its end is torn.
    aof_load_truncated: bool, "aof-load-truncated", LIVE, BOOL, "yes";
    /// Bytes of a damaged end that may be cut off.
    aof_load_corrupt_tail_max_size: u64, "aof-load-corrupt-tail-max-size", LIVE, BYTES, "0";
    /// Begin it with a snapshot, which loads faster.
    aof_use_rdb_preamble: bool, "aof-use-rdb-preamble", LIVE, BOOL, "yes";
    /// Note the time in it.
    aof_timestamp_enabled: bool, "aof-timestamp-enabled", LIVE, BOOL, "no";
    /// Force it to disk in steps while it is rewritten.
    aof_rewrite_incremental_fsync: bool, "aof-rewrite-incremental-fsync", LIVE, BOOL, "yes";
    /// What to do with a propagated command that fails.
    propagation_error_behavior: PropagationErrorBehavior, "propagation-error-behavior", LIVE,
        Kind::Choice(PropagationErrorBehavior::NAMES), "ignore";

    // Scripts.
    /// Milliseconds after which a script lets other clients be answered with BUSY.
    busy_reply_threshold: u64, "busy-reply-threshold" | "lua-time-limit", LIVE, LONG, "5000";

    // Observation.
    /// Log commands that take at least this many microseconds; -1 logs none.
    slowlog_log_slower_than: i64, "commandlog-execution-slower-than" | "slowlog-log-slower-than",
        LIVE, num(-1, i64::MAX), "10000";
    /// Length of that log.
    slowlog_max_len: u64, "commandlog-slow-execution-max-len" | "slowlog-max-len", LIVE,
        LONG, "128";
    /// Arguments that an entry of that log keeps.
    slowlog_entry_max_argc: u32, "slowlog-entry-max-argc", LIVE, num(1, 4096), "32";
    /// How many of the keys used most are shown; 0 counts none.
    hotkeys_top_k: u32, "hotkeys-top-k", LIVE, num(0, 1000), "16";
    /// Look at least at so many of a hundred commands to find them.
    hotkeys_sampling_percentage: u32, "hotkeys-sampling-percentage", LIVE, num(1, 100), "1";
    /// Over how many seconds their use is counted.
    hotkeys_window_seconds: u32, "hotkeys-window-seconds", LIVE, num(1, 300), "10";
    /// How many of the biggest keys of each type are shown; 0 looks for none.
    bigkeys_top_k: u32, "bigkeys-top-k", OWN_LIVE, num(0, 64), "10";
    /// Log requests of at least this many bytes; -1 logs none.
    commandlog_request_larger_than: i64, "commandlog-request-larger-than", LIVE,
        num(-1, i64::MAX), "1048576";
    /// Length of that log.
    commandlog_large_request_max_len: u64, "commandlog-large-request-max-len", LIVE, LONG, "128";
    /// Log commands whose reply has at least this many bytes; -1 logs none.
    commandlog_reply_larger_than: i64, "commandlog-reply-larger-than", LIVE,
        num(-1, i64::MAX), "1048576";
    /// Length of that log.
    commandlog_large_reply_max_len: u64, "commandlog-large-reply-max-len", LIVE, LONG, "128";
    /// Remember events that take at least this many milliseconds; 0 remembers none.
    latency_monitor_threshold: u64, "latency-monitor-threshold", LIVE, LONG, "0";
    /// Keep a histogram of the durations of each command.
    latency_tracking: bool, "latency-tracking", LIVE, BOOL, "yes";
    /// Percentiles of it that INFO shows.
    latency_tracking_info_percentiles: Percentiles, "latency-tracking-info-percentiles",
        MANY_LIVE, OWN_TYPE, "50 99 99.9";
    /// Which keyspace events are published.
    notify_keyspace_events: KeyspaceEvents, "notify-keyspace-events", LIVE, OWN_TYPE, "";
    /// Port for /metrics, /health and the status page; 0 is none.
    metrics_port: u16, "metrics-port", OWN_FIXED, PORT, "0";
    /// Address for them.
    metrics_bind: String, "metrics-bind", OWN_FIXED, TEXT, "127.0.0.1";

    // Replication.
    /// Password for the primary.
    primaryauth: Vec<u8>, "primaryauth" | "masterauth", SECRET_LIVE, TEXT, "";
    /// User for the primary.
    primaryuser: Vec<u8>, "primaryuser" | "masteruser", SECRET_LIVE, TEXT, "";
    /// Serve old data while the primary is away.
    replica_serve_stale_data: bool, "replica-serve-stale-data" | "slave-serve-stale-data", LIVE,
        BOOL, "yes";
    /// Refuse writes of clients on a replica.
    replica_read_only: bool, "replica-read-only" | "slave-read-only", LIVE, BOOL, "yes";
    /// Leave eviction to the primary.
    replica_ignore_maxmemory: bool, "replica-ignore-maxmemory" | "slave-ignore-maxmemory", LIVE,
        BOOL, "yes";
    /// Free the old data of a replica in slices.
    replica_lazy_flush: bool, "replica-lazy-flush" | "slave-lazy-flush", LIVE, BOOL, "yes";
    /// Rank for Sentinel; 0 is never promoted.
    replica_priority: u32, "replica-priority" | "slave-priority", LIVE, INT, "100";
    /// Tell Sentinel about this replica.
    replica_announced: bool, "replica-announced", LIVE, BOOL, "yes";
    /// Address that a replica gives as its own.
    replica_announce_ip: String, "replica-announce-ip" | "slave-announce-ip", LIVE, TEXT, "";
    /// Port that a replica gives as its own.
    replica_announce_port: u16, "replica-announce-port" | "slave-announce-port", LIVE, PORT, "0";
    /// Go on when a replica cannot write its append-only file.
    replica_ignore_disk_write_errors: bool, "replica-ignore-disk-write-errors", LIVE, BOOL, "no";
    /// Send snapshots to replicas without a file in between.
    repl_diskless_sync: bool, "repl-diskless-sync", LIVE, BOOL, "yes";
    /// Seconds to wait for further replicas before.
    repl_diskless_sync_delay: u32, "repl-diskless-sync-delay", LIVE, INT, "5";
    /// Do not wait for more replicas than this.
    repl_diskless_sync_max_replicas: u32, "repl-diskless-sync-max-replicas", LIVE, INT, "0";
    /// Load snapshots from the primary without a file in between.
    repl_diskless_load: ReplDisklessLoad, "repl-diskless-load", LIVE.and(NOT_LOADING),
        Kind::Choice(ReplDisklessLoad::NAMES), "disabled";
    /// Seconds between two PINGs to replicas.
    repl_ping_replica_period: u32, "repl-ping-replica-period" | "repl-ping-slave-period", LIVE,
        num(1, I32_MAX), "10";
    /// Seconds after which a silent primary or replica is lost.
    repl_timeout: u32, "repl-timeout", LIVE, num(1, I32_MAX), "60";
    /// Let TCP gather small packets to replicas.
    repl_disable_tcp_nodelay: bool, "repl-disable-tcp-nodelay", LIVE, BOOL, "no";
    /// Bytes of changes kept for replicas that come back.
    repl_backlog_size: u64, "repl-backlog-size", LIVE, mem(1, i64::MAX as u64), "10mb";
    /// Seconds without replicas after which they are freed; 0 never.
    repl_backlog_ttl: u64, "repl-backlog-ttl", LIVE, LONG, "3600";
    /// Refuse writes with fewer good replicas than this.
    min_replicas_to_write: u32, "min-replicas-to-write" | "min-slaves-to-write", LIVE, INT, "0";
    /// A good replica lags by at most this many seconds.
    min_replicas_max_lag: u32, "min-replicas-max-lag" | "min-slaves-max-lag", LIVE, INT, "10";
}

kept {
    // Would change safety or meaning: refused unless the default.
    "replicaof" | "slaveof": ReplicaOf, REFUSED_FIXED.and(MANY), OWN_TYPE, "";
    "cluster-enabled": bool, REFUSED_FIXED, BOOL, "no";
    "rdma-bind": Vec<String>, REFUSED_LIVE.and(MANY), OWN_TYPE, "";
    "rdma-port": u16, REFUSED_LIVE, PORT, "0";
    "tls-auth-clients": Word, REFUSED_LIVE, Kind::Choice(&["no", "yes", "optional"]), "yes";
    "tls-auth-clients-user": Word, REFUSED_LIVE, Kind::Choice(&["CN", "URI", "off"]), "off";
    "tls-auto-reload-interval": u32, REFUSED_LIVE, INT, "0";
    "tls-ca-cert-dir": String, REFUSED_LIVE, TEXT, "";
    "tls-ca-cert-file": String, REFUSED_LIVE, TEXT, "";
    "tls-cert-file": String, REFUSED_LIVE, TEXT, "";
    "tls-ciphers": String, REFUSED_LIVE, TEXT, "";
    "tls-ciphersuites": String, REFUSED_LIVE, TEXT, "";
    "tls-client-cert-file": String, REFUSED_LIVE, TEXT, "";
    "tls-client-key-file": String, REFUSED_LIVE, TEXT, "";
    "tls-client-key-file-pass": Vec<u8>, REFUSED_SECRET, TEXT, "";
    "tls-cluster": bool, REFUSED_LIVE, BOOL, "no";
    "tls-dh-params-file": String, REFUSED_LIVE, TEXT, "";
    "tls-key-file": String, REFUSED_LIVE, TEXT, "";
    "tls-key-file-pass": Vec<u8>, REFUSED_SECRET, TEXT, "";
    "tls-port": u16, REFUSED_LIVE, PORT, "0";
    "tls-prefer-server-ciphers": bool, REFUSED_LIVE, BOOL, "no";
    "tls-protocols": String, REFUSED_LIVE, TEXT, "";
    "tls-replication": bool, REFUSED_LIVE, BOOL, "no";
    "tls-session-cache-size": u32, REFUSED_LIVE, INT, "20480";
    "tls-session-cache-timeout": u32, REFUSED_LIVE, INT, "300";
    "tls-session-caching": bool, REFUSED_LIVE, BOOL, "yes";

    // Without effect here: threads, processor lists and the forked child that kvd does not have.
    "io-threads": u32, IDLE_LIVE, num(1, 256), "1";
    "io-threads-do-reads": bool, IDLE_FIXED, BOOL, "no";
    "prefetch-batch-max-size": u32, IDLE_LIVE, num(0, 128), "16";
    "lookahead": u32, IDLE_LIVE, num(1, I32_MAX), "16";
    "server-cpulist" | "server_cpulist": String, IDLE_FIXED, TEXT, "";
    "bio-cpulist" | "bio_cpulist": String, IDLE_FIXED, TEXT, "";
    "aof-rewrite-cpulist" | "aof_rewrite_cpulist": String, IDLE_FIXED, TEXT, "";
    "bgsave-cpulist" | "bgsave_cpulist": String, IDLE_FIXED, TEXT, "";
    "dynamic-hz": bool, IDLE_LIVE, BOOL, "yes";

    // Memory that is managed in another way.
    "activedefrag": bool, IDLE_LIVE, BOOL, "no";
    "active-defrag-cycle-max": u32, IDLE_LIVE, num(1, 99), "25";
    "active-defrag-cycle-min": u32, IDLE_LIVE, num(1, 99), "1";
    "active-defrag-cycle-us": u32, IDLE_LIVE, num(0, 100_000), "500";
    "active-defrag-ignore-bytes": u64, IDLE_LIVE, mem(1, i64::MAX as u64), "100mb";
    "active-defrag-max-scan-fields": u64, IDLE_LIVE, num(1, i64::MAX), "1000";
    "active-defrag-threshold-lower": u32, IDLE_LIVE, num(0, 1000), "10";
    "active-defrag-threshold-upper": u32, IDLE_LIVE, num(0, 1000), "100";
    "activerehashing": bool, IDLE_LIVE, BOOL, "yes";
    "disable-thp": bool, IDLE_FIXED, BOOL, "yes";
    "jemalloc-bg-thread": bool, IDLE_LIVE, BOOL, "yes";
    "hash-seed": String, IDLE_FIXED, TEXT, "";
    "key-memory-histograms": bool, IDLE_LIVE, BOOL, "no";

    // The process.
    "always-show-logo": bool, IDLE_FIXED, BOOL, "no";
    "crash-log-enabled": bool, IDLE_LIVE, BOOL, "yes";
    "crash-memcheck-enabled": bool, IDLE_LIVE, BOOL, "yes";
    "ignore-warnings": String, IDLE_LIVE, TEXT, "";
    "locale-collate": String, IDLE_LIVE, TEXT, "";
    "proc-title-template": String, IDLE_LIVE, Kind::Text(title_template),
        "{title} {listen-addr} {server-mode}";
    "set-proc-title": bool, IDLE_FIXED, BOOL, "yes";
    "syslog-enabled": bool, IDLE_FIXED, BOOL, "no";
    "syslog-facility": Word, IDLE_FIXED, Kind::Choice(&[
        "user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
    ]), "local0";
    "syslog-ident": String, IDLE_FIXED, TEXT, "kvd";
    "enable-module-command": Word, IDLE_FIXED, Kind::Choice(Protection::NAMES), "no";
    "sanitize-dump-payload": Word, IDLE_LIVE, Kind::Choice(&["no", "yes", "clients"]), "no";

    // Sockets.
    "bind-source-addr": String, IDLE_LIVE, TEXT, "";
    "mptcp": bool, IDLE_FIXED, BOOL, "no";
    "socket-mark-id": u32, IDLE_FIXED, num(0, u32::MAX as i64), "0";
    "max-new-tls-connections-per-cycle": u32, IDLE_LIVE, num(1, 1000), "1";
    "rdma-completion-vector": i32, IDLE_FIXED, num(-1, 1024), "-1";
    "rdma-rx-size": u32, IDLE_FIXED, num(65536, 16 * MIB), "1048576";

    // Replication.
    "dual-channel-replication-enabled": bool, IDLE_LIVE, BOOL, "no";
    "rdb-del-sync-files": bool, IDLE_LIVE, BOOL, "no";
    "repl-mptcp": bool, IDLE_FIXED, BOOL, "no";
    "repl-rdb-channel": bool, IDLE_LIVE, BOOL, "no";
    "replica-full-sync-buffer-limit": u64, IDLE_LIVE, BYTES, "0";

    // Cluster: without cluster-enabled they say nothing.
    "cluster-allow-pubsubshard-when-down": bool, IDLE_LIVE, BOOL, "yes";
    "cluster-allow-reads-when-down": bool, IDLE_LIVE, BOOL, "no";
    "cluster-allow-replica-migration": bool, IDLE_LIVE, BOOL, "yes";
    "cluster-announce-bus-port": u16, IDLE_LIVE, PORT, "0";
    "cluster-announce-client-ipv4": String, IDLE_LIVE, Kind::Text(ipv4), "";
    "cluster-announce-client-ipv6": String, IDLE_LIVE, Kind::Text(ipv6), "";
    "cluster-announce-client-port": u16, IDLE_LIVE, PORT, "0";
    "cluster-announce-client-tls-port": u16, IDLE_LIVE, PORT, "0";
    "cluster-announce-hostname": String, IDLE_LIVE, Kind::Text(hostname), "";
    "cluster-announce-human-nodename": String, IDLE_LIVE, Kind::Text(nodename), "";
    "cluster-announce-ip": String, IDLE_LIVE, Kind::Text(announced_ip), "";
    "cluster-announce-port": u16, IDLE_LIVE, PORT, "0";
    "cluster-announce-tls-port": u16, IDLE_LIVE, PORT, "0";
    "cluster-blacklist-ttl": i64, IDLE_LIVE, num(i64::MIN, i64::MAX), "60";
    "cluster-compatibility-sample-ratio": u32, IDLE_LIVE, num(0, 100), "0";
    "cluster-config-file": String, IDLE_FIXED, Kind::Text(cluster_config_file), "nodes.conf";
    "cluster-config-save-behavior": Word, IDLE_LIVE, Kind::Choice(&["sync", "best-effort"]), "sync";
    "cluster-databases": u32, IDLE_FIXED, num(1, I32_MAX), "1";
    "cluster-link-sendbuf-limit": u64, IDLE_LIVE, mem(0, u64::MAX), "0";
    "cluster-manual-failover-timeout": u32, IDLE_LIVE, num(1, I32_MAX), "5000";
    "cluster-migration-barrier": u32, IDLE_LIVE, INT, "1";
    "cluster-node-timeout": u64, IDLE_LIVE, LONG, "15000";
    "cluster-port": u16, IDLE_FIXED, PORT, "0";
    "cluster-preferred-endpoint-type": Word, IDLE_LIVE,
        Kind::Choice(&["ip", "hostname", "unknown-endpoint"]), "ip";
    "cluster-replica-no-failover" | "cluster-slave-no-failover": bool, IDLE_LIVE, BOOL, "no";
    "cluster-replica-validity-factor" | "cluster-slave-validity-factor": u32, IDLE_LIVE, INT, "10";
    "cluster-require-full-coverage": bool, IDLE_LIVE, BOOL, "yes";
    "cluster-slot-migration-handoff-max-lag-bytes": u64, IDLE_LIVE, BYTES, "1mb";
    "cluster-slot-migration-log-max-len": u64, IDLE_LIVE, LONG, "1000";
    "cluster-slot-migration-max-archived-tasks": u32, HIDDEN_LIVE, num(1, 100), "32";
    "cluster-slot-migration-write-pause-timeout": u64, IDLE_LIVE, LONG, "10000";
    "cluster-slot-stats-enabled": bool, IDLE_LIVE, BOOL, "no";
    "slot-migration-max-failover-repl-bytes": i64, IDLE_LIVE, mem(-1, i64::MAX as u64), "0";

    // Redis 8.8's arrays.
    "array-slice-size": u32, IDLE_LIVE, num(1, I32_MAX), "4096";
    "array-sparse-kmax": u32, IDLE_LIVE, INT, "10";
    "array-sparse-kmin": u32, IDLE_LIVE, INT, "5";

    // For tests of the servers themselves; hidden there too.
    "aof-disable-auto-gc": bool, HIDDEN_LIVE, BOOL, "no";
    "cluster-message-gossip-perc": u32, HIDDEN_LIVE, num(1, 100), "10";
    "cluster-ping-interval": u64, HIDDEN_LIVE, LONG, "0";
    "enable-debug-assert": bool, IDLE_FIXED.and(HIDDEN), BOOL, "no";
    "debug-context": String, HIDDEN_LIVE, TEXT, "";
    "io-threads-always-active": bool, HIDDEN_LIVE, BOOL, "no";
    "loading-process-events-interval-bytes": u32, HIDDEN_LIVE, num(1024, I32_MAX), "2097152";
    "lua-enable-deprecated-api": bool, HIDDEN_LIVE.and(PROTECTED), BOOL, "no";
    "lua-enable-insecure-api": bool, HIDDEN_LIVE.and(PROTECTED), BOOL, "no";
    "min-io-threads-avoid-copy-reply": u32, HIDDEN_LIVE, INT, "7";
    "min-string-size-avoid-copy-reply": u32, HIDDEN_LIVE, INT, "16384";
    "min-string-size-avoid-copy-reply-threaded": u32, HIDDEN_LIVE, INT, "65536";
    "use-exit-on-panic": bool, HIDDEN_LIVE, BOOL, "no";
    "watchdog-period": u32, HIDDEN_LIVE, INT, "0";
}
}

/// Names that old files may still hold and that mean nothing any more, with one value each.
pub const DEPRECATED: &[&str] = &[
    "list-max-ziplist-entries",
    "list-max-ziplist-value",
    "lua-replicate-commands",
];
