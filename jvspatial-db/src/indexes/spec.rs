//! What an index is declared to be.

use std::fmt;

use bson::{Bson, Document};

use crate::error::{Error, ErrorKind, Result};
use crate::filter::{FieldPath, Filter};
use crate::projection::PathTree;
use crate::value;

/// The most keys of one index.
pub const MAX_INDEX_KEYS: usize = 32;

/// The most bytes of an index's name.
pub const MAX_INDEX_NAME_BYTES: usize = 1024;

/// The most indexes of one collection.
pub const MAX_INDEXES: usize = 64;

/// One field of an index and its direction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct IndexKey {
    /// The path in the stored document: `context.name` for a user's field.
    pub path: FieldPath,
    /// Whether the greatest value comes first.
    pub descending: bool,
}

impl IndexKey {
    /// The smallest value first.
    pub const fn ascending(path: FieldPath) -> Self {
        Self { path, descending: false }
    }

    /// The greatest value first.
    pub const fn descending(path: FieldPath) -> Self {
        Self { path, descending: true }
    }
}

/// What an index is declared to be: its fields, and which documents it holds.
///
/// A missing field is indexed as null, and an array by each of its elements; two fields that lie in
/// different arrays cannot be in one index. Default: neither unique nor sparse, every document.
///
/// Two are equal that choose the same documents and keys, whatever the numeric types in their filters.
#[derive(Clone)]
pub struct IndexSpec {
    keys: Vec<IndexKey>,
    unique: bool,
    sparse: bool,
    filter: Filter,
    /// What the filter looks at.
    filter_paths: PathTree,
}

impl IndexSpec {
    /// An index on `keys`, in their order.
    ///
    /// # Errors
    /// `Invalid` without keys, with a path given twice, or on `_id` alone, which always has one;
    /// `Unsupported` for a path with an array position; `Limit` beyond [`MAX_INDEX_KEYS`] keys or
    /// [`MAX_INDEX_NAME_BYTES`] of name.
    pub fn new(keys: impl IntoIterator<Item = IndexKey>) -> Result<Self> {
        let mut taken = Vec::new();
        for key in keys {
            if taken.len() == MAX_INDEX_KEYS {
                return Err(Error::limit("index has too many keys").with("limit", MAX_INDEX_KEYS));
            }
            taken.push(key);
        }
        let spec = Self {
            keys: taken,
            unique: false,
            sparse: false,
            filter: Filter::all(),
            filter_paths: PathTree::default(),
        };
        spec.check()?;
        Ok(spec)
    }

    /// Lets no two documents have the same key. Default: they may.
    #[must_use]
    pub const fn unique(mut self, unique: bool) -> Self {
        self.unique = unique;
        self
    }

    /// Leaves out documents that have none of the fields. Default: they stand there with nulls.
    ///
    /// # Errors
    /// `Invalid` together with a filter, which says the same better.
    pub fn sparse(mut self, sparse: bool) -> Result<Self> {
        self.sparse = sparse;
        self.check()?;
        Ok(self)
    }

    /// Leaves out documents that do not match `filter`.
    ///
    /// # Errors
    /// `Invalid` together with `sparse`.
    pub fn partial(mut self, filter: Filter) -> Result<Self> {
        self.filter_paths = filter.paths();
        self.filter = filter;
        self.check()?;
        Ok(self)
    }

    /// The fields in their order.
    pub fn keys(&self) -> &[IndexKey] {
        &self.keys
    }

    /// Whether no two documents may have the same key.
    pub const fn is_unique(&self) -> bool {
        self.unique
    }

    /// Whether documents are left out that have none of the fields.
    pub const fn is_sparse(&self) -> bool {
        self.sparse
    }

    /// What a document must match to be in the index; everything does by default.
    pub const fn filter(&self) -> &Filter {
        &self.filter
    }

    pub(super) const fn filter_paths(&self) -> &PathTree {
        &self.filter_paths
    }

    /// The name, made of paths and directions as MongoDB does: `context.state_1_context.latitude_-1`.
    pub fn name(&self) -> String {
        let mut name = String::new();
        for key in &self.keys {
            if !name.is_empty() {
                name.push('_');
            }
            name.push_str(key.path.as_str());
            name.push_str(if key.descending { "_-1" } else { "_1" });
        }
        name
    }

    /// Reads what [`to_document`](Self::to_document) writes, which is how MongoDB spells an index.
    ///
    /// # Errors
    /// `Invalid` naming the field that is missing, unknown or of the wrong type; `Unsupported` for the
    /// kinds of index that there are not (`text`, `hashed`, `2dsphere`, wildcards); those of
    /// [`new`](Self::new), and of [`Filter::parse`] for the filter.
    pub fn parse(document: &Document) -> Result<Self> {
        let mut keys = None;
        let mut name = None;
        let (mut unique, mut sparse, mut filter) = (false, false, Filter::all());
        for (field, value) in document {
            match (field.as_str(), value) {
                ("key", Bson::Document(parts)) => keys = Some(parse_keys(parts)?),
                ("name", Bson::String(text)) => name = Some(text),
                ("unique", Bson::Boolean(value)) => unique = *value,
                ("sparse", Bson::Boolean(value)) => sparse = *value,
                ("partialFilterExpression", Bson::Document(parts)) => {
                    filter = Filter::parse(parts)?;
                }
                _ => {
                    return Err(Error::invalid(
                        "index has an unknown field or one of another type",
                    )
                    .with("field", field));
                }
            }
        }
        let keys = keys.ok_or_else(|| Error::invalid("index has no keys").with("field", "key"))?;
        let spec = Self { unique, ..Self::new(keys)? }.sparse(sparse)?.partial(filter)?;
        let expected = spec.name();
        match name {
            Some(name) if *name != expected => {
                Err(Error::invalid("index has another name than its keys give it")
                    .with("expected", expected)
                    .with("found", name))
            }
            _ => Ok(spec),
        }
    }

    /// The declaration as a document: `key`, and what differs from the defaults.
    pub fn to_document(&self) -> Document {
        let mut keys = Document::new();
        for key in &self.keys {
            keys.insert(key.path.as_str(), if key.descending { -1 } else { 1 });
        }
        let mut document = Document::new();
        document.insert("key", keys);
        if self.unique {
            document.insert("unique", true);
        }
        if self.sparse {
            document.insert("sparse", true);
        }
        if !self.filter.is_all() {
            document.insert("partialFilterExpression", self.filter.to_document());
        }
        document
    }

    fn check(&self) -> Result<()> {
        let error = if self.keys.is_empty() {
            Error::invalid("index has no keys")
        } else if matches!(self.keys.as_slice(), [key] if key.path.as_str() == "_id") {
            Error::invalid("the ids have an index already").with("path", "_id")
        } else if self.sparse && !self.filter.is_all() {
            Error::invalid("an index cannot be sparse and have a filter")
        } else if self.name().len() > MAX_INDEX_NAME_BYTES {
            Error::limit("name of the index is too long")
                .with("bytes", self.name().len())
                .with("limit", MAX_INDEX_NAME_BYTES)
        } else {
            return self.keys.iter().enumerate().try_for_each(|(at, key)| {
                let path = &key.path;
                if self.keys.iter().take(at).any(|other| other.path == *path) {
                    return Err(Error::invalid("index has a path twice").with("path", path));
                }
                if (0..path.len()).any(|at| path.position(at).is_some()) {
                    return Err(unsupported("an index cannot hold positions of an array", path));
                }
                Ok(())
            });
        };
        Err(error)
    }
}

fn parse_keys(parts: &Document) -> Result<Vec<IndexKey>> {
    let mut keys = Vec::new();
    for (path, direction) in parts {
        if path.contains("$**") || matches!(direction, Bson::String(_)) {
            return Err(unsupported("this kind of index is not supported", path));
        }
        let descending = match value::exact_integer(direction) {
            Some(1) => false,
            Some(-1) => true,
            _ => {
                return Err(Error::invalid("direction of an index is neither 1 nor -1")
                    .with("path", path)
                    .with("found", direction));
            }
        };
        keys.push(IndexKey { path: FieldPath::parse(path)?, descending });
    }
    Ok(keys)
}

fn unsupported(message: &'static str, path: &dyn fmt::Display) -> Error {
    Error::new(ErrorKind::Unsupported, message).with("path", path)
}

impl PartialEq for IndexSpec {
    fn eq(&self, other: &Self) -> bool {
        let filter = |spec: &Self| Bson::Document(spec.filter.to_document());
        self.keys == other.keys
            && (self.unique, self.sparse) == (other.unique, other.sparse)
            && value::compare(&filter(self), &filter(other)).is_eq()
    }
}

impl fmt::Debug for IndexSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IndexSpec({})", self.to_document())
    }
}
