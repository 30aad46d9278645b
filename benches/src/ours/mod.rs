//! Ours: the same tasks as [`floor`](crate::floor) and the peers, through the public interface of jvspatial.
//!
//! The rounds come to the same answer as those of the other side.

pub(crate) mod busy;
pub(crate) mod cached;
pub(crate) mod graph;
pub(crate) mod hub;
pub(crate) mod indexed;
pub(crate) mod memory;
#[cfg(any(feature = "mongodb", feature = "peers"))]
pub(crate) mod mixed;
pub(crate) mod open;
pub(crate) mod read;
pub(crate) mod spread;
pub(crate) mod walk;
pub(crate) mod write;
