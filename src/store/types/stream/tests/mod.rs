//! Streams against plain models, and against what Valkey 9.1.2 answered.

mod entries;
mod groups;
mod saved;

use super::*;

/// Fields of an entry as bytes of their own.
type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

const ID: fn(u64, u64) -> StreamId = StreamId::new;

fn lent(pairs: &Pairs) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
    pairs.iter().map(|(name, value)| (&**name, &**value))
}

fn owned(entry: Entry<'_>) -> (StreamId, Pairs) {
    (
        entry.id(),
        entry
            .fields()
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
    )
}

/// Adds `f v` under an id written out, in blocks of three.
fn add(stream: &mut Stream, id: &str) -> StreamId {
    let id = NewId::parse(id.as_bytes()).unwrap();
    let limits = NodeLimits {
        max_entries: 3,
        ..NodeLimits::default()
    };
    stream
        .add(id, 0, [(&b"f"[..], &b"v"[..])].into_iter(), limits)
        .unwrap()
}

/// A stream with the entries `1-0` to `n-0`.
fn counted(n: u64) -> Stream {
    let mut stream = Stream::new();
    for ms in 1..=n {
        add(&mut stream, &ms.to_string());
    }
    stream
}

fn ids(stream: &Stream) -> Vec<u64> {
    stream
        .range(StreamId::MIN, StreamId::MAX)
        .map(|entry| entry.id().ms)
        .collect()
}

/// Delivers up to `limit` new entries and says how many there were.
fn read(stream: &mut Stream, group: &str, consumer: &str, now_ms: i64, limit: usize) -> usize {
    let mut group = stream.group_mut(group.as_bytes()).unwrap();
    let (to, _) = group.touch_consumer(consumer.as_bytes(), now_ms);
    group.deliver_new(to, now_ms, limit, false, |_| {
        std::ops::ControlFlow::Continue(())
    })
}
