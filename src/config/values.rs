//! The options that are one of a few words, each an enum with Redis's names.
//!
//! Plain data: no option names, no defaults (those are in [`super::options`]), no effects.

use super::kind::{Field, Kind, Reason};

pub use super::compound::*;

/// Declares an enum whose variants have names in redis.conf; the first name is the one printed.
macro_rules! choices {
    ($(#[$doc:meta])* $type:ident {
        $($(#[$vdoc:meta])* $variant:ident = $first:literal $(| $more:literal)*,)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $type { $($(#[$vdoc])* $variant,)+ }

        impl $type {
            /// Every name that is accepted, in the order in which an error lists them.
            pub const NAMES: &'static [&'static str] = &[$($first, $($more,)*)+];

            /// The name that CONFIG GET prints.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $first,)+ }
            }

            fn from_name(name: &[u8]) -> Option<Self> {
                $(if [$first, $($more,)*].iter().any(|n| n.as_bytes().eq_ignore_ascii_case(name)) {
                    return Some(Self::$variant);
                })+
                None
            }
        }

        impl Field for $type {
            fn parse(&self, _: &Kind, args: &[&[u8]]) -> Result<Self, Reason> {
                match args {
                    [name] => Self::from_name(name).ok_or_else(|| not_one_of(Self::NAMES)),
                    _ => Err(not_one_of(Self::NAMES)),
                }
            }

            fn print(&self, _: &Kind) -> Vec<u8> {
                self.name().as_bytes().to_vec()
            }
        }
    };
}

choices! {
    /// What `maxmemory` does when it is reached.
    MaxmemoryPolicy {
        /// Keys with a TTL, the least recently used first.
        VolatileLru = "volatile-lru",
        /// Keys with a TTL, the least frequently used first.
        VolatileLfu = "volatile-lfu",
        /// Any key with a TTL.
        VolatileRandom = "volatile-random",
        /// Keys with a TTL, the nearest to its end first.
        VolatileTtl = "volatile-ttl",
        /// Any key, the least recently used first.
        AllkeysLru = "allkeys-lru",
        /// Any key, the least frequently used first.
        AllkeysLfu = "allkeys-lfu",
        /// Any key.
        AllkeysRandom = "allkeys-random",
        /// Nothing is evicted: writes that need memory fail.
        #[default]
        Noeviction = "noeviction",
        /// Keys with a TTL, the least recently modified first (Redis 8.6).
        VolatileLrm = "volatile-lrm",
        /// Any key, the least recently modified first (Redis 8.6).
        AllkeysLrm = "allkeys-lrm",
    }
}

impl MaxmemoryPolicy {
    /// Whether only keys with a TTL may be evicted.
    #[inline]
    pub const fn volatile_only(self) -> bool {
        use MaxmemoryPolicy::*;
        matches!(
            self,
            VolatileLru | VolatileLfu | VolatileRandom | VolatileTtl | VolatileLrm
        )
    }

    /// Whether the access counter of an entry is a frequency, not a time.
    #[inline]
    pub const fn is_lfu(self) -> bool {
        matches!(self, Self::VolatileLfu | Self::AllkeysLfu)
    }
}

choices! {
    /// When the append-only file is forced to disk.
    AppendFsync {
        /// Once a second, off the event loop.
        #[default]
        Everysec = "everysec",
        /// Before the reply leaves.
        Always = "always",
        /// When the operating system likes.
        No = "no",
    }
}

choices! {
    /// How much is logged.
    LogLevel {
        /// Everything.
        Debug = "debug",
        /// Much, but not everything.
        Verbose = "verbose",
        /// What one wants in production.
        #[default]
        Notice = "notice",
        /// Only what needs attention.
        Warning = "warning",
        /// Nothing at all.
        Nothing = "nothing",
    }
}

choices! {
    /// The shape of a log line.
    LogFormat {
        /// Redis's familiar line: `pid:role date level message`.
        #[default]
        Legacy = "legacy" | "text",
        /// `key=value` pairs.
        Logfmt = "logfmt",
        /// One JSON object a line.
        Json = "json",
    }
}

choices! {
    /// The shape of the time in a log line.
    LogTimestampFormat {
        /// `22 Nov 2026 21:59:00.123`.
        #[default]
        Legacy = "legacy",
        /// `2026-11-22T21:59:00.123+00:00`.
        Iso8601 = "iso8601",
        /// Milliseconds since the Unix epoch.
        Milliseconds = "milliseconds",
    }
}

choices! {
    /// Who supervises the process.
    Supervised {
        /// upstart (not supported: warned about).
        Upstart = "upstart",
        /// systemd: READY=1 and STOPPING=1 are sent to `$NOTIFY_SOCKET`.
        Systemd = "systemd",
        /// Whatever the environment shows.
        Auto = "auto",
        /// Nobody.
        #[default]
        No = "no",
    }
}

choices! {
    /// From where a dangerous thing may be done.
    Protection {
        /// From nowhere.
        #[default]
        No = "no",
        /// From everywhere.
        Yes = "yes",
        /// From connections of this machine only.
        Local = "local",
    }
}

impl Protection {
    /// Whether a client may, given where it connected from.
    pub const fn allows(self, is_local: bool) -> bool {
        match self {
            Self::No => false,
            Self::Yes => true,
            Self::Local => is_local,
        }
    }
}

choices! {
    /// The channels that a new ACL user may use.
    AclPubsubDefault {
        /// All of them.
        Allchannels = "allchannels",
        /// None.
        #[default]
        Resetchannels = "resetchannels",
    }
}

choices! {
    /// Whether the kernel's out-of-memory score of the process is set.
    OomScoreAdj {
        /// It is left alone.
        #[default]
        No = "no",
        /// `oom-score-adj-values` are added to what it was at the start.
        Relative = "yes" | "relative",
        /// `oom-score-adj-values` replace it.
        Absolute = "absolute",
    }
}

choices! {
    /// What happens to a command of the primary or of the append-only file that fails.
    PropagationErrorBehavior {
        /// Only counted and logged.
        #[default]
        Ignore = "ignore",
        /// The server exits.
        Panic = "panic",
        /// The server exits if it is a replica.
        PanicOnReplicas = "panic-on-replicas",
    }
}

choices! {
    /// Whether RDB files of unknown, newer versions are tried.
    RdbVersionCheck {
        /// They are refused.
        #[default]
        Strict = "strict",
        /// They are tried.
        Relaxed = "relaxed",
    }
}

choices! {
    /// How hash-field expiries, which Redis and Valkey write differently, are written to RDB files.
    RdbFormat {
        /// As Valkey 9 reads them.
        #[default]
        Valkey = "valkey",
        /// As Redis 7.4 and later read them.
        Redis = "redis",
    }
}

choices! {
    /// Whether a replica loads a snapshot from the socket without writing it to disk first.
    ReplDisklessLoad {
        /// It writes it to disk first.
        #[default]
        Disabled = "disabled",
        /// It does when it has no data of its own.
        OnEmptyDb = "on-empty-db",
        /// It keeps the old data beside the new while loading.
        Swapdb = "swapdb",
        /// It drops the old data first.
        FlushBeforeLoad = "flush-before-load",
    }
}

/// The error for a word that is none of these.
pub(super) fn not_one_of(names: &[&str]) -> Reason {
    format!(
        "argument(s) must be one of the following: {}",
        names.join(", ")
    )
    .into()
}
