//! Runs an update on any backend: read, change, and write if nobody wrote in between.
//!
//! A document is written under the version that it was read at, so a change made meanwhile is never
//! overwritten: the document is read again, and changed again if it still matches.

use std::collections::VecDeque;

use bson::DateTime;
use bytes::Bytes;
use tokio::time::Instant;

use super::request::{Returning, UpdateReport, UpdateRequest};
use super::turns::Tries;
use super::upsert::Seed;
use crate::codec;
use crate::database::{Cursor, Database};
use crate::document::{Body, Document};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{Handle, Id};
use crate::query::Query;
use crate::version::Version;
use crate::write::{Outcome, WriteBatch};

/// How many documents are written in one batch, and from how many bytes on a batch is full.
const CHUNK_DOCUMENTS: usize = 256;
const CHUNK_BYTES: usize = 1024 * 1024;

/// How many times an upsert may find its key taken by a document that does not match.
const MAX_DUPLICATES: u32 = 8;

/// Does what a request says.
///
/// # Errors
/// Those of [`Database::update`].
pub(crate) async fn run<D: Database + ?Sized>(
    database: &D,
    request: UpdateRequest,
) -> Result<UpdateReport> {
    request.check()?;
    let run = Run {
        database,
        time: request.time.unwrap_or_else(DateTime::now),
        deadline: Instant::now() + request.deadline,
        request,
    };
    let mut duplicates = 0;
    loop {
        let report = if run.request.many { run.many().await? } else { run.one().await? };
        if report.matched > 0 || run.request.upsert.is_none() {
            return Ok(report);
        }
        match run.insert().await {
            Err(error) if error.kind() == ErrorKind::Duplicate && duplicates < MAX_DUPLICATES => {
                // Someone else made it meanwhile, and what they made may match.
                duplicates += 1;
            }
            inserted => return inserted,
        }
    }
}

/// One request on its way.
struct Run<'a, D: ?Sized> {
    database: &'a D,
    request: UpdateRequest,
    time: DateTime,
    deadline: Instant,
}

/// A document as the update leaves it.
struct Changed {
    before: Document,
    /// The new fields, or `None` when they are the old ones.
    fields: Option<Vec<u8>>,
}

impl<D: Database + ?Sized> Run<'_, D> {
    /// Changes the first document that matches and is still there to be changed.
    async fn one(&self) -> Result<UpdateReport> {
        let mut limit = Some(1);
        loop {
            let mut candidates = self.candidates(limit).await?;
            let mut contested = None;
            while let Some(found) = candidates.next().await? {
                let id = found.id.clone();
                let changed = match self.try_change(found).await? {
                    Some(changed) => Some(changed),
                    None => self.settle(&id).await?,
                };
                if let Some((changed, version)) = changed {
                    return Ok(self.report(changed, version));
                }
                contested = Some(id);
            }
            // Others took what was found; what they have put there since may match.
            let Some(id) = contested else { return Ok(UpdateReport::default()) };
            if Instant::now() >= self.deadline {
                return Err(outrun(&id));
            }
            limit = None;
        }
    }

    /// Changes all documents that match, each once, in batches.
    async fn many(&self) -> Result<UpdateReport> {
        let mut report = UpdateReport::default();
        let mut candidates = self.candidates(None).await?;
        loop {
            let chunk = candidates.next_chunk().await?;
            if chunk.is_empty() {
                return Ok(report);
            }
            if let Err(error) = self.change_chunk(chunk, &mut report).await {
                return Err(error.with("modified", report.modified));
            }
        }
    }

    async fn change_chunk(&self, chunk: Vec<Document>, report: &mut UpdateReport) -> Result<()> {
        let mut batch = WriteBatch::new(self.database.capabilities().encoding);
        let mut written = Vec::new();
        for document in chunk {
            let Changed { before, fields } = self.change(document)?;
            match fields {
                Some(fields) => {
                    let id = before.id.clone();
                    batch.update_encoded(id, before.version, &fields, before.schema)?;
                    written.push(before.id);
                }
                None => report.matched += 1,
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        let outcomes = self.database.write(batch).await?.outcomes;
        let mut contested = Vec::new();
        for (id, outcome) in written.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Conflict { .. } | Outcome::Missing(_) => contested.push(id),
                outcome => {
                    outcome.into_result(&id)?;
                    report.matched += 1;
                    report.modified += 1;
                }
            }
        }
        for id in contested {
            if let Some((_, version)) = self.settle(&id).await? {
                report.matched += 1;
                report.modified += u64::from(version.is_some());
            }
        }
        Ok(())
    }

    /// Changes a document that others are changing too, or finds that it matches no longer.
    async fn settle(&self, id: &Id) -> Result<Option<(Changed, Option<Version>)>> {
        let handle = Handle::from(id);
        let mut tries = Tries::until(self.deadline);
        loop {
            if !tries.wait(id).await {
                return Err(outrun(id).with("attempts", tries.count));
            }
            let found = self.database.get_many(std::slice::from_ref(&handle)).await?;
            let Some(document) = found.into_iter().next().flatten() else { return Ok(None) };
            if !self.matches(&document)? {
                return Ok(None);
            }
            if let Some(done) = self.try_change(document).await? {
                return Ok(Some(done));
            }
        }
    }

    /// Changes and writes a document; `None` when it is not as it was read any more. The version is
    /// that of the written document.
    async fn try_change(&self, document: Document) -> Result<Option<(Changed, Option<Version>)>> {
        let changed = self.change(document)?;
        let Changed { before, fields } = &changed;
        let Some(fields) = fields else { return Ok(Some((changed, None))) };
        let mut batch = WriteBatch::new(self.database.capabilities().encoding);
        batch.update_encoded(before.id.clone(), before.version, fields, before.schema)?;
        match self.database.write(batch).await?.outcomes.into_iter().next() {
            None | Some(Outcome::Conflict { .. } | Outcome::Missing(_)) => Ok(None),
            Some(outcome) => {
                let version = outcome.into_result(&before.id)?;
                Ok(Some((changed, Some(version))))
            }
        }
    }

    /// Applies the update to a document.
    fn change(&self, before: Document) -> Result<Changed> {
        let named = |error: Error| error.with("id", &before.id);
        let mut fields = before.body.to_bson().map_err(named)?;
        if !self.request.update.apply(&mut fields, self.time).map_err(named)? {
            return Ok(Changed { before, fields: None });
        }
        let mut encoded = Vec::with_capacity(before.body.as_bytes().len() + 32);
        codec::encode(self.database.capabilities().encoding, &fields, &mut encoded)
            .map_err(named)?;
        let fields = (encoded != before.body.as_bytes()).then_some(encoded);
        Ok(Changed { before, fields })
    }

    /// Makes the document that no document was.
    async fn insert(&self) -> Result<UpdateReport> {
        let Some(upsert) = &self.request.upsert else { return Ok(UpdateReport::default()) };
        let Seed { id, mut fields, link } = Seed::new(&self.request.filter, upsert)?;
        let named = |error: Error| error.with("id", &id);
        self.request.update.apply_on_insert(&mut fields, self.time).map_err(named)?;
        let mut report = UpdateReport { inserted: Some(id.clone()), ..UpdateReport::default() };
        let encoding = self.database.capabilities().encoding;
        if self.request.returning == Returning::After {
            let mut encoded = Vec::new();
            codec::encode(encoding, &fields, &mut encoded).map_err(named)?;
            report.document = Some(Document {
                id: id.clone(),
                version: Version::FIRST,
                schema: upsert.schema,
                ends: link.as_ref().map(|link| link.ends.clone()),
                body: Body::new(encoding, Bytes::from(encoded)),
            });
        }
        let mut batch = WriteBatch::new(encoding);
        batch.insert_with(id.clone(), &fields, upsert.schema, link)?;
        for outcome in self.database.write(batch).await?.outcomes {
            outcome.into_result(&id)?;
        }
        Ok(report)
    }

    fn report(&self, changed: Changed, version: Option<Version>) -> UpdateReport {
        let Changed { before, fields } = changed;
        let modified = u64::from(version.is_some());
        let document = match self.request.returning {
            Returning::Nothing => None,
            Returning::Before => Some(before),
            Returning::After => Some(match fields {
                Some(fields) => Document {
                    version: version.unwrap_or(before.version),
                    body: Body::new(before.body.encoding(), Bytes::from(fields)),
                    ..before
                },
                None => before,
            }),
        };
        UpdateReport { matched: 1, modified, inserted: None, document }
    }

    fn matches(&self, document: &Document) -> Result<bool> {
        let filter = &self.request.filter;
        Ok(filter.is_all() || filter.matches(&document.to_bson()?))
    }

    /// The documents that match, as of now.
    async fn candidates(&self, limit: Option<u64>) -> Result<Candidates> {
        let UpdateRequest { collection, filter, .. } = &self.request;
        let Some(ids) = filter.required_equal("_id") else {
            let mut query = Query::new(*collection, filter.clone());
            query.limit = limit;
            return Ok(Candidates::Cursor(self.database.find(query).await?));
        };
        // What is not the text of an id of this collection is the id of no document in it.
        let ids = ids.iter().filter_map(|id| id.as_str()?.parse::<Id>().ok());
        let handles: Vec<Handle> =
            ids.filter(|id| id.collection() == *collection).map(Handle::new).collect();
        let mut found = VecDeque::new();
        for document in self.database.get_many(&handles).await?.into_iter().flatten() {
            if self.matches(&document)? {
                found.push_back(document);
            }
        }
        Ok(Candidates::Found(found))
    }
}

/// Documents to change.
enum Candidates {
    Found(VecDeque<Document>),
    Cursor(Cursor),
}

impl Candidates {
    async fn next(&mut self) -> Result<Option<Document>> {
        match self {
            Self::Found(found) => Ok(found.pop_front()),
            Self::Cursor(cursor) => cursor.try_next().await,
        }
    }

    async fn next_chunk(&mut self) -> Result<Vec<Document>> {
        let mut chunk = Vec::new();
        let mut bytes = 0;
        while chunk.len() < CHUNK_DOCUMENTS && bytes < CHUNK_BYTES {
            let Some(document) = self.next().await? else { break };
            bytes += document.body.as_bytes().len();
            chunk.push(document);
        }
        Ok(chunk)
    }
}

fn outrun(id: &Id) -> Error {
    Error::new(ErrorKind::Conflict, "document was changed by others until the deadline passed")
        .with("id", id)
}
