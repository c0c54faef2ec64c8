//! CLIENT: names, lists, ends, pauses and wakes connections.

mod filter;
mod line;
mod tracking;

use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};

use crate::engine::clients::{ClientKey, Closing, ReplyMode, SessionGates};
use crate::engine::context::ServerCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::engine::pause::PauseMode;
use crate::resp::args::Args;
use crate::resp::number::parse_i64;

use super::connection::check_name;

use filter::Filter;

pub(crate) use line::of as line_of;

/// What all rows have: they run at any time, and leave what CLIENT CACHING said.
const ABOUT_CLIENTS: Flags = LOADING.or(STALE).or(KEEPS_CACHING);

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    container("client", -2, NO_FLAGS, NO_ACL, &docs::connection::CLIENT),
    srv("client|caching", 3, NOSCRIPT.or(ABOUT_CLIENTS).or(ALLOW_BUSY), CONNECTION, NO_KEYS,
        tracking::caching, &docs::connection::CLIENT_CACHING),
    srv("client|capa", -3, NOSCRIPT.or(ABOUT_CLIENTS).or(ALLOW_BUSY), CONNECTION, NO_KEYS,
        capa, &docs::connection::CLIENT_CAPA),
    srv("client|getname", 2, NOSCRIPT.or(ABOUT_CLIENTS).or(ALLOW_BUSY), CONNECTION, NO_KEYS,
        getname, &docs::connection::CLIENT_GETNAME),
    srv("client|getredir", 2, NOSCRIPT.or(ABOUT_CLIENTS).or(ALLOW_BUSY), CONNECTION, NO_KEYS,
        tracking::getredir, &docs::connection::CLIENT_GETREDIR),
    srv("client|help", 2, ABOUT_CLIENTS, CONNECTION, NO_KEYS,
        help, &docs::connection::CLIENT_HELP),
    srv("client|id", 2, NOSCRIPT.or(ABOUT_CLIENTS).or(ALLOW_BUSY), CONNECTION, NO_KEYS,
        id, &docs::connection::CLIENT_ID),
    srv("client|import-source", 3, NOSCRIPT.or(ABOUT_CLIENTS), CONNECTION, NO_KEYS,
        import_source, &docs::connection::CLIENT_IMPORT_SOURCE),
    srv("client|info", 2, NOSCRIPT.or(ABOUT_CLIENTS), CONNECTION, NO_KEYS,
        info, &docs::connection::CLIENT_INFO),
    srv("client|kill", -3, ADMIN.or(NOSCRIPT).or(ABOUT_CLIENTS), CONNECTION, NO_KEYS,
        kill, &docs::connection::CLIENT_KILL),
    srv("client|list", -2, ADMIN.or(NOSCRIPT).or(ABOUT_CLIENTS), CONNECTION, NO_KEYS,
        list, &docs::connection::CLIENT_LIST),
    srv("client|no-evict", 3, ADMIN.or(NOSCRIPT).or(ABOUT_CLIENTS).or(ALLOW_BUSY), CONNECTION,
        NO_KEYS, no_evict, &docs::connection::CLIENT_NO_EVICT),
    srv("client|no-touch", 3, NOSCRIPT.or(ABOUT_CLIENTS).or(ALLOW_BUSY), CONNECTION, NO_KEYS,
        no_touch, &docs::connection::CLIENT_NO_TOUCH),
    srv("client|pause", -3, ADMIN.or(NOSCRIPT).or(ABOUT_CLIENTS), CONNECTION, NO_KEYS,
        pause, &docs::connection::CLIENT_PAUSE),
    srv("client|reply", 3, NOSCRIPT.or(ABOUT_CLIENTS).or(NO_MULTI).or(ALLOW_BUSY), CONNECTION,
        NO_KEYS, reply, &docs::connection::CLIENT_REPLY),
    srv("client|setinfo", 4, NOSCRIPT.or(ABOUT_CLIENTS).or(ALLOW_BUSY), CONNECTION, NO_KEYS,
        setinfo, &docs::connection::CLIENT_SETINFO),
    srv("client|setname", 3, NOSCRIPT.or(ABOUT_CLIENTS).or(ALLOW_BUSY), CONNECTION, NO_KEYS,
        setname, &docs::connection::CLIENT_SETNAME),
    srv("client|tracking", -3, NOSCRIPT.or(ABOUT_CLIENTS), CONNECTION, NO_KEYS,
        tracking::tracking, &docs::connection::CLIENT_TRACKING),
    srv("client|trackinginfo", 2, NOSCRIPT.or(ABOUT_CLIENTS), CONNECTION, NO_KEYS,
        tracking::trackinginfo, &docs::connection::CLIENT_TRACKINGINFO),
    srv("client|unblock", -3, ADMIN.or(NOSCRIPT).or(ABOUT_CLIENTS), CONNECTION, NO_KEYS,
        unblock, &docs::connection::CLIENT_UNBLOCK),
    srv("client|unpause", 2, ADMIN.or(NOSCRIPT).or(ABOUT_CLIENTS), CONNECTION, NO_KEYS,
        unpause, &docs::connection::CLIENT_UNPAUSE),
];

/// CLIENT ID
pub fn id(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let id = ctx.client().id;
    ctx.reply.int(id as i64);
    Ok(())
}

/// CLIENT GETNAME
pub fn getname(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let name = ctx.client().about.name.clone();
    if name.is_empty() {
        ctx.reply.null();
    } else {
        ctx.reply.bulk(&name);
    }
    Ok(())
}

/// CLIENT SETNAME connection-name
pub fn setname(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    check_name(args.at(2))?;
    ctx.client_mut().about.name = args.at(2).into();
    ctx.reply.ok();
    Ok(())
}

/// CLIENT SETINFO <LIB-NAME libname | LIB-VER libver>
pub fn setinfo(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let (name, value) = (args.at(2), args.at(3));
    let text = || String::from_utf8_lossy(name).into_owned();
    let is_name = name.eq_ignore_ascii_case(b"lib-name");
    if !is_name && !name.eq_ignore_ascii_case(b"lib-ver") {
        return Err(CommandError::new(format!(
            "ERR Unrecognized option '{}'",
            text()
        )));
    }
    if check_name(value).is_err() {
        return Err(CommandError::new(format!(
            "ERR {} cannot contain spaces, newlines or special characters.",
            text()
        )));
    }
    let about = &mut ctx.client_mut().about;
    if is_name {
        about.lib_name = value.into();
    } else {
        about.lib_ver = value.into();
    }
    ctx.reply.ok();
    Ok(())
}

/// CLIENT INFO
pub fn info(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let mut text = line::of(ctx.engine, ctx.client());
    text.push(b'\n');
    ctx.reply.verbatim(b"txt", &text);
    Ok(())
}

/// CLIENT LIST [filters]
pub fn list(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let filter = Filter::parse(ctx.engine, args.rest(2))?;
    let mut text = Vec::new();
    for key in matching(ctx, &filter, false) {
        if let Some(client) = ctx.engine.clients.find(key) {
            text.extend(line::of(ctx.engine, client));
            text.push(b'\n');
        }
    }
    ctx.reply.verbatim(b"txt", &text);
    Ok(())
}

/// CLIENT KILL <ip:port | filters>
pub fn kill(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let is_old_form = args.len() == 3;
    let filter = if is_old_form {
        Filter::of_address(args.at(2))
    } else {
        Filter::parse(ctx.engine, args.rest(2))?
    };
    let killed = matching(ctx, &filter, !is_old_form);
    if is_old_form && killed.is_empty() {
        return Err(CommandError::fixed("ERR No such client"));
    }
    for key in &killed {
        if *key == ctx.client {
            ctx.engine.close(*key, Closing::AfterFlush);
        } else {
            ctx.engine.kill(*key);
        }
    }
    if is_old_form {
        ctx.reply.ok();
    } else {
        ctx.reply.int(killed.len() as i64);
    }
    Ok(())
}

/// CLIENT PAUSE timeout [WRITE|ALL]
pub fn pause(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let mode = match args.get(3).filter(|_| args.len() == 4) {
        None => PauseMode::All,
        Some(mode) if mode.eq_ignore_ascii_case(b"all") => PauseMode::All,
        Some(mode) if mode.eq_ignore_ascii_case(b"write") => PauseMode::Write,
        Some(_) => {
            return Err(CommandError::fixed(
                "ERR CLIENT PAUSE mode must be WRITE or ALL",
            ));
        }
    };
    let ms = parse_i64(args.at(2)).ok_or(CommandError::fixed(
        "ERR timeout is not an integer or out of range",
    ))?;
    let ms = u64::try_from(ms).map_err(|_| CommandError::TIMEOUT_NEGATIVE)?;
    let now_us = ctx.engine.now.mono_us;
    let until_us = now_us.saturating_add(ms.saturating_mul(1_000));
    ctx.engine.pause(mode, until_us);
    ctx.reply.ok();
    Ok(())
}

/// CLIENT UNPAUSE
pub fn unpause(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    ctx.engine.unpause();
    ctx.reply.ok();
    Ok(())
}

/// CLIENT REPLY <ON|OFF|SKIP>. What is not to be answered is taken back by the dispatcher.
pub fn reply(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let client = ctx.client_mut();
    let mode = match args.at(2).to_ascii_lowercase().as_slice() {
        b"on" => ReplyMode::On,
        b"off" => ReplyMode::Off,
        b"skip" if client.reply_mode == ReplyMode::Off => ReplyMode::Off,
        b"skip" => ReplyMode::SkipNext,
        _ => return Err(CommandError::SYNTAX),
    };
    client.reply_mode = mode;
    client.gates.set(SessionGates::QUIET, mode != ReplyMode::On);
    if mode == ReplyMode::On {
        ctx.reply.ok();
    }
    Ok(())
}

/// CLIENT UNBLOCK client-id [TIMEOUT|ERROR]
pub fn unblock(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let by_error = match args.get(3).filter(|_| args.len() == 4) {
        None => false,
        Some(reason) if reason.eq_ignore_ascii_case(b"timeout") => false,
        Some(reason) if reason.eq_ignore_ascii_case(b"error") => true,
        Some(_) => {
            return Err(CommandError::fixed(
                "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR",
            ));
        }
    };
    let id = parse_i64(args.at(2)).ok_or(CommandError::NOT_INTEGER)?;
    let target = u64::try_from(id)
        .ok()
        .and_then(|id| ctx.engine.clients.by_id(id))
        .filter(|client| client.is_blocked())
        .map(|client| client.key);
    let Some(target) = target else {
        ctx.reply.int(0);
        return Ok(());
    };
    let error = by_error.then_some("UNBLOCKED client unblocked via CLIENT UNBLOCK");
    ctx.engine.unblock(target, error);
    ctx.reply.int(1);
    Ok(())
}

/// CLIENT NO-EVICT <ON|OFF>
pub fn no_evict(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    ctx.client_mut().no_evict = on_or_off(args.at(2))?;
    ctx.reply.ok();
    Ok(())
}

/// CLIENT NO-TOUCH <ON|OFF>
pub fn no_touch(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    ctx.client_mut().no_touch = on_or_off(args.at(2))?;
    ctx.reply.ok();
    Ok(())
}

/// CLIENT CAPA capability [capability ...]: unknown ones are ignored.
pub fn capa(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let redirect = args
        .iter_from(2)
        .any(|capability| capability.eq_ignore_ascii_case(b"redirect"));
    ctx.client_mut().about.redirect |= redirect;
    ctx.reply.ok();
    Ok(())
}

/// CLIENT IMPORT-SOURCE <ON|OFF>
pub fn import_source(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    if !ctx.engine.config.import_mode {
        return Err(CommandError::fixed("ERR Server is not in import mode"));
    }
    ctx.client_mut().about.import_source = on_or_off(args.at(2))?;
    ctx.reply.ok();
    Ok(())
}

/// CLIENT HELP
pub fn help(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    super::help(&mut ctx.reply, "CLIENT", HELP);
    Ok(())
}

const HELP: &[&str] = &[
    "CACHING (YES|NO)",
    "    Track the keys of the next command, or do not, in OPTIN or OPTOUT mode.",
    "CAPA <option> [options...]",
    "    Say what the client can do. Options are:",
    "    * REDIRECT",
    "      The client follows redirections to another primary.",
    "GETREDIR",
    "    Return the id of the client that gets the invalidations of this one.",
    "GETNAME",
    "    Return the name of this connection.",
    "ID",
    "    Return the id of this connection.",
    "INFO",
    "    Return what CLIENT LIST says of this connection.",
    "KILL <ip:port>",
    "    End the connection from <ip:port>.",
    "KILL <option> <value> [<option> <value> [...]]",
    "    End connections. Options are those of LIST; SKIPME is yes unless said otherwise.",
    "LIST [options ...]",
    "    Return a line for each connection. Options, each also as NOT-<option> but the last three:",
    "    * ID <client-id> [<client-id>...]",
    "    * TYPE (NORMAL|PRIMARY|REPLICA|PUBSUB)",
    "    * USER <username>",
    "    * ADDR <ip:port>",
    "    * LADDR <ip:port>",
    "    * IP <ip>",
    "    * FLAGS <flags>",
    "    * NAME <client-name>",
    "    * LIB-NAME <library-name>",
    "    * LIB-VER <library-version>",
    "    * DB <db-id>",
    "    * CAPA <capa>",
    "    * MAXAGE <seconds>",
    "      Connections at least that old.",
    "    * IDLE <seconds>",
    "      Connections idle for at least that long.",
    "    * SKIPME (YES|NO)",
    "      Leave this connection out.",
    "UNPAUSE",
    "    End a pause.",
    "PAUSE <timeout> [WRITE|ALL]",
    "    Let the commands of all clients, or those that write, wait for <timeout> milliseconds.",
    "REPLY (ON|OFF|SKIP)",
    "    Answer the commands of this connection, or do not.",
    "SETNAME <name>",
    "    Give this connection a name.",
    "SETINFO <option> <value>",
    "    Tell about the client. Options are:",
    "    * LIB-NAME: the name of its library.",
    "    * LIB-VER: the version of its library.",
    "UNBLOCK <clientid> [TIMEOUT|ERROR]",
    "    Wake a blocked client.",
    "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
    "         [OPTIN] [OPTOUT] [NOLOOP]",
    "    Have changes of keys announced for client-side caching.",
    "TRACKINGINFO",
    "    Return how this connection is tracked.",
    "NO-EVICT (ON|OFF)",
    "    Keep this connection when memory of clients is short.",
    "NO-TOUCH (ON|OFF)",
    "    Leave the recency of keys alone.",
    "IMPORT-SOURCE (ON|OFF)",
    "    Let this connection see expired keys while import-mode is on.",
];

/// The connected clients that a filter lets through, oldest first.
fn matching(ctx: &ServerCtx<'_>, filter: &Filter, skip_me: bool) -> Vec<ClientKey> {
    let clients = &ctx.engine.clients;
    let mut keys = clients.keys_by_age();
    let skip_me = filter.skip_me.unwrap_or(skip_me);
    keys.retain(|key| {
        let is_me = *key == ctx.client;
        let client = clients.find(*key).filter(|c| c.closing != Closing::Now);
        client.is_some_and(|client| !(is_me && skip_me) && filter.matches(ctx.engine, client))
    });
    keys
}

fn on_or_off(word: &[u8]) -> Result<bool, CommandError> {
    match word.to_ascii_lowercase().as_slice() {
        b"on" => Ok(true),
        b"off" => Ok(false),
        _ => Err(CommandError::SYNTAX),
    }
}
