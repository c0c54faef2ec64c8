//! INFO, COMMAND, MONITOR and LOLWUT: what the server says about itself.

use crate::commands::docs;
use crate::dispatch::docs::{docs as describe, info as inform};
use crate::dispatch::{keys::*, table::*};

use crate::engine::Engine;
use crate::engine::context::ServerCtx;
use crate::engine::error::{CommandError, CommandResult};
use crate::observe::info::report;
use crate::resp::args::Args;
use crate::resp::glob;

/// The rows of this family.
#[rustfmt::skip]
pub static TABLE: &[Command] = &[
    srv("command", -1, LOADING.or(STALE), CONNECTION, NO_KEYS,
        command, &docs::server::COMMAND),
    srv("command|count", 2, LOADING.or(STALE), CONNECTION, NO_KEYS,
        command_count, &docs::server::COMMAND_COUNT),
    srv("command|docs", -2, LOADING.or(STALE), CONNECTION, NO_KEYS,
        command_docs, &docs::server::COMMAND_DOCS),
    srv("command|getkeys", -3, LOADING.or(STALE), CONNECTION, NO_KEYS,
        command_getkeys, &docs::server::COMMAND_GETKEYS),
    srv("command|getkeysandflags", -3, LOADING.or(STALE), CONNECTION, NO_KEYS,
        command_getkeysandflags, &docs::server::COMMAND_GETKEYSANDFLAGS),
    srv("command|help", 2, LOADING.or(STALE), CONNECTION, NO_KEYS,
        command_help, &docs::server::COMMAND_HELP),
    srv("command|info", -2, LOADING.or(STALE), CONNECTION, NO_KEYS,
        command_info, &docs::server::COMMAND_INFO),
    srv("command|list", -2, LOADING.or(STALE), CONNECTION, NO_KEYS,
        command_list, &docs::server::COMMAND_LIST),
    srv("info", -1, LOADING.or(STALE), DANGEROUS, NO_KEYS, info, &docs::server::INFO),
    srv("monitor", 1, ADMIN.or(NOSCRIPT).or(LOADING).or(STALE), NO_ACL, NO_KEYS,
        monitor, &docs::server::MONITOR),
    srv("lolwut", -1, READ.or(FAST), NO_ACL, NO_KEYS, lolwut, &docs::server::LOLWUT),
];

/// INFO [section [section ...]]
pub fn info(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let text = report(ctx.engine, args.rest(1));
    ctx.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

/// MONITOR
pub fn monitor(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    if ctx.caller.deny_blocking {
        return Err(CommandError::fixed(
            "ERR MONITOR isn't allowed for DENY BLOCKING client",
        ));
    }
    ctx.engine.monitor(ctx.client);
    ctx.reply.ok();
    Ok(())
}

/// LOLWUT [VERSION version [...]]: a name and its versions, as it ends in every server.
pub fn lolwut(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    let text = format!(
        "{ART}\nRedis ver. {}, kvd ver. {}\n",
        crate::REDIS_VERSION,
        crate::VERSION
    );
    ctx.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

/// COMMAND
pub fn command(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    inform_all(ctx);
    Ok(())
}

/// COMMAND COUNT
pub fn command_count(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    ctx.reply.int(ctx.engine.registry.command_count() as i64);
    Ok(())
}

/// COMMAND INFO [command-name [command-name ...]]
pub fn command_info(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    if args.len() == 2 {
        inform_all(ctx);
        return Ok(());
    }
    let registry = &ctx.engine.registry;
    ctx.reply.array(args.len() - 2);
    for name in args.iter_from(2) {
        match registry.by_full_name(name) {
            Some((id, _)) => inform(&mut ctx.reply, registry, id),
            None => ctx.reply.null(),
        }
    }
    Ok(())
}

/// COMMAND DOCS [command-name [command-name ...]]
pub fn command_docs(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let registry = &ctx.engine.registry;
    let ids: Vec<CommandId> = if args.len() == 2 {
        registry.commands().map(|(id, _)| id).collect()
    } else {
        let named = args.iter_from(2);
        named
            .filter_map(|name| Some(registry.by_full_name(name)?.0))
            .collect()
    };
    ctx.reply.map(ids.len());
    for id in ids {
        describe(&mut ctx.reply, registry, id);
    }
    Ok(())
}

/// COMMAND LIST [FILTERBY <MODULE name | ACLCAT category | PATTERN pattern>]
pub fn command_list(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let registry = &ctx.engine.registry;
    let names: Vec<&str> = if args.len() == 2 {
        registry.all().map(|(_, command)| command.name).collect()
    } else {
        filtered(ctx.engine, args)?
    };
    ctx.reply.array(names.len());
    for name in names {
        ctx.reply.bulk(name.as_bytes());
    }
    Ok(())
}

/// COMMAND GETKEYS command [arg [arg ...]]
pub fn command_getkeys(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let (args, found) = keys_of(ctx.engine, args)?;
    ctx.reply.array(found.len());
    for key in &found {
        ctx.reply.bulk(args.at(key.index as usize));
    }
    Ok(())
}

/// COMMAND GETKEYSANDFLAGS command [arg [arg ...]]
pub fn command_getkeysandflags(ctx: &mut ServerCtx<'_>, args: Args<'_>) -> CommandResult {
    let (args, found) = keys_of(ctx.engine, args)?;
    ctx.reply.array(found.len());
    for key in &found {
        ctx.reply.array(2);
        ctx.reply.bulk(args.at(key.index as usize));
        ctx.reply.set(key.flags.names().count());
        for name in key.flags.names() {
            ctx.reply.simple(name);
        }
    }
    Ok(())
}

/// COMMAND HELP
pub fn command_help(ctx: &mut ServerCtx<'_>, _args: Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply,
        "COMMAND",
        &[
            "(no subcommand)",
            "    Return details about all commands.",
            "COUNT",
            "    Return how many commands there are.",
            "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]",
            "    Return the names of all commands, or of some.",
            "INFO [<command-name> ...]",
            "    Return details about these commands, or about all.",
            "DOCS [<command-name> ...]",
            "    Return the documentation of these commands, or of all.",
            "GETKEYS <full-command>",
            "    Return the keys in a command.",
            "GETKEYSANDFLAGS <full-command>",
            "    Return the keys in a command and what it does with them.",
        ],
    );
    Ok(())
}

fn inform_all(ctx: &mut ServerCtx<'_>) {
    let registry = &ctx.engine.registry;
    ctx.reply.array(registry.command_count());
    for (id, _) in registry.commands() {
        inform(&mut ctx.reply, registry, id);
    }
}

/// The commands and subcommands that a filter names.
fn filtered(engine: &Engine, args: Args<'_>) -> Result<Vec<&'static str>, CommandError> {
    if args.len() != 5 || !args.at(2).eq_ignore_ascii_case(b"filterby") {
        return Err(CommandError::SYNTAX);
    }
    let all = || engine.registry.all().map(|(_, command)| command);
    let value = args.at(4);
    Ok(match args.at(3).to_ascii_lowercase().as_slice() {
        // There are no modules.
        b"module" => Vec::new(),
        b"aclcat" => {
            let Some(category) = Acl::named(value) else {
                return Ok(Vec::new());
            };
            let inside = all().filter(|command| command.categories().contains(category));
            inside.map(|command| command.name).collect()
        }
        b"pattern" => all()
            .map(|command| command.name)
            .filter(|name| glob::matches(value, name.as_bytes(), true))
            .collect(),
        _ => return Err(CommandError::SYNTAX),
    })
}

/// The command behind GETKEYS and the keys in it.
fn keys_of<'a>(engine: &Engine, args: Args<'a>) -> Result<(Args<'a>, KeyRefs), CommandError> {
    let args = args.rest(2);
    let Some(Found { command, .. }) = engine.registry.resolve(args) else {
        return Err(CommandError::fixed("ERR Invalid command specified"));
    };
    let mut found = KeyRefs::new();
    crate::dispatch::keys::keys(command, args, &mut found)
        .map_err(|error| CommandError::new(format!("ERR {}", error.text())))?;
    Ok((args, found))
}

const ART: &str = r"
  _  ____     _______
 | |/ /\ \   / /  __ \
 | ' /  \ \ / /| |  | |
 |  <    \ V / | |  | |
 | . \    \ /  | |__| |
 |_|\_\    V   |_____/
";
