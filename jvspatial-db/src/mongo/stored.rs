//! Stored documents: the envelope is read, the user's fields stay raw.

use bson::raw::{RawBsonRef, RawDocument};
use bytes::Bytes;

use crate::codec::Encoding;
use crate::document::{Body, Document, Ends};
use crate::error::{Error, Result};
use crate::id::{Collection, Id};
use crate::version::Version;

/// Reads a document of `collection` that lies in `reply`, with which it shares the bytes of its fields.
///
/// Documents of the Python library are read as well: they lack `_version`, and an edge without `bidirectional`
/// can be followed from either end. Fields of the envelope that are not ours are passed over.
///
/// # Errors
/// `Corrupt` naming collection, id, field, expected and found type when it is no document of ours.
pub(super) fn read(collection: Collection, reply: &Bytes, raw: &RawDocument) -> Result<Document> {
    let mut envelope = Envelope::default();
    for member in raw {
        let (name, value) = member.map_err(|error| broken(collection).with_source(error))?;
        envelope.set(name.as_str(), value);
    }
    let text =
        Field("_id", envelope.id).text().map_err(|error| in_collection(error, collection))?;
    envelope
        .document(collection, text, reply)
        .map_err(|error| in_collection(error, collection).with("id", format_args!("{text:?}")))
}

fn broken(collection: Collection) -> Error {
    Error::corrupt("stored document is not BSON").with("collection", collection)
}

fn in_collection(error: Error, collection: Collection) -> Error {
    error.with("collection", collection)
}

/// The fields of a document, unread.
#[derive(Default)]
struct Envelope<'a> {
    id: Option<RawBsonRef<'a>>,
    version: Option<RawBsonRef<'a>>,
    schema: Option<RawBsonRef<'a>>,
    context: Option<RawBsonRef<'a>>,
    source: Option<RawBsonRef<'a>>,
    target: Option<RawBsonRef<'a>>,
    bidirectional: Option<RawBsonRef<'a>>,
}

impl<'a> Envelope<'a> {
    fn set(&mut self, name: &str, value: RawBsonRef<'a>) {
        let field = match name {
            "_id" => &mut self.id,
            "_version" => &mut self.version,
            "_v" => &mut self.schema,
            "context" => &mut self.context,
            "source" => &mut self.source,
            "target" => &mut self.target,
            "bidirectional" => &mut self.bidirectional,
            _ => return,
        };
        *field = Some(value);
    }

    fn document(&self, collection: Collection, id: &str, reply: &Bytes) -> Result<Document> {
        let id = id_of(id, collection)?;
        let version = Field("_version", self.version).number(u64::MAX)?.unwrap_or_default();
        let schema = Field("_v", self.schema).number(u64::from(u32::MAX))?;
        let schema = schema.and_then(|schema| u32::try_from(schema).ok()).unwrap_or(1);
        let body = match self.context {
            None => Body::empty(Encoding::Bson),
            Some(RawBsonRef::Document(fields)) => {
                Body::new(Encoding::Bson, reply.slice_ref(fields.as_bytes()))
            }
            other => return Err(Field("context", other).misfit("a document")),
        };
        let ends = if collection == Collection::Edge { Some(self.ends()?) } else { None };
        Ok(Document { id, version: Version::new(version), schema, ends, body })
    }

    fn ends(&self) -> Result<Ends> {
        let end = |field: Field<'a>| {
            let name = field.0;
            id_of(field.text()?, Collection::Node).map_err(|error| error.with("field", name))
        };
        let bidirectional = match self.bidirectional {
            None => true,
            Some(RawBsonRef::Boolean(value)) => value,
            other => return Err(Field("bidirectional", other).misfit("a boolean")),
        };
        Ok(Ends {
            source: end(Field("source", self.source))?,
            target: end(Field("target", self.target))?,
            bidirectional,
        })
    }
}

/// The id of a document that is, or should be, in `collection`.
fn id_of(text: &str, collection: Collection) -> Result<Id> {
    let id = Id::parse_stored(text)
        .map_err(|error| Error::corrupt("stored id breaks the rule of ids").with_source(error))?;
    if id.collection() != collection {
        return Err(Error::corrupt("stored id belongs to another collection")
            .with("expected", collection)
            .with("found", id.collection()));
    }
    Ok(id)
}

/// A field of the envelope and what stands there.
#[derive(Clone, Copy)]
struct Field<'a>(&'static str, Option<RawBsonRef<'a>>);

impl<'a> Field<'a> {
    fn text(self) -> Result<&'a str> {
        match self.1 {
            Some(RawBsonRef::String(text)) => Ok(text),
            _ => Err(self.misfit("a string")),
        }
    }

    /// A whole number up to `limit`, of whichever type, since other programs write other types.
    fn number(self, limit: u64) -> Result<Option<u64>> {
        let number = match self.1 {
            None | Some(RawBsonRef::Null) => return Ok(None),
            Some(RawBsonRef::Int32(number)) => u64::try_from(number).ok(),
            Some(RawBsonRef::Int64(number)) => u64::try_from(number).ok(),
            Some(RawBsonRef::Double(number)) => whole(number),
            _ => None,
        };
        match number {
            Some(number) if number <= limit => Ok(Some(number)),
            _ => Err(self.misfit("a whole number of zero or more")),
        }
    }

    fn misfit(self, expected: &str) -> Error {
        let error = Error::corrupt("stored document has an envelope that is not ours")
            .with("field", self.0)
            .with("expected", expected);
        match self.1 {
            Some(value) => error.with("found", format_args!("{:?}", value.element_type())),
            None => error.with("found", "nothing"),
        }
    }
}

/// The number, when it is one that a double holds without rounding.
fn whole(number: f64) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    ((0.0..=EXACT).contains(&number) && number.fract() == 0.0).then_some(number as u64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use bson::{Bson, doc};

    use super::*;
    use crate::error::ErrorKind;

    fn read_one(collection: Collection, document: &bson::Document) -> Result<Document> {
        let bytes = Bytes::from(document.to_vec().unwrap());
        let raw = RawDocument::from_bytes(&bytes).unwrap();
        read(collection, &bytes, raw)
    }

    #[test]
    fn a_document_is_read_as_it_was_stored() {
        let stored = doc! {
            "_id": "e.Road.01ca58e0fb2048c6ab141643", "_version": 3_i64, "_v": 2_i64, "entity": "Road",
            "context": { "km": 3.5 }, "source": "n.City.a", "target": "n.City.b", "bidirectional": false,
        };
        let document = read_one(Collection::Edge, &stored).unwrap();
        assert_eq!(document.to_bson().unwrap(), stored);
        assert_eq!((document.version, document.schema), (Version::new(3), 2));
    }

    #[test]
    fn a_document_of_the_python_library_is_read() {
        let stored = doc! { "_id": "n.City.a", "id": "n.City.a", "entity": "City", "context": {}, "edges": [] };
        let document = read_one(Collection::Node, &stored).unwrap();
        assert_eq!((document.version, document.schema), (Version::NONE, 1));
        let stored = doc! { "_id": "e.Road.a", "entity": "Road", "context": {}, "source": "n.City.a", "target": "n.City.b" };
        assert!(read_one(Collection::Edge, &stored).unwrap().ends.unwrap().bidirectional);
    }

    #[test]
    fn numbers_of_the_envelope_may_have_any_type() {
        for version in [Bson::Int32(7), Bson::Int64(7), Bson::Double(7.0)] {
            let stored = doc! { "_id": "n.City.a", "_version": version, "context": {} };
            assert_eq!(read_one(Collection::Node, &stored).unwrap().version, Version::new(7));
        }
    }

    #[test]
    fn the_bytes_of_the_fields_are_shared_with_the_reply() {
        let stored = doc! { "_id": "n.City.a", "context": { "name": "Oslo" } };
        let bytes = Bytes::from(stored.to_vec().unwrap());
        let raw = RawDocument::from_bytes(&bytes).unwrap();
        let document = read(Collection::Node, &bytes, raw).unwrap();
        assert!(bytes.as_ptr_range().contains(&document.body.as_bytes().as_ptr()));
    }

    #[test]
    fn a_document_that_is_not_ours_is_named_with_what_is_wrong() {
        let edge =
            doc! { "_id": "e.Road.a", "context": {}, "source": "n.City.a", "target": "n.City.b" };
        let with = |collection, name: &str, value: Option<Bson>| {
            let mut stored = edge.clone();
            match value {
                Some(value) => stored.insert(name, value),
                None => stored.remove(name),
            };
            let error = read_one(collection, &stored).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert_eq!(error.context("collection"), Some(collection.name()));
            (error.context("field").map(str::to_owned), error.context("found").map(str::to_owned))
        };
        let told = |field: &str, found: &str| (Some(field.to_owned()), Some(found.to_owned()));
        let of = Collection::Edge;
        assert_eq!(with(of, "_id", Some(7.into())), told("_id", "Int32"));
        assert_eq!(with(of, "_version", Some(Bson::Int64(-1))), told("_version", "Int64"));
        assert_eq!(with(of, "_version", Some(1.5.into())), told("_version", "Double"));
        assert_eq!(with(of, "_v", Some(Bson::Int64(1 << 32))), told("_v", "Int64"));
        assert_eq!(with(of, "context", Some("x".into())), told("context", "String"));
        assert_eq!(with(of, "source", None), told("source", "nothing"));
        assert_eq!(with(of, "bidirectional", Some(1.into())), told("bidirectional", "Int32"));
        let elsewhere = with(of, "target", Some("o.City.b".into()));
        assert_eq!(elsewhere, told("target", "object"));
        assert_eq!(with(Collection::Node, "_v", Some(1.into())).1, Some("edge".to_owned()));
        assert_eq!(with(of, "_id", Some("e.Road.a/b".into())), (None, None));
    }
}
