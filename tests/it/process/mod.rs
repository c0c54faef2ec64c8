//! The real binary: how it starts, serves and ends. No test waits for a time, only for what is to
//! happen; no test uses a port of its own choice.

mod client;
mod crowds;
mod tools;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harness::{Connection, Process, Value, decode_all, free_port, request};

const KVD: &str = env!("CARGO_BIN_EXE_kvd");

/// Runs the binary where it is expected to end by itself: exit code and what it printed.
fn run(args: &[&str], stdin: &[u8]) -> (Option<i32>, String) {
    let mut child = Command::new(KVD)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    // It may end before it reads anything.
    let _ = child.stdin.take().expect("a pipe").write_all(stdin);
    let out = child.wait_with_output().expect("an end");
    let text = [out.stdout, out.stderr].concat();
    (
        out.status.code(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[test]
fn it_starts_and_says_where_it_listens() {
    let mut server = Process::kvd(&[]);
    let log = server.wait_for_log("Ready to accept connections");
    let address = format!("listening on 127.0.0.1:{}", server.port());
    let anywhere = [
        &address,
        &format!("listening on 0.0.0.0:{}", server.port()),
        &format!("listening on [::]:{}", server.port()),
        &format!("listening on *:{}", server.port()),
    ];
    assert!(anywhere.iter().any(|line| log.contains(*line)), "{log}");
    assert!(log.contains("shards"), "{log}");
    assert!(log.contains("Ready to accept connections"), "{log}");
    assert!(log.lines().count() < 15, "a few lines:\n{log}");
    assert_eq!(server.connect().cmd("PING").text(), "PONG");
    server.signal("-TERM");
    assert_eq!(server.wait(), Some(0), "{}", server.log());
}

#[test]
fn a_score_that_is_not_adjusted_is_left_alone() {
    let server = Process::kvd(&[]);
    let file = format!("/proc/{}/oom_score_adj", server.pid());
    let score = || {
        std::fs::read_to_string(&file)
            .expect("a score")
            .trim()
            .parse::<i32>()
    };
    let mut client = server.connect();
    let mut set = |line: &str| assert_eq!(client.cmd(line).text(), "OK", "{line}");
    let first = score().expect("a number");
    set("CONFIG SET oom-score-adj-values \"9 9 9\" oom-score-adj yes");
    assert_eq!(score(), Ok(first + 9));
    set("CONFIG SET oom-score-adj no");
    assert_eq!(score(), Ok(first));
    // Whoever runs the server may give it another score meanwhile.
    std::fs::write(&file, (first + 2).to_string()).expect("a higher score is allowed");
    set("CONFIG SET oom-score-adj-values \"1 1 1\"");
    assert_eq!(score(), Ok(first + 2));
    set("CONFIG SET oom-score-adj yes");
    assert_eq!(score(), Ok(first + 3));
    set("CONFIG SET oom-score-adj no");
    assert_eq!(score(), Ok(first + 2));
    // Only a privileged process may go below where it began.
    set("CONFIG SET oom-score-adj-values \"-1000 -1000 -1000\"");
    let reply = client.cmd("CONFIG SET oom-score-adj yes");
    let refused = "ERR CONFIG SET failed (possibly related to argument 'oom-score-adj') - Failed to \
                   set current oom_score_adj. Check server logs.";
    assert!(["OK", refused].contains(&&*reply.text()), "{reply:?}");
}

#[test]
fn it_ends_cleanly_when_asked_to() {
    for signal in ["-TERM", "-INT"] {
        let mut server = Process::kvd(&[]);
        let mut clients: Vec<_> = (0..10).map(|_| server.connect()).collect();
        for client in &mut clients {
            assert_eq!(client.cmd("SET a 1").text(), "OK");
            // A command that is not complete does not hold it up.
            client.send_raw(b"*3\r\n$3\r\nSET\r\n");
        }
        server.signal(signal);
        assert_eq!(server.wait(), Some(0), "{}", server.log());
        assert!(server.log().contains("bye bye"), "{}", server.log());
        for client in &mut clients {
            assert_eq!(client.try_take(), None);
        }
    }
    let mut server = Process::kvd(&[]);
    let mut client = server.connect();
    client.send("SHUTDOWN NOSAVE");
    assert_eq!(client.try_take(), None, "SHUTDOWN is not answered");
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn a_bad_configuration_is_refused_with_its_place() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("kvd.conf");
    let path = path.to_str().expect("a name");
    for (text, line, word) in [
        ("port 0\nmaxclients many\n", "at line 2", "maxclients"),
        (
            "# fine\n\nport 0\nno-such-option yes\n",
            "at line 4",
            "no-such-option",
        ),
        (
            "port 0\ncluster-enabled yes\n",
            "at line 2",
            "cluster-enabled",
        ),
        (
            "port 0\naudit-log /no/such/folder/audit.json\n",
            "at line 2",
            "audit-log",
        ),
        ("port 0\nbind \"127.0.0.1\n", "at line 2", "bind"),
    ] {
        std::fs::write(path, text).expect("written");
        let (code, output) = run(&[path], b"");
        assert_eq!(code, Some(1), "{output}");
        assert!(output.contains(line) && output.contains(word), "{output}");
        let (code, output) = run(&["-"], text.as_bytes());
        assert_eq!(code, Some(1), "{output}");
        assert!(output.contains(line) && output.contains(word), "{output}");
    }
    let (code, output) = run(&["/no/such/file.conf"], b"");
    assert_eq!(code, Some(1));
    assert!(output.contains("/no/such/file.conf"), "{output}");
    let (code, output) = run(&["--maxclients", "many"], b"");
    assert_eq!(code, Some(1));
    assert!(output.contains("maxclients"), "{output}");
}

#[test]
fn a_taken_port_is_named() {
    let server = Process::kvd(&[]);
    let port = server.port().to_string();
    let (pid_file, log) = (server.file("kvd.pid"), server.file("second.log"));
    std::fs::write(&pid_file, "12345\n").expect("written");
    let (pid_path, log_path) = (pid_file.to_str(), log.to_str());
    let (pid_path, log_path) = (pid_path.expect("a name"), log_path.expect("a name"));
    let address = ["--port", &port, "--bind", "127.0.0.1"];
    let files = ["--pidfile", pid_path, "--logfile", log_path];
    let (code, output) = run(&[address, files].concat(), b"");
    assert_eq!(code, Some(1));
    let logged = std::fs::read_to_string(&log).expect("a log");
    for said in [&output, &logged] {
        assert!(said.contains(&port) && said.contains("in use"), "{said}");
    }
    // It is that of the server that runs.
    let pid = std::fs::read_to_string(&pid_file).expect("a pid file");
    assert_eq!(pid, "12345\n");
}

#[test]
fn help_and_version() {
    let (code, help) = run(&["--help"], b"");
    assert_eq!(code, Some(0));
    for word in ["--port", "--maxmemory", "redis.conf", "KVD_PORT"] {
        assert!(help.contains(word), "{word}: {help}");
    }
    let (code, version) = run(&["--version"], b"");
    assert_eq!(code, Some(0));
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
    let (code, options) = run(&["--help-options"], b"");
    assert_eq!(code, Some(0));
    assert!(
        options.contains("--client-output-buffer-limit"),
        "{options}"
    );
}

#[test]
fn the_environment_and_a_file_configure_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("kvd.conf");
    std::fs::write(&path, "requirepass secret\nmaxclients 100\n").expect("written");
    let server = Process::start(KVD, &["--requirepass", "other"]).expect("it starts");
    assert!(server.connect().cmd("GET a").is_error());
    let mut client = server.connect();
    assert_eq!(client.cmd("AUTH other").text(), "OK");
    drop(server);
    // Behind the options of the harness a file cannot come: an include does the same.
    let include = path.to_str().expect("a name");
    let server = Process::kvd(&["--include", include]);
    let mut client = server.connect();
    assert_eq!(client.cmd("AUTH secret").text(), "OK");
    assert_eq!(client.cmd("PING").text(), "PONG");
}

#[test]
fn a_unix_socket_has_its_permissions_and_is_removed() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("kvd.sock");
    let name = path.to_str().expect("a name");
    let mut server = Process::kvd(&["--unixsocket", name, "--unixsocketperm", "700"]);
    let mode = std::fs::metadata(&path)
        .expect("a socket")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    let mut stream = UnixStream::connect(&path).expect("a connection");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a timeout");
    stream
        .write_all(b"SET a 1\r\nGET a\r\nQUIT\r\n")
        .expect("written");
    let mut got = Vec::new();
    stream.read_to_end(&mut got).expect("read");
    assert_eq!(got, b"+OK\r\n$1\r\n1\r\n+OK\r\n");
    assert_eq!(server.connect().cmd("GET a").text(), "1");
    server.signal("-TERM");
    assert_eq!(server.wait(), Some(0));
    assert!(!path.exists(), "the socket is removed");
}

#[test]
fn it_listens_on_several_addresses() {
    let server = Process::kvd(&["--bind", "127.0.0.1", "127.0.0.2", "-::1"]);
    for address in ["127.0.0.1", "127.0.0.2"] {
        let mut stream = std::net::TcpStream::connect((address, server.port())).expect(address);
        stream.write_all(b"PING\r\nQUIT\r\n").expect("written");
        let mut got = String::new();
        stream.read_to_string(&mut got).expect("read");
        assert_eq!(got, "+PONG\r\n+OK\r\n");
    }
}

#[test]
fn one_client_too_many_is_told_so() {
    let server = Process::kvd(&["--maxclients", "3"]);
    // The harness's own first connection may not be gone yet.
    let mut clients = Vec::new();
    while clients.len() < 3 {
        let mut client = server.connect();
        client.send("PING");
        if client
            .try_take()
            .is_some_and(|reply| reply.text() == "PONG")
        {
            clients.push(client);
        }
    }
    let mut refused = server.connect();
    assert_eq!(
        refused.try_take(),
        Some(Value::Error("ERR max number of clients reached".into()))
    );
    assert_eq!(refused.try_take(), None);
    // A place that becomes free is given to the next.
    drop(clients.pop());
    loop {
        let mut client = server.connect();
        client.send("PING");
        match client.try_take() {
            Some(reply) if !reply.is_error() => break,
            _ => std::thread::yield_now(),
        }
    }
    assert_eq!(clients[0].cmd("PING").text(), "PONG");
}

#[test]
fn idle_clients_are_closed() {
    let server = Process::kvd(&["--timeout", "1"]);
    let mut idle = server.connect();
    assert_eq!(idle.cmd("PING").text(), "PONG");
    let mut busy = server.connect();
    busy.stream()
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a timeout");
    idle.stream().set_nonblocking(true).expect("nonblocking");
    // The busy one is never idle for a second, and sees the idle one go.
    loop {
        assert_eq!(busy.cmd("PING").text(), "PONG");
        match idle.stream().peek(&mut [0]) {
            Ok(0) => break,
            Ok(_) => panic!("the server says something"),
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(e) => panic!("{e}"),
        }
    }
    assert_eq!(busy.cmd("PING").text(), "PONG");
}

#[test]
fn a_half_closed_client_gets_its_replies() {
    let server = Process::kvd(&[]);
    let mut client = server.connect();
    let value = "x".repeat(200_000);
    let mut input = request(&["SET", "big", &value]);
    for _ in 0..50 {
        input.extend(b"PING\r\nGET big\r\n");
    }
    client.send_raw(&input);
    client.stream().shutdown(Shutdown::Write).expect("closed");
    assert_eq!(client.take().text(), "OK");
    for _ in 0..50 {
        assert_eq!(client.take().text(), "PONG");
        assert_eq!(client.take().text().len(), value.len());
    }
    assert_eq!(client.try_take(), None);
    // The rest of a command that will never come is no reason to stay.
    let mut client = server.connect();
    client.send_raw(b"PING\r\n*2\r\n$3\r\nGET\r\n");
    client.stream().shutdown(Shutdown::Write).expect("closed");
    assert_eq!(client.take().text(), "PONG");
    assert_eq!(client.try_take(), None);
}

#[test]
fn a_client_that_never_reads_is_closed() {
    let server = Process::kvd(&["--client-output-buffer-limit", "normal", "1mb", "0", "0"]);
    let mut other = server.connect();
    let value = "x".repeat(100_000);
    other.send_raw(&request(&["SET", "big", &value]));
    assert_eq!(other.take().text(), "OK");
    let client = server.connect();
    let mut stream = client.stream();
    stream
        .set_write_timeout(Some(Duration::from_secs(20)))
        .expect("a timeout");
    let batch = b"GET big\r\n".repeat(100);
    let mut sent = 0;
    // The kernel takes some megabytes, then it is the server's turn to keep them.
    while stream.write_all(&batch).is_ok() {
        sent += batch.len();
        assert!(sent < 10_000_000, "never closed");
    }
    assert_eq!(other.cmd("PING").text(), "PONG");
    assert!(
        server.log().contains("output buffer limit"),
        "{}",
        server.log()
    );
}

#[test]
fn a_slow_reader_gets_everything() {
    let server = Process::kvd(&[]);
    let mut client = server.connect();
    let value: String = (0..300_000)
        .map(|i| char::from(b'a' + (i % 23) as u8))
        .collect();
    client.send_raw(&request(&["SET", "big", &value]));
    assert_eq!(client.take().text(), "OK");
    client.send_raw(&b"GET big\r\nPING\r\n".repeat(60));
    let mut stream = client.stream();
    let mut got = Vec::new();
    let mut chunk = [0; 8_000];
    let wanted = 60 * (value.len() + 11 + 7);
    while got.len() < wanted {
        let n = stream.read(&mut chunk).expect("read");
        assert!(n > 0, "closed after {} bytes", got.len());
        got.extend_from_slice(&chunk[..n]);
        std::thread::yield_now();
    }
    for pair in decode_all(&got).chunks(2) {
        assert!(pair[0].text() == value && pair[1].text() == "PONG");
    }
}

#[test]
fn config_set_port_answers_when_the_sockets_are_open() {
    let server = Process::kvd(&["--bind", "127.0.0.1"]);
    let mut client = server.connect();
    let get = |client: &mut Connection, name: &str| client.cmd(&format!("CONFIG GET {name}"));
    // Taken by somebody else: refused, and the old port stays as it was.
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let refused = client.cmd(&format!("CONFIG SET port {port}"));
    assert_eq!(
        refused.text(),
        "ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this \
         port. Check server logs."
    );
    server.wait_for_log(&format!("cannot listen on 127.0.0.1:{port}: "));
    let shown = get(&mut client, "port").items()[1].text();
    assert_eq!(shown, server.port().to_string());
    assert_eq!(server.connect().cmd("PING").text(), "PONG");
    // Together with an option that fails later nothing changes either.
    let refused = client.cmd(&format!(
        "CONFIG SET port {} maxclients 4000000000",
        free_port()
    ));
    assert!(refused.is_error(), "{refused:?}");
    assert_eq!(server.connect().cmd("PING").text(), "PONG");
    // A port that is free can be used as soon as the answer is there.
    let new = loop {
        let port = free_port();
        if client.cmd(&format!("CONFIG SET port {port}")).text() == "OK" {
            break port;
        }
    };
    let mut stream = TcpStream::connect(("127.0.0.1", new)).expect("a connection");
    stream.write_all(b"PING\r\nQUIT\r\n").expect("written");
    let mut got = String::new();
    stream.read_to_string(&mut got).expect("read");
    assert_eq!(got, "+PONG\r\n+OK\r\n");
    assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err());
    assert_eq!(client.cmd("PING").text(), "PONG");
}

#[test]
fn config_set_bind_answers_when_the_sockets_are_open() {
    let server = Process::kvd(&["--bind", "127.0.0.1"]);
    let mut client = server.connect();
    for addresses in ["192.0.2.1", "999.999.999.999", "127.0.0.1 192.0.2.1"] {
        let refused = client.cmd(&format!("CONFIG SET bind \"{addresses}\""));
        assert_eq!(
            refused.text(),
            "ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to \
             specified addresses."
        );
        assert_eq!(server.connect().cmd("PING").text(), "PONG");
    }
    let connects = |host: &str| TcpStream::connect((host, server.port())).is_ok();
    assert_eq!(
        client.cmd("CONFIG SET bind \"127.0.0.1 127.0.0.2\"").text(),
        "OK"
    );
    assert!(connects("127.0.0.1") && connects("127.0.0.2"));
    // The address that stands for all, and back: these take each other's place.
    assert_eq!(client.cmd("CONFIG SET bind *").text(), "OK");
    assert!(connects("127.0.0.3"));
    assert_eq!(client.cmd("CONFIG SET bind 127.0.0.2").text(), "OK");
    assert!(connects("127.0.0.2") && !connects("127.0.0.1"));
    assert_eq!(client.cmd("CONFIG SET bind \"\"").text(), "OK");
    assert!(!connects("127.0.0.2"));
    assert_eq!(client.cmd("CONFIG SET bind 127.0.0.1").text(), "OK");
    assert_eq!(server.connect().cmd("PING").text(), "PONG");
}

#[test]
fn memory_in_info_stays_below_maxmemory() {
    let server = Process::kvd(&["--save", "", "--maxmemory-policy", "allkeys-lru"]);
    let mut client = server.connect();
    let used = |client: &mut Connection| {
        let text = client.cmd("INFO").text();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("used_memory:"));
        line.expect("a field").parse::<u64>().expect("a number")
    };
    // Statistics of a command take memory when it runs for the first time.
    client.cmd("DBSIZE");
    let limit = used(&mut client) + 100 * 1024;
    client.cmd(&format!("CONFIG SET maxmemory {limit}"));
    for n in 0..3_000 {
        assert_eq!(client.cmd(&format!("SET key:{n} x")).text(), "OK");
    }
    assert!(client.cmd("DBSIZE").int() < 3_000, "some were evicted");
    // What the text of INFO takes itself is not in it; a command may go beyond by a little.
    let used = used(&mut client);
    assert!(used < limit + 4_096, "{used} of {limit}");
}
