//! The audit log: who did what, one JSON line each.
//!
//! Logins and refusals by access control are always lines, other commands if
//! `audit-log-commands` selects them. A line says when, who, from where, which command, on which
//! keys, and what came of it; it never holds a value, a password or another argument.
//!
//! The server never waits for the file: lines go into a buffer, full buffers to an [`AuditSink`],
//! which writes them on a thread of its own. When too many wait there, further lines are lost,
//! counted, and a line that tells how many follows where they would have been. While the log is
//! off a command pays the one branch that it shares with MONITOR.

mod line;

use crate::acl::{Context, Rules};
use crate::config::Config;
use crate::dispatch::table::{Command, CommandId, Found, Registry, Secrets};
use crate::engine::Engine;
use crate::engine::clients::{Client, ClientKey, Endpoint};
use crate::engine::context::Caller;
use crate::engine::error::CommandError;
use crate::engine::gates::ServerGates;
use crate::resp::args::Args;

use line::Event;

/// Bytes of lines that one buffer takes. A line is never longer.
pub const BUFFER_BYTES: usize = 64 << 10;

/// Writes the lines, elsewhere.
pub trait AuditSink {
    /// Takes lines and gives an empty buffer for the next ones; where too much waits already it
    /// gives the same lines back. Never waits.
    ///
    /// # Errors
    /// The lines.
    fn hand_over(&mut self, lines: Vec<u8>) -> Result<Vec<u8>, Vec<u8>>;

    /// Whether all that was handed over is written.
    fn is_idle(&mut self) -> bool;

    /// How often writing failed. What failed is tried again.
    fn write_errors(&self) -> u64;
}

/// Which commands are logged, and what has not been handed over yet.
#[derive(Default)]
pub struct Audit {
    sink: Option<Box<dyn AuditSink>>,
    commands: Option<Rules>,
    excluded_users: Vec<String>,
    buffer: Vec<u8>,
    line: Vec<u8>,
    /// Lines that were lost and not told of.
    untold: u64,
    /// Lines written, or handed over to be written.
    pub lines: u64,
    /// Lines lost because too much waited to be written.
    pub lost_lines: u64,
}

impl Audit {
    /// How often writing failed.
    pub fn write_errors(&self) -> u64 {
        self.sink.as_ref().map_or(0, |sink| sink.write_errors())
    }

    /// Hands over what the turn has logged, unless that of earlier turns is still being written:
    /// then it waits here for more.
    pub fn end_turn(&mut self, unix_ms: i64) {
        let has_lines = !self.buffer.is_empty() || self.untold > 0;
        if has_lines && self.sink.as_mut().is_some_and(|sink| sink.is_idle()) {
            self.hand_over(unix_ms);
        }
    }

    /// Adds the line that was put together.
    fn add_line(&mut self, unix_ms: i64) {
        let is_full = self.buffer.len() + self.line.len() > BUFFER_BYTES;
        if is_full && !self.hand_over(unix_ms) {
            self.lost_lines += 1;
            self.untold += 1;
            return;
        }
        self.buffer.extend_from_slice(&self.line);
        self.lines += 1;
    }

    /// Exchanges the buffer for an empty one, which begins with how many lines were lost, if some
    /// were. Whether there is one.
    fn hand_over(&mut self, unix_ms: i64) -> bool {
        let Some(sink) = &mut self.sink else {
            return false;
        };
        match sink.hand_over(std::mem::take(&mut self.buffer)) {
            Ok(empty) => self.buffer = empty,
            Err(lines) => {
                self.buffer = lines;
                return false;
            }
        }
        match std::mem::take(&mut self.untold) {
            0 => {}
            lost => line::write_lost(unix_ms, lost, &mut self.buffer),
        }
        true
    }

    fn selects(&self, id: CommandId) -> bool {
        let rules = self.commands.as_ref();
        rules.is_some_and(|rules| rules.lists_command(id))
    }

    fn excludes(&self, user: &[u8]) -> bool {
        let is_it = |name: &String| name.as_bytes() == user;
        self.excluded_users.iter().any(is_it)
    }
}

impl Drop for Audit {
    /// The sink writes what it has before it ends.
    fn drop(&mut self) {
        if let Some(sink) = &mut self.sink {
            // If it is full even now the server log tells how much was not written.
            let _ = sink.hand_over(std::mem::take(&mut self.buffer));
        }
    }
}

/// The rules of `audit-log-commands`.
fn selection(config: &Config, registry: &Registry) -> Result<Rules, String> {
    let mut rules = Rules::none(registry, false);
    for word in &config.audit_log_commands.0 {
        let is_rule = word.starts_with(['+', '-']);
        let applied = is_rule.then(|| rules.apply(word.as_bytes(), registry));
        match applied {
            Some(Ok(())) if !rules.has_first_args() => {}
            Some(Err(error)) => return Err(format!("'{word}': {error}")),
            _ => {
                return Err(format!(
                    "'{word}' does not select a command or category: +NAME, -NAME, +@CATEGORY or \
                     -@CATEGORY"
                ));
            }
        }
    }
    Ok(rules)
}

impl Engine {
    /// Switches the audit log on.
    ///
    /// # Errors
    /// What is wrong with the configured selection.
    pub fn open_audit_log(&mut self, sink: Box<dyn AuditSink>) -> Result<(), String> {
        self.configure_audit_log()
            .map_err(|error| format!("audit-log-commands: {error}"))?;
        self.audit.sink = Some(sink);
        self.gates.set(ServerGates::AUDIT, true);
        Ok(())
    }

    /// Takes over which commands of which users are logged.
    ///
    /// # Errors
    /// What is wrong with the selection; nothing is changed then.
    pub fn configure_audit_log(&mut self) -> Result<(), String> {
        self.audit.commands = Some(selection(&self.config, &self.registry)?);
        self.audit.excluded_users = self.config.audit_log_exclude_users.0.clone();
        Ok(())
    }
}

/// A command has run, or has begun to wait.
#[cold]
pub fn command_ran(
    engine: &mut Engine,
    key: ClientKey,
    found: Found,
    args: Args<'_>,
    caller: Caller,
    error: Option<&CommandError>,
) {
    let waits = error.is_none() && engine.effects.wait.is_some();
    // What the append-only file says nobody does now; and a wait is one line, however often the
    // command is tried in between.
    if caller.is_log() || waits && caller.reprocessing {
        return;
    }
    let is_login = is_login(found.command, args);
    if !is_login && !engine.audit.selects(found.id) {
        return;
    }
    let result = match error.map(CommandError::code) {
        None if waits => "waits",
        None => "ok",
        Some("WRONGPASS") if is_login => "failed-login",
        Some(_) => "error",
    };
    let context = match caller {
        _ if caller.in_script => Context::Lua,
        _ if caller.in_exec => Context::Multi,
        _ => Context::TopLevel,
    };
    let event = Event {
        command: found.command,
        args,
        context,
        result,
        error: error.map(CommandError::code),
        login: is_login.then(|| login_name(found.command, args)),
    };
    note(engine, key, &event, is_login);
}

/// A command was refused before it ran.
#[cold]
pub fn command_refused(
    engine: &mut Engine,
    key: ClientKey,
    found: Found,
    args: Args<'_>,
    context: Context,
    error: &CommandError,
) {
    let is_denied = error.is_denial();
    if !is_denied && !engine.audit.selects(found.id) {
        return;
    }
    if error.code() == "NOAUTH" && !is_first_of_stranger(engine, key) {
        return;
    }
    let event = Event {
        command: found.command,
        args,
        context,
        result: if is_denied { "denied" } else { "error" },
        error: Some(error.code()),
        login: None,
    };
    note(engine, key, &event, is_denied);
}

/// Whether a client that has not logged in is refused for the first time. Once a connection is
/// enough: strangers must not be able to fill the log, or to crowd others out of it, with what is
/// cheaper for them than a login.
fn is_first_of_stranger(engine: &mut Engine, key: ClientKey) -> bool {
    let client = engine.clients.find_mut(key);
    client.is_some_and(|client| !std::mem::replace(&mut client.about.is_known_stranger, true))
}

/// Logs an event, unless its user is not to be logged; refusals and logins always are.
fn note(engine: &mut Engine, key: ClientKey, event: &Event<'_>, always: bool) {
    let is_loading = engine.is_loading();
    let is_somebody = |client: &&Client| match client.about.endpoint {
        Endpoint::Metrics { .. } => false,
        // The append-only file.
        Endpoint::Internal => !is_loading,
        Endpoint::Tcp { .. } | Endpoint::Unix { .. } => true,
    };
    let Some(client) = engine.clients.find(key).filter(is_somebody) else {
        return;
    };
    if !always && engine.audit.excludes(&client.about.user) {
        return;
    }
    let users = &engine.users;
    let unix_ms = engine.now.unix_ms;
    let mut line = std::mem::take(&mut engine.audit.line);
    line.clear();
    event.write(unix_ms, client, users, &mut line);
    engine.audit.line = line;
    engine.audit.add_line(unix_ms);
}

/// Whether a command says who the client is.
fn is_login(command: &Command, args: Args<'_>) -> bool {
    match command.secrets {
        Secrets::Login => true,
        Secrets::LoginOption => hello_auth(args).is_some(),
        _ => false,
    }
}

/// The user whose password a login gives.
fn login_name<'a>(command: &Command, args: Args<'a>) -> &'a [u8] {
    match hello_auth(args) {
        Some(at) if command.secrets == Secrets::LoginOption => args.at(at + 1),
        _ if args.len() > 2 => args.at(1),
        _ => crate::acl::DEFAULT,
    }
}

/// Where the options of HELLO say AUTH; the last one counts.
fn hello_auth(args: Args<'_>) -> Option<usize> {
    let is = |at: usize, word: &[u8]| args.at(at).eq_ignore_ascii_case(word);
    let (mut at, mut found) = (2, None);
    while at < args.len() {
        if is(at, b"auth") {
            found = Some(at);
            at += 3;
        } else if is(at, b"setname") {
            at += 2;
        } else {
            break;
        }
    }
    found
}
