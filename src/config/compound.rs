//! The options whose values are made of several parts: save points, output limits, event classes
//! and their like, as Valkey reads and prints them.
//!
//! Plain data: no option names, no defaults (those are in [`super::options`]), no effects.

use super::kind::{Field, Kind, Reason, memory, number, text};
use super::values::not_one_of;

/// One line `save <seconds> <changes>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// A snapshot is due when this many seconds passed since the last one...
    pub seconds: u64,
    /// ...and at least this many changes were made.
    pub changes: u64,
}

impl Field for Vec<SavePoint> {
    fn parse(&self, _: &Kind, args: &[&[u8]]) -> Result<Self, Reason> {
        let bad = || Reason::from("Invalid save parameters");
        if matches!(args, [b""]) {
            return Ok(Vec::new());
        }
        let (pairs, []) = args.as_chunks::<2>() else {
            return Err(bad());
        };
        let mut points = Vec::with_capacity(pairs.len());
        for [seconds, changes] in pairs {
            let seconds = plain_decimal(seconds).filter(|s| *s >= 1).ok_or_else(bad)?;
            let changes = plain_decimal(changes).filter(|c| *c >= 0).ok_or_else(bad)?;
            points.push(SavePoint {
                seconds: seconds as u64,
                changes: changes as u64,
            });
        }
        Ok(points)
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        join(self.iter().map(|p| format!("{} {}", p.seconds, p.changes)))
    }
}

/// The limits of what may wait to be sent to one client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Beyond this many bytes the client is closed at once; 0 is no limit.
    pub hard_bytes: u64,
    /// Beyond this many bytes, for `soft_seconds` on end, it is closed; 0 is no limit.
    pub soft_bytes: u64,
    /// See `soft_bytes`.
    pub soft_seconds: u64,
}

/// `client-output-buffer-limit`: one [`OutputLimit`] per class of clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimits {
    /// Ordinary clients.
    pub normal: OutputLimit,
    /// Replicas.
    pub replica: OutputLimit,
    /// Subscribers.
    pub pubsub: OutputLimit,
}

impl Field for OutputLimits {
    fn parse(&self, _: &Kind, args: &[&[u8]]) -> Result<Self, Reason> {
        let mut limits = *self;
        let (groups, []) = args.as_chunks::<4>() else {
            // An empty text leaves everything as it is, as it does in Valkey.
            if matches!(args, [b""]) {
                return Ok(limits);
            }
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        };
        for [class, hard, soft, seconds] in groups {
            let bad = || Reason::from(BAD_OUTPUT_LIMIT);
            let limit = match class.to_ascii_lowercase().as_slice() {
                b"normal" => &mut limits.normal,
                b"slave" | b"replica" => &mut limits.replica,
                b"pubsub" => &mut limits.pubsub,
                _ => {
                    return Err(
                        "Invalid client class specified in buffer limit configuration.".into(),
                    );
                }
            };
            limit.hard_bytes = memory(hard).ok_or_else(bad)?;
            limit.soft_bytes = memory(soft).ok_or_else(bad)?;
            let seconds = plain_decimal(seconds).filter(|s| *s >= 0).ok_or_else(bad)?;
            limit.soft_seconds = seconds as u64;
        }
        Ok(limits)
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        let classes = [
            ("normal", self.normal),
            ("slave", self.replica),
            ("pubsub", self.pubsub),
        ];
        join(classes.iter().map(|(name, limit)| {
            format!(
                "{name} {} {} {}",
                limit.hard_bytes, limit.soft_bytes, limit.soft_seconds
            )
        }))
    }
}

const BAD_OUTPUT_LIMIT: &str =
    "Error in hard, soft or soft_seconds setting in buffer limit configuration.";

/// `oom-score-adj-values`: for a primary, a replica and a background child (kvd has none).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OomScoreAdjValues(pub [i32; 3]);

impl Field for OomScoreAdjValues {
    fn parse(&self, _: &Kind, args: &[&[u8]]) -> Result<Self, Reason> {
        let args: [&[u8]; 3] = args.try_into().map_err(|_| "wrong number of arguments")?;
        let mut values = [0; 3];
        for (value, arg) in values.iter_mut().zip(args) {
            *value = plain_decimal(arg)
                .filter(|v| (-2000..=2000).contains(v))
                .ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")?
                as i32;
        }
        Ok(Self(values))
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        join(self.0.iter().map(i32::to_string))
    }
}

/// `latency-tracking-info-percentiles`, each between 0 and 100.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Percentiles(pub Vec<f64>);

impl Field for Percentiles {
    fn parse(&self, _: &Kind, args: &[&[u8]]) -> Result<Self, Reason> {
        if matches!(args, [b""]) {
            return Ok(Self::default());
        }
        let mut percentiles = Vec::with_capacity(args.len());
        for arg in args {
            let percentile = std::str::from_utf8(arg)
                .ok()
                .and_then(|text| text.parse::<f64>().ok())
                .filter(|p| !p.is_nan())
                .ok_or("Invalid latency-tracking-info-percentiles parameters")?;
            if !(0.0..=100.0).contains(&percentile) {
                return Err(
                    "latency-tracking-info-percentiles parameters should sit between \
                            [0.0,100.0]"
                        .into(),
                );
            }
            percentiles.push(percentile);
        }
        Ok(Self(percentiles))
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        join(self.0.iter().map(|p| {
            let text = format!("{p:.6}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }))
    }
}

/// `notify-keyspace-events`: which events are published, as Redis's bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyspaceEvents(pub u16);

#[rustfmt::skip]
#[allow(missing_docs, reason = "each is the letter that stands beside it in EVENT_LETTERS")]
impl KeyspaceEvents {
    pub const KEYSPACE: u16 = 1 << 0;
    pub const KEYEVENT: u16 = 1 << 1;
    pub const GENERIC: u16 = 1 << 2;
    pub const STRING: u16 = 1 << 3;
    pub const LIST: u16 = 1 << 4;
    pub const SET: u16 = 1 << 5;
    pub const HASH: u16 = 1 << 6;
    pub const ZSET: u16 = 1 << 7;
    pub const EXPIRED: u16 = 1 << 8;
    pub const EVICTED: u16 = 1 << 9;
    pub const STREAM: u16 = 1 << 10;
    pub const KEY_MISS: u16 = 1 << 11;
    pub const MODULE: u16 = 1 << 13;
    pub const NEW: u16 = 1 << 14;
    /// What the letter `A` stands for: every class but `m` and `n`.
    pub const ALL: u16 = Self::GENERIC | Self::STRING | Self::LIST | Self::SET | Self::HASH
        | Self::ZSET | Self::EXPIRED | Self::EVICTED | Self::STREAM | Self::MODULE;
}

/// The letters in the order in which they are printed.
const EVENT_LETTERS: &[(u8, u16)] = &[
    (b'g', KeyspaceEvents::GENERIC),
    (b'$', KeyspaceEvents::STRING),
    (b'l', KeyspaceEvents::LIST),
    (b's', KeyspaceEvents::SET),
    (b'h', KeyspaceEvents::HASH),
    (b'z', KeyspaceEvents::ZSET),
    (b'x', KeyspaceEvents::EXPIRED),
    (b'e', KeyspaceEvents::EVICTED),
    (b't', KeyspaceEvents::STREAM),
    (b'd', KeyspaceEvents::MODULE),
    (b'n', KeyspaceEvents::NEW),
    (b'K', KeyspaceEvents::KEYSPACE),
    (b'E', KeyspaceEvents::KEYEVENT),
    (b'm', KeyspaceEvents::KEY_MISS),
];

impl KeyspaceEvents {
    /// Whether any of `bits` is switched on.
    #[inline]
    pub const fn has(self, bits: u16) -> bool {
        self.0 & bits != 0
    }
}

impl Field for KeyspaceEvents {
    fn parse(&self, _: &Kind, args: &[&[u8]]) -> Result<Self, Reason> {
        let [letters] = args else {
            return Err("wrong number of arguments".into());
        };
        let mut bits = 0;
        for letter in *letters {
            bits |= match EVENT_LETTERS.iter().find(|(l, _)| l == letter) {
                Some((_, bit)) => *bit,
                None if *letter == b'A' => Self::ALL,
                None => {
                    return Err("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".into());
                }
            };
        }
        Ok(Self(bits))
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        let mut letters = Vec::new();
        let all = self.0 & Self::ALL == Self::ALL;
        if all {
            letters.push(b'A');
        }
        for (letter, bit) in EVENT_LETTERS {
            // `A` hides `n` too: so prints Valkey.
            let hidden = all && bit & (Self::ALL | Self::NEW) != 0;
            if self.has(*bit) && !hidden {
                letters.push(*letter);
            }
        }
        letters
    }
}

/// `shutdown-on-sigint`, `shutdown-on-sigterm`: what SHUTDOWN's words would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownFlags {
    /// Write a snapshot even without save points.
    pub save: bool,
    /// Write none even with save points.
    pub nosave: bool,
    /// Do not wait for replicas.
    pub now: bool,
    /// Ignore errors that would otherwise prevent it.
    pub force: bool,
    /// Refuse if data would be lost.
    pub safe: bool,
    /// Hand over to a replica.
    pub failover: bool,
}

impl ShutdownFlags {
    /// The words, in the order in which they are printed.
    pub const NAMES: &'static [&'static str] = &[
        "default", "save", "nosave", "now", "force", "safe", "failover",
    ];
}

impl Field for ShutdownFlags {
    fn parse(&self, _: &Kind, args: &[&[u8]]) -> Result<Self, Reason> {
        let mut flags = Self::default();
        if args.is_empty() {
            return Err(not_one_of(Self::NAMES));
        }
        for arg in args {
            match arg.to_ascii_lowercase().as_slice() {
                b"default" => {}
                b"save" => flags.save = true,
                b"nosave" => flags.nosave = true,
                b"now" => flags.now = true,
                b"force" => flags.force = true,
                b"safe" => flags.safe = true,
                b"failover" => flags.failover = true,
                _ => return Err(not_one_of(Self::NAMES)),
            }
        }
        if flags.save && flags.nosave {
            return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
        }
        Ok(flags)
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        let set = [
            self.save,
            self.nosave,
            self.now,
            self.force,
            self.safe,
            self.failover,
        ];
        let words = set.iter().zip(&Self::NAMES[1..]).filter(|(on, _)| **on);
        let text = join(words.map(|(_, name)| (*name).to_owned()));
        if text.is_empty() {
            b"default".to_vec()
        } else {
            text
        }
    }
}

/// `maxmemory-clients`: what all clients together may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientsMemory {
    /// A number of bytes; 0 is no limit.
    Bytes(u64),
    /// A share of `maxmemory`.
    Percent(u8),
}

impl Default for ClientsMemory {
    fn default() -> Self {
        Self::Bytes(0)
    }
}

impl ClientsMemory {
    /// The limit in bytes under a given `maxmemory`; 0 is no limit.
    pub const fn limit_bytes(self, maxmemory: u64) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Percent(percent) => maxmemory / 100 * percent as u64,
        }
    }
}

impl Field for ClientsMemory {
    fn parse(&self, _: &Kind, args: &[&[u8]]) -> Result<Self, Reason> {
        let [arg] = args else {
            return Err("wrong number of arguments".into());
        };
        if let Some(bytes) = memory(arg) {
            return if bytes <= i64::MAX as u64 {
                Ok(Self::Bytes(bytes))
            } else {
                Err(Reason::from(format!(
                    "argument must be between -100 and {} inclusive",
                    i64::MAX
                )))
            };
        }
        let percent = arg.strip_suffix(b"%").and_then(number).filter(|p| *p >= 0);
        match percent {
            Some(0) => Ok(Self::Bytes(0)),
            Some(percent @ 1..=100) => Ok(Self::Percent(percent as u8)),
            Some(_) => Err("percentage argument must be less or equal to 100".into()),
            None => Err("argument must be a memory or percent value".into()),
        }
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.to_string().into_bytes(),
            Self::Percent(percent) => format!("{percent}%").into_bytes(),
        }
    }
}

/// The addresses of `bind`; a leading `-` means that it may fail.
pub const BIND_ADDRESSES_MAX: usize = 16;

impl Field for Vec<String> {
    fn parse(&self, _: &Kind, args: &[&[u8]]) -> Result<Self, Reason> {
        if args.len() > BIND_ADDRESSES_MAX {
            return Err("Too many bind addresses specified.".into());
        }
        if matches!(args, [b""]) {
            return Ok(Vec::new());
        }
        args.iter().map(|arg| text(arg)).collect()
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        self.join(" ").into_bytes()
    }
}

/// Words whose meaning others know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

impl Field for Words {
    fn parse(&self, _: &Kind, args: &[&[u8]]) -> Result<Self, Reason> {
        let words = args.iter().filter(|word| !word.is_empty());
        Ok(Words(
            words.map(|word| text(word)).collect::<Result<_, _>>()?,
        ))
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        self.0.join(" ").into_bytes()
    }
}

/// `replicaof host port` or `replicaof no one`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplicaOf(pub Option<(String, u16)>);

impl Field for ReplicaOf {
    fn parse(&self, _: &Kind, args: &[&[u8]]) -> Result<Self, Reason> {
        let (host, port) = match args {
            [b""] => return Ok(Self(None)),
            [host, port] => (host, port),
            _ => return Err("wrong number of arguments".into()),
        };
        if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
            return Ok(Self(None));
        }
        let port = number(port).and_then(|port| u16::try_from(port).ok());
        Ok(Self(Some((
            text(host)?,
            port.ok_or("Invalid primary port")?,
        ))))
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        self.0
            .iter()
            .map(|(host, port)| format!("{host} {port}"))
            .collect::<String>()
            .into_bytes()
    }
}

/// A word of a fixed list that nothing in kvd acts upon; it is only checked, kept and printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Word(&'static str);

impl Field for Word {
    fn parse(&self, kind: &Kind, args: &[&[u8]]) -> Result<Self, Reason> {
        let Kind::Choice(names) = kind else {
            return Err("not a choice".into());
        };
        let [arg] = args else {
            return Err(not_one_of(names));
        };
        let name = names
            .iter()
            .find(|name| name.as_bytes().eq_ignore_ascii_case(arg));
        name.map(|name| Word(name)).ok_or_else(|| not_one_of(names))
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        self.0.as_bytes().to_vec()
    }
}

/// A decimal number as C's strtoll takes it whole: a sign and leading zeros are allowed.
fn plain_decimal(arg: &[u8]) -> Option<i64> {
    std::str::from_utf8(arg).ok()?.parse().ok()
}

fn join(words: impl Iterator<Item = String>) -> Vec<u8> {
    words.collect::<Vec<_>>().join(" ").into_bytes()
}
