//! What a deployment can say of a graph.

mod cache;
#[cfg(feature = "config")]
mod file;
#[cfg(feature = "config")]
mod load;
#[cfg(feature = "config")]
mod refusal;

use std::time::Duration;

use jvspatial_db::DatabaseConfig;
use jvspatial_db::config::{bytes, duration};
use serde::Deserialize;

pub use cache::{CacheConfig, StrategyName};

/// The settings of a deployment, from which [`Graph::open_with`](crate::Graph::open_with) opens a graph.
///
/// `GraphConfig::load` (feature `config`) reads them from `jvspatial.toml` and the environment; what an application
/// then sets itself goes before both. It can also be a part of an application's own configuration, by serde. Unknown
/// keys are refused. `Debug` shows no password.
///
/// ```
/// use jvspatial_core::{Graph, GraphConfig, Result};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result {
/// let mut config = GraphConfig::default();
/// config.database.url = Some("memory:".to_owned());
/// config.limits.batch_operations = Some(1_000);
/// let graph = Graph::open_with(config).await?;
/// # graph.close().await
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct GraphConfig {
    /// Where the database is and how it is reached.
    pub database: DatabaseConfig,
    /// How much is done at once.
    pub limits: LimitsConfig,
    /// How reads are cached.
    pub cache: CacheConfig,
}

/// How much is done at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LimitsConfig {
    /// As [`GraphBuilder::batch_operations`](crate::GraphBuilder::batch_operations).
    pub batch_operations: Option<usize>,
    /// As [`GraphBuilder::batch_bytes`](crate::GraphBuilder::batch_bytes).
    #[serde(deserialize_with = "bytes")]
    pub batch_bytes: Option<usize>,
    /// As [`GraphBuilder::modify_deadline`](crate::GraphBuilder::modify_deadline).
    #[serde(deserialize_with = "duration")]
    pub modify_deadline: Option<Duration>,
    /// As [`GraphBuilder::read_only`](crate::GraphBuilder::read_only).
    pub read_only: Option<bool>,
}

#[cfg(all(test, feature = "config"))]
mod tests;
