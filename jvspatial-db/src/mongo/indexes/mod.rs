//! Indexes: what the server has, told in our words, and what is made and dropped there.

mod catalog;
mod create;
mod listing;
mod violations;

pub(super) use catalog::{Catalog, Known};
pub(super) use create::{create, drop_one, make_own, undirected};
pub(super) use listing::list;
