//! The keys of a document, read from its stored bytes by passing over everything but the fields named.

use std::borrow::Cow;

use bson::Bson;

use super::key;
use super::spec::IndexSpec;
use crate::codec::{self, Encoding, Picked, Raw, members};
use crate::document::{Document, Ends};
use crate::error::{Error, Result};
use crate::filter::FieldPath;
use crate::id::Id;
use crate::projection::PathTree;
use crate::value::Class;
use crate::version::Version;

/// The most bytes of one key.
pub const MAX_KEY_BYTES: usize = 4096;

/// The most keys of one document in one index, and the most bytes of them.
pub const MAX_KEYS_OF_DOCUMENT: usize = 100_000;
const MAX_BYTES_OF_DOCUMENT: usize = 64 * 1024 * 1024;

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
enum Value<'a> {
    Missing,
    Text(Cow<'a, str>),
    Integer(i64),
    Double(f64),
    Bson(Bson),
    /// An array, and how many segments of the path led to it.
    Array(Vec<Bson>, usize),
}

impl<'a> Source<'a> {
    /// The value of a field of the envelope.
    fn envelope(&self, name: &str) -> Option<Bson> {
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
    /// `Invalid` when two fields lie in different arrays, `Limit` when a key is too long or there are too
    /// many of them, `Corrupt` when the body is not of its encoding.
    pub(crate) fn keys(&self, spec: &IndexSpec) -> Result<Option<Keys>> {
        let filter = spec.filter();
        if !filter.is_all() && !filter.matches(&self.pick(spec.filter_paths())?) {
            return Ok(None);
        }
        let values = self.values(spec)?;
        let missing = |value: &Value<'_>| matches!(value, Value::Missing);
        if spec.is_sparse() && values.iter().all(missing) {
            return Ok(None);
        }
        let mut building = Building { spec, keys: Keys::default(), bytes: 0 };
        building.expand(&values)?;
        let mut keys = building.keys;
        keys.keys.sort_unstable();
        keys.keys.dedup();
        Ok(Some(keys))
    }

    fn values(&self, spec: &IndexSpec) -> Result<Vec<Value<'a>>> {
        let keys = spec.keys();
        let mut values = vec![Value::Missing; keys.len()];
        let mut names = [""; super::spec::MAX_INDEX_KEYS];
        let mut wanted = false;
        for ((key, value), name) in keys.iter().zip(&mut values).zip(&mut names) {
            let path = &key.path;
            if path.segment(0) != "context" {
                let found = self.envelope(path.segment(0)).filter(|_| path.len() == 1);
                *value = found.map_or(Value::Missing, Value::Bson);
            } else if path.len() > 1 {
                *name = path.segment(1);
                wanted = true;
            } else {
                let fields = codec::to_bson_document(self.encoding, self.body)?;
                *value = Value::Bson(Bson::Document(fields));
            }
        }
        if !wanted {
            return Ok(values);
        }
        let names = names.get(..keys.len()).unwrap_or_default();
        let mut failed = None;
        members(Raw::root(self.encoding, self.body)?, names, |at, raw| {
            if let (Some(key), Some(value)) = (keys.get(at), values.get_mut(at)) {
                match follow(raw, &key.path, 2) {
                    Ok(found) => *value = found,
                    Err(error) => failed = Some(error),
                }
            }
            failed.is_none()
        })?;
        failed.map_or(Ok(values), Err)
    }
}

/// What the rest of `path` leads to from `raw`, to which `used` segments led.
fn follow<'a>(mut raw: Raw<'a>, path: &FieldPath, mut used: usize) -> Result<Value<'a>> {
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
            Picked::Text(text) => return Ok(Value::Text(text)),
            Picked::Integer(integer) => return Ok(Value::Integer(integer)),
            Picked::Double(double) => return Ok(Value::Double(double)),
            Picked::Value(value) => return Ok(Value::Bson(value)),
        };
    }
}

/// As [`follow`] in a value that is decoded.
fn follow_bson(value: &Bson, path: &FieldPath, mut used: usize) -> Value<'static> {
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

struct Building<'s> {
    spec: &'s IndexSpec,
    keys: Keys,
    bytes: usize,
}

impl Building<'_> {
    /// Adds the keys for `values`: one, or one for each element when there is an array.
    fn expand(&mut self, values: &[Value<'_>]) -> Result<()> {
        let specs = self.spec.keys();
        let mut array: Option<(&[Bson], &FieldPath, usize)> = None;
        for (key, value) in specs.iter().zip(values) {
            let Value::Array(items, used) = value else { continue };
            match array {
                None => array = Some((items, &key.path, *used)),
                Some((_, path, length)) => {
                    let same = length == *used
                        && (0..length).all(|at| path.segment(at) == key.path.segment(at));
                    if !same {
                        return Err(Error::invalid(
                            "two fields of an index lie in different arrays",
                        )
                        .with("index", self.spec.name())
                        .with("path", path)
                        .with("other path", &key.path));
                    }
                }
            }
        }
        let Some((items, _, used)) = array else { return self.push(values) };
        for (at, value) in values.iter().enumerate() {
            self.keys.multikey |= u32::from(matches!(value, Value::Array(..))) << at;
        }
        let mut element: Vec<Value<'_>> = values.to_vec();
        let mut expand = |this: &mut Self, item: Option<&Bson>| {
            for ((key, value), slot) in specs.iter().zip(values).zip(&mut element) {
                if !matches!(value, Value::Array(..)) {
                    continue;
                }
                *slot = match item {
                    Some(item) if key.path.len() == used => Value::Bson(item.clone()),
                    Some(Bson::Document(_)) => {
                        item.map_or(Value::Missing, |item| follow_bson(item, &key.path, used))
                    }
                    None if key.path.len() == used => Value::Bson(Bson::Undefined),
                    _ => Value::Missing,
                };
            }
            this.expand(&element)
        };
        if items.is_empty() {
            return expand(self, None);
        }
        items.iter().try_for_each(|item| expand(self, Some(item)))
    }

    fn push(&mut self, values: &[Value<'_>]) -> Result<()> {
        let mut bytes = Vec::with_capacity(values.len() * 12);
        for (spec, value) in self.spec.keys().iter().zip(values) {
            let start = bytes.len();
            match value {
                Value::Missing => key::push_missing(&mut bytes),
                Value::Text(text) => key::push_text(&mut bytes, text),
                Value::Integer(integer) => key::push_integer(&mut bytes, *integer),
                Value::Double(double) => key::push_double(&mut bytes, *double),
                Value::Bson(value) => key::push_value(&mut bytes, value),
                // Expanded by now.
                Value::Array(..) => bytes.push(key::tag(Class::Array)),
            }
            if spec.descending {
                key::invert(&mut bytes, start);
            }
        }
        if bytes.len() > MAX_KEY_BYTES {
            return Err(Error::limit("key of an index is too long")
                .with("index", self.spec.name())
                .with("bytes", bytes.len())
                .with("limit", MAX_KEY_BYTES));
        }
        self.bytes += bytes.len();
        if self.keys.keys.len() >= MAX_KEYS_OF_DOCUMENT || self.bytes > MAX_BYTES_OF_DOCUMENT {
            return Err(Error::limit("document has too many keys in an index")
                .with("index", self.spec.name())
                .with("limit", MAX_KEYS_OF_DOCUMENT));
        }
        self.keys.keys.push(bytes.into_boxed_slice());
        Ok(())
    }
}
