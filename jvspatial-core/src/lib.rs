//! Graph, entities and walkers of jvspatial.
//!
//! - A [`Graph`] creates, reads, changes and connects what an application declares as [`Node`], [`Edge`] and
//!   [`Object`]. It gives back [`Stored`] values: the struct with its id and version.
//! - A [`Walker`] visits nodes; [`Graph::walk`] runs it, and what it sees on the way is a [`Walk`].
//! - An [`Expansion`] says which edges to follow, a [`Predicate`] which documents to keep.
//!
//! Applications use the facade `jvspatial`, which adds the derives and `#[walker]`.

#[doc(hidden)]
pub mod __private;
mod cache;
mod config;
mod entity;
mod error;
mod graph;
mod picture;
mod query;
mod subgraph;
mod walker;

pub use cache::{
    CacheOptions, CacheStatistics, CachedAnswer, EntityStatistics, PrefixStatistics, QueryCache,
    QueryStatistics, RefusedWrite, Strategy, Warm, WarmCalls, WarmIds, WarmReport, WriteBehind,
    WriteBehindStatistics,
};
pub use config::{CacheConfig, GraphConfig, LimitsConfig, StrategyName};
pub use entity::{
    AnyEdge, AnyNode, Connects, DeclaredIndex, DeclaredKey, Edge, Entity, EntityTypes, Node,
    Object, Root, Standalone, Stored, TypeIndex, Visitable,
};
pub use error::{Effect, Error, ErrorKind, Place, Result};
pub use graph::{
    Cascade, CascadeReport, Changed, Changes, Connection, Connections, Graph, GraphBuilder,
    IndexConflict, IndexPlan, Transaction, Watch, Watched,
};
/// How to reach Redis, for [`CacheOptions::redis`].
#[cfg(feature = "redis")]
pub use jvspatial_cache::{RedisOptions, WhenAway};
/// What a deployment says of its database, a part of [`GraphConfig`].
pub use jvspatial_db::DatabaseConfig;
/// What a watch tells.
pub use jvspatial_db::{ChangeKind, LostHistory, ResumeToken};
/// How a search was answered, and what an index is and has been good for.
pub use jvspatial_db::{Explanation, FieldInterval, IndexInfo, IndexSpec, Stage};
/// What [`Subgraph::to_petgraph`] makes, and the algorithms for it, in the version that it speaks.
#[cfg(feature = "petgraph")]
pub use petgraph;
pub use picture::{NodeLink, Picture};
pub use query::{
    Change, Dated, DeleteReport, DistinctAs, EdgeSelect, Embedded, Expansion, Field, Find,
    FindStream, FindUpdate, Hop, Index, List, NodeSelect, Numeric, Operand, Order, Page, Predicate,
    Projected, ProjectedFields, Projection, SomeFields, Text, Updated, View, Whole, both, incoming,
    out,
};
pub use subgraph::{Subgraph, SubgraphBuilder, SubgraphEdge};
pub use walker::{
    Applied, Checkpoint, Control, DryRun, Emitted, Ended, Enqueued, Events, Fork, Here, HookError,
    Limit, Listener, Meets, NestedWalk, Observer, OnConflict, OnError, OnFull, Outcome,
    ParallelWalker, PlannedChange, Progress, ProgressBar, Queue, Reports, SequentialWalker, Stats,
    Step, StepOutcome, Stepper, Trail, Uniqueness, VisitedBy, VisitedByAny, VisitedByMut, Walk,
    WalkBuilder, Walker, WriteMode,
};
