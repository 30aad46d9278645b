//! Documents, filters and database backends of jvspatial.

pub mod codec;
mod entity_name;
mod error;
pub mod filter;
mod id;
mod id_generator;
pub mod limits;
mod value;

pub use codec::Encoding;
pub use entity_name::EntityName;
pub use error::{Effect, Error, ErrorKind, Result};
pub use filter::{Comparison, FieldPath, Filter};
pub use id::{Collection, Handle, Id};
pub use id_generator::IdGenerator;

/// Values of the data model: what a filter compares and a generic document holds.
pub use bson::{Bson, doc};
