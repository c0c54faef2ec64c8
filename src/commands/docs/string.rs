//! Documentation of the commands on strings: data only.

use crate::dispatch::docs::Doc;

const GROUP: Doc = Doc::of("string");

/// APPEND.
pub static APPEND: Doc = Doc {
    summary: "Appends to a string, which an absent key makes empty first.",
    since: "2.0.0",
    complexity: "O(1) amortised",
    args: "key@0 value",
    ..GROUP
};

/// DECR.
pub static DECR: Doc = Doc {
    summary: "Subtracts one from the integer in a key.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "key@0",
    ..GROUP
};

/// DECRBY.
pub static DECRBY: Doc = Doc {
    summary: "Subtracts a number from the integer in a key.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "key@0 decrement:int",
    ..GROUP
};

/// DELEX.
pub static DELEX: Doc = Doc {
    summary: "Deletes a key if its string or the string's digest meets a condition.",
    since: "8.4.0",
    complexity: "O(1), or O(N) for a digest of N bytes",
    args: "key@0 [condition(ifeq-value:str=IFEQ|ifne-value:str=IFNE|ifdeq-digest:str=IFDEQ|\
             ifdne-digest:str=IFDNE)]",
    ..GROUP
};

/// DELIFEQ.
pub static DELIFEQ: Doc = Doc {
    summary: "Deletes a key if it holds exactly this string.",
    since: "9.0.0",
    complexity: "O(1)",
    args: "key@0 value",
    ..GROUP
};

/// DIGEST.
pub static DIGEST: Doc = Doc {
    summary: "Returns the XXH3 digest of a string as 16 hexadecimal digits.",
    since: "8.4.0",
    complexity: "O(N) for a string of N bytes",
    args: "key@0",
    ..GROUP
};

/// GET.
pub static GET: Doc = Doc {
    summary: "Returns the string in a key.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "key@0",
    ..GROUP
};

/// GETDEL.
pub static GETDEL: Doc = Doc {
    summary: "Returns the string in a key and deletes the key.",
    since: "6.2.0",
    complexity: "O(1)",
    args: "key@0",
    ..GROUP
};

/// GETEX.
pub static GETEX: Doc = Doc {
    summary: "Returns the string in a key and sets or clears its time to live.",
    since: "6.2.0",
    complexity: "O(1)",
    args: "key@0 [expiration(seconds:int=EX|milliseconds:int=PX|unix-time-seconds:time=EXAT|\
             unix-time-milliseconds:time=PXAT|persist=PERSIST)]",
    ..GROUP
};

/// GETRANGE.
pub static GETRANGE: Doc = Doc {
    summary: "Returns the bytes of a string from one offset to another.",
    since: "2.4.0",
    complexity: "O(N) for N bytes returned",
    args: "key@0 start:int end:int",
    ..GROUP
};

/// GETSET.
pub static GETSET: Doc = Doc {
    summary: "Sets a string and returns the one it replaced.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "key@0 value",
    ..GROUP
};

/// INCR.
pub static INCR: Doc = Doc {
    summary: "Adds one to the integer in a key.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "key@0",
    ..GROUP
};

/// INCRBY.
pub static INCRBY: Doc = Doc {
    summary: "Adds a number to the integer in a key.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "key@0 increment:int",
    ..GROUP
};

/// INCRBYFLOAT.
pub static INCRBYFLOAT: Doc = Doc {
    summary: "Adds a floating-point number to the number in a key.",
    since: "2.6.0",
    complexity: "O(1)",
    args: "key@0 increment:double",
    ..GROUP
};

/// INCREX.
pub static INCREX: Doc = Doc {
    summary: "Adds to a number within bounds and sets its time to live: a rate limiter.",
    since: "8.8.0",
    complexity: "O(1)",
    args: "key@0 [increment(float:double=BYFLOAT|integer:int=BYINT)] [lowerbound:str=LBOUND] \
             [upperbound:str=UBOUND] [saturate=SATURATE] [expiration(seconds:int=EX|\
             milliseconds:int=PX|unix-time-seconds:time=EXAT|unix-time-milliseconds:time=PXAT|\
             persist=PERSIST)] [enx=ENX]",
    ..GROUP
};

/// LCS.
pub static LCS: Doc = Doc {
    summary: "Finds the longest common subsequence of two strings.",
    since: "7.0.0",
    complexity: "O(N*M) for strings of N and M bytes",
    args: "key1@0 key2@0 [len=LEN] [idx=IDX] [min-match-len:int=MINMATCHLEN] \
             [withmatchlen=WITHMATCHLEN]",
    ..GROUP
};

/// MGET.
pub static MGET: Doc = Doc {
    summary: "Returns the strings in several keys.",
    since: "1.0.0",
    complexity: "O(N) for N keys",
    tips: &["request_policy:multi_shard"],
    args: "key@0*",
    ..GROUP
};

/// MSET.
pub static MSET: Doc = Doc {
    summary: "Sets several keys to strings, all at once.",
    since: "1.0.1",
    complexity: "O(N) for N keys",
    tips: &[
        "request_policy:multi_shard",
        "response_policy:all_succeeded",
    ],
    args: "data{key@0 value}*",
    ..GROUP
};

/// MSETEX.
pub static MSETEX: Doc = Doc {
    summary: "Sets several keys to strings with one condition and one time to live.",
    since: "9.1.0",
    complexity: "O(N) for N keys",
    tips: &[
        "request_policy:multi_shard",
        "response_policy:all_succeeded",
    ],
    args: "numkeys:int data{key@0 value}* [condition(nx=NX|xx=XX)] [expiration(seconds:int=EX|\
             milliseconds:int=PX|unix-time-seconds:time=EXAT|unix-time-milliseconds:time=PXAT|\
             keepttl=KEEPTTL)]",
    ..GROUP
};

/// MSETNX.
pub static MSETNX: Doc = Doc {
    summary: "Sets several keys to strings, if none of them exists.",
    since: "1.0.1",
    complexity: "O(N) for N keys",
    args: "data{key@0 value}*",
    ..GROUP
};

/// PSETEX.
pub static PSETEX: Doc = Doc {
    summary: "Sets a string and its time to live in milliseconds.",
    since: "2.6.0",
    complexity: "O(1)",
    args: "key@0 milliseconds:int value",
    ..GROUP
};

/// SET.
pub static SET: Doc = Doc {
    summary: "Sets a key to a string, whatever it held, on conditions if wanted.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "key@0 value [condition(nx=NX^2.6.12|xx=XX^2.6.12|comparison-value:str=IFEQ^8.1.0|\
             +ifne-value:str=IFNE|+ifdeq-digest:str=IFDEQ|+ifdne-digest:str=IFDNE)] \
             [get=GET^6.2.0] [expiration(seconds:int=EX^2.6.12|milliseconds:int=PX^2.6.12|\
             unix-time-seconds:time=EXAT^6.2.0|unix-time-milliseconds:time=PXAT^6.2.0|\
             keepttl=KEEPTTL^6.0.0)]",
    history: &[
        ("2.6.12", "`EX`, `PX`, `NX` and `XX`."),
        ("6.0.0", "`KEEPTTL`."),
        ("6.2.0", "`GET`, `EXAT` and `PXAT`."),
        ("7.0.0", "`NX` and `GET` together."),
        ("8.1.0", "`IFEQ`."),
    ],
    ..GROUP
};

/// SETEX.
pub static SETEX: Doc = Doc {
    summary: "Sets a string and its time to live in seconds.",
    since: "2.0.0",
    complexity: "O(1)",
    args: "key@0 seconds:int value",
    ..GROUP
};

/// SETNX.
pub static SETNX: Doc = Doc {
    summary: "Sets a key to a string if the key does not exist.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "key@0 value",
    ..GROUP
};

/// SETRANGE.
pub static SETRANGE: Doc = Doc {
    summary: "Overwrites the bytes of a string from an offset on, padding with zeros.",
    since: "2.2.0",
    complexity: "O(N) for N bytes written",
    args: "key@0 offset:int value",
    ..GROUP
};

/// STRLEN.
pub static STRLEN: Doc = Doc {
    summary: "Returns the length of a string in bytes.",
    since: "2.2.0",
    complexity: "O(1)",
    args: "key@0",
    ..GROUP
};

/// SUBSTR.
pub static SUBSTR: Doc = Doc {
    summary: "Returns the bytes of a string from one offset to another; GETRANGE's old name.",
    since: "1.0.0",
    complexity: "O(N) for N bytes returned",
    args: "key@0 start:int end:int",
    ..GROUP
};
