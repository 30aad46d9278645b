//! The embedded JSON database.

pub mod disk;
