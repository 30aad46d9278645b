//! A stored document: the parsed envelope around a body that nobody has decoded yet.

use bson::Bson;
use bytes::Bytes;
use serde::Deserialize;

use crate::codec::{self, Encoding};
use crate::error::Result;
use crate::id::{Collection, Id};
use crate::indexes::Source;
use crate::projection::PathTree;
use crate::version::Version;

/// A document as a backend returns it.
///
/// The user's fields are in the [`Body`], still encoded; [`decode`](Document::decode) turns them into
/// a struct without a detour through a generic value.
#[derive(Clone, Debug)]
pub struct Document {
    /// The id.
    pub id: Id,
    /// The version, 0 when the stored document has none.
    pub version: Version,
    /// The schema version of the entity (`_v`), 1 when the stored document has none.
    pub schema: u32,
    /// The nodes that an edge joins; `None` for anything but an edge.
    pub ends: Option<Ends>,
    /// The user's fields.
    pub body: Body,
}

/// The two nodes that an edge joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The node the edge leaves.
    pub source: Id,
    /// The node the edge reaches.
    pub target: Id,
    /// Whether the edge can be followed from either end.
    pub bidirectional: bool,
}

/// The encoded fields of a document.
///
/// Cloning shares the bytes. A body read in bulk shares one allocation with its neighbours, which
/// lives until the last of them is dropped; [`Body::detach`] copies one out.
#[derive(Clone, Debug)]
pub struct Body {
    encoding: Encoding,
    bytes: Bytes,
}

impl Document {
    /// The collection the document is in.
    pub fn collection(&self) -> Collection {
        self.id.collection()
    }

    /// Decodes the user's fields.
    ///
    /// # Errors
    /// `Invalid` naming id, field, expected and found type when the fields do not fit `T`.
    pub fn decode<'de, T: Deserialize<'de>>(&'de self) -> Result<T> {
        self.body.decode().map_err(|error| error.with("id", &self.id))
    }

    /// The whole document as a value, envelope included: what a filter sees.
    ///
    /// # Errors
    /// `Corrupt` when the body is not what its encoding says.
    pub fn to_bson(&self) -> Result<bson::Document> {
        let mut document = bson::Document::new();
        document.insert("_id", self.id.to_string());
        if self.version != Version::NONE {
            document.insert("_version", Bson::Int64(self.version.get().cast_signed()));
        }
        if self.schema != 1 {
            document.insert("_v", Bson::Int64(i64::from(self.schema)));
        }
        document.insert("entity", self.id.entity());
        let fields = self.body.to_bson().map_err(|error| error.with("id", &self.id))?;
        document.insert("context", fields);
        if let Some(ends) = &self.ends {
            document.insert("source", ends.source.to_string());
            document.insert("target", ends.target.to_string());
            document.insert("bidirectional", ends.bidirectional);
        }
        Ok(document)
    }
}

impl Document {
    /// The part of [`to_bson`](Self::to_bson) that `paths` lead into, with arrays whole.
    ///
    /// # Errors
    /// `Corrupt` when the body is not what its encoding says.
    pub(crate) fn pick(&self, paths: &PathTree) -> Result<bson::Document> {
        Source::from(self).pick(paths).map_err(|error| error.with("id", &self.id))
    }
}

impl Body {
    /// A body of bytes already encoded.
    pub const fn new(encoding: Encoding, bytes: Bytes) -> Self {
        Self { encoding, bytes }
    }

    /// The body without fields.
    pub(crate) const fn empty(encoding: Encoding) -> Self {
        let bytes = match encoding {
            Encoding::Json => Bytes::from_static(b"{}"),
            Encoding::Bson => Bytes::from_static(&[5, 0, 0, 0, 0]),
        };
        Self { encoding, bytes }
    }

    /// How the fields are encoded.
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The encoded fields.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A copy that shares its bytes with nobody.
    #[must_use]
    pub fn detach(&self) -> Self {
        Self { encoding: self.encoding, bytes: Bytes::copy_from_slice(&self.bytes) }
    }

    /// Decodes the fields.
    ///
    /// # Errors
    /// `Invalid` naming field, expected and found type when the fields do not fit `T`.
    pub fn decode<'de, T: Deserialize<'de>>(&'de self) -> Result<T> {
        codec::decode(self.encoding, &self.bytes)
    }

    /// The fields as a generic value.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are not what the encoding says.
    pub fn to_bson(&self) -> Result<bson::Document> {
        codec::to_bson_document(self.encoding, &self.bytes)
    }
}
