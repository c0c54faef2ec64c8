//! Documentation of the commands on transactions: data only.

use crate::dispatch::docs::Doc;

const GROUP: Doc = Doc::of("transactions");

/// DISCARD.
pub static DISCARD: Doc = Doc {
    summary: "Ends a transaction without running it.",
    since: "2.0.0",
    complexity: "O(N) for N commands queued",
    ..GROUP
};

/// EXEC.
pub static EXEC: Doc = Doc {
    summary: "Runs the commands of a transaction.",
    since: "1.2.0",
    complexity: "Depends on the commands queued",
    ..GROUP
};

/// MULTI.
pub static MULTI: Doc = Doc {
    summary: "Begins a transaction.",
    since: "1.2.0",
    complexity: "O(1)",
    ..GROUP
};

/// UNWATCH.
pub static UNWATCH: Doc = Doc {
    summary: "Forgets the keys watched.",
    since: "2.2.0",
    complexity: "O(1)",
    ..GROUP
};

/// WATCH.
pub static WATCH: Doc = Doc {
    summary: "Has the next transaction fail if a key changes before.",
    since: "2.2.0",
    complexity: "O(N) for N keys",
    args: "key@0*",
    ..GROUP
};
