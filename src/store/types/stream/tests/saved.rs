//! Saving and loading, and hostile bytes.

use super::*;
use crate::random::Rng;

/// A node of Valkey 9.1.2 (`stream-node-max-entries 100`): `1-1 name bob age 41`, the deleted
/// `1-2 name eve age 5`, `1-9 x y`, and `300-0 name zoe age -70000`. Its key is `1-1`.
const VALKEY_NODE: &[u8] = b"\x5c\x00\x00\x00\x1f\x00\
    \x03\x01\x01\x01\x02\x01\x84name\x05\x83age\x04\x00\x01\
    \x02\x01\x00\x01\x00\x01\x83bob\x04)\x01\x05\x01\
    \x03\x01\x00\x01\x01\x01\x83eve\x04\x05\x01\x05\x01\
    \x00\x01\x00\x01\x08\x01\x01\x01\x81x\x02\x81y\x02\x06\x01\
    \x02\x01\xc1+\x02\xdf\xff\x02\x83zoe\x04\xf2\x90\xee\xfe\x04\x05\x01\xff";

fn loaded(nodes: &[(StreamId, Vec<u8>)], like: &Stream) -> Result<Stream, LoadError> {
    let mut loader = StreamLoader::new();
    for (id, node) in nodes {
        loader.add_node(*id, node)?;
    }
    let Counters {
        length,
        last_id,
        max_deleted_id,
        entries_added,
        ..
    } = like.counters();
    loader.set_counters(length, last_id, max_deleted_id, Some(entries_added))?;
    Ok(loader.finish())
}

fn saved(stream: &Stream) -> Vec<(StreamId, Vec<u8>)> {
    let save = |node: Node<'_>| {
        let mut out = Vec::new();
        node.write_listpack(&mut out);
        (node.id(), out)
    };
    stream.nodes_from(StreamId::MIN).map(save).collect()
}

/// Texts at the edges of every encoding of a listpack.
fn edgy() -> Stream {
    let mut stream = Stream::new();
    let numbers = [
        0, 1, 127, 128, 4095, 4096, 32767, 32768, 8388607, 8388608, 2147483647,
    ];
    let mut values: Vec<Vec<u8>> = Vec::new();
    for number in numbers.into_iter().chain([2147483648, i64::MAX]) {
        values.extend([number.to_string().into(), (-number - 1).to_string().into()]);
    }
    values.extend([0, 1, 63, 64, 121, 125, 126, 4095, 4096, 16_377, 70_000].map(|n| vec![b'x'; n]));
    values.extend(
        [
            &b"-0"[..],
            b"01",
            b"+1",
            b" 1",
            b"9223372036854775808",
            b"-",
        ]
        .map(Vec::from),
    );
    for (n, value) in values.into_iter().enumerate() {
        let pairs: Pairs = match n % 3 {
            0 => vec![(b"field".into(), value)],
            1 => vec![(value.clone(), value)],
            _ => vec![(b"a".into(), value.clone()), (b"b".into(), value)],
        };
        let now = 1_700_000_000_000 + (n as u64 / 2) * 40;
        stream
            .add(NewId::Auto, now, lent(&pairs), NodeLimits::default())
            .unwrap();
    }
    stream
}

#[test]
fn round_trip() {
    let mut stream = edgy();
    let all: Vec<_> = stream
        .range(StreamId::MIN, StreamId::MAX)
        .map(owned)
        .collect();
    for (id, _) in all.iter().step_by(3) {
        stream.delete(*id);
    }
    let nodes = saved(&stream);
    let copy = loaded(&nodes, &stream).unwrap();
    copy.check_invariants();
    assert_eq!(copy.counters(), stream.counters());
    let entries = |stream: &Stream| -> Vec<_> {
        stream
            .range(StreamId::MIN, StreamId::MAX)
            .map(owned)
            .collect()
    };
    assert_eq!(entries(&copy), entries(&stream));
    assert_eq!(saved(&copy), nodes);
    // It goes on where it was left.
    let mut copy = copy;
    add(&mut copy, "1800000000000-5");
    copy.check_invariants();
}

/// The sizes that decide when a block is full are those of Redis's encoding.
#[test]
fn packed_lengths_are_those_of_listpacks() {
    for node in edgy().nodes_from(StreamId::MIN) {
        let mut out = Vec::new();
        node.write_listpack(&mut out);
        assert_eq!(node.block.packed_len(), out.len());
    }
}

#[test]
fn a_node_of_valkey() {
    let mut loader = StreamLoader::new();
    loader.add_node(ID(1, 1), VALKEY_NODE).unwrap();
    loader.set_counters(3, ID(300, 0), ID(1, 2), None).unwrap();
    let stream = loader.finish();
    stream.check_invariants();
    let texts: Vec<String> = stream
        .range(StreamId::MIN, StreamId::MAX)
        .map(|entry| {
            let fields: Vec<_> = entry
                .fields()
                .flat_map(|(name, value)| [name, value])
                .collect();
            format!(
                "{} {}",
                entry.id(),
                String::from_utf8(fields.join(&b' ')).unwrap()
            )
        })
        .collect();
    assert_eq!(
        texts,
        [
            "1-1 name bob age 41",
            "1-9 x y",
            "300-0 name zoe age -70000"
        ]
    );
    assert_eq!(stream.counters().entries_added, 3);
}

/// Damaged nodes are refused or load to something consistent.
#[test]
fn damaged_nodes() {
    let stream = edgy();
    let nodes = saved(&stream);
    let (mut refused, mut taken) = (0, 0);
    for seed in 0..4000 {
        let mut rng = Rng::new(seed);
        let mut nodes = [nodes[rng.below(nodes.len())].clone()];
        if seed % 2 == 0 {
            nodes[0] = (ID(1, 1), VALKEY_NODE.to_vec());
        }
        let node = &mut nodes[0].1;
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(node.len());
            match rng.below(6) {
                0 => node.truncate(at),
                1 => node.insert(at, rng.next_u64() as u8),
                2 => node[at] = [0, 1, 0x7f, 0x80, 0xf0, 0xf4, 0xff][rng.below(7)],
                3 => node[at] = node[at].wrapping_add(1),
                _ => node[at] ^= 1 << rng.below(8),
            }
            if node.is_empty() {
                break;
            }
        }
        let mut loader = StreamLoader::new();
        if loader.add_node(nodes[0].0, &nodes[0].1).is_err() {
            refused += 1;
            continue;
        }
        taken += 1;
        let counters = loader.counters();
        if loader
            .set_counters(counters.length, StreamId::MAX, StreamId::MIN, Some(0))
            .is_ok()
        {
            let mut stream = loader.finish();
            stream.check_invariants();
            let ids: Vec<_> = stream
                .range(StreamId::MIN, StreamId::MAX)
                .map(|e| owned(e).0)
                .collect();
            ids.into_iter().for_each(|id| assert!(stream.delete(id)));
        }
    }
    assert!(
        refused > 2000 && taken > 100,
        "{refused} refused, {taken} taken"
    );
}

#[test]
fn contradictions_are_refused() {
    let stream = counted(7);
    let nodes = saved(&stream);
    let reversed: Vec<_> = nodes.iter().rev().cloned().collect();
    assert_eq!(
        loaded(&reversed, &stream).unwrap_err(),
        LoadError::NodeOrder
    );
    assert_eq!(
        loaded(&nodes[..2], &stream).unwrap_err(),
        LoadError::Counters
    );
    assert_eq!(
        loaded(&nodes, &counted(6)).unwrap_err(),
        LoadError::Counters
    );
    let mut doubled = nodes.clone();
    doubled.push(doubled[2].clone());
    assert_eq!(loaded(&doubled, &stream).unwrap_err(), LoadError::NodeOrder);
    assert_eq!(
        loaded(&[(ID(1, 0), vec![])], &stream).unwrap_err(),
        LoadError::Node
    );
}

#[test]
fn groups_are_put_together() {
    let mut loader = StreamLoader::new();
    let mut group = loader.group(ID(9, 0), Some(4));
    for ms in [1, 5, 3, 4] {
        group.add_pending(ID(ms, 0), 100 + ms as i64, 2).unwrap();
    }
    assert_eq!(group.add_pending(ID(3, 0), 0, 0), Err(LoadError::Duplicate));
    let bob = group.add_consumer(b"bob", 7, NEVER_ACTIVE).unwrap();
    let eve = group.add_consumer(b"eve", 7, 8).unwrap();
    assert_eq!(group.add_consumer(b"eve", 7, 8), Err(LoadError::Duplicate));
    group.set_owner(ID(5, 0), bob).unwrap();
    group.set_owner(ID(1, 0), eve).unwrap();
    assert_eq!(group.set_owner(ID(5, 0), eve), Err(LoadError::Pending));
    assert_eq!(group.set_owner(ID(6, 0), eve), Err(LoadError::Pending));
    group.set_released(ID(4, 0));
    group.set_released(ID(3, 0));
    let group = group.finish().unwrap();
    assert!(group.released().map(|p| p.id.ms).eq([4, 3]));
    loader.add_group(b"g", group.clone()).unwrap();
    assert_eq!(loader.add_group(b"g", group), Err(LoadError::Duplicate));
    loader.set_idmp(IdmpLimits {
        duration_s: 9,
        max_size: 2,
    });
    loader.add_message(b"p", b"i", ID(50, 0), 40);
    loader.set_idmp_counters(20, 3);
    let stream = loader.finish();
    stream.check_invariants();
    let group = stream.group(b"g").unwrap();
    assert_eq!((group.last_id(), group.entries_read()), (ID(9, 0), Some(4)));
    let bob = group.find_consumer(b"bob").unwrap();
    let owned = group.consumer_pending_range(bob, StreamId::MIN, StreamId::MAX);
    assert!(owned.map(|p| (p.id.ms, p.delivery_time())).eq([(5, 105)]));
    let idmp = stream.idmp().unwrap();
    assert_eq!(
        (idmp.added(), idmp.duplicates(), idmp.record_count()),
        (20, 3, 1)
    );
    assert_eq!(idmp.find(b"p", b"i", 9039), Some(ID(50, 0)));
    assert_eq!(idmp.find(b"p", b"i", 9040), None);
    // A pending entry without an owner.
    let mut group = StreamLoader::new().group(ID(9, 0), None);
    group.add_pending(ID(1, 0), 0, 0).unwrap();
    assert_eq!(group.finish().unwrap_err(), LoadError::Pending);
    let mut group = StreamLoader::new().group(ID(9, 0), None);
    group.set_released(ID(1, 0));
    assert_eq!(group.finish().unwrap_err(), LoadError::Pending);
}

#[test]
fn giants_are_freed_in_slices() {
    let mut stream = counted(1000);
    stream.create_group(b"g", StreamId::MIN, None);
    read(&mut stream, "g", "c", 1, 1000);
    stream
        .idmp_or_new(IdmpLimits {
            duration_s: 1,
            max_size: 1,
        })
        .record(b"p", b"i", ID(1, 0), 1);
    assert_eq!(stream.free_effort(), 2 * 1000 + 1 + 1 + 1);
    let mut slices = 0;
    while stream.drain_slice(640) > 0 {
        slices += 1;
    }
    assert!(slices > 1000 / 3 / 10);
    assert_eq!(stream.free_effort(), 0);
    assert_eq!((stream.len(), stream.groups().len()), (0, 0));
}
