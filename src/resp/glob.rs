//! Glob patterns as Redis matches them, byte for byte: KEYS, SCAN, PSUBSCRIBE, ACL, CONFIG GET.
//!
//! `*` is any bytes, `?` one byte, `[a-z]` and `[^a-z]` a class, `\` takes the next byte as itself.
//! Redis's oddities are kept: an unclosed class ends with the pattern, a range may be written
//! backwards, an escaped byte in a class ignores no case, and an empty text matches only an empty
//! pattern, not `*`. Time is at most the product of both lengths, whatever the pattern.

use memchr::memmem::Finder;
use memchr::{memchr, memchr3};

/// Patterns with more runs of stars than this match nothing.
const STARS_MAX: usize = 1000;

/// Whether `pattern` matches the whole of `text`; `nocase` folds ASCII case.
pub fn matches(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let mut glob = Glob {
        pattern,
        next: 0,
        nocase,
    };
    let mut at = 0;
    // Where to go on when the last star must take one byte more. Stars before it need not: if the
    // rest matches nowhere behind the last star, it does not match further on either.
    let mut retry: Option<(usize, usize)> = None;
    let mut stars = 0;
    loop {
        if glob.peek() == Some(b'*') && at < text.len() {
            glob.skip_stars();
            if glob.peek().is_none() {
                return true;
            }
            stars += 1;
            if stars > STARS_MAX {
                return false;
            }
            retry = Some((glob.next, at));
        }
        let matched = match text.get(at) {
            Some(byte) => glob.peek().is_some() && glob.take_one(*byte),
            None => {
                glob.skip_stars();
                return glob.peek().is_none();
            }
        };
        if matched {
            at += 1;
            continue;
        }
        let Some((next, from)) = retry else {
            return false;
        };
        (glob.next, at) = (next, from + 1);
        if at >= text.len() {
            return false;
        }
        retry = Some((next, at));
    }
}

/// A pattern that many texts are matched against, in the same case. What it looks like is found out
/// once.
#[derive(Debug)]
pub struct Pattern<'a>(Shape<'a>);

#[derive(Debug)]
enum Shape<'a> {
    All,
    Exactly(&'a [u8]),
    Before(&'a [u8]),
    Behind(&'a [u8]),
    Within(Box<Finder<'a>>),
    Other(&'a [u8]),
}

impl<'a> Pattern<'a> {
    /// The pattern that these bytes are. Unlike in [`matches`], a single star matches everything,
    /// an empty text too.
    pub fn new(pattern: &'a [u8]) -> Pattern<'a> {
        let is_plain = |part: &[u8]| memchr3(b'*', b'?', b'[', part).is_none();
        let is_plain = |part: &[u8]| is_plain(part) && memchr(b'\\', part).is_none();
        Pattern(match pattern {
            [b'*'] => Shape::All,
            text if is_plain(text) => Shape::Exactly(text),
            [text @ .., b'*'] if is_plain(text) => Shape::Before(text),
            [b'*', text @ ..] if is_plain(text) => Shape::Behind(text),
            [b'*', text @ .., b'*'] if !text.is_empty() && is_plain(text) => {
                Shape::Within(Box::new(Finder::new(text)))
            }
            pattern => Shape::Other(pattern),
        })
    }

    /// The only text it matches, if it has no special bytes.
    pub fn only(&self) -> Option<&'a [u8]> {
        match self.0 {
            Shape::Exactly(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it matches the whole of `text`.
    #[inline]
    pub fn matches(&self, text: &[u8]) -> bool {
        match &self.0 {
            Shape::All => true,
            Shape::Exactly(wanted) => text == *wanted,
            Shape::Before(wanted) => text.starts_with(wanted),
            Shape::Behind(wanted) => text.ends_with(wanted),
            Shape::Within(finder) => finder.find(text).is_some(),
            Shape::Other(pattern) => matches(pattern, text, false),
        }
    }
}

struct Glob<'a> {
    pattern: &'a [u8],
    next: usize,
    nocase: bool,
}

impl Glob<'_> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.pattern.get(self.next).copied()
    }

    fn skip_stars(&mut self) {
        while self.peek() == Some(b'*') {
            self.next += 1;
        }
    }

    /// Matches one byte against the element at `next` and steps behind the element.
    #[inline]
    fn take_one(&mut self, byte: u8) -> bool {
        let element = self.peek();
        self.next += 1;
        match element {
            Some(b'?') => true,
            Some(b'[') => self.take_class(byte),
            Some(b'\\') if self.peek().is_some() => {
                let escaped = self.peek();
                self.next += 1;
                escaped.is_some_and(|escaped| self.same(escaped, byte))
            }
            Some(literal) => self.same(literal, byte),
            None => false,
        }
    }

    fn take_class(&mut self, byte: u8) -> bool {
        let negated = self.peek() == Some(b'^');
        self.next += usize::from(negated);
        let mut matched = false;
        loop {
            let rest = self.pattern.get(self.next..).unwrap_or_default();
            match rest {
                [b'\\', escaped, ..] => {
                    matched |= *escaped == byte;
                    self.next += 2;
                }
                [b']', ..] => {
                    self.next += 1;
                    break;
                }
                [] => break,
                [start, b'-', end, ..] => {
                    matched |= self.in_range(*start, *end, byte);
                    self.next += 3;
                }
                [literal, ..] => {
                    matched |= self.same(*literal, byte);
                    self.next += 1;
                }
            }
        }
        matched != negated
    }

    /// Bytes are compared as C's `char` on x86, where those above 127 are negative, and the bounds
    /// are put in order like that. Then `tolower` makes all of them positive but 255, its EOF.
    fn in_range(&self, start: u8, end: u8, byte: u8) -> bool {
        let (start, end) = (start as i8, end as i8);
        let (start, end) = (start.min(end), start.max(end));
        let fold = |byte: i8| match self.nocase {
            true if byte == -1 => -1,
            true => i16::from((byte as u8).to_ascii_lowercase()),
            false => i16::from(byte),
        };
        (fold(start)..=fold(end)).contains(&fold(byte as i8))
    }

    #[inline]
    fn same(&self, a: u8, b: u8) -> bool {
        a == b || (self.nocase && a.eq_ignore_ascii_case(&b))
    }
}

#[cfg(test)]
mod tests;
