//! Finding: a collection is passed in slices, all at one point in time.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;

use super::bulk::{Stretches, body_of};
use super::index::Snapshot;
use super::processors::processors;
use super::reader::{Located, LocatedEnds, Reading};
use super::segment::Segments;
use super::sieve::Sieve;
use super::writer::Shared;
use crate::codec::Encoding;
use crate::document::Document;
use crate::entity_name::EntityName;
use crate::error::Result;
use crate::filter::{Filter, Node};
use crate::id::Collection;
use crate::indexes::Source;
use crate::projection::PathTree;
use crate::version::Version;

/// How many documents and bytes are read in one go: enough to make the going cheap, little enough that
/// another task on the same thread is not kept waiting.
pub(super) const SLICE_DOCUMENTS: usize = 256;
pub(super) const SLICE_BYTES: u64 = 1024 * 1024;

/// The same where most is thrown away, for each thread.
const FILTERED_DOCUMENTS: usize = 8192;
const FILTERED_BYTES: u64 = 4 * 1024 * 1024;

/// How many records are looked at while the index is held: no writer waits longer than that.
const SLICE_RECORDS: usize = 4096;

/// From more documents on several threads are worth starting.
const PARALLEL: u64 = 50_000;

/// A pass over one collection.
#[derive(Debug)]
pub(super) struct Scan {
    shared: Arc<Shared>,
    snapshot: Snapshot,
    collection: Collection,
    filter: Filter,
    /// The fields that the filter looks at.
    paths: PathTree,
    /// Those that the caller looks at.
    shown: PathTree,
    wanted: Wanted,
    /// The ordinal to look at next.
    next: usize,
    finished: bool,
    /// How many documents the next slice has for each thread, where most is thrown away.
    slice: usize,
    threads: usize,
    pub documents_examined: u64,
}

/// What the record alone decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Documents of every type.
    Any,
    /// Documents of one type.
    Entity(EntityName),
    /// Documents of a type that no document has.
    None,
}

/// What the caller wants of a match beside the paths it named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bodies {
    /// The document with its body.
    Wanted,
    /// The envelope of the document.
    Envelope,
    /// Nothing.
    Ignored,
}

/// A document that matches.
#[derive(Debug)]
pub(super) struct Match {
    pub ordinal: u32,
    /// Without its body, and possibly without its ends, where those are not wanted.
    pub document: Document,
    /// What the caller looks at; absent when that is nothing.
    fields: Option<Box<bson::Document>>,
}

impl Match {
    /// A match of a document that is whole as far as `shown` needs it.
    #[inline]
    pub(super) fn new(ordinal: u32, document: Document, shown: &PathTree) -> Result<Self> {
        let fields = if shown.is_leaf() { None } else { picked(&Source::from(&document), shown)? };
        Ok(Self { ordinal, document, fields })
    }

    /// What the caller looks at.
    pub(super) fn fields(&self) -> &bson::Document {
        static NOTHING: LazyLock<bson::Document> = LazyLock::new(bson::Document::new);
        self.fields.as_deref().unwrap_or(&NOTHING)
    }
}

/// What `shown` leads to.
fn picked(source: &Source<'_>, shown: &PathTree) -> Result<Option<Box<bson::Document>>> {
    if shown.is_leaf() {
        return Ok(None);
    }
    let fields = source.pick(shown).map_err(|error| error.with("id", source.id))?;
    Ok(Some(Box::new(fields)))
}

impl Scan {
    /// A pass at the present, or at a snapshot, that shows the paths `shown` of each match.
    pub(super) fn new(
        shared: Arc<Shared>,
        collection: Collection,
        filter: Filter,
        shown: PathTree,
        at: Option<&Snapshot>,
    ) -> Self {
        let (wanted, filter) = split(filter);
        let (snapshot, documents) = {
            let index = shared.index.read();
            let snapshot = at.cloned().unwrap_or_else(|| index.snapshot());
            (snapshot, index.table(collection).live())
        };
        let threads = if documents > PARALLEL { processors().get() } else { 1 };
        Self {
            shared,
            snapshot,
            collection,
            paths: filter.paths(),
            filter,
            shown,
            finished: wanted == Wanted::None,
            wanted,
            next: 0,
            slice: FILTERED_DOCUMENTS,
            threads,
            documents_examined: 0,
        }
    }

    /// Begins with small slices, because few matches are wanted and they may come soon.
    pub(super) const fn expect_few(&mut self) {
        self.slice = SLICE_DOCUMENTS;
    }

    /// Whether the records alone answer.
    pub(super) fn is_covered(&self) -> bool {
        self.filter.is_all()
    }

    pub(super) const fn is_finished(&self) -> bool {
        self.finished
    }

    /// Counts the matches of the next slice of records, which alone must answer.
    pub(super) fn count_covered(&mut self) -> u64 {
        let mut count = 0;
        self.pass(|_| {
            count += 1;
            true
        });
        count
    }

    /// Reads the next slice and counts its matches. Blocks.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub(super) fn count_slice(&mut self) -> Result<u64> {
        let (files, places) = self.next_places(FILTERED_DOCUMENTS, FILTERED_BYTES);
        let parts = self.filtered(&files, &places, |count: &mut u64, _, _, _| {
            *count += 1;
            Ok(())
        })?;
        Ok(parts.into_iter().sum())
    }

    /// Reads the next slice and shows its matches to `see`. Blocks.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`, and those of `see`.
    pub(super) fn next_slice(
        &mut self,
        bodies: Bodies,
        mut see: impl FnMut(Match) -> Result<()>,
    ) -> Result<()> {
        if !self.filter.is_all() || (bodies == Bodies::Ignored && !is_id_only(&self.shown)) {
            return self.next_filtered(bodies, see);
        }
        let (files, places) = if bodies == Bodies::Wanted {
            self.next_places(SLICE_DOCUMENTS, SLICE_BYTES)
        } else {
            self.next_places(SLICE_RECORDS, u64::MAX)
        };
        let bodies = if is_id_only(&self.shown) { bodies } else { Bodies::Wanted };
        let ordinals: Vec<_> = places.iter().map(|located| located.ordinal).collect();
        for (ordinal, document) in ordinals.into_iter().zip(read(files, places, bodies)?) {
            see(Match::new(ordinal, document, &self.shown)?)?;
        }
        Ok(())
    }

    fn next_filtered(
        &mut self,
        bodies: Bodies,
        mut see: impl FnMut(Match) -> Result<()>,
    ) -> Result<()> {
        let (files, places) = self.next_places(self.slice, FILTERED_BYTES);
        self.slice = (self.slice * 2).min(FILTERED_DOCUMENTS);
        let parts = self.filtered(&files, &places, |kept: &mut Kept, located, source, line| {
            let fields = picked(source, &self.shown)?;
            let mut located = located.clone();
            if bodies == Bodies::Envelope {
                located.ends = LocatedEnds::Known(source.ends.cloned());
            }
            kept.places.push((located, fields, kept.bytes.len()));
            if bodies == Bodies::Wanted {
                kept.bytes.extend_from_slice(line);
            }
            Ok(())
        })?;
        for mut part in parts {
            part.places.sort_unstable_by_key(|(located, ..)| located.ordinal);
            let buffer = Bytes::from(part.bytes);
            for (located, fields, start) in part.places {
                let ordinal = located.ordinal;
                let document = match bodies {
                    Bodies::Wanted => located.verify(&files, &buffer, start)?,
                    _ => located.unread(),
                };
                see(Match { ordinal, document, fields })?;
            }
        }
        Ok(())
    }

    /// The documents of some of `ordinals` as they are in this pass, in that order. Blocks.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub(super) fn fetch(
        &self,
        bodies: Bodies,
        ordinals: &mut impl Iterator<Item = u32>,
    ) -> Result<Vec<Document>> {
        fetch(&self.shared, &self.snapshot, self.collection, bodies, ordinals)
    }

    /// The places of the next slice of wanted documents.
    fn next_places(&mut self, documents: usize, most: u64) -> (Arc<Segments>, Vec<Located>) {
        let threads = self.threads;
        let (documents, most) = (documents * threads, most.saturating_mul(threads as u64));
        let mut places = Vec::new();
        let mut bytes = 0;
        loop {
            let files = self.pass(|located| {
                bytes += u64::from(located.state.place.len);
                places.push(located);
                places.len() < documents && bytes < most
            });
            if self.finished || places.len() >= documents || bytes >= most {
                self.documents_examined += places.len() as u64;
                return (files, places);
            }
        }
    }

    /// Shows those of the documents that match to `take`, which gathers them in one place for each
    /// thread. Nothing of a document is read but the fields that the filter names.
    fn filtered<T: Default + Send>(
        &self,
        files: &Segments,
        places: &[Located],
        take: impl Fn(&mut T, &Located, &Source<'_>, &[u8]) -> Result<()> + Sync,
    ) -> Result<Vec<T>> {
        let sieve = Sieve::new(&self.filter, &self.paths);
        let read = |places: &[Located]| -> Result<T> {
            let mut gathered = T::default();
            // In the order of the journal for reading, though that mostly is the order they come in.
            let mut ordered: Vec<&Located> = places.iter().collect();
            ordered.sort_by_key(|located| (located.state.place.slot, located.state.place.offset));
            Stretches::default().read(
                files,
                &ordered,
                |located| (&located.id, &located.state),
                |located, line| {
                    let ends = located.ends_of(line)?;
                    let source = Source {
                        id: &located.id,
                        version: Version::new(located.state.version),
                        schema: located.state.schema,
                        ends: ends.as_ref(),
                        encoding: Encoding::Json,
                        body: body_of(line, located.state.place),
                    };
                    if sieve.passes(&source)? {
                        take(&mut gathered, located, &source, line)?;
                    }
                    Ok(())
                },
            )?;
            Ok(gathered)
        };
        if self.threads == 1 {
            return Ok(vec![read(places)?]);
        }
        let share = places.len().div_ceil(self.threads).max(1);
        std::thread::scope(|scope| {
            let mut shares = places.chunks(share);
            let own = shares.next().unwrap_or_default();
            let others: Vec<_> = shares.map(|share| scope.spawn(|| read(share))).collect();
            let mut parts = vec![read(own)];
            parts.extend(others.into_iter().map(|other| match other.join() {
                Ok(part) => part,
                Err(panic) => std::panic::resume_unwind(panic),
            }));
            parts.into_iter().collect()
        })
    }

    /// Shows the wanted documents of the next records to `take` until it says to stop.
    fn pass(&mut self, mut take: impl FnMut(Located) -> bool) -> Arc<Segments> {
        let index = self.shared.index.read();
        let table = index.table(self.collection);
        let until = table.len().min(self.next + SLICE_RECORDS);
        let records = table.ids(self.next).take_while(|(at, _)| (*at as usize) < until);
        self.next = until;
        for (ordinal, id) in records {
            if let Wanted::Entity(name) = self.wanted
                && !id.is_entity(name)
            {
                continue;
            }
            let state = table.state_at(ordinal, self.snapshot.sequence(), &index.history);
            let Some(state) = state else { continue };
            if !take(Located::new(&index, self.collection, ordinal, &id, state)) {
                self.next = ordinal as usize + 1;
                break;
            }
        }
        self.finished |= self.next >= table.len();
        Arc::clone(&index.segments)
    }
}

/// Matches with what is shown of them and, one behind the other, their lines.
#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    /// Each with where its line begins.
    places: Vec<(Located, Option<Box<bson::Document>>, usize)>,
}

/// Whether the id and the type are all that `paths` name.
pub(super) fn is_id_only(paths: &PathTree) -> bool {
    paths.names().all(|name| name == "_id" || name == "entity")
}

/// The next few of the documents at `ordinals` as they were in `snapshot`, in that order. Blocks.
///
/// # Errors
/// `Corrupt`, `Unavailable`.
pub(super) fn fetch(
    shared: &Shared,
    snapshot: &Snapshot,
    collection: Collection,
    bodies: Bodies,
    ordinals: &mut impl Iterator<Item = u32>,
) -> Result<Vec<Document>> {
    let mut places = Vec::new();
    let mut bytes = 0;
    let files = {
        let index = shared.index.read();
        let table = index.table(collection);
        while places.len() < SLICE_DOCUMENTS
            && bytes < SLICE_BYTES
            && let Some(ordinal) = ordinals.next()
        {
            let state = table.state_at(ordinal, snapshot.sequence(), &index.history);
            let Some((state, id)) = state.zip(table.id(ordinal)) else { continue };
            bytes += u64::from(state.place.len);
            places.push(Located::new(&index, collection, ordinal, &id, state));
        }
        Arc::clone(&index.segments)
    };
    read(files, places, bodies)
}

/// Reads what has to be read of documents of which only the envelope may be wanted.
fn read(files: Arc<Segments>, places: Vec<Located>, bodies: Bodies) -> Result<Vec<Document>> {
    if is_known(&places, bodies) {
        return Ok(places.into_iter().map(Located::unread).collect());
    }
    let mut reading = Reading::new(files, places.into_iter().map(Some).collect());
    reading.read_blocking()?;
    Ok(reading.finish()?.into_iter().flatten().collect())
}

/// Whether what is wanted is known without reading.
pub(super) fn is_known(places: &[Located], bodies: Bodies) -> bool {
    match bodies {
        Bodies::Wanted => false,
        Bodies::Envelope => places.iter().all(Located::knows_ends),
        Bodies::Ignored => true,
    }
}

/// Splits a filter into what the record decides and what is left.
pub(super) fn split(filter: Filter) -> (Wanted, Filter) {
    let Some([entity]) = filter.required_equal("entity") else { return (Wanted::Any, filter) };
    let Some(text) = entity.as_str() else { return (Wanted::Any, filter) };
    let Some(name) = EntityName::lookup(text) else {
        // Every stored name is interned, unless there are more names than numbers for them.
        let missed = EntityName::misses_stored();
        return (if missed { Wanted::Any } else { Wanted::None }, filter);
    };
    let members = match filter.node() {
        Node::And(members) => members.as_slice(),
        single => std::slice::from_ref(single),
    };
    let says_it = |node: &&Node| match node {
        Node::Equal { path, value } => path.as_str() == "entity" && value.value() == entity,
        _ => false,
    };
    let left = members.iter().filter(|node| !says_it(node)).cloned();
    (Wanted::Entity(name), Filter::of_members(left))
}
