//! CLIENT TRACKING CACHING GETREDIR TRACKINGINFO.

use std::collections::BTreeSet;

use crate::engine::context::ServerCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::tracking::Tracked;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;

/// CLIENT TRACKING <ON|OFF> [REDIRECT client-id] [PREFIX prefix ...] [BCAST] [OPTIN] [OPTOUT]
/// [NOLOOP]
pub fn tracking(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let wanted = parse(ctx, args)?;
    let status = args.at(2);
    if status.eq_ignore_ascii_case(b"off") {
        ctx.engine.untrack(ctx.client);
    } else if status.eq_ignore_ascii_case(b"on") {
        let now = ctx.client().tracking.as_deref();
        check(&wanted, now)?;
        let tracked = merged(wanted, now);
        ctx.engine.track(ctx.client, tracked);
    } else {
        return Err(CommandError::SYNTAX);
    }
    ctx.reply.ok();
    Ok(())
}

/// What a command line asks for: prefixes in the order given.
#[derive(Default)]
struct Wanted<'a> {
    options: Tracked,
    prefixes: Vec<&'a [u8]>,
}

fn parse<'a>(ctx: &ServerCtx<'_>, args: Args<'a>) -> Result<Wanted<'a>, CommandError> {
    let mut wanted = Wanted::default();
    let mut at = 3;
    while at < args.len() {
        let word = args.at(at);
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        let options = &mut wanted.options;
        let has_more = at + 1 < args.len();
        if is(b"redirect") && has_more {
            at += 1;
            if options.redirect.is_some() {
                return Err(CommandError::fixed(
                    "ERR A client can only redirect to a single other client",
                ));
            }
            let id = parse_i64(args.at(at)).ok_or(CommandError::NOT_INTEGER)?;
            let id = u64::try_from(id).unwrap_or(0);
            let Some(target) = ctx.engine.clients.by_id(id) else {
                return Err(CommandError::fixed(
                    "ERR The client ID you want redirect to does not exist",
                ));
            };
            options.redirect = Some((id, target.key));
        } else if is(b"prefix") && has_more {
            at += 1;
            wanted.prefixes.push(args.at(at));
        } else if is(b"bcast") {
            options.broadcast = true;
        } else if is(b"optin") {
            options.opt_in = true;
        } else if is(b"optout") {
            options.opt_out = true;
        } else if is(b"noloop") {
            options.no_loop = true;
        } else {
            return Err(CommandError::SYNTAX);
        }
        at += 1;
    }
    Ok(wanted)
}

fn check(wanted: &Wanted<'_>, now: Option<&Tracked>) -> Result<(), CommandError> {
    let options = &wanted.options;
    let fail = |text| Err(CommandError::fixed(text));
    if !options.broadcast && !wanted.prefixes.is_empty() {
        return fail("ERR PREFIX option requires BCAST mode to be enabled");
    }
    if now.is_some_and(|now| now.broadcast != options.broadcast) {
        return fail(
            "ERR You can't switch BCAST mode on/off before disabling tracking for this client, \
             and then re-enabling it with a different mode.",
        );
    }
    if options.broadcast && (options.opt_in || options.opt_out) {
        return fail("ERR OPTIN and OPTOUT are not compatible with BCAST");
    }
    if options.opt_in && options.opt_out {
        return fail("ERR You can't specify both OPTIN mode and OPTOUT mode");
    }
    let switches =
        |now: &Tracked| (options.opt_in && now.opt_out) || (options.opt_out && now.opt_in);
    if now.is_some_and(switches) {
        return fail(
            "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, \
             and then re-enabling it with a different mode.",
        );
    }
    check_prefixes(&wanted.prefixes, now)
}

/// No prefix may begin with another: a change would be told twice.
fn check_prefixes(prefixes: &[&[u8]], now: Option<&Tracked>) -> Result<(), CommandError> {
    let overlap = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
    let fail = |prefix: &[u8], other: &[u8], which: &str| {
        Err(CommandError::new(format!(
            "ERR Prefix '{}' overlaps with {which} prefix '{}'. Prefixes for a single client must \
             not overlap.",
            String::from_utf8_lossy(prefix),
            String::from_utf8_lossy(other)
        )))
    };
    for (at, prefix) in prefixes.iter().enumerate() {
        let known = now.into_iter().flat_map(|now| &now.prefixes);
        for other in known {
            if overlap(prefix, other) {
                return fail(prefix, other, "an existing");
            }
        }
        for other in &prefixes[at + 1..] {
            if overlap(prefix, other) {
                return fail(prefix, other, "another provided");
            }
        }
    }
    Ok(())
}

/// The new options, with the prefixes there were.
fn merged(wanted: Wanted<'_>, now: Option<&Tracked>) -> Tracked {
    let known = now.map(|now| now.prefixes.clone()).unwrap_or_default();
    let mut prefixes: BTreeSet<Box<[u8]>> = known;
    prefixes.extend(wanted.prefixes.iter().map(|prefix| Box::from(*prefix)));
    if wanted.options.broadcast && prefixes.is_empty() {
        prefixes.insert(Box::default());
    }
    Tracked {
        prefixes,
        ..wanted.options
    }
}

/// CLIENT CACHING <YES|NO>
pub fn caching(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let tracked = ctx.client_mut().tracking.as_deref_mut();
    let Some(tracked) = tracked else {
        return Err(CommandError::fixed(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN \
             or OPTOUT mode enabled",
        ));
    };
    let word = args.at(2);
    if word.eq_ignore_ascii_case(b"yes") {
        if !tracked.opt_in {
            return Err(CommandError::fixed(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            ));
        }
    } else if word.eq_ignore_ascii_case(b"no") {
        if !tracked.opt_out {
            return Err(CommandError::fixed(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            ));
        }
    } else {
        return Err(CommandError::SYNTAX);
    }
    tracked.caching = true;
    ctx.reply.ok();
    Ok(())
}

/// CLIENT GETREDIR
pub fn getredir(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let redirect = redirect(ctx.client().tracking.as_deref());
    ctx.reply.int(redirect);
    Ok(())
}

/// Whom a client redirects to: 0 for nobody, -1 if it does not track.
pub(super) fn redirect(tracked: Option<&Tracked>) -> i64 {
    tracked.map_or(-1, |tracked| {
        tracked.redirect.map_or(0, |(id, _)| id as i64)
    })
}

/// CLIENT TRACKINGINFO
pub fn trackinginfo(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let tracked = ctx.client().tracking.clone();
    let flags: Vec<&str> = match tracked.as_deref() {
        None => vec!["off"],
        Some(tracked) => [
            ("on", true),
            ("bcast", tracked.broadcast),
            ("optin", tracked.opt_in),
            ("caching-yes", tracked.opt_in && tracked.caching),
            ("optout", tracked.opt_out),
            ("caching-no", tracked.opt_out && tracked.caching),
            ("noloop", tracked.no_loop),
            ("broken_redirect", tracked.is_broken),
        ]
        .into_iter()
        .filter(|(_, on)| *on)
        .map(|(name, _)| name)
        .collect(),
    };
    ctx.reply.map(3);
    ctx.reply.bulk(b"flags");
    ctx.reply.set(flags.len());
    for flag in flags {
        ctx.reply.bulk(flag.as_bytes());
    }
    ctx.reply.bulk(b"redirect");
    ctx.reply.int(redirect(tracked.as_deref()));
    ctx.reply.bulk(b"prefixes");
    let prefixes = tracked.map(|tracked| tracked.prefixes).unwrap_or_default();
    ctx.reply.array(prefixes.len());
    for prefix in &prefixes {
        ctx.reply.bulk(prefix);
    }
    Ok(())
}
