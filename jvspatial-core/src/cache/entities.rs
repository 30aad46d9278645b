//! Documents by their ids, as they were read last.

use std::pin::pin;
use std::sync::Arc;
#[cfg(feature = "redis")]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use jvspatial_cache::{How, SingleFlight};
use jvspatial_db::{Collection, Document, EntityName, Handle, Id, Result, Version};
use moka::notification::RemovalCause;
use moka::ops::compute::Op;
use moka::sync::Cache;

use super::coherence::Coherence;
use super::counter::Counter;
use super::epochs::Time;
#[cfg(feature = "redis")]
use super::far::Far;
use super::options::CacheOptions;
use super::rows::Rows;
use super::share::share;
use super::slot::Slot;
use super::statistics::{EntityStatistics, PrefixStatistics};

/// What an entry takes besides the bytes of its document, about.
const OVERHEAD: usize = 256;

/// The documents that are kept in memory.
#[derive(Debug)]
pub(super) struct Entities {
    kept: Cache<Id, Entry, RandomState>,
    coherence: Arc<Coherence>,
    negative: Duration,
    most: usize,
    counts: Arc<Rows<Type, Counts>>,
    strict: bool,
    flights: SingleFlight<Id, Found, ()>,
    /// What is kept for other processes as well.
    #[cfg(feature = "redis")]
    far: OnceLock<Far>,
}

/// What ids begin with.
type Type = (Collection, EntityName);

/// What became of the documents of one type.
#[derive(Debug, Default)]
struct Counts {
    hits: Counter,
    misses: AtomicU64,
    stale: AtomicU64,
    loads: AtomicU64,
    coalesced: AtomicU64,
    oversize: AtomicU64,
    evictions: AtomicU64,
    bytes: AtomicU64,
}

/// What a load found under an id.
#[derive(Clone, Debug)]
pub(super) struct Found {
    document: Option<Document>,
    since: Time,
}

/// What is kept of an id.
#[derive(Clone, Debug)]
struct Entry {
    /// Absent when there was none.
    document: Option<Document>,
    since: Time,
    slot: Slot,
    /// The number of the row in which it counts.
    row: u16,
    /// Until when it counts that there was none.
    until: Option<Instant>,
}

impl Entry {
    fn is_edge(&self) -> bool {
        self.document.as_ref().is_some_and(|document| document.ends.is_some())
    }

    /// Nothing where there was no document, which is below all versions.
    fn version(&self) -> Option<Version> {
        self.document.as_ref().map(|document| document.version)
    }

    fn weight(&self) -> u32 {
        let body = self.document.as_ref().map_or(0, |kept| kept.body.as_bytes().len());
        u32::try_from(body + OVERHEAD).unwrap_or(u32::MAX)
    }
}

impl Entities {
    pub(super) fn new(options: &CacheOptions, coherence: &Arc<Coherence>) -> Option<Self> {
        if options.entity_bytes == 0 {
            return None;
        }
        coherence.epochs().use_now();
        let counts = Arc::new(Rows::new(Counts::default()));
        let rows = Arc::clone(&counts);
        let mut kept = Cache::builder()
            .max_capacity(options.entity_bytes)
            .weigher(|_: &Id, entry: &Entry| entry.weight())
            .eviction_listener(move |_, entry: Entry, cause| {
                let row: &Counts = rows.at(entry.row);
                row.bytes.fetch_sub(u64::from(entry.weight()), Ordering::Relaxed);
                if matches!(cause, RemovalCause::Size | RemovalCause::Expired) {
                    count(&row.evictions);
                }
            });
        if let Some(time) = options.time_to_live {
            kept = kept.time_to_live(time);
        }
        if let Some(time) = options.time_to_idle {
            kept = kept.time_to_idle(time);
        }
        Some(Self {
            kept: kept.build_with_hasher(RandomState::default()),
            coherence: Arc::clone(coherence),
            negative: options.negative,
            strict: options.strict,
            most: usize::try_from(options.entity_bytes / 8).unwrap_or(usize::MAX),
            counts,
            flights: SingleFlight::new(),
            #[cfg(feature = "redis")]
            far: OnceLock::new(),
        })
    }

    /// Keeps documents for other processes as well. Only the first call counts.
    #[cfg(feature = "redis")]
    pub(super) fn share(&self, far: Far) {
        let _ = self.far.set(far);
    }

    #[cfg(feature = "redis")]
    pub(super) fn far(&self) -> Option<&Far> {
        self.far.get()
    }

    /// What is kept of `id` and still true: the document, or that there is none.
    pub(super) fn get(&self, id: &Id) -> Option<Option<Document>> {
        let Some(entry) = self.kept.get(id) else {
            count(&self.counts.at(self.row(id)).misses);
            return None;
        };
        // What is kept knows its row, so that a hit looks for none.
        let counts = self.counts.at(entry.row);
        if !self.is_true(&entry) {
            count(&counts.stale);
            return None;
        }
        counts.hits.add();
        Some(entry.document)
    }

    /// As [`get`](Self::get) where nobody has to be asked. What is not found counts once it is asked for by that.
    pub(super) fn get_kept(&self, id: &Id) -> Option<Option<Document>> {
        if self.strict {
            return None;
        }
        let entry = self.true_entry(id)?;
        self.counts.at(entry.row).hits.add();
        Some(entry.document)
    }

    /// Whether it is kept, and still true, that `id` has a document or that it has none. It counts nothing.
    pub(super) fn is_there(&self, id: &Id) -> Option<bool> {
        Some(self.true_entry(id)?.document.is_some())
    }

    fn true_entry(&self, id: &Id) -> Option<Entry> {
        self.kept.get(id).filter(|entry| self.is_true(entry))
    }

    /// What is kept of `id` and still true, as the others say too where they have to be asked.
    pub(super) async fn get_confirmed(&self, id: &Id) -> Option<Option<Document>> {
        let since = self.coherence.epochs().now();
        let kept = self.get(id)?;
        if self.is_confirmed(id, since).await {
            return Some(kept);
        }
        self.count_unconfirmed(id);
        None
    }

    /// The document `id`, which is not kept: what `load` brings, which those who want it at the same time share.
    pub(super) async fn load(
        &self,
        id: &Id,
        load: impl Future<Output = Result<Option<Document>>>,
    ) -> Result<Option<Document>> {
        let own = pin!(async {
            let since = self.coherence.epochs().now();
            let document = load.await?;
            Ok((document.clone(), Found { document, since }))
        });
        let keep = |id: &Id, found: &Found| self.keep(id, found.document.as_ref(), found.since);
        // Who asks after a write must not be told what was read before it.
        let accept =
            |found: &Found| self.is_still_true(id, found.since).then(|| found.document.clone());
        let confirm = |found: Found, how| async move {
            let is_confirmed = self.is_confirmed(id, found.since).await;
            if is_confirmed && how == How::Joined {
                count(&self.counts.at(self.row(id)).coalesced);
            }
            is_confirmed
        };
        share(&self.flights, id, |_| None, own, keep, accept, confirm).await
    }

    /// Leaves of what is `kept` of `handles`, and was got after `since`, that of which the others say now that they have not
    /// changed it, if they have to be asked.
    pub(super) async fn leave_confirmed(
        &self,
        handles: &[Handle],
        kept: &mut [Option<Option<Document>>],
        since: Time,
    ) {
        if !self.strict || kept.iter().all(Option::is_none) {
            return;
        }
        let found = handles.iter().zip(kept).filter(|(_, kept)| kept.is_some());
        let (ids, found): (Vec<&Id>, Vec<_>) =
            found.map(|(handle, kept)| (handle.id(), kept)).unzip();
        let confirmed = self.confirm(&ids, since).await;
        let left = ids.into_iter().zip(found).zip(confirmed);
        for ((id, kept), _) in left.filter(|(_, is_confirmed)| !is_confirmed) {
            self.count_unconfirmed(id);
            *kept = None;
        }
    }

    /// For each of `ids`, which were got after `since`, whether the others say now that they have not changed it. They are
    /// asked once for all.
    async fn confirm(&self, ids: &[&Id], since: Time) -> Vec<bool> {
        let is_edge = |id: &Id| id.collection() == Collection::Edge;
        let mut parts: Vec<_> = ids.iter().map(|id| (since, Slot::document(id))).collect();
        if ids.iter().any(|id| is_edge(id)) {
            parts.push((since, Slot::edges_gone()));
        }
        let confirmed = self.coherence.confirm(&parts).await;
        let edges_hold = confirmed.get(ids.len()) != Some(&false);
        let holds = |(id, confirmed): (&&Id, &bool)| *confirmed && (edges_hold || !is_edge(id));
        ids.iter().zip(&confirmed).map(holds).collect()
    }

    /// What was counted as a hit was not handed out.
    fn count_unconfirmed(&self, id: &Id) {
        let counts = self.counts.at(self.row(id));
        counts.hits.take_back();
        count(&counts.stale);
    }

    async fn is_confirmed(&self, id: &Id, since: Time) -> bool {
        !self.strict || self.confirm(&[id], since).await == [true]
    }

    /// Keeps what was found under `id` by a load that began at `since`, unless what is kept is newer. What is not true any more
    /// is kept for its version, which nothing older is to follow.
    pub(super) fn keep(&self, id: &Id, document: Option<&Document>, since: Time) {
        let slot = Slot::document(id);
        let is_true = self.is_still_true(id, since);
        if !is_true && document.is_none() {
            return;
        }
        if document.is_some_and(|document| document.body.as_bytes().len() > self.most) {
            count(&self.counts.at(self.row(id)).oversize);
            return;
        }
        let until = document.is_none().then(|| Instant::now() + self.negative);
        // A copy, so that one document does not keep alive all that it was read with.
        let document = document.map(|document| crate::graph::detached(document.clone()));
        let entry = Entry { document, since, slot, row: self.row(id), until };
        self.kept.entry_by_ref(id).and_compute_with(|kept| match kept {
            Some(kept) if !is_true && kept.value().version() >= entry.version() => Op::Nop,
            Some(kept)
                if self.is_true(kept.value()) && kept.value().version() > entry.version() =>
            {
                Op::Nop
            }
            _ => {
                let bytes = &self.counts.at(entry.row).bytes;
                bytes.fetch_add(u64::from(entry.weight()), Ordering::Relaxed);
                Op::Put(entry)
            }
        });
    }

    /// The documents `ids` are about to be read because they are not kept.
    pub(super) fn count_loads<'a>(&self, ids: impl IntoIterator<Item = &'a Id>) {
        ids.into_iter().for_each(|id| count(&self.counts.at(self.row(id)).loads));
    }

    /// The number of the row in which `id` counts.
    fn row(&self, id: &Id) -> u16 {
        let Some(name) = id.entity_name() else { return Rows::<Type, Counts>::rest() };
        self.counts.number((id.collection(), name), Counts::default)
    }

    /// Whether a version of `id` above `version` was read here, as far as is remembered.
    #[cfg(feature = "redis")]
    pub(super) fn has_read_newer(&self, id: &Id, version: Version) -> bool {
        self.kept.get(id).is_some_and(|entry| entry.version() > Some(version))
    }

    fn is_true(&self, entry: &Entry) -> bool {
        entry.until.is_none_or(|until| Instant::now() < until)
            && self.coherence.is_unchanged(entry.since, &[entry.slot])
            && (!entry.is_edge() || self.coherence.is_unchanged(entry.since, &[Slot::edges_gone()]))
    }

    /// Whether what is kept of `id`, as was got, is still true.
    pub(super) fn is_still_true(&self, id: &Id, since: Time) -> bool {
        self.coherence.is_unchanged(since, &[Slot::document(id)])
            && (id.collection() != Collection::Edge
                || self.coherence.is_unchanged(since, &[Slot::edges_gone()]))
    }

    /// What became of all reads together, and a row for each type.
    pub(super) fn statistics(&self) -> (EntityStatistics, Vec<PrefixStatistics>) {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        // What was given up may not be taken out yet, and what is about to be put in is counted.
        self.kept.run_pending_tasks();
        let mut all = EntityStatistics {
            entries: self.kept.entry_count(),
            bytes: self.kept.weighted_size(),
            ..EntityStatistics::default()
        };
        let mut rows = Vec::new();
        for (name, counts) in self.counts.iter() {
            all.oversize += of(&counts.oversize);
            let row = PrefixStatistics {
                prefix: name
                    .map(|(collection, name)| format!("{}.{name}.", collection.letter()))
                    .unwrap_or_default(),
                owner: "",
                hits: counts.hits.get(),
                misses: of(&counts.misses),
                loads: of(&counts.loads),
                coalesced: of(&counts.coalesced),
                stale: of(&counts.stale),
                evictions: of(&counts.evictions),
                bytes: of(&counts.bytes),
            };
            all.hits += row.hits;
            all.misses += row.misses;
            all.loads += row.loads;
            all.coalesced += row.coalesced;
            all.stale += row.stale;
            all.evictions += row.evictions;
            if row != PrefixStatistics::default() {
                rows.push(row);
            }
        }
        (all, rows)
    }
}

fn count(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}
