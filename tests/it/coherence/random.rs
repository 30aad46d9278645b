//! What a run does by chance.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// The seed of this run.
pub(super) fn seed() -> u64 {
    super::child::variable("JVSPATIAL_TEST_COHERENCE_SEED")
        .unwrap_or_else(|| RandomState::new().build_hasher().finish())
}

/// SplitMix64: small, and the same everywhere for the same seed.
#[derive(Clone, Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
