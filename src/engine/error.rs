//! Every error line a command answers, in one place and to Redis's letter.
//!
//! A [`CommandError`] is one reply line without its leading `-` and its line end. A handler that
//! returns one has replied nothing: whatever it had written is taken back. Text a client sent is
//! cleaned of line breaks where the line is written (`Reply::error`), not here.

use std::borrow::Cow;

/// How much of a subcommand is repeated to the client that sent it.
const SUBCOMMAND_BYTES_SHOWN: usize = 128;

/// What a handler returns: `Err` is the one error line of its reply.
pub type CommandResult = Result<(), CommandError>;

/// One error reply: its first word is the code (`ERR`, `WRONGTYPE`, ...).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandError {
    line: Cow<'static, str>,
    is_counted: bool,
}

macro_rules! lines {
    ($($(#[$doc:meta])* $name:ident = $line:literal;)*) => {
        /// The fixed lines.
        impl CommandError {
            $($(#[$doc])* pub const $name: CommandError = CommandError::fixed($line);)*
        }
    };
}

lines! {
    /// The key holds another type.
    WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value";
    /// Options that do not fit together or are unknown.
    SYNTAX = "ERR syntax error";
    /// An argument or value that is no 64-bit integer.
    NOT_INTEGER = "ERR value is not an integer or out of range";
    /// An argument or value that is no number.
    NOT_FLOAT = "ERR value is not a valid float";
    /// The key must exist.
    NO_SUCH_KEY = "ERR no such key";
    /// An index outside a list.
    INDEX_RANGE = "ERR index out of range";
    /// A byte offset outside what a string may have.
    OFFSET_RANGE = "ERR offset is out of range";
    /// A number that must not be negative or too large.
    OUT_OF_RANGE = "ERR value is out of range";
    /// As [`CommandError::OUT_OF_RANGE`], for counts.
    MUST_BE_POSITIVE = "ERR value is out of range, must be positive";
    /// A number that has to fit in 32 bits.
    NOT_32_BITS =
        "ERR value is out of range, value must between -2147483648 and 2147483647";
    /// A number whose negative does not exist.
    NO_NEGATIVE = "ERR value is out of range, value must between -9223372036854775807 and \
9223372036854775807";
    /// INCR and its like beyond 64 bits.
    INCR_OVERFLOW = "ERR increment or decrement would overflow";
    /// INCRBYFLOAT and its like.
    INCR_NAN = "ERR increment would produce NaN or Infinity";
    /// The result of APPEND, SETRANGE, ... is too long.
    STRING_TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    /// A database number that does not exist.
    DB_RANGE = "ERR DB index is out of range";
    /// SCAN and its like.
    INVALID_CURSOR = "ERR invalid cursor";
    /// RESTORE without REPLACE of a key that exists.
    BUSY_KEY = "BUSYKEY Target key name already exists.";
    /// Two names for one thing where two are needed.
    SAME_OBJECT = "ERR source and destination objects are the same";
    /// A write refused because memory is full and nothing may be evicted.
    OOM = "OOM command not allowed when used memory > 'maxmemory'.";
    /// A command before AUTH.
    NO_AUTH = "NOAUTH Authentication required.";
    /// Wrong name or password.
    WRONG_PASS = "WRONGPASS invalid username-password pair or user is disabled.";
    /// Writes are refused because the last save failed.
    MISCONF_SAVE = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to \
persist to disk. Commands that may modify the data set are disabled, because this instance is \
configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error \
option). Please check the Redis logs for details about the RDB error.";
    /// `min-replicas-to-write` is not met.
    NO_REPLICAS = "NOREPLICAS Not enough good replicas to write.";
    /// Data is being loaded.
    LOADING = "LOADING Redis is loading the dataset in memory";
    /// A script runs for too long.
    BUSY = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
    /// A function runs for too long.
    BUSY_FUNCTION =
        "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";
    /// A transaction with a refused command in it.
    EXEC_ABORT = "EXECABORT Transaction discarded because of previous errors.";
    /// A timeout argument that is no number.
    TIMEOUT_NOT_FLOAT = "ERR timeout is not a float or out of range";
    /// A timeout argument below zero.
    TIMEOUT_NEGATIVE = "ERR timeout is negative";
    /// A timeout argument too far in the future.
    TIMEOUT_RANGE = "ERR timeout is out of range";
    /// Opposite infinities were added.
    SCORE_NAN = "ERR resulting score is not a number (NaN)";
    /// A score that is no number.
    MIN_MAX_NOT_FLOAT = "ERR min or max is not a float";
    /// A lexicographic bound without `[` or `(`.
    MIN_MAX_NOT_STRING = "ERR min or max not valid string range item";
    /// An id of a stream that is none.
    STREAM_ID = "ERR Invalid stream ID specified as stream command argument";
    /// A reply larger than may wait for the client, which is closed.
    OUTPUT_LIMIT = "ERR the reply is larger than client-output-buffer-limit";
    /// SORT BY without the right to read every key.
    SORT_BY_DENIED = "ERR BY option of SORT denied due to insufficient ACL permissions.";
    /// SORT GET without it.
    SORT_GET_DENIED = "ERR GET option of SORT denied due to insufficient ACL permissions.";
    /// Cluster commands on a server that is none.
    NO_CLUSTER = "ERR This instance has cluster support disabled";
}

impl CommandError {
    /// An error line made for the occasion; `line` begins with its code.
    #[cold]
    pub fn new(line: impl Into<String>) -> CommandError {
        CommandError {
            line: Cow::Owned(line.into()),
            is_counted: false,
        }
    }

    /// A fixed error line.
    pub const fn fixed(line: &'static str) -> CommandError {
        CommandError {
            line: Cow::Borrowed(line),
            is_counted: false,
        }
    }

    /// `ERR wrong number of arguments for 'name' command`; subcommands are named `parent|sub`.
    #[cold]
    pub fn wrong_arity(name: &str) -> CommandError {
        CommandError::new(format!(
            "ERR wrong number of arguments for '{name}' command"
        ))
    }

    /// A subcommand, as the client spelled it, with options it does not take.
    #[cold]
    pub fn subcommand_syntax(container: &str, subcommand: &[u8]) -> CommandError {
        let shown = &subcommand[..subcommand.len().min(SUBCOMMAND_BYTES_SHOWN)];
        let shown = String::from_utf8_lossy(shown);
        CommandError::new(format!(
            "ERR unknown subcommand or wrong number of arguments for '{shown}'. \
             Try {container} HELP."
        ))
    }

    /// `ERR invalid expire time in 'name' command`.
    #[cold]
    pub fn invalid_expire(name: &str) -> CommandError {
        CommandError::new(format!("ERR invalid expire time in '{name}' command"))
    }

    /// The line without `-` and line end.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The same error, for one that was counted before: the command that failed inside of a script
    /// counts, not the script once more.
    pub fn counted(mut self) -> CommandError {
        self.is_counted = true;
        self
    }

    /// Whether it was counted before.
    pub fn is_counted(&self) -> bool {
        self.is_counted
    }

    /// Whether access control says no.
    pub fn is_denial(&self) -> bool {
        let denials = [CommandError::SORT_BY_DENIED, CommandError::SORT_GET_DENIED];
        matches!(self.code(), "NOPERM" | "NOAUTH") || denials.contains(self)
    }

    /// The first word of the line.
    pub fn code(&self) -> &str {
        self.line.split(' ').next().unwrap_or("ERR")
    }
}
