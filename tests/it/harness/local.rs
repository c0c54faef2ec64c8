//! An engine in this process: no socket, no thread, and a clock that only tests move.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use kvd::client::{ClientKey, Closing, Endpoint, Served};
use kvd::config::load::{Sources, load};
use kvd::dispatch::execute::serve_waiting;
use kvd::engine::busy::Alone;
use kvd::engine::{Engine, Host};
use kvd::host::Disk;
use kvd::host::files::OsFiles;
use kvd::host::memory::MemoryDisk;
use kvd::persist::aof::LogState;
use kvd::time::{Clock, Now};

use super::machine::TestMachine;
use super::value::{Value, decode_all};
use super::{request, words};

/// How often a turn asks whether a sync has ended.
const SYNC_TRIES: usize = 1_000;

/// When tests begin: a date long after any expiry in them was "in the past".
const START_MS: i64 = 1_700_000_000_000;

/// The time of a test.
#[derive(Clone, Copy)]
pub struct Time {
    pub unix_ms: i64,
    pub mono_ns: u64,
    /// How far each look at the monotonic clock moves it: 0, unless budgets are to run out.
    pub step_ns: u64,
}

impl Time {
    fn now(self) -> Now {
        Now::new(self.unix_ms * 1_000, self.mono_ns / 1_000)
    }
}

#[derive(Clone)]
struct TestClock(Rc<Cell<Time>>);

impl Clock for TestClock {
    fn now(&self) -> Now {
        self.0.get().now()
    }

    fn at(&self, mono_ns: u64) -> Now {
        Now::new(self.0.get().unix_ms * 1_000, mono_ns / 1_000)
    }

    fn mono_ns(&self) -> u64 {
        let mut time = self.0.get();
        time.mono_ns += time.step_ns;
        self.0.set(time);
        time.mono_ns
    }

    fn thread_cpu_us(&self) -> u64 {
        self.0.get().now().mono_us
    }
}

/// A server in this process.
#[derive(Clone)]
pub struct Kvd {
    engine: Rc<RefCell<Box<Engine>>>,
    clock: Rc<Cell<Time>>,
    /// What a turn changed could not be written, or not be made durable.
    log_failed: Rc<Cell<bool>>,
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
        Kvd::seeded(1, options)
    }

    /// A server whose random choices and hashes follow from `seed`.
    pub fn seeded(seed: u64, options: &[(&str, &str)]) -> Kvd {
        Kvd::on(MemoryDisk::default(), seed, options)
    }

    /// A server on a disk that may hold files already.
    pub fn on(disk: impl Disk + 'static, seed: u64, options: &[(&str, &str)]) -> Kvd {
        Kvd::try_on(disk, seed, options).expect("files that can be loaded")
    }

    /// The same, if the files can be loaded.
    pub fn try_on(
        disk: impl Disk + 'static,
        seed: u64,
        options: &[(&str, &str)],
    ) -> Result<Kvd, String> {
        Kvd::at(disk, seed, options, START_MS)
    }

    /// The same, at a time of its own.
    pub fn at(
        disk: impl Disk + 'static,
        seed: u64,
        options: &[(&str, &str)],
        unix_ms: i64,
    ) -> Result<Kvd, String> {
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
        let clock = Rc::new(Cell::new(Time {
            unix_ms,
            mono_ns: 1_000_000_000,
            step_ns: 0,
        }));
        let machine = TestMachine::new(clock.clone());
        let mut engine = Engine::new(
            config,
            kvd::registry(),
            seed,
            Host {
                clock: Box::new(TestClock(clock.clone())),
                machine: Box::new(machine.clone()),
                disk: Box::new(disk),
            },
        );
        engine.load_users()?;
        engine.begin_turn();
        engine
            .begin_loading()
            .map_err(|failed| failed.to_string())?;
        while engine.is_loading() {
            engine.begin_turn();
            engine.tick();
            if engine.take_exit().is_some() {
                return Err("loading failed".to_owned());
            }
        }
        Ok(Kvd {
            engine: Rc::new(RefCell::new(engine)),
            clock,
            log_failed: Rc::default(),
            machine,
        })
    }

    /// A connected client.
    pub fn client(&self) -> Client {
        self.connect(Endpoint::Internal).expect("a connection")
    }

    /// A client from another computer, or what it is told if it may not connect.
    pub fn stranger(&self) -> Result<Client, Vec<u8>> {
        let (peer, local) = ("192.0.2.1:4000", "192.0.2.2:6379");
        self.connect(Endpoint::Tcp {
            peer: peer.parse().expect("an address"),
            local: local.parse().expect("an address"),
        })
    }

    /// A browser or scraper on the metrics port, or what it is told if it may not connect.
    pub fn browser(&self) -> Result<Client, Vec<u8>> {
        let peer = ([127, 0, 0, 1], 4_000).into();
        self.connect(Endpoint::Metrics { peer })
    }

    fn connect(&self, endpoint: Endpoint) -> Result<Client, Vec<u8>> {
        let mut engine = self.engine.borrow_mut();
        engine.begin_turn();
        let key = engine.connect(endpoint)?;
        Ok(Client {
            kvd: self.clone(),
            key,
        })
    }

    /// Lets time pass, and the server do what it does meanwhile.
    pub fn advance_ms(&self, ms: u64) {
        self.pass_ms(ms);
        self.turn();
    }

    /// Lets time pass before the server gets to do anything.
    pub fn pass_ms(&self, ms: u64) {
        let time = self.clock.get();
        self.clock.set(Time {
            unix_ms: time.unix_ms + ms as i64,
            mono_ns: time.mono_ns + ms * 1_000_000,
            ..time
        });
    }

    /// From now on each look at the monotonic clock moves it, so that budgets run out.
    pub fn tick_by_ns(&self, step_ns: u64) {
        self.clock.set(Time {
            step_ns,
            ..self.clock.get()
        });
    }

    /// Moves the wall clock alone, as an administrator or NTP does.
    pub fn jump_wall_ms(&self, ms: i64) {
        let time = self.clock.get();
        self.clock.set(Time {
            unix_ms: time.unix_ms + ms,
            ..time
        });
        self.turn();
    }

    /// The wall clock.
    pub fn unix_ms(&self) -> i64 {
        self.clock.get().unix_ms
    }

    /// Turns until nothing is left to do at once.
    pub fn turn(&self) {
        while self.one_turn() {}
    }

    /// One turn without new bytes. Whether the server wants another at once.
    pub fn one_turn(&self) -> bool {
        let mut engine = self.engine.borrow_mut();
        engine.begin_turn();
        while let Some(key) = engine.next_ready() {
            while engine.resume(key, &mut Alone) == Served::More {
                engine.begin_turn();
            }
        }
        engine.tick();
        serve_waiting(&mut engine);
        // A disk that is gone does not answer: nobody waits for ever.
        let mut states = (0..SYNC_TRIES).map(|_| engine.write_log());
        if states.find(|state| *state != LogState::Held) != Some(LogState::Written) {
            self.log_failed.set(true);
        }
        engine
            .next_deadline()
            .is_some_and(|at| at <= engine.mono_us())
    }

    /// Whether, since the last call, replies had to be withheld: who waited for one would have
    /// been disconnected.
    pub fn take_log_failed(&self) -> bool {
        self.log_failed.take()
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
    pub fn send_raw(&self, bytes: &[u8]) -> Served {
        let progress = self.send_for_a_turn(bytes);
        self.finish(progress)
    }

    /// Sends bytes, and runs what they say in later turns, as if others had used up this one.
    pub fn send_late(&self, bytes: &[u8]) -> Served {
        let mut engine = self.kvd.engine.borrow_mut();
        engine.begin_turn();
        let progress = engine.put_off(self.key, bytes);
        drop(engine);
        self.finish(progress)
    }

    fn finish(&self, mut progress: Served) -> Served {
        while progress == Served::More {
            progress = self.go_on();
        }
        progress
    }

    /// Sends bytes and runs what they say in this turn.
    pub fn send_for_a_turn(&self, bytes: &[u8]) -> Served {
        let mut engine = self.kvd.engine.borrow_mut();
        engine.begin_turn();
        engine.receive(self.key, bytes, &mut Alone)
    }

    /// Goes on in another turn, with a command that was not done, or did not come to its turn.
    pub fn go_on(&self) -> Served {
        let mut engine = self.kvd.engine.borrow_mut();
        engine.begin_turn();
        engine.resume(self.key, &mut Alone)
    }

    /// Whether a command waits for the snapshot that is written.
    pub fn is_postponed(&self) -> bool {
        let engine = self.kvd.engine.borrow();
        let client = engine.clients.find(self.key);
        client.is_some_and(|client| client.is_paused)
    }

    /// Sends a command.
    pub fn send(&self, line: &str) -> Served {
        self.send_raw(&request(&words(line)))
    }

    /// The bytes the server has for this client.
    pub fn take_bytes(&self) -> Vec<u8> {
        self.kvd.turn();
        self.take_bytes_now()
    }

    /// The bytes the server has for this client in this turn.
    pub fn take_bytes_now(&self) -> Vec<u8> {
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

    /// What a whole walk by cursor shows, sorted, each once: the words before the cursor, and the
    /// options behind it.
    pub fn walk(&self, command: &str, options: &str) -> Vec<String> {
        let (mut cursor, mut seen) = ("0".to_string(), Vec::new());
        loop {
            let reply = self.cmd(&format!("{command} {cursor} {options}"));
            cursor = reply.items()[0].text();
            seen.extend(reply.items()[1].texts());
            if cursor == "0" {
                break;
            }
        }
        seen.sort();
        seen.dedup();
        seen
    }

    /// What all data comes to; the server must have been told to allow DEBUG.
    #[track_caller]
    pub fn digest(&self) -> String {
        match self.cmd("DEBUG DIGEST") {
            Value::Simple(digest) => digest,
            other => panic!("no digest: {other:?}"),
        }
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

    /// Its address in the engine, for tests of a seam.
    pub fn key(&self) -> ClientKey {
        self.key
    }

    /// The connection breaks.
    pub fn disconnect(self) {
        self.kvd.engine.borrow_mut().disconnect(self.key);
    }
}
