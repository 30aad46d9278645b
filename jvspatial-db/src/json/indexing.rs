//! Making and dropping indexes, and filling them with what is there.

use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::oneshot;

use super::bulk::{Stretches, body_of};
use super::index::{
    Index, KeySet, Secondary, Snapshot, State, changed_since, entry_of, split_entry,
};
use super::line::Line;
use super::processors::processors;
use super::queue::Job;
use super::segment::Segments;
use super::writer::{Shared, Writer};
use super::{JsonDb, blocking, manifest};
use crate::codec::Encoding;
use crate::document::Ends;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{Collection, Id};
use crate::indexes::{Definition, IndexInfo, Keys, MAX_INDEXES, Source};
use crate::version::Version;

/// How many documents are looked at while the index is held.
const HELD: usize = 4096;

/// How many violations of uniqueness an error names.
const NAMED: usize = 10;

/// From how many documents on a second thread is worth starting.
const PARALLEL: usize = 8192;

/// A document to be put into indexes.
#[derive(Debug)]
struct Item {
    id: Id,
    ordinal: u32,
    state: State,
}

/// Entries in one piece of memory, and then in order.
#[derive(Debug, Default)]
struct Entries {
    bytes: Vec<u8>,
    spans: Vec<(usize, u16)>,
    multikey: u32,
}

/// An index as it was at one commit, before anybody uses it.
#[derive(Debug)]
pub(super) struct Built {
    definition: Arc<Definition>,
    keys: KeySet,
    multikey: u32,
    snapshot: Snapshot,
}

impl Entries {
    fn push(&mut self, keys: Keys, ordinal: u32) {
        self.multikey |= keys.multikey;
        for key in keys.keys {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(&key);
            self.bytes.extend_from_slice(&ordinal.to_be_bytes());
            // A key is far shorter than that.
            self.spans.push((start, (self.bytes.len() - start) as u16));
        }
    }

    fn get(&self, (start, len): (usize, u16)) -> &[u8] {
        self.bytes.get(start..start + usize::from(len)).unwrap_or_default()
    }

    fn sort(&mut self) {
        let mut spans = std::mem::take(&mut self.spans);
        spans.sort_unstable_by(|a, b| self.get(*a).cmp(self.get(*b)));
        self.spans = spans;
    }
}

/// The entries of several parts in order.
fn merged(parts: &[Entries]) -> impl Iterator<Item = &[u8]> {
    let mut next: Vec<usize> = vec![0; parts.len()];
    std::iter::from_fn(move || {
        let least = (0..parts.len())
            .filter_map(|at| Some((at, parts[at].get(*parts[at].spans.get(next[at])?))))
            .min_by(|(_, a), (_, b)| a.cmp(b));
        let (at, entry) = least?;
        next[at] += 1;
        Some(entry)
    })
}

/// The keys of the document in a line.
fn keys_in(definition: &Definition, id: &Id, state: &State, line: &[u8]) -> Result<Option<Keys>> {
    if !definition.covers(id) {
        return Ok(None);
    }
    let ends = ends_in(id, line)?;
    definition.keys(&Source {
        id,
        version: Version::new(state.version),
        schema: state.schema,
        ends: ends.as_ref(),
        encoding: Encoding::Json,
        body: body_of(line, state.place),
    })
}

fn ends_in(id: &Id, line: &[u8]) -> Result<Option<Ends>> {
    if id.collection() != Collection::Edge {
        return Ok(None);
    }
    match Line::parse(line) {
        Some(Line::Document(line)) => line.ends.map(|ends| ends.parse()).transpose(),
        _ => Ok(None),
    }
}

/// The documents of a collection at a commit that are in one of the indexes.
fn items(
    index: &RwLock<Index>,
    definitions: &[Arc<Definition>],
    collection: Collection,
    snapshot: &Snapshot,
) -> Vec<Item> {
    let mut items = Vec::new();
    let mut next = 0;
    loop {
        let index = index.read();
        let table = index.table(collection);
        if next >= table.len() {
            break;
        }
        for (ordinal, id) in
            table.ids(next).take_while(|(ordinal, _)| (*ordinal as usize) < next + HELD)
        {
            let state = table.state_at(ordinal, snapshot.sequence(), &index.history);
            if let Some(state) = state
                && definitions.iter().any(|definition| definition.covers(&id))
            {
                items.push(Item { id, ordinal, state });
            }
        }
        next += HELD;
    }
    items.sort_unstable_by_key(|item| (item.state.place.slot, item.state.place.offset));
    items
}

/// Fills indexes on one collection. Blocks while it reads.
fn build(
    index: &RwLock<Index>,
    segments: &Segments,
    definitions: &[Arc<Definition>],
    collection: Collection,
    snapshot: &Snapshot,
) -> Result<Vec<(KeySet, u32)>> {
    let items = items(index, definitions, collection, snapshot);
    let threads = if items.len() >= PARALLEL { processors().get() } else { 1 };
    let read = |items: &[Item]| -> Result<Vec<Entries>> {
        let mut entries: Vec<Entries> = definitions.iter().map(|_| Entries::default()).collect();
        Stretches::default().read(
            segments,
            items,
            |item| (&item.id, &item.state),
            |item, line| {
                for (definition, entries) in definitions.iter().zip(&mut entries) {
                    if let Some(keys) = keys_in(definition, &item.id, &item.state, line)? {
                        entries.push(keys, item.ordinal);
                    }
                }
                Ok(())
            },
        )?;
        entries.iter_mut().for_each(Entries::sort);
        Ok(entries)
    };
    let share = items.len().div_ceil(threads).max(1);
    let parts: Vec<Result<Vec<Entries>>> = std::thread::scope(|scope| {
        let mut shares = items.chunks(share);
        let own = shares.next().unwrap_or_default();
        let others: Vec<_> = shares.map(|share| scope.spawn(move || read(share))).collect();
        let mut parts = vec![read(own)];
        parts.extend(others.into_iter().map(|other| match other.join() {
            Ok(part) => part,
            Err(panic) => std::panic::resume_unwind(panic),
        }));
        parts
    });
    let mut of_definition: Vec<Vec<Entries>> = definitions.iter().map(|_| Vec::new()).collect();
    for part in parts {
        for (all, entries) in of_definition.iter_mut().zip(part?) {
            all.push(entries);
        }
    }
    Ok(of_definition
        .into_iter()
        .map(|parts| {
            let multikey = parts.iter().fold(0, |bits, part| bits | part.multikey);
            (KeySet::from_sorted(merged(&parts)), multikey)
        })
        .collect())
}

/// Refuses keys that two documents have, naming some of them.
fn check_unique(index: &Index, definition: &Definition, keys: &KeySet) -> Result<()> {
    if !definition.spec.is_unique() {
        return Ok(());
    }
    let mut last: Vec<u8> = Vec::new();
    let (mut named, mut count) = (String::new(), 0_u64);
    let table = index.table(definition.collection);
    keys.scan((&[], &[u8::MAX]), false, |entry| {
        let (key, ordinal) = split_entry(entry);
        let (before, other) = split_entry(&last);
        if !last.is_empty() && before == key {
            count += 1;
            if count <= NAMED as u64
                && let (Some(a), Some(b)) = (table.id(other), table.id(ordinal))
            {
                let comma = if named.is_empty() { "" } else { ", " };
                named.push_str(&format!("{comma}{a} and {b}"));
            }
        }
        last.clear();
        last.extend_from_slice(entry);
        true
    });
    if count == 0 {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Duplicate, "documents share a key that is to be unique")
        .with("index", &definition.name)
        .with("violations", count)
        .with("documents", named))
}

/// Fills the indexes of a store that is being opened.
///
/// # Errors
/// `Corrupt`, `Unavailable`.
pub(super) fn fill(index: &RwLock<Index>, definitions: Vec<Definition>) -> Result<()> {
    let definitions: Vec<_> = definitions.into_iter().map(Arc::new).collect();
    let segments = Arc::clone(&index.read().segments);
    let snapshot = index.read().snapshot();
    for collection in Collection::ALL {
        let some: Vec<_> = definitions
            .iter()
            .filter(|definition| definition.collection == collection)
            .map(Arc::clone)
            .collect();
        if some.is_empty() {
            continue;
        }
        let filled = build(index, &segments, &some, collection, &snapshot)?;
        for (definition, (keys, multikey)) in some.into_iter().zip(filled) {
            index.write().add_secondary(Secondary::new(definition, keys, multikey));
        }
    }
    Ok(())
}

impl JsonDb {
    pub(super) async fn make_index(&self, definition: Definition) -> Result<()> {
        self.shared.queue.check_readable()?;
        let shared = Arc::clone(&self.shared);
        let definition = Arc::new(definition);
        {
            let index = shared.index.read();
            if is_there(&index, &definition)? {
                return Ok(());
            }
        }
        let built = blocking(move || -> Result<Built> {
            let (segments, snapshot) = {
                let index = shared.index.read();
                (Arc::clone(&index.segments), index.snapshot())
            };
            let some = [Arc::clone(&definition)];
            let filled = build(&shared.index, &segments, &some, definition.collection, &snapshot)?;
            let (keys, multikey) = filled.into_iter().next().unwrap_or_default();
            check_unique(&shared.index.read(), &definition, &keys)?;
            Ok(Built { definition, keys, multikey, snapshot })
        });
        let (reply, done) = oneshot::channel();
        self.shared.queue.order(Job::AddIndex(Box::new(built.await??), reply))?;
        done.await.unwrap_or_else(|_| Err(self.stopped()))
    }

    pub(super) async fn forget_index(
        &self,
        collection: Collection,
        entity: Option<crate::EntityName>,
        name: &str,
    ) -> Result<bool> {
        let found = {
            let index = self.shared.index.read();
            let mut definitions = index.definitions.iter();
            definitions.find(|found| found.is_called(collection, entity, name)).map(Arc::clone)
        };
        let Some(definition) = found else { return Ok(false) };
        let (reply, done) = oneshot::channel();
        self.shared.queue.order(Job::DropIndex(definition, reply))?;
        done.await.unwrap_or_else(|_| Err(self.stopped()))
    }

    /// The error of those whose job is not done any more.
    fn stopped(&self) -> Error {
        if self.shared.queue.is_poisoned() {
            return Error::new(ErrorKind::Poisoned, "database takes no more writes; open it again");
        }
        Error::new(ErrorKind::Closed, "database was closed before the index was made")
    }
}

impl Shared {
    pub(super) fn list_indexes(&self, collection: Collection) -> Vec<IndexInfo> {
        let index = self.index.read();
        let own = index.secondary.iter().filter(|own| own.definition.collection == collection);
        own.map(|own| IndexInfo {
            keys: own.keys.len(),
            bytes: own.keys.bytes() as u64,
            uses: own.uses.load(std::sync::atomic::Ordering::Relaxed),
            is_multikey: own.multikey != 0,
            ..IndexInfo::new(&own.definition)
        })
        .collect()
    }
}

/// Whether an index is there already.
///
/// # Errors
/// `Invalid` when one of that name is there with other options, `Limit` when there is no room for more.
fn is_there(index: &Index, definition: &Definition) -> Result<bool> {
    if let Some(found) = index.definitions.iter().find(|found| found.is_called_as(definition)) {
        if found.spec == definition.spec {
            return Ok(true);
        }
        return Err(Error::invalid("index exists with other options")
            .with("index", &definition.name)
            .with("expected", definition.spec.to_document())
            .with("found", found.spec.to_document()));
    }
    let own = index.definitions.iter().filter(|own| own.collection == definition.collection);
    if own.count() >= MAX_INDEXES {
        return Err(Error::limit("collection has too many indexes")
            .with("collection", definition.collection)
            .with("limit", MAX_INDEXES));
    }
    Ok(false)
}

impl Writer {
    /// Brings an index up to date and makes it part of the store.
    pub(super) fn add_index(&mut self, built: Built) -> Result<()> {
        self.check_poison()?;
        let Built { definition, mut keys, mut multikey, snapshot } = built;
        if is_there(&self.shared.index.read(), &definition)? {
            return Ok(());
        }
        let (segments, mut before, mut after) = {
            let index = self.shared.index.read();
            let table = index.table(definition.collection);
            let (mut before, mut after) = (Vec::new(), Vec::new());
            for (ordinal, id, old, new) in changed_since(table, &index.history, snapshot.sequence())
            {
                let item = |state| Item { id: id.clone(), ordinal, state };
                before.extend(old.map(item));
                after.extend(Some(new).filter(State::exists).map(item));
            }
            (Arc::clone(&index.segments), before, after)
        };
        let mut stretches = Stretches::default();
        for (items, added) in [(&mut before, false), (&mut after, true)] {
            items.sort_unstable_by_key(|item| (item.state.place.slot, item.state.place.offset));
            stretches.read(
                &segments,
                items,
                |item| (&item.id, &item.state),
                |item, line| {
                    let Some(found) = keys_in(&definition, &item.id, &item.state, line)? else {
                        return Ok(());
                    };
                    multikey |= found.multikey;
                    for key in found.keys {
                        let entry = entry_of(&key, item.ordinal);
                        if added {
                            keys.insert(&entry)
                        } else {
                            keys.remove(&entry)
                        };
                    }
                    Ok(())
                },
            )?;
        }
        if !after.is_empty() {
            check_unique(&self.shared.index.read(), &definition, &keys)?;
        }
        let mut manifest = self.manifest.clone();
        manifest.indexes.push(manifest::Declared::of(&definition)?);
        self.replace_manifest(manifest)?;
        self.shared.index.write().add_secondary(Secondary::new(definition, keys, multikey));
        Ok(())
    }

    /// Takes an index out of the store; `false` when it is not there.
    pub(super) fn drop_index(&mut self, definition: &Definition) -> Result<bool> {
        self.check_poison()?;
        let Some(_) = self.shared.index.read().place_of(definition) else { return Ok(false) };
        let mut manifest = self.manifest.clone();
        manifest.indexes.retain(|other| {
            !other.to_definition().is_ok_and(|other| other.is_called_as(definition))
        });
        self.replace_manifest(manifest)?;
        self.shared.index.write().remove_secondary(definition);
        Ok(true)
    }
}
