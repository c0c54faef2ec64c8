//! The expiry options that SET, GETEX, MSETEX, HSETEX and their like share.

use crate::engine::error::CommandError;
use crate::resp::number::parse_i64;

/// What becomes of a key's expiry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiry {
    /// Nothing was said: SET drops it, GETEX keeps it.
    #[default]
    Unsaid,
    /// KEEPTTL.
    Keep,
    /// PERSIST.
    Persist,
    /// It ends at this time, Unix milliseconds.
    At(i64),
}

/// The unit and base of an expiry argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// EX.
    Seconds,
    /// PX.
    Milliseconds,
    /// EXAT.
    UnixSeconds,
    /// PXAT.
    UnixMilliseconds,
}

impl Unit {
    /// The unit an option names, case-insensitively.
    pub fn parse(option: &[u8]) -> Option<Unit> {
        let units = [
            (&b"ex"[..], Unit::Seconds),
            (b"px", Unit::Milliseconds),
            (b"exat", Unit::UnixSeconds),
            (b"pxat", Unit::UnixMilliseconds),
        ];
        units
            .iter()
            .find(|(name, _)| option.eq_ignore_ascii_case(name))
            .map(|(_, unit)| *unit)
    }

    /// The absolute time of an expiry argument, Unix milliseconds.
    ///
    /// # Errors
    /// Not an integer; or not positive or beyond what fits: `invalid expire time in 'name'`.
    pub fn absolute_ms(
        self,
        argument: &[u8],
        now_ms: i64,
        name: &str,
    ) -> Result<i64, CommandError> {
        let value = parse_i64(argument).ok_or(CommandError::NOT_INTEGER)?;
        if value <= 0 {
            return Err(CommandError::invalid_expire(name));
        }
        self.to_unix_ms(value, now_ms)
            .ok_or_else(|| CommandError::invalid_expire(name))
    }

    /// `value` of this unit as Unix milliseconds, unless it does not fit.
    pub fn to_unix_ms(self, value: i64, now_ms: i64) -> Option<i64> {
        match self {
            Unit::Seconds => value.checked_mul(1_000)?.checked_add(now_ms),
            Unit::Milliseconds => value.checked_add(now_ms),
            Unit::UnixSeconds => value.checked_mul(1_000),
            Unit::UnixMilliseconds => Some(value),
        }
    }
}
