//! Gives a version to documents that have none.

use crate::database::Database;
use crate::document::Document;
use crate::error::{Error, Result};
use crate::filter::{FieldPath, Filter};
use crate::id::{Collection, Id};
use crate::limits::MAX_BATCH_OPERATIONS;
use crate::query::Query;
use crate::sort::{Position, Sort};
use crate::version::Version;
use crate::write::{Outcome, WriteBatch};

/// How documents without a version are given one; see [`backfill`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BackfillOptions {
    /// How many documents are written at once, 1 to 100,000. Default: 1,000. A batch of 16 MiB is full.
    pub batch_operations: usize,
    /// After how many documents to stop. Default: none, it goes on to the end.
    pub limit: Option<u64>,
    /// Where to go on: the [`last`](BackfillReport::last) document of an earlier report. Default: from the
    /// beginning, which is right too and takes only the reading of what was passed before.
    pub after: Option<Id>,
}

impl Default for BackfillOptions {
    fn default() -> Self {
        Self { batch_operations: 1_000, limit: None, after: None }
    }
}

impl BackfillOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many documents are written at once.
    #[must_use]
    pub const fn batch_operations(mut self, count: usize) -> Self {
        self.batch_operations = count;
        self
    }

    /// Stops after so many documents.
    #[must_use]
    pub const fn limit(mut self, count: u64) -> Self {
        self.limit = Some(count);
        self
    }

    /// Goes on behind a document.
    #[must_use]
    pub fn after(mut self, last: Option<Id>) -> Self {
        self.after = last;
        self
    }
}

/// What [`backfill`] has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackfillReport {
    /// How many documents were given their first version.
    pub versioned: u64,
    /// How many were changed or removed by others meanwhile, so that there was nothing left to do.
    pub overtaken: u64,
    /// The last document that was dealt with.
    pub last: Option<Id>,
}

/// How many documents one search finds. The next search begins behind the last of them, so that no cursor is older
/// than a server keeps its time.
const ROUND: u64 = 100_000;

/// With how many bytes of fields a batch is full.
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// Gives version 1 to the documents of a collection that have none, such as those that the Python library wrote.
/// Nothing else of them changes.
///
/// They are written in batches, in the order of their ids. Whoever calls it again goes on with what is left: a
/// document that has a version is not touched. A save that gets ahead of it wins. Writers that keep no versions must
/// not be at work meanwhile, since nobody can tell that they wrote.
///
/// ```
/// use jvspatial_db::{BackfillOptions, Collection, backfill, open};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> jvspatial_db::Result<()> {
/// let database = open("memory:").await?;
/// let report = backfill(&*database, Collection::Node, BackfillOptions::new()).await?;
/// assert_eq!(report.versioned, 0);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// `Limit` for a batch size out of its range, and what the database reports, with the facts `versioned` and `last`:
/// how many documents have got their version, and behind which to go on.
///
/// # Cancellation
/// Some documents may have been given a version.
pub async fn backfill(
    database: &dyn Database,
    collection: Collection,
    options: BackfillOptions,
) -> Result<BackfillReport> {
    let operations = options.batch_operations;
    if operations == 0 || operations > MAX_BATCH_OPERATIONS {
        return Err(Error::limit("batch size is out of range")
            .with("operations", operations)
            .with("limit", MAX_BATCH_OPERATIONS));
    }
    if let Some(other) = options.after.as_ref().filter(|last| last.collection() != collection) {
        return Err(Error::invalid("document is of another collection")
            .with("id", other)
            .with("expected", collection.name()));
    }
    let mut work = Work {
        database,
        collection,
        operations,
        left: options.limit.unwrap_or(u64::MAX),
        report: BackfillReport { last: options.after, ..BackfillReport::default() },
    };
    loop {
        match work.round().await {
            Ok(true) => {}
            Ok(false) => return Ok(work.report),
            Err(error) => return Err(work.report.locate(error)),
        }
    }
}

struct Work<'a> {
    database: &'a dyn Database,
    collection: Collection,
    operations: usize,
    /// How many documents are still to be dealt with at most.
    left: u64,
    report: BackfillReport,
}

impl Work<'_> {
    /// Deals with the documents of one search; `false` when there are no more.
    async fn round(&mut self) -> Result<bool> {
        let wanted = ROUND.min(self.left);
        let order = Sort::by_id();
        let unversioned = Filter::exists(FieldPath::parse("_version")?, false);
        let mut query = Query::new(self.collection, unversioned).limit(wanted);
        if let Some(last) = self.report.last.clone() {
            query = query.after(Position::new(&order, [], last)?);
        }
        let mut found = 0;
        let mut cursor = self.database.find(query.sort(order)).await?;
        let mut batch = self.empty();
        while let Some(Document { id, schema, body, .. }) = cursor.try_next().await? {
            found += 1;
            batch.update_encoded(id, Version::NONE, body.as_bytes(), schema)?;
            if batch.len() >= self.operations || batch.bytes() >= BATCH_BYTES {
                let full = std::mem::replace(&mut batch, self.empty());
                self.write(full).await?;
            }
        }
        self.write(batch).await?;
        self.left -= found;
        Ok(found == ROUND && self.left > 0)
    }

    fn empty(&self) -> WriteBatch {
        WriteBatch::new(self.database.capabilities().encoding)
    }

    async fn write(&mut self, batch: WriteBatch) -> Result<()> {
        let ids: Vec<Id> = batch.operations().iter().map(|write| write.id.clone()).collect();
        let outcomes = self.database.write(batch).await?.outcomes;
        for (id, outcome) in ids.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Conflict { .. } | Outcome::Missing(_) => self.report.overtaken += 1,
                outcome => {
                    outcome.into_result(&id)?;
                    self.report.versioned += 1;
                }
            }
            self.report.last = Some(id);
        }
        Ok(())
    }
}

impl BackfillReport {
    /// Says in an error how far it came.
    fn locate(&self, error: Error) -> Error {
        let error = error.with("versioned", self.versioned);
        match &self.last {
            Some(last) => error.with("last", last),
            None => error,
        }
    }
}
