//! The dispatcher on parsed commands: nanoseconds from a command's arguments to its reply, with
//! lookup, gates, handler and statistics, but without parsing and without a turn around it.

mod engine;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use kvd::dispatch::execute::execute;
use kvd::dispatch::lookup;
use kvd::engine::busy::Alone;
use kvd::resp::{Outbox, OwnedArgs};

use engine::{KEYS, filled, key, turn, wire};

/// How many different commands follow one another, so that none finds its key in a cache.
const COMMANDS: usize = 65_536;

fn commands(c: &mut Criterion) {
    let (mut engine, client) = filled();
    for line in [
        wire(&[b"RPUSH", b"list", b"a", b"b", b"c"]),
        wire(&[b"HSET", b"hash", b"a", b"1", b"b", b"2"]),
        wire(&[b"ZADD", b"zset", b"1", b"a", b"2", b"b"]),
    ] {
        turn(&mut engine, client, &line);
    }
    let mut random = fastrand::Rng::with_seed(1);
    let mut group = c.benchmark_group("dispatch");
    for name in [
        "ping", "get", "set", "incr", "hget", "zscore", "lrange", "unknown",
    ] {
        let mut command = || {
            let key = key(random.u64(..KEYS));
            let words: &[&[u8]] = match name {
                "ping" => &[b"PING"],
                "get" => &[b"GET", &key],
                "set" => &[b"SET", &key, &[b'y'; 32]],
                "incr" => &[b"INCR", b"counter"],
                "hget" => &[b"HGET", b"hash", b"b"],
                "zscore" => &[b"ZSCORE", b"zset", b"b"],
                "lrange" => &[b"LRANGE", b"list", b"0", b"-1"],
                _ => &[b"NOSUCH", &key],
            };
            let mut args = OwnedArgs::with_capacity(words.len(), 0);
            words.iter().for_each(|word| args.push(word));
            args
        };
        let commands: Vec<OwnedArgs> = (0..COMMANDS).map(|_| command()).collect();
        let mut next = commands.iter().cycle();
        let mut out = Outbox::default();
        group.bench_function(name, |b| {
            b.iter(|| {
                out.clear();
                let args = black_box(next.next().expect("no end")).as_args();
                let found = lookup::find(&engine.registry, args);
                execute(&mut engine, client, found, args, &mut out, &mut Alone);
                out.len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, commands);
criterion_main!(benches);
