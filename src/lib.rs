//! Graphs of serde structs in an embedded JSON database or MongoDB, explored by walkers.
//!
//! An application declares what it keeps, opens a [`Graph`] and walks it:
//!
//! - [`derive@Node`], [`derive@Edge`] and [`derive@Object`] make serde structs storable, with one
//!   typed handle for each field to filter and sort by; [`derive@Embedded`] does the same for the structs
//!   in their fields, and [`derive@Projection`] makes structs that read only some fields.
//! - A [`Graph`] creates, reads, changes and connects them. What it gives back is a [`Stored`]: the
//!   value with its id and version.
//! - Indexes are declared on types, `#[node(index(state, -latitude))]`; [`Graph::apply_indexes`] makes them, and
//!   [`Find::explain`] tells how a search used them.
//! - [`macro@walker`] makes a struct a [`Walker`], whose hooks run as a walk moves from node to
//!   node.
//!
//! ```
//! use jvspatial::prelude::*;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, Serialize, Deserialize, Node)]
//! struct Airport {
//!     iata: String,
//!     latitude: f64,
//! }
//!
//! #[derive(Debug, Serialize, Deserialize, Edge)]
//! struct Flight {
//!     count: u32,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> jvspatial::Result<()> {
//! let graph = Graph::open("memory:").await?;
//! let atl = graph.create(Airport { iata: "ATL".into(), latitude: 33.64 }).await?;
//! let brw = graph.create(Airport { iata: "BRW".into(), latitude: 71.29 }).await?;
//! graph.connect(&atl, &brw, Flight { count: 12 }).await?;
//!
//! let north = graph.nodes::<Airport>().filter(|a| a.latitude.gte(65.0)).all().await?;
//! assert_eq!(north[0].iata, "BRW");
//! # Ok(())
//! # }
//! ```

/// What [`Subgraph::to_petgraph`] makes, and the algorithms for it.
#[cfg(feature = "petgraph")]
pub use jvspatial_core::petgraph;
pub use jvspatial_core::{
    AnyEdge, AnyNode, Applied, CacheConfig, CacheOptions, CacheStatistics, CachedAnswer, Cascade,
    CascadeReport, Change, ChangeKind, Changed, Changes, Checkpoint, Connection, Connections,
    Connects, Control, DatabaseConfig, Dated, DeclaredIndex, DeclaredKey, DeleteReport, DistinctAs,
    DryRun, Edge, EdgeSelect, Effect, Embedded, Emitted, Ended, Enqueued, Entity, EntityStatistics,
    EntityTypes, Error, ErrorKind, Events, Expansion, Explanation, Field, FieldInterval, Find,
    FindStream, FindUpdate, Fork, Graph, GraphBuilder, GraphConfig, Here, Hop, Index,
    IndexConflict, IndexInfo, IndexPlan, IndexSpec, Limit, LimitsConfig, List, Listener,
    LostHistory, Meets, NestedWalk, Node, NodeLink, NodeSelect, Numeric, Object, Observer,
    OnConflict, OnError, OnFull, Operand, Order, Outcome, Page, ParallelWalker, Picture, Place,
    PlannedChange, Predicate, PrefixStatistics, Progress, ProgressBar, Projected, ProjectedFields,
    Projection, QueryCache, QueryStatistics, Queue, RefusedWrite, Reports, Result, ResumeToken,
    Root, SequentialWalker, SomeFields, Stage, Standalone, Stats, Step, StepOutcome, Stepper,
    Stored, Strategy, StrategyName, Subgraph, SubgraphBuilder, SubgraphEdge, Text, Trail,
    Transaction, TypeIndex, Uniqueness, Updated, View, Visitable, VisitedBy, VisitedByAny,
    VisitedByMut, Walk, WalkBuilder, Walker, Warm, WarmCalls, WarmIds, WarmReport, Watch, Watched,
    Whole, WriteBehind, WriteBehindStatistics, WriteMode, both, incoming, out,
};
/// How to reach Redis, for [`CacheOptions::redis`].
#[cfg(feature = "redis")]
pub use jvspatial_core::{RedisOptions, WhenAway};
/// Ids, documents and database backends, for applications that reach below the graph.
pub use jvspatial_db as db;
pub use jvspatial_db::{Bson, Id, PageToken, Version};
pub use jvspatial_macros::{
    Edge, Embedded, Node, Object, Projection, cached_query, left_by, on_exit, on_leave, on_visit,
    visited, visited_by, walker,
};

/// What most files of an application name: `use jvspatial::prelude::*;`.
///
/// It may grow; a name that an application declares or imports itself wins over it.
pub mod prelude {
    pub use crate::{
        AnyEdge, AnyNode, Connects, Control, Edge, Embedded, Ended, Entity, Graph, Here, Id, Node,
        Object, Projection, Result, Root, Stored, Walk, Walker, both, cached_query, incoming,
        left_by, on_exit, on_leave, on_visit, out, visited, visited_by, walker,
    };
    pub use serde::{Deserialize, Serialize};
}

/// What generated code names. Not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use jvspatial_core::__private::*;
    pub use jvspatial_core::{
        CachedAnswer, Connects, DeclaredIndex, DeclaredKey, Edge, Embedded, Entity, Error, Field,
        Node, Object, Predicate, ProjectedFields, Projection, QueryCache, Standalone, Stored,
        Visitable,
    };
    pub use jvspatial_db::Bson;
}

/// Keeps the example of the README running.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Keeps the examples on indexes running.
#[cfg(doctest)]
#[doc = include_str!("../docs/indexes.md")]
struct Indexes;

/// Keeps the example on walkers running.
#[cfg(doctest)]
#[doc = include_str!("../docs/walkers.md")]
struct Walkers;

/// Keeps the example on watching running.
#[cfg(doctest)]
#[doc = include_str!("../docs/watching.md")]
struct Watching;

/// Keeps the examples on parts of the graph and pictures running.
#[cfg(doctest)]
#[doc = include_str!("../docs/pictures.md")]
struct Pictures;

/// Keeps the example on the cache running.
#[cfg(doctest)]
#[doc = include_str!("../docs/cache.md")]
struct Caches;
