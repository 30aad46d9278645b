//! Documents, filters and database backends of jvspatial.

mod entity_name;
mod error;
mod id;
mod id_generator;
pub mod limits;

pub use entity_name::EntityName;
pub use error::{Effect, Error, ErrorKind, Result};
pub use id::{Collection, Handle, Id};
pub use id_generator::IdGenerator;
