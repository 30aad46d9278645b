//! The keys that a batch adds to the indexes and takes from them.

mod judge;

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::RandomState;

pub(super) use self::judge::{KeyJudge, Owners};
use super::draft::{Draft, DraftAction, DraftOperation};
use super::index::{Definitions, Index, KeyChanges, Secondary};
use super::reader::{Located, Reading};
use super::segment::Segments;
use crate::codec::Encoding;
use crate::document::{Document, Ends};
use crate::error::{ErrorKind, Result};
use crate::id::{Collection, Id};
use crate::indexes::{Extractor, KeyList, Source};
use crate::version::Version;

type Map<K, V> = HashMap<K, V, RandomState>;

/// A key and the place of its index.
pub(super) type IndexKey = (u16, Box<[u8]>);

/// From how many operations on a second thread is worth starting.
const PARALLEL: usize = 4096;

/// How many operations say how much room the keys of all take.
const SAMPLE: usize = 64;

/// The keys of the documents that a batch writes, worked out on its sender's time.
#[derive(Debug, Default)]
pub(super) struct DraftKeys {
    definitions: Definitions,
    /// The keys of each operation's document, one operation behind the other.
    keys: KeyList,
    /// Where those of each operation end; empty when there are no indexes.
    ends: Vec<usize>,
    multikey: Vec<u32>,
    /// Whether two of the keys of one unique index may be the same.
    has_twins: bool,
    /// Whether they depend on what a stored edge joins.
    looks_up: bool,
}

/// The keys of some operations of a batch.
#[derive(Default)]
struct Part {
    keys: KeyList,
    ends: Vec<usize>,
    multikey: Vec<u32>,
    /// Those of the keys of unique indexes.
    hashes: Vec<u64>,
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
        let operations = draft.operations.as_slice();
        let hasher = RandomState::default();
        let finder = Finder { lines: &draft.lines, definitions, hasher: &hasher };
        let is_edge = |operation: &DraftOperation| operation.id.collection() == Collection::Edge;
        let mut part = if operations.len() >= PARALLEL && !operations.iter().any(is_edge) {
            let (own, other) = operations.split_at(operations.len() / 2);
            let (own, other) = std::thread::scope(|scope| {
                let other = scope.spawn(|| finder.find(other));
                let own = finder.find(own);
                let other = match other.join() {
                    Ok(part) => part,
                    Err(panic) => std::panic::resume_unwind(panic),
                };
                (own, other)
            });
            let mut part = own?;
            part.append(other?);
            part
        } else {
            finder.find_with_edges(operations, stored_ends, &mut found.looks_up)?
        };
        // Those of two threads are two parts in order.
        part.hashes.sort();
        found.has_twins = part.hashes.windows(2).any(|pair| pair.first() == pair.last());
        (found.keys, found.ends, found.multikey) = (part.keys, part.ends, part.multikey);
        Ok(found)
    }

    /// Whether they are of the indexes that the store has by now.
    pub(super) fn are_of(&self, definitions: &Definitions) -> bool {
        let same = Arc::ptr_eq(&self.definitions, definitions) && !self.looks_up;
        same || (self.definitions.is_empty() && definitions.is_empty())
    }

    const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Whether nobody has a key of them that only one document may have, neither in `index` nor among them.
    pub(super) fn are_free(&self, index: &Index) -> bool {
        let judges = |secondary: &&Secondary| {
            secondary.definition.spec.is_unique() && !secondary.keys.is_empty()
        };
        if self.has_twins || !index.secondary.iter().any(|secondary| judges(&secondary)) {
            return !self.has_twins;
        }
        self.keys.iter().all(|(place, key)| {
            let secondary = index.secondary.get(usize::from(place)).filter(judges);
            secondary.is_none_or(|secondary| secondary.owner(key).is_none())
        })
    }

    /// What changes when all the operations create documents.
    pub(super) fn into_created(self) -> KeyChanges {
        let Self { keys, ends, multikey, .. } = self;
        KeyChanges { keys, created: ends, changes: Vec::new(), multikey }
    }

    /// The numbers of the keys of the operation at `at`.
    fn of_operation(&self, at: usize) -> Range<usize> {
        let end = self.ends.get(at).copied().unwrap_or_default();
        let start = at.checked_sub(1).and_then(|at| self.ends.get(at)).copied().unwrap_or_default();
        start..end
    }
}

impl Part {
    /// Adds those of the operations behind these.
    fn append(&mut self, other: Self) {
        let shift = self.keys.len();
        self.ends.extend(other.ends.into_iter().map(|end| end + shift));
        self.keys.append(other.keys);
        self.multikey.iter_mut().zip(other.multikey).for_each(|(all, bits)| *all |= bits);
        self.hashes.extend(other.hashes);
    }
}

/// Finds the keys of operations.
struct Finder<'d> {
    lines: &'d [u8],
    definitions: &'d Definitions,
    hasher: &'d RandomState,
}

impl<'d> Finder<'d> {
    /// The keys of operations on anything but edges.
    fn find(&self, operations: &[DraftOperation]) -> Result<Part> {
        self.find_with_edges(operations, |_| None, &mut false)
    }

    /// The keys of operations; `looks_up` is set when they depend on what a stored edge joins.
    fn find_with_edges(
        &self,
        operations: &[DraftOperation],
        stored_ends: impl Fn(&Id) -> Option<Ends>,
        looks_up: &mut bool,
    ) -> Result<Part> {
        let mut part = Part { multikey: vec![0; self.definitions.len()], ..Part::default() };
        part.ends.reserve(operations.len());
        let mut extractor = Extractor::new([]);
        // What the edges join that this batch has made so far.
        let mut made: Map<&Id, &Ends> = Map::default();
        for operation in operations {
            let id = &operation.id;
            match &operation.action {
                DraftAction::Insert { version, link } | DraftAction::Put { version, link } => {
                    let ends = link.as_ref().map(|link| &link.ends);
                    self.add(&mut part, &mut extractor, operation, *version, ends)?;
                    made.extend(ends.map(|ends| (id, ends)));
                }
                DraftAction::Update { expected } if id.collection() == Collection::Edge => {
                    let is_made = made.contains_key(id);
                    let stored = if is_made { None } else { stored_ends(id) };
                    *looks_up |= !is_made;
                    let ends = stored.as_ref().or_else(|| made.get(id).copied());
                    self.add(&mut part, &mut extractor, operation, expected.next(), ends)?;
                }
                DraftAction::Update { expected } => {
                    self.add(&mut part, &mut extractor, operation, expected.next(), None)?;
                }
                DraftAction::Delete { .. } => {}
            }
            part.ends.push(part.keys.len());
            // Most documents of a batch are alike; a few of them say how much room all take.
            if part.ends.len() == SAMPLE {
                part.keys.reserve_times(operations.len() / SAMPLE);
                part.hashes.reserve(operations.len());
            }
        }
        part.hashes.sort_unstable();
        Ok(part)
    }

    fn add(
        &self,
        part: &mut Part,
        extractor: &mut Extractor<'d>,
        operation: &DraftOperation,
        version: Version,
        ends: Option<&Ends>,
    ) -> Result<()> {
        let id = &operation.id;
        let source = Source {
            id,
            version,
            schema: operation.schema,
            ends,
            encoding: Encoding::Json,
            body: operation.fields(self.lines),
        };
        prepare(extractor, self.definitions, id);
        let first = part.keys.len();
        let found = extractor.find(&source, &mut part.keys, &mut part.multikey);
        found.map_err(|error| {
            // What came encoded need not be what it is said to be.
            let is_broken = error.kind() == ErrorKind::Corrupt;
            let broken = || crate::Error::invalid("encoded fields are not a document");
            (if is_broken { broken() } else { error }).with("id", id)
        })?;
        for key in part.keys.range(first..part.keys.len()) {
            if is_unique(self.definitions, key.0) {
                part.hashes.push(self.hasher.hash_one(key));
            }
        }
        Ok(())
    }
}

/// Makes an extractor one for the indexes that the document `id` may be in.
fn prepare<'d>(extractor: &mut Extractor<'d>, definitions: &'d Definitions, id: &Id) {
    let covering = || (0..).zip(definitions.iter()).filter(|(_, definition)| definition.covers(id));
    if !extractor.is_of(covering().map(|(place, _)| place)) {
        *extractor =
            Extractor::new(covering().map(|(place, definition)| (place, &definition.spec)));
    }
}

fn is_unique(definitions: &Definitions, place: u16) -> bool {
    definitions.get(usize::from(place)).is_some_and(|definition| definition.spec.is_unique())
}

/// The keys that documents have which a batch is going to replace or to delete.
#[derive(Debug, Default)]
pub(super) struct OldKeys {
    keys: KeyList,
    /// The numbers of those of each document.
    documents: Map<Id, Range<usize>>,
}

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
            // What exists is not inserted.
            if !matches!(operation.action, DraftAction::Insert { .. }) {
                add(id);
            }
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
            match read(&some) {
                Ok(documents) => {
                    for document in documents.into_iter().flatten() {
                        keys.add(&definitions, index, &document.id, Some(&document));
                    }
                }
                Err(_) => {
                    for located in some {
                        let alone = read(std::slice::from_ref(&located)).ok();
                        let document = alone.and_then(|found| found.into_iter().flatten().next());
                        keys.add(&definitions, index, &located.id, document.as_ref());
                    }
                }
            }
        }
        keys
    }
}

impl OldKeys {
    /// Adds the keys of a document, without which they are looked for in the index.
    fn add(
        &mut self,
        definitions: &Definitions,
        index: &parking_lot::RwLock<Index>,
        id: &Id,
        document: Option<&Document>,
    ) {
        let mut extractor = Extractor::new([]);
        prepare(&mut extractor, definitions, id);
        let first = self.keys.len();
        let found = document
            .map(|document| extractor.find(&Source::from(document), &mut self.keys, &mut []));
        if !matches!(found, Some(Ok(_))) {
            self.keys.truncate(first);
            scanned(&index.read(), id, &mut self.keys);
        }
        self.documents.insert(id.clone(), first..self.keys.len());
    }

    /// Has a document, or none, stand where the index knows another.
    pub(super) fn replace(
        &mut self,
        definitions: &Definitions,
        index: &parking_lot::RwLock<Index>,
        id: &Id,
        document: Option<&Document>,
    ) {
        match document {
            Some(document) => self.add(definitions, index, id, Some(document)),
            None => drop(self.documents.insert(id.clone(), 0..0)),
        }
    }

    fn of(&self, id: &Id) -> Range<usize> {
        self.documents.get(id).cloned().unwrap_or_default()
    }
}

/// Adds the keys of a document whose line is damaged, so that it can be replaced or deleted all the same.
fn scanned(index: &Index, id: &Id, keys: &mut KeyList) {
    let Some(ordinal) = index.table(id.collection()).ordinal(id) else { return };
    for (place, index) in (0..).zip(&index.secondary) {
        if index.definition.covers(id) {
            index.keys_of(ordinal).iter().for_each(|key| keys.push((place, key)));
        }
    }
}
