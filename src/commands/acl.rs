//! ACL: users, and what they may do.

use crate::acl::{AclLog, Context, DEFAULT, Denied, Reason, Request, Rules, User, merge_selectors};
use crate::commands::client::line_of;
use crate::commands::docs;
use crate::dispatch::{keys::*, table::*};

use crate::engine::Engine;
use crate::engine::clients::{ClientKey, SessionGates};
use crate::engine::context::ServerCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::resp::args::Args;
use crate::resp::number::parse_i64;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    container("acl", -2, NO_FLAGS, NO_ACL, &docs::server::ACL),
    srv("acl|cat", -2, NOSCRIPT.or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        cat, &docs::server::ACL_CAT),
    srv("acl|deluser", -3, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        deluser, &docs::server::ACL_DELUSER).hiding(Secrets::Users),
    srv("acl|dryrun", -4, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        dryrun, &docs::server::ACL_DRYRUN),
    srv("acl|genpass", -2, NOSCRIPT.or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        genpass, &docs::server::ACL_GENPASS),
    srv("acl|getuser", 3, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        getuser, &docs::server::ACL_GETUSER).hiding(Secrets::Users),
    srv("acl|help", 2, LOADING.or(STALE), NO_ACL, NO_KEYS,
        help, &docs::server::ACL_HELP),
    srv("acl|list", 2, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        list, &docs::server::ACL_LIST),
    srv("acl|load", 2, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        load, &docs::server::ACL_LOAD),
    srv("acl|log", -2, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        log, &docs::server::ACL_LOG),
    srv("acl|save", 2, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        save, &docs::server::ACL_SAVE),
    srv("acl|setuser", -3, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        setuser, &docs::server::ACL_SETUSER).hiding(Secrets::Users),
    srv("acl|users", 2, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        users, &docs::server::ACL_USERS),
    srv("acl|whoami", 2, NOSCRIPT.or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        whoami, &docs::server::ACL_WHOAMI),
];

/// The largest number of bits of ACL GENPASS.
const GENPASS_BITS_MAX: i64 = 4096;
const NO_ACL_FILE: CommandError = CommandError::fixed(
    "ERR This instance is not configured to use an ACL file. You may want to specify users via the \
     ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a configuration file \
     set) in order to store users in the configuration.",
);

/// Whether a restricted client may run a command; a refusal is logged.
///
/// # Errors
/// NOPERM.
pub fn check(
    engine: &mut Engine,
    key: ClientKey,
    found: Found,
    args: Args<'_>,
    context: Context,
) -> Result<(), CommandError> {
    let Some(client) = engine.clients.find(key) else {
        return Ok(());
    };
    if !client.gates.has(SessionGates::RESTRICTED) {
        return Ok(());
    }
    let request = Request {
        id: found.id,
        command: found.command,
        args,
        db: client.db,
    };
    let user = client.about.user.to_vec();
    if let Err(denied) = engine.check_user(key, &request) {
        let line = engine
            .clients
            .find(key)
            .map(|client| line_of(engine, client));
        let (reason, object) = match &denied {
            Denied::Command => (Reason::Command, found.command.name.into()),
            Denied::Key(name) => (Reason::Key, name.clone()),
            Denied::Channel(name) => (Reason::Channel, name.clone()),
            Denied::Database(object) => (Reason::Database, object.clone()),
        };
        let error = refusal(&denied, &user, found.command.name);
        engine.note_refusal((reason, object), context, user, line.unwrap_or_default());
        return Err(error);
    }
    check_sort(engine, &user, &request)
}

/// The error line of a refusal. A key or channel is not named: it may be a secret.
fn refusal(denied: &Denied, user: &[u8], command: &str) -> CommandError {
    match denied {
        Denied::Command => CommandError::new(format!(
            "NOPERM User {} has no permissions to run the '{command}' command",
            String::from_utf8_lossy(user)
        )),
        Denied::Key(_) => CommandError::fixed("NOPERM No permissions to access a key"),
        Denied::Channel(_) => CommandError::fixed("NOPERM No permissions to access a channel"),
        Denied::Database(_) => CommandError::fixed("NOPERM No permissions to access database"),
    }
}

/// SORT BY and GET read keys that no argument names: only who may read all of them may use them.
fn check_sort(engine: &Engine, user: &[u8], request: &Request<'_>) -> Result<(), CommandError> {
    if !matches!(request.command.keys.search, Search::Sort | Search::SortRo) {
        return Ok(());
    }
    let may_follow = |user: &User| user.may_read_beyond(request);
    if engine.users.find(user).is_none_or(may_follow) {
        return Ok(());
    }
    let args = request.args;
    for at in 2..args.len().saturating_sub(1) {
        let (word, pattern) = (args.at(at), args.at(at + 1));
        if word.eq_ignore_ascii_case(b"by") && pattern.contains(&b'*') {
            return Err(CommandError::SORT_BY_DENIED);
        }
        if word.eq_ignore_ascii_case(b"get") {
            return Err(CommandError::SORT_GET_DENIED);
        }
    }
    Ok(())
}

/// Makes a client a user, if the password is right.
///
/// # Errors
/// WRONGPASS; it is logged.
pub fn authenticate(ctx: &mut ServerCtx<'_>, name: &[u8], password: &[u8]) -> CommandResult {
    let user = ctx.engine.users.find(name);
    if user.is_some_and(|user| user.authenticates(password)) {
        ctx.engine.become_user(ctx.client, name);
        return Ok(());
    }
    let line = line_of(ctx.engine, ctx.client());
    let peer = ctx.client().about.endpoint.peer();
    tracing::warn!(
        "Failed login as '{}' from {peer}",
        String::from_utf8_lossy(name).escape_debug()
    );
    let context = if ctx.caller.in_exec {
        Context::Multi
    } else {
        Context::TopLevel
    };
    let object = (Reason::Auth, b"AUTH".to_vec());
    ctx.engine
        .note_refusal(object, context, name.to_vec(), line);
    Err(CommandError::WRONG_PASS)
}

/// ACL CAT [category]
pub fn cat(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let Some(name) = args.get(2) else {
        let names: Vec<&str> = Acl::all().map(|(_, name)| name).collect();
        ctx.reply.array(names.len());
        names
            .iter()
            .for_each(|name| ctx.reply.bulk(name.as_bytes()));
        return Ok(());
    };
    if args.len() > 3 {
        return Err(CommandError::subcommand_syntax("ACL", args.at(1)));
    }
    let category = Acl::named(name).ok_or_else(|| {
        CommandError::new(format!(
            "ERR Unknown category '{}'",
            String::from_utf8_lossy(name)
        ))
    })?;
    let is_in = |(_, command): &(CommandId, &Command)| command.categories().contains(category);
    let rows = ctx.engine.registry.all().filter(is_in);
    let names: Vec<&str> = rows.map(|(_, command)| command.name).collect();
    ctx.reply.array(names.len());
    names
        .iter()
        .for_each(|name| ctx.reply.bulk(name.as_bytes()));
    Ok(())
}

/// ACL WHOAMI
pub fn whoami(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let user = ctx.client().about.user.clone();
    ctx.reply.bulk(&user);
    Ok(())
}

/// ACL USERS
pub fn users(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let names: Vec<Vec<u8>> = ctx
        .engine
        .users
        .iter()
        .map(|user| user.name().to_vec())
        .collect();
    ctx.reply.array(names.len());
    names.iter().for_each(|name| ctx.reply.bulk(name));
    Ok(())
}

/// The users as lines of a file.
pub fn lines(engine: &Engine) -> Vec<Vec<u8>> {
    let line = |user: &User| [b"user ", user.name(), b" ", &user.describe()[..]].concat();
    engine.users.iter().map(line).collect()
}

/// ACL LIST
pub fn list(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let lines = lines(ctx.engine);
    ctx.reply.array(lines.len());
    lines.iter().for_each(|line| ctx.reply.bulk(line));
    Ok(())
}

/// ACL SETUSER username [rule [rule ...]]
pub fn setuser(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let name = args.at(2);
    if name.iter().any(|byte| matches!(byte, b' ' | 0)) {
        return Err(CommandError::fixed(
            "ERR Usernames can't contain spaces or null characters",
        ));
    }
    let engine = &mut *ctx.engine;
    let all_channels = engine.grants_channels();
    let words: Vec<&[u8]> = args.iter_from(3).collect();
    let rules =
        merge_selectors(&words).map_err(|error| CommandError::new(format!("ERR {error}")))?;
    let known = engine.users.find(name).cloned();
    let mut user = known.unwrap_or_else(|| User::new(name, &engine.registry, all_channels));
    for rule in &rules {
        user.apply(rule, &engine.registry, all_channels)
            .map_err(|error| {
                let rule = String::from_utf8_lossy(rule);
                CommandError::new(format!(
                    "ERR Error in ACL SETUSER modifier '{rule}': {error}"
                ))
            })?;
    }
    engine.users.insert(user);
    engine.user_changed(name);
    ctx.reply.ok();
    Ok(())
}

/// ACL DELUSER username [username ...]
pub fn deluser(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    if args.iter_from(2).any(|name| name == DEFAULT) {
        return Err(CommandError::fixed(
            "ERR The 'default' user cannot be removed",
        ));
    }
    let mut removed = 0;
    for name in args.iter_from(2) {
        if ctx.engine.users.remove(name) {
            removed += 1;
            ctx.engine.user_changed(name);
        }
    }
    ctx.reply.int(removed);
    Ok(())
}

/// ACL GETUSER username
pub fn getuser(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let Some(user) = ctx.engine.users.find(args.at(2)).cloned() else {
        ctx.reply.null();
        return Ok(());
    };
    let reply = &mut ctx.reply;
    reply.map(7);
    reply.bulk(b"flags");
    let flags: Vec<&str> = user.flags().collect();
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"passwords");
    reply.array(user.passwords().len());
    user.passwords().for_each(|hash| reply.bulk(hash));
    reply_rules(ctx, user.root());
    ctx.reply.bulk(b"selectors");
    ctx.reply.array(user.selectors().len());
    for rules in user.selectors() {
        ctx.reply.map(4);
        reply_rules(ctx, rules);
    }
    Ok(())
}

fn reply_rules(ctx: &mut ServerCtx<'_>, rules: &Rules) {
    let reply = &mut ctx.reply;
    reply.bulk(b"commands");
    reply.bulk(rules.commands_text().as_bytes());
    reply.bulk(b"keys");
    reply.bulk(&rules.keys_text());
    reply.bulk(b"channels");
    reply.bulk(&rules.channels_text());
    reply.bulk(b"databases");
    reply.bulk(rules.databases_text().as_bytes());
}

/// ACL GENPASS [bits]
pub fn genpass(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let bits = match args.get(2) {
        None => 256,
        Some(_) if args.len() > 3 => {
            return Err(CommandError::subcommand_syntax("ACL", args.at(1)));
        }
        Some(bits) => Some(parse_i64(bits).ok_or(CommandError::NOT_INTEGER)?)
            .filter(|bits| (1..=GENPASS_BITS_MAX).contains(bits))
            .ok_or(CommandError::fixed(
                "ERR ACL GENPASS argument must be the number of bits for the output password, a \
                 positive number up to 4096",
            ))?,
    };
    let digits = usize::try_from(bits).unwrap_or(0).div_ceil(4);
    let mut secret = vec![0; digits];
    ctx.engine.machine.secret(&mut secret);
    for digit in &mut secret {
        *digit = b"0123456789abcdef"[usize::from(*digit & 15)];
    }
    ctx.reply.bulk(&secret);
    Ok(())
}

/// ACL DRYRUN username command [arg ...]
pub fn dryrun(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let name = args.at(2);
    let unknown = |what: &str, name: &[u8]| {
        let name = String::from_utf8_lossy(name).into_owned();
        CommandError::new(format!("ERR {what} '{name}' not found"))
    };
    let engine = &*ctx.engine;
    let user = engine
        .users
        .find(name)
        .ok_or_else(|| unknown("User", name))?;
    let command_args = args.rest(3);
    let found = engine.registry.resolve(command_args);
    let Found { id, command } = found.ok_or_else(|| unknown("Command", command_args.at(0)))?;
    if !command.takes(command_args.len()) {
        return Err(CommandError::new(format!(
            "ERR wrong number of arguments for '{}' command",
            command.name
        )));
    }
    let request = Request {
        id,
        command,
        args: command_args,
        db: ctx
            .engine
            .clients
            .find(ctx.client)
            .map_or(0, |client| client.db),
    };
    let who = String::from_utf8_lossy(name);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let line = match user.check(&request) {
        Ok(()) => {
            ctx.reply.ok();
            return Ok(());
        }
        Err(Denied::Command) => {
            format!(
                "User {who} has no permissions to run the '{}' command",
                command.name
            )
        }
        Err(Denied::Key(key)) => {
            format!(
                "User {who} has no permissions to access the '{}' key",
                text(&key)
            )
        }
        Err(Denied::Channel(channel)) => {
            format!(
                "User {who} has no permissions to access the '{}' channel",
                text(&channel)
            )
        }
        Err(Denied::Database(object)) => {
            let object = String::from_utf8_lossy(&object);
            format!("User {who} has no permissions to access database {object}")
        }
    };
    ctx.reply.bulk(line.as_bytes());
    Ok(())
}

/// ACL LOG [count | RESET]
pub fn log(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    if args.len() > 3 {
        return Err(CommandError::subcommand_syntax("ACL", args.at(1)));
    }
    let mut count = 10;
    if let Some(word) = args.get(2) {
        if word.eq_ignore_ascii_case(b"reset") {
            ctx.engine.acl_log.clear();
            ctx.reply.ok();
            return Ok(());
        }
        let number = parse_i64(word).ok_or(CommandError::NOT_INTEGER)?;
        count = usize::try_from(number).unwrap_or(0);
    }
    let now_ms = ctx.engine.now.unix_ms;
    let entries: Vec<_> = AclLog::iter(&ctx.engine.acl_log)
        .take(count)
        .cloned()
        .collect();
    let reply = &mut ctx.reply;
    reply.array(entries.len());
    for entry in entries {
        reply.map(10);
        reply.bulk(b"count");
        reply.int(entry.count as i64);
        for (name, value) in [
            (&b"reason"[..], entry.reason.name().as_bytes()),
            (b"context", entry.context.name().as_bytes()),
            (b"object", &entry.object),
            (b"username", &entry.user),
        ] {
            reply.bulk(name);
            reply.bulk(value);
        }
        reply.bulk(b"age-seconds");
        reply.double((now_ms - entry.created_ms) as f64 / 1_000.0);
        reply.bulk(b"client-info");
        reply.bulk(&entry.client);
        for (name, value) in [
            (&b"entry-id"[..], entry.id as i64),
            (b"timestamp-created", entry.created_ms),
            (b"timestamp-last-updated", entry.updated_ms),
        ] {
            reply.bulk(name);
            reply.int(value);
        }
    }
    Ok(())
}

/// ACL LOAD
pub fn load(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let engine = &mut *ctx.engine;
    if engine.config.aclfile.is_empty() {
        return Err(NO_ACL_FILE);
    }
    let users = engine
        .read_users()
        .map_err(|error| CommandError::new(format!("ERR {error}")))?;
    let old = std::mem::replace(&mut engine.users, users);
    for user in old.iter() {
        let now = engine.users.find(user.name());
        if now.is_none_or(|now| now.describe() != user.describe()) {
            engine.user_changed(user.name());
        }
    }
    ctx.reply.ok();
    Ok(())
}

/// ACL SAVE
pub fn save(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let engine = &mut *ctx.engine;
    if engine.config.aclfile.is_empty() {
        return Err(NO_ACL_FILE);
    }
    let mut text = lines(engine).join(&b'\n');
    text.push(b'\n');
    let path = engine.config.aclfile.clone();
    if let Err(error) = engine.machine.replace_config(&path, &text) {
        tracing::warn!("ACL SAVE: {path}: {error}");
        return Err(CommandError::fixed(
            "ERR There was an error trying to save the ACLs. Please check the server logs for more \
             information",
        ));
    }
    ctx.reply.ok();
    Ok(())
}

/// ACL HELP
pub fn help(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply,
        "ACL",
        &[
            "CAT [<category>]",
            "    List the categories, or the commands of one.",
            "DELUSER <username> [<username> ...]",
            "    Remove users and end their connections.",
            "DRYRUN <username> <command> [<arg> ...]",
            "    Say whether a user may run a command, without running it.",
            "GENPASS [<bits>]",
            "    Return a random password; 256 bits unless said otherwise.",
            "GETUSER <username>",
            "    Return what a user may do.",
            "LIST",
            "    Return the users as lines of a configuration file.",
            "LOAD",
            "    Read the users from the ACL file.",
            "LOG [<count> | RESET]",
            "    Return the latest refusals, or forget them.",
            "SAVE",
            "    Write the users to the ACL file.",
            "SETUSER <username> <rule> [<rule> ...]",
            "    Add a user, or change one.",
            "USERS",
            "    Return the names of the users.",
            "WHOAMI",
            "    Return the user of this connection.",
        ],
    );
    Ok(())
}
