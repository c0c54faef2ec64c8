//! Documentation of the commands on sets: data only.

use crate::dispatch::docs::Doc;

const GROUP: Doc = Doc::of("set");

/// SADD.
pub static SADD: Doc = Doc {
    summary: "Adds members, creating the set if need be.",
    since: "1.0.0",
    complexity: "O(N) for N members",
    args: "key@0 member*",
    history: &[("2.4.0", "Several members.")],
    ..GROUP
};

/// SCARD.
pub static SCARD: Doc = Doc {
    summary: "Returns the number of members.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "key@0",
    ..GROUP
};

/// SDIFF.
pub static SDIFF: Doc = Doc {
    summary: "Returns the members of the first set that are in none of the others.",
    since: "1.0.0",
    complexity: "O(N) for N members in all sets",
    tips: &["nondeterministic_output_order"],
    args: "key@0*",
    ..GROUP
};

/// SDIFFCARD.
pub static SDIFFCARD: Doc = Doc {
    summary: "Counts the members of the first set that are in none of the others.",
    since: "8.10.0",
    complexity: "O(N) for N members in all sets",
    args: "numkeys:int key@0* [limit:int=LIMIT]",
    ..GROUP
};

/// SDIFFSTORE.
pub static SDIFFSTORE: Doc = Doc {
    summary: "Stores the members of the first set that are in none of the others.",
    since: "1.0.0",
    complexity: "O(N) for N members in all sets",
    args: "destination@0 key@1*",
    ..GROUP
};

/// SINTER.
pub static SINTER: Doc = Doc {
    summary: "Returns the members that all sets share.",
    since: "1.0.0",
    complexity: "O(N*M) for the N members of the smallest of M sets",
    tips: &["nondeterministic_output_order"],
    args: "key@0*",
    ..GROUP
};

/// SINTERCARD.
pub static SINTERCARD: Doc = Doc {
    summary: "Counts the members that all sets share.",
    since: "7.0.0",
    complexity: "O(N*M) for the N members of the smallest of M sets",
    args: "numkeys:int key@0* [limit:int=LIMIT]",
    ..GROUP
};

/// SINTERSTORE.
pub static SINTERSTORE: Doc = Doc {
    summary: "Stores the members that all sets share.",
    since: "1.0.0",
    complexity: "O(N*M) for the N members of the smallest of M sets",
    args: "destination@0 key@1*",
    ..GROUP
};

/// SISMEMBER.
pub static SISMEMBER: Doc = Doc {
    summary: "Tells whether a member is in a set.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "key@0 member [xx=XX^9.2.0]",
    history: &[("9.2.0", "`XX`.")],
    ..GROUP
};

/// SMEMBERS.
pub static SMEMBERS: Doc = Doc {
    summary: "Returns all members.",
    since: "1.0.0",
    complexity: "O(N) for N members",
    tips: &["nondeterministic_output_order"],
    args: "key@0",
    ..GROUP
};

/// SMISMEMBER.
pub static SMISMEMBER: Doc = Doc {
    summary: "Tells which of several members are in a set.",
    since: "6.2.0",
    complexity: "O(N) for N members asked for",
    args: "key@0 member*",
    ..GROUP
};

/// SMOVE.
pub static SMOVE: Doc = Doc {
    summary: "Moves a member from one set to another.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "source@0 destination@1 member",
    ..GROUP
};

/// SPOP.
pub static SPOP: Doc = Doc {
    summary: "Removes random members and returns them.",
    since: "1.0.0",
    complexity: "O(N) for N members returned",
    tips: &["nondeterministic_output"],
    args: "key@0 [count:int^3.2.0]",
    history: &[("3.2.0", "`count`.")],
    ..GROUP
};

/// SRANDMEMBER.
pub static SRANDMEMBER: Doc = Doc {
    summary: "Returns random members.",
    since: "1.0.0",
    complexity: "O(N) for N members returned",
    tips: &["nondeterministic_output"],
    args: "key@0 [count:int^2.6.0]",
    history: &[("2.6.0", "`count`.")],
    ..GROUP
};

/// SREM.
pub static SREM: Doc = Doc {
    summary: "Removes members, and the set with its last one.",
    since: "1.0.0",
    complexity: "O(N) for N members named",
    args: "key@0 member*",
    history: &[("2.4.0", "Several members.")],
    ..GROUP
};

/// SSCAN.
pub static SSCAN: Doc = Doc {
    summary: "Iterates over members, a few at a time.",
    since: "2.8.0",
    complexity: "O(1) a call, O(N) for all N members",
    tips: &["nondeterministic_output"],
    args: "key@0 cursor:int [pattern:pattern=MATCH] [count:int=COUNT]",
    ..GROUP
};

/// SUNION.
pub static SUNION: Doc = Doc {
    summary: "Returns the members of any of the sets.",
    since: "1.0.0",
    complexity: "O(N) for N members in all sets",
    tips: &["nondeterministic_output_order"],
    args: "key@0*",
    ..GROUP
};

/// SUNIONCARD.
pub static SUNIONCARD: Doc = Doc {
    summary: "Counts the members of any of the sets.",
    since: "8.10.0",
    complexity: "O(N) for N members in all sets",
    args: "numkeys:int key@0* [approx=APPROX] [limit:int=LIMIT]",
    ..GROUP
};

/// SUNIONSTORE.
pub static SUNIONSTORE: Doc = Doc {
    summary: "Stores the members of any of the sets.",
    since: "1.0.0",
    complexity: "O(N) for N members in all sets",
    args: "destination@0 key@1*",
    ..GROUP
};
