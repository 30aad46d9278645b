//! Fields of a document, read from its stored bytes by passing over everything but what is named.

use bson::Bson;

use super::extractor::Extractor;
use super::key_list::KeyList;
use super::spec::IndexSpec;
use crate::codec::{self, Encoding, Picked, Raw, Scalar, members};
use crate::document::{Document, Ends};
use crate::error::Result;
use crate::filter::FieldPath;
use crate::id::Id;
use crate::projection::PathTree;
use crate::version::Version;

/// A stored document whose body nobody has decoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub id: &'a Id,
    pub version: Version,
    pub schema: u32,
    pub ends: Option<&'a Ends>,
    pub encoding: Encoding,
    pub body: &'a [u8],
}

impl<'a> From<&'a Document> for Source<'a> {
    fn from(document: &'a Document) -> Self {
        Self {
            id: &document.id,
            version: document.version,
            schema: document.schema,
            ends: document.ends.as_ref(),
            encoding: document.body.encoding(),
            body: document.body.as_bytes(),
        }
    }
}

/// The keys of one document in one index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys {
    /// In order, each once.
    pub keys: Vec<Box<[u8]>>,
    /// A bit for each field of the index that led through an array.
    pub multikey: u32,
}

/// What a field led to.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Missing,
    Scalar(Scalar<'a>),
    Bson(Bson),
    /// An array, and how many segments of the path led to it.
    Array(Vec<Bson>, usize),
}

impl<'a> Source<'a> {
    /// The value of a field of the envelope.
    pub(super) fn envelope(&self, name: &str) -> Option<Bson> {
        let number = |number: u64| Bson::Int64(number.cast_signed());
        match name {
            "_id" => Some(Bson::String(self.id.to_string())),
            "_version" => (self.version != Version::NONE).then(|| number(self.version.get())),
            "_v" => (self.schema != 1).then(|| number(u64::from(self.schema))),
            "entity" => Some(Bson::String(self.id.entity().to_owned())),
            "source" => self.ends.map(|ends| Bson::String(ends.source.to_string())),
            "target" => self.ends.map(|ends| Bson::String(ends.target.to_string())),
            "bidirectional" => self.ends.map(|ends| Bson::Boolean(ends.bidirectional)),
            _ => None,
        }
    }

    /// The part of the document that `paths` lead into, with arrays whole.
    ///
    /// # Errors
    /// `Corrupt` when the body is not of its encoding.
    pub(crate) fn pick(&self, paths: &PathTree) -> Result<bson::Document> {
        let mut document = bson::Document::new();
        for name in paths.names() {
            if let Some(value) = self.envelope(name) {
                document.insert(name, value);
            }
        }
        if let Some(paths) = paths.get("context") {
            document.insert("context", codec::pick(self.encoding, self.body, paths)?);
        }
        Ok(document)
    }

    /// The keys of the document in an index; `None` when it is not to be in there.
    ///
    /// # Errors
    /// As [`Extractor::find`].
    pub(crate) fn keys(&self, spec: &IndexSpec) -> Result<Option<Keys>> {
        let (mut list, mut multikey) = (KeyList::default(), [0]);
        let is_in = Extractor::new([(0, spec)]).find(self, &mut list, &mut multikey)?;
        let keys = list.iter().map(|(_, key)| key.into()).collect();
        Ok(is_in.then_some(Keys { keys, multikey: multikey[0] }))
    }
}

/// What the rest of `path` leads to from `raw`, to which `used` segments led.
pub(super) fn follow<'a>(mut raw: Raw<'a>, path: &FieldPath, mut used: usize) -> Result<Value<'a>> {
    loop {
        let is_last = used == path.len();
        raw = match raw.pick()? {
            Picked::Document(raw) if is_last => return Ok(Value::Bson(raw.to_bson()?)),
            Picked::Document(raw) => {
                let mut inner = None;
                members(raw, &[path.segment(used)], |_, value| {
                    inner = Some(value);
                    false
                })?;
                used += 1;
                match inner {
                    Some(inner) => inner,
                    None => return Ok(Value::Missing),
                }
            }
            Picked::Value(Bson::Array(items)) => return Ok(Value::Array(items, used)),
            _ if !is_last => return Ok(Value::Missing),
            Picked::Scalar(scalar) => return Ok(Value::Scalar(scalar)),
            Picked::Value(value) => return Ok(Value::Bson(value)),
        };
    }
}

/// As [`follow`] in a value that is decoded.
pub(super) fn follow_bson(value: &Bson, path: &FieldPath, mut used: usize) -> Value<'static> {
    let mut value = value;
    while used < path.len() {
        match value {
            Bson::Document(document) => match document.get(path.segment(used)) {
                Some(inner) => value = inner,
                None => return Value::Missing,
            },
            Bson::Array(items) => return Value::Array(items.clone(), used),
            _ => return Value::Missing,
        }
        used += 1;
    }
    match value {
        Bson::Array(items) => Value::Array(items.clone(), used),
        other => Value::Bson(other.clone()),
    }
}
