//! Options for opening a graph.

use std::sync::Arc;
use std::time::Duration;

use jvspatial_db::limits::MAX_BATCH_OPERATIONS;
use jvspatial_db::{Database, DatabaseConfig, IdGenerator};

use super::batch::BatchLimits;
use super::modify::Turns;
use super::{Graph, Inner};
use crate::cache::{CacheOptions, GraphCache, ReadOnly};
use crate::config::GraphConfig;
use crate::error::{Error, ErrorKind, Result};

/// How to open a [`Graph`]; made by [`Graph::builder`].
///
/// Setters never fail; [`open`](Self::open) checks everything at once.
#[derive(Debug)]
#[must_use = "call `open` to get the graph"]
pub struct GraphBuilder {
    database: Option<Arc<dyn Database>>,
    ids: IdGenerator,
    config: GraphConfig,
    cache: Option<CacheOptions>,
    /// What was set here, which goes before the configuration.
    own: GraphConfig,
}

impl GraphBuilder {
    pub(super) fn new() -> Self {
        Self {
            database: None,
            ids: IdGenerator::new(),
            config: GraphConfig::default(),
            cache: None,
            own: GraphConfig::default(),
        }
    }

    /// The settings of a deployment. What the other setters say goes before them, whatever the order; a
    /// [`database`](Self::database) that is open already before all that they say of one. Default: none.
    pub fn config(mut self, config: GraphConfig) -> Self {
        self.config = config;
        self
    }

    /// Where the database is, as for [`Graph::open`]. Default: that of the
    /// [settings](Self::config); one of these or [`database`](Self::database) must be given.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.own.database.url = Some(url.into());
        self
    }

    /// A database that is open already, with its own options or layers. Default: none.
    ///
    /// What is written to it beside its graphs, they do not notice: answers that they have kept may then be
    /// older. [`Graph::database`] is the way to write below a graph.
    pub fn database(mut self, database: Arc<dyn Database>) -> Self {
        self.database = Some(database);
        self
    }

    /// What makes the keys of new ids; tests give one that repeats. Default: time, process, counter.
    pub fn id_generator(mut self, ids: IdGenerator) -> Self {
        self.ids = ids;
        self
    }

    /// How many documents `create_many`, `save_many` and `connect_many` write in one batch at most.
    /// Default: 100,000, which is also the most.
    pub const fn batch_operations(mut self, count: usize) -> Self {
        self.own.limits.batch_operations = Some(count);
        self
    }

    /// With how many bytes of encoded fields such a batch is full. The document that fills it is
    /// still in it. Default: 64 MiB.
    pub const fn batch_bytes(mut self, bytes: usize) -> Self {
        self.own.limits.batch_bytes = Some(bytes);
        self
    }

    /// How long [`Graph::modify`] and [`Graph::transaction`] try again after conflicts. Default: 10 s.
    pub const fn modify_deadline(mut self, deadline: Duration) -> Self {
        self.own.limits.modify_deadline = Some(deadline);
        self
    }

    /// What of the graph is kept, and for how long. Default: what the [settings](Self::config) say, otherwise answers of
    /// cached queries in 64 MiB of memory.
    pub fn cache(mut self, options: CacheOptions) -> Self {
        self.cache = Some(options);
        self
    }

    /// Whether the graph refuses everything that writes: batches, walks that write, changes of indexes, and writes in a
    /// transaction. Reads go through the cache and follow what others change. An embedded database that is not there is then not
    /// made. Default: what the [settings](Self::config) say, otherwise false.
    ///
    /// A refusal is an error of kind `Unsupported` that names this setting.
    pub const fn read_only(mut self, only: bool) -> Self {
        self.own.limits.read_only = Some(only);
        self
    }

    /// Opens the graph.
    ///
    /// # Errors
    /// `Invalid` when neither or both of URL and database are given or a limit is out of its range,
    /// otherwise as [`Graph::open`].
    pub async fn open(mut self) -> Result<Graph> {
        let BatchLimits { operations, bytes } = self.batch_limits();
        if operations == 0 || operations > MAX_BATCH_OPERATIONS {
            return Err(Error::new(ErrorKind::Invalid, "batch size is out of range")
                .with("operations", operations)
                .with("limit", MAX_BATCH_OPERATIONS));
        }
        if bytes == 0 {
            return Err(
                Error::new(ErrorKind::Invalid, "batch size is out of range").with("bytes", bytes)
            );
        }
        let cache = match self.cache.take() {
            Some(options) => options,
            None => self.config.cache.options()?,
        };
        let mut config = std::mem::take(&mut self.config.database);
        let database = match (self.own.database.url.take(), self.database.take()) {
            (None, Some(database)) => database,
            (Some(_), Some(_)) => return Err(either()),
            (url, None) => {
                config.url = url.or(config.url);
                if config == DatabaseConfig::default() {
                    return Err(either());
                }
                if self.is_read_only()
                    && config.url.as_ref().is_some_and(|url| url.starts_with("json:"))
                {
                    config.create = Some(false);
                }
                jvspatial_db::open_with(&config).await?
            }
        };
        cache.check(&*database)?;
        let graph = self.with_open_database(database, &cache);
        #[cfg(feature = "redis")]
        if let (Some(redis), Some(kept)) = (cache.redis, graph.kept()) {
            kept.share(redis.max_stale(cache.max_stale)).await?;
        }
        if let Some(cache) = graph.kept() {
            cache.begin();
        }
        Ok(graph)
    }

    fn batch_limits(&self) -> BatchLimits {
        let BatchLimits { operations, bytes } = BatchLimits::DEFAULT;
        let (own, configured) = (&self.own.limits, &self.config.limits);
        BatchLimits {
            operations: own.batch_operations.or(configured.batch_operations).unwrap_or(operations),
            bytes: own.batch_bytes.or(configured.batch_bytes).unwrap_or(bytes),
        }
    }

    fn is_read_only(&self) -> bool {
        self.own.limits.read_only.or(self.config.limits.read_only).unwrap_or_default()
    }

    fn chosen_modify_deadline(&self) -> Duration {
        let configured = self.config.limits.modify_deadline;
        self.own.limits.modify_deadline.or(configured).unwrap_or(Duration::from_secs(10))
    }

    pub(super) fn with_open_database(
        self,
        database: Arc<dyn Database>,
        cache: &CacheOptions,
    ) -> Graph {
        let (limits, modify_deadline) = (self.batch_limits(), self.chosen_modify_deadline());
        let is_read_only = self.is_read_only();
        let cache = GraphCache::new(database, cache);
        let database = match is_read_only {
            true => Arc::new(ReadOnly::new(cache.database())) as _,
            false => cache.database(),
        };
        Graph(Arc::new(Inner {
            database,
            cache: Some(Arc::new(cache)),
            ids: Arc::new(self.ids),
            limits,
            modify_deadline,
            turns: Turns::default(),
        }))
    }
}

fn either() -> Error {
    Error::new(ErrorKind::Invalid, "a graph is opened by either a URL or a database")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::LimitsConfig;

    fn config(url: &str) -> GraphConfig {
        let limits = LimitsConfig {
            batch_operations: Some(7),
            modify_deadline: Some(Duration::from_secs(3)),
            ..LimitsConfig::default()
        };
        GraphConfig { database: DatabaseConfig::new(url), limits, ..GraphConfig::default() }
    }

    #[tokio::test]
    async fn settings_open_a_graph_and_setters_go_before_them_in_either_order() {
        let graph = Graph::open_with(config("memory:")).await.unwrap();
        assert_eq!(graph.0.limits.operations, 7);
        assert_eq!(graph.change_deadline(), Duration::from_secs(3));
        for builder in [
            Graph::builder().config(config("sqlite:")).url("memory:").batch_operations(9),
            Graph::builder().batch_operations(9).url("memory:").config(config("sqlite:")),
        ] {
            let graph = builder.open().await.unwrap();
            assert_eq!(graph.0.limits.operations, 9);
            assert_eq!(graph.change_deadline(), Duration::from_secs(3));
        }
    }

    #[tokio::test]
    async fn limits_of_a_configuration_are_checked_and_its_database_gives_way_to_an_open_one() {
        let database = jvspatial_db::open("memory:").await.unwrap();
        let builder = Graph::builder().config(config("sqlite:")).database(database);
        assert_eq!(builder.open().await.unwrap().0.limits.operations, 7);
        let mut none = config("memory:");
        none.limits.batch_operations = Some(0);
        assert_eq!(Graph::open_with(none).await.unwrap_err().kind(), ErrorKind::Invalid);
        let error = Graph::open_with(GraphConfig::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}
