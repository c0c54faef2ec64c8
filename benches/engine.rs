//! An engine with real clocks and memory, but without a socket, for the benches that need one.

use kvd::client::{ClientKey, Endpoint, Served};
use kvd::config::load::{Sources, load};
use kvd::engine::busy::Alone;
use kvd::engine::{Engine, Host};
use kvd::host::files::OsFiles;
use kvd::host::log::LogControl;
use kvd::host::machine::OsMachine;
use kvd::host::memory::MemoryDisk;
use kvd::host::os::OsClock;
use kvd::observe::machine::SystemFacts;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Keys that the keyspace holds: far more than the processor's caches do.
pub const KEYS: u64 = 1_000_000;

/// An engine with [`KEYS`] keys of 16 bytes and values of 32, and a client of it.
pub fn filled() -> (Box<Engine>, ClientKey) {
    let sources = Sources {
        arguments: [&b"--save"[..], b""].map(<[u8]>::to_vec).to_vec(),
        environment: Vec::new(),
    };
    let loaded = load(&sources, &mut OsFiles, &mut || Ok(Vec::new())).expect("valid options");
    let log = LogControl::install(loaded.config.loglevel, "");
    let host = Host {
        clock: Box::new(OsClock::new()),
        machine: Box::new(OsMachine::new(SystemFacts::default(), log)),
        disk: Box::new(MemoryDisk::default()),
    };
    let mut engine = Engine::new(loaded.config, kvd::registry(), 1, host);
    engine.begin_turn();
    engine.begin_loading().expect("nothing to load");
    while engine.is_loading() {
        engine.tick();
    }
    let client = engine.connect(Endpoint::Internal).expect("a connection");
    for number in 0..KEYS {
        let set = wire(&[b"SET", &key(number), &[b'x'; 32]]);
        turn(&mut engine, client, &set);
    }
    (engine, client)
}

/// A whole turn but for its sockets: bytes in, background work, bytes out; how many.
pub fn turn(engine: &mut Engine, client: ClientKey, input: &[u8]) -> usize {
    engine.begin_turn();
    let mut progress = engine.receive(client, input, &mut Alone);
    while progress == Served::More {
        engine.begin_turn();
        progress = engine.resume(client, &mut Alone);
    }
    engine.tick();
    engine.write_log();
    let outbox = engine.outbox(client).expect("a client");
    let written = outbox.len();
    outbox.advance(written);
    engine.flushed(client, written);
    written
}

/// The name of a key.
pub fn key(number: u64) -> [u8; 16] {
    let text = format!("key:{number:012}");
    text.as_bytes().try_into().expect("16 bytes")
}

/// A request as a client library writes it.
pub fn wire(args: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
