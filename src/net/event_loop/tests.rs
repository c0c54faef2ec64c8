//! A turn inside of a turn, without a script.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use crate::config::Config;
use crate::engine::Host;
use crate::host::os::OsClock;
use crate::net::listener::{Bound, Class, ListenOptions, Listeners};
use crate::net::tests::{PATIENCE, connect};

use super::*;

/// An engine and its sockets, and where they listen.
fn server() -> (Box<Engine>, Sockets, SocketAddr) {
    let mut options = ListenOptions {
        backlog: 8,
        ..ListenOptions::default()
    };
    options.add_bind(&["127.0.0.1"], 0, Class::Client).unwrap();
    let listeners = Listeners::open(options).unwrap();
    let Some(Bound::Tcp(address, _)) = listeners.bound().next() else {
        unreachable!()
    };
    let host = Host {
        clock: Box::new(OsClock::new()),
        machine: Box::new(crate::observe::machine::StillMachine::default()),
        disk: Box::new(crate::host::memory::MemoryDisk::default()),
    };
    let engine = Engine::new(Config::default(), crate::registry(), 1, host);
    let sockets = Sockets::new(Poller::new().unwrap(), listeners.share(), None).unwrap();
    (engine, sockets, address)
}

/// Connections that all have sent their bytes, and are known to be ready.
fn ready<const N: usize>(
    engine: &mut Engine,
    sockets: &mut Sockets,
    address: SocketAddr,
    sent: [&[u8]; N],
) -> [TcpStream; N] {
    let streams = sent.map(|bytes| {
        let mut stream = connect(address);
        stream.write_all(bytes).unwrap();
        stream
    });
    while sockets.ready.len() < N {
        sockets.poll(Some(PATIENCE)).unwrap();
        sockets.sort_events(engine);
        sockets.accept(engine);
    }
    streams
}

/// What a connection has got so far.
fn got(stream: &mut TcpStream) -> Vec<u8> {
    stream.set_nonblocking(true).unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    bytes
}

/// Whether a connection gets these bytes, and nothing before them.
fn gets(stream: &mut TcpStream, wanted: &[u8]) -> bool {
    stream.set_nonblocking(false).unwrap();
    let mut bytes = vec![0; wanted.len()];
    stream.read_exact(&mut bytes).is_ok() && bytes == wanted
}

#[test]
fn what_was_read_together_runs_while_one_of_it_takes_long() {
    let (mut engine, mut sockets, address) = server();
    engine.begin_turn();
    let sent: [&[u8]; 3] = [b"INCR a\r\n", b"INCR a\r\nINC", b"GET a\r\nQUIT\r\n"];
    let [mut first, mut second, mut third] = ready(&mut engine, &mut sockets, address, sent);
    let mut reads = Reads::default();
    let mut waiting = sockets.ready.len();
    sockets.read_together(&mut engine, &mut reads, &mut waiting);
    let mut unrun = reads.unrun();
    let (key, bytes) = unrun.next().unwrap();
    assert_eq!((bytes, unrun.len(), waiting), (sent[0], 2, 0));
    sockets.connections.find(key).unwrap().begin_work();
    let mut others = Others {
        sockets: &mut sockets,
        unrun: &mut unrun,
    };
    others.serve_others(&mut engine);
    assert!(unrun.next().is_none(), "nothing is left to run twice");
    assert!(gets(&mut second, b":1\r\n") && gets(&mut third, b"$1\r\n1\r\n+OK\r\n"));
    assert!(got(&mut first).is_empty(), "its command is running");
    // The rest of a command finds its beginning.
    sockets.settle(key, Served::Idle);
    second.write_all(b"R a\r\n").unwrap();
    let started = Instant::now();
    while got(&mut second).is_empty() {
        sockets.serve_others(&mut engine);
        assert!(started.elapsed() < PATIENCE);
    }
    assert_eq!(engine.clients.iter().count(), 2);
}

#[test]
fn what_was_read_together_waits_when_the_time_is_up() {
    let (mut engine, mut sockets, address) = server();
    engine.begin_turn();
    // The second sends so much that the third is not read with it, and is behind it all the same.
    let long = [b"APPEND a ", &[b'2'; 1_000][..], b"\r\n"].concat();
    let sent: [&[u8]; 3] = [b"APPEND a 1\r\n", &long, b"APPEND a 3\r\n"];
    let mut streams = ready(&mut engine, &mut sockets, address, sent);
    let lengths = [1, 1_001, 1_002, 1_003];
    for turn in 0..4 {
        engine.begin_turn();
        engine.budget_end_ns = 0;
        sockets.serve(&mut engine);
        sockets.flush(&mut engine);
        // The second sends more before what it sent first has run.
        if turn == 0 {
            streams[1].write_all(b"APPEND a 4\r\n").unwrap();
        }
        sockets.poll(Some(Duration::ZERO)).unwrap();
        sockets.sort_events(&mut engine);
        let stream = &mut streams[turn % 3 + turn / 3];
        let reply = format!(":{}\r\n", lengths[turn]);
        assert!(gets(stream, reply.as_bytes()), "turn {turn}");
    }
    assert!(sockets.ready.is_empty());
}

/// Many busy clients, as the engine sees them.
fn make_busy(engine: &mut Engine) {
    for at in 0..100_000 {
        engine.pace.note(at * 5, (at * 5).saturating_sub(500));
    }
    assert!(engine.pace.away(engine.config.poll_pause_us).is_some());
}

#[test]
fn what_comes_while_the_loop_looks_away_is_found() {
    let (mut engine, mut sockets, address) = server();
    engine.begin_turn();
    let sent: [&[u8]; 1] = [b"PING\r\n"];
    let [mut stream] = ready(&mut engine, &mut sockets, address, sent);
    sockets.serve(&mut engine);
    sockets.flush(&mut engine);
    make_busy(&mut engine);
    sockets.sleeps_exactly = true;
    // Nothing is there: it looks away, and then waits.
    sockets
        .wait(&mut engine, Some(Duration::from_millis(1)))
        .unwrap();
    assert_eq!((engine.stats.pauses, sockets.events.is_empty()), (1, true));
    let writer = thread::spawn(move || {
        assert!(gets(&mut stream, b"+PONG\r\n"));
        stream.write_all(b"PING\r\n").unwrap();
        stream
    });
    while sockets.events.is_empty() {
        sockets.wait(&mut engine, Some(PATIENCE)).unwrap();
    }
    // An event that is there is not waited for, nor lost.
    sockets.sort_events(&mut engine);
    assert_eq!(sockets.ready.len(), 1);
    let mut stream = writer.join().unwrap();
    sockets.serve(&mut engine);
    stream.write_all(b"PING\r\n").unwrap();
    let pauses = engine.stats.pauses;
    while sockets.events.is_empty() {
        sockets.wait(&mut engine, Some(Duration::ZERO)).unwrap();
    }
    assert_eq!(
        engine.stats.pauses, pauses,
        "a turn with work does not wait"
    );
    // Replies wait for the disk, or the option says no.
    sockets.events.clear();
    for (is_held, us) in [(true, 30), (false, 0)] {
        sockets.is_held = is_held;
        engine.config.poll_pause_us = us;
        sockets
            .wait(&mut engine, Some(Duration::from_millis(1)))
            .unwrap();
    }
    assert_eq!(engine.stats.pauses, pauses);
}

#[test]
fn others_are_served_while_a_command_runs() {
    let (mut engine, mut sockets, address) = server();
    engine.begin_turn();
    let mut running = connect(address);
    let mut other = connect(address);
    sockets.poll(Some(PATIENCE)).unwrap();
    sockets.sort_events(&mut engine);
    sockets.accept(&mut engine);
    let key = engine.clients.iter().next().unwrap().key;
    sockets.connections.find(key).unwrap().begin_work();
    running.write_all(b"PING\r\n").unwrap();
    other.write_all(b"PING\r\nQUIT\r\n").unwrap();
    other.set_nonblocking(true).unwrap();
    let mut reply = Vec::new();
    let started = Instant::now();
    while reply.len() < 12 {
        // Its time is used up, as it would be by a command that takes long.
        engine.budget_end_ns = 0;
        sockets.serve_others(&mut engine);
        assert_eq!(engine.budget_end_ns, 0);
        let _ = other.read_to_end(&mut reply);
        assert!(
            started.elapsed() < PATIENCE,
            "{} is all",
            reply.escape_ascii()
        );
    }
    assert_eq!(reply, b"+PONG\r\n+OK\r\n");
    // A newcomer is accepted meanwhile, and the one whose command runs was left alone.
    let mut newcomer = connect(address);
    newcomer.write_all(b"PING\r\n").unwrap();
    newcomer.set_nonblocking(true).unwrap();
    let mut reply = [0; 7];
    while newcomer.read(&mut reply).is_err() {
        sockets.serve_others(&mut engine);
        assert!(started.elapsed() < PATIENCE, "the newcomer is not served");
    }
    running.set_nonblocking(true).unwrap();
    assert_eq!(
        running.read(&mut reply).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    sockets.settle(key, Served::Idle);
    while running.read(&mut reply).is_err() {
        engine.begin_turn();
        sockets.serve_others(&mut engine);
        assert!(
            started.elapsed() < PATIENCE,
            "its next command is not served"
        );
    }
    assert_eq!(&reply, b"+PONG\r\n");
}
