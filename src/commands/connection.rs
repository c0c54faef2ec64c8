//! PING ECHO SELECT HELLO AUTH QUIT RESET: what a client says about itself.

use crate::acl::DEFAULT;
use crate::commands::acl::authenticate;
use crate::commands::{docs, parse};
use crate::dispatch::{keys::*, table::*};

use crate::engine::clients::{Closing, SessionGates};
use crate::engine::context::{KeyCtx, ServerCtx};
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::number::parse_i64;
use crate::resp::reply::{Protocol, Reply};
use crate::{REDIS_VERSION, VERSION};

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    srv("auth", -2, NOSCRIPT.or(LOADING).or(STALE).or(FAST).or(NO_AUTH).or(ALLOW_BUSY), CONNECTION,
        NO_KEYS, auth, &docs::connection::AUTH).hiding(Secrets::Login),
    key("echo", 2, LOADING.or(STALE).or(FAST), CONNECTION, NO_KEYS,
        echo, &docs::connection::ECHO),
    srv("hello", -1, NOSCRIPT.or(LOADING).or(STALE).or(FAST).or(NO_AUTH).or(ALLOW_BUSY), CONNECTION,
        NO_KEYS, hello, &docs::connection::HELLO).hiding(Secrets::LoginOption),
    srv("ping", -1, FAST.or(SUBSCRIBER_MAY).or(TELLS_OF_DISK), CONNECTION, NO_KEYS,
        ping, &docs::connection::PING),
    srv("quit", -1, NOSCRIPT.or(LOADING).or(STALE).or(FAST).or(NO_AUTH).or(ALLOW_BUSY)
        .or(RUNS_IN_MULTI).or(SUBSCRIBER_MAY), CONNECTION, NO_KEYS, quit, &docs::connection::QUIT),
    srv("reset", 1, NOSCRIPT.or(LOADING).or(STALE).or(FAST).or(NO_AUTH).or(ALLOW_BUSY)
        .or(RUNS_IN_MULTI).or(SUBSCRIBER_MAY), CONNECTION, NO_KEYS,
        reset, &docs::connection::RESET),
    srv("select", 2, LOADING.or(STALE).or(FAST).or(ALLOW_BUSY), CONNECTION, NO_KEYS,
        select, &docs::connection::SELECT).about(Databases::Named(&[1])),
];

/// PING [message]
pub fn ping(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    if args.len() > 2 {
        return Err(CommandError::wrong_arity("ping"));
    }
    let subscriber = ctx.client().gates.has(SessionGates::SUBSCRIBER);
    if subscriber && ctx.client().protocol == Protocol::Resp2 {
        ctx.reply.array(2);
        ctx.reply.bulk(b"pong");
        ctx.reply.bulk(args.at(1));
    } else if let Some(message) = args.get(1) {
        ctx.reply.bulk(message);
    } else {
        ctx.reply.simple("PONG");
    }
    Ok(())
}

/// ECHO message
pub fn echo(ctx: &mut KeyCtx<'_>, args: Args<'_>) -> CommandResult {
    ctx.reply.bulk(args.at(1));
    Ok(())
}

/// SELECT index
pub fn select(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let db = parse::database(args.at(1), ctx.engine.config.databases)?;
    ctx.client_mut().db = db;
    ctx.reply.ok();
    Ok(())
}

/// QUIT
pub fn quit(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    ctx.reply.ok();
    ctx.engine.close(ctx.client, Closing::AfterFlush);
    Ok(())
}

/// AUTH [username] password
pub fn auth(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    if args.len() > 3 {
        return Err(CommandError::SYNTAX);
    }
    let (user, password) = match args.get(2) {
        Some(password) => (args.at(1), password),
        None if default_is_open(ctx) => {
            return Err(CommandError::fixed(
                "ERR AUTH <password> called without any password configured for the default user. \
                 Are you sure your configuration is correct?",
            ));
        }
        None => (&b"default"[..], args.at(1)),
    };
    authenticate(ctx, user, password)?;
    ctx.reply.ok();
    Ok(())
}

fn default_is_open(ctx: &ServerCtx<'_>) -> bool {
    let user = ctx.engine.users.find(DEFAULT);
    user.is_some_and(|user| user.is_open)
}

/// HELLO [protover [AUTH username password] [SETNAME clientname]]
pub fn hello(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let mut protocol = ctx.client().protocol;
    if let Some(version) = args.get(1) {
        protocol = match parse_i64(version) {
            None => {
                return Err(CommandError::fixed(
                    "ERR Protocol version is not an integer or out of range",
                ));
            }
            Some(2) => Protocol::Resp2,
            Some(3) => Protocol::Resp3,
            Some(_) => return Err(CommandError::fixed("NOPROTO unsupported protocol version")),
        };
    }
    let options = hello_options(args)?;
    if let Some((user, password)) = options.auth {
        authenticate(ctx, user, password)?;
    }
    if ctx.client().gates.has(SessionGates::UNAUTHENTICATED) {
        return Err(CommandError::fixed(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
             HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and \
             select the RESP protocol version at the same time",
        ));
    }
    if let Some(name) = options.name {
        check_name(name)?;
        ctx.client_mut().about.name = name.into();
    }
    ctx.client_mut().protocol = protocol;
    ctx.reply.set_protocol(protocol);
    let id = ctx.client().id;
    hello_reply(&mut ctx.reply, protocol, id);
    Ok(())
}

/// RESET: the connection is as a new one, but for what CLIENT SETINFO said of the library.
pub fn reset(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    ctx.client_mut().reset();
    let (engine, client) = (&mut *ctx.engine, ctx.client);
    engine.begin_session(client);
    engine.unwatch(client);
    engine.unsubscribe_all(client);
    engine.untrack(client);
    engine.unmonitor(client);
    ctx.reply.set_protocol(Protocol::Resp2);
    ctx.reply.simple("RESET");
    Ok(())
}

/// Names and values that CLIENT SETNAME and SETINFO take: printable, no spaces.
///
/// # Errors
/// Redis's, if `name` has other bytes.
pub fn check_name(name: &[u8]) -> Result<(), CommandError> {
    if name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        return Ok(());
    }
    Err(CommandError::fixed(
        "ERR Client names cannot contain spaces, newlines or special characters.",
    ))
}

#[derive(Default)]
struct HelloOptions<'a> {
    auth: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

fn hello_options(args: Args<'_>) -> Result<HelloOptions<'_>, CommandError> {
    let mut options = HelloOptions::default();
    let mut i = 2;
    while i < args.len() {
        let left = args.len() - i - 1;
        if args.at(i).eq_ignore_ascii_case(b"auth") && left >= 2 {
            options.auth = Some((args.at(i + 1), args.at(i + 2)));
            i += 3;
        } else if args.at(i).eq_ignore_ascii_case(b"setname") && left >= 1 {
            options.name = Some(args.at(i + 1));
            i += 2;
        } else {
            let option = String::from_utf8_lossy(args.at(i)).into_owned();
            return Err(CommandError::new(format!(
                "ERR Syntax error in HELLO option '{option}'"
            )));
        }
    }
    Ok(options)
}

fn hello_reply(reply: &mut Reply<'_>, protocol: Protocol, id: u64) {
    reply.map(8);
    reply.bulk(b"server");
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(REDIS_VERSION.as_bytes());
    reply.bulk(b"kvd_version");
    reply.bulk(VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.int(if protocol == Protocol::Resp3 { 3 } else { 2 });
    reply.bulk(b"id");
    reply.int(id as i64);
    reply.bulk(b"mode");
    reply.bulk(b"standalone");
    reply.bulk(b"role");
    reply.bulk(b"master");
    reply.bulk(b"modules");
    reply.array(0);
}
