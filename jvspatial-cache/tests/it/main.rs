//! The tests of the cache.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panics")]

mod flights;
mod layers;
mod memory;
mod race;
#[cfg(all(feature = "redis", unix))]
mod redis;
