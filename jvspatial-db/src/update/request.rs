//! What to update, and what became of it.

use std::time::Duration;

use bson::DateTime;

use super::Update;
use crate::document::Document;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::id::{Collection, Id};

/// An update of the documents of one collection that a filter selects.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UpdateRequest {
    /// Where to look.
    pub collection: Collection,
    /// What a document must look like, when it is changed.
    pub filter: Filter,
    /// What to change.
    pub update: Update,
    /// Whether all documents that match are changed, or one of them.
    pub many: bool,
    /// What to make when no document matches. Default: nothing.
    pub upsert: Option<Upsert>,
    /// What to return of a single document. Default: nothing.
    pub returning: Returning,
    /// The time that `$currentDate` stores. Default: that of the system's clock at the call.
    pub time: Option<DateTime>,
    /// For how long an update is tried again that others get ahead of. Default: 10 s.
    pub deadline: Duration,
}

/// Which state of its document an update returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Returning {
    /// None.
    #[default]
    Nothing,
    /// As it was before; nothing when the update made it.
    Before,
    /// As it is after.
    After,
}

/// The document that an update makes when none matches.
///
/// Its fields are those that the filter says are equal to something, then changed by the update, by
/// `$setOnInsert` too. Its id is the filter's `_id`, or else the given one. An edge has the ends that
/// the filter says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Upsert {
    /// The id to give when the filter names none; its type is that of the document.
    pub id: Id,
    /// The schema version. Default: 1.
    pub schema: u32,
    /// Whether a new edge is refused when its nodes are joined by one of its type. Default: yes.
    pub unique: bool,
}

/// What an update did.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
#[must_use = "an update may match nothing"]
pub struct UpdateReport {
    /// How many documents matched and are as the update says.
    pub matched: u64,
    /// How many of them were not before; each has its next version.
    pub modified: u64,
    /// The id of the document that an upsert made.
    pub inserted: Option<Id>,
    /// The document, if it was asked for.
    pub document: Option<Document>,
}

impl UpdateRequest {
    /// Changes one document that matches: the first that the backend finds.
    pub fn one(collection: Collection, filter: Filter, update: Update) -> Self {
        Self {
            collection,
            filter,
            update,
            many: false,
            upsert: None,
            returning: Returning::Nothing,
            time: None,
            deadline: Duration::from_secs(10),
        }
    }

    /// Changes all documents that match.
    pub fn many(collection: Collection, filter: Filter, update: Update) -> Self {
        Self { many: true, ..Self::one(collection, filter, update) }
    }

    /// Makes a document when none matches.
    #[must_use]
    pub fn upsert(mut self, upsert: Upsert) -> Self {
        self.upsert = Some(upsert);
        self
    }

    /// Returns the document as it was or is; only for an update of one.
    #[must_use]
    pub const fn returning(mut self, returning: Returning) -> Self {
        self.returning = returning;
        self
    }

    /// Sets the time that `$currentDate` stores.
    #[must_use]
    pub const fn at(mut self, time: DateTime) -> Self {
        self.time = Some(time);
        self
    }

    /// Sets for how long the update is tried again when others get ahead of it.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Refuses what makes no sense together.
    ///
    /// # Errors
    /// `Invalid`.
    pub(super) fn check(&self) -> Result<()> {
        if self.many && self.returning != Returning::Nothing {
            return Err(Error::invalid("an update of many documents returns none of them"));
        }
        match &self.upsert {
            Some(upsert) if upsert.id.collection() != self.collection => {
                Err(Error::invalid("id of an upsert belongs to another collection")
                    .with("id", &upsert.id)
                    .with("collection", self.collection.name()))
            }
            _ => Ok(()),
        }
    }
}

impl Upsert {
    /// A document with this id, unless the filter names one.
    pub const fn new(id: Id) -> Self {
        Self { id, schema: 1, unique: true }
    }

    /// Sets the schema version.
    #[must_use]
    pub const fn schema(mut self, schema: u32) -> Self {
        self.schema = schema;
        self
    }

    /// Chooses whether a new edge is refused when its nodes are joined by one of its type.
    #[must_use]
    pub const fn unique(mut self, unique: bool) -> Self {
        self.unique = unique;
        self
    }
}
