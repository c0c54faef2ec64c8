//! Documentation of the commands on hashes: data only.

use crate::dispatch::docs::Doc;

const GROUP: Doc = Doc::of("hash");

/// HDEL.
pub static HDEL: Doc = Doc {
    summary: "Deletes fields, and the hash with its last one.",
    since: "2.0.0",
    complexity: "O(N) for N fields",
    args: "key@0 field*",
    history: &[("2.4.0", "Several fields.")],
    ..GROUP
};

/// HEXISTS.
pub static HEXISTS: Doc = Doc {
    summary: "Tells whether a field exists.",
    since: "2.0.0",
    complexity: "O(1)",
    args: "key@0 field",
    ..GROUP
};

/// HEXPIRE.
pub static HEXPIRE: Doc = Doc {
    summary: "Sets the time to live of fields in seconds.",
    since: "9.0.0",
    complexity: "O(N) for N fields",
    args: "key@0 seconds:int [condition(nx=NX|xx=XX|gt=GT|lt=LT)] fields{numfields:int \
             field*}=FIELDS",
    ..GROUP
};

/// HEXPIREAT.
pub static HEXPIREAT: Doc = Doc {
    summary: "Sets when fields expire as a Unix time in seconds.",
    since: "9.0.0",
    complexity: "O(N) for N fields",
    args: "key@0 unix-time-seconds:int [condition(nx=NX|xx=XX|gt=GT|lt=LT)^9.0.0] \
             fields{numfields:int@0 field*}=FIELDS",
    ..GROUP
};

/// HEXPIRETIME.
pub static HEXPIRETIME: Doc = Doc {
    summary: "Returns when fields expire as a Unix time in seconds.",
    since: "9.0.0",
    complexity: "O(N) for N fields",
    args: "key@0 fields{numfields:int@0 field*}=FIELDS",
    ..GROUP
};

/// HGET.
pub static HGET: Doc = Doc {
    summary: "Returns the value of a field.",
    since: "2.0.0",
    complexity: "O(1)",
    args: "key@0 field",
    ..GROUP
};

/// HGETALL.
pub static HGETALL: Doc = Doc {
    summary: "Returns all fields and values.",
    since: "2.0.0",
    complexity: "O(N) for N fields",
    tips: &["nondeterministic_output_order"],
    args: "key@0",
    ..GROUP
};

/// HGETDEL.
pub static HGETDEL: Doc = Doc {
    summary: "Returns the values of fields and deletes them.",
    since: "9.1.0",
    complexity: "O(N) for N fields",
    args: "key@0 fields{numfields:int@0 field*}=FIELDS",
    ..GROUP
};

/// HGETEX.
pub static HGETEX: Doc = Doc {
    summary: "Returns the values of fields and sets or clears their time to live.",
    since: "9.0.0",
    complexity: "O(N) for N fields",
    args: "key@0 [expiration(seconds:int=EX|milliseconds:int=PX|unix-time-seconds:time=EXAT|\
             unix-time-milliseconds:time=PXAT|persist=PERSIST)] fields{numfields:int@0 \
             field*}=FIELDS",
    ..GROUP
};

/// HINCRBY.
pub static HINCRBY: Doc = Doc {
    summary: "Adds a number to the integer in a field.",
    since: "2.0.0",
    complexity: "O(1)",
    args: "key@0 field increment:int",
    ..GROUP
};

/// HINCRBYFLOAT.
pub static HINCRBYFLOAT: Doc = Doc {
    summary: "Adds a floating-point number to the number in a field.",
    since: "2.6.0",
    complexity: "O(1)",
    args: "key@0 field increment:double",
    ..GROUP
};

/// HKEYS.
pub static HKEYS: Doc = Doc {
    summary: "Returns all fields.",
    since: "2.0.0",
    complexity: "O(N) for N fields",
    tips: &["nondeterministic_output_order"],
    args: "key@0",
    ..GROUP
};

/// HLEN.
pub static HLEN: Doc = Doc {
    summary: "Returns the number of fields.",
    since: "2.0.0",
    complexity: "O(1)",
    args: "key@0",
    ..GROUP
};

/// HMGET.
pub static HMGET: Doc = Doc {
    summary: "Returns the values of several fields.",
    since: "2.0.0",
    complexity: "O(N) for N fields",
    args: "key@0 field*",
    ..GROUP
};

/// HMSET.
pub static HMSET: Doc = Doc {
    summary: "Sets several fields; HSET does the same.",
    since: "2.0.0",
    complexity: "O(N) for N fields",
    args: "key@0 data{field value}*",
    ..GROUP
};

/// HPERSIST.
pub static HPERSIST: Doc = Doc {
    summary: "Clears the time to live of fields.",
    since: "9.0.0",
    complexity: "O(N) for N fields",
    args: "key@0 fields{numfields:int@0 field*}=FIELDS",
    ..GROUP
};

/// HPEXPIRE.
pub static HPEXPIRE: Doc = Doc {
    summary: "Sets the time to live of fields in milliseconds.",
    since: "9.0.0",
    complexity: "O(N) for N fields",
    args: "key@0 milliseconds:int [condition(nx=NX|xx=XX|gt=GT|lt=LT)^9.0.0] \
             fields{numfields:int@0 field*}=FIELDS",
    ..GROUP
};

/// HPEXPIREAT.
pub static HPEXPIREAT: Doc = Doc {
    summary: "Sets when fields expire as a Unix time in milliseconds.",
    since: "9.0.0",
    complexity: "O(N) for N fields",
    args: "key@0 unix-time-milliseconds:int [condition(nx=NX|xx=XX|gt=GT|lt=LT)^9.0.0] \
             fields{numfields:int@0 field*}=FIELDS",
    ..GROUP
};

/// HPEXPIRETIME.
pub static HPEXPIRETIME: Doc = Doc {
    summary: "Returns when fields expire as a Unix time in milliseconds.",
    since: "9.0.0",
    complexity: "O(N) for N fields",
    args: "key@0 fields{numfields:int@0 field*}=FIELDS",
    ..GROUP
};

/// HPTTL.
pub static HPTTL: Doc = Doc {
    summary: "Returns the time to live of fields in milliseconds.",
    since: "9.0.0",
    complexity: "O(N) for N fields",
    args: "key@0 fields{numfields:int@0 field*}=FIELDS",
    ..GROUP
};

/// HRANDFIELD.
pub static HRANDFIELD: Doc = Doc {
    summary: "Returns random fields, with their values if wanted.",
    since: "6.2.0",
    complexity: "O(N) for N fields returned",
    tips: &["nondeterministic_output"],
    args: "key@0 [options{count:int [withvalues=WITHVALUES]}]",
    ..GROUP
};

/// HSCAN.
pub static HSCAN: Doc = Doc {
    summary: "Iterates over fields and values, a few at a time.",
    since: "2.8.0",
    complexity: "O(1) a call, O(N) for all N fields",
    tips: &["nondeterministic_output"],
    args: "key@0 cursor:int [pattern:pattern=MATCH] [count:int=COUNT] [novalues=NOVALUES]",
    ..GROUP
};

/// HSET.
pub static HSET: Doc = Doc {
    summary: "Sets fields, creating the hash if need be.",
    since: "2.0.0",
    complexity: "O(N) for N fields",
    args: "key@0 data{field value}*",
    history: &[("4.0.0", "Several fields and values.")],
    ..GROUP
};

/// HSETEX.
pub static HSETEX: Doc = Doc {
    summary: "Sets fields with one condition and one time to live.",
    since: "9.0.0",
    complexity: "O(N) for N fields",
    args: "key@0 [key-condition(nx=NX|xx=XX)] [fields-condition(fnx=FNX|fxx=FXX)] \
             [expiration(seconds:int=EX|milliseconds:int=PX|unix-time-seconds:time=EXAT|\
             unix-time-milliseconds:time=PXAT|keepttl=KEEPTTL)] fields{numfields:int@0 data{field \
             value}*}=FIELDS",
    ..GROUP
};

/// HSETNX.
pub static HSETNX: Doc = Doc {
    summary: "Sets a field if it does not exist.",
    since: "2.0.0",
    complexity: "O(1)",
    args: "key@0 field value",
    ..GROUP
};

/// HSTRLEN.
pub static HSTRLEN: Doc = Doc {
    summary: "Returns the length of a field's value in bytes.",
    since: "3.2.0",
    complexity: "O(1)",
    args: "key@0 field",
    ..GROUP
};

/// HTTL.
pub static HTTL: Doc = Doc {
    summary: "Returns the time to live of fields in seconds.",
    since: "9.0.0",
    complexity: "O(N) for N fields",
    args: "key@0 fields{numfields:int@0 field*}=FIELDS",
    ..GROUP
};

/// HVALS.
pub static HVALS: Doc = Doc {
    summary: "Returns all values.",
    since: "2.0.0",
    complexity: "O(N) for N fields",
    tips: &["nondeterministic_output_order"],
    args: "key@0",
    ..GROUP
};
