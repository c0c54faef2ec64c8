//! Documentation of the commands on channels: data only.

use crate::dispatch::docs::Doc;

const GROUP: Doc = Doc::of("pubsub");

/// PSUBSCRIBE.
pub static PSUBSCRIBE: Doc = Doc {
    summary: "Subscribes to channels by patterns.",
    since: "2.0.0",
    complexity: "O(N) for N patterns",
    args: "pattern:pattern*",
    ..GROUP
};

/// PUBLISH.
pub static PUBLISH: Doc = Doc {
    summary: "Sends a message to a channel.",
    since: "2.0.0",
    complexity: "O(N+M) for N subscribers and M patterns",
    args: "channel message",
    ..GROUP
};

/// PUBSUB.
pub static PUBSUB: Doc = Doc {
    summary: "Tells about channels and their subscribers.",
    since: "2.8.0",
    ..GROUP
};

/// PUBSUB CHANNELS.
pub static PUBSUB_CHANNELS: Doc = Doc {
    summary: "Lists channels that have subscribers.",
    since: "2.8.0",
    complexity: "O(N) for N channels",
    args: "[pattern:pattern]",
    ..GROUP
};

/// PUBSUB HELP.
pub static PUBSUB_HELP: Doc = Doc {
    summary: "Lists the subcommands.",
    since: "6.2.0",
    complexity: "O(1)",
    ..GROUP
};

/// PUBSUB NUMPAT.
pub static PUBSUB_NUMPAT: Doc = Doc {
    summary: "Counts the patterns subscribed to.",
    since: "2.8.0",
    complexity: "O(1)",
    ..GROUP
};

/// PUBSUB NUMSUB.
pub static PUBSUB_NUMSUB: Doc = Doc {
    summary: "Counts the subscribers of channels.",
    since: "2.8.0",
    complexity: "O(N) for N channels asked for",
    args: "[channel*]",
    ..GROUP
};

/// PUBSUB SHARDCHANNELS.
pub static PUBSUB_SHARDCHANNELS: Doc = Doc {
    summary: "Lists shard channels that have subscribers.",
    since: "7.0.0",
    complexity: "O(N) for N channels",
    args: "[pattern:pattern]",
    ..GROUP
};

/// PUBSUB SHARDNUMSUB.
pub static PUBSUB_SHARDNUMSUB: Doc = Doc {
    summary: "Counts the subscribers of shard channels.",
    since: "7.0.0",
    complexity: "O(N) for N channels asked for",
    args: "[shardchannel*]",
    ..GROUP
};

/// PUNSUBSCRIBE.
pub static PUNSUBSCRIBE: Doc = Doc {
    summary: "Ends subscriptions by patterns.",
    since: "2.0.0",
    complexity: "O(N) for N patterns",
    args: "[pattern:pattern*]",
    ..GROUP
};

/// SPUBLISH.
pub static SPUBLISH: Doc = Doc {
    summary: "Sends a message to a shard channel.",
    since: "7.0.0",
    complexity: "O(N) for N subscribers",
    args: "shardchannel message",
    ..GROUP
};

/// SSUBSCRIBE.
pub static SSUBSCRIBE: Doc = Doc {
    summary: "Subscribes to shard channels.",
    since: "7.0.0",
    complexity: "O(N) for N channels",
    args: "shardchannel*",
    ..GROUP
};

/// SUBSCRIBE.
pub static SUBSCRIBE: Doc = Doc {
    summary: "Subscribes to channels.",
    since: "2.0.0",
    complexity: "O(N) for N channels",
    args: "channel*",
    ..GROUP
};

/// SUNSUBSCRIBE.
pub static SUNSUBSCRIBE: Doc = Doc {
    summary: "Ends subscriptions to shard channels.",
    since: "7.0.0",
    complexity: "O(N) for N channels",
    args: "[shardchannel*]",
    ..GROUP
};

/// UNSUBSCRIBE.
pub static UNSUBSCRIBE: Doc = Doc {
    summary: "Ends subscriptions to channels.",
    since: "2.0.0",
    complexity: "O(N) for N channels",
    args: "[channel*]",
    ..GROUP
};
