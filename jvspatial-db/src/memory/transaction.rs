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
use crate::error::{Error, ErrorKind, Result};
use crate::expansion::{Adjacent, Expansion};
use crate::filter::{FieldPath, Filter};
use crate::id::{Collection, Handle};
use crate::indexes::{Explanation, IndexInfo, IndexSpec};
use crate::limits::MAX_BATCH_OPERATIONS;
use crate::query::Query;
use crate::transaction::Transaction;
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
    told: Vec<Told>,
    operations: usize,
}

/// A call of a transaction with its answer. Of a failed one only the kind of the failure counts.
#[derive(Debug)]
enum Told {
    Documents(Vec<Handle>, Vec<Option<Document>>),
    Found(Query, Result<Vec<Document>, ErrorKind>),
    Counted(Query, Result<usize, ErrorKind>),
    Neighbors(Vec<Handle>, Expansion, Result<Vec<Adjacent>, ErrorKind>),
    Written(WriteBatch, Result<WriteReport, ErrorKind>),
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
        let play = Play { state, told: Vec::new(), operations: 0 };
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
            play.told.push(Told::Found(query, told(&found)));
            found
        })
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::Closed, "transaction has ended")
}

fn unsupported(what: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, what)
}

/// What is remembered of an answer.
fn told<T: Clone>(answer: &Result<T>) -> Result<T, ErrorKind> {
    match answer {
        Ok(answer) => Ok(answer.clone()),
        Err(error) => Err(error.kind()),
    }
}

impl Told {
    fn has_written(&self) -> bool {
        matches!(self, Self::Written(_, Ok(report)) if report.written() > 0)
    }

    /// Makes the call once more, on `state`, and says whether the answer is the same.
    fn is_told_again(&self, state: &mut State, max_sort_bytes: usize) -> bool {
        let find = |state: &State, query: &Query| {
            let found = state.answer(query, max_sort_bytes);
            found.map(|(found, _)| found).map_err(|error| error.kind())
        };
        match self {
            Self::Documents(handles, told) => {
                let same = |(a, b): (&Option<Document>, &Option<Document>)| match (a, b) {
                    (Some(a), Some(b)) => is_same(a, b),
                    (a, b) => a.is_none() && b.is_none(),
                };
                told.iter().zip(&state.get_many(handles)).all(same)
            }
            Self::Found(query, told) => match (told, find(state, query)) {
                (Ok(told), Ok(again)) => all_same(told, &again, is_same),
                (Err(told), Err(again)) => *told == again,
                _ => false,
            },
            Self::Counted(query, told) => find(state, query).map(|found| found.len()) == *told,
            Self::Neighbors(from, expansion, told) => {
                match (told, state.neighbors(from, expansion)) {
                    (Ok(told), Ok(again)) => all_same(told, &again, leads_the_same_way),
                    (Err(told), Err(again)) => *told == again.kind(),
                    _ => false,
                }
            }
            Self::Written(batch, told) => state.write(batch).map_err(|error| error.kind()) == *told,
        }
    }
}

fn all_same<T>(a: &[T], b: &[T], same: impl Fn(&T, &T) -> bool) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
}

/// Whether two documents are the same in all that can be seen of them: one made again has the version of the
/// one that it follows.
fn is_same(a: &Document, b: &Document) -> bool {
    let envelope = |of: &Document| (of.version, of.schema, of.ends.clone());
    a.id == b.id && envelope(a) == envelope(b) && a.body.as_bytes() == b.body.as_bytes()
}

fn leads_the_same_way(a: &Adjacent, b: &Adjacent) -> bool {
    let edge = |of: &Adjacent| of.edge.as_ref().map(|edge| edge.id().clone());
    a.origin == b.origin && a.node.id() == b.node.id() && edge(a) == edge(b)
}

#[async_trait]
impl Database for MemoryTransaction {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn get_many(&self, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
        self.play(|play| {
            let found = play.state.get_many(handles);
            play.told.push(Told::Documents(handles.to_vec(), found.clone()));
            Ok(found)
        })
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport> {
        batch.check_encoding(self.capabilities.encoding)?;
        self.play(|play| {
            let operations = play.operations + batch.len();
            if operations > MAX_BATCH_OPERATIONS {
                return Err(Error::limit("transaction has too many operations")
                    .with("operations", operations)
                    .with("limit", MAX_BATCH_OPERATIONS));
            }
            play.operations = operations;
            let report = Arc::make_mut(&mut play.state).write(&batch);
            play.told.push(Told::Written(batch, told(&report)));
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
            let count = found.map(|(found, _)| found.len());
            play.told.push(Told::Counted(query, told(&count)));
            count.map(|count| count as u64)
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
            play.told.push(Told::Neighbors(from.to_vec(), expansion.clone(), told(&found)));
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
        if !play.told.iter().any(Told::has_written) {
            return Ok(());
        }
        if Arc::ptr_eq(&base, &self.snapshot) {
            *base = play.state;
            self.feed.publish(Arc::make_mut(&mut base).take_changes());
            return Ok(());
        }
        let mut state = State::clone(&base);
        if !play.told.iter().all(|told| told.is_told_again(&mut state, self.max_sort_bytes)) {
            self.is_outrun.store(true, Ordering::Relaxed);
            return Err(Error::new(
                ErrorKind::Conflict,
                "others changed what the transaction has seen",
            ));
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
