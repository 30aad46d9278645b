//! The cache of jvspatial: the contract that every tier fulfils, and the tiers.
//!
//! [`Cache`] keeps encoded values by key. [`MemoryCache`] is one in this process.
//! [`Layered`] puts it in front of another.
//! `RedisCache`, of the feature `redis`, is one that processes share.
//! [`SingleFlight`] lets callers share a load. Nothing here knows of graphs or databases.

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
pub use redis::{Lease, RedisCache, RedisOptions, RedisUrl, WhenAway, bus};
pub use statistics::{MAX_PREFIXES, Statistics};
