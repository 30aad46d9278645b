//! Writing a collection, a slice at a time.

use std::io::{self, Write};

use bytes::Bytes;

use super::report::ExportReport;
use super::{blocking, line};
use crate::database::{Cursor, Database};
use crate::document::Document;
use crate::error::{Error, ErrorKind, Result};
use crate::filter::Filter;
use crate::id::Collection;
use crate::query::Query;

/// How many documents and bytes of fields make a slice.
const SLICE_DOCUMENTS: usize = 1024;
const SLICE_BYTES: usize = 256 * 1024;

/// The lines of a collection as slices of bytes, for a destination of any kind.
///
/// It is of one point in time, that of [`open`](Self::open), and holds one slice in memory: 256 KiB or
/// one document, whichever is more.
#[derive(Debug)]
pub struct Export {
    cursor: Cursor,
    report: ExportReport,
}

impl Export {
    /// Fixes the point in time of which the documents are exported.
    ///
    /// # Errors
    /// What [`Database::find`] reports.
    pub async fn open(db: &dyn Database, collection: Collection) -> Result<Self> {
        let cursor = db.find(Query::new(collection, Filter::all())).await?;
        Ok(Self { cursor, report: ExportReport::default() })
    }

    /// The next whole lines, or `None` at the end.
    ///
    /// # Errors
    /// What the database reports, and `Limit` for a document that is larger than 16 MiB as JSON, naming it;
    /// the export is of no use after an error.
    ///
    /// # Cancellation
    /// The lines may be lost: after dropping the future begin again.
    pub async fn next_slice(&mut self) -> Result<Option<Bytes>> {
        let mut documents: Vec<Document> = Vec::new();
        let mut bytes = 0;
        while documents.len() < SLICE_DOCUMENTS && bytes < SLICE_BYTES {
            let Some(document) = self.cursor.try_next().await? else { break };
            bytes += document.body.as_bytes().len();
            documents.push(document);
        }
        if documents.is_empty() {
            return Ok(None);
        }
        self.report.documents += documents.len() as u64;
        let slice = blocking(move || {
            let mut out = Vec::with_capacity(bytes + documents.len() * 256);
            documents.iter().try_for_each(|document| line::push(&mut out, document))?;
            Ok::<_, Error>(Bytes::from(out))
        });
        let slice = slice.await??;
        self.report.bytes += slice.len() as u64;
        Ok(Some(slice))
    }

    /// What was handed out so far.
    pub const fn report(&self) -> ExportReport {
        self.report
    }
}

/// Writes a collection into `writer`, one document a line, all of one point in time, and gives the
/// flushed writer back.
///
/// Memory does not grow with the collection. The writer may block: it is called where that holds up
/// nobody. Syncing a file is left to the caller.
///
/// ```
/// use jvspatial_db::exchange::{self, ImportOptions};
/// use jvspatial_db::{Collection, Database, EntityName, Id, MemoryDb, WriteBatch, doc};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> jvspatial_db::Result<()> {
/// let db = MemoryDb::new();
/// let mut batch = WriteBatch::new(db.capabilities().encoding);
/// let oslo = Id::with_key(Collection::Node, EntityName::new("City")?, "oslo")?;
/// batch.insert(oslo, &doc! { "name": "Oslo" })?;
/// assert!(db.write(batch).await?.is_complete());
///
/// let (lines, report) = exchange::export(&db, Collection::Node, Vec::new()).await?;
/// assert_eq!(report.documents, 1);
/// assert_eq!(
///     String::from_utf8_lossy(&lines),
///     "{\"_id\":\"n.City.oslo\",\"_version\":1,\"entity\":\"City\",\"context\":{\"name\":\"Oslo\"}}\n"
/// );
///
/// let copy = MemoryDb::new();
/// let lines = std::io::Cursor::new(lines);
/// let report = exchange::import(&copy, Collection::Node, lines, ImportOptions::new()).await?;
/// assert_eq!(report.written, 1);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`Export::next_slice`], and `Unavailable` when the writer fails, with its error as the source.
///
/// # Cancellation
/// What was written so far ends with a whole line, unless a write is under way, which is finished first.
pub async fn export<W>(
    db: &dyn Database,
    collection: Collection,
    mut writer: W,
) -> Result<(W, ExportReport)>
where
    W: Write + Send + 'static,
{
    let mut export = Export::open(db, collection).await?;
    while let Some(slice) = export.next_slice().await? {
        let written = blocking(move || writer.write_all(&slice).map(|()| writer)).await?;
        writer = written.map_err(unwritable)?;
    }
    let flushed = blocking(move || writer.flush().map(|()| writer)).await?;
    Ok((flushed.map_err(unwritable)?, export.report()))
}

pub(super) fn unwritable(error: io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "export cannot be written").with_source(error)
}
