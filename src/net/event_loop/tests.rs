//! A turn inside of a turn, without a script.

use std::io::{Read, Write};
use std::time::Instant;

use crate::config::Config;
use crate::engine::Host;
use crate::host::os::OsClock;
use crate::net::listener::{Bound, Class, ListenOptions, Listeners};
use crate::net::tests::{PATIENCE, connect};

use super::*;

#[test]
fn others_are_served_while_a_command_runs() {
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
    let mut engine = Engine::new(Config::default(), crate::registry(), 1, host);
    let mut sockets = Sockets::new(Poller::new().unwrap(), listeners.share(), None).unwrap();
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
