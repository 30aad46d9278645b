//! Finding by an index: its keys are passed in slices, all at one point in time.

use std::cmp::Ordering;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::index::{Index, Secondary, Snapshot, State, Table, split_entry};
use super::reader::{Located, Reading};
use super::scan::{
    Bodies, Match, SLICE_BYTES, SLICE_DOCUMENTS, Wanted, fetch, is_id_only, is_known, split,
};
use super::seek::{Edge, edges};
use super::sieve::Sieve;
use super::writer::Shared;
use crate::document::Document;
use crate::error::{Error, ErrorKind, Result};
use crate::filter::{FieldPath, Filter};
use crate::id::Id;
use crate::indexes::{
    Definition, Explanation, FieldBounds, KeyRange, Order, Plan, Question, Source, plan, prefix_len,
};
use crate::projection::PathTree;
use crate::query::Query;
use crate::sort::Direction;

/// How many keys are looked at while the index is held: no writer waits longer than that.
const SLICE_KEYS: usize = 2048;

/// How many documents that are alike are held at least before those are dropped that nobody wants.
const SLACK: usize = 1024;

/// A pass over the keys of some ranges of an index.
#[derive(Debug)]
pub(super) struct IndexScan {
    shared: Arc<Shared>,
    snapshot: Snapshot,
    definition: Arc<Definition>,
    bounds: Vec<(FieldPath, FieldBounds)>,
    /// Those not passed yet; the first one is shortened as it is passed.
    ranges: VecDeque<KeyRange>,
    filter: Filter,
    /// The fields that the filter looks at.
    paths: PathTree,
    /// Those that the caller looks at.
    shown: PathTree,
    wanted: Wanted,
    order: Option<Order>,
    edges: Vec<Edge>,
    /// The documents met so far, when one may be met again.
    seen: Option<HashSet<u32, RandomState>>,
    group: Group,
    /// How many more matches are passed over, and how many are wanted then; known to be all when the
    /// keys alone tell a match.
    skip: u64,
    most: u64,
    finished: bool,
    /// Whether the next slice is the first one: what a long pass reads would only throw out lines that are
    /// asked for more often.
    is_first: bool,
    keys_examined: u64,
    documents_examined: u64,
}

/// Documents that are alike in the order asked for.
#[derive(Debug, Default)]
struct Group {
    /// The keys that they share.
    key: Vec<u8>,
    documents: Vec<(Id, u32)>,
}

/// An index chosen for a query, and what it is to be read for.
pub(super) struct Chosen {
    plan: Plan,
    definition: Arc<Definition>,
}

/// Chooses an index for a query; `None` when the collection is better read as it is.
///
/// # Errors
/// `Invalid` for a hint that cannot be followed.
pub(super) fn choose(index: &Index, query: &Query) -> Result<Option<Chosen>> {
    if index.secondary.is_empty() && query.hint.is_none() {
        return Ok(None);
    }
    let own: Vec<&Secondary> = index
        .secondary
        .iter()
        .filter(|secondary| secondary.definition.collection == query.collection)
        .collect();
    let Some(plan) = plan(&own, Question::of(query, &query.passed_order()))? else {
        return Ok(None);
    };
    Ok(own.get(plan.candidate).map(|secondary| {
        secondary.note_use();
        Chosen { definition: Arc::clone(&secondary.definition), plan }
    }))
}

/// Documents found by their keys and not read yet.
#[derive(Debug)]
pub(super) struct Slice {
    pub reading: Reading,
    /// Those of which nothing has to be read.
    known: Vec<Located>,
    /// Whether lines are taken from those read lately, and become such.
    is_first: bool,
}

impl IndexScan {
    /// A pass as it is planned, at the present or at a snapshot; the caller holds the index since it was.
    pub(super) fn new(
        shared: &Arc<Shared>,
        index: &Index,
        chosen: Chosen,
        query: &Query,
        shown: PathTree,
        at: Option<&Snapshot>,
    ) -> Self {
        let Chosen { mut plan, definition } = chosen;
        let edges = edges(&mut plan, &definition, query);
        let (wanted, filter) = split(plan.residual);
        let mut ranges: VecDeque<_> = plan.ranges.into();
        if plan.order.is_some_and(|order| order.backward) {
            ranges.make_contiguous().reverse();
        }
        Self {
            shared: Arc::clone(shared),
            snapshot: at.cloned().unwrap_or_else(|| index.snapshot()),
            definition,
            bounds: plan.bounds,
            finished: ranges.is_empty() || wanted == Wanted::None,
            ranges,
            paths: filter.paths(),
            filter,
            shown,
            wanted,
            order: plan.order,
            edges,
            seen: plan.is_multikey.then(HashSet::default),
            group: Group::default(),
            skip: 0,
            most: u64::MAX,
            is_first: true,
            keys_examined: 0,
            documents_examined: 0,
        }
    }

    pub(super) const fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether matches come in the order that was asked for, and only from the part that was.
    pub(super) const fn is_ordered(&self) -> bool {
        self.order.is_some()
    }

    /// Whether the keys alone answer.
    pub(super) fn is_covered(&self) -> bool {
        self.filter.is_all()
    }

    /// Passes over the first `skip` matches and ends after `limit` more, if the keys alone tell matches.
    pub(super) fn cut(&mut self, skip: u64, limit: u64) -> bool {
        if self.is_covered() {
            (self.skip, self.most) = (skip, limit);
            self.finished |= limit == 0;
        }
        self.is_covered()
    }

    /// Counts the matches of the next slice of keys, which alone must answer.
    ///
    /// # Errors
    /// `Unavailable` when the index was dropped meanwhile.
    pub(super) fn count_covered(&mut self) -> Result<u64> {
        let shared = Arc::clone(&self.shared);
        let index = shared.index.read();
        let secondary = self.secondary(&index)?;
        let all = index.shows_all(secondary, &self.snapshot);
        if all && self.seen.is_none() && self.wanted == Wanted::Any {
            let ranges = std::mem::take(&mut self.ranges);
            self.finished = true;
            let count = ranges
                .iter()
                .map(|(start, end)| secondary.keys.count((start, end), u64::MAX))
                .sum();
            self.keys_examined += count;
            return Ok(count);
        }
        let mut count = 0;
        self.order = None;
        self.pass(&index, |_, _, _| {
            count += 1;
            true
        })?;
        Ok(count)
    }

    /// The next documents, found and not read yet; fewer than there may be, none at the end.
    ///
    /// # Errors
    /// As [`count_covered`](Self::count_covered).
    pub(super) fn next_slice(&mut self, bodies: Bodies) -> Result<Slice> {
        let shared = Arc::clone(&self.shared);
        let most = usize::try_from(self.most).unwrap_or(usize::MAX);
        let mut places = Vec::with_capacity(most.min(SLICE_DOCUMENTS));
        let files = loop {
            let index = shared.index.read();
            if !self.finished {
                self.next_places(&index, &mut places)?;
            }
            if self.finished || !places.is_empty() {
                break Arc::clone(&index.segments);
            }
        };
        if self.is_covered() && is_id_only(&self.shown) && is_known(&places, bodies) {
            let reading = Reading::new(files, Vec::new());
            return Ok(Slice { reading, known: places, is_first: false });
        }
        self.documents_examined += places.len() as u64;
        let mut reading = Reading::new(files, places.into_iter().map(Some).collect());
        let is_first = std::mem::take(&mut self.is_first);
        if is_first {
            reading.recall(&self.shared.recent);
        }
        Ok(Slice { reading, known: Vec::new(), is_first })
    }

    /// Shows those of the documents that match to `see`.
    ///
    /// # Errors
    /// `Corrupt`, and those of `see`.
    pub(super) fn take(
        &self,
        slice: Slice,
        mut see: impl FnMut(Match) -> Result<()>,
    ) -> Result<()> {
        for located in slice.known {
            see(Match::new(located.ordinal, located.unread(), &self.shown)?)?;
        }
        let sieve = Sieve::new(&self.filter, &self.paths);
        let is_all = self.filter.is_all();
        let recent = slice.is_first.then_some(&self.shared.recent);
        slice.reading.show(recent, |ordinal, document| {
            if is_all || sieve.passes(&Source::from(&document))? {
                see(Match::new(ordinal, document, &self.shown)?)?;
            }
            Ok(())
        })
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
        fetch(&self.shared, &self.snapshot, self.definition.collection, bodies, ordinals)
    }

    /// How it went so far.
    pub(super) fn explain(&self) -> Explanation {
        let mut explanation = Explanation::of(Some((&self.definition.name, &self.bounds)));
        explanation.keys_examined = self.keys_examined;
        explanation.documents_examined = self.documents_examined;
        explanation
    }

    fn secondary<'i>(&self, index: &'i Index) -> Result<&'i Secondary> {
        let mut all = index.secondary.iter();
        all.find(|own| Arc::ptr_eq(&own.definition, &self.definition)).ok_or_else(|| {
            Error::new(ErrorKind::Unavailable, "index was dropped while it was read")
                .with("index", &self.definition.name)
        })
    }

    /// Appends the places of the next documents.
    fn next_places(&mut self, index: &Index, places: &mut Vec<Located>) -> Result<()> {
        let collection = self.definition.collection;
        let table = index.table(collection);
        let (skip, most) = (self.skip, self.most);
        let needed = usize::try_from(skip.saturating_add(most)).unwrap_or(usize::MAX);
        let mut taken = Taken { index, collection, skip, most, places, bytes: 0 };
        if let Some(order) = self.order {
            let sequence = self.snapshot.sequence();
            let (mut group, edges) =
                (std::mem::take(&mut self.group), std::mem::take(&mut self.edges));
            let definition = Arc::clone(&self.definition);
            let directions =
                || definition.spec.keys().iter().take(order.fields).map(|key| key.descending);
            let passed = self.pass(index, |entry, ordinal, _| {
                let Some(id) = table.id(ordinal) else { return true };
                let own = entry.get(..prefix_len(entry, directions())).unwrap_or_default();
                if own != group.key {
                    group.release(order, sequence, &mut taken);
                    group.key.clear();
                    group.key.extend_from_slice(own);
                }
                if edges.iter().all(|edge| edge.admits(own, &id)) {
                    group.documents.push((id, ordinal));
                    group.drop_beyond(needed, order);
                }
                !taken.is_full()
            });
            if self.finished {
                group.release(order, sequence, &mut taken);
            }
            (self.skip, self.most) = (taken.skip, taken.most);
            (self.group, self.edges) = (group, edges);
            passed?;
        } else {
            let passed = self.pass(index, |_, ordinal, state| {
                taken.take(ordinal, state);
                !taken.is_full()
            });
            (self.skip, self.most) = (taken.skip, taken.most);
            passed?;
        }
        self.finished |= self.most == 0;
        Ok(())
    }

    /// Looks at the records of the next keys and at nothing else, which gets many of them from memory at the same
    /// time; what is done with each later would keep them apart.
    fn touch_records(&self, secondary: &Secondary, table: &Table, backward: bool) {
        let Some((start, end)) = self.ranges.front() else { return };
        let (mut left, mut sum) = (SLICE_DOCUMENTS, 0_u64);
        secondary.keys.scan((start, end), backward, |entry| {
            let (_, ordinal) = split_entry(entry);
            sum ^= table.row(ordinal).map_or(0, |row| row.state.sequence);
            left -= 1;
            left > 0
        });
        std::hint::black_box(sum);
    }

    /// Shows the wanted documents of the next keys to `take` until it says to stop.
    fn pass(
        &mut self,
        index: &Index,
        mut take: impl FnMut(&[u8], u32, State) -> bool,
    ) -> Result<()> {
        let secondary = self.secondary(index)?;
        let all = index.shows_all(secondary, &self.snapshot);
        let sequence = self.snapshot.sequence();
        let table = index.table(self.definition.collection);
        let backward = self.order.is_some_and(|order| order.backward);
        let mut keys = 0;
        let mut last = Vec::new();
        if self.most > 1 {
            self.touch_records(secondary, table, backward);
        }
        while let Some((start, end)) = self.ranges.front() {
            let (seen, wanted) = (&mut self.seen, self.wanted);
            let through = secondary.keys.scan((start, end), backward, |entry| {
                keys += 1;
                let goes_on = keys < SLICE_KEYS;
                let (_, ordinal) = split_entry(entry);
                let is_wanted = match wanted {
                    Wanted::Any => true,
                    Wanted::Entity(name) => table.id(ordinal).is_some_and(|id| id.is_entity(name)),
                    Wanted::None => false,
                };
                let state = if is_wanted && (all || secondary.shows(entry, sequence)) {
                    table.state_at(ordinal, sequence, &index.history)
                } else {
                    None
                };
                let is_new =
                    seen.as_mut().is_none_or(|seen| state.is_none() || seen.insert(ordinal));
                let goes_on = match state {
                    Some(state) if is_new => take(entry, ordinal, state) && goes_on,
                    _ => goes_on,
                };
                if !goes_on {
                    last.extend_from_slice(entry);
                }
                goes_on
            });
            if through {
                self.ranges.pop_front();
                continue;
            }
            if let Some((start, end)) = self.ranges.front_mut() {
                if backward {
                    *end = last;
                } else {
                    last.push(0);
                    *start = last;
                }
            }
            break;
        }
        self.keys_examined += keys as u64;
        self.finished |= self.ranges.is_empty();
        Ok(())
    }
}

/// Places of documents on their way into a slice.
struct Taken<'a> {
    index: &'a Index,
    collection: crate::id::Collection,
    skip: u64,
    most: u64,
    places: &'a mut Vec<Located>,
    bytes: u64,
}

impl Taken<'_> {
    fn take(&mut self, ordinal: u32, state: State) {
        let Some(id) = self.index.table(self.collection).id(ordinal) else { return };
        if self.skip > 0 {
            self.skip -= 1;
        } else if self.most > 0 {
            self.most -= 1;
            self.bytes += u64::from(state.place.len);
            let located = Located::new(self.index, self.collection, ordinal, &id, state);
            self.places.push(located);
        }
    }

    fn is_full(&self) -> bool {
        self.places.len() >= SLICE_DOCUMENTS || self.bytes >= SLICE_BYTES || self.most == 0
    }
}

impl Group {
    /// Moves the documents on, in the order of their ids.
    fn release(&mut self, order: Order, sequence: u64, taken: &mut Taken<'_>) {
        self.documents.sort_unstable_by(|a, b| compare(order, a, b));
        let index = taken.index;
        let table = index.table(taken.collection);
        for (_, ordinal) in self.documents.drain(..) {
            if let Some(state) = table.state_at(ordinal, sequence, &index.history) {
                taken.take(ordinal, state);
            }
        }
    }

    /// Drops what will not be needed when no more than the first `needed` are.
    fn drop_beyond(&mut self, needed: usize, order: Order) {
        if self.documents.len() >= needed.saturating_mul(2).max(SLACK) && needed > 0 {
            self.documents.select_nth_unstable_by(needed - 1, |a, b| compare(order, a, b));
            self.documents.truncate(needed);
        }
    }
}

fn compare(order: Order, a: &(Id, u32), b: &(Id, u32)) -> Ordering {
    let direction = if order.ids_descend { Direction::Descending } else { Direction::Ascending };
    direction.apply(a.0.cmp(&b.0))
}
