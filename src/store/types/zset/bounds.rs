//! The ranges that clients ask for: by score and by member, with ends that are in or out.

/// Scores between two, each of which may be excluded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    /// The smallest score.
    pub min: f64,
    /// Whether `min` itself lies outside.
    pub min_excluded: bool,
    /// The largest score.
    pub max: f64,
    /// Whether `max` itself lies outside.
    pub max_excluded: bool,
}

impl ScoreRange {
    /// A range as it is written in commands: numbers, after `(` where they are excluded.
    pub fn parse(min: &[u8], max: &[u8]) -> Option<ScoreRange> {
        let (min, min_excluded) = parse_score(min)?;
        let (max, max_excluded) = parse_score(max)?;
        Some(ScoreRange {
            min,
            min_excluded,
            max,
            max_excluded,
        })
    }

    /// Scores from `min` to below `max`.
    pub fn half_open(min: f64, max: f64) -> ScoreRange {
        ScoreRange {
            min,
            min_excluded: false,
            max,
            max_excluded: true,
        }
    }

    /// Whether a score is not below the range.
    #[inline]
    pub(super) fn is_from(&self, score: f64) -> bool {
        if self.min_excluded {
            score > self.min
        } else {
            score >= self.min
        }
    }

    /// Whether a score is not above the range.
    #[inline]
    pub(super) fn is_to(&self, score: f64) -> bool {
        if self.max_excluded {
            score < self.max
        } else {
            score <= self.max
        }
    }
}

/// Looser than scores themselves: nothing at all is 0, and what is too large is infinite.
fn parse_score(text: &[u8]) -> Option<(f64, bool)> {
    let (number, excluded) = match text {
        [b'(', number @ ..] => (number, true),
        number => (number, false),
    };
    if number.is_empty() {
        return Some((0.0, excluded));
    }
    let score: f64 = std::str::from_utf8(number).ok()?.parse().ok()?;
    (!score.is_nan()).then_some((score, excluded))
}

/// One end of a range of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// Before all members.
    Min,
    /// Behind all members.
    Max,
    /// This member, which is in the range.
    Included(&'a [u8]),
    /// This member, which is not.
    Excluded(&'a [u8]),
}

impl<'a> LexBound<'a> {
    /// A bound as it is written in commands: `-`, `+`, or a member after `[` or `(`.
    pub fn parse(text: &'a [u8]) -> Option<LexBound<'a>> {
        match text {
            b"-" => Some(LexBound::Min),
            b"+" => Some(LexBound::Max),
            [b'[', member @ ..] => Some(LexBound::Included(member)),
            [b'(', member @ ..] => Some(LexBound::Excluded(member)),
            _ => None,
        }
    }
}

/// Members between two bounds, in a set whose scores are all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LexRange<'a> {
    /// Where it begins.
    pub min: LexBound<'a>,
    /// Where it ends.
    pub max: LexBound<'a>,
}

impl<'a> LexRange<'a> {
    /// A range as it is written in commands.
    pub fn parse(min: &'a [u8], max: &'a [u8]) -> Option<LexRange<'a>> {
        Some(LexRange {
            min: LexBound::parse(min)?,
            max: LexBound::parse(max)?,
        })
    }

    /// Whether a member is not before the range.
    #[inline]
    pub(super) fn is_from(&self, member: &[u8]) -> bool {
        match self.min {
            LexBound::Min => true,
            LexBound::Max => false,
            LexBound::Included(min) => member >= min,
            LexBound::Excluded(min) => member > min,
        }
    }

    /// Whether a member is not behind the range.
    #[inline]
    pub(super) fn is_to(&self, member: &[u8]) -> bool {
        match self.max {
            LexBound::Min => false,
            LexBound::Max => true,
            LexBound::Included(max) => member <= max,
            LexBound::Excluded(max) => member < max,
        }
    }
}
