//! OBJECT: how a value is stored and how it was used. Looking does not count as use.

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};

use crate::engine::context::{KeyCtx, ServerCtx};
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::evict::eviction_of;
use crate::resp::args::Args;
use crate::store::db::{Db, Slot};
use crate::store::evict;
use crate::store::value::ValueRef;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    container("object", -2, NO_FLAGS, NO_ACL, &docs::generic::OBJECT),
    key("object|encoding", 3, READ, KEYSPACE, RO_2, encoding, &docs::generic::OBJECT_ENCODING),
    key("object|freq", 3, READ, KEYSPACE, RO_2, freq, &docs::generic::OBJECT_FREQ),
    srv("object|help", 2, LOADING.or(STALE), KEYSPACE, NO_KEYS,
        help, &docs::generic::OBJECT_HELP),
    key("object|idletime", 3, READ, KEYSPACE, RO_2, idletime, &docs::generic::OBJECT_IDLETIME),
    key("object|refcount", 3, READ, KEYSPACE, RO_2, refcount, &docs::generic::OBJECT_REFCOUNT),
];

/// OBJECT ENCODING key
pub fn encoding(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    if let Some(slot) = find(ctx, args) {
        ctx.reply.bulk(encoding_of(ctx.db, slot).as_bytes());
    }
    Ok(())
}

/// OBJECT REFCOUNT key: nothing is shared between keys.
pub fn refcount(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    if find(ctx, args).is_some() {
        ctx.reply.int(1);
    }
    Ok(())
}

/// OBJECT IDLETIME key
pub fn idletime(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let Some(slot) = find(ctx, args) else {
        return Ok(());
    };
    if ctx.config.maxmemory_policy.is_lfu() {
        return Err(CommandError::fixed(
            "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that \
             when switching between policies at runtime LRU and LFU data will take some time to \
             adjust.",
        ));
    }
    let idle_s = idle_ms(ctx, slot) / 1_000;
    ctx.reply.int(idle_s as i64);
    Ok(())
}

/// OBJECT FREQ key
pub fn freq(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    let Some(slot) = find(ctx, args) else {
        return Ok(());
    };
    if !ctx.config.maxmemory_policy.is_lfu() {
        return Err(CommandError::fixed(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please \
             note that when switching between policies at runtime LRU and LFU data will take some \
             time to adjust.",
        ));
    }
    let clock = ctx.db.clock(slot);
    let frequency = evict::frequency(clock, ctx.now, &eviction_of(ctx.config));
    ctx.reply.int(frequency.into());
    Ok(())
}

/// OBJECT HELP
pub fn help(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply,
        "OBJECT",
        &[
            "ENCODING <key>",
            "    Return how the value is stored.",
            "FREQ <key>",
            "    Return how often the key is used, on a logarithmic scale.",
            "IDLETIME <key>",
            "    Return for how many seconds the key was not used.",
            "REFCOUNT <key>",
            "    Return how many refer to the value.",
        ],
    );
    Ok(())
}

/// Redis's name of the way a value is stored.
pub fn encoding_of(db: &Db, slot: Slot) -> &'static str {
    match db.value(slot) {
        ValueRef::List(list) => list.encoding(),
        ValueRef::Set(set) => set.encoding(),
        ValueRef::ZSet(zset) => zset.encoding(),
        ValueRef::Hash(hash) => hash.encoding(),
        ValueRef::Stream(_) => "stream",
        ValueRef::Int(_) | ValueRef::Str(_) | ValueRef::Large(_) => {
            db.string_encoding(slot).unwrap_or("raw")
        }
    }
}

/// How long ago a key was used.
pub fn idle_ms(ctx: &KeyCtx<'_>, slot: Slot) -> u64 {
    evict::idle_ms(ctx.db.clock(slot), ctx.now)
}

/// The key's place, or a null in reply.
fn find(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> Option<Slot> {
    let key = ctx.key(args.at(2));
    let slot = ctx.peek(&key);
    if slot.is_none() {
        ctx.reply.null();
    }
    slot
}
