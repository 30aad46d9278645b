//! The moment before a load, by which a cache knows what was forgotten since.

use std::time::Instant;

/// What a cache had been told to forget when the mark was taken.
///
/// Take it by [`Cache::mark`](crate::Cache::mark) **before** a value is read from its source, or before a
/// write of it is sent there, and hand it in with the value. A cache then refuses a value that may be older
/// than what it was told to forget meanwhile. A mark is good for the cache that gave it, and for no other.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    own: Point,
    below: Point,
    taken: Instant,
}

/// A place in the order of what one tier was told to forget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// Counts how often everything was forgotten.
    pub era: u64,
    /// Counts what was forgotten one by one.
    pub seq: u64,
}

impl Mark {
    /// A mark taken now at `point` of a cache without tiers. For implementors of [`Cache`](crate::Cache).
    pub fn now(point: Point) -> Self {
        Self { own: point, below: Point::default(), taken: Instant::now() }
    }

    /// The point of the cache that gave this mark; of a cache in layers that of the near tier.
    pub const fn point(&self) -> Point {
        self.own
    }

    /// When this mark was taken, by the monotonic clock.
    pub const fn taken(&self) -> Instant {
        self.taken
    }

    /// The mark of two tiers, of which `self` is the near one.
    pub(crate) const fn above(self, far: Self) -> Self {
        Self { own: self.own, below: far.own, taken: self.taken }
    }

    /// The mark of the far tier.
    pub(crate) const fn far(self) -> Self {
        Self { own: self.below, below: self.below, taken: self.taken }
    }
}
