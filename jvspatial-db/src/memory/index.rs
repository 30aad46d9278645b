//! The indexes of the reference backend: sorted sets of keys and ids.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::entity_name::EntityName;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::indexes::{Candidate, Definition, IndexInfo, IndexSpec, KeyRange, Plan, Source};

/// One index.
#[derive(Clone, Debug)]
pub(super) struct MemoryIndex {
    pub definition: Definition,
    keys: BTreeSet<(Box<[u8]>, Id)>,
    multikey: u32,
    uses: Arc<AtomicU64>,
}

impl MemoryIndex {
    pub(super) fn new(definition: Definition) -> Self {
        Self { definition, keys: BTreeSet::new(), multikey: 0, uses: Arc::default() }
    }

    /// The document that has one of the keys that `source` is to have.
    pub(super) fn taken(&self, source: &Source<'_>) -> Result<Option<Id>> {
        if !self.definition.spec.is_unique() || !self.definition.covers(source.id) {
            return Ok(None);
        }
        let keys = self.definition.keys(source)?.unwrap_or_default();
        Ok(keys
            .keys
            .iter()
            .find_map(|key| self.with_key(key).find(|owner| *owner != source.id).cloned()))
    }

    fn with_key<'a>(&'a self, key: &'a [u8]) -> impl Iterator<Item = &'a Id> {
        let least = (Box::from(key), Id::least());
        self.keys.range(least..).take_while(move |(own, _)| **own == *key).map(|(_, id)| id)
    }

    /// Adds or takes away the keys of a document.
    pub(super) fn note(&mut self, source: &Source<'_>, added: bool) {
        if !self.definition.covers(source.id) {
            return;
        }
        // What could not be indexed was refused before.
        let Ok(Some(keys)) = self.definition.keys(source) else { return };
        self.multikey |= keys.multikey;
        for key in keys.keys {
            let entry = (key, source.id.clone());
            if added {
                self.keys.insert(entry)
            } else {
                self.keys.remove(&entry)
            };
        }
    }

    /// Refuses keys that two documents have, naming some of them.
    pub(super) fn check_unique(&self) -> Result<()> {
        const NAMED: usize = 10;
        if !self.definition.spec.is_unique() {
            return Ok(());
        }
        let pairs = self.keys.iter().zip(self.keys.iter().skip(1));
        let violations: Vec<_> = pairs.filter(|(a, b)| a.0 == b.0).collect();
        if violations.is_empty() {
            return Ok(());
        }
        let named: Vec<_> =
            violations.iter().take(NAMED).map(|(a, b)| format!("{} and {}", a.1, b.1)).collect();
        Err(Error::new(ErrorKind::Duplicate, "documents share a key that is to be unique")
            .with("index", &self.definition.name)
            .with("violations", violations.len())
            .with("documents", named.join(", ")))
    }

    pub(super) fn note_use(&self) {
        self.uses.fetch_add(1, Ordering::Relaxed);
    }

    /// The documents with a key in the ranges of a plan, each once and in the order of the index, and how
    /// many keys that took.
    pub(super) fn ids(&self, plan: &Plan) -> (Vec<Id>, u64) {
        let (mut ids, mut seen, mut keys) = (Vec::new(), BTreeSet::new(), 0);
        for (start, end) in plan.ranges.iter().filter(|(start, end)| start < end) {
            let first = (Box::from(start.as_slice()), Id::least());
            for (key, id) in self.keys.range(first..) {
                if **key >= **end {
                    break;
                }
                keys += 1;
                if seen.insert(id.clone()) {
                    ids.push(id.clone());
                }
            }
        }
        (ids, keys)
    }

    pub(super) fn info(&self) -> IndexInfo {
        IndexInfo {
            keys: self.keys.len() as u64,
            uses: self.uses.load(Ordering::Relaxed),
            is_multikey: self.multikey != 0,
            ..IndexInfo::new(&self.definition)
        }
    }
}

impl Candidate for MemoryIndex {
    fn spec(&self) -> &IndexSpec {
        &self.definition.spec
    }

    fn entity(&self) -> Option<EntityName> {
        self.definition.entity
    }

    fn multikey(&self) -> u32 {
        self.multikey
    }

    fn estimate(&self, ranges: &[KeyRange]) -> u64 {
        let count = |(start, end): &KeyRange| {
            let first = (Box::from(start.as_slice()), Id::least());
            self.keys.range(first..).take_while(|(key, _)| **key < **end).count() as u64
        };
        ranges.iter().map(count).sum()
    }
}
