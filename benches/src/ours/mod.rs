//! Ours: the same tasks as [`floor`](crate::floor), through the public interface of jvspatial.
//!
//! Each constant is a [`Prepare`](crate::bench::Prepare) over the data of [`data`](crate::data),
//! whose rounds come to the same answer as the floor's; `None` leaves the row out.

mod graph;
pub(crate) mod read;
pub(crate) mod walk;
pub(crate) mod write;
