//! An engine in this process: no socket, no thread, and a clock that only tests move.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use kvd::client::{ClientKey, Closing, Endpoint, Progress};
use kvd::config::load::{Sources, load};
use kvd::engine::Engine;
use kvd::host::files::OsFiles;
use kvd::time::{Clock, Now};

use super::machine::TestMachine;
use super::value::{Value, decode_all};
use super::{request, words};

/// When tests begin: a date long after any expiry in them was "in the past".
const START_MS: i64 = 1_700_000_000_000;

#[derive(Clone)]
struct TestClock(Rc<Cell<Now>>);

impl Clock for TestClock {
    fn now(&self) -> Now {
        self.0.get()
    }

    fn mono_ns(&self) -> u64 {
        self.0.get().mono_us * 1_000
    }

    fn thread_cpu_us(&self) -> u64 {
        self.0.get().mono_us
    }
}

/// A server in this process.
#[derive(Clone)]
pub struct Kvd {
    engine: Rc<RefCell<Box<Engine>>>,
    clock: Rc<Cell<Now>>,
    /// What the server believes about the machine.
    pub machine: TestMachine,
}

impl Kvd {
    /// A server with default configuration.
    pub fn new() -> Kvd {
        Kvd::with(&[])
    }

    /// A server with some configuration values changed.
    pub fn with(options: &[(&str, &str)]) -> Kvd {
        let mut arguments = Vec::new();
        for (name, value) in options {
            arguments.push(format!("--{name}").into_bytes());
            arguments.push(value.as_bytes().to_vec());
        }
        let sources = Sources {
            arguments,
            environment: Vec::new(),
        };
        let mut stdin = || Ok(Vec::new());
        let loaded = load(&sources, &mut OsFiles, &mut stdin).expect("valid options");
        let config = loaded.config;
        let clock = Rc::new(Cell::new(Now {
            unix_ms: START_MS,
            mono_us: 1_000_000,
        }));
        let machine = TestMachine::new(clock.clone());
        let engine = Engine::new(
            config,
            kvd::registry(),
            1,
            Box::new(TestClock(clock.clone())),
            Box::new(machine.clone()),
        );
        Kvd {
            engine: Rc::new(RefCell::new(engine)),
            clock,
            machine,
        }
    }

    /// A connected client.
    pub fn client(&self) -> Client {
        let mut engine = self.engine.borrow_mut();
        engine.begin_turn();
        let key = engine.connect(Endpoint::Internal).expect("a connection");
        Client {
            kvd: self.clone(),
            key,
        }
    }

    /// Lets time pass, and the server do what it does meanwhile.
    pub fn advance_ms(&self, ms: u64) {
        let now = self.clock.get();
        self.clock.set(Now {
            unix_ms: now.unix_ms + ms as i64,
            mono_us: now.mono_us + ms * 1_000,
        });
        self.turn();
    }

    /// Moves the wall clock alone, as an administrator or NTP does.
    pub fn jump_wall_ms(&self, ms: i64) {
        let now = self.clock.get();
        self.clock.set(Now {
            unix_ms: now.unix_ms + ms,
            ..now
        });
        self.turn();
    }

    /// The wall clock.
    pub fn unix_ms(&self) -> i64 {
        self.clock.get().unix_ms
    }

    /// Turns until nothing is left to do at once.
    pub fn turn(&self) {
        let mut engine = self.engine.borrow_mut();
        for _ in 0..1_000 {
            engine.begin_turn();
            while let Some(key) = engine.next_ready() {
                let _ = engine.resume(key);
            }
            engine.tick();
            if engine
                .next_deadline()
                .is_none_or(|at| at > engine.mono_us())
            {
                break;
            }
        }
    }

    /// The engine itself, for tests of a seam.
    pub fn engine(&self) -> std::cell::RefMut<'_, Box<Engine>> {
        self.engine.borrow_mut()
    }
}

/// A client of a server in this process.
pub struct Client {
    kvd: Kvd,
    key: ClientKey,
}

impl Client {
    /// Sends bytes and runs what they say.
    pub fn send_raw(&self, bytes: &[u8]) -> Progress {
        let mut engine = self.kvd.engine.borrow_mut();
        engine.begin_turn();
        let mut progress = engine.receive(self.key, bytes);
        while progress == Progress::More {
            engine.begin_turn();
            progress = engine.resume(self.key);
        }
        progress
    }

    /// Sends a command.
    pub fn send(&self, line: &str) -> Progress {
        self.send_raw(&request(&words(line)))
    }

    /// The bytes the server has for this client.
    pub fn take_bytes(&self) -> Vec<u8> {
        self.kvd.turn();
        let mut engine = self.kvd.engine.borrow_mut();
        let Some(outbox) = engine.outbox(self.key) else {
            return Vec::new();
        };
        let mut bytes = Vec::new();
        while !outbox.is_empty() {
            let mut slices = [std::io::IoSlice::new(&[]); 8];
            let used = outbox.io_slices(&mut slices);
            let chunk: Vec<u8> = slices[..used]
                .iter()
                .flat_map(|slice| slice.iter().copied())
                .collect();
            outbox.advance(chunk.len());
            bytes.extend(chunk);
        }
        engine.flushed(self.key, bytes.len());
        bytes
    }

    /// The replies the server has for this client.
    pub fn take(&self) -> Vec<Value> {
        decode_all(&self.take_bytes())
    }

    /// The one reply the server has for this client.
    pub fn take_one(&self) -> Value {
        let mut replies = self.take();
        assert_eq!(replies.len(), 1, "one reply: {replies:?}");
        replies.remove(0)
    }

    /// Whether the server has nothing for this client.
    pub fn is_silent(&self) -> bool {
        self.take_bytes().is_empty()
    }

    /// Sends a command and takes its one reply.
    pub fn cmd(&self, line: &str) -> Value {
        self.send(line);
        self.take_one()
    }

    /// As [`Client::cmd`], with the words given one by one.
    pub fn cmd_words<W: AsRef<[u8]>>(&self, words: &[W]) -> Value {
        self.send_raw(&request(words));
        self.take_one()
    }

    /// Sends a command whose reply is text and takes it.
    pub fn text(&self, line: &str) -> String {
        self.cmd(line).text()
    }

    /// Sends a command whose reply is an integer and takes it.
    pub fn int(&self, line: &str) -> i64 {
        self.cmd(line).int()
    }

    /// Sends a command whose reply is an error and takes its line.
    #[track_caller]
    pub fn err(&self, line: &str) -> String {
        match self.cmd(line) {
            Value::Error(line) => line,
            other => panic!("{line}: not an error: {other:?}"),
        }
    }

    /// Whether the server wants this connection closed.
    pub fn is_closing(&self) -> bool {
        self.kvd.engine.borrow().closing(self.key) != Closing::No
    }

    /// The connection breaks.
    pub fn disconnect(self) {
        self.kvd.engine.borrow_mut().disconnect(self.key);
    }
}
