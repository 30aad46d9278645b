//! What is read on the way to an answer.

use std::sync::{Arc, Mutex, PoisonError};

use jvspatial_db::{Adjacent, Collection, Expansion, Filter, Handle, Id};
use tokio::task::futures::TaskLocalFuture;

use super::cached_query::QueryOptions;
use super::coherence::Coherence;
use super::epochs::Time;
use super::slot::Slot;

/// More parts than this of one graph are noted by their types.
const MANY: usize = 4096;

tokio::task_local! {
    static READS: Reads;
}

/// What was read since the recording began, from which graphs and since when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reads(Arc<Mutex<Vec<Read>>>);

/// What was read from one graph.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub(crate) coherence: Arc<Coherence>,
    /// The time before the first read.
    pub(crate) since: Time,
    pub(crate) slots: Vec<Slot>,
    /// The types of what was noted one by one.
    kinds: Vec<Slot>,
}

impl Reads {
    /// Runs `future` and notes here what it reads, apart from what tasks read that it spawns.
    pub(crate) fn record<F: Future>(&self, future: F) -> TaskLocalFuture<Self, F> {
        READS.scope(self.clone(), future)
    }

    /// What was noted.
    pub(crate) fn take(&self) -> Vec<Read> {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut noted = std::mem::take(&mut *noted);
        noted.iter_mut().for_each(Read::settle);
        noted
    }
}

/// Has a task that is spawned for the caller note its reads where the caller's are noted.
pub(crate) async fn inherit<F: Future>(reads: Option<Reads>, future: F) -> F::Output {
    match reads {
        Some(reads) => READS.scope(reads, future).await,
        None => future.await,
    }
}

/// Where the reads of the caller are noted, if they are.
pub(crate) fn current() -> Option<Reads> {
    READS.try_with(Reads::clone).ok()
}

/// Whether anybody wants to know what the caller reads.
pub(super) fn are_noted() -> bool {
    READS.try_with(|_| {}).is_ok()
}

/// Notes what is about to be read from a graph, if anybody wants to know.
pub(super) fn note(coherence: &Arc<Coherence>, parts: impl FnOnce(&mut Noted<'_>)) {
    let _ = READS.try_with(|reads| {
        let mut noted = reads.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = noted.iter().position(|read| Arc::ptr_eq(&read.coherence, coherence));
        let place = place.unwrap_or_else(|| {
            coherence.epochs().use_now();
            let since = coherence.epochs().now();
            let coherence = Arc::clone(coherence);
            noted.push(Read { coherence, since, slots: Vec::new(), kinds: Vec::new() });
            noted.len() - 1
        });
        if let Some(read) = noted.get_mut(place) {
            parts(&mut Noted(read));
            read.cut();
        }
    });
}

/// Notes for the caller what another recording has noted.
pub(crate) fn note_all(all: &[Read]) {
    for read in all {
        note(&read.coherence, |noted| {
            noted.0.slots.extend_from_slice(&read.slots);
            noted.0.kinds.extend_from_slice(&read.kinds);
        });
    }
}

/// Edges that are followed for somebody who wants to know what is read.
pub(super) struct Following {
    coherence: Arc<Coherence>,
    /// What is asked for, and the edges by their names.
    expansion: Expansion,
    /// Whether those were asked for.
    with_edges: bool,
}

impl Following {
    /// Notes that the edges of `from` are about to be followed; `None` when nobody wants to know.
    pub(super) fn note(
        coherence: &Arc<Coherence>,
        from: &[Handle],
        expansion: &Expansion,
    ) -> Option<Self> {
        current()?;
        note(coherence, |noted| noted.neighbors(from, expansion));
        let with_edges = expansion.with_edges;
        let mut expansion = expansion.clone();
        expansion.with_edges = true;
        Some(Self { coherence: Arc::clone(coherence), expansion, with_edges })
    }

    /// What to ask for.
    pub(super) const fn expansion(&self) -> &Expansion {
        &self.expansion
    }

    /// Notes what was met and returns it as it was asked for.
    pub(super) fn note_met(mut self, mut met: Vec<Adjacent>) -> Vec<Adjacent> {
        note(&self.coherence, |noted| noted.met(&met));
        self.expansion.with_edges = self.with_edges;
        self.expansion.hide_edges(&mut met);
        met
    }
}

/// The parts of one graph that are read.
pub(super) struct Noted<'a>(&'a mut Read);

impl Noted<'_> {
    /// Documents by their ids, whether or not they exist.
    pub(super) fn documents<'a>(&mut self, ids: impl IntoIterator<Item = &'a Id>) {
        for id in ids {
            self.0.slots.push(Slot::document(id));
            self.0.kinds.push(Slot::kind(id.collection(), id.entity()));
            self.edges_may_go(id.collection());
        }
    }

    /// The documents of `collection` that match `filter`.
    pub(super) fn found(&mut self, collection: Collection, filter: &Filter) {
        self.whole(match filter.entity() {
            Some(entity) => Slot::kind(collection, entity),
            None => Slot::collection(collection),
        });
        self.edges_may_go(collection);
    }

    /// Edges go with their nodes, without a write of their own.
    fn edges_may_go(&mut self, collection: Collection) {
        let gone = Slot::edges_gone();
        if collection == Collection::Edge && self.0.slots.last() != Some(&gone) {
            self.whole(gone);
        }
    }

    /// The neighbours of nodes.
    pub(super) fn neighbors(&mut self, from: &[Handle], expansion: &Expansion) {
        for start in from {
            self.0.slots.push(Slot::edges_of(start.id()));
            self.0.slots.push(Slot::existence(start.id()));
        }
        self.0.kinds.push(Slot::collection(Collection::Edge));
        self.0.kinds.push(Slot::collection(Collection::Node));
        self.whole(Slot::edges_made_elsewhere());
        if !expansion.edge_filter.is_all() {
            // An edge that did not match may do so when it is saved.
            self.whole(Slot::collection(Collection::Edge));
        }
    }

    /// What the neighbours turned out to be: they, and the edges to them, can be deleted.
    pub(super) fn met(&mut self, met: &[Adjacent]) {
        for adjacent in met {
            self.0.slots.push(Slot::existence(adjacent.node.id()));
            self.0.slots.extend(adjacent.edge.iter().map(|edge| Slot::existence(edge.id())));
        }
    }

    /// What an application has marked.
    pub(super) fn tags<'a>(&mut self, tags: impl IntoIterator<Item = &'a str>) {
        tags.into_iter().for_each(|tag| self.whole(Slot::tag(tag)));
    }

    /// That it is an answer of a query.
    pub(super) fn query(&mut self, query: &QueryOptions) {
        self.whole(Slot::query(query.name, query.owner));
    }

    /// What has one slot however much is read of it.
    fn whole(&mut self, slot: Slot) {
        self.0.slots.push(slot);
        self.0.kinds.push(slot);
    }
}

impl Read {
    /// What an answer depends on that somebody else computed, and that was true at `since`.
    #[cfg(feature = "redis")]
    pub(super) fn of(coherence: &Arc<Coherence>, since: Time, slots: Vec<Slot>) -> Self {
        Self { coherence: Arc::clone(coherence), since, kinds: slots.clone(), slots }
    }

    /// What was read, by its types where it has more than `most` parts; nothing if that is still too much.
    #[cfg(feature = "redis")]
    pub(super) fn at_most(&self, most: usize) -> Option<&[Slot]> {
        [&self.slots, &self.kinds].into_iter().find(|slots| slots.len() <= most).map(Vec::as_slice)
    }

    /// Keeps what was noted small: a great many parts are noted by their types.
    fn cut(&mut self) {
        if self.slots.len() > MANY || self.kinds.len() > MANY {
            self.settle();
        }
        if self.slots.len() > MANY {
            self.slots.clone_from(&self.kinds);
        }
    }

    fn settle(&mut self) {
        for slots in [&mut self.slots, &mut self.kinds] {
            slots.sort_unstable();
            slots.dedup();
        }
    }
}
