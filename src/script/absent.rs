//! In place of Lua, where the server is built without it: there is no state to be had, so nothing
//! else here is ever called.

use crate::resp::args::Args;
use crate::resp::reply::Reply;

use super::host::Host;
use super::library::Function;

/// What a state is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// EVAL and its like.
    Eval,
    /// FUNCTION and FCALL.
    Functions,
}

/// Code that was compiled: there is none.
#[derive(Debug)]
pub enum Compiled {}

/// An error that ended a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The error line.
    pub line: Vec<u8>,
    /// It was counted when the command inside of the script failed.
    pub is_counted: bool,
}

/// A state of Lua: there is none.
#[derive(Debug)]
pub enum Vm {}

impl Vm {
    /// No state.
    ///
    /// # Errors
    /// Always.
    pub fn new(_purpose: Purpose) -> Result<Vm, String> {
        Err("this server was built without scripts".into())
    }

    /// Compiles the text of a script.
    ///
    /// # Errors
    /// Never called.
    pub fn compile(&self, _code: &[u8], _name: &str) -> Result<Compiled, String> {
        match *self {}
    }

    /// Runs a script.
    ///
    /// # Errors
    /// Never called.
    pub fn run<S: Host>(
        &self,
        _compiled: &Compiled,
        _args: (Args<'_>, Args<'_>),
        _server: &mut S,
        _serve_others: &mut dyn FnMut(&mut S),
        _bytes_max: usize,
        _reply: &mut Reply<'_>,
    ) -> Result<(), Failure> {
        match *self {}
    }

    /// Runs the code of a library.
    ///
    /// # Errors
    /// Never called.
    pub fn load_library<S: Host>(
        &self,
        _code: &[u8],
        _server: &mut S,
    ) -> Result<Vec<Function>, String> {
        match *self {}
    }

    /// Bytes that the state holds.
    pub fn used_bytes(&self) -> usize {
        match *self {}
    }
}
