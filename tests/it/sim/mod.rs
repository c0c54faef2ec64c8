//! The simulator. A seed decides everything: what several clients send, where the bytes are cut,
//! what garbage comes between, when clocks jump, when connections break. A plain model of the
//! keyspace runs beside the server; every reply is compared with it, and now and then all data.
//!
//! `KVD_SEED=n cargo test simulator` replays one seed and prints what it does;
//! `KVD_SEEDS=n` runs that many. A type is one file with a table of [`model::Row`]s, listed in
//! [`ROWS`], and a variant of [`model::Data`].

mod bitmaps;
mod choice;
mod compare;
mod crash;
mod disk;
mod ended;
mod faults;
mod generate;
mod geo;
mod hash_times;
mod hashes;
mod hyperloglogs;
mod keys;
mod lists;
mod model;
mod sets;
mod streams;
mod strings;
mod trace;
mod transactions;
mod want;
mod world;
mod zsets;

use std::sync::atomic::{AtomicU64, Ordering};

/// The commands that clients send. Those that the server does not have yet are left out.
const ROWS: &[&[model::Row]] = &[
    strings::ROWS,
    bitmaps::ROWS,
    hyperloglogs::ROWS,
    hashes::ROWS,
    hash_times::ROWS,
    lists::ROWS,
    sets::ROWS,
    zsets::ROWS,
    streams::ROWS,
    geo::ROWS,
    keys::ROWS,
    transactions::ROWS,
];

/// Seeds of a plain run.
const SEEDS: u64 = 200;

fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name}: a number, not {value}")),
    )
}

#[test]
fn simulator() {
    with_seeds(SEEDS, |seed| {
        world::run(seed, variable("KVD_SEED").is_some())
    });
}

/// Runs the seed that the environment names, or as many as it asks for.
fn with_seeds(plain: u64, run: impl Fn(u64) + Sync) {
    if let Some(seed) = variable("KVD_SEED") {
        // What the server says of it.
        let _ = tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .try_init();
        return run(seed);
    }
    let seeds = variable("KVD_SEEDS").unwrap_or(plain);
    let next = AtomicU64::new(1);
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get().min(8));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > seeds {
                        return;
                    }
                    run(seed);
                }
            });
        }
    });
    let cuts = disk::POWER_CUTS.load(Ordering::Relaxed);
    let kills = disk::KILLS.load(Ordering::Relaxed);
    eprintln!("{seeds} seeds; {cuts} power cuts and {kills} kills in all tests so far");
}
