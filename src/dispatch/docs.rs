//! What COMMAND DOCS says of a command, as data.

/// The documentation of one command. In the tables a record names its group and what differs from
/// it: `Doc { summary: "...", since: "1.0.0", complexity: "O(1)", args: "key@0", ..STRING }`.
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
    /// Versions, and what each changed.
    pub history: &'static [(&'static str, &'static str)],
    /// Used between servers only.
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
}
