//! Salvage: what can be read of a store that opening refuses becomes a new store.

mod files;
mod found;
mod output;
mod pieces;
mod stretch;

use std::path::Path;
use std::sync::Arc;

use super::copy::Target;
use super::disk::{Disk, LocalDisk, LockError};
use super::listed::Listed;
use super::{JsonDb, blocking, locked, unusable};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::indexes::IndexInfo;
use files::Files;
use found::Found;
use stretch::Scanner;

/// What [`JsonDb::salvage`] took and what it could not.
///
/// A document is *vouched for* when the commit line of its batch matches it byte by byte.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SalvageReport {
    /// How many documents the new store has.
    pub documents: u64,
    /// How many of them are vouched for.
    pub verified: u64,
    /// Documents that nobody vouches for: their newest line is well formed, but something in its batch was
    /// damaged, perhaps this very line. Also documents that are gone because of such a tombstone.
    pub unverified: Listed<Id>,
    /// Documents taken in an older state, because a newer line of theirs could not be read.
    pub reverted: Listed<Id>,
    /// Documents of which no line could be read, as far as damaged lines still name them.
    pub lost: Listed<Id>,
    /// Edges that were taken without one of their nodes. They are kept: a node may come back.
    pub dangling_edges: Listed<Id>,
    /// Parts of files that no commit line vouches for, that repeat commits met before, or that the medium does not
    /// give; well-formed lines in the first were taken as unverified.
    pub unvouched: Listed<UnvouchedRange>,
    /// How many bytes those parts have.
    pub unvouched_bytes: u64,
    /// How many commits were not found whole, as far as the numbers of the others tell.
    pub missing_commits: u64,
    /// Numbers of segments that should be there. Without a manifest only gaps show, and none before a compacted
    /// segment, which may stand for those before it.
    pub missing_segments: Listed<u32>,
    /// Files in the journal's directory that are not part of this store.
    pub foreign_files: Listed<String>,
    /// The indexes of the damaged store, as far as the manifest tells. The new one has none of them, because what
    /// was salvaged may violate them: create them again.
    pub dropped_indexes: Listed<IndexInfo>,
    /// Whether the manifest could be read.
    pub has_manifest: bool,
}

/// A part of a file that no commit line vouches for, that repeats commits met before, or that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnvouchedRange {
    /// The file, relative to the store's directory.
    pub file: String,
    /// Where in the file it begins.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
}

impl JsonDb {
    /// Takes what can be read of the damaged store in `source` into a new store in the directory `target`.
    ///
    /// For a store that [`open`](Self::open) refuses, and without a backup. Nothing in `source` is changed. Taken
    /// are all batches whose commit line matches them, in their order, and of the other batches each line that is
    /// well formed. An edge is kept when a node of it is not. Ids, versions and schemas stay as they are. The report
    /// says what is unverified, older than it was, or lost: look at it before the new store is trusted.
    ///
    /// Without its manifest a store that was killed in the middle of a compaction may show documents that had
    /// been deleted before. Memory is needed for the ids and places of all documents, about 150 bytes each.
    ///
    /// # Errors
    /// - `NotFound` when `source` has no journal.
    /// - `Locked` when somebody has it open.
    /// - `Invalid` when `target` holds anything: nothing is overwritten.
    /// - `Unsupported` when it was written by a newer version of this library.
    /// - `Unavailable` when a file cannot be read or written.
    ///
    /// # Cancellation
    /// Dropping the future does not stop the work; it goes on in the background to its end.
    pub async fn salvage(
        source: impl AsRef<Path>,
        target: impl AsRef<Path>,
    ) -> Result<SalvageReport> {
        let (source, target) = (source.as_ref().to_owned(), target.as_ref().to_owned());
        blocking(move || {
            let named = |error: Error| error.with("path", source.display());
            let disk = LocalDisk::open(&source, false).map_err(|error| named(unusable(error)))?;
            salvage(&disk, || Ok(Arc::new(LocalDisk::open(&target, true).map_err(unusable)?)))
                .map_err(|error| named(error).with("target", target.display()))
        })
        .await?
    }

    /// As [`salvage`](Self::salvage), from one disk to another; blocks.
    ///
    /// # Errors
    /// As [`salvage`](Self::salvage).
    pub fn salvage_on(source: &dyn Disk, target: Arc<dyn Disk>) -> Result<SalvageReport> {
        salvage(source, || Ok(target))
    }
}

fn salvage(
    source: &dyn Disk,
    target: impl FnOnce() -> Result<Arc<dyn Disk>>,
) -> Result<SalvageReport> {
    let _lock = match source.lock_shared() {
        Err(held @ LockError::Held { .. }) => return Err(locked(held)),
        // A medium without locks can be read all the same.
        lock => lock.ok(),
    };
    let mut report = SalvageReport::default();
    let files = Files::find(source, &mut report)?;
    let mut found = Found::default();
    let target = target()?;
    // Before the reading, which may take long.
    let target = Target::prepare(&*target)?;
    for number in 0..files.segments.len() {
        Scanner::new(&files, number, &mut found, &mut report).scan();
    }
    if let Some(last) = files.last_commit {
        report.missing_commits += last.saturating_sub(found.last_commit);
    }
    target.fill(|disk| output::write(&files, &found, disk, &mut report))?;
    found.tell(&mut report);
    Ok(report)
}
