//! The keys of documents in several indexes, for which the bytes of each are passed once.

use bson::Bson;

use super::extract::{Source, Value, follow, follow_bson};
use super::key;
use super::key_list::KeyList;
use super::spec::{IndexKey, IndexSpec};
use crate::codec::{self, Raw, members};
use crate::error::{Error, Result};
use crate::filter::FieldPath;
use crate::value::Class;

/// The most bytes of one key.
pub const MAX_KEY_BYTES: usize = 4096;

/// The most keys of one document in one index, and the most bytes of them.
pub const MAX_KEYS_OF_DOCUMENT: usize = 100_000;
const MAX_BYTES_OF_DOCUMENT: usize = 64 * 1024 * 1024;

/// So many fields need no room of their own.
const FEW: usize = 8;

/// Finds the keys that documents have in some indexes.
#[derive(Debug)]
pub(crate) struct Extractor<'s> {
    /// The indexes with their places.
    specs: Vec<(u16, &'s IndexSpec)>,
    /// Every field that lies among the user's fields: the first name of its path there, and its number
    /// among the fields of all indexes.
    names: Vec<&'s str>,
    fields: Vec<usize>,
    /// How many fields all indexes have.
    count: usize,
}

impl<'s> Extractor<'s> {
    pub(crate) fn new(specs: impl IntoIterator<Item = (u16, &'s IndexSpec)>) -> Self {
        let mut extractor =
            Self { specs: Vec::new(), names: Vec::new(), fields: Vec::new(), count: 0 };
        for (place, spec) in specs {
            for key in spec.keys() {
                if key.path.segment(0) == "context" && key.path.len() > 1 {
                    extractor.names.push(key.path.segment(1));
                    extractor.fields.push(extractor.count);
                }
                extractor.count += 1;
            }
            extractor.specs.push((place, spec));
        }
        extractor
    }

    /// Whether these are its indexes.
    #[cfg(feature = "json")]
    pub(crate) fn is_of(&self, mut places: impl Iterator<Item = u16>) -> bool {
        self.specs.iter().all(|(place, _)| places.next() == Some(*place)) && places.next().is_none()
    }

    /// Appends the keys of a document to `keys`, those of each index in order, and notes in `multikey`, which
    /// has a number for each place, which fields led through an array. Returns whether the document is in
    /// any of the indexes.
    ///
    /// # Errors
    /// `Invalid` when two fields lie in different arrays, `Limit` when a key is too long or there are too
    /// many of them, `Corrupt` when the body is not of its encoding.
    pub(crate) fn find(
        &self,
        source: &Source<'_>,
        keys: &mut KeyList,
        multikey: &mut [u32],
    ) -> Result<bool> {
        let mut few = [None; FEW];
        let mut many = Vec::new();
        let found = match few.get_mut(..self.count) {
            Some(few) => few,
            None => {
                many.resize(self.count, None);
                &mut many
            }
        };
        self.read(source, found)?;
        let mut rest = &*found;
        let mut is_in_any = false;
        for (place, spec) in &self.specs {
            let (own, after) = rest.split_at_checked(spec.keys().len()).unwrap_or_default();
            rest = after;
            let filter = spec.filter();
            if !filter.is_all() && !filter.matches(&source.pick(spec.filter_paths())?) {
                continue;
            }
            let first = keys.len();
            let mut building = Building { spec, place: *place, first, keys, multikey: 0, bytes: 0 };
            if spec.is_sparse() || !building.push_scalars(own)? {
                let values = values(source, spec, own)?;
                let is_missing = |value: &Value<'_>| matches!(value, Value::Missing);
                if spec.is_sparse() && values.iter().all(is_missing) {
                    continue;
                }
                building.expand(&values)?;
            }
            is_in_any = true;
            if let Some(bits) = multikey.get_mut(usize::from(*place)) {
                *bits |= building.multikey;
            }
            keys.settle(first);
        }
        Ok(is_in_any)
    }

    /// Finds the user's fields that the paths begin with; what follows the last of them is not read.
    fn read<'a>(&self, source: &Source<'a>, found: &mut [Option<Raw<'a>>]) -> Result<()> {
        let mut missing = self.fields.len();
        if missing == 0 {
            return Ok(());
        }
        members(Raw::root(source.encoding, source.body)?, &self.names, |at, raw| {
            let field = self.fields.get(at).and_then(|field| found.get_mut(*field));
            if let Some(field) = field
                && field.replace(raw).is_none()
            {
                missing -= 1;
            }
            missing > 0
        })
    }
}

/// What the fields of an index lead to, given the user's fields that their paths begin with.
fn values<'a>(
    source: &Source<'a>,
    spec: &IndexSpec,
    found: &[Option<Raw<'a>>],
) -> Result<Vec<Value<'a>>> {
    let value = |(key, raw): (&IndexKey, &Option<Raw<'a>>)| {
        let path = &key.path;
        Ok(match raw {
            Some(raw) => follow(*raw, path, 2)?,
            None if path.len() > 1 => Value::Missing,
            None if path.segment(0) == "context" => {
                let fields = codec::to_bson_document(source.encoding, source.body)?;
                Value::Bson(Bson::Document(fields))
            }
            None => source.envelope(path.segment(0)).map_or(Value::Missing, Value::Bson),
        })
    };
    spec.keys().iter().zip(found).map(value).collect()
}

/// The keys of one document in one index in the making.
struct Building<'b> {
    spec: &'b IndexSpec,
    place: u16,
    /// How many keys the list held before.
    first: usize,
    keys: &'b mut KeyList,
    /// A bit for each field of the index that led through an array.
    multikey: u32,
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
            self.multikey |= u32::from(matches!(value, Value::Array(..))) << at;
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

    /// Adds the key for the user's fields that were found if all of them are texts, numbers or missing, as
    /// they mostly are; returns whether it did.
    fn push_scalars(&mut self, found: &[Option<Raw<'_>>]) -> Result<bool> {
        let first = self.keys.begin();
        for (spec, raw) in self.spec.keys().iter().zip(found) {
            let bytes = self.keys.bytes();
            let start = bytes.len();
            let scalar = raw.filter(|_| spec.path.len() == 2).and_then(Raw::scalar);
            match scalar {
                Some(scalar) => key::push_scalar(bytes, &scalar),
                None if raw.is_none() && spec.path.len() > 1 => key::push_missing(bytes),
                None => {
                    bytes.truncate(first);
                    return Ok(false);
                }
            }
            if spec.descending {
                key::invert(bytes, start);
            }
        }
        self.end(first).map(|()| true)
    }

    fn push(&mut self, values: &[Value<'_>]) -> Result<()> {
        let first = self.keys.begin();
        for (spec, value) in self.spec.keys().iter().zip(values) {
            let bytes = self.keys.bytes();
            let start = bytes.len();
            match value {
                Value::Missing => key::push_missing(bytes),
                Value::Scalar(scalar) => key::push_scalar(bytes, scalar),
                Value::Bson(value) => key::push_value(bytes, value),
                // Expanded by now.
                Value::Array(..) => bytes.push(key::tag(Class::Array)),
            }
            if spec.descending {
                key::invert(bytes, start);
            }
        }
        self.end(first)
    }

    /// Ends the key that began at `first`.
    fn end(&mut self, first: usize) -> Result<()> {
        let length = self.keys.begin() - first;
        if length > MAX_KEY_BYTES {
            return Err(Error::limit("key of an index is too long")
                .with("index", self.spec.name())
                .with("bytes", length)
                .with("limit", MAX_KEY_BYTES));
        }
        self.bytes += length;
        let count = self.keys.len() - self.first;
        if count >= MAX_KEYS_OF_DOCUMENT || self.bytes > MAX_BYTES_OF_DOCUMENT {
            return Err(Error::limit("document has too many keys in an index")
                .with("index", self.spec.name())
                .with("limit", MAX_KEYS_OF_DOCUMENT));
        }
        self.keys.end(self.place, first);
        Ok(())
    }
}
