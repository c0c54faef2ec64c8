//! Randomness as a value: a seeded generator, so that a run can be replayed from its seed.

/// A fast, seeded generator (wyrand). Not for secrets.
#[derive(Clone, Debug)]
pub struct Rng(fastrand::Rng);

impl Rng {
    /// A generator whose sequence is determined by `seed`.
    pub fn new(seed: u64) -> Rng {
        Rng(fastrand::Rng::with_seed(seed))
    }

    /// A uniformly distributed number.
    pub fn next_u64(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// A uniformly distributed number below `bound`, without bias; 0 when `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { self.0.usize(..bound) }
    }

    /// A uniformly distributed number in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        self.0.f64()
    }
}
