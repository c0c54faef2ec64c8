//! The one hasher of the process, behind one alias, seeded by whoever starts the server.
//!
//! Every map that holds bytes a client sent is keyed by this hasher, so that collisions cannot be
//! made from outside, and so that a simulated run replays from its seed.

use std::hash::{BuildHasher, Hasher};

/// Seeded hasher state: cheap to copy; one per server.
pub type HashState = ahash::RandomState;
/// A map whose seed is given explicitly.
#[allow(clippy::disallowed_types)]
pub type Map<K, V> = std::collections::hash_map::HashMap<K, V, HashState>;
/// A set whose seed is given explicitly.
#[allow(clippy::disallowed_types)]
pub type Set<K> = std::collections::hash_set::HashSet<K, HashState>;

/// Hasher state determined by `seed`.
pub fn seeded(seed: u64) -> HashState {
    ahash::RandomState::with_seeds(
        seed,
        seed.rotate_left(17) ^ 0x9e37_79b9_7f4a_7c15,
        !seed,
        seed ^ 0x2545_f491_4f6c_dd1d,
    )
}

/// The 64-bit hash of a byte string.
#[inline]
pub fn hash_bytes(state: &HashState, bytes: &[u8]) -> u64 {
    // Without the length before the bytes that `Hash` would write: ahash mixes it in by itself.
    let mut hasher = state.build_hasher();
    hasher.write(bytes);
    hasher.finish()
}
