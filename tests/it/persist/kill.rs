//! The real binary, killed with SIGKILL while it is written to, and on a disk that is full: what
//! it acknowledged is there when it comes back, whatever `appendfsync` says.
//!
//! `KVD_KILLS=100 cargo test kill` kills a hundred servers under each policy.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::harness::{Connection, Process, request};

use super::process::limited;

/// Clients that write at once.
const WRITERS: u64 = 4;
/// Kills under each policy, unless the environment asks for more.
const KILLS: u32 = 3;

/// What one client knows about its keys: what was confirmed, and what was sent and may be there.
#[derive(Clone, Copy, Default)]
struct Known {
    counter: u64,
    counter_sent: u64,
    pair: u64,
    pair_sent: u64,
}

/// Writes until the server is gone. A counter is incremented one by one, in pipelines of any
/// length; two others only together.
fn write(mut client: Connection, writer: u64, mut known: Known, confirmed: &AtomicU64) -> Known {
    let (counter, a, b) = (
        format!("counter:{writer}"),
        format!("a:{writer}"),
        format!("b:{writer}"),
    );
    loop {
        let length = fastrand::u64(1..20);
        let mut bytes = request(&["INCR", &counter]).repeat(length as usize);
        for words in [&["MULTI"][..], &["INCR", &a], &["INCR", &b], &["EXEC"]] {
            bytes.extend(request(words));
        }
        known.counter_sent += length;
        known.pair_sent += 1;
        if client.stream().write_all(&bytes).is_err() {
            return known;
        }
        for _ in 0..length {
            match client.try_take() {
                Some(reply) => known.counter = reply.int() as u64,
                None => return known,
            }
            confirmed.fetch_add(1, Ordering::Relaxed);
        }
        for part in 0..4 {
            match client.try_take() {
                Some(reply) if part == 3 => known.pair = reply.items()[0].int() as u64,
                Some(_) => {}
                None => return known,
            }
        }
    }
}

fn number(client: &mut Connection, key: &str) -> u64 {
    match client.cmd(&format!("GET {key}")) {
        reply if reply.is_null() => 0,
        reply => reply.text().parse().expect("a number"),
    }
}

/// Kills servers under one policy, at any moment between the first writes and `writes_max` of
/// them, every third one while the file is being rewritten.
fn kill_under(policy: &str, writes_max: u64) {
    let kills = std::env::var("KVD_KILLS").map_or(KILLS, |n| n.parse().expect("a number"));
    let options = ["--appendonly", "yes", "--appendfsync", policy, "--save", ""];
    let mut server = Process::kvd(&options);
    let mut known = [Known::default(); WRITERS as usize];
    for kill in 0..kills {
        let confirmed = AtomicU64::new(0);
        let until = fastrand::u64(1..writes_max);
        let mut admin = server.connect();
        let dir = thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .zip(known)
                .map(|(writer, known)| {
                    let (client, confirmed) = (server.connect(), &confirmed);
                    scope.spawn(move || write(client, writer, known, confirmed))
                })
                .collect();
            while confirmed.load(Ordering::Relaxed) < until {
                thread::yield_now();
            }
            if kill % 3 == 2 {
                admin.cmd("BGREWRITEAOF");
            }
            let dir = server.into_dir();
            for (known, writer) in known.iter_mut().zip(writers) {
                *known = writer.join().expect("a writer");
            }
            dir
        });
        server = Process::kvd_in(dir, &options);
        let mut client = server.connect();
        while client.cmd("PING").is_error() {}
        for (writer, known) in known.iter_mut().enumerate() {
            let counter = number(&mut client, &format!("counter:{writer}"));
            let (a, b) = (
                number(&mut client, &format!("a:{writer}")),
                number(&mut client, &format!("b:{writer}")),
            );
            let log = server.log();
            assert!(
                (known.counter..=known.counter_sent).contains(&counter),
                "{policy}, kill {kill}: {counter} of {} confirmed, {} sent\n{log}",
                known.counter,
                known.counter_sent
            );
            assert_eq!(a, b, "{policy}, kill {kill}: half a transaction\n{log}");
            assert!(
                (known.pair..=known.pair_sent).contains(&a),
                "{policy}, kill {kill}: {a} of {} pairs\n{log}",
                known.pair
            );
            *known = Known {
                counter,
                counter_sent: counter,
                pair: a,
                pair_sent: a,
            };
        }
    }
}

#[test]
fn nothing_is_lost_by_a_kill_under_always() {
    kill_under("always", 300);
}

#[test]
fn nothing_is_lost_by_a_kill_under_everysec() {
    kill_under("everysec", 5_000);
}

#[test]
fn nothing_is_lost_by_a_kill_under_no() {
    kill_under("no", 5_000);
}

/// A full disk: whoever is told OK finds the key later.
#[test]
fn on_a_full_disk_nothing_is_confirmed_that_is_not_there() {
    for policy in ["always", "everysec"] {
        let options = ["--appendonly", "yes", "--appendfsync", policy, "--save", ""];
        let server = limited(256, &options);
        let mut client = server.connect();
        let value = "v".repeat(1_000);
        let mut confirmed = 0;
        loop {
            client.send(&format!("SET key:{confirmed} {value}"));
            match client.try_take() {
                Some(reply) if reply.is_error() => {
                    assert!(reply.text().starts_with("MISCONF "), "{reply:?}");
                    break;
                }
                Some(_) => confirmed += 1,
                // Its command ran, but is not in the file: it is not told anything.
                None => client = server.connect(),
            }
            assert!(confirmed < 1_000, "the file has a limit");
        }
        assert!(confirmed > 50, "{confirmed}");
        assert_eq!(client.cmd("GET key:0").text(), value);
        let info = client.cmd("INFO persistence").text();
        assert!(info.contains("aof_last_write_status:err"), "{info}");
        let server = Process::kvd_in(server.into_dir(), &options);
        let mut client = server.connect();
        for n in 0..confirmed {
            assert_eq!(client.cmd(&format!("GET key:{n}")).text(), value, "{n}");
        }
        assert_eq!(client.cmd("SET there is").text(), "OK");
    }
}
