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

/// An expiry option as the client wrote it. Its number is read only when all options are known to
/// fit together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpiryOption<'a> {
    /// None was given.
    #[default]
    Unsaid,
    /// KEEPTTL.
    Keep,
    /// PERSIST.
    Persist,
    /// A unit and its number.
    In(Unit, &'a [u8]),
}

impl<'a> ExpiryOption<'a> {
    /// Takes the option `word`, with `next` behind it, beside a command's only `keyword`
    /// ([`ExpiryOption::Keep`] or [`ExpiryOption::Persist`]). Returns how many arguments it took;
    /// `None` if it is none or contradicts one before it. The same one again counts.
    pub fn accept(
        &mut self,
        word: &[u8],
        next: Option<&'a [u8]>,
        keyword: ExpiryOption<'a>,
    ) -> Option<usize> {
        let name: &[u8] = match keyword {
            ExpiryOption::Keep => b"keepttl",
            _ => b"persist",
        };
        if word.eq_ignore_ascii_case(name) {
            let fits = *self == ExpiryOption::Unsaid || *self == keyword;
            *self = keyword;
            return fits.then_some(1);
        }
        let (unit, value) = (Unit::parse(word)?, next?);
        let fits = match *self {
            ExpiryOption::Unsaid => true,
            ExpiryOption::In(before, _) => before == unit,
            _ => false,
        };
        *self = ExpiryOption::In(unit, value);
        fits.then_some(2)
    }

    /// What it comes to at `now_ms`, for the command `name`.
    ///
    /// # Errors
    /// As [`Unit::absolute_ms`].
    pub fn resolve(self, now_ms: i64, name: &str) -> Result<Expiry, CommandError> {
        Ok(match self {
            ExpiryOption::Unsaid => Expiry::Unsaid,
            ExpiryOption::Keep => Expiry::Keep,
            ExpiryOption::Persist => Expiry::Persist,
            ExpiryOption::In(unit, value) => Expiry::At(unit.absolute_ms(value, now_ms, name)?),
        })
    }
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
