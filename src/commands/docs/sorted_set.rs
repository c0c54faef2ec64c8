//! Documentation of the commands on sorted sets: data only.

use crate::dispatch::docs::Doc;

const GROUP: Doc = Doc::of("sorted-set");

/// BZMPOP.
pub static BZMPOP: Doc = Doc {
    summary: "Pops members by score from the first sorted set that has any, waiting for one \
             to arrive.",
    since: "7.0.0",
    complexity: "O(K+M*log(N)) for K keys and M of N members popped",
    args: "timeout:double numkeys:int key@0* where(min=MIN|max=MAX) [count:int=COUNT]",
    ..GROUP
};

/// BZPOPMAX.
pub static BZPOPMAX: Doc = Doc {
    summary: "Pops the highest score of the first sorted set that has one, waiting for one to \
             arrive.",
    since: "5.0.0",
    complexity: "O(log(N)) for N members",
    args: "key@0* timeout:double",
    history: &[("6.0.0", "Fractional timeouts.")],
    ..GROUP
};

/// BZPOPMIN.
pub static BZPOPMIN: Doc = Doc {
    summary: "Pops the lowest score of the first sorted set that has one, waiting for one to \
             arrive.",
    since: "5.0.0",
    complexity: "O(log(N)) for N members",
    args: "key@0* timeout:double",
    history: &[("6.0.0", "Fractional timeouts.")],
    ..GROUP
};

/// ZADD.
pub static ZADD: Doc = Doc {
    summary: "Adds members or changes their scores.",
    since: "1.2.0",
    complexity: "O(log(N)) for each member of a set of N",
    args: "key@0 [condition(nx=NX|xx=XX)^3.0.2] [comparison(gt=GT|lt=LT)^6.2.0] \
             [change=CH^3.0.2] [increment=INCR^3.0.2] data{score:double member}*",
    history: &[
        ("2.4.0", "Several elements."),
        ("3.0.2", "`XX`, `NX`, `CH` and `INCR`."),
        ("6.2.0", "`GT` and `LT`."),
    ],
    ..GROUP
};

/// ZCARD.
pub static ZCARD: Doc = Doc {
    summary: "Returns the number of members.",
    since: "1.2.0",
    complexity: "O(1)",
    args: "key@0",
    ..GROUP
};

/// ZCOUNT.
pub static ZCOUNT: Doc = Doc {
    summary: "Counts the members with scores in a range.",
    since: "2.0.0",
    complexity: "O(log(N)) for N members",
    args: "key@0 min:double max:double",
    ..GROUP
};

/// ZDIFF.
pub static ZDIFF: Doc = Doc {
    summary: "Returns the members of the first sorted set that are in none of the others.",
    since: "6.2.0",
    complexity: "O(L+(N-K)*log(N)) for L members in all sets, N in the first, K in the result",
    args: "numkeys:int key@0* [withscores=WITHSCORES]",
    ..GROUP
};

/// ZDIFFSTORE.
pub static ZDIFFSTORE: Doc = Doc {
    summary: "Stores the members of the first sorted set that are in none of the others.",
    since: "6.2.0",
    complexity: "O(L+(N-K)*log(N)) for L members in all sets, N in the first, K in the result",
    args: "destination@0 numkeys:int key@1*",
    ..GROUP
};

/// ZINCRBY.
pub static ZINCRBY: Doc = Doc {
    summary: "Adds to the score of a member.",
    since: "1.2.0",
    complexity: "O(log(N)) for N members",
    args: "key@0 increment:int member",
    ..GROUP
};

/// ZINTER.
pub static ZINTER: Doc = Doc {
    summary: "Returns the members that all sorted sets share.",
    since: "6.2.0",
    complexity: "O(N*K+M*log(M)) for the N members of the smallest of K sets and M in the \
             result",
    args: "numkeys:int key@0* [weight:int=WEIGHTS*] [aggregate(sum=SUM|min=MIN|max=MAX|\
             +count=COUNT)=AGGREGATE] [withscores=WITHSCORES]",
    ..GROUP
};

/// ZINTERCARD.
pub static ZINTERCARD: Doc = Doc {
    summary: "Counts the members that all sorted sets share.",
    since: "7.0.0",
    complexity: "O(N*K) for the N members of the smallest of K sets",
    args: "numkeys:int key@0* [limit:int=LIMIT]",
    ..GROUP
};

/// ZINTERSTORE.
pub static ZINTERSTORE: Doc = Doc {
    summary: "Stores the members that all sorted sets share.",
    since: "2.0.0",
    complexity: "O(N*K+M*log(M)) for the N members of the smallest of K sets and M in the \
             result",
    args: "destination@0 numkeys:int key@1* [weight:int=WEIGHTS*] [aggregate(sum=SUM|min=MIN|\
             max=MAX|+count=COUNT)=AGGREGATE]",
    ..GROUP
};

/// ZLEXCOUNT.
pub static ZLEXCOUNT: Doc = Doc {
    summary: "Counts the members in a lexicographical range.",
    since: "2.8.9",
    complexity: "O(log(N)) for N members",
    args: "key@0 min max",
    ..GROUP
};

/// ZMPOP.
pub static ZMPOP: Doc = Doc {
    summary: "Pops members by score from the first sorted set that has any.",
    since: "7.0.0",
    complexity: "O(K+M*log(N)) for K keys and M of N members popped",
    args: "numkeys:int key@0* where(min=MIN|max=MAX) [count:int=COUNT]",
    ..GROUP
};

/// ZMSCORE.
pub static ZMSCORE: Doc = Doc {
    summary: "Returns the scores of several members.",
    since: "6.2.0",
    complexity: "O(N) for N members asked for",
    args: "key@0 member*",
    ..GROUP
};

/// ZPOPMAX.
pub static ZPOPMAX: Doc = Doc {
    summary: "Pops the members with the highest scores.",
    since: "5.0.0",
    complexity: "O(M*log(N)) for M of N members popped",
    args: "key@0 [count:int]",
    ..GROUP
};

/// ZPOPMIN.
pub static ZPOPMIN: Doc = Doc {
    summary: "Pops the members with the lowest scores.",
    since: "5.0.0",
    complexity: "O(M*log(N)) for M of N members popped",
    args: "key@0 [count:int]",
    ..GROUP
};

/// ZRANDMEMBER.
pub static ZRANDMEMBER: Doc = Doc {
    summary: "Returns random members, with their scores if wanted.",
    since: "6.2.0",
    complexity: "O(N) for N members returned",
    tips: &["nondeterministic_output"],
    args: "key@0 [options{count:int [withscores=WITHSCORES]}]",
    ..GROUP
};

/// ZRANGE.
pub static ZRANGE: Doc = Doc {
    summary: "Returns the members in a range of ranks, scores or names.",
    since: "1.2.0",
    complexity: "O(log(N)+M) for M of N members returned",
    args: "key@0 start stop [sortby(byscore=BYSCORE|bylex=BYLEX)^6.2.0] [rev=REV^6.2.0] \
             [limit{offset:int count:int}=LIMIT^6.2.0] [withscores=WITHSCORES] [xx=XX^9.2.0]",
    history: &[
        ("6.2.0", "`REV`, `BYSCORE`, `BYLEX` and `LIMIT`."),
        ("9.2.0", "`XX`."),
    ],
    ..GROUP
};

/// ZRANGEBYLEX.
pub static ZRANGEBYLEX: Doc = Doc {
    summary: "Returns the members in a lexicographical range.",
    since: "2.8.9",
    complexity: "O(log(N)+M) for M of N members returned",
    args: "key@0 min max [limit{offset:int count:int}=LIMIT] [xx=XX^9.2.0]",
    history: &[("9.2.0", "`XX`.")],
    ..GROUP
};

/// ZRANGEBYSCORE.
pub static ZRANGEBYSCORE: Doc = Doc {
    summary: "Returns the members with scores in a range.",
    since: "1.0.5",
    complexity: "O(log(N)+M) for M of N members returned",
    args: "key@0 min:double max:double [withscores=WITHSCORES^2.0.0] [limit{offset:int \
             count:int}=LIMIT] [xx=XX^9.2.0]",
    history: &[("2.0.0", "`WITHSCORES`."), ("9.2.0", "`XX`.")],
    ..GROUP
};

/// ZRANGESTORE.
pub static ZRANGESTORE: Doc = Doc {
    summary: "Stores the members in a range of ranks, scores or names.",
    since: "6.2.0",
    complexity: "O(log(N)+M) for M of N members stored",
    args: "dst@0 src@1 min max [sortby(byscore=BYSCORE|bylex=BYLEX)] [rev=REV] \
             [limit{offset:int count:int}=LIMIT]",
    ..GROUP
};

/// ZRANK.
pub static ZRANK: Doc = Doc {
    summary: "Returns the rank of a member, the lowest score being first.",
    since: "2.0.0",
    complexity: "O(log(N)) for N members",
    args: "key@0 member [withscore=WITHSCORE]",
    history: &[("7.2.0", "`WITHSCORE`.")],
    ..GROUP
};

/// ZREM.
pub static ZREM: Doc = Doc {
    summary: "Removes members, and the sorted set with its last one.",
    since: "1.2.0",
    complexity: "O(M*log(N)) for M of N members removed",
    args: "key@0 member*",
    history: &[("2.4.0", "Several elements.")],
    ..GROUP
};

/// ZREMRANGEBYLEX.
pub static ZREMRANGEBYLEX: Doc = Doc {
    summary: "Removes the members in a lexicographical range.",
    since: "2.8.9",
    complexity: "O(log(N)+M) for M of N members removed",
    args: "key@0 min max",
    ..GROUP
};

/// ZREMRANGEBYRANK.
pub static ZREMRANGEBYRANK: Doc = Doc {
    summary: "Removes the members in a range of ranks.",
    since: "2.0.0",
    complexity: "O(log(N)+M) for M of N members removed",
    args: "key@0 start:int stop:int",
    ..GROUP
};

/// ZREMRANGEBYSCORE.
pub static ZREMRANGEBYSCORE: Doc = Doc {
    summary: "Removes the members with scores in a range.",
    since: "1.2.0",
    complexity: "O(log(N)+M) for M of N members removed",
    args: "key@0 min:double max:double",
    ..GROUP
};

/// ZREVRANGE.
pub static ZREVRANGE: Doc = Doc {
    summary: "Returns the members in a range of ranks, the highest score being first.",
    since: "1.2.0",
    complexity: "O(log(N)+M) for M of N members returned",
    args: "key@0 start:int stop:int [withscores=WITHSCORES] [xx=XX^9.2.0]",
    history: &[("9.2.0", "`XX`.")],
    ..GROUP
};

/// ZREVRANGEBYLEX.
pub static ZREVRANGEBYLEX: Doc = Doc {
    summary: "Returns the members in a lexicographical range, backwards.",
    since: "2.8.9",
    complexity: "O(log(N)+M) for M of N members returned",
    args: "key@0 max min [limit{offset:int count:int}=LIMIT] [xx=XX^9.2.0]",
    history: &[("9.2.0", "`XX`.")],
    ..GROUP
};

/// ZREVRANGEBYSCORE.
pub static ZREVRANGEBYSCORE: Doc = Doc {
    summary: "Returns the members with scores in a range, backwards.",
    since: "2.2.0",
    complexity: "O(log(N)+M) for M of N members returned",
    args: "key@0 max:double min:double [withscores=WITHSCORES] [limit{offset:int \
             count:int}=LIMIT] [xx=XX^9.2.0]",
    history: &[("2.1.6", "Exclusive ranges."), ("9.2.0", "`XX`.")],
    ..GROUP
};

/// ZREVRANK.
pub static ZREVRANK: Doc = Doc {
    summary: "Returns the rank of a member, the highest score being first.",
    since: "2.0.0",
    complexity: "O(log(N)) for N members",
    args: "key@0 member [withscore=WITHSCORE]",
    history: &[("7.2.0", "`WITHSCORE`.")],
    ..GROUP
};

/// ZSCAN.
pub static ZSCAN: Doc = Doc {
    summary: "Iterates over members and scores, a few at a time.",
    since: "2.8.0",
    complexity: "O(1) a call, O(N) for all N members",
    tips: &["nondeterministic_output"],
    args: "key@0 cursor:int [pattern:pattern=MATCH] [count:int=COUNT] [noscores=NOSCORES]",
    history: &[("8.0.0", "`NOSCORES`.")],
    ..GROUP
};

/// ZSCORE.
pub static ZSCORE: Doc = Doc {
    summary: "Returns the score of a member.",
    since: "1.2.0",
    complexity: "O(1)",
    args: "key@0 member",
    ..GROUP
};

/// ZUNION.
pub static ZUNION: Doc = Doc {
    summary: "Returns the members of any of the sorted sets.",
    since: "6.2.0",
    complexity: "O(N+M*log(M)) for N members in all sets and M in the result",
    args: "numkeys:int key@0* [weight:int=WEIGHTS*] [aggregate(sum=SUM|min=MIN|max=MAX|\
             +count=COUNT)=AGGREGATE] [withscores=WITHSCORES]",
    ..GROUP
};

/// ZUNIONSTORE.
pub static ZUNIONSTORE: Doc = Doc {
    summary: "Stores the members of any of the sorted sets.",
    since: "2.0.0",
    complexity: "O(N+M*log(M)) for N members in all sets and M in the result",
    args: "destination@0 numkeys:int key@1* [weight:int=WEIGHTS*] [aggregate(sum=SUM|min=MIN|\
             max=MAX|+count=COUNT)=AGGREGATE]",
    ..GROUP
};
