//! The server behind a running script: which commands it may call, and when it is to end.

use crate::acl::{Context, Request};
use crate::commands::acl;
use crate::dispatch::execute::call;
use crate::dispatch::lookup;
use crate::dispatch::table::{DENYOOM, Flags, Found, MAY_REPLICATE, NOSCRIPT, Registry, WRITE};
use crate::engine::Engine;
use crate::engine::busy::Alone;
use crate::engine::clients::{ClientKey, SessionGates};
use crate::engine::error::CommandError;
use crate::engine::gates::ServerGates;
use crate::engine::scripts::{ClientRun, ScriptRun};
use crate::observe::audit;
use crate::resp::args::Args;
use crate::resp::reply::{Outbox, Protocol};
use crate::script::host::{Host, Interrupt, Refused, Sinks};
use crate::script::lua::Purpose;

impl Host for Engine {
    fn call(&mut self, args: Args<'_>, out: &mut Outbox) -> Result<(), Refused> {
        let Some(found) = lookup::find(&self.registry, args) else {
            let error = not_found(&self.registry, args);
            return Err(refuse(self, args, &error));
        };
        let flags = found.command.flags;
        let allows_all = self.scripts.allows_all;
        let checked = match self.script_run.as_mut() {
            Some(ScriptRun::Client(run)) => check(run, flags, allows_all).map(|()| run),
            _ => Err(CommandError::fixed("ERR no commands can be called here")),
        };
        let run = match checked {
            Ok(run) => run,
            Err(error) => return Err(refuse(self, args, &error)),
        };
        let (client, caller, sinks) = (run.client, run.caller, run.sinks);
        if let Err(error) = may_run(self, client, found, args) {
            return Err(refuse(self, args, &error));
        }
        if let Some(ScriptRun::Client(run)) = self.script_run.as_mut() {
            run.has_written |= flags.contains(WRITE);
        }
        // What Lua did before the command is none of the command's time.
        self.boundary_ns = self.clock.mono_ns();
        // The log is the only place that changes are propagated to.
        let is_logged = self.effects.listeners.propagation;
        self.effects.listeners.propagation &= sinks.has(Sinks::AOF);
        call(self, client, found, args, out, caller, &mut Alone);
        self.effects.listeners.propagation = is_logged;
        Ok(())
    }

    fn may_run(&mut self, args: Args<'_>) -> Option<bool> {
        let found = lookup::named(&self.registry, args)?;
        let Some(ScriptRun::Client(run)) = &self.script_run else {
            return Some(true);
        };
        let client = self.clients.find(run.client)?;
        let request = Request {
            id: found.id,
            command: found.command,
            args,
            db: client.db,
        };
        let is_restricted = client.gates.has(SessionGates::RESTRICTED);
        Some(!is_restricted || self.check_user(run.client, &request).is_ok())
    }

    fn set_protocol(&mut self, protocol: Protocol) {
        if let Some(ScriptRun::Client(run)) = self.script_run.as_mut() {
            run.caller.protocol = Some(protocol);
        }
    }

    fn set_sinks(&mut self, sinks: Sinks) {
        if let Some(ScriptRun::Client(run)) = self.script_run.as_mut() {
            run.sinks = sinks;
        }
    }

    fn log(&mut self, level: u8, text: &[u8]) {
        crate::script::log(level, text);
    }

    fn cpu_us(&mut self) -> u64 {
        self.clock.thread_cpu_us()
    }

    fn interrupt(&mut self, served: bool) -> Interrupt {
        let now_ns = self.clock.mono_ns();
        let run = match &self.script_run {
            None => return Interrupt::GoOn,
            Some(ScriptRun::Library { end_ns }) => {
                return match end_ns.is_some_and(|end_ns| now_ns > end_ns) {
                    true => Interrupt::End("FUNCTION LOAD timeout"),
                    false => Interrupt::GoOn,
                };
            }
            Some(ScriptRun::Client(run)) => run,
        };
        if !served {
            let took_ms = now_ns.saturating_sub(run.started_ns) / 1_000_000;
            let limit_ms = self.config.busy_reply_threshold;
            return match limit_ms == 0 || took_ms < limit_ms {
                true => Interrupt::GoOn,
                false => Interrupt::ServeOthers,
            };
        }
        let is_to_end = self.shutdown_signal.is_some() && !run.has_written;
        if is_to_end || self.is_exiting() {
            return Interrupt::End("Script killed, the server is shutting down.");
        }
        let is_killed = self
            .scripts
            .busy
            .as_ref()
            .is_some_and(|busy| busy.is_killed);
        match (is_killed, run.purpose) {
            (false, _) => Interrupt::GoOn,
            (true, Purpose::Eval) => Interrupt::End("Script killed by user with SCRIPT KILL."),
            (true, Purpose::Functions) => {
                Interrupt::End("Script killed by user with FUNCTION KILL.")
            }
        }
    }
}

/// Why there is no command for these words.
#[cold]
fn not_found(registry: &Registry, args: Args<'_>) -> CommandError {
    if lookup::named(registry, args).is_some() {
        return CommandError::fixed("ERR Wrong number of args calling command from script");
    }
    match registry.lookup(args.at(0)) {
        Some(_) => lookup::explain(registry, args),
        None => CommandError::fixed("ERR Unknown command called from script"),
    }
}

/// Whether the script's client may run a command, and writes are taken. A script that has begun to
/// write is not stopped half-way.
fn may_run(
    engine: &mut Engine,
    client: ClientKey,
    found: Found,
    args: Args<'_>,
) -> Result<(), CommandError> {
    acl::check(engine, client, found, args, Context::Lua).map_err(|error| {
        let reason = error.line().trim_start_matches("NOPERM ").to_owned();
        CommandError::new(format!("NOPERM ACL failure in script: {reason}"))
    })?;
    let begins_to_write = found.command.flags.contains(WRITE)
        && matches!(&engine.script_run, Some(ScriptRun::Client(run)) if !run.has_written);
    match engine.write_refusal() {
        Some(refusal) if begins_to_write => Err(refusal),
        _ => Ok(()),
    }
}

/// Whether a command of these flags may run in a script.
fn check(run: &ClientRun, flags: Flags, allows_all: bool) -> Result<(), CommandError> {
    if flags.contains(NOSCRIPT) && !allows_all {
        return Err(CommandError::fixed(
            "ERR This Redis command is not allowed from script",
        ));
    }
    if run.read_only && flags.intersects(WRITE.or(MAY_REPLICATE)) {
        return Err(CommandError::fixed(
            "ERR Write commands are not allowed from read-only scripts.",
        ));
    }
    // A script that has begun to write is not stopped half-way.
    if flags.contains(DENYOOM) && !run.ignores_memory && !run.has_written {
        return Err(CommandError::OOM);
    }
    Ok(())
}

#[cold]
fn refuse(engine: &mut Engine, args: Args<'_>, error: &CommandError) -> Refused {
    engine.stats.count_error(error.code());
    if let Some(found) = lookup::named(&engine.registry, args) {
        engine.stats.count_rejected(found.id.index());
        if engine.gates.has(ServerGates::AUDIT)
            && let Some(ScriptRun::Client(run)) = &engine.script_run
        {
            let client = run.client;
            audit::command_refused(engine, client, found, args, Context::Lua, error);
        }
    }
    Refused {
        line: error.line().to_owned(),
    }
}
