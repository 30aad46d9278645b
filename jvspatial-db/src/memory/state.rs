//! What a database in memory holds, and how it is read and changed.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::adjacency::Adjacency;
use super::index::MemoryIndex;
use super::watch::Noted;
use crate::codec::Encoding;
use crate::document::{Body, Document, Ends};
use crate::entity_name::EntityName;
use crate::error::{Error, ErrorKind, Result};
use crate::expansion::{Adjacent, Begin, Expansion, Place};
use crate::id::{Collection, Handle, Id};
use crate::indexes::{
    Definition, Explanation, IndexInfo, MAX_INDEXES, Plan, Question, Source, plan,
};
use crate::query::Query;
use crate::version::Version;
use crate::watch::ChangeKind;
use crate::write::{Action, Link, Outcome, WriteBatch, WriteReport};

/// Everything that is stored.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    documents: BTreeMap<Id, Stored>,
    adjacency: Adjacency,
    indexes: Vec<MemoryIndex>,
    /// What was changed since that was last asked for.
    changes: Vec<Noted>,
    /// What was there before each change of an atomic batch, while one is applied.
    before: Option<Vec<(Id, Option<Stored>)>>,
    pub(super) closed: bool,
}

#[derive(Clone, Debug)]
struct Stored {
    version: Version,
    schema: u32,
    link: Option<Box<Link>>,
    body: Bytes,
}

impl State {
    pub(super) fn check_open(&self) -> Result<()> {
        if self.closed {
            return Err(Error::new(ErrorKind::Closed, "database was closed"));
        }
        Ok(())
    }

    /// What was changed since the last call.
    pub(super) fn take_changes(&mut self) -> Vec<Noted> {
        std::mem::take(&mut self.changes)
    }

    fn document(&self, id: &Id) -> Option<Document> {
        self.documents.get(id).map(|stored| stored.document(id))
    }

    /// Applies a batch, and leaves everything as it was when an atomic one fails.
    pub(super) fn write(&mut self, batch: &WriteBatch) -> Result<WriteReport> {
        self.check_keys(batch)?;
        let changes = self.changes.len();
        self.before = batch.is_atomic().then(Vec::new);
        let mut report = WriteReport::default();
        for operation in batch.operations() {
            let outcome = self.apply(batch, &operation.id, &operation.action, &mut report);
            report.outcomes.push(outcome);
        }
        if let Some(before) = self.before.take()
            && !report.is_complete()
        {
            before.into_iter().rev().for_each(|(id, stored)| drop(self.replace(&id, stored)));
            self.changes.truncate(changes);
            report.detached = 0;
            for outcome in report.outcomes.iter_mut().filter(|outcome| outcome.is_written()) {
                *outcome = Outcome::Skipped;
            }
        }
        Ok(report)
    }

    pub(super) fn get_many(&self, handles: &[Handle]) -> Vec<Option<Document>> {
        handles.iter().map(|handle| self.document(handle.id())).collect()
    }

    pub(super) fn drop_index(
        &mut self,
        collection: Collection,
        entity: Option<EntityName>,
        name: &str,
    ) -> bool {
        let before = self.indexes.len();
        self.indexes.retain(|index| !index.definition.is_called(collection, entity, name));
        self.indexes.len() < before
    }

    pub(super) fn indexes(&self, collection: Collection) -> Vec<IndexInfo> {
        let own = self.indexes.iter();
        let own = own.filter(|index| index.definition.collection == collection);
        own.map(MemoryIndex::info).collect()
    }

    fn apply(
        &mut self,
        batch: &WriteBatch,
        id: &Id,
        action: &Action,
        report: &mut WriteReport,
    ) -> Outcome {
        match action {
            Action::Insert { body, version, schema, link } => {
                if self.documents.contains_key(id) {
                    return Outcome::duplicate("_id", id.clone());
                }
                let body = Bytes::copy_from_slice(batch.body(*body));
                let link = link.clone();
                self.put(id, Stored { version: *version, schema: *schema, link, body })
            }
            Action::Put { body, version, schema, link } => {
                let body = Bytes::copy_from_slice(batch.body(*body));
                let link = link.clone();
                self.put(id, Stored { version: *version, schema: *schema, link, body })
            }
            Action::Update { expected, body, schema } => {
                let Some(stored) = self.documents.get(id) else {
                    return Outcome::Missing(id.clone());
                };
                if stored.version != *expected {
                    return Outcome::Conflict { expected: *expected, found: stored.version };
                }
                let version = stored.version.next();
                let body = Bytes::copy_from_slice(batch.body(*body));
                let stored = Stored { version, schema: *schema, link: stored.link.clone(), body };
                if let Some(refused) = self.refuse_keys(id, &stored) {
                    return refused;
                }
                self.replace(id, Some(stored));
                Outcome::Written(version)
            }
            Action::Delete { expected, detach } => {
                let Some(version) = self.documents.get(id).map(|stored| stored.version) else {
                    return Outcome::Missing(id.clone());
                };
                if let Some(expected) = *expected
                    && expected != version
                {
                    return Outcome::Conflict { expected, found: version };
                }
                self.replace(id, None);
                if *detach && id.collection() == Collection::Node {
                    let edges: Vec<Id> = self.adjacency.at(id, Begin::First).cloned().collect();
                    edges.iter().for_each(|edge| drop(self.replace(edge, None)));
                    report.detached += edges.len() as u64;
                }
                Outcome::Written(version.next())
            }
        }
    }

    fn put(&mut self, id: &Id, stored: Stored) -> Outcome {
        let refused = stored.link.as_ref().and_then(|link| self.refuse_link(id, link));
        if let Some(refused) = refused.or_else(|| self.refuse_keys(id, &stored)) {
            return refused;
        }
        let version = stored.version;
        match self.replace(id, Some(stored)) {
            Some(Stored { version: found, .. }) => Outcome::Replaced { version, found },
            None => Outcome::Written(version),
        }
    }

    fn refuse_link(&self, id: &Id, link: &Link) -> Option<Outcome> {
        for end in [&link.ends.source, &link.ends.target] {
            if !self.documents.contains_key(end) {
                return Some(Outcome::Missing(end.clone()));
            }
        }
        if !link.unique {
            return None;
        }
        let joins_as = |other: &Id| {
            let other = self.documents.get(other).and_then(Stored::ends);
            other.is_some_and(|other| other.join_as(&link.ends))
        };
        let at_source = self.adjacency.at(&link.ends.source, Begin::First);
        // An edge that is replaced does not stand in its own way.
        let others = at_source.filter(|other| *other != id && other.entity() == id.entity());
        let taken = others.filter(|other| joins_as(other)).min();
        taken.map(|other| Outcome::duplicate("connection", other.clone()))
    }

    /// Every document, in the order in which they were made.
    pub(super) fn all(&self) -> Vec<Document> {
        let mut all: Vec<Document> =
            self.documents.iter().map(|(id, stored)| stored.document(id)).collect();
        all.sort_by(|a, b| a.id.cmp_creation(&b.id));
        all
    }

    /// Puts a document in the place of another, or of none, and its keys with it; returns the other.
    fn replace(&mut self, id: &Id, stored: Option<Stored>) -> Option<Stored> {
        let before = self.documents.remove(id);
        if let Some(all) = &mut self.before {
            all.push((id.clone(), before.clone()));
        }
        if let Some(ends) = before.as_ref().and_then(Stored::ends) {
            self.adjacency.remove(id, ends);
        }
        if let Some(ends) = stored.as_ref().and_then(Stored::ends) {
            self.adjacency.add(id, ends);
        }
        for index in &mut self.indexes {
            before.iter().for_each(|stored| index.note(&stored.source(id), false));
            stored.iter().for_each(|stored| index.note(&stored.source(id), true));
        }
        let (kind, version) = match (&stored, &before) {
            (Some(stored), _) => (ChangeKind::of(stored.version), stored.version),
            (None, Some(before)) => (ChangeKind::Deleted, before.version),
            (None, None) => return None,
        };
        let document = stored.as_ref().map(|stored| stored.document(id));
        self.changes.push(Noted { kind, id: id.clone(), version, document });
        if let Some(stored) = stored {
            self.documents.insert(id.clone(), stored);
        }
        before
    }

    fn refuse_keys(&self, id: &Id, stored: &Stored) -> Option<Outcome> {
        self.indexes.iter().find_map(|index| {
            let taken = index.taken(&stored.source(id)).ok()??;
            Some(Outcome::duplicate(index.definition.name.clone(), taken))
        })
    }

    /// Refuses a batch with a document that an index cannot hold.
    fn check_keys(&self, batch: &WriteBatch) -> Result<()> {
        for operation in batch.operations() {
            let id = &operation.id;
            let (body, link) = match &operation.action {
                Action::Insert { body, link, .. } | Action::Put { body, link, .. } => {
                    (*body, link.clone())
                }
                Action::Update { body, .. } => (*body, None),
                Action::Delete { .. } => continue,
            };
            for index in self.indexes.iter().filter(|index| index.definition.covers(id)) {
                let body = Bytes::copy_from_slice(batch.body(body));
                let link = link.clone();
                let stored = Stored { version: Version::NONE, schema: 1, link, body };
                index.definition.keys(&stored.source(id)).map_err(|error| match error.kind() {
                    // What came encoded need not be what it is said to be.
                    ErrorKind::Corrupt => {
                        Error::invalid("encoded fields are not a document").with("id", id)
                    }
                    _ => error,
                })?;
            }
        }
        Ok(())
    }

    pub(super) fn create_index(&mut self, definition: Definition) -> Result<()> {
        let own = |index: &&MemoryIndex| index.definition.is_called_as(&definition);
        if let Some(found) = self.indexes.iter().find(own) {
            if found.definition == definition {
                return Ok(());
            }
            return Err(Error::invalid("index exists with other options")
                .with("index", &definition.name)
                .with("expected", definition.spec.to_document())
                .with("found", found.definition.spec.to_document()));
        }
        let of_collection =
            self.indexes.iter().filter(|own| own.definition.collection == definition.collection);
        if of_collection.count() >= MAX_INDEXES {
            return Err(Error::limit("collection has too many indexes")
                .with("collection", definition.collection)
                .with("limit", MAX_INDEXES));
        }
        let mut index = MemoryIndex::new(definition);
        for (id, stored) in &self.documents {
            if index.definition.covers(id) {
                index.definition.keys(&stored.source(id))?;
            }
            index.note(&stored.source(id), true);
        }
        index.check_unique()?;
        self.indexes.push(index);
        Ok(())
    }

    /// The documents that a query asks for, and how they were found.
    pub(super) fn answer(
        &self,
        query: &Query,
        max_sort_bytes: usize,
    ) -> Result<(Vec<Document>, Explanation)> {
        let own = self.indexes.iter();
        let own: Vec<_> =
            own.filter(|index| index.definition.collection == query.collection).collect();
        let order = query.passed_order();
        let plan = plan(&own, Question::of(query, &order))?;
        let chosen = plan.as_ref().and_then(|plan| Some((plan, own.get(plan.candidate)?)));
        let of = |(plan, index): (&'_ Plan, &'_ &'_ MemoryIndex)| {
            Explanation::of(Some((&index.definition.name, &plan.bounds)))
        };
        let mut explanation = chosen.map_or_else(|| Explanation::of(None), of);
        explanation.sorted_in_memory =
            !order.is_empty() && plan.as_ref().is_none_or(|plan| plan.order.is_none());
        let documents = match chosen {
            Some((plan, index)) => {
                index.note_use();
                let (ids, keys) = index.ids(plan);
                explanation.keys_examined = keys;
                let mut found: Vec<_> = ids.iter().filter_map(|id| self.document(id)).collect();
                found.sort_by(|a, b| a.id.cmp_creation(&b.id));
                found
            }
            None => {
                let all = self.all().into_iter();
                all.filter(|document| document.collection() == query.collection).collect()
            }
        };
        explanation.documents_examined = documents.len() as u64;
        let found = query.answer(documents, max_sort_bytes)?;
        explanation.returned = found.len() as u64;
        Ok((found, explanation))
    }

    /// The node that `edge` leads to from `start`, if it is asked for.
    fn follow(&self, edge: &Id, start: &Id, expansion: &Expansion) -> Result<Option<&Id>> {
        let stored = self.documents.get(edge).filter(|_| expansion.edges.contains(edge));
        let Some((stored, ends)) = stored.and_then(|stored| Some((stored, stored.ends()?))) else {
            return Ok(None);
        };
        let node = ends.follow(start, expansion.direction);
        let Some(node) = node.filter(|node| expansion.nodes.contains(node)) else {
            return Ok(None);
        };
        let is_wanted = self.documents.contains_key(node)
            && (expansion.edge_filter.is_all()
                || expansion.edge_filter.matches(&stored.document(edge).to_bson()?));
        Ok(is_wanted.then_some(node))
    }

    pub(super) fn neighbors(
        &self,
        from: &[Handle],
        expansion: &Expansion,
    ) -> Result<Vec<Adjacent>> {
        let limit = expansion.limit.unwrap_or(usize::MAX);
        let mut found: Vec<(u32, &Id, &Id)> = Vec::new();
        'starts: for (origin, start) in from.iter().enumerate() {
            let origin = u32::try_from(origin)
                .map_err(|_| Error::limit("too many start nodes").with("limit", u32::MAX))?;
            if !self.documents.contains_key(start.id()) {
                continue;
            }
            let begin = Place::begin(expansion.after.as_ref(), origin);
            for edge in self.adjacency.at(start.id(), begin) {
                if found.len() >= limit {
                    break 'starts;
                }
                if let Some(node) = self.follow(edge, start.id(), expansion)? {
                    found.push((origin, edge, node));
                }
            }
        }
        let ends_here = found.len() == limit;
        let last = found.len().saturating_sub(1);
        let to_adjacent = |(place, (origin, edge, node)): (usize, (u32, &Id, &Id))| {
            let is_named = expansion.with_edges || (ends_here && place == last);
            Adjacent::new(origin, is_named.then(|| Handle::from(edge)), Handle::from(node))
        };
        Ok(found.into_iter().enumerate().map(to_adjacent).collect())
    }
}

impl Stored {
    fn ends(&self) -> Option<&Ends> {
        self.link.as_ref().map(|link| &link.ends)
    }

    fn source<'a>(&'a self, id: &'a Id) -> Source<'a> {
        Source {
            id,
            version: self.version,
            schema: self.schema,
            ends: self.ends(),
            encoding: Encoding::Bson,
            body: &self.body,
        }
    }

    fn document(&self, id: &Id) -> Document {
        Document {
            id: id.clone(),
            version: self.version,
            schema: self.schema,
            ends: self.ends().cloned(),
            body: Body::new(Encoding::Bson, self.body.clone()),
        }
    }
}

impl Ends {
    /// Whether a unique edge with these ends stands in the way of one with the ends `new`.
    fn join_as(&self, new: &Self) -> bool {
        let same = self.source == new.source && self.target == new.target;
        let mirrored = self.source == new.target && self.target == new.source;
        same || (mirrored && (self.bidirectional || new.bidirectional))
    }
}
