//! SORT and SORT_RO: the elements of a list, set or sorted set, ordered by themselves or by what
//! other keys hold, or looked up in other keys.
//!
//! Looking up other keys may remove expired ones, and so move all others: the elements are copied
//! first, into one buffer. Text is compared byte by byte, whatever the locale.

use std::cmp::Ordering;
use std::ops::Range;

use crate::commands::member::{Room, drawn};
use crate::commands::{docs, hash, list};
use crate::dispatch::{keys::*, table::*};

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::{parse_f64, parse_i64};
use crate::store::types::hash::{HashContext, HashLimits};
use crate::store::types::list::{End, List};
use crate::store::types::listpack::Entry;
use crate::store::value::{NewValue, Value, ValueRef};

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    key("sort", -2, WRITE.or(DENYOOM), DANGEROUS.or(LIST).or(SET).or(SORTEDSET), SORT_KEYS,
        sort, &docs::generic::SORT),
    key("sort_ro", -2, READ, DANGEROUS.or(LIST).or(SET).or(SORTEDSET), SORT_RO_KEYS,
        sort_ro, &docs::generic::SORT_RO),
];

/// SORT key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC|DESC] [ALPHA] [STORE key]
pub fn sort(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let options = Options::parse(args, true)?;
    run(ctx, args.at(1), options)
}

/// SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC|DESC] [ALPHA]
pub fn sort_ro(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let options = Options::parse(args, false)?;
    run(ctx, args.at(1), options)
}

struct Options<'a> {
    by: Option<Pattern<'a>>,
    /// BY something that names no key: the order is kept as it is.
    keep_order: bool,
    gets: Vec<Pattern<'a>>,
    offset: i64,
    count: i64,
    descending: bool,
    alpha: bool,
    store: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>, may_store: bool) -> Result<Options<'a>, CommandError> {
        let mut options = Options {
            by: None,
            keep_order: false,
            gets: Vec::new(),
            offset: 0,
            count: -1,
            descending: false,
            alpha: false,
            store: None,
        };
        let mut i = 2;
        while i < args.len() {
            let (next, after) = (args.get(i + 1), args.get(i + 2));
            i += match (args.at(i).to_ascii_lowercase().as_slice(), next) {
                (b"asc", _) => options.set_descending(false),
                (b"desc", _) => options.set_descending(true),
                (b"alpha", _) => {
                    options.alpha = true;
                    1
                }
                (b"limit", Some(offset)) if after.is_some() => {
                    options.offset = parse_i64(offset).ok_or(CommandError::NOT_INTEGER)?;
                    let count = after.and_then(parse_i64);
                    options.count = count.ok_or(CommandError::NOT_INTEGER)?;
                    3
                }
                (b"store", Some(key)) if may_store => {
                    options.store = Some(key);
                    2
                }
                (b"by", Some(pattern)) => {
                    options.by = Some(Pattern::parse(pattern));
                    options.keep_order |= !pattern.contains(&b'*');
                    2
                }
                (b"get", Some(pattern)) => {
                    options.gets.push(Pattern::parse(pattern));
                    2
                }
                _ => return Err(CommandError::SYNTAX),
            };
        }
        Ok(options)
    }

    fn set_descending(&mut self, descending: bool) -> usize {
        self.descending = descending;
        1
    }

    /// Which of `len` elements are wanted.
    fn limits(&self, len: usize) -> Range<usize> {
        let start = usize::try_from(self.offset.max(0)).unwrap_or(len).min(len);
        let count = usize::try_from(self.count).unwrap_or(len);
        start..start.saturating_add(count).min(len)
    }
}

/// The name of a key, perhaps with a hash's field, that an element completes.
enum Pattern<'a> {
    /// `#`: the element itself.
    Element,
    /// Without a `*`: names nothing.
    Nothing,
    Key {
        before: &'a [u8],
        behind: &'a [u8],
        field: Option<&'a [u8]>,
    },
}

impl<'a> Pattern<'a> {
    fn parse(pattern: &'a [u8]) -> Pattern<'a> {
        if pattern == b"#" {
            return Pattern::Element;
        }
        let Some(star) = pattern.iter().position(|byte| *byte == b'*') else {
            return Pattern::Nothing;
        };
        let (before, behind) = (&pattern[..star], &pattern[star + 1..]);
        let arrow = behind.windows(2).position(|two| two == b"->");
        match arrow.filter(|arrow| arrow + 2 < behind.len()) {
            Some(arrow) => Pattern::Key {
                before,
                behind: &behind[..arrow],
                field: Some(&behind[arrow + 2..]),
            },
            None => Pattern::Key {
                before,
                behind,
                field: None,
            },
        }
    }
}

/// An element, by where its text and what it is ordered by lie.
struct Item {
    text: Range<usize>,
    score: f64,
    /// With BY and ALPHA: the text to order by, if there is one.
    by: Option<Range<usize>>,
}

/// The elements and their texts.
#[derive(Default)]
struct Items {
    buffer: Vec<u8>,
    weights: Vec<u8>,
    items: Vec<Item>,
    /// They come from a set, whose order is chance.
    unordered: bool,
}

impl Items {
    fn push(&mut self, entry: Entry<'_>) {
        let start = self.buffer.len();
        entry.append_to(&mut self.buffer);
        self.items.push(Item {
            text: start..self.buffer.len(),
            score: 0.0,
            by: None,
        });
    }

    fn text(&self, item: &Item) -> &[u8] {
        &self.buffer[item.text.clone()]
    }

    fn sort(&mut self, options: &Options<'_>) {
        let (buffer, weights) = (&self.buffer, &self.weights);
        let text = |item: &Item| &buffer[item.text.clone()];
        let weight = |item: &Item| item.by.clone().map(|range| &weights[range]);
        self.items.sort_by(|a, b| {
            let order = match (options.alpha, &options.by) {
                (true, None) => text(a).cmp(text(b)),
                // What has no weight comes first. What weighs the same stays as it was, unless that
                // was chance: what is stored has to be the same when the log is read.
                (true, Some(_)) => {
                    let order = weight(a).cmp(&weight(b));
                    let tie = self.unordered && order.is_eq();
                    if tie { text(a).cmp(text(b)) } else { order }
                }
                (false, _) => {
                    let order = a.score.partial_cmp(&b.score);
                    order
                        .unwrap_or(Ordering::Equal)
                        .then_with(|| text(a).cmp(text(b)))
                }
            };
            if options.descending {
                order.reverse()
            } else {
                order
            }
        });
    }
}

fn run(ctx: &mut KeyCtx<'_>, key: &[u8], mut options: Options<'_>) -> CommandResult {
    let key = ctx.key(key);
    let found = ctx.read(&key);
    let value = found.map(|slot| ctx.db.value(slot));
    if let Some(ValueRef::Set(_)) = value
        && options.keep_order
        && (options.store.is_some() || ctx.caller.in_script)
    {
        // A set has no order of its own; what is stored must not depend on chance.
        options.keep_order = false;
        options.alpha = true;
        options.by = None;
    }
    let (mut items, mut wanted) = (Items::default(), 0..0);
    if let Some(value) = value {
        wanted = load(&mut items, value, &options)?;
    }
    if !options.keep_order {
        weigh(ctx, &mut items, &options)?;
        items.sort(&options);
    }
    match options.store {
        Some(target) => store(ctx, target, &items, wanted, &options),
        None => reply(ctx, &items, wanted, &options)?,
    }
    Ok(())
}

/// Copies the elements, or where their order is to stay only those wanted; which are wanted of
/// those copied.
fn load(
    items: &mut Items,
    value: ValueRef<'_>,
    options: &Options<'_>,
) -> Result<Range<usize>, CommandError> {
    let (kept, descending) = (options.keep_order, options.descending);
    let limits = |len| {
        let limits = options.limits(len);
        (limits.start, limits.len(), limits)
    };
    match value {
        ValueRef::List(list) if kept => {
            let (start, count, _) = limits(list.len());
            if descending && count > 0 {
                let last = list.len() - 1 - start;
                list.range_rev(last, count)
                    .for_each(|entry| items.push(entry));
            } else {
                list.range(start, count).for_each(|entry| items.push(entry));
            }
            Ok(0..count)
        }
        ValueRef::ZSet(zset) if kept => {
            let (start, count, ranks) = limits(zset.len());
            if descending {
                let end = zset.len() - start;
                let members = zset.range_rev(end - count..end);
                members.for_each(|(member, _)| items.push(member));
            } else {
                zset.range(ranks).for_each(|(member, _)| items.push(member));
            }
            Ok(0..count)
        }
        ValueRef::List(list) => {
            list.iter().for_each(|entry| items.push(entry));
            Ok(limits(list.len()).2)
        }
        ValueRef::Set(set) => {
            items.unordered = true;
            set.iter().for_each(|entry| items.push(entry));
            Ok(limits(set.len()).2)
        }
        ValueRef::ZSet(zset) => {
            zset.iter().for_each(|(member, _)| items.push(member));
            Ok(limits(zset.len()).2)
        }
        _ => Err(CommandError::WRONG_TYPE),
    }
}

/// Finds out what each element is ordered by. One that has no weight weighs nothing.
fn weigh(ctx: &mut KeyCtx<'_>, items: &mut Items, options: &Options<'_>) -> CommandResult {
    if options.alpha && options.by.is_none() {
        return Ok(());
    }
    let by = options.by.as_ref().unwrap_or(&Pattern::Element);
    let mut scratch = Scratch::of(options);
    let Items {
        buffer,
        weights,
        items,
        ..
    } = items;
    for item in items {
        let weight = scratch.look_up(ctx, by, &buffer[item.text.clone()]);
        let Some(weight) = weight else { continue };
        if options.alpha {
            let start = weights.len();
            weights.extend_from_slice(weight);
            item.by = Some(start..weights.len());
        } else {
            item.score = parse_f64(weight).ok_or(CommandError::fixed(
                "ERR One or more scores can't be converted into double",
            ))?;
        }
    }
    Ok(())
}

/// Room for the name of a key and for what it holds: finding another key may move that.
#[derive(Default)]
struct Scratch {
    name: Vec<u8>,
    value: Vec<u8>,
    /// What is looked up decides what is stored. The log tells before the command which fields are
    /// gone: when it is read, a field is there until it is told otherwise.
    is_stored: bool,
}

impl Scratch {
    fn of(options: &Options<'_>) -> Scratch {
        Scratch {
            is_stored: options.store.is_some(),
            ..Scratch::default()
        }
    }
}

impl Scratch {
    /// What a pattern names for an element.
    fn look_up<'s>(
        &'s mut self,
        ctx: &mut KeyCtx<'_>,
        pattern: &Pattern<'_>,
        element: &'s [u8],
    ) -> Option<&'s [u8]> {
        let (before, behind, field) = match *pattern {
            Pattern::Element => return Some(element),
            Pattern::Nothing => return None,
            Pattern::Key {
                before,
                behind,
                field,
            } => (before, behind, field),
        };
        self.name.clear();
        self.value.clear();
        for part in [before, element, behind] {
            self.name.extend_from_slice(part);
        }
        let key = ctx.key(&self.name);
        let slot = ctx.read(&key)?;
        let slot = match self.is_stored {
            true => hash::drop_all_expired(ctx, slot)?,
            false => slot,
        };
        match (ctx.db.value(slot), field) {
            (ValueRef::Hash(hash), Some(field)) => {
                let context = HashContext {
                    state: ctx.hasher,
                    limits: HashLimits::default(),
                    now_ms: ctx.fields_now_ms(),
                };
                hash.get(field, context)?.append_to(&mut self.value);
            }
            (value, None) => {
                let mut buffer = itoa::Buffer::new();
                self.value.extend_from_slice(value.string(&mut buffer)?);
            }
            _ => return None,
        }
        Some(&self.value)
    }
}

fn reply(
    ctx: &mut KeyCtx<'_>,
    items: &Items,
    wanted: Range<usize>,
    options: &Options<'_>,
) -> CommandResult {
    let room = Room::of(ctx);
    ctx.reply.array(wanted.len() * options.gets.len().max(1));
    let mut scratch = Scratch::default();
    for item in &items.items[wanted] {
        let element = items.text(item);
        if options.gets.is_empty() {
            ctx.reply.bulk(element);
        }
        for pattern in &options.gets {
            drawn(room.after(&mut ctx.reply))?;
            match scratch.look_up(ctx, pattern, element) {
                Some(value) => ctx.reply.bulk(value),
                None => ctx.reply.null(),
            }
        }
    }
    Ok(())
}

/// Stores the result as a list; an empty one removes the key.
fn store(
    ctx: &mut KeyCtx<'_>,
    target: &[u8],
    items: &Items,
    wanted: Range<usize>,
    options: &Options<'_>,
) {
    let limits = list::limits(ctx);
    let (mut result, mut scratch) = (List::new(), Scratch::of(options));
    for item in &items.items[wanted] {
        let element = items.text(item);
        if options.gets.is_empty() {
            result.push(End::Tail, element, limits);
        }
        for pattern in &options.gets {
            let value = scratch.look_up(ctx, pattern, element);
            result.push(End::Tail, value.unwrap_or_default(), limits);
        }
    }
    let key = ctx.key(target);
    let (found, len) = (ctx.write(&key), result.len());
    match found {
        _ if len > 0 => {
            ctx.set(&key, found, NewValue::Value(Value::List(result)), false);
            ctx.modified(key.bytes);
            ctx.notify(EventClass::LIST, "sortstore", key.bytes);
        }
        Some(slot) => {
            ctx.delete_empty(&key, slot);
            ctx.modified(key.bytes);
        }
        None => {}
    }
    ctx.reply.int(len as i64);
}
