//! Options for opening a graph.

use std::sync::Arc;
use std::time::Duration;

use jvspatial_db::limits::MAX_BATCH_OPERATIONS;
use jvspatial_db::{Database, IdGenerator};

use super::batch::BatchLimits;
use super::modify::Turns;
use super::{Graph, Inner};
use crate::error::{Error, ErrorKind, Result};

/// How to open a [`Graph`]; made by [`Graph::builder`].
///
/// Setters never fail; [`open`](Self::open) checks everything at once.
#[derive(Debug)]
#[must_use = "call `open` to get the graph"]
pub struct GraphBuilder {
    url: Option<String>,
    database: Option<Arc<dyn Database>>,
    ids: IdGenerator,
    limits: BatchLimits,
    modify_deadline: Duration,
}

impl GraphBuilder {
    pub(super) fn new() -> Self {
        Self {
            url: None,
            database: None,
            ids: IdGenerator::new(),
            limits: BatchLimits::DEFAULT,
            modify_deadline: Duration::from_secs(10),
        }
    }

    /// Where the database is, as for [`Graph::open`]. Default: none; this or
    /// [`database`](Self::database) must be given.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// A database that is open already, with its own options or layers. Default: none.
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
        self.limits.operations = count;
        self
    }

    /// With how many bytes of encoded fields such a batch is full. The document that fills it is
    /// still in it. Default: 64 MiB.
    pub const fn batch_bytes(mut self, bytes: usize) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// How long [`Graph::modify`] and [`Graph::transaction`] try again after conflicts. Default: 10 s.
    pub const fn modify_deadline(mut self, deadline: Duration) -> Self {
        self.modify_deadline = deadline;
        self
    }

    /// Opens the graph.
    ///
    /// # Errors
    /// `Invalid` when neither or both of URL and database are given or a limit is out of its range,
    /// otherwise as [`Graph::open`].
    pub async fn open(mut self) -> Result<Graph> {
        let BatchLimits { operations, bytes } = self.limits;
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
        let database = match (self.url.take(), self.database.take()) {
            (Some(url), None) => jvspatial_db::open(&url).await?,
            (None, Some(database)) => database,
            _ => {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "a graph is opened by either a URL or a database",
                ));
            }
        };
        Ok(self.with_open_database(database))
    }

    pub(super) fn with_open_database(self, database: Arc<dyn Database>) -> Graph {
        Graph(Arc::new(Inner {
            database,
            ids: Arc::new(self.ids),
            limits: self.limits,
            modify_deadline: self.modify_deadline,
            turns: Turns::default(),
        }))
    }
}
