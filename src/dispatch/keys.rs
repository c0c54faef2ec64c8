//! Where the keys of a command are: key specs as data, and what finds the keys of a request.
//!
//! What is found here decides what ACLs check and clients track, so that an argument may count as
//! a key although the handler will refuse the request, but never the other way round. Nothing
//! here answers a client or knows what a key holds.
//!
//! Limits: SORT's BY and GET patterns name keys only through the values sorted. They are not
//! found; SORT asks for the right to read every key instead.

mod patterns;
mod search;

use smallvec::SmallVec;

pub use self::patterns::*;

use crate::dispatch::table::{Command, NO_MANDATORY_KEYS};
use crate::resp::args::Args;
use crate::resp::number::parse_i64;

/// Where the keys and channels of a command are.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    /// As COMMAND INFO shows them.
    pub specs: &'static [KeySpec],
    /// What finds the keys where the specs are not enough.
    pub search: Search,
    /// The channels among the arguments.
    pub channels: Option<Channels>,
}

/// One way to find keys.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// What the command does with these keys.
    pub flags: KeyFlags,
    /// Where they begin.
    pub begin: Begin,
    /// Which they are, from there.
    pub find: Find,
    /// A remark for readers; empty: none.
    pub notes: &'static str,
}

/// Where keys begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Begin {
    /// At this argument.
    Index(i16),
    /// After a keyword, searched forwards from an argument or (negative) backwards from the end.
    Keyword {
        /// In upper case.
        word: &'static str,
        /// The first argument looked at.
        start_from: i16,
    },
    /// Nowhere a spec could say.
    Unknown,
}

/// Which arguments are keys, counted from where they begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Find {
    /// Every `step`th argument up to the last.
    Range {
        /// Counted from the first key or (negative) from the end of the arguments.
        last_key: i16,
        /// The distance from key to key.
        step: i16,
        /// With a last key of -1: keys are only the first half (2), third (3) ... of the rest.
        limit: i16,
    },
    /// As many as an argument says.
    Keynum {
        /// Which argument says how many.
        keynum_index: i16,
        /// The first key.
        first_key: i16,
        /// The distance from key to key.
        step: i16,
    },
    /// Nothing a spec could say.
    Unknown,
}

/// How the keys are found where specs alone do not do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Search {
    /// By the specs.
    Specs,
    /// SET: the flags depend on GET.
    Set,
    /// BITFIELD: the flags depend on the operations.
    BitField,
    /// SORT: the last STORE counts.
    Sort,
    /// SORT_RO: the first spec alone.
    SortRo,
    /// MIGRATE: one key, or those after KEYS.
    Migrate,
    /// GEORADIUS and GEORADIUSBYMEMBER: the last STORE or STOREDIST counts.
    GeoRadius,
    /// XREAD and XREADGROUP: half of what follows the STREAMS that is an option.
    XRead,
}

/// The channels among the arguments of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Channels {
    /// What the command does with them.
    pub access: ChannelAccess,
    /// The first channel.
    pub first: u8,
    /// How many follow one another; 0: up to the last argument.
    pub count: u8,
    /// Whether they are patterns.
    pub pattern: bool,
}

/// What a command does with channels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChannelAccess {
    /// Publishes.
    Publish,
    /// Subscribes.
    Subscribe,
    /// Unsubscribes, which everybody may.
    Unsubscribe,
}

/// What a command does with a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyFlags(u16);

impl KeyFlags {
    /// The flags of both.
    pub const fn or(self, other: KeyFlags) -> KeyFlags {
        KeyFlags(self.0 | other.0)
    }

    /// Whether every flag of `other` is here.
    #[inline]
    pub const fn contains(self, other: KeyFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any flag of `other` is here.
    #[inline]
    pub const fn intersects(self, other: KeyFlags) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether a user needs the right to read the key.
    #[inline]
    pub const fn reads(self) -> bool {
        self.contains(ACCESS)
    }

    /// Whether a user needs the right to write the key.
    #[inline]
    pub const fn writes(self) -> bool {
        self.intersects(INSERT.or(DELETE).or(UPDATE))
    }

    /// The names in Redis's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> + Clone {
        KEY_FLAG_NAMES
            .iter()
            .filter(move |(flag, _)| self.contains(*flag))
            .map(|&(_, name)| name)
    }
}

/// The value is read, though perhaps not returned.
pub const RO: KeyFlags = KeyFlags(1);
/// The value is changed.
pub const RW: KeyFlags = KeyFlags(1 << 1);
/// The value is replaced without being looked at.
pub const OW: KeyFlags = KeyFlags(1 << 2);
/// The key is deleted.
pub const RM: KeyFlags = KeyFlags(1 << 3);
/// What users stored is returned, copied or made use of.
pub const ACCESS: KeyFlags = KeyFlags(1 << 4);
/// Data is changed, perhaps depending on what it was.
pub const UPDATE: KeyFlags = KeyFlags(1 << 5);
/// Data is added, none is changed or deleted.
pub const INSERT: KeyFlags = KeyFlags(1 << 6);
/// Data is deleted.
pub const DELETE: KeyFlags = KeyFlags(1 << 7);
/// No key, but routed in a cluster as if it were.
pub const NOT_KEY: KeyFlags = KeyFlags(1 << 8);
/// The spec may miss keys.
pub const INCOMPLETE: KeyFlags = KeyFlags(1 << 9);
/// Other arguments decide which flags hold.
pub const VARIABLE_FLAGS: KeyFlags = KeyFlags(1 << 10);

const KEY_FLAG_NAMES: &[(KeyFlags, &str)] = &[
    (RO, "RO"),
    (RW, "RW"),
    (OW, "OW"),
    (RM, "RM"),
    (ACCESS, "access"),
    (UPDATE, "update"),
    (INSERT, "insert"),
    (DELETE, "delete"),
    (NOT_KEY, "not_key"),
    (INCOMPLETE, "incomplete"),
    (VARIABLE_FLAGS, "variable_flags"),
];

/// A key among the arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyRef {
    /// Which argument, the command's name being 0.
    pub index: u32,
    /// What the command does with it.
    pub flags: KeyFlags,
}

/// The keys of one request. Seldom more than a few: no allocation then.
pub type KeyRefs = SmallVec<[KeyRef; 8]>;

/// Why COMMAND GETKEYS finds no keys. Each prints as its error text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeysError {
    /// The command never has any.
    NoKeys,
    /// Too few or too many arguments.
    Arity,
    /// The arguments make no sense to it.
    Arguments,
}

impl KeysError {
    /// The text after `ERR `.
    pub const fn text(self) -> &'static str {
        match self {
            KeysError::NoKeys => "The command has no key arguments",
            KeysError::Arity => "Invalid number of arguments specified for command",
            KeysError::Arguments => "Invalid arguments specified for command",
        }
    }
}

/// The keys of `args` as COMMAND GETKEYS answers.
pub fn keys(command: &Command, args: Args<'_>, found: &mut KeyRefs) -> Result<(), KeysError> {
    if !command.keys.any() {
        return Err(KeysError::NoKeys);
    }
    if !command.takes(args.len()) {
        return Err(KeysError::Arity);
    }
    command.keys.extract(args, found);
    if found.is_empty() && !command.flags.contains(NO_MANDATORY_KEYS) {
        return Err(KeysError::Arguments);
    }
    Ok(())
}

/// The first key and the last, and the distance from key to key: what COMMAND INFO tells clients
/// that know no key specs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LegacyRange {
    /// 0: no keys.
    pub first: i16,
    /// Negative: counted from the end.
    pub last: i16,
    /// Seldom anything but 1.
    pub step: i16,
    /// Whether keys are elsewhere, too.
    pub movable: bool,
}

impl Keys {
    /// No keys and no channels.
    pub const NONE: Keys = Keys {
        specs: &[],
        search: Search::Specs,
        channels: None,
    };

    /// Keys found by these specs.
    pub const fn of(specs: &'static [KeySpec]) -> Keys {
        Keys {
            specs,
            search: Search::Specs,
            channels: None,
        }
    }

    /// Keys shown as these specs, but found otherwise.
    pub const fn by(search: Search, specs: &'static [KeySpec]) -> Keys {
        Keys {
            specs,
            search,
            channels: None,
        }
    }

    /// These keys and `count` channels (0: all that follow) from argument `first` on.
    const fn with_channels(self, access: ChannelAccess, first: u8, count: u8) -> Keys {
        let channels = Some(Channels {
            access,
            first,
            count,
            pattern: false,
        });
        Keys {
            specs: self.specs,
            search: self.search,
            channels,
        }
    }

    const fn with_patterns(self, access: ChannelAccess) -> Keys {
        let channels = Some(Channels {
            access,
            first: 1,
            count: 0,
            pattern: true,
        });
        Keys {
            specs: self.specs,
            search: self.search,
            channels,
        }
    }

    /// Whether the command may have keys.
    #[inline]
    pub fn any(&self) -> bool {
        self.specs.iter().any(|spec| !spec.flags.contains(NOT_KEY))
    }

    /// Where the keys of the first spec lie, of a command where they begin at a fixed place: from
    /// the first, up to the second, every so many.
    #[inline]
    pub fn first_range(&self, args: Args<'_>) -> (usize, usize, usize) {
        let count = args.len();
        let Some(KeySpec {
            begin: Begin::Index(first),
            find,
            ..
        }) = self.specs.first()
        else {
            return (0, 0, 1);
        };
        let (last_key, step) = match find {
            Find::Range { last_key, step, .. } => (last_key, step),
            Find::Keynum {
                keynum_index,
                first_key,
                step,
            } => {
                let place = |offset: &i16| usize::try_from(first + offset).unwrap_or(0);
                let (from, step) = (place(first_key), (*step as usize).max(1));
                let keys = parse_i64(args.at(place(keynum_index))).unwrap_or(0);
                let keys = usize::try_from(keys).unwrap_or(0);
                let end = from.saturating_add(keys.saturating_mul(step));
                return (from, end.min(count), step);
            }
            Find::Unknown => return (0, 0, 1),
        };
        let from = if *last_key >= 0 {
            *first as isize
        } else {
            count as isize
        };
        let end = usize::try_from(from + *last_key as isize + 1).unwrap_or(0);
        (*first as usize, end.min(count), (*step as usize).max(1))
    }

    /// Where its only key is, of a command that never has another one.
    #[inline]
    pub fn only(&self) -> Option<usize> {
        match self.specs {
            [
                KeySpec {
                    begin: Begin::Index(at),
                    find: Find::Range { last_key: 0, .. },
                    flags,
                    ..
                },
            ] if !flags.contains(NOT_KEY) => usize::try_from(*at).ok(),
            _ => None,
        }
    }

    /// Appends every key among `args` to `found`; none when the arguments make no sense. The
    /// number of arguments is one the command takes.
    pub fn extract(&self, args: Args<'_>, found: &mut KeyRefs) {
        search::extract(self, args, found);
    }

    /// The keys as one range. Specs that are no plain ranges in a row are left out of it and make
    /// the keys movable.
    pub fn legacy_range(&self) -> LegacyRange {
        if let [spec] = self.specs
            && let (Begin::Index(first), Find::Range { last_key, step, .. }) =
                (spec.begin, spec.find)
        {
            let last = if last_key >= 0 {
                first + last_key
            } else {
                last_key
            };
            let movable = spec.flags.contains(INCOMPLETE);
            return LegacyRange {
                first,
                last,
                step,
                movable,
            };
        }
        let mut range = LegacyRange::default();
        for spec in self.specs {
            let (
                Begin::Index(first),
                Find::Range {
                    last_key, step: 1, ..
                },
            ) = (spec.begin, spec.find)
            else {
                range.movable = true;
                continue;
            };
            if range.first != 0 && range.last != first - 1 {
                range.movable = true;
                continue;
            }
            range.movable |= spec.flags.contains(INCOMPLETE);
            range.last = if last_key >= 0 {
                first + last_key
            } else {
                last_key
            };
            if range.first == 0 {
                (range.first, range.step) = (first, 1);
            }
        }
        range
    }
}

impl KeySpec {
    const fn noting(self, notes: &'static str) -> KeySpec {
        KeySpec {
            flags: self.flags,
            begin: self.begin,
            find: self.find,
            notes,
        }
    }
}

#[cfg(test)]
mod tests;
