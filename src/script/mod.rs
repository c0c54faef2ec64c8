//! Scripts and functions: what the server knows of them, and the Lua they run in.
//!
//! [`Scripts`] is the engine's part: the texts, their flags, which of them runs. [`lua`] runs them
//! and knows nothing of the engine: it reaches the server through the [`host::Host`] of a run. What
//! a script may do at all is decided by whoever implements that (`commands/script/host.rs`).

pub mod cache;
pub mod flags;
pub mod host;
pub mod library;
#[cfg(feature = "lua")]
pub mod lua;
#[cfg(not(feature = "lua"))]
#[path = "absent.rs"]
pub mod lua;

use std::rc::Rc;

use bytes::Bytes;

use crate::resp::args::{Args, OwnedArgs};
use crate::resp::reply::{Outbox, Protocol};
use crate::store::hash::HashState;
use crate::time::Clock;

use cache::{Cache, Sha, sha1_hex};
use flags::{ScriptFlags, library_head, script_head};
use host::{Host, Refused, Sinks};
use library::{Libraries, Library};
use lua::{Purpose, Vm};

/// How long the code of a library may run when a client loads it.
pub const LOAD_MS_MAX: u64 = 500;

/// A script that runs for so long that others are answered meanwhile.
#[derive(Debug)]
pub struct Busy {
    /// A script or a function.
    pub purpose: Purpose,
    /// The SHA1 of the script, or the name of the function.
    pub name: Vec<u8>,
    /// The command that runs it.
    pub args: OwnedArgs,
    /// When it began, monotonic nanoseconds.
    pub started_ns: u64,
    /// It has called a command that writes.
    pub has_written: bool,
    /// It is to end.
    pub is_killed: bool,
}

/// Everything the server knows of scripts.
#[derive(Debug)]
pub struct Scripts {
    /// The scripts of EVAL and SCRIPT LOAD.
    pub cache: Cache,
    /// The libraries of FUNCTION LOAD.
    pub libraries: Libraries,
    /// The script that keeps the server busy.
    pub busy: Option<Box<Busy>>,
    /// Scripts may call what they otherwise may not (DEBUG SET-DISABLE-DENY-SCRIPTS).
    pub allows_all: bool,
    eval: Option<Rc<Vm>>,
    functions: Option<Rc<Vm>>,
}

impl Scripts {
    /// No scripts. Lua starts when the first one comes.
    pub fn new(hasher: HashState) -> Scripts {
        Scripts {
            cache: Cache::new(hasher.clone()),
            libraries: Libraries::new(hasher),
            busy: None,
            allows_all: false,
            eval: None,
            functions: None,
        }
    }

    /// The state of Lua for a purpose.
    ///
    /// # Errors
    /// There is none to be had.
    pub fn vm(&mut self, purpose: Purpose) -> Result<Rc<Vm>, String> {
        let place = match purpose {
            Purpose::Eval => &mut self.eval,
            Purpose::Functions => &mut self.functions,
        };
        match place {
            Some(vm) => Ok(Rc::clone(vm)),
            None => Ok(Rc::clone(place.insert(Rc::new(Vm::new(purpose)?)))),
        }
    }

    /// Compiles a script that is not known yet and keeps it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn add_script(&mut self, sha: Sha, body: Bytes, is_loaded: bool) -> Result<(), String> {
        let (flags, code_at) = script_head(&body)?;
        let vm = self.vm(Purpose::Eval)?;
        let code = body.get(code_at..).unwrap_or_default();
        let function = vm
            .compile(code, "@user_script")
            .map_err(|error| format!("Error compiling script (new function): {error}"))?;
        let function = Rc::new(function);
        self.cache.add(sha, body, flags, function, is_loaded);
        Ok(())
    }

    /// Keeps a script for good, as SCRIPT LOAD does, and returns its SHA1.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn load_script(&mut self, body: Bytes) -> Result<Sha, String> {
        let sha = sha1_hex(&body);
        if !self.cache.keep(&sha) {
            self.add_script(sha, body, true)?;
        }
        Ok(sha)
    }

    /// Forgets all scripts, and the state of Lua with them.
    pub fn flush_scripts(&mut self) {
        self.cache.clear();
        self.eval = None;
    }

    /// Runs the code of a library, which registers its functions. The library is not added.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn compile_library(
        &mut self,
        code: Bytes,
        clock: &dyn Clock,
        ms_max: Option<u64>,
    ) -> Result<Library, String> {
        let (name, code_at) = library_head(&code)?;
        let vm = self.vm(Purpose::Functions)?;
        let mut host = Loading {
            clock,
            end_ns: ms_max.map(|ms| clock.mono_ns().saturating_add(ms * 1_000_000)),
        };
        let body = code.get(code_at..).unwrap_or_default();
        let functions = vm.load_library(body, &mut host)?;
        if functions.is_empty() {
            return Err("No functions registered".into());
        }
        Ok(Library {
            name,
            code,
            functions: functions.into_iter().map(Rc::new).collect(),
        })
    }

    /// Adds a library by its text, as FUNCTION LOAD does, and returns its name. Without `ms_max`
    /// its code may run as long as it likes: for files and the replication link.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn load_library(
        &mut self,
        code: Bytes,
        replace: bool,
        clock: &dyn Clock,
        ms_max: Option<u64>,
    ) -> Result<Box<[u8]>, String> {
        let (name, _) = library_head(&code)?;
        if !replace && self.libraries.contains(&name) {
            let name = String::from_utf8_lossy(&name);
            return Err(format!("Library '{name}' already exists"));
        }
        let library = self.compile_library(code, clock, ms_max)?;
        self.libraries.add(vec![library], true)?;
        Ok(name)
    }

    /// Forgets all libraries, and the state of Lua with them.
    pub fn flush_functions(&mut self) {
        self.libraries.clear();
        self.functions = None;
    }

    /// Bytes that the states of Lua hold: that of scripts, and that of functions.
    pub fn vm_bytes(&self) -> (u64, u64) {
        let bytes = |vm: &Option<Rc<Vm>>| vm.as_ref().map_or(0, |vm| vm.used_bytes() as u64);
        (bytes(&self.eval), bytes(&self.functions))
    }

    /// The flags of a script, before it runs.
    pub fn script_flags(&self, body: &[u8]) -> Option<ScriptFlags> {
        script_head(body).ok().map(|(flags, _)| flags)
    }

    /// The flags of a known script by its SHA1.
    pub fn sha_flags(&self, sha: &[u8]) -> Option<ScriptFlags> {
        self.cache.look(sha).map(|script| script.flags)
    }

    /// The flags of a function.
    pub fn function_flags(&self, name: &[u8]) -> Option<ScriptFlags> {
        self.libraries.function(name).map(|function| function.flags)
    }
}

/// What the code of a library can reach while it is loaded: the log.
struct Loading<'a> {
    clock: &'a dyn Clock,
    end_ns: Option<u64>,
}

impl Host for Loading<'_> {
    fn call(&mut self, _args: Args<'_>, _out: &mut Outbox) -> Result<(), Refused> {
        Err(Refused {
            line: "ERR a library calls no commands while it is loaded".into(),
        })
    }

    fn may_run(&mut self, _args: Args<'_>) -> Option<bool> {
        None
    }

    fn set_protocol(&mut self, _protocol: Protocol) {}

    fn set_sinks(&mut self, _sinks: Sinks) {}

    fn log(&mut self, level: u8, text: &[u8]) {
        log(level, text);
    }

    fn cpu_us(&mut self) -> u64 {
        self.clock.thread_cpu_us()
    }

    fn interrupt(&mut self) -> Option<&'static str> {
        let is_over = self.end_ns.is_some_and(|end| self.clock.mono_ns() > end);
        is_over.then_some("FUNCTION LOAD timeout")
    }
}

/// Writes what a script says to the log.
pub fn log(level: u8, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    match level {
        0 => tracing::trace!("{text}"),
        1 => tracing::debug!("{text}"),
        2 => tracing::info!("{text}"),
        _ => tracing::warn!("{text}"),
    }
}
