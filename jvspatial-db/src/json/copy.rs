//! Copying a view of a journal to another directory, where it stands as a store that was closed.

use std::sync::Arc;

use super::disk::{AppendError, Disk, DiskFile, DiskLock, OpenMode, ROOT};
use super::line::DocumentLine;
use super::manifest::{self, unavailable};
use super::options::JsonDbOptions;
use super::segment::JOURNAL;
use super::segment_reader::{At, Sink};
use super::verify::read_part;
use super::view::{Part, View};
use crate::error::{Error, Result};
use crate::id::Id;

/// How many bytes are copied at a time.
const BLOCK: usize = 1 << 20;

/// A directory in which a store is being made by other means than opening it.
#[derive(Debug)]
pub(super) struct Target<'a> {
    pub disk: &'a dyn Disk,
    _lock: DiskLock,
}

impl<'a> Target<'a> {
    /// Takes a directory that holds nothing but what an earlier attempt of this kind left behind.
    ///
    /// # Errors
    /// `Invalid` when it holds something else, `Locked`, `Unavailable`.
    pub(super) fn prepare(disk: &'a dyn Disk) -> Result<Self> {
        let lock = disk.lock().map_err(super::locked)?;
        let refuse = |found: String| {
            Error::invalid("directory is not empty; nothing is overwritten").with("found", found)
        };
        for entry in disk.list(ROOT).map_err(unavailable)? {
            if !["LOCK", JOURNAL].contains(&entry.name.as_str()) {
                return Err(refuse(entry.name));
            }
        }
        disk.create_dir(JOURNAL).map_err(unavailable)?;
        if let Some(entry) = disk.list(JOURNAL).map_err(unavailable)?.into_iter().next() {
            return Err(refuse(format!("{JOURNAL}/{}", entry.name)));
        }
        Ok(Self { disk, _lock: lock })
    }

    /// Runs `work`, which fills the directory. What it made before it failed is removed where possible; a
    /// directory without a manifest is none that a database is opened from.
    pub(super) fn fill<T>(self, work: impl FnOnce(&dyn Disk) -> Result<T>) -> Result<T> {
        let result = work(self.disk);
        let is_begun = |path: &str| self.disk.entry(path).is_ok_and(|entry| entry.is_some());
        // A manifest that could not be synced may be there after all, and then so must the rest.
        if result.is_err() && !is_begun(manifest::PATH) {
            let _ = self.disk.remove(manifest::STAGED);
            for entry in self.disk.list(JOURNAL).unwrap_or_default() {
                let _ = self.disk.remove(&format!("{JOURNAL}/{}", entry.name));
            }
        }
        result
    }
}

/// Copies `view` and verifies the copy; all of it is durable afterwards. Returns its bytes.
///
/// # Errors
/// `Corrupt` naming file, line and offset when the journal is not what was written; `Unavailable`.
pub(super) fn copy(view: &View, disk: &dyn Disk, options: &JsonDbOptions) -> Result<u64> {
    let mut bytes = 0;
    for part in &view.parts {
        let file = copy_part(part, disk)?;
        // What is looked at is what will be opened: rot in the origin shows here, and so does a bad copy.
        let Part { name, slot, commits, end, .. } = *part;
        let copied = Part { name, slot, commits, end, file: Arc::clone(&file) };
        read_part(&copied, &view.manifest.store, options, &mut Ids)?;
        file.sync_all().map_err(unavailable)?;
        bytes += part.end.bytes;
    }
    disk.sync_dir(JOURNAL).map_err(unavailable)?;
    disk.sync_dir(ROOT).map_err(unavailable)?;
    // Only now: before, the directory is no store.
    view.manifest.write(disk)?;
    Ok(bytes)
}

fn copy_part(part: &Part, disk: &dyn Disk) -> Result<Arc<dyn DiskFile>> {
    let size = part.file.size().map_err(unavailable)?;
    // A file of another length fails below with both; what is behind the end is not needed for that.
    let size = size.min(part.end.bytes + 1);
    let file = disk.open_append(&part.name.path(), OpenMode::CreateNew).map_err(unavailable)?;
    let mut buffer = vec![0; BLOCK];
    let mut offset = 0;
    while offset < size {
        let len = usize::try_from(size - offset).unwrap_or(BLOCK).min(BLOCK);
        let block = buffer.get_mut(..len).unwrap_or_default();
        part.file.read_at(block, offset).map_err(unavailable)?;
        file.append(block).map_err(AppendError::into_source).map_err(unavailable)?;
        offset += len as u64;
    }
    Ok(file)
}

/// Looks at nothing but whether ids are ids.
struct Ids;

impl Sink for Ids {
    fn document(&mut self, line: &DocumentLine<'_>, _at: &At<'_>) -> Result<()> {
        Id::parse_stored(line.id).map(drop)
    }

    fn tombstone(&mut self, id: &str, _version: u64, _at: &At<'_>) -> Result<()> {
        Id::parse_stored(id).map(drop)
    }

    fn commit(&mut self, _sequence: u64) -> Result<()> {
        Ok(())
    }
}
