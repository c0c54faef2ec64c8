//! Scripts and functions: what the server knows of them, and the Lua they run in.
//!
//! [`Scripts`] is the engine's part: the texts, their flags, which of them runs. [`lua`] runs them
//! and knows nothing of the engine: it reaches the server through the [`host::Host`] of a run. What
//! a script may do at all is decided where that is implemented (`commands/script/host.rs`).

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

use crate::resp::args::OwnedArgs;
use crate::store::hash::HashState;

use cache::{Cache, Sha, sha1_hex};
use flags::{ScriptFlags, script_head};
use library::Libraries;
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
