use std::io::IoSlice;

use super::*;
use crate::resp::decode::{Value, decode};

fn written(protocol: Protocol, write: impl FnOnce(&mut Reply<'_>)) -> String {
    let mut out = Outbox::new();
    write(&mut Reply::new(&mut out, protocol));
    let bytes = out.to_vec();
    assert_eq!(bytes.len(), out.len());
    bytes.escape_ascii().to_string().replace("\\r\\n", " ")
}

fn both(resp2: &str, resp3: &str, write: impl Fn(&mut Reply<'_>)) {
    assert_eq!(written(Protocol::Resp2, &write), resp2);
    assert_eq!(written(Protocol::Resp3, &write), resp3);
}

fn same(text: &str, write: impl Fn(&mut Reply<'_>)) {
    both(text, text, write);
}

#[test]
fn every_kind_in_both_protocols() {
    same("+OK ", |reply| reply.ok());
    same("+PONG ", |reply| reply.simple("PONG"));
    same("-ERR no ", |reply| reply.error("ERR no"));
    same("-ERR a  b ", |reply| reply.error("ERR a\r\nb\r\n"));
    same("- ", |reply| reply.error("\r\n"));
    for value in [0, 9, 10, 99, 100, -1, i64::MIN, i64::MAX] {
        same(&format!(":{value} "), |reply| reply.int(value));
    }
    same("$3 abc $0  $12 abcdefghijkl ", |reply| {
        reply.bulk(b"abc");
        reply.bulk(b"");
        reply.bulk(b"abcdefghijkl");
    });
    same("$2 -7 ", |reply| reply.bulk_int(-7));
    both("$-1 *-1 ", "_ _ ", |reply| {
        reply.null();
        reply.null_array();
    });
    both("*3 *6 *3 *3 ", "*3 %3 ~3 >3 ", |reply| {
        reply.array(3);
        reply.map(3);
        reply.set(3);
        reply.push(3);
    });
    both("$3 1.5 $3 inf $3 nan ", ",1.5 ,inf ,nan ", |reply| {
        reply.double(1.5);
        reply.double(f64::INFINITY);
        reply.double(f64::NAN);
    });
    same("$4 -inf ", |reply| reply.double_bulk(f64::NEG_INFINITY));
    both(
        "$19 0.10000000000000001 ",
        ",0.10000000000000001 ",
        |reply| {
            reply.human_double(0.1);
        },
    );
    both(":1 :0 ", "#t #f ", |reply| {
        reply.boolean(true);
        reply.boolean(false);
    });
    both("$3 123 ", "(123 ", |reply| reply.big_number(b"123"));
    both("$2 ab ", "=6 txt:ab ", |reply| {
        reply.verbatim(b"txt", b"ab")
    });
    both("", "|1 ", |reply| {
        assert_eq!(reply.attribute(1), reply.protocol() == Protocol::Resp3)
    });
}

#[test]
fn lengths_that_are_known_late() {
    let write = |reply: &mut Reply<'_>| {
        reply.ok();
        let array = reply.begin_array();
        reply.int(1);
        let map = reply.begin_map();
        reply.bulk(b"k");
        let set = reply.begin_set();
        reply.end_set(set, 0);
        reply.end_map(map, 1);
        reply.end_array(array, 2);
        reply.ok();
    };
    both(
        "+OK *2 :1 *2 $1 k *0 +OK ",
        "+OK *2 :1 %1 $1 k ~0 +OK ",
        write,
    );
}

#[test]
fn late_lengths_around_large_values() {
    let large = Bytes::from(vec![b'L'; LARGE_BULK]);
    for padding in [0, 10_000, 100_000] {
        let mut out = Outbox::new();
        let mut reply = Reply::new(&mut out, Protocol::Resp2);
        reply.bulk_large(large.clone());
        let outer = reply.begin_array();
        reply.bulk_large(large.clone());
        let inner = reply.begin_array();
        reply.bulk(&vec![b'p'; padding]);
        reply.bulk_large(large.clone());
        reply.end_array(inner, 2);
        reply.int(5);
        reply.end_array(outer, 3);
        let bytes = out.to_vec();
        assert_eq!(bytes.len(), out.len());
        let (first, length) = decode(&bytes).unwrap().unwrap();
        let value = Value::Bulk(large[..].into());
        assert_eq!(first, value);
        let (second, rest) = decode(&bytes[length..]).unwrap().unwrap();
        assert_eq!(length + rest, bytes.len());
        let padding = Value::Bulk(vec![b'p'; padding].into());
        let inner = Value::Array(vec![padding, value.clone()]);
        assert_eq!(second, Value::Array(vec![value, inner, Value::Int(5)]));
        assert_eq!(sent_in_steps(&mut out, 1013), bytes);
    }
}

/// Sends everything in steps of at most `step` bytes, and answers what was sent.
fn sent_in_steps(out: &mut Outbox, step: usize) -> Vec<u8> {
    let mut sent = Vec::new();
    while !out.is_empty() {
        let mut slices = [IoSlice::new(&[]); 3];
        let count = out.io_slices(&mut slices);
        assert!(count > 0);
        let mut length = 0;
        for slice in &slices[..count] {
            let part = slice.len().min(step - length);
            sent.extend_from_slice(&slice[..part]);
            length += part;
        }
        out.advance(length);
    }
    sent
}

#[test]
fn large_values_leave_uncopied() {
    let large = Bytes::from(vec![b'L'; LARGE_BULK]);
    let mut out = Outbox::new();
    let mut reply = Reply::new(&mut out, Protocol::Resp2);
    reply.bulk_large(large.clone());
    reply.bulk_large(large.slice(..10));
    let mut slices = [IoSlice::new(&[]); 8];
    assert_eq!(out.io_slices(&mut slices), 3);
    assert!(std::ptr::eq(slices[1].as_ptr(), large.as_ptr()));
    assert!(out.as_slice().is_none());
    let mut expected = b"$16384\r\n".to_vec();
    expected.extend_from_slice(&large);
    expected.extend_from_slice(b"\r\n$10\r\nLLLLLLLLLL\r\n");
    assert_eq!(out.to_vec(), expected);
    for step in [1, 7, 8, 9, 16_384, 16_392, 1_000_000] {
        let mut out = Outbox::new();
        let mut reply = Reply::new(&mut out, Protocol::Resp2);
        reply.bulk_large(large.clone());
        reply.bulk_large(large.slice(..10));
        assert_eq!(sent_in_steps(&mut out, step), expected);
    }
}

#[test]
fn cut_back_to_a_checkpoint() {
    let large = Bytes::from(vec![b'L'; LARGE_BULK]);
    let mut out = Outbox::new();
    Reply::new(&mut out, Protocol::Resp2).bulk_large(large.clone());
    let (checkpoint, before) = (out.checkpoint(), out.to_vec());
    let mut reply = Reply::new(&mut out, Protocol::Resp2);
    let mark = reply.begin_array();
    reply.bulk(&vec![b'x'; 100_000]);
    reply.bulk_large(large);
    reply.end_array(mark, 2);
    let _unended = reply.begin_map();
    out.truncate(checkpoint);
    assert_eq!((out.len(), out.to_vec()), (before.len(), before));
}

#[test]
fn appended_outboxes_stay_in_order() {
    let mut random = fastrand::Rng::with_seed(5);
    let large = Bytes::from((0..20_000u32).map(|i| i as u8).collect::<Vec<_>>());
    for _ in 0..300 {
        let (mut out, mut expected) = (Outbox::new(), Vec::new());
        for _ in 0..random.usize(1..30) {
            let mut other = Outbox::new();
            for _ in 0..random.usize(..4) {
                let mut reply = Reply::new(&mut other, Protocol::Resp3);
                match random.u8(..3) {
                    0 => reply.bulk(&large[..random.usize(..20_000)]),
                    1 => reply.bulk_large(large.clone()),
                    _ => {
                        let mark = reply.begin_array();
                        reply.bulk(&large[..random.usize(..20_000)]);
                        reply.end_array(mark, 1);
                    }
                }
            }
            other.advance(random.usize(..10).min(other.len()));
            expected.extend_from_slice(&other.to_vec());
            out.append(&mut other);
            assert!(other.is_empty());
            let sent = random.usize(..60_000).min(out.len());
            out.advance(sent);
            expected.drain(..sent);
            assert_eq!(out.len(), expected.len());
            assert!(out.to_vec() == expected);
        }
    }
}

#[test]
fn buffers_are_given_back() {
    let mut out = Outbox::new();
    assert_eq!(out.heap_bytes(), 0);
    out.recycle(Vec::with_capacity(4096));
    Reply::new(&mut out, Protocol::Resp2).ok();
    assert_eq!(out.as_slice(), Some(&b"+OK\r\n"[..]));
    out.advance(5);
    assert!(out.is_empty() && out.heap_bytes() == 4096);
    assert_eq!(out.take_buffer().capacity(), 4096);
    assert_eq!(out.heap_bytes(), 0);
}
