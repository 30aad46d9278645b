//! Export and import of one collection.

use std::io::{Read, Write};

use jvspatial_db::Collection;
use jvspatial_db::exchange::{self, ExportReport, ImportOptions, ImportReport};

use super::Graph;
use crate::error::Result;

impl Graph {
    /// Writes a collection into `writer` as newline-delimited Extended JSON, which `mongoimport` reads, and
    /// gives the flushed writer back. [`jvspatial_db::exchange`] has the format, and functions for a whole
    /// database.
    ///
    /// All documents are of one point in time, and memory does not grow with their number.
    ///
    /// # Errors
    /// `Unavailable` when the writer fails, and as [`exchange::export`].
    ///
    /// # Cancellation
    /// What was written so far stays written.
    pub async fn export<W>(&self, collection: Collection, writer: W) -> Result<(W, ExportReport)>
    where
        W: Write + Send + 'static,
    {
        Ok(exchange::export(&*self.0.database, collection, writer).await?)
    }

    /// Reads the lines of an [`export`](Self::export), of `mongoexport` or of the Python library into a
    /// collection, with their ids and versions. Nodes go before edges.
    ///
    /// ```
    /// use std::io::Cursor;
    ///
    /// use jvspatial_core::{Graph, Result};
    /// use jvspatial_db::Collection;
    /// use jvspatial_db::exchange::{Existing, ImportOptions};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result {
    /// let graph = Graph::open("memory:").await?;
    /// let root = graph.root().await?;
    /// let (lines, exported) = graph.export(Collection::Node, Vec::new()).await?;
    /// assert_eq!(exported.documents, 1);
    ///
    /// let copy = Graph::open("memory:").await?;
    /// let input = Cursor::new(lines.clone());
    /// let imported = copy.import(Collection::Node, input, ImportOptions::new()).await?;
    /// assert_eq!(imported.written, 1);
    /// assert_eq!(copy.root().await?.version(), root.version());
    ///
    /// // Once more: what is there already is left as it is.
    /// let options = ImportOptions::new().existing(Existing::Skip);
    /// let imported = copy.import(Collection::Node, Cursor::new(lines), options).await?;
    /// assert_eq!((imported.written, imported.skipped), (0, 1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`exchange::import`]: the first line that cannot be imported, with the facts `line`, `offset`, `id` and
    /// `field`, unless the options collect them.
    ///
    /// # Cancellation
    /// What was written stays; the batch under way may be written too.
    pub async fn import<R>(
        &self,
        collection: Collection,
        reader: R,
        options: ImportOptions,
    ) -> Result<ImportReport>
    where
        R: Read + Send + 'static,
    {
        Ok(exchange::import(&*self.0.database, collection, reader, options).await?)
    }
}
