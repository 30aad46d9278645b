//! Transactions of the reference backend: played on a copy, and once more on what is stored when they commit.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use bson::Bson;
use futures_util::stream;
use parking_lot::{Mutex, RwLock};

use super::state::State;
use super::watch::Feed;
use crate::capabilities::Capabilities;
use crate::database::{Cursor, Database, OrdinalPin};
use crate::document::Document;
use crate::entity_name::EntityName;
use crate::error::Result;
use crate::expansion::{Adjacent, Expansion};
use crate::filter::{FieldPath, Filter};
use crate::id::{Collection, Handle};
use crate::indexes::{Explanation, IndexInfo, IndexSpec};
use crate::query::Query;
use crate::transaction::log::{Answer, Call, Log, Told};
use crate::transaction::{Transaction, ended, outrun, unsupported};
use crate::write::{WriteBatch, WriteReport};

/// A transaction.
pub(super) struct MemoryTransaction {
    base: Arc<RwLock<Arc<State>>>,
    feed: Arc<Feed>,
    /// What was stored when it began.
    snapshot: Arc<State>,
    /// Absent after its end.
    play: Mutex<Option<Play>>,
    is_outrun: AtomicBool,
    capabilities: Capabilities,
    max_sort_bytes: usize,
}

/// What a transaction sees, and all that it was told so far.
#[derive(Debug)]
struct Play {
    state: Arc<State>,
    log: Log<WriteBatch>,
}

impl MemoryTransaction {
    /// Begins at `snapshot`, which is what `base` holds, whose changes go to `feed`.
    pub(super) fn new(
        (base, feed): (Arc<RwLock<Arc<State>>>, Arc<Feed>),
        snapshot: Arc<State>,
        capabilities: &Capabilities,
        max_sort_bytes: usize,
    ) -> Self {
        let state = Arc::clone(&snapshot);
        let play = Play { state, log: Log::default() };
        let capabilities =
            Capabilities { transactions: None, change_feed: false, ..capabilities.clone() };
        Self {
            base,
            feed,
            snapshot,
            play: Mutex::new(Some(play)),
            is_outrun: AtomicBool::new(false),
            capabilities,
            max_sort_bytes,
        }
    }

    fn play<T>(&self, call: impl FnOnce(&mut Play) -> Result<T>) -> Result<T> {
        self.base.read().check_open()?;
        self.play.lock().as_mut().map_or_else(|| Err(ended()), call)
    }

    fn search(&self, query: Query) -> Result<Vec<Document>> {
        self.play(|play| {
            let found = play.state.answer(&query, self.max_sort_bytes).map(|(found, _)| found);
            play.log.push(Call::Find(query), Answer::of_find(&found));
            found
        })
    }
}

/// Makes a call once more, on `state`, and says whether the answer is the same.
fn is_told_again(told: &Told<WriteBatch>, state: &mut State, max_sort_bytes: usize) -> bool {
    let find = |state: &State, query| state.answer(query, max_sort_bytes).map(|(found, _)| found);
    let again = match &told.call {
        Call::Get(handles) => Answer::of_get(&Ok(state.get_many(handles))),
        Call::Find(query) => Answer::of_find(&find(state, query)),
        Call::Count(query) => Answer::of_count(&find(state, query).map(|found| found.len() as u64)),
        Call::Neighbors(from, expansion) => Answer::of_neighbors(&state.neighbors(from, expansion)),
        Call::Write(batch) => Answer::of_write(&state.write(batch)),
    };
    again == told.answer
}

#[async_trait]
impl Database for MemoryTransaction {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn get_many(&self, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
        self.play(|play| {
            let found = Ok(play.state.get_many(handles));
            play.log.push(Call::Get(handles.to_vec()), Answer::of_get(&found));
            found
        })
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport> {
        batch.check_encoding(self.capabilities.encoding)?;
        self.play(|play| {
            play.log.admit(batch.len())?;
            let report = Arc::make_mut(&mut play.state).write(&batch);
            let answer = Answer::of_write(&report);
            play.log.push(Call::Write(batch), answer);
            report
        })
    }

    async fn find(&self, query: Query) -> Result<Cursor> {
        let found = self.search(query)?;
        Ok(Cursor::new(stream::iter(found.into_iter().map(Ok))))
    }

    async fn count(&self, collection: Collection, filter: &Filter) -> Result<u64> {
        let query = Query::new(collection, filter.clone());
        self.play(|play| {
            let found = play.state.answer(&query, self.max_sort_bytes);
            let count = found.map(|(found, _)| found.len() as u64);
            play.log.push(Call::Count(query), Answer::of_count(&count));
            count
        })
    }

    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> Result<Vec<Bson>> {
        let query = Query::new(collection, filter.clone());
        let found = self.search(query.clone())?;
        query.answer_distinct(found, field)
    }

    async fn neighbors(&self, from: &[Handle], expansion: &Expansion) -> Result<Vec<Adjacent>> {
        self.play(|play| {
            let found = play.state.neighbors(from, expansion);
            let call = Call::Neighbors(from.to_vec(), expansion.clone());
            play.log.push(call, Answer::of_neighbors(&found));
            found
        })
    }

    async fn create_index(&self, _: Collection, _: Option<EntityName>, _: IndexSpec) -> Result<()> {
        Err(unsupported("a transaction makes no indexes"))
    }

    async fn drop_index(&self, _: Collection, _: Option<EntityName>, _: &str) -> Result<bool> {
        Err(unsupported("a transaction drops no indexes"))
    }

    async fn indexes(&self, collection: Collection) -> Result<Vec<IndexInfo>> {
        self.play(|play| Ok(play.state.indexes(collection)))
    }

    async fn explain(&self, query: Query) -> Result<Explanation> {
        let start = Instant::now();
        let (_, mut explanation) =
            self.play(|play| play.state.answer(&query, self.max_sort_bytes))?;
        explanation.elapsed = start.elapsed();
        Ok(explanation)
    }

    async fn begin(&self) -> Result<Arc<dyn Transaction>> {
        Err(unsupported("a transaction begins no transactions"))
    }

    fn pin_ordinals(&self) -> OrdinalPin {
        OrdinalPin::default()
    }

    async fn close(&self) -> Result<()> {
        self.play.lock().take();
        Ok(())
    }
}

#[async_trait]
impl Transaction for MemoryTransaction {
    async fn commit(&self) -> Result<()> {
        let play = self.play.lock().take().ok_or_else(ended)?;
        let mut base = self.base.write();
        base.check_open()?;
        // What was read was so at one point in time, which is where it then stands among the others.
        if !play.log.has_written() {
            return Ok(());
        }
        if Arc::ptr_eq(&base, &self.snapshot) {
            *base = play.state;
            self.feed.publish(Arc::make_mut(&mut base).take_changes());
            return Ok(());
        }
        let mut state = State::clone(&base);
        let is_told_again = |told| is_told_again(told, &mut state, self.max_sort_bytes);
        if !play.log.iter().all(is_told_again) {
            self.is_outrun.store(true, Ordering::Relaxed);
            return Err(outrun());
        }
        self.feed.publish(state.take_changes());
        *base = Arc::new(state);
        Ok(())
    }

    fn is_outrun(&self) -> bool {
        self.is_outrun.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for MemoryTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryTransaction")
    }
}
