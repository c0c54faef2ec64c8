//! Documentation of the commands on keys of any type: data only.

use crate::dispatch::docs::Doc;

const GROUP: Doc = Doc::of("generic");

/// COPY.
pub static COPY: Doc = Doc {
    summary: "Copies a key, to another database if wanted.",
    since: "6.2.0",
    complexity: "O(N) for N elements",
    args: "source@0 destination@1 [destination-db:int=DB] [replace=REPLACE]",
    ..GROUP
};

/// DEL.
pub static DEL: Doc = Doc {
    summary: "Deletes keys.",
    since: "1.0.0",
    complexity: "O(N) for N keys",
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    args: "key@0*",
    ..GROUP
};

/// DUMP.
pub static DUMP: Doc = Doc {
    summary: "Returns the value of a key as RESTORE takes it.",
    since: "2.6.0",
    complexity: "O(N) for N bytes of data",
    tips: &["nondeterministic_output"],
    args: "key@0",
    ..GROUP
};

/// EXISTS.
pub static EXISTS: Doc = Doc {
    summary: "Counts how many of the keys exist.",
    since: "1.0.0",
    complexity: "O(N) for N keys",
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    args: "key@0*",
    history: &[("3.0.3", "Several keys.")],
    ..GROUP
};

/// EXPIRE.
pub static EXPIRE: Doc = Doc {
    summary: "Sets the time to live of a key in seconds.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "key@0 seconds:int [condition(nx=NX|xx=XX|gt=GT|lt=LT)^7.0.0]",
    history: &[("7.0.0", "`NX`, `XX`, `GT` and `LT`.")],
    ..GROUP
};

/// EXPIREAT.
pub static EXPIREAT: Doc = Doc {
    summary: "Sets when a key expires as a Unix time in seconds.",
    since: "1.2.0",
    complexity: "O(1)",
    args: "key@0 unix-time-seconds:time [condition(nx=NX|xx=XX|gt=GT|lt=LT)^7.0.0]",
    history: &[("7.0.0", "`NX`, `XX`, `GT` and `LT`.")],
    ..GROUP
};

/// EXPIRETIME.
pub static EXPIRETIME: Doc = Doc {
    summary: "Returns when a key expires as a Unix time in seconds.",
    since: "7.0.0",
    complexity: "O(1)",
    args: "key@0",
    ..GROUP
};

/// KEYS.
pub static KEYS: Doc = Doc {
    summary: "Returns the names of keys that match a pattern.",
    since: "1.0.0",
    complexity: "O(N) for N keys in the database",
    tips: &["request_policy:all_shards", "nondeterministic_output_order"],
    args: "pattern:pattern",
    ..GROUP
};

/// MIGRATE.
pub static MIGRATE: Doc = Doc {
    summary: "Moves keys to another server.",
    since: "2.6.0",
    complexity: "O(N) for N bytes of data",
    tips: &["nondeterministic_output"],
    args: "host port:int key-selector(key@0|empty-string='') destination-db:int timeout:int \
             [copy=COPY^3.0.0] [replace=REPLACE^3.0.0] \
             [authentication(auth<password>:str=AUTH^4.0.7|auth2{username password}=AUTH2^6.0.0)] \
             [keys<key>:key@1=KEYS*^3.0.6]",
    history: &[
        ("3.0.0", "`COPY` and `REPLACE`."),
        ("3.0.6", "`KEYS`."),
        ("4.0.7", "`AUTH`."),
        ("6.0.0", "`AUTH2`."),
    ],
    ..GROUP
};

/// MOVE.
pub static MOVE: Doc = Doc {
    summary: "Moves a key to another database.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "key@0 db:int [replace=REPLACE^9.2.0]",
    history: &[("9.2.0", "`REPLACE`.")],
    ..GROUP
};

/// OBJECT.
pub static OBJECT: Doc = Doc {
    summary: "Looks inside keys.",
    since: "2.2.3",
    ..GROUP
};

/// OBJECT ENCODING.
pub static OBJECT_ENCODING: Doc = Doc {
    summary: "Returns how a value is stored.",
    since: "2.2.3",
    complexity: "O(1)",
    tips: &["nondeterministic_output"],
    args: "key@0",
    ..GROUP
};

/// OBJECT FREQ.
pub static OBJECT_FREQ: Doc = Doc {
    summary: "Returns how often a key is used, on a logarithmic scale.",
    since: "4.0.0",
    complexity: "O(1)",
    tips: &["nondeterministic_output"],
    args: "key@0",
    ..GROUP
};

/// OBJECT HELP.
pub static OBJECT_HELP: Doc = Doc {
    summary: "Lists the subcommands.",
    since: "6.2.0",
    complexity: "O(1)",
    ..GROUP
};

/// OBJECT IDLETIME.
pub static OBJECT_IDLETIME: Doc = Doc {
    summary: "Returns the seconds since a key was last used.",
    since: "2.2.3",
    complexity: "O(1)",
    tips: &["nondeterministic_output"],
    args: "key@0",
    ..GROUP
};

/// OBJECT REFCOUNT.
pub static OBJECT_REFCOUNT: Doc = Doc {
    summary: "Returns how many references a value has.",
    since: "2.2.3",
    complexity: "O(1)",
    tips: &["nondeterministic_output"],
    args: "key@0",
    ..GROUP
};

/// PERSIST.
pub static PERSIST: Doc = Doc {
    summary: "Clears the time to live of a key.",
    since: "2.2.0",
    complexity: "O(1)",
    args: "key@0",
    ..GROUP
};

/// PEXPIRE.
pub static PEXPIRE: Doc = Doc {
    summary: "Sets the time to live of a key in milliseconds.",
    since: "2.6.0",
    complexity: "O(1)",
    args: "key@0 milliseconds:int [condition(nx=NX|xx=XX|gt=GT|lt=LT)^7.0.0]",
    history: &[("7.0.0", "`NX`, `XX`, `GT` and `LT`.")],
    ..GROUP
};

/// PEXPIREAT.
pub static PEXPIREAT: Doc = Doc {
    summary: "Sets when a key expires as a Unix time in milliseconds.",
    since: "2.6.0",
    complexity: "O(1)",
    args: "key@0 unix-time-milliseconds:time [condition(nx=NX|xx=XX|gt=GT|lt=LT)^7.0.0]",
    history: &[("7.0.0", "`NX`, `XX`, `GT` and `LT`.")],
    ..GROUP
};

/// PEXPIRETIME.
pub static PEXPIRETIME: Doc = Doc {
    summary: "Returns when a key expires as a Unix time in milliseconds.",
    since: "7.0.0",
    complexity: "O(1)",
    args: "key@0",
    ..GROUP
};

/// PTTL.
pub static PTTL: Doc = Doc {
    summary: "Returns the time to live of a key in milliseconds.",
    since: "2.6.0",
    complexity: "O(1)",
    tips: &["nondeterministic_output"],
    args: "key@0",
    history: &[("2.8.0", "-2 for a key that does not exist.")],
    ..GROUP
};

/// RANDOMKEY.
pub static RANDOMKEY: Doc = Doc {
    summary: "Returns the name of a random key.",
    since: "1.0.0",
    complexity: "O(1)",
    tips: &[
        "request_policy:all_shards",
        "response_policy:special",
        "nondeterministic_output",
    ],
    ..GROUP
};

/// RENAME.
pub static RENAME: Doc = Doc {
    summary: "Renames a key, replacing what has the new name.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "key@0 newkey@1",
    ..GROUP
};

/// RENAMENX.
pub static RENAMENX: Doc = Doc {
    summary: "Renames a key if nothing has the new name.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "key@0 newkey@1",
    history: &[("3.2.0", "Both names may be the same.")],
    ..GROUP
};

/// RESTORE.
pub static RESTORE: Doc = Doc {
    summary: "Makes a key of what DUMP returned.",
    since: "2.6.0",
    complexity: "O(N) for N bytes of data, O(N*log(N)) for N members of a sorted set",
    args: "key@0 ttl:int serialized-value [replace=REPLACE^3.0.0] [absttl=ABSTTL^5.0.0] \
             [seconds:int=IDLETIME^5.0.0] [frequency:int=FREQ^5.0.0]",
    history: &[
        ("3.0.0", "`REPLACE`."),
        ("5.0.0", "`ABSTTL`."),
        ("5.0.0", "`IDLETIME` and `FREQ`."),
    ],
    ..GROUP
};

/// SCAN.
pub static SCAN: Doc = Doc {
    summary: "Iterates over the names of keys, a few at a time.",
    since: "2.8.0",
    complexity: "O(1) a call, O(N) for all N keys",
    tips: &[
        "nondeterministic_output",
        "request_policy:special",
        "response_policy:special",
    ],
    args: "cursor:int [pattern:pattern=MATCH] [count:int=COUNT] [type:str=TYPE^6.0.0]",
    history: &[("6.0.0", "`TYPE`.")],
    ..GROUP
};

/// SORT.
pub static SORT: Doc = Doc {
    summary: "Sorts a list, a set or a sorted set and may store the result.",
    since: "1.0.0",
    complexity: "O(N+M*log(M)) for N elements and M returned",
    args: "key@0 [by-pattern<pattern>:pattern@1=BY] [limit{offset:int count:int}=LIMIT] \
             [get-pattern<pattern>:pattern@1=GET**] [order(asc=ASC|desc=DESC)] [sorting=ALPHA] \
             [destination:key@2=STORE]",
    ..GROUP
};

/// SORT_RO.
pub static SORT_RO: Doc = Doc {
    summary: "Sorts a list, a set or a sorted set.",
    since: "7.0.0",
    complexity: "O(N+M*log(M)) for N elements and M returned",
    args: "key@0 [by-pattern<pattern>:pattern@1=BY] [limit{offset:int count:int}=LIMIT] \
             [get-pattern<pattern>:pattern@1=GET**] [order(asc=ASC|desc=DESC)] [sorting=ALPHA]",
    ..GROUP
};

/// TOUCH.
pub static TOUCH: Doc = Doc {
    summary: "Counts how many of the keys exist and marks them as used.",
    since: "3.2.1",
    complexity: "O(N) for N keys",
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    args: "key@0*",
    ..GROUP
};

/// TTL.
pub static TTL: Doc = Doc {
    summary: "Returns the time to live of a key in seconds.",
    since: "1.0.0",
    complexity: "O(1)",
    tips: &["nondeterministic_output"],
    args: "key@0",
    history: &[("2.8.0", "-2 for a key that does not exist.")],
    ..GROUP
};

/// TYPE.
pub static TYPE: Doc = Doc {
    summary: "Returns the type of a key.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "key@0",
    ..GROUP
};

/// UNLINK.
pub static UNLINK: Doc = Doc {
    summary: "Deletes keys and frees what they held later.",
    since: "4.0.0",
    complexity: "O(N) for N keys",
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    args: "key@0*",
    ..GROUP
};

/// WAIT.
pub static WAIT: Doc = Doc {
    summary: "Waits until replicas have what this client wrote.",
    since: "3.0.0",
    complexity: "O(1)",
    tips: &["request_policy:all_shards", "response_policy:agg_min"],
    args: "numreplicas:int timeout:int",
    ..GROUP
};

/// WAITAOF.
pub static WAITAOF: Doc = Doc {
    summary: "Waits until what this client wrote is on disk, here or on replicas.",
    since: "7.2.0",
    complexity: "O(1)",
    tips: &["request_policy:all_shards", "response_policy:agg_min"],
    args: "numlocal:int numreplicas:int timeout:int",
    ..GROUP
};
