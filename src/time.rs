//! Time as a value. Nothing in the core reads a clock: whoever drives it passes a [`Now`].

use std::fmt;

/// One reading of both clocks, taken once per turn of the event loop and after each slow command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Wall clock: milliseconds since the Unix epoch. May jump.
    pub unix_ms: i64,
    /// Microseconds beyond that.
    pub rest_us: u16,
    /// Monotonic clock: microseconds since an arbitrary start. Never goes back.
    pub mono_us: u64,
}

impl Now {
    /// A reading: the wall clock in microseconds since the Unix epoch, and the monotonic clock.
    pub fn new(unix_us: i64, mono_us: u64) -> Now {
        Now {
            unix_ms: unix_us.div_euclid(1_000),
            rest_us: unix_us.rem_euclid(1_000) as u16,
            mono_us,
        }
    }

    /// Wall clock: microseconds since the Unix epoch.
    pub fn unix_us(self) -> i64 {
        self.unix_ms * 1_000 + i64::from(self.rest_us)
    }
}

/// A wall-clock time in UTC, of which ISO 8601 is the text: `2026-11-22T22:48:30.597Z`.
#[derive(Clone, Copy, Debug)]
pub struct Utc {
    /// The year.
    pub year: i64,
    /// From 1 to 12.
    pub month: u32,
    /// From 1 to 31.
    pub day: u32,
    /// The time of the day.
    pub time: TimeOfDay,
}

/// A time of the day: `22:48:30.597`.
#[derive(Clone, Copy, Debug)]
pub struct TimeOfDay {
    ms: i64,
}

impl Utc {
    /// The time so many milliseconds after the Unix epoch.
    pub fn of(unix_ms: i64) -> Utc {
        let (year, month, day) = civil_from_days(unix_ms.div_euclid(DAY_MS));
        let ms = unix_ms.rem_euclid(DAY_MS);
        Utc {
            year,
            month,
            day,
            time: TimeOfDay { ms },
        }
    }
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day, time) = (self.year, self.month, self.day, self.time);
        write!(f, "{year:04}-{month:02}-{day:02}T{time}Z")
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:02}:{:02}:{:02}.{:03}",
            self.ms / 3_600_000,
            self.ms / 60_000 % 60,
            self.ms / 1000 % 60,
            self.ms % 1000
        )
    }
}

const DAY_MS: i64 = 86_400_000;

/// The date in UTC of a day since 1970-01-01, by counting in eras of 400 years from March on.
fn civil_from_days(days: i64) -> (i64, u32, u32) {
    const DAYS_PER_ERA: i64 = 146_097;
    // 0000-03-01 lies this many days before 1970-01-01.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(DAYS_PER_ERA);
    let day_of_era = shifted.rem_euclid(DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month as u32, day as u32)
}

/// Where times come from. The core holds one as a trait object: a real clock in the server, a
/// scripted one in tests.
pub trait Clock {
    /// Reads both clocks: one read of the hardware.
    fn now(&self) -> Now {
        self.at(self.mono_ns())
    }

    /// Both clocks at a time that [`Clock::mono_ns`] has just given.
    fn at(&self, mono_ns: u64) -> Now;

    /// Reads the monotonic clock in nanoseconds: the cheap read between two commands.
    fn mono_ns(&self) -> u64;

    /// The processor time that this thread has used, in microseconds. On a shared machine it tells
    /// a slice that was too long from one that was interrupted. Dearer than [`Clock::now`].
    fn thread_cpu_us(&self) -> u64;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (days, expected) in [
            (0, (1970, 1, 1)),
            (59, (1970, 3, 1)),
            (-1, (1969, 12, 31)),
            (11_016, (2000, 2, 29)),
            (19_782, (2024, 2, 29)),
            (20_779, (2026, 11, 22)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(civil_from_days(days), expected, "{days}");
        }
    }

    #[test]
    fn times_as_text() {
        let text = Utc::of(1_795_387_710_597).to_string();
        assert_eq!(text, "2026-11-22T22:48:30.597Z");
        assert_eq!(Utc::of(-1).to_string(), "1969-12-31T23:59:59.999Z");
    }
}
