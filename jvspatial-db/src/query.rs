//! What to find: a collection, a filter, an order, a part of it, and which fields.

use bson::Bson;

use crate::distinct::Distinct;
use crate::document::Document;
use crate::error::Result;
use crate::filter::{FieldPath, Filter};
use crate::id::Collection;
use crate::projection::Projection;
use crate::sort::{Direction, Position, Sort, Sorter, Window, id_path};

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
    /// The name of the index to use. Default: the backend chooses.
    pub hint: Option<Box<str>>,
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
            hint: None,
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

    /// Uses the index of that name, or fails when it could leave out documents that match.
    #[must_use]
    pub fn hint(mut self, index: impl Into<Box<str>>) -> Self {
        self.hint = Some(index.into());
        self
    }

    /// The sort that documents come in, once a position asks for one.
    pub fn order(&self) -> Sort {
        if self.sort.is_none() && (self.reversed || self.after.is_some() || self.before.is_some()) {
            return Sort::by_id();
        }
        self.sort.clone()
    }

    /// The fields by which documents are sorted in the order in which they come, and whether the greatest
    /// value comes first; the id is the last one.
    pub(crate) fn passed_order(&self) -> Vec<(FieldPath, bool)> {
        let sort = self.order();
        let turned = |direction| (direction == Direction::Descending) != self.reversed;
        let deciding = sort.deciding_keys().iter();
        let mut order: Vec<_> =
            deciding.map(|key| (key.path.clone(), turned(key.direction))).collect();
        if !sort.is_none() {
            order.extend(id_path().map(|path| (path, turned(sort.id_direction()))));
        }
        order
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
        let mut paths = self.filter.paths();
        sort.add_paths(&mut paths);
        let mut sorter = Sorter::new(self.window(sort), max_sort_bytes);
        let mut found = Vec::new();
        for document in documents {
            if document.collection() != self.collection {
                continue;
            }
            let fields = document.pick(&paths)?;
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
        let mut paths = self.filter.paths();
        distinct.add_paths(&mut paths);
        for document in documents {
            let fields = document.pick(&paths)?;
            if document.collection() == self.collection && self.filter.matches(&fields) {
                distinct.add(&fields)?;
            }
        }
        Ok(distinct.into_values())
    }

    /// A found document with the fields that are asked for, or all of them where those are no less welcome.
    pub(crate) fn shown(&self, mut document: Document) -> Result<Document> {
        self.show(&mut document)?;
        Ok(document)
    }

    /// Leaves of the document what is to be returned.
    ///
    /// # Errors
    /// `Corrupt` naming the document when its body is not of its encoding.
    #[inline]
    pub(crate) fn show(&self, document: &mut Document) -> Result<()> {
        if !self.projection.is_all() && !self.projection.is_at_least() {
            let body = self.projection.apply_to_body(&document.body);
            document.body = body.map_err(|error| error.with("id", &document.id))?;
        }
        Ok(())
    }

    /// The part of the order that is asked for.
    pub(crate) fn window(&self, sort: Sort) -> Window {
        let Self { reversed, after, before, skip, limit, .. } = self.clone();
        Window { sort, reversed, after, before, skip, limit }
    }
}
