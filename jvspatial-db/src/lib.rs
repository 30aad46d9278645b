//! Documents, filters and database backends of jvspatial.

mod capabilities;
pub mod codec;
mod database;
mod document;
mod entity_name;
mod error;
mod expansion;
pub mod filter;
mod id;
mod id_generator;
#[cfg(feature = "json")]
pub mod json;
pub mod limits;
mod memory;
mod query;
mod value;
mod version;
mod write;

pub use capabilities::Capabilities;
pub use codec::Encoding;
pub use database::{Cursor, Database, OrdinalPin};
pub use document::{Body, Document, Ends};
pub use entity_name::EntityName;
pub use error::{Effect, Error, ErrorKind, Result};
pub use expansion::{Adjacent, Direction, EntitySet, Expansion};
pub use filter::{Comparison, FieldPath, Filter};
pub use id::{Collection, Handle, Id};
pub use id_generator::IdGenerator;
pub use memory::MemoryDb;
pub use query::Query;
pub use version::Version;
pub use write::{Action, BodyRange, Duplicate, Link, Operation, Outcome, WriteBatch, WriteReport};

/// Values of the data model: what a filter compares and a generic document holds.
pub use bson::{Bson, doc};
