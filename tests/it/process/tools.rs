//! Redis's own tools, where they are installed.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::harness::{Process, request};

/// Runs a tool against a server; `None`, with a printed line, if there is no such tool here.
fn tool(name: &str, server: &Process, args: &[&str], stdin: &[u8]) -> Option<String> {
    let child = Command::new(name)
        .args(["-p", &server.port().to_string()])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: no {name} here");
        return None;
    };
    let mut pipe = child.stdin.take().expect("a pipe");
    std::thread::scope(|scope| {
        scope.spawn(move || pipe.write_all(stdin));
        let out = child.wait_with_output().expect("an end");
        let text = [out.stdout, out.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(out.status.success(), "{name} {args:?}: {text}");
        Some(text)
    })
}

#[test]
fn redis_cli_pipes() {
    let server = Process::kvd(&[]);
    let mut input = Vec::new();
    for i in 0..5_000 {
        input.extend(request(&["SET", &format!("key:{i}"), &i.to_string()]));
    }
    let Some(output) = tool("redis-cli", &server, &["--pipe"], &input) else {
        return;
    };
    assert!(output.contains("errors: 0, replies: 5000"), "{output}");
    assert_eq!(server.connect().cmd("DBSIZE").int(), 5_000);
    assert_eq!(server.connect().cmd("GET key:4999").text(), "4999");
}

#[test]
fn redis_cli_by_hand() {
    let server = Process::kvd(&[]);
    let commands = b"SET greeting \"hello world\"\nGET greeting\nINCR n\nMGET greeting n none\n";
    let Some(output) = tool("redis-cli", &server, &[], commands) else {
        return;
    };
    assert_eq!(output, "OK\nhello world\n1\nhello world\n1\n\n");
    let output = tool("redis-cli", &server, &["-3", "GET", "none"], b"");
    assert_eq!(output.as_deref(), Some("\n"));
    let output = tool("redis-cli", &server, &["--scan", "--pattern", "g*"], b"");
    assert_eq!(output.as_deref(), Some("greeting\n"));
}

#[test]
fn redis_benchmark_runs() {
    let server = Process::kvd(&[]);
    for args in [
        &[
            "-t",
            "ping,set,get,incr,mset",
            "-n",
            "2000",
            "-q",
            "-P",
            "16",
        ][..],
        &[
            "-t", "set,get", "-n", "1000", "-q", "-c", "20", "-d", "20000", "-r", "100",
        ],
    ] {
        let Some(output) = tool("redis-benchmark", &server, args, b"") else {
            return;
        };
        let tests = output.matches("requests per second").count();
        assert!(tests >= 2, "{output}");
        assert!(!output.to_lowercase().contains("error"), "{output}");
    }
}
