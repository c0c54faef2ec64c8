//! The keyspace without a server: nanoseconds per operation at a million keys, and bytes per key.
//!
//! `cargo bench --bench store` measures time; `KVD_MEMORY=1 cargo bench --bench store` prints
//! bytes per key as growth reaches several sizes (with `KVD_TTL=1`, every key with an expiry);
//! `KVD_PAUSES=1` prints the slowest single steps of growing and freeing.
//!
//! A shard number taken from the bits that also choose the bucket makes every lookup two to three
//! times slower: `get/single` is the benchmark that notices.

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BatchSize, Criterion, Throughput};
use kvd::random::Rng;
use kvd::store::db::{Db, Key};
use kvd::store::dict::{Dict, Record};
use kvd::store::expire::ExpirePolicy;
use kvd::store::hash::{HashState, seeded};
use kvd::store::keyspace::Keyspace;
use kvd::store::value::{NewValue, ValueRef};
use rustix::time::{ClockId, clock_gettime};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const KEYS: usize = 1_000_000;
const SHARDS: usize = 64;
const BATCH: usize = 64;

/// Processor time of this thread, so that what else runs on the machine counts for less.
struct ThreadTime;

impl Measurement for ThreadTime {
    type Intermediate = u64;
    type Value = Duration;

    fn start(&self) -> u64 {
        thread_ns()
    }

    fn end(&self, started: u64) -> Duration {
        Duration::from_nanos(thread_ns() - started)
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// The longest time one of `count` calls took; `false` ends them early.
fn slowest(count: usize, mut call: impl FnMut(usize) -> bool) -> u64 {
    let mut longest = 0;
    for n in 0..count {
        let started = thread_ns();
        let go_on = call(n);
        let took = thread_ns() - started;
        longest = longest.max(took);
        if !go_on {
            break;
        }
    }
    longest
}

fn thread_ns() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

fn main() {
    if std::env::var_os("KVD_PAUSES").is_some() {
        pauses();
        return;
    }
    if std::env::var_os("KVD_MEMORY").is_some() {
        bytes_per_key();
        return;
    }
    let mut criterion = Criterion::default()
        .with_measurement(ThreadTime)
        .configure_from_args()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    let hasher = seeded(1);
    let (mut db, names) = filled(&hasher);
    lookups(&mut criterion, &hasher, &db, &names);
    writes(&mut criterion, &hasher, &mut db, &names);
    growth(&mut criterion, &hasher, &names);
    criterion.final_summary();
}

fn name(n: usize) -> [u8; 16] {
    let mut name = *b"key:000000000000";
    let mut rest = n;
    for digit in name.iter_mut().rev().take(12) {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    name
}

/// A database of a million keys, and their names in random order.
fn filled(hasher: &HashState) -> (Db, Vec<[u8; 16]>) {
    let mut db = Db::new(SHARDS, hasher.clone());
    let mut names: Vec<_> = (0..KEYS).map(name).collect();
    for name in &names {
        db.insert(&Key::new(hasher, name), NewValue::Str(&[b'x'; 32]));
    }
    let mut rng = Rng::new(7);
    for i in (1..names.len()).rev() {
        names.swap(i, rng.below(i + 1));
    }
    (db, names)
}

#[inline]
fn get(db: &Db, key: &Key<'_>) -> usize {
    match db.find(key).map(|slot| db.value(slot)) {
        Some(ValueRef::Str(bytes)) => bytes.len() + bytes[bytes.len() - 1] as usize,
        _ => 0,
    }
}

fn lookups(criterion: &mut Criterion<ThreadTime>, hasher: &HashState, db: &Db, names: &[[u8; 16]]) {
    let mut group = criterion.benchmark_group("get");
    let mut at = 0;
    let mut next = |count: usize| {
        if at + count > names.len() {
            at = 0;
        }
        at += count;
        &names[at - count..at]
    };
    group.throughput(Throughput::Elements(1));
    group.bench_function("single", |b| {
        b.iter(|| get(db, &Key::new(hasher, &next(1)[0])));
    });
    group.bench_function("absent", |b| {
        b.iter(|| {
            let mut name = next(1)[0];
            name[0] = b'K';
            get(db, &Key::new(hasher, &name))
        });
    });
    group.throughput(Throughput::Elements(BATCH as u64));
    for warmed in [false, true] {
        let label = if warmed { "batch_warmed" } else { "batch" };
        group.bench_function(label, |b| {
            b.iter(|| {
                let names = next(BATCH);
                let mut keys = [Key {
                    bytes: &[],
                    hash: 0,
                }; BATCH];
                for (key, name) in keys.iter_mut().zip(names) {
                    *key = Key::new(hasher, name);
                }
                if warmed {
                    db.warm(&keys);
                }
                // A command's own work keeps the processor from overlapping lookups by itself.
                let mut sum = 0;
                for key in &keys {
                    sum = black_box(sum + get(db, key));
                }
                sum
            });
        });
    }
    group.finish();
}

fn writes(
    criterion: &mut Criterion<ThreadTime>,
    hasher: &HashState,
    db: &mut Db,
    names: &[[u8; 16]],
) {
    let mut group = criterion.benchmark_group("set");
    group.throughput(Throughput::Elements(1));
    let mut order = names.iter().cycle();
    group.bench_function("overwrite", |b| {
        b.iter(|| {
            let Some(name) = order.next() else { return };
            let key = Key::new(hasher, name);
            if let Some(slot) = db.find(&key) {
                db.replace(slot, NewValue::Str(&[b'y'; 32]));
            }
        });
    });
    let mut order = names.iter().cycle();
    group.bench_function("remove_insert", |b| {
        b.iter(|| {
            let Some(name) = order.next() else { return };
            let key = Key::new(hasher, name);
            if let Some(slot) = db.find(&key) {
                db.remove(slot);
            }
            db.insert(&key, NewValue::Str(&[b'z'; 32]));
        });
    });
    group.finish();
}

fn growth(criterion: &mut Criterion<ThreadTime>, hasher: &HashState, names: &[[u8; 16]]) {
    let mut group = criterion.benchmark_group("growth");
    group.sample_size(10);
    group.throughput(Throughput::Elements(KEYS as u64));
    group.bench_function("from_empty", |b| {
        b.iter_batched(
            || Db::new(SHARDS, hasher.clone()),
            |mut db| {
                for name in names {
                    let key = Key::new(hasher, name);
                    if db.find(&key).is_none() {
                        db.insert(&key, NewValue::Str(&[b'x'; 32]));
                    }
                }
                db
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// A record of a large collection, for its dictionary.
struct Field(u32);

impl Record for Field {
    fn hash(&self) -> u32 {
        self.0
    }
}

/// The slowest single steps of a collection and of a database that grow and are freed.
fn pauses() {
    let noise = slowest(5_000_000, |_| black_box(true));
    println!("nothing at all: {noise} ns");
    let mut rng = Rng::new(3);
    let mut dict = Dict::new();
    let push = slowest(5_000_000, |_| {
        dict.push(Field(rng.next_u64() as u32));
        true
    });
    let remove = slowest(4_900_000, |_| {
        dict.swap_remove(0);
        true
    });
    println!("a collection of 5M: slowest push {push} ns, removal {remove} ns");
    let mut keyspace = Keyspace::new(1, SHARDS, seeded(1));
    let insert = slowest(3_000_000, |n| {
        let name = name(n);
        let key = keyspace.key(&name);
        let expire_at = (n % 3 == 0).then_some(1);
        let value = NewValue::Str(&[b'x'; 32]);
        keyspace.db_mut(0).insert_expiring(&key, value, expire_at);
        true
    });
    println!("a database of 3M: slowest insertion {insert} ns");
    let started = thread_ns();
    let expire = slowest(usize::MAX, |_| {
        keyspace.chore(1, ExpirePolicy::Allowed, &mut |_, _| {})
    });
    let took_ms = (thread_ns() - started) / 1_000_000;
    println!("expiring 1M of it: {took_ms} ms, slowest slice {expire} ns");
    if let Some(db) = keyspace.flush(0) {
        keyspace.free_db(db);
    }
    let free = slowest(usize::MAX, |_| {
        keyspace.chore(0, ExpirePolicy::Off, &mut |_, _| {})
    });
    println!("freeing it: slowest slice {free} ns");
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|p| p.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}

fn allocated_bytes() -> usize {
    // Statistics are as of the last epoch.
    let _ = tikv_jemalloc_ctl::epoch::advance();
    tikv_jemalloc_ctl::stats::allocated::read().unwrap_or(0)
}

fn bytes_per_key() {
    let hasher = seeded(1);
    let expire_at = std::env::var_os("KVD_TTL").map(|_| 2_000_000_000_000);
    let mut db = Db::new(SHARDS, hasher.clone());
    let (resident, allocated) = (resident_bytes(), allocated_bytes());
    let (mut n, mut slowest_ns, mut sum) = (0, 0, 0.0);
    for size in [1_000_000, 1_500_000, 2_000_000, 3_000_000] {
        let started = thread_ns();
        while n < size {
            let before = thread_ns();
            let name = name(n);
            let value = NewValue::Str(&[b'x'; 32]);
            db.insert_expiring(&Key::new(&hasher, &name), value, expire_at);
            let took = thread_ns() - before;
            slowest_ns = slowest_ns.max(took);
            n += 1;
        }
        let per_key = |bytes: usize| bytes as f64 / size as f64;
        sum += per_key(resident_bytes() - resident);
        println!(
            "{size:8} keys: {:6.2} B resident, {:6.2} B allocated, {} ms, {:?}",
            per_key(resident_bytes() - resident),
            per_key(allocated_bytes() - allocated),
            (thread_ns() - started) / 1_000_000,
            db.memory(),
        );
    }
    println!(
        "mean {:.2} B resident; slowest insert {slowest_ns} ns",
        sum / 4.0
    );
}
