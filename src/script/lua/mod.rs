//! Lua: one state, hardened, and how code is compiled and run in it.
//!
//! The state is Lua 5.1 in C. Everything that is known to be unsafe in it is kept out of reach:
//! functions with unchecked sizes or unlimited recursion are replaced by native ones, bytecode is
//! refused, no code of a script runs inside of the compiler, nor does the collector, and memory is
//! limited. What outlives a script cannot be written by it (`prelude.lua`).
//!
//! A script calls the server through native functions that live as long as the state. They find the
//! server that runs the script through the [`Desk`]: it is lent to them for as long as the script
//! runs ([`lent`]). So nothing of the server is kept in Lua, and nothing here is unsafe.

mod api;
mod convert;
mod errors;
mod lent;
mod libs;
mod load;
mod pattern;
mod strings;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use mlua::debug::Debug;
use mlua::{Function, HookTriggers, Lua, LuaOptions, StdLib, Table, Value, VmState};

use crate::resp::args::{Args, OwnedArgs};
use crate::resp::reply::{Outbox, Protocol, Reply};

use super::host::{Host, Interrupt, Refused, Sinks};
use super::library::Function as LibraryFunction;

use convert::Words;
use errors::ScriptError;
use lent::Loan;
use libs::number::push_g;

/// How many instructions run between two looks at the clock: some dozens of microseconds, but an
/// instruction that copies a long string takes milliseconds.
const INSTRUCTIONS_PER_LOOK: u32 = 10_000;

/// How much native functions work between two: some milliseconds. A unit is about what a byte takes
/// that is compared.
const WORK_PER_LOOK: usize = 1 << 20;
/// The work of making or reading a value of Lua.
const VALUE_WORK: usize = 64;

/// When the script is asked whether it is to end, and when it is told that it is.
const ASKS: HookTriggers = HookTriggers::new().every_nth_instruction(INSTRUCTIONS_PER_LOOK);
const ENDS: HookTriggers = HookTriggers::EVERY_LINE.every_nth_instruction(INSTRUCTIONS_PER_LOOK);

/// What scripts together may keep in one state. Beyond it they get "not enough memory".
const MEMORY_BYTES_MAX: usize = 1 << 30;

/// From this much on the garbage of a script is collected as soon as it ends.
const GARBAGE_BYTES: usize = 64 << 20;

/// The room for arguments and replies that is kept from one script to the next.
const ROOM_BYTES_MAX: usize = 64 << 10;

/// What a state is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// EVAL and its like.
    Eval,
    /// FUNCTION and FCALL.
    Functions,
}

/// Code that was compiled: a number in its state's table of functions, from which it goes when this
/// is dropped. (Handles of mlua are few; scripts may be many.)
#[derive(Debug)]
pub struct Compiled {
    id: u64,
    dropped: Rc<RefCell<Vec<u64>>>,
}

impl Drop for Compiled {
    fn drop(&mut self) {
        self.dropped.borrow_mut().push(self.id);
    }
}

/// An error that ended a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The error line.
    pub line: Vec<u8>,
    /// It was counted when the command inside of the script failed.
    pub is_counted: bool,
}

/// What a native function wants of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Interrupt,
    InterruptServed,
    Call,
    MayRun,
    Log(u8),
    Clock,
    Protocol(Protocol),
    Sinks(Sinks),
}

/// What the server answered.
#[derive(Debug, Default)]
enum Answer {
    #[default]
    Done,
    Refused(Refused),
    May(Option<bool>),
    Clock(u64),
    Interrupt(Interrupt),
}

/// Where native functions write down what they want of the server, and find its answer.
#[derive(Default)]
struct Desk {
    args: RefCell<OwnedArgs>,
    text: RefCell<Vec<u8>>,
    reply: RefCell<Outbox>,
    answer: RefCell<Answer>,
    /// What the script's commands are answered in.
    protocol: Cell<Protocol>,
    /// The state of `math.random`.
    random: Cell<u64>,
    /// The script is to end, and nothing it does may keep it.
    is_killed: Cell<bool>,
    /// What native functions have worked since the last look.
    work: Cell<usize>,
    /// The functions of the library being loaded.
    registered: RefCell<Option<Vec<LibraryFunction>>>,
    compiled: RefCell<Option<Functions>>,
}

impl Answer {
    /// Why the script is to end, if that is the answer.
    fn end(self) -> Option<&'static str> {
        match self {
            Answer::Interrupt(Interrupt::End(reason)) => Some(reason),
            _ => None,
        }
    }
}

impl Desk {
    /// Has the server carry out an order. `false` where no script runs.
    fn carry_out(&self, order: Order) -> bool {
        lent::borrow(|lent| self.serve(order, lent.host())).is_some()
    }

    /// Asks whether the script is to end, after the others were served if it takes long. Why, if
    /// so.
    fn interrupt(&self) -> Option<&'static str> {
        if !self.carry_out(Order::Interrupt) {
            return None;
        }
        let answer = self.take_answer();
        if matches!(answer, Answer::Interrupt(Interrupt::ServeOthers)) {
            lent::borrow(|lent| lent.serve_others());
            self.carry_out(Order::InterruptServed);
            return self.take_answer().end();
        }
        answer.end()
    }

    /// As [`Desk::interrupt`], for the running thread of Lua: if the script is to end, each line of
    /// that fails from now on, so that it cannot catch the error and go on.
    fn ask(self: &Rc<Desk>, lua: &Lua) -> mlua::Result<Option<&'static str>> {
        let reason = self.interrupt();
        if reason.is_some() {
            self.is_killed.set(true);
            self.watch(lua, ENDS)?;
        }
        Ok(reason)
    }

    /// Notes the work of a native function, and fails if the script is to end.
    fn spend(self: &Rc<Desk>, lua: &Lua, work: usize) -> mlua::Result<()> {
        let work = self.work.get().saturating_add(work);
        if work < WORK_PER_LOOK {
            self.work.set(work);
            return Ok(());
        }
        self.work.set(0);
        match self.ask(lua)? {
            Some(reason) => Err(errors::reply(format!("ERR {reason}"), false)),
            None => Ok(()),
        }
    }

    /// An error was caught: if it is the one that ends the script, it ends the catcher too, which
    /// may be another thread of Lua than the one that was told.
    fn note_caught(self: &Rc<Desk>, lua: &Lua) -> mlua::Result<()> {
        match self.is_killed.get() {
            true => self.watch(lua, ENDS),
            false => Ok(()),
        }
    }

    /// Has the running thread of Lua, and those that it makes, ask whether the script is to end.
    fn watch(self: &Rc<Desk>, lua: &Lua, triggers: HookTriggers) -> mlua::Result<()> {
        let desk = Rc::downgrade(self);
        lua.set_global_hook(triggers, move |lua, _| {
            let Some(desk) = desk.upgrade() else {
                return Ok(VmState::Continue);
            };
            match desk.ask(lua)? {
                Some(reason) if !has_ended(lua) => {
                    Err(errors::reply(format!("ERR {reason}"), false))
                }
                _ => Ok(VmState::Continue),
            }
        })
    }

    /// The server's work: one order.
    fn serve(&self, order: Order, host: &mut dyn Host) {
        let answer = match order {
            Order::Interrupt => Answer::Interrupt(host.interrupt(false)),
            Order::InterruptServed => Answer::Interrupt(host.interrupt(true)),
            Order::Call => {
                let mut reply = self.reply.borrow_mut();
                reply.clear();
                match host.call(self.args.borrow().as_args(), &mut reply) {
                    Ok(()) => Answer::Done,
                    Err(refused) => Answer::Refused(refused),
                }
            }
            Order::MayRun => Answer::May(host.may_run(self.args.borrow().as_args())),
            Order::Log(level) => {
                host.log(level, &self.text.borrow());
                Answer::Done
            }
            Order::Clock => Answer::Clock(host.cpu_us()),
            Order::Protocol(protocol) => {
                host.set_protocol(protocol);
                Answer::Done
            }
            Order::Sinks(sinks) => {
                host.set_sinks(sinks);
                Answer::Done
            }
        };
        *self.answer.borrow_mut() = answer;
    }

    fn take_answer(&self) -> Answer {
        self.answer.take()
    }

    /// Gives back the room that large arguments and replies took.
    fn shrink(&self) {
        if self.args.borrow().heap_bytes() > ROOM_BYTES_MAX {
            self.args.take();
        }
        if self.reply.borrow().heap_bytes() > ROOM_BYTES_MAX {
            self.reply.take();
        }
        if self.text.borrow().capacity() > ROOM_BYTES_MAX {
            self.text.take();
        }
    }
}

/// The compiled functions of a state, by number.
struct Functions {
    table: Table,
    next_id: u64,
    dropped: Rc<RefCell<Vec<u64>>>,
}

impl Functions {
    fn add(&mut self, function: Function) -> mlua::Result<Compiled> {
        self.drop_unused()?;
        self.next_id += 1;
        self.table.raw_set(self.next_id, function)?;
        Ok(Compiled {
            id: self.next_id,
            dropped: Rc::clone(&self.dropped),
        })
    }

    fn drop_unused(&mut self) -> mlua::Result<()> {
        for id in self.dropped.borrow_mut().drain(..) {
            self.table.raw_set(id, Value::Nil)?;
        }
        Ok(())
    }
}

/// One state.
pub struct Vm {
    lua: Lua,
    desk: Rc<Desk>,
    /// Starts a function.
    start: Function,
    /// Starts the code of a library.
    start_library: Function,
    environment: Table,
    words: Words,
}

impl fmt::Debug for Vm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vm({} bytes)", self.used_bytes())
    }
}

impl Vm {
    /// A new state.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn new(purpose: Purpose) -> Result<Vm, String> {
        Vm::build(purpose).map_err(|error| error.to_string())
    }

    fn build(purpose: Purpose) -> mlua::Result<Vm> {
        let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH;
        let options = LuaOptions::new().catch_rust_panics(false);
        let lua = Lua::new_with(libraries, options)?;
        let desk = Rc::new(Desk::default());
        desk.random.set(libs::random::FIRST);
        *desk.compiled.borrow_mut() = Some(Functions {
            table: lua.create_table()?,
            next_id: 0,
            dropped: Rc::default(),
        });
        let words = Words::new(&lua)?;
        let native = lua.create_table()?;
        api::install(&lua, &desk, purpose, &native)?;
        strings::install(&lua, &desk, &native)?;
        libs::install(&lua, &desk, &native)?;
        load::install(&lua, &native)?;
        let prelude = lua
            .load(include_str!("prelude.lua"))
            .set_name(errors::PRELUDE);
        let is_eval = purpose == Purpose::Eval;
        let (environment, start, start_library) =
            prelude.call::<(Table, Function, Function)>((native, is_eval))?;
        let vm = Vm {
            lua,
            desk,
            start,
            start_library,
            environment,
            words,
        };
        vm.desk.watch(&vm.lua, ASKS)?;
        warm_up(&vm.lua)?;
        vm.lua.gc_collect()?;
        Ok(vm)
    }

    /// Compiles the text of a script.
    ///
    /// # Errors
    /// What the compiler says.
    pub fn compile(&self, code: &[u8], name: &str) -> Result<Compiled, String> {
        let function = load::compile(&self.lua, code, name, Some(&self.environment))
            .map_err(|error| String::from_utf8_lossy(&error).into_owned())?;
        self.keep(function).map_err(|error| error.to_string())
    }

    fn keep(&self, function: Function) -> mlua::Result<Compiled> {
        match self.desk.compiled.borrow_mut().as_mut() {
            Some(functions) => functions.add(function),
            None => Err(mlua::Error::runtime("no table of functions")),
        }
    }

    fn function(&self, compiled: &Compiled) -> mlua::Result<Function> {
        match self.desk.compiled.borrow().as_ref() {
            Some(functions) => functions.table.raw_get(compiled.id),
            None => Err(mlua::Error::runtime("no table of functions")),
        }
    }

    /// Runs a script or function with its keys and arguments, and writes what it returns, not much
    /// beyond the point where `bytes_max` wait to be sent. If it takes long, `serve_others`
    /// is called from time to time.
    ///
    /// # Errors
    /// The error that it ended with, or returned; nothing was written.
    pub fn run<S: Host>(
        &self,
        compiled: &Compiled,
        (keys, argv): (Args<'_>, Args<'_>),
        server: &mut S,
        serve_others: &mut dyn FnMut(&mut S),
        bytes_max: usize,
        reply: &mut Reply<'_>,
    ) -> Result<(), Failure> {
        self.desk.protocol.set(Protocol::Resp2);
        let before = reply.outbox().checkpoint();
        let result = (|| {
            let function = self.function(compiled)?;
            let keys = self
                .lua
                .create_sequence_from(keys.iter().map(convert::bytes))?;
            let argv = self
                .lua
                .create_sequence_from(argv.iter().map(convert::bytes))?;
            self.lend(server, serve_others, || {
                let (ok, value) = self.start.call::<(bool, Value)>((function, keys, argv))?;
                if !ok {
                    return Ok(Err(failure(&value, true)));
                }
                if let Value::Table(table) = &value
                    && let Some(line) = convert::error_of(&self.words, table)?
                {
                    let is_counted = is_counted(table);
                    return Ok(Err(Failure { line, is_counted }));
                }
                let mut spends = || self.desk.spend(&self.lua, VALUE_WORK);
                let protocol = self.desk.protocol.get();
                convert::to_reply(&self.words, value, protocol, bytes_max, reply, &mut spends)?;
                Ok(Ok(()))
            })
        })();
        if self.used_bytes() > GARBAGE_BYTES {
            // It fails only where a finaliser does, and there is none.
            let _ = self.lua.gc_collect();
        }
        result.unwrap_or_else(|error: mlua::Error| {
            reply.outbox().truncate(before);
            Err(failure_of(&error))
        })
    }

    /// Runs the code of a library and returns the functions that it registered.
    ///
    /// # Errors
    /// What the compiler says, or what went wrong.
    pub fn load_library<S: Host>(
        &self,
        code: &[u8],
        server: &mut S,
    ) -> Result<Vec<LibraryFunction>, String> {
        let function = load::compile(&self.lua, code, "@user_function", Some(&self.environment))
            .map_err(|error| {
                let error = String::from_utf8_lossy(&error);
                format!("Error compiling function: {error}")
            })?;
        *self.desk.registered.borrow_mut() = Some(Vec::new());
        let start = || self.start_library.call::<(bool, Value)>(function);
        let started = self.lend(server, &mut |_| {}, start);
        let registered = self.desk.registered.borrow_mut().take().unwrap_or_default();
        let line = match started {
            Ok((true, _)) => return Ok(registered),
            Ok((false, value)) => failure(&value, false).line,
            Err(error) => failure_of(&error).line,
        };
        let line = String::from_utf8_lossy(&line);
        Err(format!("Error registering functions: {line}"))
    }

    /// Bytes that the state holds.
    pub fn used_bytes(&self) -> usize {
        self.lua.used_memory()
    }

    /// Lets native functions reach the server while `body` runs.
    fn lend<S: Host, T>(
        &self,
        server: &mut S,
        serve_others: &mut dyn FnMut(&mut S),
        body: impl FnOnce() -> mlua::Result<T>,
    ) -> mlua::Result<T> {
        let desk = &self.desk;
        self.lua.set_memory_limit(MEMORY_BYTES_MAX)?;
        let mut loan = Loan {
            server,
            serve_others,
        };
        let result = lent::lend(&mut loan, body);
        self.lua.set_memory_limit(0)?;
        desk.shrink();
        if desk.is_killed.replace(false) {
            desk.watch(&self.lua, ASKS)?;
        }
        result
    }
}

/// Calls natives inside of each other, once: mlua sets aside for each level the value with which it
/// would raise an error, the first time on the stack, of which arguments may need the last place.
fn warm_up(lua: &Lua) -> mlua::Result<()> {
    let inner = lua.create_function(|_, ()| Ok(()))?;
    let middle = lua.create_function(move |_, ()| inner.call::<()>(()))?;
    let outer = lua.create_function(move |_, ()| middle.call::<()>(()))?;
    outer.call(())
}

/// Whether nothing runs any more but what started the script (`prelude.lua`), which is to put in
/// order what it changed.
fn has_ended(lua: &Lua) -> bool {
    let is_ours = |frame: &Debug<'_>| frame.source().source.as_deref() == Some(errors::PRELUDE);
    lua.inspect_stack(1, |_| ()).is_none() && lua.inspect_stack(0, is_ours) == Some(true)
}

/// What ended a script that no handler saw.
fn failure_of(error: &mlua::Error) -> Failure {
    match errors::inside(error) {
        ScriptError::Text(text) => Failure {
            line: [b"ERR ", &text[..]].concat(),
            is_counted: false,
        },
        ScriptError::Reply(line, is_counted) => Failure { line, is_counted },
    }
}

/// What ended a script, from what its error handler made of it; `placed`: with its line.
fn failure(reason: &Value, placed: bool) -> Failure {
    let Value::Table(table) = reason else {
        let text = match reason {
            Value::String(text) => text.as_bytes().to_vec(),
            Value::Error(error) => return failure_of(error),
            _ => b"execution failure".to_vec(),
        };
        return Failure {
            line: [b"ERR ", &text[..]].concat(),
            is_counted: false,
        };
    };
    let mut line = text_of(table, "err").unwrap_or_else(|| b"ERR unknown error".to_vec());
    let place = (text_of(table, "source"), text_of(table, "line"));
    if let (Some(source), Some(number), true) = (place.0, place.1, placed) {
        line.extend_from_slice(b" script: on ");
        line.extend_from_slice(&source);
        line.push(b':');
        line.extend_from_slice(&number);
        line.push(b'.');
    }
    Failure {
        line,
        is_counted: is_counted(table),
    }
}

fn is_counted(table: &Table) -> bool {
    let flag = table.raw_get::<Value>("ignore_error_stats_update");
    flag.is_ok_and(|value| value == Value::Boolean(true))
}

/// The digits with which Lua writes numbers.
const NUMBER_DIGITS: usize = 14;

/// A field that is a string or a number, as text.
fn text_of(table: &Table, name: &str) -> Option<Vec<u8>> {
    match table.raw_get(name).ok()? {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        value => {
            let mut text = Vec::new();
            push_g(&mut text, libs::plain_number(&value)?, NUMBER_DIGITS);
            Some(text)
        }
    }
}
