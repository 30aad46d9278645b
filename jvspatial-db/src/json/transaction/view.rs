//! What a transaction sees: the store at one commit, and over it what the transaction has written.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use foldhash::fast::RandomState;

use super::Store;
use crate::codec::Encoding;
use crate::database::Cursor;
use crate::document::{Body, Document, Ends};
use crate::error::Result;
use crate::filter::Filter;
use crate::id::{Collection, Handle, Id};
use crate::json::access::Access;
use crate::json::draft::{Draft, DraftAction, DraftOperation};
use crate::json::index::{Definitions, Index, Snapshot, State};
use crate::json::keys::{DraftKeys, OldDocuments, OldKeys};
use crate::json::search::Search;
use crate::json::stage::{Effects, Judge, Past, Verdict};
use crate::json::{get, in_time};
use crate::projection::{PathTree, Projection};
use crate::query::Query;
use crate::version::Version;
use crate::write::WriteReport;

/// The store as a transaction sees it.
///
/// What it reads stays as it is, since the store keeps past states for it. How a batch is judged only the present
/// tells, and that a method returns `None` says that this is not the present any more.
#[derive(Debug)]
pub(super) struct View {
    pub(super) snapshot: Snapshot,
    /// The indexes at that commit: only those know what was there then.
    definitions: Definitions,
    past: Past,
    /// What the transaction has written, and what it has deleted.
    documents: BTreeMap<Id, Option<Document>>,
    /// The edges that it has written, by the nodes that they join or have joined.
    touching: HashMap<Id, BTreeSet<Id>, RandomState>,
    /// Whether it has changed which edges or nodes there are.
    pub(super) is_reshaped: bool,
}

impl View {
    /// The store as it is.
    pub(super) fn of_present(store: &Store) -> Self {
        let index = store.shared.index.read();
        Self {
            snapshot: index.snapshot(),
            definitions: Arc::clone(&index.definitions),
            past: Past::default(),
            documents: BTreeMap::new(),
            touching: HashMap::default(),
            is_reshaped: false,
        }
    }

    /// Whether nobody has written since.
    pub(super) fn is_present(&self, index: &Index) -> bool {
        index.sequence == self.snapshot.sequence()
    }

    fn has_its_indexes(&self, store: &Store) -> bool {
        Arc::ptr_eq(&store.shared.index.read().definitions, &self.definitions)
    }

    /// Whether a batch can be judged by the index, which a large one that is being applied runs ahead of.
    fn is_settled(&self, index: &Index) -> bool {
        self.is_present(index)
            && !index.is_ahead()
            && Arc::ptr_eq(&index.definitions, &self.definitions)
    }

    /// What the transaction has made of a document, if it has written it.
    pub(super) fn own(&self, id: &Id) -> Option<Option<&Document>> {
        self.documents.get(id).map(Option::as_ref)
    }

    /// The edges that the transaction has written at a node, as they are now.
    pub(super) fn own_edges(&self, node: &Id) -> impl Iterator<Item = &Document> {
        let edges = self.touching.get(node).into_iter().flatten();
        edges.filter_map(|edge| self.own(edge)?)
    }

    /// Whether a document exists.
    pub(super) fn exists(&self, index: &Index, id: &Id) -> bool {
        let collection = id.collection();
        let is_stored = |ordinal| self.stored(index, collection, ordinal).is_some();
        match self.own(id) {
            Some(own) => own.is_some(),
            None => index.table(collection).ordinal(id).is_some_and(is_stored),
        }
    }

    /// The state of a stored document at the commit of this view, if it existed.
    pub(super) fn stored(
        &self,
        index: &Index,
        collection: Collection,
        ordinal: u32,
    ) -> Option<State> {
        let sequence = self.snapshot.sequence();
        index.table(collection).state_at(ordinal, sequence, &index.history)
    }

    /// What an edge joins, in a view of the present.
    fn ends(&self, index: &Index, edge: &Id) -> Option<Ends> {
        match self.own(edge) {
            Some(own) => own?.ends.clone(),
            None => index.ends(index.table(Collection::Edge).ordinal(edge)?),
        }
    }

    pub(super) async fn get(
        &self,
        store: &Store,
        handles: &[Handle],
    ) -> Result<Vec<Option<Document>>> {
        let is_stored = |handle: &&Handle| self.own(handle.id()).is_none();
        let stored: Vec<Handle> = handles.iter().filter(is_stored).cloned().collect();
        let mut stored = get(&store.shared, &stored, Some(&self.snapshot)).await?.into_iter();
        let found = handles.iter().map(|handle| match self.own(handle.id()) {
            Some(own) => own.cloned(),
            None => stored.next().flatten(),
        });
        Ok(found.collect())
    }

    /// The documents of a collection that the transaction has written or deleted.
    fn own_of(&self, collection: Collection) -> impl Iterator<Item = (&Id, Option<&Document>)> {
        let own = self.documents.iter().filter(move |(id, _)| id.collection() == collection);
        own.map(|(id, document)| (id, document.as_ref()))
    }

    /// All that a query finds; `None` when there are other indexes now.
    pub(super) async fn find(&self, store: &Store, query: &Query) -> Result<Option<Vec<Document>>> {
        let own = self.own_of(query.collection).count() as u64;
        let mut asked = query.clone();
        if own > 0 {
            // So many of those that are wanted may turn out to be written since.
            let limit = query.limit.map(|limit| limit.saturating_add(query.skip));
            asked.limit = limit.map(|limit| limit.saturating_add(own));
            asked.skip = 0;
            asked.projection = Projection::all();
        }
        let search = Search::new(&store.shared, asked, store.max_sort_bytes, Some(&self.snapshot))?;
        // Looked at only now: an index that was made before the search began may have been chosen for it.
        if !self.has_its_indexes(store) {
            return Ok(None);
        }
        let found = Cursor::new(search.into_stream()).try_collect().await?;
        if own == 0 {
            return Ok(Some(found));
        }
        let stored = found.into_iter().filter(|document| self.own(&document.id).is_none());
        let own = self.own_of(query.collection).filter_map(|(_, document)| document.cloned());
        query.answer(stored.chain(own), store.max_sort_bytes).map(Some)
    }

    /// How many documents a query finds by its filter; `None` when there are other indexes now.
    pub(super) async fn count(&self, store: &Store, query: &Query) -> Result<Option<u64>> {
        let shown = PathTree::default();
        let access = Access::new(&store.shared, query, shown, Some(&self.snapshot))?;
        if !self.has_its_indexes(store) {
            return Ok(None);
        }
        let stored = access.count(store.shared.deadline).await?;
        let own: Vec<Handle> =
            self.own_of(query.collection).map(|(id, _)| Handle::from(id)).collect();
        if own.is_empty() {
            return Ok(Some(stored));
        }
        let replaced = get(&store.shared, &own, Some(&self.snapshot)).await?;
        let replaced = matching(&query.filter, replaced.iter().flatten())?;
        let own = self.own_of(query.collection).filter_map(|(_, document)| document);
        Ok(Some(stored.saturating_sub(replaced) + matching(&query.filter, own)?))
    }

    /// Judges a batch and takes in what it changes; `None`, with nothing changed, when others have written
    /// or are about to.
    pub(super) async fn write(
        &mut self,
        store: &Store,
        draft: &Draft,
    ) -> Result<Option<WriteReport>> {
        let shared = &store.shared;
        let (keys, old) = {
            let index = shared.index.read();
            if !self.is_settled(&index) {
                return Ok(None);
            }
            let keys = DraftKeys::of(draft, &self.definitions, |id| self.ends(&index, id))?;
            (keys, OldDocuments::find(&index, draft))
        };
        let mut keys_before = OldKeys::default();
        if let Some(old) = old {
            let shared = Arc::clone(shared);
            let read = move || Ok(old.read(&shared.index));
            keys_before = in_time(store.shared.deadline, read).await?;
        }
        self.note_own_keys(store, draft, &mut keys_before);
        let index = shared.index.read();
        if !self.is_settled(&index) {
            return Ok(None);
        }
        let mut judge = Judge::new(&index, draft, &keys, &keys_before).after(&self.past);
        let verdicts = judge.judge(draft);
        if draft.atomic
            && let Some(report) = Verdict::refuse_all(&verdicts)
        {
            return Ok(Some(report));
        }
        let next = judge.into_past();
        self.past.extend(next);
        let mut report = WriteReport::default();
        for (operation, verdict) in draft.operations.iter().zip(verdicts) {
            if let Some(version) = verdict.outcome.version() {
                let effects = verdict.effects.map(|effects| *effects).unwrap_or_default();
                report.detached += effects.detached.len() as u64;
                self.apply(&index, draft, operation, version, effects);
            }
            report.outcomes.push(verdict.outcome);
        }
        Ok(Some(report))
    }

    /// Gives the documents that a batch may replace, and that the transaction has written, the keys that they
    /// have by now.
    fn note_own_keys(&self, store: &Store, draft: &Draft, keys: &mut OldKeys) {
        if self.definitions.is_empty() {
            return;
        }
        let detaches = |operation: &DraftOperation| {
            matches!(operation.action, DraftAction::Delete { detach: true, .. })
        };
        let edges = draft.operations.iter().any(detaches).then(|| self.own_of(Collection::Edge));
        let ids = draft.operations.iter().map(|operation| &operation.id);
        for id in ids.chain(edges.into_iter().flatten().map(|(id, _)| id)) {
            if let Some(own) = self.own(id) {
                keys.replace(&self.definitions, &store.shared.index, id, own);
            }
        }
    }

    /// Takes in one operation that can be done.
    fn apply(
        &mut self,
        index: &Index,
        draft: &Draft,
        operation: &DraftOperation,
        version: Version,
        effects: Effects,
    ) {
        let id = &operation.id;
        let ends = match &operation.action {
            DraftAction::Insert { link, .. } | DraftAction::Put { link, .. } => {
                link.as_ref().map(|link| link.ends.clone())
            }
            DraftAction::Update { .. } if id.collection() == Collection::Edge => {
                effects.ends.or_else(|| self.ends(index, id))
            }
            DraftAction::Update { .. } => None,
            DraftAction::Delete { .. } => {
                self.set(index, id, None);
                effects.detached.iter().for_each(|(edge, _)| self.set(index, edge, None));
                return;
            }
        };
        let fields = Bytes::copy_from_slice(operation.fields(&draft.lines));
        let body = Body::new(Encoding::Json, fields);
        let document = Document { id: id.clone(), version, schema: operation.schema, ends, body };
        self.set(index, id, Some(document));
    }

    fn set(&mut self, index: &Index, id: &Id, document: Option<Document>) {
        self.is_reshaped |= match id.collection() {
            Collection::Edge => true,
            Collection::Node => self.exists(index, id) != document.is_some(),
            _ => false,
        };
        let ends = document.as_ref().and_then(|document| document.ends.as_ref());
        for node in ends.into_iter().flat_map(|ends| [&ends.source, &ends.target]) {
            self.touching.entry(node.clone()).or_default().insert(id.clone());
        }
        self.documents.insert(id.clone(), document);
    }
}

/// How many of `documents` match.
fn matching<'d>(filter: &Filter, documents: impl Iterator<Item = &'d Document>) -> Result<u64> {
    let paths = filter.paths();
    let mut count = 0;
    for document in documents {
        count += u64::from(filter.matches(&document.pick(&paths)?));
    }
    Ok(count)
}
