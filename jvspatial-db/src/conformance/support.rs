//! Short words for what the cases do.

use bson::Document as Fields;

use crate::codec::Encoding;
use crate::database::Database;
use crate::document::{Document, Ends};
use crate::entity_name::EntityName;
use crate::error::Result;
use crate::expansion::{Direction, EntitySet, Expansion};
use crate::filter::Filter;
use crate::id::{Collection, Handle, Id};
use crate::query::Query;
use crate::version::Version;
use crate::write::{Envelope, Link, Outcome, WriteBatch, WriteReport};

/// The id with this text.
pub(super) fn id(text: &str) -> Id {
    text.parse().expect("an id")
}

pub(super) fn entity(name: &str) -> EntityName {
    EntityName::new(name).expect("an entity name")
}

/// The set of these types.
pub(super) fn entities(names: &[&str]) -> EntitySet {
    match names {
        [name] => EntitySet::One(entity(name)),
        names => EntitySet::Several(names.iter().map(|name| entity(name)).collect()),
    }
}

pub(super) fn handles(ids: &[&str]) -> Vec<Handle> {
    ids.iter().map(|text| Handle::from(id(text))).collect()
}

pub(super) fn filter(document: &Fields) -> Filter {
    Filter::parse(document).expect("a filter")
}

pub(super) fn written(version: u64) -> Outcome {
    Outcome::Written(Version::new(version))
}

pub(super) fn replaced(version: u64, found: u64) -> Outcome {
    Outcome::Replaced { version: Version::new(version), found: Version::new(found) }
}

pub(super) fn missing(text: &str) -> Outcome {
    Outcome::Missing(id(text))
}

pub(super) fn conflict(expected: u64, found: u64) -> Outcome {
    Outcome::Conflict { expected: Version::new(expected), found: Version::new(found) }
}

pub(super) fn duplicate(index: &'static str, text: &str) -> Outcome {
    Outcome::duplicate(index, id(text))
}

/// A batch in the making, with ids as text.
pub(super) struct Ops<'a> {
    db: &'a dyn Database,
    batch: WriteBatch,
}

pub(super) fn ops(db: &dyn Database) -> Ops<'_> {
    Ops { db, batch: WriteBatch::new(db.capabilities().encoding) }
}

impl Ops<'_> {
    pub(super) fn atomic(mut self) -> Self {
        self.batch = self.batch.atomic(true);
        self
    }

    pub(super) fn insert(self, text: &str, fields: &Fields) -> Self {
        self.insert_id(id(text), fields)
    }

    pub(super) fn insert_id(mut self, id: Id, fields: &Fields) -> Self {
        self.batch.insert(id, fields).expect("an insert");
        self
    }

    /// Inserts documents without fields.
    pub(super) fn nodes(self, ids: &[&str]) -> Self {
        ids.iter().fold(self, |ops, id| ops.insert(id, &Fields::new()))
    }

    /// Inserts an edge from the first to the second node.
    pub(super) fn edge(self, text: &str, source: &str, target: &str) -> Self {
        self.link(text, &Fields::new(), link(source, target))
    }

    pub(super) fn unique_edge(self, text: &str, source: &str, target: &str) -> Self {
        self.link(text, &Fields::new(), Link { unique: true, ..link(source, target) })
    }

    pub(super) fn undirected_edge(self, text: &str, source: &str, target: &str) -> Self {
        self.link(text, &Fields::new(), undirected(link(source, target)))
    }

    pub(super) fn link(mut self, text: &str, fields: &Fields, link: Link) -> Self {
        self.batch.insert_edge(id(text), fields, link).expect("an edge");
        self
    }

    /// Inserts a document with a version.
    pub(super) fn insert_at(mut self, text: &str, version: u64, fields: &Fields) -> Self {
        let envelope = Envelope { version: Version::new(version), schema: 1, link: None };
        self.batch.insert_as(id(text), fields, envelope).expect("an insert");
        self
    }

    pub(super) fn put(mut self, text: &str, version: u64, fields: &Fields) -> Self {
        let envelope = Envelope { version: Version::new(version), schema: 1, link: None };
        self.batch.put(id(text), fields, envelope).expect("a put");
        self
    }

    pub(super) fn put_edge(mut self, text: &str, version: u64, link: Link) -> Self {
        let version = Version::new(version);
        let envelope = Envelope { version, schema: 1, link: Some(link) };
        self.batch.put(id(text), &Fields::new(), envelope).expect("a put");
        self
    }

    pub(super) fn update(mut self, text: &str, expected: u64, fields: &Fields) -> Self {
        self.batch.update(id(text), Version::new(expected), fields).expect("an update");
        self
    }

    pub(super) fn delete(self, text: &str) -> Self {
        self.remove(text, None, false)
    }

    pub(super) fn detach(self, text: &str) -> Self {
        self.remove(text, None, true)
    }

    pub(super) fn remove(mut self, text: &str, expected: Option<u64>, detach: bool) -> Self {
        self.batch.delete(id(text), expected.map(Version::new), detach).expect("a delete");
        self
    }

    pub(super) fn into_batch(self) -> WriteBatch {
        self.batch
    }

    pub(super) async fn try_write(self) -> Result<WriteReport> {
        self.db.write(self.batch).await
    }

    pub(super) async fn write(self) -> WriteReport {
        self.try_write().await.expect("the batch is taken")
    }

    pub(super) async fn outcomes(self) -> Vec<Outcome> {
        self.write().await.outcomes
    }

    /// Writes what must succeed whole.
    pub(super) async fn done(self) {
        let report = self.write().await;
        let failed: Vec<_> = report.failures().collect();
        assert!(failed.is_empty(), "not written: {failed:?}");
    }
}

pub(super) fn link(source: &str, target: &str) -> Link {
    let ends = Ends { source: id(source), target: id(target), bidirectional: false };
    Link { ends, unique: false }
}

pub(super) fn undirected(mut link: Link) -> Link {
    link.ends.bidirectional = true;
    link
}

pub(super) const fn other(encoding: Encoding) -> Encoding {
    match encoding {
        Encoding::Json => Encoding::Bson,
        Encoding::Bson => Encoding::Json,
    }
}

pub(super) async fn get(db: &dyn Database, text: &str) -> Option<Document> {
    let mut found = db.get_many(&handles(&[text])).await.expect("get_many");
    assert_eq!(found.len(), 1, "one place for one handle");
    found.remove(0)
}

/// Version and fields of a document that must exist.
pub(super) async fn read(db: &dyn Database, text: &str) -> (u64, Fields) {
    let document = get(db, text).await.unwrap_or_else(|| panic!("{text} is missing"));
    (document.version.get(), fields(&document))
}

pub(super) fn fields(document: &Document) -> Fields {
    document.body.to_bson().expect("fields")
}

/// The ids that a query finds, sorted.
pub(super) async fn find(db: &dyn Database, query: Query) -> Vec<String> {
    let cursor = db.find(query).await.expect("find");
    let documents = cursor.try_collect().await.expect("documents");
    let mut ids: Vec<String> = documents.iter().map(|document| document.id.to_string()).collect();
    ids.sort_unstable();
    ids
}

pub(super) async fn find_all(db: &dyn Database, collection: Collection) -> Vec<String> {
    find(db, Query::new(collection, Filter::all())).await
}

/// Neighbours as the place of the start node and the node's id.
pub(super) async fn follow(
    db: &dyn Database,
    from: &[&str],
    expansion: &Expansion,
) -> Vec<(u32, String)> {
    let adjacent = db.neighbors(&handles(from), expansion).await.expect("neighbors");
    adjacent.iter().map(|adjacent| (adjacent.origin, adjacent.node.id().to_string())).collect()
}

/// The nodes reached from one, in order, without their prefix `n.City.`.
pub(super) async fn reached(db: &dyn Database, from: &str, direction: Direction) -> Vec<String> {
    let found = follow(db, &[from], &Expansion::new(direction)).await;
    found
        .into_iter()
        .map(|(_, node)| node.strip_prefix("n.City.").map_or(node.clone(), str::to_owned))
        .collect()
}

/// The edges followed from one node, in order.
pub(super) async fn followed(db: &dyn Database, from: &str, direction: Direction) -> Vec<String> {
    let mut expansion = Expansion::new(direction);
    expansion.with_edges = true;
    let adjacent = db.neighbors(&handles(&[from]), &expansion).await.expect("neighbors");
    let edge = |edge: Option<Handle>| edge.expect("a named edge").id().to_string();
    adjacent.into_iter().map(|adjacent| edge(adjacent.edge)).collect()
}
