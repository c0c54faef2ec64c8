//! Many clients, and clients that mean no good: served evenly, at no cost beyond what they sent.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Once;
use std::time::Duration;

use fastrand::Rng;
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::harness::{Connection, Process, request};

/// Lets this process and its children have enough open files.
fn raise_open_files() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let mut limit = getrlimit(Resource::Nofile);
        let wanted = limit.maximum.map_or(8_192, |most| most.min(8_192));
        if limit.current.is_some_and(|current| current < wanted) {
            limit.current = Some(wanted);
            // If that is refused, the test says so when it runs out of files.
            let _ = setrlimit(Resource::Nofile, limit);
        }
    });
}

/// Resident memory of a process, in bytes.
fn resident_bytes(server: &Process) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{}/statm", server.pid())).expect("statm");
    let pages = statm.split(' ').nth(1).expect("a second field");
    pages.parse::<u64>().expect("a number") * rustix::param::page_size() as u64
}

const MIB: u64 = 1024 * 1024;

#[test]
fn a_thousand_connections_are_served() {
    raise_open_files();
    let server = Process::kvd(&[]);
    let mut clients: Vec<Connection> = (0..1_000).map(|_| server.connect()).collect();
    for round in 0..3 {
        for (i, client) in clients.iter_mut().enumerate() {
            let (key, value) = (format!("key:{i}"), format!("{round}:{i}"));
            client.send_raw(&request(&["SET", &key, &value]));
            client.send_raw(&request(&["GET", &key]));
        }
        for (i, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.take().text(), "OK");
            assert_eq!(client.take().text(), format!("{round}:{i}"));
        }
    }
    assert_eq!(clients[0].cmd("DBSIZE").int(), 1_000);
    drop(clients);
    assert_eq!(server.connect().cmd("PING").text(), "PONG");
}

/// Bytes that look a little like requests.
fn garbage(rng: &mut Rng, len: usize) -> Vec<u8> {
    const PIECES: [&[u8]; 14] = [
        b"*",
        b"$",
        b"\r\n",
        b"\n",
        b"-1",
        b"3\r\n",
        b"GET",
        b"$3\r\nGET\r\n",
        b"*2\r\n",
        b"PING\r\n",
        b"\"",
        b"'",
        b"536870912\r\n",
        b"99999999999999999999\r\n",
    ];
    let mut bytes = Vec::with_capacity(len + 32);
    while bytes.len() < len {
        if rng.u8(..3) == 0 {
            let len = rng.usize(..40);
            bytes.extend(std::iter::repeat_with(|| rng.u8(..)).take(len));
        } else {
            bytes.extend_from_slice(PIECES[rng.usize(..PIECES.len())]);
        }
    }
    bytes.truncate(len);
    bytes
}

/// Sends until all is sent or the server has had enough, reading what comes meanwhile.
fn pour(stream: &mut TcpStream, mut bytes: &[u8]) {
    stream.set_nonblocking(true).expect("nonblocking");
    let mut chunk = [0; 16_384];
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(e) if e.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
            Err(_) => return,
        }
        match stream.read(&mut chunk) {
            Ok(0) => return,
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// Sends garbage over connections, each until it is closed, `total` bytes in all.
fn pour_garbage(server: &Process, seed: u64, total: usize) {
    let mut rng = Rng::with_seed(seed);
    let mut left = total;
    while left > 0 {
        let len = (1 + rng.usize(..4_000)).min(left);
        let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("connected");
        pour(&mut stream, &garbage(&mut rng, len));
        left -= len;
    }
}

#[test]
fn garbage_neither_crashes_nor_feeds_it() {
    let mut server = Process::kvd(&[]);
    // What a first round needs, buffers and the allocator's own, it may keep.
    pour_garbage(&server, 0, 256 * 1024);
    let before = resident_bytes(&server);
    std::thread::scope(|scope| {
        for seed in 1..=8 {
            let server = &server;
            scope.spawn(move || pour_garbage(server, seed, 512 * 1024));
        }
    });
    let mut client = server.connect();
    assert_eq!(client.cmd("PING").text(), "PONG");
    assert_eq!(client.cmd("DBSIZE").int(), 0);
    let after = resident_bytes(&server);
    assert!(
        after < before + 8 * MIB,
        "{before} bytes before, {after} after"
    );
    server.signal("-TERM");
    assert_eq!(server.wait(), Some(0), "{}", server.log());
}

#[test]
fn promises_of_strangers_cost_nothing() {
    promises(&["--requirepass", "secret"], true);
}

#[test]
fn promises_of_friends_cost_what_they_sent() {
    promises(&[], false);
}

/// 200 clients promise 500 MB each; `refused`: they are told off.
fn promises(options: &[&str], refused: bool) {
    raise_open_files();
    let server = Process::kvd(options);
    let mut first = server.connect();
    first.cmd("PING");
    let before = resident_bytes(&server);
    let mut clients: Vec<Connection> = (0..200).map(|_| server.connect()).collect();
    for (i, client) in clients.iter_mut().enumerate() {
        client.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n");
        let promise: &[u8] = match i % 3 {
            0 => b"$500000000\r\n",
            1 => b"$500000000\r\nabcdefgh",
            _ => b"$500000000\r\n\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        };
        client.send_raw(promise);
    }
    // A thousand replies later all of it has been read.
    for _ in 0..1_000 {
        first.cmd("PING");
    }
    if refused {
        for client in &mut clients {
            let line = "ERR Protocol error: unauthenticated bulk length";
            assert_eq!(client.take().text(), line);
            assert_eq!(client.try_take(), None);
        }
    }
    let after = resident_bytes(&server);
    assert!(
        after < before + 12 * MIB,
        "{before} bytes before, {after} after"
    );
}

#[test]
fn counts_that_are_promised_cost_nothing() {
    let server = Process::kvd(&[]);
    let mut first = server.connect();
    first.cmd("PING");
    let before = resident_bytes(&server);
    let mut clients: Vec<Connection> = (0..100).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send_raw(b"*2000000000\r\n$4\r\nMGET\r\n$1\r\na\r\n");
    }
    for _ in 0..1_000 {
        first.cmd("PING");
    }
    let after = resident_bytes(&server);
    assert!(
        after < before + 8 * MIB,
        "{before} bytes before, {after} after"
    );
}

#[test]
fn a_greedy_client_does_not_starve_the_others() {
    let server = Process::kvd(&[]);
    let mut greedy = server.connect();
    let mut batch = Vec::new();
    for i in 0..50_000 {
        batch.extend(request(&["SET", &format!("key:{}", i % 1_000), "value"]));
    }
    let mut modest = server.connect();
    modest
        .stream()
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a timeout");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            greedy.send_raw(&batch);
            for _ in 0..50_000 {
                assert_eq!(greedy.take().text(), "OK");
            }
        });
        for _ in 0..20 {
            assert_eq!(modest.cmd("PING").text(), "PONG");
        }
    });
}
