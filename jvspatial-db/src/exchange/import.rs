//! Reading a collection, a batch at a time.

use std::fmt;
use std::io::{self, Read};

use super::blocking;
use super::lines::Lines;
use super::options::{Existing, ImportOptions};
use super::prepare::{Plan, Prepared, failure, prepare};
use super::report::{ImportFailure, ImportReport};
use crate::database::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Collection;
use crate::write::{Outcome, WriteReport};

/// How much is read in one go.
const READ_BYTES: usize = 256 * 1024;

/// An import whose bytes somebody hands in, from a source of any kind.
///
/// It holds one batch, one unfinished line and one decoded document in memory. An error ends it; what was
/// written before stays.
pub struct Import<'a> {
    db: &'a dyn Database,
    plan: Plan,
    /// How many failures are kept, when the first one does not end the import.
    collect: Option<usize>,
    lines: Lines,
    report: ImportReport,
    ended: bool,
}

impl<'a> Import<'a> {
    /// An import into a collection.
    pub fn new(db: &'a dyn Database, collection: Collection, options: &ImportOptions) -> Self {
        let plan = Plan {
            collection,
            encoding: db.capabilities().encoding,
            existing: options.existing,
            batch_bytes: options.batch_bytes,
            stops: options.collect.is_none(),
        };
        Self {
            db,
            plan,
            collect: options.collect,
            lines: Lines::new(options.batch_documents, options.batch_bytes),
            report: ImportReport::default(),
            ended: false,
        }
    }

    /// Takes in the next bytes, cut anywhere, and writes a batch whenever there is enough for one.
    ///
    /// # Errors
    /// As [`import`]; `Invalid` after another error.
    ///
    /// # Cancellation
    /// The batch under way may be written; the import is of no use any more.
    pub async fn push(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.begin()?;
        while !bytes.is_empty() {
            let taken = self.lines.feed(bytes).map_err(|error| self.summed(error))?;
            bytes = bytes.get(taken..).unwrap_or_default();
            if self.lines.is_full() {
                self.flush().await?;
            }
        }
        self.ended = false;
        Ok(())
    }

    /// Writes what is left and says what became of all lines.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    ///
    /// # Cancellation
    /// The last batch may be written.
    pub async fn finish(mut self) -> Result<ImportReport> {
        self.begin()?;
        self.lines.finish();
        self.flush().await?;
        Ok(self.report)
    }

    /// What became of the lines so far.
    pub const fn report(&self) -> &ImportReport {
        &self.report
    }

    /// Counts as ended until the call has succeeded, so that a failed or dropped one is the last.
    fn begin(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.ended, true) {
            return Err(Error::invalid("import was ended by an error before"));
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        let mut slice = self.lines.take();
        let mut done = 0;
        while done < slice.lines.len() {
            let plan = self.plan;
            let work = blocking(move || (prepare(plan, &slice, done), slice));
            let (prepared, rest) = work.await?;
            slice = rest;
            done = prepared.done;
            self.write(prepared).await?;
        }
        Ok(())
    }

    async fn write(&mut self, prepared: Prepared) -> Result<()> {
        let Prepared { batch, places, mut failures, ignored, .. } = prepared;
        let report = if batch.is_empty() {
            WriteReport::default()
        } else {
            let first = places.first().map_or(0, |place| place.line);
            let written = self.db.write(batch).await;
            written.map_err(|error| self.summed(error.with("first line", first)))?
        };
        if report.outcomes.len() != places.len() {
            let error = "the backend did not report the outcome of every write";
            return Err(self.summed(Error::new(ErrorKind::Unknown, error)));
        }
        self.report.read += (places.len() + failures.len()) as u64;
        for (place, outcome) in places.into_iter().zip(report.outcomes) {
            match outcome {
                Outcome::Written(_) => self.report.written += 1,
                Outcome::Replaced { .. } => self.report.replaced += 1,
                Outcome::Duplicate(taken)
                    if self.plan.existing == Existing::Skip && taken.index == "_id" =>
                {
                    self.report.skipped += 1;
                }
                outcome => {
                    if let Err(error) = outcome.into_result(&place.id) {
                        failures.push(failure(place.line, place.offset, Some(place.id), error));
                    }
                }
            }
        }
        for name in ignored {
            *self.report.ignored.entry(name).or_default() += 1;
        }
        failures.sort_by_key(|failure| failure.line);
        self.report.failed += failures.len() as u64;
        self.settle(failures)
    }

    /// Keeps the failures, or ends with the first.
    fn settle(&mut self, failures: Vec<ImportFailure>) -> Result<()> {
        let Some(kept) = self.collect else {
            let first = failures.into_iter().next();
            return first.map_or(Ok(()), |failure| Err(self.summed(failure.error)));
        };
        let room = kept.saturating_sub(self.report.failures.len());
        self.report.failures.extend(failures.into_iter().take(room));
        Ok(())
    }

    /// An error that ends the import, with what was done before.
    fn summed(&self, error: Error) -> Error {
        error.with("imported", self.report.written + self.report.replaced)
    }
}

impl fmt::Debug for Import<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Import").field("report", &self.report).finish_non_exhaustive()
    }
}

/// Imports the lines of `reader` into a collection, with their ids, versions and schema versions.
///
/// Nodes go first: an edge whose end is missing cannot be written. Memory does not grow with the input.
/// The reader may block: it is called where that holds up nobody.
///
/// An import is not all or nothing. When an error ends it, the lines before the failed one are imported, and
/// perhaps lines of the same batch after it; the fact `imported` says how many together. Repeat it with
/// [`Existing::Skip`](super::Existing::Skip) to go on.
///
/// # Errors
/// - `Invalid` or `Limit` for a line that is refused: not a JSON document in UTF-8, too long, too deep, too large,
///   of another collection, with a field that would be lost, a key given twice, a lone surrogate, a number or name that
///   a document cannot hold.
/// - `Duplicate` for an id that is taken, `NotFound` for an edge whose end is missing.
/// - `Invalid` for input that is compressed.
/// - `Unavailable` when the reader fails, with its error as the source, and what the database reports.
///
/// Those about a line carry the facts `line` and `offset`, and as far as they apply `id`, `field`, `expected` and
/// `found`. `field` is a field of the envelope or a path below `context`. With
/// [`ImportOptions::collect_failures`] they are in the report instead.
///
/// # Cancellation
/// What was written stays; the batch under way may be written too.
pub async fn import<R>(
    db: &dyn Database,
    collection: Collection,
    mut reader: R,
    options: ImportOptions,
) -> Result<ImportReport>
where
    R: Read + Send + 'static,
{
    let mut import = Import::new(db, collection, &options);
    let mut buffer = vec![0; READ_BYTES];
    let mut offset = 0_u64;
    loop {
        let work = blocking(move || {
            let count = read(&mut reader, &mut buffer);
            (count, reader, buffer)
        });
        let (count, next_reader, next_buffer) = work.await?;
        (reader, buffer) = (next_reader, next_buffer);
        let count = count.map_err(|error| {
            let failed = Error::new(ErrorKind::Unavailable, "import cannot be read");
            import.summed(failed.with("offset", offset)).with_source(error)
        })?;
        if count == 0 {
            return import.finish().await;
        }
        offset += count as u64;
        import.push(buffer.get(..count).unwrap_or_default()).await?;
    }
}

fn read(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
