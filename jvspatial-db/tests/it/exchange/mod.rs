//! Export and import.

mod altered;
mod bad_lines;
mod directory;
mod mongo;
mod options;
mod puts;
mod python;
mod round_trip;
mod source;

use std::io::Cursor;
use std::sync::Arc;

use jvspatial_db::exchange::{self, ImportOptions, ImportReport};
use jvspatial_db::json::disk::SimulatedDisk;
use jvspatial_db::{
    Collection, Database, Error, Filter, JsonDb, JsonDbOptions, MemoryDb, Query, Result,
};

/// One database of each backend.
fn databases() -> [Arc<dyn Database>; 2] {
    let disk = Arc::new(SimulatedDisk::new());
    let json = JsonDb::open_on(disk, JsonDbOptions::new()).unwrap();
    [Arc::new(MemoryDb::new()), Arc::new(json)]
}

async fn export(db: &dyn Database, collection: Collection) -> String {
    let (lines, report) = exchange::export(db, collection, Vec::new()).await.unwrap();
    assert_eq!(report.bytes, lines.len() as u64);
    let lines = String::from_utf8(lines).unwrap();
    assert_eq!(report.documents, lines.lines().count() as u64);
    lines
}

async fn import_with(
    db: &dyn Database,
    collection: Collection,
    lines: impl AsRef<[u8]>,
    options: ImportOptions,
) -> Result<ImportReport> {
    let report =
        exchange::import(db, collection, Cursor::new(lines.as_ref().to_vec()), options).await?;
    let parts = report.written + report.replaced + report.skipped + report.failed;
    assert_eq!(report.read, parts);
    Ok(report)
}

async fn import(
    db: &dyn Database,
    collection: Collection,
    lines: impl AsRef<[u8]>,
) -> Result<ImportReport> {
    import_with(db, collection, lines, ImportOptions::new()).await
}

/// The error of an import into an empty database of each backend, which must be the same.
async fn refused(collection: Collection, lines: impl AsRef<[u8]>) -> Error {
    let mut errors = Vec::new();
    for db in databases() {
        let error = import(&*db, collection, lines.as_ref()).await.unwrap_err();
        errors.push(error);
    }
    assert_eq!(errors[0].to_string(), errors[1].to_string());
    errors.remove(0)
}

/// The ids in a collection, sorted.
async fn ids(db: &dyn Database, collection: Collection) -> Vec<String> {
    let cursor = db.find(Query::new(collection, Filter::all())).await.unwrap();
    let documents = cursor.try_collect().await.unwrap();
    let mut ids: Vec<String> = documents.iter().map(|found| found.id.to_string()).collect();
    ids.sort_unstable();
    ids
}
