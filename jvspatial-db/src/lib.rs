//! Documents, filters and database backends of jvspatial.
//!
//! Five types carry the rest:
//!
//! - A [`Database`] is what a backend provides: [`JsonDb`] in a directory, [`MemoryDb`] in
//!   memory. [`open`] finds the one that a URL names.
//! - A [`Document`] is what it stores: an [`Id`], a [`Version`], and fields that stay encoded until somebody
//!   decodes them into a type of their own.
//! - A [`WriteBatch`] goes in and a [`WriteReport`] comes back, with one [`Outcome`] for each document.
//! - A [`Filter`] is MongoDB's query language, parsed once, with the same answers from every backend.
//! - An [`Update`] is its update language, likewise, with the same results.
//!
//! This crate knows no entity types; `jvspatial-core` builds graphs on it.
//!
//! ```
//! use jvspatial_db::{Collection, EntityName, Filter, Id, Query, WriteBatch, doc, open};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> jvspatial_db::Result<()> {
//! let database = open("memory:").await?;
//! let mut batch = WriteBatch::new(database.capabilities().encoding);
//! let oslo = Id::with_key(Collection::Node, EntityName::new("City")?, "oslo")?;
//! batch.insert(oslo.clone(), &doc! { "name": "Oslo", "population": 717_710 })?;
//! assert!(database.write(batch).await?.is_complete());
//!
//! let large = Filter::parse(&doc! { "context.population": { "$gte": 500_000 } })?;
//! let mut found = database.find(Query::new(Collection::Node, large)).await?;
//! assert_eq!(found.try_next().await?.map(|document| document.id), Some(oslo));
//! # Ok(())
//! # }
//! ```

mod backfill;
mod capabilities;
pub mod codec;
pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
mod database;
mod distinct;
mod document;
mod durability;
mod entity_name;
mod error;
pub mod exchange;
mod expansion;
pub mod filter;
mod id;
mod id_generator;
pub mod indexes;
#[cfg(feature = "json")]
pub mod json;
pub mod limits;
mod memory;
#[cfg(feature = "mongodb")]
pub mod mongo;
mod open;
mod ordinal_set;
mod page;
mod projection;
mod query;
mod sealed;
mod sort;
#[cfg(feature = "json")]
mod stored_ids;
mod transaction;
pub mod update;
mod value;
mod version;
mod watch;
mod write;

pub use backfill::{BackfillOptions, BackfillReport, backfill};
pub use capabilities::{Capabilities, Isolation};
pub use codec::Encoding;
pub use config::DatabaseConfig;
pub use database::{Cursor, Database, OrdinalPin};
pub use document::{Body, Document, Ends};
pub use durability::Durability;
pub use entity_name::EntityName;
pub use error::{Effect, Error, ErrorKind, Result};
pub use expansion::{Adjacent, Direction, EntitySet, Expansion, Place};
pub use filter::{Comparison, FieldPath, Filter};
pub use id::{Collection, Handle, Id};
pub use id_generator::IdGenerator;
pub use indexes::{Explanation, FieldInterval, IndexInfo, IndexKey, IndexSpec, Stage};
#[cfg(feature = "json")]
pub use json::{
    BackupReport, CompactionReport, JsonDb, JsonDbOptions, Listed, RecoveryReport, SalvageReport,
    StoreStats, UnvouchedRange, VerifyReport,
};
pub use memory::MemoryDb;
#[cfg(feature = "mongodb")]
pub use mongo::{CommandObserver, MongoDb, MongoDbOptions, PoolStats, SentCommand};
pub use open::{open, open_with};
pub use ordinal_set::OrdinalSet;
pub use page::{DocumentPage, PageDirection, PageToken, find_page, read_page};
pub use projection::Projection;
pub use query::Query;
pub use sort::{Direction as SortDirection, Position, Sort, SortKey};
pub use transaction::Transaction;
pub use update::{Returning, Update, UpdateReport, UpdateRequest, Upsert};
pub use version::Version;
pub use watch::{
    ChangeEvent, ChangeKind, ChangeStream, DocumentChange, LostHistory, Progress, ResumeToken,
    WatchOptions,
};
pub use write::{
    Action, BodyRange, Duplicate, Envelope, Link, Operation, Outcome, WriteBatch, WriteReport,
};

/// Values of the data model: what a filter compares and a generic document holds.
pub use bson::{Bson, doc};
