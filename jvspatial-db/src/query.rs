//! What to find: a collection, a filter, an order, a part of it, and which fields.

use bson::Bson;

use crate::distinct::Distinct;
use crate::document::Document;
use crate::error::Result;
use crate::filter::{FieldPath, Filter};
use crate::id::Collection;
use crate::projection::{PathTree, Projection};
use crate::sort::{Position, Sort, Sorter, Window};

/// A question to one collection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Query {
    /// Where to look.
    pub collection: Collection,
    /// What a document must look like.
    pub filter: Filter,
    /// In which order documents come. Default: as the backend likes, or by id when there is a
    /// position or a direction.
    pub sort: Sort,
    /// Which fields are returned. Default: all.
    pub projection: Projection,
    /// Whether documents come from the end of the order to its beginning; skip and limit count from there.
    /// Not the same as a sort with other directions, by which arrays are judged by their other end.
    pub reversed: bool,
    /// Only documents after this place in the order. Default: from its beginning.
    pub after: Option<Position>,
    /// Only documents before this place in the order. Default: to its end.
    pub before: Option<Position>,
    /// How many documents to pass over first. Default: none.
    pub skip: u64,
    /// How many documents to return at most. Default: all.
    pub limit: Option<u64>,
}

impl Query {
    /// All documents of a collection that match `filter`.
    pub const fn new(collection: Collection, filter: Filter) -> Self {
        Self {
            collection,
            filter,
            sort: Sort::none(),
            projection: Projection::all(),
            reversed: false,
            after: None,
            before: None,
            skip: 0,
            limit: None,
        }
    }

    /// Returns documents in the order of `sort`.
    #[must_use]
    pub fn sort(mut self, sort: Sort) -> Self {
        self.sort = sort;
        self
    }

    /// Returns only the fields that `projection` lets through.
    #[must_use]
    pub fn project(mut self, projection: Projection) -> Self {
        self.projection = projection;
        self
    }

    /// Returns only what comes after `position`, which must be one of the same sort.
    #[must_use]
    pub fn after(mut self, position: Position) -> Self {
        self.after = Some(position);
        self
    }

    /// Returns only what comes before `position`, which must be one of the same sort.
    #[must_use]
    pub fn before(mut self, position: Position) -> Self {
        self.before = Some(position);
        self
    }

    /// Goes through the order from its end.
    #[must_use]
    pub const fn reversed(mut self) -> Self {
        self.reversed = true;
        self
    }

    /// Passes over the first `count` documents.
    #[must_use]
    pub const fn skip(mut self, count: u64) -> Self {
        self.skip = count;
        self
    }

    /// Returns at most `count` documents.
    #[must_use]
    pub const fn limit(mut self, count: u64) -> Self {
        self.limit = Some(count);
        self
    }

    /// The sort that documents come in, once a position asks for one.
    pub fn order(&self) -> Sort {
        if self.sort.is_none() && (self.reversed || self.after.is_some() || self.before.is_some()) {
            return Sort::by_id();
        }
        self.sort.clone()
    }

    /// Answers the query from `documents`, which hold all that it could find and are in the order in
    /// which they are returned when it has no sort. Their sort keys may take `max_sort_bytes`.
    ///
    /// # Errors
    /// `Invalid` when a document cannot be sorted so, `Limit` when sorting takes too much memory,
    /// `Corrupt` when a body is not what its encoding says.
    pub fn answer(
        &self,
        documents: impl IntoIterator<Item = Document>,
        max_sort_bytes: usize,
    ) -> Result<Vec<Document>> {
        let sort = self.order();
        let mut paths = Needs::of_filter(&self.filter);
        paths.add(|paths| sort.add_paths(paths));
        let mut sorter = Sorter::new(self.window(sort), max_sort_bytes);
        let mut found = Vec::new();
        for document in documents {
            if document.collection() != self.collection {
                continue;
            }
            let fields = paths.read(&document)?;
            if !self.filter.matches(&fields) {
                continue;
            }
            if sorter.sort().is_none() {
                found.push(document);
            } else {
                let key =
                    sorter.sort().key(&fields).map_err(|error| error.with("id", &document.id))?;
                sorter.push(key, document.id.clone(), document)?;
            }
        }
        if !sorter.sort().is_none() {
            return sorter.finish().map(|document| self.shown(document)).collect();
        }
        let skip = usize::try_from(self.skip).unwrap_or(usize::MAX);
        let limit =
            self.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        found.into_iter().skip(skip).take(limit).map(|document| self.shown(document)).collect()
    }

    /// The distinct values at `field` in those of `documents` that match, in order; sort, positions,
    /// skip and limit do not count.
    ///
    /// # Errors
    /// `Limit` when the values take too much memory, `Corrupt` when a body is not what its encoding
    /// says.
    pub fn answer_distinct(
        &self,
        documents: impl IntoIterator<Item = Document>,
        field: &FieldPath,
    ) -> Result<Vec<Bson>> {
        let mut distinct = Distinct::new(field.clone());
        let mut needs = Needs::of_filter(&self.filter);
        needs.add(|paths| distinct.add_paths(paths));
        for document in documents {
            let fields = needs.read(&document)?;
            if document.collection() == self.collection && self.filter.matches(&fields) {
                distinct.add(&fields)?;
            }
        }
        Ok(distinct.into_values())
    }

    /// A found document with the fields that are asked for.
    pub(crate) fn shown(&self, mut document: Document) -> Result<Document> {
        if !self.projection.is_all() {
            let body = self.projection.apply_to_body(&document.body);
            document.body = body.map_err(|error| error.with("id", &document.id))?;
        }
        Ok(document)
    }

    /// The part of the order that is asked for.
    pub(crate) fn window(&self, sort: Sort) -> Window {
        let Self { reversed, after, before, skip, limit, .. } = self.clone();
        Window { sort, reversed, after, before, skip, limit }
    }
}

/// What of a document must be read to judge it.
#[derive(Clone, Debug)]
pub(crate) enum Needs {
    /// These paths.
    Paths(PathTree),
    /// All of it.
    Whole,
}

impl Needs {
    /// What a filter looks at.
    pub(crate) fn of_filter(filter: &Filter) -> Self {
        let mut paths = PathTree::default();
        if filter.is_all() || add_filter(&filter.to_document(), &mut paths).is_some() {
            Self::Paths(paths)
        } else {
            Self::Whole
        }
    }

    /// Adds paths.
    pub(crate) fn add(&mut self, add: impl FnOnce(&mut PathTree)) {
        if let Self::Paths(paths) = self {
            add(paths);
        }
    }

    /// Whether the id and the type say all.
    #[cfg(feature = "json")]
    pub(crate) fn is_id_only(&self) -> bool {
        matches!(self, Self::Paths(paths) if paths.names().all(|name| name == "_id" || name == "entity"))
    }

    /// The needed part of a document, as a filter sees it.
    ///
    /// # Errors
    /// `Corrupt` when the body is not what its encoding says.
    pub(crate) fn read(&self, document: &Document) -> Result<bson::Document> {
        match self {
            Self::Paths(paths) => document.pick(paths),
            Self::Whole => document.to_bson(),
        }
    }
}

/// Adds the paths that a filter in MongoDB's form names; `None` when it looks at something else.
fn add_filter(filter: &bson::Document, paths: &mut PathTree) -> Option<()> {
    for (name, operand) in filter {
        match (name.as_str(), operand) {
            ("$and" | "$or" | "$nor", Bson::Array(members)) => {
                for member in members {
                    add_filter(member.as_document()?, paths)?;
                }
            }
            (operator, _) if operator.starts_with('$') => return None,
            (path, _) => paths.keep(&path.parse().ok()?),
        }
    }
    Some(())
}
