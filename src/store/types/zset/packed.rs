//! A small sorted set: one listpack of members and scores, in order, as Redis stores it.
//!
//! A score that is an integer is one, any other is its shortest text; -0 becomes 0, as in Redis.
//! Everything is found by walking; the set is small.

use std::cmp::Ordering;
use std::ops::Range;

use super::super::listpack::{Encoded, Entries, Entry, IntBuf, Listpack, Malformed};
use super::bounds::{LexRange, ScoreRange};
use crate::resp::number::{NumberText, format_f64, parse_f64};

/// A member found: where it begins, its index, and its score.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    position: usize,
    pub(super) rank: usize,
    pub(super) score: f64,
}

/// A score ready to be encoded.
enum ScoreText {
    Int(i64),
    Text(NumberText),
}

impl ScoreText {
    fn new(score: f64) -> ScoreText {
        let integer = score as i64;
        if score.abs() <= (i64::MAX / 2) as f64 && integer as f64 == score {
            return ScoreText::Int(integer);
        }
        ScoreText::Text(format_f64(score))
    }

    fn encoded(&self) -> Encoded<'_> {
        match self {
            ScoreText::Int(value) => Encoded::int(*value),
            ScoreText::Text(text) => Encoded::new(text),
        }
    }
}

/// The score an entry stands for. What is no number cannot get here; it would count as 0.
#[inline]
pub(super) fn score_of(entry: Entry<'_>) -> f64 {
    match entry {
        Entry::Int(value) => value as f64,
        Entry::Str(text) => parse_f64(text).unwrap_or(0.0),
    }
}

/// The member and the score at a position.
#[inline]
fn pair_at(entries: Entries<'_>, position: usize) -> (Entry<'_>, f64) {
    let score = entries.at(entries.next(position));
    (entries.at(position), score_of(score))
}

/// How an entry and its score stand to a score and a member.
fn compare(entry: Entry<'_>, entry_score: f64, score: f64, member: &[u8]) -> Ordering {
    match entry_score.partial_cmp(&score) {
        Some(Ordering::Equal) | None => entry.bytes(&mut IntBuf::new()).cmp(member),
        Some(order) => order,
    }
}

/// Looks a member up.
pub(super) fn find(pack: &Listpack, member: &[u8]) -> Option<Found> {
    let (entries, needle) = (pack.entries(), Encoded::new(member));
    let (mut position, mut rank) = (0, 0);
    while position < entries.end() {
        let score_at = entries.next(position);
        if needle.matches(&entries.as_bytes()[position..]) {
            let score = score_of(entries.at(score_at));
            return Some(Found {
                position,
                rank,
                score,
            });
        }
        position = entries.next(score_at);
        rank += 1;
    }
    None
}

/// The member of a rank, which must be below the length, and its score.
pub(super) fn at(pack: &Listpack, rank: usize) -> (Entry<'_>, f64) {
    let entries = pack.entries();
    pair_at(entries, entries.seek(rank * 2, pack.len()))
}

/// Adds a member that is not there.
pub(super) fn insert(pack: &mut Listpack, member: &[u8], score: f64) {
    let position = place_for(pack.entries(), member, score);
    let text = ScoreText::new(score);
    pack.insert_encoded(position, &[Encoded::new(member), text.encoded()]);
}

/// Adds a member behind all others, where it belongs.
pub(super) fn push(pack: &mut Listpack, member: &[u8], score: f64) {
    let text = ScoreText::new(score);
    pack.insert_encoded(
        pack.entries().end(),
        &[Encoded::new(member), text.encoded()],
    );
}

/// Gives a member another score.
pub(super) fn update(pack: &mut Listpack, found: Found, member: &[u8], score: f64) {
    let entries = pack.entries();
    let score_at = entries.next(found.position);
    let next = entries.next(score_at);
    let before = entries.prev(found.position).and_then(|score_at| {
        let position = entries.prev(score_at)?;
        Some((entries.at(position), score_of(entries.at(score_at))))
    });
    let behind = (next < entries.end()).then(|| pair_at(entries, next));
    let stays = before.is_none_or(|(entry, s)| compare(entry, s, score, member).is_lt())
        && behind.is_none_or(|(entry, s)| compare(entry, s, score, member).is_gt());
    if stays {
        pack.replace_encoded(score_at, &ScoreText::new(score).encoded());
    } else {
        pack.remove(found.position, 2);
        insert(pack, member, score);
    }
}

/// Removes a member.
pub(super) fn remove(pack: &mut Listpack, found: Found) {
    pack.remove(found.position, 2);
}

/// The ranks whose scores lie in a range.
pub(super) fn score_range(pack: &Listpack, range: &ScoreRange) -> Range<usize> {
    let scores = pack.entries().pairs().map(|(_, score)| score_of(score));
    let start = scores
        .clone()
        .take_while(|score| !range.is_from(*score))
        .count();
    let len = scores
        .skip(start)
        .take_while(|score| range.is_to(*score))
        .count();
    start..start + len
}

/// The ranks whose members lie in a range.
pub(super) fn lex_range(pack: &Listpack, range: &LexRange<'_>) -> Range<usize> {
    let members = pack.entries().pairs().map(|(member, _)| member);
    let from = |entry: &Entry<'_>| range.is_from(entry.bytes(&mut IntBuf::new()));
    let to = |entry: &Entry<'_>| range.is_to(entry.bytes(&mut IntBuf::new()));
    let start = members.clone().take_while(|entry| !from(entry)).count();
    let len = members.skip(start).take_while(to).count();
    start..start + len
}

/// The entries of a range of ranks.
pub(super) fn slice(pack: &Listpack, ranks: Range<usize>) -> Entries<'_> {
    let (entries, count) = (pack.entries(), pack.len());
    let from = entries.seek(ranks.start * 2, count);
    let to = match ranks.end * 2 < count {
        true => entries.skip(from, ranks.len() * 2),
        false => entries.end(),
    };
    Entries::new(&entries.as_bytes()[from..to])
}

/// Takes in a pack that came from outside and is well formed: whether it is a sorted set, and
/// whether it is in order.
pub(super) fn check(pack: &Listpack) -> Result<bool, Malformed> {
    if !pack.len().is_multiple_of(2) {
        return Err(Malformed);
    }
    let mut last: Option<(Entry<'_>, f64)> = None;
    let mut sorted = true;
    for (member, score) in pack.entries().pairs() {
        let score = match score {
            Entry::Int(value) => value as f64,
            Entry::Str(text) => parse_f64(text).ok_or(Malformed)?,
        };
        if let Some((before, before_score)) = last {
            let mut text = IntBuf::new();
            sorted &= compare(before, before_score, score, member.bytes(&mut text)).is_lt();
        }
        last = Some((member, score));
    }
    Ok(sorted)
}

/// Where a member belongs. What is added last most often belongs at the end.
fn place_for(entries: Entries<'_>, member: &[u8], score: f64) -> usize {
    let last = entries.last().and_then(|score_at| entries.prev(score_at));
    if last.is_none_or(|last| {
        let (entry, last_score) = pair_at(entries, last);
        compare(entry, last_score, score, member).is_lt()
    }) {
        return entries.end();
    }
    let mut position = 0;
    while position < entries.end() {
        let score_at = entries.next(position);
        let entry_score = score_of(entries.at(score_at));
        if compare(entries.at(position), entry_score, score, member).is_gt() {
            break;
        }
        position = entries.next(score_at);
    }
    position
}
