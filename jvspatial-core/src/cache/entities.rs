//! Documents by their ids, as they were read last.

use std::pin::pin;
use std::sync::Arc;
#[cfg(feature = "redis")]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use jvspatial_cache::SingleFlight;
use jvspatial_db::{Collection, Document, Id, Result, Version};
use moka::ops::compute::Op;
use moka::sync::Cache;

use super::coherence::Coherence;
use super::epochs::Time;
#[cfg(feature = "redis")]
use super::far::Far;
use super::options::CacheOptions;
use super::share::share;
use super::slot::Slot;

/// What an entry takes besides the bytes of its document, about.
const OVERHEAD: usize = 256;

/// The documents that are kept in memory.
#[derive(Debug)]
pub(super) struct Entities {
    kept: Cache<Id, Entry, RandomState>,
    coherence: Arc<Coherence>,
    negative: Duration,
    most: usize,
    hits: AtomicU64,
    misses: AtomicU64,
    stale: AtomicU64,
    oversize: AtomicU64,
    flights: SingleFlight<Id, Found, ()>,
    /// What is kept for other processes as well.
    #[cfg(feature = "redis")]
    far: OnceLock<Far>,
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
}

impl Entities {
    pub(super) fn new(options: &CacheOptions, coherence: &Arc<Coherence>) -> Option<Self> {
        if options.entity_bytes == 0 {
            return None;
        }
        coherence.epochs().use_now();
        let mut kept =
            Cache::builder().max_capacity(options.entity_bytes).weigher(|_: &Id, entry: &Entry| {
                let body = entry.document.as_ref().map_or(0, |kept| kept.body.as_bytes().len());
                u32::try_from(body + OVERHEAD).unwrap_or(u32::MAX)
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
            most: usize::try_from(options.entity_bytes / 8).unwrap_or(usize::MAX),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            stale: AtomicU64::new(0),
            oversize: AtomicU64::new(0),
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
            self.misses.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        if !self.is_true(&entry) {
            self.stale.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(entry.document)
    }

    /// The document `id`: what is kept, or what `load` brings, which those who want it at the same time share.
    pub(super) async fn get_or_load(
        &self,
        id: &Id,
        load: impl Future<Output = Result<Option<Document>>>,
    ) -> Result<Option<Document>> {
        if let Some(kept) = self.get(id) {
            return Ok(kept);
        }
        let own = pin!(async {
            let since = self.coherence.epochs().now();
            let document = load.await?;
            Ok((document.clone(), Found { document, since }))
        });
        let keep = |id: &Id, found: &Found| self.keep(id, found.document.as_ref(), found.since);
        // Who asks after a write must not be told what was read before it.
        let accept =
            |found: &Found, _| self.is_still_true(id, found.since).then(|| found.document.clone());
        share(&self.flights, id, |_| None, own, keep, accept).await
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
            self.oversize.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let until = document.is_none().then(|| Instant::now() + self.negative);
        // A copy, so that one document does not keep alive all that it was read with.
        let document = document.map(|document| crate::graph::detached(document.clone()));
        let entry = Entry { document, since, slot, until };
        self.kept.entry_by_ref(id).and_compute_with(|kept| match kept {
            Some(kept) if !is_true && kept.value().version() >= entry.version() => Op::Nop,
            Some(kept)
                if self.is_true(kept.value()) && kept.value().version() > entry.version() =>
            {
                Op::Nop
            }
            _ => Op::Put(entry),
        });
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

    pub(super) fn statistics(&self) -> super::statistics::EntityStatistics {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        super::statistics::EntityStatistics {
            hits: of(&self.hits),
            misses: of(&self.misses),
            stale: of(&self.stale),
            oversize: of(&self.oversize),
            entries: self.kept.entry_count(),
            bytes: self.kept.weighted_size(),
        }
    }
}
