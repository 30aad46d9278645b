//! Peers: the same tasks done by another engine, as well as its own interface allows.

pub(crate) mod moka;
pub(crate) mod redb;
pub(crate) mod sqlite;
