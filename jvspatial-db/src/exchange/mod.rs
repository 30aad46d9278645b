//! Export to and import from newline-delimited Extended JSON: one document a line, as `mongoexport`
//! writes it and `mongoimport` reads it.
//!
//! - [`export`] writes a collection into anything that takes bytes; [`Export`] hands the bytes out instead.
//! - [`import`] reads one from anything that gives bytes; [`Import`] is handed the bytes instead.
//! - [`export_directory`] and [`import_directory`] do it for a whole database.
//!
//! They are built on [`Database`](crate::Database) alone, so they move data from any backend to any other.
//!
//! A line is the stored envelope with relaxed Extended JSON inside:
//!
//! ```json
//! {"_id":"n.City.4b60…","_version":3,"entity":"City","context":{"name":"Oslo"}}
//! {"_id":"e.Road.01ca…","_version":1,"entity":"Road","context":{},"source":"n.City.4b60…","target":"n.City.1770…","bidirectional":false}
//! ```
//!
//! `_v` stands after `_version` when the schema version is not 1, and `_version` is left out of a
//! document that carries none. An import reads the keys in any order, in relaxed and in canonical
//! Extended JSON, with blank lines, CRLF and a byte order mark.
//!
//! # Documents of the Python library
//!
//! | found | becomes |
//! |---|---|
//! | no `_version` | version 0, as it is stored |
//! | `id` instead of or beside `_id` | the id; both must be equal |
//! | `source`, `target`, `bidirectional` inside the `context` of an edge that has none outside | its ends |
//! | an edge without `bidirectional` | an edge that can be followed from either end |
//! | `edges` of a node, `_jv_claim`, `_jv_claim_until` | nothing: lists of edges are derived, claims are leases of a running worker; the report counts them |
//!
//! Any other field that would be lost is refused with its name.
//!
//! # Edges that lead nowhere
//!
//! A database may hold an edge whose node was deleted without it. It is exported like any other, and an import,
//! which writes no edge to a missing node, reports it as failed with the fact `end`.

#[cfg(feature = "json")]
mod directory;
mod entry;
mod export;
mod import;
mod line;
mod lines;
mod locate;
mod options;
mod prepare;
mod report;
mod text;

#[cfg(feature = "json")]
pub use directory::{export_directory, export_to_disk, import_directory, import_from_disk};
pub use export::{Export, export};
pub use import::{Import, import};
pub use lines::MAX_LINE_BYTES;
pub use options::{Existing, ImportOptions};
pub use report::{ExportReport, ImportFailure, ImportReport};

use crate::error::{Error, ErrorKind, Result};

/// Runs `work` where it may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Error::new(ErrorKind::Unavailable, "work of an export or import was stopped")
            .with_source(error)
    })
}
