//! The tests of the cache.

#![allow(clippy::unwrap_used, reason = "tests fail by panics")]

mod flights;
mod layers;
mod memory;
mod race;
