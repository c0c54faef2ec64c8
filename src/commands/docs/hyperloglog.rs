//! Documentation of the commands on HyperLogLogs: data only.

use crate::dispatch::docs::Doc;

const GROUP: Doc = Doc::of("hyperloglog");

/// PFADD.
pub static PFADD: Doc = Doc {
    summary: "Adds elements to a HyperLogLog.",
    since: "2.8.9",
    complexity: "O(N) for N elements",
    args: "key@0 [element*]",
    ..GROUP
};

/// PFCOUNT.
pub static PFCOUNT: Doc = Doc {
    summary: "Estimates how many distinct elements were added.",
    since: "2.8.9",
    complexity: "O(N) for N keys",
    args: "key@0*",
    ..GROUP
};

/// PFDEBUG.
pub static PFDEBUG: Doc = Doc {
    summary: "Shows the inside of a HyperLogLog, for tests.",
    since: "2.8.9",
    args: "subcommand key@0",
    system: true,
    ..GROUP
};

/// PFMERGE.
pub static PFMERGE: Doc = Doc {
    summary: "Merges HyperLogLogs into one.",
    since: "2.8.9",
    complexity: "O(N) for N keys",
    args: "destkey@0 [sourcekey@1*]",
    ..GROUP
};

/// PFSELFTEST.
pub static PFSELFTEST: Doc = Doc {
    summary: "Tests the HyperLogLog implementation.",
    since: "2.8.9",
    system: true,
    ..GROUP
};
