//! Figures of an open store.

use std::sync::atomic::Ordering;

use super::compaction::CompactionReport;
use super::disk::{Disk, EntryKind, ROOT};
use super::manifest::unavailable;
use super::recovery::QUARANTINE;
use super::segment::JOURNAL;
use super::{JsonDb, in_time};
use crate::error::Result;
use crate::id::Collection;

/// What a store holds, what that takes, and what was done since it was opened.
///
/// `live_bytes` and `dead_bytes` add up to the segments of the journal, without the room that was made in the last one
/// for commits to come (at most 1 MiB). While a segment is being compacted its copy
/// counts as well, and while a large batch is becoming visible a part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStats {
    /// How many nodes there are.
    pub nodes: u64,
    /// How many edges there are.
    pub edges: u64,
    /// How many objects there are.
    pub objects: u64,
    /// How many documents the library keeps for itself, such as checkpoints of walks.
    pub system: u64,
    /// Bytes of the lines that are the present state of a document.
    pub live_bytes: u64,
    /// All other bytes of the journal: replaced lines, tombstones, commit lines and headers.
    pub dead_bytes: u64,
    /// Bytes of the lines that say that a document is gone; part of `dead_bytes`.
    pub tombstone_bytes: u64,
    /// How many segments the journal has.
    pub segments: u64,
    /// The number of the last commit.
    pub commits: u64,
    /// How many times the journal was synced for writes since the store was opened.
    pub syncs: u64,
    /// Bytes in `quarantine/`: what opening took out of the journal, now or ever before.
    pub quarantined_bytes: u64,
    /// Bytes of all files in the directory, the quarantine and files that compaction is busy with included.
    pub bytes_on_disk: u64,
    /// What compaction has done since the store was opened.
    pub compaction: CompactionReport,
    /// Why the last attempt to compact failed; none after one that did not.
    pub compaction_failure: Option<String>,
}

impl JsonDb {
    /// What the store holds and what that takes.
    ///
    /// Costs a look at the index and the listing of three directories. Sizes on disk are looked
    /// up a moment after the rest.
    ///
    /// # Errors
    /// `Closed`; `Unavailable` when the directory cannot be listed, or not within the deadline.
    ///
    /// # Cancellation
    /// Dropping the future has no effect.
    pub async fn stats(&self) -> Result<StoreStats> {
        self.shared.queue.check_readable()?;
        let mut stats = StoreStats::default();
        {
            let index = self.shared.index.read();
            let usage = index.usages.total();
            stats.nodes = index.nodes().live();
            stats.edges = index.table(Collection::Edge).live();
            stats.objects = index.table(Collection::Object).live();
            stats.system = index.table(Collection::System).live();
            stats.live_bytes = usage.live_bytes;
            stats.dead_bytes = usage.bytes.saturating_sub(usage.live_bytes);
            stats.tombstone_bytes = usage.tombstone_bytes;
            // The active segment is not among the sealed.
            stats.segments = index.segments.sealed().len() as u64 + 1;
            stats.commits = index.sequence;
        }
        stats.syncs = self.shared.syncs.load(Ordering::Relaxed);
        (stats.compaction, stats.compaction_failure) = self.shared.compaction.total();
        let disk = self.disk.clone();
        in_time(self.shared.deadline, move || {
            let quarantine = disk.entry(QUARANTINE).map_err(unavailable)?;
            if quarantine.is_some_and(|entry| entry.kind == EntryKind::Directory) {
                stats.quarantined_bytes = size(&*disk, QUARANTINE)?;
            }
            stats.bytes_on_disk =
                size(&*disk, ROOT)? + size(&*disk, JOURNAL)? + stats.quarantined_bytes;
            Ok(stats)
        })
        .await
    }
}

/// The bytes of the files right inside a directory.
fn size(disk: &dyn Disk, dir: &str) -> Result<u64> {
    Ok(disk.list(dir).map_err(unavailable)?.iter().map(|entry| entry.len).sum())
}
