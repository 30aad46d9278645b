//! The cache of jvspatial: the contract that every tier fulfils, and the tiers.
//!
//! [`Cache`] keeps encoded values by key. [`MemoryCache`] is one in this process.
//! [`Layered`] puts it in front of another. `RedisCache`, of the feature `redis`, is one that processes share.
//! [`SingleFlight`] lets callers share a load, and [`ReadThrough`] is a cache together with its loads. Nothing
//! here knows of graphs or databases. `docs/cache.md` says what the tiers promise.
//!
//! ```
//! use std::sync::Arc;
//!
//! use jvspatial_cache::{Cache, Entry, MemoryCache, MemoryOptions, ReadThrough};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let memory = Arc::new(MemoryCache::new(MemoryOptions::default().capacity(16 << 20)));
//! let cities: ReadThrough<std::io::Error> = ReadThrough::new(memory);
//! let load = || async { Ok(Entry { version: 1, value: "Oslo".into() }) };
//! assert_eq!(cities.get_or_load(b"n:1", None, load).await?.value, "Oslo");
//!
//! // After a write of the city has committed:
//! cities.invalidate(b"n:1").await?;
//! assert_eq!(cities.cache().get(b"n:1").await?, None);
//! # Ok(())
//! # }
//! ```

mod cache;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod flight;
mod layered;
mod mark;
mod memory;
mod read_through;
#[cfg(feature = "redis")]
mod redis;
mod stamps;
mod statistics;
mod sync;

pub use cache::{Cache, Entry};
pub use error::{Error, ErrorKind, Result};
pub use flight::{How, LoadError, SingleFlight};
pub use layered::Layered;
pub use mark::{Mark, Point};
pub use memory::{MemoryCache, MemoryOptions};
pub use read_through::ReadThrough;
#[cfg(feature = "redis")]
pub use redis::{
    Answer, Answers, Lease, Place, RedisCache, RedisOptions, RedisUrl, Sought, WhenAway, bus,
};
pub use statistics::{MAX_PREFIXES, Statistics};
