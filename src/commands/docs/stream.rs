//! Documentation of the commands on streams: data only.

use crate::dispatch::docs::Doc;

const GROUP: Doc = Doc::of("stream");

/// XACK.
pub static XACK: Doc = Doc {
    summary: "Acknowledges entries for a consumer group.",
    since: "5.0.0",
    complexity: "O(N) for N entries",
    args: "key@0 group id*",
    ..GROUP
};

/// XACKDEL.
pub static XACKDEL: Doc = Doc {
    summary: "Acknowledges entries for a consumer group and deletes them from the stream.",
    since: "8.2.0",
    complexity: "O(N) for N entries",
    args: "key@0 group [condition(keepref=KEEPREF|delref=DELREF|acked=ACKED)] ids{numids:int \
             id*}=IDS",
    ..GROUP
};

/// XADD.
pub static XADD: Doc = Doc {
    summary: "Appends an entry, creating the stream if need be.",
    since: "5.0.0",
    complexity: "O(1), and O(N) for N entries trimmed",
    tips: &["nondeterministic_output"],
    args: "key@0 [nomkstream=NOMKSTREAM^6.2.0] [+refs(keepref=KEEPREF|delref=DELREF|\
             acked=ACKED)] [+idmp(producer-id:str=IDMPAUTO|id-pair{producer-id \
             idempotent-id}=IDMP)] [trim{strategy(maxlen=MAXLEN|minid=MINID^6.2.0) \
             [operator(equal='='|approximately='~')] threshold [count:int=LIMIT^6.2.0]}] \
             id-selector(auto-id='*'|id) data{field value}*",
    history: &[
        ("6.2.0", "`NOMKSTREAM`, `MINID` and `LIMIT`."),
        ("7.0.0", "Ids of the form `<ms>-*`."),
    ],
    ..GROUP
};

/// XAUTOCLAIM.
pub static XAUTOCLAIM: Doc = Doc {
    summary: "Hands entries that are pending for too long to a consumer.",
    since: "6.2.0",
    complexity: "O(N) for N entries looked at",
    tips: &["nondeterministic_output"],
    args: "key@0 group consumer min-idle-time start [count:int=COUNT] [justid=JUSTID]",
    history: &[(
        "7.0.0",
        "The reply names the deleted entries that are no longer pending.",
    )],
    ..GROUP
};

/// XCFGSET.
pub static XCFGSET: Doc = Doc {
    summary: "Sets for how long and how many idempotent producers' ids a stream remembers.",
    since: "8.6.0",
    complexity: "O(1)",
    args: "key@0 [idmp-duration:int=IDMP-DURATION] [idmp-maxsize:int=IDMP-MAXSIZE]",
    ..GROUP
};

/// XCLAIM.
pub static XCLAIM: Doc = Doc {
    summary: "Hands pending entries to a consumer.",
    since: "5.0.0",
    complexity: "O(log(N)) for each of N pending entries",
    tips: &["nondeterministic_output"],
    args: "key@0 group consumer min-idle-time id* [ms:int=IDLE] \
             [unix-time-milliseconds:time=TIME] [count:int=RETRYCOUNT] [force=FORCE] \
             [justid=JUSTID] [lastid:str=LASTID]",
    ..GROUP
};

/// XDEL.
pub static XDEL: Doc = Doc {
    summary: "Deletes entries.",
    since: "5.0.0",
    complexity: "O(N) for N entries",
    args: "key@0 id*",
    ..GROUP
};

/// XDELEX.
pub static XDELEX: Doc = Doc {
    summary: "Deletes entries, minding the groups that still refer to them.",
    since: "8.2.0",
    complexity: "O(N) for N entries",
    args: "key@0 [condition(keepref=KEEPREF|delref=DELREF|acked=ACKED)] ids{numids:int \
             id*}=IDS",
    ..GROUP
};

/// XGROUP.
pub static XGROUP: Doc = Doc {
    summary: "Manages consumer groups.",
    since: "5.0.0",
    ..GROUP
};

/// XGROUP CREATE.
pub static XGROUP_CREATE: Doc = Doc {
    summary: "Creates a consumer group.",
    since: "5.0.0",
    complexity: "O(1)",
    args: "key@0 group id-selector(id|new-id='$') [mkstream=MKSTREAM] \
             [entriesread<entries-read>:int=ENTRIESREAD]",
    history: &[("7.0.0", "`entries_read`.")],
    ..GROUP
};

/// XGROUP CREATECONSUMER.
pub static XGROUP_CREATECONSUMER: Doc = Doc {
    summary: "Creates a consumer.",
    since: "6.2.0",
    complexity: "O(1)",
    args: "key@0 group consumer",
    ..GROUP
};

/// XGROUP DELCONSUMER.
pub static XGROUP_DELCONSUMER: Doc = Doc {
    summary: "Deletes a consumer and what is pending for it.",
    since: "5.0.0",
    complexity: "O(1)",
    args: "key@0 group consumer",
    ..GROUP
};

/// XGROUP DESTROY.
pub static XGROUP_DESTROY: Doc = Doc {
    summary: "Deletes a consumer group.",
    since: "5.0.0",
    complexity: "O(N) for N pending entries",
    args: "key@0 group",
    ..GROUP
};

/// XGROUP HELP.
pub static XGROUP_HELP: Doc = Doc {
    summary: "Lists the subcommands.",
    since: "5.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// XGROUP SETID.
pub static XGROUP_SETID: Doc = Doc {
    summary: "Sets the last entry a consumer group has been given.",
    since: "5.0.0",
    complexity: "O(1)",
    args: "key@0 group id-selector(id|new-id='$') [entriesread<entries-read>:int=ENTRIESREAD]",
    history: &[("7.0.0", "`entries_read`.")],
    ..GROUP
};

/// XIDMPRECORD.
pub static XIDMPRECORD: Doc = Doc {
    summary: "Restores which producer's id stands for an entry; used in the append-only file.",
    since: "8.8.0",
    complexity: "O(1)",
    args: "key@0 pid iid stream-id",
    ..GROUP
};

/// XINFO.
pub static XINFO: Doc = Doc {
    summary: "Tells about streams.",
    since: "5.0.0",
    ..GROUP
};

/// XINFO CONSUMERS.
pub static XINFO_CONSUMERS: Doc = Doc {
    summary: "Describes the consumers of a group.",
    since: "5.0.0",
    complexity: "O(1)",
    tips: &["nondeterministic_output"],
    args: "key@0 group",
    history: &[("7.2.0", "`inactive`; `idle` means something else.")],
    ..GROUP
};

/// XINFO GROUPS.
pub static XINFO_GROUPS: Doc = Doc {
    summary: "Describes the consumer groups of a stream.",
    since: "5.0.0",
    complexity: "O(1)",
    args: "key@0",
    history: &[("7.0.0", "`entries-read` and `lag`.")],
    ..GROUP
};

/// XINFO HELP.
pub static XINFO_HELP: Doc = Doc {
    summary: "Lists the subcommands.",
    since: "5.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// XINFO STREAM.
pub static XINFO_STREAM: Doc = Doc {
    summary: "Describes a stream.",
    since: "5.0.0",
    complexity: "O(1)",
    args: "key@0 [full-block{full=FULL [count:int=COUNT]}]",
    history: &[
        ("6.0.0", "`FULL`."),
        (
            "7.0.0",
            "`max-deleted-entry-id`, `entries-added`, `entries-read`, `lag` and more.",
        ),
        ("7.2.0", "`active-time`; `seen-time` means something else."),
    ],
    ..GROUP
};

/// XLEN.
pub static XLEN: Doc = Doc {
    summary: "Returns the number of entries.",
    since: "5.0.0",
    complexity: "O(1)",
    args: "key@0",
    ..GROUP
};

/// XNACK.
pub static XNACK: Doc = Doc {
    summary: "Gives pending entries back to their group to be delivered again.",
    since: "8.8.0",
    complexity: "O(N) for N entries",
    args: "key@0 group mode(silent=SILENT|fail=FAIL|fatal=FATAL) ids{numids:int id*}=IDS \
             [count:int=RETRYCOUNT] [force=FORCE]",
    ..GROUP
};

/// XPENDING.
pub static XPENDING: Doc = Doc {
    summary: "Tells what is pending for a consumer group.",
    since: "5.0.0",
    complexity: "O(N) for N entries returned or looked at",
    tips: &["nondeterministic_output"],
    args: "key@0 group [filters{[min-idle-time:int=IDLE^6.2.0] start end count:int \
             [consumer]}]",
    history: &[("6.2.0", "`IDLE` and exclusive ranges.")],
    ..GROUP
};

/// XRANGE.
pub static XRANGE: Doc = Doc {
    summary: "Returns the entries from one id to another.",
    since: "5.0.0",
    complexity: "O(N) for N entries returned",
    args: "key@0 start end [count:int=COUNT]",
    history: &[("6.2.0", "Exclusive ranges.")],
    ..GROUP
};

/// XREAD.
pub static XREAD: Doc = Doc {
    summary: "Returns the entries after given ids of several streams, waiting for one if \
             wanted.",
    since: "5.0.0",
    complexity: "O(N) for N entries returned",
    args: "[count:int=COUNT] [+maxcount:int=MAXCOUNT] [+maxsize:int=MAXSIZE] \
             [milliseconds:int=BLOCK] streams{key@0* id*}=STREAMS",
    ..GROUP
};

/// XREADGROUP.
pub static XREADGROUP: Doc = Doc {
    summary: "Returns new or pending entries to a consumer of a group, waiting for one if \
             wanted.",
    since: "5.0.0",
    complexity: "O(N) for N entries returned",
    args: "group-block{group consumer}=GROUP [count:int=COUNT] [+maxcount:int=MAXCOUNT] \
             [+maxsize:int=MAXSIZE] [milliseconds:int=BLOCK] [+min-idle-time:int=CLAIM] \
             [noack=NOACK] streams{key@0* id*}=STREAMS",
    ..GROUP
};

/// XREVRANGE.
pub static XREVRANGE: Doc = Doc {
    summary: "Returns the entries from one id back to another.",
    since: "5.0.0",
    complexity: "O(N) for N entries returned",
    args: "key@0 end start [count:int=COUNT]",
    history: &[("6.2.0", "Exclusive ranges.")],
    ..GROUP
};

/// XSETID.
pub static XSETID: Doc = Doc {
    summary: "Sets the last id of a stream; used in replication.",
    since: "5.0.0",
    complexity: "O(1)",
    args: "key@0 last-id [entries-added:int=ENTRIESADDED^7.0.0] \
             [max-deleted-id:str=MAXDELETEDID^7.0.0]",
    history: &[("7.0.0", "`entries_added` and `max_deleted_entry_id`.")],
    ..GROUP
};

/// XTRIM.
pub static XTRIM: Doc = Doc {
    summary: "Removes the oldest entries of a stream.",
    since: "5.0.0",
    complexity: "O(N) for N entries removed",
    tips: &["nondeterministic_output"],
    args: "key@0 trim{strategy(maxlen=MAXLEN|minid=MINID^6.2.0) [operator(equal='='|\
             approximately='~')] threshold [count:int=LIMIT^6.2.0]} [+refs(keepref=KEEPREF|\
             delref=DELREF|acked=ACKED)]",
    history: &[("6.2.0", "`MINID` and `LIMIT`.")],
    ..GROUP
};
