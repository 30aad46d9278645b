//! Random documents and questions, made so that questions meet documents.

pub(crate) mod change;
pub(crate) mod document;
pub(crate) mod filter;
pub(crate) mod index;
pub(crate) mod path;
pub(crate) mod update;
pub(crate) mod value;
pub(crate) mod world;
