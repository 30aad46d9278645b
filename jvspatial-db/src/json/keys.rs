//! The keys that a batch adds to the indexes and takes from them.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::draft::{Draft, DraftAction, DraftOperation};
use super::index::{Definitions, Index, KeyChange, KeyChanges};
use super::reader::{Located, Reading};
use super::segment::Segments;
use crate::codec::Encoding;
use crate::document::Ends;
use crate::error::{ErrorKind, Result};
use crate::id::{Collection, Id};
use crate::indexes::Source;
use crate::version::Version;
use crate::write::Outcome;

type Map<K, V> = HashMap<K, V, RandomState>;

/// A key and the place of its index.
pub(super) type IndexKey = (u16, Box<[u8]>);

/// The keys of the documents that a batch writes, worked out on its sender's time.
#[derive(Debug, Default)]
pub(super) struct DraftKeys {
    definitions: Definitions,
    /// The keys of each operation's document, one operation behind the other.
    keys: Vec<IndexKey>,
    /// Where those of each operation end; empty when there are no indexes.
    ends: Vec<usize>,
    multikey: Vec<u32>,
    /// Whether they depend on what a stored edge joins.
    looks_up: bool,
}

impl DraftKeys {
    /// The keys of the operations of `draft`.
    ///
    /// # Errors
    /// `Invalid`, `Limit` for a document that an index cannot hold.
    pub(super) fn of(
        draft: &Draft,
        definitions: &Definitions,
        stored_ends: impl Fn(&Id) -> Option<Ends>,
    ) -> Result<Self> {
        let mut found = Self { definitions: Arc::clone(definitions), ..Self::default() };
        if definitions.is_empty() {
            return Ok(found);
        }
        found.multikey.resize(definitions.len(), 0);
        found.ends.reserve(draft.operations.len());
        // What the edges join that this batch has made so far.
        let mut made: Map<&Id, &Ends> = Map::default();
        for operation in &draft.operations {
            let id = &operation.id;
            match &operation.action {
                DraftAction::Insert { version, link } | DraftAction::Put { version, link } => {
                    let ends = link.as_ref().map(|link| &link.ends);
                    found.add(draft, operation, *version, ends)?;
                    made.extend(ends.map(|ends| (id, ends)));
                }
                DraftAction::Update { expected } if id.collection() == Collection::Edge => {
                    let is_made = made.contains_key(id);
                    let stored = if is_made { None } else { stored_ends(id) };
                    found.looks_up |= !is_made;
                    let ends = stored.as_ref().or_else(|| made.get(id).copied());
                    found.add(draft, operation, expected.next(), ends)?;
                }
                DraftAction::Update { expected } => {
                    found.add(draft, operation, expected.next(), None)?;
                }
                DraftAction::Delete { .. } => {}
            }
            found.ends.push(found.keys.len());
        }
        Ok(found)
    }

    fn add(
        &mut self,
        draft: &Draft,
        operation: &DraftOperation,
        version: Version,
        ends: Option<&Ends>,
    ) -> Result<()> {
        let id = &operation.id;
        let line = draft.lines.get(operation.line.clone()).unwrap_or_default();
        // An edge that is updated lacks what stands after its fields.
        let after = if operation.is_spelled() { usize::from(operation.suffix) + 1 } else { 0 };
        let body = usize::from(operation.prefix)..line.len().saturating_sub(after);
        let source = Source {
            id,
            version,
            schema: operation.schema,
            ends,
            encoding: Encoding::Json,
            body: line.get(body).unwrap_or_default(),
        };
        for ((place, definition), multikey) in
            (0_u16..).zip(self.definitions.iter()).zip(&mut self.multikey)
        {
            if definition.covers(id)
                && let Some(keys) = definition.keys(&source).map_err(|error| {
                    // What came encoded need not be what it is said to be.
                    let is_broken = error.kind() == ErrorKind::Corrupt;
                    let broken = || crate::Error::invalid("encoded fields are not a document");
                    if is_broken { broken().with("id", id) } else { error }
                })?
            {
                *multikey |= keys.multikey;
                self.keys.extend(keys.keys.into_iter().map(|key| (place, key)));
            }
        }
        Ok(())
    }

    /// Whether they are of the indexes that the store has by now.
    pub(super) fn are_of(&self, definitions: &Definitions) -> bool {
        let same = Arc::ptr_eq(&self.definitions, definitions) && !self.looks_up;
        same || (self.definitions.is_empty() && definitions.is_empty())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn of_operation(&self, at: usize) -> &[IndexKey] {
        let end = self.ends.get(at).copied().unwrap_or_default();
        let start = at.checked_sub(1).and_then(|at| self.ends.get(at)).copied().unwrap_or_default();
        self.keys.get(start..end).unwrap_or_default()
    }

    pub(super) fn multikey(&self) -> &[u32] {
        &self.multikey
    }
}

/// The keys that documents have which a batch is going to replace or to delete.
#[derive(Debug, Default)]
pub(super) struct OldKeys(Map<Id, Vec<IndexKey>>);

/// Those documents, found and not read yet.
#[derive(Debug)]
pub(super) struct OldDocuments {
    segments: Arc<Segments>,
    places: Vec<Located>,
    definitions: Definitions,
}

impl OldDocuments {
    /// The documents that `draft` may replace and that stand in an index; `None` without any.
    pub(super) fn find(index: &Index, draft: &Draft) -> Option<Self> {
        if index.definitions.is_empty() {
            return None;
        }
        let definitions = Arc::clone(&index.definitions);
        let mut places = Vec::new();
        let mut add = |id: &Id| {
            let is_indexed = definitions.iter().any(|definition| definition.covers(id));
            if is_indexed && let Some((ordinal, record)) = index.table(id.collection()).existing(id)
            {
                places.push(Located::new(index, id.collection(), ordinal, id, record.state));
            }
        };
        let edges = index.table(Collection::Edge);
        let edges_too =
            definitions.iter().any(|definition| definition.collection == Collection::Edge);
        for operation in &draft.operations {
            let id = &operation.id;
            add(id);
            if let DraftAction::Delete { detach: true, .. } = operation.action
                && edges_too
                && id.collection() == Collection::Node
                && let Some(node) = index.nodes().ordinal(id)
            {
                index.edges_of(node).filter_map(|edge| edges.id(edge)).for_each(|id| add(&id));
            }
        }
        (!places.is_empty()).then(|| Self {
            segments: Arc::clone(&index.segments),
            places,
            definitions,
        })
    }

    /// Reads them. What cannot be read is looked for among the keys of `index`, all of which that takes.
    pub(super) fn read(self, index: &parking_lot::RwLock<Index>) -> OldKeys {
        const TOGETHER: usize = 256;
        let Self { segments, mut places, definitions } = self;
        let mut keys = OldKeys::default();
        while !places.is_empty() {
            let some = places.split_off(places.len().saturating_sub(TOGETHER));
            let read = |some: &[Located]| {
                let some = some.iter().cloned().map(Some).collect();
                let mut reading = Reading::new(Arc::clone(&segments), some);
                reading.read_blocking()?;
                reading.finish()
            };
            let documents = read(&some);
            match documents {
                Ok(documents) => {
                    for document in documents.into_iter().flatten() {
                        let found = keys_of(&definitions, &Source::from(&document));
                        let found = found.unwrap_or_else(|_| scanned(&index.read(), &document.id));
                        keys.0.insert(document.id, found);
                    }
                }
                Err(_) => {
                    for located in some {
                        let alone = read(std::slice::from_ref(&located)).ok();
                        let document = alone.and_then(|found| found.into_iter().flatten().next());
                        let found = document
                            .and_then(|found| keys_of(&definitions, &Source::from(&found)).ok());
                        let found = found.unwrap_or_else(|| scanned(&index.read(), &located.id));
                        keys.0.insert(located.id, found);
                    }
                }
            }
        }
        keys
    }
}

fn keys_of(definitions: &Definitions, source: &Source<'_>) -> Result<Vec<IndexKey>> {
    let mut keys = Vec::new();
    for (place, definition) in (0..).zip(definitions.iter()) {
        if definition.covers(source.id)
            && let Some(found) = definition.keys(source)?
        {
            keys.extend(found.keys.into_iter().map(|key| (place, key)));
        }
    }
    Ok(keys)
}

/// The keys of a document whose line is damaged, so that it can be replaced or deleted all the same.
fn scanned(index: &Index, id: &Id) -> Vec<IndexKey> {
    let Some(ordinal) = index.table(id.collection()).ordinal(id) else { return Vec::new() };
    let each = (0..).zip(&index.secondary).filter(|(_, index)| index.definition.covers(id));
    each.flat_map(|(place, index)| index.keys_of(ordinal).into_iter().map(move |key| (place, key)))
        .collect()
}

/// Judges the keys of one batch's operations in order, each seeing the ones before it.
pub(super) struct KeyJudge<'a> {
    index: &'a Index,
    new: &'a DraftKeys,
    old: &'a OldKeys,
    /// The keys of documents that this batch changed so far.
    current: Map<Id, Vec<IndexKey>>,
    /// Who has a key of a unique index now, among those that this batch changed.
    owners: Map<IndexKey, Option<Id>>,
    pub changes: Vec<KeyChange>,
}

impl<'a> KeyJudge<'a> {
    pub(super) fn new(index: &'a Index, new: &'a DraftKeys, old: &'a OldKeys) -> Self {
        Self {
            index,
            new,
            old,
            current: Map::default(),
            owners: Map::default(),
            changes: Vec::new(),
        }
    }

    /// Why the operation at `at` cannot give the document `id` its keys, if it cannot.
    pub(super) fn refuse(&self, at: usize, id: &Id) -> Option<Outcome> {
        for key in self.new.of_operation(at) {
            let secondary = self.index.secondary.get(usize::from(key.0))?;
            if !secondary.definition.spec.is_unique() {
                continue;
            }
            let owner = match self.owners.get(key) {
                Some(owner) => owner.clone(),
                None => secondary.owner(&key.1).and_then(|ordinal| {
                    let table = self.index.table(id.collection());
                    table.id(ordinal)
                }),
            };
            if let Some(owner) = owner.filter(|owner| owner != id) {
                return Some(Outcome::duplicate(secondary.definition.name.clone(), owner));
            }
        }
        None
    }

    /// Gives the document `id` the keys of the operation at `at`; none when it is deleted by something else.
    pub(super) fn change(&mut self, at: Option<usize>, id: &Id, is_alone: bool) {
        if self.new.is_empty() {
            return;
        }
        let (new, old) = (self.new, self.old);
        let new = at.map_or(&[][..], |at| new.of_operation(at));
        let before = self.current.remove(id);
        let stored = old.0.get(id).map_or(&[][..], Vec::as_slice);
        let before = before.as_deref().unwrap_or(stored);
        for (keys, others, added) in [(before, new, false), (new, before, true)] {
            for key in keys.iter().filter(|key| others.binary_search(key).is_err()) {
                let is_unique = |index: &super::index::Secondary| index.definition.spec.is_unique();
                if self.index.secondary.get(usize::from(key.0)).is_some_and(is_unique) {
                    self.owners.insert(key.clone(), added.then(|| id.clone()));
                }
                let (index, key) = key.clone();
                self.changes.push(KeyChange { index, id: id.clone(), key, added });
            }
        }
        if !is_alone {
            self.current.insert(id.clone(), new.to_vec());
        }
    }

    /// The keys of unique indexes that change hands.
    pub(super) fn into_parts(self) -> (Vec<KeyChange>, impl Iterator<Item = IndexKey> + use<>) {
        (self.changes, self.owners.into_keys())
    }
}

impl KeyChanges {
    /// Adds what a batch changes.
    pub(super) fn extend(&mut self, changes: Vec<KeyChange>, multikey: &[u32]) {
        self.changes.extend(changes);
        self.multikey.resize(self.multikey.len().max(multikey.len()), 0);
        self.multikey.iter_mut().zip(multikey).for_each(|(all, bits)| *all |= bits);
    }
}
