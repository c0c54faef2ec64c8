//! Keys under another name or in another database: RENAME RENAMENX COPY MOVE SWAPDB.
//!
//! What moves keeps its expiry and its recency. A value is never copied but by COPY.

use crate::commands::parse;
use crate::engine::context::{KeyCtx, ServerCtx};
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::store::db::{Key, Slot};
use crate::store::value::{NewValue, Value};

/// What a key holds besides its name, on the way to another place.
struct Held {
    value: Value,
    /// A short string that OBJECT ENCODING calls raw.
    is_raw: bool,
    expire_at: Option<i64>,
    clock: u32,
}

impl Held {
    fn new(ctx: &mut KeyCtx<'_>, slot: Slot, value: impl FnOnce(&mut KeyCtx<'_>) -> Value) -> Held {
        Held {
            is_raw: ctx.db.string_encoding(slot) == Some("raw"),
            expire_at: ctx.db.expire_at(slot),
            clock: ctx.db.clock(slot),
            value: value(ctx),
        }
    }

    /// Puts it under a key that is absent.
    fn put(self, ctx: &mut KeyCtx<'_>, key: &Key<'_>) {
        let slot = match self.value {
            Value::Str(bytes) if self.is_raw => ctx.insert(key, NewValue::Raw(&bytes)),
            value => ctx.insert(key, value.into()),
        };
        ctx.db.set_expire(slot, self.expire_at);
        ctx.db.set_clock(slot, self.clock);
    }
}

/// RENAME key newkey
pub fn rename(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    give_name(ctx, args, false)?;
    ctx.reply.ok();
    Ok(())
}

/// RENAMENX key newkey
pub fn renamenx(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let done = give_name(ctx, args, true)?;
    ctx.reply.int(done.into());
    Ok(())
}

/// COPY source destination [DB n] [REPLACE]
pub fn copy(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let (mut target, mut replace) = (ctx.client().db, false);
    let mut i = 3;
    while i < args.len() {
        let word = args.at(i);
        if word.eq_ignore_ascii_case(b"replace") {
            replace = true;
        } else if word.eq_ignore_ascii_case(b"db") && i + 1 < args.len() {
            target = parse::database(args.at(i + 1), ctx.engine.config.databases)?;
            i += 1;
        } else {
            return Err(CommandError::SYNTAX);
        }
        i += 1;
    }
    let source = ctx.client().db;
    if source == target && args.at(1) == args.at(2) {
        return Err(CommandError::SAME_OBJECT);
    }
    let done = copy_to(ctx, args, target, replace);
    ctx.reply.int(done.into());
    Ok(())
}

/// MOVE key db [REPLACE]. With a key in the way it replays as the removal of that and a MOVE
/// that any server understands.
pub fn move_(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let replace = match args.get(3) {
        None => false,
        Some(word) if word.eq_ignore_ascii_case(b"replace") && args.len() == 4 => true,
        Some(_) => return Err(CommandError::SYNTAX),
    };
    let target = parse::database(args.at(2), ctx.engine.config.databases)?;
    let source = ctx.client().db;
    if source == target {
        return Err(CommandError::SAME_OBJECT);
    }
    let key = Key::new(&ctx.engine.hasher, args.at(1));
    let found = ctx.keys().write(&key);
    let Some(slot) = found.filter(|_| make_room(&mut ctx.keys_in(target), &key, replace)) else {
        ctx.reply.int(0);
        return Ok(());
    };
    let mut from = ctx.keys();
    if replace {
        from.propagate_as(&[b"MOVE", key.bytes, args.at(2)]);
    }
    let held = Held::new(&mut from, slot, |from| from.db.take(slot));
    from.effects.touch(source, key.bytes);
    let mut to = ctx.keys_in(target);
    held.put(&mut to, &key);
    to.modified(key.bytes);
    to.effects
        .notify(EventClass::GENERIC, "move_from", source, key.bytes);
    to.notify(EventClass::GENERIC, "move_to", key.bytes);
    to.reply.int(1);
    Ok(())
}

/// Whether a place is free for a key, what was there being removed if it may be.
fn make_room(to: &mut KeyCtx<'_>, key: &Key<'_>, replace: bool) -> bool {
    match to.write(key) {
        None => true,
        Some(there) if replace => {
            to.delete(there);
            to.propagate_as(&[b"DEL", key.bytes]);
            true
        }
        Some(_) => false,
    }
}

/// SWAPDB index1 index2
pub fn swapdb(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let first = parse_index(args.at(1), "ERR invalid first DB index")?;
    let second = parse_index(args.at(2), "ERR invalid second DB index")?;
    let databases = ctx.engine.config.databases;
    let first = parse::in_databases(first, databases)?;
    let second = parse::in_databases(second, databases)?;
    let engine = &mut *ctx.engine;
    if first != second {
        if engine.effects.listeners.watch {
            engine.fail_watchers_of(first, Some(second));
            engine.fail_watchers_of(second, Some(first));
        }
        engine.keyspace.swap(first as usize, second as usize);
        if engine.effects.listeners.blocked {
            engine.blocked.database_changed(first);
            engine.blocked.database_changed(second);
        }
    }
    engine.effects.dirty += 1;
    ctx.reply.ok();
    Ok(())
}

/// Whether the key has its new name now: not if that was to be free and is not.
fn give_name(
    ctx: &mut KeyCtx<'_>,
    args: Args<'_>,
    only_if_absent: bool,
) -> Result<bool, CommandError> {
    let (from, to) = (ctx.key(args.at(1)), ctx.key(args.at(2)));
    if ctx.write(&from).is_none() {
        return Err(CommandError::NO_SUCH_KEY);
    }
    if from.bytes == to.bytes {
        return Ok(!only_if_absent);
    }
    if let Some(there) = ctx.write(&to) {
        if only_if_absent {
            return Ok(false);
        }
        ctx.delete(there);
    }
    // What was in the way may have been removed, and so this have been moved.
    let slot = ctx.db.find(&from).ok_or(CommandError::NO_SUCH_KEY)?;
    ctx.db.rename(slot, &to);
    ctx.effects.touch(ctx.db_index, from.bytes);
    ctx.modified(to.bytes);
    ctx.notify(EventClass::NEW, "new", to.bytes);
    ctx.notify(EventClass::GENERIC, "rename_from", from.bytes);
    ctx.notify(EventClass::GENERIC, "rename_to", to.bytes);
    Ok(true)
}

/// Whether the copy was made: not if there is no source, or a destination that is to stay.
fn copy_to(ctx: &mut ServerCtx<'_>, args: Args<'_>, target: u32, replace: bool) -> bool {
    let hasher = ctx.engine.hasher.clone();
    let (from, to) = (Key::new(&hasher, args.at(1)), Key::new(&hasher, args.at(2)));
    if ctx.keys().read(&from).is_none() {
        return false;
    }
    let there = ctx.keys_in(target).write(&to);
    if there.is_some() && !replace {
        return false;
    }
    let mut source = ctx.keys();
    let Some(slot) = source.db.find(&from) else {
        return false;
    };
    let held = Held::new(&mut source, slot, |source| {
        source.db.value(slot).copy(&hasher)
    });
    let mut target = ctx.keys_in(target);
    if let Some(slot) = target.db.find(&to) {
        target.delete(slot);
    }
    held.put(&mut target, &to);
    target.modified(to.bytes);
    target.notify(EventClass::GENERIC, "copy_to", to.bytes);
    true
}

fn parse_index(argument: &[u8], invalid: &'static str) -> Result<i32, CommandError> {
    parse_i64(argument)
        .and_then(|number| i32::try_from(number).ok())
        .ok_or(CommandError::fixed(invalid))
}
