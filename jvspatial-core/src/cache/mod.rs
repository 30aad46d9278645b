//! What was read before, kept for as long as it is true.
//!
//! A graph notes for each part of itself when it was last changed ([`epochs`]), every write says what it touches
//! ([`touched`]), and who computes an answer to keep notes what it read ([`reads`]). An answer is good as long as nothing that was
//! read for it has changed since its load began.

pub mod cached_query;
mod change_feed;
mod codec;
mod coherence;
mod counter;
mod database;
mod entities;
mod epochs;
#[cfg(feature = "redis")]
mod far;
#[cfg(feature = "redis")]
mod far_answers;
mod finish;
mod graph_cache;
mod kept;
#[cfg(feature = "redis")]
mod message;
mod options;
mod queries;
mod query_cache;
mod read_only;
pub(crate) mod reads;
#[cfg(feature = "redis")]
mod redis;
mod registry;
mod rows;
#[cfg(feature = "redis")]
mod second_ear;
mod share;
mod slot;
mod stable_hash;
mod statistics;
mod strategy;
mod sync;
#[cfg(feature = "redis")]
mod told;
mod touched;
mod transaction;
mod warm;
pub(crate) mod weight;
mod write_behind;
mod write_through;
mod written;

pub(crate) use graph_cache::GraphCache;
pub use options::CacheOptions;
pub use query_cache::{CachedAnswer, QueryCache};
pub(crate) use read_only::ReadOnly;
#[cfg(feature = "redis")]
pub(crate) use redis::refused;
pub use statistics::{
    CacheStatistics, EntityStatistics, PrefixStatistics, QueryStatistics, WriteBehindStatistics,
};
pub use strategy::Strategy;
pub use warm::{Warm, WarmCalls, WarmIds, WarmReport};
pub use write_behind::{RefusedWrite, WriteBehind};
