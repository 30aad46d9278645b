//! Which fields of a document are returned.

mod apply;
mod parse;
mod tree;

use std::fmt;
use std::sync::Arc;

use bson::{Bson, Document};

use crate::codec;
use crate::document::Body;
use crate::error::{Error, Result};
use crate::filter::FieldPath;
use crate::limits::MAX_PROJECTION_PATHS;
use crate::sort::Sort;

pub(crate) use tree::PathTree;

const ID: &str = "_id";
/// Where the user's fields are.
const FIELDS: &str = "context";

/// Which fields of a document are returned, by MongoDB's rules; cheap to clone.
///
/// | Projection | Returned |
/// |---|---|
/// | `{}` | everything |
/// | `{ "a": 1, "b.c": 1 }` | the named fields and `_id`, in the order of the document |
/// | `{ "a": 1, "_id": 0 }` | the named fields |
/// | `{ "a": 0, "b.c": 0 }` | everything but the named fields |
///
/// - `{ "b": { "c": 1 } }` is `{ "b.c": 1 }`. Any number but zero, and `true`, includes.
/// - A path goes through every array on its way, arrays in arrays too; a number in it is a name and
///   no place. Of the elements that are no documents an inclusion keeps none, an exclusion all.
/// - A document on the way of an inclusion is returned even when nothing is left of it.
///
/// ```
/// use bson::doc;
/// use jvspatial_db::Projection;
///
/// let projection = Projection::parse(&doc! { "context.runways.length": 1 })?;
/// let document = doc! { "_id": "n.Airport.a", "context": {
///     "name": "Oslo",
///     "runways": [{ "length": 3600, "width": 45 }, { "width": 30 }, "closed"],
/// } };
/// assert_eq!(projection.apply(&document), doc! {
///     "_id": "n.Airport.a", "context": { "runways": [{ "length": 3600 }, {}] },
/// });
/// # Ok::<(), jvspatial_db::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Projection(Option<Arc<Inner>>);

#[derive(Clone)]
struct Inner {
    mode: Mode,
    /// The named paths without `_id`.
    paths: Box<[FieldPath]>,
    tree: PathTree,
    /// Whether `_id` is returned, when no path leads into it.
    id: bool,
    /// Whether more of the body may be returned.
    at_least: bool,
}

/// What naming a path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Only the named fields are returned.
    Include,
    /// All but the named fields are returned.
    Exclude,
}

impl Projection {
    /// All fields, also the default.
    pub const fn all() -> Self {
        Self(None)
    }

    /// Only `_id`: the body is empty, and a backend need not read it.
    pub fn id_only() -> Self {
        Self(Some(Arc::new(Inner {
            mode: Mode::Include,
            paths: Box::default(),
            tree: PathTree::default(),
            id: true,
            at_least: false,
        })))
    }

    /// Only the fields at `paths`, and `_id`.
    ///
    /// # Errors
    /// `Invalid` when one path is, or leads into, another one; `Limit` for too many.
    pub fn include(paths: impl IntoIterator<Item = FieldPath>) -> Result<Self> {
        Self::new(Mode::Include, paths, true)
    }

    /// All fields but those at `paths`.
    ///
    /// # Errors
    /// As [`include`](Self::include).
    pub fn exclude(paths: impl IntoIterator<Item = FieldPath>) -> Result<Self> {
        Self::new(Mode::Exclude, paths, true)
    }

    /// Lets more of the user's fields be returned than asked for, by a backend that has them at hand and
    /// would take longer to leave them out. Default: exactly what is asked for.
    #[must_use]
    pub fn at_least(mut self) -> Self {
        if let Some(inner) = &mut self.0 {
            Arc::make_mut(inner).at_least = true;
        }
        self
    }

    /// Whether [more](Self::at_least) may be returned.
    pub(crate) fn is_at_least(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.at_least)
    }

    /// Reads a projection in MongoDB's form.
    ///
    /// # Errors
    /// `Invalid` when inclusion and exclusion are mixed (save for `_id`), for an empty document
    /// inside, for paths of which one is or leads into another, and for what [`FieldPath::parse`]
    /// refuses; `Unsupported` for `$slice`, `$elemMatch`, `$meta`, positions (`a.$`), expressions and
    /// computed values; `Limit` for too many paths or levels. Each names the path.
    pub fn parse(projection: &Document) -> Result<Self> {
        parse::parse(projection)
    }

    /// The projection in MongoDB's form; [`parse`](Self::parse) reads it back.
    pub fn to_document(&self) -> Document {
        let Some(inner) = &self.0 else { return Document::new() };
        let number = Bson::Int32(i32::from(inner.mode == Mode::Include));
        let mut document = Document::new();
        if !inner.id {
            document.insert(ID, 0);
        } else if inner.paths.is_empty() {
            document.insert(ID, 1);
        }
        document.extend(inner.paths.iter().map(|path| (path.as_str().to_owned(), number.clone())));
        document
    }

    /// Whether everything is returned.
    pub const fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// Whether nothing of the body is returned.
    #[cfg(feature = "json")]
    pub(crate) fn is_without_fields(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| match inner.mode {
            Mode::Include => inner.tree.get(FIELDS).is_none(),
            Mode::Exclude => inner.tree.get(FIELDS).is_some_and(PathTree::is_leaf),
        })
    }

    /// What is returned of a whole stored document, envelope included.
    #[must_use]
    pub fn apply(&self, document: &Document) -> Document {
        match &self.0 {
            None => document.clone(),
            Some(inner) => apply::apply(inner, document),
        }
    }

    /// What is returned of the user's fields, without decoding them.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are not what their encoding says.
    pub fn apply_to_body(&self, body: &Body) -> Result<Body> {
        let Some(inner) = &self.0 else { return Ok(body.clone()) };
        let tree = match (inner.mode, inner.tree.get(FIELDS)) {
            (Mode::Include, Some(tree)) if tree.is_leaf() => return Ok(body.clone()),
            (Mode::Exclude, None) => return Ok(body.clone()),
            (Mode::Exclude, Some(tree)) if tree.is_leaf() => {
                return Ok(Body::empty(body.encoding()));
            }
            (Mode::Include, None) => return Ok(Body::empty(body.encoding())),
            (_, Some(tree)) => tree,
        };
        let mut out = Vec::new();
        codec::project(body.encoding(), body.as_bytes(), inner.mode, tree, &mut out)?;
        Ok(Body::new(body.encoding(), out.into()))
    }

    /// This projection and whatever else of the body is needed to sort by `sort`.
    pub(crate) fn with_keys_of(&self, sort: &Sort) -> Self {
        let Some(inner) = &self.0 else { return Self::all() };
        if inner.mode == Mode::Exclude {
            return Self::all();
        }
        let (mut tree, mut paths) = (inner.tree.clone(), inner.paths.to_vec());
        for key in sort.deciding_keys() {
            // The whole of the user's field: what the elements of an array lack decides as well.
            let end = key.path.as_str().match_indices('.').nth(1).map(|(at, _)| at);
            let field = key.path.as_str().get(..end.unwrap_or(key.path.as_str().len()));
            let Some(Ok(field)) = field.map(FieldPath::parse) else { return Self::all() };
            if !tree.leads_to(&field) {
                tree.keep(&field);
                paths.retain(|other| !is_within(other, &field));
                paths.push(field);
            }
        }
        let (mode, paths) = (Mode::Include, paths.into());
        Self(Some(Arc::new(Inner { mode, paths, tree, id: inner.id, at_least: inner.at_least })))
    }

    fn new(mode: Mode, paths: impl IntoIterator<Item = FieldPath>, id: bool) -> Result<Self> {
        let paths: Box<[FieldPath]> = paths.into_iter().take(MAX_PROJECTION_PATHS + 1).collect();
        if paths.len() > MAX_PROJECTION_PATHS {
            return Err(
                Error::limit("projection names too many paths").with("limit", MAX_PROJECTION_PATHS)
            );
        }
        let mut tree = PathTree::default();
        for path in &paths {
            if !tree.insert(path) {
                return Err(Error::invalid(
                    "one path of a projection is or leads into another one",
                )
                .with("path", path));
            }
        }
        if mode == Mode::Exclude && id && paths.is_empty() {
            return Ok(Self::all());
        }
        Ok(Self(Some(Arc::new(Inner { mode, paths, tree, id, at_least: false }))))
    }
}

/// Whether `path` leads into what stands at `outer`.
fn is_within(path: &FieldPath, outer: &FieldPath) -> bool {
    path.as_str().strip_prefix(outer.as_str()).is_some_and(|rest| rest.starts_with('.'))
}

impl PartialEq for Projection {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(a), Some(b)) => {
                (a.mode, &a.paths, a.id, a.at_least) == (b.mode, &b.paths, b.id, b.at_least)
            }
            _ => false,
        }
    }
}

impl fmt::Debug for Projection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Projection({})", self.to_document())
    }
}

#[cfg(test)]
mod tests;
