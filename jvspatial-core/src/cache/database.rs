//! A database whose reads are noted and whose documents are kept.

use std::sync::Arc;

use async_trait::async_trait;
use bson::Bson;
use jvspatial_db::{
    Adjacent, Capabilities, ChangeStream, Collection, Cursor, Database, Document, EntityName,
    Error, ErrorKind, Expansion, Explanation, FieldPath, Filter, Handle, Id, IndexInfo, IndexSpec,
    OrdinalPin, OrdinalSet, Outcome, Query, Result, Transaction, WatchOptions, WriteBatch,
    WriteReport,
};

use super::coherence::Coherence;
use super::entities::Entities;
use super::reads;
use super::slot::Slot;
use super::strategy::Strategy;
use super::touched::Touched;
use super::transaction::Staged;
use super::write_through::Left;
use super::written::{Known, Operations};

/// A database behind a cache, or a transaction on it: what is read is noted for who wants to know, documents are kept by
/// their ids, and every write makes untrue what was read before, in a transaction once it commits.
#[derive(Debug)]
pub(crate) struct CachedDatabase<D: Database + ?Sized = dyn Database> {
    pub(super) database: Arc<D>,
    pub(super) coherence: Arc<Coherence>,
    entities: Option<Arc<Entities>>,
    /// Whether documents are kept as they are written.
    is_write_through: bool,
    /// What was written, in a transaction.
    pub(super) staged: Option<Staged>,
}

impl CachedDatabase {
    pub(super) fn new(
        database: Arc<dyn Database>,
        coherence: Arc<Coherence>,
        entities: Option<Entities>,
        strategy: &Strategy,
    ) -> Self {
        let is_write_through = !matches!(strategy, Strategy::CacheAside);
        let entities = entities.map(Arc::new);
        Self { database, coherence, entities, is_write_through, staged: None }
    }

    pub(super) fn entities(&self) -> Option<&Entities> {
        self.entities.as_deref()
    }

    /// The database itself.
    pub(super) fn below(&self) -> Arc<dyn Database> {
        Arc::clone(&self.database)
    }
}

impl CachedDatabase<dyn Transaction> {
    /// A transaction. Nothing that is kept is read here, and nothing kept that is read: it sees the graph as it was, with what it
    /// has written itself.
    fn begun(transaction: Arc<dyn Transaction>, coherence: Arc<Coherence>) -> Self {
        let staged = Some(Staged::default());
        let (database, entities) = (transaction, None);
        Self { database, coherence, entities, is_write_through: false, staged }
    }
}

impl<D: Database + ?Sized> CachedDatabase<D> {
    /// The document of `handle`, the only one of `handles`, which is not kept.
    async fn load_one(
        &self,
        entities: &Entities,
        handle: &Handle,
        handles: &[Handle],
    ) -> Result<Vec<Option<Document>>> {
        let load = async { Ok(self.fetch(entities, handles).await?.pop().flatten()) };
        Ok(vec![entities.load(handle.id(), load).await?])
    }

    /// The documents of `handles`, those that are kept from memory and the others in one request.
    async fn load(&self, entities: &Entities, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
        let since = self.coherence.epochs().now();
        let mut kept: Vec<Option<Option<Document>>> =
            handles.iter().map(|handle| entities.get(handle.id())).collect();
        entities.leave_confirmed(handles, &mut kept, since).await;
        let missing = (0..).zip(&kept).filter(|(_, kept)| kept.is_none()).map(|(place, _)| place);
        let missing: Vec<usize> = missing.collect();
        let mut answer: Vec<Option<Document>> = kept.into_iter().map(Option::flatten).collect();
        let all = missing.len() == handles.len();
        if !missing.is_empty() {
            let wanted: Vec<Handle> =
                missing.iter().filter_map(|place| handles.get(*place)).cloned().collect();
            let loaded = self.fetch(entities, &wanted).await?;
            for (handle, document) in wanted.iter().zip(&loaded) {
                entities.keep(handle.id(), document.as_ref(), since);
            }
            for (place, document) in missing.iter().zip(loaded) {
                if let Some(answer) = answer.get_mut(*place) {
                    *answer = document;
                }
            }
        }
        // What was kept must have been true until the others were read, or the answer is of no one point in time.
        let holds = |handle: &Handle| entities.is_still_true(handle.id(), since);
        if all || handles.iter().all(holds) {
            return Ok(answer);
        }
        let since = self.coherence.epochs().now();
        let answer = self.ask(entities, handles).await?;
        // It may be newer than what is kept, which nobody is to be told after it.
        for (handle, document) in handles.iter().zip(&answer) {
            entities.keep(handle.id(), document.as_ref(), since);
        }
        Ok(answer)
    }

    /// The documents of `handles` from where they are shared with other processes, or else from the database.
    #[cfg(feature = "redis")]
    async fn fetch(
        &self,
        entities: &Entities,
        handles: &[Handle],
    ) -> Result<Vec<Option<Document>>> {
        // Who does not hear of changes cannot know whether what is kept there is true.
        let far = entities.far().filter(|_| self.coherence.is_heard());
        let Some(far) = far else { return self.ask(entities, handles).await };
        let mark = far.mark();
        let mut answer = far.get_many(handles).await;
        // Who wrote a newer one may not have told yet, but here it was read already.
        for (handle, found) in handles.iter().zip(&mut answer) {
            found.take_if(|found| entities.has_read_newer(handle.id(), found.version));
        }
        let missing = || (0..).zip(&answer).filter(|(_, found)| found.is_none()).map(|(n, _)| n);
        let missing: Vec<usize> = missing().collect();
        if missing.is_empty() {
            return Ok(answer);
        }
        let wanted: Vec<Handle> =
            missing.iter().filter_map(|place| handles.get(*place)).cloned().collect();
        let loaded = self.ask(entities, &wanted).await?;
        far.keep(&mark, loaded.iter().flatten()).await;
        for (place, document) in missing.into_iter().zip(loaded) {
            if let Some(answer) = answer.get_mut(place) {
                *answer = document;
            }
        }
        Ok(answer)
    }

    #[cfg(not(feature = "redis"))]
    async fn fetch(
        &self,
        entities: &Entities,
        handles: &[Handle],
    ) -> Result<Vec<Option<Document>>> {
        self.ask(entities, handles).await
    }

    /// The documents of `handles` from the database.
    async fn ask(&self, entities: &Entities, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
        entities.count_loads(handles.iter().map(Handle::id));
        self.database.get_many(handles).await
    }
}

#[async_trait]
impl<D: Database + ?Sized> Database for CachedDatabase<D> {
    fn capabilities(&self) -> &Capabilities {
        self.database.capabilities()
    }

    async fn get_many(&self, handles: &[Handle]) -> Result<Vec<Option<Document>>> {
        reads::note(&self.coherence, |noted| noted.documents(handles.iter().map(Handle::id)));
        let Some(entities) = &self.entities else { return self.database.get_many(handles).await };
        match handles {
            [] => self.database.get_many(handles).await,
            [handle] => match entities.get_confirmed(handle.id()).await {
                Some(kept) => Ok(vec![kept]),
                // In a box, so that what is found takes little room in its caller.
                None => Box::pin(self.load_one(entities, handle, handles)).await,
            },
            _ => Box::pin(self.load(entities, handles)).await,
        }
    }

    fn get_kept(&self, id: &Id) -> Option<Option<Document>> {
        // Who wants to know what is read is told of it by the other way.
        self.entities.as_ref().filter(|_| !reads::are_noted())?.get_kept(id)
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport> {
        let touched = self.coherence.epochs().is_used().then(|| Touched::by(&batch));
        let operations = self.coherence.has_peers().then(|| Operations::of(&batch));
        if let Some(staged) = &self.staged {
            staged.add(touched);
            let answer = self.database.write(batch).await;
            staged.add_written(Known::of_batch(operations, &answer).written);
            return answer;
        }
        let kept = self.entities.clone().filter(|_| self.is_write_through);
        let kept = kept.map(|entities| (entities, Left::by(&batch)));
        let watched = kept.as_ref().map(|(_, left)| left.slots()).unwrap_or_default();
        let keep = move |answer: &Result<WriteReport>, time, alone: &[Slot]| {
            if let Some((entities, left)) = kept {
                left.keep(&entities, answer, time, alone);
            }
        };
        let judge = |answer: &Result<WriteReport>| Known::of_batch(operations, answer);
        let database = Arc::clone(&self.database);
        let write = async move { database.write(batch).await };
        self.coherence.change_and_keep(touched, write, judge, watched, keep).await
    }

    async fn find(&self, query: Query) -> Result<Cursor> {
        reads::note(&self.coherence, |noted| noted.found(query.collection, &query.filter));
        self.database.find(query).await
    }

    async fn count(&self, collection: Collection, filter: &Filter) -> Result<u64> {
        reads::note(&self.coherence, |noted| noted.found(collection, filter));
        self.database.count(collection, filter).await
    }

    async fn distinct(
        &self,
        collection: Collection,
        field: &FieldPath,
        filter: &Filter,
    ) -> Result<Vec<Bson>> {
        reads::note(&self.coherence, |noted| noted.found(collection, filter));
        self.database.distinct(collection, field, filter).await
    }

    async fn neighbors(&self, from: &[Handle], expansion: &Expansion) -> Result<Vec<Adjacent>> {
        let Some(following) = reads::Following::note(&self.coherence, from, expansion) else {
            return self.database.neighbors(from, expansion).await;
        };
        let met = self.database.neighbors(from, following.expansion()).await?;
        Ok(following.note_met(met))
    }

    async fn neighbors_except(
        &self,
        from: &[Handle],
        expansion: &Expansion,
        known: &OrdinalSet,
    ) -> Result<Vec<Adjacent>> {
        let Some(following) = reads::Following::note(&self.coherence, from, expansion) else {
            return self.database.neighbors_except(from, expansion, known).await;
        };
        let met = self.database.neighbors_except(from, following.expansion(), known).await?;
        Ok(following.note_met(met))
    }

    async fn create_index(
        &self,
        collection: Collection,
        entity: Option<EntityName>,
        spec: IndexSpec,
    ) -> Result<()> {
        self.database.create_index(collection, entity, spec).await
    }

    async fn drop_index(
        &self,
        collection: Collection,
        entity: Option<EntityName>,
        name: &str,
    ) -> Result<bool> {
        self.database.drop_index(collection, entity, name).await
    }

    async fn indexes(&self, collection: Collection) -> Result<Vec<IndexInfo>> {
        self.database.indexes(collection).await
    }

    async fn explain(&self, query: Query) -> Result<Explanation> {
        self.database.explain(query).await
    }

    async fn begin(&self) -> Result<Arc<dyn Transaction>> {
        // What is read inside is as it was now or earlier.
        reads::note(&self.coherence, |_| {});
        let transaction = self.database.begin().await?;
        Ok(Arc::new(CachedDatabase::begun(transaction, Arc::clone(&self.coherence))))
    }

    async fn watch(&self, options: WatchOptions) -> Result<ChangeStream> {
        self.database.watch(options).await
    }

    fn pin_ordinals(&self) -> OrdinalPin {
        self.database.pin_ordinals()
    }

    fn handle(&self, id: &Id) -> Handle {
        self.database.handle(id)
    }

    async fn close(&self) -> Result<()> {
        let closed = self.database.close().await;
        if self.staged.is_none() {
            self.coherence.close().await;
        }
        closed
    }
}

/// Whether a write, or a part of it, may happen after its answer.
pub(super) fn may_yet_happen(answer: &Result<WriteReport>) -> bool {
    match answer {
        Ok(report) => report.outcomes.contains(&Outcome::Unknown),
        Err(error) => is_unknown(error),
    }
}

pub(super) fn is_unknown(error: &Error) -> bool {
    error.kind() == ErrorKind::Unknown
}
