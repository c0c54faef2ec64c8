//! Documentation of the commands on the server: data only.

use crate::dispatch::docs::Doc;

const GROUP: Doc = Doc::of("server");

/// ACL.
pub static ACL: Doc = Doc {
    summary: "Manages users and what they may do.",
    since: "6.0.0",
    ..GROUP
};

/// ACL CAT.
pub static ACL_CAT: Doc = Doc {
    summary: "Lists the categories, or the commands of one.",
    since: "6.0.0",
    complexity: "O(1)",
    args: "[category]",
    ..GROUP
};

/// ACL DELUSER.
pub static ACL_DELUSER: Doc = Doc {
    summary: "Deletes users and closes their connections.",
    since: "6.0.0",
    complexity: "O(N) for N connections",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: "username*",
    ..GROUP
};

/// ACL DRYRUN.
pub static ACL_DRYRUN: Doc = Doc {
    summary: "Tells whether a user may run a command, without running it.",
    since: "7.0.0",
    complexity: "O(1)",
    args: "username command [arg*]",
    ..GROUP
};

/// ACL GENPASS.
pub static ACL_GENPASS: Doc = Doc {
    summary: "Makes up a password.",
    since: "6.0.0",
    complexity: "O(1)",
    args: "[bits:int]",
    ..GROUP
};

/// ACL GETUSER.
pub static ACL_GETUSER: Doc = Doc {
    summary: "Returns what a user may do.",
    since: "6.0.0",
    complexity: "O(N) for N rules",
    args: "username",
    history: &[
        ("6.2.0", "Channel patterns."),
        (
            "7.0.0",
            "Selectors; key and channel patterns as rules instead of lists.",
        ),
        ("9.1.0", "Database rules."),
    ],
    ..GROUP
};

/// ACL HELP.
pub static ACL_HELP: Doc = Doc {
    summary: "Lists the subcommands.",
    since: "6.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// ACL LIST.
pub static ACL_LIST: Doc = Doc {
    summary: "Returns all users as lines of an ACL file.",
    since: "6.0.0",
    complexity: "O(N) for N users",
    ..GROUP
};

/// ACL LOAD.
pub static ACL_LOAD: Doc = Doc {
    summary: "Reads the users from the ACL file.",
    since: "6.0.0",
    complexity: "O(N) for N users",
    ..GROUP
};

/// ACL LOG.
pub static ACL_LOG: Doc = Doc {
    summary: "Returns what was refused to whom.",
    since: "6.0.0",
    complexity: "O(N) for N entries returned",
    args: "[operation(count:int|reset=RESET)]",
    history: &[("7.2.0", "Ids and times of entries.")],
    ..GROUP
};

/// ACL SAVE.
pub static ACL_SAVE: Doc = Doc {
    summary: "Writes the users to the ACL file.",
    since: "6.0.0",
    complexity: "O(N) for N users",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    ..GROUP
};

/// ACL SETUSER.
pub static ACL_SETUSER: Doc = Doc {
    summary: "Creates a user or changes what one may do.",
    since: "6.0.0",
    complexity: "O(N) for N rules",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: "username [rule*]",
    history: &[
        ("6.2.0", "Channel patterns."),
        ("7.0.0", "Selectors and key permissions."),
        ("9.1.0", "Database rules."),
    ],
    ..GROUP
};

/// ACL USERS.
pub static ACL_USERS: Doc = Doc {
    summary: "Returns the names of all users.",
    since: "6.0.0",
    complexity: "O(N) for N users",
    ..GROUP
};

/// ACL WHOAMI.
pub static ACL_WHOAMI: Doc = Doc {
    summary: "Returns the name of the connection's user.",
    since: "6.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// BGREWRITEAOF.
pub static BGREWRITEAOF: Doc = Doc {
    summary: "Writes a new base of the append-only file in the background.",
    since: "1.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// BGSAVE.
pub static BGSAVE: Doc = Doc {
    summary: "Saves the dataset to disk in the background.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "[operation(schedule=SCHEDULE^3.2.2|cancel=CANCEL^8.1.0)]",
    history: &[("3.2.2", "`SCHEDULE`."), ("8.1.0", "`CANCEL`.")],
    ..GROUP
};

/// COMMAND.
pub static COMMAND: Doc = Doc {
    summary: "Describes all commands.",
    since: "2.8.13",
    complexity: "O(N) for N commands",
    tips: &["nondeterministic_output_order"],
    ..GROUP
};

/// COMMAND COUNT.
pub static COMMAND_COUNT: Doc = Doc {
    summary: "Returns how many commands there are.",
    since: "2.8.13",
    complexity: "O(1)",
    ..GROUP
};

/// COMMAND DOCS.
pub static COMMAND_DOCS: Doc = Doc {
    summary: "Documents commands.",
    since: "7.0.0",
    complexity: "O(N) for N commands asked for",
    tips: &["nondeterministic_output_order"],
    args: "[command-name*]",
    ..GROUP
};

/// COMMAND GETKEYS.
pub static COMMAND_GETKEYS: Doc = Doc {
    summary: "Returns the keys among the arguments of a command.",
    since: "2.8.13",
    complexity: "O(N) for N arguments",
    args: "command [arg*]",
    ..GROUP
};

/// COMMAND GETKEYSANDFLAGS.
pub static COMMAND_GETKEYSANDFLAGS: Doc = Doc {
    summary: "Returns the keys among the arguments of a command and what it does with them.",
    since: "7.0.0",
    complexity: "O(N) for N arguments",
    args: "command [arg*]",
    ..GROUP
};

/// COMMAND HELP.
pub static COMMAND_HELP: Doc = Doc {
    summary: "Lists the subcommands.",
    since: "5.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// COMMAND INFO.
pub static COMMAND_INFO: Doc = Doc {
    summary: "Describes some commands.",
    since: "2.8.13",
    complexity: "O(N) for N commands asked for",
    tips: &["nondeterministic_output_order"],
    args: "[command-name*]",
    history: &[("7.0.0", "Without arguments: all commands.")],
    ..GROUP
};

/// COMMAND LIST.
pub static COMMAND_LIST: Doc = Doc {
    summary: "Returns the names of commands.",
    since: "7.0.0",
    complexity: "O(N) for N commands",
    tips: &["nondeterministic_output_order"],
    args: "[filterby(module-name:str=MODULE|category:str=ACLCAT|\
             pattern:pattern=PATTERN)=FILTERBY]",
    ..GROUP
};

/// COMMANDLOG.
pub static COMMANDLOG: Doc = Doc {
    summary: "Reads the logs of slow and of large commands.",
    since: "8.1.0",
    ..GROUP
};

/// COMMANDLOG GET.
pub static COMMANDLOG_GET: Doc = Doc {
    summary: "Returns the newest entries of a log.",
    since: "8.1.0",
    complexity: "O(N) for N entries returned",
    tips: &["request_policy:all_nodes", "nondeterministic_output"],
    args: "count:int type(slow=SLOW|large-request=LARGE-REQUEST|large-reply=LARGE-REPLY)",
    ..GROUP
};

/// COMMANDLOG HELP.
pub static COMMANDLOG_HELP: Doc = Doc {
    summary: "Lists the subcommands.",
    since: "8.1.0",
    complexity: "O(1)",
    ..GROUP
};

/// COMMANDLOG LEN.
pub static COMMANDLOG_LEN: Doc = Doc {
    summary: "Returns how many entries a log has.",
    since: "8.1.0",
    complexity: "O(1)",
    tips: &[
        "request_policy:all_nodes",
        "response_policy:agg_sum",
        "nondeterministic_output",
    ],
    args: "type(slow=SLOW|large-request=LARGE-REQUEST|large-reply=LARGE-REPLY)",
    ..GROUP
};

/// COMMANDLOG RESET.
pub static COMMANDLOG_RESET: Doc = Doc {
    summary: "Empties a log.",
    since: "8.1.0",
    complexity: "O(N) for N entries",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: "type(slow=SLOW|large-request=LARGE-REQUEST|large-reply=LARGE-REPLY)",
    ..GROUP
};

/// CONFIG.
pub static CONFIG: Doc = Doc {
    summary: "Manages the server's configuration.",
    since: "2.0.0",
    ..GROUP
};

/// CONFIG GET.
pub static CONFIG_GET: Doc = Doc {
    summary: "Returns the values of options.",
    since: "2.0.0",
    complexity: "O(N) for N options",
    args: "parameter*",
    history: &[("7.0.0", "Several patterns.")],
    ..GROUP
};

/// CONFIG HELP.
pub static CONFIG_HELP: Doc = Doc {
    summary: "Lists the subcommands.",
    since: "5.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// CONFIG RESETSTAT.
pub static CONFIG_RESETSTAT: Doc = Doc {
    summary: "Sets the server's counters to zero.",
    since: "2.0.0",
    complexity: "O(1)",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    ..GROUP
};

/// CONFIG REWRITE.
pub static CONFIG_REWRITE: Doc = Doc {
    summary: "Writes the configuration in effect to its file.",
    since: "2.8.0",
    complexity: "O(1)",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    ..GROUP
};

/// CONFIG SET.
pub static CONFIG_SET: Doc = Doc {
    summary: "Changes options while the server runs.",
    since: "2.0.0",
    complexity: "O(N) for N options",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: "data{parameter value}*",
    history: &[("7.0.0", "Several options.")],
    ..GROUP
};

/// DBSIZE.
pub static DBSIZE: Doc = Doc {
    summary: "Returns the number of keys in the database.",
    since: "1.0.0",
    complexity: "O(1)",
    tips: &["request_policy:all_shards", "response_policy:agg_sum"],
    ..GROUP
};

/// DEBUG.
pub static DEBUG: Doc = Doc {
    summary: "Serves tests of the server.",
    since: "1.0.0",
    complexity: "Depends on the subcommand",
    system: true,
    ..GROUP
};

/// FAILOVER.
pub static FAILOVER: Doc = Doc {
    summary: "Hands the primary's role to one of its replicas.",
    since: "6.2.0",
    complexity: "O(1)",
    args: "[target{host port:int [force=FORCE]}=TO] [abort=ABORT] [milliseconds:int=TIMEOUT]",
    ..GROUP
};

/// FLUSHALL.
pub static FLUSHALL: Doc = Doc {
    summary: "Deletes every key of every database.",
    since: "1.0.0",
    complexity: "O(N) for N keys in all databases",
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    args: "[flush-type(async=ASYNC^4.0.0|sync=SYNC^6.2.0)]",
    history: &[("4.0.0", "`ASYNC`."), ("6.2.0", "`SYNC`.")],
    ..GROUP
};

/// FLUSHDB.
pub static FLUSHDB: Doc = Doc {
    summary: "Deletes every key of the database.",
    since: "1.0.0",
    complexity: "O(N) for N keys in the database",
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    args: "[flush-type(async=ASYNC^4.0.0|sync=SYNC^6.2.0)]",
    history: &[("4.0.0", "`ASYNC`."), ("6.2.0", "`SYNC`.")],
    ..GROUP
};

/// HOTKEYS.
pub static HOTKEYS: Doc = Doc {
    summary: "Tells which keys are used most.",
    since: "8.6.0",
    ..GROUP
};

/// HOTKEYS BIG.
pub static HOTKEYS_BIG: Doc = Doc {
    summary: "Returns the biggest keys of each type.",
    since: "0.1.0",
    complexity: "O(N) for N keys returned",
    args: "[type:str=TYPE] [count:int=COUNT]",
    ..GROUP
};

/// HOTKEYS GET.
pub static HOTKEYS_GET: Doc = Doc {
    summary: "Returns the keys used most.",
    since: "8.6.0",
    complexity: "O(N) for N keys returned",
    ..GROUP
};

/// HOTKEYS HELP.
pub static HOTKEYS_HELP: Doc = Doc {
    summary: "Lists the subcommands.",
    since: "8.6.1",
    complexity: "O(1)",
    ..GROUP
};

/// HOTKEYS RESET.
pub static HOTKEYS_RESET: Doc = Doc {
    summary: "Forgets what was counted.",
    since: "8.6.0",
    complexity: "O(1)",
    ..GROUP
};

/// HOTKEYS START.
pub static HOTKEYS_START: Doc = Doc {
    summary: "Begins to count.",
    since: "8.6.0",
    complexity: "O(1)",
    args: "metrics{count:int [cpu=CPU] [net=NET]}=METRICS [k:int=COUNT] \
             [seconds:int=DURATION] [ratio:int=SAMPLE] [slots{count:int slot:int*}=SLOTS]",
    ..GROUP
};

/// HOTKEYS TOP.
pub static HOTKEYS_TOP: Doc = Doc {
    summary: "Returns the keys used most in the last window.",
    since: "0.1.0",
    complexity: "O(N) for N keys counted",
    args: "[order(calls=CALLS|net=NET|cpu=CPU)] [count:int=COUNT]",
    ..GROUP
};

/// HOTKEYS STOP.
pub static HOTKEYS_STOP: Doc = Doc {
    summary: "Ends counting and keeps what was counted.",
    since: "8.6.0",
    complexity: "O(1)",
    ..GROUP
};

/// INFO.
pub static INFO: Doc = Doc {
    summary: "Returns facts and figures about the server.",
    since: "1.0.0",
    complexity: "O(1)",
    tips: &[
        "nondeterministic_output",
        "request_policy:all_shards",
        "response_policy:special",
    ],
    args: "[section*]",
    history: &[("7.0.0", "Several sections.")],
    ..GROUP
};

/// LASTSAVE.
pub static LASTSAVE: Doc = Doc {
    summary: "Returns the Unix time of the last successful save.",
    since: "1.0.0",
    complexity: "O(1)",
    tips: &["nondeterministic_output"],
    ..GROUP
};

/// LATENCY.
pub static LATENCY: Doc = Doc {
    summary: "Reads the latency monitor.",
    since: "2.8.13",
    ..GROUP
};

/// LATENCY DOCTOR.
pub static LATENCY_DOCTOR: Doc = Doc {
    summary: "Reports on latency in words.",
    since: "2.8.13",
    complexity: "O(1)",
    tips: &[
        "nondeterministic_output",
        "request_policy:all_nodes",
        "response_policy:special",
    ],
    ..GROUP
};

/// LATENCY GRAPH.
pub static LATENCY_GRAPH: Doc = Doc {
    summary: "Draws the samples of an event.",
    since: "2.8.13",
    complexity: "O(1)",
    tips: &[
        "nondeterministic_output",
        "request_policy:all_nodes",
        "response_policy:special",
    ],
    args: "event",
    ..GROUP
};

/// LATENCY HELP.
pub static LATENCY_HELP: Doc = Doc {
    summary: "Lists the subcommands.",
    since: "2.8.13",
    complexity: "O(1)",
    ..GROUP
};

/// LATENCY HISTOGRAM.
pub static LATENCY_HISTOGRAM: Doc = Doc {
    summary: "Returns how long calls of commands took.",
    since: "7.0.0",
    complexity: "O(N) for N commands",
    tips: &[
        "nondeterministic_output",
        "request_policy:all_nodes",
        "response_policy:special",
    ],
    args: "[command*]",
    ..GROUP
};

/// LATENCY HISTORY.
pub static LATENCY_HISTORY: Doc = Doc {
    summary: "Returns the samples of an event.",
    since: "2.8.13",
    complexity: "O(1)",
    tips: &[
        "nondeterministic_output",
        "request_policy:all_nodes",
        "response_policy:special",
    ],
    args: "event",
    ..GROUP
};

/// LATENCY LATEST.
pub static LATENCY_LATEST: Doc = Doc {
    summary: "Returns the latest sample of every event.",
    since: "2.8.13",
    complexity: "O(1)",
    tips: &[
        "nondeterministic_output",
        "request_policy:all_nodes",
        "response_policy:special",
    ],
    ..GROUP
};

/// LATENCY RESET.
pub static LATENCY_RESET: Doc = Doc {
    summary: "Forgets the samples of events.",
    since: "2.8.13",
    complexity: "O(1)",
    tips: &["request_policy:all_nodes", "response_policy:agg_sum"],
    args: "[event*]",
    ..GROUP
};

/// LOLWUT.
pub static LOLWUT: Doc = Doc {
    summary: "Shows a piece of computer art and the version.",
    since: "5.0.0",
    args: "[version:int=VERSION]",
    ..GROUP
};

/// MEMORY.
pub static MEMORY: Doc = Doc {
    summary: "Tells what memory is used for.",
    since: "4.0.0",
    ..GROUP
};

/// MEMORY DOCTOR.
pub static MEMORY_DOCTOR: Doc = Doc {
    summary: "Reports on memory in words.",
    since: "4.0.0",
    complexity: "O(1)",
    tips: &[
        "nondeterministic_output",
        "request_policy:all_shards",
        "response_policy:special",
    ],
    ..GROUP
};

/// MEMORY HELP.
pub static MEMORY_HELP: Doc = Doc {
    summary: "Lists the subcommands.",
    since: "4.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// MEMORY MALLOC-STATS.
pub static MEMORY_MALLOC_STATS: Doc = Doc {
    summary: "Returns the allocator's own figures.",
    since: "4.0.0",
    complexity: "Depends on how much is allocated",
    tips: &[
        "nondeterministic_output",
        "request_policy:all_shards",
        "response_policy:special",
    ],
    ..GROUP
};

/// MEMORY PURGE.
pub static MEMORY_PURGE: Doc = Doc {
    summary: "Asks the allocator to give memory back.",
    since: "4.0.0",
    complexity: "Depends on how much is allocated",
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    ..GROUP
};

/// MEMORY STATS.
pub static MEMORY_STATS: Doc = Doc {
    summary: "Returns what memory is used for.",
    since: "4.0.0",
    complexity: "O(1)",
    tips: &[
        "nondeterministic_output",
        "request_policy:all_shards",
        "response_policy:special",
    ],
    ..GROUP
};

/// MEMORY USAGE.
pub static MEMORY_USAGE: Doc = Doc {
    summary: "Estimates how much memory a key takes.",
    since: "4.0.0",
    complexity: "O(N) for N elements sampled",
    args: "key@0 [count:int=SAMPLES]",
    ..GROUP
};

/// MODULE.
pub static MODULE: Doc = Doc {
    summary: "Manages modules.",
    since: "4.0.0",
    ..GROUP
};

/// MODULE HELP.
pub static MODULE_HELP: Doc = Doc {
    summary: "Lists the subcommands.",
    since: "5.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// MODULE LIST.
pub static MODULE_LIST: Doc = Doc {
    summary: "Lists the modules loaded.",
    since: "4.0.0",
    complexity: "O(N) for N modules",
    tips: &["nondeterministic_output_order"],
    ..GROUP
};

/// MODULE LOAD.
pub static MODULE_LOAD: Doc = Doc {
    summary: "Loads a module.",
    since: "4.0.0",
    complexity: "O(1)",
    args: "path [arg*]",
    ..GROUP
};

/// MODULE LOADEX.
pub static MODULE_LOADEX: Doc = Doc {
    summary: "Loads a module with configuration.",
    since: "7.0.0",
    complexity: "O(1)",
    args: "path [configs{name value}=CONFIG**] [args:str=ARGS*]",
    ..GROUP
};

/// MODULE UNLOAD.
pub static MODULE_UNLOAD: Doc = Doc {
    summary: "Unloads a module.",
    since: "4.0.0",
    complexity: "O(1)",
    args: "name",
    ..GROUP
};

/// MONITOR.
pub static MONITOR: Doc = Doc {
    summary: "Shows every command the server runs.",
    since: "1.0.0",
    ..GROUP
};

/// PSYNC.
pub static PSYNC: Doc = Doc {
    summary: "Begins to replicate from an offset; used by replicas.",
    since: "2.8.0",
    args: "replicationid offset:int",
    ..GROUP
};

/// REPLCONF.
pub static REPLCONF: Doc = Doc {
    summary: "Tells a primary about its replica; used by replicas.",
    since: "3.0.0",
    complexity: "O(1)",
    system: true,
    ..GROUP
};

/// REPLICAOF.
pub static REPLICAOF: Doc = Doc {
    summary: "Makes the server a replica of another, or a primary.",
    since: "5.0.0",
    complexity: "O(1)",
    args: "args(host-port{host port:int}|no-one{no=NO one=ONE})",
    ..GROUP
};

/// RESTORE-ASKING.
pub static RESTORE_ASKING: Doc = Doc {
    summary: "Makes a key of what DUMP returned while a cluster moves its slot.",
    since: "3.0.0",
    complexity: "O(N) for N bytes of data, O(N*log(N)) for N members of a sorted set",
    args: "key@0 ttl:int serialized-value [replace=REPLACE^3.0.0] [absttl=ABSTTL^5.0.0] \
             [seconds:int=IDLETIME^5.0.0] [frequency:int=FREQ^5.0.0]",
    history: &[
        ("3.0.0", "`REPLACE`."),
        ("5.0.0", "`ABSTTL`."),
        ("5.0.0", "`IDLETIME` and `FREQ`."),
    ],
    system: true,
    ..GROUP
};

/// ROLE.
pub static ROLE: Doc = Doc {
    summary: "Returns the role the server plays in replication.",
    since: "2.8.12",
    complexity: "O(1)",
    ..GROUP
};

/// SAVE.
pub static SAVE: Doc = Doc {
    summary: "Saves the dataset to disk and waits for it.",
    since: "1.0.0",
    complexity: "O(N) for N keys in all databases",
    ..GROUP
};

/// SHUTDOWN.
pub static SHUTDOWN: Doc = Doc {
    summary: "Saves the dataset if wanted and ends the server.",
    since: "1.0.0",
    complexity: "O(N) for N keys in all databases when saving",
    args: "[abort-selector(save-selector-block{[save-selector(nosave=NOSAVE|save=SAVE)] \
             [now=NOW^7.0.0] [force=FORCE^7.0.0] [safe=SAFE^9.0.0] [failover=FAILOVER^9.0.0]}|\
             abort=ABORT^7.0.0)]",
    history: &[
        ("7.0.0", "`NOW`, `FORCE` and `ABORT`."),
        ("9.0.0", "`SAFE` and `FAILOVER`."),
    ],
    ..GROUP
};

/// SLAVEOF.
pub static SLAVEOF: Doc = Doc {
    summary: "Makes the server a replica of another, or a primary; REPLICAOF's old name.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "args(host-port{host port:int}|no-one{no=NO one=ONE})",
    deprecated: Some(("5.0.0", "`REPLICAOF`")),
    ..GROUP
};

/// SLOWLOG.
pub static SLOWLOG: Doc = Doc {
    summary: "Reads the log of slow commands.",
    since: "2.2.12",
    ..GROUP
};

/// SLOWLOG GET.
pub static SLOWLOG_GET: Doc = Doc {
    summary: "Returns the newest entries.",
    since: "2.2.12",
    complexity: "O(N) for N entries returned",
    tips: &["request_policy:all_nodes", "nondeterministic_output"],
    args: "[count:int]",
    history: &[("4.0.0", "Address and name of the client in the reply.")],
    ..GROUP
};

/// SLOWLOG HELP.
pub static SLOWLOG_HELP: Doc = Doc {
    summary: "Lists the subcommands.",
    since: "6.2.0",
    complexity: "O(1)",
    ..GROUP
};

/// SLOWLOG LEN.
pub static SLOWLOG_LEN: Doc = Doc {
    summary: "Returns how many entries there are.",
    since: "2.2.12",
    complexity: "O(1)",
    tips: &[
        "request_policy:all_nodes",
        "response_policy:agg_sum",
        "nondeterministic_output",
    ],
    ..GROUP
};

/// SLOWLOG RESET.
pub static SLOWLOG_RESET: Doc = Doc {
    summary: "Empties the log.",
    since: "2.2.12",
    complexity: "O(N) for N entries",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    ..GROUP
};

/// SWAPDB.
pub static SWAPDB: Doc = Doc {
    summary: "Exchanges two databases.",
    since: "4.0.0",
    complexity: "O(N) for N clients that watch or wait for keys there",
    args: "index1:int index2:int",
    ..GROUP
};

/// SYNC.
pub static SYNC: Doc = Doc {
    summary: "Begins to replicate; used by old replicas.",
    since: "1.0.0",
    ..GROUP
};

/// TIME.
pub static TIME: Doc = Doc {
    summary: "Returns the server's time.",
    since: "2.6.0",
    complexity: "O(1)",
    tips: &["nondeterministic_output"],
    ..GROUP
};
