//! The run of a script, as the engine sees it, and libraries of functions.

use std::collections::BTreeSet;
use std::rc::Rc;

use bytes::Bytes;

use crate::resp::reply::Protocol;
use crate::script::flags::{check_name, library_head};
use crate::script::host::Sinks;
use crate::script::library::Library;
use crate::script::lua::Purpose;

use super::Engine;
use super::clients::ClientKey;
use super::context::Caller;

/// What of Lua runs now.
#[derive(Clone, Debug)]
pub enum ScriptRun {
    /// A script or function of a client.
    Client(ClientRun),
    /// The code of a library, until a monotonic time in nanoseconds.
    Library {
        /// When it has taken too long.
        end_ns: Option<u64>,
    },
}

/// One run of a script or function.
#[derive(Clone, Debug)]
pub struct ClientRun {
    /// A script or a function.
    pub purpose: Purpose,
    /// Who sent the command that runs it.
    pub client: ClientKey,
    /// On whose behalf the commands in it run.
    pub caller: Caller,
    /// When it began, monotonic nanoseconds.
    pub started_ns: u64,
    /// Commands that write are refused.
    pub read_only: bool,
    /// Memory is not full, or the script does not care.
    pub ignores_memory: bool,
    /// It has called a command that writes.
    pub has_written: bool,
    /// Where its writes go.
    pub sinks: Sinks,
}

impl ClientRun {
    /// A run that begins now.
    pub fn new(engine: &Engine, purpose: Purpose, client: ClientKey, caller: Caller) -> ClientRun {
        ClientRun {
            purpose,
            client,
            caller: Caller {
                in_script: true,
                deny_blocking: true,
                protocol: Some(Protocol::Resp2),
                ..caller
            },
            started_ns: engine.boundary_ns,
            read_only: false,
            ignores_memory: true,
            has_written: false,
            sinks: Sinks::ALL,
        }
    }
}

impl Engine {
    /// Runs the code of a library, which registers its functions. The library is not added. Without
    /// `ms_max` its code may run as long as it likes: for files and the replication link.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn compile_library(&mut self, code: Bytes, ms_max: Option<u64>) -> Result<Library, String> {
        let (name, code_at) = library_head(&code)?;
        if !self.config.scripting {
            return Err("scripts are switched off on this server (scripting no)".into());
        }
        let vm = self.scripts.vm(Purpose::Functions)?;
        let end_ns = ms_max.map(|ms| self.clock.mono_ns().saturating_add(ms * 1_000_000));
        let outer = self.script_run.replace(ScriptRun::Library { end_ns });
        let body = code.get(code_at..).unwrap_or_default();
        let functions = vm.load_library(body, self);
        self.script_run = outer;
        let functions = functions?;
        if functions.is_empty() {
            return Err("No functions registered".into());
        }
        let mut names = BTreeSet::new();
        for function in &functions {
            check_name("Function", &function.name)?;
            if !names.insert(&function.name) {
                return Err("Function already exists in the library".into());
            }
        }
        Ok(Library {
            name,
            code,
            functions: functions.into_iter().map(Rc::new).collect(),
        })
    }

    /// Adds a library by its text, as FUNCTION LOAD does, and returns its name.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn load_library(
        &mut self,
        code: Bytes,
        replace: bool,
        ms_max: Option<u64>,
    ) -> Result<Box<[u8]>, String> {
        let (name, _) = library_head(&code)?;
        if !replace && self.scripts.libraries.contains(&name) {
            let name = String::from_utf8_lossy(&name);
            return Err(format!("Library '{name}' already exists"));
        }
        let library = self.compile_library(code, ms_max)?;
        self.scripts.libraries.add(vec![library], true)?;
        Ok(name)
    }
}
