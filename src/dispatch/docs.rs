//! What COMMAND DOCS and COMMAND INFO say of a command: the record of its documentation, the
//! grammar in which a record describes arguments, and the replies.
//!
//! Nothing here decides how a command behaves; the handlers parse arguments themselves.
//!
//! The arguments of a command are one line. Arguments stand apart by blanks, alternatives by bars:
//!
//! ```text
//! name <display> :type @key-spec =TOKEN * ^since ~deprecated-since       (without the blanks)
//! name(a|b)   one of several          name{a b}   a block of several
//! [...]       may be left out         *           may be repeated; **: with its token each time
//! ='...'      a token with other signs than capitals, digits, - and _
//! +name       taken by this server and not by Valkey 9.1.2, with which the rest agrees
//! ```
//!
//! The types are `str`, `int`, `double`, `key`, `pattern`, `time` and `token`. Without one, an
//! argument with a token is the token alone, one with a key spec is a key, any other a string.

mod args;
mod describe;

pub use self::args::{ArgKind, Argument, ParseError, parse};
pub use self::describe::{docs, info};

/// The documentation of one command. In the tables a record names its group and what differs from
/// it: `Doc { summary: "...", since: "1.0.0", complexity: "O(1)", args: "key@0", ..GROUP }`.
#[derive(Clone, Copy, Debug)]
pub struct Doc {
    /// One sentence of our own.
    pub summary: &'static str,
    /// The version of Redis (up to 7.2, and for what only Redis has) or Valkey that brought it.
    pub since: &'static str,
    /// Redis's name of the group.
    pub group: &'static str,
    /// The cost; empty: not said.
    pub complexity: &'static str,
    /// Hints to clients and proxies, such as `request_policy:all_shards`.
    pub tips: &'static [&'static str],
    /// The arguments in the grammar of this module.
    pub args: &'static str,
    /// Versions, and what each added.
    pub history: &'static [(&'static str, &'static str)],
    /// Used between servers and by tests of them.
    pub system: bool,
    /// The version that deprecated it, and what to use instead.
    pub deprecated: Option<(&'static str, &'static str)>,
}

impl Doc {
    /// A record of `group` that says nothing yet.
    pub const fn of(group: &'static str) -> Doc {
        Doc {
            summary: "",
            since: "",
            group,
            complexity: "",
            tips: &[],
            args: "",
            history: &[],
            system: false,
            deprecated: None,
        }
    }

    /// The arguments as a tree. A record whose line does not parse, which a test rules out, has
    /// none.
    pub fn arguments(&self) -> Vec<Argument> {
        parse(self.args).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
