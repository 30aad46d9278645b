//! Backing up: a copy of an open store at one commit.

use std::path::Path;
use std::sync::Arc;

use super::copy::{Target, copy};
use super::disk::{Disk, LocalDisk};
use super::options::JsonDbOptions;
use super::view::{Purpose, View};
use super::{JsonDb, blocking, unusable};
use crate::error::Result;

/// What was copied by [`JsonDb::backup`] or [`JsonDb::restore`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupReport {
    /// The last commit in the copy.
    pub commits: u64,
    /// How many segments it has.
    pub segments: u64,
    /// How many bytes they have together.
    pub bytes: u64,
}

impl JsonDb {
    /// Copies the store as it is at this moment to the directory `path`, which is made if it is missing.
    ///
    /// Reads, writes and compaction go on meanwhile. Every byte of the copy is compared with its checksums, and
    /// all of it is on disk when this returns. The copy is a store that was closed: it can be opened where it
    /// is, or put elsewhere with [`restore`](Self::restore). It takes as many bytes as the journal; call
    /// [`compact`](Self::compact) first to have it small. There is no deadline.
    ///
    /// # Errors
    /// - `Invalid` when the directory holds anything: nothing is overwritten.
    /// - `Corrupt` naming file, line and offset when the journal is not what was written.
    /// - `Unavailable` when there is no room, or a file cannot be read or written.
    /// - `Poisoned`, `Closed`, `Locked`.
    ///
    /// After an error the files made so far are removed where possible. A copy that was cut off, by the end of the
    /// process or of the power, has no manifest, and opening it says so.
    ///
    /// # Cancellation
    /// Dropping the future does not stop the copying; it goes on in the background to its end.
    pub async fn backup(&self, path: impl AsRef<Path>) -> Result<BackupReport> {
        let path = path.as_ref().to_owned();
        let shown = path.display().to_string();
        let open = move || -> Result<Arc<dyn Disk>> {
            Ok(Arc::new(LocalDisk::open(&path, true).map_err(unusable)?))
        };
        self.back_up(open).await.map_err(|error| error.with("backup", shown))
    }

    /// As [`backup`](Self::backup), to the directory that `disk` is.
    ///
    /// # Errors
    /// As [`backup`](Self::backup).
    pub async fn backup_to(&self, disk: Arc<dyn Disk>) -> Result<BackupReport> {
        self.back_up(move || Ok(disk)).await
    }

    async fn back_up(
        &self,
        open: impl FnOnce() -> Result<Arc<dyn Disk>> + Send + 'static,
    ) -> Result<BackupReport> {
        let mut view = self.view(Purpose::Copy).await?;
        // The files are held open, so nothing needs to keep the index as it is.
        view.snapshot = None;
        let options = self.options.clone();
        blocking(move || write_copy(&view, &*open()?, &options)).await?
    }
}

/// Makes a copy of `view` on `disk`.
pub(super) fn write_copy(
    view: &View,
    disk: &dyn Disk,
    options: &JsonDbOptions,
) -> Result<BackupReport> {
    let bytes = Target::prepare(disk)?.fill(|disk| copy(view, disk, options))?;
    Ok(BackupReport { commits: view.sequence(), segments: view.parts.len() as u64, bytes })
}
