//! Transactions: calls that are answered from one point in time, and made once more at another before they count
//! there.

mod neighbors;
mod pace;
mod view;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bson::Bson;
use futures_util::stream;
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard, oneshot};

use self::pace::Pace;
use self::view::View;
use super::answered;
use super::draft::{Draft, MAX_BATCH_BYTES};
use super::options::JsonDbOptions;
use super::queue::Request;
use super::search::Search;
use super::writer::Shared;
use crate::capabilities::Capabilities;
use crate::database::{Cursor, Database, OrdinalPin};
use crate::document::Document;
use crate::durability::Durability;
use crate::entity_name::EntityName;
use crate::error::{Error, ErrorKind, Result};
use crate::expansion::{Adjacent, Expansion};
use crate::filter::{FieldPath, Filter};
use crate::id::{Collection, Handle};
use crate::indexes::{Explanation, IndexInfo, IndexSpec};
use crate::query::Query;
use crate::transaction::log::{Answer, Call, Log};
use crate::transaction::{Transaction, ended, outrun, unsupported};
use crate::write::{WriteBatch, WriteReport};

/// A transaction.
///
/// Until it is dropped the store keeps what was replaced since it began, as it does for a cursor.
pub(super) struct JsonTransaction {
    store: Store,
    /// Absent after its end.
    play: Mutex<Option<Play>>,
    is_outrun: AtomicBool,
    capabilities: Capabilities,
}

/// The store below.
#[derive(Clone, Debug)]
struct Store {
    shared: Arc<Shared>,
    max_sort_bytes: usize,
    durability: Durability,
}

/// What a transaction sees, and all that it was told so far.
#[derive(Debug)]
struct Play {
    view: View,
    log: Log<Draft>,
    /// The bytes of all its batches.
    bytes: usize,
}

impl JsonTransaction {
    /// Begins at the present.
    pub(super) fn begin(
        shared: &Arc<Shared>,
        options: &JsonDbOptions,
        capabilities: &Capabilities,
    ) -> Self {
        let store = Store {
            shared: Arc::clone(shared),
            max_sort_bytes: options.max_sort_bytes,
            durability: options.durability,
        };
        let view = View::of_present(&store);
        let mut capabilities = capabilities.clone();
        capabilities.transactions = None;
        capabilities.change_feed = false;
        // What is not committed has none.
        capabilities.ordinals = false;
        Self {
            store,
            play: Mutex::new(Some(Play { view, log: Log::default(), bytes: 0 })),
            is_outrun: AtomicBool::new(false),
            capabilities,
        }
    }

    async fn play(&self) -> Result<MappedMutexGuard<'_, Play>> {
        self.store.shared.queue.check_readable()?;
        let play = self.play.lock().await;
        if self.is_outrun() {
            return Err(ended());
        }
        MutexGuard::try_map(play, Option::as_mut).map_err(|_| ended())
    }

    /// Goes on at a later commit, if all that was told so far is so there as well.
    ///
    /// # Errors
    /// `Conflict` if it is not, or if others get ahead again and again; the transaction is outrun then.
    async fn catch_up(&self, play: &mut Play, pace: &mut Pace) -> Result<()> {
        if !pace.next(&self.store).await {
            return Err(self.note_outrun());
        }
        let mut view = View::of_present(&self.store);
        for told in play.log.iter() {
            match self.again(&mut view, &told.call).await? {
                None => return Ok(()),
                Some(answer) if answer == told.answer => {}
                Some(_) => return Err(self.note_outrun()),
            }
        }
        play.view = view;
        Ok(())
    }

    fn note_outrun(&self) -> Error {
        self.is_outrun.store(true, Ordering::Relaxed);
        outrun()
    }

    /// What a call is told in `view`; `None` when that had to be the present and is not any more.
    async fn again(&self, view: &mut View, call: &Call<Draft>) -> Result<Option<Answer>> {
        let store = &self.store;
        match call {
            Call::Get(handles) => {
                repeated(view.get(store, handles).await.map(Some), Answer::of_get)
            }
            Call::Find(query) => repeated(view.find(store, query).await, Answer::of_find),
            Call::Count(query) => repeated(view.count(store, query).await, Answer::of_count),
            Call::Neighbors(from, expansion) => {
                let found = neighbors::find(store, view, from, expansion).await;
                repeated(found.map(Some), Answer::of_neighbors)
            }
            Call::Write(draft) => repeated(view.write(store, draft).await, Answer::of_write),
        }
    }

    async fn search(&self, query: Query) -> Result<Vec<Document>> {
        let mut play = self.play().await?;
        let mut pace = Pace::default();
        loop {
            if let Some(found) = play.view.find(&self.store, &query).await.transpose() {
                play.note(Call::Find(query), Answer::of_find(&found));
                return found;
            }
            self.catch_up(&mut play, &mut pace).await?;
        }
    }

    /// Hands over what was written, to be the next commit after that of the view.
    async fn hand_over(&self, play: &Play, pace: &mut Pace) -> Result<WriteReport> {
        let mut draft = play.written();
        let definitions = Arc::clone(&self.store.shared.index.read().definitions);
        draft.find_keys(&definitions, |_| None)?;
        let (reply, report) = oneshot::channel();
        let after = Some(play.view.snapshot.sequence());
        pace.submit(&self.store, Request { draft, after, reply })?;
        answered(report, self.store.durability, self.store.shared.deadline).await
    }
}

impl Play {
    /// Remembers a call, unless what the answer tells is nothing of what is stored.
    fn note(&mut self, call: Call<Draft>, answer: Answer) {
        if !matches!(answer, Answer::Failed(kind) if is_from_outside(kind)) {
            self.log.push(call, answer);
        }
    }

    /// Makes room for a batch.
    fn admit(&mut self, draft: &Draft) -> Result<()> {
        let bytes = self.bytes + draft.lines.len();
        if bytes > MAX_BATCH_BYTES {
            return Err(Error::limit("transaction is too large")
                .with("bytes", bytes)
                .with("limit", MAX_BATCH_BYTES));
        }
        self.log.admit(draft.operations.len())?;
        self.bytes = bytes;
        Ok(())
    }

    /// All operations that were done, as one batch.
    fn written(&self) -> Draft {
        let mut all = Draft { atomic: true, ..Draft::default() };
        for told in self.log.iter() {
            let (Call::Write(draft), Answer::Written(report)) = (&told.call, &told.answer) else {
                continue;
            };
            let operations = draft.operations.iter().zip(&report.outcomes);
            for (operation, _) in operations.filter(|(_, outcome)| outcome.is_written()) {
                all.push(operation, draft);
            }
        }
        all
    }
}

/// What an answer is remembered by.
fn repeated<T>(
    answer: Result<Option<T>>,
    remember: impl FnOnce(&Result<T>) -> Answer,
) -> Result<Option<Answer>> {
    match answer.transpose() {
        None => Ok(None),
        Some(Err(error)) if is_from_outside(error.kind()) => Err(error),
        Some(answer) => Ok(Some(remember(&answer))),
    }
}

/// Whether a failure comes from the store as such and not from what is in it.
fn is_from_outside(kind: ErrorKind) -> bool {
    use ErrorKind::{Closed, Corrupt, Poisoned, Unavailable};
    matches!(kind, Closed | Corrupt | Poisoned | Unavailable)
}

#[async_trait]
impl Database for JsonTransaction {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn get_many(&self, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
        let mut play = self.play().await?;
        let got = play.view.get(&self.store, handles).await;
        play.note(Call::Get(handles.to_vec()), Answer::of_get(&got));
        got
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport> {
        batch.check_encoding(self.capabilities.encoding)?;
        let draft = Draft::new(batch)?;
        let mut play = self.play().await?;
        play.admit(&draft)?;
        let mut pace = Pace::default();
        loop {
            if let Some(report) = play.view.write(&self.store, &draft).await.transpose() {
                let answer = Answer::of_write(&report);
                play.note(Call::Write(draft), answer);
                return report;
            }
            self.catch_up(&mut play, &mut pace).await?;
        }
    }

    async fn find(&self, query: Query) -> Result<Cursor> {
        let found = self.search(query).await?;
        Ok(Cursor::new(stream::iter(found.into_iter().map(Ok))))
    }

    async fn count(&self, collection: Collection, filter: &Filter) -> Result<u64> {
        let query = Query::new(collection, filter.clone());
        let mut play = self.play().await?;
        let mut pace = Pace::default();
        loop {
            if let Some(count) = play.view.count(&self.store, &query).await.transpose() {
                play.note(Call::Count(query), Answer::of_count(&count));
                return count;
            }
            self.catch_up(&mut play, &mut pace).await?;
        }
    }

    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> Result<Vec<Bson>> {
        let query = Query::new(collection, filter.clone());
        let found = self.search(query.clone()).await?;
        query.answer_distinct(found, field)
    }

    async fn neighbors(&self, from: &[Handle], expansion: &Expansion) -> Result<Vec<Adjacent>> {
        let mut play = self.play().await?;
        let found = neighbors::find(&self.store, &play.view, from, expansion).await;
        let call = Call::Neighbors(from.to_vec(), expansion.clone());
        play.note(call, Answer::of_neighbors(&found));
        found
    }

    async fn create_index(&self, _: Collection, _: Option<EntityName>, _: IndexSpec) -> Result<()> {
        Err(unsupported("a transaction makes no indexes"))
    }

    async fn drop_index(&self, _: Collection, _: Option<EntityName>, _: &str) -> Result<bool> {
        Err(unsupported("a transaction drops no indexes"))
    }

    async fn indexes(&self, collection: Collection) -> Result<Vec<IndexInfo>> {
        let _play = self.play().await?;
        Ok(self.store.shared.list_indexes(collection))
    }

    async fn explain(&self, query: Query) -> Result<Explanation> {
        let play = self.play().await?;
        let Store { shared, max_sort_bytes, .. } = &self.store;
        let mut explanation = Search::explain(shared, query.clone(), *max_sort_bytes).await?;
        if let Some(found) = play.view.find(&self.store, &query).await? {
            explanation.returned = found.len() as u64;
        }
        Ok(explanation)
    }

    async fn begin(&self) -> Result<Arc<dyn Transaction>> {
        Err(unsupported("a transaction begins no transactions"))
    }

    fn pin_ordinals(&self) -> OrdinalPin {
        OrdinalPin::default()
    }

    async fn close(&self) -> Result<()> {
        self.play.lock().await.take();
        Ok(())
    }
}

#[async_trait]
impl Transaction for JsonTransaction {
    async fn commit(&self) -> Result<()> {
        let mut play = {
            drop(self.play().await?);
            self.play.lock().await.take().ok_or_else(ended)?
        };
        // What was read was so at one point in time, which is where it then stands among the others.
        if !play.log.has_written() {
            return Ok(());
        }
        let mut pace = Pace::default();
        loop {
            match self.hand_over(&play, &mut pace).await {
                Ok(report) if report.is_complete() => return Ok(()),
                // An index that was made meanwhile refuses it.
                Ok(_) => return Err(self.note_outrun()),
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    self.catch_up(&mut play, &mut pace).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn is_outrun(&self) -> bool {
        self.is_outrun.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for JsonTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JsonTransaction")
    }
}
