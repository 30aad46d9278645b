//! What was read before, kept for as long as it is true.
//!
//! A graph notes for each part of itself when it was last changed ([`epochs`]), every write says what it touches
//! ([`touched`]), and who computes an answer to keep notes what it read ([`reads`]). An answer is good as long as nothing that was
//! read for it has changed since its load began.

pub mod cached_query;
mod change_feed;
mod coherence;
mod database;
mod entities;
mod epochs;
#[cfg(feature = "redis")]
mod far;
mod finish;
mod graph_cache;
mod kept;
#[cfg(feature = "redis")]
mod message;
mod options;
mod queries;
mod query_cache;
pub(crate) mod reads;
#[cfg(feature = "redis")]
mod redis;
mod registry;
#[cfg(feature = "redis")]
mod second_ear;
mod share;
mod slot;
mod stable_hash;
mod statistics;
mod sync;
#[cfg(feature = "redis")]
mod told;
mod touched;
mod transaction;
pub(crate) mod weight;
mod written;

pub(crate) use graph_cache::GraphCache;
pub use options::CacheOptions;
pub use query_cache::{CachedAnswer, QueryCache};
#[cfg(feature = "redis")]
pub(crate) use redis::refused;
pub use statistics::{CacheStatistics, EntityStatistics, QueryStatistics};
