//! The lock of this crate. The model test of the flights puts another one in its place.

pub(crate) use parking_lot::Mutex;
