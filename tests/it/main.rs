//! The library as an application uses it.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs, unreachable_pub)]

mod accepted;
mod cached_query;
#[cfg(all(feature = "mongodb", feature = "redis"))]
mod coherence;
#[cfg(feature = "json")]
mod example;
mod indexes;
mod macros;
