//! A whole database as a directory with one file for each collection.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::export::unwritable;
use super::{Export, ExportReport, ImportOptions, ImportReport, blocking, import as import_reader};
use crate::database::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Collection;
use crate::json::disk::{Disk, DiskFile, EntryKind, LocalDisk, OpenMode, ROOT};

/// Exports a whole database into the directory `path`: `node.jsonl`, `edge.jsonl`, `object.jsonl` and
/// `jvspatial.jsonl`.
///
/// The directory is made if it is missing (its last part, for its owner alone) and must be empty. The files can
/// be read by their owner alone. They are written under names that end in `.new` and get their own once all
/// of them are on disk; an import refuses a directory that still holds one of the others.
///
/// Each collection is of one point in time. All four are fixed at once, before the first document is written, the
/// edges first; while other tasks delete nodes in that moment, an edge may be exported whose end is not.
///
/// # Errors
/// `Invalid` when the directory is not empty, `NotFound` when its parent is missing, `Unavailable` when it cannot
/// be written, and as [`Export::next_slice`]. What was written is removed again as far as possible.
///
/// # Cancellation
/// Files that end in `.new` are left behind, or, at the very end, the whole export.
pub async fn export_directory(
    db: &dyn Database,
    path: impl AsRef<Path>,
) -> Result<BTreeMap<Collection, ExportReport>> {
    let (disk, shown) = open(path.as_ref(), true).await?;
    export_to_disk(db, disk).await.map_err(|error| error.with("path", shown))
}

/// As [`export_directory`], into the directory of `disk`.
///
/// # Errors
/// As [`export_directory`].
///
/// # Cancellation
/// As [`export_directory`].
pub async fn export_to_disk(
    db: &dyn Database,
    disk: Arc<dyn Disk>,
) -> Result<BTreeMap<Collection, ExportReport>> {
    let listed = on(&disk, |disk| disk.list(ROOT)).await?.map_err(unwritable)?;
    if let Some(entry) = listed.first() {
        return Err(Error::invalid("directory of an export must be empty")
            .with("found", entry.name.escape_debug()));
    }
    let mut exports = Vec::new();
    for collection in [Collection::Edge, Collection::Node, Collection::Object, Collection::System] {
        exports.push((collection, Export::open(db, collection).await?));
    }
    let mut created = Vec::new();
    let done = write_files(&disk, exports, &mut created).await;
    if done.is_err() {
        let _ = on(&disk, move |disk| {
            // Names without `.new` go first: what is left of a failed export must not look like one.
            for name in [finished, unfinished] {
                for collection in &created {
                    let _ = disk.remove(&name(*collection));
                }
            }
        })
        .await;
    }
    done
}

async fn write_files(
    disk: &Arc<dyn Disk>,
    exports: Vec<(Collection, Export)>,
    created: &mut Vec<Collection>,
) -> Result<BTreeMap<Collection, ExportReport>> {
    let mut reports = BTreeMap::new();
    for (collection, mut export) in exports {
        let path = unfinished(collection);
        let file = on(disk, move |disk| disk.open_append(&path, OpenMode::CreateNew)).await?;
        let file = file.map_err(unwritable)?;
        created.push(collection);
        while let Some(slice) = export.next_slice().await? {
            let file = Arc::clone(&file);
            let appended = blocking(move || file.append(&slice)).await?;
            appended.map_err(|error| unwritable(error.into_source()))?;
        }
        blocking(move || file.sync_all()).await?.map_err(unwritable)?;
        reports.insert(collection, export.report());
    }
    let named = on(disk, |disk| {
        // All files must be there under one name or the other before the first gets its own.
        disk.sync_dir(ROOT)?;
        for collection in Collection::ALL {
            disk.rename(&unfinished(collection), &finished(collection))?;
        }
        disk.sync_dir(ROOT)
    });
    named.await?.map_err(unwritable)?;
    Ok(reports)
}

/// Imports the directory `path`, as [`export_directory`] writes it: the nodes before the edges, then the rest.
/// A collection without a file is left out.
///
/// # Errors
/// `Invalid` when the directory holds anything else or no file at all, `NotFound` when it is missing, and as
/// [`import`](super::import()), with the fact `file`; collections before the one that failed are imported.
///
/// # Cancellation
/// As [`import`](super::import()).
pub async fn import_directory(
    db: &dyn Database,
    path: impl AsRef<Path>,
    options: ImportOptions,
) -> Result<BTreeMap<Collection, ImportReport>> {
    let (disk, shown) = open(path.as_ref(), false).await?;
    import_from_disk(db, disk, options).await.map_err(|error| error.with("path", shown))
}

/// As [`import_directory`], from the directory of `disk`.
///
/// # Errors
/// As [`import_directory`].
///
/// # Cancellation
/// As [`import_directory`].
pub async fn import_from_disk(
    db: &dyn Database,
    disk: Arc<dyn Disk>,
    options: ImportOptions,
) -> Result<BTreeMap<Collection, ImportReport>> {
    let listed = on(&disk, |disk| disk.list(ROOT)).await?.map_err(unreadable)?;
    let expected = || Collection::ALL.map(finished).join(", ");
    let known = Collection::ALL.map(finished);
    let odd =
        listed.iter().find(|entry| entry.kind != EntryKind::File || !known.contains(&entry.name));
    if let Some(entry) = odd {
        return Err(Error::invalid("directory holds something that no export writes")
            .with("expected", expected())
            .with("found", entry.name.escape_debug()));
    }
    if listed.is_empty() {
        return Err(Error::invalid("directory holds no export").with("expected", expected()));
    }
    let mut reports = BTreeMap::new();
    for collection in Collection::ALL {
        let name = finished(collection);
        if !listed.iter().any(|entry| entry.name == name) {
            continue;
        }
        let path = name.clone();
        let reader = on(&disk, move |disk| {
            let file = disk.open(&path)?;
            let left = file.size()?;
            Ok(FileReader { file, offset: 0, left })
        });
        let reader = reader.await?.map_err(unreadable)?;
        let report = import_reader(db, collection, reader, options.clone()).await;
        reports.insert(collection, report.map_err(|error| error.with("file", name))?);
    }
    Ok(reports)
}

/// A file of the seam, read from its start to the end that it had when it was opened.
struct FileReader {
    file: Arc<dyn DiskFile>,
    offset: u64,
    left: u64,
}

impl Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        self.file.read_at(buffer.get_mut(..count).unwrap_or_default(), self.offset)?;
        self.offset += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

fn finished(collection: Collection) -> String {
    format!("{collection}.jsonl")
}

fn unfinished(collection: Collection) -> String {
    format!("{collection}.jsonl.new")
}

async fn open(path: &Path, create: bool) -> Result<(Arc<dyn Disk>, String)> {
    let shown = path.display().to_string();
    let path = path.to_owned();
    let opened = blocking(move || LocalDisk::open(&path, create)).await?;
    let disk = opened.map_err(|error| {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::NotADirectory => ErrorKind::Invalid,
            _ => ErrorKind::Unavailable,
        };
        Error::new(kind, "directory cannot be opened").with("path", &shown).with_source(error)
    })?;
    Ok((Arc::new(disk), shown))
}

/// Runs `work` on the disk where it may block.
async fn on<T: Send + 'static>(
    disk: &Arc<dyn Disk>,
    work: impl FnOnce(&dyn Disk) -> T + Send + 'static,
) -> Result<T> {
    let disk = Arc::clone(disk);
    blocking(move || work(&*disk)).await
}

fn unreadable(error: io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "import cannot be read").with_source(error)
}
