//! Damaged payloads are refused, or load to something consistent, never larger than they could be.

use super::*;

/// How much larger than its payload a value may be: a copy of LZF makes 88 bytes of one, and the
/// smallest member of a table takes some 40.
const GROWTH_MAX: usize = 88 * 48;

fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..1 + rng.below(3) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.below(bytes.len());
        match rng.below(8) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.next_u64() as u8),
            2 => {
                let edges = [
                    0, 1, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xc3, 0xf0, 0xf4, 0xfe, 0xff,
                ];
                bytes[at] = edges[rng.below(edges.len())];
            }
            3 => bytes[at] = bytes[at].wrapping_add(1),
            4 => {
                let to = (at + rng.below(20)).min(bytes.len());
                bytes.drain(at..to);
            }
            5 => bytes[0] = rng.below(30) as u8,
            _ => bytes[at] ^= 1 << rng.below(8),
        }
    }
}

#[test]
fn damaged_values() {
    let hasher = hasher();
    let mut payloads = Vec::new();
    let mut values = collections(3, &hasher);
    values.extend(collections(20, &hasher));
    values.extend(collections(140, &hasher));
    values.extend([3, 60].map(|n| Value::Stream(Box::new(newer_stream(n)))));
    values.push(Value::Str(b"abcabc".repeat(20).into()));
    for value in &values {
        payloads.extend(OPTIONS.map(|options| whole(value.view(), options)));
    }
    let (mut refused, mut taken) = (0, 0);
    for seed in 0..12_000 {
        let mut rng = Rng::new(seed);
        let mut bytes = payloads[rng.below(payloads.len())].clone();
        damage(&mut bytes, &mut rng);
        let family = [Family::Redis, Family::Valkey][rng.below(2)];
        let cx = LoadContext {
            drops_expired: rng.below(2) == 0,
            ..context(&hasher)
        };
        let mut input = input::Input::new(&bytes);
        let read = input.byte().and_then(|kind| {
            let mut reader = ValueReader::new(kind, family)?;
            reader.read(&mut input, &cx).map(|()| reader.finish())
        });
        let Ok(Some(value)) = read else {
            refused += 1;
            continue;
        };
        taken += 1;
        check(&value, &hasher);
        let bytes_max = 4096 + bytes.len() * GROWTH_MAX;
        assert!(
            value.heap_bytes(0) <= bytes_max,
            "seed {seed}: larger than it could be"
        );
        // What was taken in can be written, and read again.
        let again = whole(value.view(), OPTIONS[0]);
        let again = decoded(&again, Family::Valkey, &context(&hasher)).expect("readable");
        let again = again.expect("not empty");
        assert!(contents(&again) == contents(&value), "seed {seed}");
    }
    assert!(
        refused > 5000 && taken > 1000,
        "{refused} refused, {taken} taken"
    );
}

#[test]
fn damaged_files() {
    let hasher = hasher();
    let mut writer = RdbWriter::new(OPTIONS[0], true, false);
    writer.origin(NOW_MS, 1 << 20, false);
    writer.library(b"#!lua name=l\nredis.register_function('f', function() end)");
    writer.database(0, 10, 5);
    for (n, value) in collections(4, &hasher).iter().enumerate() {
        let meta = KeyMeta {
            expire_at: (n % 2 == 0).then_some(NOW_MS + 5),
            usage: Some(Usage::IdleSeconds(n as u64 * 1000)),
        };
        writer.whole_key(format!("key {n}").as_bytes(), meta, value.view());
    }
    writer.finish();
    let mut file = Vec::new();
    writer.take_into(&mut file);
    let mut ends = [0; 3];
    for seed in 0..4000 {
        let mut rng = Rng::new(seed);
        let mut bytes = file.clone();
        damage(&mut bytes, &mut rng);
        let mut reader = RdbReader::new(ReaderOptions::default());
        let mut rest = &bytes[..];
        let end = loop {
            match reader.next(&context(&hasher)) {
                Ok(Some(Item::End)) => break 0,
                Ok(Some(Item::Key(loaded))) => check(&loaded.value, &hasher),
                Ok(Some(_)) => {}
                Ok(None) if rest.is_empty() => break 1,
                Ok(None) => {
                    let (now, later) = rest.split_at(rest.len().min(1 + rng.below(300)));
                    reader.feed(now);
                    rest = later;
                }
                Err(error) => {
                    assert!(error.offset <= bytes.len() as u64);
                    break 2;
                }
            }
        };
        ends[end] += 1;
    }
    assert!(ends.iter().all(|count| *count > 100), "{ends:?}");
}
