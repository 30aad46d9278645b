//! What was read before, kept for as long as it is true.

mod conformance;
mod entities;
mod fickle;
mod races;
mod read_only;
mod statistics;
mod warm;
mod write_behind;
mod write_behind_faults;
mod write_behind_kill;
mod write_through;

use jvspatial_core::CacheOptions;

/// Room for everything that a test reads.
fn roomy() -> CacheOptions {
    CacheOptions::new().entity_bytes(64 << 20)
}
