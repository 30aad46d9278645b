//! Verifying: every byte of the journal is read and compared with what vouches for it.

mod at_rest;
mod matcher;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::disk::{Disk, LocalDisk};
use super::listed::Listed;
use super::options::JsonDbOptions;
use super::queue::Job;
use super::segment_reader::{Reader, Sink};
use super::view::{Part, Purpose, View};
use super::writer::Shared;
use super::{JsonDb, blocking, locked, unusable};
use crate::error::{Error, ErrorKind, Result};
use matcher::Matcher;

/// What [`JsonDb::verify`] found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct VerifyReport {
    /// How many segments the journal has.
    pub segments: u64,
    /// The number of the last commit.
    pub commits: u64,
    /// How many documents there are.
    pub documents: u64,
    /// How many bytes of segments were read.
    pub bytes: u64,
    /// Bytes of an unfinished batch at the end of a store that was killed; opening moves them to `quarantine/`.
    pub unfinished_bytes: u64,
    /// What is not as it was written: `Corrupt` errors that name file, line, offset, expected and found, or
    /// a document's id; `Unavailable` where the medium gave nothing.
    pub findings: Listed<Error>,
}

impl VerifyReport {
    /// Whether everything is as it was written.
    pub const fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

impl JsonDb {
    /// Reads the whole journal as it is at this moment and compares every byte with its checksums.
    ///
    /// Checked are the lines, the chain of commits, the ends of segments against the manifest, the manifest on
    /// disk, and that each document stands where the index has it. Damage is reported, not returned as an error,
    /// and the other segments and documents are still read. Nothing is changed; reads, writes and compaction go
    /// on. It has no deadline, and keeps what is replaced meanwhile readable, in memory and on disk, until it ends.
    ///
    /// # Errors
    /// `Poisoned`, `Closed`.
    ///
    /// # Cancellation
    /// The reading goes on in the background to its end; nobody learns what it found.
    pub async fn verify(&self) -> Result<VerifyReport> {
        let view = self.view(Purpose::Verify).await?;
        let (shared, options) = (Arc::clone(&self.shared), self.options.clone());
        blocking(move || verify_open(&shared, view, &options)).await
    }

    /// Verifies a store that nobody has open, as [`verify`](Self::verify) does.
    ///
    /// It is locked against being opened meanwhile; not one byte is changed, also after an unclean stop.
    ///
    /// # Errors
    /// `NotFound` when there is no database, `Locked` when somebody has it open, `Unsupported` when it was
    /// written by a newer version of this library, `Unavailable`, `Invalid` as for [`open`](Self::open).
    ///
    /// # Cancellation
    /// As for [`verify`](Self::verify).
    pub async fn verify_at(path: impl AsRef<Path>) -> Result<VerifyReport> {
        let shown = path.as_ref().display().to_string();
        let path = path.as_ref().to_owned();
        blocking(move || Self::verify_on(&LocalDisk::open(&path, false).map_err(unusable)?))
            .await?
            .map_err(|error| error.with("path", shown))
    }

    /// Verifies the store on `disk`; blocks.
    ///
    /// # Errors
    /// As [`verify_at`](Self::verify_at).
    pub fn verify_on(disk: &dyn Disk) -> Result<VerifyReport> {
        let _lock = disk.lock_shared().map_err(locked)?;
        at_rest::verify(disk)
    }

    /// Has the writer hold the journal open as it is after the last commit.
    pub(super) async fn view(&self, purpose: Purpose) -> Result<View> {
        let (reply, view) = oneshot::channel();
        self.shared.queue.order(Job::View(purpose, reply))?;
        // The writer ends without an answer when it is closed or poisoned meanwhile.
        view.await.unwrap_or_else(|_| {
            Err(if self.shared.queue.is_poisoned() {
                Error::new(ErrorKind::Poisoned, "database takes no more writes; open it again")
            } else {
                Error::new(ErrorKind::Closed, "database was closed")
            })
        })
    }
}

fn verify_open(shared: &Shared, mut view: View, options: &JsonDbOptions) -> VerifyReport {
    let mut report = VerifyReport {
        segments: view.parts.len() as u64,
        commits: view.sequence(),
        ..VerifyReport::default()
    };
    report.findings.extend(view.manifest_fault.take());
    let Some(snapshot) = view.snapshot.take() else { return report };
    let mut matcher = Matcher::new(shared, &snapshot);
    for part in &view.parts {
        matcher.begin_segment(part.slot);
        report.bytes += part.end.bytes;
        let read = read_part(part, &view.manifest.store, options, &mut matcher);
        matcher.end_segment();
        report.findings.extend(read.err());
    }
    report.documents = matcher.read_unmatched(&mut report.findings);
    report
}

/// Reads one segment of a view into `sink`.
pub(super) fn read_part(
    part: &Part,
    store: &str,
    options: &JsonDbOptions,
    sink: &mut impl Sink,
) -> Result<()> {
    let reader = Reader::begin(&*part.file, part.name, store, part.commits, options)?;
    reader.read_all(sink)?.expect_end(part.name, &part.end)
}
