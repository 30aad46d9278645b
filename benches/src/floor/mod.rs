//! Floors: the least work that each task takes, without a library in between.

pub(crate) mod indexed;
pub(crate) mod open;
pub(crate) mod read;
pub(crate) mod walk;
pub(crate) mod write;
