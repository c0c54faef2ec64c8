//! The keys of every command, as named constants for the rows of the table: data only.

use crate::dispatch::keys::*;

/// The key at one place.
const fn at(flags: KeyFlags, index: i16) -> KeySpec {
    range(flags, index, 0, 1)
}

/// Every key from one place to the end.
const fn rest(flags: KeyFlags, index: i16) -> KeySpec {
    range(flags, index, -1, 1)
}

/// Every `step`th argument from one place to another.
const fn range(flags: KeyFlags, index: i16, last_key: i16, step: i16) -> KeySpec {
    let find = Find::Range {
        last_key,
        step,
        limit: 0,
    };
    KeySpec {
        flags,
        begin: Begin::Index(index),
        find,
        notes: "",
    }
}

/// A count at one place, the keys after it.
const fn counted(flags: KeyFlags, index: i16) -> KeySpec {
    let find = Find::Keynum {
        keynum_index: 0,
        first_key: 1,
        step: 1,
    };
    KeySpec {
        flags,
        begin: Begin::Index(index),
        find,
        notes: "",
    }
}

/// The key after a keyword.
const fn after(flags: KeyFlags, word: &'static str, start_from: i16) -> KeySpec {
    behind(flags, word, start_from, (0, 0))
}

/// The first half of what follows a keyword.
const fn half_after(flags: KeyFlags, word: &'static str, start_from: i16) -> KeySpec {
    behind(flags, word, start_from, (-1, 2))
}

/// Everything after a keyword.
const fn rest_after(flags: KeyFlags, word: &'static str, start_from: i16) -> KeySpec {
    behind(flags, word, start_from, (-1, 0))
}

/// What follows a keyword, up to a last key and with a limit.
const fn behind(
    flags: KeyFlags,
    word: &'static str,
    start_from: i16,
    (last_key, limit): (i16, i16),
) -> KeySpec {
    let find = Find::Range {
        last_key,
        step: 1,
        limit,
    };
    KeySpec {
        flags,
        begin: Begin::Keyword { word, start_from },
        find,
        notes: "",
    }
}

const fn unknown(flags: KeyFlags, notes: &'static str) -> KeySpec {
    KeySpec {
        flags,
        begin: Begin::Unknown,
        find: Find::Unknown,
        notes,
    }
}

// What follows is named by what is done with the keys and by where they are: a number is the
// place of one key, `ALL` is every argument from the first on, `NUM_1` a count there and the keys
// after it.

pub(super) const READ_KEY: KeyFlags = RO.or(ACCESS);
pub(super) const POP: KeyFlags = RW.or(ACCESS).or(DELETE);
pub(super) const FULL: KeyFlags = RW.or(ACCESS).or(UPDATE);
pub(super) const STORE: KeyFlags = OW.or(UPDATE);

/// No keys.
pub const NO_KEYS: Keys = Keys::NONE;
/// One key, read for what is not the users' data: its type, its length, its time to live.
pub const RO_1: Keys = Keys::of(&[at(RO, 1)]);
/// As [`RO_1`], one place further.
pub const RO_2: Keys = Keys::of(&[at(RO, 2)]);
/// As [`RO_1`], every argument.
pub const RO_ALL: Keys = Keys::of(&[rest(RO, 1)]);
/// One key, read.
pub const RO_ACCESS_1: Keys = Keys::of(&[at(READ_KEY, 1)]);
/// One key, read, one place further.
pub const RO_ACCESS_2: Keys = Keys::of(&[at(READ_KEY, 2)]);
/// Two keys, read.
pub const RO_ACCESS_1_2: Keys = Keys::of(&[range(READ_KEY, 1, 1, 1)]);
/// Every argument is a key, read.
pub const RO_ACCESS_ALL: Keys = Keys::of(&[rest(READ_KEY, 1)]);
/// A count and keys, read.
pub const RO_ACCESS_NUM_1: Keys = Keys::of(&[counted(READ_KEY, 1)]);
/// One key, read and perhaps encoded anew.
pub const RW_ACCESS_2: Keys = Keys::of(&[at(RW.or(ACCESS), 2)]);
/// One key, changed.
pub const RW_UPDATE_1: Keys = Keys::of(&[at(RW.or(UPDATE), 1)]);
/// One key, changed, one place further.
pub const RW_UPDATE_2: Keys = Keys::of(&[at(RW.or(UPDATE), 2)]);
/// One key, changed, and something of it returned.
pub const RW_ACCESS_UPDATE_1: Keys = Keys::of(&[at(FULL, 1)]);
/// One key, changed and deleted from.
pub const RW_UPDATE_DELETE_1: Keys = Keys::of(&[at(RW.or(UPDATE).or(DELETE), 1)]);
/// One key, added to.
pub const RW_INSERT_1: Keys = Keys::of(&[at(RW.or(INSERT), 1)]);
/// One key, added to, one place further.
pub const RW_INSERT_2: Keys = Keys::of(&[at(RW.or(INSERT), 2)]);
/// One key, deleted from.
pub const RW_DELETE_1: Keys = Keys::of(&[at(RW.or(DELETE), 1)]);
/// One key, deleted from, one place further.
pub const RW_DELETE_2: Keys = Keys::of(&[at(RW.or(DELETE), 2)]);
/// One key, popped from.
pub const RW_ACCESS_DELETE_1: Keys = Keys::of(&[at(POP, 1)]);
/// Every argument but the last is a key, popped from.
pub const RW_ACCESS_DELETE_BUT_LAST: Keys = Keys::of(&[range(POP, 1, -2, 1)]);
/// A count and keys, popped from.
pub const RW_ACCESS_DELETE_NUM_1: Keys = Keys::of(&[counted(POP, 1)]);
/// A count and keys, popped from, one place further.
pub const RW_ACCESS_DELETE_NUM_2: Keys = Keys::of(&[counted(POP, 2)]);
/// One key, popped from, and one, added to.
pub const RW_POP_1_INSERT_2: Keys = Keys::of(&[at(POP, 1), at(RW.or(INSERT), 2)]);
/// One key, replaced.
pub const OW_UPDATE_1: Keys = Keys::of(&[at(STORE, 1)]);
/// One key, set where it was not.
pub const OW_INSERT_1: Keys = Keys::of(&[at(OW.or(INSERT), 1)]);
/// Keys and values in turn, replaced.
pub const OW_UPDATE_PAIRS: Keys = Keys::of(&[range(STORE, 1, -1, 2)]);
/// Keys and values in turn, set where they were not.
pub const OW_INSERT_PAIRS: Keys = Keys::of(&[range(OW.or(INSERT), 1, -1, 2)]);
/// A count, then keys and values in turn, replaced.
pub const OW_UPDATE_NUM_PAIRS: Keys = Keys::of(&[KeySpec {
    flags: STORE,
    begin: Begin::Index(1),
    find: Find::Keynum {
        keynum_index: 0,
        first_key: 1,
        step: 2,
    },
    notes: "",
}]);
/// One key, replaced by what is read from the next.
pub const OW_1_FROM_2: Keys = Keys::of(&[at(STORE, 1), at(READ_KEY, 2)]);
/// One key, replaced by what is read from all others.
pub const OW_1_FROM_REST: Keys = Keys::of(&[at(STORE, 1), rest(READ_KEY, 2)]);
/// One key, replaced by what is read from a count of others.
pub const OW_1_FROM_NUM: Keys = Keys::of(&[at(STORE, 1), counted(READ_KEY, 2)]);
/// One key, deleted.
pub const RM_DELETE_1: Keys = Keys::of(&[at(RM.or(DELETE), 1)]);
/// Every argument is a key, deleted.
pub const RM_DELETE_ALL: Keys = Keys::of(&[rest(RM.or(DELETE), 1)]);

/// BITFIELD.
pub const BITFIELD_KEYS: Keys = Keys::by(
    Search::BitField,
    &[at(FULL.or(VARIABLE_FLAGS), 1).noting("Only GET reads; SET and INCRBY write.")],
);
/// BITOP.
pub const BITOP_KEYS: Keys = Keys::of(&[at(STORE, 2), rest(READ_KEY, 3)]);
/// COPY.
pub const COPY_KEYS: Keys = Keys::of(&[at(READ_KEY, 1), at(STORE, 2)]);
/// EVAL, FCALL.
pub const SCRIPT_KEYS: Keys =
    Keys::of(&[counted(FULL, 2).noting("What a script does with a key is unknown: the most.")]);
/// EVAL_RO, FCALL_RO.
pub const SCRIPT_RO_KEYS: Keys =
    Keys::of(&[counted(READ_KEY, 2).noting("What a script reads of a key is unknown: the most.")]);
/// GEORADIUS.
pub const GEORADIUS_KEYS: Keys = Keys::by(
    Search::GeoRadius,
    &[
        at(READ_KEY, 1),
        after(STORE.or(VARIABLE_FLAGS), "STORE", 6),
        after(STORE.or(VARIABLE_FLAGS), "STOREDIST", 6),
    ],
);
/// GEORADIUSBYMEMBER.
pub const GEORADIUSBYMEMBER_KEYS: Keys = Keys::by(
    Search::GeoRadius,
    &[
        at(READ_KEY, 1),
        after(STORE.or(VARIABLE_FLAGS), "STORE", 5),
        after(STORE.or(VARIABLE_FLAGS), "STOREDIST", 5),
    ],
);
/// GETEX.
pub const GETEX_KEYS: Keys =
    Keys::of(&[at(FULL, 1).noting("A write, since it may change the time to live.")]);
/// MIGRATE.
pub const MIGRATE_KEYS: Keys = Keys::by(
    Search::Migrate,
    &[at(POP, 3), rest_after(POP.or(INCOMPLETE), "KEYS", -2)],
);
/// PFCOUNT.
pub const PFCOUNT_KEYS: Keys =
    Keys::of(&[rest(RW.or(ACCESS), 1)
        .noting("A write, since the cached count may be stored and propagated.")]);
/// PFMERGE.
pub const PFMERGE_KEYS: Keys = Keys::of(&[at(RW.or(ACCESS).or(INSERT), 1), rest(READ_KEY, 2)]);
/// RENAME.
pub const RENAME_KEYS: Keys = Keys::of(&[at(POP, 1), at(STORE, 2)]);
/// RENAMENX.
pub const RENAMENX_KEYS: Keys = Keys::of(&[at(POP, 1), at(OW.or(INSERT), 2)]);
/// SET.
pub const SET_KEYS: Keys = Keys::by(
    Search::Set,
    &[at(FULL.or(VARIABLE_FLAGS), 1).noting("Read only where GET asks for the old value.")],
);
/// SORT.
pub const SORT_KEYS: Keys = Keys::by(
    Search::Sort,
    &[
        at(READ_KEY, 1),
        unknown(READ_KEY, "BY and GET name keys by way of what is sorted."),
        unknown(STORE, "STORE may be anywhere among the options."),
    ],
);
/// SORT_RO.
pub const SORT_RO_KEYS: Keys = Keys::by(
    Search::SortRo,
    &[
        at(READ_KEY, 1),
        unknown(READ_KEY, "BY and GET name keys by way of what is sorted."),
    ],
);
/// XADD.
pub const XADD_KEYS: Keys =
    Keys::of(&[at(RW.or(UPDATE), 1).noting("No mere insert, since it may trim.")]);
/// XREAD.
pub const XREAD_KEYS: Keys = Keys::by(Search::XRead, &[half_after(READ_KEY, "STREAMS", 1)]);
/// XREADGROUP.
pub const XREADGROUP_KEYS: Keys = Keys::by(Search::XRead, &[half_after(READ_KEY, "STREAMS", 4)]);

/// PUBLISH.
pub const PUBLISH_CHANNEL: Keys = Keys::NONE.with_channels(ChannelAccess::Publish, 1, 1);
/// SUBSCRIBE.
pub const SUBSCRIBE_CHANNELS: Keys = Keys::NONE.with_channels(ChannelAccess::Subscribe, 1, 0);
/// UNSUBSCRIBE.
pub const UNSUBSCRIBE_CHANNELS: Keys = Keys::NONE.with_channels(ChannelAccess::Unsubscribe, 1, 0);
/// PSUBSCRIBE.
pub const PSUBSCRIBE_CHANNELS: Keys = Keys::NONE.with_patterns(ChannelAccess::Subscribe);
/// PUNSUBSCRIBE.
pub const PUNSUBSCRIBE_CHANNELS: Keys = Keys::NONE.with_patterns(ChannelAccess::Unsubscribe);
/// SPUBLISH.
pub const SPUBLISH_CHANNEL: Keys =
    Keys::of(&[at(NOT_KEY, 1)]).with_channels(ChannelAccess::Publish, 1, 1);
/// SSUBSCRIBE.
pub const SSUBSCRIBE_CHANNELS: Keys =
    Keys::of(&[rest(NOT_KEY, 1)]).with_channels(ChannelAccess::Subscribe, 1, 0);
/// SUNSUBSCRIBE.
pub const SUNSUBSCRIBE_CHANNELS: Keys =
    Keys::of(&[rest(NOT_KEY, 1)]).with_channels(ChannelAccess::Unsubscribe, 1, 0);
