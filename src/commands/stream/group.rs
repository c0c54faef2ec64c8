//! Managing groups: XGROUP.

use crate::commands;
use crate::engine::context::KeyCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::notify::EventClass;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::store::db::{Key, Slot};
use crate::store::types::stream::{Stream, StreamId};
use crate::store::value::{Kind, NewValue, Value};

use super::{no_group, parse_id, stream, stream_mut};

/// XGROUP CREATE key group id|$ [MKSTREAM] [ENTRIESREAD entries-read]
pub fn create(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let options = Options::parse(args, true)?;
    let key = ctx.key(args.at(2));
    let found = match ctx.write_kind(&key, Kind::Stream)? {
        None if !options.mkstream => return Err(NO_KEY),
        found => found,
    };
    if args.len() > 8 {
        return Err(CommandError::subcommand_syntax("XGROUP", args.at(1)));
    }
    let id = match (args.at(4), found) {
        (b"$", None) => StreamId::MIN,
        (b"$", Some(slot)) => stream(ctx, slot)?.last_id(),
        (id, _) => parse_id(id)?,
    };
    let slot = match found {
        Some(slot) => slot,
        None => {
            ctx.effects.touch(ctx.db_index, key.bytes);
            let stream = Value::Stream(Box::new(Stream::new()));
            ctx.insert(&key, NewValue::Value(stream))
        }
    };
    if !stream_mut(ctx, slot)?.create_group(args.at(3), id, options.entries_read) {
        return Err(CommandError::fixed(
            "BUSYGROUP Consumer Group name already exists",
        ));
    }
    ctx.effects.dirty += 1;
    ctx.notify(EventClass::STREAM, "xgroup-create", key.bytes);
    ctx.reply.ok();
    Ok(())
}

/// XGROUP SETID key group id|$ [ENTRIESREAD entries-read]
pub fn setid(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let options = Options::parse(args, false)?;
    let key = ctx.key(args.at(2));
    let slot = find(ctx, &key)?;
    let stream = stream_mut(ctx, slot)?;
    let last_id = stream.last_id();
    let Some(mut group) = stream.group_mut(args.at(3)) else {
        return Err(no_group(key.bytes, args.at(3)));
    };
    if args.len() != 5 && args.len() != 7 {
        return Err(CommandError::subcommand_syntax("XGROUP", args.at(1)));
    }
    let id = match args.at(4) {
        b"$" => last_id,
        id => StreamId::parse(id, 0).ok_or(CommandError::STREAM_ID)?,
    };
    group.set_id(id, options.entries_read);
    // Whoever waits for entries of the group may be served now.
    ctx.effects.dirty += 1;
    ctx.effects.wake(ctx.db_index, key.bytes);
    ctx.notify(EventClass::STREAM, "xgroup-setid", key.bytes);
    ctx.reply.ok();
    Ok(())
}

/// XGROUP DESTROY key group
pub fn destroy(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(2));
    let slot = find(ctx, &key)?;
    let Some(group) = stream_mut(ctx, slot)?.destroy_group(args.at(3)) else {
        ctx.reply.int(0);
        return Ok(());
    };
    let husk = Stream::husk_of(group);
    ctx.db.free_later(Value::Stream(Box::new(husk)));
    // Whoever waits for entries of the group waits in vain.
    ctx.effects.dirty += 1;
    ctx.effects.wake(ctx.db_index, key.bytes);
    ctx.notify(EventClass::STREAM, "xgroup-destroy", key.bytes);
    ctx.reply.int(1);
    Ok(())
}

/// XGROUP CREATECONSUMER key group consumer
pub fn createconsumer(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(2));
    let slot = find(ctx, &key)?;
    let now_ms = ctx.now.unix_ms;
    let Some(mut group) = stream_mut(ctx, slot)?.group_mut(args.at(3)) else {
        return Err(no_group(key.bytes, args.at(3)));
    };
    let created = group.create_consumer(args.at(4), now_ms).is_some();
    if created {
        ctx.effects.dirty += 1;
        ctx.notify(EventClass::STREAM, "xgroup-createconsumer", key.bytes);
    }
    ctx.reply.int(i64::from(created));
    Ok(())
}

/// XGROUP DELCONSUMER key group consumer
pub fn delconsumer(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let key = ctx.key(args.at(2));
    let slot = find(ctx, &key)?;
    let Some(mut group) = stream_mut(ctx, slot)?.group_mut(args.at(3)) else {
        return Err(no_group(key.bytes, args.at(3)));
    };
    let pending = group.delete_consumer(args.at(4));
    if pending.is_some() {
        ctx.effects.dirty += 1;
        ctx.notify(EventClass::STREAM, "xgroup-delconsumer", key.bytes);
    }
    ctx.reply.int(pending.unwrap_or(0) as i64);
    Ok(())
}

/// XGROUP HELP
pub fn help(ctx: &mut KeyCtx<'_>, _args: Args<'_>) -> CommandResult {
    let lines = [
        "CREATE <key> <groupname> <id|$> [option]",
        "    Create a new consumer group. Options are:",
        "    * MKSTREAM",
        "      Create the empty stream if it does not exist.",
        "    * ENTRIESREAD entries_read",
        "      Set the group's entries_read counter (internal use).",
        "CREATECONSUMER <key> <groupname> <consumer>",
        "    Create a new consumer in the specified group.",
        "DELCONSUMER <key> <groupname> <consumer>",
        "    Remove the specified consumer.",
        "DESTROY <key> <groupname>",
        "    Remove the specified group.",
        "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
        "    Set the current group ID and entries_read counter.",
    ];
    commands::help(&mut ctx.reply, "XGROUP", &lines);
    Ok(())
}

const NO_KEY: CommandError = CommandError::fixed(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to \
     use the MKSTREAM option to create an empty stream automatically.",
);

/// The stream, which must be there.
fn find(ctx: &mut KeyCtx<'_>, key: &Key<'_>) -> Result<Slot, CommandError> {
    ctx.write_kind(key, Kind::Stream)?.ok_or(NO_KEY)
}

/// The options of CREATE and SETID.
struct Options {
    mkstream: bool,
    entries_read: Option<u64>,
}

impl Options {
    fn parse(args: Args<'_>, is_create: bool) -> Result<Options, CommandError> {
        let mut options = Options {
            mkstream: false,
            entries_read: None,
        };
        let mut at = 5;
        while at < args.len() {
            let word = args.at(at);
            if is_create && word.eq_ignore_ascii_case(b"mkstream") {
                options.mkstream = true;
                at += 1;
            } else if word.eq_ignore_ascii_case(b"entriesread") && at + 1 < args.len() {
                let read = parse_i64(args.at(at + 1)).ok_or(CommandError::NOT_INTEGER)?;
                if read < -1 {
                    return Err(CommandError::fixed(
                        "ERR value for ENTRIESREAD must be positive or -1",
                    ));
                }
                options.entries_read = u64::try_from(read).ok();
                at += 2;
            } else {
                return Err(CommandError::subcommand_syntax("XGROUP", args.at(1)));
            }
        }
        Ok(options)
    }
}
