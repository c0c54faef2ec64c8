//! The event loop over real loopback sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener as StdTcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit};

use crate::config::Config;
use crate::engine::{Engine, Host};
use crate::host::os::OsClock;

use super::*;

/// Longer than anything here takes on a busy machine: a hang fails instead of hanging.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// An event loop on its own thread, ended when dropped.
struct Server {
    address: SocketAddr,
    thread: Option<JoinHandle<i32>>,
}

impl Server {
    fn start() -> Server {
        Server::with(|_, _| {})
    }

    fn with(adjust: impl FnOnce(&mut Config, &mut ListenOptions)) -> Server {
        let mut config = Config::default();
        let mut options = ListenOptions {
            backlog: 511,
            ..ListenOptions::default()
        };
        options.add_bind(&["127.0.0.1"], 0, Class::Client).unwrap();
        adjust(&mut config, &mut options);
        let listeners = Listeners::open(options).unwrap();
        let Some(Bound::Tcp(address, _)) = listeners.bound().next() else {
            panic!("TCP first")
        };
        let thread = thread::spawn(move || {
            let engine = Engine::new(
                config,
                crate::registry(),
                1,
                Host {
                    clock: Box::new(OsClock::new()),
                    machine: Box::new(crate::observe::machine::StillMachine::default()),
                    disk: Box::new(crate::host::memory::MemoryDisk::default()),
                },
            );
            let server =
                EventLoop::new(engine, Poller::new().unwrap(), listeners.share(), None).unwrap();
            server.run(|| ()).unwrap()
        });
        Server {
            address,
            thread: Some(thread),
        }
    }

    fn connect(&self) -> TcpStream {
        connect(self.address)
    }
}

pub(super) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        if thread::panicking() {
            return;
        }
        self.connect().write_all(b"SHUTDOWN NOSAVE\r\n").unwrap();
        assert_eq!(thread.join().unwrap(), 0);
    }
}

fn expect(stream: &mut impl Read, reply: &[u8]) {
    let mut read = vec![0; reply.len()];
    stream.read_exact(&mut read).unwrap();
    assert!(
        read == reply,
        "{} instead of {}",
        read.escape_ascii(),
        reply.escape_ascii()
    );
}

fn expect_end(stream: &mut impl Read) {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => assert!(rest.is_empty(), "{} before the end", rest.escape_ascii()),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

#[test]
fn chopped_writes_and_whole_ones_get_the_same_answers() {
    let server = Server::start();
    let request = b"PING\r\nECHO kvd\r\nPING\r\n";
    let reply = b"+PONG\r\n$3\r\nkvd\r\n+PONG\r\n";
    let mut stream = server.connect();
    stream.set_nodelay(true).unwrap();
    for cut in 0..request.len() {
        stream.write_all(&request[..cut]).unwrap();
        stream.write_all(&request[cut..]).unwrap();
        expect(&mut stream, reply);
    }
    for byte in request {
        stream.write_all(&[*byte]).unwrap();
    }
    expect(&mut stream, reply);
}

#[test]
fn a_pipeline_larger_than_the_read_buffer_is_answered_whole() {
    let server = Server::start();
    let mut stream = server.connect();
    let mut writer = stream.try_clone().unwrap();
    let count = 100_000;
    let sender = thread::spawn(move || writer.write_all(&b"PING\r\n".repeat(count)).unwrap());
    expect(&mut stream, &b"+PONG\r\n".repeat(count));
    sender.join().unwrap();
}

#[test]
fn a_thousand_connections_are_all_served() {
    let server = Server::start();
    let mut streams: Vec<TcpStream> = (0..1_000).map(|_| server.connect()).collect();
    for round in 0..3 {
        let text = format!("round-{round}");
        let request = format!("ECHO {text}\r\n");
        streams
            .iter_mut()
            .for_each(|stream| stream.write_all(request.as_bytes()).unwrap());
        let reply = format!("${}\r\n{text}\r\n", text.len());
        streams
            .iter_mut()
            .for_each(|stream| expect(stream, reply.as_bytes()));
    }
    // Places are taken again, and late events of their former holders reach nobody.
    streams.truncate(500);
    streams.extend((0..500).map(|_| server.connect()));
    streams
        .iter_mut()
        .for_each(|stream| stream.write_all(b"PING\r\n").unwrap());
    streams
        .iter_mut()
        .for_each(|stream| expect(stream, b"+PONG\r\n"));
}

#[test]
fn a_busy_pipeline_does_not_starve_a_quiet_client() {
    let server = Server::start();
    let mut busy = server.connect();
    let mut reader = busy.try_clone().unwrap();
    let count = 300_000;
    let sender = thread::spawn(move || busy.write_all(&b"PING\r\n".repeat(count)).unwrap());
    let receiver = thread::spawn(move || expect(&mut reader, &b"+PONG\r\n".repeat(count)));
    let mut quiet = server.connect();
    let mut answered = 0;
    while !receiver.is_finished() {
        quiet.write_all(b"PING\r\n").unwrap();
        expect(&mut quiet, b"+PONG\r\n");
        answered += 1;
    }
    assert!(
        answered > 10,
        "{answered} answers while the other had {count}"
    );
    sender.join().unwrap();
    receiver.join().unwrap();
}

#[test]
fn a_half_closed_client_gets_its_answers_and_then_the_end() {
    let server = Server::start();
    let mut stream = server.connect();
    stream.write_all(b"PING\r\nECHO last\r\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    expect(&mut stream, b"+PONG\r\n$4\r\nlast\r\n");
    expect_end(&mut stream);
    // Also when the answers are far more than the socket holds.
    let mut stream = server.connect();
    let text = "x".repeat(30_000);
    stream
        .write_all(format!("ECHO {text}\r\n").repeat(500).as_bytes())
        .unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    for _ in 0..500 {
        expect(&mut stream, format!("$30000\r\n{text}\r\n").as_bytes());
    }
    expect_end(&mut stream);
}

#[test]
fn a_blocked_client_that_closes_is_let_go() {
    let server = Server::with(|config, _| config.maxclients = 1);
    let mut stream = server.connect();
    stream.write_all(b"BLPOP nothing 0\r\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
    // Its place is free again.
    let mut next = server.connect();
    next.write_all(b"PING\r\n").unwrap();
    expect(&mut next, b"+PONG\r\n");
    drop(next);
    wait_for_place(&server);
}

/// A close is noticed a moment later: the test's own SHUTDOWN must find a free place.
fn wait_for_place(server: &Server) {
    let started = Instant::now();
    loop {
        let mut stream = server.connect();
        let mut reply = [0; 5];
        let answered = stream
            .write_all(b"PING\r\n")
            .and_then(|()| stream.read_exact(&mut reply));
        if answered.is_ok() && &reply == b"+PONG" {
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
            return;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "the place is never given back"
        );
    }
}

#[test]
fn one_too_many_is_told_so() {
    let server = Server::with(|config, _| config.maxclients = 1);
    let mut first = server.connect();
    first.write_all(b"PING\r\n").unwrap();
    expect(&mut first, b"+PONG\r\n");
    let mut second = server.connect();
    expect(&mut second, b"-ERR max number of clients reached\r\n");
    expect_end(&mut second);
    drop(first);
    wait_for_place(&server);
}

#[test]
fn quit_is_answered_before_the_end_and_the_rest_is_not() {
    let server = Server::start();
    let mut stream = server.connect();
    stream.write_all(b"PING\r\nQUIT\r\nPING\r\n").unwrap();
    expect(&mut stream, b"+PONG\r\n+OK\r\n");
    expect_end(&mut stream);
}

#[test]
fn a_client_that_never_reads_stops_nobody() {
    let server = Server::with(|config, _| {
        config.client_output_buffer_limit.normal.hard_bytes = 16 << 20;
    });
    let mut deaf = server.connect();
    deaf.set_nonblocking(true).unwrap();
    let request = format!("ECHO {}\r\n", "x".repeat(8_000)).repeat(8);
    let mut other = server.connect();
    let started = Instant::now();
    // Its requests are taken until the engine has had enough of its output.
    let mut taken = 0;
    loop {
        match deaf.write(request.as_bytes()) {
            Ok(written) => taken += written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
        other.write_all(b"PING\r\n").unwrap();
        expect(&mut other, b"+PONG\r\n");
        assert!(
            started.elapsed() < PATIENCE,
            "{taken} bytes taken and no end"
        );
    }
    assert!(taken > 1 << 20, "closed after {taken} bytes");
}

#[test]
fn unix_socket_has_its_permissions_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kvd.sock");
    let text: Box<str> = path.to_str().unwrap().into();
    let unix = UnixAddress {
        path: text.clone(),
        permissions: 0o600,
        group: Box::default(),
    };
    // What a killed server leaves behind is no obstacle.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let server = Server::with(|_, options| options.unix = Some(unix.clone()));
    let mode = rustix::fs::stat(&path).unwrap().st_mode;
    assert_eq!(mode & 0o777, 0o600);
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"PING\r\n").unwrap();
    expect(&mut stream, b"+PONG\r\n");
    stream.write_all(b"ECHO half\r\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    expect(&mut stream, b"$4\r\nhalf\r\n");
    expect_end(&mut stream);
    // Output that waits for room is not forgotten.
    let mut slow = UnixStream::connect(&path).unwrap();
    slow.set_read_timeout(Some(PATIENCE)).unwrap();
    let text = "x".repeat(30_000);
    slow.write_all(format!("ECHO {text}\r\n").repeat(300).as_bytes())
        .unwrap();
    for _ in 0..300 {
        expect(&mut slow, format!("$30000\r\n{text}\r\n").as_bytes());
    }
    // A live server's socket, and a file that is no socket, are not taken away.
    let taken = ListenOptions {
        unix: Some(unix),
        backlog: 1,
        ..ListenOptions::default()
    };
    assert_eq!(
        Listeners::open(taken).err().unwrap().kind(),
        ErrorKind::AddrInUse
    );
    drop(server);
    assert!(!path.exists());
    rustix::fs::mkdir(&path, rustix::fs::Mode::RWXU).unwrap();
    let unix = UnixAddress {
        path: text.into(),
        permissions: 0,
        group: Box::default(),
    };
    let folder = ListenOptions {
        unix: Some(unix),
        backlog: 1,
        ..ListenOptions::default()
    };
    assert!(Listeners::open(folder).is_err());
}

#[test]
fn both_families_share_a_free_port() {
    let mut options = ListenOptions {
        backlog: 1,
        ..ListenOptions::default()
    };
    options
        .add_bind(&["*", "-::*", "-2001:db8::1"], 0, Class::Client)
        .unwrap();
    let listeners = Listeners::open(options).unwrap();
    let ports: Vec<u16> = listeners
        .bound()
        .map(|bound| match bound {
            Bound::Tcp(address, _) => address.port(),
            Bound::Unix(_) => unreachable!(),
        })
        .collect();
    // A machine without IPv6 has one; none has the documentation address.
    assert!(matches!(ports.len(), 1 | 2), "{ports:?}");
    assert!(ports.iter().all(|port| *port != 0));
}

#[test]
fn a_taken_address_is_an_error_that_names_it() {
    let holder = StdTcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap();
    let mut options = ListenOptions {
        backlog: 1,
        ..ListenOptions::default()
    };
    options
        .add_bind(&["127.0.0.1"], address.port(), Class::Client)
        .unwrap();
    let error = Listeners::open(options).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn rebinding_keeps_what_stays_wanted_and_survives_failure() {
    let options = |hosts: &[&str]| {
        let mut options = ListenOptions {
            backlog: 8,
            ..ListenOptions::default()
        };
        options.add_bind(hosts, 0, Class::Client).unwrap();
        options
    };
    let first = |listeners: &Listeners| match listeners.bound().next() {
        Some(Bound::Tcp(address, _)) => address,
        other => panic!("{other:?}"),
    };
    let poll = mio::Poll::new().unwrap();
    let mut listeners = Listeners::open(options(&["127.0.0.1"])).unwrap();
    listeners.register(poll.registry()).unwrap();
    let before = first(&listeners);
    listeners
        .rebind(options(&["127.0.0.1", "127.0.0.2"]), poll.registry())
        .unwrap();
    assert_eq!(first(&listeners), before);
    assert_eq!(listeners.bound().count(), 2);
    assert!(
        listeners
            .rebind(options(&["127.0.0.1", "192.0.2.1"]), poll.registry())
            .is_err()
    );
    assert_eq!(first(&listeners), before);
    assert_eq!(listeners.bound().count(), 2);
    // Connections made before and after a rebind are accepted.
    let _waiting = TcpStream::connect(before).unwrap();
    listeners
        .rebind(options(&["127.0.0.1"]), poll.registry())
        .unwrap();
    assert!(listeners.accept(0).is_some());
    assert!(listeners.accept(0).is_none());
}

#[test]
fn accepted_sockets_inherit_the_listeners_options() {
    let mut options = ListenOptions {
        backlog: 8,
        keepalive_s: 300,
        ..ListenOptions::default()
    };
    options.add_bind(&["127.0.0.1"], 0, Class::Client).unwrap();
    let mut listeners = Listeners::open(options).unwrap();
    let Some(Bound::Tcp(address, _)) = listeners.bound().next() else {
        unreachable!()
    };
    let _client = TcpStream::connect(address).unwrap();
    listeners.set_ready(0);
    let Some((connection::Stream::Tcp(stream), _)) = listeners.accept(0) else {
        panic!()
    };
    let socket = socket2::SockRef::from(&stream);
    assert!(socket.tcp_nodelay().unwrap());
    assert!(socket.keepalive().unwrap());
    assert_eq!(
        socket.tcp_keepalive_time().unwrap(),
        Duration::from_secs(300)
    );
    assert_eq!(
        socket.tcp_keepalive_interval().unwrap(),
        Duration::from_secs(100)
    );
    assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
}

#[test]
fn a_changed_keepalive_holds_for_new_connections() {
    let mut config = Config::default();
    config.bind = vec!["127.0.0.1".to_owned()];
    // Somebody else may take the port before the listener does: another one then.
    let listeners = loop {
        let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        config.port = free.local_addr().unwrap().port();
        drop(free);
        let options = ListenOptions::from_config(&config).unwrap();
        if let Ok(listeners) = Listeners::open(options) {
            break listeners.share();
        }
    };
    let poller = Poller::new().unwrap();
    let rebinder = poller.rebinder(&listeners).unwrap();
    listeners.borrow_mut().register(poller.registry()).unwrap();
    config.tcp_keepalive = 60;
    rebinder.rebind(&config).unwrap();
    let _client = TcpStream::connect(("127.0.0.1", config.port)).unwrap();
    let accepted = listeners.borrow_mut().accept(0);
    let Some((connection::Stream::Tcp(stream), _)) = accepted else {
        panic!()
    };
    let time = socket2::SockRef::from(&stream).tcp_keepalive_time();
    assert_eq!(time.unwrap(), Duration::from_secs(60));
}

/// Set in the child process that runs out of descriptors.
const CHILD: &str = "KVD_TEST_FEW_DESCRIPTORS";

#[test]
fn running_out_of_descriptors_is_survived() {
    if std::env::var_os(CHILD).is_none() {
        // The limit is the whole process's: a process of its own.
        let test = "net::tests::running_out_of_descriptors_is_survived";
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        assert!(
            child.status.success(),
            "{}",
            String::from_utf8_lossy(&child.stderr)
        );
        return;
    }
    let server = Server::start();
    let mut first = server.connect();
    first.write_all(b"PING\r\n").unwrap();
    expect(&mut first, b"+PONG\r\n");
    // The clients take descriptors of the same process: leave the server room for two.
    let mut clients: Vec<TcpStream> = (0..20).map(|_| server.connect()).collect();
    clients
        .iter_mut()
        .for_each(|stream| stream.write_all(b"PING\r\n").unwrap());
    clients
        .iter_mut()
        .for_each(|stream| expect(stream, b"+PONG\r\n"));
    let stat = std::fs::File::open("/proc/self/stat").unwrap();
    let sockets: Vec<socket2::Socket> = (0..4).map(|_| tcp_socket()).collect();
    let highest = std::os::fd::AsRawFd::as_raw_fd(sockets.last().unwrap()) as u64;
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let full = Rlimit {
        current: Some(highest + 1),
        maximum: limit.maximum,
    };
    rustix::process::setrlimit(Resource::Nofile, full).unwrap();
    let mut waiting: Vec<TcpStream> = Vec::new();
    for socket in sockets {
        socket.connect(&server.address.into()).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        waiting.push(socket.into());
    }
    waiting
        .iter_mut()
        .for_each(|stream| stream.write_all(b"PING\r\n").unwrap());
    // It neither dies nor spins, and serves those who are there.
    let before = cpu_ticks(&stat);
    let until = Instant::now() + Duration::from_millis(500);
    while Instant::now() < until {
        thread::park_timeout(Duration::from_millis(100));
    }
    let spent = cpu_ticks(&stat) - before;
    assert!(
        spent < 15,
        "{spent} ticks of processor time in half a second of nothing"
    );
    first.write_all(b"PING\r\n").unwrap();
    expect(&mut first, b"+PONG\r\n");
    // Descriptors come back: those who waited are served.
    drop(clients);
    waiting
        .iter_mut()
        .for_each(|stream| expect(stream, b"+PONG\r\n"));
    rustix::process::setrlimit(Resource::Nofile, limit).unwrap();
}

fn tcp_socket() -> socket2::Socket {
    socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap()
}

/// User and system time of this process in clock ticks. The file is opened beforehand: later there
/// are no descriptors.
fn cpu_ticks(stat: &std::fs::File) -> u64 {
    let mut buffer = [0; 1024];
    let read = std::os::unix::fs::FileExt::read_at(stat, &mut buffer, 0).unwrap();
    let text = String::from_utf8_lossy(&buffer[..read]);
    let fields: Vec<&str> = text
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
