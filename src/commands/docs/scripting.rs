//! Documentation of the commands on scripts and functions: data only.

use crate::dispatch::docs::Doc;

const GROUP: Doc = Doc::of("scripting");

/// EVAL.
pub static EVAL: Doc = Doc {
    summary: "Runs a Lua script.",
    since: "2.6.0",
    complexity: "Depends on the script",
    args: "script numkeys:int [key@0*] [arg*]",
    ..GROUP
};

/// EVAL_RO.
pub static EVAL_RO: Doc = Doc {
    summary: "Runs a Lua script that may not write.",
    since: "7.0.0",
    complexity: "Depends on the script",
    args: "script numkeys:int [key@0*] [arg*]",
    ..GROUP
};

/// EVALSHA.
pub static EVALSHA: Doc = Doc {
    summary: "Runs a Lua script the server knows, by its SHA1.",
    since: "2.6.0",
    complexity: "Depends on the script",
    args: "sha1 numkeys:int [key@0*] [arg*]",
    ..GROUP
};

/// EVALSHA_RO.
pub static EVALSHA_RO: Doc = Doc {
    summary: "Runs a Lua script the server knows that may not write, by its SHA1.",
    since: "7.0.0",
    complexity: "Depends on the script",
    args: "sha1 numkeys:int [key@0*] [arg*]",
    ..GROUP
};

/// FCALL.
pub static FCALL: Doc = Doc {
    summary: "Calls a function.",
    since: "7.0.0",
    complexity: "Depends on the function",
    args: "function numkeys:int [key@0*] [arg*]",
    ..GROUP
};

/// FCALL_RO.
pub static FCALL_RO: Doc = Doc {
    summary: "Calls a function that may not write.",
    since: "7.0.0",
    complexity: "Depends on the function",
    args: "function numkeys:int [key@0*] [arg*]",
    ..GROUP
};

/// FUNCTION.
pub static FUNCTION: Doc = Doc {
    summary: "Manages function libraries.",
    since: "7.0.0",
    ..GROUP
};

/// FUNCTION DELETE.
pub static FUNCTION_DELETE: Doc = Doc {
    summary: "Deletes a library and its functions.",
    since: "7.0.0",
    complexity: "O(1)",
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    args: "library-name",
    ..GROUP
};

/// FUNCTION DUMP.
pub static FUNCTION_DUMP: Doc = Doc {
    summary: "Returns all libraries as FUNCTION RESTORE takes them.",
    since: "7.0.0",
    complexity: "O(N) for N functions",
    ..GROUP
};

/// FUNCTION FLUSH.
pub static FUNCTION_FLUSH: Doc = Doc {
    summary: "Deletes all libraries.",
    since: "7.0.0",
    complexity: "O(N) for N functions",
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    args: "[flush-type(async=ASYNC|sync=SYNC)]",
    ..GROUP
};

/// FUNCTION HELP.
pub static FUNCTION_HELP: Doc = Doc {
    summary: "Lists the subcommands.",
    since: "7.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// FUNCTION KILL.
pub static FUNCTION_KILL: Doc = Doc {
    summary: "Ends the function that is running.",
    since: "7.0.0",
    complexity: "O(1)",
    tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
    ..GROUP
};

/// FUNCTION LIST.
pub static FUNCTION_LIST: Doc = Doc {
    summary: "Describes the libraries.",
    since: "7.0.0",
    complexity: "O(N) for N functions",
    tips: &["nondeterministic_output_order"],
    args: "[library-name-pattern:str=LIBRARYNAME] [withcode=WITHCODE]",
    ..GROUP
};

/// FUNCTION LOAD.
pub static FUNCTION_LOAD: Doc = Doc {
    summary: "Creates a library.",
    since: "7.0.0",
    complexity: "O(N) for N bytes of code",
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    args: "[replace=REPLACE] function-code",
    ..GROUP
};

/// FUNCTION RESTORE.
pub static FUNCTION_RESTORE: Doc = Doc {
    summary: "Restores libraries from what FUNCTION DUMP returned.",
    since: "7.0.0",
    complexity: "O(N) for N functions",
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    args: "serialized-value [policy(flush=FLUSH|append=APPEND|replace=REPLACE)]",
    ..GROUP
};

/// FUNCTION STATS.
pub static FUNCTION_STATS: Doc = Doc {
    summary: "Tells which function is running and what there is.",
    since: "7.0.0",
    complexity: "O(1)",
    tips: &[
        "nondeterministic_output",
        "request_policy:all_shards",
        "response_policy:special",
    ],
    ..GROUP
};

/// SCRIPT.
pub static SCRIPT: Doc = Doc {
    summary: "Manages Lua scripts.",
    since: "2.6.0",
    ..GROUP
};

/// SCRIPT DEBUG.
pub static SCRIPT_DEBUG: Doc = Doc {
    summary: "Sets how EVAL debugs a script.",
    since: "3.2.0",
    complexity: "O(1)",
    args: "mode(yes=YES|sync=SYNC|no=NO) [engine^9.1.0]",
    ..GROUP
};

/// SCRIPT EXISTS.
pub static SCRIPT_EXISTS: Doc = Doc {
    summary: "Tells which scripts the server knows.",
    since: "2.6.0",
    complexity: "O(N) for N scripts asked for",
    tips: &[
        "request_policy:all_shards",
        "response_policy:agg_logical_and",
    ],
    args: "sha1*",
    ..GROUP
};

/// SCRIPT FLUSH.
pub static SCRIPT_FLUSH: Doc = Doc {
    summary: "Forgets all scripts.",
    since: "2.6.0",
    complexity: "O(N) for N scripts",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: "[flush-type(async=ASYNC|sync=SYNC)^6.2.0]",
    history: &[("6.2.0", "`ASYNC` and `SYNC`.")],
    ..GROUP
};

/// SCRIPT HELP.
pub static SCRIPT_HELP: Doc = Doc {
    summary: "Lists the subcommands.",
    since: "5.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// SCRIPT KILL.
pub static SCRIPT_KILL: Doc = Doc {
    summary: "Ends the script that is running.",
    since: "2.6.0",
    complexity: "O(1)",
    tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
    ..GROUP
};

/// SCRIPT LOAD.
pub static SCRIPT_LOAD: Doc = Doc {
    summary: "Remembers a script and returns its SHA1.",
    since: "2.6.0",
    complexity: "O(N) for N bytes of code",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: "script",
    ..GROUP
};

/// SCRIPT SHOW.
pub static SCRIPT_SHOW: Doc = Doc {
    summary: "Returns the text of a script by its SHA1.",
    since: "8.0.0",
    complexity: "O(1)",
    args: "sha1",
    ..GROUP
};
