//! The codec against itself, against encodings that nobody writes any more, and against damage.

mod damage;
mod files;
mod old;
mod values;

use std::ops::ControlFlow;

use super::*;
use crate::random::Rng;
use crate::store::hash::{HashState, seeded};
use crate::store::types::hash::{FieldTtl, Hash, HashContext, HashLimits, NEVER_EXPIRED};
use crate::store::types::list::{End, List, ListLimits};
use crate::store::types::set::{Set, SetLimits};
use crate::store::types::stream::{IdmpLimits, NackMode, NewId, NodeLimits, Stream, StreamId};
use crate::store::types::zset::{ZSet, ZSetLimits};
use crate::store::value::{Kind, Value, ValueRef};

/// The time of these tests.
const NOW_MS: i64 = 1_700_000_000_000;

fn hasher() -> HashState {
    seeded(7)
}

fn context(hasher: &HashState) -> LoadContext<'_> {
    LoadContext {
        hasher,
        lists: ListLimits::default(),
        sets: SetLimits::default(),
        hashes: HashLimits::default(),
        zsets: ZSetLimits::default(),
        now_ms: NOW_MS,
        drops_expired: false,
    }
}

fn fields(hasher: &HashState) -> HashContext<'_> {
    HashContext {
        state: hasher,
        limits: HashLimits::default(),
        now_ms: NEVER_EXPIRED,
    }
}

const OPTIONS: [WriteOptions; 4] = {
    const fn of(compresses: bool, family: Family) -> WriteOptions {
        WriteOptions { compresses, family }
    }
    [
        of(true, Family::Valkey),
        of(false, Family::Valkey),
        of(true, Family::Redis),
        of(false, Family::Redis),
    ]
};

/// Every type in every form, small and large.
fn samples(hasher: &HashState) -> Vec<Value> {
    let mut values = strings();
    for count in [1, 3, 40, 700] {
        values.extend(collections(count, hasher));
        values.push(Value::Stream(Box::new(stream(count))));
    }
    values
}

fn strings() -> Vec<Value> {
    let mut rng = Rng::new(3);
    let noise: Vec<u8> = (0..200_000).map(|_| rng.next_u64() as u8).collect();
    let text = b"once upon a time there was a string, and ".repeat(5000);
    let short: &[&[u8]] = &[
        b"",
        b"x",
        b"-0",
        b"01",
        b"3000000000",
        &text[..60],
        &noise[..60],
    ];
    let mut values: Vec<Value> = short.iter().map(|s| Value::Str((*s).into())).collect();
    let numbers = [0, -1, 127, 128, -129, 32_768, 1 << 31, -(1 << 31), i64::MIN];
    values.extend(numbers.map(Value::Int));
    for long in [noise, text] {
        values.push(Value::Large(Box::new(long[..20_000].to_vec().into())));
        values.push(Value::Large(Box::new(long.into())));
    }
    values
}

/// Texts of which some are integers, some short, some long, all different.
fn texts(count: usize) -> impl Iterator<Item = Vec<u8>> {
    (0..count).map(|n| match n % 4 {
        0 => (n as i64 * 1_000_003 - 5).to_string().into_bytes(),
        1 => format!("member {n}").into_bytes(),
        2 => format!("{n}:{}", "z".repeat(30)).into_bytes(),
        _ => format!("{n}:{}", "y".repeat(if n % 16 == 3 { 300 } else { 3 })).into_bytes(),
    })
}

fn collections(count: usize, hasher: &HashState) -> Vec<Value> {
    let (mut list, mut set, mut ints) = (List::new(), Set::new(), Set::new());
    let (mut zset, mut hash, mut times) = (ZSet::new(), Hash::new(), Hash::new());
    let (lists, sets, zsets) = Default::default();
    for (n, text) in texts(count).enumerate() {
        list.push(End::Tail, &text, lists);
        set.insert(&text, hasher, sets);
        ints.insert((n * n * 77).to_string().as_bytes(), hasher, sets);
        let score = [0.5, -1.0, 1e300, f64::INFINITY, f64::NEG_INFINITY][n % 5] * n.max(1) as f64;
        zset.insert(&text, score, zsets, hasher);
        hash.set(&text, &text, FieldTtl::Clear, fields(hasher));
        times.set(&text, b"value", FieldTtl::Clear, fields(hasher));
        if n % 3 == 0 {
            times.expire_field(&text, NOW_MS + 1000 - n as i64, fields(hasher));
        }
    }
    if count == 40 {
        list.push(End::Tail, &b"q".repeat(10_000), lists);
    }
    vec![
        Value::List(list),
        Value::Set(set),
        Value::Set(ints),
        Value::ZSet(zset),
        Value::Hash(hash),
        Value::Hash(times),
    ]
}

fn stream(count: usize) -> Stream {
    let mut stream = Stream::new();
    let limits = NodeLimits {
        max_bytes: 4096,
        max_entries: 100,
    };
    let id = |n: usize| StreamId::new(5 + n as u64 / 3, n as u64 % 3 + 1);
    for (n, text) in texts(count).enumerate() {
        let pairs = [(&b"f"[..], &text[..]), (b"g", b"1")];
        let pairs = pairs[..1 + n % 2].iter().copied();
        let new = NewId::Explicit(id(n));
        stream.add(new, 0, pairs, limits).expect("an entry");
    }
    stream.delete(id(count / 2));
    stream.create_group(b"empty", StreamId::MIN, None);
    stream.create_group(b"readers", StreamId::MIN, Some(0));
    if let Some(mut group) = stream.group_mut(b"readers") {
        for name in ["ann", "bob"] {
            let (consumer, _) = group.touch_consumer(name.as_bytes(), NOW_MS);
            group.deliver_new(consumer, NOW_MS, count / 3, false, |_| {
                ControlFlow::Continue(())
            });
        }
    }
    stream
}

/// The same with what only Redis 8.8 can write.
fn newer_stream(count: usize) -> Stream {
    let mut stream = stream(count);
    let ids: Vec<StreamId> = stream
        .group(b"readers")
        .into_iter()
        .flat_map(|g| g.pending_range(StreamId::MIN, StreamId::MAX))
        .map(|pending| pending.id)
        .collect();
    if let Some(mut group) = stream.group_mut(b"readers") {
        for id in ids.iter().rev().step_by(3) {
            group.nack(*id, NackMode::Fail, None, false);
        }
    }
    let limits = IdmpLimits {
        duration_s: 60,
        max_size: 10,
    };
    let idmp = stream.idmp_or_new(limits);
    for n in 0..count.min(30) {
        let (pid, iid) = (format!("p{}", n % 4), format!("m{n}"));
        let id = StreamId::new(NOW_MS as u64 - n as u64, 0);
        idmp.record(pid.as_bytes(), iid.as_bytes(), id, NOW_MS as u64);
    }
    stream
}

fn whole(value: ValueRef<'_>, options: WriteOptions) -> Vec<u8> {
    let mut encoder = Encoder::new(options.compresses);
    encode_value(value, options, &mut encoder);
    encoder.out
}

fn decoded(bytes: &[u8], family: Family, cx: &LoadContext<'_>) -> Read<Option<Value>> {
    let mut input = input::Input::new(bytes);
    let mut reader = ValueReader::new(input.byte()?, family)?;
    reader.read(&mut input, cx)?;
    assert!(input.is_at_end());
    Ok(reader.finish())
}

fn check(value: &Value, hasher: &HashState) {
    match value {
        Value::List(list) => list.check_invariants(),
        Value::Set(set) => set.check_invariants(hasher),
        Value::ZSet(zset) => zset.check_invariants(),
        Value::Hash(hash) => hash.check_invariants(hasher),
        Value::Stream(stream) => stream.check_invariants(),
        Value::Int(_) | Value::Str(_) | Value::Large(_) => {}
    }
}

/// What a value holds, in an order of its own.
fn contents(value: &Value) -> Vec<String> {
    let mut texts: Vec<String> = match value {
        Value::Set(set) => set
            .iter()
            .map(|m| m.to_vec().escape_ascii().to_string())
            .collect(),
        Value::Hash(hash) => hash.iter(NEVER_EXPIRED).map(|f| format!("{f:?}")).collect(),
        Value::List(list) => return list.iter().map(|e| format!("{:?}", e.to_vec())).collect(),
        Value::ZSet(zset) => {
            let text = |(member, score): (crate::store::types::listpack::Entry<'_>, f64)| {
                format!("{:?} {score}", member.to_vec())
            };
            return zset.iter().map(text).collect();
        }
        Value::Stream(stream) => return stream_contents(stream),
        string => vec![format!(
            "{:?}",
            string.view().string(&mut itoa::Buffer::new())
        )],
    };
    texts.sort();
    texts
}

fn stream_contents(stream: &Stream) -> Vec<String> {
    let mut texts = vec![format!("{:?}", stream.counters())];
    for entry in stream.range(StreamId::MIN, StreamId::MAX) {
        let fields: Vec<_> = entry
            .fields()
            .map(|(f, v)| (f.to_vec(), v.to_vec()))
            .collect();
        texts.push(format!("{} {fields:?}", entry.id()));
    }
    for (name, group) in stream.groups() {
        texts.push(format!(
            "{name:?} {} {:?}",
            group.last_id(),
            group.entries_read()
        ));
        for pending in group.pending_range(StreamId::MIN, StreamId::MAX) {
            let (owner, time) = (group.owner_name(pending), pending.delivery_time());
            let count = pending.delivery_count;
            texts.push(format!("{} {owner:?} {time} {count}", pending.id));
        }
        texts.extend(group.released().map(|p| format!("released {}", p.id)));
        texts.extend(
            group
                .consumers()
                .map(|c| format!("{:?} {} {}", c.name(), c.seen_time, c.active_time)),
        );
    }
    if let Some(idmp) = stream.idmp() {
        let (added, duplicates) = (idmp.added(), idmp.duplicates());
        texts.push(format!("{:?} {added} {duplicates}", idmp.limits()));
        for (pid, messages) in idmp.producers() {
            texts.extend(messages.map(|m| format!("{pid:?} {:?} {}", m.iid, m.id)));
        }
    }
    texts
}
