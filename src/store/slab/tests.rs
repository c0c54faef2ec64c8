use super::*;
use crate::random::Rng;

#[test]
fn a_small_slab_costs_little() {
    let mut slab = Slab::new();
    slab.alloc(100);
    assert!(slab.heap_bytes() < 2048, "{}", slab.heap_bytes());
}

#[test]
fn sizes_cover_every_length_with_little_waste() {
    for len in 0..=INLINE_MAX {
        for page_bytes in [0, 1 << 20] {
            let size = class::stride(class_of(len, page_bytes));
            assert!(
                size >= len && size <= len.max(4) + 7 + len / 7,
                "{len} -> {size}"
            );
        }
    }
}

#[test]
fn large_blocks_are_boxes_behind_the_same_handles() {
    let mut slab = Slab::new();
    let handles: Vec<_> = (0..100).map(|i| slab.alloc(1025 + i * 100)).collect();
    for (i, &h) in handles.iter().enumerate() {
        assert!(slab.capacity(h) >= 1025 + i * 100);
        slab.bytes_mut(h).fill(i as u8);
    }
    for (i, &h) in handles.iter().enumerate() {
        assert!(slab.bytes(h).iter().all(|&b| b == i as u8));
        slab.check_invariants();
        slab.free(h);
        assert_eq!(slab.capacity(h), 0);
    }
    assert!(slab.is_empty());
    let again = slab.alloc(5000);
    assert!(handles.contains(&again), "freed numbers are used again");
}

#[test]
fn random_blocks_keep_their_bytes() {
    let mut rng = Rng::new(7);
    let mut slab = Slab::new();
    let mut model: Vec<(Handle, Vec<u8>)> = Vec::new();
    for round in 0..40_000 {
        let grow = if round < 25_000 { 6 } else { 3 };
        if rng.below(10) < grow || model.is_empty() {
            let len = if rng.below(50) == 0 {
                rng.below(5000)
            } else {
                rng.below(200)
            };
            let bytes: Vec<u8> = (0..len).map(|_| rng.next_u64() as u8).collect();
            let handle = slab.alloc_with(&[&bytes[..len / 2], &bytes[len / 2..]]);
            model.push((handle, bytes));
        } else {
            let (handle, bytes) = model.swap_remove(rng.below(model.len()));
            assert_eq!(&slab.bytes(handle)[..bytes.len()], &bytes[..]);
            slab.free(handle);
        }
        if round % 1000 == 0 {
            slab.check_invariants();
        }
    }
    for (handle, bytes) in model {
        assert_eq!(&slab.bytes(handle)[..bytes.len()], &bytes[..]);
        slab.free(handle);
    }
    slab.check_invariants();
    assert_eq!((slab.len(), slab.page_bytes, slab.hole_bytes()), (0, 0, 0));
}

#[test]
fn freed_blocks_are_used_again() {
    let mut slab = Slab::new();
    let handles: Vec<_> = (0..10_000).map(|_| slab.alloc(40)).collect();
    let before = slab.heap_bytes();
    for &h in handles.iter().step_by(2) {
        slab.free(h);
    }
    for _ in 0..5_000 {
        slab.alloc(40);
    }
    assert_eq!(slab.heap_bytes(), before);
    assert!(
        slab.free_slots() < 2_500,
        "most were used before fresh ones"
    );
}

#[test]
fn compaction_gives_pages_back() {
    let mut rng = Rng::new(3);
    let mut slab = Slab::new();
    let mut live: Vec<(Handle, u32)> = (0..100_000u32)
        .map(|i| (slab.alloc_with(&[&i.to_le_bytes(), &[0; 40]]), i))
        .collect();
    while live.len() > 20_000 {
        let (handle, _) = live.swap_remove(rng.below(live.len()));
        slab.free(handle);
    }
    let before = slab.heap_bytes();
    assert!(slab.is_fragmented());
    for _ in 0..3 {
        for (handle, _) in &mut live {
            if slab.is_sparse(*handle) {
                *handle = slab.relocate(*handle);
            }
        }
        slab.check_invariants();
    }
    assert!(
        slab.heap_bytes() < before / 3,
        "{} of {before}",
        slab.heap_bytes()
    );
    for (handle, i) in live {
        assert_eq!(slab.bytes(handle)[..4], i.to_le_bytes());
    }
}

#[test]
fn a_steady_size_does_not_ask_for_pages() {
    let mut slab = Slab::new();
    slab.alloc(40);
    let before = slab.heap_bytes();
    let extra: Vec<_> = (0..5).map(|_| slab.alloc(40)).collect();
    for h in extra {
        slab.free(h);
    }
    assert!(slab.heap_bytes() <= before + 256);
    slab.check_invariants();
}

#[test]
fn draining_ends_empty() {
    let mut slab = Slab::new();
    for i in 0..50_000 {
        slab.alloc(i % 1500);
    }
    let mut steps = 0;
    while slab.drain(4) > 0 {
        steps += 1;
        assert!(steps < 10_000);
    }
    assert!(steps > 5 && slab.is_empty() && slab.heap_bytes() == 0);
}

#[test]
fn stale_and_foreign_handles_are_harmless() {
    let mut slab = Slab::new();
    assert_eq!(slab.bytes(Handle::NONE), b"");
    slab.free(Handle::NONE);
    slab.alloc(10);
    assert_eq!(slab.bytes(Handle::from_raw(0x0000_ffff)), b"");
    assert_eq!(slab.bytes_mut(Handle::from_raw(0x0007_0000)), b"");
    assert_eq!(slab.relocate(Handle::NONE), Handle::NONE);
}
