//! The atomics of the epochs. Their model test puts others in the place of these.

pub(super) use std::sync::atomic::{AtomicU64, Ordering};
