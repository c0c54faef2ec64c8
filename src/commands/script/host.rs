//! The server behind a running script: which commands it may call, and when it is to end.

use crate::dispatch::execute::call;
use crate::dispatch::lookup;
use crate::dispatch::table::{DENYOOM, Flags, MAY_REPLICATE, NOSCRIPT, WRITE};
use crate::engine::Engine;
use crate::engine::busy::WhileBusy;
use crate::engine::clients::ClientKey;
use crate::engine::context::Caller;
use crate::engine::error::CommandError;
use crate::engine::gates::ServerGates;
use crate::resp::args::{Args, OwnedArgs};
use crate::resp::reply::{Outbox, Protocol};
use crate::script::Busy;
use crate::script::host::{Host, Refused, Sinks};
use crate::script::lua::Purpose;

/// One run of a script or function.
pub struct Run<'a> {
    /// A script or a function.
    pub purpose: Purpose,
    /// Its SHA1, or its name.
    pub name: &'a [u8],
    /// The command that runs it.
    pub args: Args<'a>,
    /// Who sent that.
    pub client: ClientKey,
    /// On whose behalf that runs.
    pub caller: Caller,
    /// Commands that write are refused.
    pub read_only: bool,
    /// Memory is not full, or the script does not care.
    pub ignores_memory: bool,
}

/// The server, as the script sees it.
pub struct ScriptHost<'a> {
    engine: &'a mut Engine,
    busy: &'a mut dyn WhileBusy,
    run: Run<'a>,
    caller: Caller,
    sinks: Sinks,
    started_ns: u64,
    has_written: bool,
}

impl<'a> ScriptHost<'a> {
    /// The host of one run, which begins now.
    pub fn new(
        engine: &'a mut Engine,
        busy: &'a mut dyn WhileBusy,
        run: Run<'a>,
    ) -> ScriptHost<'a> {
        let caller = Caller {
            in_script: true,
            deny_blocking: true,
            protocol: Some(Protocol::Resp2),
            ..run.caller
        };
        ScriptHost {
            started_ns: engine.boundary_ns,
            engine,
            busy,
            run,
            caller,
            sinks: Sinks::ALL,
            has_written: false,
        }
    }

    /// The run is over.
    pub fn finish(self) {
        if self.engine.scripts.busy.take().is_some() {
            self.engine.gates.set(ServerGates::BUSY, false);
            self.engine.read_clock();
        }
        self.engine.boundary_ns = self.engine.clock.mono_ns();
    }

    /// Whether a command may run in this script.
    fn check(&mut self, flags: Flags) -> Result<(), CommandError> {
        if flags.contains(NOSCRIPT) && !self.engine.scripts.allows_all {
            return Err(CommandError::fixed(
                "ERR This Redis command is not allowed from script",
            ));
        }
        if self.run.read_only && flags.intersects(WRITE.or(MAY_REPLICATE)) {
            return Err(CommandError::fixed(
                "ERR Write commands are not allowed from read-only scripts.",
            ));
        }
        // A script that has begun to write is not stopped half-way.
        let is_first = !self.has_written && !self.run.ignores_memory;
        if is_first && flags.contains(DENYOOM) {
            return Err(CommandError::OOM);
        }
        Ok(())
    }

    #[cold]
    fn refuse(&mut self, args: Args<'_>, error: &CommandError) -> Refused {
        self.engine.stats.count_error(error.code());
        if let Some(found) = lookup::named(&self.engine.registry, args) {
            self.engine.stats.count_rejected(found.id.index());
        }
        Refused {
            line: error.line().to_owned(),
        }
    }

    /// From now on the others are answered while the script runs.
    #[cold]
    fn become_busy(&mut self, took_ms: u64) {
        let kill = match self.run.purpose {
            Purpose::Eval => "SCRIPT KILL",
            Purpose::Functions => "FUNCTION KILL",
        };
        tracing::warn!(
            "Slow script detected: still in execution after {took_ms} milliseconds. You can try \
             killing the script using the {kill} command. Script name is: {}.",
            String::from_utf8_lossy(self.run.name)
        );
        self.engine.gates.set(ServerGates::BUSY, true);
        self.engine.scripts.busy = Some(Box::new(Busy {
            purpose: self.run.purpose,
            name: self.run.name.to_vec(),
            args: OwnedArgs::from(self.run.args),
            started_ns: self.started_ns,
            has_written: self.has_written,
            is_killed: false,
        }));
    }
}

impl Host for ScriptHost<'_> {
    fn call(&mut self, args: Args<'_>, out: &mut Outbox) -> Result<(), Refused> {
        let found = match lookup::resolve(&self.engine.registry, args) {
            Ok(found) => found,
            Err(_) => {
                let error = match lookup::named(&self.engine.registry, args) {
                    Some(_) => "ERR Wrong number of args calling command from script",
                    None => "ERR Unknown command called from script",
                };
                return Err(self.refuse(args, &CommandError::fixed(error)));
            }
        };
        let flags = found.command.flags;
        if let Err(error) = self.check(flags) {
            return Err(self.refuse(args, &error));
        }
        self.has_written |= flags.contains(WRITE);
        let engine = &mut *self.engine;
        // What Lua did before the command is none of the command's time.
        engine.boundary_ns = engine.clock.mono_ns();
        engine.effects.sinks = self.sinks;
        let client = self.run.client;
        call(engine, client, found, args, out, self.caller, self.busy);
        self.engine.effects.sinks = Sinks::ALL;
        Ok(())
    }

    fn may_run(&mut self, args: Args<'_>) -> Option<bool> {
        lookup::named(&self.engine.registry, args).map(|_| true)
    }

    fn set_protocol(&mut self, protocol: Protocol) {
        self.caller.protocol = Some(protocol);
    }

    fn set_sinks(&mut self, sinks: Sinks) {
        self.sinks = sinks;
    }

    fn log(&mut self, level: u8, text: &[u8]) {
        crate::script::log(level, text);
    }

    fn cpu_us(&mut self) -> u64 {
        self.engine.clock.thread_cpu_us()
    }

    fn interrupt(&mut self) -> Option<&'static str> {
        if self.engine.scripts.busy.is_none() {
            let took_ns = self.engine.clock.mono_ns().saturating_sub(self.started_ns);
            let took_ms = took_ns / 1_000_000;
            let limit_ms = self.engine.config.busy_reply_threshold;
            if limit_ms == 0 || took_ms < limit_ms {
                return None;
            }
            self.become_busy(took_ms);
        }
        if let Some(busy) = self.engine.scripts.busy.as_mut() {
            busy.has_written = self.has_written;
        }
        self.busy.serve_others(self.engine);
        if self.engine.is_exiting() {
            return Some("Script killed, the server is shutting down.");
        }
        let busy = self.engine.scripts.busy.as_ref()?;
        busy.is_killed.then_some(match self.run.purpose {
            Purpose::Eval => "Script killed by user with SCRIPT KILL.",
            Purpose::Functions => "Script killed by user with FUNCTION KILL.",
        })
    }
}
