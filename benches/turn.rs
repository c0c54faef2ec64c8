//! Whole turns without sockets: nanoseconds per command from the bytes of requests to the bytes of
//! replies, for pipelines of 1, 16 and 64 commands on random keys among a million.

mod engine;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use engine::{KEYS, filled, key, turn, wire};

/// How many different requests follow one another, so that none finds its keys in a cache.
const REQUESTS: usize = 2_048;

fn turns(c: &mut Criterion) {
    let (mut engine, client) = filled();
    let mut random = fastrand::Rng::with_seed(1);
    let value = [b'y'; 32];
    let mut group = c.benchmark_group("turn");
    for pipeline in [1, 16, 64] {
        group.throughput(Throughput::Elements(pipeline));
        for name in ["get", "set", "ping"] {
            let mut command = || {
                let key = key(random.u64(..KEYS));
                match name {
                    "get" => wire(&[b"GET", &key]),
                    "set" => wire(&[b"SET", &key, &value]),
                    _ => wire(&[b"PING"]),
                }
            };
            let mut request = || (0..pipeline).flat_map(|_| command()).collect::<Vec<u8>>();
            let requests: Vec<Vec<u8>> = (0..REQUESTS).map(|_| request()).collect();
            let mut next = requests.iter().cycle();
            group.bench_function(BenchmarkId::new(name, pipeline), |b| {
                b.iter(|| {
                    let input = next.next().expect("no end");
                    turn(&mut engine, client, black_box(input))
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, turns);
criterion_main!(benches);
