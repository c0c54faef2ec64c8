//! The flags and ACL categories that rows name, and what COMMAND INFO and ACL CAT call them.

/// A set of command flags, under Redis's names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flags(u32);

impl Flags {
    /// No flag.
    pub const NONE: Flags = Flags(0);

    /// The flags of both.
    pub const fn or(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// These flags less those of `other`.
    pub const fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }

    /// Whether every flag of `other` is here.
    #[inline]
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any flag of `other` is here.
    #[inline]
    pub const fn intersects(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }

    /// What COMMAND INFO calls the flags, in its order; some are not shown.
    pub fn names(self) -> impl Iterator<Item = &'static str> + Clone {
        FLAG_NAMES
            .iter()
            .filter(move |(flag, _)| self.contains(*flag))
            .map(|&(_, name)| name)
    }
}

/// No flag.
pub const NO_FLAGS: Flags = Flags::NONE;
/// May change the keyspace.
pub const WRITE: Flags = Flags(1);
/// Reads keys and changes none ("readonly").
pub const READ: Flags = Flags(1 << 1);
/// Refused when memory is full.
pub const DENYOOM: Flags = Flags(1 << 2);
/// For administrators.
pub const ADMIN: Flags = Flags(1 << 3);
/// About channels.
pub const PUBSUB: Flags = Flags(1 << 4);
/// Refused inside a script.
pub const NOSCRIPT: Flags = Flags(1 << 5);
/// May block the client.
pub const BLOCKING: Flags = Flags(1 << 6);
/// Runs while the dataset is loaded.
pub const LOADING: Flags = Flags(1 << 7);
/// Runs on a replica with stale data.
pub const STALE: Flags = Flags(1 << 8);
/// Not shown by MONITOR.
pub const SKIP_MONITOR: Flags = Flags(1 << 9);
/// Not logged by SLOWLOG and COMMANDLOG.
pub const SKIP_SLOWLOG: Flags = Flags(1 << 10);
/// Implies ASKING in a cluster.
pub const ASKING: Flags = Flags(1 << 11);
/// Takes O(1) or O(log N) time.
pub const FAST: Flags = Flags(1 << 12);
/// Runs before AUTH.
pub const NO_AUTH: Flags = Flags(1 << 13);
/// May be propagated though it is no write.
pub const MAY_REPLICATE: Flags = Flags(1 << 14);
/// Its keys may be none.
pub const NO_MANDATORY_KEYS: Flags = Flags(1 << 15);
/// Needs `enable-debug-command` or `enable-module-command`.
pub const PROTECTED: Flags = Flags(1 << 16);
/// Refused while a replica loads beside its old dataset.
pub const NO_ASYNC_LOADING: Flags = Flags(1 << 17);
/// Refused inside MULTI.
pub const NO_MULTI: Flags = Flags(1 << 18);
/// Some keys are outside the first/last/step triple. Derived from the key specs: no row names it.
pub const MOVABLE_KEYS: Flags = Flags(1 << 19);
/// Runs while a script is busy.
pub const ALLOW_BUSY: Flags = Flags(1 << 20);
/// May touch keys it does not name.
pub const TOUCHES_ARBITRARY_KEYS: Flags = Flags(1 << 21);
/// Runs inside MULTI instead of being queued. Not shown.
pub const RUNS_IN_MULTI: Flags = Flags(1 << 22);
/// A RESP2 client with subscriptions may call it. Not shown.
pub const SUBSCRIBER_MAY: Flags = Flags(1 << 23);

/// Argument 1 is a script, whose first line may change these flags. Not shown.
pub const BY_SCRIPT: Flags = Flags(1 << 24);
/// Argument 1 is the SHA1 of a script that may change these flags. Not shown.
pub const BY_SHA: Flags = Flags(1 << 25);
/// Argument 1 is a function, which changes these flags. Not shown.
pub const BY_FUNCTION: Flags = Flags(1 << 26);
/// Runs a script or function, whichever way it is named.
pub const RUNS_SCRIPT: Flags = BY_SCRIPT.or(BY_SHA).or(BY_FUNCTION);
/// Even its refusal ends the transaction. Not shown.
pub const ENDS_MULTI: Flags = Flags(1 << 27);
/// Leaves what CLIENT CACHING said for the command after it. Not shown.
pub const KEEPS_CACHING: Flags = Flags(1 << 28);
/// Refused, though it is no write, when the disk has failed: monitors are to notice. Not shown.
pub const TELLS_OF_DISK: Flags = Flags(1 << 29);

const FLAG_NAMES: &[(Flags, &str)] = &[
    (WRITE, "write"),
    (READ, "readonly"),
    (DENYOOM, "denyoom"),
    (ADMIN, "admin"),
    (PUBSUB, "pubsub"),
    (NOSCRIPT, "noscript"),
    (BLOCKING, "blocking"),
    (LOADING, "loading"),
    (STALE, "stale"),
    (SKIP_MONITOR, "skip_monitor"),
    (SKIP_SLOWLOG, "skip_commandlog"),
    (ASKING, "asking"),
    (FAST, "fast"),
    (NO_AUTH, "no_auth"),
    (NO_MANDATORY_KEYS, "no_mandatory_keys"),
    (NO_ASYNC_LOADING, "no_async_loading"),
    (NO_MULTI, "no_multi"),
    (MOVABLE_KEYS, "movablekeys"),
    (ALLOW_BUSY, "allow_busy"),
];

/// A set of ACL categories.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Acl(u32);

impl Acl {
    /// No category.
    pub const NONE: Acl = Acl(0);
    /// Follows from [`READ`].
    pub const READ: Acl = Acl(1 << 1);
    /// Follows from [`WRITE`].
    pub const WRITE: Acl = Acl(1 << 2);
    /// Follows from [`PUBSUB`].
    pub const PUBSUB: Acl = Acl(1 << 12);
    /// Follows from [`ADMIN`].
    pub const ADMIN: Acl = Acl(1 << 13);
    /// Follows from [`FAST`].
    pub const FAST: Acl = Acl(1 << 14);
    /// Follows from the absence of [`FAST`].
    pub const SLOW: Acl = Acl(1 << 15);
    /// Follows from [`BLOCKING`].
    pub const BLOCKING: Acl = Acl(1 << 16);

    /// The categories of both.
    pub const fn or(self, other: Acl) -> Acl {
        Acl(self.0 | other.0)
    }

    /// Whether every category of `other` is here.
    #[inline]
    pub const fn contains(self, other: Acl) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names, without `@`, in the order of COMMAND INFO and ACL CAT.
    pub fn names(self) -> impl Iterator<Item = &'static str> + Clone {
        ACL_NAMES
            .iter()
            .filter(move |(acl, _)| self.contains(*acl))
            .map(|&(_, name)| name)
    }

    /// The category of that name (without `@`, in any case).
    pub fn named(name: &[u8]) -> Option<Acl> {
        let found = ACL_NAMES
            .iter()
            .find(|(_, n)| n.as_bytes().eq_ignore_ascii_case(name));
        found.map(|&(acl, _)| acl)
    }

    /// Every category.
    pub fn all() -> impl Iterator<Item = (Acl, &'static str)> {
        ACL_NAMES.iter().copied()
    }
}

/// No explicit category.
pub const NO_ACL: Acl = Acl::NONE;
/// Writes or reads keys whatever their type.
pub const KEYSPACE: Acl = Acl(1);
/// Data type.
pub const SET: Acl = Acl(1 << 3);
/// Data type.
pub const SORTEDSET: Acl = Acl(1 << 4);
/// Data type.
pub const LIST: Acl = Acl(1 << 5);
/// Data type.
pub const HASH: Acl = Acl(1 << 6);
/// Data type.
pub const STRING: Acl = Acl(1 << 7);
/// Data type.
pub const BITMAP: Acl = Acl(1 << 8);
/// Data type.
pub const HYPERLOGLOG: Acl = Acl(1 << 9);
/// Data type.
pub const GEO: Acl = Acl(1 << 10);
/// Data type.
pub const STREAM: Acl = Acl(1 << 11);
/// Could harm the server or its data.
pub const DANGEROUS: Acl = Acl(1 << 17);
/// About the client's connection.
pub const CONNECTION: Acl = Acl(1 << 18);
/// MULTI and its kin.
pub const TRANSACTION: Acl = Acl(1 << 19);
/// Scripts and functions.
pub const SCRIPTING: Acl = Acl(1 << 20);
/// For commands that administrate without the [`ADMIN`] flag.
pub const ADMIN_DANGEROUS: Acl = Acl::ADMIN.or(DANGEROUS);

const ACL_NAMES: &[(Acl, &str)] = &[
    (KEYSPACE, "keyspace"),
    (Acl::READ, "read"),
    (Acl::WRITE, "write"),
    (SET, "set"),
    (SORTEDSET, "sortedset"),
    (LIST, "list"),
    (HASH, "hash"),
    (STRING, "string"),
    (BITMAP, "bitmap"),
    (HYPERLOGLOG, "hyperloglog"),
    (GEO, "geo"),
    (STREAM, "stream"),
    (Acl::PUBSUB, "pubsub"),
    (Acl::ADMIN, "admin"),
    (Acl::FAST, "fast"),
    (Acl::SLOW, "slow"),
    (Acl::BLOCKING, "blocking"),
    (DANGEROUS, "dangerous"),
    (CONNECTION, "connection"),
    (TRANSACTION, "transaction"),
    (SCRIPTING, "scripting"),
];
