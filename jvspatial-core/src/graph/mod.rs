//! The graph: the one handle through which an application reads and writes.

mod apply_indexes;
mod backfill;
mod batch;
mod builder;
mod cascade;
mod checkpoints;
mod connect;
mod connections;
mod create;
mod delete;
mod disconnect;
mod exchange;
mod index_plan;
mod indexes;
mod modify;
mod neighbors;
mod read;
mod save;
mod transaction;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jvspatial_db::{Database, ErrorKind, Id, IdGenerator};

use crate::cache::{CacheOptions, GraphCache};
use crate::config::GraphConfig;
use crate::entity::{Edge, Entity, Node, Object, Root, Stored};
use crate::error::Result;
use crate::query::Find;

pub use builder::GraphBuilder;
pub use cascade::{Cascade, CascadeReport};
pub use connections::{Connection, Connections};
pub use index_plan::{IndexConflict, IndexPlan};
pub use transaction::Transaction;
pub use watch::{Changed, Changes, Watch, Watched};

use batch::BatchLimits;
pub(crate) use connect::{check_ends, ends};
pub(crate) use delete::detaches;
use modify::Turns;
pub(crate) use read::detached;

/// A graph of nodes, edges and objects in a database.
///
/// Cloning is cheap and all clones are the same graph. Dropping the future of a read has no effect;
/// a write whose future is dropped after its first poll may still happen, whole.
///
/// ```
/// use jvspatial_core::{Graph, Result};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result {
/// let graph = Graph::open("memory:").await?;
/// let root = graph.root().await?;
/// assert_eq!(root.id().to_string(), "n.Root.root");
/// graph.close().await
/// # }
/// ```
#[derive(Clone)]
pub struct Graph(Arc<Inner>);

struct Inner {
    database: Arc<dyn Database>,
    /// Absent inside of a transaction, where nothing is kept.
    cache: Option<Arc<GraphCache>>,
    ids: Arc<IdGenerator>,
    limits: BatchLimits,
    modify_deadline: Duration,
    turns: Turns,
}

impl Graph {
    /// Opens the graph in the database at `url`: `json:<directory>` for the embedded JSON database,
    /// `memory:` for one that is gone with its last handle, `mongodb://<hosts>/<name>` for that of a server (feature
    /// `mongodb`); [`jvspatial_db::open`] lists the options.
    ///
    /// # Errors
    /// `Invalid` or `Unsupported` for a URL that names no database this build knows, `Locked` when
    /// another process has it open, and what else the backend reports, naming the path.
    pub async fn open(url: &str) -> Result<Self> {
        Self::builder().url(url).open().await
    }

    /// Opens the graph that a deployment has configured.
    ///
    /// # Errors
    /// `Invalid` without a URL of a database, for one that contradicts a setting, and for a limit out of its range;
    /// `Unsupported` for a setting that the database has no use for; those of [`open`](Self::open).
    pub async fn open_with(config: GraphConfig) -> Result<Self> {
        Self::builder().config(config).open().await
    }

    /// The graph in a database that is open already.
    pub fn with_database(database: Arc<dyn Database>) -> Self {
        Self::builder().with_open_database(database, &CacheOptions::new())
    }

    /// Options for opening a graph.
    pub fn builder() -> GraphBuilder {
        GraphBuilder::new()
    }

    /// The database underneath.
    pub fn database(&self) -> &Arc<dyn Database> {
        &self.0.database
    }

    /// Finishes what was accepted and lets go of the database; every clone of this graph is closed
    /// with it. Closing twice succeeds.
    ///
    /// # Errors
    /// `Unavailable`, `Unknown` or `Poisoned` when what was accepted could not be finished.
    ///
    /// # Cancellation
    /// The graph may be left open or closed; call it again.
    pub async fn close(&self) -> Result<()> {
        Ok(self.0.database.close().await?)
    }

    /// The root node, created if the graph has none yet. Tasks that race for it get the same node.
    ///
    /// # Errors
    /// `Duplicate` when a unique index on the nodes of all types refuses it, and what else the backend
    /// reports.
    ///
    /// # Cancellation
    /// The root may have been created.
    pub async fn root(&self) -> Result<Stored<Root>> {
        loop {
            if let Some(root) = self.get(&Id::root()).await? {
                return Ok(root);
            }
            match self.insert(Id::root(), Root {}).await {
                Err(error)
                    if error.kind() == ErrorKind::Duplicate
                        && error.context("index") == Some("_id") => {}
                created => return created,
            }
        }
    }

    /// A search among the nodes of type `T`.
    #[doc(alias = "find")]
    #[doc(alias = "count")]
    pub fn nodes<T: Node>(&self) -> Find<T> {
        self.find()
    }

    /// A search among the edges of type `T`.
    #[doc(alias = "find")]
    #[doc(alias = "count")]
    pub fn edges<T: Edge>(&self) -> Find<T> {
        self.find()
    }

    /// A search among the objects of type `T`.
    #[doc(alias = "find")]
    #[doc(alias = "count")]
    pub fn objects<T: Object>(&self) -> Find<T> {
        self.find()
    }

    /// A search among the documents of type `T`, for code that is generic over entities; otherwise
    /// [`nodes`](Self::nodes), [`edges`](Self::edges) and [`objects`](Self::objects) read better.
    pub fn find<T: Entity>(&self) -> Find<T> {
        Find::new(self.clone())
    }

    /// What was kept of the graph; `None` inside of a transaction.
    pub(crate) fn kept(&self) -> Option<&Arc<GraphCache>> {
        self.0.cache.as_ref()
    }

    /// The same graph, reached through another database: a transaction on this one's.
    pub(crate) fn on(&self, database: Arc<dyn Database>) -> Self {
        Self(Arc::new(Inner {
            database,
            cache: None,
            ids: Arc::clone(&self.0.ids),
            limits: self.0.limits,
            modify_deadline: self.0.modify_deadline,
            turns: Turns::default(),
        }))
    }

    /// An id for a new document of type `T`.
    pub(crate) fn new_id<T: Entity>(&self) -> Id {
        Id::generated(T::COLLECTION, T::entity_name(), self.0.ids.next_key())
    }

    /// The next keys of new documents, in increasing order.
    pub(crate) fn reserve_keys(
        &self,
        count: usize,
    ) -> impl Iterator<Item = [u8; 12]> + Clone + use<> {
        self.0.ids.reserve(count)
    }

    /// For how long a change is tried again that others get ahead of.
    pub(crate) fn change_deadline(&self) -> Duration {
        self.0.modify_deadline
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph")
            .field("database", &self.0.database.capabilities().name)
            .finish_non_exhaustive()
    }
}
