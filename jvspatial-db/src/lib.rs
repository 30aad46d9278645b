//! Documents, filters and database backends of jvspatial.

mod error;
pub mod limits;

pub use error::{Effect, Error, ErrorKind, Result};
