//! The cache of jvspatial: the contract that every tier fulfils.
//!
//! [`Cache`] keeps encoded values by key. It knows nothing of graphs or databases.

mod cache;
mod error;

pub use cache::Cache;
pub use error::{Error, ErrorKind, Result};
