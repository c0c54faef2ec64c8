//! From one list to another: LMOVE RPOPLPUSH LMOVEM.

use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::store::db::Key;
use crate::store::types::list::End;
use crate::store::value::Kind;

use super::ends::{move_words, push_event, removed};
use super::{end_word, limits, list, list_mut, make, parse_end};

/// LMOVE source destination LEFT|RIGHT LEFT|RIGHT
pub fn lmove(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let ends = (parse_end(args.at(3))?, parse_end(args.at(4))?);
    if !move_one(ctx, args.at(1), args.at(2), ends)? {
        ctx.reply.null();
    }
    Ok(())
}

/// RPOPLPUSH source destination
pub fn rpoplpush(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    if !move_one(ctx, args.at(1), args.at(2), (End::Tail, End::Head))? {
        ctx.reply.null();
    }
    Ok(())
}

/// LMOVEM source destination LEFT|RIGHT LEFT|RIGHT [COUNT n|EXACTLY n OBO|BULK]
pub fn lmovem(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let request = MoveMany::parse(args, 5)?;
    if !request.serve(ctx)? {
        ctx.reply.null_array();
    }
    Ok(())
}

/// Moves one element and replies with it; whether there was one.
pub fn move_one(
    ctx: &mut KeyCtx<'_>,
    from: &[u8],
    to: &[u8],
    ends: (End, End),
) -> Result<bool, CommandError> {
    let (source, target) = (ctx.key(from), ctx.key(to));
    let Some(slot) = ctx.write_kind(&source, Kind::List)? else {
        return Ok(false);
    };
    ctx.write_kind(&target, Kind::List)?;
    let limits = limits(ctx);
    let mut element = Vec::new();
    list_mut(ctx, slot)?.pop_into(ends.0, &mut element, limits);
    ctx.reply.bulk(&element);
    push_and_settle(ctx, (&source, &target), ends, [element.as_slice()])?;
    if ctx.effects.listeners.propagation {
        ctx.propagate_as(&move_words(from, to, ends));
    }
    Ok(true)
}

/// Pushes what was popped from `source` to `target`, then tells of both.
fn push_and_settle<'e>(
    ctx: &mut KeyCtx<'_>,
    (source, target): (&Key<'_>, &Key<'_>),
    ends: (End, End),
    elements: impl IntoIterator<Item = &'e [u8]>,
) -> Result<(), CommandError> {
    let limits = limits(ctx);
    let slot = make(ctx, target)?;
    let list = list_mut(ctx, slot)?;
    let mut count = 0;
    for element in elements {
        list.push(ends.1, element, limits);
        count += 1;
    }
    ctx.effects.touch(ctx.db_index, target.bytes);
    ctx.notify(EventClass::LIST, push_event(ends.1), target.bytes);
    if let Some(slot) = ctx.peek(source) {
        let is_empty = list_mut(ctx, slot)?.is_empty();
        removed(ctx, source, slot, ends.0, count, is_empty);
    }
    Ok(())
}

/// What LMOVEM and BLMOVEM ask for.
pub struct MoveMany<'a> {
    /// The source.
    pub from: &'a [u8],
    to: &'a [u8],
    ends: (End, End),
    count: usize,
    exactly: bool,
    /// One by one, as LMOVE repeated would; else as one block in the order of the source.
    one_by_one: bool,
}

impl<'a> MoveMany<'a> {
    /// Reads the command; its options begin at argument `place`.
    pub fn parse(args: Args<'a>, place: usize) -> Result<MoveMany<'a>, CommandError> {
        let mut request = MoveMany {
            from: args.at(1),
            to: args.at(2),
            ends: (parse_end(args.at(3))?, parse_end(args.at(4))?),
            count: 1,
            exactly: false,
            one_by_one: true,
        };
        if args.len() == place {
            return Ok(request);
        }
        let is = |at: usize, word: &str| args.at(at).eq_ignore_ascii_case(word.as_bytes());
        let known = is(place, "count") || is(place, "exactly");
        let ordered = is(place + 2, "obo") || is(place + 2, "bulk");
        if args.len() != place + 3 || !known || !ordered {
            return Err(CommandError::SYNTAX);
        }
        let count = parse_i64(args.at(place + 1)).filter(|count| *count > 0);
        let count = count.ok_or(CommandError::fixed("ERR count should be greater than 0"))?;
        request.count = usize::try_from(count).unwrap_or(usize::MAX);
        request.exactly = is(place, "exactly");
        request.one_by_one = is(place + 2, "obo");
        Ok(request)
    }

    /// Moves and replies with the elements in the order in which they lie at the destination;
    /// whether there were enough.
    pub fn serve(&self, ctx: &mut KeyCtx<'_>) -> Result<bool, CommandError> {
        let (source, target) = (ctx.key(self.from), ctx.key(self.to));
        let Some(slot) = ctx.write_kind(&source, Kind::List)? else {
            return Ok(false);
        };
        ctx.write_kind(&target, Kind::List)?;
        let len = list(ctx, slot)?.len();
        if self.exactly && len < self.count {
            return Ok(false);
        }
        let count = self.count.min(len);
        let mut elements = self.pop(ctx, slot, count)?;
        // Pushed one behind the other to the head, the last comes first.
        let to_head = self.ends.1 == End::Head;
        if !self.one_by_one {
            let popped_backwards = self.ends.0 == End::Tail;
            if popped_backwards != to_head {
                elements.reverse();
            }
        }
        ctx.reply.array(count);
        let write = |ctx: &mut KeyCtx<'_>, element: &Vec<u8>| ctx.reply.bulk(element);
        if to_head {
            elements
                .iter()
                .rev()
                .for_each(|element| write(ctx, element));
        } else {
            elements.iter().for_each(|element| write(ctx, element));
        }
        let pushed = elements.iter().map(Vec::as_slice);
        push_and_settle(ctx, (&source, &target), self.ends, pushed)?;
        self.propagate(ctx, count);
        Ok(true)
    }

    fn pop(
        &self,
        ctx: &mut KeyCtx<'_>,
        slot: crate::store::db::Slot,
        count: usize,
    ) -> Result<Vec<Vec<u8>>, CommandError> {
        let limits = limits(ctx);
        let list = list_mut(ctx, slot)?;
        let mut elements = Vec::with_capacity(count);
        for _ in 0..count {
            let mut element = Vec::new();
            list.pop_into(self.ends.0, &mut element, limits);
            elements.push(element);
        }
        Ok(elements)
    }

    fn propagate(&self, ctx: &mut KeyCtx<'_>, count: usize) {
        if ctx.effects.listeners.propagation {
            let order: &[u8] = if self.one_by_one { b"OBO" } else { b"BULK" };
            let count = count.to_string();
            let (from, to) = (end_word(self.ends.0), end_word(self.ends.1));
            let words = [
                b"LMOVEM",
                self.from,
                self.to,
                from,
                to,
                b"COUNT",
                count.as_bytes(),
                order,
            ];
            ctx.propagate_as(&words);
        }
    }
}
