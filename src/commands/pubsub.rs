//! Publish and subscribe.

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};
use crate::engine::context::ServerCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::pubsub::Scope;
use crate::resp::args::Args;
use crate::resp::glob;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    srv("psubscribe", -2, PUBSUB.or(NOSCRIPT).or(LOADING).or(STALE).or(SUBSCRIBER_MAY), NO_ACL,
        PSUBSCRIBE_CHANNELS, psubscribe, &docs::pubsub::PSUBSCRIBE),
    srv("publish", 3, PUBSUB.or(LOADING).or(STALE).or(FAST).or(MAY_REPLICATE), NO_ACL,
        PUBLISH_CHANNEL, publish, &docs::pubsub::PUBLISH),
    container("pubsub", -2, NO_FLAGS, NO_ACL, &docs::pubsub::PUBSUB),
    srv("pubsub|channels", -2, PUBSUB.or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        channels, &docs::pubsub::PUBSUB_CHANNELS),
    srv("pubsub|help", 2, LOADING.or(STALE), NO_ACL, NO_KEYS,
        help, &docs::pubsub::PUBSUB_HELP),
    srv("pubsub|numpat", 2, PUBSUB.or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        numpat, &docs::pubsub::PUBSUB_NUMPAT),
    srv("pubsub|numsub", -2, PUBSUB.or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        numsub, &docs::pubsub::PUBSUB_NUMSUB),
    srv("pubsub|shardchannels", -2, PUBSUB.or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        shardchannels, &docs::pubsub::PUBSUB_SHARDCHANNELS),
    srv("pubsub|shardnumsub", -2, PUBSUB.or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        shardnumsub, &docs::pubsub::PUBSUB_SHARDNUMSUB),
    srv("punsubscribe", -1, PUBSUB.or(NOSCRIPT).or(LOADING).or(STALE).or(SUBSCRIBER_MAY), NO_ACL,
        PUNSUBSCRIBE_CHANNELS, punsubscribe, &docs::pubsub::PUNSUBSCRIBE),
    srv("spublish", 3, PUBSUB.or(LOADING).or(STALE).or(FAST).or(MAY_REPLICATE), NO_ACL,
        SPUBLISH_CHANNEL, spublish, &docs::pubsub::SPUBLISH),
    srv("ssubscribe", -2, PUBSUB.or(NOSCRIPT).or(LOADING).or(STALE).or(SUBSCRIBER_MAY), NO_ACL,
        SSUBSCRIBE_CHANNELS, ssubscribe, &docs::pubsub::SSUBSCRIBE),
    srv("subscribe", -2, PUBSUB.or(NOSCRIPT).or(LOADING).or(STALE).or(SUBSCRIBER_MAY), NO_ACL,
        SUBSCRIBE_CHANNELS, subscribe, &docs::pubsub::SUBSCRIBE),
    srv("sunsubscribe", -1, PUBSUB.or(NOSCRIPT).or(LOADING).or(STALE).or(SUBSCRIBER_MAY), NO_ACL,
        SUNSUBSCRIBE_CHANNELS, sunsubscribe, &docs::pubsub::SUNSUBSCRIBE),
    srv("unsubscribe", -1, PUBSUB.or(NOSCRIPT).or(LOADING).or(STALE).or(SUBSCRIBER_MAY), NO_ACL,
        UNSUBSCRIBE_CHANNELS, unsubscribe, &docs::pubsub::UNSUBSCRIBE),
];

/// SUBSCRIBE channel [channel ...]
pub fn subscribe(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    subscribe_to(ctx, args, Scope::Channel, "subscribe")
}

/// PSUBSCRIBE pattern [pattern ...]
pub fn psubscribe(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    subscribe_to(ctx, args, Scope::Pattern, "psubscribe")
}

/// SSUBSCRIBE shardchannel [shardchannel ...]
pub fn ssubscribe(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    subscribe_to(ctx, args, Scope::Shard, "ssubscribe")
}

/// UNSUBSCRIBE [channel [channel ...]]
pub fn unsubscribe(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    unsubscribe_from(ctx, args, Scope::Channel, "unsubscribe")
}

/// PUNSUBSCRIBE [pattern [pattern ...]]
pub fn punsubscribe(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    unsubscribe_from(ctx, args, Scope::Pattern, "punsubscribe")
}

/// SUNSUBSCRIBE [shardchannel [shardchannel ...]]
pub fn sunsubscribe(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    unsubscribe_from(ctx, args, Scope::Shard, "sunsubscribe")
}

/// PUBLISH channel message
pub fn publish(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let receivers = ctx.engine.publish(args.at(1), args.at(2));
    ctx.reply.int(receivers as i64);
    Ok(())
}

/// SPUBLISH shardchannel message
pub fn spublish(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let receivers = ctx.engine.publish_shard(args.at(1), args.at(2));
    ctx.reply.int(receivers as i64);
    Ok(())
}

/// PUBSUB CHANNELS [pattern]
pub fn channels(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    list_channels(ctx, args, Scope::Channel)
}

/// PUBSUB SHARDCHANNELS [pattern]
pub fn shardchannels(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    list_channels(ctx, args, Scope::Shard)
}

/// PUBSUB NUMSUB [channel [channel ...]]
pub fn numsub(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    count_subscribers(ctx, args, Scope::Channel)
}

/// PUBSUB SHARDNUMSUB [shardchannel [shardchannel ...]]
pub fn shardnumsub(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    count_subscribers(ctx, args, Scope::Shard)
}

/// PUBSUB NUMPAT
pub fn numpat(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let patterns = ctx.engine.pubsub.of(Scope::Pattern).len();
    ctx.reply.int(patterns as i64);
    Ok(())
}

/// PUBSUB HELP
pub fn help(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply,
        "PUBSUB",
        &[
            "CHANNELS [<pattern>]",
            "    List the channels with subscribers, all or those that match a pattern.",
            "NUMPAT",
            "    Count the patterns subscribed to.",
            "NUMSUB [<channel> ...]",
            "    Count the subscribers of channels, patterns not included.",
            "SHARDCHANNELS [<pattern>]",
            "    List the shard channels with subscribers.",
            "SHARDNUMSUB [<shardchannel> ...]",
            "    Count the subscribers of shard channels.",
        ],
    );
    Ok(())
}

fn subscribe_to(
    ctx: &mut ServerCtx<'_>,
    args: Args<'_>,
    scope: Scope,
    kind: &str,
) -> CommandResult {
    if ctx.caller.deny_blocking && !ctx.caller.in_exec {
        let name = kind.to_ascii_uppercase();
        return Err(CommandError::new(format!(
            "ERR {name} isn't allowed for a DENY BLOCKING client"
        )));
    }
    for name in args.iter_from(1) {
        ctx.engine.subscribe(ctx.client, scope, name);
        confirm(ctx, kind, Some(name), scope);
    }
    Ok(())
}

fn unsubscribe_from(
    ctx: &mut ServerCtx<'_>,
    args: Args<'_>,
    scope: Scope,
    kind: &str,
) -> CommandResult {
    if args.len() > 1 {
        for name in args.iter_from(1) {
            ctx.engine.unsubscribe(ctx.client, scope, name);
            confirm(ctx, kind, Some(name), scope);
        }
        return Ok(());
    }
    let names = ctx.engine.subscriptions_of(ctx.client, scope);
    for name in &names {
        ctx.engine.unsubscribe(ctx.client, scope, name);
        confirm(ctx, kind, Some(name), scope);
    }
    if names.is_empty() {
        confirm(ctx, kind, None, scope);
    }
    Ok(())
}

fn confirm(ctx: &mut ServerCtx<'_>, kind: &str, name: Option<&[u8]>, scope: Scope) {
    let count = ctx
        .client()
        .subscriptions
        .as_ref()
        .map_or(0, |state| state.count(scope));
    ctx.reply.push(3);
    ctx.reply.bulk(kind.as_bytes());
    match name {
        Some(name) => ctx.reply.bulk(name),
        None => ctx.reply.null(),
    }
    ctx.reply.int(count as i64);
}

fn list_channels(ctx: &mut ServerCtx<'_>, args: Args<'_>, scope: Scope) -> CommandResult {
    if args.len() > 3 {
        let name = String::from_utf8_lossy(args.at(1));
        return Err(CommandError::new(format!(
            "ERR unknown subcommand or wrong number of arguments for '{name}'. Try PUBSUB HELP."
        )));
    }
    let mark = ctx.reply.begin_array();
    let mut count = 0;
    for channel in ctx.engine.pubsub.of(scope).keys() {
        if args
            .get(2)
            .is_none_or(|pattern| glob::matches(pattern, channel, false))
        {
            ctx.reply.bulk(channel);
            count += 1;
        }
    }
    ctx.reply.end_array(mark, count);
    Ok(())
}

fn count_subscribers(ctx: &mut ServerCtx<'_>, args: Args<'_>, scope: Scope) -> CommandResult {
    let names = args.rest(2);
    ctx.reply.array(2 * names.len());
    for name in names {
        ctx.reply.bulk(name);
        let subscribers = ctx
            .engine
            .pubsub
            .of(scope)
            .get(name)
            .map_or(0, |clients| clients.len());
        ctx.reply.int(subscribers as i64);
    }
    Ok(())
}
