//! Random documents and questions, made so that questions meet documents.

pub(crate) mod document;
pub(crate) mod filter;
pub(crate) mod path;
pub(crate) mod update;
pub(crate) mod value;
