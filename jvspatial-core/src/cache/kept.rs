//! An answer that was kept, and what it was made of.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::reads::Read;

/// An answer with what was read for it.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    value: Arc<dyn Any + Send + Sync>,
    reads: Arc<[Read]>,
    /// When its load ended, by a clock that never jumps.
    since: Instant,
    /// Nothing for one that is handed to those who wait for it alone.
    weight: Option<u32>,
}

impl Kept {
    pub(super) fn new<T: Send + Sync + 'static>(
        value: T,
        weight: Option<usize>,
        reads: Vec<Read>,
    ) -> Self {
        Self::since(Instant::now(), value, weight, reads)
    }

    /// One whose load ended at `since`.
    pub(super) fn since<T: Send + Sync + 'static>(
        since: Instant,
        value: T,
        weight: Option<usize>,
        reads: Vec<Read>,
    ) -> Self {
        let noted = reads.iter().map(|read| size_of_val(&*read.slots)).sum::<usize>();
        Self {
            value: Arc::new(value),
            reads: reads.into(),
            since,
            weight: weight.map(|own| u32::try_from(own + noted).unwrap_or(u32::MAX)),
        }
    }

    /// The answer; `None` for one of another type, which was kept under the same key.
    pub(super) fn value<T: Clone + 'static>(&self) -> Option<T> {
        self.value.downcast_ref::<T>().cloned()
    }

    /// Whether nothing that was read for it has changed since its load began.
    pub(super) fn is_true(&self) -> bool {
        let holds = |read: &Read| read.coherence.is_unchanged(read.since, &read.slots);
        self.reads.iter().all(holds)
    }

    /// Whether those who may have changed what was read say now that they have not, each asked once.
    pub(super) async fn is_confirmed(&self) -> bool {
        for read in &*self.reads {
            let parts: Vec<_> = read.slots.iter().map(|slot| (read.since, *slot)).collect();
            if !read.coherence.confirm(&parts).await.into_iter().all(|holds| holds) {
                return false;
            }
        }
        true
    }

    pub(super) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    pub(super) fn reads(&self) -> &[Read] {
        &self.reads
    }

    pub(super) const fn is_to_be_kept(&self) -> bool {
        self.weight.is_some()
    }

    pub(super) fn weight(&self) -> u32 {
        self.weight.unwrap_or_default()
    }
}
