//! The body of a document: how a serde value becomes stored bytes, and back.
//!
//! The value model is BSON's under both encodings. [`Encoding::Json`] writes relaxed Extended JSON
//! on one line, [`Encoding::Bson`] raw BSON. One serializer makes both, so that every rule on
//! names, numbers, depth and size holds alike, with the same error.

mod bson;
mod checksum;
mod compound;
mod decode;
mod encode;
pub(crate) mod envelope;
mod fault;
mod field;
mod format;
mod json;
mod key;
mod layout;
mod lazy;
mod merge;
mod names;
mod pick;
mod plain;
mod project;
mod raw;
mod scalar;
mod scan;
mod shape;
mod text;
mod tree;
mod wrapper;

#[cfg(test)]
mod tests;

pub use decode::{decode, to_bson_document};
pub use encode::{encode, transcode};
pub use field::{FoundFields, decode_field, missing_field};
pub(crate) use lazy::{Picked, Raw, members};
pub use merge::merge;
pub(crate) use pick::pick;
pub(crate) use project::project;
pub(crate) use scalar::Scalar;
pub use shape::same_shape;
pub use text::parse_json_document;

/// How the body of a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Relaxed Extended JSON in UTF-8, on one line.
    Json,
    /// Raw BSON.
    Bson,
}
