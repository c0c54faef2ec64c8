//! Documentation of the commands on a cluster: data only.

use crate::dispatch::docs::Doc;

const GROUP: Doc = Doc::of("cluster");

/// ASKING.
pub static ASKING: Doc = Doc {
    summary: "Lets the next command reach a slot that is being imported.",
    since: "3.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// CLUSTER.
pub static CLUSTER: Doc = Doc {
    summary: "Manages a cluster.",
    since: "3.0.0",
    ..GROUP
};

/// CLUSTER ADDSLOTS.
pub static CLUSTER_ADDSLOTS: Doc = Doc {
    summary: "Assigns slots to this node.",
    since: "3.0.0",
    complexity: "O(N) for N slots",
    args: "slot:int*",
    ..GROUP
};

/// CLUSTER ADDSLOTSRANGE.
pub static CLUSTER_ADDSLOTSRANGE: Doc = Doc {
    summary: "Assigns ranges of slots to this node.",
    since: "7.0.0",
    complexity: "O(N) for N slots",
    args: "range{start-slot:int end-slot:int}*",
    ..GROUP
};

/// CLUSTER BUMPEPOCH.
pub static CLUSTER_BUMPEPOCH: Doc = Doc {
    summary: "Advances the configuration epoch.",
    since: "3.0.0",
    complexity: "O(1)",
    tips: &["nondeterministic_output"],
    ..GROUP
};

/// CLUSTER CANCELSLOTMIGRATIONS.
pub static CLUSTER_CANCELSLOTMIGRATIONS: Doc = Doc {
    summary: "Cancels the slot migrations of this node.",
    since: "9.0.0",
    complexity: "O(N) for N migrations",
    ..GROUP
};

/// CLUSTER COUNT-FAILURE-REPORTS.
pub static CLUSTER_COUNT_FAILURE_REPORTS: Doc = Doc {
    summary: "Counts the failure reports about a node.",
    since: "3.0.0",
    complexity: "O(N) for N reports",
    tips: &["nondeterministic_output"],
    args: "node-id",
    history: &[(
        "9.0.0",
        "Reports about a node known to have failed do not count.",
    )],
    ..GROUP
};

/// CLUSTER COUNTKEYSINSLOT.
pub static CLUSTER_COUNTKEYSINSLOT: Doc = Doc {
    summary: "Returns the number of keys in a slot.",
    since: "3.0.0",
    complexity: "O(1)",
    args: "slot:int",
    ..GROUP
};

/// CLUSTER DELSLOTS.
pub static CLUSTER_DELSLOTS: Doc = Doc {
    summary: "Makes this node forget who serves slots.",
    since: "3.0.0",
    complexity: "O(N) for N slots",
    args: "slot:int*",
    ..GROUP
};

/// CLUSTER DELSLOTSRANGE.
pub static CLUSTER_DELSLOTSRANGE: Doc = Doc {
    summary: "Makes this node forget who serves ranges of slots.",
    since: "7.0.0",
    complexity: "O(N) for N slots",
    args: "range{start-slot:int end-slot:int}*",
    ..GROUP
};

/// CLUSTER FAILOVER.
pub static CLUSTER_FAILOVER: Doc = Doc {
    summary: "Makes a replica its primary's successor.",
    since: "3.0.0",
    complexity: "O(1)",
    args: "[options(force=FORCE|takeover=TAKEOVER)]",
    ..GROUP
};

/// CLUSTER FLUSHSLOT.
pub static CLUSTER_FLUSHSLOT: Doc = Doc {
    summary: "Deletes every key of a slot.",
    since: "9.0.0",
    complexity: "O(N) for N keys in the slot",
    args: "slot:int [flush-type(async=ASYNC|sync=SYNC)]",
    ..GROUP
};

/// CLUSTER FLUSHSLOTS.
pub static CLUSTER_FLUSHSLOTS: Doc = Doc {
    summary: "Makes this node forget who serves any slot.",
    since: "3.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// CLUSTER FORGET.
pub static CLUSTER_FORGET: Doc = Doc {
    summary: "Removes a node from this node's table.",
    since: "3.0.0",
    complexity: "O(1)",
    args: "node-id",
    ..GROUP
};

/// CLUSTER GETKEYSINSLOT.
pub static CLUSTER_GETKEYSINSLOT: Doc = Doc {
    summary: "Returns the names of keys in a slot.",
    since: "3.0.0",
    complexity: "O(N) for N keys asked for",
    tips: &["nondeterministic_output"],
    args: "slot:int count:int",
    ..GROUP
};

/// CLUSTER GETSLOTMIGRATIONS.
pub static CLUSTER_GETSLOTMIGRATIONS: Doc = Doc {
    summary: "Describes slot migrations to and from this node.",
    since: "9.0.0",
    complexity: "O(N) for N migrations",
    ..GROUP
};

/// CLUSTER HELP.
pub static CLUSTER_HELP: Doc = Doc {
    summary: "Lists the subcommands.",
    since: "5.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// CLUSTER INFO.
pub static CLUSTER_INFO: Doc = Doc {
    summary: "Returns the state of the node.",
    since: "3.0.0",
    complexity: "O(1)",
    tips: &["nondeterministic_output"],
    ..GROUP
};

/// CLUSTER KEYSLOT.
pub static CLUSTER_KEYSLOT: Doc = Doc {
    summary: "Returns the slot of a key.",
    since: "3.0.0",
    complexity: "O(N) for N bytes of the key",
    args: "key",
    ..GROUP
};

/// CLUSTER LINKS.
pub static CLUSTER_LINKS: Doc = Doc {
    summary: "Lists the links to other nodes.",
    since: "7.0.0",
    complexity: "O(N) for N nodes",
    tips: &["nondeterministic_output"],
    ..GROUP
};

/// CLUSTER MEET.
pub static CLUSTER_MEET: Doc = Doc {
    summary: "Makes two nodes know each other.",
    since: "3.0.0",
    complexity: "O(1)",
    args: "ip port:int [cluster-bus-port:int^4.0.0]",
    history: &[("4.0.0", "`cluster_bus_port`.")],
    ..GROUP
};

/// CLUSTER MIGRATESLOTS.
pub static CLUSTER_MIGRATESLOTS: Doc = Doc {
    summary: "Migrates ranges of slots to other nodes.",
    since: "9.0.0",
    complexity: "O(N) for N slots",
    args: "migration-group{slotsrange-token=SLOTSRANGE range{start-slot:int end-slot:int}* \
             node-token=NODE node-id}*",
    ..GROUP
};

/// CLUSTER MYID.
pub static CLUSTER_MYID: Doc = Doc {
    summary: "Returns the id of the node.",
    since: "3.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// CLUSTER MYSHARDID.
pub static CLUSTER_MYSHARDID: Doc = Doc {
    summary: "Returns the id of the node's shard.",
    since: "7.2.0",
    complexity: "O(1)",
    tips: &["nondeterministic_output"],
    ..GROUP
};

/// CLUSTER NODES.
pub static CLUSTER_NODES: Doc = Doc {
    summary: "Returns the cluster's configuration as this node knows it.",
    since: "3.0.0",
    complexity: "O(N) for N nodes",
    tips: &["nondeterministic_output"],
    ..GROUP
};

/// CLUSTER REPLICAS.
pub static CLUSTER_REPLICAS: Doc = Doc {
    summary: "Lists the replicas of a node.",
    since: "5.0.0",
    complexity: "O(N) for N replicas",
    tips: &["nondeterministic_output"],
    args: "node-id",
    ..GROUP
};

/// CLUSTER REPLICATE.
pub static CLUSTER_REPLICATE: Doc = Doc {
    summary: "Makes this node a replica of another.",
    since: "3.0.0",
    complexity: "O(1)",
    args: "args(node-id|no-one{no=NO one=ONE}^9.0.0)",
    history: &[("9.0.0", "`NO ONE`.")],
    ..GROUP
};

/// CLUSTER RESET.
pub static CLUSTER_RESET: Doc = Doc {
    summary: "Makes the node forget its cluster.",
    since: "3.0.0",
    complexity: "O(N) for N nodes",
    args: "[reset-type(hard=HARD|soft=SOFT)]",
    ..GROUP
};

/// CLUSTER SAVECONFIG.
pub static CLUSTER_SAVECONFIG: Doc = Doc {
    summary: "Saves the cluster's configuration to disk.",
    since: "3.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// CLUSTER SET-CONFIG-EPOCH.
pub static CLUSTER_SET_CONFIG_EPOCH: Doc = Doc {
    summary: "Sets the configuration epoch of a new node.",
    since: "3.0.0",
    complexity: "O(1)",
    args: "config-epoch:int",
    ..GROUP
};

/// CLUSTER SETSLOT.
pub static CLUSTER_SETSLOT: Doc = Doc {
    summary: "Assigns a slot to a node, or marks it as moving.",
    since: "3.0.0",
    complexity: "O(1)",
    args: "slot:int subcommand(importing<node-id>:str=IMPORTING|\
             migrating<node-id>:str=MIGRATING|node<node-id>:str=NODE|stable=STABLE) \
             [timeout:int=TIMEOUT^8.0.0]",
    history: &[("8.0.0", "`TIMEOUT`.")],
    ..GROUP
};

/// CLUSTER SHARDS.
pub static CLUSTER_SHARDS: Doc = Doc {
    summary: "Returns which shards serve which slots.",
    since: "7.0.0",
    complexity: "O(N) for N nodes",
    tips: &["nondeterministic_output"],
    history: &[(
        "9.1.0",
        "`id` of shards and `availability-zone` of nodes in the reply.",
    )],
    ..GROUP
};

/// CLUSTER SLAVES.
pub static CLUSTER_SLAVES: Doc = Doc {
    summary: "Lists the replicas of a node; CLUSTER REPLICAS' old name.",
    since: "3.0.0",
    complexity: "O(N) for N replicas",
    tips: &["nondeterministic_output"],
    args: "node-id",
    deprecated: Some(("5.0.0", "`CLUSTER REPLICAS`")),
    ..GROUP
};

/// CLUSTER SLOT-STATS.
pub static CLUSTER_SLOT_STATS: Doc = Doc {
    summary: "Returns figures on the use of slots.",
    since: "8.0.0",
    complexity: "O(N) for N slots, O(N*log(N)) when ordered",
    tips: &["nondeterministic_output", "request_policy:all_shards"],
    args: "filter(slotsrange{start-slot:int end-slot:int}=SLOTSRANGE|orderby{metric \
             [limit:int=LIMIT] [order(asc=ASC|desc=DESC)]}=ORDERBY)",
    ..GROUP
};

/// CLUSTER SLOTS.
pub static CLUSTER_SLOTS: Doc = Doc {
    summary: "Returns which nodes serve which slots.",
    since: "3.0.0",
    complexity: "O(N) for N nodes",
    tips: &["nondeterministic_output"],
    history: &[
        ("4.0.0", "Node ids in the reply."),
        ("7.0.0", "Network metadata in the reply."),
        ("9.1.0", "`availability-zone` in the network metadata."),
    ],
    ..GROUP
};

/// CLUSTER SYNCSLOTS.
pub static CLUSTER_SYNCSLOTS: Doc = Doc {
    summary: "Carries slot migrations; used between nodes.",
    since: "9.0.0",
    complexity: "O(1)",
    system: true,
    ..GROUP
};

/// READONLY.
pub static READONLY: Doc = Doc {
    summary: "Lets the connection read from a replica in a cluster.",
    since: "3.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// READWRITE.
pub static READWRITE: Doc = Doc {
    summary: "Takes READONLY back.",
    since: "3.0.0",
    complexity: "O(1)",
    ..GROUP
};
