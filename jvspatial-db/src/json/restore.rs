//! Restoring: a copy of a store that is not open.

use std::path::Path;
use std::sync::Arc;

use super::backup::{BackupReport, write_copy};
use super::disk::{Disk, LocalDisk};
use super::options::JsonDbOptions;
use super::view::View;
use super::{JsonDb, blocking, locked, unusable};
use crate::error::{Error, Result};

impl JsonDb {
    /// Copies the backup in the directory `backup` to the directory `path`, which is made if it is missing.
    ///
    /// Every byte of the copy is compared with its checksums, and all of it is on disk when this returns. Any store
    /// that was closed serves as a backup; it is locked against being opened meanwhile, and not changed.
    ///
    /// # Errors
    /// - `NotFound` when `backup` holds no database, such as a backup that was cut off.
    /// - `Invalid` when it was not closed, or when `path` holds anything: nothing is overwritten.
    /// - `Corrupt` naming file, line and offset when it is not what was written.
    /// - `Unsupported` when it was written by a newer version of this library.
    /// - `Locked`, `Unavailable`.
    ///
    /// After an error the files made so far are removed where possible; no store is left at `path`.
    ///
    /// # Cancellation
    /// Dropping the future does not stop the copying; it goes on in the background to its end.
    pub async fn restore(backup: impl AsRef<Path>, path: impl AsRef<Path>) -> Result<BackupReport> {
        let (backup, path) = (backup.as_ref().to_owned(), path.as_ref().to_owned());
        blocking(move || {
            let named = |error: Error| error.with("backup", backup.display());
            let source = LocalDisk::open(&backup, false).map_err(|error| named(unusable(error)))?;
            restore(&source, || Ok(Arc::new(LocalDisk::open(&path, true).map_err(unusable)?)))
                .map_err(|error| named(error).with("path", path.display()))
        })
        .await?
    }

    /// As [`restore`](Self::restore), from one disk to another; blocks.
    ///
    /// # Errors
    /// As [`restore`](Self::restore).
    pub fn restore_on(backup: &dyn Disk, target: Arc<dyn Disk>) -> Result<BackupReport> {
        restore(backup, || Ok(target))
    }
}

fn restore(
    backup: &dyn Disk,
    target: impl FnOnce() -> Result<Arc<dyn Disk>>,
) -> Result<BackupReport> {
    let _lock = backup.lock_shared().map_err(locked)?;
    let view = View::closed(backup)?;
    // Only what can be a backup is worth a directory.
    write_copy(&view, &*target()?, &JsonDbOptions::new())
}
