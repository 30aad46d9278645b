//! What the layer and the task that writes have in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use jvspatial_db::{
    Collection, Database as _, Document, EntityName, Error, ErrorKind, Handle, Id, Outcome, Result,
    Version, WriteBatch, WriteReport,
};
use parking_lot::Mutex;
use tokio::sync::{Mutex as Gate, OwnedMutexGuard};

use super::judge::{Known, judge, stands_alone};
use super::options::WriteBehind;
use super::queue::Queue;
use super::writer;
use crate::cache::database::CachedDatabase;
use crate::cache::epochs::Time;
use crate::cache::finish::to_the_end;
use crate::cache::slot::Slot;
use crate::cache::statistics::WriteBehindStatistics;
use crate::cache::touched::Touched;

/// How often documents are read again that changed before they were judged by.
const ROUNDS: usize = 4;

/// Whose documents have to be shown to the database for it to say what becomes of them.
type Strict = Arc<[(Collection, Option<EntityName>)]>;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) below: Arc<CachedDatabase>,
    pub(super) options: WriteBehind,
    pub(super) queue: Queue,
    pub(super) counts: Counts,
    /// Who has it accepts or writes; nobody else does meanwhile.
    gate: Arc<Gate<()>>,
    strict: Mutex<Option<Strict>>,
    is_running: AtomicBool,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    accepted: AtomicU64,
    pub(super) written: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) retried: AtomicU64,
}

impl Shared {
    pub(super) fn new(below: Arc<CachedDatabase>, options: WriteBehind) -> Self {
        below.coherence.epochs().use_now();
        Self {
            below,
            options,
            queue: Queue::default(),
            counts: Counts::default(),
            gate: Arc::default(),
            strict: Mutex::new(None),
            is_running: AtomicBool::new(false),
        }
    }

    pub(super) async fn flushed(&self) -> Result<()> {
        self.queue.flushed(self.options.patience).await
    }

    pub(super) async fn gate(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.gate).lock_owned().await
    }

    /// Acknowledges `batch`, or writes it where its outcome cannot be known before.
    pub(super) async fn write(self: &Arc<Self>, batch: WriteBatch) -> Result<WriteReport> {
        let mut loaded = Vec::new();
        let stands_alone = self.stands_alone(&batch);
        if stands_alone {
            // Most of the reading is done before it is this caller's turn.
            self.load(&mut loaded, batch.operations().iter().map(|one| &one.id)).await?;
        }
        let gate = self.gate().await;
        if self.queue.is_closed() {
            return Err(Error::new(ErrorKind::Closed, "graph was closed"));
        }
        if !stands_alone || self.is_strict(&batch).await? {
            let shared = Arc::clone(self);
            return to_the_end(async move {
                let _gate = gate;
                shared.flushed().await?;
                shared.below.write(batch).await
            })
            .await;
        }
        let (size, bound) =
            ((batch.len(), batch.bytes()), (self.options.operations, self.options.bytes));
        self.queue.room(size, bound, self.options.patience).await?;
        let touched = Touched::by(&batch);
        let mut round = 0;
        loop {
            match self.accept(&batch, &touched, &loaded, round >= ROUNDS) {
                Ok(report) => {
                    self.begin();
                    return Ok(report);
                }
                Err(missing) => self.load(&mut loaded, &missing).await?,
            }
            round += 1;
        }
    }

    /// Judges `batch` by what is pending and by what was loaded, if that still is as it was, or `as_it_is`, and accepts what is
    /// not refused; or says what has to be loaded.
    fn accept(
        &self,
        batch: &WriteBatch,
        touched: &Touched,
        loaded: &[(Id, Option<Document>, Time)],
        as_it_is: bool,
    ) -> std::result::Result<WriteReport, Vec<Id>> {
        let epochs = self.below.coherence.epochs();
        let mut newest: Known = Known::default();
        for (id, document, since) in loaded {
            if as_it_is || epochs.is_unchanged(*since, &[Slot::document(id)]) {
                newest.insert(id.clone(), document.clone());
            } else {
                newest.remove(id);
            }
        }
        let ids = || batch.operations().iter().map(|operation| &operation.id);
        let mut busy = None;
        let answer = self.queue.accept(ids(), |pending| {
            newest.extend(pending);
            let missing: Vec<Id> = ids().filter(|id| !newest.contains_key(id)).cloned().collect();
            if !missing.is_empty() {
                return (Err(missing), None);
            }
            // Who reads from now on sees what is accepted, and what was read before is not true any more.
            busy = Some(epochs.begin(touched.slots()));
            let outcomes = judge(batch, &mut newest);
            let accepted = accepted(batch, &outcomes, newest);
            (Ok(WriteReport { outcomes, detached: 0 }), accepted)
        });
        drop(busy);
        if let Ok(report) = &answer {
            self.counts.accepted.fetch_add(report.written() as u64, Ordering::Relaxed);
        }
        answer
    }

    /// Adds the documents of `ids` that are not pending, as they are below, and since when that is known.
    async fn load<'a>(
        &self,
        loaded: &mut Vec<(Id, Option<Document>, Time)>,
        ids: impl IntoIterator<Item = &'a Id>,
    ) -> Result<()> {
        let handles: Vec<Handle> = ids.into_iter().map(|id| self.below.handle(id)).collect();
        let pending = self.queue.pending(&handles);
        let missing = handles.into_iter().zip(pending).filter(|(_, pending)| pending.is_none());
        let missing: Vec<Handle> = missing.map(|(handle, _)| handle).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let since = self.below.coherence.epochs().now();
        let found = self.below.get_many(&missing).await?;
        let found = missing.iter().map(|handle| handle.id().clone()).zip(found);
        loaded.extend(found.map(|(id, document)| (id, document, since)));
        Ok(())
    }

    /// Whether the outcome of each operation follows from its document, indexes apart.
    fn stands_alone(&self, batch: &WriteBatch) -> bool {
        let is_ours = batch.encoding() == self.below.capabilities().encoding;
        is_ours && !batch.is_empty() && batch.operations().iter().all(stands_alone)
    }

    /// Whether an index may refuse an operation. Asked by whoever has the gate, without which none is made.
    async fn is_strict(&self, batch: &WriteBatch) -> Result<bool> {
        let strict = self.strict().await?;
        let is_strict = |id: &Id| {
            strict.iter().any(|(collection, entity)| {
                id.collection() == *collection && entity.is_none_or(|name| id.is_entity(name))
            })
        };
        Ok(batch.operations().iter().any(|operation| is_strict(&operation.id)))
    }

    /// The types with an index that refuses documents: a unique one, or one of several fields.
    async fn strict(&self) -> Result<Strict> {
        if let Some(strict) = &*self.strict.lock() {
            return Ok(Arc::clone(strict));
        }
        let mut strict = Vec::new();
        for collection in [Collection::Node, Collection::Edge, Collection::Object] {
            let indexes = self.below.indexes(collection).await?;
            let refuses = indexes
                .into_iter()
                .filter(|index| index.spec.is_unique() || index.spec.keys().len() > 1);
            strict.extend(refuses.map(|index| (collection, index.entity)));
        }
        let strict: Strict = strict.into();
        *self.strict.lock() = Some(Arc::clone(&strict));
        Ok(strict)
    }

    /// The indexes have changed, or may have.
    pub(super) fn forget_indexes(&self) {
        *self.strict.lock() = None;
    }

    /// Begins to write, if nothing was written before.
    fn begin(self: &Arc<Self>) {
        if !self.is_running.swap(true, Ordering::SeqCst) {
            tokio::spawn(writer::run(Arc::clone(self)));
        }
    }

    /// Writes what was accepted, and accepts nothing more.
    pub(super) async fn close(&self) -> Result<()> {
        // Whoever has the gate was there before.
        let gate = self.gate().await;
        self.queue.close();
        drop(gate);
        let flushed = self.flushed().await;
        let lost = self.queue.give_up();
        flushed.map_err(|error| error.with("lost", lost))
    }

    pub(super) fn statistics(&self) -> WriteBehindStatistics {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (pending, pending_bytes) = self.queue.size();
        WriteBehindStatistics {
            accepted: of(&self.counts.accepted),
            written: of(&self.counts.written),
            refused: of(&self.counts.refused),
            retried: of(&self.counts.retried),
            pending: pending as u64,
            pending_bytes: pending_bytes as u64,
        }
    }
}

/// The operations of `batch` that were not refused, the versions that they leave, and the documents.
fn accepted(
    batch: &WriteBatch,
    outcomes: &[Outcome],
    left: Known,
) -> Option<(WriteBatch, Vec<Option<Version>>, Known)> {
    let mut kept = WriteBatch::new(batch.encoding()).atomic(batch.is_atomic());
    let mut versions = Vec::new();
    let mut written = Known::default();
    for (place, (operation, outcome)) in batch.operations().iter().zip(outcomes).enumerate() {
        if outcome.is_written() {
            // It fits, since it did before.
            kept.copy(batch, place).ok()?;
            versions.push(outcome.version());
            if let Some(document) = left.get(&operation.id) {
                written.insert(operation.id.clone(), document.clone());
            }
        }
    }
    (!kept.is_empty()).then_some((kept, versions, written))
}
