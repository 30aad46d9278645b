//! The change feed: what was committed, as a stream that can be left and gone on with.

mod stream;
mod token;

use crate::document::Document;
use crate::entity_name::EntityName;
use crate::id::{Collection, Id};
use crate::version::Version;

pub use stream::{ChangeStream, Progress};
pub use token::ResumeToken;

pub(crate) use token::{Origin, malformed};

/// Which changes a [watch](crate::Database::watch) tells of, and from where on.
///
/// By default of all nodes, edges and objects, from now on, with the documents.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WatchOptions {
    /// The collection to watch; otherwise all but the library's own.
    pub collection: Option<Collection>,
    /// The only type to watch, in every collection that is watched.
    pub entity: Option<EntityName>,
    /// Where to begin, from an earlier watch of the same; otherwise now.
    pub after: Option<ResumeToken>,
    /// Whether changes come with the document. Without it a change costs less.
    pub documents: bool,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self { collection: None, entity: None, after: None, documents: true }
    }
}

impl WatchOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Watches one collection.
    #[must_use]
    pub const fn collection(mut self, collection: Collection) -> Self {
        self.collection = Some(collection);
        self
    }

    /// Watches one type.
    #[must_use]
    pub const fn entity(mut self, entity: EntityName) -> Self {
        self.entity = Some(entity);
        self
    }

    /// Goes on where an earlier watch was.
    #[must_use]
    pub fn after(mut self, token: ResumeToken) -> Self {
        self.after = Some(token);
        self
    }

    /// Leaves the documents out.
    #[must_use]
    pub const fn ids_only(mut self) -> Self {
        self.documents = false;
        self
    }

    /// Whether changes of the document `id` are told.
    pub fn wants(&self, id: &Id) -> bool {
        let collection = id.collection();
        let of_collection = match self.collection {
            Some(wanted) => collection == wanted,
            None => collection != Collection::System,
        };
        of_collection && self.entity.is_none_or(|entity| id.is_entity(entity))
    }
}

/// One item of a [`ChangeStream`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ChangeEvent {
    /// A document was changed.
    Changed(DocumentChange),
    /// Changes before this place can no longer be told. Whoever keeps something up to date by the stream has to
    /// read it anew; what is committed after the place follows.
    Lost(LostHistory),
}

impl ChangeEvent {
    /// Where to go on behind this event.
    pub const fn token(&self) -> &ResumeToken {
        match self {
            Self::Changed(change) => &change.token,
            Self::Lost(lost) => &lost.token,
        }
    }
}

/// A change of one document.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DocumentChange {
    /// What happened.
    pub kind: ChangeKind,
    /// The document.
    pub id: Id,
    /// Its version after the change; of a removal the last that it had, if the backend knows it. MongoDB does not
    /// know it of removals, nor of what other programs write.
    pub version: Option<Version>,
    /// A number that all changes of one atomic batch or transaction share. It never falls.
    pub commit: u64,
    /// The document after the change, if documents were asked for. MongoDB reads that of an update when it tells
    /// of it: then it may be newer than `version`, or absent because it has been removed.
    pub document: Option<Document>,
    /// Where to go on behind this change.
    pub token: ResumeToken,
}

/// What happened to a document, as its version tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// It has its first version, or none. One that was taken over without a version is told of so again when its
    /// first save gives it one.
    Created,
    /// It has a later version. So is one told of that was taken over with it and was not there before.
    Updated,
    /// It is gone.
    Deleted,
}

impl ChangeKind {
    /// What a document tells that is written with this version.
    pub(crate) const fn of(version: Version) -> Self {
        if version.get() <= Version::FIRST.get() { Self::Created } else { Self::Updated }
    }
}

/// That changes cannot be told any more.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LostHistory {
    /// Why.
    pub reason: &'static str,
    /// The place from which on everything is told. It lies where the database was when this was noticed.
    pub token: ResumeToken,
}
