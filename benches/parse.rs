//! The parser and the encoder alone: nanoseconds for a command and for a reply.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use kvd::resp::{Batch, Limits, Outbox, Protocol, Reply, RequestParser};

/// As many commands as a batch of the server holds.
const COMMANDS: usize = 64;

fn wire(args: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn requests(c: &mut Criterion) {
    let key = b"key:000000000042";
    let cases: [(&str, Vec<u8>); 6] = [
        ("get", wire(&[b"GET", key])),
        ("set_32", wire(&[b"SET", key, &[b'x'; 32]])),
        ("set_500", wire(&[b"SET", key, &[b'x'; 500]])),
        ("set_4000", wire(&[b"SET", key, &[b'x'; 4000]])),
        ("mset_20", wire(&[&key[..]; 21])),
        ("inline_ping", b"PING\r\n".to_vec()),
    ];
    let mut group = c.benchmark_group("request");
    group.throughput(Throughput::Elements(COMMANDS as u64));
    for (name, command) in cases {
        let input = command.repeat(COMMANDS);
        let (mut parser, mut batch) = (RequestParser::new(), Batch::new());
        let limits = Limits::default();
        group.bench_function(name, |b| {
            b.iter(|| {
                parser.parse_batch(black_box(&input), &limits, &mut batch, COMMANDS);
                batch.len()
            });
        });
    }
    // Lengths that no branch predictor knows.
    let mut random = fastrand::Rng::with_seed(1);
    let input: Vec<u8> = (0..COMMANDS * 64)
        .flat_map(|_| {
            wire(&[
                b"SET",
                &vec![b'k'; random.usize(5..30)],
                &vec![0; random.usize(1..300)],
            ])
        })
        .collect();
    let (mut parser, mut batch) = (RequestParser::new(), Batch::new());
    group.throughput(Throughput::Elements(COMMANDS as u64 * 64));
    group.bench_function("set_mixed", |b| {
        b.iter(|| {
            let mut at = 0;
            while at < input.len() {
                let rest = black_box(&input[at..]);
                at += parser
                    .parse_batch(rest, &Limits::default(), &mut batch, COMMANDS)
                    .consumed;
            }
        });
    });
    group.finish();
}

fn arguments(c: &mut Criterion) {
    let input = wire(&[b"SET", b"key:000000000042", &[b'x'; 32]]).repeat(COMMANDS);
    let (mut parser, mut batch) = (RequestParser::new(), Batch::new());
    parser.parse_batch(&input, &Limits::default(), &mut batch, COMMANDS);
    let mut group = c.benchmark_group("arguments");
    group.throughput(Throughput::Elements(COMMANDS as u64));
    group.bench_function("read_three", |b| {
        b.iter(|| {
            let lengths = |index| {
                let args = batch.args(index, &input);
                args.at(0).len() + args.at(1).len() + args.at(2).len()
            };
            (0..batch.len()).map(lengths).sum::<usize>()
        });
    });
    group.finish();
}

fn replies(c: &mut Criterion) {
    type Write = fn(&mut Reply<'_>);
    let cases: [(&str, Write); 6] = [
        ("ok", |reply| reply.ok()),
        ("int", |reply| reply.int(black_box(7))),
        ("null", |reply| reply.null()),
        ("bulk_32", |reply| reply.bulk(black_box(&[b'x'; 32]))),
        ("bulk_500", |reply| reply.bulk(black_box(&[b'x'; 500]))),
        ("double", |reply| reply.double(black_box(3.25))),
    ];
    let mut group = c.benchmark_group("reply");
    group.throughput(Throughput::Elements(COMMANDS as u64));
    for (name, write) in cases {
        group.bench_function(name, |b| {
            b.iter_batched_ref(
                || {
                    let mut out = Outbox::new();
                    out.recycle(Vec::with_capacity(64 * 1024));
                    out
                },
                |out| {
                    let mut reply = Reply::new(out, Protocol::Resp2);
                    for _ in 0..COMMANDS {
                        write(&mut reply);
                    }
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, requests, arguments, replies);
criterion_main!(benches);
