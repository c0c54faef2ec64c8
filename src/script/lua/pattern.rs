//! Lua's patterns.
//!
//! The rules are those of Lua 5.1's manual, section 5.4.1. Unlike C's matcher this one has a limit
//! to its recursion, and a search that takes long asks from time to time whether to go on: patterns
//! like `a?a?a?...` take exponential time, and that must not stop a server.

/// Captures in one pattern, as in C.
const CAPTURES_MAX: usize = 32;

/// Repetitions and captures inside of each other: one call of [`Matcher::at`] each.
const DEPTH_MAX: usize = 500;

/// Steps between two questions whether to go on: some milliseconds. One step is one byte of the
/// text or of the pattern that is looked at.
const STEPS_PER_LOOK: usize = 1 << 20;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// The pattern is wrong; in the words of C's library.
    Malformed(&'static str),
    /// The search is to end.
    Ended(&'static str),
}

/// What a pair of parentheses captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// `()`: an index.
    Position(usize),
    /// From an index up to another.
    Text(usize, usize),
}

/// A capture while the search goes on.
#[derive(Clone, Copy)]
enum Open {
    Begun(usize),
    Position(usize),
    Closed(usize, usize),
}

type Found = Result<Option<usize>, PatternError>;

/// Whether a pattern is more than the text itself.
pub fn has_specials(pattern: &[u8]) -> bool {
    let end = memchr::memchr(0, pattern).unwrap_or(pattern.len());
    pattern[..end]
        .iter()
        .any(|byte| b"^$*+?.([%-".contains(byte))
}

/// A search.
pub struct Matcher<'a> {
    subject: &'a [u8],
    pattern: &'a [u8],
    anchors: bool,
    captures: [Open; CAPTURES_MAX],
    level: usize,
    depth: usize,
    steps: usize,
    /// Asked every so many steps: why to end, if so.
    asks: &'a mut dyn FnMut() -> Option<&'static str>,
}

impl<'a> Matcher<'a> {
    /// A search for a pattern in a text.
    pub fn new(
        subject: &'a [u8],
        pattern: &'a [u8],
        asks: &'a mut dyn FnMut() -> Option<&'static str>,
    ) -> Matcher<'a> {
        // A zero byte ends a pattern; `%z` stands for one.
        let end = memchr::memchr(0, pattern).unwrap_or(pattern.len());
        Matcher {
            subject,
            pattern: &pattern[..end],
            anchors: true,
            captures: [Open::Position(0); CAPTURES_MAX],
            level: 0,
            depth: 0,
            steps: 0,
            asks,
        }
    }

    /// Whether a leading `^` binds the pattern to the start of the search.
    pub fn set_anchors(&mut self, anchors: bool) {
        self.anchors = anchors;
    }

    /// Whether the pattern is bound to the start of the search.
    pub fn is_anchored(&self) -> bool {
        self.anchors && self.pattern.first() == Some(&b'^')
    }

    /// The first match at or after `start`: where it begins and ends.
    ///
    /// # Errors
    /// The pattern is wrong, or the search was ended.
    pub fn search(&mut self, start: usize) -> Result<Option<(usize, usize)>, PatternError> {
        let first = usize::from(self.is_anchored());
        for from in start..=self.subject.len() {
            self.level = 0;
            if let Some(to) = self.at(from, first)? {
                return Ok(Some((from, to)));
            }
            if first == 1 {
                break;
            }
        }
        Ok(None)
    }

    /// What the last match captured; all of it if there are no captures and `whole`.
    ///
    /// # Errors
    /// A capture is not closed.
    pub fn captures(
        &self,
        from: usize,
        to: usize,
        whole: bool,
    ) -> Result<Vec<Capture>, PatternError> {
        if self.level == 0 && whole {
            return Ok(vec![Capture::Text(from, to)]);
        }
        let captures = self.captures[..self.level].iter();
        captures
            .map(|capture| match capture {
                Open::Begun(_) => Err(PatternError::Malformed("unfinished capture")),
                Open::Position(at) => Ok(Capture::Position(*at)),
                Open::Closed(from, to) => Ok(Capture::Text(*from, *to)),
            })
            .collect()
    }

    /// Matches the pattern from `p` on at `s`: where the match ends.
    fn at(&mut self, s: usize, p: usize) -> Found {
        if self.depth >= DEPTH_MAX {
            return Err(PatternError::Malformed("pattern too complex"));
        }
        self.depth += 1;
        let found = self.items(s, p);
        self.depth -= 1;
        found
    }

    fn items(&mut self, mut s: usize, mut p: usize) -> Found {
        loop {
            self.count(1)?;
            let Some(item) = self.pattern.get(p) else {
                return Ok(Some(s));
            };
            match (item, self.pattern.get(p + 1)) {
                (b'(', Some(b')')) => return self.begin(Open::Position(s), s, p + 2),
                (b'(', _) => return self.begin(Open::Begun(s), s, p + 1),
                (b')', _) => return self.close(s, p + 1),
                (b'$', None) => return Ok((s == self.subject.len()).then_some(s)),
                (b'%', Some(b'b')) => match self.balanced(s, p + 2)? {
                    Some(end) => (s, p) = (end, p + 4),
                    None => return Ok(None),
                },
                (b'%', Some(b'f')) => match self.frontier(s, p + 2)? {
                    Some(end) => p = end,
                    None => return Ok(None),
                },
                (b'%', Some(digit)) if digit.is_ascii_digit() => match self.repeated(s, *digit)? {
                    Some(end) => (s, p) = (end, p + 2),
                    None => return Ok(None),
                },
                _ => {
                    let end = self.class_end(p)?;
                    self.count(end - p)?;
                    match self.pattern.get(end) {
                        Some(b'?') => {
                            if self.is_single(s, p, end)
                                && let Some(found) = self.at(s + 1, end + 1)?
                            {
                                return Ok(Some(found));
                            }
                            p = end + 1;
                        }
                        Some(b'*') => return self.most(s, s, p, end),
                        Some(b'+') if self.is_single(s, p, end) => {
                            return self.most(s, s + 1, p, end);
                        }
                        Some(b'-') => return self.least(s, p, end),
                        Some(b'+') => return Ok(None),
                        _ if !self.is_single(s, p, end) => return Ok(None),
                        _ => (s, p) = (s + 1, end),
                    }
                }
            }
        }
    }

    fn count(&mut self, steps: usize) -> Result<(), PatternError> {
        self.steps += steps;
        if self.steps >= STEPS_PER_LOOK {
            self.steps = 0;
            if let Some(reason) = (self.asks)() {
                return Err(PatternError::Ended(reason));
            }
        }
        Ok(())
    }

    /// As many as possible, then fewer; not fewer than up to `least`.
    fn most(&mut self, s: usize, least: usize, p: usize, end: usize) -> Found {
        let mut to = s;
        while self.is_single(to, p, end) {
            self.count(end - p)?;
            to += 1;
        }
        loop {
            if to < least {
                return Ok(None);
            }
            if let Some(found) = self.at(to, end + 1)? {
                return Ok(Some(found));
            }
            if to == 0 {
                return Ok(None);
            }
            to -= 1;
        }
    }

    /// As few as possible, then more.
    fn least(&mut self, mut s: usize, p: usize, end: usize) -> Found {
        loop {
            if let Some(found) = self.at(s, end + 1)? {
                return Ok(Some(found));
            }
            self.count(end - p)?;
            if !self.is_single(s, p, end) {
                return Ok(None);
            }
            s += 1;
        }
    }

    fn begin(&mut self, capture: Open, s: usize, p: usize) -> Found {
        let level = self.level;
        if level >= CAPTURES_MAX {
            return Err(PatternError::Malformed("too many captures"));
        }
        self.captures[level] = capture;
        self.level = level + 1;
        let found = self.at(s, p)?;
        if found.is_none() {
            self.level = level;
        }
        Ok(found)
    }

    fn close(&mut self, s: usize, p: usize) -> Found {
        let open = self.captures[..self.level]
            .iter()
            .rposition(|capture| matches!(capture, Open::Begun(_)));
        let Some(at) = open else {
            return Err(PatternError::Malformed("invalid pattern capture"));
        };
        let before = self.captures[at];
        if let Open::Begun(from) = before {
            self.captures[at] = Open::Closed(from, s);
        }
        let found = self.at(s, p)?;
        if found.is_none() {
            self.captures[at] = before;
        }
        Ok(found)
    }

    /// `%1`: what was captured, once more.
    fn repeated(&mut self, s: usize, digit: u8) -> Found {
        let at = usize::from(digit).wrapping_sub(usize::from(b'1'));
        match self.captures[..self.level].get(at) {
            Some(Open::Closed(from, to)) => {
                let wanted = &self.subject[*from..*to];
                let is_there = self.subject[s..].starts_with(wanted);
                let len = wanted.len();
                self.count(len)?;
                Ok(is_there.then_some(s + len))
            }
            // An index captures no text.
            Some(Open::Position(_)) => Ok(None),
            _ => Err(PatternError::Malformed("invalid capture index")),
        }
    }

    /// `%bxy`
    fn balanced(&mut self, s: usize, p: usize) -> Found {
        let (Some(opens), Some(closes)) = (self.pattern.get(p), self.pattern.get(p + 1)) else {
            return Err(PatternError::Malformed("unbalanced pattern"));
        };
        if self.subject.get(s) != Some(opens) {
            return Ok(None);
        }
        let mut open = 1;
        let mut rest = self.subject[s + 1..].iter();
        let end = rest.position(|byte| {
            if byte == closes {
                open -= 1;
            } else if byte == opens {
                open += 1;
            }
            open == 0
        });
        let looked_at = end.map_or(self.subject.len() - s, |at| at + 1);
        self.count(looked_at)?;
        Ok(end.map(|at| s + at + 2))
    }

    /// `%f[set]`: where the set ends in the pattern, if here is its frontier.
    fn frontier(&mut self, s: usize, p: usize) -> Found {
        if self.pattern.get(p) != Some(&b'[') {
            return Err(PatternError::Malformed("missing '[' after '%f' in pattern"));
        }
        let end = self.class_end(p)?;
        self.count(end - p)?;
        let before = s.checked_sub(1).map_or(0, |at| self.subject[at]);
        let here = self.subject.get(s).copied().unwrap_or(0);
        let is_frontier = !self.is_in_set(before, p, end) && self.is_in_set(here, p, end);
        Ok(is_frontier.then_some(end))
    }

    /// Where the single item at `p` ends.
    fn class_end(&self, p: usize) -> Result<usize, PatternError> {
        match self.pattern.get(p) {
            Some(b'%') if p + 1 >= self.pattern.len() => {
                Err(PatternError::Malformed("malformed pattern (ends with '%')"))
            }
            Some(b'%') => Ok(p + 2),
            Some(b'[') => {
                let missing = PatternError::Malformed("malformed pattern (missing ']')");
                let mut at = p + 1;
                if self.pattern.get(at) == Some(&b'^') {
                    at += 1;
                }
                // The first one may be the bracket itself.
                loop {
                    let Some(byte) = self.pattern.get(at) else {
                        return Err(missing);
                    };
                    at += 1;
                    if *byte == b'%' && at < self.pattern.len() {
                        at += 1;
                    }
                    if self.pattern.get(at) == Some(&b']') {
                        return Ok(at + 1);
                    }
                }
            }
            _ => Ok(p + 1),
        }
    }

    /// Whether the byte at `s` is one of the single item from `p` to `end`.
    fn is_single(&self, s: usize, p: usize, end: usize) -> bool {
        let Some(byte) = self.subject.get(s) else {
            return false;
        };
        match self.pattern[p] {
            b'.' => true,
            b'%' => is_in_class(*byte, self.pattern[p + 1]),
            b'[' => self.is_in_set(*byte, p, end),
            literal => literal == *byte,
        }
    }

    /// Whether a byte is in the set from `p` to `end`.
    fn is_in_set(&self, byte: u8, p: usize, end: usize) -> bool {
        let mut set = &self.pattern[p + 1..end - 1];
        let is_negated = set.first() == Some(&b'^');
        if is_negated {
            set = &set[1..];
        }
        loop {
            set = match set {
                [] => return is_negated,
                [b'%', class, ..] if is_in_class(byte, *class) => return !is_negated,
                [b'%', _, rest @ ..] => rest,
                [low, b'-', high, ..] if (*low..=*high).contains(&byte) => return !is_negated,
                [_, b'-', _, rest @ ..] => rest,
                [literal, ..] if *literal == byte => return !is_negated,
                [_, rest @ ..] => rest,
            };
        }
    }
}

/// Whether a byte is in a class, as `%a`; an upper-case letter stands for the complement.
fn is_in_class(byte: u8, class: u8) -> bool {
    let is_in = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => byte.is_ascii_whitespace() || byte == 0x0b,
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return class == byte,
    };
    is_in != class.is_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(subject: &[u8], pattern: &[u8]) -> Result<Option<(usize, usize)>, PatternError> {
        let mut asks = || None;
        Matcher::new(subject, pattern, &mut asks).search(0)
    }

    #[test]
    fn items() {
        for (subject, pattern, found) in [
            ("hello", "l+", Some((2, 4))),
            ("hello", "l-o", Some((2, 5))),
            ("hello", "^e", None),
            ("hello", "o$", Some((4, 5))),
            ("a(b(c)d)e", "%b()", Some((1, 8))),
            ("THE (quick) fox", "%f[%a]%a+", Some((0, 3))),
            ("abcabc", "(abc)%1", Some((0, 6))),
            ("x-1]", "[]-]+", Some((1, 2))),
            ("x=10", "[^%w]", Some((1, 2))),
            ("", "", Some((0, 0))),
            ("abc", "a-$", Some((3, 3))),
            ("abc", "[a-b]*c", Some((0, 3))),
        ] {
            let pattern = pattern.as_bytes();
            assert_eq!(find(subject.as_bytes(), pattern), Ok(found), "{pattern:?}");
        }
        for pattern in ["(a", "a)", "[a", "%", "%f", "%b", "%1"] {
            let mut asks = || None;
            let mut matcher = Matcher::new(b"aaa", pattern.as_bytes(), &mut asks);
            let captured = matcher.search(0).and_then(|found| match found {
                Some((from, to)) => matcher.captures(from, to, true).map(|_| ()),
                None => Ok(()),
            });
            assert!(captured.is_err(), "{pattern}");
        }
    }

    #[test]
    fn depth_and_time_are_limited() {
        let error = find(&b"a".repeat(10_000), &b"a?".repeat(10_000));
        assert_eq!(error, Err(PatternError::Malformed("pattern too complex")));
        let mut looks = 0;
        let mut asks = || {
            looks += 1;
            (looks == 3).then_some("enough")
        };
        let pattern = [b"a?".repeat(40), b"a".repeat(40)].concat();
        let subject = b"a".repeat(39);
        let error = Matcher::new(&subject, &pattern, &mut asks).search(0);
        assert_eq!(error, Err(PatternError::Ended("enough")));
    }
}
